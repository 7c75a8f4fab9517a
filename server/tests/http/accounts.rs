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

/// A second click, while the answer to the first is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_link_that_is_used_again_says_that_it_worked_and_opens_nothing() {
    let app = TestApp::init().await;
    let (first, second) = (app.anon(), app.anon());
    first.post("/signup", &sign_up_form("ann@example.org")).await;
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Confirm your address").await;
    let confirmed = first.post("/signup/confirm", &[("token", &token)]).await;
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
    app.run_jobs().await;
    for person in [&first, &second] {
        let again = person.post("/signup/confirm", &[("token", &token)]).await;
        assert_eq!(again.header("location"), "/signin?done=confirmed");
    }
    assert!(!second.has_cookie("__Host-session"));
    assert!(
        second
            .get("/signin?done=confirmed")
            .await
            .text()
            .contains("Your address is confirmed")
    );
    let count = app.texts("SELECT id FROM account").await.len();
    assert_eq!(
        (count, app.times_emailed("ann@example.org", "Welcome").await),
        (1, 1)
    );
    let made_up = second.post("/signup/confirm", &[("token", &token[1..])]).await;
    assert_eq!(made_up.status, StatusCode::NOT_FOUND);
}

/// The link shows who reads the mailbox; the password may be that of a stranger who signed up with the address.
#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_first_with_an_address_does_not_choose_its_password() {
    let app = TestApp::init().await;
    let (thief, owner) = (app.anon(), app.anon());
    let mut form = sign_up_form("ann@example.org");
    form[2].1 = "violet-harbour-3-saddle-comet";
    thief.post("/signup", &form).await;
    app.run_jobs().await;
    let of_thief = app.token_to("ann@example.org", "Confirm your address").await;
    app.clock.advance(std::time::Duration::from_secs(1));
    owner.post("/signup", &sign_up_form("ann@example.org")).await;
    app.run_jobs().await;

    let page = owner
        .get(&format!("/signup/confirm?token={of_thief}"))
        .await
        .text();
    assert!(page.contains("name=\"password\""), "{page}");
    let unasked = owner.post("/signup/confirm", &[("token", &of_thief)]).await;
    let own = owner
        .post("/signup/confirm", &[("token", &of_thief), ("password", PASSWORD)])
        .await;
    for refused in [unasked, own] {
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("Sign up again"));
    }
    assert!(app.texts("SELECT id FROM account").await.is_empty());
    assert!(!owner.has_cookie("__Host-session"));

    // Their own link takes one click here, and the password elsewhere.
    let of_owner = app.token_to("ann@example.org", "Confirm your address").await;
    assert_ne!(of_owner, of_thief);
    let page = owner
        .get(&format!("/signup/confirm?token={of_owner}"))
        .await
        .text();
    assert!(
        !page.contains("name=\"password\"") && page.contains("One click"),
        "{page}"
    );
    let elsewhere = app.anon();
    let page = elsewhere
        .get(&format!("/signup/confirm?token={of_owner}"))
        .await
        .text();
    assert!(page.contains("name=\"password\""), "{page}");
    let refused = elsewhere.post("/signup/confirm", &[("token", &of_owner)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let confirmed = elsewhere
        .post("/signup/confirm", &[("token", &of_owner), ("password", PASSWORD)])
        .await;
    assert_eq!(confirmed.header("location"), "/upload");
    app.run_jobs().await;
    let late = thief.post("/signup/confirm", &[("token", &of_thief)]).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND, "the address has its account");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_sign_up_cannot_be_guessed_by_its_link() {
    let app = TestApp::init().await;
    app.anon().post("/signup", &sign_up_form("ann@example.org")).await;
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Confirm your address").await;
    let reader = app.anon();
    let mut seen = Vec::new();
    for _ in 0..6 {
        let form = [("token", token.as_str()), ("password", "a guess of many")];
        seen.push(reader.post("/signup/confirm", &form).await.status.as_u16());
    }
    assert_eq!(seen, [422, 422, 422, 422, 422, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_taken_as_mail_servers_take_it_or_refused_at_once() {
    let app = TestApp::init().await;
    for refused in [
        "jörg@example.org",
        "\"a b\"@example.org",
        "ann@[127.0.0.1]",
        "mi\u{212a}e@example.org",
    ] {
        let answer = app.anon().post("/signup", &sign_up_form(refused)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert!(answer.text().contains("field-email-error"), "{refused}");
    }
    assert!(app.texts("SELECT email FROM sign_up").await.is_empty());
    let person = app.anon();
    person.post("/signup", &sign_up_form("ann@bücher.example")).await;
    app.run_jobs().await;
    let token = app
        .token_to("ann@xn--bcher-kva.example", "Confirm your address")
        .await;
    person.post("/signup/confirm", &[("token", &token)]).await;
    app.run_jobs().await;
    for typed in ["Ann@Bücher.example", "ann@xn--bcher-kva.example"] {
        let form = [("email", typed), ("password", PASSWORD)];
        assert_eq!(
            app.anon().post("/signin", &form).await.status,
            StatusCode::SEE_OTHER,
            "{typed}"
        );
    }
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
