//! Reading and setting cookies.
//!
//! Names are found in the bytes of the header: the jars of `axum-extra` and `cookie` drop a whole header in which any cookie,
//! even one of a sibling site, has a byte above 0x7e. What is set is written by `cookie`.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use backend::privacy::cookies;
use cookie::{Cookie, CookieBuilder, SameSite};

/// How long a browser keeps a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Until it is closed.
    Browser,
    /// For so long.
    For(Duration),
}

/// The value of a cookie; none where it is no text.
pub(crate) fn find(headers: &HeaderMap, wanted: &cookies::Cookie) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .find_map(|pair| {
            let value = pair
                .trim_ascii()
                .strip_prefix(wanted.name.as_bytes())?
                .strip_prefix(b"=")?;
            std::str::from_utf8(value).ok().map(str::to_owned)
        })
}

/// Gives the browser a cookie that comes back with every request to this host, links from elsewhere included.
pub(crate) fn set(response: &mut Response, cookie: &cookies::Cookie, value: &str, lifetime: Lifetime) {
    append(
        response,
        lasting(ours(cookie, value).same_site(SameSite::Lax), lifetime),
    );
}

/// Takes a cookie from the browser.
pub(crate) fn forget(response: &mut Response, cookie: &cookies::Cookie) {
    set(response, cookie, "", Lifetime::For(Duration::ZERO));
}

/// What the prefix `__Host-` asks for, and out of reach of scripts (ASVS 3.3).
fn ours<'a>(cookie: &cookies::Cookie, value: &'a str) -> CookieBuilder<'a> {
    Cookie::build((cookie.name, value))
        .path("/")
        .secure(true)
        .http_only(true)
}

fn lasting(cookie: CookieBuilder<'_>, lifetime: Lifetime) -> CookieBuilder<'_> {
    match lifetime {
        Lifetime::Browser => cookie,
        Lifetime::For(time) => {
            let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            cookie.max_age(cookie::time::Duration::seconds(seconds))
        }
    }
}

fn append(response: &mut Response, cookie: CookieBuilder<'_>) {
    // Values are base64url or words of ours, so this always is a header value.
    if let Ok(value) = HeaderValue::from_str(&cookie.build().to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static [u8]]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (header::COOKIE, HeaderValue::from_bytes(line).unwrap()))
            .collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let found = |lines: &[&'static [u8]]| find(&headers(lines), &cookies::SESSION);
        assert_eq!(
            found(&[b"a=1; __Host-session=x=y; b=2", b"c=3"]).as_deref(),
            Some("x=y")
        );
        assert_eq!(found(&[b"a=1", b"b=2;\t__Host-session=z"]).as_deref(), Some("z"));
        for other in [
            &b"session=1"[..],
            b"x__Host-session=1",
            b"__Host-session2=1",
            "\u{2000}__Host-session=1".as_bytes(),
            b"__Host-session",
        ] {
            assert_eq!(found(&[other]), None, "{other:?}");
        }
    }

    #[test]
    fn a_foreign_cookie_of_any_bytes_hides_none_of_ours() {
        for foreign in ["pref=é", "é=1", "a=\u{1f3b5}", "=", ";", "a"] {
            let line = format!("{foreign}; __Host-session=x; {foreign}").into_bytes();
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_bytes(&line).unwrap());
            assert_eq!(
                find(&headers, &cookies::SESSION).as_deref(),
                Some("x"),
                "{foreign}"
            );
        }
    }
}
