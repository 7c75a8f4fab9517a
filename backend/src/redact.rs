//! What the log and the row of a job may say of a failure: words of ours and codes of others, never others' text.
//!
//! A mail server quotes the address that it refuses, a parser the value that it cannot read, a path the name of a file. So
//! nothing is written as it presents itself: an error is asked for what it is, and one of a kind that is not known here says
//! no more than that. Trap: [`words`] goes by types, so an error that was turned into a text before is lost.

use std::{any::Any, error::Error as StdError, fmt};

use sqlx::error::DatabaseError;

use crate::{
    Error,
    db::DbError,
    jobs::FinishError,
    mail::SendError,
    storage::{self, Answer},
};

/// An error of whatever kind.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// Words of ours.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Ours(pub(crate) String);

/// A cause that keeps what it is: a text that stands in our source may be said, any other may not.
pub(crate) fn from<C: Into<BoxError> + 'static>(cause: C) -> BoxError {
    match (&cause as &dyn Any).downcast_ref::<&'static str>() {
        Some(text) => Box::new(Ours((*text).to_owned())),
        None => cause.into(),
    }
}

/// What may be said of `error` and of what is behind it.
pub(crate) fn words(error: &(dyn StdError + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(words) = known(error)
            && !said.contains(&words)
        {
            said.push(words);
        }
        // What an I/O error wraps is not among its sources.
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref());
        next = wrapped.map_or_else(|| error.source(), |inner| Some(inner));
    }
    if said.is_empty() {
        return "of a kind that is not logged".to_owned();
    }
    said.join(": ")
}

/// `None` for an error that is of no known kind; what is behind it may be.
fn known(error: &(dyn StdError + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<Error>() {
        return Some(match error {
            // Its message is for the person and may quote them.
            Error::Problem(problem) => format!("{:?}", problem.code),
            // What is behind them says the rest.
            Error::Db(_) => "database".to_owned(),
            Error::Unavailable { what, .. } => format!("{what} is unavailable"),
            Error::Internal(_) => "internal".to_owned(),
        });
    }
    if let Some(error) = error.downcast_ref::<DbError>() {
        return Some(database(error));
    }
    if let Some(FinishError::Db(error)) = error.downcast_ref() {
        return Some(database(error));
    }
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return Some(error.kind().to_string());
    }
    if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        let kind = error.classify();
        return Some(format!("JSON, {kind:?} at {}:{}", error.line(), error.column()));
    }
    // What these say is ours, word for word.
    says::<Ours>(error)
        .or_else(|| says::<SendError>(error))
        .or_else(|| says::<storage::Error>(error))
        .or_else(|| says::<Answer>(error))
        .or_else(|| says::<FinishError>(error))
        .or_else(|| says::<model::InvalidId>(error))
        .or_else(|| says::<model::UnknownVariant>(error))
        .or_else(|| says::<std::num::TryFromIntError>(error))
        .or_else(|| says::<tokio::time::error::Elapsed>(error))
}

fn says<E: StdError + 'static>(error: &(dyn StdError + 'static)) -> Option<String> {
    error.downcast_ref::<E>().map(ToString::to_string)
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
        sqlx::Error::ColumnDecode { index, .. } => format!("column {index} cannot be read"),
        sqlx::Error::Migrate(error) => match &**error {
            sqlx::migrate::MigrateError::ExecuteMigration(error, version) => {
                format!("migration {version}: {}", database(error))
            }
            error => error.to_string(),
        },
        sqlx::Error::Configuration(_) => "its address cannot be used".to_owned(),
        _ => "of a kind that is not logged".to_owned(),
    }
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

/// An error as [`words`] has it, for a line of the log.
pub(crate) struct Shown<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql;

    const SECRET: &str = "zebulon@example.org";

    #[test]
    fn p14_the_text_of_others_is_not_said_and_their_kind_is() {
        let json = serde_json::from_str::<u8>(&format!("\"{SECRET}\"")).unwrap_err();
        assert!(json.to_string().contains(SECRET), "the reason for all of this");
        let io = std::io::Error::new(std::io::ErrorKind::NotFound, SECRET);
        let nested = || std::io::Error::other(std::io::Error::new(std::io::ErrorKind::TimedOut, SECRET));
        for (error, wanted) in [
            (Error::internal(json), "internal: JSON, Data at 1:21"),
            (Error::internal(io), "internal: entity not found"),
            (Error::internal("unknown plan"), "internal: unknown plan"),
            (
                Error::internal(SECRET.to_owned()),
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
                words(&error),
                wanted.replace(": of a kind that is not logged", "")
            );
        }
        assert_eq!(words(&Error::invalid("email", SECRET)), "Invalid");
        assert_eq!(words(&*BoxError::from(SECRET)), "of a kind that is not logged");
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
