//! One line per format.

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
