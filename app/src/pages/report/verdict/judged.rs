//! The part of a report that is judgement, chosen and ready to show.

use model::{
    analysis::{AnalysisView, EarlierVerdict},
    verdict::{ScoreBreakdown, Stage, Verdict},
};

use crate::charts::FindingMark;

/// A verdict as the stage that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The score breakdowns of both stages.
    pub verdict: Verdict,
    /// The stage that counts.
    pub stage: Stage,
    /// Whether a person said so.
    pub is_chosen: bool,
    /// What older rules said, newest first.
    pub earlier: Vec<EarlierVerdict>,
}

impl Judged {
    /// Of `view`; `None` where it was not judged.
    #[must_use]
    pub fn of(view: &AnalysisView) -> Option<Self> {
        let (stage, verdict) = view.judged()?;
        Some(Self {
            stage,
            is_chosen: view.summary.score.is_some_and(|score| score.is_chosen),
            earlier: view.earlier.clone(),
            verdict: verdict.clone(),
        })
    }

    /// The breakdown of the stage in force.
    #[must_use]
    pub const fn breakdown(&self) -> &ScoreBreakdown {
        self.verdict.by(self.stage)
    }

    /// The findings on the waveform.
    #[must_use]
    pub fn marks(&self) -> Vec<FindingMark> {
        super::breakdown::marks(self.breakdown())
    }
}
