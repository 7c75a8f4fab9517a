//! What is done when two write the same rows at once.
//!
//! Who locks rows in another order than somebody else waits for ever, and PostgreSQL ends one of the two (40P01). So there is one
//! order: what writes rows of a person in several tables locks the account first ([`Tx::lock_account`]). What is left is done
//! again here, a few times.

use std::time::Duration;

use model::AccountId;

use super::{
    Db, DbError, Open, Pools, Row, Tx, fault::Fault, on_postgres, on_postgres_plain, on_sqlite,
    on_sqlite_plain, sql,
};

/// How often a transaction is done when others are in its way.
const TRIES: u32 = 6;

/// The pause before the second try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Counts the tries of a transaction; see `transaction.rs`.
#[derive(Debug, Default)]
pub(crate) struct Tries(u32);

/// Says whether a failure is a conflict with somebody else.
pub(crate) trait Conflicts {
    fn is_conflict(&self) -> bool;
}

impl Conflicts for DbError {
    fn is_conflict(&self) -> bool {
        Fault::of(self) == Fault::Conflict
    }
}

impl Tries {
    /// Whether to do it again after `error`; waits a moment first.
    pub(crate) async fn again(&mut self, error: &impl Conflicts) -> bool {
        if !error.is_conflict() || self.0 + 1 >= TRIES {
            return false;
        }
        tokio::time::sleep(FIRST_PAUSE * (1 << self.0)).await;
        self.0 += 1;
        true
    }
}

impl Tx {
    /// Takes the account's place in line: whoever else writes several rows of it waits until this transaction ends. On
    /// SQLite every transaction that writes has the whole database to itself.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn lock_account(&mut self, account: AccountId) -> Result<(), DbError> {
        // Not FOR UPDATE: rows that refer to the account (a session, a job) may be added meanwhile.
        const LOCK: &str = "SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE";
        if matches!(self.open, Open::Postgres(_)) {
            self.all::<(String,)>(sql(LOCK).bind(account)).await?;
        }
        Ok(())
    }
}

impl Tx {
    /// Takes the place in line of a name that has no row, such as an address without an account: whoever else takes it waits
    /// until this transaction ends. What is counted first and added to later is counted by one at a time.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn lock_name(&mut self, name: &str) -> Result<(), DbError> {
        // Two names of the same hash wait for each other, and that is all.
        const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        if matches!(self.open, Open::Postgres(_)) {
            self.execute(sql(LOCK).bind(name)).await?;
        }
        Ok(())
    }
}

impl Db {
    /// Runs one statement that writes, which is a transaction by itself, again where it met somebody else's; the number of rows it
    /// changed.
    ///
    /// # Errors
    /// The database does not answer, or a constraint is violated.
    pub async fn execute(&self, statement: super::Sql) -> Result<u64, DbError> {
        let mut tries = Tries::default();
        loop {
            match self.execute_once(statement.clone()).await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }

    /// The same for the rows that the statement returns (`RETURNING`).
    ///
    /// # Errors
    /// As [`Self::execute`]; or a row does not fit `R`.
    pub(crate) async fn execute_returning<R: Row>(&self, statement: super::Sql) -> Result<Vec<R>, DbError> {
        let mut tries = Tries::default();
        loop {
            match self.returning_once(statement.clone()).await {
                Err(error) if tries.again(&error).await => {}
                done => return done,
            }
        }
    }

    // No BEGIN and no COMMIT: those are round trips of their own.

    async fn execute_once(&self, statement: super::Sql) -> Result<u64, DbError> {
        let done = match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let done = on_sqlite_plain(statement).execute(writer).await;
                done.map(|done| done.rows_affected())
            }
            Pools::Postgres(pool) => {
                let done = on_postgres_plain(statement).execute(pool).await;
                done.map(|done| done.rows_affected())
            }
        };
        self.written(done)
    }

    async fn returning_once<R: Row>(&self, statement: super::Sql) -> Result<Vec<R>, DbError> {
        // To the end: SQLite has written when all rows are read.
        self.written(match &self.pools {
            Pools::Sqlite { writer, .. } => on_sqlite(statement).fetch_all(writer).await,
            Pools::Postgres(pool) => on_postgres(statement).fetch_all(pool).await,
        })
    }

    fn written<T>(&self, done: Result<T, DbError>) -> Result<T, DbError> {
        let done = self.writes.note(done)?;
        self.writes.worked();
        Ok(done)
    }
}
