//! How well the judge hears: faults put into intact music by code, and what the rules say of them.
//!
//!     cargo run --release -p bench --bin judge -- measure CACHE FOLDER… [--every N]
//!     cargo run --release -p bench --bin judge -- document CACHE > docs/JUDGEMENT.md
//!     cargo run --release -p bench --bin judge -- report CACHE [--part tuning|held-out|all]
//!     cargo run --release -p bench --bin judge -- list CACHE [--part …] [--kind NAME] [--rows N]
//!     cargo run --release -p bench --bin judge -- spectra CACHE FOLDER…
//!     cargo run --release -p bench --bin judge -- alarms CACHE [--part …] [--kind RULE] [--rows N]
//!     cargo run --release -p bench --bin judge -- renders FOLDER… [--songs N] [--kind NAME] [--simulated] > docs/RENDERING-BENCH.md
//!
//! Measuring takes long, judging does not: the reports are kept, so that a change of the rules is seen in seconds. Lossless
//! files count as unmastered mixes (projects rendered without a limiter), and a limited version of each as a master; lossy
//! ones as finished masters. Tracks whose name has an even hash are for choosing constants; the others are only reported.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool whose numbers reach no report"
)]

mod corpus;
mod corrections;
mod ffmpeg;
mod figures;
mod spectra;

use std::path::PathBuf;

use analysis::testkit::corrections::Planned;
use figures::Part;

fn main() {
    let mut folders = Vec::new();
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--every" => options.every = value().parse().unwrap_or(1),
            "--part" => options.part = Part::named(&value()),
            "--kind" => options.kind = Some(value()),
            "--songs" => options.songs = value().parse().unwrap_or(12),
            "--simulated" => options.planned = Planned::OnFile,
            "--rows" => options.rows = value().parse().unwrap_or(4),
            _ => folders.push(PathBuf::from(argument)),
        }
    }
    let Some((cache, music)) = folders.split_first() else {
        eprintln!("usage: judge measure|document|report|list|spectra|alarms|renders CACHE …");
        std::process::exit(2);
    };
    match command.as_str() {
        "measure" => corpus::measure(cache, music, options.every),
        "report" => figures::report(cache, options.part),
        "document" => figures::document(cache),
        "list" => figures::list(cache, &options),
        "alarms" => figures::alarms(cache, &options),
        "spectra" => spectra::write(cache, music),
        "renders" => {
            if !corrections::document(&folders, options.songs, options.kind.as_deref(), options.planned) {
                std::process::exit(1);
            }
        }
        _ => eprintln!("unknown command {command}"),
    }
}

struct Options {
    every: u64,
    part: Part,
    kind: Option<String>,
    rows: usize,
    songs: usize,
    planned: Planned,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            every: 1,
            part: Part::All,
            kind: None,
            rows: 4,
            songs: 12,
            planned: Planned::FromReport,
        }
    }
}
