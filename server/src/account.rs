//! The forms of the account area and of the ways back into an account: ten lines each over one use case.

use app::{RequestContext, paths};
use axum::{
    Extension, Form, Router,
    extract::{Path, Query, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, post},
};
use backend::{
    Error,
    accounts::{self, address, recovery, second_factor},
    preferences::{self, NotificationKind},
    sessions,
};
use model::ProblemCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    form_response::{form_response, form_response_with_session, submitted},
    pages,
    router::AppState,
    session::SessionToken,
};

/// The routes behind the CSRF check.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/signin/code", post(sign_in_code))
        .route("/signin/forgot", post(forgot))
        .route("/signin/reset", post(reset))
        .route("/account/name", form_on(paths::ACCOUNT, post(rename)))
        .route("/account/email", form_on(paths::ACCOUNT, post(change_email)))
        .route("/account/email/confirm", post(confirm_email))
        .route("/account/confirm", post(confirm_password))
        .route(
            "/account/password",
            form_on(paths::SECURITY, post(change_password)),
        )
        .route(
            "/account/sessions/{id}/end",
            form_on(paths::SECURITY, post(end_session)),
        )
        .route(
            "/account/sessions/end-others",
            form_on(paths::SECURITY, post(end_other_sessions)),
        )
        .route(
            "/account/second-factor/begin",
            form_on(paths::SECURITY, post(begin_second_factor)),
        )
        .route(
            "/account/second-factor/confirm",
            form_on(paths::SECOND_FACTOR, post(confirm_second_factor)),
        )
        .route(
            "/account/second-factor/codes",
            form_on(paths::SECURITY, post(renew_codes)),
        )
        .route(
            "/account/second-factor/off",
            form_on(paths::SECURITY, post(turn_off_second_factor)),
        )
        .route("/account/email-preferences", post(set_preferences))
        .route(
            "/account/email-preferences/unsubscribe",
            form_on(paths::EMAIL_PREFERENCES, post(unsubscribe)),
        )
}

/// What mail programs call, outside of the CSRF check: the token of the letter is all that they have (RFC 8058).
pub(crate) fn mail_program_routes() -> Router<AppState> {
    Router::new().route(
        "/email/unsubscribe",
        post(unsubscribe_one_click).get(unsubscribe_page),
    )
}

/// A form that stands on another page: whoever comes to its address by hand is led there.
fn form_on(page: &'static str, form: MethodRouter<AppState>) -> MethodRouter<AppState> {
    form.get(move || async move { Redirect::to(page) })
}

#[derive(Deserialize)]
struct CodeForm {
    #[serde(default)]
    step: String,
    #[serde(default)]
    code: String,
    next: Option<String>,
}

async fn sign_in_code(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Extension(SessionToken(old)): Extension<SessionToken>,
    parts: Parts,
    Form(form): Form<CodeForm>,
) -> Response {
    let result = accounts::sign_in_with_code(&site.backend, &form.step, &form.code, old.as_deref())
        .await
        .map(|session| (paths::safe_next(form.next.as_deref()), session));
    // When the first step is too old, what is shown is the first step.
    let is_over = matches!(&result, Err(error) if error.code() == ProblemCode::NotFound);
    let values = submitted([
        ("step", Some(form.step).filter(|_| !is_over)),
        ("next", form.next),
    ]);
    form_response_with_session(&site, &visit, parts, paths::SIGN_IN_CODE, result, values).await
}

#[derive(Deserialize)]
struct EmailForm {
    #[serde(default)]
    email: String,
}

async fn forgot(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<EmailForm>,
) -> Response {
    let result = recovery::request(&site.backend, &form.email)
        .await
        .map(|()| paths::FORGOT_SENT.to_owned());
    form_response(
        &site,
        &visit,
        parts,
        paths::FORGOT,
        result,
        vec![("email", form.email)],
    )
    .await
}

#[derive(Deserialize)]
struct ResetForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: SecretString,
}

async fn reset(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<ResetForm>,
) -> Response {
    let result = recovery::reset(&site.backend, &form.token, form.password)
        .await
        .map(|()| paths::done(paths::SIGN_IN, "reset"));
    form_response(
        &site,
        &visit,
        parts,
        paths::RESET,
        result,
        vec![("token", form.token)],
    )
    .await
}

#[derive(Deserialize)]
struct NameForm {
    #[serde(default)]
    display_name: String,
}

async fn rename(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<NameForm>,
) -> Response {
    let result = accounts::rename(&site.backend, &visit.actor, &form.display_name)
        .await
        .map(|()| paths::done(paths::ACCOUNT, "name"));
    let values = vec![("display_name", form.display_name)];
    form_response(&site, &visit, parts, paths::ACCOUNT, result, values).await
}

async fn change_email(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<EmailForm>,
) -> Response {
    let result = address::request(&site.backend, &visit.actor, &form.email)
        .await
        .map(|()| paths::done(paths::ACCOUNT, "letter"));
    form_response(
        &site,
        &visit,
        parts,
        paths::ACCOUNT,
        result,
        vec![("email", form.email)],
    )
    .await
}

#[derive(Deserialize)]
struct TokenForm {
    #[serde(default)]
    token: String,
    everything: Option<String>,
}

async fn confirm_email(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<TokenForm>,
) -> Response {
    let next = if visit.me().is_some() {
        paths::ACCOUNT
    } else {
        paths::SIGN_IN
    };
    let result = address::confirm(&site.backend, &form.token)
        .await
        .map(|()| paths::done(next, "address"));
    form_response(
        &site,
        &visit,
        parts,
        paths::CONFIRM_EMAIL,
        result,
        vec![("token", form.token)],
    )
    .await
}

#[derive(Deserialize)]
struct ConfirmPasswordForm {
    #[serde(default)]
    password: SecretString,
    next: Option<String>,
}

async fn confirm_password(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<ConfirmPasswordForm>,
) -> Response {
    let next = paths::safe_next(form.next.as_deref().or(Some(paths::ACCOUNT)));
    let result = accounts::confirm_password(&site.backend, &visit.actor, form.password)
        .await
        .map(|session| (next.clone(), session));
    form_response_with_session(
        &site,
        &visit,
        parts,
        paths::CONFIRM_PASSWORD,
        result,
        vec![("next", next)],
    )
    .await
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    current: SecretString,
    #[serde(default)]
    password: SecretString,
}

async fn change_password(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<PasswordForm>,
) -> Response {
    let result = accounts::change_password(&site.backend, &visit.actor, form.current, form.password)
        .await
        .map(|session| (paths::done(paths::SECURITY, "password"), session));
    form_response_with_session(&site, &visit, parts, paths::SECURITY, result, Vec::new()).await
}

async fn end_session(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
) -> Response {
    let ended = async {
        let id = id.parse().map_err(|_| Error::not_found("session"))?;
        sessions::end_one(&site.backend, &visit.actor, id).await
    };
    let result = ended.await.map(|()| paths::done(paths::SECURITY, "session"));
    form_response(&site, &visit, parts, paths::SECURITY, result, Vec::new()).await
}

async fn end_other_sessions(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
) -> Response {
    let result = sessions::end_others(&site.backend, &visit.actor)
        .await
        .map(|_| paths::done(paths::SECURITY, "sessions"));
    form_response(&site, &visit, parts, paths::SECURITY, result, Vec::new()).await
}

async fn begin_second_factor(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
) -> Response {
    let result = second_factor::begin(&site.backend, &visit.actor)
        .await
        .map(|()| paths::SECOND_FACTOR.to_owned());
    form_response(&site, &visit, parts, paths::SECURITY, result, Vec::new()).await
}

async fn confirm_second_factor(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<CodeForm>,
) -> Response {
    let made = second_factor::confirm(&site.backend, &visit.actor, &form.code).await;
    codes(&site, &visit, parts, paths::SECOND_FACTOR, made).await
}

async fn renew_codes(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
) -> Response {
    let made = second_factor::renew_codes(&site.backend, &visit.actor).await;
    codes(&site, &visit, parts, paths::SECURITY, made).await
}

/// Shows new recovery codes: in the answer itself, because nobody can show them again.
async fn codes(
    site: &AppState,
    visit: &RequestContext,
    parts: Parts,
    page: &str,
    made: Result<Vec<String>, Error>,
) -> Response {
    match made {
        Ok(codes) => pages::step(site, parts, paths::SECOND_FACTOR, [("codes", codes.join(" "))]).await,
        Err(error) => form_response(site, visit, parts, page, Err(error), Vec::new()).await,
    }
}

async fn turn_off_second_factor(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
) -> Response {
    let result = second_factor::turn_off(&site.backend, &visit.actor)
        .await
        .map(|()| paths::done(paths::SECURITY, "second-factor-off"));
    form_response(&site, &visit, parts, paths::SECURITY, result, Vec::new()).await
}

async fn set_preferences(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let is_ticked = |kind: NotificationKind| fields.iter().any(|(name, _)| name == kind.as_str());
    let result = preferences::set(&site.backend, &visit.actor, is_ticked)
        .await
        .map(|()| paths::done(paths::EMAIL_PREFERENCES, "preferences"));
    form_response(&site, &visit, parts, paths::EMAIL_PREFERENCES, result, Vec::new()).await
}

async fn unsubscribe(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(form): Form<TokenForm>,
) -> Response {
    let everything = form.everything.is_some();
    let result = preferences::unsubscribe_by_link(&site.backend, &form.token, everything)
        .await
        .map(|_| {
            let page = paths::done(paths::EMAIL_PREFERENCES, "declined");
            format!("{page}&token={}", form.token)
        });
    let values = vec![("token", form.token)];
    form_response(&site, &visit, parts, paths::EMAIL_PREFERENCES, result, values).await
}

#[derive(Deserialize)]
struct TokenQuery {
    #[serde(default)]
    token: String,
}

/// One click in a mail program (RFC 8058). What the body says does not matter: programs that only look at links send no
/// POST. Sets no cookie, asks for none.
async fn unsubscribe_one_click(State(site): State<AppState>, Query(query): Query<TokenQuery>) -> Response {
    match preferences::unsubscribe_by_link(&site.backend, &query.token, false).await {
        Ok(_) => (StatusCode::OK, "You get no more e-mails of this kind.\n").into_response(),
        Err(error) => pages::plain_problem(&error, "unsubscribe"),
    }
}

/// A program that knows no one-click shows the address as a link; a GET must change nothing.
async fn unsubscribe_page(Query(query): Query<TokenQuery>) -> Redirect {
    let token: String = query
        .token
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .collect();
    Redirect::to(&format!("{}?token={token}", paths::EMAIL_PREFERENCES))
}
