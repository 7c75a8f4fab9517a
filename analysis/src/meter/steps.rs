//! The steps that samples were rounded to, whatever was done to them since.
//!
//! Rounding to few bits leaves few different values. A gain or an offset behind it fills the lower bits again, but makes no
//! new values, so they are looked at as 2^20 codes: where samples are dense, how far apart are the codes that occur?

/// Codes for the range from −1 to 1.
const CODE_BITS: u32 = 20;
/// Codes of a block, in which visits are counted.
const BLOCK: usize = 1_024;
/// Codes of a word of the set.
const WORD: usize = 64;
/// So many visits for each value of a block, and nearly every value that can occur has occurred.
const VISITS_PER_VALUE: u32 = 8;
/// Fewer visits of a block than this prove nothing.
const FEWEST_VISITS: u32 = 64;
/// Fewer values than this are a waveform of few levels, as synthesizers make them.
const FEWEST_VALUES: usize = 16;
/// A second of soft music that was rounded to few bits has no more, and is judged by what is beside it.
const FEWEST_IN_A_SECOND: usize = 6;
/// How many of the distances between neighbours must be the usual one, within so much of it and the rounding to codes: the
/// values of a tone that repeats itself exactly are few, too, but not evenly apart.
const EVEN_SHARE: f64 = 0.8;
const EVEN: f64 = 0.1;
const ROUNDING: f64 = 2.0;
/// Every so many samples are counted.
const STRIDE: usize = 3;

/// Counts the values of one channel.
pub(super) struct StepCounter {
    whole: Values,
    /// Of the second that is going on.
    second: Values,
    /// Samples to leave out before the next one that counts.
    skip: usize,
}

/// Which codes occurred, and how often something fell into each block of them.
struct Values {
    seen: Vec<u64>,
    visits: Vec<u32>,
}

impl StepCounter {
    pub(super) fn new() -> Self {
        Self {
            whole: Values::new(),
            second: Values::new(),
            skip: 0,
        }
    }

    pub(super) fn push(&mut self, plane: &[f32]) {
        const HALF: f32 = (1 << (CODE_BITS - 1)) as f32;
        for &sample in plane.iter().skip(self.skip).step_by(STRIDE) {
            // Silence is no value of the music.
            if sample != 0.0 && sample.abs() < 1.0 {
                // The highest samples of a float are rounded up to one more.
                let code = ((sample * HALF + HALF) as usize).min((1 << CODE_BITS) - 1);
                self.second.seen[code / WORD] |= 1 << (code % WORD);
                self.second.visits[code / BLOCK] += 1;
            }
        }
        let rest = plane.len().saturating_sub(self.skip) % STRIDE;
        self.skip = match plane.len().checked_sub(self.skip) {
            Some(_) => (STRIDE - rest) % STRIDE,
            None => self.skip - plane.len(),
        };
    }

    /// Ends a second, and says the bits of its steps.
    pub(super) fn complete_second(&mut self) -> Option<f64> {
        let bits = self.second.bits(FEWEST_IN_A_SECOND);
        self.whole.take(&mut self.second);
        bits
    }

    /// The bits of the steps of everything up to the end of the last second.
    pub(super) fn bits(&self) -> Option<f64> {
        self.whole.bits(FEWEST_VALUES)
    }
}

impl Values {
    fn new() -> Self {
        Self {
            seen: vec![0; (1 << CODE_BITS) / WORD],
            visits: vec![0; (1 << CODE_BITS) / BLOCK],
        }
    }

    /// Adds what `other` has, and empties it.
    fn take(&mut self, other: &mut Self) {
        const WORDS: usize = BLOCK / WORD;
        let blocks = self.seen.chunks_exact_mut(WORDS).zip(&mut self.visits);
        let others = other.seen.chunks_exact_mut(WORDS).zip(&mut other.visits);
        for ((seen, visits), (other, other_visits)) in blocks.zip(others) {
            if *other_visits > 0 {
                *visits += std::mem::take(other_visits);
                for (seen, other) in seen.iter_mut().zip(other) {
                    *seen |= std::mem::take(other);
                }
            }
        }
    }

    /// The bits whose steps are as far apart as the values that occur, where samples are dense enough to tell and have `fewest`
    /// values.
    fn bits(&self, fewest: usize) -> Option<f64> {
        const WORDS: usize = BLOCK / WORD;
        let blocks = self.seen.chunks_exact(WORDS).zip(&self.visits);
        let is_dense = |(words, &visits): (&[u64], &u32)| {
            let values = || words.iter().map(|word| word.count_ones()).sum::<u32>();
            visits >= FEWEST_VISITS && visits >= VISITS_PER_VALUE * values()
        };
        let first = blocks.clone().position(is_dense)?;
        let last = blocks.clone().rposition(is_dense)?;
        let mut distances = Vec::new();
        let mut before: Option<usize> = None;
        for index in first * WORDS..(last + 1) * WORDS {
            let mut word = self.seen[index];
            while word != 0 {
                let code = index * WORD + word.trailing_zeros() as usize;
                distances.extend(before.map(|before| (code - before) as f64));
                before = Some(code);
                word &= word - 1;
            }
        }
        let is_enough = distances.len() >= fewest;
        let usual = super::series::quantile(&mut distances, 0.5).filter(|_| is_enough)?;
        let is_usual = |distance: &&f64| (**distance - usual).abs() <= EVEN * usual + ROUNDING;
        let even = distances.iter().filter(is_usual);
        let (count, sum) = even.fold((0_u32, 0.0), |(count, sum), distance| (count + 1, sum + distance));
        (f64::from(count) >= EVEN_SHARE * distances.len() as f64)
            .then(|| f64::from(CODE_BITS) - libm::log2(sum / f64::from(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Noise;

    fn bits_of(bits: i32, gain: f64, offset: f64) -> Option<f64> {
        let mut noise = Noise::new(7);
        let steps = f64::from(1 << (bits - 1));
        let samples: Vec<f32> = (0..1_500_000)
            .map(|_| {
                let x = 0.2 * (noise.white() + noise.white());
                let rounded = (x * steps).round() / steps;
                // What a file of 24 bit keeps of it.
                (((rounded * gain + offset) * 8_388_608.0).round() / 8_388_608.0) as f32
            })
            .collect();
        let mut counter = StepCounter::new();
        samples.chunks(1_001).for_each(|chunk| counter.push(chunk));
        counter.complete_second();
        counter.bits()
    }

    #[test]
    fn steps_are_found_behind_a_gain_and_an_offset() {
        for bits in [8, 10, 12] {
            for (gain, offset) in [(1.0, 0.0), (0.7, 0.0), (1.0, 0.013), (0.61, -0.02)] {
                let found = bits_of(bits, gain, offset).unwrap();
                // A gain of 0.7 makes the steps smaller by half a bit.
                let expected = f64::from(bits) - gain.log2();
                assert!(
                    (found - expected).abs() < 0.5,
                    "{bits} × {gain} + {offset}: {found}"
                );
            }
        }
    }

    #[test]
    fn the_highest_sample_of_a_float_is_a_value_like_any() {
        let mut counter = StepCounter::new();
        counter.push(&[1.0_f32.next_down(), -1.0_f32.next_down(), 1.0, f32::MIN_POSITIVE]);
        assert_eq!(counter.complete_second(), None);
    }

    #[test]
    fn sixteen_bits_and_more_are_not_few() {
        assert!(bits_of(16, 1.0, 0.0).is_none_or(|bits| bits > 15.0));
        assert!(bits_of(24, 1.0, 0.0).is_none_or(|bits| bits > 17.0));
    }

    #[test]
    fn waves_that_repeat_themselves_exactly_say_nothing() {
        let square = |n: u16| if n % 90 < 45 { 0.3 } else { -0.3 };
        let sine = |n: u16| (f32::from(n % 100) / 100.0 * std::f32::consts::TAU).sin() * 0.4;
        let waves: [&dyn Fn(u16) -> f32; 2] = [&square, &sine];
        for wave in waves {
            let mut counter = StepCounter::new();
            for _ in 0..10 {
                counter.push(&(0..36_000).map(wave).collect::<Vec<f32>>());
                assert_eq!(counter.complete_second(), None);
            }
            assert_eq!(counter.bits(), None);
        }
    }
}
