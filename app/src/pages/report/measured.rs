//! The report: the readings at a glance, then the evidence, then every number.

use leptos::prelude::*;
use model::{
    AnalysisId, Report, Timestamp, analysis::AnalysisView, comparison::TrackComparison, upload::UploadKind,
};

use super::{
    FileLine, TitleLine,
    sections::{
        ComparedSection, DynamicsSection, LoudnessSection, NotesSection, PartsSection, PlatformsSection,
        RawNumbers, SignalSection, SpectrumSection, StereoSection, words,
    },
    verdict::{Areas, Fixes, Judged, Receipt, ScorePanel, StageChip, Strengths, Unknown},
};
use crate::{
    charts::{Medium, TimelineChart, WaveformChart, WaveformStrip},
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
    /// Which song it belongs to, under the title.
    #[prop(optional, into)]
    song: ViewFnOnce,
    /// The renders that were made of it.
    #[prop(optional, into)]
    renders: ViewFnOnce,
    /// The token of the forms; without it nothing on the page can be changed.
    #[prop(optional_no_strip)]
    csrf: Option<String>,
    /// Where it is read.
    #[prop(optional)]
    medium: Medium,
) -> impl IntoView {
    let report = view.report.clone();
    let compared = view.compared.clone();
    let kind = match view.summary.kind {
        UploadKind::Mix => "Report",
        UploadKind::Reference => "Reference",
    };
    let judged = Judged::of(&view);
    let id = view.summary.id;
    let downloads = csrf.is_some().then_some(id);
    let comparable = downloads.filter(|_| view.summary.kind == UploadKind::Mix);
    let verdict = judged.as_ref().map(|judged| {
        let breakdown = judged.breakdown().clone();
        view! {
            <div class="first-fold">
                <ScorePanel breakdown=breakdown.clone() stage=judged.stage />
                <Fixes breakdown=breakdown id=comparable />
            </div>
        }
    });
    let badge = {
        let judged = judged.clone();
        move || {
            judged.map(|judged| {
                let other_score = judged.verdict.by(judged.stage.other()).score.number();
                view! {
                    <StageChip
                        id=id
                        detected=judged.verdict.detected
                        stage=judged.stage
                        is_chosen=judged.is_chosen
                        other_score=other_score
                        csrf=csrf
                    />
                }
            })
        }
    };
    let title = view.summary.title.clone();
    let about = move || {
        view! {
            {song.run()}
            <FileLine view=view now=now medium=medium />
        }
    };
    let body = match report {
        Some(report) => view! {
            <Measurements
                report=report
                player=player
                about=about
                judged=judged
                compared=compared
                comparable=comparable
                id=downloads
                medium=medium
            />
        }
        .into_any(),
        None => about().into_any(),
    };
    view! {
        <article class="report">
            <TitleLine title=title kind=kind actions=actions badge=badge />
            {verdict}
            {renders.run()}
            {body}
        </article>
    }
    .into_any()
}

/// Player, what the file is, and the evidence.
#[component]
fn Measurements(
    report: Report,
    player: ViewFnOnce,
    /// The song and the file, behind what is heard and seen of it.
    #[prop(into)]
    about: ViewFnOnce,
    judged: Option<Judged>,
    compared: Option<TrackComparison>,
    comparable: Option<AnalysisId>,
    id: Option<AnalysisId>,
    medium: Medium,
) -> impl IntoView {
    let marks = judged.as_ref().map(Judged::marks).unwrap_or_default();
    let breakdown = judged.as_ref().map(|judged| judged.breakdown().clone());
    let areas = breakdown
        .clone()
        .map(|breakdown| view! { <Areas breakdown=breakdown /> });
    let strengths = breakdown.map(|breakdown| view! { <Strengths breakdown=breakdown /> });
    let breakdown = judged.map(|judged| {
        view! { <Receipt report=report.clone() verdict=judged.verdict stage=judged.stage earlier=judged.earlier /> }
    });
    let duration = report.file.duration_s.to_string();
    let strip = (medium != Medium::File)
        .then(|| view! { <WaveformStrip report=report.clone() marks=marks.clone() /> });
    view! {
        <div class="timeline" data-duration-s=duration>
            <section class="listen" aria-label="Player, waveform and lanes over time">
                {player.run()}
                {strip}
                <div class="zoom">
                    <div class="zoom__axis">
                        <WaveformChart report=report.clone() marks=marks />
                        <TimelineChart report=report.clone() medium=medium />
                    </div>
                </div>
            </section>
            {about.run()}
            <Bridge report=report.clone() />
            {areas}
            {breakdown}
            <LoudnessSection report=report.clone() />
            <DynamicsSection report=report.clone() />
            <ComparedSection compared=compared.clone() id=comparable />
            <SpectrumSection report=report.clone() references=compared.map(|compared| compared.comparison.sixths) is_live=id.is_some() />
            <StereoSection report=report.clone() />
            <PartsSection report=report.clone() />
            <PlatformsSection report=report.clone() />
            <SignalSection report=report.clone() />
            {strengths}
            <Unknown />
            <NotesSection notes=report.notes.clone() />
            <RawNumbers report=report id=id />
        </div>
    }
    .into_any()
}

/// A report as one HTML document that needs nothing else, to keep or to send: the page without what moves, with `style`
/// inside. It is read elsewhere, so its links into the site begin with `base_url`.
#[must_use]
pub fn report_file(view: AnalysisView, now: Timestamp, style: &str, base_url: &str) -> String {
    let title = view.summary.title.replace('&', "&amp;").replace('<', "&lt;");
    let body = Owner::new().with(|| view! { <ReportBody view=view now=now medium=Medium::File /> }.to_html());
    let body = body.replace("href=\"/", &format!("href=\"{base_url}/"));
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · MixLens</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><style>{style}</style></head>\
         <body><main><div class=\"wrap\">{body}</div></main></body></html>"
    )
}

/// The meter bridge: five readings at a glance.
#[component]
pub fn Bridge(
    /// The measurements.
    report: Report,
) -> impl IntoView {
    let correlation = Scale {
        decimals: 0,
        ..Scale::new(-1.0, 1.0, 1.0, 0.25)
    };
    view! {
        <section class="key-readings" aria-label="Key readings">
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
                decimals=2
                scale=correlation
                mark=0.0
                note=words::correlation(&report.stereo)
            />
            <details class="key-readings__text">
                <summary>"As text"</summary>
                <p>{key_readings_as_text(&report)}</p>
            </details>
        </section>
    }
    .into_any()
}

/// The key readings in one line for messages and tables, with a plain hyphen before what is below zero: programs that calculate
/// do not take the sign that is right in print (U+2212) for a minus.
fn key_readings_as_text(report: &Report) -> String {
    let readings = [
        ("Integrated", report.loudness.integrated_lufs, 1, "LUFS"),
        ("True peak", report.peaks.true_peak_dbtp, 1, "dBTP"),
        ("Loudness range", report.loudness.range_lu, 1, "LU"),
        ("Peak to loudness", report.dynamics.plr_lu, 1, "LU"),
        ("Correlation", report.stereo.correlation, 2, ""),
    ];
    readings
        .into_iter()
        .map(|(name, reading, decimals, unit)| match reading.value() {
            Some(value) => format!("{name} {value:.decimals$} {unit}").trim_end().to_owned(),
            None => format!("{name} not measured"),
        })
        .collect::<Vec<_>>()
        .join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::report::sample_report;

    #[test]
    fn key_readings_as_text_are_numbers_for_a_table() {
        let report = sample_report::view(Timestamp(0)).report.unwrap();
        let text = key_readings_as_text(&report);
        assert!(
            text.starts_with("Integrated -") && text.contains(" LUFS · True peak "),
            "{text}"
        );
        assert!(text.is_ascii() || text.replace('·', "").is_ascii(), "{text}");
    }

    #[test]
    fn a_file_speaks_of_nothing_that_is_not_in_it() {
        let view = sample_report::view(Timestamp(0));
        let file = report_file(view, Timestamp(0), "", "https://mixlens.example");
        assert!(file.contains("The table below holds the values"));
        for absent in ["slider", "Audio is removed in"] {
            assert!(!file.contains(absent), "{absent}");
        }
    }
}
