//! How often somebody may ask, and what a plan allows, when they ask at the same time.

use axum::http::{Method, StatusCode};
use backend::db::sql;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Database, TestApp, mix, on_both_databases, put, sign_up_form};

#[tokio::test(flavor = "multi_thread")]
async fn sign_ups_are_limited_by_the_address_that_our_own_proxy_saw() {
    let settings = [("trusted_hops", "1"), ("limits.sign_ups_per_hour", "3")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let sign_up = async |forwarded: &str| {
        let person = app.anon();
        let token = person.csrf_token().await;
        let mut form = sign_up_form("ann@example.org").to_vec();
        form.push(("csrf", &token));
        let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-for", forwarded)];
        person.post_raw("/signup", &form, &headers).await
    };
    for number in 0..3 {
        // What stands left of our proxy's entry was made up by the browser and changes nothing.
        assert_eq!(
            sign_up(&format!("10.0.0.{number}, 203.0.113.9")).await.status,
            StatusCode::SEE_OTHER
        );
    }
    let refused = sign_up("10.0.0.99, 203.0.113.9").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 60);
    assert!(
        refused.text().contains("That was often in a short time"),
        "it is a page"
    );
    assert_eq!(
        sign_up("203.0.113.10").await.status,
        StatusCode::SEE_OTHER,
        "others go on"
    );
    app.run_jobs().await;
    let stored = app.everything_stored().await;
    assert!(
        !stored.contains("203.0.113"),
        "p11: no address of a device is stored"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_processes_allows_its_share() {
    let settings = [
        ("trusted_hops", "1"),
        ("limits.sign_ups_per_hour", "8"),
        ("limits.web_processes", "3"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let person = app.anon();
        let token = person.csrf_token().await;
        let form = [("email", "ann@example.org"), ("csrf", token.as_str())];
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        seen.push(
            person
                .post_raw("/signin/forgot", &form, &headers)
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(seen, [303, 303, 303, 429]);
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_to_upload_are_limited_by_account() {
    let settings = [("limits.uploads_per_hour", "2")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let (ann, bob) = (
        app.signed_up("ann@example.org").await,
        app.signed_up("bob@example.org").await,
    );
    ann.begin("1.wav", 1000).await;
    ann.begin("2.wav", 1000).await;
    let file = serde_json::json!({ "file": { "file_name": "3.wav", "size_bytes": 1000 } });
    let refused = ann.call("/fn/uploads/begin", file).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json::<serde_json::Value>()["code"], "rate_limited");
    bob.begin("1.wav", 1000).await;
}

on_both_databases! {
    async fn the_last_analysis_of_a_month_is_given_once_to_those_who_ask_at_the_same_time(database) {
        let settings = [("plans.free.analyses_per_month", "1")];
        let app = TestApp::set_up(database, &settings, |_| {}).await;
        let user = app.signed_up("ann@example.org").await;
        let bytes = mix();
        let mut uploads = Vec::new();
        for number in 0..4 {
            let presigned = user.begin(&format!("{number}.wav"), bytes.len()).await;
            assert_eq!(put(&presigned, bytes.clone()).await.status, StatusCode::OK);
            uploads.push(presigned);
        }
        let complete = async |at: usize| {
            user.call("/fn/uploads/complete", serde_json::json!({ "upload": uploads[at].upload })).await.status
        };
        let (a, b, c, d) = tokio::join!(complete(0), complete(1), complete(2), complete(3));
        let mut seen = [a, b, c, d];
        seen.sort();
        assert_eq!(seen, [StatusCode::OK, StatusCode::PAYMENT_REQUIRED, StatusCode::PAYMENT_REQUIRED, StatusCode::PAYMENT_REQUIRED]);
        let db = &app.backend.db;
        assert_eq!(db.one::<(i64,)>(sql("SELECT analyses FROM usage")).await.unwrap(), (1,), "what was refused is not counted");
        assert_eq!(db.one::<(i64,)>(sql("SELECT COUNT(*) FROM analysis")).await.unwrap(), (1,));
        assert_eq!(db.one::<(i64,)>(sql("SELECT COUNT(*) FROM job WHERE kind = 'analyse_upload'")).await.unwrap(), (1,));
        app.run_jobs().await;
    }
}

on_both_databases! {
    async fn what_cannot_be_measured_costs_nothing_of_the_month(database) {
        let settings = [("plans.free.analyses_per_month", "1")];
        let app = TestApp::set_up(database, &settings, |_| {}).await;
        let user = app.signed_up("ann@example.org").await;
        let used = async || app.backend.db.one::<(i64,)>(sql("SELECT CAST(COALESCE(SUM(analyses), 0) AS BIGINT) FROM usage")).await.unwrap().0;
        // Seen by its first bytes, then by the engine.
        user.upload("text.wav", b"This is a text and no audio at all.".to_vec()).await;
        assert_eq!(used().await, 0);
        let mut silent = mix();
        silent[44..].fill(0);
        user.upload("silent.wav", silent).await;
        assert_eq!(used().await, 1, "taken while it is measured");
        app.run_jobs().await;
        assert_eq!(used().await, 0, "and given back");
        assert!(user.get("/upload").await.text().contains("1 of 1 left this month"));
        user.upload("mix.wav", mix()).await;
        app.run_jobs().await;
        assert_eq!(used().await, 1);
        assert!(user.get("/upload").await.text().contains("0 of 1 left this month"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_not_limited() {
    let settings = [("limits.writes_per_minute", "1")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let anon = app.anon();
    for _ in 0..5 {
        assert_eq!(
            anon.send(Method::GET, "/terms", &[], Vec::new()).await.status,
            StatusCode::OK
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_that_are_refused_are_counted_too() {
    let settings = [("trusted_hops", "1"), ("limits.requests_per_minute", "4")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let anon = app.anon();
    let from = |address| [("x-forwarded-for", address)];
    for _ in 0..2 {
        let read = anon
            .send(Method::GET, "/terms", &from("203.0.113.9"), Vec::new())
            .await;
        assert_eq!(read.status, StatusCode::OK);
        let forged = anon
            .send(Method::POST, "/signout", &from("203.0.113.9"), Vec::new())
            .await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
    }
    let refused = anon
        .send(Method::GET, "/terms", &from("203.0.113.9"), Vec::new())
        .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.text().contains("<main"), "it is a page");
    let other = anon
        .send(Method::GET, "/terms", &from("203.0.113.10"), Vec::new())
        .await;
    assert_eq!(other.status, StatusCode::OK, "others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_given_up() {
    let settings = [("limits.body_seconds", "1")];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let address = app.url.strip_prefix("http://").unwrap();
    for path in ["/signin", "/fn/uploads/begin", "/email/unsubscribe"] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\nconnection: close\r\n\r\nemail="
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
    }
}
