//! Whether writes work, known without writing: by the last one that there was, and by what the database says of itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Db, DbError, fault::Fault, sql};

/// For so long a write that failed speaks for the next one. Afterwards somebody has to try: a process that is sent no requests
/// because its disk was full writes nothing that could show that it has room again.
const REMEMBERED: Duration = Duration::from_secs(10);

/// When a write failed last because the database was away or full, and none has worked since. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes(Arc<Mutex<Option<Instant>>>);

impl Writes {
    /// Remembers a failure that is the database's and not the statement's.
    pub(super) fn note<T>(&self, done: Result<T, DbError>) -> Result<T, DbError> {
        if done
            .as_ref()
            .is_err_and(|error| Fault::of(error) == Fault::Unavailable)
        {
            self.set(Some(Instant::now()));
        }
        done
    }

    pub(super) fn worked(&self) {
        self.set(None);
    }

    fn set(&self, failed_at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failed_at;
    }

    fn failed_lately(&self) -> bool {
        let failed_at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|at| at.elapsed() < REMEMBERED)
    }
}

impl Db {
    /// Whether the database can be written to, as far as it can be told without writing: it answers, has its tables, is no
    /// standby, and no write has just failed because it was full or away.
    pub async fn can_write(&self) -> bool {
        const PROBE: &str = "SELECT COUNT(*) FROM cron WHERE name = ''";
        const ON_POSTGRES: &str = "
            SELECT COUNT(*) + CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' THEN 1 ELSE 0 END
            FROM cron WHERE name = ''";
        let probe = sql(PROBE).on_postgres(ON_POSTGRES);
        let obstacles: Result<Option<i64>, DbError> = self.scalar(probe).await;
        !self.writes.failed_lately() && matches!(obstacles, Ok(Some(0)))
    }
}

#[cfg(test)]
mod tests {
    use crate::db::sql;

    crate::contract! {
        async fn a_database_that_only_reads_cannot_be_written_to(db: &Db) {
            assert!(db.can_write().await);
            if db.kind() == "PostgreSQL" {
                let name: String = db.scalar(sql("SELECT current_database()")).await.unwrap().unwrap();
                let alter: &'static str = String::leak(format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
                db.execute(sql(alter)).await.unwrap();
                // What a session begins with is read when it connects.
                let end = "SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
                let _ended: Option<i64> = db.scalar(sql(end)).await.unwrap();
                let mut answers = Vec::new();
                for _ in 0..8 {
                    answers.push(db.can_write().await);
                }
                assert!(answers.contains(&false), "{answers:?}");
            }
        }
    }
}
