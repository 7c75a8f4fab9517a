//! A POST is done once, however often it is sent, and whatever happens in between.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, StatusCode};
use backend::{
    Scope, TokenKind,
    db::{Db, Tx, sql},
};
use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::program;
use crate::{
    programs::{Installation, eventually},
    support::{
        Answer, Database, Person, TestApp, mix, on_both_databases,
        program::{Program, new_token},
        put_json,
        receiver::Receiver,
    },
};

const UPLOADS: &str = "/api/v1/uploads";
const ENDPOINTS: &str = "/api/v1/webhook-endpoints";

fn file(name: &str) -> Value {
    json!({ "file_name": name, "size_bytes": 1000 })
}

async fn uploads(app: &TestApp) -> usize {
    app.texts("SELECT id FROM upload").await.len()
}

fn is_replay(answer: &Answer) -> bool {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.header("idempotent-replayed") == "true"
}

fn id_of(answer: &Answer) -> String {
    answer.json::<Value>()["id"].as_str().unwrap().to_owned()
}

/// Lets nobody write that a request is done, until it is dropped. `program` asks first, because the day of its token is written, too.
async fn held_up(db: &Db, program: &Program) -> Tx {
    assert_eq!(program.get("/api/v1/usage").await.status, StatusCode::OK);
    let mut tx = db.begin().await.unwrap();
    let lock = sql("UPDATE idempotency_key SET resource = resource WHERE request_key = ''")
        .on_postgres("LOCK TABLE idempotency_key IN EXCLUSIVE MODE");
    tx.execute(lock).await.unwrap();
    tx
}

on_both_databases! {
    async fn a_request_that_is_sent_again_is_answered_from_what_the_first_one_made(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let first = program.post(UPLOADS, "\"a-key\"", file("a.wav")).await;
        assert!(!is_replay(&first));
        // With and without the quotes of a structured string it is the same key.
        let again = program.post(UPLOADS, "a-key", file("a.wav")).await;
        assert!(is_replay(&again));
        assert_eq!(id_of(&again), id_of(&first));
        assert_eq!(uploads(&app).await, 1);
        let other = program.post(UPLOADS, "a-key", file("b.wav")).await;
        assert_eq!(other.problem(), (422, "key_reused".to_owned()));
        app.clock.advance(Duration::from_secs(24 * 3600 + 1));
        let later = program.post(UPLOADS, "a-key", file("b.wav")).await;
        assert!(!is_replay(&later), "after a day the key is free");
        assert!(is_replay(&program.post(UPLOADS, "a-key", file("b.wav")).await), "and belongs to that one");
        app.run_jobs().await;
    }

    async fn a_key_is_its_accounts_own_and_is_forgotten_after_a_day(database) {
        let app = TestApp::on(database).await;
        let anns = program(&app).await;
        let bob = app.signed_up("bob@example.org").await;
        app.on_studio("bob@example.org").await;
        let bobs = app.program(&bob, TokenKind::Live, &Scope::ALL).await;
        let first = anns.post(UPLOADS, "k", file("a.wav")).await;
        let other = bobs.post(UPLOADS, "k", file("b.wav")).await;
        assert!(!is_replay(&first) && !is_replay(&other));
        let keys = "SELECT request_key FROM idempotency_key";
        app.run_periodic_work().await;
        assert_eq!(app.texts(keys).await.len(), 2);
        app.clock.advance(Duration::from_secs(24 * 3600 + 1));
        app.run_periodic_work().await;
        assert_eq!(app.texts(keys).await.len(), 0);
    }

    async fn while_one_runs_its_twin_is_told_so_and_another_one_with_its_key_is_refused(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let held = held_up(&app.backend.db, &program).await;
        let mut twins: FuturesUnordered<_> = (0..2).map(|_| program.post(UPLOADS, "k", file("a.wav"))).collect();
        let twin = twins.next().await.unwrap();
        assert_eq!(twin.problem(), (409, "key_in_use".to_owned()));
        assert_eq!(twin.header("retry-after"), "1");
        let other = program.post(UPLOADS, "k", file("b.wav")).await;
        assert_eq!(other.problem(), (422, "key_reused".to_owned()));
        drop(held);
        let done = twins.next().await.unwrap();
        assert!(!is_replay(&done));
        let third = program.post(UPLOADS, "k", file("a.wav")).await;
        assert!(is_replay(&third));
        assert_eq!(id_of(&third), id_of(&done));
        assert_eq!(uploads(&app).await, 1);
    }

    async fn a_request_whose_connection_broke_is_sent_again_at_once(database) {
        let app = TestApp::on(database).await;
        let program = program(&app).await;
        let held = held_up(&app.backend.db, &program).await;
        let post = || program.post(UPLOADS, "k", file("a.wav"));
        tokio::time::timeout(Duration::from_millis(500), post()).await.unwrap_err();
        let release = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(held);
        };
        let (again, ()) = tokio::join!(post(), release);
        assert_eq!(again.status, StatusCode::CREATED, "{}", again.text());
        assert!(is_replay(&post().await));
        assert_eq!(uploads(&app).await, 1);
    }

    async fn what_is_refused_in_the_middle_of_its_work_leaves_its_key_free(database) {
        let app = TestApp::set_up(database, &[("uploads.parts_above_megabytes", "10")], |_| {}).await;
        let program = program(&app).await;
        // As many as may be on their way.
        for number in 0..20 {
            let begun = program.post(UPLOADS, &format!("k{number}"), file("a.wav")).await;
            assert!(!is_replay(&begun));
        }
        let large = || json!({ "file_name": "large.wav", "size_bytes": 20_000_000 });
        let refused = program.post(UPLOADS, "k", large()).await;
        assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
        assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap(), [], "the storage was told");
        app.clock.advance(Duration::from_secs(16 * 60));
        let begun = program.post(UPLOADS, "k", large()).await;
        assert!(!is_replay(&begun));
        assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap().len(), 1);
        let again = program.post(UPLOADS, "k", large()).await;
        assert!(is_replay(&again));
        assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap().len(), 1);
        let parts = program.get(&format!("{UPLOADS}/{}/parts", id_of(&again))).await;
        assert_eq!(parts.status, StatusCode::OK, "{}", parts.text());
    }
}

/// How many commits the log of SQLite holds: the frames that say how large the database is now (sqlite.org, `fileformat2.html`, 4.1).
fn commits(app: &TestApp) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let path = format!("{}-wal", app.database_url().strip_prefix("sqlite:").unwrap());
    let log = std::fs::read(Path::new(&path)).unwrap();
    if log.len() < HEADER {
        return 0;
    }
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let page = usize::try_from(number(&log[8..12])).unwrap();
    log[HEADER..]
        .chunks_exact(FRAME_HEADER + page)
        .filter(|frame| frame[8..16] == log[16..24] && number(&frame[4..8]) > 0)
        .count()
}

/// How many commits a POST costs, and its replay.
async fn cost(app: &TestApp, program: &Program, path: &str, body: Value) -> (Answer, usize, usize) {
    let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
    let mut seen = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..2 {
        app.backend.db.execute(sql(empty)).await.unwrap();
        assert_eq!(commits(app), 0);
        answers.push(program.post(path, &path.replace('/', "-"), body.clone()).await);
        seen.push(commits(app));
    }
    let (again, first) = (answers.pop().unwrap(), answers.pop().unwrap());
    assert!(first.status.is_success(), "{path}: {}", first.text());
    assert_eq!(again.header("idempotent-replayed"), "true", "{path}");
    (first, seen[0], seen[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_costs_one_commit_and_its_replay_none() {
    let settings = [
        ("webhooks.private_networks", "true"),
        ("uploads.parts_above_megabytes", "10"),
    ];
    let app = TestApp::set_up(Database::Sqlite, &settings, |_| {}).await;
    let program = program(&app).await;
    // The first request of a day writes the day of its token as well.
    assert_eq!(program.get("/api/v1/usage").await.status, StatusCode::OK);
    let bytes = mix();
    let upload = json!({ "file_name": "a.wav", "size_bytes": bytes.len() });
    let (upload, begun, begun_again) = cost(&app, &program, UPLOADS, upload).await;
    let upload = upload.json::<Value>();
    assert_eq!(put_json(&upload["put"], bytes).await.status, StatusCode::OK);
    let analysis = json!({ "upload": upload["id"] });
    let (analysis, analysed, analysed_again) = cost(&app, &program, "/api/v1/analyses", analysis).await;
    app.run_jobs().await;
    let mut seen = vec![
        ("an upload".to_owned(), begun, begun_again),
        ("an analysis".to_owned(), analysed, analysed_again),
    ];
    let analysis = id_of(&analysis);
    let of_analysis = |end: &str| format!("/api/v1/analyses/{analysis}/{end}");
    let receiver = Receiver::start().await;
    let hook = json!({ "url": receiver.url, "events": ["analysis.failed"] });
    let (endpoint, made, made_again) = cost(&app, &program, ENDPOINTS, hook).await;
    seen.push(("an endpoint".to_owned(), made, made_again));
    let endpoint = format!("{ENDPOINTS}/{}", id_of(&endpoint));
    for (path, body) in [
        (of_analysis("verdict"), json!({ "stage": "master" })),
        (of_analysis("renders"), json!({})),
        (of_analysis("shares"), json!({ "days": 7 })),
        (
            "/api/v1/songs".to_owned(),
            json!({ "song": "Okapi", "analysis": [analysis] }),
        ),
        (format!("{endpoint}/rotate-secret"), json!({})),
    ] {
        let (_, first, again) = cost(&app, &program, &path, body).await;
        seen.push((path, first, again));
    }
    let (ping, first, again) = cost(&app, &program, &format!("{endpoint}/ping"), json!({})).await;
    seen.push(("a ping".to_owned(), first, again));
    app.run_jobs().await;
    let delivery = format!("/api/v1/webhook-deliveries/{}/redeliver", id_of(&ping));
    let (_, first, again) = cost(&app, &program, &delivery, json!({})).await;
    seen.push((delivery, first, again));
    app.run_jobs().await;
    assert!(
        seen.iter().all(|(_, first, again)| (*first, *again) == (1, 0)),
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_takes_a_key_that_can_be_read() {
    let app = TestApp::on(Database::Sqlite).await;
    let program = program(&app).await;
    let none = program
        .send(Method::POST, UPLOADS, &[], Some(file("a.wav")))
        .await;
    assert_eq!(none.problem(), (400, "key_missing".to_owned()));
    for key in ["", "\"\"", "two words", &"k".repeat(256)] {
        assert_eq!(
            program.post(UPLOADS, key, file("a.wav")).await.problem(),
            (400, "key_missing".to_owned()),
            "{key}"
        );
    }
    let two = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let two = program
        .send(Method::POST, UPLOADS, &two, Some(file("a.wav")))
        .await;
    assert_eq!(two.problem(), (400, "key_missing".to_owned()));
    assert_eq!(uploads(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_refused_leaves_its_key_free() {
    let app = TestApp::on(Database::Sqlite).await;
    let program = program(&app).await;
    let refused = program.post(UPLOADS, "k", file("a.txt")).await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    assert!(!is_replay(&program.post(UPLOADS, "k", file("a.wav")).await));
}

/// An installation whose people may make as many endpoints as they like.
async fn installation(database: Database) -> Installation {
    let mut installation = Installation::on(Some(database)).await;
    installation.settings = [
        ("MIXLENS_PLANS__STUDIO__WEBHOOK_ENDPOINTS", "1000000"),
        ("MIXLENS_WEBHOOKS__PRIVATE_NETWORKS", "true"),
        ("MIXLENS_LIMITS__API_REQUESTS_PER_MINUTE", "1000000"),
        ("MIXLENS_LIMITS__WRITES_PER_MINUTE", "1000000"),
        ("MIXLENS_LIMITS__REQUESTS_PER_MINUTE", "1000000"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    installation
}

/// The token of a person of it, which has a worker meanwhile.
async fn token(installation: &Installation) -> String {
    let _worker = installation.start(&["worker"]);
    let ann = installation.signed_up("ann@example.org").await;
    let db = &installation.scratch.as_ref().unwrap().db;
    db.execute(sql("UPDATE account SET plan = 'studio'"))
        .await
        .unwrap();
    new_token(&ann, TokenKind::Live, &Scope::ALL).await
}

fn endpoint(name: &str) -> Value {
    json!({ "url": format!("http://127.0.0.1:9/{name}"), "events": ["analysis.failed"] })
}

async fn endpoints(installation: &Installation) -> i64 {
    let db = &installation.scratch.as_ref().unwrap().db;
    let count = db
        .scalar(sql("SELECT COUNT(*) FROM webhook_endpoint"))
        .await
        .unwrap();
    count.unwrap()
}

/// The process is killed so many times, while four programs send one POST after the other, each until it is answered.
async fn killed(database: Database, times: usize) {
    let installation = installation(database).await;
    let mut web = installation.start(&["web"]);
    installation.is_ready().await;
    let token = token(&installation).await;
    let program = Arc::new(Program::of(Person::visiting(&installation.url()), &token));
    let (ended, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let told = Arc::new(Mutex::new(Vec::new()));
    let sending: Vec<_> = (0..4)
        .map(|sender| {
            let (program, ended, cut, told) = (
                Arc::clone(&program),
                Arc::clone(&ended),
                Arc::clone(&cut),
                Arc::clone(&told),
            );
            tokio::spawn(async move {
                for number in 0.. {
                    if ended.load(Ordering::SeqCst) {
                        return;
                    }
                    let key = format!("{sender}-{number}");
                    let answer = loop {
                        let (program, key) = (Arc::clone(&program), key.clone());
                        // A connection that breaks is a panic of the helper.
                        let sent =
                            tokio::spawn(async move { program.post(ENDPOINTS, &key, endpoint(&key)).await });
                        match sent.await {
                            Ok(answer) => break answer,
                            Err(_) => cut.fetch_add(1, Ordering::SeqCst),
                        };
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    };
                    // Whose answer was lost is sent again; nothing has to be waited for.
                    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
                    told.lock().unwrap().push((id_of(&answer), is_replay(&answer)));
                }
            })
        })
        .collect();
    for time in 0..times {
        // At another moment each time, and not before something was done since.
        let before = told.lock().unwrap().len();
        eventually("the programs go on", async || {
            (told.lock().unwrap().len() > before).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(u64::try_from(time * 37 % 100).unwrap())).await;
        web.signal("-KILL");
        web.ends().await;
        web = installation.start(&["web"]);
        installation.is_ready().await;
    }
    ended.store(true, Ordering::SeqCst);
    for sender in sending {
        sender.await.unwrap();
    }
    let told = std::mem::take(&mut *told.lock().unwrap());
    let mut ids: Vec<&str> = told.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len(), "each key has a thing of its own");
    assert_eq!(
        usize::try_from(endpoints(&installation).await).unwrap(),
        told.len(),
        "each was made once"
    );
    assert!(cut.load(Ordering::SeqCst) >= times, "requests were cut off");
    drop(web);
    installation.remove().await;
}

on_both_databases! {
    async fn of_two_processes_at_once_one_does_it_and_both_answer_alike(database) {
        let installation = installation(database).await;
        let other = Installation::on(None).await;
        let _first = installation.start(&["web"]);
        installation.is_ready().await;
        let _second = installation.start(&["web", "--set", &format!("listen={}", other.listen)]);
        other.is_ready().await;
        let token = token(&installation).await;
        let programs = [&installation, &other].map(|it| Program::of(Person::visiting(&it.url()), &token));
        let db = &installation.scratch.as_ref().unwrap().db;

        let held = held_up(db, &programs[0]).await;
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(held);
        };
        let sent = join_all(programs.iter().map(|program| program.post(ENDPOINTS, "k", endpoint("a"))));
        let (answers, ()) = tokio::join!(sent, release);
        let mut replayed = [is_replay(&answers[0]), is_replay(&answers[1])];
        replayed.sort_unstable();
        assert_eq!(replayed, [false, true]);
        assert_eq!(id_of(&answers[0]), id_of(&answers[1]));
        assert_eq!(endpoints(&installation).await, 1);

        let held = held_up(db, &programs[0]).await;
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(held);
        };
        let names = ["b", "c"];
        let sent = join_all(
            programs.iter().zip(names).map(|(program, name)| program.post(ENDPOINTS, "l", endpoint(name))),
        );
        let (answers, ()) = tokio::join!(sent, release);
        let mut statuses = [answers[0].status.as_u16(), answers[1].status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "two requests with one key");
        assert_eq!(endpoints(&installation).await, 2);
        installation.remove().await;
    }

    async fn a_process_that_is_killed_did_a_post_once_or_not_at_all(database) {
        killed(database, 8).await;
    }

    #[ignore = "the long form, some minutes: make chaos"]
    async fn two_hundred_kills_leave_each_post_done_once_or_not_at_all(database) {
        killed(database, 200).await;
    }
}
