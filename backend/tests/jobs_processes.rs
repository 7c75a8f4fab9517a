//! Jobs across real processes that abort and are killed. A worker process is this test binary, started again for its
//! "test" [`worker_process`] alone.

#![expect(
    clippy::unwrap_used,
    reason = "a test; clippy excuses only functions marked as one"
)]

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use backend::{
    clock::{Clock as _, SystemClock},
    db::{Db, contract::Scratch, sql},
    entropy::SystemEntropy,
    jobs::{
        self, EnqueueOptions, Handler, Job, JobError, JobState, Lease, Notifier, Policy, Queue, StoredJob,
        WorkerSettings, Workers,
    },
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

const URL: &str = "MIXLENS_TEST_JOBS_URL";
const BEHAVIOUR: &str = "MIXLENS_TEST_JOBS_BEHAVIOUR";

/// The file that kills its worker.
const POISON: u32 = 0xDEAD;

/// Work on one file.
#[derive(Debug, Serialize, Deserialize)]
struct Analysis {
    file: u32,
}

impl Job for Analysis {
    const POLICY: Policy = Policy {
        kind: "analysis",
        queue: Queue::Analysis,
        max_attempts: 3,
        timeout: Duration::from_secs(60),
    };
}

/// Work on nothing in particular.
#[derive(Debug, Serialize, Deserialize)]
struct Removal {
    object: i64,
}

impl Job for Removal {
    const POLICY: Policy = Policy {
        kind: "removal",
        queue: Queue::Storage,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

/// How a worker process treats its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Does them, except that [`POISON`] aborts the process.
    Work,
    /// Starts them and never comes to an end.
    Hang,
}

struct Worker {
    db: Db,
    behaviour: Behaviour,
}

#[async_trait::async_trait]
impl Handler for Worker {
    fn timeout(&self, _: &str) -> Duration {
        Duration::from_secs(60)
    }

    async fn run(&self, job: StoredJob, lease: Lease) -> Result<(), JobError> {
        let note = sql("INSERT INTO started (job) VALUES ($1)").bind(lease.job());
        self.db.execute(note).await.map_err(JobError::retry)?;
        if job
            .read::<Analysis>()
            .is_ok_and(|analysis| analysis.file == POISON)
        {
            std::process::abort();
        }
        if self.behaviour == Behaviour::Hang {
            std::future::pending::<()>().await;
        }
        // Long enough to be killed in.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut tx = self.db.begin().await.map_err(JobError::retry)?;
        let effect = sql("INSERT INTO effect (job) VALUES ($1)").bind(lease.job());
        tx.execute(effect).await.map_err(JobError::retry)?;
        lease
            .finish_in(&mut tx, SystemClock.now())
            .await
            .map_err(JobError::retry)?;
        tx.commit().await.map_err(JobError::retry)
    }

    async fn on_dead(&self, job: StoredJob) {
        let Ok(Analysis { file }) = job.read() else {
            return;
        };
        let reported = sql("INSERT INTO reported (file) VALUES ($1)").bind(file);
        self.db.execute(reported).await.unwrap();
    }
}

fn workers(db: &Db, behaviour: Behaviour) -> Workers {
    Workers {
        db: db.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        handler: Arc::new(Worker {
            db: db.clone(),
            behaviour,
        }),
        wake: Notifier::default(),
        settings: WorkerSettings {
            analyses: 1,
            storage: 4,
            poll: Duration::from_millis(50),
            lease: Duration::from_secs(1),
            ..WorkerSettings::default()
        },
    }
}

/// Not a test: what a worker process runs, until it is killed.
#[tokio::test]
#[ignore = "started by the other tests, as a process of its own"]
#[expect(
    clippy::disallowed_methods,
    reason = "the process that starts it says by the environment what to do"
)]
async fn worker_process() {
    let (Ok(url), Ok(behaviour)) = (std::env::var(URL), std::env::var(BEHAVIOUR)) else {
        return;
    };
    let behaviour = if behaviour == "Hang" {
        Behaviour::Hang
    } else {
        Behaviour::Work
    };
    let db = Db::connect(&url, 4).await.unwrap();
    jobs::run(workers(&db, behaviour), CancellationToken::new())
        .await
        .unwrap();
}

/// A worker process; killed when dropped, with SIGKILL.
struct Process(Child);

impl Process {
    fn start(scratch: &Scratch, behaviour: Behaviour) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["worker_process", "--exact", "--ignored", "--nocapture"])
            .env(URL, &scratch.url)
            .env(BEHAVIOUR, format!("{behaviour:?}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn prepare(db: &Db) {
    for table in [
        "CREATE TABLE started (job TEXT NOT NULL)",
        "CREATE TABLE effect (job TEXT NOT NULL)",
        "CREATE TABLE reported (file BIGINT NOT NULL)",
    ] {
        db.execute(sql(table)).await.unwrap();
    }
}

async fn add(db: &Db, job: &impl Job) -> String {
    let mut tx = db.begin().await.unwrap();
    let id = jobs::enqueue(
        &mut tx,
        &workers(db, Behaviour::Work),
        job,
        EnqueueOptions::default(),
    )
    .await
    .unwrap()
    .unwrap();
    tx.commit().await.unwrap();
    id.to_string()
}

async fn in_state(db: &Db, state: JobState) -> i64 {
    let select = sql("SELECT COUNT(*) FROM job WHERE state = $1").bind(state.as_str());
    db.one::<(i64,)>(select).await.unwrap().0
}

async fn count(db: &Db, text: &'static str) -> i64 {
    db.one::<(i64,)>(sql(text)).await.unwrap().0
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "waited too long until {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_job_that_aborts_its_process_is_dead_after_some_deaths(scratch: &Scratch) {
    let db = &scratch.db;
    prepare(db).await;
    let poison = add(db, &Analysis { file: POISON }).await;
    for file in 1..=3 {
        add(db, &Analysis { file }).await;
    }
    let mut process = Process::start(scratch, Behaviour::Work);
    let mut crashes = 0;
    until(
        "the poison is dead and reported and the others are done",
        async || {
            if process.has_ended() {
                crashes += 1;
                process = Process::start(scratch, Behaviour::Work);
            }
            in_state(db, JobState::Done).await == 3 && count(db, "SELECT COUNT(*) FROM reported").await == 1
        },
    )
    .await;
    drop(process);
    assert_eq!(crashes, 8);
    let starts = sql("SELECT COUNT(*) FROM started WHERE job = $1").bind(poison.as_str());
    assert_eq!(db.one::<(i64,)>(starts).await.unwrap().0, 8);
    let dead = jobs::dead(db, 10).await.unwrap();
    assert_eq!(
        dead.iter()
            .map(|job| (job.id.to_string(), job.attempts))
            .collect::<Vec<_>>(),
        [(poison, 1)]
    );
    assert_eq!(count(db, "SELECT COUNT(*) FROM effect").await, 3);
}

async fn a_job_whose_worker_was_killed_is_done_by_another_exactly_once(scratch: &Scratch) {
    let db = &scratch.db;
    prepare(db).await;
    add(db, &Removal { object: 0 }).await;
    let process = Process::start(scratch, Behaviour::Hang);
    until("it has started", async || {
        count(db, "SELECT COUNT(*) FROM started").await == 1
    })
    .await;
    drop(process);
    assert_eq!(in_state(db, JobState::Running).await, 1);
    let process = Process::start(scratch, Behaviour::Work);
    until("it is done", async || in_state(db, JobState::Done).await == 1).await;
    drop(process);
    assert_eq!(count(db, "SELECT COUNT(*) FROM started").await, 2);
    assert_eq!(count(db, "SELECT COUNT(*) FROM effect").await, 1);
    assert_eq!(count(db, "SELECT attempts FROM job").await, 1);
    assert_eq!(count(db, "SELECT deaths FROM job").await, 1);
}

async fn no_kill_loses_a_job_or_doubles_its_effect(scratch: &Scratch) {
    const JOBS: i64 = 60;
    const KILLS: i64 = 4;
    let db = &scratch.db;
    prepare(db).await;
    for object in 0..JOBS {
        add(db, &Removal { object }).await;
    }
    let mut processes = [
        Process::start(scratch, Behaviour::Work),
        Process::start(scratch, Behaviour::Work),
    ];
    let mut kills = 0;
    until("all are done", async || {
        let done = in_state(db, JobState::Done).await;
        if kills < KILLS && done > (kills + 1) * JOBS / (KILLS + 2) {
            processes[usize::try_from(kills % 2).unwrap()] = Process::start(scratch, Behaviour::Work);
            kills += 1;
        }
        done == JOBS
    })
    .await;
    drop(processes);
    assert_eq!(kills, KILLS);
    assert_eq!(count(db, "SELECT COUNT(*) FROM effect").await, JOBS);
    assert_eq!(count(db, "SELECT COUNT(DISTINCT job) FROM effect").await, JOBS);
}

/// The claims of one process against a full queue, one after the other and eight at once.
async fn throughput(scratch: &Scratch, name: &str) {
    struct Nothing;
    #[async_trait::async_trait]
    impl Handler for Nothing {
        fn timeout(&self, _: &str) -> Duration {
            Duration::from_secs(60)
        }

        async fn run(&self, _: StoredJob, _: Lease) -> Result<(), JobError> {
            Ok(())
        }
    }
    const JOBS: i64 = 1000;
    let db = &scratch.db;
    let mut tx = db.begin().await.unwrap();
    let mut workers = Workers {
        handler: Arc::new(Nothing),
        ..workers(db, Behaviour::Work)
    };
    workers.settings.storage = 8;
    for object in 0..JOBS {
        jobs::enqueue(&mut tx, &workers, &Removal { object }, EnqueueOptions::default())
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let shutdown = CancellationToken::new();
    let begin = Instant::now();
    let running = tokio::spawn(jobs::run(workers, shutdown.clone()));
    until("all are done", async || {
        in_state(db, JobState::Done).await == JOBS
    })
    .await;
    let seconds = begin.elapsed().as_secs_f64();
    shutdown.cancel();
    running.await.unwrap().unwrap();
    #[expect(clippy::print_stderr, reason = "it is what this is for")]
    {
        eprintln!(
            "{name}: {:.0} jobs/s from claim to done",
            f64::from(1000) / seconds
        );
    }
}

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                let scratch = Scratch::sqlite().await;
                super::$name(&scratch).await;
                scratch.remove().await;
            }

            #[tokio::test]
            async fn postgres() {
                let scratch = Scratch::postgres().await;
                super::$name(&scratch).await;
                scratch.remove().await;
            }
        }
    )+};
}

on_both!(
    a_job_that_aborts_its_process_is_dead_after_some_deaths,
    a_job_whose_worker_was_killed_is_done_by_another_exactly_once,
    no_kill_loses_a_job_or_doubles_its_effect,
);

#[tokio::test]
#[ignore = "a measurement"]
async fn measure_throughput() {
    let scratch = Scratch::sqlite().await;
    throughput(&scratch, "SQLite").await;
    scratch.remove().await;
    let scratch = Scratch::postgres().await;
    throughput(&scratch, "PostgreSQL").await;
    scratch.remove().await;
}
