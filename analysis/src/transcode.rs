//! A preview: a transcode of a file that every browser plays: PCM in WAV, 16 bits where the file has no more, otherwise 24.
//!
//! Not FLAC: the encoder there is in Rust (flacenc 0.5.1) compressed four minutes of music to 89 % in 20 s, or to 98 %
//! in 4 s, where writing WAV takes a fraction of one; and a browser seeks in WAV to the sample without a table. The
//! header of 44 bytes is written here: `hound` 3.5 would add WAVE_FORMAT_EXTENSIBLE for 24 bits, which not all browsers
//! play, and a call for each sample.

use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use model::{Failure, FailureCode};

use crate::decode::Stream;
use crate::{Error, frames_in};

/// The longest WAV there can be: its header counts in 32 bits.
pub const MAX_BYTES: u64 = u32::MAX as u64;

const HEADER_LEN: u64 = 44;

/// How to transcode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TranscodeOptions {
    /// Anything longer is refused, as soon as decoding gets there.
    pub max_duration: Duration,
    /// By how much the preview is lower than the file, in dB. What still lies beyond full scale is clipped there, as it is
    /// by every converter; nothing ever wraps.
    pub lowered_db: f64,
}

/// Transcodes `source` to `output`, which is written from its start, in constant memory.
///
/// # Errors
/// [`Error::Rejected`] where the file is at fault, or too long for a WAV; [`Error::Io`] where reading or writing failed.
pub fn to_wav<S, O>(source: S, output: O, options: &TranscodeOptions) -> Result<(), Error>
where
    S: Read + Seek + Send + Sync + 'static,
    O: Write + Seek,
{
    let mut stream = Stream::open(source)?;
    let mut output = BufWriter::with_capacity(1 << 18, output);
    output.seek(SeekFrom::Start(HEADER_LEN)).map_err(Error::Io)?;
    let bits: u16 = if stream.integer_bits().is_some_and(|bits| bits <= 16) {
        16
    } else {
        24
    };
    let gain = 10_f64.powf(-options.lowered_db / 20.0);
    let (mut frames, mut written) = (0_u64, 0_u64);
    while let Some(count) = stream.advance()? {
        frames += count as u64;
        if frames > frames_in(options.max_duration, stream.sample_rate_hz()) {
            return Err(Failure::with(FailureCode::TooLong, options.max_duration.as_secs() / 60).into());
        }
        let planes = stream.planes();
        written += (count * planes.len() * usize::from(bits / 8)) as u64;
        if written + HEADER_LEN > MAX_BYTES {
            return Err(Failure::with(
                FailureCode::TooLong,
                seconds(frames, stream.sample_rate_hz()) / 60,
            )
            .into());
        }
        for at in 0..count {
            for plane in planes {
                let sample = whole(plane.get(at).copied().unwrap_or(0.0), gain, bits).to_le_bytes();
                output
                    .write_all(&sample[..usize::from(bits / 8)])
                    .map_err(Error::Io)?;
            }
        }
    }
    if frames == 0 {
        return Err(Failure::new(FailureCode::Malformed).into());
    }
    if written % 2 == 1 {
        // Chunks are padded to even lengths.
        output.write_all(&[0]).map_err(Error::Io)?;
    }
    let info = stream.info();
    let header = header(info.channels, info.sample_rate_hz, bits, written);
    output.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
    output.write_all(&header).map_err(Error::Io)?;
    output.flush().map_err(Error::Io)
}

/// A sample as a whole number of `bits`; what is no number is silence.
fn whole(sample: f32, gain: f64, bits: u16) -> i32 {
    let full_scale = f64::from(1_u32 << (bits - 1));
    let value = (f64::from(sample) * gain * full_scale).round();
    // NaN becomes 0.
    value.clamp(-full_scale, full_scale - 1.0) as i32
}

/// The header of a plain PCM WAV; `data_len` fits 32 bits.
fn header(channels: u16, rate_hz: u32, bits: u16, data_len: u64) -> Vec<u8> {
    let frame_len = channels * (bits / 8);
    let data_len = u32::try_from(data_len).unwrap_or(u32::MAX);
    let padded_len = data_len.saturating_add(data_len % 2);
    let mut header = Vec::with_capacity(HEADER_LEN as usize);
    header.extend(b"RIFF");
    header.extend(padded_len.saturating_add(36).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(channels.to_le_bytes());
    header.extend(rate_hz.to_le_bytes());
    header.extend(rate_hz.saturating_mul(u32::from(frame_len)).to_le_bytes());
    header.extend(frame_len.to_le_bytes());
    header.extend(bits.to_le_bytes());
    header.extend(b"data");
    header.extend(data_len.to_le_bytes());
    header
}

fn seconds(frames: u64, rate_hz: u32) -> u64 {
    frames / u64::from(rate_hz.max(1))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn nothing_wraps_whatever_a_float_file_holds() {
        for (sample, expected) in [
            (0.0, 0),
            (1.0, 8_388_607),
            (-1.0, -8_388_608),
            (3.7, 8_388_607),
            (-1e30, -8_388_608),
            (f32::INFINITY, 8_388_607),
            (f32::NAN, 0),
        ] {
            assert_eq!(whole(sample, 1.0, 24), expected, "{sample}");
        }
        assert_eq!(
            whole(2.0, 0.5, 16),
            32_767,
            "lowered by 6 dB, twice full scale just fits"
        );
    }

    fn transcoded(bytes: Vec<u8>, lowered_db: f64) -> Vec<u8> {
        let mut output = Cursor::new(Vec::new());
        let options = TranscodeOptions {
            max_duration: Duration::from_secs(60),
            lowered_db,
        };
        to_wav(Cursor::new(bytes), &mut output, &options).unwrap();
        output.into_inner()
    }

    /// A mono WAV of these samples, 32-bit float.
    fn float_wav(samples: &[f32]) -> Vec<u8> {
        let mut bytes = header(1, 8_000, 32, samples.len() as u64 * 4);
        bytes[20] = 3;
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        bytes
    }

    #[test]
    fn a_float_file_beyond_full_scale_is_lowered_and_keeps_its_shape() {
        let samples: Vec<f32> = (0..8_000).map(|at| 2.0 * (at as f32 * 0.05).sin()).collect();
        let output = transcoded(float_wav(&samples), 6.03);
        assert_eq!(output.len(), 44 + 3 * 8_000);
        let mut stream = Stream::open(Cursor::new(output)).unwrap();
        let mut decoded = Vec::new();
        while stream.advance().unwrap().is_some() {
            decoded.extend_from_slice(&stream.planes()[0]);
        }
        assert_eq!(stream.integer_bits(), Some(24));
        let raised = 10_f32.powf(6.03 / 20.0);
        let worst = samples
            .iter()
            .zip(&decoded)
            .map(|(was, is)| (was - is * raised).abs())
            .fold(0.0, f32::max);
        assert!(worst < 1e-6, "{worst}");
    }

    #[test]
    fn sixteen_bits_stay_sixteen_bits_to_the_last() {
        let mut bytes = header(2, 44_100, 16, 4 * 1_000);
        bytes.extend((0..4_000).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8));
        assert_eq!(transcoded(bytes.clone(), 0.0), bytes);
    }

    #[test]
    fn what_is_longer_than_allowed_is_refused() {
        let options = TranscodeOptions {
            max_duration: Duration::from_millis(500),
            lowered_db: 0.0,
        };
        let error = to_wav(
            Cursor::new(float_wav(&[0.1; 8_000])),
            Cursor::new(Vec::new()),
            &options,
        )
        .unwrap_err();
        assert!(matches!(error, Error::Rejected(failure) if failure.code == FailureCode::TooLong));
    }
}
