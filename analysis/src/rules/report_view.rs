//! A report as rules ask it: short names, and what several rules need computed once.

use super::typical_spectrum::{BANDS, FIRST_BAND, Height, REGIONS, Region, heights, usual_levels};
use crate::dsp::{db_to_power, power_db};
use model::Report;
use model::report::{BandLevel, BandPercentiles, Detail, Series, StereoBand};
use model::verdict::TimeRange;

/// At most so many time ranges with a finding.
pub(super) const MAX_TIME_RANGES: usize = 5;
/// Bands so near to a peak belong to it, in octaves, and what the next peak takes from it.
const ONE_PEAK_OCTAVES: f64 = 0.3;
const NEXT_PEAK_SHARE: f64 = 0.5;

/// A report, ready to be asked.
pub struct ReportView<'a> {
    /// All of it.
    pub report: &'a Report,
    /// 1/3-octave levels in dB against their mean from 200 Hz to 4 kHz, as (Hz, dB). Empty without detail.
    pub thirds: Vec<(f64, f64)>,
    /// How far each region of the spectrum is from what the rest leads one to expect; `None` without detail.
    heights: Option<[Height; REGIONS]>,
}

/// The 1/3-octave levels of `bands` in dB against their mean from 200 Hz to 4 kHz, as (Hz, dB): tone without loudness.
/// Empty where there is nothing in that range.
#[must_use]
pub fn relative_thirds(bands: &[BandLevel]) -> Vec<(f64, f64)> {
    let levels = || {
        bands
            .iter()
            .filter_map(|band| band.db.map(|db| (band.hz, f64::from(db))))
    };
    let (count, sum) = levels()
        .filter(|(hz, _)| (195.0..=4_100.0).contains(hz))
        .fold((0_u32, 0.0), |(count, sum), (_, db)| (count + 1, sum + db));
    if count == 0 {
        return Vec::new();
    }
    let mean = sum / f64::from(count);
    levels().map(|(hz, db)| (hz, db - mean)).collect()
}

impl<'a> ReportView<'a> {
    /// Of `report`.
    #[must_use]
    pub fn new(report: &'a Report) -> Self {
        let thirds = report
            .detail
            .as_ref()
            .map(|detail| relative_thirds(&detail.spectrum.third_octave))
            .unwrap_or_default();
        Self {
            report,
            heights: (!thirds.is_empty()).then(|| heights(&table_levels(report, &thirds))),
            thirds,
        }
    }

    /// How far `region` is from what the rest of the spectrum leads one to expect.
    pub(super) fn height(&self, region: Region) -> Option<Height> {
        Some(self.heights?[region as usize])
    }

    /// The second layer; `None` in reports of version 1.
    #[must_use]
    pub fn detail(&self) -> Option<&'a Detail> {
        self.report.detail.as_deref()
    }

    /// Integrated loudness, in LUFS.
    pub(super) fn integrated(&self) -> Option<f64> {
        self.report.loudness.integrated_lufs.value()
    }

    /// True peak (4x), in dBTP.
    pub(super) fn true_peak(&self) -> Option<f64> {
        self.report.peaks.true_peak_dbtp.value()
    }

    pub(super) fn channels(&self) -> u16 {
        self.report.file.channels
    }

    pub(super) fn is_stereo(&self) -> bool {
        self.channels() == 2
    }

    /// Length in minutes.
    pub(super) fn minutes(&self) -> f64 {
        self.report.file.duration_s / 60.0
    }

    pub(super) fn is_lossy(&self) -> bool {
        self.report.file.is_lossy()
    }

    pub(super) fn is_float(&self) -> bool {
        self.report.file.codec.is_float()
    }

    /// The mean of `span` over the 1/6-octave bands from `low_hz` to `high_hz` that have one, in dB.
    pub(super) fn mean_span(
        &self,
        low_hz: f64,
        high_hz: f64,
        span: impl Fn(&BandPercentiles) -> Option<f32>,
    ) -> Option<f64> {
        let bands = &self.detail()?.spectrum.percentiles;
        let spans: Vec<f64> = bands
            .iter()
            .filter(|band| (low_hz..high_hz).contains(&band.hz))
            .filter_map(|band| span(band).map(f64::from))
            .collect();
        Some(spans.iter().sum::<f64>() / spans.len() as f64)
    }

    /// The powers of the 1/3-octave bands from `low_hz` to `high_hz`.
    fn powers(&self, low_hz: f64, high_hz: f64) -> impl Iterator<Item = f64> {
        let thirds = self.thirds.iter();
        let within = thirds.filter(move |(hz, _)| (low_hz..high_hz).contains(hz));
        within.map(|(_, db)| db_to_power(*db))
    }

    /// The mean power density of 1/3-octave bands from `low_hz` to `high_hz`, in dB.
    pub(super) fn level(&self, low_hz: f64, high_hz: f64) -> Option<f64> {
        let powers: Vec<f64> = self.powers(low_hz, high_hz).collect();
        let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
        (mean > 0.0).then(|| power_db(mean))
    }

    /// The energy from `low` to `high` against that of the mids, in dB.
    pub(super) fn energy_against_mids(&self, low_hz: f64, high_hz: f64, mids_hz: (f64, f64)) -> Option<f64> {
        let part: f64 = self.powers(low_hz, high_hz).sum();
        let mids: f64 = self.powers(mids_hz.0, mids_hz.1).sum();
        (part > 0.0 && mids > 0.0).then(|| power_db(part / mids))
    }

    /// The 1/6-octave band from `low_hz` to `high_hz` that stands out most, and by how much, in dB: the least of what it does
    /// on average, half of the time and nine tenths of the time, less half of what the next one elsewhere does. Notes come and go, and
    /// stand out in many places; a resonance stays, in its own.
    pub(super) fn most_lasting_peak(&self, low_hz: f64, high_hz: f64) -> Option<(f64, f64)> {
        let bands = &self.detail()?.spectrum.percentiles;
        let average: Vec<(f64, Option<f64>)> = bands
            .iter()
            .map(|band| {
                let same = |level: &&BandLevel| (level.hz / band.hz - 1.0).abs() < 0.01;
                let level = self.report.spectrum.sixth_octave.iter().find(same);
                (band.hz, level.and_then(|level| level.db).map(f64::from))
            })
            .collect();
        let median: Vec<(f64, Option<f64>)> = bands
            .iter()
            .map(|band| (band.hz, band.l50.map(f64::from)))
            .collect();
        let quiet: Vec<(f64, Option<f64>)> = bands
            .iter()
            .map(|band| (band.hz, band.l90.map(f64::from)))
            .collect();
        let peaks: Vec<(f64, f64)> = (0..bands.len())
            .filter(|&index| (low_hz..high_hz).contains(&bands[index].hz))
            .filter_map(|index| {
                let least = [&average, &median, &quiet]
                    .into_iter()
                    .map(|levels| prominence(levels, index))
                    .collect::<Option<Vec<f64>>>()?
                    .into_iter()
                    .fold(f64::INFINITY, f64::min);
                Some((bands[index].hz, least))
            })
            .collect();
        let &(hz, highest) = peaks.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let next = peaks
            .iter()
            .filter(|(other_hz, _)| libm::log2(other_hz / hz).abs() > ONE_PEAK_OCTAVES)
            .map(|(_, height)| *height)
            .fold(0.0, f64::max);
        Some((hz, highest - NEXT_PEAK_SHARE * next))
    }

    /// The 1/6-octave band from `low_hz` to `high_hz` that stands out most from its neighbours (a third of an octave
    /// to five sixths away on either side), and by how much, in dB.
    pub(super) fn sharpest_peak(&self, low_hz: f64, high_hz: f64) -> Option<(f64, f64)> {
        let levels: Vec<(f64, f64)> = self
            .report
            .spectrum
            .sixth_octave
            .iter()
            .filter_map(|band| band.db.map(|db| (band.hz, f64::from(db))))
            .collect();
        let mut sharpest: Option<(f64, f64)> = None;
        for (index, &(hz, db)) in levels.iter().enumerate() {
            let below = levels[index.saturating_sub(5)..index.saturating_sub(1)].iter();
            let above = levels[(index + 2).min(levels.len())..(index + 6).min(levels.len())].iter();
            if !(low_hz..high_hz).contains(&hz) || below.len() < 4 || above.len() < 4 {
                continue;
            }
            let around = below.chain(above).map(|(_, db)| db).sum::<f64>() / 8.0;
            if sharpest.is_none_or(|(_, most)| db - around > most) {
                sharpest = Some((hz, db - around));
            }
        }
        sharpest
    }

    /// The 1/3 octave from `low_hz` to `high_hz` that lies deepest below both neighbours, and how far, in dB: the mean of how far it
    /// does on average, and of the least at the levels that are exceeded 1, 10, 50 and 90 % of the time.
    pub(super) fn most_lasting_dip(&self, low_hz: f64, high_hz: f64) -> Option<(f64, f64)> {
        let (hz, deep) = self
            .thirds
            .windows(3)
            .filter(|three| (low_hz..high_hz).contains(&three[1].0))
            .map(|three| (three[1].0, three[0].1.min(three[2].1) - three[1].1))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        let lasting = self
            .detail()?
            .spectrum
            .percentiles
            .windows(6)
            // Three thirds of an octave, of two bands each.
            .filter(|six| (low_hz..high_hz).contains(&(six[2].hz * six[3].hz).sqrt()))
            .filter_map(|six| {
                let dip = |level: fn(&BandPercentiles) -> Option<f32>| {
                    let third = |pair: &[BandPercentiles]| {
                        Some(power_db(
                            db_to_power(f64::from(level(&pair[0])?))
                                + db_to_power(f64::from(level(&pair[1])?)),
                        ))
                    };
                    Some(third(&six[..2])?.min(third(&six[4..])?) - third(&six[2..4])?)
                };
                let dips = [
                    dip(|band| band.l1)?,
                    dip(|band| band.l10)?,
                    dip(|band| band.l50)?,
                    dip(|band| band.l90)?,
                ];
                Some(dips.into_iter().fold(f64::INFINITY, f64::min))
            })
            .fold(0.0, f64::max);
        Some((hz, 0.5 * (deep + lasting)))
    }

    /// The stereo bands from `low_hz` to `high_hz`, each with its level in dB (see [`ReportView::thirds`]).
    pub(super) fn stereo_bands(
        &self,
        low_hz: f64,
        high_hz: f64,
    ) -> impl Iterator<Item = (&'a StereoBand, f64)> {
        let bands = self
            .detail()
            .and_then(|detail| detail.stereo.as_ref())
            .map_or(&[][..], |stereo| &stereo.bands);
        bands
            .iter()
            .filter(move |band| (low_hz..high_hz).contains(&band.hz))
            .filter_map(|band| {
                self.thirds
                    .iter()
                    .find(|(hz, _)| (hz / band.hz - 1.0).abs() < 0.01)
                    .map(|&(_, db)| (band, db))
            })
    }
}

/// The levels of the bands that [`heights`] knows.
fn table_levels(report: &Report, thirds: &[(f64, f64)]) -> [Option<f64>; BANDS] {
    let nyquist_hz = f64::from(report.file.sample_rate_hz) / 2.0;
    let cutoff_hz = report
        .detail
        .as_ref()
        .and_then(|detail| detail.quality.cutoff_hz.value());
    let sixth = libm::exp2(1.0 / 6.0);
    std::array::from_fn(|index| {
        let hz = 1_000.0 * libm::exp2(f64::from(FIRST_BAND + index as i32) / 3.0);
        let level = thirds.iter().find(|(at, _)| (at / hz - 1.0).abs() < 0.01);
        // Half of the band must fit in; behind a steep edge, all of it: what is cut off makes nothing else loud.
        let is_there = hz < nyquist_hz && cutoff_hz.is_none_or(|cutoff_hz| hz * sixth <= cutoff_hz);
        is_there.then(|| level.map_or(-120.0, |&(_, db)| db))
    })
}

/// What finished tracks have on average in each 1/3 octave, as (centre in Hz, dB relative to a full-scale sine), at the level of this song's
/// middle bands.
#[must_use]
pub fn usual_thirds_db(report: &Report) -> Vec<(f64, f64)> {
    let Some(detail) = &report.detail else {
        return Vec::new();
    };
    let thirds: Vec<(f64, f64)> = detail
        .spectrum
        .third_octave
        .iter()
        .filter_map(|band| Some((band.hz, f64::from(band.db?))))
        .collect();
    let usual = usual_levels(&table_levels(report, &thirds));
    let hz = |index: usize| 1_000.0 * libm::exp2(f64::from(FIRST_BAND + index as i32) / 3.0);
    usual
        .into_iter()
        .enumerate()
        .map(|(index, db)| (hz(index), db))
        .collect()
}

/// How far the band at `index` stands above the mean of those a third to five sixths of an octave away on either side.
fn prominence(levels: &[(f64, Option<f64>)], index: usize) -> Option<f64> {
    let (from, to) = (index.checked_sub(5)?, index + 6);
    let around: Vec<f64> = levels
        .get(from..to)?
        .iter()
        .enumerate()
        .filter(|(offset, _)| offset.abs_diff(5) >= 2)
        .map(|(_, level)| level.1)
        .collect::<Option<Vec<f64>>>()?;
    Some(levels[index].1? - around.iter().sum::<f64>() / around.len() as f64)
}

/// The share of the values of `series` for which `holds`, in percent.
pub(super) fn share_percent(series: &Series, holds: impl Fn(f64) -> bool) -> Option<f64> {
    let values = || series.values.iter().flatten().map(|&value| f64::from(value));
    let all = values().count();
    (all > 0).then(|| 100.0 * values().filter(|&value| holds(value)).count() as f64 / all as f64)
}

/// The value that `share` (0 to 1) of the values of `series` stay below.
pub(super) fn quantile(series: &Series, share: f64) -> Option<f64> {
    let mut values: Vec<f32> = series.values.iter().flatten().copied().collect();
    values.sort_by(f32::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(f64::from(values[(last as f64 * share).round() as usize]))
}

/// The stretches of `series` (each value looks back over `window_s`) where `badness` is positive, worst first.
pub(super) fn stretches(series: &Series, window_s: f64, badness: impl Fn(f64) -> f64) -> Vec<TimeRange> {
    let mut found: Vec<(f64, TimeRange)> = Vec::new();
    let mut open: Option<(f64, TimeRange)> = None;
    for (index, value) in series.values.iter().enumerate() {
        let end_s = series.time_s(index);
        let bad = value.map_or(0.0, |value| badness(f64::from(value)));
        if bad > 0.0 {
            let (worst, range) = open.get_or_insert((
                bad,
                TimeRange {
                    start_s: (end_s - window_s).max(0.0),
                    end_s,
                    channel: None,
                },
            ));
            *worst = worst.max(bad);
            range.end_s = end_s;
        } else {
            found.extend(open.take());
        }
    }
    found.extend(open);
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start_s.total_cmp(&b.1.start_s)));
    found
        .into_iter()
        .take(MAX_TIME_RANGES)
        .map(|(_, range)| range)
        .collect()
}

/// A moment in one channel.
pub(super) fn moment(time_s: f64, channel: u16) -> TimeRange {
    TimeRange {
        start_s: time_s,
        end_s: time_s,
        channel: Some(channel),
    }
}
