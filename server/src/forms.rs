//! The plain forms of signing up and in and of reports: ten lines each over one use case.

use app::{RequestContext, paths};
use axum::{
    Extension, Form,
    extract::{Path, State},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
};
use backend::{
    Error,
    accounts::{self, SignUp, SignedIn},
    analyses, sessions,
};
use model::{AnalysisId, upload::UploadKind};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    form_response::{form_response, form_response_with_session, submitted},
    pages,
    router::AppState,
    session::{self, SessionToken},
};

#[derive(Deserialize)]
pub(crate) struct SignUpForm {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    age_ok: Option<String>,
    terms_ok: Option<String>,
}

pub(crate) async fn sign_up(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<SignUpForm>,
) -> Response {
    let values = submitted([
        ("display_name", Some(form.display_name.clone())),
        ("email", Some(form.email.clone())),
        ("age_ok", form.age_ok.clone()),
        ("terms_ok", form.terms_ok.clone()),
    ]);
    let input = SignUp {
        display_name: form.display_name,
        email: form.email,
        password: form.password,
        age_ok: form.age_ok.is_some(),
        terms_ok: form.terms_ok.is_some(),
    };
    let result = accounts::sign_up(&site.backend, input)
        .await
        .map(|()| paths::SIGN_UP_SENT.to_owned());
    form_response(&site, &visit, parts, paths::SIGN_UP, result, values).await
}

#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    #[serde(default)]
    token: String,
}

pub(crate) async fn confirm(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<ConfirmForm>,
) -> Response {
    let result = accounts::confirm_sign_up(&site.backend, &form.token)
        .await
        .map(|session| (paths::UPLOAD.to_owned(), session));
    let values = vec![("token", form.token)];
    form_response_with_session(&site, &visit, parts, paths::CONFIRM, result, values).await
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    next: Option<String>,
}

pub(crate) async fn sign_in(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Extension(SessionToken(old)): Extension<SessionToken>,
    parts: Parts,
    Form(form): Form<SignInForm>,
) -> Response {
    let result = match accounts::sign_in(&site.backend, &form.email, form.password, old.as_deref()).await {
        Ok(SignedIn::CodeNeeded(step)) => {
            let values = submitted([("step", Some(step)), ("next", form.next)]);
            return pages::step(&site, parts, paths::SIGN_IN_CODE, values).await;
        }
        Ok(SignedIn::Session(session)) => Ok((paths::safe_next(form.next.as_deref()), session)),
        Err(error) => Err(error),
    };
    let values = submitted([("email", Some(form.email)), ("next", form.next)]);
    form_response_with_session(&site, &visit, parts, paths::SIGN_IN, result, values).await
}

pub(crate) async fn sign_out(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Extension(SessionToken(token)): Extension<SessionToken>,
) -> Response {
    if let Some(token) = token
        && let Err(error) = sessions::end(&site.backend, &token).await
    {
        return pages::plain_problem(&error, &visit.request_id);
    }
    let mut response = Redirect::to(paths::HOME).into_response();
    session::sign_out(&mut response);
    response
}

#[derive(Deserialize)]
pub(crate) struct RenameForm {
    #[serde(default)]
    title: String,
}

pub(crate) async fn rename(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
    Form(form): Form<RenameForm>,
) -> Response {
    let renamed = async {
        let id = analysis_id(&id)?;
        analyses::rename(&site.backend, &visit.actor, id, &form.title).await?;
        Ok::<_, Error>(id)
    };
    let (page, result) = (own_page(&parts), renamed.await.map(paths::analysis));
    form_response(&site, &visit, parts, &page, result, vec![("title", form.title)]).await
}

#[derive(Deserialize)]
pub(crate) struct StageForm {
    /// `mix`, `master`, or nothing for what was detected.
    #[serde(default)]
    stage: String,
}

pub(crate) async fn stage(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
    Form(form): Form<StageForm>,
) -> Response {
    let chosen = async {
        let id = analysis_id(&id)?;
        let choice = match form.stage.as_str() {
            "" => None,
            stage => Some(
                stage
                    .parse()
                    .map_err(|_| Error::invalid("stage", "Choose mix or master."))?,
            ),
        };
        analyses::choose_stage(&site.backend, &visit.actor, id, choice).await?;
        Ok::<_, Error>(id)
    };
    let (page, result) = (own_page(&parts), chosen.await.map(paths::analysis));
    form_response(&site, &visit, parts, &page, result, Vec::new()).await
}

pub(crate) async fn delete(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
) -> Response {
    let deleted = async { analyses::delete(&site.backend, &visit.actor, analysis_id(&id)?).await };
    let list = |kind| match kind {
        UploadKind::Mix => paths::HISTORY.to_owned(),
        UploadKind::Reference => paths::REFERENCES.to_owned(),
    };
    let (page, result) = (own_page(&parts), deleted.await.map(list));
    form_response(&site, &visit, parts, &page, result, Vec::new()).await
}

/// Reads a form whose field may come several times, as checkboxes do.
pub(crate) async fn compare_with(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let chosen = async {
        let id = analysis_id(&id)?;
        let companions = fields
            .iter()
            .filter(|(name, _)| name == "with")
            .map(|(_, companion)| analysis_id(companion))
            .collect::<Result<Vec<_>, _>>()?;
        analyses::compare_with(&site.backend, &visit.actor, id, &companions).await?;
        Ok::<_, Error>(id)
    };
    let (page, result) = (own_page(&parts), chosen.await.map(paths::comparison));
    form_response(&site, &visit, parts, &page, result, Vec::new()).await
}

fn analysis_id(text: &str) -> Result<AnalysisId, Error> {
    text.parse().map_err(|_| Error::not_found("analysis"))
}

/// The address that took the form, which is also that of its page.
fn own_page(parts: &Parts) -> String {
    parts.uri.path().to_owned()
}
