//! Why a file has no report, in words that say what to do.
//!
//! A failure that is the file's own is DATA on its analysis, never an error of the software: it is not retried.

use serde::{Deserialize, Serialize};

use crate::text::failure as texts;

/// The closed list of reasons. A new reason is a new variant, so that its words cannot be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Floating-point samples far beyond any level of audio, as of bytes in the wrong order; `detail` is the highest, in
    /// dBFS.
    NoAudioLevels,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
        texts::headline(self.code)
    }

    /// What is wrong, as one plain sentence for `audience`.
    #[must_use]
    pub fn sentence(&self, audience: Audience) -> String {
        texts::sentence(self, audience)
    }

    /// What to do about it, as one plain sentence for `audience`.
    #[must_use]
    pub const fn advice(&self, audience: Audience) -> &'static str {
        texts::advice(self.code, audience)
    }
}

/// Who reads about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Somebody who uploaded the file, on a page.
    Website,
    /// Somebody who has the file at hand, in a terminal.
    Terminal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_carries_its_detail() {
        assert_eq!(
            Failure::with(FailureCode::TooLong, 10).sentence(Audience::Website),
            "This file is longer than the 10 minutes of your plan."
        );
        assert!(
            Failure::with(FailureCode::Unsupported, "WavPack")
                .sentence(Audience::Website)
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
