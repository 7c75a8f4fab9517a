//! Everything goes wrong at once: processes are killed, Redis and the storage come and go, connections to the database break. What
//! somebody was told is done stays done; what was begun ends; nothing is done twice; and nobody has to lend a hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use backend::db::{Db, sql};
use model::AnalysisId;

use crate::{
    machines::Machines,
    renders::faulty,
    support::{
        Person,
        hooks::{Hooks, Reply},
        object_store::Fault,
        redis_server::RedisServer,
    },
};

/// How long everything may take to come to its end, when nothing is broken any more: retries have delays of their own.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

/// What people were told.
#[derive(Default)]
struct Told {
    /// That their file is there.
    uploaded: Vec<AnalysisId>,
    /// That their analysis is deleted.
    deleted: BTreeSet<AnalysisId>,
    /// That their render is on its way.
    renders: BTreeSet<String>,
}

/// Does `what` again until nobody kills it: a browser sees a broken connection, a person tries once more.
async fn until_told<T: Send + 'static, F: Future<Output = Option<T>> + Send + 'static>(
    what: impl Fn() -> F,
) -> T {
    loop {
        // A connection that breaks is a panic of the helper.
        if let Ok(Some(told)) = tokio::spawn(what()).await {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Uploads, deletes some of it, and renders some of it.
async fn use_it(person: Arc<Person>, number: usize, count: usize, told: Arc<Mutex<Told>>) {
    for file in 0..count {
        let uploading = Arc::clone(&person);
        let id = until_told(move || {
            let person = Arc::clone(&uploading);
            async move {
                Some(
                    person
                        .upload(&format!("{number} {file}.wav"), faulty())
                        .await
                        .analysis,
                )
            }
        })
        .await;
        told.lock().unwrap().uploaded.push(id);
        let page = format!("/analyses/{id}");
        if file % 3 == 1 {
            let deleting = Arc::clone(&person);
            until_told(move || {
                let (person, page) = (Arc::clone(&deleting), page.clone());
                async move {
                    let answer = person.post(&format!("{page}/delete"), &[]).await;
                    // Whoever tries again after an answer that was cut finds it gone.
                    matches!(answer.status, StatusCode::SEE_OTHER | StatusCode::NOT_FOUND).then_some(())
                }
            })
            .await;
            told.lock().unwrap().deleted.insert(id);
        } else if file % 3 == 2 {
            let rendering = Arc::clone(&person);
            let render = until_told(move || {
                let (person, page) = (Arc::clone(&rendering), page.clone());
                async move {
                    // Refused as long as there is no report.
                    let answer = person.post(&format!("{page}/plan"), &[]).await;
                    (answer.status == StatusCode::SEE_OTHER).then(|| answer.header("location").to_owned())
                }
            })
            .await;
            told.lock().unwrap().renders.insert(render);
        }
    }
}

async fn count(db: &Db, select: &'static str) -> i64 {
    db.one::<(i64,)>(sql(select)).await.unwrap().0
}

/// Everything goes wrong so many times, while people upload `files` each.
async fn chaos(times: usize, people: usize, files: usize) {
    let mut redis = RedisServer::start().await;
    let mut machines = Machines::start(vec![
        ("MIXLENS_REDIS_URL", redis.url()),
        ("MIXLENS_WEBHOOKS__PRIVATE_NETWORKS", "true".to_owned()),
        ("MIXLENS_LIMITS__UPLOADS_PER_HOUR", "100000".to_owned()),
        ("MIXLENS_LIMITS__WRITES_PER_MINUTE", "100000".to_owned()),
        ("MIXLENS_LIMITS__SIGN_UPS_PER_HOUR", "100000".to_owned()),
        ("MIXLENS_LIMITS__REQUESTS_PER_MINUTE", "1000000".to_owned()),
    ])
    .await;
    let hooks = Hooks::start().await;
    hooks.answer(Reply {
        after: Duration::from_millis(10),
        ..Reply::status(200)
    });
    let told = Arc::new(Mutex::new(Told::default()));
    let mut using = Vec::new();
    for number in 0..people {
        let email = format!("person-{number}@example.org");
        let person = machines.installation.signed_up(&email).await;
        let db = &machines.installation.scratch.as_ref().unwrap().db;
        db.execute(sql("UPDATE account SET plan = 'studio'"))
            .await
            .unwrap();
        let fields = [
            ("url", hooks.url.as_str()),
            ("description", "x"),
            ("event", "analysis.complete"),
            ("event", "render.complete"),
        ];
        assert_eq!(
            person.post("/account/webhooks", &fields).await.status,
            StatusCode::OK
        );
        using.push(tokio::spawn(use_it(
            Arc::new(person),
            number,
            files,
            Arc::clone(&told),
        )));
    }

    let db = machines.installation.scratch.as_ref().unwrap().db.clone();
    for time in 0..times {
        // At another moment each time, and another thing.
        tokio::time::sleep(Duration::from_millis(
            200 + u64::try_from(time * 173 % 500).unwrap(),
        ))
        .await;
        match time % 8 {
            0 | 4 => machines.kill(2 + time / 4 % 2).await,
            1 => machines.kill(time / 8 % 2).await,
            2 => redis.take_away(),
            3 => machines
                .store
                .set_all(Fault::Refuses(StatusCode::SERVICE_UNAVAILABLE)),
            5 => {
                machines.kill(4).await;
                machines.store.set_all(Fault::Before);
            }
            6 => machines.store.set_all(Fault::Slow(Duration::from_millis(300))),
            _ => {
                // As a restart of PostgreSQL: every connection breaks.
                let broken = "SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended";
                let _ = db.one::<(i64,)>(sql(broken)).await;
            }
        }
        if time % 8 == 4 || time % 8 == 7 {
            machines.store.heal();
        }
        if time % 8 == 6 {
            redis.give_back().await;
        }
    }
    machines.store.heal();
    if !redis.is_there() {
        redis.give_back().await;
    }
    for person in using {
        person.await.unwrap();
    }

    let begun = Instant::now();
    loop {
        let left = count(
            &db,
            "SELECT COUNT(*) FROM job WHERE state IN ('queued', 'running') AND kind <> 'notify_unseen'",
        )
        .await;
        if left == 0 {
            break;
        }
        let kinds = "SELECT kind || ' ' || state || ' ' || COALESCE(last_error, '') FROM job WHERE state IN ('queued', 'running')";
        assert!(
            begun.elapsed() < SETTLED_WITHIN,
            "{:?}",
            db.all::<(String,)>(sql(kinds)).await.unwrap()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let dead: Vec<(String,)> = db
        .all(sql("SELECT kind FROM job WHERE state = 'dead'"))
        .await
        .unwrap();
    assert_eq!(dead, [], "{}", machines.installation.log());

    let told = std::mem::take(&mut *told.lock().unwrap());
    let rows: BTreeMap<String, String> = db
        .all::<(String, String)>(sql("SELECT id, state FROM analysis"))
        .await
        .unwrap()
        .into_iter()
        .collect();
    for id in &told.uploaded {
        let state = rows.get(&id.to_string()).map(String::as_str);
        let expected = (!told.deleted.contains(id)).then_some("done");
        assert_eq!(state, expected, "{id}");
    }
    assert!(rows.values().all(|state| state == "done"), "{rows:?}");
    let renders: BTreeMap<String, String> = db
        .all::<(String, String)>(sql("SELECT '/renders/' || id, state FROM render"))
        .await
        .unwrap()
        .into_iter()
        .collect();
    for page in &told.renders {
        assert_eq!(renders.get(page).map(String::as_str), Some("done"), "{page}");
    }
    // Whatever has a row has its object, and nothing else is there. What was begun and never completed waits for its time.
    let kept = count(&db, "SELECT COUNT(*) FROM upload WHERE state = 'stored'").await;
    let open = count(&db, "SELECT COUNT(*) FROM upload WHERE state = 'pending'").await;
    let objects = i64::try_from(machines.store.objects()).unwrap() - i64::try_from(renders.len()).unwrap();
    assert!(
        (kept..=kept + open).contains(&objects),
        "{objects} objects for {kept} and {open} uploads"
    );
    // Counted once: each analysis that there ever was, whoever was told of it.
    let used = count(&db, "SELECT CAST(SUM(analyses) AS BIGINT) FROM usage").await;
    let ever = count(&db, "SELECT COUNT(*) FROM job WHERE kind = 'analyse_upload'").await;
    assert!(
        used >= i64::try_from(told.uploaded.len()).unwrap() && used >= ever,
        "{used} counted, {ever} measured"
    );
    let reports = count(
        &db,
        "SELECT COUNT(*) FROM job WHERE kind = 'analyse_upload' AND state = 'done'",
    )
    .await;
    assert_eq!(reports, ever);

    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for hook in hooks.seen() {
        let object = hook.event()["object"]["id"].as_str().unwrap().to_owned();
        ids.entry(object)
            .or_default()
            .insert(hook.header("webhook-id").to_owned());
    }
    for id in rows.keys().chain(
        renders
            .keys()
            .map(|page| page.trim_start_matches("/renders/"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .iter(),
    ) {
        assert_eq!(ids.get(id).map(BTreeSet::len), Some(1), "one event of {id}");
    }
    machines.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_done_twice_whatever_is_killed_or_away() {
    chaos(16, 2, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form, some minutes: make chaos"]
async fn nothing_is_lost_and_nothing_is_done_twice_in_two_hundred_turns() {
    chaos(200, 4, 25).await;
}
