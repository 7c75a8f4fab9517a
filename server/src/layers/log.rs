//! One log line for each request.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use backend::entropy;
use model::paths;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::router::AppState;

/// The header with the id of a request; one that the browser sent is replaced.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id and logs it once: method, route template, status, milliseconds. Never the address with its
/// query, which may hold a signature or a token.
pub(crate) async fn log(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = entropy::new_id(&*site.backend.entropy, site.backend.now())
        .simple()
        .to_string();
    let Ok(value) = HeaderValue::from_str(&id) else {
        return next.run(request).await;
    };
    request.headers_mut().insert(REQUEST_ID, value.clone());
    let method = request.method().clone();
    let route = template(&request).to_owned();
    let span = tracing::info_span!("request", id);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = started.elapsed();
    site.answers.count(&method, &route, response.status(), took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    // Of the trace alone: the line says them itself.
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("http.route", route.clone());
    span.set_attribute("http.response.status_code", i64::from(status));
    span.in_scope(|| {
        if status >= 500 {
            tracing::error!(%method, route, status, milliseconds, "answered");
        } else if is_frequent(&route) {
            tracing::debug!(%method, route, status, milliseconds, "answered");
        } else {
            tracing::info!(%method, route, status, milliseconds, "answered");
        }
    });
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

/// The address as the table of routes has it.
fn template(request: &Request) -> &str {
    match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str(),
        // Below the assets, the folder decides.
        None if request.uri().path().starts_with(paths::ASSETS) => paths::ASSETS,
        None => "none",
    }
}

/// Asked so often that the log would hold little else.
fn is_frequent(route: &str) -> bool {
    matches!(route, paths::HEALTHZ | paths::READYZ | paths::ASSETS)
}
