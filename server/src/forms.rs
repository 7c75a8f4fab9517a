//! The plain forms: ten lines each over one use case. On success a redirect (so that a reload sends nothing twice), on an
//! error the same page again, with the values kept and the message beside its field.

use app::{Visit, paths};
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
    pages,
    router::Site,
    visitor::{self, SessionToken},
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
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    parts: Parts,
    Form(form): Form<SignUpForm>,
) -> Response {
    let mut values = vec![
        ("display_name", form.display_name.clone()),
        ("email", form.email.clone()),
    ];
    values.extend(form.age_ok.clone().map(|on| ("age_ok", on)));
    values.extend(form.terms_ok.clone().map(|on| ("terms_ok", on)));
    let input = SignUp {
        display_name: form.display_name,
        email: form.email,
        password: form.password,
        age_ok: form.age_ok.is_some(),
        terms_ok: form.terms_ok.is_some(),
    };
    match accounts::sign_up(&site.backend, input).await {
        Ok(()) => Redirect::to(paths::SIGN_UP_SENT).into_response(),
        Err(error) => pages::refused(&site, parts, visit.problem(&error), values).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    #[serde(default)]
    token: String,
}

pub(crate) async fn confirm(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    parts: Parts,
    Form(form): Form<ConfirmForm>,
) -> Response {
    match accounts::confirm_sign_up(&site.backend, &form.token).await {
        Ok(session) => signed_in(paths::UPLOAD, &session),
        Err(error) => pages::refused(&site, parts, visit.problem(&error), [("token", form.token)]).await,
    }
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
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    Extension(SessionToken(old)): Extension<SessionToken>,
    parts: Parts,
    Form(form): Form<SignInForm>,
) -> Response {
    match accounts::sign_in(&site.backend, &form.email, form.password, old.as_deref()).await {
        Ok(SignedIn::Session(session)) => signed_in(&paths::safe_next(form.next.as_deref()), &session),
        Ok(SignedIn::CodeNeeded(step)) => {
            let values = [("step", Some(step)), ("next", form.next)];
            let values = values
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            pages::step(&site, parts, paths::SIGN_IN_CODE, values).await
        }
        Err(error) => {
            let values = [("email", Some(form.email)), ("next", form.next)];
            let values = values
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            pages::refused(&site, parts, visit.problem(&error), values).await
        }
    }
}

pub(crate) async fn sign_out(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    Extension(SessionToken(token)): Extension<SessionToken>,
) -> Response {
    if let Some(token) = token
        && let Err(error) = sessions::end(&site.backend, &token).await
    {
        return pages::plain_problem(&error, &visit.request_id);
    }
    let mut response = Redirect::to(paths::HOME).into_response();
    visitor::sign_out(&mut response);
    response
}

#[derive(Deserialize)]
pub(crate) struct RenameForm {
    #[serde(default)]
    title: String,
}

pub(crate) async fn rename(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
    parts: Parts,
    Form(form): Form<RenameForm>,
) -> Response {
    let renamed = async {
        let id = analysis_id(&id)?;
        analyses::rename(&site.backend, &visit.actor, id, &form.title).await?;
        Ok::<_, Error>(id)
    };
    match renamed.await {
        Ok(id) => Redirect::to(&paths::analysis(id)).into_response(),
        Err(error) => pages::refused(&site, parts, visit.problem(&error), [("title", form.title)]).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct StageForm {
    /// `mix`, `master`, or nothing for what was detected.
    #[serde(default)]
    stage: String,
}

pub(crate) async fn stage(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
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
                    .map_err(|()| Error::invalid("stage", "Choose mix or master."))?,
            ),
        };
        analyses::choose_stage(&site.backend, &visit.actor, id, choice).await?;
        Ok::<_, Error>(id)
    };
    match chosen.await {
        Ok(id) => Redirect::to(&paths::analysis(id)).into_response(),
        Err(error) => pages::refused(&site, parts, visit.problem(&error), []).await,
    }
}

pub(crate) async fn delete(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
    parts: Parts,
) -> Response {
    let deleted = async { analyses::delete(&site.backend, &visit.actor, analysis_id(&id)?).await };
    match deleted.await {
        Ok(UploadKind::Mix) => Redirect::to(paths::HISTORY).into_response(),
        Ok(UploadKind::Reference) => Redirect::to(paths::REFERENCES).into_response(),
        Err(error) => pages::refused(&site, parts, visit.problem(&error), []).await,
    }
}

/// Reads a form whose field may come several times, as checkboxes do.
pub(crate) async fn compare_with(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
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
    match chosen.await {
        Ok(id) => Redirect::to(&paths::comparison(id)).into_response(),
        Err(error) => pages::refused(&site, parts, visit.problem(&error), []).await,
    }
}

fn analysis_id(text: &str) -> Result<AnalysisId, Error> {
    text.parse().map_err(|_| Error::not_found("analysis"))
}

fn signed_in(next: &str, session: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    visitor::sign_in(&mut response, session);
    response
}
