//! A POST is done once, however often it is sent.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind, db::sql};
use serde_json::{Value, json};

use crate::support::{Database, TestApp, on_both_databases, program::Program};

const UPLOADS: &str = "/api/v1/uploads";

async fn program(app: &TestApp) -> Program {
    let ann = app.signed_up("ann@example.org").await;
    app.on_studio("ann@example.org").await;
    app.program(&ann, TokenKind::Live, &Scope::ALL).await
}

fn file(name: &str) -> Value {
    json!({ "file_name": name, "size_bytes": 1000 })
}

async fn uploads(app: &TestApp) -> usize {
    app.texts("SELECT id FROM upload").await.len()
}

on_both_databases! {
    async fn a_request_that_is_sent_again_is_answered_from_what_the_first_one_made(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let first = program.post(UPLOADS, "\"a-key\"", file("a.wav")).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
        assert_eq!(first.header("idempotent-replayed"), "");
        // With and without the quotes of a structured string it is the same key.
        let again = program.post(UPLOADS, "a-key", file("a.wav")).await;
        assert_eq!(again.status, StatusCode::CREATED);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.json::<Value>()["id"], first.json::<Value>()["id"]);
        assert_eq!(uploads(&app).await, 1);
        let other = program.post(UPLOADS, "a-key", file("b.wav")).await;
        assert_eq!(other.problem(), (422, "key_reused".to_owned()));
        app.clock.advance(Duration::from_secs(24 * 3600 + 1));
        let later = program.post(UPLOADS, "a-key", file("b.wav")).await;
        assert_eq!(later.status, StatusCode::CREATED, "after a day the key is free");
        app.run_jobs().await;
    }

    async fn of_two_at_once_one_is_done(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let (one, other) = tokio::join!(
            program.post(UPLOADS, "k", file("a.wav")),
            program.post(UPLOADS, "k", file("a.wav")),
        );
        assert_eq!(uploads(&app).await, 1);
        let (done, second) = if one.status == StatusCode::CREATED { (one, other) } else { (other, one) };
        assert_eq!(done.status, StatusCode::CREATED);
        if second.status == StatusCode::CREATED {
            assert_eq!(second.json::<Value>()["id"], done.json::<Value>()["id"]);
        } else {
            assert_eq!(second.problem(), (409, "key_in_use".to_owned()));
            assert!(!second.header("retry-after").is_empty());
        }
        let third = program.post(UPLOADS, "k", file("a.wav")).await;
        assert_eq!(third.header("idempotent-replayed"), "true");
    }

    async fn a_request_that_was_cut_off_is_taken_over_after_a_minute(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        program.post(UPLOADS, "k", file("a.wav")).await;
        // As a process leaves it that is killed between the claim and the work.
        app.backend.db.execute(sql("DELETE FROM upload")).await.unwrap();
        app.backend.db.execute(sql("UPDATE idempotency_key SET resource = NULL")).await.unwrap();
        let waiting = program.post(UPLOADS, "k", file("a.wav")).await;
        assert_eq!(waiting.problem(), (409, "key_in_use".to_owned()));
        app.clock.advance(Duration::from_secs(61));
        let done = program.post(UPLOADS, "k", file("a.wav")).await;
        assert_eq!(done.status, StatusCode::CREATED);
        assert_eq!(done.header("idempotent-replayed"), "", "it was done now");
        assert_eq!(uploads(&app).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_takes_a_key_that_can_be_read() {
    let app = TestApp::on(Database::Sqlite).await;
    let program = program(&app).await;
    let none = program
        .send(Method::POST, UPLOADS, &[], Some(file("a.wav")))
        .await;
    assert_eq!(none.problem(), (400, "key_missing".to_owned()));
    for key in ["", "\"\"", "two words", &"k".repeat(256)] {
        assert_eq!(
            program.post(UPLOADS, key, file("a.wav")).await.problem(),
            (400, "key_missing".to_owned()),
            "{key}"
        );
    }
    let two = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let two = program
        .send(Method::POST, UPLOADS, &two, Some(file("a.wav")))
        .await;
    assert_eq!(two.problem(), (400, "key_missing".to_owned()));
    assert_eq!(uploads(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_refused_leaves_its_key_free() {
    let app = TestApp::on(Database::Sqlite).await;
    let program = program(&app).await;
    let refused = program.post(UPLOADS, "k", file("a.txt")).await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    let done = program.post(UPLOADS, "k", file("a.wav")).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text());
}
