//! WAVE, its big siblings RF64 and BW64, and Wave64.

use std::io::{self, Read, Seek};

use model::{Failure, FailureCode};

use super::{ContainerLayout, MAX_CHUNKS, UNKNOWN};
use crate::io::read_at;
use crate::limits::{check_channels, check_rate};
use crate::sniff;

/// A data chunk of this size means that nobody came back to fill it in.
const UNFILLED: u32 = 0;
/// The same for sizes from here on that exceed the file: programs that write to a pipe put the largest number that they
/// dare (sox 0x7ffff000, others 0x7fffffff or 0xfffffffe).
const LEAST_PLACEHOLDER: u32 = 0x7fff_0000;

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
    let (mut rewritten, mut format_at) = (None, None);
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
            b"fmt " => match read_format(source, body, len.into())? {
                Some(format) => match Format::check(&format) {
                    Ok(checked) => {
                        rewritten = Some(checked);
                        format_at = Some(body);
                    }
                    Err(failure) => return Ok(Err(failure)),
                },
                None => break,
            },
            b"data" => {
                let available = file_len.saturating_sub(body);
                let declared = match (len, long_data_len) {
                    (UNKNOWN, Some(long)) => long,
                    (UNKNOWN | UNFILLED, _) => available,
                    (LEAST_PLACEHOLDER.., _) if u64::from(len) > available => available,
                    (len, _) => u64::from(len),
                };
                let mut format = rewritten.unwrap_or_default();
                if format.is_24_in_4 {
                    match width_of_24_in_4(source, body, available)? {
                        Ok(bits) => format.set_bits(bits),
                        Err(failure) => return Ok(Err(failure)),
                    }
                }
                if format.needs_header
                    && let Some(layout) = with_own_header(&format.bytes, body, declared, available)
                {
                    return Ok(Ok(layout));
                }
                if let Some(bits) = format.bits
                    && let Some(at) = format_at
                {
                    patches.push((at + 14, bits.to_le_bytes().to_vec()));
                }
                let patched = u32::try_from(declared).unwrap_or(UNKNOWN);
                patches.push((at + 4, patched.to_le_bytes().to_vec()));
                return Ok(Ok(ContainerLayout {
                    start,
                    patches,
                    end: body + declared.min(available),
                    is_open_ended: patched == UNKNOWN,
                    is_cut_short: patched == UNKNOWN && declared > available,
                    ..ContainerLayout::default()
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
            let Some(bytes) = read_format(source, body, len.saturating_sub(HEADER))? else {
                break;
            };
            if let Some(name) = sniff::unsupported_in_wave(u16::from_le_bytes([bytes[0], bytes[1]])) {
                return Ok(Err(Failure::with(FailureCode::Unsupported, name)));
            }
            match Format::check(&bytes) {
                Ok(checked) => format = Some(checked),
                Err(failure) => return Ok(Err(failure)),
            }
        } else if id[4..] == WAVE64_GUID && id[..4] == *b"data" {
            let Some(mut format) = format else { break };
            let available = file_len.saturating_sub(body);
            let declared = match len.checked_sub(HEADER) {
                Some(declared) if declared > 0 && i64::try_from(declared).is_ok() => declared,
                _ => available,
            };
            if format.is_24_in_4 {
                match width_of_24_in_4(source, body, available)? {
                    Ok(bits) => format.set_bits(bits),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            match with_own_header(&format.bytes, body, declared, available) {
                Some(layout) => return Ok(Ok(layout)),
                None => break,
            }
        }
        let Some(next) = len
            .max(HEADER)
            .checked_next_multiple_of(8)
            .and_then(|len| at.checked_add(len))
        else {
            break;
        };
        at = next;
        if at >= file_len {
            break;
        }
    }
    Ok(Err(Failure::new(if at >= file_len {
        FailureCode::Truncated
    } else {
        FailureCode::Malformed
    })))
}

/// The chunk `fmt ` as symphonia reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Format {
    bytes: Vec<u8>,
    /// Bits per sample, where they are not those of the file.
    bits: Option<u16>,
    /// The bytes are not those of the file, so that a header of our own has to hold them.
    needs_header: bool,
    /// Integers of 24 bits in 4 bytes, whose place in there the header does not say.
    is_24_in_4: bool,
}

const TAG_PCM: u16 = 1;
const TAG_MS_ADPCM: u16 = 2;
const TAG_FLOAT: u16 = 3;
const TAG_A_LAW: u16 = 6;
const TAG_MU_LAW: u16 = 7;
const TAG_IMA_ADPCM: u16 = 0x11;
const TAG_EXTENSIBLE: u16 = 0xfffe;

impl Format {
    /// Refuses what cannot be measured, before symphonia multiplies it (0.6.1 overflows beyond 31 channels), and brings
    /// the rest to the lengths that symphonia knows. 20-bit PCM is stored in 3 bytes, at their upper end.
    fn check(bytes: &[u8]) -> Result<Self, Failure> {
        let number = |at: usize| {
            let pair = bytes.get(at..at + 2).unwrap_or(&[0, 0]);
            u16::from_le_bytes([pair[0], pair[1]])
        };
        let (tag, channels, align, bits) = (number(0), number(2), number(12), number(14));
        if channels == 0 {
            return Err(Failure::new(FailureCode::Malformed));
        }
        check_channels(usize::from(channels))?;
        check_rate(u32::from(number(4)) | u32::from(number(6)) << 16)?;
        let container = bits.div_ceil(8);
        let is_padded = tag == TAG_PCM && bits % 8 != 0 && container <= 4 && align == channels * container;
        let len = match tag {
            TAG_PCM if !matches!(bytes.len(), 16 | 18 | 40) => 16,
            TAG_FLOAT if !matches!(bytes.len(), 16 | 40) => 16,
            TAG_A_LAW | TAG_MU_LAW => 18,
            TAG_IMA_ADPCM => 20,
            TAG_MS_ADPCM => 50,
            TAG_EXTENSIBLE => 40,
            _ => bytes.len(),
        };
        let mut format = Self {
            bytes: bytes.to_vec(),
            bits: None,
            needs_header: bytes.len() != len,
            is_24_in_4: tag == TAG_PCM && bits == 24 && align == channels * 4,
        };
        format.bytes.resize(len, 0);
        let extension = match tag {
            TAG_A_LAW | TAG_MU_LAW => Some(0_u16),
            TAG_EXTENSIBLE => Some(22),
            _ => None,
        };
        if let Some(extension) = extension {
            format.needs_header |= number(16) != extension;
            format.bytes[16..18].copy_from_slice(&extension.to_le_bytes());
        }
        if is_padded {
            format.set_bits(container * 8);
        }
        Ok(format)
    }

    fn set_bits(&mut self, bits: u16) {
        self.bits = Some(bits);
        self.bytes[14..16].copy_from_slice(&bits.to_le_bytes());
    }
}

/// The chunk's body, as far as any format needs it; `None` where the file ends in it.
fn read_format(source: &mut (impl Read + Seek), body: u64, len: u64) -> io::Result<Option<Vec<u8>>> {
    const LONGEST: usize = 50;
    source.seek(io::SeekFrom::Start(body))?;
    let mut bytes = Vec::with_capacity(LONGEST);
    let len = len.clamp(16, LONGEST as u64);
    source.by_ref().take(len).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 == len).then_some(bytes))
}

/// A header of WAVE right in front of the samples at `body`; `None` where there is no room for it.
fn with_own_header(format: &[u8], body: u64, declared: u64, available: u64) -> Option<ContainerLayout> {
    let patched = u32::try_from(declared).unwrap_or(UNKNOWN);
    let mut header = b"RIFF".to_vec();
    header.extend(UNKNOWN.to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend((format.len() as u32).to_le_bytes());
    header.extend(format);
    header.extend(b"data");
    header.extend(patched.to_le_bytes());
    let begin = body.checked_sub(header.len() as u64)?;
    Some(ContainerLayout {
        start: begin,
        patches: vec![(begin, header)],
        end: body + declared.min(available),
        is_open_ended: patched == UNKNOWN,
        is_cut_short: patched == UNKNOWN && declared > available,
        ..ContainerLayout::default()
    })
}

/// As how many bits to read 24 of them in 4 bytes: 32 where the lowest byte is empty. Where the highest one only repeats
/// the sign the samples lie at the lower end, which no reader agrees on.
fn width_of_24_in_4(
    source: &mut (impl Read + Seek),
    body: u64,
    available: u64,
) -> io::Result<Result<u16, Failure>> {
    const EXAMINED: u64 = 1 << 16;
    source.seek(io::SeekFrom::Start(body))?;
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(available.min(EXAMINED))
        .read_to_end(&mut bytes)?;
    let words = bytes.as_chunks::<4>().0;
    let is_low = words
        .iter()
        .all(|&[_, _, c, d]| d == if c & 0x80 == 0 { 0 } else { 0xff })
        && words.iter().any(|word| word[0] != 0);
    Ok(if is_low {
        Err(Failure::with(
            FailureCode::Unsupported,
            "WAV with 24-bit samples in the lower bytes of 32",
        ))
    } else {
        Ok(32)
    })
}
