//! A song made by the program itself, for the public demo: nobody else's music, and the same samples everywhere.
//!
//! Three files: a first mix with faults as they happen, the mix with them mended, and another song, mastered, as a reference. It
//! is plain synthesis in one pass over notes: drums, bass, pad, arpeggio and lead, a delay and a room.

mod instruments;
mod room;
mod song;

pub use song::{Faults, Song};

/// Samples a second.
pub const SAMPLE_RATE_HZ: u32 = 44_100;

/// A stereo recording: left and right samples in −1 to 1, which may lie beyond.
#[derive(Debug, Clone, PartialEq)]
pub struct Stereo {
    /// Left.
    pub left: Vec<f32>,
    /// Right, of the same length.
    pub right: Vec<f32>,
}

impl Stereo {
    pub(crate) fn silent(frames: usize) -> Self {
        Self {
            left: vec![0.0; frames],
            right: vec![0.0; frames],
        }
    }

    /// A RIFF WAVE file of 24 bits. What lies beyond full scale is cut there.
    #[must_use]
    pub fn wave(&self) -> Vec<u8> {
        const BYTES: u32 = 3;
        const CHANNELS: u32 = 2;
        // A minute of sound, far below the 4 GiB of the format.
        let data = self.left.len() as u32 * CHANNELS * BYTES;
        let mut file = Vec::with_capacity(44 + data as usize);
        file.extend(b"RIFF");
        file.extend((36 + data).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16_u32.to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend((CHANNELS as u16).to_le_bytes());
        file.extend(SAMPLE_RATE_HZ.to_le_bytes());
        file.extend((SAMPLE_RATE_HZ * CHANNELS * BYTES).to_le_bytes());
        file.extend(((CHANNELS * BYTES) as u16).to_le_bytes());
        file.extend((BYTES as u16 * 8).to_le_bytes());
        file.extend(b"data");
        file.extend(data.to_le_bytes());
        for (left, right) in self.left.iter().zip(&self.right) {
            for sample in [left, right] {
                let value = (sample.clamp(-1.0, 1.0) * 8_388_607.0) as i32;
                file.extend(&value.to_le_bytes()[..3]);
            }
        }
        file
    }
}
