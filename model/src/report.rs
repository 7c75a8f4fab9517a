//! The measurements of one file, as they are stored for good.
//!
//! Rules of later versions run on this after the audio is gone, so it keeps more than the page shows. Every quantity
//! has its unit in its name. A value that does not exist is `null` with a reason, never NaN or infinity.

mod detail;
mod digest;
mod local;

use serde::{Deserialize, Serialize};

pub use detail::*;
pub use digest::Digest;
pub use local::{
    ChannelDelay, LocalDetail, LocalFault, LocalFaultCount, LocalFaultKind, Pumping, ToneOfPassage,
};

use crate::format::{AudioFormat, Codec};
use crate::verdict::TimeRange;

/// The layout of [`Report`]. Raised when a field changes its meaning; a field that is merely added has a default.
pub const REPORT_VERSION: u32 = 3;

/// Why a value does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AbsenceReason {
    /// Too little signal above the gate, or none at all.
    Silent,
    /// Too short for the window of this measure.
    TooShort,
    /// It takes two channels.
    NotStereo,
    /// The file does not say, or the arithmetic has no result.
    Undefined,
}

impl AbsenceReason {
    /// As a person reads it in place of the number.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Silent => "no signal",
            Self::TooShort => "too short",
            Self::NotStereo => "not stereo",
            Self::Undefined => "not defined",
        }
    }
}

/// A measured number, or the reason why there is none. In JSON: `{"value":-14.2}` or `{"value":null,"why":"silent"}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reading {
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<AbsenceReason>,
}

impl Reading {
    /// `value`, or [`AbsenceReason::Undefined`] where it is not finite.
    #[must_use]
    pub fn new(value: f64) -> Self {
        Self::new_or(value, AbsenceReason::Undefined)
    }

    /// `value`, or `why` where it is not finite.
    #[must_use]
    pub fn new_or(value: f64, why: AbsenceReason) -> Self {
        if value.is_finite() {
            Self {
                value: Some(value),
                why: None,
            }
        } else {
            Self::absent(why)
        }
    }

    /// No value, because of `why`.
    #[must_use]
    pub const fn absent(why: AbsenceReason) -> Self {
        Self {
            value: None,
            why: Some(why),
        }
    }

    /// The number, where there is one.
    #[must_use]
    pub const fn value(self) -> Option<f64> {
        self.value
    }

    /// Why there is no number, where there is none.
    #[must_use]
    pub const fn why(self) -> Option<AbsenceReason> {
        self.why
    }
}

/// Everything measured of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`REPORT_VERSION`] at the time of measuring.
    pub version: u32,
    /// The version of the engine that measured it (P02).
    pub engine: String,
    /// What the file is.
    pub file: FileInfo,
    /// Loudness by ITU-R BS.1770-5 and EBU Tech 3341, 3342.
    pub loudness: Loudness,
    /// Peaks of the samples and of the waveform between them.
    pub peaks: Peaks,
    /// Peak-to-average measures.
    pub dynamics: Dynamics,
    /// The spectrum averaged over the file.
    pub spectrum: Spectrum,
    /// How left and right relate.
    pub stereo: Stereo,
    /// The outline of the waveform.
    pub waveform: Waveform,
    /// What a reader should know about how this was measured.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Everything else; `None` in reports of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
    /// What it was measured of, and what it is; `None` before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What the file is, as its own header says and as decoding proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileInfo {
    /// The container.
    pub format: AudioFormat,
    /// The codec inside.
    pub codec: Codec,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Bits per sample, where the codec has such a thing.
    #[serde(default)]
    pub bits_per_sample: Option<u16>,
    /// Decoded samples per channel.
    pub frames: u64,
    /// `frames / sample_rate_hz`, in seconds.
    pub duration_s: f64,
}

impl FileInfo {
    /// Whether a lossy decoder made the samples, and not the person who exported them.
    #[must_use]
    pub const fn is_lossy(&self) -> bool {
        !self.codec.is_lossless()
    }

    /// The codec as people call it, PCM with its bits: `PCM 24-bit`, `PCM 32-bit float`, `AAC-LC`.
    #[must_use]
    pub fn codec_name(&self) -> String {
        self.codec.name_with_bits(self.bits_per_sample)
    }

    /// Whether Chromium, Firefox and Safari all play the file as it is.
    #[must_use]
    pub fn plays_in_browsers(&self) -> bool {
        self.codec.plays_in_browsers(self.format, self.bits_per_sample)
    }
}

/// Loudness by ITU-R BS.1770-5; windows by EBU Tech 3341, range by EBU Tech 3342.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Loudness {
    /// Gated loudness of the whole, in LUFS.
    pub integrated_lufs: Reading,
    /// The loudest 400 ms, in LUFS.
    pub momentary_max_lufs: Reading,
    /// The loudest 3 s, in LUFS.
    pub short_term_max_lufs: Reading,
    /// Loudness range in LU (10 Hz hop, no padding).
    pub range_lu: Reading,
    /// Below 60 s the range is not yet stable (Tech 3342).
    pub range_is_stable: bool,
    /// Short-term loudness over time, in LUFS; the time of a value is the END of its 3 s window.
    pub short_term_lufs: Series,
}

/// Values at equal distances in time. `null` where there is no signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Series {
    /// The time of the first value, in seconds from the start of the file.
    pub start_s: f64,
    /// The distance between two values, in seconds.
    pub step_s: f64,
    /// The values, rounded to 0.01.
    pub values: Vec<Option<f32>>,
}

impl Series {
    /// The time of the value at `index`, in seconds from the start of the file.
    #[must_use]
    pub fn time_s(&self, index: usize) -> f64 {
        self.start_s + self.step_s * index as f64
    }
}

/// A value and when it occurs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Position {
    /// Seconds from the start of the file.
    pub time_s: f64,
    /// Channel, counted from 0.
    pub channel: u16,
}

/// Peak levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Peaks {
    /// The largest absolute sample, in dBFS.
    pub sample_peak_dbfs: Reading,
    /// The largest absolute value of the 4x oversampled waveform (BS.1770-5 Annex 2), in dBTP.
    pub true_peak_dbtp: Reading,
    /// Where the true peak is.
    pub true_peak_at: Option<Position>,
}

/// Peak-to-average measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dynamics {
    /// Sample peak over RMS of all channels together, in dB.
    pub crest_db: Reading,
    /// True peak over integrated loudness (peak-to-loudness ratio), in LU.
    pub plr_lu: Reading,
}

/// A band of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// As people call it.
    pub name: &'static str,
    /// Lower edge in hertz.
    pub from_hz: f64,
    /// Upper edge in hertz.
    pub to_hz: f64,
}

const fn band(name: &'static str, from_hz: f64, to_hz: f64) -> Band {
    Band { name, from_hz, to_hz }
}

/// The seven bands of the product, without gap or overlap.
pub const BANDS: [Band; 7] = [
    band("Sub", 20.0, 60.0),
    band("Low", 60.0, 200.0),
    band("Low-mid", 200.0, 500.0),
    band("Mid", 500.0, 2_000.0),
    band("High-mid", 2_000.0, 6_000.0),
    band("Presence", 6_000.0, 12_000.0),
    band("Air", 12_000.0, 20_000.0),
];

/// The spectrum averaged over the parts of the file that carry signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Spectrum {
    /// The share of each of [`BANDS`] in the total energy from 20 Hz to 20 kHz, in dB (0 dB is all of it).
    pub bands_db: [Reading; 7],
    /// Power per 1/6 octave over all channels, in dB relative to a full-scale sine.
    pub sixth_octave: Vec<BandLevel>,
}

/// The level of one band.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BandLevel {
    /// Centre frequency in hertz.
    pub hz: f64,
    /// Level in dB; `null` where there is no energy at all.
    pub db: Option<f32>,
}

/// How left and right relate. Every reading is [`AbsenceReason::NotStereo`] unless the file has two channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stereo {
    /// Pearson correlation of left and right over the whole, −1 to 1.
    pub correlation: Reading,
    /// Side energy over mid energy, in dB; large negative is narrow.
    pub width_db: Reading,
    /// What folding to mono changes in integrated loudness, in LU; negative is a loss.
    pub mono_change_lu: Reading,
    /// Left energy over right energy, in dB; positive leans left.
    pub balance_db: Reading,
}

/// The outline of the waveform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Waveform {
    /// Smallest and largest sample of each of equally long slices, as −127 to 127 of full scale, of all channels together.
    pub slices: Vec<(i8, i8)>,
    /// The same of the left and of the right channel of a stereo file; `None` for any other, and in reports of engines before 3.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_right: Option<[Vec<(i8, i8)>; 2]>,
}

/// Something that a reader should know about how this file was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// Stable name.
    pub code: NoteCode,
    /// The one figure or name that the sentence needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where it is, in order, at most [`MAX_NOTE_RANGES`]; empty where it is everywhere, or nowhere in particular.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub time_ranges: Vec<TimeRange>,
}

/// At most so many time ranges with a note.
pub const MAX_NOTE_RANGES: usize = 20;

/// The closed list of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// The file ends before its header says; what is there was measured. `detail` is how many seconds.
    Truncated,
    /// Parts of the audio are damaged or missing and were left out. `detail` says how much, and where it begins.
    PacketsSkipped,
    /// The file counts another length than it holds. `detail` is what it counts, in seconds.
    LengthsDisagree,
    /// Streams that follow each other in one file were measured as one. `detail` is how many.
    Chained,
    /// Behind the first stream the file goes on with another one, which was not measured. `detail` says what it is.
    OtherStream,
    /// Samples that are no numbers, or infinite, counted as silence. `detail` is how many.
    NotNumbers,
    /// The content is another format than the file's name says, and was measured as what it is. `detail` names it.
    Mislabelled,
    /// One channel, measured as it would play on two loudspeakers (BS.1770-5, dual mono).
    DualMono,
    /// Samples beyond full scale in a floating-point file; `detail` is the peak in dBFS.
    OverFullScale,
}

impl Note {
    /// The note as one plain sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let detail = self.detail.as_deref().unwrap_or("some");
        match self.code {
            NoteCode::Truncated => {
                format!(
                    "The file is cut short: {detail} s could be read, and only they were measured. Export it again to be sure."
                )
            }
            NoteCode::PacketsSkipped => {
                format!("Damaged audio was left out: {detail}. Export the file again to be sure.")
            }
            NoteCode::LengthsDisagree => {
                format!("The file counts {detail} s of audio, but holds another length, which was measured.")
            }
            NoteCode::Chained => {
                format!("{detail} streams follow each other in this file, and were measured as one.")
            }
            NoteCode::OtherStream => {
                format!("Only the first stream of this file was measured; {detail} follows behind it.")
            }
            NoteCode::NotNumbers => {
                format!(
                    "{detail} samples are no numbers (NaN or infinity) and counted as silence. Find the plug-in that made them."
                )
            }
            NoteCode::Mislabelled => {
                format!(
                    "The name of the file says otherwise, but this is {detail}, and it was measured as such."
                )
            }
            NoteCode::DualMono => {
                "One channel, measured as it plays on two loudspeakers (3 LU more than a single one).".into()
            }
            NoteCode::OverFullScale => {
                format!(
                    "Samples go beyond full scale, up to {detail} dBFS. They clip as soon as the file is saved with fixed bits."
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_become_null_with_a_reason() {
        let json = serde_json::to_string(&Reading::new_or(f64::NEG_INFINITY, AbsenceReason::Silent)).unwrap();
        assert_eq!(json, r#"{"value":null,"why":"silent"}"#);
        assert_eq!(
            serde_json::to_string(&Reading::new(-14.25)).unwrap(),
            r#"{"value":-14.25}"#
        );
    }

    #[test]
    fn the_bands_join_without_gap_or_overlap() {
        for pair in BANDS.windows(2) {
            assert_eq!(pair[0].to_hz, pair[1].from_hz);
        }
    }
}
