//! What relates left and right, from ΣL², ΣR² and ΣLR of each band and each window.

use model::Report;
use model::report::{AbsenceReason, LocalFaultKind, Reading, StereoBand};

use super::shift;
use crate::dsp::{db_to_amplitude, db_to_power, power_db};
use crate::meter::KWeighting;
use crate::render::low_mono;
use crate::render::recipe::Passage;

/// What is below this share of the energy is nothing.
const NOTHING: f64 = 1e-11;
/// A comb that leaves less than this of a correlation says nothing of it.
const CLEAR: f64 = 0.4;

/// ΣL², ΣR² and ΣLR.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    left: f64,
    right: f64,
    product: f64,
}

impl Pair {
    /// With this correlation and balance, and an average channel of power 1.
    fn of(correlation: f64, balance_db: f64) -> Self {
        let ratio = db_to_power(balance_db);
        let (left, right) = (2.0 * ratio / (1.0 + ratio), 2.0 / (1.0 + ratio));
        Self {
            left,
            right,
            product: correlation * (left * right).sqrt(),
        }
    }

    fn times(self, factor: f64) -> Self {
        Self {
            left: self.left * factor,
            right: self.right * factor,
            product: self.product * factor,
        }
    }

    fn add(&mut self, other: Self) {
        self.left += other.left;
        self.right += other.right;
        self.product += other.product;
    }

    fn total(self) -> f64 {
        self.left + self.right
    }

    fn mid(self) -> f64 {
        (self.total() + 2.0 * self.product).max(0.0) / 4.0
    }

    fn side(self) -> f64 {
        (self.total() - 2.0 * self.product).max(0.0) / 4.0
    }

    fn correlation(self) -> f64 {
        (self.product / (self.left * self.right).sqrt().max(1e-30)).clamp(-1.0, 1.0)
    }

    fn width_db(self) -> Option<f64> {
        let floor = NOTHING * self.total();
        (self.mid() > floor && self.side() > floor).then(|| power_db(self.side() / self.mid()))
    }

    fn balance_db(self) -> f64 {
        power_db(self.left.max(1e-30) / self.right.max(1e-30))
    }

    fn mono_change_db(self) -> f64 {
        power_db((2.0 * self.mid() / self.total().max(1e-30)).max(NOTHING))
    }

    /// With gains of the channels.
    fn scaled(self, left: f64, right: f64) -> Self {
        Self {
            left: self.left * left * left,
            right: self.right * right * right,
            product: self.product * left * right,
        }
    }

    /// With a gain of the side.
    fn with_side(self, gain: f64) -> Self {
        // L = M + S, R = M − S; ΣMS is a quarter of the difference of the powers.
        let (mid, side) = (self.mid(), self.side() * gain * gain);
        let cross = (self.left - self.right) / 4.0 * gain;
        Self {
            left: mid + side + 2.0 * cross,
            right: mid + side - 2.0 * cross,
            product: mid - side,
        }
    }
}

/// Changes each band by `change`, and everything broad by what that does to the sums.
fn change(report: &mut Report, over_time: impl Fn(Pair) -> Pair, change: impl Fn(f64, Pair) -> Pair) {
    let rate = f64::from(report.file.sample_rate_hz);
    let weighting = KWeighting::new(rate);
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    let thirds = detail.spectrum.third_octave.clone();
    let Some(stereo) = detail.stereo.as_mut() else {
        return;
    };
    let [
        mut before,
        mut after,
        mut loud_before,
        mut loud_after,
        mut low_before,
        mut low_after,
    ] = [Pair::default(); 6];
    for band in &mut stereo.bands {
        let level = thirds
            .iter()
            .find(|level| (level.hz / band.hz - 1.0).abs() < 0.01);
        let power = level
            .and_then(|level| level.db)
            .map_or(0.0, |db| db_to_power(f64::from(db)));
        let Some(pair) = pair_of(band) else { continue };
        let changed = change(band.hz, pair);
        let k = weighting.shelf.power(band.hz, rate) * weighting.high_pass.power(band.hz, rate);
        before.add(pair.times(power));
        after.add(changed.times(power));
        loud_before.add(pair.times(power * k));
        loud_after.add(changed.times(power * k));
        if (20.0..120.0).contains(&band.hz) {
            low_before.add(pair.times(power));
            low_after.add(changed.times(power));
        }
        write(band, changed);
    }
    for index in 0..stereo.correlation.values.len() {
        let value =
            |series: &model::report::Series| series.values.get(index).copied().flatten().map(f64::from);
        let (correlation, balance) = (value(&stereo.correlation), value(&stereo.balance_db));
        let Some(correlation) = correlation else { continue };
        let pair = over_time(Pair::of(correlation, balance.unwrap_or(0.0)));
        stereo.correlation.values[index] = Some(pair.correlation() as f32);
        set(&mut stereo.width_db.values, index, pair.width_db());
        set(
            &mut stereo.balance_db.values,
            index,
            balance.map(|_| pair.balance_db()),
        );
        set(
            &mut stereo.mono_change_db.values,
            index,
            Some(pair.mono_change_db()),
        );
    }
    stereo
        .worst
        .retain(|moment| over_time(Pair::of(moment.correlation, 0.0)).correlation() < 0.0);
    if before.total() <= 0.0 {
        return;
    }
    // What the bands leave out is the same before and after.
    let moved =
        |after: Option<f64>, before: Option<f64>| after.zip(before).map(|(after, before)| after - before);
    let low = moved(low_after.width_db(), low_before.width_db());
    match low {
        Some(low) => shift(&mut stereo.low_width_db, low),
        None => stereo.low_width_db = Reading::absent(AbsenceReason::Silent),
    }
    let overall = &mut report.stereo;
    if let Some(correlation) = overall.correlation.value() {
        let moved = after.correlation() - before.correlation();
        overall.correlation = Reading::new((correlation + moved).clamp(-1.0, 1.0));
    }
    shift(
        &mut overall.width_db,
        moved(after.width_db(), before.width_db()).unwrap_or(0.0),
    );
    shift(&mut overall.balance_db, after.balance_db() - before.balance_db());
    shift(
        &mut overall.mono_change_lu,
        loud_after.mono_change_db() - loud_before.mono_change_db(),
    );
    if let (Some(mono), true) = (overall.mono_change_lu.value(), overall.width_db.value().is_some()) {
        overall.mono_change_lu = Reading::new(mono.min(0.5));
    }
    let (energy, loudness) = (
        power_db(after.total() / before.total()),
        power_db(loud_after.total() / loud_before.total().max(1e-30)),
    );
    super::filter::change_loudness(report, loudness, loudness);
    if let Some(detail) = report.detail.as_mut() {
        for channel in &mut detail.peaks.channels {
            shift(&mut channel.rms_dbfs, energy);
        }
    }
}

fn set(values: &mut [Option<f32>], index: usize, value: Option<f64>) {
    if let Some(slot) = values.get_mut(index) {
        *slot = value.map(|value| value as f32);
    }
}

fn pair_of(band: &StereoBand) -> Option<Pair> {
    Some(Pair::of(
        f64::from(band.correlation?),
        f64::from(band.balance_db.unwrap_or(0.0)),
    ))
}

fn write(band: &mut StereoBand, pair: Pair) {
    let was = band.correlation.unwrap_or(0.0);
    band.correlation = Some(pair.correlation() as f32);
    band.width_db = pair.width_db().map(|db| db as f32);
    band.balance_db = Some(pair.balance_db() as f32);
    band.mono_change_db = Some(pair.mono_change_db() as f32);
    // Moments of negative correlation are those where the band as a whole leans to it.
    if (was < 0.0) != (pair.correlation() < 0.0) {
        band.negative_share = band.negative_share.map(|share| 1.0 - share);
    } else if pair.correlation() as f32 > was + 0.2 {
        band.negative_share = band.negative_share.map(|share| share * 0.3);
    }
}

/// One channel is turned over, everywhere or in `passages`.
pub(super) fn turn_over(report: &mut Report, passages: &[Passage]) {
    if !passages.is_empty() {
        if let Some(local) = report.detail.as_mut().and_then(|detail| detail.local.as_mut()) {
            local
                .faults
                .retain(|fault| fault.kind != LocalFaultKind::InvertedPassage);
        }
        let share = passages
            .iter()
            .map(|passage| passage.end_s - passage.start_s)
            .sum::<f64>();
        turn_part_over(report, passages, share / report.file.duration_s.max(1e-9));
        return;
    }
    if let Some(detail) = report.detail.as_mut() {
        detail.quality.is_inverted = false;
    }
    let over = |pair: Pair| Pair {
        product: -pair.product,
        ..pair
    };
    change(report, over, |_, pair| over(pair));
}

/// In the turned share of the file the product has the other sign: with |c| as usual outside, the whole was (1 − 2s) c.
fn turn_part_over(report: &mut Report, passages: &[Passage], share: f64) {
    let left = 1.0 - 2.0 * share;
    if left.abs() < 0.05 {
        return;
    }
    let restored = |pair: Pair| {
        let most = (pair.left * pair.right).sqrt();
        Pair {
            product: (pair.product / left).clamp(-most, most),
            ..pair
        }
    };
    let series = report.detail.as_ref().and_then(|detail| detail.stereo.clone());
    change(report, |pair| pair, |_, pair| restored(pair));
    let Some((stereo, before)) = report
        .detail
        .as_mut()
        .and_then(|detail| detail.stereo.as_mut())
        .zip(series)
    else {
        return;
    };
    stereo.worst.retain(|moment| {
        !passages
            .iter()
            .any(|passage| (passage.start_s..=passage.end_s + 3.0).contains(&moment.time_s))
    });
    for index in 0..before.correlation.values.len() {
        let time_s = before.correlation.time_s(index);
        let is_within = passages
            .iter()
            .any(|passage| time_s >= passage.start_s + 1.0 && time_s <= passage.end_s + 2.0);
        let Some(correlation) = before.correlation.values[index].filter(|_| is_within) else {
            continue;
        };
        let balance = before
            .balance_db
            .values
            .get(index)
            .copied()
            .flatten()
            .unwrap_or(0.0);
        let pair = Pair::of(f64::from(correlation.abs()), f64::from(balance));
        stereo.correlation.values[index] = Some(correlation.abs());
        set(&mut stereo.width_db.values, index, pair.width_db());
        set(
            &mut stereo.mono_change_db.values,
            index,
            Some(pair.mono_change_db()),
        );
    }
}

/// Left over right changes by `db`, by turning one of them down.
pub(super) fn balance(report: &mut Report, db: f64) {
    let down = db_to_amplitude(-db.abs());
    let (left, right) = if db < 0.0 { (down, 1.0) } else { (1.0, down) };
    change(
        report,
        |pair| pair.scaled(left, right),
        |_, pair| pair.scaled(left, right),
    );
    // The change of each channel is known exactly; `change` only knew their mean.
    if let Some(detail) = report.detail.as_mut() {
        let peaks = &mut detail.peaks;
        for (channel, factor) in peaks.channels.iter_mut().zip([left, right]) {
            let by = crate::dsp::amplitude_db(factor);
            for reading in [
                &mut channel.sample_peak_dbfs,
                &mut channel.true_peak_dbtp,
                &mut channel.true_peak_8x_dbtp,
            ] {
                shift(reading, by);
            }
        }
        let highest = |reading: fn(&model::report::ChannelLevels) -> Reading| {
            let values = peaks
                .channels
                .iter()
                .filter_map(|channel| reading(channel).value());
            values.reduce(f64::max).map(Reading::new)
        };
        let (sample, four, eight) = (
            highest(|channel| channel.sample_peak_dbfs),
            highest(|channel| channel.true_peak_dbtp),
            highest(|channel| channel.true_peak_8x_dbtp),
        );
        report.peaks.sample_peak_dbfs = sample.unwrap_or(report.peaks.sample_peak_dbfs);
        report.peaks.true_peak_dbtp = four.unwrap_or(report.peaks.true_peak_dbtp);
        peaks.true_peak_8x_dbtp = eight.unwrap_or(peaks.true_peak_8x_dbtp);
    }
}

/// The side loses what is below `hz`.
pub(super) fn low_mono(report: &mut Report, hz: f64) {
    // Over a third of an octave.
    let gain = |at: f64| {
        let powers = [0.9, 1.0, 1.11].map(|part: f64| {
            let response = low_mono::response(at * part / hz);
            response * response
        });
        (powers.iter().sum::<f64>() / 3.0).sqrt()
    };
    change(report, |pair| pair, |at, pair| pair.with_side(gain(at)));
}

/// The side changes by `side_db`.
pub(super) fn width(report: &mut Report, side_db: f64) {
    let gain = db_to_amplitude(side_db);
    change(
        report,
        |pair| pair.with_side(gain),
        |_, pair| pair.with_side(gain),
    );
}

/// One channel was `ms` late and is no longer. A delay leaves cos 2πfτ of a correlation, and over a band of width B also
/// sinc Bτ of it; where that is clear, it is undone, elsewhere the band is taken to be as the clear ones.
pub(super) fn align(report: &mut Report, ms: f64) {
    let tau = ms / 1_000.0;
    let comb = |hz: f64| {
        let x = std::f64::consts::PI * 0.2316 * hz * tau;
        let smear = if x.abs() < 1e-9 { 1.0 } else { libm::sin(x) / x };
        libm::cos(2.0 * std::f64::consts::PI * hz * tau) * smear
    };
    let clear: Vec<f64> = report
        .detail
        .as_ref()
        .and_then(|detail| detail.stereo.as_ref())
        .map_or(&[][..], |stereo| &stereo.bands)
        .iter()
        .filter(|band| comb(band.hz).abs() > CLEAR)
        .filter_map(|band| {
            band.correlation
                .map(|was| (f64::from(was) / comb(band.hz)).clamp(-1.0, 1.0))
        })
        .collect();
    // Channels whose delay can be measured have something in common.
    let usual = if clear.is_empty() {
        0.6
    } else {
        clear.iter().sum::<f64>() / clear.len() as f64
    }
    .max(0.3);
    let aligned = |hz: f64, pair: Pair| {
        let correlation = if comb(hz).abs() > CLEAR {
            (pair.correlation() / comb(hz)).clamp(-1.0, 1.0)
        } else {
            usual
        };
        Pair {
            product: correlation * (pair.left * pair.right).sqrt(),
            ..pair
        }
    };
    change(
        report,
        |pair| Pair {
            product: pair.product.abs().max(usual * (pair.left * pair.right).sqrt()),
            ..pair
        },
        aligned,
    );
    let Some(detail) = report.detail.as_mut() else {
        return;
    };
    if let Some(local) = detail.local.as_mut() {
        local.delays.clear();
    }
    if let Some(stereo) = detail.stereo.as_mut() {
        for band in &mut stereo.bands {
            band.negative_share = band.negative_share.map(|share| share * 0.3);
        }
    }
}
