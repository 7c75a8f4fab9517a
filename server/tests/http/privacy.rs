//! Your data: seen, copied, deleted; by the pages, and by nobody else.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use backend::{
    Backend,
    db::sql,
    mail::Mailer,
    privacy::{erasure, manifest, policy, requests},
    storage::{Storage, StorageSettings},
};
use model::AccountId;
use serde_json::Value;

use crate::support::{
    Database, PASSWORD, Person, TestApp, fetch, log_so_far, mail_server::MailServer, mix, on_both_databases,
    sign_up_form,
};

const EMAIL: &str = "zebulon.quagga@example.org";
const NAME: &str = "Zebulon Quagga";
const SURE: [(&str, &str); 2] = [("password", PASSWORD), ("sure", "on")];

/// Longer than a small upload on its way may outlive its account.
pub const LONGEST_PRESIGNED: Duration = Duration::from_secs(91 * 60);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody with something in every place where something of a person can be.
async fn somebody(app: &TestApp) -> (Person, AccountId) {
    let person = app.anon();
    let mut form = sign_up_form(EMAIL);
    form[0].1 = NAME;
    // Before there is an account: such a request is nobody's, and counts for the address all the same.
    app.anon().post("/signin/forgot", &[("email", EMAIL)]).await;
    person.post("/signup", &form).await;
    app.run_jobs().await;
    let token = app.token_to(EMAIL, "Confirm your address").await;
    person.post("/signup/confirm", &[("token", &token)]).await;
    let (id,): (String,) = app
        .backend
        .db
        .one(sql("SELECT id FROM account WHERE email = $1").bind(EMAIL))
        .await
        .unwrap();

    let uploaded = person.upload("Okapi sketch.wav", mix()).await;
    let reference = person.upload_reference("Okapi reference.wav", mix()).await;
    let compare = "INSERT INTO comparison (analysis_id, reference_id, account_id, added_at) SELECT id, $2, account_id, 1 FROM analysis WHERE id = $1";
    let compare = sql(compare).bind(uploaded.analysis).bind(reference.analysis);
    app.backend.db.execute(compare).await.unwrap();
    let rename = format!("/analyses/{}/rename", uploaded.analysis);
    person.post(&rename, &[("title", "=Okapi in the rain")]).await;
    let version = uploaded.analysis.to_string();
    person
        .post("/songs", &[("song", "Okapi"), ("analysis", &version)])
        .await;
    person.begin("Never sent.wav", 1000).await;
    let dropped = person.upload("Okapi dropped.wav", mix()).await;
    app.run_jobs().await;
    person
        .post(
            &format!("/analyses/{}/share", uploaded.analysis),
            &[("days", "7")],
        )
        .await;
    let rendered = person
        .post(&format!("/analyses/{}/plan", uploaded.analysis), &[])
        .await;
    person
        .post(&format!("/analyses/{}/delete", dropped.analysis), &[])
        .await;
    app.run_jobs().await;
    let heard = "INSERT INTO step_audio (render_id, step, state, created_at) VALUES ($1, 0, 'ready', 1)";
    let render = rendered.header("location").trim_start_matches("/renders/");
    app.backend.db.execute(sql(heard).bind(render)).await.unwrap();
    person.post("/account/privacy/export", &[]).await;
    app.run_jobs().await;
    let anon = app.anon();
    anon.post("/signin", &[("email", EMAIL), ("password", "not the password")])
        .await;
    anon.post("/signup", &form).await;
    anon.post("/signin/forgot", &[("email", EMAIL)]).await;
    person.post("/account/second-factor/begin", &[]).await;
    let wrong_code = person
        .post("/account/second-factor/confirm", &[("code", "000000")])
        .await;
    assert_eq!(wrong_code.status, StatusCode::UNPROCESSABLE_ENTITY);
    policy::publish(
        &app.backend,
        "2027-01-01",
        policy::Change::Material,
        "We keep more.",
    )
    .await
    .unwrap();
    requests::note(
        &app.backend,
        EMAIL,
        requests::RequestKind::Export,
        app.backend.now(),
    )
    .await
    .unwrap()
    .unwrap();
    app.run_jobs().await;
    let consent = "INSERT INTO consent (id, account_id, purpose, granted, policy, decided_at) VALUES ('c1', $1, 'statistics', TRUE, '1', 1)";
    app.backend
        .db
        .execute(sql(consent).bind(id.as_str()))
        .await
        .unwrap();
    for plant in [
        "INSERT INTO email_change (id, account_id, old_email, new_email, token_hash, created_at, expires_at) VALUES ('e1', $1, 'zebulon.quagga@example.org', 'quagga@example.org', 't', 1, 2)",
        "INSERT INTO api_token (id, account_id, name, kind, scopes, token_hash, hint, created_at, expires_at) VALUES ('0190000000007000800000000000000f', $1, 'Okapi check', 'live', 'analyses:read', 't', '1234', 1, 9999999999999)",
        "INSERT INTO webhook_endpoint (id, account_id, url, description, events, state, secret_sealed, secret_hint, created_at) VALUES ('019000000000700080000000000000e1', $1, 'https://quagga.example.org/', 'Okapi check', 'analysis.complete', 'paused', 's', '1234', 1)",
        "INSERT INTO webhook_event (id, account_id, event_type, created_at) VALUES ('019000000000700080000000000000e2', $1, 'ping', 1)",
        "INSERT INTO webhook_delivery (id, account_id, endpoint_id, event_id, state, attempts, created_at) VALUES ('019000000000700080000000000000e3', $1, '019000000000700080000000000000e1', '019000000000700080000000000000e2', 'failed', 1, 1)",
        "INSERT INTO webhook_attempt (id, account_id, delivery_id, started_at, duration_ms, status, failure, response) VALUES ('019000000000700080000000000000e4', $1, '019000000000700080000000000000e3', 1, 12, 500, 'status', 'Okapi is not here')",
        "INSERT INTO idempotency_key (account_id, request_key, request_hash, resource, created_at) VALUES ($1, 'Okapi-1', 'h', 'r', 1)",
        "INSERT INTO recovery_code (account_id, code_hash, created_at) VALUES ($1, 'h', 1)",
        "INSERT INTO newsletter (id, subject, body, created_at) VALUES ('n1', 's', 'b', 1)",
        "INSERT INTO newsletter_delivery (account_id, newsletter_id, sent_at) VALUES ($1, 'n1', 1)",
        "INSERT INTO email_preference (account_id, kind, wanted, changed_at) VALUES ($1, 'marketing', TRUE, 1)",
        "INSERT INTO email_consent (id, account_id, granted, wording, decided_at) VALUES ('c1', $1, TRUE, 'w', 1)",
    ] {
        app.backend
            .db
            .execute(sql(plant).bind(id.as_str()))
            .await
            .unwrap();
    }
    (person, id.parse().unwrap())
}

/// Every text that would tell whose something is.
fn traces(account: AccountId) -> Vec<String> {
    let texts = [EMAIL, NAME, "quagga", "Quagga", "Okapi", "Never sent"].map(str::to_owned);
    texts.into_iter().chain([account.to_string()]).collect()
}

async fn is_forgotten(app: &TestApp, account: AccountId) {
    let stored = app.everything_stored().await;
    for trace in traces(account) {
        let found: Vec<&str> = stored.lines().filter(|line| line.contains(&trace)).collect();
        assert!(found.is_empty(), "{trace} is still in {found:#?}");
    }
    assert_eq!(
        app.stored_files(),
        Vec::<std::path::PathBuf>::new(),
        "the store is empty"
    );
    if app.backend.mailer.writes_files() {
        assert_eq!(app.emails_to(EMAIL, "").await, [], "the emails are gone");
    }
}

/// The files of SQLite as they lie on the disk, journal included; nothing on PostgreSQL.
fn database_files(app: &TestApp) -> Vec<u8> {
    let url = secrecy::ExposeSecret::expose_secret(&app.backend.config.database_url).to_owned();
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Vec::new();
    };
    let path = path.trim_start_matches("//").split('?').next().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
    bytes
}

async fn rows_of(app: &TestApp, table: &str) -> i64 {
    let count: &'static str = String::leak(format!("SELECT COUNT(*) FROM {table}"));
    app.backend.db.one::<(i64,)>(sql(count)).await.unwrap().0
}

on_both_databases! {
    async fn p12_a_person_sees_everything_that_is_held_about_them(database) {
        let app = TestApp::on(database).await;
        let (person, account) = somebody(&app).await;
        // Such rows have a step of the deletion of their own, which `billing` walks through.
        for plant in [
            "INSERT INTO billing_customer (account_id, mode, customer_id, operation, created_at) VALUES ($1, 'test', 'cus_okapi', 'o', 1)",
            "INSERT INTO billing_refund (id, account_id, mode, subscription_id, reason, requested_at, done_at) VALUES ('0190000000007000800000000000001f', $1, 'test', 'sub_okapi', 'duplicate', 1, 2)",
        ] {
            app.backend.db.execute(sql(plant).bind(account)).await.unwrap();
        }
        let page = person.get("/account/privacy").await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        for held in [EMAIL, NAME, "Okapi sketch.wav", "=Okapi in the rain", "Never sent.wav", "Free", "LUFS", &account.to_string()] {
            let held = if held == "Free" { "free" } else { held };
            assert!(text.contains(held), "{held} is not on the page");
        }
        // Every value of every row that is theirs is there or is said to be in the copy.
        for table in manifest::tables().filter(|table| matches!(table.export, backend::privacy::manifest::Export::Rows { .. })) {
            assert!(text.contains(&format!("id=\"data-{}\"", table.name)), "{} has no section", table.name);
            assert!(rows_of(&app, table.name).await > 0, "the test has nothing in {}", table.name);
        }
        assert!(!text.contains("No data held here"), "every section has something of theirs");
        for secret in ["$argon2id$", PASSWORD] {
            assert!(!text.contains(secret));
        }

        let other = app.signed_up("other@example.org").await;
        let theirs = other.get("/account/privacy").await.text();
        for trace in traces(account) {
            assert!(!theirs.contains(&trace), "{trace} is on somebody else's page");
        }
        assert_eq!(app.anon().get("/account/privacy").await.header("location"), "/signin?next=/account/privacy");
    }

    async fn p14_the_button_deletes_everything_at_once_and_leaves_no_trace(database) {
        let app = TestApp::on(database).await;
        let log = log_so_far();
        let (person, account) = somebody(&app).await;
        let bystander = app.signed_up("bystander@example.org").await;
        bystander.upload("Theirs.wav", mix()).await;
        app.run_jobs().await;
        let second_browser = app.anon();
        second_browser.post("/signin", &[("email", EMAIL), ("password", PASSWORD)]).await;
        assert_eq!(second_browser.get("/history").await.status, StatusCode::OK);
        // Work that waits, and a permission to upload that is still good.
        let waiting = person.upload("Okapi waits.wav", mix()).await;
        let presigned = person.begin("Okapi late.wav", 1000).await;
        let before = app.everything_stored().await;
        for trace in traces(account).iter() {
            assert!(before.contains(trace.as_str()), "the test does not plant {trace}");
        }

        let unsure = person.post("/account/privacy/delete", &[("password", PASSWORD)]).await;
        assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
        let wrong = person.post("/account/privacy/delete", &[("password", "not the password"), ("sure", "on")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.text().contains("This is not your password"));
        assert_eq!(person.get("/history").await.status, StatusCode::OK, "nothing was deleted");

        let deleted = person.post("/account/privacy/delete", &SURE).await;
        assert_eq!((deleted.status, deleted.header("location")), (StatusCode::SEE_OTHER, "/account/deleted"));
        assert!(deleted.header("clear-site-data").contains("storage"));
        assert!(!person.has_cookie("__Host-session"));
        assert!(person.get("/account/deleted").await.text().contains("Your account is deleted"));

        // At once, before any job has run: sessions, sign-in, rows and work are gone.
        assert_eq!(second_browser.get("/history").await.status, StatusCode::SEE_OTHER);
        assert_eq!(rows_of(&app, "sign_in_throttle").await, 0, "neither wrong passwords nor wrong codes are counted any more");
        let sign_in = app.anon().post("/signin", &[("email", EMAIL), ("password", PASSWORD)]).await;
        assert_eq!(sign_in.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(rows_of(&app, "account").await, 1, "the bystander's");
        let jobs: Vec<(String,)> = app.backend.db.all(sql("SELECT kind FROM job WHERE state = 'queued' ORDER BY kind")).await.unwrap();
        assert_eq!(jobs, ["erase", "erase", "publish_ledger"].map(|kind| (kind.to_owned(),)), "only the deletion itself waits: {:?}", waiting.analysis);

        app.run_jobs().await;
        assert!(app.was_emailed(EMAIL, "Your MixLens account is deleted").await);
        assert_eq!(app.stored_files().len(), 1, "the bystander's is all that is left");
        // The permission from before is used all the same; what it brings is found when all permissions have ended.
        let late = crate::support::put(&presigned, vec![0; 1000]).await;
        assert_eq!(late.status, StatusCode::OK, "{}", late.text());
        app.clock.advance(LONGEST_PRESIGNED);
        app.run_jobs().await;

        bystander.post("/account/privacy/delete", &SURE).await;
        app.clock.advance(LONGEST_PRESIGNED);
        app.run_jobs().await;
        is_forgotten(&app, account).await;
        // That there was a request stays, so does work that is about nobody, and the try to sign in from above.
        for table in manifest::tables().filter(|table| !["privacy_request", "job", "sign_in_throttle"].contains(&table.name)) {
            if matches!(table.export, backend::privacy::manifest::Export::Rows { .. }) {
                assert_eq!(rows_of(&app, table.name).await, 0, "{} is empty", table.name);
            }
        }
        let stored = app.everything_stored().await;
        assert!(stored.contains("\"finished_at\":1"), "the deletion is finished: {stored}");
        let on_disk = database_files(&app);
        for trace in traces(account) {
            let is_there = on_disk.windows(trace.len()).any(|bytes| bytes == trace.as_bytes());
            assert!(!is_there, "{trace} is still in a page of the file");
        }
        let log = log.since();
        assert!(log.contains("an account was deleted"), "the log is captured");
        for trace in traces(account) {
            let found: Vec<&str> = log.lines().filter(|line| line.contains(&trace)).collect();
            assert!(found.is_empty(), "{trace} is in the log: {found:#?}");
        }
        let again = app.signed_up(EMAIL).await;
        assert!(again.get("/history").await.text().contains("Your first report will be here"), "the address is free again");
    }

    async fn p14_a_store_that_is_down_for_days_delays_a_deletion_and_does_not_lose_it(database) {
        let mut app = TestApp::on(database).await;
        let (person, account) = somebody(&app).await;
        person.post("/account/privacy/delete", &SURE).await;
        let alive = std::mem::replace(&mut app.backend.storage, nowhere());
        app.run_jobs().await;
        assert!(app.was_emailed(EMAIL, "Your MixLens account is deleted").await, "what is not down is done at once");
        // Each question to a store that is away waits between its repetitions.
        for _ in 0..4 {
            app.clock.advance(Duration::from_secs(27 * 3600));
            app.run_periodic_work().await;
        }
        assert!(!app.stored_files().is_empty());
        assert_eq!(erasure::open(&app.backend.db).await.unwrap().len(), 1);

        app.backend.storage = alive;
        app.clock.advance(Duration::from_secs(2 * 3600));
        app.run_periodic_work().await;
        assert_eq!(erasure::open(&app.backend.db).await.unwrap(), []);
        is_forgotten(&app, account).await;
    }

    async fn p14_a_last_email_that_is_refused_or_cannot_be_sent_ends_with_no_trace(database) {
        let log = log_so_far();
        // For good; for now; not at all, for longer than anybody can be asked to wait.
        for (refusal, borne_for) in [(Some("550 5.1.1"), DAY), (Some("450 4.2.0"), 7 * DAY), (None, 7 * DAY)] {
            let mut app = TestApp::on(database).await;
            let (person, account) = somebody(&app).await;
            let server = MailServer::start().await;
            match refusal {
                Some(_) => server.take_over(&mut app.backend),
                None => nobody_delivers(&mut app.backend),
            }
            server.refuse(refusal);
            person.post("/account/privacy/delete", &SURE).await;
            app.run_jobs().await;
            let errors = app.texts("SELECT last_error FROM job WHERE last_error IS NOT NULL").await;
            assert!(errors.iter().any(|error| error.starts_with("last_email: ")), "{errors:?}");
            app.clock.advance(LONGEST_PRESIGNED);
            app.run_jobs().await;
            assert_eq!(app.stored_files(), Vec::<std::path::PathBuf>::new(), "the email delays nothing else");
            app.clock.advance(borne_for.saturating_sub(2 * LONGEST_PRESIGNED));
            app.run_periodic_work().await;
            assert_eq!(erasure::open(&app.backend.db).await.unwrap().len(), 1, "{refusal:?} is borne until then");
            assert!(refusal.is_none() || server.attempts() > 1, "and tried again");
            app.clock.advance(Duration::from_secs(2 * 3600));
            app.run_periodic_work().await;
            assert_eq!(erasure::open(&app.backend.db).await.unwrap(), [], "{refusal:?} is not borne for ever");
            assert_eq!(server.taken(), 0);
            is_forgotten(&app, account).await;
        }
        let log = log.since();
        assert!(log.contains("SMTP 550") && log.contains("SMTP 450"), "the log says what the server said");
        for trace in [EMAIL, "User unknown"] {
            let found: Vec<&str> = log.lines().filter(|line| line.contains(trace)).collect();
            assert!(found.is_empty(), "{trace} is in the log: {found:#?}");
        }
    }

    async fn p14_a_mail_server_that_is_down_for_days_delays_the_last_email_and_no_more(database) {
        let mut app = TestApp::on(database).await;
        let (person, account) = somebody(&app).await;
        let server = MailServer::start().await;
        nobody_delivers(&mut app.backend);
        person.post("/account/privacy/delete", &SURE).await;
        for _ in 0..9 {
            app.clock.advance(Duration::from_secs(12 * 3600));
            app.run_periodic_work().await;
        }
        assert_eq!(erasure::open(&app.backend.db).await.unwrap().len(), 1);
        server.take_over(&mut app.backend);
        app.clock.advance(Duration::from_secs(2 * 3600));
        app.run_periodic_work().await;
        assert_eq!(server.taken(), 1, "the person is told once");
        assert_eq!(erasure::open(&app.backend.db).await.unwrap(), []);
        is_forgotten(&app, account).await;
    }

    async fn p15_an_export_holds_everything_for_a_day_and_is_removed(database) {
        let app = TestApp::on(database).await;
        let (person, account) = somebody(&app).await;
        assert!(app.was_emailed(EMAIL, "Your MixLens data is ready to download").await);
        let link = download_link(&person).await;
        assert!(link.contains("X-Amz-Expires=300"), "whoever has it needs no session, for five minutes: {link}");
        let archive = fetch(Method::GET, &link, &[], Vec::new()).await;
        assert_eq!(archive.status, StatusCode::OK);
        assert!(archive.header("content-disposition").contains("attachment"));
        let files = unzipped(archive.body);

        let rows = |file: &str| -> Vec<Value> { serde_json::from_str(&files[file]).unwrap() };
        for table in manifest::tables() {
            let is_exported = matches!(table.export, backend::privacy::manifest::Export::Rows { .. });
            assert_eq!(files.contains_key(&format!("{}.json", table.name)), is_exported, "{}", table.name);
        }
        assert_eq!(rows("account.json")[0]["email"], EMAIL);
        assert_eq!(rows("account.json")[0]["display_name"], NAME);
        assert_eq!(rows("account.json")[0]["id"], account.to_string());
        assert_eq!(rows("upload.json").len(), 3);
        let analyses = rows("analysis.json");
        let analysis = analyses.iter().find(|row| row["title"] == "=Okapi in the rain").unwrap();
        assert!(analysis["report"]["loudness"]["integrated_lufs"].is_object() || analysis["report"]["loudness"]["integrated_lufs"].is_number());
        assert!(analysis["created_at"].as_str().unwrap().ends_with('Z'), "moments are RFC 3339");
        assert_eq!(rows("session.json").len(), 1);
        let history = &files["analyses.csv"];
        assert!(history.contains("'=Okapi in the rain,Okapi sketch.wav,done"), "{history}");
        let whole: String = files.values().cloned().collect();
        for secret in ["$argon2id$", "token_hash\":"] {
            assert!(!whole.contains(secret), "{secret}");
        }

        let other = app.signed_up("other@example.org").await;
        assert!(!other.get("/account/privacy").await.text().contains(">Download<"), "it is its owner's alone");
        let (export,): (String,) = app.backend.db.one(sql("SELECT id FROM export WHERE state = 'ready'")).await.unwrap();
        let path = format!("/account/privacy/exports/{export}");
        assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(app.anon().get(&path).await.status, StatusCode::UNAUTHORIZED);
        let unsigned = fetch(Method::GET, link.split('?').next().unwrap(), &[], Vec::new()).await;
        assert_eq!(unsigned.status, StatusCode::FORBIDDEN);

        person.post("/account/privacy/export", &[]).await;
        let third = person.post("/account/privacy/export", &[]).await;
        assert_eq!(third.status, StatusCode::SEE_OTHER, "one that is being made is not made twice");
        app.run_jobs().await;
        let third = person.post("/account/privacy/export", &[]).await;
        assert_eq!(third.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(!third.header("retry-after").is_empty());

        app.clock.advance(Duration::from_secs(24 * 3600 - 60));
        app.run_periodic_work().await;
        assert_eq!(fetch(Method::GET, &link, &[], Vec::new()).await.status, StatusCode::OK, "a minute before, it is there");
        app.clock.advance(Duration::from_secs(2 * 3600));
        app.run_periodic_work().await;
        assert_eq!(fetch(Method::GET, &link, &[], Vec::new()).await.status, StatusCode::NOT_FOUND);
        let page = person.get("/account/privacy").await.text();
        assert!(page.contains("It was removed after its day") && !page.contains(">Download<"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p14_a_deletion_without_the_token_or_by_somebody_else_deletes_nothing() {
    let (app, anon, user) = TestApp::init().await.with_user().await;
    let forged = user
        .post_raw(
            "/account/privacy/delete",
            &SURE,
            &[("sec-fetch-site", "same-origin")],
        )
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let nobody = anon.post("/account/privacy/delete", &SURE).await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER);
    assert!(nobody.header("location").starts_with("/signin"));
    assert_eq!(user.get("/history").await.status, StatusCode::OK);
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_password_on_the_page_of_deletion_is_slowed_down_like_signing_in() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        last = user
            .post(
                "/account/privacy/delete",
                &[("password", "not the password"), ("sure", "on")],
            )
            .await
            .status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    drop(app);
}

/// Mail goes to an address where nobody listens.
fn nobody_delivers(backend: &mut Backend) {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut config = (*backend.config).clone();
    config.mail.smtp_url = format!("smtp://{closed}").into();
    backend.mailer = Mailer::new(&config).unwrap();
}

/// Where nobody listens.
fn nowhere() -> Storage {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    Storage::new(&StorageSettings {
        endpoint: format!("http://{closed}"),
        public_endpoint: format!("http://{closed}"),
        bucket: "mixlens".into(),
        access_key: "key".into(),
        secret_key: "secret".to_owned().into(),
        region: "auto".into(),
    })
}

async fn download_link(person: &Person) -> String {
    let page = person.get("/account/privacy").await.text();
    let (before, _) = page.split_once(">Download<").expect("a link");
    let path = before.rsplit_once("href=\"").unwrap().1.trim_end_matches('"');
    let led = person.get(path).await;
    assert_eq!(led.status, StatusCode::TEMPORARY_REDIRECT, "{}", led.text());
    led.header("location").to_owned()
}

fn unzipped(bytes: Vec<u8>) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut file = archive.by_index(at).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        })
        .collect()
}
