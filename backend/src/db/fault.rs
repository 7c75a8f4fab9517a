//! What a failure of the database means for whoever asked: come back later, do it again, or neither.
//!
//! Decided by codes, never by texts: SQLSTATE (PostgreSQL, appendix A) and the primary result codes of SQLite.

use sqlx::{error::DatabaseError, sqlite::SqliteError};

use super::DbError;

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The database is away, full, starting or stopping: later it may work.
    Unavailable,
    /// Somebody else wrote the same rows at the same time; the transaction has ended, and the whole of it may be done again.
    Conflict,
    /// Neither.
    Other,
}

/// Classes of SQLSTATE that speak of the server and not of the statement: connections, resources, intervention of an operator,
/// the system.
const AWAY_CLASSES: [&str; 4] = ["08", "53", "57", "58"];

/// `read_only_sql_transaction`: a standby that recovers, or one that took over and is not done. `lock_not_available`.
const AWAY_CODES: [&str; 2] = ["25006", "55P03"];

/// `serialization_failure` and `deadlock_detected`.
const CONFLICT_CODES: [&str; 2] = ["40001", "40P01"];

/// SQLITE_BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
const SQLITE_AWAY: [u32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

impl Fault {
    /// What `error` means.
    pub(crate) fn of(error: &DbError) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_code(&**error),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            // A connection on which a transaction could not begin or end is closed; the next one may do.
            | sqlx::Error::BeginFailed
            | sqlx::Error::InvalidSavePointStatement => Self::Unavailable,
            _ => Self::Other,
        }
    }

    fn of_code(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        if error.try_downcast_ref::<SqliteError>().is_some() {
            // The low byte of an extended code is the primary one.
            let primary = code.parse::<u32>().ok().map(|code| code & 0xff);
            return match primary {
                Some(code) if SQLITE_AWAY.contains(&code) => Self::Unavailable,
                _ => Self::Other,
            };
        }
        if CONFLICT_CODES.contains(&&*code) {
            Self::Conflict
        } else if AWAY_CODES.contains(&&*code) || AWAY_CLASSES.iter().any(|class| code.starts_with(class)) {
            Self::Unavailable
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, db::sql};

    #[test]
    fn what_has_no_connection_is_away() {
        for error in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::WorkerCrashed,
            sqlx::Error::BeginFailed,
            sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()),
            sqlx::Error::Protocol("ended in the middle".into()),
        ] {
            assert_eq!(Fault::of(&error), Fault::Unavailable, "{error}");
        }
        assert_eq!(Fault::of(&sqlx::Error::RowNotFound), Fault::Other);
    }

    crate::contract! {
        async fn what_a_server_says_of_itself_is_away_and_what_it_says_of_a_row_is_not(db: &Db) {
            // PostgreSQL says any code for the asking; SQLite cannot.
            if db.kind() == "PostgreSQL" {
                for (code, fault) in [
                    ("57P01", Fault::Unavailable), ("57P02", Fault::Unavailable), ("57P03", Fault::Unavailable),
                    ("53300", Fault::Unavailable), ("53100", Fault::Unavailable), ("08006", Fault::Unavailable),
                    ("25006", Fault::Unavailable), ("58030", Fault::Unavailable),
                    ("40001", Fault::Conflict), ("40P01", Fault::Conflict),
                    ("22P02", Fault::Other), ("42601", Fault::Other), ("XX000", Fault::Other),
                ] {
                    let raise: &'static str = String::leak(format!("DO $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '{code}'; END $$"));
                    let error = db.execute(sql(raise)).await.unwrap_err();
                    assert_eq!(Fault::of(&error), fault, "{code}");
                    let problem = Error::from(error).to_problem("1");
                    assert_eq!(problem.code == model::ProblemCode::Unavailable, fault != Fault::Other, "{code}");
                }
            }
            let twice = "INSERT INTO cron (name, slot) VALUES ('a', 1)";
            db.execute(sql(twice)).await.unwrap();
            assert_eq!(Fault::of(&db.execute(sql(twice)).await.unwrap_err()), Fault::Other);
        }
    }
}
