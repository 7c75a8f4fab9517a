//! News for those who asked for them (P16): written by the operator, kept in the database, sent once to each account that
//! consents at the moment its letter is written.
//!
//! The number of a newsletter is the hash of its text, so that a command that is given twice sends nothing twice.

use model::AccountId;

use super::{Block, Notification, preferences::NotificationKind};
use crate::{
    Backend, Error, Result,
    db::{Db, DbError, Tx, sql},
    jobs::{self, Job},
    signing::sha256_hex,
};

/// Accounts whose letters are enqueued in one transaction.
const BATCH: u32 = 200;

/// The longest subject, in characters; mail programs show about this much.
const MAX_SUBJECT: usize = 78;

/// The longest text, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Newsletter {
    /// The subject line.
    pub subject: String,
    /// Paragraphs with an empty line between them. One of the form `[words](address)` is a link, to an address of ours.
    pub body: String,
}

impl Newsletter {
    /// Reads a newsletter: the subject in the first line, an empty line, the paragraphs. `base_url` is where links may lead.
    ///
    /// # Errors
    /// `Invalid`; the text says what is wrong.
    pub fn parse(text: &str, base_url: &str) -> Result<Self> {
        let text = text.replace("\r\n", "\n");
        let (subject, body) = text.trim().split_once("\n\n").ok_or_else(|| {
            Error::invalid(
                "file",
                "Write the subject into the first line, then an empty line, then the text.",
            )
        })?;
        if subject.lines().count() != 1 || subject.chars().count() > MAX_SUBJECT {
            return Err(Error::invalid(
                "file",
                format!(
                    "The subject is one line of at most {MAX_SUBJECT} characters, with an empty line below it."
                ),
            ));
        }
        if body.len() > MAX_BODY {
            return Err(Error::invalid(
                "file",
                format!("The text is longer than {MAX_BODY} bytes."),
            ));
        }
        let news = Self {
            subject: subject.trim().to_owned(),
            body: body.trim().to_owned(),
        };
        for block in news.blocks() {
            if let Block::Link { url, .. } = block
                && !url
                    .strip_prefix(base_url)
                    .is_some_and(|path| path.starts_with('/'))
            {
                return Err(Error::invalid(
                    "file",
                    format!(
                        "A link leads to {url}. It has to begin with {base_url}/, so that nobody else learns who reads it."
                    ),
                ));
            }
        }
        Ok(news)
    }

    /// Its paragraphs, each on one line.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let paragraphs = self
            .body
            .split("\n\n")
            .map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" "));
        paragraphs
            .filter(|paragraph| !paragraph.is_empty())
            .map(block)
            .collect()
    }
}

fn block(paragraph: String) -> Block {
    let link = paragraph
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|rest| rest.split_once("]("));
    match link {
        Some((label, url)) => Block::Link {
            label: label.to_owned(),
            url: url.to_owned(),
        },
        None => Block::Text(paragraph),
    }
}

/// Whom it would go to now: how many accounts consent.
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
        let job = Job::SendNewsletter { newsletter };
        jobs::enqueue(&mut tx, backend, &job, jobs::Options::default()).await?;
    }
    tx.commit().await?;
    backend.wake.wake();
    Ok(is_new)
}

/// The job behind [`send`]: notes for every account that consents that it gets one and enqueues the letter, batch by batch.
/// Killed in between, it goes on where it was. Whoever declines before their letter is written gets none.
pub(crate) async fn distribute(backend: &Backend, newsletter: &str) -> Result<()> {
    loop {
        let mut tx = backend.db.begin().await?;
        let accounts = note_batch(&mut tx, backend, newsletter).await?;
        for account in &accounts {
            let newsletter = newsletter.to_owned();
            super::enqueue(
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

pub(super) async fn find(db: &Db, newsletter: &str) -> Result<Option<Newsletter>, DbError> {
    db.optional(sql("SELECT subject, body FROM newsletter WHERE id = $1").bind(newsletter))
        .await
}

async fn note_batch(tx: &mut Tx, backend: &Backend, newsletter: &str) -> Result<Vec<AccountId>> {
    const INSERT: &str = "
        INSERT INTO newsletter_notice (account_id, newsletter_id, told_at)
        SELECT email_preference.account_id, $1, $2 FROM email_preference
        WHERE email_preference.kind = $4 AND email_preference.wanted
          AND NOT EXISTS (
              SELECT 1 FROM newsletter_notice
              WHERE newsletter_notice.account_id = email_preference.account_id AND newsletter_notice.newsletter_id = $1)
        ORDER BY email_preference.account_id LIMIT $3
        RETURNING account_id";
    let insert = sql(INSERT)
        .bind(newsletter)
        .bind(backend.now())
        .bind(BATCH)
        .bind(NotificationKind::Marketing.as_str());
    let rows: Vec<(String,)> = tx.all(insert).await?;
    rows.into_iter()
        .map(|(id,)| id.parse().map_err(Error::internal))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://mixlens.example";

    #[test]
    fn a_newsletter_is_a_subject_and_paragraphs_and_its_links_lead_to_us() {
        let text = "News\r\n\r\nOne\r\nand the same.\n\n\n[Look](https://mixlens.example/upload)\n";
        let news = Newsletter::parse(text, BASE).unwrap();
        assert_eq!(news.subject, "News");
        assert_eq!(
            news.blocks(),
            [
                Block::Text("One and the same.".into()),
                Block::Link {
                    label: "Look".into(),
                    url: "https://mixlens.example/upload".into()
                },
            ]
        );
        for (wrong, said) in [
            ("News", "empty line"),
            ("News\nmore\n\ntext", "one line"),
            (&format!("{}\n\ntext", "x".repeat(79)), "78 characters"),
            (&format!("News\n\n{}", "x".repeat(MAX_BODY + 1)), "longer"),
            (
                "News\n\n[Look](https://mixlens.example.evil/)",
                "has to begin with https://mixlens.example/",
            ),
            (
                "News\n\n[Look](http://tracker.example/?u=1)",
                "nobody else learns",
            ),
        ] {
            let error = Newsletter::parse(wrong, BASE).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
