//! The real program: deletions that are killed half-way, the operator's commands, the private figures, error reports.

use std::{sync::Arc, time::Duration};

use axum::http::{Method, StatusCode};
use backend::{
    cleanup,
    db::{Db, InstallationClock, sql},
    sessions, work,
};

use crate::{
    programs::{Installation, eventually, is_measured},
    support::{
        Database, PASSWORD, Person, TestApp, everything_in, fetch, mix,
        object_store::{Fault, ObjectStore},
        on_both_databases,
        receiver::Receiver,
    },
};

const EMAIL: &str = "zebulon.quagga@example.org";

async fn open_steps(db: &Db) -> Vec<String> {
    let rows: Vec<(String,)> = db
        .all(sql(
            "SELECT step FROM erasure_step WHERE done_at IS NULL ORDER BY step",
        ))
        .await
        .unwrap();
    rows.into_iter().map(|(step,)| step).collect()
}

/// Makes the second emptying of the store due, which would come half an hour later.
async fn permissions_have_ended(db: &Db) {
    db.execute(sql("UPDATE erasure_step SET not_before = 0"))
        .await
        .unwrap();
    db.execute(sql(
        "UPDATE job SET run_at = 0 WHERE kind = 'erase' AND state = 'queued'",
    ))
    .await
    .unwrap();
}

on_both_databases! {
    async fn p14_a_deletion_killed_between_and_within_its_steps_is_finished_by_the_next_worker(database) {
        let store = ObjectStore::start().await;
        let mut installation = Installation::on(Some(database)).await;
        installation.settings = store.settings();
        let _web = installation.start(&["web"]);
        installation.is_ready().await;
        let mut worker = installation.start(&["worker"]);
        let person = installation.signed_up(EMAIL).await;
        let uploaded = person.upload("Okapi.wav", mix()).await;
        is_measured(&person, uploaded.analysis).await;
        let db = &installation.scratch.as_ref().unwrap().db;
        let (account,): (String,) = db.one(sql("SELECT id FROM account")).await.unwrap();
        assert_eq!(store.objects(), 1);
        worker.signal("-KILL");
        worker.ends().await;

        let erased = installation.run(&["admin", "erase", "--email", EMAIL, "--yes"]);
        assert!(erased.status.success(), "{erased:?}");
        assert_eq!(person.get("/history").await.status, StatusCode::SEE_OTHER, "the session ended with the command");
        assert_eq!(open_steps(db).await, ["email_files", "last_email", "late_objects", "objects"], "no worker, nothing done yet");

        // Between the email and the store: nothing of the store's step has happened.
        store.set(Method::GET, Fault::Before);
        let mut worker = installation.start(&["worker"]);
        store.stands_still().await;
        assert_eq!(open_steps(db).await, ["email_files", "late_objects", "objects"]);
        worker.signal("-KILL");
        worker.ends().await;
        assert_eq!(store.objects(), 1);
        let emails = std::fs::read_dir(installation.data().join("mail")).unwrap();
        let farewells = emails
            .filter(|email| std::fs::read_to_string(email.as_ref().unwrap().path()).unwrap().contains("account is deleted"))
            .count();
        assert_eq!(farewells, 1);

        // Within the step: the object is gone, and nobody has noted it.
        store.set(Method::DELETE, Fault::After);
        let mut worker = installation.start(&["worker"]);
        store.stands_still().await;
        worker.signal("-KILL");
        worker.ends().await;
        assert_eq!(store.objects(), 0);
        assert_eq!(open_steps(db).await, ["email_files", "late_objects", "objects"]);

        // Between the two emptyings of the store.
        store.heal();
        let mut worker = installation.start(&["worker"]);
        eventually("the store's step is done", async || {
            (open_steps(db).await == ["email_files", "late_objects"]).then_some(())
        })
        .await;
        worker.signal("-KILL");
        worker.ends().await;
        let listed = installation.run(&["admin", "requests"]);
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains("waits for late_objects") && listed.contains("29 days left"), "{listed}");

        permissions_have_ended(db).await;
        store.set(Method::GET, Fault::After);
        let mut worker = installation.start(&["worker"]);
        store.stands_still().await;
        worker.signal("-KILL");
        worker.ends().await;

        store.heal();
        let _worker = installation.start(&["worker"]);
        eventually("the deletion is finished", async || {
            let finished: Vec<(i64,)> =
                db.all(sql("SELECT finished_at FROM erasure WHERE finished_at IS NOT NULL")).await.unwrap();
            (finished.len() == 1).then_some(())
        })
        .await;
        let stored = everything_in(db).await;
        let log = installation.log();
        assert!(log.contains("an account was deleted") || log.contains("a deletion is finished"), "{log}");
        for trace in [EMAIL, "quagga", "Okapi", account.as_str()] {
            assert!(!stored.contains(trace), "{trace} is stored: {stored}");
            assert!(!log.contains(trace), "{trace} is in the log");
        }
        let emails = std::fs::read_dir(installation.data().join("mail")).unwrap();
        assert_eq!(emails.count(), 0, "emails in files go, too");
        drop((_web, _worker));
        installation.remove().await;
    }

    async fn p18_the_operator_answers_requests_and_deletes_a_childs_account(database) {
        let installation = Installation::on(Some(database)).await;
        let _all = installation.start(&[]);
        installation.is_ready().await;
        let (child, grown) = (installation.signed_up("child@example.org").await, installation.signed_up("ann@example.org").await);
        let said = |arguments: &[&str]| {
            let output = installation.run(arguments);
            (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
        };
        assert!(said(&["admin", "requests"]).1.contains("nothing is open"));
        let (ok, _) = said(&["admin", "note-request", "--email", "child@example.org", "--kind", "child"]);
        assert!(ok);
        let (ok, noted) =
            said(&["admin", "note-request", "--email", "ann@example.org", "--kind", "copy", "--received", "2026-10-01"]);
        assert!(ok && noted.contains("before 2026-10-31"), "{noted}");
        let (_, open) = said(&["admin", "requests"]);
        assert!(open.contains("OVERDUE since 2026-10-31") && open.contains("child") && open.contains("29 days left"), "{open}");
        assert!(!open.contains("example.org"), "no address on the screen: {open}");

        let out = installation.folder.path().join("ann.zip");
        let (ok, exported) = said(&["admin", "export", "--email", "ANN@example.org", "--out", out.to_str().unwrap()]);
        assert!(ok && exported.contains("requests answered: 1"), "{exported}");
        assert_eq!(&std::fs::read(&out).unwrap()[..2], b"PK");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&out).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "for the operator's eyes only");

        assert!(said(&["admin", "erase", "--email", "child@example.org", "--child", "--yes"]).0);
        assert_eq!(child.get("/history").await.status, StatusCode::SEE_OTHER);
        assert_eq!(grown.get("/history").await.status, StatusCode::OK);
        let db = &installation.scratch.as_ref().unwrap().db;
        let origin: Vec<(String,)> = db.all(sql("SELECT origin FROM erasure")).await.unwrap();
        assert_eq!(origin, [("child".to_owned(),)]);
        let (_, open) = said(&["admin", "requests"]);
        assert!(!open.contains("request "), "both requests are answered: {open}");
        let (ok, nobody) = said(&["admin", "erase", "--email", "child@example.org"]);
        assert!(!ok && nobody.contains("no account with this address"), "{nobody}");

        // A backup from before brings the child's account back; the ledger deletes it again, and nobody else.
        let (ok, ledger) = said(&["admin", "ledger"]);
        assert!(ok && ledger.trim().len() == 64, "{ledger}");
        let (erased,): (String,) = db.one(sql("SELECT account_hash FROM erasure")).await.unwrap();
        let restored = installation.signed_up("restored@example.org").await;
        let (id,): (String,) =
            db.one(sql("SELECT id FROM account WHERE email = 'restored@example.org'")).await.unwrap();
        let file = installation.folder.path().join("ledger");
        let hash = backend::ledger::hash_of(id);
        std::fs::write(&file, format!("{erased}\n{hash}\n")).unwrap();
        let (ok, replayed) = said(&["admin", "replay", "--ledger", file.to_str().unwrap()]);
        assert!(ok && replayed.contains("deleted again: 1"), "{replayed}");
        assert_eq!(restored.get("/history").await.status, StatusCode::SEE_OTHER);
        assert_eq!(grown.get("/history").await.status, StatusCode::OK);

        let (ok, due) = said(&["reap", "--dry-run"]);
        assert!(ok && due.contains("0 uploads whose audio is due"), "{due}");
        let (ok, _) = said(&["admin", "publish-policy", "--version", "2027-05-01", "--summary", "More.", "--material"]);
        assert!(ok);
        assert!(grown.get("/policies").await.text().contains("2027-05-01"));
        let (ok, none) = said(&["admin", "turn-off-second-factor", "--email", "ann@example.org"]);
        assert!(!ok && none.contains("no second factor"), "{none}");
        let begun = "INSERT INTO second_factor (account_id, encrypted_secret, last_step, created_at, confirmed_at)
                     SELECT id, 'sealed', 0, 1, 1 FROM account WHERE email = 'ann@example.org'";
        db.execute(sql(begun)).await.unwrap();
        let other_browser = Person::visiting(&installation.url());
        let (ok, off) = said(&["admin", "turn-off-second-factor", "--email", "ann@example.org"]);
        assert!(ok && off.contains("every session has ended") && !off.contains("ann@"), "{off}");
        assert_eq!(grown.get("/history").await.status, StatusCode::SEE_OTHER);
        let form = [("email", "ann@example.org"), ("password", PASSWORD)];
        assert_eq!(other_browser.post("/signin", &form).await.status, StatusCode::SEE_OTHER);
        let log = installation.log();
        assert!(!log.contains("ann@example.org"), "{log}");
        let (ok, _) = said(&["admin", "set-plan", "--email", "ann@example.org", "--plan", "pro"]);
        assert!(ok);
        drop(_all);
        installation.remove().await;
    }

    async fn p16_news_are_sent_by_a_command_to_those_who_asked_for_them(database) {
        let installation = Installation::on(Some(database)).await;
        let _all = installation.start(&[]);
        installation.is_ready().await;
        let (ann, _bob) = (installation.signed_up("ann@example.org").await, installation.signed_up("bob@example.org").await);
        ann.post("/account/email-preferences", &[("marketing", "on")]).await;
        let said = |arguments: &[&str]| {
            let output = installation.run(arguments);
            (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
        };
        let file = installation.folder.path().join("news.txt");
        let file = file.to_str().unwrap();
        let (ok, missing) = said(&["admin", "newsletter", "--file", file]);
        assert!(!ok && missing.contains("news.txt"), "{missing}");
        std::fs::write(file, "One line").unwrap();
        let (ok, wrong) = said(&["admin", "newsletter", "--file", file]);
        assert!(!ok && wrong.contains("subject into the first line"), "{wrong}");
        std::fs::write(file, "News of spring\n\nThere is something new.").unwrap();
        let (ok, planned) = said(&["admin", "newsletter", "--file", file, "--dry-run"]);
        assert!(ok && planned.contains("accounts that would get it now: 1"), "{planned}");
        let (ok, sent) = said(&["admin", "newsletter", "--file", file]);
        assert!(ok && sent.contains("now: 1"), "{sent}");
        let with_news = || {
            let emails = std::fs::read_dir(installation.data().join("mail")).unwrap();
            let texts = emails.map(|email| std::fs::read_to_string(email.unwrap().path()).unwrap());
            texts.filter(|text| text.contains("Subject: News of spring")).collect::<Vec<_>>()
        };
        let emails = eventually("the news are sent", async || Some(with_news()).filter(|emails| !emails.is_empty())).await;
        assert!(emails.len() == 1 && emails[0].contains("To: ann@example.org"), "{emails:?}");
        let (ok, again) = said(&["admin", "newsletter", "--file", file]);
        assert!(ok && again.contains("sent before"), "{again}");
        drop(_all);
        installation.remove().await;
    }

    async fn p25_an_error_report_holds_where_it_was_and_nothing_of_the_person(database) {
        let receiver = Receiver::start().await;
        let mut installation = Installation::on(Some(database)).await;
        let dsn = receiver.url.replace("http://", "http://publickey@") + "/7";
        installation.settings = vec![("MIXLENS_TELEMETRY__SENTRY_DSN", dsn)];
        let program = installation.start(&["web"]);
        let worker = installation.start(&["worker"]);
        installation.is_ready().await;
        let person = installation.signed_up(EMAIL).await;
        let uploaded = person.upload("Okapi secret.wav", mix()).await;
        is_measured(&person, uploaded.analysis).await;
        let db = &installation.scratch.as_ref().unwrap().db;
        let (account,): (String,) = db.one(sql("SELECT id FROM account")).await.unwrap();
        let token = person.csrf_token().await;
        assert!(!receiver.seen().join("").contains("publickey@"), "nothing was wrong so far");

        // Something breaks in the middle of a request that is full of what must not leave.
        db.execute(sql("ALTER TABLE analysis RENAME COLUMN title TO was_title")).await.unwrap();
        let headers = [
            ("x-forwarded-for", "203.0.113.77"),
            ("user-agent", "SecretBrowser/7"),
            ("authorization", "Bearer mlp_secret"),
            ("sec-fetch-site", "same-origin"),
        ];
        let page = format!("/analyses/{}?token=tok_secret&X-Amz-Signature=abc", uploaded.analysis);
        let failed = person.send(Method::GET, &page, &headers, Vec::new()).await;
        assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        let form = [("title", "Okapi secret title"), ("email", EMAIL), ("csrf", token.as_str())];
        person.post_raw(&format!("/analyses/{}/rename", uploaded.analysis), &form, &headers).await;
        let all = receiver.until("/analyses/{id}/rename").await;
        assert!(all.contains("\"message\":\"answered\"") && all.contains("\"status\":\"500\""), "{all}");
        assert!(all.contains("\"stacktrace\""), "it says where: {all}");
        let headers = [("sec-fetch-site", "same-origin"), ("x-csrf-token", token.as_str()), ("content-type", "text/plain")];
        for (reported, status) in [
            ("app/src/islands/player.rs:261:9", StatusCode::NO_CONTENT),
            ("app/src/Okapi secret.rs:261:9", StatusCode::UNPROCESSABLE_ENTITY),
        ] {
            let answer = person.send(Method::POST, "/browser-fault", &headers, reported.as_bytes().to_vec()).await;
            assert_eq!(answer.status, status, "{reported}");
        }
        let all = all + &receiver.until("app/src/islands/player.rs:261:9").await;
        assert!(all.contains("broke in the browser"), "{all}");
        let analysis = uploaded.analysis.to_string();
        for secret in [
            EMAIL, "quagga", "Okapi", "secret", "Secret", "203.0.113", "SecretBrowser", "mlp_", "X-Amz", "__Host", "was_title", ".wav",
            account.as_str(), analysis.as_str(), token.as_str(), "example.org",
        ] {
            assert!(!all.contains(secret), "{secret} left: {all}");
        }
        drop((program, worker));
        installation.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p25_without_a_dsn_nothing_is_reported_and_p09_the_figures_are_on_a_private_listener() {
    let mut installation = Installation::on(Some(Database::Sqlite)).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    installation.settings = vec![("MIXLENS_METRICS_LISTEN", port.to_string())];
    let _all = installation.start(&[]);
    installation.is_ready().await;
    let public = Person::visiting(&installation.url());
    assert_eq!(
        public.get("/metrics").await.status,
        StatusCode::NOT_FOUND,
        "the world does not see them"
    );
    let url = format!("http://{port}/metrics");
    let figures = fetch(Method::GET, &url, &[], Vec::new()).await;
    assert_eq!(figures.status, StatusCode::OK);
    assert!(
        figures.text().contains("\nmixlens_overdue_objects 0\n"),
        "{}",
        figures.text()
    );

    // An upload whose time came four hours ago and that nobody removed.
    let ann = installation.signed_up("ann@example.org").await;
    ann.upload("a.wav", mix()).await;
    let db = &installation.scratch.as_ref().unwrap().db;
    let ago = Duration::from_secs(4 * 3600).as_millis();
    let (now,): (i64,) = db.one(sql("SELECT stored_at FROM upload")).await.unwrap();
    let late = sql("UPDATE upload SET delete_after = $1").bind(now - i64::try_from(ago).unwrap());
    db.execute(late).await.unwrap();
    let figures = fetch(Method::GET, &url, &[], Vec::new()).await.text();
    assert!(figures.contains("\nmixlens_overdue_objects 1\n"), "{figures}");
    assert!(
        figures.contains("mixlens_due{what=\"uploads whose audio is due\"} 1"),
        "{figures}"
    );
    assert!(!figures.contains("ann@"), "{figures}");
    let reaped = installation.run(&["reap"]);
    assert!(String::from_utf8(reaped.stdout).unwrap().contains("uploads: 1"));
    let figures = fetch(Method::GET, &url, &[], Vec::new()).await.text();
    assert!(figures.contains("\nmixlens_overdue_objects 0\n"), "{figures}");
}

/// What backups can no longer hold is forgotten in the database and beside it, and not taken up again from there.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_forgets_what_no_backup_holds_any_more() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("Night drive.wav", mix()).await;
    app.run_jobs().await;
    user.post(&format!("/analyses/{}/delete", uploaded.analysis), &[])
        .await;
    app.run_jobs().await;
    let file = app.backend.config.data_dir.join("deletions.txt");
    let lines = || std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let hash = backend::ledger::hash_of(uploaded.analysis);
    assert_eq!(lines(), hash);
    for (days, kept) in [(34, hash.as_str()), (2, "")] {
        app.clock.advance(Duration::from_secs(days * 24 * 3600));
        app.run_periodic_work().await;
        assert_eq!(lines(), kept, "{days} days later");
        assert!(backend::ledger::missing(&app.backend).await.unwrap().is_empty());
    }
    assert!(app.texts("SELECT hash FROM deletion").await.is_empty());
}

/// They are dead after twenty attempts, because the database was away for long; nobody would ever be told.
#[tokio::test(flavor = "multi_thread")]
async fn announcements_that_are_dead_go_on_where_they_were() {
    let (app, _anon, _user) = TestApp::init().await.with_user().await;
    app.signed_up("bob@example.org").await;
    let change = backend::privacy::policy::Change::Material;
    let version = "2031-01-01";
    app.clock.advance(Duration::from_secs(1));
    let published = backend::privacy::policy::publish(&app.backend, version, change, "Something new.");
    assert!(published.await.unwrap());
    let die = "UPDATE job SET state = 'dead', attempts = 20, finished_at = 1 WHERE kind = 'announce_policy'";
    app.backend.db.execute(sql(die)).await.unwrap();
    // One was told before it died.
    let told = "INSERT INTO policy_notification (account_id, version, sent_at)
        SELECT id, '2031-01-01', 1 FROM account WHERE email = 'bob@example.org'";
    app.backend.db.execute(sql(told)).await.unwrap();
    app.run_jobs().await;
    let words = "Something new.";
    assert!(!app.was_emailed("ann@example.org", words).await);
    assert_eq!(work::retry_announcements(&app.backend).await.unwrap(), 1);
    app.run_jobs().await;
    assert_eq!(app.times_emailed("ann@example.org", words).await, 1);
    assert_eq!(app.times_emailed("bob@example.org", words).await, 0);
    assert_eq!(work::retry_announcements(&app.backend).await.unwrap(), 0);
}

/// A storage that is away when a restored database starts hides the ledger for as long as it is away, and nobody is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_read_at_the_start_is_followed_when_it_can() {
    let store = ObjectStore::start().await;
    let mut installation = Installation::on(Some(Database::Postgres)).await;
    installation.settings = store.settings();
    let mut program = installation.start(&[]);
    installation.is_ready().await;
    let person = installation.signed_up(EMAIL).await;
    let uploaded = person.upload("Okapi.wav", mix()).await;
    is_measured(&person, uploaded.analysis).await;
    let db = &installation.scratch.as_ref().unwrap().db;
    let count = async |select: &'static str| db.one::<(i64,)>(sql(select)).await.unwrap().0;
    let hash = backend::ledger::hash_of(uploaded.analysis);
    program.signal("-TERM");
    program.ends().await;
    // The bucket knows of a deletion that the database does not: it was restored from before.
    let storage = store.client();
    let ledger = backend::storage::Key::ledger();
    storage
        .put(&ledger, format!("{hash}\n").into(), "text/plain")
        .await
        .unwrap();
    store.set(Method::HEAD, Fault::Before);
    let _again = installation.start(&[]);
    installation.lives().await;
    assert_eq!(count("SELECT COUNT(*) FROM analysis").await, 1);
    let page = format!("/analyses/{}", uploaded.analysis);
    for path in ["/readyz", "/history", &page] {
        let answer = person.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    store.heal();
    installation.is_ready().await;
    assert_eq!(person.get(&page).await.status, StatusCode::NOT_FOUND);
    assert!(
        count("SELECT COUNT(*) FROM deletion").await > 0,
        "the ledger is taken up"
    );
    installation.remove().await;
}

/// The machine's clock is eight days ahead of the database's, and then eight days behind: only the latter decides.
#[tokio::test(flavor = "multi_thread")]
async fn p07_audio_is_removed_and_sessions_end_by_the_clock_of_the_database_alone() {
    const HOURS: i32 = 8 * 24;
    let (app, _anon, user) = TestApp::on(Database::Postgres).await.with_user().await;
    user.upload("Night drive.wav", mix()).await;
    app.run_jobs().await;
    let token = user.cookie("__Host-session").unwrap();
    // Everything so far happened then by the database's clock, as it did by the machine's.
    let move_rows = async |hours: i32| {
        for update in [
            "UPDATE upload SET created_at = created_at + $1, delete_after = delete_after + $1",
            "UPDATE session SET created_at = created_at + $1, last_seen_at = last_seen_at + $1",
        ] {
            let by = i64::from(hours) * 3_600_000;
            app.backend.db.execute(sql(update).bind(by)).await.unwrap();
        }
    };
    let look = async |hours: i32| {
        let mut seen = app.backend.clone();
        seen.db = app.database_ahead_by(hours).await;
        seen.clock = Arc::new(InstallationClock::connect(&seen.db).await.unwrap());
        let user = sessions::resolve(&seen, &token).await.unwrap();
        let purged = cleanup::purge(&seen).await.unwrap();
        seen.db.close().await;
        (user.is_some(), purged.uploads)
    };
    move_rows(-HOURS).await;
    assert_eq!(look(-HOURS).await, (true, 0), "the machine is ahead");
    move_rows(HOURS).await;
    assert_eq!(look(HOURS).await, (false, 1), "the machine is behind");
    // The job is due by that clock, which has gone on meanwhile.
    app.clock
        .advance(Duration::from_secs(3600) * (HOURS.unsigned_abs() + 1));
    app.run_jobs().await;
    assert!(app.stored_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_hold_ids_and_times_and_nothing_of_anybody() {
    let collector = Receiver::start().await;
    let mut installation = Installation::on(None).await;
    installation.settings = vec![
        (
            "MIXLENS_TELEMETRY__OTLP_ENDPOINT",
            format!("{}/v1/traces", collector.url),
        ),
        // However little is logged.
        ("MIXLENS_LOG", "error".to_owned()),
    ];
    let mut program = installation.start(&[]);
    installation.is_ready().await;
    let person = installation.signed_up(EMAIL).await;
    let uploaded = person.upload("Okapi in the rain.wav", mix()).await;
    is_measured(&person, uploaded.analysis).await;
    let answer = person.get("/history?q=okapi").await;
    // What waits is sent at the end.
    program.signal("-TERM");
    assert!(program.ends().await.success());
    let all = collector.seen().concat();
    for expected in [
        "/v1/traces",
        "application/x-protobuf",
        "mixlens",
        "request",
        "job",
        "analyse_upload",
        "http.route",
        "/history",
        "/analyses/{id}",
        answer.header("x-request-id"),
    ] {
        assert!(all.contains(expected), "{expected}");
    }
    for trace in [
        "zebulon",
        "quagga",
        "Okapi",
        "okapi",
        "Ann",
        "127.0.0.1:",
        "answered",
        "claimed",
        ".rs",
    ] {
        // The address of the collector itself stands among the headers of each request.
        let named = all.replace(collector.url.trim_start_matches("http://"), "");
        assert!(!named.contains(trace), "{trace} in a trace");
    }
    assert!(
        !installation.log().contains("answered"),
        "and the log is as it was asked for"
    );
}
