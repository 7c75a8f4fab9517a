//! What is wrong with a file is said in plain words, and never by a panic.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::time::Duration;

use crate::{failure_of, report_of, undigested_report_of};
use analysis::testkit::{Encoding, broken, music, tones, wav};
use analysis::{AnalysisOptions, Error, Percent, measure};
use model::format::AudioFormat;
use model::report::NoteCode;
use model::{Failure, FailureCode};
use proptest::prelude::*;

#[test]
fn every_broken_file_ends_as_its_own_failure() {
    let table: [(&str, Vec<u8>, Failure); 13] = [
        ("empty", broken::empty(), Failure::new(FailureCode::Empty)),
        (
            "text",
            broken::text(),
            Failure::with(FailureCode::Unsupported, "a text"),
        ),
        (
            "cut in the header",
            broken::truncated(0.000_02),
            Failure::new(FailureCode::Truncated),
        ),
        (
            "header only",
            broken::header_only(),
            Failure::new(FailureCode::Truncated),
        ),
        ("silent", broken::silent(), Failure::new(FailureCode::Silent)),
        (
            "a third of a second",
            broken::too_short(),
            Failure::with(FailureCode::TooShort, "0.34"),
        ),
        (
            "a tenth of a second",
            wav(44_100, &tones(44_100, &[(-10.0, 0.1)]), Encoding::Int16),
            Failure::with(FailureCode::TooShort, "0.10"),
        ),
        (
            "below the gate",
            wav(44_100, &tones(44_100, &[(-80.0, 4.0)]), Encoding::Int24),
            Failure::new(FailureCode::Silent),
        ),
        (
            "1 MHz",
            broken::impossible_rate(),
            Failure::with(FailureCode::SampleRate, 1_000_000),
        ),
        (
            "nine channels",
            broken::nine_channels(),
            Failure::with(FailureCode::TooManyChannels, 9),
        ),
        (
            "WavPack",
            broken::wavpack(),
            Failure::with(FailureCode::Unsupported, "WavPack"),
        ),
        (
            "more channels than a mask has bits",
            {
                let mut bytes = broken::nine_channels();
                bytes[22] = 200;
                bytes
            },
            Failure::with(FailureCode::TooManyChannels, 200),
        ),
        (
            "nothing but a tag",
            b"ID3\x04\0\0\0\0\0\x05 12345"[..15].to_vec(),
            Failure::new(FailureCode::Truncated),
        ),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(failure_of(bytes), expected, "{name}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_measured_as_far_as_it_goes() {
    let report = report_of(broken::truncated(0.5));
    assert_eq!(report.notes[0].code, NoteCode::Truncated);
    assert_eq!(report.notes[0].detail.as_deref(), Some("4.99"));
    assert!((report.file.duration_s - 5.0).abs() < 0.02);
}

#[test]
fn a_whole_file_has_no_notes() {
    assert_eq!(
        report_of(wav(44_100, &music(44_100, 5.0, 1), Encoding::Int16)).notes,
        []
    );
}

#[test]
fn a_header_with_wrong_sizes_hides_no_audio() {
    let plain = undigested_report_of(wav(44_100, &music(44_100, 5.0, 1), Encoding::Int16));
    for (name, bytes) in [
        ("lying", broken::lying_header()),
        ("unfinished", broken::unfinished_header()),
        ("RF64", broken::rf64()),
    ] {
        assert_eq!(undigested_report_of(bytes), plain, "{name}");
    }
}

#[test]
fn pcm_of_20_bits_is_read_from_its_3_bytes() {
    let planes = music(44_100, 4.0, 1);
    let mut bytes = wav(44_100, &planes, Encoding::Int24);
    bytes[34] = 20;
    let expected = report_of(wav(44_100, &planes, Encoding::Int24)).loudness;
    assert_eq!(report_of(bytes).loudness, expected);
}

/// 16-bit stereo at 44.1 kHz; the rate is an 80-bit float.
fn aiff(planes: &[Vec<f64>]) -> Vec<u8> {
    let frames = planes[0].len() as u32;
    let mut bytes = b"FORM".to_vec();
    bytes.extend((4 + 26 + 16 + frames * 4).to_be_bytes());
    bytes.extend(b"AIFFCOMM\0\0\0\x12\0\x02");
    bytes.extend(frames.to_be_bytes());
    bytes.extend(b"\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0SSND");
    bytes.extend((8 + frames * 4).to_be_bytes());
    bytes.extend([0; 8]);
    for frame in 0..frames as usize {
        for plane in planes {
            bytes.extend(((plane[frame] * 32_768.0).round() as i16).to_be_bytes());
        }
    }
    bytes
}

#[test]
fn an_aiff_file_that_is_cut_short_is_measured_as_far_as_it_goes() {
    let planes = music(44_100, 10.0, 1);
    let whole = aiff(&planes);
    let wave = report_of(wav(44_100, &planes, Encoding::Int16));
    assert_eq!(report_of(whole.clone()).loudness, wave.loudness);
    let cut = report_of(whole[..whole.len() * 3 / 5 + 1].to_vec());
    assert_eq!(cut.notes[0].code, NoteCode::Truncated);
    assert!(
        (cut.file.duration_s - 6.0).abs() < 0.02,
        "{}",
        cut.file.duration_s
    );
}

#[test]
fn a_file_longer_than_the_plan_is_refused_and_one_just_as_long_is_not() {
    let bytes = wav(8_000, &tones(8_000, &[(-20.0, 60.0)]), Encoding::Int16);
    let options = |seconds| AnalysisOptions {
        max_duration: Duration::from_secs(seconds),
        ..AnalysisOptions::default()
    };
    assert!(measure(Cursor::new(bytes.clone()), &options(60), &mut |_| {}).is_ok());
    match measure(Cursor::new(bytes), &options(59), &mut |_| {}) {
        Err(Error::Rejected(failure)) => assert_eq!(failure, Failure::with(FailureCode::TooLong, 0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn content_of_another_format_than_the_name_promises_is_measured_with_a_note() {
    let bytes = wav(44_100, &music(44_100, 4.0, 1), Encoding::Int16);
    let options = AnalysisOptions {
        declared: Some(AudioFormat::Mp3),
        ..AnalysisOptions::default()
    };
    let report = measure(Cursor::new(bytes), &options, &mut |_| {}).unwrap();
    assert_eq!(report.notes[0].code, NoteCode::Mislabelled);
    assert_eq!(report.notes[0].detail.as_deref(), Some("WAV"));
}

#[test]
fn progress_rises_from_0_to_100_and_tells_nothing_twice() {
    let bytes = wav(44_100, &music(44_100, 10.0, 1), Encoding::Int16);
    let mut seen: Vec<u8> = Vec::new();
    measure(
        Cursor::new(bytes),
        &AnalysisOptions::default(),
        &mut |percent: Percent| seen.push(percent.get()),
    )
    .unwrap();
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&100)));
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    assert!(seen.len() > 20, "{seen:?}");
}

/// A disk that fails behind its first bytes.
struct FailingDisk {
    bytes: Cursor<Vec<u8>>,
    good: u64,
}

impl Read for FailingDisk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.position() >= self.good {
            Err(io::Error::other("bad sector"))
        } else {
            self.bytes.read(buffer)
        }
    }
}

impl Seek for FailingDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[test]
fn a_source_that_fails_is_not_the_files_fault() {
    let bytes = wav(44_100, &music(44_100, 5.0, 1), Encoding::Int16);
    for good in [0, 100_000, 400_000] {
        let disk = FailingDisk {
            bytes: Cursor::new(bytes.clone()),
            good,
        };
        match measure(disk, &AnalysisOptions::default(), &mut |_| {}) {
            Err(Error::Io(error)) => assert_eq!(error.to_string(), "bad sector"),
            other => panic!("{good}: {other:?}"),
        }
    }
}

fn measure_anything(bytes: Vec<u8>) {
    let options = AnalysisOptions {
        max_duration: Duration::from_secs(30),
        ..AnalysisOptions::default()
    };
    if let Ok(report) = measure(Cursor::new(bytes), &options, &mut |_| {}) {
        let json = serde_json::to_string(&report).unwrap();
        // NaN and infinity become `null` in JSON, which does not read back as a number.
        assert_eq!(
            serde_json::from_str::<model::Report>(&json).unwrap().version,
            report.version
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(
        magic in prop::sample::select(vec![
            &b""[..], b"RIFF\xff\xff\xff\x00WAVEfmt ", b"FORM\0\0\xff\xffAIFFCOMM", b"fLaC\0\0\0\x22", b"OggS\0\x02", b"ID3\x04\0\0\0\0\0\x01",
            b"\0\0\0\x20ftypM4A \0\0\0\0", b"caff\0\x01\0\0desc", b"\xff\xfb\x90\x00", b"\xff\xf1\x50\x80\x0c\x9f\xfc",
        ]),
        noise in prop::collection::vec(any::<u8>(), 0..4_096),
    ) {
        measure_anything([magic, &noise].concat());
    }

    #[test]
    fn damaged_wave_files_never_panic(
        damage in prop::collection::vec((0_usize..80, any::<u8>()), 1..8),
        cut in 0_usize..30_000,
    ) {
        let mut bytes = wav(8_000, &tones(8_000, &[(-20.0, 3.5)]), Encoding::Extensible24 { mask: 3 });
        for (at, value) in damage {
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - cut);
        measure_anything(bytes);
    }
}
