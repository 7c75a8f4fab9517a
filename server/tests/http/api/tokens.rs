//! Tokens, as people make and revoke them.

use std::time::Duration;

use axum::http::StatusCode;
use backend::{Scope, TokenKind, cleanup, db::sql};
use model::plan::Plan;

use crate::support::{Database, TestApp, mix, on_both_databases, program::token_on};

const DAY: Duration = Duration::from_secs(24 * 3600);

on_both_databases! {
    async fn p28_a_token_is_shown_once_and_only_its_hash_is_stored(database) {
        let (app, _anon, ann) = TestApp::on(database).await.with_user().await;
        app.on_studio("ann@example.org").await;
        let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
        assert!(token.starts_with("mlp_") && token.len() == 40);
        let page = ann.get("/account/tokens").await.text();
        assert!(page.contains("Catalogue check") && page.contains(&token[36..]), "{page}");
        assert!(!page.contains(&token[..36]), "no page shows it again");
        let stored = app.everything_stored().await;
        assert!(!stored.contains(&token) && !stored.contains(&token[4..34]), "nor does the database");
        assert!(app.was_emailed("ann@example.org", "An API token was made for your account: “Catalogue check”").await);
        let mails = app.emails_to("ann@example.org", "").await;
        assert!(mails.iter().all(|mail| !mail.text.contains("mlp_")));
        assert!(ann.get("/account/security").await.text().contains("An API token was made"));
        let data = ann.get("/account/privacy").await.text();
        assert!(data.contains("API tokens"));
    }

    async fn a_revoked_token_is_refused_at_once_and_so_is_one_that_has_ended(database) {
        let (app, _anon, ann) = TestApp::on(database).await.with_user().await;
        app.on_studio("ann@example.org").await;
        let first = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
        assert_eq!(first.get("/api/v1/analyses").await.status, StatusCode::OK);
        let page = ann.get("/account/tokens").await.text();
        let (_, rest) = page.split_once("action=\"/account/tokens/").unwrap();
        let id = rest.split('/').next().unwrap().to_owned();
        let stranger = app.signed_up("eve@example.org").await;
        let revoke = format!("/account/tokens/{id}/revoke");
        assert_eq!(stranger.post(&revoke, &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(first.get("/api/v1/analyses").await.status, StatusCode::OK);
        assert_eq!(ann.post(&revoke, &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(first.get("/api/v1/analyses").await.problem(), (401, "unauthenticated".to_owned()));
        assert!(ann.get("/account/security").await.text().contains("An API token was revoked"));

        let second = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
        app.clock.advance(90 * DAY - Duration::from_secs(1));
        assert_eq!(second.get("/api/v1/analyses").await.status, StatusCode::OK);
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(second.get("/api/v1/analyses").await.problem(), (401, "unauthenticated".to_owned()));
        app.clock.advance(31 * DAY);
        cleanup::purge(&app.backend).await.unwrap();
        assert_eq!(app.texts("SELECT id FROM api_token").await, Vec::<String>::new());
        app.run_jobs().await;
    }

    /// What this process remembers of a token lists nothing once another process has ended it.
    async fn a_token_that_ends_elsewhere_lists_nothing_more_here(database) {
        let (app, _anon, ann) = TestApp::on(database).await.with_user().await;
        app.on_studio("ann@example.org").await;
        ann.upload("a.wav", mix()).await;
        app.run_jobs().await;
        let list = "/api/v1/analyses";
        for (end, refused) in [
            ("DELETE FROM api_token", (401, "unauthenticated")),
            ("UPDATE api_token SET expires_at = 1", (401, "unauthenticated")),
            ("UPDATE account SET plan = 'free'", (403, "forbidden")),
            ("UPDATE account SET closed_at = 1", (401, "unauthenticated")),
        ] {
            app.backend.db.execute(sql("UPDATE account SET plan = 'studio', closed_at = NULL")).await.unwrap();
            let program = app.program(&ann, TokenKind::Live, &[Scope::ReadAnalyses]).await;
            for _ in 0..3 {
                let page: serde_json::Value = program.get(list).await.json();
                assert_eq!(page["data"].as_array().unwrap().len(), 1, "{page}");
                let empty: serde_json::Value = program.get("/api/v1/analyses?q=nowhere").await.json();
                assert_eq!(empty["data"], serde_json::json!([]));
                let wrong = program.get("/api/v1/analyses?after=nowhere").await;
                assert_eq!(wrong.problem(), (422, "invalid".to_owned()));
            }
            app.backend.db.execute(sql(end)).await.unwrap();
            for _ in 0..2 {
                let answer = program.get(list).await.problem();
                assert_eq!((answer.0, &*answer.1), refused, "{end}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_token_is_known_by_day() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let program = app.program(&ann, TokenKind::Test, &Scope::ALL).await;
    assert!(ann.get("/account/tokens").await.text().contains("never used"));
    program.get("/api/v1/analyses").await;
    assert!(ann.get("/account/tokens").await.text().contains("last used on"));
    let days: Vec<(i64,)> = app
        .backend
        .db
        .all(sql("SELECT last_used_day FROM api_token"))
        .await
        .unwrap();
    assert_eq!(days[0].0 % 86_400_000, 0, "the first moment of a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_has_its_live_tokens_and_everybody_test_tokens() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let live = [
        ("name", "A"),
        ("kind", "live"),
        ("scope", "analyses:read"),
        ("lifetime", "30"),
    ];
    let refused = ann.post("/account/tokens", &live).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert!(refused.text().contains("Your plan has no live tokens"));
    app.make_token(&ann, TokenKind::Test, &[Scope::ReadAnalyses])
        .await;
    assert!(
        backend::plans::change_by_address(&app.backend, "ann@example.org", Plan::Pro)
            .await
            .unwrap()
            .is_some()
    );
    for _ in 0..2 {
        assert_eq!(ann.post("/account/tokens", &live).await.status, StatusCode::OK);
    }
    let third = ann.post("/account/tokens", &live).await;
    assert_eq!(third.status, StatusCode::PAYMENT_REQUIRED, "Pro has two");
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_takes_a_name_a_scope_and_the_password() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let test = ("kind", "test");
    for (fields, words) in [
        (
            vec![("name", " "), test, ("scope", "analyses:read")],
            "Name the token",
        ),
        (vec![("name", "A"), test], "Choose at least one thing"),
    ] {
        let refused = ann.post("/account/tokens", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains(words), "{words}");
    }
    let unknown = [("name", "A"), test, ("scope", "everything")];
    assert_eq!(
        ann.post("/account/tokens", &unknown).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    app.clock.advance(Duration::from_secs(11 * 60));
    let fields = [("name", "A"), test, ("scope", "analyses:read")];
    let later = ann.post("/account/tokens", &fields).await;
    assert_eq!(later.status, StatusCode::SEE_OTHER);
    assert_eq!(later.header("location"), "/account/confirm?next=/account/tokens");
    assert!(token_on(&later.text()).is_none());
}
