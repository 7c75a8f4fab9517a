//! The engine from outside: files in, reports and failures out.

#![expect(
    clippy::disallowed_methods,
    reason = "signals of tests may differ in the last bit between platforms"
)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests too")]
#![expect(
    clippy::print_stdout,
    reason = "`--nocapture` shows the tables that were compared"
)]

mod agreement;
#[cfg(unix)]
mod child;
mod comparison;
mod conformance;
mod corrections;
mod damage;
mod detail;
mod failures;
mod ffmpeg;
mod limits;
mod local;
mod matrix;
mod mutants;
mod oracle;
mod render;
mod rules;
mod signals;
mod song;
mod truncated;

use std::io::Cursor;

use analysis::testkit::{Encoding, Planes, wav};
use analysis::{AnalysisOptions, Error, measure};
use model::{Failure, Reading, Report};

pub(crate) fn report_of(bytes: Vec<u8>) -> Report {
    measure(Cursor::new(bytes), &AnalysisOptions::default(), &mut |_| {}).unwrap()
}

/// The report of these bytes without its digest, to compare with that of others that hold the same audio.
pub(crate) fn undigested_report_of(bytes: Vec<u8>) -> Report {
    Report {
        digest: None,
        ..report_of(bytes)
    }
}

pub(crate) fn measured(rate: u32, planes: &Planes) -> Report {
    report_of(wav(rate, planes, Encoding::Float32))
}

pub(crate) fn failure_of(bytes: Vec<u8>) -> Failure {
    match measure(Cursor::new(bytes), &AnalysisOptions::default(), &mut |_| {}) {
        Err(Error::Rejected(failure)) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[track_caller]
pub(crate) fn assert_near(reading: Reading, expected: f64, tolerance: f64, what: &str) {
    let value = reading
        .value()
        .unwrap_or_else(|| panic!("{what}: no value, {:?}", reading.why()));
    assert!(
        (value - expected).abs() <= tolerance,
        "{what}: {value}, expected {expected} ± {tolerance}"
    );
}
