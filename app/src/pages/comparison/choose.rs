//! The choice of what a mix is compared with, as boxes to tick.

use backend::analyses::{Choice, MOST_COMPARED};
use leptos::prelude::*;
use model::{AnalysisId, upload::UploadKind};

use crate::{
    format,
    pages::post_form::PostForm,
    paths,
    ui::{Button, ButtonKind, ButtonLink},
};

/// The form.
#[component]
pub fn Choose(
    /// The mix.
    id: AnalysisId,
    /// What may be chosen.
    choices: Vec<Choice>,
    /// The token of the form.
    csrf: String,
    /// Whether it is unfolded.
    is_open: bool,
) -> impl IntoView {
    let upload = format!("{}?mix={id}", paths::REFERENCES);
    let (references, mixes): (Vec<Choice>, Vec<Choice>) = choices
        .into_iter()
        .partition(|choice| choice.summary.kind == UploadKind::Reference);
    let has_references = !references.is_empty();
    let has_any = has_references || !mixes.is_empty();
    let mixes_open = mixes.iter().any(|choice| choice.is_chosen);
    view! {
        <details class="plate choose" id="choose" open=is_open>
            <summary>
                <h2>"Choose what to compare with"</h2>
            </summary>
            <div class="stack">
                <p class="muted">
                    {format!(
                        "Up to {MOST_COMPARED}. From two on, the comparison knows how far your references differ among themselves, and says only what lies outside.",
                    )}
                </p>
                {(!has_references)
                    .then(|| {
                        view! {
                            <p>
                                "You have no references yet. " <a href=upload.clone()>"Upload one"</a>
                                ": finished music that sounds the way you want yours to."
                            </p>
                        }
                    })}
                {has_any
                    .then(|| {
                        view! {
                            <PostForm action=paths::comparison(id) csrf=csrf>
                                <Boxes legend="References" choices=references />
                                {(!mixes.is_empty())
                                    .then(|| {
                                        view! {
                                            <details open=mixes_open>
                                                <summary>"Or your own mixes"</summary>
                                                <Boxes legend="Your mixes" choices=mixes />
                                            </details>
                                        }
                                    })}
                                <div class="row">
                                    <Button kind=ButtonKind::Primary>"Compare"</Button>
                                    {has_references
                                        .then(|| view! { <ButtonLink href=upload>"Upload a reference"</ButtonLink> })}
                                </div>
                            </PostForm>
                        }
                    })}
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn Boxes(legend: &'static str, choices: Vec<Choice>) -> impl IntoView {
    if choices.is_empty() {
        return ().into_any();
    }
    let boxes = choices
        .into_iter()
        .map(|choice| {
            let summary = choice.summary;
            let id = format!("field-with-{}", summary.id);
            let facts: Vec<String> = [
                summary.duration_s.map(format::clock),
                summary
                    .integrated_lufs
                    .map(|lufs| format::with_unit(lufs, 1, "LUFS")),
                Some(format::date(summary.created_at)),
            ]
            .into_iter()
            .flatten()
            .collect();
            view! {
                <div class="check">
                    <input
                        type="checkbox"
                        id=id.clone()
                        name="with"
                        value=summary.id.to_string()
                        checked=choice.is_chosen
                    />
                    <label for=id>
                        {summary.title} " " <span class="small muted">{facts.join(", ")}</span>
                    </label>
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset class="boxes">
            <legend>{legend}</legend>
            {boxes}
        </fieldset>
    }
    .into_any()
}
