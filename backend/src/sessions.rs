//! Signed-in browsers. The cookie holds a secret of 256 bits, the database its SHA-256; no address, no user agent (the
//! policy does not list them).

use std::time::Duration;

use model::{AccountId, SessionId, Timestamp, plan::Plan};

use crate::{
    Actor, Backend, Error, Result, User,
    db::{Db, DbError, Tx, row, sql},
    entropy,
    retention::{self, ExpiredCount},
    signing::sha256_hex,
    tables::{Erase, REFERENCE, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "session",
    title: "Signed-in browsers",
    about: "To keep you signed in. No address of a device and no name of a browser is stored.",
    kept: "7 days after the last use, 30 days in any case; gone when you sign out.",
    export: rows! {
        from "session" where Account is "account_id = $1"
        given { "id" Text "Number", "created_at" Time "Signed in", "last_seen_at" Time "Last used", "confirmed_at" Time "Password entered last" }
        withheld {
            "account_id" REFERENCE, "token_hash" "is the key of a signed-in browser",
            "former_hash" "was the key before you entered the password again", "former_until" "a few seconds after that",
        }
    },
    erase: Erase::AtOnce("DELETE FROM session WHERE account_id = $1"),
}];

/// A session that is not used for this long has ended.
pub const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A session ends this long after its sign-in, used or not.
pub const ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A renewed session takes its former token for this long: a form that is sent twice carries it twice, and the browser has
/// not seen the answer to the first. It says no more than it said at the sign-in: whoever has stolen it has not entered the password.
const FORMER_TOKEN: Duration = Duration::from_secs(15);

/// How exactly the last use is remembered; finer would be a write with every page.
const TOUCH_EVERY: Duration = Duration::from_secs(3600);

/// A signed-in browser, as its owner sees it. Nothing else is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last used, exact to an hour.
    pub last_seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// Opens a session in the transaction that signs the person in; the token belongs into the cookie and nowhere else.
pub(crate) async fn open(backend: &Backend, tx: &mut Tx, account: AccountId) -> Result<String> {
    const INSERT: &str = "
        INSERT INTO session (id, account_id, token_hash, created_at, last_seen_at, confirmed_at)
        VALUES ($1, $2, $3, $4, $4, $4)";
    let token = entropy::new_secret(&*backend.entropy);
    let id = SessionId(backend.new_id());
    tx.execute(
        sql(INSERT)
            .bind(id)
            .bind(account)
            .bind(sha256_hex(&token))
            .bind(backend.now()),
    )
    .await?;
    Ok(token)
}

/// The person whose cookie holds `token`, while the session lives.
///
/// # Errors
/// The database does not answer.
pub async fn resolve(backend: &Backend, token: &str) -> Result<Option<User>> {
    let now = backend.now();
    let Some(row) = find(&backend.db, &sha256_hex(token), now).await? else {
        return Ok(None);
    };
    let user = User {
        account: row.account_id,
        session: row.id,
        display_name: row.display_name,
        email: row.email,
        plan: row.plan,
        confirmed_at: row.confirmed_at,
        has_second_factor: row.has_second_factor,
    };
    if now.since(row.last_seen_at) >= TOUCH_EVERY {
        touch(&backend.db, user.session, now).await?;
    }
    Ok(Some(user))
}

/// Ends the session whose cookie holds `token`, if it lives.
///
/// # Errors
/// The database does not answer.
pub async fn end(backend: &Backend, token: &str) -> Result<()> {
    const DELETE: &str = "DELETE FROM session WHERE token_hash = $1";
    backend.db.execute(sql(DELETE).bind(sha256_hex(token))).await?;
    Ok(())
}

/// The person's signed-in browsers, the newest first.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn list(backend: &Backend, actor: &Actor) -> Result<Vec<SessionView>> {
    const SELECT: &str = "
        SELECT id, created_at, last_seen_at FROM session
        WHERE account_id = $1 AND last_seen_at > $2 AND created_at > $3 ORDER BY created_at DESC, id DESC";
    let user = actor.user()?;
    let now = backend.now();
    let select = sql(SELECT)
        .bind(user.account)
        .bind(now.minus(IDLE))
        .bind(now.minus(ABSOLUTE));
    let rows: Vec<ListedRow> = backend.db.all(select).await?;
    let view = |row: ListedRow| SessionView {
        id: row.id,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        is_this: row.id == user.session,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Ends one session of the person's.
///
/// # Errors
/// `NotFound` where there is none, or it is somebody else's.
pub async fn end_one(backend: &Backend, actor: &Actor, id: SessionId) -> Result<()> {
    const DELETE: &str = "DELETE FROM session WHERE id = $1 AND account_id = $2";
    let user = actor.user()?;
    match backend
        .db
        .execute(sql(DELETE).bind(id).bind(user.account))
        .await?
    {
        0 => Err(Error::not_found("session")),
        _ => Ok(()),
    }
}

/// Ends every session of the person's but the one that asks; how many.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn end_others(backend: &Backend, actor: &Actor) -> Result<u64> {
    let user = actor.user()?;
    transaction!(backend.db, |tx| {
        Ok(end_all(tx, user.account, Some(user.session)).await?)
    })
}

/// Ends all sessions of an account, but for one.
pub(crate) async fn end_all(tx: &mut Tx, account: AccountId, but: Option<SessionId>) -> Result<u64, DbError> {
    const DELETE: &str = "DELETE FROM session WHERE account_id = $1 AND ($2 IS NULL OR id <> $2)";
    tx.execute(sql(DELETE).bind(account).bind(but)).await
}

/// Gives a session a new token, because its person has just entered the password; the old one opens nothing any more when the
/// answer has arrived.
pub(crate) async fn renew(backend: &Backend, tx: &mut Tx, session: SessionId) -> Result<String> {
    const UPDATE: &str = "
        UPDATE session SET token_hash = $2, confirmed_at = $3,
            former_hash = CASE WHEN former_until > $3 THEN former_hash ELSE token_hash END, former_until = $4
        WHERE id = $1";
    let token = entropy::new_secret(&*backend.entropy);
    let update = sql(UPDATE)
        .bind(session)
        .bind(sha256_hex(&token))
        .bind(backend.now())
        .bind(backend.now().plus(FORMER_TOKEN));
    tx.execute(update).await?;
    Ok(token)
}

/// Removes sessions that have ended by time; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let now = backend.now();
    let delete = sql(ended::DELETE).bind(now.minus(IDLE)).bind(now.minus(ABSOLUTE));
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would delete now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    let now = backend.now();
    let count = sql(ended::COUNT).bind(now.minus(IDLE)).bind(now.minus(ABSOLUTE));
    Ok(vec![
        retention::count(&backend.db, "sessions that have ended", count).await?,
    ])
}

mod ended {
    crate::db::ended!("session" by "id" where "last_seen_at <= $1 OR created_at <= $2");
}

row! {
    struct SessionRow {
        id: SessionId,
        account_id: AccountId,
        display_name: String,
        email: String,
        plan: Plan,
        last_seen_at: Timestamp,
        confirmed_at: Timestamp,
        has_second_factor: bool,
    }
}

row! {
    struct ListedRow {
        id: SessionId,
        created_at: Timestamp,
        last_seen_at: Timestamp,
    }
}

async fn find(db: &Db, token_hash: &str, now: Timestamp) -> Result<Option<SessionRow>, DbError> {
    const SELECT: &str = "
        SELECT session.id, session.account_id, session.last_seen_at, account.display_name, account.email, account.plan,
            EXISTS (SELECT 1 FROM second_factor WHERE account_id = account.id AND second_factor.confirmed_at IS NOT NULL) AS has_second_factor,
            CASE WHEN session.token_hash = $1 THEN session.confirmed_at ELSE session.created_at END AS confirmed_at
        FROM session JOIN account ON account.id = session.account_id
        WHERE (session.token_hash = $1 OR (session.former_hash = $1 AND session.former_until > $4))
            AND session.last_seen_at > $2 AND session.created_at > $3";
    db.optional(
        sql(SELECT)
            .bind(token_hash)
            .bind(now.minus(IDLE))
            .bind(now.minus(ABSOLUTE))
            .bind(now),
    )
    .await
}

async fn touch(db: &Db, session: SessionId, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE session SET last_seen_at = $2 WHERE id = $1";
    db.execute(sql(UPDATE).bind(session).bind(now)).await
}
