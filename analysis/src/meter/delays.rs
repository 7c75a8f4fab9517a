//! A channel that is the other one, but later: a cross-correlation whose peak is off its middle.
//!
//! One window a second, with the magnitudes of the cross-spectrum made equal (generalised cross-correlation with phase
//! transform, Knapp and Carter 1976), so that all bands count alike. A mix has its middle in both channels at once, however
//! wide the rest is; a delay of a channel moves the middle.

use fearless_simd::{Level, Simd, dispatch};
use model::report::ChannelDelay;

use super::vectors::larger;
use crate::dsp::fft::{Fft, SplitComplex};

/// Windows are at least so long, in seconds, and begin so many seconds apart.
const WINDOW_S: f64 = 0.12;
const HOP_S: u64 = 1;
/// Seconds that are judged as one.
const PASSAGE_S: usize = 8;
/// A passage needs so many windows that sound: −60 dB relative to a full-scale sine.
const FEWEST_WINDOWS: usize = 4;
const SILENCE: f32 = 0.5e-6;
/// What is looked at: below, a wave is longer than the delays; above, lossy coding keeps no phase.
const BAND_HZ: (f64, f64) = (150.0, 7_000.0);
/// The delays, in milliseconds. At the shortest a mix loses little in mono below 8 kHz.
const SHORTEST_MS: f64 = 0.06;
const LONGEST_MS: f64 = 30.0;
/// The peak is at least this part of what equal channels have, and so many times what is in the middle and what any other
/// delay has.
const PEAK: f32 = 0.12;
const OVER_MIDDLE: f32 = 2.5;
/// Passages with a delay that is the same within so many samples are one.
const SAME: i32 = 1;
/// A passage is at least so many of those that are judged, or its delay that of half of all: an instrument of two microphones
/// plays alone for a while.
const FEWEST_PASSAGES: usize = 2;
const SHARE: f64 = 0.5;

/// Compares two channels.
pub(super) struct DelayMeter {
    rate: f64,
    fft: Fft,
    window: Vec<f32>,
    /// Samples of both channels that wait for their window to be full.
    waiting: [Vec<f32>; 2],
    /// Frames so far.
    frames: u64,
    windows: u64,
    points: SplitComplex,
    /// The cross-spectrum of the passage, from the first bin of the band on.
    first_bin: usize,
    cross_re: Vec<f32>,
    cross_im: Vec<f32>,
    count: usize,
    /// Of each passage, the delay of the right channel in samples, where there is one.
    passages: Vec<Option<i32>>,
    /// Passages that sound.
    sounding: usize,
}

impl DelayMeter {
    /// Files of other than two channels have no delays.
    pub(super) fn new(rate: u32) -> Self {
        let len = ((WINDOW_S * f64::from(rate)) as usize).next_power_of_two();
        let bin_hz = f64::from(rate) / len as f64;
        let bin = |hz: f64| ((hz / bin_hz) as usize).clamp(1, len / 2 - 1);
        let (first_bin, last_bin) = (bin(BAND_HZ.0), bin(BAND_HZ.1));
        let window =
            |n: usize| (0.5 - 0.5 * libm::cos(std::f64::consts::TAU * (n as f64 + 0.5) / len as f64)) as f32;
        Self {
            rate: f64::from(rate),
            fft: Fft::new(len),
            window: (0..len).map(window).collect(),
            waiting: [Vec::with_capacity(len), Vec::with_capacity(len)],
            frames: 0,
            windows: 0,
            points: SplitComplex::zeros(len),
            first_bin,
            cross_re: vec![0.0; last_bin - first_bin],
            cross_im: vec![0.0; last_bin - first_bin],
            count: 0,
            passages: Vec::new(),
            sounding: 0,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let [left, right] = planes else {
            return;
        };
        let len = self.window.len();
        let mut at = 0;
        while at < left.len() {
            let next = (self.windows * HOP_S) * self.rate as u64;
            if self.frames < next {
                let skipped = ((next - self.frames) as usize).min(left.len() - at);
                self.frames += skipped as u64;
                at += skipped;
                continue;
            }
            let taken = (len - self.waiting[0].len()).min(left.len() - at);
            self.waiting[0].extend_from_slice(&left[at..at + taken]);
            self.waiting[1].extend_from_slice(&right[at..at + taken]);
            self.frames += taken as u64;
            at += taken;
            if self.waiting[0].len() == len {
                self.add_window();
                self.waiting.iter_mut().for_each(Vec::clear);
                self.windows += 1;
                if self.windows.is_multiple_of(PASSAGE_S as u64) {
                    self.complete_passage();
                }
            }
        }
    }

    fn add_window(&mut self) {
        let [left, right] = &self.waiting;
        let is_silent =
            |samples: &[f32]| super::vectors::dot(samples, samples) <= SILENCE * samples.len() as f32;
        if is_silent(left) || is_silent(right) {
            return;
        }
        let SplitComplex { re, im } = &mut self.points;
        for (to, from) in [(re, left), (im, right)] {
            for ((to, from), window) in to.iter_mut().zip(from).zip(&self.window) {
                *to = from * window;
            }
        }
        self.fft.transform(&mut self.points);
        dispatch!(Level::new(), simd => self.add_cross_spectrum(simd));
        self.count += 1;
    }

    /// LR* of each bin, made one long. With a = Z(k) and b = Z(−k)*, L = (a + b) / 2 and R = (a − b) / 2i.
    #[inline(always)]
    fn add_cross_spectrum<S: Simd>(&mut self, _: S) {
        let SplitComplex { re, im } = &self.points;
        let (first, count) = (self.first_bin, self.cross_re.len());
        let end = re.len() - first;
        let points = re[first..first + count].iter().zip(&im[first..first + count]);
        let mirrored = re[end + 1 - count..=end]
            .iter()
            .rev()
            .zip(im[end + 1 - count..=end].iter().rev());
        let sums = self.cross_re.iter_mut().zip(&mut self.cross_im);
        for (((&re, &im), (&mirrored_re, &mirrored_im)), (sum_re, sum_im)) in points.zip(mirrored).zip(sums) {
            let (left_re, left_im) = (re + mirrored_re, im - mirrored_im);
            let (right_re, right_im) = (im + mirrored_im, mirrored_re - re);
            let cross_re = left_re * right_re + left_im * right_im;
            let cross_im = left_im * right_re - left_re * right_im;
            let length = (cross_re * cross_re + cross_im * cross_im).sqrt() + 1e-20;
            *sum_re += cross_re / length;
            *sum_im += cross_im / length;
        }
    }

    fn complete_passage(&mut self) {
        let count = std::mem::take(&mut self.count);
        self.sounding += usize::from(count >= FEWEST_WINDOWS);
        let delay = (count >= FEWEST_WINDOWS).then(|| self.delay(count)).flatten();
        self.passages.push(delay);
        self.cross_re.fill(0.0);
        self.cross_im.fill(0.0);
    }

    /// The delay that stands out of the cross-spectrum of `count` windows, in samples.
    fn delay(&mut self, count: usize) -> Option<i32> {
        let SplitComplex { re, im } = &mut self.points;
        re.fill(0.0);
        im.fill(0.0);
        let band = self.first_bin..self.first_bin + self.cross_re.len();
        re[band.clone()].copy_from_slice(&self.cross_re);
        im[band].copy_from_slice(&self.cross_im);
        // Of the correlation, e^(2πi kn/N) wants the sign that the transform has not, so it comes out at −n; delays of the
        // right channel have that sign already.
        self.fft.transform(&mut self.points);
        let whole = (count * self.cross_re.len()) as f32;
        let len = self.points.len() as i32;
        let at = |delay: i32| self.points.re[delay.rem_euclid(len) as usize] / whole;
        let samples = |ms: f64| (ms / 1_000.0 * self.rate).ceil() as i32;
        let (shortest, longest) = (samples(SHORTEST_MS).max(1), samples(LONGEST_MS).min(len / 2 - 1));
        let (mut best, mut peak) = (0, 0.0);
        for delay in (-longest..=longest).filter(|delay| delay.abs() >= shortest) {
            if at(delay) > peak {
                (best, peak) = (delay, at(delay));
            }
        }
        let middle = (-1..=1).map(|delay| at(delay).abs()).fold(0.0, larger);
        // The flank of the middle is none.
        let is_peak = at(best - 1) < peak && at(best + 1) < peak;
        (is_peak && peak >= PEAK && peak >= OVER_MIDDLE * middle).then_some(best)
    }

    /// Passages in which a channel is late.
    pub(super) fn finish(mut self) -> Vec<ChannelDelay> {
        if self.count > 0 {
            self.complete_passage();
        }
        let length_s = self.frames as f64 / self.rate;
        let mut found: Vec<(i32, ChannelDelay)> = Vec::new();
        for (index, delay) in (0_u32..).zip(&self.passages) {
            let Some(delay) = *delay else {
                continue;
            };
            let start_s = f64::from(index) * PASSAGE_S as f64;
            let end_s = (start_s + PASSAGE_S as f64).min(length_s);
            match found.last_mut() {
                Some((before, passage)) if (*before - delay).abs() <= SAME && passage.end_s >= start_s => {
                    passage.end_s = end_s;
                }
                _ => found.push((
                    delay,
                    ChannelDelay {
                        start_s,
                        end_s,
                        right_ms: (100_000.0 * f64::from(delay) / self.rate).round() / 100.0,
                    },
                )),
            }
        }
        let is_kept = |&(delay, passage): &(i32, ChannelDelay)| {
            let alike = self.passages.iter().flatten();
            let alike = alike.filter(|other| (**other - delay).abs() <= SAME).count();
            passage.end_s - passage.start_s > ((FEWEST_PASSAGES - 1) * PASSAGE_S + 1) as f64
                || alike as f64 >= SHARE * self.sounding as f64
        };
        let kept = found.iter().filter(|found| is_kept(found));
        kept.map(|&(_, passage)| passage).collect()
    }
}
