//! Links by which whoever has them reads one report without an account.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use backend::{Error, analyses, shares};
use model::{AnalysisId, ShareId, share::SharedAudio};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::api::{
    call::{Call, parse_id},
    error::ApiError,
    once,
};

/// A link to a report.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateShare {
    /// For how many days it is good: 1, 7, 30 or 90.
    #[schemars(extend("enum" = [1, 7, 30, 90]))]
    days: u32,
    /// Whether the audio can be heard, too; it cannot where this is left out.
    #[serde(default)]
    includes_audio: bool,
}

pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let id: AnalysisId = call.id("analysis")?;
    let body: CreateShare = call.json()?;
    let audio = if body.includes_audio {
        SharedAudio::Included
    } else {
        SharedAudio::Withheld
    };
    let create = async |call: &Call| {
        let share = shares::create(call.backend(), &call.actor, id, body.days, audio).await?;
        Ok(share.to_string())
    };
    let show = async |call: &Call, share: &str| {
        let share: ShareId = parse_id(share, "link")?;
        let actor = call.actor.shown_its_own();
        let made = shares::list(call.backend(), &actor, Some(id)).await?;
        let made = made
            .into_iter()
            .find(|made| made.id == share)
            .ok_or_else(|| Error::not_found("link"))?;
        let body = wire::Share::of(made, &call.backend().config.base_url);
        Ok((StatusCode::CREATED, Json(body)).into_response())
    };
    once::perform(call, create, show).await
}

pub(crate) async fn of_analysis(call: Call) -> Result<Response, ApiError> {
    let id: AnalysisId = call.id("analysis")?;
    // That there is no such analysis is no empty list.
    analyses::progress(call.backend(), &call.actor, id).await?;
    Ok(listed(&call, Some(id)).await?)
}

pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    Ok(listed(&call, None).await?)
}

async fn listed(call: &Call, id: Option<AnalysisId>) -> Result<Response, Error> {
    let base_url = &call.backend().config.base_url;
    let shares = shares::list(call.backend(), &call.actor, id).await?;
    let rows = shares.into_iter().map(|share| wire::Share::of(share, base_url));
    Ok(Json(wire::Page::whole(rows)).into_response())
}

pub(crate) async fn remove(call: Call) -> Result<Response, ApiError> {
    shares::end(call.backend(), &call.actor, call.id("link")?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
