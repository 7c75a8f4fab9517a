//! The state of the signal: what is wrong with it before any taste.

use analysis::rules::find;
use leptos::prelude::*;
use model::{
    Reading, Report,
    report::{ChannelLevels, Hum, Quality},
    verdict::Stage,
};

use super::{Line, ReportSection, WordLine};
use crate::format;

/// What counts as a noteworthy offset: −60 dBFS.
const DC_NOTEWORTHY: f64 = 0.001;

/// Silence at the ends, noise, hum, offset, bits, bandwidth; nothing for reports that do not hold it.
#[component]
pub fn SignalSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let Some(detail) = report.detail else {
        return ().into_any();
    };
    let quality = detail.quality;
    let (silence, silence_note) = silence(&quality);
    let (hum, hum_note) = hum(quality.hum.as_ref());
    let (edge, edge_note) = cutoff(quality.cutoff_hz);
    let (dc, dc_note) = offset(&detail.peaks.channels);
    let channels = channels(&quality, report.file.channels).map(|(value, note)| {
        view! { <WordLine label="Channels" value=value note=note /> }
    });
    let padded = match (quality.effective_bits.value(), report.file.bits_per_sample) {
        (Some(used), Some(bits)) if used < f64::from(bits) => {
            format!("The file holds {bits} bits; the lowest are always zero.")
        }
        (Some(_), _) => "All bits of the file are in use.".to_owned(),
        (None, _) => "Only files with whole numbers of at most 24 bits have such a thing.".to_owned(),
    };
    view! {
        <ReportSection id="signal" title="Signal" about="What the file itself is like, before any question of taste.">
            <dl class="lines">
                <WordLine label="Silence" value=silence note=silence_note />
                <Line
                    label="Quietest tenth"
                    reading=quality.noise_floor_dbfs
                    unit="dBFS"
                    note="A tenth of the time is quieter than this. In dense music that is music, not noise.".to_owned()
                />
                <WordLine label="Hum" value=hum note=hum_note />
                <WordLine label="DC offset" value=dc note=dc_note />
                <Line label="Bits in use" reading=quality.effective_bits decimals=0 note=padded />
                <WordLine label="Steep cut-off" value=edge note=edge_note />
                {channels}
            </dl>
        </ReportSection>
    }
    .into_any()
}

fn silence(quality: &Quality) -> (String, String) {
    let seconds = |value: f64| format::with_unit(value, 2, "s");
    let zeros = if quality.head_zeros_s > 0.0 || quality.tail_zeros_s > 0.0 {
        format!(
            " Exact zeros: {} and {}.",
            seconds(quality.head_zeros_s),
            seconds(quality.tail_zeros_s)
        )
    } else {
        String::new()
    };
    (
        format!(
            "{} · {}",
            seconds(quality.head_silence_s),
            seconds(quality.tail_silence_s)
        ),
        format!(
            "Before the first and behind the last sample above {}.{zeros}",
            format::with_unit(-60.0, 0, "dBFS")
        ),
    )
}

fn hum(hum: Option<&Hum>) -> (String, String) {
    match hum {
        Some(hum) => (
            format::with_unit(hum.level_db, 1, "dB"),
            format!(
                "A steady tone at {} and its multiples ({}), even in the quietest parts.",
                format::frequency(hum.mains_hz),
                hum.harmonics
                    .iter()
                    .map(|harmonic| format::frequency(f64::from(*harmonic) * hum.mains_hz))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        None => (
            "None found".to_owned(),
            format!(
                "Music that never rests at 50 or 60{}Hz can hide it.",
                format::THIN
            ),
        ),
    }
}

fn cutoff(edge_hz: Reading) -> (String, String) {
    match edge_hz.value() {
        Some(hertz) => (
            format::frequency(hertz),
            "Nothing above this edge: consistent with lossy coding or resampling, no proof of either."
                .to_owned(),
        ),
        None => (
            "None found".to_owned(),
            "No edge as lossy coders leave it. That does not prove a lossless source.".to_owned(),
        ),
    }
}

fn offset(channels: &[ChannelLevels]) -> (String, String) {
    let largest = channels
        .iter()
        .filter_map(|channel| channel.dc.value())
        .fold(0.0_f64, |largest, dc| largest.max(dc.abs()));
    if largest < DC_NOTEWORTHY {
        let limit = format::with_unit(-60.0, 0, "dBFS");
        return ("None".to_owned(), format!("Below {limit} in every channel."));
    }
    let level_db = 20.0 * largest.log10();
    let against_peak_db = channels
        .iter()
        .filter_map(|channel| {
            Some(20.0 * channel.dc.value()?.abs().log10() - channel.sample_peak_dbfs.value()?)
        })
        .fold(f64::NEG_INFINITY, f64::max);
    let harmless_db = find("signal.offset")
        .and_then(|rule| rule.criterion(Stage::Master)?.range().high)
        .filter(|&high_db| against_peak_db <= high_db);
    let words = match harmless_db {
        Some(high_db) => format!(
            "More than {} below the highest sample: it takes no headroom worth mentioning.",
            format::with_unit(-high_db, 0, "dB")
        ),
        None => {
            "The waveform does not swing around zero, which costs headroom. A high-pass at 20 Hz removes it."
                .to_owned()
        }
    };
    (format::with_unit(level_db, 1, "dBFS"), words)
}

/// What is wrong with the channels; `None` where nothing is.
fn channels(quality: &Quality, count: u16) -> Option<(String, String)> {
    if let Some(silent) = quality.silent_channels.first() {
        let name = format::channel(*silent, count);
        return Some(("One missing".to_owned(), format!("Nothing in {name}.")));
    }
    if quality.is_inverted {
        let note = "One channel is the other upside down: in mono nothing is left.";
        return Some(("Inverted".to_owned(), note.to_owned()));
    }
    if quality.is_dual_mono {
        let note = "Both channels are the same: a mono mix in a stereo file.";
        return Some(("Equal".to_owned(), note.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hum_is_said_with_its_harmonics() {
        let (level, note) = hum(Some(&Hum {
            mains_hz: 50.0,
            level_db: -52.0,
            harmonics: vec![1, 3],
        }));
        assert_eq!(level, "\u{2212}52.0\u{202f}dB");
        assert!(note.contains("50\u{202f}Hz, 150\u{202f}Hz"), "{note}");
        assert_eq!(hum(None).0, "None found");
    }
}
