//! What jobs do: each kind with its [`RunJob`], all kinds in one [`Registry`].

use std::{collections::HashMap, fmt, marker::PhantomData, time::Duration};

use super::{Job, JobError, Lease, StoredJob};
use crate::Result;

/// What the jobs of a kind do, given `C` to work with.
pub trait RunJob<C>: Job {
    /// Does one job. A panic counts as [`JobError::Retry`].
    fn run(self, context: &C, lease: &Lease) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Called at least once for a job that will not be tried again, so that nobody waits for it.
    fn on_dead(self, context: &C) -> impl Future<Output = Result<()>> + Send {
        let _ = (self, context);
        async { Ok(()) }
    }
}

/// Does the work of a queue.
#[async_trait::async_trait]
pub trait Handler: Send + Sync + 'static {
    /// How long one attempt at a job of `kind` may take.
    fn timeout(&self, kind: &str) -> Duration;

    /// Does one job. A panic counts as [`JobError::Retry`].
    async fn run(&self, job: StoredJob, lease: Lease) -> Result<(), JobError>;

    /// Called at least once for a job that will not be tried again.
    async fn on_dead(&self, job: StoredJob) {
        let _ = job;
    }
}

/// Every kind of job that a process can do.
pub struct Registry<C> {
    context: C,
    kinds: HashMap<&'static str, Box<dyn AnyKind<C>>>,
}

impl<C: Send + Sync + 'static> Registry<C> {
    /// No kinds yet; all of them will be given `context`.
    #[must_use]
    pub fn new(context: C) -> Self {
        Self {
            context,
            kinds: HashMap::new(),
        }
    }

    /// With the kind `J`.
    #[must_use]
    pub fn with<J: RunJob<C>>(mut self) -> Self {
        self.kinds
            .insert(J::POLICY.kind, Box::new(Kind::<J>(PhantomData)));
        self
    }
}

impl<C> fmt::Debug for Registry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}

#[async_trait::async_trait]
impl<C: Send + Sync + 'static> Handler for Registry<C> {
    fn timeout(&self, kind: &str) -> Duration {
        self.kinds
            .get(kind)
            .map_or(Duration::from_secs(60), |kind| kind.timeout())
    }

    async fn run(&self, job: StoredJob, lease: Lease) -> Result<(), JobError> {
        match self.kinds.get(&*job.kind) {
            Some(kind) => kind.run(&self.context, &job, &lease).await,
            // Perhaps of a newer version, whose workers will get it in one of the further attempts.
            None => Err(JobError::retry("a kind that this version does not know")),
        }
    }

    async fn on_dead(&self, job: StoredJob) {
        if let Some(kind) = self.kinds.get(&*job.kind)
            && let Err(error) = kind.on_dead(&self.context, &job).await
        {
            tracing::error!(%error, "nobody could be told that a job is dead");
        }
    }
}

/// [`RunJob`] without the type of its payload.
#[async_trait::async_trait]
trait AnyKind<C>: Send + Sync {
    fn timeout(&self) -> Duration;
    async fn run(&self, context: &C, job: &StoredJob, lease: &Lease) -> Result<(), JobError>;
    async fn on_dead(&self, context: &C, job: &StoredJob) -> Result<()>;
}

struct Kind<J>(PhantomData<fn() -> J>);

#[async_trait::async_trait]
impl<C: Send + Sync, J: RunJob<C>> AnyKind<C> for Kind<J> {
    fn timeout(&self) -> Duration {
        J::POLICY.timeout
    }

    async fn run(&self, context: &C, job: &StoredJob, lease: &Lease) -> Result<(), JobError> {
        // Perhaps of a newer version, as above.
        let payload = job.read::<J>().map_err(JobError::retry)?;
        payload.run(context, lease).await
    }

    async fn on_dead(&self, context: &C, job: &StoredJob) -> Result<()> {
        job.read::<J>()?.on_dead(context).await
    }
}
