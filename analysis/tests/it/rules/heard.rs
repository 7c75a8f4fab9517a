//! A small part of the bench of the judge, on music that is made here: what is gross is named, what grows never costs less,
//! and a second fault never makes the first one cheaper.

use std::io::Cursor;

use analysis::rules::judge;
use analysis::testkit::faults::{FAULTS, Fault, Music, Strength};
use analysis::testkit::{Encoding, music, wav};
use analysis::{AnalysisOptions, measure};
use model::verdict::{ScoreBreakdown, Stage};

/// Points that a growing fault may give back by chance: figures move a little when what is measured around them does.
const CHANCE: f64 = 0.3;

/// Music without a fault.
pub(crate) fn intact(seconds: f64) -> Music {
    let mut planes = music(44_100, seconds, 5);
    let frames = planes[0].len();
    for plane in &mut planes {
        for (n, x) in plane.iter_mut().enumerate() {
            // Room above, and an end that dies away.
            *x *= 0.4 * ((frames - n) as f64 / 80_000.0).min(1.0);
        }
    }
    Music {
        rate: 44_100,
        planes,
        seed: 2,
    }
}

fn judged(music: &Music) -> ScoreBreakdown {
    let bytes = wav(music.rate, &music.planes, Encoding::Int24);
    let report = measure(Cursor::new(bytes), &AnalysisOptions::default(), &mut |_| {}).unwrap();
    judge(&report).by(Stage::Mix).clone()
}

fn with(fault: &Fault, amount: f64, seconds: f64) -> Option<ScoreBreakdown> {
    let mut spoilt = intact(seconds);
    (fault.put)(&mut spoilt, amount)?;
    Some(judged(&spoilt))
}

/// What costs more in `one` than in `other`, for whoever looks for the cause.
fn relieved(one: &ScoreBreakdown, other: &ScoreBreakdown) -> String {
    let of = |breakdown: &ScoreBreakdown, rule: &str| {
        let finding = breakdown.findings.iter().find(|finding| finding.rule == rule);
        finding.map_or((0.0, f64::NAN), |finding| (finding.points.value(), finding.value))
    };
    let fall = |rule: &str| of(one, rule).0 - of(other, rule).0;
    let rules = one.findings.iter().map(|finding| finding.rule.as_str());
    let rows: Vec<String> = rules
        .filter(|rule| fall(rule) > 0.1)
        .map(|rule| {
            format!(
                "{rule} −{:.1} ({} to {})",
                fall(rule),
                of(one, rule).1,
                of(other, rule).1
            )
        })
        .collect();
    rows.join(", ")
}

fn find(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap()
}

/// Kinds that a song of 12 s made of a few instruments can have, and that rules exist for.
const NAMED: &[&str] = &[
    "gap",
    "polarity",
    "closed",
    "clip",
    "clip, then lowered",
    "squash",
    "DC",
    "lean",
    "bass out of phase",
    "too wide",
    "mono",
    "silence at the start",
    "silence at the end",
    "few bits",
];

#[test]
fn what_is_gross_is_among_the_first_three_and_costs() {
    let clean = judged(&intact(12.0));
    let mut wrong = Vec::new();
    for name in NAMED {
        let fault = find(name);
        let spoilt = with(fault, fault.amount(Strength::Gross).unwrap(), 12.0).unwrap();
        let first: Vec<&str> = spoilt
            .findings
            .iter()
            .take(3)
            .map(|finding| finding.rule.as_str())
            .collect();
        let drop = clean.score.value() - spoilt.score.value();
        if !first.iter().any(|rule| fault.named_by.contains(rule)) || drop < 5.0 {
            wrong.push(format!("{name}: {first:?}, {drop:.1} points"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn more_of_a_fault_never_costs_less() {
    let mut wrong = Vec::new();
    for name in ["clip", "clip, then lowered", "squash", "lean"] {
        let fault = find(name);
        let (from, to) = (
            fault.amount(Strength::Subtle).unwrap(),
            fault.amount(Strength::Gross).unwrap(),
        );
        let mut worst: Option<ScoreBreakdown> = None;
        for step in 0..20 {
            let amount = from + (to - from) * f64::from(step) / 19.0;
            let now = with(fault, amount, 6.0).unwrap();
            if let Some(before) = worst
                .as_ref()
                .filter(|before| now.score.value() > before.score.value() + CHANCE)
            {
                let (was, is) = (before.score.number(), now.score.number());
                wrong.push(format!(
                    "{name} at {amount:.3}: {was} became {is}: {}",
                    relieved(before, &now)
                ));
            }
            if worst.as_ref().is_none_or(|before| now.score < before.score) {
                worst = Some(now);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_second_fault_never_raises_the_score() {
    let mut wrong = Vec::new();
    let kinds = ["clip", "DC", "lean", "gap", "few bits"];
    for first in kinds.map(find) {
        let mut once = intact(6.0);
        let amount = |fault: &Fault| fault.amount(Strength::Clear).unwrap();
        (first.put)(&mut once, amount(first)).unwrap();
        let alone = judged(&once);
        for second in kinds
            .map(find)
            .into_iter()
            .filter(|second| second.name != first.name)
        {
            let mut twice = once.clone();
            if (second.put)(&mut twice, amount(second)).is_some() {
                let both = judged(&twice);
                if both.score.value() > alone.score.value() + CHANCE {
                    wrong.push(format!(
                        "{} and {}: {} became {}: {}",
                        first.name,
                        second.name,
                        alone.score.number(),
                        both.score.number(),
                        relieved(&alone, &both)
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
