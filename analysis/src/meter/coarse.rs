//! Passages that were made coarse: rounded to few bits, or held at a lower rate.

use model::report::{LocalFault, LocalFaultKind};

use crate::dsp::amplitude_db;

/// Steps of a passage are those of so many bits at most, and the rest of the file has so many more, in so much of its seconds.
const MOST_BITS: f64 = 12.0;
const FINER_BITS: f64 = 3.0;
const FINER_SHARE: f64 = 0.4;
/// Seconds of the shortest passage, and how far its seconds may be from each other, in bits.
const SHORTEST_S: usize = 2;
const ALIKE_BITS: f64 = 0.4;
/// Samples of a piece that are asked whether they are held, and by how many at a time.
const ASKED: usize = 512;
const HELD: std::ops::RangeInclusive<usize> = 2..=8;
/// In so many places where a sample could change, it does: a square wave stays for longer.
const CHANGES: f64 = 0.7;

/// What the seconds of one channel are made of.
#[derive(Default)]
pub(super) struct Coarseness {
    /// Bits of the steps, where they can be told.
    bits: Vec<Option<f64>>,
    /// For how many samples each is held; 1 where they are not.
    held: Vec<usize>,
    /// Of the pieces of the second that is going on.
    piece: Option<usize>,
}

impl Coarseness {
    /// Asks a piece of the second that is going on.
    pub(super) fn ask(&mut self, samples: &[f32]) {
        if let Some(samples) = samples.get(..ASKED) {
            let held = held_for(samples);
            self.piece = Some(
                self.piece
                    .map_or(held, |before| if before == held { held } else { 1 }),
            );
        }
    }

    pub(super) fn complete_second(&mut self, bits: Option<f64>) {
        self.bits.push(bits);
        self.held.push(self.piece.take().unwrap_or(1));
    }

    /// The passages of this channel.
    pub(super) fn passages(&self, channel: u16) -> Vec<LocalFault> {
        let fault = |kind, first: usize, end: usize, strength_db: f64| LocalFault {
            kind,
            start_s: first as f64,
            end_s: end as f64,
            channel: Some(channel),
            strength_db: (100.0 * strength_db).round() / 100.0,
        };
        let mut faults = Vec::new();
        let held = runs(&self.held, |one, other| *one > 1 && one == other);
        for (first, end) in held {
            let strength_db = amplitude_db(self.held[first] as f64);
            faults.push(fault(LocalFaultKind::HeldSamples, first, end, strength_db));
        }
        let is_alike = |one: &Option<f64>, other: &Option<f64>| match (one, other) {
            (Some(one), Some(other)) => one.max(*other) <= MOST_BITS && (one - other).abs() <= ALIKE_BITS,
            _ => false,
        };
        for (first, end) in runs(&self.bits, is_alike) {
            let Some(bits) = self.bits[first] else { continue };
            let is_finer = |other: &&Option<f64>| other.is_none_or(|other| other >= bits + FINER_BITS);
            let finer = self.bits.iter().filter(is_finer).count();
            if finer as f64 >= FINER_SHARE * self.bits.len() as f64 {
                // Codes run from −1 to 1.
                let step_db = amplitude_db(libm::exp2(1.0 - bits));
                faults.push(fault(LocalFaultKind::CoarsePassage, first, end, step_db));
            }
        }
        faults
    }
}

/// Where [`SHORTEST_S`] values or more in a row are all like the first of them.
fn runs<T>(values: &[T], is_alike: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut first = 0;
    while first < values.len() {
        let like = |value: &&T| is_alike(&values[first], value);
        let end = first + values[first..].iter().take_while(like).count().max(1);
        if end - first >= SHORTEST_S {
            runs.push((first, end));
        }
        first = end;
    }
    runs
}

/// For how many samples each of these is held.
fn held_for(samples: &[f32]) -> usize {
    let changes: Vec<usize> = (1..samples.len())
        .filter(|&at| samples[at] != samples[at - 1])
        .collect();
    let is_held = |times: &usize| {
        let first = changes.first().copied().unwrap_or(0);
        changes.len() as f64 >= CHANGES * (samples.len() / times) as f64
            && changes.iter().all(|at| (at - first).is_multiple_of(*times))
    };
    HELD.rev().find(is_held).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_samples_are_told_from_waves_that_stay() {
        let noise = |n: usize| (n * 7_919 % 1_009) as f32 / 1_009.0 - 0.5;
        for times in 1..=8 {
            let held: Vec<f32> = (0..600).map(|n| noise((n + 3) / times)).collect();
            assert_eq!(held_for(&held[..ASKED]), times);
        }
        let square: Vec<f32> = (0..600).map(|n| if n % 60 < 30 { 0.5 } else { -0.5 }).collect();
        assert_eq!(held_for(&square[..ASKED]), 1);
        assert_eq!(held_for(&[0.0; ASKED]), 1);
    }
}
