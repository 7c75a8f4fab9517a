//! The true-peak signals of EBU Tech 3341 v4, Table 1, at any rate: their frequencies are shares of it.

use std::f64::consts::{PI, TAU};

use super::{Planes, sine};

/// Cases 15 to 19: a stereo sine of `divisor` samples per period with linear fades of 10 ms, 4 s long. `phase` in
/// degrees.
#[must_use]
pub fn faded_sine(rate: u32, divisor: f64, peak: f64, phase: f64) -> Planes {
    let mut channel = sine(rate, f64::from(rate) / divisor, peak, phase, 4.0);
    fade(&mut channel, rate as usize / 100);
    vec![channel.clone(), channel]
}

/// Cases 20 to 23: half-scale sine of fs/6 with one period of full-scale sine of fs/4 in its middle, made at four times
/// the rate, low-passed, and every fourth sample taken from offset 0, 1, 2 and 3. The loud period is 2 s from the start.
#[must_use]
pub fn overshoots(rate: u32) -> [Planes; 4] {
    let filtered = low_pass(&one_loud_period(4 * rate));
    std::array::from_fn(|offset| {
        let channel: Vec<f64> = filtered.iter().copied().skip(offset).step_by(4).collect();
        vec![channel.clone(), channel]
    })
}

fn one_loud_period(fine_rate: u32) -> Vec<f64> {
    let samples = 2 * fine_rate / 24 * 24;
    let quiet = |n: u32| 0.5 * (TAU * f64::from(n) / 24.0).sin();
    let half: Vec<f64> = (0..samples).map(quiet).collect();
    let loud = (0..16).map(|n| (TAU * f64::from(n) / 16.0).sin());
    let mut whole: Vec<f64> = half
        .iter()
        .copied()
        .chain(loud)
        .chain(half.iter().copied())
        .collect();
    fade(&mut whole, fine_rate as usize / 100);
    whole
}

fn fade(samples: &mut [f64], len: usize) {
    let end = samples.len() - 1;
    for n in 0..len {
        let gain = n as f64 / len as f64;
        samples[n] *= gain;
        samples[end - n] *= gain;
    }
}

/// 513 taps, cut-off at 0.98 of an eighth of the rate, Kaiser window with β = 10: with this the official files of cases
/// 20 to 23 come out to 0.001 dB.
fn low_pass(samples: &[f64]) -> Vec<f64> {
    const HALF: usize = 256;
    const CUTOFF: f64 = 0.98 / 8.0;
    let bessel = |x: f64| {
        let terms = (1..60).fold((1.0, 1.0), |(sum, term), k| {
            let term = term * (x / 2.0 / f64::from(k)).powi(2);
            (sum + term, term)
        });
        terms.0
    };
    let mut taps: Vec<f64> = (0..=2 * HALF)
        .map(|n| {
            let x = n as f64 - HALF as f64;
            let sinc = if x == 0.0 {
                2.0 * CUTOFF
            } else {
                (TAU * CUTOFF * x).sin() / (PI * x)
            };
            sinc * bessel(10.0 * (1.0 - (x / HALF as f64).powi(2)).max(0.0).sqrt()) / bessel(10.0)
        })
        .collect();
    let gain: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= gain);
    let padded: Vec<f64> = std::iter::repeat_n(0.0, HALF)
        .chain(samples.iter().copied())
        .chain(std::iter::repeat_n(0.0, HALF))
        .collect();
    padded
        .windows(taps.len())
        .map(|window| window.iter().zip(&taps).map(|(x, tap)| x * tap).sum())
        .collect()
}
