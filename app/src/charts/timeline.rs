//! The chart tracks below the waveform: one time axis, one cursor, one table.

use leptos::prelude::*;
use model::{
    Report,
    report::{BANDS, Series},
};

use super::{
    Medium,
    chart_track::lowest,
    heatmap::Heatmap,
    loudness::window_over,
    plot::{CURVE_POINTS, TABLE_ROWS, TimeAxis, UprightScale, line, playhead, runs, time_grid},
    stereo_bands::AGAINST,
};
use crate::{
    format,
    islands::chart_tracks::{ChartTrack, ChartTracks},
    ui::{DataTable, Table, meter::percent},
};

/// The most steps of time that the read-outs know.
const STEPS: usize = 480;
/// The finest of them, in seconds; the series have no finer ones.
const STEP_S: f64 = 1.0;

const PSR: UprightScale = UprightScale {
    top: 24.0,
    bottom: 0.0,
    step: 6.0,
    decimals: 0,
};
const CORRELATION: UprightScale = UprightScale {
    top: 1.0,
    bottom: -1.0,
    step: 0.5,
    decimals: 1,
};

/// Short-term loudness, PSR, correlation and the seven bands over time, each exactly below the waveform.
#[component]
pub fn TimelineChart(
    /// The measurements.
    report: Report,
    /// Where it is read.
    #[prop(optional)]
    medium: Medium,
) -> impl IntoView {
    let duration_s = report.file.duration_s.max(0.001);
    let short_term = &report.loudness.short_term_lufs;
    let integrated = report.loudness.integrated_lufs.value();
    let detail = report.detail.as_deref();
    let psr = detail.map(|detail| {
        let series = &detail.dynamics.psr_lu;
        let fact = lowest(series).map(|at| fact("densest", at, 1, "LU"));
        let reference = detail.dynamics.psr_p10_lu.value();
        row(
            "Peak to short-term",
            "LU",
            fact,
            plot(series, PSR, lowest_of, reference, duration_s),
        )
    });
    let correlation = detail.and_then(|detail| detail.stereo.as_ref()).map(|stereo| {
        let series = &stereo.correlation;
        let fact = lowest(series).map(|at| {
            let word = if at.1 < AGAINST {
                "cancels in mono"
            } else {
                "lowest"
            };
            fact(word, at, 2, "")
        });
        row(
            "Correlation",
            "",
            fact,
            plot(series, CORRELATION, lowest_of, Some(0.0), duration_s),
        )
    });
    let heat = detail
        .map(|detail| Heatmap::of(&detail.spectrum.bands_over_time_db, duration_s))
        .filter(|heat| !heat.is_empty());
    let legend = heat.is_some().then(Heatmap::legend);
    let heat = heat.map(|heat| row("Bands", "", None, heat.plot(duration_s)));
    let loudest = loudest(short_term).map(|at| fact("loudest", at, 1, "LUFS"));
    let window = window_over(short_term, integrated);
    let loudness = plot(short_term, window, loudest_of, integrated, duration_s);
    let table = table(&report);
    let label = table.caption.clone();
    view! {
        <figure class="chart chart-tracks" id="tracks">
            <figcaption class="visually-hidden">{summary(&report, medium)}</figcaption>
            {row("Short-term loudness", "LUFS", loudest, loudness)}
            {psr}
            {correlation}
            {heat}
            <TimeAxis duration_s=duration_s />
            {legend}
            <details class="chart__data">
                <summary>"Show the lanes as numbers"</summary>
                <div class="scroller" role="region" tabindex="0" aria-label=label>
                    <Table data=table />
                </div>
            </details>
        </figure>
    }
    .into_any()
}

/// What the read-outs say, on one grid of time.
#[must_use]
pub fn chart_tracks(report: &Report) -> ChartTracks {
    let duration_s = report.file.duration_s;
    let step_s = (duration_s / STEPS as f64).ceil().max(STEP_S);
    // Ends with the file, which is at most some days long.
    let count = (duration_s / step_s).ceil().clamp(0.0, 2.0 * STEPS as f64) as usize;
    let short_term = |pick: Pick, decimals, name: &str, unit: &str, series: &Series| {
        let values = (0..count).map(|at| meter_at(series, at as f64 * step_s, step_s, pick));
        ChartTrack::new(name, unit, decimals, values)
    };
    let mut chart_tracks = vec![short_term(
        loudest_of,
        1,
        "Short-term",
        "LUFS",
        &report.loudness.short_term_lufs,
    )];
    if let Some(detail) = report.detail.as_deref() {
        chart_tracks.push(short_term(lowest_of, 1, "PSR", "LU", &detail.dynamics.psr_lu));
        if let Some(stereo) = &detail.stereo {
            chart_tracks.push(short_term(lowest_of, 2, "Correlation", "", &stereo.correlation));
        }
        for (band, series) in BANDS.into_iter().zip(&detail.spectrum.bands_over_time_db) {
            let values = (0..count).map(|at| mean_over(series, at as f64 * step_s, step_s));
            chart_tracks.push(ChartTrack::new(band.name, "dB", 0, values));
        }
    }
    ChartTracks { step_s, chart_tracks }
}

/// Which value of a run stands for it, and its index.
type Pick = fn(&Series, std::ops::Range<usize>) -> Option<(usize, f64)>;

/// What a meter shows at a time: the window that ended last, or the picked one of those that end until `time_s + step_s`.
fn meter_at(series: &Series, time_s: f64, step_s: f64, pick: Pick) -> Option<f64> {
    let index = |time_s: f64| ((time_s - series.start_s) / series.step_s.max(0.001) + 1e-6).floor();
    let (first, last) = (index(time_s), index(time_s + step_s - 1e-3));
    if last < 0.0 {
        return None;
    }
    let first = first.max(0.0) as usize;
    let last = (last as usize).min(series.values.len().saturating_sub(1));
    pick(series, first.min(last)..last + 1).map(|(_, value)| value)
}

/// The mean level, of the energy, of the seconds from `time_s` on; their values stand at their ends.
pub(super) fn mean_over(series: &Series, time_s: f64, step_s: f64) -> Option<f64> {
    let index = |time_s: f64| {
        ((time_s - series.start_s) / series.step_s.max(0.001) + 1.0 + 1e-6)
            .floor()
            .max(0.0) as usize
    };
    let first = index(time_s);
    let end = index(time_s + step_s - 1e-3) + 1;
    let values = series
        .values
        .get(first.min(series.values.len())..end.min(series.values.len()))?;
    let powers: Vec<f64> = values
        .iter()
        .flatten()
        .map(|db| 10_f64.powf(f64::from(*db) / 10.0))
        .collect();
    (!powers.is_empty()).then(|| 10.0 * (powers.iter().sum::<f64>() / powers.len() as f64).log10())
}

fn known(series: &Series, run: std::ops::Range<usize>) -> impl Iterator<Item = (usize, f64)> + '_ {
    run.filter_map(|at| Some((at, f64::from(series.values.get(at).copied().flatten()?))))
}

fn lowest_of(series: &Series, run: std::ops::Range<usize>) -> Option<(usize, f64)> {
    known(series, run).min_by(|a, b| a.1.total_cmp(&b.1))
}

fn loudest_of(series: &Series, run: std::ops::Range<usize>) -> Option<(usize, f64)> {
    known(series, run).max_by(|a, b| a.1.total_cmp(&b.1))
}

fn loudest(series: &Series) -> Option<(f64, f64)> {
    loudest_of(series, 0..series.values.len()).map(|(at, value)| (series.time_s(at), value))
}

/// `loudest −8.4 LUFS at 2:31`. A window of 3 s is named by its middle.
fn fact(word: &str, (time_s, value): (f64, f64), decimals: usize, unit: &str) -> String {
    let value = if unit.is_empty() {
        format::number(value, decimals)
    } else {
        format::with_unit(value, decimals, unit)
    };
    format!("{word} {value} at {}", format::clock((time_s - 1.5).max(0.0)))
}

/// A chart track with its name and what is worth knowing of it.
fn row(name: &'static str, unit: &'static str, fact: Option<String>, plot: AnyView) -> AnyView {
    view! {
        <div class="chart-track">
            <p class="chart-track__head">
                <span class="label">
                    {name} {(!unit.is_empty()).then(|| view! { " " <span class="label__unit">{unit}</span> })}
                </span>
                <span class="chart-track__fact num">{fact}</span>
            </p>
            {plot}
        </div>
    }
    .into_any()
}

fn plot(
    series: &Series,
    scale: UprightScale,
    pick: Pick,
    reference: Option<f64>,
    duration_s: f64,
) -> AnyView {
    let curve: Vec<_> = runs(series.values.len(), CURVE_POINTS)
        .map(|run| {
            let (at, value) = pick(series, run)?;
            Some((
                series.time_s(at) / duration_s * 1000.0,
                scale.percent(value) * 10.0,
            ))
        })
        .collect();
    let reference = reference.map(|value| {
        let y = percent(scale.percent(value));
        view! { <line class="guide" x1="0" x2="100%" y1=y.clone() y2=y></line> }
    });
    view! {
        <svg class="plot plot--track" aria-hidden="true">
            {time_grid(duration_s)}
            {scale.lines()}
            <svg x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none">
                <path class="trace" d=line(&curve)></path>
            </svg>
            {scale.lettering()}
            {reference}
            {playhead()}
        </svg>
    }
    .into_any()
}

fn summary(report: &Report, medium: Medium) -> String {
    let mut text = match loudest(&report.loudness.short_term_lufs) {
        Some(at) => format!(
            "Over time: short-term loudness, {}",
            fact("loudest", at, 1, "LUFS")
        ),
        None => return "There is no signal to show over time.".to_owned(),
    };
    if let Some(detail) = report.detail.as_deref() {
        if let Some(at) = lowest(&detail.dynamics.psr_lu) {
            text += &format!("; peak to short-term loudness, {}", fact("lowest", at, 1, "LU"));
        }
        if let Some(at) = detail
            .stereo
            .as_ref()
            .and_then(|stereo| lowest(&stereo.correlation))
        {
            text += &format!("; correlation, {}", fact("lowest", at, 2, ""));
        }
        text.push_str("; the level of the seven bands");
    }
    text + match medium {
        Medium::Page | Medium::Shared => {
            ". The slider of the player reads the values out; the table below holds them."
        }
        Medium::File => ". The table below holds the values.",
    }
}

/// Every track by time; short files by the second.
fn table(report: &Report) -> DataTable {
    let chart_tracks = chart_tracks(report);
    let count = chart_tracks
        .chart_tracks
        .iter()
        .map(|track| track.values.len())
        .max()
        .unwrap_or(0);
    let rows = runs(count, TABLE_ROWS)
        .map(|run| {
            let time = format::clock(run.start as f64 * chart_tracks.step_s);
            let values = chart_tracks
                .chart_tracks
                .iter()
                .map(|track| track.text(run.start));
            std::iter::once(time).chain(values).collect()
        })
        .collect();
    let heads: Vec<String> = chart_tracks
        .chart_tracks
        .iter()
        .map(|track| {
            format!("{}, {}", track.name, track.unit)
                .trim_end_matches(", ")
                .to_owned()
        })
        .collect();
    let columns: Vec<&str> = std::iter::once("At")
        .chain(heads.iter().map(String::as_str))
        .collect();
    DataTable::new(
        "The lanes by time: what a meter shows at that moment",
        &columns,
        rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(start_s: f64, values: &[f32]) -> Series {
        Series {
            start_s,
            step_s: 1.0,
            values: values.iter().copied().map(Some).collect(),
        }
    }

    #[test]
    fn a_meter_shows_the_window_that_ended_last() {
        let psr = series(3.0, &[9.0, 8.0, 7.0]);
        let at = |time_s| meter_at(&psr, time_s, 1.0, lowest_of);
        assert_eq!(
            [at(0.0), at(2.0), at(3.0), at(4.0), at(5.0)],
            [None, None, Some(9.0), Some(8.0), Some(7.0)]
        );
        assert_eq!(at(6.0), Some(7.0), "behind the last window it still shows it");
        assert_eq!(
            meter_at(&psr, 3.0, 3.0, lowest_of),
            Some(7.0),
            "of several the one worth seeing"
        );
    }

    #[test]
    fn a_band_shows_the_second_that_is_under_the_cursor() {
        let band = series(1.0, &[-10.0, -20.0]);
        assert!((mean_over(&band, 0.0, 1.0).unwrap() + 10.0).abs() < 1e-9);
        assert!((mean_over(&band, 1.0, 1.0).unwrap() + 20.0).abs() < 1e-9);
        assert!(
            (mean_over(&band, 0.0, 2.0).unwrap() + 12.596).abs() < 1e-3,
            "the mean of the energy"
        );
        assert_eq!(mean_over(&band, 2.0, 1.0), None);
    }

    #[test]
    fn the_chart_tracks_of_hours_have_no_more_steps_than_those_of_minutes() {
        let mut report = crate::pages::report::sample_report::view(model::Timestamp(0))
            .report
            .unwrap();
        for duration_s in [3.0, 214.0, 10_800.0] {
            report.file.duration_s = duration_s;
            let chart_tracks = chart_tracks(&report);
            assert!(
                chart_tracks
                    .chart_tracks
                    .iter()
                    .all(|track| track.values.len() <= STEPS + 1),
                "{duration_s} s"
            );
            assert!(chart_tracks.at(duration_s - 0.01) < chart_tracks.chart_tracks[0].values.len());
        }
    }
}
