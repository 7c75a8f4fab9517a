//! Opening the database and bringing its schema up to date.

use std::{str::FromStr, time::Duration};

use sqlx::{
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Db, DbError, Pools};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How long a statement waits for SQLite's write lock, which other processes may hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller waits for a free connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

impl Db {
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
            let writer = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(options.clone())
                .await?;
            let reader = SqlitePoolOptions::new()
                .max_connections(max_connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
                .await?;
            Ok(Self(Pools::Sqlite { reader, writer }))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = PgPoolOptions::new()
                .max_connections(max_connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_with(PgConnectOptions::from_str(url)?)
                .await?;
            Ok(Self(Pools::Postgres(pool)))
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
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        match &self.0 {
            Pools::Sqlite { writer, .. } => MIGRATIONS.run(writer).await,
            Pools::Postgres(pool) => MIGRATIONS.run(pool).await,
        }
    }

    /// Takes what was deleted out of the journal of SQLite, too, which keeps former pages for a while. PostgreSQL cleans up
    /// by itself.
    ///
    /// # Errors
    /// The database does not answer. That somebody was reading and it is left for the next time is none.
    pub async fn forget_deleted(&self) -> Result<(), DbError> {
        if let Pools::Sqlite { writer, .. } = &self.0 {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(writer)
                .await?;
        }
        Ok(())
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        match &self.0 {
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
        match &self.0 {
            Pools::Sqlite { .. } => "SQLite",
            Pools::Postgres(_) => "PostgreSQL",
        }
    }
}
