//! What the log and the row of a job may say of a failure: our own texts and codes of others, never others' text.
//!
//! A mail server quotes the address that it refuses, a parser the value that it cannot read, a path the name of a file. So
//! no error is logged as it displays itself: each says by [`LogSafe`] what of it may be logged. Ours implement it beside
//! their definition; those of other crates do so here.

use std::{error::Error as StdError, fmt};

use sqlx::error::DatabaseError;

use crate::db::DbError;

/// An error that knows what of it may be logged.
pub trait LogSafe: StdError + Send + Sync + 'static {
    /// What may be logged of this error; `None` where only what is behind it may.
    fn log_text(&self) -> Option<String>;

    /// What is behind it.
    fn behind(&self) -> Option<&dyn LogSafe> {
        None
    }
}

/// The cause of a failure; displays what of it may be logged.
#[derive(Debug)]
pub struct Cause(Box<dyn LogSafe>);

impl Cause {
    /// The error itself.
    #[must_use]
    pub fn error(&self) -> &dyn LogSafe {
        &*self.0
    }
}

impl<E: LogSafe> From<E> for Cause {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// A text that stands in our source may be logged.
impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Self(Box::new(OwnText(text.to_owned())))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Redacted(&*self.0).fmt(f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

/// A text that is made of nothing but ours.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OwnText(pub(crate) String);

impl LogSafe for OwnText {
    fn log_text(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

/// An error as the log shows it.
pub(crate) struct Redacted<'a>(pub(crate) &'a dyn LogSafe);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self.0))
    }
}

/// What may be logged of `error` and of what is behind it.
pub(crate) fn describe(error: &dyn LogSafe) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(text) = error.log_text()
            && !texts.contains(&text)
        {
            texts.push(text);
        }
        next = error.behind();
    }
    if texts.is_empty() {
        return "of a kind that is not logged".to_owned();
    }
    texts.join(": ")
}

/// What may be logged of an error of another crate, by the standard errors among what is behind it.
pub(crate) fn foreign(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let mut wrapped = None;
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            texts.push(error.kind().to_string());
            // What an I/O error wraps is not among its sources.
            wrapped = error.get_ref().map(|inner| inner as &(dyn StdError + 'static));
        } else if let Some(error) = error.downcast_ref::<serde_json::Error>() {
            let kind = error.classify();
            texts.push(format!("JSON, {kind:?} at {}:{}", error.line(), error.column()));
        }
        next = wrapped.or_else(|| error.source());
    }
    (!texts.is_empty()).then(|| texts.join(": "))
}

/// Errors of other crates that may quote somebody.
macro_rules! quoting {
    ($($error:ty),+ $(,)?) => {$(
        impl LogSafe for $error {
            fn log_text(&self) -> Option<String> {
                foreign(self)
            }
        }
    )+};
}

/// Errors of other crates whose texts are fixed.
macro_rules! fixed {
    ($($error:ty),+ $(,)?) => {$(
        impl LogSafe for $error {
            fn log_text(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

quoting!(
    std::io::Error,
    serde_json::Error,
    tokio::task::JoinError,
    zip::result::ZipError,
    csv::Error,
    csv::IntoInnerError<csv::Writer<Vec<u8>>>,
    mailparse::MailParseError,
    lettre::address::AddressError,
    lettre::transport::smtp::Error,
    apalis::prelude::MonitorError,
    argon2::password_hash::Error,
    redis::RedisError,
    totp_rs::TotpError,
    uuid::Error,
);

fixed!(
    std::num::TryFromIntError,
    tokio::time::error::Elapsed,
    tokio::sync::AcquireError,
    tokio::sync::TryAcquireError,
    model::InvalidId,
    model::UnknownVariant,
);

impl LogSafe for DbError {
    fn log_text(&self) -> Option<String> {
        Some(database(self))
    }
}

/// What may be said of a failure of the database: codes, and names of the schema.
fn database(error: &DbError) -> String {
    match error {
        sqlx::Error::Database(error) => refusal(&**error),
        sqlx::Error::Io(_) => "no connection".to_owned(),
        sqlx::Error::Tls(_) => "no secure connection".to_owned(),
        sqlx::Error::PoolTimedOut => "all connections are busy".to_owned(),
        sqlx::Error::PoolClosed => "the connections are closed".to_owned(),
        sqlx::Error::RowNotFound => "a row is missing".to_owned(),
        sqlx::Error::ColumnNotFound(name) => format!("there is no column {name}"),
        sqlx::Error::ColumnDecode { index, source } => match vocabulary(&**source) {
            Some(why) => format!("column {index} cannot be read: {why}"),
            None => format!("column {index} cannot be read"),
        },
        sqlx::Error::Migrate(error) => match &**error {
            sqlx::migrate::MigrateError::ExecuteMigration(error, version) => {
                format!("migration {version}: {}", database(error))
            }
            error => error.to_string(),
        },
        sqlx::Error::BeginFailed => "a transaction could not begin".to_owned(),
        sqlx::Error::InvalidSavePointStatement => "a transaction is open that should have ended".to_owned(),
        sqlx::Error::WorkerCrashed => "its thread has ended".to_owned(),
        sqlx::Error::Protocol(_) => "it broke off in the middle of an answer".to_owned(),
        sqlx::Error::Configuration(_) => "its address cannot be used".to_owned(),
        _ => "of a kind that is not logged".to_owned(),
    }
}

/// What is wrong with a text that is no id or no variant of an enum; neither repeats the text.
fn vocabulary(error: &(dyn StdError + 'static)) -> Option<String> {
    let id = error.downcast_ref::<model::InvalidId>().map(ToString::to_string);
    id.or_else(|| {
        error
            .downcast_ref::<model::UnknownVariant>()
            .map(ToString::to_string)
    })
}

/// The classes of SQLSTATE in whose messages PostgreSQL speaks of connections, statements and the server. In others (22, data;
/// 23, constraints) it quotes values of rows.
const SPEAKS_OF_ITSELF: [&str; 12] = [
    "08", "0A", "25", "28", "3D", "40", "42", "53", "54", "55", "57", "58",
];

/// SQLite never quotes a value.
fn refusal(error: &dyn DatabaseError) -> String {
    use sqlx::{postgres::PgDatabaseError, sqlite::SqliteError};
    let code = error.code().unwrap_or_default();
    let text = if error.try_downcast_ref::<SqliteError>().is_some() {
        error.message().to_owned()
    } else if let Some(postgres) = error.try_downcast_ref::<PgDatabaseError>() {
        if SPEAKS_OF_ITSELF.iter().any(|class| code.starts_with(class)) {
            error.message().to_owned()
        } else {
            let names = [postgres.table(), postgres.column(), postgres.constraint()];
            names.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    } else {
        String::new()
    };
    format!("{code} {text}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, db::sql};

    const SECRET: &str = "zebulon@example.org";

    #[test]
    fn p14_the_text_of_others_is_not_logged_and_their_kind_is() {
        let json = serde_json::from_str::<u8>(&format!("\"{SECRET}\"")).unwrap_err();
        assert!(json.to_string().contains(SECRET), "the reason for all of this");
        let io = std::io::Error::new(std::io::ErrorKind::NotFound, SECRET);
        let nested = || std::io::Error::other(std::io::Error::new(std::io::ErrorKind::TimedOut, SECRET));
        for (error, wanted) in [
            (Error::internal(json), "internal: JSON, Data at 1:21"),
            (Error::internal(io), "internal: entity not found"),
            (Error::internal("unknown plan"), "internal: unknown plan"),
            (
                Error::internal(lettre::address::AddressError::InvalidUser),
                "internal: of a kind that is not logged",
            ),
            (
                Error::Unavailable {
                    what: "the storage",
                    source: nested().into(),
                },
                "the storage is unavailable: other error: timed out",
            ),
        ] {
            assert_eq!(error.to_string(), wanted);
            assert_eq!(
                describe(&error),
                wanted.replace(": of a kind that is not logged", "")
            );
        }
        assert_eq!(describe(&Error::invalid("email", SECRET)), "Invalid");
    }

    crate::contract! {
        async fn p14_a_database_is_not_quoted_when_it_quotes_a_row(db: &Db) {
            let twice = "INSERT INTO account (id, email, email_key, display_name, password_hash, plan, terms_accepted_at, terms_version, created_at)
                         VALUES ($1, 'zebulon@example.org', 'zebulon@example.org', 'n', 'h', 'free', 1, 'v', 1)";
            db.execute(sql(twice).bind("a")).await.unwrap();
            let error = db.execute(sql(twice).bind("b")).await.unwrap_err();
            let said = Error::from(error).to_string();
            assert!(said.starts_with("database: ") && said.contains("email_key"), "{said}");
            assert!(!said.contains("zebulon"), "{said}");
            let typed = "SELECT CAST('zebulon@example.org' AS BIGINT)";
            if let Err(error) = db.one::<(i64,)>(sql(typed)).await {
                assert!(error.to_string().contains("zebulon"), "the reason for all of this: {error}");
                let said = Error::from(error).to_string();
                assert!(said.contains("22P02") && !said.contains("zebulon"), "{said}");
            }
        }
    }
}
