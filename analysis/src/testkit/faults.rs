//! Faults put into music by code, each at three strengths, with the rules that name it.
//!
//! The judge is measured by them (`make bench-judge`) and held by them in tests. A fault is made where people make it: in
//! the samples, never in the report.

use super::{Noise, Planes, amplitude};
use std::f64::consts::{PI, TAU};

/// How strong a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Just audible to a trained ear.
    Subtle,
    /// Clear to anybody.
    Clear,
    /// Gross.
    Gross,
}

impl Strength {
    /// All, weakest first.
    pub const ALL: [Self; 3] = [Self::Subtle, Self::Clear, Self::Gross];

    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Subtle => "subtle",
            Self::Clear => "clear",
            Self::Gross => "gross",
        }
    }
}

/// Where a fault was put: start and end, in seconds. Empty where it is everywhere.
pub type Places = Vec<(f64, f64)>;

/// Music that a fault goes into.
#[derive(Debug, Clone)]
pub struct Music {
    /// Samples per second and channel.
    pub rate: u32,
    /// The samples of both channels.
    pub planes: Planes,
    /// What chance is drawn from.
    pub seed: u64,
}

/// A kind of fault.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// The rules that name it. The name of an area with a dot at the end stands for all of it.
    pub named_by: &'static [&'static str],
    /// The amount at each strength, in the unit of `put`; `None` where there is no such strength.
    pub amounts: [Option<f64>; 3],
    /// Puts it in. `None` where this music cannot have it.
    pub put: fn(&mut Music, f64) -> Option<Places>,
}

impl Fault {
    /// The amount at `strength`.
    #[must_use]
    pub const fn amount(&self, strength: Strength) -> Option<f64> {
        self.amounts[strength as usize]
    }
}

const fn fault(
    name: &'static str,
    named_by: &'static [&'static str],
    amounts: [f64; 3],
    put: fn(&mut Music, f64) -> Option<Places>,
) -> Fault {
    Fault {
        name,
        named_by,
        amounts: [Some(amounts[0]), Some(amounts[1]), Some(amounts[2])],
        put,
    }
}

/// A fault that is there or not.
const fn gross(
    name: &'static str,
    named_by: &'static [&'static str],
    put: fn(&mut Music, f64) -> Option<Places>,
) -> Fault {
    Fault {
        name,
        named_by,
        amounts: [None, None, Some(1.0)],
        put,
    }
}

const PHASE: &[&str] = &[
    "stereo.inverted",
    "stereo.mono_loss",
    "stereo.band_mono_loss",
    "stereo.phase_time",
    "signal.inverted_passage",
];
const LIMITED: &[&str] = &[
    "dynamics.over_limited",
    "dynamics.psr",
    "dynamics.plr",
    "dynamics.dr",
    "dynamics.crest",
    "dynamics.bus_limiter",
    "dynamics.crushed_passage",
    "dynamics.pumping",
];
const LOW: &[&str] = &[
    "low_end.energy",
    "low_end.share",
    "low_end.sub",
    "low_end.one_note",
    "tone.tilt",
];

/// Every kind.
pub const FAULTS: &[Fault] = &[
    fault("gap", &["signal.gaps"], [0.004, 0.06, 0.8], gap),
    fault(
        "dropouts with soft edges",
        &["signal.gaps"],
        [-14.0, -22.0, -70.0],
        soft_dropouts,
    ),
    fault("pause", &["signal.pause"], [4.0, 8.0, 20.0], pause),
    fault(
        "channel lost",
        &["signal.lost_channel", "stereo.missing_channel"],
        [3.0, 8.0, 25.0],
        channel_lost,
    ),
    gross("polarity", PHASE, |music, _| polarity(music, 0.0, f64::MAX)),
    fault(
        "polarity of a passage",
        PHASE,
        [4.0, 9.0, 25.0],
        |music, seconds| polarity(music, 12.0, seconds),
    ),
    fault(
        "muffled passage",
        &["tone.muffled_passage"],
        [5_000.0, 2_500.0, 1_200.0],
        |music, hz| filtered_passage(music, &[low_pass(hz)]),
    ),
    fault(
        "telephone passage",
        &["tone.muffled_passage"],
        [5_500.0, 4_500.0, 3_400.0],
        |music, hz| filtered_passage(music, &[high_pass(300.0), low_pass(hz)]),
    ),
    fault(
        "dull channel",
        &["stereo.treble"],
        [9_000.0, 5_500.0, 3_000.0],
        |music, hz| {
            let side = (music.seed % 2) as usize;
            run(&low_pass(hz).at(music.rate), &mut music.planes[side]);
            Some(Vec::new())
        },
    ),
    fault(
        "mono passage",
        &["stereo.mono_passage"],
        [4.0, 9.0, 25.0],
        mono_passage,
    ),
    fault(
        "channel dips",
        &["signal.channel_dips"],
        [2.0, 5.0, 12.0],
        channel_dips,
    ),
    fault(
        "static",
        &["signal.static"],
        [-32.0, -24.0, -15.0],
        |music, dbfs| bursts_of_noise(music, 0.25, dbfs),
    ),
    fault(
        "garbage for a moment",
        &["signal.static"],
        [-15.0, -11.0, -6.0],
        |music, dbfs| bursts_of_noise(music, 0.05, dbfs),
    ),
    fault(
        "tone for a while",
        &["signal.passing_tone", "signal.tone"],
        [-50.0, -38.0, -26.0],
        passing_tone,
    ),
    fault(
        "hum of a passage",
        &["signal.hum"],
        [-46.0, -38.0, -30.0],
        |music, dbfs| {
            let (start, end, places) = passage(music, 21.0, 14.0)?;
            let mut humming = Music {
                planes: music
                    .planes
                    .iter()
                    .map(|plane| plane[start..end].to_vec())
                    .collect(),
                rate: music.rate,
                seed: music.seed,
            };
            hum(&mut humming, dbfs)?;
            for (plane, humming) in music.planes.iter_mut().zip(&humming.planes) {
                crossfade(music.rate, &mut plane[start..end], humming);
            }
            Some(places)
        },
    ),
    fault("bass too loud", LOW, [6.0, 10.0, 15.0], |music, db| {
        filter(music, &low_shelf(140.0, db))
    }),
    fault(
        "treble too loud",
        &["tone.treble_energy", "tone.tilt", "tone.sibilance", "tone.air"],
        [6.0, 10.0, 15.0],
        |music, db| filter(music, &high_shelf(6_000.0, db)),
    ),
    fault(
        "part gone in mono",
        &["stereo.opposite", "stereo.band_mono_loss", "stereo.mono_loss"],
        [-14.0, -8.0, -2.0],
        turned_part,
    ),
    fault(
        "coarse passage",
        &["signal.coarse_passage", "signal.few_bits"],
        [10.0, 8.0, 5.0],
        |music, bits| {
            let (start, end, places) = passage(music, 17.0, 10.0)?;
            let planes = music.planes.iter_mut();
            planes.for_each(|plane| plane[start..end].iter_mut().for_each(|x| *x = rounded(*x, bits)));
            Some(places)
        },
    ),
    fault(
        "held samples of a passage",
        &["signal.coarse_passage"],
        [2.0, 3.0, 5.0],
        |music, times| {
            let (start, end, places) = passage(music, 17.0, 10.0)?;
            for plane in &mut music.planes {
                for held in plane[start..end].chunks_mut(times as usize) {
                    held.fill(held[0]);
                }
            }
            Some(places)
        },
    ),
    fault(
        "clipped passage, then lowered",
        &["peaks.lowered_clips", "peaks.clipped"],
        [2.0, 4.0, 9.0],
        |music, db| {
            let (start, end, places) = passage(music, 16.0, 12.0)?;
            let (gain, top) = (amplitude(db), peak(&music.planes));
            for x in music.planes.iter_mut().flat_map(|plane| &mut plane[start..end]) {
                *x = (*x * gain).clamp(-top, top) * amplitude(-0.7 * db);
            }
            Some(places)
        },
    ),
    fault("clicks", &["signal.clicks"], [3.0, 10.0, 60.0], clicks),
    fault(
        "stutter",
        &["signal.stutter", "signal.clicks"],
        [1.0, 3.0, 10.0],
        stutter,
    ),
    fault("hum", &["signal.hum"], [-62.0, -48.0, -34.0], hum),
    fault(
        "hiss",
        &["signal.hiss", "signal.noise"],
        [-64.0, -52.0, -40.0],
        hiss,
    ),
    fault(
        "rumble",
        &["low_end.rumble", "signal.subsonic"],
        [-36.0, -28.0, -20.0],
        rumble,
    ),
    fault(
        "subsonics",
        &["signal.subsonic", "low_end.rumble"],
        [-32.0, -24.0, -16.0],
        |music, db| add_tone(music, &[7.0], db),
    ),
    fault(
        "whistle",
        &["signal.tone", "tone.resonance", "loudness.inaudible"],
        [-60.0, -48.0, -36.0],
        |music, db| add_tone(music, &[15_700.0], db),
    ),
    fault("mud", &["tone.mud"], [4.0, 7.0, 10.0], |music, db| {
        filter(music, &bell(280.0, 0.8, db))
    }),
    fault("boom", LOW, [5.0, 8.0, 12.0], |music, db| {
        filter(music, &bell(85.0, 0.9, db))
    }),
    fault(
        "thin",
        &["tone.mud", "low_end.share", "tone.tilt"],
        [-4.0, -8.0, -14.0],
        |music, db| filter(music, &low_shelf(220.0, db)),
    ),
    fault("honk", &["tone.mids"], [4.0, 7.0, 10.0], |music, db| {
        filter(music, &bell(900.0, 0.9, db))
    }),
    fault(
        "harsh",
        &["tone.harsh", "tone.harsh_moments"],
        [4.0, 7.0, 10.0],
        |music, db| filter(music, &bell(3_200.0, 0.9, db)),
    ),
    fault(
        "sibilant",
        &["tone.sibilance", "tone.sibilant_moments", "tone.treble_energy"],
        [5.0, 8.0, 12.0],
        |music, db| filter(music, &bell(7_000.0, 1.0, db)),
    ),
    fault(
        "dull",
        &["tone.tilt", "tone.sibilance", "tone.air", "tone.harsh"],
        [-5.0, -9.0, -16.0],
        |music, db| filter(music, &high_shelf(3_500.0, db)),
    ),
    fault(
        "closed",
        &[
            "tone.air",
            "tone.sibilance",
            "tone.tilt",
            "tone.bandwidth",
            "signal.cutoff",
        ],
        [11_000.0, 7_000.0, 3_500.0],
        |music, hz| {
            for _ in 0..2 {
                filter(music, &low_pass(hz));
            }
            Some(Vec::new())
        },
    ),
    fault(
        "high-pass",
        &["low_end.share", "tone.mud", "tone.tilt", "tone.bandwidth"],
        [80.0, 140.0, 260.0],
        |music, hz| {
            for _ in 0..2 {
                filter(music, &high_pass(hz));
            }
            Some(Vec::new())
        },
    ),
    fault(
        "narrow resonance",
        &["tone.resonance"],
        [9.0, 13.0, 18.0],
        |music, db| {
            let hz = [420.0, 1_150.0, 2_300.0, 3_900.0][(music.seed % 4) as usize];
            filter(music, &bell(hz, 12.0, db))
        },
    ),
    fault(
        "hole",
        &["tone.hole", "tone.mids", "tone.harsh"],
        [-10.0, -18.0, -30.0],
        |music, db| {
            let hz = [500.0, 1_000.0, 2_000.0][(music.seed % 3) as usize];
            filter(music, &bell(hz, 1.6, db))
        },
    ),
    fault(
        "clip",
        &["peaks.clipped", "peaks.long_clip"],
        [2.0, 5.0, 10.0],
        |music, db| clip(music, db, 1.0),
    ),
    fault(
        "clip, then lowered",
        &["peaks.lowered_clips", "peaks.clipped"],
        [2.0, 5.0, 10.0],
        |music, db| clip(music, db, 0.4),
    ),
    fault("squash", LIMITED, [6.0, 10.0, 16.0], squash),
    fault(
        "pumping",
        &["dynamics.pumping", "signal.pumping", "loudness.range"],
        [3.0, 6.0, 12.0],
        pumping,
    ),
    fault("DC", &["signal.offset"], [0.003, 0.015, 0.08], |music, offset| {
        add(music, |_, _| offset)
    }),
    fault(
        "DC of a passage",
        &["signal.offset"],
        [0.02, 0.05, 0.2],
        |music, offset| {
            let (start, end, places) = passage(music, 18.0, 10.0)?;
            music
                .planes
                .iter_mut()
                .for_each(|plane| plane[start..end].iter_mut().for_each(|x| *x += offset));
            Some(places)
        },
    ),
    fault("comb", &["tone.comb", "tone.hole"], [0.3, 0.5, 0.9], comb),
    fault(
        "lean",
        &["stereo.balance", "stereo.missing_channel"],
        [2.0, 4.0, 9.0],
        |music, db| lean(music, 0.0, f64::MAX, db),
    ),
    fault(
        "lean of a passage",
        &[
            "stereo.drift",
            "stereo.balance",
            "signal.balance_shift",
            "signal.lost_channel",
        ],
        [4.0, 7.0, 14.0],
        |music, db| lean(music, 15.0, 12.0, db),
    ),
    fault(
        "bass out of phase",
        &[
            "low_end.width",
            "stereo.band_mono_loss",
            "stereo.mono_loss",
            "stereo.inverted",
        ],
        [0.5, 0.8, 1.0],
        bass_out_of_phase,
    ),
    fault(
        "channel delay",
        &[
            "stereo.delay",
            "stereo.band_mono_loss",
            "stereo.mono_loss",
            "stereo.phase_time",
            "stereo.inverted",
        ],
        [0.25, 0.7, 12.0],
        delay,
    ),
    fault(
        "too wide",
        &[
            "stereo.wide",
            "stereo.mono_loss",
            "stereo.phase_time",
            "stereo.inverted",
            "stereo.band_mono_loss",
        ],
        [5.0, 9.0, 15.0],
        widen,
    ),
    gross("mono", &["stereo.dual_mono", "stereo.wide"], |music, _| {
        widen(music, -400.0)
    }),
    fault(
        "level jump",
        &[
            "signal.level_jump",
            "loudness.burst",
            "loudness.range",
            "loudness.sections",
        ],
        [3.0, 6.0, 12.0],
        |music, db| level(music, 0.5, f64::MAX, -db),
    ),
    fault(
        "level changed within a second",
        &[
            "signal.level_jump",
            "loudness.burst",
            "loudness.range",
            "loudness.sections",
        ],
        [3.0, 6.0, 12.0],
        level_ramp,
    ),
    fault(
        "one loud passage",
        &["loudness.burst", "signal.level_jump", "loudness.range"],
        [4.0, 7.0, 11.0],
        |music, db| {
            let lowered = amplitude(-db);
            music.planes.iter_mut().flatten().for_each(|x| *x *= lowered);
            level(music, 0.4, 8.0, db)
        },
    ),
    fault(
        "silence at the start",
        &["signal.head_silence"],
        [3.0, 7.0, 20.0],
        |music, seconds| silence(music, seconds, 0.0),
    ),
    fault(
        "silence at the end",
        &["signal.tail_silence"],
        [8.0, 15.0, 40.0],
        |music, seconds| silence(music, 0.0, seconds),
    ),
    gross("cut tail", &["signal.cut_end"], cut_tail),
    fault(
        "few bits",
        &["signal.few_bits", "signal.noise", "signal.hiss"],
        [12.0, 10.0, 7.0],
        few_bits,
    ),
    gross(
        "float over full scale",
        &["peaks.overs", "peaks.clipped", "peaks.true_peak"],
        |music, _| {
            let gain = amplitude(6.0) / peak(&music.planes).max(1e-9);
            music.planes.iter_mut().flatten().for_each(|x| *x *= gain);
            Some(Vec::new())
        },
    ),
    fault(
        "mud and clicks",
        &["signal.clicks", "tone.mud"],
        [4.0, 7.0, 10.0],
        |music, db| {
            filter(music, &bell(280.0, 0.8, db));
            clicks(music, db * 2.0)
        },
    ),
    fault(
        "clip and lean",
        &["peaks.clipped", "peaks.long_clip", "stereo.balance"],
        [2.0, 5.0, 9.0],
        |music, db| {
            clip(music, db, 1.0);
            lean(music, 0.0, f64::MAX, db)
        },
    ),
    fault(
        "dull and hum",
        &["signal.hum", "tone.tilt", "tone.air", "tone.sibilance"],
        [5.0, 9.0, 16.0],
        |music, db| {
            filter(music, &high_shelf(3_500.0, -db));
            hum(music, db * 2.0 - 66.0)
        },
    ),
];

/// The largest absolute sample.
#[must_use]
pub fn peak(planes: &Planes) -> f64 {
    planes
        .iter()
        .flatten()
        .fold(0.0, |most: f64, x| most.max(x.abs()))
}

fn rms(samples: &[f64]) -> f64 {
    (samples.iter().map(|x| x * x).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

fn frame(music: &Music, seconds: f64) -> usize {
    let frames = music.planes[0].len();
    (((seconds * f64::from(music.rate)).min(1e15)) as usize).min(frames)
}

/// `count` places, apart from each other, where music is as loud as it mostly is; in frames.
fn places(music: &Music, count: usize, seconds: f64) -> Vec<usize> {
    let frames = music.planes[0].len();
    let length = frame(music, seconds);
    let loud = 0.5 * rms(&music.planes[0]).max(rms(&music.planes[1]));
    let mut noise = Noise::new(music.seed ^ 0x70ac);
    let mut found: Vec<usize> = Vec::new();
    let apart = length + (frames / (4 * count.max(1))).min(music.rate as usize);
    for _ in 0..4_000 {
        if found.len() == count {
            break;
        }
        let margin = music.rate as usize;
        let room = frames.saturating_sub(length + 2 * margin).max(1);
        let at = margin + (noise.bits() % room as u64) as usize;
        let end = (at + length).min(frames);
        let around = |plane: &[f64]| {
            let ears = music.rate as usize / 20;
            rms(&plane[at.saturating_sub(ears)..at]) > loud
                && rms(&plane[end.min(frames)..(end + ears).min(frames)]) > loud
        };
        if music.planes.iter().all(|plane| around(plane))
            && found.iter().all(|other| other.abs_diff(at) >= apart)
        {
            found.push(at);
        }
    }
    found.sort_unstable();
    found
}

fn as_places(music: &Music, starts: &[usize], seconds: f64) -> Places {
    let rate = f64::from(music.rate);
    starts
        .iter()
        .map(|&at| (at as f64 / rate, at as f64 / rate + seconds))
        .collect()
}

fn gap(music: &mut Music, seconds: f64) -> Option<Places> {
    let starts = places(music, 1, seconds);
    let length = frame(music, seconds);
    for &at in &starts {
        music
            .planes
            .iter_mut()
            .for_each(|plane| plane[at..at + length].fill(0.0));
    }
    (!starts.is_empty()).then(|| as_places(music, &starts, seconds))
}

/// A passage of so many seconds from `from_s` on; all of the file where it is longer than that.
fn passage(music: &Music, from_s: f64, seconds: f64) -> Option<(usize, usize, Places)> {
    if seconds == f64::MAX {
        return Some((0, music.planes[0].len(), Vec::new()));
    }
    let end_s = from_s + seconds;
    let (start, end) = (frame(music, from_s), frame(music, end_s));
    let sounds = music
        .planes
        .iter()
        .all(|plane| rms(&plane[start..end]) > 0.25 * rms(plane));
    (frame(music, end_s + 2.0) < music.planes[0].len() && sounds).then(|| (start, end, vec![(from_s, end_s)]))
}

fn channel_lost(music: &mut Music, seconds: f64) -> Option<Places> {
    let (start, end, places) = passage(music, 14.0, seconds)?;
    let side = (music.seed % 2) as usize;
    music.planes[side][start..end].fill(0.0);
    Some(places)
}

fn polarity(music: &mut Music, from_s: f64, seconds: f64) -> Option<Places> {
    let (start, end, places) = passage(music, from_s, seconds)?;
    music.planes[1][start..end].iter_mut().for_each(|x| *x = -*x);
    Some(places)
}

/// Everything goes through these filters for 12 s, which come and go within 10 ms.
fn filtered_passage(music: &mut Music, designs: &[Design]) -> Option<Places> {
    let (start, end, places) = passage(music, 13.0, 12.0)?;
    for plane in &mut music.planes {
        let mut filtered = plane.clone();
        for design in designs {
            run(&design.at(music.rate), &mut filtered);
        }
        crossfade(music.rate, &mut plane[start..end], &filtered[start..end]);
    }
    Some(places)
}

/// All falls by so many dB for a quarter of a second, three times.
fn soft_dropouts(music: &mut Music, db: f64) -> Option<Places> {
    const DROPOUT_S: f64 = 0.25;
    let starts = places(music, 3, DROPOUT_S);
    let len = frame(music, DROPOUT_S);
    for &at in &starts {
        for plane in &mut music.planes {
            let lowered: Vec<f64> = plane[at..at + len].iter().map(|x| x * amplitude(db)).collect();
            crossfade(music.rate, &mut plane[at..at + len], &lowered);
        }
    }
    (!starts.is_empty()).then(|| as_places(music, &starts, DROPOUT_S))
}

/// Nothing for so many seconds between two parts, the first of which fades out.
fn pause(music: &mut Music, seconds: f64) -> Option<Places> {
    const FADE_S: f64 = 2.0;
    let (at, fade) = (frame(music, 20.0), frame(music, FADE_S));
    let start_s = at as f64 / f64::from(music.rate);
    for plane in &mut music.planes {
        let faded = plane[at - fade..at].iter_mut().enumerate();
        faded.for_each(|(n, x)| *x *= 1.0 - n as f64 / fade as f64);
        let nothing = vec![0.0; (seconds * f64::from(music.rate)) as usize];
        *plane = [&plane[..at], &nothing, &plane[at..]].concat();
    }
    (music.planes[0].len() > 2 * at).then(|| vec![(start_s, start_s + seconds)])
}

/// Both channels are their mean for so many seconds.
fn mono_passage(music: &mut Music, seconds: f64) -> Option<Places> {
    let (start, end, places) = passage(music, 12.0, seconds)?;
    let [left, right] = music.planes.as_mut_slice() else {
        return None;
    };
    let pairs = left[start..end].iter().zip(&right[start..end]);
    let both: Vec<f64> = pairs.map(|(l, r)| f64::midpoint(*l, *r)).collect();
    for plane in [left, right] {
        crossfade(music.rate, &mut plane[start..end], &both);
    }
    Some(places)
}

/// One channel falls by 14 dB for a third of a second, so many times.
fn channel_dips(music: &mut Music, count: f64) -> Option<Places> {
    const DIP_S: f64 = 0.33;
    let side = (music.seed % 2) as usize;
    let length_s = music.planes[side].len() as f64 / f64::from(music.rate);
    let places: Places = (0..count as usize)
        .map(|n| {
            let start_s = length_s * (0.1 + 0.8 * (n as f64 + 0.37) / count);
            (start_s, start_s + DIP_S)
        })
        .collect();
    for &(start_s, end_s) in &places {
        let (start, end) = (frame(music, start_s), frame(music, end_s));
        let plane = &mut music.planes[side][start..end];
        let lower: Vec<f64> = plane.iter().map(|x| amplitude(-14.0) * x).collect();
        crossfade(music.rate, plane, &lower);
    }
    Some(places)
}

/// A quarter of a second of white noise, three times.
fn bursts_of_noise(music: &mut Music, seconds: f64, dbfs: f64) -> Option<Places> {
    let starts = places(music, 3, seconds);
    let len = frame(music, seconds);
    // The RMS of noise between −1 and 1.
    let height = amplitude(dbfs) * 3.0_f64.sqrt();
    let mut noise = Noise::new(music.seed ^ 0x57a7);
    for &at in &starts {
        for n in at..at + len {
            let x = height * noise.white();
            music.planes.iter_mut().for_each(|plane| plane[n] += x);
        }
    }
    (!starts.is_empty()).then(|| as_places(music, &starts, seconds))
}

/// One of three tones for 6 s, which comes and goes within 10 ms.
fn passing_tone(music: &mut Music, dbfs: f64) -> Option<Places> {
    let (start, end, places) = passage(music, 19.0, 6.0)?;
    let hz = [1_000.0, 3_150.0, 6_300.0][(music.seed % 3) as usize];
    let step = TAU * hz / f64::from(music.rate);
    for plane in &mut music.planes {
        let with_tone = plane[start..end].iter().enumerate();
        let with_tone: Vec<f64> = with_tone
            .map(|(n, x)| x + amplitude(dbfs) * (step * n as f64).sin())
            .collect();
        crossfade(music.rate, &mut plane[start..end], &with_tone);
    }
    Some(places)
}

/// A melody of plucked notes whose right channel is turned, so many dB against the music.
fn turned_part(music: &mut Music, db: f64) -> Option<Places> {
    const NOTE_S: f64 = 0.4;
    if music.planes.len() != 2 {
        return None;
    }
    let level = amplitude(db) * rms(&music.planes[0]).max(rms(&music.planes[1]));
    let mut noise = Noise::new(music.seed ^ 0x70d1);
    let mut hz = 440.0;
    let rate = f64::from(music.rate);
    let note_len = (NOTE_S * rate) as usize;
    for n in 0..music.planes[0].len() {
        if n % note_len == 0 {
            hz = 330.0 * 2.0_f64.powf((12.0 * noise.white().abs()).round() / 12.0);
        }
        let time = (n % note_len) as f64 / rate;
        // Such a note has half of its power in its first 0.17 s.
        let x: f64 = (1..=5)
            .map(|order| (TAU * f64::from(order) * hz * time).sin() / f64::from(order))
            .sum::<f64>()
            * 1.6
            * level
            * (-2.0 * time).exp();
        music.planes[0][n] += x;
        music.planes[1][n] -= x;
    }
    Some(Vec::new())
}

/// Puts `other` in the place of `samples`, with 10 ms between them at either end.
fn crossfade(rate: u32, samples: &mut [f64], other: &[f64]) {
    const FADE_S: f64 = 0.01;
    let (fade, len) = (FADE_S * f64::from(rate), samples.len());
    for (n, (x, other)) in samples.iter_mut().zip(other).enumerate() {
        let share = (n.min(len - 1 - n) as f64 / fade).min(1.0);
        *x += share * (other - *x);
    }
}

/// Spikes of two samples, as loud as the music's peaks.
fn clicks(music: &mut Music, count: f64) -> Option<Places> {
    let starts = places(music, count as usize, 0.001);
    let height = 0.5 * peak(&music.planes);
    let mut noise = Noise::new(music.seed ^ 0xc11c);
    for &at in &starts {
        let sign = noise.white().signum();
        for plane in &mut music.planes {
            plane[at] += sign * height;
            plane[at + 1] -= 0.4 * sign * height;
        }
    }
    (!starts.is_empty()).then(|| as_places(music, &starts, 0.0))
}

/// A buffer of 1,024 samples, played three times.
fn stutter(music: &mut Music, count: f64) -> Option<Places> {
    const BUFFER: usize = 1_024;
    let starts = places(music, count as usize, 0.1);
    for &at in &starts {
        for plane in &mut music.planes {
            let buffer = plane[at - BUFFER..at].to_vec();
            plane[at..at + BUFFER].copy_from_slice(&buffer);
            plane[at + BUFFER..at + 2 * BUFFER].copy_from_slice(&buffer);
        }
    }
    (!starts.is_empty()).then(|| as_places(music, &starts, 2.0 * BUFFER as f64 / f64::from(music.rate)))
}

fn add(music: &mut Music, mut what: impl FnMut(usize, f64) -> f64) -> Option<Places> {
    let rate = f64::from(music.rate);
    for n in 0..music.planes[0].len() {
        let x = what(n, n as f64 / rate);
        music.planes.iter_mut().for_each(|plane| plane[n] += x);
    }
    Some(Vec::new())
}

fn add_tone(music: &mut Music, hz: &[f64], dbfs: f64) -> Option<Places> {
    let level = amplitude(dbfs);
    add(music, |_, time| {
        hz.iter().map(|hz| level * (TAU * hz * time).sin()).sum()
    })
}

fn hum(music: &mut Music, dbfs: f64) -> Option<Places> {
    let mains = [50.0, 60.0][(music.seed % 2) as usize];
    let level = amplitude(dbfs);
    add(music, |_, time| {
        (1..=5)
            .map(|n| level / f64::from(n) * (TAU * mains * f64::from(n) * time).sin())
            .sum()
    })
}

fn hiss(music: &mut Music, dbfs: f64) -> Option<Places> {
    let level = amplitude(dbfs) * 3.0_f64.sqrt();
    for (seed, plane) in (music.seed..).zip(&mut music.planes) {
        let mut noise = Noise::new(seed ^ 0x4155);
        plane.iter_mut().for_each(|x| *x += level * noise.white());
    }
    Some(Vec::new())
}

fn rumble(music: &mut Music, dbfs: f64) -> Option<Places> {
    let mut noise = Noise::new(music.seed ^ 0x3b1e);
    let rate = music.rate;
    let mut low: Vec<f64> = (0..music.planes[0].len()).map(|_| noise.white()).collect();
    for _ in 0..2 {
        run(&low_pass(28.0).at(rate), &mut low);
    }
    run(&high_pass(15.0).at(rate), &mut low);
    let gain = amplitude(dbfs) / rms(&low).max(1e-12);
    add(music, |n, _| gain * low[n])
}

fn clip(music: &mut Music, db: f64, then: f64) -> Option<Places> {
    let gain = amplitude(db) / peak(&music.planes).max(1e-9);
    music
        .planes
        .iter_mut()
        .flatten()
        .for_each(|x| *x = then * (*x * gain).clamp(-1.0, 1.0));
    Some(Vec::new())
}

/// A limiter with 1.5 ms of look-ahead and 80 ms of release, driven by `db`; its ceiling is the music's own peak, at
/// most −0.3 dBFS.
fn squash(music: &mut Music, db: f64) -> Option<Places> {
    let ceiling = peak(&music.planes).min(amplitude(-0.3));
    limit(
        music,
        db + 20.0 * (ceiling / peak(&music.planes).max(1e-9)).log10(),
        ceiling,
    );
    Some(Vec::new())
}

/// Limits to `ceiling` what is amplified by `db`.
pub fn limit(music: &mut Music, db: f64, ceiling: f64) {
    let gain = amplitude(db);
    let ahead = (0.0015 * f64::from(music.rate)) as usize;
    let frames = music.planes[0].len();
    let mut wanted: Vec<f64> = (0..frames)
        .map(|n| {
            let most = gain
                * music
                    .planes
                    .iter()
                    .map(|plane| plane[n].abs())
                    .fold(0.0, f64::max);
            if most > ceiling { ceiling / most } else { 1.0 }
        })
        .collect();
    // The least of what the next 1.5 ms need, released slowly and averaged over as long: the average never exceeds what the
    // present sample needs, so that nothing is clipped.
    let release = 1.0 - (-1.0 / (0.08 * f64::from(music.rate))).exp();
    let mut least = std::collections::VecDeque::new();
    for n in (0..frames).rev() {
        while least.back().is_some_and(|&(_, gain)| gain >= wanted[n]) {
            least.pop_back();
        }
        least.push_back((n, wanted[n]));
        while least.front().is_some_and(|&(at, _)| at > n + ahead) {
            least.pop_front();
        }
        if let Some(&(_, gain)) = least.front() {
            wanted[n] = gain;
        }
    }
    let mut now: f64 = 1.0;
    for gain in &mut wanted {
        now = gain.min(now + release * (1.0 - now));
        *gain = now;
    }
    let mut sum = (ahead + 1) as f64 * wanted.first().copied().unwrap_or(1.0);
    let held = wanted.clone();
    for n in 0..frames {
        sum += held[n] - held[n.saturating_sub(ahead + 1)];
        wanted[n] = sum / (ahead + 1) as f64;
    }
    for plane in &mut music.planes {
        for (x, reduction) in plane.iter_mut().zip(&wanted) {
            *x *= gain * reduction;
        }
    }
}

/// Gain that falls by `db` on every beat of half a second and comes back over 300 ms.
fn pumping(music: &mut Music, db: f64) -> Option<Places> {
    let rate = f64::from(music.rate);
    for plane in &mut music.planes {
        for (n, x) in plane.iter_mut().enumerate() {
            let within = (n as f64 / rate) % 0.5;
            let depth = if within < 0.02 {
                within / 0.02
            } else {
                (1.0 - (within - 0.02) / 0.3).max(0.0)
            };
            *x *= amplitude(-db * depth);
        }
    }
    Some(Vec::new())
}

fn lean(music: &mut Music, from_s: f64, seconds: f64, db: f64) -> Option<Places> {
    let (start, end, places) = passage(music, from_s, seconds)?;
    let side = (music.seed % 2) as usize;
    let gain = amplitude(-db);
    music.planes[side][start..end].iter_mut().for_each(|x| *x *= gain);
    Some(places)
}

/// The bass of the right channel is turned round: all of it at 1.
fn bass_out_of_phase(music: &mut Music, share: f64) -> Option<Places> {
    let mut low = music.planes[1].clone();
    let section = low_pass(160.0).at(music.rate);
    run(&section, &mut low);
    low.reverse();
    run(&section, &mut low);
    low.reverse();
    for (x, low) in music.planes[1].iter_mut().zip(low) {
        *x -= 2.0 * share * low;
    }
    Some(Vec::new())
}

fn delay(music: &mut Music, ms: f64) -> Option<Places> {
    let frames = (ms / 1_000.0 * f64::from(music.rate)).round() as usize;
    let length = music.planes[1].len();
    music.planes[1].rotate_right(frames);
    music.planes[1][..frames.min(length)].fill(0.0);
    Some(Vec::new())
}

/// Raises the side by `db`; without any side, takes it from a delayed middle.
fn widen(music: &mut Music, db: f64) -> Option<Places> {
    let gain = amplitude(db);
    let [left, right] = music.planes.as_mut_slice() else {
        return None;
    };
    for (l, r) in left.iter_mut().zip(right) {
        let (mid, side) = ((*l + *r) / 2.0, gain * (*l - *r) / 2.0);
        (*l, *r) = (mid + side, mid - side);
    }
    Some(Vec::new())
}

/// Changes the level by `db` from a share of the file on, for so many seconds.
fn level(music: &mut Music, from: f64, seconds: f64, db: f64) -> Option<Places> {
    let length_s = music.planes[0].len() as f64 / f64::from(music.rate);
    let start_s = from * length_s;
    let (start, end) = (frame(music, start_s), frame(music, start_s + seconds));
    let gain = amplitude(db);
    for plane in &mut music.planes {
        plane[start..end].iter_mut().for_each(|x| *x *= gain);
    }
    Some(vec![(start_s, (start_s + seconds).min(length_s))])
}

/// Lowers the second half by `db`, over 0.7 s.
fn level_ramp(music: &mut Music, db: f64) -> Option<Places> {
    const RAMP_S: f64 = 0.7;
    let start_s = 0.47 * music.planes[0].len() as f64 / f64::from(music.rate);
    let start = frame(music, start_s);
    let ramp = RAMP_S * f64::from(music.rate);
    for plane in &mut music.planes {
        for (n, x) in plane[start..].iter_mut().enumerate() {
            *x *= amplitude(-db * (n as f64 / ramp).min(1.0));
        }
    }
    Some(vec![(start_s, start_s + RAMP_S)])
}

/// Adds so much of the sound, a few milliseconds later; the peak stays where it was.
fn comb(music: &mut Music, share: f64) -> Option<Places> {
    let ms = [2.3, 4.1, 9.0, 17.0][(music.seed % 4) as usize];
    let late = (ms / 1_000.0 * f64::from(music.rate)) as usize;
    let before = peak(&music.planes);
    for plane in &mut music.planes {
        for n in (late..plane.len()).rev() {
            plane[n] += share * plane[n - late];
        }
    }
    let gain = before / peak(&music.planes).max(1e-9);
    music.planes.iter_mut().flatten().for_each(|x| *x *= gain);
    Some(Vec::new())
}

fn silence(music: &mut Music, head_s: f64, tail_s: f64) -> Option<Places> {
    let nothing = |seconds: f64| vec![0.0; (seconds * f64::from(music.rate)) as usize];
    let (head, tail) = (nothing(head_s), nothing(tail_s));
    let length_s = music.planes[0].len() as f64 / f64::from(music.rate);
    for plane in &mut music.planes {
        *plane = [head.as_slice(), plane.as_slice(), tail.as_slice()].concat();
    }
    Some(vec![if head_s > 0.0 {
        (0.0, head_s)
    } else {
        (length_s, length_s + tail_s)
    }])
}

/// Ends at a loud moment of the last third.
fn cut_tail(music: &mut Music, _: f64) -> Option<Places> {
    let frames = music.planes[0].len();
    let step = music.rate as usize / 20;
    let loudest = (frames * 2 / 3..frames.saturating_sub(step))
        .step_by(step)
        .max_by(|a, b| rms(&music.planes[0][*a..a + step]).total_cmp(&rms(&music.planes[0][*b..b + step])))?;
    let end = loudest + step;
    music.planes.iter_mut().for_each(|plane| plane.truncate(end));
    let end_s = end as f64 / f64::from(music.rate);
    Some(vec![(end_s - 1.0, end_s)])
}

fn few_bits(music: &mut Music, bits: f64) -> Option<Places> {
    music
        .planes
        .iter_mut()
        .flatten()
        .for_each(|x| *x = rounded(*x, bits));
    Some(Vec::new())
}

fn rounded(x: f64, bits: f64) -> f64 {
    let steps = 2_f64.powf(bits - 1.0);
    (x * steps).round().clamp(-steps, steps - 1.0) / steps
}

/// A filter that is not yet tied to a rate (the Audio EQ Cookbook).
#[derive(Debug, Clone, Copy)]
struct Design {
    shape: Shape,
    hz: f64,
    q: f64,
    db: f64,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Bell,
    LowShelf,
    HighShelf,
    LowPass,
    HighPass,
}

const fn bell(hz: f64, q: f64, db: f64) -> Design {
    Design {
        shape: Shape::Bell,
        hz,
        q,
        db,
    }
}

const fn low_shelf(hz: f64, db: f64) -> Design {
    Design {
        shape: Shape::LowShelf,
        hz,
        q: 0.707,
        db,
    }
}

const fn high_shelf(hz: f64, db: f64) -> Design {
    Design {
        shape: Shape::HighShelf,
        hz,
        q: 0.707,
        db,
    }
}

const fn low_pass(hz: f64) -> Design {
    Design {
        shape: Shape::LowPass,
        hz,
        q: 0.707,
        db: 0.0,
    }
}

const fn high_pass(hz: f64) -> Design {
    Design {
        shape: Shape::HighPass,
        hz,
        q: 0.707,
        db: 0.0,
    }
}

impl Design {
    /// b0, b1, b2, a1, a2.
    fn at(self, rate: u32) -> [f64; 5] {
        let w = (TAU * self.hz / f64::from(rate)).min(0.95 * PI);
        let (cos, alpha) = (w.cos(), w.sin() / (2.0 * self.q));
        let a = 10_f64.powf(self.db / 40.0);
        let root = 2.0 * a.sqrt() * alpha;
        let (b, d) = match self.shape {
            Shape::Bell => (
                [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
                [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
            ),
            Shape::LowShelf => (
                [
                    a * ((a + 1.0) - (a - 1.0) * cos + root),
                    2.0 * a * ((a - 1.0) - (a + 1.0) * cos),
                    a * ((a + 1.0) - (a - 1.0) * cos - root),
                ],
                [
                    (a + 1.0) + (a - 1.0) * cos + root,
                    -2.0 * ((a - 1.0) + (a + 1.0) * cos),
                    (a + 1.0) + (a - 1.0) * cos - root,
                ],
            ),
            Shape::HighShelf => (
                [
                    a * ((a + 1.0) + (a - 1.0) * cos + root),
                    -2.0 * a * ((a - 1.0) + (a + 1.0) * cos),
                    a * ((a + 1.0) + (a - 1.0) * cos - root),
                ],
                [
                    (a + 1.0) - (a - 1.0) * cos + root,
                    2.0 * ((a - 1.0) - (a + 1.0) * cos),
                    (a + 1.0) - (a - 1.0) * cos - root,
                ],
            ),
            Shape::LowPass => (
                [(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0],
                [1.0 + alpha, -2.0 * cos, 1.0 - alpha],
            ),
            Shape::HighPass => (
                [f64::midpoint(1.0, cos), -(1.0 + cos), f64::midpoint(1.0, cos)],
                [1.0 + alpha, -2.0 * cos, 1.0 - alpha],
            ),
        };
        [b[0] / d[0], b[1] / d[0], b[2] / d[0], d[1] / d[0], d[2] / d[0]]
    }
}

fn run(section: &[f64; 5], samples: &mut [f64]) {
    let [b0, b1, b2, a1, a2] = *section;
    let (mut one, mut two) = (0.0, 0.0);
    for x in samples {
        let input = *x;
        *x = b0 * input + one;
        one = b1 * input - a1 * *x + two;
        two = b2 * input - a2 * *x;
    }
}

/// Filters both channels, and keeps the peak where it would rise over full scale.
fn filter(music: &mut Music, design: &Design) -> Option<Places> {
    let section = design.at(music.rate);
    let before = peak(&music.planes);
    music.planes.iter_mut().for_each(|plane| run(&section, plane));
    // An equaliser is no clipper: whoever turns it up turns the master down.
    let after = peak(&music.planes);
    if after > before.max(1e-9) {
        let gain = before / after;
        music.planes.iter_mut().flatten().for_each(|x| *x *= gain);
    }
    Some(Vec::new())
}
