//! What a person changes of their account, the ways back into it, and its sessions.

use std::time::Duration;

use axum::http::StatusCode;
use backend::{actor, db::sql};

use crate::support::{Database, PASSWORD, Person, TestApp, log_so_far};

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
        user.get("/account").await.text().contains("New@example.net"),
        "it says that it waits"
    );
    assert!(
        can_sign_in(&app, "ann@example.org", PASSWORD).await,
        "nothing is changed yet"
    );
    assert!(!can_sign_in(&app, "new@example.net", PASSWORD).await);

    let token = app.token_to("New@example.net", "Confirm your new address").await;
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
    assert_eq!(again.header("location"), "/signin?done=address", "it is in force");
    app.run_jobs().await;
    assert_eq!(
        app.times_emailed("ann@example.org", "address of your MixLens account was changed")
            .await,
        1
    );
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
    let twice = anon
        .post("/signin/reset", &[("token", &token), ("password", NEW_PASSWORD)])
        .await;
    assert_eq!(
        twice.header("location"),
        "/signin?done=reset",
        "a second click says the same"
    );
    let again = anon
        .post("/signin/reset", &[("token", &token), ("password", PASSWORD)])
        .await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    app.run_jobs().await;
    assert_eq!(
        app.times_emailed("ann@example.org", "Your MixLens password was changed")
            .await,
        1
    );
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
            "confirmed_at",
            "former_hash",
            "former_until"
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

/// All people of a test come from one address, which is limited, too.
async fn without_floods() -> TestApp {
    TestApp::set_up(
        Database::Sqlite,
        &[("limits.sign_ins_per_minute", "10000")],
        |_| {},
    )
    .await
}

/// Whoever tries from elsewhere fills the count of the address; the owner is told, and has ways in that strangers cannot close.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_guesses_locks_out_nobody_who_has_been_here() {
    let (app, thief, user) = without_floods().await.with_user().await;
    let guess = [("email", "ann@example.org"), ("password", "wrong wrong wrong")];
    let right = [("email", "ann@example.org"), ("password", PASSWORD)];
    for _ in 0..40 {
        let answer = thief.post("/signin", &guess).await;
        let wait: u64 = answer.header("retry-after").parse().unwrap_or(0);
        app.clock.advance(Duration::from_secs(wait));
    }
    // The last wait may just have ended.
    thief.post("/signin", &guess).await;
    assert_eq!(
        thief.post("/signin", &guess).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    app.run_jobs().await;
    assert_eq!(
        app.times_emailed("ann@example.org", "Wrong passwords for your MixLens account")
            .await,
        1
    );

    // A browser that has never been here waits with the strangers, and is told the way out.
    let new = app.anon();
    let waits = new.post("/signin", &right).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        waits.text().contains("A new password by e-mail"),
        "{}",
        waits.text()
    );

    // What a signed-in person does is theirs, and so is a browser that has signed in before.
    assert_eq!(
        user.post("/account/confirm", &[("password", PASSWORD)])
            .await
            .status,
        StatusCode::SEE_OTHER
    );
    user.post("/signout", &[]).await;
    assert!(user.has_cookie("__Host-known"));
    assert_eq!(user.post("/signin", &right).await.status, StatusCode::SEE_OTHER);
    let form = [("current", PASSWORD), ("password", NEW_PASSWORD)];
    assert_eq!(
        user.post("/account/password", &form).await.status,
        StatusCode::SEE_OTHER
    );

    // The mailbox opens the way for the new browser, whatever the strangers do from then on.
    new.post("/signin/forgot", &[("email", "ann@example.org")]).await;
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Choose a new password").await;
    new.post("/signin/reset", &[("token", &token), ("password", PASSWORD)])
        .await;
    for _ in 0..12 {
        thief.post("/signin", &guess).await;
    }
    assert_eq!(
        thief.post("/signin", &right).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(new.post("/signin", &right).await.status, StatusCode::SEE_OTHER);
    let deletion = [("password", PASSWORD), ("sure", "on")];
    assert_eq!(
        new.post("/account/privacy/delete", &deletion).await.status,
        StatusCode::SEE_OTHER
    );
    app.clock.advance(Duration::from_secs(24 * 3600));
    app.run_jobs().await;
}

/// What a browser shows of its past says whose count a try goes to, and opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_known_browser_is_known_to_its_accounts_alone_and_guesses_no_faster() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let bob = app.signed_up("bob@example.org").await;
    let strangers = [("email", "bob@example.org"), ("password", "wrong wrong wrong")];
    for _ in 0..6 {
        anon.post("/signin", &strangers).await;
    }
    user.post("/signout", &[]).await;
    assert_eq!(
        user.post("/signin", &strangers).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "a stranger to Bob"
    );
    let own = [("email", "ann@example.org"), ("password", "wrong wrong wrong")];
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(user.post("/signin", &own).await.status.as_u16());
    }
    assert_eq!(seen, [422, 422, 422, 422, 422, 429]);
    assert_eq!(
        anon.post("/signin", &own).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the count of others is their own"
    );
    // One browser of two people.
    bob.post("/signout", &[]).await;
    bob.post("/signin", &[("email", "ann@example.org"), ("password", PASSWORD)])
        .await;
    bob.post("/signout", &[]).await;
    let right = [("email", "bob@example.org"), ("password", PASSWORD)];
    assert_eq!(bob.post("/signin", &right).await.status, StatusCode::SEE_OTHER);
}

/// A second click, while the answer to the first is on its way: both carry the session as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_sent_twice_has_worked_and_signs_nobody_out() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let token = user.csrf_token().await;
    let cookies = ["__Host-session", "__Host-csrf"]
        .map(|name| format!("{name}={}", user.cookie(name).unwrap()))
        .join("; ");
    let headers = [("sec-fetch-site", "same-origin"), ("cookie", cookies.as_str())];
    let browser = app.anon();
    let confirm = [("password", PASSWORD), ("csrf", &token)];
    let change = [
        ("current", PASSWORD),
        ("password", NEW_PASSWORD),
        ("csrf", &token),
    ];
    for _ in 0..2 {
        let answer = browser.post_raw("/account/confirm", &confirm, &headers).await;
        assert_eq!(answer.header("location"), "/account", "{}", answer.text());
    }
    for _ in 0..2 {
        let answer = app.anon().post_raw("/account/password", &change, &headers).await;
        assert_eq!(
            answer.header("location"),
            "/account/security?done=password",
            "{}",
            answer.text()
        );
    }
    app.run_jobs().await;
    assert_eq!(
        app.times_emailed("ann@example.org", "Your MixLens password was changed")
            .await,
        1
    );
    app.clock.advance(Duration::from_secs(60));
    let late = app.anon().post_raw("/account/confirm", &confirm, &headers).await;
    assert_ne!(late.header("location"), "/account", "the former token has ended");
}

/// Whoever had the browser for a moment may have asked for an address of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_a_change_of_address_that_waits() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    user.post("/account/email", &[("email", "thief@example.net")])
        .await;
    app.run_jobs().await;
    let token = app
        .token_to("thief@example.net", "Confirm your new address")
        .await;
    let form = [("current", PASSWORD), ("password", NEW_PASSWORD)];
    assert_eq!(
        user.post("/account/password", &form).await.status,
        StatusCode::SEE_OTHER
    );
    let late = anon.post("/account/email/confirm", &[("token", &token)]).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    app.run_jobs().await;
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

/// What was done to get in is told to the owner with its moment, and to the operator without saying whose.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_told_to_their_owner_and_logged_without_anybody() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let log = log_so_far();
    for password in ["wrong wrong wrong", PASSWORD] {
        // Events of one millisecond have no order.
        app.clock.advance(Duration::from_millis(1));
        anon.post("/signin", &[("email", "ann@example.org"), ("password", password)])
            .await;
    }
    app.clock.advance(Duration::from_millis(1));
    app.anon()
        .post(
            "/signin",
            &[("email", "nobody@example.org"), ("password", PASSWORD)],
        )
        .await;
    let new = [("current", PASSWORD), ("password", NEW_PASSWORD)];
    assert_eq!(
        user.post("/account/password", &new).await.status,
        StatusCode::SEE_OTHER
    );
    app.run_jobs().await;
    let kinds = app
        .texts("SELECT kind FROM security_event ORDER BY created_at, id")
        .await;
    assert_eq!(
        kinds,
        ["signed_in", "wrong_password", "signed_in", "password_changed"]
    );
    let page = user.get("/account/security").await.text();
    for words in ["A wrong password was entered", "The password was changed"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let log = log.since();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("sign-in")).collect();
    let of = |outcome: &str| lines.iter().filter(|line| line.contains(outcome)).count();
    // Other tests write to the same log.
    assert!(of("wrong password") >= 2 && of("signed in") >= 1, "{lines:?}");
    let account = app.texts("SELECT id FROM account").await.concat();
    for secret in ["example.org", "Ann", &account] {
        assert!(
            lines.iter().all(|line| !line.contains(secret)),
            "{secret}: {lines:?}"
        );
    }
    app.clock.advance(Duration::from_secs(91 * 24 * 3600));
    app.run_periodic_work().await;
    assert!(app.texts("SELECT kind FROM security_event").await.is_empty());
}

/// Whoever has stolen the token before a renewal has not entered the password.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_token_is_not_as_good_as_the_password_that_was_just_entered() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let stolen = user.cookie("__Host-session").unwrap();
    app.clock.advance(actor::RECENT + Duration::from_secs(1));
    let former = app.backend.clone();
    let confirmed_at = async |token: &str| {
        let user = backend::sessions::resolve(&former, token).await.unwrap().unwrap();
        user.confirmed_at
    };
    let before = confirmed_at(&stolen).await;
    let confirmed = user.post("/account/confirm", &[("password", PASSWORD)]).await;
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
    let new = user.cookie("__Host-session").unwrap();
    assert_ne!(new, stolen);
    assert_eq!(confirmed_at(&stolen).await, before);
    assert!(confirmed_at(&new).await > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_ends_the_sessions_of_a_person_who_reads_it() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let other = app.signed_in("ann@example.org", PASSWORD).await;
    let bystander = app.signed_up("bob@example.org").await;
    let end = async |email: &str| {
        backend::accounts::end_sessions_by_address(&app.backend, email)
            .await
            .unwrap()
    };
    assert_eq!(end("nobody@example.org").await, None);
    assert_eq!(end(" ANN@example.org").await, Some(2));
    assert!(!is_signed_in(&user).await && !is_signed_in(&other).await);
    assert!(is_signed_in(&bystander).await);
    let again = app.signed_in("ann@example.org", PASSWORD).await;
    let page = again.get("/account/security").await.text();
    assert!(page.contains("We signed out every browser"), "{page}");
}
