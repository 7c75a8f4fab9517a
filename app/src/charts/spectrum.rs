//! The average spectrum, and the shares of the seven bands.

use analysis::rules::{TOLERANCE_BAND, bounds_db};
use leptos::prelude::*;
use model::{
    comparison::BandDelta,
    report::{BANDS, BandLevel, BandPercentiles, Spectrum},
};

use super::plot::{FrequencyAxis, across, line, probe};
use crate::{
    format,
    islands::spectrum_readout::ReadoutBand,
    ui::{ChartFrame, DataTable, meter::percent},
};

/// Names of [`BANDS`] that fit where the full ones do not.
const SHORT: [&str; 7] = ["Sub", "Low", "LoM", "Mid", "HiM", "Pre", "Air"];
/// How many decibels the chart shows below its top.
const SPAN_DB: f64 = 60.0;
/// The share at which a bar of the bands is empty.
const BAR_FLOOR_DB: f64 = -50.0;

/// Level per 1/6 octave, with the seven bands behind it.
#[component]
pub fn SpectrumChart(
    /// The measurements.
    spectrum: Spectrum,
    /// Levels over time, for the range around the average; may be empty.
    #[prop(optional)]
    percentiles: Vec<BandPercentiles>,
    /// The same bands of references at the loudness of the mix; may be empty.
    #[prop(optional)]
    references: Vec<BandDelta>,
    /// Prefix of the ids.
    #[prop(default = "spectrum")]
    id: &'static str,
) -> impl IntoView {
    let audible: Vec<&BandLevel> = spectrum
        .sixth_octave
        .iter()
        .filter(|band| (20.0..=20_000.0).contains(&band.hz))
        .collect();
    let high = audible
        .iter()
        .filter_map(|band| band.db)
        .chain(percentiles.iter().filter_map(|band| band.l10))
        .map(f64::from)
        .fold(f64::NEG_INFINITY, f64::max);
    let top = if high.is_finite() {
        (high + 6.0).ceil()
    } else {
        0.0
    };
    let down = move |db: f64| ((top - db) / SPAN_DB * 100.0).clamp(0.0, 100.0);

    let points: Vec<_> = audible
        .iter()
        .map(|band| {
            band.db
                .map(|db| (across(band.hz) * 10.0, down(f64::from(db)) * 10.0))
        })
        .collect();
    let area = area(&points);
    let range = range(&percentiles, down);
    let mut summary = spectrum_summary(&audible);
    let tolerance_band = tolerance_band(&audible, down);
    if tolerance_band.is_some() {
        summary.push_str(
            " The dashed lines are the corridor of finished music at this loudness; only what lies outside can cost points.",
        );
    }
    let tolerance_band = tolerance_band.map(|path| view! { <path class="tolerance-edge" d=path></path> });
    let references = (!references.is_empty()).then(|| {
        summary.push_str(" The dotted line is the median of your references, turned to the same loudness.");
        let points: Vec<_> = references
            .iter()
            .map(|tone| {
                let median = tone.level.spread?.median;
                Some((across(tone.hz) * 10.0, down(median) * 10.0))
            })
            .collect();
        view! { <path class="reference-trace" d=line(&points)></path> }
    });
    let fill = if range.is_empty() {
        view! { <path class="area" d=area></path> }
    } else {
        summary.push_str(" The shaded range holds the level for four fifths of the time.");
        view! { <path class="spread" d=range></path> }
    };

    let shades = BANDS
        .into_iter()
        .enumerate()
        .map(|(at, model::report::Band { name, from_hz, to_hz })| {
            let (left, right) = (across(from_hz), across(to_hz));
            let middle = percent((left + right) / 2.0);
            let class = if at % 2 == 0 { "band band--even" } else { "band" };
            view! {
                <rect class=class x=percent(left) y="0" width=percent(right - left) height="100%"></rect>
                <text class="note wide" x=middle.clone() y="16">
                    {name}
                </text>
                <text class="note slim" x=middle y="16">
                    {SHORT.get(at).copied()}
                </text>
            }
        })
        .collect_view();
    let levels = || {
        let first = top - (top / 10.0).floor() * 10.0;
        let lines = (0..6).map(move |at| first + f64::from(at) * 10.0);
        lines
            .filter(|down| (6.0..SPAN_DB - 1.0).contains(down))
            .map(move |down| (top - down, percent(down / SPAN_DB * 100.0)))
    };
    let lines = levels()
        .map(|(_, y)| view! { <line class="grid" x1="0" x2="100%" y1=y.clone() y2=y></line> })
        .collect_view();
    let scale = levels()
        .map(|(db, y)| {
            view! {
                <text class="scale start" x="0" y=y dx="5" dy="-4">
                    {format::number(db, 0)}
                </text>
            }
        })
        .collect_view();
    view! {
        <ChartFrame
            id=id
            title="Average spectrum" unit="dB per 1/6 octave"
            summary=summary
            table=spectrum_table(&audible)
        >
            <svg class="plot plot--spectrum" role="img" aria-labelledby=format!("{id}-title {id}-summary")>
                {shades}
                {lines}
                <svg
                    x="0"
                    y="0"
                    width="100%"
                    height="100%"
                    viewBox="0 0 1000 1000"
                    preserveAspectRatio="none"
                >
                    {fill}
                    {tolerance_band}
                    {references}
                    <path class="trace" d=line(&points)></path>
                </svg>
                {scale}
                {probe()}
            </svg>
            <FrequencyAxis />
        </ChartFrame>
    }
    .into_any()
}

/// Both edges of the corridor of tone, laid at the mean level from 200 Hz to 4 kHz; `None` where there is none. The rules
/// judge 1/3 octaves against the same corridor; in 1/6 octaves both curves lie lower by the same amount.
fn tolerance_band(bands: &[&BandLevel], down: impl Fn(f64) -> f64) -> Option<String> {
    let mean = middle_db(bands.iter().copied())?;
    let edge = |db_of: fn((f64, f64)) -> f64| {
        let points: Vec<_> = TOLERANCE_BAND
            .iter()
            .map(|corner| {
                let db = mean + db_of(bounds_db(corner.hz)?);
                Some((across(corner.hz) * 10.0, down(db) * 10.0))
            })
            .collect();
        line(&points)
    };
    Some(edge(|(low, _)| low) + &edge(|(_, high)| high))
}

/// The mean level from 200 Hz to 4 kHz, at which the corridor is laid.
fn middle_db<'a>(bands: impl Iterator<Item = &'a BandLevel>) -> Option<f64> {
    let middle: Vec<f64> = bands
        .filter(|band| (195.0..=4_100.0).contains(&band.hz))
        .filter_map(|band| band.db.map(f64::from))
        .collect();
    (!middle.is_empty()).then(|| middle.iter().sum::<f64>() / middle.len() as f64)
}

/// The bands of the chart with the corridor around each, for reading out.
#[must_use]
pub fn probed(spectrum: &Spectrum) -> Vec<ReadoutBand> {
    let audible = || {
        let bands = spectrum.sixth_octave.iter();
        bands.filter(|band| (20.0..=20_000.0).contains(&band.hz))
    };
    let middle = middle_db(audible());
    audible()
        .map(|band| {
            let tolerance_band = middle.and_then(|middle| {
                let (low, high) = bounds_db(band.hz)?;
                Some((middle + low, middle + high))
            });
            ReadoutBand::new(band.hz, band.db.map(f64::from), tolerance_band)
        })
        .collect()
}

/// The curve closed along the bottom; what has no energy lies on the bottom.
fn area(points: &[Option<(f64, f64)>]) -> String {
    let known: Vec<_> = points.iter().copied().flatten().collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return String::new();
    };
    let closed: Vec<_> = [(first.0, 1000.0)]
        .into_iter()
        .chain(known.iter().copied())
        .chain([(last.0, 1000.0)])
        .map(Some)
        .collect();
    format!("{}z", line(&closed))
}

/// What lies between L10 and L90, as a closed path; empty where nothing is known.
fn range(percentiles: &[BandPercentiles], down: impl Fn(f64) -> f64) -> String {
    let audible = || {
        percentiles
            .iter()
            .filter(|band| (20.0..=20_000.0).contains(&band.hz))
    };
    let point = |hz: f64, db: f32| Some((across(hz) * 10.0, down(f64::from(db)) * 10.0));
    let upper = audible().filter_map(|band| Some(point(band.hz, band.l10?)));
    let lower = audible().filter_map(|band| Some(point(band.hz, band.l90?)));
    let mut edge: Vec<_> = upper.collect();
    let back: Vec<_> = lower.collect();
    if edge.is_empty() || back.is_empty() {
        return String::new();
    }
    edge.extend(back.into_iter().rev());
    format!("{}z", line(&edge))
}

fn spectrum_summary(bands: &[&BandLevel]) -> String {
    let levels = bands
        .iter()
        .filter_map(|band| band.db.map(|db| (band.hz, f64::from(db))));
    let Some((hz, db)) = levels.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "There is no energy to show.".to_owned();
    };
    format!(
        "Strongest around {} ({}), 0{}dB being a full-scale sine.",
        format::frequency(hz),
        format::with_unit(db, 1, "dB"),
        format::THIN
    )
}

fn spectrum_table(bands: &[&BandLevel]) -> DataTable {
    let rows = bands
        .iter()
        .map(|band| {
            let level = band
                .db
                .map_or(format::DASH.to_owned(), |db| format::number(f64::from(db), 1));
            vec![format::frequency(band.hz), level]
        })
        .collect();
    DataTable::new("Level per 1/6 octave", &["Centre", "Level, dB"], rows)
}

/// The seven bands as bars: the table is the chart, so there is no second one behind it.
#[component]
pub fn BandsChart(
    /// The measurements.
    spectrum: Spectrum,
    /// Prefix of the ids.
    #[prop(default = "bands")]
    id: &'static str,
) -> impl IntoView {
    let rows = BANDS
        .into_iter()
        .zip(spectrum.bands_db)
        .map(|(model::report::Band { name, from_hz, to_hz }, share)| {
            let width = share.value().map_or(0.0, |db| {
                ((db - BAR_FLOOR_DB) / -BAR_FLOOR_DB * 100.0).clamp(0.0, 100.0)
            });
            let part = share.value().map_or(format::DASH.to_owned(), share_of_all);
            let decibels = match share.value() {
                Some(db) => format::number(db, 1),
                None => format::reading(share, 1, ""),
            };
            view! {
                <tr>
                    <th scope="row">
                        {name} <span class="bands__edges">{format::band_edges(from_hz, to_hz)}</span>
                    </th>
                    <td class="bands__bar">
                        <svg aria-hidden="true">
                            <rect class="bar__well" width="100%" height="100%"></rect>
                            <line class="grid" x1="20%" x2="20%" y1="0" y2="100%"></line>
                            <line class="grid" x1="40%" x2="40%" y1="0" y2="100%"></line>
                            <line class="grid" x1="60%" x2="60%" y1="0" y2="100%"></line>
                            <line class="grid" x1="80%" x2="80%" y1="0" y2="100%"></line>
                            <rect class="bar" width=percent(width) height="100%"></rect>
                        </svg>
                    </td>
                    <td class="is-num">{decibels}</td>
                    <td class="is-num">{part}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <ChartFrame id=id title="Seven bands" summary=bands_summary(&spectrum)>
            <table class="table bands" aria-labelledby=format!("{id}-title")>
                <thead>
                    <tr>
                        <th scope="col">"Band"</th>
                        <th scope="col" class="bands__bar">
                            <span class="bands__scale">
                                <span>{format!("{}50", format::MINUS)}</span>
                                <span>{format!("{}40", format::MINUS)}</span>
                                <span>{format!("{}30", format::MINUS)}</span>
                                <span>{format!("{}20", format::MINUS)}</span>
                                <span>{format!("{}10", format::MINUS)}</span>
                                <span>"0"</span>
                            </span>
                            <span class="visually-hidden">"Bar"</span>
                        </th>
                        <th scope="col" class="is-num">
                            "dB"
                        </th>
                        <th scope="col" class="is-num">
                            "Share"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </ChartFrame>
    }
    .into_any()
}

/// A share in dB as a percentage of the energy.
fn share_of_all(db: f64) -> String {
    let share = 10f64.powf(db / 10.0) * 100.0;
    if share < 0.1 {
        format!("<0.1{}%", format::THIN)
    } else {
        format::with_unit(share, 1, "%")
    }
}

fn bands_summary(spectrum: &Spectrum) -> String {
    let shares = || {
        BANDS
            .into_iter()
            .zip(spectrum.bands_db)
            .filter_map(|(band, db)| db.value().map(|db| (band, db)))
    };
    let most = shares().max_by(|a, b| a.1.total_cmp(&b.1));
    let least = shares().min_by(|a, b| a.1.total_cmp(&b.1));
    match (most, least) {
        (Some((most, share)), Some((least, _))) => format!(
            "{} of the energy lies in {} ({}); the least in {}.",
            share_of_all(share),
            most.name,
            format::band_edges(most.from_hz, most.to_hz),
            least.name
        ),
        _ => "There is no energy to share out.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_in_decibels_become_percentages() {
        assert_eq!(share_of_all(0.0), "100.0\u{202f}%");
        assert_eq!(share_of_all(-3.0103), "50.0\u{202f}%");
        assert_eq!(share_of_all(-40.0), "<0.1\u{202f}%");
    }
}
