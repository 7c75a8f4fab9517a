//! Buttons, and links that look like them.

use leptos::prelude::*;

/// How much a button asks for attention. One primary per view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ButtonKind {
    /// The one thing to do here.
    Primary,
    /// Everything else.
    #[default]
    Quiet,
    /// It destroys something.
    Danger,
    /// As unobtrusive as a link in a sentence.
    Link,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Quiet => "button",
            Self::Danger => "button button--danger",
            Self::Link => "button button--link",
        }
    }

    pub(crate) fn with(self, class: &str) -> String {
        if class.is_empty() {
            self.class().to_owned()
        } else {
            format!("{} {class}", self.class())
        }
    }
}

/// A `<button>`; submits its form unless `kind_attr` says otherwise.
#[component]
pub fn Button(
    /// How much attention it asks for.
    #[prop(optional)]
    kind: ButtonKind,
    /// The `type` attribute; `submit` when left out.
    #[prop(default = "submit")]
    r#type: &'static str,
    /// The name under which its value is sent.
    #[prop(optional, into)]
    name: Option<String>,
    /// The value that is sent.
    #[prop(optional, into)]
    value: Option<String>,
    /// Whether it can be used.
    #[prop(optional)]
    disabled: bool,
    /// Further classes: `button--small`, `button--wide`.
    #[prop(optional)]
    class: &'static str,
    /// What it says.
    children: Children,
) -> impl IntoView {
    view! {
        <button type=r#type class=kind.with(class) name=name value=value disabled=disabled>
            {children()}
        </button>
    }
    .into_any()
}

/// A link that looks like a [`Button`].
#[component]
pub fn ButtonLink(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// How much attention it asks for.
    #[prop(optional)]
    kind: ButtonKind,
    /// Further classes: `button--small`, `button--wide`.
    #[prop(optional)]
    class: &'static str,
    /// What it says.
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href class=kind.with(class)>
            {children()}
        </a>
    }
    .into_any()
}
