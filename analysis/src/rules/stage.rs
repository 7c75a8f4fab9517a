//! Whether a file is a mix or a master, by several indicators none of which decides alone.
//!
//! Judging a finished master as a mix is the worst error that a tool like this can make. Each leans from −1 (mix)
//! to 1 (master) along a straight line between two values; the weighted sum goes through the logistic function. The
//! file's name is none: the same bytes have the same verdict.

use model::verdict::{Indicator, Stage, StageDetection, Unit};

use super::ReportView;
use super::report_view::{quantile, share_percent};

struct IndicatorRule {
    title: &'static str,
    unit: Unit,
    weight: f64,
    /// The value that is typical of a mix, and of a master.
    mix: f64,
    master: f64,
    measure: fn(&ReportView<'_>) -> Option<f64>,
}

/// Clipped runs per minute from which on level and dynamics are those of the clipping, and say little of mastering. How many
/// there are says nothing of it either: a limited master that is driven on clips more often than a mix.
const CLIPPED_PER_MINUTE: f64 = 30.0;

const INDICATORS: [IndicatorRule; 7] = [
    IndicatorRule {
        title: "Integrated loudness",
        unit: Unit::Lufs,
        weight: 1.6,
        mix: -19.0,
        master: -11.0,
        measure: |view| view.integrated(),
    },
    IndicatorRule {
        title: "Headroom: true peak",
        unit: Unit::Dbtp,
        weight: 3.0,
        mix: -3.6,
        master: -1.2,
        measure: |view| view.true_peak(),
    },
    IndicatorRule {
        title: "Peak to loudness ratio",
        unit: Unit::Lu,
        weight: 1.0,
        mix: 17.0,
        master: 10.0,
        measure: |view| view.report.dynamics.plr_lu.value(),
    },
    IndicatorRule {
        title: "PSR in the densest tenth",
        unit: Unit::Lu,
        weight: 0.7,
        mix: 13.0,
        master: 8.0,
        measure: |view| view.detail()?.dynamics.psr_p10_lu.value(),
    },
    IndicatorRule {
        title: "Seconds that peak at one height",
        unit: Unit::Percent,
        weight: 1.0,
        mix: 25.0,
        master: 85.0,
        measure: |view| flat_top_percent(view),
    },
    IndicatorRule {
        title: "Bits per sample",
        unit: Unit::Bits,
        weight: 1.0,
        mix: 32.0,
        master: 16.0,
        measure: |view| view.report.file.bits_per_sample.map(f64::from),
    },
    // No limiter lets a sample pass full scale, whatever else it does.
    IndicatorRule {
        title: "Floating-point samples over full scale",
        unit: Unit::Db,
        weight: 9.0,
        mix: 0.3,
        master: -0.3,
        measure: |view| {
            let peak = view.report.peaks.sample_peak_dbfs.value()?;
            (view.is_float() && peak > 0.0).then_some(peak)
        },
    },
];

/// The share of seconds whose true peak is within 1.5 dB of the height that a tenth of them exceeds: a limiter leaves many
/// of them. One overshoot is not that height, and what a hard-driven one leaves between the samples is within it.
pub(super) fn flat_top_percent(view: &ReportView<'_>) -> Option<f64> {
    let series = &view.detail()?.peaks.true_peak_dbtp;
    let height = quantile(series, 0.9)?;
    share_percent(series, |peak| peak > height - 1.5)
}

/// Clipped runs per minute in the worst channel, at full scale or lowered since.
fn clipped_per_minute(view: &ReportView<'_>) -> Option<f64> {
    let channels = &view.detail()?.peaks.channels;
    let most = channels
        .iter()
        .map(|channel| channel.clips.runs + channel.lowered_clips.runs)
        .max()?;
    Some(most as f64 / view.minutes().max(0.5))
}

/// Whether clipping forges this value: it raises loudness and flattens peaks, as a limiter does.
const fn is_forged_by_clipping(unit: Unit) -> bool {
    matches!(unit, Unit::Lufs | Unit::Dbtp | Unit::Lu | Unit::Percent)
}

pub(super) fn detect(view: &ReportView<'_>) -> StageDetection {
    let trust = (CLIPPED_PER_MINUTE / clipped_per_minute(view).unwrap_or(0.0).max(1.0)).clamp(0.1, 1.0);
    let mut sum = 0.0;
    let mut indicators = Vec::with_capacity(INDICATORS.len());
    for rule in &INDICATORS {
        let Some(value) = (rule.measure)(view) else {
            continue;
        };
        let toward_master = (2.0 * (value - rule.mix) / (rule.master - rule.mix) - 1.0).clamp(-1.0, 1.0);
        let weight = if is_forged_by_clipping(rule.unit) {
            trust * rule.weight
        } else {
            rule.weight
        };
        sum += weight * toward_master;
        indicators.push(Indicator {
            title: rule.title.to_owned(),
            value: (value * 100.0).round() / 100.0,
            unit: rule.unit,
            toward_master: (toward_master * 100.0).round() / 100.0,
        });
    }
    // All at their ends give more than 99 %.
    let master = 1.0 / (1.0 + libm::exp(-sum));
    let (stage, certainty) = if master >= 0.5 {
        (Stage::Master, master)
    } else {
        (Stage::Mix, 1.0 - master)
    };
    StageDetection {
        stage,
        certainty: (certainty * 1_000.0).round() / 1_000.0,
        indicators,
    }
}
