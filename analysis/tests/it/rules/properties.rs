//! The receipt's arithmetic, over measures and reports that no song has.

use analysis::rules::{Measurement, ReportView, Rule, catalog, judge, judge_measures};
use model::Report;
use model::report::Reading;
use model::verdict::{Points, ScoreBreakdown, Stage};
use proptest::prelude::*;

use crate::song::unspoilt;

type Measures = Vec<(&'static Rule, Option<Measurement>)>;

/// A value for each rule: `position` up to 0.3 is at the edge of the range, what is beyond is outside.
fn measures(positions: &[(f64, bool)], stage: Stage) -> Measures {
    catalog()
        .zip(positions)
        .map(|(rule, &(position, is_known))| {
            let value = rule.criterion(stage).map(|target| {
                let range = target.range();
                // So far outside that the cap is reached about half of the time.
                let reach = 2.0 * target.reach() + rule.tolerance;
                match (range.low, range.high) {
                    (_, Some(high)) if position >= 0.0 => high + (position - 0.3).max(0.0) * reach,
                    (Some(low), _) => low - (position.abs() - 0.3).max(0.0) * reach,
                    (None, Some(high)) => high + (position.abs() - 0.3).max(0.0) * reach,
                    (None, None) => unreachable!("a rule without a range"),
                }
            });
            (rule, value.filter(|_| is_known).and_then(Measurement::new))
        })
        .collect()
}

fn judged(measures: &Measures, stage: Stage) -> ScoreBreakdown {
    let report = unspoilt();
    judge_measures(&ReportView::new(report), measures, stage)
}

fn positions() -> impl Strategy<Value = Vec<(f64, bool)>> {
    // Few rules are broken in one song; sometimes all are.
    let position = prop_oneof![3 => 0.0..0.3, 2 => -1.3..1.3_f64];
    prop::collection::vec((position, prop::bool::weighted(0.9)), catalog().count())
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![Just(Stage::Mix), Just(Stage::Master)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_rows_sum_exactly_and_the_score_is_bounded(positions in positions(), stage in stage()) {
        let breakdown = judged(&measures(&positions, stage), stage);
        let lost: Points = breakdown.findings.iter().map(|finding| finding.points).sum();
        prop_assert_eq!(breakdown.score + lost, Points::from_tenths(1_000));
        prop_assert!((0..=1_000).contains(&breakdown.score.tenths()));
        prop_assert!(breakdown.findings.iter().all(|finding| finding.points.tenths() > 0));
    }

    #[test]
    fn worse_never_scores_higher(
        positions in positions(), stage in stage(), which in any::<prop::sample::Index>(), step in 0.0..0.5_f64,
    ) {
        let mut worse = positions.clone();
        let (position, _) = &mut worse[which.index(positions.len())];
        *position += step.copysign(*position);
        let before = judged(&measures(&positions, stage), stage);
        let after = judged(&measures(&worse, stage), stage);
        prop_assert!(after.score <= before.score, "{:?} became {:?}", before.score, after.score);
    }

    #[test]
    fn the_order_of_the_rules_is_irrelevant(positions in positions(), stage in stage(), turn in 0..40_usize) {
        let straight = measures(&positions, stage);
        let mut turned = straight.clone();
        turned.rotate_left(turn);
        turned.reverse();
        prop_assert_eq!(judged(&straight, stage), judged(&turned, stage));
    }

    #[test]
    fn a_tenth_of_a_decibel_never_costs_more_than_two_points(
        levels in prop::collection::vec(-12.0..12.0_f64, FIELDS), which in 0..FIELDS, stage in stage(),
    ) {
        let mut moved = levels.clone();
        moved[which] += 0.1;
        let score = |levels: &[f64]| judge(&shifted(levels)).by(stage).score.value();
        let (before, after) = (score(&levels), score(&moved));
        prop_assert!((before - after).abs() <= 2.0, "{} became {}", before, after);
    }
}

const FIELDS: usize = 14;

/// A report whose figures in decibels are moved, each by its own amount: one of them is the gain of everything.
fn shifted(db: &[f64]) -> Report {
    let mut report = unspoilt().clone();
    let mut detail = report.detail.take().unwrap();
    let gain = db[0];
    let move_by = |reading: &mut Reading, db: f64| {
        if let Some(value) = reading.value() {
            *reading = Reading::new(value + db);
        }
    };
    move_by(&mut report.loudness.integrated_lufs, gain + db[1]);
    move_by(&mut report.loudness.momentary_max_lufs, gain + db[2]);
    move_by(&mut report.loudness.range_lu, db[3]);
    move_by(&mut report.peaks.true_peak_dbtp, gain + db[4]);
    move_by(&mut report.peaks.sample_peak_dbfs, gain + db[5]);
    move_by(&mut detail.peaks.true_peak_8x_dbtp, gain + db[4]);
    move_by(&mut report.dynamics.plr_lu, db[6]);
    move_by(&mut report.dynamics.crest_db, db[7]);
    move_by(&mut detail.dynamics.psr_p10_lu, db[8]);
    move_by(&mut detail.dynamics.dr_db, db[8]);
    move_by(&mut detail.spectrum.low_end_share_db, db[9]);
    move_by(&mut detail.spectrum.harsh_spread_db, db[9]);
    move_by(&mut report.stereo.mono_change_lu, db[10]);
    move_by(&mut report.stereo.width_db, db[11]);
    move_by(&mut report.stereo.balance_db, db[12]);
    for channel in &mut detail.peaks.channels {
        move_by(&mut channel.rms_dbfs, gain);
    }
    move_by(&mut detail.peaks.channels[0].rms_dbfs, db[12] * 3.0);
    for value in detail.peaks.true_peak_dbtp.values.iter_mut().flatten() {
        *value += gain as f32;
    }
    for (band, level) in detail.spectrum.third_octave.iter_mut().enumerate() {
        level.db = level
            .db
            .map(|level| level + (db[13] * (band % 5) as f64 / 4.0) as f32);
    }
    report.detail = Some(detail);
    report
}
