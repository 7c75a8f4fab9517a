//! What a plan allows. The figures are settings (`config.default.toml`); this is their shape.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::upload::UploadKind;

crate::text_enum! {
    /// The plans that can be had, from the least to the most.
    #[derive(PartialOrd, Ord)]
    pub enum Plan {
        /// Costs nothing.
        Free = "free",
        /// For people who mix every week.
        Pro = "pro",
        /// For people who mix every day.
        Studio = "studio",
    }
}

impl Plan {
    /// As people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Pro => "Pro",
            Self::Studio => "Studio",
        }
    }
}

/// What was used of a plan in a calendar month (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How many.
    pub used: u32,
    /// Of how many; `None` is no limit.
    pub allowed: Option<u32>,
}

impl Usage {
    /// How many are left; `None` is no limit.
    #[must_use]
    pub fn left(&self) -> Option<u32> {
        self.allowed.map(|allowed| allowed.saturating_sub(self.used))
    }
}

/// The figures of one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long the audio of an upload is kept, in hours.
    pub audio_kept_hours: u32,
    /// The longest file, in minutes.
    pub max_minutes: u32,
    /// The largest file, in megabytes of 10^6 bytes.
    pub max_megabytes: u32,
    /// Analyses in a calendar month (UTC); `None` is no limit.
    #[serde(default)]
    pub analyses_per_month: Option<u32>,
    /// References measured in a calendar month (UTC), which are not counted as analyses; `None` is no limit.
    #[serde(default)]
    pub references_per_month: Option<u32>,
    /// Renders in a calendar month (UTC); `None` is no limit.
    #[serde(default)]
    pub renders_per_month: Option<u32>,
    /// Live API tokens that an account may have at a time. Test tokens are for everybody.
    pub live_tokens: u32,
    /// Webhook endpoints that an account may have at a time.
    pub webhook_endpoints: u32,
}

impl Limits {
    /// Files of a kind in a calendar month (UTC); `None` is no limit.
    #[must_use]
    pub const fn per_month(&self, kind: UploadKind) -> Option<u32> {
        match kind {
            UploadKind::Mix => self.analyses_per_month,
            UploadKind::Reference => self.references_per_month,
        }
    }

    /// The largest file, in bytes.
    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        self.max_megabytes as u64 * 1_000_000
    }

    /// The longest file.
    #[must_use]
    pub const fn max_duration(&self) -> Duration {
        Duration::from_secs(self.max_minutes as u64 * 60)
    }

    /// The largest render, in bytes: what a file of the plan may become at twice its word.
    #[must_use]
    pub const fn max_render_bytes(&self) -> u64 {
        2 * self.max_bytes()
    }

    /// How long the audio is kept.
    #[must_use]
    pub const fn audio_kept(&self) -> Duration {
        Duration::from_secs(self.audio_kept_hours as u64 * 3600)
    }
}
