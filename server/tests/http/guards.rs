//! What stands in front of every handler: CSRF, headers, limits, request ids.

use axum::http::{Method, StatusCode};
use backend::db::sql;

use crate::support::{Database, TestApp, mix, on_both_databases};

const PAGES: [&str; 8] = [
    "/",
    "/signup",
    "/signup/sent",
    "/signup/confirm?token=x",
    "/signin",
    "/terms",
    "/privacy",
    "/nowhere",
];

#[tokio::test(flavor = "multi_thread")]
async fn p22_a_write_without_the_token_or_from_another_site_changes_nothing() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let token = user.csrf_token().await;
    let good = [("csrf", token.as_str())];
    for (why, fields, headers) in [
        ("no token", &[][..], &[("sec-fetch-site", "same-origin")][..]),
        (
            "a made-up token",
            &[("csrf", "a.b")][..],
            &[("sec-fetch-site", "same-origin")][..],
        ),
        ("another site", &good[..], &[("sec-fetch-site", "cross-site")][..]),
        (
            "a sibling site",
            &good[..],
            &[("sec-fetch-site", "same-site")][..],
        ),
        (
            "another origin",
            &good[..],
            &[("origin", "https://evil.example")][..],
        ),
        ("no word about the sender", &good[..], &[][..]),
    ] {
        let refused = user.post_raw("/signout", fields, headers).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{why}");
        assert_eq!(
            user.get("/history").await.status,
            StatusCode::OK,
            "still signed in after {why}"
        );
    }
    let body = br#"{"file":{"file_name":"a.wav","size_bytes":1000}}"#.to_vec();
    let headers = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    let refused = user.send(Method::POST, "/fn/uploads/begin", &headers, body).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "server functions are no way around"
    );
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn p22_the_token_of_one_person_is_no_good_to_another() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let stolen = anon.csrf_token().await;
    let headers = [("sec-fetch-site", "same-origin")];
    let refused = user.post_raw("/signout", &[("csrf", &stolen)], &headers).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_the_security_headers_and_a_fresh_nonce() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    for person in [&anon, &user] {
        for path in PAGES.iter().chain(&["/upload", "/history"]) {
            let page = person.get(path).await;
            let policy = page.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert!(!policy.contains("unsafe-inline"), "{path}: {policy}");
            assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(page.header("cross-origin-opener-policy"), "same-origin", "{path}");
            assert!(!page.header("referrer-policy").is_empty(), "{path}");
            assert!(!page.header("permissions-policy").is_empty(), "{path}");
            assert_eq!(page.header("cache-control"), "no-store", "{path}");
            let nonce = policy
                .split("'nonce-")
                .nth(1)
                .and_then(|rest| rest.split('\'').next());
            let again = anon.get(path).await;
            let nonce = nonce.unwrap_or_else(|| panic!("{path} has no nonce: {policy}"));
            assert!(
                !again.header("content-security-policy").contains(nonce),
                "{path}: the nonce is used twice"
            );
        }
    }
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn p21_a_visitor_is_given_the_csrf_cookie_and_no_other() {
    let app = TestApp::init().await;
    let page = app.anon().get("/").await;
    let cookies: Vec<_> = page.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 1);
    let cookie = cookies[0].to_str().unwrap();
    assert!(cookie.starts_with("__Host-csrf="));
    for word in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(word), "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_there_is_404_and_a_wrong_method_is_405() {
    let app = TestApp::init().await;
    let anon = app.anon();
    let missing = anon.get("/nowhere").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text().contains("<main"), "it is a page");
    assert_eq!(
        anon.post("/terms", &[]).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(anon.get("/fn/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused() {
    let app = TestApp::init().await;
    let anon = app.anon();
    let large = "x".repeat(70_000);
    assert_eq!(
        anon.post("/signup", &[("email", &large)]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_of_ours() {
    let app = TestApp::init().await;
    let anon = app.anon();
    let sent = anon
        .send(Method::GET, "/", &[("x-request-id", "mine")], Vec::new())
        .await;
    let (first, second) = (sent.header("x-request-id"), anon.get("/healthz").await);
    assert_eq!(first.len(), 32);
    assert_ne!(first, second.header("x-request-id"));
}

on_both_databases! {
    async fn a_process_is_ready_while_it_can_write_and_says_how_long_work_waits(database) {
        let (app, anon, user) = TestApp::on(database).await.with_user().await;
        assert_eq!(anon.get("/readyz").await.text(), "ready\noldest work waits 0 s\n");
        user.upload("a.wav", mix()).await;
        app.clock.advance(std::time::Duration::from_secs(90));
        let waiting = anon.get("/readyz").await;
        assert_eq!((waiting.status, waiting.text().as_str()), (StatusCode::OK, "ready\noldest work waits 90 s\n"));
        app.run_jobs().await;
        assert_eq!(anon.get("/readyz").await.text(), "ready\noldest work waits 0 s\n");
        app.backend.db.execute(sql("ALTER TABLE cron RENAME TO away")).await.unwrap();
        let broken = anon.get("/readyz").await;
        assert_eq!(broken.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(broken.text(), "the database cannot be written to\n");
        assert_eq!(anon.get("/healthz").await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_process_is_alive_but_not_ready() {
    let app = TestApp::init().await;
    let anon = app.anon();
    assert_eq!(anon.get("/readyz").await.status, StatusCode::OK);
    app.readiness.refuse();
    assert_eq!(anon.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(anon.get("/healthz").await.status, StatusCode::OK);
}
