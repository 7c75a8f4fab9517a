//! What stands in front of every handler: CSRF, headers, limits, request ids.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use backend::db::sql;
use tower::ServiceExt as _;

use crate::support::{Database, Person, TestApp, log_so_far, mix, on_both_databases, sign_up_form};

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
        "functions are no way around"
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
    for word in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(word), "{cookie}");
    }
}

/// A browser that restores a window loads several pages at once, each without the seed.
#[tokio::test(flavor = "multi_thread")]
async fn p22_pages_that_are_loaded_at_once_with_a_session_do_not_refuse_each_other() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let session = format!("__Host-session={}", user.cookie("__Host-session").unwrap());
    let mut tokens = Vec::new();
    let mut seeds = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let tab = app.anon();
        let page = tab
            .send(
                axum::http::Method::GET,
                "/account",
                &[("cookie", &session)],
                Vec::new(),
            )
            .await;
        let text = page.text();
        let (_, rest) = text.split_once("name=\"csrf-token\" content=\"").unwrap();
        tokens.push(rest.split('"').next().unwrap().to_owned());
        seeds.insert(tab.cookie("__Host-csrf").unwrap());
    }
    assert_eq!(seeds.len(), 1, "one for all of them");
    let cookies = format!("{session}; __Host-csrf={}", seeds.first().unwrap());
    for token in &tokens {
        let form = [("display_name", "Anna"), ("csrf", token.as_str())];
        let headers = [("sec-fetch-site", "same-origin"), ("cookie", cookies.as_str())];
        let answer = app.anon().post_raw("/account/name", &form, &headers).await;
        assert_eq!(
            answer.header("location"),
            "/account?done=name",
            "{}",
            answer.text()
        );
    }
    // The seed of one session is good for no other.
    let stranger = app.signed_up("bob@example.org").await;
    let theirs = format!(
        "__Host-session={}; __Host-csrf={}",
        stranger.cookie("__Host-session").unwrap(),
        seeds.first().unwrap()
    );
    let form = [("display_name", "Anna"), ("csrf", tokens[0].as_str())];
    let headers = [("sec-fetch-site", "same-origin"), ("cookie", theirs.as_str())];
    assert_eq!(
        app.anon().post_raw("/account/name", &form, &headers).await.status,
        StatusCode::FORBIDDEN
    );
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

/// Which site it means is then anybody's reading (RFC 9112 3.2).
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_no_host_or_two_is_refused() {
    let app = TestApp::init().await;
    let ask = async |path: &str, hosts: &[&str]| {
        let request = hosts
            .iter()
            .fold(Request::get(path), |request, host| request.header("host", *host));
        let answer = app.router().oneshot(request.body(Body::empty()).unwrap()).await;
        answer.unwrap().status()
    };
    let bucket = format!("/{}/a/b", app.backend.config.storage.bucket);
    for path in ["/", "/healthz", "/signin", "/nowhere", "/dev/mail", &bucket] {
        assert_eq!(ask(path, &[]).await, StatusCode::BAD_REQUEST, "{path}");
        let two = ["mixlens.example", "mixlens.example"];
        assert_eq!(ask(path, &two).await, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(ask("/", &["mixlens.example"]).await, StatusCode::OK);
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
        assert_eq!(anon.get("/readyz").await.text(), waiting.text(), "asked once a second, whoever wants to know");
        app.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(anon.get("/readyz").await.text(), "ready\noldest work waits 0 s\n");
        app.backend.db.execute(sql("ALTER TABLE cron RENAME TO away")).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(1));
        let broken = anon.get("/readyz").await;
        assert_eq!(broken.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(broken.text(), "the database cannot be written to\n");
        assert_eq!(anon.get("/healthz").await.status, StatusCode::OK);
    }
}

/// On SQLite, a write that failed because the disk was full says for a while that the next one will, and nothing is written to know it.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_whether_a_process_is_ready_waits_for_no_writer() {
    let app = TestApp::init().await;
    let writing = app.backend.db.begin().await.unwrap();
    let ready = tokio::time::timeout(std::time::Duration::from_secs(1), async {
        app.anon().get("/readyz").await
    });
    assert_eq!(ready.await.expect("it waits for nobody").status, StatusCode::OK);
    drop(writing);
}

/// Anybody can send one, with places that they make up.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_browsers_are_told_a_few_times_a_minute() {
    let app = TestApp::init().await;
    let anon = app.anon();
    let token = anon.csrf_token().await;
    let log = log_so_far();
    for number in 0..40 {
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "text/plain"),
            ("x-csrf-token", token.as_str()),
        ];
        let body = format!("app/src/islands/made_up_{number}.rs:1:1").into_bytes();
        let answer = anon
            .send(Method::POST, model::paths::BROWSER_FAULT, &headers, body)
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let told = log
        .since()
        .lines()
        .filter(|line| line.contains("made_up_"))
        .count();
    assert_eq!(told, 10);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_process_asks_for_every_connection_to_end() {
    let app = TestApp::init().await;
    let anon = app.anon();
    assert_eq!(anon.get("/terms").await.header("connection"), "");
    app.readiness.refuse();
    let last = anon.get("/terms").await;
    assert_eq!(
        (last.status, last.header("connection")),
        (StatusCode::OK, "close")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_its_storage_is_ready_and_says_so() {
    let settings = [
        ("storage.endpoint", "http://127.0.0.1:9"),
        ("storage.public_endpoint", "http://127.0.0.1:9"),
        ("storage.access_key", "key"),
        ("storage.secret_key", "secret"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let ready = app.anon().get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert!(
        ready.text().ends_with("warning: the storage does not answer\n"),
        "{}",
        ready.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_cannot_be_is_a_page_with_what_was_typed() {
    let app = TestApp::init().await;
    let anon = app.anon();
    for fields in [
        &[("email", "ann@example.org"), ("email", "bob@example.org")][..],
        &[("email", "ann\0@example.org")],
        &[("next", "/%00\0")],
    ] {
        let answer = anon.post("/signin", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(answer.text().contains("<main"), "{fields:?}: {}", answer.text());
        assert!(!answer.text().contains("deserialize"), "{fields:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_refused_gets_a_page_and_a_program_gets_json() {
    let (_app, anon, user) = TestApp::init().await.with_user().await;
    let headers = [("sec-fetch-site", "same-origin")];
    let forged = user.post_raw("/account/name", &[("csrf", "a.b")], &headers).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(forged.text().contains("<main"), "{}", forged.text());
    let report = format!("/analyses/{}/report.html", "0".repeat(32));
    let person = anon
        .send(Method::GET, &report, &[("accept", "text/html")], Vec::new())
        .await;
    assert_eq!(
        (person.status, person.header("location")),
        (StatusCode::SEE_OTHER, format!("/signin?next={report}").as_str())
    );
    let program = anon.get(&report).await;
    assert_eq!(
        (program.status, program.header("content-type")),
        (StatusCode::UNAUTHORIZED, "application/problem+json")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_slash_at_its_end_leads_to_the_one_without_and_never_elsewhere() {
    let app = TestApp::init().await;
    let anon = app.anon();
    for (path, to) in [("/upload/", "/upload"), ("/terms/?a=1", "/terms?a=1")] {
        let answer = anon.get(path).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::PERMANENT_REDIRECT, to)
        );
    }
    assert_eq!(anon.get("//evil.example/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_that_is_missing_is_kept_by_nobody() {
    let app = TestApp::init().await;
    let missing = app.anon().get("/pkg/mixlens.0.wasm").await;
    assert_eq!(
        (missing.status, missing.header("cache-control")),
        (StatusCode::NOT_FOUND, "no-store")
    );
    assert!(missing.header("vary").contains("accept-encoding"));
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_are_none_of_ours_are_the_callers_fault() {
    let (_app, anon, user) = TestApp::init().await.with_user().await;
    for person in [&anon, &user] {
        for path in [
            "/fn/analyses/progress",
            "/fn/analyses/progress?id=1",
            "/fn/analyses/audio?id=%00",
            "/fn/analyses/preview?id[]=1",
        ] {
            assert_eq!(
                person.get(path).await.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path}"
            );
        }
        for body in [
            serde_json::json!({}),
            serde_json::json!([]),
            serde_json::json!({ "file": null }),
            serde_json::json!({ "file": { "file_name": 1, "size_bytes": "x" } }),
            serde_json::json!({ "file": { "file_name": "a.wav", "size_bytes": 1, "kind": "x" } }),
        ] {
            let answer = person.call("/fn/uploads/begin", body.clone()).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
    }
}

on_both_databases! {
    async fn an_address_with_what_no_address_holds_is_no_fault_of_ours(database) {
        let (_app, anon, user) = TestApp::on(database).await.with_user().await;
        for person in [&anon, &user] {
            for path in ["/history?q=%00", "/songs/%0a/rename", "/signin?next=%00", "/%5Cevil.example/"] {
                let answer = person.get(path).await;
                assert!(!answer.status.is_server_error(), "{path}: {}", answer.status);
                assert!(!answer.header("location").contains("evil"), "{path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_words_are_no_markup_on_any_page() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("a.wav", mix()).await;
    app.run_jobs().await;
    let words = "</title><i>x";
    user.post("/account/name", &[("display_name", words)]).await;
    let page = format!("/analyses/{}", uploaded.analysis);
    user.post(&format!("{page}/rename"), &[("title", words)]).await;
    let grouped = user
        .post(
            "/songs",
            &[("song", words), ("analysis", &uploaded.analysis.to_string())],
        )
        .await;
    let song = grouped.header("location").to_owned();
    assert!(song.starts_with("/songs/"), "{}", grouped.text());
    let file = format!("{page}/report.html");
    let paths = crate::authorisation::visited(&uploaded);
    for path in paths.iter().chain([&song, &file]) {
        if path.starts_with("/dev/") {
            continue;
        }
        let answer = user.get(path).await;
        if answer.header("content-type").starts_with("text/html") {
            assert!(!answer.text().contains("<i>x"), "{path}");
        }
    }
    let refused = user
        .post(&format!("{page}/rename"), &[("title", &words.repeat(30))])
        .await;
    assert!(!refused.text().contains("<i>x"), "{}", refused.text());
}

/// Safari over http keeps no secure cookie, and `localhost` is not where links of the storage lead.
#[tokio::test(flavor = "multi_thread")]
async fn development_works_in_every_browser_over_http_and_by_every_name_of_this_machine() {
    const SAFARI: &str =
        "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
    let app = TestApp::init().await;
    let safari = app.anon();
    let page = safari
        .send(Method::GET, "/signup", &[("user-agent", SAFARI)], Vec::new())
        .await;
    let given = page.header("set-cookie");
    assert!(given.starts_with("csrf=") && !given.contains("Secure"), "{given}");
    let text = page.text();
    let (_, rest) = text.split_once("name=\"csrf-token\" content=\"").unwrap();
    let token = rest.split('"').next().unwrap();
    let mut form = sign_up_form("ann@example.org").to_vec();
    form.push(("csrf", token));
    let headers = [("sec-fetch-site", "same-origin"), ("user-agent", SAFARI)];
    let sent = safari.post_raw("/signup", &form, &headers).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    assert!(safari.has_cookie("signup"), "it is known again when it confirms");
    app.run_jobs().await;

    // Another browser that sends no cookie is told so, and not that its page is old.
    let without = app.anon().post_raw("/signup", &form, &headers[..1]).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN);
    assert!(
        without.text().contains("none of our cookies"),
        "{}",
        without.text()
    );

    let port = app.url.rsplit(':').next().unwrap();
    for name in ["localhost", "[::1]"] {
        let url = format!("http://{name}:{port}");
        let elsewhere = Person::in_process(app.router(), &url);
        let led = elsewhere.get("/upload?a=b").await;
        assert_eq!(
            led.header("location"),
            format!("{}/upload?a=b", app.url),
            "{name}"
        );
        assert_eq!(elsewhere.get("/healthz").await.status, StatusCode::OK);
    }
    for name in ["evil.example", "localhost:1"] {
        let other = Person::in_process(app.router(), &format!("http://{name}"));
        assert_eq!(other.get("/signup").await.header("location"), "", "{name}");
    }
}
