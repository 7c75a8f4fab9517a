//! Takes the side away below a frequency, in linear phase: a minimum-phase high-pass would turn the side against the middle
//! and smear the image where it works.
//!
//! Three high-passes, each the identity less a low-pass of four running means (a B-spline, symmetric). Its response
//! (1 − sinc⁴)³ never exceeds 1, has no ripple above −0.06 dB and falls by 48 dB in the first octave and a half; it costs a dozen
//! additions a sample, where an FIR filter of the same slope takes thousands of products.

use std::f64::consts::PI;

use super::chain::{Processor, Setting};

/// The high-passes, and the means of each.
const STAGES: usize = 3;
const MEANS: usize = 4;
/// Where (1 − sinc⁴ x)³ is one half.
const HALF_AT: f64 = 1.47732;

pub(super) struct LowMono {
    means: Means,
    /// What the means of a stage are taken from, while they are on their way.
    delays: [Ring; STAGES],
    /// The middle, while the side is on its way.
    middle: Ring,
}

impl LowMono {
    pub(super) fn new(hz: f64, setting: &Setting) -> Self {
        // Odd, so that a mean is late by whole frames.
        let half = ((HALF_AT * setting.rate / (PI * hz) - 1.0) / 2.0)
            .round()
            .max(1.0) as usize;
        Self {
            means: Means::new(2 * half + 1),
            delays: std::array::from_fn(|_| Ring::new(MEANS * half)),
            middle: Ring::new(STAGES * MEANS * half),
        }
    }
}

impl Processor for LowMono {
    fn latency(&self) -> usize {
        self.middle.values.len()
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let [left, right] = planes else { return };
        for (left, right) in left.iter_mut().zip(right) {
            let (middle, side) = (f64::midpoint(*left, *right), (*left - *right) / 2.0);
            let side = self.means.push(side, &mut self.delays);
            let middle = self.middle.push(middle);
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

/// A delay.
struct Ring {
    values: Vec<f64>,
    at: usize,
}

impl Ring {
    fn new(len: usize) -> Self {
        Self {
            values: vec![0.0; len],
            at: 0,
        }
    }

    fn push(&mut self, value: f64) -> f64 {
        let last = std::mem::replace(&mut self.values[self.at], value);
        self.at += 1;
        if self.at == self.values.len() {
            self.at = 0;
        }
        last
    }
}

/// The stages, each the identity, delayed, less four means of the last so many samples one after the other. All means are equally
/// long, and turn together. Their sums are computed again once a turn, so that roundings do not add up for hours.
struct Means {
    /// For each of the last frames, what every mean was taken from.
    ring: Vec<Sums>,
    at: usize,
    sums: Sums,
    /// The sums of what came since the start of the ring.
    fresh: Sums,
}

type Sums = [[f64; MEANS]; STAGES];

impl Means {
    fn new(len: usize) -> Self {
        Self {
            ring: vec![Sums::default(); len],
            at: 0,
            sums: Sums::default(),
            fresh: Sums::default(),
        }
    }

    fn push(&mut self, mut side: f64, delays: &mut [Ring; STAGES]) -> f64 {
        // Twelve divisions a frame would cost more than everything else here.
        let share = 1.0 / self.ring.len() as f64;
        let stages = self.ring[self.at]
            .iter_mut()
            .zip(&mut self.sums)
            .zip(&mut self.fresh);
        for (((row, sums), fresh), delay) in stages.zip(delays) {
            let mut low = side;
            for ((last, sum), fresh) in row.iter_mut().zip(sums).zip(fresh) {
                *sum += low - std::mem::replace(last, low);
                *fresh += low;
                low = *sum * share;
            }
            side = delay.push(side) - low;
        }
        self.at += 1;
        if self.at == self.ring.len() {
            self.at = 0;
            self.sums = std::mem::take(&mut self.fresh);
        }
        side
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
