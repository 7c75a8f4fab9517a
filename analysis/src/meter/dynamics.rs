//! Peak against loudness over time, and DR.

use model::Reading;
use model::report::{AbsenceReason, DynamicsDetail};

use super::levels::{ChannelSums, DrBlock};
use super::loudness::Timeline;
use super::series;
use super::true_peak::ChannelPeaks;
use crate::dsp::{amplitude_db, power_db};

/// Seconds of the window of short-term loudness.
const WINDOW_S: usize = 3;
/// The share of the windows that the lower percentile leaves below it.
const PSR_SHARE: f64 = 0.1;
/// DR counts this share of the blocks, the loudest.
const DR_SHARE: f64 = 0.2;

/// PSR over time and DR of each channel.
pub(super) fn detail(
    peaks: &[ChannelPeaks],
    timeline: &Timeline,
    channels: &[ChannelSums],
) -> DynamicsDetail {
    let seconds = peaks.first().map_or(0, |channel| channel.seconds.len());
    let psr: Vec<Option<f64>> = (WINDOW_S..=seconds)
        .filter(|&end| end < seconds || timeline.short_term_at(end).is_some())
        .map(|end| {
            let highest = peaks
                .iter()
                .flat_map(|channel| &channel.seconds[end - WINDOW_S..end])
                .fold(0.0_f32, |highest, peak| highest.max(peak.level));
            Some(amplitude_db(f64::from(highest)) - timeline.short_term_at(end)?)
        })
        .collect();
    let mut existing: Vec<f64> = psr
        .iter()
        .flatten()
        .copied()
        .filter(|psr| psr.is_finite())
        .collect();
    let dr_channels_db: Vec<Reading> = channels.iter().map(|channel| dr(&channel.dr_blocks)).collect();
    let dr: Vec<Option<f64>> = dr_channels_db.iter().map(|reading| reading.value()).collect();
    DynamicsDetail {
        psr_lu: series::per_second(WINDOW_S as f64, &psr, series::smallest),
        psr_p10_lu: series::quantile(&mut existing, PSR_SHARE)
            .map_or(Reading::absent(AbsenceReason::Silent), Reading::new),
        dr_db: series::mean(&dr).map_or(Reading::absent(AbsenceReason::Silent), Reading::new),
        dr_channels_db,
    }
}

/// The second-highest block peak over the RMS of the loudest fifth of the blocks, where a sine counts as loud as its
/// peak (RMS = √(2 Σx² / n)).
fn dr(blocks: &[DrBlock]) -> Reading {
    let mut powers: Vec<f64> = blocks.iter().map(|block| 2.0 * block.mean_square).collect();
    let mut peaks: Vec<f32> = blocks.iter().map(|block| block.peak).collect();
    powers.sort_by(|a, b| b.total_cmp(a));
    peaks.sort_by(|a, b| b.total_cmp(a));
    let count = ((powers.len() as f64 * DR_SHARE) as usize).max(1);
    let Some(&peak) = peaks.get(1).or(peaks.first()) else {
        return Reading::absent(AbsenceReason::TooShort);
    };
    let loudest = &powers[..count.min(powers.len())];
    let power = loudest.iter().sum::<f64>() / loudest.len() as f64;
    Reading::new_or(
        amplitude_db(f64::from(peak)) - power_db(power),
        AbsenceReason::Silent,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::{db_to_amplitude, db_to_power};

    #[test]
    fn dr_takes_the_second_peak_and_the_loudest_fifth() {
        // Ten blocks of −20 dB (as a sine), two of −14 dB; peaks at −1, −3 and −6 dB.
        let block = |level_db: f64, peak_db: f64| DrBlock {
            mean_square: 0.5 * db_to_power(level_db),
            peak: db_to_amplitude(peak_db) as f32,
        };
        let mut blocks = vec![block(-20.0, -6.0); 8];
        blocks.extend([block(-14.0, -1.0), block(-14.0, -3.0)]);
        assert!((dr(&blocks).value().unwrap() - 11.0).abs() < 1e-5);
        assert_eq!(dr(&[]).why(), Some(AbsenceReason::TooShort));
        assert_eq!(
            dr(&[block(f64::NEG_INFINITY, f64::NEG_INFINITY)]).why(),
            Some(AbsenceReason::Silent)
        );
    }
}
