//! The forms: how every one of them is read and answered, and below, by area, what each does.
//!
//! A form that worked answers with a redirect, so that a reload sends nothing twice. One that was refused answers with its
//! page again, the values kept and the message beside its field; where the password has to be entered first, with the way
//! to that.

pub(crate) mod account;
pub(crate) mod analyses;
pub(crate) mod billing;
pub(crate) mod email;
pub(crate) mod privacy;
pub(crate) mod renders;
pub(crate) mod security;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod songs;
pub(crate) mod tokens;
pub(crate) mod webhooks;

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use app::{FORM_NAME, FormErrors, PageContent, PageRequest, RequestContext};
use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use backend::{
    Actor, Backend, Error,
    accounts::{self, Browser, Entered},
    privacy::cookies::{self as cookie_names, Cookie},
    sessions,
};
use model::{AnalysisId, Problem, ProblemCode, paths, routes::Page};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IntoDeserializer as _};

use crate::{
    cookies::{self, Lifetime},
    layers::{context, csrf::CSRF_FIELD, route_of_parts, session},
    pages, problems,
    router::{AppState, MAX_BODY},
};

/// Fields that are not shown again when a form is refused.
const NEVER_SHOWN_AGAIN: [&str; 4] = [CSRF_FIELD, "code", "current", "password"];

/// A form that came in: who sent it, and the page that it stands on.
#[derive(Debug)]
pub(crate) struct FormRequest {
    site: AppState,
    parts: Parts,
    context: RequestContext,
    page: Page,
    id: Option<String>,
    values: BTreeMap<String, String>,
}

/// A form and its fields, as `F` names them.
#[derive(Debug)]
pub(crate) struct Submitted<F> {
    pub(crate) form: FormRequest,
    pub(crate) fields: F,
}

/// What became of a form that worked.
#[derive(Debug)]
pub(crate) enum FormReply {
    /// On to this address.
    To(String),
    /// The same, with cookies for the browser.
    With {
        /// Where to.
        to: String,
        /// The cookies.
        cookies: Vec<GivenCookie>,
    },
    /// The same, with everything gone by which the browser knew an account.
    Erased {
        /// Where to.
        to: String,
    },
    /// The same, with the browser's session gone.
    SignedOut {
        /// Where to.
        to: String,
    },
    /// A further step on `page`; what the first one found out belongs into the answer and nowhere else.
    NextStep {
        /// The page of the step.
        page: Page,
        /// What its form is given.
        values: BTreeMap<String, String>,
    },
}

/// A cookie that an answer gives the browser.
#[derive(Debug)]
pub(crate) struct GivenCookie {
    cookie: &'static Cookie,
    value: String,
    lifetime: Duration,
}

impl GivenCookie {
    /// The session.
    pub(crate) const fn session(token: String) -> Self {
        Self {
            cookie: &cookie_names::SESSION,
            value: token,
            lifetime: sessions::ABSOLUTE,
        }
    }

    /// That the browser has signed in.
    pub(crate) const fn known(value: String) -> Self {
        Self {
            cookie: &cookie_names::KNOWN,
            value,
            lifetime: accounts::known_browsers::KNOWN_FOR,
        }
    }

    /// That the browser has signed up.
    pub(crate) const fn sign_up(value: String) -> Self {
        Self {
            cookie: &cookie_names::SIGN_UP,
            value,
            lifetime: accounts::CONFIRM_WITHIN,
        }
    }
}

impl FormReply {
    pub(crate) fn to(address: impl Into<String>) -> Self {
        Self::To(address.into())
    }

    /// On to this address, signed in.
    pub(crate) fn entered(to: String, Entered { session, known }: Entered) -> Self {
        Self::With {
            to,
            cookies: vec![GivenCookie::session(session), GivenCookie::known(known)],
        }
    }

    /// On to this address, with the session renewed.
    pub(crate) fn renewed(to: String, session: String) -> Self {
        Self::With {
            to,
            cookies: vec![GivenCookie::session(session)],
        }
    }
}

impl FormRequest {
    pub(crate) fn backend(&self) -> &Backend {
        &self.site.backend
    }

    pub(crate) const fn actor(&self) -> &Actor {
        &self.context.actor
    }

    pub(crate) fn is_signed_in(&self) -> bool {
        self.context.actor.user().is_ok()
    }

    /// What the browser came with.
    pub(crate) const fn browser(&self) -> &Browser {
        &self.context.browser
    }

    /// Which form of its page it is, where several have a field of the same name: the refused one shows what is wrong.
    pub(crate) fn is_called(&mut self, name: &str) {
        self.values.insert(FORM_NAME.to_owned(), name.to_owned());
    }

    /// Keeps a value for the page that is shown again when the form is refused.
    pub(crate) fn keep(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// Shows the field empty when the form is refused.
    pub(crate) fn forget(&mut self, field: &str) {
        self.values.remove(field);
    }

    /// Answers the form.
    pub(crate) async fn reply(self, result: Result<FormReply, Error>) -> Response {
        self.reply_at(None, result).await
    }

    /// The same for a form whose page has parameters: `address` is where it is shown again.
    pub(crate) async fn reply_at(self, address: Option<Uri>, result: Result<FormReply, Error>) -> Response {
        match result {
            Ok(FormReply::To(to)) => Redirect::to(&to).into_response(),
            Ok(FormReply::With { to, cookies }) => {
                let mut response = Redirect::to(&to).into_response();
                for given in cookies {
                    let lifetime = Lifetime::For(given.lifetime);
                    cookies::set(&mut response, given.cookie, &given.value, lifetime);
                }
                response
            }
            Ok(FormReply::Erased { to }) => {
                let mut response = Redirect::to(&to).into_response();
                session::end(&mut response);
                cookies::forget(&mut response, &cookie_names::KNOWN);
                cookies::forget(&mut response, &cookie_names::SIGN_UP);
                response
            }
            Ok(FormReply::SignedOut { to }) => {
                let mut response = Redirect::to(&to).into_response();
                session::end(&mut response);
                response
            }
            Ok(FormReply::NextStep { page, values }) => self.show(page, None, FormErrors::step(values)).await,
            Err(error) if error.code() == ProblemCode::ConfirmPassword => {
                let page = pages::address_of(self.page, self.id.as_deref());
                Redirect::to(&paths::confirm_password_then(&page)).into_response()
            }
            Err(error) => {
                let problem = self.context.problem(&error);
                self.refuse(address, problem).await
            }
        }
    }

    async fn refuse(mut self, address: Option<Uri>, problem: Problem) -> Response {
        let (status, retry_after) = (problems::status_of(&problem), problem.retry_after);
        let errors = FormErrors::new(problem, std::mem::take(&mut self.values));
        let page = self.page;
        let mut response = self.show(page, address, errors).await;
        if response.status().is_success() {
            *response.status_mut() = status;
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    async fn show(self, page: Page, address: Option<Uri>, errors: FormErrors) -> Response {
        let own = || pages::address_of(page, self.id.as_deref()).parse().ok();
        let request = PageRequest {
            content: PageContent::Page(page),
            uri: address.or_else(own).unwrap_or_default(),
            id: self.id,
        };
        pages::render(&self.site, self.parts, request, Some(errors)).await
    }

    async fn read(site: &AppState, mut parts: Parts) -> Self {
        let page = route_of_parts(&parts).and_then(|route| route.page);
        Self {
            site: site.clone(),
            context: context::of(site, &parts),
            page: page.unwrap_or(Page::Home),
            id: pages::path_id(&mut parts).await,
            values: BTreeMap::new(),
            parts,
        }
    }
}

/// A form without fields.
impl FromRequest<AppState> for FormRequest {
    type Rejection = Response;

    async fn from_request(request: Request, site: &AppState) -> Result<Self, Response> {
        Ok(Self::read(site, request.into_parts().0).await)
    }
}

impl<F: DeserializeOwned + Send> FromRequest<AppState> for Submitted<F> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &AppState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let mut form = FormRequest::read(site, parts).await;
        let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
            return Err(form.reply(Err(not_understood())).await);
        };
        // No field takes a NUL, and PostgreSQL cannot keep one.
        let has_nul = form_urlencoded::parse(&bytes).any(|(_, value)| value.contains('\0'));
        form.values = form_urlencoded::parse(&bytes)
            .filter(|(name, _)| !has_nul && !NEVER_SHOWN_AGAIN.contains(&&**name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        match serde_html_form::from_bytes(&bytes).ok() {
            Some(fields) if !has_nul => Ok(Self { form, fields }),
            _ => Err(form.reply(Err(not_understood())).await),
        }
    }
}

/// The analyses whose boxes are ticked. One that is no id is not found, as one of somebody else.
/// `back` where it is a page of the history; whatever else the form says is not shown.
fn history_page(back: &str) -> Option<Uri> {
    let uri: Uri = back.parse().ok()?;
    (uri.path() == paths::HISTORY && uri.host().is_none()).then_some(uri)
}

fn ticked_analyses(ticked: &[String]) -> Result<Vec<AnalysisId>, Error> {
    let parse = |id: &String| id.parse().map_err(|_| Error::not_found("analysis"));
    ticked.iter().map(parse).collect()
}

/// For a field that a form leaves empty to say "none", which is not the same as a value that does not exist.
fn none_if_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    T::deserialize(text.into_deserializer()).map(Some)
}

fn not_understood() -> Error {
    Error::problem(
        ProblemCode::Invalid,
        "This form was not understood. Nothing was changed. Reload the page and try again.",
    )
}

/// The id in the address of a form. Where it is none, there is no such thing: the page says so, with 404.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr + Send> FromRequestParts<AppState> for PathId<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &AppState) -> Result<Self, Response> {
        let id = pages::path_id(parts).await.and_then(|id| id.parse().ok());
        match id {
            Some(id) => Ok(Self(id)),
            None => {
                let error = Error::problem(
                    ProblemCode::NotFound,
                    "There is no such thing. It may have been deleted, or the link is not complete.",
                );
                Err(problems::respond(site, parts.clone(), &error).await)
            }
        }
    }
}
