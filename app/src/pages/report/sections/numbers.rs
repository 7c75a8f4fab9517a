//! Every value, for whoever wants all of them.

use leptos::prelude::*;
use model::{AnalysisId, Reading, Report, report::BANDS};

use super::{Fold, ReportSection};
use crate::{
    format, paths,
    ui::{ButtonLink, DataTable, Table},
};

/// Every value in one table, with the versions that made it.
#[component]
pub fn RawNumbers(
    /// The measurements.
    report: Report,
    /// The analysis, where the report can be downloaded.
    #[prop(optional_no_strip)]
    id: Option<AnalysisId>,
) -> impl IntoView {
    let versions = format!("Engine {}, report version {}.", report.engine, report.version);
    view! {
        <ReportSection
            id="numbers"
            title="All numbers"
            about="The same file measured by the same engine gives the same numbers, every time."
        >
            <Fold summary="Show every value".to_owned()>
                <Table data=table(&report) />
            </Fold>
            {id.map(|id| {
                view! {
                    <p class="row">
                        <ButtonLink href=paths::report_json(id)>"Download JSON"</ButtonLink>
                        <ButtonLink href=paths::report_html(id)>"Download as one page"</ButtonLink>
                    </p>
                }
            })}
            <p class="small muted">
                {versions} " " <a href=paths::METHODOLOGY>"How each number is measured"</a> "."
            </p>
        </ReportSection>
    }
    .into_any()
}

fn table(report: &Report) -> DataTable {
    let Report {
        file,
        loudness,
        peaks,
        dynamics,
        stereo,
        spectrum,
        ..
    } = report;
    let text = |name: &str, value: String| vec![name.to_owned(), value];
    let row = |name: &str, reading: Reading, decimals: usize, unit: &str| {
        text(name, format::reading(reading, decimals, unit))
    };
    let mut rows = vec![
        text("Format", file.format.name().to_owned()),
        text("Codec", file.codec_name()),
        text(
            "Sample rate",
            format::with_unit(f64::from(file.sample_rate_hz), 0, "Hz"),
        ),
        text(
            "Bits per sample",
            file.bits_per_sample
                .map_or(format::DASH.to_owned(), |bits| bits.to_string()),
        ),
        text("Channels", file.channels.to_string()),
        text("Samples per channel", file.frames.to_string()),
        text("Length", format::with_unit(file.duration_s, 3, "s")),
        row("Integrated loudness", loudness.integrated_lufs, 2, "LUFS"),
        row(
            "Short-term loudness, largest",
            loudness.short_term_max_lufs,
            2,
            "LUFS",
        ),
        row(
            "Momentary loudness, largest",
            loudness.momentary_max_lufs,
            2,
            "LUFS",
        ),
        row("Loudness range", loudness.range_lu, 2, "LU"),
        row("True peak", peaks.true_peak_dbtp, 2, "dBTP"),
        row("Sample peak", peaks.sample_peak_dbfs, 2, "dBFS"),
        row("Crest factor", dynamics.crest_db, 2, "dB"),
        row("Peak to loudness", dynamics.plr_lu, 2, "LU"),
        row("Correlation", stereo.correlation, 3, ""),
        row("Width (side over mid)", stereo.width_db, 2, "dB"),
        row("Mono change", stereo.mono_change_lu, 2, "LU"),
        row("Balance (left over right)", stereo.balance_db, 2, "dB"),
    ];
    rows.extend(BANDS.into_iter().zip(spectrum.bands_db).map(|(band, share)| {
        row(
            &format!("{}, {}", band.name, format::band_edges(band.from_hz, band.to_hz)),
            share,
            2,
            "dB",
        )
    }));
    DataTable::new("Every value of this report", &["Measure", "Value"], rows)
}
