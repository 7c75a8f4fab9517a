//! What a file is, by its first bytes.
//!
//! The server asks this of the first 64 KiB before it accepts an upload, and the engine asks again before it decodes.
//! It must come before any probing: symphonia finds the RIFF header that WavPack, Monkey's Audio, TAK and OptimFROG
//! files carry inside, and decodes their compressed data as full-scale noise.

mod frames;
mod magics;

use model::format::AudioFormat;

pub(crate) use frames::mpeg_frame;
use frames::sniff_frames;
use magics::MAGICS;

/// How much of a file [`sniff`] wants to see.
pub const SNIFF_LEN: usize = 64 * 1024;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// A format that is decoded.
    Known(AudioFormat),
    /// A format that is recognised and not decoded, by its name.
    Unsupported(&'static str),
    /// Nothing that carries audio.
    NotAudio,
    /// No byte at all.
    Empty,
}

/// Says what a file is whose first bytes (up to [`SNIFF_LEN`]) are `head`.
///
/// An ID3v2 tag is looked through. Where it is longer than `head`, the file counts as MP3, by far the likeliest; the
/// engine reads on behind the tag and knows.
#[must_use]
pub fn sniff(head: &[u8]) -> Sniffed {
    if head.is_empty() {
        return Sniffed::Empty;
    }
    let mut rest = head;
    while let Some(len) = id3v2_len(rest) {
        match rest.get(len..) {
            Some([]) | None => return Sniffed::Known(AudioFormat::Mp3),
            Some(behind) => rest = behind,
        }
    }
    sniff_bare(rest)
}

/// The length of the ID3v2 tag that `head` begins with, its own header and footer included.
pub(crate) fn id3v2_len(head: &[u8]) -> Option<usize> {
    let [b'I', b'D', b'3', major, minor, flags, a, b, c, d] = *head.first_chunk::<10>()? else {
        return None;
    };
    if major == 0xff || minor == 0xff || (a | b | c | d) & 0x80 != 0 {
        return None;
    }
    let size = [a, b, c, d]
        .iter()
        .fold(0, |size, &byte| size << 7 | usize::from(byte));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

fn sniff_bare(head: &[u8]) -> Sniffed {
    if let Some((_, sniffed)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *sniffed;
    }
    match (head.get(..4), head.get(8..12)) {
        (Some(b"RIFF" | b"RF64" | b"BW64"), Some(b"WAVE")) => return sniff_wave(head),
        (Some(b"RIFF"), Some(b"RMID")) => return Sniffed::Unsupported("MIDI"),
        (Some(b"RIFF"), Some(b"AVI ")) => return Sniffed::Unsupported("an AVI video"),
        (Some(b"RIFF"), Some(b"WEBP")) => return Sniffed::Unsupported("a WebP picture"),
        (Some(b"RIFF"), Some(b"sfbk")) => return Sniffed::Unsupported("a SoundFont"),
        (Some(b"FORM"), Some(b"AIFF" | b"AIFC")) => return Sniffed::Known(AudioFormat::Aiff),
        (Some(b"FORM"), Some(b"8SVX" | b"16SV")) => return Sniffed::Unsupported("IFF 8SVX"),
        (Some(b"RIFF" | b"FORM"), _) => return Sniffed::NotAudio,
        (Some(b"OggS"), _) => return sniff_ogg(head),
        _ => {}
    }
    if head.get(4..8) == Some(b"ftyp")
        && matches!(
            head.get(8..12),
            Some(b"heic" | b"heix" | b"mif1" | b"msf1" | b"avif")
        )
    {
        return Sniffed::Unsupported("a HEIC or AVIF picture");
    }
    if matches!(
        head.get(4..8),
        Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"pnot")
    ) {
        return Sniffed::Known(AudioFormat::Mp4);
    }
    if head.get(4..8) == Some(b"\xf8\x72\x6f\xba") {
        return Sniffed::Unsupported("Dolby TrueHD");
    }
    if is_transport_stream(head) {
        return Sniffed::Unsupported("an MPEG transport stream");
    }
    if is_loas(head) {
        return Sniffed::Unsupported("AAC in LOAS/LATM");
    }
    if is_text(head) {
        return Sniffed::Unsupported("a text");
    }
    sniff_frames(head)
}

/// Frames with a sync word of 11 bits and a length of 13 (ISO/IEC 14496-3, 1.7.2), three of them in a row.
fn is_loas(head: &[u8]) -> bool {
    let mut rest = head;
    (0..3).all(|_| match *rest {
        [0x56, b1, b2, ..] if b1 & 0xe0 == 0xe0 => {
            let len = usize::from(b1 & 0x1f) << 8 | usize::from(b2);
            rest = rest.get(3 + len..).unwrap_or_default();
            len > 0
        }
        _ => false,
    })
}

/// Packets of 188 bytes (ISO/IEC 13818-1, 2.4.3.2), five of them in a row.
fn is_transport_stream(head: &[u8]) -> bool {
    (0..5).all(|packet| head.get(packet * 188) == Some(&0x47))
}

/// Whether all of it is characters that people write, in UTF-8 or behind the mark of UTF-16.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        let units = head.as_chunks::<2>().0;
        // Latin letters, one byte of two zero. Audio that begins with these bytes has no such regularity.
        return units.len() >= 8
            && units[1..].iter().filter(|[a, b]| (*a == 0) != (*b == 0)).count() * 10 >= units.len() * 9;
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.len() >= 8
        && text
            .chars()
            .all(|char| !char.is_control() || char.is_ascii_whitespace())
}

/// WAVE is a box: the codec inside decides.
fn sniff_wave(head: &[u8]) -> Sniffed {
    let mut at = 12;
    while let Some(&[a, b, c, d, l0, l1, l2, l3]) = head.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        if [a, b, c, d] == *b"fmt " {
            let tag = head
                .get(at + 8..at + 10)
                .map(|tag| u16::from_le_bytes([tag[0], tag[1]]));
            return tag
                .and_then(unsupported_in_wave)
                .map_or(Sniffed::Known(AudioFormat::Wav), Sniffed::Unsupported);
        }
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        at = at.saturating_add(8).saturating_add(len).saturating_add(len & 1);
    }
    Sniffed::Known(AudioFormat::Wav)
}

/// What a format tag of WAVE says that is not decoded.
pub(crate) const fn unsupported_in_wave(tag: u16) -> Option<&'static str> {
    Some(match tag {
        0x0050 | 0x0055 => "MP3 inside WAV",
        0x0031 => "GSM inside WAV",
        0x0161..=0x0163 => "WMA inside WAV",
        0x2000 | 0x0092 => "AC-3 inside WAV",
        0x674f..=0x6771 => "Vorbis inside WAV",
        0x00ff | 0x1600..=0x1610 => "AAC inside WAV",
        _ => return None,
    })
}

/// Whether an Ogg file begins with an Opus stream.
pub(crate) fn is_opus(head: &[u8]) -> bool {
    let body_at = 27 + usize::from(head.get(26).copied().unwrap_or(0));
    head.starts_with(b"OggS")
        && head
            .get(body_at..)
            .is_some_and(|body| body.starts_with(b"OpusHead"))
}

/// The first packet of each logical stream names its codec; the first audio codec among them decides.
fn sniff_ogg(head: &[u8]) -> Sniffed {
    let mut other = None;
    let mut at = 0;
    while let Some(page) = head.get(at..).filter(|rest| rest.starts_with(b"OggS")) {
        let Some(&segments) = page.get(26) else { break };
        let body_at = 27 + usize::from(segments);
        let Some(lacing) = page.get(27..body_at) else {
            break;
        };
        let body = page.get(body_at..).unwrap_or_default();
        let begins_stream = page.get(5).is_some_and(|flags| flags & 2 != 0);
        if !begins_stream {
            break;
        }
        if body.starts_with(b"\x01vorbis") || body.starts_with(b"\x7fFLAC") {
            return Sniffed::Known(AudioFormat::Ogg);
        }
        if body.starts_with(b"OpusHead") {
            // The decoder takes the first stream.
            if at == 0 {
                return Sniffed::Known(AudioFormat::Ogg);
            }
            other = Some("Opus beside another stream in Ogg");
        } else if body.starts_with(b"Speex   ") {
            other = Some("Speex in Ogg");
        } else if body.starts_with(b"\x80theora") {
            other = other.or(Some("Theora video in Ogg"));
        }
        at += body_at + lacing.iter().map(|&len| usize::from(len)).sum::<usize>();
    }
    other.map_or(Sniffed::Known(AudioFormat::Ogg), Sniffed::Unsupported)
}

#[cfg(test)]
mod tests;
