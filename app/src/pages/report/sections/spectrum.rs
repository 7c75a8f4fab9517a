//! Where the energy lies.

use leptos::prelude::*;
use model::{Report, comparison::BandDelta, report::SpectrumDetail};

use super::{Line, ReportSection};
use crate::{
    charts::{BandsChart, SpectrumChart, spectrum::probed},
    islands::spectrum_readout::SpectrumReadout,
};

const CHART: &str = "average-spectrum";

/// The spectrum, its seven bands, and how it tilts and moves.
#[component]
pub fn SpectrumSection(
    /// The measurements.
    report: Report,
    /// The references per 1/6 octave, where the mix is compared.
    #[prop(optional_no_strip)]
    references: Option<Vec<BandDelta>>,
    /// Whether scripts of ours run where it is shown.
    is_live: bool,
) -> impl IntoView {
    let spectrum = report.spectrum;
    let detail = report.detail.map(|detail| detail.spectrum);
    let percentiles = detail
        .as_ref()
        .map(|detail| detail.percentiles.clone())
        .unwrap_or_default();
    let probe = is_live
        .then(|| view! { <SpectrumReadout chart=CHART.to_owned() bands=probed(&spectrum) /> }.into_any());
    view! {
        <ReportSection
            id="spectrum"
            title="Spectrum"
            about="Where the energy lies, averaged over the parts that carry signal."
        >
            <div class="spectrum-chart">
                <SpectrumChart id=CHART spectrum=spectrum.clone() percentiles=percentiles references=references.unwrap_or_default() />
                {probe}
            </div>
            <BandsChart spectrum=spectrum />
            {detail.as_ref().map(lines)}
        </ReportSection>
    }
    .into_any()
}

fn lines(detail: &SpectrumDetail) -> AnyView {
    view! {
        <dl class="lines">
            <Line
                label="Tilt"
                reading=detail.tilt_db_per_octave
                unit="dB"
                signed=true
                note="Per octave from 100 Hz to 10 kHz, over 1/3-octave levels; pink noise has 0.".to_owned()
            />
            <Line
                label="Low end"
                reading=detail.low_end_share_db
                unit="dB"
                note="Share of 20 to 120 Hz in all energy; 0 dB is all of it.".to_owned()
            />
            <Line
                label="Harsh moments"
                reading=detail.harsh_spread_db
                unit="dB"
                note="How far 2 to 5 kHz rises above its usual level in a twentieth of the time.".to_owned()
            />
            <Line
                label="Sibilant moments"
                reading=detail.sibilant_spread_db
                unit="dB"
                note="The same from 5 to 9 kHz.".to_owned()
            />
        </dl>
    }
    .into_any()
}
