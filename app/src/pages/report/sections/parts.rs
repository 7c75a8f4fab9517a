//! The parts of the song, as its sound changes.

use leptos::prelude::*;
use model::{
    Report,
    report::{BANDS, Section},
};

use super::ReportSection;
use crate::{
    format,
    ui::{DataTable, Table},
};

/// Each part with its loudness and bands; nothing where the file is one part.
#[component]
pub fn PartsSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let sections = report.detail.map(|detail| detail.sections).unwrap_or_default();
    if sections.len() < 2 {
        return ().into_any();
    }
    view! {
        <ReportSection
            id="parts"
            title="Parts"
            about="Where the sound changes, found from the spectrum and the level; names of parts cannot be known."
        >
            <div class="scroller" role="region" tabindex="0" aria-label="Parts of the song">
                <Table data=table(&sections) />
            </div>
        </ReportSection>
    }
    .into_any()
}

fn table(sections: &[Section]) -> DataTable {
    let mut columns = vec!["Part", "LUFS"];
    columns.extend(BANDS.map(|band| band.name));
    let rows = sections.iter().map(|section| {
        let span = format!(
            "{}{}{}",
            format::clock(section.start_s),
            format::DASH,
            format::clock(section.end_s)
        );
        let mut row = vec![span, format::reading(section.integrated_lufs, 1, "")];
        row.extend(section.bands_db.map(|share| format::reading(share, 1, "")));
        row
    });
    DataTable::new(
        "Integrated loudness, and the share of each band in dB",
        &columns,
        rows.collect(),
    )
}
