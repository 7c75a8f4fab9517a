//! Webhooks: what programs are told of, by a POST to an address that the account's owner named.

use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// What has happened.
    pub enum EventType {
        /// A file was measured, and judged where it is a mix.
        AnalysisComplete = "analysis.complete",
        /// A file could not be measured.
        AnalysisFailed = "analysis.failed",
        /// A render is ready.
        RenderComplete = "render.complete",
        /// A render could not be made.
        RenderFailed = "render.failed",
        /// The audio of an analysis was removed; the report stays, unless it was deleted with it.
        AudioDeleted = "audio.deleted",
        /// Nothing: somebody tries whether an endpoint answers.
        Ping = "ping",
    }
}

impl EventType {
    /// What an endpoint can ask for; a ping comes to whichever is tried.
    pub const SUBSCRIBABLE: [Self; 5] = [
        Self::AnalysisComplete,
        Self::AnalysisFailed,
        Self::RenderComplete,
        Self::RenderFailed,
        Self::AudioDeleted,
    ];
}

crate::text_enum! {
    /// What an event is about.
    pub enum ObjectKind {
        /// An analysis.
        Analysis = "analysis",
        /// A render.
        Render = "render",
    }
}

/// The body of a webhook. It says what happened, and no more: what has become of the thing since is asked for at its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Its id, which is the header `webhook-id` too: the same for every attempt.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When it happened: RFC 3339, UTC.
    pub timestamp: String,
    /// What it happened to; left out for a ping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<EventObject>,
    /// Where the object is: an analysis at its address of the API, a render at its page; left out for a ping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventObject {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ObjectKind,
    /// Its id.
    pub id: String,
}

crate::text_enum! {
    /// Whether an endpoint is sent anything.
    pub enum EndpointState {
        /// It is.
        Active = "active",
        /// Its owner paused it.
        Paused = "paused",
        /// We stopped, because it did not answer as it should; its owner can resume it.
        Disabled = "disabled",
    }
}

crate::text_enum! {
    /// Why an endpoint was disabled.
    pub enum DisabledReason {
        /// It answered 410: it is gone for good.
        Gone = "gone",
        /// Every attempt failed, for days.
        Failing = "failing",
    }
}

crate::text_enum! {
    /// Where a delivery stands.
    pub enum DeliveryState {
        /// It is sent when its time comes.
        Waiting = "waiting",
        /// It was answered with a status from 200 to 299.
        Delivered = "delivered",
        /// All attempts failed.
        Failed = "failed",
    }
}

crate::text_enum! {
    /// Why an attempt failed.
    pub enum DeliveryFailure {
        /// The answer had another status than 200 to 299.
        Status = "status",
        /// The answer led elsewhere, which is not followed.
        Redirect = "redirect",
        /// The answer was 410: the endpoint is gone for good.
        Gone = "gone",
        /// There was no answer within 15 seconds.
        Timeout = "timeout",
        /// The name leads to no address.
        Dns = "dns",
        /// The name leads to an address that is not on the public internet.
        Blocked = "blocked",
        /// No connection came about, or it broke.
        Connection = "connection",
        /// No encrypted connection came about: the certificate does not hold, or it is no TLS.
        Tls = "tls",
        /// The secret of the endpoint cannot be read any more, so that nothing can be signed.
        Secret = "secret",
    }
}

impl DeliveryFailure {
    /// What is wrong, and what to do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Status => "Answer with a status from 200 to 299 when the event is received.",
            Self::Redirect => {
                "Redirects are not followed: give the address that the redirect leads to as the endpoint's."
            }
            Self::Gone => "410 says that the endpoint is gone for good. Resume it when it is not.",
            Self::Timeout => "Answer within 15 seconds, and do the work afterwards.",
            Self::Dns => "The name of the host leads to no address. Check its spelling and its DNS.",
            Self::Blocked => {
                "The name of the host leads to an address of a private or special network. The endpoint has to be on the public internet."
            }
            Self::Connection => {
                "No connection came about, or it broke off. Check that the server runs and can be reached from outside."
            }
            Self::Tls => {
                "No encrypted connection came about. Check that the certificate is valid for this host, with its whole chain."
            }
            Self::Secret => "The secret can no longer be read on our side. Rotate it, and use the new one.",
        }
    }
}
