//! Passages under a low-pass filter: muffled from one moment on, and up to one.
//!
//! Cymbals that stop leave the rest as it was. A filter takes from everything: what it does to the spectrum is the response of a
//! low-pass at the beginning, and the same one, turned round, at the end.

use model::report::{LocalFault, LocalFaultKind};

use super::{LARGEST_SHARE, Passage, Usual};
use crate::dsp::power_db;
use crate::meter::levels::PairSums;

/// The first band, as n of 1 kHz · 2^(n/3).
const FIRST_BAND: i32 = -17;
/// Bands whose treble and body are compared: above 4 kHz, and from 100 Hz to 1 kHz.
const TREBLE_HZ: f64 = 4_000.0;
const BODY_HZ: std::ops::Range<f64> = 100.0..1_000.0;
/// A muffled second has so much less treble against its body than is usual, in dB.
const LACKS_DB: f64 = 10.0;
/// The shortest passage, and how much on either side of an edge is compared, in seconds: a rest under an echo is muffled as well.
const SHORTEST_S: usize = 4;
const EDGE_S: usize = 2;
/// Bands from here on are compared, that are no more than so far below the loudest one on the clear side, in dB; the fewest of them.
const LOWEST_HZ: f64 = 90.0;
const FAINT_DB: f64 = 65.0;
const FEWEST_BANDS: usize = 15;
/// What a band can fall by at most before other things are heard in its place, in dB.
const DEEPEST_DB: f64 = 40.0;
/// Corners that are tried, every sixth of an octave from 350 Hz on, and orders.
const LOWEST_CORNER_HZ: f64 = 350.0;
const CORNERS: u32 = 25;
const ORDERS: [i32; 5] = [1, 2, 3, 4, 6];
/// How much of the change at the clearer edge is the filter's, and at the other one, which may meet a change of the music; and how far
/// its corners at both may be apart, in octaves.
const EXPLAINED: f64 = 0.93;
const ALSO_EXPLAINED: f64 = 0.78;
const SAME_CORNER_OCTAVES: f64 = 1.0;
/// What the highest bands lack at least, in dB.
const SHALLOWEST_DB: f64 = 15.0;

/// Muffled passages, in a file of two channels, by the sums of its seconds and of their bands of 1/3 octave.
pub(super) fn muffled(seconds: &[PairSums], thirds: &[Vec<PairSums>], usual: &Usual) -> Vec<LocalFault> {
    let treble: Vec<Option<f64>> = thirds.iter().map(|bands| treble_db(bands)).collect();
    let mut values: Vec<f64> = treble.iter().copied().flatten().collect();
    let Some(usual_db) = crate::meter::series::quantile(&mut values, 0.5) else {
        return Vec::new();
    };
    let lacks = |second: usize| {
        let treble = treble.get(second).copied().flatten();
        treble.is_some_and(|db| db <= usual_db - LACKS_DB)
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
            let is_same = libm::log2(into.corner_hz / out_of.corner_hz).abs() <= SAME_CORNER_OCTAVES;
            let explained = into.explained.max(out_of.explained);
            (is_same && explained >= EXPLAINED).then(|| {
                passage.fault(
                    LocalFaultKind::MuffledPassage,
                    None,
                    f64::midpoint(into.depth_db, out_of.depth_db),
                )
            })
        })
        .collect()
}

fn hz(band: usize) -> f64 {
    1_000.0 * libm::exp2(f64::from(FIRST_BAND + band as i32) / 3.0)
}

/// The treble of a second against its body, in dB.
fn treble_db(bands: &[PairSums]) -> Option<f64> {
    let power = |wanted: &dyn Fn(f64) -> bool| {
        let bands = bands.iter().enumerate().filter(|(band, _)| wanted(hz(*band)));
        bands.map(|(_, sums)| sums.total()).sum::<f64>()
    };
    let (treble, body) = (power(&|hz| hz >= TREBLE_HZ), power(&|hz| BODY_HZ.contains(&hz)));
    (body > 0.0).then(|| power_db((treble / body).max(1e-12)))
}

/// What a filter does at the edge of a passage.
struct Edge {
    corner_hz: f64,
    /// The part of the change that it explains, from 0 to 1.
    explained: f64,
    /// What the bands an octave above the corner and higher lack on average.
    depth_db: f64,
}

/// The low-pass that `muffled` has been through and `clear` has not, if it explains what they differ by.
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
    let (missed, corner_hz) = (0..CORNERS)
        .map(|step| LOWEST_CORNER_HZ * libm::exp2(f64::from(step) / 6.0))
        .flat_map(|corner_hz| ORDERS.map(|order| (corner_hz, order)))
        .map(|(corner_hz, order)| {
            let missed = changes.iter().map(|(hz, db)| {
                let apart = db - response_db(*hz, corner_hz, order);
                apart * apart
            });
            (missed.sum::<f64>(), corner_hz)
        })
        .min_by(|one, other| one.0.total_cmp(&other.0))?;
    let above: Vec<f64> = changes
        .iter()
        .filter(|(hz, _)| *hz >= 2.0 * corner_hz)
        .map(|(_, db)| -db)
        .collect();
    let depth_db = above.iter().sum::<f64>() / above.len().max(1) as f64;
    let explained = 1.0 - missed / all.max(1e-9);
    (explained >= ALSO_EXPLAINED && depth_db >= SHALLOWEST_DB).then_some(Edge {
        corner_hz,
        explained,
        depth_db,
    })
}

/// Of a Butterworth low-pass, in dB, as far as a band can fall.
fn response_db(hz: f64, corner_hz: f64, order: i32) -> f64 {
    let ratio = libm::pow(hz / corner_hz, f64::from(2 * order));
    (-power_db(1.0 + ratio)).max(-DEEPEST_DB)
}
