//! Parts of the music that differ in sound: boundaries where the bands of the seconds before differ most from those of
//! the seconds behind.

use model::Reading;
use model::report::{AbsenceReason, BANDS, Section};

use super::loudness::Timeline;
use crate::dsp::power_db;

/// Seconds on either side of a boundary that are compared.
const SIDE_S: usize = 8;
/// Sections are at least this long.
const SHORTEST_S: usize = 8;
/// Root-mean-square difference of the band levels that makes a boundary, in dB.
const NOVELTY_DB: f64 = 4.0;
/// Band levels below this are all the same.
const FLOOR_DB: f64 = -80.0;
/// So that a long file has a report of bounded size; the strongest boundaries stay.
const MOST: usize = 40;

/// The sections of a file of `duration_s`, from the power of the bands in each second.
pub(super) fn sections(seconds: &[[f64; 7]], duration_s: f64, timeline: &Timeline) -> Vec<Section> {
    let mut edges = vec![0.0];
    edges.extend(boundaries(seconds).into_iter().map(|second| second as f64));
    edges.push(duration_s);
    edges
        .windows(2)
        .map(|edge| Section {
            start_s: edge[0],
            end_s: edge[1],
            integrated_lufs: timeline
                .integrated(edge[0], edge[1])
                .map_or(Reading::absent(AbsenceReason::Silent), Reading::new),
            bands_db: shares(seconds, edge[0] as usize, edge[1].ceil() as usize),
        })
        .collect()
}

fn boundaries(seconds: &[[f64; 7]]) -> Vec<usize> {
    let levels: Vec<[f64; 7]> = seconds
        .iter()
        .map(|second| second.map(|power| power_db(power / 0.5).max(FLOOR_DB)))
        .collect();
    let mean = |range: &[[f64; 7]]| -> [f64; 7] {
        std::array::from_fn(|band| range.iter().map(|level| level[band]).sum::<f64>() / range.len() as f64)
    };
    let last = levels.len().saturating_sub(SHORTEST_S);
    let novelty: Vec<(usize, f64)> = (SHORTEST_S..=last)
        .map(|second| {
            let before = mean(&levels[second.saturating_sub(SIDE_S)..second]);
            let behind = mean(&levels[second..(second + SIDE_S).min(levels.len())]);
            let squares: f64 = before.iter().zip(behind).map(|(a, b)| (a - b) * (a - b)).sum();
            (second, (squares / BANDS.len() as f64).sqrt())
        })
        .collect();
    // The slope of a strong boundary is none of its own.
    let is_peak = |&(second, value): &(usize, f64)| {
        let is_near = |other: &&(usize, f64)| other.0.abs_diff(second) <= SIDE_S;
        value >= NOVELTY_DB && novelty.iter().filter(is_near).all(|other| other.1 <= value)
    };
    let mut order: Vec<(usize, f64)> = novelty.iter().copied().filter(is_peak).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut chosen: Vec<usize> = Vec::new();
    for (second, _) in order {
        if chosen.len() + 1 < MOST && chosen.iter().all(|&other| other.abs_diff(second) >= SHORTEST_S) {
            chosen.push(second);
        }
    }
    chosen.sort_unstable();
    chosen
}

fn shares(seconds: &[[f64; 7]], start: usize, end: usize) -> [Reading; 7] {
    let end = end.min(seconds.len());
    let range = &seconds[start.min(end)..end];
    let sums: [f64; 7] = std::array::from_fn(|band| range.iter().map(|second| second[band]).sum());
    let total: f64 = sums.iter().sum();
    sums.map(|sum| Reading::new_or(power_db(sum / total), AbsenceReason::Silent))
}
