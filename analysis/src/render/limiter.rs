//! A true-peak limiter with look-ahead, on all channels alike.
//!
//! The detector says by how much each sample must be lowered; a minimum over the look-ahead, a release that never rises above
//! it, and two averages that together are no longer than the look-ahead give a gain that is smooth and never too high for the
//! sample that it meets. Gains are whole numbers of 2⁻³² where they are summed, so that sums are exact: a limiter at rest
//! multiplies by exactly 1.

use super::chain::{Processor, Setting};
use super::detector::PeakDetector;
use crate::dsp::{amplitude_db, db_to_amplitude};

/// How far it sees ahead, in seconds.
const LOOK_AHEAD_S: f64 = 0.002;
/// After a single peak it lets go within about this time, in seconds.
const FAST_RELEASE_S: f64 = 0.05;
/// After sustained limiting it lets go more slowly, so that it does not pump.
const SLOW_RELEASE_S: f64 = 0.5;
/// What counts as sustained, in seconds.
const SLOW_ATTACK_S: f64 = 0.05;
/// One, as a whole number.
const ONE: u64 = 1 << 32;
/// What counts as work, as a gain: 0.1 dB.
const AT_WORK: f64 = 0.988_55;
/// So near to 1 a gain is 1: −140 dB.
const AT_REST: f64 = 1e-7;

/// What a limiter took off.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reduction {
    /// The most, in dB.
    pub(super) most_db: f64,
    /// Frames in which it took off 0.1 dB or more.
    pub(super) frames: u64,
    /// The most of each second, in dB.
    pub(super) seconds_db: Vec<f32>,
}

pub(super) struct Limiter {
    ceiling: f64,
    detector: PeakDetector,
    heights: Vec<f32>,
    /// The height before the frame that is decided next.
    before: f32,
    minimum: SlidingMinimum,
    release: Release,
    averages: [Average; 2],
    sums: Vec<u64>,
    /// Whether no frame on its way needs less than 1, so that the next ones get 1 as long as they need no less.
    is_at_rest: bool,
    gains: Vec<f64>,
    /// Per channel, the frames that wait for their gain.
    waiting: Vec<Vec<f64>>,
    latency: usize,
    frames_per_second: u64,
    /// Frames until the present second is complete.
    left_of_second: u64,
    second_lowest: f64,
    lowest: f64,
    limited: u64,
    seconds_db: Vec<f32>,
}

impl Limiter {
    pub(super) fn new(ceiling_dbtp: f64, setting: &Setting) -> Self {
        let ahead = (LOOK_AHEAD_S * setting.rate).round().max(4.0) as usize;
        // Two averages of a and b values reach a + b − 1 values back: the look-ahead and the present one.
        let first = ahead * 2 / 3 + 1;
        let second = ahead + 2 - first;
        let latency = ahead + PeakDetector::DELAY;
        let frames_per_second = (setting.rate as u64).max(1);
        Self {
            ceiling: db_to_amplitude(ceiling_dbtp),
            detector: PeakDetector::new(setting.channels),
            heights: Vec::new(),
            before: 0.0,
            minimum: SlidingMinimum::new(ahead + 1),
            release: Release::new(setting.rate),
            averages: [Average::new(first, ONE), Average::new(second, ONE * first as u64)],
            sums: Vec::new(),
            is_at_rest: true,
            gains: Vec::new(),
            waiting: vec![vec![0.0; latency]; setting.channels],
            latency,
            frames_per_second,
            left_of_second: frames_per_second,
            second_lowest: 1.0,
            lowest: 1.0,
            limited: 0,
            seconds_db: Vec::new(),
        }
    }

    /// Puts in place of `gains` those of the frames that leave, when the wave from the frame [`PeakDetector::DELAY`] ago to the next
    /// has these heights.
    fn decide(&mut self, heights: &[f32], gains: &mut Vec<f64>) {
        gains.clear();
        let mut before = self.before;
        gains.extend(heights.iter().map(|&height| {
            let highest = f64::from(if height > before { height } else { before });
            before = height;
            if highest > self.ceiling {
                self.ceiling / highest
            } else {
                1.0
            }
        }));
        self.before = before;
        // More ones would leave everything below as it is.
        if self.is_at_rest && gains.iter().all(|&needed| needed == 1.0) {
            return;
        }
        self.minimum.follow(gains);
        let is_held = gains.last().is_some_and(|&held| held < 1.0);
        self.sums.clear();
        // Rounded down: never too high.
        let released = gains
            .iter()
            .map(|&held| (self.release.follow(held) * ONE as f64) as u64);
        self.sums.extend(released);
        for average in &mut self.averages {
            average.follow(&mut self.sums);
        }
        let most = ONE * (self.averages[0].len * self.averages[1].len) as u64;
        self.is_at_rest = self.averages[1].sum == most && !is_held && self.release.is_at_rest();
        for (gain, &sum) in gains.iter_mut().zip(&self.sums) {
            *gain = sum as f64 / most as f64;
        }
    }

    fn count(&mut self, mut gains: &[f64]) {
        while !gains.is_empty() {
            let count =
                usize::try_from(self.left_of_second).map_or(gains.len(), |left| left.min(gains.len()));
            let (now, rest) = gains.split_at(count);
            gains = rest;
            for &gain in now {
                self.limited += u64::from(gain < AT_WORK);
                self.second_lowest = if gain < self.second_lowest {
                    gain
                } else {
                    self.second_lowest
                };
            }
            self.lowest = self.lowest.min(self.second_lowest);
            self.left_of_second -= count as u64;
            if self.left_of_second == 0 {
                self.left_of_second = self.frames_per_second;
                let lowest = std::mem::replace(&mut self.second_lowest, 1.0);
                self.seconds_db.push(-amplitude_db(lowest) as f32);
            }
        }
    }
}

impl Processor for Limiter {
    fn latency(&self) -> usize {
        self.latency
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let mut heights = std::mem::take(&mut self.heights);
        let floor = self.ceiling as f32;
        self.detector
            .push(planes, |sample| sample as f32, floor, &mut heights);
        let mut gains = std::mem::take(&mut self.gains);
        self.decide(&heights, &mut gains);
        self.count(&gains);
        for (plane, waiting) in planes.iter_mut().zip(&mut self.waiting) {
            waiting.extend_from_slice(plane);
            for ((sample, waited), gain) in plane.iter_mut().zip(waiting.iter()).zip(&gains) {
                // A gain of 1 changes no bit.
                *sample = waited * gain;
            }
            waiting.drain(..plane.len());
        }
        self.heights = heights;
        self.gains = gains;
    }

    fn reduction(&self) -> Option<Reduction> {
        let mut seconds_db = self.seconds_db.clone();
        if self.left_of_second < self.frames_per_second {
            seconds_db.push(-amplitude_db(self.second_lowest) as f32);
        }
        Some(Reduction {
            most_db: -amplitude_db(self.lowest),
            frames: self.limited,
            seconds_db,
        })
    }
}

/// The least of the last so many gains.
struct SlidingMinimum {
    len: usize,
    /// The last ones but one, and room for new ones.
    past: Vec<f64>,
    wide: Vec<f64>,
    wider: Vec<f64>,
}

impl SlidingMinimum {
    fn new(len: usize) -> Self {
        Self {
            len,
            past: vec![1.0; len - 1],
            wide: Vec::new(),
            wider: Vec::new(),
        }
    }

    /// Puts in place of each of `gains` the least up to it: of two, of four and so on, and at last of two such runs that overlap.
    fn follow(&mut self, gains: &mut [f64]) {
        self.past.extend_from_slice(gains);
        let less = |(&a, &b): (&f64, &f64)| if b < a { b } else { a };
        self.wide.clone_from(&self.past);
        let mut width = 1;
        while 2 * width <= self.len {
            self.wider.clear();
            self.wider
                .extend(self.wide.iter().zip(&self.wide[width..]).map(less));
            std::mem::swap(&mut self.wide, &mut self.wider);
            width *= 2;
        }
        let last = self.wide.iter().zip(&self.wide[self.len - width..]).map(less);
        gains.iter_mut().zip(last).for_each(|(gain, least)| *gain = least);
        self.past.drain(..gains.len());
    }
}

/// Falls at once, rises slowly: to a level that remembers sustained limiting, and with that level to 1.
struct Release {
    fast: f64,
    slow_attack: f64,
    slow_release: f64,
    gain: f64,
    level: f64,
}

impl Release {
    fn new(rate: f64) -> Self {
        let share = |seconds: f64| 1.0 - libm::exp(-1.0 / (seconds * rate));
        Self {
            fast: share(FAST_RELEASE_S),
            slow_attack: share(SLOW_ATTACK_S),
            slow_release: share(SLOW_RELEASE_S),
            gain: 1.0,
            level: 1.0,
        }
    }

    fn is_at_rest(&self) -> bool {
        self.gain == 1.0 && self.level == 1.0
    }

    fn follow(&mut self, held: f64) -> f64 {
        let share = if held < self.level {
            self.slow_attack
        } else {
            self.slow_release
        };
        self.level += share * (held - self.level);
        if self.level > 1.0 - AT_REST {
            self.level = 1.0;
        }
        let mut risen = self.gain + self.fast * (self.level - self.gain).max(0.0);
        if risen > 1.0 - AT_REST {
            risen = 1.0;
        }
        self.gain = if held < risen { held } else { risen };
        self.gain
    }
}

/// The sum of the last so many whole numbers.
struct Average {
    len: usize,
    /// The last ones, and room for new ones.
    past: Vec<u64>,
    sum: u64,
}

impl Average {
    fn new(len: usize, first: u64) -> Self {
        Self {
            len,
            past: vec![first; len],
            sum: first * len as u64,
        }
    }

    /// Puts in place of each of `values` the sum up to it.
    fn follow(&mut self, values: &mut [u64]) {
        self.past.extend_from_slice(values);
        for (value, oldest) in values.iter_mut().zip(&self.past) {
            self.sum = self.sum + *value - oldest;
            *value = self.sum;
        }
        self.past.drain(..values.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::processed;
    use super::*;

    const SETTING: Setting = Setting {
        rate: 44_100.0,
        channels: 1,
        late: 0,
    };

    fn limited(samples: &[f64], ceiling_dbtp: f64, block: usize) -> (Vec<f64>, Reduction) {
        let mut limiter = Limiter::new(ceiling_dbtp, &SETTING);
        let out = processed(&mut limiter, samples, block);
        (out, limiter.reduction().unwrap())
    }

    fn noise(len: u32, height: f64) -> Vec<f64> {
        (0..len)
            .map(|n| height * (f64::from(n.wrapping_mul(2_654_435_761) >> 8) / 8_388_608.0 - 1.0))
            .collect()
    }

    #[test]
    fn at_rest_it_is_an_exact_delay() {
        let mut samples = noise(20_000, 0.3);
        samples[5] = -0.0;
        samples[6] = 5e-324;
        let (out, reduction) = limited(&samples, -1.0, 512);
        assert_eq!((reduction.frames, reduction.most_db), (0, 0.0));
        let bits = |samples: &[f64]| samples.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&out), bits(&samples));
    }

    #[test]
    fn blocks_change_no_bit() {
        let samples = noise(20_000, 1.5);
        let whole = limited(&samples, -1.0, 40_000);
        for block in [1, 13, 128, 512, 4_096] {
            assert_eq!(limited(&samples, -1.0, block), whole, "{block}");
        }
    }

    #[test]
    fn a_peak_is_lowered_in_place_and_the_gain_comes_back_to_exactly_one() {
        let mut samples: Vec<f64> = (0..400_000).map(|n| 0.4 * (f64::from(n) * 0.05).sin()).collect();
        samples[50_000] = 1.6;
        let (out, reduction) = limited(&samples, -1.0, 4_096);
        let highest = (0..out.len())
            .max_by(|&a, &b| out[a].abs().total_cmp(&out[b].abs()))
            .unwrap();
        assert_eq!(highest, 50_000);
        assert!(out[highest] <= 0.8913 && out[highest] > 0.85, "{}", out[highest]);
        assert!((4.5..6.5).contains(&reduction.most_db), "{reduction:?}");
        assert_eq!(out[..49_000], samples[..49_000]);
        let gains: Vec<f64> = (50_200..400_000)
            .filter(|&n| samples[n].abs() > 0.1)
            .map(|n| out[n] / samples[n])
            .collect();
        assert!(gains.windows(2).all(|pair| pair[1] > pair[0] - 1e-9));
        assert_eq!(out[399_000..], samples[399_000..]);
    }
}
