//! Comparing the report of a mix with those of references, at equal loudness and only where both carry signal.
//!
//! Works on stored reports, so that a reference is good for ever after its audio is gone.

use std::ops::Range;

use crate::dsp::{db_to_power, power_db};
use model::{
    Report,
    comparison::{
        BandDelta, Comparison, Delta, Difference, DifferenceKind, Figure, FigureDelta, ReferenceProfile,
    },
    report::{BANDS, BandLevel},
    verdict::Unit,
};

/// What is audible, and compared.
const AUDIBLE_HZ: Range<f64> = 20.0..20_000.0;

/// How far a band may reach beyond the end of a signal and still be compared: its upper edge, or the end as measured,
/// is not known more exactly.
const EDGE: f64 = 1.03;

/// Half a 1/3 octave, as a factor.
const HALF_THIRD: f64 = 1.122_462_048_309_373;

/// From this difference on, a 1/3-octave band belongs to a difference, in dB: what most people hear in music over a band of
/// that width when they switch to and fro.
const AUDIBLE_DB: f64 = 2.0;

/// A difference of tone spans at least so many 1/3-octave bands: single ones differ by the key of the song.
const MIN_BANDS: usize = 2;

/// Below so many dB one band alone counts as well.
const ONE_BAND_DB: f64 = 6.0;

/// How far a band may lie below the loudest of the mix and still be heard, in dB: less in the lowest, where hearing is dull.
const HEARD_DB: f64 = 50.0;
const HEARD_BELOW_40_HZ_DB: f64 = 25.0;

/// Below this, bass is as good as mono, and differences of its width are none, in dB.
const MONO_DB: f64 = -15.0;

/// Figures that are worth saying, each with the difference from which on it is. Those of tone are left to the spectrum.
const FIGURES: [(Figure, f64); 6] = [
    (Figure::Psr, 1.5),
    (Figure::Plr, 2.0),
    (Figure::Range, 2.0),
    (Figure::Width, 2.5),
    (Figure::LowWidth, 6.0),
    (Figure::MonoChange, 1.0),
];

/// The mix beside the references. Nothing that depends on level is compared with a reference that has no loudness.
#[must_use]
pub fn compare(mix: &Report, references: &[&Report]) -> Comparison {
    let sides: Vec<Side<'_>> = references.iter().map(|report| Side::new(report, mix)).collect();
    let itself = Side::new(mix, mix);
    let bands: Vec<Delta> = (0..BANDS.len())
        .map(|at| Delta::new(itself.band(at), sides.iter().map(|side| side.band(at)).collect()))
        .collect();
    let thirds = tones(&itself, &sides, HALF_THIRD, |side| {
        let detail = side.report.detail.as_ref();
        side.turned(detail.map_or(&[][..], |detail| &detail.spectrum.third_octave))
    });
    let sixths = tones(&itself, &sides, HALF_THIRD.sqrt(), |side| {
        side.turned(&side.report.spectrum.sixth_octave)
    });
    let widths = tones(&itself, &sides, HALF_THIRD, Side::widths);
    let measures: Vec<FigureDelta> = Figure::ALL
        .into_iter()
        .map(|measure| FigureDelta {
            measure,
            value: Delta::new(
                value(mix, measure),
                references.iter().map(|report| value(report, measure)).collect(),
            ),
        })
        .collect();
    let mut differences = tone_differences(&thirds);
    differences.extend(figure_differences(&measures));
    differences.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    Comparison {
        references: sides.iter().map(|side| side.profile).collect(),
        differences,
        bands,
        thirds,
        sixths,
        widths,
        measures,
    }
}

/// One report as it takes part.
struct Side<'a> {
    report: &'a Report,
    profile: ReferenceProfile,
}

impl<'a> Side<'a> {
    /// `report`, turned to the loudness of `mix`.
    fn new(report: &'a Report, mix: &Report) -> Self {
        let loudness = |report: &Report| report.loudness.integrated_lufs.value();
        let gain_db = loudness(mix).zip(loudness(report)).map(|(mix, own)| mix - own);
        let cutoff = report
            .detail
            .as_ref()
            .and_then(|detail| detail.quality.cutoff_hz.value());
        let nyquist = f64::from(report.file.sample_rate_hz) / 2.0;
        let end = cutoff.unwrap_or(nyquist).min(nyquist);
        Self {
            report,
            profile: ReferenceProfile {
                gain_db,
                ends_at_hz: (end * EDGE < AUDIBLE_HZ.end).then_some(end),
                is_lossy: report.file.is_lossy(),
            },
        }
    }

    /// Whether there is signal up to `hz`.
    fn reaches(&self, hz: f64) -> bool {
        self.profile.ends_at_hz.is_none_or(|end| hz <= end * EDGE)
    }

    /// `bands` at the loudness of the mix, in dB.
    fn turned(&self, bands: &[BandLevel]) -> Levels {
        bands
            .iter()
            .map(|band| {
                let level = band.db.zip(self.profile.gain_db);
                (band.hz, level.map(|(db, gain)| f64::from(db) + gain))
            })
            .collect()
    }

    /// Side over mid per 1/3 octave, in dB; loudness does not matter to it.
    fn widths(&self) -> Levels {
        let detail = self.report.detail.as_ref();
        let stereo = detail.and_then(|detail| detail.stereo.as_ref());
        stereo
            .map_or(&[][..], |stereo| &stereo.bands)
            .iter()
            .map(|band| (band.hz, band.width_db.map(f64::from)))
            .collect()
    }

    /// The level of one of [`BANDS`] at the loudness of the mix, in dB, where there is signal up to its end.
    fn band(&self, at: usize) -> Option<f64> {
        if !self.reaches(BANDS[at].to_hz) {
            return None;
        }
        let share = self.report.spectrum.bands_db[at].value()?;
        Some(audible_db(&self.report.spectrum.sixth_octave)? + share + self.profile.gain_db?)
    }
}

/// The level of everything from 20 Hz to 20 kHz, in dB, from levels per 1/6 octave.
fn audible_db(bands: &[BandLevel]) -> Option<f64> {
    let half = HALF_THIRD.sqrt();
    let power: f64 = bands
        .iter()
        .filter_map(|band| {
            // Bands at the ends count by the share of their width that is inside.
            let (from, to) = (band.hz / half, band.hz * half);
            let inside =
                libm::log(to.min(AUDIBLE_HZ.end) / from.max(AUDIBLE_HZ.start)) / libm::log(to / from);
            Some(inside.max(0.0) * db_to_power(f64::from(band.db?)))
        })
        .sum();
    (power > 0.0).then(|| power_db(power))
}

/// Levels of bands, each with its centre in Hz.
type Levels = Vec<(f64, Option<f64>)>;

/// The audible bands of the mix, each beside the same band of the references.
fn tones<'a>(
    mix: &Side<'a>,
    sides: &[Side<'a>],
    half_band: f64,
    levels: impl Fn(&Side<'a>) -> Levels,
) -> Vec<BandDelta> {
    let theirs: Vec<Levels> = sides.iter().map(&levels).collect();
    levels(mix)
        .into_iter()
        .filter(|(hz, _)| AUDIBLE_HZ.contains(hz))
        .map(|(hz, own)| {
            let carried =
                |side: &Side<'_>, level: Option<f64>| level.filter(|_| side.reaches(hz * half_band));
            let each = sides.iter().zip(&theirs).map(|(side, levels)| {
                let level = levels.iter().find(|(other, _)| is_same(*other, hz));
                carried(side, level.and_then(|(_, level)| *level))
            });
            BandDelta {
                hz,
                level: Delta::new(carried(mix, own), each.collect()),
            }
        })
        .collect()
}

/// Centres of bands are computed, and may differ in their last digits.
fn is_same(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 0.01
}

fn value(report: &Report, measure: Figure) -> Option<f64> {
    let detail = report.detail.as_ref();
    let reading = match measure {
        Figure::Integrated => report.loudness.integrated_lufs,
        Figure::Range => report.loudness.range_lu,
        Figure::Plr => report.dynamics.plr_lu,
        Figure::Psr => detail?.dynamics.psr_p10_lu,
        Figure::Dr => detail?.dynamics.dr_db,
        Figure::TruePeak => report.peaks.true_peak_dbtp,
        Figure::Tilt => detail?.spectrum.tilt_db_per_octave,
        Figure::LowEnd => detail?.spectrum.low_end_share_db,
        Figure::Width => report.stereo.width_db,
        Figure::LowWidth => detail?.stereo.as_ref()?.low_width_db,
        Figure::Correlation => report.stereo.correlation,
        Figure::MonoChange => report.stereo.mono_change_lu,
    };
    reading.value()
}

/// Stretches of neighbouring 1/3-octave bands that all stand out to the same side.
fn tone_differences(thirds: &[BandDelta]) -> Vec<Difference> {
    let loudest = thirds
        .iter()
        .filter_map(|tone| tone.level.mix)
        .fold(f64::NEG_INFINITY, f64::max);
    let side = |tone: &BandDelta| {
        let span = if tone.hz < 40.0 {
            HEARD_BELOW_40_HZ_DB
        } else {
            HEARD_DB
        };
        (tone.level.highest() >= loudest - span && tone.level.stands_out(AUDIBLE_DB))
            .then(|| tone.level.difference().map(f64::is_sign_positive))
            .flatten()
    };
    thirds
        .chunk_by(|a, b| side(a) == side(b))
        .filter(|stretch| side(&stretch[0]).is_some())
        .filter_map(|stretch| {
            let mean = |of: &dyn Fn(&BandDelta) -> Option<f64>| {
                stretch.iter().filter_map(of).sum::<f64>() / stretch.len() as f64
            };
            let by = mean(&|tone| tone.level.difference());
            let is_enough = stretch.len() >= MIN_BANDS || by.abs() >= ONE_BAND_DB;
            let several = stretch
                .iter()
                .all(|tone| tone.level.spread.is_some_and(|spread| spread.count > 1));
            is_enough.then(|| Difference {
                topic: DifferenceKind::BandDelta {
                    from_hz: (stretch[0].hz / HALF_THIRD).max(AUDIBLE_HZ.start),
                    to_hz: (stretch[stretch.len() - 1].hz * HALF_THIRD).min(AUDIBLE_HZ.end),
                },
                by,
                spread: several
                    .then(|| mean(&|tone| tone.level.spread.map(|spread| spread.high - spread.low))),
                unit: Unit::Db,
            })
        })
        .collect()
}

/// One difference for each figure that stands out and that somebody would act upon; of those about dynamics only the first,
/// since they say one thing.
fn figure_differences(measures: &[FigureDelta]) -> Vec<Difference> {
    let mut differences: Vec<Difference> = Vec::new();
    for (measure, tolerance) in FIGURES {
        let Some(value) = measures.iter().find(|measured| measured.measure == measure) else {
            continue;
        };
        let value = match measure {
            Figure::LowWidth => as_good_as_mono(&value.value),
            _ => value.value.clone(),
        };
        let (Some(by), Some(spread), true) = (value.difference(), value.spread, value.stands_out(tolerance))
        else {
            continue;
        };
        let is_said = measure == Figure::Plr
            && differences
                .iter()
                .any(|difference| difference.topic == DifferenceKind::Figure { measure: Figure::Psr });
        // Bass that is more in the middle, and music that keeps more in mono, are no trouble.
        let is_harmless = match measure {
            Figure::LowWidth => by < 0.0,
            Figure::MonoChange => by > 0.0,
            _ => false,
        };
        if !is_said && !is_harmless {
            differences.push(Difference {
                topic: DifferenceKind::Figure { measure },
                by,
                spread: (spread.count > 1).then_some(spread.high - spread.low),
                unit: measure.unit().for_differences(),
            });
        }
    }
    differences
}

/// Widths with everything below [`MONO_DB`] counted as that.
fn as_good_as_mono(width: &Delta) -> Delta {
    let heard = |width: Option<f64>| width.map(|width| width.max(MONO_DB));
    Delta::new(heard(width.mix), width.each.iter().copied().map(heard).collect())
}

/// How much a difference matters: the difference against what is audible, and for tone how wide it is.
fn weight(difference: &Difference) -> f64 {
    match difference.topic {
        DifferenceKind::BandDelta { from_hz, to_hz } => {
            difference.by.abs() / AUDIBLE_DB * libm::log2(to_hz / from_hz).sqrt()
        }
        DifferenceKind::Figure { measure } => {
            let tolerance = FIGURES
                .iter()
                .find(|(figure, _)| *figure == measure)
                .map_or(f64::INFINITY, |(_, tolerance)| *tolerance);
            difference.by.abs() / tolerance
        }
    }
}
