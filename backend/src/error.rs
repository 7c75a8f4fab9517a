//! The one error of the use cases. Its kind decides the HTTP status, whether a job is tried again, and the words. What it
//! displays may be logged: it never repeats the text of somebody else (see `redact`).

use model::{Problem, ProblemCode};

use crate::{
    db::{Conflicts, Fault},
    redact::{Cause, LogSafe, Redacted},
};

/// The result of every use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's doing; the problem says what to do.
    #[error("{}", .0.message)]
    Problem(Problem),
    /// The database failed.
    #[error("database: {}", Redacted(.0))]
    Db(#[from] crate::db::DbError),
    /// A part outside of the database did not answer.
    #[error("{what} is unavailable: {source}")]
    Unavailable {
        /// Which part.
        what: &'static str,
        /// Why.
        source: Cause,
    },
    /// Something that cannot be; our bug.
    #[error("internal: {0}")]
    Internal(#[source] Cause),
}

impl LogSafe for Error {
    fn log_text(&self) -> Option<String> {
        Some(match self {
            // Its message is for the person and may quote them.
            Self::Problem(problem) => format!("{:?}", problem.code),
            Self::Db(_) => "database".to_owned(),
            Self::Unavailable { what, .. } => format!("{what} is unavailable"),
            Self::Internal(_) => "internal".to_owned(),
        })
    }

    fn behind(&self) -> Option<&dyn LogSafe> {
        match self {
            Self::Problem(_) => None,
            Self::Db(error) => Some(error),
            Self::Unavailable { source, .. } | Self::Internal(source) => Some(source.error()),
        }
    }
}

impl Conflicts for Error {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_conflict())
    }
}

impl Error {
    /// A refused value of the field `field`.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Problem(Problem::invalid(field, message))
    }

    /// There is no such thing, or it is somebody else's: both read the same.
    pub fn not_found(what: &str) -> Self {
        Self::problem(
            ProblemCode::NotFound,
            format!(
                "There is no such {what} in this account. It may have been deleted, or belong to another account."
            ),
        )
    }

    /// A problem that belongs to no field.
    pub fn problem(code: ProblemCode, message: impl Into<String>) -> Self {
        Self::Problem(Problem::new(code, message))
    }

    /// A fault of the software. Of a text that is put together at run time, the log says nothing.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// The kind of failure; total, so that a new variant must be given one.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Problem(problem) => problem.code,
            Self::Unavailable { .. } => ProblemCode::Unavailable,
            Self::Db(error) => match Fault::of(error) {
                // A conflict that several tries did not end is one with too many at once.
                Fault::Unavailable | Fault::Conflict => ProblemCode::Unavailable,
                Fault::Other => ProblemCode::Internal,
            },
            Self::Internal(_) => ProblemCode::Internal,
        }
    }

    /// What the outside is shown. `incident` is the id under which the cause is in the log.
    #[must_use]
    pub fn to_problem(&self, incident: &str) -> Problem {
        match (self, self.code()) {
            (Self::Problem(problem), _) => problem.clone(),
            (_, ProblemCode::Unavailable) => Problem {
                retry_after: Some(5),
                ..Problem::new(
                    ProblemCode::Unavailable,
                    "A part of MixLens does not answer at the moment. Nothing is lost; try again in a few seconds.",
                )
            },
            (_, code) => Problem::new(
                code,
                format!(
                    "Something went wrong on our side. Try again; if it stays, tell us the number {incident}."
                ),
            ),
        }
    }
}
