//! A person's data: its export, its deletion, and the choice about statistics.

use axum::response::Response;
use backend::{
    accounts::Proof,
    privacy::{
        consent::{self, Answer},
        cookies,
        erasure::{self, Confirmation},
        export,
    },
};
use model::paths;
use secrecy::SecretString;
use serde::Deserialize;

use super::{FormReply, FormRequest, Submitted};
use crate::cookies::{Lifetime, forget, set};

pub(crate) async fn request_export(form: FormRequest) -> Response {
    let done = export::request(form.backend(), form.actor()).await;
    form.reply(done.map(|()| FormReply::to(paths::YOUR_DATA))).await
}

#[derive(Debug, Deserialize)]
pub(crate) struct DeleteForm {
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    code: String,
    sure: Option<String>,
}

pub(crate) async fn delete_account(Submitted { form, fields }: Submitted<DeleteForm>) -> Response {
    let confirmation = match fields.sure {
        Some(_) => Confirmation::Given,
        None => Confirmation::Missing,
    };
    let proof = Proof {
        password: fields.password,
        code: fields.code,
    };
    let done = erasure::begin(form.backend(), form.actor(), proof, confirmation).await;
    let to = paths::ACCOUNT_DELETED.to_owned();
    form.reply(done.map(|()| FormReply::Erased { to })).await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ConsentForm {
    statistics: Option<Answer>,
    back: Option<String>,
}

/// Remembers the answer, in the browser and for a signed-in person in their account, and leads back to where it was given.
pub(crate) async fn set_consent(Submitted { form, fields }: Submitted<ConsentForm>) -> Response {
    let back = paths::safe_next(Some(fields.back.as_deref().unwrap_or(paths::COOKIES)));
    let answer = fields.statistics.filter(|_| form.backend().statistics.is_on());
    let Some(answer) = answer else {
        return form.reply(Ok(FormReply::To(back))).await;
    };
    let done = consent::record(form.backend(), form.actor(), answer).await;
    let is_recorded = done.is_ok();
    let mut response = form.reply(done.map(|()| FormReply::To(back))).await;
    if is_recorded {
        remember(&mut response, answer);
    }
    response
}

fn remember(response: &mut Response, answer: Answer) {
    let value = match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
    };
    set(
        response,
        &cookies::CONSENT,
        value,
        Lifetime::For(cookies::CONSENT_KEPT),
    );
    if answer == Answer::No {
        forget(response, &cookies::STATISTICS);
    }
}
