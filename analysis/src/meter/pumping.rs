//! Pumping: everything rises together, slowly, again and again.
//!
//! A note begins at once and dies away slowly, each in its own part of the spectrum. A compressor that is driven by a hit does the
//! opposite, and to all of it: everything falls at once and comes back by the same decibels in each band. So of the steps from
//! window to window the one that half of the bands exceed is kept, and what counts is how fast it goes up for several in a row, right
//! after three quarters of the bands fell. Notes that swell, and fade in, do so out of silence or of each other.

use model::report::Pumping;
use model::verdict::TimeRange;

use super::bands::Band;
use super::series::quantile;
use crate::dsp::power_db;

/// Octaves from here on.
const LOWEST_HZ: f64 = 60.0;
const OCTAVES: usize = 8;
/// Bands so far below the loudest one say nothing, in dB, and so many must say something.
const FAINT_DB: f64 = 50.0;
const FEWEST_BANDS: usize = 4;
/// Windows so far below those that a twentieth exceeds are pauses and ends, in dB.
const PAUSE_DB: f64 = 40.0;
const LOUD: f64 = 0.95;
/// Steps in a row that all go up.
const STEPS: usize = 4;
/// By how much three quarters of the bands fall, within two steps, in dB, and at most how many steps before all go up.
const FALL_DB: f32 = -2.0;
const FALLEN: f64 = 0.75;
const SINCE: usize = 6;
/// The share of all moments that count: those that rise most.
const STRONGEST: f64 = 0.1;
/// Fewer windows are no song.
const FEWEST_WINDOWS: usize = 200;
/// Seconds of a part in which it is told for itself, and how many parts are named.
const PART_S: f64 = 8.0;
const MOST_PARTS: usize = 5;

/// Of a window, in dB.
#[derive(Clone, Copy)]
struct Window {
    /// By how much half of the bands are louder than in the window before.
    step_db: f32,
    /// What three quarters of the bands rise by at most.
    most_db: f32,
    /// The loudest band.
    level_db: f32,
}

/// Takes the spectra of windows at equal distances.
pub(super) struct PumpingMeter {
    bands: Vec<Band>,
    hop_s: f64,
    before_db: Option<[f64; OCTAVES]>,
    windows: Vec<Window>,
}

impl PumpingMeter {
    /// Of spectra with `bins` bins, `bin_hz` apart, every `hop_s`.
    pub(super) fn new(bin_hz: f64, bins: usize, hop_s: f64) -> Self {
        let edge = |octave: usize| LOWEST_HZ * libm::exp2(octave as f64);
        Self {
            bands: (0..OCTAVES)
                .map(|octave| Band::new(edge(octave), edge(octave + 1), bin_hz, bins))
                .collect(),
            hop_s,
            before_db: None,
            windows: Vec::new(),
        }
    }

    /// A window in which nothing sounds.
    pub(super) fn skip(&mut self) {
        self.before_db = None;
        self.windows.push(Window {
            step_db: 0.0,
            most_db: 0.0,
            level_db: f32::NEG_INFINITY,
        });
    }

    /// The mean power of each bin of a window.
    pub(super) fn add(&mut self, power: &[f32]) {
        let now_db: [f64; OCTAVES] =
            std::array::from_fn(|band| power_db(f64::from(self.bands[band].sum(power)).max(1e-15)));
        let loudest_db = now_db.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let (step_db, most_db) = self.before_db.map_or((0.0, 0.0), |before_db| {
            let mut steps: Vec<f64> = now_db
                .iter()
                .zip(before_db)
                .filter(|(now, _)| **now > loudest_db - FAINT_DB)
                .map(|(now, before)| now - before)
                .collect();
            if steps.len() < FEWEST_BANDS {
                return (0.0, 0.0);
            }
            let mut step = |share: f64| quantile(&mut steps, share).unwrap_or_default();
            (step(0.5), step(FALLEN))
        });
        self.windows.push(Window {
            step_db: step_db as f32,
            most_db: most_db as f32,
            level_db: loudest_db as f32,
        });
        self.before_db = Some(now_db);
    }

    /// `None` where there is too little to tell.
    pub(super) fn finish(&self) -> Option<Pumping> {
        let mut levels: Vec<f64> = self
            .windows
            .iter()
            .map(|window| f64::from(window.level_db))
            .filter(|db| db.is_finite())
            .collect();
        if levels.len() < FEWEST_WINDOWS {
            return None;
        }
        let pause_db = quantile(&mut levels, LOUD)? - PAUSE_DB;
        let falls: Vec<bool> = (0..self.windows.len())
            .map(|index| {
                let now = self.windows[index].most_db;
                let before = index
                    .checked_sub(1)
                    .map_or(0.0, |before| self.windows[before].most_db);
                now.min(now + before) <= FALL_DB
            })
            .collect();
        let rises: Vec<f64> = self
            .windows
            .windows(STEPS)
            .enumerate()
            .map(|(first, steps)| {
                let rise = |window: &Window| match f64::from(window.level_db) > pause_db {
                    true => f64::from(window.step_db),
                    false => 0.0,
                };
                let has_fallen = falls[first.saturating_sub(SINCE)..first].contains(&true);
                let least = steps.iter().map(rise).fold(f64::INFINITY, f64::min).max(0.0);
                if has_fallen { least / self.hop_s } else { 0.0 }
            })
            .collect();
        let part_len = ((PART_S / self.hop_s) as usize).max(1);
        let whole = strongest(&rises);
        let mut parts: Vec<(f64, f64)> = rises
            .chunks(part_len)
            .enumerate()
            .map(|(index, part)| (strongest(part), index as f64 * part_len as f64 * self.hop_s))
            .filter(|&(rise, _)| rise > 0.0 && rise >= whole)
            .collect();
        parts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
        let end_s = self.windows.len() as f64 * self.hop_s;
        Some(Pumping {
            db_per_s: (100.0 * whole).round() / 100.0,
            most: parts
                .iter()
                .take(MOST_PARTS)
                .map(|&(_, start_s)| TimeRange {
                    start_s: start_s.round(),
                    end_s: (start_s + PART_S).min(end_s).round(),
                    channel: None,
                })
                .collect(),
        })
    }
}

/// The mean of the largest tenth.
fn strongest(rises: &[f64]) -> f64 {
    let mut rises = rises.to_vec();
    rises.sort_by(|a, b| b.total_cmp(a));
    let count = ((rises.len() as f64 * STRONGEST) as usize).max(1);
    rises.iter().take(count).sum::<f64>() / count as f64
}
