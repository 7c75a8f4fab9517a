//! How every form is answered: with a redirect (so that a reload sends nothing twice), or with the page of the form again,
//! the values kept and the message beside its field; where the password has to be entered first, with the way to that.

use app::{RequestContext, paths};
use axum::{
    http::request::Parts,
    response::{IntoResponse as _, Redirect, Response},
};
use backend::Error;
use model::ProblemCode;

use crate::{pages, router::AppState, session};

/// A redirect to what `result` says, or `page`, on which the form stands, with `values` in its fields.
pub(crate) async fn form_response(
    site: &AppState,
    visit: &RequestContext,
    parts: Parts,
    page: &str,
    result: Result<String, Error>,
    values: Vec<(&str, String)>,
) -> Response {
    match result {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(error) if error.code() == ProblemCode::ConfirmPassword => {
            Redirect::to(&paths::confirm_password_then(page)).into_response()
        }
        Err(error) => pages::render_with_errors_on(site, parts, page, visit.problem(&error), values).await,
    }
}

/// The same, where success also gives the browser the token of a session: where to, and the token.
pub(crate) async fn form_response_with_session(
    site: &AppState,
    visit: &RequestContext,
    parts: Parts,
    page: &str,
    result: Result<(String, String), Error>,
    values: Vec<(&str, String)>,
) -> Response {
    match result {
        Ok((to, session)) => {
            let mut response = Redirect::to(&to).into_response();
            session::sign_in(&mut response, &session);
            response
        }
        Err(error) => form_response(site, visit, parts, page, Err(error), values).await,
    }
}

/// The values that there are, for the fields of a form.
pub(crate) fn submitted<'a>(
    values: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> Vec<(&'a str, String)> {
    values
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
