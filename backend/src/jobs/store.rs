//! The SQL of the `job` table. Every transition is a compare-and-set on the lease: 0 rows = the lease was lost.

use model::Timestamp;

use crate::db::{Db, DbError, Tx, sql};

/// A row as a new job writes it.
pub(super) struct NewJob<'a> {
    pub(super) id: String,
    pub(super) queue: &'static str,
    pub(super) kind: &'static str,
    pub(super) payload: String,
    pub(super) dedupe_key: Option<&'a str>,
    pub(super) max_attempts: u32,
    pub(super) run_at: Timestamp,
    pub(super) account_id: Option<String>,
    pub(super) created_at: Timestamp,
}

/// What a claim took.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct ClaimedRow {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) payload: String,
    /// `running`: to be worked on. `dead`: its attempts are used up, and its death is to be told.
    pub(super) state: String,
    /// Includes this one.
    pub(super) attempts: i64,
    pub(super) max_attempts: i64,
    pub(super) created_at: i64,
}

/// Names the lease that a transition needs: the job and the token of the claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fence<'a> {
    pub(super) id: &'a str,
    pub(super) token: &'a str,
}

/// How many jobs of a queue are in a state.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Count {
    /// The queue's name.
    pub queue: String,
    /// `queued`, `running`, `done` or `dead`.
    pub state: String,
    /// How many.
    pub count: i64,
}

/// A job that will not be tried again.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DeadJob {
    /// Its id.
    pub id: String,
    /// Its queue's name.
    pub queue: String,
    /// What it was to do.
    pub kind: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Why it failed the last time.
    pub last_error: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
}

const ENQUEUE: &str = "\
INSERT INTO job (id, queue, kind, payload, dedupe_key, state, attempts, max_attempts, run_at, account_id, created_at) \
VALUES ($1, $2, $3, $4, $5, 'queued', 0, $6, $7, $8, $9) \
ON CONFLICT (dedupe_key) DO NOTHING";

/// Whether the row is new; a job of the same key may be there already.
pub(super) async fn enqueue(tx: &mut Tx, job: NewJob<'_>) -> Result<bool, DbError> {
    let insert = sql(ENQUEUE)
        .bind(job.id)
        .bind(job.queue)
        .bind(job.kind)
        .bind(job.payload)
        .bind(job.dedupe_key)
        .bind(job.max_attempts)
        .bind(job.run_at)
        .bind(job.account_id)
        .bind(job.created_at);
    Ok(tx.execute(insert).await? == 1)
}

const IS_QUEUED: &str = "SELECT id FROM job WHERE queue = $1 AND state = 'queued' AND kind = $2 LIMIT 1";

/// Whether a job of this kind waits already.
pub(super) async fn is_queued(tx: &mut Tx, queue: &str, kind: &str) -> Result<bool, DbError> {
    Ok(tx
        .optional::<(String,)>(sql(IS_QUEUED).bind(queue).bind(kind))
        .await?
        .is_some())
}

// Each half ends at its first row in an index, so that an idle poll costs two look-ups.
const IS_DUE: &str = "\
SELECT EXISTS (SELECT 1 FROM job WHERE queue = $1 AND lease_until < $2) \
    OR EXISTS (SELECT 1 FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2) AS due";

/// Whether a claim would find something. Only reads, so that an idle queue never takes SQLite's write lock.
pub(super) async fn is_due(db: &Db, queue: &str, now: Timestamp) -> Result<bool, DbError> {
    Ok(db.one::<(bool,)>(sql(IS_DUE).bind(queue).bind(now)).await?.0)
}

/// The text of the claim, which differs in the lock alone. Lapsed leases come first: there are few, and somebody has
/// waited for them. `SET` sees the row as it was.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE job SET \
                 state = CASE WHEN state = 'dead' OR attempts >= max_attempts THEN 'dead' ELSE 'running' END, \
                 attempts = CASE WHEN state = 'dead' OR attempts >= max_attempts THEN attempts ELSE attempts + 1 END, \
                 last_error = CASE WHEN state = 'running' THEN 'its worker did not come back' ELSE last_error END, \
                 lease_token = $3, \
                 lease_until = $4 \
             WHERE id = COALESCE( \
                 (SELECT id FROM job WHERE queue = $1 AND lease_until < $2 \
                  ORDER BY lease_until LIMIT 1",
            $lock,
            "), (SELECT id FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2 \
                  ORDER BY run_at, id LIMIT 1",
            $lock,
            ")) RETURNING id, kind, payload, state, attempts, max_attempts, created_at"
        )
    };
}

const CLAIM: &str = claim!("");
const CLAIM_ON_POSTGRES: &str = claim!(" FOR UPDATE SKIP LOCKED");

/// Takes the next job that is due: one statement sets a fresh lease and counts the attempt, before the work starts, so
/// that a job that kills its process ends as dead after its attempts.
pub(super) async fn claim(
    db: &Db,
    queue: &str,
    now: Timestamp,
    token: &str,
    until: Timestamp,
) -> Result<Option<ClaimedRow>, DbError> {
    let mut tx = db.begin().await?;
    let claim = sql(CLAIM)
        .on_postgres(CLAIM_ON_POSTGRES)
        .bind(queue)
        .bind(now)
        .bind(token)
        .bind(until);
    let row = tx.optional(claim).await?;
    tx.commit().await?;
    Ok(row)
}

const HEARTBEAT: &str = "UPDATE job SET lease_until = $3 WHERE id = $1 AND lease_token = $2";

/// Renews the lease.
pub(super) async fn heartbeat(db: &Db, fence: Fence<'_>, until: Timestamp) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(HEARTBEAT).bind(fence.id).bind(fence.token).bind(until))
        .await?
        == 1)
}

const FINISH: &str = "\
UPDATE job SET state = 'done', finished_at = $3, lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → done, in the caller's transaction.
pub(super) async fn finish(tx: &mut Tx, fence: Fence<'_>, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx
        .execute(sql(FINISH).bind(fence.id).bind(fence.token).bind(now))
        .await?
        == 1)
}

const RETRY: &str = "\
UPDATE job SET state = 'queued', run_at = $3, last_error = $4, lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → queued, for later.
pub(super) async fn retry(
    db: &Db,
    fence: Fence<'_>,
    run_at: Timestamp,
    cause: &str,
) -> Result<bool, DbError> {
    Ok(db
        .execute(
            sql(RETRY)
                .bind(fence.id)
                .bind(fence.token)
                .bind(run_at)
                .bind(cause),
        )
        .await?
        == 1)
}

const RELEASE: &str = "\
UPDATE job SET state = 'queued', attempts = attempts - 1, run_at = $3, last_error = COALESCE($4, last_error), \
               lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → queued with the attempt given back: what ended it was not the job.
pub(super) async fn release(
    db: &Db,
    fence: Fence<'_>,
    run_at: Timestamp,
    cause: Option<&str>,
) -> Result<bool, DbError> {
    Ok(db
        .execute(
            sql(RELEASE)
                .bind(fence.id)
                .bind(fence.token)
                .bind(run_at)
                .bind(cause),
        )
        .await?
        == 1)
}

const FAIL: &str = "\
UPDATE job SET state = 'dead', last_error = $3, lease_until = $4 \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → dead. The lease goes on until the death was told ([`bury`]), so that a crash in between tells it again.
pub(super) async fn fail(db: &Db, fence: Fence<'_>, cause: &str, until: Timestamp) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(FAIL).bind(fence.id).bind(fence.token).bind(cause).bind(until))
        .await?
        == 1)
}

const BURY: &str = "\
UPDATE job SET finished_at = $3, lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'dead'";

/// The death was told.
pub(super) async fn bury(db: &Db, fence: Fence<'_>, now: Timestamp) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(BURY).bind(fence.id).bind(fence.token).bind(now))
        .await?
        == 1)
}

const COUNTS: &str =
    "SELECT queue, state, COUNT(*) AS count FROM job GROUP BY queue, state ORDER BY queue, state";

/// How many jobs there are, by queue and state; a pair that has none is left out.
///
/// # Errors
/// The database does not answer.
pub async fn counts(db: &Db) -> Result<Vec<Count>, DbError> {
    db.all(sql(COUNTS)).await
}

const OLDEST_DUE: &str =
    "SELECT MIN(run_at) AS run_at FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2";

/// Since when the oldest due job of a queue has waited; `None` where none waits.
///
/// # Errors
/// The database does not answer.
pub async fn oldest_due(db: &Db, queue: super::Queue, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
    let row: (Option<i64>,) = db.one(sql(OLDEST_DUE).bind(queue.name()).bind(now)).await?;
    Ok(row.0.map(Timestamp))
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

const FORGET: &str = "DELETE FROM job WHERE state = $1 AND finished_at < $2";

/// Deletes the rows of jobs that ended as `state` before `before`. How many.
pub(super) async fn forget(db: &Db, state: &'static str, before: Timestamp) -> Result<u64, DbError> {
    db.execute(sql(FORGET).bind(state).bind(before)).await
}

// A slot far ahead comes from a clock that was wrong; without the second half the work would never run again.
const CLAIM_SLOT: &str = "\
INSERT INTO cron (name, slot) VALUES ($1, $2) \
ON CONFLICT (name) DO UPDATE SET slot = excluded.slot WHERE cron.slot < excluded.slot OR cron.slot > $3";

/// Takes the slot of a periodic job, unless some process took it or a later one.
pub(super) async fn claim_slot(
    tx: &mut Tx,
    name: &str,
    slot: Timestamp,
    nonsense: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx
        .execute(sql(CLAIM_SLOT).bind(name).bind(slot).bind(nonsense))
        .await?
        == 1)
}

const SLOT: &str = "SELECT slot FROM cron WHERE name = $1";

/// The slot that was taken last.
pub(super) async fn slot(db: &Db, name: &str) -> Result<Option<Timestamp>, DbError> {
    Ok(db
        .optional::<(i64,)>(sql(SLOT).bind(name))
        .await?
        .map(|(slot,)| Timestamp(slot)))
}
