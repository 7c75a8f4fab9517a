//! Short-term loudness over time.

use leptos::prelude::*;
use model::{
    Report,
    report::{Loudness, Series},
};

use super::plot::{CURVE_POINTS, TABLE_ROWS, TimeAxis, UprightScale, line, playhead, runs, time_grid};
use crate::{
    format,
    ui::{ChartFrame, DataTable, meter::percent},
};

/// Below this a passage counts as a pause: the absolute gate of BS.1770 lies at −70 LUFS.
const FLOOR_LUFS: f64 = -60.0;

/// What lies further below the integrated loudness is a fade or a pause, not a passage (the gate of Tech 3342).
const PASSAGE_LU: f64 = 20.0;

/// The curve, the integrated loudness as a line, and the loudest moment marked. Its time axis is the waveform's.
#[component]
pub fn LoudnessChart(
    /// The measurements.
    report: Report,
    /// Prefix of the ids.
    #[prop(default = "short-term")]
    id: &'static str,
) -> impl IntoView {
    let duration = report.file.duration_s.max(0.001);
    let series = &report.loudness.short_term_lufs;
    let window = window_over(series, report.loudness.integrated_lufs.value());
    let loudest = extreme(series, f64::NEG_INFINITY, |a, b| a > b);
    let curve: Vec<_> = runs(series.values.len(), CURVE_POINTS)
        .map(|run| {
            let (at, value) = loudest_of(series, run)?;
            Some((
                series.time_s(at) / duration * 1000.0,
                window.percent(value) * 10.0,
            ))
        })
        .collect();
    let integrated = report.loudness.integrated_lufs.value().map(|value| {
        let y = percent(window.percent(value));
        view! {
            <line class="guide" x1="0" x2="100%" y1=y.clone() y2=y.clone()></line>
            <text class="note start wide" x="0" y=y dx="40" dy="-5">
                {format!("integrated {}", format::number(value, 1))}
            </text>
        }
    });
    let mark = loudest.map(|(time, value)| {
        let (x, y) = (percent(time / duration * 100.0), percent(window.percent(value)));
        view! { <circle class="marker" cx=x cy=y r="4.5"></circle> }
    });
    view! {
        <ChartFrame
            id=id
            title="Short-term loudness" unit="LUFS"
            summary=summary(&report.loudness)
            table=table(series)
        >
            <svg class="plot plot--loudness" role="img" aria-labelledby=format!("{id}-title {id}-summary")>
                {time_grid(duration)}
                {window.lines()}
                <svg
                    x="0"
                    y="0"
                    width="100%"
                    height="100%"
                    viewBox="0 0 1000 1000"
                    preserveAspectRatio="none"
                >
                    <path class="trace" d=line(&curve)></path>
                </svg>
                {window.lettering()}
                {integrated}
                {mark}
                {playhead()}
            </svg>
            <TimeAxis duration_s=duration />
        </ChartFrame>
    }
    .into_any()
}

/// From a little above the loudest value down to the quietest twentieth; a fade-out may leave at the bottom.
pub(super) fn window_over(series: &Series, integrated: Option<f64>) -> UprightScale {
    let mut values: Vec<f64> = series
        .values
        .iter()
        .flatten()
        .map(|value| f64::from(*value))
        .collect();
    values.sort_by(f64::total_cmp);
    let high = values
        .last()
        .copied()
        .unwrap_or(0.0)
        .max(integrated.unwrap_or(f64::NEG_INFINITY));
    let low = values
        .get(values.len() / 20)
        .copied()
        .unwrap_or(-30.0)
        .max(FLOOR_LUFS);
    let step = if high - low > 30.0 { 10.0 } else { 5.0 };
    let top = ((high + 0.5) / step).ceil() * step;
    let bottom = (((low - 1.0) / step).floor() * step).min(top - 3.0 * step);
    UprightScale {
        top,
        bottom,
        step,
        decimals: 0,
    }
}

/// The loudest value of a run and its index; none where the run is a gap.
fn loudest_of(series: &Series, run: std::ops::Range<usize>) -> Option<(usize, f64)> {
    run.filter_map(|at| {
        series
            .values
            .get(at)
            .copied()
            .flatten()
            .map(|value| (at, f64::from(value)))
    })
    .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The time and value that beat all others, of those from `floor` up.
fn extreme(series: &Series, floor: f64, beats: impl Fn(f64, f64) -> bool) -> Option<(f64, f64)> {
    let values = series.values.iter().enumerate();
    values
        .filter_map(|(at, value)| value.map(|value| (series.time_s(at), f64::from(value))))
        .filter(|(_, value)| *value >= floor)
        .reduce(|best, next| if beats(next.1, best.1) { next } else { best })
}

/// `Loudest around 2:31 (−8.4 LUFS); quietest around 0:09 (−21.7 LUFS).` A window is named by its middle.
fn summary(loudness: &Loudness) -> String {
    let series = &loudness.short_term_lufs;
    let Some(loud) = extreme(series, f64::NEG_INFINITY, |a, b| a > b) else {
        return "There is no signal to show.".to_owned();
    };
    let floor = loudness
        .integrated_lufs
        .value()
        .map_or(f64::NEG_INFINITY, |lufs| lufs - PASSAGE_LU);
    let quiet = extreme(series, floor, |a, b| a < b).unwrap_or(loud);
    let moment = |(time, value): (f64, f64)| {
        format!(
            "{} ({})",
            format::clock((time - 1.5).max(0.0)),
            format::with_unit(value, 1, "LUFS")
        )
    };
    let line = if loudness.integrated_lufs.value().is_some() {
        " The dashed line is the integrated loudness."
    } else {
        ""
    };
    let gaps = if series.values.iter().any(Option::is_none) {
        " Gaps are pauses without signal."
    } else {
        ""
    };
    format!(
        "Loudest around {}, marked by the dot; quietest passage around {}.{line}{gaps}",
        moment(loud),
        moment(quiet)
    )
}

fn table(series: &Series) -> DataTable {
    let rows = runs(series.values.len(), TABLE_ROWS)
        .map(|run| {
            let time = format::clock(series.time_s(run.start));
            let value = loudest_of(series, run)
                .map_or(format::DASH.to_owned(), |(_, value)| format::number(value, 1));
            vec![time, value]
        })
        .collect();
    DataTable::new(
        "Short-term loudness by time: the loudest 3 s that end in each stretch",
        &["From", "Loudness, LUFS"],
        rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[Option<f32>]) -> Series {
        Series {
            start_s: 3.0,
            step_s: 1.0,
            values: values.to_vec(),
        }
    }

    #[test]
    fn the_window_holds_every_value_but_a_fade() {
        let window = window_over(&series(&[Some(-8.4), Some(-20.0), Some(-12.0)]), None);
        assert!(
            (window.top, window.bottom) == (-5.0, -25.0),
            "{} {}",
            window.top,
            window.bottom
        );
        assert_eq!(window.percent(-90.0), 100.0);
    }

    #[test]
    fn nothing_at_all_still_has_a_window() {
        let window = window_over(&series(&[None, None]), None);
        assert!(window.top > window.bottom);
    }

    #[test]
    fn the_summary_names_places_and_gaps() {
        let loudness = Loudness {
            integrated_lufs: model::Reading::new(-10.0),
            momentary_max_lufs: model::Reading::new(-7.0),
            short_term_max_lufs: model::Reading::new(-8.4),
            range_lu: model::Reading::new(5.0),
            range_is_stable: true,
            short_term_lufs: series(&[Some(-20.0), None, Some(-8.4)]),
        };
        let text = summary(&loudness);
        assert!(
            text.starts_with("Loudest around 0:03 (\u{2212}8.4\u{202f}LUFS)"),
            "{text}"
        );
        assert!(text.ends_with("Gaps are pauses without signal."), "{text}");
    }
}
