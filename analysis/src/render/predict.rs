//! What the report of the result will say, from the report of the source alone: no audio, so that a page can answer each switch.
//!
//! What follows from levels of bands, pairs of channels and lists of faults is computed; what depends on the waveform (peaks
//! behind a filter, the work of a limiter) is estimated. The measured proof stands beside it.

mod filter;
mod peaks;
mod stereo;

use model::Report;
use model::report::{Reading, Series};
use model::verdict::{ScoreBreakdown, Stage};

use super::chain::filter_sections;
use super::proof::{Judged, Made, without_defects};
use super::recipe::{Levels, Recipe, Step, StepKind};
use crate::dsp::{amplitude_db, db_to_amplitude};

/// What is expected of a render.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// The report of the result.
    pub report: Report,
    /// The gain that target and peaks leave, in dB.
    pub gain_db: f64,
    /// The most that the limiter takes off, in dB; 0 without one.
    limiting_db: f64,
}

impl Prediction {
    /// The score breakdown of the result of `recipe`, made of `source`.
    #[must_use]
    pub fn breakdown(&self, source: &Report, stage: Stage, recipe: &Recipe) -> ScoreBreakdown {
        self.judged(stage, &Judged::source(source, stage), recipe)
            .breakdown
    }

    pub(super) fn judged(&self, stage: Stage, source: &Judged<'_>, recipe: &Recipe) -> Judged<'_> {
        let made = Made {
            steps: &recipe.steps,
            limiting_db: self.limiting_db,
            uncovered: &[],
        };
        Judged::result(&self.report, stage, source, made)
    }
}

/// The report that the result of `recipe` is expected to have, where `report` is that of the source.
#[must_use]
pub fn predict(report: &Report, recipe: &Recipe) -> Prediction {
    let mut predicted = report.clone();
    let (mut gain_db, mut limiting_db) = (0.0, 0.0);
    let rate = f64::from(report.file.sample_rate_hz);
    let is_stereo = report.file.channels == 2;
    for step in &recipe.steps {
        if step.is_stereo_only() && !is_stereo {
            continue;
        }
        match step {
            Step::Repair { places } => predicted = without_defects(&predicted, places),
            Step::Offset { amounts } => remove_offset(&mut predicted, amounts),
            Step::HighPass { .. } | Step::Notch { .. } | Step::Equalise(_) => {
                let sections = filter_sections(step, rate);
                let response = |hz: f64| -> f64 {
                    let powers = sections.iter().map(|section| section.power(hz, rate));
                    crate::dsp::power_db(powers.product::<f64>().max(1e-12))
                };
                filter::apply(&mut predicted, &response);
                filter::quality(&mut predicted, step, &response);
            }
            Step::Polarity { passages, .. } => stereo::turn_over(&mut predicted, passages),
            Step::Balance { db } => stereo::balance(&mut predicted, *db),
            Step::Delay { ms, .. } => stereo::align(&mut predicted, *ms),
            Step::LowMono { hz } => stereo::low_mono(&mut predicted, *hz),
            Step::Width { side_db } => stereo::width(&mut predicted, *side_db),
            Step::Gain { db, highest_dbtp } => {
                gain_db = match recipe.levels {
                    Levels::AsWritten => *db,
                    Levels::Adjusted => adjusted_gain(report, &predicted, recipe, *highest_dbtp),
                };
                peaks::gain(&mut predicted, gain_db);
            }
            Step::Limit { aim_dbtp, .. } => limiting_db = peaks::limit(&mut predicted, *aim_dbtp),
            Step::Trim(kept) => trim(&mut predicted, kept.start_s, kept.end_s),
        }
    }
    predicted.digest = None;
    Prediction {
        report: predicted,
        gain_db,
        limiting_db,
    }
}

/// What brings `predicted` to the target, as far as limiter or peaks let it.
fn adjusted_gain(source: &Report, predicted: &Report, recipe: &Recipe, highest_dbtp: Option<f64>) -> f64 {
    let wanted = recipe.target.lufs().or(source.loudness.integrated_lufs.value());
    let missing = wanted
        .zip(predicted.loudness.integrated_lufs.value())
        .map_or(0.0, |(wanted, is)| wanted - is);
    let Some(peak) = predicted.peaks.true_peak_dbtp.value() else {
        return missing;
    };
    let limit = recipe.steps.iter().find_map(|step| match step {
        Step::Limit {
            aim_dbtp, most_db, ..
        } => Some(aim_dbtp + most_db),
        _ => None,
    });
    match limit.or(highest_dbtp) {
        Some(highest) => missing.min(highest - peak),
        None => missing,
    }
}

fn remove_offset(report: &mut Report, amounts: &[f64]) {
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    let (mut before, mut after) = (0.0, 0.0);
    for (channel, amount) in detail.peaks.channels.iter_mut().zip(amounts) {
        let Some(offset) = channel.dc.value() else {
            continue;
        };
        channel.dc = Reading::new(offset - amount);
        if let Some(rms) = channel.rms_dbfs.value() {
            let power = db_to_amplitude(rms) * db_to_amplitude(rms);
            let left = (power - offset * offset + (offset - amount) * (offset - amount)).max(1e-12);
            before += power;
            after += left;
            channel.rms_dbfs = Reading::new(amplitude_db(left.sqrt()));
        }
    }
    if before > 0.0 && after > 0.0 {
        // The peak on the offset's side is not known to be the highest one.
        shift(
            &mut report.dynamics.crest_db,
            crate::dsp::power_db(before / after),
        );
    }
}

fn trim(report: &mut Report, start_s: f64, end_s: f64) {
    let tail_s = (report.file.duration_s - end_s).max(0.0);
    report.file.duration_s = (report.file.duration_s - start_s - tail_s).max(0.0);
    report.file.frames = (report.file.duration_s * f64::from(report.file.sample_rate_hz)).round() as u64;
    if let Some(detail) = report.detail.as_mut() {
        let quality = &mut detail.quality;
        quality.head_silence_s = (quality.head_silence_s - start_s).max(0.0);
        quality.tail_silence_s = (quality.tail_silence_s - tail_s).max(0.0);
        quality.head_zeros_s = (quality.head_zeros_s - start_s).max(0.0);
        quality.tail_zeros_s = (quality.tail_zeros_s - tail_s).max(0.0);
    }
}

/// Adds `by` to a reading that has a value.
fn shift(reading: &mut Reading, by: f64) {
    if let Some(value) = reading.value() {
        *reading = Reading::new(value + by);
    }
}

/// Adds `by` to each value.
fn shift_series(series: &mut Series, by: f64) {
    for value in series.values.iter_mut().flatten() {
        *value += by as f32;
    }
}

/// Whether a recipe has a step of `kind`.
pub(super) fn has(recipe: &Recipe, kind: StepKind) -> bool {
    recipe.steps.iter().any(|step| step.kind() == kind)
}
