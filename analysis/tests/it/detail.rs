//! The second layer of a report, against signals whose measures follow from arithmetic.

use std::f64::consts::{PI, TAU};
use std::io::Cursor;

use crate::{assert_near, measured, report_of};
use analysis::testkit::{Encoding, Noise, Planes, amplitude, music, pink_noise, silence, sine, tones, wav};
use analysis::{AnalysisOptions, measure};
use model::Report;
use model::report::{AbsenceReason, BandLevel, Detail, Series};
use proptest::prelude::*;

fn detail(rate: u32, planes: &Planes) -> Detail {
    *measured(rate, planes).detail.unwrap()
}

fn both(channel: Vec<f64>) -> Planes {
    vec![channel.clone(), channel]
}

fn sum(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(a, b)| a + b).collect()
}

fn then(one: &Planes, other: &Planes) -> Planes {
    one.iter()
        .zip(other)
        .map(|(one, other)| [one.as_slice(), other].concat())
        .collect()
}

fn values(series: &Series) -> impl Iterator<Item = f64> {
    series.values.iter().flatten().map(|&value| f64::from(value))
}

#[test]
fn what_lies_above_16_khz_counts_in_the_loudness_and_not_in_the_audible_one() {
    let low = sine(48_000, 1_000.0, amplitude(-23.0), 0.0, 10.0);
    let high = sine(48_000, 18_000.0, amplitude(-20.0), 0.0, 10.0);
    let report = measured(48_000, &both(sum(&low, &high)));
    let audible = report.detail.unwrap().loudness.audible_lufs;
    assert!(report.loudness.integrated_lufs.value().unwrap() > -17.0);
    assert_near(audible, -23.0, 0.1, "audible");

    let report = measured(48_000, &music(48_000, 20.0, 3));
    let all = report.loudness.integrated_lufs.value().unwrap();
    assert_near(report.detail.unwrap().loudness.audible_lufs, all, 0.05, "music");
}

#[test]
fn momentary_series_and_short_term_histogram_follow_the_levels() {
    let detail = detail(48_000, &tones(48_000, &[(-20.0, 10.0), (-30.0, 10.0)]));
    let momentary: Vec<f64> = values(&detail.loudness.momentary_lufs).collect();
    assert_eq!(momentary.len(), 20);
    assert!(
        momentary[1..9].iter().all(|value| (value + 20.0).abs() < 0.1),
        "{momentary:?}"
    );
    assert!(
        momentary[12..].iter().all(|value| (value + 30.0).abs() < 0.1),
        "{momentary:?}"
    );
    let histogram = detail.loudness.short_term_histogram;
    assert_eq!(histogram.counts.iter().sum::<u32>(), 171);
    let near = |level: f64| {
        let class = ((level - histogram.start) / histogram.step) as usize;
        histogram.counts[class.saturating_sub(1)..(class + 2).min(histogram.counts.len())]
            .iter()
            .sum::<u32>()
    };
    assert!(near(-20.0) >= 70 && near(-30.0) >= 70, "{histogram:?}");
}

#[test]
fn psr_of_a_steady_stereo_tone_is_0_and_so_is_its_dr() {
    let detail = detail(48_000, &tones(48_000, &[(-18.0, 20.0)]));
    assert_near(detail.dynamics.psr_p10_lu, 0.0, 0.1, "PSR");
    assert_eq!(detail.dynamics.psr_lu.values.len(), 18);
    assert!(values(&detail.dynamics.psr_lu).all(|psr| psr.abs() < 0.1));
    assert_near(detail.dynamics.dr_db, 0.0, 0.01, "DR");
    assert_near(detail.peaks.channels[0].crest_db, 3.01, 0.01, "crest");
}

#[test]
fn dr_is_the_second_peak_over_the_loudest_fifth() {
    // Ten blocks of 3 s: two at −12 dBFS, eight at −20; one sample of 0 dBFS and one of −1 in blocks of their own.
    let mut channel = tones(48_000, &[(-12.0, 6.0), (-20.0, 24.0)]).swap_remove(0);
    channel[48_000 * 10] = 1.0;
    channel[48_000 * 20] = amplitude(-1.0);
    let detail = detail(48_000, &both(channel));
    assert_near(detail.dynamics.dr_db, 11.0, 0.02, "DR");
    assert_eq!(detail.dynamics.dr_channels_db.len(), 2);
}

#[test]
fn the_worst_peaks_are_ten_places_in_order_with_channel_and_time() {
    let mut planes = silence(48_000, 30.0);
    let quiet = sine(48_000, 100.0, 0.01, 0.0, 30.0);
    planes = planes.iter().map(|plane| sum(plane, &quiet)).collect();
    for n in 0..12 {
        planes[n % 2][48_000 * (2 * n + 1) + 24_000] = 0.9 - 0.05 * n as f64;
    }
    let worst = detail(48_000, &planes).peaks.worst;
    assert_eq!(worst.len(), 10);
    for (n, place) in worst.iter().enumerate() {
        assert_eq!(usize::from(place.channel), n % 2, "{worst:?}");
        assert!((place.time_s - (2 * n + 1) as f64 - 0.5).abs() < 0.001);
        assert!((place.dbtp - 20.0 * (0.9 - 0.05 * n as f64).log10()).abs() < 0.2);
    }
}

#[test]
fn an_offset_and_samples_beyond_full_scale_are_counted_per_channel() {
    let left = sine(48_000, 1_000.0, 0.5, 0.0, 4.0);
    let right: Vec<f64> = left.iter().map(|x| x + 0.02).collect();
    let mut planes = vec![left, right];
    planes[1][48_000] = 1.5;
    let peaks = detail(48_000, &planes).peaks;
    assert_near(peaks.channels[0].dc, 0.0, 1e-6, "left");
    assert_near(peaks.channels[1].dc, 0.02, 1e-4, "right");
    assert_eq!(peaks.overs, 1);
}

#[test]
fn a_mix_clipped_and_turned_down_shows_both_before_and_after() {
    let loud: Planes = music(44_100, 8.0, 5)
        .iter()
        .map(|plane| plane.iter().map(|x| (4.0 * x).clamp(-1.0, 1.0)).collect())
        .collect();
    let quieter: Planes = loud
        .iter()
        .map(|plane| plane.iter().map(|x| 0.7 * x).collect())
        .collect();
    let peaks = |planes: &Planes| {
        report_of(wav(44_100, planes, Encoding::Int24))
            .detail
            .unwrap()
            .peaks
    };
    let (loud, quieter) = (peaks(&loud), peaks(&quieter));
    for (loud, quieter) in loud.channels.iter().zip(&quieter.channels) {
        assert!(loud.clips.runs > 10, "{:?}", loud.clips);
        assert_eq!(loud.lowered_clips.runs, 0);
        assert_eq!(quieter.clips.runs, 0);
        assert_eq!(quieter.lowered_clips, loud.clips);
    }
    assert!((quieter.clip_runs[0].dbfs + 3.1).abs() < 0.01);
    let clean = measured(44_100, &music(44_100, 8.0, 5)).detail.unwrap().peaks;
    assert!(
        clean
            .channels
            .iter()
            .all(|channel| channel.clips.runs + channel.lowered_clips.runs == 0)
    );
}

#[test]
fn pink_noise_has_no_tilt_and_white_noise_rises_by_three_decibels_an_octave() {
    let mut noise = Noise::new(11);
    let white: Vec<f64> = (0..48_000 * 30).map(|_| 0.3 * noise.white()).collect();
    let spectrum = detail(48_000, &both(white)).spectrum;
    assert_near(spectrum.tilt_db_per_octave, 3.01, 0.05, "white");
    assert_near(spectrum.tilt_deviation_db, 0.0, 0.2, "distance");
    let spectrum = detail(48_000, &pink_noise(48_000, 0.3, 1.0, 60.0, 4)).spectrum;
    assert_near(spectrum.tilt_db_per_octave, 0.0, 0.2, "pink");
}

#[test]
fn low_notes_a_third_apart_are_told_apart() {
    let low = sine(48_000, 39.4, 0.5, 0.0, 12.0);
    let high = sine(48_000, 62.5, 0.25, 0.0, 12.0);
    let report = measured(48_000, &both(sum(&low, &high)));
    let spectrum = report.detail.unwrap().spectrum;
    let level = |hz: f64| {
        let nearest = |band: &&BandLevel| (band.hz / hz).log2().abs() < 1.0 / 6.0;
        f64::from(spectrum.third_octave.iter().find(nearest).unwrap().db.unwrap())
    };
    assert!((level(39.4) + 6.02).abs() < 0.3, "{}", level(39.4));
    assert!((level(62.5) + 12.04).abs() < 0.3, "{}", level(62.5));
    assert!(level(49.6) < -20.0, "{}", level(49.6));
    assert_near(spectrum.low_end_share_db, 0.0, 0.01, "share");
}

#[test]
fn percentiles_tell_how_long_a_band_sounds() {
    // 1 kHz at −10 dBFS a fifth of the time, at −40 dBFS the rest.
    let segments = [(-10.0, 2.0), (-40.0, 8.0)].repeat(3);
    let spectrum = detail(48_000, &tones(48_000, &segments)).spectrum;
    let band = spectrum
        .percentiles
        .iter()
        .find(|band| band.hz == 1_000.0)
        .unwrap();
    for (value, expected) in [
        (band.l1, -10.0),
        (band.l10, -10.0),
        (band.l50, -40.0),
        (band.l90, -40.0),
    ] {
        assert!((f64::from(value.unwrap()) - expected).abs() < 0.4, "{band:?}");
    }
    assert_eq!(spectrum.percentiles.len(), 60);
    assert_eq!(spectrum.bands_over_time_db.len(), 7);
    assert_eq!(spectrum.bands_over_time_db[3].values.len(), 30);
}

#[test]
fn sibilants_stand_out_in_their_range_only() {
    let mut noise = Noise::new(3);
    // A tenth of each second, without the clicks of hard edges, which are not sibilants only.
    let burst = |n: usize| match n % 48_000 {
        at @ ..4_800 => 0.3 * (PI * at as f64 / 4_800.0).sin().powi(2),
        _ => 0.0,
    };
    let channel: Vec<f64> = sine(48_000, 300.0, 0.3, 0.0, 20.0)
        .into_iter()
        .enumerate()
        .map(|(n, tone)| tone + burst(n) * (TAU * 7_000.0 * n as f64 / 48_000.0).sin() + 1e-3 * noise.white())
        .collect();
    let spectrum = detail(48_000, &both(channel)).spectrum;
    assert!(
        spectrum.sibilant_spread_db.value().unwrap() > 20.0,
        "{:?}",
        spectrum.sibilant_spread_db
    );
    assert!(
        spectrum.harsh_spread_db.value().unwrap() < 10.0,
        "{:?}",
        spectrum.harsh_spread_db
    );
}

#[test]
fn each_band_has_its_own_correlation_width_balance_and_mono_change() {
    let (low, high) = (
        sine(48_000, 500.0, 0.4, 0.0, 6.0),
        sine(48_000, 5_040.0, 0.2, 0.0, 6.0),
    );
    let bass = sine(48_000, 50.0, 0.2, 0.0, 6.0);
    let left = sum(&sum(&low, &high), &bass);
    let half: Vec<f64> = low
        .iter()
        .zip(&high)
        .map(|(low, high)| 0.5 * low - high)
        .collect();
    let stereo = detail(48_000, &vec![left, sum(&half, &bass)]).stereo.unwrap();
    let band = |hz: f64| {
        *stereo
            .bands
            .iter()
            .find(|band| (band.hz / hz).log2().abs() < 1.0 / 6.0)
            .unwrap()
    };
    let near = |value: Option<f32>, expected: f64| (f64::from(value.unwrap()) - expected).abs() < 0.1;
    assert!(near(band(500.0).correlation, 1.0) && near(band(500.0).balance_db, 6.02));
    // Mid 0.75, side 0.25 of the amplitude; mono keeps 2 · 0.75² of 1 + 0.25.
    assert!(near(band(500.0).width_db, -9.54) && near(band(500.0).mono_change_db, -0.46));
    assert!(near(band(5_040.0).correlation, -1.0) && near(band(5_040.0).negative_share, 1.0));
    assert!(near(band(50.0).correlation, 1.0) && near(band(50.0).negative_share, 0.0));
    assert!(stereo.low_width_db.value().is_none_or(|width| width < -60.0));
}

#[test]
fn the_worst_place_is_where_most_energy_cancels() {
    let plain = pink_noise(48_000, 0.3, 1.0, 20.0, 8);
    let mut planes = plain.clone();
    planes[1][48_000 * 10..48_000 * 13]
        .iter_mut()
        .for_each(|x| *x = -*x);
    let stereo = detail(48_000, &planes).stereo.unwrap();
    assert_eq!(stereo.worst[0].time_s, 13.0);
    assert!(stereo.worst[0].correlation < -0.99, "{:?}", stereo.worst);
    assert_eq!(stereo.correlation.values.len(), 18);
    assert_eq!(stereo.correlation.start_s, 3.0);
    assert_eq!(detail(48_000, &plain).stereo.unwrap().worst, []);
    assert_eq!(detail(48_000, &vec![plain[0].clone()]).stereo, None);
}

#[test]
fn hum_is_found_under_music_with_its_harmonics() {
    let plain = music(44_100, 40.0, 6);
    let quality = detail(44_100, &plain).quality;
    assert_eq!((quality.hum, quality.tones), (None, Vec::new()));
    for mains in [50.0, 60.0] {
        let quiet: Planes = plain
            .iter()
            .map(|plane| plane.iter().map(|x| 0.05 * x).collect())
            .collect();
        let tone = sum(
            &sine(44_100, mains, amplitude(-40.0), 0.0, 40.0),
            &sine(44_100, 3.0 * mains, amplitude(-46.0), 30.0, 40.0),
        );
        let planes: Planes = quiet
            .iter()
            .map(|plane| sum(plane, &tone[..plane.len()]))
            .collect();
        let hum = detail(44_100, &planes).quality.hum.unwrap();
        assert_eq!(hum.mains_hz, mains);
        assert!(
            hum.harmonics.contains(&1) && hum.harmonics.contains(&3),
            "{hum:?}"
        );
        assert!((hum.level_db + 39.0).abs() < 2.0, "{hum:?}");
    }
}

#[test]
fn a_tone_that_never_stops_is_found_with_its_frequency_and_level() {
    let rate = 44_100;
    for (hz, dbfs) in [(1_000.0, -40.0), (15_734.0, -55.0), (21_000.0, -60.0)] {
        let tone = sine(rate, hz, amplitude(dbfs), 0.0, 40.0);
        let planes: Planes = music(rate, 40.0, 7)
            .iter()
            .map(|plane| sum(plane, &tone[..plane.len()]))
            .collect();
        let tones = detail(rate, &planes).quality.tones;
        let [found] = tones[..] else {
            panic!("{hz}: {tones:?}");
        };
        assert!((found.hz - hz).abs() < 1.0, "{hz}: {found:?}");
        assert!((found.level_db - dbfs).abs() < 2.0, "{hz}: {found:?}");
        // The same tone for a half of the time is a note.
        let planes: Planes = music(rate, 40.0, 7)
            .iter()
            .map(|plane| {
                sum(
                    plane,
                    &[&tone[..tone.len() / 2], &vec![0.0; tone.len() / 2]].concat(),
                )
            })
            .collect();
        assert_eq!(detail(rate, &planes).quality.tones, [], "{hz}");
    }
}

/// White noise through a windowed sinc of 801 taps.
fn noise_below(hz: f64, rate: f64, seconds: f64) -> Vec<f64> {
    let mut noise = Noise::new(21);
    let taps: Vec<f64> = (-400..=400)
        .map(|n| {
            let x = f64::from(n);
            let sinc = if n == 0 {
                2.0 * hz / rate
            } else {
                (TAU * hz / rate * x).sin() / (PI * x)
            };
            sinc * (0.42 + 0.5 * (PI * x / 400.0).cos() + 0.08 * (TAU * x / 400.0).cos())
        })
        .collect();
    let white: Vec<f64> = (0..(rate * seconds) as usize + 800)
        .map(|_| 0.3 * noise.white())
        .collect();
    white
        .windows(taps.len())
        .map(|window| window.iter().zip(&taps).map(|(x, tap)| x * tap).sum())
        .collect()
}

#[test]
fn the_cutoff_of_brickwalled_noise_is_found_and_full_noise_has_none() {
    for hz in [15_000.0, 16_500.0, 19_000.0] {
        let quality = detail(44_100, &both(noise_below(hz, 44_100.0, 5.0))).quality;
        assert_near(quality.cutoff_hz, hz, 150.0, "cut-off");
    }
    let mut noise = Noise::new(2);
    let full: Vec<f64> = (0..44_100 * 5).map(|_| 0.3 * noise.white()).collect();
    assert_eq!(
        detail(44_100, &both(full)).quality.cutoff_hz.why(),
        Some(AbsenceReason::Undefined)
    );
}

#[test]
fn a_click_does_not_hide_the_cutoff_of_a_song() {
    let piece = &noise_below(16_500.0, 44_100.0, 5.0)[..5 * 44_100];
    let mut song = piece.repeat(12);
    // Within two of the windows, and one between them.
    for frame in [20.3, 40.5, 41.0].map(|seconds| (seconds * 44_100.0) as usize) {
        song[frame] += 0.9;
    }
    assert_near(
        detail(44_100, &both(song)).quality.cutoff_hz,
        16_500.0,
        150.0,
        "cut-off",
    );
}

#[test]
fn what_is_below_hearing_has_its_level_and_an_offset_is_none_of_it() {
    let rate = 44_100;
    let plain = music(rate, 12.0, 9);
    let with = |hz: f64| -> Planes {
        let slow = sine(rate, hz, amplitude(-20.0), 0.0, 12.0);
        plain.iter().map(|plane| sum(plane, &slow)).collect()
    };
    let level = |planes: &Planes| detail(rate, planes).quality.subsonic_db.unwrap();
    assert!((level(&with(6.0)) + 20.0).abs() < 0.2, "{}", level(&with(6.0)));
    let offset: Planes = plain
        .iter()
        .map(|plane| plane.iter().map(|sample| sample + 0.05).collect())
        .collect();
    assert!(
        (level(&offset) - level(&plain)).abs() < 1.0,
        "{} {}",
        level(&offset),
        level(&plain)
    );
}

#[test]
fn bits_silence_floor_and_copies_are_as_constructed() {
    let mut noise = Noise::new(5);
    let faint: Vec<f64> = (0..44_100 * 2)
        .map(|_| amplitude(-70.0) * noise.white())
        .collect();
    let tone = sine(44_100, 440.0, 0.5, 0.0, 6.0);
    let zeros = vec![0.0; 44_100];
    let channel = [zeros.as_slice(), &faint, &tone, &zeros].concat();
    let of = |encoding| {
        report_of(wav(44_100, &both(channel.clone()), encoding))
            .detail
            .unwrap()
            .quality
    };
    let quality = of(Encoding::Float32);
    assert!((quality.head_silence_s - 3.0).abs() < 0.001, "{quality:?}");
    assert!((quality.tail_silence_s - 1.0).abs() < 0.001, "{quality:?}");
    assert!((quality.head_zeros_s - 1.0).abs() < 0.001 && (quality.tail_zeros_s - 1.0).abs() < 0.001);
    // White noise has a third of the power of its peak.
    assert_near(quality.noise_floor_dbfs, -74.77, 0.5, "floor");
    assert!(quality.is_dual_mono && !quality.is_inverted && quality.silent_channels.is_empty());
    assert_eq!(quality.effective_bits.why(), Some(AbsenceReason::Undefined));
    assert_eq!(of(Encoding::Int16).effective_bits.value(), Some(16.0));
    assert_eq!(of(Encoding::Int24).effective_bits.value(), Some(24.0));
    let rounded: Vec<f64> = tone.iter().map(|x| (x * 32_768.0).round() / 32_768.0).collect();
    let padded = report_of(wav(44_100, &both(rounded.clone()), Encoding::Int24))
        .detail
        .unwrap();
    assert_eq!(padded.quality.effective_bits.value(), Some(16.0));
    let opposite = rounded.iter().map(|x| -x).collect();
    assert!(
        detail(44_100, &vec![rounded.clone(), opposite])
            .quality
            .is_inverted
    );
    let missing = vec![0.0; rounded.len()];
    assert_eq!(
        detail(44_100, &vec![rounded, missing]).quality.silent_channels,
        [1]
    );
}

#[test]
fn a_change_of_sound_begins_a_section_with_its_own_loudness() {
    let planes = then(
        &tones(48_000, &[(-26.0, 20.0)]),
        &pink_noise(48_000, 0.5, 0.5, 20.0, 1),
    );
    let sections = detail(48_000, &planes).sections;
    assert_eq!(sections.len(), 2, "{sections:?}");
    assert!((sections[0].end_s - 20.0).abs() <= 1.0);
    assert_eq!(sections[1].start_s, sections[0].end_s);
    assert_eq!(sections[1].end_s, 40.0);
    assert_near(sections[0].integrated_lufs, -26.0, 0.3, "tone");
    assert_near(sections[0].bands_db[3], 0.0, 0.1, "1 kHz is in the middle band");
    assert_eq!(detail(48_000, &tones(48_000, &[(-20.0, 40.0)])).sections.len(), 1);
}

#[test]
fn one_and_two_threads_give_the_same_report_to_the_last_bit() {
    let bytes = wav(44_100, &music(44_100, 12.3, 4), Encoding::Int16);
    let json = |threads: usize| {
        let options = AnalysisOptions {
            threads,
            ..AnalysisOptions::default()
        };
        let report = measure(Cursor::new(bytes.clone()), &options, &mut |_| {}).unwrap();
        serde_json::to_string(&report).unwrap()
    };
    let alone = json(1);
    for threads in [1, 2, 2, 4] {
        assert_eq!(json(threads), alone);
    }
}

#[test]
fn a_report_of_version_1_still_reads() {
    let report = measured(44_100, &music(44_100, 4.0, 1));
    let mut json = serde_json::to_value(&report).unwrap();
    json["version"] = 1.into();
    json.as_object_mut().unwrap().remove("detail");
    let old: Report = serde_json::from_value(json).unwrap();
    assert_eq!((old.version, old.detail), (1, None));
    assert_eq!(old.loudness, report.loudness);
}

fn sample() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -1.0..1.0_f64,
        1 => Just(0.0),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(3e38), Just(1e-40)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// NaN and infinity become `null` in JSON, which no plain number reads back.
    #[test]
    fn whatever_the_samples_are_the_report_survives_json(
        pattern in prop::collection::vec(prop::collection::vec(sample(), 1..300), 1..5),
        gain in prop_oneof![Just(1.0), Just(1e-3), Just(1e5)],
        seconds in 3_u32..9,
    ) {
        let planes: Planes = pattern
            .iter()
            .map(|plane| plane.iter().map(|x| x * gain).cycle().take(8_000 * seconds as usize).collect())
            .collect();
        let bytes = wav(8_000, &planes, Encoding::Float32);
        if let Ok(report) = measure(Cursor::new(bytes), &AnalysisOptions::default(), &mut |_| {}) {
            let json = serde_json::to_string(&report).unwrap();
            let back: Result<Report, _> = serde_json::from_str(&json);
            prop_assert!(back.is_ok(), "{:?} in {}", back, json);
        }
    }
}
