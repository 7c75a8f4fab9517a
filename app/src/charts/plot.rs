//! What every plot shares: the time axis, thinning, and compact paths.

use leptos::prelude::*;

use crate::{format, ui::meter::percent};

/// The most rows that a table behind a chart has.
pub const TABLE_ROWS: usize = 40;
/// The most points that a curve has; finer than the pixels of most screens and still a few kilobytes.
pub const CURVE_POINTS: usize = 800;

/// Distances of time marks, in seconds.
const STEPS: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
];

/// The times to mark on an axis of this length: at most nine.
#[must_use]
pub fn time_marks(duration_s: f64) -> Vec<f64> {
    let step = STEPS
        .into_iter()
        .find(|step| duration_s / step <= 9.0)
        .unwrap_or(7200.0);
    let count = if duration_s.is_finite() {
        (duration_s / step).floor().clamp(0.0, 100.0) as u32
    } else {
        0
    };
    (0..=count).map(|at| f64::from(at) * step).collect()
}

/// Vertical hairlines at the time marks.
pub fn time_grid(duration_s: f64) -> impl IntoView {
    time_marks(duration_s)
        .into_iter()
        .skip(1)
        .map(|at| {
            let x = percent(at / duration_s * 100.0);
            view! { <line class="grid" x1=x.clone() x2=x y1="0" y2="100%"></line> }
        })
        .collect_view()
}

/// The lettering of the time axis. Every second mark gives way on a phone.
#[component]
pub fn TimeAxis(
    /// Length of the axis, in seconds.
    duration_s: f64,
) -> impl IntoView {
    let marks = time_marks(duration_s)
        .into_iter()
        .enumerate()
        .map(|(at, time)| {
            let share = time / duration_s * 100.0;
            let anchor = if share < 2.0 {
                "start"
            } else if share > 97.0 {
                "end"
            } else {
                ""
            };
            let class = if at % 2 == 1 {
                format!("{anchor} wide")
            } else {
                anchor.to_owned()
            };
            let x = percent(share);
            view! {
                <text class=class x=x y="15">
                    {format::clock(time)}
                </text>
            }
        })
        .collect_view();
    view! {
        <svg class="axis" aria-hidden="true">
            {marks}
        </svg>
    }
    .into_any()
}

/// Where a frequency stands between 20 Hz and 20 kHz, 0 to 100, by the logarithm.
#[must_use]
pub fn across(hz: f64) -> f64 {
    ((hz / 20.0).log10() / 3.0 * 100.0).clamp(0.0, 100.0)
}

/// Frequencies with lettering; the second part gives way on a phone.
const FREQUENCY_MARKS: [(f64, &str, bool); 10] = [
    (20.0, "20", false),
    (50.0, "50", true),
    (100.0, "100", false),
    (200.0, "200", true),
    (500.0, "500", false),
    (1_000.0, "1k", true),
    (2_000.0, "2k", false),
    (5_000.0, "5k", true),
    (10_000.0, "10k", false),
    (20_000.0, "20k Hz", true),
];

/// The lettering of the frequency axis from 20 Hz to 20 kHz.
#[component]
pub fn FrequencyAxis() -> impl IntoView {
    let marks = FREQUENCY_MARKS
        .into_iter()
        .map(|(hz, text, wide)| {
            let share = across(hz);
            let anchor = if share < 1.0 {
                "start"
            } else if share > 99.0 {
                "end"
            } else {
                ""
            };
            let class = if wide {
                format!("{anchor} wide")
            } else {
                anchor.to_owned()
            };
            view! {
                <text class=class x=percent(share) y="15">
                    {text}
                </text>
            }
        })
        .collect_view();
    view! {
        <svg class="axis" aria-hidden="true">
            {marks}
        </svg>
    }
    .into_any()
}

/// The part of an upright scale that a plot shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UprightScale {
    /// The value at the upper edge.
    pub top: f64,
    /// The value at the lower edge.
    pub bottom: f64,
    /// The distance of the marks, counted from the top.
    pub step: f64,
    /// Decimals of the lettering.
    pub decimals: usize,
}

impl UprightScale {
    /// Distance from the top, 0 to 100.
    #[must_use]
    pub fn percent(&self, value: f64) -> f64 {
        ((self.top - value) / (self.top - self.bottom) * 100.0).clamp(0.0, 100.0)
    }

    fn marks(&self) -> impl Iterator<Item = (f64, String)> + use<> {
        let (top, bottom, step) = (self.top, self.bottom, self.step);
        let count = ((top - bottom) / step).round() as u32;
        (1..count).map(move |at| {
            let down = f64::from(at) * step;
            (top - down, percent(down / (top - bottom) * 100.0))
        })
    }

    /// Hairlines at the marks.
    pub fn lines(&self) -> AnyView {
        self.marks()
            .map(|(_, y)| view! { <line class="grid" x1="0" x2="100%" y1=y.clone() y2=y></line> })
            .collect_view()
            .into_any()
    }

    /// The lettering, for on top of the curve.
    pub fn lettering(&self) -> AnyView {
        let decimals = self.decimals;
        self.marks()
            .map(|(value, y)| {
                view! {
                    <text class="scale start" x="0" y=y dx="5" dy="-4">
                        {format::number(value, decimals)}
                    </text>
                }
            })
            .collect_view()
            .into_any()
    }
}

/// The range that is looped, and the vertical lines of the position and of the pointer, which an island moves by setting `x`
/// and `width`, or `x1` and `x2` (`"37.5%"`). Hidden until it does.
pub fn playhead() -> impl IntoView {
    view! {
        <rect class="loop-range" x="-1%" width="0" y="0" height="100%"></rect>
        {probe()}
        <line class="playhead" x1="-1%" x2="-1%" y1="0" y2="100%"></line>
    }
}

/// The line of the pointer alone.
pub fn probe() -> impl IntoView {
    view! { <line class="pointer-line" x1="-1%" x2="-1%" y1="0" y2="100%"></line> }
}

/// The bounds of `parts` runs of nearly equal length over `len` values; one value each where there are few.
pub fn runs(len: usize, parts: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let parts = parts.min(len);
    (0..parts).map(move |at| at * len / parts..(at + 1) * len / parts)
}

/// Points as a path, in a plot of 1000 by 1000: heights are whole numbers, a third of a pixel. `None` lifts the pen.
#[must_use]
pub fn line(points: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    let mut down = false;
    for point in points {
        match point {
            Some((x, y)) => {
                path.push(if down { 'L' } else { 'M' });
                path.push_str(&format!("{} {y:.0}", short(*x)));
                down = true;
            }
            None => down = false,
        }
    }
    path
}

/// A coordinate with one decimal, where it has one.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_few_marks_whatever_its_length() {
        for seconds in [3.0, 59.0, 214.6, 600.0, 10_800.0, 90_000.0] {
            assert!((2..=14).contains(&time_marks(seconds).len()), "{seconds} s");
        }
        assert_eq!(time_marks(f64::NAN).len(), 1);
    }

    #[test]
    fn the_frequency_axis_is_logarithmic() {
        assert_eq!(across(20.0), 0.0);
        assert!((across(200.0) - 100.0 / 3.0).abs() < 1e-9);
        assert_eq!(across(20_000.0), 100.0);
    }

    #[test]
    fn runs_cover_everything_once() {
        let runs: Vec<_> = runs(10, 4).collect();
        assert_eq!(runs, [0..2, 2..5, 5..7, 7..10]);
        assert_eq!(super::runs(0, 4).count(), 0);
        assert_eq!(super::runs(2, 60).count(), 2);
    }

    #[test]
    fn a_gap_lifts_the_pen() {
        assert_eq!(
            line(&[Some((0.5, 1.4)), Some((1.0, 2.0)), None, Some((3.0, 4.0))]),
            "M0.5 1L1 2M3 4"
        );
    }
}
