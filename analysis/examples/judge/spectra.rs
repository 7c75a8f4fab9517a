//! The table of typical spectra, made from the intact tracks of the tuning half.

use std::path::PathBuf;

use analysis::rules::typical_spectrum::{BANDS, FIRST_BAND, REGIONS, heights_db};

use super::corpus::intact_of;

type Levels = [f64; BANDS];

/// Deviations count up to so many times the spread of their band: a track without bass must not shape the table.
const MOST_SPREADS: f64 = 2.5;
/// What bands differ by that no other band tells, in dB.
const OWN_DB: f64 = 2.0;

/// Writes `analysis/src/rules/typical_spectrum/table.rs`.
pub(super) fn write(folders: &[PathBuf]) {
    let tracks: Vec<Levels> = intact_of(folders)
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
            let mean = levels[6..19].iter().sum::<f64>() / 13.0;
            Some(levels.map(|level| level - mean))
        })
        .collect();
    let count = tracks.len().max(2) as f64;
    let mut mean = [0.0; BANDS];
    let mut deviations = tracks.clone();
    for band in 0..BANDS {
        let middle = median(tracks.iter().map(|levels| levels[band]).collect());
        let spread = 1.4826
            * median(
                tracks
                    .iter()
                    .map(|levels| (levels[band] - middle).abs())
                    .collect(),
            )
            + 0.5;
        let most = MOST_SPREADS * spread;
        for levels in &mut deviations {
            levels[band] = (levels[band] - middle).clamp(-most, most);
        }
        let rest = deviations.iter().map(|levels| levels[band]).sum::<f64>() / count;
        deviations.iter_mut().for_each(|levels| levels[band] -= rest);
        mean[band] = middle + rest;
    }
    let mut covariance = Vec::new();
    for i in 0..BANDS {
        for j in 0..=i {
            let sum: f64 = deviations.iter().map(|levels| levels[i] * levels[j]).sum();
            let own = if i == j { OWN_DB * OWN_DB } else { 0.0 };
            covariance.push(sum / (count - 1.0) + own);
        }
    }
    println!(
        "//! Written by `cargo run --example judge -- spectra FOLDER…` from {} tracks; no constant here is by hand.\n",
        tracks.len()
    );
    println!("use super::{{BANDS, REGIONS}};\n");
    println!("/// The mean of finished tracks, in dB against the mean from 250 Hz to 4 kHz.");
    println!("pub(super) const MEAN_DB: [f64; BANDS] = {};\n", list(&mean));
    println!("/// The lower triangle of the covariance, in dB², row by row.");
    println!(
        "pub(super) const COVARIANCE: [f64; BANDS * (BANDS + 1) / 2] = {};\n",
        list(&covariance)
    );
    // With the table of the last run; a second run settles it.
    let mut spreads = [0.0; REGIONS];
    for (region, spread) in spreads.iter_mut().enumerate() {
        *spread = 1.4826
            * median(
                tracks
                    .iter()
                    .map(|levels| heights_db(&levels.map(Some))[region].abs())
                    .collect(),
            );
    }
    println!("/// How far the heights of each region spread over the same tracks, in dB.");
    println!("pub(super) const SPREAD_DB: [f64; REGIONS] = {};", list(&spreads));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn list(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
    format!("[{}]", values.join(", "))
}
