//! The sample of test tokens.

use analysis::testkit::{self, Encoding};
use axum::http::StatusCode;
use backend::{Scope, TokenKind};
use serde_json::{Value, json};

use crate::support::TestApp;

const STORED: &str = include_str!("../../../../backend/src/sample/report.json");

/// Twelve seconds of something like music, the same every time.
fn audio() -> Vec<u8> {
    testkit::wav(44_100, &testkit::music(44_100, 12.0, 3), Encoding::Int16)
}

/// `UPDATE_SAMPLE=1 cargo test -p server --test http sample` writes it.
#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_a_report_of_this_engine() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let uploaded = ann.upload("sample.wav", audio()).await;
    app.run_jobs().await;
    let file: Value = ann
        .get(&format!("/analyses/{}/report.json", uploaded.analysis))
        .await
        .json();
    let measured = &file["report"];
    if std::env::var_os("UPDATE_SAMPLE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../backend/src/sample/report.json");
        std::fs::write(path, measured.to_string() + "\n").unwrap();
        return;
    }
    let stored: Value = serde_json::from_str(STORED).unwrap();
    let hint = "run UPDATE_SAMPLE=1 cargo test -p server --test http sample";
    for member in ["/version", "/engine", "/file/sample_rate_hz", "/file/duration_s"] {
        assert_eq!(
            stored.pointer(member),
            measured.pointer(member),
            "{member}: {hint}"
        );
    }
    for member in ["/loudness/integrated_lufs/value", "/peaks/true_peak_dbtp/value"] {
        let value = |report: &Value| report.pointer(member).and_then(Value::as_f64);
        let (stored, measured) = (value(&stored).unwrap(), value(measured).unwrap());
        assert!(
            (stored - measured).abs() < 0.05,
            "{member} {stored} {measured}: {hint}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_token_reads_the_sample_on_every_plan_and_nothing_of_its_owners() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let uploaded = ann.upload("mine.wav", audio()).await;
    app.run_jobs().await;
    let program = app.program(&ann, TokenKind::Test, &Scope::ALL).await;
    let sample = json!({ "upload": "sample" });
    let made = program.post("/api/v1/analyses", "k", sample.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let analysis: Value = made.json();
    assert_eq!(analysis["state"], "done");
    let again = program.post("/api/v1/analyses", "k", sample.clone()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    for address in ["report_url", "verdict_url"] {
        let address = analysis[address].as_str().unwrap().trim_start_matches(&app.url);
        assert_eq!(program.get(address).await.status, StatusCode::OK, "{address}");
    }
    let list: Value = program.get("/api/v1/analyses").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["title"], "Sample");
    let mine = format!("/api/v1/analyses/{}", uploaded.analysis);
    assert_eq!(program.get(&mine).await.problem(), (404, "not_found".to_owned()));
    let begun = program
        .post(
            "/api/v1/uploads",
            "u",
            json!({ "file_name": "a.wav", "size_bytes": 9 }),
        )
        .await;
    assert_eq!(begun.problem(), (403, "forbidden".to_owned()));
    assert_eq!(
        program.get("/api/v1/songs").await.problem(),
        (403, "forbidden".to_owned())
    );

    app.on_studio("ann@example.org").await;
    let live = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
    assert_eq!(
        live.post("/api/v1/analyses", "l", sample).await.problem(),
        (422, "invalid".to_owned())
    );
}
