//! The engine in a JavaScript host.
//!
//! `scripts/same-bits` runs it under node and compares its answers with the native ones, byte for byte (P02).

use std::io::Cursor;

use analysis::rules::judge;
use model::{Report, Verdict};
use wasm_bindgen::prelude::*;

#[derive(serde::Serialize)]
struct Measured {
    report: Report,
    verdict: Verdict,
}

/// Measures the bytes of a file and judges the report; answers with both as JSON.
///
/// # Errors
/// A sentence, where the file is refused.
#[wasm_bindgen]
pub fn analyze(bytes: Vec<u8>) -> Result<String, String> {
    let report = analysis::measure(
        Cursor::new(bytes),
        &analysis::AnalysisOptions::default(),
        &mut |_| (),
    )
    .map_err(|error| error.to_string())?;
    let verdict = judge(&report);
    serde_json::to_string(&Measured { report, verdict }).map_err(|error| error.to_string())
}
