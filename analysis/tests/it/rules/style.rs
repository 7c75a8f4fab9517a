//! What is style and no fault: the rules that cannot be told from it by a single figure, each with what tells it.

use std::f64::consts::TAU;
use std::io::Cursor;

use analysis::rules::{ReportView, find};
use analysis::testkit::faults::{FAULTS, Music};
use analysis::testkit::{Encoding, amplitude, music, wav};
use analysis::{AnalysisOptions, measure};
use model::Report;
use model::verdict::Stage;

const RATE: u32 = 44_100;

fn report(planes: &[Vec<f64>]) -> Report {
    let bytes = wav(RATE, planes, Encoding::Int24);
    measure(Cursor::new(bytes), &AnalysisOptions::default(), &mut |_| {}).unwrap()
}

/// What `rule` alone costs, in points.
fn price(report: &Report, rule: &str) -> f64 {
    let rule = find(rule).unwrap();
    let measured = (rule.measure)(&ReportView::new(report)).unwrap();
    rule.criterion(Stage::Mix)
        .unwrap()
        .price(measured.value, rule.tolerance)
}

/// Music with room above.
fn song(seconds: f64) -> Vec<Vec<f64>> {
    let mut planes = music(RATE, seconds, 5);
    planes.iter_mut().flatten().for_each(|x| *x *= 0.4);
    planes
}

fn time(frame: usize) -> f64 {
    frame as f64 / f64::from(RATE)
}

#[test]
fn an_offset_costs_the_same_at_any_gain() {
    let mut planes = song(6.0);
    planes.iter_mut().flatten().for_each(|x| *x += 0.05);
    let loud = price(&report(&planes), "signal.offset");
    planes.iter_mut().flatten().for_each(|x| *x *= amplitude(-12.0));
    let soft = price(&report(&planes), "signal.offset");
    assert!(loud > 2.0 && (loud - soft).abs() < 0.1, "{loud} and {soft}");
}

#[test]
fn a_panned_part_is_no_lean_and_a_gain_is() {
    let intact = song(12.0);
    // As much again as four fifths of the channel: 2.5 dB.
    let power = intact[0].iter().map(|x| x * x).sum::<f64>() / intact[0].len() as f64;
    let level = (2.0 * 0.8 * power).sqrt();
    let mut panned = intact.clone();
    for (frame, x) in panned[0].iter_mut().enumerate() {
        *x += level * (TAU * 440.0 * time(frame)).sin();
    }
    let panned = report(&panned);
    assert!(
        panned.stereo.balance_db.value().unwrap() > 1.7,
        "{:?}",
        panned.stereo.balance_db
    );
    assert!(price(&panned, "stereo.balance") < 0.5);
    let mut before = 0.0;
    for db in [2.0, 4.0, 6.0, 9.0] {
        let mut leaning = intact.clone();
        leaning[1].iter_mut().for_each(|x| *x *= amplitude(-db));
        let now = price(&report(&leaning), "stereo.balance");
        assert!(now > before + 1.0, "{db} dB cost {now} after {before}");
        before = now;
    }
}

/// `song` with a tick at each of these times.
fn ticking(seconds: f64, times_s: &[f64]) -> Report {
    let mut planes = song(seconds);
    for &time_s in times_s {
        let at = (time_s * f64::from(RATE)) as usize;
        for plane in &mut planes {
            plane[at] += 0.5;
            plane[at + 1] -= 0.2;
        }
    }
    report(&planes)
}

#[test]
fn ticks_in_time_are_played_and_ticks_at_any_time_are_a_fault() {
    let played: Vec<f64> = (2..18).map(|beat| 0.137 + f64::from(beat) * 1.25).collect();
    let fallen: Vec<f64> = (0..16)
        .map(|n| 1.0 + f64::from(n) * 1.25 + 0.5 * f64::from(n * n * 7 % 11) / 11.0)
        .collect();
    let (played, fallen) = (
        price(&ticking(26.0, &played), "signal.clicks"),
        price(&ticking(26.0, &fallen), "signal.clicks"),
    );
    assert!(fallen > 5.0 && played < 0.5 * fallen, "{played} and {fallen}");
}

#[test]
fn a_held_note_costs_little_and_never_less_when_it_is_louder() {
    let mut before = 0.0;
    for db in [-70.0, -60.0, -50.0, -40.0, -30.0] {
        let mut planes = song(12.0);
        for plane in &mut planes {
            for (frame, x) in plane.iter_mut().enumerate() {
                *x += amplitude(db) * (TAU * 1_234.5 * time(frame)).sin();
            }
        }
        let now = price(&report(&planes), "signal.tone");
        assert!(
            (before..4.0).contains(&now),
            "{db} dBFS cost {now} after {before}"
        );
        before = now;
    }
}

#[test]
fn an_equaliser_does_not_change_the_width_of_the_bass() {
    let mut planes = song(12.0);
    for (channel, plane) in planes.iter_mut().enumerate() {
        let side = if channel == 0 { 1.0 } else { -1.0 };
        for (frame, x) in plane.iter_mut().enumerate() {
            let low: f64 = [40.0, 50.0, 60.0, 75.0, 90.0, 105.0]
                .iter()
                .map(|hz| (TAU * hz * time(frame)).sin())
                .sum();
            *x = 0.5 * *x + 0.02 * low * (1.0 + 1.6 * side);
        }
    }
    let plain = price(&report(&planes), "low_end.width");
    let boom = FAULTS.iter().find(|fault| fault.name == "boom").unwrap();
    let mut boosted = Music {
        rate: RATE,
        planes,
        seed: 1,
    };
    (boom.put)(&mut boosted, 10.0).unwrap();
    let boosted = price(&report(&boosted.planes), "low_end.width");
    assert!(
        plain > 1.0 && (plain - boosted).abs() < 1.0,
        "{plain} and {boosted}"
    );
}
