//! Our table as an apalis backend: the only file that names apalis.
//!
//! apalis polls, limits how many run at once and keeps the workers together ([`Monitor`]). It knows nothing of outcomes,
//! attempts or delays: those are in the table. Traps: a worker whose backend is exhausted waits for somebody to
//! call `stop`, so `poll_close` does; and a claim that is under way when a worker is stopped would never be polled
//! again, so a drain is not a signal to apalis but the end of the backend's stream.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use apalis::{layers::WorkerBuilderExt as _, prelude::Monitor};
use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::RandomId},
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tower::layer::util::Identity;

use super::{
    Queue, Workers,
    pause::Pauses,
    runner::{Claimed, Runner},
    store,
};
use crate::{Error, Result, redact::Redacted};

/// How long the stopped handlers have to end and to be given back, after the drain.
const STOP_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(8);

/// How long to wait before listening again when the connection broke.
const HEAR_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(2);

/// Runs jobs until `shutdown`. Then nothing new is claimed; what runs may end within [`super::WorkerSettings::drain`]; what
/// has not ended by then is stopped and given back with its attempt.
///
/// # Errors
/// The workers ended by themselves, which they never should.
pub async fn run(workers: Workers, shutdown: CancellationToken) -> Result<()> {
    let drain = workers.settings.drain;
    let stop = CancellationToken::new();
    let runner = Arc::new(Runner {
        workers,
        stop: stop.clone(),
        pauses: Pauses::default(),
    });
    let mut monitor = Monitor::new().should_restart(|_, _| true);
    for queue in Queue::ALL {
        let (runner, shutdown) = (Arc::clone(&runner), shutdown.clone());
        monitor = monitor.register(move |_| {
            let worker = Arc::clone(&runner);
            WorkerBuilder::new(queue.as_str())
                .backend(JobTable::new(Arc::clone(&runner), queue, shutdown.clone()))
                .concurrency(runner.workers.settings.concurrency(queue))
                .build(move |claimed: Claimed| {
                    let runner = Arc::clone(&worker);
                    async move { runner.work(claimed).await }
                })
        });
    }
    // Ends with the workers.
    let _hearing = {
        let workers = runner.workers.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            tokio::join!(hear(&workers), workers.wake.hear());
        }))
    };
    let mut running = Box::pin(monitor.run());
    tokio::select! {
        ended = &mut running => {
            return match ended {
                _ if shutdown.is_cancelled() => Ok(()),
                Ok(()) => Err(Error::internal("the workers ended by themselves")),
                Err(error) => Err(Error::internal(error)),
            };
        }
        () = shutdown.cancelled() => tracing::info!("no new jobs; waiting for those that run"),
    }
    if tokio::time::timeout(drain, &mut running).await.is_err() {
        tracing::warn!("the drain is over; the jobs that still run are given back");
        stop.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, running).await.is_err() {
            tracing::error!("some jobs could not be given back; they come back when their leases end");
        }
    }
    Ok(())
}

/// Wakes the workers for what other processes enqueue, where the database says so; without it they look by turns.
async fn hear(workers: &Workers) {
    while let Some(error) = workers
        .db
        .listen(store::CHANNEL, || workers.wake.wake_here())
        .await
    {
        tracing::warn!(error = %Redacted(&error), "the database says nothing of new work; tried again");
        tokio::time::sleep(HEAR_AGAIN_AFTER).await;
    }
}

/// One queue of the table.
struct JobTable {
    source: Arc<ClaimSource>,
    /// The search for the next job, polled to its end before another begins.
    next: Option<BoxFuture<'static, Option<Claimed>>>,
}

struct ClaimSource {
    runner: Arc<Runner>,
    queue: Queue,
    wake: watch::Receiver<()>,
    shutdown: CancellationToken,
}

impl JobTable {
    fn new(runner: Arc<Runner>, queue: Queue, shutdown: CancellationToken) -> Self {
        let wake = runner.workers.wake.listen();
        Self {
            source: Arc::new(ClaimSource {
                runner,
                queue,
                wake,
                shutdown,
            }),
            next: None,
        }
    }
}

impl ClaimSource {
    /// Waits for a job. `None` when the process ends.
    async fn next(self: Arc<Self>) -> Option<Claimed> {
        let mut wake = self.wake.clone();
        while !self.shutdown.is_cancelled() {
            // A notification from here on ends the wait below, even if the query comes too early.
            wake.mark_unchanged();
            if let Some(pause) = self.runner.pauses.left(self.queue) {
                tokio::select! {
                    () = self.shutdown.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
                continue;
            }
            let is_answering = match self.runner.claim(self.queue).await {
                Ok(Some(claimed)) => return Some(claimed),
                Ok(None) => true,
                Err(error) => {
                    tracing::warn!(queue = self.queue.as_str(), error = %Redacted(&error), "no job could be claimed; tried again");
                    false
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = tokio::time::sleep(self.runner.workers.settings.poll) => {}
                Ok(()) = wake.changed(), if is_answering => {}
            }
        }
        None
    }
}

impl Backend for JobTable {
    type Task = Task<Claimed>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let source = &self.source;
        let next = self.next.get_or_insert_with(|| Arc::clone(source).next().boxed());
        next.poll_unpin(cx).map(|claimed| {
            self.next = None;
            claimed.map(|claimed| Ok(TaskBuilder::new(claimed).build()))
        })
    }

    fn poll_close(&mut self, _: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if !worker.is_stopped()
            && let Err(error) = worker.stop()
        {
            tracing::warn!(%error, "a worker could not be stopped");
        }
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for JobTable {
    type Args = Claimed;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
