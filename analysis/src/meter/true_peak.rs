//! True peak, BS.1770-5 Annex 2, by two detectors.
//!
//! Fourfold with the filter of libebur128, so that readings agree with other meters; it stays fourfold at every rate
//! (the libraries go down to twofold at 96 kHz and to none at 192 kHz, where they read up to 1.2 dB too little).
//! Eightfold with 32 taps for whatever promises a ceiling: a fourfold grid alone misses up to 0.7 dB.

use super::interpolator::{Interpolator, Peak, TilePeaks};

type Fourfold = Interpolator<3, 12>;
type Eightfold = Interpolator<7, 32>;

/// Samples that are kept from block to block: what the longer filter needs.
const HISTORY: usize = Eightfold::HISTORY;

pub(super) struct TruePeakMeter {
    fourfold: Fourfold,
    eightfold: Eightfold,
    channels: Vec<Channel>,
    rate: u64,
    frames: u64,
}

struct Channel {
    /// The last samples of the block before, and room for the current one behind them.
    buffer: Vec<f32>,
    second: Peak,
    seconds: Vec<Peak>,
    eightfold: Peak,
}

/// The true peaks of one channel.
pub(super) struct ChannelPeaks {
    /// At 4x, per second of the file; the last one may be shorter.
    pub(super) seconds: Vec<Peak>,
    /// At 8x, of the whole.
    pub(super) eightfold: Peak,
}

impl ChannelPeaks {
    /// At 4x, of the whole.
    pub(super) fn fourfold(&self) -> Peak {
        let mut highest = Peak::default();
        for peak in &self.seconds {
            highest.raise(peak.level, peak.frame);
        }
        highest
    }
}

impl TruePeakMeter {
    pub(super) fn new(rate: u32, channels: usize) -> Self {
        Self {
            fourfold: Fourfold::fourfold(),
            eightfold: Eightfold::eightfold(),
            channels: (0..channels)
                .map(|_| Channel {
                    buffer: vec![0.0; HISTORY],
                    second: Peak::default(),
                    seconds: Vec::new(),
                    eightfold: Peak::default(),
                })
                .collect(),
            rate: u64::from(rate),
            frames: 0,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        let mut at = 0;
        while at < frames {
            let left_of_second = self.rate - self.frames % self.rate;
            let count = (frames - at).min(left_of_second as usize);
            for (channel, plane) in self.channels.iter_mut().zip(planes) {
                channel.measure(
                    &plane[at..at + count],
                    self.frames,
                    &self.fourfold,
                    &self.eightfold,
                );
            }
            at += count;
            self.frames += count as u64;
            if self.frames.is_multiple_of(self.rate) {
                for channel in &mut self.channels {
                    channel.complete_second();
                }
            }
        }
    }

    /// The peaks per channel. The last samples are taken as they are, without the silence behind the file: no other
    /// meter lets the filter ring out either.
    pub(super) fn finish(mut self) -> Vec<ChannelPeaks> {
        for channel in &mut self.channels {
            let Channel {
                buffer,
                second,
                eightfold,
                ..
            } = channel;
            let first = self.frames as f64 - buffer.len() as f64;
            for (index, sample) in buffer.iter().enumerate() {
                let frame = first + index as f64;
                eightfold.raise(sample.abs(), frame);
                // What the shorter filter has not reached yet.
                if index >= HISTORY - Fourfold::DELAY {
                    second.raise(sample.abs(), frame);
                }
            }
            channel.complete_second();
        }
        self.channels
            .into_iter()
            .map(|channel| ChannelPeaks {
                seconds: channel.seconds,
                eightfold: channel.eightfold,
            })
            .collect()
    }
}

impl Channel {
    fn measure(&mut self, samples: &[f32], first_frame: u64, fourfold: &Fourfold, eightfold: &Eightfold) {
        let tiles = TilePeaks::new(&self.buffer, samples);
        self.buffer.extend_from_slice(samples);
        let short = &self.buffer[HISTORY - Fourfold::HISTORY..];
        fourfold.raise(&mut self.second, short, &tiles, first_frame);
        eightfold.raise(&mut self.eightfold, &self.buffer, &tiles, first_frame);
        self.buffer.drain(..samples.len());
    }

    fn complete_second(&mut self) {
        self.seconds.push(std::mem::take(&mut self.second));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn measure(samples: &[f32], block: usize) -> ChannelPeaks {
        let mut meter = TruePeakMeter::new(8_000, 1);
        for block in samples.chunks(block) {
            meter.push(&[block]);
        }
        meter.finish().remove(0)
    }

    #[test]
    fn skipping_changes_no_reading() {
        let mut state = 1_u32;
        for round in 1..40 {
            let samples: Vec<f32> = (0..round * 37)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / 8_388_608.0 - 1.0
                })
                .collect();
            let (whole, pieces) = (measure(&samples, 10_000), measure(&samples, 1));
            // In blocks of one sample, every tile is one sample and little is skipped.
            assert!((whole.fourfold().level - pieces.fourfold().level).abs() < 1e-5);
            assert!((whole.eightfold.level - pieces.eightfold.level).abs() < 1e-5);
        }
    }

    #[test]
    fn the_peak_between_two_samples_is_found_where_it_is() {
        // fs/4 at 45°: the samples are at ±0.707, the peaks halfway between them at ±1.
        let burst = |frame: i32| if (200..300).contains(&frame) { 1.0 } else { 0.1 };
        let sine: Vec<f32> = (0..1000)
            .map(|n| (burst(n) * (TAU / 4.0 * (f64::from(n) + 0.5)).sin()) as f32)
            .collect();
        let peaks = measure(&sine, 333);
        for peak in [peaks.fourfold(), peaks.eightfold] {
            assert!((0.99..1.07).contains(&peak.level), "{peak:?}");
            assert!((199.0..301.0).contains(&peak.frame), "{peak:?}");
            assert_eq!(peak.frame.fract(), 0.5);
        }
    }

    #[test]
    fn each_second_has_its_own_peak() {
        let samples: Vec<f32> = (0..24_000)
            .map(|n| [0.9, 0.1, 0.5][n / 8_000] * (TAU * 100.0 * n as f64 / 8_000.0).sin() as f32)
            .collect();
        let seconds = measure(&samples, 1_000).seconds;
        for (peak, expected) in seconds.iter().zip([0.9, 0.1, 0.5]) {
            assert!(
                (peak.level - expected).abs() < 0.02 || peak.frame < 8_100.0,
                "{peak:?}"
            );
        }
    }

    /// The reading of a long sine over the truth in dB, the worst of its phases below and above.
    fn error_over_phase(fnorm: f64, reading: fn(&ChannelPeaks) -> f32) -> (f64, f64) {
        (0..16)
            .map(f64::from)
            .fold((0.0, 0.0), |(low, high): (f64, f64), phase| {
                // The fade keeps the switching-on from overshooting.
                let sine: Vec<f32> = (0..2_000)
                    .map(|n| {
                        let n = f64::from(n);
                        let fade = (n / 500.0).min((2_000.0 - n) / 500.0).min(1.0);
                        (fade * (TAU * (fnorm * n + phase / 64.0)).sin()) as f32
                    })
                    .collect();
                let error = 20.0 * f64::from(reading(&measure(&sine, 8_192))).log10();
                (low.min(error), high.max(error))
            })
    }

    #[test]
    fn both_detectors_stay_within_their_bounds_over_frequency_and_phase() {
        for fnorm in [0.01, 0.05, 0.125, 0.2, 0.25, 0.3, 1.0 / 3.0, 0.4, 0.45] {
            let (low, high) = error_over_phase(fnorm, |peaks| peaks.fourfold().level);
            assert!(low > -0.6 && high < 0.25, "4x at {fnorm}: {low} {high}");
            let (low, high) = error_over_phase(fnorm, |peaks| peaks.eightfold.level);
            assert!(low > -0.2 && high < 0.05, "8x at {fnorm}: {low} {high}");
        }
    }
}
