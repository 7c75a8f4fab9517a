//! Loops for whatever vectors the processor has.
//!
//! Vectors have a fixed number of lanes and nothing is fused, so these loops give the same bits on every processor; only
//! the instructions differ. Where the compiler's own choice is good enough, other loops stay plain.

use fearless_simd::{Level, dispatch, f32x16, prelude::*};

/// Lanes of the vectors here; narrower processors take several instructions for one.
const LANES: usize = 16;

/// The smallest and the largest of some samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Extremes {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Extremes {
    /// Of no samples; any sample widens it.
    pub(super) const NONE: Self = Self {
        low: f32::INFINITY,
        high: f32::NEG_INFINITY,
    };

    /// Of both.
    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            low: if other.low < self.low { other.low } else { self.low },
            high: larger(self.high, other.high),
        }
    }
}

/// The smallest and the largest value, [`Extremes::NONE`] where there is none.
pub(super) fn extremes(samples: &[f32]) -> Extremes {
    dispatch!(Level::new(), simd => extremes_with(simd, samples))
}

#[inline(always)]
fn extremes_with<S: Simd>(simd: S, samples: &[f32]) -> Extremes {
    let mut low = f32x16::splat(simd, f32::INFINITY);
    let mut high = f32x16::splat(simd, f32::NEG_INFINITY);
    let (chunks, rest) = samples.as_chunks::<LANES>();
    for chunk in chunks {
        let chunk = f32x16::from_slice(simd, chunk);
        low = low.min(chunk);
        high = high.max(chunk);
    }
    let lanes = Extremes {
        low: low.reduce_min(),
        high: high.reduce_max(),
    };
    let samples = rest.iter().map(|&sample| Extremes {
        low: sample,
        high: sample,
    });
    samples.fold(lanes, Extremes::joined)
}

/// The largest absolute value.
#[inline(always)]
pub(super) fn loudest<S: Simd>(simd: S, samples: &[f32]) -> f32 {
    let mut peaks = f32x16::splat(simd, 0.0);
    let (chunks, rest) = samples.as_chunks::<LANES>();
    for chunk in chunks {
        peaks = peaks.max(f32x16::from_slice(simd, chunk).abs());
    }
    let peak = peaks.reduce_max();
    rest.iter().fold(peak, |peak, sample| larger(peak, sample.abs()))
}

/// The sum of products.
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    dispatch!(Level::new(), simd => dot_with(simd, one, other))
}

#[inline(always)]
fn dot_with<S: Simd>(simd: S, one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [f32x16::splat(simd, 0.0); 4];
    let (chunks, rest) = one.as_chunks::<{ 4 * LANES }>();
    let (other_chunks, other_rest) = other.as_chunks::<{ 4 * LANES }>();
    for (one, other) in chunks.iter().zip(other_chunks) {
        let vectors = one
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(other.as_chunks::<LANES>().0);
        for (sum, (one, other)) in sums.iter_mut().zip(vectors) {
            *sum += f32x16::from_slice(simd, one) * f32x16::from_slice(simd, other);
        }
    }
    let [a, b, c, d] = sums;
    let rest: f32 = rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    ((a + b) + (c + d)).reduce_sum() + rest
}

/// One instruction, which [`f32::max`] with its care for NaN is not.
#[inline(always)]
pub(super) fn larger(one: f32, other: f32) -> f32 {
    if other > one { other } else { one }
}

/// All lanes as one, by halves; their number is a power of two.
#[inline(always)]
pub(super) fn folded<T: Copy, const LANES: usize>(mut lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_and_what_is_left_over_count_alike() {
        for len in [0, 1, 15, 16, 17, 63, 64, 65, 1_000] {
            let samples: Vec<f32> = (0..len).map(|n| ((n * 37) % 101) as f32 - 50.0).collect();
            let largest = samples.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let smallest = samples.iter().copied().fold(f32::INFINITY, f32::min);
            let expected = Extremes {
                low: smallest,
                high: largest,
            };
            assert_eq!(extremes(&samples), expected, "{len}");
            let peak = dispatch!(Level::new(), simd => loudest(simd, &samples));
            assert_eq!(peak, largest.max(-smallest).max(0.0), "{len}");
            // Whole numbers below 2^24 add up exactly in any order.
            let squares: f32 = samples.iter().map(|sample| sample * sample).sum();
            assert_eq!(dot(&samples, &samples), squares, "{len}");
        }
    }
}
