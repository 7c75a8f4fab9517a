//! A complex Fourier transform of 2ⁿ points whose every bit is the same on every processor.
//!
//! Stockham's self-sorting form in radix 4, real and imaginary parts apart. A vector of it holds independent butterflies,
//! so its width changes no sum; nothing is fused, and the twiddle factors come from [`libm`]. Crates choose an algorithm by
//! the processor, and with it other roundings (docs/adr/0006).

use std::f64::consts::TAU;

use fearless_simd::{Level, Simd, dispatch, f32x4, f32x16, prelude::*};

/// The smallest transform.
const SHORTEST: usize = 16;

/// Complex numbers, real and imaginary parts apart.
#[derive(Debug, Clone)]
pub(crate) struct SplitComplex {
    pub(crate) re: Vec<f32>,
    pub(crate) im: Vec<f32>,
}

impl SplitComplex {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self {
            re: vec![0.0; len],
            im: vec![0.0; len],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.re.len()
    }
}

/// A forward transform, X(k) = Σ x(n) e^(−2πi nk/N), without a factor.
pub(crate) struct Fft {
    passes: Vec<Pass>,
    /// What one pass leaves for the next.
    work: SplitComplex,
}

/// One pass over all points.
enum Pass {
    /// The first: butterflies lie side by side, so their factors are vectors.
    First(SplitFactors),
    /// Butterflies of `stride` points share their factors.
    Radix4 { stride: usize, factors: Vec<Factors> },
    /// The last one of an odd power of two.
    Radix2,
}

/// w, w² and w³ of each butterfly of the first pass.
struct SplitFactors([SplitComplex; 3]);

/// w, w² and w³ of one butterfly, as (real, imaginary).
struct Factors([(f32, f32); 3]);

impl Fft {
    /// Of `len` points: a power of two from 16 on; anything else is rounded up to one.
    pub(crate) fn new(len: usize) -> Self {
        let len = len.next_power_of_two().max(SHORTEST);
        let mut passes = Vec::new();
        let (mut points, mut stride) = (len, 1);
        while points >= 4 {
            let butterflies = points / 4;
            let factor = |p: usize, power: usize| {
                let angle = TAU * (p * power) as f64 / points as f64;
                (libm::cos(angle) as f32, -libm::sin(angle) as f32)
            };
            passes.push(if stride == 1 {
                Pass::First(SplitFactors(std::array::from_fn(|power| {
                    let factors = (0..butterflies).map(|p| factor(p, power + 1));
                    let (re, im) = factors.unzip();
                    SplitComplex { re, im }
                })))
            } else {
                Pass::Radix4 {
                    stride,
                    factors: (0..butterflies)
                        .map(|p| Factors(std::array::from_fn(|power| factor(p, power + 1))))
                        .collect(),
                }
            });
            points /= 4;
            stride *= 4;
        }
        if points == 2 {
            passes.push(Pass::Radix2);
        }
        Self {
            passes,
            work: SplitComplex::zeros(len),
        }
    }

    /// Replaces `points`, as many as the transform has, by their spectrum.
    pub(crate) fn transform(&mut self, points: &mut SplitComplex) {
        assert_eq!(points.len(), self.work.len());
        dispatch!(Level::new(), simd => self.transform_with(simd, points));
    }

    #[inline(always)]
    fn transform_with<S: Simd>(&mut self, simd: S, points: &mut SplitComplex) {
        for pass in &self.passes {
            match pass {
                Pass::First(factors) => first_pass(simd, factors, points, &mut self.work),
                Pass::Radix4 { stride: 4, factors } => {
                    radix4::<S, f32x4<S>>(simd, 4, factors, points, &mut self.work);
                }
                Pass::Radix4 { stride, factors } => {
                    radix4::<S, f32x16<S>>(simd, *stride, factors, points, &mut self.work);
                }
                Pass::Radix2 => radix2::<S>(simd, points, &mut self.work),
            }
            std::mem::swap(points, &mut self.work);
        }
    }
}

/// Sums and differences of four points, before they are turned by their factors.
#[inline(always)]
fn butterfly<S: Simd, V: SimdFloat<S, Element = f32>>([a, b, c, d]: [Complex<V>; 4]) -> [Complex<V>; 4] {
    let (sum, difference) = (a.plus(c), a.minus(c));
    let (other_sum, other_difference) = (b.plus(d), b.minus(d));
    [
        sum.plus(other_sum),
        // −i times the other difference.
        Complex {
            re: difference.re + other_difference.im,
            im: difference.im - other_difference.re,
        },
        sum.minus(other_sum),
        Complex {
            re: difference.re - other_difference.im,
            im: difference.im + other_difference.re,
        },
    ]
}

/// Vectors of real and imaginary parts.
#[derive(Clone, Copy)]
struct Complex<V> {
    re: V,
    im: V,
}

impl<V: Copy + std::ops::Add<Output = V> + std::ops::Sub<Output = V> + std::ops::Mul<Output = V>> Complex<V> {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }

    #[inline(always)]
    fn times(self, re: V, im: V) -> Self {
        Self {
            re: self.re * re - self.im * im,
            im: self.re * im + self.im * re,
        }
    }
}

/// The four quarters of the points.
fn quarters(points: &[f32]) -> [&[f32]; 4] {
    let (low, high) = points.split_at(points.len() / 2);
    let ((a, b), (c, d)) = (low.split_at(low.len() / 2), high.split_at(high.len() / 2));
    [a, b, c, d]
}

#[inline(always)]
fn first_pass<S: Simd>(simd: S, factors: &SplitFactors, from: &SplitComplex, to: &mut SplitComplex) {
    const LANES: usize = 4;
    let (re, im) = (quarters(&from.re), quarters(&from.im));
    let outputs = to
        .re
        .chunks_exact_mut(4 * LANES)
        .zip(to.im.chunks_exact_mut(4 * LANES));
    for (index, (to_re, to_im)) in outputs.enumerate() {
        let at = index * LANES..(index + 1) * LANES;
        let load = |values: &[f32]| f32x4::from_slice(simd, &values[at.clone()]);
        let points = std::array::from_fn(|quarter| Complex {
            re: load(re[quarter]),
            im: load(im[quarter]),
        });
        let [first, rest @ ..] = butterfly(points);
        let [w1, w2, w3] = &factors.0;
        let [second, third, fourth] = [(rest[0], w1), (rest[1], w2), (rest[2], w3)]
            .map(|(value, factor)| value.times(load(&factor.re), load(&factor.im)));
        store_transposed(simd, [first.re, second.re, third.re, fourth.re], to_re);
        store_transposed(simd, [first.im, second.im, third.im, fourth.im], to_im);
    }
}

/// Stores the first lanes of all vectors, then the second lanes, and so on.
#[inline(always)]
fn store_transposed<S: Simd>(simd: S, [a, b, c, d]: [f32x4<S>; 4], to: &mut [f32]) {
    let (low_ac, low_bd) = (simd.zip_low_f32x4(a, c), simd.zip_low_f32x4(b, d));
    let (high_ac, high_bd) = (simd.zip_high_f32x4(a, c), simd.zip_high_f32x4(b, d));
    let rows = [
        simd.zip_low_f32x4(low_ac, low_bd),
        simd.zip_high_f32x4(low_ac, low_bd),
        simd.zip_low_f32x4(high_ac, high_bd),
        simd.zip_high_f32x4(high_ac, high_bd),
    ];
    for (row, to) in rows.iter().zip(to.chunks_exact_mut(4)) {
        row.store_slice(to);
    }
}

#[inline(always)]
fn radix4<S: Simd, V: SimdFloat<S, Element = f32>>(
    simd: S,
    stride: usize,
    factors: &[Factors],
    from: &SplitComplex,
    to: &mut SplitComplex,
) {
    let (re, im) = (quarters(&from.re), quarters(&from.im));
    let outputs = to
        .re
        .chunks_exact_mut(4 * stride)
        .zip(to.im.chunks_exact_mut(4 * stride));
    for ((index, Factors(factors)), (to_re, to_im)) in factors.iter().enumerate().zip(outputs) {
        let re = re.map(|quarter| &quarter[index * stride..(index + 1) * stride]);
        let im = im.map(|quarter| &quarter[index * stride..(index + 1) * stride]);
        for at in (0..stride).step_by(V::LEN) {
            let points = std::array::from_fn(|quarter| Complex {
                re: V::from_slice(simd, &re[quarter][at..at + V::LEN]),
                im: V::from_slice(simd, &im[quarter][at..at + V::LEN]),
            });
            let mut turned = butterfly(points);
            // The last pass has a single factor, and it is 1.
            if index > 0 {
                for (value, &(re, im)) in turned[1..].iter_mut().zip(factors) {
                    *value = Complex {
                        re: value.re * re - value.im * im,
                        im: value.re * im + value.im * re,
                    };
                }
            }
            for (part, value) in turned.iter().enumerate() {
                let at = part * stride + at;
                value.re.store_slice(&mut to_re[at..at + V::LEN]);
                value.im.store_slice(&mut to_im[at..at + V::LEN]);
            }
        }
    }
}

#[inline(always)]
fn radix2<S: Simd>(simd: S, from: &SplitComplex, to: &mut SplitComplex) {
    for (from, to) in [(&from.re, &mut to.re), (&from.im, &mut to.im)] {
        let (low, high) = from.split_at(from.len() / 2);
        let (to_low, to_high) = to.split_at_mut(from.len() / 2);
        let inputs = low.chunks_exact(4).zip(high.chunks_exact(4));
        let outputs = to_low.chunks_exact_mut(4).zip(to_high.chunks_exact_mut(4));
        for ((low, high), (to_low, to_high)) in inputs.zip(outputs) {
            let (low, high) = (f32x4::from_slice(simd, low), f32x4::from_slice(simd, high));
            (low + high).store_slice(to_low);
            (low - high).store_slice(to_high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, in double precision.
    fn defined(points: &SplitComplex, k: usize) -> (f64, f64) {
        let len = points.len();
        (0..len).fold((0.0, 0.0), |(re, im), n| {
            let angle = -TAU * (n * k % len) as f64 / len as f64;
            let (x, y) = (f64::from(points.re[n]), f64::from(points.im[n]));
            (
                re + x * angle.cos() - y * angle.sin(),
                im + x * angle.sin() + y * angle.cos(),
            )
        })
    }

    #[test]
    fn every_length_is_the_defined_transform() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        for bits in 4..=12 {
            let len = 1 << bits;
            let points = SplitComplex {
                re: (0..len).map(|_| noise()).collect(),
                im: (0..len).map(|_| noise()).collect(),
            };
            let mut spectrum = points.clone();
            Fft::new(len).transform(&mut spectrum);
            for k in (0..len).step_by((len / 64).max(1)) {
                let (re, im) = defined(&points, k);
                let error = (f64::from(spectrum.re[k]) - re).hypot(f64::from(spectrum.im[k]) - im);
                assert!(
                    error < 2e-6 * (len as f64).sqrt() * f64::from(bits),
                    "{k} of {len}: {error}"
                );
            }
        }
    }
}
