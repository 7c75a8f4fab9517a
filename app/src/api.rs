//! The server functions of the islands, each a shell over the use cases of `backend`.
//!
//! Every call carries the page's CSRF token in `x-csrf-token`, by [`CsrfClient`]; the server refuses writes without it.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function's arguments and documents none of its fields"
)]

use std::fmt;

use leptos::{
    prelude::*,
    server_fn::{
        Bytes,
        client::{Client, browser::BrowserClient},
        codec::{GetUrl, Json, JsonEncoding},
        error::{FromServerFnError, ServerFnErrorErr},
        request::browser::BrowserRequest,
        response::browser::BrowserResponse,
    },
};
use model::{
    AnalysisId, Problem, ProblemCode, UploadId,
    analysis::{AudioLink, Progress},
    player::PreviewState,
    upload::{CompletedUpload, NewUpload, PresignedUpload},
};
use serde::{Deserialize, Serialize};

use crate::islands::browser;

/// The header that carries the CSRF token of a page's island.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The `<meta>` in which a page holds its CSRF token for the islands.
pub const CSRF_META: &str = "csrf-token";

/// Why a server function failed: a problem of `backend`, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiError(pub Problem);

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ApiError {}

impl ApiError {
    /// Whether the same call may succeed in a moment.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self.0.code, ProblemCode::Unavailable | ProblemCode::RateLimited)
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let problem = match error {
            ServerFnErrorErr::Request(_) => Problem::new(
                ProblemCode::Unavailable,
                "MixLens cannot be reached. Check your connection; nothing is lost.",
            ),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => not_understood(),
            // On the server it is the arguments that could not be read, in the browser the answer.
            #[cfg(feature = "ssr")]
            ServerFnErrorErr::Deserialization(_) => not_understood(),
            // The page of a proxy, while the server behind it is away.
            #[cfg(not(feature = "ssr"))]
            ServerFnErrorErr::Response(_) | ServerFnErrorErr::Deserialization(_) => Problem::new(
                ProblemCode::Unavailable,
                "MixLens does not answer at the moment. Try again; nothing is lost.",
            ),
            _ => Problem::new(
                ProblemCode::Internal,
                "The answer of the server was not understood. Reload the page and try again.",
            ),
        };
        #[cfg(feature = "ssr")]
        crate::request_context::set_status(&problem);
        Self(problem)
    }
}

fn not_understood() -> Problem {
    Problem::new(
        ProblemCode::Invalid,
        "The request was not understood. Reload the page and try again.",
    )
}

/// The browser's `fetch` with the CSRF token of the page.
#[derive(Debug)]
pub struct CsrfClient;

impl Client<ApiError> for CsrfClient {
    type Request = BrowserRequest;
    type Response = BrowserResponse;

    fn send(request: BrowserRequest) -> impl Future<Output = Result<BrowserResponse, ApiError>> + Send {
        #[cfg(feature = "hydrate")]
        request.headers().set(CSRF_HEADER, &csrf_token());
        <BrowserClient as Client<ApiError>>::send(request)
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (
                impl futures::Stream<Item = Result<Bytes, Bytes>> + Send + 'static,
                impl futures::Sink<Bytes> + Send + 'static,
            ),
            ApiError,
        >,
    > + Send {
        <BrowserClient as Client<ApiError>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<ApiError>>::spawn(future);
    }
}

/// Makes a call, and once more with a fresh CSRF token where the page's own is of no use any more: another page may have
/// brought the browser a new one meanwhile.
///
/// # Errors
/// The problem of the last call.
pub(crate) async fn with_fresh_token<T, Call>(call: impl Fn() -> Call) -> Result<T, ApiError>
where
    Call: Future<Output = Result<T, ApiError>>,
{
    let answer = call().await;
    match &answer {
        Err(error)
            if error.0.code == ProblemCode::Forbidden && browser::refresh_csrf_token().await.is_some() =>
        {
            call().await
        }
        _ => answer,
    }
}

#[cfg(feature = "hydrate")]
fn csrf_token() -> String {
    document()
        .query_selector(&format!("meta[name={CSRF_META}]"))
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"))
        .unwrap_or_default()
}

/// A presigned PUT for one file.
///
/// # Errors
/// The problem of `backend::uploads::begin`.
#[server(prefix = "/fn", endpoint = "uploads/begin", input = Json, client = CsrfClient)]
pub async fn begin_upload(file: NewUpload) -> Result<PresignedUpload, ApiError> {
    let context = crate::RequestContext::here();
    backend::uploads::begin(&context.backend, &context.actor, file)
        .await
        .map_err(|error| context.api_error(&error))
}

/// Says that the bytes are there.
///
/// # Errors
/// The problem of `backend::uploads::complete`.
#[server(prefix = "/fn", endpoint = "uploads/complete", input = Json, client = CsrfClient)]
pub async fn complete_upload(upload: UploadId) -> Result<CompletedUpload, ApiError> {
    let context = crate::RequestContext::here();
    backend::uploads::complete(&context.backend, &context.actor, upload)
        .await
        .map_err(|error| context.api_error(&error))
}

/// How far an analysis has come.
///
/// # Errors
/// The problem of `backend::analyses::progress`.
#[server(prefix = "/fn", endpoint = "analyses/progress", input = GetUrl, client = CsrfClient)]
pub async fn analysis_progress(id: AnalysisId) -> Result<Progress, ApiError> {
    let context = crate::RequestContext::here();
    backend::analyses::progress(&context.backend, &context.actor, id)
        .await
        .map_err(|error| context.api_error(&error))
}

/// A signed link to the audio, for a few minutes.
///
/// # Errors
/// The problem of `backend::analyses::audio_link`.
#[server(prefix = "/fn", endpoint = "analyses/audio", input = GetUrl, client = CsrfClient)]
pub async fn get_audio_link(id: AnalysisId) -> Result<AudioLink, ApiError> {
    let context = crate::RequestContext::here();
    backend::analyses::audio_link(&context.backend, &context.actor, id)
        .await
        .map_err(|error| context.api_error(&error))
}

/// Whether the audio can be played, for a page that waits for its preview.
///
/// # Errors
/// The problem of `backend::analyses::preview_state`.
#[server(prefix = "/fn", endpoint = "analyses/preview", input = GetUrl, client = CsrfClient)]
pub async fn get_preview_state(id: AnalysisId) -> Result<PreviewState, ApiError> {
    let context = crate::RequestContext::here();
    backend::analyses::preview_state(&context.backend, &context.actor, id)
        .await
        .map_err(|error| context.api_error(&error))
}
