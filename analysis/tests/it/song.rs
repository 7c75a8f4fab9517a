//! A song without faults, made of noise in the shape of the corridor, and the ways to spoil it.

use std::collections::BTreeMap;
use std::f64::consts::{PI, TAU};
use std::sync::{Arc, Mutex, OnceLock};

use analysis::rules::bounds_db;
use analysis::testkit::{Encoding, Noise, Planes, amplitude, wav};
use model::Report;
use rustfft::{Fft, FftPlanner, num_complex::Complex};

pub(super) const RATE: u32 = 48_000;

/// A hump (or dip) in the spectrum.
#[derive(Clone, Copy)]
pub(super) struct Hump {
    pub(super) hz: f64,
    /// Where it is half as high, in octaves on either side.
    pub(super) octaves: f64,
    pub(super) db: f64,
}

/// How level changes with time, in dB.
type Level = Box<dyn Fn(f64) -> f64>;
/// What is done to a song before it is made.
pub(super) type Change = fn(&mut Song);
/// What is done to the samples at the end.
type Finish = Box<dyn Fn(&mut Planes)>;

pub(super) struct Song {
    pub(super) seconds: f64,
    pub(super) gain_db: f64,
    /// Added to the shape, in dB per octave around 1 kHz.
    pub(super) tilt_db: f64,
    pub(super) humps: Vec<Hump>,
    /// Nothing above.
    pub(super) end_hz: f64,
    /// Side over mid, above and below 150 Hz.
    pub(super) side_db: f64,
    pub(super) low_side_db: f64,
    pub(super) side_humps: Vec<Hump>,
    pub(super) level: Level,
    pub(super) finish: Vec<Finish>,
    pub(super) encoding: Encoding,
}

impl Default for Song {
    fn default() -> Self {
        Self {
            seconds: 10.0,
            gain_db: 0.0,
            tilt_db: 0.0,
            humps: Vec::new(),
            end_hz: 22_000.0,
            side_db: -8.0,
            low_side_db: -20.0,
            side_humps: Vec::new(),
            // Beats that die away, so that nothing is as steady as noise.
            level: Box::new(beats),
            finish: Vec::new(),
            encoding: Encoding::Int24,
        }
    }
}

/// 120 beats per minute, 18 dB deep, with an attack that is soft enough to leave no click in the highs.
pub(super) fn beats(time_s: f64) -> f64 {
    const ATTACK_S: f64 = 0.02;
    let within = time_s % 0.5;
    if within < ATTACK_S {
        -9.0 * (1.0 + (PI * within / ATTACK_S).cos())
    } else {
        -18.0 * (within - ATTACK_S) / (0.5 - ATTACK_S)
    }
}

impl Song {
    pub(super) fn hump(&mut self, hz: f64, octaves: f64, db: f64) {
        self.humps.push(Hump { hz, octaves, db });
    }

    /// Another level over time, on top of the beats.
    pub(super) fn levels(&mut self, level: impl Fn(f64) -> f64 + 'static) {
        self.level = Box::new(move |time_s| beats(time_s) + level(time_s));
    }

    /// What is done to the samples at the end.
    pub(super) fn then(&mut self, change: impl Fn(&mut Planes) + 'static) {
        self.finish.push(Box::new(change));
    }

    /// Drives a soft clipper by `gain_db` and holds its output at `ceiling_db`.
    pub(super) fn limit_to(&mut self, ceiling_db: f64, gain_db: f64) {
        self.gain_db += gain_db;
        self.then(move |planes| {
            let ceiling = amplitude(ceiling_db);
            for x in planes.iter_mut().flatten() {
                *x = ceiling * (*x / ceiling).tanh();
            }
        });
    }

    pub(super) fn planes(&self) -> Planes {
        let frames = (self.seconds * f64::from(RATE)) as usize;
        let mid = noise(frames, 11, |bin| self.shape(bin));
        let side = noise(frames, 12, |bin| {
            let width = if bin.hz < 150.0 {
                self.low_side_db
            } else {
                self.side_db
            };
            self.shape(bin) + width + sum(&self.side_humps, bin.hz)
        });
        let mut planes = vec![Vec::with_capacity(frames), Vec::with_capacity(frames)];
        // The noise has a level of 0 dB; −14 LUFS or so with the beats.
        for (n, (mid, side)) in mid.iter().zip(&side).enumerate() {
            let gain = amplitude(-12.0 + self.gain_db + (self.level)(n as f64 / f64::from(RATE)));
            planes[0].push(gain * (mid + side));
            planes[1].push(gain * (mid - side));
        }
        // The end dies away, as songs do.
        let fade = RATE as usize * 2;
        for plane in &mut planes {
            for n in 0..fade {
                plane[frames - 1 - n] *= (n as f64 / fade as f64).powi(3);
            }
        }
        for change in &self.finish {
            change(&mut planes);
        }
        planes
    }

    /// Level of a 1/3-octave band, in dB.
    fn shape(&self, bin: &Bin) -> f64 {
        if bin.hz > self.end_hz || bin.hz < LOWEST_HZ {
            return SILENT_DB;
        }
        let tilt = if self.tilt_db == 0.0 {
            0.0
        } else {
            self.tilt_db * (bin.hz / 1_000.0).log2()
        };
        bin.level_db + tilt + sum(&self.humps, bin.hz)
    }
}

const LOWEST_HZ: f64 = 18.0;
const SILENT_DB: f64 = -200.0;

/// What noise is made of at one frequency.
struct Bin {
    hz: f64,
    /// Of the corridor's middle, in a 1/3-octave band.
    level_db: f64,
    /// A band is wider the higher it is; its power spreads over more bins.
    width: f64,
    phase: Complex<f64>,
}

impl Bin {
    fn at(hz: f64, random: &mut Noise) -> Self {
        let middle = |hz: f64| bounds_db(hz).map(|(low, high)| (low + high) / 2.0);
        // Steep below, and on in a straight line above the corridor.
        let level_db = if hz < 40.0 {
            middle(40.0).unwrap() - 36.0 * (40.0 / hz).log2()
        } else {
            middle(hz.min(16_000.0)).unwrap()
        };
        Self {
            hz,
            level_db,
            width: hz.sqrt(),
            phase: Complex::cis(TAU * random.white()),
        }
    }

    fn amplitude(&self, level_db: f64) -> f64 {
        amplitude(level_db) / self.width
    }
}

/// What all noise of one length and seed is made of, whatever its shape.
struct Noises {
    /// Those of the transform but for the first.
    bins: Vec<Bin>,
    /// Of an unspoilt song over all of them.
    power: f64,
    transform: Arc<dyn Fft<f64>>,
}

impl Noises {
    /// Made once: it takes longer than to measure a song.
    fn of(size: usize, seed: u64) -> Arc<Self> {
        static KNOWN: Mutex<BTreeMap<(usize, u64), Arc<Noises>>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap();
        let noises = known
            .entry((size, seed))
            .or_insert_with(|| Arc::new(Self::made(size, seed)));
        Arc::clone(noises)
    }

    fn made(size: usize, seed: u64) -> Self {
        let mut random = Noise::new(seed);
        let hz = |bin: usize| bin as f64 * f64::from(RATE) / size as f64;
        let bins: Vec<_> = (1..size / 2).map(|bin| Bin::at(hz(bin), &mut random)).collect();
        let unspoilt = Song::default();
        let levels = bins.iter().map(|bin| bin.amplitude(unspoilt.shape(bin)));
        let power = levels.fold(0.0, |power, level| power + 2.0 * level.powi(2));
        Self {
            bins,
            power,
            transform: FftPlanner::new().plan_fft_inverse(size),
        }
    }
}

fn sum(humps: &[Hump], hz: f64) -> f64 {
    humps
        .iter()
        .map(|hump| hump.db * 0.5_f64.powf(((hz / hump.hz).log2() / hump.octaves).powi(2)))
        .sum()
}

/// A song, spoilt by `change`, measured.
pub(super) fn song(change: impl FnOnce(&mut Song)) -> Report {
    let mut song = Song::default();
    change(&mut song);
    crate::report_of(wav(RATE, &song.planes(), song.encoding))
}

/// The song without faults, measured once for all tests.
pub(super) fn unspoilt() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| song(|_| {}))
}

/// Several songs one after the other, each at −16 LUFS and then changed by so many dB.
pub(super) fn parts(parts: &[(Change, f64)]) -> Report {
    let mut all: Planes = vec![Vec::new(), Vec::new()];
    for (change, db) in parts {
        let mut song = Song::default();
        change(&mut song);
        let planes = song.planes();
        let lufs = crate::measured(RATE, &planes)
            .loudness
            .integrated_lufs
            .value()
            .unwrap();
        for (all, plane) in all.iter_mut().zip(planes) {
            all.extend(plane.iter().map(|x| x * amplitude(-16.0 - lufs + db)));
        }
    }
    crate::report_of(wav(RATE, &all, Encoding::Int24))
}

/// Gaussian noise whose 1/3-octave bands have the levels of `shape`, in dB, in units that give noise in the shape of an
/// unspoilt song a mean power of 1: a hump changes the level as an equaliser would.
fn noise(frames: usize, seed: u64, shape: impl Fn(&Bin) -> f64) -> Vec<f64> {
    let size = frames.next_power_of_two();
    let noises = Noises::of(size, seed);
    let mut spectrum = vec![Complex::new(0.0, 0.0); size];
    for (at, bin) in (1..).zip(&noises.bins) {
        spectrum[at] = bin.phase.scale(bin.amplitude(shape(bin)));
        spectrum[size - at] = spectrum[at].conj();
    }
    noises.transform.process(&mut spectrum);
    let level = noises.power.sqrt();
    spectrum[..frames].iter().map(|x| x.re / level).collect()
}
