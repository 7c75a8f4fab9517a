//! Peaks, what stands between them and the average, and clipping.

use leptos::prelude::*;
use model::{
    Report,
    report::{ChannelLevels, Clips, Detail, PeakDetail},
};

use super::{Fold, Line, ReportSection, WordLine, words};
use crate::{
    format,
    ui::{DataTable, Table},
};

/// Peaks and what stands between them and the average.
#[component]
pub fn DynamicsSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let channels = report.file.channels;
    let more = report.detail.as_deref().map(more_lines);
    let tables = report
        .detail
        .as_deref()
        .map(|detail| tables(&detail.peaks, channels));
    view! {
        <ReportSection
            id="dynamics"
            title="Peaks and dynamics"
            about="How far the peaks reach, and how far they stand above the average."
        >
            <dl class="lines">
                <Line
                    label="True peak"
                    reading=report.peaks.true_peak_dbtp
                    unit="dBTP"
                    signed=true
                    note=words::true_peak_position(&report)
                />
                <Line
                    label="Sample peak"
                    reading=report.peaks.sample_peak_dbfs
                    unit="dBFS"
                    signed=true
                    note=words::sample_peak(&report)
                />
                <Line
                    label="Crest factor"
                    reading=report.dynamics.crest_db
                    unit="dB"
                    note="Sample peak over RMS.".to_owned()
                />
                <Line
                    label="Peak to loudness (PLR)"
                    reading=report.dynamics.plr_lu
                    unit="LU"
                    note="True peak minus integrated loudness.".to_owned()
                />
                {more}
            </dl>
            {tables}
        </ReportSection>
    }
    .into_any()
}

fn more_lines(detail: &Detail) -> AnyView {
    let dynamics = &detail.dynamics;
    let (value, note) = clipping(&detail.peaks);
    view! {
        <Line
            label="Peak to short-term (PSR)"
            reading=dynamics.psr_p10_lu
            unit="LU"
            note="Nine tenths of the time the peaks stand at least this far above the short-term loudness.".to_owned()
        />
        <Line
            label="Dynamic range (DR)"
            reading=dynamics.dr_db
            unit="dB"
            note="Second-highest peak over the loudest fifth of 3 s blocks, as DR meters count it.".to_owned()
        />
        <Line
            label="True peak at 8x"
            reading=detail.peaks.true_peak_8x_dbtp
            unit="dBTP"
            signed=true
            note="With 32 taps per phase, for ceilings that must hold; common meters show the 4x value above.".to_owned()
        />
        <WordLine label="Clipping" value=value note=note />
    }
    .into_any()
}

/// Whether the file is clipped, in a word and a sentence.
fn clipping(peaks: &PeakDetail) -> (String, String) {
    let sum = |of: fn(&ChannelLevels) -> Clips| {
        peaks
            .channels
            .iter()
            .fold(Clips::default(), |sum, channel| Clips {
                runs: sum.runs + of(channel).runs,
                samples: sum.samples + of(channel).samples,
            })
    };
    let (full, lowered) = (sum(|channel| channel.clips), sum(|channel| channel.lowered_clips));
    let first = peaks.clip_runs.first().map_or(String::new(), |run| {
        format!(
            " The longest: {} samples at {}.",
            run.samples,
            format::clock_tenths(run.time_s)
        )
    });
    if full.runs > 0 {
        let value = format!("{} places", full.runs);
        (
            value,
            format!(
                "{} samples in runs of three or more at full scale.{first}",
                full.samples
            ),
        )
    } else if lowered.runs > 0 {
        (
            format!("{} places", lowered.runs),
            format!(
                "Equal samples at the highest level, below full scale: consistent with clipping before a later turn-down.{first}"
            ),
        )
    } else if peaks.overs > 0 {
        (
            "None yet".to_owned(),
            format!(
                "{} samples are beyond full scale, as lossy and floating-point files can have them: they clip as soon as they are played.",
                peaks.overs
            ),
        )
    } else {
        (
            "None".to_owned(),
            "No run of three samples at an extreme.".to_owned(),
        )
    }
}

fn tables(peaks: &PeakDetail, channels: u16) -> AnyView {
    let fold = |summary: String, table: DataTable| {
        view! {
            <Fold summary=summary>
                <Table data=table />
            </Fold>
        }
    };
    let worst = (!peaks.worst.is_empty()).then(|| {
        let summary = format!("The {} highest true peaks", peaks.worst.len());
        fold(summary, worst_table(peaks, channels))
    });
    let runs = (!peaks.clip_runs.is_empty()).then(|| {
        let summary = format!("The {} longest clipped places", peaks.clip_runs.len());
        fold(summary, clip_table(peaks, channels))
    });
    let each = fold("Each channel".to_owned(), channel_table(peaks));
    view! { <div class="stack">{worst} {runs} {each}</div> }.into_any()
}

fn worst_table(peaks: &PeakDetail, channels: u16) -> DataTable {
    let rows = peaks.worst.iter().map(|peak| {
        vec![
            format::clock_tenths(peak.time_s),
            format::channel(peak.channel, channels),
            format::signed(peak.dbtp, 2),
        ]
    });
    DataTable::new(
        "The highest true peaks, each the highest of its second and channel",
        &["Time", "Channel", "dBTP"],
        rows.collect(),
    )
}

fn clip_table(peaks: &PeakDetail, channels: u16) -> DataTable {
    let rows = peaks.clip_runs.iter().map(|run| {
        vec![
            format::clock_tenths(run.time_s),
            format::channel(run.channel, channels),
            run.samples.to_string(),
            format::signed(run.dbfs, 2),
        ]
    });
    DataTable::new(
        "The longest runs of equal samples at an extreme",
        &["Time", "Channel", "Samples", "dBFS"],
        rows.collect(),
    )
}

fn channel_table(peaks: &PeakDetail) -> DataTable {
    let count = u16::try_from(peaks.channels.len()).unwrap_or(u16::MAX);
    let rows = (0..count).zip(&peaks.channels).map(|(at, channel)| {
        vec![
            format::channel(at, count),
            format::reading(channel.true_peak_dbtp, 2, "dBTP"),
            format::reading(channel.sample_peak_dbfs, 2, "dBFS"),
            format::reading(channel.rms_dbfs, 2, "dBFS"),
            format::reading(channel.crest_db, 2, "dB"),
            channel.clips.samples.to_string(),
        ]
    });
    DataTable::new(
        "Levels of each channel",
        &[
            "Channel",
            "True peak",
            "Sample peak",
            "RMS",
            "Crest",
            "Clipped samples",
        ],
        rows.collect(),
    )
}
