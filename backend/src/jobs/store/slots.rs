//! The SQL of the `cron` table: which slot of each periodic work was taken last.

use model::Timestamp;

use crate::db::{Db, DbError, Tx, sql};

// A slot far ahead comes from a clock that was wrong; without the second half the work would never run again.
const CLAIM_SLOT: &str = "\
INSERT INTO cron (name, slot) VALUES ($1, $2) \
ON CONFLICT (name) DO UPDATE SET slot = excluded.slot WHERE cron.slot < excluded.slot OR cron.slot > $3";

/// Takes the slot of a periodic job, unless some process took it or a later one.
pub(in crate::jobs) async fn claim_slot(
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
pub(in crate::jobs) async fn slot(db: &Db, name: &str) -> Result<Option<Timestamp>, DbError> {
    db.scalar(sql(SLOT).bind(name)).await
}

/// The newest slot of all.
pub(in crate::jobs) async fn last_slot(db: &Db) -> Result<Option<Timestamp>, DbError> {
    let newest: Option<Option<Timestamp>> = db.scalar(sql("SELECT MAX(slot) FROM cron")).await?;
    Ok(newest.flatten())
}
