//! Who asks: session and CSRF cookies, and the refusal of writes that another site could have caused (P21, P22).
//!
//! A write with cookies must pass both: it comes from our own pages by what the browser says (`Sec-Fetch-AppState`, else
//! `Origin`), and it carries a token made for this session and this browser. The check is here, once, in front of every
//! handler, so that no form can forget it.

use app::{RequestContext, api::CSRF_HEADER};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use backend::{
    Actor, Error, csrf, entropy,
    privacy::{
        consent::{self, Consent, Signals},
        cookies,
    },
    sessions,
};
use model::ProblemCode;

use crate::{
    pages,
    router::{AppState, MAX_BODY},
};

/// The cookie with the session's token.
pub(crate) const SESSION_COOKIE: &str = cookies::SESSION.name;

/// The cookie with the seed of CSRF tokens.
pub(crate) const CSRF_COOKIE: &str = cookies::CSRF.name;

/// The hidden field of a form with the CSRF token.
const CSRF_FIELD: &str = "csrf";

/// The token of the session that the browser came with; in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct SessionToken(pub(crate) Option<String>);

/// Finds out who asks, refuses forged writes, and gives a new browser its CSRF cookie.
pub(crate) async fn identify(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let request_id = request_id(&request);
    let token = cookie(request.headers(), SESSION_COOKIE);
    let user = match &token {
        Some(token) => match sessions::resolve(&site.backend, token).await {
            Ok(user) => user,
            Err(error) => return pages::plain_problem(&error, &request_id),
        },
        None => None,
    };
    let session = user.as_ref().map(|user| user.session);
    let known_seed = cookie(request.headers(), CSRF_COOKIE).filter(|seed| seed.len() == 43);

    if is_write(request.method()) {
        request = match with_token(request).await {
            Ok((request, sent)) => {
                let fits = matches!((&known_seed, sent), (Some(seed), Some(sent))
                    if csrf::verify(&site.backend.signer, session, seed, &sent));
                if !fits || !is_from_our_pages(request.headers(), &site.backend.config.base_url) {
                    return pages::plain_problem(&forged(), &request_id);
                }
                request
            }
            Err(render_with_errors) => return render_with_errors,
        };
    }

    let seed = known_seed
        .clone()
        .unwrap_or_else(|| entropy::new_secret(&*site.backend.entropy));
    let is_signed_in = user.is_some();
    let consent = match consent_of(&site, request.headers(), user.as_ref()).await {
        Ok(consent) => consent,
        Err(error) => return pages::plain_problem(&error, &request_id),
    };
    request.extensions_mut().insert(SessionToken(token));
    request.extensions_mut().insert(RequestContext {
        csrf: csrf::token(&site.backend.signer, &*site.backend.entropy, session, &seed),
        actor: user.map_or(Actor::Nobody, Actor::User),
        backend: site.backend.clone(),
        consent,
        request_id,
    });
    let mut response = next.run(request).await;
    if known_seed.is_none() {
        append_cookie(
            &mut response,
            &format!("{CSRF_COOKIE}={seed}; Path=/; Secure; HttpOnly; SameSite=Strict"),
        );
    }
    // What belongs to a person, or carries a token, is in nobody's cache (ASVS 14.3.2).
    if is_signed_in || !response.headers().contains_key(header::CACHE_CONTROL) {
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What the browser and the person say about being counted.
async fn consent_of(
    site: &AppState,
    headers: &HeaderMap,
    user: Option<&sessions::User>,
) -> Result<Consent, Error> {
    let configured = site.backend.statistics.is_on();
    let is_one = |name: &str| headers.get(name).is_some_and(|value| value == "1");
    let signals = Signals {
        do_not_track: is_one("dnt") || is_one("sec-gpc"),
        remembered: match cookie(headers, cookies::CONSENT.name).as_deref() {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        },
    };
    let account = match user {
        Some(user) if configured => consent::of_account(&site.backend.db, user.account).await?,
        _ => None,
    };
    Ok(Consent::decide(configured, signals, account))
}

/// Gives the browser its session.
pub(crate) fn sign_in(response: &mut Response, token: &str) {
    let seconds = sessions::ABSOLUTE.as_secs();
    append_cookie(
        response,
        &format!("{SESSION_COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"),
    );
}

/// Takes the session from the browser, and whatever it may have kept of the person (ASVS 14.3.1).
pub(crate) fn sign_out(response: &mut Response) {
    forget_cookie(response, SESSION_COOKIE);
    response.headers_mut().insert(
        header::HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}

/// The id of a request, under which the log knows it.
pub(crate) fn request_id(request: &Request) -> String {
    request
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or("unknown")
        .to_owned()
}

/// Takes a cookie from the browser.
pub(crate) fn forget_cookie(response: &mut Response, name: &str) {
    append_cookie(
        response,
        &format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"),
    );
}

pub(crate) fn append_cookie(response: &mut Response, cookie: &str) {
    // Tokens are base64url, so this always is a header value.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

pub(crate) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The request and the CSRF token that it carries, in its header or as a field of its form.
async fn with_token(request: Request) -> Result<(Request, Option<String>), Response> {
    if let Some(token) = request.headers().get(CSRF_HEADER) {
        let token = token.to_str().ok().map(str::to_owned);
        return Ok((request, token));
    }
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Ok((request, None));
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "The form is too large.").into_response());
    };
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes).unwrap_or_default();
    let token = fields
        .into_iter()
        .find(|(name, _)| name == CSRF_FIELD)
        .map(|(_, token)| token);
    Ok((Request::from_parts(parts, Body::from(bytes)), token))
}

/// Whether the browser says that one of our own pages sent this. Old browsers send no `Sec-Fetch-AppState`, but an `Origin`
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

fn forged() -> Error {
    Error::problem(
        ProblemCode::Forbidden,
        "This page was open for too long, or the request did not come from it. Nothing was changed. Reload the page and try again.",
    )
}

pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

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
            assert_eq!(is_from_our_pages(&headers(&pairs), base), ours, "{pairs:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let headers = headers(&[("cookie", "a=1; __Host-session=x=y; b=2"), ("cookie", "c=3")]);
        assert_eq!(cookie(&headers, "__Host-session").as_deref(), Some("x=y"));
        assert_eq!(cookie(&headers, "c").as_deref(), Some("3"));
        assert_eq!(cookie(&headers, "session"), None);
    }
}
