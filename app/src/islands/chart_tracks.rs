//! The values behind the charts over time, as the page carries them for the read-outs. Nothing is measured from pixels.

use model::text;
use serde::{Deserialize, Serialize};

/// Lanes on one grid of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChartTracks {
    /// How long each value holds, in seconds.
    pub step_s: f64,
    /// From top to bottom.
    pub chart_tracks: Vec<ChartTrack>,
}

/// One figure over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartTrack {
    /// What it is, in a word or two.
    pub name: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// Decimals.
    pub decimals: u8,
    /// Whole numbers of the last decimal, which are a third of the length of decimals: −93 is −9.3 at one place.
    pub values: Vec<Option<i32>>,
}

impl ChartTracks {
    /// Which value holds at a time.
    #[must_use]
    pub fn at(&self, time_s: f64) -> usize {
        // Never negative, and the tracks end long before 2^32 steps.
        (time_s.max(0.0) / self.step_s.max(0.001)) as usize
    }
}

impl ChartTrack {
    /// A track of these values, rounded to `decimals`.
    #[must_use]
    pub fn new(name: &str, unit: &str, decimals: u8, values: impl Iterator<Item = Option<f64>>) -> Self {
        let factor = 10_f64.powi(i32::from(decimals));
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            decimals,
            values: values
                .map(|value| {
                    value
                        .filter(|value| value.is_finite())
                        .map(|value| (value * factor).round() as i32)
                })
                .collect(),
        }
    }

    /// The value at an index, as text without its unit; a dash where there is none.
    #[must_use]
    pub fn text(&self, index: usize) -> String {
        match self.values.get(index).copied().flatten() {
            Some(value) => text::number(
                f64::from(value) / 10_f64.powi(i32::from(self.decimals)),
                usize::from(self.decimals),
            ),
            None => text::DASH.to_owned(),
        }
    }

    /// The value with its name and unit, for reading aloud; nothing where there is none.
    #[must_use]
    pub fn spoken(&self, index: usize) -> Option<String> {
        self.values.get(index).copied().flatten()?;
        Some(
            format!("{} {} {}", self.name, self.text(index), self.unit)
                .trim_end()
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_decimals_and_holds_until_the_next() {
        let track = ChartTrack::new(
            "PSR",
            "LU",
            1,
            [Some(8.04), None, Some(-0.04), Some(f64::NAN)].into_iter(),
        );
        let chart_tracks = ChartTracks {
            step_s: 2.0,
            chart_tracks: vec![track],
        };
        let read = |time_s: f64| chart_tracks.chart_tracks[0].text(chart_tracks.at(time_s));
        assert_eq!(
            [read(0.0), read(1.99), read(2.0), read(4.5), read(7.0), read(60.0)],
            ["8.0", "8.0", "–", "0.0", "–", "–"]
        );
        assert_eq!(
            chart_tracks.chart_tracks[0].spoken(0).as_deref(),
            Some("PSR 8.0 LU")
        );
        assert_eq!(chart_tracks.chart_tracks[0].spoken(1), None);
    }
}
