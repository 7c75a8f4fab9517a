//! The SQL of the `job` table. Every transition is a compare-and-set on the lease: 0 rows = the lease was lost.

use model::{AccountId, JobId, Timestamp};

use super::{JobState, Queue};
use crate::db::{Db, DbError, Tx, row, sql};

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
        pub(super) created_at: Timestamp,
    }
}

/// Names the lease that a transition needs: the job and the token of the claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseGuard<'a> {
    pub(super) id: JobId,
    pub(super) token: &'a str,
}

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

// Each half ends at its first row in an index, so that an idle poll costs two look-ups.
const IS_DUE: &str = "\
SELECT EXISTS (SELECT 1 FROM job WHERE queue = $1 AND lease_until < $2) \
    OR EXISTS (SELECT 1 FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2) AS due";

/// Whether a claim would find something. Only reads, so that an idle queue never takes SQLite's write lock.
pub(super) async fn is_due(db: &Db, queue: Queue, now: Timestamp) -> Result<bool, DbError> {
    Ok(db.one::<(bool,)>(sql(IS_DUE).bind(queue).bind(now)).await?.0)
}

/// The text of the claim, which differs in the lock alone. Lapsed leases come first: there are few, and somebody has
/// waited for them. Of what waits, the oldest 500, the account comes first of whose work the least is running, then the one
/// that was served longest ago, so that nobody's many files hold up the one file of another. `SET` sees the row as it was.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE job SET \
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
                 (SELECT id FROM job WHERE queue = $1 AND lease_until < $2 \
                  ORDER BY lease_until LIMIT 1",
            $lock,
            "), (SELECT id FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2 AND id IN \
                     (SELECT id FROM job WHERE queue = $1 AND state = 'queued' AND run_at <= $2 \
                      ORDER BY run_at, id LIMIT 500) \
                  ORDER BY \
                     (SELECT COUNT(*) FROM job AS own WHERE own.queue = $1 AND own.account_id = job.account_id \
                      AND own.state = 'running'), \
                     (SELECT COALESCE(MAX(own.claimed_at), 0) FROM job AS own \
                      WHERE own.queue = $1 AND own.account_id = job.account_id), \
                     run_at, id LIMIT 1",
            $lock,
            ")) RETURNING id, kind, payload, state, attempts, max_attempts, created_at"
        )
    };
}

const CLAIM: &str = claim!("");
const CLAIM_ON_POSTGRES: &str = claim!(" FOR UPDATE SKIP LOCKED");

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
    let mut tx = db.begin().await?;
    let claim = sql(CLAIM)
        .on_postgres(CLAIM_ON_POSTGRES)
        .bind(queue)
        .bind(now)
        .bind(token)
        .bind(until)
        .bind(MAX_DEATHS);
    let row = tx.optional(claim).await?;
    tx.commit().await?;
    Ok(row)
}

const HEARTBEAT: &str = "UPDATE job SET lease_until = $3 WHERE id = $1 AND lease_token = $2";

/// Renews the lease.
pub(super) async fn heartbeat(db: &Db, guard: LeaseGuard<'_>, until: Timestamp) -> Result<bool, DbError> {
    Ok(db
        .execute(sql(HEARTBEAT).bind(guard.id).bind(guard.token).bind(until))
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
const COUNT: &str = "SELECT COUNT(*) AS count FROM job WHERE queue = $1 AND state = $2";

/// How many jobs are not done, by queue and state; a pair that has none is left out.
///
/// # Errors
/// The database does not answer.
pub async fn counts(db: &Db) -> Result<Vec<Count>, DbError> {
    let mut counts = Vec::new();
    for queue in Queue::ALL {
        for state in [JobState::Queued, JobState::Running, JobState::Dead] {
            let (count,): (i64,) = db.one(sql(COUNT).bind(queue).bind(state)).await?;
            if let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) {
                counts.push(Count { queue, state, count });
            }
        }
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

const IS_PENDING: &str =
    "SELECT id FROM job WHERE kind = $1 AND payload = $2 AND state IN ('queued', 'running') LIMIT 1";

/// Whether a job with this payload is queued or running.
pub(super) async fn is_pending(tx: &mut Tx, kind: &str, payload: &str) -> Result<bool, DbError> {
    Ok(tx
        .scalar::<JobId>(sql(IS_PENDING).bind(kind).bind(payload))
        .await?
        .is_some())
}

const UNFINISHED_SINCE: &str =
    "SELECT COUNT(*) AS count FROM job WHERE kind = $1 AND state <> 'done' AND created_at <= $2";

/// How many jobs of a kind were enqueued up to `before` and are not done.
pub(super) async fn unfinished_since(db: &Db, kind: &str, before: Timestamp) -> Result<i64, DbError> {
    Ok(db
        .one::<(i64,)>(sql(UNFINISHED_SINCE).bind(kind).bind(before))
        .await?
        .0)
}

const REVIVE: &str = "\
UPDATE job SET state = 'queued', attempts = 0, deaths = 0, run_at = $2, finished_at = NULL \
WHERE kind = $1 AND state = 'dead' AND finished_at IS NOT NULL";

/// Whether the job with this payload is dead.
pub(super) async fn is_dead(db: &Db, kind: &str, payload: &str) -> Result<bool, DbError> {
    const DEAD: &str =
        "SELECT id FROM job WHERE kind = $1 AND payload = $2 AND state = 'dead' AND finished_at IS NOT NULL";
    let found: Option<JobId> = db.scalar(sql(DEAD).bind(kind).bind(payload)).await?;
    Ok(found.is_some())
}

/// Dead → queued, with all attempts given back.
pub(super) async fn revive(db: &Db, kind: &str, now: Timestamp) -> Result<u64, DbError> {
    db.execute(sql(REVIVE).bind(kind).bind(now)).await
}

const MENTIONS: &str = "\
SELECT id FROM job WHERE payload LIKE '%' || $1 || '%' OR last_error LIKE '%' || $1 || '%' OR dedupe_key LIKE '%' || $1 || '%'";

/// Deletes jobs that mention `text`. They are looked for without the lock that writing takes, because it reads every row.
pub(super) async fn delete_mentions(db: &Db, text: &str) -> Result<u64, DbError> {
    let mut deleted = 0;
    for id in db.scalars::<JobId>(sql(MENTIONS).bind(text)).await? {
        deleted += db.execute(sql("DELETE FROM job WHERE id = $1").bind(id)).await?;
    }
    Ok(deleted)
}

const STOP_ALL_OF: &str = "DELETE FROM job WHERE account_id = $1 AND state IN ('queued', 'running')";

/// Deletes the jobs of an account that wait or run.
pub(super) async fn stop_all_of(tx: &mut Tx, account: AccountId) -> Result<u64, DbError> {
    tx.execute(sql(STOP_ALL_OF).bind(account)).await
}

mod ended {
    crate::db::ended!("job" by "id" where "state = $1 AND finished_at < $2");
}

/// Deletes the rows of jobs that ended as `state` before `before`. How many.
pub(super) async fn purge(db: &Db, state: JobState, before: Timestamp) -> Result<u64, DbError> {
    db.execute_until_done(sql(ended::DELETE).bind(state).bind(before))
        .await
}

/// How many [`purge`] would delete.
pub(super) async fn count_ended(db: &Db, state: JobState, before: Timestamp) -> Result<i64, DbError> {
    let count: (i64,) = db.one(sql(ended::COUNT).bind(state).bind(before)).await?;
    Ok(count.0)
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
    wrong_after: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx
        .execute(sql(CLAIM_SLOT).bind(name).bind(slot).bind(wrong_after))
        .await?
        == 1)
}

const SLOT: &str = "SELECT slot FROM cron WHERE name = $1";

/// The slot that was taken last.
pub(super) async fn slot(db: &Db, name: &str) -> Result<Option<Timestamp>, DbError> {
    db.scalar(sql(SLOT).bind(name)).await
}

/// The newest slot of all.
pub(super) async fn last_slot(db: &Db) -> Result<Option<Timestamp>, DbError> {
    let newest: Option<Option<Timestamp>> = db.scalar(sql("SELECT MAX(slot) FROM cron")).await?;
    Ok(newest.flatten())
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use uuid::Uuid;

    use super::*;
    use crate::{
        entropy::{SeededEntropy, new_id},
        jobs::Queue,
        testing::some_account,
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const LEASE: Duration = Duration::from_secs(60);

    /// An id that is told by its name.
    fn id(name: &str) -> JobId {
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        JobId(Uuid::from_bytes(bytes))
    }

    async fn add(db: &Db, name: &str, run_at: Timestamp) {
        add_for(db, name, run_at, None, None).await;
    }

    async fn add_for(
        db: &Db,
        name: &str,
        run_at: Timestamp,
        dedupe_key: Option<&str>,
        account_id: Option<AccountId>,
    ) -> bool {
        let mut tx = db.begin().await.unwrap();
        let job = NewJob {
            id: id(name),
            queue: Queue::Storage,
            kind: "reap",
            payload: "{}".into(),
            dedupe_key,
            max_attempts: 2,
            run_at,
            account_id,
            created_at: NOW,
        };
        let is_new = enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        is_new
    }

    async fn take(db: &Db, now: Timestamp, token: &str) -> Option<ClaimedRow> {
        let claimed = claim(db, Queue::Storage, now, token, now.plus(LEASE))
            .await
            .unwrap();
        // What the cheap look says is what the claim finds.
        if claimed.is_some() {
            return claimed;
        }
        assert!(!is_due(db, Queue::Storage, now).await.unwrap());
        None
    }

    /// State, attempts, whether it is leased.
    async fn row(db: &Db, name: &str) -> (String, i64, bool) {
        db.one(
            sql("SELECT state, attempts, lease_until IS NOT NULL AS leased FROM job WHERE id = $1")
                .bind(id(name)),
        )
        .await
        .unwrap()
    }

    fn guard<'a>(name: &str, token: &'a str) -> LeaseGuard<'a> {
        LeaseGuard { id: id(name), token }
    }

    async fn finish_alone(db: &Db, guard: LeaseGuard<'_>) -> bool {
        let mut tx = db.begin().await.unwrap();
        let is_ours = finish(&mut tx, guard, NOW).await.unwrap();
        tx.commit().await.unwrap();
        is_ours
    }

    crate::contract! {
        async fn a_claim_takes_the_job_that_was_due_first_and_counts_the_attempt(db: &Db) {
            add(db, "b", NOW).await;
            add(db, "a", NOW.minus(Duration::from_secs(1))).await;
            add(db, "later", NOW.plus(Duration::from_secs(1))).await;
            assert!(is_due(db, Queue::Storage, NOW).await.unwrap());
            let first = take(db, NOW, "t1").await.unwrap();
            assert_eq!((first.id, first.state, first.attempts), (id("a"), JobState::Running, 1));
            assert_eq!(take(db, NOW, "t2").await.unwrap().id, id("b"));
            assert_eq!(take(db, NOW, "t3").await, None);
            assert_eq!(take(db, NOW.plus(Duration::from_secs(1)), "t4").await.unwrap().id, id("later"));
            assert_eq!(claim(db, Queue::Mail, NOW, "t5", NOW).await.unwrap(), None);
        }

        async fn the_many_files_of_one_account_do_not_hold_up_the_one_of_another(db: &Db) {
            let (many, one) = (some_account(db, 1).await, some_account(db, 2).await);
            for name in ["m1", "m2", "m3", "m4"] {
                add_for(db, name, NOW, None, Some(many)).await;
            }
            let later = NOW.plus(Duration::from_secs(1));
            add_for(db, "o1", later, None, Some(one)).await;
            add_for(db, "o2", later, None, Some(one)).await;
            // With one slot, in turns: each ends before the next is taken.
            for (second, name) in (1..).zip(["m1", "o1", "m2", "o2"]) {
                let token = format!("worker {second}");
                let now = later.plus(Duration::from_secs(second));
                assert_eq!(take(db, now, &token).await.unwrap().id, id(name), "{name}");
                assert!(finish_alone(db, guard(name, &token)).await);
            }
            // With two slots, whoever has one running waits for whoever has none.
            let now = later.plus(Duration::from_secs(9));
            assert_eq!(take(db, now, "a").await.unwrap().id, id("m3"));
            add_for(db, "o3", now, None, Some(one)).await;
            assert_eq!(take(db, now, "b").await.unwrap().id, id("o3"));
            assert_eq!(take(db, now, "c").await.unwrap().id, id("m4"), "nobody else waits");
        }

        async fn whoever_lost_the_lease_can_change_nothing(db: &Db) {
            add(db, "a", NOW).await;
            take(db, NOW, "old").await.unwrap();
            let later = NOW.plus(LEASE).plus(Duration::from_millis(1));
            assert_eq!(take(db, later, "new").await.unwrap().attempts, 1, "the death of a worker is no failure of its job");
            let old = guard("a", "old");
            assert!(!heartbeat(db, old, later).await.unwrap());
            assert!(!finish_alone(db, old).await);
            assert!(!retry(db, old, later, "cause").await.unwrap());
            assert!(!release(db, old, later, None).await.unwrap());
            assert!(!fail(db, old, "cause", later).await.unwrap());
            assert!(!discard(db, old, later).await.unwrap());
            assert_eq!(row(db, "a").await, ("running".into(), 1, true));
            assert!(finish_alone(db, guard("a", "new")).await);
            assert!(!finish_alone(db, guard("a", "new")).await, "a job is finished once");
            assert_eq!(row(db, "a").await, ("done".into(), 1, false));
        }

        async fn a_heartbeat_keeps_the_job(db: &Db) {
            add(db, "a", NOW).await;
            take(db, NOW, "t").await.unwrap();
            let later = NOW.plus(LEASE * 2);
            assert!(heartbeat(db, guard("a", "t"), later.plus(LEASE)).await.unwrap());
            assert_eq!(take(db, later, "u").await, None);
        }

        async fn a_job_that_never_comes_back_is_dead_after_many_deaths_and_the_queue_moves_on(db: &Db) {
            add(db, "poison", NOW).await;
            add(db, "next", NOW.plus(LEASE * 90)).await;
            for death in 0..MAX_DEATHS {
                let claimed = take(db, NOW.plus(LEASE * 2 * death), &format!("worker {death}")).await.unwrap();
                assert_eq!((claimed.state, claimed.attempts), (JobState::Running, 1), "{death} deaths say nothing of the job");
            }
            let late = NOW.plus(LEASE * 100);
            let dead_row = take(db, late, "3").await.unwrap();
            assert_eq!((dead_row.state, dead_row.attempts), (JobState::Dead, 1));
            assert_eq!(take(db, late, "4").await.unwrap().id, id("next"));
            assert!(!finish_alone(db, guard("poison", "worker 7")).await);
            // Whoever was to tell of the death has died as well.
            let later = NOW.plus(LEASE * 110);
            assert_eq!(take(db, later, "5").await.unwrap().state, JobState::Dead);
            assert!(discard(db, guard("poison", "5"), later).await.unwrap());
            assert_eq!(row(db, "poison").await, ("dead".into(), 1, false));
            let listed = dead(db, 10).await.unwrap();
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].last_error.as_deref(), Some("its worker did not come back"));
        }

        async fn a_retry_waits_and_keeps_its_attempts(db: &Db) {
            add(db, "a", NOW).await;
            take(db, NOW, "t").await.unwrap();
            let later = NOW.plus(Duration::from_secs(5));
            assert!(retry(db, guard("a", "t"), later, "cause").await.unwrap());
            assert_eq!(row(db, "a").await, ("queued".into(), 1, false));
            assert_eq!(take(db, NOW, "u").await, None);
            assert_eq!(take(db, later, "u").await.unwrap().attempts, 2);
        }

        async fn a_released_job_has_its_attempt_back(db: &Db) {
            add(db, "a", NOW).await;
            take(db, NOW, "t").await.unwrap();
            assert!(release(db, guard("a", "t"), NOW, None).await.unwrap());
            assert_eq!(row(db, "a").await, ("queued".into(), 0, false));
        }

        async fn a_failed_job_is_dead_and_leased_until_its_death_was_handled(db: &Db) {
            add(db, "a", NOW).await;
            take(db, NOW, "t").await.unwrap();
            assert!(fail(db, guard("a", "t"), "cause", NOW.plus(LEASE)).await.unwrap());
            assert_eq!(row(db, "a").await, ("dead".into(), 1, true));
            assert!(!release(db, guard("a", "t"), NOW, None).await.unwrap());
            assert!(discard(db, guard("a", "t"), NOW).await.unwrap());
            assert_eq!(take(db, NOW.plus(LEASE * 2), "u").await, None);
        }

        async fn a_job_of_a_rolled_back_transaction_was_never_there(db: &Db) {
            let mut tx = db.begin().await.unwrap();
            let job = NewJob {
                id: id("a"),
                queue: Queue::Storage,
                kind: "reap",
                payload: "{}".into(),
                dedupe_key: None,
                max_attempts: 1,
                run_at: NOW,
                account_id: None,
                created_at: NOW,
            };
            assert!(enqueue(&mut tx, job).await.unwrap());
            assert!(is_queued(&mut tx, Queue::Storage, "reap").await.unwrap());
            drop(tx);
            assert_eq!(take(db, NOW, "t").await, None);
        }

        async fn a_second_job_of_the_same_key_is_not_made(db: &Db) {
            assert!(add_for(db, "a", NOW, Some("key"), None).await);
            assert!(!add_for(db, "b", NOW, Some("key"), None).await);
            assert!(add_for(db, "c", NOW, Some("other"), None).await);
            assert!(add_for(db, "d", NOW, None, None).await);
            assert!(add_for(db, "e", NOW, None, None).await);
        }

        async fn a_job_goes_with_its_account_and_takes_the_lease_with_it(db: &Db) {
            db.execute(sql(
                "INSERT INTO account (id, email, email_key, display_name, password_hash, plan, terms_accepted_at, terms_version, created_at) \
                 VALUES ($1, 'a', 'a', 'a', 'a', 'free', 0, '1', 0)",
            ).bind(AccountId(Uuid::nil())))
            .await
            .unwrap();
            add_for(db, "a", NOW, None, Some(AccountId(Uuid::nil()))).await;
            take(db, NOW, "t").await.unwrap();
            db.execute(sql("DELETE FROM account")).await.unwrap();
            assert!(!heartbeat(db, guard("a", "t"), NOW).await.unwrap());
        }

        async fn the_figures_tell_what_waits_and_what_ended(db: &Db) {
            assert_eq!(oldest_due(db, Queue::Storage, NOW).await.unwrap(), None);
            add(db, "a", NOW.minus(LEASE)).await;
            add(db, "b", NOW).await;
            add(db, "c", NOW.plus(LEASE)).await;
            assert_eq!(oldest_due(db, Queue::Storage, NOW).await.unwrap(), Some(NOW.minus(LEASE)));
            take(db, NOW, "t").await.unwrap();
            let count = |state, count| Count { queue: Queue::Storage, state, count };
            assert_eq!(counts(db).await.unwrap(), [count(JobState::Queued, 2), count(JobState::Running, 1)]);
            assert_eq!(oldest_due(db, Queue::Storage, NOW).await.unwrap(), Some(NOW));
            assert!(finish_alone(db, guard("a", "t")).await);
            assert_eq!(counts(db).await.unwrap(), [count(JobState::Queued, 2)], "what is done is not counted");
            assert_eq!(waiting(db, Queue::Storage, NOW).await.unwrap(), 0, "not due, and never tried");
            take(db, NOW, "u").await.unwrap();
            assert!(retry(db, guard("b", "u"), NOW.plus(LEASE), "the storage is away").await.unwrap());
            assert_eq!(waiting(db, Queue::Storage, NOW).await.unwrap(), 1);
            assert_eq!(purge(db, JobState::Done, NOW).await.unwrap(), 0);
            assert_eq!(purge(db, JobState::Dead, NOW.plus(LEASE)).await.unwrap(), 0);
            assert_eq!(purge(db, JobState::Done, NOW.plus(LEASE)).await.unwrap(), 1);
        }

        async fn a_slot_is_taken_once_and_only_forwards(db: &Db) {
            let take = async |slot: i64| {
                let mut tx = db.begin().await.unwrap();
                let taken = claim_slot(&mut tx, "reap", Timestamp(slot), Timestamp(slot + 1000)).await.unwrap();
                tx.commit().await.unwrap();
                taken
            };
            assert_eq!(slot(db, "reap").await.unwrap(), None);
            assert!(take(100).await);
            assert!(!take(100).await);
            assert!(!take(50).await);
            assert!(take(200).await);
            assert_eq!(slot(db, "reap").await.unwrap(), Some(Timestamp(200)));
            assert!(take(9000).await);
            assert!(take(300).await, "a slot far ahead was nonsense");
        }

        async fn many_claimers_take_each_job_once(db: &Db) {
            const JOBS: usize = 60;
            for n in 0..JOBS {
                add(db, &format!("{n:03}"), NOW).await;
            }
            let claimers = (0..8).map(|seed| {
                let db = db.clone();
                tokio::spawn(async move {
                    let entropy = SeededEntropy::new(seed);
                    let mut mine = Vec::new();
                    let token = || new_id(&entropy, NOW).simple().to_string();
                    // Not `take`: what another claimer is just taking still looks due.
                    while let Some(row) = claim(&db, Queue::Storage, NOW, &token(), NOW.plus(LEASE)).await.unwrap() {
                        mine.push(row.id);
                    }
                    mine
                })
            });
            let mut all = Vec::new();
            for claimer in claimers.collect::<Vec<_>>() {
                all.extend(claimer.await.unwrap());
            }
            assert_eq!(all.len(), JOBS);
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), JOBS);
        }
    }
}
