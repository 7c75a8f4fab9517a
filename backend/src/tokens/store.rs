//! The rows of tokens. Every statement of a person's carries the account: somebody else's token is not found.

use model::{AccountId, Timestamp, TokenId, plan::Plan};

use super::{Scopes, TokenKind, TokenView};
use crate::{
    db::{Db, DbError, Tx, row, sql},
    tables::{Erase, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "api_token",
    title: "API tokens",
    about: "To let the programs in that you made a token for. The token itself is not stored, only its hash.",
    kept: "Until you revoke it; 30 days beyond its end in any case.",
    export: rows! {
        from "api_token" where Account is "account_id = $1"
        given {
            "id" Text "Number", "name" Text "Name", "kind" Text "For", "scopes" Text "May do", "hint" Text "Ends in",
            "created_at" Time "Made", "expires_at" Time "Ends", "last_used_day" Time "Last used on",
        }
        withheld { "account_id" REFERENCE, "token_hash" "is the key of a program" }
    },
    erase: Erase::AtOnce("DELETE FROM api_token WHERE account_id = $1"),
}];

/// A token to store.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub(super) id: TokenId,
    pub(super) account: AccountId,
    pub(super) name: &'a str,
    pub(super) kind: TokenKind,
    pub(super) scopes: &'a Scopes,
    pub(super) hash: &'a str,
    pub(super) hint: &'a str,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

row! {
    /// Whose token it is that a program showed, and what it may do.
    #[derive(Debug)]
    pub(super) struct FoundRow {
        pub(super) id: TokenId,
        pub(super) account_id: AccountId,
        pub(super) plan: Plan,
        pub(super) kind: TokenKind,
        pub(super) scopes: Scopes,
        pub(super) last_used_day: Option<Timestamp>,
        /// Live tokens of the account that are older and have not ended.
        pub(super) older: u32,
    }
}

pub(super) async fn insert(tx: &mut Tx, new: &NewRow<'_>) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO api_token (id, account_id, name, kind, scopes, token_hash, hint, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let insert = sql(INSERT)
        .bind(new.id)
        .bind(new.account)
        .bind(new.name)
        .bind(new.kind)
        .bind(new.scopes.clone())
        .bind(new.hash)
        .bind(new.hint)
        .bind(new.created_at)
        .bind(new.expires_at);
    tx.execute(insert).await
}

/// How many of a kind an account has that have not ended.
pub(super) async fn count(
    tx: &mut Tx,
    account: AccountId,
    kind: TokenKind,
    now: Timestamp,
) -> Result<u32, DbError> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM api_token WHERE account_id = $1 AND kind = $2 AND expires_at > $3";
    let count = sql(COUNT).bind(account).bind(kind).bind(now);
    Ok(tx.scalar(count).await?.unwrap_or(0))
}

/// The tokens of an account, the newest first.
pub(super) async fn list(db: &Db, account: AccountId) -> Result<Vec<TokenView>, DbError> {
    const SELECT: &str = "
        SELECT id, name, kind, scopes, hint, created_at, expires_at, last_used_day
        FROM api_token WHERE account_id = $1 ORDER BY id DESC";
    db.all(sql(SELECT).bind(account)).await
}

macro_rules! found {
    ($condition:literal) => {
        concat!(
            "SELECT api_token.id, account_id, plan, kind, scopes, last_used_day,
                (SELECT COUNT(*) FROM api_token AS other
                 WHERE other.account_id = api_token.account_id AND other.kind = 'live'
                   AND other.expires_at > $2 AND other.id < api_token.id) AS older
            FROM api_token JOIN account ON account.id = account_id
            WHERE expires_at > $2 AND closed_at IS NULL AND ",
            $condition
        )
    };
}

/// The token of this hash, while it has not ended and its account is open.
pub(super) async fn find(db: &Db, hash: &str, now: Timestamp) -> Result<Option<FoundRow>, DbError> {
    db.optional(sql(found!("token_hash = $1")).bind(hash).bind(now))
        .await
}

/// The same by its id.
pub(super) async fn find_by_id(db: &Db, id: TokenId, now: Timestamp) -> Result<Option<FoundRow>, DbError> {
    db.optional(sql(found!("api_token.id = $1")).bind(id).bind(now))
        .await
}

/// Notes the day of the last use, which never goes back.
pub(super) async fn touch(db: &Db, id: TokenId, day: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "
        UPDATE api_token SET last_used_day = $2 WHERE id = $1 AND (last_used_day IS NULL OR last_used_day < $2)";
    db.execute(sql(UPDATE).bind(id).bind(day)).await
}

/// Removes a token of the account; whether there was one.
pub(super) async fn delete(tx: &mut Tx, account: AccountId, id: TokenId) -> Result<bool, DbError> {
    const DELETE: &str = "DELETE FROM api_token WHERE id = $1 AND account_id = $2";
    Ok(tx.execute(sql(DELETE).bind(id).bind(account)).await? == 1)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Scope, testing::some_account};

    async fn insert_one(db: &Db, account: AccountId, number: u128, kind: TokenKind) -> TokenId {
        let new = NewRow {
            id: TokenId(Uuid::from_u128(number)),
            account,
            name: "Catalogue check",
            kind,
            scopes: &Scopes(vec![Scope::Upload, Scope::ReadAnalyses]),
            hash: &format!("hash-{number}"),
            hint: "1234",
            created_at: Timestamp(10),
            expires_at: Timestamp(100),
        };
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        new.id
    }

    crate::contract! {
        async fn a_token_is_found_by_its_hash_until_it_ends_or_its_account_closes(db: &Db) {
            let account = some_account(db, 1).await;
            let id = insert_one(db, account, 1, TokenKind::Live).await;
            let found = find(db, "hash-1", Timestamp(99)).await.unwrap().unwrap();
            assert_eq!((found.id, found.account_id, found.plan), (id, account, Plan::Free));
            assert_eq!(found.scopes.0, [Scope::Upload, Scope::ReadAnalyses]);
            assert!(find(db, "hash-1", Timestamp(100)).await.unwrap().is_none(), "its end is exclusive");
            assert!(find(db, "hash-2", Timestamp(50)).await.unwrap().is_none());
            db.execute(sql("UPDATE account SET closed_at = 1 WHERE id = $1").bind(account)).await.unwrap();
            assert!(find(db, "hash-1", Timestamp(50)).await.unwrap().is_none());
        }

        async fn a_token_is_listed_counted_and_removed_by_its_owner_only(db: &Db) {
            let (owner, other) = (some_account(db, 1).await, some_account(db, 2).await);
            let id = insert_one(db, owner, 1, TokenKind::Live).await;
            insert_one(db, owner, 2, TokenKind::Test).await;
            assert_eq!(list(db, owner).await.unwrap().len(), 2);
            assert_eq!(list(db, other).await.unwrap(), []);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(count(&mut tx, owner, TokenKind::Live, Timestamp(99)).await.unwrap(), 1);
            assert_eq!(count(&mut tx, owner, TokenKind::Live, Timestamp(100)).await.unwrap(), 0, "it has ended");
            assert!(!delete(&mut tx, other, id).await.unwrap());
            assert!(delete(&mut tx, owner, id).await.unwrap());
            tx.commit().await.unwrap();
            assert!(find(db, "hash-1", Timestamp(50)).await.unwrap().is_none());
        }

        async fn the_day_of_the_last_use_never_goes_back(db: &Db) {
            let account = some_account(db, 1).await;
            let id = insert_one(db, account, 1, TokenKind::Live).await;
            for (day, changed) in [(50, 1), (50, 0), (40, 0), (60, 1)] {
                assert_eq!(touch(db, id, Timestamp(day)).await.unwrap(), changed, "{day}");
            }
            assert_eq!(list(db, account).await.unwrap()[0].last_used_day, Some(Timestamp(60)));
        }
    }
}
