//! What is used of the plan.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use backend::{Error, Scope, usage};
use model::upload::UploadKind;

use super::wire;
use crate::api::{call::Call, error::ApiError};

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    let backend = call.backend();
    let plan = call.actor.owner(Scope::ReadAnalyses)?.plan;
    let of_this_month =
        async |kind| -> Result<_, Error> { usage::of_this_month(backend, &call.actor, kind).await };
    let body = wire::Usage::of(
        plan,
        backend.config.plans.of(plan),
        of_this_month(UploadKind::Mix).await?,
        of_this_month(UploadKind::Reference).await?,
        usage::resets_at(backend.now()),
    );
    Ok(Json(body).into_response())
}
