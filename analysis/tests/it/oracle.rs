//! Every format against ffmpeg: what is decoded here is what it decodes, frame by frame.

use std::fs::File;
use std::path::Path;

use analysis::decode::{Ending, Stream};
use analysis::testkit::{Encoding, music, wav};

use crate::ffmpeg::{decoded_by_ffmpeg, ffmpeg};

/// How close the samples have to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Agreement {
    /// To the last bit.
    Exact,
    /// Two decoders of a lossy format round differently: at most this much apart, of full scale 1.
    Within(f32),
}

use Agreement::{Exact, Within};

/// Two floating-point decoders of the same stream.
const LOSSY: Agreement = Within(2e-4);

/// Odd, so that every last frame is a partial one.
const SOURCE_FRAMES: usize = 87_531;

struct Case {
    name: &'static str,
    encode: &'static [&'static str],
    file: &'static str,
    codec: &'static str,
    agreement: Agreement,
}

const fn case(
    name: &'static str,
    encode: &'static [&'static str],
    file: &'static str,
    codec: &'static str,
    agreement: Agreement,
) -> Case {
    Case {
        name,
        encode,
        file,
        codec,
        agreement,
    }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("WAV 8-bit", &["-c:a", "pcm_u8"], "a.wav", "PCM 8-bit", Exact),
    case("WAV 16-bit", &["-c:a", "pcm_s16le"], "a.wav", "PCM 16-bit", Exact),
    case("WAV 24-bit", &["-c:a", "pcm_s24le"], "a.wav", "PCM 24-bit", Exact),
    case("WAV 32-bit", &["-c:a", "pcm_s32le"], "a.wav", "PCM 32-bit", Exact),
    case("WAV float", &["-c:a", "pcm_f32le"], "a.wav", "PCM 32-bit float", Exact),
    case("WAV double", &["-c:a", "pcm_f64le"], "a.wav", "PCM 64-bit float", Exact),
    case("WAV A-law", &["-c:a", "pcm_alaw"], "a.wav", "A-law", Exact),
    case("WAV µ-law", &["-c:a", "pcm_mulaw"], "a.wav", "µ-law", Exact),
    case("WAV 8 kHz", &["-ar", "8000", "-c:a", "pcm_s16le"], "a.wav", "PCM 16-bit", Exact),
    case("WAV 384 kHz", &["-ar", "384000", "-c:a", "pcm_s24le"], "a.wav", "PCM 24-bit", Exact),
    case("WAV mono", &["-ac", "1", "-c:a", "pcm_s16le"], "a.wav", "PCM 16-bit", Exact),
    case("WAV 5.1", &["-ac", "6", "-c:a", "pcm_s24le"], "a.wav", "PCM 24-bit", Exact),
    case("WAV 7.1", &["-ac", "8", "-c:a", "pcm_f32le"], "a.wav", "PCM 32-bit float", Exact),
    case("RF64", &["-c:a", "pcm_s24le", "-rf64", "always"], "a.wav", "PCM 24-bit", Exact),
    case("Wave64 16-bit", &["-c:a", "pcm_s16le"], "a.w64", "PCM 16-bit", Exact),
    case("Wave64 24-bit 5.1", &["-ac", "6", "-c:a", "pcm_s24le"], "a.w64", "PCM 24-bit", Exact),
    case("Wave64 float", &["-c:a", "pcm_f32le"], "a.w64", "PCM 32-bit float", Exact),
    case("AIFF 8-bit", &["-c:a", "pcm_s8"], "a.aiff", "PCM 8-bit", Exact),
    case("AIFF 16-bit", &["-c:a", "pcm_s16be"], "a.aiff", "PCM 16-bit", Exact),
    case("AIFF 24-bit", &["-c:a", "pcm_s24be"], "a.aiff", "PCM 24-bit", Exact),
    case("AIFF 32-bit", &["-c:a", "pcm_s32be"], "a.aiff", "PCM 32-bit", Exact),
    case("AIFC float", &["-c:a", "pcm_f32be"], "a.aifc", "PCM 32-bit float", Exact),
    case("AIFC double", &["-c:a", "pcm_f64be"], "a.aifc", "PCM 64-bit float", Exact),
    case("AIFC little-endian", &["-c:a", "pcm_s16le"], "a.aifc", "PCM 16-bit", Exact),
    case("AIFF 5.1", &["-ac", "6", "-c:a", "pcm_s16be"], "a.aiff", "PCM 16-bit", Exact),
    case("CAF 16-bit", &["-c:a", "pcm_s16be"], "a.caf", "PCM 16-bit", Exact),
    case("CAF 24-bit", &["-c:a", "pcm_s24le"], "a.caf", "PCM 24-bit", Exact),
    case("CAF float", &["-c:a", "pcm_f32le"], "a.caf", "PCM 32-bit float", Exact),
    case("CAF ALAC", &["-c:a", "alac"], "a.caf", "ALAC", Exact),
    case("FLAC 16-bit", &["-c:a", "flac", "-sample_fmt", "s16"], "a.flac", "FLAC", Exact),
    case("FLAC 24-bit", &["-c:a", "flac", "-sample_fmt", "s32"], "a.flac", "FLAC", Exact),
    case("FLAC 192 kHz", &["-ar", "192000", "-c:a", "flac"], "a.flac", "FLAC", Exact),
    case("FLAC 5.1", &["-ac", "6", "-c:a", "flac"], "a.flac", "FLAC", Exact),
    case("FLAC in Ogg", &["-c:a", "flac"], "a.oga", "FLAC", Exact),
    case("FLAC in MP4", &["-c:a", "flac", "-strict", "-2"], "a.mp4", "FLAC", Exact),
    case("ALAC 16-bit", &["-c:a", "alac", "-sample_fmt", "s16p"], "a.m4a", "ALAC", Exact),
    case("ALAC 24-bit", &["-c:a", "alac", "-sample_fmt", "s32p"], "a.m4a", "ALAC", Exact),
    case("PCM in MOV", &["-c:a", "pcm_s24le", "-f", "mov"], "a.mp4", "PCM 24-bit", Exact),
    case("MP3 CBR", &["-c:a", "libmp3lame", "-b:a", "320k"], "a.mp3", "MP3", LOSSY),
    case("MP3 VBR", &["-c:a", "libmp3lame", "-q:a", "2"], "a.mp3", "MP3", LOSSY),
    case("MP3 mono", &["-ac", "1", "-c:a", "libmp3lame"], "a.mp3", "MP3", LOSSY),
    case("MP3 MPEG-2", &["-ar", "22050", "-c:a", "libmp3lame"], "a.mp3", "MP3", LOSSY),
    case("AAC in MP4", &["-c:a", "aac", "-b:a", "256k"], "a.m4a", "AAC-LC", LOSSY),
    case("AAC in MP4 48 kHz", &["-ar", "48000", "-c:a", "aac"], "a.m4a", "AAC-LC", LOSSY),
    case("AAC in MP4 mono", &["-ac", "1", "-c:a", "aac"], "a.m4a", "AAC-LC", LOSSY),
    case("AAC in ADTS", &["-c:a", "aac", "-b:a", "256k"], "a.aac", "AAC-LC", LOSSY),
    case("Vorbis", &["-c:a", "libvorbis", "-q:a", "6"], "a.ogg", "Vorbis", LOSSY),
    case("Vorbis mono", &["-ac", "1", "-c:a", "libvorbis"], "a.ogg", "Vorbis", LOSSY),
    case("Vorbis 5.1", &["-ac", "6", "-c:a", "libvorbis"], "a.ogg", "Vorbis", LOSSY),
    case("Opus music", &["-c:a", "libopus", "-b:a", "128k"], "a.opus", "Opus", LOSSY),
    case("Opus speech", &["-ac", "1", "-c:a", "libopus", "-application", "voip", "-b:a", "16k"], "a.opus", "Opus", LOSSY),
    case("Opus short frames", &["-c:a", "libopus", "-frame_duration", "2.5"], "a.opus", "Opus", LOSSY),
    case("Opus 5.1", &["-ac", "6", "-c:a", "libopus", "-mapping_family", "1"], "a.opus", "Opus", LOSSY),
    case("Opus 7.1", &["-ac", "8", "-c:a", "libopus", "-mapping_family", "1"], "a.opus", "Opus", LOSSY),
];

/// All samples of a file, interleaved, and what it is.
fn decode(path: &Path) -> (Vec<f32>, Stream) {
    let mut stream = Stream::open(File::open(path).unwrap()).unwrap();
    let mut samples = Vec::new();
    while let Some(frames) = stream.advance().unwrap() {
        for frame in 0..frames {
            samples.extend(stream.planes().iter().map(|plane| plane[frame]));
        }
    }
    (samples, stream)
}

#[test]
fn every_format_decodes_to_what_ffmpeg_decodes() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.wav");
    let planes: Vec<Vec<f64>> = music(44_100, 2.0, 1)
        .iter()
        .map(|plane| plane[..SOURCE_FRAMES].to_vec())
        .collect();
    std::fs::write(&source, wav(44_100, &planes, Encoding::Float32)).unwrap();

    let mut wrong = Vec::new();
    for case in CASES {
        let file = folder.path().join(case.file);
        ffmpeg(&source, case.encode, &file);
        let mut expected = decoded_by_ffmpeg(&file, case.codec == "Opus");
        let (samples, stream) = decode(&file);
        let info = stream.info();
        let channels = usize::from(info.channels);
        if case.name.starts_with("AAC in MP4") {
            // ffmpeg 5 leaves the padding at the end, 1023 frames at most; the source is what should come back.
            let frames = (SOURCE_FRAMES as f64 * f64::from(info.sample_rate_hz) / 44_100.0).round() as usize;
            assert!(
                (0..1_024).contains(&(expected.len() / channels - frames)),
                "{}",
                case.name
            );
            expected.truncate(frames * channels);
        }
        let largest = samples
            .iter()
            .zip(&expected)
            .map(|(ours, theirs)| (ours - theirs).abs())
            .fold(0.0, f32::max);
        let is_close = match case.agreement {
            Exact => largest == 0.0,
            Within(tolerance) => largest <= tolerance,
        };
        println!(
            "{:<20} {:>7} frames, {:>7} in ffmpeg, largest difference {largest:e}",
            case.name,
            samples.len() / channels,
            expected.len() / channels,
        );
        if samples.len() != expected.len()
            || !is_close
            || info.codec_name() != case.codec
            || stream.ending() != Ending::Complete
            || stream.packets_skipped() > 0
        {
            wrong.push(format!(
                "{}: {} and {} samples, {largest:e}, {info:?}, {:?}, {} skipped",
                case.name,
                samples.len(),
                expected.len(),
                stream.ending(),
                stream.packets_skipped()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
