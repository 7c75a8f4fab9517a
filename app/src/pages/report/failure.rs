//! What is shown instead of a report that could not be made.

use leptos::prelude::*;
use model::{Failure, FailureCode, Timestamp, analysis::AnalysisView};

use super::TitleBlock;
use crate::{
    pages::post_form::PostForm,
    paths,
    ui::{Button, ButtonKind, ButtonLink, Tone, ToneIcon},
};

/// What is wrong, what to do, and the file's facts.
#[component]
pub fn FailureBody(
    /// The analysis; without a failure in it the words are those of [`FailureCode::Internal`].
    view: AnalysisView,
    /// The present moment.
    now: Timestamp,
    /// For the form that has it measured again.
    csrf: String,
    /// Rename, delete.
    #[prop(optional, into)]
    actions: ViewFnOnce,
) -> impl IntoView {
    let failure = view
        .summary
        .failure
        .clone()
        .unwrap_or(Failure::new(FailureCode::Internal));
    // Our fault: once more costs nothing, while the audio is there.
    let is_there = view.summary.audio.kept_until(now).is_some();
    let again = (failure.code == FailureCode::Internal && is_there).then(|| {
        view! {
            <PostForm action=paths::measure_again(view.summary.id) csrf=csrf class="">
                <Button kind=ButtonKind::Primary>"Measure again"</Button>
            </PostForm>
        }
    });
    let upload = if again.is_some() {
        ButtonKind::Quiet
    } else {
        ButtonKind::Primary
    };
    view! {
        <article class="report">
            <TitleBlock view=view now=now actions=actions />
            <section class="failure severe" aria-labelledby="failure">
                <ToneIcon tone=Tone::Severe />
                <div class="stack">
                    <h2 id="failure">{failure.headline()}</h2>
                    <p class="lead">{failure.sentence(model::Audience::Website)}</p>
                    <p>
                        <strong>"What to do: "</strong>
                        {failure.advice(model::Audience::Website)}
                    </p>
                    <div class="row">
                        {again}
                        <ButtonLink href=paths::UPLOAD kind=upload>
                            "Upload another file"
                        </ButtonLink>
                    </div>
                </div>
            </section>
        </article>
    }
    .into_any()
}
