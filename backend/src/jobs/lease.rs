//! The right to work on a job, for as long as its worker shows signs of life.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{JobId, Timestamp};
use tokio_util::sync::CancellationToken;

use uuid::Uuid;

use super::store::{self, ClaimedRow, LeaseGuard};
use crate::{
    Error,
    db::{Db, DbError, Tx},
    redact::LogSafe,
};

/// The right to work on a job. Cheap to clone.
#[derive(Clone)]
pub struct Lease(Arc<LeaseState>);

struct LeaseState {
    job: JobId,
    token: String,
    attempt: u32,
    max_attempts: u32,
    /// Whether workers did not come back since the job last got on.
    has_died: AtomicBool,
    cancelled: CancellationToken,
    lost: AtomicBool,
    finished: AtomicBool,
}

/// A job could not be finished; the transaction is to be rolled back.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Somebody else has the job, or it is gone: the result is to be discarded.
    #[error("the lease of the job was lost")]
    LeaseLost,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<FinishError> for Error {
    fn from(error: FinishError) -> Self {
        match error {
            FinishError::LeaseLost => Self::internal(error),
            FinishError::Db(error) => Self::Db(error),
        }
    }
}

impl LogSafe for FinishError {
    fn log_text(&self) -> Option<String> {
        match self {
            Self::LeaseLost => Some(self.to_string()),
            Self::Db(_) => None,
        }
    }

    fn behind(&self) -> Option<&dyn LogSafe> {
        match self {
            Self::LeaseLost => None,
            Self::Db(error) => Some(error),
        }
    }
}

impl Lease {
    /// Ends with `stop`, or when it is lost.
    pub(super) fn new(row: &ClaimedRow, token: String, stop: &CancellationToken) -> Self {
        Self(Arc::new(LeaseState {
            job: row.id,
            token,
            attempt: row.attempts,
            max_attempts: row.max_attempts,
            has_died: AtomicBool::new(row.deaths > 0),
            cancelled: stop.child_token(),
            lost: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        }))
    }

    /// The id of the job.
    #[must_use]
    pub fn job(&self) -> JobId {
        self.0.job
    }

    /// The id of an email that the job sends: its own, so that every run sends the same one.
    #[must_use]
    pub fn email_id(&self) -> Uuid {
        self.0.job.0
    }

    /// The fencing token: of all that ever worked on the job, only the present holder's is in its row.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.0.token
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Whether a failure of this attempt is the end.
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.0.attempt >= self.0.max_attempts
    }

    /// Whether to stop working: the lease is lost, the time is up, or the process ends. Whatever the handler answers
    /// then does not count against the job, except when its time was up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Ends when the handler is to stop working; see [`Self::is_cancelled`]. A handler that goes on is aborted a moment
    /// later.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }

    /// Says that a part of the work is done and stays done: a job that gets on is not what kills its workers, however many were
    /// stopped while they had it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn gets_on(&self, db: &Db) -> Result<(), DbError> {
        if self.0.has_died.load(Ordering::SeqCst) {
            store::forget_deaths(db, self.guard()).await?;
            self.0.has_died.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Finishes the job in the transaction of its result, so that both happen exactly once.
    ///
    /// # Errors
    /// The lease was lost (roll back), or the database failed.
    pub async fn finish_in(&self, tx: &mut Tx, now: Timestamp) -> Result<(), FinishError> {
        if store::finish(tx, self.guard(), now).await? {
            self.0.finished.store(true, Ordering::SeqCst);
            Ok(())
        } else {
            Err(FinishError::LeaseLost)
        }
    }

    pub(super) fn guard(&self) -> LeaseGuard<'_> {
        LeaseGuard {
            id: self.0.job,
            token: &self.0.token,
        }
    }

    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::SeqCst);
        self.cancel();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::SeqCst)
    }

    /// Whether the handler finished the job itself; its transaction may still have failed.
    pub(super) fn was_finished(&self) -> bool {
        self.0.finished.load(Ordering::SeqCst)
    }

    pub(super) fn cancel(&self) {
        self.0.cancelled.cancel();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("job", &self.0.job)
            .field("attempt", &self.0.attempt)
            .finish_non_exhaustive()
    }
}
