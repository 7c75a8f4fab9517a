//! Audio file formats that can be uploaded: their names, file extensions and media types; and the codecs inside.
//!
//! The browser checks a file against this list before it uploads, and the server checks again; both read it from here.
//! Whatever depends on a container or a codec asks its methods, so that a new one is added here and in the decoder.

use serde::{Deserialize, Serialize};

/// A container (or a codec that is its own container) that people may upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the formats' own names")]
pub enum AudioFormat {
    Wav,
    W64,
    Aiff,
    Flac,
    Mp3,
    Mp4,
    Aac,
    Ogg,
    Caf,
}

impl AudioFormat {
    /// Every format, in the order in which pages name them.
    pub const ALL: [Self; 9] = [
        Self::Wav,
        Self::W64,
        Self::Aiff,
        Self::Flac,
        Self::Mp3,
        Self::Mp4,
        Self::Aac,
        Self::Ogg,
        Self::Caf,
    ];

    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wav => "WAV",
            Self::W64 => "Wave64",
            Self::Aiff => "AIFF",
            Self::Flac => "FLAC",
            Self::Mp3 => "MP3",
            Self::Mp4 => "M4A",
            Self::Aac => "AAC",
            Self::Ogg => "Ogg",
            Self::Caf => "CAF",
        }
    }

    /// File name extensions, lower case, without the dot.
    #[must_use]
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Wav => &["wav", "wave", "bwf", "rf64"],
            Self::W64 => &["w64"],
            Self::Aiff => &["aif", "aiff", "aifc"],
            Self::Flac => &["flac"],
            Self::Mp3 => &["mp3"],
            Self::Mp4 => &["m4a", "mp4"],
            Self::Aac => &["aac"],
            Self::Ogg => &["ogg", "oga", "opus"],
            Self::Caf => &["caf"],
        }
    }

    /// The media type under which it is stored and served, whatever the browser called it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::W64 => "audio/x-w64",
            Self::Aiff => "audio/aiff",
            Self::Flac => "audio/flac",
            Self::Mp3 => "audio/mpeg",
            Self::Mp4 => "audio/mp4",
            Self::Aac => "audio/aac",
            Self::Ogg => "audio/ogg",
            Self::Caf => "audio/x-caf",
        }
    }

    /// The format that a file name promises by its extension.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|format| format.extensions().contains(&extension.as_str()))
    }

    /// The format stored under a media type of ours.
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.media_type() == media_type)
    }

    /// The value of an `<input type=file accept>`: every extension and `audio/*`.
    #[must_use]
    pub fn accept() -> String {
        let extensions = Self::ALL
            .into_iter()
            .flat_map(Self::extensions)
            .map(|extension| format!(".{extension}"));
        std::iter::once("audio/*".to_owned())
            .chain(extensions)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// `"WAV, AIFF, … or CAF"`, for sentences.
    #[must_use]
    pub fn list() -> String {
        let [rest @ .., last] = Self::ALL.map(Self::name);
        format!("{} or {last}", rest.join(", "))
    }
}

/// How the samples of a file are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Integer PCM of any width.
    Pcm,
    /// Floating-point PCM of 32 or 64 bits.
    PcmFloat,
    /// 8-bit logarithmic PCM, ITU-T G.711 A-law.
    ALaw,
    /// 8-bit logarithmic PCM, ITU-T G.711 µ-law.
    MuLaw,
    /// Adaptive differential PCM of 4 bits, IMA's or Microsoft's.
    Adpcm,
    /// Free Lossless Audio Codec.
    Flac,
    /// Apple Lossless.
    Alac,
    /// MPEG-1 or -2 layer I.
    Mp1,
    /// MPEG-1 or -2 layer II.
    Mp2,
    /// MPEG-1 or -2 layer III.
    Mp3,
    /// Advanced Audio Coding, low complexity.
    AacLc,
    /// Vorbis.
    Vorbis,
    /// Opus.
    Opus,
}

impl Codec {
    /// As people call it; PCM without its bits, which [`Codec::name_with_bits`] adds.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcm => "PCM",
            Self::PcmFloat => "PCM float",
            Self::ALaw => "A-law",
            Self::MuLaw => "µ-law",
            Self::Adpcm => "ADPCM",
            Self::Flac => "FLAC",
            Self::Alac => "ALAC",
            Self::Mp1 => "MP1",
            Self::Mp2 => "MP2",
            Self::Mp3 => "MP3",
            Self::AacLc => "AAC-LC",
            Self::Vorbis => "Vorbis",
            Self::Opus => "Opus",
        }
    }

    /// The name with the bits of PCM: `PCM 24-bit`, `PCM 32-bit float`, `AAC-LC`.
    #[must_use]
    pub fn name_with_bits(self, bits: Option<u16>) -> String {
        match (self, bits) {
            (Self::Pcm, Some(bits)) => format!("PCM {bits}-bit"),
            (Self::PcmFloat, Some(bits)) => format!("PCM {bits}-bit float"),
            (codec, _) => codec.name().to_owned(),
        }
    }

    /// Whether the decoder returns exactly the samples that were coded.
    #[must_use]
    pub const fn is_lossless(self) -> bool {
        matches!(self, Self::Pcm | Self::PcmFloat | Self::Flac | Self::Alac)
    }

    /// Whether samples are floating-point numbers, which can lie beyond full scale.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::PcmFloat)
    }

    /// Whether Chromium, Firefox and Safari all play it in `container` as it is, with `bits` per sample.
    ///
    /// None but Safari plays AIFF, CAF, Wave64 or ALAC; no two of them agree on RF64, on 32-bit and 64-bit PCM in WAV,
    /// on ADPCM, on 32-bit FLAC or on MPEG layers I and II. Vorbis and Opus in Ogg count as played: Safari has them
    /// since 18.4.
    #[must_use]
    pub fn plays_in_browsers(self, container: AudioFormat, bits: Option<u16>) -> bool {
        match container {
            AudioFormat::Wav => match self {
                Self::Pcm => bits.is_some_and(|bits| matches!(bits, 8 | 16 | 24)),
                other => matches!(other, Self::ALaw | Self::MuLaw),
            },
            AudioFormat::Flac => bits.is_none_or(|bits| bits <= 24),
            AudioFormat::Mp3 => self == Self::Mp3,
            AudioFormat::Mp4 => self != Self::Alac,
            AudioFormat::Aac | AudioFormat::Ogg => true,
            AudioFormat::Aiff | AudioFormat::Caf | AudioFormat::W64 => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_promises_its_format_whatever_its_case() {
        assert_eq!(
            AudioFormat::from_file_name("My mix.v3.WAV"),
            Some(AudioFormat::Wav)
        );
        assert_eq!(AudioFormat::from_file_name("notes.txt"), None);
        assert_eq!(AudioFormat::from_file_name("wav"), None);
    }

    #[test]
    fn media_types_name_one_format_each() {
        for format in AudioFormat::ALL {
            assert_eq!(AudioFormat::from_media_type(format.media_type()), Some(format));
        }
    }

    #[test]
    fn what_browsers_disagree_on_is_not_played_as_it_is() {
        use AudioFormat as F;
        for (format, codec, bits) in [
            (F::Wav, Codec::Pcm, Some(24)),
            (F::Flac, Codec::Flac, Some(24)),
            (F::Mp4, Codec::AacLc, None),
            (F::Ogg, Codec::Opus, None),
        ] {
            assert!(codec.plays_in_browsers(format, bits), "{format:?} {codec:?}");
        }
        for (format, codec, bits) in [
            (F::Wav, Codec::PcmFloat, Some(32)),
            (F::Wav, Codec::Pcm, Some(32)),
            (F::Wav, Codec::Adpcm, Some(4)),
            (F::Aiff, Codec::Pcm, Some(16)),
            (F::Mp4, Codec::Alac, Some(24)),
            (F::Caf, Codec::AacLc, None),
            (F::W64, Codec::Pcm, Some(24)),
            (F::Mp3, Codec::Mp2, None),
            (F::Flac, Codec::Flac, Some(32)),
        ] {
            assert!(!codec.plays_in_browsers(format, bits), "{format:?} {codec:?}");
        }
    }
}
