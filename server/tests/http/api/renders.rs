//! Renders for programs: planned, made, waited for, proved, fetched.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{fits, program, schema_of};
use crate::{
    renders::faulty,
    support::{TestApp, fetch},
};

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_program_plans_a_render_makes_it_reads_its_proof_and_fetches_the_file() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let openapi: Value = app.anon().get("/api/v1/openapi.json").await.json();
    let analysis = program.analyse(&app, "Okapi.wav", faulty()).await;
    let address = format!("/api/v1/analyses/{analysis}");

    let plan: Value = program.get(&format!("{address}/plan")).await.json();
    fits(&schema_of(&openapi, "RenderPlan"), &plan);
    assert!(
        plan["score_expected"].as_f64() > plan["score_before"].as_f64(),
        "{plan}"
    );
    let steps = plan["steps"].as_array().unwrap();
    let balance = steps.iter().find(|step| step["name"] == "balance-1").unwrap();
    assert_eq!(balance["amount"]["unit"], "dB");
    let louder: Value = program
        .get(&format!("{address}/plan?target=level&lufs=-20"))
        .await
        .json();
    assert_eq!(louder["target"], json!({ "kind": "level", "lufs": -20.0 }));

    let wanted = json!({
        "container": "flac", "samples": "int16", "ceiling_dbtp": -2,
        "steps": [{ "name": "balance-1", "is_on": false }],
    });
    let begun = program
        .post(&format!("{address}/renders"), "r", wanted.clone())
        .await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text());
    let made: Value = begun.json();
    fits(&schema_of(&openapi, "Render"), &made);
    let render = begun.header("location").trim_start_matches(&app.url).to_owned();
    assert!(render.ends_with(made["id"].as_str().unwrap()));
    for early in ["proof", "file"] {
        let answer = program.get(&format!("{render}/{early}")).await;
        assert_eq!(answer.problem(), (409, "conflict".to_owned()), "{early}");
    }
    let wait = [("prefer", "wait=50")];
    let (waited, _) = tokio::join!(program.send(Method::GET, &render, &wait, None), app.run_jobs());
    assert_eq!(waited.status, StatusCode::OK);
    let done: Value = waited.json();
    fits(&schema_of(&openapi, "Render"), &done);
    assert_eq!(done["state"], "done");
    assert!(
        done["score_after"].as_f64() >= done["score_before"].as_f64(),
        "{done}"
    );

    let proof: Value = program.get(&format!("{render}/proof")).await.json();
    fits(&schema_of(&openapi, "Proof"), &proof);
    assert_eq!(proof["score_after"], done["score_after"]);
    let offset = proof["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["rule"] == "signal.offset");
    assert_eq!(offset.unwrap()["outcome"], "fixed");
    let recipe: Value = program.get(&format!("{render}/recipe")).await.json();
    fits(
        &app.anon().get("/api/v1/schemas/recipe.json").await.json(),
        &recipe,
    );
    let kinds: Vec<_> = recipe["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].clone())
        .collect();
    assert!(
        kinds.contains(&json!("offset")) && !kinds.contains(&json!("balance")),
        "{kinds:?}"
    );
    let link: Value = program.get(&format!("{render}/file")).await.json();
    fits(&schema_of(&openapi, "Link"), &link);
    let file = fetch(Method::GET, link["url"].as_str().unwrap(), &[], Vec::new()).await;
    assert_eq!(file.body[..4], *b"fLaC");
    assert_eq!(file.body.len() as u64, done["size_bytes"].as_u64().unwrap());

    // Sent again, and asked for again: one render, counted once.
    let again = program
        .post(&format!("{address}/renders"), "r", wanted.clone())
        .await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (StatusCode::CREATED, "true")
    );
    let same = program.post(&format!("{address}/renders"), "r2", wanted).await;
    assert_eq!(same.json::<Value>()["id"], made["id"]);
    let list: Value = program.get(&format!("{address}/renders")).await.json();
    fits(&schema_of(&openapi, "RenderPage"), &list);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let plan: Value = program.get(&format!("{address}/plan")).await.json();
    assert_eq!(plan["renders"]["used"], 1);

    let deleted = program.send(Method::DELETE, &render, &[], None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(
        program.get(&render).await.problem(),
        (404, "not_found".to_owned())
    );
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_that_makes_no_sense_is_refused_at_its_member_and_costs_nothing() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let analysis = program.analyse(&app, "Okapi.wav", faulty()).await;
    let address = format!("/api/v1/analyses/{analysis}/renders");
    for (number, (body, field)) in [
        (json!({ "target": "Napster" }), "target"),
        (json!({ "target": "level" }), "lufs"),
        (json!({ "target": "level", "lufs": 3 }), "lufs"),
        (json!({ "ceiling_dbtp": 1 }), "ceiling_dbtp"),
        (json!({ "container": "mp3" }), "container"),
        (json!({ "container": "flac", "samples": "float32" }), "samples"),
        (
            json!({ "steps": [{ "name": "exciter-1", "is_on": true }] }),
            "steps",
        ),
        (
            json!({ "steps": [{ "name": "balance-9", "amount": 1.0 }] }),
            "steps",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = program.post(&address, &format!("k{number}"), body.clone()).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
        assert_eq!(answer.json::<Value>()["field"], field, "{body}");
    }
    let unknown = program.post(&address, "k", json!({ "loudness": -14 })).await;
    assert_eq!(unknown.problem(), (422, "invalid".to_owned()));
    let list: Value = program.get(&address).await.json();
    assert_eq!(list["data"], json!([]));
    let parameter = program
        .get(&format!("/api/v1/analyses/{analysis}/plan?ceiling=-1"))
        .await;
    assert_eq!(parameter.json::<Value>()["field"], "ceiling");
}
