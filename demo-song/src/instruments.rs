//! What plays a note: each fills a buffer of one channel from its start on.

use libm::{cos, exp, exp2, sin, tanh};
use std::f64::consts::TAU;

use crate::SAMPLE_RATE_HZ;

const RATE: f64 = SAMPLE_RATE_HZ as f64;

/// White noise that is the same every time (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    /// Between −1 and 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A filter of second order (RBJ's cookbook), transposed direct form II.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

impl Filter {
    pub(crate) fn low_pass(hz: f64, q: f64) -> Self {
        let (c, alpha) = Self::prewarped(hz, q);
        Self::of(
            [(1.0 - c) / 2.0, 1.0 - c, (1.0 - c) / 2.0],
            [1.0 + alpha, -2.0 * c, 1.0 - alpha],
        )
    }

    pub(crate) fn high_pass(hz: f64, q: f64) -> Self {
        let (c, alpha) = Self::prewarped(hz, q);
        Self::of(
            [(1.0 + c) / 2.0, -(1.0 + c), (1.0 + c) / 2.0],
            [1.0 + alpha, -2.0 * c, 1.0 - alpha],
        )
    }

    pub(crate) fn bell(hz: f64, q: f64, gain_db: f64) -> Self {
        let (c, alpha) = Self::prewarped(hz, q);
        let a = exp2(gain_db / 40.0 * std::f64::consts::LOG2_10);
        Self::of(
            [1.0 + alpha * a, -2.0 * c, 1.0 - alpha * a],
            [1.0 + alpha / a, -2.0 * c, 1.0 - alpha / a],
        )
    }

    pub(crate) fn run(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.z[0];
        self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
        self.z[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    fn prewarped(hz: f64, q: f64) -> (f64, f64) {
        let w = TAU * hz / RATE;
        (cos(w), sin(w) / (2.0 * q))
    }

    fn of(b: [f64; 3], a: [f64; 3]) -> Self {
        Self {
            b: b.map(|b| b / a[0]),
            a: [a[1] / a[0], a[2] / a[0]],
            z: [0.0; 2],
        }
    }
}

/// A sawtooth without aliases that could be heard (polyBLEP).
#[derive(Debug, Clone)]
pub(crate) struct Saw {
    phase: f64,
    step: f64,
}

impl Saw {
    pub(crate) fn new(hz: f64, phase: f64) -> Self {
        Self {
            phase,
            step: hz / RATE,
        }
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.phase += self.step;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
        }
        let (t, dt) = (self.phase, self.step);
        let corner = if t < dt {
            let t = t / dt;
            t + t - t * t - 1.0
        } else if t > 1.0 - dt {
            let t = (t - 1.0) / dt;
            t * t + t + t + 1.0
        } else {
            0.0
        };
        2.0 * t - 1.0 - corner
    }
}

/// The frequency of a note by its MIDI number, in Hz.
pub(crate) fn pitch(note: f64) -> f64 {
    440.0 * exp2((note - 69.0) / 12.0)
}

fn seconds(at: usize) -> f64 {
    at as f64 / RATE
}

/// Rises within `attack_s` and falls to the end of the note, in `release_s`.
fn envelope(t: f64, attack_s: f64, length_s: f64, release_s: f64) -> f64 {
    let rise = (t / attack_s).min(1.0);
    let fall = ((length_s + release_s - t) / release_s).clamp(0.0, 1.0);
    rise * fall * fall
}

/// Brings what rings on to silence at the end of its buffer, which would be a click.
fn ending(t: f64, end_s: f64) -> f64 {
    ((end_s - t) / 0.08).clamp(0.0, 1.0)
}

pub(crate) fn kick() -> Vec<f64> {
    let mut phase = 0.0;
    let mut noise = Noise(11);
    (0..frames(0.42))
        .map(|at| {
            let t = seconds(at);
            phase += (46.0 + 110.0 * exp(-t / 0.028)) / RATE;
            let body = sin(TAU * phase) * exp(-t / 0.13);
            let click = noise.next() * exp(-t / 0.0025) * 0.28;
            tanh(1.6 * body + click) * ending(t, 0.42)
        })
        .collect()
}

pub(crate) fn snare(seed: u64) -> Vec<f64> {
    let mut noise = Noise(seed);
    let mut air = Filter::high_pass(1400.0, 0.7);
    let mut top = Filter::low_pass(9500.0, 0.7);
    (0..frames(0.34))
        .map(|at| {
            let t = seconds(at);
            let tone = sin(TAU * 188.0 * t) * exp(-t / 0.06) + 0.5 * sin(TAU * 332.0 * t) * exp(-t / 0.04);
            let wires = top.run(air.run(noise.next())) * exp(-t / 0.095);
            (0.75 * tone + 0.8 * wires) * ending(t, 0.34)
        })
        .collect()
}

pub(crate) fn hat(seed: u64, decay_s: f64) -> Vec<f64> {
    let mut noise = Noise(seed);
    let mut low = Filter::high_pass(6200.0, 0.8);
    let mut again = Filter::high_pass(5200.0, 0.6);
    let mut top = Filter::low_pass(14_500.0, 0.7);
    (0..frames(decay_s * 6.0))
        .map(|at| top.run(again.run(low.run(noise.next()))) * exp(-seconds(at) / decay_s))
        .collect()
}

pub(crate) fn bass(note: f64, length_s: f64) -> Vec<f64> {
    let hz = pitch(note);
    let mut saw = Saw::new(hz, 0.0);
    let mut dull = Filter::low_pass(520.0, 0.8);
    let mut bright = Filter::low_pass(1900.0, 0.7);
    (0..frames(length_s + 0.06))
        .map(|at| {
            let t = seconds(at);
            let raw = saw.next();
            let filtered = dull.run(raw) + bright.run(raw) * 0.35 * exp(-t / 0.11);
            let sub = sin(TAU * hz * t) * 0.6;
            tanh(0.9 * (filtered * 0.8 + sub)) * envelope(t, 0.004, length_s, 0.05)
        })
        .collect()
}

/// One channel of a chord; `side` spreads the voices apart.
pub(crate) fn pad(notes: &[f64], length_s: f64, side: f64) -> Vec<f64> {
    let mut voices: Vec<Saw> = notes
        .iter()
        .enumerate()
        .flat_map(|(at, note)| {
            let spread = 0.045 + 0.02 * at as f64;
            [
                Saw::new(pitch(note + spread * side), 0.13 * (at as f64 + 1.0 + side)),
                Saw::new(pitch(note - spread * 0.7 * side), 0.31 * (at as f64 + 2.0 - side)),
            ]
        })
        .collect();
    let mut low = Filter::high_pass(170.0, 0.6);
    let mut soft = Filter::low_pass(2600.0, 0.6);
    let mut open = Filter::low_pass(6500.0, 0.6);
    (0..frames(length_s + 0.5))
        .map(|at| {
            let t = seconds(at);
            let sum: f64 = voices.iter_mut().map(Saw::next).sum();
            let breath = 0.85 + 0.15 * sin(TAU * 0.21 * t + side);
            let tone = soft.run(sum) + 0.22 * open.run(sum);
            low.run(tone) * envelope(t, 0.25, length_s, 0.5) * breath / notes.len() as f64
        })
        .collect()
}

pub(crate) fn pluck(note: f64) -> Vec<f64> {
    let hz = pitch(note);
    (0..frames(0.5))
        .map(|at| {
            let t = seconds(at);
            let bite = 2.2 * exp(-t / 0.06) + 0.25;
            sin(TAU * hz * t + bite * sin(TAU * hz * 3.0 * t))
                * exp(-t / 0.16)
                * (t / 0.005).min(1.0)
                * ending(t, 0.5)
        })
        .collect()
}

pub(crate) fn lead(note: f64, length_s: f64) -> Vec<f64> {
    let (mut one, mut other) = (
        Saw::new(pitch(note + 0.05), 0.0),
        Saw::new(pitch(note - 0.06), 0.4),
    );
    let mut soft = Filter::low_pass(4200.0, 0.9);
    let mut low = Filter::high_pass(260.0, 0.7);
    let mut voice = Filter::bell(1700.0, 0.9, 4.0);
    let hz = pitch(note);
    (0..frames(length_s + 0.12))
        .map(|at| {
            let t = seconds(at);
            let vibrato = 0.006 * sin(TAU * 5.2 * t) * (t / 0.4).min(1.0);
            let round = sin(TAU * hz * t * (1.0 + vibrato / 40.0)) * 0.5;
            let tone = voice.run(soft.run(0.5 * (one.next() + other.next()) + round));
            low.run(tone) * envelope(t, 0.02, length_s, 0.12)
        })
        .collect()
}

pub(crate) fn frames(seconds: f64) -> usize {
    (seconds * RATE) as usize
}
