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

    /// How many decimals of `value` can be trusted.
    #[must_use]
    pub fn decimals(self, value: f64) -> usize {
        match self {
            Self::Percent | Self::Bits | Self::Count | Self::YesNo => 0,
            Self::Milliseconds | Self::PerMinute if value.abs() >= 100.0 => 0,
            Self::Milliseconds if value.abs() < 10.0 => 2,
            Self::Correlation => 2,
            _ => 1,
        }
    }

    /// The number alone: `−0.3`.
    #[must_use]
    pub fn number(self, value: f64) -> String {
        if self == Self::YesNo {
            return if value > 0.5 { "yes" } else { "no" }.to_owned();
        }
        text::number(value, self.decimals(value))
    }

    /// The number with its unit: `−0.3 dBTP`.
    #[must_use]
    pub fn display(self, value: f64) -> String {
        if self == Self::YesNo {
            return self.number(value);
        }
        text::with_unit(value, self.decimals(value), self.symbol())
    }

    /// As [`Unit::display`], with a plus sign before what is above zero: for differences.
    #[must_use]
    pub fn display_signed(self, value: f64) -> String {
        let sign = if text::signed(value, self.decimals(value)).starts_with('+') {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_the_decimals_of_their_size() {
        for (ms, shown) in [
            (0.313, "0.31\u{202f}ms"),
            (12.34, "12.3\u{202f}ms"),
            (100.0, "100\u{202f}ms"),
        ] {
            assert_eq!(Unit::Milliseconds.display(ms), shown);
        }
        assert_eq!(Unit::Milliseconds.display_signed(-250.0), "\u{2212}250\u{202f}ms");
    }
}
