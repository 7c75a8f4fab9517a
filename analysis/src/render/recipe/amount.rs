//! The one figure of a step that a person may want otherwise. All else follows from what was measured.

use std::ops::RangeInclusive;

use super::Step;
use super::check::allowed;

/// The figure of a step that can be set by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    /// What it is, at the beginning of a line.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it is now.
    pub value: f64,
    /// What is taken.
    pub range: RangeInclusive<f64>,
    /// Decimals that make sense.
    pub decimals: usize,
}

impl Amount {
    /// What it is now, as a field for numbers takes it: with a point and an ordinary minus.
    #[must_use]
    pub fn shown(&self) -> String {
        self.shown_as(self.value)
    }

    /// `value` in the same way. What is shown alike is the same: a field that nobody touched changes nothing.
    #[must_use]
    pub fn shown_as(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }
}

impl Step {
    /// The figure that can be set by hand; `None` where all of them are measured.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        let amount = |name, unit, value, range: &RangeInclusive<f64>, decimals| {
            Some(Amount {
                name,
                unit,
                value,
                range: range.clone(),
                decimals,
            })
        };
        match self {
            Self::HighPass { hz, .. } => amount("Corner", "Hz", *hz, &allowed::HIGH_PASS_HZ, 0),
            Self::Balance { db } => amount("Left against right", "dB", *db, &allowed::BALANCE_DB, 1),
            Self::LowMono { hz } => amount("Mono below", "Hz", *hz, &allowed::LOW_MONO_HZ, 0),
            Self::Equalise(band) => amount("Change", "dB", band.db, &allowed::BAND_DB, 1),
            Self::Width { side_db } => amount("Change of the side", "dB", *side_db, &allowed::SIDE_DB, 1),
            Self::Limit { most_db, .. } => {
                amount("At most off a peak", "dB", *most_db, &allowed::REDUCTION_DB, 1)
            }
            Self::Repair { .. }
            | Self::Offset { .. }
            | Self::Polarity { .. }
            | Self::Delay { .. }
            | Self::Notch { .. }
            | Self::Gain { .. }
            | Self::Trim(_) => None,
        }
    }

    /// Sets that figure to the nearest that is taken; a step without one stays.
    pub fn set_amount(&mut self, value: f64) {
        let Some(amount) = self.amount().filter(|_| value.is_finite()) else {
            return;
        };
        let value = value.clamp(*amount.range.start(), *amount.range.end());
        match self {
            Self::HighPass { hz: figure, .. }
            | Self::Balance { db: figure }
            | Self::LowMono { hz: figure }
            | Self::Width { side_db: figure }
            | Self::Limit { most_db: figure, .. } => *figure = value,
            Self::Equalise(band) => band.db = value,
            Self::Repair { .. }
            | Self::Offset { .. }
            | Self::Polarity { .. }
            | Self::Delay { .. }
            | Self::Notch { .. }
            | Self::Gain { .. }
            | Self::Trim(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Band, BandShape};

    #[test]
    fn an_amount_is_set_within_its_range_and_a_measured_one_not_at_all() {
        let mut band = Step::Equalise(Band {
            shape: BandShape::Bell,
            hz: 240.0,
            q: 1.0,
            db: -2.0,
        });
        band.set_amount(-40.0);
        assert_eq!(band.amount().unwrap().value, -6.0);
        band.set_amount(f64::NAN);
        assert_eq!(band.amount().unwrap().value, -6.0);
        let mut delay = Step::Delay { channel: 0, ms: 0.5 };
        delay.set_amount(3.0);
        assert_eq!(delay, Step::Delay { channel: 0, ms: 0.5 });
        assert_eq!(delay.amount(), None);
    }
}
