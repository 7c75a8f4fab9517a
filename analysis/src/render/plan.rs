//! From findings to steps: the rules say what is wrong and where the edge of the usual is; a plan goes there and no further.

mod faults;
mod tone;

use model::Report;
use model::report::{ChannelDelay, LocalFault, LocalFaultKind};
use model::verdict::{Operation, Points, Stage, Unit, Verdict};
use serde::{Deserialize, Serialize};

use super::design::Band;
use super::predict::{has, predict};
use super::proof::{Judged, Outcome, RuleProof, rule_proofs};
use super::recipe::{
    Container, Defect, Dither, Levels, MOST_BANDS, OutputFormat, Passage, RECIPE_VERSION, Recipe,
    SampleFormat, Step, StepKind, Target,
};
use crate::comparison::compare;
use faults::Fault;

/// The ceiling of masters, in dBTP.
const CEILING_DBTP: f64 = -1.0;
/// What a limiter aims at below its ceiling at first, in dB.
const RESERVE_DB: f64 = 0.03;
/// The most that a limiter takes off unless more is asked for, in dB.
const MOST_LIMITING_DB: f64 = 3.0;
/// What is kept of silence before the first sound and behind the last one, in seconds.
const KEPT_HEAD_S: f64 = 0.2;
const KEPT_TAIL_S: f64 = 1.0;
/// A click is filled from so long before its place to so long behind, in seconds.
const CLICK_S: (f64, f64) = (0.0003, 0.001);
/// Delays of passages that differ by less are one, in ms.
const SAME_DELAY_MS: f64 = 0.05;
/// The share of the song that has a delay, from which on all of it has.
const DELAYED_SHARE: f64 = 0.5;

/// What is asked of a plan.
#[derive(Debug, Clone)]
pub struct PlanOptions<'a> {
    /// What the file is judged as; `None` for what it seems to be.
    pub stage: Option<Stage>,
    /// The loudness that the result has.
    pub target: Target,
    /// How it is written; `None` for WAV in the source's depth, 24 bits at least where anything is changed.
    pub output: Option<OutputFormat>,
    /// Reports of references whose tone is approached, within limits.
    pub references: &'a [&'a Report],
    /// The most that the limiter may take off, in dB.
    pub most_limiting_db: f64,
    /// The recipe by which the source itself was rendered, where it says so: a render does not go on where one has ended.
    pub already: Option<&'a Recipe>,
}

impl Default for PlanOptions<'_> {
    /// The file decides, its loudness stays, its depth too, no references, 3 dB of limiting.
    fn default() -> Self {
        Self {
            stage: None,
            target: Target::KeepLoudness,
            output: None,
            references: &[],
            most_limiting_db: MOST_LIMITING_DB,
            already: None,
        }
    }
}

/// What could be done, and what of it is proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the file is judged as.
    pub stage: Stage,
    /// The loudness that the result has.
    pub target: Target,
    /// How it is written.
    pub output: OutputFormat,
    /// The steps in their order, those that are off included.
    pub steps: Vec<PlannedStep>,
    /// Findings that no step is for.
    pub untouched: Vec<Untouched>,
    /// The source's score.
    pub score_before: Points,
    /// The score that the steps that are on are expected to give.
    pub score_predicted: Points,
    /// The rules that are expected to change by them.
    pub effects: Vec<Effect>,
}

/// A step, and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// What to do.
    pub step: Step,
    /// Whether it is proposed; every step can be switched.
    pub is_on: bool,
    /// Why it is not, or what to know before switching it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// What is better done in the mix, in place of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_the_mix: Option<String>,
    /// The rules that it is for, by id.
    pub rules: Vec<String>,
    /// What it alone is expected to change.
    pub effects: Vec<Effect>,
    /// What it alone is expected to win.
    pub points: Points,
}

/// A rule that is expected to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Its id.
    pub rule: String,
    /// What it looks at.
    pub title: String,
    /// Its unit.
    pub unit: Unit,
    /// Its value now.
    pub before: f64,
    /// The expected value.
    pub after: f64,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// A finding without a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Untouched {
    /// Its rule.
    pub rule: String,
    /// What is wrong.
    pub title: String,
    /// What it costs.
    pub points: Points,
    /// What to do about it, in the mix.
    pub action: String,
}

impl Plan {
    /// The recipe of the steps that are on.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        self.recipe_of(|step| step.is_on)
    }

    /// The recipe of the steps that `is_chosen` keeps.
    pub fn recipe_of(&self, is_chosen: impl Fn(&PlannedStep) -> bool) -> Recipe {
        let chosen = self.steps.iter().filter(|step| is_chosen(step));
        Recipe {
            version: RECIPE_VERSION,
            target: self.target.clone(),
            levels: Levels::Adjusted,
            steps: chosen.map(|step| step.step.clone()).collect(),
            output: self.output,
            dither: Dither::Tpdf,
        }
    }
}

impl Plan {
    /// Switches each step as `is_on` says, and says anew what is expected. `report` is that of the source.
    pub fn switch(&mut self, report: &Report, is_on: impl Fn(&PlannedStep) -> bool) {
        for step in &mut self.steps {
            step.is_on = is_on(step);
        }
        self.expect(report, &Judged::source(report, self.stage));
    }

    /// What the steps that are on are expected to do, and each alone.
    fn expect(&mut self, report: &Report, before: &Judged<'_>) {
        let stage = self.stage;
        let expected = |recipe: &Recipe| {
            let predicted = predict(report, recipe);
            let after = predicted.judged(stage, before, recipe);
            let proofs = rule_proofs(before, &after, stage, &[]);
            let changed = proofs
                .into_iter()
                .filter(|proof| proof.outcome != Outcome::Unchanged);
            (changed.map(Effect::from).collect(), after.breakdown.score)
        };
        let recipe = self.recipe();
        let gain_db = predict(report, &recipe).gain_db;
        (self.effects, self.score_predicted) = expected(&recipe);
        for planned in &mut self.steps {
            if let Step::Gain { db, .. } = &mut planned.step {
                *db = (gain_db * 100.0).round() / 100.0;
            }
            let mut alone = Recipe {
                levels: Levels::AsWritten,
                ..recipe.clone()
            };
            alone.steps = vec![planned.step.clone()];
            let score;
            (planned.effects, score) = expected(&alone);
            planned.points = score - before.breakdown.score;
        }
    }
}

impl From<RuleProof> for Effect {
    fn from(proof: RuleProof) -> Self {
        Self {
            rule: proof.rule,
            title: proof.title,
            unit: proof.unit,
            before: proof.before,
            after: proof.after,
            outcome: proof.outcome,
        }
    }
}

/// The plan for a file of this report and verdict.
#[must_use]
pub fn plan(report: &Report, verdict: &Verdict, options: &PlanOptions<'_>) -> Plan {
    let stage = options.stage.unwrap_or(verdict.detected.stage);
    let before = Judged::source(report, stage);
    let mut planner = Planner {
        report,
        stage,
        options,
        before: &before,
        faults: faults::faults(report, &before, stage),
        steps: Vec::new(),
    };
    planner.signal_steps();
    planner.channel_steps();
    planner.equalise();
    planner.level_steps();
    planner.trim();
    planner.finish()
}

struct Planner<'a> {
    report: &'a Report,
    stage: Stage,
    options: &'a PlanOptions<'a>,
    before: &'a Judged<'a>,
    faults: Vec<Fault>,
    steps: Vec<PlannedStep>,
}

/// Whether a step is proposed.
enum Proposal {
    On,
    Off(&'static str),
}

impl Planner<'_> {
    fn fault(&self, rule: &str) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.rule.id == rule)
    }

    fn local_faults(&self, is_one: impl Fn(LocalFaultKind) -> bool) -> Vec<LocalFault> {
        let local = self
            .report
            .detail
            .as_ref()
            .and_then(|detail| detail.local.as_ref());
        let faults = local.map_or(&[][..], |local| &local.faults);
        faults
            .iter()
            .copied()
            .filter(|fault| is_one(fault.kind))
            .collect()
    }

    /// Adds a step for those of `rules` that are faults.
    fn add(&mut self, step: Step, rules: &[&str], proposal: Proposal) {
        let for_these: Vec<&Fault> = rules.iter().filter_map(|rule| self.fault(rule)).collect();
        // Faults are in the order of their prices.
        let in_the_mix = for_these.first().and_then(|fault| self.advice(fault.rule.id));
        let rules = for_these.iter().map(|fault| fault.rule.id.to_owned()).collect();
        let has_been = self.options.already.is_some_and(|recipe| {
            has(recipe, step.kind()) && !matches!(step.kind(), StepKind::Gain | StepKind::Limit)
        });
        let (is_on, remark) = match proposal {
            _ if has_been => (
                false,
                Some("This file is a render that has had this step; what is left is better done in the mix."),
            ),
            Proposal::On => (true, None),
            Proposal::Off(remark) => (false, Some(remark)),
        };
        self.steps.push(PlannedStep {
            step,
            is_on,
            remark: remark.map(str::to_owned),
            in_the_mix,
            rules,
            effects: Vec::new(),
            points: Points::default(),
        });
    }

    /// What is to be done in the mix about a rule, or about the one that covers it.
    fn advice(&self, rule: &str) -> Option<String> {
        let mut findings = self.before.breakdown.findings.iter();
        let says = findings.find(|finding| {
            finding.rule == rule || finding.covers.iter().any(|covered| covered.rule == rule)
        });
        says.map(|finding| finding.action.clone())
    }

    /// Defects, offset, what lies below hearing.
    fn signal_steps(&mut self) {
        if let Some(places) = self.defects() {
            self.add(
                Step::Repair { places },
                &["signal.clicks", "signal.gaps"],
                Proposal::Off("A guess at what was there; listen to each place before and after."),
            );
        }
        if self.fault("signal.offset").is_some()
            && let Some(detail) = &self.report.detail
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
        let is_defect = |kind| {
            matches!(
                kind,
                LocalFaultKind::Click
                    | LocalFaultKind::Gap
                    | LocalFaultKind::HeldValue
                    | LocalFaultKind::Dropout
            )
        };
        let places: Vec<Defect> = self
            .local_faults(is_defect)
            .into_iter()
            .map(|fault| {
                let (start_s, end_s) = match fault.kind {
                    LocalFaultKind::Click => (
                        fault.start_s - CLICK_S.0,
                        fault.end_s.max(fault.start_s) + CLICK_S.1,
                    ),
                    _ => (fault.start_s, fault.end_s),
                };
                Defect {
                    channel: fault.channel,
                    start_s: start_s.max(0.0),
                    end_s,
                }
            })
            .filter(|place| place.end_s - place.start_s <= super::repair::LONGEST_S)
            .take(200)
            .collect();
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

    /// What a rule is expected to cost by itself behind one step.
    fn predicted_price(&self, rule: &str, step: &Step) -> f64 {
        let recipe = self.recipe_with(std::slice::from_ref(step));
        let predicted = predict(self.report, &recipe);
        let after = predicted.judged(self.stage, self.before, &recipe);
        after.price(rule, self.stage)
    }

    fn recipe_with(&self, steps: &[Step]) -> Recipe {
        let mut recipe = Recipe::empty(self.output());
        recipe.steps = steps.to_vec();
        recipe
    }

    /// Polarity, balance, delay, low end, tones, width.
    fn channel_steps(&mut self) {
        if self.report.file.channels == 2 {
            self.polarity();
            if let Some(Operation::Balance { db }) = self.operation("stereo.balance") {
                self.add(Step::Balance { db }, &["stereo.balance"], Proposal::On);
            }
            if let Some(step) = self.delay() {
                let rules = [
                    "stereo.delay",
                    "stereo.mono_loss",
                    "stereo.band_mono_loss",
                    "stereo.phase_time",
                ];
                self.add(step, &rules, Proposal::On);
            }
            if let Some(Operation::MonoBelow { hz }) = self.operation("low_end.width") {
                self.add(Step::LowMono { hz }, &["low_end.width"], Proposal::On);
            }
        }
        for rule in ["signal.hum", "signal.tone"] {
            if let Some(Operation::Notch { hz, harmonics }) = self.operation(rule) {
                // 1.7 Hz wide for the mains; a tone is known to about a hertz, and a music's own tones are further apart.
                let q = (hz / 2.0).clamp(30.0, 500.0);
                self.add(Step::Notch { hz, harmonics, q }, &[rule], Proposal::On);
            }
        }
    }

    fn operation(&self, rule: &str) -> Option<Operation> {
        self.fault(rule)?.operation.clone()
    }

    fn polarity(&mut self) {
        let passages: Vec<Passage> = self
            .local_faults(|kind| kind == LocalFaultKind::InvertedPassage)
            .iter()
            .map(|fault| Passage {
                start_s: fault.start_s,
                end_s: fault.end_s,
            })
            .collect();
        let whole = Step::Polarity {
            channel: 1,
            passages: Vec::new(),
        };
        let stereo = [
            "stereo.inverted",
            "stereo.mono_loss",
            "stereo.band_mono_loss",
            "stereo.phase_time",
            "stereo.wide",
            "low_end.width",
        ];
        if self.fault("stereo.inverted").is_some() && self.is_upside_down() {
            self.add(whole, &stereo, Proposal::On);
        } else if self.fault("signal.inverted_passage").is_some() && !passages.is_empty() {
            let step = Step::Polarity { channel: 1, passages };
            self.add(
                step,
                &[
                    "signal.inverted_passage",
                    "stereo.mono_loss",
                    "stereo.band_mono_loss",
                ],
                Proposal::On,
            );
        }
    }

    /// Whether the bass is in the side, too: what was only widened keeps it in the middle.
    fn is_upside_down(&self) -> bool {
        let Some(detail) = &self.report.detail else {
            return false;
        };
        detail.quality.is_inverted
            || detail
                .stereo
                .as_ref()
                .is_some_and(|stereo| stereo.low_width_db.value().is_none_or(|width| width > 3.0))
    }

    /// One delay for the whole song: the channel that is early waits.
    fn delay(&self) -> Option<Step> {
        self.fault("stereo.delay")?;
        let delays = &self.report.detail.as_ref()?.local.as_ref()?.delays;
        let length = |delay: &ChannelDelay| delay.end_s - delay.start_s;
        let longest = delays.iter().max_by(|a, b| length(a).total_cmp(&length(b)))?;
        let is_same = |delay: &&ChannelDelay| (delay.right_ms - longest.right_ms).abs() < SAME_DELAY_MS;
        let share = delays.iter().filter(is_same).map(length).sum::<f64>() / self.report.file.duration_s;
        (share >= DELAYED_SHARE && delays.iter().all(|delay| is_same(&delay))).then(|| Step::Delay {
            channel: u16::from(longest.right_ms < 0.0),
            ms: longest.right_ms.abs(),
        })
    }

    fn equalise(&mut self) {
        let steps: Vec<Step> = self
            .steps
            .iter()
            .filter(|step| step.is_on)
            .map(|step| step.step.clone())
            .collect();
        for chosen in tone::bands(self.report, self.before, self.stage, &steps, &self.faults) {
            self.add(Step::Equalise(chosen.band), &[chosen.rule], chosen.proposal());
        }
        for band in self.reference_bands() {
            let remark = "Towards the references, within limits; a matter of taste.";
            self.add(Step::Equalise(band), &[], Proposal::Off(remark));
        }
        if self.report.file.channels == 2
            && let Some(Operation::Width { side_db }) = self.operation("stereo.wide")
            && !self
                .steps
                .iter()
                .any(|step| step.step.kind() == StepKind::Polarity)
        {
            self.add(
                Step::Width { side_db },
                &["stereo.wide", "stereo.mono_loss"],
                Proposal::On,
            );
        }
    }

    /// The strongest differences of tone from the references, as many as bands are free.
    fn reference_bands(&self) -> Vec<Band> {
        let bands = self
            .steps
            .iter()
            .filter(|step| step.step.kind() == StepKind::Equalise)
            .count();
        if self.options.references.is_empty() {
            return Vec::new();
        }
        tone::towards(&compare(self.report, self.options.references), MOST_BANDS - bands)
    }

    /// Gain and limiter, where a step or the target needs them.
    fn level_steps(&mut self) {
        let peak = self.report.peaks.true_peak_dbtp.value();
        let eight = self
            .report
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
            let now = self.report.loudness.integrated_lufs.value();
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
                    highest_dbtp: Some(CEILING_DBTP),
                };
                self.add(gain, &[&rules[..], for_level].concat(), Proposal::On);
            }
            Stage::Master => {
                let gain = Step::Gain {
                    db: 0.0,
                    highest_dbtp: None,
                };
                self.add(gain, for_level, Proposal::On);
                if is_too_high || needs_level || peak > CEILING_DBTP {
                    let limit = Step::Limit {
                        ceiling_dbtp: CEILING_DBTP,
                        aim_dbtp: CEILING_DBTP - RESERVE_DB,
                        most_db: self.options.most_limiting_db,
                    };
                    self.add(limit, &rules, Proposal::On);
                }
            }
        }
    }

    fn trim(&mut self) {
        let Some(detail) = &self.report.detail else {
            return;
        };
        let quality = &detail.quality;
        let rules = ["signal.head_silence", "signal.tail_silence"];
        if rules.iter().any(|rule| self.fault(rule).is_some()) {
            let end_s = self.report.file.duration_s;
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

    fn output(&self) -> OutputFormat {
        let container = Container::Wav;
        self.options.output.unwrap_or_else(|| {
            let file = &self.report.file;
            let samples = match file.bits_per_sample {
                _ if file.codec.is_float() => SampleFormat::Float32,
                // What does nothing writes what there was.
                Some(bits) if bits <= 16 && self.steps.iter().all(|step| !step.is_on) && !file.is_lossy() => {
                    SampleFormat::Int16
                }
                _ => SampleFormat::Int24,
            };
            OutputFormat { container, samples }
        })
    }

    fn finish(mut self) -> Plan {
        // Stable: bands keep the order of their worth.
        self.steps.sort_by_key(|step| step.step.kind());
        let output = self.output();
        let mut plan = Plan {
            stage: self.stage,
            target: self.options.target.clone(),
            output,
            steps: self.steps,
            untouched: Vec::new(),
            score_before: self.before.breakdown.score,
            score_predicted: Points::default(),
            effects: Vec::new(),
        };
        plan.expect(self.report, self.before);
        let is_served = |rule: &str| {
            plan.steps
                .iter()
                .any(|step| step.rules.iter().any(|id| id == rule))
        };
        plan.untouched = self
            .before
            .breakdown
            .findings
            .iter()
            .filter(|finding| !is_served(&finding.rule))
            .map(|finding| Untouched {
                rule: finding.rule.clone(),
                title: finding.title.clone(),
                points: finding.points,
                action: finding.action.clone(),
            })
            .collect();
        plan
    }
}
