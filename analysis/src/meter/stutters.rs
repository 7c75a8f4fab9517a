//! Buffers that are played twice: the same samples once more, 5 to 500 ms later.
//!
//! A peak of the waveform that comes back to the last bit is asked whether its surroundings do, so that what is looked at is a
//! few hundred peaks a second. Synthesizers and sequencers repeat themselves exactly, too, but one turn of theirs runs into
//! the next, and it begins with an onset or goes on for long; a buffer is cut out anywhere and does not fit to itself.

use super::vectors::{extremes, larger};

/// What is looked for, in seconds: shorter is a tone, longer is music that repeats itself.
const SHORTEST_S: f64 = 0.005;
const LONGEST_S: f64 = 0.5;
/// Samples that come back on either side of a peak before the repetition is followed.
const EQUAL: usize = 8;
/// A turn is complete from this part of it on.
const COMPLETE: f64 = 0.98;
/// Slots in which peaks wait, chosen by the bits of their value: 170 of them fall into [`LONGEST_S`].
const SLOTS: usize = 4_096;
/// A range below this is equal by rounding: −50 dBFS.
const QUIETEST: f32 = 0.006;
/// A seam breaks the wave where the third difference is so many times the largest around it, this many samples on either side.
const BREAKS: f32 = 1.5;
const AROUND: usize = 160;
/// Samples on either side of a seam whose ranges are compared, and by how much they differ where an onset begins: 12 dB.
const ONSET: usize = 128;
const ONSET_RATIO: f32 = 4.0;
/// Without a break, more turns than this are music.
const MOST_TURNS: f64 = 3.5;
/// A turn is a tone where one that is shifted, by this many samples at least, leaves less than this part of its energy.
const SHORTEST_PERIOD: usize = 16;
const PERIODIC: f32 = 0.02;
/// Samples of a turn that are asked for that.
const ASKED: usize = 1_024;

/// The same samples once more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stutter {
    /// The first sample that is repeated.
    pub(super) first: u64,
    /// The first one behind that is none.
    pub(super) end: u64,
    /// Half of the range of a turn, as an amplitude.
    pub(super) level: f32,
}

/// Finds the repetitions of one channel.
pub(super) struct StutterFinder {
    shortest: u64,
    longest: u64,
    /// The highest samples of the last two tiles.
    highs: [f32; 2],
    /// The sample at the last peak of each slot.
    peaks: Vec<u64>,
    open: Option<Repetition>,
    pub(super) found: Vec<Stutter>,
}

/// A repetition that goes on.
#[derive(Debug, Clone, Copy)]
struct Repetition {
    first: u64,
    lag: usize,
}

impl StutterFinder {
    pub(super) fn new(rate: f64) -> Self {
        Self {
            shortest: (SHORTEST_S * rate) as u64,
            longest: (LONGEST_S * rate) as u64,
            highs: [f32::INFINITY; 2],
            peaks: vec![u64::MAX; SLOTS],
            open: None,
            found: Vec::new(),
        }
    }

    /// How many samples before the present ones it looks at: a turn, and the one that it repeats.
    pub(super) fn looks_back(rate: f64) -> usize {
        (2.0 * LONGEST_S * rate) as usize + AROUND
    }

    /// Takes one more tile with its highest sample: the last `tile_len` of `samples`, whose first one is `start`.
    pub(super) fn add(&mut self, high: f32, samples: &[f32], tile_len: usize, start: u64) {
        let [before, middle] = self.highs;
        self.highs = [middle, high];
        if let Some(open) = self.open {
            let tile = samples.len() - tile_len;
            let equal = equal_from(samples, tile, open.lag);
            if equal == tile_len {
                return;
            }
            self.close(open, samples, start, tile + equal);
        }
        if before < middle && middle > high && middle > 0.0 {
            self.ask(middle, samples, tile_len, start);
        }
    }

    /// Whether the peak of the last tile but one has been there before, and with it what is around.
    fn ask(&mut self, peak: f32, samples: &[f32], tile_len: usize, start: u64) {
        let Some(tile) = samples.len().checked_sub(2 * tile_len) else {
            return;
        };
        let Some(offset) = samples[tile..].iter().position(|&sample| sample == peak) else {
            return;
        };
        let at = tile + offset;
        let frame = start + at as u64;
        let slot = (peak.to_bits().wrapping_mul(0x9e37_79b1) >> 20) as usize % SLOTS;
        let previous = std::mem::replace(&mut self.peaks[slot], frame);
        let Some(lag) = frame
            .checked_sub(previous)
            .filter(|lag| (self.shortest..=self.longest).contains(lag))
        else {
            return;
        };
        let lag = lag as usize;
        if at < lag + EQUAL || equal_from(samples, at - EQUAL, lag) < 2 * EQUAL {
            return;
        }
        let before = (lag..at)
            .rev()
            .take_while(|&at| samples[at] == samples[at - lag])
            .count();
        let repetition = Repetition {
            first: frame - before as u64,
            lag,
        };
        let end = at + equal_from(samples, at, lag);
        if end == samples.len() {
            self.open = Some(repetition);
        } else {
            self.close(repetition, samples, start, end);
        }
    }

    fn close(&mut self, repetition: Repetition, samples: &[f32], start: u64, end: usize) {
        self.open = None;
        let end_frame = start + end as u64;
        let len = (end_frame - repetition.first) as f64;
        let turns = len / repetition.lag as f64;
        if turns < COMPLETE {
            return;
        }
        // What is long has lost its start, and is judged by its last turns.
        let lag = repetition.lag;
        let first = match repetition.first.checked_sub(start) {
            Some(first) if first as usize >= lag => first as usize,
            _ => end - lag * turns.min(1.0) as usize,
        };
        let Some(turn) = first.checked_sub(lag).map(|from| &samples[from..first]) else {
            return;
        };
        let span = extremes(turn);
        let range = span.high - span.low;
        if range < QUIETEST || has_onset(samples, first) {
            return;
        }
        let is_broken = breaks(samples, first) || breaks(samples, end);
        if is_broken || (turns <= MOST_TURNS && !is_periodic(turn)) {
            self.found.push(Stutter {
                first: repetition.first,
                end: end_frame,
                level: 0.5 * range,
            });
        }
    }
}

/// How many samples from `at` on are those `lag` before.
fn equal_from(samples: &[f32], at: usize, lag: usize) -> usize {
    let pairs = samples[at..].iter().zip(&samples[at - lag..]);
    pairs.take_while(|(now, before)| now == before).count()
}

/// Whether the wave breaks at `seam`.
fn breaks(samples: &[f32], seam: usize) -> bool {
    let difference =
        |at: usize| ((samples[at] - samples[at - 3]) - 3.0 * (samples[at - 1] - samples[at - 2])).abs();
    let from = seam.saturating_sub(AROUND).max(3);
    let to = (seam + AROUND).min(samples.len());
    let at_seam = seam.max(3)..(seam + 3).min(to);
    let largest = |at: &mut dyn Iterator<Item = usize>| at.map(difference).fold(0.0, larger);
    let around = largest(&mut (from..at_seam.start.max(from)).chain(at_seam.end..to.max(at_seam.end)));
    largest(&mut at_seam.clone()) >= BREAKS * around
}

/// Whether sound begins at `seam` that was not there before.
fn has_onset(samples: &[f32], seam: usize) -> bool {
    let range = |samples: &[f32]| {
        let span = extremes(samples);
        (span.high - span.low).max(0.0)
    };
    let before = range(&samples[seam.saturating_sub(ONSET)..seam]);
    let behind = range(&samples[seam..(seam + ONSET).min(samples.len())]);
    behind > ONSET_RATIO * before
}

/// Whether a turn consists of shorter ones that are almost equal.
fn is_periodic(turn: &[f32]) -> bool {
    let asked = &turn[..ASKED.min(turn.len() / 2)];
    let energy: f32 = asked.iter().map(|x| x * x).sum();
    (SHORTEST_PERIOD..=turn.len() - asked.len()).any(|shift| {
        let mut left = 0.0;
        for (parts, shifted) in asked.chunks(64).zip(turn[shift..].chunks(64)) {
            left += parts
                .iter()
                .zip(shifted)
                .map(|(x, y)| (x - y) * (x - y))
                .sum::<f32>();
            // Most shifts leave more than that at once.
            if left >= PERIODIC * energy {
                return false;
            }
        }
        true
    })
}
