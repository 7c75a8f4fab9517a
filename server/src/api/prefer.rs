//! `Prefer: wait=10`: the answer may wait so many seconds for the end of the work (RFC 7240 4.3).

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use backend::{Actor, Backend, Error, analyses, renders};
use model::analysis::AnalysisState;
use serde::Serialize;
use tokio::time::Instant;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Says what was done for a preference.
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest that is waited: most proxies give up after a minute.
const LONGEST: u64 = 55;

/// How often a waiting request looks whether the work is done.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// When a program that does not wait should ask again, in seconds.
pub(super) const ASK_AGAIN_S: u64 = 2;

/// For how long an answer waits for the end of work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// `None` where the program asked for none.
    until: Option<Instant>,
}

impl Patience {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            until: wait(headers).map(|wait| Instant::now() + wait),
        }
    }

    /// For `wait` from now on.
    pub(super) fn lasting(wait: Duration) -> Self {
        Self {
            until: Some(Instant::now() + wait),
        }
    }

    /// Looks at the work again and again until it has ended, as long as this lasts; with no patience it does not look.
    pub(super) async fn spent_on(
        self,
        backend: &Backend,
        actor: &Actor,
        of: model::analysis::Work,
    ) -> Result<(), Error> {
        while self.until.is_some_and(|until| Instant::now() < until) {
            let progress = match of {
                model::analysis::Work::Analysis(id) => analyses::progress(backend, actor, id).await?,
                model::analysis::Work::Render(id) => renders::progress(backend, actor, id).await?,
            };
            if progress.state.is_final() {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// How far work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Ended,
    Running,
}

impl Work {
    pub(super) const fn of(state: AnalysisState) -> Self {
        if state.is_final() {
            Self::Ended
        } else {
            Self::Running
        }
    }
}

/// The answer about work: with the status `ended` where it has, else 202 and when to ask again.
pub(super) fn answer(headers: &HeaderMap, body: impl Serialize, work: Work, ended: StatusCode) -> Response {
    let status = match work {
        Work::Ended => ended,
        Work::Running => StatusCode::ACCEPTED,
    };
    let mut response = (status, Json(body)).into_response();
    if work == Work::Running {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, ASK_AGAIN_S.into());
    }
    if let Some(wait) = wait(headers) {
        response.headers_mut().insert(APPLIED, applied(wait));
    }
    response
}

/// For how long an answer may wait. A preference that is none of ours is ignored, as the RFC says.
fn wait(headers: &HeaderMap) -> Option<Duration> {
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
fn applied(wait: Duration) -> HeaderValue {
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
