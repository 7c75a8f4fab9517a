//! Delays one channel of two, by whole frames or by parts of one.

use std::collections::VecDeque;
use std::f64::consts::PI;

use super::chain::{Processor, Setting};
use crate::dsp::bessel_i0;

/// Taps of the interpolator; both channels are late by half of them.
const TAPS: usize = 64;
/// So near to a whole frame it is one: measured delays are no more exact.
const WHOLE: f64 = 0.05;

/// The delay in frames, where it is a whole number of them.
pub(super) fn whole_frames(ms: f64, rate: f64) -> Option<usize> {
    let frames = ms * rate / 1_000.0;
    ((frames - frames.round()).abs() < WHOLE).then(|| frames.round() as usize)
}

pub(super) struct Delay {
    channel: usize,
    lines: Vec<VecDeque<f64>>,
    /// For what is no whole frame.
    taps: Option<Vec<f64>>,
}

impl Delay {
    pub(super) fn new(channel: u16, ms: f64, setting: &Setting) -> Self {
        let channel = usize::from(channel);
        let (whole, taps) = match whole_frames(ms, setting.rate) {
            Some(frames) => (frames, None),
            None => {
                let frames = ms * setting.rate / 1_000.0;
                (frames.floor() as usize, Some(interpolator(frames.fract())))
            }
        };
        let half = if taps.is_some() { TAPS / 2 } else { 0 };
        let len = |index: usize| match (&taps, index == channel) {
            // The oldest sample under the taps is not yet the one that leaves.
            (Some(_), true) => whole + TAPS - 1,
            (Some(_), false) => half,
            (None, true) => whole,
            (None, false) => 0,
        };
        Self {
            channel,
            lines: (0..setting.channels)
                .map(|index| VecDeque::from(vec![0.0; len(index)]))
                .collect(),
            taps,
        }
    }
}

impl Processor for Delay {
    fn latency(&self) -> usize {
        if self.taps.is_some() { TAPS / 2 } else { 0 }
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        for (index, (plane, line)) in planes.iter_mut().zip(&mut self.lines).enumerate() {
            match &self.taps {
                Some(taps) if index == self.channel => {
                    for sample in plane {
                        line.push_back(*sample);
                        // The oldest first.
                        *sample = line.iter().zip(taps).map(|(sample, tap)| sample * tap).sum();
                        line.pop_front();
                    }
                }
                _ => {
                    for sample in plane {
                        line.push_back(*sample);
                        *sample = line.pop_front().unwrap_or(0.0);
                    }
                }
            }
        }
    }
}

/// A sinc under a Kaiser window (β = 9: −90 dB), the oldest sample first: `fraction` later than the middle.
fn interpolator(fraction: f64) -> Vec<f64> {
    const BETA: f64 = 9.0;
    let half = (TAPS / 2) as f64;
    let taps: Vec<f64> = (0..TAPS)
        .map(|tap| {
            // The distance of this sample, in frames before the newest, from the value half a filter and a fraction before.
            let x = (TAPS - 1 - tap) as f64 - half - fraction;
            let sinc = if x == 0.0 {
                1.0
            } else {
                libm::sin(PI * x) / (PI * x)
            };
            let at = (x / half).clamp(-1.0, 1.0);
            sinc * bessel_i0(BETA * (1.0 - at * at).sqrt()) / bessel_i0(BETA)
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn a_whole_frame_is_exact_and_a_part_of_one_is_a_shift_in_time() {
        let setting = Setting {
            rate: 48_000.0,
            channels: 2,
            late: 0,
        };
        let wave = |n: f64| (TAU * 0.01 * n).sin() + 0.3 * (TAU * 0.21 * n + 1.0).sin();
        for (frames, error) in [(12.0, 0.0), (0.0, 0.0), (12.37, 1e-4), (0.5, 1e-4)] {
            let mut planes: Vec<Vec<f64>> = vec![(0..4_000).map(|n| wave(f64::from(n))).collect(); 2];
            let before = planes.clone();
            let mut delay = Delay::new(1, frames / 48.0, &setting);
            let late = delay.latency();
            delay.process(&mut planes);
            for n in 200..3_900 {
                assert_eq!(planes[0][n + late], before[0][n]);
                let expected = wave(n as f64 - frames);
                let got = planes[1][n + late];
                assert!(
                    (got - expected).abs() <= error + 1e-12,
                    "{frames} at {n}: {got} {expected}"
                );
            }
        }
    }
}
