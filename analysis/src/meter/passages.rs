//! Faults of passages: polarity, balance, level and a lost channel for some seconds, against the rest of the file.
//!
//! Music has wide passages, solos at one side and sudden silence of its own. A fault differs from them in that all else
//! stays: the other channel plays on at its level, and polarity, balance or level change in every band alike.

mod dips;
mod mono;
mod muffled;

use model::report::{LocalFault, LocalFaultKind};

use super::levels::{ChannelSums, PairSums};
use crate::dsp::{amplitude_db, db_to_amplitude, power_db};

pub(super) use self::dips::dips;

/// A second below this mean power is silence: −70 dBFS.
const SILENCE: f64 = 1e-7;
/// The shortest passage, in seconds; the second at either edge may hold both states and counts as neither.
const SHORTEST_S: usize = 2;
/// A passage is no more than this part of what sounds; otherwise it is the rest that differs. Which polarity is the right one
/// is known without the rest, where left and right have more in common than against each other.
const LARGEST_SHARE: f64 = 0.4;
const LARGEST_INVERTED_SHARE: f64 = 0.85;
/// A channel may be lost for longer: what it was before or behind says what is missing.
const LARGEST_LOST_SHARE: f64 = 0.85;
/// Bands that are 40 dB below the loudest one of their second say nothing.
const FAINT: f64 = 1e-4;
/// How alike the correlations of a second and the usual ones are, over the bands, from −1 to 1: in an inverted second at most,
/// in an inverted passage on average, and in its surroundings at least.
const INVERTED: f64 = -0.2;
const INVERTED_MEAN: f64 = -0.4;
const UPRIGHT: f64 = 0.2;
/// At the beginning or the end of the file, where only one side tells, an inverted passage has so many seconds.
const AT_AN_END_S: usize = 5;
/// How much of the correlations beside it an inverted passage has at least, turned round, and the seconds that are compared.
const MIRRORED: f64 = 0.6;
const MIRROR_S: usize = 5;
/// Side over mid changes its sign with the polarity, within so many dB; that of two equal channels.
const TURNED_DB: f64 = 4.0;
const NARROWEST_DB: f64 = -100.0;
/// How much an axis of correlations leans to one sign to have a middle, from 0 to 1.
const CENTRED: f64 = 0.6;
/// More of the other seconds than this on the inverted side, and the file has no polarity to lose.
const UNDECIDED: f64 = 0.1;
/// Bands of 1/3 octave that make one of those in which level and balance are compared, and the fewest of these.
const GROUP: usize = 3;
const FEWEST_GROUPS: usize = 4;
/// The shortest passage of another balance or level, in seconds.
const SHIFT_S: usize = 3;
/// In dB: what a passage leans by at least, the spread of that over the bands and over its seconds, and what its
/// surroundings lean by at most.
const LEANS_DB: f64 = 3.0;
const ALIKE_DB: f64 = 2.0;
const STEADY_DB: f64 = 1.5;
const UPRIGHT_DB: f64 = 2.5;
/// In dB: a jump of level at least, and by how much the return may differ from it. Levels are those of this many seconds.
const JUMP_DB: f64 = 4.0;
const RETURN_DB: f64 = 1.0;
const JUMP_S: usize = 3;
/// A lost channel is this far below the other one (50 dB), in a file that usually has both within [`USUAL_BALANCE_DB`].
const LOST: f64 = 1e-5;
const USUAL_BALANCE_DB: f64 = 12.0;
/// A gain that stays: seconds on either side in which levels are compared, and within what they change by the gain; bands
/// below the faintest level say nothing.
const STAYS_S: usize = 2;
const STAYS_WITHIN_DB: f64 = 2.5;
const STAYS_SHARE: f64 = 0.4;
const FAINTEST_DB: f64 = -80.0;
/// A step of all bands alike, from one second to the next: seconds on either side in which levels are compared, the smallest step,
/// how far bands may be from their median (and that of the step), and how far each may move on either side, in dB: a fade goes on
/// moving. docs/DETECTORS.md has what is found:
/// little, but no alarm.
const ALIKE_S: usize = 3;
const ALIKE_STEP_DB: f64 = 3.8;
/// A larger one is a stop or an entry.
const LARGEST_STEP_DB: f64 = 16.0;
const ALIKE_WITHIN_DB: f64 = 1.1;
const ALIKE_WITHIN_SHARE: f64 = 0.15;
const ALIKE_SHARE: f64 = 0.25;
const ALIKE_REST_DB: f64 = 0.3;
const STEADY_SHARE: f64 = 0.15;
const STEADY_REST_DB: f64 = 1.2;
/// How much of the step is more than what a fade at the slope of either side would make.
const AT_ONCE: f64 = 0.5;
const BAND_BELOW_DB: f64 = 50.0;
/// Three steps to and fro of the same size, within this, are the form of the song.
const TO_AND_FRO_DB: f64 = 3.0;
const FEWEST_BANDS: usize = 5;
/// An offset of a passage: the fewest seconds, the least of it against the highest sample, how much of it what is beside lacks, and
/// how far its seconds may be from each other, in parts of it. And the share of all seconds that have an offset of the whole.
const OFFSET_S: usize = 4;
const OFFSET_DB: f64 = -30.0;
const OFFSET_OWN: f64 = 0.5;
const OFFSET_WITHIN: f64 = 0.3;
const OFFSET_SHARE: f64 = 0.75;
/// What plays on changes by no more than this across an edge, in dB.
const STAYS_DB: f64 = 4.0;

/// The faults of passages of a file of two channels, given the sums of its whole seconds and the powers of their bands of 1/3
/// octave.
pub(super) fn faults(seconds: &[PairSums], thirds: &[Vec<PairSums>], rate: f64) -> Vec<LocalFault> {
    let mut faults = Vec::new();
    if let Some(usual) = Usual::of(seconds, rate) {
        faults.extend(inverted(seconds, thirds, &usual));
        faults.extend(lost(seconds, &usual));
        let groups = Groups::of(thirds);
        faults.extend(leaning(seconds, &groups, &usual));
        faults.extend(jumps(&groups, &usual));
        faults.extend(muffled::muffled(seconds, thirds, &usual));
        faults.extend(mono::mono(seconds, thirds, &usual));
    }
    faults
}

/// Whether the levels of the bands of whole seconds, as mean powers, stay changed by `db` behind `at_s`: a voice that is cut
/// off leaves the others as they were, where there are any, and the next one is as loud as ever.
pub(super) fn stays(bands: &[[f64; 7]], at_s: f64, db: f64) -> bool {
    let second = at_s as usize;
    let Some((before, behind)) = bands.split_at_checked(second) else {
        return false;
    };
    let before = &before[before.len().saturating_sub(STAYS_S)..];
    let behind = &behind[behind.len().min(1)..behind.len().min(1 + STAYS_S)];
    let level = |seconds: &[[f64; 7]], band: usize| {
        let levels = seconds.iter().map(|powers| power_db(powers[band].max(1e-12)));
        levels.sum::<f64>() / seconds.len() as f64
    };
    let mut changes: Vec<f64> = (0..7)
        .filter(|&band| {
            !before.is_empty()
                && !behind.is_empty()
                && level(before, band).max(level(behind, band)) > FAINTEST_DB
        })
        .map(|band| level(behind, band) - level(before, band))
        .collect();
    super::series::quantile(&mut changes, 0.5)
        .is_some_and(|change| (change - db).abs() <= STAYS_WITHIN_DB.max(STAYS_SHARE * db.abs()))
}

/// Steps at which the bands of whole seconds, as mean powers, all change by the same level, and keep it.
pub(super) fn steps(bands: &[[f64; 7]]) -> Vec<LocalFault> {
    let changes: Vec<Option<(f64, f64)>> = (0..bands.len())
        .map(|second| {
            let before = bands.get(second.checked_sub(ALIKE_S)?..second)?;
            let behind = bands.get(second + 1..second + 1 + ALIKE_S)?;
            step_of(before, behind)
        })
        .collect();
    let is_best = |second: &usize| {
        let apart = |second: usize| changes.get(second).copied().flatten();
        apart(*second).is_some_and(|(_, here_db)| {
            (second.saturating_sub(ALIKE_S)..=second + ALIKE_S)
                .filter(|other| other != second)
                .all(|other| {
                    apart(other).is_none_or(|(_, there_db)| {
                        there_db > here_db || there_db == here_db && other > *second
                    })
                })
        })
    };
    let steps: Vec<(usize, f64)> = (0..changes.len())
        .filter(is_best)
        .filter_map(|second| Some((second, changes[second]?.0)))
        .collect();
    // Where the level goes to and fro, the music is made of loud parts and soft ones.
    let is_to_and_fro = |three: &[(usize, f64)]| {
        three
            .windows(2)
            .all(|pair| (pair[0].1 + pair[1].1).abs() <= TO_AND_FRO_DB)
    };
    if steps.windows(3).any(is_to_and_fro) {
        return Vec::new();
    }
    steps
        .into_iter()
        .map(|(second, db)| LocalFault {
            kind: LocalFaultKind::GainStep,
            start_s: second as f64,
            end_s: second as f64 + 1.0,
            channel: None,
            strength_db: (100.0 * db).round() / 100.0,
        })
        .collect()
}

/// The step between two stretches and how unlike the bands are in it, in dB, if it is one.
fn step_of(before: &[[f64; 7]], behind: &[[f64; 7]]) -> Option<(f64, f64)> {
    let levels = |seconds: &[[f64; 7]], band: usize| -> Vec<f64> {
        seconds
            .iter()
            .map(|powers| power_db(powers[band].max(1e-15)))
            .collect()
    };
    let bands: Vec<BandStep> = (0..7)
        .map(|band| BandStep::of(&levels(before, band), &levels(behind, band)))
        .collect();
    let loudest = bands
        .iter()
        .map(|band| band.loudest_db)
        .fold(f64::NEG_INFINITY, f64::max);
    let heard = || {
        bands
            .iter()
            .filter(|band| band.loudest_db > (loudest - BAND_BELOW_DB).max(FAINTEST_DB))
    };
    let count = heard().count();
    let mut changes: Vec<f64> = heard().map(|band| band.change_db).collect();
    let db = super::series::quantile(&mut changes, 0.5).filter(|_| count >= FEWEST_BANDS)?;
    let mean = |of: &dyn Fn(&BandStep) -> f64| heard().map(of).sum::<f64>() / count as f64;
    let apart_db = mean(&|band| (band.change_db - db) * (band.change_db - db)).sqrt();
    let moves_db = mean(&|band| band.moves).sqrt();
    // What a fade would make of it.
    let faded_db = (ALIKE_S + 1) as f64 * mean(&|band| band.slope_db);
    ((ALIKE_STEP_DB..=LARGEST_STEP_DB).contains(&db.abs())
        && apart_db
            <= ALIKE_WITHIN_DB
                .max(ALIKE_WITHIN_SHARE * db.abs())
                .min(ALIKE_SHARE * db.abs() + ALIKE_REST_DB)
        && moves_db <= STEADY_SHARE * db.abs() + STEADY_REST_DB
        && (db - faded_db) * db.signum() >= AT_ONCE * db.abs())
    .then_some((db, apart_db))
}

/// A band on either side of what may be a step.
struct BandStep {
    change_db: f64,
    /// On its louder side.
    loudest_db: f64,
    /// Variance on both sides, in dB².
    moves: f64,
    /// How it goes on within the sides, in dB per second.
    slope_db: f64,
}

impl BandStep {
    /// From the levels of equally many seconds.
    fn of(before: &[f64], behind: &[f64]) -> Self {
        let mean = |levels: &[f64]| levels.iter().sum::<f64>() / levels.len() as f64;
        let variance = |levels: &[f64]| {
            let middle = mean(levels);
            levels.iter().map(|db| (db - middle) * (db - middle)).sum::<f64>() / levels.len() as f64
        };
        let slope = |levels: &[f64]| (levels[levels.len() - 1] - levels[0]) / (levels.len() - 1) as f64;
        let (was, is) = (mean(before), mean(behind));
        Self {
            change_db: is - was,
            loudest_db: was.max(is),
            moves: variance(before) + variance(behind),
            slope_db: 0.5 * (slope(before) + slope(behind)),
        }
    }
}

/// Passages in which the mean of a channel is off: by the same all the time, from one moment on and up to one. A slow wave is off
/// as well, but swells and fades.
pub(super) fn offsets(channels: &[ChannelSums]) -> Vec<LocalFault> {
    let mut faults = Vec::new();
    for (index, channel) in (0_u16..).zip(channels) {
        let least = db_to_amplitude(OFFSET_DB) * f64::from(channel.peak);
        let means: Vec<f64> = channel.means.iter().map(|&mean| f64::from(mean)).collect();
        let mut first = 0;
        while first < means.len() {
            let (len, mean) = steady_run(&means[first..]);
            // The second on either side may hold both states.
            let beside = [
                first.checked_sub(2).map(|second| means[second]),
                means.get(first + len + 1).copied(),
            ];
            let differs = |beside: &f64| (mean - beside).abs() >= OFFSET_OWN * mean.abs();
            let is_abrupt = beside.iter().flatten().all(differs) && beside.iter().flatten().count() > 0;
            if len >= OFFSET_S && mean.abs() >= least && is_abrupt {
                let strength_db = amplitude_db(mean.abs() / f64::from(channel.peak));
                faults.push(LocalFault {
                    kind: LocalFaultKind::OffsetPassage,
                    start_s: first as f64,
                    end_s: (first + len) as f64,
                    channel: Some(index),
                    strength_db: (100.0 * strength_db).round() / 100.0,
                });
            }
            first += len;
        }
    }
    faults
}

/// How many of these means, from the first one on, are near each other, and their mean.
fn steady_run(means: &[f64]) -> (usize, f64) {
    let mut mean = means[0];
    let mut len = 1;
    for &next in &means[1..] {
        if (next - mean).abs() > OFFSET_WITHIN * mean.abs() {
            break;
        }
        len += 1;
        mean += (next - mean) / len as f64;
    }
    (len, mean)
}

/// How much of the mean of a channel three quarters of its seconds have, from 0 to 1.
pub(super) fn steadiness(channel: &ChannelSums, dc: f64) -> Option<f64> {
    (channel.means.len() >= OFFSET_S).then_some(())?;
    let mut shares: Vec<f64> = channel
        .means
        .iter()
        .map(|&mean| if dc == 0.0 { 0.0 } else { f64::from(mean) / dc })
        .collect();
    let share = super::series::quantile(&mut shares, 1.0 - OFFSET_SHARE)?;
    Some((1_000.0 * share.clamp(0.0, 1.0)).round() / 1_000.0)
}

/// What is usual in the file: medians over the seconds that sound.
struct Usual {
    balance_db: f64,
    width_db: f64,
    /// Energy of a second above which it sounds.
    audible: f64,
    /// Seconds that sound.
    count: usize,
}

impl Usual {
    fn of(seconds: &[PairSums], rate: f64) -> Option<Self> {
        let audible = SILENCE * 2.0 * rate;
        let sounding = || seconds.iter().filter(move |second| second.total() > audible);
        let median = |figure: fn(PairSums) -> Option<f64>| {
            let mut values: Vec<f64> = sounding().filter_map(|&second| figure(second)).collect();
            super::series::quantile(&mut values, 0.5)
        };
        Some(Self {
            balance_db: median(PairSums::balance_db)?,
            // Two equal channels have no side.
            width_db: median(PairSums::width_db).unwrap_or(NARROWEST_DB),
            audible,
            count: sounding().count(),
        })
    }
}

/// Seconds of one state.
#[derive(Clone, Copy)]
struct Passage {
    first: usize,
    end: usize,
}

impl Passage {
    /// Runs of seconds for which `is_in` holds, neither too short nor most of the file.
    fn all(
        seconds: &[PairSums],
        usual: &Usual,
        largest_share: f64,
        is_in: impl Fn(usize) -> bool,
    ) -> Vec<Self> {
        let mut passages = Vec::new();
        let mut first = None;
        for index in 0..=seconds.len() {
            let sounds = |second: &PairSums| second.total() > usual.audible;
            match (first, seconds.get(index).is_some_and(sounds) && is_in(index)) {
                (None, true) => first = Some(index),
                (Some(start), false) => {
                    passages.push(Self {
                        first: start,
                        end: index,
                    });
                    first = None;
                }
                _ => {}
            }
        }
        passages.retain(|passage| {
            let len = passage.end - passage.first;
            len >= SHORTEST_S && len as f64 <= largest_share * usual.count as f64
        });
        passages
    }

    fn sums(self, seconds: &[PairSums]) -> PairSums {
        let mut sums = PairSums::default();
        seconds[self.first..self.end]
            .iter()
            .for_each(|&second| sums.add(second));
        sums
    }

    /// Of the second before it and the second behind it, past the one that may hold both states.
    fn surroundings<T: Copy>(self, seconds: &[T]) -> Vec<T> {
        let before = self.first.checked_sub(2);
        [before, Some(self.end + 1)]
            .into_iter()
            .flatten()
            .filter_map(|index| seconds.get(index).copied())
            .collect()
    }

    fn fault(self, kind: LocalFaultKind, channel: Option<u16>, strength_db: f64) -> LocalFault {
        LocalFault {
            kind,
            start_s: self.first as f64,
            end_s: self.end as f64,
            channel,
            strength_db: (100.0 * strength_db).round() / 100.0,
        }
    }
}

/// Correlations over the bands have a pattern that is the file's own; an inversion turns its sign in every band at once.
fn inverted(seconds: &[PairSums], thirds: &[Vec<PairSums>], usual: &Usual) -> Vec<LocalFault> {
    let correlations = correlations(thirds);
    let likeness = smoothed(&likeness(&correlations));
    let is_inverted = |second: usize| {
        likeness
            .get(second)
            .is_some_and(|likeness| likeness.is_some_and(|likeness| likeness <= INVERTED))
    };
    let width_db = |passage: Passage| passage.sums(seconds).width_db().unwrap_or(-NARROWEST_DB);
    let mut passages = Passage::all(seconds, usual, LARGEST_INVERTED_SHARE, is_inverted);
    passages.retain(|passage| {
        let values: Vec<f64> = likeness[passage.first..passage.end]
            .iter()
            .copied()
            .flatten()
            .collect();
        let surroundings: Vec<f64> = passage.surroundings(&likeness).into_iter().flatten().collect();
        values.iter().sum::<f64>() <= INVERTED_MEAN * values.len() as f64
            && (surroundings.len() == 2 || surroundings.len() == 1 && values.len() >= AT_AN_END_S)
            && surroundings.iter().all(|&likeness| likeness >= UPRIGHT)
            && width_db(*passage) >= -usual.width_db - TURNED_DB
            && mirrors(*passage, &correlations)
    });
    let is_rest = |second: &usize| {
        passages
            .iter()
            .all(|passage| second + 1 < passage.first || *second > passage.end)
    };
    let rest: Vec<f64> = (0..likeness.len())
        .filter(is_rest)
        .filter_map(|second| likeness[second])
        .collect();
    let undecided = rest.iter().filter(|&&likeness| likeness < 0.0).count();
    if undecided as f64 > UNDECIDED * rest.len() as f64 {
        return Vec::new();
    }
    passages
        .into_iter()
        .map(|passage| passage.fault(LocalFaultKind::InvertedPassage, None, width_db(passage)))
        .collect()
}

/// The correlation of each band of each second; 0 where a band hardly sounds.
fn correlations(thirds: &[Vec<PairSums>]) -> Vec<Vec<f64>> {
    thirds
        .iter()
        .map(|bands| {
            let faint = FAINT * loudest(bands);
            let sounds = |band: &&PairSums| band.total() > faint;
            bands
                .iter()
                .map(|band| Some(band).filter(sounds).and_then(|band| band.correlation()))
                .map(|correlation| correlation.unwrap_or(0.0))
                .collect()
        })
        .collect()
}

/// Whether left and right are as much against each other in `passage` as they go together right before it and behind it: what is
/// merely wide there goes neither way.
fn mirrors(passage: Passage, correlations: &[Vec<f64>]) -> bool {
    let Passage { first, end } = passage;
    let mean = |seconds: &mut dyn Iterator<Item = &Vec<f64>>| {
        let mut sums: Vec<f64> = Vec::new();
        for second in seconds {
            sums.resize(second.len(), 0.0);
            sums.iter_mut().zip(second).for_each(|(sum, value)| *sum += value);
        }
        sums
    };
    let inner = &correlations[first..end];
    // A long passage is compared with what is beside it, by as many seconds near the edges.
    let edges = inner.len().min(MIRROR_S);
    let before = correlations[first.saturating_sub(MIRROR_S + 1)..first.saturating_sub(1)].iter();
    let behind = correlations.iter().skip(end + 1).take(MIRROR_S);
    let outside = mean(&mut before.clone().chain(behind.clone()));
    let count = before.len() + behind.len();
    let near = inner.iter().take(edges).chain(inner.iter().rev().take(edges));
    let within = mean(&mut near.clone());
    if count == 0 || outside.len() != within.len() {
        return false;
    }
    let scale = count as f64 / (2 * edges) as f64;
    dot(&within, &outside) * scale <= -MIRRORED * dot(&outside, &outside)
}

/// For each second, how alike its correlations and the file's usual ones are: the cosine of the angle between them, taken
/// over the bands that sound. The usual ones are the principal axis, which turned passages do not turn.
fn likeness(correlations: &[Vec<f64>]) -> Vec<Option<f64>> {
    let axis = principal_axis(correlations);
    let mut likeness: Vec<Option<f64>> = correlations
        .iter()
        .map(|second| {
            let reach: f64 = second
                .iter()
                .zip(&axis)
                .filter(|(correlation, _)| **correlation != 0.0)
                .map(|(_, axis)| axis * axis)
                .sum();
            let size = (dot(second, second) * reach).sqrt();
            (size > 1e-3).then(|| dot(second, &axis) / size)
        })
        .collect();
    // The axis has no direction of its own. Music has more in the middle than at the sides; where it has not, most of the
    // file is right.
    let middle = axis.iter().sum::<f64>();
    let mut values: Vec<f64> = likeness.iter().copied().flatten().collect();
    let is_turned = if middle.abs() >= CENTRED * (axis.len() as f64).sqrt() {
        middle < 0.0
    } else {
        super::series::quantile(&mut values, 0.5).is_some_and(|median| median < 0.0)
    };
    if is_turned {
        for likeness in likeness.iter_mut().flatten() {
            *likeness = -*likeness;
        }
    }
    likeness
}

/// The direction in which most of `rows` lies, whichever way each of them points, by power iteration.
fn principal_axis(rows: &[Vec<f64>]) -> Vec<f64> {
    const ROUNDS: usize = 40;
    let longest = rows
        .iter()
        .max_by(|one, other| dot(one, one).total_cmp(&dot(other, other)));
    let mut axis = longest.cloned().unwrap_or_default();
    for _ in 0..ROUNDS {
        let mut sum = vec![0.0; axis.len()];
        for row in rows {
            let projection = dot(row, &axis);
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += projection * value;
            }
        }
        let size = dot(&sum, &sum).sqrt();
        if size == 0.0 {
            break;
        }
        axis = sum.iter().map(|value| value / size).collect();
    }
    axis
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Medians of three.
fn smoothed(values: &[Option<f64>]) -> Vec<Option<f64>> {
    (0..values.len())
        .map(|index| {
            let range = index.saturating_sub(1)..(index + 2).min(values.len());
            let mut around: Vec<f64> = values[range].iter().copied().flatten().collect();
            values[index].and_then(|_| super::series::quantile(&mut around, 0.5))
        })
        .collect()
}

fn loudest(bands: &[PairSums]) -> f64 {
    bands.iter().map(|band| band.total()).fold(0.0, f64::max)
}

/// Level and balance of the seconds in groups of bands, in dB; nothing where a group hardly sounds.
struct Groups {
    levels_db: Vec<Vec<Option<f64>>>,
    balances_db: Vec<Vec<Option<f64>>>,
}

impl Groups {
    fn of(thirds: &[Vec<PairSums>]) -> Self {
        let groups: Vec<Vec<PairSums>> = thirds
            .iter()
            .map(|bands| {
                let sum = |group: &[PairSums]| {
                    let mut sums = PairSums::default();
                    group.iter().for_each(|&band| sums.add(band));
                    sums
                };
                bands.chunks(GROUP).map(sum).collect()
            })
            .collect();
        let figures = |figure: fn(PairSums) -> Option<f64>| {
            let of_second = |groups: &Vec<PairSums>| {
                let faint = FAINT * loudest(groups);
                let of_group = |group: &PairSums| figure(*group).filter(|_| group.total() > faint);
                groups.iter().map(of_group).collect()
            };
            groups.iter().map(of_second).collect()
        };
        Self {
            levels_db: figures(|group| Some(power_db(group.total()))),
            balances_db: figures(PairSums::balance_db),
        }
    }
}

/// The median of what enough groups have.
fn median_of_enough(values: &[f64]) -> Option<f64> {
    (values.len() >= FEWEST_GROUPS)
        .then(|| super::series::quantile(&mut values.to_vec(), 0.5))
        .flatten()
}

fn leaning(seconds: &[PairSums], groups: &Groups, usual: &Usual) -> Vec<LocalFault> {
    let count = groups.balances_db.first().map_or(0, Vec::len);
    let usual_db: Vec<Option<f64>> = (0..count)
        .map(|group| {
            let mut values: Vec<f64> = groups
                .balances_db
                .iter()
                .filter_map(|second| second[group])
                .collect();
            super::series::quantile(&mut values, 0.5)
        })
        .collect();
    // By how much the groups of a second lean more than usually, and how unlike they are in that.
    let leans: Vec<Option<(f64, f64)>> = groups
        .balances_db
        .iter()
        .map(|second| {
            let values: Vec<f64> = second
                .iter()
                .zip(&usual_db)
                .filter_map(|(&now, &usual)| Some(now? - usual?))
                .collect();
            let median = median_of_enough(&values)?;
            let apart: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
            Some((median, median_of_enough(&apart)?))
        })
        .collect();
    let mut faults = Vec::new();
    for side in [1.0, -1.0] {
        let leans_so = |second: usize| {
            leans[second].is_some_and(|(db, apart_db)| side * db >= LEANS_DB && apart_db <= ALIKE_DB)
        };
        for passage in Passage::all(seconds, usual, LARGEST_SHARE, leans_so) {
            let surroundings: Vec<(f64, f64)> = passage.surroundings(&leans).into_iter().flatten().collect();
            // The seconds at the edges may hold both states.
            let inner = passage.first + 1..passage.end - 1;
            let values: Vec<f64> = leans[inner].iter().flatten().map(|&(db, _)| db).collect();
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let spread = values.iter().map(|db| (db - mean) * (db - mean)).sum::<f64>();
            let is_fault = passage.end - passage.first >= SHIFT_S
                && surroundings.len() == 2
                && surroundings.iter().all(|(db, _)| db.abs() <= UPRIGHT_DB)
                && spread <= STEADY_DB * STEADY_DB * values.len() as f64;
            if is_fault {
                faults.push(passage.fault(LocalFaultKind::BalanceShift, None, mean));
            }
        }
    }
    faults
}

/// Where the level of all groups jumps alike, and back again.
fn jumps(groups: &Groups, usual: &Usual) -> Vec<LocalFault> {
    let levels = &groups.levels_db;
    let mean = |seconds: &[Vec<Option<f64>>], group: usize| {
        let sum: Option<f64> = seconds.iter().map(|second| second[group]).sum();
        Some(sum? / JUMP_S as f64)
    };
    // By how much the groups change across each second, which may hold both states, and how unlike they are in that.
    let changes: Vec<Option<(f64, f64)>> = (0..levels.len())
        .map(|second| {
            let before = levels.get(second.checked_sub(JUMP_S)?..second)?;
            let behind = levels.get(second + 1..second + 1 + JUMP_S)?;
            let values: Vec<f64> = (0..before[0].len())
                .filter_map(|group| Some(mean(behind, group)? - mean(before, group)?))
                .collect();
            let median = median_of_enough(&values)?;
            let squares: f64 = values.iter().map(|db| (db - median) * (db - median)).sum();
            Some((median, (squares / values.len() as f64).sqrt()))
        })
        .collect();
    let is_jump = |&(db, apart_db): &(f64, f64)| db.abs() >= JUMP_DB && apart_db <= ALIKE_DB;
    // Of neighbouring seconds, the one in which the groups are most alike.
    let is_edge = |second: &usize| {
        let apart = |second: usize| changes.get(second).copied().flatten().filter(is_jump);
        let neighbours = [second.checked_sub(1), Some(second + 1)];
        apart(*second).is_some_and(|(_, here_db)| {
            let mut unlike = neighbours.into_iter().flatten().filter_map(apart);
            unlike.all(|(_, there_db)| there_db >= here_db)
        })
    };
    let edges: Vec<usize> = (0..changes.len()).filter(is_edge).collect();
    let change = |second: usize| changes[second].map_or(0.0, |(db, _)| db);
    let longest = LARGEST_SHARE * usual.count as f64;
    let passages: Vec<Passage> = edges
        .iter()
        .filter_map(|&first| {
            let is_return = |&&last: &&usize| {
                last >= first + SHIFT_S
                    && (last - first) as f64 <= longest
                    && (change(first) + change(last)).abs() <= RETURN_DB
            };
            let &last = edges.iter().find(is_return)?;
            Some(Passage { first, end: last + 1 })
        })
        .collect();
    // Where the level goes to and fro, the music is made of loud parts and soft ones.
    let alternates = |one: &Passage| {
        passages
            .iter()
            .any(|other| other.first + 1 == one.end || one.first + 1 == other.end)
    };
    passages
        .iter()
        .filter(|passage| !alternates(passage))
        .map(|passage| passage.fault(LocalFaultKind::LevelJump, None, change(passage.first)))
        .collect()
}

fn lost(seconds: &[PairSums], usual: &Usual) -> Vec<LocalFault> {
    if usual.balance_db.abs() > USUAL_BALANCE_DB {
        return Vec::new();
    }
    type Energy = fn(PairSums) -> f64;
    let sides: [(u16, Energy, Energy); 2] = [
        (0, |sums| sums.left, |sums| sums.right),
        (1, |sums| sums.right, |sums| sums.left),
    ];
    let mut faults = Vec::new();
    for (channel, silent, playing) in sides {
        let is_lost = |second: usize| silent(seconds[second]) < LOST * playing(seconds[second]);
        for passage in Passage::all(seconds, usual, LARGEST_LOST_SHARE, is_lost) {
            let surroundings = passage.surroundings(seconds);
            let level = playing(passage.sums(seconds)) / (passage.end - passage.first) as f64;
            // The other channel plays on, and this one did before, or does again.
            let plays_on = surroundings
                .iter()
                .any(|&second| power_db(playing(second) / level).abs() <= STAYS_DB);
            let played = surroundings
                .iter()
                .any(|&second| power_db(silent(second) / level).abs() <= USUAL_BALANCE_DB);
            if plays_on && played {
                let missing = silent(passage.sums(seconds)) / playing(passage.sums(seconds));
                let strength_db = power_db(missing.max(1e-12)).abs();
                faults.push(passage.fault(LocalFaultKind::LostChannel, Some(channel), strength_db));
            }
        }
    }
    faults
}
