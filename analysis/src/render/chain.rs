//! Steps as a chain of processors on a stream, with their latencies made up for.

use super::delay::Delay;
use super::design::{high_pass, notch};
use super::equaliser::Filter;
use super::levels::{ChannelGains, Offset, Polarity, Width};
use super::limiter::{Limiter, Reduction};
use super::low_mono::LowMono;
use super::recipe::{Passage, Step};
use super::repair::Repair;
use crate::dsp::{Biquad, db_to_amplitude};

/// Samples of all channels, equally many, ±1 at full scale.
pub(super) type Planes = Vec<Vec<f64>>;

/// The ends of a trimmed file fade over so long, in seconds.
const TRIM_FADE_S: f64 = 0.005;

/// What processors must know of the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// Samples per second and channel.
    pub(super) rate: f64,
    /// Channels.
    pub(super) channels: usize,
    /// By how many frames the stream is late here, because of the processors before.
    pub(super) late: usize,
}

impl Setting {
    /// The frame at `seconds` of the file, counted in the stream as it arrives here.
    pub(super) fn frame(&self, seconds: f64) -> u64 {
        (seconds * self.rate).round() as u64 + self.late as u64
    }
}

/// Changes samples in place. How the stream is cut into blocks changes nothing.
pub(super) trait Processor: Send {
    /// By how many frames the output is later than the input.
    fn latency(&self) -> usize {
        0
    }

    /// Processes on. All planes are equally long.
    fn process(&mut self, planes: &mut [Vec<f64>]);

    /// What a limiter has taken off so far.
    fn reduction(&self) -> Option<Reduction> {
        None
    }
}

/// `samples` through `processor` in blocks of `block`, sample by sample beside what went in.
#[cfg(test)]
pub(super) fn processed(processor: &mut dyn Processor, samples: &[f64], block: usize) -> Vec<f64> {
    let late = processor.latency();
    let mut padded = samples.to_vec();
    padded.resize(samples.len() + late, 0.0);
    let mut out = Vec::new();
    for block in padded.chunks(block) {
        let mut planes = vec![block.to_vec()];
        processor.process(&mut planes);
        out.extend(planes.remove(0));
    }
    out.split_off(late)
}

/// The processors of a recipe. What comes out has the times of what went in.
pub(super) struct Chain {
    processors: Vec<Box<dyn Processor>>,
    channels: usize,
    latency: usize,
    /// Frames still to be dropped at the start.
    late: usize,
    trim: Option<Trim>,
}

impl Chain {
    /// The chain of `steps` for a stream of this rate and so many channels. Steps for a pair are left out of other files.
    pub(super) fn new(steps: &[Step], rate: u32, channels: usize) -> Self {
        let mut setting = Setting {
            rate: f64::from(rate),
            channels,
            late: 0,
        };
        let mut processors: Vec<Box<dyn Processor>> = Vec::new();
        let (mut trim, mut filter) = (None, Vec::new());
        for step in steps {
            if step.is_stereo_only() && channels != 2 {
                continue;
            }
            if let Step::Trim(passage) = step {
                trim = Some(Trim::new(*passage, f64::from(rate)));
                continue;
            }
            // Filters in a row are one.
            let sections = filter_sections(step, setting.rate);
            if !sections.is_empty() {
                filter.extend(sections);
                continue;
            }
            processors.extend(filter_of(&std::mem::take(&mut filter), channels));
            for processor in processors_of(step, &setting) {
                setting.late += processor.latency();
                processors.push(processor);
            }
        }
        processors.extend(filter_of(&filter, channels));
        Self {
            processors,
            channels,
            latency: setting.late,
            late: setting.late,
            trim,
        }
    }

    /// Processes on; `planes` may become shorter.
    pub(super) fn push(&mut self, planes: &mut Planes) {
        for processor in &mut self.processors {
            processor.process(planes);
        }
        let count = planes.first().map_or(0, Vec::len);
        let dropped = self.late.min(count);
        if dropped > 0 {
            planes.iter_mut().for_each(|plane| drop(plane.drain(..dropped)));
            self.late -= dropped;
        }
        if let Some(trim) = &mut self.trim {
            trim.apply(planes);
        }
    }

    /// What is still inside, at the end of the stream.
    pub(super) fn finish(&mut self) -> Planes {
        let mut rest = vec![vec![0.0; self.latency]; self.channels];
        self.push(&mut rest);
        rest
    }

    /// What the limiter took off, where there is one.
    pub(super) fn reduction(&self) -> Option<Reduction> {
        self.processors.iter().find_map(|processor| processor.reduction())
    }
}

/// A filter of `sections`, if there are any.
fn filter_of(sections: &[Biquad], channels: usize) -> Option<Box<dyn Processor>> {
    (!sections.is_empty()).then(|| Box::new(Filter::new(sections, channels)) as Box<dyn Processor>)
}

fn processors_of(step: &Step, setting: &Setting) -> Vec<Box<dyn Processor>> {
    let channels = setting.channels;
    match step {
        Step::Repair { places } => vec![Box::new(Repair::new(places, setting))],
        Step::Offset { amounts } => vec![Box::new(Offset::new(amounts, channels))],
        Step::Polarity { channel, passages } => vec![Box::new(Polarity::new(*channel, passages, setting))],
        Step::Balance { db } => vec![Box::new(ChannelGains::balance(*db))],
        Step::Delay { channel, ms } => vec![Box::new(Delay::new(*channel, *ms, setting))],
        Step::LowMono { hz } => vec![Box::new(LowMono::new(*hz, setting))],
        Step::Width { side_db } => vec![Box::new(Width::new(*side_db))],
        Step::Gain { db, .. } => vec![Box::new(ChannelGains::all(db_to_amplitude(*db), channels))],
        Step::Limit { aim_dbtp, .. } => vec![Box::new(Limiter::new(*aim_dbtp, setting))],
        // Filters are put together by the chain; a trim changes the length, so it is no processor.
        Step::HighPass { .. } | Step::Notch { .. } | Step::Equalise(_) | Step::Trim(_) => Vec::new(),
    }
}

/// The sections of a step that filters all channels alike; none of any other.
pub(super) fn filter_sections(step: &Step, rate: f64) -> Vec<Biquad> {
    match step {
        Step::HighPass { hz, order } => high_pass(*hz, *order, rate),
        Step::Notch { hz, harmonics, q } => {
            let multiples = harmonics.iter().map(|&n| hz * f64::from(n));
            let heard = multiples.filter(|&hz| hz < 0.49 * rate);
            heard.map(|hz| notch(hz, *q, rate)).collect()
        }
        Step::Equalise(band) => vec![band.design(rate)],
        _ => Vec::new(),
    }
}

/// Cuts the ends off.
struct Trim {
    from: u64,
    to: u64,
    fade: u64,
    at: u64,
}

impl Trim {
    fn new(kept: Passage, rate: f64) -> Self {
        let frame = |seconds: f64| (seconds * rate).round() as u64;
        Self {
            from: frame(kept.start_s),
            to: frame(kept.end_s),
            fade: frame(TRIM_FADE_S).max(1),
            at: 0,
        }
    }

    fn apply(&mut self, planes: &mut Planes) {
        let count = planes.first().map_or(0, Vec::len) as u64;
        let start = self.from.clamp(self.at, self.at + count);
        let end = self.to.clamp(start, self.at + count);
        let gain = |frame: u64| {
            // The end of the file itself is no cut, but it is silent there, too.
            let from_start = if self.from > 0 {
                frame - self.from
            } else {
                self.fade
            };
            let left = from_start.min(self.to - frame).min(self.fade);
            left as f64 / self.fade as f64
        };
        for plane in planes.iter_mut() {
            plane.truncate((end - self.at) as usize);
            plane.drain(..(start - self.at) as usize);
            for (frame, sample) in (start..).zip(plane) {
                let gain = gain(frame);
                if gain < 1.0 {
                    *sample *= gain;
                }
            }
        }
        self.at += count;
    }
}
