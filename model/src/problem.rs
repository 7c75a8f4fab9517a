//! What went wrong, in the one shape that pages, functions and REST share (RFC 9457).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The closed list of reasons a request can fail. The HTTP status follows from it, never the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// A value was refused; `field` names it where it belongs to one.
    Invalid,
    /// Nobody is signed in, or the session has ended.
    Unauthenticated,
    /// The request is known to be somebody's, but may not do this (a missing CSRF token, a scope).
    Forbidden,
    /// The password has to be entered again before this may be done.
    ConfirmPassword,
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// The thing is in a state in which this cannot be done.
    Conflict,
    /// A request that is to be done once carries no key for it, or none that can be read.
    KeyMissing,
    /// The key belongs to another request.
    KeyReused,
    /// A request with the key is being done.
    KeyInUse,
    /// The plan's allowance is used up.
    Quota,
    /// More bytes than are allowed here.
    TooLarge,
    /// Too often; `retry_after` says when again.
    RateLimited,
    /// A part that we depend on does not answer at the moment.
    Unavailable,
    /// Our fault; the message carries an id that the log knows.
    Internal,
}

impl ProblemCode {
    /// Whether the same request may succeed in a moment.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Unavailable | Self::RateLimited)
    }

    /// The HTTP status of this kind of problem.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::KeyMissing => 400,
            Self::Invalid | Self::KeyReused => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden | Self::ConfirmPassword => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::KeyInUse => 409,
            Self::Quota => 402,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// A failed request as people and machines read it. `message` is a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of failure.
    pub code: ProblemCode,
    /// What happened and what to do, in plain words.
    pub message: String,
    /// The name of the form field or JSON member at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Seconds until the same request may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem that belongs to no field.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            retry_after: None,
        }
    }

    /// A refused value of the field `field`.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(ProblemCode::Invalid, message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}
