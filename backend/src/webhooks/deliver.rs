//! Deliveries: a job for each endpoint that has something due, which sends it, a few at a time, and looks once more before it ends.
//!
//! So a receiver that hangs costs one worker, whatever waits for it. An attempt is counted together with what came of it: a process that
//! is killed in between repeats that attempt, with the same id.

use std::time::{Duration, Instant, SystemTime};

use futures::future::join_all;
use http::{HeaderName, header};
use model::{
    AccountId, Timestamp, WebhookDeliveryId, WebhookEndpointId, WebhookEventId, paths,
    webhook::{DeliveryFailure, DeliveryState, DisabledReason, Event, EventObject, EventType, ObjectKind},
};
use serde::{Deserialize, Serialize};

use super::{
    secret,
    sign::{Key, signatures},
    store,
};
use crate::{
    Backend, Result,
    db::{Tx, row},
    entropy::Entropy,
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, Notification},
    outbound::{EndpointUrl, OutboundError, OutboundResponse},
    transaction,
};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

const MINUTE: Duration = Duration::from_secs(60);

/// How long after each attempt that failed the next one is made, ± 20 %; after the last of them there is none. The schedule of Svix,
/// which other senders keep to as well: 27 hours and a half in all.
const RETRIES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(10 * 3600),
];

/// How long a receiver may ask to be left alone for by `Retry-After`.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// After how long of nothing but failures an endpoint is disabled.
pub(super) const DISABLED_AFTER: Duration = Duration::from_secs(5 * 24 * 3600);

/// Requests to one endpoint at once.
const AT_ONCE: usize = 4;

/// After this long a job begins nothing more, and leaves what is due to its successor: others have waited, too.
const WORKS_FOR: Duration = Duration::from_secs(10);

/// Sends what is due to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliverWebhooks {
    /// The endpoint.
    pub(super) endpoint: WebhookEndpointId,
}

impl Job for DeliverWebhooks {
    const POLICY: Policy = Policy {
        kind: "deliver_webhooks",
        queue: Queue::Webhook,
        max_attempts: 20,
        timeout: Duration::from_secs(120),
    };
}

row! {
    /// What is needed to send something to an endpoint that may be sent to.
    #[derive(Debug)]
    pub(super) struct TargetRow {
        pub(super) account_id: AccountId,
        pub(super) url: EndpointUrl,
        pub(super) secret_sealed: String,
        pub(super) previous_sealed: Option<String>,
        pub(super) previous_until: Option<Timestamp>,
    }
}

row! {
    /// A delivery whose time has come.
    #[derive(Debug)]
    pub(super) struct DueRow {
        pub(super) id: WebhookDeliveryId,
        /// Those before this one.
        pub(super) attempts: u32,
        pub(super) event_id: WebhookEventId,
        pub(super) event_type: EventType,
        pub(super) object_kind: Option<ObjectKind>,
        pub(super) object_id: Option<String>,
        pub(super) happened_at: Timestamp,
    }
}

/// What came of an attempt.
#[derive(Debug)]
struct Outcome {
    started_at: Timestamp,
    duration: Duration,
    answer: Result<OutboundResponse, DeliveryFailure>,
}

/// Has what waits for an endpoint sent when it is due, and at once where it is.
pub(super) async fn enqueue_where_due(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    endpoint: WebhookEndpointId,
) -> Result<()> {
    if let Some(next) = store::next_due(tx, endpoint).await? {
        jobs::enqueue_by(tx, backend, &DeliverWebhooks { endpoint }, account, next).await?;
    }
    Ok(())
}

impl RunJob<Backend> for DeliverWebhooks {
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        let begun = Instant::now();
        while begun.elapsed() < WORKS_FOR {
            let Some(target) = store::target(&backend.db, self.endpoint).await? else {
                break;
            };
            let due = store::due(&backend.db, self.endpoint, backend.now(), AT_ONCE).await?;
            if due.is_empty() {
                break;
            }
            let sending = due.iter().map(|due| self.attempt(backend, &target, due));
            let outcomes = tokio::select! {
                outcomes = join_all(sending) => outcomes,
                () = lease.cancelled() => return Err(JobError::retry("stopped while it was sending")),
            };
            for (due, outcome) in due.iter().zip(outcomes) {
                self.settle(backend, &target, due, outcome).await?;
            }
            lease.gets_on(&backend.db).await?;
        }
        self.end(backend, lease).await?;
        Ok(())
    }

    /// Nothing is given up with it: a successor goes on a little later.
    async fn on_dead(self, backend: &Backend) -> Result<()> {
        transaction!(backend.db, |tx| {
            let Some(account) = store::owner(tx, self.endpoint).await? else {
                return Ok(());
            };
            tx.lock_account(account).await?;
            if store::next_due(tx, self.endpoint).await?.is_some() {
                let later = backend.now().plus(5 * MINUTE);
                jobs::enqueue_by(tx, backend, &self, account, later).await?;
            }
            Ok(())
        })
    }
}

impl DeliverWebhooks {
    /// One request.
    async fn attempt(self, backend: &Backend, target: &TargetRow, due: &DueRow) -> Outcome {
        let started_at = backend.now();
        let begun = Instant::now();
        let answer = match self.keys(backend, target) {
            Ok(keys) => send(backend, &target.url, &keys, due, started_at)
                .await
                .map_err(failure_of),
            Err(error) => {
                tracing::error!(%error, "a webhook cannot be signed");
                Err(DeliveryFailure::Secret)
            }
        };
        Outcome {
            started_at,
            duration: begun.elapsed(),
            answer,
        }
    }

    /// The key, and for a day after a rotation the one before as well.
    fn keys(self, backend: &Backend, target: &TargetRow) -> Result<Vec<Key>> {
        let mut keys = vec![secret::open(backend, self.endpoint, &target.secret_sealed)?];
        if let Some(previous) = &target.previous_sealed
            && target.previous_until.is_some_and(|until| until > backend.now())
        {
            keys.push(secret::open(backend, self.endpoint, previous)?);
        }
        Ok(keys)
    }

    /// Writes down what came of an attempt: once, where two workers made it because one of them had lost its lease.
    async fn settle(
        self,
        backend: &Backend,
        target: &TargetRow,
        due: &DueRow,
        outcome: Outcome,
    ) -> Result<()> {
        let failure = match &outcome.answer {
            Ok(response) => failure_of_status(response.status),
            Err(failure) => Some(*failure),
        };
        let now = backend.now();
        let (state, next) = match failure {
            None => (DeliveryState::Delivered, None),
            Some(DeliveryFailure::Gone) => (DeliveryState::Failed, None),
            Some(_) => match retry_at(due.attempts, &outcome, &*backend.entropy, now) {
                Some(next) => (DeliveryState::Waiting, Some(next)),
                None => (DeliveryState::Failed, None),
            },
        };
        let attempt = store::NewAttemptRow {
            id: backend.new_id(),
            account: target.account_id,
            delivery: due.id,
            started_at: outcome.started_at,
            duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            status: outcome
                .answer
                .as_ref()
                .ok()
                .map(|answer| u32::from(answer.status)),
            failure,
            response: outcome
                .answer
                .as_ref()
                .ok()
                .and_then(|answer| text_of(&answer.body)),
        };
        transaction!(backend.db, |tx| {
            tx.lock_account(target.account_id).await?;
            if !store::end_attempt(tx, due, state, next).await? {
                return Ok(());
            }
            store::insert_attempt(tx, &attempt).await?;
            let Some(failure) = failure else {
                store::forget_failures(tx, self.endpoint).await?;
                return Ok(());
            };
            let failing_since = store::note_failure(tx, self.endpoint, now).await?;
            let reason = match failure {
                DeliveryFailure::Gone => DisabledReason::Gone,
                _ if failing_since.is_some_and(|since| now.since(since) >= DISABLED_AFTER) => {
                    DisabledReason::Failing
                }
                _ => return Ok(()),
            };
            if store::disable(tx, self.endpoint, reason).await? {
                let notification = Notification::WebhookDisabled {
                    endpoint: self.endpoint,
                };
                mail::enqueue(tx, backend, target.account_id, notification).await?;
            }
            Ok(())
        })
    }

    /// Ends the job, with a successor where there is anything left to do: in one transaction, so that nothing comes in between.
    async fn end(self, backend: &Backend, lease: &Lease) -> Result<()> {
        transaction!(backend.db, |tx| {
            if let Some(account) = store::owner(tx, self.endpoint).await? {
                tx.lock_account(account).await?;
                if let Some(next) = store::next_due(tx, self.endpoint).await? {
                    let options = EnqueueOptions {
                        account: Some(account),
                        run_at: Some(next),
                        ..EnqueueOptions::default()
                    };
                    jobs::enqueue(tx, backend, &self, options).await?;
                }
            }
            lease.finish_in(tx, backend.now()).await?;
            Ok(())
        })?;
        backend.wake.wake();
        Ok(())
    }
}

async fn send(
    backend: &Backend,
    url: &EndpointUrl,
    keys: &[Key],
    due: &DueRow,
    now: Timestamp,
) -> Result<OutboundResponse, OutboundError> {
    // A struct of texts cannot fail to be written as JSON.
    let body = serde_json::to_vec(&event_of(due, &backend.config.base_url)).unwrap_or_default();
    let id = due.event_id.to_string();
    let timestamp_s = now.0.div_euclid(1000);
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (SIGNATURE, signatures(keys, &id, timestamp_s, &body)),
        (TIMESTAMP, timestamp_s.to_string()),
        (ID, id),
    ];
    backend.outbound.post(url, &headers, body).await
}

/// What is sent: the same for every attempt.
fn event_of(due: &DueRow, base_url: &str) -> Event {
    let object = due.object_kind.zip(due.object_id.clone());
    let url = object.as_ref().map(|(kind, id)| {
        let template = match kind {
            ObjectKind::Analysis => paths::API_ANALYSIS,
            ObjectKind::Render => paths::RENDER,
        };
        format!("{base_url}{}", template.replace("{id}", id))
    });
    Event {
        id: due.event_id.to_string(),
        event_type: due.event_type,
        timestamp: due.happened_at.rfc3339(),
        object: object.map(|(kind, id)| EventObject { kind, id }),
        url,
    }
}

const fn failure_of(error: OutboundError) -> DeliveryFailure {
    match error {
        OutboundError::Blocked => DeliveryFailure::Blocked,
        OutboundError::Dns => DeliveryFailure::Dns,
        OutboundError::Timeout => DeliveryFailure::Timeout,
        OutboundError::Tls => DeliveryFailure::Tls,
        OutboundError::Connection => DeliveryFailure::Connection,
    }
}

const fn failure_of_status(status: u16) -> Option<DeliveryFailure> {
    match status {
        200..=299 => None,
        300..=399 => Some(DeliveryFailure::Redirect),
        410 => Some(DeliveryFailure::Gone),
        _ => Some(DeliveryFailure::Status),
    }
}

/// When to try again after an attempt that failed, with `earlier` before it; `None` where it was the last.
fn retry_at(earlier: u32, outcome: &Outcome, entropy: &dyn Entropy, now: Timestamp) -> Option<Timestamp> {
    let delay = RETRIES.get(usize::try_from(earlier).ok()?)?;
    let asked_for = outcome
        .answer
        .as_ref()
        .ok()
        .and_then(|answer| retry_after(answer.retry_after.as_deref()?, now))
        .unwrap_or_default();
    Some(now.plus(jobs::jittered(*delay, entropy).max(asked_for.min(LONGEST_RETRY_AFTER))))
}

/// `Retry-After` (RFC 9110 10.2.3): seconds, or a date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).ok()?);
    date.duration_since(now).ok()
}

/// The body of an answer as it may be stored and shown: no NUL, which PostgreSQL cannot keep, and no control characters.
fn text_of(body: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn failed(retry_after: Option<&str>) -> Outcome {
        Outcome {
            started_at: Timestamp(0),
            duration: Duration::ZERO,
            answer: Ok(OutboundResponse {
                status: 500,
                retry_after: retry_after.map(str::to_owned),
                body: Vec::new(),
            }),
        }
    }

    #[test]
    fn attempts_come_after_5_s_5_min_30_min_2_h_5_h_10_h_10_h_give_or_take_a_fifth_and_then_no_more() {
        let entropy = SeededEntropy::new(1);
        let expected = [5, 300, 1800, 7200, 18_000, 36_000, 36_000].map(Duration::from_secs);
        for _ in 0..200 {
            for (earlier, delay) in (0..).zip(expected) {
                let next = retry_at(earlier, &failed(None), &entropy, Timestamp(1_000)).unwrap();
                let share = next.since(Timestamp(1_000)).as_secs_f64() / delay.as_secs_f64();
                assert!((0.8..=1.2).contains(&share), "{earlier}: {share}");
            }
        }
        assert_eq!(retry_at(7, &failed(None), &entropy, Timestamp(1_000)), None);
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_never_for_less_and_for_a_day_at_most() {
        let entropy = SeededEntropy::new(1);
        let now = Timestamp(1_000_000_000_000);
        let waits = |earlier, asks: &str| {
            let next = retry_at(earlier, &failed(Some(asks)), &entropy, now).unwrap();
            next.since(now).as_secs()
        };
        assert_eq!(waits(0, "120"), 120);
        assert!(
            (240..=360).contains(&waits(1, "1")),
            "not earlier than the schedule"
        );
        assert_eq!(waits(0, "9999999"), 24 * 3600);
        // 1,000,000,000 s after 1970 is 01:46:40 on that Sunday.
        assert_eq!(waits(0, "Sun, 09 Sep 2001 01:56:40 GMT"), 600);
        assert!(waits(0, "Sun, 09 Sep 2001 01:40:00 GMT") <= 6, "in the past");
        assert!(waits(0, "soon") <= 6);
    }

    #[test]
    fn every_status_but_200_to_299_is_a_failure_with_its_reason() {
        for (status, failure) in [
            (200, None),
            (204, None),
            (299, None),
            (301, Some(DeliveryFailure::Redirect)),
            (307, Some(DeliveryFailure::Redirect)),
            (400, Some(DeliveryFailure::Status)),
            (404, Some(DeliveryFailure::Status)),
            (410, Some(DeliveryFailure::Gone)),
            (429, Some(DeliveryFailure::Status)),
            (500, Some(DeliveryFailure::Status)),
        ] {
            assert_eq!(failure_of_status(status), failure, "{status}");
        }
    }

    #[test]
    fn of_an_answer_no_byte_is_kept_that_a_database_or_a_page_could_not_take() {
        assert_eq!(
            text_of(b"a\0b\x1b[31m\nc\xff").as_deref(),
            Some("ab[31m\nc\u{fffd}")
        );
        assert_eq!(text_of(b"\0"), None);
    }
}
