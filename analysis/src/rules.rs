//! From numbers to a verdict: a catalogue of rules, each a measured value against a range.
//!
//! [`judge`] is a pure function of a [`Report`], so that stored reports can be rescored by later rules, without the
//! audio. It does not look at names or dates: the same bytes have the same verdict (P02). The order of the catalogue
//! changes nothing but the order of equal rows.

mod catalog;
mod document;
pub mod platforms;
mod report_view;
mod rhythm;
mod rule;
mod score;
mod stage;
mod tolerance_band;
pub mod typical_spectrum;

use model::Report;
use model::verdict::{ScoreBreakdown, Stage, Verdict};

pub use document::{anchor, counting, document, in_general};
pub use report_view::{ReportView, relative_thirds, usual_thirds_db};
pub use rule::{CheckText, CorrectFn, Criterion, MeasureFn, Measurement, Rule, Strength, Subject};
pub use tolerance_band::{TOLERANCE_BAND, ToleranceCorner, bounds_db};

/// The version of the rules (P02): raised whenever a verdict on an unchanged report may come out differently.
pub const RULE_SET: &str = "2.10.0";

/// Every rule, by area.
pub fn catalog() -> impl Iterator<Item = &'static Rule> {
    catalog::AREAS.iter().copied().flatten()
}

/// The rule with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    catalog().find(|rule| rule.id == id)
}

/// What the rules say of `report`, as a mix and as a master.
#[must_use]
pub fn judge(report: &Report) -> Verdict {
    let view = ReportView::new(report);
    let measures: Vec<(&'static Rule, Option<Measurement>)> =
        catalog().map(|rule| (rule, (rule.measure)(&view))).collect();
    Verdict {
        rule_set: RULE_SET.to_owned(),
        detected: stage::detect(&view),
        mix: judge_measures(&view, &measures, Stage::Mix),
        master: judge_measures(&view, &measures, Stage::Master),
    }
}

/// The score breakdown of one stage for measures that are already known. [`judge`] is this with the measures of a
/// report; tests of its properties bring their own.
#[must_use]
pub fn judge_measures(
    view: &ReportView<'_>,
    measures: &[(&'static Rule, Option<Measurement>)],
    stage: Stage,
) -> ScoreBreakdown {
    score::break_down(view, measures, stage)
}
