//! The spectra of intact music, from which the table of tone is made.

use std::path::PathBuf;

use super::corpus::intact_of;

/// Writes one line of 1/3-octave levels for each intact track below `folders`.
pub(super) fn write(folders: &[PathBuf]) {
    for track in intact_of(folders) {
        let Some(detail) = &track.report.detail else {
            continue;
        };
        let levels: Vec<String> = detail
            .spectrum
            .third_octave
            .iter()
            .map(|band| format!("{:.1}:{:.2}", band.hz, band.db.unwrap_or(-120.0)))
            .collect();
        println!("{}\t{}\t{}", track.name, track.is_tuning, levels.join(" "));
    }
}
