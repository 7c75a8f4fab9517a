//! Clip runs: at full scale, and at a lower level where a clipped mix was turned down.
//!
//! A run is at least three equal samples in a row at the channel's extreme, entered or left by a corner. The corner
//! tells clipping from the round top of a low note, where rounding makes samples equal as well. A passage that was clipped and
//! turned down, while others stayed louder, has its runs at the extreme of its own seconds.

use model::report::{ClipRun, Clips};

use super::seconds::Seconds;
use super::vectors::{Extremes, extremes};
use crate::dsp::amplitude_db;

/// Shorter runs occur by chance.
const SHORTEST_RUN: u32 = 3;
/// At full scale is from here on (the largest 16-bit sample is 0.99997).
const FULL_SCALE: f32 = 0.9999;
/// Below full scale, what counts as the extreme level: within 0.005 dB of the highest so far.
const SAME_LEVEL: f32 = 0.9994;
/// Lower extremes are no sign of clipping: −20 dBFS.
const LOWEST_LEVEL: f32 = 0.1;
/// The step out of a plateau is at least this many times the resolution of the samples.
const CORNER_STEPS: f32 = 8.0;
/// A second has so many runs at its own extreme to count, where that is not the extreme of the file. None of 25 songs that a
/// sequencer rendered has such a second.
const FEWEST_IN_A_SECOND: u64 = 3;
/// Runs that are kept with their place.
const KEPT: usize = 20;
/// Samples that are examined, and mostly skipped, at a time.
const TILE: usize = 64;

pub(super) struct ClipMeter {
    channels: Vec<Channel>,
    seconds: Seconds,
    /// The smallest step that counts as a corner.
    corner: f32,
    full_scale: f32,
    rate: f64,
}

/// What the clip meter leaves behind.
pub(super) struct ClipReadings {
    pub(super) channels: Vec<ChannelClips>,
    /// The longest runs of all channels.
    pub(super) worst: Vec<ClipRun>,
}

/// How much of one channel is clipped.
#[derive(Clone, Copy)]
pub(super) struct ChannelClips {
    pub(super) full_scale: Clips,
    /// Clipped, then turned down.
    pub(super) lowered: Clips,
}

#[derive(Clone, Default)]
struct Channel {
    frames: u64,
    full: Tally,
    /// Above and below zero, since an offset moves them apart.
    lowered: [Plateau; 2],
    /// The same of the second that is going on, and of those before it that count.
    second: [Plateau; 2],
    seconds: [Vec<Plateau>; 2],
    /// The run that is going on: its value, its length, and the sample before it.
    value: f32,
    len: u32,
    before: f32,
    last: f32,
}

#[derive(Clone, Default)]
struct Tally {
    clips: Clips,
    worst: Vec<Run>,
}

/// Runs at an extreme below full scale.
#[derive(Clone, Default)]
struct Plateau {
    extreme: f32,
    tally: Tally,
}

#[derive(Clone, Copy)]
struct Run {
    first_frame: u64,
    len: u32,
    level: f32,
}

impl Tally {
    fn add(&mut self, run: Run) {
        self.clips.runs += 1;
        self.clips.samples += u64::from(run.len);
        let place = self.worst.partition_point(|kept| kept.len >= run.len);
        if place < KEPT {
            self.worst.insert(place, run);
            self.worst.truncate(KEPT);
        }
    }
}

impl Plateau {
    /// Takes a run of any length; one that `counts` is clipped, if nothing is higher.
    fn take(&mut self, run: Run, full_scale: f32, counts: bool) {
        let is_full = (full_scale..=1.0).contains(&run.level);
        if !is_full && run.level >= self.extreme * SAME_LEVEL {
            if run.level * SAME_LEVEL > self.extreme {
                self.tally = Tally::default();
            }
            if counts {
                self.tally.add(run);
            }
        }
        if run.level > self.extreme {
            self.extreme = run.level;
            if run.level >= full_scale {
                self.tally = Tally::default();
            }
        }
    }
}

impl ClipMeter {
    /// `bits` are those of integer samples; `None` for all others.
    pub(super) fn new(rate: u32, channels: usize, bits: Option<u16>) -> Self {
        let resolution = bits.map_or(1e-7, |bits| 1.0 / (1_u32 << (bits.clamp(1, 24) - 1)) as f32);
        Self {
            channels: vec![Channel::default(); channels],
            seconds: Seconds::new(rate),
            corner: CORNER_STEPS * resolution,
            full_scale: FULL_SCALE.min(1.0 - resolution * 1.001),
            rate: f64::from(rate),
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        for (piece, is_complete) in self.seconds.pieces(frames) {
            for (channel, plane) in self.channels.iter_mut().zip(planes) {
                for tile in plane[piece.clone()].chunks(TILE) {
                    channel.examine(tile, self.full_scale, self.corner);
                }
            }
            if is_complete {
                self.channels.iter_mut().for_each(Channel::complete_second);
            }
        }
    }

    /// What is clipped.
    pub(super) fn finish(self) -> ClipReadings {
        let mut channels = Vec::new();
        let mut worst = Vec::new();
        for (index, mut channel) in self.channels.into_iter().enumerate() {
            channel.complete_run(f32::NAN, self.full_scale, self.corner);
            channel.complete_second();
            let mut lowered = Clips::default();
            let mut runs = std::mem::take(&mut channel.full.worst);
            for (whole, seconds) in channel.lowered.iter().zip(&channel.seconds) {
                let is_lower = |second: &&Plateau| second.extreme < whole.extreme * SAME_LEVEL;
                let tallies = Some(&whole.tally)
                    .filter(|tally| tally.clips.runs > 1)
                    .into_iter()
                    .chain(seconds.iter().filter(is_lower).map(|second| &second.tally));
                for tally in tallies {
                    lowered.runs += tally.clips.runs;
                    lowered.samples += tally.clips.samples;
                    runs.extend(&tally.worst);
                }
            }
            channels.push(ChannelClips {
                full_scale: channel.full.clips,
                lowered,
            });
            worst.extend(runs.into_iter().map(|run| ClipRun {
                time_s: run.first_frame as f64 / self.rate,
                channel: index as u16,
                samples: run.len,
                dbfs: amplitude_db(f64::from(run.level)),
            }));
        }
        worst.sort_by(|a, b| b.samples.cmp(&a.samples).then(a.time_s.total_cmp(&b.time_s)));
        worst.truncate(KEPT);
        ClipReadings { channels, worst }
    }
}

impl Channel {
    fn examine(&mut self, tile: &[f32], full_scale: f32, corner: f32) {
        let Extremes { low, high } = extremes(tile);
        let is_extreme = [high, -low].iter().zip(&self.second).any(|(&level, second)| {
            level >= LOWEST_LEVEL && (level >= full_scale || level >= second.extreme * SAME_LEVEL)
        });
        if !is_extreme && self.len < 2 {
            self.frames += tile.len() as u64;
            if let [.., before, last] = *tile {
                // A run may begin with the last sample of a tile that was skipped.
                self.before = before;
                self.value = last;
                self.last = last;
                self.len = 1;
            }
            return;
        }
        for &sample in tile {
            if self.len > 0 && sample == self.value {
                self.len += 1;
            } else {
                self.complete_run(sample, full_scale, corner);
                self.before = self.last;
                self.value = sample;
                self.len = 1;
            }
            self.last = sample;
            self.frames += 1;
        }
    }

    /// The run of [`Self::value`] ends before `after`.
    fn complete_run(&mut self, after: f32, full_scale: f32, corner: f32) {
        let level = self.value.abs();
        if level < LOWEST_LEVEL {
            return;
        }
        let side = usize::from(self.value < 0.0);
        let run = Run {
            first_frame: self.frames - u64::from(self.len),
            len: self.len,
            level,
        };
        let is_long = self.len >= SHORTEST_RUN;
        let is_corner = |neighbour: &f32| (self.value - neighbour).abs() >= corner;
        let is_clipped = is_long && [self.before, after].iter().any(is_corner);
        if is_long && (full_scale..=1.0).contains(&level) {
            self.full.add(run);
        }
        self.lowered[side].take(run, full_scale, is_clipped);
        self.second[side].take(run, full_scale, is_clipped);
    }

    /// Keeps of the second what counts.
    fn complete_second(&mut self) {
        for (second, seconds) in self.second.iter_mut().zip(&mut self.seconds) {
            let mut second = std::mem::take(second);
            if second.tally.clips.runs >= FEWEST_IN_A_SECOND {
                second.tally.worst.truncate(1);
                second.tally.worst.shrink_to_fit();
                seconds.push(second);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sine of 220 Hz at 44.1 kHz in 16 bits, of twice `ceiling`, clipped there.
    fn clipped(ceiling: f64, seconds: f64) -> Vec<f32> {
        sine(2.0 * ceiling, 220.0, seconds)
            .into_iter()
            .map(|x| round(x.clamp(-ceiling, ceiling)))
            .collect()
    }

    fn sine(peak: f64, hz: f64, seconds: f64) -> Vec<f64> {
        (0..(44_100.0 * seconds) as usize)
            .map(|n| peak * (std::f64::consts::TAU * hz * n as f64 / 44_100.0).sin())
            .collect()
    }

    fn round(x: f64) -> f32 {
        ((x * 32_768.0).round().min(32_767.0) / 32_768.0) as f32
    }

    fn measure(samples: &[f32]) -> (Clips, Clips, Vec<ClipRun>) {
        let mut meter = ClipMeter::new(44_100, 1, Some(16));
        for block in samples.chunks(1_000) {
            meter.push(&[block]);
        }
        let ClipReadings { channels, worst } = meter.finish();
        (channels[0].full_scale, channels[0].lowered, worst)
    }

    #[test]
    fn every_half_wave_of_a_clipped_sine_is_a_run_of_its_length() {
        let (full, lowered, worst) = measure(&clipped(1.0, 1.0));
        assert_eq!(full.runs, 440);
        assert_eq!(lowered, Clips::default());
        // Beyond half of its amplitude is two thirds of the time.
        assert!(
            (full.samples as f64 / 44_100.0 - 2.0 / 3.0).abs() < 0.02,
            "{full:?}"
        );
        assert_eq!(worst.len(), KEPT);
        assert!(worst.iter().all(|run| (66..=68).contains(&run.samples)));
    }

    #[test]
    fn turned_down_it_is_found_below_full_scale() {
        let (full, lowered, worst) = measure(&clipped(0.7, 1.0));
        assert_eq!(full, Clips::default());
        assert_eq!(lowered.runs, 440);
        assert!((worst[0].dbfs + 3.1).abs() < 0.01);
    }

    #[test]
    fn a_passage_is_found_below_the_extreme_of_the_file() {
        let mut samples = sine(0.9, 441.0, 4.0).into_iter().map(round).collect::<Vec<_>>();
        samples.extend(clipped(0.5, 3.0));
        samples.extend(sine(0.9, 441.0, 4.0).into_iter().map(round));
        let (full, lowered, worst) = measure(&samples);
        assert_eq!(full, Clips::default());
        assert!((1_300..=1_320).contains(&lowered.runs), "{lowered:?}");
        assert!(worst.iter().all(|run| (4.0..7.0).contains(&run.time_s)));
    }

    #[test]
    fn round_tops_of_low_notes_are_no_clipping() {
        for (peak, hz) in [(0.9, 30.0), (1.0, 50.0), (0.5, 997.0)] {
            let samples: Vec<f32> = sine(peak, hz, 2.0).into_iter().map(round).collect();
            let (_, lowered, _) = measure(&samples);
            assert_eq!(lowered, Clips::default(), "{hz} Hz");
        }
    }

    #[test]
    fn a_single_run_has_its_time_and_length_across_blocks() {
        let mut samples = vec![0.0_f32; 44_100];
        samples[998..1_005].fill(-1.0);
        let (full, lowered, worst) = measure(&samples);
        assert_eq!(full, Clips { runs: 1, samples: 7 });
        assert_eq!(lowered, Clips::default());
        assert_eq!((worst[0].samples, worst[0].channel), (7, 0));
        assert!((worst[0].time_s - 998.0 / 44_100.0).abs() < 1e-9);
    }
}
