//! What is shown while a report is being made.

use leptos::prelude::*;
use model::{Timestamp, analysis::AnalysisView};

use super::TitleBlock;
use crate::ui::ProgressPanel;

/// The title block and the progress: `children` is the island that keeps it up to date; without one, the state at the
/// time of the request.
#[component]
pub fn RunningBody(
    /// The analysis.
    view: AnalysisView,
    /// The present moment.
    now: Timestamp,
    /// Rename, delete.
    #[prop(optional, into)]
    actions: ViewFnOnce,
    /// The live progress.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let progress = view.summary.progress.clone();
    let live = match children {
        Some(children) => children(),
        None => view! { <ProgressPanel progress=progress /> }.into_any(),
    };
    view! {
        <article class="report">
            <TitleBlock view=view now=now actions=actions />
            <section class="plate" aria-labelledby="progress">
                <h2 id="progress" class="visually-hidden">
                    "Progress"
                </h2>
                {live}
                <p class="muted small running__aside">
                    "You can close this page. The report will be in your history."
                </p>
            </section>
            <noscript>
                <p class="muted">"Without JavaScript this page does not move by itself: reload it to see how far it is."</p>
            </noscript>
        </article>
    }
    .into_any()
}
