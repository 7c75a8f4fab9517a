//! What a number means, from the number itself. Facts about playback and arithmetic; no verdicts.

use model::{
    Report,
    report::{Loudness, Stereo},
};

use crate::format;

/// The level at which Spotify, YouTube and Tidal play, in LUFS.
const PLAYBACK_LUFS: f64 = -14.0;

pub(in super::super) fn integrated(loudness: &Loudness) -> String {
    let Some(value) = loudness.integrated_lufs.value() else {
        return "Nothing above the gate to measure.".to_owned();
    };
    let over = value - PLAYBACK_LUFS;
    let at = format::with_unit(PLAYBACK_LUFS, 0, "LUFS");
    if over >= 0.05 {
        let change = format::with_unit(over, 1, "dB");
        format!("Spotify, YouTube and Tidal play at {at}: they turn this down by {change}. Not a fault.")
    } else if over <= -0.05 {
        let change = format::with_unit(-over, 1, "LU");
        format!("{change} below the {at} at which Spotify, YouTube and Tidal play. Not a fault.")
    } else {
        format!("Just the {at} at which Spotify, YouTube and Tidal play.")
    }
}

pub(in super::super) fn true_peak(report: &Report) -> String {
    match (report.peaks.true_peak_dbtp.value(), report.peaks.true_peak_at) {
        (Some(_), Some(at)) => {
            let channel = format::channel(at.channel, report.file.channels);
            format!("at {}, {channel}", format::clock_tenths(at.time_s))
        }
        _ => "The highest point between the samples".to_owned(),
    }
}

pub(in super::super) fn true_peak_position(report: &Report) -> String {
    let position = match report.peaks.true_peak_at {
        Some(at) => format!(
            "At {} in {}. ",
            format::clock_tenths(at.time_s),
            match report.file.channels {
                1 => "the one channel".to_owned(),
                2 => format!("the {} channel", format::channel(at.channel, 2)),
                more => format::channel(at.channel, more),
            }
        ),
        None => String::new(),
    };
    match report.peaks.true_peak_dbtp.value() {
        Some(peak) if peak > 0.0 => {
            format!(
                "{position}Over full scale between the samples: a converter or a lossy encoder may clip there."
            )
        }
        Some(_) => format!("{position}Below full scale between the samples too."),
        None => position,
    }
}

pub(in super::super) fn sample_peak(report: &Report) -> String {
    match (
        report.peaks.sample_peak_dbfs.value(),
        report.peaks.true_peak_dbtp.value(),
    ) {
        (Some(sample), Some(peak)) if peak - sample >= 0.05 => {
            format!(
                "The waveform between the samples rises {} higher.",
                format::with_unit(peak - sample, 1, "dB")
            )
        }
        _ => "The largest sample of all channels.".to_owned(),
    }
}

pub(in super::super) fn range(loudness: &Loudness) -> String {
    if loudness.range_lu.value().is_some() && !loudness.range_is_stable {
        return format!("not yet stable below 60{}s", format::THIN);
    }
    "between quiet and loud passages".to_owned()
}

pub(in super::super) fn correlation(stereo: &Stereo) -> String {
    match stereo.mono_change_lu.value() {
        Some(change) => format!("in mono: {}{}LU", format::signed(change, 1), format::THIN),
        None => "takes two channels".to_owned(),
    }
}
