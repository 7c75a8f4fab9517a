//! The K-weighting of BS.1770-5 at any sample rate.
//!
//! The standard gives coefficients for 48 kHz only. They are the bilinear transform of an analog prototype, whose
//! constants (first derived for libebur128) give the table's numbers at 48 kHz to 1e-9 and the same response, within
//! 0.1 dB, at every other rate. Using the 48 kHz coefficients at 44.1 kHz instead is a common fault, worth 0.1 LU.

use std::f64::consts::PI;

use super::levels::PairSums;
use crate::dsp::Biquad;
use crate::dsp::db_to_amplitude;

/// The two stages of the weighting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KWeighting {
    /// Stage 1: a high shelf of +4 dB, for the acoustic effect of the head.
    pub shelf: Biquad,
    /// Stage 2: a high-pass at 38 Hz, the "revised low-frequency B-curve".
    pub high_pass: Biquad,
}

impl KWeighting {
    /// The weighting at `rate` samples per second.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self {
            shelf: shelf(rate),
            high_pass: high_pass(rate),
        }
    }

    /// The power gain at `hz`.
    pub(super) fn power(&self, hz: f64, rate: f64) -> f64 {
        self.shelf.power(hz, rate) * self.high_pass.power(hz, rate)
    }
}

fn shelf(rate: f64) -> Biquad {
    const FREQUENCY_HZ: f64 = 1681.974450955533;
    const GAIN_DB: f64 = 3.999843853973347;
    const Q: f64 = 0.7071752369554196;
    /// Exponent that takes the gain of the band edge from that of the shelf.
    const EDGE: f64 = 0.4996667741545416;

    let k = libm::tan(PI * FREQUENCY_HZ / rate);
    let high = db_to_amplitude(GAIN_DB);
    let edge = libm::pow(high, EDGE);
    let a0 = 1.0 + k / Q + k * k;
    Biquad {
        b: [
            (high + edge * k / Q + k * k) / a0,
            2.0 * (k * k - high) / a0,
            (high - edge * k / Q + k * k) / a0,
        ],
        a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / Q + k * k) / a0],
    }
}

fn high_pass(rate: f64) -> Biquad {
    const FREQUENCY_HZ: f64 = 38.13547087602444;
    const Q: f64 = 0.5003270373238773;

    let k = libm::tan(PI * FREQUENCY_HZ / rate);
    let a0 = 1.0 + k / Q + k * k;
    // The table leaves the numerator at 1, −2, 1 instead of dividing it by a0; so does everybody.
    Biquad {
        b: [1.0, -2.0, 1.0],
        a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / Q + k * k) / a0],
    }
}

/// The weighting of two channels at once. One channel alone leaves the processor waiting for its own last result, so
/// the second one is nearly free.
pub(super) struct PairFilter {
    coefficients: KWeighting,
    delays: Delays,
}

/// What the filters remember, of both channels: the last two values of the input, of the shelf's output, and of the
/// high-pass's.
///
/// This is the direct form I, whose output waits for one product and one difference of the output before; the
/// transposed form with less to remember waits for four operations.
#[derive(Clone, Copy, Default)]
struct Delays {
    input: [[f64; 2]; 2],
    shelf: [[f64; 2]; 2],
    high_pass: [[f64; 2]; 2],
}

impl PairFilter {
    pub(super) const fn new(coefficients: KWeighting) -> Self {
        Self {
            coefficients,
            delays: Delays {
                input: [[0.0; 2]; 2],
                shelf: [[0.0; 2]; 2],
                high_pass: [[0.0; 2]; 2],
            },
        }
    }

    /// Filters on and adds up the result.
    pub(super) fn energies(&mut self, left: &[f32], right: &[f32]) -> PairSums {
        let KWeighting { shelf, high_pass } = self.coefficients;
        let mut delays = self.delays;
        let (mut squares, mut product) = ([0.0; 2], 0.0);
        for (&left, &right) in left.iter().zip(right) {
            let x = [f64::from(left), f64::from(right)];
            let shelved = step(&shelf, x, delays.input, delays.shelf);
            let y = step(&high_pass, shelved, delays.shelf, delays.high_pass);
            delays = Delays {
                input: [x, delays.input[0]],
                shelf: [shelved, delays.shelf[0]],
                high_pass: [y, delays.high_pass[0]],
            };
            squares[0] += y[0] * y[0];
            squares[1] += y[1] * y[1];
            product += y[0] * y[1];
        }
        // In digital silence the outputs decay for ever, and arithmetic on denormal numbers is very slow.
        for outputs in [&mut delays.shelf, &mut delays.high_pass] {
            *outputs = outputs.map(|delay| delay.map(|y| if y.abs() < 1e-60 { 0.0 } else { y }));
        }
        self.delays = delays;
        PairSums {
            left: squares[0],
            right: squares[1],
            product,
        }
    }
}

/// The next output from the next input and the last two of each.
#[inline(always)]
fn step(section: &Biquad, x: [f64; 2], inputs: [[f64; 2]; 2], outputs: [[f64; 2]; 2]) -> [f64; 2] {
    std::array::from_fn(|lane| {
        let forward =
            section.b[0] * x[lane] + (section.b[1] * inputs[0][lane] + section.b[2] * inputs[1][lane]);
        (forward - section.a[1] * outputs[1][lane]) - section.a[0] * outputs[0][lane]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_48_khz_the_coefficients_are_those_of_the_standard() {
        let k = KWeighting::new(48_000.0);
        let table = [
            (k.shelf.b[0], 1.53512485958697),
            (k.shelf.b[1], -2.69169618940638),
            (k.shelf.b[2], 1.19839281085285),
            (k.shelf.a[0], -1.69065929318241),
            (k.shelf.a[1], 0.73248077421585),
            (k.high_pass.b[0], 1.0),
            (k.high_pass.b[1], -2.0),
            (k.high_pass.b[2], 1.0),
            (k.high_pass.a[0], -1.99004745483398),
            (k.high_pass.a[1], 0.99007225036621),
        ];
        for (ours, standard) in table {
            assert!((ours - standard).abs() < 1e-12, "{ours} {standard}");
        }
    }

    #[test]
    fn at_every_rate_the_response_is_that_of_48_khz() {
        let at_48 = KWeighting::new(48_000.0);
        for rate in [
            8_000.0, 22_050.0, 32_000.0, 44_100.0, 88_200.0, 96_000.0, 192_000.0, 384_000.0,
        ] {
            let k = KWeighting::new(rate);
            for hz in [20.0, 50.0, 100.0, 400.0, 1_000.0, 2_000.0, 3_500.0] {
                let difference = 10.0 * (k.power(hz, rate) / at_48.power(hz, 48_000.0)).log10();
                let tolerance = if rate < 20_000.0 { 0.6 } else { 0.1 };
                assert!(
                    difference.abs() < tolerance,
                    "{difference} dB at {hz} Hz, {rate} Hz"
                );
            }
        }
    }
}
