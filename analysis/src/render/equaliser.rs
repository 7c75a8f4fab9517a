//! Second-order sections on a stream.
//!
//! A section must wait for its own last result, so that one after the other they leave most of a processor idle. Here they run at
//! once, each one frame behind the one before it: a vector holds four sections of two channels. What each computes, and in which
//! order, is the same as one after the other, bit for bit.

use std::array;

use fearless_simd::{Level, Simd, dispatch, f64x8, mask64x8, prelude::*};

use super::chain::Processor;
use crate::dsp::Biquad;

/// What decays below this is nothing: arithmetic on denormal numbers is very slow.
const NOTHING: f64 = 1e-60;
/// Channels that go together; the last of an odd number goes beside silence.
const PAIR: usize = 2;
/// Sections that a vector holds, and its lanes.
const SECTIONS: usize = 4;
const LANES: usize = PAIR * SECTIONS;

/// Sections one after the other, the same in all channels.
pub(super) struct Filter {
    /// The vectors of sections that run at once, one or two, the last section in the lowest lanes.
    banks: Vec<Vec<Factors>>,
    /// Per pair of channels, what each bank keeps of the past.
    pasts: Vec<Vec<[Past; 2]>>,
    /// A pair of channels, frame by frame, with room for a vector behind the last one.
    frames: Vec<f64>,
}

/// The factors of the sections of a vector, lane by lane.
#[derive(Clone, Copy)]
struct Factors {
    b: [[f64; LANES]; 3],
    a: [[f64; LANES]; 2],
    /// By how many frames a lane is behind the newest one.
    behind: [f64; LANES],
}

/// What the sections of a vector keep of the past.
#[derive(Clone, Copy, Default)]
struct Past {
    one: [f64; LANES],
    two: [f64; LANES],
}

impl Filter {
    pub(super) fn new(sections: &[Biquad], channels: usize) -> Self {
        let banks: Vec<_> = sections.chunks(2 * SECTIONS).map(factors).collect();
        Self {
            pasts: vec![vec![[Past::default(); 2]; banks.len()]; channels.div_ceil(PAIR)],
            banks,
            frames: Vec::new(),
        }
    }
}

/// In front of the first section stands what changes nothing, as often as lanes are left.
fn factors(sections: &[Biquad]) -> Vec<Factors> {
    const IDENTITY: Biquad = Biquad {
        b: [1.0, 0.0, 0.0],
        a: [0.0, 0.0],
    };
    let vectors = sections.len().div_ceil(SECTIONS);
    let missing = vectors * SECTIONS - sections.len();
    let vector = |vector: usize| {
        let behind = |lane: usize| (vectors - vector) * SECTIONS - 1 - lane / PAIR;
        let sections: [Biquad; LANES] = array::from_fn(|lane| {
            let section = behind(lane)
                .checked_sub(missing)
                .and_then(|index| sections.get(index));
            section.copied().unwrap_or(IDENTITY)
        });
        Factors {
            b: array::from_fn(|n| sections.map(|section| section.b[n])),
            a: array::from_fn(|n| sections.map(|section| section.a[n])),
            behind: array::from_fn(|lane| behind(lane) as f64),
        }
    };
    (0..vectors).map(vector).collect()
}

impl Processor for Filter {
    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let count = planes.first().map_or(0, Vec::len);
        for (pair, pasts) in planes.chunks_mut(PAIR).zip(&mut self.pasts) {
            self.frames.clear();
            self.frames.resize(PAIR * (count + 2 * SECTIONS) + LANES, 0.0);
            for (channel, plane) in pair.iter().enumerate() {
                for (frame, &sample) in self.frames.as_chunks_mut::<PAIR>().0.iter_mut().zip(plane) {
                    frame[channel] = sample;
                }
            }
            for (bank, past) in self.banks.iter().zip(pasts) {
                dispatch!(Level::new(), simd => match bank.as_slice() {
                    [one, two] => run(simd, [one, two], past, &mut self.frames, count),
                    [one] => run(simd, [one], past, &mut self.frames, count),
                    _ => {}
                });
            }
            for (channel, plane) in pair.iter_mut().enumerate() {
                for (frame, sample) in self.frames.as_chunks::<PAIR>().0.iter().zip(plane) {
                    *sample = frame[channel];
                }
            }
        }
    }
}

/// Replaces the first `count` of `frames` by what the sections make of them.
#[inline(always)]
fn run<S: Simd, const VECTORS: usize>(
    simd: S,
    factors: [&Factors; VECTORS],
    pasts: &mut [Past],
    frames: &mut [f64],
    count: usize,
) {
    let last = VECTORS * SECTIONS - 1;
    let mut wave = Wave::new(simd, factors, pasts);
    for step in 0..count + last {
        let newest = f64x8::from_slice(simd, &frames[PAIR * step..][..LANES]);
        // The last sections have nothing to do yet when a block begins, the first ones nothing more when it ends.
        if step >= last && step < count {
            wave.advance(newest, [None; VECTORS]);
        } else {
            let (newest_frame, frames) = (step as f64, count as f64);
            let has_frame = |behind: f64x8<S>| {
                behind.simd_le(f64x8::splat(simd, newest_frame))
                    & behind.simd_gt(f64x8::splat(simd, newest_frame - frames))
            };
            wave.advance(newest, wave.behind.map(|behind| Some(has_frame(behind))));
        }
        if let Some(frame) = step.checked_sub(last) {
            // All but the first pair is written over by the next steps.
            wave.out[0].store_slice(&mut frames[PAIR * frame..][..LANES]);
        }
    }
    wave.keep(pasts);
}

/// The sections while they run.
struct Wave<S: Simd, const VECTORS: usize> {
    simd: S,
    b: [[f64x8<S>; 3]; VECTORS],
    a: [[f64x8<S>; 2]; VECTORS],
    behind: [f64x8<S>; VECTORS],
    one: [f64x8<S>; VECTORS],
    two: [f64x8<S>; VECTORS],
    /// What each section gave last.
    out: [f64x8<S>; VECTORS],
}

impl<S: Simd, const VECTORS: usize> Wave<S, VECTORS> {
    #[inline(always)]
    fn new(simd: S, factors: [&Factors; VECTORS], pasts: &[Past]) -> Self {
        let load = |lanes: &[f64; LANES]| f64x8::from_slice(simd, lanes);
        Self {
            simd,
            b: array::from_fn(|vector| array::from_fn(|n| load(&factors[vector].b[n]))),
            a: array::from_fn(|vector| array::from_fn(|n| load(&factors[vector].a[n]))),
            behind: array::from_fn(|vector| load(&factors[vector].behind)),
            one: array::from_fn(|vector| load(&pasts[vector].one)),
            two: array::from_fn(|vector| load(&pasts[vector].two)),
            out: [f64x8::splat(simd, 0.0); VECTORS],
        }
    }

    /// Each section takes what the one before it gave last, the first one the lowest lanes of `newest`. Lanes that are not
    /// `valid` keep their past. Transposed direct form II, which rounds least in double precision.
    #[inline(always)]
    fn advance(&mut self, newest: f64x8<S>, valid: [Option<mask64x8<S>>; VECTORS]) {
        let (zero, nothing) = (f64x8::splat(self.simd, 0.0), f64x8::splat(self.simd, NOTHING));
        let or_nothing = |value: f64x8<S>| value.abs().simd_lt(nothing).select(zero, value);
        for vector in 0..VECTORS {
            // The vectors before this one have new results, those behind it, which feed it, still the last ones.
            let before = self.out.get(vector + 1).copied().unwrap_or(newest);
            let input = self.out[vector].slide::<PAIR>(before);
            let ([b0, b1, b2], [a1, a2]) = (self.b[vector], self.a[vector]);
            let output = b0 * input + self.one[vector];
            let one = or_nothing(b1 * input - a1 * output + self.two[vector]);
            let two = or_nothing(b2 * input - a2 * output);
            self.out[vector] = output;
            match valid[vector] {
                Some(valid) => {
                    self.one[vector] = valid.select(one, self.one[vector]);
                    self.two[vector] = valid.select(two, self.two[vector]);
                }
                None => (self.one[vector], self.two[vector]) = (one, two),
            }
        }
    }

    #[inline(always)]
    fn keep(&self, pasts: &mut [Past]) {
        for (past, (one, two)) in pasts.iter_mut().zip(self.one.iter().zip(&self.two)) {
            one.store_slice(&mut past.one);
            two.store_slice(&mut past.two);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::design::{Band, BandShape, high_pass};

    /// The response of the impulse response, in dB, at some frequencies.
    fn measured_db(filter: &mut Filter, rate: f64, hz: f64) -> f64 {
        let mut impulse = vec![vec![0.0; 1 << 17]];
        impulse[0][0] = 1.0;
        filter.process(&mut impulse);
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in impulse[0].iter().enumerate() {
            let angle = std::f64::consts::TAU * hz * n as f64 / rate;
            re += sample * angle.cos();
            im += sample * angle.sin();
        }
        10.0 * (re * re + im * im).log10()
    }

    #[test]
    fn the_stream_has_the_analytic_response_within_minus_100_db() {
        let rate = 44_100.0;
        let bands = [
            (BandShape::Bell, 60.0, 1.4, -3.0),
            (BandShape::Bell, 280.0, 0.9, -3.0),
            (BandShape::Bell, 6_700.0, 0.8, 2.0),
            (BandShape::HighShelf, 10_000.0, 0.707, -3.0),
            (BandShape::LowShelf, 100.0, 0.707, 3.0),
        ];
        for (shape, hz, q, db) in bands {
            let band = Band { shape, hz, q, db };
            for at in [
                20.0, 55.0, 110.0, 300.0, 1_000.0, 4_000.0, 9_000.0, 16_000.0, 20_000.0,
            ] {
                let mut filter = Filter::new(&[band.design(rate)], 1);
                let difference = measured_db(&mut filter, rate, at) - band.response_db(at, rate);
                // 1e-5 of the amplitude is −100 dB.
                assert!(difference.abs() < 8.7e-5, "{band:?} at {at} Hz: {difference} dB");
            }
        }
    }

    /// One section after the other, sample by sample.
    fn by_definition(sections: &[Biquad], samples: &mut [f64]) {
        let or_nothing = |value: f64| if value.abs() < NOTHING { 0.0 } else { value };
        for Biquad { b, a } in sections {
            let (mut one, mut two) = (0.0, 0.0);
            for sample in samples.iter_mut() {
                let input = std::mem::replace(sample, b[0] * *sample + one);
                one = or_nothing(b[1] * input - a[0] * *sample + two);
                two = or_nothing(b[2] * input - a[1] * *sample);
            }
        }
    }

    #[test]
    fn sections_at_once_are_sections_one_after_the_other() {
        let band = |at: usize| Band {
            shape: BandShape::Bell,
            hz: 90.0 * (at * at) as f64 + 60.0,
            q: 0.8,
            db: if at.is_multiple_of(2) { 3.0 } else { -4.0 },
        };
        for count in 1..=11 {
            let sections: Vec<Biquad> = (0..count).map(|at| band(at).design(44_100.0)).collect();
            for channels in 1..=3 {
                let noise = |n: usize| ((n * 7_919 % 1_009) as f64 / 504.5) - 1.0;
                // What dies away comes to rest at the same sample.
                let sound = |channel: usize, n: usize| if n < 700 { noise(n + 31 * channel) } else { 0.0 };
                let mut planes: Vec<Vec<f64>> = (0..channels)
                    .map(|channel| (0..9_000).map(|n| sound(channel, n)).collect())
                    .collect();
                let mut expected = planes.clone();
                expected
                    .iter_mut()
                    .for_each(|plane| by_definition(&sections, plane));
                Filter::new(&sections, channels).process(&mut planes);
                assert_eq!(planes, expected, "{count} sections, {channels} channels");
            }
        }
    }

    #[test]
    fn blocks_change_no_bit() {
        let sections = high_pass(20.0, 4, 48_000.0);
        let noise = |n: usize| ((n * 7_919 % 1_009) as f64 / 504.5) - 1.0;
        let whole: Vec<f64> = (0..5_000).map(noise).collect();
        let mut expected = vec![whole.clone()];
        Filter::new(&sections, 1).process(&mut expected);
        for block in [1, 13, 128, 512, 4_096] {
            let mut filter = Filter::new(&sections, 1);
            let mut out = Vec::new();
            for piece in whole.chunks(block) {
                let mut planes = vec![piece.to_vec()];
                filter.process(&mut planes);
                out.extend(planes.remove(0));
            }
            assert_eq!(out, expected[0], "{block}");
        }
    }
}
