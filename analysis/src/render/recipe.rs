//! What a render does, as data: ordered steps with their amounts, the target, the output. Everything that the bytes of the
//! result depend on besides the source is here.

use serde::{Deserialize, Serialize};

use super::design::Band;
use crate::rules::platforms::PLATFORMS;

/// The layout of [`Recipe`]. Raised when a field changes its meaning.
pub const RECIPE_VERSION: u32 = 1;

/// The most bands of the equaliser.
pub(super) const MOST_BANDS: usize = 5;

/// A complete recipe. [`Recipe::from_json`] reads one that came from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

/// How the result is written. The sample rate is that of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputFormat {
    /// The file.
    pub container: Container,
    /// The samples; FLAC holds whole numbers only.
    pub samples: SampleFormat,
}

/// A stretch of the file, in seconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// Its start.
    pub start_s: f64,
    /// Its end.
    pub end_s: f64,
}

/// One step with its amount. Channels are counted from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
                "tone.mud",
                "tone.mids",
                "tone.harsh",
                "tone.sibilance",
                "tone.air",
                "tone.resonance",
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

/// Why a recipe is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// Written by another version.
    #[error("this recipe has version {0}; this program knows version {RECIPE_VERSION}")]
    Version(u64),
    /// No JSON, or not that of a recipe.
    #[error("this is no recipe: {0}")]
    Malformed(String),
    /// An amount outside of its range.
    #[error("{step}: {what} is {value}, outside of {low} to {high}")]
    OutOfRange {
        /// The step's name.
        step: &'static str,
        /// The amount's.
        what: &'static str,
        /// What it is.
        value: f64,
        /// The least that is allowed.
        low: f64,
        /// The most.
        high: f64,
    },
    /// Anything else that makes no sense.
    #[error("{0}")]
    Contradiction(String),
}

/// The amounts that are taken.
mod allowed {
    use std::ops::RangeInclusive as Range;

    pub(super) const OFFSET: Range<f64> = -0.5..=0.5;
    pub(super) const HIGH_PASS_HZ: Range<f64> = 10.0..=40.0;
    pub(super) const BALANCE_DB: Range<f64> = -12.0..=12.0;
    pub(super) const DELAY_MS: Range<f64> = 0.0..=40.0;
    pub(super) const LOW_MONO_HZ: Range<f64> = 40.0..=200.0;
    pub(super) const NOTCH_HZ: Range<f64> = 20.0..=22_000.0;
    pub(super) const NOTCH_Q: Range<f64> = 10.0..=2_000.0;
    pub(super) const BAND_HZ: Range<f64> = 20.0..=20_000.0;
    pub(super) const BAND_Q: Range<f64> = 0.3..=12.0;
    pub(super) const BAND_DB: Range<f64> = -6.0..=6.0;
    pub(super) const SIDE_DB: Range<f64> = -2.0..=2.0;
    pub(super) const GAIN_DB: Range<f64> = -40.0..=30.0;
    pub(super) const CEILING_DBTP: Range<f64> = -20.0..=0.0;
    pub(super) const AIM_DBTP: Range<f64> = -21.0..=0.0;
    pub(super) const REDUCTION_DB: Range<f64> = 0.0..=24.0;
    pub(super) const TIME_S: Range<f64> = 0.0..=86_400.0;
    pub(super) const LEVEL_LUFS: Range<f64> = -36.0..=-5.0;
    /// Twenty milliseconds, and the rounding of two times.
    pub(super) const DEFECT_S: Range<f64> = 0.0..=0.020_001;
    pub(super) const DEFECTS: usize = 200;
    pub(super) const PASSAGES: usize = 50;
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

    /// Whether every amount is within its range and every step at its place.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), RecipeError> {
        if self.version != RECIPE_VERSION {
            return Err(RecipeError::Version(u64::from(self.version)));
        }
        if self.output.container == Container::Flac && self.output.samples == SampleFormat::Float32 {
            return Err(contradiction("FLAC holds 16 or 24 bits, no floating point"));
        }
        match &self.target {
            Target::Platform { name } if self.target.lufs().is_none() => {
                return Err(contradiction(&format!(
                    "no platform with a loudness is called {name}"
                )));
            }
            Target::KeepLoudness | Target::Platform { .. } => {}
            Target::Level { lufs } => within("Target", "the level in LUFS", *lufs, &allowed::LEVEL_LUFS)?,
        }
        for pair in self.steps.windows(2) {
            if pair[0].kind() > pair[1].kind() {
                return Err(contradiction(&format!(
                    "{} comes before {}",
                    pair[1].kind().name(),
                    pair[0].kind().name()
                )));
            }
        }
        for kind in StepKind::ALL {
            let count = self.steps.iter().filter(|step| step.kind() == kind).count();
            if count > kind.most() {
                return Err(contradiction(&format!(
                    "{}: {count} steps, where {} are allowed",
                    kind.name(),
                    kind.most()
                )));
            }
        }
        self.steps.iter().try_for_each(Step::check)
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

    fn check(&self) -> Result<(), RecipeError> {
        let step = self.kind().name();
        let within = |what, value, range| within(step, what, value, range);
        match self {
            Self::Repair { places } => {
                if places.len() > allowed::DEFECTS {
                    return Err(contradiction("more than 200 places to repair"));
                }
                for place in places {
                    within("a start in s", place.start_s, &allowed::TIME_S)?;
                    within("a length in s", place.end_s - place.start_s, &allowed::DEFECT_S)?;
                }
                Ok(())
            }
            Self::Offset { amounts } => {
                let mut amounts = amounts.iter();
                amounts.try_for_each(|&amount| within("an offset", amount, &allowed::OFFSET))
            }
            Self::HighPass { hz, order } => {
                if !matches!(order, 2 | 4) {
                    return Err(contradiction("a high-pass has order 2 or 4"));
                }
                within("the corner in Hz", *hz, &allowed::HIGH_PASS_HZ)
            }
            Self::Polarity { channel, passages } => {
                check_channel(*channel)?;
                if passages.len() > allowed::PASSAGES {
                    return Err(contradiction("more than 50 passages to turn over"));
                }
                passages.iter().try_for_each(|passage| passage.check(step))
            }
            Self::Balance { db } => within("the change in dB", *db, &allowed::BALANCE_DB),
            Self::Delay { channel, ms } => {
                check_channel(*channel)?;
                within("the delay in ms", *ms, &allowed::DELAY_MS)
            }
            Self::LowMono { hz } => within("the corner in Hz", *hz, &allowed::LOW_MONO_HZ),
            Self::Notch { hz, harmonics, q } => {
                if harmonics.is_empty() || harmonics.len() > 12 || harmonics.contains(&0) {
                    return Err(contradiction("a notch has 1 to 12 harmonics, counted from 1"));
                }
                within("the frequency in Hz", *hz, &allowed::NOTCH_HZ)?;
                within("Q", *q, &allowed::NOTCH_Q)
            }
            Self::Equalise(band) => {
                within("the frequency in Hz", band.hz, &allowed::BAND_HZ)?;
                within("Q", band.q, &allowed::BAND_Q)?;
                within("the change in dB", band.db, &allowed::BAND_DB)
            }
            Self::Width { side_db } => within("the change of the side in dB", *side_db, &allowed::SIDE_DB),
            Self::Gain { db, highest_dbtp } => {
                within(
                    "the highest peak in dBTP",
                    highest_dbtp.unwrap_or(0.0),
                    &allowed::CEILING_DBTP,
                )?;
                within("the gain in dB", *db, &allowed::GAIN_DB)
            }
            Self::Limit {
                ceiling_dbtp,
                aim_dbtp,
                most_db,
            } => {
                within("the ceiling in dBTP", *ceiling_dbtp, &allowed::CEILING_DBTP)?;
                within("the aim in dBTP", *aim_dbtp, &allowed::AIM_DBTP)?;
                if aim_dbtp > ceiling_dbtp {
                    return Err(contradiction("a limiter aims at its ceiling or below"));
                }
                within("the largest reduction in dB", *most_db, &allowed::REDUCTION_DB)
            }
            Self::Trim(passage) => passage.check(step),
        }
    }
}

impl Passage {
    fn check(&self, step: &'static str) -> Result<(), RecipeError> {
        within(step, "a start in s", self.start_s, &allowed::TIME_S)?;
        within(step, "an end in s", self.end_s, &allowed::TIME_S)?;
        if self.end_s <= self.start_s {
            return Err(contradiction(&format!("{step}: a passage ends before it begins")));
        }
        Ok(())
    }
}

fn check_channel(channel: u16) -> Result<(), RecipeError> {
    if channel > 1 {
        return Err(contradiction("this works on a pair: its channels are 0 and 1"));
    }
    Ok(())
}

fn contradiction(text: &str) -> RecipeError {
    RecipeError::Contradiction(text.to_owned())
}

fn within(
    step: &'static str,
    what: &'static str,
    value: f64,
    range: &std::ops::RangeInclusive<f64>,
) -> Result<(), RecipeError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(RecipeError::OutOfRange {
        step,
        what,
        value,
        low: *range.start(),
        high: *range.end(),
    })
}
