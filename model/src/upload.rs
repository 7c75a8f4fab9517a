//! What the uploader and the server say to each other.

use serde::{Deserialize, Serialize};

use crate::{AnalysisId, Timestamp, UploadId};

crate::text_enum! {
    /// What a file is for (P05).
    #[derive(Default)]
    pub enum UploadKind {
        /// A mix to analyse.
        #[default]
        Mix = "mix",
        /// A reference to compare with.
        Reference = "reference",
    }
}

crate::text_enum! {
    /// Where an upload stands.
    pub enum UploadState {
        /// Begun; its bytes may be on their way.
        Pending = "pending",
        /// Its bytes are in storage.
        Stored = "stored",
        /// Its bytes were removed, or are about to be.
        Removed = "removed",
    }
}

/// The slowest line whose upload is waited for, in bytes per second (0.39 Mbit/s): at this rate the largest file of the largest
/// plan, 4 GB, takes 23 hours.
pub const SLOWEST_BYTES_PER_SECOND: u64 = 48 * 1024;

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

/// What [`crate::paths::BEGIN_UPLOAD`] is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginUpload {
    /// The file.
    pub file: NewUpload,
}

/// What [`crate::paths::UPLOAD_PARTS`] and [`crate::paths::COMPLETE_UPLOAD`] are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutUpload {
    /// Which upload.
    pub upload: UploadId,
}

/// A signed permission to PUT one object, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresignedUpload {
    /// Names the upload in later calls.
    pub upload: UploadId,
    /// Where to PUT the bytes; none for a file that goes in parts, whose permissions [`crate::paths::UPLOAD_PARTS`] gives.
    pub url: Option<String>,
    /// Headers that are part of the signature and must be sent as they are.
    pub headers: Vec<(String, String)>,
    /// When the permission ends.
    pub expires_at: Timestamp,
}

/// How far an upload in parts has come, by what the storage holds of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadParts {
    /// The bytes of the parts that have arrived.
    pub arrived_bytes: u64,
    /// The parts to send next, in this order; empty when all have arrived.
    pub next: Vec<PresignedPart>,
}

/// A signed permission to PUT a piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresignedPart {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes. The signed PUT accepts this length and no other.
    pub length: u64,
    /// Where to PUT it.
    pub url: String,
    /// Headers that are part of the signature and must be sent as they are.
    pub headers: Vec<(String, String)>,
}

/// An upload whose bytes have arrived and whose analysis is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedUpload {
    /// The analysis of this upload.
    pub analysis: AnalysisId,
}
