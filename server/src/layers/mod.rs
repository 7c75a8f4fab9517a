//! What stands in front of handlers, one layer a file; the router composes them into stacks.

pub(crate) mod body;
pub(crate) mod catch_up;
pub(crate) mod compression;
pub(crate) mod context;
pub(crate) mod csrf;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod plain_http;
pub(crate) mod session;
pub(crate) mod telemetry;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, Method, request::Parts},
};
use model::routes::Route;

/// The line of the table that a request belongs to.
pub(crate) fn route_of(request: &Request) -> Option<&'static Route> {
    let path = request.extensions().get::<MatchedPath>()?;
    Route::find(request.method().as_str(), path.as_str())
}

/// The same of a request whose body was taken.
pub(crate) fn route_of_parts(parts: &Parts) -> Option<&'static Route> {
    let path = parts.extensions.get::<MatchedPath>()?;
    Route::find(parts.method.as_str(), path.as_str())
}

pub(crate) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The id of a request, under which the log knows it.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(log::REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or("unknown")
        .to_owned()
}
