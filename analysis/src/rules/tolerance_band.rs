//! The tolerance band: how far the spectrum of finished music spreads, band by band, whatever its loudness.
//!
//! It joins two sources, neither of which is a target. Elowsson and Friberg (AES 9762, 12,345 tracks) give a line whose
//! slope steepens from 0 to −6 dB per octave; the middle of the band follows it. The spread is that of the 10th to
//! 90th percentile in two collections of game and film music (96 and 92 tracks), and never less than 8 dB. Genres
//! differ mostly in percussion and bass (the same paper), which lie inside; so there is no band for each genre.

/// A corner of the tolerance band. Levels are of 1/3-octave bands, in dB against their mean from 200 Hz to 4 kHz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToleranceCorner {
    /// The frequency, in Hz.
    pub hz: f64,
    /// The lowest level that is usual.
    pub low_db: f64,
    /// The highest level that is usual.
    pub high_db: f64,
}

const fn corner(hz: f64, low_db: f64, high_db: f64) -> ToleranceCorner {
    ToleranceCorner { hz, low_db, high_db }
}

/// From 40 Hz to 16 kHz; straight lines over log f in between.
pub const TOLERANCE_BAND: [ToleranceCorner; 11] = [
    corner(40.0, -20.0, 11.0),
    corner(62.5, -8.0, 13.0),
    corner(100.0, -1.0, 12.5),
    corner(200.0, -0.5, 10.0),
    corner(400.0, -0.5, 8.0),
    corner(800.0, -2.3, 5.7),
    corner(1_600.0, -5.0, 3.0),
    corner(3_200.0, -11.0, -0.5),
    corner(6_400.0, -19.0, -2.5),
    corner(10_000.0, -25.0, -4.5),
    corner(16_000.0, -38.0, -7.0),
];

/// Lowest and highest usual level at `hz`, in dB against the mean from 200 Hz to 4 kHz; `None` outside of the tolerance band.
#[must_use]
pub fn bounds_db(hz: f64) -> Option<(f64, f64)> {
    let [first, .., last] = &TOLERANCE_BAND;
    // The bands' centres are 1 kHz · 2^(n/3), so that 39.7 Hz and 16 kHz belong to it.
    if hz < first.hz * 0.99 || hz > last.hz * 1.01 {
        return None;
    }
    let hz = hz.clamp(first.hz, last.hz);
    TOLERANCE_BAND.windows(2).find_map(|pair| {
        let (from, to) = (pair[0], pair[1]);
        (hz <= to.hz).then(|| {
            let share = libm::log(hz / from.hz) / libm::log(to.hz / from.hz);
            (
                from.low_db + share * (to.low_db - from.low_db),
                from.high_db + share * (to.high_db - from.high_db),
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_continuous_and_at_least_8_db_wide() {
        let mut before: Option<(f64, f64)> = None;
        for step in 0..=1_000 {
            let hz = 40.0 * 400_f64.powf(f64::from(step) / 1_000.0);
            let (low, high) = bounds_db(hz).unwrap();
            assert!(high - low >= 7.99, "{hz} Hz: {low} to {high}");
            if let Some((low_before, high_before)) = before {
                assert!((low - low_before).abs() < 0.3 && (high - high_before).abs() < 0.3);
            }
            before = Some((low, high));
        }
        assert_eq!(bounds_db(20.0), None);
        assert_eq!(bounds_db(20_000.0), None);
    }
}
