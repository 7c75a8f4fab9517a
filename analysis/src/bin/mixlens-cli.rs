//! `mixlens-cli`: the measurements of local files, in the terminal or as JSON.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use analysis::{Error, Options, measure};
use clap::{Parser, Subcommand};
use model::format::AudioFormat;
use model::report::BANDS;
use model::{Reading, Report};

/// Measures music mixes.
#[derive(Parser)]
#[command(name = "mixlens-cli", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures files and prints what was found.
    Analyze {
        /// Audio files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// One JSON object per file and line, instead of tables.
        #[arg(long)]
        json: bool,
        /// From 2 on, meters run beside the decoder; the report stays the same.
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
}

fn main() -> ExitCode {
    let Command::Analyze { files, json, threads } = Arguments::parse().command;
    let mut out = io::stdout().lock();
    let mut all_measured = true;
    for (index, file) in files.iter().enumerate() {
        let result = analyze(file, threads, !json);
        all_measured &= result.is_ok();
        let written = match (json, &result) {
            (true, result) => write_json(&mut out, file, result),
            (false, Ok(report)) => write_table(&mut out, index, file, report),
            (false, Err(error)) => write_error(&mut out, index, file, error),
        };
        // Whoever reads us has stopped: `mixlens-cli … | head`.
        if written.is_err() {
            return ExitCode::FAILURE;
        }
    }
    if all_measured {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn analyze(path: &Path, threads: usize, show_progress: bool) -> Result<Report, Error> {
    let file = File::open(path).map_err(Error::Io)?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let options = Options {
        declared: AudioFormat::from_file_name(name),
        threads,
        ..Options::default()
    };
    let mut terminal = io::stderr();
    let show_progress = show_progress && terminal.is_terminal();
    let result = measure(file, &options, &mut |percent| {
        if show_progress {
            let _ = write!(terminal, "\r{:3} %  {name}", percent.get());
        }
    });
    if show_progress {
        // Clears the line, and a cursor at its start is what the table expects.
        let _ = write!(terminal, "\r\x1b[K");
    }
    result
}

fn write_json(out: &mut impl Write, path: &Path, result: &Result<Report, Error>) -> io::Result<()> {
    let file = path.display().to_string();
    let object = match result {
        // Not as a `Value`, which would write out an f32 with all the digits of an f64.
        Ok(report) => {
            let (file, report) = (serde_json::to_string(&file)?, serde_json::to_string(report)?);
            return writeln!(out, r#"{{"file":{file},"report":{report}}}"#);
        }
        Err(Error::Rejected(failure)) => serde_json::json!({ "file": file, "failure": failure }),
        Err(Error::Io(error)) => serde_json::json!({ "file": file, "io_error": error.to_string() }),
    };
    writeln!(out, "{object}")
}

fn write_error(out: &mut impl Write, index: usize, path: &Path, error: &Error) -> io::Result<()> {
    write_title(out, index, path)?;
    match error {
        Error::Rejected(failure) => {
            writeln!(
                out,
                "  {}\n  {}\n  {}",
                failure.headline(),
                failure.sentence(),
                failure.advice()
            )
        }
        Error::Io(error) => writeln!(out, "  Cannot be read: {error}"),
    }
}

fn write_title(out: &mut impl Write, index: usize, path: &Path) -> io::Result<()> {
    if index > 0 {
        writeln!(out)?;
    }
    let title = path.display().to_string();
    writeln!(out, "{title}\n{}", "─".repeat(title.chars().count()))
}

fn write_table(out: &mut impl Write, index: usize, path: &Path, report: &Report) -> io::Result<()> {
    write_title(out, index, path)?;
    let file = &report.file;
    let channels = match file.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        count => format!("{count} channels"),
    };
    let codec = if file.codec == file.format.name() {
        file.codec.clone()
    } else {
        format!("{}, {}", file.format.name(), file.codec)
    };
    writeln!(
        out,
        "  {codec}, {} kHz, {channels}, {}\n",
        f64::from(file.sample_rate_hz) / 1000.0,
        clock(file.duration_s)
    )?;

    let (loudness, peaks, stereo) = (&report.loudness, &report.peaks, &report.stereo);
    let peak_at = peaks
        .true_peak_at
        .map(|at| format!("  at {}", clock(at.time_s)))
        .unwrap_or_default();
    let unstable = if loudness.range_is_stable {
        ""
    } else {
        "  (under 60 s: not yet stable)"
    };
    let rows = [
        ("Integrated loudness", loudness.integrated_lufs, "LUFS", ""),
        ("Short-term maximum", loudness.short_term_max_lufs, "LUFS", ""),
        ("Momentary maximum", loudness.momentary_max_lufs, "LUFS", ""),
        ("Loudness range", loudness.range_lu, "LU", unstable),
        ("True peak", peaks.true_peak_dbtp, "dBTP", peak_at.as_str()),
        ("Sample peak", peaks.sample_peak_dbfs, "dBFS", ""),
        ("Peak to loudness", report.dynamics.plr_lu, "LU", ""),
        ("Crest factor", report.dynamics.crest_db, "dB", ""),
        ("Correlation", stereo.correlation, "", ""),
        ("Width (side over mid)", stereo.width_db, "dB", ""),
        ("Balance (left over right)", stereo.balance_db, "dB", ""),
        ("Change when mono", stereo.mono_change_lu, "LU", ""),
    ];
    for (name, reading, unit, remark) in rows {
        writeln!(out, "  {name:<26}{}{remark}", figure(reading, unit))?;
    }

    writeln!(out, "\n  Share of the energy from 20 Hz to 20 kHz")?;
    for ((name, low, high), reading) in BANDS.iter().zip(report.spectrum.bands_db) {
        const WIDTH: f64 = 30.0;
        const FLOOR_DB: f64 = -60.0;
        let share = reading
            .value()
            .map_or(0.0, |db| (1.0 - db / FLOOR_DB).clamp(0.0, 1.0));
        let bar = "█".repeat((share * WIDTH).round() as usize);
        writeln!(
            out,
            "  {name:<9}{low:>6} to {high:>5} Hz   {} {bar}",
            figure(reading, "dB")
        )?;
    }
    if !report.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &report.notes {
        writeln!(out, "  Note: {}", note.sentence())?;
    }
    Ok(())
}

fn figure(reading: Reading, unit: &str) -> String {
    match (reading.value(), reading.why()) {
        (Some(value), _) => format!("{value:>8.2} {unit:<4}"),
        (None, why) => format!(
            "       –  ({})",
            why.map_or("not measured", model::report::Absent::words)
        ),
    }
}

/// Minutes and seconds.
fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}
