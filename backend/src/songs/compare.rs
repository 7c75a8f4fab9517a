//! One version of a song against another.

use analysis::rules::{RULE_SET, judge};
use model::{
    AccountId, AnalysisId, Report, SongId,
    song::{Pair, Step},
    verdict::{Points, Stage, VersionComparison},
};

use super::store;
use crate::{Backend, Error, Result};

/// `None` where one of them has no report.
pub(super) async fn compare(
    backend: &Backend,
    account: AccountId,
    (before, before_number): (AnalysisId, u32),
    (after, after_number): (AnalysisId, u32),
) -> Result<Option<Pair>> {
    let earlier = store::judged(&backend.db, account, before).await?;
    let later = store::judged(&backend.db, account, after).await?;
    let (Some(earlier), Some(later)) = (earlier, later) else {
        return Ok(None);
    };
    let report_before: Report = serde_json::from_str(&earlier.report).map_err(Error::internal)?;
    let report_after: Report = serde_json::from_str(&later.report).map_err(Error::internal)?;
    // Both anew: stored verdicts may be by different rules, and each by the rubric of its own.
    let (verdict_before, verdict_after) = (judge(&report_before), judge(&report_after));
    let stage: Stage = match &later.stage {
        Some(stage) => stage.parse().map_err(|()| Error::internal("unknown rubric"))?,
        None => verdict_after.detected.stage,
    };
    let comparison = VersionComparison::between(verdict_before.by(stage), verdict_after.by(stage));
    let is_as_stored =
        |stored: Option<i64>, here: Points| stored.is_none_or(|tenths| tenths == i64::from(here.tenths()));
    Ok(Some(Pair {
        before: before_number,
        after: after_number,
        stage,
        rule_set: RULE_SET.to_owned(),
        is_judged_anew: !is_as_stored(earlier.score_tenths, comparison.before)
            || !is_as_stored(later.score_tenths, comparison.after),
        comparison,
        report_before,
        report_after,
    }))
}

/// From the version before to this one.
pub(super) async fn step(
    backend: &Backend,
    account: AccountId,
    song: SongId,
    (id, number): (AnalysisId, u32),
) -> Result<Option<Step>> {
    let Some((before, before_number)) = store::version_before(&backend.db, song, id).await? else {
        return Ok(None);
    };
    let before: AnalysisId = before.parse().map_err(Error::internal)?;
    let before_number = u32::try_from(before_number).map_err(Error::internal)?;
    let pair = compare(backend, account, (before, before_number), (id, number)).await?;
    Ok(pair.map(|pair| Step {
        before: before_number,
        analysis: before,
        gained: pair.comparison.difference(),
        words: pair.comparison.summary(),
    }))
}
