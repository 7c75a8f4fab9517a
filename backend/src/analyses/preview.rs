//! Copies to play, for formats that browsers do not (AIFF, ALAC, 32-bit and others): object → child process → object.
//!
//! The copy stands beside its source under the same prefix, so that whatever removes the source removes it too. The one
//! gap is a removal between the writing of the copy and the note of it; there the job removes what it wrote.

use std::{process::Stdio, time::Duration};

use analysis::child::{TranscodeMessage, TranscodeTask};
use model::{AccountId, AnalysisId, Report, UploadId, plan::Plan};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
};

use super::{
    measure::{anonymous_temp_file, fetch, was_told_to_stop},
    player::PREVIEW_MEDIA_TYPE,
};
use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
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

/// The longest that a child may say: one line.
const MAX_LINE: u64 = 64 * 1024;

/// Has a copy made where browsers do not play the file that `report` is about.
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
    let update = sql(UPDATE).bind(id).bind(lowered_db(report));
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
    // A file that cannot be read is told by whoever decodes it.
    file.read_exact_at(&mut magic, 0).is_ok() && matches!(&magic, b"RF64" | b"BW64")
}

/// By how much a copy is lower than its source, in dB: floating-point files may go beyond full scale, where a copy in
/// whole numbers ends. Lowered by that much it holds every peak, and the player raises it again.
fn lowered_db(report: &Report) -> f64 {
    let over = report.peaks.sample_peak_dbfs.value().unwrap_or(0.0);
    (over.max(0.0) * 100.0).ceil() / 100.0
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

/// What became of a copy; `None` where there was nothing to do.
async fn make(backend: &Backend, account: AccountId, upload: UploadId) -> Result<Option<PreviewProgress>> {
    let Some(work) = work(&backend.db, upload).await? else {
        return Ok(None);
    };
    let task = TranscodeTask {
        max_duration_s: backend.config.plans.of(work.plan).max_duration().as_secs(),
        lowered_db: work.preview_attenuation_db,
        fault: backend.child.fault,
    };
    let source = match fetch(backend, &Key::source(account, upload), None).await {
        Ok(file) => file,
        // Removed in this moment.
        Err(Error::Problem(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let _core = backend.cores.try_acquire();
    let Some(copy) = copy_in_child(backend, &task, source).await? else {
        return Ok(Some(PreviewProgress::Failed));
    };
    backend
        .storage
        .put_file(&Key::preview(account, upload), copy, PREVIEW_MEDIA_TYPE)
        .await?;
    Ok(Some(PreviewProgress::Ready))
}

/// Stores that the preview is there, or will never be. Whoever has the job by now, the object is whole.
async fn set_state(db: &Db, upload: UploadId, preview: PreviewProgress) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE upload SET preview_state = $2 WHERE id = $1 AND state = 'stored' AND preview_state = 'making'";
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
        WHERE upload.id = $1 AND state = 'stored' AND preview_state = 'making'";
    db.optional(sql(SELECT).bind(upload)).await
}

/// The copy; `None` where the file is at fault.
async fn copy_in_child(
    backend: &Backend,
    task: &TranscodeTask,
    source: std::fs::File,
) -> Result<Option<std::fs::File>> {
    let copy = anonymous_temp_file().await?;
    let mut child = Command::new(&backend.child.program)
        .arg("copy-child")
        .arg(serde_json::to_string(task).map_err(Error::internal)?)
        .env_clear()
        .stdin(Stdio::from(source))
        .stdout(Stdio::from(copy.try_clone().map_err(Error::internal)?))
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(unavailable)?;
    let said = child
        .stderr
        .take()
        .ok_or_else(|| Error::internal("the child has no output"))?;
    let mut lines = BufReader::new(said.take(MAX_LINE)).lines();
    let wall = Duration::from_secs(backend.config.measuring.decode_timeout_seconds);
    let Ok(line) = tokio::time::timeout(wall, lines.next_line()).await else {
        return Ok(None);
    };
    let message = line
        .ok()
        .flatten()
        .and_then(|line| serde_json::from_str(&line).ok());
    match message {
        Some(TranscodeMessage::Done) => Ok(Some(copy)),
        Some(TranscodeMessage::Failure(_)) => Ok(None),
        Some(TranscodeMessage::IoError(error)) => Err(unavailable(std::io::Error::other(error))),
        None => match tokio::time::timeout(Duration::from_secs(5), child.wait()).await {
            Ok(Ok(status)) if was_told_to_stop(status) => Err(Error::internal(format!(
                "the copying process was stopped: {status}"
            ))),
            _ => Ok(None),
        },
    }
}

fn unavailable(error: std::io::Error) -> Error {
    Error::Unavailable {
        what: "the copying process",
        source: error.into(),
    }
}
