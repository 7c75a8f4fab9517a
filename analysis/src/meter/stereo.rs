//! Correlation, width and balance, all from the same five sums.

use model::Reading;
use model::report::{Absent, Stereo};

#[derive(Default)]
pub(super) struct StereoMeter {
    frames: u64,
    left: f64,
    right: f64,
    left_left: f64,
    right_right: f64,
    left_right: f64,
}

impl StereoMeter {
    pub(super) fn push(&mut self, left: &[f32], right: &[f32]) {
        const LANES: usize = 4;
        let mut sums = [[0.0_f64; LANES]; 5];
        let mut add = |lane: usize, left: f32, right: f32| {
            let (left, right) = (f64::from(left), f64::from(right));
            sums[0][lane] += left;
            sums[1][lane] += right;
            sums[2][lane] += left * left;
            sums[3][lane] += right * right;
            sums[4][lane] += left * right;
        };
        let (left_chunks, left_rest) = left.as_chunks::<LANES>();
        let (right_chunks, right_rest) = right.as_chunks::<LANES>();
        for (left, right) in left_chunks.iter().zip(right_chunks) {
            for lane in 0..LANES {
                add(lane, left[lane], right[lane]);
            }
        }
        for (&left, &right) in left_rest.iter().zip(right_rest) {
            add(0, left, right);
        }
        let [l, r, ll, rr, lr] = sums.map(|lanes| lanes.iter().sum::<f64>());
        self.frames += left.len() as u64;
        self.left += l;
        self.right += r;
        self.left_left += ll;
        self.right_right += rr;
        self.left_right += lr;
    }

    pub(super) fn finish(self, mono_change_lu: Reading) -> Stereo {
        let frames = self.frames.max(1) as f64;
        // A constant offset is no sound: it must not tie two unrelated channels together.
        let ll = without_offset(self.left_left, self.left * self.left / frames);
        let rr = without_offset(self.right_right, self.right * self.right / frames);
        let lr = self.left_right - self.left * self.right / frames;
        // Mid = (L + R) / 2, side = (L − R) / 2. Equal channels leave a side of rounding errors only.
        let mid = (ll + rr + 2.0 * lr).max(0.0) / 4.0;
        let side = (ll + rr - 2.0 * lr).max(0.0) / 4.0;
        let floor = (ll + rr) * 1e-14;
        let width = match (mid > floor, side > floor) {
            (true, true) => Reading::of(10.0 * (side / mid).log10()),
            (true, false) | (false, false) => Reading::absent(Absent::Silent),
            (false, true) => Reading::absent(Absent::Undefined),
        };
        let correlation = if ll > 0.0 && rr > 0.0 {
            Reading::of((lr / (ll * rr).sqrt()).clamp(-1.0, 1.0))
        } else {
            Reading::absent(Absent::Silent)
        };
        let balance = if ll > 0.0 && rr > 0.0 {
            Reading::of(10.0 * (ll / rr).log10())
        } else {
            Reading::absent(Absent::Silent)
        };
        Stereo {
            correlation,
            width_db: width,
            mono_change_lu,
            balance_db: balance,
        }
    }
}

/// `squares − offset`, where what remains by rounding alone counts as nothing.
fn without_offset(squares: f64, offset: f64) -> f64 {
    let rest = squares - offset;
    if rest > squares * 1e-12 { rest } else { 0.0 }
}

/// The readings of a file that has not two channels.
pub(super) const fn not_stereo() -> Stereo {
    const NONE: Reading = Reading::absent(Absent::NotStereo);
    Stereo {
        correlation: NONE,
        width_db: NONE,
        mono_change_lu: NONE,
        balance_db: NONE,
    }
}
