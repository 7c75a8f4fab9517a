//! What is wrong somewhere in the file and nowhere else.

use serde::{Deserialize, Serialize};

use crate::verdict::TimeRange;

/// Faults of moments and passages, which averages over the file hide.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LocalDetail {
    /// Faults in the order of time, at most [`Self::MOST_PER_KIND`] of a kind: the strongest.
    pub faults: Vec<LocalFault>,
    /// How many of each kind were found, kept or not; kinds without any are left out.
    pub counts: Vec<LocalFaultCount>,
    /// Passages in which one channel is later than the other, as a whole, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delays: Vec<ChannelDelay>,
    /// Steady tones of passages, from 700 Hz to 22 kHz, in the order of time; those that are there all the time are part of
    /// [`Quality`](super::Quality).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tones: Vec<ToneOfPassage>,
    /// Passages with hum of the mains, at 50 or 60 Hz, in the order of time, to about 2 s; the level is that of all harmonics that
    /// stand out. Hum of the whole is part of [`Quality`](super::Quality).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hum: Vec<ToneOfPassage>,
    /// How everything rises together, over and over; `None` where there is too little music to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pumping: Option<Pumping>,
}

/// How fast all bands rise together, step by step, where they do so most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pumping {
    /// The mean over a tenth of the time, in dB per second: what half of the bands of an octave exceed at each of three steps in
    /// a row.
    pub db_per_s: f64,
    /// The parts of 8 s in which it is most, the strongest first.
    pub most: Vec<TimeRange>,
}

/// A passage in which one channel is later than the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelDelay {
    /// Its start, in seconds, to 8 s.
    pub start_s: f64,
    /// Its end, in seconds.
    pub end_s: f64,
    /// By how many milliseconds the right channel is later; negative where the left one is.
    pub right_ms: f64,
}

/// A steady tone that begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToneOfPassage {
    /// Its start, in seconds, to about half a second.
    pub start_s: f64,
    /// Its end, in seconds.
    pub end_s: f64,
    /// Its frequency, to about 3 Hz.
    pub hz: f64,
    /// Its level relative to a full-scale sine in every channel, in dB.
    pub level_db: f64,
}

impl LocalDetail {
    /// Faults of one kind that are kept.
    pub const MOST_PER_KIND: usize = 50;
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LocalFault {
    /// What it is.
    pub kind: LocalFaultKind,
    /// Its start, in seconds from the start of the file, to about 1 ms (1 s for passages).
    pub start_s: f64,
    /// Its end, in seconds.
    pub end_s: f64,
    /// The channel, counted from 0; `None` where all channels have it, or the relation of left and right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// How strong it is, in dB; [`LocalFaultKind`] says of what.
    pub strength_db: f64,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LocalFaultKind {
    /// Exact zeros from about 2 ms on between music that goes on. Strength: the level around it, in dBFS.
    Gap,
    /// One value, not zero, held from about 2 ms on. Strength: the level around it, in dBFS.
    HeldValue,
    /// A fall by 40 dB within 2 ms with a return as steep; or by 14 dB in all channels and bands alike within some milliseconds, for
    /// 50 ms to 1.1 s, after which goes on what was before. Strength: the level around it, in dBFS.
    Dropout,
    /// A click, a pop or a break in the waveform. Strength: its residual over the largest one around it, in dB.
    Click,
    /// A channel falls silent for 2 s or more while the other plays on. Strength: what is missing, in dB.
    LostChannel,
    /// Left and right are opposite for a passage, unlike the rest. Strength: the side over the mid, in dB.
    InvertedPassage,
    /// A passage leans to one side in all bands alike, unlike the rest, for 3 s or more. Strength: by how many dB; positive
    /// leans left.
    BalanceShift,
    /// All bands of all channels change by the same level, and back again after 3 s or more. Strength: by how many dB.
    LevelJump,
    /// The same samples once more, 5 to 500 ms later, where no music repeats itself: a buffer that is played again. Strength:
    /// the level of what is repeated, in dBFS.
    Stutter,
    /// The whole wave is louder or softer from one sample on, or all bands alike from one second to the next. Strength: by how
    /// many dB; positive is louder.
    GainStep,
    /// The mean of a channel is off for some seconds. Strength: the mean against the highest sample of the channel, in dB.
    OffsetPassage,
    /// Everything goes through a low-pass for 4 s or more, and comes back at once. Strength: what lacks an octave above its corner and
    /// higher, in dB.
    MuffledPassage,
    /// Left and right are the same for 3 s or more in a song that is stereo, while their middle goes on as before. Strength: by how
    /// many dB it is narrower.
    MonoPassage,
    /// A channel falls by 11 dB or more and comes back within 3 s, while the other one, with which it has most in common, plays on.
    /// Strength: by how many dB.
    ChannelDip,
    /// Static: noise, flat from 3 to 15 kHz, that begins at once, stays at its level for 120 ms or more and ends at once. Strength: what
    /// white noise as dense as that has from 20 Hz to 20 kHz, in dBFS (RMS).
    NoiseBurst,
    /// The samples of 2 s or more are rounded to 12 bits or fewer, those of the rest to 3 bits more at least. Strength: one step of the
    /// rounding, in dBFS.
    CoarsePassage,
    /// Each sample is held for two to eight, for 2 s or more: a rate that was reduced without a filter. Strength: how many, in dB (6 dB
    /// for two).
    HeldSamples,
}

impl LocalFaultKind {
    /// Whether the sound is gone for a moment.
    #[must_use]
    pub const fn is_gap(self) -> bool {
        matches!(self, Self::Gap | Self::HeldValue | Self::Dropout)
    }
}

/// How many faults of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LocalFaultCount {
    /// The kind.
    pub kind: LocalFaultKind,
    /// How many.
    pub count: u64,
}
