//! A preview of a file that every browser plays: WAV for two ears, at most 48 kHz and 24 bits.
//!
//! Not FLAC: the encoder there is in Rust (flacenc 0.5.1) compressed four minutes of music to 89 % in 20 s, or to 98 %
//! in 4 s, where writing WAV takes a fraction of one; and a browser seeks in WAV to the sample without a table. The
//! header of 44 bytes is written here: `hound` 3.5 would add WAVE_FORMAT_EXTENSIBLE for 24 bits, which not all browsers
//! play, and a call for each sample. A small file can hold silence in eight channels at 384 kHz, so more channels and higher
//! rates are brought down to what is heard.

mod decimate;
mod downmix;

use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use model::{Failure, FailureCode};

use self::decimate::Decimator;
use self::downmix::Downmix;
use crate::decode::Stream;
use crate::dsp::db_to_amplitude;
use crate::{Error, frames_in};

/// The highest sample rate of a preview, in Hz.
pub const MAX_RATE_HZ: u32 = 48_000;

const HEADER_LEN: u64 = 44;

/// How to transcode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TranscodeOptions {
    /// Anything longer is refused, as soon as decoding gets there.
    pub max_duration: Duration,
    /// The largest preview there may be, with its header; a WAV counts in 32 bits in any case.
    pub max_bytes: u64,
    /// By how much the preview is lower than the file, in dB. What still lies beyond full scale is clipped there, as it is
    /// by every converter; nothing ever wraps.
    pub lowered_db: f64,
}

/// Transcodes `source` to `preview`, which is written from its start, in constant memory.
///
/// # Errors
/// [`Error::Rejected`] where the file is at fault, or too long for the preview; [`Error::Io`] where reading or writing
/// failed.
pub fn to_wav<S, C>(source: S, preview: C, options: &TranscodeOptions) -> Result<(), Error>
where
    S: Read + Seek + Send + Sync + 'static,
    C: Write + Seek,
{
    let mut stream = Stream::open(source)?;
    let max_bytes = options.max_bytes.min(u64::from(u32::MAX));
    let mut preview = BufWriter::with_capacity(1 << 18, preview);
    preview.seek(SeekFrom::Start(HEADER_LEN)).map_err(Error::Io)?;
    let source_hz = stream.sample_rate_hz();
    let factor = source_hz.div_ceil(MAX_RATE_HZ).max(1);
    let downmix = Downmix::new(&stream.weights());
    let mut decimators = vec![Decimator::new(factor); downmix.channels()];
    let is_exact = factor == 1 && downmix.is_identity();
    let bits: u16 = if is_exact && stream.integer_bits().is_some_and(|bits| bits <= 16) {
        16
    } else {
        24
    };
    let gain = db_to_amplitude(-options.lowered_db);
    let (mut frames, mut written) = (0_u64, 0_u64);
    let mut mixed = vec![Vec::new(); downmix.channels()];
    let mut heard = vec![Vec::new(); downmix.channels()];
    loop {
        let count = stream.advance()?;
        for out in &mut heard {
            out.clear();
        }
        match count {
            Some(count) => {
                frames += count as u64;
                if frames > frames_in(options.max_duration, source_hz) {
                    return Err(
                        Failure::with(FailureCode::TooLong, options.max_duration.as_secs() / 60).into(),
                    );
                }
                downmix.apply(stream.planes(), count, &mut mixed);
                for ((decimator, plane), out) in decimators.iter_mut().zip(&mixed).zip(&mut heard) {
                    decimator.push(plane, out);
                }
            }
            None => {
                for (decimator, out) in decimators.iter_mut().zip(&mut heard) {
                    decimator.finish(out);
                }
            }
        }
        let len = heard.first().map_or(0, Vec::len);
        written += (len * heard.len() * usize::from(bits / 8)) as u64;
        // One more for the padding.
        if HEADER_LEN + written + 1 > max_bytes {
            return Err(Failure::with(FailureCode::TooLong, seconds(frames, source_hz) / 60).into());
        }
        for at in 0..len {
            for plane in &heard {
                let sample = whole(plane.get(at).copied().unwrap_or(0.0), gain, bits).to_le_bytes();
                preview
                    .write_all(&sample[..usize::from(bits / 8)])
                    .map_err(Error::Io)?;
            }
        }
        if count.is_none() {
            break;
        }
    }
    if frames == 0 {
        return Err(Failure::new(FailureCode::Malformed).into());
    }
    if written % 2 == 1 {
        // Chunks are padded to even lengths.
        preview.write_all(&[0]).map_err(Error::Io)?;
    }
    let channels = if downmix.channels() == 1 { 1 } else { 2 };
    // Where the factor does not divide the rate, the preview plays faster or slower by less than 0.01 %.
    let rate_hz = (source_hz + factor / 2) / factor;
    let header = header(channels, rate_hz, bits, written);
    preview.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
    preview.write_all(&header).map_err(Error::Io)?;
    preview.flush().map_err(Error::Io)
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

    fn copied(bytes: Vec<u8>, lowered_db: f64) -> Vec<u8> {
        let mut copy = Cursor::new(Vec::new());
        let options = TranscodeOptions {
            max_duration: Duration::from_secs(60),
            max_bytes: u64::MAX,
            lowered_db,
        };
        to_wav(Cursor::new(bytes), &mut copy, &options).unwrap();
        copy.into_inner()
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
        let copy = copied(float_wav(&samples), 6.03);
        assert_eq!(copy.len(), 44 + 3 * 8_000);
        let mut stream = Stream::open(Cursor::new(copy)).unwrap();
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
        assert_eq!(copied(bytes.clone(), 0.0), bytes);
    }

    #[test]
    fn what_is_longer_than_allowed_is_refused() {
        let options = TranscodeOptions {
            max_duration: Duration::from_millis(500),
            max_bytes: u64::MAX,
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

    /// A float WAV of interleaved channels.
    fn many_channels(
        channels: u16,
        rate_hz: u32,
        frames: usize,
        sample: impl Fn(usize, u16) -> f32,
    ) -> Vec<u8> {
        let mut bytes = header(channels, rate_hz, 32, frames as u64 * u64::from(channels) * 4);
        bytes[20] = 3;
        for at in 0..frames {
            for channel in 0..channels {
                bytes.extend(sample(at, channel).to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn what_is_made_for_more_than_two_ears_becomes_a_preview_for_two() {
        let sine = |at: usize, _: u16| 0.5 * (at as f32 * std::f32::consts::TAU * 1_000.0 / 384_000.0).sin();
        let copy = copied(many_channels(8, 384_000, 384_000, sine), 0.0);
        let stream = Stream::open(Cursor::new(copy.clone())).unwrap();
        assert_eq!((stream.info().channels, stream.sample_rate_hz()), (2, 48_000));
        assert_eq!(stream.integer_bits(), Some(24));
        assert_eq!(copy.len(), 44 + 48_000 * 6, "a second stays a second");
    }

    #[test]
    fn what_would_be_larger_than_allowed_is_refused() {
        let options = |max_bytes| TranscodeOptions {
            max_duration: Duration::from_secs(60),
            max_bytes,
            lowered_db: 0.0,
        };
        let attempt = |max_bytes| {
            to_wav(
                Cursor::new(float_wav(&[0.1; 8_000])),
                Cursor::new(Vec::new()),
                &options(max_bytes),
            )
        };
        assert!(attempt(44 + 24_000 + 1).is_ok());
        assert!(attempt(44 + 24_000).is_err());
    }
}
