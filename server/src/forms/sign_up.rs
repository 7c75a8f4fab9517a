//! Signing up, and confirming the address.

use axum::response::Response;
use backend::accounts::{self, Confirmed, SignUp};
use model::paths;
use secrecy::SecretString;
use serde::Deserialize;

use super::{FormReply, GivenCookie, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct SignUpForm {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    age_ok: Option<String>,
    terms_ok: Option<String>,
}

pub(crate) async fn sign_up(Submitted { form, fields }: Submitted<SignUpForm>) -> Response {
    let input = SignUp {
        display_name: fields.display_name,
        email: fields.email,
        password: fields.password,
        age_ok: fields.age_ok.is_some(),
        terms_ok: fields.terms_ok.is_some(),
    };
    let done = accounts::sign_up(form.backend(), input).await;
    form.reply(done.map(|shown| FormReply::With {
        to: paths::SIGN_UP_SENT.to_owned(),
        cookies: vec![GivenCookie::sign_up(shown)],
    }))
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ConfirmForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: SecretString,
}

pub(crate) async fn confirm(Submitted { form, fields }: Submitted<ConfirmForm>) -> Response {
    let done =
        accounts::confirm_sign_up(form.backend(), &fields.token, fields.password, form.browser()).await;
    form.reply(done.map(|confirmed| match confirmed {
        Confirmed::Now(entered) => FormReply::entered(paths::UPLOAD.to_owned(), entered),
        Confirmed::Before => FormReply::to(paths::done(paths::SIGN_IN, "confirmed")),
    }))
    .await
}
