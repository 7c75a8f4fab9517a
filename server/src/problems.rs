//! How a request that cannot be done is answered: people get a page with words, programs get JSON (RFC 9457).

use app::{PageContent, PageRequest};
use axum::{
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backend::Error;
use model::{
    Problem, ProblemCode, paths,
    routes::{Endpoint, Route},
};

use crate::{
    api,
    layers::{context, request_id, route_of_parts},
    pages,
    router::AppState,
};

/// Answers a request with `error`; a cause that is ours is logged here, once.
pub(crate) async fn respond(site: &AppState, mut parts: Parts, error: &Error) -> Response {
    if is_of_api(&parts) {
        return api::respond(site, &request_id(&parts.headers), error);
    }
    let context = context::of(site, &parts);
    let problem = context.problem(error);
    if !wants_page(route_of_parts(&parts), &parts.headers) {
        return json(&problem);
    }
    if problem.code == ProblemCode::Unauthenticated && parts.method == Method::GET {
        let next = parts
            .uri
            .path_and_query()
            .map_or(paths::UPLOAD, |next| next.as_str());
        return Redirect::to(&paths::sign_in_then(next)).into_response();
    }
    parts.extensions.insert(context);
    let status = status_of(&problem);
    let page = PageRequest {
        content: PageContent::Problem(problem),
        id: None,
        uri: parts.uri.clone(),
    };
    let mut response = pages::render(site, parts, page, None).await;
    *response.status_mut() = status;
    response
}

/// Below the API nothing is a page, not even what is not there.
fn is_of_api(parts: &Parts) -> bool {
    let path = parts.uri.path();
    path.strip_prefix(paths::API)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The problem as JSON.
pub(crate) fn json(problem: &Problem) -> Response {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = (status_of(problem), headers, body).into_response();
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

pub(crate) fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Pages and forms are opened by people, and so is whatever has no line in the table; a file may be opened by either.
fn wants_page(route: Option<&Route>, headers: &HeaderMap) -> bool {
    match route.map(|route| route.endpoint) {
        None | Some(Endpoint::Page(_) | Endpoint::Form(_)) => true,
        Some(Endpoint::Function(_) | Endpoint::Callback(_) | Endpoint::Api(_) | Endpoint::Mcp) => false,
        Some(Endpoint::Download(_) | Endpoint::System(_)) => headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html"))),
    }
}
