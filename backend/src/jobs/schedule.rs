//! All periodic work. A slot is a multiple of the period; the process that takes it in the `cron` table enqueues the
//! job in the same transaction, so that it runs once however many processes there are. A late process takes the newest
//! slot only.

use std::time::Duration;

use model::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{EnqueueOptions, IdGenerator, Job, Notifier, Policy, StoredJob, enqueue_stored, store};
use crate::{
    Result,
    db::{Db, DbError},
};

/// Work that comes back.
#[derive(Debug, Clone, Copy)]
pub struct Periodic {
    /// The name in the `cron` table.
    name: &'static str,
    every: Duration,
    policy: Policy,
    job: fn() -> Result<StoredJob>,
}

impl Periodic {
    /// A job of the kind `J` each `every`, under the kind's name.
    #[must_use]
    pub const fn new<J: Job + Default>(every: Duration) -> Self {
        Self {
            name: J::POLICY.kind,
            every,
            policy: J::POLICY,
            job: || StoredJob::new(&J::default()),
        }
    }
}

/// How often the clock is looked at; far shorter than any period.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Enqueues `periodic` work when its time comes, until `shutdown`. Runs in any number of processes.
pub async fn beat(
    db: &Db,
    ids: &impl IdGenerator,
    wake: &Notifier,
    periodic: &[Periodic],
    shutdown: &CancellationToken,
) {
    loop {
        match tick(db, ids, periodic).await {
            Ok(0) => {}
            Ok(_) => wake.wake(),
            Err(error) => {
                tracing::warn!(%error, "periodic work could not be enqueued; tried again in a moment")
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// When the newest slot of any periodic work began; `None` before the first.
///
/// # Errors
/// The database does not answer.
pub async fn last(db: &Db) -> Result<Option<Timestamp>, DbError> {
    store::last_slot(db).await
}

/// Enqueues whatever of `periodic` is due and not yet taken. How much.
///
/// # Errors
/// The database does not answer.
pub async fn tick(db: &Db, ids: &impl IdGenerator, periodic: &[Periodic]) -> Result<u64> {
    let mut enqueued = 0;
    for periodic in periodic {
        enqueued += u64::from(take(db, ids, periodic).await?);
    }
    Ok(enqueued)
}

/// Whether this process took the slot and enqueued its job.
async fn take(db: &Db, ids: &impl IdGenerator, periodic: &Periodic) -> Result<bool> {
    let slot = slot_of(ids.now(), periodic.every);
    // Almost always taken already, which is seen without a write.
    if store::slot(db, periodic.name).await? == Some(slot) {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    // Clocks that are nearly right take the same slot or the next. What lies further ahead, a wrong clock has taken.
    let wrong_after = slot.plus(periodic.every);
    if !store::claim_slot(&mut tx, periodic.name, slot, wrong_after).await? {
        return Ok(false);
    }
    let policy = &periodic.policy;
    // Without workers for a day, one of a kind waits, not hundreds.
    let is_new = !store::is_queued(&mut tx, policy.queue, policy.kind).await?;
    if is_new {
        let options = EnqueueOptions::default();
        enqueue_stored(&mut tx, ids, policy, (periodic.job)()?, options).await?;
    }
    tx.commit().await?;
    Ok(is_new)
}

/// The newest slot at `now`.
fn slot_of(now: Timestamp, every: Duration) -> Timestamp {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp(now.0 - now.0.rem_euclid(every))
}
