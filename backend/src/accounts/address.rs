//! A new address (P13): confirmed at the new one, the old one notified.

use std::time::Duration;

use model::{AccountId, EmailChangeId, Problem, ProblemCode, Timestamp};

use super::{
    check_email, key_of, recovery,
    second_factor::{self, Guarded},
    security_log::{self, SecurityEvent},
    store,
};
use crate::{
    Actor, Backend, Error, Result,
    db::{Db, DbError, Tx, is_unique_violation, row, sql},
    mail::{self, Email, EmailTemplates, Notification},
    retention::{self, ExpiredCount},
    signing::{Purpose, sha256_hex},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "email_change",
    title: "Changes of your address",
    about: "To confirm a new address and to tell the old one.",
    kept: "Until the link ends and the old address was told.",
    export: rows! {
        from "email_change" where Account is "account_id = $1"
        given {
            "id" Text "Number", "old_email" Text "Old address", "new_email" Text "New address", "created_at" Time "Asked for",
            "expires_at" Time "Link ends", "done_at" Time "Confirmed",
        }
        withheld { "account_id" REFERENCE, "token_hash" "is the key of the link" }
    },
    erase: Erase::AtOnce("DELETE FROM email_change WHERE account_id = $1"),
}];

/// How long the link in the e-mail works.
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// Emails to new addresses within [`WINDOW`]: a signed-in person must not be able to flood strangers.
const MAX_LETTERS: usize = 3;
pub(crate) const WINDOW: Duration = Duration::from_secs(3600);

/// How long the old address is kept for the e-mail that says so; the job gives up long before.
const TOLD_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Sends a link to `email`; it becomes the person's address when the link is used. An earlier request ends. Takes a fresh code
/// where the second factor is on.
///
/// # Errors
/// `ConfirmPassword`; `Invalid` on `email` or `code`; `RateLimited` after too many e-mails.
pub async fn request(backend: &Backend, actor: &Actor, email: &str, code: &str) -> Result<()> {
    let now = backend.now();
    let user = actor.recent_user(now)?;
    let email = check_email(email)?;
    if key_of(&email) == key_of(&user.email) {
        return Err(Error::invalid("email", "This is your address already."));
    }
    second_factor::prove(backend, user, Guarded::NewAddress, code).await?;
    let change = EmailChangeId(backend.new_id());
    let mut tx = backend.db.begin().await?;
    tx.lock_account(user.account).await?;
    if requests_since(&mut tx, user.account, now.minus(WINDOW)).await? >= MAX_LETTERS {
        return Err(Error::Problem(Problem {
            retry_after: Some(WINDOW.as_secs()),
            ..Problem::new(
                ProblemCode::RateLimited,
                "Three e-mails to new addresses were sent within an hour. Look for them first, or try again in an hour.",
            )
        }));
    }
    forget_pending(&mut tx, user.account, now).await?;
    let row = NewRow {
        id: change,
        account: user.account,
        old_email: &user.email,
        new_email: &email,
        token_hash: &sha256_hex(&token(backend, change)),
    };
    insert(&mut tx, &row, now).await?;
    mail::enqueue(
        &mut tx,
        backend,
        user.account,
        Notification::ConfirmNewAddress { change },
    )
    .await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(())
}

/// Makes the new address of an e-mail the account's. The old one is notified; links that were mailed to it end.
///
/// # Errors
/// `NotFound` where the link is not ours, was used, is too old, or the address has an account by now.
pub async fn confirm(backend: &Backend, token: &str) -> Result<()> {
    let gone = || {
        Error::problem(
            ProblemCode::NotFound,
            "This link was used already, was replaced by a newer one, or is older than 24 hours. If your address is still the old one, ask for the change again.",
        )
    };
    let now = backend.now();
    let token_hash = sha256_hex(token);
    let mut tx = backend.db.begin().await?;
    let Some(row) = take(&mut tx, &token_hash, now).await? else {
        // Sent a second time, it has worked.
        let is_in_force = is_in_force(&mut tx, &token_hash).await?;
        return if is_in_force { Ok(()) } else { Err(gone()) };
    };
    let (change, account) = (row.id, row.account_id);
    match set_address(&mut tx, account, &row.new_email).await {
        Ok(_) => {}
        Err(error) if is_unique_violation(&error) => return Err(gone()),
        Err(error) => return Err(error.into()),
    }
    recovery::forget(&mut tx, account).await?;
    store::forget_sign_ups(&mut tx, &key_of(&row.new_email)).await?;
    security_log::record(&mut tx, backend, Some(account), SecurityEvent::AddressChanged).await?;
    mail::enqueue(&mut tx, backend, account, Notification::AddressChanged { change }).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(())
}

/// The e-mail to the new address, by what it is; nothing when the request has ended.
pub(crate) async fn confirmation(backend: &Backend, change: EmailChangeId) -> Result<Option<Email>> {
    const SELECT: &str =
        "SELECT new_email FROM email_change WHERE id = $1 AND done_at IS NULL AND expires_at > $2";
    let select = sql(SELECT).bind(change).bind(backend.now());
    let Some(email) = backend.db.scalar::<String>(select).await? else {
        return Ok(None);
    };
    let emails = EmailTemplates::from(&backend.config);
    Ok(Some(
        if store::account_exists(&backend.db, &key_of(&email)).await? {
            emails.address_taken(email)
        } else {
            emails.confirm_new_address(email, &token(backend, change))
        },
    ))
}

/// The address before a change that was confirmed.
pub(crate) async fn old_address(backend: &Backend, change: EmailChangeId) -> Result<Option<String>> {
    const SELECT: &str = "SELECT old_email FROM email_change WHERE id = $1 AND done_at IS NOT NULL";
    Ok(backend.db.scalar(sql(SELECT).bind(change)).await?)
}

/// The address that waits for its confirmation, if there is one.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn pending(backend: &Backend, actor: &Actor) -> Result<Option<String>> {
    const SELECT: &str = "
        SELECT new_email FROM email_change WHERE account_id = $1 AND done_at IS NULL AND expires_at > $2
        ORDER BY created_at DESC LIMIT 1";
    let select = sql(SELECT).bind(actor.user()?.account).bind(backend.now());
    Ok(backend.db.scalar(select).await?)
}

/// Ends the requests of an account that wait.
pub(super) async fn forget_pending(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE email_change SET expires_at = $2 WHERE account_id = $1 AND done_at IS NULL AND expires_at > $2";
    tx.execute(sql(UPDATE).bind(account).bind(now)).await
}

/// Forgets requests that have ended, once they do not count any more; how many.
pub(super) async fn purge(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    db.execute_until_done(sql(ended::DELETE).bind(now).bind(now.minus(WINDOW)))
        .await
}

pub(super) async fn expired(db: &Db, now: Timestamp) -> crate::Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(now).bind(now.minus(WINDOW));
    retention::count(db, "new addresses that are settled", count).await
}

mod ended {
    crate::db::ended!("email_change" by "id" where "expires_at <= $1 AND created_at <= $2");
}

fn token(backend: &Backend, change: EmailChangeId) -> String {
    backend
        .signer
        .sign(Purpose::ConfirmAddress, &[&change.to_string()])
}

struct NewRow<'a> {
    id: EmailChangeId,
    account: AccountId,
    old_email: &'a str,
    new_email: &'a str,
    token_hash: &'a str,
}

async fn insert(tx: &mut Tx, row: &NewRow<'_>, now: Timestamp) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO email_change (id, account_id, old_email, new_email, token_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute(
        sql(INSERT)
            .bind(row.id)
            .bind(row.account)
            .bind(row.old_email)
            .bind(row.new_email)
            .bind(row.token_hash)
            .bind(now)
            .bind(now.plus(CONFIRM_WITHIN)),
    )
    .await
}

async fn requests_since(tx: &mut Tx, account: AccountId, since: Timestamp) -> Result<usize, DbError> {
    const SELECT: &str = "SELECT id FROM email_change WHERE account_id = $1 AND created_at > $2";
    Ok(tx
        .scalars::<EmailChangeId>(sql(SELECT).bind(account).bind(since))
        .await?
        .len())
}

row! {
    #[derive(Debug)]
    struct TakenRow {
        id: EmailChangeId,
        account_id: AccountId,
        new_email: String,
    }
}

/// Uses a request up. The row stays until the old address, as it is at this moment, was notified.
async fn take(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<Option<TakenRow>, DbError> {
    const UPDATE: &str = "
        UPDATE email_change
        SET done_at = $2, expires_at = $3, old_email = (SELECT email FROM account WHERE account.id = account_id)
        WHERE token_hash = $1 AND done_at IS NULL AND expires_at > $2
        RETURNING id, account_id, new_email";
    let update = sql(UPDATE).bind(token_hash).bind(now).bind(now.plus(TOLD_WITHIN));
    tx.optional(update).await
}

/// Whether the link was used and its address is still the account's.
async fn is_in_force(tx: &mut Tx, token_hash: &str) -> Result<bool, DbError> {
    const SELECT: &str = "
        SELECT email_change.id FROM email_change JOIN account ON account.id = email_change.account_id
        WHERE token_hash = $1 AND done_at IS NOT NULL AND account.email = email_change.new_email";
    let found: Option<EmailChangeId> = tx.scalar(sql(SELECT).bind(token_hash)).await?;
    Ok(found.is_some())
}

async fn set_address(tx: &mut Tx, account: AccountId, email: &str) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE account SET email = $2, email_key = $3 WHERE id = $1";
    tx.execute(sql(UPDATE).bind(account).bind(email).bind(key_of(email)))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(db: &Db, number: u128, account: AccountId, email: &str) {
        let mut tx = db.begin().await.unwrap();
        let row = NewRow {
            id: EmailChangeId(uuid::Uuid::from_u128(number)),
            account,
            old_email: "ann@example.org",
            new_email: email,
            token_hash: &format!("hash {number}"),
        };
        insert(&mut tx, &row, Timestamp(1_000)).await.unwrap();
        tx.commit().await.unwrap();
    }

    crate::contract! {
        async fn p13_a_new_address_is_taken_once_in_time_and_never_from_another_account(db: &Db) {
            let ann = store::tests::account(db, 1, "ann@example.org").await;
            store::tests::account(db, 2, "bob@example.org").await;
            ask(db, 1, ann, "new@example.org").await;
            ask(db, 2, ann, "Bob@example.org").await;
            let end = Timestamp(1_000).plus(CONFIRM_WITHIN);
            let mut tx = db.begin().await.unwrap();
            assert!(take(&mut tx, "hash 1", end).await.unwrap().is_none());
            assert_eq!(take(&mut tx, "hash 1", Timestamp(1_001)).await.unwrap().unwrap().new_email, "new@example.org");
            assert!(take(&mut tx, "hash 1", Timestamp(1_001)).await.unwrap().is_none());
            set_address(&mut tx, ann, "new@example.org").await.unwrap();
            tx.commit().await.unwrap();

            let mut tx = db.begin().await.unwrap();
            let taken = take(&mut tx, "hash 2", Timestamp(1_001)).await.unwrap().unwrap();
            assert!(is_unique_violation(&set_address(&mut tx, ann, &taken.new_email).await.unwrap_err()));
            drop(tx);
            let row: (String,) = db.one(sql("SELECT old_email FROM email_change WHERE id = $1").bind(EmailChangeId(uuid::Uuid::from_u128(1)))).await.unwrap();
            assert_eq!(row.0, "ann@example.org");
        }

        async fn p13_requests_are_counted_ended_and_forgotten(db: &Db) {
            let ann = store::tests::account(db, 1, "ann@example.org").await;
            ask(db, 1, ann, "new@example.org").await;
            let mut tx = db.begin().await.unwrap();
            assert_eq!(requests_since(&mut tx, ann, Timestamp(999)).await.unwrap(), 1);
            assert_eq!(forget_pending(&mut tx, ann, Timestamp(2_000)).await.unwrap(), 1);
            assert!(take(&mut tx, "hash 1", Timestamp(2_000)).await.unwrap().is_none());
            tx.commit().await.unwrap();
            assert_eq!(purge(db, Timestamp(3_000)).await.unwrap(), 0, "it still counts");
            assert_eq!(purge(db, Timestamp(1_000).plus(WINDOW)).await.unwrap(), 1);
        }
    }
}
