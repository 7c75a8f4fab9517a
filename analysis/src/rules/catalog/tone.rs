//! The balance of frequencies: each region against what the rest of the same spectrum leads one to expect, never toward one
//! line.

use model::verdict::{Area, Class, Confidence, Operation, ShelfSide, TimeRange, Unit};

use super::super::report_view::{quantile, stretches};
use super::super::typical_spectrum::{Region, one_in};
use super::{
    CheckText, Criterion, HEIGHTS, MOST_CHANGE_DB, Measurement, OUR_CORPUS, RARE_HEIGHTS, RARE_SHELF_HEIGHTS,
    ReportView, Rule, SHELF_HEIGHTS, Strength,
};

const TYPICAL_SPECTRUM: &str = "Mean and covariance of 1/3-octave levels of finished tracks (game and film music) that were measured for this rule; about one track in twelve has more; hollows, which are a matter of style more often, cost from further on";

const COMMON: Rule = Rule {
    area: Area::Tone,
    class: Class::Risk,
    confidence: Confidence::Heuristic,
    unit: Unit::Db,
    source: TYPICAL_SPECTRUM,
    tolerance: 0.2,
    most_change: MOST_CHANGE_DB,
    ..Rule::COMMON
};

/// What a resonance costs by its height beyond the range, and a hole by its depth, in dB.
const RINGING: &[(f64, f64)] = &[(1.0, 0.8), (2.0, 2.5), (4.0, 6.5), (6.5, 11.5), (12.0, 20.0)];
const HOLLOW: &[(f64, f64)] = &[(1.0, 1.0), (2.0, 3.5), (4.0, 11.0), (8.0, 26.0)];
/// What treble costs by its energy beyond the range, in dB.
const PIERCING: &[(f64, f64)] = &[(1.0, 0.6), (3.5, 2.5), (6.0, 6.0), (9.0, 14.0), (14.0, 30.0)];

const COMBING: &[(f64, f64)] = &[(0.7, 2.0), (2.0, 8.0), (3.5, 16.0), (5.5, 26.0)];
/// A comb stands so many times out of what is usual.
const CLEAR_COMB: f64 = 5.0;

/// The gentlest equaliser that is worth its phase, in dB.
const MIN_EQ_DB: f64 = 0.5;
/// The strongest equaliser that is offered, in dB.
const MAX_EQ_DB: f64 = 3.0;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "tone.tilt",
        title: "Treble against bass",
        why: "The slope from bass to treble decides whether a song is bright or dark before any single band does.",
        method: "How far all above 3.5 kHz is from what the rest of the spectrum leads one to expect, apart from humps and hollows.",
        mix: Some(Criterion::curved(-6.4, 6.0, RARE_SHELF_HEIGHTS)),
        master: Some(Criterion::curved(-6.4, 6.0, RARE_SHELF_HEIGHTS)),
        high: CheckText::new(
            "Bright overall",
            "Tilt the sum down gently: a high shelf from 3 kHz, by about {change} in all, or more body below 300 Hz.",
        ),
        low: CheckText::new(
            "Dark overall",
            "Tilt the sum up gently: a high shelf from 3 kHz, by about {change} in all, or less below 300 Hz.",
        ),
        strength: Strength::new(
            4.0,
            "The balance from bass to treble is as expected within {value}; one track in ten is off by 9 dB.",
        ),
        measure: |view| height(view, Region::Treble),
        correct: Some(|_, _, excess| {
            Some(Operation::Shelf {
                hz: 3_000.0,
                db: correction(excess)?,
                side: ShelfSide::High,
            })
        }),
        covered_by: Some("tone.treble_energy"),
        ..COMMON
    },
    Rule {
        id: "tone.treble_energy",
        title: "Treble against mids",
        why: "Hats, sibilants and air are heard far better than their energy says; where they have as much of it as the body of the song, it hurts on any loudspeaker.",
        method: "The energy of the 1/3-octave bands from 6 to 16.5 kHz against that of all bands from 300 Hz to 4.5 kHz.",
        source: "Of 189 tracks one in fifty lies above −5 dB; how little treble there may be has no such bound",
        class: Class::Risk,
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -4.4, PIERCING).aiming_at(-14.0)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -4.4, PIERCING).aiming_at(-14.0)),
        high: CheckText::new(
            "The treble pierces",
            "Lower hats, cymbals or the air of the voices by about {change} in the mix, the loudest one first; then look for a boost on the sum.",
        ),
        measure: |view| Measurement::new(view.energy_against_mids(6_000.0, 16_500.0, (300.0, 4_500.0))?),
        correct: Some(|_, _, excess| {
            Some(Operation::Shelf {
                hz: 6_000.0,
                db: -excess.clamp(0.0, 3.0),
                side: ShelfSide::High,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "tone.mud",
        title: "200 to 500 Hz",
        why: "Guitars, keys, room and the low voice all live here; too much hides everything else, too little leaves the song thin.",
        method: "How far a hump or a hollow from 200 to 500 Hz is from what all other 1/3-octave bands of the same song lead one to expect.",
        mix: Some(Criterion::curved(-8.6, 7.8, HEIGHTS)),
        master: Some(Criterion::curved(-8.6, 7.8, HEIGHTS)),
        high: CheckText::new(
            "Muddy between 200 and 500 Hz",
            "Take about {change} off around {label} on pads, guitars or the room before the sum.",
        ),
        low: CheckText::new(
            "Thin between 200 and 500 Hz",
            "Give back body around {label}, about {change}: a high-pass somewhere is set too high.",
        ),
        measure: |view| height(view, Region::LowMids),
        correct: Some(|_, measure, excess| bell(measure.hz?, 0.9, excess)),
        ..COMMON
    },
    Rule {
        id: "tone.mids",
        title: "500 Hz to 2 kHz",
        why: "What carries melody and words on a phone. Scooped mids sound impressive alone and vanish elsewhere; too much honks.",
        method: "How far a hump or a hollow from 500 Hz to 2 kHz is from what all other 1/3-octave bands of the same song lead one to expect.",
        mix: Some(Criterion::curved(-7.0, 4.6, RARE_HEIGHTS)),
        master: Some(Criterion::curved(-7.0, 4.6, RARE_HEIGHTS)),
        high: CheckText::new(
            "Honky mids",
            "Take about {change} off around {label} on the loudest midrange part.",
        ),
        low: CheckText::new(
            "Scooped mids",
            "Raise the lead part, or add about {change} around {label}; check on a phone speaker.",
        ),
        measure: |view| height(view, Region::Mids),
        correct: Some(|_, measure, excess| bell(measure.hz?, 0.8, excess)),
        ..COMMON
    },
    Rule {
        id: "tone.harsh",
        title: "2 to 5 kHz",
        why: "The ear is most sensitive here: too much tires within a minute, too little blurs words and attack.",
        method: "How far a hump or a hollow from 2 to 5 kHz is from what all other 1/3-octave bands of the same song lead one to expect.",
        mix: Some(Criterion::curved(-7.0, 4.0, RARE_HEIGHTS)),
        master: Some(Criterion::curved(-7.0, 4.0, RARE_HEIGHTS)),
        high: CheckText::new(
            "Harsh between 2 and 5 kHz",
            "Find the part that bites (guitars, cymbals, voice) and take about {change} off around {label}, dynamically if it is only at times.",
        ),
        low: CheckText::new(
            "Recessed between 2 and 5 kHz",
            "Add about {change} of presence around {label} to the lead.",
        ),
        measure: |view| height(view, Region::HighMids),
        correct: Some(|_, measure, excess| bell(measure.hz?, 0.9, excess)),
        covered_by: Some("tone.tilt"),
        ..COMMON
    },
    Rule {
        id: "tone.sibilance",
        title: "5 to 9 kHz",
        why: "Sibilants and hi-hats. Loud here, the song hisses on earphones and encoders waste bits on it.",
        method: "How far a hump or a hollow from 5 to 9 kHz is from what all other 1/3-octave bands of the same song lead one to expect.",
        mix: Some(Criterion::curved(-5.2, 5.0, HEIGHTS)),
        master: Some(Criterion::curved(-5.2, 5.0, HEIGHTS)),
        high: CheckText::new(
            "Sharp between 5 and 9 kHz",
            "De-ess the voice and lower the hats by about {change}, around {label}, before touching the sum.",
        ),
        low: CheckText::new(
            "Dull between 5 and 9 kHz",
            "Open up voice and cymbals by about {change}, around {label}; if nothing is there to lift, look for a low-pass.",
        ),
        measure: |view| height(view, Region::Sibilants),
        correct: Some(|_, measure, excess| bell(measure.hz?, 0.8, excess)),
        covered_by: Some("tone.tilt"),
        ..COMMON
    },
    Rule {
        id: "tone.air",
        title: "Above 9 kHz",
        why: "Air gives space and detail; without it a song sounds closed, with too much it hisses.",
        method: "How far the level around 12 kHz is from what all other 1/3-octave bands of the same song lead one to expect.",
        mix: Some(Criterion::curved(-7.2, 6.9, SHELF_HEIGHTS)),
        master: Some(Criterion::curved(-7.2, 6.9, SHELF_HEIGHTS)),
        high: CheckText::new(
            "Hissy above 9 kHz",
            "Lower a high shelf from 10 kHz by about {change}, or find the exciter.",
        ),
        low: CheckText::new(
            "Closed above 9 kHz",
            "A high shelf of about {change} from 10 kHz opens it, if there is anything there to lift.",
        ),
        covered_by: Some("tone.tilt"),
        measure: |view| {
            let ends = view.detail()?.quality.cutoff_hz.value();
            let has_air = ends.is_none_or(|hz| hz > 15_000.0) && view.report.file.sample_rate_hz >= 32_000;
            has_air.then_some(())?;
            height(view, Region::Air)
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
        class: Class::Taste,
        mix: Criterion::at_most(26.0, 0.5, 2.0),
        master: Criterion::at_most(26.0, 0.5, 2.0),
        high: CheckText::new(
            "Moments that pierce between 2 and 5 kHz",
            "Use a dynamic band around 3 kHz on the part that jumps out, set so that it works at these places only.",
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
        class: Class::Taste,
        mix: Criterion::at_most(31.0, 0.5, 2.0),
        master: Criterion::at_most(31.0, 0.5, 2.0),
        high: CheckText::new(
            "Sibilants stick out",
            "De-ess the voice around 7 kHz at these places; if it is a hi-hat, lower its close microphone.",
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
        method: "How far a 1/6-octave band from 300 Hz to 8 kHz stands above the mean of its neighbours a third to five sixths of an octave away (the least of what it does on average, half of the time and nine tenths of the time), less half of what the next one elsewhere does: notes stand out in many places.",
        source: OUR_CORPUS,
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 5.2, RINGING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 5.2, RINGING)),
        high: CheckText::new(
            "A resonance",
            "Sweep a narrow band around {label} and cut on the instrument that rings, until it no longer stands out; it stands out by {value} more than any other, nearly all of the time.",
        ),
        measure: |view| {
            view.detail()?;
            let (hz, height) = view.most_lasting_peak(300.0, 8_000.0)?;
            Some(Measurement::new(height)?.near(hz))
        },
        correct: Some(|_, measure, excess| bell(measure.hz?, 4.0, excess)),
        ..COMMON
    },
    Rule {
        id: "tone.hole",
        title: "A hole in the spectrum",
        why: "A deep narrow dip between intact neighbours is often two tracks cancelling: a copy with a delay, or a phase-flipped microphone.",
        method: "How deep the lowest 1/3 octave from 150 Hz to 6 kHz lies below both of its neighbours: the mean of how deep it is on average and of the least that it is at the levels exceeded 1, 10, 50 and 90 % of the time. Notes that are not played leave holes as well, but not at all levels.",
        source: OUR_CORPUS,
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 3.4, HOLLOW)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 3.4, HOLLOW)),
        high: CheckText::new(
            "A hole",
            "Mute tracks one by one and listen to {label}: if it comes back, check that track's phase and delay. Do not boost it on the sum.",
        ),
        measure: |view| {
            let (hz, depth) = view.most_lasting_dip(150.0, 6_000.0)?;
            Some(Measurement::new(depth)?.near(hz))
        },
        covered_by: Some("tone.comb"),
        ..COMMON
    },
    Rule {
        id: "tone.comb",
        title: "A copy of everything",
        why: "A sum that is mixed with a late copy of itself, from a second routing, a monitor path or a plug-in without delay compensation, sounds hollow and metallic.",
        method: "The strongest ripple at equal distances in hertz, from 300 Hz to 9 kHz, of the levels that half of the time exceeds, where it is five times what is usual at similar distances: how far it goes up and down. A copy that is later by 1.5 to 40 ms makes one.",
        source: "Six of 181 finished tracks have such a ripple of more than 2.8 dB; a copy with 0.7 of the level makes 6, one with 0.3 makes 2.5 to 3",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 2.8, COMBING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 2.8, COMBING)),
        tolerance: 0.1,
        high: CheckText::new(
            "A comb filter over everything",
            "Look for a second path of the whole mix that arrives {label} late: a send back to the bus, a doubled track, direct monitoring in the recording. Mute it rather than moving it.",
        ),
        measure: |view| {
            let comb = view.detail()?.quality.comb?;
            let is_clear = comb.clearness >= CLEAR_COMB;
            let mut measurement = Measurement::new(if is_clear { comb.ripple_db } else { 0.0 })?;
            measurement.label = Some(format!("{} ms", model::text::number(comb.delay_ms, 1)));
            Some(measurement)
        },
        ..COMMON
    },
    Rule {
        id: "tone.uneven",
        title: "Evenness around the tilt",
        why: "Even when every region is usual, jumps from band to band make a song sound like a telephone, a room or a resonance.",
        method: "The median distance of 1/3-octave levels from their tilt line, 100 Hz to 10 kHz.",
        source: OUR_CORPUS,
        class: Class::Taste,
        mix: Criterion::at_most(6.5, 0.7, 2.0),
        master: Criterion::at_most(6.5, 0.7, 2.0),
        high: CheckText::new(
            "Uneven spectrum",
            "Look at the spectrum for its humps and hollows, and treat the parts that make them, not the sum.",
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
        class: Class::Taste,
        mix: Criterion::at_least(9.0, 0.4, 1.5),
        master: Criterion::at_least(9.0, 0.4, 1.5),
        low: CheckText::new(
            "Crowded low mids",
            "Decide which part owns 150 to 500 Hz in each section; high-pass or thin out the others.",
        ),
        measure: |view| Measurement::new(view.mean_span(150.0, 500.0, |band| Some(band.l10? - band.l90?))?),
        ..COMMON
    },
];

/// How far a region is from what the rest of the spectrum leads one to expect.
fn height(view: &ReportView<'_>, region: Region) -> Option<Measurement> {
    let height = view.height(region)?;
    let mut measurement = Measurement::new(height.db)?.near(height.hz);
    if region == Region::Treble {
        measurement.label = measurement.label.map(|edge| format!("above {edge}"));
    }
    measurement.remark = Some(rarity(region, height.db));
    Some(measurement)
}

/// `1 track in 40`.
fn rarity(region: Region, height_db: f64) -> String {
    let one_in = one_in(region, height_db);
    let rounded = if one_in < 10.0 {
        one_in.round()
    } else {
        (one_in / 10.0).round() * 10.0
    };
    if rounded >= 100.0 {
        "less than 1 track in 100".to_owned()
    } else {
        format!("1 track in {}", model::text::number(rounded.max(1.0), 0))
    }
}

/// What an equaliser should do about a deviation of `excess`: back to the edge of the range, at most 3 dB.
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
