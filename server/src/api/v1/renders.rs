//! Corrective renders of a mix (P06): what one would do, made by a recipe, proved, and fetched.

use analysis::render::{Container, SampleFormat};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use backend::{
    Actor, Error,
    renders::{self, RecipeFormat, RenderView, UnknownSteps, Wishes},
};
use model::{AnalysisId, ProblemCode, RenderId, paths};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::api::{
    call::{Call, parameters, parse_id, refused, unknown_parameter},
    error::ApiError,
    once,
    prefer::{self, ASK_AGAIN_S, Patience, Work},
};

/// What is wanted of a render; what is left out is as the plan proposes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CreateRender {
    /// `keep` for the loudness of the mix, `level` for that of `lufs`, or the name of a platform in the report.
    target: Option<String>,
    /// The loudness of the result, with the target `level`: −36 to −5.
    #[schemars(range(min = *renders::LEVELS_LUFS.start(), max = *renders::LEVELS_LUFS.end()))]
    lufs: Option<f64>,
    /// What true peaks stay below: −6 to −0.1.
    #[schemars(range(min = *renders::CEILINGS_DBTP.start(), max = *renders::CEILINGS_DBTP.end()))]
    ceiling_dbtp: Option<f64>,
    /// `wav` or `flac`.
    #[schemars(with = "Option<Container>")]
    container: Option<String>,
    /// `int16`, `int24` or `float32`; those of the mix where it is left out, 24 bits at least.
    #[schemars(with = "Option<SampleFormat>")]
    samples: Option<String>,
    /// Steps of the plan that are to be other than it proposes.
    steps: Vec<ChangedStep>,
}

/// A step of the plan that is to be other than it proposes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangedStep {
    /// Its name in the plan.
    name: String,
    /// Whether it is done.
    #[serde(default)]
    is_on: Option<bool>,
    /// Its amount, in the unit and range of the plan.
    #[serde(default)]
    amount: Option<f64>,
}

impl CreateRender {
    /// As the form of the page sends it: one reading for both.
    pub(in crate::api) fn wishes(&self) -> Result<Wishes, Error> {
        let number = |value: Option<f64>| value.map(|value| value.to_string());
        let mut fields: Vec<(String, String)> = [
            (renders::TARGET, self.target.clone()),
            (renders::LUFS, number(self.lufs)),
            (renders::CEILING, number(self.ceiling_dbtp)),
            (renders::CONTAINER, self.container.clone()),
            (renders::SAMPLES, self.samples.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        for step in &self.steps {
            if let Some(is_on) = step.is_on {
                let field = if is_on { renders::STEP } else { renders::SHOWN };
                fields.push((field.to_owned(), step.name.clone()));
            }
            if let Some(amount) = number(step.amount) {
                fields.push((format!("{}{}", renders::AMOUNT, step.name), amount));
            }
        }
        Wishes::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

pub(crate) async fn plan(call: Call) -> Result<Response, ApiError> {
    let known = [
        renders::TARGET,
        renders::LUFS,
        renders::CEILING,
        renders::CONTAINER,
        renders::SAMPLES,
    ];
    let query = parameters(&call.parts.uri)?;
    if let Some((name, _)) = query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(unknown_parameter(name).into());
    }
    // The form of the page sends both with every target, where they may stand for nothing; a program means what it sends.
    for (name, range) in [
        (renders::LUFS, renders::LEVELS_LUFS),
        (renders::CEILING, renders::CEILINGS_DBTP),
    ] {
        let is_within = |value: &str| {
            value
                .trim()
                .parse()
                .is_ok_and(|value: f64| range.contains(&value))
        };
        if query
            .iter()
            .any(|(sent, value)| sent == name && !is_within(value))
        {
            let message = format!("Send a number from {} to {}.", range.start(), range.end());
            return Err(refused(name, &message).into());
        }
    }
    let wishes = Wishes::from_fields(query.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let view = renders::plan(call.backend(), &call.actor, call.id("analysis")?, &wishes).await?;
    Ok(Json(wire::RenderPlan::of(view)).into_response())
}

pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let id: AnalysisId = call.id("analysis")?;
    // That there is no such analysis is no empty list.
    backend::analyses::progress(call.backend(), &call.actor, id).await?;
    let renders = renders::of_analysis(call.backend(), &call.actor, id).await?;
    let base_url = &call.backend().config.base_url;
    let rows = renders
        .into_iter()
        .map(|render| wire::Render::of(render, base_url));
    Ok(Json(wire::Page::whole(rows)).into_response())
}

pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let id: AnalysisId = call.id("analysis")?;
    let body: CreateRender = call.json()?;
    let start = async |call: &Call| {
        let wishes = body.wishes()?;
        let (backend, actor) = (call.backend(), &call.actor);
        let render = renders::start(backend, actor, id, &wishes, UnknownSteps::Refused).await?;
        Ok(render.to_string())
    };
    once::perform(call, start, created).await
}

async fn created(call: &Call, id: &str) -> Result<Response, Error> {
    let id = parse_id(id, "render")?;
    let response = answer(call, &call.actor.shown_its_own(), id, StatusCode::CREATED).await?;
    Ok(call.located(response, &paths::api_render(id)))
}

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    Ok(answer(&call, &call.actor, call.id("render")?, StatusCode::OK).await?)
}

/// The render, waited for as the program prefers.
async fn answer(call: &Call, actor: &Actor, id: RenderId, ended: StatusCode) -> Result<Response, Error> {
    let backend = call.backend();
    Patience::of(call.headers())
        .spent_on(backend, actor, model::analysis::Work::Render(id))
        .await?;
    let view = renders::view(backend, actor, id).await?;
    let work = Work::of(view.summary.progress.state);
    let body = wire::Render::of(view.summary, &backend.config.base_url);
    Ok(prefer::answer(call.headers(), body, work, ended))
}

pub(crate) async fn remove(call: Call) -> Result<Response, ApiError> {
    renders::delete(call.backend(), &call.actor, call.id("render")?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn proof(call: Call) -> Result<Response, ApiError> {
    let mut view = renders::view(call.backend(), &call.actor, call.id("render")?).await?;
    let proof = view.proof.take().ok_or_else(|| no_proof(&view))?;
    Ok(Json(wire::Proof::from(proof)).into_response())
}

fn no_proof(view: &RenderView) -> Error {
    let mut problem = model::Problem::new(
        ProblemCode::Conflict,
        "This render failed, so that there will be no proof. The render says why.",
    );
    if view.summary.failure.is_none() {
        problem.message =
            "There is no proof yet. Ask for the render with `Prefer: wait=50` until its state is done."
                .to_owned();
        problem.retry_after = Some(ASK_AGAIN_S);
    }
    Error::Problem(problem)
}

pub(crate) async fn recipe(call: Call) -> Result<Response, ApiError> {
    let id = call.id("render")?;
    let recipe = renders::recipe(call.backend(), &call.actor, id, RecipeFormat::Json).await?;
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Ok((headers, recipe.content).into_response())
}

pub(crate) async fn file(call: Call) -> Result<Response, ApiError> {
    let link = renders::download(call.backend(), &call.actor, call.id("render")?).await?;
    Ok(Json(wire::Link::from(link)).into_response())
}
