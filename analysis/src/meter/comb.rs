//! Comb filters: the whole sound against itself, a few milliseconds later.
//!
//! Such a copy raises and lowers the spectrum by turns, at equal distances in hertz, from the lows to the highs. Notes do that as
//! well, but each at its own distances and only while it sounds. So the levels that half of the time exceeds, without what is
//! broad in them, are transformed once more: a copy is a single line there.

use model::report::CombFilter;

use super::series::quantile;
use crate::dsp::fft::{Fft, SplitComplex};

/// Bins that are taken together: 5 Hz.
const GROUP: usize = 4;
/// Where the spectrum is looked at.
const FROM_HZ: f64 = 300.0;
const TO_HZ: f64 = 9_000.0;
/// What is broader than this on either side is tone.
const BROAD_HZ: f64 = 400.0;
/// A level is no further from those around it than this, in dB: what is cut off is no ripple.
const MOST_DB: f64 = 12.0;
/// The transform is so many times as long as what it looks at, so that a line is not between two of its points.
const FINE: usize = 8;
/// The delays that are looked for, in seconds: below, a ripple is tone; above, it is an echo.
const SHORTEST_S: f64 = 0.001_5;
const LONGEST_S: f64 = 0.04;
/// What a line stands out of: those that are up to this factor away.
const AROUND: f64 = 1.6;

/// The strongest ripple of `levels_db`, of bins that are `bin_hz` apart.
pub(super) fn comb(levels_db: &[f64], bin_hz: f64) -> Option<CombFilter> {
    let group_hz = GROUP as f64 * bin_hz;
    let groups: Vec<f64> = levels_db
        .chunks_exact(GROUP)
        .map(|group| group.iter().sum::<f64>() / GROUP as f64)
        .collect();
    let place = |hz: f64| (hz / group_hz) as usize;
    let broad = place(BROAD_HZ).max(1);
    let (first, end) = (place(FROM_HZ), place(TO_HZ).min(groups.len()));
    if end < first + 16 {
        return None;
    }
    let count = end - first;
    let len = (FINE * count).next_power_of_two();
    let mut points = SplitComplex::zeros(len);
    let mut weights = 0.0;
    for index in 0..count {
        let at = first + index;
        let around = &groups[at.saturating_sub(broad)..(at + broad + 1).min(groups.len())];
        let apart = groups[at] - around.iter().sum::<f64>() / around.len() as f64;
        let weight = 0.5 - 0.5 * libm::cos(std::f64::consts::TAU * index as f64 / count as f64);
        weights += weight;
        points.re[index] = (apart.clamp(-MOST_DB, MOST_DB) * weight) as f32;
    }
    Fft::new(len).transform(&mut points);
    let delay_s = |point: usize| point as f64 / (len as f64 * group_hz);
    let ripples: Vec<f64> = (0..len / 2)
        .map(|point| {
            let (re, im) = (f64::from(points.re[point]), f64::from(points.im[point]));
            2.0 * (re * re + im * im).sqrt() / weights
        })
        .collect();
    let is_looked_for = |point: &usize| (SHORTEST_S..LONGEST_S).contains(&delay_s(*point));
    let strongest = (0..len / 2)
        .filter(is_looked_for)
        .max_by(|&a, &b| ripples[a].total_cmp(&ripples[b]))?;
    let near = |factor: f64| ((strongest as f64 * factor) as usize).clamp(1, len / 2);
    let mut around: Vec<f64> = ripples[near(1.0 / AROUND)..near(AROUND)].to_vec();
    let usual = quantile(&mut around, 0.5)?;
    Some(CombFilter {
        delay_ms: (100_000.0 * delay_s(strongest)).round() / 100.0,
        ripple_db: (100.0 * ripples[strongest]).round() / 100.0,
        clearness: (100.0 * ripples[strongest] / usual.max(1e-3)).round() / 100.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_found_with_its_delay() {
        for (delay_s, share) in [(0.002, 0.7), (0.012, 0.4), (0.03, 0.9)] {
            let levels: Vec<f64> = (0..16_384)
                .map(|bin| {
                    let hz = f64::from(bin) * 1.346;
                    let turn = std::f64::consts::TAU * hz * delay_s;
                    let power = 1.0 + share * share + 2.0 * share * turn.cos();
                    -20.0 - 4.5 * (hz.max(50.0) / 50.0).log2() + 10.0 * power.log10()
                })
                .collect();
            let found = comb(&levels, 1.346).unwrap();
            assert!((found.delay_ms - 1_000.0 * delay_s).abs() < 0.05, "{found:?}");
            assert!(found.ripple_db > 3.0 && found.clearness > 8.0, "{found:?}");
        }
    }

    #[test]
    fn a_smooth_spectrum_has_no_ripple() {
        let levels: Vec<f64> = (0..16_384).map(|bin| -0.001 * f64::from(bin)).collect();
        assert!(comb(&levels, 1.346).is_none_or(|found| found.ripple_db < 0.1));
    }
}
