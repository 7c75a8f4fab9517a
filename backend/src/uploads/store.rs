//! The rows of uploads.

use model::{
    AccountId, Timestamp, UploadId,
    upload::{UploadKind, UploadState},
};

use crate::{
    db::{Db, DbError, Tx, row, sql},
    retention::{self, ExpiredCount},
    storage::Key,
    tables::{REFERENCE, Table, in_batches, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "upload",
    title: "Uploaded files",
    about: "To measure them. The audio itself, and a copy to play where browsers do not play its format, is in the object store until the moment that is given here.",
    kept: "The facts until you delete the report; the audio as your plan says.",
    export: rows! {
        from "upload" where Account is "account_id = $1"
        given {
            "id" Text "Number", "file_name" Text "File name", "kind" Text "For", "state" Text "State", "size_bytes" Number "Bytes",
            "media_type" Text "Format", "created_at" Time "Begun", "stored_at" Time "Arrived", "delete_after" Time "Audio is removed",
            "preview_state" Text "Copy to play", "preview_attenuation_db" Number "Copy made lower by, dB",
        }
        withheld {
            "account_id" REFERENCE,
            "multipart_id" "the storage's own number of an upload that comes in parts",
        }
    },
    // An analysis goes with its upload, and with it verdicts and comparisons.
    erase: in_batches!("upload"),
}];

row! {
    /// One upload.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct UploadRow {
        pub(super) id: UploadId,
        pub(super) account_id: AccountId,
        pub(super) kind: UploadKind,
        pub(super) state: UploadState,
        pub(super) file_name: String,
        pub(super) size_bytes: u64,
        pub(super) media_type: String,
        pub(super) multipart_id: Option<String>,
        pub(super) created_at: Timestamp,
        pub(super) delete_after: Option<Timestamp>,
    }
}

impl UploadRow {
    /// The key of the object.
    pub(super) fn key(&self) -> Key {
        Key::source(self.account_id, self.id)
    }
}

pub(super) async fn insert(tx: &mut Tx, row: &UploadRow) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO upload (id, account_id, kind, state, file_name, size_bytes, media_type, multipart_id, created_at, delete_after)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    tx.execute(
        sql(INSERT)
            .bind(row.id)
            .bind(row.account_id)
            .bind(row.kind)
            .bind(row.state)
            .bind(row.file_name.as_str())
            .bind(row.size_bytes)
            .bind(row.media_type.as_str())
            .bind(row.multipart_id.as_deref())
            .bind(row.created_at)
            .bind(row.delete_after),
    )
    .await
}

pub(super) async fn find(db: &Db, account: AccountId, id: UploadId) -> Result<Option<UploadRow>, DbError> {
    const SELECT: &str = "
        SELECT id, account_id, kind, state, file_name, size_bytes, media_type, multipart_id, created_at, delete_after
        FROM upload WHERE id = $1 AND account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

/// pending → stored, fixing when the audio goes; `false` where it was not pending any more.
pub(super) async fn set_stored(
    tx: &mut Tx,
    id: UploadId,
    now: Timestamp,
    delete_after: Timestamp,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE upload SET state = 'stored', stored_at = $2, delete_after = $3 WHERE id = $1 AND state = 'pending'";
    Ok(tx
        .execute(sql(UPDATE).bind(id).bind(now).bind(delete_after))
        .await?
        == 1)
}

/// Uploads whose audio has had its time, at $1.
macro_rules! due {
    () => {
        "state = 'stored' AND delete_after <= $1"
    };
}

/// Uploads that were never completed and cannot come any more, at $1.
macro_rules! abandoned {
    () => {
        "state = 'pending' AND delete_after <= $1"
    };
}

row! {
    /// What an account has begun to upload and not completed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Pending {
        /// Those whose permission is not over yet.
        pub(super) recent: u64,
        /// When the first of these began.
        pub(super) first: Option<Timestamp>,
        /// The bytes that all of them may bring.
        pub(super) bytes: u64,
    }
}

/// What is pending of an account; recent is what was begun after `since`. Whoever adds to it holds the account's lock.
pub(super) async fn pending(tx: &mut Tx, account: AccountId, since: Timestamp) -> Result<Pending, DbError> {
    const SELECT: &str = "
        SELECT COUNT(CASE WHEN created_at > $2 THEN 1 END) AS recent,
               MIN(CASE WHEN created_at > $2 THEN created_at END) AS first,
               CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes
        FROM upload WHERE account_id = $1 AND state = 'pending'";
    let select = sql(SELECT).bind(account).bind(since);
    tx.optional(select).await?.ok_or(DbError::RowNotFound)
}

/// Until when bytes of a pending upload of an account may still arrive; `None` where it has none.
pub(crate) async fn last_pending_ends(tx: &mut Tx, account: AccountId) -> Result<Option<Timestamp>, DbError> {
    const SELECT: &str =
        "SELECT MAX(delete_after) AS ends FROM upload WHERE account_id = $1 AND state = 'pending'";
    let ends: Option<Option<Timestamp>> = tx.scalar(sql(SELECT).bind(account)).await?;
    Ok(ends.flatten())
}

/// Whether an upload has a row that keeps its audio in the storage.
pub(crate) async fn keeps_audio(db: &Db, account: AccountId, id: UploadId) -> Result<bool, DbError> {
    const SELECT: &str =
        "SELECT id FROM upload WHERE id = $1 AND account_id = $2 AND state IN ('pending', 'stored')";
    let found: Option<UploadId> = db.scalar(sql(SELECT).bind(id).bind(account)).await?;
    Ok(found.is_some())
}

/// Whether an upload may still get parts.
pub(crate) async fn takes_parts(db: &Db, account: AccountId, id: UploadId) -> Result<bool, DbError> {
    const SELECT: &str = "SELECT id FROM upload WHERE id = $1 AND account_id = $2 AND state = 'pending'";
    let found: Option<UploadId> = db.scalar(sql(SELECT).bind(id).bind(account)).await?;
    Ok(found.is_some())
}

/// How many uploads should have lost their audio up to `before`.
pub(super) async fn count_stored_past(db: &Db, before: Timestamp) -> Result<i64, DbError> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM upload WHERE state IN ('pending', 'stored') AND delete_after <= $1";
    Ok(db.one::<(i64,)>(sql(COUNT).bind(before)).await?.0)
}

/// What [`take_due`] and [`take_abandoned`] would take.
pub(super) async fn count_expired(db: &Db, now: Timestamp) -> crate::Result<Vec<ExpiredCount>> {
    const DUE: &str = concat!("SELECT COUNT(*) FROM upload WHERE ", due!());
    const ABANDONED: &str = concat!("SELECT COUNT(*) FROM upload WHERE ", abandoned!());
    Ok(vec![
        retention::count(db, "uploads whose audio is due", sql(DUE).bind(now)).await?,
        retention::count(db, "uploads that never arrived", sql(ABANDONED).bind(now)).await?,
    ])
}

/// stored → removed for up to `count` uploads whose time has come; those that it changed. Their analyses keep no audio any more.
pub(super) async fn take_due(tx: &mut Tx, now: Timestamp, count: u32) -> Result<Vec<UploadRow>, DbError> {
    const UPDATE: &str = concat!(
        "UPDATE upload SET state = 'removed' WHERE id IN (SELECT id FROM upload WHERE ",
        due!(),
        " ORDER BY delete_after LIMIT $2) AND state = 'stored'
        RETURNING id, account_id, kind, state, file_name, size_bytes, media_type, multipart_id, created_at, delete_after"
    );
    const KEEPS_NONE: &str = "UPDATE analysis SET audio_until = NULL WHERE upload_id = $1";
    let due: Vec<UploadRow> = tx.all(sql(UPDATE).bind(now).bind(count)).await?;
    for upload in &due {
        tx.execute(sql(KEEPS_NONE).bind(upload.id)).await?;
    }
    Ok(due)
}

/// Forgets up to `count` uploads that were never completed and cannot come any more; returns them.
pub(super) async fn take_abandoned(
    tx: &mut Tx,
    now: Timestamp,
    count: u32,
) -> Result<Vec<UploadRow>, DbError> {
    const DELETE: &str = concat!(
        "DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE ",
        abandoned!(),
        " LIMIT $2) AND state = 'pending'
        RETURNING id, account_id, kind, state, file_name, size_bytes, media_type, multipart_id, created_at, delete_after"
    );
    tx.all(sql(DELETE).bind(now).bind(count)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::some_account;

    fn pending(account: AccountId, number: u128, created_at: i64) -> UploadRow {
        UploadRow {
            id: UploadId(uuid::Uuid::from_u128(number)),
            account_id: account,
            kind: UploadKind::Mix,
            state: UploadState::Pending,
            file_name: "mix.wav".into(),
            size_bytes: 5,
            media_type: "audio/wav".into(),
            multipart_id: None,
            created_at: Timestamp(created_at),
            delete_after: Some(Timestamp(created_at)),
        }
    }

    async fn insert_one(db: &Db, row: &UploadRow) {
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, row).await.unwrap();
        tx.commit().await.unwrap();
    }

    crate::contract! {
        async fn an_upload_is_stored_once_and_found_by_its_owner_only(db: &Db) {
            let (owner, other) = (some_account(db, 1).await, some_account(db, 2).await);
            let row = pending(owner, 1, 10);
            let id = row.id;
            insert_one(db, &row).await;
            assert_eq!(find(db, owner, id).await.unwrap(), Some(row));
            assert_eq!(find(db, other, id).await.unwrap(), None);
            let mut tx = db.begin().await.unwrap();
            assert!(set_stored(&mut tx, id, Timestamp(20), Timestamp(30)).await.unwrap());
            assert!(!set_stored(&mut tx, id, Timestamp(21), Timestamp(31)).await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(find(db, owner, id).await.unwrap().unwrap().delete_after, Some(Timestamp(30)));
        }

        async fn p07_an_upload_is_due_at_its_cut_off_and_not_before(db: &Db) {
            let owner = some_account(db, 1).await;
            for (number, delete_after) in [(1, 100), (2, 200)] {
                let row = pending(owner, number, 10);
                insert_one(db, &row).await;
                let mut tx = db.begin().await.unwrap();
                set_stored(&mut tx, row.id, Timestamp(20), Timestamp(delete_after)).await.unwrap();
                tx.commit().await.unwrap();
            }
            let mut tx = db.begin().await.unwrap();
            assert_eq!(take_due(&mut tx, Timestamp(99), 10).await.unwrap(), []);
            assert_eq!(take_due(&mut tx, Timestamp(100), 10).await.unwrap().len(), 1);
            assert_eq!(take_due(&mut tx, Timestamp(100), 10).await.unwrap(), []);
            assert_eq!(take_due(&mut tx, Timestamp(300), 10).await.unwrap().len(), 1);
        }

        async fn an_abandoned_upload_is_forgotten_and_a_stored_one_is_not(db: &Db) {
            let owner = some_account(db, 1).await;
            insert_one(db, &pending(owner, 1, 10)).await;
            insert_one(db, &pending(owner, 2, 10)).await;
            let mut tx = db.begin().await.unwrap();
            set_stored(&mut tx, UploadId(uuid::Uuid::from_u128(2)), Timestamp(20), Timestamp(30)).await.unwrap();
            assert_eq!(take_abandoned(&mut tx, Timestamp(9), 10).await.unwrap(), []);
            assert_eq!(take_abandoned(&mut tx, Timestamp(10), 10).await.unwrap().len(), 1);
        }
    }
}
