//! The page of one analysis: progress, report or failure, by its state; with the forms that rename and delete it.

use backend::analysis_page::AnalysisPageView;
use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    AnalysisId,
    analysis::{AnalysisState, Work},
    player::with_loudness,
    upload::UploadKind,
};

use super::{
    account_area::shares::ShareReport,
    not_found::failed,
    post_form::PostForm,
    render::list::Renders,
    report::{FailureBody, ReportBody, RunningBody, SongLine},
};
use crate::{
    charts::timeline::chart_tracks,
    islands::{
        live::{Live, REPLACED},
        player::Player,
    },
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, context_for},
    ui::{Button, ButtonKind, Confirm, ErrorSummary, Field},
};

/// One analysis; for its owner.
#[component]
pub fn Analysis() -> impl IntoView {
    let (context, id) = match context_for("analysis", paths::analysis) {
        Ok(context) => context,
        Err(page) => return page,
    };
    // Read before the first await: the context belongs to the synchronous part.
    let form_errors = FormErrors::here();
    let is_link_made = PageRequest::here().query("done").as_deref() == Some("share");
    let body = Suspend::new(async move {
        match backend::analysis_page::view(&context.backend, &context.actor, id).await {
            Ok(page) => body(page, &context, form_errors, is_link_made),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

fn body(
    page: AnalysisPageView,
    context: &RequestContext,
    form_errors: FormErrors,
    is_link_made: bool,
) -> AnyView {
    let AnalysisPageView {
        view,
        sources,
        song: aside,
        shares,
        renders,
    } = page;
    let now = context.backend.now();
    let id = view.summary.id;
    let title = view.summary.title.clone();
    let errors = form_errors.errors();
    let song = {
        let (csrf, form_errors) = (context.csrf.clone(), form_errors.clone());
        // A reference is no version of a song.
        let is_mix = view.summary.kind == UploadKind::Mix;
        move || is_mix.then(|| view! { <SongLine id=id aside=aside csrf=csrf form_errors=form_errors /> })
    };
    let actions = {
        let (title, csrf) = (title.clone(), context.csrf.clone());
        let share = (view.summary.progress.state == AnalysisState::Done).then(|| {
            let (csrf, form_errors, is_made) = (context.csrf.clone(), form_errors.clone(), is_link_made);
            view! { <ShareReport id=id shares=shares csrf=csrf open=is_made form_errors=form_errors /> }
        });
        move || view! { {share} <Actions id=id title=title csrf=csrf form_errors=form_errors /> }
    };
    let content = match view.summary.progress.state {
        AnalysisState::Done => {
            let chart_tracks = view.report.as_ref().map(chart_tracks).unwrap_or_default();
            let sources = with_loudness(sources, &view);
            let player = move || view! { <Player sources=sources chart_tracks=chart_tracks /> };
            let csrf = Some(context.csrf.clone());
            let renders = move || view! { <Renders renders=renders now=now /> };
            view! { <ReportBody view=view now=now actions=actions player=player song=song renders=renders csrf=csrf /> }
                .into_any()
        }
        AnalysisState::Failed => {
            view! { <FailureBody view=view now=now csrf=context.csrf.clone() actions=actions /> }.into_any()
        }
        AnalysisState::Queued | AnalysisState::Running => {
            let progress = view.summary.progress.clone();
            view! {
                <RunningBody view=view now=now actions=actions>
                    <Live of=Work::Analysis(id) progress=progress />
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
fn Actions(id: AnalysisId, title: String, csrf: String, form_errors: FormErrors) -> impl IntoView {
    let value = form_errors.value("title").unwrap_or_else(|| title.clone());
    let again = csrf.clone();
    view! {
        <Confirm opener="Rename">
            <PostForm action=paths::rename_analysis(id) csrf=again>
                <Field label="Title" name="title" value=value error=form_errors.error("title") maxlength=120_u32 autocomplete="off" />
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
