//! Mail, over SMTP or, in development, into files. Sent by jobs only, after the commit of what it is about.

use std::path::{Path, PathBuf};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{Error, Result, config::Config};

/// A letter in plain text. Its wording is ours; nothing that a person typed goes into its header but the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// Sends letters.
#[derive(Debug, Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Files(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// The mailer that `config` names.
    ///
    /// # Errors
    /// The sender or the URL of the server cannot be read.
    pub fn new(config: &Config) -> Result<Self> {
        let url = config.mail.smtp_url.expose_secret();
        let way = if url.is_empty() {
            Way::Files(folder(&config.data_dir))
        } else {
            Way::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(Error::internal)?
                    .build(),
            )
        };
        Ok(Self {
            from: config.mail.from.parse().map_err(Error::internal)?,
            way,
        })
    }

    /// Whether letters go into files instead of out into the world.
    #[must_use]
    pub const fn writes_files(&self) -> bool {
        matches!(self.way, Way::Files(_))
    }

    /// Sends `letter`. A second call with the same `id` replaces the file, or carries the same Message-ID.
    ///
    /// # Errors
    /// `Unavailable` where the server does not take it at the moment.
    pub async fn send(&self, id: Uuid, letter: &Letter) -> Result<()> {
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(letter.to.parse().map_err(Error::internal)?)
            .message_id(Some(format!("<{}@{domain}>", id.simple())))
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(Error::internal)?;
        match &self.way {
            Way::Files(folder) => {
                write(folder, id, &message.formatted())
                    .await
                    .map_err(|error| Error::Unavailable {
                        what: "the mail folder",
                        source: error.into(),
                    })
            }
            Way::Smtp(transport) => match transport.send(message).await {
                Ok(_) => Ok(()),
                Err(error) => Err(Error::Unavailable {
                    what: "the mail server",
                    source: error.into(),
                }),
            },
        }
    }
}

/// The newest letters that were written into files, newest first, for the development page; whole, headers included.
///
/// # Errors
/// The folder cannot be read.
pub async fn newest_files(config: &Config, count: usize) -> Result<Vec<String>> {
    let folder = folder(&config.data_dir);
    let mut entries = match tokio::fs::read_dir(&folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::internal(error)),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(Error::internal)? {
        names.push(entry.path());
    }
    // Ids sort by time.
    names.sort_unstable_by(|a, b| b.cmp(a));
    let mut letters = Vec::new();
    for name in names
        .iter()
        .filter(|name| name.extension().is_some_and(|end| end == "eml"))
        .take(count)
    {
        letters.push(tokio::fs::read_to_string(name).await.map_err(Error::internal)?);
    }
    Ok(letters)
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("mail")
}

async fn write(folder: &Path, id: Uuid, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    tokio::fs::write(folder.join(format!("{}.eml", id.simple())), bytes).await
}
