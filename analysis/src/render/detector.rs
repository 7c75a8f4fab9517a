//! The height of the wave between the samples, sample by sample: the 8x interpolator of the true-peak meter with a parabola
//! between the points of its grid.

use crate::meter::interpolator::Interpolator;

type Eightfold = Interpolator<7, 32>;

/// The loudest channel's wave from each sample to the next.
pub(super) struct PeakDetector {
    interpolator: Eightfold,
    /// Per channel, the last samples and room for new ones.
    buffers: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

impl PeakDetector {
    /// By how many frames what is known is behind the newest sample.
    pub(super) const DELAY: usize = Eightfold::DELAY;

    pub(super) fn new(channels: usize) -> Self {
        Self {
            interpolator: Eightfold::eightfold(),
            buffers: vec![vec![0.0; Eightfold::HISTORY + 1]; channels],
            scratch: Vec::new(),
        }
    }

    /// For each new frame the height from the frame [`Self::DELAY`] earlier to the next one; 0 where it does not exceed `floor`.
    pub(super) fn push<T: Copy>(
        &mut self,
        planes: &[Vec<T>],
        to_f32: impl Fn(T) -> f32,
        floor: f32,
        heights: &mut Vec<f32>,
    ) {
        heights.clear();
        heights.resize(planes.first().map_or(0, Vec::len), 0.0);
        for (plane, buffer) in planes.iter().zip(&mut self.buffers) {
            buffer.extend(plane.iter().map(|&sample| to_f32(sample)));
            self.scratch.clear();
            self.interpolator.envelope(buffer, floor, &mut self.scratch);
            for (height, &own) in heights.iter_mut().zip(&self.scratch) {
                if own > *height {
                    *height = own;
                }
            }
            buffer.drain(..plane.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn highest(samples: &[f32], block: usize) -> f32 {
        let mut detector = PeakDetector::new(1);
        let (mut heights, mut highest) = (Vec::new(), 0.0_f32);
        for block in samples.chunks(block) {
            detector.push(&[block.to_vec()], |x| x, 0.0, &mut heights);
            highest = heights.iter().copied().fold(highest, f32::max);
        }
        highest
    }

    #[test]
    fn a_sine_of_any_phase_is_seen_within_hundredths_of_a_decibel() {
        for (fnorm, tolerance) in [
            (0.05, 0.01),
            (0.125, 0.01),
            (0.25, 0.01),
            (0.333, 0.02),
            (0.4, 0.03),
        ] {
            for phase in 0..32 {
                let sine: Vec<f32> = (0..3_000)
                    .map(|n| {
                        let n = f64::from(n);
                        let fade = (n / 700.0).min((3_000.0 - n) / 700.0).min(1.0);
                        (fade * (TAU * (fnorm * n + f64::from(phase) / 64.0)).sin()) as f32
                    })
                    .collect();
                let db = 20.0 * f64::from(highest(&sine, 777)).log10();
                assert!(db.abs() < tolerance, "{fnorm} at {phase}: {db}");
            }
        }
    }

    #[test]
    fn blocks_change_no_bit() {
        let mut state = 1_u32;
        let noise: Vec<f32> = (0..3_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect();
        let heights = |block: usize, floor: f32| {
            let mut detector = PeakDetector::new(1);
            let (mut all, mut heights) = (Vec::new(), Vec::new());
            for block in noise.chunks(block) {
                detector.push(&[block.to_vec()], |x| x, floor, &mut heights);
                all.extend_from_slice(&heights);
            }
            all
        };
        for floor in [0.0, 0.9, 1.2] {
            let whole = heights(3_000, floor);
            assert!(whole.iter().any(|&height| height > floor));
            for block in [1, 13, 128, 512] {
                assert_eq!(heights(block, floor), whole, "{block}, {floor}");
            }
        }
    }
}
