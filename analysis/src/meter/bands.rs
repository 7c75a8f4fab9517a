//! Sums over bands of a power spectrum.
//!
//! The finest bands are twelfths of an octave, whose edges are 1 kHz · 2^(m/12): every band of 1/6 octave is two of
//! them, and every band of 1/3 octave four.

use std::ops::Range;

use super::vectors::folded;

/// A band as bins of a spectrum. Bins that lie across an edge count in part, as if their power were spread evenly.
#[derive(Debug, Clone)]
pub(super) struct Band {
    whole: Range<usize>,
    /// Bins at the edges, with their shares.
    parts: [(usize, f32); 2],
}

impl Band {
    /// From `low_hz` to `high_hz` in a spectrum of `bins` bins, `bin_hz` apart.
    pub(super) fn new(low_hz: f64, high_hz: f64, bin_hz: f64, bins: usize) -> Self {
        // Bin n reaches from n − ½ to n + ½.
        let end = bins as f64;
        let (low, high) = (
            (low_hz / bin_hz + 0.5).min(end),
            (high_hz / bin_hz + 0.5).min(end),
        );
        let (first, last) = (low.ceil() as usize, high.floor() as usize);
        let within = |bin: usize| bin.min(bins.saturating_sub(1));
        if last < first {
            return Self {
                whole: 0..0,
                parts: [(within(last), (high - low) as f32), (0, 0.0)],
            };
        }
        Self {
            whole: first..last,
            parts: [
                (within(low.floor() as usize), (first as f64 - low) as f32),
                (within(last), (high - last as f64) as f32),
            ],
        }
    }

    pub(super) fn sum(&self, power: &[f32]) -> f32 {
        const LANES: usize = 8;
        let mut sums = [0.0_f32; LANES];
        let (chunks, rest) = power[self.whole.clone()].as_chunks::<LANES>();
        for chunk in chunks {
            for lane in 0..LANES {
                sums[lane] += chunk[lane];
            }
        }
        for (sum, power) in sums.iter_mut().zip(rest) {
            *sum += power;
        }
        let [low, high] = self.parts.map(|(bin, share)| power[bin] * share);
        folded(sums, |one, other| one + other) + (low + high)
    }
}

/// The power of `N` bands in the windows of one second.
#[derive(Debug, Clone)]
pub(super) struct BandSecond<const N: usize> {
    /// Summed over the windows.
    pub(super) sums: [f64; N],
    windows: u32,
}

impl<const N: usize> Default for BandSecond<N> {
    fn default() -> Self {
        Self {
            sums: [0.0; N],
            windows: 0,
        }
    }
}

impl<const N: usize> BandSecond<N> {
    /// Takes in the powers of one more window.
    pub(super) fn add(&mut self, powers: impl IntoIterator<Item = f64>) {
        for (sum, power) in self.sums.iter_mut().zip(powers) {
            *sum += power;
        }
        self.windows += 1;
    }

    /// Mean power of each band, 0 in silence.
    pub(super) fn means(&self) -> [f64; N] {
        self.sums.map(|sum| sum / f64::from(self.windows.max(1)))
    }
}

/// Adjacent twelfths of an octave.
pub(super) struct Twelfths {
    first: i32,
    bands: Vec<Band>,
}

impl Twelfths {
    /// From 1 kHz · 2^(first/12) on, as many as `range` has and lie below half the sample rate.
    pub(super) fn new(range: Range<i32>, bin_hz: f64, bins: usize) -> Self {
        let nyquist = bin_hz * (bins - 1) as f64;
        Self {
            first: range.start,
            bands: range
                .map(|m| (edge_hz(m), edge_hz(m + 1)))
                .take_while(|&(_, high)| high <= nyquist * 1.000_001)
                .map(|(low, high)| Band::new(low, high, bin_hz, bins))
                .collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bands.len()
    }

    /// The index range of the bands from edge `low` to edge `high`, if all of them are here.
    pub(super) fn range(&self, low: i32, high: i32) -> Option<Range<usize>> {
        let start = usize::try_from(low - self.first).ok()?;
        let end = usize::try_from(high - self.first).ok()?;
        (end <= self.bands.len()).then_some(start..end)
    }

    pub(super) fn sums(&self, power: &[f32], sums: &mut Vec<f32>) {
        sums.clear();
        sums.extend(self.bands.iter().map(|band| band.sum(power)));
    }
}

/// The edge number `m` of the grid, in hertz.
pub(super) fn edge_hz(m: i32) -> f64 {
    1000.0 * libm::exp2(f64::from(m) / 12.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_that_join_share_every_bin_without_loss() {
        let power = vec![1.0_f32; 101];
        let sum = |low, high| Band::new(low, high, 10.0, 101).sum(&power);
        // Bins are 10 Hz wide.
        for (low, high) in [
            (20.0, 60.0),
            (61.0, 62.5),
            (64.9, 65.1),
            (3.0, 997.0),
            (994.0, 1_004.0),
        ] {
            assert!(
                (f64::from(sum(low, high)) - (high - low) / 10.0).abs() < 1e-4,
                "{low} to {high}"
            );
        }
        let pieces: f32 = [20.0, 33.3, 34.0, 250.7, 900.0]
            .windows(2)
            .map(|w| sum(w[0], w[1]))
            .sum();
        assert!((pieces - sum(20.0, 900.0)).abs() < 1e-3);
        assert_eq!(sum(2_000.0, 3_000.0), 0.0);
    }

    #[test]
    fn two_twelfths_are_a_sixth_and_four_a_third() {
        let twelfths = Twelfths::new(-48..60, 10.0, 2_001);
        assert_eq!(twelfths.range(-49, 0), None);
        assert_eq!(twelfths.range(-1, 1), Some(47..49));
        assert_eq!(twelfths.range(-2, 2), Some(46..50));
        // Half the sample rate is 20 kHz, and 51 twelfths above 1 kHz are 19.03 kHz.
        assert_eq!(twelfths.len(), 48 + 51);
    }
}
