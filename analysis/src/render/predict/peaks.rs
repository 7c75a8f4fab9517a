//! Gain and limiting.

use model::Report;
use model::report::{Reading, Series};

use super::filter::change_loudness;
use super::{shift, shift_series};
use crate::dsp::db_to_amplitude;

/// Changes every peak by `by`.
pub(super) fn shift_peaks(report: &mut Report, by: f64) {
    shift(&mut report.peaks.sample_peak_dbfs, by);
    shift(&mut report.peaks.true_peak_dbtp, by);
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    let peaks = &mut detail.peaks;
    shift(&mut peaks.true_peak_8x_dbtp, by);
    shift_series(&mut peaks.true_peak_dbtp, by);
    peaks.worst.iter_mut().for_each(|peak| peak.dbtp += by);
    for channel in &mut peaks.channels {
        shift(&mut channel.sample_peak_dbfs, by);
        shift(&mut channel.true_peak_dbtp, by);
        shift(&mut channel.true_peak_8x_dbtp, by);
    }
}

/// Changes the level of everything.
pub(super) fn gain(report: &mut Report, by: f64) {
    shift_peaks(report, by);
    change_loudness(report, by, by);
    let raise = |db: &mut Option<f32>| *db = db.map(|db| db + by as f32);
    report
        .spectrum
        .sixth_octave
        .iter_mut()
        .for_each(|band| raise(&mut band.db));
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    detail
        .spectrum
        .third_octave
        .iter_mut()
        .for_each(|band| raise(&mut band.db));
    for band in &mut detail.spectrum.percentiles {
        for level in [
            &mut band.l1,
            &mut band.l10,
            &mut band.l50,
            &mut band.l90,
            &mut band.l99,
        ] {
            raise(level);
        }
    }
    detail
        .spectrum
        .bands_over_time_db
        .iter_mut()
        .for_each(|series| shift_series(series, by));
    for channel in &mut detail.peaks.channels {
        shift(&mut channel.rms_dbfs, by);
        channel.dc = channel
            .dc
            .value()
            .map_or(channel.dc, |dc| Reading::new(dc * db_to_amplitude(by)));
    }
    detail.peaks.clip_runs.iter_mut().for_each(|run| run.dbfs += by);
    let quality = &mut detail.quality;
    shift(&mut quality.noise_floor_dbfs, by);
    if let Some(hum) = &mut quality.hum {
        hum.level_db += by;
    }
    quality.tones.iter_mut().for_each(|tone| tone.level_db += by);
    quality.subsonic_db = quality.subsonic_db.map(|db| db + by);
    quality.hiss_dbfs = quality.hiss_dbfs.map(|db| db + by);
}

/// Holds every true peak at `aim_dbtp`, and says by how much the highest is lowered, in dB.
pub(super) fn limit(report: &mut Report, aim_dbtp: f64) -> f64 {
    let hold = |reading: &mut Reading| {
        if let Some(value) = reading.value() {
            *reading = Reading::new(value.min(aim_dbtp));
        }
    };
    let before = report.peaks.true_peak_dbtp.value().unwrap_or(aim_dbtp);
    let taken = (before - aim_dbtp).max(0.0);
    hold(&mut report.peaks.true_peak_dbtp);
    hold(&mut report.peaks.sample_peak_dbfs);
    shift(&mut report.dynamics.crest_db, -taken);
    shift(&mut report.dynamics.plr_lu, -taken);
    let Some(detail) = report.detail.as_mut() else {
        return taken;
    };
    hold(&mut detail.peaks.true_peak_8x_dbtp);
    for channel in &mut detail.peaks.channels {
        hold(&mut channel.sample_peak_dbfs);
        hold(&mut channel.true_peak_dbtp);
        hold(&mut channel.true_peak_8x_dbtp);
    }
    let second = detail.peaks.worst.get(1).map_or(aim_dbtp, |peak| peak.dbtp);
    shift(&mut detail.dynamics.dr_db, -(second - aim_dbtp).max(0.0));
    detail
        .peaks
        .worst
        .iter_mut()
        .for_each(|peak| peak.dbtp = peak.dbtp.min(aim_dbtp));
    let psr = &mut detail.dynamics.psr_lu;
    let before = low_tenth(psr);
    for (index, value) in psr.values.iter_mut().enumerate() {
        let end_s = psr.start_s + psr.step_s * index as f64;
        let over = highest(&detail.peaks.true_peak_dbtp, end_s - 3.0, end_s) - aim_dbtp;
        *value = value.map(|psr| psr - over.max(0.0) as f32);
    }
    if let Some((before, after)) = before.zip(low_tenth(psr)) {
        shift(&mut detail.dynamics.psr_p10_lu, after - before);
    }
    for value in detail.peaks.true_peak_dbtp.values.iter_mut().flatten() {
        *value = value.min(aim_dbtp as f32);
    }
    taken
}

/// The highest value between two times.
fn highest(series: &Series, from_s: f64, to_s: f64) -> f64 {
    let within = |index: &usize| (from_s..=to_s + series.step_s).contains(&series.time_s(*index));
    let values = (0..series.values.len())
        .filter(within)
        .filter_map(|index| series.values[index]);
    values.map(f64::from).fold(f64::NEG_INFINITY, f64::max)
}

/// What a tenth of the values stays below.
fn low_tenth(series: &Series) -> Option<f64> {
    let mut values: Vec<f32> = series.values.iter().flatten().copied().collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 10).map(|&value| f64::from(value))
}
