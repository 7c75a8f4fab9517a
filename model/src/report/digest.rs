//! Digests of a report.

use serde::{Deserialize, Serialize};

/// By which two people see that they hold the same file and the same report (P02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Digest {
    /// SHA-256 of the bytes of the file, in hexadecimal: what `sha256sum` prints.
    pub file_sha256: String,
    /// SHA-256 of the report's JSON as the engine writes it, with this field empty, in hexadecimal. The version of the engine
    /// and [`Self::file_sha256`] are part of it.
    pub report_sha256: String,
}

impl Digest {
    /// As much of the report's digest as people compare: twelve hexadecimal digits.
    #[must_use]
    pub fn short(&self) -> &str {
        self.report_sha256.get(..12).unwrap_or(&self.report_sha256)
    }
}
