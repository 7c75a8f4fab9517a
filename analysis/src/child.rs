//! Measuring in a process of its own.
//!
//! Decoders have crashed, spun for ever and swallowed memory on broken files; a process can do all that and harm only
//! its own file. The parent starts itself again with the file as standard input, reads [`MeasureMessage`]s line by line and
//! kills what takes too long. A child that ends without a final message has crashed, and that is a failure of the file
//! ([`model::FailureCode::DecoderFailed`]).

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use model::format::AudioFormat;
use model::{Failure, Report};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::{Error, measure};

/// The address space that the child may use. A real file needs about a twentieth of it.
pub const MEMORY_LIMIT: u64 = 1 << 30;
/// The CPU time that the child may use: three hours of music take a quarter of it.
pub const CPU_LIMIT: Duration = Duration::from_secs(120);
/// Progress is not reported more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// The task of a measuring child, as JSON on the command line. Nothing in it ever comes from a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureTask {
    /// The format that the file's name promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<AudioFormat>,
    /// The longest audio that the plan allows, in seconds.
    pub max_duration_s: u64,
    /// [`AnalysisOptions::threads`](crate::AnalysisOptions::threads).
    #[serde(default = "one")]
    pub threads: usize,
    /// Makes the child fail as a broken decoder would: for the parent's tests, which cannot wait for a file that
    /// breaks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

const fn one() -> usize {
    1
}

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Panics.
    Panic,
    /// Dies from a signal.
    Abort,
    /// Never ends, until the CPU limit or the parent ends it.
    Spin,
    /// Takes memory until there is none.
    Memory,
}

/// One line from the child. Any number of `Progress`, then exactly one of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureMessage {
    /// Percent of the measuring, never falling.
    Progress(u8),
    /// The measurements.
    Report(Box<Report>),
    /// The file is at fault.
    Failure(Failure),
    /// The file could not be read; trying again may help.
    IoError(String),
}

/// The task of a transcoding child, as JSON on the command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscodeTask {
    /// [`TranscodeOptions::max_duration`](crate::transcode::TranscodeOptions::max_duration), in seconds.
    pub max_duration_s: u64,
    /// [`TranscodeOptions::lowered_db`](crate::transcode::TranscodeOptions::lowered_db).
    pub lowered_db: f64,
    /// As [`MeasureTask::fault`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// The one line of a transcoding child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscodeMessage {
    /// The preview is complete.
    Done,
    /// The file is at fault.
    Failure(Failure),
    /// Reading or writing failed; trying again may help.
    IoError(String),
}

impl MeasureMessage {
    /// Reads one line.
    ///
    /// # Errors
    /// Where it is not a message: a child that prints anything else is broken.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Progress(_))
    }
}

/// Standard input as a file of its own, at its start.
///
/// # Errors
/// Where standard input is closed, or is no file.
pub fn stdin_file() -> io::Result<File> {
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Limits this process, measures `file` and writes [`MeasureMessage`]s to `out`.
///
/// Call it before anything else in the process has started a thread: the limits count for all of it.
pub fn run_measure(task_json: &str, file: File, out: impl Write) -> ExitCode {
    let mut out = BufWriter::new(out);
    let task = match serde_json::from_str::<MeasureTask>(task_json) {
        Ok(task) => limit()
            .map_err(|error| format!("cannot limit the process: {error}"))
            .map(|()| task),
        Err(error) => Err(format!("the task is not understood: {error}")),
    };
    let last = match task {
        Ok(task) => {
            if let Some(fault) = task.fault {
                fail_as(fault);
            }
            measured(&task, file, &mut out)
        }
        Err(message) => MeasureMessage::IoError(message),
    };
    match write_line(&mut out, &last) {
        Ok(()) => ExitCode::SUCCESS,
        // The parent is gone, or has had enough.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Standard output as a file of its own, for [`run_transcode`].
///
/// # Errors
/// Where standard output is closed, or is no file.
pub fn stdout_file() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Limits this process, transcodes `file` to `output` for browsers to play, and writes one [`TranscodeMessage`] to `out`.
///
/// Call it before anything else in the process has started a thread.
pub fn run_transcode(task_json: &str, file: File, output: File, mut out: impl Write) -> ExitCode {
    let task = match serde_json::from_str::<TranscodeTask>(task_json) {
        Ok(task) => limit()
            .and_then(|()| limit_file(crate::transcode::MAX_BYTES))
            .map_err(|error| format!("cannot limit the process: {error}"))
            .map(|()| task),
        Err(error) => Err(format!("the task is not understood: {error}")),
    };
    let message = match task {
        Ok(task) => {
            if let Some(fault) = task.fault {
                fail_as(fault);
            }
            let options = crate::transcode::TranscodeOptions {
                max_duration: Duration::from_secs(task.max_duration_s),
                lowered_db: task.lowered_db,
            };
            match crate::transcode::to_wav(file, output, &options) {
                Ok(()) => TranscodeMessage::Done,
                Err(Error::Rejected(failure)) => TranscodeMessage::Failure(failure),
                Err(Error::Io(error)) => TranscodeMessage::IoError(error.to_string()),
            }
        }
        Err(message) => TranscodeMessage::IoError(message),
    };
    match write_line(&mut out, &message) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn measured(task: &MeasureTask, file: File, out: &mut impl Write) -> MeasureMessage {
    let options = crate::AnalysisOptions {
        declared: task.declared,
        max_duration: Duration::from_secs(task.max_duration_s),
        threads: task.threads,
    };
    let mut reported_at: Option<Instant> = None;
    let mut progress = |percent: crate::Percent| {
        if reported_at.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
            reported_at = Some(Instant::now());
            // A parent that no longer listens is noticed at the final message.
            let _ = write_line(out, &MeasureMessage::Progress(percent.get()));
        }
    };
    match measure(file, &options, &mut progress) {
        Ok(report) => MeasureMessage::Report(Box::new(report)),
        Err(Error::Rejected(failure)) => MeasureMessage::Failure(failure),
        Err(Error::Io(error)) => MeasureMessage::IoError(error.to_string()),
    }
}

fn limit() -> io::Result<()> {
    let at_most = |limit| Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    setrlimit(Resource::As, at_most(MEMORY_LIMIT))?;
    setrlimit(Resource::Cpu, at_most(CPU_LIMIT.as_secs()))?;
    // A crash is expected now and then, and leaves nothing behind.
    setrlimit(Resource::Core, at_most(0))?;
    Ok(())
}

fn limit_file(bytes: u64) -> io::Result<()> {
    Ok(setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        },
    )?)
}

fn write_line(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, message)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[expect(clippy::panic, reason = "crashing is what it is for")]
fn fail_as(fault: Fault) {
    match fault {
        Fault::Panic => panic!("a fault was asked for"),
        Fault::Abort => std::process::abort(),
        Fault::Spin => loop {
            std::hint::spin_loop();
        },
        Fault::Memory => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                hoard.push(vec![1; 16 << 20]);
            }
        }
    }
}
