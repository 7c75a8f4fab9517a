//! The filters of the equaliser: coefficients from frequency, gain and Q.
//!
//! Below about 4 kHz they are those of the Audio EQ Cookbook (R. Bristow-Johnson), which most equalisers share. The bilinear
//! transform squeezes what lies near half the sample rate (1.8 dB at 10 kHz, Q 0.7), so above they are matched: poles by
//! impulse invariance, zeros such that the analogue magnitude is met at three frequencies (M. Vicanek, "Matched second order
//! digital filters", 2016).

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use serde::{Deserialize, Serialize};

use crate::dsp::{Biquad, db_to_amplitude};

/// From this part of the sample rate on, filters are matched: 4 kHz at 44.1 kHz.
const MATCHED_FROM: f64 = 4_000.0 / 44_100.0;

/// One band of the equaliser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Band {
    /// Its form.
    pub shape: BandShape,
    /// Centre of a bell, middle of a shelf's slope, in Hz.
    pub hz: f64,
    /// Quality factor as in the Audio EQ Cookbook; 0.707 for a shelf without overshoot.
    pub q: f64,
    /// Change at the centre of a bell, or beyond the slope of a shelf, in dB.
    pub db: f64,
}

model::text_enum! {
    /// What a band changes.
    pub enum BandShape {
        /// Around a frequency.
        Bell = "bell",
        /// All below a frequency.
        LowShelf = "low_shelf",
        /// All above a frequency.
        HighShelf = "high_shelf",
    }
}

impl Band {
    /// A shelf without overshoot.
    #[must_use]
    pub const fn shelf(shape: BandShape, hz: f64, db: f64) -> Self {
        Self {
            shape,
            hz,
            q: FRAC_1_SQRT_2,
            db,
        }
    }

    /// The filter at `rate` samples per second.
    #[must_use]
    pub fn design(&self, rate: f64) -> Biquad {
        if self.is_matched(rate)
            && let Some(matched) = self.matched(rate)
        {
            return matched;
        }
        self.bilinear(rate)
    }

    /// Whether a plain equaliser of the cookbook differs from this band at `rate`.
    #[must_use]
    pub fn is_matched(&self, rate: f64) -> bool {
        self.hz > MATCHED_FROM * rate
    }

    /// Change at `hz`, at `rate` samples per second, in dB.
    #[must_use]
    pub fn response_db(&self, hz: f64, rate: f64) -> f64 {
        crate::dsp::power_db(self.design(rate).power(hz, rate))
    }

    /// Change of a plain equaliser of the same numbers at `hz`, in dB.
    pub(super) fn plain_db(&self, hz: f64, rate: f64) -> f64 {
        crate::dsp::power_db(self.bilinear(rate).power(hz, rate))
    }

    /// Change of the analogue filter at `hz`, in dB.
    #[must_use]
    pub fn analogue_db(&self, hz: f64) -> f64 {
        crate::dsp::power_db(self.analogue_power(hz / self.hz))
    }

    /// The Audio EQ Cookbook.
    fn bilinear(&self, rate: f64) -> Biquad {
        // Beyond half the sample rate there is nothing to change.
        let w = 2.0 * PI * self.hz.min(0.49 * rate) / rate;
        let (cos, alpha) = (libm::cos(w), libm::sin(w) / (2.0 * self.q));
        let a = db_to_amplitude(self.db / 2.0);
        let root = 2.0 * a.sqrt() * alpha;
        let (more, less) = (a + 1.0, a - 1.0);
        let (b, d) = match self.shape {
            BandShape::Bell => (
                [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
                [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
            ),
            BandShape::LowShelf => (
                [
                    a * (more - less * cos + root),
                    2.0 * a * (less - more * cos),
                    a * (more - less * cos - root),
                ],
                [
                    more + less * cos + root,
                    -2.0 * (less + more * cos),
                    more + less * cos - root,
                ],
            ),
            BandShape::HighShelf => (
                [
                    a * (more + less * cos + root),
                    -2.0 * a * (less + more * cos),
                    a * (more + less * cos - root),
                ],
                [
                    more - less * cos + root,
                    2.0 * (less - more * cos),
                    more - less * cos - root,
                ],
            ),
        };
        normalised(b, d)
    }

    /// The analogue prototype's power gain at `x` times its frequency. With s = ix and A = 10^(dB/40):
    /// bell (s² + sA/Q + 1) / (s² + s/(AQ) + 1); high shelf A (As² + s√A/Q + 1) / (s² + s√A/Q + A), the low one mirrored.
    fn analogue_power(&self, x: f64) -> f64 {
        let ([b2, b1, b0], [a2, a1, a0]) = self.analogue();
        let power = |c2: f64, c1: f64, c0: f64| {
            let re = c0 - c2 * x * x;
            re * re + c1 * x * (c1 * x)
        };
        power(b2, b1, b0) / power(a2, a1, a0)
    }

    /// Its coefficients of s², s and 1, at 1 rad/s.
    fn analogue(&self) -> ([f64; 3], [f64; 3]) {
        let a = db_to_amplitude(self.db / 2.0);
        let slope = a.sqrt() / self.q;
        match self.shape {
            BandShape::Bell => ([1.0, a / self.q, 1.0], [1.0, 1.0 / (a * self.q), 1.0]),
            BandShape::HighShelf => ([a * a, a * slope, a], [1.0, slope, a]),
            BandShape::LowShelf => ([a, a * slope, a * a], [a, slope, 1.0]),
        }
    }

    /// `None` where the zeros cannot be placed.
    fn matched(&self, rate: f64) -> Option<Biquad> {
        let (_, [s2, s1, s0]) = self.analogue();
        // The poles of s² + 2ζω₀s + ω₀², in radians per sample.
        let w = 2.0 * PI * self.hz / rate;
        let w0 = w * (s0 / s2).sqrt();
        let zeta = s1 / (2.0 * (s2 * s0).sqrt());
        let decay = libm::exp(-zeta * w0);
        let turn = if zeta <= 1.0 {
            libm::cos((1.0 - zeta * zeta).sqrt() * w0)
        } else {
            libm::cosh((zeta * zeta - 1.0).sqrt() * w0)
        };
        let (a1, a2) = (-2.0 * decay * turn, decay * decay);
        // Squared magnitudes are linear in φ0 = cos²(ω/2), φ1 = sin²(ω/2) and φ2 = 4 φ0 φ1.
        let poles = [
            (1.0 + a1 + a2) * (1.0 + a1 + a2),
            (1.0 - a1 + a2) * (1.0 - a1 + a2),
            -4.0 * a2,
        ];
        let zeros = self.squared_zeros(w, &poles)?;
        let [b_dc, b_nyquist, b_middle] = zeros;
        let (dc, nyquist) = (b_dc.sqrt(), b_nyquist.sqrt());
        let mean = f64::midpoint(dc, nyquist);
        let root = mean * mean + b_middle;
        if root < 0.0 {
            return None;
        }
        let b0 = f64::midpoint(mean, root.sqrt());
        Some(Biquad {
            b: [b0, f64::midpoint(dc, -nyquist), -b_middle / (4.0 * b0)],
            a: [a1, a2],
        })
    }

    /// What the squared magnitude of the numerator is made of, for a centre of `w` radians per sample. A bell keeps its height
    /// and its flat top; a shelf meets the analogue one at both ends and at its middle.
    fn squared_zeros(&self, w: f64, poles: &[f64; 3]) -> Option<[f64; 3]> {
        let along = |basis: [f64; 3]| {
            poles
                .iter()
                .zip(basis)
                .map(|(pole, part)| pole * part)
                .sum::<f64>()
        };
        let [p0, p1, _] = basis(w);
        if self.shape == BandShape::Bell && w < PI {
            let gain = self.analogue_power(1.0);
            let height = along(basis(w)) * gain;
            let slope = (poles[1] - poles[0] + 4.0 * (p0 - p1) * poles[2]) * gain;
            let middle = (height - slope * p1 - poles[0]) / (4.0 * p1 * p1);
            let nyquist = slope + poles[0] + 4.0 * (p1 - p0) * middle;
            if nyquist >= 0.0 {
                return Some([poles[0], nyquist, middle]);
            }
        }
        let analogue = |at: f64| self.analogue_power(at / w);
        let (dc, nyquist) = (poles[0] * analogue(0.0), poles[1] * analogue(PI));
        // Far enough from the Nyquist frequency to be another condition.
        let at = w.min(0.75 * PI);
        let [p0, p1, p2] = basis(at);
        let middle = (analogue(at) * along([p0, p1, p2]) - dc * p0 - nyquist * p1) / p2;
        Some([dc, nyquist, middle]).filter(|zeros| zeros.iter().all(|zero| zero.is_finite()))
    }
}

/// cos²(ω/2), sin²(ω/2) and 4 times their product.
fn basis(w: f64) -> [f64; 3] {
    let half = libm::sin(w / 2.0);
    let sine = half * half;
    [1.0 - sine, sine, 4.0 * (1.0 - sine) * sine]
}

/// Sections of a Butterworth high-pass with −3 dB at `hz`; `order` is even.
pub(super) fn high_pass(hz: f64, order: u8, rate: f64) -> Vec<Biquad> {
    let w = 2.0 * PI * hz / rate;
    let cos = libm::cos(w);
    (0..order / 2)
        .map(|section| {
            // The poles lie at equal angles.
            let angle = PI * f64::from(2 * section + 1) / f64::from(2 * order);
            let alpha = libm::sin(w) * libm::cos(angle);
            normalised(
                [f64::midpoint(1.0, cos), -(1.0 + cos), f64::midpoint(1.0, cos)],
                [1.0 + alpha, -2.0 * cos, 1.0 - alpha],
            )
        })
        .collect()
}

/// A notch of the cookbook.
pub(super) fn notch(hz: f64, q: f64, rate: f64) -> Biquad {
    let w = 2.0 * PI * hz / rate;
    let (cos, alpha) = (libm::cos(w), libm::sin(w) / (2.0 * q));
    normalised([1.0, -2.0 * cos, 1.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
}

fn normalised(b: [f64; 3], d: [f64; 3]) -> Biquad {
    Biquad {
        b: b.map(|b| b / d[0]),
        a: [d[1] / d[0], d[2] / d[0]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bell(hz: f64, q: f64, db: f64) -> Band {
        Band {
            shape: BandShape::Bell,
            hz,
            q,
            db,
        }
    }

    #[test]
    fn each_band_changes_its_centre_by_its_gain_and_leaves_the_rest() {
        for db in [-6.0, -2.5, 1.0, 6.0] {
            for hz in [40.0, 250.0, 1_000.0, 3_900.0, 6_000.0, 12_000.0] {
                let band = bell(hz, 1.0, db);
                assert!((band.response_db(hz, 44_100.0) - db).abs() < 0.02, "{band:?}");
                assert!(band.response_db(hz / 40.0, 44_100.0).abs() < 0.05, "{band:?}");
                let high = Band::shelf(BandShape::HighShelf, hz, db);
                assert!(
                    (high.response_db(hz, 44_100.0) - db / 2.0).abs() < 0.05,
                    "{high:?}"
                );
                let low = Band::shelf(BandShape::LowShelf, hz, db);
                assert!(
                    (low.response_db(hz / 30.0, 44_100.0) - db).abs() < 0.05,
                    "{low:?}"
                );
            }
        }
    }

    #[test]
    fn matched_bands_follow_the_analogue_filter_up_to_16_khz() {
        let mut worst = 0.0_f64;
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            for (hz, q, db) in [
                (5_000.0, 0.7, 3.0),
                (7_000.0, 1.0, -6.0),
                (10_000.0, 0.7, 4.0),
                (12_000.0, 1.4, -3.0),
                (16_000.0, 1.0, 4.0),
            ] {
                let shelf = Band::shelf(BandShape::HighShelf, f64::min(hz, 12_000.0), db);
                for band in [bell(hz, q, db), shelf] {
                    for step in 0..=200 {
                        let at = 20.0 * 800_f64.powf(f64::from(step) / 200.0);
                        let gap = (band.response_db(at, rate) - band.analogue_db(at)).abs();
                        worst = worst.max(gap);
                        assert!(gap < 0.6, "{band:?} at {at} Hz, rate {rate}: {gap} dB");
                    }
                }
            }
        }
        assert!(worst > 0.0);
    }

    #[test]
    fn a_high_pass_is_flat_above_and_steep_below() {
        for (order, slope) in [(2, 12.04), (4, 24.08)] {
            let sections = high_pass(30.0, order, 48_000.0);
            let db = |hz: f64| {
                let power: f64 = sections
                    .iter()
                    .map(|section| section.power(hz, 48_000.0))
                    .product();
                10.0 * power.log10()
            };
            assert!((db(30.0) + 3.01).abs() < 0.01, "{}", db(30.0));
            assert!(db(200.0).abs() < 0.01);
            assert!((db(4.0) - db(2.0) - slope).abs() < 0.1);
        }
    }

    #[test]
    fn a_notch_takes_its_frequency_alone() {
        let section = notch(50.0, 30.0, 44_100.0);
        assert!(section.power(50.0, 44_100.0) < 1e-12);
        assert!((10.0 * section.power(45.0, 44_100.0).log10()).abs() < 0.15);
    }
}
