//! Identifiers: `UUIDv7`, so that they sort by the time of their making. They name things and are never secrets.
//!
//! An id has one spelling everywhere (rows, JSON, job payloads, addresses): 32 lower-case hex digits. No other is read, so
//! that two texts of one id are always equal.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id. Never repeats the text, so that it may be logged.
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
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )+};
}

fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let is_spelled_right =
        text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_spelled_right {
        Uuid::try_parse(text).map_err(|_| InvalidId)
    } else {
        Err(InvalidId)
    }
}

id! {
    /// A person's account.
    AccountId,
    /// One file that was, or is being, uploaded.
    UploadId,
    /// One analysis of one upload.
    AnalysisId,
    /// One render of the upload of an analysis.
    RenderId,
    /// One song, of which analyses are versions.
    SongId,
    /// One link to a report that its owner gave away.
    ShareId,
    /// One signed-in browser.
    SessionId,
    /// One sign-up that waits for the confirmation of its address.
    SignUpId,
    /// One request for a new password.
    PasswordResetId,
    /// One new address that waits for its confirmation.
    EmailChangeId,
    /// One line of an account's security log.
    SecurityEventId,
    /// One token by which a program acts for a person.
    TokenId,
    /// One subscription that is ended and given back.
    RefundId,
    /// One archive of everything held about a person.
    ExportId,
    /// One deletion of an account.
    ErasureId,
    /// One unit of background work.
    JobId,
    /// One address that a person's programs are told of events at.
    WebhookEndpointId,
    /// One thing that happened, as webhooks tell it.
    WebhookEventId,
    /// One event on its way to one endpoint.
    WebhookDeliveryId,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "01900000000070008000000000000001";

    #[test]
    fn an_id_has_one_spelling_as_text_and_as_json() {
        let id = AnalysisId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(TEXT.parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<AnalysisId>(&json).unwrap(), id);
    }

    #[test]
    fn every_other_text_is_refused() {
        for text in [
            "",
            "../../etc",
            "01900000-0000-7000-8000-000000000001",
            "{01900000-0000-7000-8000-000000000001}",
            "urn:uuid:01900000-0000-7000-8000-000000000001",
            "0190000000007000800000000000000A",
            "0190000000007000800000000000000g",
            "0190000000007000800000000000001",
        ] {
            assert_eq!(text.parse::<AnalysisId>(), Err(InvalidId), "{text}");
            assert!(
                serde_json::from_value::<AnalysisId>(text.into()).is_err(),
                "{text}"
            );
        }
    }
}
