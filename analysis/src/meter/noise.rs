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
/// The width of a band of 1/6 octave as a part of its centre, and all that is heard.
const BAND_WIDTH: f64 = 0.115_6;
const HEARD_HZ: f64 = 19_980.0;
/// The RMS of a full-scale sine.
const SINE_DBFS: f64 = -3.01;

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
    (longest.len() >= FEWEST_BANDS).then(|| {
        let mean = longest.iter().sum::<f64>() / longest.len() as f64;
        (100.0 * mean).round() / 100.0
    })
}
