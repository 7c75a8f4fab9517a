//! The headers that every answer has, where the handler did not set its own.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::router::AppState;

/// Nothing that an answer needs not may be loaded, embedded, guessed or measured (ASVS 3.4).
const FIXED: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "accelerometer=(), browsing-topics=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds them to all answers of `router`.
pub(crate) fn add(router: Router<AppState>, site: &AppState) -> Router<AppState> {
    FIXED
        .into_iter()
        .fold(router, |router, (name, value)| {
            router.layer(SetResponseHeaderLayer::if_not_present(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            ))
        })
        .layer(middleware::from_fn_with_state(site.clone(), transport_security))
        .layer(middleware::from_fn_with_state(site.clone(), close_while_draining))
        .layer(middleware::from_fn(one_host))
}

/// Refuses a request that names no host or several (RFC 9112 3.2): which site it means is then anybody's reading.
async fn one_host(request: Request, next: Next) -> Response {
    if request.headers().get_all(header::HOST).iter().count() == 1 {
        next.run(request).await
    } else {
        StatusCode::BAD_REQUEST.into_response()
    }
}

/// While the process drains, has every connection end with its answer, so that the next request goes elsewhere.
async fn close_while_draining(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if !site.readiness.is_wanted() {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Over HTTPS, tells browsers to stay there (P29).
async fn transport_security(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if site.backend.config.base_url.starts_with("https://") {
        response.headers_mut().insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    response
}
