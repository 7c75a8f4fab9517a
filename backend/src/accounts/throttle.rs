//! Slows down guessing of passwords and codes: after some wrong tries an address has to wait, longer each time, never for good.
//!
//! Counted by a keyed hash of the address, whether it has an account or not, so that the wait tells nothing.

use std::time::Duration;

use model::{Problem, ProblemCode, Timestamp};

use crate::{
    Backend, Error, Result,
    db::{DbError, Tx, sql},
    retention::{self, ExpiredCount},
    signing::Purpose,
};

/// Wrong tries that cost nothing.
const FREE_TRIES: u32 = 5;

/// The longest wait. A lock without end would let anybody shut out anybody.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// Wrong tries are forgotten after this long without another.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Counts a try before it is known whether it is wrong, so that many at once are not more than one after the other.
/// Refuses while the address has to wait. A right one is followed by [`succeeded`].
pub(super) async fn attempt(backend: &Backend, key: &str) -> Result<()> {
    const UPSERT: &str = "
        INSERT INTO sign_in_throttle (subject_hash, failures, blocked_until, updated_at) VALUES ($1, 1, 0, $2)
        ON CONFLICT (subject_hash) DO UPDATE SET failures = sign_in_throttle.failures + 1, updated_at = $2
        WHERE sign_in_throttle.blocked_until <= $2
        RETURNING failures";
    const BLOCK: &str = "UPDATE sign_in_throttle SET blocked_until = $2 WHERE subject_hash = $1";
    const SELECT: &str = "SELECT blocked_until FROM sign_in_throttle WHERE subject_hash = $1";
    let (subject, now) = (subject(backend, key), backend.now());
    let mut tx = backend.db.begin().await?;
    let counted = tx.scalar(sql(UPSERT).bind(subject.as_str()).bind(now)).await?;
    if let Some(failures) = counted {
        let until = now.plus(wait_after(failures));
        tx.execute(sql(BLOCK).bind(subject).bind(until)).await?;
        return Ok(tx.commit().await?);
    }
    let until: Option<Timestamp> = tx.scalar(sql(SELECT).bind(subject)).await?;
    let wait = until.map_or(Duration::ZERO, |until| until.since(now));
    let seconds = wait.as_secs() + 1;
    Err(Error::Problem(Problem {
        retry_after: Some(seconds),
        ..Problem::new(
            ProblemCode::RateLimited,
            format!("Too many wrong tries. Try again in {seconds} s."),
        )
    }))
}

/// Forgets the tries of an address, because the last one was right.
pub(super) async fn succeeded(backend: &Backend, tx: &mut Tx, key: &str) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM sign_in_throttle WHERE subject_hash = $1";
    tx.execute(sql(DELETE).bind(subject(backend, key))).await
}

/// Forgets old wrong tries; how many addresses.
pub(super) async fn purge(backend: &Backend) -> Result<u64> {
    let before = backend.now().minus(FORGET_AFTER);
    Ok(backend.db.execute(sql(ended::DELETE).bind(before)).await?)
}

pub(super) async fn expired(backend: &Backend) -> crate::Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(FORGET_AFTER));
    retention::count(&backend.db, "counts of wrong passwords and codes", count).await
}

mod ended {
    crate::db::ended!("sign_in_throttle" where "updated_at <= $1");
}

/// The keyed hash in the table.
pub(super) fn subject(backend: &Backend, key: &str) -> String {
    backend.signer.sign(Purpose::SignInThrottle, &[key])
}

/// No wait for the first tries, then 1, 2, 4, … seconds.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(exponent) => Duration::from_secs(1 << exponent.min(16)).min(MAX_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_begins_after_five_wrong_tries_doubles_and_ends_at_fifteen_minutes() {
        assert_eq!(wait_after(4), Duration::ZERO);
        assert_eq!(wait_after(5), Duration::from_secs(1));
        assert_eq!(wait_after(8), Duration::from_secs(8));
        assert_eq!(wait_after(400), MAX_WAIT);
    }
}
