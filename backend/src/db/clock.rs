//! The time of the database, for what several processes must agree on.

use model::Timestamp;

use super::{Db, DbError, Pools, sql};
use crate::clock::{Clock as _, SystemClock};

/// Clocks that differ by less agree: the answer takes a moment, and nothing here is exact to a second.
const TOLERANCE_MS: i64 = 2_000;

impl Db {
    /// `now`, which is by the clock of this machine, as it is by the clock of the database. SQLite has the clock of its machine,
    /// which is this one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn correct(&self, now: Timestamp) -> Result<Timestamp, DbError> {
        const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        if matches!(self.pools, Pools::Sqlite { .. }) {
            return Ok(now);
        }
        let there: Timestamp = self.scalar(sql(NOW)).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(corrected(now, SystemClock.now(), there))
    }
}

/// `now` moved by what the machine's clock is wrong by.
fn corrected(now: Timestamp, here: Timestamp, there: Timestamp) -> Timestamp {
    let wrong_by = here.0 - there.0;
    if wrong_by.abs() < TOLERANCE_MS {
        now
    } else {
        Timestamp(now.0 - wrong_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_set_right_and_one_that_is_nearly_right_is_left() {
        let now = Timestamp(1_000_000_000);
        let at = |ms: i64| Timestamp(now.0 + ms);
        assert_eq!(corrected(now, at(0), at(-1_999)), now);
        assert_eq!(
            corrected(now, at(0), at(-20 * 60_000)),
            at(-20 * 60_000),
            "20 minutes ahead"
        );
        assert_eq!(
            corrected(now, at(0), at(3_600_000)),
            at(3_600_000),
            "an hour behind"
        );
    }

    crate::contract! {
        async fn the_database_of_a_test_has_the_right_time(db: &Db) {
            let now = Timestamp(5);
            assert_eq!(db.correct(now).await.unwrap(), now);
        }
    }
}
