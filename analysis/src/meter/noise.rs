//! Steady noise under the music, by the moments in which nothing else is there.
//!
//! Music falls away in its pauses, band by band, by many decibels from one tenth of the time to the quietest hundredth; noise
//! keeps its level.

use model::report::BandPercentiles;

use crate::dsp::power_db;

/// Where it is sought, in Hz: below, music seldom pauses; above, lossy coding leaves nothing.
const BAND_HZ: std::ops::RangeInclusive<f64> = 4_000.0..=16_500.0;
/// In dB: from what is exceeded 99 % of the time to what is exceeded 90 % of the time, from band to band, and what is
/// rounding or nothing.
const STEADY_DB: f64 = 1.3;
const FLAT_DB: f64 = 1.5;
const FAINTEST_DB: f64 = -95.0;
/// Bands side by side that show it.
const FEWEST_BANDS: usize = 2;
/// Hiss of electronics and of tape is white, or nearly. What falls more steeply, in dB per octave of its density, is surf, wind or
/// the filtered noise of a synthesizer; so many bands are needed to tell.
const STEEPEST_DB: f64 = -3.5;
const SLOPE_BANDS: usize = 6;
const BANDS_PER_OCTAVE: f64 = 6.0;
/// The width of a band of 1/6 octave as a part of its centre, and all that is heard.
const BAND_WIDTH: f64 = 0.115_6;
const HEARD_HZ: f64 = 19_980.0;
/// The RMS of a full-scale sine.
const SINE_DBFS: f64 = -3.01;

/// The slope of levels in neighbouring bands, in dB per octave: a straight line by least squares.
fn slope_db(levels: &[f64]) -> f64 {
    let middle = (levels.len() as f64 - 1.0) / 2.0;
    let (mut product, mut square) = (0.0, 0.0);
    for (index, level) in levels.iter().enumerate() {
        let from_middle = index as f64 - middle;
        product += from_middle * level;
        square += from_middle * from_middle;
    }
    BANDS_PER_OCTAVE * product / square
}

/// The level from 20 Hz to 20 kHz of white noise as dense as what is steady, in dBFS (RMS); `None` where nothing is.
pub(super) fn hiss_dbfs(bands: &[BandPercentiles]) -> Option<f64> {
    let mut longest: Vec<f64> = Vec::new();
    let mut run: Vec<f64> = Vec::new();
    let mut before_db = None;
    for band in bands {
        let (Some(floor_db), Some(quiet_db)) = (band.l99.map(f64::from), band.l90.map(f64::from)) else {
            continue;
        };
        let is_flat = before_db.is_none_or(|before_db: f64| (floor_db - before_db).abs() <= FLAT_DB);
        before_db = Some(floor_db);
        let is_noise =
            BAND_HZ.contains(&band.hz) && floor_db >= FAINTEST_DB && quiet_db - floor_db <= STEADY_DB;
        if !is_noise || !is_flat {
            run.clear();
        }
        if is_noise {
            run.push(floor_db + SINE_DBFS + power_db(HEARD_HZ / (BAND_WIDTH * band.hz)));
            if run.len() > longest.len() {
                longest.clone_from(&run);
            }
        }
    }
    let is_steep = longest.len() >= SLOPE_BANDS && slope_db(&longest) < STEEPEST_DB;
    (longest.len() >= FEWEST_BANDS && !is_steep).then(|| {
        let mean = longest.iter().sum::<f64>() / longest.len() as f64;
        (100.0 * mean).round() / 100.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Percentiles of noise whose density falls by so many dB per octave, steady within 0.8 dB.
    fn noise(slope_db: f64) -> Vec<BandPercentiles> {
        (0..60)
            .map(|index| {
                let octaves = f64::from(index) / BANDS_PER_OCTAVE;
                let floor = -45.0 + (3.01 - slope_db) * octaves;
                let level = |above: f64| Some((floor + above) as f32);
                BandPercentiles {
                    hz: 20.0 * libm::exp2(octaves),
                    l1: level(3.0),
                    l10: level(2.0),
                    l50: level(1.2),
                    l90: level(0.8),
                    l99: level(0.0),
                }
            })
            .collect()
    }

    #[test]
    fn what_falls_steeply_is_no_hiss() {
        for slope_db in [-1.0, 0.0, 1.5, 3.0] {
            assert!(hiss_dbfs(&noise(slope_db)).is_some(), "{slope_db}");
        }
        for slope_db in [4.5, 5.4, 6.0] {
            assert_eq!(hiss_dbfs(&noise(slope_db)), None, "{slope_db}");
        }
    }
}
