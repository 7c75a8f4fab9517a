//! The spectrum below 250 Hz, from a signal of a thirtieth of the sample rate: windows of about 0.35 s tell apart what
//! lies 3 Hz apart, which the windows of `spectrum` cannot, and cost next to nothing.

use super::band_stats::BandStats;
use super::bands::{Band, BandSecond, Twelfths};
use super::levels::PairSums;
use super::lines::LineMeter;
use super::mains::MainsFinder;
use super::spectrum::{FIRST_BAND, SILENCE, slot_of};
use super::stft::Stft;
use model::report::BANDS;

/// The rate is halved until it is below this.
const RATE_BELOW_HZ: u32 = 2_000;
/// Samples per window at that rate.
const WINDOW: usize = 512;
const HOP: usize = WINDOW / 2;
/// Samples of the windows in which hum is sought, 4 to 8 s: a fifth of a hertz apart, so that a bass note is no hum.
const LINE_WINDOW: usize = 8_192;
/// Bass, for its width and its share.
const LOW_HZ: (f64, f64) = (20.0, 120.0);

pub(super) struct LowEndMeter {
    rate: f64,
    factor: u64,
    is_stereo: bool,
    channels: Vec<Vec<Halver>>,
    /// Per channel, samples at the low rate that wait for their window to be full.
    waiting: Vec<Vec<f32>>,
    piece: Vec<f32>,
    /// Σx² at the full rate, of two hops and the current one: silence is judged by the whole spectrum. The filters lag
    /// a few samples behind, so a window is complete only with the hop after it.
    squares: [f64; 3],
    /// Frames in the current hop, and hops before it.
    frames: u64,
    hops: u64,
    stft: Stft,
    bands: Vec<Band>,
    low: Band,
    pub(super) stats: BandStats,
    pub(super) windows: u64,
    /// Left, right and product from 20 to 120 Hz, summed over the windows.
    pub(super) low_pair: PairSums,
    /// Power from 20 to 120 Hz, summed over the windows.
    pub(super) low_power: f64,
    /// Power of [`BANDS`] before [`FIRST_BAND`] in each second.
    pub(super) seconds: Vec<BandSecond<FIRST_BAND>>,
    pub(super) lines: LineMeter,
    pub(super) mains: MainsFinder,
}

impl LowEndMeter {
    pub(super) fn new(rate: u32, channels: usize) -> Self {
        let halvings = (0..).find(|&n| (rate >> n) < RATE_BELOW_HZ).unwrap_or(0);
        let factor = 1_u64 << halvings;
        let low_rate = f64::from(rate) / factor as f64;
        let stft = Stft::new(WINDOW, &vec![1.0; channels]);
        let bins = stft.bins();
        let bin_hz = low_rate / WINDOW as f64;
        let band = |(low, high)| Band::new(low, high, bin_hz, bins);
        Self {
            rate: f64::from(rate),
            factor,
            is_stereo: channels == 2,
            channels: vec![vec![Halver::default(); halvings]; channels],
            waiting: vec![Vec::new(); channels],
            piece: Vec::new(),
            squares: [0.0; 3],
            frames: 0,
            hops: 0,
            bands: BANDS[..FIRST_BAND]
                .iter()
                .map(|each| band((each.from_hz, each.to_hz)))
                .collect(),
            low: band(LOW_HZ),
            stats: BandStats::new(Twelfths::new(-70..-33, bin_hz, bins), -34..-17, -17..-8),
            windows: 0,
            low_pair: PairSums::default(),
            low_power: 0.0,
            seconds: Vec::new(),
            lines: LineMeter::new(low_rate, channels, LINE_WINDOW, LINE_WINDOW / 2),
            mains: MainsFinder::new(low_rate, channels),
            stft,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        let hop_frames = HOP as u64 * self.factor;
        let mut at = 0;
        while at < frames {
            let count = (frames - at).min((hop_frames - self.frames) as usize);
            for (index, plane) in planes.iter().enumerate() {
                let samples = &plane[at..at + count];
                self.squares[2] += super::levels::squares(samples);
                self.piece.clear();
                self.piece.extend_from_slice(samples);
                for halver in &mut self.channels[index] {
                    halver.halve(&mut self.piece);
                }
                self.waiting[index].extend_from_slice(&self.piece);
            }
            at += count;
            self.frames += count as u64;
            if self.frames == hop_frames {
                self.complete_hop();
            }
        }
    }

    fn complete_hop(&mut self) {
        // The hop that is new; the first one lacks the few samples by which the filters lag.
        let new: Vec<&[f32]> = self
            .waiting
            .iter()
            .map(|waiting| &waiting[waiting.len().saturating_sub(HOP)..])
            .collect();
        self.lines.push(&new);
        self.mains.push(&new);
        let samples = 2 * HOP as u64 * self.factor * self.channels.len() as u64;
        let is_silent = (self.squares[0] + self.squares[1]) / samples as f64 <= SILENCE;
        let is_full = self.waiting.iter().all(|waiting| waiting.len() >= WINDOW);
        if is_full {
            if !is_silent {
                self.measure_window();
            }
            for waiting in &mut self.waiting {
                waiting.drain(..HOP);
            }
        }
        self.squares = [self.squares[1], self.squares[2], 0.0];
        self.frames = 0;
        self.hops += 1;
    }

    fn measure_window(&mut self) {
        self.stft.transform(&self.waiting, 0);
        let middle = self.hops.saturating_sub(1) * HOP as u64 * self.factor;
        let second = (middle as f64 / self.rate) as usize;
        self.stats.add(&self.stft, self.is_stereo, second);
        let slot = slot_of(&mut self.seconds, second);
        let powers = self
            .bands
            .iter()
            .map(|band| f64::from(band.sum(&self.stft.power)));
        slot.add(powers);
        self.low_power += f64::from(self.low.sum(&self.stft.power));
        if self.is_stereo {
            let pair = &self.stft.pair;
            self.low_pair.add(PairSums {
                left: f64::from(self.low.sum(&pair.left)),
                right: f64::from(self.low.sum(&pair.right)),
                product: f64::from(self.low.sum(&pair.product)),
            });
        }
        self.windows += 1;
    }
}

/// Halves the rate by a half-band filter of 11 taps (3, 0, −25, 0, 150, 256, 150, 0, −25, 0, 3) / 512. At the last
/// halving, what folds back to below 250 Hz is 50 dB down or more, and much more at the ones before.
#[derive(Clone, Default)]
struct Halver {
    even: Vec<f32>,
    odd: Vec<f32>,
    /// An even sample whose odd one has not come yet.
    left_over: Option<f32>,
}

impl Halver {
    /// Replaces the samples by half as many.
    fn halve(&mut self, samples: &mut Vec<f32>) {
        let mut input = samples.as_slice();
        if let Some(even) = self.left_over.take() {
            let Some((&odd, rest)) = input.split_first() else {
                self.left_over = Some(even);
                return;
            };
            self.even.push(even);
            self.odd.push(odd);
            input = rest;
        }
        let (pairs, rest) = input.as_chunks::<2>();
        self.even.extend(pairs.iter().map(|pair| pair[0]));
        self.odd.extend(pairs.iter().map(|pair| pair[1]));
        self.left_over = rest.first().copied();

        let count = self.even.len().saturating_sub(5);
        samples.clear();
        samples.extend(
            self.even
                .windows(6)
                .zip(&self.odd[2.min(self.odd.len())..])
                .map(|(even, &odd)| {
                    0.5 * odd + (150.0 / 512.0) * (even[2] + even[3]) - (25.0 / 512.0) * (even[1] + even[4])
                        + (3.0 / 512.0) * (even[0] + even[5])
                }),
        );
        self.even.drain(..count);
        self.odd.drain(..count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_keeps_what_is_low_and_drops_what_would_fold_back() {
        let level = |hz: f64| {
            let mut halver = Halver::default();
            let mut out = Vec::new();
            let samples: Vec<f32> = (0..4_000)
                .map(|n| (std::f64::consts::TAU * hz * f64::from(n) / 2_756.0).sin() as f32)
                .collect();
            for piece in samples.chunks(333) {
                let mut piece = piece.to_vec();
                halver.halve(&mut piece);
                out.extend(piece);
            }
            assert!((1_990..=2_000).contains(&out.len()), "{}", out.len());
            10.0 * (2.0 * out.iter().map(|&x| f64::from(x * x)).sum::<f64>() / out.len() as f64).log10()
        };
        for hz in [20.0, 60.0, 120.0, 250.0] {
            assert!(level(hz).abs() < 0.05, "{hz} Hz: {}", level(hz));
        }
        for hz in [1_378.0 - 200.0, 1_300.0, 1_360.0] {
            assert!(level(hz) < -50.0, "{hz} Hz: {}", level(hz));
        }
    }
}
