//! What a render did, rule by rule, by the same rules on both sides.

use model::Report;
use model::player::LoudnessOverTime;
use model::report::Digest;
use model::verdict::{Points, ScoreBreakdown, Stage, Unit};
use serde::{Deserialize, Serialize};

use super::recipe::{Defect, Passage, Recipe, Step};
use crate::rules::{Measurement, ReportView, Rule, catalog, judge_measures};

/// A change of less than this part of a deviation is none.
const LEAST_CHANGE: f64 = 0.02;

/// Faults that a render can hide but not mend: rounding, filtering and lowering change by what they are recognised. The source's
/// figure stands for the result, unless that one is worse.
const KEPT: [&str; 19] = [
    "peaks.clipped",
    "peaks.long_clip",
    "signal.few_bits",
    "signal.padded_bits",
    "signal.cutoff",
    "signal.truncated",
    "signal.damaged",
    "stereo.dual_mono",
    "delivery.lossy",
    "delivery.sample_rate",
    "delivery.bits",
    "delivery.channels",
    "delivery.mislabelled",
    // Any filter raises the peaks of a flattened wave, and brings back nothing of what was flattened.
    "dynamics.over_limited",
    "dynamics.psr",
    "dynamics.dr",
    "dynamics.crest",
    "dynamics.bus_limiter",
    "dynamics.crushed_passage",
];
/// Both: neither mended nor put in.
const NEITHER: [&str; 8] = [
    "signal.pause",
    "signal.stutter",
    "signal.level_jump",
    "signal.hiss",
    "signal.static",
    "signal.passing_tone",
    // Filters and dither fill the steps, which are then no longer found, and are heard as before.
    "signal.coarse_passage",
    // Clips that are lower now are those of the source.
    "peaks.lowered_clips",
];
/// What a limiter that took off no more has not flattened, in dB.
const NO_LIMITING_DB: f64 = 0.1;
/// Those that only a repair mends.
const KEPT_UNREPAIRED: [&str; 2] = ["signal.clicks", "signal.gaps"];

/// How a result was made of its source.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) steps: &'a [Step],
    /// The most that the limiter took off, in dB; 0 without one.
    pub(super) limiting_db: f64,
    /// Rules of which it is known that what they find was there before.
    pub(super) uncovered: &'a [&'static str],
}

impl Made<'_> {
    fn has(&self, is_one: impl Fn(&Step) -> bool) -> bool {
        self.steps.iter().any(is_one)
    }

    /// Whether nothing that was done can have put in what the rule of this id finds. Where it is found in the result alone, it was in
    /// the source, hidden by what was mended or just below what is found, and the source's figure stands.
    fn cannot_add(&self, id: &str, source: &Report, result: &Report) -> bool {
        match id {
            // A count for each minute rises where silence is trimmed.
            "peaks.clipped" | "peaks.long_clip" => {
                let peak = result.peaks.sample_peak_dbfs.value();
                peak.is_none_or(|dbfs| dbfs < 0.0)
            }
            "signal.tone" | "signal.hum" => true,
            // What fills, and what turns over at a moment, may leave an edge.
            "signal.clicks" | "signal.gaps" => !self.has(|step| match step {
                Step::Repair { .. } => true,
                Step::Polarity { passages, .. } => !passages.is_empty(),
                _ => false,
            }),
            "signal.cut_end" => {
                !self.has(|step| matches!(step, Step::Trim(kept) if cuts_sound(kept, source)))
            }
            // Filters, levels and a shorter file change by what limiting is recognised, and limit nothing.
            "dynamics.over_limited"
            | "dynamics.psr"
            | "dynamics.dr"
            | "dynamics.crest"
            | "dynamics.bus_limiter"
            | "dynamics.crushed_passage"
            | "dynamics.pumping" => self.limiting_db <= NO_LIMITING_DB,
            // A channel that was upside down, or late, made a narrow song look wide.
            "stereo.narrow" => !self.has(|step| matches!(step, Step::Width { .. })),
            _ => NEITHER.contains(&id) || self.uncovered.contains(&id),
        }
    }
}

/// Whether what is kept ends before the last sound.
fn cuts_sound(kept: &Passage, source: &Report) -> bool {
    let silence_s = source
        .detail
        .as_ref()
        .map_or(0.0, |detail| detail.quality.tail_silence_s);
    kept.end_s < source.file.duration_s - silence_s
}

/// What a render did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The version of the engine that rendered and measured.
    pub engine: String,
    /// The version of the rules.
    pub rule_set: String,
    /// What both files are judged as: what the source is.
    pub stage: Stage,
    /// The recipe with everything that was adjusted; it gives the same bytes again.
    pub recipe: Recipe,
    /// Steps that were taken back, because a rule was worse with them.
    pub rolled_back: Vec<RolledBack>,
    /// Digests of the source and of its report.
    pub source: Option<Digest>,
    /// Digests of the result and of its report.
    pub result: Option<Digest>,
    /// The source's score breakdown.
    pub before: ScoreBreakdown,
    /// The result's.
    pub after: ScoreBreakdown,
    /// What the score was predicted to be: by the plan, or from the source's report alone.
    pub predicted_score: Points,
    /// Each rule that applies to both.
    pub rules: Vec<RuleProof>,
    /// The loudness before, wanted and after.
    pub loudness: LoudnessProof,
    /// The ceiling, where the recipe has one.
    pub ceiling: Option<CeilingProof>,
    /// What the limiter took off, where there is one.
    pub limiter: Option<LimiterProof>,
    /// Passes over the source, rolled back ones included.
    pub passes: u32,
}

/// One rule on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleProof {
    /// Its id.
    pub rule: String,
    /// What it looks at.
    pub title: String,
    /// Its unit.
    pub unit: Unit,
    /// What became of it.
    pub outcome: Outcome,
    /// The source's value.
    pub before: f64,
    /// The result's.
    pub after: f64,
    /// What the source's value costs by itself, before families share points.
    pub price_before: f64,
    /// What the result's does.
    pub price_after: f64,
    /// Whether a step of the recipe is for it and was expected to help.
    pub is_targeted: bool,
    /// Whether the source's figure stands for the result: a render can hide this but not mend it, or find it but not have made it.
    pub is_kept: bool,
}

model::text_enum! {
    /// What became of a rule.
    pub enum Outcome {
        /// It costs nothing any more.
        Fixed = "fixed",
        /// It is nearer to its range.
        Improved = "improved",
        /// It is as before.
        Unchanged = "unchanged",
        /// It is further from its range.
        Worse = "worse",
    }
}

/// A step that was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The step.
    pub step: Step,
    /// The rule that was worse with it.
    pub rule: String,
    /// That rule's value in the source.
    pub without: f64,
    /// Its value in the result with the step.
    pub with: f64,
    /// The rule's unit.
    pub unit: Unit,
}

/// Loudness, in LUFS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoudnessProof {
    /// Of the source.
    pub before_lufs: Option<f64>,
    /// What the target asks for.
    pub wanted_lufs: Option<f64>,
    /// Of the result.
    pub after_lufs: Option<f64>,
    /// What is missing of it, in LU, because peaks leave no more room; 0 where it is reached within 0.1.
    pub shortfall_lu: f64,
    /// Of the source over time, for whoever listens to a part; `None` in proofs of engines before 3.5.
    #[serde(default)]
    pub before_over_time: Option<LoudnessOverTime>,
    /// Of the result over time.
    #[serde(default)]
    pub after_over_time: Option<LoudnessOverTime>,
}

/// True peak against the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CeilingProof {
    /// What was asked for, in dBTP.
    pub ceiling_dbtp: f64,
    /// The highest true peak of the written file by detectors at 4x, 8x and 16x, in dBTP.
    pub true_peak_dbtp: f64,
    /// Whether it holds.
    pub is_met: bool,
}

/// What the limiter took off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimiterProof {
    /// The most, in dB.
    pub most_db: f64,
    /// The share of the time in which it worked, in percent.
    pub share_percent: f64,
    /// The most of each second, in dB.
    pub seconds_db: Vec<f32>,
}

/// What rules see in source and result.
pub(super) struct Judged<'a> {
    report: &'a Report,
    pub(super) breakdown: ScoreBreakdown,
    /// The measures of every rule of the catalogue, in its order.
    pub(super) measures: Vec<(&'static Rule, Option<Measurement>)>,
    kept: Vec<bool>,
}

impl<'a> Judged<'a> {
    /// A source, as it is.
    pub(super) fn source(report: &'a Report, stage: Stage) -> Self {
        let view = ReportView::new(report);
        let measures: Vec<_> = catalog().map(|rule| (rule, (rule.measure)(&view))).collect();
        Self {
            breakdown: judge_measures(&view, &measures, stage),
            kept: vec![false; measures.len()],
            measures,
            report,
        }
    }

    /// What was `made` of `source`: what a render only hides, or only uncovers, counts as before.
    pub(super) fn result(report: &'a Report, stage: Stage, source: &Judged<'_>, made: Made<'_>) -> Self {
        let view = ReportView::new(report);
        let repaired = made.steps.iter().find_map(|step| match step {
            Step::Repair { places } => Some(without_defects(source.report, places)),
            _ => None,
        });
        let repaired = repaired.as_ref().map(ReportView::new);
        let (measures, kept): (Vec<_>, Vec<bool>) = source
            .measures
            .iter()
            .map(|(rule, before)| {
                let after = (rule.measure)(&view);
                let is_for_repair = KEPT_UNREPAIRED.contains(&rule.id);
                let before = &match &repaired {
                    Some(repaired) if is_for_repair => (rule.measure)(repaired),
                    _ => before.clone(),
                };
                let can_hide = is_for_repair || NEITHER.contains(&rule.id) || KEPT.contains(&rule.id);
                let cannot_add = made.cannot_add(rule.id, source.report, report);
                let price = |measure: &Option<Measurement>| price_of(rule, measure.as_ref(), stage);
                let (old, new) = (price(before), price(&after));
                let is_kept = (can_hide && old >= new) || (cannot_add && new > old);
                ((*rule, if is_kept { before.clone() } else { after }), is_kept)
            })
            .unzip();
        Self {
            breakdown: judge_measures(&view, &measures, stage),
            measures,
            kept,
            report,
        }
    }

    /// What one rule costs by itself.
    pub(super) fn price(&self, id: &str, stage: Stage) -> f64 {
        let row = self.measures.iter().find(|(rule, _)| rule.id == id);
        row.map_or(0.0, |(rule, measure)| price_of(rule, measure.as_ref(), stage))
    }

    /// What all rules cost together.
    pub(super) fn cost(&self, stage: Stage) -> f64 {
        self.prices(stage).iter().sum()
    }

    /// What every rule costs by itself.
    pub(super) fn prices(&self, stage: Stage) -> Vec<f64> {
        let price =
            |(rule, measure): &(&'static Rule, Option<Measurement>)| price_of(rule, measure.as_ref(), stage);
        self.measures.iter().map(price).collect()
    }
}

/// The report without the defects that `places` cover.
pub(super) fn without_defects(report: &Report, places: &[Defect]) -> Report {
    let mut rest = report.clone();
    if let Some(local) = rest.detail.as_mut().and_then(|detail| detail.local.as_mut()) {
        local.faults.retain(|fault| {
            let is_covered = |place: &Defect| {
                place.start_s <= fault.start_s
                    && fault.end_s <= place.end_s
                    && (place.channel.is_none() || place.channel == fault.channel)
            };
            !places.iter().any(is_covered)
        });
    }
    rest
}

fn price_of(rule: &Rule, measure: Option<&Measurement>, stage: Stage) -> f64 {
    match (rule.criterion(stage), measure) {
        (Some(criterion), Some(measure)) => criterion.price(measure.value, rule.tolerance),
        _ => 0.0,
    }
}

/// Each rule on both sides; `targeted` are the ids that steps are for.
pub(super) fn rule_proofs(
    before: &Judged<'_>,
    after: &Judged<'_>,
    stage: Stage,
    targeted: &[&str],
) -> Vec<RuleProof> {
    before
        .measures
        .iter()
        .zip(&after.measures)
        .zip(&after.kept)
        .filter_map(|(((rule, old), (_, new)), &is_kept)| {
            let criterion = rule.criterion(stage)?;
            let (old, new) = (old.as_ref()?.value, new.as_ref()?.value);
            let (price_before, price_after) = (
                criterion.price(old, rule.tolerance),
                criterion.price(new, rule.tolerance),
            );
            let (far, near) = (criterion.excess(old).abs(), criterion.excess(new).abs());
            let outcome = if price_before > 0.0 && price_after == 0.0 {
                Outcome::Fixed
            } else if (price_before == 0.0 && price_after == 0.0)
                // What reads the same on both sides is no change to anybody.
                || rule.unit.display(old) == rule.unit.display(new)
            {
                Outcome::Unchanged
            } else if near < far * (1.0 - LEAST_CHANGE) {
                Outcome::Improved
            } else if near > far * (1.0 + LEAST_CHANGE) {
                Outcome::Worse
            } else {
                Outcome::Unchanged
            };
            Some(RuleProof {
                rule: rule.id.to_owned(),
                title: rule.title.to_owned(),
                unit: rule.unit,
                outcome,
                before: old,
                after: new,
                price_before,
                price_after,
                is_targeted: targeted.contains(&rule.id),
                is_kept,
            })
        })
        .collect()
}
