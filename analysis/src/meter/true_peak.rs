//! True peak: BS.1770-5 Annex 2, with the filter of libebur128 and of the `ebur128` crate, so that readings agree.
//!
//! A windowed sinc of 48 taps gives three values between each pair of samples. It stays fourfold at every rate (the
//! libraries go down to twofold at 96 kHz and to none at 192 kHz, where they read up to 1.2 dB too little).

/// Interpolated values per sample.
const FACTOR: usize = 4;
/// Samples that each of them is made from.
const TAPS: usize = 12;
/// The sample at which the filter's centre lies, counted back from the newest.
const CENTRE: usize = TAPS / 2;
/// Samples examined, and perhaps skipped, at a time.
const TILE: usize = 64;

/// Where the true peak is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PeakAt {
    /// In frames from the start; between two samples it is no whole number.
    pub(super) frame: f64,
    pub(super) channel: u16,
}

pub(super) struct TruePeakMeter {
    /// Per phase, the taps in the order of time. Phase 0 is the samples themselves.
    phases: [[f32; TAPS]; FACTOR - 1],
    /// No interpolated value exceeds the largest sample by more than this.
    gain_bound: f32,
    /// Per channel, the last samples of the block before, and room for the current one behind them.
    channels: Vec<Vec<f32>>,
    frames: u64,
    peak: f32,
    at: Option<PeakAt>,
}

impl TruePeakMeter {
    pub(super) fn new(channels: usize) -> Self {
        let phases =
            std::array::from_fn(|phase| std::array::from_fn(|tap| coefficient(TAPS - 1 - tap, phase + 1)));
        let gain = |taps: &[f32; TAPS]| taps.iter().map(|tap| tap.abs()).sum::<f32>();
        Self {
            gain_bound: phases.iter().map(gain).fold(1.0, f32::max) * 1.0001,
            phases,
            channels: vec![vec![0.0; TAPS - 1]; channels],
            frames: 0,
            peak: 0.0,
            at: None,
        }
    }

    pub(super) fn push(&mut self, planes: &[&[f32]]) {
        for (channel, plane) in planes.iter().enumerate() {
            let mut buffer = std::mem::take(&mut self.channels[channel]);
            buffer.extend_from_slice(plane);
            self.scan(&buffer, channel as u16);
            buffer.drain(..plane.len());
            self.channels[channel] = buffer;
        }
        self.frames += planes.first().map_or(0, |plane| plane.len()) as u64;
    }

    fn scan(&mut self, buffer: &[f32], channel: u16) {
        let new = buffer.len() - (TAPS - 1);
        let mut start = 0;
        while start < new {
            let len = TILE.min(new - start);
            let around = &buffer[start..start + len + TAPS - 1];
            let loudest = around.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            // Nothing between these samples can reach the peak so far: exact, and most of a file ends here.
            if loudest * self.gain_bound > self.peak {
                self.examine(around, self.frames + start as u64, channel);
            }
            start += len;
        }
    }

    /// Looks at every value, sampled and interpolated, of the `around.len() − 11` samples that end `around`.
    fn examine(&mut self, around: &[f32], first_frame: u64, channel: u16) {
        let len = around.len() - (TAPS - 1);
        let mut tile = [0.0_f32; TILE];
        for phase in 0..FACTOR {
            let tile = &mut tile[..len];
            match phase.checked_sub(1) {
                None => tile.copy_from_slice(&around[TAPS - 1 - CENTRE..][..len]),
                Some(filtered) => {
                    tile.fill(0.0);
                    for (tap, &coefficient) in self.phases[filtered].iter().enumerate() {
                        for (sum, &sample) in tile.iter_mut().zip(&around[tap..]) {
                            *sum += coefficient * sample;
                        }
                    }
                }
            }
            let peak = tile.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
            if peak > self.peak {
                self.peak = peak;
                let index = tile.iter().position(|value| value.abs() == peak).unwrap_or(0);
                let frame =
                    (first_frame + index as u64) as f64 - CENTRE as f64 + phase as f64 / FACTOR as f64;
                self.at = Some(PeakAt {
                    frame: frame.max(0.0),
                    channel,
                });
            }
        }
    }

    /// The true peak and where it is. The last samples are taken as they are, without the silence behind the file: no
    /// other meter lets the filter ring out either.
    pub(super) fn finish(mut self) -> (f32, Option<PeakAt>) {
        for (channel, buffer) in self.channels.iter().enumerate() {
            let first = self.frames as f64 - buffer.len() as f64;
            for (index, sample) in buffer.iter().enumerate() {
                if sample.abs() > self.peak {
                    self.peak = sample.abs();
                    self.at = Some(PeakAt {
                        frame: (first + index as f64).max(0.0),
                        channel: channel as u16,
                    });
                }
            }
        }
        (self.peak, self.at)
    }
}

/// The coefficient by which the sample `tap` places back enters the value at `phase`: a sinc under a Hann window.
fn coefficient(tap: usize, phase: usize) -> f32 {
    use std::f64::consts::PI;
    const LEN: f64 = (TAPS * FACTOR) as f64;
    let index = (tap * FACTOR + phase) as f64;
    let window = 0.5 * (1.0 - (2.0 * PI * index / LEN).cos());
    let x = PI * (index - LEN / 2.0) / FACTOR as f64;
    (if x == 0.0 { window } else { window * x.sin() / x }) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_value(meter: &TruePeakMeter, samples: &[f32]) -> f32 {
        let mut padded = vec![0.0; TAPS - 1];
        padded.extend_from_slice(samples);
        let between = padded.windows(TAPS).flat_map(|window| {
            meter.phases.iter().map(move |taps| {
                taps.iter()
                    .zip(window)
                    .map(|(tap, sample)| tap * sample)
                    .sum::<f32>()
                    .abs()
            })
        });
        between
            .chain(samples.iter().map(|sample| sample.abs()))
            .fold(0.0, f32::max)
    }

    #[test]
    fn skipping_changes_no_reading() {
        let mut state = 1_u32;
        for round in 1..40 {
            let samples: Vec<f32> = (0..round * 37)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / 8_388_608.0 - 1.0
                })
                .collect();
            let mut meter = TruePeakMeter::new(1);
            let all = every_value(&meter, &samples);
            for block in samples.chunks(100) {
                meter.push(&[block]);
            }
            let (peak, at) = meter.finish();
            assert!((peak - all).abs() < 1e-5, "{peak} {all}");
            assert!(at.is_some());
        }
    }

    #[test]
    fn the_peak_between_two_samples_is_found_where_it_is() {
        // fs/4 at 45°: the samples are at ±0.707, the peaks halfway between them at ±1.
        let burst = |frame: i32| if (200..300).contains(&frame) { 1.0 } else { 0.1 };
        let sine: Vec<f32> = (0..1000)
            .map(|n| (burst(n) * (std::f64::consts::FRAC_PI_2 * (f64::from(n) + 0.5)).sin()) as f32)
            .collect();
        let silence = vec![0.0; 1000];
        let mut meter = TruePeakMeter::new(2);
        meter.push(&[&silence, &sine]);
        let (peak, at) = meter.finish();
        let at = at.unwrap();
        assert!((1.0..1.06).contains(&peak), "{peak}");
        assert_eq!(at.channel, 1);
        assert!((199.0..301.0).contains(&at.frame), "{at:?}");
        assert_eq!(at.frame.fract(), 0.5);
    }
}
