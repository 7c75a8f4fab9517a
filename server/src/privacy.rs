//! The plain forms about a person's data and their choice, and the address for whoever found a weakness.

use app::{RequestContext, paths};
use axum::{
    Extension, Form,
    extract::State,
    http::{header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backend::privacy::{consent, cookies, erasure, export};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    form_response::{form_response, submitted},
    pages,
    router::AppState,
    session::{self, append_cookie},
};

/// For how long the published contact holds; asked anew with every request, so that it never lapses while the server runs
/// (RFC 9116 2.5.5 advises less than a year).
const CONTACT_HOLDS: std::time::Duration = std::time::Duration::from_secs(180 * 24 * 3600);

pub(crate) async fn ask_for_copy(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
) -> Response {
    let result = export::request(&site.backend, &visit.actor)
        .await
        .map(|()| paths::YOUR_DATA.to_owned());
    form_response(&site, &visit, parts, paths::EXPORT, result, Vec::new()).await
}

#[derive(Deserialize)]
pub(crate) struct DeleteForm {
    #[serde(default)]
    password: SecretString,
    sure: Option<String>,
}

pub(crate) async fn delete_account(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<DeleteForm>,
) -> Response {
    let sure = form.sure.is_some();
    let result = erasure::begin(&site.backend, &visit.actor, form.password, sure)
        .await
        .map(|()| paths::ACCOUNT_DELETED.to_owned());
    let is_deleted = result.is_ok();
    let values = submitted([("sure", form.sure)]);
    let mut response = form_response(&site, &visit, parts, paths::DELETE_ACCOUNT, result, values).await;
    if is_deleted {
        session::sign_out(&mut response);
    }
    response
}

#[derive(Deserialize)]
pub(crate) struct ConsentForm {
    #[serde(default)]
    statistics: String,
    back: Option<String>,
}

/// Remembers the answer, in the browser and for a signed-in person in their account, and leads back to where it was given.
pub(crate) async fn consent(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Form(form): Form<ConsentForm>,
) -> Response {
    let back = paths::safe_next(Some(form.back.as_deref().unwrap_or(paths::COOKIES)));
    let mut response = Redirect::to(&back).into_response();
    let form_response = match form.statistics.as_str() {
        "yes" => true,
        "no" => false,
        _ => return response,
    };
    if !site.backend.statistics.is_on() {
        return response;
    }
    if let Err(error) = consent::record(&site.backend, &visit.actor, form_response).await {
        return pages::plain_problem(&error, &visit.request_id);
    }
    let seconds = cookies::CONSENT_KEPT.as_secs();
    append_cookie(
        &mut response,
        &format!(
            "{}={}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax",
            cookies::CONSENT.name,
            form.statistics
        ),
    );
    if !form_response {
        session::forget_cookie(&mut response, cookies::STATISTICS.name);
    }
    response
}

/// Whom to tell of a weakness (RFC 9116, P31).
pub(crate) async fn security_txt(State(site): State<AppState>) -> impl IntoResponse {
    let config = &site.backend.config;
    let expires = site.backend.now().plus(CONTACT_HOLDS).rfc3339();
    let base = &config.base_url;
    let text = format!(
        "Contact: mailto:{}\nExpires: {expires}\nPreferred-Languages: en\nCanonical: {base}/.well-known/security.txt\nPolicy: {base}{}\n",
        config.security_email,
        paths::CONTACT
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}
