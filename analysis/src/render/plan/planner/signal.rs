//! Defects, offset, what lies below hearing.

use super::super::as_written;
use super::{Planner, Proposal};
use crate::render::complete::repairable;
use crate::render::predict::predict;
use crate::render::proof::Judged;
use crate::render::recipe::{Defect, Step};

impl Planner<'_> {
    /// Defects, offset, what lies below hearing.
    pub(super) fn signal_steps(&mut self) {
        if let Some(places) = self.defects() {
            self.add(
                Step::Repair { places },
                &["signal.clicks", "signal.gaps"],
                Proposal::Off("A guess at what was there; listen to each place before and after."),
            );
        }
        if self.fault("signal.offset").is_some()
            && let Some(detail) = &self.now.detail
        {
            let amounts = detail
                .peaks
                .channels
                .iter()
                .map(|channel| channel.dc.value().unwrap_or(0.0));
            let amounts = amounts.map(|amount| amount.clamp(-0.5, 0.5)).collect();
            self.add(Step::Offset { amounts }, &["signal.offset"], Proposal::On);
        }
        if let Some(step) = self.high_pass() {
            self.add(step, &["signal.subsonic", "low_end.rumble"], Proposal::On);
        }
    }

    /// Clicks and short gaps.
    fn defects(&self) -> Option<Vec<Defect>> {
        if self.fault("signal.clicks").is_none() && self.fault("signal.gaps").is_none() {
            return None;
        }
        let places = repairable(&self.now);
        (!places.is_empty()).then_some(places)
    }

    /// The gentlest high-pass that is expected to be enough, or the one that is expected to do most.
    fn high_pass(&self) -> Option<Step> {
        let rules = ["signal.subsonic", "low_end.rumble"];
        if rules.iter().all(|rule| self.fault(rule).is_none()) {
            return None;
        }
        let left = |step: &Step| -> f64 { rules.iter().map(|rule| self.predicted_price(rule, step)).sum() };
        [(20.0, 2), (25.0, 2), (25.0, 4), (30.0, 4)]
            .map(|(hz, order)| Step::HighPass { hz, order })
            .into_iter()
            .map(|step| (left(&step), step))
            // The first of equals.
            .reduce(|best, next| if next.0 < best.0 - 0.05 { next } else { best })
            .map(|(_, step)| step)
    }

    /// What a rule is expected to cost by itself behind one more step.
    fn predicted_price(&self, rule: &str, step: &Step) -> f64 {
        let recipe = as_written(std::slice::from_ref(step));
        let predicted = predict(&self.now, &recipe);
        let judged = Judged::source(&self.now, self.stage);
        predicted
            .judged(self.stage, &judged, &recipe)
            .price(rule, self.stage)
    }
}
