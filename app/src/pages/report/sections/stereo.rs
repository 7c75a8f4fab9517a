//! How left and right relate.

use leptos::prelude::*;
use model::{Report, report::StereoDetail};

use super::{Fold, Line, ReportSection};
use crate::{
    charts::{StereoBandsChart, StereoMeters},
    format,
    ui::{DataTable, Table},
};

/// How left and right relate, over the whole, by frequency and over time.
#[component]
pub fn StereoSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let detail = report.detail.and_then(|detail| detail.stereo);
    view! {
        <ReportSection id="stereo" title="Stereo" about="How left and right relate over the whole file.">
            <StereoMeters stereo=report.stereo />
            {detail.map(more)}
        </ReportSection>
    }
    .into_any()
}

fn more(detail: StereoDetail) -> AnyView {
    let worst = (!detail.worst.is_empty()).then(|| {
        let rows = detail.worst.iter().map(|worst| {
            vec![
                format::clock((worst.time_s - 1.5).max(0.0)),
                format::number(worst.correlation, 2),
                format::with_unit(worst.mono_change_db, 1, "dB"),
            ]
        });
        let table = DataTable::new(
            "Where most energy cancels in mono",
            &["Around", "Correlation", "Mono change"],
            rows.collect(),
        );
        view! {
            <Fold summary="Where mono loses most".to_owned()>
                <Table data=table />
            </Fold>
        }
    });
    view! {
        <dl class="lines">
            <Line
                label="Width below 120 Hz"
                reading=detail.low_width_db
                unit="dB"
                note="Side over mid in the low end; the lower, the more mono.".to_owned()
            />
        </dl>
        <StereoBandsChart bands=detail.bands />
        {worst}
    }
    .into_any()
}
