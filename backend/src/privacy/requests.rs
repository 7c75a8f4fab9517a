//! Requests that came by email: noted on the day they arrived, answered within 30 days.

use model::{AccountId, Timestamp, text_enum};

use super::{DataSubject, erasure::WITHIN};
use crate::{
    Backend, Result,
    db::{Db, DbError, row, sql, text},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "privacy_request",
    title: "Requests by e-mail",
    about: "To answer within 30 days what you asked us by e-mail.",
    kept: "Your account is forgotten in it with your account; that there was a request stays.",
    export: rows! {
        from "privacy_request" where Account is "account_id = $1"
        given {
            "id" Text "Number", "kind" Text "Asked for", "received_at" Time "Arrived", "due_at" Time "Due", "answered_at" Time "Answered",
        }
        withheld { "account_id" REFERENCE }
    },
    erase: Erase::WithAccount,
}];

text_enum! {
    /// What was asked for.
    pub enum RequestKind {
        /// An export of everything.
        Export = "export",
        /// The deletion of the account.
        Deletion = "deletion",
        /// The deletion of a child's account (P18).
        Child = "child",
    }
}

text! { RequestKind }

row! {
    /// A request that is not answered yet.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OpenRequest {
        /// Its id.
        pub id: String,
        /// What was asked for.
        pub kind: RequestKind,
        /// Whose account; nothing where it is gone.
        pub account_id: Option<AccountId>,
        /// When it arrived.
        pub received_at: Timestamp,
        /// When it must be answered.
        pub due_at: Timestamp,
    }
}

/// Notes a request about the account of an address; until when it must be answered. `None` where there is no such account.
///
/// # Errors
/// The database does not answer.
pub async fn note(
    backend: &Backend,
    email: &str,
    kind: RequestKind,
    received_at: Timestamp,
) -> Result<Option<Timestamp>> {
    const INSERT: &str =
        "INSERT INTO privacy_request (id, kind, account_id, received_at, due_at) VALUES ($1, $2, $3, $4, $5)";
    let Some(subject) = DataSubject::of_address(backend, email).await? else {
        return Ok(None);
    };
    let due = received_at.plus(WITHIN);
    let id = backend.new_id().simple().to_string();
    let insert = sql(INSERT)
        .bind(id)
        .bind(kind)
        .bind(subject.account)
        .bind(received_at)
        .bind(due);
    backend.db.execute(insert).await?;
    Ok(Some(due))
}

/// Requests that are not answered, the most urgent first.
///
/// # Errors
/// The database does not answer.
pub async fn open(db: &Db) -> Result<Vec<OpenRequest>, DbError> {
    const SELECT: &str = "
        SELECT id, kind, account_id, received_at, due_at FROM privacy_request
        WHERE answered_at IS NULL ORDER BY due_at, id";
    db.all(sql(SELECT)).await
}

/// Marks the requests for an export of an address as answered; how many. A deletion answers all of them by itself.
///
/// # Errors
/// The database does not answer.
pub async fn answer_copies(backend: &Backend, email: &str) -> Result<u64> {
    match DataSubject::of_address(backend, email).await? {
        Some(subject) => Ok(set_answered(&backend.db, subject.account, backend.now()).await?),
        None => Ok(0),
    }
}

async fn set_answered(db: &Db, account: AccountId, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE privacy_request SET answered_at = $2 WHERE account_id = $1 AND kind = 'export' AND answered_at IS NULL";
    db.execute(sql(UPDATE).bind(account).bind(now)).await
}
