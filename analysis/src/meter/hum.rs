//! Mains hum: tones at multiples of 50 or 60 Hz that stand out in every part of the file, the quiet ones included.

use model::report::Hum;

use super::bands::Band;
use super::series::LevelCounts;
use super::stft::Stft;
use crate::dsp::{db_to_power, power_db};

/// Samples per window, 2 to 4 s at the low rate: a third of a hertz apart, so that a bass note is no hum.
const WINDOW: usize = 4_096;
/// Harmonics that are looked at.
const HARMONICS: u8 = 6;
const MAINS_HZ: [f64; 2] = [50.0, 60.0];
/// A tone reaches this far, and its surroundings lie between these distances.
const TONE_HZ: f64 = 1.0;
const AROUND_HZ: (f64, f64) = (3.0, 8.0);
/// A tone stands out where its density is this far above that of its surroundings, nine tenths of the time.
const STANDS_OUT_DB: f64 = 12.0;
/// Nothing below this is reported.
const FAINTEST_DB: f64 = -100.0;
/// What happens in all but a tenth of the windows.
const SHARE: f64 = 0.1;

pub(super) struct HumMeter {
    stft: Stft,
    waiting: Vec<Vec<f32>>,
    tones: Vec<Tone>,
}

struct Tone {
    mains_hz: f64,
    harmonic: u8,
    tone: Band,
    around: [Band; 2],
    level: LevelCounts,
    excess: LevelCounts,
}

impl HumMeter {
    pub(super) fn new(rate: f64, channels: usize) -> Self {
        let stft = Stft::new(WINDOW, &vec![1.0; channels]);
        let (bins, bin_hz) = (stft.bins(), rate / WINDOW as f64);
        let tones = MAINS_HZ
            .into_iter()
            .flat_map(|mains_hz| (1..=HARMONICS).map(move |harmonic| (mains_hz, harmonic)))
            .map(|(mains_hz, harmonic)| {
                let hz = mains_hz * f64::from(harmonic);
                Tone {
                    mains_hz,
                    harmonic,
                    tone: Band::new(hz - TONE_HZ, hz + TONE_HZ, bin_hz, bins),
                    around: [
                        Band::new(hz - AROUND_HZ.1, hz - AROUND_HZ.0, bin_hz, bins),
                        Band::new(hz + AROUND_HZ.0, hz + AROUND_HZ.1, bin_hz, bins),
                    ],
                    level: LevelCounts::new(),
                    excess: LevelCounts::new(),
                }
            })
            .collect();
        Self {
            waiting: vec![Vec::new(); channels],
            stft,
            tones,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend_from_slice(plane);
        }
        while self.waiting.iter().all(|waiting| waiting.len() >= WINDOW) {
            self.stft.transform(&self.waiting, 0);
            for waiting in &mut self.waiting {
                waiting.drain(..WINDOW / 2);
            }
            let power = &self.stft.power;
            for tone in &mut self.tones {
                let level = f64::from(tone.tone.sum(power));
                let around: f32 = tone.around.iter().map(|band| band.sum(power)).sum();
                if level > 0.0 {
                    let widths = 2.0 * TONE_HZ / (2.0 * (AROUND_HZ.1 - AROUND_HZ.0));
                    tone.level.add(power_db(level / 0.5));
                    tone.excess.add(power_db(level / (f64::from(around) * widths)));
                }
            }
        }
    }

    /// The hum, if the mains frequency itself or two of its multiples stand out.
    pub(super) fn finish(&self) -> Option<Hum> {
        MAINS_HZ
            .into_iter()
            .filter_map(|mains_hz| self.at(mains_hz))
            .max_by(|a, b| {
                let more = a.harmonics.len().cmp(&b.harmonics.len());
                more.then(a.level_db.total_cmp(&b.level_db))
            })
    }

    fn at(&self, mains_hz: f64) -> Option<Hum> {
        let mut harmonics = Vec::new();
        let mut power = 0.0;
        for tone in self.tones.iter().filter(|tone| tone.mains_hz == mains_hz) {
            let (Some(level), Some(excess)) = (tone.level.quantile(SHARE), tone.excess.quantile(SHARE))
            else {
                continue;
            };
            if excess >= STANDS_OUT_DB && level >= FAINTEST_DB {
                harmonics.push(tone.harmonic);
                power += db_to_power(level);
            }
        }
        (harmonics.contains(&1) || harmonics.len() > 1).then(|| Hum {
            mains_hz,
            level_db: (100.0 * power_db(power)).round() / 100.0,
            harmonics,
        })
    }
}
