//! The rows of webhooks. Every query of a person's carries the account: somebody else's row is not found.

use model::{
    AccountId, Timestamp, WebhookDeliveryId, WebhookEndpointId, WebhookEventId,
    plan::Plan,
    webhook::{DeliveryFailure, DeliveryState, DisabledReason, EndpointState, EventType, ObjectKind},
};
use uuid::Uuid;

use super::{
    Attempt, Delivery, Endpoint, EventTypes,
    deliver::{DueRow, TargetRow},
};
use crate::{
    Result,
    db::{Db, DbError, Tx, row, sql},
    outbound::EndpointUrl,
    tables::{Erase, REFERENCE, Table, in_batches, rows},
};

/// What is held here of a person. Attempts and deliveries go before what they belong to, because there may be many.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "webhook_attempt",
        title: "Requests to your webhook endpoints",
        about: "So that you see what your servers answered: the time, the status and the first 1,024 bytes.",
        kept: "30 days.",
        export: rows! {
            from "webhook_attempt" where Account is "account_id = $1"
            given {
                "id" Text "Number", "delivery_id" Text "Of delivery", "started_at" Time "Sent", "duration_ms" Number "Took, in milliseconds",
                "status" Number "Status", "failure" Text "What went wrong", "response" Text "Answer",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: in_batches!("webhook_attempt"),
    },
    Table {
        name: "webhook_delivery",
        title: "Deliveries to your webhook endpoints",
        about: "Which event goes to which endpoint, and whether it arrived.",
        kept: "30 days.",
        export: rows! {
            from "webhook_delivery" where Account is "account_id = $1"
            given {
                "id" Text "Number", "endpoint_id" Text "To", "event_id" Text "Event", "state" Text "State", "attempts" Number "Attempts",
                "next_attempt_at" Time "Sent next", "created_at" Time "Made",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: in_batches!("webhook_delivery"),
    },
    Table {
        name: "webhook_event",
        title: "Events for your webhook endpoints",
        about: "What happened that an endpoint of yours asked to be told of.",
        kept: "30 days.",
        export: rows! {
            from "webhook_event" where Account is "account_id = $1"
            given {
                "id" Text "Number", "event_type" Text "What", "object_kind" Text "To what", "object_id" Text "Which one",
                "created_at" Time "When",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: in_batches!("webhook_event"),
    },
    Table {
        name: "webhook_endpoint",
        title: "Webhook endpoints",
        about: "To tell your programs what happens, at the addresses that you gave. Of each secret its hash is stored, sealed.",
        kept: "Until you delete the endpoint.",
        export: rows! {
            from "webhook_endpoint" where Account is "account_id = $1"
            given {
                "id" Text "Number", "url" Text "Address", "description" Text "For", "events" Text "Told of", "state" Text "State",
                "disabled_reason" Text "Disabled because", "secret_hint" Text "Secret ends in", "previous_until" Time "Earlier secret ends",
                "failing_since" Time "Fails since", "created_at" Time "Made",
            }
            withheld {
                "account_id" REFERENCE, "secret_sealed" "is the key of the signatures", "previous_sealed" "is the earlier key of the signatures",
            }
        },
        erase: Erase::WithAccount,
    },
];

/// The columns of an [`Endpoint`].
macro_rules! endpoint_columns {
    () => {
        "id, url, description, events, state, disabled_reason, secret_hint, previous_until, failing_since, created_at"
    };
}

/// The columns of a [`Delivery`], with where they are from.
macro_rules! deliveries {
    () => {
        "SELECT webhook_delivery.id, endpoint_id, event_id, event_type, object_kind, object_id,
                webhook_event.created_at AS happened_at, state, next_attempt_at
         FROM webhook_delivery JOIN webhook_event ON webhook_event.id = event_id "
    };
}

/// An endpoint to store.
#[derive(Debug)]
pub(super) struct NewEndpointRow<'a> {
    pub(super) id: WebhookEndpointId,
    pub(super) account: AccountId,
    pub(super) url: &'a EndpointUrl,
    pub(super) description: &'a str,
    pub(super) events: &'a EventTypes,
    pub(super) secret_sealed: &'a str,
    pub(super) secret_hint: &'a str,
    pub(super) created_at: Timestamp,
}

pub(super) async fn insert(tx: &mut Tx, new: &NewEndpointRow<'_>) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO webhook_endpoint (id, account_id, url, description, events, state, secret_sealed, secret_hint, created_at)
        VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8)";
    let insert = sql(INSERT)
        .bind(new.id)
        .bind(new.account)
        .bind(new.url.clone())
        .bind(new.description)
        .bind(new.events.clone())
        .bind(new.secret_sealed)
        .bind(new.secret_hint)
        .bind(new.created_at);
    tx.execute(insert).await
}

/// How many an account has.
pub(super) async fn count(tx: &mut Tx, account: AccountId) -> Result<u32, DbError> {
    let count = sql("SELECT COUNT(*) FROM webhook_endpoint WHERE account_id = $1").bind(account);
    Ok(tx.scalar(count).await?.unwrap_or(0))
}

/// How many endpoints of all accounts have failed since one of their deliveries worked.
pub(super) async fn count_failing(db: &Db) -> Result<i64, DbError> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM webhook_endpoint WHERE state = 'active' AND failing_since IS NOT NULL";
    Ok(db.scalar(sql(COUNT)).await?.unwrap_or(0))
}

/// How many endpoints of all accounts are disabled.
pub(super) async fn count_disabled(db: &Db) -> Result<i64, DbError> {
    const COUNT: &str = "SELECT COUNT(*) FROM webhook_endpoint WHERE state = 'disabled'";
    Ok(db.scalar(sql(COUNT)).await?.unwrap_or(0))
}

/// Those of an account, the newest first.
pub(super) async fn list(db: &Db, account: AccountId) -> Result<Vec<Endpoint>, DbError> {
    const SELECT: &str = concat!(
        "SELECT ",
        endpoint_columns!(),
        " FROM webhook_endpoint WHERE account_id = $1 ORDER BY id DESC"
    );
    db.all(sql(SELECT).bind(account)).await
}

const FIND: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoint WHERE id = $1 AND account_id = $2"
);

pub(super) async fn find(
    db: &Db,
    account: AccountId,
    id: WebhookEndpointId,
) -> Result<Option<Endpoint>, DbError> {
    db.optional(sql(FIND).bind(id).bind(account)).await
}

/// The same as a transaction sees it.
pub(super) async fn find_in(
    tx: &mut Tx,
    account: AccountId,
    id: WebhookEndpointId,
) -> Result<Option<Endpoint>, DbError> {
    tx.optional(sql(FIND).bind(id).bind(account)).await
}

/// What an owner may change of an endpoint.
#[derive(Debug)]
pub(super) struct ChangedRow<'a> {
    pub(super) url: &'a EndpointUrl,
    pub(super) events: &'a EventTypes,
    pub(super) description: &'a str,
    pub(super) state: EndpointState,
}

pub(super) async fn update(tx: &mut Tx, id: WebhookEndpointId, row: &ChangedRow<'_>) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE webhook_endpoint
        SET url = $2, events = $3, description = $4, state = $5,
            disabled_reason = CASE WHEN $5 = 'disabled' THEN disabled_reason END
        WHERE id = $1";
    let update = sql(UPDATE)
        .bind(id)
        .bind(row.url.clone())
        .bind(row.events.clone())
        .bind(row.description)
        .bind(row.state);
    tx.execute(update).await
}

/// Gives an endpoint of the account another secret; whether there is one.
pub(super) async fn rotate(
    tx: &mut Tx,
    account: AccountId,
    id: WebhookEndpointId,
    sealed: &str,
    hint: &str,
    previous_until: Timestamp,
) -> Result<bool, DbError> {
    // `SET` sees the row as it was.
    const UPDATE: &str = "
        UPDATE webhook_endpoint
        SET previous_sealed = secret_sealed, previous_until = $5, secret_sealed = $3, secret_hint = $4
        WHERE id = $1 AND account_id = $2";
    let update = sql(UPDATE)
        .bind(id)
        .bind(account)
        .bind(sealed)
        .bind(hint)
        .bind(previous_until);
    Ok(tx.execute(update).await? == 1)
}

/// Removes an endpoint of the account with everything that was sent to it; whether there was one.
pub(super) async fn delete(tx: &mut Tx, account: AccountId, id: WebhookEndpointId) -> Result<bool, DbError> {
    const DELETE: &str = "DELETE FROM webhook_endpoint WHERE id = $1 AND account_id = $2";
    Ok(tx.execute(sql(DELETE).bind(id).bind(account)).await? == 1)
}

/// An event to store.
#[derive(Debug)]
pub(super) struct NewEventRow {
    pub(super) id: WebhookEventId,
    pub(super) account: AccountId,
    pub(super) event_type: EventType,
    pub(super) object: Option<(ObjectKind, String)>,
    pub(super) created_at: Timestamp,
}

pub(super) async fn insert_event(tx: &mut Tx, new: &NewEventRow) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO webhook_event (id, account_id, event_type, object_kind, object_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let (kind, id) = new.object.clone().unzip();
    let insert = sql(INSERT)
        .bind(new.id)
        .bind(new.account)
        .bind(new.event_type)
        .bind(kind)
        .bind(id)
        .bind(new.created_at);
    tx.execute(insert).await
}

row! {
    /// Whose an event is, and what it is.
    #[derive(Debug)]
    pub(super) struct EventRow {
        pub(super) account_id: AccountId,
        pub(super) event_type: EventType,
    }
}

pub(super) async fn event(tx: &mut Tx, id: WebhookEventId) -> Result<Option<EventRow>, DbError> {
    let select = sql("SELECT account_id, event_type FROM webhook_event WHERE id = $1").bind(id);
    tx.optional(select).await
}

row! {
    /// An endpoint that asks to be told.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct AskingRow {
        pub(super) id: WebhookEndpointId,
        /// The plan of its account.
        pub(super) plan: Plan,
        /// How many of the account's endpoints are older.
        pub(super) older: u32,
    }
}

/// The active endpoints of an account that are told of such events, the oldest first.
pub(super) async fn asking(
    tx: &mut Tx,
    account: AccountId,
    event_type: EventType,
) -> Result<Vec<AskingRow>, DbError> {
    const SELECT: &str = "
        SELECT webhook_endpoint.id, plan,
               (SELECT COUNT(*) FROM webhook_endpoint AS other WHERE other.account_id = $1 AND other.id < webhook_endpoint.id) AS older
        FROM webhook_endpoint JOIN account ON account.id = account_id
        WHERE account_id = $1 AND webhook_endpoint.state = 'active' AND ' ' || events || ' ' LIKE '% ' || $2 || ' %'
        ORDER BY webhook_endpoint.id";
    tx.all(sql(SELECT).bind(account).bind(event_type)).await
}

/// A delivery that is due at `now`; a second one of an event to an endpoint is not made.
pub(super) async fn insert_delivery(
    tx: &mut Tx,
    id: WebhookDeliveryId,
    account: AccountId,
    endpoint: WebhookEndpointId,
    event: WebhookEventId,
    now: Timestamp,
) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO webhook_delivery (id, account_id, endpoint_id, event_id, state, attempts, next_attempt_at, created_at)
        VALUES ($1, $2, $3, $4, 'waiting', 0, $5, $5)
        ON CONFLICT (event_id, endpoint_id) DO NOTHING";
    let insert = sql(INSERT)
        .bind(id)
        .bind(account)
        .bind(endpoint)
        .bind(event)
        .bind(now);
    tx.execute(insert).await
}

/// How many pings were made for an endpoint since.
pub(super) async fn count_pings(
    tx: &mut Tx,
    endpoint: WebhookEndpointId,
    since: Timestamp,
) -> Result<u32, DbError> {
    const COUNT: &str = "
        SELECT COUNT(*) FROM webhook_delivery JOIN webhook_event ON webhook_event.id = event_id
        WHERE endpoint_id = $1 AND event_type = 'ping' AND webhook_delivery.created_at > $2";
    Ok(tx
        .scalar(sql(COUNT).bind(endpoint).bind(since))
        .await?
        .unwrap_or(0))
}

/// An endpoint that may be sent to; `None` where it is gone, paused or disabled, or its account is closed.
pub(super) async fn target(db: &Db, id: WebhookEndpointId) -> Result<Option<TargetRow>, DbError> {
    const SELECT: &str = "
        SELECT account_id, url, secret_sealed, previous_sealed, previous_until
        FROM webhook_endpoint JOIN account ON account.id = account_id
        WHERE webhook_endpoint.id = $1 AND state = 'active' AND closed_at IS NULL";
    db.optional(sql(SELECT).bind(id)).await
}

/// Up to `count` deliveries to an endpoint whose time has come, those that have waited longest first.
pub(super) async fn due(
    db: &Db,
    endpoint: WebhookEndpointId,
    now: Timestamp,
    count: usize,
) -> Result<Vec<DueRow>, DbError> {
    const SELECT: &str = "
        SELECT webhook_delivery.id, attempts, event_id, event_type, object_kind, object_id,
               webhook_event.created_at AS happened_at
        FROM webhook_delivery JOIN webhook_event ON webhook_event.id = event_id
        WHERE endpoint_id = $1 AND state = 'waiting' AND next_attempt_at <= $2
        ORDER BY next_attempt_at, webhook_delivery.id LIMIT $3";
    let select = sql(SELECT).bind(endpoint).bind(now).bind(count as u64);
    db.all(select).await
}

/// When the next delivery to an endpoint is due; `None` where none waits, or it may not be sent to.
pub(super) async fn next_due(tx: &mut Tx, endpoint: WebhookEndpointId) -> Result<Option<Timestamp>, DbError> {
    const SELECT: &str = "
        SELECT next_attempt_at FROM webhook_delivery
        WHERE endpoint_id = $1 AND state = 'waiting'
          AND EXISTS (SELECT 1 FROM webhook_endpoint JOIN account ON account.id = account_id
                      WHERE webhook_endpoint.id = $1 AND state = 'active' AND closed_at IS NULL)
        ORDER BY next_attempt_at LIMIT 1";
    tx.scalar(sql(SELECT).bind(endpoint)).await
}

/// Whose an endpoint is.
pub(super) async fn owner(tx: &mut Tx, id: WebhookEndpointId) -> Result<Option<AccountId>, DbError> {
    tx.scalar(sql("SELECT account_id FROM webhook_endpoint WHERE id = $1").bind(id))
        .await
}

/// Counts an attempt at a delivery as it was when the attempt began; `false` where it is not so any more.
pub(super) async fn end_attempt(
    tx: &mut Tx,
    due: &DueRow,
    state: DeliveryState,
    next: Option<Timestamp>,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE webhook_delivery SET attempts = attempts + 1, state = $3, next_attempt_at = $4
        WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
    let update = sql(UPDATE).bind(due.id).bind(due.attempts).bind(state).bind(next);
    Ok(tx.execute(update).await? == 1)
}

/// An attempt to store.
#[derive(Debug)]
pub(super) struct NewAttemptRow {
    pub(super) id: Uuid,
    pub(super) account: AccountId,
    pub(super) delivery: WebhookDeliveryId,
    pub(super) started_at: Timestamp,
    pub(super) duration_ms: u64,
    pub(super) status: Option<u32>,
    pub(super) failure: Option<DeliveryFailure>,
    pub(super) response: Option<String>,
}

pub(super) async fn insert_attempt(tx: &mut Tx, new: &NewAttemptRow) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO webhook_attempt (id, account_id, delivery_id, started_at, duration_ms, status, failure, response)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let insert = sql(INSERT)
        .bind(new.id.simple().to_string())
        .bind(new.account)
        .bind(new.delivery)
        .bind(new.started_at)
        .bind(new.duration_ms)
        .bind(new.status)
        .bind(new.failure)
        .bind(new.response.clone());
    tx.execute(insert).await
}

/// Notes that an attempt worked, or that what failed before does not count any more.
pub(super) async fn forget_failures(tx: &mut Tx, id: WebhookEndpointId) -> Result<u64, DbError> {
    const UPDATE: &str =
        "UPDATE webhook_endpoint SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL";
    tx.execute(sql(UPDATE).bind(id)).await
}

/// Notes that an attempt failed; since when all have. `None` where the endpoint is gone.
pub(super) async fn note_failure(
    tx: &mut Tx,
    id: WebhookEndpointId,
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    const UPDATE: &str = "
        UPDATE webhook_endpoint SET failing_since = COALESCE(failing_since, $2) WHERE id = $1 RETURNING failing_since";
    tx.scalar(sql(UPDATE).bind(id).bind(now)).await
}

/// active → disabled; whether it was active.
pub(super) async fn disable(
    tx: &mut Tx,
    id: WebhookEndpointId,
    reason: DisabledReason,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE webhook_endpoint SET state = 'disabled', disabled_reason = $2 WHERE id = $1 AND state = 'active'";
    Ok(tx.execute(sql(UPDATE).bind(id).bind(reason)).await? == 1)
}

row! {
    /// What the email about a disabled endpoint says.
    #[derive(Debug)]
    pub(super) struct DisabledRow {
        pub(super) url: EndpointUrl,
        pub(super) disabled_reason: DisabledReason,
    }
}

pub(super) async fn disabled(db: &Db, id: WebhookEndpointId) -> Result<Option<DisabledRow>, DbError> {
    const SELECT: &str =
        "SELECT url, disabled_reason FROM webhook_endpoint WHERE id = $1 AND state = 'disabled'";
    db.optional(sql(SELECT).bind(id)).await
}

/// The deliveries to an endpoint, the newest first; those before `before`, where it is given.
pub(super) async fn deliveries(
    db: &Db,
    endpoint: WebhookEndpointId,
    before: Option<WebhookDeliveryId>,
    count: usize,
) -> Result<Vec<Delivery>, DbError> {
    const SELECT: &str = concat!(
        deliveries!(),
        "WHERE endpoint_id = $1 AND webhook_delivery.id < $2 ORDER BY webhook_delivery.id DESC LIMIT $3"
    );
    // Beyond every id: the digits end with `f`.
    let before = before.map_or("g".to_owned(), |id| id.to_string());
    db.all(sql(SELECT).bind(endpoint).bind(before).bind(count as u64))
        .await
}

pub(super) async fn delivery(
    db: &Db,
    account: AccountId,
    id: WebhookDeliveryId,
) -> Result<Option<Delivery>, DbError> {
    const SELECT: &str = concat!(
        deliveries!(),
        "WHERE webhook_delivery.id = $1 AND webhook_delivery.account_id = $2"
    );
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

/// The attempts at the deliveries to an endpoint from `oldest` to `newest`, in the order in which they were made.
pub(super) async fn attempts_between(
    db: &Db,
    endpoint: WebhookEndpointId,
    oldest: WebhookDeliveryId,
    newest: WebhookDeliveryId,
) -> Result<Vec<Attempt>, DbError> {
    const SELECT: &str = "
        SELECT delivery_id, started_at, duration_ms, webhook_attempt.status, failure, response
        FROM webhook_attempt JOIN webhook_delivery ON webhook_delivery.id = delivery_id
        WHERE endpoint_id = $1 AND webhook_delivery.id >= $2 AND webhook_delivery.id <= $3
        ORDER BY webhook_attempt.id";
    db.all(sql(SELECT).bind(endpoint).bind(oldest).bind(newest)).await
}

/// Where a delivery of the account goes.
pub(super) async fn endpoint_of(
    tx: &mut Tx,
    account: AccountId,
    id: WebhookDeliveryId,
) -> Result<Option<WebhookEndpointId>, DbError> {
    const SELECT: &str = "SELECT endpoint_id FROM webhook_delivery WHERE id = $1 AND account_id = $2";
    tx.scalar(sql(SELECT).bind(id).bind(account)).await
}

/// Has a delivery sent now: one that has ended begins anew. `false` where it is due already.
pub(super) async fn send_again(tx: &mut Tx, id: WebhookDeliveryId, now: Timestamp) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE webhook_delivery
        SET attempts = CASE WHEN state = 'waiting' THEN attempts ELSE 0 END, state = 'waiting', next_attempt_at = $2
        WHERE id = $1 AND (state <> 'waiting' OR next_attempt_at > $2)";
    Ok(tx.execute(sql(UPDATE).bind(id).bind(now)).await? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::some_account;

    const NOW: Timestamp = Timestamp(1_000);

    fn endpoint_id(number: u128) -> WebhookEndpointId {
        WebhookEndpointId(Uuid::from_u128(number))
    }

    fn delivery_id(number: u128) -> WebhookDeliveryId {
        WebhookDeliveryId(Uuid::from_u128(number))
    }

    async fn insert_one(
        db: &Db,
        account: AccountId,
        number: u128,
        events: &[EventType],
    ) -> WebhookEndpointId {
        let new = NewEndpointRow {
            id: endpoint_id(number),
            account,
            url: &"https://example.org/".parse().unwrap(),
            description: "Catalogue",
            events: &EventTypes(events.to_vec()),
            secret_sealed: "sealed-1",
            secret_hint: "1234",
            created_at: NOW,
        };
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        new.id
    }

    /// An event and its delivery, both of the number.
    async fn deliver_one(
        db: &Db,
        account: AccountId,
        endpoint: WebhookEndpointId,
        number: u128,
    ) -> WebhookDeliveryId {
        let event = WebhookEventId(Uuid::from_u128(number));
        let new = NewEventRow {
            id: event,
            account,
            event_type: EventType::AnalysisComplete,
            object: Some((ObjectKind::Analysis, "a".to_owned())),
            created_at: Timestamp(5),
        };
        let mut tx = db.begin().await.unwrap();
        insert_event(&mut tx, &new).await.unwrap();
        let id = delivery_id(number);
        assert_eq!(
            insert_delivery(&mut tx, id, account, endpoint, event, NOW)
                .await
                .unwrap(),
            1
        );
        let again = delivery_id(number + 1_000);
        assert_eq!(
            insert_delivery(&mut tx, again, account, endpoint, event, NOW)
                .await
                .unwrap(),
            0,
            "once"
        );
        tx.commit().await.unwrap();
        id
    }

    crate::contract! {
        async fn an_endpoint_is_its_accounts_own(db: &Db) {
            let (owner, other) = (some_account(db, 1).await, some_account(db, 2).await);
            let id = insert_one(db, owner, 1, &[EventType::AnalysisComplete, EventType::AudioDeleted]).await;
            let found = find(db, owner, id).await.unwrap().unwrap();
            assert_eq!((found.state, found.description.as_str()), (EndpointState::Active, "Catalogue"));
            assert_eq!(found.events.0, [EventType::AnalysisComplete, EventType::AudioDeleted]);
            assert_eq!(find(db, other, id).await.unwrap(), None);
            assert_eq!(list(db, other).await.unwrap(), []);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(count(&mut tx, owner).await.unwrap(), 1);
            assert!(!rotate(&mut tx, other, id, "sealed-2", "5678", Timestamp(9)).await.unwrap());
            assert!(rotate(&mut tx, owner, id, "sealed-2", "5678", Timestamp(9)).await.unwrap());
            assert!(!delete(&mut tx, other, id).await.unwrap());
            tx.commit().await.unwrap();
            let target = target(db, id).await.unwrap().unwrap();
            assert_eq!((target.secret_sealed.as_str(), target.previous_sealed.as_deref()), ("sealed-2", Some("sealed-1")));
            assert_eq!(target.previous_until, Some(Timestamp(9)));
            let mut tx = db.begin().await.unwrap();
            assert!(delete(&mut tx, owner, id).await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(list(db, owner).await.unwrap(), []);
        }

        async fn only_active_endpoints_that_asked_for_it_are_told(db: &Db) {
            let (owner, other) = (some_account(db, 1).await, some_account(db, 2).await);
            let one = insert_one(db, owner, 1, &[EventType::AnalysisComplete]).await;
            insert_one(db, owner, 2, &[EventType::AnalysisFailed, EventType::RenderComplete]).await;
            insert_one(db, other, 3, &[EventType::AnalysisComplete]).await;
            let mut tx = db.begin().await.unwrap();
            let asking = async |tx: &mut Tx, event_type| -> Vec<WebhookEndpointId> {
                let rows = asking(tx, owner, event_type).await.unwrap();
                rows.into_iter().map(|row| row.id).collect()
            };
            assert_eq!(asking(&mut tx, EventType::AnalysisComplete).await, [one]);
            assert_eq!(asking(&mut tx, EventType::AudioDeleted).await, []);
            assert!(disable(&mut tx, one, DisabledReason::Gone).await.unwrap());
            assert!(!disable(&mut tx, one, DisabledReason::Failing).await.unwrap(), "once");
            assert_eq!(asking(&mut tx, EventType::AnalysisComplete).await, []);
            tx.commit().await.unwrap();
            assert!(target(db, one).await.unwrap().is_none());
            assert_eq!(disabled(db, one).await.unwrap().unwrap().disabled_reason, DisabledReason::Gone);
            let found = find(db, owner, one).await.unwrap().unwrap();
            let row = ChangedRow { url: &found.url, events: &found.events, description: "", state: EndpointState::Active };
            let mut tx = db.begin().await.unwrap();
            update(&mut tx, one, &row).await.unwrap();
            tx.commit().await.unwrap();
            let found = find(db, owner, one).await.unwrap().unwrap();
            assert_eq!((found.state, found.disabled_reason), (EndpointState::Active, None));
        }

        async fn an_attempt_is_counted_once_and_a_closed_account_is_sent_nothing(db: &Db) {
            let owner = some_account(db, 1).await;
            let endpoint = insert_one(db, owner, 1, &[EventType::AnalysisComplete]).await;
            let id = deliver_one(db, owner, endpoint, 10).await;
            assert!(due(db, endpoint, Timestamp(999), 4).await.unwrap().is_empty(), "not before its time");
            let found = due(db, endpoint, NOW, 4).await.unwrap();
            assert_eq!((found[0].id, found[0].attempts, found[0].happened_at), (id, 0, Timestamp(5)));
            let mut tx = db.begin().await.unwrap();
            let later = Timestamp(2_000);
            assert!(end_attempt(&mut tx, &found[0], DeliveryState::Waiting, Some(later)).await.unwrap());
            assert!(!end_attempt(&mut tx, &found[0], DeliveryState::Waiting, Some(later)).await.unwrap(), "once");
            assert_eq!(next_due(&mut tx, endpoint).await.unwrap(), Some(later));
            assert_eq!(note_failure(&mut tx, endpoint, NOW).await.unwrap(), Some(NOW));
            assert_eq!(note_failure(&mut tx, endpoint, later).await.unwrap(), Some(NOW), "the first one counts");
            assert_eq!(forget_failures(&mut tx, endpoint).await.unwrap(), 1);
            assert!(send_again(&mut tx, id, NOW).await.unwrap(), "earlier than it would be");
            assert!(!send_again(&mut tx, id, NOW).await.unwrap(), "it is due");
            tx.commit().await.unwrap();
            assert_eq!(due(db, endpoint, NOW, 4).await.unwrap()[0].attempts, 1, "the same round");
            let mut tx = db.begin().await.unwrap();
            let now = due(db, endpoint, NOW, 4).await.unwrap();
            assert!(end_attempt(&mut tx, &now[0], DeliveryState::Failed, None).await.unwrap());
            assert!(send_again(&mut tx, id, NOW).await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(due(db, endpoint, NOW, 4).await.unwrap()[0].attempts, 0, "a new round");
            db.execute(sql("UPDATE account SET closed_at = 1")).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            assert_eq!(next_due(&mut tx, endpoint).await.unwrap(), None);
            drop(tx);
            assert!(target(db, endpoint).await.unwrap().is_none());
        }

        async fn the_log_is_read_from_the_newest_on_with_the_attempts_of_each(db: &Db) {
            let (owner, other) = (some_account(db, 1).await, some_account(db, 2).await);
            let endpoint = insert_one(db, owner, 1, &[EventType::AnalysisComplete]).await;
            for number in [10, 11, 12] {
                let id = deliver_one(db, owner, endpoint, number).await;
                let new = NewAttemptRow {
                    id: Uuid::from_u128(100 + number), account: owner, delivery: id, started_at: NOW, duration_ms: 12,
                    status: Some(500), failure: Some(DeliveryFailure::Status), response: Some("no".to_owned()),
                };
                let mut tx = db.begin().await.unwrap();
                insert_attempt(&mut tx, &new).await.unwrap();
                tx.commit().await.unwrap();
            }
            let ids = |rows: Vec<Delivery>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
            assert_eq!(ids(deliveries(db, endpoint, None, 2).await.unwrap()), [delivery_id(12), delivery_id(11)]);
            assert_eq!(ids(deliveries(db, endpoint, Some(delivery_id(11)), 2).await.unwrap()), [delivery_id(10)]);
            let between = attempts_between(db, endpoint, delivery_id(11), delivery_id(12)).await.unwrap();
            assert_eq!(between.len(), 2);
            assert_eq!((between[0].status, between[0].failure), (Some(500), Some(DeliveryFailure::Status)));
            assert!(delivery(db, owner, delivery_id(10)).await.unwrap().is_some());
            assert!(delivery(db, other, delivery_id(10)).await.unwrap().is_none());
            let mut tx = db.begin().await.unwrap();
            assert_eq!(endpoint_of(&mut tx, owner, delivery_id(10)).await.unwrap(), Some(endpoint));
            assert_eq!(endpoint_of(&mut tx, other, delivery_id(10)).await.unwrap(), None);
            assert_eq!(count_pings(&mut tx, endpoint, Timestamp(0)).await.unwrap(), 0);
            assert_eq!(owner_of(&mut tx, endpoint).await, Some(owner));
        }
    }

    async fn owner_of(tx: &mut Tx, id: WebhookEndpointId) -> Option<AccountId> {
        owner(tx, id).await.unwrap()
    }
}
