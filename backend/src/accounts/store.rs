//! The rows of accounts and sign-ups.

use model::{AccountId, SignUpId, Timestamp};

use crate::{
    db::{Db, DbError, Tx, row, sql},
    retention::{self, ExpiredCount},
    tables::{Erase, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "account",
        title: "Account",
        about: "To sign you in, to address you, and to know your plan.",
        kept: "Until you delete your account.",
        export: rows! {
            from "account" where Account is "id = $1"
            given {
                "id" Text "Number of the account", "email" Text "E-mail", "display_name" Text "Display name",
                "plan" Text "Plan", "paid_plan" Text "Plan that is paid for", "granted_plan" Text "Plan that we gave you", "terms_accepted_at" Time "Terms accepted and age confirmed", "terms_version" Text "Version of the terms",
                "created_at" Time "Made",
            }
            withheld {
                "email_key" "the e-mail once more, in small letters, to look it up by",
                "closed_at" "is set when the account is being deleted, and you are not signed in any more",
                "password_hash" "would help whoever steals the copy to guess the password",
            }
        },
        erase: Erase::Last("DELETE FROM account WHERE id = $1"),
    },
    Table {
        name: "sign_up",
        title: "Sign-ups that wait",
        about: "Attempts to sign up with your address that nobody has confirmed.",
        kept: "24 hours.",
        export: rows! {
            from "sign_up" where Address is "email_key = $1"
            given {
                "id" Text "Number", "email" Text "E-mail", "display_name" Text "Display name", "terms_version" Text "Version of the terms",
                "created_at" Time "Made", "expires_at" Time "Is forgotten",
            }
            withheld {
                "email_key" "the e-mail once more, in small letters, to look it up by",
                "password_hash" "would help whoever steals the copy to guess the password",
            }
        },
        erase: Erase::AtOnce("DELETE FROM sign_up WHERE email_key = $1"),
    },
];

row! {
    /// A sign-up that waits for the confirmation of its address.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct SignUpRow {
        pub(super) id: SignUpId,
        pub(super) email: String,
        pub(super) email_key: String,
        pub(super) display_name: String,
        pub(super) password_hash: String,
        pub(super) terms_version: String,
        pub(super) created_at: Timestamp,
        pub(super) expires_at: Timestamp,
    }
}

row! {
    /// What a sign-in is checked against.
    #[derive(Debug)]
    pub(super) struct CredentialsRow {
        pub(super) id: AccountId,
        pub(super) password_hash: String,
    }
}

row! {
    /// What a password change is checked against.
    #[derive(Debug)]
    pub(super) struct OwnerRow {
        pub(super) email_key: String,
        pub(super) password_hash: String,
    }
}

pub(super) async fn find_owner(db: &Db, account: AccountId) -> Result<Option<OwnerRow>, DbError> {
    db.optional(sql("SELECT email_key, password_hash FROM account WHERE id = $1").bind(account))
        .await
}

pub(super) async fn set_password(tx: &mut Tx, account: AccountId, hash: &str) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE account SET password_hash = $2 WHERE id = $1";
    tx.execute(sql(UPDATE).bind(account).bind(hash)).await
}

pub(super) async fn set_name(db: &Db, account: AccountId, name: &str) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE account SET display_name = $2 WHERE id = $1";
    db.execute(sql(UPDATE).bind(account).bind(name)).await
}

pub(super) async fn insert_sign_up(tx: &mut Tx, row: &SignUpRow) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO sign_up (id, email, email_key, display_name, password_hash, terms_version, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    tx.execute(
        sql(INSERT)
            .bind(row.id)
            .bind(row.email.as_str())
            .bind(row.email_key.as_str())
            .bind(row.display_name.as_str())
            .bind(row.password_hash.as_str())
            .bind(row.terms_version.as_str())
            .bind(row.created_at)
            .bind(row.expires_at),
    )
    .await
}

pub(super) async fn sign_ups_since(tx: &mut Tx, email_key: &str, since: Timestamp) -> Result<usize, DbError> {
    const SELECT: &str = "SELECT id FROM sign_up WHERE email_key = $1 AND created_at > $2";
    Ok(tx
        .scalars::<SignUpId>(sql(SELECT).bind(email_key).bind(since))
        .await?
        .len())
}

pub(super) async fn find_sign_up(
    db: &Db,
    id: SignUpId,
    now: Timestamp,
) -> Result<Option<SignUpRow>, DbError> {
    const SELECT: &str = "
        SELECT id, email, email_key, display_name, password_hash, terms_version, created_at, expires_at
        FROM sign_up WHERE id = $1 AND expires_at > $2";
    db.optional(sql(SELECT).bind(id).bind(now)).await
}

/// Removes a living sign-up and returns it: of two confirmations at once, one gets it.
pub(super) async fn take_sign_up(
    tx: &mut Tx,
    id: SignUpId,
    now: Timestamp,
) -> Result<Option<SignUpRow>, DbError> {
    const DELETE: &str = "
        DELETE FROM sign_up WHERE id = $1 AND expires_at > $2
        RETURNING id, email, email_key, display_name, password_hash, terms_version, created_at, expires_at";
    tx.optional(sql(DELETE).bind(id).bind(now)).await
}

pub(super) async fn forget_sign_ups(tx: &mut Tx, email_key: &str) -> Result<u64, DbError> {
    tx.execute(sql("DELETE FROM sign_up WHERE email_key = $1").bind(email_key))
        .await
}

pub(super) async fn purge_sign_ups(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    db.execute_until_done(sql(ended::DELETE).bind(now)).await
}

pub(super) async fn expired_sign_ups(db: &Db, now: Timestamp) -> crate::Result<ExpiredCount> {
    retention::count(db, "sign-ups that nobody confirmed", sql(ended::COUNT).bind(now)).await
}

mod ended {
    crate::db::ended!("sign_up" by "id" where "expires_at <= $1");
}

/// Makes the account of a sign-up; `false` where the address has one already.
pub(super) async fn insert_account(
    tx: &mut Tx,
    id: AccountId,
    from: &SignUpRow,
    now: Timestamp,
) -> Result<bool, DbError> {
    const INSERT: &str = "
        INSERT INTO account (id, email, email_key, display_name, password_hash, plan, terms_accepted_at, terms_version, created_at)
        VALUES ($1, $2, $3, $4, $5, 'free', $6, $7, $8)
        ON CONFLICT (email_key) DO NOTHING";
    let inserted = tx
        .execute(
            sql(INSERT)
                .bind(id)
                .bind(from.email.as_str())
                .bind(from.email_key.as_str())
                .bind(from.display_name.as_str())
                .bind(from.password_hash.as_str())
                .bind(from.created_at)
                .bind(from.terms_version.as_str())
                .bind(now),
        )
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn account_exists(db: &Db, email_key: &str) -> Result<bool, DbError> {
    Ok(find_credentials(db, email_key).await?.is_some())
}

pub(super) async fn find_credentials(db: &Db, email_key: &str) -> Result<Option<CredentialsRow>, DbError> {
    db.optional(sql("SELECT id, password_hash FROM account WHERE email_key = $1").bind(email_key))
        .await
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An account for the tests of this domain.
    pub(in crate::accounts) async fn account(db: &Db, number: u128, email: &str) -> AccountId {
        let id = AccountId(uuid::Uuid::from_u128(number));
        let mut tx = db.begin().await.unwrap();
        assert!(
            insert_account(&mut tx, id, &sign_up(number, email), Timestamp(5))
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        id
    }

    fn sign_up(number: u128, email: &str) -> SignUpRow {
        SignUpRow {
            id: SignUpId(uuid::Uuid::from_u128(number)),
            email: email.to_owned(),
            email_key: email.to_lowercase(),
            display_name: "Ann".into(),
            password_hash: "hash".into(),
            terms_version: "1".into(),
            created_at: Timestamp(1_000),
            expires_at: Timestamp(2_000),
        }
    }

    async fn insert(db: &Db, row: &SignUpRow) {
        let mut tx = db.begin().await.unwrap();
        insert_sign_up(&mut tx, row).await.unwrap();
        tx.commit().await.unwrap();
    }

    crate::contract! {
        async fn p13_name_and_password_are_changed_on_their_account_alone(db: &Db) {
            let (ann, bob) = (account(db, 1, "ann@example.org").await, account(db, 2, "bob@example.org").await);
            assert_eq!(set_name(db, ann, "Anna").await.unwrap(), 1);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(set_password(&mut tx, ann, "another").await.unwrap(), 1);
            tx.commit().await.unwrap();
            assert_eq!(find_owner(db, ann).await.unwrap().unwrap().password_hash, "another");
            assert_eq!(find_owner(db, bob).await.unwrap().unwrap().password_hash, "hash");
            let names: Vec<String> = db.scalars(sql("SELECT display_name FROM account ORDER BY id")).await.unwrap();
            assert_eq!(names, ["Anna", "Ann"]);
        }

        async fn a_sign_up_can_be_taken_once_and_not_after_its_time(db: &Db) {
            let row = sign_up(1, "Ann@example.org");
            let id = row.id;
            insert(db, &row).await;
            assert_eq!(find_sign_up(db, id, Timestamp(1_999)).await.unwrap(), Some(row.clone()));
            assert_eq!(find_sign_up(db, id, Timestamp(2_000)).await.unwrap(), None);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(take_sign_up(&mut tx, id, Timestamp(2_000)).await.unwrap(), None);
            assert_eq!(take_sign_up(&mut tx, id, Timestamp(1_999)).await.unwrap(), Some(row));
            assert_eq!(take_sign_up(&mut tx, id, Timestamp(1_999)).await.unwrap(), None);
        }

        async fn an_address_has_one_account_however_it_is_written(db: &Db) {
            let mut tx = db.begin().await.unwrap();
            let first = AccountId(uuid::Uuid::from_u128(1));
            let second = AccountId(uuid::Uuid::from_u128(2));
            assert!(insert_account(&mut tx, first, &sign_up(1, "Ann@example.org"), Timestamp(5)).await.unwrap());
            assert!(!insert_account(&mut tx, second, &sign_up(2, "ANN@example.org"), Timestamp(5)).await.unwrap());
            tx.commit().await.unwrap();
            assert!(account_exists(db, "ann@example.org").await.unwrap());
            assert_eq!(find_credentials(db, "ann@example.org").await.unwrap().unwrap().id, first);
            assert!(!account_exists(db, "bob@example.org").await.unwrap());
        }

        async fn sign_ups_of_an_address_are_counted_forgotten_and_reaped(db: &Db) {
            for number in 1..=3 {
                insert(db, &sign_up(number, "ann@example.org")).await;
            }
            insert(db, &sign_up(4, "bob@example.org")).await;
            let mut tx = db.begin().await.unwrap();
            assert_eq!(sign_ups_since(&mut tx, "ann@example.org", Timestamp(999)).await.unwrap(), 3);
            assert_eq!(sign_ups_since(&mut tx, "ann@example.org", Timestamp(1_000)).await.unwrap(), 0);
            assert_eq!(forget_sign_ups(&mut tx, "ann@example.org").await.unwrap(), 3);
            tx.commit().await.unwrap();
            assert_eq!(purge_sign_ups(db, Timestamp(1_999)).await.unwrap(), 0);
            assert_eq!(purge_sign_ups(db, Timestamp(2_000)).await.unwrap(), 1);
        }
    }
}
