//! What other programs call, outside of cookies and the CSRF check: what they send proves by a signature that they may.

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use backend::preferences::{self, UnsubscribeScope};
use model::paths;
use serde::Deserialize;

use crate::{problems, router::AppState};

#[derive(Debug, Deserialize)]
pub(crate) struct TokenQuery {
    #[serde(default)]
    token: String,
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
