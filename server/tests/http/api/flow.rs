//! The whole way of a program: a token, an upload, a report, and what can be done with it.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{fits, program, schema_of};
use crate::support::{Database, TestApp, mix, on_both_databases};

on_both_databases! {
    async fn a_program_uploads_and_reads_the_report_and_the_verdict(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let anon = app.anon();
        let openapi: Value = anon.get("/api/v1/openapi.json").await.json();
        let id = program.analyse(&app, "My mix.wav", mix()).await;
        let address = format!("/api/v1/analyses/{id}");

        let analysis = program.get(&address).await;
        assert_eq!(analysis.status, StatusCode::OK);
        let body: Value = analysis.json();
        fits(&schema_of(&openapi, "Analysis"), &body);
        assert_eq!((&body["title"], &body["state"]), (&json!("My mix"), &json!("done")));
        assert!(body.get("progress").is_none() && body.get("failure").is_none());

        let report: Value = program.get(&format!("{address}/report")).await.json();
        fits(&anon.get("/api/v1/schemas/report.json").await.json(), &report);
        fits(&schema_of(&openapi, "Report"), &report);
        assert_eq!(report["loudness"]["integrated_lufs"]["value"], body["integrated_lufs"]);
        let verdict: Value = program.get(&format!("{address}/verdict")).await.json();
        fits(&anon.get("/api/v1/schemas/verdict.json").await.json(), &verdict);
        let mut wrong = report;
        wrong["loudness"]["integrated_lufs"] = json!("loud");
        let schema = anon.get("/api/v1/schemas/report.json").await.json();
        assert!(!jsonschema::is_valid(&schema, &wrong), "the schema says something");

        // Unchanged, it is not sent again.
        let tag = analysis.header("etag").to_owned();
        let same = program.send(Method::GET, &address, &[("if-none-match", &tag)], None).await;
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
        let renamed = program.send(Method::PATCH, &address, &[], Some(json!({ "title": "Okapi" }))).await;
        assert_eq!(renamed.json::<Value>()["title"], "Okapi");
        let other = program.send(Method::GET, &address, &[("if-none-match", &tag)], None).await;
        assert_eq!(other.status, StatusCode::OK);

        let judged = program.post(&format!("{address}/verdict"), "judge", json!({ "stage": "master" })).await;
        assert_eq!(judged.status, StatusCode::OK, "{}", judged.text());
        let judged: Value = program.get(&address).await.json();
        assert_eq!(judged["score"]["stage"], "master");
        assert_eq!(judged["score"]["stage_is_chosen"], true);

        let usage: Value = program.get("/api/v1/usage").await.json();
        fits(&schema_of(&openapi, "Usage"), &usage);
        assert_eq!(usage["analyses"]["used"], 1);

        let deleted = program.send(Method::DELETE, &address, &[], None).await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
        assert_eq!(program.get(&address).await.problem(), (404, "not_found".to_owned()));
        app.run_jobs().await;
        assert!(app.stored_files().is_empty(), "the audio is gone, too");
    }

    async fn lists_are_walked_by_their_keys_to_the_end(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let first = program.analyse(&app, "first.wav", mix()).await;
        // Copies of the first, because measuring thirty files would take a minute.
        for number in 0..29 {
            let upload = format!("{number:032x}");
            for copy in [
                "INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at, stored_at, delete_after)
                 SELECT $1, account_id, kind, state, file_name, size_bytes, media_type, created_at, stored_at, delete_after FROM upload WHERE id = (SELECT upload_id FROM analysis WHERE id = $2)",
                "INSERT INTO analysis (id, account_id, upload_id, kind, title, state, phase, percent, created_at, finished_at, title_key, search_key, base_title, duration_s, integrated_lufs)
                 SELECT $1, account_id, $1, kind, title, state, phase, percent, created_at, finished_at, title_key, search_key, base_title, duration_s, integrated_lufs FROM analysis WHERE id = $2",
            ] {
                let copy = backend::db::sql(copy).bind(upload.as_str()).bind(first.as_str());
                app.backend.db.execute(copy).await.unwrap();
            }
        }
        let (mut seen, mut address, mut pages) = (Vec::new(), "/api/v1/analyses?order=oldest".to_owned(), 0);
        loop {
            let page: Value = program.get(&address).await.json();
            let rows = page["data"].as_array().unwrap();
            seen.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            address = format!("/api/v1/analyses?order=oldest&after={next}");
        }
        assert_eq!((seen.len(), pages), (30, 2));
        assert!(seen.is_sorted());
        // Behind the last row there is nothing, and not the first page again.
        app.backend.db.execute(backend::db::sql("DELETE FROM upload WHERE id > $1").bind(format!("{:032x}", 20))).await.unwrap();
        let beyond: Value = program.get(&address).await.json();
        assert_eq!(beyond["data"], json!([]));
        app.run_jobs().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_that_has_not_ended_is_never_half_an_answer() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let bytes = mix();
    let upload: Value = program
        .post(
            "/api/v1/uploads",
            "u",
            json!({ "file_name": "a.wav", "size_bytes": bytes.len() }),
        )
        .await
        .json();
    let named = json!({ "upload": upload["id"] });
    let early = program.post("/api/v1/analyses", "a", named.clone()).await;
    assert_eq!(
        early.problem(),
        (409, "conflict".to_owned()),
        "the bytes have not arrived"
    );
    crate::support::put_json(&upload["put"], bytes).await;
    let begun = program.post("/api/v1/analyses", "a", named).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    assert!(!begun.header("retry-after").is_empty());
    let body: Value = begun.json();
    assert!(begun.header("location").ends_with(body["id"].as_str().unwrap()));
    assert_eq!(body["state"], "queued");
    for member in ["report_url", "verdict_url", "score", "duration_s"] {
        assert!(body.get(member).is_none(), "{member}");
    }
    let address = format!("/api/v1/analyses/{}", body["id"].as_str().unwrap());
    let report = program.get(&format!("{address}/report")).await;
    assert_eq!(report.problem(), (409, "conflict".to_owned()));
    assert!(!report.header("retry-after").is_empty());

    // One waits, one follows, while a worker measures.
    let wait = [("prefer", "wait=50")];
    let events = format!("{address}/events");
    let (waited, followed, _) = tokio::join!(
        program.send(Method::GET, &address, &wait, None),
        program.get(&events),
        app.run_jobs(),
    );
    assert_eq!(waited.status, StatusCode::OK);
    assert_eq!(waited.header("preference-applied"), "wait=50");
    assert_eq!(waited.json::<Value>()["state"], "done");
    assert_eq!(followed.header("content-type"), "text/event-stream");
    let told: Vec<Value> = followed
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(told.last().unwrap()["state"], "done");
    let openapi: Value = app.anon().get("/api/v1/openapi.json").await.json();
    for event in &told {
        fits(&schema_of(&openapi, "ProgressEvent"), event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_compares_with_references_and_groups_versions() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let openapi: Value = app.anon().get("/api/v1/openapi.json").await.json();
    let mine = program.analyse(&app, "mine.wav", mix()).await;
    let other = program.analyse(&app, "other.wav", mix()).await;
    let address = format!("/api/v1/analyses/{mine}/comparison");
    let none: Value = program.get(&address).await.json();
    assert_eq!(none, json!({ "with": [] }));
    let compared = program
        .send(Method::PUT, &address, &[], Some(json!({ "with": [other] })))
        .await;
    assert_eq!(compared.status, StatusCode::OK, "{}", compared.text());
    let compared: Value = compared.json();
    fits(&schema_of(&openapi, "ReferenceComparison"), &compared);
    assert_eq!(compared["with"][0]["id"], other.as_str());
    let itself = program
        .send(Method::PUT, &address, &[], Some(json!({ "with": [mine] })))
        .await;
    assert_eq!(itself.problem(), (422, "invalid".to_owned()));
    assert_eq!(itself.json::<Value>()["field"], "with");
    let references: Value = program.get("/api/v1/references").await.json();
    assert_eq!(references["data"], json!([]));

    let song = program
        .post(
            "/api/v1/songs",
            "s",
            json!({ "song": "Okapi", "analysis": [mine, other] }),
        )
        .await;
    assert_eq!(song.status, StatusCode::CREATED);
    let song: Value = song.json();
    fits(&schema_of(&openapi, "SongWithVersions"), &song);
    assert_eq!(song["versions"].as_array().unwrap().len(), 2);
    let list: Value = program.get("/api/v1/songs").await.json();
    fits(&schema_of(&openapi, "SongPage"), &list);
    let analyses = format!("/api/v1/analyses?song={}", song["id"].as_str().unwrap());
    let listed: Value = program.get(&analyses).await.json();
    fits(&schema_of(&openapi, "AnalysisPage"), &listed);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}
