//! Lines of the spectrum that never go away: hum, whistles, monitor tones.
//!
//! Music covers a steady tone most of the time, but leaves every frequency alone now and then. So each bin keeps how often it
//! has which level, and what counts is its floor: the level of its quietest tenth. A steady tone is a floor far above those
//! beside it, near which the bin is half of the time; a note that is played often is louder, and its floor is that of its
//! neighbours.

use model::report::{Hum, SteadyTone};

use super::stft::Stft;
use super::windows::Windows;
use crate::dsp::{db_to_power, power_db};

/// Windows below this mean power are silence: −90 dB relative to full scale.
const SILENCE: f32 = 1e-9;
/// Fewer windows than this are a note.
const FEWEST_WINDOWS: u32 = 6;
/// Classes of level: two an octave of power, from −150 dB on.
const CLASSES: usize = 102;
const LOWEST_POWER: f32 = 1e-15;
const CLASS_BITS: u32 = 22;
/// Bins that make one of the robust spectrum, the share of the windows that stay below it, and the windows that it needs.
const GROUP: usize = 8;
const ROBUST_SHARE: f64 = 0.75;
const ROBUST_WINDOWS: u32 = 10;
/// The quietest tenth.
const FLOOR: f64 = 0.1;
/// A line has this much more than the median of the floors between these distances in bins, on both sides.
const STANDS_OUT_DB: f64 = 12.0;
const BESIDE: std::ops::RangeInclusive<usize> = 4..=15;
/// Half of the time it is no more than this above its floor; a class alone is 1.5 dB wide.
const STEADY_DB: f64 = 1.6;
/// More tones than this, harmonics not counted, are the line spectrum of music that repeats itself exactly, or a chord.
const MOST_TONES: usize = 2;
/// Nothing below this is reported.
const FAINTEST_DB: f64 = -100.0;
pub(super) const MAINS_HZ: [f64; 2] = [50.0, 60.0];
/// The part of the spectrum below what the filters of converters leave.
const BELOW_CONVERTERS: f64 = 0.93;
/// Harmonics of the mains that are looked at, and how far one may be from its place.
const HARMONICS: u8 = 6;
const OFF_HZ: f64 = 0.5;
/// Under music: what each harmonic stands out by counts from here on, up to so much; all together have so much; and so many times
/// what the best fundamentals have that are no mains, but for so many lucky ones. Half of the time the music covers a
/// harmonic by this much at most, and half of the harmonics by less: a note comes and goes. The mains are searched in steps to
/// either side.
const EVIDENCE_FROM_DB: f64 = 3.0;
const EVIDENCE_EACH_DB: f64 = 12.0;
const EVIDENCE_DB: f64 = 16.0;
const EVIDENCE_FACTOR: f64 = 1.5;
const LUCKY: usize = 1;
const COVERED_DB: f64 = 6.0;
const MIDDLE_COVERED_DB: f64 = 2.5;
const MAINS_STEP_HZ: f64 = 0.05;
const MAINS_STEPS: u8 = 4;
const NO_MAINS_HZ: [f64; 16] = [
    43.6, 44.7, 45.9, 46.8, 47.7, 52.3, 53.4, 54.6, 55.7, 56.8, 63.3, 64.4, 65.8, 67.1, 68.7, 70.3,
];
/// As far as a harmonic of another tone may be from its place, of its frequency.
const OFF_SHARE: f64 = 0.002;

/// Counts the levels of each bin over windows of one length.
pub(super) struct LineMeter {
    stft: Stft,
    bin_hz: f64,
    collected: Windows,
    /// Per bin, [`CLASSES`] counts.
    counts: Vec<u16>,
    /// Per bin, summed over the windows.
    power: Vec<f64>,
    windows: u32,
}

/// What the harmonics of a fundamental have in common.
struct Harmonics {
    /// By how much they stand out, all together, in dB.
    evidence_db: f64,
    /// Of those that stand out.
    power: f64,
    /// By how much the music covers half of them, half of the time.
    covered_db: f64,
    harmonics: Vec<u8>,
}

/// A steady tone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    hz: f64,
    /// Its floor, relative to a full-scale sine.
    level_db: f64,
}

impl LineMeter {
    /// Windows of `len` samples, a power of two, every `hop`.
    pub(super) fn new(rate: f64, channels: usize, len: usize, hop: usize) -> Self {
        let stft = Stft::new(len, &vec![1.0; channels]);
        Self {
            collected: Windows::new(channels, len, hop),
            counts: vec![0; stft.bins() * CLASSES],
            power: vec![0.0; stft.bins()],
            bin_hz: rate / len as f64,
            stft,
            windows: 0,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let Self {
            collected,
            stft,
            counts,
            power,
            windows,
            ..
        } = self;
        collected.push(planes, |window| {
            stft.transform(window, 0);
            if stft.power.iter().sum::<f32>() <= SILENCE {
                return;
            }
            *windows += 1;
            for (counts, &power) in counts.chunks_exact_mut(CLASSES).zip(&stft.power) {
                let count = &mut counts[class_of(power)];
                *count = count.saturating_add(1);
            }
            for (sum, &power) in power.iter_mut().zip(&stft.power) {
                *sum += f64::from(power);
            }
        });
    }

    /// The mean level between two frequencies in dB, relative to a full-scale sine; `None` where nothing sounds.
    pub(super) fn level_db(&self, from_hz: f64, to_hz: f64) -> Option<f64> {
        let bin = |hz: f64| ((hz / self.bin_hz).round() as usize).min(self.power.len());
        let power: f64 = self.power[bin(from_hz)..bin(to_hz)].iter().sum();
        (power > 0.0).then(|| power_db(power / f64::from(self.windows) / 0.5))
    }

    /// The frequency above which all bins together have less than a full-scale sine of `db`, in steps of 100 Hz; those that the
    /// filter of a converter leaves near half the rate are not looked at. `None` where nothing sounds.
    pub(super) fn ends_hz(&self, db: f64) -> Option<f64> {
        let mut left = 0.5 * db_to_power(db) * f64::from(self.windows);
        let last = (self.power.len() as f64 * BELOW_CONVERTERS) as usize;
        let bin = self.power[..last].iter().rposition(|&power| {
            left -= power;
            left < 0.0
        })?;
        Some((bin as f64 * self.bin_hz / 100.0).round() * 100.0)
    }

    /// The distance of two bins and the power that a quarter of the windows exceed, in groups of bins: a spectrum in which a
    /// click or a dropout counts for nothing. `None` where there are too few windows to leave any out.
    pub(super) fn robust_power(&self) -> Option<(f64, Vec<f64>)> {
        let groups = |levels: Vec<f64>| {
            let mean = |group: &[f64]| {
                let power: f64 = group.iter().map(|&db| 0.5 * db_to_power(db)).sum();
                power / group.len() as f64
            };
            levels.chunks_exact(GROUP).map(mean).collect()
        };
        (self.windows >= ROBUST_WINDOWS)
            .then(|| (GROUP as f64 * self.bin_hz, groups(self.levels_db(ROBUST_SHARE))))
    }

    /// The distance of two bins and the level in dB that each is below half of the time; `None` where there are too few windows.
    pub(super) fn median_db(&self) -> Option<(f64, Vec<f64>)> {
        (self.windows >= FEWEST_WINDOWS).then(|| (self.bin_hz, self.levels_db(0.5)))
    }

    /// The level in dB that each bin is below for `share` of the windows.
    fn levels_db(&self, share: f64) -> Vec<f64> {
        let edges: Vec<f64> = (0..=CLASSES)
            .map(|class| power_db(f64::from(lower_edge(class)) / 0.5))
            .collect();
        let target = share * f64::from(self.windows);
        let level = |counts: &[u16]| {
            let mut below = 0.0;
            for (class, &count) in counts.iter().enumerate() {
                let count = f64::from(count);
                if count > 0.0 && below + count >= target {
                    let within = ((target - below) / count).clamp(0.0, 1.0);
                    return edges[class] + (edges[class + 1] - edges[class]) * within;
                }
                below += count;
            }
            edges[CLASSES]
        };
        self.counts.chunks_exact(CLASSES).map(level).collect()
    }

    /// Mains hum between two frequencies: by lines that stand out alone, or by all its harmonics together.
    pub(super) fn hum(&self, from_hz: f64, to_hz: f64) -> Option<Hum> {
        hum_of(&self.lines(from_hz, to_hz)).or_else(|| self.hum_under_music())
    }

    /// Under music each harmonic stands out but little, and those of notes as well; so all harmonics together must be far more
    /// than those of fundamentals that no mains has.
    fn hum_under_music(&self) -> Option<Hum> {
        if self.windows < FEWEST_WINDOWS {
            return None;
        }
        let (floor, median) = (self.levels_db(FLOOR), self.levels_db(0.5));
        let near = |hz: f64| {
            (0..=2 * MAINS_STEPS)
                .map(|step| hz + (f64::from(step) - f64::from(MAINS_STEPS)) * MAINS_STEP_HZ)
                .map(|hz| self.harmonics_of(hz, &floor, &median))
                .max_by(|a, b| a.evidence_db.total_cmp(&b.evidence_db))
        };
        let mut others: Vec<f64> = NO_MAINS_HZ
            .into_iter()
            .filter_map(near)
            .map(|found| found.evidence_db)
            .collect();
        others.sort_by(|a, b| b.total_cmp(a));
        let usual = others.get(LUCKY).copied().unwrap_or_default();
        MAINS_HZ
            .into_iter()
            .filter_map(|mains_hz| Some((mains_hz, near(mains_hz)?)))
            .filter(|(_, found)| {
                found.harmonics.len() > 1
                    && found.covered_db <= MIDDLE_COVERED_DB
                    && found.evidence_db >= EVIDENCE_DB
                    && found.evidence_db >= EVIDENCE_FACTOR * usual
            })
            .max_by(|a, b| a.1.evidence_db.total_cmp(&b.1.evidence_db))
            .map(|(mains_hz, found)| Hum {
                mains_hz,
                level_db: rounded(power_db(found.power)),
                harmonics: found.harmonics,
            })
    }

    /// How much the first harmonics of `hz` stand out of the floors beside them.
    fn harmonics_of(&self, hz: f64, floor: &[f64], median: &[f64]) -> Harmonics {
        let mut found = Harmonics {
            evidence_db: 0.0,
            power: 0.0,
            covered_db: f64::INFINITY,
            harmonics: Vec::new(),
        };
        let mut covered = Vec::new();
        for harmonic in 1..=HARMONICS {
            let place = (hz * f64::from(harmonic) / self.bin_hz).round() as usize;
            if place + BESIDE.end() + 2 > floor.len() || place < BESIDE.end() + 2 {
                continue;
            }
            let Some(bin) = (place - 1..=place + 1).max_by(|&a, &b| floor[a].total_cmp(&floor[b])) else {
                continue;
            };
            let is_highest = floor[bin - 3..bin].iter().all(|&db| db <= floor[bin])
                && floor[bin + 1..=bin + 3].iter().all(|&db| db <= floor[bin]);
            let mut beside: Vec<f64> = BESIDE
                .flat_map(|distance| [floor[bin - distance], floor[bin + distance]])
                .collect();
            let Some(beside_db) = super::series::quantile(&mut beside, 0.5) else {
                continue;
            };
            let above_db = floor[bin] - beside_db;
            if is_highest && median[bin] - floor[bin] < COVERED_DB {
                found.evidence_db += (above_db - EVIDENCE_FROM_DB).clamp(0.0, EVIDENCE_EACH_DB);
                if above_db > 2.0 * EVIDENCE_FROM_DB {
                    found.harmonics.push(harmonic);
                    found.power += db_to_power(floor[bin]);
                    covered.push(median[bin] - floor[bin]);
                }
            }
        }
        found.covered_db = super::series::quantile(&mut covered, 0.5).unwrap_or(f64::INFINITY);
        found
    }

    /// The lines between two frequencies, from the lowest to the highest.
    pub(super) fn lines(&self, from_hz: f64, to_hz: f64) -> Vec<Line> {
        if self.windows < FEWEST_WINDOWS {
            return Vec::new();
        }
        let (floor, median) = (self.levels_db(FLOOR), self.levels_db(0.5));
        let first = ((from_hz / self.bin_hz).ceil() as usize).max(*BESIDE.end());
        let last = ((to_hz / self.bin_hz) as usize).min(floor.len().saturating_sub(BESIDE.end() + 1));
        (first..=last)
            .filter(|&bin| {
                let is_highest = floor[bin - 2..bin].iter().all(|&db| db <= floor[bin])
                    && floor[bin + 1..=bin + 2].iter().all(|&db| db < floor[bin]);
                is_highest && median[bin] - floor[bin] <= STEADY_DB && {
                    let mut beside: Vec<f64> = BESIDE
                        .flat_map(|distance| [floor[bin - distance], floor[bin + distance]])
                        .collect();
                    super::series::quantile(&mut beside, 0.5)
                        .is_some_and(|beside| floor[bin] - beside >= STANDS_OUT_DB)
                }
            })
            .map(|bin| {
                let [before, here, behind] = [floor[bin - 1], floor[bin], floor[bin + 1]];
                // The vertex of the parabola through three levels.
                let off = 0.5 * (before - behind) / (before - 2.0 * here + behind);
                Line {
                    hz: (bin as f64 + off) * self.bin_hz,
                    level_db: power_db([before, here, behind].map(db_to_power).iter().sum()),
                }
            })
            .filter(|line| line.level_db >= FAINTEST_DB)
            .collect()
    }
}

/// What is at or beyond either end counts there.
fn class_of(power: f32) -> usize {
    let lowest = LOWEST_POWER.to_bits() >> CLASS_BITS;
    let class = (power.to_bits() >> CLASS_BITS).saturating_sub(lowest);
    (class as usize).min(CLASSES - 1)
}

fn lower_edge(class: usize) -> f32 {
    f32::from_bits(((LOWEST_POWER.to_bits() >> CLASS_BITS) + class as u32) << CLASS_BITS)
}

/// The mains hum among the `lines` of the low end: its frequency itself, or two of its multiples, and little else.
fn hum_of(lines: &[Line]) -> Option<Hum> {
    MAINS_HZ
        .into_iter()
        .filter(|mains_hz| {
            let is_other = |line: &&Line| {
                let order = (line.hz / mains_hz).round().max(1.0);
                (line.hz - order * mains_hz).abs() > OFF_HZ
            };
            lines.iter().filter(is_other).count() <= MOST_TONES
        })
        .filter_map(|mains_hz| {
            let mut harmonics = Vec::new();
            let mut power = 0.0;
            for harmonic in 1..=HARMONICS {
                let hz = mains_hz * f64::from(harmonic);
                if let Some(line) = lines.iter().find(|line| (line.hz - hz).abs() <= OFF_HZ) {
                    harmonics.push(harmonic);
                    power += db_to_power(line.level_db);
                }
            }
            (harmonics.contains(&1) || harmonics.len() > 1).then(|| Hum {
                mains_hz,
                level_db: rounded(power_db(power)),
                harmonics,
            })
        })
        .max_by(|a, b| {
            let more = a.harmonics.len().cmp(&b.harmonics.len());
            more.then(a.level_db.total_cmp(&b.level_db))
        })
}

/// The tones among the `lines` above the low end that are not part of `hum`, from the lowest to the highest; none where there
/// are so many that they are music.
pub(super) fn tones(lines: &[Line], hum: Option<&Hum>) -> Vec<SteadyTone> {
    let is_multiple = |hz: f64, of_hz: f64| {
        let order = (hz / of_hz).round();
        order >= 1.0 && (hz - order * of_hz).abs() <= OFF_SHARE * hz
    };
    let mut tones: Vec<Line> = Vec::new();
    for line in lines {
        let is_hum = hum.is_some_and(|hum| is_multiple(line.hz, hum.mains_hz));
        if !is_hum && !tones.iter().any(|lower| is_multiple(line.hz, lower.hz)) {
            tones.push(*line);
        }
    }
    if tones.len() > MOST_TONES {
        return Vec::new();
    }
    tones
        .into_iter()
        .map(|line| SteadyTone {
            hz: (10.0 * line.hz).round() / 10.0,
            level_db: rounded(line.level_db),
        })
        .collect()
}

pub(super) fn rounded(db: f64) -> f64 {
    (100.0 * db).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_cover_the_levels_of_music_without_gaps() {
        assert_eq!(class_of(0.0), 0);
        assert_eq!(class_of(1e9), CLASSES - 1);
        for class in 1..CLASSES - 1 {
            assert_eq!(class_of(lower_edge(class)), class);
            let step_db = power_db(f64::from(lower_edge(class + 1) / lower_edge(class)));
            assert!((1.2..1.8).contains(&step_db), "{class}: {step_db}");
        }
        assert!(lower_edge(CLASSES - 1) > 0.5);
    }
}
