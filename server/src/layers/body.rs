//! Bodies of forms and calls are read whole, and in a bounded time, before anything else is done about them: one that never ends
//! holds no session, no database connection and no handler.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use backend::Error;
use model::ProblemCode;

use crate::{
    layers::route_of,
    problems,
    router::{AppState, max_body},
};

/// Reads the body. One that is too long, or that breaks off, is answered as a request that was not understood.
pub(crate) async fn read(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let most = max_body(route_of(&request));
    let (parts, body) = request.into_parts();
    let within = Duration::from_secs(site.backend.config.limits.body_seconds);
    match tokio::time::timeout(within, to_bytes(body, most)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(_)) => problems::respond(&site, parts, &too_long()).await,
        Err(_) => {
            let mut response = problems::respond(&site, parts, &too_slow()).await;
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            response
        }
    }
}

fn too_long() -> Error {
    Error::problem(
        ProblemCode::TooLarge,
        "That is more than this address takes. Nothing was changed.",
    )
}

fn too_slow() -> Error {
    Error::problem(
        ProblemCode::Invalid,
        "The form did not arrive in time. Nothing was changed; go back and send it again.",
    )
}
