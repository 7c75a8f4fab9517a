//! Any number of channels as one or two.

use std::f32::consts::FRAC_1_SQRT_2;

/// How much of each channel goes to the left and to the right: as in ITU-R BS.775, lowered so that nothing can clip that did
/// not before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Downmix(Vec<(f32, f32)>);

impl Downmix {
    /// For channels of these loudness weights (BS.1770), which tell their places: 0 is the low-frequency channel, more than 1
    /// a surround channel.
    pub(super) fn new(weights: &[f64]) -> Self {
        let mut gains: Vec<(f32, f32)> = weights
            .iter()
            .enumerate()
            .map(|(at, weight)| match at {
                0 => (1.0, 0.0),
                1 => (0.0, 1.0),
                _ if *weight == 0.0 => (0.0, 0.0),
                2 if weights.len() != 4 && *weight <= 1.0 => (FRAC_1_SQRT_2, FRAC_1_SQRT_2),
                _ if at % 2 == 0 => (FRAC_1_SQRT_2, 0.0),
                _ => (0.0, FRAC_1_SQRT_2),
            })
            .collect();
        let left: f32 = gains.iter().map(|(left, _)| left).sum();
        let right: f32 = gains.iter().map(|(_, right)| right).sum();
        let most = left.max(right).max(1.0);
        for (left, right) in &mut gains {
            *left /= most;
            *right /= most;
        }
        Self(gains)
    }

    /// How many channels come out.
    pub(super) fn channels(&self) -> usize {
        self.0.len().min(2)
    }

    /// Whether the channels come out as they go in.
    pub(super) fn is_identity(&self) -> bool {
        self.0.len() <= 2
    }

    /// Writes `count` frames of `planes` to `out`, which holds [`Self::channels`].
    pub(super) fn apply(&self, planes: &[Vec<f32>], count: usize, out: &mut [Vec<f32>]) {
        for plane in out.iter_mut() {
            plane.clear();
        }
        if self.is_identity() {
            for (out, plane) in out.iter_mut().zip(planes) {
                out.extend_from_slice(&plane[..count.min(plane.len())]);
            }
            return;
        }
        for at in 0..count {
            let (mut left, mut right) = (0.0, 0.0);
            for (plane, (to_left, to_right)) in planes.iter().zip(&self.0) {
                let sample = plane.get(at).copied().unwrap_or(0.0);
                left += to_left * sample;
                right += to_right * sample;
            }
            if let [out_left, out_right] = out {
                out_left.push(left);
                out_right.push(right);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_channels_stay_as_they_are() {
        for weights in [&[1.0][..], &[1.0, 1.0]] {
            let downmix = Downmix::new(weights);
            assert!(downmix.is_identity());
            let planes = vec![vec![0.5, -0.25]; weights.len()];
            let mut out = vec![Vec::new(); downmix.channels()];
            downmix.apply(&planes, 2, &mut out);
            assert_eq!(out, planes);
        }
    }

    #[test]
    fn surround_becomes_stereo_without_its_low_frequency_channel_and_cannot_clip() {
        // Left, right, centre, low frequencies, surround left, surround right.
        let downmix = Downmix::new(&[1.0, 1.0, 1.0, 0.0, 1.41, 1.41]);
        let mut out = vec![Vec::new(); 2];
        downmix.apply(&vec![vec![1.0]; 6], 1, &mut out);
        assert!(
            (out[0][0] - 1.0).abs() < 1e-6 && (out[1][0] - 1.0).abs() < 1e-6,
            "{out:?}"
        );
        let alone = |channel: usize| {
            let mut planes = vec![vec![0.0]; 6];
            planes[channel] = vec![1.0];
            let mut out = vec![Vec::new(); 2];
            downmix.apply(&planes, 1, &mut out);
            (out[0][0] > 0.0, out[1][0] > 0.0)
        };
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(alone),
            [
                (true, false),
                (false, true),
                (true, true),
                (false, false),
                (true, false),
                (false, true)
            ]
        );
    }
}
