//! What was found: a value against its range, where it happens, and what to do about it.

use serde::{Deserialize, Serialize};

use super::{Area, Class, Confidence, Points, Severity, Unit};

/// The values that are as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Range {
    /// The lowest one; `None` where there is no limit.
    pub low: Option<f64>,
    /// The highest one; `None` where there is no limit.
    pub high: Option<f64>,
}

impl Range {
    /// `−16.0 to −7.0 LUFS`, `at most −1.0 dBTP`, `at least 44.1 kHz`.
    #[must_use]
    pub fn display(self, unit: Unit) -> String {
        match (self.low, self.high) {
            (_, Some(high)) if unit == Unit::YesNo => unit.display(high),
            (Some(low), Some(high)) if low == high => unit.display(low),
            (Some(low), Some(high)) => format!("{} to {}", unit.number(low), unit.display(high)),
            (Some(low), None) => format!("at least {}", unit.display(low)),
            (None, Some(high)) => format!("at most {}", unit.display(high)),
            (None, None) => "any".to_owned(),
        }
    }
}

/// A stretch of the song.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimeRange {
    /// Its start, in seconds.
    pub start_s: f64,
    /// Its end, in seconds; the start where it is a moment.
    pub end_s: f64,
    /// The channel, counted from 0, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
}

/// Something that can be done to the audio, with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "operation")]
pub enum Operation {
    /// Subtract the mean of each channel.
    RemoveOffset,
    /// Change the level of everything.
    Gain {
        /// In dB.
        db: f64,
    },
    /// Hold the true peak.
    Limit {
        /// The ceiling, in dBTP.
        ceiling_dbtp: f64,
    },
    /// Change the level of the left channel against the right one.
    Balance {
        /// What is added to left over right, in dB.
        db: f64,
    },
    /// Make the low end mono.
    MonoBelow {
        /// Up to here, in Hz.
        hz: f64,
    },
    /// Change the level of the side signal.
    Width {
        /// In dB.
        side_db: f64,
    },
    /// One band of an equaliser.
    Bell {
        /// Centre, in Hz.
        hz: f64,
        /// Quality factor.
        q: f64,
        /// In dB.
        db: f64,
    },
    /// A shelf above (or below) a frequency.
    Shelf {
        /// Corner, in Hz.
        hz: f64,
        /// In dB.
        db: f64,
        /// What it changes.
        side: ShelfSide,
    },
    /// Remove everything below.
    HighPass {
        /// Corner, in Hz.
        hz: f64,
    },
    /// Narrow cuts at the mains frequency and its harmonics.
    Notch {
        /// The mains frequency, in Hz.
        hz: f64,
        /// Which harmonics, 1 for the mains frequency itself.
        harmonics: Vec<u8>,
    },
    /// Cut silence off the ends.
    Trim {
        /// Seconds at the start.
        head_s: f64,
        /// Seconds at the end.
        tail_s: f64,
    },
}

/// The side of a corner that a shelf changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShelfSide {
    /// What is below the corner.
    Low,
    /// What is above the corner.
    High,
}

/// A corrective step that a machine can take: what to do, and what the measured value should be afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CorrectiveStep {
    /// What to do.
    #[serde(flatten)]
    pub operation: Operation,
    /// The value of the finding's measure that is expected afterwards, in its unit.
    pub expected: f64,
}

/// A finding that another one says as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CoveredFinding {
    /// The rule, by its stable id.
    pub rule: String,
    /// What is wrong, in a few words.
    pub title: String,
}

/// Something that was found, with what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The rule, by its stable id.
    pub rule: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// What it is about.
    pub area: Area,
    /// Defect, risk or taste.
    pub class: Class,
    /// How firm it is.
    pub confidence: Confidence,
    /// How much it matters.
    pub severity: Severity,
    /// What was measured.
    pub value: f64,
    /// The unit of `value` and `range`.
    pub unit: Unit,
    /// The frequency or channel that the value belongs to, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The values that would cost nothing.
    pub range: Range,
    /// Where the range comes from.
    pub source: String,
    /// What it costs in this breakdown.
    pub points: Points,
    /// Why it matters.
    pub why: String,
    /// What to do, as a producer would say it.
    pub action: String,
    /// Where it happens, worst first; empty where it is everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub time_ranges: Vec<TimeRange>,
    /// What a machine could do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<CorrectiveStep>,
    /// Findings that say the same once more and cost nothing of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<CoveredFinding>,
}

impl Finding {
    /// What costs less is neither in the sentence nor among the first things to fix.
    pub const WORTH_SAYING: Points = Points::from_tenths(5);

    /// `−0.3 dBTP`, with the place in frequency where there is one; nothing where the title says it all.
    #[must_use]
    pub fn display_value(&self) -> String {
        if self.unit == Unit::YesNo {
            return String::new();
        }
        let value = self.unit.display(self.value);
        match &self.label {
            Some(label) => format!("{value} ({label})"),
            None => value,
        }
    }

    /// What would win the points back: `at most −1.0 dBTP wins back 1.4`.
    #[must_use]
    pub fn win_back(&self) -> String {
        format!(
            "{} wins back {}",
            self.range.display(self.unit),
            self.points.display()
        )
    }
}

/// A rule whose value is as it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PassedCheck {
    /// The rule, by its stable id.
    pub rule: String,
    /// What was looked at.
    pub title: String,
    /// What it is about.
    pub area: Area,
    /// What was measured.
    pub value: f64,
    /// The unit of `value` and `range`.
    pub unit: Unit,
    /// The values that cost nothing.
    pub range: Range,
    /// Said where the value is good with a margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<String>,
}
