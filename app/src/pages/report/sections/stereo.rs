//! How left and right relate.

use leptos::prelude::*;
use model::{Report, report::StereoDetail};

use super::{Fold, Line, Sheet};
use crate::{
    charts::{
        LaneChart, StereoBandsChart, StereoMeters, lane::lowest, plot::UprightScale, stereo_bands::AGAINST,
    },
    format,
    ui::{DataTable, Table},
};

/// How left and right relate, over the whole, by frequency and over time.
#[component]
pub fn StereoSection(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let duration_s = report.file.duration_s;
    let detail = report.detail.and_then(|detail| detail.stereo);
    let lane = detail.as_ref().map(|detail| correlation_lane(detail, duration_s));
    view! {
        <Sheet id="stereo" title="Stereo" about="How left and right relate over the whole file." wide=move || lane>
            <StereoMeters stereo=report.stereo />
            {detail.map(more)}
        </Sheet>
    }
    .into_any()
}

fn more(detail: StereoDetail) -> AnyView {
    let worst = (!detail.worst.is_empty()).then(|| {
        let rows = detail.worst.iter().map(|place| {
            vec![
                format::clock((place.time_s - 1.5).max(0.0)),
                format::number(place.correlation, 2),
                format::with_unit(place.mono_change_db, 1, "dB"),
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

fn correlation_lane(detail: &StereoDetail, duration_s: f64) -> AnyView {
    let Some((time, value)) = lowest(&detail.correlation) else {
        return ().into_any();
    };
    let place = format!(
        "{} ({})",
        format::clock((time - 1.5).max(0.0)),
        format::number(value, 2)
    );
    let summary = if value < AGAINST {
        format!("Lowest around {place}, where left and right cancel in mono.")
    } else {
        format!("Left and right nowhere work against each other; lowest around {place}.")
    };
    let scale = UprightScale {
        top: 1.0,
        bottom: -1.0,
        step: 0.5,
        places: 1,
    };
    view! {
        <div class="timeline">
            <LaneChart
                id="correlation"
                title="Correlation over time"
                summary=summary
                series=detail.correlation.clone()
                scale=scale
                reference=0.0
                duration_s=duration_s
            />
        </div>
    }
    .into_any()
}
