//! The work of a worker: object → temporary file → child process → file and proof → object.
//!
//! The audio of a render lies beside that of its upload, so that whatever removes the one removes the other. It is written before
//! the row says so; whatever is written while the row or the upload goes is removed by a job of the transaction that finds out.

use std::time::Duration;

use analysis::{
    child::{RenderTask, TranscodeTask},
    render::{Container, OutputFormat, Proof, SampleFormat},
};
use model::{
    AccountId, Failure, FailureCode, RenderId, UploadId,
    analysis::{Phase, Work},
    upload::UploadState,
};
use serde::{Deserialize, Serialize};

use super::store::{self, Rendered};
use crate::{
    Backend, Error, Result,
    analyses::{PREVIEW_MEDIA_TYPE, anonymous_temp_file, fetch},
    db::Tx,
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, Notification},
    progress::{Reported, share},
    redis::Hint,
    sandbox::{self, Allowance},
    storage::{Key, RemoveRender},
    transaction, usage,
    webhooks::{self, Happened},
};

/// How far the whole work has come when the file is here; rendering goes on from there to `RENDERED`.
const FETCHED: u8 = 5;
const RENDERED: u8 = 95;

/// Whoever asked how far a render is within this time before its end watched it, and gets no email.
const WATCHED_WITHIN: Duration = Duration::from_secs(30);

/// What a child may use of the processor for each second of audio, beyond the limit of all children. A pass with its measuring
/// takes about a hundredth of a second at 44.1 kHz and four times that at 192; a render whose steps are taken back one by one needs
/// some tens of them.
pub(super) const CPU_PER_SECOND: f64 = 2.0;
/// Wall time over processor time: children share processors.
const PATIENCE: u32 = 2;
/// Copies of its two files that a child has open at once.
pub(super) const DESCRIPTORS: u64 = 16;

const STORAGE_IS_DOWN: &str =
    "Our storage does not answer at the moment. Nothing is lost; we try again by ourselves.";
const INTERRUPTED: &str =
    "The rendering was interrupted on our side. Nothing is lost; we try again by ourselves.";

/// The media type of the file of a render.
pub(super) const fn media_type(output: OutputFormat) -> &'static str {
    match output.container {
        Container::Wav => "audio/wav",
        Container::Flac => "audio/flac",
    }
}

/// Makes a render and stores file and proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MakeRender {
    /// Whose it is.
    pub(crate) account: AccountId,
    /// The upload that it is made of.
    pub(crate) upload: UploadId,
    /// The render, in state `queued`.
    pub(crate) render: RenderId,
}

impl Job for MakeRender {
    const POLICY: Policy = Policy {
        kind: "render",
        queue: Queue::Analysis,
        max_attempts: 3,
        // Bounds what the child's own limits, which go by the length of the audio, would allow the longest files.
        timeout: Duration::from_secs(6 * 60 * 60),
    };
}

/// How the work ended.
enum Outcome {
    Rendered(Box<Rendered>),
    Failure(Failure),
}

impl RunJob<Backend> for MakeRender {
    /// Exactly once: the proof and the end of the job are one transaction, which a worker that has lost its lease cannot commit.
    /// The objects are written over themselves.
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        let outcome = tokio::select! {
            outcome = self.make(backend) => outcome,
            // Somebody else has the job now, or the process is ending: the child is killed by being dropped.
            () = lease.cancelled() => Err(Error::internal("the lease ended")),
        };
        match outcome {
            Ok(Some(outcome)) => self.save(backend, lease, &outcome).await.map_err(JobError::retry),
            // The render is gone, or has ended; an attempt that was killed may have left something.
            Ok(None) => Ok(self.remove_unreferenced(backend).await?),
            Err(error) => {
                let message = match error {
                    Error::Unavailable { .. } => STORAGE_IS_DOWN,
                    _ => INTERRUPTED,
                };
                if !lease.is_cancelled() {
                    // The cause matters more than that it could not be shown.
                    let _ = store::set_status_message(&backend.db, self.render, message).await;
                    backend.redis.hint(Hint::Progress(Work::Render(self.render)));
                }
                Err(error.into())
            }
        }
    }

    /// Ends the render, so that its page does not wait for ever.
    async fn on_dead(self, backend: &Backend) -> Result<()> {
        let failure = Outcome::Failure(Failure::new(FailureCode::Internal));
        transaction!(backend.db, |tx| { self.end(backend, tx, &failure).await })?;
        backend.wake.wake();
        backend.redis.hint(Hint::Progress(Work::Render(self.render)));
        Ok(())
    }
}

impl MakeRender {
    async fn save(self, backend: &Backend, lease: &Lease, outcome: &Outcome) -> Result<()> {
        transaction!(backend.db, |tx| {
            self.end(backend, tx, outcome).await?;
            lease.finish_in(tx, backend.now()).await?;
            Ok(())
        })?;
        backend.wake.wake();
        backend.redis.hint(Hint::Progress(Work::Render(self.render)));
        Ok(())
    }

    /// The end of a render in one transaction: its row, what it used of the plan, what is left over in the store, who is told.
    async fn end(self, backend: &Backend, tx: &mut Tx, outcome: &Outcome) -> Result<()> {
        let (id, now) = (self.render, backend.now());
        tx.lock_account(self.account).await?;
        let owner = store::owner(tx, id).await?;
        let has_ended = match outcome {
            Outcome::Rendered(rendered) => store::set_done(tx, id, rendered, now).await?,
            Outcome::Failure(failure) => store::set_failed(tx, id, failure, now).await?,
        };
        if let (true, Outcome::Failure(_), Some(owner)) = (has_ended, outcome, &owner) {
            usage::give_back_render(tx, owner.account_id, owner.taken_at).await?;
        }
        // Its row or its upload may have gone while it was written.
        if !store::keeps_audio_in(tx, self.account, id).await? {
            let removal = RemoveRender {
                account: self.account,
                upload: self.upload,
                render: id,
            };
            jobs::enqueue(tx, backend, &removal, EnqueueOptions::default()).await?;
        }
        match owner {
            Some(owner) if has_ended => announce(backend, tx, id, outcome, &owner).await,
            _ => Ok(()),
        }
    }

    /// `None` where there is nothing to do any more.
    async fn make(self, backend: &Backend) -> Result<Option<Outcome>> {
        let Some(work) = store::work(&backend.db, self.render).await? else {
            return Ok(None);
        };
        if work.state.is_final() {
            return Ok(None);
        }
        let gone = || Ok(Some(Outcome::Failure(Failure::new(FailureCode::AudioGone))));
        if work.upload_state != UploadState::Stored {
            return gone();
        }
        let mut reporter = ProgressReporter {
            backend,
            id: self.render,
            reported: Reported::default(),
        };
        reporter.report_progress(Phase::Fetching, 0).await?;
        let source = match fetch(backend, &Key::source(self.account, self.upload), None).await {
            Ok(file) => file,
            Err(Error::Problem(_)) => return gone(),
            Err(error) => return Err(error),
        };
        reporter.report_progress(Phase::Rendering, FETCHED).await?;
        let _core = backend.cores.try_acquire();
        let limits = backend.config.plans.of(work.plan);
        let output = work.recipe.0.output;
        let task = RenderTask {
            recipe: work.recipe.0,
            stage: Some(work.stage),
            expected_score: Some(work.predicted_tenths),
            max_duration_s: limits.max_duration().as_secs(),
            threads: 1,
        };
        let duration_s = work.duration_s.unwrap_or(0.0);
        let cpu = Duration::from_secs_f64((duration_s * CPU_PER_SECOND).max(0.0));
        let usual = Duration::from_secs(backend.config.measuring.decode_timeout_seconds);
        let file = anonymous_temp_file().await?;
        let job = sandbox::Job {
            command: "render-child",
            work: &task,
            input: source,
            output: Some((
                file.try_clone().map_err(Error::internal)?,
                limits.max_render_bytes(),
            )),
            timeout: usual + PATIENCE * cpu,
            allowance: Allowance {
                cpu,
                descriptors: DESCRIPTORS,
            },
        };
        let proof: Box<Proof> = match backend.sandbox.run(job, &mut reporter).await {
            Ok(sandbox::Outcome::Done(proof)) => proof,
            Ok(sandbox::Outcome::Rejected(failure)) => return Ok(Some(Outcome::Failure(failure))),
            // The row went: nobody wants it any more.
            Err(Error::Problem(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let preview = match output.samples {
            // It keeps below full scale where its recipe has a ceiling; else the player plays what clips as it clips.
            SampleFormat::Float32 => preview(backend, &file, limits.max_render_bytes(), 0.0).await?,
            SampleFormat::Int16 | SampleFormat::Int24 => None,
        };
        reporter.report_progress(Phase::Saving, RENDERED).await?;
        let size_bytes = file.metadata().map_err(Error::internal)?.len();
        let key = Key::render(self.account, self.upload, self.render);
        backend.storage.put_file(&key, file, media_type(output)).await?;
        let has_preview = preview.is_some();
        if let Some(preview) = preview {
            let key = Key::render_preview(self.account, self.upload, self.render);
            backend
                .storage
                .put_file(&key, preview, PREVIEW_MEDIA_TYPE)
                .await?;
        }
        Ok(Some(Outcome::Rendered(Box::new(Rendered {
            proof: *proof,
            size_bytes,
            has_preview,
        }))))
    }

    /// Removes objects that no row refers to.
    async fn remove_unreferenced(self, backend: &Backend) -> Result<()> {
        if !store::keeps_audio(&backend.db, self.account, self.render).await? {
            let prefix = Key::render_prefix(self.account, self.upload, self.render);
            backend.storage.delete_prefix(&prefix).await?;
        }
        Ok(())
    }
}

/// Says that a render has ended, in the transaction of the fact.
async fn announce(
    backend: &Backend,
    tx: &mut Tx,
    render: RenderId,
    outcome: &Outcome,
    owner: &store::OwnerRow,
) -> Result<()> {
    let happened = match outcome {
        Outcome::Rendered(_) => Happened::RenderComplete(render),
        Outcome::Failure(_) => Happened::RenderFailed(render),
    };
    webhooks::record(tx, backend, owner.account_id, happened).await?;
    let since = backend.now().minus(WATCHED_WITHIN);
    if owner.watched_at.is_none_or(|at| at < since) {
        let notification = Notification::RenderReady { render };
        mail::enqueue(tx, backend, owner.account_id, notification).await?;
    }
    Ok(())
}

/// A copy of `file` that browsers play, lower by `lowered_db`; `None` where there can be none.
pub(super) async fn preview(
    backend: &Backend,
    file: &std::fs::File,
    max_bytes: u64,
    lowered_db: f64,
) -> Result<Option<std::fs::File>> {
    let task = TranscodeTask {
        max_duration_s: u64::from(u32::MAX),
        max_bytes,
        lowered_db,
    };
    let preview = anonymous_temp_file().await?;
    let job = sandbox::Job {
        command: "transcode-child",
        work: &task,
        input: file.try_clone().map_err(Error::internal)?,
        output: Some((preview.try_clone().map_err(Error::internal)?, max_bytes)),
        timeout: Duration::from_secs(backend.config.measuring.decode_timeout_seconds),
        allowance: Allowance::default(),
    };
    Ok(match backend.sandbox.run::<_, ()>(job, &mut ()).await? {
        sandbox::Outcome::Done(()) => Some(preview),
        sandbox::Outcome::Rejected(_) => None,
    })
}

/// Writes how far a render is. Fails where it is gone.
struct ProgressReporter<'a> {
    backend: &'a Backend,
    id: RenderId,
    reported: Reported,
}

impl ProgressReporter<'_> {
    async fn report_progress(&mut self, phase: Phase, percent: u8) -> Result<()> {
        let is_news = self.reported.is_news(phase, percent, self.backend.now());
        if is_news && !store::set_progress(&self.backend.db, self.id, phase, percent).await? {
            return Err(Error::not_found("render"));
        }
        if is_news {
            self.backend.redis.hint(Hint::Progress(Work::Render(self.id)));
        }
        Ok(())
    }
}

/// Progress of the child as a part of the whole.
#[async_trait::async_trait]
impl sandbox::Progress for ProgressReporter<'_> {
    async fn report(&mut self, percent: u8) -> Result<()> {
        let percent = share(u64::from(percent), 100, FETCHED, RENDERED);
        self.report_progress(Phase::Rendering, percent).await
    }
}
