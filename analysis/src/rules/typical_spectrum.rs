//! What the rest of a spectrum leads one to expect.
//!
//! Levels of 1/3-octave bands are far apart from track to track, but not independently of each other: a mean and a
//! covariance of finished tracks ([`table`]) say what the bands of one song, taken together, leave unexplained. That is
//! described by a few broad shapes at once (a hump or a hollow in each region, and a shelf of the treble), each with its
//! height in dB: least squares weighted by the inverse of the covariance, and drawn towards nothing, so that neighbouring
//! shapes do not explain one another away.

mod table;

use self::table::{COVARIANCE, MEAN_DB, SPREAD_DB};

/// The 1/3-octave bands of the table: 1 kHz · 2^(n/3) for n from −14 (39 Hz) to 11 (12.7 kHz).
pub const FIRST_BAND: i32 = -14;
/// How many they are.
pub const BANDS: usize = 26;
/// Deviations count up to so many times a band's own spread: a song without any bass has no bass twice over.
const MOST_SPREADS: f64 = 3.0;
/// How strongly heights are drawn towards 0, as the inverse of a variance in dB².
const PRIOR: f64 = 0.02;

/// A region of the spectrum that has a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// Around 80 Hz.
    Low,
    /// Around 280 Hz.
    LowMids,
    /// Around 950 Hz.
    Mids,
    /// Around 3.1 kHz.
    HighMids,
    /// Around 6.7 kHz.
    Sibilants,
    /// Around 12 kHz.
    Air,
    /// All above 2.5 kHz against all below.
    Treble,
}

/// How many regions there are.
pub const REGIONS: usize = 7;

impl Region {
    /// All, in the order of the table.
    pub const ALL: [Self; REGIONS] = [
        Self::Low,
        Self::LowMids,
        Self::Mids,
        Self::HighMids,
        Self::Sibilants,
        Self::Air,
        Self::Treble,
    ];

    /// Its middle, in Hz; for the treble, its lower edge.
    #[must_use]
    pub const fn hz(self) -> f64 {
        match self {
            Self::Low => 80.0,
            Self::LowMids => 280.0,
            Self::Mids => 950.0,
            Self::HighMids => 3_100.0,
            Self::Sibilants => 6_700.0,
            Self::Air => 12_000.0,
            Self::Treble => 2_500.0,
        }
    }

    /// The shape of one decibel: a bell of this many octaves (standard deviation), or a shelf.
    fn shape(self) -> [f64; BANDS] {
        let octaves =
            |band: usize| (f64::from(FIRST_BAND) + band as f64) / 3.0 - libm::log2(self.hz() / 1_000.0);
        let width = match self {
            Self::LowMids | Self::Mids => 0.6,
            Self::Sibilants => 0.45,
            Self::Air => 0.4,
            _ => 0.5,
        };
        let mut shape = std::array::from_fn(|band| match self {
            Self::Treble => 1.0 / (1.0 + libm::exp(-2.5 * octaves(band))),
            _ => libm::exp(-0.5 * (octaves(band) / width) * (octaves(band) / width)),
        });
        relative(&mut shape);
        shape
    }
}

/// Levels against their mean from 250 Hz to 4 kHz.
fn relative(levels: &mut [f64; BANDS]) {
    let middle = &levels[6..19];
    let mean = middle.iter().sum::<f64>() / middle.len() as f64;
    levels.iter_mut().for_each(|level| *level -= mean);
}

/// How far each region is from what the rest of the spectrum leads one to expect, in dB. `levels` are those of the bands
/// of the table, in dB of any reference; a band that the file cannot hold has none, and counts as expected.
#[must_use]
pub fn heights_db(levels: &[Option<f64>; BANDS]) -> [f64; REGIONS] {
    let known = || (0..BANDS).filter_map(|band| Some((band, levels[band]?)));
    // What the song lies above the table on average.
    let (count, sum) = known()
        .filter(|(band, _)| (6..19).contains(band))
        .fold((0_u32, 0.0), |(count, sum), (band, level)| {
            (count + 1, sum + level - MEAN_DB[band])
        });
    let above = sum / f64::from(count.max(1));
    let deviations: [f64; BANDS] = std::array::from_fn(|band| {
        let most = MOST_SPREADS * COVARIANCE[row(band) + band].sqrt();
        levels[band].map_or(0.0, |level| (level - above - MEAN_DB[band]).clamp(-most, most))
    });
    let covariance = |i: usize, j: usize| COVARIANCE[row(i.max(j)) + i.min(j)];
    let shapes = Region::ALL.map(Region::shape);
    let weighted = shapes.map(|shape| solve(covariance, shape));
    let dot = |a: &[f64; BANDS], b: &[f64; BANDS]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let normal = |i: usize, j: usize| {
        // The same to the last bit from both sides.
        let (i, j) = (i.max(j), i.min(j));
        dot(&weighted[i], &shapes[j]) + if i == j { PRIOR } else { 0.0 }
    };
    solve(normal, weighted.map(|weight| dot(&weight, &deviations)))
}

/// How rare a height of so many dB is in finished tracks: one of how many is as far from 0, on either side.
#[must_use]
pub fn one_in(region: Region, height_db: f64) -> f64 {
    let spreads = height_db.abs() / SPREAD_DB[region as usize];
    1.0 / libm::erfc(spreads / std::f64::consts::SQRT_2).max(1e-4)
}

/// Where row `i` of a lower triangle begins.
const fn row(i: usize) -> usize {
    i * (i + 1) / 2
}

/// Solves a symmetric positive definite system by Cholesky's decomposition.
fn solve<const N: usize>(matrix: impl Fn(usize, usize) -> f64, mut right: [f64; N]) -> [f64; N] {
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix(i, j) - known;
            lower[i][j] = if i == j {
                rest.max(1e-9).sqrt()
            } else {
                rest / lower[j][j]
            };
        }
    }
    for i in 0..N {
        let known: f64 = (0..i).map(|k| lower[i][k] * right[k]).sum();
        right[i] = (right[i] - known) / lower[i][i];
    }
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|k| lower[k][i] * right[k]).sum();
        right[i] = (right[i] - known) / lower[i][i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_spectrum_is_as_expected_and_a_hump_is_found_where_it_is() {
        let flat = heights_db(&MEAN_DB.map(Some));
        assert!(flat.iter().all(|height| height.abs() < 1e-9), "{flat:?}");
        for region in Region::ALL {
            let shape = region.shape();
            let levels = std::array::from_fn(|band| Some(MEAN_DB[band] + 8.0 * shape[band] - 30.0));
            let heights = heights_db(&levels);
            let found = heights[region as usize];
            assert!((2.0..8.5).contains(&found), "{region:?}: {heights:?}");
            let most = heights
                .iter()
                .fold(0.0, |most: f64, height| most.max(height.abs()));
            assert!(found >= 0.99 * most, "{region:?}: {heights:?}");
        }
    }

    #[test]
    fn a_system_is_solved() {
        let matrix = [[4.0, 2.0], [2.0, 3.0]];
        let solved = solve(|i, j| matrix[i][j], [8.0, 7.0]);
        assert!((solved[0] - 1.25).abs() < 1e-12 && (solved[1] - 1.5).abs() < 1e-12);
    }
}
