//! Objects that no row knows: found by listing the bucket beside the database, and removed (P07, P09, P14).
//!
//! Rows come first and go last, so an object without one is left over: a PUT that ended after its upload was given up, after
//! its analysis or after its account was deleted. No order of steps can rule that out, because the storage knows no rows.
//! A day passes before one is removed, so that whoever starts the server with another database has time to see the figure.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Backend, Result,
    db::{Db, DbError, Tx, row, sql},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    privacy::export,
    renders,
    storage::{KeyOwner, StoredObject},
    uploads,
};

/// How old an object without a row is when it is removed.
pub const REMOVED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// An object may be younger than this database's view of it.
const SETTLED_AFTER: Duration = Duration::from_secs(15 * 60);

/// Pages of the listing (1,000 objects each) that one job looks at; the next job goes on behind them.
const PAGES: usize = 20;

row! {
    /// What a sweep has seen.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Sweep {
        /// Objects in the bucket.
        pub objects: u64,
        /// Those that no row knows, the removed ones included.
        pub without_row: u64,
        /// Those of them that were removed.
        pub removed: u64,
    }
}

/// Looks through the bucket for objects that no row knows. Periodic; each job enqueues the next one until the listing ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepObjects {
    /// The key after which it goes on.
    after: Option<String>,
    /// What was seen up to it.
    seen: Sweep,
}

impl Job for SweepObjects {
    const POLICY: Policy = Policy {
        kind: "sweep_objects",
        queue: Queue::Storage,
        max_attempts: 8,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for SweepObjects {
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        if !backend.may_remove().await? {
            return Ok(());
        }
        let (next, now) = (self.advance(backend, PAGES).await?, backend.now());
        let mut tx = backend.db.begin().await?;
        match &next {
            Next::More(job) => {
                jobs::enqueue(&mut tx, backend, job, EnqueueOptions::default()).await?;
            }
            Next::Ended(seen) => record(&mut tx, *seen, now).await?,
        }
        lease.finish_in(&mut tx, now).await.map_err(JobError::retry)?;
        tx.commit().await?;
        backend.wake.wake();
        Ok(())
    }
}

enum Next {
    More(SweepObjects),
    Ended(Sweep),
}

impl SweepObjects {
    async fn advance(mut self, backend: &Backend, pages: usize) -> Result<Next> {
        for _ in 0..pages {
            let page = backend.storage.list(self.after.as_deref()).await?;
            for object in &page.objects {
                self.look_at(backend, object).await?;
            }
            match page.next {
                Some(next) => self.after = Some(next),
                None => {
                    self.look_at_unfinished(backend).await?;
                    return Ok(Next::Ended(self.seen));
                }
            }
        }
        Ok(Next::More(self))
    }

    /// Uploads in parts that nobody will complete: none of them is an object, and no listing of objects shows them.
    async fn look_at_unfinished(&mut self, backend: &Backend) -> Result<()> {
        for upload in backend.storage.unfinished_uploads().await? {
            let age = backend.now().since(upload.began);
            let is_awaited = match upload.owner {
                KeyOwner::Upload { account, upload } => {
                    uploads::takes_parts(&backend.db, account, upload).await?
                }
                KeyOwner::Render { .. } | KeyOwner::Export { .. } => false,
            };
            if age < SETTLED_AFTER || is_awaited {
                continue;
            }
            self.seen.without_row += 1;
            if age >= REMOVED_AFTER {
                backend
                    .storage
                    .abort_multipart(&upload.key, &upload.multipart)
                    .await?;
                self.seen.removed += 1;
            }
        }
        Ok(())
    }

    async fn look_at(&mut self, backend: &Backend, object: &StoredObject) -> Result<()> {
        self.seen.objects += 1;
        let age = backend.now().since(object.modified);
        if age < SETTLED_AFTER || has_row(&backend.db, &object.owner).await? {
            return Ok(());
        }
        self.seen.without_row += 1;
        if age >= REMOVED_AFTER {
            backend.storage.delete(&object.key).await?;
            self.seen.removed += 1;
        }
        Ok(())
    }
}

async fn has_row(db: &Db, owner: &KeyOwner) -> Result<bool, DbError> {
    match owner {
        KeyOwner::Upload { account, upload } => uploads::keeps_audio(db, *account, *upload).await,
        KeyOwner::Render { account, render, .. } => renders::keeps_audio(db, *account, *render).await,
        KeyOwner::Export { account, export } => export::keeps_archive(db, *account, *export).await,
    }
}

/// Looks through the whole bucket at once, for the operator.
///
/// # Errors
/// The storage or the database does not answer; what was removed stays removed.
pub async fn run(backend: &Backend) -> Result<Sweep> {
    let mut sweep = SweepObjects::default();
    loop {
        match sweep.advance(backend, PAGES).await? {
            Next::More(next) => sweep = next,
            Next::Ended(seen) => {
                let mut tx = backend.db.begin().await?;
                record(&mut tx, seen, backend.now()).await?;
                tx.commit().await?;
                return Ok(seen);
            }
        }
    }
}

row! {
    /// The last sweep that came to its end.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct LastSweep {
        /// When it ended.
        pub ended_at: Timestamp,
        /// What it saw.
        pub seen: Sweep,
    }
}

/// The last sweep; `None` before the first.
///
/// # Errors
/// The database does not answer.
pub async fn last(db: &Db) -> Result<Option<LastSweep>, DbError> {
    const SELECT: &str = "SELECT ended_at, objects, without_row, removed FROM object_sweep";
    db.optional(sql(SELECT)).await
}

async fn record(tx: &mut Tx, seen: Sweep, now: Timestamp) -> Result<(), DbError> {
    const UPSERT: &str = "
        INSERT INTO object_sweep (id, ended_at, objects, without_row, removed) VALUES ('last', $1, $2, $3, $4)
        ON CONFLICT (id) DO UPDATE SET
            ended_at = excluded.ended_at, objects = excluded.objects,
            without_row = excluded.without_row, removed = excluded.removed";
    let upsert = sql(UPSERT)
        .bind(now)
        .bind(seen.objects)
        .bind(seen.without_row)
        .bind(seen.removed);
    tx.execute(upsert).await?;
    let left = seen.without_row - seen.removed;
    if left > 0 {
        tracing::error!(left, "objects in the storage belong to no row");
    }
    tracing::info!(
        objects = seen.objects,
        without_row = seen.without_row,
        removed = seen.removed,
        "the storage was compared with the database"
    );
    Ok(())
}
