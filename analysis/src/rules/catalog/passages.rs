//! What is wrong at some moments or for a passage, and nowhere else.

use model::report::{ChannelDelay, LocalFault, LocalFaultKind, Series, ToneOfPassage};
use model::verdict::{Area, Class, Confidence, TimeRange, Unit};

use super::super::report_view::MAX_TIME_RANGES;
use super::signal::{
    first_by, in_time, is_clipped, is_note, level_of_tone, local_faults, loudest_tone, share_of_song,
    weighed_share_of_song,
};
use super::{CheckText, Criterion, Measurement, Rule};

const COMMON: Rule = Rule {
    area: Area::Signal,
    class: Class::Defect,
    confidence: Confidence::Heuristic,
    ..Rule::COMMON
};

/// A stutter counts once for so many seconds that it takes.
const STUTTER_S: f64 = 0.2;

/// Without any; stands for nothing at all.
const NO_HISS_DBFS: f64 = -120.0;

/// Static of this level counts once, and so many dB more once more; within these bounds.
const PLAIN_STATIC_DBFS: f64 = -34.0;
const STATIC_DB: f64 = 16.0;
const STATIC_COUNTS: (f64, f64) = (0.5, 3.0);

/// Bursts that are shorter than this and come in time are drums, and count this part; in seconds.
const LONGEST_HIT_S: f64 = 0.12;
const PLAYED_NOISE: f64 = 0.1;
/// A gap so near to the edge of a burst of noise has made it, in seconds.
const CUT_S: f64 = 0.03;

/// A tone that may be a note, held on purpose, counts as this at most.
const LOUDEST_NOTE_DBFS: f64 = -50.0;

/// A step of rounding of this level counts not at all, and one of so many dB more whole; so do samples that are held for four.
const FINE_STEP_DBFS: f64 = -66.0;
const COARSE_RANGE_DB: f64 = 36.0;
const HELD_DB: f64 = 12.0;

/// A second whose momentary loudness stays below this is silent, in LUFS.
const SILENT_LUFS: f64 = -60.0;

/// What each rule costs by its distance from the range, in the rule's unit.
const STUTTERS: &[(f64, f64)] = &[(1.0, 5.0), (3.0, 13.0), (10.0, 28.0), (30.0, 45.0)];
const HISS: &[(f64, f64)] = &[(8.0, 4.0), (20.0, 12.0), (32.0, 27.0), (44.0, 40.0)];
const DELAY: &[(f64, f64)] = &[(0.15, 3.0), (0.6, 11.0), (5.0, 22.0), (11.0, 28.0), (30.0, 32.0)];
const MUFFLED: &[(f64, f64)] = &[(3.0, 4.0), (10.0, 10.0), (25.0, 24.0), (40.0, 32.0)];
const ONLY_MIDDLE: &[(f64, f64)] = &[(3.0, 3.0), (10.0, 8.0), (25.0, 16.0), (40.0, 22.0)];
const DIPS: &[(f64, f64)] = &[(1.0, 2.0), (3.0, 9.0), (10.0, 26.0), (30.0, 40.0)];
const STATIC: &[(f64, f64)] = &[(0.5, 4.0), (1.0, 8.0), (2.0, 16.0), (4.0, 26.0), (12.0, 40.0)];
const PASSING_TONE: &[(f64, f64)] = &[(8.0, 2.0), (28.0, 12.0), (40.0, 24.0), (60.0, 40.0)];
const COARSE: &[(f64, f64)] = &[(2.0, 3.0), (10.0, 14.0), (30.0, 28.0), (70.0, 45.0)];
const PAUSE: &[(f64, f64)] = &[(1.0, 2.0), (3.0, 6.0), (8.0, 15.0), (28.0, 30.0)];
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
        method: "The largest step at which a linear predictor foresees the wave on both sides by one and the same factor in all channels, from one sample to the next; or at which all of seven bands change by the same level within 1.1 dB from one second to the next, steady for 3 s on either side.",
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
        id: "signal.pause",
        class: Class::Risk,
        title: "Silence inside",
        unit: Unit::Seconds,
        why: "Seconds of nothing inside a song sound like its end, and people skip: a clip that slipped, a mute, or two pieces in one file.",
        method: "The longest run of whole seconds between the first sound and the last whose momentary loudness stays below −60 LUFS.",
        source: "One of 189 finished tracks has more than a second of it",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, PAUSE)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 2.0, PAUSE)),
        high: CheckText::new(
            "A long silence inside the song",
            "Listen to the places named, and look for a clip that slipped or a mute. Two pieces belong in two files.",
        ),
        covered_by: Some("signal.gaps"),
        measure: |view| {
            let silences = silences_inside(&view.detail()?.loudness.momentary_lufs);
            let length = |silence: &TimeRange| silence.end_s - silence.start_s;
            Some(Measurement::new(silences.first().map_or(0.0, length))?.at(silences))
        },
        ..COMMON
    },
    Rule {
        id: "stereo.delay",
        area: Area::Stereo,
        title: "Both channels at once",
        unit: Unit::Milliseconds,
        why: "A channel that is late pulls everything to the other side, and on a phone or in a club, where both are added, it hollows out the sound like a comb.",
        method: "The delay at which left and right agree most, all frequencies from 150 Hz to 7 kHz counted alike, where that is 2.5 times as much as without any; by passages of 8 s.",
        source: "docs/DETECTORS.md has the alarms on intact music; 0.04 ms cost nothing below 10 kHz",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.04, DELAY)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.04, DELAY)),
        high: CheckText::new(
            "One channel is late",
            "Move one channel of the mix by {value} against the other, and look for what delays it: a plug-in on one side whose latency is not made up for, a converter, an edit that slipped.",
        ),
        measure: |view| {
            let delays = &view.detail()?.local.as_ref()?.delays;
            let size = |delay: &&ChannelDelay| delay.right_ms.abs();
            let largest = delays.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
            let Some(largest) = largest else {
                return Measurement::new(0.0);
            };
            let late = u16::from(largest.right_ms > 0.0);
            let ranges = delays.iter().take(MAX_TIME_RANGES).map(|delay| TimeRange {
                start_s: delay.start_s,
                end_s: delay.end_s,
                channel: Some(u16::from(delay.right_ms > 0.0)),
            });
            Some(
                Measurement::new(largest.right_ms.abs())?
                    .in_channel(late, view.channels())
                    .at(ranges.collect()),
            )
        },
        ..COMMON
    },
    Rule {
        id: "signal.hiss",
        title: "Noise floor",
        unit: Unit::Dbfs,
        why: "Hiss of a microphone, a preamplifier or a tape lies under everything; it is heard in each pause and fade, and limiting brings it up.",
        method: "Bands of 1/6 octave from 4 to 16.5 kHz whose level in the quietest hundredth and in the quietest tenth of the time is the same within 1.3 dB, two or more side by side and alike, and no steeper than 3.5 dB per octave; as the level that white noise of that density has from 20 Hz to 20 kHz.",
        source: "Music falls away in its pauses, noise keeps its level: 3 of 124 intact tracks have some, one of them above the limit",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -72.0, HISS)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -72.0, HISS)),
        tolerance: 0.5,
        high: CheckText::new(
            "Hiss under the music",
            "Mute tracks until it is gone, and gate, denoise or record that one again; look for a preamplifier turned up behind a quiet source.",
        ),
        covered_by: Some("signal.few_bits"),
        measure: |view| {
            let detail = view.detail()?;
            // Older engines did not look for any.
            detail.local.as_ref()?;
            Measurement::new(detail.quality.hiss_dbfs.unwrap_or(NO_HISS_DBFS))
        },
        ..COMMON
    },
    Rule {
        id: "tone.muffled_passage",
        area: Area::Tone,
        class: Class::Risk,
        title: "Treble throughout",
        unit: Unit::Percent,
        why: "A filter that stays on, a plug-in that was switched or a take through another path leaves a stretch of the song behind a curtain.",
        method: "The share of the song in which the spectrum is that of right before and right behind, but for one low-pass, the same at the beginning and at the end, which explains 93 % of the change at one of them and 78 % at the other; for 4 s or more.",
        source: "docs/DETECTORS.md has the alarms on intact music; parts that stop take from their own bands, a filter from all above its corner",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, MUFFLED)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, MUFFLED)),
        high: CheckText::new(
            "Muffled for a while",
            "Listen to the edges of the places named, and look for a filter or a plug-in on the master that is on only there. Where it is an effect on purpose, leave it.",
        ),
        measure: |view| {
            share_of_song(
                view,
                &local_faults(view, |kind| kind == LocalFaultKind::MuffledPassage)?,
            )
        },
        ..COMMON
    },
    Rule {
        id: "stereo.mono_passage",
        area: Area::Stereo,
        class: Class::Risk,
        title: "Width throughout",
        unit: Unit::Percent,
        why: "When the sides vanish and the middle goes on, the picture collapses: a mono switch, a bounce of one channel or a lost side.",
        method: "The share of a stereo song in which left and right are the same for 3 s or more (the side 50 dB or more below the middle), while the middle of each group of bands is as loud as right beside it.",
        source: "docs/DETECTORS.md has the alarms on intact music; where fewer parts play, the middle changes as well",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, ONLY_MIDDLE)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, ONLY_MIDDLE)),
        high: CheckText::new(
            "Mono for a while",
            "Listen to the edges of the places named, and look for a mono button, a clip that was bounced in mono or a width plug-in that is automated there.",
        ),
        measure: |view| {
            view.is_stereo().then_some(())?;
            share_of_song(
                view,
                &local_faults(view, |kind| kind == LocalFaultKind::MonoPassage)?,
            )
        },
        ..COMMON
    },
    Rule {
        id: "signal.channel_dips",
        title: "Both channels throughout",
        unit: Unit::Count,
        why: "A channel that ducks away for a moment pulls everything to the other side: a loose plug, a scratched contact, a converter that lost its clock.",
        method: "Moments in which one channel falls by 11 dB or more against the other and comes back within 3 s, where the two have most in common (a correlation of 0.6) and the other plays on within 4.5 dB.",
        source: "docs/DETECTORS.md has the alarms on intact music",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, DIPS)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, DIPS)),
        high: CheckText::new(
            "A channel drops out for moments",
            "Listen to the places named on headphones, and look for a loose cable or contact in the recording, or for a gain that is automated on one side.",
        ),
        measure: |view| {
            view.is_stereo().then_some(())?;
            let dips = local_faults(view, |kind| kind == LocalFaultKind::ChannelDip)?;
            Some(Measurement::new(dips.len() as f64)?.at(first_by(&dips, |dip| dip.strength_db)))
        },
        ..COMMON
    },
    Rule {
        id: "signal.static",
        title: "Static",
        unit: Unit::Count,
        why: "A burst of noise out of nothing is a lost packet, a clock that slipped or a plug-in that failed, and frightens everybody on headphones.",
        method: "Moments of noise, about as dense from 3 to 15 kHz, that begin within 20 ms, stay at their level within 1 dB for 120 ms or more (30 ms where they are louder than −24 dBFS and 15 dB above what is around) and end within 20 ms. One of −34 dBFS counts once, one of −18 dBFS twice; those shorter than 120 ms that come in time with each other are drums, and count a tenth.",
        source: "docs/DETECTORS.md has the alarms on intact music; cymbals die away, sweeps swell, and both lose treble",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, STATIC)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, STATIC)),
        high: CheckText::new(
            "Bursts of noise",
            "Listen to the places named. Export again, offline and with a larger buffer; if they are still there, mute tracks until they are gone.",
        ),
        covered_by: Some("signal.damaged"),
        measure: |view| {
            let mut bursts = local_faults(view, |kind| kind == LocalFaultKind::NoiseBurst)?;
            // A hit that a gap cuts off ends at once.
            let gaps = local_faults(view, LocalFaultKind::is_gap)?;
            bursts.retain(|burst| {
                let cuts = |gap: &LocalFault| {
                    (gap.start_s - burst.end_s).abs() <= CUT_S || (gap.end_s - burst.start_s).abs() <= CUT_S
                };
                !gaps.iter().any(cuts)
            });
            let share = in_time(&bursts, PLAYED_NOISE);
            let counts = bursts.iter().zip(share).map(|(burst, share)| {
                let louder = (burst.strength_db - PLAIN_STATIC_DBFS) / STATIC_DB;
                let is_hit = burst.end_s - burst.start_s < LONGEST_HIT_S;
                (1.0 + louder).clamp(STATIC_COUNTS.0, STATIC_COUNTS.1) * if is_hit { share } else { 1.0 }
            });
            Some(Measurement::new(counts.sum())?.at(first_by(&bursts, |burst| burst.strength_db)))
        },
        ..COMMON
    },
    Rule {
        id: "signal.passing_tone",
        title: "Tones for a while",
        unit: Unit::Dbfs,
        why: "A tone that comes, stays as it is and goes is a line-up signal, a feedback or a whistle of a device in the room of one take.",
        method: "The loudest tone from 700 Hz to 22 kHz that for 4 s or more is there in the quietest tenth of the time, 12 dB above what is beside it, and no more than 1 dB above that half of the time. More than two such tones are music. Below 4 kHz it may be a note that is held on purpose: it counts as −50 dBFS at most, and not at all where it comes back, where another tone beside it is as steady, or where much is clipped. A tone that is always there has a rule of its own.",
        source: "docs/DETECTORS.md has the alarms on intact music",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, -78.0, PASSING_TONE)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, -78.0, PASSING_TONE)),
        tolerance: 0.5,
        high: CheckText::new(
            "A tone for a while",
            "Listen to the places named, mute tracks until the tone at {label} is gone, and cut that clip, or treat it with a narrow cut there.",
        ),
        measure: |view| {
            // What is clipped holds the harmonics of a note as steady as the note.
            let is_clipped = is_clipped(view);
            let tones = &view.detail()?.local.as_ref()?.tones;
            let counts_as = |tone: &ToneOfPassage| level_of_tone(tone.hz, tone.level_db, LOUDEST_NOTE_DBFS);
            let heard = tones.iter().filter(|tone| !(is_clipped && is_note(tone.hz)));
            loudest_tone(heard, counts_as)
        },
        ..COMMON
    },
    Rule {
        id: "signal.coarse_passage",
        title: "Resolution throughout",
        unit: Unit::Percent,
        why: "Rounding to few steps, or samples that are held at a lower rate, put a rasp over everything that rises and falls with the music: a bit crusher left on, a conversion that failed, a sample of an old device.",
        method: "The share of the song in which samples have steps of 12 bits or fewer where the rest has 3 bits more, or in which each is held for two to eight, for 2 s or more; steps of 6 bits and samples held for four count whole, finer ones less.",
        source: "docs/DETECTORS.md has the alarms on intact music; a file that is coarse as a whole has a rule of its own",
        mix: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, COARSE)),
        master: Some(Criterion::curved(f64::NEG_INFINITY, 0.0, COARSE)),
        high: CheckText::new(
            "Coarse for a while",
            "Listen to the places named, and look for a bit crusher, a rate reducer or a clip of another rate or depth. Where it is an effect on purpose, leave it.",
        ),
        measure: |view| {
            let weigh = |passage: &LocalFault| {
                let weight = match passage.kind {
                    LocalFaultKind::HeldSamples => passage.strength_db / HELD_DB,
                    _ => (passage.strength_db - FINE_STEP_DBFS) / COARSE_RANGE_DB,
                };
                let channels = if passage.channel.is_some() { 0.5 } else { 1.0 };
                channels * weight.clamp(0.0, 1.0)
            };
            weighed_share_of_song(view, &local_faults(view, is_coarse)?, weigh)
        },
        ..COMMON
    },
];

/// The runs of silent seconds between others, longest first, of a series that looks back over a second.
fn silences_inside(momentary_lufs: &Series) -> Vec<TimeRange> {
    let is_silent = |value: &Option<f32>| value.is_none_or(|lufs| f64::from(lufs) < SILENT_LUFS);
    let mut silences: Vec<TimeRange> = Vec::new();
    let mut last_sound = None;
    for (index, value) in momentary_lufs.values.iter().enumerate() {
        if is_silent(value) {
            continue;
        }
        let silence = last_sound.map(|last| TimeRange {
            start_s: momentary_lufs.time_s(last),
            end_s: momentary_lufs.time_s(index) - momentary_lufs.step_s,
            channel: None,
        });
        silences.extend(silence.filter(|silence| silence.end_s > silence.start_s));
        last_sound = Some(index);
    }
    silences.sort_by(|a, b| (b.end_s - b.start_s).total_cmp(&(a.end_s - a.start_s)));
    silences.truncate(MAX_TIME_RANGES);
    silences
}

/// Whether it is a passage of coarse samples.
pub(super) const fn is_coarse(kind: LocalFaultKind) -> bool {
    matches!(kind, LocalFaultKind::CoarsePassage | LocalFaultKind::HeldSamples)
}
