//! The vocabulary of MixLens, shared by every crate and by the browser.
//!
//! Types only: no I/O, no clock, no randomness. Everything here compiles to WebAssembly and serialises to JSON
//! without NaN or infinity.

pub mod account;
pub mod analysis;
pub mod comparison;
pub mod demo;
pub mod enums;
pub mod failure;
pub mod format;
pub mod history;
pub mod ids;
pub mod paths;
pub mod plan;
pub mod player;
pub mod problem;
pub mod report;
pub mod routes;
pub mod share;
pub mod song;
pub mod text;
pub mod time;
pub mod upload;
pub mod verdict;
pub mod webhook;

#[cfg(feature = "schema")]
#[doc(hidden)]
pub use schemars;

pub use enums::UnknownVariant;
pub use failure::{Audience, Failure, FailureCode};
pub use ids::{
    AccountId, AnalysisId, EmailChangeId, ErasureId, ExportId, InvalidId, JobId, PasswordResetId, RefundId,
    RenderId, SecurityEventId, SessionId, ShareId, SignUpId, SongId, TokenId, UploadId, WebhookDeliveryId,
    WebhookEndpointId, WebhookEventId,
};
pub use problem::{Problem, ProblemCode};
pub use report::{Reading, Report};
pub use time::Timestamp;
pub use verdict::Verdict;
