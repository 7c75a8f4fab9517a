//! What a job is before it runs: a payload of ids, and how its kind is treated.
//!
//! Each kind is a struct that implements [`Job`], in the file of the use case that it is for. This module knows none of them.

use std::time::Duration;

use model::text_enum;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    redact::{Cause, OwnText},
};

/// The payload of one kind of job. Ids only: it is in backups and logs, so personal data is not in it.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// How jobs of this kind are treated.
    const POLICY: Policy;
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

text_enum! {
    /// One queue for each kind of work, so that slow work never starves quick work.
    pub enum Queue {
        /// Measuring and transcoding, which take a processor each.
        Analysis = "analysis",
        /// Asking Stripe, which may be away while all else goes on.
        Billing = "billing",
        /// Email.
        Mail = "mail",
        /// Housekeeping in the object store and the database.
        Storage = "storage",
        /// Webhooks: waiting for the servers of other people, which takes no processor.
        Webhook = "webhook",
    }
}

text_enum! {
    /// Where a job is between its enqueuing and its end.
    pub enum JobState {
        /// Waits until it is due and claimed.
        Queued = "queued",
        /// A worker holds its lease.
        Running = "running",
        /// It did its work.
        Done = "done",
        /// It will not be tried again. While it is leased, what follows its death is still to be done.
        Dead = "dead",
    }
}

crate::db::text! {
    JobState,
    Queue,
}

/// Why a job was not done, and what happens to it. Its row and the log keep what `cause` says of it.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// May work another time: it is tried again later while it has attempts left.
    #[error("tried again later")]
    Retry(#[source] Cause),
    /// Something that it depends on is down, which says nothing about the job: it is tried again later and the attempt
    /// does not count, for up to a day.
    #[error("waits")]
    Wait(#[source] Cause),
    /// Will never work: it is dead.
    #[error("will never work")]
    Fail(#[source] Cause),
}

impl JobError {
    /// [`Self::Retry`].
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self::Retry(cause.into())
    }

    /// [`Self::Wait`].
    pub fn wait(cause: impl Into<Cause>) -> Self {
        Self::Wait(cause.into())
    }

    /// [`Self::Fail`].
    pub fn fail(cause: impl Into<Cause>) -> Self {
        Self::Fail(cause.into())
    }
}

/// What is unavailable says nothing about the job, so it costs no attempt.
impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        if error.code() == model::ProblemCode::Unavailable {
            Self::wait(error)
        } else {
            Self::retry(error)
        }
    }
}

impl From<crate::db::DbError> for JobError {
    fn from(error: crate::db::DbError) -> Self {
        Error::from(error).into()
    }
}

/// A job as its row keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredJob {
    /// [`Policy::kind`].
    pub kind: String,
    /// The payload as JSON, with the version of its form.
    pub payload: String,
}

#[derive(Serialize, Deserialize)]
struct Payload<J> {
    v: u32,
    #[serde(flatten)]
    job: J,
}

const VERSION: u32 = 1;

impl StoredJob {
    /// The row of `job`.
    ///
    /// # Errors
    /// The payload cannot be written as JSON.
    pub fn new<J: Job>(job: &J) -> Result<Self> {
        let payload = Payload { v: VERSION, job };
        Ok(Self {
            kind: J::POLICY.kind.to_owned(),
            payload: serde_json::to_string(&payload).map_err(Error::internal)?,
        })
    }

    /// Whether it is of the kind `J`.
    #[must_use]
    pub fn is<J: Job>(&self) -> bool {
        self.kind == J::POLICY.kind
    }

    /// The payload.
    ///
    /// # Errors
    /// It is of another kind, or of another version of the program.
    pub fn read<J: Job>(&self) -> Result<J> {
        if !self.is::<J>() {
            return Err(Error::internal("a job of another kind"));
        }
        let payload: Payload<J> = serde_json::from_str(&self.payload).map_err(Error::internal)?;
        if payload.v == VERSION {
            Ok(payload.job)
        } else {
            Err(Error::internal(OwnText(format!(
                "a payload of version {}",
                payload.v
            ))))
        }
    }
}
