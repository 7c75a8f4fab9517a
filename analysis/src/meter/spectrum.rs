//! The averaged spectrum: Hann windows with half overlap, power averaged over channels and over what is not silence.

use std::sync::Arc;

use model::Reading;
use model::report::{Absent, BANDS, BandLevel, Spectrum};
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

/// The distance of two bins is the largest not above this: 10.8 Hz at 44.1 kHz (4096 points), 11.7 Hz at 48 and 96 kHz.
const RESOLUTION_HZ: u32 = 12;
/// Windows below this mean power count as silence (−70 dB relative to a full-scale sine).
const SILENCE: f64 = 0.5e-7;
/// The bands of 1/6 octave lie at 1 kHz · 2^(n/6).
const SIXTHS: std::ops::RangeInclusive<i32> = -34..=25;

pub(super) struct SpectrumMeter {
    rate: f64,
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// Σ window², by which a power spectrum is divided.
    window_power: f64,
    input: Vec<f32>,
    output: Vec<Complex32>,
    scratch: Vec<Complex32>,
    /// Per channel, samples that wait for their window to be full.
    waiting: Vec<Vec<f32>>,
    power: Vec<f64>,
    windows: u64,
}

impl SpectrumMeter {
    pub(super) fn new(rate: u32, channels: usize) -> Self {
        let len = rate.div_ceil(RESOLUTION_HZ).next_power_of_two() as usize;
        let fft = RealFftPlanner::new().plan_fft_forward(len);
        let window: Vec<f32> = (0..len)
            .map(|n| (0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / len as f64).cos()) as f32)
            .collect();
        Self {
            rate: f64::from(rate),
            window_power: window.iter().map(|&w| f64::from(w) * f64::from(w)).sum(),
            input: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            waiting: vec![Vec::with_capacity(2 * len); channels],
            power: vec![0.0; len / 2 + 1],
            windows: 0,
            window,
            fft,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend_from_slice(plane);
        }
        let len = self.window.len();
        let mut start = 0;
        while self
            .waiting
            .first()
            .is_some_and(|waiting| start + len <= waiting.len())
        {
            self.transform(start);
            start += len / 2;
        }
        for waiting in &mut self.waiting {
            waiting.drain(..start);
        }
    }

    fn transform(&mut self, start: usize) {
        let len = self.window.len();
        let squares: f64 = self
            .waiting
            .iter()
            .map(|waiting| super::peak_and_squares(&waiting[start..start + len]).1)
            .sum();
        if squares / (len * self.waiting.len()) as f64 <= SILENCE {
            return;
        }
        for waiting in &self.waiting {
            for ((input, sample), window) in self.input.iter_mut().zip(&waiting[start..]).zip(&self.window) {
                *input = sample * window;
            }
            // It fails only for buffers of a wrong length, and these come from the plan itself.
            if self
                .fft
                .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch)
                .is_ok()
            {
                for (power, bin) in self.power.iter_mut().zip(&self.output) {
                    *power += f64::from(bin.norm_sqr());
                }
            }
        }
        self.windows += 1;
    }

    pub(super) fn finish(self) -> Spectrum {
        let nyquist = self.rate / 2.0;
        let total = self.band(BANDS[0].1, BANDS[BANDS.len() - 1].2);
        let bands_db = BANDS.map(|(_, low, high)| {
            if low >= nyquist {
                Reading::absent(Absent::Undefined)
            } else {
                Reading::or(10.0 * (self.band(low, high) / total).log10(), Absent::Silent)
            }
        });
        let sixth_octave = SIXTHS
            .map(|n| 1000.0 * 2_f64.powf(f64::from(n) / 6.0))
            .take_while(|hz| hz * 2_f64.powf(1.0 / 12.0) <= nyquist)
            .map(|hz| {
                let edge = 2_f64.powf(1.0 / 12.0);
                let db = 10.0 * (self.band(hz / edge, hz * edge) / 0.5).log10();
                BandLevel {
                    hz: (hz * 10.0).round() / 10.0,
                    db: db.is_finite().then(|| (db * 100.0).round() as f32 / 100.0),
                }
            })
            .collect();
        Spectrum {
            bands_db,
            sixth_octave,
        }
    }

    /// The mean power between two frequencies, of an average channel (a full-scale sine has 0.5). Bins that lie across
    /// an edge count in part, as if their power were spread evenly.
    fn band(&self, low_hz: f64, high_hz: f64) -> f64 {
        let len = self.window.len() as f64;
        let bin_hz = self.rate / len;
        let (low, high) = (low_hz / bin_hz, high_hz / bin_hz);
        let first = (low + 0.5).floor().max(0.0) as usize;
        let sum: f64 = self
            .power
            .iter()
            .enumerate()
            .skip(first)
            .take_while(|&(bin, _)| bin as f64 - 0.5 < high)
            .map(|(bin, power)| {
                let (from, to) = (bin as f64 - 0.5, bin as f64 + 0.5);
                power * (to.min(high) - from.max(low)).max(0.0)
            })
            .sum();
        // Each bin but the first and last stands for its mirror image as well.
        2.0 * sum / (len * self.window_power * self.windows.max(1) as f64 * self.waiting.len() as f64)
    }
}
