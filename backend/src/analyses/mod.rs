//! Analyses: the history, the report, renaming, deleting, and a link to listen.

mod history;
mod measure;
mod measure_again;
mod player;
mod preview;
mod references;
mod rescore;
pub(crate) mod sort_keys;
pub(crate) mod store;
mod verdicts;

pub use history::{PAGE_ROWS, history, list, list_while_known, table};
pub(crate) use measure::{AnalyseUpload, anonymous_temp_file, fetch};
pub use measure_again::{measure_again, measure_all_again};
pub(crate) use player::{PREVIEW_MEDIA_TYPE, mix_source, signed_link};
pub use player::{audio_link, preview_state, sources};
pub(crate) use preview::{MakePreview, lowered_db};
pub(crate) use references::reference_reports;
pub use references::{Choice, MOST_COMPARED, choices, compare, compare_with, references};
pub(crate) use rescore::{RESCORE_EVERY, Rescore};
pub(crate) use store::{
    NewAnalysis, ProgressRow, delete_empty_songs, insert, of_upload, of_upload_in, renders_of,
};
pub use verdicts::{choose_stage, judge_again};

use model::{
    AccountId, AnalysisId, ProblemCode, RenderId, Report, Timestamp, UploadId,
    analysis::{AnalysisState, AnalysisSummary, AnalysisView, Audio, Progress},
    format::AudioFormat,
    upload::{UploadKind, UploadState},
};

use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{Db, Json, Tx},
    jobs::{self, EnqueueOptions},
    ledger, names, sample,
    storage::{RemoveAudio, RemoveRender},
    tables::Table,
    transaction, usage,
    webhooks::{self, Happened},
};

/// The tables of its rooms.
pub(crate) const TABLES: &[&[Table]] = &[store::TABLES, references::TABLES];

/// One analysis with its report.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn view(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<AnalysisView> {
    if actor.is_shown_sample(Scope::ReadAnalyses)? {
        return sample::view(id);
    }
    let row = store::find(&backend.db, actor.account(Scope::ReadAnalyses)?, id)
        .await?
        .ok_or_else(missing)?;
    let declared_format =
        AudioFormat::from_media_type(&row.media_type).ok_or_else(|| Error::internal("unknown media type"))?;
    let report = row.report.map(|Json(report)| report);
    let (stored, earlier) = store::verdicts(&backend.db, id).await?;
    let summary = row.summary.summary();
    // A report of an older version of the program waits for the job that judges it; whoever looks first need not.
    let verdict = match summary.kind {
        UploadKind::Mix => stored.or_else(|| report.as_ref().map(analysis::rules::judge)),
        UploadKind::Reference => None,
    };
    let compared = match &report {
        Some(report) => references::compared(&backend.db, id, report).await?,
        None => None,
    };
    Ok(AnalysisView {
        summary,
        verdict,
        earlier,
        file_name: row.file_name,
        size_bytes: row.size_bytes,
        declared_format,
        report,
        compared,
    })
}

/// One analysis with its report alone, which is all that is read.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
async fn measured(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
) -> Result<(AnalysisSummary, Option<Report>)> {
    if actor.is_shown_sample(Scope::ReadAnalyses)? {
        let view = sample::view(id)?;
        return Ok((view.summary, view.report));
    }
    let row = store::find(&backend.db, actor.account(Scope::ReadAnalyses)?, id)
        .await?
        .ok_or_else(missing)?;
    Ok((row.summary.summary(), row.report.map(|Json(report)| report)))
}

/// Whether an analysis of the account has a report.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub(crate) async fn has_report(db: &Db, account: AccountId, id: AnalysisId) -> Result<bool> {
    let row = store::progress(db, account, id).await?.ok_or_else(missing)?;
    Ok(row.progress().state == AnalysisState::Done)
}

/// How far an analysis has come, and what came of it. Who hears that it has ended needs no e-mail about it.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn progress(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<Progress> {
    if actor.is_shown_sample(Scope::ReadAnalyses)? {
        return Ok(sample::view(id)?.summary.progress);
    }
    let account = actor.account(Scope::ReadAnalyses)?;
    let row = store::progress(&backend.db, account, id).await?;
    let progress = row.ok_or_else(missing)?.progress();
    if !progress.state.is_final() {
        return Ok(progress);
    }
    set_seen(backend, actor, id).await?;
    let outcome = store::outcome(&backend.db, account, id).await?;
    Ok(Progress { outcome, ..progress })
}

/// Notes that the signed-in person has seen what an analysis came to, where it has come to something.
pub(crate) async fn set_seen(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<()> {
    if let Ok(user) = actor.user() {
        store::set_seen(&backend.db, user.account, id).await?;
    }
    Ok(())
}

/// Gives an analysis another title.
///
/// # Errors
/// `Invalid` on `title`; `NotFound`.
pub async fn rename(backend: &Backend, actor: &Actor, id: AnalysisId, title: &str) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let title = names::clean_title(title, "title", "Give it a title, such as the name of the song.")?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::rename(tx, account, id, &title).await? {
            return Err(missing());
        }
        sort_keys::refresh(tx, id).await?;
        Ok(())
    })
}

/// Deletes an analysis, its upload and its audio; what it was for. The rows are gone when this returns, the object a moment
/// later.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn delete(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<UploadKind> {
    delete_of(backend, actor.account(Scope::WriteAnalyses)?, id).await
}

/// Deletes several, each as [`delete`] does. One that is gone already is none to delete.
///
/// # Errors
/// `Invalid` on `analysis` where there are none; those of [`delete`] besides.
pub async fn delete_several(backend: &Backend, actor: &Actor, ids: &[AnalysisId]) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    if ids.is_empty() {
        return Err(Error::invalid("analysis", "Tick what is to be deleted."));
    }
    for id in ids {
        match delete_of(backend, account, *id).await {
            Err(error) if error.code() == ProblemCode::NotFound => {}
            done => _ = done?,
        }
    }
    Ok(())
}

/// The same for an account.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub(crate) async fn delete_of(backend: &Backend, account: AccountId, id: AnalysisId) -> Result<UploadKind> {
    let deleted = transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let upload = store::upload_of(tx, account, id).await?.ok_or_else(missing)?;
        // Their rows go with it.
        let renders = renders_of(tx, upload).await?;
        for taken_at in store::unfinished_renders(tx, upload).await? {
            usage::give_back_render(tx, account, taken_at).await?;
        }
        let deleted = store::delete(tx, account, id).await?.ok_or_else(missing)?;
        store::delete_empty_songs(tx, account).await?;
        ledger::record(tx, backend, id).await?;
        if deleted.state == UploadState::Stored {
            webhooks::record(tx, backend, account, Happened::AudioDeleted(id)).await?;
        }
        enqueue_removal(tx, backend, account, upload, &renders).await?;
        Ok(deleted)
    })?;
    backend.wake.wake();
    Ok(deleted.kind)
}

/// Has the audio of an upload removed, and that of `renders`, which were made of it.
pub(crate) async fn enqueue_removal(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    upload: UploadId,
    renders: &[RenderId],
) -> Result<()> {
    let removal = RemoveAudio { account, upload };
    jobs::enqueue(tx, backend, &removal, EnqueueOptions::default()).await?;
    for &render in renders {
        let removal = RemoveRender {
            account,
            upload,
            render,
        };
        jobs::enqueue(tx, backend, &removal, EnqueueOptions::default()).await?;
    }
    Ok(())
}

fn missing() -> Error {
    Error::not_found("analysis")
}

/// What becomes of the audio of an upload.
pub(crate) fn audio_of(upload_state: UploadState, delete_after: Option<Timestamp>) -> Audio {
    match (upload_state, delete_after) {
        (UploadState::Stored, Some(until)) => Audio::Kept { until },
        _ => Audio::Gone,
    }
}
