//! Correlation, width, balance and mono change, all from ΣL², ΣR² and ΣLR: of the whole, of bands and of windows.

use model::Reading;
use model::report::{AbsenceReason, Stereo, StereoBand, StereoDetail, StereoMoment};

use super::band_stats::ThirdOctave;
use super::levels::{LevelMeter, PairSums};
use super::opposites::Opposites;
use super::series::{self, rounded};
use crate::dsp::power_db;

/// Seconds of a window.
const WINDOW_S: usize = 3;
/// Windows below this mean power are silence.
const SILENCE: f64 = 1e-7;
/// Places that are kept.
const WORST: usize = 5;
/// What is below this share of the energy is rounding: −110 dB.
const ROUNDING: f64 = 1e-11;

impl PairSums {
    pub(super) fn mid(self) -> f64 {
        (self.left + self.right + 2.0 * self.product).max(0.0) / 4.0
    }

    fn side(self) -> f64 {
        (self.left + self.right - 2.0 * self.product).max(0.0) / 4.0
    }

    pub(super) fn total(self) -> f64 {
        self.left + self.right
    }

    fn exists(self, energy: f64) -> bool {
        energy > self.total() * ROUNDING
    }

    pub(super) fn correlation(self) -> Option<f64> {
        (self.exists(self.left) && self.exists(self.right))
            .then(|| (self.product / (self.left * self.right).sqrt()).clamp(-1.0, 1.0))
    }

    pub(super) fn width_db(self) -> Option<f64> {
        let (mid, side) = (self.mid(), self.side());
        (self.exists(mid) && self.exists(side)).then(|| power_db(side / mid))
    }

    pub(super) fn balance_db(self) -> Option<f64> {
        (self.exists(self.left) && self.exists(self.right)).then(|| power_db(self.left / self.right))
    }

    /// Both loudspeakers play the mid: twice its energy.
    fn mono_change_db(self) -> Option<f64> {
        self.exists(self.mid())
            .then(|| power_db(2.0 * self.mid() / self.total()))
    }
}

/// The figures of the whole.
pub(super) fn overall(levels: &LevelMeter, mono_change_lu: Reading) -> Stereo {
    let [left, right] = levels.channels.as_slice() else {
        return not_stereo();
    };
    let frames = levels.frames.max(1) as f64;
    // A constant offset is no sound: it must not tie two unrelated channels together.
    let ll = without_offset(left.squares, left.sum * left.sum / frames);
    let rr = without_offset(right.squares, right.sum * right.sum / frames);
    let lr = levels.product - left.sum * right.sum / frames;
    // Mid = (L + R) / 2, side = (L − R) / 2. Equal channels leave a side of rounding errors only.
    let mid = (ll + rr + 2.0 * lr).max(0.0) / 4.0;
    let side = (ll + rr - 2.0 * lr).max(0.0) / 4.0;
    let floor = (ll + rr) * 1e-14;
    let width_db = match (mid > floor, side > floor) {
        (true, true) => Reading::new(power_db(side / mid)),
        (true, false) | (false, false) => Reading::absent(AbsenceReason::Silent),
        (false, true) => Reading::absent(AbsenceReason::Undefined),
    };
    let if_both_sound = |value: f64| {
        if ll > 0.0 && rr > 0.0 {
            Reading::new(value)
        } else {
            Reading::absent(AbsenceReason::Silent)
        }
    };
    Stereo {
        correlation: if_both_sound((lr / (ll * rr).sqrt()).clamp(-1.0, 1.0)),
        width_db,
        mono_change_lu,
        balance_db: if_both_sound(power_db(ll / rr)),
    }
}

/// The figures per band and over time.
pub(super) fn detail<'a>(
    levels: &LevelMeter,
    rate: f64,
    thirds: impl Iterator<Item = &'a ThirdOctave>,
    low: PairSums,
    opposites: &[Opposites],
) -> StereoDetail {
    let windows: Vec<PairSums> = levels
        .seconds
        .windows(WINDOW_S)
        .map(|seconds| {
            let mut sums = PairSums::default();
            seconds.iter().for_each(|&second| sums.add(second));
            sums
        })
        .collect();
    let silence = SILENCE * 2.0 * rate * WINDOW_S as f64;
    let over_time = |figure: fn(PairSums) -> Option<f64>| -> Vec<Option<f64>> {
        windows
            .iter()
            .map(|&sums| (sums.total() > silence).then(|| figure(sums)).flatten())
            .collect()
    };
    let start_s = WINDOW_S as f64;
    StereoDetail {
        bands: thirds.map(band).collect(),
        correlation: series::per_second(start_s, &over_time(PairSums::correlation), series::smallest),
        width_db: series::per_second(start_s, &over_time(PairSums::width_db), series::mean),
        balance_db: series::per_second(start_s, &over_time(PairSums::balance_db), series::mean),
        mono_change_db: series::per_second(start_s, &over_time(PairSums::mono_change_db), series::smallest),
        low_width_db: low
            .width_db()
            .map_or(Reading::absent(AbsenceReason::Silent), Reading::new),
        worst: worst(&windows),
        opposite_percent: Some(series::per_second(
            1.0,
            &opposites.iter().map(Opposites::percent).collect::<Vec<_>>(),
            series::mean,
        )),
    }
}

fn band(third: &ThirdOctave) -> StereoBand {
    let sums = third.pair;
    let share = third.negative / sums.total();
    StereoBand {
        hz: super::centre_hz(third.n, 3),
        correlation: sums.correlation().and_then(rounded),
        width_db: sums.width_db().and_then(rounded),
        balance_db: sums.balance_db().and_then(rounded),
        mono_change_db: sums.mono_change_db().and_then(rounded),
        negative_share: rounded(share),
    }
}

/// Windows in which the side exceeds the mid, by the energy that this is.
fn worst(windows: &[PairSums]) -> Vec<StereoMoment> {
    let excess = |index: usize| windows[index].side() - windows[index].mid();
    let mut order: Vec<usize> = (0..windows.len())
        .filter(|&index| excess(index) > windows[index].total() * 1e-6)
        .collect();
    order.sort_by(|&a, &b| excess(b).total_cmp(&excess(a)).then(a.cmp(&b)));
    let mut chosen: Vec<usize> = Vec::new();
    for index in order {
        if chosen.len() < WORST && chosen.iter().all(|&other| other.abs_diff(index) >= WINDOW_S) {
            chosen.push(index);
        }
    }
    chosen
        .into_iter()
        .filter_map(|index| {
            let sums = windows[index];
            Some(StereoMoment {
                time_s: (index + WINDOW_S) as f64,
                correlation: sums.correlation()?,
                // Complete cancellation reads as the floor of rounding.
                mono_change_db: sums.mono_change_db().unwrap_or(power_db(ROUNDING)),
            })
        })
        .collect()
}

/// `squares − offset`, where what remains by rounding alone counts as nothing.
fn without_offset(squares: f64, offset: f64) -> f64 {
    let rest = squares - offset;
    if rest > squares * 1e-12 { rest } else { 0.0 }
}

/// The readings of a file that has not two channels.
const fn not_stereo() -> Stereo {
    const NONE: Reading = Reading::absent(AbsenceReason::NotStereo);
    Stereo {
        correlation: NONE,
        width_db: NONE,
        mono_change_lu: NONE,
        balance_db: NONE,
    }
}
