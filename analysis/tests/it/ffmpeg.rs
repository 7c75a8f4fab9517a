//! ffmpeg, which makes the files of the tests and decodes them a second time.

use std::path::Path;
use std::process::Command;

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| {
        panic!("these tests need ffmpeg on the PATH (apt-get install ffmpeg): {error}")
    });
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Encodes `source` as `arguments` say. Nothing in the result depends on the time or the machine.
pub(crate) fn ffmpeg(source: &Path, arguments: &[&str], target: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(source);
    command.args(["-fflags", "+bitexact", "-flags:a", "+bitexact"]);
    run(command.args(arguments).arg(target));
}

/// All samples, interleaved. `by_libopus` takes the reference decoder in place of ffmpeg's own.
pub(crate) fn decoded_by_ffmpeg(file: &Path, by_libopus: bool) -> Vec<f32> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error"]);
    if by_libopus {
        command.args(["-c:a", "libopus", "-request_sample_fmt", "flt"]);
    }
    let bytes = run(command.arg("-i").arg(file).args(["-f", "f32le", "-"]));
    let (samples, _) = bytes.as_chunks::<4>();
    samples.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Integrated loudness and true peak as ffmpeg prints them, in LUFS and dBTP, to a tenth.
pub(crate) fn ebur128_by_ffmpeg(file: &Path) -> (f64, f64) {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-nostats", "-v", "info", "-i"])
        .arg(file);
    // Without `framelog=verbose` every 100 ms are printed.
    command.args(["-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, summary) = text.split_once("Summary:").unwrap_or_else(|| panic!("{text}"));
    let value = |name: &str| -> f64 {
        let (_, rest) = summary.split_once(name).unwrap_or_else(|| panic!("{text}"));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    (value("I:"), value("Peak:"))
}
