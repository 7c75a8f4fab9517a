//! What is used of the plan.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use backend::{Actor, Backend, Error, Scope, usage};
use model::upload::UploadKind;

use super::wire;
use crate::api::{call::Call, error::ApiError};

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    Ok(Json(of(call.backend(), &call.actor).await?).into_response())
}

/// What the plan of whoever asks has left.
pub(in crate::api) async fn of(backend: &Backend, actor: &Actor) -> Result<wire::Usage, Error> {
    let plan = actor.owner(Scope::ReadAnalyses)?.plan;
    let of_this_month = async |kind| -> Result<_, Error> { usage::of_this_month(backend, actor, kind).await };
    Ok(wire::Usage::of(
        plan,
        backend.config.plans.of(plan),
        of_this_month(UploadKind::Mix).await?,
        of_this_month(UploadKind::Reference).await?,
        usage::resets_at(backend.now()),
    ))
}
