//! What is named on the command line, as a file that can be read back and forth.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use model::format::AudioFormat;

/// What is taken from a pipe before it counts as endless.
const MAX_PIPED_BYTES: u64 = 8 << 30;

pub(crate) struct Input {
    pub(crate) file: File,
    /// For people.
    pub(crate) name: String,
    /// What the name promises.
    pub(crate) declared: Option<AudioFormat>,
}

impl Input {
    /// Opens `path`, or standard input for `-`. Pipes are copied to a temporary file, for decoders seek.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self {
                file: spooled(io::stdin().lock())?,
                name: "standard input".to_owned(),
                declared: None,
            });
        }
        let file = File::open(path)?;
        let kind = file.metadata()?;
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        Ok(Self {
            file: if kind.is_file() { file } else { spooled(file)? },
            declared: AudioFormat::from_file_name(&name),
            name,
        })
    }
}

fn spooled(source: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut source.take(MAX_PIPED_BYTES + 1), &mut file)?;
    if copied > MAX_PIPED_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(file)
}

/// Why something cannot be read, and what to do about it.
pub(crate) fn status_message(error: &io::Error) -> (String, &'static str) {
    match error.kind() {
        io::ErrorKind::NotFound => (
            "There is no such file.".to_owned(),
            "Check the path and its spelling.",
        ),
        io::ErrorKind::PermissionDenied => (
            "You may not read this file.".to_owned(),
            "Ask its owner, or copy it to where you may.",
        ),
        io::ErrorKind::IsADirectory => (
            "This is a folder.".to_owned(),
            "Name the files in it, for example with *.wav behind the folder's name.",
        ),
        io::ErrorKind::FileTooLarge => (
            "More than 8 GiB came out of this pipe, and no end.".to_owned(),
            "Save it as a file and measure that.",
        ),
        _ => (
            format!("This cannot be read: {error}."),
            "Check the disk or the connection that it is on, and try again.",
        ),
    }
}
