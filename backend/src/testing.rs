//! What tests of this crate and of others share. Not part of the product.

#![expect(clippy::expect_used, reason = "helpers of tests fail their test")]

use model::AccountId;

use crate::db::{Db, sql};

/// An account with made-up details that depend on `number` alone.
pub async fn some_account(db: &Db, number: u128) -> AccountId {
    const INSERT: &str = "
        INSERT INTO account (id, email, email_key, display_name, password_hash, plan, terms_accepted_at, terms_version, created_at)
        VALUES ($1, $2, $2, 'Ann', 'hash', 'free', 1, '1', 1)";
    let id = AccountId(uuid::Uuid::from_u128(number));
    db.execute(sql(INSERT).bind(id).bind(format!("person{number}@example.org")))
        .await
        .expect("an account is inserted");
    id
}
