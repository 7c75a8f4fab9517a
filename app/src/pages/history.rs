//! The list of analyses, newest first.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::{
    Timestamp,
    analysis::{AnalysisPage, AnalysisState, AnalysisSummary, Audio},
};

use crate::{
    format,
    pages::not_found::failed,
    paths,
    ui::{ButtonKind, ButtonLink, EmptyState, StateChip},
    visit::{Visit, redirect_to_sign_in},
};

/// The person's analyses, newest first; for signed-in people.
#[component]
pub fn History() -> impl IntoView {
    let visit = Visit::here();
    let before = use_query_map().with_untracked(|query| query.get("before"));
    if visit.actor.user().is_err() {
        redirect_to_sign_in(paths::HISTORY);
        return ().into_any();
    }
    let later_page = before.is_some();
    let list = Suspend::new(async move {
        match backend::analyses::history(&visit.backend, &visit.actor, before.as_deref()).await {
            Ok(page) => view! { <HistoryTable page=page now=visit.backend.now() /> }.into_any(),
            Err(error) => failed(&visit.problem(&error)),
        }
    });
    view! {
        <Title text="History" />
        <section class="wrap stack stack--wide">
            <div class="page-head">
                <h1>"History"</h1>
                <ButtonLink href=paths::UPLOAD kind=ButtonKind::Primary>"Upload a mix"</ButtonLink>
            </div>
            {later_page.then(|| view! { <p><a href=paths::HISTORY>"Back to the newest"</a></p> })}
            <Suspense>{list}</Suspense>
        </section>
    }
    .into_any()
}

/// The table of one page of the history; cards on a phone; an invitation where there is nothing yet.
#[component]
pub fn HistoryTable(
    /// The rows.
    page: AnalysisPage,
    /// The present moment.
    now: Timestamp,
) -> impl IntoView {
    if page.rows.is_empty() {
        return view! {
            <EmptyState title="Your first report will be here">
                <p class="muted">
                    "Upload a mix and MixLens measures its loudness, peaks, spectrum and stereo image. Reports stay; the audio does not."
                </p>
                <ButtonLink href=paths::UPLOAD kind=ButtonKind::Primary>
                    "Upload a mix"
                </ButtonLink>
            </EmptyState>
        }
        .into_any();
    }
    let rows = page
        .rows
        .into_iter()
        .map(|row| view! { <HistoryRow row=row now=now /> })
        .collect_view();
    let older = page.next.map(|key| {
        view! {
            <nav aria-label="Pages of the history">
                <ButtonLink href=paths::older(&key)>"Older"</ButtonLink>
            </nav>
        }
    });
    // The roles are said again because a phone shows the table as blocks, which drops them.
    view! {
        <div class="stack stack--wide">
            <table class="table history" role="table">
                <caption class="visually-hidden">"Your analyses, newest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">
                            "Title"
                        </th>
                        <th scope="col" role="columnheader">
                            "State"
                        </th>
                        <th scope="col" role="columnheader" class="is-num">
                            "Length"
                        </th>
                        <th scope="col" role="columnheader" class="is-num">
                            "Loudness"
                        </th>
                        <th scope="col" role="columnheader">
                            "Uploaded"
                        </th>
                        <th scope="col" role="columnheader">
                            "Audio"
                        </th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
            {older}
        </div>
    }
    .into_any()
}

/// One analysis.
#[component]
fn HistoryRow(row: AnalysisSummary, now: Timestamp) -> impl IntoView {
    let failed = row.progress.state == AnalysisState::Failed;
    let waiting = matches!(row.progress.state, AnalysisState::Queued | AnalysisState::Running);
    let aside = match (&row.failure, &row.progress.trouble) {
        (Some(failure), _) => Some(failure.headline().to_owned()),
        (None, Some(trouble)) => Some(trouble.clone()),
        (None, None) if waiting => Some(row.progress.stage.words().to_owned()),
        _ => None,
    };
    let class = if failed {
        "history__row is-failed"
    } else if waiting {
        "history__row is-waiting"
    } else {
        "history__row"
    };
    let length = row.duration_s.map_or(format::DASH.to_owned(), format::clock);
    let loudness = row
        .integrated_lufs
        .map_or(format::DASH.to_owned(), |lufs| format::with_unit(lufs, 1, "LUFS"));
    let (length_class, loudness_class) = (known(row.duration_s), known(row.integrated_lufs));
    let audio = match row.audio {
        Audio::Kept { until } if until > now => view! {
            <time datetime=until.rfc3339() title=format::date_time(until)>
                {format::span(until.since(now))}
            </time>
            " left"
        }
        .into_any(),
        Audio::Kept { .. } => "Being removed".into_any(),
        Audio::Gone => "Removed".into_any(),
    };
    view! {
        <tr class=class role="row">
            <th scope="row" role="rowheader" class="history__title">
                <a href=paths::analysis(row.id)>{row.title}</a>
                {aside.map(|aside| view! { <span class="history__aside">{aside}</span> })}
            </th>
            <td role="cell" class="history__state">
                <StateChip progress=row.progress />
            </td>
            <td role="cell" class=length_class data-label="Length">
                {length}
            </td>
            <td role="cell" class=loudness_class data-label="Loudness">
                {loudness}
            </td>
            <td role="cell" data-label="Uploaded">
                <time datetime=row.created_at.rfc3339()>{format::date(row.created_at)}</time>
            </td>
            <td role="cell" data-label="Audio" class="muted">
                {audio}
            </td>
        </tr>
    }
    .into_any()
}

/// The class of a number's cell; a phone leaves out numbers that do not exist.
fn known(value: Option<f64>) -> &'static str {
    if value.is_some() {
        "is-num"
    } else {
        "is-num is-absent"
    }
}
