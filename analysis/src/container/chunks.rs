//! AIFF, CAF and MP4, whose chunks are mended only where the file ends before them.

use std::io::{self, Read, Seek};

use model::{Failure, FailureCode};

use super::{ContainerLayout, MAX_CHUNKS, UNKNOWN};
use crate::io::read_at;

/// A reader of AIFF looks behind the audio for more chunks before it begins, and finds the end of a file cut short.
pub(super) fn inspect_aiff(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<ContainerLayout> {
    let mut layout = ContainerLayout::whole(start, file_len);
    let mut at = start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some([.., l0, l1, l2, l3]) = read_at::<8>(source, at)? else {
            break;
        };
        let len = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
        let body = at + 8;
        if body + len > file_len {
            // Even, so that no padding is expected behind it.
            let available = (file_len - body) & !1;
            let big_endian = |len: u64| u32::try_from(len).unwrap_or(UNKNOWN).to_be_bytes().to_vec();
            layout.patches = vec![
                (start + 4, big_endian(body + available - start - 8)),
                (at + 4, big_endian(available)),
            ];
            layout.is_cut_short = true;
            break;
        }
        at = body + len + (len & 1);
    }
    Ok(layout)
}

/// What a CAF file holds that symphonia 0.6.1 calls malformed, by its chunk `desc`, which is the first.
fn unsupported_in_caf(desc: &[u8; 32]) -> Option<&'static str> {
    let bits = u32::from_be_bytes([desc[28], desc[29], desc[30], desc[31]]);
    match (&desc[8..12], bits) {
        (b"ulaw", _) => Some("µ-law in CAF"),
        (b"alaw", _) => Some("A-law in CAF"),
        (b"ima4", _) => Some("ADPCM in CAF"),
        (b"lpcm", 8) => Some("8-bit PCM in CAF"),
        _ => None,
    }
}

/// The same for CAF, whose sizes have 64 bits.
pub(super) fn inspect_caf(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<Result<ContainerLayout, Failure>> {
    if let Some(name) = read_at::<32>(source, start + 20)?
        .as_ref()
        .and_then(unsupported_in_caf)
    {
        return Ok(Err(Failure::with(FailureCode::Unsupported, name)));
    }
    let mut layout = ContainerLayout::whole(start, file_len);
    let mut at = start + 8;
    for _ in 0..MAX_CHUNKS {
        let Some([_, _, _, _, len @ ..]) = read_at::<12>(source, at)? else {
            break;
        };
        let body = at + 12;
        // A negative size reaches to the end of the file.
        let Ok(len) = u64::try_from(i64::from_be_bytes(len)) else {
            break;
        };
        if len > file_len - body {
            layout.patches = vec![(at + 4, (file_len - body).to_be_bytes().to_vec())];
            layout.is_cut_short = true;
            break;
        }
        at = body + len;
    }
    Ok(Ok(layout))
}

/// An MP4 file that is cut short has usually lost its index, so there is nothing to mend; but it can be said. Where the
/// index stands in front, a reader looks for more boxes behind the audio and must not find the end of the file.
pub(super) fn inspect_mp4(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<ContainerLayout> {
    let mut layout = ContainerLayout::whole(start, file_len);
    let mut at = start;
    for _ in 0..MAX_CHUNKS {
        let Some([l0, l1, l2, l3, kind @ ..]) = read_at::<8>(source, at)? else {
            break;
        };
        let short_len = u32::from_be_bytes([l0, l1, l2, l3]);
        let len_is_short = short_len != 1;
        let len = match short_len {
            // To the end of the file.
            0 => break,
            1 => match read_at::<8>(source, at + 8)? {
                Some(len) => u64::from_be_bytes(len),
                None => break,
            },
            len => u64::from(len),
        };
        if len < 8 {
            break;
        }
        if len > file_len - at {
            let available = file_len - at;
            if kind == *b"mdat" {
                layout.patches = vec![match u32::try_from(available) {
                    Ok(available) if len_is_short => (at, available.to_be_bytes().to_vec()),
                    _ if len_is_short => (at, 0_u32.to_be_bytes().to_vec()),
                    _ => (at + 8, available.to_be_bytes().to_vec()),
                }];
            }
            layout.is_cut_short = true;
            break;
        }
        at += len;
    }
    Ok(layout)
}
