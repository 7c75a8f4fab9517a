//! The field that takes a new password, wherever one is chosen.

use backend::password::MIN_CHARS;
use leptos::prelude::*;

use crate::{request_context::FormErrors, ui::Field};

/// Sent as `password`.
#[component]
pub fn NewPassword(
    /// What it asks for.
    label: &'static str,
    /// What was wrong with the one before.
    form_errors: FormErrors,
) -> impl IntoView {
    view! {
        <Field
            label=label
            name="password"
            r#type="password"
            error=form_errors.error("password")
            autocomplete="new-password"
            hint=format!(
                "At least {MIN_CHARS} characters. Three or four unrelated words are easy to remember and hard to guess.",
            )
        />
    }
}
