//! What the corrective render makes of a file with a fault, held against what it promises: by `make bench-render`, and by tests.

use std::fs::File;

use model::Report;
use model::verdict::Stage;

use crate::render::{
    Outcome, Plan, PlanOptions, Proof, RenderError, RenderOptions, RuleProof, Step, plan, plan_on, render,
};

/// Points that another rule may cost more than before.
pub const WORSE_POINTS: f64 = 0.5;
/// Points that a prediction may be off.
pub const NEAR_POINTS: f64 = 1.0;

/// Who makes the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// From the report alone, as the page does.
    FromReport,
    /// Stage by stage on the very file, as the command line does.
    OnFile,
}

/// A render, with its plan.
#[derive(Debug, Clone)]
pub struct Correction {
    /// With the steps switched on that it leaves to the person.
    pub planned: Plan,
    /// What became of it.
    pub proof: Proof,
}

/// Plans for `source`, which has this report, as a file of `stage`, switches on what the plan leaves to the person, and renders to
/// `output`.
///
/// # Errors
/// As [`render`].
pub fn corrected(
    source: &File,
    report: Report,
    stage: Stage,
    who: Planned,
    output: &File,
) -> Result<Correction, RenderError> {
    let options = PlanOptions {
        stage: Some(stage),
        ..PlanOptions::default()
    };
    let mut planned = match who {
        Planned::FromReport => plan(&report, &options),
        Planned::OnFile => plan_on(source, &report, &options, output)?,
    };
    let is_left_out = |step: &Step, is_on: bool| !is_on && is_for_a_person(step);
    if planned
        .steps
        .iter()
        .any(|step| is_left_out(&step.step, step.is_on))
    {
        planned.switch(&report, |step| step.is_on || is_for_a_person(&step.step));
    }
    let options = RenderOptions {
        stage: Some(stage),
        report: Some(report),
        expected_score: Some(planned.score_predicted),
        ..RenderOptions::default()
    };
    let proof = render(source, &planned.recipe(), &options, output, &mut |_| {})?;
    Ok(Correction { planned, proof })
}

/// Whether a plan leaves a step to the person because it guesses, raises noise or changes the length, and not because it may harm.
fn is_for_a_person(step: &Step) -> bool {
    match step {
        Step::Repair { .. } | Step::Trim(_) => true,
        Step::Equalise(band) => band.db > 0.0,
        _ => false,
    }
}

impl Correction {
    /// The findings that a step was for which is on, and that the plan expected to be better, with what became of them. A step that was
    /// taken back counts, too.
    pub fn targeted(&self) -> impl Iterator<Item = &RuleProof> {
        let is_for = |rule: &str| {
            let on = self.planned.steps.iter().filter(|step| step.is_on);
            on.flat_map(|step| &step.rules).any(|id| id == rule)
        };
        let is_expected = |rule: &str| {
            let effect = self.planned.effects.iter().find(|effect| effect.rule == rule);
            effect.is_some_and(|effect| matches!(effect.outcome, Outcome::Fixed | Outcome::Improved))
        };
        let rules = self.proof.rules.iter().filter(|rule| rule.price_before > 0.0);
        rules.filter(move |rule| is_for(&rule.rule) && is_expected(&rule.rule))
    }

    /// Those of [`Self::targeted`] that are no better.
    pub fn missed(&self) -> impl Iterator<Item = &RuleProof> {
        self.targeted()
            .filter(|rule| matches!(rule.outcome, Outcome::Unchanged | Outcome::Worse))
    }

    /// The rules that cost more than before, by more than [`WORSE_POINTS`].
    pub fn worse(&self) -> impl Iterator<Item = &RuleProof> {
        let rules = self.proof.rules.iter();
        rules.filter(|rule| rule.price_after > rule.price_before + WORSE_POINTS)
    }

    /// How many points the predicted score was off.
    #[must_use]
    pub fn off(&self) -> f64 {
        (self.proof.after.score - self.proof.predicted_score)
            .value()
            .abs()
    }

    /// What the render won, in points.
    #[must_use]
    pub fn won(&self) -> f64 {
        (self.proof.after.score - self.proof.before.score).value()
    }
}
