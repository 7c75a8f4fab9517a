//! The spectrum from about 60 Hz up, in windows of about 0.1 s with half overlap, over what is not silence.

use std::ops::Range;

use super::band_stats::BandStats;
use super::bands::{Band, BandSecond, Twelfths};
use super::k_weighting::KWeighting;
use super::lines::LineMeter;
use super::opposites::{self, Opposites};
use super::passing_tones::PassingTones;
use super::pumping::PumpingMeter;
use super::series::LevelCounts;
use super::stft::Stft;
use super::vectors::dot;
use crate::dsp::power_db;
use model::report::BANDS;

/// The distance of two bins is the largest not above this: 10.8 Hz at 44.1 kHz (4096 points), 11.7 Hz at 48 and 96 kHz.
const RESOLUTION_HZ: u32 = 12;
/// Windows below this mean power count as silence (−70 dB relative to a full-scale sine).
pub(super) const SILENCE: f64 = 0.5e-7;
/// Above this, people hear nothing, and loudness meters still do.
const AUDIBLE_HZ: f64 = 16_000.0;
/// Steps per second in which the audible share is kept: the hop of the gating blocks.
const SHARES_PER_S: f64 = 10.0;
/// Steady tones: bins no further apart than this, one window in so many seconds (a tone that is always there needs no more).
const LINE_RESOLUTION_HZ: f64 = 1.5;
const LINE_HOP_S: usize = 5;
/// Bands whose short-term spread tells sharp moments from a sharp sound.
const HARSH_HZ: (f64, f64) = (2_000.0, 5_000.0);
const SIBILANT_HZ: (f64, f64) = (5_000.0, 9_000.0);
/// The first of [`BANDS`] that is measured here; those below it are measured by `low_end`.
pub(super) const FIRST_BAND: usize = 2;

pub(super) struct SpectrumMeter {
    rate: f64,
    stft: Stft,
    /// Per channel, samples that wait for their window to be full.
    waiting: Vec<Vec<f32>>,
    /// Frames before the first waiting sample.
    first_frame: u64,
    is_stereo: bool,
    pub(super) stats: BandStats,
    /// Mean power per bin is this over `windows`.
    power: Vec<f64>,
    pub(super) windows: u64,
    bands: Vec<Band>,
    /// Power of [`BANDS`] from [`FIRST_BAND`] on in each second.
    pub(super) seconds: Vec<BandSecond<{ BANDS.len() - FIRST_BAND }>>,
    pub(super) harsh: LevelCounts,
    pub(super) sibilant: LevelCounts,
    pub(super) pumping: PumpingMeter,
    pub(super) passing_tones: PassingTones,
    opposite_bins: Range<usize>,
    /// Of each second, where there are two channels.
    pub(super) opposites: Vec<Opposites>,
    k_weights: Vec<f32>,
    audible_bins: usize,
    /// Per 0.1 s.
    pub(super) audible: Vec<AudiblePower>,
}

/// K-weighted power.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AudiblePower {
    /// Of everything.
    pub(super) all: f32,
    /// Of what lies below [`AUDIBLE_HZ`].
    pub(super) audible: f32,
}

impl SpectrumMeter {
    pub(super) fn new(rate: u32, weights: &[f64]) -> Self {
        let len = rate.div_ceil(RESOLUTION_HZ).next_power_of_two() as usize;
        let stft = Stft::new(len, weights);
        let bins = stft.bins();
        let bin_hz = f64::from(rate) / len as f64;
        let k = KWeighting::new(f64::from(rate));
        let bands = BANDS[FIRST_BAND..]
            .iter()
            .map(|band| (band.from_hz, band.to_hz))
            .chain([HARSH_HZ, SIBILANT_HZ])
            .map(|(low, high)| Band::new(low, high, bin_hz, bins))
            .collect();
        Self {
            rate: f64::from(rate),
            waiting: vec![Vec::with_capacity(2 * len); weights.len()],
            first_frame: 0,
            is_stereo: weights.len() == 2,
            stats: BandStats::new(Twelfths::new(-48..54, bin_hz, bins), -17..26, -8..14),
            power: vec![0.0; bins],
            windows: 0,
            bands,
            seconds: Vec::new(),
            harsh: LevelCounts::new(),
            sibilant: LevelCounts::new(),
            pumping: PumpingMeter::new(bin_hz, bins, (len / 2) as f64 / f64::from(rate)),
            passing_tones: PassingTones::new(bin_hz, bins, (len / 2) as f64 / f64::from(rate)),
            opposite_bins: opposites::bins(bin_hz, bins),
            opposites: Vec::new(),
            k_weights: (0..bins)
                .map(|bin| k.power(bin as f64 * bin_hz, f64::from(rate)) as f32)
                .collect(),
            audible_bins: ((AUDIBLE_HZ / bin_hz) as usize + 1).min(bins),
            audible: Vec::new(),
            stft,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend_from_slice(plane);
        }
        let len = self.stft.len();
        let mut start = 0;
        while self
            .waiting
            .first()
            .is_some_and(|waiting| start + len <= waiting.len())
        {
            self.measure_window(start);
            start += len / 2;
        }
        for waiting in &mut self.waiting {
            waiting.drain(..start);
        }
        self.first_frame += start as u64;
    }

    fn measure_window(&mut self, start: usize) {
        let len = self.stft.len();
        let squares: f64 = self
            .waiting
            .iter()
            .map(|waiting| mean_square(&waiting[start..start + len]))
            .sum();
        if squares / self.waiting.len() as f64 <= SILENCE {
            self.pumping.skip();
            self.passing_tones.skip();
            return;
        }
        self.stft.transform(&self.waiting, start);
        let middle_s = (self.first_frame as f64 + (start + len / 2) as f64) / self.rate;
        self.stats.add(&self.stft, self.is_stereo, middle_s as usize);
        for (sum, &power) in self.power.iter_mut().zip(&self.stft.power) {
            *sum += f64::from(power);
        }
        self.windows += 1;
        if self.is_stereo {
            slot_of(&mut self.opposites, middle_s as usize).add(&self.stft.pair, &self.opposite_bins);
        }

        let power = &self.stft.power;
        self.pumping.add(power);
        self.passing_tones.add(power, middle_s);
        let mut powers = self.bands.iter().map(|band| f64::from(band.sum(power)));
        let second = slot_of(&mut self.seconds, middle_s as usize);
        second.add(powers.by_ref().take(BANDS.len() - FIRST_BAND));
        for (levels, power) in [&mut self.harsh, &mut self.sibilant].into_iter().zip(powers) {
            levels.add(power_db(power / 0.5));
        }

        let weighted = self.stft.weighted();
        let audible = dot(&weighted[..self.audible_bins], &self.k_weights);
        let rest = dot(
            &weighted[self.audible_bins..],
            &self.k_weights[self.audible_bins..],
        );
        let power = slot_of(&mut self.audible, (middle_s * SHARES_PER_S) as usize);
        power.all += audible + rest;
        power.audible += audible;
    }

    /// The distance of two bins, and the mean power of each.
    pub(super) fn mean_power(&self) -> (f64, Vec<f64>) {
        let windows = self.windows.max(1) as f64;
        let bin_hz = self.rate / self.stft.len() as f64;
        (bin_hz, self.power.iter().map(|power| power / windows).collect())
    }
}

/// The meter of steady tones above the low end.
pub(super) fn lines(rate: u32, channels: usize) -> LineMeter {
    let len = ((f64::from(rate) / LINE_RESOLUTION_HZ) as usize).next_power_of_two();
    let hop = LINE_HOP_S * rate as usize;
    LineMeter::new(f64::from(rate), channels, len, hop)
}

/// The element at `index`, with whatever is missing before it.
pub(super) fn slot_of<T: Clone + Default>(values: &mut Vec<T>, index: usize) -> &mut T {
    if values.len() <= index {
        values.resize(index + 1, T::default());
    }
    &mut values[index]
}

fn mean_square(samples: &[f32]) -> f64 {
    f64::from(dot(samples, samples)) / samples.len() as f64
}
