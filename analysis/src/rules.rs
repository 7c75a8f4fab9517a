//! From numbers to judgement: a catalogue of rules, each a measured value against a range.
//!
//! [`judge`] is a pure function of a [`Report`], so that stored reports can be judged anew by later rules, without the
//! audio. It does not look at names or dates: the same bytes have the same verdict (P02). The order of the catalogue
//! changes nothing but the order of equal rows.

mod catalog;
mod corridor;
mod document;
mod facts;
pub mod platforms;
mod receipt;
mod rule;
mod stage;

use model::Report;
use model::verdict::{Judgement, Rubric, Verdict};

pub use corridor::{CORRIDOR, Corner, bounds_db};
pub use document::{anchor, document};
pub use facts::{Facts, relative_thirds};
pub use rule::{Ask, Correct, Measure, Rule, Target, Words};

/// The version of the rules (P02): raised whenever a verdict on an unchanged report may come out differently.
pub const RULE_SET: &str = "1.0.0";

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
    let facts = Facts::new(report);
    let measures: Vec<(&'static Rule, Option<Measure>)> =
        catalog().map(|rule| (rule, (rule.measure)(&facts))).collect();
    Verdict {
        rule_set: RULE_SET.to_owned(),
        stage: stage::detect(&facts),
        mix: judge_measures(&facts, &measures, Rubric::Mix),
        master: judge_measures(&facts, &measures, Rubric::Master),
    }
}

/// The receipt of one rubric for measures that are already known. [`judge`] is this with the measures of a report;
/// tests of the receipt's properties bring their own.
#[must_use]
pub fn judge_measures(
    facts: &Facts<'_>,
    measures: &[(&'static Rule, Option<Measure>)],
    rubric: Rubric,
) -> Judgement {
    receipt::write(facts, measures, rubric)
}
