//! The child process, run as a parent runs it. The test binary is its own child: the ignored test below.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use analysis::child::{self, ChildTask, Fault, Limits, MeasureMessage, MeasureTask};
use analysis::testkit::{Encoding, broken, music, wav};
use model::{Failure, FailureCode};

const TASK: &str = "MIXLENS_TEST_CHILD_TASK";

#[test]
#[ignore = "it is the child of the others"]
fn the_child() {
    let task = std::env::var_os(TASK).unwrap().into_string().unwrap();
    let _ = child::run_measure(&task, child::stdin_file().unwrap(), std::io::stderr());
}

fn run_child(bytes: &[u8], fault: Option<Fault>) -> (Vec<MeasureMessage>, ExitStatus) {
    run_child_with(bytes, fault, 0)
}

fn run_child_with(bytes: &[u8], fault: Option<Fault>, descriptors: u64) -> (Vec<MeasureMessage>, ExitStatus) {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    // Not at its start: the child sees to that.
    file.flush().unwrap();
    assert!(file.stream_position().unwrap() as usize == bytes.len());
    let task = serde_json::to_string(&ChildTask {
        work: MeasureTask {
            declared: None,
            max_duration_s: 600,
            threads: 2,
        },
        limits: Limits {
            cpu_s: 20,
            descriptors,
            ..Limits::default()
        },
        fault,
    })
    .unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "child::the_child",
            "--nocapture",
            "--quiet",
        ])
        .env(TASK, task)
        .stdin(Stdio::from(file))
        .output()
        .unwrap();
    // A panic prints around it.
    let lines = String::from_utf8(output.stderr).unwrap();
    let messages = lines
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| MeasureMessage::parse(line).unwrap());
    (messages.collect(), output.status)
}

#[test]
fn a_file_becomes_progress_and_one_report() {
    let (messages, status) = run_child(&wav(44_100, &music(44_100, 20.0, 1), Encoding::Int16), None);
    assert!(status.success());
    let (last, before) = messages.split_last().unwrap();
    assert!(before.iter().all(|message| !message.is_final()), "{before:?}");
    assert_eq!(before.first(), Some(&MeasureMessage::Progress(0)));
    match last {
        MeasureMessage::Done(report) => assert!((report.file.duration_s - 20.0).abs() < 1e-9),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_file_becomes_one_failure() {
    let (messages, status) = run_child(&broken::text(), None);
    assert!(status.success());
    assert_eq!(
        messages,
        [MeasureMessage::Failure(Failure::with(
            FailureCode::Unsupported,
            "a text"
        ))]
    );
}

#[test]
fn a_crash_ends_the_child_without_a_final_message() {
    let file = broken::text();
    for fault in [Fault::Panic, Fault::Abort, Fault::Memory] {
        let (messages, status) = run_child(&file, Some(fault));
        assert!(!status.success(), "{fault:?}");
        assert!(
            messages.iter().all(|message| !message.is_final()),
            "{fault:?}: {messages:?}"
        );
        if fault != Fault::Panic {
            assert!(status.signal().is_some(), "{fault:?}: {status}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_can_reach_no_file_no_network_and_no_program() {
    // A render may copy its descriptors, which is no way to others.
    for descriptors in [0, 16] {
        let (messages, status) = run_child_with(&broken::text(), Some(Fault::Escape), descriptors);
        assert_eq!(messages, [], "what it reached");
        assert!(!status.success(), "it panics where it can reach nothing");
    }
}

#[test]
fn messages_are_what_the_documents_say() {
    for (line, message) in [
        (r#"{"progress":37}"#, MeasureMessage::Progress(37)),
        (
            r#"{"failure":{"code":"silent"}}"#,
            MeasureMessage::Failure(Failure::new(FailureCode::Silent)),
        ),
        (r#"{"io_error":"gone"}"#, MeasureMessage::IoError("gone".into())),
    ] {
        assert_eq!(MeasureMessage::parse(line).unwrap(), message);
        assert_eq!(serde_json::to_string(&message).unwrap(), line);
    }
    assert!(MeasureMessage::parse("thread 'main' panicked").is_err());
}
