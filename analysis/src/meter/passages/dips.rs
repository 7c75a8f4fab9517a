//! Dips of one channel: it falls at once, and comes back, while the other one plays on.
//!
//! Where left and right have most of what sounds in common, no part that stops takes one of them away: only its own gain does, or a
//! contact that is loose.

use model::report::{LocalFault, LocalFaultKind};

use crate::dsp::{db_to_power, power_db};
use crate::meter::levels::{PairSums, STEPS_PER_S};

/// Steps that say what is usual before a dip, and how many right before it and right behind it must be near that.
const USUAL: usize = 20;
const BESIDE: usize = 10;
const MOST_BESIDE: usize = 8;
/// The longest dip, in steps (3 s); a longer one is a passage.
const LONGEST: usize = 60;
/// How far the channel falls against the other one at least, in dB; a step that has fallen by the lesser belongs to it.
const FALLS_DB: f64 = 11.0;
const BELONGS_DB: f64 = 6.0;
/// How near the balance beside it is to what is usual, and how far the other channel may be from its level, in dB.
const NEAR_DB: f64 = 3.0;
const PLAYS_ON_DB: f64 = 4.5;
/// What left and right have in common before it, as a correlation.
const COMMON: f64 = 0.6;
/// Softer than this is silence, in dBFS.
const FAINTEST_DBFS: f64 = -60.0;

/// The dips of both channels, by the sums of steps of 50 ms, of so many frames each.
pub(in crate::meter) fn dips(steps: &[PairSums], step_len: f64) -> Vec<LocalFault> {
    let audible = db_to_power(FAINTEST_DBFS) * step_len;
    let mut faults = Vec::new();
    for channel in [0, 1] {
        let mut at = USUAL + 1;
        while at + BESIDE + 2 < steps.len() {
            match dip_at(steps, at, channel, audible) {
                Some((len, lost_db)) => {
                    faults.push(LocalFault {
                        kind: LocalFaultKind::ChannelDip,
                        start_s: at as f64 / STEPS_PER_S as f64,
                        end_s: (at + len) as f64 / STEPS_PER_S as f64,
                        channel: Some(channel),
                        strength_db: (100.0 * lost_db).round() / 100.0,
                    });
                    at += len + BESIDE;
                }
                None => at += 1,
            }
        }
    }
    faults
}

/// The length in steps and the depth in dB of a dip of `channel` that begins with step `at`.
fn dip_at(steps: &[PairSums], at: usize, channel: u16, audible: f64) -> Option<(usize, f64)> {
    let split = |sums: &PairSums| match channel {
        0 => (sums.left, sums.right),
        _ => (sums.right, sums.left),
    };
    // The step before may hold both states.
    let before = steps.get(at - 1 - USUAL..at - 1)?;
    let usual = added(before);
    let (own, other) = split(&usual);
    let (own, other) = (own / USUAL as f64, other / USUAL as f64);
    let usual_db = power_db(own / other.max(1e-20));
    let below_db = |sums: &PairSums| {
        let (own, other) = split(sums);
        usual_db - power_db(own.max(1e-20) / other.max(1e-20))
    };
    // Cheap, and nearly always false.
    if below_db(&steps[at]) < BELONGS_DB || own.min(other) < audible || usual.correlation()? < COMMON {
        return None;
    }
    let len = steps[at..]
        .iter()
        .take(LONGEST + 1)
        .take_while(|sums| below_db(sums) >= BELONGS_DB)
        .count();
    let inside = added(&steps[at..at + len]);
    // The step behind may hold both states.
    let behind = steps.get(at + len + 1..at + len + 1 + BESIDE)?;
    let near = |steps: &[PairSums]| {
        let near = steps.iter().filter(|sums| below_db(sums).abs() <= NEAR_DB);
        near.count() >= MOST_BESIDE
    };
    let (_, still) = split(&inside);
    let moved_db = power_db(still / len as f64 / other);
    let lost_db = below_db(&inside);
    (len <= LONGEST
        && lost_db >= FALLS_DB
        && moved_db.abs() <= PLAYS_ON_DB
        && near(&before[USUAL - BESIDE..])
        && near(behind))
    .then_some((len, lost_db))
}

fn added(steps: &[PairSums]) -> PairSums {
    let mut sums = PairSums::default();
    steps.iter().for_each(|&step| sums.add(step));
    sums
}
