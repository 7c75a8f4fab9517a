//! Everything that goes by itself, and when: the reaper, what it would do, and whether it is late (P07–P10).
//!
//! Runs hourly and in batches, each of its own transaction, so that it goes on where it was interrupted. Objects are removed
//! by jobs, which bear a store that is down; `overdue` counts what should be gone and is not.

use std::time::Duration;

use model::Timestamp;

use crate::{
    Backend, Result, accounts,
    db::{Db, DbError, Sql, sql},
    jobs,
    privacy::{erasure, export},
    sessions, uploads,
};

/// How often the reaper runs. Daily would leave 24-hour audio for up to 48.
pub const REAP_EVERY: Duration = Duration::from_secs(3600);

/// After this long past its cut-off an object is overdue, and somebody should look.
pub const OVERDUE_AFTER: Duration = Duration::from_secs(3 * 3600);

/// What the reaper removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Uploads whose audio goes, or that never arrived.
    pub uploads: u64,
    /// Archives of copies.
    pub exports: u64,
    /// Sessions that have ended.
    pub sessions: u64,
    /// Sign-ups, new passwords and new addresses that nobody confirmed, and counts of wrong tries.
    pub sign_ups: u64,
    /// Rows of work that ended long ago.
    pub jobs: u64,
    /// Removals that had been given up and are tried again.
    pub revived: u64,
    /// Deletions that nobody worked on any more.
    pub erasures_resumed: u64,
}

/// Removes everything whose time has come.
///
/// # Errors
/// The database does not answer; what was done stays done.
pub async fn reap(backend: &Backend) -> Result<Reaped> {
    let reaped = Reaped {
        uploads: uploads::reap(backend).await?,
        exports: export::reap(backend).await?,
        sessions: sessions::reap(backend).await?,
        sign_ups: accounts::reap(backend).await?,
        jobs: jobs::reap(&backend.db, backend.now()).await?,
        revived: revive_removals(&backend.db, backend.now()).await?,
        erasures_resumed: erasure::resume(backend).await?,
    };
    let overdue = overdue(&backend.db, backend.now()).await?;
    tracing::info!(
        uploads = reaped.uploads,
        exports = reaped.exports,
        sessions = reaped.sessions,
        sign_ups = reaped.sign_ups,
        jobs = reaped.jobs,
        revived = reaped.revived,
        erasures_resumed = reaped.erasures_resumed,
        overdue,
        "reaped"
    );
    if overdue > 0 {
        tracing::error!(overdue, "objects should be gone and are not");
    }
    Ok(reaped)
}

/// What [`reap`] would find now, by name; it changes nothing. Each reaper counts by the condition that it removes by.
///
/// # Errors
/// The database does not answer.
pub async fn due(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let mut found = uploads::due(backend).await?;
    found.extend(export::due(backend).await?);
    found.extend(sessions::due(backend).await?);
    found.extend(accounts::due(backend).await?);
    found.extend(jobs::due(&backend.db, backend.now()).await?);
    Ok(found)
}

/// A name for people, and how many there are.
pub type ExpiredCount = (&'static str, i64);

/// Counts for [`due`].
pub(crate) async fn count(db: &Db, what: &'static str, select: Sql) -> Result<ExpiredCount> {
    Ok((what, db.one::<(i64,)>(select).await?.0))
}

/// How many objects should have been gone for [`OVERDUE_AFTER`] and may still be there: those that the reaper did not
/// reach, and those whose removal did not succeed.
///
/// # Errors
/// The database does not answer.
pub async fn overdue(db: &Db, now: Timestamp) -> Result<i64, DbError> {
    const SELECT: &str = "
        SELECT (SELECT COUNT(*) FROM upload WHERE state = 'stored' AND delete_after <= $1)
             + (SELECT COUNT(*) FROM export WHERE state = 'ready' AND delete_after <= $1)
             + (SELECT COUNT(*) FROM job
                WHERE kind IN ('remove_audio', 'remove_export') AND state <> 'done' AND created_at <= $1) AS count";
    Ok(db
        .one::<(i64,)>(sql(SELECT).bind(now.minus(OVERDUE_AFTER)))
        .await?
        .0)
}

/// Tries removals of objects again that ran out of attempts: a store that was down for days must not keep what was
/// promised to go.
async fn revive_removals(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE job SET state = 'queued', attempts = 0, run_at = $1, finished_at = NULL
        WHERE kind IN ('remove_audio', 'remove_export') AND state = 'dead' AND finished_at IS NOT NULL";
    db.execute(sql(UPDATE).bind(now)).await
}
