//! A horizontal scale with ticks, a pointer and, where there is one, a range.
//!
//! Across it counts in percent and down in pixels, without a `viewBox`: lettering keeps its size at every width.

use leptos::prelude::*;

use crate::format;

/// What a [`Meter`] is marked with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Value at the left end; may be the larger one.
    pub from: f64,
    /// Value at the right end.
    pub to: f64,
    /// Distance of the ticks with a number.
    pub major: f64,
    /// Distance of the small ticks.
    pub minor: f64,
    /// Decimals of the numbers.
    pub decimals: usize,
}

impl Scale {
    /// A scale whose numbers have no decimals.
    #[must_use]
    pub const fn new(from: f64, to: f64, major: f64, minor: f64) -> Self {
        Self {
            from,
            to,
            major,
            minor,
            decimals: 0,
        }
    }

    /// Where `value` stands, 0 to 100; what is beyond an end stands at that end.
    #[must_use]
    pub fn percent(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from) * 100.0).clamp(0.0, 100.0)
    }

    /// The multiples of `step` on the scale.
    fn multiples(&self, step: f64) -> impl Iterator<Item = f64> + use<> {
        let first = (self.from.min(self.to) / step - 1e-9).ceil() as i64;
        let last = (self.from.max(self.to) / step + 1e-9).floor() as i64;
        (first..=last).map(move |at| at as f64 * step)
    }
}

/// `37.25` as an SVG percentage.
#[must_use]
pub fn percent(value: f64) -> String {
    let text = format!("{value:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A reading on its scale. The number must stand beside it; the scale only shows where it lies.
#[component]
pub fn Meter(
    /// The marks.
    scale: Scale,
    /// The reading; without one the scale stays empty.
    #[prop(into)]
    value: Option<f64>,
    /// A range to stand in, from and to.
    #[prop(optional_no_strip, into)]
    range: Option<(f64, f64)>,
    /// A value worth a dashed line: full scale, the middle.
    #[prop(optional_no_strip, into)]
    mark: Option<f64>,
    /// Lettering of the two ends in place of numbers: `L` and `R`.
    #[prop(optional_no_strip, into)]
    ends: Option<(&'static str, &'static str)>,
) -> impl IntoView {
    const LINE: &str = "18";
    let minor = scale
        .multiples(scale.minor)
        .map(|at| {
            let x = percent(scale.percent(at));
            view! { <line class="tick tick--minor" x1=x.clone() x2=x y1="13" y2=LINE></line> }
        })
        .collect_view();
    let major = scale
        .multiples(scale.major)
        .map(|at| {
            let share = scale.percent(at);
            let x = percent(share);
            let anchor = if share < 2.0 {
                "start"
            } else if share > 98.0 {
                "end"
            } else {
                ""
            };
            let text = match ends {
                Some((left, _)) if share < 2.0 => left.to_owned(),
                Some((_, right)) if share > 98.0 => right.to_owned(),
                _ => format::number(at, scale.decimals),
            };
            view! {
                <line class="tick" x1=x.clone() x2=x.clone() y1="10" y2=LINE></line>
                <text class=anchor x=x y="32">
                    {text}
                </text>
            }
        })
        .collect_view();
    let range = range.map(|(from, to)| {
        let (from, to) = (scale.percent(from), scale.percent(to));
        view! { <rect class="range" x=percent(from) width=percent(to - from) y="12" height="6"></rect> }
    });
    let mark = mark.map(|at| {
        let x = percent(scale.percent(at));
        view! { <line class="mark" x1=x.clone() x2=x y1="2" y2=LINE></line> }
    });
    let pointer = value.filter(|value| value.is_finite()).map(|value| {
        let x = percent(scale.percent(value));
        view! {
            <line class="pointer-stem" x1=x.clone() x2=x.clone() y1="6" y2=LINE></line>
            <svg x=x y="0" width="1" height="10" overflow="visible">
                <path class="pointer" d="M-5 0h10v4l-5 6l-5-6z"></path>
            </svg>
        }
    });
    view! {
        <svg class="meter" aria-hidden="true">
            {range}
            {minor}
            {major}
            <line class="scale" x1="0" x2="100%" y1="18.5" y2="18.5"></line>
            {mark}
            {pointer}
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_its_values_between_its_ends() {
        let scale = Scale::new(-30.0, 0.0, 10.0, 1.0);
        assert_eq!(scale.percent(-15.0), 50.0);
        assert_eq!(scale.percent(4.0), 100.0);
        assert_eq!(
            scale.multiples(scale.major).collect::<Vec<_>>(),
            [-30.0, -20.0, -10.0, 0.0]
        );
        assert_eq!(Scale::new(6.0, -6.0, 3.0, 1.0).percent(3.0), 25.0);
    }

    #[test]
    fn percentages_carry_no_needless_digits() {
        assert_eq!(percent(50.0), "50%");
        assert_eq!(percent(37.256), "37.26%");
    }
}
