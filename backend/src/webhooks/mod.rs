//! Webhooks (P27): addresses that a person's programs are told of events at, by a signed POST.
//!
//! What happens is written as an event in the transaction in which it does ([`record`]), a job makes a delivery of it for each endpoint
//! that asked for it, and a job for each endpoint sends what is due there. So a process that is killed loses no event, nothing that was
//! rolled back is told, and a slow receiver holds up its own deliveries alone.

mod deliver;
mod events;
mod log;
mod secret;
mod sign;
mod store;

use std::{error::Error as StdError, time::Duration};

use model::{
    Problem, ProblemCode, Timestamp, WebhookDeliveryId, WebhookEndpointId, WebhookEventId,
    plan::Plan,
    webhook::{DisabledReason, EndpointState, EventType},
};

pub(crate) use self::{
    deliver::DeliverWebhooks,
    events::{FanOut, Happened, record},
    store::TABLES,
};
pub use self::{
    log::{Attempt, Delivery, deliveries, delivery, redeliver},
    secret::FreshSecret,
};
use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{Column, Db, Value, row, sql},
    idempotency, jobs, names,
    outbound::EndpointUrl,
    plans,
    retention::{self, ExpiredCount},
    transaction,
};

/// The most characters of a description.
pub const MAX_DESCRIPTION: usize = 120;

/// For how long the secret before a rotation signs as well, so that a receiver can change over without losing anything.
pub const ROTATION_OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// For how long events, deliveries and attempts are kept.
pub const LOG_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Test events that an endpoint may be sent within an hour.
const MAX_PINGS: u32 = 10;
const PINGS_WITHIN: Duration = Duration::from_secs(3600);

/// What an endpoint is told of; stored with a space between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypes(pub Vec<EventType>);

impl Column for EventTypes {
    type Raw<'r> = &'r str;

    fn from_raw(raw: &str) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self(raw.split(' ').map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl From<EventTypes> for Value {
    fn from(types: EventTypes) -> Self {
        let texts: Vec<&str> = types.0.into_iter().map(EventType::as_str).collect();
        texts.join(" ").into()
    }
}

row! {
    /// An endpoint, as its owner sees it. What signs is not in it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Endpoint {
        /// Its id.
        pub id: WebhookEndpointId,
        /// Where it is.
        pub url: EndpointUrl,
        /// What its owner says of it; may be empty.
        pub description: String,
        /// What it is told of.
        pub events: EventTypes,
        /// Whether it is sent anything.
        pub state: EndpointState,
        /// Why we disabled it; there when we did.
        pub disabled_reason: Option<DisabledReason>,
        /// The last four characters of its secret.
        pub secret_hint: String,
        /// Until when the secret before the last rotation signs as well.
        pub previous_until: Option<Timestamp>,
        /// The first attempt that failed since one worked.
        pub failing_since: Option<Timestamp>,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// An endpoint to make.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Where it is.
    pub url: String,
    /// What it is told of.
    pub events: Vec<EventType>,
    /// What its owner says of it.
    pub description: String,
}

/// What of an endpoint is to be changed; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct EndpointChanges {
    /// Where it is.
    pub url: Option<String>,
    /// What it is told of.
    pub events: Option<Vec<EventType>>,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Active or paused.
    pub state: Option<EndpointState>,
}

/// Makes an endpoint; its id, and its secret, which nobody can show again.
///
/// # Errors
/// `Invalid` on `url`, `events` or `description`; `Quota` where the plan allows no more; `Forbidden` for a token without the scope.
pub async fn create(
    backend: &Backend,
    actor: &Actor,
    new: NewEndpoint,
) -> Result<(WebhookEndpointId, FreshSecret)> {
    let owner = actor.owner(Scope::WriteWebhooks)?;
    let most = backend.config.plans.of(owner.plan).webhook_endpoints;
    if most == 0 {
        return Err(quota(most));
    }
    let url = parse_url(backend, &new.url)?;
    let events = clean_events(new.events)?;
    let description = clean_description(&new.description)?;
    let id = WebhookEndpointId(backend.new_id());
    let secret = FreshSecret::new(&*backend.entropy);
    let sealed = secret.sealed(backend, id)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(owner.account).await?;
        if store::count(tx, owner.account).await? >= most {
            return Err(quota(most));
        }
        let row = store::NewEndpointRow {
            id,
            account: owner.account,
            url: &url,
            description: &description,
            events: &events,
            secret_sealed: &sealed,
            secret_hint: secret.hint(),
            created_at: backend.now(),
        };
        store::insert(tx, &row).await?;
        idempotency::finish(tx, backend, actor, id).await
    })?;
    Ok((id, secret))
}

/// The endpoints of the account, the newest first.
///
/// # Errors
/// `Unauthenticated`; `Forbidden` for a token without the scope; the database does not answer.
pub async fn list(backend: &Backend, actor: &Actor) -> Result<Vec<Endpoint>> {
    Ok(store::list(&backend.db, actor.account(Scope::ReadWebhooks)?).await?)
}

/// Which of the endpoints of an account pause, because its plan has fewer: the oldest work.
#[must_use]
pub fn paused(backend: &Backend, plan: Plan, endpoints: &[Endpoint]) -> Vec<WebhookEndpointId> {
    let allowed = backend.config.plans.of(plan).webhook_endpoints;
    plans::paused(endpoints.iter().map(|endpoint| endpoint.id).collect(), allowed)
}

/// An endpoint.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn find(backend: &Backend, actor: &Actor, id: WebhookEndpointId) -> Result<Endpoint> {
    let account = actor.account(Scope::ReadWebhooks)?;
    store::find(&backend.db, account, id).await?.ok_or_else(missing)
}

/// Changes an endpoint. Whatever fails, nothing is changed.
///
/// # Errors
/// `NotFound`; `Invalid` on `url`, `events`, `description` or `state`.
pub async fn update(
    backend: &Backend,
    actor: &Actor,
    id: WebhookEndpointId,
    changes: EndpointChanges,
) -> Result<()> {
    let account = actor.account(Scope::WriteWebhooks)?;
    let url = changes.url.map(|url| parse_url(backend, &url)).transpose()?;
    let events = changes.events.map(clean_events).transpose()?;
    let description = changes
        .description
        .map(|text| clean_description(&text))
        .transpose()?;
    if changes.state == Some(EndpointState::Disabled) {
        return Err(Error::invalid("state", "Set it to active or to paused."));
    }
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let present = store::find_in(tx, account, id).await?.ok_or_else(missing)?;
        let row = store::ChangedRow {
            url: url.as_ref().unwrap_or(&present.url),
            events: events.as_ref().unwrap_or(&present.events),
            description: description.as_ref().unwrap_or(&present.description),
            state: changes.state.unwrap_or(present.state),
        };
        // What failed before says nothing of another address, nor of one whose owner says that it works again.
        let begins_anew = *row.url != present.url || row.state != present.state;
        store::update(tx, id, &row).await?;
        if begins_anew {
            store::forget_failures(tx, id).await?;
        }
        deliver::enqueue_where_due(tx, backend, account, id).await
    })?;
    backend.wake.wake();
    Ok(())
}

/// Sends nothing to an endpoint until it is resumed. What happens meanwhile is not kept for it; what waits is sent then.
///
/// # Errors
/// `NotFound`.
pub async fn pause(backend: &Backend, actor: &Actor, id: WebhookEndpointId) -> Result<()> {
    set_state(backend, actor, id, EndpointState::Paused).await
}

/// Goes on with an endpoint that was paused or disabled.
///
/// # Errors
/// `NotFound`.
pub async fn resume(backend: &Backend, actor: &Actor, id: WebhookEndpointId) -> Result<()> {
    set_state(backend, actor, id, EndpointState::Active).await
}

async fn set_state(
    backend: &Backend,
    actor: &Actor,
    id: WebhookEndpointId,
    state: EndpointState,
) -> Result<()> {
    let changes = EndpointChanges {
        state: Some(state),
        ..EndpointChanges::default()
    };
    update(backend, actor, id, changes).await
}

/// Gives an endpoint a new secret, which nobody can show again. The one before signs as well for [`ROTATION_OVERLAP`]; one that
/// still did because of an earlier rotation ends.
///
/// # Errors
/// `NotFound`.
pub async fn rotate(backend: &Backend, actor: &Actor, id: WebhookEndpointId) -> Result<FreshSecret> {
    let account = actor.account(Scope::WriteWebhooks)?;
    let secret = FreshSecret::new(&*backend.entropy);
    let sealed = secret.sealed(backend, id)?;
    let until = backend.now().plus(ROTATION_OVERLAP);
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::rotate(tx, account, id, &sealed, secret.hint(), until).await? {
            return Err(missing());
        }
        idempotency::finish(tx, backend, actor, id).await
    })?;
    Ok(secret)
}

/// Sends an endpoint a test event; its delivery.
///
/// # Errors
/// `NotFound`; `Conflict` where it is paused or disabled; `RateLimited` after [`MAX_PINGS`] within an hour.
pub async fn ping(backend: &Backend, actor: &Actor, id: WebhookEndpointId) -> Result<WebhookDeliveryId> {
    let account = actor.account(Scope::WriteWebhooks)?;
    let event = WebhookEventId(backend.new_id());
    let delivery = WebhookDeliveryId(backend.new_id());
    transaction!(backend.db, |tx| {
        let now = backend.now();
        tx.lock_account(account).await?;
        let endpoint = store::find_in(tx, account, id).await?.ok_or_else(missing)?;
        check_active(&endpoint)?;
        if store::count_pings(tx, id, now.minus(PINGS_WITHIN)).await? >= MAX_PINGS {
            return Err(Error::Problem(Problem {
                retry_after: Some(PINGS_WITHIN.as_secs()),
                ..Problem::new(
                    ProblemCode::RateLimited,
                    format!("An endpoint takes {MAX_PINGS} test events an hour. Try again later."),
                )
            }));
        }
        let row = store::NewEventRow {
            id: event,
            account,
            event_type: EventType::Ping,
            object: None,
            created_at: now,
        };
        store::insert_event(tx, &row).await?;
        store::insert_delivery(tx, delivery, account, id, event, now).await?;
        deliver::enqueue_where_due(tx, backend, account, id).await?;
        idempotency::finish(tx, backend, actor, delivery).await
    })?;
    backend.wake.wake();
    Ok(delivery)
}

/// Deletes an endpoint with everything that was sent to it.
///
/// # Errors
/// `NotFound`.
pub async fn delete(backend: &Backend, actor: &Actor, id: WebhookEndpointId) -> Result<()> {
    let account = actor.account(Scope::WriteWebhooks)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::delete(tx, account, id).await? {
            return Err(missing());
        }
        jobs::withdraw(tx, account, &DeliverWebhooks { endpoint: id }).await
    })
}

/// Where the endpoint of an email is, and why it was disabled; `None` where it was resumed or deleted since.
pub(crate) async fn disabled(
    backend: &Backend,
    id: WebhookEndpointId,
) -> Result<Option<(EndpointUrl, DisabledReason)>> {
    let row = store::disabled(&backend.db, id).await?;
    Ok(row.map(|row| (row.url, row.disabled_reason)))
}

/// How many endpoints are in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// Their deliveries fail at present.
    pub failing: i64,
    /// They were disabled, because their deliveries failed for long or they said that they are gone.
    pub disabled: i64,
}

/// How many endpoints of all accounts are in trouble.
///
/// # Errors
/// The database does not answer.
pub async fn trouble(db: &Db) -> Result<Trouble> {
    Ok(Trouble {
        failing: store::count_failing(db).await?,
        disabled: store::count_disabled(db).await?,
    })
}

/// Forgets events that are old, with what was sent of them; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let delete = sql(ended::DELETE).bind(backend.now().minus(LOG_KEPT));
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would forget now.
pub(crate) async fn expired(backend: &Backend) -> Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(LOG_KEPT));
    retention::count(&backend.db, "events of webhooks", count).await
}

mod ended {
    crate::db::ended!("webhook_event" by "id" where "created_at <= $1");
}

fn check_active(endpoint: &Endpoint) -> Result<()> {
    if endpoint.state == EndpointState::Active {
        return Ok(());
    }
    Err(Error::problem(
        ProblemCode::Conflict,
        "Nothing is sent to this endpoint at the moment. Resume it first.",
    ))
}

fn parse_url(backend: &Backend, text: &str) -> Result<EndpointUrl> {
    EndpointUrl::parse(text, backend.outbound.reach(), &backend.config.base_url)
}

/// In the order of the declaration, each once.
fn clean_events(events: Vec<EventType>) -> Result<EventTypes> {
    let wanted = EventType::SUBSCRIBABLE
        .into_iter()
        .filter(|kind| events.contains(kind));
    let wanted: Vec<EventType> = wanted.collect();
    if wanted.is_empty() {
        return Err(Error::invalid(
            "events",
            "Choose at least one event that the endpoint is told of.",
        ));
    }
    Ok(EventTypes(wanted))
}

fn clean_description(text: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    let text = names::clean_title(text, "description", "Say what it is for.")?;
    if text.chars().count() > MAX_DESCRIPTION {
        return Err(Error::invalid(
            "description",
            format!("Use at most {MAX_DESCRIPTION} characters."),
        ));
    }
    Ok(text)
}

fn missing() -> Error {
    Error::not_found("webhook endpoint")
}

fn quota(most: u32) -> Error {
    let message = match most {
        0 => "Your plan has no webhook endpoints. Pro and Studio have them.".to_owned(),
        _ => format!(
            "Your plan has {most} webhook endpoints, and all are in use. Delete one that you do not need any more."
        ),
    };
    Error::problem(ProblemCode::Quota, message)
}
