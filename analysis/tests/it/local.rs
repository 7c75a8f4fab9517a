//! Faults of moments and passages, put into music that has none.

use crate::measured;
use analysis::testkit::faults::{FAULTS, Music, Strength};
use analysis::testkit::{Noise, Planes, muffle, music};
use model::report::{LocalDetail, LocalFault, LocalFaultKind};

const RATE: u32 = 44_100;

fn local(planes: &Planes) -> LocalDetail {
    measured(RATE, planes).detail.unwrap().local.unwrap()
}

fn frames(seconds: f64) -> usize {
    (seconds * f64::from(RATE)) as usize
}

/// Music with `change` made to some seconds of some channels.
fn changed(channels: &[usize], from_s: f64, to_s: f64, mut change: impl FnMut(usize, f64) -> f64) -> Planes {
    let mut planes = music(RATE, 30.0, 1);
    for &channel in channels {
        let first = planes[channel][frames(from_s)];
        for (n, sample) in planes[channel][frames(from_s)..frames(to_s)]
            .iter_mut()
            .enumerate()
        {
            *sample = change(n, if n == 0 { first } else { *sample });
        }
    }
    planes
}

#[track_caller]
fn only(local: &LocalDetail, kind: LocalFaultKind) -> LocalFault {
    let found: Vec<&LocalFault> = local.faults.iter().filter(|fault| fault.kind == kind).collect();
    assert_eq!(found.len(), 1, "{kind:?}: {local:?}");
    *found[0]
}

#[track_caller]
fn none(local: &LocalDetail, kind: LocalFaultKind) {
    assert!(local.faults.iter().all(|fault| fault.kind != kind), "{local:?}");
}

#[test]
fn intact_music_with_fades_and_rests_has_no_faults() {
    let mut planes = music(RATE, 30.0, 1);
    for plane in &mut planes {
        let len = plane.len();
        for (n, sample) in plane.iter_mut().enumerate() {
            // In over 2 s, out over 3 s, and a rest of 1 s that begins with a decay of 50 ms.
            let seconds = n as f64 / f64::from(RATE);
            let left = (len - n) as f64 / f64::from(RATE);
            let rest = if (12.0..13.0).contains(&seconds) {
                (1.0 - (seconds - 12.0) / 0.05).max(0.0)
            } else {
                1.0
            };
            *sample *= (seconds / 2.0).min(1.0) * (left / 3.0).min(1.0) * rest;
        }
    }
    let found = local(&planes);
    assert!(
        found
            .pumping
            .as_ref()
            .is_some_and(|pumping| pumping.db_per_s < 7.5),
        "{found:?}"
    );
    let rest = LocalDetail {
        pumping: None,
        ..found
    };
    assert_eq!(rest, LocalDetail::default());
}

#[test]
fn a_gap_has_its_place_length_and_channel() {
    for (channels, length_s) in [(&[0, 1][..], 0.002), (&[0, 1][..], 1.0), (&[1][..], 0.01)] {
        let local = local(&changed(channels, 10.2, 10.2 + length_s, |_, _| 0.0));
        let gap = only(&local, LocalFaultKind::Gap);
        assert!((gap.start_s - 10.2).abs() < 0.002, "{gap:?}");
        assert!((gap.end_s - gap.start_s - length_s).abs() < 0.003, "{gap:?}");
        assert_eq!(gap.channel, (channels.len() == 1).then_some(1));
    }
}

#[test]
fn a_held_value_and_a_steep_fall_are_told_apart() {
    let held = local(&changed(&[0, 1], 10.2, 10.23, |_, _| 0.01));
    only(&held, LocalFaultKind::HeldValue);
    let fallen = local(&changed(&[0, 1], 10.2, 10.25, |_, sample| 0.003 * sample));
    only(&fallen, LocalFaultKind::Dropout);
}

#[test]
fn a_lost_or_inverted_channel_is_a_passage() {
    let lost = local(&changed(&[1], 10.5, 16.5, |_, sample| 1e-6 * sample));
    let lost = only(&lost, LocalFaultKind::LostChannel);
    assert_eq!((lost.start_s, lost.end_s, lost.channel), (11.0, 16.0, Some(1)));
    let inverted = local(&changed(&[1], 10.5, 16.5, |_, sample| -sample));
    let inverted = only(&inverted, LocalFaultKind::InvertedPassage);
    assert!((inverted.start_s - 10.5).abs() <= 1.0 && (inverted.end_s - 16.5).abs() <= 1.0);
}

#[test]
fn a_click_has_its_sample_and_its_channel() {
    for (channels, by) in [(&[0][..], 0.2), (&[0, 1][..], 0.7)] {
        let mut planes = music(RATE, 20.0, 1);
        for &channel in channels {
            planes[channel][frames(10.2)] += by;
        }
        let click = only(&local(&planes), LocalFaultKind::Click);
        // The third difference is largest one or two samples behind it.
        assert!((click.start_s - 10.2).abs() < 0.000_1, "{click:?}");
        assert_eq!(click.channel, (channels.len() == 1).then_some(0));
        assert!(click.strength_db > 23.0, "{click:?}");
    }
}

#[test]
fn a_shift_of_balance_has_its_side_and_size() {
    let shifted = local(&changed(&[1], 10.3, 16.3, |_, sample| 0.5 * sample));
    let shift = only(&shifted, LocalFaultKind::BalanceShift);
    assert!((shift.strength_db - 6.0).abs() < 0.5, "{shift:?}");
    assert!((shift.start_s - 10.3).abs() <= 1.0 && (shift.end_s - 16.3).abs() <= 1.0);
}

#[test]
fn a_muffled_passage_has_its_place_and_cymbals_that_stop_are_none() {
    let mut planes = music(RATE, 40.0, 1);
    for plane in &mut planes {
        muffle(RATE, plane, frames(10.4)..frames(17.6));
    }
    let passage = only(&local(&planes), LocalFaultKind::MuffledPassage);
    assert!((passage.start_s - 10.4).abs() <= 1.0 && (passage.end_s - 17.6).abs() <= 1.0);
    assert!(passage.strength_db > 15.0, "{passage:?}");

    // A bright noise, as cymbals make it, that stops and comes back.
    let mut planes = music(RATE, 40.0, 1);
    let mut noise = analysis::testkit::Noise::new(5);
    for plane in &mut planes {
        let mut before = 0.0;
        for (n, sample) in plane.iter_mut().enumerate() {
            let white = noise.white();
            if !(frames(10.4)..frames(17.6)).contains(&n) {
                *sample += 0.05 * (white - before);
            }
            before = white;
        }
    }
    none(&local(&planes), LocalFaultKind::MuffledPassage);
}

#[test]
fn a_telephone_is_a_muffled_passage() {
    let telephone = FAULTS.iter().find(|fault| fault.name == "telephone passage");
    let mut spoilt = Music {
        rate: RATE,
        planes: organ(40.0, 0.0),
        seed: 1,
    };
    let telephone = telephone.unwrap();
    let places = (telephone.put)(&mut spoilt, telephone.amount(Strength::Gross).unwrap()).unwrap();
    let passage = only(&local(&spoilt.planes), LocalFaultKind::MuffledPassage);
    assert!(
        (passage.start_s - places[0].0).abs() <= 1.0 && (passage.end_s - places[0].1).abs() <= 1.0,
        "{passage:?}"
    );
}

#[test]
fn a_dropout_with_soft_edges_has_its_place_and_a_stop_before_another_chord_is_none() {
    let len = frames(0.25);
    let dropout = |depth: f64| {
        move |n: usize, sample: f64| {
            let share = (n.min(len - 1 - n) as f64 / frames(0.01) as f64).min(1.0);
            sample * (1.0 - share * (1.0 - depth))
        }
    };
    for depth in [0.0, 0.1] {
        let mut planes = organ(20.0, 0.0);
        for plane in &mut planes {
            let lowered = plane[frames(10.2)..][..len].to_vec();
            for (n, x) in lowered.into_iter().enumerate() {
                plane[frames(10.2) + n] = dropout(depth)(n, x);
            }
        }
        let found = only(&local(&planes), LocalFaultKind::Dropout);
        assert!(
            (found.start_s - 10.2).abs() <= 0.02 && (found.end_s - 10.45).abs() <= 0.02,
            "{found:?}"
        );
        assert_eq!(found.channel, None);
    }
    // It goes on louder.
    let mut planes = organ(20.0, 6.0);
    for plane in &mut planes {
        for (n, x) in plane[frames(10.2)..][..len].iter_mut().enumerate() {
            *x = dropout(0.0)(n, *x);
        }
    }
    none(&local(&planes), LocalFaultKind::Dropout);
}

/// A chord of many partials and some air, louder by `db` from 10.3 s on.
fn organ(seconds: f64, db: f64) -> Planes {
    let mut planes = vec![Vec::new(); 2];
    let mut air = Noise::new(3);
    for n in 0..frames(seconds) {
        let time = n as f64 / f64::from(RATE);
        let gain = if time < 10.3 {
            1.0
        } else {
            10.0_f64.powf(db / 20.0)
        };
        let chord: f64 = (1..60)
            .map(|partial| {
                (std::f64::consts::TAU * 130.0 * f64::from(partial) * time).sin() / f64::from(partial)
            })
            .sum();
        let x = gain * (0.08 * chord + 0.002 * air.white());
        planes.iter_mut().for_each(|plane| plane.push(x));
    }
    planes
}

#[test]
fn a_mono_passage_has_its_place_and_a_part_that_plays_alone_is_none() {
    let mono = |mut planes: Planes, also: &dyn Fn(f64) -> f64| {
        let range = frames(10.4)..frames(17.6);
        let [left, right] = planes.as_mut_slice() else {
            unreachable!("music has two channels");
        };
        let pairs = left[range.clone()].iter_mut().zip(&mut right[range.clone()]);
        for (n, (l, r)) in range.zip(pairs) {
            let time = n as f64 / f64::from(RATE);
            let middle = also(time) * f64::midpoint(*l, *r);
            (*l, *r) = (middle, middle);
        }
        local(&planes)
    };
    let passage = only(&mono(music(RATE, 40.0, 1), &|_| 1.0), LocalFaultKind::MonoPassage);
    assert_eq!((passage.start_s, passage.end_s), (11.0, 17.0));
    // Something far softer in the middle, and nothing else.
    none(
        &mono(music(RATE, 40.0, 1), &|_| 0.25),
        LocalFaultKind::MonoPassage,
    );
}

#[test]
fn a_dip_of_one_channel_has_its_place_and_one_of_both_is_none() {
    // A third of a second that fades within 10 ms.
    let dip = |n: usize, sample: f64| {
        let edge = frames(0.01) as f64;
        let share = (n.min(frames(0.33) - n) as f64 / edge).min(1.0);
        sample * (1.0 - 0.8 * share)
    };
    let found = only(
        &local(&changed(&[1], 10.23, 10.56, dip)),
        LocalFaultKind::ChannelDip,
    );
    assert!(
        (found.start_s - 10.23).abs() <= 0.06 && (found.end_s - 10.56).abs() <= 0.06,
        "{found:?}"
    );
    assert_eq!(found.channel, Some(1));
    assert!((10.0..15.0).contains(&found.strength_db), "{found:?}");
    none(
        &local(&changed(&[0, 1], 10.23, 10.56, dip)),
        LocalFaultKind::ChannelDip,
    );
}

#[test]
fn static_has_its_place_and_what_dies_away_is_none() {
    let noise = |level: fn(f64) -> f64| {
        let mut noise = Noise::new(5);
        let len = frames(0.3) as f64;
        local(&changed(&[0, 1], 10.23, 10.53, move |n, sample| {
            // The same in both channels: it starts over with the second.
            if n == 0 {
                noise = Noise::new(5);
            }
            sample + 0.25 * noise.white() * level(n as f64 / len)
        }))
    };
    let found = only(&noise(|_| 1.0), LocalFaultKind::NoiseBurst);
    assert!(
        (found.start_s - 10.23).abs() <= 0.03 && (found.end_s - 10.53).abs() <= 0.03,
        "{found:?}"
    );
    // The RMS of noise up to 0.25, and what of it lies below 20 kHz.
    assert!((found.strength_db + 17.2).abs() < 1.0, "{found:?}");
    assert_eq!(found.channel, None);
    none(&noise(|part| (-3.0 * part).exp()), LocalFaultKind::NoiseBurst);
}

#[test]
fn garbage_of_a_moment_is_static_and_a_loud_drum_is_none() {
    let noise = |level: fn(f64) -> f64| {
        let mut noise = Noise::new(5);
        let len = frames(0.05) as f64;
        local(&changed(&[0, 1], 10.23, 10.28, move |n, sample| {
            if n == 0 {
                noise = Noise::new(5);
            }
            let part = level(n as f64 / len);
            (1.0 - part) * sample + part * 0.8 * noise.white()
        }))
    };
    let found = only(&noise(|_| 1.0), LocalFaultKind::NoiseBurst);
    assert!(
        (found.start_s - 10.23).abs() <= 0.02 && (found.end_s - 10.28).abs() <= 0.02,
        "{found:?}"
    );
    none(&noise(|part| (-4.0 * part).exp()), LocalFaultKind::NoiseBurst);
}

#[test]
fn a_tone_of_a_passage_has_its_place_and_a_short_note_is_none() {
    let step = std::f64::consts::TAU * 6_300.0 / f64::from(RATE);
    let with_tone = |seconds: f64| {
        local(&changed(&[0, 1], 10.2, 10.2 + seconds, |n, sample| {
            sample + 0.03 * (step * n as f64).sin()
        }))
    };
    let [found] = with_tone(6.0).tones[..] else {
        panic!("{:?}", with_tone(6.0).tones);
    };
    assert!(
        (found.start_s - 10.2).abs() <= 0.6 && (found.end_s - 16.2).abs() <= 0.6,
        "{found:?}"
    );
    assert!((found.hz - 6_300.0).abs() < 3.0, "{found:?}");
    assert!((found.level_db + 30.5).abs() < 1.0, "{found:?}");
    assert_eq!(with_tone(2.0).tones, []);
}

#[test]
fn coarse_passages_have_their_places() {
    // As a file of 24 bits has them, whatever was done behind the rounding.
    let stored = |x: f64| (x * 8_388_608.0).round() / 8_388_608.0;
    for (bits, step_db) in [(5.0_f64, -24.08), (8.0, -42.14), (11.0, -60.2)] {
        let steps = 2.0_f64.powf(bits - 1.0);
        let coarse = changed(&[0, 1], 10.0, 16.0, |_, x| {
            stored(0.9 * (x * steps).round() / steps)
        });
        let found = only(&local(&coarse), LocalFaultKind::CoarsePassage);
        assert_eq!(
            (found.start_s, found.end_s, found.channel),
            (10.0, 16.0, None),
            "{bits}"
        );
        assert!((found.strength_db - step_db + 0.9).abs() < 0.7, "{found:?}");
    }
    for times in [2, 5] {
        let mut planes = music(RATE, 30.0, 1);
        for plane in &mut planes {
            for held in plane[frames(10.0)..frames(16.0)].chunks_mut(times) {
                held.fill(held[0]);
            }
        }
        let found = only(&local(&planes), LocalFaultKind::HeldSamples);
        assert_eq!(
            (found.start_s, found.end_s, found.channel),
            (10.0, 16.0, None),
            "{times}"
        );
    }
}

#[test]
fn a_buffer_played_twice_has_its_place() {
    for (length_s, times) in [(0.006, 2), (0.023, 1), (0.3, 1)] {
        let mut planes = music(RATE, 20.0, 2);
        let len = frames(length_s);
        for plane in &mut planes {
            for turn in 1..=times {
                let at = frames(10.23);
                plane.copy_within(at..at + len, at + turn * len);
            }
        }
        let stutter = only(&local(&planes), LocalFaultKind::Stutter);
        assert!(
            (stutter.start_s - 10.23 - length_s).abs() < 0.000_1,
            "{stutter:?}"
        );
        let heard_s = stutter.end_s - stutter.start_s;
        assert!((heard_s - times as f64 * length_s).abs() < 0.000_1, "{stutter:?}");
        assert_eq!(stutter.channel, None);
    }
}

#[test]
fn sequencers_and_tones_that_repeat_themselves_do_not_stutter() {
    // To 16 bit, as most files are; a quarter of a second of drums, over and over.
    let rounded = |planes: Planes| -> Planes {
        let round = |x: f64| (x * 32_768.0).round() / 32_768.0;
        planes
            .into_iter()
            .map(|plane| plane.into_iter().map(round).collect())
            .collect()
    };
    let drums = music(RATE, 16.25, 3);
    let looped: Planes = drums
        .iter()
        .map(|plane| {
            let turn = &plane[frames(16.0)..frames(16.25)];
            let decay = |n: usize| (1.0 - n as f64 / turn.len() as f64).max(0.0);
            let hit: Vec<f64> = turn.iter().enumerate().map(|(n, x)| x * decay(n)).collect();
            hit.repeat(60)
        })
        .collect();
    let tone = |hz: f64| analysis::testkit::sine(RATE, hz, 0.4, 0.0, 12.0);
    // 440 Hz come back every 50 ms, 100 and 150 samples every 300.
    let chip: Vec<f64> = (0..frames(12.0))
        .map(|n| if n % 100 < 50 { 0.2 } else { -0.2 } + if n % 150 < 75 { 0.1 } else { -0.1 })
        .collect();
    for planes in [looped, vec![tone(440.0); 2], vec![chip; 2]] {
        let local = local(&rounded(planes));
        let found = local
            .faults
            .iter()
            .find(|fault| fault.kind == LocalFaultKind::Stutter);
        assert_eq!(found, None);
    }
}

/// Not every step: where a drum begins at the same moment or nothing sounds, no predictor foresees anything.
#[test]
fn a_step_of_the_gain_has_its_sample_and_its_size() {
    let passages = [(2.3, 5.4), (10.3, 14.87), (18.21, 22.83), (26.6, 29.7)];
    let mut found = 0;
    for db in [-3.0, 6.0, -12.0] {
        let gain = analysis::testkit::amplitude(db);
        let mut planes = music(RATE, 34.0, 5);
        for plane in &mut planes {
            for (from_s, to_s) in passages {
                plane[frames(from_s)..frames(to_s)]
                    .iter_mut()
                    .for_each(|sample| *sample *= gain);
            }
        }
        let edges = passages
            .into_iter()
            .flat_map(|(from_s, to_s)| [(from_s, db), (to_s, -db)]);
        for step in local(&planes).faults {
            // Those from one second to the next are other ones: the parts of this music differ by level.
            if step.kind == LocalFaultKind::GainStep && step.end_s == step.start_s {
                let is_edge = |(at_s, db): (f64, f64)| {
                    (step.start_s - at_s).abs() < 0.000_1 && (step.strength_db - db).abs() < 0.5
                };
                assert!(edges.clone().any(is_edge), "{step:?}");
                found += 1;
            }
        }
    }
    assert!(found >= 9, "{found} of 24");
    // A mix that swells by 6 dB within 50 ms has none from one sample to the next.
    let swelling = local(&changed(&[0, 1], 10.3, 14.87, |n, sample| {
        sample * (1.0 + (n as f64 / frames(0.05) as f64).min(1.0))
    }));
    assert!(
        swelling
            .faults
            .iter()
            .all(|fault| fault.kind != LocalFaultKind::GainStep
                || fault.start_s > 14.8
                || fault.end_s > fault.start_s),
        "{swelling:?}"
    );
}

/// A fader that moves within a second is found where all bands follow it; a slow one is a fade.
#[test]
fn a_gain_that_changes_within_a_second_has_its_second_and_its_size() {
    for (ramp_s, is_found) in [(0.7, true), (6.0, false)] {
        let mut song = crate::song::Song {
            seconds: 24.0,
            ..crate::song::Song::default()
        };
        song.levels(move |time_s| -8.0 * ((time_s - 12.2) / ramp_s).clamp(0.0, 1.0));
        let detail = crate::measured(crate::song::RATE, &song.planes()).detail;
        let faults = detail.unwrap().local.unwrap().faults;
        if is_found {
            let [step] = faults[..] else {
                panic!("{faults:?}");
            };
            assert_eq!(
                (step.kind, step.start_s),
                (LocalFaultKind::GainStep, 12.0),
                "{step:?}"
            );
            assert!((step.strength_db + 8.0).abs() < 1.0, "{step:?}");
        } else {
            assert_eq!(faults, Vec::new());
        }
    }
}

#[test]
fn a_late_channel_has_its_delay_and_its_passage() {
    let music = music(RATE, 40.0, 4);
    assert_eq!(local(&music).delays, Vec::new());
    for (late, ms) in [(1, 0.25), (0, 0.7), (1, 12.0)] {
        let mut planes = music.clone();
        let delay = frames(ms / 1_000.0);
        let len = planes[late].len();
        planes[late].copy_within(..len - delay, delay);
        let found = local(&planes).delays;
        let sign = if late == 1 { 1.0 } else { -1.0 };
        assert!(!found.is_empty(), "{late} {ms}");
        let heard_s: f64 = found.iter().map(|delay| delay.end_s - delay.start_s).sum();
        assert!(heard_s >= 24.0, "{found:?}");
        for passage in found {
            assert!((sign * passage.right_ms - ms).abs() < 0.03, "{passage:?}");
        }
    }
    // From 16 to 32 s alone.
    let mut planes = music;
    planes[1].copy_within(frames(16.0)..frames(32.0) - 100, frames(16.0) + 100);
    let found = local(&planes).delays;
    let [passage] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((passage.start_s, passage.end_s), (16.0, 32.0));
}

/// Every harmonic is half as loud as the one before.
fn with_hum(planes: &mut Planes, hz: f64, level: f64, from_s: f64, to_s: f64) {
    for plane in planes {
        for (n, sample) in (frames(from_s)..).zip(&mut plane[frames(from_s)..frames(to_s)]) {
            let turns = std::f64::consts::TAU * hz * n as f64 / f64::from(RATE);
            *sample += (1..=6)
                .map(|n| level * 0.5_f64.powi(n) * (f64::from(n) * turns).sin())
                .sum::<f64>();
        }
    }
}

#[test]
fn hum_under_music_has_its_mains_and_its_passage() {
    let music = music(RATE, 60.0, 3);
    assert_eq!(local(&music).hum, Vec::new());
    for hz in [50.0, 60.0] {
        let mut planes = music.clone();
        with_hum(&mut planes, hz, 0.1, 24.0, 40.0);
        let detail = measured(RATE, &planes).detail.unwrap();
        let [passage] = detail.local.as_ref().unwrap().hum[..] else {
            panic!("{:?}", detail.local);
        };
        assert_eq!((passage.hz, detail.quality.hum), (hz, None));
        // Up to 32 s the music is loud.
        assert!((22.0..33.5).contains(&passage.start_s), "{passage:?}");
        assert!((37.0..42.0).contains(&passage.end_s), "{passage:?}");
        // 0.05 and half of that, and so on, together.
        assert!((passage.level_db + 24.8).abs() < 3.0, "{passage:?}");

        let mut planes = music.clone();
        with_hum(&mut planes, hz, 0.1, 0.0, 59.9);
        let detail = measured(RATE, &planes).detail.unwrap();
        let hum = detail.quality.hum.unwrap();
        assert_eq!((hum.mains_hz, detail.local.unwrap().hum), (hz, Vec::new()));
        // Notes and the kick hide some.
        assert!(hum.harmonics.len() > 1, "{hum:?}");
    }
}

/// What repeats itself twice a second has lines at every second hertz, so at 50 Hz as well; what is a tone at 52 Hz is a note.
#[test]
fn rhythms_and_notes_near_the_mains_are_no_hum() {
    let mut rhythm = music(RATE, 40.0, 5);
    let kick: Vec<f64> = (0..frames(0.25))
        .map(|n| {
            let time = n as f64 / f64::from(RATE);
            0.4 * (-18.0 * time).exp()
                * (std::f64::consts::TAU * (50.0 * time + 1.5 * (1.0 - (-30.0 * time).exp()))).sin()
        })
        .collect();
    for plane in &mut rhythm {
        for beat in 0..79 {
            for (sample, kick) in plane[beat * frames(0.5)..].iter_mut().zip(&kick) {
                *sample += kick;
            }
        }
    }
    let detail = measured(RATE, &rhythm).detail.unwrap();
    assert_eq!(
        (detail.quality.hum, detail.local.unwrap().hum),
        (None, Vec::new())
    );

    let mut note = music(RATE, 40.0, 5);
    with_hum(&mut note, 51.9, 0.1, 10.0, 20.0);
    assert_eq!(local(&note).hum, Vec::new());
}
