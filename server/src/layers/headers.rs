//! The headers that every answer has, where the handler did not set its own.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::router::AppState;

/// Nothing that an answer needs not may be loaded, embedded, guessed or measured (ASVS 3.4).
const FIXED: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), browsing-topics=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
        ),
    ),
];

/// Over HTTPS, tells browsers to stay there (P29).
const STAY_ON_HTTPS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Adds them. A request that names no host or several is refused (RFC 9112 3.2): which site it means is then anybody's reading.
pub(crate) async fn add(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = if request.headers().get_all(header::HOST).iter().count() == 1 {
        next.run(request).await
    } else {
        StatusCode::BAD_REQUEST.into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.entry(name).or_insert(value);
    }
    if site.backend.config.base_url.starts_with("https://") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STAY_ON_HTTPS);
    }
    // While the process drains, every connection ends with its answer, so that the next request goes elsewhere.
    if !site.readiness.is_wanted() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
