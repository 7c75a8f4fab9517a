//! What is measured at all: rates and channel counts that both headers and decoded samples are held against.

use model::{Failure, FailureCode};

/// The sample rates that are measured, in hertz.
pub const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=384_000;
/// The most channels that are measured.
pub const MAX_CHANNELS: usize = 8;

/// Refuses a rate outside of [`RATES_HZ`].
pub(crate) fn check_rate(rate: u32) -> Result<(), Failure> {
    if RATES_HZ.contains(&rate) {
        Ok(())
    } else {
        Err(Failure::with(FailureCode::SampleRate, rate))
    }
}

/// Refuses more than [`MAX_CHANNELS`].
pub(crate) fn check_channels(count: usize) -> Result<(), Failure> {
    if count <= MAX_CHANNELS {
        Ok(())
    } else {
        Err(Failure::with(FailureCode::TooManyChannels, count))
    }
}
