//! What is wrong at some moments or for a passage, and nowhere else.

use model::report::{LocalFault, LocalFaultKind};
use model::verdict::{Area, Class, Confidence, Unit};

use super::signal::{first_by, local_faults};
use super::{CheckText, Criterion, Measurement, ReportView, Rule};
use crate::dsp::power_db;

const COMMON: Rule = Rule {
    area: Area::Signal,
    class: Class::Defect,
    confidence: Confidence::Heuristic,
    ..Rule::COMMON
};

/// A stutter counts once for so many seconds that it takes.
const STUTTER_S: f64 = 0.2;

/// Where hiss is sought, in Hz: below, music seldom pauses; above, lossy coding leaves nothing.
const HISS_HZ: (f64, f64) = (4_000.0, 16_500.0);
/// In dB: noise keeps this near to its level, from what is exceeded 99 % of the time to what is exceeded 90 % of the time; it
/// changes by no more than that from band to band; and nothing below the last is heard.
const HISS_STEADY_DB: f64 = 1.3;
const HISS_FLAT_DB: f64 = 1.5;
const HISS_FAINTEST_DB: f64 = -95.0;
/// Bands of 1/6 octave side by side that must be hiss.
const HISS_BANDS: usize = 2;
/// Without any; the level of hiss that is none.
const NO_HISS_DBFS: f64 = -120.0;

/// What each rule costs by its distance from the range, in the rule's unit.
const STUTTERS: &[(f64, f64)] = &[(1.0, 5.0), (3.0, 13.0), (10.0, 28.0), (30.0, 45.0)];
const HISS: &[(f64, f64)] = &[(8.0, 4.0), (20.0, 12.0), (32.0, 27.0), (44.0, 40.0)];
const JUMP: &[(f64, f64)] = &[(2.0, 4.0), (5.0, 12.0), (10.0, 26.0), (19.0, 40.0)];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "signal.stutter",
        title: "Repeated buffers",
        unit: Unit::Count,
        why: "A buffer that was played twice is a late driver, a damaged disc or a crash of the export; everybody hears it as a stutter.",
        method: "Places where the same 5 to 500 ms come once more, equal to the last bit, cut off where the wave does not fit to itself. One that takes longer than 0.2 s counts for each of them.",
        source: "Found in none of the tracks of docs/DETECTORS.md; music repeats itself in longer turns, and each begins with an onset",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, STUTTERS)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, STUTTERS)),
        high: CheckText::new(
            "Stuttering buffers",
            "Listen to the places named. Export again, offline and with a larger buffer, or copy the lines anew from their source.",
        ),
        covered_by: Some("signal.damaged"),
        measure: |view| {
            let stutters = local_faults(view, |kind| kind == LocalFaultKind::Stutter)?;
            let length = |stutter: &LocalFault| stutter.end_s - stutter.start_s;
            let times = stutters
                .iter()
                .map(|stutter| (length(stutter) / STUTTER_S).ceil().max(1.0));
            Some(Measurement::new(times.sum())?.at(first_by(&stutters, length)))
        },
        ..COMMON
    },
    Rule {
        id: "signal.level_jump",
        title: "One gain throughout",
        unit: Unit::Db,
        why: "When the whole mix is louder or softer from one sample on, that is an edit, a fader of the master or a take at another level; music changes by what it plays.",
        method: "The largest step at which a linear predictor foresees the wave on both sides by one and the same factor in all channels, from one sample to the next.",
        source: "docs/DETECTORS.md has the alarms on intact music",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 1.0, JUMP)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 1.0, JUMP)),
        high: CheckText::new(
            "The level jumps",
            "Listen to the places named, and look for an automation point, a clip gain or an edit of the whole mix; {value} at once is never a performance.",
        ),
        measure: |view| {
            let steps = local_faults(view, |kind| kind == LocalFaultKind::GainStep)?;
            let size = |step: &LocalFault| step.strength_db.abs();
            let largest = steps.iter().map(size).fold(0.0, f64::max);
            Some(Measurement::new(largest)?.at(first_by(&steps, size)))
        },
        ..COMMON
    },
    Rule {
        id: "signal.hiss",
        title: "Noise floor",
        unit: Unit::Dbfs,
        why: "Hiss of a microphone, a preamplifier or a tape lies under everything; it is heard in each pause and fade, and limiting brings it up.",
        method: "Bands of 1/6 octave from 4 to 16.5 kHz whose level in the quietest hundredth and in the quietest tenth of the time is the same within 1.3 dB, two or more side by side and alike; as the level that white noise of that density has from 20 Hz to 20 kHz.",
        source: "Music falls away in its pauses by more than 2 dB in every band of every track of docs/DETECTORS.md; noise keeps its level",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -72.0, HISS)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -72.0, HISS)),
        tolerance: 0.5,
        high: CheckText::new(
            "Hiss under the music",
            "Mute tracks until it is gone, and gate, denoise or record that one again; look for a preamplifier turned up behind a quiet source.",
        ),
        covered_by: Some("signal.few_bits"),
        measure: |view| Measurement::new(hiss_dbfs(view)?),
        ..COMMON
    },
];

/// The level of a steady noise from 20 Hz to 20 kHz, in dBFS (RMS), by the bands that show nothing else when it is quiet.
fn hiss_dbfs(view: &ReportView<'_>) -> Option<f64> {
    let mut found: Vec<f64> = Vec::new();
    let mut run: Vec<f64> = Vec::new();
    let mut before_db = f64::NAN;
    for band in &view.detail()?.spectrum.percentiles {
        let quietest = band.l99.zip(band.l90);
        let Some((floor_db, quiet_db)) = quietest.map(|(floor, quiet)| (f64::from(floor), f64::from(quiet)))
        else {
            continue;
        };
        let is_noise = (HISS_HZ.0..=HISS_HZ.1).contains(&band.hz)
            && floor_db >= HISS_FAINTEST_DB
            && quiet_db - floor_db <= HISS_STEADY_DB;
        if !is_noise || (!run.is_empty() && (floor_db - before_db).abs() > HISS_FLAT_DB) {
            run.clear();
        }
        if is_noise {
            // A sine of full scale has an RMS of −3 dBFS; the band is 0.116 of its centre wide.
            run.push(floor_db - 3.0 + power_db(19_980.0 / (0.115_6 * band.hz)));
            if run.len() >= HISS_BANDS && run.len() > found.len() {
                found.clone_from(&run);
            }
        }
        before_db = floor_db;
    }
    let count = found.len() as f64;
    Some(if found.is_empty() {
        NO_HISS_DBFS
    } else {
        found.iter().sum::<f64>() / count
    })
}
