//! Signals whose measures follow from arithmetic.

use crate::{assert_near, measured, report_of};
use analysis::testkit::{Encoding, Noise, amplitude, music, silence, sine, wav};
use model::report::{AbsenceReason, BANDS, NoteCode};

#[test]
fn two_equal_channels_are_fully_correlated_and_have_no_width() {
    let tone = sine(48_000, 440.0, 0.5, 0.0, 4.0);
    let stereo = measured(48_000, &vec![tone.clone(), tone]).stereo;
    assert_near(stereo.correlation, 1.0, 1e-9, "correlation");
    assert_near(stereo.balance_db, 0.0, 1e-9, "balance");
    assert_near(stereo.mono_change_lu, 0.0, 1e-9, "mono");
    assert_eq!(stereo.width_db.why(), Some(AbsenceReason::Silent));
}

#[test]
fn opposite_channels_vanish_in_mono() {
    let tone = sine(48_000, 440.0, 0.5, 0.0, 4.0);
    let opposite = tone.iter().map(|x| -x).collect();
    let stereo = measured(48_000, &vec![tone, opposite]).stereo;
    assert_near(stereo.correlation, -1.0, 1e-9, "correlation");
    assert_eq!(stereo.mono_change_lu.why(), Some(AbsenceReason::Silent));
    assert_eq!(stereo.width_db.why(), Some(AbsenceReason::Undefined));
}

#[test]
fn unrelated_channels_lose_three_decibels_in_mono() {
    let channel = |seed| {
        let mut noise = Noise::new(seed);
        (0..48_000 * 10).map(|_| 0.3 * noise.white()).collect()
    };
    let stereo = measured(48_000, &vec![channel(5), channel(6)]).stereo;
    assert_near(stereo.correlation, 0.0, 0.01, "correlation");
    assert_near(stereo.width_db, 0.0, 0.05, "width");
    assert_near(stereo.mono_change_lu, -3.01, 0.05, "mono");
}

#[test]
fn sines_a_quarter_apart_have_equal_mid_and_side() {
    let (left, right) = (
        sine(48_000, 1_000.0, 0.5, 0.0, 4.0),
        sine(48_000, 1_000.0, 0.5, 90.0, 4.0),
    );
    let stereo = measured(48_000, &vec![left, right]).stereo;
    assert_near(stereo.correlation, 0.0, 1e-6, "correlation");
    assert_near(stereo.width_db, 0.0, 1e-4, "width");
    assert_near(stereo.mono_change_lu, -3.01, 0.01, "mono");
}

#[test]
fn balance_is_the_ratio_of_the_energies_and_ignores_an_offset() {
    let left = sine(48_000, 500.0, 0.5, 0.0, 4.0);
    let right: Vec<f64> = left.iter().map(|x| 0.5 * x + 0.1).collect();
    let stereo = measured(48_000, &vec![left, right]).stereo;
    assert_near(stereo.balance_db, 6.02, 0.01, "balance");
    assert_near(stereo.correlation, 1.0, 1e-6, "correlation");
}

#[test]
fn one_silent_channel_leaves_ratios_without_a_value() {
    let left = sine(48_000, 500.0, 0.5, 0.0, 4.0);
    let right = vec![0.0; left.len()];
    let stereo = measured(48_000, &vec![left, right]).stereo;
    assert_eq!(stereo.balance_db.why(), Some(AbsenceReason::Silent));
    assert_eq!(stereo.correlation.why(), Some(AbsenceReason::Silent));
    assert_near(stereo.width_db, 0.0, 1e-6, "width");
    assert_near(stereo.mono_change_lu, -3.01, 0.01, "mono");
}

#[test]
fn mono_is_measured_as_on_two_loudspeakers_and_says_so() {
    let tone = sine(48_000, 1_000.0, amplitude(-18.0), 0.0, 4.0);
    let mono = measured(48_000, &vec![tone.clone()]);
    let stereo = measured(48_000, &vec![tone.clone(), tone]);
    assert_near(
        mono.loudness.integrated_lufs,
        stereo.loudness.integrated_lufs.value().unwrap(),
        1e-6,
        "loudness",
    );
    assert_eq!(mono.notes[0].code, NoteCode::DualMono);
    assert_eq!(mono.stereo.correlation.why(), Some(AbsenceReason::NotStereo));
}

#[test]
fn crest_factor_and_plr_of_a_sine_are_known() {
    let tone = sine(48_000, 997.0, amplitude(-6.0), 0.0, 10.0);
    let report = measured(48_000, &vec![tone.clone(), tone]);
    assert_near(report.dynamics.crest_db, 3.01, 0.01, "crest");
    assert_near(report.peaks.sample_peak_dbfs, -6.0, 0.001, "sample peak");
    // A stereo sine at −6 dBFS reads −6 LUFS.
    assert_near(report.dynamics.plr_lu, 0.0, 0.1, "PLR");
}

#[test]
fn each_band_holds_the_energy_of_a_sine_within_it_at_every_rate() {
    for rate in [44_100, 48_000, 96_000, 192_000] {
        for (
            index,
            model::report::Band {
                name,
                from_hz: low,
                to_hz: high,
            },
        ) in BANDS.into_iter().enumerate()
        {
            let tone = sine(rate, (low * high).sqrt(), 0.5, 0.0, 3.2);
            let spectrum = measured(rate, &vec![tone.clone(), tone]).spectrum;
            assert_near(
                spectrum.bands_db[index],
                0.0,
                0.15,
                &format!("{name} at {rate} Hz"),
            );
            for (other, reading) in spectrum
                .bands_db
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
            {
                let share = reading.value().unwrap();
                assert!(share < -15.0, "{share} dB of {name} in band {other} at {rate} Hz");
            }
        }
    }
}

#[test]
fn a_full_scale_sine_reads_0_db_in_its_sixth_octave() {
    let tone = sine(48_000, 1_000.0, 1.0, 0.0, 4.0);
    let spectrum = measured(48_000, &vec![tone.clone(), tone]).spectrum;
    let band = spectrum
        .sixth_octave
        .iter()
        .find(|band| band.hz == 1_000.0)
        .unwrap();
    assert!(band.db.unwrap().abs() < 0.1, "{band:?}");
    assert!((15.0..25.0).contains(&spectrum.sixth_octave[0].hz));
    assert!((17_000.0..20_000.0).contains(&spectrum.sixth_octave.last().unwrap().hz));
}

#[test]
fn white_noise_rises_by_three_decibels_per_octave_and_its_shares_are_its_bandwidths() {
    let mut noise = Noise::new(9);
    let channel: Vec<f64> = (0..48_000 * 30).map(|_| 0.5 * noise.white()).collect();
    let spectrum = measured(48_000, &vec![channel.clone(), channel]).spectrum;
    for (
        reading,
        model::report::Band {
            name,
            from_hz: low,
            to_hz: high,
        },
    ) in spectrum.bands_db.into_iter().zip(BANDS)
    {
        assert_near(reading, 10.0 * ((high - low) / 19_980.0_f64).log10(), 0.25, name);
    }
    for pair in spectrum
        .sixth_octave
        .windows(7)
        .filter(|bands| bands[0].hz > 200.0)
    {
        let rise = pair[6].db.unwrap() - pair[0].db.unwrap();
        assert!((rise - 3.01).abs() < 0.5, "{rise} dB from {} Hz", pair[0].hz);
    }
}

#[test]
fn bands_beyond_half_the_sample_rate_have_no_value() {
    let tone = sine(8_000, 1_000.0, 0.5, 0.0, 4.0);
    let spectrum = measured(8_000, &vec![tone]).spectrum;
    assert_eq!(spectrum.bands_db[5].why(), Some(AbsenceReason::Undefined));
    assert!(spectrum.bands_db[3].value().is_some());
    assert!(spectrum.sixth_octave.last().unwrap().hz < 4_000.0);
}

#[test]
fn silence_around_the_music_changes_neither_spectrum_nor_loudness() {
    let bare = music(44_100, 16.0, 2);
    let quiet = silence(44_100, 10.0);
    let padded: Vec<Vec<f64>> = bare
        .iter()
        .zip(&quiet)
        .map(|(music, quiet)| [quiet.as_slice(), music, quiet].concat())
        .collect();
    let (bare, padded) = (measured(44_100, &bare), measured(44_100, &padded));
    assert_near(
        padded.loudness.integrated_lufs,
        bare.loudness.integrated_lufs.value().unwrap(),
        0.15,
        "loudness",
    );
    for (padded, bare) in padded.spectrum.bands_db.into_iter().zip(bare.spectrum.bands_db) {
        assert_near(padded, bare.value().unwrap(), 0.15, "band");
    }
}

#[test]
fn every_encoding_of_the_same_music_reads_the_same() {
    let planes = music(44_100, 8.0, 4);
    let float = measured(44_100, &planes);
    for encoding in [
        Encoding::Int16,
        Encoding::Int24,
        Encoding::Extensible24 { mask: 3 },
    ] {
        let other = report_of(wav(44_100, &planes, encoding));
        let expected = float.loudness.integrated_lufs.value().unwrap();
        assert_near(
            other.loudness.integrated_lufs,
            expected,
            0.001,
            &format!("{encoding:?}"),
        );
        assert_eq!(other.file.frames, float.file.frames);
    }
    assert_eq!(
        report_of(wav(44_100, &planes, Encoding::Int24)).file.codec_name(),
        "PCM 24-bit"
    );
    assert_eq!(float.file.codec_name(), "PCM 32-bit float");
    assert_eq!(float.file.bits_per_sample, Some(32));
}

#[test]
fn samples_over_full_scale_are_noted_with_their_peak() {
    let tone = sine(48_000, 100.0, 2.0, 0.0, 4.0);
    let report = measured(48_000, &vec![tone.clone(), tone]);
    assert_eq!(report.notes[0].code, NoteCode::OverFullScale);
    assert_eq!(report.notes[0].detail.as_deref(), Some("+6.02"));
    assert!(report.waveform.slices.contains(&(-127, 127)));
}

#[test]
fn nan_and_infinity_in_a_file_never_reach_the_report() {
    let mut planes = music(44_100, 4.0, 4);
    for (index, poison) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
        .into_iter()
        .enumerate()
    {
        planes[0][1_000 * (index + 1)] = poison;
    }
    let json = serde_json::to_string(&measured(44_100, &planes)).unwrap();
    let back: model::Report = serde_json::from_str(&json).unwrap();
    assert!(back.loudness.integrated_lufs.value().is_some());
}

#[test]
fn the_same_bytes_give_the_same_report_to_the_last_bit() {
    let bytes = wav(44_100, &music(44_100, 6.0, 4), Encoding::Int16);
    let json = |bytes: &[u8]| serde_json::to_string(&report_of(bytes.to_vec())).unwrap();
    assert_eq!(json(&bytes), json(&bytes));
}

#[test]
fn the_report_of_a_long_file_stays_small() {
    // 25 minutes at a low rate, as quick as it gets; the number of values does not depend on the rate.
    let report = measured(8_000, &vec![sine(8_000, 1_000.0, 0.123, 0.0, 1_500.0)]);
    let len = serde_json::to_string(&report).unwrap().len();
    assert!(len < 150_000, "{len} bytes");
    assert_eq!(report.loudness.short_term_lufs.step_s, 1.0);
}
