//! Signing in by password and code, the way back for a forgotten password, and signing out.

use std::collections::BTreeMap;

use axum::response::Response;
use backend::{
    accounts::{self, SignIn, SignedIn, recovery},
    sessions,
};
use model::{ProblemCode, paths, routes::Page};
use secrecy::SecretString;
use serde::Deserialize;

use super::{FormReply, FormRequest, GivenCookie, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    /// Asked for where there is to be waited.
    #[serde(default)]
    code: String,
    /// Of one page in one browser, by which a form that is sent twice is known.
    #[serde(default)]
    csrf: String,
    next: Option<String>,
}

pub(crate) async fn sign_in(Submitted { form, fields }: Submitted<PasswordForm>) -> Response {
    let entered = SignIn {
        email: &fields.email,
        password: fields.password,
        code: &fields.code,
        form: &fields.csrf,
    };
    let done = accounts::sign_in(form.backend(), entered, form.browser()).await;
    let next = fields.next;
    form.reply(done.map(|signed_in| match signed_in {
        SignedIn::Entered(entered) => FormReply::entered(paths::safe_next(next.as_deref()), entered),
        SignedIn::CodeNeeded(step) => FormReply::NextStep {
            page: Page::SignInCode,
            values: code_form(step, next),
        },
    }))
    .await
}

/// What the form for the code carries on from the form before.
fn code_form(step: String, next: Option<String>) -> BTreeMap<String, String> {
    let values = [("step", Some(step)), ("next", next)];
    values
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

#[derive(Debug, Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    step: String,
    #[serde(default)]
    code: String,
    next: Option<String>,
}

pub(crate) async fn sign_in_with_code(Submitted { mut form, fields }: Submitted<CodeForm>) -> Response {
    let done = accounts::sign_in_with_code(form.backend(), &fields.step, &fields.code, form.browser()).await;
    if matches!(&done, Err(error) if error.code() == ProblemCode::NotFound) {
        // The password was entered too long ago: the page asks for it again.
        form.forget("step");
    }
    let to = paths::safe_next(fields.next.as_deref());
    form.reply(done.map(|entered| FormReply::entered(to, entered)))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ForgotForm {
    #[serde(default)]
    email: String,
}

pub(crate) async fn forgot(Submitted { form, fields }: Submitted<ForgotForm>) -> Response {
    let done = recovery::request(form.backend(), &fields.email).await;
    form.reply(done.map(|()| FormReply::to(paths::FORGOT_SENT))).await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ResetForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: SecretString,
}

pub(crate) async fn reset(Submitted { form, fields }: Submitted<ResetForm>) -> Response {
    let done = recovery::reset(form.backend(), &fields.token, fields.password, form.browser()).await;
    form.reply(done.map(|known| FormReply::With {
        to: paths::done(paths::SIGN_IN, "reset"),
        cookies: vec![GivenCookie::known(known)],
    }))
    .await
}

pub(crate) async fn sign_out(form: FormRequest) -> Response {
    let done = match &form.browser().session {
        Some(token) => sessions::end(form.backend(), token).await,
        None => Ok(()),
    };
    let to = paths::HOME.to_owned();
    form.reply(done.map(|()| FormReply::SignedOut { to })).await
}
