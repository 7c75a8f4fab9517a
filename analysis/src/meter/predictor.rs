//! A short linear predictor, which learns how the sound goes on.

use super::vectors::dot;

/// Coefficients.
pub(super) const ORDER: usize = 24;

/// Foresees a sample from those before it.
pub(super) struct Predictor {
    /// The nearest sample first.
    factors: [f64; ORDER],
}

/// Learns from a fixed number of samples.
pub(super) struct Learner {
    taper: Vec<f32>,
    tapered: Vec<f32>,
}

impl Learner {
    /// From `len` samples at a time.
    pub(super) fn new(len: usize) -> Self {
        let taper = |n: usize| libm::sin(std::f64::consts::PI * (n as f64 + 0.5) / len as f64) as f32;
        Self {
            taper: (0..len).map(taper).collect(),
            tapered: Vec::with_capacity(len),
        }
    }

    /// By the autocorrelation of the tapered samples, in double precision; `None` if they are silent.
    pub(super) fn learn(&mut self, samples: &[f32]) -> Option<Predictor> {
        self.taper(samples);
        let correlation = std::array::from_fn(|lag| {
            let lagged = self.tapered.iter().skip(lag);
            lagged
                .zip(&self.tapered)
                .map(|(&one, &other)| f64::from(one) * f64::from(other))
                .sum()
        });
        Predictor::from_correlation(&correlation, 1e-9)
    }

    /// The same in single precision, at a tenth of the cost: it foresees no better than to −60 dB.
    pub(super) fn learn_roughly(&mut self, samples: &[f32]) -> Option<Predictor> {
        self.taper(samples);
        let tapered = self.tapered.as_slice();
        let correlation =
            std::array::from_fn(|lag| f64::from(dot(&tapered[..tapered.len() - lag], &tapered[lag..])));
        Predictor::from_correlation(&correlation, 1e-6)
    }

    fn taper(&mut self, samples: &[f32]) {
        self.tapered.clear();
        let tapered = samples.iter().zip(&self.taper);
        self.tapered.extend(tapered.map(|(sample, taper)| sample * taper));
    }
}

impl Predictor {
    /// Levinson's recursion. A little `noise`, as a part of the energy, keeps it away from a division by zero, in pure tones
    /// too.
    fn from_correlation(correlation: &[f64; ORDER + 1], noise: f64) -> Option<Self> {
        let mut error = correlation[0] * (1.0 + noise) + 1e-12;
        let mut factors = [0.0; ORDER];
        for order in 0..ORDER {
            let foreseen: f64 = (0..order).map(|k| factors[k] * correlation[order - k]).sum();
            let reflection = (correlation[order + 1] - foreseen) / error;
            let previous = factors;
            factors[order] = reflection;
            for k in 0..order {
                factors[k] = previous[k] - reflection * previous[order - 1 - k];
            }
            error *= 1.0 - reflection * reflection;
            if error <= 0.0 || !error.is_finite() {
                return None;
            }
        }
        Some(Self { factors })
    }

    /// What it misses the sample at `at` by; there are [`ORDER`] samples before it.
    pub(super) fn residual(&self, samples: &[f32], at: usize) -> f64 {
        let before = samples[at - ORDER..at].iter().rev();
        let foreseen: f64 = before
            .zip(self.factors)
            .map(|(&sample, factor)| factor * f64::from(sample))
            .sum();
        f64::from(samples[at]) - foreseen
    }

    /// The gain by which all samples from `step` on, as far as the predictor sees those before, are foreseen best.
    pub(super) fn gain_at(&self, samples: &[f32], step: usize) -> Gain {
        // What is missed is u − g·v, where v comes from before the step.
        let (mut uu, mut uv, mut vv) = (0.0, 0.0, 0.0);
        for at in step..step + ORDER {
            let (mut u, mut v) = (f64::from(samples[at]), 0.0);
            for (k, factor) in (1..).zip(self.factors) {
                let part = factor * f64::from(samples[at - k]);
                if at - k >= step {
                    u -= part;
                } else {
                    v += part;
                }
            }
            uu += u * u;
            uv += u * v;
            vv += v * v;
        }
        let gain = if vv > 0.0 { uv / vv } else { 0.0 };
        Gain {
            gain,
            missed: (uu - gain * uv).max(0.0) / ORDER as f64,
            missed_without: (uu - 2.0 * uv + vv).max(0.0) / ORDER as f64,
        }
    }
}

/// A gain from one sample on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gain {
    /// The best one, as a factor.
    pub(super) gain: f64,
    /// The mean square of what the predictor misses with it, and without any.
    pub(super) missed: f64,
    pub(super) missed_without: f64,
}
