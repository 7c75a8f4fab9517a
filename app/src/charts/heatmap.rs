//! The seven bands over time as a field of shades, in few bytes: equal neighbours are one rectangle, and each shade is one path.

use leptos::prelude::*;
use model::report::{BANDS, Series};

use super::{
    plot::{playhead, time_grid},
    timeline::mean_over,
};
use crate::{format, ui::meter::percent};

/// The most columns.
const COLUMNS: usize = 240;
/// The shades, from none to full.
const SHADES: usize = 8;
/// The distance of two shades, in dB below the loudest column of the band.
const SHADE_DB: f64 = 3.0;

/// The shade of each band in each column, 0 to 7; none where there is no energy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heatmap {
    columns: usize,
    /// From the highest band down, as they stand.
    rows: Vec<Vec<Option<usize>>>,
}

impl Heatmap {
    /// Each band against its own loudest column: between bands lie 40 dB in any music, which would hide what changes.
    pub(super) fn of(bands: &[Series], duration_s: f64) -> Self {
        let columns = (duration_s.ceil().max(1.0) as usize).min(COLUMNS);
        let step_s = duration_s / columns as f64;
        let rows = bands
            .iter()
            .rev()
            .map(|band| {
                let levels: Vec<Option<f64>> = (0..columns)
                    .map(|at| mean_over(band, at as f64 * step_s, step_s))
                    .collect();
                let loudest = levels.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
                levels
                    .iter()
                    .map(|level| level.map(|level| shade(loudest - level)))
                    .collect()
            })
            .collect();
        Self { columns, rows }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.iter().flatten().all(Option::is_none)
    }

    pub(super) fn plot(&self, duration_s: f64) -> AnyView {
        let shades = (1..SHADES)
            .map(|shade| view! { <path class=format!("heat heat--{shade}") d=self.path(shade)></path> })
            .collect_view();
        let height = 100.0 / self.rows.len().max(1) as f64;
        let names = BANDS
            .iter()
            .rev()
            .enumerate()
            .map(|(at, band)| {
                let y = percent((at as f64 + 0.5) * height);
                view! {
                    <text class="scale start" x="0" y=y dx="5" dy="4">
                        {band.name}
                    </text>
                }
            })
            .collect_view();
        view! {
            <svg class="plot plot--heat" aria-hidden="true">
                <svg
                    x="0"
                    y="0"
                    width="100%"
                    height="100%"
                    viewBox=format!("0 0 {} {}", self.columns, self.rows.len().max(1))
                    preserveAspectRatio="none"
                >
                    {shades}
                </svg>
                {time_grid(duration_s)}
                {names}
                {playhead()}
            </svg>
        }
        .into_any()
    }

    /// What the shades mean.
    pub(super) fn legend() -> AnyView {
        let swatches = (0..SHADES)
            .map(|shade| {
                let x = percent(shade as f64 * 100.0 / SHADES as f64);
                let width = percent(100.0 / SHADES as f64);
                view! { <rect class=format!("heat heat--{shade}") x=x width=width height="100%"></rect> }
            })
            .collect_view();
        let least = format::with_unit(-SHADE_DB * (SHADES - 1) as f64, 0, "dB");
        view! {
            <p class="heat-legend small muted">
                <span>{format!("Bands, each against its own loudest moment: {least} and below")}</span>
                <svg class="heat-legend__scale" aria-hidden="true">
                    {swatches}
                </svg>
                <span>{format::with_unit(0.0, 0, "dB")}</span>
            </p>
        }
        .into_any()
    }

    /// All rectangles of one shade.
    fn path(&self, shade: usize) -> String {
        let mut path = String::new();
        for (y, row) in self.rows.iter().enumerate() {
            let mut from = 0;
            while from < row.len() {
                let end = (from..row.len())
                    .find(|at| row[*at] != row[from])
                    .unwrap_or(row.len());
                if row[from] == Some(shade) {
                    path.push_str(&format!("M{from} {y}h{}v1H{from}z", end - from));
                }
                from = end;
            }
        }
        path
    }
}

/// 7 for the loudest, one less for every 3 dB below it.
fn shade(below_db: f64) -> usize {
    // Between 0 and 7 by the bounds.
    (SHADES - 1).saturating_sub((below_db / SHADE_DB).round().clamp(0.0, 7.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_rectangle() {
        let band = Series {
            start_s: 1.0,
            step_s: 1.0,
            values: vec![Some(-20.0), Some(-20.0), Some(-26.0), None, Some(-60.0)],
        };
        let heat = Heatmap::of(&[band], 5.0);
        assert_eq!(heat.rows, [[Some(7), Some(7), Some(5), None, Some(0)]]);
        assert_eq!(heat.path(7), "M0 0h2v1H0z");
        assert_eq!(heat.path(5), "M2 0h1v1H2z");
        assert!(!heat.is_empty());
    }

    #[test]
    fn hours_of_restless_music_stay_small() {
        let values = (0..10_800)
            .map(|at| Some(-20.0 - (at * 7919 % 23) as f32))
            .collect();
        let band = Series {
            start_s: 1.0,
            step_s: 1.0,
            values,
        };
        let heat = Heatmap::of(&vec![band; 7], 10_800.0);
        let bytes: usize = (1..SHADES).map(|shade| heat.path(shade).len()).sum();
        assert!(heat.columns == COLUMNS && bytes < 40_000, "{bytes}");
    }
}
