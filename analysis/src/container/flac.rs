//! FLAC, whose metadata is not needed.

use std::io::{self, Read, Seek, SeekFrom};

use super::{ContainerLayout, MAX_CHUNKS};
use crate::io::read_at;

/// Of a FLAC file's metadata only STREAMINFO matters; the rest is skipped. Readers refuse whole files for a cue sheet that
/// is no CD, or lose their way behind a picture whose size is wrong.
pub(super) fn inspect_flac(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<ContainerLayout> {
    const STREAMINFO: usize = 34;
    const HEADER: u64 = 4 + 4 + STREAMINFO as u64;
    /// Larger pictures exist, but not together with wrong sizes.
    const SEARCHED: u64 = 16 << 20;
    let mut layout = ContainerLayout::whole(start, file_len);
    let Some(head) = read_at::<{ HEADER as usize }>(source, start)? else {
        return Ok(layout);
    };
    if head[4] & 0x7f != 0 || head[5..8] != [0, 0, STREAMINFO as u8] {
        return Ok(layout);
    }
    let (mut at, mut is_last) = (start + HEADER, head[4] & 0x80 != 0);
    for _ in 0..MAX_CHUNKS {
        if is_last {
            break;
        }
        let Some([kind, l0, l1, l2]) = read_at::<4>(source, at)? else {
            break;
        };
        at += 4 + u64::from(u32::from_be_bytes([0, l0, l1, l2]));
        is_last = kind & 0x80 != 0;
    }
    let begins_frame = |bytes: &[u8]| flac_frame_header_len(bytes).is_some();
    let is_there = read_at::<16>(source, at)?.is_some_and(|bytes| begins_frame(&bytes));
    if !is_there {
        source.seek(SeekFrom::Start(start + HEADER))?;
        let mut bytes = Vec::new();
        source.by_ref().take(SEARCHED).read_to_end(&mut bytes)?;
        let Some(found) = (0..bytes.len()).find(|&from| begins_frame(&bytes[from..])) else {
            return Ok(layout);
        };
        at = start + HEADER + found as u64;
    }
    let mut header = head.to_vec();
    header[4] = 0x80;
    layout.start = at - HEADER;
    layout.patches = vec![(layout.start, header)];
    Ok(layout)
}

/// The length of the FLAC frame header that `bytes` begin with (RFC 9639, 9.1), if its check sum is right.
fn flac_frame_header_len(bytes: &[u8]) -> Option<usize> {
    let &[0xff, 0xf8 | 0xf9, sizes, _, number, ..] = bytes else {
        return None;
    };
    // The number of the frame or sample is coded like a character of UTF-8, of up to 7 bytes.
    let number_len = match number.leading_ones() {
        0 => 1,
        len @ 2..=7 => len as usize,
        _ => return None,
    };
    let block_size_len = match sizes >> 4 {
        0 => return None,
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate_len = match sizes & 15 {
        12 => 1,
        13 | 14 => 2,
        15 => return None,
        _ => 0,
    };
    let len = 4 + number_len + block_size_len + rate_len;
    let crc = bytes.get(..len)?.iter().fold(0_u8, |crc, &byte| {
        (0..8).fold(crc ^ byte, |crc, _| {
            crc << 1 ^ if crc & 0x80 != 0 { 7 } else { 0 }
        })
    });
    (bytes.get(len) == Some(&crc)).then_some(len)
}
