//! Which object store of its own an installation has, so that processes that do not share one do not wait for each other for
//! ever.
//!
//! Without S3 the web role serves a store over its data folder. A worker finds the objects only where it has the same folder:
//! the first web process writes a hash of its store's key id into the database, and who comes with another one is refused.

use std::time::Duration;

use model::Timestamp;

use crate::{
    Backend, Result,
    db::{Db, DbError, sql},
    signing::sha256_hex,
    tables::{Table, about_nobody},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[about_nobody(
    "installation",
    "The storage of this installation",
    "So that no process uses another one by mistake.",
    "For ever; nobody is in it.",
)];

/// How long a process without the web role waits for one that has it: all of them may start at once for the first time.
const WAITS_FOR_WEB: Duration = Duration::from_secs(30);
const LOOKS_EVERY: Duration = Duration::from_millis(200);

/// What a process does with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It has the web role, and so serves the store.
    Serves,
    /// It reads from the store of the web role.
    Uses,
}

/// Whether a process belongs to the installation of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// The database belongs to another store.
    #[error(
        "the object store in this data folder is not the one that this database was used with. Processes on several machines need an S3 in common: set storage.endpoint. If the old folder is lost for good, `mixlens admin adopt-storage` takes this one"
    )]
    OtherStorage,
    /// No web role ever started with this database.
    #[error(
        "no web process has started with this database, so there is no object store to work with. Processes that do one role need a database and an S3 in common (database_url, storage.endpoint), or the same data folder as `mixlens web`"
    )]
    NoWeb,
}

/// Makes a process with a store of its own, of the key id `access_key`, part of the installation.
///
/// # Errors
/// The database does not answer. The inner one: the process is none of the installation's.
pub async fn join(backend: &Backend, access_key: &str, part: Part) -> Result<Result<(), Stranger>> {
    let own = sha256_hex(access_key);
    if part == Part::Serves {
        record(&backend.db, &own, backend.now()).await?;
    }
    let looks = WAITS_FOR_WEB.as_millis() / LOOKS_EVERY.as_millis();
    for _ in 0..looks {
        match find(&backend.db).await? {
            Some(storage) if storage == own => return Ok(Ok(())),
            Some(_) => return Ok(Err(Stranger::OtherStorage)),
            None => tokio::time::sleep(LOOKS_EVERY).await,
        }
    }
    Ok(Err(Stranger::NoWeb))
}

/// Forgets the store, so that the next web process brings its own.
///
/// # Errors
/// The database does not answer.
pub async fn adopt_storage(backend: &Backend) -> Result<()> {
    backend.db.execute(sql("DELETE FROM installation")).await?;
    Ok(())
}

async fn find(db: &Db) -> Result<Option<String>, DbError> {
    db.scalar(sql("SELECT storage_hash FROM installation")).await
}

async fn record(db: &Db, storage: &str, now: Timestamp) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO installation (id, storage_hash, joined_at) VALUES ('storage', $1, $2) ON CONFLICT (id) DO NOTHING";
    db.execute(sql(INSERT).bind(storage).bind(now)).await
}
