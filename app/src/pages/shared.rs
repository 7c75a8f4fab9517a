//! A report as whoever has a link to it reads it: nothing can be changed, and nothing of its owner is there.

use backend::shares::{self, SharedReport};
use http::{HeaderName, HeaderValue, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{Meta, Title};
use model::player::with_loudness;

use super::{not_found::failed, report::ReportBody};
use crate::{
    charts::{Medium, timeline::chart_tracks},
    format,
    islands::player::Player,
    paths,
    request_context::{PageRequest, RequestContext},
    ui::{ButtonKind, ButtonLink},
};

/// A shared report; for whoever has its link.
#[component]
pub fn Shared() -> impl IntoView {
    let context = RequestContext::here();
    let token = PageRequest::here().id.unwrap_or_default();
    keep_to_itself();
    let body = Suspend::new(async move {
        match shares::open(&context.backend, &token).await {
            Ok(shared) => body(shared, &context),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }
}

/// The address is the key: no search engine lists it, and no site that the page leads to learns it.
fn keep_to_itself() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(
            HeaderName::from_static("x-robots-tag"),
            HeaderValue::from_static("noindex, nofollow"),
        );
        response.insert_header(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
}

fn body(shared: SharedReport, context: &RequestContext) -> AnyView {
    let SharedReport {
        view,
        source,
        expires_at,
    } = shared;
    let title = view.summary.title.clone();
    let description = view.judged().map(|(stage, verdict)| {
        let breakdown = verdict.by(stage);
        format!("{} of 100. {}", breakdown.score.number(), breakdown.advice(stage))
    });
    let chart_tracks = view.report.as_ref().map(chart_tracks).unwrap_or_default();
    let sources = with_loudness(vec![source], &view);
    let player = move || view! { <Player sources=sources chart_tracks=chart_tracks /> };
    let now = context.backend.now();
    view! {
        <Title text=title.clone() />
        <Preview title=format!("{title}: a MixLens report") description=description.unwrap_or_default() />
        <div class="wrap">
            <aside class="shared-note">
                <p>
                    "Somebody shared this report with you, until "
                    <time datetime=expires_at.rfc3339()>{format::date(expires_at)}</time> ". "
                    "MixLens measures a mix and says what to fix, where, and by how much."
                </p>
                <ButtonLink href=paths::HOME kind=ButtonKind::Quiet>"Try it on a mix of yours"</ButtonLink>
            </aside>
            <ReportBody view=view now=now player=player medium=Medium::Shared />
        </div>
    }
    .into_any()
}

/// What programs show of an address that somebody pastes (Open Graph).
#[component]
pub fn Preview(
    /// The title.
    #[prop(into)]
    title: String,
    /// One or two sentences.
    #[prop(into)]
    description: String,
) -> impl IntoView {
    let base_url = RequestContext::here().backend.config.base_url.clone();
    let image = format!("{base_url}{}", paths::PREVIEW_IMAGE);
    view! {
        <Meta name="description" content=description.clone() />
        <Meta property="og:site_name" content="MixLens" />
        <Meta property="og:type" content="website" />
        <Meta property="og:title" content=title />
        <Meta property="og:description" content=description />
        <Meta property="og:image" content=image />
        <Meta name="twitter:card" content="summary_large_image" />
    }
}
