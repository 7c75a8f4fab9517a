//! The layout of chunked files, read with more patience than symphonia has.
//!
//! Recorders that lose power leave sizes of 0, streams leave sizes of 2³² − 1, tools that edit tags forget the outer
//! size, transfers end halfway, and WAVE files beyond 4 GiB are called RF64 (EBU Tech 3306) or BW64 (ITU-R BS.2088).
//! All of them hold good audio. [`inspect`] finds it and says which bytes of the header to read differently.

mod chunks;
mod flac;
mod mpeg;
mod ogg;
mod wave;

use std::io::{self, Read, Seek};

use crate::io::read_at;
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
    /// Where audio is missing, in order; of Ogg in [`Link::gaps`] instead.
    pub(crate) gaps: Vec<Gap>,
    /// Frames that the file counts, where that is not what it holds.
    pub(crate) declared_frames: Option<u64>,
    /// The streams of Ogg that follow each other.
    pub(crate) links: Vec<Link>,
}

impl ContainerLayout {
    /// A file whose audio is read from `start` to `end` as it is.
    fn whole(start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            ..Self::default()
        }
    }
}

/// Audio that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Sample frames of the file's own count before it.
    pub(crate) at_frames: u64,
    /// Its length, about; 0 where it is not known.
    pub(crate) frames: u64,
}

/// One of the streams that follow each other in an Ogg file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its first byte.
    pub(crate) start: u64,
    /// The byte behind it.
    pub(crate) end: u64,
    /// The start of its first packet.
    pub(crate) head: Vec<u8>,
    /// Where pages are missing.
    pub(crate) gaps: Vec<Gap>,
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
        AudioFormat::Caf => chunks::inspect_caf(source, start, file_len),
        AudioFormat::Mp4 => chunks::inspect_mp4(source, start, file_len).map(Ok),
        AudioFormat::Mp3 => mpeg::inspect_mpeg(source, start, file_len).map(Ok),
        _ => Ok(Ok(ContainerLayout::whole(start, file_len))),
    }
}

/// The end of a file without the tags that stand behind its audio: ID3v1 and APEv2.
pub(crate) fn end_before_tags(source: &mut (impl Read + Seek), start: u64, file_len: u64) -> io::Result<u64> {
    const ID3V1: u64 = 128;
    const APE_FOOTER: u64 = 32;
    let mut end = file_len;
    // Each kind may be there, in either order.
    for _ in 0..2 {
        if let Some(at) = end.checked_sub(ID3V1).filter(|&at| at > start)
            && read_at::<3>(source, at)? == Some(*b"TAG")
        {
            end = at;
        }
        if let Some(at) = end.checked_sub(APE_FOOTER).filter(|&at| at > start)
            && let Some(footer) = read_at::<32>(source, at)?
            && footer.starts_with(b"APETAGEX")
        {
            let len = u64::from(u32::from_le_bytes([
                footer[12], footer[13], footer[14], footer[15],
            ]));
            let has_header = footer[23] & 0x80 != 0;
            let whole = len + if has_header { APE_FOOTER } else { 0 };
            if let Some(before) = end.checked_sub(whole).filter(|&at| at > start) {
                end = before;
            }
        }
    }
    Ok(end)
}
