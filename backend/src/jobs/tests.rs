//! Workers as they run in one process; what needs several is in `tests/jobs_processes.rs`.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
    time::Instant,
};

use futures::future::BoxFuture;
use schedule::Periodic;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    clock::{ManualClock, SystemClock},
    db::sql,
    entropy::{SeededEntropy, SystemEntropy},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

type Work = dyn Fn(StoredJob, Lease) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync;

/// Does what the test says and remembers the dead.
struct Script {
    work: Box<Work>,
    dead: Mutex<Vec<StoredJob>>,
}

#[async_trait::async_trait]
impl Handler for Script {
    fn timeout(&self, _: &str) -> Duration {
        Duration::from_secs(60)
    }

    async fn run(&self, job: StoredJob, lease: Lease) -> Result<(), JobError> {
        (self.work)(job, lease).await
    }

    async fn on_dead(&self, job: StoredJob) {
        self.dead.lock().unwrap().push(job);
    }
}

impl Script {
    fn deaths(&self) -> usize {
        self.dead.lock().unwrap().len()
    }
}

fn script<F>(work: impl Fn(StoredJob, Lease) -> F + Send + Sync + 'static) -> Arc<Script>
where
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    Arc::new(Script {
        work: Box::new(move |job, lease| Box::pin(work(job, lease))),
        dead: Mutex::default(),
    })
}

fn workers(db: &Db, clock: Arc<dyn Clock>, handler: Arc<dyn Handler>) -> Workers {
    let settings = WorkerSettings {
        analyses: 2,
        mails: 4,
        storage: 4,
        poll: Duration::from_millis(50),
        ..WorkerSettings::default()
    };
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    Workers {
        db: db.clone(),
        clock,
        entropy,
        handler,
        wake: Notifier::default(),
        settings,
    }
}

fn live(db: &Db, handler: Arc<dyn Handler>) -> Workers {
    workers(db, Arc::new(SystemClock), handler)
}

/// Workers on a clock that stands still.
fn still(db: &Db, handler: Arc<dyn Handler>) -> (Workers, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    (workers(db, clock.clone(), handler), clock)
}

/// Quick work on the storage queue.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Removal {
    object: usize,
}

impl Job for Removal {
    const POLICY: Policy = Policy {
        kind: "removal",
        queue: Queue::Storage,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

/// Slow work on the analysis queue.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Analysis {
    file: u128,
}

impl Job for Analysis {
    const POLICY: Policy = Policy {
        kind: "analysis",
        queue: Queue::Analysis,
        max_attempts: 3,
        timeout: Duration::from_secs(60),
    };
}

/// Work that comes back.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Housekeeping {}

impl Job for Housekeeping {
    const POLICY: Policy = Policy {
        kind: "housekeeping",
        queue: Queue::Storage,
        max_attempts: 3,
        timeout: Duration::from_secs(60),
    };
}

impl RunJob<()> for Housekeeping {
    async fn run(self, (): &(), _: &Lease) -> Result<(), JobError> {
        Ok(())
    }
}

/// Work that comes back more often.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Watering {}

impl Job for Watering {
    const POLICY: Policy = Policy {
        kind: "watering",
        ..Housekeeping::POLICY
    };
}

const PERIODIC: &[Periodic] = &[
    Periodic::new::<Housekeeping>(Duration::from_secs(3600)),
    Periodic::new::<Watering>(Duration::from_secs(600)),
];

fn removal(object: usize) -> Removal {
    Removal { object }
}

fn analysis(file: u128) -> Analysis {
    Analysis { file }
}

async fn add(workers: &Workers, job: &impl Job) {
    let mut tx = workers.db.begin().await.unwrap();
    enqueue(&mut tx, workers, job, EnqueueOptions::default())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    workers.wake.wake();
}

/// How many jobs are in a state.
async fn in_state(db: &Db, state: &str) -> i64 {
    db.one::<(i64,)>(sql("SELECT COUNT(*) AS n FROM job WHERE state = $1").bind(state))
        .await
        .unwrap()
        .0
}

/// State, attempts and cause of the only job.
async fn only(db: &Db) -> (String, i64, Option<String>) {
    db.one(sql("SELECT state, attempts, last_error FROM job"))
        .await
        .unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "waited too long until {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A running set of workers, and how to end it.
struct Running {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<()>>,
}

fn start(workers: &Workers) -> Running {
    let shutdown = CancellationToken::new();
    Running {
        task: tokio::spawn(run(workers.clone(), shutdown.clone())),
        shutdown,
    }
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.task)
            .await
            .expect("the workers end")
            .unwrap()
            .unwrap();
    }
}

crate::contract! {
    async fn a_failing_job_is_tried_again_after_growing_delays_and_then_dead(db: &Db) {
        let handler = script(|_, _| async { Err(JobError::retry("no luck")) });
        let (workers, clock) = still(db, handler.clone());
        add(&workers, &analysis(1)).await;
        assert_eq!(run_due(&workers).await.unwrap(), 1);
        assert_eq!(only(db).await, ("queued".into(), 1, Some("no luck".into())));
        assert_eq!(run_due(&workers).await.unwrap(), 0, "not before its time");
        clock.advance(Duration::from_millis(3_999));
        assert_eq!(run_due(&workers).await.unwrap(), 0, "not before 5 s - 20 %");
        clock.advance(Duration::from_millis(2_001));
        assert_eq!(run_due(&workers).await.unwrap(), 1, "after 5 s + 20 %");
        clock.advance(Duration::from_millis(7_999));
        assert_eq!(run_due(&workers).await.unwrap(), 0, "not before 10 s - 20 %");
        assert_eq!(handler.deaths(), 0);
        clock.advance(Duration::from_millis(4_001));
        assert_eq!(run_due(&workers).await.unwrap(), 1);
        assert_eq!(only(db).await, ("dead".into(), 3, Some("no luck".into())));
        assert_eq!(*handler.dead.lock().unwrap(), [StoredJob::new(&analysis(1)).unwrap()]);
        clock.advance(Duration::from_secs(86_400));
        assert_eq!(run_due(&workers).await.unwrap(), 0);
    }

    async fn a_job_that_can_never_work_is_dead_at_once(db: &Db) {
        let handler = script(|_, _| async { Err(JobError::fail("never")) });
        let (workers, _) = still(db, handler.clone());
        add(&workers, &removal(1)).await;
        run_due(&workers).await.unwrap();
        assert_eq!(only(db).await, ("dead".into(), 1, Some("never".into())));
        assert_eq!(handler.deaths(), 1);
    }

    async fn a_panic_is_a_retry(db: &Db) {
        let (workers, _) = still(db, script(|_, _| async { panic!("out of cheese") }));
        add(&workers, &removal(1)).await;
        run_due(&workers).await.unwrap();
        assert_eq!(only(db).await, ("queued".into(), 1, Some("panicked".into())));
    }

    async fn a_job_waits_for_what_it_stands_on_without_losing_attempts_but_not_for_ever(db: &Db) {
        let (workers, clock) = still(db, script(|_, _| async { Err(JobError::wait("the storage is down")) }));
        add(&workers, &analysis(1)).await;
        let mut tries = 0;
        for _ in 0..(24 * 60) {
            tries += run_due(&workers).await.unwrap();
            clock.advance(Duration::from_secs(60));
        }
        assert_eq!(only(db).await, ("queued".into(), 0, Some("the storage is down".into())));
        assert!((100..300).contains(&tries), "{tries} tries in a day");
        for _ in 0..60 {
            run_due(&workers).await.unwrap();
            clock.advance(Duration::from_secs(60));
        }
        assert_eq!(only(db).await, ("dead".into(), 3, Some("the storage is down".into())));
    }

    async fn a_job_of_a_newer_version_is_left_to_its_workers(db: &Db) {
        let registry = Registry::new(()).with::<Housekeeping>();
        let (workers, clock) = still(db, Arc::new(registry));
        add(&workers, &Housekeeping::default()).await;
        for (change, wanted) in [
            ("UPDATE job SET payload = '{\"v\":2}'", "a payload of version 2"),
            ("UPDATE job SET payload = '{\"v\":\"time_travel\"}'", "JSON, Data"),
            ("UPDATE job SET kind = 'time_travel'", "a kind that this version does not know"),
        ] {
            db.execute(sql(change)).await.unwrap();
            db.execute(sql("UPDATE job SET attempts = 0")).await.unwrap();
            run_due(&workers).await.unwrap();
            let (state, attempts, cause) = only(db).await;
            assert_eq!((state.as_str(), attempts), ("queued", 1));
            let cause = cause.unwrap();
            assert!(cause.contains(wanted) && !cause.contains("time_travel"), "{cause}");
            clock.advance(Duration::from_secs(6));
        }
    }

    async fn a_job_that_enqueues_another_has_it_run_as_well(db: &Db) {
        let db_inside = db.clone();
        let handler = script(move |job, _| {
            let db = db_inside.clone();
            async move {
                if job.is::<Housekeeping>() {
                    let mut tx = db.begin().await.map_err(JobError::retry)?;
                    let ids: (&dyn Clock, &dyn Entropy) = (&ManualClock::at(NOW), &SystemEntropy);
                    enqueue(&mut tx, &ids, &analysis(1), EnqueueOptions::default()).await.map_err(JobError::retry)?;
                    tx.commit().await.map_err(JobError::retry)?;
                }
                Ok(())
            }
        });
        let (workers, _) = still(db, handler);
        add(&workers, &Housekeeping::default()).await;
        assert_eq!(run_due(&workers).await.unwrap(), 2);
        assert_eq!(in_state(db, "done").await, 2);
    }

    async fn a_result_and_the_end_of_its_job_are_one_transaction(db: &Db) {
        let db_inside = db.clone();
        let handler = script(move |_, lease| {
            let db = db_inside.clone();
            async move {
                let mut tx = db.begin().await.map_err(JobError::retry)?;
                tx.execute(sql("INSERT INTO cron (name, slot) VALUES ($1, 1)").bind(lease.attempt())).await.map_err(JobError::retry)?;
                lease.finish_in(&mut tx, NOW).await.map_err(JobError::retry)?;
                if lease.attempt() == 1 {
                    // The power fails before the commit.
                    drop(tx);
                    return Err(JobError::retry("no commit"));
                }
                tx.commit().await.map_err(JobError::retry)
            }
        });
        let (workers, clock) = still(db, handler);
        add(&workers, &removal(1)).await;
        run_due(&workers).await.unwrap();
        assert_eq!(only(db).await.0, "queued");
        clock.advance(Duration::from_secs(6));
        run_due(&workers).await.unwrap();
        assert_eq!(only(db).await.0, "done");
        assert_eq!(db.all::<(String,)>(sql("SELECT name FROM cron")).await.unwrap(), [("2".to_owned(),)]);
    }

    async fn a_worker_that_lost_its_lease_is_stopped_and_its_result_is_discarded(db: &Db) {
        let db_inside = db.clone();
        let (outcome, mut outcomes) = tokio::sync::mpsc::unbounded_channel();
        let handler = script(move |_, lease| {
            let (db, outcome) = (db_inside.clone(), outcome.clone());
            async move {
                // Somebody else claimed it, as after a long pause of this process.
                db.execute(sql("UPDATE job SET lease_token = 'theirs'")).await.map_err(JobError::retry)?;
                lease.cancelled().await;
                let mut tx = db.begin().await.map_err(JobError::retry)?;
                tx.execute(sql("INSERT INTO cron (name, slot) VALUES ('effect', 1)")).await.map_err(JobError::retry)?;
                let finished = lease.finish_in(&mut tx, NOW).await;
                outcome.send(matches!(finished, Err(FinishError::LeaseLost))).unwrap();
                Ok(())
            }
        });
        let (mut workers, _) = still(db, handler);
        workers.settings.lease = Duration::from_millis(300);
        add(&workers, &removal(1)).await;
        run_due(&workers).await.unwrap();
        assert_eq!(outcomes.recv().await, Some(true));
        assert_eq!(only(db).await.0, "running", "it is theirs");
        assert_eq!(db.all::<(String,)>(sql("SELECT name FROM cron")).await.unwrap(), []);
    }

    async fn a_heartbeat_keeps_a_job_that_takes_longer_than_its_lease(db: &Db) {
        let runs = Arc::new(Mutex::new(0));
        let counted = runs.clone();
        let handler = script(move |_, _| {
            *counted.lock().unwrap() += 1;
            async {
                // The work itself, four leases long.
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(())
            }
        });
        let mut workers = live(db, handler);
        workers.settings.lease = Duration::from_millis(500);
        add(&workers, &removal(1)).await;
        let (first, second) = (start(&workers), start(&workers));
        until("the job is done", async || in_state(db, "done").await == 1).await;
        first.stop().await;
        second.stop().await;
        assert_eq!(*runs.lock().unwrap(), 1);
        assert_eq!(only(db).await.1, 1);
    }

    async fn two_sets_of_workers_never_run_the_same_job_at_the_same_time(db: &Db) {
        const JOBS: usize = 60;
        let inside = Arc::new(Mutex::new(HashSet::new()));
        let runs = Arc::new(Mutex::new(HashMap::<JobId, usize>::new()));
        let counted = runs.clone();
        let handler = script(move |_, lease| {
            let (inside, runs) = (inside.clone(), counted.clone());
            async move {
                assert!(inside.lock().unwrap().insert(lease.job()), "it runs elsewhere");
                tokio::task::yield_now().await;
                *runs.lock().unwrap().entry(lease.job()).or_default() += 1;
                inside.lock().unwrap().remove(&lease.job());
                Ok(())
            }
        });
        let workers = live(db, handler);
        for n in 0..JOBS {
            add(&workers, &removal(n)).await;
        }
        let (first, second) = (start(&workers), start(&workers));
        until("all are done", async || in_state(db, "done").await == 60).await;
        first.stop().await;
        second.stop().await;
        let runs = runs.lock().unwrap();
        assert_eq!(runs.len(), JOBS);
        assert!(runs.values().all(|count| *count == 1));
    }

    async fn no_more_jobs_of_a_queue_run_at_once_than_is_set(db: &Db) {
        let (now, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let seen = most.clone();
        let handler = script(move |_, _| {
            let (now, most) = (now.clone(), seen.clone());
            async move {
                {
                    let mut now = now.lock().unwrap();
                    *now += 1;
                    let mut most = most.lock().unwrap();
                    *most = (*most).max(*now);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                *now.lock().unwrap() -= 1;
                Ok(())
            }
        });
        let workers = live(db, handler);
        for n in 0..12 {
            add(&workers, &analysis(n)).await;
        }
        let running = start(&workers);
        until("all are done", async || in_state(db, "done").await == 12).await;
        running.stop().await;
        assert_eq!(*most.lock().unwrap(), 2);
    }

    async fn slow_analyses_never_starve_the_storage_queue(db: &Db) {
        let gate = Arc::new(Semaphore::new(0));
        let closed = gate.clone();
        let handler = script(move |job, _| {
            let gate = closed.clone();
            async move {
                if job.is::<Analysis>() {
                    gate.acquire().await.map_err(JobError::retry)?.forget();
                }
                Ok(())
            }
        });
        let workers = live(db, handler);
        for n in 0..10 {
            add(&workers, &analysis(n)).await;
        }
        let running = start(&workers);
        until("all analysis workers are busy", async || in_state(db, "running").await == 2).await;
        for n in 0..5 {
            add(&workers, &removal(n)).await;
        }
        until("the removals are done", async || in_state(db, "done").await == 5).await;
        assert_eq!(in_state(db, "queued").await, 8);
        gate.add_permits(10);
        until("the analyses are done", async || in_state(db, "done").await == 15).await;
        running.stop().await;
    }

    async fn a_notified_worker_does_not_wait_for_its_poll(db: &Db) {
        let mut workers = live(db, script(|_, _| async { Ok(()) }));
        workers.settings.poll = Duration::from_secs(3600);
        let running = start(&workers);
        for done in 1..=3 {
            add(&workers, &removal(1)).await;
            until("it is done", async || in_state(db, "done").await == done).await;
        }
        running.stop().await;
    }

    async fn a_drain_lets_running_jobs_end_and_claims_nothing_new(db: &Db) {
        let gate = Arc::new(Semaphore::new(0));
        let closed = gate.clone();
        let handler = script(move |_, _| {
            let gate = closed.clone();
            async move {
                gate.acquire().await.map_err(JobError::retry)?.forget();
                Ok(())
            }
        });
        let workers = live(db, handler);
        add(&workers, &removal(1)).await;
        let running = start(&workers);
        until("it runs", async || in_state(db, "running").await == 1).await;
        running.shutdown.cancel();
        add(&workers, &analysis(1)).await;
        add(&workers, &removal(2)).await;
        // Several polls pass; nobody takes them.
        tokio::time::sleep(workers.settings.poll * 4).await;
        assert_eq!((in_state(db, "queued").await, in_state(db, "running").await), (2, 1));
        assert!(!running.task.is_finished());
        gate.add_permits(3);
        running.stop().await;
        assert_eq!((in_state(db, "queued").await, in_state(db, "done").await), (2, 1));
    }

    async fn a_drain_that_takes_too_long_gives_jobs_back_with_their_attempt(db: &Db) {
        let handler = script(|job, lease| async move {
            if job.is::<Analysis>() {
                // Stops when it is asked to, and says so.
                lease.cancelled().await;
                return Err(JobError::retry("stopped"));
            }
            std::future::pending().await
        });
        let mut workers = live(db, handler);
        workers.settings.drain = Duration::from_millis(100);
        add(&workers, &analysis(1)).await;
        add(&workers, &removal(1)).await;
        let running = start(&workers);
        until("both run", async || in_state(db, "running").await == 2).await;
        running.stop().await;
        let rows: Vec<(String, i64, bool)> =
            db.all(sql("SELECT state, attempts, lease_token IS NULL AS free FROM job")).await.unwrap();
        assert_eq!(rows, vec![("queued".to_owned(), 0, true); 2]);
    }

    async fn idle_workers_end_at_once(db: &Db) {
        let mut workers = live(db, script(|_, _| async { Ok(()) }));
        workers.settings.poll = Duration::from_secs(3600);
        let running = start(&workers);
        add(&workers, &removal(1)).await;
        until("it is done", async || in_state(db, "done").await == 1).await;
        let begin = Instant::now();
        running.stop().await;
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    async fn a_death_is_handled_again_when_its_handler_crashed(db: &Db) {
        struct Squeamish(Mutex<u32>);
        #[async_trait::async_trait]
        impl Handler for Squeamish {
            fn timeout(&self, _: &str) -> Duration {
                Duration::from_secs(60)
            }
            async fn run(&self, _: StoredJob, _: Lease) -> Result<(), JobError> {
                Err(JobError::fail("never"))
            }
            async fn on_dead(&self, _: StoredJob) {
                let calls = {
                    let mut calls = self.0.lock().unwrap();
                    *calls += 1;
                    *calls
                };
                assert!(calls > 1, "the first call crashes");
            }
        }
        let handler = Arc::new(Squeamish(Mutex::new(0)));
        let (workers, clock) = still(db, handler.clone());
        add(&workers, &removal(1)).await;
        run_due(&workers).await.unwrap();
        clock.advance(Duration::from_secs(61));
        assert_eq!(run_due(&workers).await.unwrap(), 1);
        clock.advance(Duration::from_secs(61));
        assert_eq!(run_due(&workers).await.unwrap(), 0);
        assert_eq!(*handler.0.lock().unwrap(), 2);
        assert_eq!(only(db).await.0, "dead");
    }

    async fn periodic_work_is_enqueued_once_for_any_number_of_processes(db: &Db) {
        let (workers, clock) = still(db, script(|_, _| async { Ok(()) }));
        let ticks = (0..8).map(|_| {
            let workers = workers.clone();
            tokio::spawn(async move { schedule::tick(&workers.db, &workers, PERIODIC).await })
        });
        let mut enqueued = 0;
        for tick in ticks.collect::<Vec<_>>() {
            enqueued += tick.await.unwrap().unwrap();
        }
        let all = PERIODIC.len() as u64;
        assert_eq!(enqueued, all);
        assert_eq!(run_due(&workers).await.unwrap(), all);
        assert_eq!(schedule::tick(db, &workers, PERIODIC).await.unwrap(), 0, "its slot is taken");
        // Asleep for a day: the newest slot only.
        clock.advance(Duration::from_secs(86_400));
        assert_eq!(schedule::tick(db, &workers, PERIODIC).await.unwrap(), all);
        assert_eq!(schedule::tick(db, &workers, PERIODIC).await.unwrap(), 0);
        // Nobody worked in the meantime: one of a kind waits, not two.
        clock.advance(Duration::from_secs(3600));
        assert_eq!(schedule::tick(db, &workers, PERIODIC).await.unwrap(), 0);
        assert_eq!(run_due(&workers).await.unwrap(), all);
    }

    async fn a_beat_enqueues_and_wakes_until_the_process_ends(db: &Db) {
        let mut workers = live(db, script(|_, _| async { Ok(()) }));
        workers.settings.poll = Duration::from_secs(3600);
        let running = start(&workers);
        let shutdown = running.shutdown.clone();
        let beating = workers.clone();
        let heart = tokio::spawn(async move {
            schedule::beat(&beating.db, &beating, &beating.wake, PERIODIC, &shutdown).await;
        });
        until("the periodic job is done", async || {
            in_state(db, "done").await == PERIODIC.len() as i64
        }).await;
        running.stop().await;
        heart.await.unwrap();
    }

    async fn old_rows_are_forgotten(db: &Db) {
        let (workers, clock) = still(db, script(|_, _| async { Ok(()) }));
        add(&workers, &removal(1)).await;
        run_due(&workers).await.unwrap();
        assert_eq!(purge(db, clock.now()).await.unwrap(), 0);
        clock.advance(DONE_KEPT + Duration::from_millis(1));
        assert_eq!(purge(db, clock.now()).await.unwrap(), 1);
    }
}

#[test]
fn retries_come_after_five_seconds_doubling_up_to_an_hour_give_or_take_a_fifth() {
    let entropy = SeededEntropy::new(1);
    for (attempt, seconds) in [
        (1, 5),
        (2, 10),
        (3, 20),
        (8, 640),
        (10, 2560),
        (11, 3600),
        (50, 3600),
        (u32::MAX, 3600),
    ] {
        let nominal = Duration::from_secs(seconds);
        for _ in 0..100 {
            let delay = retry_delay(attempt, &entropy);
            assert!(
                delay >= nominal.mul_f64(0.799) && delay <= nominal.mul_f64(1.201),
                "{attempt}: {delay:?}"
            );
        }
    }
}

#[test]
fn a_payload_comes_back_and_holds_its_version() {
    let stored = StoredJob::new(&removal(1)).unwrap();
    assert_eq!(
        (&*stored.kind, &*stored.payload),
        ("removal", "{\"v\":1,\"object\":1}")
    );
    assert_eq!(stored.read::<Removal>().unwrap(), removal(1));
    assert!(stored.read::<Analysis>().is_err());
    let empty = StoredJob::new(&Housekeeping::default()).unwrap();
    assert_eq!(empty.payload, "{\"v\":1}");
    assert_eq!(empty.read::<Housekeeping>().unwrap(), Housekeeping {});
}
