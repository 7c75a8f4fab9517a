//! Whoever tries to get in with what is no token, or to reach what is not theirs.

use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind};
use serde_json::{Value, json};

use crate::support::{TestApp, fetch, mix};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_bearer_header_is_taken_for_a_token() {
    let (app, anon, ann) = TestApp::init().await.with_user().await;
    let token = app.make_token(&ann, TokenKind::Test, &Scope::ALL).await;
    let refused = (401, "unauthenticated".to_owned());
    assert_eq!(anon.get("/api/v1/analyses").await.problem(), refused);
    assert_eq!(
        ann.get("/api/v1/analyses").await.problem(),
        refused,
        "a session is none"
    );
    for name in ["token", "access_token", "api_key", "q"] {
        let address = format!("/api/v1/analyses?{name}={token}");
        let answer = anon.get(&address).await;
        assert_eq!(answer.problem(), refused, "{name}");
        assert!(answer.text().contains("revoke this one"));
        // Not even beside the header: it is in a log by now.
        assert_eq!(
            app.program_with(&token).get(&address).await.problem(),
            refused,
            "{name}"
        );
    }
    for value in [
        format!("Basic {token}"),
        token.clone(),
        format!("Bearer {token} x"),
        "Bearer".to_owned(),
    ] {
        let headers = [("authorization", value.as_str())];
        let answer = anon
            .send(Method::GET, "/api/v1/analyses", &headers, Vec::new())
            .await;
        assert_eq!(answer.problem(), refused, "{value}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let answer = app.program_with(&token).get("/api/v1/analyses").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.headers.get("set-cookie").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_wrong_check_asks_no_database() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    let token = app.make_token(&ann, TokenKind::Test, &Scope::ALL).await;
    let mut wrong = token.clone();
    wrong.replace_range(10..11, if &token[10..11] == "a" { "b" } else { "a" });
    app.backend.db.close().await;
    let program = app.program_with(&wrong);
    assert_eq!(
        program.get("/api/v1/analyses").await.problem(),
        (401, "unauthenticated".to_owned())
    );
    let right = app.program_with(&token).get("/api/v1/analyses").await;
    assert!(
        right.status.is_server_error(),
        "a whole one does: {}",
        right.status
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_again_and_before_that_what_is_left() {
    let settings = [("limits.api_requests_per_minute", "3")];
    let app = TestApp::set_up(crate::support::Database::Sqlite, &settings, |_| {}).await;
    let (app, _anon, ann) = app.with_user().await;
    let program = app.program(&ann, TokenKind::Test, &Scope::ALL).await;
    for left in ["2", "1", "0"] {
        let answer = program.get("/api/v1/analyses").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("ratelimit-policy"), "\"requests\";q=3;w=60");
        assert!(
            answer
                .header("ratelimit")
                .starts_with(&format!("\"requests\";r={left};t="))
        );
    }
    let refused = program.get("/api/v1/analyses").await;
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 20);
    assert!(refused.header("ratelimit").starts_with("\"requests\";r=0;"));
    let stranger = app.signed_up("eve@example.org").await;
    let other = app.program(&stranger, TokenKind::Test, &Scope::ALL).await;
    assert_eq!(
        other.get("/api/v1/analyses").await.status,
        StatusCode::OK,
        "another account has its own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_api_nothing_is_a_page() {
    let (app, anon, ann) = TestApp::init().await.with_user().await;
    let program = app.program(&ann, TokenKind::Test, &Scope::ALL).await;
    for path in ["/api/v1", "/api/v1/nothing", "/api/v1/analyses/x/y/z"] {
        assert_eq!(
            anon.get(path).await.problem(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    let wrong_method = program.send(Method::DELETE, "/api/v1/analyses", &[], None).await;
    assert_eq!(wrong_method.problem().0, 405);
    assert!(
        wrong_method.header("allow").contains("POST"),
        "{}",
        wrong_method.header("allow")
    );
    let long = vec![b'x'; 70_000];
    let bearer = format!("Bearer {}", program.token);
    let address = format!("{}/api/v1/analyses", app.url);
    let answer = fetch(Method::POST, &address, &[("authorization", &bearer)], long).await;
    assert_eq!(answer.problem(), (413, "too_large".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_member_too_many_or_a_parameter_that_is_none_is_refused() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    app.on_studio("ann@example.org").await;
    let program = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
    for body in [
        json!({ "upload": "sample", "account": "x" }),
        json!({ "upload": 7 }),
        json!([]),
    ] {
        let answer = program.post("/api/v1/analyses", "k", body).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    }
    for address in [
        "/api/v1/analyses?limit=5",
        "/api/v1/analyses?order=random",
        "/api/v1/analyses?after=x&after=y",
        "/api/v1/analyses?after=nonsense",
        "/api/v1/references?page=2",
        "/api/v1/songs?before=x",
        "/api/v1/analyses?q=%00",
    ] {
        assert_eq!(
            program.get(address).await.problem(),
            (422, "invalid".to_owned()),
            "{address}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_names_its_place_and_what_would_do() {
    let (app, _anon, ann) = TestApp::init().await.with_user().await;
    app.on_studio("ann@example.org").await;
    let program = app.program(&ann, TokenKind::Live, &Scope::ALL).await;
    let id = program.analyse(&app, "a.wav", mix()).await;
    let uploads = "/api/v1/uploads".to_owned();
    let of_analysis = |end: &str| format!("/api/v1/analyses/{id}/{end}");
    for (path, body, field, words) in [
        // A list is no object, even where its values would fit.
        (&uploads, json!(["a.wav", 10, "mix"]), None, "a JSON object"),
        (
            &uploads,
            json!({ "file_name": "a.wav", "size_bytes": "10" }),
            Some("size_bytes"),
            "expected u64",
        ),
        (
            &uploads,
            json!({ "file_name": "a.wav", "size_bytes": 0 }),
            Some("size_bytes"),
            "This file is empty",
        ),
        (
            &uploads,
            json!({ "file_name": "a.wav" }),
            None,
            "missing field `size_bytes`",
        ),
        (
            &of_analysis("renders"),
            json!({ "steps": [{ "name": 1 }] }),
            Some("steps[0].name"),
            "expected a string",
        ),
        (
            &of_analysis("renders"),
            json!({ "target": "x" }),
            Some("target"),
            "; Tidal; ",
        ),
        (
            &of_analysis("shares"),
            json!({ "days": 8 }),
            Some("days"),
            "1, 7, 30, 90",
        ),
    ] {
        let answer = program.post(path, "k", body.clone()).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
        let problem: Value = answer.json();
        assert_eq!(problem["field"].as_str(), field, "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    for (body, words) in [
        ("", "a JSON object"),
        (" {", "EOF"),
        (
            "{ \"file_name\": \"a.wav\", \"size_bytes\": 1 } {}",
            "trailing characters",
        ),
    ] {
        let bearer = format!("Bearer {}", program.token);
        let headers = [("authorization", &*bearer), ("idempotency-key", "k")];
        let answer = fetch(
            Method::POST,
            &format!("{}{uploads}", app.url),
            &headers,
            body.into(),
        )
        .await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{body}");
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    for (address, field) in [
        ("/api/v1/analyses?after=nonsense", "after"),
        ("/api/v1/references?before=x", "before"),
        ("/api/v1/songs?before=x", "before"),
    ] {
        // The second time the token is known, and the list is read another way.
        for _ in 0..2 {
            let problem: Value = program.get(address).await.json();
            assert_eq!(problem["field"], field, "{address}");
            assert_eq!(problem["detail"], "Take the value of `next` of the page before.");
        }
    }
}
