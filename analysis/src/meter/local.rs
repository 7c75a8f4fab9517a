//! Faults of moments: gaps, held values, dropouts and clicks, from what each millisecond spans.
//!
//! Each tile of at most 1 ms gives its lowest and highest sample. Fades and rests are told from faults by what comes before
//! and behind: a rest begins with a decay, a fault leaves the music as it found it.

use std::collections::VecDeque;
use std::f32::consts::LN_2;

use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};
use model::report::{LocalFault, LocalFaultKind};

use super::bursts::BurstFinder;
use super::clicks::{ClickFinder, DIFFERENCE, KEPT};
use super::dropouts::DropoutFinder;
use super::gain_steps::{self, GainStep, GainStepFinder};
use super::predictor::Learner;
use super::stutters::StutterFinder;
use super::vectors::larger;
use crate::dsp::amplitude_db;

/// Samples of a vector; tiles are whole vectors.
const LANES: usize = 16;
/// Tiles on either side that the level around a gap is taken from, and how many of them must carry the music: a hit with
/// silence around it is no music that goes on.
const AROUND: usize = 12;
const AROUND_LOUD: usize = 8;
/// A tile carries the music if its range is this part of the mean around.
const LOUD: f32 = 0.25;
/// A dropout falls to this part of the level before: 40 dB.
const DROPOUT: f32 = 0.01;
/// The shortest gap, in seconds: waves of synthesizers rest for less.
const SHORTEST_S: f64 = 0.001_5;
/// Tiles of the shortest dropout that is not exactly constant.
const DROPOUT_TILES: u64 = 4;
/// A dropout is silence, within this part of the level before; the flat top of a square wave is none.
const SILENT: f32 = 0.05;
/// What is this far below the loudest of the last moments is a tail, and its end no gap: 26 dB. The loudest one is forgotten
/// by half in so many tiles.
const TAIL: f32 = 0.05;
const FORGOTTEN_TILES: f32 = 300.0;
/// Music goes on at no less than this part of its level before.
const GOES_ON: f32 = 0.1;
/// And at no more than this: a hit behind a stop is louder. Of gaps of 4, 60 and 800 ms in 312 loud places of 39 songs, 0.3, 2 and
/// 3 % are.
const LOUDER: f32 = 3.5;
/// Music quieter than this, as a range, has gaps by rounding: −50 dBFS.
const QUIETEST: f32 = 0.006;
/// Samples within which steps of several channels are one.
const SAME_STEP: u64 = 64;
/// A held value this near to the extreme before it is a clipped wave.
const CLIPPED: f32 = 0.7;

/// Frames of a block at most.
const LONGEST_BLOCK: usize = 8_192;
/// From a range to its half, in dB.
const HALF_DB: f64 = -6.02;

/// What is measured of a tile.
#[derive(Debug, Clone, Copy, Default)]
struct Tile {
    low: f32,
    high: f32,
    /// The largest third difference.
    step: f32,
}

impl Tile {
    fn range(&self) -> f32 {
        self.high - self.low
    }
}

pub(super) struct LocalMeter {
    rate: f64,
    tile_len: usize,
    /// Samples that the finders look back at.
    kept: usize,
    channels: Vec<Channel>,
    /// Gain steps of all channels.
    steps: Vec<GainStep>,
    learner: Learner,
    dropouts: DropoutFinder,
}

struct Channel {
    /// The last samples that a finder looks at, and behind them those that wait for their tile to be full.
    buffer: Vec<f32>,
    /// Where in it the first tile begins that was not examined.
    next: usize,
    /// Tiles so far.
    count: u64,
    gaps: GapFinder,
    /// Samples of the shortest gap of one value.
    shortest_gap: usize,
    clicks: ClickFinder,
    steps: GainStepFinder,
    stutters: StutterFinder,
    bursts: BurstFinder,
    /// Ranges of the tiles of this block.
    ranges: Vec<f32>,
    /// The first sample of the buffer.
    start: u64,
}

/// A fault in tiles.
#[derive(Debug, Clone, Copy)]
struct Moment {
    kind: LocalFaultKind,
    first: u64,
    end: u64,
    /// As an amplitude.
    strength: f32,
}

#[derive(Default)]
struct GapFinder {
    /// Ranges of the last tiles of music.
    before: VecDeque<f32>,
    /// The largest absolute sample among them.
    extreme: f32,
    /// The largest range of the last moments.
    loudest: f32,
    open: Option<Open>,
    found: Vec<Moment>,
}

/// A gap that has begun.
struct Open {
    first: u64,
    level: f32,
    extreme: f32,
    /// The value that all samples have, as long as there is one, and how many samples of the tiles on either side have it.
    value: Option<f32>,
    beside: usize,
    /// Whether these are enough.
    is_long: bool,
    /// The largest absolute sample.
    largest: f32,
    /// The first tile behind it, once it is over, and the ranges from there on.
    end: Option<u64>,
    behind: Vec<f32>,
}

impl LocalMeter {
    pub(super) fn new(rate: u32, channels: usize) -> Self {
        let tile_len = (rate as usize / 1_000 / LANES * LANES).max(LANES);
        Self {
            rate: f64::from(rate),
            tile_len,
            kept: (KEPT.max(gain_steps::KEPT) * tile_len)
                .max(StutterFinder::looks_back(f64::from(rate)))
                .max(BurstFinder::looks_back(f64::from(rate), tile_len))
                .max(DropoutFinder::looks_back(tile_len) + LONGEST_BLOCK),
            channels: (0..channels)
                .map(|_| Channel::new(f64::from(rate), tile_len))
                .collect(),
            steps: Vec::new(),
            learner: gain_steps::learner(),
            dropouts: DropoutFinder::new(f64::from(rate), tile_len),
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for (channel, plane) in self.channels.iter_mut().zip(planes) {
            channel.buffer.extend_from_slice(plane);
            dispatch!(Level::new(), simd => channel.examine(simd, self.tile_len, self.kept));
        }
        self.join_steps();
        self.find_dropouts();
    }

    /// Where all channels drop out together.
    fn find_dropouts(&mut self) {
        let ranges: Vec<Vec<f32>> = self
            .channels
            .iter_mut()
            .map(|channel| std::mem::take(&mut channel.ranges))
            .collect();
        let samples: Vec<&[f32]> = self
            .channels
            .iter()
            .map(|channel| channel.buffer.as_slice())
            .collect();
        let Some(channel) = self.channels.first() else {
            return;
        };
        for tile in 0..ranges[0].len() {
            let sum: f32 = ranges.iter().map(|ranges| ranges[tile]).sum();
            let mean = sum / ranges.len() as f32;
            self.dropouts.add(mean, &samples, channel.start);
        }
    }

    /// Of the steps that one channel has, keeps those that all have.
    fn join_steps(&mut self) {
        for index in 0..self.channels.len() {
            for step in std::mem::take(&mut self.channels[index].steps.found) {
                let has_step = |(other, channel): (usize, &Channel)| {
                    other == index || {
                        let at = step.frame.saturating_sub(channel.start) as usize;
                        gain_steps::has_step(&mut self.learner, &channel.buffer, at, step.db)
                    }
                };
                let is_known = |known: &GainStep| known.frame.abs_diff(step.frame) <= SAME_STEP;
                let is_new = !self.steps.iter().rev().take(self.channels.len()).any(is_known);
                if is_new && self.channels.iter().enumerate().all(has_step) {
                    self.steps.push(step);
                }
            }
        }
    }

    /// What was found, in the order of time.
    pub(super) fn finish(&self) -> Vec<LocalFault> {
        let tile_s = self.tile_len as f64 / self.rate;
        let mut faults: Vec<LocalFault> = Vec::new();
        for (index, channel) in self.channels.iter().enumerate() {
            faults.extend(channel.gaps.found.iter().map(|moment| LocalFault {
                kind: moment.kind,
                start_s: moment.first as f64 * tile_s,
                end_s: moment.end as f64 * tile_s,
                channel: Some(index as u16),
                strength_db: (100.0 * amplitude_db(f64::from(moment.strength))).round() / 100.0,
            }));
            faults.extend(channel.stutters.found.iter().map(|stutter| LocalFault {
                kind: LocalFaultKind::Stutter,
                start_s: stutter.first as f64 / self.rate,
                end_s: stutter.end as f64 / self.rate,
                channel: Some(index as u16),
                strength_db: (100.0 * amplitude_db(f64::from(stutter.level))).round() / 100.0,
            }));
            faults.extend(channel.bursts.found.iter().map(|burst| LocalFault {
                kind: LocalFaultKind::NoiseBurst,
                start_s: burst.first as f64 / self.rate,
                end_s: burst.end as f64 / self.rate,
                channel: Some(index as u16),
                strength_db: (100.0 * burst.level_db).round() / 100.0,
            }));
            faults.extend(channel.clicks.found.iter().map(|click| LocalFault {
                kind: LocalFaultKind::Click,
                start_s: click.frame as f64 / self.rate,
                end_s: (click.frame + 1) as f64 / self.rate,
                channel: Some(index as u16),
                strength_db: (100.0 * amplitude_db(click.excess)).round() / 100.0,
            }));
        }
        let mut faults = joined(faults, self.channels.len(), 2.0 * tile_s);
        for dropout in self.dropouts.found() {
            let (start_s, end_s) = (dropout.first as f64 / self.rate, dropout.end as f64 / self.rate);
            let is_there =
                |fault: &LocalFault| fault.kind.is_gap() && fault.start_s < end_s && start_s < fault.end_s;
            if !faults.iter().any(is_there) {
                faults.push(LocalFault {
                    kind: LocalFaultKind::Dropout,
                    start_s,
                    end_s,
                    channel: None,
                    // Half of the range is the amplitude.
                    strength_db: (100.0 * (dropout.level_db + HALF_DB)).round() / 100.0,
                });
            }
        }
        faults.extend(self.steps.iter().map(|step| LocalFault {
            kind: LocalFaultKind::GainStep,
            start_s: step.frame as f64 / self.rate,
            end_s: step.frame as f64 / self.rate,
            channel: None,
            strength_db: (100.0 * step.db).round() / 100.0,
        }));
        faults
    }
}

impl Channel {
    fn new(rate: f64, tile_len: usize) -> Self {
        Self {
            buffer: Vec::new(),
            next: 0,
            count: 0,
            gaps: GapFinder::default(),
            shortest_gap: (SHORTEST_S * rate) as usize,
            clicks: ClickFinder::new(),
            steps: GainStepFinder::new(),
            stutters: StutterFinder::new(rate),
            bursts: BurstFinder::new(rate, tile_len),
            ranges: Vec::new(),
            start: 0,
        }
    }

    #[inline(always)]
    fn examine<S: Simd>(&mut self, simd: S, tile_len: usize, kept: usize) {
        while self.next + tile_len <= self.buffer.len() {
            let end = self.next + tile_len;
            // The first tile has nothing before it.
            let before = self.next.min(DIFFERENCE);
            let tile = measure(simd, &self.buffer[self.next - before..end], before);
            self.gaps.add(
                self.count,
                &tile,
                self.buffer[..end].split_at(self.next),
                self.shortest_gap,
            );
            self.next = end;
            self.count += 1;
            self.clicks
                .add(tile.step, self.count, &self.buffer[..end], tile_len);
            self.steps
                .add(tile.step, &self.buffer[..end], tile_len, self.start);
            self.stutters
                .add(tile.high, &self.buffer[..end], tile_len, self.start);
            self.bursts.add(tile.step, &self.buffer[..end], self.start);
            self.ranges.push(tile.range());
        }
        // Seldom, since it moves all that is kept.
        let old = self.next.saturating_sub(kept);
        if old > kept {
            self.buffer.drain(..old);
            self.next -= old;
            self.start += old as u64;
        }
    }
}

impl GapFinder {
    /// Adds a tile, with the samples before it and its own. A gap of one value has at least `shortest` samples.
    fn add(&mut self, index: u64, tile: &Tile, samples: (&[f32], &[f32]), shortest: usize) {
        let equal = |value: f32| move |sample: &&f32| **sample == value;
        let range = tile.range();
        if let Some(open) = &mut self.open {
            match open.end {
                None if range <= DROPOUT * open.level => {
                    open.largest = larger(open.largest, larger(tile.high, -tile.low));
                    open.value = open
                        .value
                        .filter(|&value| value == tile.low && value == tile.high);
                    return;
                }
                None => {
                    open.end = Some(index);
                    if let Some(value) = open.value {
                        open.beside += samples.1.iter().take_while(equal(value)).count();
                        let tiles = (index - open.first) as usize;
                        open.is_long = tiles * samples.1.len() + open.beside >= shortest;
                    }
                    open.behind.push(range);
                    return;
                }
                Some(_) => {
                    open.behind.push(range);
                    if open.behind.len() < AROUND {
                        return;
                    }
                }
            }
            if let Some(open) = self.open.take() {
                self.found.extend(open.fault());
                self.before.clear();
                self.before.extend(&open.behind);
                self.extreme = 0.0;
            }
            return;
        }
        if let Some(level) = self.level()
            && range <= DROPOUT * level
        {
            let value = (tile.low == tile.high).then_some(tile.low);
            self.open = Some(Open {
                first: index,
                level,
                extreme: self.extreme,
                value,
                beside: value.map_or(0, |value| samples.0.iter().rev().take_while(equal(value)).count()),
                is_long: false,
                largest: larger(tile.high, -tile.low),
                end: None,
                behind: Vec::with_capacity(AROUND),
            });
            return;
        }
        if self.before.len() == AROUND {
            self.before.pop_front();
        }
        self.before.push_back(range);
        self.loudest = larger(self.loudest * (1.0 - LN_2 / FORGOTTEN_TILES), range);
        // Of the recent past: it decays by half in some 70 tiles.
        self.extreme = larger(0.99 * self.extreme, larger(tile.high, -tile.low));
    }

    /// The level before the next tile, if music has been there up to now.
    fn level(&self) -> Option<f32> {
        let mean = self.before.iter().sum::<f32>() / AROUND as f32;
        let is_loud = |range: &&f32| **range >= LOUD * mean;
        let is_steep = self.before.iter().rev().take(2).any(|range| is_loud(&range));
        (self.before.len() == AROUND
            && mean >= larger(QUIETEST, TAIL * self.loudest)
            && is_steep
            && self.before.iter().filter(is_loud).count() >= AROUND_LOUD)
            .then_some(mean)
    }
}

impl Open {
    /// The fault, if the music goes on behind it as it was before: what begins louder is the next note.
    fn fault(&self) -> Option<Moment> {
        let end = self.end?;
        let mean = self.behind.iter().sum::<f32>() / self.behind.len() as f32;
        let is_loud = |range: &&f32| **range >= LOUD * mean;
        let is_steep = self.behind.iter().take(2).any(|range| is_loud(&range));
        let goes_on = mean >= GOES_ON * self.level
            && mean <= LOUDER * self.level
            && is_steep
            && self.behind.iter().filter(is_loud).count() >= AROUND_LOUD;
        let is_dropout = self.largest <= SILENT * self.level && end - self.first >= DROPOUT_TILES;
        let kind = match self.value {
            Some(0.0) if self.is_long => LocalFaultKind::Gap,
            Some(value) if value.abs() >= CLIPPED * self.extreme => return None,
            Some(_) if self.is_long => LocalFaultKind::HeldValue,
            None if is_dropout => LocalFaultKind::Dropout,
            _ => return None,
        };
        goes_on.then_some(Moment {
            kind,
            first: self.first,
            end,
            // Half of the range is the amplitude.
            strength: 0.5 * self.level,
        })
    }
}

/// Measures whole vectors of samples that have `before` others in front of them.
#[inline(always)]
fn measure<S: Simd>(simd: S, samples: &[f32], before: usize) -> Tile {
    let mut low = f32x16::splat(simd, f32::INFINITY);
    let mut high = f32x16::splat(simd, f32::NEG_INFINITY);
    let mut step = f32x16::splat(simd, 0.0);
    for vector in samples[before..].chunks_exact(LANES) {
        let vector = f32x16::from_slice(simd, vector);
        low = low.min(vector);
        high = high.max(vector);
    }
    if before == DIFFERENCE {
        for at in (before..samples.len()).step_by(LANES) {
            let lag = |lag: usize| f32x16::from_slice(simd, &samples[at - lag..at - lag + LANES]);
            let difference = (lag(0) - lag(3)) - 3.0 * (lag(1) - lag(2));
            step = step.max(difference.abs());
        }
    }
    Tile {
        low: low.reduce_min(),
        high: high.reduce_max(),
        step: step.reduce_max(),
    }
}

/// Faults that all channels have at the same time, as one.
pub(super) fn joined(mut faults: Vec<LocalFault>, channels: usize, tolerance_s: f64) -> Vec<LocalFault> {
    faults.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.channel.cmp(&b.channel)));
    let mut joined: Vec<LocalFault> = Vec::new();
    let mut partners = vec![1; 0];
    for fault in faults {
        let is_same = |other: &LocalFault| {
            other.kind == fault.kind
                && other.channel != fault.channel
                && (other.start_s - fault.start_s).abs() <= tolerance_s
                && (other.end_s - fault.end_s).abs() <= tolerance_s
        };
        let recent = joined.len().saturating_sub(2 * channels);
        match (recent..joined.len())
            .rev()
            .find(|&index| is_same(&joined[index]))
        {
            Some(index) => {
                partners[index] += 1;
                joined[index].strength_db = joined[index].strength_db.max(fault.strength_db);
            }
            None => {
                joined.push(fault);
                partners.push(1);
            }
        }
    }
    for (fault, partners) in joined.iter_mut().zip(partners) {
        if partners == channels {
            fault.channel = None;
        }
    }
    joined
}
