//! Why a file has no report, in words that say what to do.
//!
//! A failure that is the file's own is DATA on its analysis, never an error of the software: it is not retried.

use serde::{Deserialize, Serialize};

/// The closed list of reasons. A new reason is a new variant, so that its words cannot be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// 0 bytes.
    Empty,
    /// No audio format was recognised.
    NotAudio,
    /// An audio format that we recognise and do not decode; `detail` names it.
    Unsupported,
    /// The content is another format than the name promised; `detail` names what it is.
    Mislabelled,
    /// The header or the stream contradicts itself.
    Malformed,
    /// It ends before anything could be measured.
    Truncated,
    /// Every sample is zero, or so near that no loudness exists.
    Silent,
    /// Shorter than the 3 s that a short-term loudness needs; `detail` is the length in seconds.
    TooShort,
    /// Longer than the plan allows; `detail` is that limit in minutes.
    TooLong,
    /// More channels than 8; `detail` is how many.
    TooManyChannels,
    /// A sample rate outside 8 to 384 kHz; `detail` is the rate in hertz.
    SampleRate,
    /// The decoder crashed, or needed more time or memory than any real file does.
    DecoderFailed,
    /// The object was gone before the worker came to it.
    AudioGone,
    /// Our side failed again and again; the file is not at fault.
    Internal,
}

/// Why an analysis has no report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason.
    pub code: FailureCode,
    /// The one figure or name that the reason's sentence needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Failure {
    /// A failure whose sentence needs no detail.
    #[must_use]
    pub const fn new(code: FailureCode) -> Self {
        Self { code, detail: None }
    }

    /// A failure with the figure or name that its sentence needs.
    pub fn with(code: FailureCode, detail: impl ToString) -> Self {
        Self {
            code,
            detail: Some(detail.to_string()),
        }
    }

    /// A few words for a list.
    #[must_use]
    pub const fn headline(&self) -> &'static str {
        match self.code {
            FailureCode::Empty => "The file is empty",
            FailureCode::NotAudio => "Not an audio file",
            FailureCode::Unsupported => "Format not supported",
            FailureCode::Mislabelled => "Not the format its name says",
            FailureCode::Malformed => "The file is damaged",
            FailureCode::Truncated => "The file is cut short",
            FailureCode::Silent => "The file is silent",
            FailureCode::TooShort => "Too short to measure",
            FailureCode::TooLong => "Longer than your plan allows",
            FailureCode::TooManyChannels => "Too many channels",
            FailureCode::SampleRate => "Sample rate not supported",
            FailureCode::DecoderFailed => "The file cannot be decoded",
            FailureCode::AudioGone => "The audio is gone",
            FailureCode::Internal => "Something failed on our side",
        }
    }

    /// What is wrong, as one plain sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let detail = self.detail.as_deref().unwrap_or("another format");
        match self.code {
            FailureCode::Empty => "This file has 0 bytes: the export or the copy did not finish.".into(),
            FailureCode::NotAudio => "No audio was found in this file.".into(),
            FailureCode::Unsupported => format!("This is {detail}, which MixLens does not decode."),
            FailureCode::Mislabelled => {
                format!("The name of this file promises one format, but its content is {detail}.")
            }
            FailureCode::Malformed => "The file contradicts itself: its header and its content do not fit together.".into(),
            FailureCode::Truncated => "The file ends before any sound begins: the export or the transfer was cut off.".into(),
            FailureCode::Silent => "There is no signal in this file: every sample is zero or below -70 LUFS.".into(),
            FailureCode::TooShort => {
                format!("This file is {} s long. Loudness needs at least 3 s of audio.", self.detail.as_deref().unwrap_or("under 3"))
            }
            FailureCode::TooLong => match &self.detail {
                Some(minutes) => format!("This file is longer than the {minutes} minutes of your plan."),
                None => "This file is longer than your plan allows.".into(),
            },
            FailureCode::TooManyChannels => match &self.detail {
                Some(channels) => format!("This file has {channels} channels; MixLens measures up to 8."),
                None => "This file has more than 8 channels.".into(),
            },
            FailureCode::SampleRate => match &self.detail {
                Some(hertz) => format!("This file has a sample rate of {hertz} Hz; MixLens measures 8 to 384 kHz."),
                None => "The sample rate of this file is outside 8 to 384 kHz.".into(),
            },
            FailureCode::DecoderFailed => {
                "The decoder gave up on this file: it needed more time or memory than any real mix does, or it crashed.".into()
            }
            FailureCode::AudioGone => "The audio of this upload was removed before it could be measured.".into(),
            FailureCode::Internal => "The measuring failed several times on our side. Your file is not at fault.".into(),
        }
    }

    /// What to do about it, as one plain sentence.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self.code {
            FailureCode::Empty | FailureCode::Truncated => {
                "Export the mix again, check that it plays to the end, and upload the new file."
            }
            FailureCode::NotAudio | FailureCode::Unsupported => {
                "Export the mix as WAV or FLAC from your DAW and upload that."
            }
            FailureCode::Mislabelled => {
                "Give the file the ending that fits its content, or export it again as WAV or FLAC, and upload that."
            }
            FailureCode::Malformed | FailureCode::DecoderFailed => {
                "Open the file in your DAW, export it again as WAV or FLAC, and upload the new file."
            }
            FailureCode::Silent => {
                "Check that no track is muted and that the export range covers the song, then upload the new file."
            }
            FailureCode::TooShort => "Upload the whole song, or at least a section of 3 s.",
            FailureCode::TooLong => "Upload a shorter section, or choose a plan with longer files.",
            FailureCode::TooManyChannels => "Export a stereo mix-down and upload that.",
            FailureCode::SampleRate => "Export the mix at 44.1, 48 or 96 kHz and upload that.",
            FailureCode::AudioGone | FailureCode::Internal => "Upload the file once more.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_carries_its_detail() {
        assert_eq!(
            Failure::with(FailureCode::TooLong, 10).sentence(),
            "This file is longer than the 10 minutes of your plan."
        );
        assert!(
            Failure::with(FailureCode::Unsupported, "WavPack")
                .sentence()
                .contains("WavPack")
        );
    }

    #[test]
    fn json_without_a_detail_is_read_back() {
        let failure = Failure::new(FailureCode::Silent);
        let json = serde_json::to_string(&failure).unwrap();
        assert_eq!(json, r#"{"code":"silent"}"#);
        assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
    }
}
