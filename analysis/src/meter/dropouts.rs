//! Dropouts with soft edges: all channels fall within some milliseconds, and come back as they were.
//!
//! A rest ends with the attack of another note, and what is left in it is the tail of a reverb. A dropout returns to what it left, at
//! the same level; and where something is left in it, that is the same sound, only softer in every band.

use std::collections::VecDeque;

use super::stft::Stft;
use crate::dsp::{amplitude_db, power_db};

/// Tiles of a step, of which levels are compared.
const STEP_TILES: u64 = 5;
/// Steps before a dropout and behind it, how many of them right beside it, and what both parts of these may differ by, in dB.
const BESIDE: usize = 12;
const NEXT: usize = 4;
const STEADY_DB: f64 = 3.0;
/// The most steps that an edge takes.
const EDGE: usize = 4;
/// Steps of the shortest and of the longest one.
const SHORTEST: usize = 10;
const LONGEST: usize = 220;
/// What it falls by at least, below what it still has begun, and above what it has come back, in dB.
const DEPTH_DB: f64 = 14.0;
const FALLEN_DB: f64 = 12.0;
const RISES_DB: f64 = 10.0;
const BACK_DB: f64 = 4.0;
/// Levels behind it and before it differ by no more than this, in dB.
const RETURN_DB: f64 = 4.0;
/// Below this nothing is missed, in dBFS.
const FAINTEST_DB: f64 = -45.0;
/// Where it is so far below the mean power of the file, parts play alone, and stop alone, in dB.
const QUIET_DB: f64 = 18.0;
/// From this depth on nothing is left in it that could be compared.
const SILENT_DB: f64 = 40.0;
/// How unlike the bands are in what they lose in it, and in what they are before it and behind it (standard deviations), in dB; how far
/// below the loudest one they say nothing, and the fewest of them.
const ALIKE_DB: f64 = 4.0;
const SAME_DB: f64 = 7.0;
const FAINT_DB: f64 = 55.0;
const FEWEST_BANDS: usize = 6;
/// Edges of the bands: 1/3 octaves from 200 Hz on.
const LOWEST_HZ: f64 = 200.0;
const BANDS: usize = 18;
/// Samples of a window, and from one to the next.
const WINDOW: usize = 2_048;
const HOP: usize = WINDOW / 2;

pub(super) struct DropoutFinder {
    rate: f64,
    step_len: usize,
    /// Of the step that is going on.
    tiles: u64,
    sum: f64,
    /// Complete steps.
    steps: usize,
    /// The levels of the last of them, in dB.
    levels: VecDeque<f64>,
    /// The squares of the mean ranges of all of them.
    squares: f64,
    state: State,
    stft: Stft,
    found: Vec<Dropout>,
}

/// A dropout of all channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropout {
    /// Its first frame, and the first one behind it.
    pub(super) first: u64,
    pub(super) end: u64,
    /// The level before it, as a range of samples in dB.
    pub(super) level_db: f64,
}

/// How far what may be a dropout has come.
#[derive(Debug, Clone, Copy)]
enum State {
    Music,
    Fallen(Fall),
    /// With the first step that is no longer low.
    Rising(Fall, usize),
    /// With that one, and the first one at its old level.
    Back(Fall, usize, usize),
}

/// A fall of the level.
#[derive(Debug, Clone, Copy)]
struct Fall {
    before_db: f64,
    /// The first step that is low.
    first: usize,
}

impl DropoutFinder {
    pub(super) fn new(rate: f64, tile_len: usize) -> Self {
        Self {
            rate,
            step_len: STEP_TILES as usize * tile_len,
            tiles: 0,
            sum: 0.0,
            steps: 0,
            levels: VecDeque::new(),
            squares: 0.0,
            state: State::Music,
            stft: Stft::new(WINDOW, &[1.0]),
            found: Vec::new(),
        }
    }

    /// Frames that it looks back at.
    pub(super) fn looks_back(tile_len: usize) -> usize {
        (2 * BESIDE + LONGEST + 3 * EDGE) * STEP_TILES as usize * tile_len + 4 * WINDOW
    }

    /// Takes the mean range of the channels in one more tile. `channels` have their samples from frame `start` on, this tile's among them.
    pub(super) fn add(&mut self, range: f32, channels: &[&[f32]], start: u64) {
        self.sum += f64::from(range);
        self.tiles += 1;
        if self.tiles < STEP_TILES {
            return;
        }
        let range = self.sum / STEP_TILES as f64;
        let level_db = amplitude_db(range.max(1e-6));
        self.squares += range * range;
        (self.sum, self.tiles) = (0.0, 0);
        if self.levels.len() == BESIDE + EDGE + 2 {
            self.levels.pop_front();
        }
        self.levels.push_back(level_db);
        self.advance(level_db, channels, start);
        self.steps += 1;
    }

    /// Those of music that is as loud as most of the file.
    pub(super) fn found(&self) -> impl Iterator<Item = &Dropout> {
        let mean_db = power_db(self.squares / self.steps.max(1) as f64);
        let is_loud = move |dropout: &&Dropout| dropout.level_db >= mean_db - QUIET_DB;
        self.found.iter().filter(is_loud)
    }

    fn advance(&mut self, level_db: f64, channels: &[&[f32]], start: u64) {
        let step = self.steps;
        self.state = match self.state {
            State::Music => match self.fallen() {
                Some(before_db) => State::Fallen(Fall {
                    before_db,
                    first: step,
                }),
                None => State::Music,
            },
            State::Fallen(fall) if level_db < fall.before_db - RISES_DB => {
                if step - fall.first > LONGEST {
                    State::Music
                } else {
                    self.state
                }
            }
            State::Fallen(fall) if step - fall.first < SHORTEST => State::Music,
            State::Fallen(fall) if level_db >= fall.before_db - BACK_DB => State::Back(fall, step, step),
            State::Fallen(fall) => State::Rising(fall, step),
            State::Rising(fall, end) if level_db >= fall.before_db - BACK_DB => State::Back(fall, end, step),
            State::Rising(_, end) if step - end < EDGE => self.state,
            State::Rising(..) => State::Music,
            State::Back(.., back) if step - back < BESIDE => self.state,
            State::Back(fall, end, back) => {
                let dropout = self.complete(fall, end, back, channels, start);
                self.found.extend(dropout);
                State::Music
            }
        };
    }

    /// The level before, if the last step is the first one that has fallen from a steady one.
    fn fallen(&self) -> Option<f64> {
        let levels: Vec<f64> = self.levels.iter().copied().collect();
        let (&last, rest) = levels.split_last()?;
        (0..EDGE).find_map(|edge| {
            let before = rest.get(..rest.len().checked_sub(edge)?)?;
            let before = before.get(before.len().checked_sub(BESIDE)?..)?;
            let before_db = mean(before);
            let ends_there = before.last().is_some_and(|&db| db >= before_db - BACK_DB);
            (before_db >= FAINTEST_DB
                && last <= before_db - FALLEN_DB
                && ends_there
                && is_steady(before.split_at(BESIDE - NEXT)))
            .then_some(before_db)
        })
    }

    fn complete(
        &mut self,
        fall: Fall,
        end: usize,
        back: usize,
        channels: &[&[f32]],
        start: u64,
    ) -> Option<Dropout> {
        let behind: Vec<f64> = self.levels.iter().rev().take(BESIDE).rev().copied().collect();
        let returns = (mean(&behind) - fall.before_db).abs() <= RETURN_DB && is_steady(behind.split_at(NEXT));
        if !returns {
            return None;
        }
        let step_len = self.step_len;
        let frame = |step: usize| (step * step_len) as u64;
        let at = |frame: u64| usize::try_from(frame.checked_sub(start)?).ok();
        let edge = (EDGE * step_len) as u64;
        let first = at(frame(fall.first).checked_sub(edge)?)?;
        let behind = at(frame(back + 1))?;
        let inner = at(frame(fall.first + 1))?..at(frame(end - 1))?;
        let was = self.levels_of(channels, first.checked_sub(2 * WINDOW)?..first)?;
        let is = self.levels_of(channels, behind..behind + 2 * WINDOW)?;
        let left = self.levels_of(channels, inner.start..inner.end.max(inner.start + WINDOW))?;
        let loudest = was.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let heard: Vec<usize> = (0..BANDS)
            .filter(|&band| was[band].min(is[band]) > loudest - FAINT_DB)
            .collect();
        let of_heard =
            |figure: &dyn Fn(usize) -> f64| -> Vec<f64> { heard.iter().map(|&band| figure(band)).collect() };
        let mut losses = of_heard(&|band| f64::midpoint(was[band], is[band]) - left[band]);
        let loss_deviation_db = deviation(&losses);
        let depth_db = super::series::quantile(&mut losses, 0.5)?;
        let is_same = if depth_db < SILENT_DB {
            loss_deviation_db <= ALIKE_DB
        } else {
            deviation(&of_heard(&|band| is[band] - was[band])) <= SAME_DB
        };
        (heard.len() >= FEWEST_BANDS && depth_db >= DEPTH_DB && is_same).then_some(Dropout {
            first: frame(fall.first),
            end: frame(end),
            level_db: fall.before_db,
        })
    }

    /// The levels of the bands of all channels together, in dB.
    fn levels_of(&mut self, channels: &[&[f32]], span: std::ops::Range<usize>) -> Option<[f64; BANDS]> {
        let mut sum = vec![0.0_f32; span.len()];
        for channel in channels {
            let samples = channel.get(span.clone())?;
            sum.iter_mut()
                .zip(samples)
                .for_each(|(sum, sample)| *sum += sample);
        }
        let sum = [sum];
        let bin_hz = self.rate / WINDOW as f64;
        let edge = |band: usize| {
            let hz = LOWEST_HZ * libm::exp2(band as f64 / 3.0);
            ((hz / bin_hz).ceil() as usize).min(self.stft.bins())
        };
        let edges: Vec<usize> = (0..=BANDS).map(edge).collect();
        let mut powers = [0.0_f64; BANDS];
        for at in (0..=sum[0].len().checked_sub(WINDOW)?).step_by(HOP) {
            self.stft.transform(&sum, at);
            for (power, edges) in powers.iter_mut().zip(edges.windows(2)) {
                let bins = &self.stft.power[edges[0]..edges[1]];
                *power += f64::from(bins.iter().sum::<f32>()) / bins.len().max(1) as f64;
            }
        }
        let windows = (sum[0].len() - WINDOW) / HOP + 1;
        Some(powers.map(|power| power_db((power / windows as f64).max(1e-16))))
    }
}

/// Whether both parts have the same level.
fn is_steady(parts: (&[f64], &[f64])) -> bool {
    (mean(parts.0) - mean(parts.1)).abs() <= STEADY_DB
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|db| (db - middle) * (db - middle)).collect();
    mean(&squares).sqrt()
}
