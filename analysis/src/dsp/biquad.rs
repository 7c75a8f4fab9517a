//! Second-order sections.

use std::f64::consts::PI;

/// Coefficients of a second-order section with a0 = 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Biquad {
    /// Numerator b0, b1, b2.
    pub b: [f64; 3],
    /// Denominator a1, a2.
    pub a: [f64; 2],
}

impl Biquad {
    /// The power gain at `hz`, at `rate` samples per second.
    pub(crate) fn power(&self, hz: f64, rate: f64) -> f64 {
        let w = 2.0 * PI * hz / rate;
        let magnitude = |c: [f64; 3]| {
            let re = c[0] + c[1] * libm::cos(w) + c[2] * libm::cos(2.0 * w);
            let im = c[1] * libm::sin(w) + c[2] * libm::sin(2.0 * w);
            re * re + im * im
        };
        magnitude(self.b) / magnitude([1.0, self.a[0], self.a[1]])
    }
}
