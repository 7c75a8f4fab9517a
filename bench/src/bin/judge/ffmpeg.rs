//! What only a codec can do to music: a lossy past, another rate.

use std::path::Path;
use std::process::{Command, Stdio};

use analysis::testkit::{Encoding, wav};

/// A fault that ffmpeg makes: its name, the rules that name it, and the arguments at each strength; each goes through all
/// of its steps, one file after the other.
pub(super) struct CodecFault {
    pub(super) name: &'static str,
    pub(super) named_by: &'static [&'static str],
    pub(super) strengths: [Option<&'static [&'static [&'static str]]>; 3],
}

pub(super) const CODEC_FAULTS: [CodecFault; 2] = [
    CodecFault {
        name: "lossy past",
        named_by: &["signal.cutoff", "tone.bandwidth", "tone.air"],
        strengths: [
            Some(&[
                &["-c:a", "libmp3lame", "-b:a", "192k", "step.mp3"],
                &["-c:a", "pcm_s24le", "out.wav"],
            ]),
            Some(&[
                &["-c:a", "libmp3lame", "-b:a", "128k", "step.mp3"],
                &["-c:a", "pcm_s24le", "out.wav"],
            ]),
            Some(&[
                &["-c:a", "libmp3lame", "-b:a", "56k", "step.mp3"],
                &["-c:a", "pcm_s24le", "out.wav"],
            ]),
        ],
    },
    CodecFault {
        name: "upsampled",
        named_by: &["signal.upsampled", "signal.cutoff", "delivery.sample_rate"],
        strengths: [
            None,
            Some(&[&["-ar", "96000", "-c:a", "pcm_s24le", "out.wav"]]),
            None,
        ],
    },
];

/// The bytes of `planes` after these steps; `None` where ffmpeg fails.
pub(super) fn encoded(folder: &Path, rate: u32, planes: &[Vec<f64>], steps: &[&[&str]]) -> Option<Vec<u8>> {
    let mut source = folder.join("in.wav");
    std::fs::write(&source, wav(rate, planes, Encoding::Int24)).ok()?;
    for step in steps {
        let (target, arguments) = step.split_last()?;
        let target = folder.join(target);
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-i"])
            .arg(&source)
            .args(arguments)
            .arg(&target)
            .stdin(Stdio::null())
            .status()
            .ok()?;
        status.success().then_some(())?;
        source = target;
    }
    std::fs::read(source).ok()
}
