//! Opening the database and bringing its schema up to date.

use std::{
    fs::File,
    path::{Path, PathBuf},
    str::FromStr,
    sync::LazyLock,
    time::Duration,
};

use sqlx::{
    Connection, SqlSafeStr as _, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Db, DbError, Pools, Writes, record::schema};

macro_rules! step {
    ($version:literal, $description:literal, $file:literal) => {
        Migration::new(
            $version,
            $description.into(),
            MigrationType::Simple,
            include_str!(concat!("../../../migrations/", $file)).into_sql_str(),
            false,
        )
    };
}

/// What `sqlx::migrate!` makes of the folder. That macro needs sqlx, its drivers and SQLite at compile time, and all of them would be
/// compiled twice. A test counts the files of the folder.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    Migrator::with_migrations(vec![
        step!(1, "accounts", "0001_accounts.sql"),
        step!(2, "uploads", "0002_uploads.sql"),
        step!(3, "analyses", "0003_analyses.sql"),
        step!(4, "jobs", "0004_jobs.sql"),
        step!(5, "mail", "0005_mail.sql"),
        step!(6, "privacy", "0006_privacy.sql"),
        step!(7, "api", "0007_api.sql"),
        step!(8, "webhooks", "0008_webhooks.sql"),
        step!(9, "billing", "0009_billing.sql"),
        step!(10, "jobs of account", "0010_jobs_of_account.sql"),
    ])
});

/// How long a statement waits for SQLite's write lock, which other processes may hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller waits for a free connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that was used within this time is taken to be whole: to ask it costs a round trip for each statement. One that broke since
/// fails that statement, which it would also do if it broke a moment after the question.
const WHOLE_FOR: Duration = Duration::from_secs(1);

/// Asks a connection that was idle for longer whether it is whole.
async fn ask_idle<C: Connection>(connection: &mut C, idle_for: Duration) -> Result<bool, DbError> {
    if idle_for > WHOLE_FOR {
        connection.ping().await?;
    }
    Ok(true)
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database has a step that this program does not know.
    #[error(
        "this database was made by a newer version of MixLens: its schema has step {0}, which this version does not know. Start the newer version again, or restore a backup from before it"
    )]
    Newer(i64),
    /// A step was another one when the database took it.
    #[error(
        "step {0} of this database's schema is not the one that this version of MixLens has. It was made by a version that was never released; begin with a new database"
    )]
    Different(i64),
    /// A step failed.
    #[error("the database's schema could not be brought up to date: {0}")]
    Failed(MigrateError),
    /// Nobody can be kept from doing the same at once.
    #[error("the file beside the database that keeps others waiting cannot be used: {0}")]
    Lock(std::io::ErrorKind),
}

impl From<MigrateError> for SchemaError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(step) | MigrateError::VersionTooNew(step, _) => Self::Newer(step),
            MigrateError::VersionMismatch(step) => Self::Different(step),
            error => Self::Failed(error),
        }
    }
}

/// What a process has open to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those in use.
    pub used: u32,
    /// Those that wait to be used.
    pub idle: u32,
    /// As many as there may be.
    pub max: u32,
}

/// Held by one process of all that use a SQLite file, while it makes the file or its schema. PostgreSQL has a lock for this.
fn lock_beside(database: PathBuf) -> std::io::Result<File> {
    let mut name = database.into_os_string();
    name.push(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(PathBuf::from(name))?;
    file.lock()?;
    Ok(file)
}

/// Whether a connection that comes back is outside of any transaction; one that is not is closed, and the next writer gets a new
/// one. SQLite rolls back by itself when the disk is full, when a read or write fails and when memory is short (sqlite.org,
/// `lang_transaction.html`, 2.3); the rollback that sqlx sends then fails, sqlx believes itself in the transaction for good, and
/// refuses every further `BEGIN IMMEDIATE`.
async fn is_whole(connection: &mut SqliteConnection) -> Result<bool, DbError> {
    // The rollback of a dropped transaction is done before the answer to this.
    connection.ping().await?;
    let is_whole = !connection.is_in_transaction();
    if !is_whole {
        tracing::warn!("a transaction could not be ended; its connection is replaced");
    }
    Ok(is_whole)
}

async fn lock(options: &SqliteConnectOptions) -> std::io::Result<Option<File>> {
    let database = options.get_filename().to_path_buf();
    if database.as_os_str().is_empty() || database.as_os_str() == ":memory:" {
        return Ok(None);
    }
    tokio::task::spawn_blocking(|| lock_beside(database))
        .await
        .map_err(std::io::Error::other)?
        .map(Some)
}

impl Db {
    fn of(pools: Pools) -> Self {
        Self {
            pools,
            writes: Writes::default(),
        }
    }

    /// Opens `sqlite:<path>` (made when it does not exist) or `postgres://…`, without touching the schema.
    ///
    /// # Errors
    /// The URL is of neither kind, or the database cannot be reached.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, DbError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                .busy_timeout(BUSY_TIMEOUT)
                // What is deleted is gone from the file as well, not only from the table (P14).
                .pragma("secure_delete", "ON")
                // An outbox is only as lasting as the commit that wrote it.
                .synchronous(SqliteSynchronous::Full);
            // Two that make the file and its journal at once refuse each other.
            let _making = lock(&options).await?;
            let writer = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .after_release(|connection, _| Box::pin(is_whole(connection)))
                .connect_with(options.clone())
                .await?;
            let reader = SqlitePoolOptions::new()
                .max_connections(max_connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
                .await?;
            Ok(Self::of(Pools::Sqlite { reader, writer }))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = PgPoolOptions::new()
                .max_connections(max_connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .before_acquire(|connection, meta| Box::pin(ask_idle(connection, meta.idle_for)))
                .connect_with(PgConnectOptions::from_str(url)?)
                .await?;
            Ok(Self::of(Pools::Postgres(pool)))
        } else {
            Err(DbError::Configuration(
                "the database URL must begin with sqlite: or postgres:".into(),
            ))
        }
    }

    /// Brings the schema up to date. Safe to call from several processes at once.
    ///
    /// # Errors
    /// A migration fails, or the database is of a newer version of MixLens.
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let _alone = lock(&writer.connect_options())
                    .await
                    .map_err(|error| SchemaError::Lock(error.kind()))?;
                MIGRATIONS.run(writer).await?;
            }
            Pools::Postgres(pool) => MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// Whether there is an installation: the database is there and has a schema. Makes nothing.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn is_installed(url: &str) -> Result<bool, DbError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?;
            return Ok(std::fs::metadata(options.get_filename()).is_ok_and(|file| file.len() > 0));
        }
        let db = Self::connect(url, 1).await?;
        let schema = schema(&db).await;
        db.close().await;
        Ok(schema?.contains_key("account"))
    }

    /// Copies a SQLite database into a new file, whole as of one moment, while others read and write.
    ///
    /// # Errors
    /// The database does not answer, is none of SQLite, or the file is there already.
    pub async fn copy_into(&self, file: &Path) -> Result<(), DbError> {
        let Pools::Sqlite { writer, .. } = &self.pools else {
            return Err(DbError::Configuration("only SQLite is copied".into()));
        };
        sqlx::query("VACUUM INTO $1")
            .bind(file.display().to_string())
            .execute(writer)
            .await?;
        Ok(())
    }

    /// Takes what was deleted out of the journal of SQLite, too, which keeps former pages for a while. PostgreSQL cleans up
    /// by itself.
    ///
    /// # Errors
    /// The database does not answer. That somebody was reading and it is left for the next time is none.
    pub async fn forget_deleted(&self) -> Result<(), DbError> {
        if let Pools::Sqlite { writer, .. } = &self.pools {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(writer)
                .await?;
        }
        Ok(())
    }

    /// The connections of this process.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let (size, idle, max) = match &self.pools {
            Pools::Sqlite { reader, writer } => (
                reader.size() + writer.size(),
                reader.num_idle() + writer.num_idle(),
                reader.options().get_max_connections() + writer.options().get_max_connections(),
            ),
            Pools::Postgres(pool) => (pool.size(), pool.num_idle(), pool.options().get_max_connections()),
        };
        // Both are read one after the other, while others take and give back.
        let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(size);
        Connections {
            used: size - idle,
            idle,
            max,
        }
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { reader, writer } => {
                reader.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// What is spoken to, for logs and `mixlens config`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.pools {
            Pools::Sqlite { .. } => "SQLite",
            Pools::Postgres(_) => "PostgreSQL",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::db::{Db, Fault, Pools, contract::Scratch, sql};

    const SMALL: &str = "UPDATE cron SET slot = 2 WHERE name = 'small'";

    async fn slot(db: &Db) -> i64 {
        let slot = db.scalar(sql("SELECT slot FROM cron WHERE name = 'small'")).await;
        slot.unwrap().unwrap()
    }

    async fn with_a_row() -> Scratch {
        let scratch = Scratch::sqlite().await;
        let insert = sql("INSERT INTO cron (name, slot) VALUES ('small', 1)");
        scratch.db.execute(insert).await.unwrap();
        scratch
    }

    #[tokio::test]
    async fn after_a_full_disk_the_next_write_works() {
        let scratch = with_a_row().await;
        let db = &scratch.db;
        let Pools::Sqlite { writer, .. } = &db.pools else {
            panic!("it is SQLite")
        };
        // The limit is the connection's own, and a disk that has room again is a limit that is gone.
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(writer)
            .await
            .unwrap();
        let full = db
            .execute(sql("INSERT INTO cron (name, slot) VALUES ($1, 1)").bind("x".repeat(1_000_000)))
            .await
            .unwrap_err();
        let code = full.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("13"), "{full}");
        assert_eq!(Fault::of(&full), Fault::Unavailable);
        assert_eq!(db.execute(sql(SMALL)).await.unwrap(), 1);
        assert_eq!(slot(db).await, 2);
        scratch.remove().await;
    }

    /// What SQLite does by itself when it cannot go on is done by a statement here.
    #[tokio::test]
    async fn after_a_transaction_that_ended_by_itself_the_next_write_works() {
        let scratch = with_a_row().await;
        let db = &scratch.db;
        for is_committed in [true, false] {
            let mut tx = db.begin().await.unwrap();
            tx.execute(sql("ROLLBACK")).await.unwrap();
            if is_committed {
                tx.commit().await.unwrap_err();
            } else {
                drop(tx);
            }
            assert_eq!(db.execute(sql(SMALL)).await.unwrap(), 1, "{is_committed}");
        }
        scratch.remove().await;
    }
}
