//! From double precision to the words of the output.

use super::chain::Planes;
use super::recipe::SampleFormat;
use crate::dsp::amplitude_db;

/// By so many steps a sample may be beyond the last one for its rounding and its dither.
const ROUNDED_STEPS: f64 = 2.0;

/// Rounds samples, with or without dither.
pub(super) struct Quantiser {
    format: SampleFormat,
    /// A sequence per channel; none without dither.
    dither: Vec<SplitMix>,
    /// The highest absolute sample that was to become a whole number.
    highest: f64,
}

impl Quantiser {
    /// With the dither that belongs to `seed`, or without any.
    pub(super) fn new(format: SampleFormat, channels: usize, seed: Option<u64>) -> Self {
        // Noise below the precision of floating point is no dither.
        let seed = seed.filter(|_| format != SampleFormat::Float32);
        let sequences = seed.map(|seed| {
            (0..channels as u64)
                .map(|channel| SplitMix::new(seed, channel))
                .collect()
        });
        Self {
            format,
            dither: sequences.unwrap_or_default(),
            highest: 0.0,
        }
    }

    /// The samples that are written, each exactly.
    pub(super) fn push(&mut self, planes: &Planes, words: &mut Vec<Vec<f32>>) {
        words.resize(planes.len(), Vec::new());
        for (channel, (plane, words)) in planes.iter().zip(words).enumerate() {
            words.clear();
            match self.format {
                SampleFormat::Float32 => words.extend(plane.iter().map(|&sample| sample as f32)),
                SampleFormat::Int16 | SampleFormat::Int24 => {
                    let full_scale = f64::from(1_u32 << (self.format.bits() - 1));
                    let step = 1.0 / full_scale;
                    let higher = |highest: f64, sample: &f64| {
                        if sample.abs() > highest {
                            sample.abs()
                        } else {
                            highest
                        }
                    };
                    self.highest = plane.iter().fold(self.highest, higher);
                    let mut dither = self.dither.get_mut(channel);
                    words.extend(plane.iter().map(|&sample| {
                        // Digital silence stays what it is.
                        let noise = match &mut dither {
                            Some(dither) if sample != 0.0 => dither.triangular(),
                            _ => 0.0,
                        };
                        let word = (sample * full_scale + noise).clamp(-full_scale, full_scale - 1.0);
                        (rounded(word) * step) as f32
                    }));
                }
            }
        }
    }

    /// By how many dB the highest sample was over full scale and had to be clipped; 0 where all did fit. What is only rounded there,
    /// with its dither, fits.
    pub(super) fn over_db(&self) -> f64 {
        let step = 1.0 / f64::from(1_u32 << (self.format.bits() - 1).min(31));
        if self.highest > 1.0 + ROUNDED_STEPS * step {
            amplitude_db(self.highest)
        } else {
            0.0
        }
    }
}

/// The nearest whole number, of two the one away from zero, as [`f64::round`], which is a call where the processor is not known to
/// have an instruction for it. For what an `i32` holds.
fn rounded(value: f64) -> f64 {
    const JUST_BELOW_HALF: f64 = 0.5 - f64::EPSILON / 4.0;
    f64::from((value + JUST_BELOW_HALF.copysign(value)) as i32)
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct SplitMix(u64);

impl SplitMix {
    const fn new(seed: u64, channel: u64) -> Self {
        Self(seed ^ channel.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The difference of two even numbers from 0 to 1: from −1 to 1, most often 0.
    fn triangular(&mut self) -> f64 {
        let bits = self.next();
        (f64::from((bits >> 32) as u32) - f64::from(bits as u32)) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dither_makes_the_error_white_and_independent_of_the_signal() {
        let step = 1.0 / 32_768.0;
        // A sine of less than a step vanishes without dither.
        let sine: Vec<f64> = (0..200_000)
            .map(|n| 0.4 * step * (f64::from(n) * std::f64::consts::TAU / 100.0).sin())
            .collect();
        let planes = vec![sine.clone()];
        let mut words = Vec::new();
        Quantiser::new(SampleFormat::Int16, 1, None).push(&planes, &mut words);
        assert!(words[0].iter().all(|&word| word == 0.0));
        Quantiser::new(SampleFormat::Int16, 1, Some(7)).push(&planes, &mut words);
        let along: f64 = words[0]
            .iter()
            .zip(&sine)
            .map(|(&word, sine)| f64::from(word) * sine)
            .sum();
        let energy: f64 = sine.iter().map(|sine| sine * sine).sum();
        assert!((along / energy - 1.0).abs() < 0.05, "{}", along / energy);
        let error: f64 = words[0]
            .iter()
            .zip(&sine)
            .map(|(&word, sine)| (f64::from(word) - sine).powi(2))
            .sum::<f64>()
            / 200_000.0;
        // Rounding (1/12) and dither (1/6) together are a quarter of a step squared.
        assert!(
            (error / (step * step) - 0.25).abs() < 0.01,
            "{}",
            error / (step * step)
        );
    }

    #[test]
    fn halves_are_rounded_away_from_zero_and_what_is_just_below_them_is_not() {
        for whole in [0.0, 1.0, 2.0, 32_767.0, 8_388_606.0] {
            for value in [
                whole,
                whole + 0.5,
                (whole + 0.5_f64).next_down(),
                (whole + 0.5_f64).next_up(),
            ] {
                assert_eq!(rounded(value), value.round(), "{value}");
                assert_eq!(rounded(-value), (-value).round(), "{value}");
            }
        }
    }

    #[test]
    fn words_are_exact_and_silence_is_silent() {
        let planes = vec![vec![0.0, -1.0, 1.0, 3.7, 5.0 / 8_388_608.0]];
        let mut words = Vec::new();
        Quantiser::new(SampleFormat::Int24, 1, None).push(&planes, &mut words);
        let highest = 8_388_607.0 / 8_388_608.0;
        assert_eq!(words[0], [0.0, -1.0, highest, highest, 5.0 / 8_388_608.0]);
        Quantiser::new(SampleFormat::Int24, 1, Some(1)).push(&planes, &mut words);
        assert_eq!(words[0][0], 0.0);
    }
}
