//! The documentation as text, for programs that read.

use app::docs::{self, Doc};
use axum::extract::State;
use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::routes::Page;

use crate::router::AppState;

const MARKDOWN: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];

/// A page of the documentation.
pub(crate) async fn text(site: AppState, page: Page) -> Response {
    match Doc::of(page) {
        Some(doc) => (MARKDOWN, doc.text(&site.backend.config.base_url)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What there is to read.
pub(crate) async fn llms_txt(State(site): State<AppState>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (headers, docs::llms_txt(&site.backend.config.base_url)).into_response()
}
