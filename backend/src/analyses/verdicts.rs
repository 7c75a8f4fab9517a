//! Verdicts: made with the report, made again when the rules change, and the person's word on the stage.
//!
//! Rules read reports, never audio, so a new rule set judges everything that was ever measured. The older verdict stays
//! beside the new one.

use analysis::rules::{RULE_SET, judge};
use model::{AnalysisId, ProblemCode, Report, Timestamp, upload::UploadKind, verdict::Stage};

use super::{missing, store};
use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{Json, Tx},
    idempotency, transaction,
};

/// Reports that are judged in one transaction.
const BATCH: u32 = 50;

/// Judges `report` and stores what came of it: the verdict, and the score that the history shows.
pub(super) async fn record(tx: &mut Tx, id: AnalysisId, report: &Report, now: Timestamp) -> Result<()> {
    let verdict = judge(report);
    store::insert_verdict(tx, id, &verdict, now).await?;
    let chosen = store::chosen_stage(tx, id).await?;
    Ok(store::set_score(tx, id, &verdict, chosen.unwrap_or(verdict.detected.stage)).await?)
}

/// Counts an analysis as a mix or a master, whatever was detected; `None` goes back to what was.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's; `Conflict` while it is not judged yet.
pub async fn choose_stage(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    choice: Option<Stage>,
) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::choose_stage(tx, account, id, choice).await? {
            return Err(missing());
        }
        let Some(verdict) = store::newest_verdict(tx, id).await? else {
            return Err(Error::problem(
                ProblemCode::Conflict,
                "This file has not been judged yet. Try again when its report is there.",
            ));
        };
        store::set_score(tx, id, &verdict, choice.unwrap_or(verdict.detected.stage)).await?;
        Ok(())
    })
}

/// Judges an analysis by the present rules and counts it as a mix or a master; `None` goes by what is detected.
///
/// # Errors
/// `NotFound` where there is no such analysis, or it is somebody else's; `Conflict` where it has no report, or is a reference, which is
/// measured and not judged.
pub async fn judge_again(
    backend: &Backend,
    actor: &Actor,
    id: AnalysisId,
    choice: Option<Stage>,
) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let row = store::find(&backend.db, account, id).await?.ok_or_else(missing)?;
    let report = match (row.summary.kind(), row.report) {
        (UploadKind::Mix, Some(Json(report))) => report,
        (UploadKind::Mix, None) => {
            return Err(Error::problem(
                ProblemCode::Conflict,
                "This file has no report yet, so there is nothing to judge. Try again when it is measured.",
            ));
        }
        (UploadKind::Reference, _) => {
            return Err(Error::problem(
                ProblemCode::Conflict,
                "A reference is measured and not judged.",
            ));
        }
    };
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::choose_stage(tx, account, id, choice).await? {
            return Err(missing());
        }
        record(tx, id, &report, backend.now()).await?;
        idempotency::finish(tx, backend, actor, id).await
    })
}

/// Judges all reports that the present rules have not seen; how many. Resumable: each batch is its own transaction.
pub(crate) async fn rescore(backend: &Backend) -> Result<u64> {
    let mut total = 0;
    loop {
        let due = store::to_judge(&backend.db, RULE_SET, BATCH).await?;
        if due.is_empty() {
            return Ok(total);
        }
        let mut tx = backend.db.begin().await?;
        total += due.len() as u64;
        for row in due {
            record(&mut tx, row.id, &row.report.0, backend.now()).await?;
        }
        tx.commit().await?;
    }
}
