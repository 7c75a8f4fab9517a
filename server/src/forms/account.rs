//! Name and address of an account, and the question for the password.

use axum::response::Response;
use backend::accounts::{self, Proof, address};
use model::paths;
use secrecy::SecretString;
use serde::Deserialize;

use super::{FormReply, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct NameForm {
    #[serde(default)]
    display_name: String,
}

pub(crate) async fn rename(Submitted { form, fields }: Submitted<NameForm>) -> Response {
    let done = accounts::rename(form.backend(), form.actor(), &fields.display_name).await;
    form.reply(done.map(|()| FormReply::to(paths::done(paths::ACCOUNT, "name"))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct EmailForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    code: String,
}

pub(crate) async fn change_email(Submitted { form, fields }: Submitted<EmailForm>) -> Response {
    let done = address::request(form.backend(), form.actor(), &fields.email, &fields.code).await;
    form.reply(done.map(|()| FormReply::to(paths::done(paths::ACCOUNT, "email"))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ConfirmEmailForm {
    #[serde(default)]
    token: String,
}

pub(crate) async fn confirm_email(Submitted { form, fields }: Submitted<ConfirmEmailForm>) -> Response {
    let next = if form.is_signed_in() {
        paths::ACCOUNT
    } else {
        paths::SIGN_IN
    };
    let done = address::confirm(form.backend(), &fields.token).await;
    form.reply(done.map(|()| FormReply::to(paths::done(next, "address"))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ConfirmPasswordForm {
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    code: String,
    next: Option<String>,
}

pub(crate) async fn confirm_password(Submitted { form, fields }: Submitted<ConfirmPasswordForm>) -> Response {
    let to = paths::safe_next(fields.next.as_deref().or(Some(paths::ACCOUNT)));
    let proof = Proof {
        password: fields.password,
        code: fields.code,
    };
    let done = accounts::confirm_password(form.backend(), form.actor(), proof).await;
    form.reply(done.map(|session| FormReply::renewed(to, session)))
        .await
}
