//! A mix beside references at equal loudness: what stands out, then the evidence, then the choice of references.

pub mod choose;
pub mod evidence;

use backend::analyses::Choice;
use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    Problem, ProblemCode, Timestamp,
    analysis::AnalysisView,
    comparison::{ComparedTrack, Difference, ReferenceProfile, TrackComparison},
    player::{AudioRef, LoudnessOverTime, PlayerSource, SourceKind, with_loudness},
    report::Waveform,
    upload::UploadKind,
};

use self::{choose::Choose, evidence::Evidence};
use crate::{
    charts::SourceStrip,
    format,
    islands::{
        chart_tracks::ChartTracks,
        player::{Player, source_letter},
    },
    pages::not_found::failed,
    paths,
    request_context::{FormErrors, context_for},
    ui::{ErrorSummary, Tone, ToneIcon},
};

/// The comparison of one mix; for its owner.
#[component]
pub fn Comparison() -> impl IntoView {
    let (context, id) = match context_for("analysis", paths::comparison) {
        Ok(context) => context,
        Err(page) => return page,
    };
    let form_errors = FormErrors::here();
    let body = Suspend::new(async move {
        let read = async {
            let view = backend::analyses::view(&context.backend, &context.actor, id).await?;
            let choices = backend::analyses::choices(&context.backend, &context.actor, &view).await?;
            let sources = backend::analyses::sources(&context.backend, &context.actor, id).await?;
            Ok::<_, backend::Error>((view, choices, sources))
        };
        match read.await {
            Ok((view, choices, sources)) => {
                let (csrf, now) = (context.csrf.clone(), context.backend.now());
                view! { <Body view=view choices=choices sources=sources csrf=csrf now=now form_errors=form_errors /> }
                    .into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

#[component]
fn Body(
    view: AnalysisView,
    choices: Vec<Choice>,
    sources: Vec<PlayerSource>,
    csrf: String,
    now: Timestamp,
    form_errors: FormErrors,
) -> impl IntoView {
    let id = view.summary.id;
    let title = view.summary.title.clone();
    let about = match (&view.report, view.summary.kind) {
        (None, _) => {
            return failed(&Problem::new(
                ProblemCode::NotFound,
                "This file has no report that could be compared. Open it to see why.",
            ));
        }
        (Some(_), UploadKind::Mix) => "mix",
        (Some(_), UploadKind::Reference) => "reference",
    };
    let is_open = view.compared.is_none() || !form_errors.errors().is_empty();
    let listen = view
        .compared
        .is_some()
        .then(|| listen(compared_sources(&view, with_loudness(sources, &view))));
    let result = view
        .compared
        .map(|compared| view! { <Result compared=compared now=now /> });
    view! {
        <Title text=format!("Comparison of {title}") />
        <div class="wrap">
            <ErrorSummary errors=form_errors.errors() />
            <article class="report">
                <header class="title-line">
                    <div class="title-line__words">
                        <p class="label">"Comparison"</p>
                        <h1>{title}</h1>
                        <p>
                            <a href=paths::analysis(id)>{format!("Back to the report of this {about}")}</a>
                        </p>
                    </div>
                </header>
                {listen}
                {result}
                <Choose id=id choices=choices csrf=csrf is_open=is_open />
            </article>
        </div>
    }
    .into_any()
}

/// The mix and what it is compared with, as far as `sources` are, each with its waveform.
fn compared_sources(view: &AnalysisView, sources: Vec<PlayerSource>) -> Vec<(PlayerSource, Waveform)> {
    let waveform_of = |source: &PlayerSource| {
        if source.kind == SourceKind::Mix {
            return Some(view.report.as_ref()?.waveform.clone());
        }
        let compared = &view.compared.as_ref()?.with;
        let is_it = |track: &&ComparedTrack| AudioRef::analysis(track.id) == source.audio;
        Some(compared.iter().find(is_it)?.waveform.clone())
    };
    // Other versions of the song are not what is compared here.
    sources
        .into_iter()
        .filter_map(|source| Some((waveform_of(&source)?, source)))
        .map(|(waveform, source)| (source, waveform))
        .collect()
}

/// A player of sources at one loudness, each with its waveform.
pub(super) fn listen(tracks: Vec<(PlayerSource, Waveform)>) -> AnyView {
    let strips = tracks
        .iter()
        .enumerate()
        .map(|(at, (source, waveform))| strip(at, source, waveform.clone()))
        .collect_view();
    let sources = tracks.into_iter().map(|(source, _)| source).collect();
    view! {
        <section class="listen-beside" aria-label="Player and waveforms">
            <div class="listen">
                <Player sources=sources chart_tracks=ChartTracks::default() />
            </div>
            <ol class="source-strips" aria-label="Waveforms">
                {strips}
            </ol>
            <p class="small muted">
                "A reference begins at its loudest part. Click into a waveform to hear that place."
            </p>
        </section>
    }
    .into_any()
}

/// The waveform of one source under its letter.
fn strip(at: usize, source: &PlayerSource, waveform: Waveform) -> AnyView {
    let loudest = source
        .loudness
        .as_ref()
        .and_then(LoudnessOverTime::loudest_s)
        .map(|loudest_s| format!("loudest at {}", format::clock(loudest_s)));
    view! {
        <li>
            <p class="source-strips__head">
                <span class="source__letter">{source_letter(at)}</span>
                " "
                <span class="source-strips__title">{source.title.clone()}</span>
                <span class="num muted">{format::clock(source.duration_s)} {loudest.map(|loudest| format!(", {loudest}"))}</span>
            </p>
            <SourceStrip waveform=waveform source=at />
        </li>
    }
    .into_any()
}

/// What came of it.
#[component]
fn Result(compared: TrackComparison, now: Timestamp) -> impl IntoView {
    let sentence = compared.comparison.sentence();
    let differences = compared.comparison.differences.clone();
    view! {
        <section class="comparison" aria-label="What stands out">
            <p class="score__sentence">{sentence}</p>
            <Differences differences=differences />
            <ComparedTracks compared=compared.clone() now=now />
            <p class="small muted">
                "A comparison costs no points: which references are right is yours to say. Every reference is turned to the loudness of the mix before levels are compared."
            </p>
        </section>
        <Evidence compared=compared />
    }
    .into_any()
}

/// What stands out, gravest first; nothing where nothing does.
#[component]
pub fn Differences(
    /// Of the comparison.
    differences: Vec<Difference>,
) -> impl IntoView {
    if differences.is_empty() {
        return ().into_any();
    }
    let items = differences
        .into_iter()
        .map(|difference| {
            view! {
                <li class="info">
                    <ToneIcon tone=Tone::Info />
                    <div class="stack stack--tight">
                        <p>
                            <strong>{difference.title()}</strong>
                            " "
                            <span class="num">{difference.unit.display_signed(difference.by)}</span>
                        </p>
                        <p class="small">{difference.sentence()} " " {difference.advice()}</p>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="statements differences">{items}</ol> }.into_any()
}

/// Each reference: how it is turned, and where it carries signal.
#[component]
fn ComparedTracks(compared: TrackComparison, now: Timestamp) -> impl IntoView {
    let items = compared
        .with
        .into_iter()
        .zip(compared.comparison.references)
        .map(|(companion, reference)| {
            let lufs = companion
                .integrated_lufs
                .map_or("no loudness".to_owned(), |lufs| {
                    format::with_unit(lufs, 1, "LUFS")
                });
            view! {
                <li>
                    <a href=paths::analysis(companion.id)>{companion.title}</a>
                    <span class="small muted">
                        {lufs} {turned(reference)} ". " {limits(reference)}
                        {format!("Audio: {}.", companion.audio.left(now).to_lowercase())}
                    </span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="compared-with" aria-label="Compared with">{items}</ul> }.into_any()
}

/// How a reference is turned to the loudness of the mix.
fn turned(reference: ReferenceProfile) -> String {
    match reference.gain_db {
        Some(gain) if gain.abs() < 0.05 => ", as loud as the mix".to_owned(),
        Some(gain) => {
            let way = if gain < 0.0 { "down" } else { "up" };
            format!(", turned {way} by {}", format::with_unit(gain.abs(), 1, "dB"))
        }
        None => ", so levels are not compared".to_owned(),
    }
}

/// Where a reference is not compared, and why.
fn limits(reference: ReferenceProfile) -> String {
    match (reference.ends_at_hz, reference.is_lossy) {
        (Some(end), true) => format!(
            "Its lossy coding ends at {}; nothing above is compared. ",
            format::frequency(end)
        ),
        (Some(end), false) => format!(
            "Its signal ends at {}; nothing above is compared. ",
            format::frequency(end)
        ),
        (None, true) => {
            "It was coded with loss, which may have changed its highs and its width a little. ".to_owned()
        }
        (None, false) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_says_how_it_is_turned_and_where_it_ends() {
        let reference = ReferenceProfile {
            gain_db: Some(-4.12),
            ends_at_hz: Some(16_000.0),
            is_lossy: true,
        };
        assert_eq!(turned(reference), ", turned down by 4.1\u{202f}dB");
        assert_eq!(
            limits(reference),
            "Its lossy coding ends at 16\u{202f}kHz; nothing above is compared. "
        );
    }
}
