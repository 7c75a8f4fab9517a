//! The clock that all processes of an installation share: that of the database (ADR 0011).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use model::Timestamp;

use super::{Db, DbError, Pools, sql};
use crate::clock::{Clock, SystemClock};

/// A clock that differs by more from the time that has passed was moved: no clock is adjusted by so much at once.
const MOVED_BY: Duration = Duration::from_secs(5 * 60);

/// After this time, a clock that was moved is believed: it is right now, or stays wrong.
const BELIEVED_AFTER: Duration = Duration::from_secs(30 * 60);

/// PostgreSQL's clock, or that of the machine where the database is SQLite. Cheap to clone.
///
/// Between two answers of PostgreSQL, time goes on as this machine counts it (a monotonic clock, which nobody sets), so that a wrong
/// clock of this machine, and one that is being set, decide nothing.
#[derive(Debug, Clone)]
pub struct InstallationClock {
    db: Db,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug)]
struct Seen {
    /// What the clock said last.
    last: Reading,
    steps: Steps,
}

/// What a clock said, and when that was by the time that has passed.
#[derive(Debug, Clone, Copy)]
struct Reading {
    said: Timestamp,
    at: Instant,
}

impl Reading {
    /// What the clock should say at `at`.
    fn expected(self, at: Instant) -> Timestamp {
        self.said.plus(at.saturating_duration_since(self.at))
    }
}

impl InstallationClock {
    /// Asks the database for its time.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn connect(db: &Db) -> Result<Self, DbError> {
        let first = read(db).await?;
        Ok(Self {
            db: db.clone(),
            seen: Arc::new(Mutex::new(Seen {
                last: first,
                steps: Steps::from(first),
            })),
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for InstallationClock {
    fn now(&self) -> Timestamp {
        match &self.db.pools {
            Pools::Sqlite { .. } => SystemClock.now(),
            Pools::Postgres(_) => self.seen().last.expected(Instant::now()),
        }
    }

    fn of_machine(&self) -> Timestamp {
        SystemClock.now()
    }

    fn ask(&self) -> BoxFuture<'_, Result<Timestamp, DbError>> {
        async {
            let reading = read(&self.db).await?;
            self.seen().last = reading;
            Ok(reading.said)
        }
        .boxed()
    }

    fn ask_before_removal(&self) -> BoxFuture<'_, Result<Option<Timestamp>, DbError>> {
        async {
            let reading = read(&self.db).await?;
            let mut seen = self.seen();
            seen.last = reading;
            Ok(seen.steps.agree_with(reading).then_some(reading.said))
        }
        .boxed()
    }
}

async fn read(db: &Db) -> Result<Reading, DbError> {
    const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
    let said = match &db.pools {
        Pools::Sqlite { .. } => SystemClock.now(),
        Pools::Postgres(_) => db.scalar(sql(NOW)).await?.ok_or(sqlx::Error::RowNotFound)?,
    };
    // After the answer, so that a slow one makes the clock slow and nothing ends early.
    Ok(Reading {
        said,
        at: Instant::now(),
    })
}

/// Compares what a clock says with the time that has passed.
#[derive(Debug)]
struct Steps {
    trusted: Reading,
    doubted_since: Option<Instant>,
}

impl From<Reading> for Steps {
    fn from(trusted: Reading) -> Self {
        Self {
            trusted,
            doubted_since: None,
        }
    }
}

impl Steps {
    /// Whether the clock went on as time did, or was moved so long ago that it is believed.
    fn agree_with(&mut self, reading: Reading) -> bool {
        let wrong_by = reading.said.0.abs_diff(self.trusted.expected(reading.at).0);
        let is_moved = Duration::from_millis(wrong_by) > MOVED_BY;
        if is_moved {
            let since = *self.doubted_since.get_or_insert(reading.at);
            if reading.at.saturating_duration_since(since) < BELIEVED_AFTER {
                return false;
            }
        }
        *self = Self::from(reading);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::contract::Scratch;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_clock_that_leaps_is_doubted_until_it_is_back_or_has_stayed() {
        let begun = Instant::now();
        let at = |passed: Duration, ahead: Duration| Reading {
            said: Timestamp(1_000_000_000).plus(passed).plus(ahead),
            at: begun + passed,
        };
        let mut steps = Steps::from(at(Duration::ZERO, Duration::ZERO));
        assert!(steps.agree_with(at(HOUR, Duration::ZERO)), "an hour passes");
        assert!(steps.agree_with(at(HOUR, MOVED_BY)), "it is adjusted");
        assert!(!steps.agree_with(at(2 * HOUR, 20 * HOUR)), "20 hours ahead");
        assert!(steps.agree_with(at(3 * HOUR, MOVED_BY)), "and right again");
        assert!(!steps.agree_with(at(4 * HOUR, 20 * HOUR)), "and ahead again");
        assert!(
            steps.agree_with(at(5 * HOUR, 20 * HOUR)),
            "it stays, and is believed"
        );
        assert!(!steps.agree_with(at(6 * HOUR, Duration::ZERO)), "set back");
    }

    #[tokio::test]
    async fn the_clock_of_sqlite_is_the_machines() {
        let scratch = Scratch::sqlite().await;
        let clock = InstallationClock::connect(&scratch.db).await.unwrap();
        assert!(clock.now().0.abs_diff(SystemClock.now().0) < 60_000);
        assert!(clock.ask_before_removal().await.unwrap().is_some());
        scratch.remove().await;
    }

    #[tokio::test]
    async fn a_machine_whose_clock_is_wrong_goes_by_the_clock_of_postgresql() {
        let scratch = Scratch::postgres().await;
        for hours in [-20, 20] {
            let db = scratch.with_clock_ahead_by(hours).await;
            let there = |now: Timestamp| {
                let right = SystemClock.now().0 + i64::from(hours) * 3_600_000;
                now.0.abs_diff(right) < 60_000
            };
            let clock = InstallationClock::connect(&db).await.unwrap();
            assert!(there(clock.now()), "{hours}");
            assert!(there(clock.ask().await.unwrap()), "{hours}");
            assert!(
                there(clock.ask_before_removal().await.unwrap().unwrap()),
                "{hours}"
            );
            assert!(!there(clock.of_machine()), "{hours}");
            db.close().await;
        }
        scratch.remove().await;
    }
}
