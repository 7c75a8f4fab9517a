//! Slows down guessing of passwords: after some wrong tries an address has to wait, longer each time, never for good.
//!
//! Counted by a keyed hash of the address, whether it has an account or not, so that the wait tells nothing.

use std::time::Duration;

use model::{Problem, ProblemCode, Timestamp};

use crate::{
    Backend, Error, Result,
    db::{DbError, Tx, sql},
    signing::Purpose,
};

/// Wrong tries that cost nothing.
const FREE_TRIES: i64 = 5;

/// The longest wait. A lock without end would let anybody shut out anybody.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// Wrong tries are forgotten after this long without another.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Refuses while the address has to wait.
pub(super) async fn check(backend: &Backend, email_key: &str) -> Result<()> {
    const SELECT: &str = "SELECT blocked_until FROM sign_in_throttle WHERE subject_hash = $1";
    let row: Option<(i64,)> = backend
        .db
        .optional(sql(SELECT).bind(subject(backend, email_key)))
        .await?;
    let wait = row.map_or(Duration::ZERO, |(until,)| Timestamp(until).since(backend.now()));
    if wait.is_zero() {
        return Ok(());
    }
    let seconds = wait.as_secs() + 1;
    Err(Error::Problem(Problem {
        retry_after: Some(seconds),
        ..Problem::new(
            ProblemCode::RateLimited,
            format!("Too many wrong passwords for this address. Try again in {seconds} s."),
        )
    }))
}

/// Counts a wrong try.
pub(super) async fn failed(backend: &Backend, email_key: &str) -> Result<()> {
    const UPSERT: &str = "
        INSERT INTO sign_in_throttle (subject_hash, failures, blocked_until, updated_at) VALUES ($1, 1, 0, $2)
        ON CONFLICT (subject_hash) DO UPDATE SET failures = sign_in_throttle.failures + 1, updated_at = $2
        RETURNING failures";
    const BLOCK: &str = "UPDATE sign_in_throttle SET blocked_until = $2 WHERE subject_hash = $1";
    let (subject, now) = (subject(backend, email_key), backend.now());
    let mut tx = backend.db.begin().await?;
    let failures = tx
        .optional::<(i64,)>(sql(UPSERT).bind(subject.as_str()).bind(now))
        .await?
        .map_or(0, |row| row.0);
    tx.execute(sql(BLOCK).bind(subject).bind(now.plus(wait_after(failures))))
        .await?;
    Ok(tx.commit().await?)
}

/// Forgets the wrong tries of an address.
pub(super) async fn succeeded(backend: &Backend, tx: &mut Tx, email_key: &str) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM sign_in_throttle WHERE subject_hash = $1";
    tx.execute(sql(DELETE).bind(subject(backend, email_key))).await
}

/// Forgets old wrong tries; how many addresses.
pub(super) async fn reap(backend: &Backend) -> Result<u64> {
    const DELETE: &str = "DELETE FROM sign_in_throttle WHERE updated_at <= $1";
    Ok(backend
        .db
        .execute(sql(DELETE).bind(backend.now().minus(FORGET_AFTER)))
        .await?)
}

fn subject(backend: &Backend, email_key: &str) -> String {
    backend.signer.sign(Purpose::SignInThrottle, &[email_key])
}

/// No wait for the first tries, then 1, 2, 4, … seconds.
fn wait_after(failures: i64) -> Duration {
    match u32::try_from(failures - FREE_TRIES) {
        Err(_) => Duration::ZERO,
        Ok(exponent) => Duration::from_secs(1 << exponent.min(16)).min(MAX_WAIT),
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
