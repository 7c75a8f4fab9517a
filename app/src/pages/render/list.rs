//! The renders that were made of a mix.

use backend::renders::RenderSummary;
use leptos::prelude::*;
use model::{Timestamp, analysis::AnalysisState};

use crate::{
    format, paths,
    ui::{AudioCell, DayCell, Head, List},
};

/// The renders of a mix, the newest first; nothing where there are none.
#[component]
pub fn Renders(
    /// The renders.
    renders: Vec<RenderSummary>,
    /// The present moment.
    now: Timestamp,
) -> impl IntoView {
    if renders.is_empty() {
        return ().into_any();
    }
    let rows = renders
        .into_iter()
        .map(|render| view! { <Row render=render now=now /> })
        .collect_view();
    view! {
        <section class="stack" aria-labelledby="renders-heading" id="renders">
            <h2 id="renders-heading">"Renders"</h2>
            <List
                caption="Renders of this mix"
                heads=vec![
                    Head::Words("File"),
                    Head::Words("Score"),
                    Head::Words("Asked for"),
                    Head::Words("Audio"),
                ]
            >
                {rows}
            </List>
        </section>
    }
    .into_any()
}

#[component]
fn Row(render: RenderSummary, now: Timestamp) -> impl IntoView {
    let score = match (render.progress.state, render.after) {
        (AnalysisState::Done, Some(after)) => format!("{} → {}", render.before.number(), after.number()),
        (AnalysisState::Failed, _) => "Failed".to_owned(),
        (AnalysisState::Queued, _) => "Waiting".to_owned(),
        _ => format!("Rendering {} %", render.progress.percent.min(100)),
    };
    let size = render.size_bytes.map(format::bytes);
    view! {
        <tr class="list__row" role="row">
            <th scope="row" role="rowheader" class="list__title">
                <a href=paths::render(render.id)>{super::file_words(render.output)}</a>
                {size.map(|size| view! { <span class="list__aside num">{size}</span> })}
            </th>
            <td role="cell" class="num" data-label="Score">{score}</td>
            <DayCell label="Asked for" at=render.created_at />
            <AudioCell audio=render.audio now=now />
        </tr>
    }
    .into_any()
}
