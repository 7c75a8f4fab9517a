//! A small part of `make bench-render`, on music that is made here: what is mended is mended, nothing is paid for it, and what was
//! predicted comes true.

use std::io::Write;

use analysis::testkit::corrections::{NEAR_POINTS, Planned, corrected};
use analysis::testkit::faults::{FAULTS, Strength};
use analysis::testkit::{Encoding, wav};
use model::verdict::Stage;

use crate::report_of;
use crate::rules::intact;

/// Kinds that this music can have, for most steps one.
const KINDS: [&str; 8] = [
    "DC",
    "subsonics",
    "polarity",
    "lean",
    "channel delay",
    "hum",
    "clicks",
    "silence at the end",
];
const SECONDS: f64 = 30.0;

#[test]
fn a_render_mends_what_its_plan_is_for_and_nothing_pays_for_it() {
    let (mut predicted, mut near, mut targeted) = (0, 0, 0);
    let faults = FAULTS.iter().filter(|fault| KINDS.contains(&fault.name));
    for (fault, strength) in faults.flat_map(|fault| Strength::ALL.map(|strength| (fault, strength))) {
        let mut spoilt = intact(SECONDS);
        let Some(amount) = fault.amount(strength) else {
            continue;
        };
        (fault.put)(&mut spoilt, amount).unwrap();
        let bytes = wav(spoilt.rate, &spoilt.planes, Encoding::Int24);
        let mut source = tempfile::tempfile().unwrap();
        source.write_all(&bytes).unwrap();
        let output = tempfile::tempfile().unwrap();
        let made = corrected(
            &source,
            report_of(bytes),
            Stage::Mix,
            Planned::FromReport,
            &output,
        )
        .unwrap();
        let case = format!(
            "{} {}: {} before, {} predicted, {} after, taken back {:?}",
            strength.word(),
            fault.name,
            made.proof.before.score.number(),
            made.proof.predicted_score.number(),
            made.proof.after.score.number(),
            made.proof.rolled_back
        );
        println!("{case}");
        let missed: Vec<_> = made.missed().collect();
        assert!(missed.is_empty(), "{case}: {missed:?}");
        let worse: Vec<_> = made.worse().collect();
        assert!(worse.is_empty(), "{case}: {worse:?}");
        assert!(made.won() >= 0.0, "{case}");
        targeted += made.targeted().count();
        predicted += 1;
        near += usize::from(made.off() <= NEAR_POINTS);
    }
    assert!(targeted >= KINDS.len(), "{targeted} findings were to be mended");
    assert!(
        10 * near >= 9 * predicted,
        "{near} of {predicted} predictions are near"
    );
}
