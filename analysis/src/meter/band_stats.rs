//! What is kept of each window's bands: means, levels over time, and how left and right relate.

use std::ops::Range;

use super::bands::Twelfths;
use super::levels::PairSums;
use super::series::Levels;
use super::stft::Stft;

/// Statistics of the bands that one spectrum covers.
pub(super) struct BandStats {
    twelfths: Twelfths,
    sixths: Vec<(i32, Range<usize>, Levels)>,
    thirds: Vec<(i32, Range<usize>, Third)>,
    /// Sums over the windows, per twelfth.
    power: Vec<f64>,
    windows: u64,
    sums: [Vec<f32>; 4],
}

/// A third of an octave of two channels.
#[derive(Clone, Copy, Default)]
pub(super) struct Third {
    pub(super) sums: PairSums,
    /// Energy of the windows in which left and right correlate negatively.
    pub(super) negative: f64,
}

/// A band of 1/6 octave.
pub(super) struct Sixth {
    /// Its centre is 1 kHz · 2^(n/6).
    pub(super) n: i32,
    pub(super) power: f64,
    pub(super) levels: Levels,
}

impl BandStats {
    /// Of the bands among `sixths` and `thirds` (as n of 2^(n/6) and 2^(n/3)) that lie within `twelfths`.
    pub(super) fn new(twelfths: Twelfths, sixths: Range<i32>, thirds: Range<i32>) -> Self {
        let sixths = sixths
            .filter_map(|n| Some((n, twelfths.range(2 * n - 1, 2 * n + 1)?, Levels::new())))
            .collect();
        let thirds = thirds
            .filter_map(|n| Some((n, twelfths.range(4 * n - 2, 4 * n + 2)?, Third::default())))
            .collect();
        Self {
            power: vec![0.0; twelfths.len()],
            twelfths,
            sixths,
            thirds,
            windows: 0,
            sums: Default::default(),
        }
    }

    /// Takes the last window of `stft` in.
    pub(super) fn add(&mut self, stft: &Stft, is_stereo: bool) {
        let [power, left, right, product] = &mut self.sums;
        self.twelfths.sums(&stft.power, power);
        for (sum, &power) in self.power.iter_mut().zip(power.iter()) {
            *sum += f64::from(power);
        }
        for (_, range, levels) in &mut self.sixths {
            levels.add(10.0 * f64::from(sum(power, range) / 0.5).log10());
        }
        if is_stereo {
            for (spectrum, sums) in stft.pair.iter().zip([&mut *left, &mut *right, &mut *product]) {
                self.twelfths.sums(spectrum, sums);
            }
            for (_, range, third) in &mut self.thirds {
                let of_window = PairSums {
                    left: f64::from(sum(left, range)),
                    right: f64::from(sum(right, range)),
                    product: f64::from(sum(product, range)),
                };
                third.sums.add(of_window);
                if of_window.product < 0.0 {
                    third.negative += of_window.left + of_window.right;
                }
            }
        }
        self.windows += 1;
    }

    /// Mean power per 1/6 octave, with its levels over time.
    pub(super) fn sixths(&self) -> impl Iterator<Item = Sixth> {
        self.sixths.iter().map(|(n, range, levels)| Sixth {
            n: *n,
            power: self.mean(range),
            levels: levels.clone(),
        })
    }

    /// Mean power per 1/3 octave, with the sums of left and right.
    pub(super) fn thirds(&self) -> impl Iterator<Item = (i32, f64, Third)> {
        self.thirds
            .iter()
            .map(|(n, range, third)| (*n, self.mean(range), *third))
    }

    fn mean(&self, range: &Range<usize>) -> f64 {
        self.power[range.clone()].iter().sum::<f64>() / self.windows.max(1) as f64
    }
}

fn sum(values: &[f32], range: &Range<usize>) -> f32 {
    values[range.clone()].iter().sum()
}
