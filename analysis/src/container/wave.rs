//! WAVE, its big siblings RF64 and BW64, and Wave64.

use std::io::{self, Read, Seek};

use model::{Failure, FailureCode};

use super::{ContainerLayout, MAX_CHUNKS, UNKNOWN};
use crate::io::read_at;
use crate::limits::{check_channels, check_rate};
use crate::sniff;

/// A data chunk of this size means that nobody came back to fill it in.
const UNFILLED: u32 = 0;

pub(super) fn inspect_wave(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<Result<ContainerLayout, Failure>> {
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
                return Ok(Ok(ContainerLayout {
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
    Ok(Ok(ContainerLayout {
        start,
        patches,
        end: file_len,
        ..ContainerLayout::default()
    }))
}

/// The last twelve bytes of the identifiers of Wave64's chunks, behind four that read as in WAVE.
const WAVE64_GUID: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// Wave64 is WAVE with identifiers of 16 bytes and sizes of 64 bits, which include the chunk's own header; chunks begin
/// at multiples of 8. Its header is longer than that of WAVE, so there is room to write one directly in front of the
/// samples.
pub(super) fn inspect_wave64(
    source: &mut (impl Read + Seek),
    start: u64,
    file_len: u64,
) -> io::Result<Result<ContainerLayout, Failure>> {
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
            return Ok(Ok(ContainerLayout {
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
