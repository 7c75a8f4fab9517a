//! Gain steps: the whole wave is louder or softer from one sample on.
//!
//! No drum and no entry does that. What sounds goes on as a linear predictor foresees it, but by another factor, and with the
//! right factor it is foreseen as well as ever. The factor comes out to some hundredths of a decibel.

use std::collections::VecDeque;
use std::ops::Range;

use super::clicks::third_difference;
use super::predictor::{Gain, Learner, ORDER, Predictor};
use super::vectors::larger;

/// Tiles on either side, but for the neighbours, that a tile's largest third difference is compared with, and the factor by
/// which it stands out of the quieter side.
const AROUND: usize = 6;
const STANDS_OUT: f32 = 2.0;
/// A difference below this is rounding to 16 bit, or nothing that is heard.
const FAINTEST: f32 = 1e-3;
/// Samples that the predictor learns from, and what is left out before the step.
const CONTEXT: usize = 1_024;
const BEFORE: usize = 4;
/// Samples before the step that say how well the predictor does.
const USUAL: usize = 480;
/// With the gain, what is missed is less than this part of what is missed without it, and no more than so many times the
/// usual, as mean squares.
const EXPLAINS: f64 = 0.05;
const AS_USUAL: f64 = 3.0;
/// In dB: the smallest step, the largest, and how far channels may differ.
const SMALLEST_DB: f64 = 2.5;
const LARGEST_DB: f64 = 24.0;
const ALIKE_DB: f64 = 0.3;
/// Tiles of at least 16 samples that hold what is looked at.
pub(super) const KEPT: usize = (CONTEXT + 16) / 16 + 2 * AROUND + 4;

/// What learns for [`has_step`].
pub(super) fn learner() -> Learner {
    Learner::new(CONTEXT)
}

/// A step in one channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct GainStep {
    /// The first sample with the new gain.
    pub(super) frame: u64,
    /// By how much, in dB; positive is louder.
    pub(super) db: f64,
}

/// Finds where one channel may step.
pub(super) struct GainStepFinder {
    learner: Learner,
    /// The largest third differences of the last tiles.
    differences: VecDeque<f32>,
    /// What was found and not yet taken.
    pub(super) found: Vec<GainStep>,
}

impl GainStepFinder {
    pub(super) fn new() -> Self {
        Self {
            learner: learner(),
            differences: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// Takes the largest third difference of one more tile, the last `tile_len` of `samples`, whose first one is `start`.
    pub(super) fn add(&mut self, difference: f32, samples: &[f32], tile_len: usize, start: u64) {
        if self.differences.len() == 2 * AROUND + 1 {
            self.differences.pop_front();
        }
        self.differences.push_back(difference);
        if !self.middle_stands_out() {
            return;
        }
        let tile = samples.len().saturating_sub((AROUND + 1) * tile_len);
        if tile < CONTEXT + BEFORE + tile_len {
            return;
        }
        self.found.extend(
            step_in(&mut self.learner, samples, tile..tile + tile_len).map(|(at, db)| GainStep {
                frame: start + at as u64,
                db,
            }),
        );
    }

    fn middle_stands_out(&self) -> bool {
        if self.differences.len() <= 2 * AROUND {
            return false;
        }
        let middle = self.differences[AROUND];
        let largest = |tiles: Range<usize>| self.differences.range(tiles).copied().fold(0.0, larger);
        let needed = middle / STANDS_OUT;
        middle >= FAINTEST
            && self.differences[AROUND - 1] <= middle
            && self.differences[AROUND + 1] < middle
            && (largest(0..AROUND - 1) <= needed || largest(AROUND + 2..2 * AROUND + 1) <= needed)
    }
}

/// The step in `tile`, as the sample and dB.
fn step_in(learner: &mut Learner, samples: &[f32], tile: Range<usize>) -> Option<(usize, f64)> {
    let at = tile
        .max_by(|&one, &other| third_difference(samples, one).total_cmp(&third_difference(samples, other)))?;
    let predictor = learner.learn_roughly(samples.get(at - BEFORE - CONTEXT..at - BEFORE)?)?;
    // The third difference is largest one sample behind it, or so.
    (at - 2..=at)
        .map(|step| (step, predictor.gain_at(samples, step)))
        .min_by(|one, other| one.1.missed.total_cmp(&other.1.missed))
        .and_then(|(step, gain)| Some((step, gain_db(&predictor, samples, step, &gain)?)))
}

/// The gain in dB if it explains all.
fn gain_db(predictor: &Predictor, samples: &[f32], step: usize, gain: &Gain) -> Option<f64> {
    let db = crate::dsp::amplitude_db(gain.gain);
    let is_step =
        (SMALLEST_DB..=LARGEST_DB).contains(&db.abs()) && gain.missed <= EXPLAINS * gain.missed_without;
    if !is_step {
        return None;
    }
    let squares = (step - USUAL..step - BEFORE).map(|at| {
        let missed = predictor.residual(samples, at);
        missed * missed
    });
    let usual = squares.sum::<f64>() / (USUAL - BEFORE) as f64;
    (gain.missed <= AS_USUAL * usual * (gain.gain * gain.gain).max(1.0)).then_some(db)
}

/// Whether another channel, of which `samples` are known, has the step of `db` at `at` as well, or nothing that speaks against
/// it.
pub(super) fn has_step(learner: &mut Learner, samples: &[f32], at: usize, db: f64) -> bool {
    let learned = at
        .checked_sub(BEFORE + CONTEXT)
        .and_then(|from| learner.learn_roughly(samples.get(from..at - BEFORE)?));
    let Some(predictor) = learned.filter(|_| at + ORDER <= samples.len()) else {
        return false;
    };
    let gain = predictor.gain_at(samples, at);
    (crate::dsp::amplitude_db(gain.gain) - db).abs() <= ALIKE_DB
}
