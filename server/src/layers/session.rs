//! Who asks, by the session cookie.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use backend::{User, privacy::cookies::SESSION, sessions};

use crate::{cookies, problems, router::AppState};

/// What the session cookie says; in the request's extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    /// The token that the browser came with, whether it is still good or not.
    pub(crate) token: Option<String>,
    /// Whose it is.
    pub(crate) user: Option<User>,
}

/// Finds the session, and keeps what belongs to a person, or carries a token, out of every cache (ASVS 14.3.2).
pub(crate) async fn resolve(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let token = cookies::find(request.headers(), &SESSION);
    let user = match &token {
        Some(token) => match sessions::resolve(&site.backend, token).await {
            Ok(user) => user,
            Err(error) => return problems::respond(&site, request.into_parts().0, &error).await,
        },
        None => None,
    };
    let is_signed_in = user.is_some();
    request.extensions_mut().insert(Session { token, user });
    let mut response = next.run(request).await;
    if is_signed_in || !response.headers().contains_key(header::CACHE_CONTROL) {
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Takes the session from the browser, and whatever it may have kept of the person (ASVS 14.3.1).
pub(crate) fn end(response: &mut Response) {
    cookies::forget(response, &SESSION);
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}
