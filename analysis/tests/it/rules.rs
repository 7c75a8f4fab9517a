//! The rules: each on a signal that must set it off and on a neighbour that must not, and the receipt's arithmetic.

mod defects;
mod heard;
mod properties;
mod style;

pub(crate) use heard::intact;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use analysis::rules::{RULE_SET, catalog, document, find, judge};
use model::Report;
use model::verdict::{Class, ScoreBreakdown, Severity, Stage};

use defects::{Case, Side, cases};

use crate::song;

/// Whether `breakdown` says `rule`, in a row of its own or as covered by another.
fn says(breakdown: &ScoreBreakdown, rule: &str) -> bool {
    breakdown
        .findings
        .iter()
        .any(|finding| finding.rule == rule || finding.covers.iter().any(|covered| covered.rule == rule))
}

fn row(breakdown: &ScoreBreakdown, rule: &str) -> String {
    let rows: Vec<String> = breakdown
        .findings
        .iter()
        .map(|finding| {
            format!(
                "{} {} −{}",
                finding.rule,
                finding.display_value(),
                finding.points.number()
            )
        })
        .collect();
    let passed = breakdown.passed.iter().find(|passed| passed.rule == rule);
    format!("{rule}: passed {passed:?}; findings {rows:?}")
}

#[test]
fn every_rule_is_set_off_by_its_defect_and_not_by_the_neighbour() {
    let (wrong, next) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                // How a song is spoilt stays in its thread.
                let cases = cases();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = wrong_of(case);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a rule on its defect and on the neighbour, a line for each.
fn wrong_of(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let (bad, good) = (judge(&(case.bad)()), judge(&(case.good)()));
    let (bad, good) = (bad.by(case.stage), good.by(case.stage));
    if !says(bad, case.rule) {
        wrong.push(format!(
            "silent on its defect, {:?} {}",
            case.side,
            row(bad, case.rule)
        ));
    }
    if says(good, case.rule) {
        wrong.push(format!(
            "set off by the neighbour, {:?} {}",
            case.side,
            row(good, case.rule)
        ));
    }
    if let Some(finding) = bad.findings.iter().find(|finding| finding.rule == case.rule) {
        let rule = find(case.rule).unwrap();
        let words = match case.side {
            Side::High => rule.high,
            Side::Low => rule.low,
        };
        assert_eq!(finding.title, words.unwrap().title, "{}", case.rule);
        assert!(!finding.action.contains('{'), "{}", finding.action);
    }
    wrong
}

#[test]
fn every_side_of_every_rule_has_a_case() {
    let covered: BTreeSet<(&str, Side)> = cases().iter().map(|case| (case.rule, case.side)).collect();
    let sides: BTreeSet<(&str, Side)> = catalog()
        .flat_map(|rule| {
            let high = rule.high.map(|_| (rule.id, Side::High));
            let low = rule.low.map(|_| (rule.id, Side::Low));
            high.into_iter().chain(low)
        })
        .collect();
    assert_eq!(covered, sides);
}

#[test]
fn the_catalogue_is_whole() {
    let ids: Vec<&str> = catalog().map(|rule| rule.id).collect();
    assert!(ids.len() >= 40, "{}", ids.len());
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "an id twice"
    );
    for rule in catalog() {
        for text in [rule.title, rule.why, rule.method, rule.source] {
            assert!(!text.is_empty(), "{}", rule.id);
        }
        for target in [rule.mix, rule.master].into_iter().flatten() {
            let range = target.range();
            assert_eq!(
                range.high.is_some(),
                rule.high.is_some() || range.low == range.high,
                "{}",
                rule.id
            );
            assert!(target.cap() > 0.0 && target.reach() > 0.0, "{}", rule.id);
            assert!(
                rule.class != Class::Taste || target.cap() <= 4.0,
                "taste is cheap: {}",
                rule.id
            );
        }
        for words in [rule.high, rule.low].into_iter().flatten() {
            assert!(!words.title.contains('{'), "{}", words.title);
        }
        // Covering ends somewhere.
        let mut above = rule.covered_by;
        for _ in 0..ids.len() {
            above = above.and_then(|id| find(id).unwrap_or_else(|| panic!("no rule {id}")).covered_by);
        }
        assert_eq!(above, None, "{} is covered in a circle", rule.id);
    }
}

#[test]
fn p02_the_same_report_has_the_same_verdict_whoever_asks() {
    let report = song::unspoilt();
    let once = serde_json::to_string(&judge(report)).unwrap();
    let stored: Report = serde_json::from_str(&serde_json::to_string(report).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&judge(&stored)).unwrap(), once);
    assert!(once.contains(&format!(r#""rule_set":"{RULE_SET}""#)));
}

#[test]
fn a_report_of_the_first_version_is_judged_by_what_it_has() {
    let mut report = song::song(|song| song.gain_db = 9.0);
    report.detail = None;
    let verdict = judge(&report);
    assert!(says(verdict.by(Stage::Master), "peaks.true_peak"));
    assert!(
        verdict
            .by(Stage::Master)
            .not_applicable
            .contains(&"dynamics.psr".to_owned())
    );
}

#[test]
fn a_song_without_faults_is_ready_by_both_rubrics_and_hears_what_is_good() {
    let verdict = judge(song::unspoilt());
    for stage in Stage::ALL {
        let breakdown = verdict.by(stage);
        assert!(breakdown.score.value() >= 95.0, "{}", row(breakdown, ""));
        assert_eq!(breakdown.count(Severity::Problem), 0);
        let strengths: Vec<&str> = breakdown.strengths().collect();
        assert!((1..=4).contains(&strengths.len()), "{strengths:?}");
        for strength in strengths {
            assert!(
                strength.contains(|c: char| c.is_ascii_digit()),
                "without a number: {strength}"
            );
            assert!(!strength.contains('{'), "{strength}");
        }
    }
}

#[test]
fn a_finished_master_is_a_master_and_an_open_mix_is_a_mix() {
    let master = judge(&song::song(|song| song.limit_to(-0.3, 9.0)));
    assert_eq!(master.detected.stage, Stage::Master, "{:?}", master.detected);
    assert!(master.detected.certainty > 0.9);
    let mix = judge(&song::song(|song| song.gain_db = -6.0));
    assert_eq!(mix.detected.stage, Stage::Mix, "{:?}", mix.detected);
    assert!(mix.detected.certainty > 0.8);
}

#[test]
fn real_music_sets_off_no_alarm_of_stereo_or_phase() {
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for track in crate::agreement::tracks().into_iter().take(6) {
        let verdict = judge(&crate::report_of(std::fs::read(&track).unwrap()));
        for stage in Stage::ALL {
            let breakdown = verdict.by(stage);
            assert!(
                breakdown.score.value() > 75.0,
                "{track:?}: {}",
                row(breakdown, "")
            );
            for finding in &breakdown.findings {
                if finding.rule.starts_with("stereo.") && finding.class != Class::Taste {
                    said.entry(track.display().to_string())
                        .or_default()
                        .push(finding.rule.clone());
                }
            }
        }
    }
    assert!(said.is_empty(), "{said:#?}");
}

/// `UPDATE_RULES=1 cargo test -p analysis-tests rules` writes it.
#[test]
fn the_document_is_that_of_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RULES.md");
    let text = document();
    if std::env::var_os("UPDATE_RULES").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        text,
        "run UPDATE_RULES=1 cargo test -p analysis-tests rules"
    );
}
