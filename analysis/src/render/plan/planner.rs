//! Makes a plan group by group.

use model::Report;
use model::report::{ChannelDelay, LocalFault, LocalFaultKind};
use model::verdict::{Operation, Points, ScoreBreakdown, Stage};

use super::faults::{self, Fault};
use super::{Plan, PlanOptions, PlannedStep, Untouched, as_written, tone};
use crate::comparison::compare;
use crate::render::design::Band;
use crate::render::predict::{has, predict};
use crate::render::proof::Judged;
use crate::render::recipe::{
    Container, Defect, MOST_BANDS, OutputFormat, Passage, SampleFormat, Step, StepKind, Target,
};
use crate::rules::judge;

/// The ceiling of masters, in dBTP.
const CEILING_DBTP: f64 = -1.0;
/// What a limiter aims at below its ceiling at first, in dB.
const RESERVE_DB: f64 = 0.03;
/// What is kept of silence before the first sound and behind the last one, in seconds.
const KEPT_HEAD_S: f64 = 0.2;
const KEPT_TAIL_S: f64 = 1.0;
/// A click is filled from so long before its place to so long behind, in seconds.
const CLICK_S: (f64, f64) = (0.0003, 0.001);
/// Delays of passages that differ by less are one, in ms.
const SAME_DELAY_MS: f64 = 0.05;
/// The share of the song that has a delay, from which on all of it has.
const DELAYED_SHARE: f64 = 0.5;

/// Makes a plan.
pub(super) struct Planner<'a> {
    source: &'a Report,
    stage: Stage,
    options: &'a PlanOptions<'a>,
    /// The report behind the steps so far.
    now: Report,
    /// What the rules say of it.
    breakdown: ScoreBreakdown,
    faults: Vec<Fault>,
    steps: Vec<PlannedStep>,
}

/// Whether a step is proposed.
pub(super) enum Proposal {
    On,
    Off(&'static str),
}

impl<'a> Planner<'a> {
    pub(super) fn new(source: &'a Report, options: &'a PlanOptions<'a>) -> Self {
        let stage = options.stage.unwrap_or_else(|| judge(source).detected.stage);
        let judged = Judged::source(source, stage);
        Self {
            faults: faults::faults(source, &judged, stage),
            breakdown: judged.breakdown,
            now: source.clone(),
            source,
            stage,
            options,
            steps: Vec::new(),
        }
    }

    /// The plan; `behind` says what the report is behind some steps.
    pub(super) fn plan<E>(mut self, mut behind: impl FnMut(&[Step]) -> Result<Report, E>) -> Result<Plan, E> {
        let groups = [
            Self::signal_steps,
            Self::align,
            Self::balance,
            Self::low_end_and_tones,
            Self::equalise,
            Self::width,
        ];
        for group in groups {
            let known = self.steps.len();
            group(&mut self);
            if self.steps[known..].iter().any(|step| step.is_on) {
                let mut steps: Vec<Step> = self.chosen();
                steps.sort_by_key(Step::kind);
                self.now = behind(&steps)?;
                let judged = Judged::source(&self.now, self.stage);
                self.faults = faults::faults(&self.now, &judged, self.stage);
                self.breakdown = judged.breakdown;
            }
        }
        self.level_steps();
        self.trim();
        Ok(self.finish())
    }

    /// The steps that are on.
    fn chosen(&self) -> Vec<Step> {
        let on = self.steps.iter().filter(|step| step.is_on);
        on.map(|step| step.step.clone()).collect()
    }

    fn fault(&self, rule: &str) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.rule.id == rule)
    }

    fn local_faults(&self, is_one: impl Fn(LocalFaultKind) -> bool) -> Vec<LocalFault> {
        let local = self.now.detail.as_ref().and_then(|detail| detail.local.as_ref());
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
        let mut findings = self.breakdown.findings.iter();
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
            .filter(|place| place.end_s - place.start_s <= crate::render::repair::LONGEST_S)
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

    /// What a rule is expected to cost by itself behind one more step.
    fn predicted_price(&self, rule: &str, step: &Step) -> f64 {
        let recipe = as_written(std::slice::from_ref(step));
        let predicted = predict(&self.now, &recipe);
        let judged = Judged::source(&self.now, self.stage);
        predicted
            .judged(self.stage, &judged, &recipe)
            .price(rule, self.stage)
    }

    /// Delay and polarity: a delay is found where the channels agree, so that none of them is upside down.
    fn align(&mut self) {
        if self.now.file.channels != 2 {
            return;
        }
        if let Some(step) = self.delay() {
            let rules = [
                "stereo.delay",
                "stereo.mono_loss",
                "stereo.band_mono_loss",
                "stereo.phase_time",
            ];
            self.add(step, &rules, Proposal::On);
        } else {
            self.polarity();
        }
    }

    fn balance(&mut self) {
        if let Some(Operation::Balance { db }) = self.operation("stereo.balance") {
            self.add(Step::Balance { db }, &["stereo.balance"], Proposal::On);
        }
    }

    fn low_end_and_tones(&mut self) {
        if let Some(Operation::MonoBelow { hz }) = self.operation("low_end.width") {
            self.add(Step::LowMono { hz }, &["low_end.width"], Proposal::On);
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
        let Some(detail) = &self.now.detail else {
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
        let delays = &self.now.detail.as_ref()?.local.as_ref()?.delays;
        let length = |delay: &ChannelDelay| delay.end_s - delay.start_s;
        let longest = delays.iter().max_by(|a, b| length(a).total_cmp(&length(b)))?;
        let is_same = |delay: &&ChannelDelay| (delay.right_ms - longest.right_ms).abs() < SAME_DELAY_MS;
        let share = delays.iter().filter(is_same).map(length).sum::<f64>() / self.now.file.duration_s;
        (share >= DELAYED_SHARE && delays.iter().all(|delay| is_same(&delay))).then(|| Step::Delay {
            channel: u16::from(longest.right_ms < 0.0),
            ms: longest.right_ms.abs(),
        })
    }

    fn equalise(&mut self) {
        let judged = Judged::source(&self.now, self.stage);
        let bands = tone::bands(&self.now, &judged, self.stage, &self.faults);
        for chosen in bands {
            self.add(Step::Equalise(chosen.band), &[chosen.rule], chosen.proposal());
        }
        for band in self.reference_bands() {
            let remark = "Towards the references, within limits; a matter of taste.";
            self.add(Step::Equalise(band), &[], Proposal::Off(remark));
        }
    }

    fn width(&mut self) {
        let is_turned = self
            .steps
            .iter()
            .any(|step| step.step.kind() == StepKind::Polarity);
        if let Some(Operation::Width { side_db }) = self.operation("stereo.wide")
            && !is_turned
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
        tone::towards(&compare(&self.now, self.options.references), MOST_BANDS - bands)
    }

    /// Gain and limiter, where a step or the target needs them.
    fn level_steps(&mut self) {
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

    fn output(&self) -> OutputFormat {
        let container = self.options.container;
        let samples = self.options.samples.unwrap_or_else(|| {
            let file = &self.source.file;
            let is_untouched = self.steps.iter().all(|step| !step.is_on);
            match file.bits_per_sample {
                _ if file.codec.is_float() && container == Container::Wav => SampleFormat::Float32,
                // What does nothing writes what there was.
                Some(bits) if bits <= 16 && is_untouched && !file.is_lossy() => SampleFormat::Int16,
                _ => SampleFormat::Int24,
            }
        });
        OutputFormat { container, samples }
    }

    fn finish(mut self) -> Plan {
        // Stable: bands keep the order of their worth.
        self.steps.sort_by_key(|step| step.step.kind());
        let before = Judged::source(self.source, self.stage);
        let mut plan = Plan {
            stage: self.stage,
            target: self.options.target.clone(),
            output: self.output(),
            steps: self.steps,
            untouched: Vec::new(),
            score_before: before.breakdown.score,
            score_predicted: Points::default(),
            effects: Vec::new(),
        };
        plan.expect(self.source, &before);
        // Better than from the source's report: what the steps leave is known, but for level and ends.
        let recipe = plan.recipe();
        let mut rest = recipe.clone();
        rest.steps.retain(|step| step.kind() >= StepKind::Gain);
        if let (None, Some(lufs)) = (rest.target.lufs(), self.source.loudness.integrated_lufs.value()) {
            rest.target = Target::Level { lufs };
        }
        let predicted = predict(&self.now, &rest);
        plan.set_gain(predicted.gain_db);
        plan.say_expected(&before, &predicted.judged(self.stage, &before, &recipe));
        let is_served = |rule: &str| {
            plan.steps
                .iter()
                .any(|step| step.rules.iter().any(|id| id == rule))
        };
        let unserved = before
            .breakdown
            .findings
            .iter()
            .filter(|finding| !is_served(&finding.rule));
        plan.untouched = unserved
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
