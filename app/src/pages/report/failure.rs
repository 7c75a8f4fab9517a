//! What is shown instead of a report that could not be made.

use leptos::prelude::*;
use model::{Failure, FailureCode, Timestamp, analysis::AnalysisView};

use super::TitleBlock;
use crate::{
    paths,
    ui::{ButtonKind, ButtonLink, Tone, ToneIcon},
};

/// What is wrong, what to do, and the file's facts.
#[component]
pub fn FailureBody(
    /// The analysis; without a failure in it the words are those of [`FailureCode::Internal`].
    view: AnalysisView,
    /// The present moment.
    now: Timestamp,
    /// Rename, delete.
    #[prop(optional, into)]
    actions: ViewFnOnce,
) -> impl IntoView {
    let failure = view
        .summary
        .failure
        .clone()
        .unwrap_or(Failure::new(FailureCode::Internal));
    view! {
        <article class="report">
            <TitleBlock view=view now=now kind="Analysis" actions=actions />
            <section class="failure severe" aria-labelledby="failure">
                <ToneIcon tone=Tone::Severe />
                <div class="stack">
                    <h2 id="failure">{failure.headline()}</h2>
                    <p class="lead">{failure.sentence(model::Audience::Website)}</p>
                    <p>
                        <strong>"What to do: "</strong>
                        {failure.advice(model::Audience::Website)}
                    </p>
                    <p>
                        <ButtonLink href=paths::UPLOAD kind=ButtonKind::Primary>
                            "Upload another file"
                        </ButtonLink>
                    </p>
                </div>
            </section>
        </article>
    }
    .into_any()
}
