//! What a file is called, and what its channels weigh.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, well_known as id};

/// The codec as people call it.
pub(super) fn codec_name(params: &AudioCodecParameters) -> String {
    let name = match params.codec {
        id::CODEC_ID_FLAC => "FLAC",
        id::CODEC_ID_ALAC => "ALAC",
        id::CODEC_ID_VORBIS => "Vorbis",
        id::CODEC_ID_MP1 => "MP1",
        id::CODEC_ID_MP2 => "MP2",
        id::CODEC_ID_MP3 => "MP3",
        id::CODEC_ID_AAC => match params.channels.as_ref().map_or(2, Channels::count) {
            0..=2 => "AAC-LC",
            _ => "multichannel AAC",
        },
        id::CODEC_ID_OPUS => "Opus",
        id::CODEC_ID_AC3 => "AC-3",
        id::CODEC_ID_EAC3 => "E-AC-3",
        id::CODEC_ID_PCM_ALAW => "A-law",
        id::CODEC_ID_PCM_MULAW => "µ-law",
        id::CODEC_ID_ADPCM_MS | id::CODEC_ID_ADPCM_IMA_WAV | id::CODEC_ID_ADPCM_IMA_QT => "ADPCM",
        codec if is_float_pcm(codec) => {
            return format!("PCM {}-bit float", bits_per_sample(params).unwrap_or(32));
        }
        _ => match bits_per_sample(params) {
            Some(bits) => return format!("PCM {bits}-bit"),
            None => "an unknown codec",
        },
    };
    name.to_owned()
}

/// Bits per sample, where the codec has such a thing.
pub(super) fn bits_per_sample(params: &AudioCodecParameters) -> Option<u16> {
    let bits = match params.codec {
        id::CODEC_ID_PCM_F32LE | id::CODEC_ID_PCM_F32BE => Some(32),
        id::CODEC_ID_PCM_F64LE | id::CODEC_ID_PCM_F64BE => Some(64),
        id::CODEC_ID_MP1 | id::CODEC_ID_MP2 | id::CODEC_ID_MP3 | id::CODEC_ID_AAC | id::CODEC_ID_VORBIS => {
            None
        }
        _ => params.bits_per_sample.or(params.bits_per_coded_sample),
    };
    bits.and_then(|bits| u16::try_from(bits).ok())
        .filter(|bits| (1..=64).contains(bits))
}

/// Bits per sample, where samples are integers that come out of the decoder as they went in.
pub(super) fn integer_bits(params: &AudioCodecParameters) -> Option<u16> {
    let is_lossy = matches!(
        params.codec,
        id::CODEC_ID_PCM_ALAW
            | id::CODEC_ID_PCM_MULAW
            | id::CODEC_ID_ADPCM_MS
            | id::CODEC_ID_ADPCM_IMA_WAV
            | id::CODEC_ID_ADPCM_IMA_QT
            | id::CODEC_ID_OPUS
            | id::CODEC_ID_AC3
            | id::CODEC_ID_EAC3
    );
    bits_per_sample(params).filter(|_| !is_lossy && !is_float_pcm(params.codec))
}

/// Whether the samples are floating-point numbers, which have no full scale.
pub(super) fn is_float_pcm(codec: AudioCodecId) -> bool {
    [
        id::CODEC_ID_PCM_F32LE,
        id::CODEC_ID_PCM_F32BE,
        id::CODEC_ID_PCM_F64LE,
        id::CODEC_ID_PCM_F64BE,
    ]
    .contains(&codec)
}

/// BS.1770-5: 1.41 for a loudspeaker at 60° to 120° to the side and less than 30° up, 0 for LFE, 1 for all others.
pub(super) fn weights(channels: &Channels, count: usize) -> Vec<f64> {
    const SURROUND: f64 = 1.41;
    // Without positions, or with the first n of WAVE's list, which is what readers assume for a plain WAV: the layouts
    // that n channels have in practice.
    let by_count: &[f64] = match count {
        4 => &[1.0, 1.0, SURROUND, SURROUND],
        5 => &[1.0, 1.0, 1.0, SURROUND, SURROUND],
        6 => &[1.0, 1.0, 1.0, 0.0, SURROUND, SURROUND],
        7 => &[1.0, 1.0, 1.0, 0.0, 1.0, SURROUND, SURROUND],
        8 => &[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, SURROUND, SURROUND],
        _ => &[1.0, 1.0, 1.0],
    };
    match channels {
        Channels::Positioned(positions) if positions.bits() != (1 << count) - 1 => {
            // "Rear" stands at 110° where there are no side loudspeakers, and at 135° where there are.
            let sides = Position::SIDE_LEFT | Position::SIDE_RIGHT;
            let surrounds = if positions.intersects(sides) {
                sides
            } else {
                Position::REAR_LEFT | Position::REAR_RIGHT
            };
            let lfe = Position::LFE1 | Position::LFE2;
            positions
                .iter()
                .map(|position| {
                    if lfe.contains(position) {
                        0.0
                    } else if surrounds.contains(position) {
                        SURROUND
                    } else {
                        1.0
                    }
                })
                .collect()
        }
        _ => by_count.iter().copied().take(count).collect(),
    }
}
