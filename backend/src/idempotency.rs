//! Requests with an `Idempotency-Key`: done once, however often they are sent (draft-ietf-httpapi-idempotency-key-header).
//!
//! The row of a key is written in the transaction of the work, with what came of it. So a process that is killed at any moment
//! leaves either both or neither, what is refused or rolled back leaves the key free, and a request costs no commit but that of its
//! work. Of two that run at once the second one to commit finds the row and is rolled back (ADR 0017). No answer is stored: it is put
//! together again, and says what became of the thing since.

use std::time::Duration;

use model::{AccountId, Problem, ProblemCode};

use crate::{
    Actor, Backend, Error, IdempotentRequest, Result,
    db::{Tx, row, sql},
    retention::{self, ExpiredCount},
    running_requests::RunningRequest,
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
        given { "request_key" Text "Key", "resource" Text "What came of it", "created_at" Time "Done" }
        withheld { "account_id" REFERENCE, "request_hash" "tells whether the same request was sent again" }
    },
    erase: Erase::WithAccount,
}];

/// How long a key is remembered.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The most characters of a key.
pub const MAX_KEY: usize = 255;

/// After how long a request is to be sent again whose first one still runs.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Begins a request that [`find`] has not found; no other one of this process runs with its key while the value is held.
///
/// # Errors
/// `KeyInUse` where it runs already; `KeyReused` where another one does.
pub fn begin(backend: &Backend, account: AccountId, request: &IdempotentRequest) -> Result<RunningRequest> {
    let begun = backend.running_requests.begin(account, request);
    begun.map_err(|running| {
        if running == request.hash {
            in_use()
        } else {
            reused()
        }
    })
}

/// The id of what came of a request; `None` where it was not done.
///
/// # Errors
/// `KeyReused` where another request had the key; the database does not answer.
pub async fn find(
    backend: &Backend,
    account: AccountId,
    request: &IdempotentRequest,
) -> Result<Option<String>> {
    const SELECT: &str = "
        SELECT request_hash, resource FROM idempotency_key WHERE account_id = $1 AND request_key = $2 AND created_at > $3";
    let select = sql(SELECT)
        .bind(account)
        .bind(request.key.as_str())
        .bind(backend.now().minus(KEPT));
    match backend.db.optional::<DoneRow>(select).await? {
        Some(done) if done.request_hash != request.hash => Err(reused()),
        done => Ok(done.map(|done| done.resource)),
    }
}

/// Writes in the transaction of the work that the request of `actor` is done, and what came of it. Requests without a key, and
/// people, have nothing to write.
///
/// # Errors
/// `KeyInUse` where a request with the key was done meanwhile: the work is to be rolled back, and [`find`] says what came of that one.
pub(crate) async fn finish(
    tx: &mut Tx,
    backend: &Backend,
    actor: &Actor,
    resource: impl ToString,
) -> Result<()> {
    // One whose time is over may be there still.
    const UPSERT: &str = "
        INSERT INTO idempotency_key (account_id, request_key, request_hash, resource, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account_id, request_key) DO UPDATE
        SET request_hash = excluded.request_hash, resource = excluded.resource, created_at = excluded.created_at
        WHERE idempotency_key.created_at <= $6";
    let Actor::Token(token) = actor else {
        return Ok(());
    };
    let Some(request) = &token.request else {
        return Ok(());
    };
    let now = backend.now();
    let upsert = sql(UPSERT)
        .bind(token.owner.account)
        .bind(request.key.as_str())
        .bind(request.hash.as_str())
        .bind(resource.to_string())
        .bind(now)
        .bind(now.minus(KEPT));
    match tx.execute(upsert).await? {
        0 => Err(in_use()),
        _ => Ok(()),
    }
}

/// The same where there is no work to be done any more.
///
/// # Errors
/// As [`finish`].
pub(crate) async fn finish_alone(backend: &Backend, actor: &Actor, resource: impl ToString) -> Result<()> {
    let resource = resource.to_string();
    transaction!(backend.db, |tx| { finish(tx, backend, actor, &resource).await })
}

fn reused() -> Error {
    Error::problem(
        ProblemCode::KeyReused,
        "Another request was sent with this Idempotency-Key. Use a fresh one for each request, and the same one for its retries only.",
    )
}

fn in_use() -> Error {
    Error::Problem(Problem {
        retry_after: Some(ASK_AGAIN.as_secs()),
        ..Problem::new(
            ProblemCode::KeyInUse,
            "A request with this Idempotency-Key is being done. Send it again in a moment to be told what came of it.",
        )
    })
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
    // All of one moment end together, so that no other key is needed.
    crate::db::ended!("idempotency_key" by "created_at" where "created_at <= $1");
}

row! {
    struct DoneRow {
        request_hash: String,
        resource: String,
    }
}
