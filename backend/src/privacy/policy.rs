//! The published versions of the policies, and who is notified of them (P19). The text itself is in the pages, beside the
//! constants that it speaks of; a version says since when it holds and what changed.

use std::time::Duration;

use model::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, row, sql},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, Notification},
    tables::{Erase, Export, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "policy_notification",
        title: "E-mails about policy changes",
        about: "So that you are told of a change once and not twice.",
        kept: "Until you delete your account.",
        export: rows! {
            from "policy_notification" where Account is "account_id = $1"
            given { "version" Text "Version", "sent_at" Time "Told" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "policy_version",
        title: "Published policies",
        about: "What we published and when.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is public"),
        erase: Erase::Nothing("is about nobody"),
    },
];

/// Accounts that are notified in one transaction.
const BATCH: u32 = 200;

row! {
    /// One version.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Version {
        /// The day it holds from, as 2026-11-24.
        pub version: String,
        /// Whether everybody was notified.
        pub material: bool,
        /// What changed.
        pub summary: String,
    }
}

/// The version that holds now.
///
/// # Errors
/// The database does not answer.
pub async fn current(db: &Db) -> Result<Version> {
    const SELECT: &str =
        "SELECT version, material, summary FROM policy_version ORDER BY version DESC LIMIT 1";
    Ok(db.one(sql(SELECT)).await?)
}

/// One of them, for the email about it.
pub(crate) async fn find(db: &Db, version: &str) -> Result<Version> {
    const SELECT: &str = "SELECT version, material, summary FROM policy_version WHERE version = $1";
    Ok(db.one(sql(SELECT).bind(version)).await?)
}

/// All versions, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn all(db: &Db) -> Result<Vec<Version>> {
    const SELECT: &str = "SELECT version, material, summary FROM policy_version ORDER BY version DESC";
    Ok(db.all(sql(SELECT)).await?)
}

/// How much a new version changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// What people agreed to is different.
    Material,
    /// The wording alone.
    Wording,
}

/// Publishes a version. Every account is notified of a material one, once, by jobs that follow; any other only moves the
/// date on the pages. Publishing the same version again changes nothing; `false` then.
///
/// # Errors
/// `Invalid` on `version` where it is no date or older than the present one, on `summary` where it says nothing.
pub async fn publish(backend: &Backend, version: &str, change: Change, summary: &str) -> Result<bool> {
    if !is_date(version) {
        return Err(Error::invalid(
            "version",
            "A version is the day it holds from, such as 2026-12-01.",
        ));
    }
    if summary.trim().is_empty() {
        return Err(Error::invalid(
            "summary",
            "Say in a sentence what changes; everybody reads it.",
        ));
    }
    let present = current(&backend.db).await?.version;
    if *version < *present {
        return Err(Error::invalid(
            "version",
            format!("There is a newer version already, of {present}."),
        ));
    }
    let mut tx = backend.db.begin().await?;
    let is_new = insert(&mut tx, backend, version, change, summary.trim()).await?;
    if is_new && change == Change::Material {
        let version = version.to_owned();
        jobs::enqueue(
            &mut tx,
            backend,
            &AnnouncePolicy { version },
            EnqueueOptions::default(),
        )
        .await?;
    }
    tx.commit().await?;
    backend.wake.wake();
    Ok(is_new)
}

/// Notifies every account of a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncePolicy {
    /// The version.
    pub version: String,
}

impl Job for AnnouncePolicy {
    const POLICY: Policy = Policy {
        kind: "announce_policy",
        queue: Queue::Mail,
        max_attempts: 20,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for AnnouncePolicy {
    /// Records for every account that it is notified and enqueues its email, batch by batch. Killed in between, it goes on
    /// where it was.
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        loop {
            let mut tx = backend.db.begin().await?;
            let accounts = insert_notices(&mut tx, backend, &self.version).await?;
            for account in &accounts {
                let version = self.version.clone();
                mail::enqueue(
                    &mut tx,
                    backend,
                    *account,
                    Notification::PolicyChanged { version },
                )
                .await?;
            }
            tx.commit().await?;
            backend.wake.wake();
            if accounts.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn insert(
    tx: &mut Tx,
    backend: &Backend,
    version: &str,
    change: Change,
    summary: &str,
) -> Result<bool, DbError> {
    const INSERT: &str = "
        INSERT INTO policy_version (version, material, summary, published_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (version) DO NOTHING";
    let insert = sql(INSERT)
        .bind(version)
        .bind(change == Change::Material)
        .bind(summary)
        .bind(backend.now());
    Ok(tx.execute(insert).await? == 1)
}

/// Records the next accounts as notified. Those that were made after the publication accepted the new version by themselves.
async fn insert_notices(tx: &mut Tx, backend: &Backend, version: &str) -> Result<Vec<AccountId>, DbError> {
    const INSERT: &str = "
        INSERT INTO policy_notification (account_id, version, sent_at)
        SELECT account.id, policy_version.version, $2
        FROM account JOIN policy_version ON policy_version.version = $1
        WHERE account.created_at <= policy_version.published_at
          AND NOT EXISTS (SELECT 1 FROM policy_notification WHERE account_id = account.id AND version = $1)
        ORDER BY account.id LIMIT $3
        RETURNING account_id";
    tx.scalars(sql(INSERT).bind(version).bind(backend.now()).bind(BATCH))
        .await
}

/// Whether `text` is a day that exists.
fn is_date(text: &str) -> bool {
    Timestamp::of_day(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn a_version_is_a_day_that_exists() {
        for day in ["2026-12-01", "2028-02-29"] {
            assert!(is_date(day), "{day}");
        }
        for nonsense in [
            "",
            "1.2",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-12-01x",
            "+026-12-01",
        ] {
            assert!(!is_date(nonsense), "{nonsense}");
        }
    }
}
