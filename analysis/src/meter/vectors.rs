//! Loops for whatever vectors the processor has.
//!
//! The loops are ordinary code over a fixed number of lanes; only the compiler's choice of instructions differs.
//! Nothing is fused or reordered, so every processor gives the same bits.

use fearless_simd::{Level, Simd, dispatch};

/// Runs `work` as compiled for the widest vectors of this processor. What it calls must be `#[inline(always)]`, or it
/// stays as the baseline has it.
#[inline(always)]
pub(super) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    dispatch!(Level::new(), simd => simd.vectorize(work))
}

/// The largest absolute value, for loops that are vectorised already.
#[inline(always)]
pub(super) fn loudest_inline(samples: &[f32]) -> f32 {
    const LANES: usize = 32;
    let mut peaks = [0.0_f32; LANES];
    let (chunks, rest) = samples.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            peaks[lane] = larger(peaks[lane], chunk[lane].abs());
        }
    }
    for (peak, sample) in peaks.iter_mut().zip(rest) {
        *peak = larger(*peak, sample.abs());
    }
    folded(peaks, larger)
}

/// The smallest and the largest value; infinite where there is none.
pub(super) fn extremes(samples: &[f32]) -> (f32, f32) {
    vectorised(|| extremes_inline(samples))
}

#[inline(always)]
fn extremes_inline(samples: &[f32]) -> (f32, f32) {
    const LANES: usize = 32;
    let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let (chunks, rest) = samples.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            low[lane] = smaller(low[lane], chunk[lane]);
            high[lane] = larger(high[lane], chunk[lane]);
        }
    }
    for ((low, high), &sample) in low.iter_mut().zip(&mut high).zip(rest) {
        *low = smaller(*low, sample);
        *high = larger(*high, sample);
    }
    (folded(low, smaller), folded(high, larger))
}

/// One instruction, which [`f32::max`] with its care for NaN is not.
#[inline(always)]
pub(super) fn larger(one: f32, other: f32) -> f32 {
    if other > one { other } else { one }
}

#[inline(always)]
fn smaller(one: f32, other: f32) -> f32 {
    if other < one { other } else { one }
}

/// All lanes as one, by halves.
#[inline(always)]
fn folded<const LANES: usize>(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}
