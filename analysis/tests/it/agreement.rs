//! A second meter, written by others, reads the same.

use std::path::{Path, PathBuf};

use crate::ffmpeg::{decoded_by_ffmpeg, ebur128_by_ffmpeg, ffmpeg};
use crate::{assert_near, measured, report_of};
use analysis::testkit::{Planes, music, pink_noise};
use ebur128::{Channel, EbuR128, Mode};

struct Second {
    integrated: f64,
    momentary_max: f64,
    true_peak_db: f64,
    sample_peak_db: f64,
}

fn second_meter(rate: u32, planes: &Planes) -> Second {
    let channels = planes.len();
    let mut meter = EbuR128::new(channels as u32, rate, Mode::all()).unwrap();
    if channels == 1 {
        meter.set_channel(0, Channel::DualMono).unwrap();
    }
    let planes: Vec<Vec<f32>> = planes
        .iter()
        .map(|plane| plane.iter().map(|&x| x as f32).collect())
        .collect();
    let mut momentary_max = f64::NEG_INFINITY;
    let step = rate as usize / 100;
    for start in (0..planes[0].len()).step_by(step) {
        let end = (start + step).min(planes[0].len());
        let block: Vec<&[f32]> = planes.iter().map(|plane| &plane[start..end]).collect();
        meter.add_frames_planar_f32(&block).unwrap();
        momentary_max = momentary_max.max(meter.loudness_momentary().unwrap());
    }
    let largest = |peak: fn(&EbuR128, u32) -> Result<f64, ebur128::Error>| {
        20.0 * (0..channels as u32)
            .map(|channel| peak(&meter, channel).unwrap())
            .fold(0.0, f64::max)
            .log10()
    };
    Second {
        integrated: meter.loudness_global().unwrap(),
        momentary_max,
        true_peak_db: largest(EbuR128::true_peak),
        sample_peak_db: largest(EbuR128::sample_peak),
    }
}

fn assert_agreement(rate: u32, planes: &Planes, what: &str) {
    let second = second_meter(rate, planes);
    let report = measured(rate, planes);
    assert_near(
        report.loudness.integrated_lufs,
        second.integrated,
        0.02,
        &format!("{what}: integrated"),
    );
    assert_near(
        report.loudness.momentary_max_lufs,
        second.momentary_max,
        0.05,
        &format!("{what}: momentary"),
    );
    assert_near(
        report.peaks.true_peak_dbtp,
        second.true_peak_db,
        0.1,
        &format!("{what}: true peak"),
    );
    assert_near(
        report.peaks.sample_peak_dbfs,
        second.sample_peak_db,
        0.001,
        &format!("{what}: sample peak"),
    );
}

#[test]
fn on_music_both_meters_read_the_same_at_every_common_rate() {
    for rate in [44_100, 48_000, 96_000] {
        assert_agreement(rate, &music(rate, 30.0, 7), &format!("music at {rate} Hz"));
    }
}

#[test]
fn on_noise_both_meters_read_the_same() {
    for (seed, correlation) in [(1, 0.0), (2, 0.7)] {
        assert_agreement(48_000, &pink_noise(48_000, 0.3, correlation, 10.0, seed), "noise");
    }
}

#[test]
fn on_mono_both_meters_count_two_loudspeakers() {
    let left = music(44_100, 12.0, 3).swap_remove(0);
    assert_agreement(44_100, &vec![left], "mono");
}

/// Real music, fetched by `scripts/setup test`.
pub(crate) fn tracks() -> Vec<PathBuf> {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/music/hyperrogue-music/usr/share/hyperrogue/music"
    ));
    let mut tracks: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| {
            panic!(
                "no music in {}: run scripts/setup test ({error})",
                folder.display()
            )
        })
        .map(|entry| entry.unwrap().path())
        // The others come from another hand, and ffmpeg 5 refuses the header of one of them.
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("hr3-"))
        })
        .collect();
    tracks.sort();
    tracks
}

/// Real music, against the crate `ebur128` and against ffmpeg, which share no code with each other. The loudness range is
/// not compared: both step it by 1 s where Tech 3342 asks for 10 Hz, which on 45 s makes up to 1.7 LU. ffmpeg prints
/// tenths, so half of one belongs to the tolerance.
#[test]
fn on_real_music_three_meters_read_the_same() {
    let tracks = tracks();
    let place = tempfile::tempdir().unwrap();
    let mut over_full_scale = 0;
    for track in tracks.iter().step_by(3) {
        let name = track.file_stem().unwrap().to_string_lossy();
        let wav = place.path().join("cut.wav");
        ffmpeg(track, &["-ss", "15", "-t", "45", "-c:a", "pcm_f32le"], &wav);
        let report = report_of(std::fs::read(&wav).unwrap());
        let samples = decoded_by_ffmpeg(&wav, false);
        let planes: Planes = (0..2)
            .map(|channel| {
                samples
                    .iter()
                    .skip(channel)
                    .step_by(2)
                    .map(|&sample| f64::from(sample))
                    .collect()
            })
            .collect();
        let second = second_meter(report.file.sample_rate_hz, &planes);
        let (integrated, true_peak) = ebur128_by_ffmpeg(&wav);

        let loudness = report.loudness.integrated_lufs;
        assert_near(loudness, second.integrated, 0.1, &format!("{name}: ebur128 I"));
        assert_near(loudness, integrated, 0.15, &format!("{name}: ffmpeg I"));
        let peak = report.peaks.true_peak_dbtp;
        assert_near(peak, second.true_peak_db, 0.1, &format!("{name}: ebur128 TP"));
        assert_near(peak, true_peak, 0.15, &format!("{name}: ffmpeg TP"));
        over_full_scale += u32::from(peak.value().is_some_and(|peak| peak > 0.0));
        println!(
            "{name}: I {loudness:?} {} {integrated}, TP {peak:?} {} {true_peak}",
            second.integrated, second.true_peak_db
        );
    }
    assert!(over_full_scale > 0, "some of it is loud enough to matter");
}
