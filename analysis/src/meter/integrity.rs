//! The state of the samples themselves: silence at the ends, bits in use, channels that are copies of each other.

use model::Reading;
use model::report::{AbsenceReason, LocalFault};

use super::coarse::Coarseness;
use super::seconds::Seconds;
use super::steps::StepCounter;

/// Silence, for the ears: −60 dBFS.
const SILENT: f32 = 0.001;
/// Samples of a 32-bit float hold integers of so many bits exactly.
const EXACT_BITS: u16 = 24;
/// Where values are further apart than those of so many bits, they were rounded, whatever bits the file has.
const COARSE_BITS: f64 = 14.5;

/// How long nothing is heard at the ends of a file, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Silences {
    /// Up to the first sample above −60 dBFS.
    pub(super) head_s: f64,
    /// From the last sample above −60 dBFS on.
    pub(super) tail_s: f64,
    /// Exact zeros at the start.
    pub(super) head_zeros_s: f64,
    /// Exact zeros at the end.
    pub(super) tail_zeros_s: f64,
}

pub(super) struct IntegrityMeter {
    frames: u64,
    /// What lies above [`SILENT`].
    loud: Option<FrameSpan>,
    /// What is not zero.
    nonzero: Option<FrameSpan>,
    is_dual_mono: bool,
    is_inverted: bool,
    /// Bits per integer sample, where they can be examined, and all samples combined by OR.
    bits: Option<u16>,
    used: u32,
    /// Of each channel.
    values: Vec<ValueMeter>,
    seconds: Seconds,
}

/// What the samples of one channel are rounded to.
struct ValueMeter {
    steps: StepCounter,
    coarseness: Coarseness,
}

impl IntegrityMeter {
    /// `bits` are those of integer samples; `None` for all others.
    pub(super) fn new(rate: u32, channels: usize, bits: Option<u16>) -> Self {
        let bits = bits.filter(|bits| (1..=EXACT_BITS).contains(bits));
        Self {
            frames: 0,
            loud: None,
            nonzero: None,
            is_dual_mono: channels == 2,
            is_inverted: channels == 2,
            bits,
            used: 0,
            values: (0..channels).map(|_| ValueMeter::new()).collect(),
            seconds: Seconds::new(rate),
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for plane in planes {
            extend(&mut self.loud, self.frames, plane, |sample| sample.abs() > SILENT);
            extend(&mut self.nonzero, self.frames, plane, |sample| sample != 0.0);
        }
        if let [left, right] = planes {
            self.is_dual_mono = self.is_dual_mono && left == right;
            self.is_inverted =
                self.is_inverted && left.iter().zip(*right).all(|(left, right)| *left == -right);
        }
        if let Some(bits) = self.bits
            && self.used.trailing_zeros() > u32::from(EXACT_BITS - bits)
        {
            for plane in planes {
                self.used |= plane.iter().fold(0, |used, sample| used | as_integer(*sample));
            }
        }
        let frames = planes.first().map_or(0, |plane| plane.len());
        self.push_values(planes, frames);
        self.frames += frames as u64;
    }

    fn push_values(&mut self, planes: &[&[f32]], frames: usize) {
        for (piece, is_complete) in self.seconds.pieces(frames) {
            for (values, plane) in self.values.iter_mut().zip(planes) {
                values.steps.push(&plane[piece.clone()]);
                values.coarseness.ask(&plane[piece.clone()]);
            }
            if is_complete {
                self.values.iter_mut().for_each(ValueMeter::complete_second);
            }
        }
    }

    /// Takes the incomplete last second into the sums.
    pub(super) fn finish(mut self) -> Self {
        self.values.iter_mut().for_each(ValueMeter::complete_second);
        self
    }

    /// Passages that are coarser than the rest.
    pub(super) fn passages(&self) -> Vec<LocalFault> {
        let passages = (0..)
            .zip(&self.values)
            .flat_map(|(channel, values)| values.coarseness.passages(channel));
        super::local::joined(passages.collect(), self.values.len(), 0.0)
    }

    /// The silence and the zeros at both ends, for `rate` frames per second.
    pub(super) fn silences(&self, rate: f64) -> Silences {
        let head_s = |span: Option<FrameSpan>| span.map_or(self.frames, |span| span.first) as f64 / rate;
        let tail_s = |span: Option<FrameSpan>| {
            span.map_or(0, |span| self.frames.saturating_sub(span.last + 1)) as f64 / rate
        };
        Silences {
            head_s: head_s(self.loud),
            tail_s: tail_s(self.loud),
            head_zeros_s: head_s(self.nonzero),
            tail_zeros_s: tail_s(self.nonzero),
        }
    }

    /// Bits above the lowest one that is ever set; where values are coarser than that, because a gain or an offset came
    /// behind the rounding, those of the coarsest channel.
    pub(super) fn effective_bits(&self) -> Reading {
        match self.bits {
            Some(_) if self.used == 0 => Reading::absent(AbsenceReason::Silent),
            Some(_) => {
                let set = f64::from(u32::from(EXACT_BITS).saturating_sub(self.used.trailing_zeros()));
                let coarsest = self
                    .values
                    .iter()
                    .filter_map(|values| values.steps.bits())
                    .reduce(f64::min);
                let rounded = coarsest.filter(|&bits| bits <= COARSE_BITS).map(f64::round);
                // An exact figure is better than one that is counted.
                Reading::new(rounded.filter(|bits| bits + 1.0 < set).unwrap_or(set))
            }
            None => Reading::absent(AbsenceReason::Undefined),
        }
    }

    /// Whether both channels are equal to the last bit.
    pub(super) fn is_dual_mono(&self) -> bool {
        self.is_dual_mono && self.nonzero.is_some()
    }

    /// Whether one channel is the other one upside down, to the last bit.
    pub(super) fn is_inverted(&self) -> bool {
        self.is_inverted && self.nonzero.is_some()
    }
}

impl ValueMeter {
    fn new() -> Self {
        Self {
            steps: StepCounter::new(),
            coarseness: Coarseness::default(),
        }
    }

    fn complete_second(&mut self) {
        self.coarseness.complete_second(self.steps.complete_second());
    }
}

/// The first and the last frame with some property.
#[derive(Clone, Copy)]
struct FrameSpan {
    first: u64,
    last: u64,
}

fn as_integer(sample: f32) -> u32 {
    ((sample * (1 << (EXACT_BITS - 1)) as f32) as i32).cast_unsigned()
}

fn extend(span: &mut Option<FrameSpan>, frames: u64, plane: &[f32], is_wanted: impl Fn(f32) -> bool) {
    // Where there is sound already, only the last sample is of interest, and it is found at once.
    let Some(last) = plane.iter().rposition(|&sample| is_wanted(sample)) else {
        return;
    };
    let last = frames + last as u64;
    let first = || frames + plane.iter().position(|&sample| is_wanted(sample)).unwrap_or(0) as u64;
    match span {
        Some(span) => {
            span.last = last.max(span.last);
            // Another channel of this block may have begun later.
            if span.first >= frames {
                span.first = span.first.min(first());
            }
        }
        None => *span = Some(FrameSpan { first: first(), last }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(bits: Option<u16>, planes: &[&[f32]]) -> IntegrityMeter {
        let mut meter = IntegrityMeter::new(1_000, planes.len(), bits);
        for start in (0..planes[0].len()).step_by(100) {
            let end = (start + 100).min(planes[0].len());
            meter.push(&planes.iter().map(|plane| &plane[start..end]).collect::<Vec<_>>());
        }
        meter.finish()
    }

    #[test]
    fn silence_ends_with_the_first_channel_that_sounds() {
        let (mut left, mut right) = (vec![0.0; 1_000], vec![0.0; 1_000]);
        left[300] = 0.5;
        right[210] = 0.0005;
        right[250] = -0.5;
        left[899] = 0.002;
        right[949] = 1e-5;
        let meter = meter(None, &[&left, &right]);
        let expected = Silences {
            head_s: 0.25,
            tail_s: 0.1,
            head_zeros_s: 0.21,
            tail_zeros_s: 0.05,
        };
        assert_eq!(meter.silences(1_000.0), expected);
    }

    #[test]
    fn padding_is_what_is_never_set() {
        let ramp = |step: f32| (0..1_000).map(|n| (n % 61) as f32 * step).collect::<Vec<f32>>();
        let (bits_16, bits_24) = (ramp(1.0 / 32_768.0), ramp(-1.0 / 8_388_608.0));
        let effective = |bits, plane: &[f32]| meter(bits, &[plane]).effective_bits();
        assert_eq!(effective(Some(24), &bits_16).value(), Some(16.0));
        assert_eq!(effective(Some(16), &bits_16).value(), Some(16.0));
        assert_eq!(effective(Some(24), &bits_24).value(), Some(24.0));
        assert_eq!(effective(None, &bits_16).why(), Some(AbsenceReason::Undefined));
        assert_eq!(
            effective(Some(32), &bits_16).why(),
            Some(AbsenceReason::Undefined)
        );
    }

    #[test]
    fn copies_are_equal_or_opposite_to_the_last_bit() {
        let left: Vec<f32> = (0..500).map(|n| (n as f32 * 0.1).sin()).collect();
        let opposite: Vec<f32> = left.iter().map(|x| -x).collect();
        let mut nearly = left.clone();
        nearly[400] += 1e-6;
        for (right, is_dual_mono, is_inverted) in [
            (&left, true, false),
            (&opposite, false, true),
            (&nearly, false, false),
        ] {
            let meter = meter(None, &[&left, right]);
            assert_eq!(meter.is_dual_mono(), is_dual_mono);
            assert_eq!(meter.is_inverted(), is_inverted);
        }
    }
}
