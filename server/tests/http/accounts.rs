//! Sign-up, confirmation, sign-in and sign-out, by the plain forms.

use axum::http::StatusCode;

use crate::support::{PASSWORD, TestApp, sign_up_form};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_up_confirms_signs_out_and_signs_in() {
    let app = TestApp::init().await;
    let person = app.anon();
    let sent = person.post("/signup", &sign_up_form("ann@example.org")).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, "/signup/sent")
    );
    assert!(
        !person.has_cookie("__Host-session"),
        "an address that is not confirmed opens nothing"
    );
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Confirm your address").await;
    let confirmed = person.post("/signup/confirm", &[("token", &token)]).await;
    assert_eq!(
        (confirmed.status, confirmed.header("location")),
        (StatusCode::SEE_OTHER, "/upload")
    );
    app.run_jobs().await;
    assert_eq!(person.get("/history").await.status, StatusCode::OK);

    let out = person.post("/signout", &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(out.header("clear-site-data").contains("storage"));
    assert!(!person.has_cookie("__Host-session"));
    assert_eq!(person.get("/history").await.status, StatusCode::SEE_OTHER);

    let form = [
        ("email", "Ann@Example.org"),
        ("password", PASSWORD),
        ("next", "/history"),
    ];
    let back = person.post("/signin", &form).await;
    assert_eq!(
        (back.status, back.header("location")),
        (StatusCode::SEE_OTHER, "/history")
    );
    assert_eq!(person.get("/history").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_is_answered_like_an_unknown_one() {
    let (app, anon, _user) = TestApp::init().await.with_user().await;
    let known = anon.post("/signup", &sign_up_form("ann@example.org")).await;
    let unknown = anon.post("/signup", &sign_up_form("bob@example.org")).await;
    assert_eq!(known.status, unknown.status);
    assert_eq!(known.header("location"), unknown.header("location"));
    assert_eq!(known.body, unknown.body);
    app.run_jobs().await;

    let wrong = anon
        .post(
            "/signin",
            &[("email", "ann@example.org"), ("password", "not the password")],
        )
        .await;
    let nobody = anon
        .post(
            "/signin",
            &[("email", "zoe@example.org"), ("password", "not the password")],
        )
        .await;
    assert_eq!(wrong.status, nobody.status);
    assert!(wrong.status.is_client_error());
    assert_eq!(visible(&wrong.text(), "ann"), visible(&nobody.text(), "zoe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_its_values_but_never_the_password() {
    let app = TestApp::init().await;
    let mut form = sign_up_form("ann@example.org");
    form[2].1 = "tooshort";
    let refused = app.anon().post("/signup", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("ann@example.org"));
    assert!(!refused.text().contains("tooshort"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_link_works_once() {
    let app = TestApp::init().await;
    let (first, second) = (app.anon(), app.anon());
    first.post("/signup", &sign_up_form("ann@example.org")).await;
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Confirm your address").await;
    assert_eq!(
        first.post("/signup/confirm", &[("token", &token)]).await.status,
        StatusCode::SEE_OTHER
    );
    app.run_jobs().await;
    assert!(
        second
            .post("/signup/confirm", &[("token", &token)])
            .await
            .status
            .is_client_error()
    );
    assert!(!second.has_cookie("__Host-session"));
}

/// The main part of a page, without what differs from visit to visit.
fn visible(page: &str, name: &str) -> String {
    let main = page.split("<main").nth(1).unwrap_or_default();
    let main = main
        .split("</main>")
        .next()
        .unwrap_or_default()
        .replace(name, "NAME");
    // The hidden CSRF field has a fresh salt every time.
    main.split("<input")
        .filter(|input| !input.contains("name=\"csrf\""))
        .collect()
}
