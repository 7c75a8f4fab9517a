//! One figure over time, on the time axis of the waveform.

use leptos::prelude::*;
use model::report::Series;

use super::plot::{CURVE_POINTS, TABLE_ROWS, TimeAxis, UprightScale, line, playhead, runs, time_grid};
use crate::{
    format,
    ui::{ChartFrame, DataTable, meter::percent},
};

/// A curve whose low values are the ones worth seeing: where points lie close, the lowest is drawn.
#[component]
pub fn LaneChart(
    /// Prefix of the ids.
    id: &'static str,
    /// What is shown.
    title: &'static str,
    /// May be empty.
    #[prop(default = "")]
    unit: &'static str,
    /// What it shows, as a sentence.
    summary: String,
    /// The values.
    series: Series,
    /// The part of the scale that is shown.
    scale: UprightScale,
    /// A value worth a dashed line.
    #[prop(optional_no_strip, into)]
    reference: Option<f64>,
    /// Length of the time axis, in seconds.
    duration_s: f64,
) -> impl IntoView {
    let duration_s = duration_s.max(0.001);
    let curve: Vec<_> = runs(series.values.len(), CURVE_POINTS)
        .map(|run| {
            let (at, value) = lowest_of(&series, run)?;
            Some((
                series.time_s(at) / duration_s * 1000.0,
                scale.percent(value) * 10.0,
            ))
        })
        .collect();
    let reference = reference.map(|value| {
        let y = percent(scale.percent(value));
        view! { <line class="reference" x1="0" x2="100%" y1=y.clone() y2=y></line> }
    });
    let places = scale.places.max(1);
    let rows = runs(series.values.len(), TABLE_ROWS)
        .map(|run| {
            let time = format::clock(series.time_s(run.start));
            let value = lowest_of(&series, run).map_or(format::DASH.to_owned(), |(_, value)| {
                format::number(value, places)
            });
            vec![time, value]
        })
        .collect();
    let head = if unit.is_empty() {
        title.to_owned()
    } else {
        format!("{title}, {unit}")
    };
    let table = DataTable::new(
        format!("{title} by time: the lowest value of each stretch"),
        &["From", &head],
        rows,
    );
    view! {
        <ChartFrame id=id title=title unit=unit summary=summary table=table>
            <svg class="plot plot--lane" role="img" aria-labelledby=format!("{id}-title {id}-summary")>
                {time_grid(duration_s)}
                {scale.lines()}
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
                {scale.lettering()}
                {reference}
                {playhead()}
            </svg>
            <TimeAxis duration_s=duration_s />
        </ChartFrame>
    }
    .into_any()
}

/// The lowest value of a run and its index; none where the run is a gap.
fn lowest_of(series: &Series, run: std::ops::Range<usize>) -> Option<(usize, f64)> {
    run.filter_map(|at| Some((at, f64::from(series.values.get(at).copied().flatten()?))))
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

/// The time and value of the lowest point of a series.
#[must_use]
pub fn lowest(series: &Series) -> Option<(f64, f64)> {
    lowest_of(series, 0..series.values.len()).map(|(at, value)| (series.time_s(at), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_point_is_found_across_gaps() {
        let series = Series {
            start_s: 3.0,
            step_s: 1.0,
            values: vec![Some(9.0), None, Some(4.0), Some(6.0)],
        };
        assert_eq!(lowest(&series), Some((5.0, 4.0)));
        assert_eq!(lowest_of(&series, 1..2), None);
    }
}
