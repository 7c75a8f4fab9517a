//! Requests with an `Idempotency-Key`: done once, however often they are sent (draft-ietf-httpapi-idempotency-key-header).
//!
//! A request claims its key, does its work, and says in the transaction of that work what came of it. So a process that is
//! killed at any moment leaves either both or neither, and a later request with the key is answered from what was made. No
//! answer is stored: it is put together again, and says what became of the thing since.

use std::time::Duration;

use model::{AccountId, IdempotencyId, Problem, ProblemCode, Timestamp};

use crate::{
    Actor, Backend, Error, IdempotencyClaim, Result, Token,
    db::{Sql, Tx, row, sql},
    retention::{self, ExpiredCount},
    tables::{Erase, REFERENCE, Table, rows},
    transaction,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "idempotency_key",
    title: "Keys of requests",
    about: "So that a request that your program sends twice is done once.",
    kept: "24 hours.",
    export: rows! {
        from "idempotency_key" where Account is "account_id = $1"
        given { "id" Text "Number", "request_key" Text "Key", "resource" Text "What came of it", "created_at" Time "Sent first" }
        withheld {
            "account_id" REFERENCE, "request_hash" "tells whether the same request was sent again",
            "claimed_until" "when a request that was cut off may be sent again",
        }
    },
    erase: Erase::WithAccount,
}];

/// How long a key is remembered.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long a request may take before another one with its key takes over; longer than any of ours does.
const CLAIMED_FOR: Duration = Duration::from_secs(60);

/// The most characters of a key.
pub const MAX_KEY: usize = 255;

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// A request to be done: its claim goes with the actor.
    New(IdempotencyClaim),
    /// A request that was done; the id of what came of it.
    Done(String),
}

/// Claims `key` for the request that hashes to `request`.
///
/// # Errors
/// `KeyReused` where another request had it; `KeyInUse` while that one runs.
pub async fn begin(backend: &Backend, token: &Token, key: &str, request: &str) -> Result<Begun> {
    let (account, now) = (token.owner.account, backend.now());
    let claim = IdempotencyClaim(IdempotencyId(backend.new_id()));
    // Nearly all keys are fresh.
    if backend
        .db
        .execute(inserted(claim, account, key, request, now))
        .await?
        == 1
    {
        return Ok(Begun::New(claim));
    }
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let Some(known) = find(tx, account, key, now).await? else {
            tx.execute(inserted(claim, account, key, request, now)).await?;
            return Ok(Begun::New(claim));
        };
        if known.request_hash != request {
            return Err(Error::problem(
                ProblemCode::KeyReused,
                "Another request was sent with this Idempotency-Key. Use a fresh one for each request, and the same one for its retries only.",
            ));
        }
        if let Some(resource) = known.resource {
            return Ok(Begun::Done(resource));
        }
        if known.claimed_until > now {
            return Err(Error::Problem(Problem {
                retry_after: Some(known.claimed_until.since(now).as_secs().clamp(1, 5)),
                ..Problem::new(
                    ProblemCode::KeyInUse,
                    "A request with this Idempotency-Key is being done. Send it again in a moment to be told what came of it.",
                )
            }));
        }
        take_over(tx, known.id, claim, now).await?;
        Ok(Begun::New(claim))
    })
}

/// Says in the transaction of the work that the request of `actor` is done, and what came of it. Requests without a key, and people,
/// have nothing to say.
///
/// # Errors
/// `KeyInUse` where another request with the key took over, because this one took too long: its work is rolled back.
pub(crate) async fn finish(tx: &mut Tx, actor: &Actor, resource: impl ToString) -> Result<()> {
    const UPDATE: &str = "UPDATE idempotency_key SET resource = $2 WHERE id = $1 AND resource IS NULL";
    let Some(IdempotencyClaim(id)) = claim_of(actor) else {
        return Ok(());
    };
    match tx
        .execute(sql(UPDATE).bind(id).bind(resource.to_string()))
        .await?
    {
        0 => Err(Error::problem(
            ProblemCode::KeyInUse,
            "This request took too long, and another one with its Idempotency-Key took over.",
        )),
        _ => Ok(()),
    }
}

/// The same where there is no work to be done any more.
///
/// # Errors
/// As [`finish`].
pub(crate) async fn finish_alone(backend: &Backend, actor: &Actor, resource: impl ToString) -> Result<()> {
    let resource = resource.to_string();
    transaction!(backend.db, |tx| { finish(tx, actor, &resource).await })
}

/// Forgets the key of a request that was refused, so that it may be sent again. One whose work is done keeps its key, even where
/// nobody heard that it is: the database may fail after it has written.
///
/// # Errors
/// The database does not answer.
pub async fn release(backend: &Backend, IdempotencyClaim(id): IdempotencyClaim) -> Result<()> {
    const DELETE: &str = "DELETE FROM idempotency_key WHERE id = $1 AND resource IS NULL";
    backend.db.execute(sql(DELETE).bind(id)).await?;
    Ok(())
}

/// Says that what the request of `actor` made was taken back.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn undo(backend: &Backend, actor: &Actor) -> Result<()> {
    const UPDATE: &str = "UPDATE idempotency_key SET resource = NULL WHERE id = $1";
    if let Some(IdempotencyClaim(id)) = claim_of(actor) {
        backend.db.execute(sql(UPDATE).bind(id)).await?;
    }
    Ok(())
}

fn claim_of(actor: &Actor) -> Option<IdempotencyClaim> {
    match actor {
        Actor::Token(token) => token.idempotency,
        Actor::Nobody | Actor::User(_) | Actor::System => None,
    }
}

/// Forgets keys whose time is over; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let delete = sql(ended::DELETE).bind(backend.now().minus(KEPT));
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would forget now.
pub(crate) async fn expired(backend: &Backend) -> Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(KEPT));
    retention::count(&backend.db, "keys of requests", count).await
}

mod ended {
    crate::db::ended!("idempotency_key" by "id" where "created_at <= $1");
}

row! {
    struct KnownRow {
        id: IdempotencyId,
        request_hash: String,
        created_at: Timestamp,
        claimed_until: Timestamp,
        resource: Option<String>,
    }
}

/// The row of a key; one whose time is over is forgotten on the way.
async fn find(tx: &mut Tx, account: AccountId, key: &str, now: Timestamp) -> Result<Option<KnownRow>> {
    const FORGET: &str =
        "DELETE FROM idempotency_key WHERE account_id = $1 AND request_key = $2 AND created_at <= $3";
    const SELECT: &str = "
        SELECT id, request_hash, created_at, claimed_until, resource FROM idempotency_key WHERE account_id = $1 AND request_key = $2";
    let known: Option<KnownRow> = tx.optional(sql(SELECT).bind(account).bind(key)).await?;
    let over = now.minus(KEPT);
    if known.as_ref().is_some_and(|known| known.created_at <= over) {
        tx.execute(sql(FORGET).bind(account).bind(key).bind(over)).await?;
        return Ok(None);
    }
    Ok(known)
}

/// A new key; changes nothing where it is there already.
fn inserted(
    IdempotencyClaim(id): IdempotencyClaim,
    account: AccountId,
    key: &str,
    request: &str,
    now: Timestamp,
) -> Sql {
    const INSERT: &str = "
        INSERT INTO idempotency_key (id, account_id, request_key, request_hash, created_at, claimed_until)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, request_key) DO NOTHING";
    sql(INSERT)
        .bind(id)
        .bind(account)
        .bind(key)
        .bind(request)
        .bind(now)
        .bind(now.plus(CLAIMED_FOR))
}

/// Takes the key from a request that was cut off: what that one still wants to write is refused from then on.
async fn take_over(
    tx: &mut Tx,
    from: IdempotencyId,
    IdempotencyClaim(to): IdempotencyClaim,
    now: Timestamp,
) -> Result<()> {
    const UPDATE: &str = "UPDATE idempotency_key SET id = $2, claimed_until = $3 WHERE id = $1";
    let update = sql(UPDATE).bind(from).bind(to).bind(now.plus(CLAIMED_FOR));
    tx.execute(update).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::plan::Plan;
    use uuid::Uuid;

    use super::*;
    use crate::{Owner, db::Db, testing::some_account};

    fn claim(number: u128) -> IdempotencyClaim {
        IdempotencyClaim(IdempotencyId(Uuid::from_u128(number)))
    }

    fn actor(account: AccountId, claim: IdempotencyClaim) -> Actor {
        let owner = Owner {
            account,
            plan: Plan::Pro,
        };
        Actor::Token(Token {
            idempotency: Some(claim),
            ..Token::live(owner, Vec::new())
        })
    }

    async fn found(db: &Db, account: AccountId, now: i64) -> Option<KnownRow> {
        let mut tx = db.begin().await.unwrap();
        let found = find(&mut tx, account, "k", Timestamp(now)).await.unwrap();
        tx.commit().await.unwrap();
        found
    }

    crate::contract! {
        async fn whoever_was_taken_over_from_writes_nothing_any_more(db: &Db) {
            let account = some_account(db, 1).await;
            let mut tx = db.begin().await.unwrap();
            tx.execute(inserted(claim(1), account, "k", "hash", Timestamp(10))).await.unwrap();
            let known = find(&mut tx, account, "k", Timestamp(20)).await.unwrap().unwrap();
            take_over(&mut tx, known.id, claim(2), Timestamp(20)).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = db.begin().await.unwrap();
            let late = finish(&mut tx, &actor(account, claim(1)), "late").await.unwrap_err();
            assert_eq!(late.code(), ProblemCode::KeyInUse);
            drop(tx);
            let mut tx = db.begin().await.unwrap();
            finish(&mut tx, &actor(account, claim(2)), "done").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(found(db, account, 30).await.unwrap().resource.as_deref(), Some("done"));
        }

        async fn a_key_is_its_accounts_own_and_is_forgotten_after_a_day(db: &Db) {
            let (ann, bob) = (some_account(db, 1).await, some_account(db, 2).await);
            let mut tx = db.begin().await.unwrap();
            tx.execute(inserted(claim(1), ann, "k", "hash", Timestamp(10))).await.unwrap();
            tx.commit().await.unwrap();
            assert!(found(db, bob, 20).await.is_none());
            let end = Timestamp(10).plus(KEPT);
            assert!(found(db, ann, end.0 - 1).await.is_some());
            assert!(found(db, ann, end.0).await.is_none());
        }
    }
}
