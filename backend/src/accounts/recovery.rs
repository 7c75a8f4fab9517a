//! A forgotten password: a link to the address, good for one new password.
//!
//! The answer is the same whether the address has an account, and takes as long: a row and a job are made either way. The
//! token is a keyed hash of the row's id, so that the job that mails it needs the id only; the database has its hash.

use std::time::Duration;

use model::{AccountId, PasswordResetId, ProblemCode, Timestamp};
use secrecy::SecretString;

use super::{
    Browser, check_email, key_of, known_browsers,
    security_log::{self, SecurityEvent},
    store,
    throttle::{self, Counter},
};
use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, row, sql},
    jobs::{self, EnqueueOptions},
    mail::{self, Notification, SendNotification},
    password,
    retention::{self, ExpiredCount},
    sessions,
    signing::{Purpose, sha256_hex},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "password_reset",
    title: "Forgotten passwords",
    about: "To let you choose a new password by a link.",
    kept: "Until the link ends.",
    export: rows! {
        from "password_reset" where ResetHash is "subject_hash = $1"
        given { "id" Text "Number", "created_at" Time "Asked for", "expires_at" Time "Link ends", "used_at" Time "Used" }
        withheld {
            "account_id" REFERENCE, "subject_hash" "stands for your address and says nothing else",
            "token_hash" "is the key of the link",
        }
    },
    // Those from before the account have no reference to it.
    erase: Erase::AtOnce("DELETE FROM password_reset WHERE subject_hash = $1"),
}];

/// How long the link works. Shorter would be safer and useless: servers that greylist deliver after half an hour.
pub const RESET_WITHIN: Duration = Duration::from_secs(3600);

/// Emails that one address gets within [`RESET_WITHIN`]; further requests answer the same and send nothing.
const MAX_LETTERS: usize = 3;

/// Sends a link for a new password to `email`, if it has an account. The answer is the same.
///
/// # Errors
/// `Invalid` on `email` where it is no address.
pub async fn request(backend: &Backend, email: &str) -> Result<()> {
    let email_key = key_of(&check_email(email)?);
    let now = backend.now();
    let account = store::find_credentials(&backend.db, &email_key)
        .await?
        .map(|row| row.id);
    let subject = subject(backend, &email_key);
    let reset = PasswordResetId(backend.new_id());
    let mut tx = backend.db.begin().await?;
    tx.lock_name(&subject).await?;
    let recent = requests_since(&mut tx, &subject, now.minus(RESET_WITHIN)).await?;
    insert(
        &mut tx,
        reset,
        &subject,
        account,
        &sha256_hex(&token(backend, reset)),
        now,
    )
    .await?;
    if recent < MAX_LETTERS {
        let notification = Notification::PasswordReset { reset };
        if let Some(account) = account {
            mail::enqueue(&mut tx, backend, account, notification).await?;
        } else {
            // Does nothing when it runs, and takes as long to make.
            let account = AccountId(backend.new_id());
            jobs::enqueue(
                &mut tx,
                backend,
                &SendNotification {
                    account,
                    notification,
                },
                EnqueueOptions::default(),
            )
            .await?;
        }
    }
    tx.commit().await?;
    backend.wake.wake();
    Ok(())
}

/// The token of a request that still can be used; for its e-mail.
pub(crate) async fn token_for(backend: &Backend, reset: PasswordResetId) -> Result<Option<String>> {
    let token = token(backend, reset);
    let owner = owner(&backend.db, &sha256_hex(&token), backend.now()).await?;
    Ok(owner.map(|_| token))
}

/// Sets a new password by the token of the e-mail, once. Every session ends, and the person is notified; what the browser
/// is known by from now on ([`Browser::known`]), because whoever reads the mailbox is not to wait for what strangers tried.
///
/// Sent a second time with the password that is in force, it has worked.
///
/// # Errors
/// `Invalid` on `password`; `NotFound` where the link is not ours, was used, or is too old.
pub async fn reset(backend: &Backend, token: &str, new: SecretString, browser: &Browser) -> Result<String> {
    let token_hash = sha256_hex(token);
    // Looked at first, so that a link that is not ours costs no hashing, and a refused password does not use up one that is.
    let Some(owner) = owner(&backend.db, &token_hash, backend.now()).await? else {
        return used_before(backend, &token_hash, new, browser).await;
    };
    password::check_new(&backend.hasher, &new, &owner.email, &owner.display_name).await?;
    let hash = backend.hasher.hash(&*backend.entropy, new.clone()).await?;
    let mut tx = backend.db.begin().await?;
    let Some(account) = take(&mut tx, &token_hash, backend.now()).await? else {
        drop(tx);
        return used_before(backend, &token_hash, new, browser).await;
    };
    store::set_password(&mut tx, account, &hash).await?;
    sessions::end_all(&mut tx, account, None).await?;
    forget_unused(&mut tx, account).await?;
    super::address::forget_pending(&mut tx, account, backend.now()).await?;
    throttle::forget(backend, &mut tx, account, &key_of(&owner.email)).await?;
    security_log::record(&mut tx, backend, Some(account), SecurityEvent::PasswordChanged).await?;
    mail::enqueue(&mut tx, backend, account, Notification::PasswordChanged).await?;
    tx.commit().await?;
    backend.wake.wake();
    Ok(known_browsers::remember(
        backend,
        browser.known.as_deref(),
        account,
    ))
}

/// A link that was used already, sent again: its effect is in force if the password is the one that it set.
async fn used_before(
    backend: &Backend,
    token_hash: &str,
    new: SecretString,
    browser: &Browser,
) -> Result<String> {
    const SELECT: &str = "SELECT account_id FROM password_reset WHERE token_hash = $1 AND used_at IS NOT NULL AND expires_at > $2";
    let gone = || {
        Error::problem(
            ProblemCode::NotFound,
            "This link was used already or is older than an hour. Ask for a new one.",
        )
    };
    let select = sql(SELECT).bind(token_hash).bind(backend.now());
    let account: Option<AccountId> = backend.db.scalar(select).await?;
    let account = account.ok_or_else(gone)?;
    let owner = store::find_owner(&backend.db, account).await?.ok_or_else(gone)?;
    let counter = Counter::of_used_link(backend, account, token_hash);
    // Nobody gets in by it, so that it is no event either.
    let _counted = throttle::attempt(backend, &counter).await?;
    if !backend.hasher.verify(new, Some(owner.password_hash)).await? {
        return Err(gone());
    }
    Ok(known_browsers::remember(
        backend,
        browser.known.as_deref(),
        account,
    ))
}

/// Forgets the requests of an account: their e-mails went to somebody who may not be the owner any more.
pub(super) async fn forget(tx: &mut Tx, account: AccountId) -> Result<u64, DbError> {
    tx.execute(sql("DELETE FROM password_reset WHERE account_id = $1").bind(account))
        .await
}

/// The same, but for the one that was just used.
async fn forget_unused(tx: &mut Tx, account: AccountId) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM password_reset WHERE account_id = $1 AND used_at IS NULL";
    tx.execute(sql(DELETE).bind(account)).await
}

/// Forgets requests whose time is over; how many.
pub(super) async fn purge(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    db.execute_until_done(sql(ended::DELETE).bind(now)).await
}

pub(super) async fn expired(db: &Db, now: Timestamp) -> crate::Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(now);
    retention::count(db, "links for new passwords", count).await
}

mod ended {
    crate::db::ended!("password_reset" by "id" where "expires_at <= $1");
}

/// What the requests of an address are counted by.
pub(crate) fn subject(backend: &Backend, email_key: &str) -> String {
    backend.signer.sign(Purpose::PasswordReset, &["of", email_key])
}

fn token(backend: &Backend, reset: PasswordResetId) -> String {
    backend
        .signer
        .sign(Purpose::PasswordReset, &["token", &reset.to_string()])
}

async fn requests_since(tx: &mut Tx, subject: &str, since: Timestamp) -> Result<usize, DbError> {
    const SELECT: &str = "SELECT id FROM password_reset WHERE subject_hash = $1 AND created_at > $2";
    Ok(tx
        .scalars::<PasswordResetId>(sql(SELECT).bind(subject).bind(since))
        .await?
        .len())
}

async fn insert(
    tx: &mut Tx,
    id: PasswordResetId,
    subject: &str,
    account: Option<AccountId>,
    token_hash: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO password_reset (id, subject_hash, account_id, token_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(
        sql(INSERT)
            .bind(id)
            .bind(subject)
            .bind(account)
            .bind(token_hash)
            .bind(now)
            .bind(now.plus(RESET_WITHIN)),
    )
    .await
}

row! {
    #[derive(Debug)]
    struct Owner {
        email: String,
        display_name: String,
    }
}

async fn owner(db: &Db, token_hash: &str, now: Timestamp) -> Result<Option<Owner>, DbError> {
    const SELECT: &str = "
        SELECT email, display_name FROM password_reset JOIN account ON account.id = password_reset.account_id
        WHERE token_hash = $1 AND expires_at > $2 AND used_at IS NULL";
    db.optional(sql(SELECT).bind(token_hash).bind(now)).await
}

/// Uses a request up; of two uses at once, one gets the account.
async fn take(tx: &mut Tx, token_hash: &str, now: Timestamp) -> Result<Option<AccountId>, DbError> {
    const UPDATE: &str = "
        UPDATE password_reset SET used_at = $2
        WHERE token_hash = $1 AND expires_at > $2 AND used_at IS NULL AND account_id IS NOT NULL
        RETURNING account_id";
    tx.scalar(sql(UPDATE).bind(token_hash).bind(now)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::contract! {
        async fn p11_a_reset_is_used_once_in_time_and_by_its_hash(db: &Db) {
            let account = store::tests::account(db, 1, "ann@example.org").await;
            let (first, nobodys) = (PasswordResetId(uuid::Uuid::from_u128(1)), PasswordResetId(uuid::Uuid::from_u128(2)));
            let mut tx = db.begin().await.unwrap();
            insert(&mut tx, first, "subject", Some(account), "hash", Timestamp(1_000)).await.unwrap();
            insert(&mut tx, nobodys, "subject", None, "nobody's", Timestamp(1_000)).await.unwrap();
            assert_eq!(requests_since(&mut tx, "subject", Timestamp(999)).await.unwrap(), 2);
            assert_eq!(requests_since(&mut tx, "subject", Timestamp(1_000)).await.unwrap(), 0);
            tx.commit().await.unwrap();

            let end = Timestamp(1_000).plus(RESET_WITHIN);
            assert_eq!(owner(db, "hash", end.minus(Duration::from_millis(1))).await.unwrap().unwrap().email, "ann@example.org");
            assert!(owner(db, "hash", end).await.unwrap().is_none());
            assert!(owner(db, "nobody's", Timestamp(1_001)).await.unwrap().is_none());
            let mut tx = db.begin().await.unwrap();
            assert_eq!(take(&mut tx, "hash", end).await.unwrap(), None);
            assert_eq!(take(&mut tx, "nobody's", Timestamp(1_001)).await.unwrap(), None);
            assert_eq!(take(&mut tx, "hash", Timestamp(1_001)).await.unwrap(), Some(account));
            assert_eq!(take(&mut tx, "hash", Timestamp(1_001)).await.unwrap(), None);
            tx.commit().await.unwrap();
            assert_eq!(purge(db, end).await.unwrap(), 2, "the used one and nobody's");
        }
    }
}
