//! Bursts of noise: static that begins at once, stays as it is and ends at once, while the music goes on.
//!
//! Cymbals and snares die away, sweeps swell. The third differences of each millisecond, which are measured anyway, follow the
//! highest frequencies; where they rise at once and then stay, spectra are asked whether all bands do, and how flat they are.

use std::collections::VecDeque;

use super::stft::Stft;
use super::vectors::larger;
use crate::dsp::{db_to_power, power_db};

/// Length of a slice, of which the mean of the third differences is compared, in seconds.
const SLICE_S: f64 = 0.01;
/// Slices before a burst that it is compared with, and how many right before it may belong to its edge.
const BEFORE: usize = 25;
const EDGE: usize = 2;
/// Slices behind a burst that it is compared with.
const BEHIND: usize = 8;
/// What is asked of a burst. Claps of synthesizers are as steady for up to 0.1 s, so that a faint one must be longer; samples that
/// are no music at all are louder than any treble, and known at once.
const KINDS: [Kind; 2] = [
    Kind {
        slices: SHORTEST,
        faintest: 4e-3,
        rises: 1.6,
        rises_db: 6.0,
    },
    Kind {
        slices: 3,
        faintest: 0.6,
        rises: 6.0,
        rises_db: 15.0,
    },
];
/// Slices of the shortest one that may be faint.
const SHORTEST: usize = 11;
/// How far apart the differences of a burst are from each other, and from their mean.
const ALIKE: f32 = 1.6;
const STAYS: std::ops::Range<f32> = 0.7..1.42;
/// Samples of a window, and from one to the next.
const WINDOW: usize = 1_024;
const HOP: usize = WINDOW / 2;
/// Bands that are compared; one above what the file has says nothing.
const BANDS_HZ: [(f64, f64); 4] = [
    (3_000.0, 5_000.0),
    (5_000.0, 8_000.0),
    (8_000.0, 11_500.0),
    (11_500.0, 15_000.0),
];
/// In how many of them it rises, and falls, at least.
const FEWEST_BANDS: usize = 3;
/// How far the windows of a burst are from each other (standard deviation), what its thirds differ by, and its ends, in dB.
const STEADY_DB: f64 = 1.0;
const SLOPE_DB: f64 = 1.1;
const SAME_DB: f64 = 2.0;
/// From the lowest band to the highest, the density of static falls by no more than this, in dB: that of a cymbal or a reverb does.
const FALLS_DB: f64 = 7.0;
/// What one band may be above or below the one before, in dB.
const SMOOTH_DB: f64 = 5.0;

/// A kind of burst.
struct Kind {
    /// Its slices at least.
    slices: usize,
    /// The mean third difference at least; 0.004 is some −60 dBFS, 0.6 some −24.
    faintest: f32,
    /// By what factor the differences rise, and by how many dB the bands, at both ends.
    rises: f32,
    rises_db: f64,
}

/// The density of each band, in dB.
type Levels = [f64; BANDS_HZ.len()];

/// Finds the bursts of one channel.
pub(super) struct BurstFinder {
    rate: f64,
    slice_tiles: usize,
    slice_len: usize,
    /// The differences of the slice that is going on.
    tiles: usize,
    sum: f32,
    /// Of the last slices.
    slices: VecDeque<f32>,
    open: Option<Open>,
    stft: Stft,
    pub(super) found: Vec<Burst>,
}

/// A burst of noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burst {
    /// Its first sample.
    pub(super) first: u64,
    /// The first one behind it.
    pub(super) end: u64,
    /// What white noise of this density has from 20 Hz to 20 kHz, in dBFS (RMS).
    pub(super) level_db: f64,
}

/// A burst that has begun.
struct Open {
    kind: &'static Kind,
    /// Its slices so far.
    slices: usize,
    first: u64,
    mean: f32,
    levels: Levels,
    rises: [bool; BANDS_HZ.len()],
    /// The sample behind its last slice, and how many slices have come since.
    end: Option<(u64, usize)>,
}

impl BurstFinder {
    pub(super) fn new(rate: f64, tile_len: usize) -> Self {
        let slice_tiles = ((SLICE_S * rate / tile_len as f64).round() as usize).max(1);
        Self {
            rate,
            slice_tiles,
            slice_len: slice_tiles * tile_len,
            tiles: 0,
            sum: 0.0,
            slices: VecDeque::new(),
            open: None,
            stft: Stft::new(WINDOW, &[1.0]),
            found: Vec::new(),
        }
    }

    /// Samples that it looks back at.
    pub(super) fn looks_back(rate: f64, tile_len: usize) -> usize {
        let slice = ((SLICE_S * rate) as usize).max(tile_len) + tile_len;
        (BEFORE + EDGE + SHORTEST + BEHIND) * slice
    }

    /// Takes the largest third difference of one more tile, the last one of `samples`, whose first one is `start`.
    pub(super) fn add(&mut self, step: f32, samples: &[f32], start: u64) {
        self.sum += step;
        self.tiles += 1;
        if self.tiles < self.slice_tiles {
            return;
        }
        let mean = self.sum / self.tiles as f32;
        (self.sum, self.tiles) = (0.0, 0);
        if self.slices.len() == BEFORE + EDGE + SHORTEST {
            self.slices.pop_front();
        }
        self.slices.push_back(mean);
        match &mut self.open {
            Some(open) => {
                let behind = match &mut open.end {
                    None if STAYS.contains(&(mean / open.mean)) => {
                        open.slices += 1;
                        // What lasts is asked for less.
                        if open.slices == SHORTEST
                            && let Some(longer) = self.begun(&KINDS[0], samples, start)
                        {
                            self.open = Some(longer);
                        }
                        return;
                    }
                    // Its last slice may hold both states.
                    None => open
                        .end
                        .insert((start + (samples.len() - self.slice_len) as u64, 0)),
                    Some(end) => end,
                };
                behind.1 += 1;
                // A drum dies away for longer.
                if behind.1 == EDGE + 1 && mean * open.kind.rises > open.mean {
                    self.open = None;
                } else if behind.1 == EDGE + BEHIND {
                    let burst = self
                        .open
                        .take()
                        .and_then(|open| self.complete(&open, samples, start));
                    self.found.extend(burst);
                }
            }
            None => self.open = KINDS.iter().find_map(|kind| self.begun(kind, samples, start)),
        }
    }

    /// The burst of a kind that fills its slices, the last ones, and nothing before them.
    fn begun(&mut self, kind: &'static Kind, samples: &[f32], start: u64) -> Option<Open> {
        let first = samples.len().checked_sub(kind.slices * self.slice_len)?;
        let edge = first.checked_sub(EDGE * self.slice_len)?;
        let before = edge.checked_sub(BEFORE * self.slice_len)?;
        let split = self.slices.len().checked_sub(kind.slices)?;
        let within = || self.slices.iter().skip(split).copied();
        let (least, most) = within().fold((f32::INFINITY, 0.0_f32), |(least, most), mean| {
            (least.min(mean), larger(most, mean))
        });
        let mean = within().sum::<f32>() / kind.slices as f32;
        let was = self.slices.range(split.checked_sub(EDGE + BEFORE)?..split - EDGE);
        let beside = larger(self.slices[split - EDGE], was.sum::<f32>() / BEFORE as f32);
        if mean < kind.faintest || most > ALIKE * least || mean < kind.rises * beside {
            return None;
        }
        let (was, _) = self.levels(&samples[before..edge])?;
        let (levels, is_steady) = self.levels(&samples[first..])?;
        let rises = std::array::from_fn(|band| levels[band] - was[band] >= kind.rises_db && is_steady[band]);
        (is_enough(&rises) && is_static(&levels)).then_some(Open {
            kind,
            slices: kind.slices,
            first: start + first as u64,
            mean,
            levels,
            rises,
            end: None,
        })
    }

    /// The burst, if it ends as it began, and at once.
    fn complete(&mut self, open: &Open, samples: &[f32], start: u64) -> Option<Burst> {
        let end = usize::try_from(open.end?.0.checked_sub(start)?).ok()?;
        let last = end.checked_sub(open.kind.slices * self.slice_len)?;
        let (levels, _) = self.levels(&samples[last..end])?;
        let (behind, _) = self.levels(&samples[end + EDGE * self.slice_len..])?;
        let ends: [bool; BANDS_HZ.len()] = std::array::from_fn(|band| {
            open.rises[band]
                && levels[band] - behind[band] >= open.kind.rises_db
                && (levels[band] - open.levels[band]).abs() <= SAME_DB
        });
        let mean = open.levels.iter().sum::<f64>() / open.levels.len() as f64;
        is_enough(&ends).then_some(Burst {
            first: open.first,
            end: open.end?.0,
            level_db: mean,
        })
    }

    /// The levels of the bands, each as what white noise of its density has from 20 Hz to 20 kHz in dBFS, and in which of them all
    /// windows are alike.
    fn levels(&mut self, samples: &[f32]) -> Option<(Levels, [bool; BANDS_HZ.len()])> {
        let samples = [samples.to_vec()];
        let bin_hz = self.rate / WINDOW as f64;
        let heard = 20_000.0 / bin_hz;
        let windows: Vec<Levels> = (0..samples[0].len().checked_sub(WINDOW)? + 1)
            .step_by(HOP)
            .map(|at| {
                self.stft.transform(&samples, at);
                BANDS_HZ.map(|(from_hz, to_hz)| {
                    let bin = |hz: f64| ((hz / bin_hz).round() as usize).min(self.stft.bins());
                    let bins = &self.stft.power[bin(from_hz)..bin(to_hz)];
                    let power: f32 = bins.iter().sum();
                    power_db(f64::from(power).max(1e-15) / bins.len().max(1) as f64 * heard)
                })
            })
            .collect();
        let mean = |windows: &[Levels], band: usize| {
            let power: f64 = windows.iter().map(|levels| db_to_power(levels[band])).sum();
            power_db(power / windows.len() as f64)
        };
        let third = (windows.len() / 3).max(1);
        // A hit of a drum among the windows says nothing of the rest.
        let median = |band: usize| {
            let mut levels: Vec<f64> = windows.iter().map(|window| window[band]).collect();
            super::series::quantile(&mut levels, 0.5).unwrap_or(f64::NEG_INFINITY)
        };
        let levels: Levels = std::array::from_fn(median);
        let is_steady = std::array::from_fn(|band| {
            let squares = windows.iter().map(|window| window[band] - levels[band]);
            let deviation = (squares.map(|db| db * db).sum::<f64>() / windows.len() as f64).sqrt();
            let slope = mean(&windows[windows.len() - third..], band) - mean(&windows[..third], band);
            deviation <= STEADY_DB && slope.abs() <= SLOPE_DB
        });
        Some((levels, is_steady))
    }
}

fn is_enough(bands: &[bool]) -> bool {
    bands.iter().filter(|&&is_so| is_so).count() >= FEWEST_BANDS
}

/// Whether the density is about the same at all frequencies.
fn is_static(levels: &Levels) -> bool {
    levels[0] - levels[levels.len() - 1] <= FALLS_DB
        && levels
            .windows(2)
            .all(|pair| (pair[1] - pair[0]).abs() <= SMOOTH_DB)
}
