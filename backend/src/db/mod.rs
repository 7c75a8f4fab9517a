//! The SQL seam: one text, two databases.
//!
//! Typed sqlx pools behind an enum (never `Any`: it fails on SQLite booleans). SQL is a `const` beside the function that
//! runs it, with `$1…` parameters; rows are structs of typed columns, declared by `row!`. The rules
//! for SQL that runs on both are in `migrations/README.md`. Trap: on SQLite every statement that writes must go
//! through `transaction!`, [`Db::begin`] or [`Db::execute`], because the read pool refuses to write.

mod clock;
mod connect;
#[cfg(feature = "testing")]
pub mod contract;
mod fault;
mod listen;
pub mod record;
mod row;
mod tries;
mod writes;

use futures::stream::BoxStream;
use sqlx::{Postgres, Sqlite, SqlitePool, postgres::PgPool};

pub use clock::InstallationClock;
pub use connect::{Connections, SchemaError};
pub(crate) use fault::Fault;
pub use row::{Column, Scalar};
pub(crate) use row::{Field, Json, row, text};
pub(crate) use tries::{Conflicts, Tries};
use writes::Writes;

/// The statement that removes what has had its time, `DELETE`, and the one that counts it, `COUNT`: with one condition, so
/// that they cannot differ. It removes a few rows, found by their key: [`Db::execute_until_done`] repeats it, and whoever else
/// writes comes in between.
macro_rules! ended {
    ($table:literal by $key:literal where $condition:literal) => {
        pub(super) const DELETE: &str = concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " LIMIT 100)"
        );
        pub(super) const COUNT: &str = concat!("SELECT COUNT(*) FROM ", $table, " WHERE ", $condition);
    };
}
pub(crate) use ended;

/// What a database call can fail with. The caller decides what a violated constraint means.
pub type DbError = sqlx::Error;

/// The database, cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    writes: Writes,
}

#[derive(Debug, Clone)]
enum Pools {
    /// One writer, so that a write never fails with SQLITE_BUSY after half of its work; many readers beside it (WAL).
    Sqlite {
        reader: SqlitePool,
        writer: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction; rolled back when dropped.
#[derive(Debug)]
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Tx {
    open: Open,
    writes: Writes,
}

#[derive(Debug)]
enum Open {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A bound value. NULL keeps its type, which PostgreSQL needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// TEXT
    Text(Option<String>),
    /// BIGINT
    Int(Option<i64>),
    /// DOUBLE PRECISION
    Real(Option<f64>),
    /// BOOLEAN
    Bool(Option<bool>),
}

/// A statement and its values.
#[derive(Debug, Clone)]
pub struct Sql {
    text: &'static str,
    postgres: Option<&'static str>,
    values: Vec<Value>,
}

/// A statement for both databases.
#[must_use]
pub const fn sql(text: &'static str) -> Sql {
    Sql {
        text,
        postgres: None,
        values: Vec::new(),
    }
}

impl Sql {
    /// Another text for PostgreSQL: for locks (`FOR UPDATE SKIP LOCKED`), and for what only a server can be asked.
    #[must_use]
    pub const fn on_postgres(mut self, text: &'static str) -> Self {
        self.postgres = Some(text);
        self
    }

    /// Binds the next `$n`.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    fn postgres_text(&self) -> &'static str {
        self.postgres.unwrap_or(self.text)
    }
}

/// A type that a row of either database can fill: a struct declared by `row!`, or a tuple of `String`, `i64`, `f64`, `bool` and
/// `Option`s of them.
pub trait Row:
    for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
    + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
    + Send
    + Unpin
{
}

impl<T> Row for T where
    T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
        + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
        + Send
        + Unpin
{
}

impl Db {
    /// Begins a transaction that may write. On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), so that it
    /// cannot fail half-way because somebody else wrote.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let open = match &self.pools {
            Pools::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Open::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Open::Postgres),
        };
        Ok(Tx {
            open: self.writes.note(open)?,
            writes: self.writes.clone(),
        })
    }

    /// All rows of a query that only reads.
    ///
    /// # Errors
    /// The database does not answer, or a row does not fit `R`.
    pub async fn all<R: Row>(&self, sql: Sql) -> Result<Vec<R>, DbError> {
        match &self.pools {
            Pools::Sqlite { reader, .. } => on_sqlite(sql).fetch_all(reader).await,
            Pools::Postgres(pool) => on_postgres(sql).fetch_all(pool).await,
        }
    }

    /// All rows of a query that only reads, one after the other: they are not in memory together. It holds a connection until
    /// it is dropped.
    pub fn stream<R: Row + 'static>(&self, sql: Sql) -> BoxStream<'_, Result<R, DbError>> {
        match &self.pools {
            Pools::Sqlite { reader, .. } => on_sqlite(sql).fetch(reader),
            Pools::Postgres(pool) => on_postgres(sql).fetch(pool),
        }
    }

    /// The row of a query that only reads, if there is one.
    ///
    /// # Errors
    /// The database does not answer, or the row does not fit `R`.
    pub async fn optional<R: Row>(&self, sql: Sql) -> Result<Option<R>, DbError> {
        match &self.pools {
            Pools::Sqlite { reader, .. } => on_sqlite(sql).fetch_optional(reader).await,
            Pools::Postgres(pool) => on_postgres(sql).fetch_optional(pool).await,
        }
    }

    /// The one row of a query that only reads.
    ///
    /// # Errors
    /// `RowNotFound` where there is none; the database does not answer; the row does not fit `R`.
    pub async fn one<R: Row>(&self, sql: Sql) -> Result<R, DbError> {
        self.optional(sql).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The first column of the row of a query that only reads, if there is one.
    ///
    /// # Errors
    /// The database does not answer, or the column does not fit `T`.
    pub async fn scalar<T: Column>(&self, sql: Sql) -> Result<Option<T>, DbError>
    where
        Scalar<T>: Row,
    {
        Ok(self.optional(sql).await?.map(|Scalar(value)| value))
    }

    /// The first column of all rows of a query that only reads.
    ///
    /// # Errors
    /// The database does not answer, or a column does not fit `T`.
    pub async fn scalars<T: Column>(&self, sql: Sql) -> Result<Vec<T>, DbError>
    where
        Scalar<T>: Row,
    {
        Ok(self
            .all(sql)
            .await?
            .into_iter()
            .map(|Scalar(value)| value)
            .collect())
    }
}

impl Db {
    /// Repeats a statement that changes a few rows at a time until it changes none; the number of rows it changed. Each time
    /// is a transaction of its own, so that nobody else who writes waits for more than a few milliseconds.
    ///
    /// # Errors
    /// The database does not answer; what was done stays done.
    pub async fn execute_until_done(&self, statement: Sql) -> Result<u64, DbError> {
        let mut total = 0;
        loop {
            match self.execute(statement.clone()).await? {
                0 => return Ok(total),
                changed => total += changed,
            }
        }
    }
}

impl Tx {
    /// All rows of a query, which may write (`RETURNING`).
    ///
    /// # Errors
    /// The database does not answer, a constraint is violated, or a row does not fit `R`.
    pub async fn all<R: Row>(&mut self, sql: Sql) -> Result<Vec<R>, DbError> {
        let rows = match &mut self.open {
            Open::Sqlite(tx) => on_sqlite(sql).fetch_all(&mut **tx).await,
            Open::Postgres(tx) => on_postgres(sql).fetch_all(&mut **tx).await,
        };
        self.writes.note(rows)
    }

    /// The first row of a query, which may write (`RETURNING`), if there is one.
    ///
    /// # Errors
    /// The database does not answer, a constraint is violated, or the row does not fit `R`.
    pub async fn optional<R: Row>(&mut self, sql: Sql) -> Result<Option<R>, DbError> {
        // `fetch_all`, because SQLite runs a writing statement to its end only when all of its rows are read.
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// The first column of the first row of a query, which may write (`RETURNING`), if there is one.
    ///
    /// # Errors
    /// The database does not answer, a constraint is violated, or the column does not fit `T`.
    pub async fn scalar<T: Column>(&mut self, sql: Sql) -> Result<Option<T>, DbError>
    where
        Scalar<T>: Row,
    {
        Ok(self.optional(sql).await?.map(|Scalar(value)| value))
    }

    /// The first column of all rows of a query, which may write (`RETURNING`).
    ///
    /// # Errors
    /// The database does not answer, a constraint is violated, or a column does not fit `T`.
    pub async fn scalars<T: Column>(&mut self, sql: Sql) -> Result<Vec<T>, DbError>
    where
        Scalar<T>: Row,
    {
        Ok(self
            .all(sql)
            .await?
            .into_iter()
            .map(|Scalar(value)| value)
            .collect())
    }

    /// Runs a statement; the number of rows it changed.
    ///
    /// # Errors
    /// The database does not answer, or a constraint is violated.
    pub async fn execute(&mut self, sql: Sql) -> Result<u64, DbError> {
        let changed = match &mut self.open {
            Open::Sqlite(tx) => {
                let done = on_sqlite_plain(sql).execute(&mut **tx).await;
                done.map(|done| done.rows_affected())
            }
            Open::Postgres(tx) => {
                let done = on_postgres_plain(sql).execute(&mut **tx).await;
                done.map(|done| done.rows_affected())
            }
        };
        self.writes.note(changed)
    }

    /// Makes everything since [`Db::begin`] lasting.
    ///
    /// # Errors
    /// The database does not answer; nothing was kept then.
    pub async fn commit(self) -> Result<(), DbError> {
        let done = match self.open {
            Open::Sqlite(tx) => tx.commit().await,
            Open::Postgres(tx) => tx.commit().await,
        };
        self.writes.note(done)?;
        self.writes.worked();
        Ok(())
    }
}

/// Whether `error` is a violated UNIQUE or PRIMARY KEY constraint. SQLite names no constraint, so the caller knows
/// which one by what it was doing.
#[must_use]
pub fn is_unique_violation(error: &DbError) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

macro_rules! bind {
    ($text:expr, $values:expr, $query:path) => {{
        let text = $text;
        $values
            .into_iter()
            .fold($query(text), |query, value| match value {
                Value::Text(value) => query.bind(value),
                Value::Int(value) => query.bind(value),
                Value::Real(value) => query.bind(value),
                Value::Bool(value) => query.bind(value),
            })
    }};
}

type Typed<DB, R> = sqlx::query::QueryAs<'static, DB, R, <DB as sqlx::Database>::Arguments>;
type Plain<DB> = sqlx::query::Query<'static, DB, <DB as sqlx::Database>::Arguments>;

fn on_sqlite<R: Row>(sql: Sql) -> Typed<Sqlite, R> {
    bind!(sql.text, sql.values, sqlx::query_as)
}

fn on_postgres<R: Row>(sql: Sql) -> Typed<Postgres, R> {
    bind!(sql.postgres_text(), sql.values, sqlx::query_as)
}

fn on_sqlite_plain(sql: Sql) -> Plain<Sqlite> {
    bind!(sql.text, sql.values, sqlx::query)
}

fn on_postgres_plain(sql: Sql) -> Plain<Postgres> {
    bind!(sql.postgres_text(), sql.values, sqlx::query)
}

macro_rules! values {
    ($($from:ty => $variant:ident($value:ident: $into:expr)),+ $(,)?) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$variant(Some($into))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(|$value| $into))
            }
        }
    )+};
}

values! {
    String => Text(value: value),
    &str => Text(value: value.to_owned()),
    i64 => Int(value: value),
    u8 => Int(value: i64::from(value)),
    u32 => Int(value: i64::from(value)),
    // What is beyond is no size or count of ours.
    u64 => Int(value: i64::try_from(value).unwrap_or(i64::MAX)),
    f64 => Real(value: value),
    bool => Bool(value: value),
    model::Timestamp => Int(value: value.0),
    model::verdict::Points => Int(value: i64::from(value.tenths())),
}
