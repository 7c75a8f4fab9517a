//! Clicks and breaks in the waveform: what no short predictor foresees, alone in its surroundings.
//!
//! As in declickers (Godsill and Rayner, "Digital Audio Restoration", chapter 5): a linear predictor learns the sound before,
//! and a click is a residual far above all others on both sides. A drum stroke is such a residual too, but not alone: what it
//! starts is as new to the predictor as its first sample. A predictor for every sample would cost as much as the loudness, so
//! it is asked only where the third difference stands out of its surroundings.

use std::collections::VecDeque;
use std::ops::Range;

use super::predictor::{Learner, ORDER};
use super::vectors::larger;

/// Samples before that a third difference needs.
pub(super) const DIFFERENCE: usize = 3;
/// Tiles on either side that the difference of one is compared with, but for its neighbours, and by what factor it stands out.
const AROUND: usize = 10;
const STANDS_OUT: f32 = 2.5;
/// A difference below this is rounding to 16 bit, or nothing that is heard.
const FAINTEST: f32 = 2e-3;
/// Samples on either side of a click that the residual is taken of: 23 ms at 44.1 kHz.
const CONTEXT: usize = 1_024;
/// Samples before a click that are left out, and behind it, where it dies away and the predictor's memory ends.
const BEFORE: usize = 12;
const BEHIND: usize = 96;
/// The residual of a click is so many times the largest on either side: 23 dB. Chosen on every other track of
/// docs/DETECTORS.md.
const CLICK: f64 = 14.0;
/// Behind a click the music goes on: its level and what the predictor leaves of it are those before, within these factors. A
/// sound that begins or ends at once has an edge like a click, but is new to the predictor, or gone. Of the edges in songs of
/// synthesizers a quarter passes, of places where a click could be five in six.
const SAME_LEVEL: f64 = 1.7;
const SAME_RESIDUAL: f64 = 1.6;
/// A residual of rounding to 16 bit, as a mean square.
const NOTHING: f64 = 1e-9;
/// Tiles of at least 16 samples that hold a context.
pub(super) const KEPT: usize = 2 * CONTEXT / 16 + 2 * AROUND;

/// Finds the clicks of one channel.
pub(super) struct ClickFinder {
    learner: Learner,
    /// The largest third differences of the last tiles.
    steps: VecDeque<f32>,
    /// Tiles that stood out and wait for what follows them.
    waiting: VecDeque<u64>,
    pub(super) found: Vec<Click>,
}

/// A click.
pub(super) struct Click {
    /// The sample that stands out most.
    pub(super) frame: u64,
    /// Its residual over the largest one around it.
    pub(super) excess: f64,
}

impl ClickFinder {
    pub(super) fn new() -> Self {
        Self {
            learner: Learner::new(CONTEXT - BEFORE),
            steps: VecDeque::new(),
            waiting: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// Takes the largest third difference of one more tile, the last of `count` tiles of `tile_len` samples. `samples` end
    /// with that tile.
    pub(super) fn add(&mut self, step: f32, count: u64, samples: &[f32], tile_len: usize) {
        if self.steps.len() == 2 * AROUND + 1 {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
        if self.middle_stands_out() {
            self.waiting.push_back(count - 1 - AROUND as u64);
        }
        while let Some(&tile) = self.waiting.front() {
            let behind = (count - tile) as usize * tile_len;
            if behind < CONTEXT + tile_len {
                break;
            }
            self.waiting.pop_front();
            if let Some(start) = samples.len().checked_sub(behind)
                && start >= CONTEXT
            {
                let first_frame = tile * tile_len as u64;
                self.found.extend(click(
                    &mut self.learner,
                    samples,
                    start..start + tile_len,
                    first_frame,
                ));
            }
        }
    }

    fn middle_stands_out(&self) -> bool {
        let is_full = self.steps.len() == 2 * AROUND + 1;
        let Some(&middle) = self
            .steps
            .get(AROUND)
            .filter(|&&step| is_full && step >= FAINTEST)
        else {
            return false;
        };
        let neighbours = self.steps[AROUND - 1] <= middle && self.steps[AROUND + 1] < middle;
        let others = self
            .steps
            .iter()
            .enumerate()
            .filter(|(index, _)| index.abs_diff(AROUND) > 1);
        neighbours && middle >= STANDS_OUT * others.fold(0.0, |largest, (_, &step)| larger(largest, step))
    }
}

pub(super) fn third_difference(samples: &[f32], at: usize) -> f32 {
    ((samples[at] - samples[at - 3]) - 3.0 * (samples[at - 1] - samples[at - 2])).abs()
}

/// The click in `tile` of `samples`, whose first sample is `first_frame`.
fn click(learner: &mut Learner, samples: &[f32], tile: Range<usize>, first_frame: u64) -> Option<Click> {
    let start = tile.start;
    let at = tile
        .max_by(|&one, &other| third_difference(samples, one).total_cmp(&third_difference(samples, other)))?;
    let predictor = learner.learn(samples.get(at - CONTEXT..at - BEFORE)?)?;
    // The largest residual, and the sum of their squares.
    let residuals = |range: Range<usize>| {
        range.fold((0.0, 0.0), |(most, sum): (f64, f64), at| {
            let residual = predictor.residual(samples, at).abs();
            (most.max(residual), sum + residual * residual)
        })
    };
    let (residual, _) = residuals(at - BEFORE..at + BEFORE);
    // Most of what is asked about fails here, at half the cost.
    let (before, before_sum) = residuals(at - CONTEXT + ORDER..at - BEFORE);
    if residual < CLICK * before {
        return None;
    }
    let behind = at + BEHIND..(at + CONTEXT).min(samples.len());
    let (most_behind, behind_sum) = residuals(behind.clone());
    let around = before.max(most_behind);
    let mean_square = |range: Range<usize>| {
        let energy: f64 = samples[range.clone()]
            .iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum();
        energy / range.len() as f64
    };
    let (level_before, level_behind) = (
        mean_square(at - CONTEXT..at - BEFORE),
        mean_square(behind.clone()),
    );
    let residual_before = before_sum / (CONTEXT - ORDER - BEFORE) as f64;
    let residual_behind = behind_sum / behind.len() as f64;
    // Between zeros there is no music to go on.
    let goes_on = level_behind.max(level_before) <= SAME_LEVEL * SAME_LEVEL * level_behind.min(level_before)
        && residual_behind <= SAME_RESIDUAL * SAME_RESIDUAL * residual_before + NOTHING;
    (goes_on && residual >= CLICK * around).then(|| Click {
        frame: first_frame + (at - start) as u64,
        // Between zeros the surroundings are nothing at all.
        excess: residual / around.max(1e-6),
    })
}
