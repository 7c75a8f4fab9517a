//! The chip that says mix or master, what it follows from, and the forms that change it.

use leptos::prelude::*;
use model::{
    AnalysisId,
    verdict::{Stage, StageDetection},
};

use crate::{
    format,
    pages::post_form::PostForm,
    paths,
    ui::{Button, meter::percent},
};

/// Mix or master, as detected or as chosen; it unfolds to the signs and to the other choice.
#[component]
pub fn StageChip(
    /// Which analysis.
    id: AnalysisId,
    /// What was detected.
    detected: StageDetection,
    /// What it counts as.
    stage: Stage,
    /// Whether a person said so.
    is_chosen: bool,
    /// The score by the other stage, as a number.
    other_score: String,
    /// The token of the forms; `None` where nothing can be changed.
    #[prop(optional_no_strip)]
    csrf: Option<String>,
) -> impl IntoView {
    let certainty = match (is_chosen, &csrf) {
        (true, Some(_)) => "set by you".to_owned(),
        (true, None) => "set by its owner".to_owned(),
        (false, _) => detected.description().to_owned(),
    };
    let other = stage.other();
    let sentence = format!(
        "{} likely a {}.",
        format::with_unit(detected.certainty * 100.0, 0, "%"),
        detected.stage.as_str()
    );
    let signs = detected
        .indicators
        .iter()
        .map(|sign| {
            let x = percent(50.0 + sign.toward_master * 50.0);
            view! {
                <tr>
                    <th scope="row">{sign.title.clone()}</th>
                    <td class="is-num">{sign.unit.display(sign.value)}</td>
                    <td>
                        <svg class="indicator" role="img" aria-label=leaning_words(sign.toward_master)>
                            <line x1="0" x2="100%" y1="50%" y2="50%"></line>
                            <line x1="50%" x2="50%" y1="20%" y2="80%"></line>
                            <circle cx=x cy="50%" r="4"></circle>
                        </svg>
                    </td>
                </tr>
            }
        })
        .collect_view();
    let forms = csrf.map(|csrf| {
        let back = is_chosen.then(|| {
            let csrf = csrf.clone();
            view! {
                <PostForm action=paths::stage(id) csrf=csrf class="row">
                    <input type="hidden" name="stage" value="" />
                    <Button class="button--small">"Back to what was detected"</Button>
                </PostForm>
            }
        });
        view! {
            <PostForm action=paths::stage(id) csrf=csrf class="row">
                <input type="hidden" name="stage" value=other.as_str() />
                <Button class="button--small">{format!("Judge it as a {}", other.as_str())}</Button>
            </PostForm>
            {back}
        }
    });
    view! {
        <details class="stage">
            <summary>
                <span class="stage__name">{stage.name()}</span>
                <span class="stage__certainty">{certainty}</span>
            </summary>
            <div class="stage__panel">
                <p>
                    {sentence} " As a " {other.as_str()} " it scores " <strong class="num">{other_score}</strong> "."
                </p>
                <table class="table">
                    <caption class="visually-hidden">"Signs of the stage"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Sign"</th>
                            <th scope="col" class="is-num">"Measured"</th>
                            <th scope="col">"Mix – master"</th>
                        </tr>
                    </thead>
                    <tbody>{signs}</tbody>
                </table>
                {forms}
            </div>
        </details>
    }
    .into_any()
}

fn leaning_words(leaning: f64) -> &'static str {
    match leaning {
        leaning if leaning > 0.2 => "speaks for a master",
        leaning if leaning < -0.2 => "speaks for a mix",
        _ => "speaks for neither",
    }
}
