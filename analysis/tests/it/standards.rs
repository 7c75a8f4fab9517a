//! EBU Tech 3341 v4 and 3342 v4, synthesised by their own recipes, against their own tolerances.

use std::f64::consts::{PI, TAU};

use crate::{assert_near, measured, report_of};
use analysis::testkit::{Encoding, Planes, amplitude, sine, tones, wav};
use model::Report;

const RATES: [u32; 6] = [22_050, 44_100, 48_000, 88_200, 96_000, 192_000];
const SILENT: f64 = f64::NEG_INFINITY;

#[test]
fn tech_3341_cases_1_and_2_a_steady_tone_reads_alike_in_every_window() {
    for rate in RATES {
        for level in [-23.0, -33.0] {
            let loudness = measured(rate, &tones(rate, &[(level, 20.0)])).loudness;
            assert_near(loudness.integrated_lufs, level, 0.1, "integrated");
            assert_near(loudness.momentary_max_lufs, level, 0.1, "momentary");
            assert_near(loudness.short_term_max_lufs, level, 0.1, "short-term");
        }
    }
}

#[test]
fn tech_3341_cases_3_to_5_the_gates_leave_out_what_is_quiet() {
    let cases: [&[(f64, f64)]; 3] = [
        &[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        &[
            (-72.0, 10.0),
            (-36.0, 10.0),
            (-23.0, 60.0),
            (-36.0, 10.0),
            (-72.0, 10.0),
        ],
        &[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    ];
    for (case, segments) in (3..).zip(cases) {
        for rate in [44_100, 48_000] {
            let report = measured(rate, &tones(rate, segments));
            assert_near(
                report.loudness.integrated_lufs,
                -23.0,
                0.1,
                &format!("case {case}, {rate} Hz"),
            );
        }
    }
}

#[test]
fn tech_3341_case_6_the_surrounds_weigh_more_and_the_lfe_nothing() {
    let tone = |level: f64| sine(48_000, 1_000.0, amplitude(level), 0.0, 20.0);
    let (front, centre, surround) = (tone(-28.0), tone(-24.0), tone(-30.0));
    let five = vec![
        front.clone(),
        front.clone(),
        centre.clone(),
        surround.clone(),
        surround.clone(),
    ];
    assert_near(
        measured(48_000, &five).loudness.integrated_lufs,
        -23.0,
        0.1,
        "5.0",
    );

    // 5.1 with its mask, once with the surrounds at the side and once at the rear; the LFE is louder than all else.
    let six = vec![
        front.clone(),
        front,
        centre,
        tone(-6.0),
        surround.clone(),
        surround,
    ];
    for mask in [0x3f, 0x60f] {
        let report = report_of(wav(48_000, &six, Encoding::Extensible24 { mask }));
        assert_near(report.loudness.integrated_lufs, -23.0, 0.1, "5.1");
    }
}

#[test]
fn tech_3341_case_9_short_term_stays_constant_over_its_window() {
    let segments = [(-20.0, 1.34), (-30.0, 1.66)].repeat(5);
    let loudness = measured(48_000, &tones(48_000, &segments)).loudness;
    assert_near(loudness.short_term_max_lufs, -23.0, 0.1, "maximum");
    assert_eq!(loudness.short_term_lufs.step_s, 0.1);
    assert_eq!(loudness.short_term_lufs.values.len(), 121);
    for value in loudness.short_term_lufs.values {
        assert!((f64::from(value.unwrap()) + 23.0).abs() <= 0.1, "{value:?}");
    }
}

#[test]
fn tech_3341_case_10_the_loudest_three_seconds_are_found_wherever_they_lie() {
    for i in 0..20 {
        let segments = [(SILENT, f64::from(i) * 0.15), (-23.0, 3.0), (SILENT, 1.0)];
        let report = measured(48_000, &tones(48_000, &segments));
        assert_near(
            report.loudness.short_term_max_lufs,
            -23.0,
            0.1,
            &format!("{i} × 150 ms"),
        );
    }
}

#[test]
fn tech_3341_case_11_short_term_follows_each_burst_of_a_programme() {
    let segments: Vec<_> = (0..20)
        .flat_map(|i| {
            let i = f64::from(i);
            [(SILENT, i * 0.15), (-38.0 + i, 3.0), (SILENT, 3.0 - i * 0.15)]
        })
        .collect();
    let series = measured(48_000, &tones(48_000, &segments))
        .loudness
        .short_term_lufs;
    for i in 0..20 {
        let burst =
            |index: &usize| (f64::from(i) * 6.0..f64::from(i + 1) * 6.0).contains(&series.time_s(*index));
        let loudest = (0..series.values.len())
            .filter(burst)
            .filter_map(|n| series.values[n])
            .fold(-99.0, f32::max);
        assert!(
            (f64::from(loudest) - (-38.0 + f64::from(i))).abs() <= 0.1,
            "burst {i}: {loudest}"
        );
    }
}

#[test]
fn tech_3341_cases_12_and_13_momentary_is_found_on_a_fine_grid() {
    let segments = [(-20.0, 0.18), (-30.0, 0.22)].repeat(25);
    let loudness = measured(48_000, &tones(48_000, &segments)).loudness;
    assert_near(loudness.momentary_max_lufs, -23.0, 0.1, "case 12");

    for i in 0..20 {
        // The case is shorter than the 3 s that a report takes; silence behind it changes no maximum.
        let segments = [(SILENT, f64::from(i) * 0.02), (-23.0, 0.4), (SILENT, 3.0)];
        let report = measured(48_000, &tones(48_000, &segments));
        assert_near(
            report.loudness.momentary_max_lufs,
            -23.0,
            0.1,
            &format!("case 13, {i} × 20 ms"),
        );
    }
}

#[test]
fn tech_3341_case_14_every_level_of_a_short_burst_is_read() {
    for i in 0..20 {
        let level = -38.0 + f64::from(i);
        let start = f64::from(i) * 0.02;
        let report = measured(
            48_000,
            &tones(48_000, &[(SILENT, start), (level, 0.4), (SILENT, 3.0)]),
        );
        assert_near(
            report.loudness.momentary_max_lufs,
            level,
            0.1,
            &format!("burst {i}"),
        );
    }
}

/// A stereo sine of `divisor` samples per period with linear fades of 10 ms, 4 s long.
fn faded_sine(divisor: f64, peak: f64, phase: f64) -> Planes {
    let mut channel = sine(48_000, 48_000.0 / divisor, peak, phase, 4.0);
    fade(&mut channel, 480);
    vec![channel.clone(), channel]
}

fn fade(samples: &mut [f64], len: usize) {
    let end = samples.len() - 1;
    for n in 0..len {
        let gain = n as f64 / len as f64;
        samples[n] *= gain;
        samples[end - n] *= gain;
    }
}

fn assert_true_peak(report: &Report, expected: f64, what: &str) {
    let peak = report.peaks.true_peak_dbtp.value().unwrap();
    assert!(
        (expected - 0.4..=expected + 0.2).contains(&peak),
        "{what}: {peak}, expected {expected}"
    );
}

#[test]
fn tech_3341_cases_15_to_19_true_peak_is_read_between_the_samples() {
    let cases = [
        (4.0, 0.5, 0.0, -6.0),
        (4.0, 0.5, 45.0, -6.0),
        (6.0, 0.5, 60.0, -6.0),
        (8.0, 0.5, 67.5, -6.0),
        (4.0, 1.41, 45.0, 3.0),
    ];
    for (case, (divisor, peak, phase, expected)) in (15..).zip(cases) {
        assert_true_peak(
            &measured(48_000, &faded_sine(divisor, peak, phase)),
            expected,
            &format!("case {case}"),
        );
    }
}

#[test]
fn tech_3341_cases_20_to_23_a_single_period_overshoots_at_every_offset() {
    let fine = one_loud_period_at_192_khz();
    let filtered = low_pass(&fine);
    for offset in 0..4 {
        let channel: Vec<f64> = filtered.iter().copied().skip(offset).step_by(4).collect();
        let report = measured(48_000, &vec![channel.clone(), channel]);
        assert_true_peak(&report, 0.0, &format!("case {}", 20 + offset));
        let at = report.peaks.true_peak_at.unwrap().time_s;
        assert!((at - 2.0).abs() < 0.002, "at {at} s");
    }
}

/// Half-scale sine of 24 samples per period, one period of full-scale sine of 16 samples in the middle, faded.
fn one_loud_period_at_192_khz() -> Vec<f64> {
    let periods = 2 * 192_000 / 24;
    let quiet = |n: usize| 0.5 * (TAU * n as f64 / 24.0).sin();
    let half: Vec<f64> = (0..periods * 24).map(quiet).collect();
    let loud = (0..16).map(|n| (TAU * f64::from(n) / 16.0).sin());
    let mut samples: Vec<f64> = half
        .iter()
        .copied()
        .chain(loud)
        .chain(half.iter().copied())
        .collect();
    fade(&mut samples, 1_920);
    samples
}

/// 513 taps, cutoff 0.98 × 24 kHz, Kaiser window with β = 10.
fn low_pass(samples: &[f64]) -> Vec<f64> {
    const HALF: usize = 256;
    let bessel = |x: f64| {
        (1..60)
            .fold((1.0, 1.0), |(sum, term), k| {
                let term = term * (x / 2.0 / f64::from(k)).powi(2);
                (sum + term, term)
            })
            .0
    };
    let cutoff = 0.98 * 24_000.0 / 192_000.0;
    let mut taps: Vec<f64> = (0..=2 * HALF)
        .map(|n| {
            let x = n as f64 - HALF as f64;
            let sinc = if x == 0.0 {
                2.0 * cutoff
            } else {
                (TAU * cutoff * x).sin() / (PI * x)
            };
            sinc * bessel(10.0 * (1.0 - (x / HALF as f64).powi(2)).max(0.0).sqrt()) / bessel(10.0)
        })
        .collect();
    let gain: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= gain);
    let padded: Vec<f64> = std::iter::repeat_n(0.0, HALF)
        .chain(samples.iter().copied())
        .chain(std::iter::repeat_n(0.0, HALF))
        .collect();
    padded
        .windows(taps.len())
        .map(|window| window.iter().zip(&taps).map(|(x, tap)| x * tap).sum())
        .collect()
}

#[test]
fn tech_3342_cases_1_to_4_the_range_is_the_distance_of_the_levels() {
    let cases: [(&[f64], f64); 4] = [
        (&[-20.0, -30.0], 10.0),
        (&[-20.0, -15.0], 5.0),
        (&[-40.0, -20.0], 20.0),
        (&[-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    ];
    for (case, (levels, expected)) in (1..).zip(cases) {
        for rate in RATES {
            let segments: Vec<_> = levels.iter().map(|&level| (level, 20.0)).collect();
            let loudness = measured(rate, &tones(rate, &segments)).loudness;
            assert_near(
                loudness.range_lu,
                expected,
                1.0,
                &format!("case {case}, {rate} Hz"),
            );
            assert_eq!(loudness.range_is_stable, levels.len() > 2);
        }
    }
}

#[test]
fn bs_1770_a_full_scale_sine_in_one_front_channel_reads_minus_3_01() {
    for rate in [32_000, 44_100, 48_000, 88_200, 192_000, 384_000] {
        let tone = sine(rate, 997.0, 1.0, 0.0, 5.0);
        let silence = vec![0.0; tone.len()];
        assert_near(
            measured(rate, &vec![tone, silence]).loudness.integrated_lufs,
            -3.01,
            0.05,
            &format!("{rate} Hz"),
        );
    }
}
