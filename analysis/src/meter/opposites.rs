//! What left and right have as each other's opposite: a part that is there in stereo and gone in mono.
//!
//! Averages over a band hide a part of the mix whose one channel is turned, under all that is in the middle. In narrow bins it
//! stands alone wherever it is the loudest; reverbs and wide sounds have all phases there, and this one seldom.

use std::ops::Range;

use super::stft::PairSpectra;

/// Where parts are told apart: below, bins are too wide, and above, ears and microphones make any phase.
const HEARD_HZ: (f64, f64) = (200.0, 5_000.0);
/// Re LR* over the mean of |L|² and |R|², from here down to −1.
const OPPOSITE: f32 = -0.85;

/// The bins that are looked at.
pub(super) fn bins(bin_hz: f64, bins: usize) -> Range<usize> {
    let bin = |hz: f64| ((hz / bin_hz) as usize).clamp(1, bins.saturating_sub(1));
    bin(HEARD_HZ.0)..bin(HEARD_HZ.1)
}

/// Power of one second, in all bins and in those that cancel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Opposites {
    all: f64,
    opposite: f64,
}

impl Opposites {
    /// Adds a window.
    pub(super) fn add(&mut self, pair: &PairSpectra, bins: &Range<usize>) {
        let (from, to) = (bins.start - 1, bins.end + 1);
        let around = pair.left[from..to]
            .windows(3)
            .zip(pair.right[from..to].windows(3))
            .zip(pair.product[from..to].windows(3));
        let (mut all, mut opposite) = (0.0_f32, 0.0_f32);
        for ((left, right), product) in around {
            let power = 0.5 * (left[0] + left[1] + left[2] + right[0] + right[1] + right[2]);
            let here = left[1] + right[1];
            all += here;
            if product[0] + product[1] + product[2] < OPPOSITE * power {
                opposite += here;
            }
        }
        self.all += f64::from(all);
        self.opposite += f64::from(opposite);
    }

    /// The share of what cancels, in whole percent; nothing where nothing sounds.
    pub(super) fn percent(&self) -> Option<f64> {
        (self.all > 0.0).then(|| (100.0 * self.opposite / self.all).round())
    }
}
