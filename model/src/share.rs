//! Links by which whoever has them reads one report, without an account.

use crate::{AnalysisId, ShareId, Timestamp};

/// How long a link may be good, in days; the first is offered first.
pub const SHARE_DAYS: [u32; 4] = [30, 7, 1, 90];

/// What a link lets be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedAudio {
    /// Nothing.
    Withheld,
    /// The audio, for as long as it is kept.
    Included,
}

/// A link to a report, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which link.
    pub id: ShareId,
    /// The report.
    pub analysis: AnalysisId,
    /// The title of the report.
    pub title: String,
    /// What the address ends with.
    pub token: String,
    /// What can be heard.
    pub audio: SharedAudio,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}
