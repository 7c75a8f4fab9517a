//! The API against its own description, by a program of others that makes up requests (schemathesis).

use std::process::Command;

use backend::{Scope, TokenKind};

use crate::support::{Database, TestApp, mix};

/// A value that the schema lets pass may be refused for what it means (a title of spaces, an id of nothing), with 422.
const SETTINGS: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]
"#;

/// `make api-conformance` brings schemathesis and runs this; it takes minutes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes, and a program of others: make api-conformance"]
async fn schemathesis_finds_nothing_that_the_description_does_not_say() {
    let settings = [
        ("limits.api_requests_per_minute", "1000000"),
        ("limits.writes_per_minute", "1000000"),
        ("limits.requests_per_minute", "1000000"),
        ("limits.uploads_per_hour", "1000000"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let (app, _anon, ann) = app.with_user().await;
    app.on_studio("ann@example.org").await;
    let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
    app.program_with(&token).analyse(&app, "Mine.wav", mix()).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), SETTINGS).unwrap();
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/schemathesis/bin/schemathesis"
    );
    let mut command = Command::new(program);
    command
        .current_dir(folder.path())
        .args(["run", &format!("{}/api/v1/openapi.json", app.url)])
        .args(["--header", &format!("Authorization:Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "20", "--seed", "1", "--request-timeout", "90"])
        .args(["--continue-on-failure", "--no-color"]);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    // What it made and deleted has work left.
    app.run_jobs().await;
}
