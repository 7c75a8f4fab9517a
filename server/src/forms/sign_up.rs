//! Signing up, and confirming the address.

use axum::response::Response;
use backend::accounts::{self, SignUp};
use model::paths;
use secrecy::SecretString;
use serde::Deserialize;

use super::{FormReply, Submitted};

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
    form.reply(done.map(|()| FormReply::to(paths::SIGN_UP_SENT)))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ConfirmForm {
    #[serde(default)]
    token: String,
}

pub(crate) async fn confirm(Submitted { form, fields }: Submitted<ConfirmForm>) -> Response {
    let done = accounts::confirm_sign_up(form.backend(), &fields.token).await;
    let to = paths::UPLOAD.to_owned();
    form.reply(done.map(|session| FormReply::SignedIn { to, session }))
        .await
}
