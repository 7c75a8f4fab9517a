//! A request of a program: for whom, and what it asks.

use std::str::FromStr;

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use backend::{Actor, Backend, Error, tokens::ShownToken};
use model::{Problem, ProblemCode, TokenId};
use serde::de::DeserializeOwned;

use super::{auth, error::ApiError};
use crate::{
    pages,
    router::{AppState, MAX_BODY},
};

/// A request that has passed the layers before.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) site: AppState,
    pub(super) actor: Actor,
    /// The token that it came with.
    pub(super) token: TokenId,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    id: Option<String>,
}

impl Call {
    pub(super) fn backend(&self) -> &Backend {
        &self.site.backend
    }

    pub(super) const fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The id in the address. One that is none names nothing.
    pub(super) fn id<T: FromStr>(&self, what: &str) -> Result<T, Error> {
        parse_id(self.id.as_deref().unwrap_or_default(), what)
    }

    /// `response` about what was made and stands at `path` from now on.
    pub(super) fn located(&self, mut response: Response, path: &str) -> Response {
        let location = format!("{}{path}", self.backend().config.base_url);
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }

    /// The body, as `T` names its members; others are refused.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // A list of the values would be taken for the object, too.
        if !self.body.trim_ascii_start().starts_with(b"{") {
            return Err(Error::problem(
                ProblemCode::Invalid,
                "This address takes a JSON object in the body. One without members is {}.",
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let at = error.path().to_string();
            Problem {
                field: error.path().iter().next().map(|_| at),
                ..not_taken(error.inner())
            }
        });
        read.and_then(|value| json.end().map(|()| value).map_err(|error| not_taken(&error)))
            .map_err(Error::Problem)
    }

    /// The one parameter `name` that the address may have.
    pub(super) fn only_parameter(&self, name: &str) -> Result<Option<String>, Error> {
        let mut found = None;
        for (sent, value) in parameters(&self.parts.uri)? {
            if sent != name {
                return Err(unknown_parameter(&sent));
            }
            found = Some(value);
        }
        Ok(found)
    }
}

/// The parameters of an address in the order in which they were sent.
pub(super) fn parameters(address: &Uri) -> Result<Vec<(String, String)>, Error> {
    let query = address.query().unwrap_or_default();
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if value.contains('\0') {
            return Err(refused(name, "No parameter takes a NUL."));
        }
        if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(refused(name, "Send this parameter once."));
        }
    }
    Ok(pairs)
}

/// A misspelt parameter must not be taken for none.
pub(super) fn unknown_parameter(name: &str) -> Error {
    refused(name, "This address has no such parameter.")
}

/// The end of a page is where the next one begins, and nothing else is: `error` of a list whose pages begin at the parameter `name`.
/// Its use case speaks to people, who go back to the first page.
pub(super) fn cursor_error(error: Error, name: &str) -> Error {
    match error {
        Error::Problem(problem) if matches!(problem.field.as_deref(), Some("page" | "before")) => {
            refused(name, "Take the value of `next` of the page before.")
        }
        error => error,
    }
}

fn not_taken(error: &serde_json::Error) -> Problem {
    Problem::new(
        ProblemCode::Invalid,
        format!("The body is not the JSON that this address takes: {error}."),
    )
}

/// A parameter or member whose name is known at run time only.
pub(super) fn refused(field: &str, message: &str) -> Error {
    Error::Problem(Problem::invalid(field, message))
}

/// An id of a body. One that is none names nothing, as one of somebody else.
pub(super) fn parse_id<T: FromStr>(text: &str, what: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::not_found(what))
}

impl FromRequest<AppState> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, site: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let shown = match parts.extensions.get::<ShownToken>() {
            Some(shown) => shown.clone(),
            // It was known to hold and has not been asked about.
            None => auth::resolve_again(site, &parts)
                .await
                .map_err(|error| ApiError::from(error).into_response())?,
        };
        let id = pages::path_id(&mut parts).await;
        // `layers::body` has read it, within its bounds.
        let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
            ApiError::from(Error::internal("a body that was read cannot be read")).into_response()
        })?;
        Ok(Self {
            site: site.clone(),
            actor: Actor::Token(shown.token),
            token: shown.id,
            parts,
            body,
            id,
        })
    }
}
