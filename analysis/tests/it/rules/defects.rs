//! For each side of each rule a defect and its neighbour.

use std::io::Cursor;

use analysis::testkit::{Encoding, Noise, Planes, amplitude, broken, muffle, sine, wav};
use analysis::{AnalysisOptions, measure};
use model::Report;
use model::format::AudioFormat;
use model::verdict::Stage;

use crate::ffmpeg::ffmpeg;
use crate::song::{Change, RATE, Song, beats, parts, song, unspoilt};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    High,
    Low,
}
use Side::{High, Low};

pub(super) struct Case {
    pub(super) rule: &'static str,
    pub(super) side: Side,
    pub(super) stage: Stage,
    pub(super) bad: Box<dyn Fn() -> Report>,
    pub(super) good: Box<dyn Fn() -> Report>,
}

fn case(
    rule: &'static str,
    side: Side,
    bad: impl Fn() -> Report + 'static,
    good: impl Fn() -> Report + 'static,
) -> Case {
    Case {
        rule,
        side,
        stage: Stage::Master,
        bad: Box::new(bad),
        good: Box::new(good),
    }
}

impl Case {
    fn in_a_mix(mut self) -> Self {
        self.stage = Stage::Mix;
        self
    }
}

/// The song with this change; the unspoilt one is the neighbour.
fn spoilt(rule: &'static str, side: Side, bad: fn(&mut Song)) -> Case {
    case(rule, side, move || song(bad), good)
}

/// The song with each change: the second is the neighbour.
fn songs(rule: &'static str, side: Side, bad: fn(&mut Song), good: fn(&mut Song)) -> Case {
    case(rule, side, move || song(bad), move || song(good))
}

fn hump(rule: &'static str, side: Side, hz: f64, octaves: f64, bad_db: f64, good_db: f64) -> Case {
    case(
        rule,
        side,
        move || song(|song| song.hump(hz, octaves, bad_db)),
        move || song(|song| song.hump(hz, octaves, good_db)),
    )
}

fn sum(planes: &mut Planes, tone: &[f64]) {
    for plane in planes {
        for (x, y) in plane.iter_mut().zip(tone) {
            *x += y;
        }
    }
}

/// Adds a sine over the whole song.
fn add_sine(song: &mut Song, hz: f64, dbfs: f64) {
    song.then(move |planes| {
        let seconds = planes[0].len() as f64 / f64::from(RATE);
        sum(planes, &sine(RATE, hz, amplitude(dbfs), 0.0, seconds));
    });
}

/// `samples` equal ones at `level`, `times` times.
fn flats(song: &mut Song, level: f64, samples: usize, times: usize) {
    song.then(move |planes| {
        for n in 0..times {
            let start = 48_000 + n * 9_000;
            planes[0][start..start + samples].fill(level);
        }
    });
}

fn clamp(song: &mut Song, gain_db: f64, level: f64, then: f64) {
    song.gain_db = gain_db;
    song.then(move |planes| {
        for x in planes.iter_mut().flatten() {
            *x = x.clamp(-level, level) * then;
        }
    });
}

/// Moves `db` from one channel to the other, in those frequencies where there is only mid.
fn lean(song: &mut Song, db: f64) {
    song.then(move |planes| {
        for x in &mut planes[0] {
            *x *= amplitude(db / 2.0);
        }
        for x in &mut planes[1] {
            *x *= amplitude(-db / 2.0);
        }
    });
}

fn low_tone(song: &mut Song, left_dbfs: f64, right_dbfs: f64) {
    song.then(move |planes| {
        let seconds = planes[0].len() as f64 / f64::from(RATE);
        for (plane, dbfs) in planes.iter_mut().zip([left_dbfs, right_dbfs]) {
            for (x, y) in plane
                .iter_mut()
                .zip(sine(RATE, 70.0, amplitude(dbfs), 0.0, seconds))
            {
                *x += y;
            }
        }
    });
}

/// Rounds to so many bits.
fn bits(song: &mut Song, bits: u32) {
    song.then(move |planes| {
        let steps = f64::from(1_u32 << (bits - 1));
        for x in planes.iter_mut().flatten() {
            *x = (*x * steps).round().clamp(-steps, steps - 1.0) / steps;
        }
    });
}

fn as_file(planes: &Planes, encoding: Encoding) -> Report {
    crate::report_of(wav(RATE, planes, encoding))
}

fn plain() -> Planes {
    Song::default().planes()
}

/// The song through ffmpeg and back from the file that it makes, after `damage`.
fn encoded(ending: &str, arguments: &[&str], damage: impl Fn(&mut Vec<u8>)) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.wav");
    std::fs::write(&source, wav(RATE, &plain(), Encoding::Int24)).unwrap();
    let target = folder.path().join(format!("song.{ending}"));
    ffmpeg(&source, arguments, &target);
    let mut bytes = std::fs::read(&target).unwrap();
    damage(&mut bytes);
    crate::report_of(bytes)
}

fn declared(as_format: AudioFormat) -> Report {
    let options = AnalysisOptions {
        declared: Some(as_format),
        ..AnalysisOptions::default()
    };
    let bytes = wav(RATE, &plain(), Encoding::Int24);
    measure(Cursor::new(bytes), &options, &mut |_| {}).unwrap()
}

fn good() -> Report {
    unspoilt().clone()
}

pub(super) fn cases() -> Vec<Case> {
    [
        loudness(),
        peaks(),
        dynamics(),
        tone(),
        low_end(),
        stereo(),
        signal(),
        delivery(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn loudness() -> Vec<Case> {
    vec![
        songs(
            "loudness.level",
            High,
            |song| song.limit_to(0.0, 24.0),
            |song| song.gain_db = 2.0,
        ),
        spoilt("loudness.level", Low, |song| song.gain_db = -14.0),
        songs(
            "loudness.range",
            High,
            |song| {
                song.seconds = 80.0;
                song.levels(|time| if time % 20.0 < 10.0 { -19.0 } else { 0.0 });
            },
            |song| {
                song.seconds = 80.0;
                song.levels(|time| if time % 20.0 < 10.0 { -8.0 } else { 0.0 });
            },
        ),
        songs(
            "loudness.range",
            Low,
            |song| song.seconds = 70.0,
            |song| {
                song.seconds = 70.0;
                song.levels(|time| if time % 20.0 < 10.0 { -4.0 } else { 0.0 });
            },
        ),
        spoilt("loudness.burst", High, |song| {
            song.seconds = 40.0;
            song.levels(|time| if (20.0..26.0).contains(&time) { -4.0 } else { -12.0 });
        }),
        songs(
            "loudness.inaudible",
            High,
            |song| add_sine(song, 18_500.0, -24.0),
            |song| add_sine(song, 18_500.0, -50.0),
        ),
        case(
            "loudness.sections",
            Low,
            || {
                let (dark, bright): (Change, Change) =
                    (|song| song.tilt_db = -2.0, |song| song.tilt_db = 1.5);
                parts(&[
                    (dark, 0.0),
                    (bright, 0.0),
                    (dark, 0.0),
                    (bright, 0.0),
                    (dark, 0.0),
                ])
            },
            || {
                let (dark, bright): (Change, Change) =
                    (|song| song.tilt_db = -2.0, |song| song.tilt_db = 1.5);
                parts(&[
                    (dark, -3.0),
                    (bright, 0.0),
                    (dark, -3.0),
                    (bright, 0.0),
                    (dark, 0.0),
                ])
            },
        ),
    ]
}

fn peaks() -> Vec<Case> {
    vec![
        spoilt("peaks.clipped", High, |song| clamp(song, 14.0, 1.0, 1.0)).in_a_mix(),
        songs(
            "peaks.long_clip",
            High,
            |song| flats(song, 1.0, 40, 1),
            |song| flats(song, 1.0, 5, 1),
        )
        .in_a_mix(),
        songs(
            "peaks.lowered_clips",
            High,
            |song| clamp(song, 14.0, 1.0, 0.5),
            |song| song.gain_db = -2.0,
        )
        .in_a_mix(),
        songs(
            "peaks.overs",
            High,
            |song| {
                song.encoding = Encoding::Float32;
                flats(song, 1.4, 1, 1);
            },
            |song| song.encoding = Encoding::Float32,
        ),
        songs(
            "peaks.true_peak",
            High,
            |song| song.limit_to(0.0, 12.0),
            |song| song.gain_db = -3.0,
        ),
        songs(
            "peaks.encoder_room",
            High,
            |song| song.limit_to(0.0, 12.0),
            |song| song.gain_db = -3.0,
        ),
        songs(
            "peaks.headroom",
            High,
            |song| song.limit_to(-0.5, 12.0),
            |song| song.gain_db = -2.0,
        )
        .in_a_mix(),
        case(
            "peaks.between_samples",
            High,
            || {
                let tone = sine(RATE, 12_000.0, 1.3, 45.0, 6.0);
                as_file(&vec![tone.clone(), tone], Encoding::Int24)
            },
            || {
                let tone = sine(RATE, 12_000.0, 0.9, 45.0, 6.0);
                as_file(&vec![tone.clone(), tone], Encoding::Int24)
            },
        ),
        songs(
            "peaks.lone",
            High,
            |song| {
                song.gain_db = -8.0;
                flats(song, 0.8, 2, 1);
            },
            |song| song.gain_db = -8.0,
        ),
    ]
}

fn dynamics() -> Vec<Case> {
    let flat: fn(&mut Song) = |song| song.limit_to(-1.0, 26.0);
    vec![
        spoilt("dynamics.over_limited", High, flat),
        // Steady noise that ducks on each beat and swells up again; beats that die away are the neighbour.
        songs(
            "dynamics.pumping",
            High,
            |song| {
                song.seconds = 20.0;
                song.level = Box::new(|time| {
                    let within = time % 0.5;
                    -12.0
                        * if within < 0.02 {
                            within / 0.02
                        } else {
                            (1.0 - (within - 0.02) / 0.4).max(0.0)
                        }
                });
            },
            |song| song.seconds = 20.0,
        ),
        spoilt("dynamics.psr", Low, flat),
        spoilt("dynamics.plr", Low, flat),
        spoilt("dynamics.plr", High, |song| {
            song.gain_db = -16.0;
            flats(song, 0.9, 2, 40);
        }),
        spoilt("dynamics.dr", Low, flat),
        spoilt("dynamics.crest", Low, flat),
        spoilt("dynamics.bus_limiter", High, flat).in_a_mix(),
        spoilt("dynamics.crushed_passage", Low, |song| {
            song.seconds = 60.0;
            song.then(|planes| {
                // Six seconds of something like a square wave, as loud as the rest.
                let range = 20 * RATE as usize..26 * RATE as usize;
                for plane in planes {
                    for x in &mut plane[range.clone()] {
                        *x = 0.25 * (*x * 400.0).tanh();
                    }
                }
            });
        }),
    ]
}

fn tone() -> Vec<Case> {
    vec![
        songs(
            "tone.tilt",
            High,
            |song| song.tilt_db = 4.5,
            |song| song.tilt_db = 0.8,
        ),
        songs(
            "tone.tilt",
            Low,
            |song| {
                song.tilt_db = -6.5;
                song.gain_db = -8.0;
            },
            |song| song.tilt_db = -0.8,
        ),
        hump("tone.mud", High, 320.0, 0.6, 12.0, 2.0),
        hump("tone.mud", Low, 320.0, 0.6, -12.0, -2.0),
        hump("tone.mids", High, 1_000.0, 0.8, 12.0, 1.5),
        hump("tone.mids", Low, 1_000.0, 0.8, -14.0, -1.5),
        hump("tone.harsh", High, 3_200.0, 0.6, 14.0, 2.0),
        hump("tone.harsh", Low, 3_200.0, 0.6, -18.0, -2.0),
        hump("tone.sibilance", High, 6_800.0, 0.5, 16.0, 3.0),
        hump("tone.sibilance", Low, 6_800.0, 0.5, -20.0, -3.0),
        hump("tone.air", High, 12_500.0, 0.5, 20.0, 4.0),
        hump("tone.air", Low, 12_500.0, 0.5, -24.0, -4.0),
        spoilt("tone.harsh_moments", High, |song| {
            song.hump(3_000.0, 1.0, -12.0);
            song.then(|planes| {
                let burst = sine(RATE, 3_000.0, 0.4, 0.0, 0.4);
                for start in (0..7).map(|n| n * 57_000) {
                    for plane in planes.iter_mut() {
                        for (x, y) in plane[start..].iter_mut().zip(&burst) {
                            *x += y;
                        }
                    }
                }
            });
        }),
        spoilt("tone.sibilant_moments", High, |song| {
            song.hump(7_000.0, 1.0, -12.0);
            song.then(|planes| {
                let burst = sine(RATE, 7_000.0, 0.45, 0.0, 0.4);
                for start in (0..7).map(|n| n * 57_000) {
                    for plane in planes.iter_mut() {
                        for (x, y) in plane[start..].iter_mut().zip(&burst) {
                            *x += y;
                        }
                    }
                }
            });
        }),
        songs(
            "tone.resonance",
            High,
            |song| add_sine(song, 1_000.0, -18.0),
            |song| add_sine(song, 1_000.0, -40.0),
        ),
        songs(
            "tone.comb",
            High,
            |song| {
                song.seconds = 40.0;
                song.then(|planes| late_copy(planes, 240, 0.7));
            },
            // A single echo far behind is a room.
            |song| {
                song.seconds = 40.0;
                song.then(|planes| late_copy(planes, 4_800, 0.7));
            },
        ),
        hump("tone.treble_energy", High, 10_000.0, 0.8, 24.0, 3.0),
        songs(
            "tone.hole",
            High,
            |song| {
                for hz in [940.0, 1_000.0, 1_060.0] {
                    song.hump(hz, 0.07, -40.0);
                }
            },
            |song| song.hump(1_000.0, 0.1, -3.0),
        ),
        spoilt("tone.uneven", High, |song| {
            for (n, hz) in [125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0]
                .into_iter()
                .enumerate()
            {
                song.hump(hz, 0.4, if n % 2 == 0 { 13.0 } else { -13.0 });
            }
        }),
        spoilt("tone.congestion", Low, |song| {
            song.level = Box::new(|_| -14.0);
            for step in 0..12 {
                add_sine(song, 150.0 * 2_f64.powf(f64::from(step) / 6.0), -26.0);
            }
        }),
    ]
}

fn low_end() -> Vec<Case> {
    vec![
        hump("low_end.share", High, 80.0, 0.7, 16.0, 1.0),
        hump("low_end.share", Low, 60.0, 1.2, -30.0, -2.0),
        hump("low_end.energy", High, 80.0, 1.0, 24.0, 3.0),
        hump("low_end.rumble", High, 24.0, 0.4, 60.0, 0.0),
        hump("low_end.sub", High, 45.0, 0.4, 24.0, 2.0),
        songs(
            "low_end.one_note",
            High,
            |song| low_tone(song, -7.0, -7.0),
            |song| low_tone(song, -40.0, -40.0),
        ),
        spoilt("low_end.unsteady", High, |song| {
            song.hump(70.0, 1.4, -60.0);
            song.then(|planes| {
                let note = sine(RATE, 70.0, 0.3, 0.0, 1.0);
                for start in (0..2).map(|n| n * 220_000) {
                    for plane in planes.iter_mut() {
                        for (x, y) in plane[start..].iter_mut().zip(&note) {
                            *x += y;
                        }
                    }
                }
            });
        }),
        songs(
            "low_end.width",
            High,
            |song| song.low_side_db = 1.0,
            |song| song.low_side_db = -12.0,
        ),
        spoilt("low_end.lean", High, |song| low_tone(song, -14.0, -60.0)),
        spoilt("low_end.lean", Low, |song| low_tone(song, -60.0, -14.0)),
    ]
}

fn stereo() -> Vec<Case> {
    let inverted: fn(&mut Song) = |song| {
        song.then(|planes| {
            for x in &mut planes[1] {
                *x = -*x;
            }
        });
    };
    vec![
        songs(
            "stereo.missing_channel",
            High,
            |song| song.then(|planes| planes[1].fill(0.0)),
            |song| lean(song, 2.0),
        ),
        songs(
            "stereo.balance",
            High,
            |song| lean(song, 4.0),
            |song| lean(song, 0.8),
        ),
        songs(
            "stereo.balance",
            Low,
            |song| lean(song, -4.0),
            |song| lean(song, -0.8),
        ),
        spoilt("stereo.inverted", Low, inverted),
        songs(
            "stereo.mono_loss",
            Low,
            |song| song.side_db = 4.0,
            |song| song.side_db = -3.0,
        ),
        songs(
            "stereo.band_mono_loss",
            High,
            |song| {
                song.side_humps.push(crate::song::Hump {
                    hz: 400.0,
                    octaves: 0.3,
                    db: 22.0,
                })
            },
            |song| {
                song.side_humps.push(crate::song::Hump {
                    hz: 400.0,
                    octaves: 0.3,
                    db: 4.0,
                })
            },
        ),
        songs(
            "stereo.opposite",
            High,
            |song| part(song, -1.0),
            |song| part(song, 1.0),
        ),
        spoilt("stereo.phase_time", High, |song| {
            song.seconds = 30.0;
            song.then(|planes| {
                for x in &mut planes[1][10 * RATE as usize..20 * RATE as usize] {
                    *x = -*x;
                }
            });
        }),
        songs(
            "stereo.wide",
            High,
            |song| {
                song.side_db = 5.0;
                song.gain_db = -6.0;
            },
            |song| song.side_db = -2.5,
        ),
        songs(
            "stereo.narrow",
            Low,
            |song| song.side_db = -28.0,
            |song| song.side_db = -12.0,
        ),
        spoilt("stereo.drift", High, |song| {
            song.seconds = 40.0;
            song.then(|planes| {
                for (index, plane) in planes.iter_mut().enumerate() {
                    for (n, x) in plane.iter_mut().enumerate() {
                        let left = (n / (10 * RATE as usize)).is_multiple_of(2);
                        if left == (index == 0) {
                            *x *= 0.3;
                        }
                    }
                }
            });
        }),
        spoilt("stereo.dual_mono", High, |song| {
            song.then(|planes| planes[1] = planes[0].clone())
        }),
    ]
}

/// A loud part of a few partials, whose right channel is `right` times its left one.
fn part(song: &mut Song, right: f64) {
    song.then(move |planes| {
        for hz in [440.0, 660.0, 880.0, 1_320.0] {
            let note = sine(RATE, hz, 0.15, 0.0, planes[0].len() as f64 / f64::from(RATE));
            for (plane, gain) in planes.iter_mut().zip([1.0, right]) {
                for (x, y) in plane.iter_mut().zip(&note) {
                    *x += gain * y;
                }
            }
        }
    });
}

fn signal() -> Vec<Case> {
    vec![
        songs(
            "signal.offset",
            High,
            |song| song.then(|planes| planes.iter_mut().flatten().for_each(|x| *x += 0.03)),
            |song| song.then(|planes| planes.iter_mut().flatten().for_each(|x| *x += 0.000_5)),
        ),
        songs(
            "signal.hum",
            High,
            |song| {
                song.seconds = 24.0;
                song.hump(80.0, 1.5, -40.0);
                for (harmonic, dbfs) in [(1.0, -40.0), (2.0, -46.0), (3.0, -50.0)] {
                    add_sine(song, 50.0 * harmonic, dbfs);
                }
            },
            |song| {
                song.seconds = 24.0;
                song.hump(80.0, 1.5, -40.0);
            },
        ),
        songs(
            "signal.few_bits",
            Low,
            |song| bits(song, 8),
            |song| bits(song, 16),
        ),
        spoilt("signal.padded_bits", High, |song| bits(song, 16)),
        spoilt("signal.cutoff", Low, |song| song.end_hz = 16_000.0),
        case(
            "signal.upsampled",
            Low,
            || encoded("wav", &["-ar", "96000", "-c:a", "pcm_s24le"], |_| {}),
            // What a converter adds at its own rate: noise at −91 dBFS.
            || {
                let noise =
                    "aresample=96000,aeval=val(0)+0.0001*(random(0)-0.5)|val(1)+0.0001*(random(1)-0.5)";
                encoded("wav", &["-af", noise, "-c:a", "pcm_s24le"], |_| {})
            },
        ),
        case(
            "signal.truncated",
            High,
            || crate::report_of(broken::truncated(0.8)),
            good,
        ),
        case(
            "signal.damaged",
            High,
            || {
                encoded("aac", &["-c:a", "aac", "-b:a", "192k"], |bytes| {
                    let middle = bytes.len() / 2;
                    for byte in &mut bytes[middle..middle + 3_000] {
                        *byte ^= 0x5a;
                    }
                })
            },
            || encoded("aac", &["-c:a", "aac", "-b:a", "192k"], |_| {}),
        ),
        songs(
            "signal.gaps",
            High,
            |song| silence(song, &[0, 1], 5.1, 5.14),
            // A rest that the music decays into.
            |song| {
                song.levels(|time| {
                    if (5.0..6.0).contains(&time) {
                        -200.0 * (time - 5.0)
                    } else {
                        0.0
                    }
                })
            },
        ),
        songs(
            "signal.lost_channel",
            High,
            |song| {
                song.seconds = 20.0;
                silence(song, &[1], 8.0, 12.0);
            },
            |song| song.seconds = 20.0,
        ),
        songs(
            "signal.clicks",
            High,
            |song| {
                song.then(|planes| {
                    for plane in planes {
                        for time in (0..16).map(|n| 1.13 + 0.47 * f64::from(n)) {
                            plane[frame(time)] += if plane[frame(time)] > 0.0 { -0.6 } else { 0.6 };
                        }
                    }
                });
            },
            // A hit that begins at once, and goes on.
            |song| {
                song.levels(|time| if (5.0..5.5).contains(&time) { 6.0 } else { 0.0 });
            },
        ),
        songs(
            "signal.stutter",
            High,
            |song| {
                song.then(|planes| {
                    for plane in planes {
                        plane.copy_within(frame(5.1)..frame(5.15), frame(5.15));
                    }
                });
            },
            // A beat that comes once more is music.
            |song| {
                song.then(|planes| {
                    for plane in planes {
                        plane.copy_within(frame(4.0)..frame(4.6), frame(4.6));
                    }
                });
            },
        ),
        songs(
            "signal.pause",
            High,
            |song| {
                song.seconds = 24.0;
                song.levels(|time| if (9.0..14.5).contains(&time) { -200.0 } else { 0.0 });
            },
            // A rest.
            |song| {
                song.seconds = 24.0;
                song.levels(|time| if (9.0..10.5).contains(&time) { -200.0 } else { 0.0 });
            },
        ),
        songs(
            "stereo.treble",
            High,
            |song| song.then(|planes| muffle(RATE, &mut planes[1], 0..usize::MAX)),
            |song| {
                song.then(|planes| {
                    planes
                        .iter_mut()
                        .for_each(|plane| muffle(RATE, plane, 0..usize::MAX))
                })
            },
        ),
        spoilt("stereo.treble", Low, |song| {
            song.then(|planes| muffle(RATE, &mut planes[0], 0..usize::MAX));
        }),
        spoilt("stereo.delay", High, |song| {
            song.then(|planes| planes[1].rotate_right(24));
        }),
        spoilt("signal.hiss", High, |song| {
            song.then(|planes| {
                for (seed, plane) in (7..).zip(planes) {
                    let mut noise = Noise::new(seed);
                    // −58 dBFS.
                    plane.iter_mut().for_each(|x| *x += 0.002_2 * noise.white());
                }
            });
        }),
        songs(
            "signal.level_jump",
            High,
            |song| gains(song, 5.1, 8.0, [0.5, 0.5]),
            // A swell.
            |song| {
                song.levels(|time| {
                    if (5.0..6.0).contains(&time) {
                        -6.0 * (time - 5.0)
                    } else {
                        0.0
                    }
                });
            },
        ),
        songs(
            "signal.inverted_passage",
            High,
            |song| {
                song.seconds = 30.0;
                gains(song, 10.3, 14.3, [1.0, -1.0]);
            },
            |song| song.seconds = 30.0,
        ),
        songs(
            "signal.balance_shift",
            High,
            |song| {
                song.seconds = 30.0;
                gains(song, 10.3, 18.3, [1.0, 0.5]);
            },
            // One that stays is the balance of the song.
            |song| {
                song.seconds = 30.0;
                gains(song, 0.0, 30.0, [1.0, 0.5]);
            },
        ),
        songs(
            "tone.muffled_passage",
            High,
            |song| {
                song.seconds = 30.0;
                song.then(|planes| {
                    planes
                        .iter_mut()
                        .for_each(|plane| muffle(RATE, plane, frame(10.3)..frame(18.3)))
                });
            },
            // One that stays is the sound of the song.
            |song| {
                song.seconds = 30.0;
                song.then(|planes| {
                    planes
                        .iter_mut()
                        .for_each(|plane| muffle(RATE, plane, 0..usize::MAX))
                });
            },
        ),
        songs(
            "stereo.mono_passage",
            High,
            |song| {
                song.seconds = 30.0;
                song.then(|planes| only_middle(planes, 10.3, 18.3));
            },
            |song| {
                song.seconds = 30.0;
                song.then(|planes| only_middle(planes, 0.0, 30.0));
            },
        ),
        songs(
            "signal.channel_dips",
            High,
            |song| {
                for start_s in [3.2, 5.6, 7.9] {
                    gains(song, start_s, start_s + 0.3, [1.0, 0.2]);
                }
            },
            // Both at once is a rest.
            |song| {
                for start_s in [3.2, 5.6, 7.9] {
                    gains(song, start_s, start_s + 0.3, [0.2, 0.2]);
                }
            },
        ),
        songs(
            "signal.static",
            High,
            |song| static_noise(song, |_| 1.0),
            // A cymbal dies away.
            |song| static_noise(song, |part| (-4.0 * part).exp()),
        ),
        songs(
            "signal.passing_tone",
            High,
            |song| passing_sine(song, 6.0),
            // A note of a second.
            |song| passing_sine(song, 1.0),
        ),
        songs(
            "signal.coarse_passage",
            High,
            |song| held_samples(song, 4),
            |song| held_samples(song, 1),
        ),
        spoilt("signal.subsonic", High, |song| add_sine(song, 6.0, -10.0)),
        songs(
            "signal.tone",
            High,
            |song| {
                song.seconds = 36.0;
                add_sine(song, 9_000.0, -50.0);
            },
            // A note.
            |song| {
                song.seconds = 36.0;
                song.then(|planes| {
                    let tone = sine(RATE, 9_000.0, amplitude(-50.0), 0.0, 20.0);
                    sum(planes, &tone);
                });
            },
        ),
        songs(
            "signal.not_numbers",
            High,
            |song| {
                song.encoding = Encoding::Float32;
                song.then(|planes| planes[0][frame(5.0)] = f64::NAN);
            },
            |song| song.encoding = Encoding::Float32,
        ),
        songs(
            "signal.head_silence",
            High,
            |song| song.levels(|time| if time < 4.0 { -200.0 } else { 0.0 }),
            |song| song.levels(|time| if time < 0.5 { -200.0 } else { 0.0 }),
        ),
        spoilt("signal.tail_silence", High, |song| {
            song.seconds = 24.0;
            song.levels(|time| if time > 12.0 { -200.0 } else { 0.0 });
        }),
        spoilt("signal.cut_end", High, |song| {
            song.then(|planes| {
                for plane in planes {
                    plane.truncate(6 * RATE as usize);
                }
            });
        }),
    ]
}

/// Other gains of left and right for a passage.
fn gains(song: &mut Song, from_s: f64, to_s: f64, gains: [f64; 2]) {
    song.then(move |planes| {
        for (plane, gain) in planes.iter_mut().zip(gains) {
            plane[frame(from_s)..frame(to_s)]
                .iter_mut()
                .for_each(|sample| *sample *= gain);
        }
    });
}

/// A quarter of a second of noise, of which `level` is left after a part of it.
fn static_noise(song: &mut Song, level: fn(f64) -> f64) {
    song.then(move |planes| {
        let range = frame(6.1)..frame(6.35);
        let mut noise = Noise::new(7);
        for n in range.clone() {
            let part = (n - range.start) as f64 / range.len() as f64;
            let x = amplitude(-12.0) * noise.white() * level(part);
            planes.iter_mut().for_each(|plane| plane[n] += x);
        }
    });
}

/// A tone of 3 150 Hz from 6 s on.
fn passing_sine(song: &mut Song, seconds: f64) {
    song.seconds = 30.0;
    song.then(move |planes| {
        let tone = sine(RATE, 3_150.0, amplitude(-30.0), 0.0, seconds);
        for plane in planes {
            for (x, y) in plane[frame(6.0)..].iter_mut().zip(&tone) {
                *x += y;
            }
        }
    });
}

fn held_samples(song: &mut Song, times: usize) {
    song.then(move |planes| {
        for plane in planes {
            for held in plane[frame(3.0)..frame(7.0)].chunks_mut(times) {
                held.fill(held[0]);
            }
        }
    });
}

/// Adds so much of everything, so many samples later.
fn late_copy(planes: &mut Planes, samples: usize, share: f64) {
    for plane in planes {
        for n in (samples..plane.len()).rev() {
            plane[n] += share * plane[n - samples];
        }
    }
}

/// Zeros in these channels.
fn silence(song: &mut Song, channels: &'static [usize], from_s: f64, to_s: f64) {
    song.then(move |planes| {
        for &channel in channels {
            planes[channel][frame(from_s)..frame(to_s)].fill(0.0);
        }
    });
}

fn frame(seconds: f64) -> usize {
    (seconds * f64::from(RATE)) as usize
}

fn delivery() -> Vec<Case> {
    vec![
        case(
            "delivery.lossy",
            High,
            || encoded("mp3", &["-c:a", "libmp3lame", "-b:a", "320k"], |_| {}),
            || encoded("flac", &["-c:a", "flac"], |_| {}),
        ),
        case(
            "delivery.sample_rate",
            Low,
            || encoded("wav", &["-ar", "32000"], |_| {}),
            || encoded("wav", &["-ar", "44100"], |_| {}),
        ),
        spoilt("delivery.bits", Low, |song| song.encoding = Encoding::Int16).in_a_mix(),
        case(
            "delivery.channels",
            Low,
            || as_file(&vec![plain().swap_remove(0)], Encoding::Int24),
            good,
        ),
        case(
            "delivery.channels",
            High,
            || {
                let planes = plain();
                as_file(
                    &[planes.clone(), planes.clone(), planes].concat(),
                    Encoding::Int24,
                )
            },
            good,
        ),
        case(
            "delivery.mislabelled",
            High,
            || declared(AudioFormat::Flac),
            || declared(AudioFormat::Wav),
        ),
    ]
}

#[test]
fn the_unspoilt_song_has_beats() {
    assert!(beats(0.02) > beats(0.4) && beats(0.0) < -17.0);
}

/// The middle on both channels for some seconds.
fn only_middle(planes: &mut Planes, from_s: f64, to_s: f64) {
    let range = frame(from_s)..frame(to_s).min(planes[0].len());
    if let [left, right] = planes.as_mut_slice() {
        for (l, r) in left[range.clone()].iter_mut().zip(&mut right[range]) {
            let middle = f64::midpoint(*l, *r);
            (*l, *r) = (middle, middle);
        }
    }
}
