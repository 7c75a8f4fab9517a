//! Identifiers: `UUIDv7`, so that they sort by the time of their making. They name things and are never secrets.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid id")
    }
}

impl std::error::Error for InvalidId {}

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

id! {
    /// A person's account.
    AccountId,
    /// One file that was, or is being, uploaded.
    UploadId,
    /// One analysis of one upload.
    AnalysisId,
    /// One song, of which analyses are versions.
    SongId,
    /// One signed-in browser.
    SessionId,
    /// One sign-up that waits for the confirmation of its address.
    SignUpId,
    /// One request for a new password.
    PasswordResetId,
    /// One new address that waits for its confirmation.
    EmailChangeId,
    /// One archive of everything held about a person.
    ExportId,
    /// One deletion of an account.
    ErasureId,
    /// One unit of background work.
    JobId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = AnalysisId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string(), "01900000000070008000000000000001");
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        assert_eq!("../../etc".parse::<AnalysisId>(), Err(InvalidId));
    }
}
