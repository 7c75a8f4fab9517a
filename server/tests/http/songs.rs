//! The history as a tool, and songs: searching, paging, grouping versions, what changed between them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use backend::db::sql;
use model::AnalysisId;

use crate::support::{Person, TestApp, mix};

/// The titles on a page of the history, in order.
async fn titles(person: &Person, address: &str) -> Vec<String> {
    let page = person.get(address).await;
    assert_eq!(page.status, StatusCode::OK, "{address}: {}", page.text());
    let text = page.text();
    text.split("class=\"list__title\"")
        .skip(1)
        .filter_map(|cell| cell.split("href=\"/analyses/").nth(1))
        .filter_map(|link| link.split('>').nth(1)?.split('<').next())
        .map(str::to_owned)
        .collect()
}

/// The address behind a link of these words.
fn link(page: &str, words: &str) -> Option<String> {
    let before = page
        .split(&format!(">{words}</a>"))
        .next()
        .filter(|before| before.len() < page.len())?;
    let address = before.rsplit("href=\"").next()?.split('"').next()?;
    Some(address.replace("&amp;", "&"))
}

/// Uploads a mix a second later than the one before, as people do: ids sort by time.
async fn uploaded(app: &TestApp, person: &Person, name: &str) -> AnalysisId {
    app.clock.advance(Duration::from_secs(1));
    person.upload(name, mix()).await.analysis
}

async fn group(person: &Person, song: &str, analyses: &[AnalysisId]) -> String {
    let ids: Vec<String> = analyses.iter().map(ToString::to_string).collect();
    let mut fields = vec![("song", song)];
    fields.extend(ids.iter().map(|id| ("analysis", id.as_str())));
    let answer = person.post("/songs", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.header("location").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_searched_filtered_and_sorted_by_its_address() {
    let (app, _, user) = TestApp::init().await.with_user().await;
    let first = uploaded(&app, &user, "Ström 10.wav").await;
    uploaded(&app, &user, "Ström 9.wav").await;
    app.run_jobs().await;
    app.clock.advance(Duration::from_secs(1));
    user.upload(
        "notes 100%_.wav",
        b"This is no audio at all, but text. ".repeat(9),
    )
    .await;
    app.run_jobs().await;
    assert_eq!(
        titles(&user, "/history").await,
        ["notes 100%_", "Ström 9", "Ström 10"]
    );
    assert_eq!(
        titles(&user, "/history?order=oldest").await,
        ["Ström 10", "Ström 9", "notes 100%_"]
    );
    assert_eq!(
        titles(&user, "/history?order=title").await,
        ["notes 100%_", "Ström 9", "Ström 10"]
    );
    // What has no score comes last in both directions.
    for order in ["best", "worst", "loudest", "quietest"] {
        assert_eq!(
            titles(&user, &format!("/history?order={order}"))
                .await
                .last()
                .map(String::as_str),
            Some("notes 100%_")
        );
    }
    assert_eq!(titles(&user, "/history?q=STR%C3%96M").await.len(), 2);
    assert_eq!(titles(&user, "/history?q=strom+10").await, ["Ström 10"]);
    assert_eq!(titles(&user, "/history?q=100%25_").await, ["notes 100%_"]);
    assert_eq!(titles(&user, "/history?q=%25").await.len(), 1);
    assert_eq!(titles(&user, "/history?state=failed").await, ["notes 100%_"]);
    assert_eq!(titles(&user, "/history?state=done&q=9").await, ["Ström 9"]);
    assert_eq!(
        titles(&user, "/history?state=&stage=&q=&order=newest")
            .await
            .len(),
        3
    );

    // The choices stay, and can be taken back one by one.
    let page = user
        .get("/history?q=str%C3%B6m&state=done&order=best")
        .await
        .text();
    assert!(page.contains("value=\"ström\""), "the words are kept");
    assert!(
        page.contains("<option value=\"done\" selected"),
        "the state is kept"
    );
    assert!(
        page.contains("href=\"/history?q=str%C3%B6m&amp;order=best\""),
        "the state can be taken back"
    );
    let nothing = user.get("/history?q=nowhere").await.text();
    assert!(nothing.contains("No matches") && nothing.contains("Show everything"));

    let id = first.to_string();
    user.post(&format!("/analyses/{id}/rename"), &[("title", "Überfahrt")])
        .await;
    assert_eq!(titles(&user, "/history?q=uberfahrt").await, ["Überfahrt"]);
    assert_eq!(titles(&user, "/history?q=%C3%BCBERFAHRT").await, ["Überfahrt"]);
    // Still found by its file.
    assert_eq!(titles(&user, "/history?q=str%C3%B6m+10").await, ["Überfahrt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_address_says_wrongly_is_said_plainly() {
    let (_app, _, user) = TestApp::init().await.with_user().await;
    for (address, words) in [
        ("/history?order=random", "“order”"),
        ("/history?state=lost", "“state”"),
        ("/history?after=nonsense", "There is no such page in this order"),
        ("/history?before=0193", "There is no such page in this order"),
        ("/history?q=a+b+c+d+e+f+g", "at most 6 words"),
    ] {
        let page = user.get(address).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
        assert!(page.text().contains(words), "{address}: {}", page.text());
        assert!(
            page.text().contains("<h1>History</h1>"),
            "{address}: the tools are there"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_history_keep_what_was_asked_for() {
    let (app, _, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("Okapi.wav", mix()).await;
    app.run_jobs().await;
    copies(&app, uploaded.analysis, 59).await;
    let mut seen = Vec::new();
    let mut address = "/history?q=okapi&order=best".to_owned();
    let mut pages = Vec::new();
    loop {
        pages.push(address.clone());
        seen.extend(titles(&user, &address).await);
        let page = user.get(&address).await.text();
        match link(&page, "Next") {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(pages.len(), 3);
    assert!(
        pages
            .iter()
            .all(|page| page.starts_with("/history?q=okapi&order=best")),
        "{pages:?}"
    );
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 60, "each row once");
    let last = user.get(pages.last().unwrap()).await.text();
    let back = link(&last, "Previous").unwrap();
    assert_eq!(titles(&user, &back).await, titles(&user, &pages[1]).await);
    let first = link(&user.get(&back).await.text(), "Previous").unwrap();
    assert_eq!(titles(&user, &first).await, titles(&user, &pages[0]).await);
    assert_eq!(link(&last, "First page").unwrap(), "/history?q=okapi&order=best");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_grouped_compared_and_taken_apart() {
    let (app, _, user) = TestApp::init().await.with_user().await;
    let mut versions = Vec::new();
    for name in [
        "Night Drive v1.wav",
        "night_drive_v2.wav",
        "Night Drive v3 (Master).wav",
    ] {
        versions.push(uploaded(&app, &user, name).await);
        app.run_jobs().await;
    }
    let [first, second, third]: [AnalysisId; 3] = versions.try_into().unwrap();

    // The report suggests what the names and lengths say, and one button does it.
    let report = user.get(&format!("/analyses/{third}")).await.text();
    assert!(
        report.contains("Looks like a version of") && report.contains("<strong>Night Drive</strong>"),
        "it is suggested"
    );
    let accepted = user
        .post(&format!("/analyses/{third}/song"), &[("answer", "accept")])
        .await;
    assert_eq!(accepted.header("location"), format!("/analyses/{third}"));
    let report = user.get(&format!("/analyses/{third}")).await.text();
    assert!(report.contains("Version 3 of "), "all three came together");
    assert!(
        report.contains(">version 2</a>") && report.contains("nothing changed"),
        "the step from the version before is said"
    );
    assert!(!report.contains("Looks like a version of"));

    let song = app.texts("SELECT id FROM song").await.remove(0);
    let page = user.get(&format!("/songs/{song}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(
        text.contains("Version 3 against version 2") && text.contains("The same score"),
        "the newest two are compared"
    );
    assert!(
        text.contains("id=\"score-path\""),
        "the path of the score is drawn"
    );
    let chosen = user
        .get(&format!("/songs/{song}?before={third}&after={first}"))
        .await
        .text();
    assert!(chosen.contains("Version 1 against version 3"));
    assert_eq!(titles(&user, "/history?q=drive").await.len(), 3);
    assert_eq!(titles(&user, &format!("/history?song={song}")).await.len(), 3);
    assert_eq!(titles(&user, "/history?song=none").await.len(), 0);

    // Another title is found at once.
    user.post(&format!("/songs/{song}/rename"), &[("song", "Nachtfahrt")])
        .await;
    assert_eq!(titles(&user, "/history?q=nachtfahrt").await.len(), 3);
    let empty = user
        .post(&format!("/songs/{song}/rename"), &[("song", " ")])
        .await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text().contains("Name the song."));

    // One is moved into a song of its own, one is taken out, and the song goes with its last version.
    let moved = user
        .post(&format!("/analyses/{second}/song"), &[("song", "Zebra")])
        .await;
    assert_eq!(moved.status, StatusCode::SEE_OTHER);
    assert_eq!(
        app.texts("SELECT title FROM song ORDER BY title").await,
        ["Nachtfahrt", "Zebra"]
    );
    let out = user
        .post(
            &format!("/analyses/{second}/song"),
            &[("answer", "leave"), ("back", "song")],
        )
        .await;
    assert_eq!(out.header("location"), "/songs");
    assert_eq!(app.texts("SELECT title FROM song").await, ["Nachtfahrt"]);
    let report = user.get(&format!("/analyses/{second}")).await.text();
    assert!(
        !report.contains("Looks like a version of"),
        "what was taken out is not suggested again"
    );
    user.post(&format!("/analyses/{first}/delete"), &[]).await;
    app.run_jobs().await;
    let report = user.get(&format!("/analyses/{third}")).await.text();
    assert!(
        report.contains("Version 1 of "),
        "versions are counted among those that there are"
    );
    user.post(&format!("/analyses/{third}/delete"), &[]).await;
    app.run_jobs().await;
    assert!(
        app.texts("SELECT title FROM song").await.is_empty(),
        "a song without versions goes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suggestion_that_was_declined_does_not_come_back() {
    let (app, _, user) = TestApp::init().await.with_user().await;
    let first = uploaded(&app, &user, "Okapi v1.wav").await;
    let second = uploaded(&app, &user, "Okapi v2.wav").await;
    app.run_jobs().await;
    let asks = async |id: AnalysisId| {
        user.get(&format!("/analyses/{id}"))
            .await
            .text()
            .contains("Looks like a version of")
    };
    assert!(asks(first).await && asks(second).await);
    let declined = user
        .post(&format!("/analyses/{second}/song"), &[("answer", "decline")])
        .await;
    assert_eq!(declined.status, StatusCode::SEE_OTHER);
    assert!(!asks(second).await, "for this analysis");
    assert!(asks(first).await, "and no other");
    let late = user
        .post(&format!("/analyses/{second}/song"), &[("answer", "accept")])
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    // A song that is there is joined by its name, whatever its case.
    group(&user, "Okapi", &[first]).await;
    group(&user, "OKAPI", &[second]).await;
    assert_eq!(app.texts("SELECT title FROM song").await, ["Okapi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_grouped_is_refused_with_what_to_do() {
    let (app, _, user) = TestApp::init().await.with_user().await;
    let good = user.upload("Okapi.wav", mix()).await.analysis.to_string();
    let bad = user
        .upload("text.wav", b"This is no audio at all, but text. ".repeat(9))
        .await
        .analysis
        .to_string();
    let reference = user
        .upload_reference("Reference.wav", mix())
        .await
        .analysis
        .to_string();
    app.run_jobs().await;
    for (fields, status, words) in [
        (vec![("song", "Okapi")], 422, "Choose at least one version."),
        (vec![("analysis", good.as_str())], 422, "Name the song."),
        (
            vec![
                ("song", "Okapi"),
                ("analysis", good.as_str()),
                ("analysis", bad.as_str()),
            ],
            409,
            "could not be measured",
        ),
        (
            vec![("song", "Okapi"), ("analysis", reference.as_str())],
            404,
            "analysis",
        ),
        (vec![("song", "Okapi"), ("analysis", "x")], 404, "analysis"),
    ] {
        let answer = user.post("/songs", &fields).await;
        assert_eq!(answer.status.as_u16(), status, "{fields:?}");
        assert!(answer.text().contains(words), "{fields:?}: {}", answer.text());
    }
    assert!(
        app.texts("SELECT id FROM song").await.is_empty(),
        "nothing is half done"
    );
    let kept = user
        .post(
            "/songs",
            &[("song", "Okapi"), ("back", "/history?q=okapi&select=1")],
        )
        .await
        .text();
    assert!(
        kept.contains("value=\"Okapi\"")
            && kept.contains("value=\"okapi\"")
            && kept.contains("name=\"analysis\""),
        "the page is as it was"
    );
    let foreign = user
        .post(
            "/songs",
            &[("song", "Okapi"), ("back", "https://evil.example/history")],
        )
        .await;
    assert!(foreign.text().contains("<h1>History</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_song_is_not_found() {
    let (app, _, ann) = TestApp::init().await.with_user().await;
    let bob = app.signed_up("bob@example.org").await;
    let hers = ann.upload("Okapi v1.wav", mix()).await.analysis;
    let his = bob.upload("Okapi v2.wav", mix()).await.analysis;
    app.run_jobs().await;
    let song = group(&ann, "Okapi", &[hers]).await;
    assert_eq!(bob.get(&song).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        bob.post(&format!("{song}/rename"), &[("song", "Mine")])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bob.post(&format!("{song}/delete"), &[]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bob.post(&format!("/analyses/{hers}/song"), &[("song", "Okapi")])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bob.post(&format!("/analyses/{hers}/song"), &[("answer", "leave")])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bob.post(&format!("/analyses/{hers}/song"), &[("answer", "decline")])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bob.post("/songs", &[("song", "Okapi"), ("analysis", &hers.to_string())])
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        ann.get(&format!("{song}?before={his}&after={hers}")).await.status,
        StatusCode::NOT_FOUND
    );
    // The same name is two songs of two people, and nobody is told of the other.
    let other = group(&bob, "Okapi", &[his]).await;
    assert_ne!(song, other);
    assert!(!bob.get("/songs").await.text().contains(&song));
    assert_eq!(titles(&ann, "/history").await, ["Okapi v1"]);
    assert_eq!(ann.get(&song).await.status, StatusCode::OK);
    // Without the token of the page nothing is grouped (P22).
    for path in [
        "/songs".to_owned(),
        format!("{song}/delete"),
        format!("{song}/rename"),
        format!("/analyses/{hers}/song"),
    ] {
        let forged = ann
            .post_raw(&path, &[("song", "Forged")], &[("sec-fetch-site", "same-origin")])
            .await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(
        ann.send(Method::GET, &song, &[], Vec::new()).await.status,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_older_program_are_made_by_its_successor() {
    let (app, _, user) = TestApp::init().await.with_user().await;
    user.upload("Ström 10.wav", mix()).await;
    app.run_jobs().await;
    let before = app
        .texts("SELECT title_key || search_key || base_title FROM analysis")
        .await;
    app.backend
        .db
        .execute(sql(
            "UPDATE analysis SET title_key = '', search_key = '', base_title = ''",
        ))
        .await
        .unwrap();
    assert_eq!(titles(&user, "/history?q=strom").await.len(), 0);
    app.run_periodic_work().await;
    assert_eq!(titles(&user, "/history?q=strom").await, ["Ström 10"]);
    assert_eq!(
        app.texts("SELECT title_key || search_key || base_title FROM analysis")
            .await,
        before
    );
}

/// The analysis so many times more, each with a title of its own.
async fn copies(app: &TestApp, id: AnalysisId, count: u32) {
    const UPLOAD: &str = "
        INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at)
        SELECT $2, account_id, kind, 'removed', file_name, size_bytes, media_type, created_at FROM upload
        WHERE id = (SELECT upload_id FROM analysis WHERE id = $1)";
    const ANALYSIS: &str = "
        INSERT INTO analysis (id, account_id, upload_id, title, title_key, search_key, state, phase, percent, created_at, score_tenths, stage)
        SELECT $2, account_id, $2, $3, $3, $3, state, phase, percent, created_at, $4, stage FROM analysis WHERE id = $1";
    for number in 1..=count {
        let copy = AnalysisId(app.backend.new_id());
        app.backend
            .db
            .execute(sql(UPLOAD).bind(id).bind(copy))
            .await
            .unwrap();
        let insert = sql(ANALYSIS)
            .bind(id)
            .bind(copy)
            .bind(format!("okapi {number}"))
            .bind(i64::from(900 + number % 7));
        app.backend.db.execute(insert).await.unwrap();
    }
}
