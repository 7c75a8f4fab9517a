//! Loudness (BS.1770-5), its windows (EBU Tech 3341) and its range (EBU Tech 3342).
//!
//! Everything comes from the K-weighted energy of steps of 10 ms. The fine grid is needed: the loudest 400 ms of
//! Tech 3341 cases 13 and 14 lie between the usual steps of 100 ms.

use model::Reading;
use model::report::{AbsenceReason, Loudness, LoudnessDetail, Series};

use super::k_weighting::{KWeighting, PairFilter};
use super::series;
use super::spectrum::AudiblePower;
use crate::dsp::{db_to_power, power_db};

/// Steps per second: the grid of the windows.
const STEPS_PER_S: usize = 100;
/// Steps of the momentary window, 400 ms, which is also BS.1770's gating block.
const MOMENTARY_STEPS: usize = 40;
/// Steps of the short-term window, 3 s.
const SHORT_TERM_STEPS: usize = 300;
/// Steps between two gating blocks (75 % overlap), and between two values of the range (Tech 3342: at least 10 Hz).
const HOP_STEPS: u64 = 10;

/// BS.1770-5: nothing below this counts.
const ABSOLUTE_GATE_LUFS: f64 = -70.0;
/// BS.1770-5: the second gate, in LU below the loudness of what passed the first.
const INTEGRATED_GATE_LU: f64 = 10.0;
/// Tech 3342: the same for the range.
const RANGE_GATE_LU: f64 = 20.0;
/// Tech 3342: below this length the range is not stable.
const RANGE_STABLE_S: u64 = 60;

/// Classes of the short-term histogram.
const HISTOGRAM_STEP_LU: f64 = 0.5;

/// The series has at most this many values; its step is the smallest of the list below that keeps to it.
const SERIES_MAX: usize = 2_500;
/// In hops of 0.1 s.
const SERIES_STEPS: [usize; 9] = [1, 2, 5, 10, 20, 50, 100, 300, 600];

pub(super) struct LoudnessMeter {
    rate: u64,
    pairs: Vec<Pair>,
    has_mono: bool,
    /// Frames measured so far.
    frames: u64,
    /// Steps completed, and the frame at which the current one ends.
    steps: u64,
    step_end: u64,
    /// Weighted energy of the current step, and the same of the fold-down.
    energy: f64,
    mono_energy: f64,
    /// The last 300 steps, each at `steps % 300`.
    recent: Box<[f64; SHORT_TERM_STEPS]>,
    recent_mono: Box<[f64; SHORT_TERM_STEPS]>,
    momentary_max: f64,
    short_term_max: f64,
    /// Mean power of each gating block, and of each short-term window, at 10 Hz.
    blocks: Vec<f64>,
    mono_blocks: Vec<f64>,
    short_term: Vec<f64>,
    /// The highest momentary power since the last hop, and that of each second.
    momentary: f64,
    seconds: Vec<f64>,
}

/// What the loudness meter leaves behind.
pub(super) struct LoudnessReadings {
    pub(super) loudness: Loudness,
    /// What folding to mono changes in the integrated loudness, in LU.
    pub(super) mono_change_lu: Reading,
    pub(super) detail: LoudnessDetail,
    pub(super) timeline: Timeline,
}

/// Powers at 10 Hz.
pub(super) struct Timeline {
    /// Of the gating blocks; block n ends at 0.4 s + n · 0.1 s.
    blocks: Vec<f64>,
    /// Of the short-term windows; window n ends at 3 s + n · 0.1 s.
    short_term: Vec<f64>,
}

impl Timeline {
    /// The integrated loudness of what lies between two times, in seconds.
    pub(super) fn integrated(&self, from_s: f64, to_s: f64) -> Option<f64> {
        let hops = |seconds: f64| (seconds * 10.0).round() as usize;
        let end = hops(to_s).saturating_sub(3).min(self.blocks.len());
        let start = hops(from_s).min(end);
        gated_power(&self.blocks[start..end], INTEGRATED_GATE_LU).map(lufs)
    }

    /// The loudness of the gating blocks, each at its end.
    pub(super) fn blocks_lufs(&self) -> Series {
        let lufs = |&power: &f64| above_gate(power).and_then(series::rounded);
        Series {
            start_s: MOMENTARY_STEPS as f64 / STEPS_PER_S as f64,
            step_s: HOP_STEPS as f64 / STEPS_PER_S as f64,
            values: self.blocks.iter().map(lufs).collect(),
        }
    }

    /// The short-term loudness of the window that ends at a whole second.
    pub(super) fn short_term_at(&self, second: usize) -> Option<f64> {
        let index = (second * 10).checked_sub(30)?;
        above_gate(*self.short_term.get(index)?)
    }
}

struct Pair {
    first: usize,
    weights: [f64; 2],
    filter: PairFilter,
}

impl LoudnessMeter {
    pub(super) fn new(rate: u32, weights: &[f64]) -> Self {
        let coefficients = KWeighting::new(f64::from(rate));
        // One channel plays on two loudspeakers, each with its energy.
        let dual_mono = if weights.len() == 1 { 2.0 } else { 1.0 };
        let pairs = weights
            .chunks(2)
            .enumerate()
            .map(|(index, weights)| Pair {
                first: index * 2,
                weights: [weights[0] * dual_mono, weights.get(1).copied().unwrap_or(0.0)],
                filter: PairFilter::new(coefficients),
            })
            .filter(|pair| pair.weights != [0.0; 2])
            .collect();
        let mut meter = Self {
            rate: u64::from(rate),
            pairs,
            has_mono: weights.len() == 2,
            frames: 0,
            steps: 0,
            step_end: 0,
            energy: 0.0,
            mono_energy: 0.0,
            recent: Box::new([0.0; SHORT_TERM_STEPS]),
            recent_mono: Box::new([0.0; SHORT_TERM_STEPS]),
            momentary_max: 0.0,
            short_term_max: 0.0,
            blocks: Vec::new(),
            mono_blocks: Vec::new(),
            short_term: Vec::new(),
            momentary: 0.0,
            seconds: Vec::new(),
        };
        meter.step_end = meter.frame_at(1);
        meter
    }

    /// The frame at which step number `step` begins. A rate like 22 050 Hz has no whole number of frames in 10 ms, and
    /// the grid must not drift.
    fn frame_at(&self, step: u64) -> u64 {
        step * self.rate / STEPS_PER_S as u64
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        let mut at = 0;
        while at < frames {
            let count = (frames - at).min((self.step_end - self.frames) as usize);
            for pair in &mut self.pairs {
                let first = &planes[pair.first][at..at + count];
                let second = planes
                    .get(pair.first + 1)
                    .map_or(first, |plane| &plane[at..at + count]);
                let energies = pair.filter.energies(first, second);
                self.energy += pair.weights[0] * energies.left + pair.weights[1] * energies.right;
                // Both loudspeakers play (L + R) / 2: twice a quarter of (L + R)².
                self.mono_energy += 0.5 * (energies.left + energies.right) + energies.product;
            }
            at += count;
            self.frames += count as u64;
            if self.frames == self.step_end {
                self.complete_step();
            }
        }
    }

    fn complete_step(&mut self) {
        let slot = (self.steps % SHORT_TERM_STEPS as u64) as usize;
        self.recent[slot] = std::mem::take(&mut self.energy);
        self.recent_mono[slot] = std::mem::take(&mut self.mono_energy);
        self.steps += 1;
        self.step_end = self.frame_at(self.steps + 1);

        let on_hop = self.steps.is_multiple_of(HOP_STEPS);
        if let Some(power) = self.window(&self.recent, MOMENTARY_STEPS) {
            self.momentary_max = self.momentary_max.max(power);
            self.momentary = self.momentary.max(power);
            if on_hop {
                self.blocks.push(power);
                if self.has_mono {
                    self.mono_blocks
                        .extend(self.window(&self.recent_mono, MOMENTARY_STEPS));
                }
            }
        }
        if let Some(power) = self.window(&self.recent, SHORT_TERM_STEPS) {
            self.short_term_max = self.short_term_max.max(power);
            if on_hop {
                self.short_term.push(power);
            }
        }
        if self.steps.is_multiple_of(STEPS_PER_S as u64) {
            self.seconds.push(std::mem::take(&mut self.momentary));
        }
    }

    /// The mean power of the last `len` steps, if there are so many.
    fn window(&self, recent: &[f64; SHORT_TERM_STEPS], len: usize) -> Option<f64> {
        let first = self.steps.checked_sub(len as u64)?;
        let frames = self.frame_at(self.steps) - self.frame_at(first);
        let start = (first % SHORT_TERM_STEPS as u64) as usize;
        let sum = if start + len <= SHORT_TERM_STEPS {
            sum(&recent[start..start + len])
        } else {
            sum(&recent[start..]) + sum(&recent[..start + len - SHORT_TERM_STEPS])
        };
        Some(sum / frames as f64)
    }

    /// The figures. `audible_powers` are per 0.1 s.
    pub(super) fn finish(self, audible_powers: &[AudiblePower]) -> LoudnessReadings {
        let integrated = gated_power(&self.blocks, INTEGRATED_GATE_LU).map(lufs);
        let mono_change = match (
            integrated,
            gated_power(&self.mono_blocks, INTEGRATED_GATE_LU).map(lufs),
        ) {
            (Some(stereo), Some(mono)) => Reading::new(mono - stereo),
            // All of it cancels: there is a change, but no number for it.
            _ => Reading::absent(AbsenceReason::Silent),
        };
        let too_short = |window: usize| {
            if self.steps < window as u64 {
                AbsenceReason::TooShort
            } else {
                AbsenceReason::Silent
            }
        };
        let loudness = Loudness {
            integrated_lufs: reading(integrated, too_short(MOMENTARY_STEPS)),
            momentary_max_lufs: reading(above_gate(self.momentary_max), too_short(MOMENTARY_STEPS)),
            short_term_max_lufs: reading(above_gate(self.short_term_max), too_short(SHORT_TERM_STEPS)),
            range_lu: reading(range(&self.short_term), too_short(SHORT_TERM_STEPS)),
            range_is_stable: self.frames >= RANGE_STABLE_S * self.rate,
            short_term_lufs: short_term_series(&self.short_term),
        };
        let audible_blocks: Vec<f64> = self
            .blocks
            .iter()
            .enumerate()
            .map(|(index, power)| power * audible_share(audible_powers, index))
            .collect();
        let momentary: Vec<_> = self.seconds.iter().map(|&power| above_gate(power)).collect();
        let detail = LoudnessDetail {
            audible_lufs: reading(
                gated_power(&audible_blocks, INTEGRATED_GATE_LU).map(lufs),
                too_short(MOMENTARY_STEPS),
            ),
            momentary_lufs: series::per_second(1.0, &momentary, series::largest),
            short_term_histogram: series::histogram(
                self.short_term.iter().filter_map(|&power| above_gate(power)),
                HISTOGRAM_STEP_LU,
            ),
        };
        LoudnessReadings {
            loudness,
            mono_change_lu: mono_change,
            detail,
            timeline: Timeline {
                blocks: self.blocks,
                short_term: self.short_term,
            },
        }
    }
}

/// What share of the power of gating block `index` is below 16 kHz. Silent steps have no entry.
fn audible_share(powers: &[AudiblePower], index: usize) -> f64 {
    let steps = MOMENTARY_STEPS / HOP_STEPS as usize;
    let end = (index + steps).min(powers.len());
    let block = &powers[index.min(end)..end];
    let all: f64 = block.iter().map(|power| f64::from(power.all)).sum();
    let audible: f64 = block.iter().map(|power| f64::from(power.audible)).sum();
    if all > 0.0 { audible / all } else { 1.0 }
}

/// Four sums side by side: one after the other, every addition would wait for the last.
fn sum(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for chunk in chunks {
        for lane in 0..4 {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

/// BS.1770-5, equation 2: the offset makes a 997 Hz sine at 0 dBFS in one front channel read −3.01 LUFS.
fn lufs(power: f64) -> f64 {
    -0.691 + power_db(power)
}

fn power(lufs: f64) -> f64 {
    db_to_power(lufs + 0.691)
}

/// The loudness of `power`, if it is above the absolute gate.
fn above_gate(power: f64) -> Option<f64> {
    Some(lufs(power)).filter(|&loudness| loudness > ABSOLUTE_GATE_LUFS)
}

fn reading(value: Option<f64>, why: AbsenceReason) -> Reading {
    value.map_or(Reading::absent(why), |value| Reading::new_or(value, why))
}

fn mean_above(powers: &[f64], gate: f64) -> Option<f64> {
    let (sum, count) = powers
        .iter()
        .filter(|&&power| power > gate)
        .fold((0.0, 0_u64), |(sum, count), power| (sum + power, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// BS.1770-5, equations 5 to 7: the mean over the blocks above both gates.
fn gated_power(blocks: &[f64], relative_gate_lu: f64) -> Option<f64> {
    let absolute = power(ABSOLUTE_GATE_LUFS);
    let relative = mean_above(blocks, absolute)? * db_to_power(-relative_gate_lu);
    mean_above(blocks, absolute.max(relative))
}

/// Tech 3342: the distance of the 10th and the 95th percentile of what passes both gates.
fn range(short_term: &[f64]) -> Option<f64> {
    let absolute = power(ABSOLUTE_GATE_LUFS);
    let relative = mean_above(short_term, absolute)? * db_to_power(-RANGE_GATE_LU);
    let gate = absolute.max(relative);
    let mut passed: Vec<f64> = short_term.iter().copied().filter(|&power| power > gate).collect();
    passed.sort_by(f64::total_cmp);
    let percentile = |p: f64| {
        passed
            .get(((passed.len().max(1) - 1) as f64 * p).round() as usize)
            .copied()
    };
    Some(lufs(percentile(0.95)?) - lufs(percentile(0.10)?))
}

fn short_term_series(short_term: &[f64]) -> Series {
    let fits = |step: &usize| short_term.len().div_ceil(*step) <= SERIES_MAX;
    let step = SERIES_STEPS
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| short_term.len().div_ceil(SERIES_MAX));
    let hop_s = HOP_STEPS as f64 / STEPS_PER_S as f64;
    Series {
        start_s: SHORT_TERM_STEPS as f64 / STEPS_PER_S as f64,
        step_s: step as f64 * hop_s,
        values: short_term
            .iter()
            .step_by(step)
            .map(|&power| above_gate(power).map(|loudness| (loudness * 100.0).round() as f32 / 100.0))
            .collect(),
    }
}
