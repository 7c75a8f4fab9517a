//! Which plan an account has, and what a change of it does to audio that is stored already.

use model::{AccountId, Timestamp, plan::Plan};

use crate::{
    Backend, Result, accounts,
    db::{DbError, Tx, sql},
    transaction,
};

/// Gives an account another plan. Audio that the new plan would keep longer is kept longer (P08); a downgrade never
/// shortens what was promised when a file was stored.
///
/// # Errors
/// The database does not answer.
pub async fn change(backend: &Backend, account: AccountId, plan: Plan) -> Result<()> {
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        set(tx, account, plan).await?;
        extend(
            tx,
            account,
            backend.config.plans.of(plan).audio_kept_hours,
            backend.now(),
        )
        .await?;
        Ok(())
    })
}

/// As [`change`], for the operator, by address; whether there is such an account.
///
/// # Errors
/// The database does not answer.
pub async fn change_by_address(backend: &Backend, email: &str, plan: Plan) -> Result<bool> {
    match accounts::find_by_address(backend, email).await? {
        Some(account) => change(backend, account, plan).await.map(|()| true),
        None => Ok(false),
    }
}

async fn set(tx: &mut Tx, account: AccountId, plan: Plan) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE account SET plan = $2 WHERE id = $1";
    tx.execute(sql(UPDATE).bind(account).bind(plan)).await
}

/// Moves cut-offs of audio that is still there to `hours` after it was stored, where that is later.
async fn extend(tx: &mut Tx, account: AccountId, hours: u32, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE upload SET delete_after = stored_at + $2
        WHERE account_id = $1 AND state = 'stored' AND delete_after > $3 AND delete_after < stored_at + $2";
    let kept = i64::from(hours) * 3_600_000;
    tx.execute(sql(UPDATE).bind(account).bind(kept).bind(now)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::Db, testing::some_account};

    const HOUR: i64 = 3_600_000;

    async fn store(db: &Db, account: AccountId, id: &str, stored_at: i64, hours: i64) {
        const INSERT: &str = "
            INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at, stored_at, delete_after)
            VALUES ($1, $2, 'mix', 'stored', 'a.wav', 1, 'audio/wav', $3, $3, $4)";
        let insert = sql(INSERT)
            .bind(id)
            .bind(account)
            .bind(stored_at)
            .bind(stored_at + hours * HOUR);
        db.execute(insert).await.unwrap();
    }

    async fn cut_off(db: &Db, id: &str) -> i64 {
        db.one::<(i64,)>(sql("SELECT delete_after FROM upload WHERE id = $1").bind(id))
            .await
            .unwrap()
            .0
            / HOUR
    }

    crate::contract! {
        async fn p08_an_upgrade_extends_the_cut_off_and_a_downgrade_never_shortens_it(db: &Db) {
            let (ann, bob) = (some_account(db, 1).await, some_account(db, 2).await);
            store(db, ann, "a", 0, 24).await;
            store(db, ann, "gone", -100 * HOUR, 24).await;
            store(db, bob, "b", 0, 24).await;
            let now = Timestamp(10 * HOUR);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(extend(&mut tx, ann, 720, now).await.unwrap(), 1);
            tx.commit().await.unwrap();
            assert_eq!(cut_off(db, "a").await, 720);
            assert_eq!(cut_off(db, "gone").await, -76, "what is due is not brought back");
            assert_eq!(cut_off(db, "b").await, 24, "other people's stay");
            let mut tx = db.begin().await.unwrap();
            assert_eq!(extend(&mut tx, ann, 24, now).await.unwrap(), 0);
            tx.commit().await.unwrap();
            assert_eq!(cut_off(db, "a").await, 720, "a downgrade shortens nothing");
        }
    }
}
