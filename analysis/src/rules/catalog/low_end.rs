//! Everything below 150 Hz.

use model::verdict::{Area, Class, Confidence, Operation, ShelfSide, Unit};

use super::super::typical_spectrum::Region;
use super::{
    CheckText, Criterion, MOST_CHANGE_DB, Measurement, OUR_CORPUS, ReportView, Rule, SHELF_HEIGHTS, Strength,
};
use crate::dsp::db_to_power;

const COMMON: Rule = Rule {
    area: Area::LowEnd,
    class: Class::Taste,
    confidence: Confidence::Heuristic,
    unit: Unit::Db,
    source: OUR_CORPUS,
    tolerance: 0.2,
    most_change: MOST_CHANGE_DB,
    ..Rule::COMMON
};

/// A song that lacks so much, in dB, may have no bass at all.
const NO_BASS_DB: f64 = 11.0;
/// Bass that lies further below the rest than this is none, and nothing is held against it.
const BODY_DB: f64 = 6.0;

/// What each rule costs by its distance from the range, in dB.
const DROWNING_BASS: &[(f64, f64)] = &[(0.5, 0.6), (1.5, 1.3), (4.3, 5.0), (7.5, 16.0), (11.5, 32.0)];
const RUMBLING: &[(f64, f64)] = &[(3.0, 2.0), (7.0, 8.0), (12.0, 22.0), (20.0, 38.0)];
const LEANING_BASS: &[(f64, f64)] = &[(4.0, 2.0), (7.0, 5.0), (12.0, 14.0), (20.0, 26.0)];
const WIDE_BASS: &[(f64, f64)] = &[(2.0, 1.0), (5.0, 6.0), (10.0, 18.0), (20.0, 32.0)];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "low_end.share",
        title: "Share of the low end",
        confidence: Confidence::Measured,
        why: "The low end carries most of the energy. Too much eats the headroom and booms in cars; too little has no weight.",
        method: "How far all below 150 Hz is from what the other 1/3-octave bands of the same song lead one to expect; what lacks beyond 11 dB counts half, since some music has no bass.",
        class: Class::Risk,
        mix: Some(Criterion::curved(-8.5, 7.3, SHELF_HEIGHTS)),
        master: Some(Criterion::curved(-8.5, 7.3, SHELF_HEIGHTS)),
        high: CheckText::new(
            "Too much low end",
            "Lower bass or kick by about {change}, or shorten them; a low shelf on the sum is the last resort.",
        ),
        low: CheckText::new(
            "Little low end",
            "Check bass and kick for a high-pass or for phase against each other; then raise them together by about {change}.",
        ),
        strength: Strength::new(
            4.5,
            "The low end has the weight that the rest of the song leads one to expect, within {value}.",
        ),
        covered_by: Some("low_end.energy"),
        measure: |view| {
            // Whole genres have no bass: whether a high-pass took it, or nobody played any, the spectrum does not tell.
            let db = view.height(Region::Low)?.db;
            Measurement::new(if db < -NO_BASS_DB {
                -NO_BASS_DB + 0.5 * (db + NO_BASS_DB)
            } else {
                db
            })
        },
        correct: Some(|_, _, excess| {
            Some(Operation::Shelf {
                hz: 100.0,
                db: -excess.clamp(-3.0, 3.0),
                side: ShelfSide::Low,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "low_end.energy",
        title: "Bass against mids",
        confidence: Confidence::Measured,
        why: "Bass and kick may carry most of the energy, but where they have several times that of all the rest, the limiter hears nothing else, and on small speakers the song is gone.",
        method: "The energy of the 1/3-octave bands below 150 Hz against that of all bands from 180 Hz to 4.5 kHz.",
        source: "Of 189 tracks one in fifty lies above 6 dB, of songs for the dance floor one in six; how little bass there may be has no such bound",
        class: Class::Risk,
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 6.5, DROWNING_BASS).aiming_at(1.5)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 6.5, DROWNING_BASS).aiming_at(1.5)),
        high: CheckText::new(
            "The bass drowns the rest",
            "Lower the loudest of bass and kick by about {change} in the mix, and check it at low volume on small speakers; a low shelf on the sum is the last resort.",
        ),
        measure: |view| Measurement::new(view.energy_against_mids(18.0, 150.0, (180.0, 4_500.0))?),
        correct: Some(|_, _, excess| {
            Some(Operation::Shelf {
                hz: 100.0,
                db: -excess.clamp(0.0, 3.0),
                side: ShelfSide::Low,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "low_end.rumble",
        title: "Below 30 Hz",
        class: Class::Risk,
        confidence: Confidence::Measured,
        why: "Hardly a loudspeaker plays it, every limiter hears it: it costs loudness and moves cones for nothing.",
        method: "Mean 1/3-octave level from 18 to 31 Hz less that from 40 to 100 Hz, or, where there is hardly any bass, less 6 dB below that from 100 Hz to 4 kHz: what lies far below the music costs nothing.",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -4.0, RUMBLING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -4.0, RUMBLING)),
        high: CheckText::new(
            "Rumble below 30 Hz",
            "High-pass at 25 to 30 Hz the channels that do not need it, above all voices, overheads and synthesizers with drift.",
        ),
        strength: Strength::new(
            12.0,
            "Nothing is wasted below 30 Hz: it lies {value} against the bass.",
        ),
        measure: |view| {
            let body = view.level(101.0, 4_100.0)? - BODY_DB;
            let bass = view.level(39.0, 101.0).map_or(body, |bass| bass.max(body));
            Measurement::new(view.level(18.0, 31.0)? - bass)
        },
        correct: Some(|_, _, _| Some(Operation::HighPass { hz: 25.0 })),
        ..COMMON
    },
    Rule {
        id: "low_end.sub",
        title: "Sub against bass",
        why: "Sub without bass disappears on small speakers; it only shakes large ones.",
        method: "The share of 20 to 60 Hz less that of 60 to 200 Hz.",
        mix: Criterion::at_most(5.0, 0.6, 2.0),
        master: Criterion::at_most(4.0, 0.6, 2.0),
        high: CheckText::new(
            "All sub, little bass",
            "Add harmonics to the sub (gentle saturation) or lower it by about {excess}, so that the bass line survives on small speakers.",
        ),
        covered_by: Some("low_end.share"),
        measure: |view| {
            let bands = &view.report.spectrum.bands_db;
            Measurement::new(bands[0].value()? - bands[1].value()?)
        },
        ..COMMON
    },
    Rule {
        id: "low_end.one_note",
        title: "One bass note",
        why: "A single frequency that dominates the bass makes some notes boom and others vanish; often it is the room of the mix.",
        method: "How far the sharpest 1/6-octave band from 35 to 150 Hz stands above the mean of its neighbours a third to five sixths of an octave away.",
        mix: Criterion::at_most(18.0, 0.5, 2.0),
        master: Criterion::at_most(18.0, 0.5, 2.0),
        high: CheckText::new(
            "One bass note dominates",
            "Level the bass with compression or note by note around {label}, and check it on headphones: it may be the room.",
        ),
        measure: |view| {
            view.detail()?;
            let (hz, excess) = view.sharpest_peak(35.0, 150.0)?;
            Some(Measurement::new(excess)?.near(hz))
        },
        correct: Some(|_, measure, excess| {
            Some(Operation::Bell {
                hz: measure.hz?,
                q: 1.4,
                db: -excess.min(3.0),
            })
        }),
        ..COMMON
    },
    Rule {
        id: "low_end.unsteady",
        title: "Steadiness of the bass",
        why: "Bass notes of very different levels make the groove stumble and trigger compressors unevenly.",
        method: "The mean difference between the levels exceeded 10 % and 50 % of the time, 1/6-octave bands from 40 to 120 Hz.",
        mix: Criterion::at_most(30.0, 0.3, 1.5),
        master: Criterion::at_most(30.0, 0.3, 1.5),
        high: CheckText::new(
            "Unsteady bass",
            "Compress the bass with a slow attack, or level the notes by hand; parts without any bass are fine.",
        ),
        measure: |view| Measurement::new(view.mean_span(40.0, 120.0, |band| Some(band.l10? - band.l50?))?),
        ..COMMON
    },
    Rule {
        id: "low_end.width",
        title: "Side below 120 Hz",
        class: Class::Risk,
        confidence: Confidence::Measured,
        why: "Wide bass cancels in mono systems, weakens on large ones, and cannot be cut to vinyl.",
        method: "Side over mid energy of 1/3-octave bands from 20 to 120 Hz: the width that half of them have, by the root of their amplitude. An equaliser does not change it.",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -1.0, WIDE_BASS)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -1.5, WIDE_BASS)),
        covered_by: Some("stereo.band_mono_loss"),
        high: CheckText::new(
            "Wide low end",
            "Make everything below 100 Hz mono: on the bass itself first, with a mid-side high-pass on the sum otherwise.",
        ),
        strength: Strength::new(
            8.0,
            "The low end is in the middle (side {value}): it will hold in mono, in clubs and on vinyl.",
        ),
        measure: |view| {
            // What is hardly there cannot be wide.
            (view.detail()?.spectrum.low_end_share_db.value()? > -25.0).then_some(())?;
            let whole = view.detail()?.stereo.as_ref()?.low_width_db.value()?;
            Measurement::new(usual_width(view).unwrap_or(whole))
        },
        correct: Some(|_, _, _| Some(Operation::MonoBelow { hz: 100.0 })),
        ..COMMON
    },
    Rule {
        id: "low_end.lean",
        title: "Balance of the bass",
        class: Class::Risk,
        confidence: Confidence::Measured,
        why: "Bass on one side wastes the other loudspeaker's power and tilts the whole image; a filter or a cut cable in one channel sounds the same.",
        method: "Left over right below 120 Hz, 1/3-octave bands weighted by energy.",
        mix: Some(Criterion::curved(-3.0, 3.0, LEANING_BASS)),
        master: Some(Criterion::curved(-2.5, 2.5, LEANING_BASS)),
        high: CheckText::new(
            "Bass leans left",
            "Centre bass and kick; if they are, look for a stereo effect on them, or for a filter that is on in one channel only.",
        ),
        low: CheckText::new(
            "Bass leans right",
            "Centre bass and kick; if they are, look for a stereo effect on them, or for a filter that is on in one channel only.",
        ),
        covered_by: Some("stereo.balance"),
        measure: |view| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (band, db) in view.stereo_bands(20.0, 120.0) {
                let power = db_to_power(db);
                sum += f64::from(band.balance_db?) * power;
                weights += power;
            }
            Measurement::new(sum / weights)
        },
        ..COMMON
    },
];

/// The side over mid that half of the bands below 120 Hz have, in dB, each weighted by the root of its amplitude.
fn usual_width(view: &ReportView<'_>) -> Option<f64> {
    let mut widths: Vec<(f64, f64)> = view
        .stereo_bands(20.0, 120.0)
        .filter_map(|(band, db)| Some((f64::from(band.width_db?), db_to_power(db / 4.0))))
        .collect();
    widths.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = widths.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    widths.into_iter().find_map(|(width, weight)| {
        sum += weight;
        (sum >= half).then_some(width)
    })
}
