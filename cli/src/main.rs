//! `mixlens-cli`: the measurements of local files, in the terminal or as JSON.

mod account;
mod arguments;
mod budget;
mod comparing;
mod input;
mod rendering;
mod schema;
mod table;
mod uploading;

use std::io::{self, IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use analysis::rules::judge;
use analysis::{AnalysisOptions, Error, measure};
use arguments::{Analyze, Arguments, Color, Command, ReadOptions};
use budget::{Budget, Excess, FailOn, Limits};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use input::Input;
use model::{Failure, FailureCode, Report, Verdict};

/// What the program ends with; of several files the largest counts. 2 is clap's, for arguments that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Measured = 0,
    Refused = 1,
    Unreadable = 3,
    /// Measured, and not within the budget.
    Exceeded = 4,
}

impl Outcome {
    const fn from_error(error: &Error) -> Self {
        match error {
            Error::Rejected(_) => Self::Refused,
            Error::Io(_) => Self::Unreadable,
        }
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    // A decoder that panics on a broken file has been caught, and the file's sentence says so.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = match command {
        Command::Analyze(arguments) => analyze_all(&arguments),
        Command::Compare(arguments) => comparing::compare_files(&arguments),
        Command::Plan(arguments) => rendering::plan_file(&arguments),
        Command::Render(arguments) => rendering::render_file(&arguments),
        Command::Schema { of } => schema::print(of),
        Command::Login(arguments) => account::log_in(&arguments),
        Command::Logout => account::log_out(),
        Command::Upload(arguments) => uploading::upload_all(&arguments),
    };
    ExitCode::from(outcome as u8)
}

fn analyze_all(arguments: &Analyze) -> Outcome {
    let limits = limits_or_exit(arguments.budget.as_deref(), arguments.fail_on);
    let mut out = io::stdout().lock();
    let paint = table::Paint::new(wants_color(arguments.color, out.is_terminal()));
    let mut outcome = Outcome::Measured;
    for (index, path) in arguments.files.iter().enumerate() {
        let result = analyze(path, &arguments.reading);
        outcome = outcome.max(
            result
                .as_ref()
                .map_or_else(Outcome::from_error, |_| Outcome::Measured),
        );
        let exceeded = result
            .as_ref()
            .ok()
            .filter(|_| !limits.is_empty())
            .map(|report| limits.check(report, &judge(report), arguments.stage.stage()));
        if exceeded.as_ref().is_some_and(|exceeded| !exceeded.is_empty()) {
            outcome = outcome.max(Outcome::Exceeded);
        }
        let written = if arguments.json {
            write_json(&mut out, path, &result, exceeded)
        } else {
            table::write(&mut out, paint, index, path, &result, arguments.stage.stage())
                .and_then(|()| table::write_exceeded(&mut out, paint, exceeded.as_deref()))
        };
        // Whoever reads us has stopped (`mixlens-cli … | head`), or the disk is full.
        if let Err(error) = written.and_then(|()| out.flush()) {
            if error.kind() != io::ErrorKind::BrokenPipe {
                let _ = writeln!(io::stderr(), "mixlens-cli: cannot write: {error}");
            }
            return Outcome::Unreadable;
        }
    }
    outcome
}

/// What files are held to; ends the program where the budget cannot be read.
fn limits_or_exit(budget: Option<&Path>, fail_on: Option<FailOn>) -> Limits {
    match budget.map(Budget::read).transpose() {
        Ok(budget) => Limits {
            budget: budget.unwrap_or_default(),
            fail_on,
        },
        Err(sentence) => Arguments::command()
            .error(ErrorKind::ValueValidation, sentence)
            .exit(),
    }
}

fn analyze(path: &Path, reading: &ReadOptions) -> Result<Report, Error> {
    let Input { file, name, declared } = Input::open(path).map_err(Error::Io)?;
    let options = AnalysisOptions {
        declared,
        max_duration: Duration::from_secs(u64::from(reading.max_minutes) * 60),
        threads: usize::try_from(reading.threads).unwrap_or(1),
    };
    let bar = progress_bar(&name);
    let measured = std::panic::catch_unwind(AssertUnwindSafe(|| {
        measure(file, &options, &mut |percent| {
            bar.set_position(u64::from(percent.get()))
        })
    }));
    bar.finish_and_clear();
    measured.unwrap_or_else(|_| Err(Failure::new(FailureCode::DecoderFailed).into()))
}

/// Draws on standard error, and only where that is a terminal.
fn progress_bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos:>3} %  {msg}") {
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    }
    bar.set_message(name.to_owned());
    bar
}

/// <https://no-color.org>: any value but the empty one turns colours off, unless the user asks for them.
fn wants_color(color: Color, is_terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            is_terminal && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// What came of one file. A report is written as it is: by way of a `serde_json::Value` its numbers would have twice as many digits.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
enum AnalyzedDocument<'a> {
    /// It was measured.
    Measured {
        /// As it was named.
        file: &'a str,
        /// Every figure.
        report: &'a Report,
        /// What the rules say of them.
        verdict: Box<Verdict>,
        /// What is not as files are held to; there where they are held to something.
        #[serde(skip_serializing_if = "Option::is_none")]
        exceeded: Option<Vec<Excess>>,
    },
    /// It was refused.
    Refused {
        /// As it was named.
        file: &'a str,
        /// Why, to decide by.
        failure: &'a Failure,
        /// Why, in words.
        message: String,
        /// What to do.
        advice: &'static str,
    },
    /// It could not be read.
    Unread {
        /// As it was named.
        file: &'a str,
        /// What the system says.
        io_error: String,
        /// Why, in words.
        message: String,
        /// What to do.
        advice: &'static str,
    },
}

fn write_json(
    out: &mut impl Write,
    path: &Path,
    result: &Result<Report, Error>,
    exceeded: Option<Vec<Excess>>,
) -> io::Result<()> {
    let file = path.display().to_string();
    let document = match result {
        Ok(report) => AnalyzedDocument::Measured {
            file: &file,
            report,
            verdict: Box::new(judge(report)),
            exceeded,
        },
        Err(Error::Rejected(failure)) => {
            let (message, advice) = table::refusal(failure);
            AnalyzedDocument::Refused {
                file: &file,
                failure,
                message,
                advice,
            }
        }
        Err(Error::Io(error)) => {
            let (message, advice) = input::status_message(error);
            AnalyzedDocument::Unread {
                file: &file,
                io_error: error.to_string(),
                message,
                advice,
            }
        }
    };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}
