//! Signals and files for tests, the same on every machine: this and other crates measure nothing that is downloaded.
//!
//! A signal is [`Planes`]: one vector of samples per channel. [`wav`] makes a file of it.

#![expect(
    clippy::disallowed_methods,
    reason = "signals of tests may differ in the last bit between platforms"
)]

pub mod corrections;
pub mod ebu;
pub mod faults;

use std::{
    collections::HashMap,
    f64::consts::TAU,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
};

/// One vector of samples per channel, all equally long, ±1 at full scale.
pub type Planes = Vec<Vec<f64>>;

/// How the samples of a WAV file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 16-bit integers.
    Int16,
    /// 24-bit integers.
    Int24,
    /// 32-bit floating point.
    Float32,
    /// 24-bit integers behind a `WAVE_FORMAT_EXTENSIBLE` header with this channel mask.
    Extensible24 {
        /// Which loudspeakers, as `dwChannelMask`.
        mask: u32,
    },
}

/// The music below `folders`, sorted by path. A folder that cannot be read has none.
#[must_use]
pub fn music_files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    folders.iter().for_each(|folder| collect(folder, &mut files));
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| {
            ["ogg", "mp3", "flac", "wav", "opus"]
                .iter()
                .any(|known| extension == *known)
        }) {
            files.push(path);
        }
    }
}

/// Decibels relative to full scale as an amplitude.
#[must_use]
pub fn amplitude(dbfs: f64) -> f64 {
    10_f64.powf(dbfs / 20.0)
}

/// A sine in one channel: `phase` in degrees at the first sample.
#[must_use]
pub fn sine(rate: u32, hz: f64, peak: f64, phase: f64, seconds: f64) -> Vec<f64> {
    let start = phase.to_radians();
    (0..frames(rate, seconds))
        .map(|n| peak * (TAU * hz * n as f64 / f64::from(rate) + start).sin())
        .collect()
}

/// A stereo, in-phase 1 kHz tone with these (peak level in dBFS, seconds), one after the other (EBU Tech 3341).
/// A level of −∞ is silence.
#[must_use]
pub fn tones(rate: u32, segments: &[(f64, f64)]) -> Planes {
    let mut channel = Vec::new();
    for &(dbfs, seconds) in segments {
        let until = channel.len() + frames(rate, seconds);
        let peak = amplitude(dbfs);
        while channel.len() < until {
            channel.push(peak * (TAU * 1_000.0 * channel.len() as f64 / f64::from(rate)).sin());
        }
    }
    vec![channel.clone(), channel]
}

/// A random number generator that repeats itself: SplitMix64.
#[derive(Debug, Clone)]
pub struct Noise {
    state: u64,
    rows: [f64; 16],
    count: u32,
}

impl Noise {
    /// The sequence that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            state: seed,
            rows: [0.0; 16],
            count: 0,
        }
    }

    /// The next number, whatever its bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// White noise, evenly between −1 and 1.
    pub const fn white(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Pink noise (Voss and McCartney: rows that change at halved rates), mostly within ±1.
    pub fn pink(&mut self) -> f64 {
        self.count = self.count.wrapping_add(1);
        let row = (self.count.trailing_zeros() as usize).min(self.rows.len() - 1);
        self.rows[row] = self.white();
        (self.rows.iter().sum::<f64>() + self.white()) / 5.0
    }
}

/// Stereo pink noise; `correlation` is what the channels have in common, 0 to 1.
#[must_use]
pub fn pink_noise(rate: u32, peak: f64, correlation: f64, seconds: f64, seed: u64) -> Planes {
    let (mut common, mut left, mut right) = (
        Noise::new(seed),
        Noise::new(seed ^ 0xa5a5),
        Noise::new(seed ^ 0x5a5a),
    );
    let (shared, own) = (correlation.sqrt(), (1.0 - correlation).sqrt());
    let mut planes = vec![Vec::new(), Vec::new()];
    for _ in 0..frames(rate, seconds) {
        let both = shared * common.pink();
        for (plane, noise) in planes.iter_mut().zip([&mut left, &mut right]) {
            plane.push((peak * (both + own * noise.pink())).clamp(-1.0, 1.0));
        }
    }
    planes
}

/// Puts a part of a channel through two poles at 1 kHz.
pub fn muffle(rate: u32, samples: &mut [f64], part: std::ops::Range<usize>) {
    let pole = 1.0 - (-TAU * 1_000.0 / f64::from(rate)).exp();
    let mut states = [0.0; 2];
    for (n, sample) in samples.iter_mut().enumerate() {
        let mut low = *sample;
        for state in &mut states {
            *state += pole * (low - *state);
            low = *state;
        }
        if part.contains(&n) {
            *sample = low;
        }
    }
}

/// Something like music: bass, chords spread over the stereo image, kick, snare and hi-hat, a quiet verse and a loud
/// chorus. It has transients and level changes, which steady tones lack, and like most music little beyond 20 kHz at
/// any sample rate.
#[must_use]
pub fn music(rate: u32, seconds: f64, seed: u64) -> Planes {
    type Made = HashMap<(u32, u64, u64), Arc<OnceLock<Planes>>>;
    // Once for each program: its sines take longer than most of what is measured of it.
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    let mut all = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = Arc::clone(all.entry((rate, seconds.to_bits(), seed)).or_default());
    drop(all);
    made.get_or_init(|| played(rate, seconds, seed)).clone()
}

fn played(rate: u32, seconds: f64, seed: u64) -> Planes {
    const ROOTS_HZ: [f64; 4] = [110.0, 87.307, 130.813, 97.999];
    const BEAT_S: f64 = 0.5;
    let mut noise = Noise::new(seed);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    // Three poles at 9 kHz, and one at 3 kHz that leaves the hi-hat its bright part.
    let pole = |hz: f64| 1.0 - (-TAU * hz / f64::from(rate)).exp();
    let (mut air, mut body) = ([0.0; 3], 0.0);
    for n in 0..frames(rate, seconds) {
        let t = n as f64 / f64::from(rate);
        let beat = (t / BEAT_S) as usize;
        let within = t % BEAT_S;
        let root = ROOTS_HZ[beat / 4 % 4];
        let level = if (beat / 16).is_multiple_of(2) { 0.35 } else { 1.0 };
        let tone = |hz: f64| (TAU * hz * t).sin();
        let harmonics = |hz: f64| {
            (1..6)
                .map(|h| tone(hz * f64::from(h)) / f64::from(h))
                .sum::<f64>()
        };

        let bass = 0.22 * harmonics(root / 2.0) * (-1.5 * within).exp();
        let kick = 0.5
            * (TAU * (50.0 * within + 6.0 * (1.0 - (-40.0 * within).exp()))).sin()
            * (-9.0 * within).exp();
        // The noise has the same power per hertz at every rate.
        let mut white = noise.white() * (f64::from(rate) / 48_000.0).sqrt();
        for state in &mut air {
            *state += pole(9_000.0) * (white - *state);
            white = *state;
        }
        body += pole(3_000.0) * (white - body);
        let hat = 0.20 * (white - body) * (-60.0 * (t % (BEAT_S / 2.0))).exp();
        let snare = if beat % 2 == 1 {
            0.30 * white * (-18.0 * within).exp()
        } else {
            0.0
        };
        let chord_left = 0.07 * (harmonics(root * 2.0) + harmonics(root * 2.997));
        let chord_right = 0.07 * (harmonics(root * 2.004) + harmonics(root * 2.52));
        let centre = bass + kick + snare;
        left.push((level * (centre + chord_left + 1.2 * hat)).clamp(-0.99, 0.99));
        right.push((level * (centre + chord_right + 0.8 * hat)).clamp(-0.99, 0.99));
    }
    vec![left, right]
}

/// `seconds` of nothing, in stereo.
#[must_use]
pub fn silence(rate: u32, seconds: f64) -> Planes {
    vec![vec![0.0; frames(rate, seconds)]; 2]
}

/// `planes` as a WAV file. Integers are rounded without dither, and clipped at full scale.
#[must_use]
pub fn wav(rate: u32, planes: &[Vec<f64>], encoding: Encoding) -> Vec<u8> {
    let channels = planes.len() as u16;
    let (tag, bits, mask): (u16, u16, Option<u32>) = match encoding {
        Encoding::Int16 => (1, 16, None),
        Encoding::Int24 => (1, 24, None),
        Encoding::Float32 => (3, 32, None),
        Encoding::Extensible24 { mask } => (0xfffe, 24, Some(mask)),
    };
    let frame_len = u32::from(channels) * u32::from(bits / 8);
    let frames = planes.first().map_or(0, Vec::len);
    let data_len = frame_len * frames as u32;
    let format_len: u32 = if mask.is_some() { 40 } else { 16 };

    let mut bytes = Vec::with_capacity(data_len as usize + 68);
    bytes.extend(b"RIFF");
    bytes.extend((4 + 8 + format_len + 8 + data_len + (data_len & 1)).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(format_len.to_le_bytes());
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * frame_len).to_le_bytes());
    bytes.extend((frame_len as u16).to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    if let Some(mask) = mask {
        bytes.extend(22_u16.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(mask.to_le_bytes());
        bytes.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    }
    bytes.extend(b"data");
    bytes.extend(data_len.to_le_bytes());
    for frame in 0..frames {
        for plane in planes {
            let sample = plane[frame];
            let integer =
                |full_scale: f64| (sample * full_scale).round().clamp(-full_scale, full_scale - 1.0) as i32;
            match encoding {
                Encoding::Int16 => bytes.extend((integer(32_768.0) as i16).to_le_bytes()),
                Encoding::Int24 | Encoding::Extensible24 { .. } => {
                    bytes.extend(&integer(8_388_608.0).to_le_bytes()[..3]);
                }
                Encoding::Float32 => bytes.extend((sample as f32).to_le_bytes()),
            }
        }
    }
    if data_len & 1 == 1 {
        bytes.push(0);
    }
    bytes
}

/// Files as people upload them by mistake, each with a name that says what is wrong.
pub mod broken {
    use super::{Encoding, music, silence, tones, wav};

    /// 0 bytes.
    #[must_use]
    pub fn empty() -> Vec<u8> {
        Vec::new()
    }

    /// Text that was renamed to `.wav`.
    #[must_use]
    pub fn text() -> Vec<u8> {
        b"Verse 1\nThis was a lyrics sheet before somebody renamed it.\n".repeat(40)
    }

    /// Ten seconds of music, cut off after `share` (0 to 1) of the file.
    #[must_use]
    pub fn truncated(share: f64) -> Vec<u8> {
        let mut bytes = wav(44_100, &music(44_100, 10.0, 1), Encoding::Int16);
        bytes.truncate((bytes.len() as f64 * share) as usize);
        bytes
    }

    /// A header, and no samples behind it.
    #[must_use]
    pub fn header_only() -> Vec<u8> {
        let mut bytes = wav(44_100, &music(44_100, 10.0, 1), Encoding::Int16);
        bytes.truncate(44);
        bytes
    }

    /// Five seconds of digital silence.
    #[must_use]
    pub fn silent() -> Vec<u8> {
        wav(44_100, &silence(44_100, 5.0), Encoding::Int16)
    }

    /// A third of a second of a tone.
    #[must_use]
    pub fn too_short() -> Vec<u8> {
        wav(44_100, &tones(44_100, &[(-18.0, 0.34)]), Encoding::Int16)
    }

    /// Five seconds of music in a RIFF chunk that says it is 1000 bytes long.
    #[must_use]
    pub fn lying_header() -> Vec<u8> {
        let mut bytes = wav(44_100, &music(44_100, 5.0, 1), Encoding::Int16);
        bytes[4..8].copy_from_slice(&1_000_u32.to_le_bytes());
        bytes
    }

    /// The same from a recorder that lost power: both sizes are still 0.
    #[must_use]
    pub fn unfinished_header() -> Vec<u8> {
        let mut bytes = lying_header();
        bytes[4..8].fill(0);
        bytes[40..44].fill(0);
        bytes
    }

    /// The same as RF64, with the size in a chunk of its own and tags behind the audio that are no sound.
    #[must_use]
    pub fn rf64() -> Vec<u8> {
        let plain = lying_header();
        let mut bytes = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
        bytes.extend((plain.len() as u64 + 28).to_le_bytes());
        bytes.extend((plain.len() as u64 - 44).to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend(&plain[12..40]);
        bytes.extend([0xff; 4]);
        bytes.extend(&plain[44..]);
        bytes.extend(b"LIST\x00\x10\0\0");
        bytes.extend([0x7f; 4_096]);
        bytes
    }

    /// A sample rate of 1 MHz.
    #[must_use]
    pub fn impossible_rate() -> Vec<u8> {
        let mut bytes = wav(44_100, &tones(44_100, &[(-18.0, 4.0)]), Encoding::Int16);
        bytes[24..28].copy_from_slice(&1_000_000_u32.to_le_bytes());
        bytes
    }

    /// Nine channels.
    #[must_use]
    pub fn nine_channels() -> Vec<u8> {
        wav(8_000, &vec![vec![0.1; 8_000 * 4]; 9], Encoding::Int16)
    }

    /// A WavPack file with the RIFF header that it carries inside, which is what misleads decoders.
    #[must_use]
    pub fn wavpack() -> Vec<u8> {
        let mut bytes = b"wvpk\x34\x12\0\0\x10\x04\0\0".to_vec();
        bytes.extend([0; 22]);
        bytes.extend(wav(44_100, &music(44_100, 4.0, 1), Encoding::Int16));
        bytes
    }
}

fn frames(rate: u32, seconds: f64) -> usize {
    (f64::from(rate) * seconds).round() as usize
}
