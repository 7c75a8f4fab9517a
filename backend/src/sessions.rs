//! Signed-in browsers. The cookie holds a secret of 256 bits, the database its SHA-256; no address, no user agent (the
//! policy does not list them).

use std::time::Duration;

use model::{AccountId, SessionId, Timestamp, account::Me, plan::Plan};

use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, sql},
    entropy,
    signing::sha256_hex,
};

/// A session that is not used for this long has ended.
pub const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A session ends this long after its sign-in, used or not.
pub const ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How exactly the last use is remembered; finer would be a write with every page.
const TOUCH_EVERY: Duration = Duration::from_secs(3600);

/// A signed-in person and the session they came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their account.
    pub account: AccountId,
    /// The session of this browser.
    pub session: SessionId,
    /// The name they chose.
    pub display_name: String,
    /// Their address.
    pub email: String,
    /// Their plan.
    pub plan: Plan,
}

impl User {
    /// As pages show them.
    #[must_use]
    pub fn me(&self) -> Me {
        Me {
            id: self.account,
            display_name: self.display_name.clone(),
            email: self.email.clone(),
            plan: self.plan,
        }
    }
}

/// Opens a session in the transaction that signs the person in; the token belongs into the cookie and nowhere else.
pub(crate) async fn open(backend: &Backend, tx: &mut Tx, account: AccountId) -> Result<String> {
    const INSERT: &str = "INSERT INTO session (id, account_id, token_hash, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $4)";
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
        account: row.account_id.parse().map_err(Error::internal)?,
        session: row.id.parse().map_err(Error::internal)?,
        display_name: row.display_name,
        email: row.email,
        plan: row.plan.parse().map_err(|()| Error::internal("unknown plan"))?,
    };
    if now.since(Timestamp(row.last_seen_at)) >= TOUCH_EVERY {
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

/// Removes sessions that have ended by time; how many.
///
/// # Errors
/// The database does not answer.
pub async fn reap(backend: &Backend) -> Result<u64> {
    const DELETE: &str = "DELETE FROM session WHERE last_seen_at <= $1 OR created_at <= $2";
    let now = backend.now();
    Ok(backend
        .db
        .execute(sql(DELETE).bind(now.minus(IDLE)).bind(now.minus(ABSOLUTE)))
        .await?)
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: String,
    account_id: String,
    display_name: String,
    email: String,
    plan: String,
    last_seen_at: i64,
}

async fn find(db: &Db, token_hash: &str, now: Timestamp) -> Result<Option<SessionRow>, DbError> {
    const SELECT: &str = "
        SELECT session.id, session.account_id, session.last_seen_at, account.display_name, account.email, account.plan
        FROM session JOIN account ON account.id = session.account_id
        WHERE session.token_hash = $1 AND session.last_seen_at > $2 AND session.created_at > $3";
    db.optional(
        sql(SELECT)
            .bind(token_hash)
            .bind(now.minus(IDLE))
            .bind(now.minus(ABSOLUTE)),
    )
    .await
}

async fn touch(db: &Db, session: SessionId, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE session SET last_seen_at = $2 WHERE id = $1";
    db.execute(sql(UPDATE).bind(session).bind(now)).await
}
