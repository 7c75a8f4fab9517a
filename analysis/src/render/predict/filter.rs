//! A filter that is the same in all channels: levels of bands change by its response, everything broad by what that does to the
//! energy.

use model::Report;
use model::report::{BANDS, BandLevel, Reading};

use super::{shift, shift_series};
use crate::dsp::{db_to_power, power_db};
use crate::meter::KWeighting;
use crate::render::recipe::Step;

/// Half of a band of 1/6 octave, as a factor.
const HALF_SIXTH: f64 = 1.059_463_094_359_295;
/// Half of a band of 1/3 octave.
const HALF_THIRD: f64 = 1.122_462_048_309_373;

/// What takes so much off a tone has removed it, in dB.
const NOTCHED_DB: f64 = 12.0;

/// The mean response over a band, in dB.
fn over_band(response: &dyn Fn(f64) -> f64, hz: f64, half: f64) -> f64 {
    let powers =
        [-0.8, -0.4, 0.0, 0.4, 0.8].map(|part: f64| db_to_power(response(hz * libm::pow(half, part))));
    power_db(powers.iter().sum::<f64>() / powers.len() as f64)
}

/// The power from `low_hz` to `high_hz`, each band weighted.
fn power(bands: &[BandLevel], low_hz: f64, high_hz: f64, weight: impl Fn(f64) -> f64) -> f64 {
    let within = bands.iter().filter(|band| (low_hz..high_hz).contains(&band.hz));
    within
        .filter_map(|band| band.db.map(|db| db_to_power(f64::from(db)) * weight(band.hz)))
        .sum()
}

/// Changes all levels by `response`, in dB at a frequency.
pub(super) fn apply(report: &mut Report, response: &dyn Fn(f64) -> f64) {
    let rate = f64::from(report.file.sample_rate_hz);
    let weighting = KWeighting::new(rate);
    let k_weight = |hz: f64| weighting.shelf.power(hz, rate) * weighting.high_pass.power(hz, rate);
    let before = report.spectrum.sixth_octave.clone();
    for band in &mut report.spectrum.sixth_octave {
        let change = over_band(response, band.hz, HALF_SIXTH);
        band.db = band.db.map(|db| db + change as f32);
    }
    let after = &report.spectrum.sixth_octave;
    let change = |low_hz: f64, high_hz: f64, weight: &dyn Fn(f64) -> f64| {
        let (before, after) = (
            power(&before, low_hz, high_hz, weight),
            power(after, low_hz, high_hz, weight),
        );
        if before > 0.0 && after > 0.0 {
            power_db(after / before)
        } else {
            0.0
        }
    };
    let even = |_: f64| 1.0;
    let (loudness, audible) = (
        change(20.0, 22_000.0, &k_weight),
        change(20.0, 16_000.0, &k_weight),
    );
    let (energy, whole) = (change(15.0, 22_000.0, &even), change(20.0, 20_000.0, &even));
    let bands = BANDS.map(|band| change(band.from_hz, band.to_hz, &even));
    let low_end = change(20.0, 120.0, &even);
    for (reading, band) in report.spectrum.bands_db.iter_mut().zip(bands) {
        shift(reading, band - whole);
    }
    change_loudness(report, loudness, audible);
    super::peaks::shift_peaks(report, energy);
    shift(&mut report.dynamics.plr_lu, energy - loudness);
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    for band in &mut detail.spectrum.third_octave {
        let change = over_band(response, band.hz, HALF_THIRD);
        band.db = band.db.map(|db| db + change as f32);
    }
    for band in &mut detail.spectrum.percentiles {
        let change = over_band(response, band.hz, HALF_SIXTH) as f32;
        for level in [
            &mut band.l1,
            &mut band.l10,
            &mut band.l50,
            &mut band.l90,
            &mut band.l99,
        ] {
            *level = level.map(|db| db + change);
        }
    }
    for (series, band) in detail.spectrum.bands_over_time_db.iter_mut().zip(bands) {
        shift_series(series, band);
    }
    shift(&mut detail.spectrum.low_end_share_db, low_end - whole);
    let levels: Vec<(f64, f64)> = detail
        .spectrum
        .third_octave
        .iter()
        .filter_map(|band| band.db.map(|db| (band.hz, f64::from(db))))
        .collect();
    if let Some(tilt) = crate::meter::tilt(&levels) {
        detail.spectrum.tilt_db_per_octave = Reading::new(tilt.db_per_octave);
        detail.spectrum.tilt_deviation_db = Reading::new(tilt.deviation_db);
    }
    for channel in &mut detail.peaks.channels {
        shift(&mut channel.rms_dbfs, energy);
    }
    shift_series(&mut detail.dynamics.psr_lu, energy - loudness);
    shift(&mut detail.dynamics.psr_p10_lu, energy - loudness);
    shift(&mut detail.quality.noise_floor_dbfs, energy);
}

/// Changes every loudness by `by`, that of what is audible by `audible`.
pub(super) fn change_loudness(report: &mut Report, by: f64, audible: f64) {
    let loudness = &mut report.loudness;
    shift(&mut loudness.integrated_lufs, by);
    shift(&mut loudness.momentary_max_lufs, by);
    shift(&mut loudness.short_term_max_lufs, by);
    shift_series(&mut loudness.short_term_lufs, by);
    if let Some(detail) = report.detail.as_mut() {
        shift(&mut detail.loudness.audible_lufs, audible);
        shift_series(&mut detail.loudness.momentary_lufs, by);
        detail.loudness.short_term_histogram.start += by;
        for section in &mut detail.sections {
            shift(&mut section.integrated_lufs, by);
        }
    }
}

/// What a filter does to tones, hiss, offset and what lies below hearing.
pub(super) fn quality(report: &mut Report, step: &Step, response: &dyn Fn(f64) -> f64) {
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    let quality = &mut detail.quality;
    // A tone is known to about a hertz.
    let is_notched = |hz: f64| {
        matches!(step, Step::Notch { hz: lowest, harmonics, .. }
            if harmonics.iter().any(|&n| (lowest * f64::from(n) - hz).abs() < 0.005 * hz))
            && response(hz) < -NOTCHED_DB
    };
    if quality.hum.as_ref().is_some_and(|hum| {
        let mut harmonics = hum.harmonics.iter().map(|&n| hum.mains_hz * f64::from(n));
        harmonics.all(is_notched)
    }) {
        quality.hum = None;
    }
    quality.tones.retain(|tone| !is_notched(tone.hz));
    for tone in &mut quality.tones {
        tone.level_db += response(tone.hz);
    }
    // The spectrum below hearing is not known; most of it lies in its upper half.
    let below = [8.0, 11.0, 14.0].map(|hz| db_to_power(response(hz)));
    let below = power_db(below.iter().sum::<f64>() / 3.0);
    quality.subsonic_db = quality.subsonic_db.map(|db| db + below);
    quality.hiss_dbfs = quality.hiss_dbfs.map(|db| db + over_band(response, 8_000.0, 2.0));
    if matches!(step, Step::HighPass { .. }) {
        for channel in &mut detail.peaks.channels {
            channel.dc = Reading::new(0.0);
        }
    }
}
