//! What files are held to, for a check that nobody watches: a budget in TOML, and the gravest finding that is let pass.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use analysis::rules;
use clap::ValueEnum;
use model::verdict::{ScoreBreakdown, Severity, Stage};
use model::{Report, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a file of `--budget` holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Budget {
    /// The least score.
    score: Option<f64>,
    /// Figures of the report, by their place in its JSON.
    figures: BTreeMap<String, Range>,
    /// The most points that a rule may cost, by its id.
    rules: BTreeMap<String, f64>,
}

/// What a figure may be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    min: Option<f64>,
    max: Option<f64>,
}

/// The findings by which a file fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Problems.
    Problem,
    /// Problems and warnings.
    Warning,
    /// Every finding.
    Note,
}

impl FailOn {
    const fn severity(self) -> Severity {
        match self {
            Self::Problem => Severity::Problem,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

/// What files are held to.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) budget: Budget,
    pub(crate) fail_on: Option<FailOn>,
}

/// What of a file is not as it is held to.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Excess {
    /// `score`, the name of a figure, or the id of a rule.
    pub(crate) what: String,
    /// Its value; none where the file has no such figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f64>,
    /// What is allowed, in words.
    pub(crate) allowed: String,
}

impl Budget {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
        let budget: Self = toml::from_str(&text).map_err(|error| format!("{name} is no budget: {error}"))?;
        for (figure, range) in &budget.figures {
            match (range.min, range.max) {
                (None, None) => return Err(format!("{name}: {figure} needs a min, a max, or both")),
                (Some(min), Some(max)) if min > max => {
                    return Err(format!("{name}: the min of {figure} is above its max"));
                }
                _ => {}
            }
        }
        match budget.rules.keys().find(|id| rules::find(id).is_none()) {
            Some(id) => Err(format!("{name}: there is no rule {id}")),
            None => Ok(budget),
        }
    }
}

impl Limits {
    /// Whether files are held to nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Budget {
            score,
            figures,
            rules,
        } = &self.budget;
        self.fail_on.is_none() && score.is_none() && figures.is_empty() && rules.is_empty()
    }

    /// What of a file exceeds them, judged as `stage`, or as what it seems to be.
    pub(crate) fn check(&self, report: &Report, verdict: &Verdict, stage: Option<Stage>) -> Vec<Excess> {
        let breakdown = verdict.by(stage.unwrap_or(verdict.detected.stage));
        let mut found = Vec::new();
        if let Some(least) = self.budget.score
            && breakdown.score.value() < least
        {
            found.push(Excess {
                what: "score".to_owned(),
                value: Some(breakdown.score.value()),
                allowed: format!("at least {least}"),
            });
        }
        let json = serde_json::to_value(report).unwrap_or_default();
        found.extend(
            self.budget
                .figures
                .iter()
                .filter_map(|(name, range)| check_figure(&json, name, *range)),
        );
        found.extend(
            self.budget
                .rules
                .iter()
                .filter_map(|(id, most)| check_rule(breakdown, id, *most)),
        );
        found.extend(self.grave(breakdown));
        found
    }

    fn grave(&self, breakdown: &ScoreBreakdown) -> impl Iterator<Item = Excess> {
        let severity = self.fail_on.map(FailOn::severity);
        breakdown
            .findings
            .iter()
            .filter(move |finding| severity.is_some_and(|least| finding.severity >= least))
            .map(|finding| Excess {
                what: finding.rule.clone(),
                value: Some(finding.points.value()),
                allowed: format!("no finding like \u{201c}{}\u{201d}", finding.title),
            })
    }
}

fn check_rule(breakdown: &ScoreBreakdown, id: &str, most: f64) -> Option<Excess> {
    let points = breakdown.finding(id)?.points.value();
    (points > most).then(|| Excess {
        what: id.to_owned(),
        value: Some(points),
        allowed: format!("at most {most} points"),
    })
}

/// What cannot be looked at is not as it should be.
fn check_figure(report: &Value, name: &str, range: Range) -> Option<Excess> {
    let pointer = format!("/{}", name.replace('.', "/"));
    let found = report.pointer(&pointer);
    let value = found.and_then(|value| value.as_f64().or_else(|| value["value"].as_f64()));
    let is_met = value.is_some_and(|value| {
        range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max)
    });
    let allowed = match (range.min, range.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, max) => format!("at most {}", max.unwrap_or(f64::INFINITY)),
    };
    (!is_met).then(|| Excess {
        what: name.to_owned(),
        value,
        allowed,
    })
}
