//! Peaks against the body of the sound.

use model::verdict::{Area, Class, Confidence, Unit};

use super::super::report_view::stretches;
use super::super::stage::flat_top_percent;
use super::{CheckText, Criterion, Measurement, OUR_CORPUS, ReportView, Rule, Strength};

/// The span of a value of PSR.
const WINDOW_S: f64 = 3.0;

const COMMON: Rule = Rule {
    area: Area::Dynamics,
    class: Class::Taste,
    ..Rule::COMMON
};

/// What is lacking of four measures, in dB, and what it costs.
const LIMITING_KNOTS: &[(f64, f64)] = &[(0.5, 2.0), (1.0, 6.0), (2.0, 18.0), (4.0, 36.0), (7.0, 52.0)];

/// What rising together costs by its speed beyond the range, in dB per second. Some dance music does it on purpose, and may.
const PUMPING: &[(f64, f64)] = &[(1.2, 0.5), (3.5, 3.0), (8.0, 7.0), (14.0, 11.0), (24.0, 15.0)];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "dynamics.pumping",
        title: "Rising together",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        why: "When all frequencies duck after each hit and swell up again, a compressor on the sum breathes in the wrong places. Some dance music does that on purpose, to some of its parts.",
        method: "By how many decibels per second half of the octaves from 60 Hz to 15 kHz rise at each of four steps of 45 ms in a row, within 0.3 s after three quarters of them fell by 2 dB at once; as the mean over the tenth of the time in which they do so most. Notes begin at once and die away slowly; only a gain falls at once and comes back slowly in all of them.",
        source: "Nineteen in twenty of 197 finished tracks stay below 1.2 dB per second, one in fifty is beyond 2.5; a gain that falls by 6 dB on each beat and comes back within 0.3 s makes 5 in half of them, and one of 12 dB 21",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 1.2, PUMPING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 1.2, PUMPING)),
        tolerance: 0.2,
        high: CheckText::by_stage(
            "It pumps",
            "Bypass what compresses the mix bus and listen to the places named: if the breathing stops, use less of it, a slower attack, or a release that follows the tempo, and keep the kick out of its side chain.",
            "Back off the compressor before the limiter, lengthen its attack or shorten its release, and high-pass its side chain so that the kick does not drive it.",
        ),
        measure: |view| {
            let pumping = view.detail()?.local.as_ref()?.pumping.as_ref()?;
            Some(Measurement::new(pumping.db_per_s)?.at(pumping.most.clone()))
        },
        ..COMMON
    },
    Rule {
        id: "dynamics.over_limited",
        title: "Limiting, by four signs",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        why: "When several measures agree that nothing rises above the body any more, drums have lost their attack, and turning it down on a service leaves it flat and small.",
        method: "The third largest of four shortfalls: PSR in the densest tenth below 12 LU, PLR below 12.5 LU, crest below 14 dB, DR below 10 dB. Three of four must agree.",
        source: "Dynameter's tiers (12 LU: balanced, 8 LU: limited) and the DR scale (below 7: over-compressed), which are conventions; what a master may lack, a mix should still have",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, LIMITING_KNOTS)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 3.0, LIMITING_KNOTS)),
        tolerance: 0.2,
        high: CheckText::by_stage(
            "Over-limited",
            "Export the mix without what flattens the sum: take compressor, clipper and saturation off the mix bus, and leave level and limiting to the mastering.",
            "Back off the limiter (and the compressor before it) by about {excess} of gain reduction, then compare at equal loudness.",
        ),
        covered_by: Some("peaks.clipped"),
        measure: |view| {
            let dynamics = &view.detail()?.dynamics;
            let whole = &view.report.dynamics;
            let mut short = [
                12.0 - dynamics.psr_p10_lu.value()?,
                12.5 - whole.plr_lu.value()?,
                14.0 - whole.crest_db.value()?,
                10.0 - dynamics.dr_db.value()?,
            ];
            short.sort_by(f64::total_cmp);
            Some(Measurement::new(short[1].max(0.0))?.at(dense_ranges(view, 8.0)))
        },
        ..COMMON
    },
    Rule {
        id: "dynamics.psr",
        title: "PSR in the densest tenth",
        unit: Unit::Lu,
        why: "Transients give rhythm its edge. Where peaks hardly rise above the loudness of the same three seconds, they are gone.",
        method: "The peak to short-term loudness ratio that a tenth of the windows stays below.",
        source: "Shepherd et al. (AES 143) and Dynameter: 8 LU is limited, 10 competitive, 12 balanced",
        mix: Criterion::at_least(8.5, 1.0, 3.0),
        master: Criterion::at_least(7.0, 1.0, 3.0),
        tolerance: 0.2,
        low: CheckText::new(
            "Transients are flattened",
            "At the places, lower the threshold less: about {excess} more peak over the body brings the attack back.",
        ),
        strength: Strength::new(
            2.0,
            "Transients keep their edge: even the densest tenth has {value} of peak over the loudness, where limited music has 8.",
        ),
        covered_by: Some("dynamics.over_limited"),
        measure: |view| {
            let psr = view.detail()?.dynamics.psr_p10_lu.value()?;
            Some(Measurement::new(psr)?.at(dense_ranges(view, psr)))
        },
        ..COMMON
    },
    Rule {
        id: "dynamics.plr",
        title: "Peak to loudness ratio",
        unit: Unit::Lu,
        why: "It tells how much of the level is peaks: too little is a squashed song, very much is one whose peaks keep it quiet.",
        method: "True peak less integrated loudness.",
        source: OUR_CORPUS,
        mix: Criterion::between(10.0, 24.0, 0.7, 2.5),
        master: Criterion::between(8.0, 20.0, 0.7, 2.5),
        tolerance: 0.2,
        high: CheckText::new(
            "Peaks far above the body",
            "Catch the highest hits (often kick or snare) with a fast compressor or clipper on their own channel; {excess} is enough.",
        ),
        low: CheckText::by_stage(
            "Little peak over the loudness",
            "Ease compression on the mix bus by about {excess}.",
            "Reduce the gain into the limiter by about {excess}.",
        ),
        covered_by: Some("dynamics.over_limited"),
        measure: |view| Measurement::new(view.report.dynamics.plr_lu.value()?),
        ..COMMON
    },
    Rule {
        id: "dynamics.dr",
        title: "DR",
        unit: Unit::Db,
        why: "The number that forums and catalogues quote; listeners who look for dynamics look at it.",
        method: "DR14 by the Pleasurize Music Foundation, not rounded.",
        source: "The DR scale: below 7 over-compressed, from 14 on dynamic",
        mix: Criterion::at_least(7.5, 0.6, 1.5),
        master: Criterion::at_least(5.5, 0.6, 1.5),
        tolerance: 0.2,
        low: CheckText::new(
            "Low DR",
            "Less limiting on the sum: DR grows with the distance of peaks from the loudest fifth.",
        ),
        covered_by: Some("dynamics.over_limited"),
        measure: |view| Measurement::new(view.detail()?.dynamics.dr_db.value()?),
        ..COMMON
    },
    Rule {
        id: "dynamics.crest",
        title: "Crest factor",
        unit: Unit::Db,
        why: "Close to that of a square wave, the sum is saturated.",
        method: "Sample peak less RMS over all channels.",
        source: OUR_CORPUS,
        mix: Criterion::at_least(10.0, 0.8, 2.0),
        master: Criterion::at_least(8.0, 0.8, 2.0),
        tolerance: 0.2,
        low: CheckText::new(
            "Small crest factor",
            "Ease saturation and compression on the sum by about {excess}.",
        ),
        covered_by: Some("dynamics.over_limited"),
        measure: |view| Measurement::new(view.report.dynamics.crest_db.value()?),
        ..COMMON
    },
    Rule {
        id: "dynamics.bus_limiter",
        title: "Peaks at one height",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Percent,
        why: "When most seconds peak at the same level, a limiter or clipper sits on the mix bus. Mastering cannot take it off.",
        method: "The share of seconds whose true peak is within 1.5 dB of the height that a tenth of them exceeds.",
        source: "Unlimited sums mostly stay below 50 %; limited ones above 80 %",
        mix: Some(Criterion::curved(
            f64::NEG_INFINITY,
            75.0,
            &[(10.0, 3.0), (25.0, 6.0)],
        )),
        master: None,
        tolerance: 2.0,
        covered_by: Some("dynamics.over_limited"),
        high: CheckText::new(
            "A limiter on the mix bus",
            "Export the mix once more without limiter and clipper on the master bus.",
        ),
        strength: Strength::new(
            15.0,
            "The peaks vary freely: {value} of the seconds reach the same height, where a limited sum has 80 % and more.",
        ),
        measure: |view| Measurement::new(flat_top_percent(view)?),
        ..COMMON
    },
    Rule {
        id: "dynamics.crushed_passage",
        title: "The densest passage",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Lu,
        why: "One passage, often the last chorus, drives the limiter much harder than the rest; there it pumps and distorts.",
        method: "The lowest PSR of all windows of 3 s that are at most 20 LU quieter than the whole.",
        source: "Below 6 LU even loud genres distort audibly (our listening; no standard)",
        mix: Criterion::at_least(6.5, 1.0, 2.5),
        master: Criterion::at_least(5.0, 1.0, 2.5),
        tolerance: 0.2,
        low: CheckText::by_stage(
            "One passage is crushed",
            "At the place, lower what drives the mix bus by about {excess}.",
            "At the place, automate the level into the limiter down by about {excess}.",
        ),
        covered_by: Some("dynamics.psr"),
        measure: |view| {
            let psr = &view.detail()?.dynamics.psr_lu;
            // A steady noise alone, in a pause or before the song, is not crushed music.
            let gate = view.integrated()? - 20.0;
            let loud = &view.report.loudness.short_term_lufs;
            let is_music = |time_s: f64| {
                let index = ((time_s - loud.start_s) / loud.step_s).round();
                let level = loud.values.get(index.max(0.0) as usize).copied().flatten();
                level.is_some_and(|level| f64::from(level) > gate)
            };
            let mut series = psr.clone();
            for (index, value) in series.values.iter_mut().enumerate() {
                *value = value.filter(|_| is_music(psr.time_s(index)));
            }
            let series = &series;
            let lowest = series.values.iter().flatten().copied().reduce(f32::min)?;
            let lowest = f64::from(lowest);
            Some(Measurement::new(lowest)?.at(stretches(series, WINDOW_S, |psr| lowest + 0.5 - psr)))
        },
        ..COMMON
    },
];

fn dense_ranges(view: &ReportView<'_>, below_lu: f64) -> Vec<model::verdict::TimeRange> {
    view.detail().map_or_else(Vec::new, |detail| {
        stretches(&detail.dynamics.psr_lu, WINDOW_S, |psr| below_lu - psr)
    })
}
