//! What the uploader and the server say to each other.

use serde::{Deserialize, Serialize};

use crate::{AnalysisId, Timestamp, UploadId};

/// What a file is for (P05).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadKind {
    /// A mix to analyse.
    #[default]
    Mix,
    /// A reference to compare with.
    Reference,
}

impl UploadKind {
    /// As the database and JSON spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Reference => "reference",
        }
    }
}

impl std::str::FromStr for UploadKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Mix, Self::Reference]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// A file that is about to be uploaded, as the browser sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUpload {
    /// The file's own name; kept as a title, never used as a path.
    pub file_name: String,
    /// Its exact size in bytes. The signed PUT accepts this size and no other.
    pub size_bytes: u64,
    /// What it is for.
    #[serde(default)]
    pub kind: UploadKind,
}

/// A signed permission to PUT one object, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresignedUpload {
    /// Names the upload in later calls.
    pub upload: UploadId,
    /// Where to PUT the bytes.
    pub url: String,
    /// Headers that are part of the signature and must be sent as they are.
    pub headers: Vec<(String, String)>,
    /// When the permission ends.
    pub expires_at: Timestamp,
}

/// An upload whose bytes have arrived and whose analysis is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedUpload {
    /// The analysis of this upload.
    pub analysis: AnalysisId,
}
