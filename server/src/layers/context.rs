//! What handlers and pages know about a request, put together from the layers before: who asks, the token for their forms,
//! and whether they may be counted.

use app::RequestContext;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, request::Parts},
    middleware::Next,
    response::Response,
};
use backend::{
    Actor, Error, User,
    accounts::Browser,
    privacy::{
        consent::{self, Answer, Consent, Signals},
        cookies::{CONSENT, KNOWN, SIGN_UP},
    },
};

use super::{csrf::CsrfToken, request_id, session::Session};
use crate::{cookies, problems, router::AppState};

/// Puts the [`RequestContext`] into the request's extensions.
pub(crate) async fn provide(State(site): State<AppState>, mut request: Request, next: Next) -> Response {
    let Session { token, user } = request.extensions().get().cloned().unwrap_or_default();
    let consent = match consent_of(&site, request.headers(), user.as_ref()).await {
        Ok(consent) => consent,
        Err(error) => return problems::respond(&site, request.into_parts().0, &error).await,
    };
    let CsrfToken(csrf) = request
        .extensions()
        .get()
        .cloned()
        .unwrap_or(CsrfToken(String::new()));
    let context = RequestContext {
        backend: site.backend.clone(),
        actor: user.map_or(Actor::Nobody, Actor::User),
        csrf,
        consent,
        browser: Browser {
            session: token,
            known: cookies::find(request.headers(), &KNOWN),
            sign_up: cookies::find(request.headers(), &SIGN_UP),
        },
        request_id: request_id(request.headers()),
    };
    request.extensions_mut().insert(context);
    next.run(request).await
}

/// The context of a request; one of nobody where a layer failed before there was any.
pub(crate) fn of(site: &AppState, parts: &Parts) -> RequestContext {
    parts.extensions.get().cloned().unwrap_or_else(|| RequestContext {
        backend: site.backend.clone(),
        actor: Actor::Nobody,
        csrf: String::new(),
        consent: Consent::NothingToAsk,
        browser: Browser::default(),
        request_id: request_id(&parts.headers),
    })
}

/// What the browser and the person say about being counted.
async fn consent_of(site: &AppState, headers: &HeaderMap, user: Option<&User>) -> Result<Consent, Error> {
    if !site.backend.statistics.is_on() {
        return Ok(Consent::NothingToAsk);
    }
    let is_one = |name: &str| headers.get(name).is_some_and(|value| value == "1");
    let signals = Signals {
        do_not_track: is_one("dnt") || is_one("sec-gpc"),
        remembered: match cookies::find(headers, &CONSENT).as_deref() {
            Some("yes") => Some(Answer::Yes),
            Some("no") => Some(Answer::No),
            _ => None,
        },
    };
    let account = match user {
        Some(user) => consent::of_account(&site.backend.db, user.account).await?,
        None => None,
    };
    Ok(Consent::decide(signals, account))
}
