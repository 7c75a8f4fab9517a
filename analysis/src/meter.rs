//! All measurements of one file in one pass, at the file's own rate.
//!
//! A new meter is a module here, a line in one of the two groups below, and its place in `report::assemble`.
//!
//! Samples are regrouped into blocks that stay in the cache while every meter reads them. The blocks depend neither on
//! how the decoder cut its packets nor on the number of threads, so equal audio gives equal figures to the last bit.

mod band_stats;
mod bands;
mod bursts;
mod clicks;
mod clipping;
mod coarse;
mod comb;
mod delays;
mod dropouts;
mod dynamics;
mod gain_steps;
mod integrity;
pub(crate) mod interpolator;
mod k_weighting;
mod levels;
mod lines;
mod local;
mod loudness;
mod low_end;
mod mains;
mod noise;
mod opposites;
mod output;
mod passages;
mod passing_tones;
mod predictor;
mod pumping;
mod report;
mod seconds;
mod sections;
mod series;
mod spectrum;
mod steps;
mod stereo;
mod stft;
mod stutters;
mod tone;
mod true_peak;
mod vectors;
mod waveform;
mod windows;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use model::report::{Detail, Dynamics, Loudness, Peaks, Spectrum, Stereo, Waveform};

pub use k_weighting::KWeighting;
pub(crate) use output::{BlockMeter, OutputLevels, OutputMeter};
pub(crate) use tone::tilt;

use clipping::ClipMeter;
use delays::DelayMeter;
use integrity::IntegrityMeter;
use levels::LevelMeter;
use lines::LineMeter;
use local::LocalMeter;
use loudness::LoudnessMeter;
use low_end::LowEndMeter;
use spectrum::SpectrumMeter;
use true_peak::TruePeakMeter;
use waveform::WaveformMeter;

use crate::limits::MAX_CHANNELS;

/// Samples per channel that are measured at a time: two channels of them fit into a second-level cache several times.
const BLOCK: usize = 8192;
/// Blocks that may wait for a meter on a thread of its own.
const QUEUE: usize = 8;

/// The largest sample that is believed, 120 dB over full scale. Beyond it, as with NaN and infinity, a floating-point
/// file is damaged, and the squares of its samples would overflow.
const LARGEST_SAMPLE: f32 = 1e6;

/// Everything that is measured of the samples.
#[derive(Debug, Clone, PartialEq)]
pub struct MeterReadings {
    /// Loudness by BS.1770-5 and Tech 3341, 3342.
    pub loudness: Loudness,
    /// Sample peak and true peak.
    pub peaks: Peaks,
    /// Peak-to-average measures.
    pub dynamics: Dynamics,
    /// The averaged spectrum.
    pub spectrum: Spectrum,
    /// How left and right relate.
    pub stereo: Stereo,
    /// The outline.
    pub waveform: Waveform,
    /// Everything else.
    pub detail: Detail,
}

impl MeterReadings {
    /// Whether no block was above the absolute gate of −70 LUFS.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.loudness.integrated_lufs.value().is_none()
    }
}

/// What the meters must know of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct MeterInput {
    /// Samples per second and channel.
    pub rate: u32,
    /// The weight of each channel by BS.1770-5, in the order of the file; a single channel counts as played on two
    /// loudspeakers.
    pub weights: Vec<f64>,
    /// Bits per sample, where samples are integers as they were stored (not lossy, not floating point).
    pub integer_bits: Option<u16>,
}

/// Samples of all channels, equally many.
type Block = Vec<Vec<f32>>;

/// Takes samples, gives [`MeterReadings`].
pub struct Meter {
    rate: u32,
    block: Block,
    filled: usize,
    meters: Meters,
}

enum Meters {
    Inline(Box<(TimeDomainMeters, SpectralMeters)>),
    Threads(Worker<TimeDomainMeters>, Worker<SpectralMeters>),
}

impl Meter {
    /// Meters for `input`. With more than one of `threads`, they run beside the caller on two threads of their own.
    #[must_use]
    pub fn new(input: &MeterInput, threads: usize) -> Self {
        let (time_domain, spectral) = (TimeDomainMeters::new(input), SpectralMeters::new(input));
        Self {
            rate: input.rate,
            block: vec![vec![0.0; BLOCK]; input.weights.len().min(MAX_CHANNELS)],
            filled: 0,
            meters: if threads > 1 {
                Meters::Threads(Worker::start(time_domain), Worker::start(spectral))
            } else {
                Meters::Inline(Box::new((time_domain, spectral)))
            },
        }
    }

    /// Measures on. All planes are equally long, and there is one per weight; what is missing counts as silence.
    pub fn push(&mut self, planes: &[Vec<f32>]) {
        let frames = planes.first().map_or(0, Vec::len);
        let mut taken = 0;
        while taken < frames {
            let count = (BLOCK - self.filled).min(frames - taken);
            for (channel, block) in self.block.iter_mut().enumerate() {
                let target = &mut block[self.filled..self.filled + count];
                match planes
                    .get(channel)
                    .and_then(|plane| plane.get(taken..taken + count))
                {
                    Some(new) => {
                        for (target, &sample) in target.iter_mut().zip(new) {
                            *target = believable(sample);
                        }
                    }
                    None => target.fill(0.0),
                }
            }
            self.filled += count;
            taken += count;
            if self.filled == BLOCK {
                self.measure_block();
            }
        }
    }

    fn measure_block(&mut self) {
        let filled = std::mem::take(&mut self.filled);
        match &mut self.meters {
            Meters::Inline(meters) => {
                let planes: Vec<&[f32]> = self.block.iter().map(|plane| &plane[..filled]).collect();
                meters.0.push(&planes);
                meters.1.push(&planes);
            }
            Meters::Threads(time_domain, spectral) => {
                let block: Block = self.block.iter().map(|plane| plane[..filled].to_vec()).collect();
                let block = Arc::new(block);
                time_domain.push(Arc::clone(&block));
                spectral.push(block);
            }
        }
    }

    /// The figures over everything that was pushed.
    #[must_use]
    pub fn finish(mut self) -> MeterReadings {
        if self.filled > 0 {
            self.measure_block();
        }
        let (time_domain, spectral) = match self.meters {
            Meters::Inline(meters) => *meters,
            Meters::Threads(time_domain, spectral) => (time_domain.finish(), spectral.finish()),
        };
        report::assemble(self.rate, time_domain, spectral)
    }
}

/// Meters that run one after the other on the same thread.
trait MeterGroup: Send + 'static {
    fn push(&mut self, planes: &[&[f32]]);
}

/// A group of meters. Each is named once, with how it is made of the [`MeterInput`].
macro_rules! meter_group {
    ($(#[$doc:meta])* $group:ident($input:ident) { $($name:ident: $meter:ty = $new:expr,)+ }) => {
        $(#[$doc])*
        struct $group {
            $($name: $meter,)+
        }

        impl $group {
            fn new($input: &MeterInput) -> Self {
                Self { $($name: $new,)+ }
            }
        }

        impl MeterGroup for $group {
            fn push(&mut self, planes: &[&[f32]]) {
                $(self.$name.push(planes);)+
            }
        }
    };
}

meter_group! {
    /// Meters of the waveform.
    TimeDomainMeters(input) {
        loudness: LoudnessMeter = LoudnessMeter::new(input.rate, &input.weights),
        levels: LevelMeter = LevelMeter::new(input.rate, input.weights.len()),
        true_peak: TruePeakMeter = TruePeakMeter::new(input.rate, input.weights.len()),
        clipping: ClipMeter = ClipMeter::new(input.rate, input.weights.len(), input.integer_bits),
        integrity: IntegrityMeter = IntegrityMeter::new(input.rate, input.weights.len(), input.integer_bits),
        local: LocalMeter = LocalMeter::new(input.rate, input.weights.len()),
        waveform: WaveformMeter = WaveformMeter::new(input.rate),
    }
}

meter_group! {
    /// Meters of the spectrum.
    SpectralMeters(input) {
        spectrum: SpectrumMeter = SpectrumMeter::new(input.rate, &input.weights),
        low_end: LowEndMeter = LowEndMeter::new(input.rate, input.weights.len()),
        lines: LineMeter = spectrum::lines(input.rate, input.weights.len()),
        delays: DelayMeter = DelayMeter::new(input.rate),
    }
}

/// A group of meters on a thread of its own, which ends when this is dropped.
struct Worker<G> {
    blocks: SyncSender<Arc<Block>>,
    thread: JoinHandle<G>,
}

impl<G: MeterGroup> Worker<G> {
    fn start(mut group: G) -> Self {
        let (blocks, received) = sync_channel::<Arc<Block>>(QUEUE);
        let thread = std::thread::spawn(move || {
            for block in received {
                let planes: Vec<&[f32]> = block.iter().map(Vec::as_slice).collect();
                group.push(&planes);
            }
            group
        });
        Self { blocks, thread }
    }

    fn push(&self, block: Arc<Block>) {
        // It fails only if the thread has panicked, and `finish` passes that on.
        let _ = self.blocks.send(block);
    }

    fn finish(self) -> G {
        drop(self.blocks);
        match self.thread.join() {
            Ok(group) => group,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The sample, or silence where it is no number; a damaged file may hold anything.
pub(crate) fn believable(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-LARGEST_SAMPLE, LARGEST_SAMPLE)
    } else {
        0.0
    }
}

/// The centre of band `n` of those of 1/`per_octave` octave, in hertz, to 0.1.
fn centre_hz(n: i32, per_octave: i32) -> f64 {
    (10_000.0 * libm::exp2(f64::from(n) / f64::from(per_octave))).round() / 10.0
}
