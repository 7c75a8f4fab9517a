//! Password, sessions and second factor of an account.

use std::collections::BTreeMap;

use axum::response::Response;
use backend::{
    Error,
    accounts::{self, Proof, second_factor},
    sessions,
};
use model::{SessionId, paths, routes::Page};
use secrecy::SecretString;
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    current: SecretString,
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: SecretString,
}

pub(crate) async fn change_password(Submitted { mut form, fields }: Submitted<PasswordForm>) -> Response {
    form.is_called("password");
    let current = Proof {
        password: fields.current,
        code: fields.code,
    };
    let done = accounts::change_password(form.backend(), form.actor(), current, fields.password).await;
    let to = paths::done(paths::SECURITY, "password");
    form.reply(done.map(|session| FormReply::renewed(to, session)))
        .await
}

pub(crate) async fn end_session(PathId(id): PathId<SessionId>, form: FormRequest) -> Response {
    let done = sessions::end_one(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| done_with("session"))).await
}

pub(crate) async fn end_other_sessions(form: FormRequest) -> Response {
    let done = sessions::end_others(form.backend(), form.actor()).await;
    form.reply(done.map(|_| done_with("sessions"))).await
}

pub(crate) async fn begin_second_factor(form: FormRequest) -> Response {
    let done = second_factor::begin(form.backend(), form.actor()).await;
    form.reply(done.map(|()| FormReply::to(paths::SECOND_FACTOR)))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct CodeForm {
    #[serde(default)]
    code: String,
}

pub(crate) async fn confirm_second_factor(Submitted { form, fields }: Submitted<CodeForm>) -> Response {
    let codes = second_factor::confirm(form.backend(), form.actor(), &fields.code).await;
    show_codes(form, codes).await
}

pub(crate) async fn renew_codes(Submitted { mut form, fields }: Submitted<CodeForm>) -> Response {
    form.is_called("codes");
    let codes = second_factor::renew_codes(form.backend(), form.actor(), &fields.code).await;
    show_codes(form, codes).await
}

/// Shows new recovery codes: in the answer itself, because nobody can show them again.
async fn show_codes(form: FormRequest, codes: Result<Vec<String>, Error>) -> Response {
    form.reply(codes.map(|codes| FormReply::NextStep {
        page: Page::SecondFactor,
        values: BTreeMap::from([("codes".to_owned(), codes.join(" "))]),
    }))
    .await
}

pub(crate) async fn turn_off_second_factor(Submitted { mut form, fields }: Submitted<CodeForm>) -> Response {
    form.is_called("off");
    let done = second_factor::turn_off(form.backend(), form.actor(), &fields.code).await;
    form.reply(done.map(|()| done_with("second-factor-off"))).await
}

fn done_with(what: &str) -> FormReply {
    FormReply::to(paths::done(paths::SECURITY, what))
}
