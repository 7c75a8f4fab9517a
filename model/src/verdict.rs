//! What a rule set says of a report: findings, points and strengths, for a mix and for a master.
//!
//! A verdict is complete in itself: titles, ranges and reasons are kept as they were said, so that an old one reads the
//! same after the rules have changed.

mod comparison;
mod finding;
mod points;
mod unit;

use serde::{Deserialize, Serialize};

pub use comparison::{Change, ChangeKind, VersionComparison};
pub use finding::{
    CorrectiveStep, CoveredFinding, Finding, Operation, PassedCheck, Range, ShelfSide, TimeRange,
};
pub use points::Points;
pub use unit::Unit;

crate::text_enum! {
    /// What the file is meant to be, and so which ranges apply.
    pub enum Stage {
        /// Before mastering: headroom and an unlimited sum are wanted.
        Mix = "mix",
        /// After mastering: ready to be released.
        Master = "master",
    }
}

impl Stage {
    /// As people read it, at the beginning of a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mix => "Mix",
            Self::Master => "Master",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Mix => Self::Master,
            Self::Master => Self::Mix,
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// How loud, and how evenly.
    Loudness,
    /// Levels at the top.
    Peaks,
    /// Peaks against the body of the sound.
    Dynamics,
    /// The balance of frequencies.
    Tone,
    /// Everything below 150 Hz.
    LowEnd,
    /// Left against right, and the sum to mono.
    Stereo,
    /// What should not be in the signal at all.
    Signal,
    /// The file as a thing to hand over.
    Delivery,
}

impl Area {
    /// Every area, in the order of pages.
    pub const ALL: [Self; 8] = [
        Self::Loudness,
        Self::Peaks,
        Self::Dynamics,
        Self::Tone,
        Self::LowEnd,
        Self::Stereo,
        Self::Signal,
        Self::Delivery,
    ];

    /// Its heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loudness => "Loudness",
            Self::Peaks => "Peaks",
            Self::Dynamics => "Dynamics",
            Self::Tone => "Tone",
            Self::LowEnd => "Low end",
            Self::Stereo => "Stereo and mono",
            Self::Signal => "Signal",
            Self::Delivery => "Delivery",
        }
    }
}

/// How much a deviation is a matter of opinion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Wrong by anybody's measure.
    Defect,
    /// May go wrong later: at an encoder, on a platform, in a club.
    Risk,
    /// A matter of style.
    Taste,
}

impl Class {
    /// Every class, gravest first.
    pub const ALL: [Self; 3] = [Self::Defect, Self::Risk, Self::Taste];

    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Defect => "Defect",
            Self::Risk => "Risk",
            Self::Taste => "Taste",
        }
    }
}

/// How firmly something can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It follows from the figures.
    Measured,
    /// It is a sign with exceptions.
    Heuristic,
}

impl Confidence {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Measured => "Measured",
            Self::Heuristic => "Heuristic",
        }
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// Wrong.
    Problem,
}

crate::text_enum! {
    /// How a file stands, as its score and its problems say.
    #[derive(PartialOrd, Ord)]
    pub enum Standing {
        /// 80 points or more and no problem: good, from 92 on exemplary.
        Ready = "ready",
        /// 60 points or more: usable, with faults.
        Close = "close",
        /// 30 points or more: an engineer would send it back.
        NeedsWork = "needs_work",
        /// Less: destroyed.
        InTrouble = "in_trouble",
    }
}

impl Standing {
    /// As people read it: for what it is ready, or what comes first.
    #[must_use]
    pub const fn words(self, stage: Stage) -> &'static str {
        match (self, stage) {
            (Self::Ready, Stage::Mix) => "Ready for mastering",
            (Self::Ready, Stage::Master) => "Ready to release",
            (Self::Close, _) => "Usable, with faults",
            (Self::NeedsWork, _) => "Must go back",
            (Self::InTrouble, _) => "Not usable",
        }
    }
}

/// How the score of one stage comes about: score = 100 − the sum of the findings' points, exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoreBreakdown {
    /// What is left of 100 points.
    pub score: Points,
    /// What costs points, worst first: what is heard before where the file comes from.
    pub findings: Vec<Finding>,
    /// What is as it should be.
    pub passed: Vec<PassedCheck>,
    /// Rules that this file gives no value for, by id.
    pub not_applicable: Vec<String>,
}

impl ScoreBreakdown {
    /// How the file stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let problems = self.count(Severity::Problem);
        match self.score.whole() {
            80.. if problems == 0 => Standing::Ready,
            60.. => Standing::Close,
            30.. => Standing::NeedsWork,
            _ => Standing::InTrouble,
        }
    }

    /// The finding by this rule, where there is one.
    #[must_use]
    pub fn finding(&self, rule: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.rule == rule)
    }

    /// What the rule saw, where it is as it should be.
    #[must_use]
    pub fn passed(&self, rule: &str) -> Option<&PassedCheck> {
        self.passed.iter().find(|passed| passed.rule == rule)
    }

    /// How many findings are of `severity`.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// What the findings of `area` cost together.
    #[must_use]
    pub fn lost(&self, area: Area) -> Points {
        self.findings
            .iter()
            .filter(|finding| finding.area == area)
            .map(|finding| finding.points)
            .sum()
    }

    /// The gravest severity in `area`; `None` where nothing was found.
    #[must_use]
    pub fn gravest(&self, area: Area) -> Option<Severity> {
        self.findings
            .iter()
            .filter(|finding| finding.area == area)
            .map(|finding| finding.severity)
            .max()
    }

    /// What is better than usual, as sentences, at most four.
    pub fn strengths(&self) -> impl Iterator<Item = &str> {
        self.passed.iter().filter_map(|passed| passed.strength.as_deref())
    }

    /// How the song stands, in one sentence; it follows from the breakdown.
    #[must_use]
    pub fn sentence(&self, stage: Stage) -> String {
        match (self.standing(), self.worth_saying().count()) {
            (_, 0) | (Standing::Ready, _) => self.advice(stage),
            (standing, _) => format!("{}. {}", standing.words(stage), self.advice(stage)),
        }
    }

    /// The sentence for a place where the word of the standing is said already.
    #[must_use]
    pub fn advice(&self, stage: Stage) -> String {
        let titles: Vec<String> = self
            .worth_saying()
            .take(2)
            .map(|finding| lower_first(&finding.title))
            .collect();
        let first = titles.join(", then ");
        match self.standing() {
            _ if titles.is_empty() => {
                format!("Nothing worth changing was found in this {}.", stage.as_str())
            }
            Standing::Ready => {
                format!(
                    "{} as it is. Worth a look: {first}.",
                    self.standing().words(stage)
                )
            }
            _ => format!("Fix first: {first}."),
        }
    }

    fn worth_saying(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.points >= Finding::WORTH_SAYING)
    }
}

/// One indicator of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Indicator {
    /// What was looked at.
    pub title: String,
    /// What was measured.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// How much it speaks for a master (positive) or a mix (negative), −1 to 1.
    pub toward_master: f64,
}

/// Which stage applies, and how sure that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageDetection {
    /// The likelier one.
    pub stage: Stage,
    /// 0.5 (a guess) to 1.
    pub certainty: f64,
    /// What it follows from.
    pub indicators: Vec<Indicator>,
}

impl StageDetection {
    /// `very likely`, `likely`, `uncertain`.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self.certainty {
            certainty if certainty >= 0.9 => "very likely",
            certainty if certainty >= 0.7 => "likely",
            _ => "uncertain",
        }
    }
}

/// Everything that one rule set says of one report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// The version of the rules.
    pub rule_set: String,
    /// What the file seems to be.
    pub detected: StageDetection,
    /// Judged as a mix.
    pub mix: ScoreBreakdown,
    /// Judged as a master.
    pub master: ScoreBreakdown,
}

impl Verdict {
    /// The breakdown by `stage`.
    #[must_use]
    pub const fn by(&self, stage: Stage) -> &ScoreBreakdown {
        match stage {
            Stage::Mix => &self.mix,
            Stage::Master => &self.master,
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        // `DC offset` and the like stay as they are.
        let rest = chars.as_str();
        if rest.chars().next().is_some_and(char::is_uppercase) {
            text.to_owned()
        } else {
            first.to_lowercase().chain(rest.chars()).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakdown() -> ScoreBreakdown {
        ScoreBreakdown {
            score: Points::from_tenths(1_000),
            findings: Vec::new(),
            passed: Vec::new(),
            not_applicable: Vec::new(),
        }
    }

    #[test]
    fn the_sentence_follows_from_the_breakdown() {
        let mut breakdown = breakdown();
        assert_eq!(
            breakdown.sentence(Stage::Master),
            "Nothing worth changing was found in this master."
        );
        breakdown.findings.push(Finding {
            rule: "signal.offset".to_owned(),
            title: "DC offset".to_owned(),
            area: Area::Signal,
            class: Class::Defect,
            confidence: Confidence::Measured,
            severity: Severity::Problem,
            value: -30.0,
            unit: Unit::Dbfs,
            label: None,
            range: Range {
                low: None,
                high: Some(-60.0),
            },
            source: String::new(),
            points: Points::from_tenths(50),
            why: String::new(),
            action: String::new(),
            time_ranges: Vec::new(),
            step: None,
            covers: Vec::new(),
        });
        assert_eq!(
            breakdown.sentence(Stage::Mix),
            "Usable, with faults. Fix first: DC offset."
        );
        assert_eq!(
            breakdown.findings[0].win_back(),
            "at most −60.0\u{202f}dBFS wins back 5.0 points"
        );
    }
}
