//! How much work waits, and what was given up.

use model::{JobId, Timestamp};

use crate::{
    db::{Db, DbError, row, sql},
    jobs::{JobState, Policy, Queue},
};

row! {
    /// How many jobs of a queue are in a state.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Count {
        /// The queue.
        pub queue: Queue,
        /// Their state.
        pub state: JobState,
        /// How many.
        pub count: u64,
    }
}

row! {
    /// A job that will not be tried again.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DeadJob {
        /// Its id.
        pub id: JobId,
        /// Its queue.
        pub queue: Queue,
        /// What it was to do.
        pub kind: String,
        /// How often it was tried.
        pub attempts: u32,
        /// Why it failed the last time.
        pub last_error: Option<String>,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

// The states are part of the statement: for one that it is not told, PostgreSQL plans again each time, as long as nearly all jobs are done.
const COUNTS: &str = "\
SELECT queue, state, COUNT(*) AS count FROM job WHERE queue = $1 AND state IN ('queued', 'running', 'dead') \
GROUP BY queue, state ORDER BY state";

/// How many jobs are not done, by queue and state; a pair that has none is left out.
///
/// # Errors
/// The database does not answer.
pub async fn counts(db: &Db) -> Result<Vec<Count>, DbError> {
    let mut counts = Vec::new();
    for queue in Queue::ALL {
        let of_queue: Vec<Count> = db.all(sql(COUNTS).bind(queue)).await?;
        counts.extend(of_queue);
    }
    Ok(counts)
}

// Whoever has tried and waits says why.
const WAITING: &str = "\
SELECT COUNT(*) AS count FROM job WHERE queue = $1 AND state = 'queued' AND run_at > $2 AND last_error IS NOT NULL";

/// How many jobs of a queue have been tried, and wait because something failed or is away.
///
/// # Errors
/// The database does not answer.
pub async fn waiting(db: &Db, queue: Queue, now: Timestamp) -> Result<i64, DbError> {
    Ok(db.one::<(i64,)>(sql(WAITING).bind(queue).bind(now)).await?.0)
}

const OLDEST_DUE: &str =
    "SELECT MIN(run_at) AS run_at FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2";

/// Since when the oldest due job of a queue has waited; `None` where none waits.
///
/// # Errors
/// The database does not answer.
pub async fn oldest_due(db: &Db, queue: Queue, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
    let oldest: Option<Option<Timestamp>> = db.scalar(sql(OLDEST_DUE).bind(queue).bind(now)).await?;
    Ok(oldest.flatten())
}

const DEAD: &str = "\
SELECT id, queue, kind, attempts, last_error, created_at FROM job WHERE state = 'dead' ORDER BY id DESC LIMIT $1";

/// The newest dead jobs.
///
/// # Errors
/// The database does not answer.
pub async fn dead(db: &Db, limit: u32) -> Result<Vec<DeadJob>, DbError> {
    db.all(sql(DEAD).bind(limit)).await
}

// By the queue and by the states that there are besides, so that those that are done, which are most, are not read.
const UNFINISHED_SINCE: &str = "\
SELECT COUNT(*) AS count FROM job \
WHERE queue = $1 AND state IN ('queued', 'running', 'dead') AND kind = $2 AND created_at <= $3";

/// How many jobs of a kind were enqueued up to `before` and are not done.
pub(in crate::jobs) async fn unfinished_since(
    db: &Db,
    policy: &Policy,
    before: Timestamp,
) -> Result<i64, DbError> {
    let unfinished = sql(UNFINISHED_SINCE)
        .bind(policy.queue)
        .bind(policy.kind)
        .bind(before);
    Ok(db.one::<(i64,)>(unfinished).await?.0)
}
