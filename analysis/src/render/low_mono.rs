//! Takes the side away below a frequency, in linear phase: a minimum-phase high-pass would turn the side against the middle
//! and smear the image where it works.
//!
//! Three high-passes, each the identity less a low-pass of four running means (a B-spline, symmetric). Its response
//! (1 − sinc⁴)³ never exceeds 1, has no ripple above −0.06 dB and falls by 48 dB in the first octave and a half; it costs a dozen
//! additions a sample, where an FIR filter of the same slope takes thousands of products.

use std::collections::VecDeque;
use std::f64::consts::PI;

use super::chain::{Processor, Setting};

/// The high-passes, and the means of each.
const STAGES: usize = 3;
const MEANS: usize = 4;
/// Where (1 − sinc⁴ x)³ is one half.
const HALF_AT: f64 = 1.47732;

pub(super) struct LowMono {
    stages: Vec<Stage>,
    /// The middle, while the side is on its way.
    middle: VecDeque<f64>,
}

impl LowMono {
    pub(super) fn new(hz: f64, setting: &Setting) -> Self {
        // Odd, so that a mean is late by whole frames.
        let half = ((HALF_AT * setting.rate / (PI * hz) - 1.0) / 2.0)
            .round()
            .max(1.0) as usize;
        let stages: Vec<Stage> = (0..STAGES).map(|_| Stage::new(2 * half + 1)).collect();
        let latency = STAGES * MEANS * half;
        Self {
            stages,
            middle: VecDeque::from(vec![0.0; latency]),
        }
    }
}

impl Processor for LowMono {
    fn latency(&self) -> usize {
        self.middle.len()
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let [left, right] = planes else { return };
        for (left, right) in left.iter_mut().zip(right) {
            let (middle, mut side) = (f64::midpoint(*left, *right), (*left - *right) / 2.0);
            for stage in &mut self.stages {
                side = stage.push(side);
            }
            self.middle.push_back(middle);
            let middle = self.middle.pop_front().unwrap_or(0.0);
            *left = middle + side;
            *right = middle - side;
        }
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

/// The identity, delayed, less four means one after the other.
struct Stage {
    delayed: VecDeque<f64>,
    means: [Mean; MEANS],
}

impl Stage {
    fn new(len: usize) -> Self {
        Self {
            delayed: VecDeque::from(vec![0.0; MEANS * (len / 2)]),
            means: std::array::from_fn(|_| Mean::new(len)),
        }
    }

    fn push(&mut self, sample: f64) -> f64 {
        self.delayed.push_back(sample);
        let low = self
            .means
            .iter_mut()
            .fold(sample, |sample, mean| mean.push(sample));
        self.delayed.pop_front().unwrap_or(0.0) - low
    }
}

/// The mean of the last so many samples. Its sum is computed again once a turn, so that roundings do not add up for hours.
struct Mean {
    ring: Vec<f64>,
    at: usize,
    sum: f64,
    /// The sum of what came since the start of the ring.
    fresh: f64,
}

impl Mean {
    fn new(len: usize) -> Self {
        Self {
            ring: vec![0.0; len],
            at: 0,
            sum: 0.0,
            fresh: 0.0,
        }
    }

    fn push(&mut self, sample: f64) -> f64 {
        self.sum += sample - self.ring[self.at];
        self.fresh += sample;
        self.ring[self.at] = sample;
        self.at += 1;
        if self.at == self.ring.len() {
            self.at = 0;
            self.sum = std::mem::take(&mut self.fresh);
        }
        self.sum / self.ring.len() as f64
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
}
