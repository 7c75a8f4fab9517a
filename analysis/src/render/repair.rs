//! Fills clicks and short gaps: the sound before is continued by linear prediction, that behind is continued backwards, and one
//! fades into the other. A heuristic, which is why no plan switches it on by itself.

use super::chain::{Processor, Setting};
use super::recipe::Defect;

/// The longest moment that is filled, in seconds.
pub(super) const LONGEST_S: f64 = 0.02;
/// What the predictors learn from on either side, in seconds.
const CONTEXT_S: f64 = 0.05;
/// Coefficients of a predictor; fewer where the context is short.
const ORDER: usize = 256;

pub(super) struct Repair {
    /// Channel, first frame and the frame behind the last, by that frame; those to come last.
    pending: Vec<(Option<usize>, u64, u64)>,
    /// Per channel, what is still to leave, with the context before it.
    buffers: Vec<Vec<f64>>,
    context: usize,
    latency: usize,
    /// The frame of the newest sample, and one.
    at: u64,
}

impl Repair {
    pub(super) fn new(places: &[Defect], setting: &Setting) -> Self {
        let context = (CONTEXT_S * setting.rate) as usize;
        let latency = context + (LONGEST_S * setting.rate).ceil() as usize + 2;
        let mut pending: Vec<(Option<usize>, u64, u64)> = places
            .iter()
            .map(|place| {
                let end = setting.frame(place.end_s).max(setting.frame(place.start_s) + 1);
                (place.channel.map(usize::from), setting.frame(place.start_s), end)
            })
            .collect();
        pending.sort_by_key(|&(_, _, end)| std::cmp::Reverse(end));
        Self {
            pending,
            buffers: vec![vec![0.0; latency + context]; setting.channels],
            context,
            latency,
            at: 0,
        }
    }

    /// Fills what has its whole context by now. The last sample of a buffer is the frame before `at`.
    fn fill(&mut self) {
        while let Some(&(channel, start, end)) = self.pending.last() {
            if end + self.context as u64 > self.at {
                return;
            }
            self.pending.pop();
            for (index, buffer) in self.buffers.iter_mut().enumerate() {
                if channel.is_some_and(|channel| channel != index) {
                    continue;
                }
                let back = |frame: u64| buffer.len().checked_sub((self.at - frame) as usize);
                let (Some(from), Some(to)) = (back(start), back(end)) else {
                    continue;
                };
                if from >= self.context && to + self.context <= buffer.len() {
                    bridge(buffer, from, to, self.context);
                }
            }
        }
    }
}

impl Processor for Repair {
    fn latency(&self) -> usize {
        self.latency
    }

    fn process(&mut self, planes: &mut [Vec<f64>]) {
        let count = planes.first().map_or(0, Vec::len);
        let mut taken = 0;
        while taken < count {
            // Up to the next place that can be filled, so that blocks change nothing.
            let due = self
                .pending
                .last()
                .map_or(u64::MAX, |&(_, _, end)| end + self.context as u64);
            let step = (count - taken).min(
                usize::try_from(due.saturating_sub(self.at))
                    .unwrap_or(usize::MAX)
                    .max(1),
            );
            for (plane, buffer) in planes.iter_mut().zip(&mut self.buffers) {
                let new = &mut plane[taken..taken + step];
                let old_len = buffer.len();
                buffer.extend_from_slice(new);
                assert_eq!(old_len, self.latency + self.context);
            }
            self.at += step as u64;
            self.fill();
            for (plane, buffer) in planes.iter_mut().zip(&mut self.buffers) {
                plane[taken..taken + step].copy_from_slice(&buffer[self.context..self.context + step]);
                buffer.drain(..step);
            }
            taken += step;
        }
    }
}

/// Replaces `samples[from..to]` by what both sides lead one to expect.
fn bridge(samples: &mut [f64], from: usize, to: usize, context: usize) {
    let before = samples[from - context..from].to_vec();
    let behind: Vec<f64> = samples[to..to + context].iter().rev().copied().collect();
    let len = to - from;
    let (forward, backward) = (continued(&before, len), continued(&behind, len));
    for (index, sample) in samples[from..to].iter_mut().enumerate() {
        let share = (index as f64 + 0.5) / len as f64;
        *sample = (1.0 - share) * forward[index] + share * backward[len - 1 - index];
    }
}

/// The next `len` samples.
fn continued(samples: &[f64], len: usize) -> Vec<f64> {
    let factors = burg(samples, ORDER.min(samples.len() / 4));
    let mut all = samples.to_vec();
    for _ in 0..len {
        let next = factors
            .iter()
            .zip(all.iter().rev())
            .map(|(factor, sample)| factor * sample)
            .sum();
        all.push(next);
    }
    all.split_off(samples.len())
}

/// The factors of the last samples, the newest first, by Burg's method: what they continue never grows.
fn burg(samples: &[f64], order: usize) -> Vec<f64> {
    let (mut forward, mut backward) = (samples.to_vec(), samples.to_vec());
    let mut factors: Vec<f64> = Vec::with_capacity(order);
    for step in 0..order {
        let (mut product, mut energy) = (0.0, 0.0);
        for n in step + 1..samples.len() {
            product += forward[n] * backward[n - 1];
            energy += forward[n] * forward[n] + backward[n - 1] * backward[n - 1];
        }
        if energy < 1e-20 {
            break;
        }
        let reflection = 2.0 * product / energy;
        let previous = factors.clone();
        factors.push(reflection);
        for (k, factor) in factors[..step].iter_mut().enumerate() {
            *factor = previous[k] - reflection * previous[step - 1 - k];
        }
        for n in (step + 1..samples.len()).rev() {
            let (ahead, behind) = (forward[n], backward[n - 1]);
            forward[n] = ahead - reflection * behind;
            backward[n] = behind - reflection * ahead;
        }
    }
    factors
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

    fn tone(n: usize) -> f64 {
        let n = n as f64;
        0.4 * (n * 0.031).sin() + 0.2 * (n * 0.147 + 1.0).sin() + 0.1 * (n * 0.41).sin()
    }

    fn repaired(samples: &[f64], places: &[Defect], block: usize) -> Vec<f64> {
        processed(&mut Repair::new(places, &SETTING), samples, block)
    }

    #[test]
    fn a_gap_and_a_click_in_tones_are_filled_and_nothing_else_changes() {
        let clean: Vec<f64> = (0..40_000).map(tone).collect();
        let mut broken = clean.clone();
        broken[10_000..10_400].fill(0.0);
        broken[30_000] += 0.9;
        let at = |from: usize, to: usize| Defect {
            channel: Some(0),
            start_s: from as f64 / 44_100.0,
            end_s: to as f64 / 44_100.0,
        };
        let places = [at(10_000, 10_400), at(29_990, 30_010)];
        let out = repaired(&broken, &places, 4_096);
        for n in 0..40_000 {
            if (10_000..10_400).contains(&n) || (29_990..30_010).contains(&n) {
                assert!((out[n] - clean[n]).abs() < 0.02, "{n}: {} {}", out[n], clean[n]);
            } else {
                assert_eq!(out[n], broken[n], "{n}");
            }
        }
        for block in [1, 997, 50_000] {
            assert_eq!(repaired(&broken, &places, block), out, "{block}");
        }
    }
}
