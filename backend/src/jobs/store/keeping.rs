//! Rows that are taken up again, or that go.

use model::{AccountId, JobId, Timestamp};

use crate::{
    db::{Db, DbError, Tx, sql},
    jobs::JobState,
};

const REVIVE: &str = "\
UPDATE job SET state = 'queued', attempts = 0, deaths = 0, run_at = $2, finished_at = NULL \
WHERE kind = $1 AND state = 'dead' AND finished_at IS NOT NULL";

/// Dead → queued, with all attempts given back.
pub(in crate::jobs) async fn revive(db: &Db, kind: &str, now: Timestamp) -> Result<u64, DbError> {
    db.execute(sql(REVIVE).bind(kind).bind(now)).await
}

const MENTIONS: &str = "\
SELECT id FROM job WHERE payload LIKE '%' || $1 || '%' OR last_error LIKE '%' || $1 || '%' OR dedupe_key LIKE '%' || $1 || '%'";

/// Deletes jobs that mention `text`. They are looked for without the lock that writing takes, because it reads every row.
pub(in crate::jobs) async fn delete_mentions(db: &Db, text: &str) -> Result<u64, DbError> {
    let mut deleted = 0;
    for id in db.scalars::<JobId>(sql(MENTIONS).bind(text)).await? {
        deleted += db.execute(sql("DELETE FROM job WHERE id = $1").bind(id)).await?;
    }
    Ok(deleted)
}

const STOP_ALL_OF: &str = "DELETE FROM job WHERE account_id = $1 AND state IN ('queued', 'running')";

/// Deletes the jobs of an account that wait or run.
pub(in crate::jobs) async fn stop_all_of(tx: &mut Tx, account: AccountId) -> Result<u64, DbError> {
    tx.execute(sql(STOP_ALL_OF).bind(account)).await
}

mod ended {
    crate::db::ended!("job" by "id" where "state = $1 AND finished_at < $2");
}

/// Deletes the rows of jobs that ended as `state` before `before`. How many.
pub(in crate::jobs) async fn purge(db: &Db, state: JobState, before: Timestamp) -> Result<u64, DbError> {
    db.execute_until_done(sql(ended::DELETE).bind(state).bind(before))
        .await
}

/// How many [`purge`] would delete.
pub(in crate::jobs) async fn count_ended(
    db: &Db,
    state: JobState,
    before: Timestamp,
) -> Result<i64, DbError> {
    let count: (i64,) = db.one(sql(ended::COUNT).bind(state).bind(before)).await?;
    Ok(count.0)
}
