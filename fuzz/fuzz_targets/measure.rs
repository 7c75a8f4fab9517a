//! A report must hold no NaN and no infinity, and read back as it was written.
#![no_main]

mod catch_panic;

use std::io::Cursor;
use std::time::Duration;

use analysis::{AnalysisOptions, measure};

libfuzzer_sys::fuzz_target!(init: catch_panic::expect_panics_of_decoders(), |bytes: &[u8]| {
    let options = AnalysisOptions {
        max_duration: Duration::from_secs(60),
        ..AnalysisOptions::default()
    };
    if let Ok(report) = measure(Cursor::new(bytes.to_vec()), &options, &mut |_| {}) {
        let text = format!("{report:?}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        let json = serde_json::to_string(&report).expect("a report is JSON");
        let back: model::Report = serde_json::from_str(&json).expect("which reads back");
        assert_eq!(back.file, report.file);
    }
});
