//! The outline of the waveform over time.

use leptos::prelude::*;
use model::{
    Reading, Report,
    report::{Position, Waveform},
    verdict::TimeRange,
};

use super::plot::{CURVE_POINTS, TABLE_ROWS, TimeAxis, playhead, runs, time_grid};
use crate::{
    format,
    ui::{ChartFrame, DataTable, Tone, meter::percent},
};

/// A moment is drawn so wide that it can be seen and rested on.
const SLIMMEST_PERCENT: f64 = 0.35;

/// A finding as the waveform shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingMark {
    /// Its row in the score breakdown, counted from 1.
    pub number: usize,
    /// What it is.
    pub title: String,
    /// How grave it is.
    pub tone: Tone,
    /// Where it is, in the order of time; never empty.
    pub time_ranges: Vec<TimeRange>,
}

/// Waveform, time axis, the position of the true peak, and the playhead. The field is 300 high for 254 of full scale, so
/// that the lines of full scale (0 dBFS) and the mark above them can be seen.
#[component]
pub fn WaveformChart(
    /// The measurements.
    report: Report,
    /// Findings that have a place.
    #[prop(optional)]
    marks: Vec<FindingMark>,
    /// Prefix of the ids.
    #[prop(default = "waveform")]
    id: &'static str,
) -> impl IntoView {
    let duration = report.file.duration_s.max(0.001);
    let slices = thin(&report.waveform, CURVE_POINTS);
    let ranges = marks
        .iter()
        .flat_map(|mark| {
            mark.time_ranges
                .iter()
                .map(move |range| finding_range(mark, *range, duration))
        })
        .collect_view();
    let findings = marks
        .iter()
        .filter_map(|mark| Some((mark.number, mark.time_ranges.first()?.start_s)))
        .map(|(number, time_s)| finding_mark(number, time_s, duration))
        .collect_view();
    let peak = report.peaks.true_peak_at.map(|at| peak_mark(at, duration));
    view! {
        <ChartFrame
            id=id
            title="Waveform"
            summary=summary(&report, !marks.is_empty())
            table=table(&report.waveform, duration)
        >
            <svg
                class="plot plot--waveform"
                role="img"
                aria-labelledby=format!("{id}-title {id}-summary")
            >
                {time_grid(duration)}
                <line class="grid grid--zero" x1="0" x2="100%" y1="7.67%" y2="7.67%"></line>
                <line class="grid grid--zero" x1="0" x2="100%" y1="50%" y2="50%"></line>
                <line class="grid grid--zero" x1="0" x2="100%" y1="92.33%" y2="92.33%"></line>
                <svg
                    x="0"
                    y="0"
                    width="100%"
                    height="100%"
                    viewBox=format!("0 -150 {} 300", slices.len().max(1))
                    preserveAspectRatio="none"
                >
                    <path class="wave" d=outline(&slices)></path>
                </svg>
                {ranges}
                {findings}
                {peak}
                {playhead()}
            </svg>
            <TimeAxis duration_s=duration />
        </ChartFrame>
    }
    .into_any()
}

/// A small triangle at the top where the true peak is.
fn peak_mark(at: Position, duration_s: f64) -> impl IntoView {
    let x = percent((at.time_s / duration_s * 100.0).clamp(0.0, 100.0));
    view! {
        <svg x=x y="0" width="1" height="8" overflow="visible">
            <path class="marker" d="M-5 0H5L0 7z"></path>
        </svg>
    }
    .into_any()
}

/// Where a finding is, as a band over the whole height, with its name for whoever rests on it.
fn finding_range(mark: &FindingMark, range: TimeRange, duration_s: f64) -> impl IntoView + use<> {
    let start = (range.start_s / duration_s * 100.0).clamp(0.0, 100.0);
    let width = ((range.end_s - range.start_s) / duration_s * 100.0).clamp(SLIMMEST_PERCENT, 100.0);
    let class = format!("finding-range {}", mark.tone.class());
    let name = format!("{}: {}", mark.title, format::clock_tenths(range.start_s));
    view! {
        <rect class=class x=percent(start) y="0" width=percent(width) height="100%">
            <title>{name}</title>
        </rect>
    }
    .into_any()
}

/// The number of a finding at the bottom, where it happens first.
fn finding_mark(number: usize, time_s: f64, duration_s: f64) -> impl IntoView {
    let x = percent((time_s / duration_s * 100.0).clamp(0.6, 99.4));
    view! {
        <svg class="finding-mark" x=x y="100%" width="1" height="1" overflow="visible">
            <line x1="0" x2="0" y1="-22" y2="-400"></line>
            <circle cx="0" cy="-12" r="9"></circle>
            <text x="0" y="-8">{number}</text>
        </svg>
    }
    .into_any()
}

fn summary(report: &Report, has_marks: bool) -> String {
    let length = format::clock(report.file.duration_s);
    let marks = if has_marks {
        " The numbers are the rows of the receipt, where they happen first."
    } else {
        ""
    };
    let text = match (report.peaks.true_peak_dbtp.value(), report.peaks.true_peak_at) {
        (Some(peak), Some(at)) => format!(
            "{length} long. The triangle marks the true peak, {} at {}.",
            format::with_unit(peak, 1, "dBTP"),
            format::clock_tenths(at.time_s)
        ),
        _ => format!("{length} long."),
    };
    text + marks
}

/// Fewer slices with the same extremes.
pub(super) fn thin(waveform: &Waveform, count: usize) -> Vec<(i8, i8)> {
    runs(waveform.slices.len(), count)
        .map(|run| {
            let slices = waveform.slices.get(run).unwrap_or_default();
            let low = slices.iter().map(|slice| slice.0).min().unwrap_or(0);
            let high = slices.iter().map(|slice| slice.1).max().unwrap_or(0);
            (low.min(high), high)
        })
        .collect()
}

/// Along the tops and back along the bottoms, in relative steps: a third of the length of absolute ones.
pub(super) fn outline(slices: &[(i8, i8)]) -> String {
    let tops = slices.iter().map(|slice| -i32::from(slice.1));
    let bottoms = slices.iter().rev().map(|slice| -i32::from(slice.0));
    let mut path = String::from("M0 0");
    let mut last = 0;
    for top in tops {
        path.push_str(&format!("v{}h1", top - last));
        last = top;
    }
    for bottom in bottoms {
        path.push_str(&format!("v{}h-1", bottom - last));
        last = bottom;
    }
    path.push('z');
    path
}

fn table(waveform: &Waveform, duration_s: f64) -> DataTable {
    let len = waveform.slices.len().max(1) as f64;
    let rows = runs(waveform.slices.len(), TABLE_ROWS)
        .map(|run| {
            let start = run.start as f64 / len * duration_s;
            let slices = waveform.slices.get(run).unwrap_or_default();
            let peak = slices
                .iter()
                .map(|slice| slice.0.unsigned_abs().max(slice.1.unsigned_abs()))
                .max();
            let peak = Reading::new(20.0 * (f64::from(peak.unwrap_or(0)) / 127.0).log10());
            let peak = if peak.value().is_some() {
                format::reading(peak, 1, "")
            } else {
                format::DASH.to_owned()
            };
            vec![format::clock(start), peak]
        })
        .collect();
    DataTable::new("Largest sample by time", &["From", "Peak, dBFS"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_extremes() {
        let waveform = Waveform {
            slices: vec![(-3, 4), (-90, 2), (-1, 100), (0, 0)],
        };
        assert_eq!(thin(&waveform, 2), [(-90, 4), (-1, 100)]);
    }

    #[test]
    fn the_outline_returns_to_its_start() {
        assert_eq!(outline(&[(-2, 3), (-1, 1)]), "M0 0v-3h1v2h1v2h-1v1h-1z");
    }
}
