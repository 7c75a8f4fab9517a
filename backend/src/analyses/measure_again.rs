//! Measuring once more what failed on our side. The file counts again as it did when it was uploaded, also where the month has
//! nothing left: that it failed was not the person's doing.

use model::{AccountId, AnalysisId, Failure, FailureCode, ProblemCode};

use super::{AnalyseUpload, missing, store};
use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{Json, Tx, row, sql},
    jobs::{self, EnqueueOptions},
    transaction, usage,
};

/// Queues an analysis that failed on our side again, as long as its audio is kept.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's; `Conflict` where the file is at fault, its audio is gone, or the
/// analysis has not failed.
pub async fn measure_again(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<()> {
    let account = actor.account(Scope::Upload)?;
    let is_queued = transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let failed = find(tx, account, id).await?.ok_or_else(missing)?;
        let again = failed.is_ours() && queue(backend, tx, account, id).await?;
        Ok(again)
    })?;
    if !is_queued {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "This cannot be measured again: its audio is gone, or the file itself is the reason.",
        ));
    }
    backend.wake.wake();
    Ok(())
}

/// The same for every analysis that failed on our side and whose audio is still kept, for the operator. How many.
///
/// # Errors
/// The database does not answer.
pub async fn measure_all_again(backend: &Backend) -> Result<u64> {
    const FAILED: &str = "
        SELECT analysis.id, analysis.account_id, failure FROM analysis JOIN upload ON upload.id = upload_id
        WHERE analysis.state = 'failed' AND upload.state = 'stored' AND delete_after > $1";
    let failed: Vec<OwnedRow> = backend.db.all(sql(FAILED).bind(backend.now())).await?;
    let mut queued = 0;
    for row in failed.iter().filter(|row| is_ours(row.failure.as_ref())) {
        let is_queued = transaction!(backend.db, |tx| {
            tx.lock_account(row.account_id).await?;
            queue(backend, tx, row.account_id, row.id).await
        })?;
        queued += u64::from(is_queued);
    }
    backend.wake.wake();
    Ok(queued)
}

row! {
    struct FailedRow {
        failure: Option<Json<Failure>>,
    }
}

row! {
    struct OwnedRow {
        id: AnalysisId,
        account_id: AccountId,
        failure: Option<Json<Failure>>,
    }
}

impl FailedRow {
    fn is_ours(&self) -> bool {
        is_ours(self.failure.as_ref())
    }
}

fn is_ours(failure: Option<&Json<Failure>>) -> bool {
    failure.is_some_and(|Json(failure)| failure.code == FailureCode::Internal)
}

async fn find(tx: &mut Tx, account: AccountId, id: AnalysisId) -> Result<Option<FailedRow>> {
    const SELECT: &str = "SELECT failure FROM analysis WHERE id = $1 AND account_id = $2";
    Ok(tx.optional(sql(SELECT).bind(id).bind(account)).await?)
}

/// failed → queued, where the audio is there; whether it was.
async fn queue(backend: &Backend, tx: &mut Tx, account: AccountId, id: AnalysisId) -> Result<bool> {
    const UPDATE: &str = "
        UPDATE analysis SET state = 'queued', phase = 'waiting', percent = 0, failure = NULL, finished_at = NULL, unseen_since = NULL
        WHERE id = $1 AND account_id = $2 AND state = 'failed'
          AND EXISTS (SELECT 1 FROM upload WHERE upload.id = upload_id AND upload.state = 'stored' AND delete_after > $3)";
    let update = sql(UPDATE).bind(id).bind(account).bind(backend.now());
    if tx.execute(update).await? == 0 {
        return Ok(false);
    }
    if let Some(owner) = store::owner(tx, id).await? {
        usage::take(tx, account, owner.created_at, owner.kind).await?;
    }
    let options = EnqueueOptions {
        account: Some(account),
        ..EnqueueOptions::default()
    };
    jobs::enqueue(tx, backend, &AnalyseUpload { analysis: id }, options).await?;
    Ok(true)
}
