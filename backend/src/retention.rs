//! What is removed by itself is counted before and after; the removing is in `cleanup.rs`.

use std::time::Duration;

use crate::{
    Result,
    db::{Db, Sql},
};

/// How often what has expired is removed. Daily would leave 24-hour audio for up to 48.
pub const REAP_EVERY: Duration = Duration::from_secs(3600);

/// After this long past its end an object is overdue, and somebody should look.
pub const OVERDUE_AFTER: Duration = Duration::from_secs(3 * 3600);

/// A name for people, and how many there are.
pub type ExpiredCount = (&'static str, i64);

/// Counts what has expired.
pub(crate) async fn count(db: &Db, what: &'static str, select: Sql) -> Result<ExpiredCount> {
    Ok((what, db.one::<(i64,)>(select).await?.0))
}
