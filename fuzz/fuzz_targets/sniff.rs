//! Telling what a file is must work on any bytes.
#![no_main]

use analysis::sniff::sniff;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = sniff(bytes);
    assert_eq!(whole, sniff(bytes));
});
