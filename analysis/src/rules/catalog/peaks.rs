//! Levels at the top: clipping, true peak, headroom.

use model::report::{ClipRun, Clips};
use model::verdict::{Area, Class, Confidence, Operation, TimeRange, Unit};

use super::super::report_view::{MAX_TIME_RANGES, moment};
use super::{CheckText, Criterion, Measurement, OUR_CORPUS, ReportView, Rule, Strength};

/// The ceiling that services ask for, in dBTP.
const CEILING_DBTP: f64 = -1.0;
/// The ceiling for loud masters, in dBTP.
const LOUD_CEILING_DBTP: f64 = -2.0;
/// Samples of the shortest run that counts.
const SHORTEST_RUN: u64 = 3;
/// Above this a run of equal samples counts as being at full scale, in dBFS.
const FULL_SCALE_DBFS: f64 = -0.01;

const COMMON: Rule = Rule {
    area: Area::Peaks,
    ..Rule::COMMON
};

/// Clipped runs per minute, and what they cost. Hardly anything is heard of the first ones; thousands are a destroyed file.
const CLIPPED_IN_A_MIX: &[(f64, f64)] = &[
    (5.0, 2.0),
    (50.0, 8.0),
    (400.0, 18.0),
    (2_000.0, 32.0),
    (15_000.0, 50.0),
    (100_000.0, 75.0),
];
/// The same in a master, where a few are a loud fashion.
const CLIPPED_IN_A_MASTER: &[(f64, f64)] = &[
    (30.0, 1.5),
    (150.0, 6.0),
    (900.0, 18.0),
    (4_000.0, 34.0),
    (20_000.0, 52.0),
    (100_000.0, 75.0),
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "peaks.clipped",
        title: "Clipped runs",
        class: Class::Defect,
        unit: Unit::PerMinute,
        why: "Samples in a row at full scale are flattened waves: crackle on transients, and more of it after every encoder.",
        method: "Runs of three or more samples at full scale, per minute, in the worst channel; a long one counts once for every three samples.",
        source: "Three equal samples at full scale do not occur by chance; loud masters clip on purpose, so a master pays less",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, CLIPPED_IN_A_MIX)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 6.0, CLIPPED_IN_A_MASTER)),
        high: CheckText::new(
            "Clipping",
            "Find what goes over at the places (master fader, a plug-in's output) and pull it down until the meter stays below 0; do not just lower the export.",
        ),
        measure: |view| clip_rate(view, |channel| channel.clips, |run| run.dbfs > FULL_SCALE_DBFS),
        ..COMMON
    },
    Rule {
        id: "peaks.long_clip",
        title: "Longest clipped run",
        class: Class::Defect,
        unit: Unit::Milliseconds,
        why: "The longer the flat top, the surer it is heard, as a click or as grit.",
        method: "The longest run of equal samples at full scale.",
        source: "About a quarter of a millisecond flattens a whole half-wave at 2 kHz",
        mix: Some(Criterion::curved(
            f64::NEG_INFINITY,
            0.25,
            &[(0.75, 4.0), (3.0, 15.0), (10.0, 30.0)],
        )),
        master: Some(Criterion::curved(
            f64::NEG_INFINITY,
            0.5,
            &[(0.75, 4.0), (3.0, 15.0), (10.0, 30.0)],
        )),
        high: CheckText::new(
            "Long clipped run",
            "Listen at the place: a flat top of {value} is audible. Lower that hit, or let a limiter with a short look-ahead take it.",
        ),
        covered_by: Some("peaks.lowered_clips"),
        measure: |view| {
            let detail = view.detail()?;
            let runs = clip_ranges(view, |run| run.dbfs > FULL_SCALE_DBFS);
            let longest = detail
                .peaks
                .clip_runs
                .iter()
                .filter(|run| run.dbfs > FULL_SCALE_DBFS)
                .map(|run| run.samples)
                .max()
                .unwrap_or(0);
            let ms = f64::from(longest) / f64::from(view.report.file.sample_rate_hz) * 1_000.0;
            Some(Measurement::new(ms)?.at(runs))
        },
        ..COMMON
    },
    Rule {
        id: "peaks.lowered_clips",
        title: "Clipped, then turned down",
        class: Class::Defect,
        unit: Unit::PerMinute,
        why: "Turning a clipped signal down hides it from a peak meter but repairs nothing.",
        method: "Runs of three or more equal samples at a channel's highest level, which is below full scale, or at that of a second that has three of them, per minute, in the worst channel; a long one counts once for every three samples.",
        source: "Equal samples at the extreme, more than once, do not occur by chance; clippers on a master do it on purpose",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, CLIPPED_IN_A_MIX)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 20.0, CLIPPED_IN_A_MASTER)),
        high: CheckText::new(
            "Clipped earlier, then turned down",
            "Something before the last fader clips: go back through the chain at the places and lower the level into it.",
        ),
        covered_by: Some("peaks.clipped"),
        measure: |view| {
            clip_rate(
                view,
                |channel| channel.lowered_clips,
                |run| run.dbfs <= FULL_SCALE_DBFS,
            )
        },
        ..COMMON
    },
    Rule {
        id: "peaks.overs",
        title: "Samples beyond full scale",
        class: Class::Risk,
        unit: Unit::Dbfs,
        why: "A floating-point file survives samples above 0 dBFS, but the first fixed-point export or converter clips them.",
        method: "The sample peak of floating-point files.",
        source: "Full scale is 0 dBFS (AES17)",
        mix: Criterion::at_most(0.0, 0.3, 4.0),
        master: Some(Criterion::curved(
            f64::NEG_INFINITY,
            0.0,
            &[(1.0, 4.0), (3.0, 12.0), (6.0, 25.0)],
        )),
        tolerance: 0.05,
        covered_by: Some("peaks.clipped"),
        high: CheckText::new(
            "Beyond full scale",
            "Lower the output by {excess} or more before exporting to 24 bit.",
        ),
        measure: |view| {
            let is_float = view.is_float();
            is_float.then_some(())?;
            Measurement::new(view.report.peaks.sample_peak_dbfs.value()?)
        },
        correct: Some(|_, _, excess| Some(Operation::Gain { db: -excess })),
        ..COMMON
    },
    Rule {
        id: "peaks.true_peak",
        title: "True peak",
        class: Class::Risk,
        unit: Unit::Dbtp,
        why: "Between the samples the wave goes higher; converters and encoders may distort what passes 0 dBTP.",
        method: "The highest true peak by BS.1770-5 Annex 2 (4x).",
        source: "EBU R 128 and the services ask for at most −1 dBTP; all of 18 chart masters of 2025 exceed it (median +0.3), so this is a risk and no failure",
        mix: Criterion::at_most(0.0, 0.5, 3.0),
        master: Some(Criterion::curved(
            f64::NEG_INFINITY,
            CEILING_DBTP,
            &[(1.5, 0.4), (2.5, 2.0), (4.0, 8.0), (7.0, 20.0)],
        )),
        tolerance: 0.1,
        high: CheckText::by_stage(
            "True peak above −1 dBTP",
            "Lower the output by {excess} or more before exporting; mastering takes it from there.",
            "Set the last limiter's ceiling {excess} lower, with true-peak (oversampled) detection on.",
        ),
        covered_by: Some("peaks.overs"),
        strength: Strength::new(
            0.0,
            "The true peak is {value}: encoders and converters have room, where most finished music goes over −1 dBTP.",
        ),
        measure: |view| {
            let time_ranges = view.detail().map_or_else(Vec::new, |detail| {
                let over = detail.peaks.worst.iter().filter(|peak| peak.dbtp > CEILING_DBTP);
                over.take(MAX_TIME_RANGES)
                    .map(|peak| moment(peak.time_s, peak.channel))
                    .collect()
            });
            Some(Measurement::new(view.true_peak()?)?.at(time_ranges))
        },
        correct: Some(|_, _, _| {
            Some(Operation::Limit {
                ceiling_dbtp: CEILING_DBTP,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "peaks.encoder_room",
        title: "Room for lossy encoders",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Dbtp,
        why: "Encoders shift phases and peaks grow; the denser the song, the more. Services that stream lossy advise a lower ceiling for loud masters.",
        method: "True peak at 8x with 32 taps, where the song is louder than −14 LUFS counted from −1 dBTP, falling to −2 dBTP at −11 LUFS.",
        source: "Spotify and Amazon advise −2 dBTP for masters louder than −14 LUFS",
        mix: None,
        master: Some(Criterion::curved(
            f64::NEG_INFINITY,
            0.0,
            &[(2.0, 0.5), (4.0, 2.0)],
        )),
        tolerance: 0.1,
        high: CheckText::new(
            "Little room for lossy encoders",
            "Leave about {excess} more below the ceiling, or accept small overs after encoding.",
        ),
        covered_by: Some("peaks.true_peak"),
        measure: |view| {
            let peak = view.detail()?.peaks.true_peak_8x_dbtp.value()?;
            // The ceiling falls by 1 dB over 3 LU; the value is moved instead, so that there is one edge.
            let louder = ((view.integrated()? + 14.0) / 3.0).clamp(0.0, 1.0);
            Measurement::new(peak + louder)
        },
        correct: Some(|_, _, _| {
            Some(Operation::Limit {
                ceiling_dbtp: LOUD_CEILING_DBTP,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "peaks.headroom",
        title: "Headroom for mastering",
        class: Class::Risk,
        unit: Unit::Dbfs,
        why: "A mastering engineer can turn a mix down, but not undo what the last 2 dB cost. Peaks at full scale also mean that something is probably limiting.",
        method: "The highest sample peak.",
        source: "Mastering houses ask for 3 to 6 dB; any peak below −1 dBFS is workable",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -1.0, &[(1.0, 0.4), (3.0, 1.5)]).aiming_at(-6.0)),
        master: None,
        tolerance: 0.1,
        high: CheckText::new(
            "Little headroom",
            "Lower the master fader until the highest peak is near {aim}: by {change}.",
        ),
        strength: Strength::new(
            1.0,
            "There is headroom for mastering: the highest sample is at {value}.",
        ),
        covered_by: Some("peaks.true_peak"),
        measure: |view| Measurement::new(view.report.peaks.sample_peak_dbfs.value()?),
        correct: Some(|_, _, excess| Some(Operation::Gain { db: -excess })),
        ..COMMON
    },
    Rule {
        id: "peaks.between_samples",
        title: "Overs between samples",
        class: Class::Risk,
        unit: Unit::Db,
        why: "The sample meter shows a safe level while the wave between the samples goes over: a limiter without oversampling.",
        method: "How far the true peak lies above full scale, less how far the samples do.",
        source: "BS.1770-5 Annex 2: a sample meter under-reads; without oversampled limiting by 0.5 dB and more",
        mix: None,
        master: Some(Criterion::curved(
            f64::NEG_INFINITY,
            0.6,
            &[(0.5, 1.0), (2.0, 8.0), (4.0, 20.0)],
        )),
        tolerance: 0.05,
        high: CheckText::new(
            "Overs that the sample meter hides",
            "Switch the limiter to true-peak or 4x oversampling; its ceiling is exceeded by {value}.",
        ),
        covered_by: Some("peaks.true_peak"),
        measure: |view| {
            let sample = view.report.peaks.sample_peak_dbfs.value()?;
            Measurement::new(view.true_peak()?.max(0.0) - sample.max(0.0))
        },
        correct: Some(|_, _, _| {
            Some(Operation::Limit {
                ceiling_dbtp: CEILING_DBTP,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "peaks.lone",
        title: "A lone peak",
        class: Class::Taste,
        confidence: Confidence::Heuristic,
        unit: Unit::Db,
        why: "One hit holds the whole song down: without it everything could be louder at no cost.",
        method: "The highest true peak less the fifth highest, each of another second.",
        source: OUR_CORPUS,
        mix: Criterion::at_most(3.0, 0.7, 2.0),
        master: Criterion::at_most(2.0, 0.7, 2.0),
        tolerance: 0.1,
        high: CheckText::new(
            "One peak stands alone",
            "Lower that one hit by about {excess} with clip gain; nobody will hear it, and everything gains room.",
        ),
        measure: |view| {
            let worst = &view.detail()?.peaks.worst;
            let (first, fifth) = (worst.first()?, worst.get(4)?);
            Some(Measurement::new(first.dbtp - fifth.dbtp)?.at(vec![moment(first.time_s, first.channel)]))
        },
        ..COMMON
    },
];

/// Runs per minute in the worst channel, with the time ranges of the longest ones. A long run counts once for every three
/// samples: driven harder, runs grow together and become fewer, but never their samples.
fn clip_rate(
    view: &ReportView<'_>,
    clips: impl Fn(&model::report::ChannelLevels) -> Clips,
    counts: impl Fn(&ClipRun) -> bool,
) -> Option<Measurement> {
    let detail = view.detail()?;
    let most = detail
        .peaks
        .channels
        .iter()
        .map(|channel| clips(channel).samples / SHORTEST_RUN)
        .max()?;
    // Short files do not make a few runs a high rate.
    let measure = Measurement::new(most as f64 / view.minutes().max(0.5))?;
    Some(measure.at(clip_ranges(view, counts)))
}

fn clip_ranges(view: &ReportView<'_>, counts: impl Fn(&ClipRun) -> bool) -> Vec<TimeRange> {
    let runs = view.detail().map_or(&[][..], |detail| &detail.peaks.clip_runs);
    runs.iter()
        .filter(|run| counts(run))
        .take(MAX_TIME_RANGES)
        .map(|run| moment(run.time_s, run.channel))
        .collect()
}
