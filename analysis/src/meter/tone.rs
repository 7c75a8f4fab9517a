//! What the averaged spectrum tells: its slope, and whether it ends in a cliff.

use super::series::quantile;
use crate::dsp::{db_to_power, power_db};

/// Where the slope is taken.
const TILT_HZ: std::ops::RangeInclusive<f64> = 99.0..=10_100.0;
/// A cliff falls by this much…
const CLIFF_DB: f64 = 40.0;
/// …over this distance…
const CLIFF_HZ: f64 = 500.0;
/// …between the mean levels of two ranges of this width…
const SHOULDER_HZ: f64 = 300.0;
/// …somewhere above this.
const LOWEST_CUTOFF_HZ: f64 = 8_000.0;
/// Where it falls this far below its shoulder is the cut-off.
const CUTOFF_DB: f64 = 20.0;
/// The filter of any converter is a cliff too, close to half the sample rate.
const HIGHEST_SHARE: f64 = 0.95;

/// The slope of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tilt {
    pub(crate) db_per_octave: f64,
    /// The median distance of the levels from that line.
    pub(crate) deviation_db: f64,
}

/// The slope of bands given as (hertz, dB), by Theil and Sen: the median of the slopes of all pairs, which a resonance or
/// a steep end does not pull.
pub(crate) fn tilt(bands: &[(f64, f64)]) -> Option<Tilt> {
    let points: Vec<(f64, f64)> = bands
        .iter()
        .filter(|(hz, db)| TILT_HZ.contains(hz) && db.is_finite())
        .map(|&(hz, db)| (libm::log2(hz), db))
        .collect();
    let mut slopes: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(n, a)| points[n + 1..].iter().map(move |b| (b.1 - a.1) / (b.0 - a.0)))
        .collect();
    let slope = quantile(&mut slopes, 0.5)?;
    let mut offsets: Vec<f64> = points.iter().map(|(x, db)| db - slope * x).collect();
    let offset = quantile(&mut offsets, 0.5)?;
    let mut distances: Vec<f64> = offsets.iter().map(|value| (value - offset).abs()).collect();
    Some(Tilt {
        db_per_octave: slope,
        deviation_db: quantile(&mut distances, 0.5)?,
    })
}

/// The frequency above which there is nothing, if the spectrum ends steeply and stays down.
pub(super) fn cutoff_hz(bin_hz: f64, power: &[f64]) -> Option<f64> {
    let bins = |hz: f64| (hz / bin_hz).round() as usize;
    let (gap, shoulder) = (bins(CLIFF_HZ), bins(SHOULDER_HZ).max(1));
    let end = (power.len() as f64 * HIGHEST_SHARE) as usize;
    let first = bins(LOWEST_CUTOFF_HZ).max(shoulder);
    // Sums up to each bin, so that every mean is one subtraction.
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(power.iter().scan(0.0, |sum, power| {
            *sum += power;
            Some(*sum)
        }))
        .collect();
    let mean_db = |from: usize, to: usize| {
        let mean: f64 = power[from..to].iter().sum::<f64>() / (to - from) as f64;
        // Below what 24 bits resolve, all is nothing.
        power_db(mean.max(1e-20))
    };
    // A first look by sums rules out most bins; differences of large sums are not exact enough to decide.
    let rough = |from: usize, to: usize| (sums[to] - sums[from]).max(0.0) / (to - from) as f64;
    let (drop, edge) = (first..end.min(power.len().saturating_sub(gap + shoulder)))
        .filter(|&bin| rough(bin + gap, bin + gap + shoulder) < 1e-3 * rough(bin - shoulder, bin))
        .map(|bin| {
            let drop = mean_db(bin - shoulder, bin) - mean_db(bin + gap, bin + gap + shoulder);
            (drop, bin)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
    let level = mean_db(edge - shoulder, edge);
    let rises_again = power[edge + gap..]
        .chunks_exact(shoulder)
        .any(|chunk| power_db(chunk.iter().sum::<f64>() / shoulder as f64) > level - CLIFF_DB);
    if drop < CLIFF_DB || rises_again {
        return None;
    }
    let threshold = db_to_power(level - CUTOFF_DB);
    let below = (edge - shoulder..edge + gap)
        .rev()
        .find(|&bin| power[bin] > threshold)?;
    (below < end).then(|| (below + 1) as f64 * bin_hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resonance_and_a_missing_top_do_not_pull_the_slope() {
        let mut bands: Vec<(f64, f64)> = (-10..=10)
            .map(|n| (1000.0 * 2_f64.powf(f64::from(n) / 3.0), -1.5 * f64::from(n) / 3.0))
            .collect();
        let clean = tilt(&bands).unwrap();
        assert!((clean.db_per_octave + 1.5).abs() < 1e-9 && clean.deviation_db < 1e-9);
        bands[4].1 += 20.0;
        bands[20].1 -= 60.0;
        assert!((tilt(&bands).unwrap().db_per_octave + 1.5).abs() < 0.01);
        assert_eq!(tilt(&bands[..1]), None);
    }

    /// A density of `level` dB at each frequency, 10 Hz apart up to 22 kHz.
    fn spectrum(level: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..2_200)
            .map(|bin| 10_f64.powf(level(f64::from(bin) * 10.0) / 10.0))
            .collect()
    }

    #[test]
    fn only_a_cliff_that_stays_down_is_a_cutoff() {
        let at_16 = cutoff_hz(10.0, &spectrum(|hz| if hz < 16_000.0 { -60.0 } else { -130.0 }));
        assert!((at_16.unwrap() - 16_000.0).abs() < 50.0, "{at_16:?}");
        // 24 dB per octave is a dark master.
        assert_eq!(
            cutoff_hz(
                10.0,
                &spectrum(|hz| -60.0 - 24.0 * (hz.max(4_000.0) / 4_000.0).log2())
            ),
            None
        );
        // A notch.
        let notch = spectrum(|hz| {
            if (15_000.0..17_000.0).contains(&hz) {
                -130.0
            } else {
                -60.0
            }
        });
        assert_eq!(cutoff_hz(10.0, &notch), None);
        // The filter of a converter.
        assert_eq!(
            cutoff_hz(10.0, &spectrum(|hz| if hz < 21_300.0 { -60.0 } else { -130.0 })),
            None
        );
        assert_eq!(cutoff_hz(10.0, &spectrum(|_| f64::NEG_INFINITY)), None);
    }
}
