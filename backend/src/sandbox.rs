//! Work on a stranger's file in a process that can do nothing else (`docs/adr/0005-decoders-run-in-a-child-process.md`).
//!
//! The child is this program again, with a hidden command. It gets the task as JSON, the file as standard input and, where
//! it writes one, a file as standard output; it confines itself before it reads the first byte and reports on standard
//! error, a line a message. Whatever it does on a broken file (crash, spin, swallow memory) harms only that file. It is
//! killed when the future that runs it is dropped.

use std::{
    fs::File,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use analysis::child::{ChildMessage, ChildTask, Fault, Limits};
use model::{Failure, FailureCode};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
};

use crate::{Error, Result, redact::OwnText};

/// The most that a child may say. The report of a long file has some 150 kB.
const MAX_MESSAGES: u64 = 8 * 1024 * 1024;

/// How long a child that said its last may take to end.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How children are started.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// The program: this one itself.
    pub program: PathBuf,
    /// How much of the machine each may use; what it may write depends on its task.
    pub limits: Limits,
    /// Makes every child fail as a broken decoder would; only tests set it.
    pub fault: Option<Fault>,
}

/// How the work on a file ended.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    /// With a result.
    Done(T),
    /// The file is at fault: it was rejected, or it broke the child.
    Rejected(Failure),
}

/// One run of a child.
pub(crate) struct Job<'a, T> {
    /// The hidden command.
    pub(crate) command: &'static str,
    /// Its task.
    pub(crate) work: &'a T,
    /// The file that it reads.
    pub(crate) input: File,
    /// The file that it may write, and how many bytes.
    pub(crate) output: Option<(File, u64)>,
    /// How long it may take.
    pub(crate) timeout: Duration,
    /// What it may use beyond the limits of all children.
    pub(crate) allowance: Allowance,
}

/// What a child may use beyond the limits of all children; nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Descriptors besides those that it is given.
    pub(crate) descriptors: u64,
}

/// Is given each percentage that a child reports.
#[async_trait::async_trait]
pub(crate) trait Progress: Send {
    async fn report(&mut self, percent: u8) -> Result<()>;
}

/// Reports to nobody.
#[async_trait::async_trait]
impl Progress for () {
    async fn report(&mut self, _: u8) -> Result<()> {
        Ok(())
    }
}

impl Sandbox {
    /// Children of `program`, with the limits that audio needs.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            limits: Limits::default(),
            fault: None,
        }
    }

    /// Runs a child to its end.
    ///
    /// # Errors
    /// It cannot be started or was stopped by somebody outside; it could not read or write; `progress` failed. None of them
    /// says anything about the file.
    pub(crate) async fn run<T: Serialize, R: DeserializeOwned>(
        &self,
        job: Job<'_, T>,
        progress: &mut dyn Progress,
    ) -> Result<Outcome<R>> {
        let (stdout, output_bytes) = match job.output {
            Some((file, bytes)) => (Stdio::from(file), bytes),
            None => (Stdio::null(), 0),
        };
        let task = ChildTask {
            work: job.work,
            limits: Limits {
                output_bytes,
                cpu_s: self.limits.cpu_s + job.allowance.cpu.as_secs(),
                descriptors: job.allowance.descriptors,
                ..self.limits
            },
            fault: self.fault,
        };
        let mut child = Command::new(&self.program)
            .arg(job.command)
            .arg(serde_json::to_string(&task).map_err(Error::internal)?)
            .env_clear()
            .stdin(Stdio::from(job.input))
            .stdout(stdout)
            .stderr(Stdio::piped())
            // A Ctrl-C in the terminal is for the server, which lets the child finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(unavailable)?;
        let messages = child
            .stderr
            .take()
            .ok_or_else(|| Error::internal("the child has no output"))?;
        let broken = || Ok(Outcome::Rejected(Failure::new(FailureCode::DecoderFailed)));
        let Ok(last) = tokio::time::timeout(job.timeout, listen(messages, progress)).await else {
            return broken();
        };
        match last? {
            Some(ChildMessage::Done(result)) => Ok(Outcome::Done(result)),
            Some(ChildMessage::Failure(failure)) => Ok(Outcome::Rejected(failure)),
            Some(ChildMessage::IoError(error)) => Err(unavailable(std::io::Error::other(error))),
            Some(ChildMessage::Progress(_)) | None => {
                let status = tokio::time::timeout(EXIT_TIMEOUT, child.wait()).await;
                match status {
                    Ok(Ok(status)) if was_stopped(status) => Err(Error::internal(OwnText(format!(
                        "the child process was stopped: {status}"
                    )))),
                    _ => broken(),
                }
            }
        }
    }
}

/// Reads messages until the final one or the end.
async fn listen<R: DeserializeOwned>(
    messages: impl tokio::io::AsyncRead + Unpin,
    progress: &mut dyn Progress,
) -> Result<Option<ChildMessage<R>>> {
    let mut lines = BufReader::new(messages.take(MAX_MESSAGES)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match ChildMessage::parse(&line) {
            Ok(ChildMessage::Progress(percent)) => progress.report(percent).await?,
            Ok(last) => return Ok(Some(last)),
            // A child that prints anything else is broken.
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// Whether somebody outside ended the child (an operator, the system that is out of memory or shutting down), which says
/// nothing about the file. What its own limits end gets SIGXCPU or SIGXFSZ.
fn was_stopped(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGHUP: i32 = 1;
    const SIGINT: i32 = 2;
    const SIGKILL: i32 = 9;
    const SIGTERM: i32 = 15;
    status
        .signal()
        .is_some_and(|signal| [SIGHUP, SIGINT, SIGKILL, SIGTERM].contains(&signal))
}

fn unavailable(error: std::io::Error) -> Error {
    Error::Unavailable {
        what: "the child process",
        source: error.into(),
    }
}
