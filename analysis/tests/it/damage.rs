//! Damage, holes and joined files: what is left out is said with its place, and what is whole is measured whole.

use model::Report;
use model::report::{Note, NoteCode};

use crate::mutants::seal_ogg_pages;
use crate::truncated::encoded;
use crate::{failure_of, report_of};

fn noted(report: &Report, code: NoteCode) -> Option<&Note> {
    report.notes.iter().find(|note| note.code == code)
}

/// The file with one bit of its middle flipped.
fn with_one_bit(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    bytes
}

/// The pages of an Ogg file.
fn pages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut pages = Vec::new();
    while rest.starts_with(b"OggS") {
        let header = 27 + usize::from(rest[26]);
        let body: usize = rest[27..header].iter().map(|&len| usize::from(len)).sum();
        let (page, behind) = rest.split_at(header + body);
        pages.push(page);
        rest = behind;
    }
    pages
}

#[test]
fn one_damaged_bit_is_said_with_its_place() {
    #[rustfmt::skip]
    let table: &[(&[&str], &str)] = &[
        (&["-c:a", "flac", "-frame_size", "4096"], "a.flac"),
        (&["-c:a", "flac"], "a.oga"),
        (&["-c:a", "libvorbis", "-q:a", "5"], "a.ogg"),
        (&["-c:a", "libopus", "-b:a", "128k"], "a.opus"),
    ];
    for (encode, name) in table {
        let whole = report_of(encoded(encode, name));
        assert!(whole.notes.is_empty(), "{name}: {:?}", whole.notes);
        let report = report_of(with_one_bit(encoded(encode, name)));
        let note = noted(&report, NoteCode::PacketsSkipped).unwrap_or_else(|| panic!("{name}: {report:?}"));
        let place = note.time_ranges.first().unwrap();
        assert!((3.0..7.0).contains(&place.start_s), "{name}: {note:?}");
        assert!(report.file.frames < whole.file.frames, "{name}");
        assert!(
            noted(&report, NoteCode::Truncated).is_none(),
            "{name}: {:?}",
            report.notes
        );
    }
}

#[test]
fn pages_that_are_missing_are_said_with_place_and_length() {
    let bytes = encoded(&["-c:a", "libvorbis", "-q:a", "5"], "a.ogg");
    let pages = pages(&bytes);
    let third = pages.len() / 3;
    let holed = [&pages[..third], &pages[2 * third..]].concat().concat();
    let whole = report_of(bytes.clone());
    let report = report_of(holed);
    let range = noted(&report, NoteCode::PacketsSkipped).unwrap().time_ranges[0];
    let lost_s = whole.file.duration_s - report.file.duration_s;
    assert!(
        (range.end_s - range.start_s - lost_s).abs() < 1.0,
        "{range:?}, {lost_s} s lost"
    );
}

/// Old encoders let audio begin on the page on which the headers end; nothing may be cut out at the end of the next page.
#[test]
fn audio_on_the_page_of_the_headers_is_whole() {
    let bytes = encoded(&["-c:a", "libvorbis", "-q:a", "5"], "a.ogg");
    let whole = report_of(bytes.clone());
    let pages = pages(&bytes);
    let parts = |page: &[u8]| -> [Vec<u8>; 3] {
        let lacing_end = 27 + usize::from(page[26]);
        [&page[..26], &page[27..lacing_end], &page[lacing_end..]].map(<[u8]>::to_vec)
    };
    let [header, mut lacing, mut body] = parts(pages[1]);
    let [audio_header, audio_lacing, audio_body] = parts(pages[2]);
    let segments = 1 + audio_lacing.iter().position(|&len| len < 255).unwrap();
    let len: usize = audio_lacing[..segments].iter().map(|&len| usize::from(len)).sum();
    lacing.extend(&audio_lacing[..segments]);
    body.extend(&audio_body[..len]);
    let page =
        |header: &[u8], lacing: &[u8], body: &[u8]| [header, &[lacing.len() as u8], lacing, body].concat();
    let mut moved = [
        pages[0].to_vec(),
        page(&header, &lacing, &body),
        page(&audio_header, &audio_lacing[segments..], &audio_body[len..]),
        pages[3..].concat(),
    ]
    .concat();
    seal_ogg_pages(&mut moved);
    let moved = report_of(moved);
    assert!(moved.notes.is_empty(), "{:?}", moved.notes);
    assert!(
        moved.file.frames.abs_diff(whole.file.frames) <= 1_024,
        "{}",
        moved.file.frames
    );
    let faults = |report: &Report| report.detail.as_ref().unwrap().local.clone().unwrap();
    assert_eq!(faults(&moved).counts, faults(&whole).counts);
}

#[test]
fn streams_in_one_file_are_measured_as_one_where_they_are_alike() {
    for (encode, name) in [
        (&["-c:a", "libvorbis"][..], "a.ogg"),
        (&["-c:a", "libopus"], "a.opus"),
        (&["-c:a", "flac"], "a.oga"),
    ] {
        let one = encoded(encode, name);
        let alone = report_of(one.clone());
        let report = report_of([one.clone(), one].concat());
        assert_eq!(report.file.frames, 2 * alone.file.frames, "{name}");
        assert_eq!(
            noted(&report, NoteCode::Chained).unwrap().detail.as_deref(),
            Some("2")
        );
    }
    let other = encoded(&["-c:a", "libvorbis", "-ar", "48000"], "a.ogg");
    let first = encoded(&["-c:a", "libvorbis"], "a.ogg");
    let alone = report_of(first.clone());
    let report = report_of([first, other].concat());
    assert_eq!(report.file.frames, alone.file.frames);
    assert!(
        noted(&report, NoteCode::OtherStream).is_some(),
        "{:?}",
        report.notes
    );
}

#[test]
fn a_wrong_count_of_frames_loses_no_music() {
    let bytes = encoded(
        &["-c:a", "libmp3lame", "-b:a", "192k", "-id3v2_version", "0"],
        "a.mp3",
    );
    let whole = report_of(bytes.clone());
    assert!(whole.notes.is_empty(), "{:?}", whole.notes);
    let tag = bytes
        .windows(4)
        .position(|four| four == b"Info" || four == b"Xing")
        .unwrap();
    for count in [0_u32, 100] {
        let mut lying = bytes.clone();
        lying[tag + 8..tag + 12].copy_from_slice(&count.to_be_bytes());
        let report = report_of(lying);
        assert_eq!(report.file.frames, whole.file.frames, "{count}");
        assert!(noted(&report, NoteCode::LengthsDisagree).is_some());
    }
}

#[test]
fn tags_behind_the_audio_are_no_damage() {
    let id3v1 = [&b"TAG"[..], &[b' '; 125]].concat();
    let mut ape = b"APETAGEX".to_vec();
    ape.extend([
        0xd0, 7, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    for (encode, name) in [
        (&["-c:a", "flac"][..], "a.flac"),
        (&["-c:a", "libmp3lame"], "a.mp3"),
        (&["-c:a", "aac"], "a.aac"),
        (&["-c:a", "libvorbis"], "a.ogg"),
    ] {
        let bytes = encoded(encode, name);
        let whole = report_of(bytes.clone());
        for tags in [&id3v1[..], &ape, &[&ape[..], &id3v1].concat()] {
            let report = report_of([&bytes, tags].concat());
            assert_eq!(report.file.frames, whole.file.frames, "{name}");
            assert_eq!(report.notes, whole.notes, "{name}");
        }
    }
}

#[test]
fn a_pipe_that_could_not_say_its_length_is_not_cut_short() {
    let bytes = encoded(&["-c:a", "pcm_s16le", "-bitexact"], "a.wav");
    let data = bytes.windows(4).position(|four| four == b"data").unwrap();
    let whole = report_of(bytes.clone());
    for size in [0, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX] {
        let mut piped = bytes.clone();
        piped[data + 4..data + 8].copy_from_slice(&size.to_le_bytes());
        let report = report_of(piped);
        assert_eq!(report.file.frames, whole.file.frames, "{size:#x}");
        assert!(report.notes.is_empty(), "{size:#x}: {:?}", report.notes);
    }
}

#[test]
fn big_endian_pcm_of_quicktime_is_read_as_such() {
    let plain = report_of(encoded(&["-c:a", "pcm_s16le"], "a.wav"));
    for codec in [
        "pcm_s24be",
        "pcm_s32be",
        "pcm_f32be",
        "pcm_f64be",
        "pcm_s24le",
        "pcm_s32le",
    ] {
        let report = report_of(encoded(&["-c:a", codec, "-f", "mov"], "a.mp4"));
        assert_eq!(report.file.frames, plain.file.frames, "{codec}");
        assert_eq!(
            report.peaks.sample_peak_dbfs, plain.peaks.sample_peak_dbfs,
            "{codec}"
        );
        assert_eq!(
            report.loudness.integrated_lufs, plain.loudness.integrated_lufs,
            "{codec}"
        );
    }
}

#[test]
fn alac_says_its_bits() {
    for (format, name, bits) in [
        ("s16p", "a.m4a", 16),
        ("s32p", "a.m4a", 24),
        ("s16p", "a.caf", 16),
    ] {
        let report = report_of(encoded(&["-c:a", "alac", "-sample_fmt", format], name));
        assert_eq!(report.file.bits_per_sample, Some(bits), "{format} {name}");
    }
}

#[test]
fn what_is_not_decoded_is_named() {
    #[rustfmt::skip]
    let table: &[(&[&str], &str, &str)] = &[
        (&["-ac", "8", "-c:a", "libvorbis"], "a.ogg", "Vorbis with 8 channels"),
        (&["-c:a", "pcm_mulaw"], "a.caf", "µ-law in CAF"),
        (&["-c:a", "pcm_alaw"], "a.caf", "A-law in CAF"),
        (&["-c:a", "pcm_s8"], "a.caf", "8-bit PCM in CAF"),
        (&["-c:a", "pcm_mulaw", "-f", "mov"], "a.mp4", "µ-law in QuickTime"),
        (&["-c:a", "pcm_alaw", "-f", "mov"], "a.mp4", "A-law in QuickTime"),
        (&["-c:a", "aac", "-f", "latm"], "a.aac", "AAC in LOAS/LATM"),
        (&["-c:a", "flac", "-f", "nut"], "a.wav", "NUT"),
    ];
    for (encode, name, expected) in table {
        let failure = failure_of(encoded(encode, name));
        assert_eq!(failure.detail.as_deref(), Some(*expected), "{failure:?}");
    }
}

#[test]
fn levels_that_no_audio_has_get_no_verdict() {
    let mut bytes = encoded(&["-c:a", "pcm_f32le", "-bitexact"], "a.wav");
    let data = bytes.windows(4).position(|four| four == b"data").unwrap() + 8;
    let mut nan = bytes.clone();
    nan[data + 400_000..data + 400_004].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(
        noted(&report_of(nan), NoteCode::NotNumbers)
            .unwrap()
            .detail
            .as_deref(),
        Some("1")
    );
    bytes[data + 400_000..data + 400_004].copy_from_slice(&3e38_f32.to_le_bytes());
    assert_eq!(failure_of(bytes).code, model::FailureCode::NoAudioLevels);
}
