//! What is counted of a visit, for those who allowed it: the kind of page and the kind of action, under a random number that
//! ends with the day. Nothing is counted, and no such cookie set, without a yes.

use std::time::Duration;

use app::RequestContext;
use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use backend::{
    Backend, entropy,
    privacy::{consent::Consent, cookies::STATISTICS},
    telemetry::UsageEvent,
};
use model::{
    Timestamp,
    routes::{Endpoint, Form, Function, Route},
};

use super::route_of;
use crate::{
    cookies::{self, Lifetime},
    router::AppState,
};

/// Counts what was asked for, if it was allowed and it worked.
pub(crate) async fn count(State(site): State<AppState>, request: Request, next: Next) -> Response {
    let held = cookies::find(request.headers(), &STATISTICS);
    let is_allowed = request
        .extensions()
        .get::<RequestContext>()
        .is_some_and(|context| context.consent == Consent::Granted);
    if !is_allowed {
        let mut response = next.run(request).await;
        if held.is_some() {
            cookies::forget(&mut response, &STATISTICS);
        }
        return response;
    }
    // A HEAD shows nobody a page.
    let event = route_of(&request)
        .filter(|_| request.method() != Method::HEAD)
        .and_then(event_of);
    let mut response = next.run(request).await;
    let worked = match event {
        Some(UsageEvent::PageViewed { .. }) => response.status() == StatusCode::OK,
        Some(_) => response.status().is_success() || response.status().is_redirection(),
        None => false,
    };
    let (Some(event), true) = (event, worked) else {
        return response;
    };
    let backend = &site.backend;
    let now = backend.now();
    let visitor = held
        .filter(|visitor| is_of_today(visitor, now))
        .unwrap_or_else(|| new_visitor(backend, now));
    backend.statistics.count(event, &visitor);
    cookies::set(
        &mut response,
        &STATISTICS,
        &visitor,
        Lifetime::For(to_midnight(now)),
    );
    response
}

/// What a request uses, from a closed list; ids and queries fall away here.
fn event_of(route: &'static Route) -> Option<UsageEvent> {
    match route.endpoint {
        Endpoint::Page(_) => route
            .is_counted
            .then_some(UsageEvent::PageViewed { page: route.path }),
        Endpoint::Form(Form::ConfirmSignUp) => Some(UsageEvent::SignedUp),
        Endpoint::Form(Form::Export) => Some(UsageEvent::CopyAskedFor),
        Endpoint::Form(Form::DeleteAccount) => Some(UsageEvent::AccountDeleted),
        Endpoint::Form(Form::RenameAnalysis) => Some(UsageEvent::ReportRenamed),
        Endpoint::Form(Form::DeleteAnalysis | Form::DeleteAnalyses) => Some(UsageEvent::ReportDeleted),
        Endpoint::Function(Function::CompleteUpload) => Some(UsageEvent::UploadCompleted),
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

const fn to_midnight(now: Timestamp) -> Duration {
    Duration::from_millis((DAY_MS - now.0.rem_euclid(DAY_MS)).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p23_of_an_address_only_the_kind_of_page_is_counted() {
        let page = |page| Some(UsageEvent::PageViewed { page });
        for (method, path, expected) in [
            ("GET", "/", page("/")),
            ("GET", "/analyses/{id}", page("/analyses/{id}")),
            ("GET", "/signup/confirm", None),
            ("GET", "/ann@example.org", None),
            ("GET", "/analyses/{id}/rename", None),
            ("POST", "/analyses/{id}/rename", Some(UsageEvent::ReportRenamed)),
            ("POST", "/signin", None),
            ("PUT", "/", None),
        ] {
            let seen = Route::find(method, path).and_then(event_of);
            assert_eq!(seen, expected, "{method} {path}");
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
        assert_eq!(
            to_midnight(Timestamp(20_000 * DAY_MS + 1000)),
            Duration::from_secs(86_399)
        );
    }
}
