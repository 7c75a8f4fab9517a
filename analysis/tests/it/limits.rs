//! The limits at their edges, and HE-AAC, which must never be measured at half its rate.

use analysis::rules::judge;
use analysis::testkit::{Encoding, Planes, music, tones, wav};
use model::report::AbsenceReason;
use model::verdict::Stage;
use model::{Failure, FailureCode};

use crate::truncated::encoded;
use crate::{failure_of, report_of};

#[test]
fn rates_from_8_to_384_khz_are_measured_and_no_others() {
    for rate in [8_000, 384_000] {
        let report = report_of(wav(rate, &tones(rate, &[(-20.0, 3.0)]), Encoding::Int16));
        assert_eq!(report.file.sample_rate_hz, rate);
        let integrated = report.loudness.integrated_lufs.value().unwrap();
        assert!((integrated + 20.0).abs() < 0.1, "{rate}: {integrated}");
    }
    for rate in [0, 7_999, 384_001, u32::MAX] {
        let mut bytes = wav(8_000, &tones(8_000, &[(-20.0, 3.0)]), Encoding::Int16);
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        assert_eq!(failure_of(bytes), Failure::with(FailureCode::SampleRate, rate));
    }
}

#[test]
fn one_to_eight_channels_are_measured_and_no_more() {
    let channel = tones(8_000, &[(-20.0, 3.0)]).remove(0);
    for count in 1..=8_u16 {
        let report = report_of(wav(
            8_000,
            &vec![channel.clone(); usize::from(count)],
            Encoding::Int16,
        ));
        assert_eq!(report.file.channels, count);
    }
    for (count, expected) in [
        (0, Failure::new(FailureCode::Malformed)),
        (9, Failure::with(FailureCode::TooManyChannels, 9)),
        (u16::MAX, Failure::with(FailureCode::TooManyChannels, u16::MAX)),
    ] {
        let mut bytes = wav(8_000, &vec![channel.clone(); 2], Encoding::Int16);
        bytes[22..24].copy_from_slice(&count.to_le_bytes());
        assert_eq!(failure_of(bytes), expected);
    }
}

#[test]
fn a_file_of_one_block_is_measured_and_says_what_it_is_too_short_for() {
    let mut planes = tones(8_000, &[(-20.0, 2.9)]);
    let lengths = |planes: &Planes| report_of(wav(8_000, planes, Encoding::Int16));
    let too_short = Some(AbsenceReason::TooShort);
    let report = lengths(&planes);
    assert_eq!(report.loudness.short_term_max_lufs.why(), too_short);
    assert_eq!(report.loudness.range_lu.why(), too_short);
    assert!((report.loudness.integrated_lufs.value().unwrap() + 20.0).abs() < 0.1);
    planes.iter_mut().for_each(|plane| plane.truncate(3_200));
    let report = lengths(&planes);
    assert_eq!(report.file.frames, 3_200);
    assert!((report.loudness.momentary_max_lufs.value().unwrap() + 20.0).abs() < 0.1);
    assert!((report.peaks.sample_peak_dbfs.value().unwrap() + 20.0).abs() < 0.1);
    planes.iter_mut().for_each(|plane| plane.truncate(3_199));
    assert_eq!(
        failure_of(wav(8_000, &planes, Encoding::Int16)),
        Failure::with(FailureCode::TooShort, "0.39")
    );
}

#[test]
fn a_file_of_any_length_from_one_block_on_has_a_verdict() {
    for seconds in [0.4, 0.41, 0.7, 1.0, 1.3, 2.0, 2.999, 3.0, 5.1] {
        for channels in [1, 2] {
            let mut planes = music(44_100, seconds, 5);
            planes.truncate(channels);
            let verdict = judge(&report_of(wav(44_100, &planes, Encoding::Int24)));
            for stage in [Stage::Mix, Stage::Master] {
                let score = verdict.by(stage).score.value();
                assert!((0.0..=100.0).contains(&score), "{seconds} s: {score}");
            }
        }
    }
}

#[test]
fn he_aac_that_the_configuration_of_an_mp4_file_tells_of_is_refused() {
    let mut bytes = encoded(&["-c:a", "aac"], "a.m4a");
    // The sync word behind the configuration, object type 5 and "no SBR", as ffmpeg writes it.
    let signal = bytes
        .windows(3)
        .position(|bytes| bytes == b"\x56\xe5\x00")
        .unwrap();
    bytes[signal + 2] = 0xa0;
    assert_eq!(
        failure_of(bytes),
        Failure::with(FailureCode::Unsupported, "HE-AAC")
    );
}

/// The ADTS frame with 6 bytes of SBR data in a fill element in front of its end.
fn with_sbr(frame: &[u8]) -> Vec<u8> {
    let bits: String = frame[7..].iter().map(|byte| format!("{byte:08b}")).collect();
    // `ID_END`, and padding behind it.
    let content = bits.trim_end_matches('0').strip_suffix("111").unwrap();
    let mut bits = format!("{content}1100110{}{}111", "1101", "01".repeat(22));
    while !bits.len().is_multiple_of(8) {
        bits.push('0');
    }
    let mut with_sbr = frame[..7].to_vec();
    with_sbr.extend(
        bits.as_bytes()
            .chunks(8)
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap()),
    );
    let len = with_sbr.len();
    with_sbr[3] = with_sbr[3] & 0xfc | (len >> 11) as u8;
    with_sbr[4] = (len >> 3) as u8;
    with_sbr[5] = with_sbr[5] & 0x1f | ((len & 7) << 5) as u8;
    with_sbr
}

#[test]
fn he_aac_that_only_the_frames_of_an_adts_stream_tell_of_is_refused() {
    let plain = encoded(&["-c:a", "aac"], "a.aac");
    assert_eq!(report_of(plain.clone()).file.codec_name(), "AAC-LC");
    let (mut rest, mut extended) = (&plain[..], Vec::new());
    while let [_, _, _, b3, b4, b5, ..] = *rest {
        let len = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5 >> 5);
        extended.extend(with_sbr(&rest[..len]));
        rest = &rest[len..];
    }
    assert_eq!(
        failure_of(extended),
        Failure::with(FailureCode::Unsupported, "HE-AAC")
    );
}

#[test]
fn codecs_that_are_not_decoded_are_refused_by_their_names_in_every_container() {
    #[rustfmt::skip]
    let table: &[(&[&str], &str, &str)] = &[
        (&["-c:a", "libmp3lame"], "a.wav", "MP3 inside WAV"),
        (&["-c:a", "ac3"], "a.ac3", "AC-3"),
        (&["-c:a", "eac3"], "a.eac3", "AC-3"),
        (&["-c:a", "ac3"], "a.m4a", "AC-3 in M4A"),
        (&["-c:a", "dca", "-strict", "-2", "-ar", "48000"], "a.dts", "DTS"),
        (&["-c:a", "libopus"], "a.mp4", "Opus in M4A"),
        (&["-c:a", "libopus"], "a.webm", "Matroska/WebM"),
        (&["-c:a", "wavpack"], "a.wv", "WavPack"),
        (&["-c:a", "tta"], "a.tta", "TTA"),
        (&["-c:a", "wmav2"], "a.wma", "WMA/ASF"),
        (&["-c:a", "pcm_s16be"], "a.au", "Sun AU"),
        (&["-c:a", "mp2", "-ar", "44100"], "a.ts", "an MPEG transport stream"),
        (&["-c:a", "mp2", "-ar", "44100"], "a.mpg", "an MPEG video"),
        (&["-c:a", "pcm_s16le"], "a.avi", "an AVI video"),
        (&["-c:a", "aac"], "a.flv", "Flash video"),
        (&["-c:a", "pcm_u8"], "a.voc", "Creative VOC"),
    ];
    for (encode, name, expected) in table {
        assert_eq!(
            failure_of(encoded(encode, name)),
            Failure::with(FailureCode::Unsupported, *expected),
            "{name}"
        );
    }
}
