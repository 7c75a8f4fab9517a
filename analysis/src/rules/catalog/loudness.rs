//! How loud, and how evenly. All taste: loudness is information about playback, never a target to fail.

use model::verdict::{Area, Class, Confidence, Operation, ShelfSide, TimeRange, Unit};

use super::super::report_view::{quantile, stretches};
use super::{CheckText, Criterion, Measurement, OUR_CORPUS, ReportView, Rule, Strength};
use crate::dsp::{db_to_power, power_db};

const COMMON: Rule = Rule {
    area: Area::Loudness,
    class: Class::Taste,
    ..Rule::COMMON
};

/// The shortest passage that is looked for, in seconds.
const PASSAGE_S: f64 = 5.0;
/// The window of short-term loudness, in seconds.
const SHORT_TERM_S: f64 = 3.0;
/// What is around a passage, in seconds on either side, past what belongs to its edges.
const AROUND_S: usize = 6;
/// A gain lifts all bands alike; other instruments lift some of them. How far bands are from their median on average: up to the first
/// a passage counts whole, from the second on without this part of it, in dB.
const ALIKE_DB: f64 = 2.0;
const UNLIKE_DB: f64 = 5.0;
const STYLE_SHARE: f64 = 0.7;
/// Bands below this say nothing, in dB, and so many must say something.
const FAINTEST_DB: f64 = -80.0;
const FEWEST_BANDS: usize = 4;
/// What a passage costs by what it stands above the rest beyond the range, in LU.
const BURSTING: &[(f64, f64)] = &[(0.5, 1.0), (1.5, 4.5), (4.0, 16.0), (8.0, 34.0), (12.0, 45.0)];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "loudness.level",
        title: "Integrated loudness",
        unit: Unit::Lufs,
        why: "Services turn down what is louder than their reference, so loudness beyond it buys nothing there and costs peaks; far below it, listeners with volume matching off reach for the knob. A mix that is this loud leaves the mastering no room.",
        method: "Integrated loudness by ITU-R BS.1770-5, gated.",
        source: "AES TD1008 (−16 for a track, −14 for the loudest of an album) and common practice of loud genres; 18 chart masters of 2025 all lie louder than −14, which is why this costs little",
        mix: Criterion::between(-32.0, -13.0, 0.4, 3.0),
        master: Criterion::between(-18.0, -6.5, 0.5, 3.0),
        tolerance: 0.2,
        high: CheckText::new(
            "Very loud",
            "Take about {excess} off: lower the master fader before anything that limits.",
        ),
        low: CheckText::new(
            "Quiet",
            "Raise the level by about {excess}; check that the peaks still fit.",
        ),
        strength: Strength::new(
            4.0,
            "The level, {value}, is in the middle of what is usual at this stage.",
        ),
        measure: |view| Measurement::new(view.integrated()?),
        correct: Some(|_, _, excess| Some(Operation::Gain { db: -excess })),
        ..COMMON
    },
    Rule {
        id: "loudness.range",
        title: "Loudness range",
        unit: Unit::Lu,
        why: "With a very small range the song has one level from start to end and the chorus cannot lift; with a very large one, the quiet parts are lost in a car or a kitchen.",
        method: "LRA by EBU Tech 3342: the 95th less the 10th percentile of short-term loudness, gated at −20 LU.",
        source: OUR_CORPUS,
        mix: Criterion::between(2.0, 18.0, 0.6, 2.5),
        master: Criterion::between(1.5, 16.0, 0.6, 2.5),
        tolerance: 0.2,
        high: CheckText::new(
            "Quiet and loud parts are far apart",
            "Ride the quiet parts up by a few dB (clip gain or automation) before any compressor; {excess} is enough.",
        ),
        low: CheckText::new(
            "The level hardly moves",
            "Let the verse drop or the chorus rise by 1 to 2 dB on the mix bus or in the arrangement.",
        ),
        strength: Strength::new(
            1.0,
            "Quiet and loud parts keep a distance of {value}, which works on small speakers.",
        ),
        // Tech 3342: not stable below a minute.
        measure: |view| {
            view.report
                .loudness
                .range_is_stable
                .then_some(())
                .and_then(|()| Measurement::new(view.report.loudness.range_lu.value()?))
        },
        ..COMMON
    },
    Rule {
        id: "loudness.burst",
        title: "Loudest moment over the whole",
        unit: Unit::Lu,
        confidence: Confidence::Heuristic,
        why: "One passage that stands far above the rest decides how far everything can be turned up.",
        method: "The short-term loudness that 5 s of the song exceed, less the one that a quarter of it exceeds. Where the seven bands of the passage stand above what is around it by unlike levels, 2 dB apart and more, others play there, and it counts less: 0.3 of it from 5 dB on.",
        source: "Songs come to a height that they keep or come back to: nine tenths of 174 tracks stay within 1.9 LU, half of them within 0.7",
        class: Class::Risk,
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, BURSTING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, BURSTING)),
        tolerance: 0.1,
        high: CheckText::new(
            "One passage is much louder than the rest",
            "Go to the place and bring that passage down by about {value} with automation, to where the rest has its height.",
        ),
        measure: |view| {
            let series = &view.report.loudness.short_term_lufs;
            let seconds = series.values.len() as f64 * series.step_s;
            (seconds >= 20.0).then_some(())?;
            let usual = quantile(series, 0.75)?;
            let above = (quantile(series, 1.0 - PASSAGE_S / seconds)? - usual).max(0.0);
            let passages = stretches(series, SHORT_TERM_S, |lufs| lufs - (usual + 0.5 * above));
            let longest = passages
                .iter()
                .max_by(|a, b| (a.end_s - a.start_s).total_cmp(&(b.end_s - b.start_s)));
            let unlike_db = longest
                .and_then(|passage| unlikeness_db(view, passage))
                .unwrap_or(0.0);
            let style = ((unlike_db - ALIKE_DB) / (UNLIKE_DB - ALIKE_DB)).clamp(0.0, 1.0);
            Some(Measurement::new(above * (1.0 - STYLE_SHARE * style))?.at(passages))
        },
        ..COMMON
    },
    Rule {
        id: "loudness.inaudible",
        title: "Loudness from above 16 kHz",
        unit: Unit::Lu,
        class: Class::Risk,
        why: "The loudness meter hears ultrasonic content that people do not: services turn the song down for energy nobody hears.",
        method: "Integrated loudness less that of the same signal without what lies above 16 kHz.",
        source: "The K-weighting of BS.1770 has no upper limit; music stays below 0.1 LU",
        mix: Criterion::at_most(0.2, 3.0, 3.0),
        master: Criterion::at_most(0.2, 4.0, 4.0),
        tolerance: 0.05,
        high: CheckText::new(
            "Inaudible highs count as loudness",
            "Look above 16 kHz for a whistle, a noisy plug-in or aliasing and low-pass it; it costs {value} of loudness.",
        ),
        measure: |view| Measurement::new(view.integrated()? - view.detail()?.loudness.audible_lufs.value()?),
        correct: Some(|_, _, _| {
            Some(Operation::Shelf {
                hz: 16_000.0,
                db: -12.0,
                side: ShelfSide::High,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "loudness.sections",
        title: "Difference between parts",
        unit: Unit::Lu,
        confidence: Confidence::Heuristic,
        why: "Where every part is equally loud, nothing feels like an arrival.",
        method: "Loudest less quietest part by integrated loudness, where at least four parts of 8 s differ in sound.",
        source: OUR_CORPUS,
        mix: Criterion::at_least(1.2, 1.2, 1.5),
        master: Criterion::at_least(0.8, 1.2, 1.0),
        tolerance: 0.1,
        low: CheckText::new(
            "All parts are equally loud",
            "Lower the verse, or the bus before the chorus, by about {excess}.",
        ),
        strength: Strength::new(1.0, "The parts of the song differ by {value}: it has an arc."),
        measure: |view| {
            let mut parts: Vec<(f64, TimeRange)> = view
                .detail()?
                .sections
                .iter()
                .filter(|part| part.end_s - part.start_s >= 8.0)
                .filter_map(|part| {
                    let range = TimeRange {
                        start_s: part.start_s,
                        end_s: part.end_s,
                        channel: None,
                    };
                    Some((part.integrated_lufs.value()?, range))
                })
                .collect();
            if parts.len() < 4 {
                return None;
            }
            parts.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (quietest, loudest) = (parts.first()?, parts.last()?);
            Measurement::new(loudest.0 - quietest.0)
        },
        ..COMMON
    },
];

/// How unlike the levels are by which the seven bands of `passage` stand above what is around it: their mean distance from their
/// median, in dB.
fn unlikeness_db(view: &ReportView<'_>, passage: &TimeRange) -> Option<f64> {
    let bands = &view.detail()?.spectrum.bands_over_time_db;
    // The windows of short-term loudness reach over either edge by half of their length.
    let start = (passage.start_s + SHORT_TERM_S / 2.0).ceil() as usize;
    let end = (passage.end_s - SHORT_TERM_S / 2.0).floor() as usize;
    (end > start).then_some(())?;
    let mean_db = |values: &[Option<f32>]| {
        let powers = values.iter().flatten().map(|&db| db_to_power(f64::from(db)));
        let count = powers.clone().count();
        (count > 0).then(|| power_db(powers.sum::<f64>() / count as f64))
    };
    let mut lifts: Vec<f64> = bands
        .iter()
        .filter_map(|band| {
            let values = &band.values;
            let piece = |from: usize, to: usize| values.get(from.min(values.len())..to.min(values.len()));
            let inside = mean_db(piece(start, end)?)?;
            let around = [
                piece(start.saturating_sub(AROUND_S + 1), start.saturating_sub(1))?,
                piece(end + 1, end + 1 + AROUND_S)?,
            ];
            let around = mean_db(&around.concat())?;
            (inside.max(around) > FAINTEST_DB).then_some(inside - around)
        })
        .collect();
    (lifts.len() >= FEWEST_BANDS).then_some(())?;
    lifts.sort_by(f64::total_cmp);
    let middle = lifts[lifts.len() / 2];
    Some(lifts.iter().map(|lift| (lift - middle).abs()).sum::<f64>() / lifts.len() as f64)
}
