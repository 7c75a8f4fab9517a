//! The outline of the waveform, without knowing in advance how long the file is.

use model::report::Waveform;

use super::vectors::{Extremes, extremes};

/// Whenever there are this many slices, pairs of them become one: the outline of any file has half of it to all of it.
const MAX_SLICES: usize = 1_200;

/// One slice: all channels together, then the left and the right one.
type Slice = [Extremes; 3];

const NOTHING: Slice = [Extremes::NONE; 3];

pub(super) struct WaveformMeter {
    /// Frames per slice.
    slice_len: u64,
    slices: Vec<Slice>,
    /// Frames in the slice that is being drawn, and its extremes.
    frames: u64,
    current: Slice,
    is_stereo: bool,
}

impl WaveformMeter {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            slice_len: u64::from(rate / 1_000).max(1),
            slices: Vec::new(),
            frames: 0,
            current: NOTHING,
            is_stereo: false,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        let frames = planes.first().map_or(0, |plane| plane.len());
        self.is_stereo = planes.len() == 2;
        let mut at = 0;
        while at < frames {
            let count = (frames - at).min((self.slice_len - self.frames) as usize);
            for (channel, plane) in planes.iter().enumerate() {
                let part = extremes(&plane[at..at + count]);
                self.current[0] = self.current[0].joined(part);
                if let Some(lane) = self.current.get_mut(channel + 1) {
                    *lane = lane.joined(part);
                }
            }
            at += count;
            self.frames += count as u64;
            if self.frames == self.slice_len {
                self.complete_slice();
            }
        }
    }

    fn complete_slice(&mut self) {
        self.slices.push(std::mem::replace(&mut self.current, NOTHING));
        self.frames = 0;
        if self.slices.len() == MAX_SLICES {
            self.slices = self
                .slices
                .chunks(2)
                .map(|pair| pair.iter().copied().fold(NOTHING, joined))
                .collect();
            self.slice_len *= 2;
        }
    }

    pub(super) fn finish(mut self) -> Waveform {
        if self.frames > 0 {
            self.slices.push(self.current);
        }
        let level = |sample: f32| (sample * 127.0).round().clamp(-127.0, 127.0) as i8;
        let lane = |lane: usize| -> Vec<(i8, i8)> {
            let extremes = self.slices.iter().map(|slice| slice[lane]);
            extremes.map(|part| (level(part.low), level(part.high))).collect()
        };
        Waveform {
            slices: lane(0),
            left_right: self.is_stereo.then(|| [lane(1), lane(2)]),
        }
    }
}

fn joined(one: Slice, other: Slice) -> Slice {
    std::array::from_fn(|lane| one[lane].joined(other[lane]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_has_about_a_thousand_slices_however_long_the_file_is() {
        for seconds in [3, 10, 240, 3_600] {
            let mut meter = WaveformMeter::new(8_000);
            let second = vec![0.5; 8_000];
            for _ in 0..seconds {
                meter.push(&[&second]);
            }
            let slices = meter.finish().slices;
            assert!(
                (600..=1_200).contains(&slices.len()),
                "{} slices of {seconds} s",
                slices.len()
            );
            assert!(slices.iter().all(|&slice| slice == (64, 64)));
        }
    }

    #[test]
    fn each_side_of_a_stereo_file_has_a_lane_of_its_own() {
        let outline = |planes: &[&[f32]]| {
            let mut meter = WaveformMeter::new(8_000);
            meter.push(planes);
            meter.finish()
        };
        let (left, right) = (vec![0.25; 8_000 * 3], vec![-0.5; 8_000 * 3]);
        let waveform = outline(&[&left, &right]);
        let [left_lane, right_lane] = waveform.left_right.unwrap();
        assert!(waveform.slices.iter().all(|&slice| slice == (-64, 32)));
        assert!(left_lane.iter().all(|&slice| slice == (32, 32)));
        assert!(right_lane.iter().all(|&slice| slice == (-64, -64)));
        assert_eq!(left_lane.len(), waveform.slices.len());
        assert_eq!(outline(&[&left]).left_right, None);
        assert_eq!(outline(&[&left, &right, &left]).left_right, None);
    }

    #[test]
    fn a_lone_peak_survives_every_merge_in_its_place() {
        let mut meter = WaveformMeter::new(8_000);
        let mut samples = vec![0.0; 8_000 * 100];
        samples[8_000 * 50] = -1.0;
        for block in samples.chunks(777) {
            meter.push(&[block, block]);
        }
        let slices = meter.finish().slices;
        let peak = slices.iter().position(|slice| slice.0 == -127).unwrap();
        assert_eq!(slices.iter().filter(|slice| slice.0 != 0).count(), 1);
        assert!((0.49..0.51).contains(&(peak as f64 / slices.len() as f64)));
    }
}
