//! A render without one of its steps, to hear what the step does while everything else stays.
//!
//! It is a render of its own and no sum of the render and what the step takes away: the steps behind it, the limiter above all, meet
//! other samples without it.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::time::Duration;

use model::player::LoudnessOverTime;
use serde::{Deserialize, Serialize};

use super::pass;
use super::recipe::{Container, OutputFormat, Recipe, SampleFormat};
use crate::{AnalysisOptions, Error, measure};

/// How loud a render without a step is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bypassed {
    /// In LUFS, where it has a loudness.
    pub integrated_lufs: Option<f64>,
    /// Its loudness over time.
    pub loudness: LoudnessOverTime,
    /// Its highest sample in dBFS; above 0 where the step was what kept it below. `None` of silence.
    pub sample_peak_dbfs: Option<f64>,
}

/// Writes `source` by `recipe`, all of whose amounts are adjusted, without the step at `index` to `output`, as a WAV in floating
/// point, so that nothing clips where the step was the limiter. It lies beside the render sample by sample, unless the step is a trim.
///
/// # Errors
/// As [`measure`](crate::measure()).
pub fn bypass(source: &File, recipe: &Recipe, index: usize, output: &File) -> Result<Bypassed, Error> {
    let recipe = Recipe {
        output: OutputFormat {
            container: Container::Wav,
            samples: SampleFormat::Float32,
        },
        ..recipe.without(index)
    };
    // Whatever was rendered was short enough.
    let longest = Duration::MAX;
    let passed = pass::write(source, &recipe, 0, longest, None, output, &mut |_| {})?;
    let mut written = output.try_clone().map_err(Error::Io)?;
    written.seek(SeekFrom::Start(0)).map_err(Error::Io)?;
    let options = AnalysisOptions {
        max_duration: longest,
        ..AnalysisOptions::default()
    };
    let report = measure(written, &options, &mut |_| {})?;
    Ok(Bypassed {
        integrated_lufs: report.loudness.integrated_lufs.value(),
        loudness: LoudnessOverTime::of_blocks(&passed.levels.blocks_lufs, &report.loudness.short_term_lufs),
        sample_peak_dbfs: report.peaks.sample_peak_dbfs.value(),
    })
}
