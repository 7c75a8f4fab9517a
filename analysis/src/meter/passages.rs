//! Faults of passages: polarity and a lost channel for some seconds, against the rest of the file.
//!
//! Music has wide passages, solos at one side and sudden silence of its own. A fault differs from them in that all else
//! stays: the other channel plays on at its level, or the correlation keeps its size and changes its sign alone.

use model::report::{LocalFault, LocalFaultKind};

use super::levels::PairSums;
use crate::dsp::power_db;

/// A second below this mean power is silence: −70 dBFS.
const SILENCE: f64 = 1e-7;
/// The shortest passage, in seconds; the second at either edge may hold both states and counts as neither.
const SHORTEST_S: usize = 2;
/// A passage is no more than this part of what sounds; otherwise it is the rest that differs.
const LARGEST_SHARE: f64 = 0.4;
/// A file whose halves correlate less has no polarity to lose.
const CORRELATED: f64 = 0.3;
/// Of the usual correlation, what an inverted passage has at most, and its surroundings at least.
const INVERTED: f64 = -0.6;
const UPRIGHT: f64 = 0.5;
/// A lost channel is this far below the other one (50 dB), in a file that usually has both within [`USUAL_BALANCE_DB`].
const LOST: f64 = 1e-5;
const USUAL_BALANCE_DB: f64 = 12.0;
/// What plays on changes by no more than this across an edge, in dB.
const STAYS_DB: f64 = 4.0;
/// The faults of passages of a file of two channels, given the sums of its whole seconds.
pub(super) fn faults(seconds: &[PairSums], rate: f64) -> Vec<LocalFault> {
    let usual = Usual::of(seconds, rate);
    let mut faults = Vec::new();
    if let Some(usual) = usual {
        faults.extend(inverted(seconds, &usual));
        faults.extend(lost(seconds, &usual));
    }
    faults
}

/// What is usual in the file: medians over the seconds that sound.
struct Usual {
    correlation: f64,
    balance_db: f64,
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
            correlation: median(PairSums::correlation)?,
            balance_db: median(PairSums::balance_db)?,
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
    fn all(seconds: &[PairSums], usual: &Usual, is_in: impl Fn(PairSums) -> bool) -> Vec<Self> {
        let mut passages = Vec::new();
        let mut first = None;
        for (index, &second) in seconds.iter().chain([&PairSums::default()]).enumerate() {
            match (first, second.total() > usual.audible && is_in(second)) {
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
            len >= SHORTEST_S && len as f64 <= LARGEST_SHARE * usual.count as f64
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

    /// The second before it and the second behind it, past the one that may hold both states.
    fn surroundings(self, seconds: &[PairSums]) -> Vec<PairSums> {
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

fn inverted(seconds: &[PairSums], usual: &Usual) -> Vec<LocalFault> {
    if usual.correlation < CORRELATED {
        return Vec::new();
    }
    let is_inverted = |second: PairSums| {
        second
            .correlation()
            .is_some_and(|correlation| correlation <= INVERTED * usual.correlation)
    };
    let is_upright = |second: &PairSums| {
        second.total() <= usual.audible
            || second
                .correlation()
                .is_none_or(|correlation| correlation >= UPRIGHT * usual.correlation)
    };
    Passage::all(seconds, usual, is_inverted)
        .into_iter()
        .filter(|passage| passage.surroundings(seconds).iter().all(is_upright))
        .filter_map(|passage| {
            let sums = passage.sums(seconds);
            let strength_db = sums.width_db().unwrap_or(100.0);
            (strength_db > 0.0).then(|| passage.fault(LocalFaultKind::InvertedPassage, None, strength_db))
        })
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
        let is_lost = |second: PairSums| silent(second) < LOST * playing(second);
        for passage in Passage::all(seconds, usual, is_lost) {
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
