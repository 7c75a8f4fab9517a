//! Takes the side away below a frequency, in linear phase: a minimum-phase high-pass would turn the side against the middle
//! and smear the image where it works.
//!
//! Three high-passes, each the identity less a low-pass of four running means (a B-spline, symmetric). Its response
//! (1 − sinc⁴)³ never exceeds 1, has no ripple above −0.06 dB and falls by 48 dB in the first octave and a half; it costs a dozen
//! additions a sample, where an FIR filter of the same slope takes thousands of products.
//!
//! A mean waits for its own last sum. So all of them run at once, each one frame behind the one that it is taken from, in the lanes
//! of two vectors; what each computes, and in which order, is the same as one after the other, bit for bit.

use std::array;
use std::f64::consts::PI;

use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::chain::{Processor, Setting};

/// The high-passes, and the means of each.
const STAGES: usize = 3;
const MEANS: usize = 4;
/// Where (1 − sinc⁴ x)³ is one half.
const HALF_AT: f64 = 1.47732;

pub(super) struct LowMono {
    side: Side,
    /// Frames that leave later than they come.
    latency: usize,
    /// The middle, while the side is on its way.
    middle: Vec<f64>,
    scratch: Vec<f64>,
}

impl LowMono {
    pub(super) fn new(hz: f64, setting: &Setting) -> Self {
        // Odd, so that a mean is late by whole frames.
        let half = ((HALF_AT * setting.rate / (PI * hz) - 1.0) / 2.0)
            .round()
            .max(1.0) as usize;
        let latency = STAGES * MEANS * half;
        Self {
            side: Side::new(half),
            latency,
            middle: vec![0.0; latency],
            scratch: Vec::new(),
        }
    }
}

impl Processor for LowMono {
    fn latency(&self) -> usize {
        self.latency
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let [left, right] = planes else { return };
        let count = left.len();
        self.scratch.clear();
        self.scratch.resize(count + Side::ROOM, 0.0);
        for ((side, left), right) in self.scratch[Side::BEFORE..].iter_mut().zip(&*left).zip(&*right) {
            self.middle.push(0.5 * (left + right));
            *side = (left - right) / 2.0;
        }
        dispatch!(Level::new(), simd => self.side.filter(simd, &mut self.scratch, count));
        let sides = self.scratch.iter().zip(&self.middle);
        for ((left, right), (side, middle)) in left.iter_mut().zip(right).zip(sides) {
            *left = middle + side;
            *right = middle - side;
        }
        self.middle.drain(..count);
    }
}

/// The gain of the side at `x` times the corner; negligibly dependent on the rate.
pub(super) fn response(x: f64) -> f64 {
    let phase = HALF_AT * x;
    let sinc = if phase == 0.0 {
        1.0
    } else {
        libm::sin(phase) / phase
    };
    let low = sinc * sinc * (sinc * sinc);
    (1.0 - low) * (1.0 - low) * (1.0 - low)
}

/// Lanes of a vector, and of both.
const VECTOR: usize = 8;
const LANES: usize = 2 * VECTOR;
/// The lane of what leaves the last stage.
const LEAVES: usize = STAGES * MEANS;

/// The side on its way through the stages, each the identity, delayed, less four means of the last so many samples one after the
/// other. Lane n is what mean n is taken from, n frames behind the newest one; the first lane of a stage is what enters it. Sums
/// are computed again whenever as many frames have passed as a mean has, so that roundings do not add up for hours.
struct Side {
    /// Frames of a mean, and by how many the identity of a stage is delayed.
    len: usize,
    delay: usize,
    /// What was in the lanes at each of the last steps, behind room for the lanes of a stage.
    rows: Vec<f64>,
    /// The row of the next frame, and how far that frame is into the present turn of the means.
    row: usize,
    turn: usize,
    sums: [f64; LANES],
    /// The sums of what came since the start of the turn.
    fresh: [f64; LANES],
}

impl Side {
    /// Samples before those that are filtered, and all that are not: a vector reaches so far.
    const BEFORE: usize = VECTOR - 1;
    const ROOM: usize = Self::BEFORE + LEAVES + VECTOR;

    fn new(half: usize) -> Self {
        let len = 2 * half + 1;
        // From the first lane of a stage to that of the next one takes as many steps as there are means.
        let delay = MEANS * half + MEANS;
        Self {
            len,
            delay,
            rows: vec![0.0; MEANS + (delay + LANES) * LANES],
            row: 0,
            turn: 0,
            sums: [0.0; LANES],
            fresh: [0.0; LANES],
        }
    }

    /// Filters `count` samples that stand behind the first [`Self::BEFORE`]; what they become stands from the start on.
    #[inline(always)]
    fn filter<S: Simd>(&mut self, simd: S, samples: &mut [f64], count: usize) {
        let lanes = |of: &dyn Fn(usize) -> f64| {
            array::from_fn::<_, 2, _>(|vector| {
                f64x8::from_slice(
                    simd,
                    &array::from_fn::<_, VECTOR, _>(|lane| of(VECTOR * vector + lane)),
                )
            })
        };
        let load = |values: &[f64]| [0, VECTOR].map(|at| f64x8::from_slice(simd, &values[at..at + VECTOR]));
        let zero = f64x8::splat(simd, 0.0);
        let behind = lanes(&|lane| lane as f64);
        // A mean begins its turn as many frames after the first one as it is behind.
        let turned = lanes(&|lane| (lane % self.len) as f64);
        // Twelve divisions a frame would cost more than everything else here.
        let share = 1.0 / self.len as f64;
        let shares = lanes(&|lane| if lane < LEAVES { share } else { 0.0 });
        let enters = lanes(&|lane| f64::from(lane > 0 && lane % MEANS == 0)).map(|lanes| lanes.simd_gt(zero));
        let (mut sums, mut fresh) = (load(&self.sums), load(&self.fresh));
        let mut lows = [zero; 2];
        let rows = self.delay + LANES;
        let back = |row: usize, by: usize| if row >= by { row - by } else { row + rows - by };
        let (mut row, mut turn) = (self.row, self.turn);
        for step in 0..count + LEAVES {
            let newest = f64x8::from_slice(simd, &samples[step..step + VECTOR]);
            let taken_from = [
                newest.slide::<{ VECTOR - 1 }>(lows[0]),
                lows[0].slide::<{ VECTOR - 1 }>(lows[1]),
            ];
            // The first lane of a stage stands where that of the next one does, by as many lanes on.
            let delayed = load(&self.rows[back(row, self.delay) * LANES..][..LANES]);
            let last = load(&self.rows[MEANS + back(row, self.len) * LANES..][..LANES]);
            let here = MEANS + row * LANES;
            let known = load(&self.rows[here..here + LANES]);
            // A block begins and ends for each lane as many steps later as it is behind.
            let is_whole = step >= LEAVES && step < count;
            let (newest_frame, frames) = (f64x8::splat(simd, step as f64), f64x8::splat(simd, count as f64));
            turn = if turn + 1 == self.len { 0 } else { turn + 1 };
            for vector in 0..2 {
                let entering =
                    enters[vector].select(delayed[vector] - taken_from[vector], taken_from[vector]);
                let mut sum = sums[vector] + (entering - last[vector]);
                let mut since = fresh[vector] + entering;
                lows[vector] = sum * shares[vector];
                if turn < LANES {
                    let is_turned = turned[vector].simd_eq(f64x8::splat(simd, turn as f64));
                    sum = is_turned.select(since, sum);
                    since = is_turned.select(zero, since);
                }
                let mut kept = entering;
                if !is_whole {
                    let has_frame =
                        behind[vector].simd_le(newest_frame) & behind[vector].simd_gt(newest_frame - frames);
                    sum = has_frame.select(sum, sums[vector]);
                    since = has_frame.select(since, fresh[vector]);
                    kept = has_frame.select(kept, known[vector]);
                }
                (sums[vector], fresh[vector]) = (sum, since);
                kept.store_slice(&mut self.rows[here + VECTOR * vector..][..VECTOR]);
                if vector == 1
                    && let Some(frame) = step.checked_sub(LEAVES)
                {
                    // All but the first lane is written over by the next steps.
                    entering
                        .slide::<{ LEAVES - VECTOR }>(zero)
                        .store_slice(&mut samples[frame..frame + VECTOR]);
                }
            }
            row = if row + 1 == rows { 0 } else { row + 1 };
        }
        self.row = (self.row + count) % rows;
        self.turn = (self.turn + count) % self.len;
        for vector in 0..2 {
            sums[vector].store_slice(&mut self.sums[VECTOR * vector..][..VECTOR]);
            fresh[vector].store_slice(&mut self.fresh[VECTOR * vector..][..VECTOR]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const SETTING: Setting = Setting {
        rate: 44_100.0,
        channels: 2,
        late: 0,
    };

    /// The gain of the side at `hz`, in dB.
    fn side_db(corner_hz: f64, hz: f64) -> f64 {
        let mut step = LowMono::new(corner_hz, &SETTING);
        let side = |n: i32| (TAU * hz * f64::from(n) / 44_100.0).sin();
        let mut planes = vec![
            (0..88_200).map(side).collect::<Vec<f64>>(),
            (0..88_200).map(|n| -side(n)).collect(),
        ];
        step.process(&mut planes);
        let power = |samples: &[f64]| samples.iter().map(|x| x * x).sum::<f64>();
        10.0 * (power(&planes[0][44_100..]) / 22_050.0).log10()
    }

    #[test]
    fn the_side_falls_steeply_below_the_corner_and_is_intact_above() {
        assert!(
            (side_db(100.0, 100.0) + 6.0).abs() < 0.15,
            "{}",
            side_db(100.0, 100.0)
        );
        assert!(side_db(100.0, 50.0) < -28.0, "{}", side_db(100.0, 50.0));
        assert!(side_db(100.0, 30.0) < -50.0, "{}", side_db(100.0, 30.0));
        for hz in [200.0, 240.0, 300.0, 500.0, 1_000.0, 10_000.0] {
            assert!(side_db(100.0, hz).abs() < 0.08, "{hz}: {}", side_db(100.0, hz));
        }
    }

    #[test]
    fn the_middle_is_only_later() {
        let mut step = LowMono::new(100.0, &SETTING);
        let late = step.latency();
        let middle: Vec<f64> = (0..20_000).map(|n| (f64::from(n) * 0.01).sin()).collect();
        let mut planes = vec![middle.clone(), middle.clone()];
        step.process(&mut planes);
        assert_eq!(planes[0][late..], middle[..20_000 - late]);
        assert_eq!(planes[0], planes[1]);
    }

    /// One mean after the other, sample by sample.
    fn by_definition(half: usize, side: &[f64]) -> Vec<f64> {
        let len = 2 * half + 1;
        let share = 1.0 / len as f64;
        let mut stage = side.to_vec();
        for _ in 0..STAGES {
            let mut low = stage.clone();
            for _ in 0..MEANS {
                let (mut sum, mut fresh) = (0.0, 0.0);
                let taken = low.clone();
                for (n, low) in low.iter_mut().enumerate() {
                    sum += taken[n] - n.checked_sub(len).map_or(0.0, |last| taken[last]);
                    fresh += taken[n];
                    *low = sum * share;
                    if (n + 1).is_multiple_of(len) {
                        sum = std::mem::take(&mut fresh);
                    }
                }
            }
            let late = |n: usize| n.checked_sub(MEANS * half).map_or(0.0, |n| stage[n]);
            stage = (0..stage.len()).map(|n| late(n) - low[n]).collect();
        }
        stage
    }

    #[test]
    fn means_at_once_are_means_one_after_the_other_and_blocks_change_no_bit() {
        let noise = |n: usize| ((n * 7_919 % 1_009) as f64 / 504.5) - 1.0;
        for (hz, half) in [(200.0, 51), (9_000.0, 1), (3_000.0, 3), (40.0, 259)] {
            let mut step = LowMono::new(hz, &SETTING);
            assert_eq!(step.latency(), STAGES * MEANS * half, "{hz} Hz");
            let side: Vec<f64> = (0..5_000).map(noise).collect();
            let expected = by_definition(half, &side);
            let mut planes = vec![side.clone(), side.iter().map(|x| -x).collect()];
            step.process(&mut planes);
            assert_eq!(planes[0], expected, "{hz} Hz");
            for block in [1, 5, 13, 997] {
                let mut step = LowMono::new(hz, &SETTING);
                let mut out = Vec::new();
                for piece in side.chunks(block) {
                    let mut planes = vec![piece.to_vec(), piece.iter().map(|x| -x).collect()];
                    step.process(&mut planes);
                    out.extend(planes.remove(0));
                }
                assert_eq!(out, expected, "{hz} Hz in blocks of {block}");
            }
        }
    }
}
