//! Mixes beside references: what was changed is said, what was not is not, and nothing depends on loudness.

use analysis::comparison::compare;
use model::{
    Reading, Report,
    comparison::{Comparison, Difference, DifferenceKind, Figure},
    report::{AbsenceReason, BANDS},
};

use crate::song::{song, unspoilt};

fn tones(comparison: &Comparison) -> Vec<&Difference> {
    comparison
        .differences
        .iter()
        .filter(|difference| matches!(difference.topic, DifferenceKind::BandDelta { .. }))
        .collect()
}

fn figure(comparison: &Comparison, measure: Figure) -> Option<&Difference> {
    comparison
        .differences
        .iter()
        .find(|difference| difference.topic == DifferenceKind::Figure { measure })
}

fn humped(db: f64) -> Report {
    song(|song| song.hump(3_000.0, 0.8, db))
}

#[test]
fn a_file_beside_itself_differs_in_nothing() {
    let comparison = compare(unspoilt(), &[unspoilt(), unspoilt()]);
    assert_eq!(comparison.differences, []);
    assert_eq!(comparison.references[0].gain_db, Some(0.0));
    assert_eq!(comparison.references[0].ends_at_hz, None);
    assert!(!comparison.references[0].is_lossy);
    let all = comparison
        .thirds
        .iter()
        .chain(&comparison.sixths)
        .chain(&comparison.widths)
        .map(|tone| &tone.level)
        .chain(&comparison.bands)
        .chain(comparison.measures.iter().map(|measured| &measured.value));
    let mut seen = 0;
    for against in all.filter(|against| against.mix.is_some()) {
        assert_eq!(against.difference(), Some(0.0));
        assert_eq!(against.outside(), Some(0.0));
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn loudness_alone_is_a_figure_and_no_tone() {
    let quiet = song(|song| song.gain_db = -9.0);
    let comparison = compare(&quiet, &[unspoilt()]);
    assert_eq!(tones(&comparison), Vec::<&Difference>::new());
    let gain = comparison.references[0].gain_db.unwrap();
    assert!((gain + 9.0).abs() < 0.05, "{gain}");
    let worst = comparison
        .thirds
        .iter()
        .filter_map(|tone| tone.level.difference())
        .fold(0.0, |worst: f64, by| worst.max(by.abs()));
    assert!(worst < 0.1, "{worst}");
    let integrated = comparison
        .measures
        .iter()
        .find(|measured| measured.measure == Figure::Integrated)
        .and_then(|measured| measured.value.difference());
    assert!((integrated.unwrap() + 9.0).abs() < 0.05);
}

#[test]
fn a_hump_is_said_where_it_is_and_as_high_as_it_is() {
    let comparison = compare(&humped(6.0), &[unspoilt()]);
    let [difference] = tones(&comparison)[..] else {
        panic!("{:?}", comparison.differences);
    };
    let DifferenceKind::BandDelta { from_hz, to_hz } = difference.topic else {
        panic!("{difference:?}");
    };
    assert!(
        (1_400.0..2_400.0).contains(&from_hz) && (3_700.0..6_500.0).contains(&to_hz),
        "{difference:?}"
    );
    assert!((3.0..6.0).contains(&difference.by), "{difference:?}");
    assert_eq!(difference.spread, None);
    let peak = comparison
        .thirds
        .iter()
        .find(|tone| (tone.hz - 3_175.0).abs() < 50.0)
        .and_then(|tone| tone.level.difference())
        .unwrap();
    let far = comparison
        .thirds
        .iter()
        .find(|tone| (tone.hz - 250.0).abs() < 5.0)
        .and_then(|tone| tone.level.difference())
        .unwrap();
    // All of it lies lower by what the hump adds to the loudness; the shape is what was changed.
    assert!((peak - far - 6.0).abs() < 0.3, "{peak} and {far}");

    let dull = compare(unspoilt(), &[&humped(6.0)]);
    assert!(
        tones(&dull)[0].title().starts_with("Less at"),
        "{:?}",
        dull.differences
    );
}

#[test]
fn what_references_do_themselves_is_no_remark() {
    let references = [humped(-4.0), humped(0.0), humped(5.0)];
    let references: Vec<&Report> = references.iter().collect();
    assert_eq!(
        tones(&compare(&humped(4.0), &references)),
        Vec::<&Difference>::new()
    );
    let comparison = compare(&humped(11.0), &references);
    let difference = tones(&comparison)[0];
    let spread = difference.spread.unwrap();
    assert!((4.0..9.5).contains(&spread), "{difference:?}");
    assert!(
        difference.sentence().contains("within"),
        "{}",
        difference.sentence()
    );
}

#[test]
fn a_reference_without_highs_is_compared_where_it_has_signal() {
    let cut = song(|song| song.end_hz = 15_000.0);
    let comparison = compare(unspoilt(), &[&cut]);
    let end = comparison.references[0].ends_at_hz.unwrap();
    assert!((14_700.0..15_400.0).contains(&end), "{end}");
    assert_eq!(tones(&comparison), Vec::<&Difference>::new());
    let air = BANDS.len() - 1;
    assert_eq!(comparison.bands[air].each, [None]);
    assert!(comparison.bands[air].mix.is_some());
    assert!(comparison.bands[air - 1].difference().unwrap().abs() < 0.2);
    for tone in &comparison.thirds {
        assert_eq!(
            tone.level.each[0].is_some(),
            tone.hz * 1.122 < end * 1.03,
            "{} Hz",
            tone.hz
        );
    }
    // A second one that has them is asked alone there.
    let comparison = compare(unspoilt(), &[&cut, unspoilt()]);
    assert_eq!(comparison.bands[air].spread.unwrap().count, 1);
    assert_eq!(comparison.bands[air - 1].spread.unwrap().count, 2);
    // And a mix without highs lacks nothing that could be known.
    let comparison = compare(&cut, &[unspoilt()]);
    assert_eq!(comparison.bands[air].mix, None);
    assert_eq!(tones(&comparison), Vec::<&Difference>::new());
}

#[test]
fn width_is_compared_whatever_the_loudness() {
    let narrow = song(|song| {
        song.side_db = -16.0;
        song.gain_db = -6.0;
    });
    let comparison = compare(&narrow, &[unspoilt()]);
    let difference = figure(&comparison, Figure::Width).unwrap();
    assert_eq!(difference.title(), "Narrower");
    assert!((-8.5..-4.0).contains(&difference.by), "{difference:?}");
    let middle = comparison
        .widths
        .iter()
        .find(|tone| (tone.hz - 1_000.0).abs() < 1.0)
        .and_then(|tone| tone.level.difference())
        .unwrap();
    assert!((middle + 8.0).abs() < 0.5, "{middle}");
    // Bass that is as good as mono in both is no difference that anybody hears.
    let bass = song(|song| song.low_side_db = -40.0);
    assert_eq!(figure(&compare(&bass, &[unspoilt()]), Figure::LowWidth), None);
    // Wide bass is one, as far as it is heard as wide; bass that is narrower than theirs is no trouble.
    let wide_bass = song(|song| song.low_side_db = -2.0);
    let by = figure(&compare(&wide_bass, &[&bass]), Figure::LowWidth)
        .unwrap()
        .by;
    assert!((6.0..15.0).contains(&by), "{by}");
    assert_eq!(figure(&compare(&bass, &[&wide_bass]), Figure::LowWidth), None);
}

#[test]
fn compression_is_said_once() {
    let dense = song(|song| song.limit_to(-1.0, 12.0));
    let comparison = compare(&dense, &[unspoilt()]);
    assert!(
        figure(&comparison, Figure::Psr).is_some(),
        "{:?}",
        comparison.differences
    );
    assert_eq!(figure(&comparison, Figure::Plr), None);
    assert_eq!(
        figure(&comparison, Figure::Psr).unwrap().title(),
        "More compressed"
    );
}

#[test]
fn a_reference_without_loudness_is_not_compared_by_level() {
    let mut silent = unspoilt().clone();
    silent.loudness.integrated_lufs = Reading::absent(AbsenceReason::Silent);
    let comparison = compare(unspoilt(), &[&silent]);
    assert_eq!(comparison.references[0].gain_db, None);
    assert!(comparison.thirds.iter().all(|tone| tone.level.spread.is_none()));
    assert_eq!(comparison.differences, []);
    let json = serde_json::to_string(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
}
