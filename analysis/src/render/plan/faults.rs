//! What the rules find, with what they would do about it, whether another rule says it as well or not.

use model::Report;
use model::verdict::{Operation, Stage};

use crate::render::proof::Judged;
use crate::rules::{ReportView, Rule};

/// A rule that is not met.
pub(super) struct Fault {
    pub(super) rule: &'static Rule,
    /// What it costs by itself.
    pub(super) price: f64,
    /// What the rule would do.
    pub(super) operation: Option<Operation>,
}

/// Every rule that is not met at `stage`, worst first.
pub(super) fn faults(report: &Report, judged: &Judged<'_>, stage: Stage) -> Vec<Fault> {
    let view = ReportView::new(report);
    let mut faults: Vec<Fault> = judged
        .measures
        .iter()
        .filter_map(|(rule, measure)| {
            let (criterion, measure) = (rule.criterion(stage)?, measure.as_ref()?);
            let price = criterion.price(measure.value, rule.tolerance);
            let excess = criterion.excess(measure.value);
            (price > 0.0).then(|| Fault {
                rule,
                price,
                operation: rule.correct.and_then(|correct| correct(&view, measure, excess)),
            })
        })
        .collect();
    faults.sort_by(|a, b| b.price.total_cmp(&a.price).then(a.rule.id.cmp(b.rule.id)));
    faults
}
