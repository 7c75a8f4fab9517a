//! Valid files of every format, damaged in every way that the years have shown: each ends in a report of finite
//! numbers or in a plain failure, and soon.

use std::io::Cursor;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use analysis::testkit::{Encoding, Noise, music, wav};
use analysis::{AnalysisOptions, Error, measure};

use crate::ffmpeg::ffmpeg;
use crate::report_of;

/// Mutants of each file; together at least [`AT_LEAST`].
const EACH: u64 = 420;
const AT_LEAST: usize = 10_000;
/// Damage is in headers and frames, of which short files have all kinds; of every [`LONG_EACH`] one is long enough for every meter.
const SHORT_S: f64 = 1.0;
const LONG_S: f64 = 3.2;
const LONG_EACH: u64 = 4;
/// No mutant may take longer. The files are measured in a hundredth of it; the rest is for a machine that is busy.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Where headers and tables are: half of the damage goes there.
const HEAD: usize = 700;

#[rustfmt::skip]
const FILES: &[(&[&str], &str)] = &[
    (&["-c:a", "pcm_u8"], "a.wav"),
    (&["-c:a", "pcm_f32le"], "a.wav"),
    (&["-c:a", "adpcm_ms"], "a.wav"),
    (&["-c:a", "pcm_s16le", "-rf64", "always"], "a.wav"),
    (&["-c:a", "pcm_s16le"], "a.w64"),
    (&["-c:a", "pcm_s16be"], "a.aiff"),
    (&["-c:a", "pcm_f32be"], "a.aifc"),
    (&["-c:a", "pcm_s16le"], "a.caf"),
    (&["-c:a", "alac"], "a.caf"),
    (&["-c:a", "flac"], "a.flac"),
    (&["-c:a", "flac"], "a.oga"),
    (&["-c:a", "flac", "-strict", "-2"], "a.mp4"),
    (&["-c:a", "alac"], "a.m4a"),
    (&["-c:a", "aac"], "a.m4a"),
    (&["-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"], "a.mp4"),
    (&["-c:a", "aac"], "a.aac"),
    (&["-c:a", "libmp3lame"], "a.mp3"),
    (&["-c:a", "mp2"], "a.mp2"),
    (&["-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"], "a.mp3"),
    (&["-c:a", "libvorbis"], "a.ogg"),
    (&["-c:a", "libopus", "-b:a", "48k"], "a.opus"),
    (&["-c:a", "libopus", "-b:a", "12k", "-application", "voip"], "a.opus"),
    (&["-ac", "6", "-c:a", "libopus", "-mapping_family", "1", "-b:a", "64k"], "a.opus"),
    (&["-ac", "6", "-c:a", "libvorbis"], "a.ogg"),
];

/// A file, and where its headers are: at the start, and the index of an MP4 file at the end.
struct Valid {
    name: String,
    bytes: Vec<u8>,
    heads: [Range<usize>; 2],
}

/// Every format, each of these seconds long.
fn valid_files(seconds: f64) -> Vec<Valid> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.wav");
    std::fs::write(&source, wav(16_000, &music(16_000, seconds, 1), Encoding::Int16)).unwrap();
    FILES
        .iter()
        .map(|(encode, name)| {
            let file = folder.path().join(name);
            ffmpeg(&source, encode, &file);
            let bytes = std::fs::read(&file).unwrap();
            let index = bytes.windows(4).rposition(|kind| kind == b"moov").unwrap_or(0);
            let heads = [
                0..HEAD.min(bytes.len()),
                index..(index + 2 * HEAD).min(bytes.len()),
            ];
            Valid {
                name: format!("{name} {}", encode.join(" ")),
                heads,
                bytes,
            }
        })
        .collect()
}

/// One mutant. What is done to it depends on nothing but the file and `seed`.
fn mutate(valid: &Valid, seed: u64) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    let mut bytes = valid.bytes.clone();
    let mut below = |limit: usize| (noise.bits() % limit.max(1) as u64) as usize;
    for _ in 0..=below(4) {
        let range = if below(2) == 0 {
            valid.heads[below(valid.heads.len())].clone()
        } else {
            0..bytes.len()
        };
        let at = (range.start + below(range.len())).min(bytes.len().saturating_sub(1));
        let left = bytes.len() - at;
        match below(9) {
            0 => bytes[at] ^= 1 << below(8),
            1 => bytes[at] = below(256) as u8,
            2 => {
                let extreme: [u8; 4] =
                    [[0; 4], [0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0]][below(4)];
                let len = left.min(4);
                bytes[at..at + len].copy_from_slice(&extreme[..len]);
            }
            3 => {
                let len = left.min(1 + below(64));
                bytes[at..at + len].fill_with(|| below(256) as u8);
            }
            4 => {
                bytes.drain(at..at + left.min(1 + below(300)));
            }
            5 => {
                let part = bytes[at..at + left.min(1 + below(300))].to_vec();
                bytes.splice(at..at, part);
            }
            6 => {
                let from = below(bytes.len());
                let part = bytes[from..(from + 1 + below(2_000)).min(bytes.len())].to_vec();
                let len = part.len().min(left);
                bytes[at..at + len].copy_from_slice(&part[..len]);
            }
            // Cutting often would leave little to damage.
            7 if below(4) == 0 => bytes.truncate(at),
            _ => {
                let value = below(8) as u8;
                bytes[at] = bytes[at].wrapping_add(value).wrapping_sub(4);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    // Demuxers of Ogg drop what fails its check sum, so half of the mutants get a right one.
    if valid.bytes.starts_with(b"OggS") && below(2) == 0 {
        seal_ogg_pages(&mut bytes);
    }
    bytes
}

/// Makes the check sums of all pages right (RFC 3533, 6: polynomial 0x04c11db7, nothing inverted).
pub(crate) fn seal_ogg_pages(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.windows(4).position(|magic| magic == b"OggS"))
    {
        let start = at + found;
        at = start + 4;
        let Some(&segments) = bytes.get(start + 26) else {
            return;
        };
        let lacing_end = start + 27 + usize::from(segments);
        let Some(lacing) = bytes.get(start + 27..lacing_end) else {
            return;
        };
        let end = lacing_end + lacing.iter().map(|&len| usize::from(len)).sum::<usize>();
        let Some(page) = bytes.get_mut(start..end) else {
            continue;
        };
        page[22..26].fill(0);
        let crc = page.iter().fold(0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
            })
        });
        page[22..26].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Whether every number of a JSON document is finite: `serde_json` writes all others as `null`, so the numbers are
/// looked at before it does.
fn assert_finite(report: &model::Report, what: &str) {
    let text = format!("{report:?}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{what}: {text}");
    let json = serde_json::to_string(report).unwrap();
    let back: model::Report = serde_json::from_str(&json).unwrap();
    assert_eq!(back.file.frames, report.file.frames, "{what}");
}

#[derive(Default)]
struct Outcomes {
    reports: AtomicUsize,
    failures: AtomicUsize,
    crashes: AtomicUsize,
}

fn examine(bytes: Vec<u8>, what: &str, outcomes: &Outcomes) {
    let options = AnalysisOptions {
        max_duration: Duration::from_secs(60),
        ..AnalysisOptions::default()
    };
    let started = Instant::now();
    let result = measure(Cursor::new(bytes), &options, &mut |_| {});
    let took = started.elapsed();
    assert!(took < TIME_LIMIT, "{what}: took {took:?}");
    match result {
        Ok(report) => {
            outcomes.reports.fetch_add(1, Ordering::Relaxed);
            assert_finite(&report, what);
        }
        Err(Error::Rejected(failure)) => {
            assert!(
                !failure.sentence(model::Audience::Terminal).is_empty()
                    && !failure.advice(model::Audience::Terminal).is_empty()
            );
            let kind = if failure.code == model::FailureCode::DecoderFailed {
                &outcomes.crashes
            } else {
                &outcomes.failures
            };
            kind.fetch_add(1, Ordering::Relaxed);
        }
        Err(Error::Io(error)) => panic!("{what}: memory cannot fail to be read: {error}"),
    }
}

#[test]
fn ten_thousand_damaged_files_end_in_a_report_or_a_plain_failure() {
    let files: Vec<_> = valid_files(SHORT_S)
        .into_iter()
        .zip(valid_files(LONG_S))
        .collect();
    let (outcomes, next) = (Outcomes::default(), AtomicUsize::new(0));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((short, long)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    report_of(short.bytes.clone());
                    report_of(long.bytes.clone());
                    let started = Instant::now();
                    for seed in 0..EACH {
                        let valid = if seed % LONG_EACH == 0 { long } else { short };
                        examine(
                            mutate(valid, seed),
                            &format!("{}, seed {seed}", valid.name),
                            &outcomes,
                        );
                    }
                    println!("{:>6.2} s  {}", started.elapsed().as_secs_f64(), short.name);
                }
            });
        }
    });
    let [reports, failures, crashes] =
        [&outcomes.reports, &outcomes.failures, &outcomes.crashes].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{} mutants in {:.1} s: {reports} reports, {failures} failures, {crashes} contained panics",
        reports + failures + crashes,
        started.elapsed().as_secs_f64()
    );
    assert!(reports + failures + crashes >= AT_LEAST);
    // Neither all refused nor all untouched: the damage is of the kind that real files have.
    assert!(
        reports > AT_LEAST / 10 && failures > AT_LEAST / 10,
        "{reports}, {failures}"
    );
}
