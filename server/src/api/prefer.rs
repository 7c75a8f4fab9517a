//! `Prefer: wait=10`: the answer may wait so many seconds for the end of the work (RFC 7240 4.3).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Says what was done for a preference.
pub(super) const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest that is waited: most proxies give up after a minute.
const LONGEST: u64 = 55;

/// For how long an answer may wait. A preference that is none of ours is ignored, as the RFC says.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| {
            let (name, seconds) = preference.split_once('=')?;
            let seconds: u64 = seconds.trim().trim_matches('"').parse().ok()?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| Duration::from_secs(seconds.min(LONGEST)))
        })
}

/// What `wait` is answered with.
pub(super) fn applied(wait: Duration) -> HeaderValue {
    HeaderValue::from_str(&format!("wait={}", wait.as_secs())).unwrap_or(HeaderValue::from_static("wait"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_among_others_and_has_an_end() {
        let wait = |text: &'static str| {
            let headers = [(PREFER, HeaderValue::from_static(text))].into_iter().collect();
            wait(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("wait=10"), Some(10));
        assert_eq!(wait("respond-async, Wait = 5"), Some(5));
        assert_eq!(wait("wait=100000"), Some(LONGEST));
        for nothing in ["wait", "wait=-1", "wait=soon", "respond-async", ""] {
            assert_eq!(wait(nothing), None, "{nothing}");
        }
    }
}
