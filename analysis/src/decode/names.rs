//! What a file is called, and what its channels weigh.

use model::format::Codec;
use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, well_known as id};

/// The codec of the report; `None` for what is not decoded.
pub(super) fn codec_of(codec: AudioCodecId) -> Option<Codec> {
    Some(match codec {
        id::CODEC_ID_FLAC => Codec::Flac,
        id::CODEC_ID_ALAC => Codec::Alac,
        id::CODEC_ID_VORBIS => Codec::Vorbis,
        id::CODEC_ID_MP1 => Codec::Mp1,
        id::CODEC_ID_MP2 => Codec::Mp2,
        id::CODEC_ID_MP3 => Codec::Mp3,
        id::CODEC_ID_AAC => Codec::AacLc,
        id::CODEC_ID_OPUS => Codec::Opus,
        id::CODEC_ID_PCM_ALAW => Codec::ALaw,
        id::CODEC_ID_PCM_MULAW => Codec::MuLaw,
        id::CODEC_ID_ADPCM_MS | id::CODEC_ID_ADPCM_IMA_WAV | id::CODEC_ID_ADPCM_IMA_QT => Codec::Adpcm,
        id::CODEC_ID_PCM_F32LE | id::CODEC_ID_PCM_F32BE | id::CODEC_ID_PCM_F64LE | id::CODEC_ID_PCM_F64BE => {
            Codec::PcmFloat
        }
        id::CODEC_ID_PCM_S8
        | id::CODEC_ID_PCM_U8
        | id::CODEC_ID_PCM_S16LE
        | id::CODEC_ID_PCM_S16BE
        | id::CODEC_ID_PCM_U16LE
        | id::CODEC_ID_PCM_U16BE
        | id::CODEC_ID_PCM_S24LE
        | id::CODEC_ID_PCM_S24BE
        | id::CODEC_ID_PCM_U24LE
        | id::CODEC_ID_PCM_U24BE
        | id::CODEC_ID_PCM_S32LE
        | id::CODEC_ID_PCM_S32BE
        | id::CODEC_ID_PCM_U32LE
        | id::CODEC_ID_PCM_U32BE => Codec::Pcm,
        _ => return None,
    })
}

/// What a codec is called that is not decoded.
pub(super) fn unsupported_name(params: &AudioCodecParameters) -> String {
    let channels = params.channels.as_ref().map_or(2, Channels::count);
    match params.codec {
        id::CODEC_ID_AC3 => "AC-3".to_owned(),
        id::CODEC_ID_EAC3 => "E-AC-3".to_owned(),
        id::CODEC_ID_AAC if channels > 2 => "multichannel AAC".to_owned(),
        codec => match codec_of(codec) {
            Some(codec) => codec.name_with_bits(bits_per_sample(params)),
            None => "an unknown codec".to_owned(),
        },
    }
}

/// Bits per sample, where the codec has such a thing.
pub(super) fn bits_per_sample(params: &AudioCodecParameters) -> Option<u16> {
    let bits = match params.codec {
        id::CODEC_ID_PCM_F32LE | id::CODEC_ID_PCM_F32BE => Some(32),
        id::CODEC_ID_PCM_F64LE | id::CODEC_ID_PCM_F64BE => Some(64),
        id::CODEC_ID_MP1 | id::CODEC_ID_MP2 | id::CODEC_ID_MP3 | id::CODEC_ID_AAC | id::CODEC_ID_VORBIS => {
            None
        }
        id::CODEC_ID_ALAC => params.extra_data.as_deref().and_then(alac_bits),
        _ => params.bits_per_sample.or(params.bits_per_coded_sample),
    };
    bits.and_then(|bits| u16::try_from(bits).ok())
        .filter(|bits| (1..=64).contains(bits))
}

/// Bits per sample by the "magic cookie" of ALAC, which CAF wraps in two boxes.
fn alac_bits(cookie: &[u8]) -> Option<u32> {
    let cookie = if cookie.get(4..8) == Some(b"frma") {
        cookie.get(24..)?
    } else {
        cookie
    };
    Some(u32::from(*cookie.get(5)?)).filter(|bits| matches!(bits, 16 | 20 | 24 | 32))
}

/// Bits per sample, where samples are integers that come out of the decoder as they went in.
pub(super) fn integer_bits(codec: Codec, params: &AudioCodecParameters) -> Option<u16> {
    bits_per_sample(params).filter(|_| codec.is_lossless() && !codec.is_float())
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
