//! The units of rules, and how many decimals of each can be trusted.

use serde::{Deserialize, Serialize};

use crate::text;

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Loudness.
    Lufs,
    /// Differences of loudness.
    Lu,
    /// Differences of level.
    Db,
    /// Level of samples against full scale.
    Dbfs,
    /// True peak against full scale.
    Dbtp,
    /// A slope of the spectrum.
    DbPerOctave,
    /// A share.
    Percent,
    /// Events per minute and channel.
    PerMinute,
    /// Short times.
    Milliseconds,
    /// Times.
    Seconds,
    /// Frequencies.
    Kilohertz,
    /// Resolution.
    Bits,
    /// Pearson's coefficient, −1 to 1.
    Correlation,
    /// How many.
    Count,
    /// 1 for yes, 0 for no.
    YesNo,
}

impl Unit {
    /// As it stands behind a number; may be empty.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Lufs => "LUFS",
            Self::Lu => "LU",
            Self::Db => "dB",
            Self::Dbfs => "dBFS",
            Self::Dbtp => "dBTP",
            Self::DbPerOctave => "dB/oct",
            Self::Percent => "%",
            Self::PerMinute => "per minute",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Kilohertz => "kHz",
            Self::Bits => "bit",
            Self::Correlation | Self::Count | Self::YesNo => "",
        }
    }

    /// Decimals.
    #[must_use]
    pub const fn decimals(self) -> usize {
        match self {
            Self::Percent | Self::Bits | Self::Count | Self::YesNo => 0,
            Self::Milliseconds | Self::Correlation => 2,
            _ => 1,
        }
    }

    /// The number alone: `−0.3`.
    #[must_use]
    pub fn number(self, value: f64) -> String {
        if self == Self::YesNo {
            return if value > 0.5 { "yes" } else { "no" }.to_owned();
        }
        text::number(value, self.decimals())
    }

    /// The number with its unit: `−0.3 dBTP`.
    #[must_use]
    pub fn display(self, value: f64) -> String {
        if self == Self::YesNo {
            return self.number(value);
        }
        text::with_unit(value, self.decimals(), self.symbol())
    }

    /// As [`Unit::display`], with a plus sign before what is above zero: for differences.
    #[must_use]
    pub fn display_signed(self, value: f64) -> String {
        let sign = if text::signed(value, self.decimals()).starts_with('+') {
            "+"
        } else {
            ""
        };
        format!("{sign}{}", self.display(value))
    }

    /// A distance in this unit; distances of levels are dB, those of loudness LU.
    #[must_use]
    pub const fn for_differences(self) -> Self {
        match self {
            Self::Dbfs | Self::Dbtp => Self::Db,
            Self::Lufs => Self::Lu,
            same => same,
        }
    }
}
