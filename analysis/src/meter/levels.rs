//! Sums over time: peak, RMS and offset per channel, the product of left and right, and the blocks of DR.

use super::series::LevelCounts;
use super::vectors::{folded, larger};
use crate::dsp::power_db;

/// Steps per second, of 50 ms: short enough to find the gaps between notes.
pub(super) const STEPS_PER_S: u64 = 20;
/// The loudness war's "DR" takes 132 480 samples at 44.1 kHz, not 3 s to the sample.
const DR_BLOCK_44K: u64 = 132_480;

/// Energies of two channels, from which correlation, width, balance and mono change follow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PairSums {
    /// ΣL².
    pub(super) left: f64,
    /// ΣR².
    pub(super) right: f64,
    /// ΣLR.
    pub(super) product: f64,
}

impl PairSums {
    pub(super) fn add(&mut self, other: Self) {
        self.left += other.left;
        self.right += other.right;
        self.product += other.product;
    }
}

/// The sums of one channel.
#[derive(Debug, Clone, Default)]
pub(super) struct ChannelSums {
    pub(super) peak: f32,
    pub(super) sum: f64,
    pub(super) squares: f64,
    pub(super) dr_blocks: Vec<DrBlock>,
    /// The mean of each complete second.
    pub(super) means: Vec<f32>,
    sum_before: f64,
    dr_squares: f64,
    dr_peak: f32,
    step_squares: f64,
}

/// One block of DR, in one channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct DrBlock {
    /// Σx² / n.
    pub(super) mean_square: f64,
    /// The largest absolute sample.
    pub(super) peak: f32,
}

pub(super) struct LevelMeter {
    rate: u64,
    pub(super) channels: Vec<ChannelSums>,
    pub(super) frames: u64,
    /// Samples beyond full scale.
    pub(super) overs: u64,
    pub(super) product: f64,
    /// Per complete second, of two channels.
    pub(super) seconds: Vec<PairSums>,
    /// Per complete step of 50 ms, of two channels: the squares of left and right, and their product.
    steps_of_pair: Vec<[f32; 3]>,
    /// RMS of the 50 ms steps, in dBFS.
    pub(super) step_levels: LevelCounts,
    second: PairSums,
    step_product: f64,
    steps: u64,
    step_end: u64,
    dr_len: u64,
    dr_end: u64,
}

impl LevelMeter {
    pub(super) fn new(rate: u32, channels: usize) -> Self {
        let rate = u64::from(rate);
        let dr_len = if rate == 44_100 { DR_BLOCK_44K } else { 3 * rate };
        Self {
            rate,
            channels: vec![ChannelSums::default(); channels],
            frames: 0,
            overs: 0,
            product: 0.0,
            seconds: Vec::new(),
            steps_of_pair: Vec::new(),
            step_levels: LevelCounts::new(),
            second: PairSums::default(),
            step_product: 0.0,
            steps: 0,
            step_end: rate / STEPS_PER_S,
            dr_len,
            dr_end: dr_len,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        let mut at = 0;
        while at < frames {
            let until = self.step_end.min(self.dr_end);
            let count = (frames - at).min((until - self.frames) as usize);
            for (sums, plane) in self.channels.iter_mut().zip(planes) {
                let piece = &plane[at..at + count];
                let (peak, sum, squares) = peak_sum_squares(piece);
                sums.sum += sum;
                sums.step_squares += squares;
                sums.dr_squares += squares;
                sums.dr_peak = sums.dr_peak.max(peak);
                if peak > 1.0 {
                    self.overs += piece.iter().filter(|sample| sample.abs() > 1.0).count() as u64;
                }
            }
            if let [left, right] = planes {
                self.step_product += product(&left[at..at + count], &right[at..at + count]);
            }
            at += count;
            self.frames += count as u64;
            if self.frames == self.step_end {
                self.complete_step();
            }
            if self.frames == self.dr_end {
                self.complete_dr_block(self.dr_len);
            }
        }
    }

    fn complete_step(&mut self) {
        let step_len = self.step_end - self.steps * self.rate / STEPS_PER_S;
        let squares: f64 = self.channels.iter().map(|sums| sums.step_squares).sum();
        if squares > 0.0 {
            let mean = squares / (step_len * self.channels.len() as u64) as f64;
            self.step_levels.add(power_db(mean));
        }
        if let [left, right] = self.channels.as_slice() {
            let sums = PairSums {
                left: left.step_squares,
                right: right.step_squares,
                product: self.step_product,
            };
            self.second.add(sums);
            self.steps_of_pair
                .push([sums.left as f32, sums.right as f32, sums.product as f32]);
        }
        self.add_up_step();
        self.steps += 1;
        self.step_end = (self.steps + 1) * self.rate / STEPS_PER_S;
        if self.steps.is_multiple_of(STEPS_PER_S) {
            self.seconds.push(std::mem::take(&mut self.second));
            for sums in &mut self.channels {
                sums.means
                    .push(((sums.sum - sums.sum_before) / self.rate as f64) as f32);
                sums.sum_before = sums.sum;
            }
        }
    }

    fn add_up_step(&mut self) {
        for sums in &mut self.channels {
            sums.squares += std::mem::take(&mut sums.step_squares);
        }
        self.product += std::mem::take(&mut self.step_product);
    }

    fn complete_dr_block(&mut self, len: u64) {
        for sums in &mut self.channels {
            sums.peak = sums.peak.max(sums.dr_peak);
            sums.dr_blocks.push(DrBlock {
                mean_square: std::mem::take(&mut sums.dr_squares) / len as f64,
                peak: std::mem::take(&mut sums.dr_peak),
            });
        }
        self.dr_end += self.dr_len;
    }

    /// The sums of each complete step of 50 ms, of two channels.
    pub(super) fn steps_of_pair(&self) -> Vec<PairSums> {
        let sums = self.steps_of_pair.iter().map(|&[left, right, product]| PairSums {
            left: left.into(),
            right: right.into(),
            product: product.into(),
        });
        sums.collect()
    }

    /// Takes the incomplete last step and block into the sums.
    pub(super) fn finish(mut self) -> Self {
        self.add_up_step();
        let rest = self.frames - (self.dr_end - self.dr_len);
        if rest > 0 {
            self.complete_dr_block(rest);
        }
        self
    }
}

/// Sums that are kept side by side.
const LANES: usize = 8;

/// The largest absolute value, the sum and the sum of squares.
fn peak_sum_squares(samples: &[f32]) -> (f32, f64, f64) {
    let (mut peaks, mut sums, mut squares) = ([0.0_f32; LANES], [0.0_f64; LANES], [0.0_f64; LANES]);
    let mut add = |lane: usize, sample: f32| {
        peaks[lane] = larger(peaks[lane], sample.abs());
        sums[lane] += f64::from(sample);
        squares[lane] += f64::from(sample) * f64::from(sample);
    };
    let (chunks, rest) = samples.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &sample) in chunk.iter().enumerate() {
            add(lane, sample);
        }
    }
    for (lane, &sample) in rest.iter().enumerate() {
        add(lane, sample);
    }
    let add = |one, other| one + other;
    (folded(peaks, larger), folded(sums, add), folded(squares, add))
}

fn product(left: &[f32], right: &[f32]) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let (left_chunks, left_rest) = left.as_chunks::<LANES>();
    let (right_chunks, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for lane in 0..LANES {
            sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
        }
    }
    for ((sum, &left), &right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum += f64::from(left) * f64::from(right);
    }
    folded(sums, |one, other| one + other)
}

/// The sum of squares.
pub(super) fn squares(samples: &[f32]) -> f64 {
    product(samples, samples)
}
