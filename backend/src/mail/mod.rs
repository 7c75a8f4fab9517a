//! Mail, over SMTP or, in development, into files. Sent by jobs only, after the commit of what it is about.
//!
//! Whoever has something to say to a person calls [`enqueue`] with a [`Notification`] in the transaction of the fact; the job
//! finds the address and writes the email when it runs. The provider receives the address and the text, nothing else (P26).

mod email;
mod newsletter;
mod notification;
mod templates;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

pub use self::{
    email::{Block, Email, Unsubscribe, one_line},
    newsletter::Newsletter,
    notification::{BillingOccasion, Notification, SendNotification, enqueue},
    templates::{BillingFacts, EmailTemplates, EndedAnalysis, Outcome},
};
use crate::{Error, Result, config::Config, jobs::JobError, redact::LogSafe};

/// How long one answer of the mail server may take, and all of them for one email: less than the job has, so that a server that
/// hangs is one that is away.
const SMTP_TIMEOUT: Duration = Duration::from_secs(15);
const SENT_WITHIN: Duration = Duration::from_secs(40);

/// Sends emails.
#[derive(Debug, Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Transport,
    /// How long one email may take.
    sent_within: Duration,
}

#[derive(Debug, Clone)]
enum Transport {
    Files(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// An email was not sent. What it says may be stored and logged: of the server's answer it keeps the number alone, because
/// servers quote the address that they refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The mail server did not answer, or asked to come back: it says nothing about the email.
    #[error("not sent: {0}")]
    Unavailable(Reason),
    /// The email was refused.
    #[error("refused: {0}")]
    Refused(Reason),
}

/// Why an email was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It goes to something that is no address.
    #[error("no address")]
    NoAddress,
    /// It could not be put together.
    #[error("it cannot be put together")]
    Composition,
    /// The server answered with this number (RFC 5321 4.2.3).
    #[error("SMTP {0}")]
    Answer(u16),
    /// The server did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No encrypted connection came about.
    #[error("no encrypted connection")]
    Encryption,
    /// The server answered something that is no SMTP, or lacks something that we need.
    #[error("the server cannot be talked to")]
    Protocol,
    /// There is no connection.
    #[error("no connection")]
    Connection,
    /// The file could not be written.
    #[error("{0}")]
    File(std::io::ErrorKind),
}

impl From<lettre::transport::smtp::Error> for SendError {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        let reason = match error.status() {
            Some(code) => Reason::Answer(code.into()),
            None if error.is_timeout() => Reason::Timeout,
            None if error.is_tls() => Reason::Encryption,
            None if error.is_response() || error.is_client() => Reason::Protocol,
            None => Reason::Connection,
        };
        if error.is_permanent() {
            Self::Refused(reason)
        } else {
            Self::Unavailable(reason)
        }
    }
}

impl LogSafe for SendError {
    fn log_text(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// For emails that are a step of something larger.
impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Unavailable {
            what: "the mail server",
            source: error.into(),
        }
    }
}

impl From<SendError> for JobError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unavailable(_) => Self::wait(error),
            // A few more tries: servers refuse for good what was wrong with our settings a moment ago.
            SendError::Refused(_) => Self::retry(error),
        }
    }
}

impl Mailer {
    /// The mailer that `config` names.
    ///
    /// # Errors
    /// The sender or the URL of the server cannot be read; `Config::load` has refused both before.
    pub fn new(config: &Config) -> Result<Self> {
        let url = config.mail.smtp_url.expose_secret();
        let way = if url.is_empty() {
            Transport::Files(folder(&config.data_dir))
        } else {
            Transport::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(Error::internal)?
                    .timeout(Some(SMTP_TIMEOUT))
                    .build(),
            )
        };
        Ok(Self {
            from: config.mail.from.parse().map_err(Error::internal)?,
            way,
            sent_within: SENT_WITHIN,
        })
    }

    /// Whether emails go into files instead of out into the world.
    #[must_use]
    pub const fn writes_files(&self) -> bool {
        matches!(self.way, Transport::Files(_))
    }

    /// Sends `email`. A second call with the same `id` replaces the file, or carries the same Message-ID.
    ///
    /// # Errors
    /// The server does not take it; [`SendError`] says whether later tries are worth it.
    pub async fn send(&self, id: Uuid, email: &Email) -> Result<(), SendError> {
        let message = self.compose(id, email)?;
        match &self.way {
            Transport::Files(folder) => write(folder, id, &message.formatted())
                .await
                .map_err(|error| SendError::Unavailable(Reason::File(error.kind()))),
            Transport::Smtp(transport) => {
                match tokio::time::timeout(self.sent_within, transport.send(message)).await {
                    Ok(sent) => Ok(sent.map(drop)?),
                    Err(_) => Err(SendError::Unavailable(Reason::Timeout)),
                }
            }
        }
    }

    /// Removes the emails to these addresses that were written into files. Of what was sent, nothing is here.
    ///
    /// # Errors
    /// The folder cannot be read, or a file in it not removed.
    pub async fn forget(&self, addresses: &[&str]) -> std::io::Result<()> {
        let Transport::Files(folder) = &self.way else {
            return Ok(());
        };
        for name in files(folder).await? {
            let source = tokio::fs::read_to_string(&name).await?;
            let to = header(&source, "To").unwrap_or_default();
            if addresses.iter().any(|address| to.eq_ignore_ascii_case(address)) {
                tokio::fs::remove_file(&name).await?;
            }
        }
        Ok(())
    }

    fn compose(&self, id: Uuid, email: &Email) -> Result<Message, SendError> {
        let domain = self.from.email.domain();
        let to: Address = email
            .to
            .parse()
            .map_err(|_: lettre::address::AddressError| SendError::Refused(Reason::NoAddress))?;
        let mut message = Message::builder()
            .from(self.from.clone())
            // The address alone: the name is nobody else's business, and a stranger may have typed it.
            .to(Mailbox::new(None, to))
            .message_id(Some(format!("<{}@{domain}>", id.simple())))
            // A title may look like an encoded word (RFC 2047), which lettre passes on and mail programs decode.
            .subject(one_line(&email.subject).replace("=?", "= ?"))
            // No "out of office" in answer to us (RFC 3834).
            .raw_header(raw("Auto-Submitted", "auto-generated"));
        if let Some(unsubscribe) = &email.unsubscribe {
            // RFC 8058; the provider's DKIM signature has to cover both.
            message = message
                .raw_header(raw("List-Unsubscribe", &format!("<{}>", unsubscribe.one_click)))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let body = MultiPart::alternative()
            .boundary(format!("part-{}", id.simple()))
            .singlepart(SinglePart::plain(email.text()))
            .singlepart(SinglePart::html(email.html()));
        message
            .multipart(body)
            .map_err(|_| SendError::Refused(Reason::Composition))
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// An email that was written into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEmail {
    /// The whole file, headers included.
    pub source: String,
    /// The address that it goes to.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// Its HTML.
    pub html: String,
}

impl StoredEmail {
    /// The value of a header; nothing where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.source, name)
    }

    fn read(source: String) -> Result<Self> {
        use mailparse::MailHeaderMap as _;
        let mail = mailparse::parse_mail(source.as_bytes()).map_err(Error::internal)?;
        let part = |kind: &str| {
            mail.parts()
                .find(|part| part.ctype.mimetype == kind)
                .and_then(|part| part.get_body().ok())
                .unwrap_or_default()
        };
        let header = |name| mail.headers.get_first_value(name).unwrap_or_default();
        Ok(Self {
            to: header("To"),
            subject: header("Subject"),
            text: part("text/plain").replace("\r\n", "\n"),
            html: part("text/html"),
            source: source.clone(),
        })
    }
}

/// The newest emails that were written into files, newest first, for the development page.
///
/// # Errors
/// The folder cannot be read, or holds something that is no email.
pub async fn newest_files(config: &Config, count: usize) -> Result<Vec<StoredEmail>> {
    let mut names = files(&folder(&config.data_dir)).await.map_err(Error::internal)?;
    // Ids sort by time.
    names.sort_unstable_by(|a, b| b.cmp(a));
    let mut emails = Vec::new();
    for name in names
        .iter()
        .filter(|name| name.extension().is_some_and(|end| end == "eml"))
        .take(count)
    {
        emails.push(StoredEmail::read(
            tokio::fs::read_to_string(name).await.map_err(Error::internal)?,
        )?);
    }
    Ok(emails)
}

/// The files of a folder of emails, drafts included; none where there is no folder.
async fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        names.push(entry.path());
    }
    Ok(names)
}

fn header(source: &str, name: &str) -> Option<String> {
    use mailparse::MailHeaderMap as _;
    let (headers, _) = mailparse::parse_headers(source.as_bytes()).ok()?;
    headers.get_first_value(name)
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("mail")
}

async fn write(folder: &Path, id: Uuid, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    // Whole or not at all: the development page may be reading.
    let name = folder.join(format!("{}.eml", id.simple()));
    let draft = name.with_extension("draft");
    tokio::fs::write(&draft, bytes).await?;
    tokio::fs::rename(draft, name).await
}

#[cfg(test)]
mod tests;
