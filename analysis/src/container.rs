//! The layout of chunked files, read with more patience than symphonia has.
//!
//! Recorders that lose power leave sizes of 0, streams leave sizes of 2³² − 1, tools that edit tags forget the outer
//! size, transfers end halfway, and WAVE files beyond 4 GiB are called RF64 (EBU Tech 3306) or BW64 (ITU-R BS.2088).
//! All of them hold good audio. [`inspect`] finds it and says which bytes of the header to read differently.

mod chunks;
mod flac;
mod ogg;
mod wave;

use std::io::{self, Read, Seek};

use model::Failure;
use model::format::AudioFormat;

/// A size that says "unknown", or "see the ds64 chunk".
const UNKNOWN: u32 = u32::MAX;
/// More chunks than any real file has in front of its audio.
const MAX_CHUNKS: u32 = 4_096;

/// What [`inspect`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainerLayout {
    /// Where the reader begins.
    pub(crate) start: u64,
    /// Bytes to be read in place of those at an offset.
    pub(crate) patches: Vec<(u64, Vec<u8>)>,
    /// Where the audio ends, which is where the file ends or before.
    pub(crate) end: u64,
    /// The patched header no longer says where the audio ends, so that its reader runs into the end.
    pub(crate) is_open_ended: bool,
    /// The header promises more than the file holds, in a way that the patched header no longer says.
    pub(crate) is_cut_short: bool,
}

/// Walks through the chunks of the file that begins at `start` of `source`.
///
/// The inner error is what the header says that no measuring can live with.
pub(crate) fn inspect(
    source: &mut (impl Read + Seek),
    format: AudioFormat,
    start: u64,
    file_len: u64,
) -> io::Result<Result<ContainerLayout, Failure>> {
    match format {
        AudioFormat::Wav => wave::inspect_wave(source, start, file_len),
        AudioFormat::W64 => wave::inspect_wave64(source, start, file_len),
        AudioFormat::Flac => flac::inspect_flac(source, start, file_len).map(Ok),
        AudioFormat::Ogg => ogg::inspect_ogg(source, start, file_len).map(Ok),
        AudioFormat::Aiff => chunks::inspect_aiff(source, start, file_len).map(Ok),
        AudioFormat::Caf => chunks::inspect_caf(source, start, file_len).map(Ok),
        AudioFormat::Mp4 => chunks::inspect_mp4(source, start, file_len).map(Ok),
        _ => Ok(Ok(ContainerLayout {
            start,
            end: file_len,
            ..ContainerLayout::default()
        })),
    }
}
