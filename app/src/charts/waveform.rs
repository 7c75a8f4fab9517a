//! The outline of the waveform over time, left above right, and the strip of it that stays in sight while something plays.

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
/// The points of a strip that has an outline of its own.
const STRIP_POINTS: usize = 600;
/// Full scale, silence and full scale again, as shares of a lane.
const ZERO_LINES: [f64; 3] = [0.0767, 0.5, 0.9233];

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

/// Waveform, time axis, the position of the true peak, and the playhead. A lane is 300 high for 254 of full scale, so that the
/// lines of full scale (0 dBFS) and the mark above them can be seen.
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
    let lanes = named_lanes(&report.waveform, id);
    let ranges = finding_ranges(&marks, duration);
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
                {lanes}
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

/// The waveform once more, small, to stand under the transport when the large one is out of sight. It is drawn with the outlines of
/// that, which are a good part of the page's bytes.
#[component]
pub fn WaveformStrip(
    /// The measurements.
    report: Report,
    /// Findings that have a place.
    #[prop(optional)]
    marks: Vec<FindingMark>,
    /// Prefix of the ids of the large one.
    #[prop(default = "waveform")]
    of: &'static str,
) -> impl IntoView {
    let duration = report.file.duration_s.max(0.001);
    view! {
        <div class="strip">
            <svg class="plot plot--strip" aria-hidden="true">
                {lanes_of(&report.waveform, of)}
                {finding_ranges(&marks, duration)}
                {playhead()}
            </svg>
        </div>
    }
    .into_any()
}

/// The waveform of one of several sources. `source` is its number in the player, which goes where it is clicked.
#[component]
pub fn SourceStrip(
    /// Its outline.
    waveform: Waveform,
    /// Its number.
    source: usize,
) -> impl IntoView {
    view! {
        <svg class="plot plot--strip" data-source=source.to_string() aria-hidden="true">
            {lanes(&waveform, STRIP_POINTS)}
            {playhead()}
        </svg>
    }
    .into_any()
}

/// Left and right with their names, or all channels together without one.
fn channels(waveform: &Waveform) -> Vec<(&'static str, &[(i8, i8)])> {
    match &waveform.left_right {
        Some([left, right]) => vec![("L", left), ("R", right)],
        None => vec![("", &waveform.slices)],
    }
}

/// The left channel above the right one; one lane for what is not stereo.
pub(super) fn lanes(waveform: &Waveform, points: usize) -> AnyView {
    lanes_by(waveform, |_, slices| {
        let slices = thin(slices, points);
        let outline = outline(&slices);
        (
            slices.len(),
            view! { <path class="wave" d=outline></path> }.into_any(),
        )
    })
}

/// Lanes whose outlines [`lanes_of`] can show again.
fn named_lanes(waveform: &Waveform, id: &'static str) -> AnyView {
    lanes_by(waveform, |at, slices| {
        let slices = thin(slices, CURVE_POINTS);
        let outline = outline(&slices);
        let path = view! { <path class="wave" id=format!("{id}-lane-{at}") d=outline></path> };
        (slices.len(), path.into_any())
    })
}

/// The outlines of the [`named_lanes`] of this waveform once more.
fn lanes_of(waveform: &Waveform, id: &'static str) -> AnyView {
    lanes_by(waveform, |at, slices| {
        let again = view! { <use href=format!("#{id}-lane-{at}")></use> };
        (runs(slices.len(), CURVE_POINTS).count(), again.into_any())
    })
}

/// Lanes with outlines that `draw` makes of the number of a lane and its slices, and how many units wide each is.
fn lanes_by(waveform: &Waveform, draw: impl Fn(usize, &[(i8, i8)]) -> (usize, AnyView)) -> AnyView {
    let channels = channels(waveform);
    let height = 100.0 / channels.len() as f64;
    channels
        .into_iter()
        .enumerate()
        .map(|(at, (name, slices))| lane(name, at as f64 * height, height, draw(at, slices)))
        .collect_view()
        .into_any()
}

/// A lane `top` from the top of the plot and `height` high, both 0 to 100, with an outline of so many units.
fn lane(name: &'static str, top: f64, height: f64, (units, outline): (usize, AnyView)) -> AnyView {
    let lines = ZERO_LINES
        .map(|share| {
            let y = percent(top + height * share);
            view! { <line class="grid grid--zero" x1="0" x2="100%" y1=y.clone() y2=y></line> }
        })
        .collect_view();
    let name = (!name.is_empty()).then(|| {
        let y = percent(top + height / 2.0);
        view! {
            <text class="scale start" x="0" y=y dx="5" dy="-4">
                {name}
            </text>
        }
    });
    view! {
        {lines}
        <svg
            x="0"
            y=percent(top)
            width="100%"
            height=percent(height)
            viewBox=format!("0 -150 {} 300", units.max(1))
            preserveAspectRatio="none"
        >
            {outline}
        </svg>
        {name}
    }
    .into_any()
}

fn finding_ranges(marks: &[FindingMark], duration_s: f64) -> AnyView {
    marks
        .iter()
        .flat_map(|mark| {
            mark.time_ranges
                .iter()
                .map(move |range| finding_range(mark, *range, duration_s))
        })
        .collect_view()
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
fn thin(slices: &[(i8, i8)], count: usize) -> Vec<(i8, i8)> {
    runs(slices.len(), count)
        .map(|run| {
            let slices = slices.get(run).unwrap_or_default();
            let low = slices.iter().map(|slice| slice.0).min().unwrap_or(0);
            let high = slices.iter().map(|slice| slice.1).max().unwrap_or(0);
            (low.min(high), high)
        })
        .collect()
}

/// Along the tops and back along the bottoms, in relative steps: a third of the length of absolute ones.
fn outline(slices: &[(i8, i8)]) -> String {
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
    let lanes = channels(waveform);
    let columns: &[&str] = match lanes.len() {
        1 => &["From", "Peak, dBFS"],
        _ => &["From", "Left, dBFS", "Right, dBFS"],
    };
    let count = waveform.slices.len();
    let rows = runs(count, TABLE_ROWS)
        .map(|run| {
            let start = run.start as f64 / count.max(1) as f64 * duration_s;
            let peaks = lanes
                .iter()
                .map(|(_, lane)| peak_of(lane.get(run.clone()).unwrap_or_default()));
            std::iter::once(format::clock(start)).chain(peaks).collect()
        })
        .collect();
    DataTable::new("Largest sample by time", columns, rows)
}

fn peak_of(slices: &[(i8, i8)]) -> String {
    let peak = slices
        .iter()
        .map(|slice| slice.0.unsigned_abs().max(slice.1.unsigned_abs()))
        .max();
    let peak = Reading::new(20.0 * (f64::from(peak.unwrap_or(0)) / 127.0).log10());
    if peak.value().is_some() {
        format::reading(peak, 1, "")
    } else {
        format::DASH.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_extremes() {
        let slices = [(-3, 4), (-90, 2), (-1, 100), (0, 0)];
        assert_eq!(thin(&slices, 2), [(-90, 4), (-1, 100)]);
    }

    #[test]
    fn the_outline_returns_to_its_start() {
        assert_eq!(outline(&[(-2, 3), (-1, 1)]), "M0 0v-3h1v2h1v2h-1v1h-1z");
    }
}
