//! The values of a waveform between its samples, by a windowed sinc, as far as they can raise a maximum.
//!
//! Most values need not be computed to know that they cannot: a value between two others resembles them, and what it
//! may have beyond them is bounded by the largest sample around. See [`Phase::reach`].

use std::f64::consts::PI;

use fearless_simd::{Level, dispatch, f32x16, prelude::*};

use super::vectors::{larger, loudest};
use crate::dsp::bessel_i0;

/// Samples examined, and perhaps skipped, at a time.
const TILE: usize = 32;
/// A sum of 32 products in single precision errs by less than this part of the largest sample, even if the errors of
/// all sums that a bound is made from come together.
const ROUNDING: f64 = 1e-4;

/// An interpolator of `BETWEEN` values between each pair of samples, each from `TAPS` samples. `BETWEEN` is one less
/// than a power of two.
pub(crate) struct Interpolator<const BETWEEN: usize, const TAPS: usize> {
    /// Phase n is `n / (BETWEEN + 1)` behind a sample; phase 0, which is not here, is the samples themselves.
    phases: [Phase<TAPS>; BETWEEN],
}

/// One of the values between two samples.
#[derive(Clone, Copy)]
struct Phase<const TAPS: usize> {
    /// In the order of time.
    taps: [f32; TAPS],
    /// No value exceeds the largest sample that it is made from by more than this factor.
    gain: f32,
    /// Nor does it exceed this much of its neighbours and this much of the largest sample.
    of_neighbours: f32,
    of_samples: f32,
}

impl<const TAPS: usize> Phase<TAPS> {
    /// With taps h, and g the sum of the taps of its neighbours on the next coarser grid, as far as they are no samples:
    /// h = c·g + (h − c·g) for any c, so that |value| ≤ |c|·Σ|neighbours| + ‖h − c·g‖₁·(largest sample). That sum of
    /// absolute values is smallest at one of its corners, where a tap of h − c·g is zero.
    fn new(taps: [f32; TAPS], neighbours: &[[f32; TAPS]]) -> Self {
        let h = taps.map(f64::from);
        let g: [f64; TAPS] =
            std::array::from_fn(|tap| neighbours.iter().map(|taps| f64::from(taps[tap])).sum());
        let rest = |c: f64| h.iter().zip(g).map(|(h, g)| (h - c * g).abs()).sum::<f64>();
        let cost = |c: f64| c.abs() * neighbours.len() as f64 + rest(c);
        let corners = h.iter().zip(g).map(|(h, g)| h / g).filter(|c| c.is_finite());
        let c = corners.fold(0.0, |best, c| if cost(c) < cost(best) { c } else { best });
        Self {
            taps,
            gain: (rest(0.0) + ROUNDING) as f32,
            of_neighbours: c.abs() as f32,
            of_samples: (rest(c) + ROUNDING) as f32,
        }
    }

    /// What no value of this phase exceeds, where its neighbours do not exceed `neighbours` together, nor samples
    /// `loudest`.
    #[inline(always)]
    fn reach(&self, neighbours: f32, loudest: f32) -> f32 {
        let alone = self.gain * loudest;
        let beside = self.of_neighbours * neighbours + self.of_samples * loudest;
        if beside < alone { beside } else { alone }
    }
}

/// A maximum and its place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Peak {
    /// Absolute value.
    pub(super) level: f32,
    /// In frames from the start; between two samples it is no whole number.
    pub(super) frame: f64,
}

impl Peak {
    pub(super) fn raise(&mut self, level: f32, frame: f64) {
        if level > self.level {
            *self = Self {
                level,
                frame: frame.max(0.0),
            };
        }
    }
}

impl Interpolator<3, 12> {
    /// The filter of libebur128 and of the `ebur128` crate: a sinc under a Hann window.
    pub(super) fn fourfold() -> Self {
        Self::new(|x| 0.5 * (1.0 + libm::cos(PI * x)), false)
    }
}

impl Interpolator<7, 32> {
    /// A sinc under a Kaiser window (β = 5), level to 0.45 of the sample rate.
    pub(crate) fn eightfold() -> Self {
        Self::new(|x| kaiser(5.0, x), true)
    }
}

impl Interpolator<15, 64> {
    /// A sinc under a Kaiser window (β = 8), level to 0.46 of the sample rate: a second opinion on what the others hold.
    pub(super) fn sixteenfold() -> Self {
        Self::new(|x| kaiser(8.0, x), true)
    }
}

/// The Kaiser window of this β, from −1 to 1.
fn kaiser(beta: f64, x: f64) -> f64 {
    bessel_i0(beta * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(beta)
}

impl<const BETWEEN: usize, const TAPS: usize> Interpolator<BETWEEN, TAPS> {
    /// Samples before the newest one that are needed.
    pub(crate) const HISTORY: usize = TAPS - 1;
    /// How many samples a value lies behind the newest one that it is made from.
    pub(crate) const DELAY: usize = TAPS / 2;

    /// `window` is defined from −1 to 1.
    fn new(window: impl Fn(f64) -> f64, has_unit_gain: bool) -> Self {
        let half = TAPS as f64 / 2.0;
        let taps: [[f32; TAPS]; BETWEEN] = std::array::from_fn(|index| {
            let fraction = (index + 1) as f64 / (BETWEEN + 1) as f64;
            let coefficients: [f64; TAPS] = std::array::from_fn(|tap| {
                // Distance of this sample from the value, in samples.
                let x = (TAPS - 1 - tap) as f64 + fraction - half;
                let sinc = if x == 0.0 {
                    1.0
                } else {
                    libm::sin(PI * x) / (PI * x)
                };
                sinc * window(x / half)
            });
            let gain = if has_unit_gain {
                coefficients.iter().sum()
            } else {
                1.0
            };
            coefficients.map(|c| (c / gain) as f32)
        });
        Self {
            phases: std::array::from_fn(|index| {
                let neighbours: Vec<[f32; TAPS]> = neighbours(index + 1)
                    .into_iter()
                    .filter_map(|phase| taps.get(phase.checked_sub(1)?).copied())
                    .collect();
                Phase::new(taps[index], &neighbours)
            }),
        }
    }

    /// Raises `peak` to the largest value, sampled or interpolated, that the samples of `buffer` behind its first
    /// [`Self::HISTORY`] complete. `tiles` are the largest absolute values of each [`TILE`] of samples;
    /// `first_frame` is the frame of the sample behind the history.
    pub(super) fn raise(&self, peak: &mut Peak, buffer: &[f32], tiles: &TilePeaks, first_frame: u64) {
        dispatch!(Level::new(), simd => self.raise_with(simd, peak, buffer, tiles, first_frame));
    }

    #[inline(always)]
    fn raise_with<S: Simd>(
        &self,
        simd: S,
        peak: &mut Peak,
        buffer: &[f32],
        tiles: &TilePeaks,
        first_frame: u64,
    ) {
        let new = buffer.len().saturating_sub(Self::HISTORY);
        let mut start = 0;
        while start < new {
            let len = TILE.min(new - start);
            let around = &buffer[start..start + len + Self::HISTORY];
            let highest = tiles.around(start, len, Self::HISTORY);
            self.examine(simd, peak, around, highest, first_frame + start as u64);
            start += len;
        }
    }

    /// From coarse to fine: first the samples, then the values halfway between them, then the quarters, and so on, each
    /// only if it can exceed the peak so far. What is skipped changes nothing.
    #[inline(always)]
    fn examine<S: Simd>(&self, simd: S, peak: &mut Peak, around: &[f32], highest: f32, first_frame: u64) {
        let len = around.len() - Self::HISTORY;
        if highest > peak.level {
            let samples = &around[Self::HISTORY - Self::DELAY..][..len];
            Self::look(peak, loudest(simd, samples), samples, first_frame, 0);
        }
        // What no value of a phase exceeds.
        let mut reaches = [0.0_f32; BETWEEN];
        let mut step = BETWEEN.div_ceil(2);
        while step > 0 {
            for phase in (step..=BETWEEN).step_by(2 * step) {
                let beside = neighbours(phase)
                    .into_iter()
                    .filter_map(|phase| reaches.get(phase.wrapping_sub(1)))
                    .sum();
                let mut reach = self.phases[phase - 1].reach(beside, highest);
                if reach > peak.level {
                    let mut values = [0.0_f32; TILE];
                    convolve(simd, &self.phases[phase - 1].taps, around, &mut values[..len]);
                    reach = loudest(simd, &values);
                    Self::look(peak, reach, &values[..len], first_frame, phase);
                }
                reaches[phase - 1] = reach;
            }
            step /= 2;
        }
    }

    /// For each sample that the samples of `buffer` behind its first [`Self::HISTORY`] + 1 complete ([`Self::DELAY`] before the
    /// newest): the largest absolute value from there to the next sample, with a parabola through each highest value of the grid
    /// and its neighbours. 0 where that does not exceed `floor`.
    pub(crate) fn envelope(&self, buffer: &[f32], floor: f32, envelope: &mut Vec<f32>) {
        dispatch!(Level::new(), simd => self.envelope_with(simd, buffer, floor, envelope));
    }

    #[inline(always)]
    fn envelope_with<S: Simd>(&self, simd: S, buffer: &[f32], floor: f32, envelope: &mut Vec<f32>) {
        let new = buffer.len().saturating_sub(Self::HISTORY + 1);
        // What a parabola adds to its highest value is less than a twentieth of it.
        let sure = floor * 0.95;
        let mut start = 0;
        while start < new {
            let len = TILE.min(new - start);
            let around = &buffer[start + 1..start + 1 + len + Self::HISTORY];
            let highest = loudest(simd, around);
            let mut values = [[0.0_f32; TILE]; BETWEEN];
            let mut reaches = [0.0_f32; BETWEEN];
            let mut step = BETWEEN.div_ceil(2);
            let mut is_computed = [false; BETWEEN];
            while step > 0 {
                for phase in (step..=BETWEEN).step_by(2 * step) {
                    let beside = neighbours(phase)
                        .into_iter()
                        .filter_map(|phase| reaches.get(phase.wrapping_sub(1)))
                        .sum();
                    let mut reach = self.phases[phase - 1].reach(beside, highest);
                    if reach > sure {
                        let taps = &self.phases[phase - 1].taps;
                        convolve(simd, taps, around, &mut values[phase - 1][..len]);
                        reach = loudest(simd, &values[phase - 1]);
                        is_computed[phase - 1] = true;
                    }
                    reaches[phase - 1] = reach;
                }
                step /= 2;
            }
            if reaches.into_iter().fold(highest, larger) <= sure {
                envelope.resize(envelope.len() + len, 0.0);
            } else {
                for ((phase, values), is_computed) in self.phases.iter().zip(&mut values).zip(is_computed) {
                    if !is_computed {
                        convolve(simd, &phase.taps, around, &mut values[..len]);
                    }
                }
                self.refine(
                    &values,
                    &buffer[start..start + 1 + len + Self::HISTORY],
                    floor,
                    envelope,
                );
            }
            start += len;
        }
    }

    /// The envelope of a tile whose values are all known; `around` has one sample more in front.
    #[inline(always)]
    fn refine(&self, values: &[[f32; TILE]; BETWEEN], around: &[f32], floor: f32, envelope: &mut Vec<f32>) {
        let samples = &around[Self::HISTORY + 1 - Self::DELAY..];
        let last = &self.phases[BETWEEN - 1].taps;
        let mut before = last
            .iter()
            .zip(around)
            .fold(0.0, |sum, (tap, sample)| sum + tap * sample);
        for at in 0..around.len() - Self::HISTORY - 1 {
            let value = |point: usize| match point {
                0 => samples[at],
                point if point <= BETWEEN => values[point - 1][at],
                _ => samples[at + 1],
            };
            let mut highest = larger(samples[at].abs(), samples[at + 1].abs());
            let mut left = before;
            for point in 0..=BETWEEN {
                let middle = value(point);
                highest = larger(highest, vertex(left, middle, value(point + 1)));
                left = middle;
            }
            before = left;
            envelope.push(if highest > floor { highest } else { 0.0 });
        }
    }

    /// Raises `peak` to the `highest` of `values`.
    #[inline(always)]
    fn look(peak: &mut Peak, highest: f32, values: &[f32], first_frame: u64, phase: usize) {
        if highest > peak.level {
            let index = values
                .iter()
                .position(|value| value.abs() == highest)
                .unwrap_or(0);
            let fraction = phase as f64 / (BETWEEN + 1) as f64;
            let frame = (first_frame + index as u64) as f64 - Self::DELAY as f64 + fraction;
            peak.raise(highest, frame);
        }
    }
}

/// The absolute height of the parabola through three equally distant values, where the middle one is the highest; that of the
/// middle one otherwise.
#[inline(always)]
fn vertex(left: f32, middle: f32, right: f32) -> f32 {
    let (left, right) = if middle < 0.0 {
        (-left, -right)
    } else {
        (left, right)
    };
    let height = middle.abs();
    let bend = left + right - 2.0 * height;
    if height < left || height < right || bend >= 0.0 {
        return height;
    }
    let slope = left - right;
    height - slope * slope / (8.0 * bend)
}

/// The phases next to `phase` on the coarsest grid that it is not on itself.
#[inline(always)]
fn neighbours(phase: usize) -> [usize; 2] {
    let step = 1 << phase.trailing_zeros();
    [phase - step, phase + step]
}

#[inline(always)]
fn convolve<S: Simd, const TAPS: usize>(simd: S, taps: &[f32; TAPS], around: &[f32], values: &mut [f32]) {
    if values.len() == TILE {
        let (mut low, mut high) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, 0.0));
        for (&tap, window) in taps.iter().zip(around.windows(TILE)) {
            let (samples_low, samples_high) = window.split_at(TILE / 2);
            low += f32x16::from_slice(simd, samples_low) * tap;
            high += f32x16::from_slice(simd, samples_high) * tap;
        }
        let (values_low, values_high) = values.split_at_mut(TILE / 2);
        low.store_slice(values_low);
        high.store_slice(values_high);
    } else {
        for (value, window) in values.iter_mut().zip(around.windows(TAPS)) {
            let products = taps.iter().zip(window);
            *value = products.fold(0.0, |sum, (tap, sample)| sum + tap * sample);
        }
    }
}

/// The largest absolute value of each [`TILE`] of new samples, and of the history before them.
pub(super) struct TilePeaks {
    history: f32,
    tiles: Vec<f32>,
}

impl TilePeaks {
    pub(super) fn new(history: &[f32], samples: &[f32]) -> Self {
        dispatch!(Level::new(), simd => Self::new_with(simd, history, samples))
    }

    #[inline(always)]
    fn new_with<S: Simd>(simd: S, history: &[f32], samples: &[f32]) -> Self {
        let mut tiles = Vec::with_capacity(samples.len().div_ceil(TILE));
        for tile in samples.chunks(TILE) {
            tiles.push(loudest(simd, tile));
        }
        Self {
            history: loudest(simd, history),
            tiles,
        }
    }

    /// At least the largest absolute value of the new samples from `start` on, `len` of them, and of `history` before.
    #[inline(always)]
    fn around(&self, start: usize, len: usize, history: usize) -> f32 {
        let from = start.saturating_sub(history) / TILE;
        let tiles = &self.tiles[from..(start + len).div_ceil(TILE)];
        let before = if start < history { self.history } else { 0.0 };
        tiles.iter().copied().fold(before, larger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest of all values, one by one.
    fn exhaustive<const BETWEEN: usize, const TAPS: usize>(
        interpolator: &Interpolator<BETWEEN, TAPS>,
        buffer: &[f32],
    ) -> f32 {
        let between = interpolator.phases.iter().flat_map(|phase| {
            buffer.windows(TAPS).map(|window| {
                let products = phase.taps.iter().zip(window);
                products.fold(0.0, |sum, (tap, sample)| sum + tap * sample)
            })
        });
        let samples = buffer[TAPS - 1 - TAPS / 2..buffer.len() - TAPS / 2]
            .iter()
            .copied();
        between
            .chain(samples)
            .fold(0.0, |peak, value| peak.max(value.abs()))
    }

    fn skipping<const BETWEEN: usize, const TAPS: usize>(
        interpolator: &Interpolator<BETWEEN, TAPS>,
        buffer: &[f32],
        block: usize,
    ) -> f32 {
        let mut peak = Peak::default();
        let history = TAPS - 1;
        for start in (history..buffer.len()).step_by(block) {
            let end = (start + block).min(buffer.len());
            let tiles = TilePeaks::new(&buffer[start - history..start], &buffer[start..end]);
            interpolator.raise(&mut peak, &buffer[start - history..end], &tiles, start as u64);
        }
        peak.level
    }

    /// Sounds whose peaks lie between samples, between halves and nowhere in particular, soft and brick-walled.
    fn sounds() -> Vec<Vec<f32>> {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let mut sounds: Vec<Vec<f32>> = (1..60)
            .map(|n| {
                let hz = f64::from(n) / 121.0;
                let fade = |k: i32| f64::from(k.min(1_500 - k)) / 750.0;
                (0..1_500)
                    .map(|k| (fade(k) * (2.0 * PI * hz * f64::from(k) + f64::from(n)).sin()) as f32)
                    .collect()
            })
            .collect();
        for drive in [0.5, 1.0, 2.0, 8.0] {
            let mut slow = 0.0;
            sounds.push((0..4_000).map(|_| (drive * noise()).clamp(-0.9, 0.9)).collect());
            let smooth = |noise: f32| {
                slow += 0.2 * (noise - slow);
                (drive * slow).clamp(-0.9, 0.9)
            };
            sounds.push((0..4_000).map(|_| noise()).map(smooth).collect());
        }
        sounds
    }

    #[test]
    fn what_is_skipped_could_not_have_raised_the_peak() {
        let (fourfold, eightfold) = (Interpolator::fourfold(), Interpolator::eightfold());
        for (index, sound) in sounds().iter().enumerate() {
            for block in [777, 4_000] {
                assert_eq!(
                    skipping(&fourfold, sound, block),
                    exhaustive(&fourfold, sound),
                    "4x {index}"
                );
                assert_eq!(
                    skipping(&eightfold, sound, block),
                    exhaustive(&eightfold, sound),
                    "8x {index}"
                );
            }
        }
    }

    #[test]
    fn a_quarter_is_bounded_by_the_half_beside_it() {
        let interpolator = Interpolator::eightfold();
        let quarter = interpolator.phases[1];
        // Alone it may reach 2.1 times the largest sample.
        assert!((2.0..2.2).contains(&quarter.gain), "{}", quarter.gain);
        assert!((quarter.of_neighbours - 0.602).abs() < 0.001);
        assert!((quarter.of_samples - 0.747).abs() < 0.001);
        // And between a quarter and the half nearly nothing else is left.
        let eighth = interpolator.phases[2];
        assert!(eighth.of_samples < 0.1, "{}", eighth.of_samples);
    }
}
