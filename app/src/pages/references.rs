//! The person's references: uploaded here, measured, kept as profiles to compare mixes with (P05).

use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    AnalysisId, Timestamp,
    analysis::{AnalysisPage, AnalysisState, AnalysisSummary},
    format::AudioFormat,
    upload::UploadKind,
};

use crate::{
    format,
    islands::uploader::Uploader,
    pages::{not_found::failed, upload::NeedsScript},
    paths,
    request_context::{PageRequest, RequestContext, redirect_to_sign_in},
    ui::{AudioCell, ButtonLink, DayCell, EmptyState, Head, LengthCell, List, LoudnessCell},
};

/// Upload and list of references; for signed-in people.
#[component]
pub fn References() -> impl IntoView {
    let context = RequestContext::here();
    let request = PageRequest::here();
    let (before, mix) = (request.query("before"), request.query("mix"));
    let Ok(user) = context.actor.user() else {
        redirect_to_sign_in(paths::REFERENCES);
        return ().into_any();
    };
    let limits = context.backend.config.plans.of(user.plan);
    let kept = format::retention(limits.audio_kept_hours);
    let (max_bytes, max_minutes) = (limits.max_bytes(), limits.max_minutes);
    let a_month = limits
        .references_per_month
        .map(|count| format!(" Your plan takes {count} a month; they are not counted as analyses."));
    // Whoever came from a comparison finds the way back.
    let back = mix.and_then(|id| id.parse::<AnalysisId>().ok()).map(|id| {
        view! {
            <p>
                <a href=paths::comparison(id)>"Back to the comparison"</a>
            </p>
        }
    });
    let is_later_page = before.is_some();
    let list = Suspend::new(async move {
        match backend::analyses::references(&context.backend, &context.actor, before.as_deref()).await {
            Ok(page) => view! { <Kept page=page now=context.backend.now() /> }.into_any(),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <Title text="References" />
        <section class="wrap stack stack--wide">
            <div class="stack">
                {back}
                <h1>"References"</h1>
                <p class="lead">"Finished music that your mixes are compared with, always at equal loudness."</p>
                <p class="muted">
                    {AudioFormat::list()}
                    ". A reference is measured, not judged. Its audio is removed after "
                    {kept} "; what was measured stays, and is all that a comparison needs." {a_month}
                </p>
            </div>
            <NeedsScript />
            <Uploader kind=UploadKind::Reference max_bytes=max_bytes max_minutes=max_minutes />
            {is_later_page.then(|| view! { <p><a href=paths::REFERENCES>"Back to the newest"</a></p> })}
            <Suspense>{list}</Suspense>
        </section>
    }
    .into_any()
}

#[component]
fn Kept(page: AnalysisPage, now: Timestamp) -> impl IntoView {
    if page.rows.is_empty() {
        return view! {
            <EmptyState title="Your references will be here">
                <p class="muted">
                    "Choose two to five songs that sound the way you want yours to. A lossless file says more than a stream: what lossy coding took away is not compared."
                </p>
            </EmptyState>
        }
        .into_any();
    }
    let older = page.next.map(|key| {
        view! {
            <nav aria-label="Pages of references">
                <ButtonLink href=format!("{}?before={key}", paths::REFERENCES)>"Older"</ButtonLink>
            </nav>
        }
    });
    let rows = page
        .rows
        .into_iter()
        .map(|row| view! { <Row row=row now=now /> })
        .collect_view();
    view! {
        <div class="stack stack--wide">
            <List
                caption="Your references, newest first"
                heads=vec![
                    Head::Words("Title"),
                    Head::Numbers("Loudness"),
                    Head::Numbers("Length"),
                    Head::Words("Uploaded"),
                    Head::Words("Audio"),
                ]
            >
                {rows}
            </List>
            {older}
        </div>
    }
    .into_any()
}

#[component]
fn Row(row: AnalysisSummary, now: Timestamp) -> impl IntoView {
    let aside = match (&row.failure, row.progress.state) {
        (Some(failure), _) => Some(failure.headline().to_owned()),
        (None, AnalysisState::Done) => None,
        (None, _) => Some(row.progress.phase.words().to_owned()),
    };
    view! {
        <tr class="list__row" role="row">
            <th scope="row" role="rowheader" class="list__title">
                <a href=paths::analysis(row.id)>{row.title}</a>
                {aside.map(|aside| view! { <span class="list__aside">{aside}</span> })}
            </th>
            <LoudnessCell lufs=row.integrated_lufs />
            <LengthCell seconds=row.duration_s />
            <DayCell label="Uploaded" at=row.created_at />
            <AudioCell audio=row.audio now=now />
        </tr>
    }
    .into_any()
}
