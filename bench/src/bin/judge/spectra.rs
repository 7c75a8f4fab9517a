//! The table of typical spectra, made from the intact tracks of the tuning half, and all that no fault is put into.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use analysis::rules::typical_spectrum::{
    BANDS, Covariance, Expected, FIRST_BAND, Height, MIDDLE, RARITIES, REGIONS, SHAPES,
};

use super::corpus::intact_of;

type Levels = [f64; BANDS];

/// Deviations count up to so many times the spread of their band: a track without bass must not shape the table.
const MOST_SPREADS: f64 = 2.5;
/// What bands differ by that no other band tells, in dB: more than this of what few tracks seem to tell is chance. With 1.5 dB the
/// heights of tracks that the table has not seen spread by a tenth more.
const OWN_DB: f64 = 3.0;
/// A track is never held against a table that it helped to make: each of so many parts against that of the others.
const PARTS: usize = 6;

/// Writes `analysis/src/rules/typical_spectrum/table.rs`.
pub(super) fn write(cache: &Path, folders: &[PathBuf]) {
    let tracks: Vec<Levels> = intact_of(cache, folders)
        .iter()
        .filter(|track| track.is_tuning)
        .filter_map(|track| {
            let thirds = &track.report.detail.as_ref()?.spectrum.third_octave;
            let mut levels = [-120.0; BANDS];
            for (n, level) in (FIRST_BAND..).zip(&mut levels) {
                let hz = 1_000.0 * libm::exp2(f64::from(n) / 3.0);
                let band = thirds.iter().find(|band| (band.hz / hz - 1.0).abs() < 0.01);
                *level = band.and_then(|band| band.db).map_or(-120.0, f64::from);
            }
            let mean = levels[MIDDLE].iter().sum::<f64>() / MIDDLE.len() as f64;
            Some(levels.map(|level| level - mean))
        })
        .collect();
    let (mean, covariance) = table(&tracks);
    let parts: Vec<Part> = (0..PARTS)
        .map(|part| {
            let pick = |wanted: bool| -> Vec<Levels> {
                let all = tracks.iter().enumerate();
                all.filter(|(index, _)| (index % PARTS == part) == wanted)
                    .map(|(_, levels)| *levels)
                    .collect()
            };
            let (mean, covariance) = table(&pick(false));
            Part {
                mean,
                covariance,
                tracks: pick(true),
            }
        })
        .collect();
    let heights = against_others(&parts, |expected, levels| expected.shape_heights_db(levels));
    let spreads: [f64; SHAPES] = std::array::from_fn(|shape| {
        1.4826 * median(heights.iter().map(|heights| heights[shape].abs()).collect())
    });
    let regions: Vec<[Height; REGIONS]> =
        against_others(&parts, |expected, levels| expected.heights(levels, &spreads));

    let mut body = String::new();
    let _ = writeln!(
        body,
        "/// The mean of finished tracks, in dB against the mean from 250 Hz to 4 kHz.\npub(super) const MEAN_DB: [f64; BANDS] = {};\n",
        list(&mean)
    );
    let _ = writeln!(
        body,
        "/// Their covariance, in dB².\npub(super) const COVARIANCE: Covariance = {};\n",
        list(&covariance)
    );
    let _ = writeln!(
        body,
        "/// How far the heights of each shape spread over them, in dB.\npub(super) const SPREAD_DB: [f64; SHAPES] = {};\n",
        list(&spreads)
    );
    let _ = writeln!(
        body,
        "/// The height that one track in so many exceeds in each region, on either side, in dB.\npub(super) const TAILS_DB: [[f64; RARITIES.len()]; REGIONS] = ["
    );
    for region in 0..REGIONS {
        let mut sizes: Vec<f64> = regions.iter().map(|heights| heights[region].db.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let tails = RARITIES.map(|one_in| quantile(&sizes, 1.0 - 1.0 / one_in));
        let _ = writeln!(body, "    {},", list(&tails));
    }
    println!(
        "//! Written by `cargo run -p bench --bin judge -- spectra CACHE FOLDER…` from {} tracks; no constant here is by hand.\n",
        tracks.len()
    );
    if ["3.14", "6.28"].iter().any(|constant| body.contains(constant)) {
        println!("#![expect(clippy::approx_constant, reason = \"a level of 3.14 or 6.28 is no angle\")]\n");
    }
    println!("use super::{{BANDS, Covariance, RARITIES, REGIONS, SHAPES}};\n\n{body}];");
}

/// Tracks, and the table of all others.
struct Part {
    mean: Levels,
    covariance: Covariance,
    tracks: Vec<Levels>,
}

/// Something of every track by the table of others.
fn against_others<T>(parts: &[Part], of: impl Fn(&Expected<'_>, &[Option<f64>; BANDS]) -> T) -> Vec<T> {
    parts
        .iter()
        .flat_map(|part| {
            let expected = Expected::new(&part.mean, &part.covariance);
            let tracks = part.tracks.iter();
            tracks
                .map(|levels| of(&expected, &levels.map(Some)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Mean and covariance of levels, robust against single tracks.
fn table(tracks: &[Levels]) -> (Levels, Covariance) {
    let count = tracks.len().max(2) as f64;
    let mut mean = [0.0; BANDS];
    let mut deviations = tracks.to_vec();
    for band in 0..BANDS {
        let middle = median(tracks.iter().map(|levels| levels[band]).collect());
        let apart = tracks.iter().map(|levels| (levels[band] - middle).abs());
        let most = MOST_SPREADS * (1.4826 * median(apart.collect()) + 0.5);
        for levels in &mut deviations {
            levels[band] = (levels[band] - middle).clamp(-most, most);
        }
        let rest = deviations.iter().map(|levels| levels[band]).sum::<f64>() / count;
        deviations.iter_mut().for_each(|levels| levels[band] -= rest);
        mean[band] = middle + rest;
    }
    let mut covariance = [0.0; BANDS * (BANDS + 1) / 2];
    let pairs = (0..BANDS).flat_map(|i| (0..=i).map(move |j| (i, j)));
    for ((i, j), value) in pairs.zip(&mut covariance) {
        let sum: f64 = deviations.iter().map(|levels| levels[i] * levels[j]).sum();
        let own = if i == j { OWN_DB * OWN_DB } else { 0.0 };
        *value = sum / (count - 1.0) + own;
    }
    (mean, covariance)
}

/// Of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or_default()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn list(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
    format!("[{}]", values.join(", "))
}
