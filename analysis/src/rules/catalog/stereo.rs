//! Left against right, and the sum to mono. Alarms here are rare: a single number of the whole proves nothing.

use model::report::{LocalFault, LocalFaultKind};
use model::verdict::{Area, Class, Confidence, Operation, TimeRange, Unit};

use super::super::report_view::{quantile, share_percent, stretches};
use super::signal::local_faults;
use super::{CheckText, Criterion, Measurement, OUR_CORPUS, ReportView, Rule, Strength};
use crate::dsp::db_to_amplitude;

/// The span of a value of the stereo series.
const WINDOW_S: f64 = 3.0;

const COMMON: Rule = Rule {
    area: Area::Stereo,
    ..Rule::COMMON
};

/// The seconds that have most of what cancels, and where the rule's places begin, in percent.
const MOST_OPPOSITE: f64 = 0.9;
const OPPOSITE_PERCENT: f64 = 25.0;

/// What each rule costs by its distance from the range, in the rule's unit.
const MISSING: &[(f64, f64)] = &[(8.0, 40.0), (14.0, 62.0), (40.0, 72.0)];
const LEANING: &[(f64, f64)] = &[
    (0.5, 1.5),
    (1.0, 3.5),
    (2.5, 12.0),
    (5.0, 25.0),
    (8.0, 38.0),
    (13.0, 50.0),
];
const LEANING_TREBLE: &[(f64, f64)] = &[(2.0, 2.0), (5.0, 9.0), (9.0, 20.0), (20.0, 32.0)];
const INVERTED: &[(f64, f64)] = &[(0.1, 10.0), (0.25, 30.0), (0.5, 52.0), (0.8, 70.0)];
const CANCELLING: &[(f64, f64)] = &[(1.0, 5.0), (3.0, 18.0), (6.0, 32.0), (12.0, 50.0)];
const OPPOSITE: &[(f64, f64)] = &[(5.0, 3.0), (15.0, 10.0), (35.0, 20.0), (75.0, 34.0)];
const BAND_CANCELLING: &[(f64, f64)] = &[(1.0, 3.0), (3.0, 12.0), (8.0, 26.0), (15.0, 35.0)];
const TOO_WIDE: &[(f64, f64)] = &[(1.0, 1.0), (3.0, 6.0), (7.0, 22.0), (12.0, 36.0)];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "stereo.missing_channel",
        title: "Both channels are there",
        class: Class::Defect,
        unit: Unit::Db,
        why: "A stereo file with signal on one side only is an export or cabling error.",
        method: "The difference between the RMS levels of left and right.",
        source: "No mix leans by more than 15 dB on purpose from start to end",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 15.0, MISSING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 15.0, MISSING)),
        tolerance: 0.5,
        high: CheckText::new(
            "A channel is missing",
            "Only one side carries sound ({label} is empty). Check the routing of the export and the panning of the sum.",
        ),
        measure: |view| {
            view.is_stereo().then_some(())?;
            let channels = &view.detail()?.peaks.channels;
            // A channel without any signal counts as −120 dBFS.
            let level = |index: usize| channels[index].rms_dbfs.value().unwrap_or(-120.0);
            let difference = level(0) - level(1);
            let weaker = u16::from(difference > 0.0);
            Some(Measurement::new(difference.abs())?.in_channel(weaker, 2))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.balance",
        title: "Balance",
        class: Class::Risk,
        unit: Unit::Db,
        why: "A sum that leans pulls the voice off the centre, and the limiter works on one side only.",
        method: "Left over right: the lean that six of ten 1/3-octave bands from 100 Hz to 10 kHz share, as a gain gives it to all, or what the whole leans beyond 3 dB. A part that is panned leans in its own bands.",
        source: "19 of 20 of 122 tracks stay within 1.1 dB, while as a whole one in five leans by more than that",
        mix: Some(Criterion::curved(-1.2, 1.2, LEANING)),
        master: Some(Criterion::curved(-1.0, 1.0, LEANING)),
        tolerance: 0.1,
        high: CheckText::new(
            "Leans left",
            "Pan or level the loudest hard-panned part; if everything leans, turn the left channel down by {change}.",
        ),
        low: CheckText::new(
            "Leans right",
            "Pan or level the loudest hard-panned part; if everything leans, turn the right channel down by {change}.",
        ),
        strength: Strength::new(
            0.9,
            "Left and right are in balance: all bands lean by {value} together.",
        ),
        covered_by: Some("stereo.missing_channel"),
        measure: |view| Measurement::new(common_lean(view)?),
        correct: Some(|_, _, excess| {
            Some(Operation::Balance {
                db: -excess.clamp(-1.5, 1.5),
            })
        }),
        ..COMMON
    },
    Rule {
        id: "stereo.inverted",
        title: "Polarity of the channels",
        class: Class::Defect,
        unit: Unit::Correlation,
        why: "With one channel upside down the song has no centre, and in mono it is all but gone.",
        method: "Pearson correlation of left and right over the whole file.",
        source: "No mix is this far below 0 from start to end on purpose (the lowest of 92 tracks has −0.24)",
        mix: Some(Criterion::curved(-0.2, f64::INFINITY, INVERTED)),
        master: Some(Criterion::curved(-0.2, f64::INFINITY, INVERTED)),
        tolerance: 0.01,
        low: CheckText::new(
            "One channel has inverted polarity",
            "Flip the polarity of one channel, or find the stereo track whose cable or plug-in does it.",
        ),
        covered_by: Some("stereo.missing_channel"),
        measure: |view| Measurement::new(view.report.stereo.correlation.value()?),
        ..COMMON
    },
    Rule {
        id: "stereo.mono_loss",
        title: "Loss in mono",
        class: Class::Defect,
        unit: Unit::Lu,
        why: "Phones, clubs, shops and many Bluetooth speakers play mono. What cancels there is not heard at all.",
        method: "The change of integrated loudness when left and right are summed (BS.1770-5).",
        source: "Uncorrelated channels lose 3 LU; more than 4 means that something cancels (95 % of 92 tracks lose less than 3)",
        mix: Some(Criterion::curved(-3.8, f64::INFINITY, CANCELLING)),
        master: Some(Criterion::curved(-3.8, f64::INFINITY, CANCELLING)),
        tolerance: 0.1,
        low: CheckText::new(
            "Cancels in mono",
            "Listen in mono at the places: find the widened or doubled part that vanishes, and narrow or re-time it.",
        ),
        strength: Strength::new(
            2.5,
            "It holds together in mono: summing changes the loudness by {value}, where 3 LU is usual for wide mixes.",
        ),
        covered_by: Some("stereo.inverted"),
        measure: |view| {
            Some(Measurement::new(view.report.stereo.mono_change_lu.value()?)?.at(worst_ranges(view)))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.band_mono_loss",
        title: "Loss in mono, per band",
        class: Class::Defect,
        confidence: Confidence::Heuristic,
        unit: Unit::Db,
        why: "The whole may survive mono while one instrument disappears.",
        method: "The worst 1/3-octave band from 60 Hz to 12 kHz: its loss beyond 4 dB, weighted by its level against the loudest band and by the share of its energy in moments of negative correlation.",
        source: "90 % of 92 tracks have less than 0.3 dB",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 1.7, BAND_CANCELLING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 1.7, BAND_CANCELLING)),
        tolerance: 0.1,
        high: CheckText::new(
            "Part of the sound cancels in mono",
            "Listen in mono around {label}: the part that vanishes has a wide chorus, a Haas delay or two microphones out of phase.",
        ),
        covered_by: Some("stereo.mono_loss"),
        measure: |view| {
            let loudest = view.thirds.iter().map(|(_, db)| *db).reduce(f64::max)?;
            let (mut worst, mut worst_hz) = (0.0, 1_000.0);
            for (band, db) in view.stereo_bands(60.0, 12_000.0) {
                let (Some(change), Some(share)) = (band.mono_change_db, band.negative_share) else {
                    continue;
                };
                let beyond = (-f64::from(change) - 4.0).max(0.0);
                let loss = beyond * db_to_amplitude(db - loudest) * f64::from(share);
                if loss > worst {
                    (worst, worst_hz) = (loss, band.hz);
                }
            }
            view.detail()?.stereo.as_ref()?;
            Some(Measurement::new(worst)?.near(worst_hz).at(worst_ranges(view)))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.opposite",
        title: "Parts against themselves",
        class: Class::Defect,
        confidence: Confidence::Heuristic,
        unit: Unit::Percent,
        why: "A part whose left and right are each other's opposite has no place between the loudspeakers, and in mono it is not there at all.",
        method: "The share of the energy from 200 Hz to 5 kHz in bins of 11 Hz in which left and right cancel by 11 dB or more, in a tenth of the seconds; passages that are upside down as a whole have a rule of their own.",
        source: "Of 83 tracks one in fifty lies above 24 %",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, OPPOSITE_PERCENT, OPPOSITE)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, OPPOSITE_PERCENT, OPPOSITE)),
        tolerance: 1.0,
        high: CheckText::new(
            "A part is gone in mono",
            "Listen in mono at the places named and find the part that vanishes: one channel of its track is turned, or a widener makes its sides from nothing else.",
        ),
        covered_by: Some("stereo.band_mono_loss"),
        measure: |view| {
            let measured = view.detail()?.stereo.as_ref()?.opposite_percent.as_ref()?;
            let inverted =
                local_faults(view, |kind| kind == LocalFaultKind::InvertedPassage).unwrap_or_default();
            let mut series = measured.clone();
            for (index, value) in series.values.iter_mut().enumerate() {
                let end_s = measured.time_s(index);
                let is_inverted =
                    |passage: &LocalFault| passage.start_s < end_s && end_s - measured.step_s < passage.end_s;
                if inverted.iter().any(is_inverted) {
                    *value = None;
                }
            }
            let share = quantile(&series, MOST_OPPOSITE)?;
            let places = stretches(&series, series.step_s, |percent| percent - OPPOSITE_PERCENT);
            Some(Measurement::new(share)?.at(places))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.phase_time",
        title: "Time out of phase",
        class: Class::Risk,
        unit: Unit::Percent,
        why: "A moment of negative correlation is an effect; minutes of it are a fault that headphones make unpleasant.",
        method: "The share of windows of 3 s with a correlation below −0.3.",
        source: OUR_CORPUS,
        mix: Some(Criterion::curved(
            f64::NEG_INFINITY,
            20.0,
            &[(10.0, 2.0), (40.0, 12.0), (80.0, 25.0)],
        )),
        master: Some(Criterion::curved(
            f64::NEG_INFINITY,
            20.0,
            &[(10.0, 2.0), (40.0, 12.0), (80.0, 25.0)],
        )),
        tolerance: 1.0,
        high: CheckText::new(
            "Out of phase for long",
            "Go to the places and solo the wide parts: one of them is out of phase with itself.",
        ),
        covered_by: Some("stereo.mono_loss"),
        measure: |view| {
            let series = &view.detail()?.stereo.as_ref()?.correlation;
            let share = share_percent(series, |correlation| correlation < -0.3)?;
            Some(Measurement::new(share)?.at(stretches(series, WINDOW_S, |value| -0.3 - value)))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.wide",
        title: "Width",
        class: Class::Risk,
        unit: Unit::Db,
        why: "More side than middle has no anchor: voice and bass shrink on loudspeakers, and vanish in mono.",
        method: "Side energy over mid energy.",
        source: OUR_CORPUS,
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, TOO_WIDE).aiming_at(-6.0)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, TOO_WIDE).aiming_at(-6.0)),
        tolerance: 0.2,
        high: CheckText::new(
            "Wider than it is deep",
            "Take the widener off the loudest part, or lower the side signal until it is near {aim}: by {change}.",
        ),
        strength: Strength::new(
            4.0,
            "The image keeps its middle: the side is at {value}, where the sum has lost its anchor above 0 dB.",
        ),
        covered_by: Some("stereo.mono_loss"),
        measure: |view| Measurement::new(view.report.stereo.width_db.value()?),
        correct: Some(|_, _, excess| {
            Some(Operation::Width {
                side_db: -excess.clamp(-2.0, 2.0),
            })
        }),
        ..COMMON
    },
    Rule {
        id: "stereo.narrow",
        title: "Narrowness",
        class: Class::Taste,
        unit: Unit::Db,
        why: "Hardly any side sounds small on headphones.",
        method: "Side energy over mid energy of half of the windows of 3 s: a passage that is louder than the rest does not change it.",
        source: OUR_CORPUS,
        mix: Some(Criterion::curved(-20.0, f64::INFINITY, &[(6.0, 2.0), (20.0, 4.0)]).aiming_at(-10.0)),
        master: Some(Criterion::curved(-20.0, f64::INFINITY, &[(6.0, 2.0), (20.0, 4.0)]).aiming_at(-10.0)),
        tolerance: 0.2,
        low: CheckText::new(
            "Very narrow",
            "Pan doubles and effects outward: most mixes have their side near {aim}, this one has {value}.",
        ),
        covered_by: Some("stereo.dual_mono"),
        measure: |view| {
            let whole = view.report.stereo.width_db.value()?;
            let series = view.detail().and_then(|detail| detail.stereo.as_ref());
            let usual = series.and_then(|stereo| quantile(&stereo.width_db, 0.5));
            Measurement::new(usual.unwrap_or(whole))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.treble",
        title: "Balance of the treble",
        class: Class::Risk,
        unit: Unit::Db,
        why: "When one side is dull, everything bright pulls to the other one: a cable, a converter, a microphone or an equaliser that is on in one channel only.",
        method: "Left over right, of the median of the 1/3-octave bands from 5 to 14 kHz, less that from 250 Hz to 1.5 kHz, where that leans by no more than 10 dB itself.",
        source: "19 of 20 of 185 finished tracks stay within 4.5 dB",
        mix: Some(Criterion::curved(-5.0, 5.0, LEANING_TREBLE).aiming_at(0.0)),
        master: Some(Criterion::curved(-5.0, 5.0, LEANING_TREBLE).aiming_at(0.0)),
        tolerance: 0.2,
        high: CheckText::new(
            "Dull on the right",
            "Compare both channels of each bright part, and look for what takes {change} of treble on the right. Where one is panned to the left on purpose, leave it.",
        ),
        low: CheckText::new(
            "Dull on the left",
            "Compare both channels of each bright part, and look for what takes {change} of treble on the left. Where one is panned to the right on purpose, leave it.",
        ),
        measure: |view| {
            let middle_db = median_balance(view, 250.0, 1_500.0)?;
            (middle_db.abs() <= ONE_SIDED_DB).then_some(())?;
            Measurement::new(median_balance(view, 5_000.0, 14_000.0)? - middle_db)
        },
        ..COMMON
    },
    Rule {
        id: "stereo.drift",
        title: "Wandering balance",
        class: Class::Taste,
        confidence: Confidence::Heuristic,
        unit: Unit::Db,
        why: "Passages that lean to one side and then to the other feel like a fault unless they are an effect.",
        method: "The 95th less the 5th percentile of the balance in windows of 3 s.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(8.0, 0.4, 1.5),
        master: Criterion::at_most(7.5, 0.4, 1.5),
        tolerance: 0.2,
        high: CheckText::new(
            "The balance wanders",
            "Counter the panned part with another one at those places, or bring it in.",
        ),
        measure: |view| {
            let series = &view.detail()?.stereo.as_ref()?.balance_db;
            let middle = quantile(series, 0.5)?;
            let span = quantile(series, 0.95)? - quantile(series, 0.05)?;
            let far = span / 2.0;
            let time_ranges = stretches(series, WINDOW_S, |db| (db - middle).abs() - far);
            Some(Measurement::new(span)?.at(time_ranges))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.dual_mono",
        title: "Difference between the channels",
        class: Class::Risk,
        unit: Unit::YesNo,
        why: "A stereo file whose channels are equal to the last bit is mono; sometimes that is meant, often the export was set to mono.",
        method: "Whether both channels are equal to the last bit, or nothing is left of their difference.",
        source: "By definition",
        mix: Criterion::at_most(0.0, 12.0, 12.0),
        master: Criterion::at_most(0.0, 12.0, 12.0),
        high: CheckText::new(
            "Mono in a stereo file",
            "If it should be stereo, check the master bus and the export for a mono switch.",
        ),
        measure: |view| {
            view.is_stereo().then_some(())?;
            let stereo = &view.report.stereo;
            // Where the side is silent, its level has no value.
            let has_no_side = stereo.width_db.value().is_none()
                && stereo
                    .correlation
                    .value()
                    .is_some_and(|correlation| correlation > 0.999_99);
            let is_mono = view.detail()?.quality.is_dual_mono || has_no_side;
            Measurement::new(f64::from(u8::from(is_mono)))
        },
        ..COMMON
    },
];

/// Music that leans by more than this in the middle is made of parts at the sides, in dB.
const ONE_SIDED_DB: f64 = 10.0;

/// Left over right in half of the 1/3-octave bands from `low_hz` to `high_hz`, in dB.
fn median_balance(view: &ReportView<'_>, low_hz: f64, high_hz: f64) -> Option<f64> {
    let mut balances: Vec<f64> = view
        .stereo_bands(low_hz, high_hz)
        .filter_map(|(band, _)| band.balance_db.map(f64::from))
        .collect();
    balances.sort_by(f64::total_cmp);
    balances.get(balances.len() / 2).copied()
}

/// What the whole may lean by its arrangement, in dB.
const PANNED_DB: f64 = 3.0;
/// The share of the bands that need not join in.
const OUTLIERS: f64 = 0.4;

/// The lean to one side that most bands share; positive to the left. In dB.
fn common_lean(view: &ReportView<'_>) -> Option<f64> {
    let whole = view.report.stereo.balance_db.value()?;
    let mut leans: Vec<f64> = view
        .stereo_bands(100.0, 10_000.0)
        .filter_map(|(band, _)| band.balance_db)
        .map(|db| f64::from(db) * whole.signum())
        .collect();
    leans.sort_by(f64::total_cmp);
    let Some(last) = leans.len().checked_sub(1) else {
        return Some(whole);
    };
    let shared = leans[(OUTLIERS * last as f64).round() as usize];
    let common = shared.clamp(0.0, whole.abs()).max(whole.abs() - PANNED_DB);
    Some(common.copysign(whole))
}

/// Where most energy cancels in mono. The report keeps the ends of windows of 3 s.
fn worst_ranges(view: &ReportView<'_>) -> Vec<TimeRange> {
    let worst = view
        .detail()
        .and_then(|detail| detail.stereo.as_ref())
        .map_or(&[][..], |stereo| &stereo.worst);
    worst
        .iter()
        .map(|moment| TimeRange {
            start_s: (moment.time_s - WINDOW_S).max(0.0),
            end_s: moment.time_s,
            channel: None,
        })
        .collect()
}
