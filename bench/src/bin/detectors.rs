//! How many local faults are found in real music, and how many false ones: the table of docs/DETECTORS.md.
//!
//!     cargo run --release -p bench --bin detectors -- FOLDER… > docs/DETECTORS.md
//!
//! Up to ninety seconds of every track below the folders are measured as they are, and every third of them again with faults put
//! into it: 5 minutes on two processors.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command-line tool whose numbers reach no report"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use analysis::decode::Stream;
use analysis::meter::{Meter, MeterInput};
use analysis::rules::find;
use analysis::testkit;
use model::report::{Detail, LocalFault, LocalFaultKind};
use model::verdict::Stage;

/// Seconds of each track.
const SECONDS: usize = 90;
/// Faults are put into every so many of them.
const EVERY: usize = 3;
const THREADS: usize = 2;
/// Combs below this are not called clear by their rule.
const CLEAR_COMB: f64 = 5.0;
/// Packages that had no say in the constants of clicks and passages.
const HELD_OUT: [&str; 2] = ["warzone2100-music", "asc-music"];
/// Where in the track the faults of moments are, in seconds; music is sought from there on.
const FIRST_S: f64 = 4.0;
const APART_S: f64 = 4.5;

type Planes = Vec<Vec<f32>>;

struct Track {
    planes: Planes,
    input: MeterInput,
}

/// A fault with its strength, as the table names it.
struct Injected {
    row: &'static str,
    strength: usize,
    expected: Expected,
}

/// What a report of a fault should say.
enum Expected {
    Fault {
        kind: LocalFaultKind,
        start_s: f64,
        end_s: f64,
    },
    Hum,
    Tone {
        hz: f64,
    },
    /// In dBFS.
    Hiss {
        level_db: f64,
    },
    Delay {
        right_ms: f64,
    },
    Pumping,
    Comb {
        delay_ms: f64,
    },
}

impl Expected {
    fn is_in(&self, detail: &Detail) -> bool {
        match *self {
            Self::Fault { kind, start_s, end_s } => {
                let margin = if end_s - start_s > 0.6 { 1.6 } else { 0.01 };
                faults(detail).iter().any(|fault| {
                    fault.kind == kind && fault.start_s <= end_s + margin && fault.end_s >= start_s - margin
                })
            }
            Self::Hum => detail
                .quality
                .hum
                .as_ref()
                .is_some_and(|hum| hum.mains_hz == 50.0),
            Self::Pumping => pumps(detail),
            Self::Comb { delay_ms } => {
                combed(detail).is_some_and(|found_ms| (found_ms - delay_ms).abs() < 0.1)
            }
            Self::Hiss { level_db } => detail
                .quality
                .hiss_dbfs
                .is_some_and(|db| (db - level_db).abs() < 3.0),
            Self::Delay { right_ms } => detail
                .local
                .iter()
                .flat_map(|local| &local.delays)
                .any(|delay| (delay.right_ms - right_ms).abs() < 0.05),
            Self::Tone { hz } => detail.quality.tones.iter().any(|tone| (tone.hz - hz).abs() < 3.0),
        }
    }
}

/// Whether this track had no say in them.
fn is_held_out(file: &Path) -> bool {
    let mut folders = file.iter();
    folders.any(|folder| HELD_OUT.iter().any(|package| folder == *package))
}

fn faults(detail: &Detail) -> &[LocalFault] {
    detail.local.as_ref().map_or(&[], |local| &local.faults)
}

#[derive(Default)]
struct Alarms {
    count: usize,
    tracks: usize,
}

#[derive(Default)]
struct Recall {
    found: [usize; 3],
    tried: [usize; 3],
}

/// What one track says.
struct Outcome {
    is_held_out: bool,
    hours: f64,
    alarms: Vec<(&'static str, usize)>,
    /// Row, strength and whether it was found.
    faults: Vec<(&'static str, usize, bool)>,
}

fn main() {
    let folders: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let files = testkit::music_files(&folders);
    let queue = Mutex::new(files.iter().enumerate());
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((index, file)) = locked(&queue).next() {
                    let found = decode(file).map(|track| outcome(&track, file, index.is_multiple_of(EVERY)));
                    locked(&outcomes).extend(found);
                }
            });
        }
    });
    print_tables(&outcomes.into_inner().unwrap_or_default());
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn outcome(track: &Track, file: &Path, is_spoilt: bool) -> Outcome {
    let rate = f64::from(track.input.rate);
    let intact = measure(&track.planes, &track.input);
    let quality = &intact.quality;
    let of_kind = |kind| faults(&intact).iter().filter(|fault| fault.kind == kind).count();
    let alarms = KINDS.iter().map(|&(name, kind)| (name, of_kind(kind))).chain([
        ("hum", usize::from(quality.hum.is_some())),
        ("steady tone", quality.tones.len()),
        ("hiss", usize::from(quality.hiss_dbfs.is_some())),
        ("delay", intact.local.iter().map(|local| local.delays.len()).sum()),
        ("pumping", usize::from(pumps(&intact))),
        (
            "tone of a passage",
            intact.local.as_ref().map_or(0, |local| local.tones.len()),
        ),
        ("comb filter", usize::from(combed(&intact).is_some())),
    ]);
    for fault in faults(&intact) {
        eprintln!("{}: {fault:?}", file.display());
    }
    let mut variants = Vec::new();
    if is_spoilt {
        variants.extend([moments(track), clicks(track), stutters(track)]);
        variants.extend((0..3).flat_map(|strength| {
            [
                gain_step(track, strength),
                gain_ramp(track, strength),
                noise(track, strength),
            ]
        }));
        variants.extend((0..3).flat_map(|strength| [pumping(track, strength), comb(track, strength)]));
        if track.planes[0].len() as f64 >= 60.0 * rate {
            variants.extend((0..3).map(|strength| tones(track, strength)));
            if track.planes.len() == 2 {
                variants.extend((0..3).map(|strength| delay(track, strength)));
                variants.extend(PassageFault::ALL.map(|fault| passages(track, fault)));
            }
        }
    }
    let spoilt = variants.into_iter().flat_map(|(planes, injected)| {
        let detail = measure(&planes, &track.input);
        let found = |injected: Injected| (injected.row, injected.strength, injected.expected.is_in(&detail));
        injected.into_iter().map(found).collect::<Vec<_>>()
    });
    Outcome {
        is_held_out: is_held_out(file),
        hours: track.planes[0].len() as f64 / rate / 3_600.0,
        alarms: alarms.collect(),
        faults: spoilt.collect(),
    }
}

/// Where the range of `rule` ends.
fn edge_of(rule: &str) -> f64 {
    let criterion = find(rule).and_then(|rule| rule.criterion(Stage::Mix));
    criterion
        .and_then(|criterion| criterion.range().high)
        .unwrap_or(f64::INFINITY)
}

/// Whether it rises together faster than the rule allows.
fn pumps(detail: &Detail) -> bool {
    let pumping = detail.local.as_ref().and_then(|local| local.pumping.as_ref());
    pumping.is_some_and(|pumping| pumping.db_per_s > edge_of("dynamics.pumping"))
}

/// The delay of a comb filter that the rule names.
fn combed(detail: &Detail) -> Option<f64> {
    let comb = detail.quality.comb?;
    (comb.ripple_db > edge_of("tone.comb") && comb.clearness >= CLEAR_COMB).then_some(comb.delay_ms)
}

const KINDS: [(&str, LocalFaultKind); 17] = [
    ("gap", LocalFaultKind::Gap),
    ("held value", LocalFaultKind::HeldValue),
    ("dropout", LocalFaultKind::Dropout),
    ("click", LocalFaultKind::Click),
    ("lost channel", LocalFaultKind::LostChannel),
    ("inverted passage", LocalFaultKind::InvertedPassage),
    ("balance shift", LocalFaultKind::BalanceShift),
    ("level jump", LocalFaultKind::LevelJump),
    ("stutter", LocalFaultKind::Stutter),
    ("gain step", LocalFaultKind::GainStep),
    ("offset of a passage", LocalFaultKind::OffsetPassage),
    ("muffled passage", LocalFaultKind::MuffledPassage),
    ("mono passage", LocalFaultKind::MonoPassage),
    ("dip of a channel", LocalFaultKind::ChannelDip),
    ("static", LocalFaultKind::NoiseBurst),
    ("coarse passage", LocalFaultKind::CoarsePassage),
    ("held samples", LocalFaultKind::HeldSamples),
];

fn decode(file: &Path) -> Option<Track> {
    let mut stream = Stream::open(File::open(file).ok()?).ok()?;
    let mut planes: Planes = Vec::new();
    while let Ok(Some(_)) = stream.advance() {
        planes.resize(stream.planes().len(), Vec::new());
        for (plane, new) in planes.iter_mut().zip(stream.planes()) {
            plane.extend_from_slice(new);
        }
        let limit = SECONDS * stream.sample_rate_hz() as usize;
        if planes[0].len() >= limit {
            planes.iter_mut().for_each(|plane| plane.truncate(limit));
            break;
        }
    }
    let input = MeterInput {
        rate: stream.sample_rate_hz(),
        weights: stream.weights(),
        // What is put in is rounded as it would be in a file of integers.
        integer_bits: Some(24),
    };
    (planes.first()?.len() >= 20 * input.rate as usize).then_some(Track { planes, input })
}

fn measure(planes: &Planes, input: &MeterInput) -> Detail {
    let mut meter = Meter::new(input, 1);
    meter.push(planes);
    meter.finish().detail
}

/// From `from` on, the first frame where every channel carries music for `frames` and a while around.
fn musical_frame(track: &Track, from: usize, frames: usize) -> Option<usize> {
    let rate = track.input.rate as usize;
    let (step, around) = (rate / 100, rate / 20);
    let loud = |plane: &[f32]| {
        plane.chunks(step).all(|step| {
            let squares: f32 = step.iter().map(|x| x * x).sum();
            (squares / step.len() as f32).sqrt() > 0.01
        })
    };
    (from..from + rate * 3).step_by(step).find(|&at| {
        let parts = [at - around..at, at + frames..at + frames + around];
        parts.iter().all(|part| {
            track
                .planes
                .iter()
                .all(|plane| plane.get(part.clone()).is_some_and(loud))
        })
    })
}

/// Gaps, held values and dropouts, each at three lengths.
fn moments(track: &Track) -> (Planes, Vec<Injected>) {
    type Change = fn(&mut [f32]);
    let rate = f64::from(track.input.rate);
    let rows: [(&str, LocalFaultKind, bool, [f64; 3], Change); 4] = [
        (
            "gap of 2, 20, 500 ms",
            LocalFaultKind::Gap,
            true,
            [0.002, 0.02, 0.5],
            |samples| samples.fill(0.0),
        ),
        (
            "gap in one channel, 2, 20, 500 ms",
            LocalFaultKind::Gap,
            false,
            [0.002, 0.02, 0.5],
            |samples| samples.fill(0.0),
        ),
        (
            "held value, 2, 20, 200 ms",
            LocalFaultKind::HeldValue,
            true,
            [0.002, 0.02, 0.2],
            |samples| {
                let value = samples.first().copied().unwrap_or_default();
                samples.fill(value);
            },
        ),
        (
            "fall by 46 dB, 5, 20, 200 ms",
            LocalFaultKind::Dropout,
            true,
            [0.005, 0.02, 0.2],
            |samples| {
                samples.iter_mut().for_each(|sample| *sample *= 0.005);
            },
        ),
    ];
    let mut planes = track.planes.clone();
    let mut injected = Vec::new();
    let mut at_s = FIRST_S;
    for (row, kind, is_in_all, strengths, change) in rows {
        for (strength, &value) in strengths.iter().enumerate() {
            let frames = (value * rate).round() as usize;
            if let Some(at) = musical_frame(track, (at_s * rate) as usize, frames) {
                let count = if is_in_all { planes.len() } else { 1 };
                for plane in &mut planes[..count] {
                    change(&mut plane[at..at + frames]);
                }
                injected.push(Injected {
                    row,
                    strength,
                    expected: Expected::Fault {
                        kind,
                        start_s: at as f64 / rate,
                        end_s: (at + frames) as f64 / rate,
                    },
                });
            }
            at_s += APART_S;
        }
    }
    (planes, injected)
}

/// Clicks of four shapes, each at three heights.
fn clicks(track: &Track) -> (Planes, Vec<Injected>) {
    /// What is added `n` samples from the start of the click, of a rate.
    type Shape = fn(f64, f64) -> f64;
    let rate = f64::from(track.input.rate);
    let rows: [(&str, Shape); 4] = [
        ("one sample off by 0.05, 0.2, 0.8", |n, _| {
            f64::from(u8::from(n < 1.0))
        }),
        ("jump by 0.05, 0.2, 0.8, decaying in 5 ms", |n, rate| {
            (1.0 - n / (0.005 * rate)).max(0.0)
        }),
        ("jump by 0.05, 0.2, 0.8, decaying in 50 ms", |n, rate| {
            (1.0 - n / (0.05 * rate)).max(0.0)
        }),
        ("crackle of 1 ms, 0.05, 0.2, 0.8 high", |n, rate| {
            let decay = (1.0 - n / (0.001 * rate)).max(0.0);
            decay * [1.0, -0.8, 0.3, 0.7, -1.0, 0.2, -0.4][n as usize % 7]
        }),
    ];
    let mut planes = track.planes.clone();
    let mut injected = Vec::new();
    let mut at_s = FIRST_S;
    for (row, shape) in rows {
        for (strength, height) in [0.05, 0.2, 0.8].into_iter().enumerate() {
            let frames = (0.05 * rate) as usize;
            if let Some(at) = musical_frame(track, (at_s * rate) as usize, frames) {
                // Music is sought in steps; clicks keep to none.
                let at = at + injected.len() * 7_919 % 431;
                // Towards the other side, so that it stays below full scale.
                let sign = if planes[0][at] > 0.0 { -1.0 } else { 1.0 };
                for plane in &mut planes {
                    for (n, sample) in plane[at..at + frames].iter_mut().enumerate() {
                        *sample += (sign * height * shape(n as f64, rate)) as f32;
                    }
                }
                injected.push(Injected {
                    row,
                    strength,
                    expected: Expected::Fault {
                        kind: LocalFaultKind::Click,
                        start_s: at as f64 / rate,
                        end_s: at as f64 / rate,
                    },
                });
            }
            at_s += APART_S;
        }
    }
    (planes, injected)
}

/// A buffer that is played again, of three lengths.
fn stutters(track: &Track) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let mut planes = track.planes.clone();
    let mut injected = Vec::new();
    for (strength, seconds) in [0.006, 0.023, 0.2].into_iter().enumerate() {
        let frames = (seconds * rate) as usize;
        let from = ((FIRST_S + 5.0 * strength as f64) * rate) as usize;
        if let Some(at) = musical_frame(track, from, 2 * frames) {
            let at = at + strength * 137;
            for plane in &mut planes {
                plane.copy_within(at..at + frames, at + frames);
            }
            injected.push(Injected {
                row: "buffer of 6, 23, 200 ms played twice",
                strength,
                expected: Expected::Fault {
                    kind: LocalFaultKind::Stutter,
                    start_s: (at + frames) as f64 / rate,
                    end_s: (at + 2 * frames) as f64 / rate,
                },
            });
        }
    }
    (planes, injected)
}

/// All is lower from one sample on.
fn gain_step(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let mut planes = track.planes.clone();
    let place = musical_frame(track, (11.0 * rate) as usize, 64).map(|at| at + 93);
    let injected = place.map(|at| {
        let gain = [0.708, 0.501, 0.251][strength];
        for plane in &mut planes {
            plane[at..].iter_mut().for_each(|sample| *sample *= gain);
        }
        Injected {
            row: "all lower by 3, 6, 12 dB from a sample on",
            strength,
            expected: Expected::Fault {
                kind: LocalFaultKind::GainStep,
                start_s: at as f64 / rate,
                end_s: at as f64 / rate,
            },
        }
    });
    (planes, injected.into_iter().collect())
}

/// All is lower within 0.7 s, and stays so.
fn gain_ramp(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    const RAMP_S: f64 = 0.7;
    let rate = f64::from(track.input.rate);
    let start_s = 13.6;
    let mut planes = track.planes.clone();
    let db = [4.0, 8.0, 14.0][strength];
    for plane in &mut planes {
        for (n, sample) in plane[(start_s * rate) as usize..].iter_mut().enumerate() {
            *sample *= testkit::amplitude(-db * (n as f64 / rate / RAMP_S).min(1.0)) as f32;
        }
    }
    let injected = Injected {
        row: "all lower by 4, 8, 14 dB within 0.7 s",
        strength,
        expected: Expected::Fault {
            kind: LocalFaultKind::GainStep,
            start_s,
            end_s: start_s + RAMP_S,
        },
    };
    (planes, vec![injected])
}

/// The whole sum ducks every 0.43 s and comes back within 0.25 s.
fn pumping(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let db = [4.0, 8.0, 12.0][strength];
    let mut planes = track.planes.clone();
    for plane in &mut planes {
        for (n, sample) in plane.iter_mut().enumerate() {
            let within_s = (n as f64 / rate) % 0.43;
            let depth = if within_s < 0.015 {
                within_s / 0.015
            } else {
                (1.0 - (within_s - 0.015) / 0.25).max(0.0)
            };
            *sample *= testkit::amplitude(-db * depth) as f32;
        }
    }
    let injected = Injected {
        row: "all ducks by 4, 8, 12 dB every 0.43 s",
        strength,
        expected: Expected::Pumping,
    };
    (planes, vec![injected])
}

/// A copy of all, 5 ms later.
fn comb(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let late = (0.005 * rate).round() as usize;
    let share = [0.3, 0.5, 0.8][strength];
    let mut planes = track.planes.clone();
    for plane in &mut planes {
        for n in (late..plane.len()).rev() {
            plane[n] += share * plane[n - late];
        }
    }
    let injected = Injected {
        row: "a copy 5 ms later, of 0.3, 0.5, 0.8 of the level",
        strength,
        expected: Expected::Comb {
            delay_ms: 1_000.0 * late as f64 / rate,
        },
    };
    (planes, vec![injected])
}

/// White noise over the whole track.
fn noise(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    let level_db = [-64.0, -52.0, -40.0][strength];
    let height = 3.0_f64.sqrt() * testkit::amplitude(level_db);
    let mut planes = track.planes.clone();
    for (seed, plane) in (1..).zip(&mut planes) {
        let mut noise = testkit::Noise::new(seed);
        plane
            .iter_mut()
            .for_each(|sample| *sample += (height * noise.white()) as f32);
    }
    let injected = Injected {
        row: "white noise of −64, −52, −40 dBFS",
        strength,
        expected: Expected::Hiss { level_db },
    };
    (planes, vec![injected])
}

/// The right channel late over the whole track.
fn delay(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let frames = ([0.000_25, 0.000_7, 0.012][strength] * rate).round() as usize;
    let mut planes = track.planes.clone();
    let len = planes[1].len();
    planes[1].copy_within(..len - frames, frames);
    let injected = Injected {
        row: "right channel late by 0.25, 0.7, 12 ms",
        strength,
        expected: Expected::Delay {
            right_ms: 1_000.0 * frames as f64 / rate,
        },
    };
    (planes, vec![injected])
}

/// Hum, a whistle and a monitor tone at one of three levels, over the whole track.
fn tones(track: &Track, strength: usize) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let [hum_db, whistle_db, tone_db] = [
        [-60.0, -80.0, -60.0],
        [-50.0, -65.0, -50.0],
        [-40.0, -50.0, -40.0],
    ][strength];
    let amplitude = |db: f64| 10.0_f64.powf(db / 20.0);
    // What is true of mains: the third harmonic is strong, and the frequency is not quite its name.
    let parts = [
        (50.03, amplitude(hum_db)),
        (100.06, amplitude(hum_db - 12.0)),
        (150.09, amplitude(hum_db - 6.0)),
        (15_734.0, amplitude(whistle_db)),
        (1_000.0, amplitude(tone_db)),
    ];
    let mut planes = track.planes.clone();
    for plane in &mut planes {
        for (n, sample) in plane.iter_mut().enumerate() {
            let t = n as f64 / rate;
            *sample += parts
                .iter()
                .filter(|(hz, _)| *hz < rate / 2.0)
                .map(|(hz, amplitude)| amplitude * (std::f64::consts::TAU * hz * t).sin())
                .sum::<f64>() as f32;
        }
    }
    let row = |row, expected| Injected {
        row,
        strength,
        expected,
    };
    let mut injected = vec![
        row("hum of 50 Hz at −60, −50, −40 dBFS", Expected::Hum),
        row("1 kHz at −60, −50, −40 dBFS", Expected::Tone { hz: 1_000.0 }),
    ];
    if rate > 32_000.0 {
        injected.push(row(
            "whistle of 15.7 kHz at −80, −65, −50 dBFS",
            Expected::Tone { hz: 15_734.0 },
        ));
    }
    (planes, injected)
}

#[derive(Clone, Copy)]
enum PassageFault {
    Lost,
    Inverted,
    Leaning,
    Lower,
    Muffled,
    Mono,
    Dipping,
    Static,
    Garbage,
    Fading,
    Telephone,
    Coarse,
    Held,
}

impl PassageFault {
    const ALL: [Self; 13] = [
        Self::Lost,
        Self::Inverted,
        Self::Leaning,
        Self::Lower,
        Self::Muffled,
        Self::Mono,
        Self::Dipping,
        Self::Static,
        Self::Garbage,
        Self::Fading,
        Self::Telephone,
        Self::Coarse,
        Self::Held,
    ];

    fn row(self) -> (&'static str, LocalFaultKind) {
        match self {
            Self::Lost => ("right channel lost for 4, 8, 20 s", LocalFaultKind::LostChannel),
            Self::Inverted => (
                "right channel inverted for 4, 8, 20 s",
                LocalFaultKind::InvertedPassage,
            ),
            Self::Leaning => (
                "right channel lower by 4, 6, 9 dB for 8 s",
                LocalFaultKind::BalanceShift,
            ),
            Self::Lower => ("all lower by 4, 6, 9 dB for 8 s", LocalFaultKind::LevelJump),
            Self::Muffled => (
                "all below 5, 2.5, 1 kHz (12 dB per octave) for 8 s",
                LocalFaultKind::MuffledPassage,
            ),
            Self::Mono => (
                "both channels the same for 4, 8, 20 s",
                LocalFaultKind::MonoPassage,
            ),
            Self::Dipping => (
                "right channel lower by 12, 16, 30 dB for 0.3 s",
                LocalFaultKind::ChannelDip,
            ),
            Self::Static => (
                "white noise of −36, −26, −16 dBFS for 0.2 s",
                LocalFaultKind::NoiseBurst,
            ),
            Self::Garbage => (
                "random samples of −20, −13, −6 dBFS for 0.05 s",
                LocalFaultKind::NoiseBurst,
            ),
            Self::Fading => (
                "all lower by 16, 22, 70 dB for 0.25 s, within 10 ms",
                LocalFaultKind::Dropout,
            ),
            Self::Telephone => (
                "all from 0.3 to 5.5, 4.5, 3.4 kHz (12 dB per octave) for 8 s",
                LocalFaultKind::MuffledPassage,
            ),
            Self::Coarse => ("rounded to 11, 8, 5 bits for 8 s", LocalFaultKind::CoarsePassage),
            Self::Held => (
                "each sample held for 2, 4, 8 for 8 s",
                LocalFaultKind::HeldSamples,
            ),
        }
    }

    fn seconds(self, strength: usize) -> f64 {
        match self {
            Self::Lost | Self::Inverted | Self::Mono => [4.0, 8.0, 20.0][strength],
            Self::Leaning | Self::Lower | Self::Muffled | Self::Telephone | Self::Coarse | Self::Held => 8.0,
            Self::Dipping => 0.3,
            Self::Fading => 0.25,
            Self::Static => 0.2,
            Self::Garbage => 0.05,
        }
    }

    /// Changes a passage of this rate.
    fn put(self, strength: usize, rate: f64, left: &mut [f32], right: &mut [f32]) {
        let gain = [0.631, 0.501, 0.355][strength];
        let scale = |samples: &mut [f32], gain: f32| samples.iter_mut().for_each(|sample| *sample *= gain);
        match self {
            Self::Lost => scale(right, 0.0),
            Self::Inverted => scale(right, -1.0),
            Self::Leaning => scale(right, gain),
            Self::Lower => {
                scale(left, gain);
                scale(right, gain);
            }
            Self::Dipping => scale(right, [0.251, 0.158, 0.032][strength]),
            Self::Mono => {
                for (l, r) in left.iter_mut().zip(right) {
                    let middle = f32::midpoint(*l, *r);
                    (*l, *r) = (middle, middle);
                }
            }
            Self::Static => {
                let noise = white([-36.0, -26.0, -16.0][strength]);
                for ((l, r), x) in left.iter_mut().zip(right).zip(noise) {
                    *l += x;
                    *r += x;
                }
            }
            Self::Garbage => {
                let noise = white([-20.0, -13.0, -6.0][strength]);
                for ((l, r), x) in left.iter_mut().zip(right).zip(noise) {
                    (*l, *r) = (x, x);
                }
            }
            Self::Fading => {
                let lowered = [0.158, 0.079, 0.000_3][strength];
                let fade = 0.01 * rate;
                let last = left.len() - 1;
                for samples in [left, right] {
                    for (n, sample) in samples.iter_mut().enumerate() {
                        let share = (n.min(last - n) as f64 / fade).min(1.0);
                        *sample *= (1.0 - share * (1.0 - lowered)) as f32;
                    }
                }
            }
            Self::Telephone => {
                let corner_hz = [5_500.0, 4_500.0, 3_400.0][strength];
                for samples in [left, right] {
                    let below: Vec<f32> = low_passed(samples, 300.0, rate);
                    samples.iter_mut().zip(below).for_each(|(x, below)| *x -= below);
                    samples.copy_from_slice(&low_passed(samples, corner_hz, rate));
                }
            }
            Self::Coarse => {
                let steps = [1_024.0, 128.0, 16.0][strength];
                for sample in left.iter_mut().chain(right) {
                    *sample = (*sample * steps).round() / steps;
                }
            }
            Self::Held => {
                for samples in [left, right] {
                    for held in samples.chunks_mut(2 << strength) {
                        held.fill(held[0]);
                    }
                }
            }
            Self::Muffled => {
                let corner_hz = [5_000.0, 2_500.0, 1_000.0][strength];
                for samples in [left, right] {
                    samples.copy_from_slice(&low_passed(samples, corner_hz, rate));
                }
            }
        }
    }
}

/// White noise of this level.
fn white(dbfs: f64) -> impl Iterator<Item = f32> {
    // The RMS of noise between −1 and 1.
    let height = 3.0_f64.sqrt() * 10.0_f64.powf(dbfs / 20.0);
    let mut noise = testkit::Noise::new(11);
    std::iter::repeat_with(move || (height * noise.white()) as f32)
}

/// Through two poles at `corner_hz`.
fn low_passed(samples: &[f32], corner_hz: f64, rate: f64) -> Vec<f32> {
    let pole = 1.0 - (-std::f64::consts::TAU * corner_hz / rate).exp();
    let mut states = [0.0; 2];
    let pass = |sample: &f32| {
        let mut low = f64::from(*sample);
        for state in &mut states {
            *state += pole * (low - *state);
            low = *state;
        }
        low as f32
    };
    samples.iter().map(pass).collect()
}

/// A passage of each strength.
fn passages(track: &Track, fault: PassageFault) -> (Planes, Vec<Injected>) {
    let rate = f64::from(track.input.rate);
    let (row, kind) = fault.row();
    let mut planes = track.planes.clone();
    let mut injected = Vec::new();
    for (strength, start_s) in [9.3, 23.8, 39.4].into_iter().enumerate() {
        let end_s = start_s + fault.seconds(strength);
        let range = (start_s * rate) as usize..(end_s * rate) as usize;
        if let [left, right] = planes.as_mut_slice() {
            fault.put(strength, rate, &mut left[range.clone()], &mut right[range]);
        }
        injected.push(Injected {
            row,
            strength,
            expected: Expected::Fault { kind, start_s, end_s },
        });
    }
    (planes, injected)
}

fn print_tables(outcomes: &[Outcome]) {
    let tracks = outcomes.len();
    let mut hours = [0.0; 2];
    let mut groups: [BTreeMap<&'static str, Alarms>; 2] = Default::default();
    let mut recall: BTreeMap<&'static str, Recall> = BTreeMap::new();
    for outcome in outcomes {
        let group = usize::from(outcome.is_held_out);
        hours[group] += outcome.hours;
        for &(name, count) in &outcome.alarms {
            let alarms = groups[group].entry(name).or_default();
            alarms.count += count;
            alarms.tracks += usize::from(count > 0);
        }
        for &(row, strength, is_found) in &outcome.faults {
            let entry = recall.entry(row).or_default();
            entry.tried[strength] += 1;
            entry.found[strength] += usize::from(is_found);
        }
    }
    println!("# Detectors of local faults\n");
    println!(
        "Written by `cargo run --release -p bench --bin detectors` over free music from Debian's packages: {tracks} tracks, up to {SECONDS} s of each, {:.2} hours in all. Faults were put into every third track. A fault of a moment counts as found within 10 ms, one of a passage or a second within 1.6 s; pumping and comb filters beyond the range of their rules.\n",
        hours[0] + hours[1]
    );
    println!(
        "## On intact music\n\nMusic may hold real faults; nobody has listened to each alarm. The constants of gaps, held values, dropouts and lost channels were set before any music was measured. Those of clicks were chosen on every other track of the packages hyperrogue-music, singularity-music and wesnoth-1.16-music, those of passages on all of these, those of hum, tones, pumping, comb filters and changes of gain within a second with a look at all. The packages {} had no say in the others.\n",
        HELD_OUT.join(" and ")
    );
    println!(
        "| kind | alarms per hour where constants were chosen ({:.2} h) | alarms per hour elsewhere ({:.2} h) | tracks with any, of all |\n|---|---:|---:|---:|",
        hours[0], hours[1]
    );
    for (name, chosen) in &groups[0] {
        let other = groups[1].get(name);
        let others = other.map_or(0, |alarms| alarms.count);
        println!(
            "| {name} | {:.1} ({}) | {:.1} ({others}) | {} |",
            chosen.count as f64 / hours[0],
            chosen.count,
            others as f64 / hours[1],
            chosen.tracks + other.map_or(0, |alarms| alarms.tracks),
        );
    }
    println!("\n## On faults put in\n\nFound of tried, at three strengths.\n");
    println!("| fault | weak | middle | strong |\n|---|---:|---:|---:|");
    for (row, recall) in &recall {
        let cells: Vec<String> = recall
            .found
            .iter()
            .zip(recall.tried)
            .map(|(found, tried)| {
                format!(
                    "{found} of {tried} ({:.0} %)",
                    100.0 * *found as f64 / tried.max(1) as f64
                )
            })
            .collect();
        println!("| {row} | {} |", cells.join(" | "));
    }
}
