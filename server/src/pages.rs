//! Rendering Leptos pages and running server functions, with the visit as their context.

use app::{FormErrors, RequestContext, shell};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use backend::Error;
use leptos::{
    prelude::{provide_context, use_context},
    server_fn::axum::server_fn_paths,
};
use model::{Problem, ProblemCode};

use crate::{router::AppState, session};

/// A page, or the page that says that there is none.
pub(crate) async fn page(State(site): State<AppState>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, "GET, HEAD")],
            "This address only takes GET.",
        )
            .into_response();
    }
    let (parts, _) = request.into_parts();
    render(&site, parts, None).await
}

/// The page of a refused form again, with the status of its problem.
pub(crate) async fn render_with_errors(
    site: &AppState,
    parts: Parts,
    problem: Problem,
    values: impl IntoIterator<Item = (&str, String)>,
) -> Response {
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let retry_after = problem.retry_after;
    let values = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let mut response = render(site, parts, Some(FormErrors::new(problem, values))).await;
    if response.status().is_success() {
        *response.status_mut() = status;
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The same on `page`, where the address that took the form has no page of its own.
pub(crate) async fn render_with_errors_on(
    site: &AppState,
    parts: Parts,
    page: &str,
    problem: Problem,
    values: impl IntoIterator<Item = (&str, String)>,
) -> Response {
    render_with_errors(site, at(parts, page), problem, values).await
}

/// A further step of a form, on `page`: what the first one found out belongs into the answer and nowhere else.
pub(crate) async fn step(
    site: &AppState,
    parts: Parts,
    page: &str,
    values: impl IntoIterator<Item = (&str, String)>,
) -> Response {
    let values = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    render(site, at(parts, page), Some(FormErrors::step(values))).await
}

fn at(mut parts: Parts, page: &str) -> Parts {
    if let Ok(uri) = page.parse() {
        parts.uri = uri;
    }
    parts
}

async fn render(site: &AppState, parts: Parts, refusal: Option<FormErrors>) -> Response {
    let options = (*site.options).clone();
    let handler = leptos_axum::render_app_async_with_context(
        move || {
            provide_visit();
            if let Some(refusal) = refusal.clone() {
                provide_context(refusal);
            }
        },
        move || shell(options.clone()),
    );
    handler(Request::from_parts(parts, Body::empty())).await
}

/// A server function of the islands.
pub(crate) async fn server_function(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    // Leptos would answer 400.
    if !server_fn_paths().any(|(known, by)| known == path && by == method) {
        let error = Error::problem(
            ProblemCode::NotFound,
            "There is no such function. Reload the page.",
        );
        return plain_problem(&error, &session::request_id(&request));
    }
    leptos_axum::handle_server_fns_with_context(provide_visit, request)
        .await
        .into_response()
}

/// Makes the visit that `session::identify` put into the request the context of pages and server functions.
fn provide_visit() {
    if let Some(visit) =
        use_context::<Parts>().and_then(|parts| parts.extensions.get::<RequestContext>().cloned())
    {
        provide_context(visit);
    }
}

/// A problem before there is a visit: JSON, in the form of RFC 9457.
pub(crate) fn plain_problem(error: &Error, request_id: &str) -> Response {
    let problem = error.to_problem(request_id);
    if problem.code.status() >= 500 {
        tracing::error!(%error, "failed");
    }
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    (
        status,
        [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        body,
    )
        .into_response()
}
