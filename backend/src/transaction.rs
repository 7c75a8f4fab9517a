//! The one way to write several rows: all of it or nothing, and again where somebody else wrote the same rows at once.

/// Runs a block with an open transaction and commits it: `transaction!(db, |tx| { …; Ok(value) })`. The block's value is a
/// `Result` of the crate, and a failure rolls back. It may run several times, so it takes what it needs by reference and does
/// nothing outside of the database.
macro_rules! transaction {
    ($db:expr, |$tx:ident| $body:block) => {{
        let mut tries = $crate::db::Tries::default();
        loop {
            let done: $crate::Result<_> = async {
                let mut open = $db.begin().await?;
                let value = {
                    let $tx = &mut open;
                    let done: $crate::Result<_> = async { $body }.await;
                    done?
                };
                open.commit().await?;
                Ok(value)
            }
            .await;
            match done {
                Err(error) if tries.again(&error).await => {}
                done => break done,
            }
        }
    }};
}
pub(crate) use transaction;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::db::sql;

    crate::contract! {
        /// Two that lock two rows crosswise: on PostgreSQL one of them is ended and does its work again.
        async fn who_meets_somebody_elses_locks_does_its_work_again(db: &Db) {
            for name in ["a", "b"] {
                db.execute(sql("INSERT INTO cron (name, slot) VALUES ($1, 0)").bind(name)).await.unwrap();
            }
            let meet = tokio::sync::Barrier::new(2);
            let both = async |first: &'static str, second: &'static str| {
                let mut tries = 0;
                let done: crate::Result<()> = transaction!(db, |tx| {
                    tries += 1;
                    tx.execute(sql("UPDATE cron SET slot = slot + 1 WHERE name = $1").bind(first)).await?;
                    if tries == 1 {
                        // SQLite never lets two in at once.
                        let _ = tokio::time::timeout(Duration::from_millis(200), meet.wait()).await;
                    }
                    tx.execute(sql("UPDATE cron SET slot = slot + 1 WHERE name = $1").bind(second)).await?;
                    Ok(())
                });
                done.unwrap();
                tries
            };
            let (one, other) = tokio::join!(both("a", "b"), both("b", "a"));
            assert!(db.kind() == "SQLite" || one + other > 2, "they met");
            let slots: Vec<i64> = db.scalars(sql("SELECT slot FROM cron ORDER BY name")).await.unwrap();
            assert_eq!(slots, [2, 2], "each did all of its work once");
        }
    }
}
