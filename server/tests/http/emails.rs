//! Which emails go out, once each, and how to get no more of them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use backend::{
    db::sql,
    jobs,
    mail::{self, Newsletter, Notification, StoredEmail},
    newsletter,
    preferences::MARKETING_WORDING,
};

use crate::support::{Person, TestApp, log_so_far, mail_server::MailServer, mix, sign_up_form};

/// The path and query of a URL of ours.
fn path<'a>(app: &TestApp, url: &'a str) -> &'a str {
    url.strip_prefix(&app.url).expect("an address of ours")
}

fn one_click(email: &StoredEmail) -> String {
    let header = email.header("List-Unsubscribe").expect("it can be declined");
    header.trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// What a mail program sends: no cookie, no page of ours.
async fn click(app: &TestApp, email: &StoredEmail) -> StatusCode {
    let url = one_click(email);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = b"List-Unsubscribe=One-Click".to_vec();
    let answer = app
        .anon()
        .send(Method::POST, path(app, &url), &headers, body)
        .await;
    assert!(answer.headers.get("set-cookie").is_none());
    answer.status
}

async fn measured(app: &TestApp, user: &Person, name: &str) -> Vec<StoredEmail> {
    user.upload(name, mix()).await;
    app.run_jobs().await;
    left_alone(app).await;
    app.emails_to("ann@example.org", "Measured").await
}

/// As long as it takes until somebody is told of what they did not look at.
async fn left_alone(app: &TestApp) {
    app.clock.advance(Duration::from_secs(3 * 60));
    app.run_periodic_work().await;
}

async fn choose(user: &Person, kinds: &[&str]) {
    let form: Vec<_> = kinds.iter().map(|kind| (*kind, "on")).collect();
    let saved = user.post("/account/email-preferences", &form).await;
    assert_eq!(
        saved.header("location"),
        "/account/email-preferences?done=preferences"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_welcome_and_analysis_ready_are_sent_once_each() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    assert_eq!(
        app.emails_to("ann@example.org", "Welcome to MixLens").await.len(),
        1
    );
    let emails = measured(&app, &user, "Night drive.wav").await;
    assert_eq!(emails.len(), 1);
    assert_eq!(emails[0].subject, "Measured: Night drive");
    let link = emails[0]
        .text
        .lines()
        .find(|line| line.contains("/analyses/"))
        .unwrap();
    assert_eq!(
        user.get(path(&app, link)).await.status,
        StatusCode::OK,
        "the link leads to the report"
    );
    app.run_periodic_work().await;
    assert_eq!(
        app.emails_to("ann@example.org", "").await.len(),
        3,
        "address, welcome, analysis"
    );

    // The same occasion again, as a second worker would enqueue it.
    let before = app.emails_to("ann@example.org", "").await.len();
    let account = app.texts("SELECT id FROM account").await[0].parse().unwrap();
    let analysis = app.texts("SELECT id FROM analysis").await[0].parse().unwrap();
    for notice in [
        Notification::Welcome,
        Notification::AnalysesReady {
            analyses: vec![analysis],
        },
        Notification::PolicyChanged {
            version: "2026-11-24".into(),
        },
        Notification::PolicyChanged {
            version: "2026-11-24".into(),
        },
    ] {
        let mut tx = app.backend.db.begin().await.unwrap();
        mail::enqueue(&mut tx, &app.backend, account, notice)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    app.run_jobs().await;
    let subjects: Vec<String> = app
        .emails_to("ann@example.org", "")
        .await
        .into_iter()
        .map(|email| email.subject)
        .collect();
    assert_eq!(subjects.len(), before + 1, "{subjects:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_who_looks_at_a_report_gets_no_email_about_it() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let by_page = user.upload("By page.wav", mix()).await;
    let by_progress = user.upload("By progress.wav", mix()).await;
    app.run_jobs().await;
    user.get(&format!("/analyses/{}", by_page.analysis)).await;
    let progress = format!("/fn/analyses/progress?id={}", by_progress.analysis);
    let progress = user.get(&progress).await.json::<serde_json::Value>();
    assert!(
        progress["outcome"].as_str().unwrap().contains(" of 100"),
        "{progress}"
    );
    left_alone(&app).await;
    assert!(app.emails_to("ann@example.org", "Measured").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_one_email_tells_of_everything_that_was_uploaded_together_once_the_last_of_it_has_ended() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    user.upload("One.wav", mix()).await;
    user.upload("Two.wav", mix()).await;
    app.run_jobs().await;
    // Nobody is told while another is on its way.
    user.upload("Three.wav", mix()).await;
    app.clock.advance(Duration::from_secs(3 * 60));
    let waiting = "SELECT COUNT(*) FROM analysis WHERE state = 'queued'";
    assert_eq!(app.backend.db.one::<(i64,)>(sql(waiting)).await.unwrap(), (1,));
    app.run_jobs().await;
    left_alone(&app).await;
    let emails = app.emails_to("ann@example.org", "Measured").await;
    let [email] = &emails[..] else {
        panic!("{} e-mails", emails.len());
    };
    assert_eq!(email.subject, "Measured: 3 mixes");
    for title in ["One: ", "Two: ", "Three: "] {
        assert!(email.text.contains(title), "{}", email.text);
    }
    assert!(email.text.contains(" of 100. "), "{}", email.text);
    left_alone(&app).await;
    assert_eq!(app.emails_to("ann@example.org", "Measured").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_a_file_that_cannot_be_measured_is_reported_with_what_to_do() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let mut silent = mix();
    silent[44..].fill(0);
    user.upload("Silence.wav", silent).await;
    app.run_jobs().await;
    left_alone(&app).await;
    let email = app.email_to("ann@example.org", "Not measured").await;
    assert_eq!(email.subject, "Not measured: Silence");
    assert!(
        email.text.contains("There is no signal in this file"),
        "{}",
        email.text
    );
    assert!(
        email.text.contains("Check that no track is muted"),
        "{}",
        email.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_jobs_and_logs_of_emails_hold_ids_and_no_personal_data() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    measured(&app, &user, "Secret project.wav").await;
    anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
    user.post("/account/email", &[("email", "new@example.net")]).await;
    app.run_jobs().await;
    let payloads = app.texts("SELECT payload FROM job").await;
    assert!(payloads.len() > 4, "{payloads:?}");
    for payload in &payloads {
        for personal in ["example", "@", "Ann", "Secret"] {
            assert!(!payload.contains(personal), "{payload}");
        }
    }
    let keys = app
        .texts("SELECT dedupe_key FROM job WHERE dedupe_key IS NOT NULL")
        .await;
    assert!(keys.iter().all(|key| !key.contains('@')), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_a_server_that_quotes_a_person_puts_them_neither_into_a_row_nor_into_the_log() {
    let (mut app, anon, _user) = TestApp::init().await.with_user().await;
    let log = log_so_far();
    let server = MailServer::start().await;
    server.take_over(&mut app.backend);
    let form = sign_up_form("bob@example.net");
    for refusal in ["550 5.1.1", "451 4.7.1"] {
        server.refuse(Some(refusal));
        anon.post("/signin/forgot", &[("email", "ann@example.org")]).await;
        anon.post("/signup", &form).await;
        app.run_jobs().await;
    }
    assert_eq!(server.attempts(), 4);
    let errors = app
        .texts("SELECT last_error FROM job WHERE last_error IS NOT NULL ORDER BY last_error")
        .await;
    assert_eq!(
        errors,
        [
            "not sent: SMTP 451",
            "not sent: SMTP 451",
            "refused: SMTP 550",
            "refused: SMTP 550"
        ]
    );
    let log = log.since();
    assert!(
        log.contains("refused: SMTP 550") && log.contains("not sent: SMTP 451"),
        "{log}"
    );
    for personal in ["example.org", "example.net", "User unknown"] {
        let found: Vec<&str> = log.lines().filter(|line| line.contains(personal)).collect();
        assert!(found.is_empty(), "{personal} is in the log: {found:#?}");
    }
    server.refuse(None);
    app.clock.advance(Duration::from_secs(3600));
    app.run_jobs().await;
    assert_eq!(
        server.taken(),
        2,
        "what was refused is tried again; of two requests the newer one counts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p16_one_click_unsubscribes_from_the_kind_of_the_email_and_no_other() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let emails = measured(&app, &user, "one.wav").await;
    let url = one_click(&emails[0]);
    let page = app.anon().get(path(&app, &url)).await;
    assert_eq!(
        page.status,
        StatusCode::SEE_OTHER,
        "a program that opens links declines nothing"
    );
    assert_eq!(measured(&app, &user, "two.wav").await.len(), 2);
    assert_eq!(click(&app, &emails[0]).await, StatusCode::OK);
    assert_eq!(
        click(&app, &emails[0]).await,
        StatusCode::OK,
        "twice is as good as once"
    );
    assert_eq!(measured(&app, &user, "three.wav").await.len(), 2);
    let page = user.get("/account/email-preferences").await.text();
    assert!(!is_ticked(&page, "analysis_ready"), "{page}");
    choose(&user, &["analysis_ready"]).await;
    assert_eq!(measured(&app, &user, "four.wav").await.len(), 3, "and back again");
}

#[tokio::test(flavor = "multi_thread")]
async fn p16_the_link_in_an_email_works_signed_out_and_can_only_unsubscribe() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let emails = measured(&app, &user, "one.wav").await;
    let link = emails[0]
        .text
        .lines()
        .find(|line| line.contains("/account/email-preferences?token="))
        .unwrap();
    let page = anon.get(path(&app, link)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Analysis ready"));
    assert!(
        !page.text().contains("ann@example.org"),
        "a forwarded email betrays nothing"
    );
    assert!(
        !page.text().contains("type=\"checkbox\""),
        "and consents to nothing"
    );
    let (_, token) = link.split_once("token=").unwrap();
    let done = anon
        .post(
            "/account/email-preferences/unsubscribe",
            &[("token", token), ("everything", "on")],
        )
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(
        anon.get(done.header("location"))
            .await
            .text()
            .contains("You get no more of these e-mails")
    );
    assert_eq!(measured(&app, &user, "two.wav").await.len(), 1);

    let (body, signature) = token.rsplit_once('.').unwrap();
    for forged in [
        format!("{}.{signature}", body.replace("analysis_ready", "marketing")),
        format!("{body}.{}", signature.to_lowercase()),
        body.to_owned(),
        String::new(),
    ] {
        let answer = anon
            .post("/account/email-preferences/unsubscribe", &[("token", &forged)])
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{forged}");
        let answer = anon
            .send(
                Method::POST,
                &format!("/email/unsubscribe?token={forged}"),
                &[],
                Vec::new(),
            )
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p16_marketing_is_off_until_it_is_asked_for_and_every_change_is_logged_with_its_words() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let page = user.get("/account/email-preferences").await.text();
    assert!(is_ticked(&page, "analysis_ready"));
    assert!(!is_ticked(&page, "marketing"), "consent is given, not taken");
    assert!(
        page.contains(MARKETING_WORDING),
        "the words that are logged are the words that are shown"
    );
    let log = async || {
        app.texts("SELECT wording || '|' || CASE WHEN granted THEN 'given' ELSE 'withdrawn' END FROM email_consent ORDER BY decided_at, id").await
    };
    choose(&user, &["analysis_ready"]).await;
    assert!(log().await.is_empty(), "nothing about marketing changed");
    choose(&user, &["analysis_ready", "marketing"]).await;
    choose(&user, &["marketing"]).await;
    assert_eq!(
        log().await,
        [format!("{MARKETING_WORDING}|given")],
        "the same again is no news"
    );
    app.clock.advance(Duration::from_secs(1));
    choose(&user, &[]).await;
    assert_eq!(
        log().await,
        [
            format!("{MARKETING_WORDING}|given"),
            format!("{MARKETING_WORDING}|withdrawn")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p16_news_go_to_those_who_consent_once_each_and_to_nobody_who_withdrew() {
    let app = TestApp::init().await;
    let mut people = std::collections::BTreeMap::new();
    for name in ["asked", "clicked", "withdrew", "overtaken", "never"] {
        people.insert(name, app.signed_up(&format!("{name}@example.org")).await);
    }
    for name in ["asked", "clicked", "withdrew", "overtaken"] {
        choose(&people[name], &["marketing"]).await;
    }
    choose(&people["withdrew"], &[]).await;
    let got = async |subject: &str| {
        let mut got = Vec::new();
        for name in people.keys() {
            let emails = app.emails_to(&format!("{name}@example.org"), subject).await;
            got.extend(emails.iter().map(|_| *name));
        }
        got
    };
    let news = |subject: &str| {
        let text = format!(
            "{subject}\n\nThere is something new.\n\n[Look at it]({}/upload)",
            app.url
        );
        Newsletter::parse(&text, &app.backend.config.base_url).unwrap()
    };
    assert_eq!(newsletter::audience(&app.backend.db).await.unwrap(), 3);
    assert!(newsletter::send(&app.backend, &news("First")).await.unwrap());
    // Between the command and the email.
    choose(&people["overtaken"], &[]).await;
    app.run_jobs().await;
    assert_eq!(got("First").await, ["asked", "clicked"]);
    assert!(
        !newsletter::send(&app.backend, &news("First")).await.unwrap(),
        "the same text is not sent again"
    );
    app.run_jobs().await;
    assert_eq!(got("First").await, ["asked", "clicked"]);

    // The email says how to get no more, and its one click is enough, signed out.
    let email = app.email_to("clicked@example.org", "First").await;
    assert_eq!(
        email.header("List-Unsubscribe-Post").as_deref(),
        Some("List-Unsubscribe=One-Click")
    );
    assert_eq!(click(&app, &email).await, StatusCode::OK);
    assert!(newsletter::send(&app.backend, &news("Second")).await.unwrap());
    app.run_jobs().await;
    assert_eq!(got("Second").await, ["asked"]);
    let log = app
        .texts("SELECT wording FROM email_consent WHERE granted = FALSE")
        .await;
    assert_eq!(log.len(), 3, "every withdrawal is logged: {log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_an_email_is_not_written_before_its_fact_is_committed() {
    let (app, _anon, _user) = TestApp::init().await.with_user().await;
    let account = app.texts("SELECT id FROM account").await[0].parse().unwrap();
    let mut tx = app.backend.db.begin().await.unwrap();
    mail::enqueue(&mut tx, &app.backend, account, Notification::PasswordChanged)
        .await
        .unwrap();
    drop(tx);
    app.run_jobs().await;
    assert!(
        app.emails_to("ann@example.org", "Your MixLens password")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p26_an_email_is_erased_with_its_account() {
    let (app, _anon, _user) = TestApp::init().await.with_user().await;
    let account = app.texts("SELECT id FROM account").await[0].parse().unwrap();
    let mut tx = app.backend.db.begin().await.unwrap();
    mail::enqueue(&mut tx, &app.backend, account, Notification::PasswordChanged)
        .await
        .unwrap();
    tx.execute(backend::db::sql("DELETE FROM account")).await.unwrap();
    tx.commit().await.unwrap();
    assert!(
        jobs::counts(&app.backend.db)
            .await
            .unwrap()
            .iter()
            .all(|count| count.state == jobs::JobState::Done)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_in_every_email_leads_somewhere() {
    let (app, anon, _user) = TestApp::init().await.with_user().await;
    let emails = mail::EmailTemplates::from(&app.backend.config).previews("ann@example.org", "Night drive");
    let mut links: Vec<String> = emails
        .iter()
        .flat_map(|email| {
            let text = email.text();
            let words = text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            words.into_iter().filter(|word| word.starts_with(&app.url))
        })
        .collect();
    links.sort();
    links.dedup();
    assert!(links.len() > 8, "{links:?}");
    for link in links {
        // The page of the data export is another part's; made-up tokens are refused on the page that takes them.
        if link.ends_with("/account/privacy") || link.contains("email-preferences?token") {
            continue;
        }
        let status = anon.get(path(&app, &link)).await.status;
        assert!(
            status.is_success() || status == StatusCode::SEE_OTHER,
            "{link}: {status}"
        );
    }
}

fn is_ticked(page: &str, name: &str) -> bool {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\""))
        .expect("the box is there");
    rest.split('>').next().unwrap().contains(" checked")
}

/// Whoever waits for an email that nobody will send reads that, whether the address has an account or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_whose_email_was_given_up_is_told_so() {
    let (app, _anon, _user) = TestApp::init().await.with_user().await;
    for email in ["new@example.org", "ann@example.org"] {
        let person = app.anon();
        person.post("/signup", &sign_up_form(email)).await;
        let words = "Your e-mail could not be sent";
        assert!(
            !person.get("/signup/sent").await.text().contains(words),
            "{email}"
        );
        let die = "UPDATE job SET state = 'dead', attempts = 8, finished_at = 1 WHERE kind = 'mail_sign_up' AND state = 'queued'";
        app.backend.db.execute(sql(die)).await.unwrap();
        assert!(person.get("/signup/sent").await.text().contains(words), "{email}");
        assert!(
            !app.anon().get("/signup/sent").await.text().contains(words),
            "{email}"
        );
        backend::work::retry_emails(&app.backend).await.unwrap();
        app.run_jobs().await;
        assert!(
            !person.get("/signup/sent").await.text().contains(words),
            "{email}"
        );
    }
}
