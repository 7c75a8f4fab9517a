//! What was sent, as its owner reads it, and sent once more by hand.

use model::{
    ProblemCode, Timestamp, WebhookDeliveryId, WebhookEndpointId, WebhookEventId,
    webhook::{DeliveryFailure, DeliveryState, EventType, ObjectKind},
};

use super::{check_active, deliver, missing, store};
use crate::{Actor, Backend, Error, Result, Scope, db::row, idempotency, transaction};

/// Deliveries on a page.
const PAGE: usize = 25;

row! {
    /// An event on its way to an endpoint.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Delivery {
        /// Its id.
        pub id: WebhookDeliveryId,
        /// Where it goes.
        pub endpoint_id: WebhookEndpointId,
        /// The event, which the header `webhook-id` names.
        pub event_id: WebhookEventId,
        /// What happened.
        pub event_type: EventType,
        /// What it happened to; none for a ping.
        pub object_kind: Option<ObjectKind>,
        /// The id of that.
        pub object_id: Option<String>,
        /// When it happened.
        pub happened_at: Timestamp,
        /// Where it stands.
        pub state: DeliveryState,
        /// When it is sent next; there while it waits.
        pub next_attempt_at: Option<Timestamp>,
    }
}

row! {
    /// One request to an endpoint.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Attempt {
        /// Of which delivery.
        pub delivery_id: WebhookDeliveryId,
        /// When it was sent.
        pub started_at: Timestamp,
        /// How long the answer took, in milliseconds.
        pub duration_ms: u64,
        /// The status of the answer, where there was one.
        pub status: Option<u32>,
        /// Why it failed; none where it did not.
        pub failure: Option<DeliveryFailure>,
        /// The beginning of the answer's body.
        pub response: Option<String>,
    }
}

/// A page of what was sent to an endpoint, the newest first, each with its attempts in their order, and the id to ask for the next page
/// with. `before` is the one that the page before gave.
///
/// # Errors
/// `NotFound` where there is no such endpoint, or it is somebody else's; `Invalid` on `before`.
pub async fn deliveries(
    backend: &Backend,
    actor: &Actor,
    endpoint: WebhookEndpointId,
    before: Option<&str>,
) -> Result<(Vec<(Delivery, Vec<Attempt>)>, Option<WebhookDeliveryId>)> {
    let account = actor.account(Scope::ReadWebhooks)?;
    let before = before
        .map(str::parse::<WebhookDeliveryId>)
        .transpose()
        .map_err(|_| Error::invalid("before", "Take the value of `next` of the page before."))?;
    store::find(&backend.db, account, endpoint)
        .await?
        .ok_or_else(missing)?;
    let mut rows = store::deliveries(&backend.db, endpoint, before, PAGE + 1).await?;
    let next = (rows.len() > PAGE).then(|| rows.truncate(PAGE));
    let next = next.and_then(|()| rows.last()).map(|row| row.id);
    let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else {
        return Ok((Vec::new(), None));
    };
    let attempts = store::attempts_between(&backend.db, endpoint, oldest.id, newest.id).await?;
    let with_attempts = |delivery: Delivery| {
        let own = attempts
            .iter()
            .filter(|attempt| attempt.delivery_id == delivery.id);
        let own = own.cloned().collect();
        (delivery, own)
    };
    Ok((rows.into_iter().map(with_attempts).collect(), next))
}

/// One delivery with its attempts in their order.
///
/// # Errors
/// `NotFound`.
pub async fn delivery(
    backend: &Backend,
    actor: &Actor,
    id: WebhookDeliveryId,
) -> Result<(Delivery, Vec<Attempt>)> {
    let account = actor.account(Scope::ReadWebhooks)?;
    let found = store::delivery(&backend.db, account, id).await?;
    let found = found.ok_or_else(|| Error::not_found("delivery"))?;
    let attempts = store::attempts_between(&backend.db, found.endpoint_id, id, id).await?;
    Ok((found, attempts))
}

/// Sends an event once more, at once: with the same id and another time stamp. One that has ended begins a new round of attempts.
///
/// # Errors
/// `NotFound`; `Conflict` where the endpoint is paused or disabled, or the delivery is being sent.
pub async fn redeliver(backend: &Backend, actor: &Actor, id: WebhookDeliveryId) -> Result<WebhookEndpointId> {
    let account = actor.account(Scope::WriteWebhooks)?;
    let endpoint = transaction!(backend.db, |tx| {
        let now = backend.now();
        tx.lock_account(account).await?;
        let endpoint = store::endpoint_of(tx, account, id)
            .await?
            .ok_or_else(|| Error::not_found("delivery"))?;
        let found = store::find_in(tx, account, endpoint).await?.ok_or_else(missing)?;
        check_active(&found)?;
        if !store::send_again(tx, id, now).await? {
            return Err(Error::problem(
                ProblemCode::Conflict,
                "This delivery is due already, and sent in a moment.",
            ));
        }
        deliver::enqueue_where_due(tx, backend, account, endpoint).await?;
        idempotency::finish(tx, backend, actor, id).await?;
        Ok(endpoint)
    })?;
    backend.wake.wake();
    Ok(endpoint)
}
