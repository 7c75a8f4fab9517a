//! Makes a plan group by group.

mod channels;
mod level;
mod signal;

use model::Report;
use model::report::{LocalFault, LocalFaultKind};
use model::verdict::{Operation, Points, ScoreBreakdown, Stage};

use super::faults::{self, Fault};
use super::{Plan, PlanOptions, PlannedStep, Untouched, as_written, tone};
use crate::comparison::compare;
use crate::render::design::Band;
use crate::render::predict::{Prediction, has, predict};
use crate::render::proof::Judged;
use crate::render::recipe::{
    Container, Levels, MOST_BANDS, OutputFormat, Recipe, SampleFormat, Step, StepKind, Target,
};
use crate::render::run::{WORSE_POINTS, is_for_level, only_uncovers};
use crate::rules::judge;

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

/// What the rules are expected to say.
struct Outlook {
    /// What each costs by itself.
    prices: Vec<f64>,
    score: Points,
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
        self.leave_out_what_harms(behind)?;
        Ok(self.finish())
    }

    /// Switches off, one after the other, the steps by which a rule is expected to become worse, as a render would take them back. A
    /// loudness that was asked for is no fault of gain and limiter.
    fn leave_out_what_harms<E>(
        &mut self,
        mut behind: impl FnMut(&[Step]) -> Result<Report, E>,
    ) -> Result<(), E> {
        let before = Judged::source(self.source, self.stage);
        let prices = before.prices(self.stage);
        let is_asked_for = self.options.target.lufs().is_some();
        loop {
            let chosen = self.chosen();
            let outlook = self.outlook(&self.now, &chosen, &before);
            let increases = outlook
                .prices
                .iter()
                .zip(&prices)
                .map(|(after, before)| after - before);
            let worst = increases.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
            let Some((rule, increase)) = worst else {
                return Ok(());
            };
            let is_lower = outlook.score < before.breakdown.score;
            if increase <= if is_lower { 0.0 } else { WORSE_POINTS } {
                return Ok(());
            }
            let mut best: Option<(usize, Outlook, Report)> = None;
            for (index, step) in chosen.iter().enumerate() {
                if (is_asked_for && is_for_level(step)) || only_uncovers(step, before.measures[rule].0.id) {
                    continue;
                }
                let mut rest = chosen.clone();
                rest.remove(index);
                let mut sound: Vec<Step> = rest
                    .iter()
                    .filter(|step| step.kind() < StepKind::Gain)
                    .cloned()
                    .collect();
                sound.sort_by_key(Step::kind);
                let now = if step.kind() < StepKind::Gain {
                    behind(&sound)?
                } else {
                    self.now.clone()
                };
                let next = self.outlook(&now, &rest, &before);
                let is_better = best.as_ref().is_none_or(|(_, best, _)| {
                    (next.prices[rule], best.score) < (best.prices[rule], next.score)
                });
                if is_better {
                    best = Some((index, next, now));
                }
            }
            // Where no step is to blame alone, the render finds out.
            let Some((index, next, now)) = best else {
                return Ok(());
            };
            if next.prices[rule] >= outlook.prices[rule] {
                return Ok(());
            }
            let title = before.measures[rule].0.title;
            if let Some(step) = self.steps.iter_mut().filter(|step| step.is_on).nth(index) {
                step.is_on = false;
                step.remark = Some(format!("It would make another finding worse: {title}."));
            }
            self.now = now;
        }
    }

    /// What the rules are expected to say where `now` is the report behind those of `steps` that come before the level.
    fn outlook(&self, now: &Report, steps: &[Step], before: &Judged<'_>) -> Outlook {
        let recipe = Recipe {
            target: self.options.target.clone(),
            levels: Levels::Adjusted,
            ..as_written(steps)
        };
        let predicted = Self::predicted_level(self.source, now, &recipe);
        let judged = predicted.judged(self.stage, before, &recipe);
        Outlook {
            prices: judged.prices(self.stage),
            score: judged.breakdown.score,
        }
    }

    /// What the steps of `recipe` for level and ends leave of `now`.
    fn predicted_level(source: &Report, now: &Report, recipe: &Recipe) -> Prediction {
        let mut rest = recipe.clone();
        rest.steps.retain(|step| step.kind() >= StepKind::Gain);
        if let (None, Some(lufs)) = (rest.target.lufs(), source.loudness.integrated_lufs.value()) {
            rest.target = Target::Level { lufs };
        }
        predict(now, &rest)
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

    fn operation(&self, rule: &str) -> Option<Operation> {
        self.fault(rule)?.operation.clone()
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
        let predicted = Self::predicted_level(self.source, &self.now, &recipe);
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
