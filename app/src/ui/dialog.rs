//! Dialogs that open without a script, questions that unfold in place, and messages that pass.

use leptos::prelude::*;

use super::{ButtonKind, Tone, ToneIcon};

/// The button that opens a [`Dialog`]. `commandfor` makes it modal where the browser knows the attribute;
/// `popovertarget` opens it without a script everywhere else.
#[component]
pub fn DialogButton(
    /// The `id` of the dialog.
    #[prop(into)]
    dialog: String,
    /// How much attention it asks for.
    #[prop(optional)]
    kind: ButtonKind,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let class = match kind {
        ButtonKind::Primary => "button button--primary",
        ButtonKind::Quiet => "button",
        ButtonKind::Danger => "button button--danger",
        ButtonKind::Link => "button button--link",
    };
    view! {
        <button
            type="button"
            class=class
            popovertarget=dialog.clone()
            commandfor=dialog
            command="show-modal"
        >
            {children()}
        </button>
    }
    .into_any()
}

/// A native `<dialog>`, opened by a [`DialogButton`]. Its closing button is its own.
#[component]
pub fn Dialog(
    /// Its `id`.
    #[prop(into)]
    id: String,
    /// Its heading.
    #[prop(into)]
    title: String,
    /// What the closing button says.
    #[prop(default = "Cancel")]
    close: &'static str,
    /// What it holds, a form most often.
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-title");
    let target = id.clone();
    view! {
        <dialog class="dialog" id=id popover="auto" aria-labelledby=heading.clone()>
            <div class="stack">
                <h2 id=heading.clone()>{title}</h2>
                {children()}
                <button
                    type="button"
                    class="button"
                    popovertarget=target.clone()
                    popovertargetaction="hide"
                    commandfor=target
                    command="close"
                >
                    {close}
                </button>
            </div>
        </dialog>
    }
    .into_any()
}

/// A question that unfolds in place: the opener is a `<summary>`, the answer is the form inside.
#[component]
pub fn Confirm(
    /// What the opener says.
    #[prop(into)]
    opener: String,
    /// How the opener looks.
    #[prop(optional)]
    kind: ButtonKind,
    /// Whether it is unfolded, because its form was refused.
    #[prop(optional)]
    open: bool,
    /// The question and its form.
    children: Children,
) -> impl IntoView {
    let class = match kind {
        ButtonKind::Danger => "button button--small button--danger",
        ButtonKind::Link => "button button--small button--link",
        ButtonKind::Primary => "button button--small button--primary",
        ButtonKind::Quiet => "button button--small",
    };
    view! {
        <details class="confirm" open=open>
            <summary class=class>{opener}</summary>
            <div class="confirm__body">{children()}</div>
        </details>
    }
    .into_any()
}

/// Where [`Toast`]s appear; once per page, near the end of the body. Islands add `.toast` elements to `#toasts`.
#[component]
pub fn Toasts(
    /// Those that are there when the page arrives.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="toasts" id="toasts" role="status" aria-live="polite">
            {children.map(|children| children())}
        </div>
    }
    .into_any()
}

/// A message that passes.
#[component]
pub fn Toast(
    /// How much it matters.
    tone: Tone,
    /// What it says.
    #[prop(into)]
    message: String,
) -> impl IntoView {
    view! {
        <div class="toast">
            <ToneIcon tone=tone />
            <span>{message}</span>
        </div>
    }
    .into_any()
}
