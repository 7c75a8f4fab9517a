//! Files that end too early, and headers whose sizes are wrong.

use std::io::{self, Read, Seek, SeekFrom};

use analysis::decode::{Ending, Stream};
use analysis::testkit::{Encoding, music, wav};
use model::FailureCode;
use model::report::NoteCode;

use crate::ffmpeg::ffmpeg;
use crate::{failure_of, report_of, undigested_report_of};

const RATE: u32 = 22_050;
const SECONDS: f64 = 10.0;

/// Ten seconds of music, encoded by ffmpeg.
pub(crate) fn encoded(encode: &[&str], name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.wav");
    std::fs::write(&source, wav(RATE, &music(RATE, SECONDS, 1), Encoding::Int16)).unwrap();
    let file = folder.path().join(name);
    ffmpeg(&source, encode, &file);
    std::fs::read(&file).unwrap()
}

#[test]
fn of_every_format_what_is_there_is_measured() {
    #[rustfmt::skip]
    let table: &[(&[&str], &str)] = &[
        (&["-c:a", "pcm_s24le"], "a.wav"),
        (&["-c:a", "pcm_s16le", "-rf64", "always"], "a.wav"),
        (&["-c:a", "pcm_s16le"], "a.w64"),
        (&["-c:a", "pcm_s24be"], "a.aiff"),
        (&["-c:a", "pcm_f32be"], "a.aifc"),
        (&["-c:a", "pcm_s16le"], "a.caf"),
        (&["-c:a", "flac"], "a.flac"),
        (&["-c:a", "flac"], "a.oga"),
        (&["-c:a", "flac", "-strict", "-2", "-movflags", "+faststart"], "a.mp4"),
        (&["-c:a", "alac", "-movflags", "+faststart"], "a.m4a"),
        (&["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart"], "a.m4a"),
        (&["-c:a", "libmp3lame", "-b:a", "96k"], "a.mp3"),
        (&["-c:a", "libvorbis"], "a.ogg"),
        (&["-c:a", "libopus", "-b:a", "96k"], "a.opus"),
    ];
    for (encode, name) in table {
        let what = format!("{name} {}", encode.join(" "));
        let whole = encoded(encode, name);
        let report = report_of(whole.clone());
        // Wave64 pads its samples to 8 bytes.
        assert!(
            (report.file.duration_s - SECONDS).abs() < 2e-4,
            "{what}: {}",
            report.file.duration_s
        );
        assert_eq!(report.notes, [], "{what}");

        for share in [0.45, 0.7, 0.98] {
            let mut cut = whole.clone();
            cut.truncate((whole.len() as f64 * share) as usize);
            let report = report_of(cut);
            assert!(
                report.notes.iter().any(|note| note.code == NoteCode::Truncated),
                "{what} cut at {share}: {:?}, {} s",
                report.notes,
                report.file.duration_s
            );
            // Ogg keeps the audio of whole pages, a second each; a lossy stream is not evenly filled.
            let expected = SECONDS * share;
            assert!(
                report.file.duration_s > expected - 1.5 && report.file.duration_s < expected + 0.7,
                "{what} cut at {share}: {} s",
                report.file.duration_s
            );
        }
    }
}

#[test]
fn an_mp4_file_that_lost_its_index_is_said_to_be_cut_short() {
    let mut bytes = encoded(&["-c:a", "aac"], "a.m4a");
    bytes.truncate(bytes.len() / 2);
    assert_eq!(failure_of(bytes).code, FailureCode::Truncated);
}

#[test]
fn sizes_that_streams_and_lost_power_leave_hide_no_audio() {
    let wave = wav(RATE, &music(RATE, 4.0, 1), Encoding::Int16);
    let expected = report_of(wave.clone());
    for (riff, data) in [
        (0, 0),
        (u32::MAX, u32::MAX),
        (36, u32::MAX),
        (u32::MAX, 0),
        (1_000, 0x7fff_ffff),
    ] {
        let mut bytes = wave.clone();
        bytes[4..8].copy_from_slice(&riff.to_le_bytes());
        bytes[40..44].copy_from_slice(&data.to_le_bytes());
        let report = report_of(bytes);
        assert_eq!(report.loudness, expected.loudness, "{riff}, {data}");
        assert_eq!(report.file, expected.file, "{riff}, {data}");
    }

    let wave64 = encoded(&["-c:a", "pcm_s16le"], "a.w64");
    let expected = report_of(wave64.clone());
    let data = 16
        + wave64
            .windows(12)
            .position(|id| id == b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0")
            .unwrap();
    for len in [0, 24, u64::MAX, i64::MAX as u64] {
        let mut bytes = wave64.clone();
        bytes[16..24].copy_from_slice(&len.to_le_bytes());
        bytes[data..data + 8].copy_from_slice(&len.to_le_bytes());
        assert_eq!(report_of(bytes).loudness, expected.loudness, "Wave64, {len}");
    }
}

/// A header, and silence behind it.
struct Endless {
    header: Vec<u8>,
    len: u64,
    at: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (buffer.len() as u64).min(self.len - self.at.min(self.len)) as usize;
        let (header, zeros) =
            buffer[..count].split_at_mut(self.header.len().saturating_sub(self.at as usize).min(count));
        header.copy_from_slice(&self.header[self.header.len().min(self.at as usize)..][..header.len()]);
        zeros.fill(0);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        }
        .ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// 64-bit float, 8 channels: 64 bytes to a frame.
const FRAME_LEN: u64 = 64;
/// Just beyond what 32 bits count.
const LONG_FRAMES: u64 = (1 << 32) / FRAME_LEN + 1_000;

fn wave_format() -> Vec<u8> {
    let mut format = vec![3, 0, 8, 0];
    format.extend(384_000_u32.to_le_bytes());
    format.extend((384_000 * FRAME_LEN as u32).to_le_bytes());
    format.extend([FRAME_LEN as u8, 0, 64, 0]);
    format
}

fn decoded_frames(header: Vec<u8>, data_len: u64) -> u64 {
    let len = header.len() as u64 + data_len;
    let mut stream = Stream::open(Endless { header, len, at: 0 }).unwrap();
    let mut frames = 0;
    while let Some(new) = stream.advance().unwrap() {
        frames += new as u64;
    }
    assert_eq!(stream.ending(), Ending::Complete);
    assert_eq!(stream.info().codec_name(), "PCM 64-bit float");
    frames
}

#[test]
fn rf64_beyond_4_gib_is_read_to_its_end() {
    let data_len = LONG_FRAMES * FRAME_LEN;
    let mut header = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    header.extend((data_len + 72).to_le_bytes());
    header.extend(data_len.to_le_bytes());
    header.extend([0; 12]);
    header.extend(b"fmt \x10\0\0\0");
    header.extend(wave_format());
    header.extend(b"data\xff\xff\xff\xff");
    assert_eq!(decoded_frames(header, data_len), LONG_FRAMES);
}

#[test]
fn wave64_beyond_4_gib_is_read_to_its_end() {
    const GUID: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
    let data_len = LONG_FRAMES * FRAME_LEN;
    let mut header = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00".to_vec();
    header.extend((data_len + 104).to_le_bytes());
    header.extend([b"wave", GUID, b"fmt ", GUID, &40_u64.to_le_bytes()].concat());
    header.extend(wave_format());
    header.extend([b"data", GUID, &(data_len + 24).to_le_bytes()].concat());
    assert_eq!(decoded_frames(header, data_len), LONG_FRAMES);
}

#[test]
fn a_flac_file_is_read_whatever_its_metadata_holds() {
    let flac = encoded(&["-c:a", "flac"], "a.flac");
    let expected = undigested_report_of(flac.clone());
    let audio = flac.windows(2).position(|sync| sync == [0xff, 0xf8]).unwrap();
    let (streaminfo, audio) = (&flac[..42], &flac[audio..]);
    let with = |block: &[u8]| {
        let mut head = streaminfo.to_vec();
        head[4] = 0;
        [&head, block, audio].concat()
    };
    // A cue sheet whose only track begins where no CD's could, and a picture of 16 MiB that is not there.
    let mut cue_sheet = vec![0x85, 0, 1, 0xb0];
    cue_sheet.resize(4 + 432, 0);
    cue_sheet[4 + 136] = 0x80;
    cue_sheet[4 + 395] = 1;
    cue_sheet[4 + 403] = 7;
    let short_picture = [&[0x86, 0xff, 0xff, 0xff][..], &[0; 50]].concat();
    for (name, block) in [("cue sheet", cue_sheet), ("picture", short_picture)] {
        assert_eq!(undigested_report_of(with(&block)), expected, "{name}");
    }
}

#[test]
fn a_format_chunk_of_impossible_width_is_refused() {
    let mut bytes = wav(RATE, &music(RATE, 4.0, 1), Encoding::Int16);
    bytes[34..36].copy_from_slice(&0xffff_u16.to_le_bytes());
    let failure = failure_of(bytes);
    assert!(
        matches!(failure.code, FailureCode::Malformed | FailureCode::Unsupported),
        "{failure:?}"
    );
}

#[test]
fn what_an_opus_header_says_of_gain_is_applied() {
    let bytes = encoded(&["-c:a", "libopus", "-b:a", "96k"], "a.opus");
    let plain = report_of(bytes.clone());
    let mut louder = bytes;
    // The gain stands 16 bytes into the header packet, in 1/256 dB: −6 dB.
    let head = louder.windows(8).position(|magic| magic == b"OpusHead").unwrap();
    louder[head + 16..head + 18].copy_from_slice(&(-6_i16 * 256).to_le_bytes());
    crate::mutants::seal_ogg_pages(&mut louder);
    let report = report_of(louder);
    let change =
        |of: fn(&model::Report) -> model::Reading| of(&report).value().unwrap() - of(&plain).value().unwrap();
    assert!((change(|report| report.loudness.integrated_lufs) + 6.0).abs() < 1e-3);
    assert!((change(|report| report.peaks.sample_peak_dbfs) + 6.0).abs() < 1e-3);
}
