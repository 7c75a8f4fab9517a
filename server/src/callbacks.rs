//! What other programs call, outside of cookies and the CSRF check: what they send proves by a signature that they may.

use app::problem_of;
use axum::{
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use backend::{
    billing::events,
    preferences::{self, UnsubscribeScope},
};
use model::paths;
use serde::Deserialize;

use crate::{layers::request_id, problems, router::AppState};

#[derive(Debug, Deserialize)]
pub(crate) struct TokenQuery {
    #[serde(default)]
    token: String,
}

/// The largest event that is read, in bytes; one of Stripe's holds an object, which may be an invoice with its lines.
pub(crate) const MAX_EVENT: usize = 512 * 1024;

/// Something has happened at Stripe. It is noted, and everything else is a job's: Stripe waits for no longer than a few seconds.
pub(crate) async fn stripe_event(State(site): State<AppState>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match events::receive(&site.backend, signature, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => problems::json(&problem_of(&request_id(&headers), &error)),
    }
}

/// One click in a mail program (RFC 8058): the token of the email is all that it has. What the body says does not matter,
/// because programs that only look at links send no POST. Sets no cookie, asks for none.
pub(crate) async fn unsubscribe(State(site): State<AppState>, Query(query): Query<TokenQuery>) -> Response {
    match preferences::unsubscribe_by_link(&site.backend, &query.token, UnsubscribeScope::ThisKind).await {
        Ok(_) => (StatusCode::OK, "You get no more e-mails of this kind.\n").into_response(),
        Err(error) => problems::json(&error.to_problem("unsubscribe")),
    }
}

/// A program that knows no one-click shows the address as a link; a GET must change nothing.
pub(crate) async fn unsubscribe_page(Query(query): Query<TokenQuery>) -> Redirect {
    Redirect::to(&paths::with_token(paths::EMAIL_PREFERENCES, &query.token))
}
