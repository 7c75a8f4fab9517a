//! What should not be in the signal at all.

use model::report::{LocalFault, LocalFaultKind, NoteCode, ToneOfPassage};
use model::verdict::{Area, Class, Confidence, Operation, TimeRange, Unit};

use super::super::report_view::MAX_TIME_RANGES;
use super::super::rhythm;
use super::passages::is_coarse;
use super::{CheckText, Criterion, Measurement, ReportView, Rule, Strength, Subject};
use crate::dsp::amplitude_db;

/// What an offset that wanders counts, as a part of itself: a slow wave of a synthesizer has one as well.
const WANDERING: f64 = 0.1;
/// An offset below this is no offset; it stands for 0, whose logarithm does not exist.
const LEAST_OFFSET_DBFS: f64 = -140.0;

const COMMON: Rule = Rule {
    area: Area::Signal,
    class: Class::Defect,
    ..Rule::COMMON
};

/// What a gap counts as at least: one of 2 ms is heard as much as one of 50, as a tick.
const LEAST_GAP_MS: f64 = 100.0;
/// A channel that has no sound for so long is lost, in seconds.
const LOST_S: f64 = 2.0;
/// Music that spans fewer steps of rounding than this has gaps and held values by rounding, as an amplitude in dB: 32 steps.
const COARSE_DB: f64 = 30.0;
const DB_PER_BIT: f64 = 6.02;
/// A lean of the whole mix by so many dB counts once, a stronger one in proportion.
const PLAIN_LEAN_DB: f64 = 6.0;
/// A passage of coarse samples is known by whole seconds.
const EDGE_S: f64 = 1.0;
/// More clipped runs than that hold values.
const CLIPPED_PER_MINUTE: f64 = 30.0;

/// A click so far above the residual around counts not at all, and one further above by the second figure whole, in dB.
const FAINT_CLICK_DB: f64 = 26.0;
const CLICK_RANGE_DB: f64 = 15.0;
/// The loudest one counts so often.
const MOST_OF_A_CLICK: f64 = 3.0;

/// What comes in time counts in part: most of it is meant, but a clock that slips comes in time as well.
const PLAYED_TICK: f64 = 1.0 / 3.0;
const REST: f64 = 0.15;
/// What is played for certain counts this part of that.
const CERTAINLY: f64 = 0.1;
/// Stops of the arrangement: so many that are equally long and equally far apart, within this.
const FEWEST_STOPS: usize = 3;
const EQUAL_MS: f64 = 5.0;
const EQUAL_DISTANCE_S: f64 = 0.02;
/// No rest is shorter.
const SHORTEST_REST_MS: f64 = 50.0;
/// Without any tone.
const NO_TONE_DBFS: f64 = -120.0;

/// Notes of instruments end here, and a steady one below counts as this loud at most.
const HIGHEST_NOTE_HZ: f64 = 4_000.0;
const LOUDEST_NOTE_DB: f64 = -66.0;

/// What each rule costs by its distance from the range, in the rule's unit.
/// An offset at −20 dB takes 0.8 dB of headroom, one at −10 dB 2.4.
const OFFSET: &[(f64, f64)] = &[
    (4.0, 0.6),
    (8.0, 2.0),
    (14.0, 5.0),
    (20.0, 11.0),
    (26.0, 21.0),
    (38.0, 40.0),
];
const CLICKING: &[(f64, f64)] = &[(1.0, 2.0), (3.0, 6.0), (8.0, 14.0), (38.0, 30.0)];
const SUBSONIC: &[(f64, f64)] = &[(3.0, 1.0), (7.0, 5.0), (11.0, 14.0), (17.0, 28.0)];
const TONAL: &[(f64, f64)] = &[(6.0, 1.0), (15.0, 4.0), (28.0, 12.0), (40.0, 27.0), (60.0, 45.0)];
const FEW_BITS: &[(f64, f64)] = &[(2.0, 3.0), (4.0, 8.0), (6.0, 16.0), (9.0, 32.0), (12.0, 45.0)];
const CUT_OFF: &[(f64, f64)] = &[(1.5, 0.4), (4.0, 2.0), (6.0, 6.0), (10.0, 14.0)];
const SILENT_HEAD: &[(f64, f64)] = &[(2.0, 2.0), (6.0, 8.0), (15.0, 22.0), (30.0, 35.0)];
const SILENT_TAIL: &[(f64, f64)] = &[(3.0, 1.0), (10.0, 6.0), (30.0, 22.0), (60.0, 35.0)];
const CUT_END: &[(f64, f64)] = &[(6.0, 0.4), (8.0, 1.5), (9.5, 6.0), (12.0, 14.0)];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "signal.gaps",
        title: "Gaps and dropouts",
        confidence: Confidence::Heuristic,
        unit: Unit::Milliseconds,
        why: "Sound that stops at once and comes back at once is a lost buffer or a hole between two clips; everybody hears it.",
        method: "The time of all gaps: zeros, one held value, or a fall of 40 dB within 1 ms, where the sound goes on behind at once. Each counts as 100 ms at least, and as half in one channel alone or where something is left of the sound; those of 50 ms and more that come in time with each other are most likely rests, and count a seventh, or less where they follow a pattern; stops that are equally long at equal distances count not at all.",
        source: "Found in none of the tracks of docs/DETECTORS.md; rests and fades end otherwise",
        mix: Criterion::at_most(0.0, 0.04, 80.0),
        master: Criterion::at_most(0.0, 0.04, 80.0),
        high: CheckText::new(
            "Gaps in the sound",
            "Listen to the places named. Close the holes between clips, and export again, offline and with a larger buffer.",
        ),
        covered_by: Some("signal.damaged"),
        measure: |view| {
            let mut gaps = local_faults(view, LocalFaultKind::is_gap)?;
            // A lost channel begins with zeros, and has a rule of its own.
            let lost = local_faults(view, |kind| kind == LocalFaultKind::LostChannel)?;
            let coarse = local_faults(view, is_coarse)?;
            let bits = view.detail()?.quality.effective_bits.value();
            let coarse_db = bits.map_or(f64::NEG_INFINITY, |bits| COARSE_DB - DB_PER_BIT * (bits - 1.0));
            gaps.retain(|gap| {
                // Coarse rounding and clipping hold values, too, and have rules of their own; so has a channel that is lost.
                let is_rounded = gap.strength_db < coarse_db;
                let is_held = gap.kind == LocalFaultKind::HeldValue && is_clipped(view);
                let is_lost = gap.channel.is_some() && gap.end_s - gap.start_s >= LOST_S;
                let is_within = |lost: &LocalFault| {
                    gap.channel == lost.channel && gap.start_s < lost.end_s && lost.start_s < gap.end_s
                };
                let is_stepped = |passage: &LocalFault| {
                    gap.start_s < passage.end_s + EDGE_S && passage.start_s - EDGE_S < gap.end_s
                };
                !is_rounded
                    && !is_held
                    && !is_lost
                    && !lost.iter().any(is_within)
                    && !coarse.iter().any(is_stepped)
            });
            let share = in_time(&gaps, REST);
            let ms = gaps.iter().zip(share).map(|(gap, share)| {
                let ms = 1_000.0 * (gap.end_s - gap.start_s);
                // Rests are long; a hole between two clips lies on the beat as well, and is short.
                let share = match () {
                    () if ms < SHORTEST_REST_MS => 1.0,
                    () if is_stop(gap, &gaps) => 0.0,
                    () => share,
                };
                let is_partial = gap.channel.is_some() || gap.kind == LocalFaultKind::Dropout;
                share * ms.max(LEAST_GAP_MS) * if is_partial { 0.5 } else { 1.0 }
            });
            Some(Measurement::new(ms.sum())?.at(longest(&gaps)))
        },
        ..COMMON
    },
    Rule {
        id: "signal.lost_channel",
        title: "Both channels throughout",
        confidence: Confidence::Heuristic,
        unit: Unit::Percent,
        why: "A channel that falls silent while the other plays on is a broken cable, a muted track or a lost file.",
        method: "The share of the song in which one channel is 50 dB below the other for 2 s or more, while the other plays on at its level.",
        source: "Found in none of the tracks of docs/DETECTORS.md",
        mix: Criterion::at_most(0.0, 3.0, 60.0),
        master: Criterion::at_most(0.0, 3.0, 60.0),
        high: CheckText::new(
            "A channel is lost for a while",
            "Listen to the places named on both loudspeakers, and look for a mute, a pan or a clip that lacks a channel there.",
        ),
        measure: |view| {
            view.is_stereo().then_some(())?;
            let mut lost = local_faults(view, |kind| kind == LocalFaultKind::LostChannel)?;
            // Exact zeros in one channel for as long are the same fault, however the song goes on behind them.
            let is_long = |gap: &LocalFault| gap.channel.is_some() && gap.end_s - gap.start_s >= LOST_S;
            for gap in local_faults(view, |kind| kind == LocalFaultKind::Gap)?
                .into_iter()
                .filter(is_long)
            {
                let is_known = |lost: &LocalFault| {
                    lost.channel == gap.channel && lost.start_s < gap.end_s && gap.start_s < lost.end_s
                };
                if !lost.iter().any(is_known) {
                    lost.push(gap);
                }
            }
            share_of_song(view, &lost)
        },
        ..COMMON
    },
    Rule {
        id: "signal.clicks",
        title: "Clicks",
        confidence: Confidence::Heuristic,
        unit: Unit::Count,
        why: "A click is an edit without a crossfade, a late buffer, a damaged sample or a plug-in that was switched; headphones bring it out.",
        method: "Moments that a predictor which knows the 23 ms before misses by 23 dB more than any other moment within 23 ms on either side, where the music goes on behind as before. One of 41 dB counts whole, fainter ones in part, below 26 dB not at all, and the loudest three times. Those that come in time with each other are most likely played, and count a third at most, or a thirtieth where they follow a pattern.",
        source: "docs/DETECTORS.md has the alarms on intact music: most are ticks that a synthesizer makes on purpose, so two are nothing",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, CLICKING)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, CLICKING)),
        high: CheckText::new(
            "Clicks",
            "Listen to the places named on headphones. Crossfade the edits there, or repair them with a declicker, and export again with a larger buffer.",
        ),
        covered_by: Some("peaks.long_clip"),
        measure: |view| {
            let clicks = local_faults(view, |kind| kind == LocalFaultKind::Click)?;
            let share = in_time(&clicks, PLAYED_TICK);
            let count = clicks.iter().zip(share).map(|(click, share)| {
                let loudness = (click.strength_db - FAINT_CLICK_DB) / CLICK_RANGE_DB;
                let most = if share < 1.0 { 1.0 } else { MOST_OF_A_CLICK };
                share * loudness.clamp(0.0, most)
            });
            Some(Measurement::new(count.sum())?.at(strongest(&clicks)))
        },
        ..COMMON
    },
    Rule {
        id: "signal.inverted_passage",
        title: "Polarity throughout",
        confidence: Confidence::Heuristic,
        unit: Unit::Percent,
        why: "A passage with one channel upside down loses its middle on a phone and in a club, and sounds hollow everywhere.",
        method: "The share of the song in which left and right relate in every band as they do elsewhere, but with the opposite sign, for 2 s or more.",
        source: "docs/DETECTORS.md has the alarms on intact music",
        mix: Criterion::at_most(0.0, 2.0, 40.0),
        master: Criterion::at_most(0.0, 2.0, 40.0),
        high: CheckText::new(
            "One channel is inverted for a while",
            "Listen to the places named in mono, and look for a clip or a track whose polarity was turned there.",
        ),
        covered_by: Some("stereo.inverted"),
        measure: |view| {
            view.is_stereo().then_some(())?;
            share_of_song(
                view,
                &local_faults(view, |kind| kind == LocalFaultKind::InvertedPassage)?,
            )
        },
        ..COMMON
    },
    Rule {
        id: "signal.balance_shift",
        title: "Balance throughout",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Percent,
        why: "When everything moves to one side at once, and back again, that is a gain that was changed by accident in one channel.",
        method: "The share of the song in which all bands lean to one side by 3 dB or more than usually, alike and steadily, for 3 s or more; a passage counts in proportion to its lean, once at 6 dB.",
        source: "docs/DETECTORS.md has the alarms on intact music",
        mix: Criterion::at_most(0.0, 0.5, 45.0),
        master: Criterion::at_most(0.0, 0.5, 45.0),
        high: CheckText::new(
            "The balance shifts for a while",
            "Listen to the places named, and look for a pan, a gain or an automation point of one channel of the whole mix.",
        ),
        measure: |view| {
            view.is_stereo().then_some(())?;
            let shifts = local_faults(view, |kind| kind == LocalFaultKind::BalanceShift)?;
            let weigh = |shift: &LocalFault| shift.strength_db.abs() / PLAIN_LEAN_DB;
            weighed_share_of_song(view, &shifts, weigh)
        },
        ..COMMON
    },
    Rule {
        id: "signal.not_numbers",
        title: "Numbers throughout",
        unit: Unit::YesNo,
        why: "Samples that are no numbers are silence in one player and full-scale noise in the next.",
        method: "Whether any sample is NaN or infinite. Only floating-point files can hold them.",
        source: "By definition",
        mix: Criterion::at_most(0.0, 10.0, 10.0),
        master: Criterion::at_most(0.0, 10.0, 10.0),
        high: CheckText::new(
            "Samples that are no numbers",
            "Find the plug-in that makes them, by muting one after the other, and export again; a fixed-point export only hides them.",
        ),
        measure: |view| noted(view, NoteCode::NotNumbers),
        ..COMMON
    },
    Rule {
        id: "signal.offset",
        title: "DC offset",
        class: Class::Risk,
        unit: Unit::Db,
        why: "An offset costs headroom on one side, clicks at every edit and makes compressors misjudge.",
        method: "The mean of all samples of a channel against its highest sample, of the worst channel, as far as three quarters of the seconds have it, and at least a tenth of it; or that of 4 s and more that begins and ends at once and stays the same in between, where it is higher and above −30 dB. A change of gain changes nothing.",
        source: "At −44 dB it costs 0.05 dB of headroom, at −20 dB 0.8 dB; one in twenty of 181 tracks lies above −35 dB, most by their synthesizers",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -38.0, OFFSET)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -38.0, OFFSET)),
        tolerance: 0.5,
        high: CheckText::new(
            "DC offset",
            "Remove it with a high-pass at 10 Hz or the editor's offset tool, and look for the plug-in that adds it.",
        ),
        strength: Strength::new(
            30.0,
            "The wave is centred: its offset is {value} against the highest sample.",
        ),
        measure: |view| {
            let channels = &view.detail()?.peaks.channels;
            let (index, offset) = (0_u16..)
                .zip(channels)
                .filter_map(|(index, channel)| {
                    let steady = channel.dc_steadiness.unwrap_or(1.0).max(WANDERING);
                    let offset_dbfs = amplitude_db(steady * channel.dc.value()?.abs()).max(LEAST_OFFSET_DBFS);
                    Some((index, offset_dbfs - channel.sample_peak_dbfs.value()?))
                })
                .max_by(|a, b| a.1.total_cmp(&b.1))?;
            let passages =
                local_faults(view, |kind| kind == LocalFaultKind::OffsetPassage).unwrap_or_default();
            let strongest = passages
                .iter()
                .max_by(|a, b| a.strength_db.total_cmp(&b.strength_db));
            match strongest.filter(|passage| passage.strength_db > offset) {
                Some(passage) => Some(
                    Measurement::new(passage.strength_db)?
                        .in_channel(passage.channel.unwrap_or(index), view.channels())
                        .at(first_by(&passages, |passage| passage.strength_db)),
                ),
                None => Some(Measurement::new(offset)?.in_channel(index, view.channels())),
            }
        },
        correct: Some(|_, _, _| Some(Operation::RemoveOffset)),
        ..COMMON
    },
    Rule {
        id: "signal.hum",
        title: "Mains hum",
        confidence: Confidence::Heuristic,
        unit: Unit::Dbfs,
        why: "A steady tone at 50 or 60 Hz and its multiples, there in every pause; limiting brings it up.",
        method: "The level of all harmonics of the mains together, against a full-scale sine, where they are there even in the quietest tenth of the time, 12 dB above what is beside them; or, under music, all together half as much again as other fundamentals have and steady; or where in windows of 6 s, three in a row, three of eight harmonics are 4 dB above all within 6 Hz beside them, or two are 10 dB above it: where less than half of the song has these, they are passages.",
        source: "−70 dBFS is about the noise of a quiet room behind music at a normal level",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -75.0, TONAL)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -72.0, TONAL)),
        tolerance: 0.5,
        high: CheckText::new(
            "Hum of the mains",
            "Mute tracks until it is gone and treat that one: narrow cuts at {label} and its multiples, or record it again without the ground loop.",
        ),
        measure: |view| {
            let detail = view.detail()?;
            if let Some(hum) = &detail.quality.hum {
                return Some(Measurement::new(hum.level_db)?.near(hum.mains_hz));
            }
            let passages = detail.local.as_ref().map_or(&[][..], |local| &local.hum);
            loudest_tone(passages.iter(), |passage| passage.level_db)
        },
        correct: Some(|view, _, _| {
            let hum = view.detail()?.quality.hum.as_ref()?;
            Some(Operation::Notch {
                hz: hum.mains_hz,
                harmonics: hum.harmonics.clone(),
            })
        }),
        ..COMMON
    },
    Rule {
        id: "signal.tone",
        title: "Steady tones",
        confidence: Confidence::Heuristic,
        unit: Unit::Dbfs,
        why: "A tone that never stops is a monitor tone, a whistle of a screen or a clock, or a note that hangs; whoever still hears it hears nothing else.",
        method: "The loudest tone from 250 Hz to 22 kHz that is there even in the quietest tenth of the time, 12 dB above what is beside it, and near that level half of the time. More than two such tones are music. Below 4 kHz it may be a note that is held on purpose, and counts as −66 dBFS at most. Hum has a rule of its own.",
        source: "docs/DETECTORS.md has the alarms on intact music",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -78.0, TONAL)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -78.0, TONAL)),
        tolerance: 0.5,
        high: CheckText::new(
            "A tone that never stops",
            "Mute tracks until the tone at {label} is gone, and treat that one: a narrow cut there, or record it again without the source.",
        ),
        measure: |view| {
            let detail = view.detail()?;
            // Engines before 3 did not look for any.
            detail.local.as_ref()?;
            let tones = &detail.quality.tones;
            match tones.iter().max_by(|a, b| a.level_db.total_cmp(&b.level_db)) {
                Some(tone) => {
                    let level_db = level_of_tone(tone.hz, tone.level_db, LOUDEST_NOTE_DB);
                    Some(Measurement::new(level_db)?.near(tone.hz))
                }
                None => Measurement::new(NO_TONE_DBFS),
            }
        },
        correct: Some(|view, _, _| {
            let tones = &view.detail()?.quality.tones;
            let loudest = tones.iter().max_by(|a, b| a.level_db.total_cmp(&b.level_db))?;
            Some(Operation::Notch {
                hz: loudest.hz,
                harmonics: vec![1],
            })
        }),
        ..COMMON
    },
    Rule {
        id: "signal.subsonic",
        title: "Below hearing",
        class: Class::Risk,
        unit: Unit::Dbfs,
        why: "Nobody hears what lies below 16 Hz, but it takes headroom, moves every cone and makes compressors pump.",
        method: "The mean level from 2 to 16 Hz, against a full-scale sine.",
        source: "Nine of ten of 363 finished tracks lie below −28 dBFS, half of them below −44",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -27.0, SUBSONIC)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -27.0, SUBSONIC)),
        tolerance: 0.5,
        high: CheckText::new(
            "Subsonic energy",
            "High-pass at 20 Hz what brings it: a voice with wind or steps, a synthesizer that drifts, a turntable.",
        ),
        covered_by: Some("low_end.rumble"),
        measure: |view| Measurement::new(view.detail()?.quality.subsonic_db?),
        correct: Some(|_, _, _| Some(Operation::HighPass { hz: 20.0 })),
        ..COMMON
    },
    Rule {
        id: "signal.few_bits",
        title: "Bits in use",
        unit: Unit::Bits,
        why: "Below 16 bits the noise of rounding is heard in fades and pauses.",
        method: "The bits that change in any sample of the file, or, where a gain or an offset came behind, those of its steps: few different values where samples are dense.",
        source: "16 bit is the least that any service takes",
        mix: Some(Criterion::curved(16.0, f64::INFINITY, FEW_BITS)),
        master: Some(Criterion::curved(16.0, f64::INFINITY, FEW_BITS)),
        low: CheckText::new(
            "Few bits in use",
            "Look for a bit reducer or an 8-bit export in the chain, and export at 24 bit.",
        ),
        measure: |view| Measurement::new(view.detail()?.quality.effective_bits.value()?),
        ..COMMON
    },
    Rule {
        id: "signal.padded_bits",
        subject: Subject::Provenance,
        title: "Unused bits",
        class: Class::Risk,
        unit: Unit::Bits,
        why: "A 24-bit file with only 16 bits in use was reduced somewhere; what it lost does not come back, and dither was perhaps left out.",
        method: "Bits per sample of the file less the bits in use.",
        source: "By definition",
        mix: Criterion::at_most(0.0, 0.3, 2.5),
        master: Criterion::at_most(0.0, 0.2, 2.0),
        high: CheckText::new(
            "Empty bits",
            "Find the 16-bit stage (an old plug-in, a bounced sample, a driver) or export at the depth that is really there.",
        ),
        covered_by: Some("signal.few_bits"),
        measure: |view| {
            let used = view.detail()?.quality.effective_bits.value()?;
            Measurement::new(f64::from(view.report.file.bits_per_sample?) - used)
        },
        ..COMMON
    },
    Rule {
        id: "signal.cutoff",
        title: "Steep edge in the highs",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Kilohertz,
        why: "A lossless file that stops at a steep edge is consistent with an MP3 somewhere in its past. That is no proof: resampling and some synthesizers do it too.",
        method: "The frequency above which nothing is left, where the spectrum falls 40 dB within 500 Hz. Only lossless files.",
        source: "LAME at 128 kbit/s ends at 16.7 kHz, at 320 at 20.2 (measured); nothing below the Nyquist frequency of 44.1 kHz needs an edge under 20.4",
        subject: Subject::Provenance,
        mix: Some(Criterion::curved(20.4, f64::INFINITY, CUT_OFF)),
        master: Some(Criterion::curved(20.4, f64::INFINITY, CUT_OFF)),
        tolerance: 0.1,
        low: CheckText::new(
            "Consistent with a lossy source",
            "Check that no MP3 or AAC is in the session, and export from the originals.",
        ),
        covered_by: Some("delivery.lossy"),
        measure: |view| {
            (!view.is_lossy()).then_some(())?;
            let hz = view.detail()?.quality.cutoff_hz.value()?;
            // A file of a low rate ends there by itself, and has a rule for that.
            let nyquist_hz = f64::from(view.report.file.sample_rate_hz) / 2.0;
            (hz < 0.85 * nyquist_hz || nyquist_hz > 20_500.0).then_some(())?;
            Measurement::new(hz / 1_000.0)
        },
        ..COMMON
    },
    Rule {
        id: "signal.upsampled",
        title: "Content at a high sample rate",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Percent,
        why: "A high sample rate that holds nothing a lower one would not hold was most likely converted from it: more bytes, not more music. Services that ask for high resolution refuse it.",
        method: "The highest frequency above which less than −115 dBFS is left, as a share of half the sample rate; only above 64 kHz and for lossless files.",
        source: "Apple Digital Masters: the rate of the session, never upsampled; half of 44.1 kHz is 46 % of half of 96 kHz, half of 48 kHz is 54 % of half of 88.2 kHz",
        subject: Subject::Provenance,
        mix: Criterion::at_least(60.0, 0.4, 2.5),
        master: Criterion::at_least(60.0, 0.4, 2.5),
        tolerance: 1.0,
        low: CheckText::new(
            "Consistent with a lower sample rate",
            "Deliver at the rate of the session: everything here ends below {value} of what this rate could hold.",
        ),
        measure: |view| {
            (!view.is_lossy()).then_some(())?;
            let ends_hz = view.detail()?.quality.content_ends_hz?;
            Measurement::new(200.0 * ends_hz / f64::from(view.report.file.sample_rate_hz))
        },
        ..COMMON
    },
    Rule {
        id: "signal.truncated",
        title: "Completeness of the file",
        unit: Unit::YesNo,
        why: "The file ends before its own header says, so the end of the song is missing.",
        method: "Whether the file is cut short.",
        source: "By definition",
        mix: Criterion::at_most(0.0, 10.0, 10.0),
        master: Criterion::at_most(0.0, 10.0, 10.0),
        high: CheckText::new(
            "The file is cut short",
            "Export it once more; the upload or the disk ended too early.",
        ),
        measure: |view| noted(view, NoteCode::Truncated),
        ..COMMON
    },
    Rule {
        id: "signal.damaged",
        title: "Damaged packets",
        unit: Unit::YesNo,
        why: "Packets that could not be decoded are gaps or clicks.",
        method: "Whether packets had to be left out.",
        source: "By definition",
        mix: Criterion::at_most(0.0, 8.0, 8.0),
        master: Criterion::at_most(0.0, 8.0, 8.0),
        high: CheckText::new("Damaged packets", "Export the file again; this copy is damaged."),
        measure: |view| noted(view, NoteCode::PacketsSkipped),
        ..COMMON
    },
    Rule {
        id: "signal.head_silence",
        title: "Silence at the start",
        class: Class::Risk,
        unit: Unit::Seconds,
        why: "Seconds of nothing before the first sound make people skip, and shift everything in a playlist.",
        method: "Seconds before the first sample above −60 dBFS.",
        source: "Distributors ask for less than a second or two; a count-in gap is normal in a mix",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 3.0, SILENT_HEAD).aiming_at(0.2)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 1.5, SILENT_HEAD).aiming_at(0.2)),
        tolerance: 0.1,
        high: CheckText::new(
            "Silence before the start",
            "Cut {change} off the start, which leaves a moment before the first sound.",
        ),
        measure: |view| {
            let quality = &view.detail()?.quality;
            Some(Measurement::new(quality.head_silence_s)?.at(vec![TimeRange {
                start_s: 0.0,
                end_s: quality.head_silence_s,
                channel: None,
            }]))
        },
        correct: Some(|_, _, excess| {
            Some(Operation::Trim {
                head_s: excess,
                tail_s: 0.0,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "signal.tail_silence",
        title: "Silence at the end",
        class: Class::Risk,
        unit: Unit::Seconds,
        why: "Silence after the song is a gap in every playlist and, when it is long, often a forgotten event far behind.",
        method: "Seconds behind the last sample above −60 dBFS.",
        source: "Distributors ask for a few seconds at most",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 8.0, SILENT_TAIL).aiming_at(1.0)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 5.0, SILENT_TAIL).aiming_at(1.0)),
        tolerance: 0.1,
        high: CheckText::new(
            "Silence after the end",
            "Cut {change} off the end, after the last reverb has died away.",
        ),
        measure: |view| {
            let quality = &view.detail()?.quality;
            let end_s = view.report.file.duration_s;
            Some(Measurement::new(quality.tail_silence_s)?.at(vec![TimeRange {
                start_s: (end_s - quality.tail_silence_s).max(0.0),
                end_s,
                channel: None,
            }]))
        },
        correct: Some(|_, _, excess| {
            Some(Operation::Trim {
                head_s: 0.0,
                tail_s: excess,
            })
        }),
        ..COMMON
    },
    Rule {
        id: "signal.cut_end",
        title: "The end fades out",
        class: Class::Risk,
        confidence: Confidence::Heuristic,
        unit: Unit::Lu,
        why: "When the music is still at full level in the last moment of the file, the tail of a reverb or the last note is cut off.",
        method: "Momentary loudness of the last second less integrated loudness.",
        source: "A last note that is allowed to decay ends at least 8 LU below the song",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -8.0, CUT_END)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -8.0, CUT_END)),
        tolerance: 0.5,
        high: CheckText::new(
            "Cut off at the end",
            "Extend the export until the last reverb has died away, or fade it out; a loop may end like this.",
        ),
        measure: |view| {
            let series = &view.detail()?.loudness.momentary_lufs;
            let last = series.values.len().checked_sub(1)?;
            let lufs = f64::from(series.values[last].unwrap_or(-70.0));
            let end_s = view.report.file.duration_s;
            Some(Measurement::new(lufs - view.integrated()?)?.at(vec![TimeRange {
                start_s: (end_s - 1.0).max(0.0),
                end_s,
                channel: None,
            }]))
        },
        ..COMMON
    },
];

fn noted(view: &ReportView<'_>, code: NoteCode) -> Option<Measurement> {
    let note = view.report.notes.iter().find(|note| note.code == code);
    let ranges = note.map_or(&[][..], |note| &note.time_ranges);
    let worst = ranges.iter().copied().take(MAX_TIME_RANGES).collect();
    Some(Measurement::new(f64::from(u8::from(note.is_some())))?.at(worst))
}

/// The faults of these kinds, in the order of time; `None` where the engine did not look for any.
pub(super) fn local_faults(
    view: &ReportView<'_>,
    is_one: impl Fn(LocalFaultKind) -> bool,
) -> Option<Vec<LocalFault>> {
    let faults = &view.detail()?.local.as_ref()?.faults;
    Some(
        faults
            .iter()
            .copied()
            .filter(|fault| is_one(fault.kind))
            .collect(),
    )
}

/// How much each of `faults` counts: 1, or `on_the_beat` where it lies on a grid of equal times with so many others that
/// chance does not put them there. A sequencer does; a lost buffer comes when it comes.
pub(super) fn in_time(faults: &[LocalFault], on_the_beat: f64) -> Vec<f64> {
    let starts: Vec<f64> = faults.iter().map(|fault| fault.start_s).collect();
    match rhythm::grid(&starts) {
        Some(grid) => starts
            .iter()
            .map(|&start_s| match grid.holds(start_s) {
                true if grid.is_played => CERTAINLY * on_the_beat,
                true => on_the_beat,
                false => 1.0,
            })
            .collect(),
        None => vec![1.0; starts.len()],
    }
}

/// Whether `gap` is one of several that are equally long and follow each other at equal distances: stops of the arrangement.
fn is_stop(gap: &LocalFault, gaps: &[LocalFault]) -> bool {
    let ms = |gap: &LocalFault| 1_000.0 * (gap.end_s - gap.start_s);
    // Those of both channels may be two faults.
    let mut alike: Vec<f64> = gaps
        .iter()
        .filter(|other| (ms(other) - ms(gap)).abs() <= EQUAL_MS)
        .map(|other| other.start_s)
        .collect();
    alike.dedup_by(|later, earlier| *later - *earlier < EQUAL_DISTANCE_S);
    alike.len() >= FEWEST_STOPS && {
        let distance = alike[1] - alike[0];
        let turns = |from: f64, to: f64| (to - from) / distance;
        alike.windows(2).all(|pair| {
            let turns = turns(pair[0], pair[1]);
            turns.round() >= 1.0 && (turns - turns.round()).abs() * distance <= EQUAL_DISTANCE_S
        })
    }
}

/// The places of the longest of `faults`.
fn longest(faults: &[LocalFault]) -> Vec<TimeRange> {
    first_by(faults, |fault| fault.end_s - fault.start_s)
}

/// The places of the strongest of `faults`.
fn strongest(faults: &[LocalFault]) -> Vec<TimeRange> {
    first_by(faults, |fault| fault.strength_db)
}

/// The places of those with the largest figure.
pub(super) fn first_by(faults: &[LocalFault], figure: impl Fn(&LocalFault) -> f64) -> Vec<TimeRange> {
    let mut faults = faults.to_vec();
    faults.sort_by(|a, b| figure(b).total_cmp(&figure(a)));
    faults
        .iter()
        .take(MAX_TIME_RANGES)
        .map(|fault| TimeRange {
            start_s: fault.start_s,
            end_s: fault.end_s,
            channel: fault.channel,
        })
        .collect()
}

/// The tone of a passage that counts as the loudest one, with all its places; [`NO_TONE_DBFS`] where there is none.
pub(super) fn loudest_tone<'a>(
    tones: impl Iterator<Item = &'a ToneOfPassage> + Clone,
    counts_as: impl Fn(&ToneOfPassage) -> f64,
) -> Option<Measurement> {
    let Some(loudest) = tones.clone().max_by(|a, b| counts_as(a).total_cmp(&counts_as(b))) else {
        return Measurement::new(NO_TONE_DBFS);
    };
    let places = tones.filter(|tone| tone.hz == loudest.hz).map(|tone| TimeRange {
        start_s: tone.start_s,
        end_s: tone.end_s,
        channel: None,
    });
    Some(
        Measurement::new(counts_as(loudest))?
            .near(loudest.hz)
            .at(places.take(MAX_TIME_RANGES).collect()),
    )
}

/// What a tone counts as: one that may be a note, as `loudest_note_db` at most.
pub(super) fn level_of_tone(hz: f64, level_db: f64, loudest_note_db: f64) -> f64 {
    if is_note(hz) {
        level_db.min(loudest_note_db)
    } else {
        level_db
    }
}

/// Whether a tone may be a note that is held.
pub(super) const fn is_note(hz: f64) -> bool {
    hz < HIGHEST_NOTE_HZ
}

/// Whether clipping is so frequent that values are held by it.
pub(super) fn is_clipped(view: &ReportView<'_>) -> bool {
    let channels = view.detail().map_or(&[][..], |detail| &detail.peaks.channels);
    let runs = channels
        .iter()
        .map(|channel| channel.clips.runs + channel.lowered_clips.runs)
        .max();
    runs.unwrap_or(0) as f64 / view.minutes().max(0.5) > CLIPPED_PER_MINUTE
}

/// How much of the song `faults` take, in percent.
pub(super) fn share_of_song(view: &ReportView<'_>, faults: &[LocalFault]) -> Option<Measurement> {
    weighed_share_of_song(view, faults, |_| 1.0)
}

/// How much of the song `faults` take, in percent, each as often as `weigh` says.
pub(super) fn weighed_share_of_song(
    view: &ReportView<'_>,
    faults: &[LocalFault],
    weigh: impl Fn(&LocalFault) -> f64,
) -> Option<Measurement> {
    let seconds = faults
        .iter()
        .map(|fault| weigh(fault) * (fault.end_s - fault.start_s));
    Some(Measurement::new(100.0 * seconds.sum::<f64>() / view.report.file.duration_s)?.at(longest(faults)))
}
