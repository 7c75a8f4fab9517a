//! The engine of all background work, on the `job` table; apalis runs it (`docs/adr/0002-jobs-on-our-own-table.md`).
//!
//! Whoever has slow work or an effect outside of the database [`enqueue`]s a [`Job`] in the transaction of the fact, and
//! calls [`Notifier::wake`] after the commit. A job may run more than once (a worker may die after the work and before the
//! commit), so its effect must allow for that: either it is idempotent, or it commits with [`Lease::finish_in`].
//!
//! Which kinds there are is none of its business: each is a struct beside its use case, and `work.rs` lists them.

mod lease;
mod pause;
mod payload;
mod queue;
mod registry;
mod runner;
pub mod schedule;
mod store;

use std::{fmt, sync::Arc, time::Duration};

use model::{AccountId, JobId, Timestamp};
use tokio::sync::{broadcast::error::RecvError, watch};
use uuid::Uuid;

pub(crate) use self::store::TABLES;
pub use self::{
    lease::{FinishError, Lease},
    payload::{Job, JobError, JobState, Policy, Queue, StoredJob},
    queue::run,
    registry::{Handler, Registry, RunJob},
    runner::run_due,
    store::{Count, DeadJob, counts, dead, oldest_due, waiting},
};
use crate::{
    Result,
    clock::Clock,
    db::{Db, DbError, Tx},
    entropy::{self, Entropy},
    redis::{Hint, Redis},
    retention::ExpiredCount,
};

/// The first retry comes after this, each further one after twice the time, up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);

/// How long a job may go on with [`JobError::Wait`], counted from its creation, before it counts as a retry.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long the rows of ended jobs are kept; a dedupe key holds as long.
const DONE_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const DEAD_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the workers and a drain go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Analyses at once.
    pub analyses: usize,
    /// Jobs that ask Stripe at once.
    pub billing: usize,
    /// Emails at once.
    pub mails: usize,
    /// Jobs of the storage queue at once.
    pub storage: usize,
    /// Webhook endpoints that are served at once; each waits for its own server.
    pub webhooks: usize,
    /// How often an idle queue looks for jobs without being notified: retries, and what other processes enqueue.
    pub poll: Duration,
    /// How long a claimed job belongs to its worker without a heartbeat; renewed at a third of it.
    pub lease: Duration,
    /// How long running jobs may go on after the shutdown began.
    pub drain: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            analyses: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            billing: 2,
            mails: 4,
            storage: 4,
            webhooks: 64,
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(25),
        }
    }
}

impl WorkerSettings {
    /// How many jobs of a queue run at once; at least one.
    #[must_use]
    pub fn concurrency(&self, queue: Queue) -> usize {
        match queue {
            Queue::Analysis => self.analyses,
            Queue::Billing => self.billing,
            Queue::Mail => self.mails,
            Queue::Storage => self.storage,
            Queue::Webhook => self.webhooks,
        }
        .max(1)
    }
}

/// Everything that [`run`] and [`run_due`] need. Cheap to clone.
#[derive(Clone)]
pub struct Workers {
    /// Where the jobs are.
    pub db: Db,
    /// The time, by which jobs are due and leases end.
    pub clock: Arc<dyn Clock>,
    /// Lease tokens and the jitter of retries.
    pub entropy: Arc<dyn Entropy>,
    /// Does the work.
    pub handler: Arc<dyn Handler>,
    /// Notified by whoever enqueues in this process.
    pub wake: Notifier,
    /// How many at once, and so on.
    pub settings: WorkerSettings,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("db", &self.db)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How a job is enqueued.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnqueueOptions<'a> {
    /// A second job of the same key is not made, as long as the first one's row is kept (7 days after its end).
    pub dedupe_key: Option<&'a str>,
    /// Whose work it is: the job goes with the account.
    pub account: Option<AccountId>,
    /// Not before this moment; at once where there is none.
    pub run_at: Option<Timestamp>,
}

/// Gives new rows their time and id.
pub trait IdGenerator: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// A fresh id.
    fn new_id(&self) -> Uuid;
}

impl IdGenerator for Workers {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn new_id(&self) -> Uuid {
        entropy::new_id(&*self.entropy, self.clock.now())
    }
}

impl IdGenerator for (&dyn Clock, &dyn Entropy) {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn new_id(&self) -> Uuid {
        entropy::new_id(self.1, self.0.now())
    }
}

/// Adds a job in the caller's transaction: the fact and its job commit together. Call [`Notifier::wake`] after the commit.
/// `None` where there is a job of that key already.
///
/// # Errors
/// The database does not answer.
pub async fn enqueue(
    tx: &mut Tx,
    ids: &(impl IdGenerator + ?Sized),
    job: &impl Job,
    options: EnqueueOptions<'_>,
) -> Result<Option<JobId>> {
    enqueue_stored(tx, ids, &policy_of(job), StoredJob::new(job)?, options).await
}

const fn policy_of<J: Job>(_: &J) -> Policy {
    J::POLICY
}

async fn enqueue_stored(
    tx: &mut Tx,
    ids: &(impl IdGenerator + ?Sized),
    policy: &Policy,
    job: StoredJob,
    options: EnqueueOptions<'_>,
) -> Result<Option<JobId>> {
    let id = JobId(ids.new_id());
    let now = ids.now();
    let is_new = store::enqueue(
        tx,
        store::NewJob {
            id,
            queue: policy.queue,
            kind: policy.kind,
            payload: job.payload,
            dedupe_key: options.dedupe_key,
            max_attempts: policy.max_attempts,
            run_at: options.run_at.unwrap_or(now),
            account_id: options.account,
            created_at: now,
        },
    )
    .await?;
    Ok(is_new.then_some(id))
}

/// Whether this very job is queued or running.
///
/// # Errors
/// The database does not answer.
pub async fn is_pending<J: Job>(tx: &mut Tx, job: &J) -> Result<bool> {
    let job = StoredJob::new(job)?;
    Ok(store::is_pending(tx, &job.kind, &job.payload).await?)
}

/// Has this very job of an account run at `run_at` at the latest: one that waits for longer is brought forward. One that runs is
/// left alone, so that it has to look once more, in the transaction of its end, whether there is anything left to do. Both lock the
/// account. Call [`Notifier::wake`] after the commit.
///
/// # Errors
/// The database does not answer.
pub async fn enqueue_by<J: Job>(
    tx: &mut Tx,
    ids: &(impl IdGenerator + ?Sized),
    job: &J,
    account: AccountId,
    run_at: Timestamp,
) -> Result<()> {
    let stored = StoredJob::new(job)?;
    if store::is_pending_of(tx, account, &stored.kind, &stored.payload).await? {
        store::bring_forward(tx, account, &stored.kind, &stored.payload, run_at).await?;
        return Ok(());
    }
    let options = EnqueueOptions {
        account: Some(account),
        run_at: Some(run_at),
        ..EnqueueOptions::default()
    };
    enqueue_stored(tx, ids, &J::POLICY, stored, options).await?;
    Ok(())
}

/// Takes back this very job of an account, where it waits. One that runs goes on.
///
/// # Errors
/// The database does not answer.
pub async fn withdraw<J: Job>(tx: &mut Tx, account: AccountId, job: &J) -> Result<()> {
    let job = StoredJob::new(job)?;
    store::withdraw(tx, account, &job.kind, &job.payload).await?;
    Ok(())
}

/// Whether a job of this kind waits already.
///
/// # Errors
/// The database does not answer.
pub async fn is_waiting<J: Job>(tx: &mut Tx, _: &J) -> Result<bool> {
    Ok(store::is_queued(tx, J::POLICY.queue, J::POLICY.kind).await?)
}

/// Whether a job is dead: nobody tries it again by themselves.
///
/// # Errors
/// The database does not answer.
pub async fn is_dead<J: Job>(db: &Db, job: &J) -> Result<bool> {
    let job = StoredJob::new(job)?;
    Ok(store::is_dead(db, J::POLICY.kind, &job.payload).await?)
}

/// How many jobs of a kind were enqueued up to `before` and are not done.
///
/// # Errors
/// The database does not answer.
pub async fn overdue<J: Job>(db: &Db, before: Timestamp) -> Result<i64, DbError> {
    store::unfinished_since(db, &J::POLICY, before).await
}

/// Queues the dead jobs of a kind again, with all of their attempts. How many.
///
/// # Errors
/// The database does not answer.
pub async fn revive<J: Job>(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    store::revive(db, J::POLICY.kind, now).await
}

/// Deletes jobs that mention `text` in their payload, their key or their error, a few at a time. How many.
///
/// # Errors
/// The database does not answer.
pub async fn delete_mentions(db: &Db, text: &str) -> Result<u64, DbError> {
    store::delete_mentions(db, text).await
}

/// Deletes the jobs of an account that wait or run; whoever runs one has lost its lease. How many.
///
/// # Errors
/// The database does not answer.
pub async fn stop_all_of(tx: &mut Tx, account: AccountId) -> Result<u64, DbError> {
    store::stop_all_of(tx, account).await
}

/// Deletes the rows of jobs that ended long ago. How many.
///
/// # Errors
/// The database does not answer.
pub async fn purge(db: &Db, now: Timestamp) -> Result<u64> {
    let done = store::purge(db, JobState::Done, now.minus(DONE_KEPT)).await?;
    let dead = store::purge(db, JobState::Dead, now.minus(DEAD_KEPT)).await?;
    Ok(done + dead)
}

/// What [`purge`] would delete now.
///
/// # Errors
/// The database does not answer.
pub async fn expired(db: &Db, now: Timestamp) -> Result<Vec<ExpiredCount>> {
    let done = store::count_ended(db, JobState::Done, now.minus(DONE_KEPT)).await?;
    let dead = store::count_ended(db, JobState::Dead, now.minus(DEAD_KEPT)).await?;
    Ok(vec![("rows of work that ended long ago", done + dead)])
}

/// Wakes the workers when there is work, so that they do not wait for their next poll: those of this process, and through Redis
/// those of others. Cheap to clone; all clones wake the same workers.
#[derive(Debug, Clone)]
pub struct Notifier {
    here: Arc<watch::Sender<()>>,
    redis: Redis,
}

impl Default for Notifier {
    fn default() -> Self {
        Self::through(Redis::absent())
    }
}

impl Notifier {
    /// One that wakes other processes, too, where there is a Redis.
    pub(crate) fn through(redis: Redis) -> Self {
        Self {
            here: Arc::new(watch::Sender::new(())),
            redis,
        }
    }

    /// Wakes them; call it after the commit.
    pub fn wake(&self) {
        self.wake_here();
        self.redis.hint_others(Hint::Jobs);
    }

    /// Wakes the workers of this process.
    fn wake_here(&self) {
        // Unlike `Notify`, a watch is not missed by a worker that is looking at the table just now.
        self.here.send_replace(());
    }

    fn listen(&self) -> watch::Receiver<()> {
        self.here.subscribe()
    }

    /// Wakes the workers of this process whenever another one says that there is work.
    async fn hear(&self) {
        let mut hints = self.redis.hear();
        loop {
            match hints.recv().await {
                Ok(Hint::Jobs) | Err(RecvError::Lagged(_)) => self.wake_here(),
                Ok(Hint::Progress(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// How long to wait after the attempt of this number (from 1) failed: min(5 s · 2ⁿ, 1 h) ± 20 %.
fn retry_delay(attempt: u32, entropy: &dyn Entropy) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    jittered(
        FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY),
        entropy,
    )
}

/// How long to wait for something that is down: a quarter of the time waited so far.
fn wait_delay(age: Duration, entropy: &dyn Entropy) -> Duration {
    jittered((age / 4).clamp(FIRST_RETRY, LONGEST_WAIT), entropy)
}

/// `delay`, give or take a fifth, so that what failed together is not tried again together.
pub(crate) fn jittered(delay: Duration, entropy: &dyn Entropy) -> Duration {
    let mut random = [0; 2];
    entropy.fill(&mut random);
    let share = f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX);
    delay.mul_f64(0.8 + 0.4 * share)
}

#[cfg(test)]
mod tests;
