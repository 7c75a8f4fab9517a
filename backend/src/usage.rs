//! What an account has used of its plan in a calendar month (UTC). A file counts when it is taken, and no more once it turns out
//! that it cannot be measured: nobody pays for a report that they did not get.

use model::{
    AccountId, Timestamp,
    plan::{Plan, Usage},
    upload::UploadKind,
};

use crate::{
    Actor, Backend, Result, Scope,
    db::{Db, DbError, Tx, row, sql},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "usage",
    title: "Use of the plan",
    about: "To count what your plan allows in a month.",
    kept: "Until you delete your account.",
    export: rows! {
        from "usage" where Account is "account_id = $1"
        given { "month" Number "Month (UTC)", "analyses" Number "Analyses", "reference_files" Number "References", "renders" Number "Renders" }
        withheld { "account_id" REFERENCE }
    },
    erase: Erase::WithAccount,
}];

/// What the person has used of the files of a kind this month.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn of_this_month(backend: &Backend, actor: &Actor, kind: UploadKind) -> Result<Usage> {
    let owner = actor.owner(Scope::ReadAnalyses)?;
    Ok(Usage {
        used: used(&backend.db, owner.account, backend.now(), kind).await?,
        allowed: backend.config.plans.of(owner.plan).per_month(kind),
    })
}

/// What an account has used of everything that a plan counts by the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedOfPlan {
    /// Mixes.
    pub analyses: Usage,
    /// References.
    pub references: Usage,
    /// Renders.
    pub renders: Usage,
}

/// What an account on `plan` has used this month.
///
/// # Errors
/// The database does not answer.
pub async fn of_plan(backend: &Backend, account: AccountId, plan: Plan) -> Result<UsedOfPlan> {
    let (db, now) = (&backend.db, backend.now());
    let limits = backend.config.plans.of(plan);
    let of = |used, allowed| Usage { used, allowed };
    let mixes = used(db, account, now, UploadKind::Mix).await?;
    let references = used(db, account, now, UploadKind::Reference).await?;
    let renders = renders_used(db, account, now).await?;
    Ok(UsedOfPlan {
        analyses: of(mixes, limits.analyses_per_month),
        references: of(references, limits.references_per_month),
        renders: of(renders, limits.renders_per_month),
    })
}

row! {
    struct UsageRow {
        analyses: u32,
        reference_files: u32,
    }
}

impl UsageRow {
    const fn of(&self, kind: UploadKind) -> u32 {
        match kind {
            UploadKind::Mix => self.analyses,
            UploadKind::Reference => self.reference_files,
        }
    }
}

/// How many files of a kind were taken in the month of `now`.
pub(crate) async fn used(
    db: &Db,
    account: AccountId,
    now: Timestamp,
    kind: UploadKind,
) -> Result<u32, DbError> {
    const SELECT: &str = "SELECT analyses, reference_files FROM usage WHERE account_id = $1 AND month = $2";
    let select = sql(SELECT).bind(account).bind(month_of(now));
    let row: Option<UsageRow> = db.optional(select).await?;
    Ok(row.map_or(0, |usage| usage.of(kind)))
}

/// Counts one file of a kind; how many of it are now.
pub(crate) async fn take(
    tx: &mut Tx,
    account: AccountId,
    now: Timestamp,
    kind: UploadKind,
) -> Result<u32, DbError> {
    const UPSERT: &str = "
        INSERT INTO usage (account_id, month, analyses, reference_files) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, month)
        DO UPDATE SET analyses = usage.analyses + $3, reference_files = usage.reference_files + $4
        RETURNING analyses, reference_files";
    let upsert = sql(UPSERT)
        .bind(account)
        .bind(month_of(now))
        .bind(u32::from(kind == UploadKind::Mix))
        .bind(u32::from(kind == UploadKind::Reference));
    let row: Option<UsageRow> = tx.optional(upsert).await?;
    Ok(row.map_or(0, |usage| usage.of(kind)))
}

/// Counts a file that was taken at `then` no more.
pub(crate) async fn give_back(
    tx: &mut Tx,
    account: AccountId,
    then: Timestamp,
    kind: UploadKind,
) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE usage SET analyses = analyses - $3, reference_files = reference_files - $4
        WHERE account_id = $1 AND month = $2 AND analyses >= $3 AND reference_files >= $4";
    let update = sql(UPDATE)
        .bind(account)
        .bind(month_of(then))
        .bind(u32::from(kind == UploadKind::Mix))
        .bind(u32::from(kind == UploadKind::Reference));
    tx.execute(update).await?;
    Ok(())
}

/// How many renders were asked for in the month of `now` and did not fail.
pub(crate) async fn renders_used(db: &Db, account: AccountId, now: Timestamp) -> Result<u32, DbError> {
    const SELECT: &str = "SELECT renders FROM usage WHERE account_id = $1 AND month = $2";
    let used: Option<u32> = db.scalar(sql(SELECT).bind(account).bind(month_of(now))).await?;
    Ok(used.unwrap_or(0))
}

/// Counts one render; how many there are now.
pub(crate) async fn take_render(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<u32, DbError> {
    const UPSERT: &str = "
        INSERT INTO usage (account_id, month, analyses, reference_files, renders) VALUES ($1, $2, 0, 0, 1)
        ON CONFLICT (account_id, month) DO UPDATE SET renders = usage.renders + 1
        RETURNING renders";
    let used: Option<u32> = tx.scalar(sql(UPSERT).bind(account).bind(month_of(now))).await?;
    Ok(used.unwrap_or(0))
}

/// Counts a render that was taken at `then` no more.
pub(crate) async fn give_back_render(
    tx: &mut Tx,
    account: AccountId,
    then: Timestamp,
) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE usage SET renders = renders - 1 WHERE account_id = $1 AND month = $2 AND renders > 0";
    tx.execute(sql(UPDATE).bind(account).bind(month_of(then))).await?;
    Ok(())
}

/// When the counts of the month of `now` start again from zero: the first moment of the next one in UTC.
#[must_use]
pub fn resets_at(now: Timestamp) -> Timestamp {
    let civil = now.utc();
    let (year, month) = match civil.month {
        12 => (civil.year + 1, 1),
        month => (civil.year, month + 1),
    };
    Timestamp::of_day(&format!("{year:04}-{month:02}-01")).unwrap_or(now)
}

/// The calendar month in UTC, as 202611.
fn month_of(now: Timestamp) -> u32 {
    let civil = now.utc();
    u32::try_from(civil.year * 100 + civil.month).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::some_account;

    /// 2026-11-24 and 2026-12-24.
    const NOVEMBER: Timestamp = Timestamp(1_795_491_766_000);
    const DECEMBER: Timestamp = Timestamp(1_795_491_766_000 + 30 * 24 * 3_600_000);

    #[test]
    fn the_next_month_begins_at_midnight_of_its_first_day() {
        for (day, next) in [
            ("2026-11-27", "2026-12-01"),
            ("2026-12-31", "2027-01-01"),
            ("2028-02-29", "2028-03-01"),
        ] {
            let now = Timestamp::of_day(day)
                .unwrap()
                .plus(std::time::Duration::from_secs(3600));
            assert_eq!(resets_at(now), Timestamp::of_day(next).unwrap(), "{day}");
        }
    }

    crate::contract! {
        async fn p05_references_are_counted_apart_from_mixes(db: &Db) {
            let owner = some_account(db, 1).await;
            let mut tx = db.begin().await.unwrap();
            assert_eq!(take(&mut tx, owner, NOVEMBER, UploadKind::Reference).await.unwrap(), 1);
            assert_eq!(take(&mut tx, owner, NOVEMBER, UploadKind::Reference).await.unwrap(), 2);
            assert_eq!(take(&mut tx, owner, NOVEMBER, UploadKind::Mix).await.unwrap(), 1);
            tx.commit().await.unwrap();
            assert_eq!(used(db, owner, NOVEMBER, UploadKind::Reference).await.unwrap(), 2);
        }

        async fn analyses_are_counted_by_month(db: &Db) {
            let owner = some_account(db, 1).await;
            let mut tx = db.begin().await.unwrap();
            assert_eq!(take(&mut tx, owner, NOVEMBER, UploadKind::Mix).await.unwrap(), 1);
            assert_eq!(take(&mut tx, owner, NOVEMBER, UploadKind::Mix).await.unwrap(), 2);
            assert_eq!(take(&mut tx, owner, DECEMBER, UploadKind::Mix).await.unwrap(), 1);
            tx.commit().await.unwrap();
            assert_eq!(used(db, owner, NOVEMBER, UploadKind::Mix).await.unwrap(), 2);
        }

        async fn what_is_given_back_goes_to_its_own_month_and_never_below_nothing(db: &Db) {
            let owner = some_account(db, 1).await;
            let mut tx = db.begin().await.unwrap();
            take(&mut tx, owner, NOVEMBER, UploadKind::Mix).await.unwrap();
            take(&mut tx, owner, DECEMBER, UploadKind::Mix).await.unwrap();
            give_back(&mut tx, owner, NOVEMBER, UploadKind::Mix).await.unwrap();
            give_back(&mut tx, owner, NOVEMBER, UploadKind::Mix).await.unwrap();
            give_back(&mut tx, owner, DECEMBER, UploadKind::Reference).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(used(db, owner, NOVEMBER, UploadKind::Mix).await.unwrap(), 0);
            assert_eq!(used(db, owner, DECEMBER, UploadKind::Mix).await.unwrap(), 1);
        }

        async fn renders_are_counted_by_month_and_given_back(db: &Db) {
            let owner = some_account(db, 1).await;
            let mut tx = db.begin().await.unwrap();
            assert_eq!(take_render(&mut tx, owner, NOVEMBER).await.unwrap(), 1);
            assert_eq!(take_render(&mut tx, owner, NOVEMBER).await.unwrap(), 2);
            give_back_render(&mut tx, owner, NOVEMBER).await.unwrap();
            give_back_render(&mut tx, owner, DECEMBER).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(renders_used(db, owner, NOVEMBER).await.unwrap(), 1);
            assert_eq!(renders_used(db, owner, DECEMBER).await.unwrap(), 0);
            assert_eq!(used(db, owner, NOVEMBER, UploadKind::Mix).await.unwrap(), 0, "apart from what is measured");
        }
    }
}
