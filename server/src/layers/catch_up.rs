//! Nobody is served from a database that may have come back from a backup with what was deleted since.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use backend::Error;
use model::{Problem, ProblemCode};

use crate::{problems, router::AppState};

const RETRY_AFTER_S: u64 = 10;

/// Answers 503 until the ledger of deletions was read and done again (P14).
pub(crate) async fn wait(State(site): State<AppState>, request: Request, next: Next) -> Response {
    if site.readiness.is_caught_up() {
        return next.run(request).await;
    }
    let problem = Problem {
        retry_after: Some(RETRY_AFTER_S),
        ..Problem::new(
            ProblemCode::Unavailable,
            "MixLens is starting and makes sure that nothing deleted comes back. Try again in a moment.",
        )
    };
    problems::respond(&site, request.into_parts().0, &Error::Problem(problem)).await
}
