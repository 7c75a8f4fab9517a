//! The work of a worker: object → temporary file → child process → report.
//!
//! The worker keeps nothing (P03): the file has no name and goes with the process. Progress is written at most a few times a
//! second.

use std::time::Duration;

use analysis::child::MeasureTask;
use model::{
    AnalysisId, Failure, FailureCode, Report,
    analysis::{Phase, Work},
    format::AudioFormat,
    upload::{UploadKind, UploadState},
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use super::{preview, store, verdicts};
use crate::{
    Backend, Error, Result,
    db::Tx,
    jobs::{Job, JobError, Lease, Policy, Queue, RunJob},
    progress::{Reported, share},
    redis::Hint,
    sandbox,
    storage::Key,
    transaction, usage,
    webhooks::{self, Happened},
};

/// How far the whole work has come when the file is here; measuring goes on from there to `MEASURED`.
const FETCHED: u8 = 20;
const MEASURED: u8 = 95;

const STORAGE_IS_DOWN: &str =
    "Our storage does not answer at the moment. Your file is safe; we try again by ourselves.";
const INTERRUPTED: &str =
    "The measuring was interrupted on our side. Your file is safe; we try again by ourselves.";

/// How the measuring of a file ended.
enum Measured {
    Report { report: Box<Report>, is_rf64: bool },
    Failure(Failure),
}

/// Measures the upload of an analysis and stores the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnalyseUpload {
    /// The analysis, in state `queued`.
    pub(crate) analysis: AnalysisId,
}

impl Job for AnalyseUpload {
    const POLICY: Policy = Policy {
        kind: "analyse_upload",
        queue: Queue::Analysis,
        max_attempts: 3,
        timeout: Duration::from_secs(15 * 60),
    };
}

impl RunJob<Backend> for AnalyseUpload {
    /// Exactly once: the report and the end of the job are one transaction, which a worker that has lost its lease cannot
    /// commit.
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        let id = self.analysis;
        let outcome = tokio::select! {
            outcome = measure(backend, id) => outcome,
            // Somebody else has the job now, or the process is ending: the child is killed by being dropped.
            () = lease.cancelled() => Err(Error::internal("the lease ended")),
        };
        match outcome {
            Ok(None) => Ok(()),
            Ok(Some(outcome)) => save(backend, id, lease, outcome).await.map_err(JobError::retry),
            Err(error) => {
                let message = match error {
                    Error::Unavailable { .. } => STORAGE_IS_DOWN,
                    _ => INTERRUPTED,
                };
                if !lease.is_cancelled() {
                    // The cause matters more than that it could not be shown.
                    let _ = store::set_status_message(&backend.db, id, message).await;
                    backend.redis.hint(Hint::Progress(Work::Analysis(id)));
                }
                Err(error.into())
            }
        }
    }

    /// Ends the analysis, so that its page does not wait for ever.
    async fn on_dead(self, backend: &Backend) -> Result<()> {
        let failure = Failure::new(FailureCode::Internal);
        transaction!(backend.db, |tx| {
            let owner = locked_owner(tx, self.analysis).await?;
            set_failed(backend, tx, self.analysis, owner.as_ref(), &failure).await
        })?;
        backend.wake.wake();
        backend.redis.hint(Hint::Progress(Work::Analysis(self.analysis)));
        Ok(())
    }
}

async fn save(backend: &Backend, id: AnalysisId, lease: &Lease, outcome: Measured) -> Result<()> {
    let now = backend.now();
    transaction!(backend.db, |tx| {
        let owner = locked_owner(tx, id).await?;
        match &outcome {
            Measured::Report { report, is_rf64 } => {
                let is_done = store::set_done(tx, id, report, now).await?;
                // A reference is somebody's finished music: measured, not judged.
                let is_mix = owner.as_ref().is_some_and(|owner| owner.kind == UploadKind::Mix);
                if is_done && is_mix {
                    verdicts::record(tx, id, report, now).await?;
                }
                if is_done {
                    preview::enqueue(backend, tx, id, report, *is_rf64).await?;
                }
                if let (true, Some(owner)) = (is_done, &owner) {
                    let happened = Happened::AnalysisComplete(id);
                    webhooks::record(tx, backend, owner.account_id, happened).await?;
                }
            }
            Measured::Failure(failure) => set_failed(backend, tx, id, owner.as_ref(), failure).await?,
        }
        lease.finish_in(tx, now).await?;
        Ok(())
    })?;
    backend.wake.wake();
    backend.redis.hint(Hint::Progress(Work::Analysis(id)));
    Ok(())
}

/// Whose an analysis is, whose account nobody else changes until the end of the transaction; `None` where it is gone.
async fn locked_owner(tx: &mut Tx, id: AnalysisId) -> Result<Option<store::OwnerRow>> {
    let owner = store::owner(tx, id).await?;
    if let Some(owner) = &owner {
        tx.lock_account(owner.account_id).await?;
    }
    Ok(owner)
}

/// Ends an analysis without a report, which costs nothing of the plan.
async fn set_failed(
    backend: &Backend,
    tx: &mut Tx,
    id: AnalysisId,
    owner: Option<&store::OwnerRow>,
    failure: &Failure,
) -> Result<()> {
    if store::set_failed(tx, id, failure, backend.now()).await?
        && let Some(owner) = owner
    {
        usage::give_back(tx, owner.account_id, owner.created_at, owner.kind).await?;
        webhooks::record(tx, backend, owner.account_id, Happened::AnalysisFailed(id)).await?;
    }
    Ok(())
}

/// `None` where there is nothing to do any more.
async fn measure(backend: &Backend, id: AnalysisId) -> Result<Option<Measured>> {
    let Some(work) = store::work(&backend.db, id).await? else {
        return Ok(None);
    };
    if work.state.is_final() {
        return Ok(None);
    }
    if work.upload_state != UploadState::Stored {
        return Ok(Some(Measured::Failure(Failure::new(FailureCode::AudioGone))));
    }
    let key = Key::source(work.account_id, work.upload_id);
    let mut reporter = ProgressReporter {
        backend,
        id,
        reported: Reported::default(),
    };
    reporter.report_progress(Phase::Fetching, 0).await?;
    let file = match fetch(backend, &key, Some((&mut reporter, work.size_bytes))).await {
        Ok(file) => file,
        Err(Error::Problem(_)) => return Ok(Some(Measured::Failure(Failure::new(FailureCode::AudioGone)))),
        Err(error) => return Err(error),
    };
    reporter.report_progress(Phase::Measuring, FETCHED).await?;
    // Held until the child has ended. A file that is alone gets a second core; where more analyses run than there are
    // cores, each has its one thread all the same.
    let _core = backend.cores.try_acquire();
    let second_core = backend.cores.try_acquire();
    let work = MeasureTask {
        declared: AudioFormat::from_media_type(&work.media_type),
        max_duration_s: backend.config.plans.of(work.plan).max_duration().as_secs(),
        threads: 1 + usize::from(second_core.is_ok()),
    };
    let is_rf64 = preview::is_rf64(&file);
    let job = sandbox::Job {
        command: "measure-child",
        work: &work,
        input: file,
        output: None,
        timeout: Duration::from_secs(backend.config.measuring.decode_timeout_seconds),
        allowance: sandbox::Allowance::default(),
    };
    let outcome = match backend.sandbox.run(job, &mut reporter).await? {
        sandbox::Outcome::Done(report) => Measured::Report { report, is_rf64 },
        sandbox::Outcome::Rejected(failure) => Measured::Failure(failure),
    };
    reporter.report_progress(Phase::Saving, MEASURED).await?;
    Ok(Some(outcome))
}

/// Streams the object into a file without a name, which the operating system removes when it is closed.
/// Reports how far it is, where it is given to whom, with the size of the object in bytes.
pub(crate) async fn fetch(
    backend: &Backend,
    key: &Key,
    mut reported: Option<(&mut ProgressReporter<'_>, u64)>,
) -> Result<std::fs::File> {
    let mut object = backend.storage.get_stream(key).await?;
    let mut file = tokio::fs::File::from_std(anonymous_temp_file().await?);
    let mut buffer = vec![0; 256 * 1024];
    let mut done = 0_u64;
    loop {
        let count = object.read(&mut buffer).await.map_err(interrupted)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).await.map_err(local)?;
        done += count as u64;
        if let Some((reporter, size)) = &mut reported {
            reporter
                .report_progress(Phase::Fetching, share(done, *size, 0, FETCHED))
                .await?;
        }
    }
    file.flush().await.map_err(local)?;
    file.rewind().await.map_err(local)?;
    Ok(file.into_std().await)
}

/// A file that goes when it is closed, whatever happens to the process.
pub(crate) async fn anonymous_temp_file() -> Result<std::fs::File> {
    tokio::task::spawn_blocking(tempfile::tempfile)
        .await
        .map_err(Error::internal)?
        .map_err(local)
}

fn local(error: std::io::Error) -> Error {
    Error::Unavailable {
        what: "the temporary folder",
        source: error.into(),
    }
}

fn interrupted(error: std::io::Error) -> Error {
    Error::Unavailable {
        what: "the storage",
        source: error.into(),
    }
}

/// Progress of the child as a part of the whole.
#[async_trait::async_trait]
impl sandbox::Progress for ProgressReporter<'_> {
    async fn report(&mut self, percent: u8) -> Result<()> {
        let percent = share(u64::from(percent), 100, FETCHED, MEASURED);
        self.report_progress(Phase::Measuring, percent).await
    }
}

/// Writes how far the measuring of an analysis is.
pub(crate) struct ProgressReporter<'a> {
    backend: &'a Backend,
    id: AnalysisId,
    reported: Reported,
}

impl ProgressReporter<'_> {
    async fn report_progress(&mut self, phase: Phase, percent: u8) -> Result<()> {
        if self.reported.is_news(phase, percent, self.backend.now()) {
            store::set_progress(&self.backend.db, self.id, phase, percent).await?;
            self.backend.redis.hint(Hint::Progress(Work::Analysis(self.id)));
        }
        Ok(())
    }
}
