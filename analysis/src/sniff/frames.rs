//! MPEG audio and ADTS, which have no magic.

use model::format::AudioFormat;

use super::Sniffed;

/// How many frames in a row must fit together before bytes without a magic count as MPEG audio.
const FRAMES_AT_START: usize = 2;
/// The same, where the run begins behind junk: chance matches are likelier there.
const FRAMES_BEHIND_JUNK: usize = 4;

/// MPEG audio and ADTS have no magic, only a chain of frames, each of which says where the next begins.
pub(super) fn sniff_frames(head: &[u8]) -> Sniffed {
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
        if at == 0 && is_free_format(head) {
            return Sniffed::Unsupported("a free-format MP3");
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
pub(crate) fn mpeg_frame(bytes: &[u8]) -> Option<(usize, u32)> {
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

/// Frames whose header leaves the bit rate open (index 0): the same header again and again, at one distance.
fn is_free_format(head: &[u8]) -> bool {
    let Some(&[s0, s1, b2, _]) = head.first_chunk::<4>() else {
        return false;
    };
    let is_header =
        s0 == 0xff && s1 & 0xe0 == 0xe0 && s1 >> 3 & 3 != 1 && s1 >> 1 & 3 != 0 && b2 & 0x0c != 0x0c;
    if !is_header || b2 >> 4 != 0 {
        return false;
    }
    // But for padding, all frames have one length.
    let repeats = |at: usize| {
        head.get(at..at + 3)
            .is_some_and(|next| next[0] == s0 && next[1] == s1 && next[2] & 0xfd == b2 & 0xfd)
    };
    (24..8 * 1024).any(|len| (1..=3).all(|times| (0..=times).any(|padding| repeats(len * times + padding))))
}
