//! From findings to steps: the rules say what is wrong and where the edge of the usual is; a plan goes there and no further.
//!
//! Each step changes what the next one meets (rumble hides a lean, a high-pass uncovers it), so that a plan is made group by group,
//! each on what the steps before leave: as it is predicted ([`plan`]), or as it is on the very file ([`plan_on`]).

mod faults;
mod planner;
mod tone;

use std::fs::File;
use std::io::{Seek, SeekFrom};

use model::Report;
use model::verdict::{Points, Stage, Unit};
use serde::{Deserialize, Serialize};

use super::pass;
use super::predict::predict;
use super::proof::{Judged, Outcome, RuleProof, rule_proofs};
use super::recipe::{
    Container, Dither, Levels, OutputFormat, RECIPE_VERSION, Recipe, SampleFormat, Step, Target,
};
use crate::{AnalysisOptions, Error, measure};
use planner::Planner;

/// The most that a limiter takes off unless more is asked for, in dB.
const MOST_LIMITING_DB: f64 = 3.0;
/// The ceiling of masters unless another is asked for, in dBTP.
const CEILING_DBTP: f64 = -1.0;

/// What is asked of a plan.
#[derive(Debug, Clone)]
pub struct PlanOptions<'a> {
    /// What the file is judged as; `None` for what it seems to be.
    pub stage: Option<Stage>,
    /// The loudness that the result has.
    pub target: Target,
    /// The file that is written.
    pub container: Container,
    /// Its samples; `None` for those of the source, 24 bits at least where anything is changed.
    pub samples: Option<SampleFormat>,
    /// Reports of references whose tone is approached, within limits.
    pub references: &'a [&'a Report],
    /// The most that the limiter may take off, in dB.
    pub most_limiting_db: f64,
    /// What true peaks of the result stay below, in dBTP.
    pub ceiling_dbtp: f64,
    /// The recipe by which the source itself was rendered, where it says so: a render does not go on where one has ended.
    pub already: Option<&'a Recipe>,
}

impl Default for PlanOptions<'_> {
    /// The file decides, its loudness stays, its depth too, no references, 3 dB of limiting below −1 dBTP.
    fn default() -> Self {
        Self {
            stage: None,
            target: Target::KeepLoudness,
            container: Container::Wav,
            samples: None,
            references: &[],
            most_limiting_db: MOST_LIMITING_DB,
            ceiling_dbtp: CEILING_DBTP,
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
    /// Switches each step as `is_on` says, and predicts again what is expected. `report` is that of the source.
    pub fn switch(&mut self, report: &Report, is_on: impl Fn(&PlannedStep) -> bool) {
        for step in &mut self.steps {
            step.is_on = is_on(step);
        }
        self.expect(report, &Judged::source(report, self.stage));
    }

    /// What the steps that are on are expected to do, and each alone.
    fn expect(&mut self, report: &Report, before: &Judged<'_>) {
        let recipe = self.recipe();
        let predicted = predict(report, &recipe);
        self.say_expected(before, &predicted.judged(self.stage, before, &recipe));
        self.set_gain(predicted.gain_db);
        for planned in &mut self.steps {
            let alone = Recipe {
                levels: Levels::AsWritten,
                steps: vec![planned.step.clone()],
                ..recipe.clone()
            };
            let predicted = predict(report, &alone);
            let after = predicted.judged(self.stage, before, &alone);
            planned.effects = effects(before, &after, self.stage);
            planned.points = after.breakdown.score - before.breakdown.score;
        }
    }

    fn say_expected(&mut self, before: &Judged<'_>, after: &Judged<'_>) {
        self.effects = effects(before, after, self.stage);
        self.score_predicted = after.breakdown.score;
    }

    fn set_gain(&mut self, gain_db: f64) {
        for planned in &mut self.steps {
            if let Step::Gain { db, .. } = &mut planned.step {
                *db = (gain_db * 100.0).round() / 100.0;
            }
        }
    }
}

/// The rules that are not as before.
fn effects(before: &Judged<'_>, after: &Judged<'_>, stage: Stage) -> Vec<Effect> {
    let proofs = rule_proofs(before, after, stage, &[]);
    let changed = proofs
        .into_iter()
        .filter(|proof| proof.outcome != Outcome::Unchanged);
    changed.map(Effect::from).collect()
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

/// The plan for a file of this report, from the report alone.
#[must_use]
pub fn plan(report: &Report, options: &PlanOptions<'_>) -> Plan {
    let behind = |steps: &[Step]| -> Result<Report, std::convert::Infallible> {
        Ok(predict(report, &as_written(steps)).report)
    };
    let Ok(plan) = Planner::new(report, options).plan(behind);
    plan
}

/// The same with the chain simulated stage by stage on the very file: `scratch` is overwritten with what each group of steps
/// leaves, and measured. Slower by a pass over the file for each group that has steps, and exact where [`plan`] estimates.
///
/// # Errors
/// As [`measure`](crate::measure()).
pub fn plan_on(
    source: &File,
    report: &Report,
    options: &PlanOptions<'_>,
    scratch: &File,
) -> Result<Plan, Error> {
    Planner::new(report, options).plan(|steps| {
        let limits = AnalysisOptions::default();
        pass::write(
            source,
            &as_written(steps),
            0,
            limits.max_duration,
            None,
            scratch,
            &mut |_| {},
        )?;
        let mut file = scratch.try_clone().map_err(Error::Io)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
        let mut behind = measure(file, &limits, &mut |_| {})?;
        // What the source was delivered as is no business of the scratch.
        behind.file = model::report::FileInfo {
            frames: behind.file.frames,
            duration_s: behind.file.duration_s,
            ..report.file.clone()
        };
        Ok(behind)
    })
}

/// These steps and nothing else, in floating point.
fn as_written(steps: &[Step]) -> Recipe {
    Recipe {
        levels: Levels::AsWritten,
        steps: steps.to_vec(),
        ..Recipe::empty(OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Float32,
        })
    }
}
