//! Which plan an account has, and what a change of it does.
//!
//! An account has the better one of what the operator gave it and of what is paid for. Limits are read from the plan whenever they
//! are asked for, so they follow at once. Audio that is stored already is kept longer by a better plan, and never shorter by a
//! smaller one (P08). What a plan counts and an account may have too many of after a downgrade (API tokens, webhook endpoints)
//! is not touched here: the oldest work and the others pause, by [`is_paused`].

use model::{AccountId, Timestamp, plan::Plan};

use crate::{
    Backend, Error, Result, accounts,
    db::{DbError, Tx, row, sql},
    transaction,
};

/// Whether a thing that a plan counts pauses: the oldest ones work, up to `allowed`. `older` is how many of the account's are older.
/// It is asked at each use, so that an upgrade wakes what a downgrade had paused, and nothing is deleted.
#[must_use]
pub const fn is_paused(older: u32, allowed: u32) -> bool {
    older >= allowed
}

/// Which of `ids`, which tell their age, pause where a plan has `allowed` of them.
pub(crate) fn paused<Id: Ord>(mut ids: Vec<Id>, allowed: u32) -> Vec<Id> {
    ids.sort_unstable();
    (0..)
        .zip(ids)
        .filter(|(older, _)| is_paused(*older, allowed))
        .map(|(_, id)| id)
        .collect()
}

/// Gives an account a plan by hand, which it has whatever it pays for, unless that is better. The one that it has then. Audio that is
/// stored is kept longer where the plan says so (P08); a downgrade never shortens what was promised when a file was stored.
///
/// # Errors
/// The database does not answer.
pub async fn change(backend: &Backend, account: AccountId, plan: Plan) -> Result<Plan> {
    const UPDATE: &str = "UPDATE account SET granted_plan = $2 WHERE id = $1";
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        tx.execute(sql(UPDATE).bind(account).bind(plan)).await?;
        settle(tx, backend, account).await
    })
}

/// As [`change`], for the operator, by address; `None` where there is no such account.
///
/// # Errors
/// The database does not answer.
pub async fn change_by_address(backend: &Backend, email: &str, plan: Plan) -> Result<Option<Plan>> {
    match accounts::find_by_address(backend, email).await? {
        Some(account) => change(backend, account, plan).await.map(Some),
        None => Ok(None),
    }
}

/// Notes what is paid for; the plan that the account has then. The caller has locked the account.
pub(crate) async fn set_paid(tx: &mut Tx, backend: &Backend, account: AccountId, plan: Plan) -> Result<Plan> {
    const UPDATE: &str = "UPDATE account SET paid_plan = $2 WHERE id = $1";
    tx.execute(sql(UPDATE).bind(account).bind(plan)).await?;
    settle(tx, backend, account).await
}

row! {
    struct Reasons {
        granted_plan: Plan,
        paid_plan: Plan,
    }
}

/// Gives the account the better one of its two plans, and its files the time that goes with it.
async fn settle(tx: &mut Tx, backend: &Backend, account: AccountId) -> Result<Plan> {
    const SELECT: &str = "SELECT granted_plan, paid_plan FROM account WHERE id = $1";
    let reasons: Reasons = tx
        .optional(sql(SELECT).bind(account))
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    let plan = reasons.granted_plan.max(reasons.paid_plan);
    set(tx, account, plan).await?;
    let kept = backend.config.plans.of(plan).audio_kept_hours;
    extend(tx, account, kept, backend.now()).await?;
    Ok(plan)
}

async fn set(tx: &mut Tx, account: AccountId, plan: Plan) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE account SET plan = $2 WHERE id = $1";
    tx.execute(sql(UPDATE).bind(account).bind(plan)).await
}

/// Moves cut-offs of audio that is still there to `hours` after it was stored, where that is later; how many.
async fn extend(tx: &mut Tx, account: AccountId, hours: u32, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE upload SET delete_after = stored_at + $2
        WHERE account_id = $1 AND state = 'stored' AND delete_after > $3 AND delete_after < stored_at + $2";
    const COPY: &str = "
        UPDATE analysis SET audio_until = (SELECT delete_after FROM upload WHERE upload.id = upload_id)
        WHERE upload_id IN (SELECT id FROM upload WHERE account_id = $1 AND state = 'stored' AND delete_after > $2)";
    let kept = i64::from(hours) * 3_600_000;
    let extended = tx.execute(sql(UPDATE).bind(account).bind(kept).bind(now)).await?;
    tx.execute(sql(COPY).bind(account).bind(now)).await?;
    Ok(extended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::Db, testing::some_account};

    #[test]
    fn the_oldest_work_and_what_is_beyond_the_limit_pauses() {
        let paused = |allowed| [0, 1, 2].map(|older| is_paused(older, allowed));
        assert_eq!(paused(0), [true, true, true], "Free has none");
        assert_eq!(paused(2), [false, false, true]);
        assert_eq!(paused(20), [false, false, false]);
    }

    const HOUR: i64 = 3_600_000;

    async fn store(db: &Db, account: AccountId, id: &str, stored_at: i64, hours: i64) {
        const UPLOAD: &str = "
            INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, created_at, stored_at, delete_after)
            VALUES ($1, $2, 'mix', 'stored', 'a.wav', 1, 'audio/wav', $3, $3, $4)";
        const ANALYSIS: &str = "
            INSERT INTO analysis (id, account_id, upload_id, title, state, phase, percent, created_at, audio_until)
            VALUES ($1, $2, $1, 'a', 'done', 'saving', 100, $3, $4)";
        for insert in [UPLOAD, ANALYSIS] {
            let insert = sql(insert)
                .bind(id)
                .bind(account)
                .bind(stored_at)
                .bind(stored_at + hours * HOUR);
            db.execute(insert).await.unwrap();
        }
    }

    async fn cut_off(db: &Db, id: &str) -> i64 {
        const SELECT: &str = "SELECT delete_after, audio_until FROM upload JOIN analysis ON upload_id = upload.id WHERE upload.id = $1";
        let (upload, analysis): (i64, i64) = db.one(sql(SELECT).bind(id)).await.unwrap();
        assert_eq!(upload, analysis, "the copy");
        upload / HOUR
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
