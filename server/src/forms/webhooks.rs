//! Webhook endpoints.

use std::collections::BTreeMap;

use app::{EVENTS, FRESH_SECRET, STANDARD_SECRET};
use axum::response::Response;
use backend::{
    Error,
    webhooks::{self, EndpointChanges, FreshSecret, NewEndpoint},
};
use model::{WebhookDeliveryId, WebhookEndpointId, paths, routes::Page, webhook::EventType};
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted};

#[derive(Debug, Deserialize)]
pub(crate) struct WebhookForm {
    #[serde(default)]
    url: String,
    #[serde(default)]
    event: Vec<EventType>,
    #[serde(default)]
    description: String,
}

pub(crate) async fn create(Submitted { mut form, fields }: Submitted<WebhookForm>) -> Response {
    keep_events(&mut form, &fields.event);
    let new = NewEndpoint {
        url: fields.url,
        events: fields.event,
        description: fields.description,
    };
    let made = webhooks::create(form.backend(), form.actor(), new).await;
    form.reply(made.map(|(_, secret)| shown_once(Page::Webhooks, &secret)))
        .await
}

pub(crate) async fn update(
    PathId(id): PathId<WebhookEndpointId>,
    Submitted { mut form, fields }: Submitted<WebhookForm>,
) -> Response {
    keep_events(&mut form, &fields.event);
    let changes = EndpointChanges {
        url: Some(fields.url),
        events: Some(fields.event),
        description: Some(fields.description),
        state: None,
    };
    let done = webhooks::update(form.backend(), form.actor(), id, changes).await;
    form.reply(done.map(|()| back_to(id, "webhook"))).await
}

pub(crate) async fn ping(PathId(id): PathId<WebhookEndpointId>, form: FormRequest) -> Response {
    let done = webhooks::ping(form.backend(), form.actor(), id).await;
    form.reply(done.map(|_| back_to(id, "webhook-pinged"))).await
}

pub(crate) async fn pause(PathId(id): PathId<WebhookEndpointId>, form: FormRequest) -> Response {
    let done = webhooks::pause(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| back_to(id, "webhook-paused"))).await
}

pub(crate) async fn resume(PathId(id): PathId<WebhookEndpointId>, form: FormRequest) -> Response {
    let done = webhooks::resume(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| back_to(id, "webhook-resumed"))).await
}

pub(crate) async fn rotate(PathId(id): PathId<WebhookEndpointId>, form: FormRequest) -> Response {
    let made = webhooks::rotate(form.backend(), form.actor(), id).await;
    form.reply(made.map(|secret| shown_once(Page::Webhook, &secret)))
        .await
}

pub(crate) async fn delete(PathId(id): PathId<WebhookEndpointId>, form: FormRequest) -> Response {
    let done = webhooks::delete(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| FormReply::to(paths::done(paths::WEBHOOKS, "webhook-deleted"))))
        .await
}

pub(crate) async fn redeliver(PathId(id): PathId<WebhookDeliveryId>, form: FormRequest) -> Response {
    let done: Result<WebhookEndpointId, Error> = webhooks::redeliver(form.backend(), form.actor(), id).await;
    form.reply(done.map(|endpoint| back_to(endpoint, "webhook-sent-again")))
        .await
}

fn back_to(id: WebhookEndpointId, done: &str) -> FormReply {
    FormReply::to(paths::done(&paths::webhook(id), done))
}

/// In the answer itself, because nobody can show it again.
fn shown_once(page: Page, secret: &FreshSecret) -> FormReply {
    FormReply::NextStep {
        page,
        values: BTreeMap::from([
            (FRESH_SECRET.to_owned(), secret.text().to_owned()),
            (STANDARD_SECRET.to_owned(), secret.standard()),
        ]),
    }
}

fn keep_events(form: &mut FormRequest, ticked: &[EventType]) {
    let ticked: Vec<&str> = ticked.iter().map(|kind| kind.as_str()).collect();
    form.keep(EVENTS, ticked.join(" "));
}
