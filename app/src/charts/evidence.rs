//! The small chart of a finding: what was measured there, and what is usual.

use analysis::rules::usual_thirds_db;
use leptos::prelude::*;
use model::{
    Report,
    report::{Series, Waveform},
    verdict::{Area, Finding, Operation, TimeRange, Unit},
};

use super::{
    plot::{FrequencyAxis, UprightScale, across, line, runs},
    waveform::lanes,
};
use crate::{
    format,
    ui::{Tone, meter::percent},
};

/// The most points of a curve: a small chart has few pixels.
const POINTS: usize = 200;

/// What is shown before and after a place, in seconds, at least.
const AROUND_S: f64 = 4.0;

/// A place that takes less of the song than this is shown alone; else the whole song is.
const SHORT: f64 = 0.15;

/// How many slices of the waveform show a place at least: with fewer there is nothing to see.
const FEWEST_SLICES: usize = 8;

/// What a finding is shown by.
enum Evidence<'a> {
    /// The waveform around its places.
    Waveform,
    /// A measure over time, with a value that parts good from bad where there is one.
    OverTime {
        name: &'static str,
        series: &'a Series,
        guide: Option<f64>,
    },
    /// The spectrum against what is usual; a part of it, in Hz, stands out.
    Spectrum { around: Option<(f64, f64)> },
    /// Left over right in each band; a part of them, in Hz, stands out.
    Balances { around: (f64, f64) },
}

/// The chart of `finding`; nothing where the report holds nothing to draw. `id` is that of its row.
pub fn evidence(report: &Report, finding: &Finding, tone: Tone, id: &str) -> Option<AnyView> {
    let window = Window::around(&finding.time_ranges, report.file.duration_s);
    let (name, curve) = match kind_of(report, finding)? {
        Evidence::Spectrum { around } => return spectrum(report, around, tone, id),
        Evidence::Balances { around } => return balances(report, around, tone, id),
        Evidence::Waveform => ("The waveform", waveform(&report.waveform, &window)?),
        Evidence::OverTime { name, series, guide } => (name, curve(series, guide, &window)?),
    };
    let caption = format!("{name}{}", window.words());
    Some(over_time(&window, &finding.time_ranges, tone, id, caption, curve))
}

fn waveform(waveform: &Waveform, window: &Window) -> Option<AnyView> {
    let slices = waveform.slices.len();
    let at = |time_s: f64| (time_s / window.duration_s * slices as f64) as usize;
    let range = at(window.from_s)..at(window.to_s).min(slices);
    let part = |lane: &[(i8, i8)]| lane.get(range.clone()).map(<[_]>::to_vec);
    let shown = Waveform {
        slices: part(&waveform.slices)?,
        left_right: match &waveform.left_right {
            Some([left, right]) => Some([part(left)?, part(right)?]),
            None => None,
        },
    };
    (shown.slices.len() >= FEWEST_SLICES).then(|| lanes(&shown, POINTS))
}

fn curve(series: &Series, guide: Option<f64>, window: &Window) -> Option<AnyView> {
    let points = window.points(series);
    let scale = scale_of(&points, guide)?;
    let drawn: Vec<_> = points
        .iter()
        .map(|point| {
            point.map(|(time_s, value)| (window.share(time_s) * 1_000.0, scale.percent(value) * 10.0))
        })
        .collect();
    let guide = guide.map(|value| {
        let y = percent(scale.percent(value));
        view! { <line class="guide" x1="0" x2="100%" y1=y.clone() y2=y></line> }
    });
    Some(
        view! {
            {scale.lines()}
            {guide}
            <svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">
                <path class="trace" d=line(&drawn)></path>
            </svg>
            {scale.lettering()}
        }
        .into_any(),
    )
}

fn kind_of<'a>(report: &'a Report, finding: &Finding) -> Option<Evidence<'a>> {
    let detail = report.detail.as_deref()?;
    let has_places = !finding.time_ranges.is_empty();
    let over_time = |name, series: &'a Series, guide| Evidence::OverTime { name, series, guide };
    let stereo = detail.stereo.as_ref();
    match (finding.rule.as_str(), stereo) {
        // Faults of passages that waveform and spectrum hide.
        ("signal.inverted_passage", Some(stereo)) => {
            return Some(over_time(CORRELATION, &stereo.correlation, Some(0.0)));
        }
        ("signal.balance_shift", Some(stereo)) => {
            return Some(over_time(BALANCE, &stereo.balance_db, Some(0.0)));
        }
        ("stereo.mono_passage", Some(stereo)) => {
            return Some(over_time("Side over mid, in dB", &stereo.width_db, None));
        }
        ("stereo.treble", _) => {
            return Some(Evidence::Balances {
                around: (5_000.0, 14_000.0),
            });
        }
        ("low_end.lean", _) => {
            return Some(Evidence::Balances {
                around: (20.0, 120.0),
            });
        }
        ("tone.muffled_passage", _) => {
            let treble = detail.spectrum.bands_over_time_db.get(TREBLE)?;
            return Some(over_time("Level from 5 to 9 kHz, in dB", treble, None));
        }
        _ => {}
    }
    match finding.area {
        Area::Stereo => {
            let stereo = stereo?;
            Some(
                if matches!(
                    finding.step.as_ref().map(|step| &step.operation),
                    Some(Operation::Balance { .. })
                ) {
                    over_time(BALANCE, &stereo.balance_db, Some(0.0))
                } else {
                    over_time(CORRELATION, &stereo.correlation, Some(0.0))
                },
            )
        }
        Area::Loudness => Some(over_time(
            "Short-term loudness, in LUFS",
            &report.loudness.short_term_lufs,
            report.loudness.integrated_lufs.value(),
        )),
        Area::Peaks => Some(over_time(
            "True peak, in dBTP",
            &detail.peaks.true_peak_dbtp,
            // What the rule allows, where it counts in the same unit.
            Some(
                finding
                    .range
                    .high
                    .filter(|_| finding.unit == Unit::Dbtp)
                    .unwrap_or(0.0),
            ),
        )),
        Area::Dynamics => Some(over_time(
            "Peak to short-term loudness, in LU",
            &detail.dynamics.psr_lu,
            None,
        )),
        Area::Tone | Area::LowEnd => Some(Evidence::Spectrum {
            around: part_of(finding),
        }),
        Area::Signal if has_places => Some(Evidence::Waveform),
        Area::Signal | Area::Delivery => None,
    }
}

/// Of the bands over time, the one in which a low-pass shows and a song has something.
const TREBLE: usize = 5;
const CORRELATION: &str = "Correlation of left and right";
const BALANCE: &str = "Left over right, in dB";

/// The part of the spectrum that a finding is about, where its remedy says so.
fn part_of(finding: &Finding) -> Option<(f64, f64)> {
    match finding.step.as_ref().map(|step| &step.operation)? {
        Operation::Bell { hz, q, .. } => {
            // Half of the bandwidth of a bell, in octaves (RBJ).
            let octaves = (1.0 / (2.0 * q.max(0.1))).asinh() / std::f64::consts::LN_2;
            Some((hz / octaves.exp2(), hz * octaves.exp2()))
        }
        Operation::Shelf { hz, side, .. } => Some(match side {
            model::verdict::ShelfSide::Low => (20.0, *hz),
            model::verdict::ShelfSide::High => (*hz, 20_000.0),
        }),
        Operation::HighPass { hz } | Operation::MonoBelow { hz } => Some((20.0, *hz)),
        _ => None,
    }
}

/// The stretch of the song that a chart shows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    from_s: f64,
    to_s: f64,
    duration_s: f64,
}

impl Window {
    /// Around the worst place, where that is short; else all of the song.
    fn around(ranges: &[TimeRange], duration_s: f64) -> Self {
        let duration_s = duration_s.max(0.001);
        let whole = Self {
            from_s: 0.0,
            to_s: duration_s,
            duration_s,
        };
        let Some(worst) = ranges.first() else { return whole };
        let length = worst.end_s - worst.start_s;
        if length > SHORT * duration_s {
            return whole;
        }
        let around = AROUND_S.max(length);
        Self {
            from_s: (worst.start_s - around).max(0.0),
            to_s: (worst.end_s + around).min(duration_s),
            duration_s,
        }
    }

    fn is_whole(&self) -> bool {
        self.from_s <= 0.0 && self.to_s >= self.duration_s
    }

    /// Where a time stands in it, 0 to 1.
    fn share(&self, time_s: f64) -> f64 {
        ((time_s - self.from_s) / (self.to_s - self.from_s).max(0.001)).clamp(0.0, 1.0)
    }

    fn words(&self) -> String {
        if self.is_whole() {
            " over the song".to_owned()
        } else {
            format!(
                " from {} to {}",
                format::clock_tenths(self.from_s),
                format::clock_tenths(self.to_s)
            )
        }
    }

    /// The values of a series in it, thinned to the lowest and the highest of each run. A value stands in the middle of what it is of:
    /// the first is of everything until its time, and each of as long a time.
    fn points(&self, series: &Series) -> Vec<Option<(f64, f64)>> {
        let lag_s = series.start_s / 2.0;
        let at = |time_s: f64| ((time_s - lag_s) / series.step_s.max(0.001)).max(0.0) as usize;
        let end = (at(self.to_s) + 1).min(series.values.len());
        let first = at(self.from_s).min(end);
        let known = |index: usize| {
            Some((
                series.time_s(index) - lag_s,
                f64::from(series.values.get(index).copied().flatten()?),
            ))
        };
        runs(end - first, POINTS / 2)
            .flat_map(|run| {
                let points = || run.clone().filter_map(|offset| known(first + offset));
                let least = points().min_by(|a, b| a.1.total_cmp(&b.1));
                let most = points().max_by(|a, b| a.1.total_cmp(&b.1));
                match (least, most) {
                    (Some(least), Some(most)) if least.0 == most.0 => vec![Some(least)],
                    (Some(least), Some(most)) if least.0 < most.0 => vec![Some(least), Some(most)],
                    (Some(least), Some(most)) => vec![Some(most), Some(least)],
                    _ => vec![None],
                }
            })
            .collect()
    }
}

/// A scale that holds all points and the guide; `None` where there are no points.
fn scale_of(points: &[Option<(f64, f64)>], guide: Option<f64>) -> Option<UprightScale> {
    const STEPS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 6.0, 12.0, 24.0];
    let values = || points.iter().flatten().map(|point| point.1);
    let least = values().min_by(f64::total_cmp)?;
    let most = values().max_by(f64::total_cmp)?;
    let (least, most) = guide.map_or((least, most), |guide| (least.min(guide), most.max(guide)));
    let span = (most - least).max(0.2);
    let step = STEPS.into_iter().find(|step| span / step <= 4.0).unwrap_or(48.0);
    let top = (most / step).floor() * step + step;
    let bottom = (least / step).ceil() * step - step;
    let decimals = if step < 0.5 { 2 } else { usize::from(step < 1.0) };
    Some(UprightScale {
        top,
        bottom,
        step,
        decimals,
    })
}

/// A plot over time with the places marked, and the ends of the window below it.
fn over_time(
    window: &Window,
    ranges: &[TimeRange],
    tone: Tone,
    id: &str,
    caption: String,
    curve: AnyView,
) -> AnyView {
    let places = ranges
        .iter()
        .filter(|range| range.end_s >= window.from_s && range.start_s <= window.to_s)
        .map(|range| {
            marked(
                window.share(range.start_s) * 100.0,
                window.share(range.end_s) * 100.0,
                tone,
            )
        })
        .collect_view();
    let caption_id = format!("{id}-chart");
    view! {
        <figure class="evidence-chart">
            <figcaption class="small muted" id=caption_id.clone()>{caption}</figcaption>
            <svg class="plot plot--evidence" role="img" aria-labelledby=caption_id>
                {curve}
                {places}
            </svg>
            <p class="evidence-chart__ends num" aria-hidden="true">
                <span>{format::clock_tenths(window.from_s)}</span>
                <span>{format::clock_tenths(window.to_s)}</span>
            </p>
        </figure>
    }
    .into_any()
}

/// A part of a plot from one share of its width to another, in percent.
fn marked(from: f64, to: f64, tone: Tone) -> impl IntoView + use<> {
    let class = format!("finding-range {}", tone.class());
    view! { <rect class=class x=percent(from) y="0" width=percent((to - from).max(0.5)) height="100%"></rect> }
}

/// The spectrum of the song against the mean of finished tracks as loud.
fn spectrum(report: &Report, around: Option<(f64, f64)>, tone: Tone, id: &str) -> Option<AnyView> {
    let thirds = &report.detail.as_deref()?.spectrum.third_octave;
    let own: Vec<Option<(f64, f64)>> = thirds
        .iter()
        .filter(|band| (25.0..=16_500.0).contains(&band.hz))
        .map(|band| Some((band.hz, f64::from(band.db?))))
        .collect();
    let usual: Vec<Option<(f64, f64)>> = usual_thirds_db(report).into_iter().map(Some).collect();
    let most = own
        .iter()
        .chain(&usual)
        .flatten()
        .map(|point| point.1)
        .max_by(f64::total_cmp)?;
    let scale = UprightScale {
        top: (most / 12.0).floor() * 12.0 + 12.0,
        bottom: (most / 12.0).floor() * 12.0 - 48.0,
        step: 12.0,
        decimals: 0,
    };
    let caption = match around {
        Some((from_hz, to_hz)) => format!(
            "The spectrum per 1/3 octave, in dB; dashed: finished tracks on average, as loud. Marked: {}.",
            format::band_edges(from_hz, to_hz)
        ),
        None => "The spectrum per 1/3 octave, in dB; dashed: finished tracks on average, as loud.".to_owned(),
    };
    let curves = view! {
        <path class="trace trace--usual" d=by_frequency(&usual, &scale)></path>
        <path class="trace" d=by_frequency(&own, &scale)></path>
    };
    Some(over_frequency(
        &scale,
        around,
        tone,
        id,
        caption,
        curves.into_any(),
    ))
}

/// Left over right in each band of the song.
fn balances(report: &Report, around: (f64, f64), tone: Tone, id: &str) -> Option<AnyView> {
    let bands = &report.detail.as_deref()?.stereo.as_ref()?.bands;
    let points: Vec<Option<(f64, f64)>> = bands
        .iter()
        .filter(|band| (25.0..=16_500.0).contains(&band.hz))
        .map(|band| Some((band.hz, f64::from(band.balance_db?))))
        .collect();
    let scale = scale_of(&points, Some(0.0))?;
    let (from_hz, to_hz) = around;
    let caption = format!(
        "{BALANCE}, per 1/3 octave. Marked: {}.",
        format::band_edges(from_hz, to_hz)
    );
    let middle = scale.percent(0.0) * 10.0;
    let curves = view! {
        <path class="trace trace--usual" d=line(&[Some((0.0, middle)), Some((1_000.0, middle))])></path>
        <path class="trace" d=by_frequency(&points, &scale)></path>
    };
    Some(over_frequency(
        &scale,
        Some(around),
        tone,
        id,
        caption,
        curves.into_any(),
    ))
}

/// The path through points of (Hz, dB), in thousandths of a plot.
fn by_frequency(points: &[Option<(f64, f64)>], scale: &UprightScale) -> String {
    let points: Vec<_> = points
        .iter()
        .map(|point| point.map(|(hz, db)| (across(hz) * 10.0, scale.percent(db) * 10.0)))
        .collect();
    line(&points)
}

/// A plot over frequency with a part marked, in Hz.
fn over_frequency(
    scale: &UprightScale,
    around: Option<(f64, f64)>,
    tone: Tone,
    id: &str,
    caption: String,
    curves: AnyView,
) -> AnyView {
    let part = around.map(|(from_hz, to_hz)| marked(across(from_hz), across(to_hz), tone));
    let caption_id = format!("{id}-chart");
    view! {
        <figure class="evidence-chart">
            <figcaption class="small muted" id=caption_id.clone()>{caption}</figcaption>
            <svg class="plot plot--evidence" role="img" aria-labelledby=caption_id>
                {scale.lines()}
                {part}
                <svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">
                    {curves}
                </svg>
                {scale.lettering()}
            </svg>
            <FrequencyAxis />
        </figure>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start_s: f64, end_s: f64) -> TimeRange {
        TimeRange {
            start_s,
            end_s,
            channel: None,
        }
    }

    #[test]
    fn a_short_place_is_shown_alone_and_a_long_one_in_its_song() {
        let short = Window::around(&[range(31.0, 31.9)], 240.0);
        assert_eq!((short.from_s, short.to_s), (27.0, 35.9));
        assert_eq!(short.words(), " from 0:27.0 to 0:35.9");
        assert!(Window::around(&[range(31.0, 131.0)], 240.0).is_whole());
        assert!(Window::around(&[], 240.0).is_whole());
        let at_the_end = Window::around(&[range(239.5, 240.0)], 240.0);
        assert_eq!((at_the_end.from_s, at_the_end.to_s), (235.5, 240.0));
    }

    #[test]
    fn thinning_keeps_what_stands_out() {
        let mut values = vec![Some(0.0); 10_000];
        values[4_321] = Some(-7.0);
        values[4_322] = None;
        let series = Series {
            start_s: 0.0,
            step_s: 0.1,
            values,
        };
        let window = Window::around(&[], 1_000.0);
        let points = window.points(&series);
        assert!(points.len() <= POINTS);
        let least = points
            .iter()
            .flatten()
            .map(|point| point.1)
            .min_by(f64::total_cmp);
        assert_eq!(least, Some(-7.0));
    }

    #[test]
    fn a_scale_holds_everything_in_few_steps() {
        for (least, most, guide) in [
            (-0.02, 0.3, Some(0.0)),
            (-48.0, -9.0, Some(-14.0)),
            (7.0, 7.0, None),
            (-3.0, 2.5, Some(0.0)),
        ] {
            let scale = scale_of(&[Some((0.0, least)), None, Some((1.0, most))], guide).unwrap();
            assert!(scale.bottom < least && scale.top > most, "{scale:?}");
            assert!((scale.top - scale.bottom) / scale.step <= 6.5, "{scale:?}");
        }
        assert!(scale_of(&[None], Some(0.0)).is_none());
    }
}
