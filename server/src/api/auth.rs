//! Who a program acts for: `Authorization: Bearer`, and nothing else. Cookies are not looked at, and a token in an address is
//! refused, because addresses are written to logs.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use backend::{
    Error,
    tokens::{self, KnownToken, ShownToken},
};
use model::{
    ProblemCode,
    routes::{Api, Endpoint},
};

use super::error::ApiError;
use crate::{layers::route_of, router::AppState};

/// Puts the [`ShownToken`] into the request's extensions; for the list of analyses the [`KnownToken`], where there is one.
pub(super) async fn resolve(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let asks_itself =
        route_of(&request).is_some_and(|route| matches!(route.endpoint, Endpoint::Api(Api::ListAnalyses)));
    let found = match text_of(request.headers(), request.uri().query()) {
        Ok(text) => shown(&site, text, asks_itself).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(Shown::Known(token)) => _ = request.extensions_mut().insert(token),
        Ok(Shown::Resolved(token)) => _ = request.extensions_mut().insert(token),
        Err(error) => return ApiError::from(error).into_response(),
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("authorization, accept-encoding"),
    );
    response
}

enum Shown {
    Known(KnownToken),
    Resolved(ShownToken),
}

/// `asks_itself`: what is asked for asks in its own statement whether the token holds.
async fn shown(site: &AppState, text: &str, asks_itself: bool) -> Result<Shown, Error> {
    match tokens::known(&site.backend, text).filter(|_| asks_itself) {
        Some(known) => Ok(Shown::Known(known)),
        None => find(site, text).await.map(Shown::Resolved),
    }
}

/// Asks the database about the token of a request.
pub(super) async fn resolve_again(site: &AppState, parts: &Parts) -> Result<ShownToken, Error> {
    find(site, text_of(&parts.headers, parts.uri.query())?).await
}

fn text_of<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Error> {
    if query.is_some_and(has_token) {
        return Err(Error::problem(
            ProblemCode::Unauthenticated,
            "A token in an address ends up in logs: revoke this one. Send tokens in the header Authorization alone.",
        ));
    }
    bearer(headers).ok_or_else(|| {
        Error::problem(
            ProblemCode::Unauthenticated,
            "Send the header `Authorization: Bearer mlp_…` with a token of your account.",
        )
    })
}

async fn find(site: &AppState, text: &str) -> Result<ShownToken, Error> {
    tokens::resolve(&site.backend, text).await?.ok_or_else(|| {
        Error::problem(
            ProblemCode::Unauthenticated,
            "This token does not hold: it was revoked, has ended, or is not complete.",
        )
    })
}

/// The one token of the header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a query holds a token, under whatever name, or a name that others use for theirs.
fn has_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        matches!(&*name, "access_token" | "token" | "api_key" | "key") || value.contains(tokens::PREFIX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_one_bearer_header_only() {
        let headers = |values: &[&'static str]| -> HeaderMap {
            let pair = |value: &&'static str| (header::AUTHORIZATION, HeaderValue::from_static(value));
            values.iter().map(pair).collect()
        };
        for (values, token) in [
            (&["Bearer abc"][..], Some("abc")),
            (&["bearer abc"], Some("abc")),
            (&["Bearer  abc "], Some("abc")),
            (&["Basic abc"], None),
            (&["abc"], None),
            (&["Bearer abc", "Bearer def"], None),
            (&[], None),
        ] {
            assert_eq!(bearer(&headers(values)), token, "{values:?}");
        }
    }

    #[test]
    fn a_token_in_a_query_is_seen_under_every_name() {
        for query in [
            "token=x",
            "access_token=x",
            "a=1&api_key=",
            "q=mlp_0123",
            "q=%6dlp_0123",
        ] {
            assert!(has_token(query), "{query}");
        }
        assert!(!has_token("q=tokens&after=abc"));
    }
}
