//! All background work of MixLens, on the `job` table; apalis runs it (`docs/adr/0002-jobs-on-our-own-table.md`).
//!
//! Whoever has slow work or an effect on the world [`enqueue`]s a [`Job`] in the transaction of the fact, and calls
//! [`Notifier::wake`] after the commit. A job may run more than once (a worker may die after the work and before the
//! commit), so its effect must bear that: either it is idempotent, or it commits with [`Lease::finish_in`].

mod lease;
mod queue;
mod runner;
pub mod schedule;
mod store;

use std::{fmt, sync::Arc, time::Duration};

use model::{AccountId, AnalysisId, ErasureId, ExportId, JobId, SignUpId, Timestamp, UploadId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

pub use self::{
    lease::{FinishError, Lease},
    queue::run,
    runner::run_due,
    schedule::beat,
    store::{Count, DeadJob, counts, dead, oldest_due},
};
use crate::{
    Error, Result,
    clock::Clock,
    db::{Db, Tx},
    entropy::{self, Entropy},
    mail::Notification,
    redact::{self, BoxError, Ours},
    retention::ExpiredCount,
};

/// Everything that is done in the background. Ids only: a payload is in backups and logs, so personal data is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Measures the upload of an analysis and stores the report.
    AnalyseUpload {
        /// The analysis, in state `queued`.
        analysis: AnalysisId,
    },
    /// Makes a copy of an upload that browsers play. It does not go with the account: what it wrote while the account was
    /// deleted, it removes.
    MakePreview {
        /// Whose it is.
        account: AccountId,
        /// The upload.
        upload: UploadId,
    },
    /// Brings what an older version of the program stored up to date: keys of the history, and verdicts by the present
    /// rules. Periodic.
    Rescore,
    /// Writes to a person.
    Mail {
        /// Whom.
        account: AccountId,
        /// What about.
        notification: Notification,
    },
    /// Writes to the address of a sign-up.
    MailSignUp {
        /// The sign-up.
        sign_up: SignUpId,
    },
    /// Removes the audio of an upload from the store.
    RemoveAudio {
        /// Whose it is.
        account: AccountId,
        /// The upload.
        upload: UploadId,
    },
    /// Makes the copy of everything that is held about a person.
    BuildExport {
        /// The copy, in state `building`.
        export: ExportId,
    },
    /// Removes the archive of a copy from the store.
    RemoveExport {
        /// Whose it is.
        account: AccountId,
        /// The copy.
        export: ExportId,
    },
    /// Goes on with the deletion of an account.
    Erase {
        /// The deletion.
        erasure: ErasureId,
    },
    /// Tells everybody of a new version of the policies.
    AnnouncePolicy {
        /// The version.
        version: String,
    },
    /// Writes to everybody who asked for news.
    SendNewsletter {
        /// Its number.
        newsletter: String,
    },
    /// Removes everything whose time has come. Periodic.
    Reap,
}

/// How the jobs of a kind are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The name in the table; never renamed.
    pub kind: &'static str,
    /// Where it waits.
    pub queue: Queue,
    /// How often it is tried, counting attempts that ended with their process.
    pub max_attempts: u32,
    /// How long one attempt may take.
    pub timeout: Duration,
}

const ANALYSE_UPLOAD: Policy = Policy {
    kind: "analyse_upload",
    queue: Queue::Analysis,
    max_attempts: 3,
    timeout: Duration::from_secs(15 * 60),
};
const COPY_TO_PLAY: Policy = Policy {
    kind: "make_preview",
    queue: Queue::Analysis,
    max_attempts: 3,
    timeout: Duration::from_secs(15 * 60),
};
const RESCORE: Policy = Policy {
    kind: "judge_anew",
    queue: Queue::Storage,
    max_attempts: 3,
    timeout: Duration::from_secs(10 * 60),
};
const MAIL: Policy = Policy {
    kind: "mail",
    queue: Queue::Mail,
    max_attempts: 8,
    timeout: Duration::from_secs(60),
};
const MAIL_SIGN_UP: Policy = Policy {
    kind: "mail_sign_up",
    queue: Queue::Mail,
    max_attempts: 8,
    timeout: Duration::from_secs(60),
};
const REMOVE_AUDIO: Policy = Policy {
    kind: "remove_audio",
    queue: Queue::Storage,
    max_attempts: 8,
    timeout: Duration::from_secs(60),
};
const BUILD_EXPORT: Policy = Policy {
    kind: "build_export",
    queue: Queue::Storage,
    max_attempts: 4,
    timeout: Duration::from_secs(10 * 60),
};
const REMOVE_EXPORT: Policy = Policy {
    kind: "remove_export",
    queue: Queue::Storage,
    max_attempts: 8,
    timeout: Duration::from_secs(60),
};
const ERASE: Policy = Policy {
    kind: "erase",
    queue: Queue::Storage,
    max_attempts: 20,
    timeout: Duration::from_secs(10 * 60),
};
const ANNOUNCE_POLICY: Policy = Policy {
    kind: "announce_policy",
    queue: Queue::Mail,
    max_attempts: 20,
    timeout: Duration::from_secs(10 * 60),
};
const SEND_NEWSLETTER: Policy = Policy {
    kind: "send_newsletter",
    queue: Queue::Mail,
    max_attempts: 20,
    timeout: Duration::from_secs(10 * 60),
};
const REAP: Policy = Policy {
    kind: "reap",
    queue: Queue::Storage,
    max_attempts: 3,
    timeout: Duration::from_secs(10 * 60),
};

impl Job {
    /// How jobs of this kind are treated.
    #[must_use]
    pub const fn policy(&self) -> &'static Policy {
        match self {
            Self::AnalyseUpload { .. } => &ANALYSE_UPLOAD,
            Self::MakePreview { .. } => &COPY_TO_PLAY,
            Self::Rescore => &RESCORE,
            Self::Mail { .. } => &MAIL,
            Self::MailSignUp { .. } => &MAIL_SIGN_UP,
            Self::RemoveAudio { .. } => &REMOVE_AUDIO,
            Self::BuildExport { .. } => &BUILD_EXPORT,
            Self::RemoveExport { .. } => &REMOVE_EXPORT,
            Self::Erase { .. } => &ERASE,
            Self::AnnouncePolicy { .. } => &ANNOUNCE_POLICY,
            Self::SendNewsletter { .. } => &SEND_NEWSLETTER,
            Self::Reap => &REAP,
        }
    }
}

/// One queue for each kind of work, so that slow work never starves quick work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Measuring, which takes a processor each.
    Analysis,
    /// Letters.
    Mail,
    /// Housekeeping in the object store and the database.
    Storage,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Analysis, Self::Mail, Self::Storage];

    /// The name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analysis => "analysis",
            Self::Mail => "mail",
            Self::Storage => "storage",
        }
    }
}

/// The first retry comes after this, each further one after twice the time, up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);

/// How long a job bears with [`JobError::Wait`], counted from its making, before it counts as a retry.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long the rows of ended jobs are kept; a dedupe key holds as long.
const DONE_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const DEAD_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the workers and a drain go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Analyses at once.
    pub analyses: usize,
    /// Letters at once.
    pub mails: usize,
    /// Jobs of the storage queue at once.
    pub storage: usize,
    /// How often an idle queue looks for jobs that nobody told it of: retries, and what other processes enqueue.
    pub poll: Duration,
    /// How long a claimed job belongs to its worker without a sign of life; renewed at a third of it.
    pub lease: Duration,
    /// How long running jobs may go on after the shutdown began.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            analyses: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            mails: 4,
            storage: 4,
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(25),
        }
    }
}

impl Settings {
    /// How many jobs of a queue run at once; at least one.
    #[must_use]
    pub fn concurrency(&self, queue: Queue) -> usize {
        match queue {
            Queue::Analysis => self.analyses,
            Queue::Mail => self.mails,
            Queue::Storage => self.storage,
        }
        .max(1)
    }
}

/// Everything that [`run`] and [`run_due`] stand on. Cheap to clone.
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
    /// Rung by whoever enqueues in this process.
    pub wake: Notifier,
    /// How many at once, and so on.
    pub settings: Settings,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("db", &self.db)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Does the work. The use cases implement it, so that this module knows none of them.
#[async_trait::async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does one job. A panic counts as [`JobError::Retry`].
    async fn run(&self, job: Job, lease: Lease) -> Result<(), JobError>;

    /// Told at least once of a job that will not be tried again, so that nobody waits for it.
    async fn dead(&self, job: Job) {
        let _ = job;
    }
}

/// Why a job was not done, and what is to become of it. Its row and the log keep what `cause` says of it.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// May work another time: it is tried again later while it has attempts left.
    #[error("tried again later")]
    Retry(#[source] BoxError),
    /// Something that it stands on is down, which says nothing about the job: it is tried again later and the attempt
    /// does not count, for up to a day.
    #[error("waits")]
    Wait(#[source] BoxError),
    /// Will never work: it is dead.
    #[error("will never work")]
    Fail(#[source] BoxError),
}

impl JobError {
    /// [`Self::Retry`].
    pub fn retry<C: Into<Box<dyn std::error::Error + Send + Sync>> + 'static>(cause: C) -> Self {
        Self::Retry(redact::from(cause))
    }

    /// [`Self::Wait`].
    pub fn wait<C: Into<Box<dyn std::error::Error + Send + Sync>> + 'static>(cause: C) -> Self {
        Self::Wait(redact::from(cause))
    }

    /// [`Self::Fail`].
    pub fn fail<C: Into<Box<dyn std::error::Error + Send + Sync>> + 'static>(cause: C) -> Self {
        Self::Fail(redact::from(cause))
    }
}

/// How a job is enqueued.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
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

/// Makes a job in the caller's transaction: the fact and its job commit together. Call [`Notifier::wake`] after the commit.
/// `None` where there is a job of that key already.
///
/// # Errors
/// The database does not answer.
pub async fn enqueue(
    tx: &mut Tx,
    ids: &(impl IdGenerator + ?Sized),
    job: &Job,
    options: Options<'_>,
) -> Result<Option<JobId>> {
    let id = JobId(ids.new_id());
    let now = ids.now();
    let policy = job.policy();
    let is_new = store::enqueue(
        tx,
        store::NewJob {
            id: id.to_string(),
            queue: policy.queue.name(),
            kind: policy.kind,
            payload: Payload::write(job)?,
            dedupe_key: options.dedupe_key,
            max_attempts: policy.max_attempts,
            run_at: options.run_at.unwrap_or(now),
            account_id: options.account.map(|account| account.to_string()),
            created_at: now,
        },
    )
    .await?;
    Ok(is_new.then_some(id))
}

/// Forgets jobs that ended long ago. How many.
///
/// # Errors
/// The database does not answer.
pub async fn reap(db: &Db, now: Timestamp) -> Result<u64> {
    let done = store::forget(db, "done", now.minus(DONE_KEPT)).await?;
    let dead = store::forget(db, "dead", now.minus(DEAD_KEPT)).await?;
    Ok(done + dead)
}

/// What [`reap`] would forget now.
///
/// # Errors
/// The database does not answer.
pub async fn due(db: &Db, now: Timestamp) -> Result<Vec<ExpiredCount>> {
    let done = store::count_ended(db, "done", now.minus(DONE_KEPT)).await?;
    let dead = store::count_ended(db, "dead", now.minus(DEAD_KEPT)).await?;
    Ok(vec![("rows of work that ended long ago", done + dead)])
}

/// Tells the workers of this process that there is work, so that they do not wait for their next poll. Cheap to clone;
/// all clones ring the same bell.
#[derive(Debug, Clone)]
pub struct Notifier(Arc<watch::Sender<()>>);

impl Default for Notifier {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Notifier {
    /// Rings; call it after the commit.
    pub fn wake(&self) {
        // Unlike `Notify`, a watch is not missed by a worker that is looking at the table just now.
        self.0.send_replace(());
    }

    fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// A job as its row keeps it.
#[derive(Serialize, Deserialize)]
struct Payload {
    v: u32,
    #[serde(flatten)]
    job: Job,
}

impl Payload {
    const VERSION: u32 = 1;

    fn write(job: &Job) -> Result<String> {
        serde_json::to_string(&Self {
            v: Self::VERSION,
            job: job.clone(),
        })
        .map_err(Error::internal)
    }

    fn read(text: &str) -> Result<Job> {
        let payload: Self = serde_json::from_str(text).map_err(Error::internal)?;
        if payload.v == Self::VERSION {
            Ok(payload.job)
        } else {
            Err(Error::internal(Ours(format!(
                "a payload of version {}",
                payload.v
            ))))
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

/// How long to wait for something that is down: a quarter of the time waited so far, so that it grows by itself.
fn wait_delay(age: Duration, entropy: &dyn Entropy) -> Duration {
    jittered((age / 4).clamp(FIRST_RETRY, LONGEST_WAIT), entropy)
}

fn jittered(delay: Duration, entropy: &dyn Entropy) -> Duration {
    let mut random = [0; 2];
    entropy.fill(&mut random);
    let share = f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX);
    delay.mul_f64(0.8 + 0.4 * share)
}

#[cfg(test)]
mod tests;
