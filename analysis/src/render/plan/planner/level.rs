//! Gain, limiter and the ends.

use model::verdict::Stage;

use super::super::PlannedStep;
use super::{Planner, Proposal};
use crate::render::recipe::{Passage, Step, StepKind};

/// What a limiter aims at below its ceiling at first, in dB.
const RESERVE_DB: f64 = 0.03;
/// What is kept of silence before the first sound and behind the last one, in seconds.
const KEPT_HEAD_S: f64 = 0.2;
const KEPT_TAIL_S: f64 = 1.0;

impl Planner<'_> {
    /// Gain and limiter, where a step or the target needs them.
    pub(super) fn level_steps(&mut self) {
        let ceiling_dbtp = self.options.ceiling_dbtp;
        let peak = self.now.peaks.true_peak_dbtp.value();
        let eight = self
            .now
            .detail
            .as_ref()
            .and_then(|detail| detail.peaks.true_peak_8x_dbtp.value());
        let peak = peak
            .into_iter()
            .chain(eight)
            .reduce(f64::max)
            .unwrap_or(f64::NEG_INFINITY);
        let changes_level = |step: &PlannedStep| {
            step.is_on
                && !matches!(
                    step.step.kind(),
                    StepKind::Repair
                        | StepKind::Offset
                        | StepKind::Polarity
                        | StepKind::Delay
                        | StepKind::Trim
                )
        };
        let is_retargeted = self.options.target.lufs().is_some_and(|wanted| {
            let now = self.now.loudness.integrated_lufs.value();
            now.is_none_or(|now| (now - wanted).abs() > 0.1)
        });
        // Room for encoders is left by a lower ceiling, which is worth its loudness to nobody but the person.
        let rules = [
            "peaks.overs",
            "peaks.true_peak",
            "peaks.headroom",
            "peaks.between_samples",
        ];
        let is_too_high = rules.iter().any(|rule| self.fault(rule).is_some());
        let needs_level = self.steps.iter().any(changes_level) || is_retargeted;
        if !(needs_level || is_too_high) {
            return;
        }
        let for_level = if is_retargeted {
            &["loudness.level"][..]
        } else {
            &[]
        };
        match self.stage {
            // A mix keeps its peaks for the mastering: gain alone.
            Stage::Mix => {
                let gain = Step::Gain {
                    db: 0.0,
                    highest_dbtp: Some(ceiling_dbtp),
                };
                self.add(gain, &[&rules[..], for_level].concat(), Proposal::On);
            }
            Stage::Master => {
                let gain = Step::Gain {
                    db: 0.0,
                    // Without the limiter it holds the ceiling alone.
                    highest_dbtp: Some(ceiling_dbtp),
                };
                self.add(gain, for_level, Proposal::On);
                if is_too_high || needs_level || peak > ceiling_dbtp {
                    let limit = Step::Limit {
                        ceiling_dbtp,
                        aim_dbtp: ceiling_dbtp - RESERVE_DB,
                        most_db: self.options.most_limiting_db,
                    };
                    self.add(limit, &rules, Proposal::On);
                }
            }
        }
    }

    pub(super) fn trim(&mut self) {
        let Some(detail) = &self.now.detail else {
            return;
        };
        let quality = &detail.quality;
        let rules = ["signal.head_silence", "signal.tail_silence"];
        if rules.iter().any(|rule| self.fault(rule).is_some()) {
            let end_s = self.now.file.duration_s;
            let kept = Passage {
                start_s: (quality.head_silence_s - KEPT_HEAD_S).max(0.0),
                end_s: end_s - (quality.tail_silence_s - KEPT_TAIL_S).max(0.0),
            };
            if kept.end_s > kept.start_s {
                let remark = "The file becomes shorter, and no longer lies beside its stems.";
                self.add(Step::Trim(kept), &rules, Proposal::Off(remark));
            }
        }
    }
}
