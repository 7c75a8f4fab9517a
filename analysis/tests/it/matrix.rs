//! One song in every codec, container, depth, rate and channel order that the usual programs write.
//!
//! Each file is made here from a 24-bit WAV. It is either measured, and then as long, as loud and as high as that WAV, or
//! refused by the name of what it is. `cargo test` makes every twelfth file; `make formats` makes them all.

use std::path::Path;
use std::process::Command;

use analysis::testkit::{Encoding, Planes, music, wav};
use model::Report;

use crate::report_of;

const SECONDS: f64 = 4.0;
const RATE: u32 = 44_100;

/// What writes a file.
#[derive(Debug, Clone, Copy)]
enum Program {
    Ffmpeg,
    Flac,
    Lame,
    Oggenc,
    Opusenc,
    Sox,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// Every frame, and levels within so many dB.
    Same { db: f64 },
    /// As long within so many seconds, as loud within 0.7 LU, and peaks within 3 dB.
    Near { seconds: f64 },
    /// Refused, in words that hold this.
    Refused(&'static str),
}
use Expected::{Near, Refused, Same};

/// One file.
struct Made {
    program: Program,
    arguments: Vec<String>,
    name: &'static str,
    rate: u32,
    channels: usize,
    expected: Expected,
}

/// 16 bits, and more.
const BITS_16: Expected = Same { db: 0.01 };
const BITS_24: Expected = Same { db: 0.001 };
/// 8 bits, linear or not.
const BITS_8: Expected = Same { db: 0.6 };

fn all() -> Vec<Made> {
    let mut files = Vec::new();
    let mut make = |program, arguments: &str, name, rate, channels, expected| {
        files.push(Made {
            program,
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            name,
            rate,
            channels,
            expected,
        });
    };
    pcm(&mut make);
    rates_and_channels(&mut make);
    lossless(&mut make);
    lossy(&mut make);
    refused(&mut make);
    files
}

type Make<'a> = dyn FnMut(Program, &str, &'static str, u32, usize, Expected) + 'a;

/// Depths and orders of bytes in the containers of PCM.
fn pcm(make: &mut Make<'_>) {
    let little = ["s16le", "s24le", "s32le", "f32le", "f64le"];
    let big = ["s16be", "s24be", "s32be", "f32be", "f64be"];
    let depth = |codec: &str| if codec.contains("16") { BITS_16 } else { BITS_24 };
    let tables: [(&str, &[&str]); 7] = [
        ("a.wav", &little),
        ("a.w64", &little),
        ("a.aiff", &big),
        ("a.caf", &little),
        ("a.caf", &big),
        ("a.mov", &little),
        ("a.mov", &big),
    ];
    for (name, codecs) in tables {
        for codec in codecs {
            make(
                Program::Ffmpeg,
                &format!("-c:a pcm_{codec}"),
                name,
                RATE,
                2,
                depth(codec),
            );
        }
    }
    for codec in ["s16le", "s24le", "f32le"] {
        make(
            Program::Ffmpeg,
            &format!("-c:a pcm_{codec} -rf64 always"),
            "a.wav",
            RATE,
            2,
            depth(codec),
        );
    }
    for name in ["a.wav", "a.w64", "a.aiff"] {
        make(Program::Ffmpeg, "-c:a pcm_alaw", name, RATE, 2, BITS_8);
        make(Program::Ffmpeg, "-c:a pcm_mulaw", name, RATE, 2, BITS_8);
    }
    make(Program::Ffmpeg, "-c:a pcm_u8", "a.wav", RATE, 2, BITS_8);
    make(Program::Ffmpeg, "-c:a pcm_s8", "a.aiff", RATE, 2, BITS_8);
    make(Program::Ffmpeg, "-c:a pcm_s16le", "a.aiff", RATE, 2, BITS_16);
    for codec in ["adpcm_ms", "adpcm_ima_wav"] {
        make(
            Program::Ffmpeg,
            &format!("-c:a {codec}"),
            "a.wav",
            RATE,
            2,
            Near { seconds: 0.1 },
        );
    }
    for (arguments, name, expected) in [
        ("-b 16", "b.wav", BITS_16),
        ("-b 24", "b.wav", BITS_24),
        ("-b 32", "b.wav", BITS_24),
        ("-b 32 -e floating-point", "b.wav", BITS_24),
        ("-b 24", "b.aiff", BITS_24),
        ("-b 16", "b.aifc", BITS_16),
        ("-b 24", "b.w64", BITS_24),
        ("-b 24", "b.caf", BITS_24),
        ("-b 24", "b.flac", BITS_24),
    ] {
        make(Program::Sox, arguments, name, RATE, 2, expected);
    }
}

fn rates_and_channels(make: &mut Make<'_>) {
    for rate in [
        8_000, 11_025, 16_000, 22_050, 32_000, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000,
    ] {
        make(Program::Ffmpeg, "-c:a pcm_s24le", "a.wav", rate, 2, BITS_24);
        make(
            Program::Ffmpeg,
            "-c:a flac -sample_fmt s32",
            "a.flac",
            rate,
            2,
            BITS_24,
        );
    }
    for rate in [8_000, 16_000, 22_050, 32_000, 48_000] {
        make(Program::Lame, "-b 64", "a.mp3", rate, 2, Near { seconds: 0.1 });
        make(
            Program::Oggenc,
            "-Q -q 5",
            "a.ogg",
            rate,
            2,
            Near { seconds: 0.001 },
        );
        make(
            Program::Ffmpeg,
            "-c:a aac -b:a 96k",
            "a.m4a",
            rate,
            2,
            Near { seconds: 0.15 },
        );
    }
    for channels in [1, 3, 4, 5, 6, 7, 8] {
        make(
            Program::Ffmpeg,
            "-c:a pcm_s24le",
            "a.wav",
            48_000,
            channels,
            BITS_24,
        );
        make(
            Program::Ffmpeg,
            "-c:a pcm_s24le",
            "a.w64",
            48_000,
            channels,
            BITS_24,
        );
        make(
            Program::Ffmpeg,
            "-c:a flac -sample_fmt s32",
            "a.flac",
            48_000,
            channels,
            BITS_24,
        );
        // ffmpeg makes another number of channels of these for ALAC.
        if ![4, 7, 8].contains(&channels) {
            make(
                Program::Ffmpeg,
                "-c:a alac -sample_fmt s32p",
                "a.m4a",
                48_000,
                channels,
                BITS_24,
            );
        }
        make(
            Program::Ffmpeg,
            "-c:a libvorbis -q:a 6",
            "a.ogg",
            48_000,
            channels,
            if channels == 8 {
                Refused("Vorbis with 8 channels")
            } else {
                Near { seconds: 0.001 }
            },
        );
        if channels != 7 && channels != 4 {
            make(
                Program::Ffmpeg,
                "-c:a libopus -b:a 192k -mapping_family 1",
                "a.opus",
                48_000,
                channels,
                Near { seconds: 0.001 },
            );
        }
    }
    make(Program::Ffmpeg, "-c:a pcm_s24be", "a.aiff", 48_000, 6, BITS_24);
    make(Program::Ffmpeg, "-c:a pcm_s24be", "a.caf", 48_000, 6, BITS_24);
    make(
        Program::Ffmpeg,
        "-c:a aac -b:a 384k",
        "a.m4a",
        48_000,
        1,
        Near { seconds: 0.05 },
    );
}

fn lossless(make: &mut Make<'_>) {
    for level in ["-0", "-5", "-8"] {
        make(
            Program::Flac,
            &format!("-s -f {level}"),
            "a.flac",
            RATE,
            2,
            BITS_24,
        );
    }
    make(Program::Flac, "-s -f --ogg", "a.oga", RATE, 2, BITS_24);
    make(
        Program::Ffmpeg,
        "-c:a flac -sample_fmt s16",
        "a.flac",
        RATE,
        2,
        BITS_16,
    );
    make(
        Program::Ffmpeg,
        "-c:a flac -sample_fmt s32",
        "a.oga",
        RATE,
        2,
        BITS_24,
    );
    make(
        Program::Ffmpeg,
        "-c:a flac -sample_fmt s16 -strict -2",
        "a.mp4",
        RATE,
        2,
        BITS_16,
    );
    make(
        Program::Ffmpeg,
        "-c:a alac -sample_fmt s16p",
        "a.m4a",
        RATE,
        2,
        BITS_16,
    );
    make(
        Program::Ffmpeg,
        "-c:a alac -sample_fmt s32p",
        "a.m4a",
        RATE,
        2,
        BITS_24,
    );
    make(
        Program::Ffmpeg,
        "-c:a alac -sample_fmt s32p",
        "a.caf",
        RATE,
        2,
        BITS_24,
    );
}

fn lossy(make: &mut Make<'_>) {
    for bitrate in ["96", "128", "160", "192", "256", "320"] {
        make(
            Program::Lame,
            &format!("-b {bitrate}"),
            "a.mp3",
            RATE,
            2,
            Near { seconds: 0.001 },
        );
    }
    for arguments in [
        "-V 0",
        "-V 5",
        "-V 9",
        "--abr 150",
        "-m m -b 96",
        "-m s -b 192",
        "-t -b 128",
    ] {
        make(Program::Lame, arguments, "a.mp3", RATE, 2, Near { seconds: 0.1 });
    }
    for quality in ["0", "3", "6", "10"] {
        make(
            Program::Oggenc,
            &format!("-Q -q {quality}"),
            "a.ogg",
            RATE,
            2,
            Near { seconds: 0.001 },
        );
    }
    for bitrate in ["48", "96", "160", "256"] {
        make(
            Program::Opusenc,
            &format!("--quiet --bitrate {bitrate}"),
            "a.opus",
            RATE,
            2,
            Near { seconds: 0.001 },
        );
    }
    for bitrate in ["96k", "128k", "192k", "256k"] {
        make(
            Program::Ffmpeg,
            &format!("-c:a aac -b:a {bitrate}"),
            "a.m4a",
            RATE,
            2,
            Near { seconds: 0.03 },
        );
    }
    make(
        Program::Ffmpeg,
        "-c:a aac -b:a 128k",
        "a.aac",
        RATE,
        2,
        Near { seconds: 0.1 },
    );
    make(
        Program::Ffmpeg,
        "-c:a aac -b:a 128k -movflags +frag_keyframe+empty_moov",
        "a.mp4",
        RATE,
        2,
        Near { seconds: 0.1 },
    );
    make(
        Program::Ffmpeg,
        "-c:a libmp3lame -b:a 192k",
        "a.mp3",
        RATE,
        2,
        Near { seconds: 0.03 },
    );
    make(
        Program::Ffmpeg,
        "-c:a mp2 -b:a 192k",
        "a.mp2",
        RATE,
        2,
        Near { seconds: 0.1 },
    );
    make(
        Program::Ffmpeg,
        "-c:a libvorbis -q:a 4",
        "a.ogg",
        RATE,
        2,
        Near { seconds: 0.001 },
    );
    make(
        Program::Ffmpeg,
        "-c:a libopus -b:a 128k",
        "a.ogg",
        RATE,
        2,
        Near { seconds: 0.001 },
    );
}

/// What is not decoded, and the word by which it is known.
fn refused(make: &mut Make<'_>) {
    for (arguments, name, word) in [
        ("-c:a ac3", "a.ac3", "AC-3"),
        ("-c:a eac3", "a.eac3", "AC-3"),
        ("-c:a wmav2", "a.wma", "WMA"),
        ("-c:a pcm_s16be", "a.au", "Sun AU"),
        ("-c:a pcm_f64be", "a.au", "Sun AU"),
        ("-c:a pcm_mulaw", "a.au", "Sun AU"),
        ("-c:a pcm_alaw", "a.caf", "A-law in CAF"),
        ("-c:a pcm_mulaw", "a.caf", "µ-law in CAF"),
        ("-c:a pcm_s8", "a.caf", "8-bit PCM in CAF"),
        ("-c:a pcm_alaw", "a.mov", "A-law in QuickTime"),
        ("-c:a pcm_mulaw", "a.mov", "µ-law in QuickTime"),
        ("-c:a alac", "a.mov", "ALAC in QuickTime"),
        ("-c:a tta", "a.tta", "TTA"),
        ("-c:a wavpack", "a.wv", "WavPack"),
        ("-c:a flac", "a.mka", "Matroska"),
        ("-c:a libopus", "a.webm", "WebM"),
        ("-c:a dca -strict -2", "a.dts", "DTS"),
        ("-c:a aac -b:a 128k", "a.latm", "LATM"),
        ("-c:a pcm_s16le", "a.nut", "NUT"),
        ("-c:a libmp3lame", "a.avi", "AVI"),
    ] {
        make(Program::Ffmpeg, arguments, name, 48_000, 2, Refused(word));
    }
    make(
        Program::Lame,
        "--freeformat -b 400",
        "a.mp3",
        RATE,
        2,
        Refused("free"),
    );
    make(Program::Sox, "-b 16", "a.voc", RATE, 2, Refused("Creative"));
}

/// A song of `channels` that all differ, so that a wrong order changes its loudness.
fn song(rate: u32, channels: usize) -> Planes {
    (0..channels)
        .map(|channel| {
            let gain = 0.9 - 0.08 * channel as f64;
            let plane = music(rate, SECONDS, 3 + channel as u64 / 2).swap_remove(channel % 2);
            plane.iter().map(|sample| gain * sample).collect()
        })
        .collect()
}

/// The usual loudspeakers of so many channels.
const MASKS: [u32; 8] = [0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

/// Writes `file` from `source`.
///
/// # Errors
/// What the program said, where it could not.
fn encode(file: &Made, source: &Path, target: &Path) -> Result<(), String> {
    let (source, target) = (source.to_str().unwrap(), target.to_str().unwrap());
    let options = file.arguments.iter().map(String::as_str);
    let (program, before, behind): (&str, &[&str], &[&str]) = match file.program {
        Program::Ffmpeg => (
            "ffmpeg",
            &["-nostdin", "-v", "error", "-y", "-i", source],
            &["-fflags", "+bitexact", "-flags:a", "+bitexact", target],
        ),
        Program::Flac => ("flac", &[], &["-o", target, source]),
        Program::Lame => ("lame", &["--quiet"], &[source, target]),
        Program::Oggenc => ("oggenc", &[], &["-o", target, source]),
        Program::Opusenc => ("opusenc", &[], &[source, target]),
        // Without dither.
        Program::Sox => ("sox", &["-D", source], &[target]),
    };
    let arguments = before
        .iter()
        .copied()
        .chain(options)
        .chain(behind.iter().copied());
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("this test needs {program} on the PATH: {error}"));
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// How the report of a file differs from that of its source; `None` where it does not.
fn difference(file: &Made, source: &Report, found: &Report) -> Option<String> {
    let seconds = found.file.duration_s - source.file.duration_s;
    let off = |one: model::Reading, other: model::Reading| match (one.value(), other.value()) {
        (Some(one), Some(other)) => one - other,
        _ => f64::INFINITY,
    };
    let loudness = off(found.loudness.integrated_lufs, source.loudness.integrated_lufs);
    let peak = off(found.peaks.sample_peak_dbfs, source.peaks.sample_peak_dbfs);
    // A mono encoding of two channels is another song.
    let is_same_song = found.file.channels == source.file.channels;
    let is_right = match file.expected {
        Same { db } => {
            found.file.frames == source.file.frames
                && found.file.sample_rate_hz == source.file.sample_rate_hz
                && is_same_song
                && loudness.abs() <= db
                && peak.abs() <= db
        }
        Near { seconds: most } => {
            seconds.abs() <= most && (!is_same_song || loudness.abs() <= 0.7 && peak.abs() <= 3.0)
        }
        Refused(_) => false,
    };
    (!is_right).then(|| {
        format!(
            "{seconds:+.4} s, {loudness:+.4} LU, peak {peak:+.4} dB, {} channels, {} Hz, notes {:?}",
            found.file.channels, found.file.sample_rate_hz, found.notes
        )
    })
}

fn compare(files: impl Iterator<Item = Made>) {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut sources: Vec<(u32, usize, Report)> = Vec::new();
    for file in files {
        count += 1;
        let source = folder.path().join(format!("{}-{}.wav", file.rate, file.channels));
        if !source.exists() {
            let encoding = Encoding::Extensible24 {
                mask: MASKS[file.channels - 1],
            };
            let bytes = wav(file.rate, &song(file.rate, file.channels), encoding);
            std::fs::write(&source, &bytes).unwrap();
            sources.push((file.rate, file.channels, report_of(bytes)));
        }
        let what = format!(
            "{:?} {} {} at {} Hz, {} channels",
            file.program,
            file.arguments.join(" "),
            file.name,
            file.rate,
            file.channels
        );
        let target = folder.path().join(file.name);
        if let Err(said) = encode(&file, &source, &target) {
            wrong.push(format!("{what}: not made: {said}"));
            continue;
        }
        let (_, _, reference) = sources
            .iter()
            .find(|(rate, channels, _)| (*rate, *channels) == (file.rate, file.channels))
            .unwrap();
        let bytes = std::io::Cursor::new(std::fs::read(&target).unwrap());
        let result = analysis::measure(bytes, &analysis::AnalysisOptions::default(), &mut |_| {});
        let said = match (&result, file.expected) {
            (Ok(report), _) => difference(&file, reference, report),
            (Err(error), Refused(word)) => {
                let words = error.to_string();
                (!words.contains(word)).then(|| format!("refused, without the word {word}: {words}"))
            }
            (Err(error), _) => Some(format!("refused: {error}")),
        };
        if let Some(said) = said {
            wrong.push(format!("{what}: {said}"));
        }
        std::fs::remove_file(&target).unwrap();
    }
    println!("{count} files, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "of {count} files:\n{}", wrong.join("\n"));
}

/// Every twelfth file: some of each kind.
#[test]
fn a_part_of_the_matrix_of_formats_is_measured_as_its_source_or_refused_by_name() {
    compare(all().into_iter().step_by(12));
}

#[test]
#[ignore = "makes some 200 files with six programs; `make formats`"]
fn the_matrix_of_formats_is_measured_as_its_source_or_refused_by_name() {
    let files = all();
    assert!(files.len() >= 120, "{}", files.len());
    compare(files.into_iter());
}
