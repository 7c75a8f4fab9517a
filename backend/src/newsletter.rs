//! Newsletters (P16): written by the operator, kept in the database, sent once to each account that consents at the moment
//! its email is written.
//!
//! The id of a newsletter is the hash of its text, so that a command that is given twice sends nothing twice.

use std::time::Duration;

use model::AccountId;
use serde::{Deserialize, Serialize};

use crate::{
    Backend, Result,
    db::{Db, DbError, Tx, sql},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, Newsletter, Notification},
    preferences::NotificationKind,
    signing::sha256_hex,
    tables::{Erase, Export, REFERENCE, Table, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "newsletter_delivery",
        title: "News that you were sent",
        about: "So that you get each only once.",
        kept: "Until you delete your account.",
        export: rows! {
            from "newsletter_delivery" where Account is "account_id = $1"
            given { "newsletter_id" Text "Number", "sent_at" Time "Sent" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "newsletter",
        title: "News that we sent",
        about: "Their words, and when.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is the same for everybody"),
        erase: Erase::Nothing("is about nobody"),
    },
];

/// Accounts whose emails are enqueued in one transaction.
const BATCH: u32 = 200;

/// How many accounts it would go to now: those that consent.
///
/// # Errors
/// The database does not answer.
pub async fn audience(db: &Db) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM email_preference WHERE kind = $1 AND wanted";
    Ok(db
        .one::<(i64,)>(sql(COUNT).bind(NotificationKind::Marketing.as_str()))
        .await?
        .0)
}

/// Has it sent to everybody who consents, by jobs that follow. `false` where the same text was sent before; nothing is done
/// then.
///
/// # Errors
/// The database does not answer.
pub async fn send(backend: &Backend, news: &Newsletter) -> Result<bool> {
    const INSERT: &str = "
        INSERT INTO newsletter (id, subject, body, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    let newsletter = sha256_hex(&format!("{}\n\n{}", news.subject, news.body));
    let mut tx = backend.db.begin().await?;
    let insert = sql(INSERT)
        .bind(newsletter.as_str())
        .bind(news.subject.as_str())
        .bind(news.body.as_str())
        .bind(backend.now());
    let is_new = tx.execute(insert).await? == 1;
    if is_new {
        let job = SendNewsletter { newsletter };
        jobs::enqueue(&mut tx, backend, &job, EnqueueOptions::default()).await?;
    }
    tx.commit().await?;
    backend.wake.wake();
    Ok(is_new)
}

/// Writes to everybody who consents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendNewsletter {
    /// The id of the newsletter.
    newsletter: String,
}

impl Job for SendNewsletter {
    const POLICY: Policy = Policy {
        kind: "send_newsletter",
        queue: Queue::Mail,
        max_attempts: 20,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for SendNewsletter {
    /// Records for every account that consents that it gets one and enqueues the email, batch by batch. Killed in between,
    /// it goes on where it was. Whoever unsubscribes before their email is written gets none.
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        loop {
            let mut tx = backend.db.begin().await?;
            let accounts = insert_notices(&mut tx, backend, &self.newsletter).await?;
            for account in &accounts {
                let newsletter = self.newsletter.clone();
                mail::enqueue(
                    &mut tx,
                    backend,
                    *account,
                    Notification::Newsletter { newsletter },
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

pub(crate) async fn find(db: &Db, newsletter: &str) -> Result<Option<Newsletter>, DbError> {
    db.optional(sql("SELECT subject, body FROM newsletter WHERE id = $1").bind(newsletter))
        .await
}

async fn insert_notices(tx: &mut Tx, backend: &Backend, newsletter: &str) -> Result<Vec<AccountId>, DbError> {
    const INSERT: &str = "
        INSERT INTO newsletter_delivery (account_id, newsletter_id, sent_at)
        SELECT email_preference.account_id, $1, $2 FROM email_preference
        WHERE email_preference.kind = $4 AND email_preference.wanted
          AND NOT EXISTS (
              SELECT 1 FROM newsletter_delivery
              WHERE newsletter_delivery.account_id = email_preference.account_id AND newsletter_delivery.newsletter_id = $1)
        ORDER BY email_preference.account_id LIMIT $3
        RETURNING account_id";
    let insert = sql(INSERT)
        .bind(newsletter)
        .bind(backend.now())
        .bind(BATCH)
        .bind(NotificationKind::Marketing.as_str());
    tx.scalars(insert).await
}
