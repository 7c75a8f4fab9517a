//! Audio file formats that can be uploaded: their names, file extensions and media types.
//!
//! The browser checks a file against this list before it uploads, and the server checks again; both read it from here.

use serde::{Deserialize, Serialize};

/// A container (or a codec that is its own container) that people may upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

    /// Whether the browsers that we support (Chromium, Firefox, Safari) all play it.
    #[must_use]
    pub const fn plays_in_browsers(self) -> bool {
        matches!(
            self,
            Self::Wav | Self::Flac | Self::Mp3 | Self::Mp4 | Self::Aac | Self::Ogg
        )
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
}
