//! Everything that is removed by itself, and when: the job, what it would remove, and whether it is late (P07–P10).
//!
//! Each domain says what of it expires; this is where they come together. It runs hourly and in batches, each of its own
//! transaction, so that it goes on where it was interrupted. Objects are removed by jobs, which survive a store that is
//! down; [`overdue`] counts what should be gone and is not.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Backend, Result, accounts, billing,
    db::{Db, DbError},
    idempotency,
    jobs::{self, Job, JobError, Lease, Policy, Queue, RunJob},
    ledger,
    privacy::{erasure, export},
    retention::{ExpiredCount, OVERDUE_AFTER},
    sessions, shares,
    storage::{RemoveAudio, RemoveRender},
    tokens, uploads, webhooks,
};

/// Removes everything that has expired. Periodic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reap {}

impl Job for Reap {
    const POLICY: Policy = Policy {
        kind: "reap",
        queue: Queue::Storage,
        max_attempts: 3,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for Reap {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        if backend.may_remove().await? {
            purge(backend).await?;
        }
        Ok(())
    }
}

/// What [`purge`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Uploads whose audio goes, or that never arrived.
    pub uploads: u64,
    /// Archives of exports.
    pub exports: u64,
    /// Sessions that have ended.
    pub sessions: u64,
    /// Links to reports that have ended.
    pub shares: u64,
    /// Tokens that ended long ago, and keys of requests.
    pub tokens: u64,
    /// Events of webhooks that are old.
    pub events: u64,
    /// Sign-ups, new passwords and new addresses that nobody confirmed, and counts of wrong tries.
    pub sign_ups: u64,
    /// Events of Stripe that do not come again.
    pub stripe_events: u64,
    /// Rows of jobs that ended long ago, and lines of the ledger of deletions.
    pub jobs: u64,
    /// Removals of objects, and writings of the ledger, that had failed and are tried again.
    pub revived: u64,
    /// Deletions of accounts that no job worked on any more.
    pub erasures_resumed: u64,
}

/// Removes everything that has expired.
///
/// # Errors
/// The database does not answer; what was done stays done.
pub async fn purge(backend: &Backend) -> Result<Purged> {
    let (db, now) = (&backend.db, backend.now());
    let purged = Purged {
        uploads: uploads::purge(backend).await?,
        exports: export::purge(backend).await?,
        sessions: sessions::purge(backend).await?,
        shares: shares::purge(backend).await?,
        tokens: tokens::purge(backend).await? + idempotency::purge(backend).await?,
        events: webhooks::purge(backend).await?,
        sign_ups: accounts::purge(backend).await?,
        stripe_events: billing::purge(backend).await?,
        jobs: jobs::purge(db, now).await? + ledger::purge(backend).await?,
        // A store that was down for days must not keep what was promised to go.
        revived: jobs::revive::<RemoveAudio>(db, now).await?
            + jobs::revive::<RemoveRender>(db, now).await?
            + jobs::revive::<export::RemoveExport>(db, now).await?
            + jobs::revive::<ledger::PublishLedger>(db, now).await?,
        erasures_resumed: erasure::resume(backend).await?,
    };
    let overdue = overdue(db, now).await?;
    tracing::info!(
        uploads = purged.uploads,
        exports = purged.exports,
        sessions = purged.sessions,
        shares = purged.shares,
        tokens = purged.tokens,
        events = purged.events,
        sign_ups = purged.sign_ups,
        stripe_events = purged.stripe_events,
        jobs = purged.jobs,
        revived = purged.revived,
        erasures_resumed = purged.erasures_resumed,
        overdue,
        "reaped"
    );
    if overdue > 0 {
        tracing::error!(overdue, "objects should be gone and are not");
    }
    Ok(purged)
}

/// What [`purge`] would find now, by name; it changes nothing. Each domain counts by the condition that it removes by.
///
/// # Errors
/// The database does not answer.
pub async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let mut found = uploads::expired(backend).await?;
    found.extend(export::expired(backend).await?);
    found.extend(sessions::expired(backend).await?);
    found.extend(shares::expired(backend).await?);
    found.push(tokens::expired(backend).await?);
    found.push(idempotency::expired(backend).await?);
    found.push(webhooks::expired(backend).await?);
    found.extend(accounts::expired(backend).await?);
    found.push(billing::expired(backend).await?);
    found.extend(jobs::expired(&backend.db, backend.now()).await?);
    found.extend(ledger::expired(backend).await?);
    Ok(found)
}

/// How many objects should have been gone for [`OVERDUE_AFTER`] and may still be there: those that [`purge`] did not
/// reach, and those whose removal did not succeed.
///
/// # Errors
/// The database does not answer.
pub async fn overdue(db: &Db, now: Timestamp) -> Result<i64, DbError> {
    let before = now.minus(OVERDUE_AFTER);
    Ok(uploads::overdue(db, before).await?
        + export::overdue(db, before).await?
        + jobs::overdue::<RemoveAudio>(db, before).await?
        + jobs::overdue::<RemoveRender>(db, before).await?
        + jobs::overdue::<export::RemoveExport>(db, before).await?)
}
