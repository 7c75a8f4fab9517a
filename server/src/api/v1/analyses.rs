//! Analyses: made of an upload whose bytes are there; read, listed, renamed, judged again, deleted.

use axum::{
    Json,
    extract::{FromRequest as _, Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use backend::{
    Actor, Backend, Error,
    analyses::{self, PAGE_ROWS},
    sample,
    tokens::KnownToken,
    uploads,
};
use model::{
    AnalysisId, Problem, ProblemCode, Report, Verdict, analysis::AnalysisView, history::HistoryQuery, paths,
    verdict::Stage,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::{
    api::{
        call::{Call, cursor_error, parameters, parse_id, refused, unknown_parameter},
        error::ApiError,
        once,
        prefer::{self, ASK_AGAIN_S, Patience, Work},
    },
    router::AppState,
};

/// An upload whose bytes are there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAnalysis {
    /// The upload; with a test token `sample`.
    upload: String,
}

/// What of an analysis can be changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameAnalysis {
    /// Its new title.
    #[schemars(length(min = 1, max = model::song::MAX_TITLE))]
    title: String,
}

/// What an analysis is to be judged as.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judge {
    /// A mix or a master; what is detected where it is left out.
    #[serde(default)]
    stage: Option<Stage>,
}

pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let body: CreateAnalysis = call.json()?;
    let complete = async |call: &Call| {
        let analysis = self::complete(call.backend(), &call.actor, body.upload.clone()).await?;
        Ok(analysis.to_string())
    };
    once::perform(call, complete, created).await
}

/// Makes an analysis of an upload whose bytes are there, or of the sample.
pub(in crate::api) async fn complete(
    backend: &Backend,
    actor: &Actor,
    upload: String,
) -> Result<AnalysisId, Error> {
    let completed = if upload == sample::UPLOAD {
        uploads::complete_sample(backend, actor).await?
    } else {
        uploads::complete(backend, actor, parse_id(&upload, "upload")?).await?
    };
    Ok(completed.analysis)
}

/// 201 where the work has ended, within the time that the program would wait; else 202.
async fn created(call: &Call, id: &str) -> Result<Response, Error> {
    let actor = call.actor.shown_its_own();
    let id = parse_id(id, "analysis")?;
    let response = answer(call, &actor, id, StatusCode::CREATED).await?;
    Ok(call.located(response, &paths::api_analysis(id)))
}

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    Ok(answer(&call, &call.actor, call.id("analysis")?, StatusCode::OK).await?)
}

/// The analysis, waited for as the program prefers. One that has not ended is answered with 202 and when to ask again.
async fn answer(call: &Call, actor: &Actor, id: AnalysisId, ended: StatusCode) -> Result<Response, Error> {
    let backend = call.backend();
    Patience::of(call.headers())
        .spent_on(backend, actor, model::analysis::Work::Analysis(id))
        .await?;
    let view = analyses::view(backend, actor, id).await?;
    let work = Work::of(view.summary.progress.state);
    let body = wire::Analysis::of(view.summary, &backend.config.base_url);
    Ok(prefer::answer(call.headers(), body, work, ended))
}

pub(crate) async fn list(State(site): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let asked = Asked::of(request.uri());
    let known = match (request.extensions().get::<KnownToken>(), &asked) {
        (Some(token), Ok(asked)) => {
            analyses::list_while_known(&site.backend, token, &asked.query, asked.after.as_deref())
                .await
                .map_err(|error| cursor_error(error, "after"))?
        }
        _ => None,
    };
    let page = match known {
        Some(page) => page,
        None => {
            let call = match Call::from_request(request, &site).await {
                Ok(call) => call,
                Err(refused) => return Ok(refused),
            };
            let asked = asked?;
            analyses::list(&site.backend, &call.actor, &asked.query, asked.after.as_deref())
                .await
                .map_err(|error| cursor_error(error, "after"))?
        }
    };
    listed(&wire::Page::of(page, &site.backend.config.base_url))
}

/// A page as JSON, with room for it from the start: it grows eight times otherwise.
fn listed(page: &wire::Page<wire::Analysis>) -> Result<Response, ApiError> {
    let mut body = Vec::with_capacity(512 * PAGE_ROWS as usize);
    serde_json::to_writer(&mut body, page).map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What is to be listed.
struct Asked {
    query: HistoryQuery,
    after: Option<String>,
}

impl Asked {
    fn of(address: &Uri) -> Result<Self, Error> {
        let mut parameters = parameters(address)?;
        let after = parameters
            .iter()
            .position(|(name, _)| name == "after")
            .map(|at| parameters.remove(at).1);
        if let Some((name, _)) = parameters
            .iter()
            .find(|(name, _)| !matches!(name.as_str(), "q" | "state" | "stage" | "song" | "order"))
        {
            return Err(unknown_parameter(name));
        }
        let pairs = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let query = HistoryQuery::of(pairs).map_err(|name| {
            refused(
                name,
                "This parameter has no such value. The page of the API lists them.",
            )
        })?;
        Ok(Self { query, after })
    }
}

pub(crate) async fn rename(call: Call) -> Result<Response, ApiError> {
    let id = call.id("analysis")?;
    let body: RenameAnalysis = call.json()?;
    analyses::rename(call.backend(), &call.actor, id, &body.title).await?;
    let view = analyses::view(call.backend(), &call.actor, id).await?;
    let body = wire::Analysis::of(view.summary, &call.backend().config.base_url);
    Ok(Json(body).into_response())
}

pub(crate) async fn remove(call: Call) -> Result<Response, ApiError> {
    analyses::delete(call.backend(), &call.actor, call.id("analysis")?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn report(call: Call) -> Result<Response, ApiError> {
    Ok(Json(measured(&call).await?.0).into_response())
}

pub(crate) async fn verdict(call: Call) -> Result<Response, ApiError> {
    Ok(Json(judged(measured(&call).await?.1)?).into_response())
}

pub(crate) async fn judge(call: Call) -> Result<Response, ApiError> {
    let id: AnalysisId = call.id("analysis")?;
    let body: Judge = call.json()?;
    let judge = async |call: &Call| {
        analyses::judge_again(call.backend(), &call.actor, id, body.stage).await?;
        Ok(id.to_string())
    };
    let show = async |call: &Call, _: &str| Ok(Json(judged(measured(call).await?.1)?).into_response());
    once::perform(call, judge, show).await
}

/// The report and the view that it was taken from.
async fn measured(call: &Call) -> Result<(Report, AnalysisView), Error> {
    let mut view = analyses::view(call.backend(), &call.actor, call.id("analysis")?).await?;
    match view.report.take() {
        Some(report) => Ok((report, view)),
        None => Err(no_report(&view)),
    }
}

fn no_report(view: &AnalysisView) -> Error {
    match &view.summary.failure {
        Some(_) => Error::problem(
            ProblemCode::Conflict,
            "This file could not be measured, so that there will be no report. The analysis says why.",
        ),
        None => Error::Problem(Problem {
            retry_after: Some(ASK_AGAIN_S),
            ..Problem::new(
                ProblemCode::Conflict,
                "There is no report yet. Ask for the analysis with `Prefer: wait=50`, or follow its events, until its state is done.",
            )
        }),
    }
}

fn judged(view: AnalysisView) -> Result<Verdict, Error> {
    view.verdict
        .ok_or_else(|| Error::problem(ProblemCode::Conflict, "A reference is measured and not judged."))
}
