//! The meters' results as the sections of a report.

use model::Reading;
use model::report::{
    AbsenceReason, BANDS, BandLevel, BandPercentiles, ChannelLevels, Detail, Dynamics, LocalDetail,
    LocalFault, LocalFaultCount, LocalFaultKind, PeakDetail, PeakPosition, Peaks, Position, Quality, Series,
    Spectrum, SpectrumDetail,
};

use super::band_stats::{BandPower, SixthOctave};
use super::clipping::ChannelClips;
use super::levels::{LevelMeter, PairSums, STEPS_PER_S};
use super::low_end::LowEndMeter;
use super::series::{self, LevelCounts, rounded};
use super::spectrum::{FIRST_BAND, SpectrumMeter};
use super::true_peak::ChannelPeaks;
use super::{
    MeterReadings, SpectralMeters, TimeDomainMeters, comb, dynamics, lines, noise, passages, sections,
    stereo, tone,
};
use crate::dsp::{amplitude_db, power_db};

/// True peaks that are kept with their places.
const WORST_PEAKS: usize = 10;
/// Peaks of one channel are different places from this distance on.
const APART_S: f64 = 0.5;
/// A step from one second to the next is one from sample to sample that is no further away.
const SAME_STEP_S: f64 = 1.5;
/// A dip of a channel and its silence are one fault within so many seconds.
const SAME_DIP_S: f64 = 0.1;
/// RMS below which a channel is silent.
const SILENT_CHANNEL_DBFS: f64 = -80.0;
/// Where lines of the low end begin, and where steady tones do: below, a drone is one.
const LOWEST_LINE_HZ: f64 = 20.0;
/// Above this sample rate it is asked where the music ends.
const HIGH_RATE_HZ: f64 = 64_000.0;
/// Quieter than this, all together, is nothing: rounding to 24 bits is far below, the noise of a converter above.
const NOTHING_DB: f64 = -115.0;
const LOWEST_TONE_HZ: f64 = 250.0;
/// As far as two readings of the same tone may be apart, in Hz: one is known to 3 Hz.
const SAME_TONE_HZ: f64 = 8.0;
/// Nobody hears more.
const HIGHEST_TONE_HZ: f64 = 22_000.0;
/// What no loudspeaker plays: from above the offset to below the lowest note of an organ.
const SUBSONIC_HZ: (f64, f64) = (2.0, 16.0);
/// Share of the 50 ms steps that are quieter than the noise floor.
const NOISE_SHARE: f64 = 0.1;

pub(super) fn assemble(rate: u32, time_domain: TimeDomainMeters, spectral: SpectralMeters) -> MeterReadings {
    let rate = f64::from(rate);
    let SpectralMeters {
        spectrum,
        low_end,
        lines,
        delays,
    } = spectral;
    let levels = time_domain.levels.finish();
    let loudness = time_domain.loudness.finish(&spectrum.audible);
    let true_peaks = time_domain.true_peak.finish();
    let clips = time_domain.clipping.finish();

    let channels = channel_levels(&levels, &true_peaks, &clips.channels);
    let peaks = peaks(&levels, &true_peaks, rate);
    let dynamics = overall_dynamics(&levels, &peaks, loudness.loudness.integrated_lufs);
    let seconds = seconds(&spectrum, &low_end);
    let stereo_detail = (levels.channels.len() == 2).then(|| {
        let thirds = low_end.stats.thirds().iter().chain(spectrum.stats.thirds());
        stereo::detail(&levels, rate, thirds, low_end.low_pair, &spectrum.opposites)
    });
    let integrity = time_domain.integrity.finish();
    let silences = integrity.silences(rate);
    // One click has as much above the edge as an hour of music.
    let (bin_hz, edge_power) = lines.robust_power().unwrap_or_else(|| spectrum.mean_power());
    let hum = low_end
        .lines
        .hum(LOWEST_LINE_HZ, rate / 2.0)
        .or_else(|| low_end.mains.hum(levels.frames as f64 / rate));
    let hum_of_passages = match hum {
        Some(_) => Vec::new(),
        None => low_end.mains.passages(),
    };
    let tones = lines::tones(&lines.lines(LOWEST_TONE_HZ, HIGHEST_TONE_HZ), hum.as_ref());
    let passing_tones = spectrum
        .passing_tones
        .finish(|hz| tones.iter().any(|tone| (tone.hz - hz).abs() <= SAME_TONE_HZ));
    let spectrum_detail = spectrum_detail(&spectrum, &low_end, &seconds);
    let quality = Quality {
        head_silence_s: silences.head_s,
        tail_silence_s: silences.tail_s,
        head_zeros_s: silences.head_zeros_s,
        tail_zeros_s: silences.tail_zeros_s,
        noise_floor_dbfs: or_silent(levels.step_levels.quantile(NOISE_SHARE)),
        effective_bits: integrity.effective_bits(),
        cutoff_hz: tone::cutoff_hz(bin_hz, &edge_power)
            .map_or(Reading::absent(AbsenceReason::Undefined), Reading::new),
        silent_channels: silent(&channels),
        is_dual_mono: integrity.is_dual_mono(),
        is_inverted: integrity.is_inverted(),
        hum,
        tones,
        comb: lines
            .median_db()
            .and_then(|(bin_hz, levels_db)| comb::comb(&levels_db, bin_hz)),
        subsonic_db: low_end
            .lines
            .level_db(SUBSONIC_HZ.0, SUBSONIC_HZ.1)
            .and_then(rounded)
            .map(f64::from),
        content_ends_hz: (rate > HIGH_RATE_HZ).then(|| lines.ends_hz(NOTHING_DB)).flatten(),
        hiss_dbfs: noise::hiss_dbfs(&spectrum_detail.percentiles),
    };
    let overview = overall_spectrum(&spectrum, &low_end, rate);
    let pumping = spectrum.pumping.finish();
    let thirds: Vec<Vec<PairSums>> = (0..levels.seconds.len())
        .map(|second| {
            let low = low_end.stats.thirds_in(second);
            low.chain(spectrum.stats.thirds_in(second)).collect()
        })
        .collect();
    let local_faults = [time_domain.local.finish(), integrity.passages()].concat();
    // Passages of hours take the most memory of all, so whatever has said what it knows makes room.
    drop((spectrum, low_end, lines, time_domain.local, integrity));
    let detail = Detail {
        peaks: PeakDetail {
            true_peak_8x_dbtp: peak_reading(true_peaks.iter().map(|peaks| peaks.eightfold.level)),
            worst: worst_peaks(&true_peaks, rate),
            true_peak_dbtp: peaks_over_time(&true_peaks),
            overs: levels.overs,
            clip_runs: clips.worst,
            channels,
        },
        dynamics: dynamics::detail(&true_peaks, &loudness.timeline, &levels.channels),
        spectrum: spectrum_detail,
        sections: sections::sections(&seconds, levels.frames as f64 / rate, &loudness.timeline),
        loudness: loudness.detail,
        stereo: stereo_detail,
        quality,
        local: Some(LocalDetail {
            delays: delays.finish(),
            pumping,
            tones: passing_tones,
            hum: hum_of_passages,
            ..local_detail(local_faults, &levels, thirds, &seconds, rate)
        }),
    };
    MeterReadings {
        stereo: stereo::overall(&levels, loudness.mono_change_lu),
        loudness: loudness.loudness,
        peaks,
        dynamics,
        spectrum: overview,
        waveform: time_domain.waveform.finish(),
        detail,
    }
}

fn peak_reading(levels: impl Iterator<Item = f32>) -> Reading {
    let highest = levels.fold(0.0, f32::max);
    Reading::new_or(amplitude_db(f64::from(highest)), AbsenceReason::Silent)
}

fn or_silent(value: Option<f64>) -> Reading {
    value.map_or(Reading::absent(AbsenceReason::Silent), Reading::new)
}

fn peaks(levels: &LevelMeter, true_peaks: &[ChannelPeaks], rate: f64) -> Peaks {
    let mut highest: Option<(f32, Position)> = None;
    for (channel, peaks) in true_peaks.iter().enumerate() {
        let peak = peaks.fourfold();
        if peak.level > highest.map_or(0.0, |(level, _)| level) {
            let at = Position {
                time_s: peak.frame / rate,
                channel: channel as u16,
            };
            highest = Some((peak.level, at));
        }
    }
    Peaks {
        sample_peak_dbfs: peak_reading(levels.channels.iter().map(|channel| channel.peak)),
        // The interpolated waveform runs through the samples, so it is never below them.
        true_peak_dbtp: peak_reading(highest.iter().map(|&(level, _)| level)),
        true_peak_at: highest.map(|(_, at)| at),
    }
}

fn channel_levels(
    levels: &LevelMeter,
    true_peaks: &[ChannelPeaks],
    clips: &[ChannelClips],
) -> Vec<ChannelLevels> {
    let frames = levels.frames.max(1) as f64;
    let parts = levels.channels.iter().zip(true_peaks).zip(clips);
    parts
        .map(|((sums, true_peak), clips)| {
            let rms_db = power_db(sums.squares / frames);
            let peak_db = amplitude_db(f64::from(sums.peak));
            ChannelLevels {
                sample_peak_dbfs: Reading::new_or(peak_db, AbsenceReason::Silent),
                true_peak_dbtp: peak_reading(std::iter::once(true_peak.fourfold().level)),
                true_peak_8x_dbtp: peak_reading(std::iter::once(true_peak.eightfold.level)),
                rms_dbfs: Reading::new_or(rms_db, AbsenceReason::Silent),
                crest_db: Reading::new_or(peak_db - rms_db, AbsenceReason::Silent),
                dc: Reading::new(sums.sum / frames),
                dc_steadiness: passages::steadiness(sums, sums.sum / frames),
                clips: clips.full_scale,
                lowered_clips: clips.lowered,
            }
        })
        .collect()
}

fn silent(channels: &[ChannelLevels]) -> Vec<u16> {
    let is_silent = |channel: &ChannelLevels| {
        channel
            .rms_dbfs
            .value()
            .is_none_or(|rms| rms < SILENT_CHANNEL_DBFS)
    };
    (0..)
        .zip(channels)
        .filter(|(_, channel)| is_silent(channel))
        .map(|(index, _)| index)
        .collect()
}

fn overall_dynamics(levels: &LevelMeter, peaks: &Peaks, integrated: Reading) -> Dynamics {
    let squares: f64 = levels.channels.iter().map(|sums| sums.squares).sum();
    let samples = levels.frames.max(1) * levels.channels.len().max(1) as u64;
    let rms_db = power_db(squares / samples as f64);
    let over = |peak: Reading, level: Option<f64>| match (peak.value(), level) {
        (Some(peak), Some(level)) => Reading::new_or(peak - level, AbsenceReason::Silent),
        _ => Reading::absent(AbsenceReason::Silent),
    };
    Dynamics {
        crest_db: over(peaks.sample_peak_dbfs, Some(rms_db)),
        plr_lu: over(peaks.true_peak_dbtp, integrated.value()),
    }
}

/// Faults of moments and of passages, given those that meters have found by themselves.
fn local_detail(
    mut faults: Vec<LocalFault>,
    levels: &LevelMeter,
    thirds: Vec<Vec<PairSums>>,
    bands: &[[f64; 7]],
    rate: f64,
) -> LocalDetail {
    faults.retain(|fault| {
        fault.kind != LocalFaultKind::GainStep || passages::stays(bands, fault.start_s, fault.strength_db)
    });
    // From one sample on is said rather than from one second on.
    let is_new = |step: &LocalFault, faults: &[LocalFault]| {
        faults.iter().all(|fault| {
            fault.kind != LocalFaultKind::GainStep
                || fault.start_s < step.start_s - SAME_STEP_S
                || fault.start_s > step.end_s + SAME_STEP_S
        })
    };
    for step in passages::steps(bands) {
        if is_new(&step, &faults) {
            faults.push(step);
        }
    }
    faults.extend(passages::offsets(&levels.channels));
    faults.extend(passages::faults(&levels.seconds, &thirds, rate));
    drop(thirds);
    // A channel that falls silent is said as that.
    let is_silent = |dip: &LocalFault| {
        faults.iter().any(|fault| {
            (fault.kind.is_gap() || fault.kind == LocalFaultKind::LostChannel)
                && fault.start_s < dip.end_s + SAME_DIP_S
                && fault.end_s > dip.start_s - SAME_DIP_S
        })
    };
    let mut dips = passages::dips(&levels.steps_of_pair(), rate / STEPS_PER_S as f64);
    dips.retain(|dip| !is_silent(dip));
    faults.extend(dips);
    let mut counts: Vec<LocalFaultCount> = Vec::new();
    for fault in &faults {
        match counts.iter_mut().find(|count| count.kind == fault.kind) {
            Some(count) => count.count += 1,
            None => counts.push(LocalFaultCount {
                kind: fault.kind,
                count: 1,
            }),
        }
    }
    counts.sort_by_key(|count| count.kind);
    faults.sort_by(|a, b| {
        let stronger = b.strength_db.abs().total_cmp(&a.strength_db.abs());
        stronger.then(a.start_s.total_cmp(&b.start_s))
    });
    let mut kept: Vec<LocalFault> = Vec::new();
    for fault in faults {
        if kept.iter().filter(|other| other.kind == fault.kind).count() < LocalDetail::MOST_PER_KIND {
            kept.push(fault);
        }
    }
    kept.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.kind.cmp(&b.kind)));
    LocalDetail {
        faults: kept,
        counts,
        ..LocalDetail::default()
    }
}

/// The highest peaks of the seconds of all channels.
fn worst_peaks(true_peaks: &[ChannelPeaks], rate: f64) -> Vec<PeakPosition> {
    let mut places: Vec<PeakPosition> = (0..)
        .zip(true_peaks)
        .flat_map(|(channel, peaks)| peaks.seconds.iter().map(move |peak| (channel, peak)))
        .filter(|(_, peak)| peak.level > 0.0)
        .map(|(channel, peak)| PeakPosition {
            time_s: peak.frame / rate,
            channel,
            dbtp: amplitude_db(f64::from(peak.level)),
        })
        .collect();
    places.sort_by(|a, b| b.dbtp.total_cmp(&a.dbtp).then(a.time_s.total_cmp(&b.time_s)));
    let mut worst: Vec<PeakPosition> = Vec::with_capacity(WORST_PEAKS);
    for place in places {
        let is_new = |other: &PeakPosition| {
            other.channel != place.channel || (other.time_s - place.time_s).abs() >= APART_S
        };
        if worst.len() < WORST_PEAKS && worst.iter().all(is_new) {
            worst.push(place);
        }
    }
    worst
}

fn peaks_over_time(true_peaks: &[ChannelPeaks]) -> Series {
    let seconds = true_peaks.first().map_or(0, |channel| channel.seconds.len());
    let highest: Vec<Option<f64>> = (0..seconds)
        .map(|second| {
            let levels = true_peaks.iter().map(|channel| channel.seconds[second].level);
            peak_reading(levels).value()
        })
        .collect();
    series::per_second(1.0, &highest, series::largest)
}

/// Mean power of [`BANDS`] in each second, 0 in silence.
fn seconds(spectrum: &SpectrumMeter, low_end: &LowEndMeter) -> Vec<[f64; 7]> {
    let count = spectrum.seconds.len().max(low_end.seconds.len());
    (0..count)
        .map(|second| {
            let mut powers = [0.0; 7];
            if let Some(low) = low_end.seconds.get(second) {
                powers[..FIRST_BAND].copy_from_slice(&low.means());
            }
            if let Some(high) = spectrum.seconds.get(second) {
                powers[FIRST_BAND..].copy_from_slice(&high.means());
            }
            powers
        })
        .collect()
}

/// Mean power of each of [`BANDS`], of an average channel (a full-scale sine has 0.5).
fn mean_bands(spectrum: &SpectrumMeter, low_end: &LowEndMeter) -> [f64; 7] {
    let mut powers = [0.0; 7];
    for second in &low_end.seconds {
        for (power, sum) in powers.iter_mut().zip(second.sums) {
            *power += sum / low_end.windows.max(1) as f64;
        }
    }
    for second in &spectrum.seconds {
        for (power, sum) in powers[FIRST_BAND..].iter_mut().zip(second.sums) {
            *power += sum / spectrum.windows.max(1) as f64;
        }
    }
    powers
}

fn band_level(band: BandPower, per_octave: i32) -> BandLevel {
    BandLevel {
        hz: super::centre_hz(band.n, per_octave),
        db: rounded(power_db(band.power / 0.5)),
    }
}

fn overall_spectrum(spectrum: &SpectrumMeter, low_end: &LowEndMeter, rate: f64) -> Spectrum {
    let powers = mean_bands(spectrum, low_end);
    let total: f64 = powers.iter().sum();
    let share = |band: usize| {
        if BANDS[band].from_hz >= rate / 2.0 {
            Reading::absent(AbsenceReason::Undefined)
        } else {
            Reading::new_or(power_db(powers[band] / total), AbsenceReason::Silent)
        }
    };
    Spectrum {
        bands_db: std::array::from_fn(share),
        sixth_octave: low_end
            .stats
            .sixth_powers()
            .chain(spectrum.stats.sixth_powers())
            .map(|band| band_level(band, 6))
            .collect(),
    }
}

fn spectrum_detail(spectrum: &SpectrumMeter, low_end: &LowEndMeter, seconds: &[[f64; 7]]) -> SpectrumDetail {
    let thirds: Vec<BandPower> = low_end
        .stats
        .third_powers()
        .chain(spectrum.stats.third_powers())
        .collect();
    let points: Vec<(f64, f64)> = thirds
        .iter()
        .map(|band| (super::centre_hz(band.n, 3), power_db(band.power)))
        .collect();
    let tilt = tone::tilt(&points);
    let total: f64 = mean_bands(spectrum, low_end).iter().sum();
    let low = low_end.low_power / low_end.windows.max(1) as f64;
    let bands_over_time_db = (0..BANDS.len())
        .map(|band| {
            let levels: Vec<Option<f64>> = seconds
                .iter()
                .map(|powers| Some(power_db(powers[band] / 0.5)).filter(|db| db.is_finite()))
                .collect();
            series::per_second(1.0, &levels, series::mean)
        })
        .collect();
    SpectrumDetail {
        third_octave: thirds.into_iter().map(|band| band_level(band, 3)).collect(),
        percentiles: low_end
            .stats
            .sixths()
            .iter()
            .chain(spectrum.stats.sixths())
            .map(percentiles)
            .collect(),
        tilt_db_per_octave: or_silent(tilt.map(|tilt| tilt.db_per_octave)),
        tilt_deviation_db: or_silent(tilt.map(|tilt| tilt.deviation_db)),
        low_end_share_db: Reading::new_or(power_db(low / total), AbsenceReason::Silent),
        harsh_spread_db: spread(&spectrum.harsh),
        sibilant_spread_db: spread(&spectrum.sibilant),
        bands_over_time_db,
    }
}

fn percentiles(sixth: &SixthOctave) -> BandPercentiles {
    let exceeded = |share: f64| sixth.levels.quantile(1.0 - share).and_then(rounded);
    BandPercentiles {
        hz: super::centre_hz(sixth.n, 6),
        l1: exceeded(0.01),
        l10: exceeded(0.1),
        l50: exceeded(0.5),
        l90: exceeded(0.9),
        l99: exceeded(0.99),
    }
}

fn spread(levels: &LevelCounts) -> Reading {
    match (levels.quantile(0.95), levels.quantile(0.5)) {
        (Some(high), Some(middle)) => Reading::new(high - middle),
        _ => Reading::absent(AbsenceReason::Silent),
    }
}
