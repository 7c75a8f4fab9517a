//! Hum of the mains under music: of a passage, or of a song that covers it.
//!
//! In windows of 6 s a harmonic of the mains is a line of a third of a hertz, at a place where no note is. What music has there
//! is the lines of a rhythm that repeats itself exactly, and these are as high every few hertz: so a harmonic stands out by what
//! it has above all that is beside it.

use model::report::{Hum, ToneOfPassage};

use super::lines::{MAINS_HZ, rounded};
use super::stft::Stft;
use super::windows::Windows;
use crate::dsp::power_db;

/// Samples of a window at the low rate, 4 to 8 s, and from one to the next.
const WINDOW: usize = 8_192;
const HOP: usize = WINDOW / 4;
/// Harmonics that are looked at, and how far each may be off its place, times its number.
const HARMONICS: u8 = 8;
const OFF_HZ: f64 = 0.04;
/// What is beside a harmonic.
const BESIDE_HZ: (f64, f64) = (1.0, 6.0);
/// So many harmonics that stand out by so much, in dB, are hum: by chance few do, and more than one seldom by much.
const ARE_HUM: [(f64, usize); 2] = [(4.0, 3), (10.0, 2)];
/// A harmonic below this does not count, relative to a full-scale sine.
const FAINTEST_DB: f64 = -80.0;
/// Windows in a row that make a passage of 6 s.
const FEWEST_WINDOWS: usize = 3;
/// Windows in which louder music hides the hum of one passage.
const MOST_MISSING: usize = 3;
/// Where so much of the song hums, all of it does: the music covers the rest.
const WHOLE_SHARE: f64 = 0.5;
/// A window says hum from about where a quarter of it has it.
const COVERED: f64 = 0.25;

/// Looks for the mains in a signal of 1 to 2 kHz.
pub(super) struct MainsFinder {
    rate: f64,
    windows: Windows,
    stft: Stft,
    is_stereo: bool,
    count: usize,
    found: [Vec<Humming>; 2],
}

/// A window with hum.
#[derive(Debug, Clone)]
struct Humming {
    /// Its number.
    window: usize,
    /// Of the harmonics that stand out, all together.
    power: f64,
    harmonics: Vec<u8>,
}

impl MainsFinder {
    pub(super) fn new(rate: f64, channels: usize) -> Self {
        Self {
            rate,
            windows: Windows::new(channels, WINDOW, HOP),
            stft: Stft::new(WINDOW, &vec![1.0; channels]),
            is_stereo: channels == 2,
            count: 0,
            found: [const { Vec::new() }; 2],
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let (stft, found, count) = (&mut self.stft, &mut self.found, &mut self.count);
        let bin_hz = self.rate / WINDOW as f64;
        let is_stereo = self.is_stereo;
        self.windows.push(planes, |window| {
            stft.transform(window, 0);
            for (found, mains_hz) in found.iter_mut().zip(MAINS_HZ) {
                // What is in the middle hides nothing of the sides, and the other way round.
                let humming = if is_stereo {
                    let pair = &stft.pair;
                    let sum = |bin: usize, sign: f32| {
                        (0.25 * (pair.left[bin] + pair.right[bin] + sign * 2.0 * pair.product[bin])).max(0.0)
                    };
                    let views: [&dyn Fn(usize) -> f32; 4] = [
                        &|bin| pair.left[bin],
                        &|bin| pair.right[bin],
                        &|bin| sum(bin, 1.0),
                        &|bin| sum(bin, -1.0),
                    ];
                    views
                        .into_iter()
                        .filter_map(|view| humming(*count, mains_hz, bin_hz, view))
                        .max_by(|a, b| a.power.total_cmp(&b.power))
                } else {
                    humming(*count, mains_hz, bin_hz, &|bin| stft.power[bin])
                };
                found.extend(humming);
            }
            *count += 1;
        });
    }

    /// The hum of a song of `duration_s`, if it is there for most of it: at the level that half of the windows have.
    pub(super) fn hum(&self, duration_s: f64) -> Option<Hum> {
        let (mains_hz, runs) = self.longest(duration_s)?;
        let windows: Vec<&Humming> = runs.iter().copied().flatten().collect();
        let mut levels: Vec<f64> = windows.iter().map(|window| power_db(window.power)).collect();
        let level_db = super::series::quantile(&mut levels, 0.5)?;
        let is_common = |harmonic: &u8| {
            let with = windows
                .iter()
                .filter(|window| window.harmonics.contains(harmonic));
            2 * with.count() >= windows.len()
        };
        Some(Hum {
            mains_hz,
            level_db: rounded(level_db),
            harmonics: (1..=HARMONICS).filter(is_common).collect(),
        })
    }

    /// The passages with hum, in the order of time.
    pub(super) fn passages(&self) -> Vec<ToneOfPassage> {
        let mut passages: Vec<ToneOfPassage> = self
            .found
            .iter()
            .zip(MAINS_HZ)
            .flat_map(|(found, mains_hz)| {
                runs(found).map(move |run| {
                    let (start_s, end_s) = self.range_of(run);
                    let power = run.iter().map(|window| window.power).sum::<f64>() / run.len() as f64;
                    ToneOfPassage {
                        start_s: (10.0 * start_s).round() / 10.0,
                        end_s: (10.0 * end_s).round() / 10.0,
                        hz: mains_hz,
                        level_db: rounded(power_db(power)),
                    }
                })
            })
            .collect();
        passages.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.hz.total_cmp(&b.hz)));
        passages
    }

    /// The mains that most of the song has, and its runs of windows.
    fn longest(&self, duration_s: f64) -> Option<(f64, Vec<&[Humming]>)> {
        let length = |runs: &[&[Humming]]| -> f64 {
            let lengths = runs.iter().map(|run| {
                let (start_s, end_s) = self.range_of(run);
                end_s - start_s
            });
            lengths.sum()
        };
        self.found
            .iter()
            .zip(MAINS_HZ)
            .map(|(found, mains_hz)| (mains_hz, runs(found).collect::<Vec<_>>()))
            .filter(|(_, runs)| length(runs) >= WHOLE_SHARE * duration_s)
            .max_by(|a, b| length(&a.1).total_cmp(&length(&b.1)))
    }

    /// From where to where a run hums, in seconds.
    fn range_of(&self, run: &[Humming]) -> (f64, f64) {
        let start = |humming: Option<&Humming>| humming.map_or(0, |humming| humming.window * HOP) as f64;
        let margin = COVERED * WINDOW as f64;
        (
            (start(run.first()) + margin) / self.rate,
            (start(run.last()) + WINDOW as f64 - margin) / self.rate,
        )
    }
}

/// The windows of each passage.
fn runs(found: &[Humming]) -> impl Iterator<Item = &[Humming]> {
    let have_enough = |windows: &&[Humming]| {
        windows
            .chunk_by(|a, b| b.window == a.window + 1)
            .any(|in_a_row| in_a_row.len() >= FEWEST_WINDOWS)
    };
    found
        .chunk_by(|a, b| b.window <= a.window + 1 + MOST_MISSING)
        .filter(have_enough)
}

/// The hum of the `window`th window with these powers per bin, if it has any.
fn humming(window: usize, mains_hz: f64, bin_hz: f64, power: &dyn Fn(usize) -> f32) -> Option<Humming> {
    let bins = |hz: f64| (hz / bin_hz).round() as usize;
    let highest = |from: usize, to: usize| {
        (from..=to)
            .map(|bin| (power(bin), bin))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let lines: Vec<(u8, f64, f64)> = (1..=HARMONICS)
        .filter_map(|harmonic| {
            let place = f64::from(harmonic) * mains_hz;
            let off = f64::from(harmonic) * OFF_HZ + 0.5 * bin_hz;
            let (peak, bin) = highest(bins(place - off), bins(place + off))?;
            let (near, far) = (bins(BESIDE_HZ.0), bins(BESIDE_HZ.1));
            let below = highest(bin - far, bin - near)?.0;
            let above = highest(bin + near, bin + far)?.0;
            let stands_out_db = power_db(f64::from(peak)) - power_db(f64::from(below.max(above)).max(1e-20));
            let line = (bin - 1..=bin + 1).map(|bin| f64::from(power(bin))).sum::<f64>() / 0.5;
            (power_db(f64::from(peak) / 0.5) >= FAINTEST_DB).then_some((harmonic, stands_out_db, line))
        })
        .collect();
    let is_hum = ARE_HUM
        .iter()
        .any(|&(db, count)| lines.iter().filter(|line| line.1 >= db).count() >= count);
    is_hum.then(|| {
        let least_db = ARE_HUM[0].0;
        let stand_out = || lines.iter().filter(|line| line.1 >= least_db);
        Humming {
            window,
            power: stand_out().map(|line| line.2).sum(),
            harmonics: stand_out().map(|line| line.0).collect(),
        }
    })
}
