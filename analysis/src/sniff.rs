//! What a file is, by its first bytes.
//!
//! The server asks this of the first 64 KiB before it accepts an upload, and the engine asks again before it decodes.
//! It must come before any probing: symphonia finds the RIFF header that WavPack, Monkey's Audio, TAK and OptimFROG
//! files carry inside, and decodes their compressed data as full-scale noise.

use model::format::AudioFormat;

/// How much of a file [`sniff`] wants to see.
pub const HEAD_LEN: usize = 64 * 1024;

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

/// Magic bytes at the very start that settle the question.
const MAGICS: &[(&[u8], Sniffed)] = &[
    (b"fLaC", Sniffed::Known(AudioFormat::Flac)),
    (b"caff", Sniffed::Known(AudioFormat::Caf)),
    (b"wvpk", Sniffed::Unsupported("WavPack")),
    (b"MAC ", Sniffed::Unsupported("Monkey's Audio (APE)")),
    (b"MACF", Sniffed::Unsupported("Monkey's Audio (APE)")),
    (b"tBaK", Sniffed::Unsupported("TAK")),
    (b"OFR ", Sniffed::Unsupported("OptimFROG")),
    (b"TTA1", Sniffed::Unsupported("TTA")),
    (b"TTA2", Sniffed::Unsupported("TTA")),
    (b"MPCK", Sniffed::Unsupported("Musepack")),
    (b"MP+", Sniffed::Unsupported("Musepack")),
    (b"ajkg", Sniffed::Unsupported("Shorten")),
    (b"LPAC", Sniffed::Unsupported("LPAC")),
    (
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        Sniffed::Unsupported("WMA/ASF"),
    ),
    (b"\x1a\x45\xdf\xa3", Sniffed::Unsupported("Matroska/WebM")),
    (b"riff\x2e\x91\xcf\x11", Sniffed::Known(AudioFormat::W64)),
    (b"RIFX", Sniffed::Unsupported("big-endian WAV (RIFX)")),
    (b"DSD ", Sniffed::Unsupported("DSD")),
    (b"FRM8", Sniffed::Unsupported("DSD")),
    (b"MThd", Sniffed::Unsupported("MIDI")),
    (b"\x0b\x77", Sniffed::Unsupported("AC-3")),
    (b"\x7f\xfe\x80\x01", Sniffed::Unsupported("DTS")),
    (b".snd", Sniffed::Unsupported("Sun AU")),
    (b"#!AMR", Sniffed::Unsupported("AMR")),
    (b".RMF", Sniffed::Unsupported("RealMedia")),
    (b".ra\xfd", Sniffed::Unsupported("RealAudio")),
    (b"ADIF", Sniffed::Unsupported("AAC in ADIF")),
    (b"FLV\x01", Sniffed::Unsupported("Flash video")),
    (b"Creative Voice File", Sniffed::Unsupported("Creative VOC")),
    (b"Extended Module: ", Sniffed::Unsupported("a tracker module")),
    (b"IMPM", Sniffed::Unsupported("a tracker module")),
    (b"#!SILK", Sniffed::Unsupported("SILK")),
    (b"OMA\0", Sniffed::Unsupported("ATRAC (OpenMG)")),
    (b"ea3\x03", Sniffed::Unsupported("ATRAC (OpenMG)")),
    (b"NIST_1A", Sniffed::Unsupported("NIST SPHERE")),
    (b"DTSHDHDR", Sniffed::Unsupported("DTS-HD")),
    (b"\xfe\x7f\x01\x80", Sniffed::Unsupported("DTS")),
    (b"\x1f\xff\xe8\x00", Sniffed::Unsupported("DTS")),
    (b"\xff\x1f\x00\xe8", Sniffed::Unsupported("DTS")),
    (b"\x77\x0b", Sniffed::Unsupported("AC-3")),
    (b"\0\0\x01\xba", Sniffed::Unsupported("an MPEG video")),
    (b"\0\0\x01\xb3", Sniffed::Unsupported("an MPEG video")),
    (b"FLhd", Sniffed::Unsupported("an FL Studio project")),
    (b"<REAPER_PROJECT", Sniffed::Unsupported("a REAPER project")),
    // Not audio, but often full of bytes that look like MPEG frames.
    (b"\x89PNG", Sniffed::Unsupported("a PNG picture")),
    (b"\xff\xd8\xff", Sniffed::Unsupported("a JPEG picture")),
    (b"GIF8", Sniffed::Unsupported("a GIF picture")),
    (b"II*\0", Sniffed::Unsupported("a TIFF picture")),
    (b"MM\0*", Sniffed::Unsupported("a TIFF picture")),
    (b"8BPS", Sniffed::Unsupported("a Photoshop picture")),
    (b"%PDF", Sniffed::Unsupported("a PDF document")),
    (b"{\\rtf", Sniffed::Unsupported("an RTF document")),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Sniffed::Unsupported("an Office document"),
    ),
    (b"PK\x03\x04", Sniffed::Unsupported("a ZIP archive")),
    (b"PK\x05\x06", Sniffed::Unsupported("a ZIP archive")),
    (b"Rar!", Sniffed::Unsupported("a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", Sniffed::Unsupported("a 7z archive")),
    (b"\xfd7zXZ\0", Sniffed::Unsupported("an XZ archive")),
    (b"BZh", Sniffed::Unsupported("a bzip2 archive")),
    (
        b"\x1f\x8b",
        Sniffed::Unsupported("a gzip archive or an Ableton Live set"),
    ),
    (b"SQLite format 3", Sniffed::Unsupported("a database")),
    (b"\x7fELF", Sniffed::Unsupported("a program")),
    (b"MZ", Sniffed::Unsupported("a program")),
];

/// Says what a file is whose first bytes (up to [`HEAD_LEN`]) are `head`.
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
    if is_text(head) {
        return Sniffed::Unsupported("a text");
    }
    sniff_frames(head)
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

/// How many frames in a row must fit together before bytes without a magic count as MPEG audio.
const FRAMES_AT_START: usize = 2;
/// The same, where the run begins behind junk: chance matches are likelier there.
const FRAMES_BEHIND_JUNK: usize = 4;

/// MPEG audio and ADTS have no magic, only a chain of frames, each of which says where the next begins.
fn sniff_frames(head: &[u8]) -> Sniffed {
    let starts = head
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] == 0xff && pair[1] & 0xe0 == 0xe0);
    for (at, _) in starts {
        let needed = if at == 0 {
            FRAMES_AT_START
        } else {
            FRAMES_BEHIND_JUNK
        };
        if chain_len(&head[at..], adts_frame, needed) {
            return Sniffed::Known(AudioFormat::Aac);
        }
        if chain_len(&head[at..], mpeg_frame, needed) {
            return Sniffed::Known(AudioFormat::Mp3);
        }
    }
    Sniffed::NotAudio
}

/// Whether `needed` frames follow each other from the start of `bytes`, all of the same kind.
fn chain_len(bytes: &[u8], frame: fn(&[u8]) -> Option<(usize, u32)>, needed: usize) -> bool {
    let mut rest = bytes;
    let mut kind = None;
    for _ in 0..needed {
        match frame(rest) {
            Some((len, this)) if kind.is_none_or(|kind| kind == this) => {
                kind = Some(this);
                rest = rest.get(len..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    true
}

/// The length of an ADTS frame and what never changes within a stream (ISO/IEC 13818-7, 6.2).
fn adts_frame(bytes: &[u8]) -> Option<(usize, u32)> {
    let &[s0, s1, b2, b3, b4, b5, _] = bytes.first_chunk::<7>()?;
    let rate_index = b2 >> 2 & 15;
    if s0 != 0xff || s1 & 0xf6 != 0xf0 || rate_index > 12 {
        return None;
    }
    let len = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5 >> 5);
    let kind = u32::from(s1) << 16 | u32::from(b2 & 0xfd) << 8 | u32::from(b3 & 0xc0);
    (len > 7).then_some((len, kind))
}

/// The length of an MPEG audio frame and what never changes within a stream (ISO/IEC 11172-3, 2.4.2.3).
fn mpeg_frame(bytes: &[u8]) -> Option<(usize, u32)> {
    const V1: [[u32; 14]; 3] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    ];
    const V2: [[u32; 14]; 2] = [
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let &[s0, s1, b2, _] = bytes.first_chunk::<4>()?;
    let (version, layer) = (s1 >> 3 & 3, s1 >> 1 & 3);
    let (rate_index, rate_code) = (usize::from(b2 >> 4), usize::from(b2 >> 2 & 3));
    if s0 != 0xff || s1 & 0xe0 != 0xe0 || version == 1 || layer == 0 || rate_code == 3 {
        return None;
    }
    let layer_index = 3 - usize::from(layer);
    let is_v1 = version == 3;
    let table = if is_v1 {
        &V1[layer_index]
    } else {
        &V2[layer_index.min(1)]
    };
    // Index 0 is "free format", 15 is forbidden.
    let bits_per_second = table.get(rate_index.checked_sub(1)?)? * 1000;
    let rate = [44_100, 48_000, 32_000][rate_code]
        / if is_v1 {
            1
        } else if version == 2 {
            2
        } else {
            4
        };
    let padding = u32::from(b2 >> 1 & 1);
    let len = match layer_index {
        0 => (12 * bits_per_second / rate + padding) * 4,
        2 if !is_v1 => 72 * bits_per_second / rate + padding,
        _ => 144 * bits_per_second / rate + padding,
    };
    let kind = u32::from(s1 & 0xfe) << 8 | u32::from(b2 & 0x0c);
    Some((len as usize, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ogg_page(first_packet: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\x02".to_vec();
        page.extend([0; 20]);
        page.extend([1, first_packet.len() as u8]);
        page.extend(first_packet);
        page
    }

    fn wave_of(tag: u16) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEJUNK\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        bytes.extend(tag.to_le_bytes());
        bytes.extend([0; 14]);
        bytes
    }

    /// 128 kbit/s, 44.1 kHz: 417 bytes each.
    fn mp3_frames(count: usize) -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
        frame.resize(417, 0);
        frame.repeat(count)
    }

    /// AAC-LC, 44.1 kHz stereo, 100 bytes each.
    fn adts_frames(count: usize) -> Vec<u8> {
        let mut frame = vec![0xff, 0xf1, 0x50, 0x80, 12, 0x9f, 0xfc];
        frame.resize(100, 0);
        frame.repeat(count)
    }

    fn behind_id3(bytes: &[u8]) -> Vec<u8> {
        let mut tagged = b"ID3\x04\0\0\0\0\x01\x00".to_vec();
        tagged.extend([0xff; 128]);
        tagged.extend(bytes);
        tagged
    }

    #[test]
    fn every_format_is_told_by_its_first_bytes() {
        use AudioFormat::{Aac, Aiff, Caf, Flac, Mp3, Mp4, Ogg, W64, Wav};
        let table: &[(&str, Vec<u8>, Sniffed)] = &[
            ("nothing", vec![], Sniffed::Empty),
            (
                "text",
                b"Just some words, renamed to .wav".to_vec(),
                Sniffed::Unsupported("a text"),
            ),
            ("zeros", vec![0; 4096], Sniffed::NotAudio),
            (
                "RF64",
                b"RF64\xff\xff\xff\xffWAVEds64".to_vec(),
                Sniffed::Known(Wav),
            ),
            ("PCM", wave_of(1), Sniffed::Known(Wav)),
            ("extensible", wave_of(0xfffe), Sniffed::Known(Wav)),
            (
                "MP3 in WAV",
                wave_of(0x55),
                Sniffed::Unsupported("MP3 inside WAV"),
            ),
            (
                "Wave64",
                b"riff\x2e\x91\xcf\x11\xa5\xd6".to_vec(),
                Sniffed::Known(W64),
            ),
            (
                "a WAV cut in its header",
                b"RIFF\x10\0\0\0WAVE".to_vec(),
                Sniffed::Known(Wav),
            ),
            ("AIFF", b"FORM\0\0\0\0AIFFCOMM".to_vec(), Sniffed::Known(Aiff)),
            ("AIFC", b"FORM\0\0\0\0AIFCFVER".to_vec(), Sniffed::Known(Aiff)),
            ("FLAC", b"fLaC\0\0\0\x22".to_vec(), Sniffed::Known(Flac)),
            (
                "FLAC behind ID3",
                behind_id3(b"fLaC\0\0\0\x22"),
                Sniffed::Known(Flac),
            ),
            ("MP3", mp3_frames(2), Sniffed::Known(Mp3)),
            ("MP3 behind ID3", behind_id3(&mp3_frames(3)), Sniffed::Known(Mp3)),
            (
                "MP3 behind two ID3 tags",
                behind_id3(&behind_id3(&mp3_frames(3))),
                Sniffed::Known(Mp3),
            ),
            (
                "MP3 behind junk",
                [vec![0; 300], mp3_frames(5)].concat(),
                Sniffed::Known(Mp3),
            ),
            (
                "an ID3 tag longer than the head",
                b"ID3\x03\0\0\x7f\x7f\x7f\x7f".to_vec(),
                Sniffed::Known(Mp3),
            ),
            ("one lone MPEG frame", mp3_frames(1), Sniffed::NotAudio),
            ("ADTS", adts_frames(2), Sniffed::Known(Aac)),
            ("MP4", b"\0\0\0\x20ftypM4A ".to_vec(), Sniffed::Known(Mp4)),
            ("CAF", b"caff\0\x01\0\0".to_vec(), Sniffed::Known(Caf)),
            ("Vorbis", ogg_page(b"\x01vorbis"), Sniffed::Known(Ogg)),
            ("FLAC in Ogg", ogg_page(b"\x7fFLAC"), Sniffed::Known(Ogg)),
            ("Opus", ogg_page(b"OpusHead"), Sniffed::Known(Ogg)),
            (
                "Vorbis beside Theora",
                [ogg_page(b"\x80theora"), ogg_page(b"\x01vorbis")].concat(),
                Sniffed::Known(Ogg),
            ),
            (
                "WavPack",
                b"wvpk\0\0RIFF".to_vec(),
                Sniffed::Unsupported("WavPack"),
            ),
            (
                "APE",
                b"MAC \x96\x0f".to_vec(),
                Sniffed::Unsupported("Monkey's Audio (APE)"),
            ),
            ("TAK", b"tBaK\x01".to_vec(), Sniffed::Unsupported("TAK")),
            (
                "OptimFROG",
                b"OFR \x0c".to_vec(),
                Sniffed::Unsupported("OptimFROG"),
            ),
            ("TTA", b"TTA1\x01".to_vec(), Sniffed::Unsupported("TTA")),
            (
                "TTA behind ID3",
                behind_id3(b"TTA1\x01"),
                Sniffed::Unsupported("TTA"),
            ),
            ("Musepack", b"MPCKSH".to_vec(), Sniffed::Unsupported("Musepack")),
            (
                "WMA",
                b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9".to_vec(),
                Sniffed::Unsupported("WMA/ASF"),
            ),
            (
                "WebM",
                b"\x1a\x45\xdf\xa3\x01".to_vec(),
                Sniffed::Unsupported("Matroska/WebM"),
            ),
            ("DSF", b"DSD \x1c".to_vec(), Sniffed::Unsupported("DSD")),
            ("MIDI", b"MThd\0\0\0\x06".to_vec(), Sniffed::Unsupported("MIDI")),
            ("AC-3", b"\x0b\x77\x12\x34".to_vec(), Sniffed::Unsupported("AC-3")),
            (
                "AVI",
                b"RIFF\0\0\0\0AVI LIST".to_vec(),
                Sniffed::Unsupported("an AVI video"),
            ),
            (
                "WebP",
                b"RIFF\0\0\0\0WEBPVP8 ".to_vec(),
                Sniffed::Unsupported("a WebP picture"),
            ),
            (
                "JPEG",
                b"\xff\xd8\xff\xe0".to_vec(),
                Sniffed::Unsupported("a JPEG picture"),
            ),
            (
                "HEIC",
                b"\0\0\0\x18ftypheic".to_vec(),
                Sniffed::Unsupported("a HEIC or AVIF picture"),
            ),
            (
                "ZIP",
                b"PK\x03\x04".to_vec(),
                Sniffed::Unsupported("a ZIP archive"),
            ),
            (
                "PDF",
                b"%PDF-1.7".to_vec(),
                Sniffed::Unsupported("a PDF document"),
            ),
            ("DTS", b"\x7f\xfe\x80\x01".to_vec(), Sniffed::Unsupported("DTS")),
            (
                "DTS of 14 bits",
                b"\x1f\xff\xe8\x00".to_vec(),
                Sniffed::Unsupported("DTS"),
            ),
            (
                "MPEG video",
                b"\0\0\x01\xba\x44".to_vec(),
                Sniffed::Unsupported("an MPEG video"),
            ),
            (
                "MPEG-TS",
                [&[0x47][..], &[0xff; 187]].concat().repeat(5),
                Sniffed::Unsupported("an MPEG transport stream"),
            ),
            (
                "text of UTF-16",
                "lyrics of a song".encode_utf16().flat_map(u16::to_le_bytes).fold(
                    b"\xff\xfe".to_vec(),
                    |mut text, byte| {
                        text.push(byte);
                        text
                    },
                ),
                Sniffed::Unsupported("a text"),
            ),
            (
                "Opus beside Theora",
                [ogg_page(b"\x80theora"), ogg_page(b"OpusHead")].concat(),
                Sniffed::Unsupported("Opus beside another stream in Ogg"),
            ),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(sniff(bytes), *expected, "{name}");
        }
    }
}
