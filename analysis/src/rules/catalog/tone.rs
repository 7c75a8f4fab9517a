//! The balance of frequencies, against a tolerance band and never toward one line.

use model::verdict::{Area, Class, Confidence, Operation, ShelfSide, TimeRange, Unit};

use super::super::report_view::{quantile, stretches};
use super::{CheckText, Criterion, Measurement, OUR_CORPUS, ReportView, Rule, Strength};

const TOLERANCE_BAND: &str = "The corridor of finished music (Elowsson and Friberg, AES 9762, and 188 tracks that were measured); only what lies outside counts";

const COMMON: Rule = Rule {
    area: Area::Tone,
    class: Class::Taste,
    confidence: Confidence::Heuristic,
    unit: Unit::Db,
    source: TOLERANCE_BAND,
    tolerance: 0.2,
    ..Rule::COMMON
};

/// The gentlest equaliser that is worth its phase, in dB.
const MIN_EQ_DB: f64 = 0.5;
/// The strongest equaliser that is offered, in dB.
const MAX_EQ_DB: f64 = 3.0;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "tone.tilt",
        title: "Tilt of the spectrum",
        confidence: Confidence::Measured,
        unit: Unit::DbPerOctave,
        why: "The slope from bass to treble decides whether a song is bright or dark before any single band does.",
        method: "Theil–Sen slope of 1/3-octave levels from 100 Hz to 10 kHz. Pink noise has 0.",
        source: "Pestana et al. (AES 8960): about −2 on 772 number ones; our 92 tracks: −4.8 to −1.5",
        mix: Criterion::between(-5.5, -0.8, 1.2, 3.0),
        master: Criterion::between(-5.0, -1.0, 1.5, 3.5),
        tolerance: 0.1,
        high: CheckText::new(
            "Bright overall",
            "Tilt the sum down gently: a high shelf of −1 to −2 dB from 3 kHz, or more body below 300 Hz.",
        ),
        low: CheckText::new(
            "Dark overall",
            "Tilt the sum up gently: a high shelf of +1 to +2 dB from 3 kHz, or less below 300 Hz.",
        ),
        strength: Strength::new(
            0.8,
            "The balance from bass to treble is in the middle of what is usual.",
        ),
        measure: |view| Measurement::new(view.detail()?.spectrum.tilt_db_per_octave.value()?),
        correct: Some(|_, _, excess| {
            Some(Operation::Shelf {
                hz: 3_000.0,
                db: -(excess * 2.0).clamp(-MAX_EQ_DB, MAX_EQ_DB),
                side: ShelfSide::High,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "tone.mud",
        title: "200 to 500 Hz",
        why: "Guitars, keys, room and the low voice all live here; too much hides everything else, too little leaves the song thin.",
        method: "How far 1/3-octave bands from 200 to 500 Hz lie outside of the corridor, on average.",
        mix: Criterion::between(0.0, 0.0, 1.2, 3.0),
        master: Criterion::between(0.0, 0.0, 1.2, 3.0),
        high: CheckText::new(
            "Muddy between 200 and 500 Hz",
            "Cut 2 to 3 dB around 300 Hz on pads, guitars or the room before the sum; {excess} is too much.",
        ),
        low: CheckText::new(
            "Thin between 200 and 500 Hz",
            "Give back body around 300 Hz: a high-pass somewhere is set too high.",
        ),
        measure: |view| Measurement::new(view.beyond_tolerance_band(195.0, 520.0)?),
        correct: Some(|_, _, excess| bell(320.0, 0.9, excess)),
        ..COMMON
    },
    Rule {
        id: "tone.mids",
        title: "500 Hz to 2 kHz",
        why: "What carries melody and words on a phone. Scooped mids sound impressive alone and vanish elsewhere; too much honks.",
        method: "How far 1/3-octave bands from 500 Hz to 2 kHz lie outside of the corridor, on average.",
        mix: Criterion::between(0.0, 0.0, 1.2, 3.0),
        master: Criterion::between(0.0, 0.0, 1.2, 3.0),
        high: CheckText::new(
            "Honky mids",
            "Cut 1 to 2 dB around 1 kHz on the loudest midrange part.",
        ),
        low: CheckText::new(
            "Scooped mids",
            "Raise the lead part or add 1 to 2 dB around 1 kHz; check on a phone speaker.",
        ),
        measure: |view| Measurement::new(view.beyond_tolerance_band(520.0, 2_050.0)?),
        correct: Some(|_, _, excess| bell(1_000.0, 0.8, excess)),
        ..COMMON
    },
    Rule {
        id: "tone.harsh",
        title: "2 to 5 kHz",
        why: "The ear is most sensitive here: too much tires within a minute, too little blurs words and attack.",
        method: "How far 1/3-octave bands from 2 to 5 kHz lie outside of the corridor, on average.",
        mix: Criterion::between(0.0, 0.0, 1.2, 3.0),
        master: Criterion::between(0.0, 0.0, 1.2, 3.0),
        high: CheckText::new(
            "Harsh between 2 and 5 kHz",
            "Find the part that bites (guitars, cymbals, voice) and take 2 dB off around 3 kHz, dynamically if it is only at times.",
        ),
        low: CheckText::new(
            "Recessed between 2 and 5 kHz",
            "Add presence to the lead around 3 kHz, 1 to 2 dB.",
        ),
        measure: |view| Measurement::new(view.beyond_tolerance_band(2_050.0, 5_100.0)?),
        correct: Some(|_, _, excess| bell(3_200.0, 0.9, excess)),
        covered_by: Some("tone.tilt"),
        ..COMMON
    },
    Rule {
        id: "tone.sibilance",
        title: "5 to 9 kHz",
        why: "Sibilants and hi-hats. Loud here, the song hisses on earphones and encoders waste bits on it.",
        method: "How far 1/3-octave bands from 5 to 9 kHz lie outside of the corridor, on average.",
        mix: Criterion::between(0.0, 0.0, 1.0, 2.5),
        master: Criterion::between(0.0, 0.0, 1.0, 2.5),
        high: CheckText::new(
            "Sharp between 5 and 9 kHz",
            "De-ess the voice and lower the hats by 1 to 2 dB before touching the sum.",
        ),
        low: CheckText::new(
            "Dull between 5 and 9 kHz",
            "Open up voice and cymbals around 7 kHz with a wide boost of 1 to 2 dB.",
        ),
        measure: |view| Measurement::new(view.beyond_tolerance_band(5_100.0, 9_000.0)?),
        correct: Some(|_, _, excess| bell(6_800.0, 0.8, excess)),
        covered_by: Some("tone.tilt"),
        ..COMMON
    },
    Rule {
        id: "tone.air",
        title: "Above 9 kHz",
        why: "Air gives space and detail; without it a song sounds closed, with too much it hisses.",
        method: "How far 1/3-octave bands from 9 to 16 kHz lie outside of the corridor, on average. Not where the file ends below 15 kHz.",
        mix: Criterion::between(0.0, 0.0, 0.7, 2.0),
        master: Criterion::between(0.0, 0.0, 0.7, 2.0),
        high: CheckText::new(
            "Hissy above 9 kHz",
            "Lower a high shelf from 10 kHz by 1 to 2 dB, or find the exciter.",
        ),
        low: CheckText::new(
            "Closed above 9 kHz",
            "A high shelf of +1 to +2 dB from 10 kHz opens it, if there is anything there to lift.",
        ),
        covered_by: Some("tone.tilt"),
        measure: |view| {
            let ends = view.detail()?.quality.cutoff_hz.value();
            let has_air = ends.is_none_or(|hz| hz > 15_000.0) && view.report.file.sample_rate_hz >= 32_000;
            has_air.then_some(())?;
            Measurement::new(view.beyond_tolerance_band(9_000.0, 16_500.0)?)
        },
        correct: Some(|_, _, excess| {
            Some(Operation::Shelf {
                hz: 10_000.0,
                db: correction(excess)?,
                side: ShelfSide::High,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "tone.harsh_moments",
        title: "Harsh moments",
        why: "The average can be fine while single words or hits pierce.",
        method: "The 95th less the 50th percentile over time of the level from 2 to 5 kHz.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(14.0, 0.5, 2.0),
        master: Criterion::at_most(13.5, 0.5, 2.0),
        high: CheckText::new(
            "Moments that pierce between 2 and 5 kHz",
            "Use a dynamic band around 3 kHz on the part that jumps out, with {excess} of range.",
        ),
        measure: |view| {
            let spread = view.detail()?.spectrum.harsh_spread_db.value()?;
            Some(Measurement::new(spread)?.at(loud_moments(view, 4)))
        },
        ..COMMON
    },
    Rule {
        id: "tone.sibilant_moments",
        title: "Sibilant moments",
        why: "An s that is far above its surroundings is heard before the word.",
        method: "The 95th less the 50th percentile over time of the level from 5 to 9 kHz.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(20.0, 0.5, 2.0),
        master: Criterion::at_most(19.5, 0.5, 2.0),
        high: CheckText::new(
            "Sibilants stick out",
            "De-ess the voice around 7 kHz by about {excess}; if it is a hi-hat, lower its close microphone.",
        ),
        measure: |view| {
            let spread = view.detail()?.spectrum.sibilant_spread_db.value()?;
            Some(Measurement::new(spread)?.at(loud_moments(view, 5)))
        },
        ..COMMON
    },
    Rule {
        id: "tone.resonance",
        title: "A single resonance",
        why: "One narrow frequency that rings through the song masks its neighbours and tires.",
        method: "How far the sharpest 1/6-octave band from 150 Hz to 8 kHz stands above the mean of its neighbours a third to five sixths of an octave away.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(10.0, 0.7, 2.5),
        master: Criterion::at_most(9.5, 0.7, 2.5),
        high: CheckText::new(
            "A resonance",
            "Sweep a narrow band around {label} and cut 2 to 3 dB on the instrument that rings; it stands {value} above its neighbours.",
        ),
        measure: |view| {
            view.detail()?;
            let (hz, excess) = view.sharpest_peak(150.0, 8_000.0)?;
            Some(Measurement::new(excess)?.near(hz))
        },
        correct: Some(|_, measure, excess| bell(measure.hz?, 1.4, excess)),
        ..COMMON
    },
    Rule {
        id: "tone.hole",
        title: "A hole in the spectrum",
        why: "A deep narrow dip between intact neighbours is often two tracks cancelling: a copy with a delay, or a phase-flipped microphone.",
        method: "How deep the lowest 1/3-octave band from 150 Hz to 6 kHz lies below both of its neighbours.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(4.5, 0.7, 2.5),
        master: Criterion::at_most(4.5, 0.7, 2.5),
        high: CheckText::new(
            "A hole",
            "Mute tracks one by one and listen to {label}: if it comes back, check that track's phase and delay. Do not boost it on the sum.",
        ),
        measure: |view| {
            let (hz, depth) = view.deepest_dip(150.0, 6_000.0)?;
            Some(Measurement::new(depth)?.near(hz))
        },
        ..COMMON
    },
    Rule {
        id: "tone.uneven",
        title: "Evenness around the tilt",
        why: "Even when every region is usual, jumps from band to band make a song sound like a telephone, a room or a resonance.",
        method: "The median distance of 1/3-octave levels from their tilt line, 100 Hz to 10 kHz.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(5.5, 0.7, 2.0),
        master: Criterion::at_most(5.0, 0.7, 2.0),
        high: CheckText::new(
            "Uneven spectrum",
            "Look at the spectrum for the humps that cross the corridor and treat those parts, not the sum.",
        ),
        covered_by: Some("tone.tilt"),
        measure: |view| Measurement::new(view.detail()?.spectrum.tilt_deviation_db.value()?),
        ..COMMON
    },
    Rule {
        id: "tone.congestion",
        title: "Movement from 150 to 500 Hz",
        why: "Where the low mids never get quieter, parts mask each other: nothing has room to be heard.",
        method: "The mean difference between the levels exceeded 10 % and 90 % of the time, 1/6-octave bands from 150 to 500 Hz.",
        source: OUR_CORPUS,
        mix: Criterion::at_least(14.0, 0.4, 1.5),
        master: Criterion::at_least(13.0, 0.4, 1.5),
        low: CheckText::new(
            "Crowded low mids",
            "Decide which part owns 150 to 500 Hz in each section; high-pass or thin out the others.",
        ),
        measure: |view| Measurement::new(view.mean_span(150.0, 500.0, |band| Some(band.l10? - band.l90?))?),
        ..COMMON
    },
];

/// What an equaliser should do about a deviation of `excess`: back to the edge of the tolerance band, at most 3 dB.
fn correction(excess: f64) -> Option<f64> {
    (excess.abs() >= MIN_EQ_DB).then(|| -excess.clamp(-MAX_EQ_DB, MAX_EQ_DB))
}

/// The loudest moments of one of the seven bands, which is what the report keeps over time.
fn loud_moments(view: &ReportView<'_>, band: usize) -> Vec<TimeRange> {
    view.detail()
        .and_then(|detail| detail.spectrum.bands_over_time_db.get(band))
        .and_then(|series| Some((series, quantile(series, 0.97)?)))
        .map_or_else(Vec::new, |(series, loud)| stretches(series, 1.0, |db| db - loud))
}

fn bell(hz: f64, q: f64, excess: f64) -> Option<Operation> {
    Some(Operation::Bell {
        hz,
        q,
        db: correction(excess)?,
    })
}
