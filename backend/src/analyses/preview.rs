//! Previews, for formats that browsers do not play (AIFF, ALAC, 32-bit and others): object → child process → object.
//!
//! The preview lies beside its source under the same prefix, so that whatever removes the source removes it too. The one
//! gap is a removal between the writing of the preview and its row; there the job removes what it wrote.

use std::time::Duration;

use analysis::child::TranscodeTask;
use model::{AccountId, AnalysisId, Report, UploadId, plan::Plan};
use serde::{Deserialize, Serialize};

use super::{
    measure::{anonymous_temp_file, fetch},
    player::PREVIEW_MEDIA_TYPE,
};
use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    sandbox,
    storage::Key,
};

model::text_enum! {
    /// How far the preview of an upload has come.
    pub(super) enum PreviewProgress {
        /// Browsers play the source as it is, or nobody knows yet whether they do.
        None = "none",
        /// It is being made.
        Making = "making",
        /// It is in the store.
        Ready = "ready",
        /// There will be none; some browser may play the source all the same.
        Failed = "failed",
    }
}
text! { PreviewProgress }

/// Has a preview made where browsers do not play the file that `report` is about.
pub(super) async fn enqueue(
    backend: &Backend,
    tx: &mut Tx,
    id: AnalysisId,
    report: &Report,
    is_rf64: bool,
) -> Result<()> {
    const UPDATE: &str = "
        UPDATE upload SET preview_state = 'making', preview_attenuation_db = $2
        WHERE id = (SELECT upload_id FROM analysis WHERE id = $1) AND state = 'stored' AND preview_state = 'none'
        RETURNING account_id, id";
    if report.file.plays_in_browsers() && !is_rf64 {
        return Ok(());
    }
    let update = sql(UPDATE)
        .bind(id)
        .bind(lowered_db(report.peaks.sample_peak_dbfs.value()));
    let Some(upload) = tx.optional::<PreviewedRow>(update).await? else {
        return Ok(());
    };
    let job = MakePreview {
        account: upload.account_id,
        upload: upload.id,
    };
    jobs::enqueue(tx, backend, &job, EnqueueOptions::default()).await?;
    Ok(())
}

/// Whether a file is RF64 or BW64, which reports call WAV and Firefox does not play.
pub(super) fn is_rf64(file: &std::fs::File) -> bool {
    use std::os::unix::fs::FileExt as _;
    let mut magic = [0; 4];
    // A file that cannot be read fails when it is decoded.
    file.read_exact_at(&mut magic, 0).is_ok() && matches!(&magic, b"RF64" | b"BW64")
}

/// By how much a preview is lower than its source, in dB: floating-point files may go beyond full scale, where a preview in
/// whole numbers ends. Lowered by that much it holds every peak, and the player raises it again.
pub(crate) fn lowered_db(sample_peak_dbfs: Option<f64>) -> f64 {
    (sample_peak_dbfs.unwrap_or(0.0).max(0.0) * 100.0).ceil() / 100.0
}

/// Makes the preview of an upload. It is not tied to the account: what it wrote while the account was deleted, it removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MakePreview {
    /// Whose it is.
    account: AccountId,
    /// The upload.
    upload: UploadId,
}

impl Job for MakePreview {
    const POLICY: Policy = Policy {
        kind: "make_preview",
        queue: Queue::Analysis,
        max_attempts: 3,
        timeout: Duration::from_secs(15 * 60),
    };
}

impl RunJob<Backend> for MakePreview {
    /// As often as it is called: the object is written over itself.
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        let Self { account, upload } = self;
        let state = tokio::select! {
            made = make(backend, account, upload) => made?,
            () = lease.cancelled() => return Err(JobError::retry("the lease ended")),
        };
        if let Some(state) = state {
            set_state(&backend.db, upload, state).await?;
        }
        Ok(remove_unreferenced(backend, account, upload).await?)
    }

    async fn on_dead(self, backend: &Backend) -> Result<()> {
        set_state(&backend.db, self.upload, PreviewProgress::Failed).await?;
        remove_unreferenced(backend, self.account, self.upload).await
    }
}

/// How it ended; `None` where there was nothing to do. One that failed on our side may be tried again.
async fn make(backend: &Backend, account: AccountId, upload: UploadId) -> Result<Option<PreviewProgress>> {
    let Some(work) = work(&backend.db, upload).await? else {
        return Ok(None);
    };
    let limits = backend.config.plans.of(work.plan);
    // As large as a file of the plan may be, so that a small file cannot become a large one.
    let max_bytes = limits.max_bytes();
    let task = TranscodeTask {
        max_duration_s: limits.max_duration().as_secs(),
        max_bytes,
        lowered_db: work.preview_attenuation_db,
    };
    let source = match fetch(backend, &Key::source(account, upload), None).await {
        Ok(file) => file,
        // Removed in this moment.
        Err(Error::Problem(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let _core = backend.cores.try_acquire();
    let preview = anonymous_temp_file().await?;
    let job = sandbox::Job {
        command: "transcode-child",
        work: &task,
        input: source,
        output: Some((preview.try_clone().map_err(Error::internal)?, max_bytes)),
        timeout: Duration::from_secs(backend.config.measuring.decode_timeout_seconds),
        allowance: sandbox::Allowance::default(),
    };
    if let sandbox::Outcome::Rejected(_) = backend.sandbox.run::<_, ()>(job, &mut ()).await? {
        return Ok(Some(PreviewProgress::Failed));
    }
    backend
        .storage
        .put_file(&Key::preview(account, upload), preview, PREVIEW_MEDIA_TYPE)
        .await?;
    Ok(Some(PreviewProgress::Ready))
}

/// Stores that the preview is there, or will never be. Whoever has the job by now, the object is whole.
async fn set_state(db: &Db, upload: UploadId, preview: PreviewProgress) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE upload SET preview_state = $2 WHERE id = $1 AND state = 'stored' AND preview_state IN ('making', 'failed')";
    db.execute(sql(UPDATE).bind(upload).bind(preview)).await.map(drop)
}

/// Removes a preview that no row refers to: its upload was removed while it was being written.
async fn remove_unreferenced(backend: &Backend, account: AccountId, upload: UploadId) -> Result<()> {
    const SELECT: &str =
        "SELECT id FROM upload WHERE id = $1 AND state = 'stored' AND preview_state IN ('making', 'ready')";
    let referred_to: Option<UploadId> = backend.db.scalar(sql(SELECT).bind(upload)).await?;
    if referred_to.is_none() {
        backend.storage.delete(&Key::preview(account, upload)).await?;
    }
    Ok(())
}

row! {
    #[derive(Debug)]
    struct WorkRow {
        plan: Plan,
        preview_attenuation_db: f64,
    }
}

row! {
    #[derive(Debug)]
    struct PreviewedRow {
        account_id: AccountId,
        id: UploadId,
    }
}

async fn work(db: &Db, upload: UploadId) -> Result<Option<WorkRow>, DbError> {
    const SELECT: &str = "
        SELECT plan, preview_attenuation_db FROM upload JOIN account ON account.id = account_id
        WHERE upload.id = $1 AND state = 'stored' AND preview_state IN ('making', 'failed')";
    db.optional(sql(SELECT).bind(upload)).await
}
