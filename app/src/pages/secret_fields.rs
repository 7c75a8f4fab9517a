//! The fields that several forms share: a new password, and a code of the second factor.

use backend::password::MIN_CHARS;
use leptos::prelude::*;

use crate::{
    request_context::{FORM_NAME, FormErrors},
    ui::Field,
};

/// Whether the form that was refused is the one of this name; see [`SecondFactorCode`].
pub fn is_of(form_errors: &FormErrors, form: &str) -> bool {
    form_errors.value(FORM_NAME).as_deref() == Some(form)
}

/// The field for a code of the second factor, where `asked`; sent as `code`.
#[component]
pub fn SecondFactorCode(
    /// Whether the person has a second factor.
    asked: bool,
    /// What was wrong with the one before.
    form_errors: FormErrors,
    /// Which form it stands in, where a page has several that ask.
    #[prop(optional)]
    form: Option<&'static str>,
) -> impl IntoView {
    let is_refused = form.is_none_or(|form| is_of(&form_errors, form));
    let id = form
        .filter(|_| !is_refused)
        .map(|form| format!("field-code-{form}"));
    asked.then(|| {
        view! {
            <Field
                label="Code"
                name="code"
                id=id
                error=form_errors.error("code").filter(|_| is_refused)
                autocomplete="one-time-code"
                maxlength=30_u32
                hint="Six digits of your authenticator app, a fresh one, or one of your recovery codes."
            />
        }
    })
}

/// The password that is in force, for password managers to fill in.
#[component]
pub fn PresentPassword(
    /// What it asks for.
    #[prop(default = "Password")]
    label: &'static str,
    /// The name under which it is sent.
    #[prop(default = "password")]
    name: &'static str,
    /// Why it is asked for.
    #[prop(optional)]
    hint: Option<&'static str>,
    /// What was wrong with the one before.
    form_errors: FormErrors,
) -> impl IntoView {
    view! {
        <Field
            label=label
            name=name
            r#type="password"
            error=form_errors.error(name)
            autocomplete="current-password"
            nostrip:hint=hint.map(str::to_owned)
        />
    }
}

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
