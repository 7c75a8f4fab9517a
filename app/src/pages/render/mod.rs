//! A render: how far it is, then the proof of what it did, rule by rule, the player that lets one hear it, and the file.

pub mod list;
pub mod proof;

use analysis::render::{Container, OutputFormat, Proof};
use backend::renders::{self, RenderSummary, RenderView, StepAudio};
use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    Failure, FailureCode, RenderId, Timestamp,
    analysis::{AnalysisState, Audio, Work},
    player::PlayerSource,
};

use self::proof::ProofBody;
use super::{not_found::failed, plan::Score, post_form::PostForm, report::TitleLine};
use crate::{
    format,
    islands::{
        chart_tracks::ChartTracks,
        live::{Live, REPLACED},
        player::Player,
    },
    paths,
    request_context::{FormErrors, RequestContext, context_for},
    ui::{Button, ButtonKind, ButtonLink, Confirm, ErrorSummary, Tone, ToneIcon},
};

/// One render; for its owner.
#[component]
pub fn RenderPage() -> impl IntoView {
    let (context, id) = match context_for("render", paths::render) {
        Ok(context) => context,
        Err(page) => return page,
    };
    let form_errors = FormErrors::here();
    let body = Suspend::new(async move {
        match renders::view(&context.backend, &context.actor, id).await {
            Ok(view) => body(view, &context, &form_errors),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

fn body(view: RenderView, context: &RequestContext, form_errors: &FormErrors) -> AnyView {
    let RenderView {
        summary,
        proof,
        sources,
        step_audio,
        ..
    } = view;
    let (id, now, csrf) = (summary.id, context.backend.now(), context.csrf.clone());
    let title = summary.title.clone();
    let actions = {
        let (csrf, summary) = (csrf.clone(), summary.clone());
        move || view! { <Actions summary=summary csrf=csrf /> }
    };
    let content = match (summary.progress.state, proof) {
        (AnalysisState::Done, Some(proof)) => done(summary, proof, sources, step_audio, csrf, now),
        (AnalysisState::Failed, _) => failure(summary, csrf, now),
        _ => running(id, summary),
    };
    view! {
        <Title text=format!("Render of {title}") />
        <div class="wrap" id=REPLACED>
            <ErrorSummary errors=form_errors.errors() />
            <article class="report">
                <TitleLine title=title kind="Render" actions=actions />
                {content}
            </article>
        </div>
    }
    .into_any()
}

#[component]
fn Actions(summary: RenderSummary, csrf: String) -> impl IntoView {
    view! {
        <a class="button button--small" href=paths::analysis(summary.analysis)>"Report of the mix"</a>
        <a class="button button--small" href=paths::plan(summary.analysis)>"Plan"</a>
        <Confirm opener="Delete" kind=ButtonKind::Danger>
            <PostForm action=paths::delete_render(summary.id) csrf=csrf>
                <p>"The file and the proof of this render are removed for good. The mix and its report stay."</p>
                <Button kind=ButtonKind::Danger class="button--small">"Delete for good"</Button>
            </PostForm>
        </Confirm>
    }
    .into_any()
}

fn running(id: RenderId, summary: RenderSummary) -> AnyView {
    view! {
        <section class="plate" aria-labelledby="progress">
            <h2 id="progress" class="visually-hidden">
                "Progress"
            </h2>
            <Live of=Work::Render(id) progress=summary.progress />
            <p class="muted small running__aside">
                "You can close this page. The render stands under the report of its mix when it is done."
            </p>
        </section>
        <noscript>
            <p class="muted">"Without JavaScript this page does not move by itself: reload it to see how far it is."</p>
        </noscript>
    }
    .into_any()
}

fn failure(summary: RenderSummary, csrf: String, now: Timestamp) -> AnyView {
    let failure = summary
        .failure
        .clone()
        .unwrap_or(Failure::new(FailureCode::Internal));
    let is_there = summary.audio.kept_until(now).is_some();
    let (headline, sentence) = match failure.code {
        FailureCode::Internal => (
            "Something failed on our side",
            "The rendering failed several times on our side. Your mix is not at fault.".to_owned(),
        ),
        FailureCode::AudioGone => (
            "The audio is gone",
            "The audio of this mix was removed before it could be rendered.".to_owned(),
        ),
        _ => (failure.headline(), failure.sentence(model::Audience::Website)),
    };
    let again = is_there.then(|| {
        view! {
            <PostForm action=paths::render_again(summary.id) csrf=csrf class="">
                <Button kind=ButtonKind::Primary>"Render again"</Button>
            </PostForm>
        }
    });
    view! {
        <section class="failure severe" aria-labelledby="failure">
            <ToneIcon tone=Tone::Severe />
            <div class="stack">
                <h2 id="failure">{headline}</h2>
                <p class="lead">{sentence}</p>
                <p>"It takes nothing from your plan."</p>
                <div class="row">
                    {again} <ButtonLink href=paths::plan(summary.analysis)>"Back to the plan"</ButtonLink>
                </div>
            </div>
        </section>
    }
    .into_any()
}

fn done(
    summary: RenderSummary,
    proof: Proof,
    sources: Vec<PlayerSource>,
    step_audio: Vec<StepAudio>,
    csrf: String,
    now: Timestamp,
) -> AnyView {
    let is_there = summary.audio.kept_until(now).is_some();
    let difference = proof.after.score - proof.predicted_score;
    let error = match difference.tenths() {
        0 => "As expected.".to_owned(),
        _ => format!(
            "{} from what was expected.",
            format::with_unit(difference.value(), 1, "points")
        ),
    };
    let taken_back = match proof.rolled_back.len() {
        0 => None,
        1 => Some("One step made a rule worse and was taken back.".to_owned()),
        count => Some(format!("{count} steps made a rule worse and were taken back.")),
    };
    view! {
        <section class="plate plan__expected" aria-label="Scores">
            <p class="scores">
                <Score label="Mix" points=proof.before.score />
                <span class="scores__arrow" aria-hidden="true">"→"</span>
                <Score label="Expected" points=proof.predicted_score />
                <span class="scores__arrow" aria-hidden="true">"→"</span>
                <Score label="Render" points=proof.after.score />
            </p>
            <p>{error} " " {taken_back} " Both files were measured by the same engine and judged by the same rules."</p>
        </section>
        <section class="listen" aria-label="Player" id="player">
            <Player sources=sources chart_tracks=ChartTracks::default() />
        </section>
        <File summary=summary.clone() now=now />
        <ProofBody proof=proof id=summary.id step_audio=step_audio csrf=is_there.then_some(csrf) />
    }
    .into_any()
}

/// The file to download, and until when.
#[component]
fn File(summary: RenderSummary, now: Timestamp) -> impl IntoView {
    let name = renders::file_name(&summary);
    let size = summary.size_bytes.map(format::bytes);
    let until = summary.audio.kept_until(now);
    let words = match (until, summary.audio) {
        (Some(until), _) => format!(
            "Removed in {} ({}), with the audio of the mix. The proof stays.",
            format::span(until.since(now)),
            format::date_time(until)
        ),
        (None, Audio::Kept { .. }) => "The audio is being removed. The proof stays.".to_owned(),
        (None, Audio::Gone) => {
            "The audio was removed with that of the mix. The proof and the recipe stay: the same recipe on the same mix gives the same file.".to_owned()
        }
    };
    view! {
        <section class="render__file" aria-label="File">
            {until
                .map(|_| {
                    view! {
                        <ButtonLink href=paths::render_file(summary.id) kind=ButtonKind::Primary>
                            "Download"
                        </ButtonLink>
                    }
                })}
            <div>
                <p>
                    <strong>{name}</strong>
                    {size.map(|size| view! { " " <span class="num muted">{size}</span> })}
                </p>
                <p class="small muted">{words}</p>
            </div>
        </section>
    }
    .into_any()
}

/// `WAV, 24 bit`.
fn file_words(output: OutputFormat) -> String {
    let container = match output.container {
        Container::Wav => "WAV",
        Container::Flac => "FLAC",
    };
    format!("{container}, {}", output.samples.words())
}
