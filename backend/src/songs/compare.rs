//! One version of a song against another.

use analysis::rules::{RULE_SET, judge};
use model::{
    AccountId, AnalysisId, Report, SongId,
    song::{Pair, Step},
    verdict::{Points, Stage, VersionComparison},
};

use super::store;
use crate::{Backend, Result, db::Json};

/// A version of a song and its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbered {
    pub(super) id: AnalysisId,
    pub(super) number: u32,
}

/// `None` where one of them has no report.
pub(super) async fn compare(
    backend: &Backend,
    account: AccountId,
    before: Numbered,
    after: Numbered,
) -> Result<Option<Pair>> {
    let earlier = store::judged(&backend.db, account, before.id).await?;
    let later = store::judged(&backend.db, account, after.id).await?;
    let (Some(earlier), Some(later)) = (earlier, later) else {
        return Ok(None);
    };
    let (Json(report_before), Json(report_after)) = (earlier.report, later.report);
    let is_as_stored = |stored: Option<Points>, here: Points| stored.is_none_or(|points| points == here);
    let pair = pair(
        (before.number, report_before),
        (after.number, report_after),
        later.stage,
    );
    Ok(Some(Pair {
        is_rescored: !is_as_stored(earlier.score_tenths, pair.comparison.before)
            || !is_as_stored(later.score_tenths, pair.comparison.after),
        ..pair
    }))
}

/// Two versions by their numbers and reports, both judged by the rules of today as `stage`; as what the later one seems to be
/// where nobody said.
pub(crate) fn pair(before: (u32, Report), after: (u32, Report), stage: Option<Stage>) -> Pair {
    // Both are rescored: stored verdicts may be by different rules, and each as a stage of its own.
    let (verdict_before, verdict_after) = (judge(&before.1), judge(&after.1));
    let stage = stage.unwrap_or(verdict_after.detected.stage);
    Pair {
        before: before.0,
        after: after.0,
        stage,
        rule_set: RULE_SET.to_owned(),
        is_rescored: false,
        comparison: VersionComparison::between(verdict_before.by(stage), verdict_after.by(stage)),
        report_before: before.1,
        report_after: after.1,
    }
}

/// From the version before to this one.
pub(super) async fn step(
    backend: &Backend,
    account: AccountId,
    song: SongId,
    version: Numbered,
) -> Result<Option<Step>> {
    let Some(before) = store::version_before(&backend.db, song, version.id).await? else {
        return Ok(None);
    };
    let before = Numbered {
        id: before.id,
        number: before.number,
    };
    let pair = compare(backend, account, before, version).await?;
    Ok(pair.map(|pair| Step {
        before: before.number,
        analysis: before.id,
        gained: pair.comparison.difference(),
        words: pair.comparison.summary(),
    }))
}
