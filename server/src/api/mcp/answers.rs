//! What the tools answer: the part of a report that an assistant needs next, in words and figures, with addresses for the rest. Each
//! answer stays under 2,000 tokens, so that lists are short and say how much they leave out.

use backend::renders::RenderView;
use model::{
    AnalysisId, Verdict,
    analysis::{AnalysisPage, AnalysisState, AnalysisView},
    comparison::{Figure, TrackComparison},
    paths,
    text::clock_tenths,
    verdict::{Class, Finding, Operation, PassedCheck, Severity, Stage, TimeRange},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::v1::wire;

/// The most findings of a verdict, the most steps of a plan, and so on.
const MOST_ROWS: usize = 10;

/// The most places of a finding among others.
const PLACES_IN_A_LIST: usize = 3;

/// The most places of the one finding that is explained.
const PLACES_ALONE: usize = 20;

/// A page of the history.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AnalysisList {
    /// The analyses.
    analyses: Vec<AnalysisRow>,
    /// The argument `after` of the next page; left out on the last one. Where something is looked for, a page without analyses may
    /// have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The page of an analysis for people, with its id in place of {id}.
    page_url: String,
}

/// An analysis in one line.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AnalysisRow {
    id: String,
    title: String,
    state: AnalysisState,
    /// The score, 0 to 100; there for a mix that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<f64>,
    /// What the score is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    /// The day of the upload, in UTC.
    day: String,
}

impl AnalysisList {
    pub(super) fn of(page: AnalysisPage, base_url: &str) -> Self {
        let row = |summary: model::analysis::AnalysisSummary| AnalysisRow {
            id: summary.id.to_string(),
            title: summary.title,
            state: summary.progress.state,
            points: summary.score.as_ref().map(|score| score.points.value()),
            stage: summary.score.map(|score| score.stage),
            day: summary.created_at.rfc3339().chars().take(10).collect(),
        };
        Self {
            analyses: page.rows.into_iter().map(row).collect(),
            next: page.next,
            page_url: format!("{base_url}{}", paths::ANALYSIS),
        }
    }
}

/// What is wrong with a mix, worst first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VerdictAnswer {
    title: String,
    /// What it is judged as.
    stage: Stage,
    /// 100 less what the findings cost.
    points: f64,
    /// How it stands, in one sentence.
    sentence: String,
    /// What costs points, worst first.
    findings: Vec<FindingRow>,
    /// How many findings are left out here, all of which cost less.
    more_findings: usize,
    /// What is better than usual.
    strengths: Vec<String>,
    /// The version of the rules.
    rule_set: String,
    /// The report for people.
    url: String,
}

/// A finding among others.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FindingRow {
    /// Its rule, by which explain_finding knows it.
    rule: String,
    title: String,
    severity: Severity,
    /// What it costs.
    points: f64,
    /// What was measured, with the unit.
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    /// The values that would cost nothing.
    usual: String,
    /// The worst places; none where it is everywhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Place>,
    /// What to do.
    action: String,
}

/// A stretch of the song.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Place {
    /// Minutes and seconds, as a player shows them.
    at: String,
    start_s: f64,
    end_s: f64,
    /// Counted from 0, where it is one channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u16>,
}

impl Place {
    fn first(ranges: &[TimeRange], most: usize) -> Vec<Self> {
        let place = |range: &TimeRange| Self {
            at: clock_tenths(range.start_s),
            start_s: thousandths(range.start_s),
            end_s: thousandths(range.end_s),
            channel: range.channel,
        };
        ranges.iter().take(most).map(place).collect()
    }
}

fn thousandths(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            points: finding.points.value(),
            value: finding.display_value(),
            usual: finding.range.display(finding.unit),
            places: Place::first(&finding.time_ranges, PLACES_IN_A_LIST),
            action: finding.action.clone(),
        }
    }
}

impl VerdictAnswer {
    pub(super) fn of(view: &AnalysisView, stage: Stage, verdict: &Verdict, base_url: &str) -> Self {
        let breakdown = verdict.by(stage);
        let findings = &breakdown.findings;
        let worth_saying = findings
            .iter()
            .filter(|finding| finding.points >= Finding::WORTH_SAYING);
        let rows: Vec<FindingRow> = worth_saying.take(MOST_ROWS).map(FindingRow::from).collect();
        Self {
            title: view.summary.title.clone(),
            stage,
            points: breakdown.score.value(),
            sentence: breakdown.sentence(stage),
            more_findings: findings.len() - rows.len(),
            findings: rows,
            strengths: breakdown.strengths().map(str::to_owned).collect(),
            rule_set: verdict.rule_set.clone(),
            url: page_of(base_url, view.summary.id),
        }
    }
}

/// What one rule saw, and why it matters.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explanation {
    rule: String,
    title: String,
    /// Whether it costs nothing.
    is_as_it_should_be: bool,
    /// What was measured, with the unit.
    value: String,
    /// The values that cost nothing.
    usual: String,
    /// There where it costs points.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<ExplainedFinding>,
    /// What the rule looks at, its ranges and where they come from, for people.
    rule_url: String,
    /// The report for people.
    url: String,
}

/// A finding alone.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ExplainedFinding {
    /// What it costs.
    points: f64,
    severity: Severity,
    /// Wrong by anybody's measure, a risk, or taste.
    class: Class,
    /// Why it matters.
    why: String,
    /// What to do.
    action: String,
    /// What a machine could do about it; plan_render says what that would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    /// Where the range comes from.
    source: String,
    /// Where it happens, worst first; none where it is everywhere.
    places: Vec<Place>,
    /// How many places are left out here.
    more_places: usize,
    /// Other findings that say the same once more, and cost nothing of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    covers: Vec<String>,
}

impl Explanation {
    pub(super) fn of_finding(finding: &Finding, analysis: AnalysisId, base_url: &str) -> Self {
        let places = Place::first(&finding.time_ranges, PLACES_ALONE);
        Self {
            rule: finding.rule.clone(),
            title: finding.title.clone(),
            is_as_it_should_be: false,
            value: finding.display_value(),
            usual: finding.range.display(finding.unit),
            finding: Some(ExplainedFinding {
                points: finding.points.value(),
                severity: finding.severity,
                class: finding.class,
                why: finding.why.clone(),
                action: finding.action.clone(),
                operation: finding.step.as_ref().map(|step| step.operation.clone()),
                source: finding.source.clone(),
                more_places: finding.time_ranges.len() - places.len(),
                places,
                covers: finding
                    .covers
                    .iter()
                    .map(|covered| covered.title.clone())
                    .collect(),
            }),
            rule_url: rule_page(base_url, &finding.rule),
            url: page_of(base_url, analysis),
        }
    }

    pub(super) fn of_passed(passed: &PassedCheck, analysis: AnalysisId, base_url: &str) -> Self {
        Self {
            rule: passed.rule.clone(),
            title: passed.title.clone(),
            is_as_it_should_be: true,
            value: passed.unit.display(passed.value),
            usual: passed.range.display(passed.unit),
            finding: None,
            rule_url: rule_page(base_url, &passed.rule),
            url: page_of(base_url, analysis),
        }
    }
}

/// A mix beside other tracks, all as loud as the mix.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ComparisonAnswer {
    /// What came of it, in one sentence.
    sentence: String,
    /// With what, in the order of the values below.
    with: Vec<ComparedRow>,
    /// What stands out, gravest first, in words.
    differences: Vec<String>,
    /// Figures of the whole.
    figures: Vec<FigureRow>,
}

/// A track that the mix is compared with.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ComparedRow {
    id: String,
    title: String,
}

/// One figure on both sides.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FigureRow {
    name: &'static str,
    /// Of the mix, with the unit.
    mix: String,
    /// Of each other track.
    each: Vec<String>,
}

impl From<TrackComparison> for ComparisonAnswer {
    fn from(compared: TrackComparison) -> Self {
        let comparison = compared.comparison;
        let shown = |figure: Figure, value: Option<f64>| {
            value.map_or_else(|| "none".to_owned(), |value| figure.unit().display(value))
        };
        let figure = |delta: &model::comparison::FigureDelta| FigureRow {
            name: delta.measure.name(),
            mix: shown(delta.measure, delta.value.mix),
            each: delta
                .value
                .each
                .iter()
                .map(|value| shown(delta.measure, *value))
                .collect(),
        };
        Self {
            sentence: comparison.sentence(),
            with: compared
                .with
                .into_iter()
                .map(|track| ComparedRow {
                    id: track.id.to_string(),
                    title: track.title,
                })
                .collect(),
            differences: comparison
                .differences
                .iter()
                .take(MOST_ROWS)
                .map(model::comparison::Difference::sentence)
                .collect(),
            figures: comparison.measures.iter().map(figure).collect(),
        }
    }
}

/// What a corrective render would do; nothing is rendered.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanAnswer {
    /// What the mix is judged as.
    stage: Stage,
    /// The score of the mix.
    points_before: f64,
    /// The score that the steps that are on are expected to give.
    points_expected: f64,
    /// The steps in their order, those that are off included.
    steps: Vec<StepRow>,
    /// Findings that no step is for, with what to do about them in the mix.
    untouched: Vec<String>,
    /// The page where a person switches steps and listens.
    url: String,
}

/// A step of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StepRow {
    /// By which start_render knows it.
    name: String,
    /// What it does.
    description: String,
    is_on: bool,
    /// The points that it alone is expected to win.
    points: f64,
    /// Its figure that can be changed, with the least and the most that is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    /// What is better done in the mix, in place of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_the_mix: Option<String>,
}

impl PlanAnswer {
    pub(super) fn of(view: backend::renders::PlanView, analysis: AnalysisId, base_url: &str) -> Self {
        let plan = view.plan;
        let names = backend::renders::names(&plan.steps);
        let step = |(planned, name): (analysis::render::PlannedStep, String)| StepRow {
            name,
            description: analysis::render::titled(&planned.step),
            is_on: planned.is_on,
            points: planned.points.value(),
            amount: planned.step.amount().map(|amount| {
                let (least, most) = (amount.range.start(), amount.range.end());
                format!("{} {}, from {least} to {most}", amount.value, amount.unit)
            }),
            in_the_mix: planned.in_the_mix,
        };
        let untouched = plan.untouched.iter().take(MOST_ROWS);
        Self {
            stage: plan.stage,
            points_before: plan.score_before.value(),
            points_expected: plan.score_predicted.value(),
            untouched: untouched
                .map(|finding| {
                    let points = finding.points.display();
                    format!("{} ({points}): {}", finding.title, finding.action)
                })
                .collect(),
            steps: plan.steps.into_iter().zip(names).map(step).collect(),
            url: format!("{base_url}{}", paths::plan(analysis)),
        }
    }
}

/// A corrective render, with what it did where it is done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RenderAnswer {
    #[serde(flatten)]
    render: wire::Render,
    /// The rules whose values changed, in words; there when it is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<String>,
}

impl RenderAnswer {
    pub(super) fn of(view: RenderView, base_url: &str) -> Self {
        let rules = view.proof.iter().flat_map(|proof| &proof.rules);
        let changed = rules
            .filter(|rule| rule.outcome != analysis::render::Outcome::Unchanged)
            .take(MOST_ROWS)
            .map(|rule| {
                let (before, after) = (rule.unit.display(rule.before), rule.unit.display(rule.after));
                format!(
                    "{} is {}: {before} before, {after} after",
                    rule.title,
                    rule.outcome.as_str()
                )
            });
        Self {
            changed: changed.collect(),
            render: wire::Render::of(view.summary, base_url),
        }
    }
}

fn page_of(base_url: &str, analysis: AnalysisId) -> String {
    format!("{base_url}{}", paths::analysis(analysis))
}

fn rule_page(base_url: &str, rule: &str) -> String {
    format!("{base_url}{}#{}", paths::RULES, analysis::rules::anchor(rule))
}
