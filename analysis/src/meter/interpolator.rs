//! The values of a waveform between its samples, by a windowed sinc, as far as they can raise a maximum.

use std::f64::consts::PI;

/// Samples examined, and perhaps skipped, at a time.
pub(super) const TILE: usize = 64;
/// Sums that are kept in registers.
const LANES: usize = 16;

/// An interpolator of `BETWEEN` values between each pair of samples, each from `TAPS` samples.
pub(super) struct Interpolator<const BETWEEN: usize, const TAPS: usize> {
    /// Per phase, the taps in the order of time. The phase before the first is the samples themselves.
    phases: [[f32; TAPS]; BETWEEN],
    /// No interpolated value exceeds the largest sample around it by more than this factor.
    gain_bound: f32,
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
        Self::new(|x| 0.5 * (1.0 + (PI * x).cos()), false)
    }
}

impl Interpolator<7, 32> {
    /// A sinc under a Kaiser window (β = 5), level to 0.45 of the sample rate.
    pub(super) fn eightfold() -> Self {
        const BETA: f64 = 5.0;
        Self::new(
            |x| bessel_i0(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(BETA),
            true,
        )
    }
}

impl<const BETWEEN: usize, const TAPS: usize> Interpolator<BETWEEN, TAPS> {
    /// Samples before the newest one that are needed.
    pub(super) const HISTORY: usize = TAPS - 1;
    /// How many samples a value lies behind the newest one that it is made from.
    pub(super) const DELAY: usize = TAPS / 2;

    /// `window` is defined from −1 to 1.
    fn new(window: impl Fn(f64) -> f64, has_unit_gain: bool) -> Self {
        let half = TAPS as f64 / 2.0;
        let mut phases = [[0.0; TAPS]; BETWEEN];
        let mut gain_bound = 1.0_f64;
        for (phase, taps) in phases.iter_mut().enumerate() {
            let fraction = (phase + 1) as f64 / (BETWEEN + 1) as f64;
            let coefficients: [f64; TAPS] = std::array::from_fn(|tap| {
                // Distance of this sample from the value, in samples.
                let x = (TAPS - 1 - tap) as f64 + fraction - half;
                let sinc = if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
                sinc * window(x / half)
            });
            let gain = if has_unit_gain {
                coefficients.iter().sum()
            } else {
                1.0
            };
            *taps = coefficients.map(|c| (c / gain) as f32);
            gain_bound = gain_bound.max(taps.iter().map(|&tap| f64::from(tap.abs())).sum());
        }
        Self {
            phases,
            gain_bound: (gain_bound * 1.0001) as f32,
        }
    }

    /// Raises `peak` to the largest value, sampled or interpolated, that the samples of `buffer` behind its first
    /// [`Self::HISTORY`] complete. `tiles` are the largest absolute values of each [`TILE`] of samples from
    /// `tiles_from` on; `first_frame` is the frame of the sample behind the history.
    pub(super) fn raise(&self, peak: &mut Peak, buffer: &[f32], tiles: &TilePeaks, first_frame: u64) {
        let new = buffer.len().saturating_sub(Self::HISTORY);
        let mut start = 0;
        while start < new {
            let len = TILE.min(new - start);
            let around = &buffer[start..start + len + Self::HISTORY];
            // Nothing between these samples can reach the peak so far: exact, and most of a file ends here.
            let loudest = tiles.around(start, len, Self::HISTORY);
            if loudest * self.gain_bound > peak.level {
                self.examine(peak, around, first_frame + start as u64);
            }
            start += len;
        }
    }

    #[inline(never)]
    fn examine(&self, peak: &mut Peak, around: &[f32], first_frame: u64) {
        let len = around.len() - Self::HISTORY;
        let mut values = [0.0_f32; TILE];
        values[..len].copy_from_slice(&around[Self::HISTORY - Self::DELAY..][..len]);
        Self::look(peak, &values[..len], first_frame, 0.0);
        for (phase, taps) in self.phases.iter().enumerate() {
            convolve(taps, around, &mut values[..len]);
            let fraction = (phase + 1) as f64 / (BETWEEN + 1) as f64;
            Self::look(peak, &values[..len], first_frame, fraction);
        }
    }

    fn look(peak: &mut Peak, values: &[f32], first_frame: u64, fraction: f64) {
        let highest = loudest(values);
        if highest > peak.level {
            let index = values
                .iter()
                .position(|value| value.abs() == highest)
                .unwrap_or(0);
            let frame = (first_frame + index as u64) as f64 - Self::DELAY as f64 + fraction;
            peak.raise(highest, frame);
        }
    }
}

fn convolve<const TAPS: usize>(taps: &[f32; TAPS], around: &[f32], values: &mut [f32]) {
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    let done = chunks.len() * LANES;
    for (chunk, around) in chunks.iter_mut().zip(
        around
            .chunks(LANES)
            .enumerate()
            .map(|(n, _)| &around[n * LANES..]),
    ) {
        let around = &around[..LANES + TAPS - 1];
        let mut sums = [0.0_f32; LANES];
        for (tap, &coefficient) in taps.iter().enumerate() {
            for lane in 0..LANES {
                sums[lane] += coefficient * around[tap + lane];
            }
        }
        *chunk = sums;
    }
    for (value, window) in rest.iter_mut().zip(around[done..].windows(TAPS)) {
        *value = taps.iter().zip(window).map(|(tap, sample)| tap * sample).sum();
    }
}

/// The largest absolute value.
pub(super) fn loudest(samples: &[f32]) -> f32 {
    let mut peaks = [0.0_f32; LANES];
    let (chunks, rest) = samples.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let level = chunk[lane].abs();
            peaks[lane] = if level > peaks[lane] { level } else { peaks[lane] };
        }
    }
    let rest = rest.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    peaks.into_iter().fold(rest, f32::max)
}

/// The largest absolute value of each [`TILE`] of new samples, and of the history before them.
pub(super) struct TilePeaks {
    history: f32,
    tiles: Vec<f32>,
}

impl TilePeaks {
    pub(super) fn new(history: &[f32], samples: &[f32]) -> Self {
        Self {
            history: loudest(history),
            tiles: samples.chunks(TILE).map(loudest).collect(),
        }
    }

    /// At least the largest absolute value of the new samples from `start` on, `len` of them, and of `history` before.
    fn around(&self, start: usize, len: usize, history: usize) -> f32 {
        let from = start.saturating_sub(history) / TILE;
        let tiles = &self.tiles[from..(start + len).div_ceil(TILE)];
        let before = if start < history { self.history } else { 0.0 };
        tiles.iter().copied().fold(before, f32::max)
    }
}

fn bessel_i0(x: f64) -> f64 {
    (1..60)
        .fold((1.0, 1.0), |(sum, term), k| {
            let term = term * (x / 2.0 / f64::from(k)).powi(2);
            (sum + term, term)
        })
        .0
}
