//! The second layer of a [`Report`](super::Report): the report's own sections hold the headline figures of the whole file,
//! which lists and comparisons read; `Detail` holds whatever is per channel, per band, over time or at a place, which
//! charts and rules read.
//!
//! Levels of bands are dB relative to a full-scale sine, of an average channel. Series of long files have coarser
//! steps, so that a report stays small however long the file is.

use serde::{Deserialize, Serialize};

use super::{BandLevel, LocalDetail, Reading, Series};

/// Everything beyond the headline figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Detail {
    /// More of the loudness.
    pub loudness: LoudnessDetail,
    /// Peaks and clipping, per channel and by place.
    pub peaks: PeakDetail,
    /// Dynamics over time.
    pub dynamics: DynamicsDetail,
    /// The spectrum and its changes.
    pub spectrum: SpectrumDetail,
    /// The stereo image per band and over time; `None` unless the file has two channels.
    pub stereo: Option<StereoDetail>,
    /// The state of the signal.
    pub quality: Quality,
    /// Parts of the music that differ in sound, in order and without gaps; one part for a short file.
    pub sections: Vec<Section>,
    /// Faults of moments and passages; `None` in reports of engines before 3.
    #[serde(default)]
    pub local: Option<LocalDetail>,
}

/// Loudness beyond the headline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoudnessDetail {
    /// Integrated loudness without what lies above 16 kHz, in LUFS: inaudible highs raise the integrated loudness, and
    /// with it what a platform turns down.
    pub audible_lufs: Reading,
    /// Momentary loudness (400 ms) over time, in LUFS; the loudest window of each step, at the END of the step.
    pub momentary_lufs: Series,
    /// How often each short-term loudness occurs, at 10 Hz.
    pub short_term_histogram: Histogram,
}

/// Counts of values in classes of equal width.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Histogram {
    /// The lower edge of the first class.
    pub start: f64,
    /// The width of a class.
    pub step: f64,
    /// How many values each class holds; neither the first nor the last is 0.
    pub counts: Vec<u32>,
}

/// Peaks per channel and by place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeakDetail {
    /// The true peak at 8x with 32 taps per phase, in dBTP: flat to 0.45 of the sample rate, within −0.12 dB, for
    /// whatever promises a ceiling.
    pub true_peak_8x_dbtp: Reading,
    /// Each channel, in the order of the file.
    pub channels: Vec<ChannelLevels>,
    /// The highest true peaks (4x), highest first, at most ten; each the highest of its second and channel.
    pub worst: Vec<PeakPosition>,
    /// The true peak (4x, all channels) of each step, in dBTP.
    pub true_peak_dbtp: Series,
    /// Samples beyond ±1, which only floating-point files and lossy decoders have.
    pub overs: u64,
    /// The longest clip runs, longest first, at most 20.
    pub clip_runs: Vec<ClipRun>,
}

/// The levels of one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChannelLevels {
    /// The largest absolute sample, in dBFS.
    pub sample_peak_dbfs: Reading,
    /// True peak at 4x, in dBTP.
    pub true_peak_dbtp: Reading,
    /// True peak at 8x with 32 taps per phase, in dBTP.
    pub true_peak_8x_dbtp: Reading,
    /// Root mean square, in dB relative to full scale (a full-scale sine has −3.01).
    pub rms_dbfs: Reading,
    /// Sample peak over RMS, in dB.
    pub crest_db: Reading,
    /// The mean of all samples, −1 to 1 of full scale.
    pub dc: Reading,
    /// How much of it three quarters of the seconds have, from 0 to 1: an offset is there always, a slow wave comes and goes.
    /// None in files of less than 4 s, and from engines before 3.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dc_steadiness: Option<f64>,
    /// Runs of at least three samples at full scale.
    pub clips: Clips,
    /// Runs of at least three equal samples at the channel's highest or lowest level, below full scale: clipped, then
    /// turned down. A single such run is none.
    pub lowered_clips: Clips,
}

/// How much of a channel is clipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clips {
    /// Runs.
    pub runs: u64,
    /// Samples in them.
    pub samples: u64,
}

/// A true peak and its place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeakPosition {
    /// Seconds from the start of the file.
    pub time_s: f64,
    /// Channel, counted from 0.
    pub channel: u16,
    /// The peak, in dBTP.
    pub dbtp: f64,
}

/// Equal samples at an extreme.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClipRun {
    /// The first sample, in seconds from the start of the file.
    pub time_s: f64,
    /// Channel, counted from 0.
    pub channel: u16,
    /// Length in samples, at least 3.
    pub samples: u32,
    /// The level, in dBFS.
    pub dbfs: f64,
}

/// Dynamics over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicsDetail {
    /// Highest true peak (4x) in 3 s over the short-term loudness of the same 3 s (peak-to-short-term ratio), in LU;
    /// the time of a value is the END of its window.
    pub psr_lu: Series,
    /// The PSR that a tenth of the windows stays below, in LU.
    pub psr_p10_lu: Reading,
    /// DR by the Pleasurize Music Foundation (blocks of 3 s, loudest fifth, second-highest peak), in dB: the mean of
    /// the channels, not yet rounded to the whole number that people quote.
    pub dr_db: Reading,
    /// The same per channel.
    pub dr_channels_db: Vec<Reading>,
}

/// The spectrum and its changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SpectrumDetail {
    /// Mean power per 1/3 octave at 1 kHz · 2^(n/3).
    pub third_octave: Vec<BandLevel>,
    /// Levels over time per 1/6 octave, in windows of about 0.1 s (0.35 s below 132 Hz) that carry signal.
    pub percentiles: Vec<BandPercentiles>,
    /// The slope of 1/3-octave levels over log2 f from 100 Hz to 10 kHz, in dB per octave (Theil–Sen: the median of
    /// the slopes of all pairs). Pink noise has 0; the density of power falls 3.01 dB per octave more.
    pub tilt_db_per_octave: Reading,
    /// The median distance of the levels from that line, in dB.
    pub tilt_deviation_db: Reading,
    /// The share of 20 to 120 Hz in the energy from 20 Hz to 20 kHz, in dB.
    pub low_end_share_db: Reading,
    /// P95 − P50 of the level from 2 to 5 kHz over time, in dB: how far harsh moments stand out.
    pub harsh_spread_db: Reading,
    /// The same from 5 to 9 kHz, for sibilants.
    pub sibilant_spread_db: Reading,
    /// The level of each of [`BANDS`](super::BANDS) over time.
    pub bands_over_time_db: Vec<Series>,
}

/// Levels that are exceeded for a share of the time, in dB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BandPercentiles {
    /// Centre frequency in hertz.
    pub hz: f64,
    /// Exceeded 1 % of the time.
    pub l1: Option<f32>,
    /// Exceeded 10 % of the time.
    pub l10: Option<f32>,
    /// The median.
    pub l50: Option<f32>,
    /// Exceeded 90 % of the time.
    pub l90: Option<f32>,
    /// Exceeded 99 % of the time.
    pub l99: Option<f32>,
}

/// The stereo image. Series: windows of 3 s, the time of a value is the END of its window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StereoDetail {
    /// The figures per 1/3 octave.
    pub bands: Vec<StereoBand>,
    /// Correlation over time, −1 to 1.
    pub correlation: Series,
    /// Side over mid over time, in dB.
    pub width_db: Series,
    /// Left over right over time, in dB.
    pub balance_db: Series,
    /// What folding to mono does to the energy over time, in dB.
    pub mono_change_db: Series,
    /// Side over mid from 20 to 120 Hz, in dB.
    pub low_width_db: Reading,
    /// Where most energy cancels in mono, worst first, at most five, at least 3 s apart.
    pub worst: Vec<StereoMoment>,
    /// Of each second, the share of the energy from 200 Hz to 5 kHz that left and right have as each other's opposite, in percent: it
    /// is gone in mono. `None` in reports of engines before 3.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opposite_percent: Option<Series>,
}

/// The stereo image in one band. `null` where a channel (or mid, or side) has no energy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StereoBand {
    /// Centre frequency in hertz.
    pub hz: f64,
    /// Correlation, −1 to 1.
    pub correlation: Option<f32>,
    /// Side over mid, in dB.
    pub width_db: Option<f32>,
    /// Left over right, in dB.
    pub balance_db: Option<f32>,
    /// What folding to mono does to the energy, in dB; 0 for equal channels.
    pub mono_change_db: Option<f32>,
    /// The share of the energy that comes in moments of negative correlation, 0 to 1.
    pub negative_share: Option<f32>,
}

/// Three seconds in which more energy is in the side than in the mid.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StereoMoment {
    /// The end of the window, in seconds from the start of the file.
    pub time_s: f64,
    /// Correlation in it, −1 to 1.
    pub correlation: f64,
    /// What folding to mono does to the energy in it, in dB.
    pub mono_change_db: f64,
}

/// The state of the signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quality {
    /// Seconds before the first sample above −60 dBFS.
    pub head_silence_s: f64,
    /// Seconds behind the last sample above −60 dBFS.
    pub tail_silence_s: f64,
    /// Seconds of exact zeros at the start.
    pub head_zeros_s: f64,
    /// Seconds of exact zeros at the end.
    pub tail_zeros_s: f64,
    /// The RMS level that a tenth of the 50 ms steps stays below, digital silence left out, in dBFS. In dense music it
    /// is the quietest music, not noise.
    pub noise_floor_dbfs: Reading,
    /// Mains hum, where there is any sign of it.
    pub hum: Option<Hum>,
    /// Other tones that are there all the time, from 250 Hz to 22 kHz, at most two, the lower first.
    #[serde(default)]
    pub tones: Vec<SteadyTone>,
    /// The mean level from 2 to 16 Hz in dB relative to a full-scale sine in every channel; absent for files of less than 6 s.
    #[serde(default)]
    pub subsonic_db: Option<f64>,
    /// The RMS level from 20 Hz to 20 kHz of the steady noise under the music, in dBFS; absent where there is no sign of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hiss_dbfs: Option<f64>,
    /// Bits per sample that are in use; absent for lossy, floating-point and 32-bit files.
    pub effective_bits: Reading,
    /// A steep edge, at least 40 dB within 500 Hz, above which there is nothing: consistent with lossy coding or
    /// resampling, no proof of either. In Hz.
    pub cutoff_hz: Reading,
    /// The frequency above which all together is below −115 dBFS, in Hz; only at sample rates of more than 64 kHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_ends_hz: Option<f64>,
    /// The strongest ripple at equal distances in the spectrum; absent where there is too little music to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comb: Option<CombFilter>,
    /// Channels below −80 dBFS RMS.
    pub silent_channels: Vec<u16>,
    /// Both channels are equal to the last bit.
    pub is_dual_mono: bool,
    /// One channel is the other one upside down, to the last bit.
    pub is_inverted: bool,
}

/// A steady tone at the frequency of the mains and its multiples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hum {
    /// 50 or 60.
    pub mains_hz: f64,
    /// The level of all its harmonics together, in dB relative to a full-scale sine, as a tenth of the windows has it
    /// at most: what is there even in the quietest parts. Where music covers it: as half of the windows have it in which it stands
    /// out.
    pub level_db: f64,
    /// The harmonics that stand out, 1 for the mains frequency itself.
    pub harmonics: Vec<u8>,
}

/// A ripple of the spectrum at equal distances in hertz, as a copy of the sound makes that comes a little later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CombFilter {
    /// The delay of such a copy: 1 over the distance.
    pub delay_ms: f64,
    /// How far the ripple goes up and down, in dB.
    pub ripple_db: f64,
    /// How many times the usual ripple at similar distances it is.
    pub clearness: f64,
}

/// A tone that never goes away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SteadyTone {
    /// Its frequency in hertz.
    pub hz: f64,
    /// Its level in dB relative to a full-scale sine in every channel, as a tenth of the windows has it at most.
    pub level_db: f64,
}

/// A part of the music.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Section {
    /// Its start, in seconds.
    pub start_s: f64,
    /// Its end, in seconds.
    pub end_s: f64,
    /// Its integrated loudness (gated), in LUFS.
    pub integrated_lufs: Reading,
    /// The share of each of [`BANDS`](super::BANDS) in its energy, in dB.
    pub bands_db: [Reading; 7],
}
