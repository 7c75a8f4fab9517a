//! Passages under a low-pass filter, alone or with a high-pass as on a telephone: muffled from one moment on, and up to one.
//!
//! Cymbals that stop leave the rest as it was. A filter takes from everything: what it does to the spectrum is its response at the
//! beginning, and the same one, turned round, at the end.

use model::report::{LocalFault, LocalFaultKind};

use super::{LARGEST_SHARE, Passage, Usual};
use crate::dsp::power_db;
use crate::meter::levels::PairSums;

/// The first band, as n of 1 kHz · 2^(n/3).
const FIRST_BAND: i32 = -17;
/// What is compared with the body of a second, and how: all of the treble, and what a codec takes first, as much of which a filter with
/// a low corner never takes alone.
const TREBLES: [Treble; 2] = [
    Treble {
        lowest_hz: 4_000.0,
        lacks_db: 10.0,
        corner_hz: 0.0,
    },
    Treble {
        lowest_hz: 11_500.0,
        lacks_db: 15.0,
        corner_hz: 2_000.0,
    },
];
const BODY_HZ: std::ops::Range<f64> = 100.0..1_000.0;
/// The shortest passage, and how much on either side of an edge is compared, in seconds: a rest under an echo is muffled as well.
const SHORTEST_S: usize = 4;
const EDGE_S: usize = 2;
/// Bands from here on are compared, that are no more than so far below the loudest one on the clear side, in dB; the fewest of them.
const LOWEST_HZ: f64 = 90.0;
const FAINT_DB: f64 = 65.0;
const FEWEST_BANDS: usize = 15;
/// What a band can fall by at most before other things are heard in its place, in dB.
const DEEPEST_DB: f64 = 40.0;
/// Corners of low-passes that are tried, every sixth of an octave from 350 Hz on, and orders; the last one is a codec's, and no
/// instrument's.
const LOWEST_CORNER_HZ: f64 = 350.0;
const CORNERS: u32 = 33;
const ORDERS: [i32; 6] = [1, 2, 3, 4, 6, CODEC];
const CODEC: i32 = 24;
/// Corners and orders of high-passes that come with them, or none.
const HIGH_PASSES: [Option<(f64, i32)>; 9] = [
    None,
    Some((140.0, 2)),
    Some((200.0, 2)),
    Some((280.0, 2)),
    Some((400.0, 2)),
    Some((140.0, 4)),
    Some((200.0, 4)),
    Some((280.0, 4)),
    Some((400.0, 4)),
];
/// How much of the change at the clearer edge is the filter's, at the other one, which may meet a change of the music, and on average;
/// and how far its corners at both may be apart, in octaves.
const EXPLAINED: f64 = 0.93;
const ALSO_EXPLAINED: f64 = 0.78;
const MEAN: f64 = 0.9;
const SAME_CORNER_OCTAVES: f64 = 1.0;
/// A high-pass that comes with it leaves more to choose, and asks for more.
const MEAN_WITH_HIGH_PASS: f64 = 0.915;
const SAME_CORNER_OF_BOTH_OCTAVES: f64 = 0.5;
/// What the bands lack at least from which the low-pass takes as much, in dB.
const SHALLOWEST_DB: f64 = 15.0;

/// A part of the spectrum that shows what is muffled.
struct Treble {
    lowest_hz: f64,
    /// By how much less than usual it has.
    lacks_db: f64,
    /// The lowest corner of a filter that is looked for by it.
    corner_hz: f64,
}

/// Muffled passages, in a file of two channels, by the sums of its seconds and of their bands of 1/3 octave.
pub(super) fn muffled(seconds: &[PairSums], thirds: &[Vec<PairSums>], usual: &Usual) -> Vec<LocalFault> {
    let mut found: Vec<Passage> = Vec::new();
    let mut faults = Vec::new();
    for treble in TREBLES {
        for (passage, depth_db) in passages(seconds, thirds, usual, &treble) {
            if !found
                .iter()
                .any(|known| known.first < passage.end && passage.first < known.end)
            {
                found.push(passage);
                faults.push(passage.fault(LocalFaultKind::MuffledPassage, None, depth_db));
            }
        }
    }
    faults
}

/// Passages that lack `treble`, and how deep their filter goes, in dB.
fn passages(
    seconds: &[PairSums],
    thirds: &[Vec<PairSums>],
    usual: &Usual,
    treble: &Treble,
) -> Vec<(Passage, f64)> {
    let levels: Vec<Option<f64>> = thirds
        .iter()
        .map(|bands| treble_db(bands, treble.lowest_hz))
        .collect();
    let mut values: Vec<f64> = levels.iter().copied().flatten().collect();
    let Some(usual_db) = crate::meter::series::quantile(&mut values, 0.5) else {
        return Vec::new();
    };
    let lacks = |second: usize| {
        let level = levels.get(second).copied().flatten();
        level.is_some_and(|db| db <= usual_db - treble.lacks_db)
    };
    Passage::all(seconds, usual, LARGEST_SHARE, lacks)
        .into_iter()
        .filter(|passage| passage.end - passage.first >= SHORTEST_S)
        .filter_map(|passage| {
            // The seconds at the edges may hold both states.
            let (first, end) = (passage.first, passage.end);
            let into = edge(
                thirds.get(first.checked_sub(EDGE_S + 1)?..first - 1)?,
                thirds.get(first + 1..(first + 1 + EDGE_S).min(end))?,
            )?;
            let out_of = edge(
                thirds.get(end + 1..end + 1 + EDGE_S)?,
                thirds.get((end - 1).saturating_sub(EDGE_S).max(first)..end - 1)?,
            )?;
            let lowest_corner_hz = into.low_pass.0.min(out_of.low_pass.0);
            (is_one_filter(&into, &out_of) && lowest_corner_hz >= treble.corner_hz)
                .then(|| (passage, f64::midpoint(into.depth_db, out_of.depth_db)))
        })
        .collect()
}

/// Whether both edges of a passage tell of the same filter.
fn is_one_filter(into: &Edge, out_of: &Edge) -> bool {
    let apart_octaves = libm::log2(into.low_pass.0 / out_of.low_pass.0).abs();
    let most = into.explained.max(out_of.explained);
    let mean = f64::midpoint(into.explained, out_of.explained);
    if into.low_pass.1 == CODEC && into.low_pass == out_of.low_pass {
        true
    } else if into.has_high_pass && out_of.has_high_pass {
        apart_octaves <= SAME_CORNER_OF_BOTH_OCTAVES && mean >= MEAN_WITH_HIGH_PASS
    } else {
        apart_octaves <= SAME_CORNER_OCTAVES && most >= EXPLAINED && mean >= MEAN
    }
}

fn hz(band: usize) -> f64 {
    1_000.0 * libm::exp2(f64::from(FIRST_BAND + band as i32) / 3.0)
}

/// What is above `lowest_hz` in a second against its body, in dB.
fn treble_db(bands: &[PairSums], lowest_hz: f64) -> Option<f64> {
    let power = |wanted: &dyn Fn(f64) -> bool| {
        let bands = bands.iter().enumerate().filter(|(band, _)| wanted(hz(*band)));
        bands.map(|(_, sums)| sums.total()).sum::<f64>()
    };
    let (treble, body) = (power(&|hz| hz >= lowest_hz), power(&|hz| BODY_HZ.contains(&hz)));
    (body > 0.0).then(|| power_db((treble / body).max(1e-12)))
}

/// What a filter does at the edge of a passage.
struct Edge {
    /// Corner and order.
    low_pass: (f64, i32),
    has_high_pass: bool,
    /// The part of the change that it explains, from 0 to 1.
    explained: f64,
    /// What the bands lack on average from which its low-pass takes much.
    depth_db: f64,
}

/// The filter that `muffled` has been through and `clear` has not, if it explains what they differ by.
fn edge(clear: &[Vec<PairSums>], muffled: &[Vec<PairSums>]) -> Option<Edge> {
    if clear.is_empty() || muffled.is_empty() {
        return None;
    }
    let level = |seconds: &[Vec<PairSums>], band: usize| {
        let energy: f64 = seconds
            .iter()
            .filter_map(|bands| bands.get(band))
            .map(|sums| sums.total())
            .sum();
        power_db((energy / seconds.len() as f64).max(1e-20))
    };
    let count = clear[0].len();
    let loudest = (0..count)
        .map(|band| level(clear, band))
        .fold(f64::NEG_INFINITY, f64::max);
    let changes: Vec<(f64, f64)> = (0..count)
        .filter(|&band| hz(band) >= LOWEST_HZ && level(clear, band) > loudest - FAINT_DB)
        .map(|band| {
            (
                hz(band),
                (level(muffled, band) - level(clear, band)).max(-DEEPEST_DB),
            )
        })
        .collect();
    if changes.len() < FEWEST_BANDS {
        return None;
    }
    let all: f64 = changes.iter().map(|(_, db)| db * db).sum();
    let (missed, low_pass, has_high_pass) = (0..CORNERS)
        .map(|step| LOWEST_CORNER_HZ * libm::exp2(f64::from(step) / 6.0))
        .flat_map(|corner_hz| ORDERS.map(|order| (corner_hz, order)))
        .flat_map(|low_pass| HIGH_PASSES.map(|high_pass| (low_pass, high_pass)))
        .map(|(low_pass, high_pass)| {
            let missed = changes.iter().map(|&(hz, db)| {
                let high_pass_db =
                    high_pass.map_or(0.0, |(corner_hz, order)| response_db(corner_hz / hz, order));
                let apart = db - (response_db(hz / low_pass.0, low_pass.1) + high_pass_db).max(-DEEPEST_DB);
                apart * apart
            });
            (missed.sum::<f64>(), low_pass, high_pass.is_some())
        })
        .min_by(|one, other| one.0.total_cmp(&other.0))?;
    let (corner_hz, order) = low_pass;
    let above: Vec<f64> = changes
        .iter()
        .filter(|(hz, _)| response_db(hz / corner_hz, order) <= -SHALLOWEST_DB)
        .map(|(_, db)| -db)
        .collect();
    let depth_db = above.iter().sum::<f64>() / above.len().max(1) as f64;
    let explained = 1.0 - missed / all.max(1e-9);
    (explained >= ALSO_EXPLAINED && depth_db >= SHALLOWEST_DB).then_some(Edge {
        low_pass,
        has_high_pass,
        explained,
        depth_db,
    })
}

/// Of a Butterworth filter of `order`, in dB, `ratio` times as far out as its corner.
fn response_db(ratio: f64, order: i32) -> f64 {
    -power_db(1.0 + libm::pow(ratio, f64::from(2 * order)))
}
