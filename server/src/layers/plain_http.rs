//! Development over plain http, as every browser allows it. Chromium and Firefox take secure cookies from the addresses of one's
//! own machine over http; WebKit (Safari) takes none, and nobody does from a name such as `studio.lan`. There, cookies go by their
//! names without `__Host-` and without `Secure`. Besides, a browser that comes by another name of this machine (`localhost` for
//! `127.0.0.1`) is led to the one that cookies, policy and links of the storage are made for.
//!
//! Production takes no plain http, so that this layer is not even there.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use backend::{config::Config, privacy::cookies::ALL};

use crate::router::AppState;

const PREFIX: &str = "__Host-";

/// Whether an installation is reached by plain http.
pub(crate) fn is_in_use(config: &Config) -> bool {
    config.is_development() && config.base_url.starts_with("http://")
}

/// Whether `base_url` is of this machine, for whose addresses browsers make exceptions.
pub(crate) fn is_on_this_machine(base_url: &str) -> bool {
    base_url
        .parse()
        .is_ok_and(|url: Uri| url.host().is_some_and(is_loopback))
}

/// Leads to the host of `base_url`, and has cookies go by names that the browser keeps.
pub(crate) async fn adapt(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let base_url = &site.backend.config.base_url;
    if let Some(there) = elsewhere(&request, base_url) {
        return Redirect::temporary(&there).into_response();
    }
    if keeps_secure_cookies(request.headers(), base_url) {
        return next.run(request).await;
    }
    let known = request
        .headers()
        .get_all(header::COOKIE)
        .iter()
        .filter_map(with_prefixes);
    let known: Vec<HeaderValue> = known.collect();
    request.headers_mut().remove(header::COOKIE);
    for line in known {
        request.headers_mut().append(header::COOKIE, line);
    }
    let mut response = next.run(request).await;
    let given = response.headers().get_all(header::SET_COOKIE).iter().cloned();
    let given: Vec<HeaderValue> = given.collect();
    response.headers_mut().remove(header::SET_COOKIE);
    for cookie in given {
        response
            .headers_mut()
            .append(header::SET_COOKIE, without_prefix(&cookie).unwrap_or(cookie));
    }
    response
}

/// The same address at the host of `base_url`, where a page is asked for by another name of this machine.
fn elsewhere(request: &Request, base_url: &str) -> Option<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let asked: Uri = request.headers().get(header::HOST)?.to_str().ok()?.parse().ok()?;
    let ours: Uri = base_url.parse().ok()?;
    let is_other_name = asked.host() != ours.host() && asked.port_u16() == ours.port_u16();
    let are_both_this_machine = is_loopback(asked.host()?) && is_loopback(ours.host()?);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    (is_other_name && are_both_this_machine).then(|| format!("{base_url}{path}"))
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether a browser keeps cookies that are for https alone. Only on this machine, and not WebKit: by the name of its engine, which
/// Chromium names too, and then itself.
fn keeps_secure_cookies(headers: &HeaderMap, base_url: &str) -> bool {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let is_webkit = agent.contains("AppleWebKit/") && !agent.contains("Chrome/");
    is_on_this_machine(base_url) && !is_webkit
}

/// A line of cookies with the names that the rest of the program knows. `None` where it is no line.
fn with_prefixes(line: &HeaderValue) -> Option<HeaderValue> {
    let mut whole = Vec::new();
    for pair in line.as_bytes().split(|byte| *byte == b';') {
        let pair = pair.trim_ascii();
        let is_ours = ALL.iter().any(|cookie| {
            let plain = cookie.name.trim_start_matches(PREFIX).as_bytes();
            pair.strip_prefix(plain)
                .is_some_and(|rest| rest.starts_with(b"="))
        });
        if !whole.is_empty() {
            whole.extend_from_slice(b"; ");
        }
        if is_ours {
            whole.extend_from_slice(PREFIX.as_bytes());
        }
        whole.extend_from_slice(pair);
    }
    HeaderValue::from_bytes(&whole).ok()
}

/// A cookie of ours as it may go over http.
fn without_prefix(cookie: &HeaderValue) -> Option<HeaderValue> {
    let text = cookie.to_str().ok()?.strip_prefix(PREFIX)?;
    HeaderValue::from_str(&text.replace("; Secure", "")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";

    #[test]
    fn webkit_and_names_of_other_machines_keep_no_secure_cookie_over_http() {
        let here = "http://127.0.0.1:3000";
        for (agent, base_url, keeps) in [
            (CHROMIUM, here, true),
            (FIREFOX, here, true),
            (SAFARI, here, false),
            (CHROMIUM, "http://studio.lan:3000", false),
            (FIREFOX, "http://studio.lan:3000", false),
            ("", "http://localhost:3000", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
            assert_eq!(
                keeps_secure_cookies(&headers, base_url),
                keeps,
                "{agent} {base_url}"
            );
        }
    }

    #[test]
    fn cookies_go_by_their_plain_names_and_come_back_by_ours() {
        let given = HeaderValue::from_static("__Host-session=x; HttpOnly; SameSite=Lax; Secure; Path=/");
        let plain = without_prefix(&given).unwrap();
        assert_eq!(plain, "session=x; HttpOnly; SameSite=Lax; Path=/");
        let sent = HeaderValue::from_bytes("session=x;csrf=y; sessions=1; pref=é".as_bytes()).unwrap();
        assert_eq!(
            with_prefixes(&sent).unwrap().as_bytes(),
            "__Host-session=x; __Host-csrf=y; sessions=1; pref=é".as_bytes()
        );
    }
}
