//! Measuring, transcoding and rendering in a process of its own.
//!
//! Decoders have crashed, spun for ever and swallowed memory on broken files; a process can do all that and harm only
//! its own file. The parent starts itself again with the file as standard input, reads [`ChildMessage`]s from standard error
//! line by line and kills what takes too long. What a transcode or a render writes is standard output. A child that ends without a final
//! message has crashed, and that is a failure of the file ([`model::FailureCode::DecoderFailed`]).

mod confine;

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use model::format::AudioFormat;
use model::{Failure, FailureCode, Report};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use model::verdict::{Points, Stage};

use crate::render::{Proof, Recipe, RenderError, RenderOptions, bypass, difference, render};
use crate::{Error, Percent, measure, transcode};

/// Progress is not reported more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// What the parent gives the child, as JSON on the command line. No text in it ever comes from a user; the figures of a recipe do,
/// checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildTask<T> {
    /// What to do.
    pub work: T,
    /// How much of the machine it may use.
    pub limits: Limits,
    /// Makes the child fail as a broken decoder would: for the parent's tests, which cannot wait for a file that
    /// breaks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// How much of the machine a child may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The address space. A real file needs about a twentieth of the default.
    pub memory_bytes: u64,
    /// The processor time in seconds: three hours of music take a quarter of the default.
    pub cpu_s: u64,
    /// The largest file that it may write.
    pub output_bytes: u64,
    /// Descriptors that it may have: 0 for no more than those it came with. A render goes over its files again and again.
    pub descriptors: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            cpu_s: 120,
            output_bytes: 0,
            descriptors: 0,
        }
    }
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
    /// Tries to reach files, the network and other programs, as code smuggled in by a file would, and says by
    /// [`ChildMessage::IoError`] what it reached; panics where that is nothing.
    Escape,
}

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureTask {
    /// The format that the file's name promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<AudioFormat>,
    /// The longest audio that the plan allows, in seconds.
    pub max_duration_s: u64,
    /// [`AnalysisOptions::threads`](crate::AnalysisOptions::threads).
    pub threads: usize,
}

/// What to transcode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscodeTask {
    /// [`transcode::TranscodeOptions::max_duration`], in seconds.
    pub max_duration_s: u64,
    /// [`transcode::TranscodeOptions::max_bytes`].
    pub max_bytes: u64,
    /// [`transcode::TranscodeOptions::lowered_db`].
    pub lowered_db: f64,
}

/// What to render.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenderTask {
    /// What is done to the file.
    pub recipe: Recipe,
    /// [`RenderOptions::stage`].
    pub stage: Option<Stage>,
    /// [`RenderOptions::expected_score`].
    pub expected_score: Option<Points>,
    /// The longest audio that the plan allows, in seconds.
    pub max_duration_s: u64,
    /// [`RenderOptions::threads`].
    pub threads: usize,
}

/// Which step is to be heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTask {
    /// The recipe with everything that was adjusted.
    pub recipe: Recipe,
    /// The index of the step.
    pub step: usize,
}

/// What a step takes away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its level in dBFS (RMS of all channels); `None` where it is nothing at all.
    pub level_dbfs: Option<f64>,
}

/// One line from the child. Any number of `Progress`, then exactly one of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildMessage<T> {
    /// Percent of the work, never falling.
    Progress(u8),
    /// It is done, with what came out.
    Done(T),
    /// The file is at fault.
    Failure(Failure),
    /// Reading or writing failed; trying again may help.
    IoError(String),
}

/// What a measuring child says.
pub type MeasureMessage = ChildMessage<Box<Report>>;

impl<T: DeserializeOwned> ChildMessage<T> {
    /// Reads one line.
    ///
    /// # Errors
    /// Where it is not a message: a child that prints anything else is broken.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

impl<T> ChildMessage<T> {
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

/// Standard output as a file of its own, for [`run_transcode`], [`run_render`], [`run_difference`] and [`run_bypass`].
///
/// # Errors
/// Where standard output is closed, or is no file.
pub fn stdout_file() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Confines this process, measures `file` and writes [`MeasureMessage`]s to `messages`.
///
/// Call it before anything else in the process has started a thread: it is confined as a whole.
pub fn run_measure(task_json: &str, file: File, messages: impl Write) -> ExitCode {
    run(task_json, messages, |task: MeasureTask, progress| {
        let options = crate::AnalysisOptions {
            declared: task.declared,
            max_duration: Duration::from_secs(task.max_duration_s),
            threads: task.threads,
        };
        measure(file, &options, progress).map(Box::new)
    })
}

/// Confines this process, transcodes `file` to `output` for browsers to play, and writes a [`ChildMessage`] to `messages`.
///
/// Call it before anything else in the process has started a thread.
pub fn run_transcode(task_json: &str, file: File, output: File, messages: impl Write) -> ExitCode {
    run(task_json, messages, |task: TranscodeTask, _| {
        let options = transcode::TranscodeOptions {
            max_duration: Duration::from_secs(task.max_duration_s),
            max_bytes: task.max_bytes,
            lowered_db: task.lowered_db,
        };
        transcode::to_wav(file, output, &options)
    })
}

/// Confines this process, renders `file` to `output`, which is open for reading too, and writes a [`ChildMessage`] with the
/// [`Proof`] to `messages`.
///
/// Call it before anything else in the process has started a thread.
pub fn run_render(task_json: &str, file: &File, output: &File, messages: impl Write) -> ExitCode {
    run(task_json, messages, |task: RenderTask, progress| {
        let options = RenderOptions {
            stage: task.stage,
            expected_score: task.expected_score,
            max_duration: Duration::from_secs(task.max_duration_s),
            threads: task.threads,
            ..RenderOptions::default()
        };
        let proof: Result<Proof, _> = render(file, &task.recipe, &options, output, &mut |percent| {
            progress(Percent(percent));
        });
        proof.map(Box::new).map_err(|error| match error {
            RenderError::Engine(error) => error,
            // It was checked before it was stored.
            RenderError::Recipe(_) => Failure::new(FailureCode::Internal).into(),
        })
    })
}

/// Confines this process, writes to `output` what a step takes away from `file`, and a [`ChildMessage`] with the [`Difference`] to
/// `messages`.
///
/// Call it before anything else in the process has started a thread.
pub fn run_difference(task_json: &str, file: &File, output: &File, messages: impl Write) -> ExitCode {
    run(task_json, messages, |task: StepTask, _| {
        let level_dbfs = difference(file, &task.recipe, task.step, output)?;
        Ok(Difference { level_dbfs })
    })
}

/// Confines this process, writes to `output`, which is open for reading too, the render of `file` without a step, and a
/// [`ChildMessage`] with [`Bypassed`](crate::render::Bypassed) to `messages`.
///
/// Call it before anything else in the process has started a thread.
pub fn run_bypass(task_json: &str, file: &File, output: &File, messages: impl Write) -> ExitCode {
    run(task_json, messages, |task: StepTask, _| {
        bypass(file, &task.recipe, task.step, output)
    })
}

fn run<T: DeserializeOwned, R: Serialize>(
    task_json: &str,
    messages: impl Write,
    work: impl FnOnce(T, &mut dyn FnMut(Percent)) -> Result<R, Error>,
) -> ExitCode {
    let mut messages = BufWriter::new(messages);
    let last = match prepare::<T>(task_json) {
        Ok(task) => {
            let mut reported_at: Option<Instant> = None;
            let mut progress = |percent: Percent| {
                if reported_at.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
                    reported_at = Some(Instant::now());
                    // A parent that no longer listens is noticed at the final message.
                    let _ = write_line(&mut messages, &ChildMessage::<()>::Progress(percent.get()));
                }
            };
            match work(task, &mut progress) {
                Ok(done) => ChildMessage::Done(done),
                Err(Error::Rejected(failure)) => ChildMessage::Failure(failure),
                Err(Error::Io(error)) => ChildMessage::IoError(error.to_string()),
            }
        }
        Err(message) => ChildMessage::IoError(message),
    };
    match write_line(&mut messages, &last) {
        Ok(()) => ExitCode::SUCCESS,
        // The parent is gone, or has had enough.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads the task and confines the process to it.
fn prepare<T: DeserializeOwned>(task_json: &str) -> Result<T, String> {
    let task: ChildTask<T> =
        serde_json::from_str(task_json).map_err(|error| format!("the task is not understood: {error}"))?;
    confine::confine(&task.limits).map_err(|error| format!("the process cannot be confined: {error}"))?;
    match task.fault {
        Some(fault) => Err(fail_as(fault)),
        None => Ok(task.work),
    }
}

fn write_line(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, message)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Comes back from [`Fault::Escape`] alone, and only where the process is not confined.
#[expect(clippy::panic, reason = "crashing is what it is for")]
fn fail_as(fault: Fault) -> String {
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
        Fault::Escape => match confine::reach() {
            reached if reached.is_empty() => panic!("nothing can be reached"),
            reached => reached.join(", "),
        },
    }
}
