//! References, and a mix beside them (P05).

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use backend::{Error, analyses};
use model::{AnalysisId, comparison::ComparedTrack};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::api::{
    call::{Call, cursor_error, parse_id},
    error::ApiError,
};

/// What a mix is to be compared with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compare {
    /// Analyses of references, or of other mixes; with none it is compared with nothing.
    with: Vec<String>,
}

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    Ok(compared(&call, call.id("analysis")?).await?)
}

pub(crate) async fn set(call: Call) -> Result<Response, ApiError> {
    let id = call.id("analysis")?;
    let body: Compare = call.json()?;
    let with: Vec<AnalysisId> = body
        .with
        .iter()
        .map(|id| parse_id(id, "analysis"))
        .collect::<Result<_, _>>()?;
    analyses::compare_with(call.backend(), &call.actor, id, &with).await?;
    Ok(compared(&call, id).await?)
}

async fn compared(call: &Call, id: AnalysisId) -> Result<Response, Error> {
    let view = analyses::view(call.backend(), &call.actor, id).await?;
    let body = match view.compared {
        None => wire::Compared {
            with: Vec::new(),
            comparison: None,
        },
        Some(compared) => wire::Compared {
            with: compared.with.into_iter().map(reference).collect(),
            comparison: Some(compared.comparison),
        },
    };
    Ok(Json(body).into_response())
}

fn reference(track: ComparedTrack) -> wire::Reference {
    wire::Reference {
        id: track.id.to_string(),
        kind: track.kind,
        title: track.title,
    }
}

pub(crate) async fn references(call: Call) -> Result<Response, ApiError> {
    let before = call.only_parameter("before")?;
    let page = analyses::references(call.backend(), &call.actor, before.as_deref())
        .await
        .map_err(|error| cursor_error(error, "before"))?;
    let body = wire::Page::of(page, &call.backend().config.base_url);
    Ok(Json(body).into_response())
}
