//! The ledger of deletions (P14, P10): the hash of every account and every analysis that was deleted, for as long as backups
//! are kept. A backup does not know of later deletions; with the ledger they are done again before anybody is served.
//!
//! It is written beside the database as well, where a backup of the database does not take it back: into the bucket, or into the
//! data folder where there is none. Trap: what is written there follows a moment after the deletion, by a job.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, sql},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    retention::{self, ExpiredCount},
    signing::sha256_hex,
    storage::Key,
    tables::{Erase, Export, Table},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "deletion",
    title: "The ledger of deletions",
    about: "Hashes of what was deleted, so that it is deleted again when a backup brings it back.",
    kept: "As long as backups are kept.",
    export: Export::Nothing("says something only to whoever knows the number of what is gone"),
    erase: Erase::Nothing("is about what is not there any more"),
}];

/// The media type of the ledger in the bucket.
const LINES: &str = "text/plain";

/// What the ledger says of an account or an analysis: nothing but to whoever has its id.
#[must_use]
pub fn hash_of(id: impl std::fmt::Display) -> String {
    sha256_hex(&id.to_string())
}

/// Records that something is deleted, in the transaction that deletes it.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn record(tx: &mut Tx, backend: &Backend, id: impl std::fmt::Display) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO deletion (hash, deleted_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    let insert = sql(INSERT).bind(hash_of(id)).bind(backend.now());
    tx.execute(insert).await?;
    publish(tx, backend).await
}

/// Has the ledger beside the database rewritten, after the commit of `tx`.
async fn publish(tx: &mut Tx, backend: &Backend) -> Result<()> {
    let publish = PublishLedger {};
    if !jobs::is_waiting(tx, &publish).await? {
        jobs::enqueue(tx, backend, &publish, EnqueueOptions::default()).await?;
    }
    Ok(())
}

/// Writes the ledger beside the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublishLedger {}

impl Job for PublishLedger {
    const POLICY: Policy = Policy {
        kind: "publish_ledger",
        queue: Queue::Storage,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

impl RunJob<Backend> for PublishLedger {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        let mut lines = hashes(&backend.db).await?.join("\n");
        lines.push('\n');
        if !backend.config.uses_builtin_storage() {
            let written = backend.storage.put(&Key::ledger(), lines.into(), LINES).await;
            return Ok(written.map_err(Error::from)?);
        }
        let file = file(backend);
        let draft = file.with_extension("draft");
        let written = async {
            tokio::fs::write(&draft, lines).await?;
            tokio::fs::rename(&draft, &file).await
        };
        Ok(written.await.map_err(unreadable)?)
    }
}

/// Every hash of the database's own ledger.
///
/// # Errors
/// The database does not answer.
pub async fn hashes(db: &Db) -> Result<Vec<String>, DbError> {
    db.scalars(sql("SELECT hash FROM deletion ORDER BY hash")).await
}

/// What the ledger beside the database says and the database does not know: it was restored from before.
///
/// # Errors
/// The database, the storage or the folder does not answer.
pub async fn missing(backend: &Backend) -> Result<HashSet<String>> {
    let known: HashSet<String> = hashes(&backend.db).await?.into_iter().collect();
    let lines = if backend.config.uses_builtin_storage() {
        match tokio::fs::read_to_string(file(backend)).await {
            Ok(lines) => lines,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unreadable(error)),
        }
    } else {
        published(backend).await?
    };
    Ok(lines
        .lines()
        .map(str::to_owned)
        .filter(|hash| !hash.is_empty() && !known.contains(hash))
        .collect())
}

async fn published(backend: &Backend) -> Result<String> {
    let key = Key::ledger();
    let Some(object) = backend.storage.head(&key).await? else {
        return Ok(String::new());
    };
    let bytes = backend.storage.get_range(&key, 0..object.size).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn file(backend: &Backend) -> PathBuf {
    backend.config.data_dir.join("deletions.txt")
}

fn unreadable(error: std::io::Error) -> Error {
    Error::Unavailable {
        what: "the ledger of deletions",
        source: error.into(),
    }
}

/// Takes up what [`missing`] said, once it was deleted again.
///
/// # Errors
/// The database does not answer.
pub async fn take_up(backend: &Backend, hashes: &HashSet<String>) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO deletion (hash, deleted_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    for hash in hashes {
        let insert = sql(INSERT).bind(hash.as_str()).bind(backend.now());
        backend.db.execute(insert).await?;
    }
    Ok(())
}

/// Forgets deletions older than every backup, here and beside the database; how many. What stayed there alone would be taken for
/// what a restored backup does not know, and be taken up again.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let before = backend.now().minus(kept(backend));
    let mut total = 0;
    loop {
        let forgotten = transaction!(backend.db, |tx| {
            let forgotten = tx.execute(sql(ended::DELETE).bind(before)).await?;
            if forgotten > 0 {
                publish(tx, backend).await?;
            }
            Ok(forgotten)
        })?;
        if forgotten == 0 {
            break;
        }
        total += forgotten;
    }
    backend.wake.wake();
    Ok(total)
}

/// What [`purge`] would forget now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let count = sql(ended::COUNT).bind(backend.now().minus(kept(backend)));
    Ok(vec![
        retention::count(&backend.db, "lines of the ledger of deletions", count).await?,
    ])
}

mod ended {
    crate::db::ended!("deletion" by "hash" where "deleted_at <= $1");
}

fn kept(backend: &Backend) -> Duration {
    Duration::from_secs(u64::from(backend.config.backups_kept_days) * 24 * 3600)
}
