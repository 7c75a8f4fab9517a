//! What happened: written in the transaction in which it did, then made a delivery for each endpoint that asked for it.

use std::time::Duration;

use model::{
    AccountId, AnalysisId, RenderId, WebhookDeliveryId, WebhookEndpointId, WebhookEventId,
    webhook::{EventType, ObjectKind},
};
use serde::{Deserialize, Serialize};

use super::{deliver, store};
use crate::{
    Backend, Result,
    db::Tx,
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    plans, transaction,
};

/// What may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A file was measured.
    AnalysisComplete(AnalysisId),
    /// A file could not be measured.
    AnalysisFailed(AnalysisId),
    /// A render is ready.
    RenderComplete(RenderId),
    /// A render could not be made.
    RenderFailed(RenderId),
    /// The audio of an analysis was removed.
    AudioDeleted(AnalysisId),
}

impl Happened {
    const fn event_type(self) -> EventType {
        match self {
            Self::AnalysisComplete(_) => EventType::AnalysisComplete,
            Self::AnalysisFailed(_) => EventType::AnalysisFailed,
            Self::RenderComplete(_) => EventType::RenderComplete,
            Self::RenderFailed(_) => EventType::RenderFailed,
            Self::AudioDeleted(_) => EventType::AudioDeleted,
        }
    }

    fn object(self) -> (ObjectKind, String) {
        match self {
            Self::AnalysisComplete(id) | Self::AnalysisFailed(id) | Self::AudioDeleted(id) => {
                (ObjectKind::Analysis, id.to_string())
            }
            Self::RenderComplete(id) | Self::RenderFailed(id) => (ObjectKind::Render, id.to_string()),
        }
    }
}

/// The endpoints that are told: of those that asked, as many as the plan has, the oldest. The others pause.
async fn told(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    event_type: EventType,
) -> Result<Vec<WebhookEndpointId>> {
    let asking = store::asking(tx, account, event_type).await?;
    let allowed = |plan| backend.config.plans.of(plan).webhook_endpoints;
    Ok(asking
        .into_iter()
        .filter(|row| !plans::is_paused(row.older, allowed(row.plan)))
        .map(|row| row.id)
        .collect())
}

/// Writes down in the transaction of the fact what happened, where an endpoint of the account asked to be told. Wake the workers after
/// the commit.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn record(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    happened: Happened,
) -> Result<()> {
    let event_type = happened.event_type();
    if told(tx, backend, account, event_type).await?.is_empty() {
        return Ok(());
    }
    let event = WebhookEventId(backend.new_id());
    let row = store::NewEventRow {
        id: event,
        account,
        event_type,
        object: Some(happened.object()),
        created_at: backend.now(),
    };
    store::insert_event(tx, &row).await?;
    let options = EnqueueOptions {
        account: Some(account),
        ..EnqueueOptions::default()
    };
    jobs::enqueue(tx, backend, &FanOut { event }, options).await?;
    Ok(())
}

/// Makes a delivery of an event for each endpoint that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FanOut {
    /// The event.
    pub(super) event: WebhookEventId,
}

impl Job for FanOut {
    const POLICY: Policy = Policy {
        kind: "fan_out_event",
        queue: Queue::Webhook,
        max_attempts: 20,
        timeout: Duration::from_secs(60),
    };
}

impl RunJob<Backend> for FanOut {
    /// Exactly once: the deliveries and the end of the job are one transaction.
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        transaction!(backend.db, |tx| {
            let now = backend.now();
            // Gone with its account, or because it is old.
            if let Some(event) = store::event(tx, self.event).await? {
                tx.lock_account(event.account_id).await?;
                for endpoint in told(tx, backend, event.account_id, event.event_type).await? {
                    let id = WebhookDeliveryId(backend.new_id());
                    store::insert_delivery(tx, id, event.account_id, endpoint, self.event, now).await?;
                    deliver::enqueue_where_due(tx, backend, event.account_id, endpoint).await?;
                }
            }
            lease.finish_in(tx, now).await?;
            Ok(())
        })?;
        backend.wake.wake();
        Ok(())
    }
}
