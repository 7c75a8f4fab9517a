//! Whether a file is a mix or a master, by several indicators none of which decides alone.
//!
//! Judging a finished master as a mix is the worst error that a tool like this can make. Each leans from −1 (mix)
//! to 1 (master) along a straight line between two values; the weighted sum goes through the logistic function. The
//! file's name is none: the same bytes have the same verdict.

use model::verdict::{Indicator, Stage, StageDetection, Unit};

use super::ReportView;
use super::report_view::share_percent;

struct IndicatorRule {
    title: &'static str,
    unit: Unit,
    weight: f64,
    /// The value that is typical of a mix, and of a master.
    mix: f64,
    master: f64,
    measure: fn(&ReportView<'_>) -> Option<f64>,
}

const INDICATORS: [IndicatorRule; 6] = [
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
        weight: 1.2,
        mix: -5.0,
        master: -0.8,
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
        title: "Seconds within 0.5 dB of the highest peak",
        unit: Unit::Percent,
        weight: 1.0,
        mix: 4.0,
        master: 45.0,
        measure: |view| flat_top_percent(view),
    },
    IndicatorRule {
        title: "Bits per sample",
        unit: Unit::Bits,
        weight: 0.3,
        mix: 32.0,
        master: 16.0,
        measure: |view| view.report.file.bits_per_sample.map(f64::from),
    },
];

/// The share of seconds whose true peak is within 0.5 dB of the highest one: a limiter leaves many of them.
pub(super) fn flat_top_percent(view: &ReportView<'_>) -> Option<f64> {
    let highest = view.true_peak()?;
    share_percent(&view.detail()?.peaks.true_peak_dbtp, |peak| peak > highest - 0.5)
}

pub(super) fn detect(view: &ReportView<'_>) -> StageDetection {
    let mut sum = 0.0;
    let mut indicators = Vec::with_capacity(INDICATORS.len());
    for rule in &INDICATORS {
        let Some(value) = (rule.measure)(view) else {
            continue;
        };
        let toward_master = (2.0 * (value - rule.mix) / (rule.master - rule.mix) - 1.0).clamp(-1.0, 1.0);
        sum += rule.weight * toward_master;
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
