//! What others do at the same moment, and what we depend on being away: nothing is lost, and nobody is told a wrong reason.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use backend::{
    db::sql,
    storage::{Storage, StorageSettings},
};

use model::{paths, upload::UploadKind};

use crate::support::{Database, PASSWORD, TestApp, mix, on_both_databases, sign_up_form};

/// The store of the application, with a key that it does not know.
fn refused(app: &TestApp) -> Storage {
    Storage::new(&StorageSettings {
        endpoint: app.url.clone(),
        public_endpoint: app.url.clone(),
        bucket: "mixlens".into(),
        access_key: "mixlensnobody".into(),
        secret_key: "a-secret-of-at-least-thirty-two-characters".to_owned().into(),
        region: "auto".into(),
    })
}

on_both_databases! {
    async fn a_storage_that_refuses_us_is_waited_for_and_no_file_is_at_fault(database) {
        let (mut app, _anon, user) = TestApp::on(database).await.with_user().await;
        let uploaded = user.upload("Night drive.wav", mix()).await;
        let wrong = refused(&app);
        let right = std::mem::replace(&mut app.backend.storage, wrong);
        for _ in 0..20 {
            app.run_jobs().await;
            app.clock.advance(Duration::from_secs(60));
        }
        let state = app.texts("SELECT state FROM analysis").await;
        assert_eq!(state, ["queued"], "it waits");
        assert!(!app.was_emailed("ann@example.org", "Not measured").await);
        let words = app.texts("SELECT status_message FROM analysis").await.concat();
        assert!(!words.is_empty(), "and says so");
        app.backend.storage = right;
        app.clock.advance(Duration::from_secs(600));
        app.run_jobs().await;
        let report = user.get(&format!("/analyses/{}/report.json", uploaded.analysis)).await;
        assert_eq!(report.status, StatusCode::OK);
    }

    async fn what_failed_on_our_side_is_measured_again_and_costs_nothing(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let uploaded = user.upload("Night drive.wav", mix()).await;
        let stranger = app.signed_up("bob@example.org").await;
        let page = format!("/analyses/{}", uploaded.analysis);
        let again = format!("{page}/measure-again");
        assert_eq!(user.post(&again, &[]).await.status, StatusCode::CONFLICT, "it has not failed");
        app.backend.db.execute(sql("DELETE FROM job WHERE kind = 'analyse_upload'")).await.unwrap();
        let fail = "UPDATE analysis SET state = 'failed', failure = $1, finished_at = 1";
        let ours = serde_json::to_string(&model::Failure::new(model::FailureCode::Internal)).unwrap();
        let theirs = serde_json::to_string(&model::Failure::new(model::FailureCode::NotAudio)).unwrap();
        app.backend.db.execute(sql(fail).bind(theirs)).await.unwrap();
        assert!(!user.get(&page).await.text().contains("Measure again"));
        assert_eq!(user.post(&again, &[]).await.status, StatusCode::CONFLICT, "the file is the reason");
        app.backend.db.execute(sql(fail).bind(ours.as_str())).await.unwrap();
        assert!(user.get(&page).await.text().contains("Measure again"));
        assert_eq!(stranger.post(&again, &[]).await.status, StatusCode::NOT_FOUND);
        // As it is given back where it fails by itself.
        app.backend.db.execute(sql("UPDATE usage SET analyses = 0")).await.unwrap();
        assert_eq!(user.post(&again, &[]).await.header("location"), page);
        app.run_jobs().await;
        assert_eq!(app.texts("SELECT state FROM analysis").await, ["done"]);
        assert_eq!(app.texts("SELECT CAST(analyses AS TEXT) FROM usage").await, ["1"], "as the first time, and no more");

        // All of them, by the operator; not those whose audio is gone.
        app.backend.db.execute(sql(fail).bind(ours.as_str())).await.unwrap();
        assert_eq!(backend::analyses::measure_all_again(&app.backend).await.unwrap(), 1);
        app.run_jobs().await;
        assert_eq!(app.texts("SELECT state FROM analysis").await, ["done"]);
        app.backend.db.execute(sql(fail).bind(ours)).await.unwrap();
        app.clock.advance(Duration::from_secs(25 * 3600));
        assert_eq!(user.post("/signin", &[("email", "ann@example.org"), ("password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(user.post(&again, &[]).await.status, StatusCode::CONFLICT);
        assert_eq!(backend::analyses::measure_all_again(&app.backend).await.unwrap(), 0);
    }

    /// What is counted first and added to later, asked for many times at once.
    async fn limits_hold_for_whoever_asks_many_times_at_once(database) {
        let settings = [
            ("limits.sign_ups_per_hour", "1000"), ("limits.uploads_per_hour", "1000"), ("limits.writes_per_minute", "1000"),
        ];
        let (app, anon, user) = TestApp::set_up(database, &settings, |_| {}).await.with_user().await;
        // Each page has its token by now.
        let _ = (user.csrf_token().await, anon.csrf_token().await);
        let count = async |select| app.texts(select).await.len();

        let begun = futures::future::join_all((0..40).map(|_| user.try_begin(UploadKind::Mix, "a.wav", 1000))).await;
        assert_eq!(begun.iter().filter(|answer| answer.status == StatusCode::OK).count(), 20);
        assert_eq!(count("SELECT id FROM upload").await, 20);

        futures::future::join_all((0..12).map(|_| user.post(paths::EXPORT, &[]))).await;
        assert_eq!(count("SELECT id FROM export").await, 1, "one is made at a time");

        let ann = [("email", "ann@example.org")];
        futures::future::join_all((0..12).map(|_| anon.post(paths::FORGOT, &ann))).await;
        let new = sign_up_form("carl@example.org");
        futures::future::join_all((0..12).map(|_| anon.post(paths::SIGN_UP, &new))).await;
        let address = [("email", "new@example.net")];
        futures::future::join_all((0..12).map(|_| user.post("/account/email", &address))).await;
        app.run_jobs().await;
        assert_eq!(app.emails_to("ann@example.org", "Choose a new password").await.len(), 3);
        assert_eq!(app.emails_to("carl@example.org", "Confirm your address").await.len(), 3);
        assert_eq!(count("SELECT id FROM email_change").await, 3);
        app.clock.advance(Duration::from_secs(48 * 3600));
        app.run_periodic_work().await;
    }

    /// Each locks several rows, in orders of its own.
    async fn whoever_changes_the_same_rows_at_once_is_never_told_of_it(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let mut ids = Vec::new();
        for name in ["One.wav", "Two.wav", "Three.wav"] {
            ids.push(user.upload(name, mix()).await.analysis.to_string());
        }
        app.run_jobs().await;
        let analyses: Vec<(&str, &str)> = ids.iter().map(|id| ("analysis", id.as_str())).collect();
        let mut backwards = analyses.clone();
        backwards.reverse();
        let form = |song: &'static str, analyses: &[(&'static str, &str)]| -> Vec<(String, String)> {
            std::iter::once(("song", song))
                .chain(analyses.iter().copied())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let mut answers = Vec::new();
        for _ in 0..3 {
            let posts = (0..12).map(|at| {
                let fields = match at % 3 {
                    0 => form("Okapi", &[("analysis", &ids[0]), ("analysis", &ids[1]), ("analysis", &ids[2])]),
                    1 => form("Zebra", &[("analysis", &ids[2]), ("analysis", &ids[1]), ("analysis", &ids[0])]),
                    _ => vec![("title".to_owned(), format!("Title {at}"))],
                };
                let path = if at % 3 == 2 { format!("/analyses/{}/rename", ids[at % ids.len()]) } else { "/songs".to_owned() };
                let user = &user;
                async move {
                    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    user.post(&path, &fields).await.status.as_u16()
                }
            });
            answers.extend(futures::future::join_all(posts).await);
        }
        assert!(answers.iter().all(|status| *status == 303), "{answers:?}");
        let rename = format!("/analyses/{}/rename", ids[0]);
        let delete = format!("/analyses/{}/delete", ids[0]);
        let (renamed, deleted) = tokio::join!(user.post(&rename, &[("title", "Last")]), user.post(&delete, &[]));
        assert!(matches!(renamed.status, StatusCode::SEE_OTHER | StatusCode::NOT_FOUND), "{}", renamed.text());
        assert_eq!(deleted.status, StatusCode::SEE_OTHER);
        app.run_jobs().await;
    }

    /// The rows of a large account go a few at a time, and whoever else writes comes in between.
    async fn p14_the_deletion_of_a_large_account_closes_it_at_once_and_lets_others_write(database) {
        let (app, _anon, user) = TestApp::on(database).await.with_user().await;
        let bob = app.signed_up("bob@example.org").await;
        let account = app.texts("SELECT id FROM account WHERE email = 'ann@example.org'").await.remove(0);
        let report = "x".repeat(20_000);
        let mut tx = app.backend.db.begin().await.unwrap();
        for number in 0..600_u32 {
            let id = format!("{number:032x}");
            let upload = "INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at) VALUES ($1, $2, 'mix', 'removed', 'f', 1, 'audio/wav', 1)";
            tx.execute(sql(upload).bind(id.as_str()).bind(account.as_str())).await.unwrap();
            let analysis = "INSERT INTO analysis (id, account_id, upload_id, title, state, phase, percent, created_at, report) VALUES ($1, $2, $1, 't', 'failed', 'saving', 1, 1, $3)";
            tx.execute(sql(analysis).bind(id).bind(account.as_str()).bind(report.as_str())).await.unwrap();
        }
        tx.commit().await.unwrap();

        let sure = [("password", PASSWORD), ("sure", "on")];
        assert_eq!(user.post("/account/privacy/delete", &sure).await.header("location"), "/account/deleted");
        let count = async |select: &'static str| app.texts(select).await.remove(0).parse::<i64>().unwrap();
        let left = count("SELECT CAST(COUNT(*) AS TEXT) FROM analysis").await;
        assert!(left > 0 && left < 600, "{left}: some are left to the job");
        assert_eq!(app.texts("SELECT email FROM account ORDER BY email").await, ["", "bob@example.org"], "nothing of the person is in it");
        let sign_in = app.anon().post("/signin", &[("email", "ann@example.org"), ("password", PASSWORD)]).await;
        assert_eq!(sign_in.status, StatusCode::UNPROCESSABLE_ENTITY);
        let longest = async {
            let mut longest = Duration::ZERO;
            for number in 0..20 {
                let begin = Instant::now();
                let name = format!("Bob {number}");
                assert_eq!(bob.post("/account/name", &[("display_name", &name)]).await.status, StatusCode::SEE_OTHER);
                longest = longest.max(begin.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            longest
        };
        let (longest, _) = tokio::join!(longest, app.run_jobs());
        assert!(longest < Duration::from_secs(2), "{longest:?}");
        // The address is free.
        let again = app.signed_up("ann@example.org").await;
        assert_eq!(again.get("/history").await.status, StatusCode::OK);

        app.clock.advance(Duration::from_secs(24 * 3600));
        app.run_jobs().await;
        assert_eq!(count("SELECT CAST(COUNT(*) AS TEXT) FROM analysis").await, 0);
        assert_eq!(count("SELECT CAST(COUNT(*) AS TEXT) FROM account").await, 2, "Bob, and the new one");
        assert_eq!(count("SELECT CAST(COUNT(*) AS TEXT) FROM erasure WHERE finished_at IS NULL").await, 0);
    }
}

/// Whatever the reaper does, nobody hears audio past its cut-off (P07).
#[tokio::test(flavor = "multi_thread")]
async fn p07_access_to_audio_ends_at_the_cut_off_though_nothing_removes_it() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("Night drive.wav", mix()).await;
    app.run_jobs().await;
    let ask = async || {
        let id = uploaded.analysis;
        user.get(&format!("/fn/analyses/audio?id={id}")).await
    };
    app.clock.advance(Duration::from_secs(24 * 3600 - 60));
    let form = [("email", "ann@example.org"), ("password", PASSWORD)];
    user.post("/signin", &form).await;
    let link = ask().await;
    assert_eq!(link.status, StatusCode::OK, "{}", link.text());
    let expires = link.text();
    let (_, rest) = expires.split_once("X-Amz-Expires=").unwrap();
    let seconds: u64 = rest.split('&').next().unwrap().parse().unwrap();
    assert!(seconds <= 60, "the link ends with the audio: {seconds} s");
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(ask().await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.stored_files().len(), 1, "nothing has removed it");
}

/// It takes connections and never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_hangs_is_away_within_seconds() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let hanging = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let (app, _anon, user) = TestApp::set_up(Database::Sqlite, &[], |backend| {
        backend.storage = Storage::new(&StorageSettings {
            endpoint: endpoint.clone(),
            public_endpoint: endpoint.clone(),
            bucket: "mixlens".into(),
            access_key: "mixlenstest".into(),
            secret_key: "a-secret-of-at-least-thirty-two-characters".to_owned().into(),
            region: "auto".into(),
        });
    })
    .await
    .with_user()
    .await;
    let begun = user.begin("Night drive.wav", 1000).await;
    let begin = Instant::now();
    let answer = user.complete(begun.upload).await;
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.text()
    );
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    hanging.abort();
    drop(app);
}
