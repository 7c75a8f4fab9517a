//! Links to reports for programs.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{fits, program, schema_of};
use crate::support::{TestApp, mix};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_shares_a_report_lists_the_link_and_ends_it() {
    let app = TestApp::init().await;
    let program = program(&app).await;
    let anon = app.anon();
    let openapi: Value = anon.get("/api/v1/openapi.json").await.json();
    let analysis = program.analyse(&app, "Okapi.wav", mix()).await;
    let address = format!("/api/v1/analyses/{analysis}/shares");
    let never = program.post(&address, "never", json!({ "days": 10_000 })).await;
    assert_eq!(never.json::<Value>()["field"], "days");

    let made = program.post(&address, "s", json!({ "days": 7 })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let share: Value = made.json();
    fits(&schema_of(&openapi, "Share"), &share);
    assert_eq!(share["includes_audio"], false);
    let again = program.post(&address, "s", json!({ "days": 7 })).await;
    assert_eq!(
        (again.json::<Value>(), again.header("idempotent-replayed")),
        (share.clone(), "true")
    );

    let page = share["url"]
        .as_str()
        .unwrap()
        .trim_start_matches(&app.url)
        .to_owned();
    let opened = anon.get(&page).await;
    assert_eq!(opened.status, StatusCode::OK);
    assert!(opened.text().contains("Okapi"));
    for list in [&*address, "/api/v1/shares"] {
        let list: Value = program.get(list).await.json();
        fits(&schema_of(&openapi, "SharePage"), &list);
        assert_eq!(list["data"], json!([share]));
    }

    let ended = format!("/api/v1/shares/{}", share["id"].as_str().unwrap());
    let ended = program.send(Method::DELETE, &ended, &[], None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(anon.get(&page).await.status, StatusCode::NOT_FOUND);
    let list: Value = program.get("/api/v1/shares").await.json();
    assert_eq!(list["data"], json!([]));
}
