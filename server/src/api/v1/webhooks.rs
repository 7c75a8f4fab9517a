//! Webhook endpoints, and what was sent to them.

use std::sync::OnceLock;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use backend::{
    Error,
    webhooks::{self, EndpointChanges, FreshSecret, NewEndpoint},
};
use model::{
    WebhookDeliveryId, WebhookEndpointId,
    webhook::{EndpointState, EventType},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::api::{
    call::{Call, parse_id, refused},
    error::ApiError,
    once,
};

/// An endpoint to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateWebhookEndpoint {
    /// Where it is: an `https` address on the public internet.
    #[schemars(url)]
    url: String,
    /// What it is told of; at least one.
    #[schemars(schema_with = "events")]
    events: Vec<String>,
    /// What it is for, for people.
    #[serde(default)]
    description: String,
}

/// What of an endpoint can be changed; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateWebhookEndpoint {
    /// Where it is.
    url: Option<String>,
    /// What it is told of.
    events: Option<Vec<String>>,
    /// What it is for, for people.
    description: Option<String>,
    /// `paused` sends nothing to it; `active` goes on.
    state: Option<String>,
}

fn events(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "minItems": 1,
        "items": { "type": "string", "enum": EventType::SUBSCRIBABLE.map(EventType::as_str) }
    })
}

pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let body: CreateWebhookEndpoint = call.json()?;
    let fresh = OnceLock::new();
    let make = async |call: &Call| {
        let new = NewEndpoint {
            url: body.url.clone(),
            events: event_types(&body.events)?,
            description: body.description.clone(),
        };
        let (id, secret) = webhooks::create(call.backend(), &call.actor, new).await?;
        let _ = fresh.set(secret);
        Ok(id.to_string())
    };
    let show = async |call: &Call, id: &str| {
        let id = parse_id(id, "webhook endpoint")?;
        Ok((StatusCode::CREATED, endpoint_of(call, id, fresh.get()).await?).into_response())
    };
    once::perform(call, make, show).await
}

pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let endpoints = webhooks::list(call.backend(), &call.actor).await?;
    let now = call.backend().now();
    let rows = endpoints
        .into_iter()
        .map(|endpoint| wire::WebhookEndpoint::of(endpoint, None, now));
    Ok(Json(wire::Page::whole(rows)).into_response())
}

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    let id = call.id("webhook endpoint")?;
    Ok(endpoint_of(&call, id, None).await?.into_response())
}

pub(crate) async fn update(call: Call) -> Result<Response, ApiError> {
    let id = call.id("webhook endpoint")?;
    let body: UpdateWebhookEndpoint = call.json()?;
    let state = body.state.map(|state| {
        let known = state.parse::<EndpointState>();
        known.map_err(|_| refused("state", "Set it to `active` or to `paused`."))
    });
    let changes = EndpointChanges {
        url: body.url,
        events: body.events.as_deref().map(event_types).transpose()?,
        description: body.description,
        state: state.transpose()?,
    };
    webhooks::update(call.backend(), &call.actor, id, changes).await?;
    Ok(endpoint_of(&call, id, None).await?.into_response())
}

pub(crate) async fn remove(call: Call) -> Result<Response, ApiError> {
    let id = call.id("webhook endpoint")?;
    webhooks::delete(call.backend(), &call.actor, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn rotate(call: Call) -> Result<Response, ApiError> {
    let fresh = OnceLock::new();
    let make = async |call: &Call| {
        let id: WebhookEndpointId = call.id("webhook endpoint")?;
        let secret = webhooks::rotate(call.backend(), &call.actor, id).await?;
        let _ = fresh.set(secret);
        Ok(id.to_string())
    };
    let show = async |call: &Call, id: &str| {
        let id = parse_id(id, "webhook endpoint")?;
        Ok(endpoint_of(call, id, fresh.get()).await?.into_response())
    };
    once::perform(call, make, show).await
}

pub(crate) async fn ping(call: Call) -> Result<Response, ApiError> {
    let make = async |call: &Call| {
        let id = call.id("webhook endpoint")?;
        let delivery = webhooks::ping(call.backend(), &call.actor, id).await?;
        Ok(delivery.to_string())
    };
    let show = async |call: &Call, id: &str| {
        let delivery = delivery_of(call, parse_id(id, "delivery")?).await?;
        Ok((StatusCode::CREATED, delivery).into_response())
    };
    once::perform(call, make, show).await
}

pub(crate) async fn deliveries(call: Call) -> Result<Response, ApiError> {
    let id = call.id("webhook endpoint")?;
    let before = call.only_parameter("before")?;
    let (deliveries, next) = webhooks::deliveries(call.backend(), &call.actor, id, before.as_deref()).await?;
    let body = wire::Page {
        data: deliveries.into_iter().map(wire::WebhookDelivery::from).collect(),
        next: next.map(|id| id.to_string()),
    };
    Ok(Json(body).into_response())
}

pub(crate) async fn delivery(call: Call) -> Result<Response, ApiError> {
    Ok(delivery_of(&call, call.id("delivery")?).await?.into_response())
}

pub(crate) async fn redeliver(call: Call) -> Result<Response, ApiError> {
    let make = async |call: &Call| {
        let id: WebhookDeliveryId = call.id("delivery")?;
        webhooks::redeliver(call.backend(), &call.actor, id).await?;
        Ok(id.to_string())
    };
    let show = async |call: &Call, id: &str| {
        Ok(delivery_of(call, parse_id(id, "delivery")?)
            .await?
            .into_response())
    };
    once::perform(call, make, show).await
}

/// An event that is not among these is refused with those that are, so that a spelling mistake is found at once.
fn event_types(names: &[String]) -> Result<Vec<EventType>, Error> {
    let parse = |name: &String| {
        let known = EventType::SUBSCRIBABLE
            .into_iter()
            .find(|kind| kind.as_str() == name);
        known.ok_or_else(|| {
            let all = EventType::SUBSCRIBABLE.map(|kind| format!("`{kind}`"));
            refused("events", &format!("Choose among {}.", all.join(", ")))
        })
    };
    names.iter().map(parse).collect()
}

async fn endpoint_of(
    call: &Call,
    id: WebhookEndpointId,
    secret: Option<&FreshSecret>,
) -> Result<Json<wire::WebhookEndpoint>, Error> {
    let found = webhooks::find(call.backend(), &call.actor, id).await?;
    Ok(Json(wire::WebhookEndpoint::of(
        found,
        secret,
        call.backend().now(),
    )))
}

async fn delivery_of(call: &Call, id: WebhookDeliveryId) -> Result<Json<wire::WebhookDelivery>, Error> {
    let found = webhooks::delivery(call.backend(), &call.actor, id).await?;
    Ok(Json(found.into()))
}
