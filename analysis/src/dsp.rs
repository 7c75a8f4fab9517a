//! Signal processing that meters, rules and renders share, the same to the last bit on every machine.
//!
//! Sines and logarithms come from the crate `libm`: those of the platform differ from one system to the next in the last
//! bit, which is enough to turn a figure of the report. `clippy.toml` forbids the platform's.

mod biquad;
pub(crate) mod fft;

pub use biquad::Biquad;

/// Decibels of a ratio of amplitudes.
#[must_use]
pub fn amplitude_db(amplitude: f64) -> f64 {
    20.0 * libm::log10(amplitude)
}

/// Decibels of a ratio of powers.
#[must_use]
pub fn power_db(power: f64) -> f64 {
    10.0 * libm::log10(power)
}

/// The ratio of amplitudes that is so many decibels.
#[must_use]
pub fn db_to_amplitude(db: f64) -> f64 {
    libm::pow(10.0, db / 20.0)
}

/// The ratio of powers that is so many decibels.
#[must_use]
pub fn db_to_power(db: f64) -> f64 {
    libm::pow(10.0, db / 10.0)
}

/// The modified Bessel function of order 0, of which Kaiser's window is made.
pub(crate) fn bessel_i0(x: f64) -> f64 {
    (1..60)
        .fold((1.0, 1.0), |(sum, term), k| {
            let ratio = x / 2.0 / f64::from(k);
            let term = term * (ratio * ratio);
            (sum + term, term)
        })
        .0
}
