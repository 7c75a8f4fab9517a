//! The layout of chunked files, read with more patience than symphonia has.
//!
//! Recorders that lose power leave sizes of 0, streams leave sizes of 2³² − 1, tools that edit tags forget the outer
//! size, transfers end halfway, and WAVE files beyond 4 GiB are called RF64 (EBU Tech 3306) or BW64 (ITU-R BS.2088).
//! All of them hold good audio. [`inspect`] finds it and says which bytes of the header to read differently.

use std::io::{self, Read, Seek, SeekFrom};

use model::format::AudioFormat;
use model::{Failure, FailureCode};

use crate::decode::{check_channels, check_rate};
use crate::sniff;

/// A size that says "unknown", or "see the ds64 chunk".
const UNKNOWN: u32 = u32::MAX;
/// More chunks than any real file has in front of its audio.
const MAX_CHUNKS: u32 = 4_096;
/// A data chunk of this size means that nobody came back to fill it in.
const UNFILLED: u32 = 0;

/// What [`inspect`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
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
) -> io::Result<Result<Layout, Failure>> {
    match format {
        AudioFormat::Wav => inspect_wave(source, start, file_len),
        AudioFormat::W64 => inspect_wave64(source, start, file_len),
        AudioFormat::Flac => inspect_flac(source, start, file_len).map(Ok),
        AudioFormat::Ogg => inspect_ogg(source, start, file_len).map(Ok),
        AudioFormat::Aiff => inspect_aiff(source, start, file_len).map(Ok),
        AudioFormat::Caf => inspect_caf(source, start, file_len).map(Ok),
        AudioFormat::Mp4 => inspect_mp4(source, start, file_len).map(Ok),
        _ => Ok(Ok(Layout {
            start,
            end: file_len,
            ..Layout::default()
        })),
    }
}

fn inspect_wave(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<Result<Layout, Failure>> {
    let mut patches = vec![
        (start, b"RIFF".to_vec()),
        (start + 4, UNKNOWN.to_le_bytes().to_vec()),
    ];
    let mut long_data_len = None;
    let mut at = start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some(header) = read_at::<8>(source, at)? else {
            break;
        };
        let [.., l0, l1, l2, l3] = header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        let body = at + 8;
        match &header[..4] {
            b"ds64" => {
                if let Some([_, _, _, _, _, _, _, _, data_len @ ..]) = read_at::<16>(source, body)? {
                    long_data_len = Some(u64::from_le_bytes(data_len));
                }
            }
            b"fmt " => match read_at::<16>(source, body)? {
                Some(format) => match check_format(&format) {
                    Ok(None) => {}
                    Ok(Some(bits)) => patches.push((body + 14, bits.to_le_bytes().to_vec())),
                    Err(failure) => return Ok(Err(failure)),
                },
                None => break,
            },
            b"data" => {
                let available = file_len.saturating_sub(body);
                let declared = match (len, long_data_len) {
                    (UNKNOWN, Some(long)) => long,
                    (UNKNOWN | UNFILLED, _) => available,
                    (len, _) => u64::from(len),
                };
                let patched = u32::try_from(declared).unwrap_or(UNKNOWN);
                patches.push((at + 4, patched.to_le_bytes().to_vec()));
                return Ok(Ok(Layout {
                    start,
                    patches,
                    end: body + declared.min(available),
                    is_open_ended: patched == UNKNOWN,
                    is_cut_short: patched == UNKNOWN && declared > available,
                }));
            }
            _ => {}
        }
        at = body + u64::from(len) + u64::from(len & 1);
    }
    // No data chunk: the reader will say so.
    Ok(Ok(Layout {
        start,
        patches,
        end: file_len,
        ..Layout::default()
    }))
}

/// The last twelve bytes of the identifiers of Wave64's chunks, behind four that read as in WAVE.
const WAVE64_GUID: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// Wave64 is WAVE with identifiers of 16 bytes and sizes of 64 bits, which include the chunk's own header; chunks begin
/// at multiples of 8. Its header is longer than that of WAVE, so there is room to write one directly in front of the
/// samples.
fn inspect_wave64(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<Result<Layout, Failure>> {
    const HEADER: u64 = 24;
    let mut format = None;
    let mut at = start + 40;
    for _ in 0..MAX_CHUNKS {
        let Some([id @ .., l0, l1, l2, l3, l4, l5, l6, l7]) = read_at::<24>(source, at)? else {
            break;
        };
        let len = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
        let body = at + HEADER;
        if id[4..] == WAVE64_GUID && id[..4] == *b"fmt " {
            let wanted = if len >= HEADER + 40 { 40 } else { 16 };
            let Some(bytes) = read_at::<40>(source, body)? else {
                break;
            };
            let mut bytes = bytes[..wanted].to_vec();
            if let Some(name) = sniff::unsupported_in_wave(u16::from_le_bytes([bytes[0], bytes[1]])) {
                return Ok(Err(Failure::with(FailureCode::Unsupported, name)));
            }
            match bytes.first_chunk().map(check_format) {
                Some(Ok(Some(bits))) => bytes[14..16].copy_from_slice(&bits.to_le_bytes()),
                Some(Err(failure)) => return Ok(Err(failure)),
                _ => {}
            }
            format = Some(bytes);
        } else if id[4..] == WAVE64_GUID && id[..4] == *b"data" {
            let Some(format) = format else { break };
            let available = file_len.saturating_sub(body);
            let declared = match len.checked_sub(HEADER) {
                Some(declared) if declared > 0 && i64::try_from(declared).is_ok() => declared,
                _ => available,
            };
            let patched = u32::try_from(declared).unwrap_or(UNKNOWN);
            let mut header = b"RIFF".to_vec();
            header.extend(UNKNOWN.to_le_bytes());
            header.extend(b"WAVEfmt ");
            header.extend((format.len() as u32).to_le_bytes());
            header.extend(format);
            header.extend(b"data");
            header.extend(patched.to_le_bytes());
            let Some(begin) = body.checked_sub(header.len() as u64) else {
                break;
            };
            return Ok(Ok(Layout {
                start: begin,
                patches: vec![(begin, header)],
                end: body + declared.min(available),
                is_open_ended: patched == UNKNOWN,
                is_cut_short: patched == UNKNOWN && declared > available,
            }));
        }
        let Some(next) = len
            .max(HEADER)
            .checked_next_multiple_of(8)
            .and_then(|len| at.checked_add(len))
        else {
            break;
        };
        at = next;
    }
    Ok(Err(Failure::new(if at >= file_len {
        FailureCode::Truncated
    } else {
        FailureCode::Malformed
    })))
}

/// A reader of AIFF looks behind the audio for more chunks before it begins, and finds the end of a file cut short.
fn inspect_aiff(source: &mut (impl Read + Seek), start: u64, file_len: u64) -> io::Result<Layout> {
    let mut layout = Layout {
        start,
        end: file_len,
        ..Layout::default()
    };
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

/// The same for CAF, whose sizes have 64 bits.
fn inspect_caf(source: &mut (impl Read + Seek), start: u64, file_len: u64) -> io::Result<Layout> {
    let mut layout = Layout {
        start,
        end: file_len,
        ..Layout::default()
    };
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
    Ok(layout)
}

/// An MP4 file that is cut short has usually lost its index, so there is nothing to mend; but it can be said. Where the
/// index stands in front, a reader looks for more boxes behind the audio and must not find the end of the file.
fn inspect_mp4(source: &mut (impl Read + Seek), start: u64, file_len: u64) -> io::Result<Layout> {
    let mut layout = Layout {
        start,
        end: file_len,
        ..Layout::default()
    };
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

/// Of a FLAC file's metadata only STREAMINFO matters; the rest is skipped. Readers refuse whole files for a cue sheet that
/// is no CD, or lose their way behind a picture whose size is wrong.
fn inspect_flac(source: &mut (impl Read + Seek), start: u64, file_len: u64) -> io::Result<Layout> {
    const STREAMINFO: usize = 34;
    const HEADER: u64 = 4 + 4 + STREAMINFO as u64;
    /// Larger pictures exist, but not together with wrong sizes.
    const SEARCHED: u64 = 16 << 20;
    let mut layout = Layout {
        start,
        end: file_len,
        ..Layout::default()
    };
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

/// The last page of an Ogg file is marked as such (RFC 3533, 6). A file whose last page is not, or that ends within a
/// page, has lost its end.
fn inspect_ogg(source: &mut (impl Read + Seek), start: u64, file_len: u64) -> io::Result<Layout> {
    /// The longest page.
    const LONGEST: u64 = 27 + 255 + 255 * 255;
    let from = file_len.saturating_sub(2 * LONGEST).max(start);
    source.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    source.by_ref().take(2 * LONGEST).read_to_end(&mut tail)?;
    let is_page = |at: &usize| tail[*at..].starts_with(b"OggS\0");
    let pages = (0..tail.len()).rev().filter(is_page);
    let whole = pages
        .clone()
        .find_map(|at| Some((at, ogg_page_len(&tail[at..])?)));
    let is_last = pages.clone().next() == whole.map(|(at, _)| at);
    let ends_stream = whole.is_some_and(|(at, _)| tail[at + 5] & 4 != 0);
    Ok(Layout {
        start,
        // symphonia gives up a file whose last page it cannot read.
        end: whole.map_or(file_len, |(at, len)| from + (at + len) as u64),
        is_cut_short: !(is_last && ends_stream),
        ..Layout::default()
    })
}

/// The length of the page that `bytes` begin with, if all of it is there.
fn ogg_page_len(bytes: &[u8]) -> Option<usize> {
    let header_len = 27 + usize::from(*bytes.get(26)?);
    let lacing = bytes.get(27..header_len)?;
    let len = header_len + lacing.iter().map(|&len| usize::from(len)).sum::<usize>();
    (bytes.len() >= len).then_some(len)
}

/// Refuses what cannot be measured, before symphonia multiplies it (0.6.1 overflows beyond 31 channels), and gives the
/// bits per sample where they are not those of the container: 20-bit PCM is stored in 3 bytes, at their upper end.
fn check_format(format: &[u8; 16]) -> Result<Option<u16>, Failure> {
    let [t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, a0, a1, b0, b1] = *format;
    const TAG_PCM: u16 = 1;
    let tag = u16::from_le_bytes([t0, t1]);
    let channels = u16::from_le_bytes([c0, c1]);
    let align = u16::from_le_bytes([a0, a1]);
    let bits = u16::from_le_bytes([b0, b1]);
    if channels == 0 {
        return Err(Failure::new(FailureCode::Malformed));
    }
    check_channels(usize::from(channels))?;
    check_rate(u32::from_le_bytes([r0, r1, r2, r3]))?;
    let container = bits.div_ceil(8);
    let is_padded = tag == TAG_PCM && bits % 8 != 0 && container <= 4 && align == channels * container;
    Ok(is_padded.then(|| container * 8))
}

pub(crate) fn read_at<const N: usize>(
    source: &mut (impl Read + Seek),
    at: u64,
) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    source.seek(SeekFrom::Start(at))?;
    match source.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
