//! The state of the samples themselves: silence at the ends, the bits in use, channels that are copies.

use model::Reading;
use model::report::AbsenceReason;

/// Silence, for the ears: −60 dBFS.
const SILENT: f32 = 0.001;
/// Samples of a 32-bit float hold integers of so many bits exactly.
const EXACT_BITS: u16 = 24;

pub(super) struct IntegrityMeter {
    frames: u64,
    /// First and last frame above [`SILENT`], and not zero.
    loud: Option<(u64, u64)>,
    sounding: Option<(u64, u64)>,
    is_dual_mono: bool,
    is_inverted: bool,
    /// Bits per integer sample, where they can be examined, and all samples combined by OR.
    bits: Option<u16>,
    used: u32,
}

impl IntegrityMeter {
    /// `bits` are those of integer samples; `None` for all others.
    pub(super) fn new(channels: usize, bits: Option<u16>) -> Self {
        Self {
            frames: 0,
            loud: None,
            sounding: None,
            is_dual_mono: channels == 2,
            is_inverted: channels == 2,
            bits: bits.filter(|bits| (1..=EXACT_BITS).contains(bits)),
            used: 0,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for plane in planes {
            extend(&mut self.loud, self.frames, plane, |sample| sample.abs() > SILENT);
            extend(&mut self.sounding, self.frames, plane, |sample| sample != 0.0);
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
        self.frames += planes.first().map_or(0, |plane| plane.len()) as u64;
    }

    /// Seconds of silence and of zeros, at the head and at the tail.
    pub(super) fn silences_s(&self, rate: f64) -> [f64; 4] {
        let ends = |found: Option<(u64, u64)>| {
            let (first, last) = found.unwrap_or((self.frames, self.frames.saturating_sub(1)));
            [
                first as f64 / rate,
                (self.frames.saturating_sub(last + 1)) as f64 / rate,
            ]
        };
        let ([head, tail], [head_zeros, tail_zeros]) = (ends(self.loud), ends(self.sounding));
        [head, tail, head_zeros, tail_zeros]
    }

    /// Bits above the lowest one that is ever set.
    pub(super) fn effective_bits(&self) -> Reading {
        match self.bits {
            Some(_) if self.used == 0 => Reading::absent(AbsenceReason::Silent),
            Some(_) => Reading::of(f64::from(
                u32::from(EXACT_BITS).saturating_sub(self.used.trailing_zeros()),
            )),
            None => Reading::absent(AbsenceReason::Undefined),
        }
    }

    /// Whether the channels are equal, or opposite, to the last bit.
    pub(super) fn copies(&self) -> (bool, bool) {
        let sounds = self.sounding.is_some();
        (self.is_dual_mono && sounds, self.is_inverted && sounds)
    }
}

fn as_integer(sample: f32) -> u32 {
    ((sample * (1 << (EXACT_BITS - 1)) as f32) as i32).cast_unsigned()
}

fn extend(found: &mut Option<(u64, u64)>, frames: u64, plane: &[f32], is_wanted: impl Fn(f32) -> bool) {
    // Where there is sound already, only the last sample is of interest, and it is found at once.
    let Some(last) = plane.iter().rposition(|&sample| is_wanted(sample)) else {
        return;
    };
    let last = frames + last as u64;
    match found {
        Some((first, end)) => {
            *end = last.max(*end);
            if *first >= frames {
                let here = plane.iter().position(|&sample| is_wanted(sample)).unwrap_or(0);
                *first = (*first).min(frames + here as u64);
            }
        }
        None => {
            let first = plane.iter().position(|&sample| is_wanted(sample)).unwrap_or(0);
            *found = Some((frames + first as u64, last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(bits: Option<u16>, planes: &[&[f32]]) -> IntegrityMeter {
        let mut meter = IntegrityMeter::new(planes.len(), bits);
        for start in (0..planes[0].len()).step_by(100) {
            let end = (start + 100).min(planes[0].len());
            meter.push(&planes.iter().map(|plane| &plane[start..end]).collect::<Vec<_>>());
        }
        meter
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
        assert_eq!(meter.silences_s(1_000.0), [0.25, 0.1, 0.21, 0.05]);
    }

    #[test]
    fn padding_is_what_is_never_set() {
        let of = |step: f32| (0..1_000).map(|n| (n % 61) as f32 * step).collect::<Vec<f32>>();
        let (bits_16, bits_24) = (of(1.0 / 32_768.0), of(-1.0 / 8_388_608.0));
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
        assert_eq!(meter(None, &[&left, &left]).copies(), (true, false));
        assert_eq!(meter(None, &[&left, &opposite]).copies(), (false, true));
        assert_eq!(meter(None, &[&left, &nearly]).copies(), (false, false));
    }
}
