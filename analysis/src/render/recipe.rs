//! What a render does, as data: ordered steps with their amounts, the target, the output. Everything that the bytes of the
//! result depend on besides the source is here.

mod amount;
mod check;

use serde::{Deserialize, Serialize};

pub use amount::Amount;
pub use check::RecipeError;

use super::design::Band;
use crate::rules::platforms::PLATFORMS;

/// The layout of [`Recipe`]. Raised when a field changes its meaning.
pub const RECIPE_VERSION: u32 = 1;

/// The most bands of the equaliser.
pub(super) const MOST_BANDS: usize = 5;
/// The most places of a repair.
pub(super) const MOST_DEFECTS: usize = 200;

/// A complete recipe. [`Recipe::from_json`] reads one that came from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`RECIPE_VERSION`] at the time of writing.
    pub version: u32,
    /// The loudness that the result has.
    pub target: Target,
    /// Whether gain and ceiling are adjusted to what is measured, or taken as they are written.
    pub levels: Levels,
    /// The steps in the order of [`StepKind`].
    pub steps: Vec<Step>,
    /// How the result is written.
    pub output: OutputFormat,
    /// How samples are rounded.
    pub dither: Dither,
}

/// The loudness that is aimed at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// That of the source.
    KeepLoudness,
    /// What a service plays at.
    Platform {
        /// Its name in [`PLATFORMS`].
        name: String,
    },
    /// A given integrated loudness.
    Level {
        /// In LUFS, −36 to −5.
        lufs: f64,
    },
}

impl Target {
    /// The integrated loudness to reach, in LUFS; `None` where it is that of the source.
    #[must_use]
    pub fn lufs(&self) -> Option<f64> {
        match self {
            Self::KeepLoudness => None,
            Self::Platform { name } => PLATFORMS
                .iter()
                .find(|platform| platform.name == name)
                .and_then(|platform| platform.reference_lufs),
            Self::Level { lufs } => Some(*lufs),
        }
    }
}

model::text_enum! {
    /// Who has the last word on gain and ceiling.
    pub enum Levels {
        /// The render: it measures, and adjusts both until target and ceiling hold.
        Adjusted = "adjusted",
        /// The recipe: gain and the limiter's aim are taken as they stand, in one pass. What a proof holds.
        AsWritten = "as_written",
    }
}

model::text_enum! {
    /// How samples are rounded to whole numbers.
    pub enum Dither {
        /// Triangular noise of two steps of the word, peak to peak, whose seed is the SHA-256 of the source. None where every
        /// sample fits the word as it is.
        Tpdf = "tpdf",
        /// None.
        Off = "off",
    }
}

model::text_enum! {
    /// The file around the samples.
    pub enum Container {
        /// RIFF, or RF64 from 4 GiB on.
        Wav = "wav",
        /// Native FLAC.
        Flac = "flac",
    }
}

model::text_enum! {
    /// The samples of the result.
    pub enum SampleFormat {
        /// 16-bit integers.
        Int16 = "int16",
        /// 24-bit integers.
        Int24 = "int24",
        /// 32-bit floating point.
        Float32 = "float32",
    }
}

impl SampleFormat {
    /// Bits of a sample.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::Int16 => 16,
            Self::Int24 => 24,
            Self::Float32 => 32,
        }
    }

    /// As people read it: `24 bit`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Int16 => "16 bit",
            Self::Int24 => "24 bit",
            Self::Float32 => "32 bit float",
        }
    }
}

/// How the result is written. The sample rate is that of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutputFormat {
    /// The file.
    pub container: Container,
    /// The samples; FLAC holds whole numbers only.
    pub samples: SampleFormat,
}

/// A stretch of the file, in seconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// Its start.
    pub start_s: f64,
    /// Its end.
    pub end_s: f64,
}

/// One step with its amount. Channels are counted from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Fills moments that a predictor from both sides can bridge.
    Repair {
        /// Channel and place of each.
        places: Vec<Defect>,
    },
    /// Subtracts a constant from each channel.
    Offset {
        /// What is subtracted, of full scale, in the order of the channels.
        amounts: Vec<f64>,
    },
    /// A Butterworth high-pass.
    HighPass {
        /// Where it has −3 dB, in Hz.
        hz: f64,
        /// 2 or 4: 12 or 24 dB per octave.
        order: u8,
    },
    /// Turns one channel upside down.
    Polarity {
        /// The channel.
        channel: u16,
        /// Where; everywhere if there is none.
        #[serde(default)]
        passages: Vec<Passage>,
    },
    /// Turns one channel of two down.
    Balance {
        /// What is added to left over right, in dB: below 0 the left channel is turned down, above 0 the right one.
        db: f64,
    },
    /// Delays one channel.
    Delay {
        /// The channel.
        channel: u16,
        /// By how much, in ms.
        ms: f64,
    },
    /// Takes the side away below a frequency, in linear phase.
    LowMono {
        /// Where the side has −6 dB, in Hz.
        hz: f64,
    },
    /// Narrow cuts at a frequency and its harmonics.
    Notch {
        /// The lowest, in Hz.
        hz: f64,
        /// Multiples, 1 for `hz` itself.
        harmonics: Vec<u8>,
        /// Centre over width at −3 dB.
        q: f64,
    },
    /// One band of the equaliser.
    Equalise(Band),
    /// Changes the level of the side.
    Width {
        /// In dB.
        side_db: f64,
    },
    /// Changes the level of everything.
    Gain {
        /// In dB.
        db: f64,
        /// The true peak that a render does not raise anything above while it adjusts, in dBTP; with a limiter behind, that
        /// one's ceiling and reach count instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        highest_dbtp: Option<f64>,
    },
    /// Holds the true peak.
    Limit {
        /// What the written file does not exceed, in dBTP.
        ceiling_dbtp: f64,
        /// What the limiter itself aims at, a little lower, in dBTP.
        aim_dbtp: f64,
        /// The most that it takes off any peak, in dB.
        most_db: f64,
    },
    /// Keeps this part of the file.
    Trim(Passage),
}

/// A moment to be filled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// The channel; all where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// Its start, in seconds.
    pub start_s: f64,
    /// Its end, in seconds; at most 20 ms later.
    pub end_s: f64,
}

model::text_enum! {
    /// The kinds of steps, in the order in which they are done. Defects are repaired before a filter smears them; channels are
    /// brought together before anything works on their sum and difference; what changes levels comes last.
    #[derive(PartialOrd, Ord)]
    pub enum StepKind {
        /// [`Step::Repair`].
        Repair = "repair",
        /// [`Step::Offset`].
        Offset = "offset",
        /// [`Step::HighPass`].
        HighPass = "high_pass",
        /// [`Step::Polarity`].
        Polarity = "polarity",
        /// [`Step::Balance`].
        Balance = "balance",
        /// [`Step::Delay`].
        Delay = "delay",
        /// [`Step::LowMono`].
        LowMono = "low_mono",
        /// [`Step::Notch`].
        Notch = "notch",
        /// [`Step::Equalise`].
        Equalise = "equalise",
        /// [`Step::Width`].
        Width = "width",
        /// [`Step::Gain`].
        Gain = "gain",
        /// [`Step::Limit`].
        Limit = "limit",
        /// [`Step::Trim`].
        Trim = "trim",
    }
}

impl StepKind {
    /// As people read it, at the beginning of a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repair => "Repair of clicks and gaps",
            Self::Offset => "DC offset",
            Self::HighPass => "High-pass",
            Self::Polarity => "Polarity",
            Self::Balance => "Balance",
            Self::Delay => "Delay of a channel",
            Self::LowMono => "Mono low end",
            Self::Notch => "Notch",
            Self::Equalise => "Equaliser",
            Self::Width => "Width",
            Self::Gain => "Gain",
            Self::Limit => "True-peak limiter",
            Self::Trim => "Trim",
        }
    }

    /// The rules that steps of this kind are for, by id.
    #[must_use]
    pub const fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Repair => &["signal.clicks", "signal.gaps"],
            Self::Offset => &["signal.offset"],
            Self::HighPass => &["signal.subsonic", "low_end.rumble"],
            Self::Polarity => &["stereo.inverted", "signal.inverted_passage"],
            Self::Balance => &["stereo.balance"],
            Self::Delay => &["stereo.delay"],
            Self::LowMono => &["low_end.width"],
            Self::Notch => &["signal.hum", "signal.tone"],
            Self::Equalise => &[
                "tone.tilt",
                "tone.treble_energy",
                "tone.mud",
                "tone.mids",
                "tone.harsh",
                "tone.sibilance",
                "tone.air",
                "tone.resonance",
                "low_end.energy",
                "low_end.share",
                "low_end.one_note",
                "loudness.inaudible",
            ],
            Self::Width => &["stereo.wide"],
            Self::Gain => &[],
            Self::Limit => &[
                "peaks.overs",
                "peaks.true_peak",
                "peaks.between_samples",
                "peaks.encoder_room",
            ],
            Self::Trim => &["signal.head_silence", "signal.tail_silence"],
        }
    }

    /// How many steps of this kind a recipe may have.
    const fn most(self) -> usize {
        match self {
            Self::Equalise => MOST_BANDS,
            // Hum and two steady tones.
            Self::Notch => 3,
            _ => 1,
        }
    }
}

impl Recipe {
    /// Does nothing but write `output`.
    #[must_use]
    pub const fn empty(output: OutputFormat) -> Self {
        Self {
            version: RECIPE_VERSION,
            target: Target::KeepLoudness,
            levels: Levels::Adjusted,
            steps: Vec::new(),
            output,
            dither: Dither::Tpdf,
        }
    }

    /// What a trim keeps; `None` where there is no trim.
    #[must_use]
    pub fn kept(&self) -> Option<Passage> {
        self.steps.iter().find_map(|step| match step {
            Step::Trim(kept) => Some(*kept),
            _ => None,
        })
    }

    /// Reads a recipe that came from outside.
    ///
    /// # Errors
    /// As [`RecipeError`] says; nothing is corrected silently.
    pub fn from_json(json: &str) -> Result<Self, RecipeError> {
        let malformed = |error: serde_json::Error| RecipeError::Malformed(error.to_string());
        let value: serde_json::Value = serde_json::from_str(json).map_err(malformed)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(RECIPE_VERSION) => {}
            Some(version) => return Err(RecipeError::Version(version)),
            None => return Err(RecipeError::Malformed("it has no version".to_owned())),
        }
        let recipe: Self = serde_json::from_value(value).map_err(malformed)?;
        recipe.check()?;
        Ok(recipe)
    }

    /// The JSON that [`Recipe::from_json`] reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Every field is a number, a text or a list of them.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The same without the step at `index`.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let mut rest = self.clone();
        if index < rest.steps.len() {
            rest.steps.remove(index);
        }
        rest
    }
}

impl Step {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        match self {
            Self::Repair { .. } => StepKind::Repair,
            Self::Offset { .. } => StepKind::Offset,
            Self::HighPass { .. } => StepKind::HighPass,
            Self::Polarity { .. } => StepKind::Polarity,
            Self::Balance { .. } => StepKind::Balance,
            Self::Delay { .. } => StepKind::Delay,
            Self::LowMono { .. } => StepKind::LowMono,
            Self::Notch { .. } => StepKind::Notch,
            Self::Equalise(_) => StepKind::Equalise,
            Self::Width { .. } => StepKind::Width,
            Self::Gain { .. } => StepKind::Gain,
            Self::Limit { .. } => StepKind::Limit,
            Self::Trim(_) => StepKind::Trim,
        }
    }

    /// Whether it needs two channels.
    #[must_use]
    pub const fn is_stereo_only(&self) -> bool {
        matches!(
            self,
            Self::Polarity { .. }
                | Self::Balance { .. }
                | Self::Delay { .. }
                | Self::LowMono { .. }
                | Self::Width { .. }
        )
    }
}
