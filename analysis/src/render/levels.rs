//! Steps that work on each sample by itself.

use std::ops::Range;

use super::chain::{Processor, Setting};
use super::recipe::Passage;
use crate::dsp::db_to_amplitude;

/// A passage is turned over within so many seconds, through zero, so that an edge that is known to 1 s only does not click.
const TURN_S: f64 = 0.002;

/// So many exact zeros in a row are digital silence, which has no offset.
const SILENCE: usize = 512;

/// Subtracts a constant from each channel, but in digital silence: there it would put one in.
pub(super) struct Offset(Vec<OffsetChannel>);

struct OffsetChannel {
    amount: f64,
    /// The samples that wait until it is known whether they are silence, and room for new ones.
    waiting: Vec<f64>,
    /// Samples that came, those before the start counted.
    at: usize,
    /// Zeros in a row, up to the newest sample.
    zeros: usize,
    /// The last silence. The next one begins when it has left.
    silence: Range<usize>,
}

impl Offset {
    pub(super) fn new(amounts: &[f64], channels: usize) -> Self {
        let channel = |index: usize| OffsetChannel {
            amount: amounts.get(index).copied().unwrap_or(0.0),
            waiting: vec![0.0; SILENCE],
            at: SILENCE,
            // Before the start there is nothing.
            zeros: SILENCE,
            silence: 0..SILENCE,
        };
        Self((0..channels).map(channel).collect())
    }
}

impl OffsetChannel {
    fn process(&mut self, plane: &mut [f64]) {
        self.waiting.extend_from_slice(plane);
        for (sample, &oldest) in plane.iter_mut().zip(&self.waiting) {
            self.zeros = if *sample == 0.0 { self.zeros + 1 } else { 0 };
            self.at += 1;
            if self.zeros >= SILENCE {
                if self.zeros == SILENCE {
                    self.silence.start = self.at - SILENCE;
                }
                self.silence.end = self.at;
            }
            let is_silent = self.silence.contains(&(self.at - SILENCE - 1));
            *sample = if is_silent { oldest } else { oldest - self.amount };
        }
        self.waiting.drain(..plane.len());
    }
}

impl Processor for Offset {
    fn latency(&self) -> usize {
        SILENCE
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        for (plane, channel) in planes.iter_mut().zip(&mut self.0) {
            channel.process(plane);
        }
    }
}

/// A factor for each channel.
pub(super) struct ChannelGains(Vec<f64>);

impl ChannelGains {
    /// Left over right by `db`, by turning one of them down.
    pub(super) fn balance(db: f64) -> Self {
        let down = db_to_amplitude(-db.abs());
        Self(if db < 0.0 {
            vec![down, 1.0]
        } else {
            vec![1.0, down]
        })
    }

    /// The same `factor` for all.
    pub(super) fn all(factor: f64, channels: usize) -> Self {
        Self(vec![factor; channels])
    }
}

impl Processor for ChannelGains {
    fn process(&mut self, planes: &mut [Vec<f64>]) {
        for (plane, &factor) in planes.iter_mut().zip(&self.0) {
            if factor != 1.0 {
                plane.iter_mut().for_each(|sample| *sample *= factor);
            }
        }
    }
}

/// Turns a channel over, everywhere or in passages.
pub(super) struct Polarity {
    channel: usize,
    /// In frames, in order; empty for everywhere.
    passages: Vec<(u64, u64)>,
    /// Half of the frames of a turn.
    half_turn: f64,
    at: u64,
}

impl Polarity {
    pub(super) fn new(channel: u16, passages: &[Passage], setting: &Setting) -> Self {
        let mut passages: Vec<(u64, u64)> = passages
            .iter()
            .map(|passage| (setting.frame(passage.start_s), setting.frame(passage.end_s)))
            .collect();
        passages.sort_unstable();
        Self {
            channel: usize::from(channel),
            passages,
            half_turn: (TURN_S * setting.rate / 2.0).max(1.0),
            at: 0,
        }
    }

    /// 1 far outside, −1 far inside.
    fn factor(&self, frame: u64) -> f64 {
        let frame = frame as f64;
        let inside = self.passages.iter().map(|&(start, end)| {
            let depth = (frame - start as f64).min(end as f64 - frame);
            (depth / self.half_turn).clamp(-1.0, 1.0)
        });
        -inside.fold(-1.0, f64::max)
    }
}

impl Processor for Polarity {
    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let count = planes.first().map_or(0, Vec::len) as u64;
        let first = self.at;
        self.at += count;
        let is_everywhere = self.passages.is_empty();
        let is_far = self.passages.iter().all(|&(start, end)| {
            let margin = self.half_turn as u64 + 1;
            first > end + margin || first + count + margin < start
        });
        if is_far && !is_everywhere {
            return;
        }
        if let Some(plane) = planes.get_mut(self.channel) {
            for (frame, sample) in (first..).zip(plane) {
                *sample *= if is_everywhere { -1.0 } else { self.factor(frame) };
            }
        }
    }
}

/// The level of the side, (L − R) / 2.
pub(super) struct Width {
    /// Of the side, less 1.
    change: f64,
}

impl Width {
    pub(super) fn new(side_db: f64) -> Self {
        Self {
            change: db_to_amplitude(side_db) - 1.0,
        }
    }
}

impl Processor for Width {
    fn process(&mut self, planes: &mut [Vec<f64>]) {
        if let [left, right] = planes {
            for (left, right) in left.iter_mut().zip(right) {
                let change = self.change * (*left - *right) / 2.0;
                *left += change;
                *right -= change;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: Setting = Setting {
        rate: 1_000.0,
        channels: 2,
        late: 0,
    };

    #[test]
    fn polarity_turned_twice_is_as_before_and_a_passage_ends_where_it_should() {
        let mut planes = vec![vec![0.5; 3_000], vec![-0.0; 3_000]];
        let before = planes.clone();
        for _ in 0..2 {
            Polarity::new(0, &[], &SETTING).process(&mut planes);
        }
        assert_eq!(planes, before);
        let passage = Passage {
            start_s: 1.0,
            end_s: 2.0,
        };
        Polarity::new(0, &[passage], &SETTING).process(&mut planes);
        assert!(planes[0][..998].iter().all(|&x| x == 0.5));
        assert!(planes[0][1_002..1_998].iter().all(|&x| x == -0.5));
        assert!(planes[0][2_002..].iter().all(|&x| x == 0.5));
    }

    #[test]
    fn an_offset_goes_where_there_is_sound_and_silence_stays_silent() {
        let sound = |n: usize| 0.1 + 0.05 * (n as f64 * 0.1).sin();
        let mut plane = vec![0.0; 2_000];
        plane.extend((2_000..6_000).map(sound));
        plane.extend(vec![0.0; 2_000 + SILENCE]);
        let mut planes = vec![plane];
        Offset::new(&[0.1], 1).process(&mut planes);
        let out = &planes[0][SILENCE..];
        assert!(out[..2_000].iter().chain(&out[6_000..]).all(|&x| x == 0.0));
        assert!((2_000..6_000).all(|n| (out[n] - (sound(n) - 0.1)).abs() < 1e-15));
    }

    #[test]
    fn balance_only_turns_down() {
        for (db, expected) in [(-6.0, (0.501, 1.0)), (6.0, (1.0, 0.501))] {
            let mut planes = vec![vec![1.0; 4]; 2];
            ChannelGains::balance(db).process(&mut planes);
            assert!((planes[0][0] - expected.0).abs() < 1e-3 && (planes[1][0] - expected.1).abs() < 1e-3);
        }
    }

    #[test]
    fn width_changes_the_side_alone() {
        let mut planes = vec![vec![0.75], vec![0.25]];
        Width::new(-6.0206).process(&mut planes);
        assert!((planes[0][0] + planes[1][0] - 1.0).abs() < 1e-12);
        assert!((planes[0][0] - planes[1][0] - 0.25).abs() < 1e-6);
    }
}
