//! All measures of one file in one pass, at the file's own rate.
//!
//! Samples are regrouped into blocks that stay in the cache while every meter reads them. The blocks do not depend on
//! how the decoder cut its packets, so equal audio gives equal figures to the last bit.

mod k_weighting;
mod loudness;
mod spectrum;
mod stereo;
mod true_peak;
mod waveform;

use model::Reading;
use model::report::{Absent, At, Dynamics, Loudness, Peaks, Spectrum, Stereo, Waveform};

pub use k_weighting::{Biquad, KWeighting};

use loudness::LoudnessMeter;
use spectrum::SpectrumMeter;
use stereo::StereoMeter;
use true_peak::TruePeakMeter;
use waveform::WaveformMeter;

/// Samples per channel that are measured at a time: eight channels of them fit into a second-level cache.
const BLOCK: usize = 4096;

/// The largest sample that is believed, 120 dB over full scale. Beyond it (and where it is NaN or infinite) a floating
/// point file is damaged, and the squares of what it holds would soon be infinite too.
const LARGEST_SAMPLE: f32 = 1e6;

/// Everything that is measured of the samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
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
}

impl Measured {
    /// Whether no block was above the absolute gate of −70 LUFS.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.loudness.integrated_lufs.value().is_none()
    }
}

/// Takes samples, gives [`Measured`].
pub struct Meter {
    rate: u32,
    block: Vec<Vec<f32>>,
    filled: usize,
    loudness: LoudnessMeter,
    true_peak: TruePeakMeter,
    spectrum: SpectrumMeter,
    stereo: Option<StereoMeter>,
    waveform: WaveformMeter,
    sample_peak: f32,
    squares: f64,
    samples: u64,
}

impl Meter {
    /// A meter for `weights.len()` channels at `rate` samples per second. `weights` are those of BS.1770-5, in the
    /// order of the channels; a single channel counts as played on two loudspeakers.
    #[must_use]
    pub fn new(rate: u32, weights: &[f64]) -> Self {
        let channels = weights.len();
        Self {
            rate,
            block: vec![vec![0.0; BLOCK]; channels],
            filled: 0,
            loudness: LoudnessMeter::new(rate, weights),
            true_peak: TruePeakMeter::new(channels),
            spectrum: SpectrumMeter::new(rate, channels),
            stereo: (channels == 2).then(StereoMeter::default),
            waveform: WaveformMeter::new(rate),
            sample_peak: 0.0,
            squares: 0.0,
            samples: 0,
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
        let mut planes: [&[f32]; crate::decode::MAX_CHANNELS] = Default::default();
        for (plane, block) in planes.iter_mut().zip(&self.block) {
            *plane = &block[..self.filled];
        }
        let planes = &planes[..self.block.len().min(crate::decode::MAX_CHANNELS)];

        for plane in planes {
            let (peak, squares) = peak_and_squares(plane);
            self.sample_peak = self.sample_peak.max(peak);
            self.squares += squares;
        }
        self.samples += (self.filled * planes.len()) as u64;
        self.loudness.push(planes);
        self.true_peak.push(planes);
        self.spectrum.push(planes);
        if let (Some(stereo), [left, right]) = (&mut self.stereo, planes) {
            stereo.push(left, right);
        }
        self.waveform.push(planes);
        self.filled = 0;
    }

    /// The figures over everything that was pushed.
    #[must_use]
    pub fn finish(mut self) -> Measured {
        if self.filled > 0 {
            self.measure_block();
        }
        let (loudness, mono_change_lu) = self.loudness.finish();
        // The interpolated waveform runs through the samples, so it is never below them.
        let (true_peak, at) = self.true_peak.finish();
        let sample_peak_dbfs = Reading::or(decibels(f64::from(self.sample_peak)), Absent::Silent);
        let true_peak_dbtp = Reading::or(decibels(f64::from(true_peak)), Absent::Silent);
        let rms_db = 10.0 * (self.squares / self.samples.max(1) as f64).log10();
        let dynamics = Dynamics {
            crest_db: sample_peak_dbfs
                .value()
                .map_or(Reading::absent(Absent::Silent), |peak| Reading::of(peak - rms_db)),
            plr_lu: match (true_peak_dbtp.value(), loudness.integrated_lufs.value()) {
                (Some(peak), Some(integrated)) => Reading::of(peak - integrated),
                _ => Reading::absent(Absent::Silent),
            },
        };
        let peaks = Peaks {
            sample_peak_dbfs,
            true_peak_dbtp,
            true_peak_at: at.map(|at| At {
                time_s: at.frame / f64::from(self.rate),
                channel: at.channel,
            }),
        };
        let stereo = match self.stereo {
            Some(stereo) => stereo.finish(mono_change_lu),
            None => stereo::not_stereo(),
        };
        Measured {
            loudness,
            peaks,
            dynamics,
            spectrum: self.spectrum.finish(),
            stereo,
            waveform: self.waveform.finish(),
        }
    }
}

fn believable(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-LARGEST_SAMPLE, LARGEST_SAMPLE)
    } else {
        0.0
    }
}

/// Amplitude to decibels.
fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// The largest absolute value and the sum of squares. Eight sums side by side, so that the compiler can use vectors.
fn peak_and_squares(plane: &[f32]) -> (f32, f64) {
    const LANES: usize = 8;
    let (mut peaks, mut sums) = ([0.0_f32; LANES], [0.0_f64; LANES]);
    let (chunks, rest) = plane.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            peaks[lane] = peaks[lane].max(chunk[lane].abs());
            sums[lane] += f64::from(chunk[lane]) * f64::from(chunk[lane]);
        }
    }
    let peak = peaks
        .iter()
        .copied()
        .chain(rest.iter().map(|sample| sample.abs()))
        .fold(0.0, f32::max);
    let rest: f64 = rest
        .iter()
        .map(|&sample| f64::from(sample) * f64::from(sample))
        .sum();
    (peak, sums.iter().sum::<f64>() + rest)
}
