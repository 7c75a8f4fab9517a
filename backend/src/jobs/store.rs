//! The SQL of the `job` table. Every transition is a compare-and-set on the lease: 0 rows = the lease was lost.

mod figures;
mod keeping;
mod slots;

use model::{AccountId, JobId, Timestamp};

pub use self::figures::{Count, DeadJob, counts, dead, oldest_due, waiting};
pub(super) use self::{
    figures::unfinished_since,
    keeping::{count_ended, delete_mentions, purge, revive, stop_all_of},
    slots::{claim_slot, last_slot, slot},
};
use super::{JobState, Queue};
use crate::{
    db::{Db, DbError, Tx, row, sql},
    tables::{REFERENCE, Table, about_nobody, in_batches, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "job",
        title: "Work on your behalf",
        about: "Measurements and e-mails that wait or were done. It holds numbers of what is listed above, never names.",
        kept: "7 days after it was done, 30 days after it failed.",
        export: rows! {
            from "job" where Account is "account_id = $1"
            given {
                "id" Text "Number", "kind" Text "What", "state" Text "State", "queue" Text "Queue", "payload" Json "About",
                "attempts" Number "Attempts", "max_attempts" Number "Attempts at most", "deaths" Number "Workers that did not come back", "last_error" Text "What went wrong",
                "created_at" Time "Made", "run_at" Time "Not before", "finished_at" Time "Ended",
            }
            withheld {
                "account_id" REFERENCE, "dedupe_key" "keeps the same work from being made twice",
                "lease_token" "is the key of the worker that does it", "claimed_at" "when a worker took it, which decides whose turn is next", "lease_until" "how long the worker holds it",
            }
        },
        erase: in_batches!("job"),
    },
    about_nobody(
        "cron",
        "Periodic work",
        "When housekeeping ran last.",
        "For ever; nobody is in it.",
    ),
];

/// A row as a new job writes it.
pub(super) struct NewJob<'a> {
    pub(super) id: JobId,
    pub(super) queue: Queue,
    pub(super) kind: &'static str,
    pub(super) payload: String,
    pub(super) dedupe_key: Option<&'a str>,
    pub(super) max_attempts: u32,
    pub(super) run_at: Timestamp,
    pub(super) account_id: Option<AccountId>,
    pub(super) created_at: Timestamp,
}

row! {
    /// What a claim took.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) struct ClaimedRow {
        pub(super) id: JobId,
        pub(super) kind: String,
        pub(super) payload: String,
        /// Running: to be worked on. Dead: its attempts are used up, and its death is still to be handled.
        pub(super) state: JobState,
        /// Includes this one.
        pub(super) attempts: u32,
        pub(super) max_attempts: u32,
        /// Workers that did not come back.
        pub(super) deaths: u32,
        pub(super) created_at: Timestamp,
    }
}

/// Names the lease that a transition needs: the job and the token of the claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseGuard<'a> {
    pub(super) id: JobId,
    pub(super) token: &'a str,
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
    let is_new = tx.execute(insert).await? == 1;
    if is_new {
        // Heard by the workers of all processes when the transaction commits, and not if it does not.
        tx.notify(CHANNEL).await?;
    }
    Ok(is_new)
}

/// What workers of other processes listen to.
pub(super) const CHANNEL: &str = "mixlens_job";

const IS_QUEUED: &str = "SELECT id FROM job WHERE queue = $1 AND state = 'queued' AND kind = $2 LIMIT 1";

/// Whether a job of this kind waits already.
pub(super) async fn is_queued(tx: &mut Tx, queue: Queue, kind: &str) -> Result<bool, DbError> {
    Ok(tx
        .scalar::<JobId>(sql(IS_QUEUED).bind(queue).bind(kind))
        .await?
        .is_some())
}

// Each half ends at its first row in an index, so that an idle poll costs two look-ups. The first asks for the least: the plan that
// PostgreSQL keeps for a prepared statement takes a third of all rows to be below an unknown `$2`, and reads the whole table for them.
const IS_DUE: &str = "\
SELECT COALESCE((SELECT MIN(lease_until) FROM job WHERE queue = $1 AND lease_until IS NOT NULL) < $2, FALSE) \
    OR EXISTS (SELECT 1 FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2) AS due";

/// Whether a claim would find something. Only reads, so that an idle queue never takes SQLite's write lock.
pub(super) async fn is_due(db: &Db, queue: Queue, now: Timestamp) -> Result<bool, DbError> {
    Ok(db.one::<(bool,)>(sql(IS_DUE).bind(queue).bind(now)).await?.0)
}

/// The text of the claim, which differs in how a row is locked. Lapsed leases come first: there are few, and somebody has
/// waited for them. Of what waits, the oldest 500, the account comes first of whose work the least is running, then the one
/// that was served longest ago, so that nobody's many files hold up the one file of another. `SET` sees the row as it was.
///
/// What an account has is asked once for all of its jobs, and nothing is joined but the one row at the end: before PostgreSQL has
/// counted a queue that fills up quickly, it takes it for empty, and joins by going through all of it for each of the 500.
macro_rules! claim {
    ($lock:literal, $next:literal) => {
        concat!(
            "WITH due AS ( \
                 SELECT id, account_id, run_at, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY run_at, id) AS place FROM \
                     (SELECT id, account_id, run_at FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2 \
                      ORDER BY run_at, id LIMIT 500) AS oldest), \
             turn AS ( \
                 SELECT id, run_at, \
                     MAX(CASE WHEN place = 1 THEN (SELECT COUNT(*) FROM job AS own WHERE own.queue = $1 \
                         AND own.account_id = due.account_id AND own.state = 'running') END) \
                         OVER (PARTITION BY account_id) AS running, \
                     MAX(CASE WHEN place = 1 THEN (SELECT COALESCE(MAX(own.claimed_at), 0) FROM job AS own WHERE own.queue = $1 \
                         AND own.account_id = due.account_id) END) \
                         OVER (PARTITION BY account_id) AS served \
                 FROM due) \
             UPDATE job SET \
                 state = CASE WHEN state = 'dead' \
                                OR (state = 'running' AND deaths + 1 >= $5) \
                                OR (state = 'queued' AND attempts >= max_attempts) THEN 'dead' ELSE 'running' END, \
                 attempts = CASE WHEN state = 'queued' AND attempts < max_attempts THEN attempts + 1 ELSE attempts END, \
                 deaths = CASE WHEN state = 'running' THEN deaths + 1 ELSE deaths END, \
                 last_error = CASE WHEN state = 'running' THEN 'its worker did not come back' ELSE last_error END, \
                 lease_token = $3, \
                 lease_until = $4, \
                 claimed_at = $2 \
             WHERE id = COALESCE( \
                 (SELECT id FROM job WHERE queue = $1 AND lease_until IS NOT NULL AND lease_until < $2 \
                  ORDER BY lease_until LIMIT 1",
            $lock,
            "), (",
            $next,
            ")) RETURNING id, kind, payload, state, attempts, max_attempts, deaths, created_at"
        )
    };
}

const CLAIM: &str = claim!(
    "",
    "SELECT id FROM turn ORDER BY running, served, run_at, id LIMIT 1"
);
// Row by row, in their order: the first that nobody else has just taken.
const CLAIM_ON_POSTGRES: &str = claim!(
    " FOR UPDATE SKIP LOCKED",
    "SELECT free.id FROM (SELECT id FROM turn ORDER BY running, served, run_at, id) AS next \
     CROSS JOIN LATERAL (SELECT job.id FROM job WHERE job.id = next.id AND job.state = 'queued' AND job.run_at <= $2 \
                         FOR UPDATE SKIP LOCKED) AS free LIMIT 1"
);

/// How often the worker of a job may vanish before the job is taken for what kills it. Far more than the attempts of a kind:
/// a process that is stopped, moved or cut off says nothing about the work that it did.
const MAX_DEATHS: u32 = 8;

/// Takes the next job that is due: one statement sets a fresh lease and counts the attempt, before the work starts. A job
/// whose worker did not come back goes on with the same attempt and one death more, so that a job that kills its process
/// ends as dead all the same.
pub(super) async fn claim(
    db: &Db,
    queue: Queue,
    now: Timestamp,
    token: &str,
    until: Timestamp,
) -> Result<Option<ClaimedRow>, DbError> {
    let claim = sql(CLAIM)
        .on_postgres(CLAIM_ON_POSTGRES)
        .bind(queue)
        .bind(now)
        .bind(token)
        .bind(until)
        .bind(MAX_DEATHS);
    Ok(db.execute_returning(claim).await?.pop())
}

const HEARTBEAT: &str = "UPDATE job SET lease_until = $3 WHERE id = $1 AND lease_token = $2";

/// Renews the lease.
pub(super) async fn heartbeat(db: &Db, guard: LeaseGuard<'_>, until: Timestamp) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(HEARTBEAT).bind(guard.id).bind(guard.token).bind(until))
        .await?
        == 1)
}

const FORGET_DEATHS: &str = "UPDATE job SET deaths = 0 WHERE id = $1 AND lease_token = $2";

/// Forgets the workers that did not come back.
pub(super) async fn forget_deaths(db: &Db, guard: LeaseGuard<'_>) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(FORGET_DEATHS).bind(guard.id).bind(guard.token))
        .await?
        == 1)
}

const FINISH: &str = "\
UPDATE job SET state = 'done', finished_at = $3, lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → done, in the caller's transaction.
pub(super) async fn finish(tx: &mut Tx, guard: LeaseGuard<'_>, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx
        .execute(sql(FINISH).bind(guard.id).bind(guard.token).bind(now))
        .await?
        == 1)
}

const RETRY: &str = "\
UPDATE job SET state = 'queued', run_at = $3, last_error = $4, lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → queued, for later.
pub(super) async fn retry(
    db: &Db,
    guard: LeaseGuard<'_>,
    run_at: Timestamp,
    cause: &str,
) -> Result<bool, DbError> {
    Ok(db
        .execute(
            sql(RETRY)
                .bind(guard.id)
                .bind(guard.token)
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
    guard: LeaseGuard<'_>,
    run_at: Timestamp,
    cause: Option<&str>,
) -> Result<bool, DbError> {
    Ok(db
        .execute(
            sql(RELEASE)
                .bind(guard.id)
                .bind(guard.token)
                .bind(run_at)
                .bind(cause),
        )
        .await?
        == 1)
}

const FAIL: &str = "\
UPDATE job SET state = 'dead', last_error = $3, lease_until = $4 \
WHERE id = $1 AND lease_token = $2 AND state = 'running'";

/// Running → dead. The lease goes on until the death was handled ([`discard`]), so that a crash in between leads to another try.
pub(super) async fn fail(
    db: &Db,
    guard: LeaseGuard<'_>,
    cause: &str,
    until: Timestamp,
) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(FAIL).bind(guard.id).bind(guard.token).bind(cause).bind(until))
        .await?
        == 1)
}

const DISCARD: &str = "\
UPDATE job SET finished_at = $3, lease_token = NULL, lease_until = NULL \
WHERE id = $1 AND lease_token = $2 AND state = 'dead'";

/// Its death was handled.
pub(super) async fn discard(db: &Db, guard: LeaseGuard<'_>, now: Timestamp) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(DISCARD).bind(guard.id).bind(guard.token).bind(now))
        .await?
        == 1)
}

// Those that are done are by far the most, and nobody waits for them: one stretch of the index for each of the others.

const IS_PENDING: &str =
    "SELECT id FROM job WHERE kind = $1 AND payload = $2 AND state IN ('queued', 'running') LIMIT 1";

/// Whether a job with this payload is queued or running.
pub(super) async fn is_pending(tx: &mut Tx, kind: &str, payload: &str) -> Result<bool, DbError> {
    Ok(tx
        .scalar::<JobId>(sql(IS_PENDING).bind(kind).bind(payload))
        .await?
        .is_some())
}

/// Whether an account has a job with this payload that is queued or running.
pub(super) async fn is_pending_of(
    tx: &mut Tx,
    account: AccountId,
    kind: &str,
    payload: &str,
) -> Result<bool, DbError> {
    const SELECT: &str = "
        SELECT id FROM job
        WHERE account_id = $1 AND kind = $2 AND payload = $3 AND state IN ('queued', 'running') LIMIT 1";
    let found: Option<JobId> = tx
        .scalar(sql(SELECT).bind(account).bind(kind).bind(payload))
        .await?;
    Ok(found.is_some())
}

/// Has the queued jobs of an account with this payload run at `run_at` at the latest.
pub(super) async fn bring_forward(
    tx: &mut Tx,
    account: AccountId,
    kind: &str,
    payload: &str,
    run_at: Timestamp,
) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE job SET run_at = $4
        WHERE account_id = $1 AND kind = $2 AND payload = $3 AND state = 'queued' AND run_at > $4";
    let update = sql(UPDATE).bind(account).bind(kind).bind(payload).bind(run_at);
    if tx.execute(update).await? > 0 {
        tx.notify(CHANNEL).await?;
    }
    Ok(())
}

/// Deletes the queued jobs of an account with this payload. How many.
pub(super) async fn withdraw(
    tx: &mut Tx,
    account: AccountId,
    kind: &str,
    payload: &str,
) -> Result<u64, DbError> {
    const DELETE: &str =
        "DELETE FROM job WHERE account_id = $1 AND kind = $2 AND payload = $3 AND state = 'queued'";
    tx.execute(sql(DELETE).bind(account).bind(kind).bind(payload))
        .await
}

/// Whether the job with this payload is dead.
pub(super) async fn is_dead(db: &Db, kind: &str, payload: &str) -> Result<bool, DbError> {
    const DEAD: &str =
        "SELECT id FROM job WHERE kind = $1 AND payload = $2 AND state = 'dead' AND finished_at IS NOT NULL";
    let found: Option<JobId> = db.scalar(sql(DEAD).bind(kind).bind(payload)).await?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests;
