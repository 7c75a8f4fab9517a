//! `/api/v1`: the use cases of the pages for programs, each with a token in place of a cookie.
//!
//! A stack of its own: no cookie is read and none is set, so that there is no CSRF to refuse; what fails is a problem as JSON
//! (RFC 9457), with the cause logged once.

mod auth;
mod call;
mod documents;
mod error;
mod etag;
mod mcp;
mod once;
mod openapi;
mod prefer;
mod rate_limit;
mod v1;

pub(crate) use self::{
    documents::{event_schema, openapi, recipe_schema, report_schema, verdict_schema},
    error::respond,
    mcp::handler as mcp,
    rate_limit::ApiLimiter,
};

use axum::{
    Router, middleware,
    routing::{MethodRouter, delete, get, patch, post, put},
};
use model::routes::Api;

use crate::router::AppState;

/// The handler of an operation.
pub(crate) fn handler(operation: Api) -> MethodRouter<AppState> {
    match operation {
        Api::CreateUpload => post(v1::uploads::create),
        Api::UploadParts => get(v1::uploads::parts),
        Api::CreateAnalysis => post(v1::analyses::create),
        Api::ListAnalyses => get(v1::analyses::list),
        Api::GetAnalysis => get(v1::analyses::show),
        Api::RenameAnalysis => patch(v1::analyses::rename),
        Api::DeleteAnalysis => delete(v1::analyses::remove),
        Api::GetReport => get(v1::analyses::report),
        Api::GetVerdict => get(v1::analyses::verdict),
        Api::Judge => post(v1::analyses::judge),
        Api::AnalysisEvents => get(v1::events::stream),
        Api::GetComparison => get(v1::comparison::show),
        Api::Compare => put(v1::comparison::set),
        Api::GetPlan => get(v1::renders::plan),
        Api::ListRenders => get(v1::renders::list),
        Api::CreateRender => post(v1::renders::create),
        Api::ListAnalysisShares => get(v1::shares::of_analysis),
        Api::CreateShare => post(v1::shares::create),
        Api::ListReferences => get(v1::comparison::references),
        Api::ListSongs => get(v1::songs::list),
        Api::CreateSong => post(v1::songs::create),
        Api::GetSong => get(v1::songs::show),
        Api::RenameSong => patch(v1::songs::rename),
        Api::DeleteSong => delete(v1::songs::remove),
        Api::GetRender => get(v1::renders::show),
        Api::DeleteRender => delete(v1::renders::remove),
        Api::GetProof => get(v1::renders::proof),
        Api::GetRecipe => get(v1::renders::recipe),
        Api::GetRenderFile => get(v1::renders::file),
        Api::ListShares => get(v1::shares::list),
        Api::DeleteShare => delete(v1::shares::remove),
        Api::GetUsage => get(v1::usage::show),
        Api::CreateWebhookEndpoint => post(v1::webhooks::create),
        Api::ListWebhookEndpoints => get(v1::webhooks::list),
        Api::GetWebhookEndpoint => get(v1::webhooks::show),
        Api::UpdateWebhookEndpoint => patch(v1::webhooks::update),
        Api::DeleteWebhookEndpoint => delete(v1::webhooks::remove),
        Api::RotateWebhookSecret => post(v1::webhooks::rotate),
        Api::PingWebhookEndpoint => post(v1::webhooks::ping),
        Api::ListWebhookDeliveries => get(v1::webhooks::deliveries),
        Api::GetWebhookDelivery => get(v1::webhooks::delivery),
        Api::RedeliverWebhook => post(v1::webhooks::redeliver),
    }
}

/// Behind the layers that all stacks begin with. A request passes the first layer first.
pub(crate) fn stack(routes: Router<AppState>, site: &AppState) -> Router<AppState> {
    routes
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer((
            middleware::from_fn_with_state(site.clone(), error::render),
            middleware::from_fn_with_state(site.clone(), auth::resolve),
            middleware::from_fn_with_state(site.clone(), rate_limit::check),
            middleware::from_fn(etag::add),
        ))
}
