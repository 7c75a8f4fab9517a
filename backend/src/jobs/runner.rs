//! One claimed job from its claim to its end: the lease kept alive beside the work, the outcome written behind it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use model::Timestamp;
use tokio::task::JoinError;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;

use super::{
    JobError, JobState, Lease, PATIENCE, Queue, StoredJob, Workers,
    pause::Pauses,
    retry_delay,
    store::{self, ClaimedRow},
    wait_delay,
};
use crate::{
    db::{Db, DbError},
    entropy,
    redact::Redacted,
};

/// How long a handler may take to notice that it is to stop, before it is aborted.
const GRACE: Duration = Duration::from_secs(2);

/// An outcome is written again when the database does not answer; a lost one would run the job once more.
const WRITE_TRIES: u32 = 5;
const WRITE_PAUSE: Duration = Duration::from_millis(200);

/// The longest cause that is kept.
const MAX_CAUSE_CHARS: usize = 500;

/// Claims jobs and sees them through.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) workers: Workers,
    /// Cancelled when the drain is over: whatever still runs is stopped and given back.
    pub(super) stop: CancellationToken,
    /// Which queues wait because what they depend on is away.
    pub(super) pauses: Pauses,
}

/// A job that this process holds.
#[derive(Debug)]
pub(super) struct Claimed {
    row: ClaimedRow,
    lease: Lease,
    queue: Queue,
}

impl Claimed {
    fn job(&self) -> StoredJob {
        StoredJob {
            kind: self.row.kind.clone(),
            payload: self.row.payload.clone(),
        }
    }
}

/// How an attempt ended.
#[derive(Debug)]
enum End {
    Done,
    Retry(String),
    Wait(String),
    Fail(String),
    /// The process ends or the lease is lost, which says nothing about the job.
    Interrupted,
}

/// Runs everything that is due, one at a time, until nothing is; for tests, with a clock that stands still. How many
/// jobs were taken up.
///
/// # Errors
/// The database does not answer.
pub async fn run_due(workers: &Workers) -> Result<u64, DbError> {
    let runner = Runner {
        workers: workers.clone(),
        stop: CancellationToken::new(),
        pauses: Pauses::default(),
    };
    let mut count = 0;
    loop {
        let before = count;
        for queue in Queue::ALL {
            while let Some(claimed) = runner.claim(queue).await? {
                runner.work(claimed).await;
                count += 1;
            }
        }
        // A job may have enqueued into a queue that was empty when it was looked at.
        if count == before {
            return Ok(count);
        }
    }
}

impl Runner {
    /// Takes the next job that is due.
    pub(super) async fn claim(&self, queue: Queue) -> Result<Option<Claimed>, DbError> {
        let Workers {
            db,
            entropy,
            settings,
            ..
        } = &self.workers;
        let now = self.workers.clock.ask().await?;
        if !store::is_due(db, queue, now).await? {
            return Ok(None);
        }
        let token = entropy::new_id(&**entropy, now).simple().to_string();
        let until = now.plus(settings.lease);
        let row = store::claim(db, queue, now, &token, until).await?;
        Ok(row.map(|row| Claimed {
            lease: Lease::new(&row, token, &self.stop),
            row,
            queue,
        }))
    }

    /// Does the work and writes how it ended. Never fails: what cannot be written is found by the next claim, when the
    /// lease has ended.
    pub(super) async fn work(&self, claimed: Claimed) {
        let span = tracing::info_span!(
            "job",
            id = %claimed.row.id,
            kind = claimed.row.kind,
            attempt = claimed.lease.attempt()
        );
        self.see_through(claimed).instrument(span).await;
    }

    async fn see_through(&self, claimed: Claimed) {
        let lease = &claimed.lease;
        let heartbeat = tokio::spawn(keep_alive(self.workers.clone(), lease.clone()).in_current_span());
        // Lives until the outcome is written.
        let _heartbeat = AbortOnDropHandle::new(heartbeat);
        if claimed.row.state == JobState::Dead {
            tracing::error!("dead: its attempts are used up");
            return self.handle_death(lease, claimed.job()).await;
        }
        let end = self.attempt(claimed.job(), lease).await;
        self.settle(&claimed, end).await;
    }

    /// Runs the handler in a task of its own, so that a panic harms nothing else and the work of many jobs spreads over
    /// the threads.
    async fn attempt(&self, job: StoredJob, lease: &Lease) -> End {
        let timeout = self.workers.handler.timeout(&job.kind);
        let handler = Arc::clone(&self.workers.handler);
        let held = lease.clone();
        let work = tokio::spawn(async move { handler.run(job, held).await }.in_current_span());
        let mut work = AbortOnDropHandle::new(work);
        let is_late = tokio::select! {
            result = &mut work => return end_of(result, lease),
            () = lease.cancelled() => false,
            () = tokio::time::sleep(timeout) => true,
        };
        lease.cancel();
        let answer = tokio::time::timeout(GRACE, &mut work).await;
        match answer {
            // It came to its end all the same.
            Ok(Ok(Ok(()))) => End::Done,
            _ if is_late => {
                abort(work).await;
                End::Retry(format!("took longer than {} s", timeout.as_secs()))
            }
            Ok(result) => end_of(result, lease),
            Err(_) => {
                abort(work).await;
                End::Interrupted
            }
        }
    }

    async fn settle(&self, claimed: &Claimed, end: End) {
        let Workers {
            db, clock, entropy, ..
        } = &self.workers;
        let lease = &claimed.lease;
        let guard = lease.guard();
        // Where the database does not say its time, it will not take the outcome either.
        let now = clock.ask().await.unwrap_or_else(|_| clock.now());
        match &end {
            End::Done => self.pauses.end(claimed.queue),
            End::Wait(_) => self.pauses.lengthen(claimed.queue),
            End::Retry(_) | End::Fail(_) | End::Interrupted => {}
        }
        if lease.is_lost() {
            return tracing::warn!("the lease was lost; the result is discarded");
        }
        let end = match end {
            End::Wait(cause) if now.since(claimed.row.created_at) > PATIENCE => End::Retry(cause),
            End::Retry(cause) if lease.is_last_attempt() => End::Fail(cause),
            end => end,
        };
        // Twice, because patience may end with the last attempt.
        let end = match end {
            End::Retry(cause) if lease.is_last_attempt() => End::Fail(cause),
            end => end,
        };
        let is_ours = match end {
            // Nothing changes here if the handler has finished it with its result.
            End::Done => write(|| finish(db, lease, now))
                .await
                .map(|is_ours| is_ours || lease.was_finished()),
            End::Retry(cause) => {
                let delay = retry_delay(lease.attempt(), &**entropy);
                tracing::warn!(cause, delay_s = delay.as_secs(), "tried again later");
                write(|| store::retry(db, guard, now.plus(delay), &cause)).await
            }
            End::Wait(cause) => {
                let delay = wait_delay(now.since(claimed.row.created_at), &**entropy);
                tracing::warn!(cause, delay_s = delay.as_secs(), "waits for what it depends on");
                write(|| store::release(db, guard, now.plus(delay), Some(&cause))).await
            }
            End::Interrupted => {
                tracing::info!("given back");
                write(|| store::release(db, guard, now, None)).await
            }
            End::Fail(cause) => {
                tracing::error!(cause, "dead");
                let until = now.plus(self.workers.settings.lease);
                let is_ours = write(|| store::fail(db, guard, &cause, until)).await;
                if matches!(is_ours, Ok(true)) {
                    self.handle_death(lease, claimed.job()).await;
                }
                is_ours
            }
        };
        match is_ours {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the lease was lost; the result is discarded"),
            Err(error) => {
                tracing::error!(error = %Redacted(&error), "the outcome could not be written; the job runs again")
            }
        }
    }

    /// A crash in here leads to another try when the lease has ended.
    async fn handle_death(&self, lease: &Lease, job: StoredJob) {
        let handler = Arc::clone(&self.workers.handler);
        let handling = tokio::spawn(async move { handler.on_dead(job).await }.in_current_span());
        if AbortOnDropHandle::new(handling).await.is_err() {
            return;
        }
        let now = self.workers.clock.now();
        if let Err(error) = write(|| store::discard(&self.workers.db, lease.guard(), now)).await {
            tracing::warn!(error = %Redacted(&error), "the death will be handled again");
        }
    }
}

/// Renews the lease at a third of its length, until it is lost. A lease that cannot be renewed is lost when it ends,
/// because then somebody else may hold it.
async fn keep_alive(workers: Workers, lease: Lease) {
    // By this machine's own time: how long the lease was not renewed.
    let mut renewed = Instant::now();
    let settings = workers.settings.clone();
    loop {
        tokio::time::sleep(settings.lease / 3).await;
        let beat = async {
            let next = workers.clock.ask().await?.plus(settings.lease);
            store::heartbeat(&workers.db, lease.guard(), next).await
        };
        match beat.await {
            Ok(true) => renewed = Instant::now(),
            Ok(false) if lease.was_finished() => return,
            Ok(false) => return lease.lose(),
            Err(error) => {
                tracing::warn!(error = %Redacted(&error), "the lease could not be renewed");
                if renewed.elapsed() >= settings.lease {
                    return lease.lose();
                }
            }
        }
    }
}

fn end_of(result: Result<Result<(), JobError>, JoinError>, lease: &Lease) -> End {
    match result {
        Ok(Ok(())) => End::Done,
        // It was stopped and says so.
        Ok(Err(JobError::Retry(_) | JobError::Wait(_))) if lease.is_cancelled() => End::Interrupted,
        Ok(Err(JobError::Retry(cause))) => End::Retry(shorten(&cause.to_string())),
        Ok(Err(JobError::Wait(cause))) => End::Wait(shorten(&cause.to_string())),
        Ok(Err(JobError::Fail(cause))) => End::Fail(shorten(&cause.to_string())),
        // Its message may quote what was being worked on; the log has the place.
        Err(error) if error.is_panic() => End::Retry("panicked".to_owned()),
        Err(_) => End::Interrupted,
    }
}

/// Waits, within reason, until the work has really ended, so that a retry does not run beside it.
async fn abort<T: Send + 'static>(mut work: AbortOnDropHandle<T>) {
    work.abort();
    if !work.is_finished() && tokio::time::timeout(GRACE, &mut work).await.is_err() {
        tracing::error!("a handler blocks its thread and cannot be stopped");
    }
}

async fn finish(db: &Db, lease: &Lease, now: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let is_ours = store::finish(&mut tx, lease.guard(), now).await?;
    tx.commit().await?;
    Ok(is_ours)
}

/// Writes an outcome, several times if need be: all of them are compare-and-set, so that a second one changes nothing.
async fn write<F: Future<Output = Result<bool, DbError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<bool, DbError> {
    let mut pause = WRITE_PAUSE;
    for _ in 1..WRITE_TRIES {
        match attempt().await {
            Err(error) => {
                tracing::warn!(error = %Redacted(&error), "the outcome could not be written; tried again")
            }
            written => return written,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    attempt().await
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_CAUSE_CHARS).collect()
}
