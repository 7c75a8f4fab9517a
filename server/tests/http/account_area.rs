//! What a person changes of their account, the ways back into it, and its sessions.

use std::time::Duration;

use axum::http::StatusCode;
use backend::{actor, db::sql};

use crate::support::{PASSWORD, Person, TestApp};

const NEW_PASSWORD: &str = "violet-harbour-3-saddle-comet";

impl TestApp {
    /// Another browser of somebody who has an account.
    pub async fn signed_in(&self, email: &str, password: &str) -> Person {
        let person = self.anon();
        let form = [("email", email), ("password", password)];
        let answer = person.post("/signin", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        person
    }
}

async fn is_signed_in(person: &Person) -> bool {
    person.get("/history").await.status == StatusCode::OK
}

async fn can_sign_in(app: &TestApp, email: &str, password: &str) -> bool {
    let form = [("email", email), ("password", password)];
    app.anon().post("/signin", &form).await.status == StatusCode::SEE_OTHER
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_name_is_changed_and_seen_everywhere() {
    let (_app, _anon, user) = TestApp::init().await.with_user().await;
    let changed = user
        .post("/account/name", &[("display_name", " Anna <b>Miller</b> ")])
        .await;
    assert_eq!(changed.header("location"), "/account?done=name");
    let page = user.get("/account?done=name").await.text();
    assert!(page.contains("Anna &lt;b&gt;Miller"), "{page}");
    assert!(page.contains("Your name is changed"));
    let refused = user.post("/account/name", &[("display_name", "a\r\nb")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("field-display_name-error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_new_address_is_confirmed_there_and_the_old_one_notified() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let asked = user.post("/account/email", &[("email", "New@Example.net")]).await;
    assert_eq!(asked.header("location"), "/account?done=email");
    app.run_jobs().await;
    assert!(
        user.get("/account").await.text().contains("New@Example.net"),
        "it says that it waits"
    );
    assert!(
        can_sign_in(&app, "ann@example.org", PASSWORD).await,
        "nothing is changed yet"
    );
    assert!(!can_sign_in(&app, "new@example.net", PASSWORD).await);

    let token = app.token_to("New@Example.net", "Confirm your new address").await;
    let page = anon.get(&format!("/account/email/confirm?token={token}")).await;
    assert!(
        page.text().contains("Confirm the new address"),
        "opening the link changes nothing"
    );
    assert!(!can_sign_in(&app, "new@example.net", PASSWORD).await);
    let confirmed = anon.post("/account/email/confirm", &[("token", &token)]).await;
    assert_eq!(confirmed.header("location"), "/signin?done=address");
    app.run_jobs().await;
    assert!(can_sign_in(&app, "new@example.net", PASSWORD).await);
    assert!(!can_sign_in(&app, "ann@example.org", PASSWORD).await);
    let reported = app
        .email_to(
            "ann@example.org",
            "The address of your MixLens account was changed",
        )
        .await;
    assert!(
        !reported.text.to_lowercase().contains("new@example.net"),
        "the old one does not learn the new one"
    );

    let again = anon.post("/account/email/confirm", &[("token", &token)]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "the link works once");
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_an_address_of_another_account_is_never_taken_and_not_betrayed() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    app.signed_up("bob@example.org").await;
    let taken = user.post("/account/email", &[("email", "bob@example.org")]).await;
    assert_eq!(
        taken.header("location"),
        "/account?done=email",
        "answered like any other"
    );
    app.run_jobs().await;
    let email = app
        .email_to("bob@example.org", "This address has a MixLens account")
        .await;
    assert!(!email.text.contains("token="));

    // Two ask for the same free address: the first to confirm has it.
    let carl = app.signed_up("carl@example.org").await;
    for person in [&user, &carl] {
        app.clock.advance(Duration::from_secs(1));
        person
            .post("/account/email", &[("email", "free@example.org")])
            .await;
        app.run_jobs().await;
    }
    let emails = app
        .emails_to("free@example.org", "Confirm your new address")
        .await;
    assert_eq!(emails.len(), 2);
    let answers = [
        carl.post(
            "/account/email/confirm",
            &[("token", &crate::support::token_of(&emails[0].text))],
        )
        .await,
        user.post(
            "/account/email/confirm",
            &[("token", &crate::support::token_of(&emails[1].text))],
        )
        .await,
    ];
    app.run_jobs().await;
    assert_eq!(answers.map(|answer| answer.status.as_u16()), [303, 404]);
    assert!(can_sign_in(&app, "ann@example.org", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_new_password_signs_out_the_other_browsers_and_the_owner_is_notified() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let other = app.signed_in("ann@example.org", PASSWORD).await;
    let before = user.cookie("__Host-session");
    for (current, new, field) in [
        ("wrong wrong wrong", NEW_PASSWORD, "current"),
        (PASSWORD, "short", "password"),
    ] {
        let refused = user
            .post("/account/password", &[("current", current), ("password", new)])
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains(&format!("field-{field}-error")));
        assert!(!refused.text().contains(PASSWORD) && !refused.text().contains(NEW_PASSWORD));
    }
    assert!(is_signed_in(&other).await);
    let changed = user
        .post(
            "/account/password",
            &[("current", PASSWORD), ("password", NEW_PASSWORD)],
        )
        .await;
    assert_eq!(changed.header("location"), "/account/security?done=password");
    app.run_jobs().await;
    assert!(is_signed_in(&user).await && !is_signed_in(&other).await);
    assert_ne!(user.cookie("__Host-session"), before, "the token is a new one");
    assert!(can_sign_in(&app, "ann@example.org", NEW_PASSWORD).await);
    assert!(!can_sign_in(&app, "ann@example.org", PASSWORD).await);
    assert_eq!(
        app.emails_to("ann@example.org", "Your MixLens password was changed")
            .await
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_answered_alike_and_only_the_owner_is_emailed() {
    let (app, anon, _user) = TestApp::init().await.with_user().await;
    let known = anon.post("/signin/forgot", &[("email", "Ann@example.org")]).await;
    let unknown = anon.post("/signin/forgot", &[("email", "zoe@example.org")]).await;
    assert_eq!(
        (known.status, known.header("location")),
        (StatusCode::SEE_OTHER, "/signin/forgot/sent")
    );
    assert_eq!(
        (unknown.status, unknown.header("location")),
        (known.status, known.header("location"))
    );
    assert_eq!(known.body, unknown.body);
    let rows = app.texts("SELECT subject_hash FROM password_reset").await;
    assert_eq!(rows.len(), 2, "as much is written for both");
    let jobs = app
        .texts("SELECT payload FROM job WHERE kind = 'send_notification' AND state = 'queued'")
        .await;
    assert_eq!(jobs.len(), 2);
    app.run_jobs().await;
    assert_eq!(
        app.emails_to("ann@example.org", "Choose a new password")
            .await
            .len(),
        1
    );
    assert!(app.emails_to("zoe@example.org", "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_works_once_ends_every_session_and_signs_nobody_in() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Choose a new password").await;
    let kept = app.texts("SELECT token_hash FROM password_reset").await.concat();
    assert!(
        !kept.contains(&token) && kept.len() == 64,
        "the database has its hash: {kept}"
    );

    let refused = anon
        .post("/signin/reset", &[("token", &token), ("password", "short")])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = anon
        .post("/signin/reset", &[("token", &token), ("password", NEW_PASSWORD)])
        .await;
    assert_eq!(
        done.header("location"),
        "/signin?done=reset",
        "a refused password does not use up the link"
    );
    app.run_jobs().await;
    assert!(!anon.has_cookie("__Host-session"));
    assert!(!is_signed_in(&user).await);
    assert_eq!(
        app.emails_to("ann@example.org", "Your MixLens password was changed")
            .await
            .len(),
        1
    );
    assert!(can_sign_in(&app, "ann@example.org", NEW_PASSWORD).await);
    let again = anon
        .post("/signin/reset", &[("token", &token), ("password", PASSWORD)])
        .await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(can_sign_in(&app, "ann@example.org", NEW_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_with_its_hour_and_with_another_password() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
    app.run_jobs().await;
    let late = app.token_to("ann@example.org", "Choose a new password").await;
    app.clock.advance(Duration::from_secs(3600));
    let answer = anon
        .post("/signin/reset", &[("token", &late), ("password", NEW_PASSWORD)])
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);

    anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
    app.run_jobs().await;
    let overtaken = app.token_to("ann@example.org", "Choose a new password").await;
    assert_ne!(late, overtaken);
    user.post(
        "/account/password",
        &[("current", PASSWORD), ("password", NEW_PASSWORD)],
    )
    .await;
    app.run_jobs().await;
    let answer = anon
        .post("/signin/reset", &[("token", &overtaken), ("password", PASSWORD)])
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    app.run_periodic_work().await;
    assert!(
        app.texts("SELECT id FROM password_reset").await.is_empty(),
        "nothing of it is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_sessions_are_listed_and_ended_and_nothing_is_known_of_the_browser() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let stranger = app.signed_up("bob@example.org").await;
    app.clock.advance(Duration::from_secs(3 * 3600));
    let second = app.signed_in("ann@example.org", PASSWORD).await;
    let third = app.signed_in("ann@example.org", PASSWORD).await;
    let page = third.get("/account/security").await.text();
    assert_eq!(page.matches("sessions__row").count(), 3);
    assert_eq!(page.matches("This browser").count(), 1);
    assert!(page.contains("last used 3"), "{page}");
    let ids: Vec<&str> = page
        .split("action=\"/account/sessions/")
        .skip(1)
        .filter_map(|rest| rest.split_once("/end\"").map(|(id, _)| id))
        .filter(|id| id.len() == 32)
        .collect();
    assert_eq!(ids.len(), 2, "it does not offer to end itself: {ids:?}");
    // The newest first: the second browser, then the first.
    let path = format!("/account/sessions/{}/end", ids[0]);
    assert_eq!(stranger.post(&path, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(is_signed_in(&second).await);
    let first_or_second = third.post(&path, &[]).await;
    assert_eq!(
        first_or_second.header("location"),
        "/account/security?done=session"
    );
    assert!(!is_signed_in(&second).await && is_signed_in(&user).await);
    third.post("/account/sessions/end-others", &[]).await;
    assert!(!is_signed_in(&user).await && is_signed_in(&third).await && is_signed_in(&stranger).await);

    let columns = app
        .backend
        .db
        .all::<Columns>(sql("SELECT * FROM session"))
        .await
        .unwrap();
    assert_eq!(columns.len(), 2);
    assert!(columns.iter().all(|row| row.0
        == [
            "id",
            "account_id",
            "token_hash",
            "created_at",
            "last_seen_at",
            "confirmed_at"
        ]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_asks_for_the_password_again() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    app.clock.advance(actor::RECENT + Duration::from_secs(1));
    for (form, page) in [
        ("/account/email", "/account"),
        ("/account/second-factor/begin", "/account/security"),
        ("/account/second-factor/off", "/account/security"),
        ("/account/second-factor/codes", "/account/security"),
        ("/account/second-factor/confirm", "/account/second-factor"),
    ] {
        let asked = user.post(form, &[("email", "new@example.net")]).await;
        assert_eq!(
            asked.header("location"),
            format!("/account/confirm?next={page}"),
            "{form}"
        );
    }
    app.run_jobs().await;
    assert!(app.emails_to("new@example.net", "").await.is_empty());
    let page = user.get("/account").await.text();
    assert!(!page.contains("name=\"email\""), "the form is not offered");

    let wrong = user
        .post(
            "/account/confirm",
            &[("password", "wrong wrong wrong"), ("next", "/account")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("value=\"/account\""), "it still leads back");
    let before = user.cookie("__Host-session");
    let right = user
        .post(
            "/account/confirm",
            &[("password", PASSWORD), ("next", "//evil.example")],
        )
        .await;
    assert_eq!(right.header("location"), "/upload", "to pages of ours only");
    assert_ne!(user.cookie("__Host-session"), before, "the token is a new one");
    let allowed = user.post("/account/email", &[("email", "new@example.net")]).await;
    assert_eq!(allowed.header("location"), "/account?done=email");
    app.run_jobs().await;
    assert_eq!(app.emails_to("new@example.net", "Confirm").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded_with_emails() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    for _ in 0..5 {
        app.clock.advance(Duration::from_secs(1));
        let answer = anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
        assert_eq!(
            answer.header("location"),
            "/signin/forgot/sent",
            "the answer stays the same"
        );
    }
    for (number, status) in [(1, 303), (2, 303), (3, 303), (4, 429)] {
        let answer = user
            .post(
                "/account/email",
                &[("email", &format!("new{number}@example.net"))],
            )
            .await;
        assert_eq!(answer.status.as_u16(), status);
    }
    app.run_jobs().await;
    assert_eq!(
        app.emails_to("ann@example.org", "Choose a new password")
            .await
            .len(),
        3
    );
    assert!(
        app.emails_to("new1@example.net", "").await.is_empty(),
        "a later request replaces it"
    );
    assert_eq!(app.emails_to("new3@example.net", "Confirm").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_present_password_is_slowed_down() {
    let (_app, _anon, user) = TestApp::init().await.with_user().await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let form = [("password", "wrong wrong wrong")];
        seen.push(user.post("/account/confirm", &form).await.status.as_u16());
    }
    assert_eq!(seen, [422, 422, 422, 422, 422, 429]);
}

/// The names of a row's columns.
struct Columns(Vec<String>);

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for Columns {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        use sqlx::Column as _;
        Ok(Self(
            row.columns()
                .iter()
                .map(|column| column.name().to_owned())
                .collect(),
        ))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_moment_are_not_more_than_guesses_in_turn() {
    let (_app, anon, _user) = TestApp::init().await.with_user().await;
    let form = [("email", "ann@example.org"), ("password", "wrong wrong wrong")];
    let tries = (0..12).map(|_| anon.post("/signin", &form));
    let answers = futures::future::join_all(tries).await;
    let counted = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(counted.count(), 5);
}
