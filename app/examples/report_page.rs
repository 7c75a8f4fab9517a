//! How long the page of a report takes to render, and how many bytes it is, for `scripts/bench`:
//! `mixlens-cli analyze --json FILE | report_page` prints one line of JSON.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a developer's tool")]

use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

use app::{
    charts::timeline::chart_tracks,
    islands::player::Player,
    pages::report::{ReportBody, sample_report},
};
use leptos::prelude::*;
use model::{
    Report, Timestamp,
    analysis::AnalysisView,
    player::{PlayerSource, PreviewState, SourceKind},
};
use serde::Deserialize;

const NOW: Timestamp = Timestamp(1_795_491_766_000);
const ROUNDS: usize = 41;

/// What `mixlens-cli` prints for a file.
#[derive(Deserialize)]
struct Measured {
    report: Report,
}

fn main() {
    let mut json = String::new();
    std::io::stdin().read_to_string(&mut json).unwrap();
    let report = serde_json::from_str::<Measured>(&json).unwrap().report;
    let mut view = sample_report::view(NOW);
    view.verdict = Some(analysis::rules::judge(&report));
    view.summary.duration_s = Some(report.file.duration_s);
    view.report = Some(report);
    let (mut times, mut html) = (Vec::new(), String::new());
    for _ in 0..ROUNDS {
        let view = view.clone();
        let begun = Instant::now();
        html = Owner::new().with(|| page(view).to_html());
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    // The levels that the server compresses with while it answers.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(html.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap().len();
    let mut brotli = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: 4,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut html.as_bytes(), &mut brotli, &params).unwrap();
    println!(
        "{{\"median_ms\": {:.2}, \"html\": {}, \"gzip\": {gzip}, \"brotli\": {}}}",
        times[ROUNDS / 2],
        html.len(),
        brotli.len()
    );
}

/// As the owner sees it, with a reference beside the mix.
fn page(view: AnalysisView) -> impl IntoView {
    let source = |kind| PlayerSource {
        audio: model::player::AudioRef::analysis(view.summary.id),
        kind,
        title: view.summary.title.clone(),
        duration_s: view.summary.duration_s.unwrap_or(0.0),
        integrated_lufs: Some(-14.0),
        preview_state: PreviewState::Ready,
        gain_db: 0.0,
        loudness: None,
    };
    let sources = vec![source(SourceKind::Mix), source(SourceKind::Reference)];
    let chart_tracks = view.report.as_ref().map(chart_tracks).unwrap_or_default();
    let player = move || view! { <Player sources=sources chart_tracks=chart_tracks /> };
    view! { <ReportBody view=view now=NOW player=player csrf=Some("token".to_owned()) /> }
}
