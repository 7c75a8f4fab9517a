//! A made-up song, for the gallery and for tests. Nothing in it was measured.

use std::{f64::consts::TAU, time::Duration};

use model::{
    AnalysisId, Reading, Report, Timestamp,
    analysis::{AnalysisState, AnalysisSummary, AnalysisView, Audio, Phase, Progress},
    format::AudioFormat,
    report::{
        BandLevel, Dynamics, FileInfo, Loudness, Peaks, Position, REPORT_VERSION, Series, Spectrum, Stereo,
        Waveform,
    },
    upload::UploadKind,
};

/// Length of the song, in seconds.
const DURATION_S: f64 = 214.64;
/// The parts of the song: where each begins (s), its short-term loudness (LUFS), how much that moves (LU).
const PARTS: [(f64, f64, f64); 9] = [
    (0.0, -19.5, 1.6),
    (14.0, -13.4, 1.0),
    (44.0, -9.9, 0.6),
    (72.0, -13.0, 1.1),
    (102.0, -9.6, 0.6),
    (130.0, -17.2, 2.2),
    (148.0, -8.9, 0.5),
    (192.0, -10.6, 1.4),
    (203.0, -24.0, 0.8),
];

/// A smooth value between −1 and 1 that looks accidental and is the same every time.
fn wobble(at: f64) -> f64 {
    ((at * 1.7).sin() + (at * 0.61 + 1.3).sin() + (at * 3.9 + 0.4).sin() * 0.5) / 2.5
}

/// A rough value between 0 and 1, the same every time.
fn grain(at: usize) -> f64 {
    let mut bits = (at as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Loudness of the song at a time, before the 3 s window smooths it.
fn level(time_s: f64) -> f64 {
    let part = PARTS
        .iter()
        .rev()
        .find(|part| part.0 <= time_s)
        .unwrap_or(&PARTS[0]);
    let fade = (time_s - 207.0).max(0.0) * 4.5;
    part.1 + part.2 * wobble(time_s) - fade
}

fn short_term() -> Series {
    let count = (DURATION_S - 3.0).floor() as usize + 1;
    let values = (0..count)
        .map(|at| {
            let end = 3.0 + at as f64;
            // 3 s of power, averaged as the meter does.
            let power = (0..30)
                .map(|step| 10f64.powf(level(end - f64::from(step) * 0.1) / 10.0))
                .sum::<f64>()
                / 30.0;
            Some(((power.log10() * 10.0 * 100.0).round() / 100.0) as f32)
        })
        .collect();
    Series {
        start_s: 3.0,
        step_s: 1.0,
        values,
    }
}

fn waveform() -> Waveform {
    let count = 2000;
    let lane = |seed: usize| -> Vec<(i8, i8)> {
        (0..count)
            .map(|at| slice(at, at as f64 / f64::from(count as u32) * DURATION_S, seed))
            .collect()
    };
    let (left, right) = (lane(0), lane(2 * count));
    let slices = left
        .iter()
        .zip(&right)
        .map(|(left, right)| (left.0.min(right.0), left.1.max(right.1)))
        .collect();
    Waveform {
        slices,
        left_right: Some([left, right]),
    }
}

/// One slice of a lane whose grains begin at `seed`.
fn slice(at: usize, time_s: f64, seed: usize) -> (i8, i8) {
    let body = 10f64.powf((level(time_s) + 9.0) / 20.0) * 0.72;
    let beat = (time_s * 2.0 * 1.933).fract();
    let hit = if beat < 0.16 {
        1.32
    } else {
        0.78 + 0.3 * (TAU * beat).cos().abs()
    };
    let size = |seed: usize| (body * hit * (0.72 + 0.4 * grain(seed)) * 127.0).clamp(0.0, 126.0);
    (-(size(seed + at * 2) as i8), size(seed + at * 2 + 1) as i8)
}

fn sixth_octave() -> Vec<BandLevel> {
    (0..60)
        .map(|at| {
            let hz = 20.0 * 2f64.powf((f64::from(at) + 0.5) / 6.0);
            let octaves = (hz / 62.0).log2();
            let bump = |centre: f64, width: f64, height: f64| {
                height * (-((hz / centre).log2() / width).powi(2)).exp()
            };
            let tilt = if octaves < 0.0 {
                octaves * 7.5
            } else {
                -octaves * 3.6
            };
            let air = (hz / 15_500.0).log2().max(0.0) * -28.0;
            let db = -24.5 + tilt + air + bump(118.0, 0.5, 2.2) - bump(330.0, 0.7, 2.8)
                + bump(2_600.0, 0.8, 3.4)
                + bump(9_500.0, 0.6, 2.6)
                + wobble(f64::from(at) * 1.9) * 1.1;
            BandLevel {
                hz,
                db: Some((db * 100.0).round() as f32 / 100.0),
            }
        })
        .collect()
}

/// The measurements of the made-up song.
#[must_use]
pub fn report() -> Report {
    let short_term_lufs = short_term();
    let loudest = short_term_lufs
        .values
        .iter()
        .flatten()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    Report {
        version: REPORT_VERSION,
        engine: "0.1.0".to_owned(),
        file: FileInfo {
            format: AudioFormat::Wav,
            codec: model::format::Codec::Pcm,
            sample_rate_hz: 48_000,
            channels: 2,
            bits_per_sample: Some(24),
            frames: 10_302_720,
            duration_s: DURATION_S,
        },
        loudness: Loudness {
            integrated_lufs: Reading::new(-10.72),
            momentary_max_lufs: Reading::new(-7.34),
            short_term_max_lufs: Reading::new(loudest.into()),
            range_lu: Reading::new(6.83),
            range_is_stable: true,
            short_term_lufs,
        },
        peaks: Peaks {
            sample_peak_dbfs: Reading::new(-0.31),
            true_peak_dbtp: Reading::new(0.42),
            true_peak_at: Some(Position {
                time_s: 163.271,
                channel: 0,
            }),
        },
        dynamics: Dynamics {
            crest_db: Reading::new(13.27),
            plr_lu: Reading::new(11.14),
        },
        spectrum: Spectrum {
            bands_db: [-5.62, -3.08, -9.37, -9.84, -14.2, -20.51, -27.36].map(Reading::new),
            sixth_octave: sixth_octave(),
        },
        stereo: Stereo {
            correlation: Reading::new(0.617),
            width_db: Reading::new(-6.38),
            mono_change_lu: Reading::new(-0.84),
            balance_db: Reading::new(0.36),
        },
        waveform: waveform(),
        notes: Vec::new(),
        detail: None,
        digest: None,
    }
}

/// The made-up song as a finished analysis, uploaded 40 minutes before `now`.
#[must_use]
pub fn view(now: Timestamp) -> AnalysisView {
    let report = report();
    let created_at = now.minus(Duration::from_secs(40 * 60));
    AnalysisView {
        summary: AnalysisSummary {
            id: AnalysisId(Default::default()),
            kind: UploadKind::Mix,
            title: "Low tide (mix 7)".to_owned(),
            created_at,
            progress: Progress {
                state: AnalysisState::Done,
                phase: Phase::Saving,
                percent: 100,
                status_message: None,
                outcome: None,
            },
            duration_s: Some(DURATION_S),
            integrated_lufs: report.loudness.integrated_lufs.value(),
            score: None,
            first_finding: None,
            song: None,
            failure: None,
            audio: Audio::Kept {
                until: created_at.plus(Duration::from_secs(24 * 3600)),
            },
        },
        file_name: "low-tide_mix7_48k24.wav".to_owned(),
        size_bytes: 61_816_364,
        declared_format: AudioFormat::Wav,
        verdict: Some(analysis::rules::judge(&report)),
        earlier: Vec::new(),
        report: Some(report),
        compared: None,
    }
}
