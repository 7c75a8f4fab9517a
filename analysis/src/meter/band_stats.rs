//! What is kept of each window's bands: means, levels over time, and how left and right relate.

use std::ops::Range;

use super::bands::Twelfths;
use super::levels::PairSums;
use super::series::LevelCounts;
use super::spectrum::slot_of;
use super::stft::Stft;
use crate::dsp::power_db;

/// Statistics of the bands that one spectrum covers.
pub(super) struct BandStats {
    twelfths: Twelfths,
    sixths: Vec<SixthOctave>,
    thirds: Vec<ThirdOctave>,
    /// Sums over the windows, per twelfth.
    power: Vec<f64>,
    windows: u64,
    sums: [Vec<f32>; 4],
    /// Of two channels, per second.
    seconds: Vec<PairSecond>,
}

/// How left and right relate in the windows of one second.
#[derive(Clone, Default)]
struct PairSecond {
    windows: u32,
    /// ΣL², ΣR² and ΣLR of each band of 1/3 octave.
    thirds: Vec<[f32; 3]>,
}

/// A band of 1/6 octave and its levels over time.
pub(super) struct SixthOctave {
    /// Its centre is 1 kHz · 2^(n/6).
    pub(super) n: i32,
    twelfths: Range<usize>,
    pub(super) levels: LevelCounts,
}

/// A band of 1/3 octave and how left and right relate in it.
pub(super) struct ThirdOctave {
    /// Its centre is 1 kHz · 2^(n/3).
    pub(super) n: i32,
    twelfths: Range<usize>,
    /// Of two channels.
    pub(super) pair: PairSums,
    /// Energy of the windows in which left and right correlate negatively.
    pub(super) negative: f64,
}

/// The mean power of a band.
#[derive(Clone, Copy)]
pub(super) struct BandPower {
    /// Its place on the grid of its width.
    pub(super) n: i32,
    /// Of an average channel; a full-scale sine has 0.5.
    pub(super) power: f64,
}

impl BandStats {
    /// Of the bands among `sixths` and `thirds` (as n of 2^(n/6) and 2^(n/3)) that lie within `twelfths`.
    pub(super) fn new(twelfths: Twelfths, sixths: Range<i32>, thirds: Range<i32>) -> Self {
        let sixths = sixths
            .filter_map(|n| {
                Some(SixthOctave {
                    n,
                    twelfths: twelfths.range(2 * n - 1, 2 * n + 1)?,
                    levels: LevelCounts::new(),
                })
            })
            .collect();
        let thirds = thirds
            .filter_map(|n| {
                Some(ThirdOctave {
                    n,
                    twelfths: twelfths.range(4 * n - 2, 4 * n + 2)?,
                    pair: PairSums::default(),
                    negative: 0.0,
                })
            })
            .collect();
        Self {
            power: vec![0.0; twelfths.len()],
            twelfths,
            sixths,
            thirds,
            windows: 0,
            sums: Default::default(),
            seconds: Vec::new(),
        }
    }

    /// Takes the last window of `stft` in, whose middle lies in `second`.
    pub(super) fn add(&mut self, stft: &Stft, is_stereo: bool, second: usize) {
        let [power, left, right, product] = &mut self.sums;
        self.twelfths.sums(&stft.power, power);
        for (sum, &power) in self.power.iter_mut().zip(power.iter()) {
            *sum += f64::from(power);
        }
        for sixth in &mut self.sixths {
            let level_db = power_db(f64::from(sum(power, &sixth.twelfths) / 0.5));
            sixth.levels.add(level_db);
        }
        if is_stereo {
            self.twelfths.sums(&stft.pair.left, left);
            self.twelfths.sums(&stft.pair.right, right);
            self.twelfths.sums(&stft.pair.product, product);
            let second = slot_of(&mut self.seconds, second);
            second.windows += 1;
            second.thirds.resize(self.thirds.len(), [0.0; 3]);
            for (third, second) in self.thirds.iter_mut().zip(&mut second.thirds) {
                let window = PairSums {
                    left: f64::from(sum(left, &third.twelfths)),
                    right: f64::from(sum(right, &third.twelfths)),
                    product: f64::from(sum(product, &third.twelfths)),
                };
                third.pair.add(window);
                for (sum, part) in second.iter_mut().zip([window.left, window.right, window.product]) {
                    *sum += part as f32;
                }
                if window.product < 0.0 {
                    third.negative += window.left + window.right;
                }
            }
        }
        self.windows += 1;
    }

    /// Bands of 1/6 octave, from the lowest to the highest.
    pub(super) fn sixths(&self) -> &[SixthOctave] {
        &self.sixths
    }

    /// Bands of 1/3 octave, from the lowest to the highest.
    pub(super) fn thirds(&self) -> &[ThirdOctave] {
        &self.thirds
    }

    /// Number and mean power of each band of 1/6 octave.
    pub(super) fn sixth_powers(&self) -> impl Iterator<Item = BandPower> {
        self.sixths.iter().map(|sixth| BandPower {
            n: sixth.n,
            power: self.mean(&sixth.twelfths),
        })
    }

    /// Number and mean power of each band of 1/3 octave.
    pub(super) fn third_powers(&self) -> impl Iterator<Item = BandPower> {
        self.thirds.iter().map(|third| BandPower {
            n: third.n,
            power: self.mean(&third.twelfths),
        })
    }

    /// How left and right relate in each band of 1/3 octave in a second, as mean powers; zeros where nothing sounds.
    pub(super) fn thirds_in(&self, second: usize) -> impl Iterator<Item = PairSums> {
        let found = self.seconds.get(second);
        (0..self.thirds.len()).map(move |third| {
            let mean = found.and_then(|found| {
                let [left, right, product] = found.thirds.get(third)?.map(f64::from);
                let windows = f64::from(found.windows);
                Some(PairSums {
                    left: left / windows,
                    right: right / windows,
                    product: product / windows,
                })
            });
            mean.unwrap_or_default()
        })
    }

    fn mean(&self, range: &Range<usize>) -> f64 {
        self.power[range.clone()].iter().sum::<f64>() / self.windows.max(1) as f64
    }
}

fn sum(values: &[f32], range: &Range<usize>) -> f32 {
    values[range.clone()].iter().sum()
}
