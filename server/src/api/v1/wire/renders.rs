//! Plans, renders and their proofs. Levels and scores are as on the pages.

use analysis::render::{self, Container, Outcome, RuleProof, SampleFormat, Target, titled};
use backend::renders::{PlanView, RenderSummary, names};
use model::{
    analysis::{AnalysisState, AudioLink},
    paths, plan,
    report::Digest,
    verdict::{Stage, Unit},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Progress, Used, kept_until};

/// What a corrective render of a mix would do.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RenderPlan {
    /// What the mix is judged as.
    stage: Stage,
    /// The loudness that the result would have.
    target: Target,
    /// The file that would be written.
    output: Output,
    /// The score of the mix.
    score_before: f64,
    /// The score that the steps that are on are expected to give.
    score_expected: f64,
    /// The steps in their order, those that are off included.
    steps: Vec<PlannedStep>,
    /// Findings that no step is for.
    untouched: Vec<Untouched>,
    /// The renders of this month.
    renders: Used,
}

/// How a file is written. The sample rate is that of the mix.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    /// The file.
    container: Container,
    /// The samples.
    samples: SampleFormat,
}

/// A step of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PlannedStep {
    /// Names it in the request for a render.
    name: String,
    /// What it does, in words.
    description: String,
    /// Whether it is proposed; every step can be switched.
    is_on: bool,
    /// The figure of it that can be changed, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    /// Why it is not proposed, or what to know before switching it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    /// What is better done in the mix, in place of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_the_mix: Option<String>,
    /// The points that it alone is expected to win.
    points: f64,
    /// What it alone is expected to change.
    effects: Vec<Effect>,
}

/// The figure of a step that can be changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Amount {
    /// Its unit.
    unit: String,
    /// What it is.
    value: f64,
    /// The least that is taken.
    min: f64,
    /// The most that is taken.
    max: f64,
}

/// A rule that is expected to change.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Effect {
    /// Its id.
    rule: String,
    /// What it looks at.
    title: String,
    /// The unit of its values.
    unit: Unit,
    /// Its value now.
    before: f64,
    /// The expected value.
    after: f64,
    /// What becomes of it.
    outcome: Outcome,
}

/// A finding without a step.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Untouched {
    /// Its rule.
    rule: String,
    /// What is wrong.
    title: String,
    /// What it costs, in points.
    points: f64,
    /// What to do about it in the mix.
    action: String,
}

impl RenderPlan {
    pub(crate) fn of(view: PlanView) -> Self {
        let plan = view.plan;
        let names = names(&plan.steps);
        let steps = plan.steps.into_iter().zip(names);
        Self {
            stage: plan.stage,
            target: plan.target,
            output: Output::from(plan.output),
            score_before: plan.score_before.value(),
            score_expected: plan.score_predicted.value(),
            steps: steps
                .map(|(planned, name)| PlannedStep::of(planned, name))
                .collect(),
            untouched: plan.untouched.into_iter().map(Untouched::from).collect(),
            renders: Used::from(view.usage),
        }
    }
}

impl From<render::OutputFormat> for Output {
    fn from(output: render::OutputFormat) -> Self {
        Self {
            container: output.container,
            samples: output.samples,
        }
    }
}

impl PlannedStep {
    fn of(planned: render::PlannedStep, name: String) -> Self {
        Self {
            name,
            description: titled(&planned.step),
            is_on: planned.is_on,
            amount: planned.step.amount().map(|amount| Amount {
                unit: amount.unit.to_owned(),
                value: amount.value,
                min: *amount.range.start(),
                max: *amount.range.end(),
            }),
            remark: planned.remark,
            in_the_mix: planned.in_the_mix,
            points: planned.points.value(),
            effects: planned.effects.into_iter().map(Effect::from).collect(),
        }
    }
}

impl From<render::Effect> for Effect {
    fn from(effect: render::Effect) -> Self {
        Self {
            rule: effect.rule,
            title: effect.title,
            unit: effect.unit,
            before: effect.before,
            after: effect.after,
            outcome: effect.outcome,
        }
    }
}

impl From<render::Untouched> for Untouched {
    fn from(finding: render::Untouched) -> Self {
        Self {
            rule: finding.rule,
            title: finding.title,
            points: finding.points.value(),
            action: finding.action,
        }
    }
}

/// A corrective render of a mix.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Render {
    /// Its id.
    id: String,
    /// The analysis of the mix.
    analysis: String,
    /// The title of the mix.
    title: String,
    /// When it was asked for.
    created_at: String,
    /// Where it stands; `done` and `failed` are final.
    state: AnalysisState,
    /// How far the work has come; left out when the state is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    /// Why there is no file; there when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The file that is written.
    output: Output,
    /// What mix and render are judged as.
    stage: Stage,
    /// The score of the mix.
    score_before: f64,
    /// The score that the plan expected.
    score_expected: f64,
    /// The score of the render; there when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    score_after: Option<f64>,
    /// The size of its file; there when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// Until when its audio is kept, which is as long as that of the mix; left out when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_until: Option<String>,
    /// Its page, for people.
    url: String,
    /// Where its proof is; there when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_url: Option<String>,
    /// Where its file is to be fetched; there when it is done and the audio is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_url: Option<String>,
    /// Where its recipe is.
    recipe_url: String,
}

impl Render {
    pub(crate) fn of(summary: RenderSummary, base_url: &str) -> Self {
        let (state, id) = (summary.progress.state, summary.id);
        let is_done = state == AnalysisState::Done;
        let address = |path: &str| format!("{base_url}{}", path.replace("{id}", &id.to_string()));
        let audio_until = kept_until(summary.audio);
        Self {
            id: id.to_string(),
            analysis: summary.analysis.to_string(),
            title: summary.title,
            created_at: summary.created_at.rfc3339(),
            state,
            progress: (!state.is_final()).then(|| Progress::from(&summary.progress)),
            failure: summary.failure.map(Failure::from),
            output: Output::from(summary.output),
            stage: summary.stage,
            score_before: summary.before.value(),
            score_expected: summary.predicted.value(),
            score_after: summary.after.map(|points| points.value()),
            size_bytes: summary.size_bytes,
            url: address(paths::RENDER),
            proof_url: is_done.then(|| address(paths::API_PROOF)),
            file_url: (is_done && audio_until.is_some()).then(|| address(paths::API_RENDER_FILE)),
            recipe_url: address(paths::API_RECIPE),
            audio_until,
        }
    }
}

/// What a render did, by the rules on both sides.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Proof {
    /// The version of the engine that rendered and measured.
    engine: String,
    /// The version of the rules.
    rule_set: String,
    /// What both files are judged as.
    stage: Stage,
    /// The score of the mix.
    score_before: f64,
    /// The score that the plan expected.
    score_expected: f64,
    /// The score of the render.
    score_after: f64,
    /// Each rule that applies to both.
    rules: Vec<ProvenRule>,
    /// Steps that were taken back, because a rule was worse with them.
    rolled_back: Vec<RolledBack>,
    /// Loudness before and after.
    loudness: LoudnessProof,
    /// The true peak against the ceiling, where the recipe has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    ceiling: Option<CeilingProof>,
    /// What the limiter took off, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    limiter: Option<LimiterProof>,
    /// Digests of the mix and of its report.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Digest>,
    /// Digests of the render and of its report.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Digest>,
}

/// One rule on both sides.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProvenRule {
    /// Its id.
    rule: String,
    /// What it looks at.
    title: String,
    /// The unit of its values.
    unit: Unit,
    /// What became of it.
    outcome: Outcome,
    /// Its value for the mix.
    before: f64,
    /// Its value for the render.
    after: f64,
    /// Whether a step of the recipe is for it.
    is_targeted: bool,
}

/// A step that was taken back.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RolledBack {
    /// The step, in words.
    description: String,
    /// The rule that was worse with it.
    rule: String,
    /// The unit of its values.
    unit: Unit,
    /// Its value for the mix.
    without: f64,
    /// Its value with the step.
    with: f64,
}

/// Integrated loudness.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LoudnessProof {
    /// Of the mix.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_lufs: Option<f64>,
    /// What the target asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted_lufs: Option<f64>,
    /// Of the render.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_lufs: Option<f64>,
    /// What is missing of it, because peaks leave no more room; 0 where it is reached within 0.1.
    shortfall_lu: f64,
}

/// The true peak against the ceiling.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CeilingProof {
    /// What was asked for.
    ceiling_dbtp: f64,
    /// The highest true peak of the written file by detectors at 4, 8 and 16 times the rate.
    true_peak_dbtp: f64,
    /// Whether it holds.
    is_met: bool,
}

/// What the limiter took off.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LimiterProof {
    /// The most.
    most_db: f64,
    /// The share of the time in which it worked, in percent.
    share_percent: f64,
}

impl From<render::Proof> for Proof {
    fn from(proof: render::Proof) -> Self {
        let back = |step: render::RolledBack| RolledBack {
            description: titled(&step.step),
            rule: step.rule,
            unit: step.unit,
            without: step.without,
            with: step.with,
        };
        Self {
            engine: proof.engine,
            rule_set: proof.rule_set,
            stage: proof.stage,
            score_before: proof.before.score.value(),
            score_expected: proof.predicted_score.value(),
            score_after: proof.after.score.value(),
            rules: proof.rules.into_iter().map(ProvenRule::from).collect(),
            rolled_back: proof.rolled_back.into_iter().map(back).collect(),
            loudness: LoudnessProof {
                before_lufs: proof.loudness.before_lufs,
                wanted_lufs: proof.loudness.wanted_lufs,
                after_lufs: proof.loudness.after_lufs,
                shortfall_lu: proof.loudness.shortfall_lu,
            },
            ceiling: proof.ceiling.map(|ceiling| CeilingProof {
                ceiling_dbtp: ceiling.ceiling_dbtp,
                true_peak_dbtp: ceiling.true_peak_dbtp,
                is_met: ceiling.is_met,
            }),
            limiter: proof.limiter.map(|limiter| LimiterProof {
                most_db: limiter.most_db,
                share_percent: limiter.share_percent,
            }),
            source: proof.source,
            result: proof.result,
        }
    }
}

impl From<RuleProof> for ProvenRule {
    fn from(rule: RuleProof) -> Self {
        Self {
            rule: rule.rule,
            title: rule.title,
            unit: rule.unit,
            outcome: rule.outcome,
            before: rule.before,
            after: rule.after,
            is_targeted: rule.is_targeted,
        }
    }
}

/// A signed address, for a few minutes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Link {
    /// Where to GET the file, without a token.
    url: String,
    /// When it opens nothing any more; ask for another one then.
    expires_at: String,
}

impl From<AudioLink> for Link {
    fn from(link: AudioLink) -> Self {
        Self {
            url: link.url,
            expires_at: link.expires_at.rfc3339(),
        }
    }
}

impl From<plan::Usage> for Used {
    fn from(usage: plan::Usage) -> Self {
        Self {
            used: usage.used,
            allowed: usage.allowed,
        }
    }
}
