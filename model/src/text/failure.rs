//! Why a file has no report and what to do, for those who read it.

use crate::failure::{Audience, Failure, FailureCode};

/// A few words for a list.
pub(crate) const fn headline(code: FailureCode) -> &'static str {
    match code {
        FailureCode::Empty => "The file is empty",
        FailureCode::NotAudio => "Not an audio file",
        FailureCode::Unsupported => "Format not supported",
        FailureCode::Mislabelled => "Not the format its name says",
        FailureCode::Malformed => "The file is damaged",
        FailureCode::Truncated => "The file is cut short",
        FailureCode::Silent => "The file is silent",
        FailureCode::NoAudioLevels => "The samples are not audio",
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
pub(crate) fn sentence(failure: &Failure, audience: Audience) -> String {
    let detail = failure.detail.as_deref().unwrap_or("another format");
    match failure.code {
        FailureCode::Empty => "This file has 0 bytes: the export or the copy did not finish.".into(),
        FailureCode::NotAudio => "No audio was found in this file.".into(),
        FailureCode::Unsupported => format!("This is {detail}, which MixLens does not decode."),
        FailureCode::Mislabelled => {
            format!("The name of this file promises one format, but its content is {detail}.")
        }
        FailureCode::Malformed => "The file contradicts itself: its header and its content do not fit together.".into(),
        FailureCode::Truncated => "The file ends before any sound begins: the export or the transfer was cut off.".into(),
        FailureCode::Silent => "There is no signal in this file: every sample is zero or below -70 LUFS.".into(),
        FailureCode::NoAudioLevels => format!(
            "Samples reach {} dBFS, which no audio does: the file was damaged, or written in the wrong order of bytes.",
            failure.detail.as_deref().unwrap_or("more than +60")
        ),
        FailureCode::TooShort => {
            format!("This file is {} s long. Loudness needs at least 0.4 s of audio.", failure.detail.as_deref().unwrap_or("under 0.4"))
        }
        FailureCode::TooLong => match (audience, &failure.detail) {
            (Audience::Terminal, Some(minutes)) => format!("This file is longer than {minutes} minutes."),
            (_, Some(minutes)) => format!("This file is longer than the {minutes} minutes of your plan."),
            (_, None) => "This file is longer than your plan allows.".into(),
        },
        FailureCode::TooManyChannels => match &failure.detail {
            Some(channels) => format!("This file has {channels} channels; MixLens measures up to 8."),
            None => "This file has more than 8 channels.".into(),
        },
        FailureCode::SampleRate => match &failure.detail {
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
pub(crate) const fn advice(code: FailureCode, audience: Audience) -> &'static str {
    match audience {
        Audience::Website => website_advice(code),
        Audience::Terminal => terminal_advice(code),
    }
}

const fn website_advice(code: FailureCode) -> &'static str {
    match code {
        FailureCode::Empty | FailureCode::Truncated => {
            "Export the mix again, check that it plays to the end, and upload the new file."
        }
        FailureCode::NotAudio | FailureCode::Unsupported => {
            "Export the mix as WAV or FLAC from your DAW and upload that."
        }
        FailureCode::Mislabelled => {
            "Give the file the ending that fits its content, or export it again as WAV or FLAC, and upload that."
        }
        FailureCode::Malformed | FailureCode::NoAudioLevels | FailureCode::DecoderFailed => {
            "Open the file in your DAW, export it again as WAV or FLAC, and upload the new file."
        }
        FailureCode::Silent => {
            "Check that no track is muted and that the export range covers the song, then upload the new file."
        }
        FailureCode::TooShort => {
            "Upload the whole song, or at least a section of 3 s: shorter ones have no short-term loudness."
        }
        FailureCode::TooLong => "Upload a shorter section, or choose a plan with longer files.",
        FailureCode::TooManyChannels => "Export a stereo mix-down and upload that.",
        FailureCode::SampleRate => "Export the mix at 44.1, 48 or 96 kHz and upload that.",
        FailureCode::AudioGone | FailureCode::Internal => "Upload the file once more.",
    }
}

/// Without plans and uploads.
const fn terminal_advice(code: FailureCode) -> &'static str {
    match code {
        FailureCode::Empty | FailureCode::Truncated => {
            "Export the mix again, and check that it plays to the end."
        }
        FailureCode::NotAudio | FailureCode::Unsupported => "Export the mix as WAV or FLAC.",
        FailureCode::Mislabelled
        | FailureCode::Malformed
        | FailureCode::NoAudioLevels
        | FailureCode::DecoderFailed => "Open the file in your DAW, and export it again as WAV or FLAC.",
        FailureCode::Silent => "Check that no track is muted and that the export range covers the song.",
        FailureCode::TooShort => {
            "Measure the whole song, or at least a section of 3 s: shorter ones have no short-term loudness."
        }
        FailureCode::TooLong => "Raise --max-minutes, or measure a section.",
        FailureCode::TooManyChannels => "Export a stereo mix-down.",
        FailureCode::SampleRate => "Export the mix at 44.1, 48 or 96 kHz.",
        FailureCode::AudioGone | FailureCode::Internal => "Try once more.",
    }
}
