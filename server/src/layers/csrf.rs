//! The refusal of writes that another site could have caused (P22).
//!
//! A write with cookies must pass both: it comes from our own pages by what the browser says (`Sec-Fetch-Site`, else
//! `Origin`), and it carries a token made for this session and this browser. The check is here, once, in front of every
//! handler, so that no form can forget it.

use app::api::CSRF_HEADER;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use backend::{Error, csrf, entropy, privacy::cookies::CSRF};
use model::ProblemCode;

use super::{is_write, plain_http, session::Session};
use crate::{
    cookies::{self, Lifetime},
    problems,
    router::{AppState, MAX_BODY},
};

/// The hidden field of a form with the CSRF token.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// The token for the forms of the page that is answered; in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct CsrfToken(pub(crate) String);

/// The seed that the browser came with, if it did.
#[derive(Debug, Clone)]
struct KnownSeed(Option<String>);

/// Makes the token of the answer, and gives a new browser its seed.
pub(crate) async fn issue(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let known = cookies::find(request.headers(), &CSRF).filter(|seed| seed.len() == entropy::SECRET_CHARS);
    let session = session_of(&request);
    let new_seed = || match session {
        Some(session) => csrf::seed_of(&site.backend.signer, session),
        None => entropy::new_secret(&*site.backend.entropy),
    };
    let seed = known.clone().unwrap_or_else(new_seed);
    let token = csrf::token(&site.backend.signer, &*site.backend.entropy, session, &seed);
    let is_new = known.is_none();
    request.extensions_mut().insert(CsrfToken(token));
    request.extensions_mut().insert(KnownSeed(known));
    let mut response = next.run(request).await;
    if is_new {
        // Lax: a browser that comes by a link from elsewhere brings its seed, or the pages that are open in it would end.
        // What other sites send is refused by what the browser says of the sender.
        cookies::set(&mut response, &CSRF, &seed, Lifetime::Browser);
    }
    response
}

/// Refuses forged writes. Stands behind [`issue`] and the context, so that the refusal is a page.
pub(crate) async fn verify(State(site): State<AppState>, request: Request, next: Next) -> Response {
    if !is_write(request.method()) {
        return next.run(request).await;
    }
    let session = session_of(&request);
    let KnownSeed(known) = request.extensions().get().cloned().unwrap_or(KnownSeed(None));
    let (request, sent) = with_token(request).await;
    let fits = matches!((&known, &sent), (Some(seed), Some(sent))
        if csrf::verify(&site.backend.signer, session, seed, sent));
    let base_url = &site.backend.config.base_url;
    if !fits || !is_from_our_pages(request.headers(), base_url) {
        let error = if known.is_some() {
            forged()
        } else {
            no_cookie(base_url)
        };
        return problems::respond(&site, request.into_parts().0, &error).await;
    }
    next.run(request).await
}

fn session_of(request: &Request) -> Option<model::SessionId> {
    let session = request.extensions().get::<Session>()?;
    session.user.as_ref().map(|user| user.session)
}

/// The request and the CSRF token that it carries, in its header or as a field of its form.
async fn with_token(request: Request) -> (Request, Option<String>) {
    if let Some(token) = request.headers().get(CSRF_HEADER) {
        let token = token.to_str().ok().map(str::to_owned);
        return (request, token);
    }
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    // `layers::body` has read it, within its bounds.
    let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let token = form_urlencoded::parse(&bytes)
        .find(|(name, _)| name == CSRF_FIELD)
        .map(|(_, token)| token.into_owned());
    (Request::from_parts(parts, Body::from(bytes)), token)
}

/// Whether the browser says that one of our own pages sent this. Old browsers send no `Sec-Fetch-Site`, but an `Origin`
/// with every POST.
fn is_from_our_pages(headers: &HeaderMap, base_url: &str) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text("origin") == Some(base_url),
    }
}

/// A browser that has seen a page of ours and sends no seed keeps no cookies of ours; reloading the page changes nothing then.
fn no_cookie(base_url: &str) -> Error {
    let is_plain = base_url.starts_with("http://") && !plain_http::is_on_this_machine(base_url);
    let where_to = if is_plain {
        " Over plain http, browsers keep few of them: use https, or open MixLens on its own machine at 127.0.0.1."
    } else {
        ""
    };
    Error::problem(
        ProblemCode::Forbidden,
        format!(
            "Your browser has sent none of our cookies back, and without one no form can be taken. Nothing was changed. Allow cookies for this site, reload the page and try again.{where_to}"
        ),
    )
}

fn forged() -> Error {
    Error::problem(
        ProblemCode::Forbidden,
        "This page was open for too long, or the request did not come from it. Nothing was changed. Reload the page and try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p22_what_the_browser_says_about_the_sender_decides() {
        let base = "https://mixlens.example";
        for (pairs, ours) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "same-site"), ("origin", base)], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("origin", base)], true),
            (vec![("origin", "https://evil.example")], false),
            (vec![("origin", "null")], false),
            (vec![], false),
        ] {
            let headers = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_from_our_pages(&headers, base), ours, "{pairs:?}");
        }
    }
}
