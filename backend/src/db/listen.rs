//! Words between processes, by PostgreSQL (`NOTIFY`): who waits for something looks at once instead of at its next turn.
//!
//! A word is a hint and never the truth: one that is lost costs a turn. SQLite has none; its processes look by turns.

use sqlx::postgres::PgListener;

use super::{Db, DbError, Open, Pools, Tx, sql};

impl Tx {
    /// Says a word on `channel` to whoever listens, when this transaction commits.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn notify(&mut self, channel: &'static str) -> Result<(), DbError> {
        if matches!(self.open, Open::Postgres(_)) {
            self.execute(sql("SELECT pg_notify($1, '')").bind(channel))
                .await?;
        }
        Ok(())
    }
}

impl Db {
    /// Calls `hear` for each word on `channel`, and when words may have been missed, until the connection breaks. `None` where
    /// there are no words.
    pub(crate) async fn listen(&self, channel: &str, hear: impl Fn()) -> Option<DbError> {
        let Pools::Postgres(pool) = &self.pools else {
            return None;
        };
        let listening: Result<std::convert::Infallible, DbError> = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen(channel).await?;
            loop {
                hear();
                // `None` is a connection that broke and is there again.
                let _ = listener.try_recv().await?;
            }
        }
        .await;
        listening.err()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::{Duration, Instant},
    };

    crate::contract! {
        /// Another process hears of new work when it is there, not at its next turn.
        async fn a_word_is_heard_when_its_transaction_commits(db: &Db) {
            let heard = Arc::new(AtomicU32::new(0));
            let (listening, counting) = (db.clone(), Arc::clone(&heard));
            let task = tokio::spawn(async move {
                listening.listen("test", || { counting.fetch_add(1, Ordering::SeqCst); }).await
            });
            if db.kind() == "SQLite" {
                assert!(task.await.unwrap().is_none(), "it has no words");
                return;
            }
            let until = async |count: u32| {
                let begin = Instant::now();
                while heard.load(Ordering::SeqCst) < count {
                    assert!(begin.elapsed() < Duration::from_secs(10));
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                begin.elapsed()
            };
            until(1).await;
            let mut tx = db.begin().await.unwrap();
            tx.notify("test").await.unwrap();
            drop(tx);
            let mut tx = db.begin().await.unwrap();
            tx.notify("test").await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(heard.load(Ordering::SeqCst), 1, "neither what was rolled back nor what is not committed");
            tx.commit().await.unwrap();
            assert!(until(2).await < Duration::from_secs(1));
            task.abort();
        }
    }
}
