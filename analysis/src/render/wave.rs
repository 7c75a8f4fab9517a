//! WAV files of any length.
//!
//! `hound` 3.5 writes neither RF64 nor chunks of one's own, and takes a call for each sample.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::recipe::SampleFormat;

/// Where the samples begin: RIFF and `WAVE`, a chunk that becomes `ds64` in a large file, `fmt ` of 16 bytes, `data`.
const PLAIN_HEADER: u64 = 12 + 8 + 28 + 8 + 16 + 8;
/// The largest plain RIFF file.
const MOST_PLAIN: u64 = u32::MAX as u64;

/// A chunk behind the samples.
pub(super) struct Chunk {
    pub(super) id: [u8; 4],
    pub(super) body: Vec<u8>,
}

/// Adds a chunk, padded to an even length, to a file or to a list.
pub(super) fn put(out: &mut Vec<u8>, id: [u8; 4], body: &[u8]) {
    out.extend(id);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend_from_slice(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

/// Writes samples as they come.
pub(super) struct WaveWriter<W: Write + Seek> {
    out: BufWriter<W>,
    format: SampleFormat,
    rate: u32,
    channels: u16,
    frames: u64,
    bytes: Vec<u8>,
}

impl<W: Write + Seek> WaveWriter<W> {
    /// At the start of `out`.
    pub(super) fn new(out: W, format: SampleFormat, rate: u32, channels: u16) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 18, out);
        out.seek(SeekFrom::Start(PLAIN_HEADER + extension_len(channels)))?;
        Ok(Self {
            out,
            format,
            rate,
            channels,
            frames: 0,
            bytes: Vec::new(),
        })
    }

    /// Writes on; the samples are words of the format already.
    pub(super) fn push(&mut self, words: &[Vec<f32>]) -> io::Result<()> {
        let count = words.first().map_or(0, Vec::len);
        let size = usize::from(self.format.bits() / 8);
        self.bytes.clear();
        self.bytes.resize(count * words.len() * size, 0);
        for (channel, plane) in words.iter().enumerate() {
            let places = self
                .bytes
                .chunks_exact_mut(size)
                .skip(channel)
                .step_by(words.len());
            for (place, &word) in places.zip(plane) {
                match self.format {
                    SampleFormat::Int16 => place.copy_from_slice(&((word * 32_768.0) as i16).to_le_bytes()),
                    SampleFormat::Int24 => {
                        place.copy_from_slice(&((word * 8_388_608.0) as i32).to_le_bytes()[..3]);
                    }
                    SampleFormat::Float32 => place.copy_from_slice(&word.to_le_bytes()),
                }
            }
        }
        self.frames += count as u64;
        self.out.write_all(&self.bytes)
    }

    /// Writes `chunks` and the header, and answers the length of the file.
    pub(super) fn finish(mut self, chunks: &[Chunk]) -> io::Result<u64> {
        let frame_len = u64::from(self.channels) * u64::from(self.format.bits() / 8);
        let data_len = self.frames * frame_len;
        if data_len % 2 == 1 {
            self.out.write_all(&[0])?;
        }
        let mut len = PLAIN_HEADER + extension_len(self.channels) + data_len + data_len % 2;
        let mut behind = Vec::new();
        for Chunk { id, body } in chunks {
            put(&mut behind, *id, body);
        }
        self.out.write_all(&behind)?;
        len += behind.len() as u64;
        let header = self.header(len, data_len);
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header)?;
        self.out.flush()?;
        Ok(len)
    }

    fn header(&self, len: u64, data_len: u64) -> Vec<u8> {
        let is_large = len > MOST_PLAIN;
        let short = |len: u64| if is_large { u32::MAX } else { len as u32 };
        let bits = self.format.bits();
        let frame_len = self.channels * (bits / 8);
        let tag: u16 = match self.format {
            SampleFormat::Float32 => 3,
            _ => 1,
        };
        let mut header: Vec<u8> = if is_large { b"RF64" } else { b"RIFF" }.to_vec();
        header.extend(short(len - 8).to_le_bytes());
        // EBU Tech 3306: a chunk to be ignored keeps the room for the long sizes.
        header.extend(if is_large { b"WAVEds64" } else { b"WAVEJUNK" });
        header.extend(28_u32.to_le_bytes());
        if is_large {
            header.extend((len - 8).to_le_bytes());
            header.extend(data_len.to_le_bytes());
            header.extend(self.frames.to_le_bytes());
            header.extend([0; 4]);
        } else {
            header.extend([0; 28]);
        }
        header.extend(b"fmt ");
        header.extend((16 + extension_len(self.channels) as u32).to_le_bytes());
        let extension = extension_len(self.channels);
        header.extend(if extension > 0 { 0xfffe } else { tag }.to_le_bytes());
        header.extend(self.channels.to_le_bytes());
        header.extend(self.rate.to_le_bytes());
        header.extend(self.rate.saturating_mul(u32::from(frame_len)).to_le_bytes());
        header.extend(frame_len.to_le_bytes());
        header.extend(bits.to_le_bytes());
        if extension > 0 {
            header.extend(22_u16.to_le_bytes());
            header.extend(bits.to_le_bytes());
            header.extend(usual_mask(self.channels).to_le_bytes());
            header.extend(tag.to_le_bytes());
            header.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        }
        header.extend(b"data");
        header.extend(short(data_len).to_le_bytes());
        header
    }
}

/// More than two channels need to say which loudspeakers they are for.
const fn extension_len(channels: u16) -> u64 {
    if channels > 2 { 24 } else { 0 }
}

/// The usual loudspeakers of so many channels, as `dwChannelMask`.
const fn usual_mask(channels: u16) -> u32 {
    match channels {
        3 => 0x7,
        4 => 0x33,
        5 => 0x37,
        6 => 0x3f,
        7 => 0x70f,
        _ => 0x63f,
    }
}
