//! Links to reports.

use model::{
    paths,
    share::{self, SharedAudio},
};
use schemars::JsonSchema;
use serde::Serialize;

/// A link by which whoever has it reads one report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Share {
    /// Its id.
    id: String,
    /// The analysis whose report it opens.
    analysis: String,
    /// The title of the report.
    title: String,
    /// The link to give away.
    url: String,
    /// Whether the audio can be heard, too.
    includes_audio: bool,
    /// When it was made.
    created_at: String,
    /// When it opens nothing any more.
    expires_at: String,
}

impl Share {
    pub(crate) fn of(share: share::Share, base_url: &str) -> Self {
        Self {
            id: share.id.to_string(),
            analysis: share.analysis.to_string(),
            url: format!("{base_url}{}", paths::shared(&share.token)),
            title: share.title,
            includes_audio: share.audio == SharedAudio::Included,
            created_at: share.created_at.rfc3339(),
            expires_at: share.expires_at.rfc3339(),
        }
    }
}
