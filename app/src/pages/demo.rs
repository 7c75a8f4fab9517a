//! The public demo: a song in two mixes, their reports, what changed between them, and a comparison with a reference.

use backend::demo::{self, Demo};
use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    Problem, ProblemCode,
    analysis::AnalysisView,
    demo::{DemoPage, DemoTrack},
    player::SourceKind,
};

use super::{
    comparison::{Differences, evidence::Evidence, listen},
    not_found::failed,
    report::ReportBody,
    shared::Preview,
    song::compare::Compared,
};
use crate::{
    charts::{Medium, timeline::chart_tracks},
    islands::{chart_tracks::ChartTracks, player::Player},
    paths,
    request_context::{PageRequest, RequestContext},
    ui::{ButtonKind, ButtonLink},
};

/// A page of the demo; the report of the first mix where the address names none.
#[component]
pub fn DemoShown() -> impl IntoView {
    let context = RequestContext::here();
    let page = match PageRequest::here().id {
        None => Some(DemoPage::FirstMix),
        Some(id) => id.parse().ok(),
    };
    let Some(page) = page else {
        return failed(&Problem::new(
            ProblemCode::NotFound,
            "The demo has no such page. The link may not be complete.",
        ));
    };
    let body = Suspend::new(async move {
        match demo::get().await {
            Ok(demo) => body(demo, page, &context),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{body}</Suspense> }.into_any()
}

const fn name(page: DemoPage) -> &'static str {
    match page {
        DemoPage::FirstMix => "Mix 1",
        DemoPage::SecondMix => "Mix 2",
        DemoPage::Changes => "What changed",
        DemoPage::Comparison => "Beside a reference",
    }
}

fn body(demo: &'static Demo, page: DemoPage, context: &RequestContext) -> AnyView {
    let content = match page {
        DemoPage::FirstMix => report(demo, demo.first_mix(), DemoTrack::FirstMix, context),
        DemoPage::SecondMix => report(demo, demo.second_mix(), DemoTrack::SecondMix, context),
        DemoPage::Changes => view! {
            <div class="report">
                <h1>"From mix 1 to mix 2"</h1>
                <section class="listen" aria-label="Player">
                    <Player sources=demo.sources(DemoTrack::SecondMix) chart_tracks=ChartTracks::default() />
                </section>
                <Compared pair=demo.changes().clone() picker=().into_any() />
            </div>
        }
        .into_any(),
        DemoPage::Comparison => comparison(demo),
    };
    let tabs = DemoPage::ALL
        .map(|entry| {
            let current = (entry == page).then_some("page");
            view! { <a href=paths::demo_page(entry) aria-current=current>{name(entry)}</a> }
        })
        .collect_view();
    let (href, action) = if context.actor.user().is_ok() {
        (paths::UPLOAD, "Upload a mix")
    } else {
        (paths::SIGN_UP, "Check a mix of yours")
    };
    view! {
        <Title text=format!("Demo: {}", name(page)) />
        <Preview
            title="MixLens: a report to look around in"
            description="A song with faults put into it, measured and judged: what is wrong, where, by how much. Listen to it, and to the mix that mends it."
        />
        <div class="wrap">
            <aside class="shared-note">
                <p>
                    "The demo: a song that our own code plays, measured like any upload. Faults were put into mix 1, and mix 2 is without them."
                </p>
                <ButtonLink href=href kind=ButtonKind::Primary>
                    {action}
                </ButtonLink>
            </aside>
            <nav class="account-tabs demo-tabs" aria-label="Demo">{tabs}</nav>
            {content}
        </div>
    }
    .into_any()
}

fn report(demo: &'static Demo, view: &AnalysisView, track: DemoTrack, context: &RequestContext) -> AnyView {
    let view = view.clone();
    let now = context.backend.now();
    let chart_tracks = chart_tracks(demo.report(track));
    let player = move || view! { <Player sources=demo.sources(track) chart_tracks=chart_tracks /> };
    view! { <ReportBody view=view now=now player=player medium=Medium::Shared /> }.into_any()
}

fn comparison(demo: &'static Demo) -> AnyView {
    let compared = demo.first_mix().compared.clone().map(|compared| {
        view! {
            <section class="comparison" aria-label="What stands out">
                <p class="score__sentence">{compared.comparison.sentence()}</p>
                <Differences differences=compared.comparison.differences.clone() />
            </section>
            <Evidence compared=compared />
        }
    });
    let tracks = demo
        .sources(DemoTrack::FirstMix)
        .into_iter()
        .zip([DemoTrack::FirstMix, DemoTrack::SecondMix, DemoTrack::Reference])
        .filter(|(source, _)| source.kind != SourceKind::Version)
        .map(|(source, track)| (source, demo.report(track).waveform.clone()))
        .collect();
    view! {
        <div class="report">
            <h1>"Mix 1 beside “Harbour lights”"</h1>
            {listen(tracks)}
            {compared}
        </div>
    }
    .into_any()
}
