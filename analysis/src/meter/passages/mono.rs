//! Passages in mono, in a song that is stereo.
//!
//! Music that gets narrow has other parts playing, so that the middle changes as well. Where both channels are added, or one is
//! sent to both, the middle goes on and only the sides are gone.

use model::report::{LocalFault, LocalFaultKind};

use super::{LARGEST_SHARE, NARROWEST_DB, Passage, Usual};
use crate::dsp::power_db;
use crate::meter::levels::PairSums;

/// Wider than this is stereo, and narrower than this is mono, as side over mid in dB.
const STEREO_DB: f64 = -22.0;
const MONO_DB: f64 = -50.0;
/// The shortest passage, in seconds, and those that are compared on either side of an edge.
const SHORTEST_S: usize = 3;
const EDGE_S: usize = 2;
/// Bands of 1/3 octave that are compared together, the fewest of these, and those that are too faint to count, as a power ratio.
const GROUP: usize = 3;
const FEWEST_GROUPS: usize = 4;
const FAINT: f64 = 1e-4;
/// How far the middle of the groups may change at an edge, in dB: the median, and most of the groups.
const STAYS_DB: f64 = 1.5;
const MOST_STAY_DB: f64 = 3.5;
const MOST: f64 = 0.7;

/// Mono passages, by the sums of whole seconds and of their bands of 1/3 octave.
pub(super) fn mono(seconds: &[PairSums], thirds: &[Vec<PairSums>], usual: &Usual) -> Vec<LocalFault> {
    if usual.width_db < STEREO_DB {
        return Vec::new();
    }
    let width_db = |sums: PairSums| sums.width_db().unwrap_or(NARROWEST_DB);
    let is_mono = |second: usize| width_db(seconds[second]) <= MONO_DB;
    Passage::all(seconds, usual, LARGEST_SHARE, is_mono)
        .into_iter()
        .filter(|passage| {
            let (first, end) = (passage.first, passage.end);
            let inner = |range: std::ops::Range<usize>| thirds.get(range);
            let edges = [
                first
                    .checked_sub(EDGE_S + 1)
                    .and_then(|from| thirds.get(from..first - 1))
                    .zip(inner(first..first + EDGE_S)),
                thirds
                    .get(end + 1..end + 1 + EDGE_S)
                    .zip(inner(end - EDGE_S..end)),
            ];
            // The other edge may meet a change of the music, or be that of the song.
            end - first >= SHORTEST_S
                && edges.iter().flatten().all(|(outside, _)| is_stereo(outside))
                && edges
                    .iter()
                    .flatten()
                    .any(|(outside, inside)| middle_stays(outside, inside))
        })
        .map(|passage| {
            let lacks_db = usual.width_db - width_db(passage.sums(seconds)).max(NARROWEST_DB);
            passage.fault(LocalFaultKind::MonoPassage, None, lacks_db)
        })
        .collect()
}

fn added(seconds: &[Vec<PairSums>], bands: std::ops::Range<usize>) -> PairSums {
    let mut sums = PairSums::default();
    for second in seconds {
        second
            .get(bands.clone())
            .into_iter()
            .flatten()
            .for_each(|&band| sums.add(band));
    }
    sums
}

fn is_stereo(seconds: &[Vec<PairSums>]) -> bool {
    added(seconds, 0..seconds[0].len())
        .width_db()
        .is_some_and(|db| db >= STEREO_DB)
}

/// Whether what is in the middle of the groups of bands is as loud on both sides of an edge.
fn middle_stays(outside: &[Vec<PairSums>], inside: &[Vec<PairSums>]) -> bool {
    let groups = |seconds: &[Vec<PairSums>]| -> Vec<f64> {
        let bands = 0..seconds[0].len();
        bands
            .step_by(GROUP)
            .map(|first| added(seconds, first..(first + GROUP).min(seconds[0].len())).mid())
            .collect()
    };
    let (outside, inside) = (groups(outside), groups(inside));
    let loudest = outside.iter().copied().fold(0.0, f64::max);
    let changes: Vec<f64> = outside
        .iter()
        .zip(&inside)
        .filter(|(outside, _)| **outside > FAINT * loudest)
        .map(|(outside, inside)| power_db((inside / outside).max(1e-9)))
        .collect();
    let near = changes.iter().filter(|db| db.abs() <= MOST_STAY_DB).count();
    changes.len() >= FEWEST_GROUPS
        && super::median_of_enough(&changes).is_some_and(|db| db.abs() <= STAYS_DB)
        && near as f64 >= MOST * changes.len() as f64
}
