//! The report: the readings at a glance, then the evidence, then every number.

use leptos::prelude::*;
use model::{Report, Timestamp, analysis::AnalysisView};

use super::{
    TitleBlock,
    sections::{
        DynamicsSection, LoudnessSection, NotesSection, PartsSection, RawNumbers, SignalSection,
        SpectrumSection, StereoSection, words,
    },
};
use crate::{
    charts::WaveformChart,
    ui::{Scale, Tile},
};

/// The body of a finished analysis. Shows nothing but the title block where there is no report.
#[component]
pub fn ReportBody(
    /// The analysis.
    view: AnalysisView,
    /// The present moment.
    now: Timestamp,
    /// Rename, delete.
    #[prop(optional, into)]
    actions: ViewFnOnce,
    /// The player, above the waveform. It finds the plots by `.timeline[data-duration-s]` and moves `.playhead`.
    #[prop(optional, into)]
    player: ViewFnOnce,
) -> impl IntoView {
    let report = view.report.clone();
    view! {
        <article class="report">
            <TitleBlock view=view now=now kind="Mix report" actions=actions />
            {report.map(|report| view! { <Measurements report=report player=player /> })}
        </article>
    }
    .into_any()
}

/// Everything below the title block.
#[component]
fn Measurements(report: Report, player: ViewFnOnce) -> impl IntoView {
    let duration = report.file.duration_s.to_string();
    view! {
        <div class="timeline" data-duration-s=duration>
            <section class="listen" aria-label="Player and waveform">
                {player.run()}
                <WaveformChart report=report.clone() />
            </section>
            <Bridge report=report.clone() />
            <LoudnessSection report=report.clone() />
        </div>
        <DynamicsSection report=report.clone() />
        <SpectrumSection report=report.clone() />
        <StereoSection report=report.clone() />
        <PartsSection report=report.clone() />
        <SignalSection report=report.clone() />
        <NotesSection notes=report.notes.clone() />
        <RawNumbers report=report />
    }
    .into_any()
}

/// The meter bridge: five readings at a glance.
#[component]
pub fn Bridge(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let correlation = Scale {
        places: 0,
        ..Scale::new(-1.0, 1.0, 1.0, 0.25)
    };
    view! {
        <section class="bridge" aria-label="Key readings">
            <Tile
                hero=true
                label="Integrated loudness"
                reading=report.loudness.integrated_lufs
                unit="LUFS"
                scale=Scale::new(-30.0, 0.0, 5.0, 1.0)
                note=words::integrated(&report.loudness)
            />
            <Tile
                label="True peak"
                reading=report.peaks.true_peak_dbtp
                unit="dBTP"
                signed=true
                scale=Scale::new(-12.0, 6.0, 6.0, 1.0)
                mark=0.0
                note=words::true_peak(&report)
            />
            <Tile
                label="Loudness range"
                reading=report.loudness.range_lu
                unit="LU"
                scale=Scale::new(0.0, 20.0, 5.0, 1.0)
                note=words::range(&report.loudness)
            />
            <Tile
                label="Peak to loudness"
                reading=report.dynamics.plr_lu
                unit="LU"
                scale=Scale::new(0.0, 24.0, 6.0, 1.0)
                note="PLR: true peak minus integrated loudness"
            />
            <Tile
                label="Correlation"
                reading=report.stereo.correlation
                places=2
                scale=correlation
                mark=0.0
                note=words::correlation(&report.stereo)
            />
        </section>
    }
    .into_any()
}
