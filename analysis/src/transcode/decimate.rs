//! Every n-th sample of a signal from which the frequencies that fewer samples cannot hold were removed.

use std::f64::consts::PI;

use crate::dsp::bessel_i0;

/// Length of the filter for each step of the factor: 100 dB down at half the new rate, flat to 0.4 of it.
const TAPS_PER_FACTOR: usize = 64;

/// The shape of the window (Kaiser): β for a stop band 100 dB down (Kaiser and Schafer 1980).
const BETA: f64 = 0.1102 * (100.0 - 8.7);

/// Divides the sample rate of one channel by a whole number. Its output is not delayed.
#[derive(Debug, Clone)]
pub(super) struct Decimator {
    factor: usize,
    /// Symmetric, of odd length; a single 1 for the factor 1.
    taps: Vec<f32>,
    /// What the next output needs.
    pending: Vec<f32>,
}

impl Decimator {
    pub(super) fn new(factor: u32) -> Self {
        let factor = factor as usize;
        let taps = if factor == 1 { vec![1.0] } else { low_pass(factor) };
        Self {
            factor,
            pending: vec![0.0; taps.len() / 2],
            taps,
        }
    }

    /// Appends to `out` what can be said after `input`.
    pub(super) fn push(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.pending.extend_from_slice(input);
        let mut at = 0;
        while let Some(window) = self.pending.get(at..at + self.taps.len()) {
            out.push(dot(window, &self.taps));
            at += self.factor;
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    /// Appends the rest: the signal is followed by silence.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let silence = vec![0.0; self.taps.len() / 2];
        self.push(&silence, out);
    }
}

/// In eight sums, so that the compiler can add several at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// A windowed sinc with its corner at 0.45 of the new rate and a gain of 1.
fn low_pass(factor: usize) -> Vec<f32> {
    let half = (TAPS_PER_FACTOR * factor / 2) as f64;
    let corner = 0.45 / factor as f64;
    let taps: Vec<f64> = (0..=TAPS_PER_FACTOR * factor)
        .map(|at| {
            let t = at as f64 - half;
            let sinc = if t == 0.0 {
                2.0 * corner
            } else {
                libm::sin(2.0 * PI * corner * t) / (PI * t)
            };
            let at = t / half;
            sinc * bessel_i0(BETA * (1.0 - at * at).max(0.0).sqrt()) / bessel_i0(BETA)
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs that are looked at; they hold a whole number of periods.
    const WINDOW: usize = 4_096;

    /// The level in dB of a sine of this frequency, in parts of the new rate, in the middle of the output.
    fn level_db(factor: u32, frequency: f64) -> f64 {
        let periods = (frequency * WINDOW as f64).round();
        let step = 2.0 * PI * periods / (WINDOW as f64 * f64::from(factor));
        let mut decimator = Decimator::new(factor);
        let input: Vec<f32> = (0..40_000)
            .map(|at| (step * f64::from(at)).sin() as f32)
            .collect();
        let mut out = Vec::new();
        for block in input.chunks(977) {
            decimator.push(block, &mut out);
        }
        decimator.finish(&mut out);
        assert_eq!(out.len(), 40_000_usize.div_ceil(factor as usize));
        let middle = &out[(out.len() - WINDOW) / 2..][..WINDOW];
        let power: f64 = middle.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / WINDOW as f64;
        10.0 * (2.0 * power).log10()
    }

    #[test]
    fn what_is_heard_passes_and_what_would_be_folded_down_does_not() {
        for factor in [2, 3, 4, 8] {
            for part in [0.01, 0.2, 0.4] {
                let level = level_db(factor, part);
                assert!(level.abs() < 0.01, "{factor}, {part}: {level}");
            }
            for part in [0.51, 0.7, 1.0] {
                let level = level_db(factor, part);
                assert!(level < -95.0, "{factor}, {part}: {level}");
            }
        }
    }

    #[test]
    fn a_factor_of_one_changes_nothing() {
        let mut out = Vec::new();
        let mut decimator = Decimator::new(1);
        decimator.push(&[0.25, -0.5], &mut out);
        decimator.finish(&mut out);
        assert_eq!(out, [0.25, -0.5]);
    }
}
