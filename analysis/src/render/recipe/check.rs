//! Whether a recipe makes sense: every amount within its range, every step at its place. Nothing is corrected silently.

use super::{Container, MOST_DEFECTS, Passage, RECIPE_VERSION, Recipe, SampleFormat, Step, StepKind, Target};

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
    /// What comes out does not fit into whole numbers, and nothing in the recipe may lower it.
    #[error(
        "the result is {over_db:.2} dB over full scale and would be clipped: lower the gain by as much, add a limiter, or write 32-bit floating point"
    )]
    Clips {
        /// By how much the highest sample is over.
        over_db: f64,
    },
    /// Anything else that makes no sense.
    #[error("{0}")]
    Contradiction(String),
}

/// The amounts that are taken.
pub(super) mod allowed {
    use std::ops::RangeInclusive as Range;

    pub(super) const OFFSET: Range<f64> = -0.5..=0.5;
    pub(in super::super) const HIGH_PASS_HZ: Range<f64> = 10.0..=40.0;
    pub(in super::super) const BALANCE_DB: Range<f64> = -12.0..=12.0;
    pub(super) const DELAY_MS: Range<f64> = 0.0..=40.0;
    pub(in super::super) const LOW_MONO_HZ: Range<f64> = 40.0..=200.0;
    pub(super) const NOTCH_HZ: Range<f64> = 20.0..=22_000.0;
    pub(super) const NOTCH_Q: Range<f64> = 10.0..=2_000.0;
    pub(super) const BAND_HZ: Range<f64> = 20.0..=20_000.0;
    pub(super) const BAND_Q: Range<f64> = 0.3..=12.0;
    pub(in super::super) const BAND_DB: Range<f64> = -6.0..=6.0;
    pub(in super::super) const SIDE_DB: Range<f64> = -2.0..=2.0;
    pub(super) const GAIN_DB: Range<f64> = -40.0..=30.0;
    pub(super) const CEILING_DBTP: Range<f64> = -20.0..=0.0;
    pub(super) const AIM_DBTP: Range<f64> = -21.0..=0.0;
    pub(in super::super) const REDUCTION_DB: Range<f64> = 0.0..=24.0;
    pub(super) const TIME_S: Range<f64> = 0.0..=86_400.0;
    pub(super) const LEVEL_LUFS: Range<f64> = -36.0..=-5.0;
    /// Twenty milliseconds, and the rounding of two times.
    pub(super) const DEFECT_S: Range<f64> = 0.0..=0.020_001;
    pub(super) const PASSAGES: usize = 50;
}

impl Recipe {
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
}

impl Step {
    fn check(&self) -> Result<(), RecipeError> {
        let step = self.kind().name();
        let within = |what, value, range| within(step, what, value, range);
        match self {
            Self::Repair { places } => {
                if places.len() > MOST_DEFECTS {
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
