//! What a page knows about the request it answers; the server provides it as context.

use std::{collections::BTreeMap, str::FromStr};

use backend::{Actor, Backend, Error, accounts::Browser, privacy::consent::Consent};
use http::{StatusCode, Uri, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use model::{Problem, ProblemCode, account::Me, routes::Page};

use crate::{pages::not_found::failed, paths};

/// A request: who asks, and the services that answer.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The services.
    pub backend: Backend,
    /// Who asks.
    pub actor: Actor,
    /// The CSRF token for the forms and islands of this page.
    pub csrf: String,
    /// Whether this request may be counted, and whether to ask.
    pub consent: Consent,
    /// What the browser carries of its past.
    pub browser: Browser,
    /// The id of this request, under which the log knows it.
    pub request_id: String,
}

impl RequestContext {
    /// The present request.
    #[must_use]
    pub fn here() -> Self {
        expect_context()
    }

    /// The signed-in person.
    #[must_use]
    pub fn me(&self) -> Option<Me> {
        self.actor.user().ok().map(backend::User::me)
    }

    /// What the caller is answered for `error`; causes that are not the caller's are logged here, once.
    #[must_use]
    pub fn problem(&self, error: &Error) -> Problem {
        problem_of(&self.request_id, error)
    }
}

/// What the caller of the request is answered for `error`; causes that are not the caller's are logged here, once.
#[must_use]
pub fn problem_of(request_id: &str, error: &Error) -> Problem {
    match error.code() {
        ProblemCode::Internal => tracing::error!(%request_id, %error, "failed"),
        ProblemCode::Unavailable => tracing::warn!(%request_id, %error, "unavailable"),
        _ => {}
    }
    error.to_problem(request_id)
}

/// What is rendered, and for which address; the server provides it as context beside the [`RequestContext`].
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// What is rendered.
    pub content: PageContent,
    /// The `{id}` of the address, as it was sent.
    pub id: Option<String>,
    /// The address of the page; where a form is refused, that of the page it stands on.
    pub uri: Uri,
}

/// What stands between header and footer.
#[derive(Debug, Clone)]
pub enum PageContent {
    /// A page.
    Page(Page),
    /// Why there is none.
    Problem(Problem),
}

impl PageRequest {
    /// The one that is answered.
    #[must_use]
    pub fn here() -> Self {
        expect_context()
    }

    /// The page that is shown; none where there is a problem instead.
    #[must_use]
    pub const fn page(&self) -> Option<Page> {
        match self.content {
            PageContent::Page(page) => Some(page),
            PageContent::Problem(_) => None,
        }
    }

    /// A parameter of the address. One with a NUL counts as absent: it is nobody's, and PostgreSQL cannot look for it.
    #[must_use]
    pub fn query(&self, wanted: &str) -> Option<String> {
        form_urlencoded::parse(self.uri.query()?.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.contains('\0'))
    }
}

/// What most pages of one thing begin with: who asks, and the thing that the address names. The error is the page to
/// show instead: not found, or nothing on the way to the sign-in form.
pub(crate) fn context_for<Id: FromStr + Copy>(
    what: &str,
    path: impl Fn(Id) -> String,
) -> Result<(RequestContext, Id), AnyView> {
    let context = RequestContext::here();
    let Some(id) = PageRequest::here().id.and_then(|id| id.parse::<Id>().ok()) else {
        return Err(failed(&Problem::new(
            ProblemCode::NotFound,
            format!("There is no such {what}. The link may not be complete."),
        )));
    };
    if context.actor.user().is_err() {
        redirect_to_sign_in(&path(id));
        return Err(().into_any());
    }
    Ok((context, id))
}

/// Among the values of a refused form: which one of its page it is.
pub const FORM_NAME: &str = "form-name";

/// A form that was refused: its page is rendered again with the values kept and the message beside its field.
#[derive(Debug, Clone, Default)]
pub struct FormErrors {
    problem: Option<Problem>,
    values: BTreeMap<String, String>,
}

impl FormErrors {
    /// The form_errors of a form with these values. Passwords do not belong among them.
    #[must_use]
    pub const fn new(problem: Problem, values: BTreeMap<String, String>) -> Self {
        Self {
            problem: Some(problem),
            values,
        }
    }

    /// No form_errors, but a further step of a form, with what the first one found out.
    #[must_use]
    pub const fn step(values: BTreeMap<String, String>) -> Self {
        Self {
            problem: None,
            values,
        }
    }

    /// The form_errors that this page shows; an empty one on the first context.
    #[must_use]
    pub fn here() -> Self {
        use_context().unwrap_or_default()
    }

    /// Whether the form was refused for this reason.
    #[must_use]
    pub fn is(&self, code: ProblemCode) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.code == code)
    }

    /// What was typed into the field.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<String> {
        self.values.get(field).cloned()
    }

    /// What is wrong with the field.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<String> {
        self.problem
            .as_ref()
            .filter(|problem| problem.field.as_deref() == Some(field))
            .map(|problem| problem.message.clone())
    }

    /// For the summary above the form, as (field name, message); the name is empty where it belongs to none.
    #[must_use]
    pub fn errors(&self) -> Vec<(String, String)> {
        self.problem
            .iter()
            .map(|problem| (problem.field.clone().unwrap_or_default(), problem.message.clone()))
            .collect()
    }
}

/// Gives the response the status of `problem`.
pub(crate) fn set_status(problem: &Problem) {
    if let (Some(response), Ok(status)) = (
        use_context::<ResponseOptions>(),
        StatusCode::from_u16(problem.code.status()),
    ) {
        response.set_status(status);
        if let Some(seconds) = problem.retry_after {
            response.insert_header(header::RETRY_AFTER, seconds.into());
        }
    }
}

/// Answers with a redirect to the sign-in form that leads back to `path`.
pub(crate) fn redirect_to_sign_in(path: &str) {
    redirect_to(&paths::sign_in_then(path));
}

/// Answers with a redirect to `path`.
pub(crate) fn redirect_to(path: &str) {
    if let (Some(response), Ok(target)) = (use_context::<ResponseOptions>(), path.parse()) {
        response.set_status(StatusCode::SEE_OTHER);
        response.insert_header(header::LOCATION, target);
    }
}
