//! How a request of a program fails: `application/problem+json` with a code to decide by, the field at fault, and the address of
//! the page that says what to do (RFC 9457).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use backend::Error;
use model::{Problem, ProblemCode, paths};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{layers::request_id, problems, router::AppState};

/// What a handler failed with. It travels in the answer's extensions to [`render`], which knows the request.
#[derive(Debug)]
pub(super) struct ApiError(Error);

#[derive(Debug, Clone)]
struct Cause(Arc<Error>);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Cause(Arc::new(self.0)));
        response
    }
}

/// A problem as programs read it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemBody {
    /// The page that says what to do; the same as `doc_url`.
    r#type: String,
    /// The kind of failure, in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do.
    detail: String,
    /// The kind of failure, to decide by; the page of errors lists all of them.
    #[schemars(schema_with = "codes")]
    code: ProblemCode,
    /// The member of the body, or the parameter, at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The page that says what to do.
    doc_url: String,
    /// The id under which our log knows the request.
    request_id: String,
}

/// Turns what a handler failed with into its problem; a cause that is ours is logged here, once.
pub(super) async fn render(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let mut response = next.run(request).await;
    let Some(Cause(error)) = response.extensions_mut().remove::<Cause>() else {
        return response;
    };
    let mut rendered = respond(&site, &id, &error);
    // Of the layers in between: what is left of the rate.
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            rendered.headers_mut().insert(name.clone(), value.clone());
        }
    }
    rendered
}

/// `error` as a program is answered.
pub(crate) fn respond(site: &AppState, request_id: &str, error: &Error) -> Response {
    let problem = app::problem_of(request_id, error);
    let status = problems::status_of(&problem);
    answer(site, request_id, problem, status)
}

fn answer(site: &AppState, request_id: &str, problem: Problem, status: StatusCode) -> Response {
    let doc_url = format!(
        "{}{}#{}",
        site.backend.config.base_url,
        paths::DOCS_ERRORS,
        anchor_of(problem.code)
    );
    let body = ProblemBody {
        r#type: doc_url.clone(),
        title: title_of(problem.code),
        status: status.as_u16(),
        detail: problem.message,
        code: problem.code,
        field: problem.field,
        doc_url,
        request_id: request_id.to_owned(),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let body = serde_json::to_string(&body).unwrap_or_default();
    let mut response = (status, headers, body).into_response();
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        // RFC 6750 3: how to show who one is.
        let challenge = HeaderValue::from_static("Bearer realm=\"MixLens\", error=\"invalid_token\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// An address that does not take the method; the router adds which it takes.
pub(super) async fn method_not_allowed(State(site): State<AppState>, request: Request) -> Response {
    let problem = Problem::new(
        ProblemCode::NotFound,
        "This address does not take this method. The header Allow says which it takes.",
    );
    let id = request_id(request.headers());
    answer(&site, &id, problem, StatusCode::METHOD_NOT_ALLOWED)
}

/// A code as programs read it: `not_found`.
pub(super) fn name_of(code: ProblemCode) -> String {
    let code = serde_json::to_value(code).unwrap_or_default();
    code.as_str().unwrap_or_default().to_owned()
}

/// Where the page of errors says more: its heading is the code.
fn anchor_of(code: ProblemCode) -> String {
    name_of(code).replace('_', "-")
}

/// Every code that a program can meet.
pub(super) const CODES: [ProblemCode; 13] = [
    ProblemCode::KeyMissing,
    ProblemCode::Unauthenticated,
    ProblemCode::Quota,
    ProblemCode::Forbidden,
    ProblemCode::NotFound,
    ProblemCode::Conflict,
    ProblemCode::KeyInUse,
    ProblemCode::TooLarge,
    ProblemCode::Invalid,
    ProblemCode::KeyReused,
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::Unavailable,
];

fn codes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": CODES })
}

const fn title_of(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::Invalid => "A value was refused",
        ProblemCode::Unauthenticated => "No token that holds",
        ProblemCode::Forbidden => "Not allowed with this token",
        ProblemCode::ConfirmPassword => "The password is asked for",
        ProblemCode::NotFound => "Not found",
        ProblemCode::Conflict => "Not possible in this state",
        ProblemCode::KeyMissing => "No Idempotency-Key",
        ProblemCode::KeyReused => "The Idempotency-Key belongs to another request",
        ProblemCode::KeyInUse => "A request with the Idempotency-Key is being done",
        ProblemCode::Quota => "The allowance of the plan is used up",
        ProblemCode::TooLarge => "Too large",
        ProblemCode::RateLimited => "Too often",
        ProblemCode::Unavailable => "A part of MixLens does not answer",
        ProblemCode::Internal => "Our fault",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_errors_has_a_heading_and_a_row_for_every_code() {
        const PAGE: &str = include_str!("../../../docs/guide/errors.md");
        for code in CODES {
            let anchor = anchor_of(code);
            assert!(PAGE.contains(&format!("\n## {anchor}\n")), "{anchor}");
            let row = format!("| `{}` | {} |", anchor.replace('-', "_"), code.status());
            assert!(PAGE.contains(&row), "{row}");
        }
    }
}
