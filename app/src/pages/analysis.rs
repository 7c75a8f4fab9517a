//! The page of one analysis: progress, report or failure, by its state; with the forms that rename and delete it.

use backend::analysis_page::AnalysisPageView;
use leptos::prelude::*;
use leptos_meta::Title;
use model::{AnalysisId, analysis::AnalysisState, upload::UploadKind};

use super::{
    not_found::failed,
    post_form::PostForm,
    report::{FailureBody, ReportBody, RunningBody, SongLine},
};
use crate::{
    charts::timeline::chart_tracks,
    islands::{
        live::{Live, REPLACED},
        player::Player,
    },
    paths,
    request_context::{FormErrors, RequestContext, context_for},
    ui::{Button, ButtonKind, Confirm, ErrorSummary, Field},
};

/// One analysis; for its owner.
#[component]
pub fn Analysis() -> impl IntoView {
    let (visit, id) = match context_for("analysis", paths::analysis) {
        Ok(visit) => visit,
        Err(page) => return page,
    };
    // Read before the first await: the context belongs to the synchronous part.
    let refusal = FormErrors::here();
    let body = Suspend::new(async move {
        match backend::analysis_page::view(&visit.backend, &visit.actor, id).await {
            Ok(page) => body(page, &visit, refusal),
            Err(error) => failed(&visit.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

fn body(page: AnalysisPageView, visit: &RequestContext, refusal: FormErrors) -> AnyView {
    let AnalysisPageView {
        view,
        sources,
        song: aside,
    } = page;
    let now = visit.backend.now();
    let id = view.summary.id;
    let title = view.summary.title.clone();
    let errors = refusal.errors();
    let song = {
        let (csrf, refusal) = (visit.csrf.clone(), refusal.clone());
        // A reference is no version of a song.
        let is_mix = view.summary.kind == UploadKind::Mix;
        move || is_mix.then(|| view! { <SongLine id=id aside=aside csrf=csrf refusal=refusal /> })
    };
    let actions = {
        let (title, csrf) = (title.clone(), visit.csrf.clone());
        move || view! { <Actions id=id title=title csrf=csrf refusal=refusal /> }
    };
    let content = match view.summary.progress.state {
        AnalysisState::Done => {
            let chart_tracks = view.report.as_ref().map(chart_tracks).unwrap_or_default();
            let player = move || view! { <Player sources=sources chart_tracks=chart_tracks /> };
            let csrf = Some(visit.csrf.clone());
            view! { <ReportBody view=view now=now actions=actions player=player song=song csrf=csrf /> }
                .into_any()
        }
        AnalysisState::Failed => view! { <FailureBody view=view now=now actions=actions /> }.into_any(),
        AnalysisState::Queued | AnalysisState::Running => {
            let progress = view.summary.progress.clone();
            view! {
                <RunningBody view=view now=now actions=actions>
                    <Live id=id progress=progress />
                </RunningBody>
            }
            .into_any()
        }
    };
    view! {
        <Title text=title />
        <div class="wrap" id=REPLACED>
            <ErrorSummary errors=errors />
            {content}
        </div>
    }
    .into_any()
}

/// Rename and delete, each a form that unfolds.
#[component]
fn Actions(id: AnalysisId, title: String, csrf: String, refusal: FormErrors) -> impl IntoView {
    let value = refusal.value("title").unwrap_or_else(|| title.clone());
    let again = csrf.clone();
    view! {
        <Confirm opener="Rename">
            <PostForm action=paths::rename_analysis(id) csrf=again>
                <Field label="Title" name="title" value=value error=refusal.error("title") maxlength=120_u32 autocomplete="off" />
                <Button kind=ButtonKind::Primary class="button--small">"Save the title"</Button>
            </PostForm>
        </Confirm>
        <Confirm opener="Delete" kind=ButtonKind::Danger>
            <PostForm action=paths::delete_analysis(id) csrf=csrf>
                <p>"The report and the audio of " <strong>{title}</strong> " are removed for good. Nothing can bring them back."</p>
                <Button kind=ButtonKind::Danger class="button--small">"Delete for good"</Button>
            </PostForm>
        </Confirm>
    }
}
