//! The second factor: set up, asked for at sign-in, each code once, recovery codes, switched off.

use std::time::Duration;

use axum::http::StatusCode;
use backend::{accounts::second_factor, clock::Clock as _};
use totp_rs::{Builder, Secret, Totp};

use crate::support::{Answer, PASSWORD, Person, TestApp, log_so_far};

/// Somebody's authenticator app.
struct Authenticator(Totp);

impl Authenticator {
    fn code(&self, app: &TestApp) -> String {
        let seconds = u64::try_from(app.clock.now().0 / 1000).unwrap();
        self.0.generate(seconds).to_string()
    }
}

/// Types the secret of the page into an app.
async fn begun(user: &Person) -> Authenticator {
    let begun = user.post("/account/second-factor/begin", &[]).await;
    assert_eq!(begun.header("location"), "/account/second-factor");
    let page = user.get("/account/second-factor").await.text();
    assert!(page.contains("QR code of the secret"), "{page}");
    let (_, rest) = page.split_once("<code class=\"breakable\">").unwrap();
    let secret = rest.split('<').next().unwrap().replace(' ', "");
    let secret = Secret::try_from_base32(secret).unwrap();
    Authenticator(Builder::new().with_secret(secret).build().unwrap())
}

/// Switches it on; the app and the recovery codes.
async fn set_up(app: &TestApp, user: &Person) -> (Authenticator, Vec<String>) {
    let authenticator = begun(user).await;
    let code = authenticator.code(app);
    let done = user
        .post("/account/second-factor/confirm", &[("code", &code)])
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    app.run_jobs().await;
    (authenticator, codes_on(&done))
}

fn codes_on(page: &Answer) -> Vec<String> {
    page.text()
        .split("<li><code>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect()
}

/// They are shown once, so the page says that, and gives a file with all of them without a script.
#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_can_be_kept_and_the_page_says_that_it_shows_them_once() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let code = begun(&user).await.code(&app);
    let shown = user
        .post("/account/second-factor/confirm", &[("code", &code)])
        .await;
    app.run_jobs().await;
    let (page, codes) = (shown.text(), codes_on(&shown));
    assert!(
        page.contains("When you leave or reload this page, they are gone"),
        "{page}"
    );
    let (_, rest) = page.split_once("href=\"data:text/plain;charset=utf-8,").unwrap();
    let (file, rest) = rest.split_once('"').unwrap();
    assert!(rest.contains("download=\"mixlens-recovery-codes.txt\""), "{rest}");
    let file = file.replace("%20", " ").replace("%0A", "\n");
    let kept: Vec<&str> = file.lines().skip(1).collect();
    assert_eq!(
        (kept.len(), kept),
        (10, codes.iter().map(String::as_str).collect())
    );
    // The address of the form, reloaded, leads on.
    let reloaded = user.get("/account/second-factor/confirm").await;
    assert!(codes_on(&reloaded).is_empty(), "{}", reloaded.text());
}

/// The first step of signing in; what the second needs.
async fn first_step(person: &Person) -> String {
    let form = [
        ("email", "ann@example.org"),
        ("password", PASSWORD),
        ("next", "/history"),
    ];
    let page = person.post("/signin", &form).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        !person.has_cookie("__Host-session"),
        "the password alone opens nothing"
    );
    let text = page.text();
    let (_, rest) = text.split_once("name=\"step\" value=\"").expect("a step");
    rest.split('"').next().unwrap().to_owned()
}

async fn second_step(person: &Person, step: &str, code: &str) -> Answer {
    let form = [("step", step), ("code", code), ("next", "/history")];
    person.post("/signin/code", &form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_asks_for_a_code_and_takes_each_once() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let (authenticator, _) = set_up(&app, &user).await;
    assert_eq!(
        app.emails_to("ann@example.org", "Signing in to MixLens now asks")
            .await
            .len(),
        1
    );

    let step = first_step(&anon).await;
    let replayed = second_step(&anon, &step, &authenticator.code(&app)).await;
    assert_eq!(
        replayed.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the code that switched it on was used"
    );
    assert!(
        replayed.text().contains("name=\"step\""),
        "the person may try again"
    );
    app.clock.advance(Duration::from_secs(30));
    let code = authenticator.code(&app);
    let wrong = second_step(&anon, &step, "000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = second_step(&anon, &step, &code).await;
    assert_eq!(
        (right.status, right.header("location")),
        (StatusCode::SEE_OTHER, "/history")
    );
    assert_eq!(anon.get("/history").await.status, StatusCode::OK);

    let thief = app.anon();
    let step = first_step(&thief).await;
    assert_eq!(
        second_step(&thief, &step, &code).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "seen over a shoulder"
    );
    assert!(!thief.has_cookie("__Host-session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_signs_in_once() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let (_, codes) = set_up(&app, &user).await;
    assert_eq!(codes.len(), 10);
    let kept = app.texts("SELECT code_hash FROM recovery_code").await.concat();
    let bare = codes[0].replace('-', "");
    assert!(
        !kept.contains(&codes[0]) && !kept.contains(&bare),
        "hashes are kept"
    );

    let step = first_step(&anon).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(
        second_step(&anon, &step, &typed).await.status,
        StatusCode::SEE_OTHER
    );
    let again = app.anon();
    let step = first_step(&again).await;
    assert_eq!(
        second_step(&again, &step, &codes[0]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert!(
        user.get("/account/security")
            .await
            .text()
            .contains("9 recovery codes are left")
    );

    let code = [("code", codes[2].as_str())];
    let renewed = codes_on(&user.post("/account/second-factor/codes", &code).await);
    assert_eq!(renewed.len(), 10);
    assert_eq!(
        second_step(&again, &step, &codes[1]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the old ones ended"
    );
    assert_eq!(
        second_step(&again, &step, &renewed[1]).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_sealed_shown_until_the_first_code_and_asked_for_only_then() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let first = begun(&user).await;
    let wrong = user
        .post("/account/second-factor/confirm", &[("code", "000000")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = [("email", "ann@example.org"), ("password", PASSWORD)];
    assert_eq!(
        anon.post("/signin", &form).await.status,
        StatusCode::SEE_OTHER,
        "not on yet"
    );

    let second = begun(&user).await;
    let code = first.code(&app);
    assert_ne!(code, second.code(&app));
    let replaced = user
        .post("/account/second-factor/confirm", &[("code", &code)])
        .await;
    assert_eq!(
        replaced.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "that secret was replaced"
    );
    let code = second.code(&app);
    assert_eq!(
        user.post("/account/second-factor/confirm", &[("code", &code)])
            .await
            .status,
        StatusCode::OK
    );
    app.run_jobs().await;
    let page = user.get("/account/second-factor").await;
    assert_eq!(page.header("location"), "/account/security", "never shown again");
    let restarted = user.post("/account/second-factor/begin", &[]).await;
    assert_eq!(
        restarted.status,
        StatusCode::CONFLICT,
        "one that is on is not replaced"
    );

    let sealed = app
        .texts("SELECT encrypted_secret FROM second_factor")
        .await
        .concat();
    assert_eq!(
        sealed.len(),
        (24 + 20 + 16) * 4 / 3,
        "nonce, secret, tag: {sealed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_slowed_down_for_every_browser() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let (authenticator, _) = set_up(&app, &user).await;
    app.clock.advance(Duration::from_secs(60));
    let mut seen = Vec::new();
    for _ in 0..6 {
        let thief = app.anon();
        let step = first_step(&thief).await;
        seen.push(second_step(&thief, &step, "000000").await.status.as_u16());
    }
    assert_eq!(seen, [422, 422, 422, 422, 422, 429]);
    let owner = app.anon();
    let step = first_step(&owner).await;
    let code = authenticator.code(&app);
    let waiting = second_step(&owner, &step, &code).await;
    assert_eq!(waiting.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!waiting.header("retry-after").is_empty());
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(
        second_step(&owner, &step, &code).await.status,
        StatusCode::SEE_OTHER,
        "and never shut out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_step_ends_after_ten_minutes_and_with_the_password() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let (authenticator, codes) = set_up(&app, &user).await;
    let old = first_step(&anon).await;
    app.clock.advance(Duration::from_secs(600));
    let late = second_step(&anon, &old, &authenticator.code(&app)).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert!(late.text().contains("name=\"password\""), "it begins again");
    let overtaken = first_step(&anon).await;
    let form = [
        ("current", PASSWORD),
        ("password", "violet-harbour-3-saddle-comet"),
        ("code", &codes[0]),
    ];
    assert_eq!(
        user.post("/account/password", &form).await.status,
        StatusCode::SEE_OTHER
    );
    app.run_jobs().await;
    assert_eq!(
        second_step(&anon, &overtaken, &authenticator.code(&app))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let (account, rest) = overtaken.split_once('.').unwrap();
    let (until, signature) = rest.split_once('.').unwrap();
    let longer = format!("{account}.{}.{signature}", until.parse::<i64>().unwrap() + 1);
    assert_eq!(
        second_step(&anon, &longer, "000000").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_no_way_around_it() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let (authenticator, _) = set_up(&app, &user).await;
    anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
    app.run_jobs().await;
    let token = app.token_to("ann@example.org", "Choose a new password").await;
    let reset = anon
        .post("/signin/reset", &[("token", &token), ("password", PASSWORD)])
        .await;
    assert_eq!(reset.header("location"), "/signin?done=reset");
    app.run_jobs().await;
    app.clock.advance(Duration::from_secs(30));
    let step = first_step(&anon).await;
    assert_eq!(
        second_step(&anon, &step, &authenticator.code(&app)).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_it_is_forgotten_and_the_owner_notified() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let (_, codes) = set_up(&app, &user).await;
    for code in ["", "000000"] {
        let refused = user.post("/account/second-factor/off", &[("code", code)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let off = user
        .post("/account/second-factor/off", &[("code", &codes[0])])
        .await;
    assert_eq!(off.header("location"), "/account/security?done=second-factor-off");
    app.run_jobs().await;
    assert_eq!(
        app.emails_to("ann@example.org", "Signing in to MixLens asks for no code")
            .await
            .len(),
        1
    );
    assert!(
        app.texts("SELECT encrypted_secret FROM second_factor")
            .await
            .is_empty()
    );
    assert!(app.texts("SELECT code_hash FROM recovery_code").await.is_empty());
    let form = [("email", "ann@example.org"), ("password", PASSWORD)];
    assert_eq!(anon.post("/signin", &form).await.status, StatusCode::SEE_OTHER);
}

/// Its address, its fields besides the code, and where it leads.
type GuardedForm<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// A stolen session and the password do not suffice for anything that would let a thief stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_dangerous_takes_a_fresh_code_each() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let (authenticator, _) = set_up(&app, &user).await;
    let guarded: [GuardedForm<'_>; 5] = [
        ("/account/confirm", &[("password", PASSWORD)], "/account"),
        ("/account/second-factor/codes", &[], ""),
        (
            "/account/email",
            &[("email", "new@example.net")],
            "/account?done=email",
        ),
        (
            "/account/password",
            &[
                ("current", PASSWORD),
                ("password", "violet-harbour-3-saddle-comet"),
            ],
            "/account/security?done=password",
        ),
        (
            "/account/privacy/delete",
            &[("password", "violet-harbour-3-saddle-comet"), ("sure", "on")],
            "/account/deleted",
        ),
    ];
    let mut used = authenticator.code(&app);
    for (form, fields, done) in guarded {
        let with = |code: &str| {
            let mut fields: Vec<(String, String)> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            fields.push(("code".to_owned(), code.to_owned()));
            fields
        };
        for (code, why) in [
            ("", "none"),
            ("000000", "wrong"),
            (used.as_str(), "used for something else"),
        ] {
            let fields = with(code);
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let refused = user.post(form, &fields).await;
            assert_eq!(
                refused.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{form}, {why}: {}",
                refused.text()
            );
            assert!(refused.text().contains("field-code-error"), "{form}, {why}");
            app.clock.advance(Duration::from_secs(5));
        }
        app.clock.advance(Duration::from_secs(30));
        used = authenticator.code(&app);
        let fields = with(&used);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let allowed = user.post(form, &fields).await;
        assert_eq!(allowed.header("location"), done, "{form}: {}", allowed.text());
    }
    app.clock.advance(Duration::from_secs(24 * 3600));
    app.run_jobs().await;
}

/// A second click, while the answer to the first is on its way, brings the same code with the same form.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_with_its_code_is_answered_twice() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let authenticator = begun(&user).await;
    let code = authenticator.code(&app);
    let mut codes = Vec::new();
    for _ in 0..2 {
        let done = user
            .post("/account/second-factor/confirm", &[("code", &code)])
            .await;
        codes = codes_on(&done);
        assert_eq!(codes.len(), 10, "{}", done.text());
    }
    app.run_jobs().await;
    app.clock.advance(Duration::from_secs(30));
    let code = authenticator.code(&app);
    for code in [code.as_str(), codes[0].as_str()] {
        let step = first_step(&anon).await;
        for _ in 0..2 {
            let answer = second_step(&app.anon(), &step, code).await;
            assert_eq!(answer.header("location"), "/history", "{}", answer.text());
        }
        // Not later, and not for another sign-in.
        let other = first_step(&app.anon()).await;
        if other != step {
            assert_eq!(
                second_step(&app.anon(), &other, code).await.status,
                StatusCode::UNPROCESSABLE_ENTITY
            );
        }
        app.clock.advance(Duration::from_secs(20));
        assert_eq!(
            second_step(&app.anon(), &step, code).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}

/// While there is to be waited, nothing tells whether a password was right but a right code along with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_with_a_code_passes_the_wait_of_strangers_and_a_guess_is_told_nothing() {
    let (app, thief, user) = TestApp::init().await.with_user().await;
    let (_, codes) = set_up(&app, &user).await;
    let enter = async |person: &Person, email: &str, password: &str, code: &str| {
        let form = [
            ("email", email),
            ("password", password),
            ("code", code),
            ("next", "/history"),
        ];
        let answer = person.post("/signin", &form).await;
        (answer.status.as_u16(), without_tokens(&answer.text()))
    };
    for email in ["ann@example.org", "nobody@example.org"] {
        for _ in 0..6 {
            enter(&thief, email, "wrong wrong wrong", "").await;
        }
    }
    let told = enter(&app.anon(), "ann@example.org", "wrong wrong wrong", "").await;
    assert_eq!(told.0, 429, "{}", told.1);
    assert!(
        told.1.contains("name=\"code\""),
        "a code is asked for along with it"
    );
    let stored = async || {
        let tries = app
            .texts("SELECT CAST(failures AS TEXT) FROM sign_in_throttle")
            .await;
        (
            tries.len(),
            app.texts("SELECT code_hash FROM recovery_code").await.len(),
        )
    };
    for (email, password, code) in [
        ("ann@example.org", PASSWORD, ""),
        ("ann@example.org", PASSWORD, "000000"),
        ("ann@example.org", "wrong wrong wrong", "000000"),
        ("ann@example.org", "wrong wrong wrong", &codes[1]),
    ] {
        assert_eq!(
            enter(&app.anon(), email, password, code).await,
            told,
            "{password} {code}"
        );
    }
    let of_nobody = enter(&app.anon(), "nobody@example.org", PASSWORD, "000000").await;
    assert_eq!(of_nobody.0, 429);
    assert_eq!(of_nobody.1.replace("nobody@", "ann@"), told.1);
    let (counters, left) = stored().await;
    assert_eq!(
        counters, 5,
        "each guess with a code was counted, by whom it could be"
    );
    assert_eq!(left, 10, "a code that came with a wrong password is not used up");
    let owner = app.anon();
    assert_eq!(enter(&owner, "ann@example.org", PASSWORD, &codes[0]).await.0, 303);
    assert_eq!(owner.get("/history").await.status, StatusCode::OK);
    app.run_jobs().await;
}

/// A page without what is drawn afresh each time.
fn without_tokens(page: &str) -> String {
    let mut text = page.to_owned();
    for (begin, end) in [
        ("nonce=\"", "\""),
        ("content=\"", "\""),
        ("value=\"", "\""),
        ("Try again in ", " s"),
    ] {
        text = text
            .split(begin)
            .enumerate()
            .map(|(at, part)| match part.split_once(end) {
                Some((_, rest)) if at > 0 => rest,
                _ => part,
            })
            .collect::<Vec<_>>()
            .join(begin);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_switches_it_off_for_somebody_who_lost_everything() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let bystander = app.signed_up("bob@example.org").await;
    set_up(&app, &user).await;
    let thief = app.anon();
    for _ in 0..6 {
        let step = first_step(&thief).await;
        second_step(&thief, &step, "000000").await;
    }
    let log = log_so_far();
    let turn_off = async |email: &str| {
        second_factor::turn_off_by_address(&app.backend, email)
            .await
            .unwrap()
    };
    assert_eq!(turn_off("nobody@example.org").await, None);
    assert_eq!(turn_off("bob@example.org").await, Some(false));
    assert_eq!(
        bystander.get("/history").await.status,
        StatusCode::OK,
        "nothing was changed"
    );
    assert_eq!(turn_off(" ANN@example.org").await, Some(true));
    assert_eq!(
        user.get("/history").await.status,
        StatusCode::SEE_OTHER,
        "every session has ended"
    );
    assert!(app.texts("SELECT code_hash FROM recovery_code").await.is_empty());
    let form = [("email", "ann@example.org"), ("password", PASSWORD)];
    assert_eq!(
        anon.post("/signin", &form).await.status,
        StatusCode::SEE_OTHER,
        "the password alone opens it again"
    );
    app.run_jobs().await;
    assert_eq!(
        app.emails_to("ann@example.org", "Your second factor was switched off for you")
            .await
            .len(),
        1
    );
    assert_eq!(turn_off("ann@example.org").await, Some(false));
    app.run_jobs().await;
    assert_eq!(
        app.emails_to("ann@example.org", "Your second factor").await.len(),
        1
    );
    let log = log.since();
    assert!(log.contains("the operator switched off a second factor"), "{log}");
    assert!(!log.lines().any(|line| line.contains("example.org")), "{log}");
}
