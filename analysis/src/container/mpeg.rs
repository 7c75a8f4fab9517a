//! MP3 files: a chain of frames, and a first one that counts them.

use std::io::{self, Read, Seek, SeekFrom};

use super::{ContainerLayout, Gap};
use crate::sniff::{id3v2_len, mpeg_frame};

/// How much is looked at in one go.
const WINDOW: usize = 1 << 16;
/// The longest frame there is, layer I at 448 kbit/s and 8 kHz included.
const LONGEST_FRAME: usize = 8 * 1024;
/// Frames in a row that prove where a chain goes on behind bytes that are none.
const FRAMES_OF_PROOF: usize = 3;
/// Kinds of bytes behind the audio that belong to no frame: ID3v1, APEv2, Lyrics3.
const TRAILERS: [&[u8]; 3] = [b"TAG", b"APETAGEX", b"LYRICSBEGIN"];

/// Walks through all frames. The tag of LAME and others counts them, and readers believe it: where files were joined,
/// or an encoder wrote 0, most of the audio would be left out. So the count is put right, and the difference is said.
pub(super) fn inspect_mpeg(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<ContainerLayout> {
    let mut layout = ContainerLayout::whole(start, file_len);
    let mut walk = Walk {
        source,
        window: Vec::new(),
        window_at: start,
        at: start,
        end: file_len,
    };
    let mut kind = None;
    let (mut frames, mut frames_read, mut frame_len) = (0_u64, 0_u64, 0_u64);
    let mut count_field = None;
    loop {
        let bytes = walk.peek()?;
        if bytes.len() < 4 {
            break;
        }
        match mpeg_frame(bytes) {
            Some((len, this))
                if kind.is_none_or(|kind| kind == this) && (len <= bytes.len() || frames == 0) =>
            {
                if frames_read == 0 {
                    kind = Some(this);
                    frame_len = u64::from(samples_per_frame(bytes));
                }
                match frame_count_at(bytes) {
                    Some((at, count)) => {
                        if frames_read == 0 {
                            count_field = Some((walk.at + at as u64, count));
                        }
                    }
                    None => frames += 1,
                }
                frames_read += 1;
                walk.at += len as u64;
            }
            _ => {
                if let Some(len) = id3v2_len(bytes) {
                    walk.at += len as u64;
                    continue;
                }
                if TRAILERS.iter().any(|trailer| bytes.starts_with(trailer)) {
                    break;
                }
                let from = walk.at;
                if !walk.find_chain(kind)? {
                    break;
                }
                if frames_read > 0 && walk.at > from {
                    layout.gaps.push(Gap {
                        at_frames: frames * frame_len,
                        frames: 0,
                    });
                }
            }
        }
    }
    if let Some((at, counted)) = count_field {
        let is_cut_short = u64::from(counted) > frames && layout.gaps.is_empty();
        if u64::from(counted) != frames && !is_cut_short {
            let frames_field = u32::try_from(frames).unwrap_or(u32::MAX);
            layout.patches = vec![(at, frames_field.to_be_bytes().to_vec())];
            layout.declared_frames = Some(u64::from(counted) * frame_len);
        }
    }
    Ok(layout)
}

struct Walk<'a, S> {
    source: &'a mut S,
    window: Vec<u8>,
    window_at: u64,
    at: u64,
    end: u64,
}

impl<S: Read + Seek> Walk<'_, S> {
    /// The bytes from here on, at least a frame where there are so many.
    fn peek(&mut self) -> io::Result<&[u8]> {
        let behind = self.at.wrapping_sub(self.window_at);
        let inside = usize::try_from(behind)
            .ok()
            .filter(|&behind| behind + LONGEST_FRAME <= self.window.len());
        if inside.is_none() {
            self.window_at = self.at;
            self.window.clear();
            if self.at < self.end {
                self.source.seek(SeekFrom::Start(self.at))?;
                let len = (self.end - self.at).min(WINDOW as u64);
                self.source.by_ref().take(len).read_to_end(&mut self.window)?;
            }
        }
        Ok(&self.window[inside.unwrap_or(0)..])
    }

    /// Goes on to where several frames of `kind` follow each other; `false` where they do nowhere.
    fn find_chain(&mut self, kind: Option<u32>) -> io::Result<bool> {
        loop {
            let bytes = self.peek()?;
            if bytes.len() < 4 {
                return Ok(false);
            }
            let searched = bytes.len().saturating_sub(LONGEST_FRAME).max(1);
            let found = (0..searched).find(|&at| bytes[at] == 0xff && is_chain(&bytes[at..], kind));
            match found {
                Some(at) => {
                    self.at += at as u64;
                    return Ok(true);
                }
                None => self.at += searched as u64,
            }
        }
    }
}

fn is_chain(bytes: &[u8], kind: Option<u32>) -> bool {
    let mut rest = bytes;
    (0..FRAMES_OF_PROOF).all(|_| match mpeg_frame(rest) {
        Some((len, this)) if kind.is_none_or(|kind| kind == this) && len <= rest.len() => {
            rest = &rest[len..];
            true
        }
        // The end of the file.
        _ => rest.is_empty(),
    })
}

/// Samples per channel in a frame (ISO/IEC 11172-3, 13818-3).
const fn samples_per_frame(header: &[u8]) -> u32 {
    let is_v1 = header[1] >> 3 & 3 == 3;
    match header[1] >> 1 & 3 {
        3 => 384,
        1 if !is_v1 => 576,
        _ => 1_152,
    }
}

/// Where a frame that holds a tag of Xing's kind has its count of frames, and that count.
fn frame_count_at(frame: &[u8]) -> Option<(usize, u32)> {
    let is_v1 = frame[1] >> 3 & 3 == 3;
    let is_mono = frame[3] >> 6 == 3;
    let side_info = match (is_v1, is_mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let tag = frame.get(4 + side_info..)?.first_chunk::<12>()?;
    let [a, b, c, d, _, _, _, flags, count @ ..] = *tag;
    let is_tag = matches!([a, b, c, d], [b'X', b'i', b'n', b'g'] | [b'I', b'n', b'f', b'o']);
    (is_tag && flags & 1 == 1).then(|| (4 + side_info + 8, u32::from_be_bytes(count)))
}
