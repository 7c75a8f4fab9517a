//! What is counted of a visit, for those who allowed it: the kind of page and the kind of action, under a random number that
//! ends with the day. Nothing is counted, and no such cookie set, without a yes.

use app::{RequestContext, paths};
use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use backend::{
    Backend, entropy,
    privacy::{consent::Consent, cookies},
    telemetry::UsageEvent,
};
use model::Timestamp;

use crate::{
    router::AppState,
    session::{append_cookie, cookie, forget_cookie},
};

/// Pages that are counted by name; every other is none.
const PAGES: [&str; 13] = [
    paths::HOME,
    paths::SIGN_UP,
    paths::SIGN_IN,
    paths::UPLOAD,
    paths::HISTORY,
    paths::METHODOLOGY,
    paths::TERMS,
    paths::PRIVACY,
    paths::COOKIES,
    paths::CONTACT,
    paths::POLICIES,
    paths::YOUR_DATA,
    paths::DELETE_ACCOUNT,
];

/// The name under which every report's page is counted.
const REPORT: &str = "/analyses/:id";

/// Counts what was asked for, if it was allowed and it worked.
pub(crate) async fn count(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let held = cookie(request.headers(), cookies::STATISTICS.name);
    let allowed = request
        .extensions()
        .get::<RequestContext>()
        .is_some_and(|visit| visit.consent == Consent::Granted);
    if !allowed {
        let mut response = next.run(request).await;
        if held.is_some() {
            forget_cookie(&mut response, cookies::STATISTICS.name);
        }
        return response;
    }
    let used = used(request.method(), request.uri().path());
    let mut response = next.run(request).await;
    let worked = match used {
        Some(UsageEvent::PageViewed { .. }) => response.status() == StatusCode::OK,
        Some(_) => response.status().is_success() || response.status().is_redirection(),
        None => false,
    };
    let (Some(used), true) = (used, worked) else {
        return response;
    };
    let backend = &site.backend;
    let now = backend.now();
    let visitor = held
        .filter(|visitor| is_of_today(visitor, now))
        .unwrap_or_else(|| new_visitor(backend, now));
    backend.statistics.count(used, &visitor);
    let seconds = seconds_to_midnight(now);
    append_cookie(
        &mut response,
        &format!(
            "{}={visitor}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax",
            cookies::STATISTICS.name
        ),
    );
    response
}

/// What a request uses, from a closed list; ids and queries fall away here.
fn used(method: &Method, path: &str) -> Option<UsageEvent> {
    match *method {
        Method::GET => {
            let page = PAGES.into_iter().find(|page| *page == path);
            let is_report = || {
                path.strip_prefix("/analyses/")
                    .is_some_and(|rest| !rest.contains('/'))
            };
            page.or_else(|| is_report().then_some(REPORT))
                .map(|page| UsageEvent::PageViewed { page })
        }
        Method::POST => match path {
            paths::CONFIRM => Some(UsageEvent::SignedUp),
            paths::EXPORT => Some(UsageEvent::CopyAskedFor),
            paths::DELETE_ACCOUNT => Some(UsageEvent::AccountDeleted),
            paths::COMPLETE_UPLOAD => Some(UsageEvent::UploadCompleted),
            _ if path.starts_with("/analyses/") && path.ends_with("/rename") => {
                Some(UsageEvent::ReportRenamed)
            }
            _ if path.starts_with("/analyses/") && path.ends_with("/delete") => {
                Some(UsageEvent::ReportDeleted)
            }
            _ => None,
        },
        _ => None,
    }
}

/// A random number with the day it is good for: `20661` days since 1970, a dot, 256 bits.
fn new_visitor(backend: &Backend, now: Timestamp) -> String {
    format!("{}.{}", day_of(now), entropy::new_secret(&*backend.entropy))
}

/// Whether `visitor` is a number of ours and of this day. Anything else is not sent on, whatever a browser puts there.
fn is_of_today(visitor: &str, now: Timestamp) -> bool {
    visitor.split_once('.').is_some_and(|(day, number)| {
        day == day_of(now).to_string()
            && number.len() == 43
            && number
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

const DAY_MS: i64 = 86_400_000;

const fn day_of(now: Timestamp) -> i64 {
    now.0.div_euclid(DAY_MS)
}

const fn seconds_to_midnight(now: Timestamp) -> i64 {
    (DAY_MS - now.0.rem_euclid(DAY_MS)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p23_of_an_address_only_the_kind_of_page_is_counted() {
        let page = |page| Some(UsageEvent::PageViewed { page });
        for (method, path, expected) in [
            (Method::GET, "/", page("/")),
            (Method::GET, "/analyses/0190aaaa", page("/analyses/:id")),
            (Method::GET, "/signup/confirm", None),
            (Method::GET, "/ann@example.org", None),
            (Method::GET, "/analyses/0190aaaa/rename", None),
            (
                Method::POST,
                "/analyses/0190aaaa/rename",
                Some(UsageEvent::ReportRenamed),
            ),
            (Method::POST, "/signin", None),
            (Method::PUT, "/", None),
        ] {
            assert_eq!(used(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn p23_a_visitor_is_a_number_of_ours_and_of_today() {
        let now = Timestamp(20_000 * DAY_MS + 5);
        let number = "a".repeat(43);
        assert!(is_of_today(&format!("20000.{number}"), now));
        for foreign in [
            format!("19999.{number}"),
            "20000.ann@example.org".into(),
            number.clone(),
            format!("20000.{number}x"),
        ] {
            assert!(!is_of_today(&foreign, now), "{foreign}");
        }
        assert_eq!(seconds_to_midnight(Timestamp(20_000 * DAY_MS + 1000)), 86_399);
    }
}
