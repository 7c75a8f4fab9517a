//! Form fields with their hints and errors, bound together for screen readers.

use leptos::prelude::*;

use super::{Tone, ToneIcon};

/// The ids of what describes a field, where there is any.
fn described_by(id: &str, hint: Option<&str>, error: Option<&str>) -> Option<String> {
    let hint = hint.map(|_| format!("{id}-hint"));
    let error = error.map(|_| format!("{id}-error"));
    let ids: Vec<_> = error.into_iter().chain(hint).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// The message under a field.
fn error_line(id: &str, error: Option<String>) -> Option<AnyView> {
    let error = error?;
    let view = view! {
        <p class="field__error" id=format!("{id}-error")>
            <ToneIcon tone=Tone::Severe />
            <span>{error}</span>
        </p>
    };
    Some(view.into_any())
}

/// One line of text with its label, hint and error.
#[component]
pub fn Field(
    /// What it asks for.
    #[prop(into)]
    label: String,
    /// The name under which it is sent.
    #[prop(into)]
    name: String,
    /// Its `id`, where several forms of a page have a field of the name; `field-<name>` when left out.
    #[prop(optional_no_strip, into)]
    id: Option<String>,
    /// The `type` attribute; `text` when left out.
    #[prop(default = "text")]
    r#type: &'static str,
    /// What was typed before; never pass a password back.
    #[prop(optional_no_strip, into)]
    value: Option<String>,
    /// How to fill it in.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong with the value.
    #[prop(optional_no_strip, into)]
    error: Option<String>,
    /// The `autocomplete` token: `email`, `current-password`, `one-time-code`.
    #[prop(optional, into)]
    autocomplete: Option<String>,
    /// The `inputmode` attribute.
    #[prop(optional, into)]
    inputmode: Option<String>,
    /// The longest value, in characters.
    #[prop(optional, into)]
    maxlength: Option<u32>,
    /// Whether it may stay empty; those that may say so.
    #[prop(default = true)]
    required: bool,
    /// Values that the browser proposes while one types.
    #[prop(optional)]
    proposals: Vec<String>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("field-{name}"));
    let list = (!proposals.is_empty()).then(|| format!("{id}-list"));
    let proposals = list.clone().map(|list| {
        let options = proposals
            .into_iter()
            .map(|value| view! { <option value=value></option> })
            .collect_view();
        view! { <datalist id=list>{options}</datalist> }
    });
    let described = described_by(&id, hint.as_deref(), error.as_deref());
    let invalid = error.is_some().then_some("true");
    let hint = hint.map(|hint| {
        view! {
            <p class="field__hint" id=format!("{id}-hint")>
                {hint}
            </p>
        }
    });
    let error = error_line(&id, error);
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>
                {label}
                {(!required).then(|| view! { " " <small>"(optional)"</small> })}
            </label>
            {hint}
            <input
                class="input"
                id=id
                name=name
                type=r#type
                value=value
                autocomplete=autocomplete
                inputmode=inputmode
                maxlength=maxlength.map(|length| length.to_string())
                required=required
                list=list
                aria-describedby=described
                aria-invalid=invalid
            />
            {proposals}
            {error}
        </div>
    }
    .into_any()
}

/// One of a few values. Its `id` is `field-<name>`.
#[component]
pub fn Select(
    /// What it asks for.
    #[prop(into)]
    label: String,
    /// The name under which it is sent.
    name: &'static str,
    /// The values with what is read for them.
    options: Vec<(String, String)>,
    /// The one that is chosen.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    let id = format!("field-{name}");
    let options = options
        .into_iter()
        .map(|(option, text)| {
            let selected = option == value;
            view! {
                <option value=option selected=selected>
                    {text}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>
                {label}
            </label>
            <select class="input" id=id name=name>
                {options}
            </select>
        </div>
    }
    .into_any()
}

/// A box to tick. Its `id` is `field-<name>`.
#[component]
pub fn Checkbox(
    /// The name under which it is sent.
    #[prop(into)]
    name: String,
    /// The value that is sent when it is ticked.
    #[prop(default = "on")]
    value: &'static str,
    /// Whether it is ticked.
    #[prop(optional)]
    checked: bool,
    /// Whether it has to be.
    #[prop(optional)]
    required: bool,
    /// More about it.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is wrong.
    #[prop(optional_no_strip, into)]
    error: Option<String>,
    /// The label; may hold links.
    children: Children,
) -> impl IntoView {
    let id = format!("field-{name}");
    let described = described_by(&id, hint.as_deref(), error.as_deref());
    let invalid = error.is_some().then_some("true");
    let hint = hint.map(|hint| {
        view! {
            <p class="field__hint" id=format!("{id}-hint")>
                {hint}
            </p>
        }
    });
    let error = error_line(&id, error);
    view! {
        <div class="check">
            <input
                type="checkbox"
                id=id.clone()
                name=name
                value=value
                checked=checked
                required=required
                aria-describedby=described
                aria-invalid=invalid
            />
            <label for=id>{children()}</label>
            {hint}
            {error}
        </div>
    }
    .into_any()
}

/// The errors of a form in one list above it, each a link to its field. Takes the focus when the page arrives.
/// Errors are `(field name, message)`; an empty name belongs to no field.
#[component]
pub fn ErrorSummary(
    /// What is wrong; nothing is shown when there is none.
    errors: Vec<(String, String)>,
) -> impl IntoView {
    if errors.is_empty() {
        return ().into_any();
    }
    let title = if errors.iter().all(|(field, _)| field.is_empty()) {
        "That did not work"
    } else {
        "Please fix what is marked below"
    };
    let items = errors
        .into_iter()
        .map(|(field, message)| {
            if field.is_empty() {
                view! { <li>{message}</li> }.into_any()
            } else {
                view! {
                    <li>
                        <a href=format!("#field-{field}")>{message}</a>
                    </li>
                }
                .into_any()
            }
        })
        .collect_view();
    view! {
        <div class="error-summary" role="alert" tabindex="-1" autofocus aria-labelledby="error-summary-title">
            <h2 id="error-summary-title">
                <ToneIcon tone=Tone::Severe />
                {title}
            </h2>
            <ul>{items}</ul>
        </div>
    }
    .into_any()
}
