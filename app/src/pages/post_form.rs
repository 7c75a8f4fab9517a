//! The plain form that every write without a script goes through.

use leptos::prelude::*;

/// A form that POSTs to `action` with the CSRF token of the context (P22). The server checks every field, so the browser
/// does not: its own bubbles say less than the messages beside the fields.
#[component]
pub fn PostForm(
    /// Where it goes.
    #[prop(into)]
    action: String,
    /// [`RequestContext::csrf`](crate::Visit); given, because after an await a page has no context to ask.
    csrf: String,
    /// Its class.
    #[prop(default = "stack")]
    class: &'static str,
    /// The fields and the button.
    children: Children,
) -> impl IntoView {
    view! {
        <form method="post" action=action class=class novalidate>
            <input type="hidden" name="csrf" value=csrf />
            {children()}
        </form>
    }
}
