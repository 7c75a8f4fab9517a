//! How the product is used, for those who allowed it (P21, P23, P24): a closed list of events with closed properties, sent
//! to PostHog from here and never from the browser.
//!
//! Anonymous by construction: no function here takes an account, an address or a text that somebody typed. The id of a
//! visitor is random, lives in a cookie until midnight and is tied to nothing; no person is ever made at PostHog, so that a
//! deletion has nothing to ask of it. Without a key nothing is sent.

use std::{fmt, sync::Arc};

use posthog_rs::{Client, ClientOptionsBuilder, Event};
use secrecy::ExposeSecret as _;

use crate::{Error, Result, config};

/// What may be counted. Nothing else ever leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageEvent {
    /// A page was shown.
    PageViewed {
        /// Its address as a template, ids left out, from the closed list of pages.
        page: &'static str,
    },
    /// An account was confirmed.
    SignedUp,
    /// A file has arrived and is measured.
    UploadCompleted,
    /// A report was renamed.
    ReportRenamed,
    /// A report was deleted.
    ReportDeleted,
    /// An export was asked for.
    CopyAskedFor,
    /// An account was deleted.
    AccountDeleted,
}

impl UsageEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::PageViewed { .. } => "page_viewed",
            Self::SignedUp => "signed_up",
            Self::UploadCompleted => "upload_completed",
            Self::ReportRenamed => "report_renamed",
            Self::ReportDeleted => "report_deleted",
            Self::CopyAskedFor => "copy_asked_for",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// The one property that the event has, if any.
    const fn property(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::PageViewed { page } => Some(("page", page)),
            _ => None,
        }
    }
}

/// Sends what was counted, a few seconds later and in batches. Cheap to clone.
#[derive(Clone)]
pub struct Statistics(Option<Arc<Client>>);

impl fmt::Debug for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Statistics").field(&self.0.is_some()).finish()
    }
}

impl Statistics {
    /// To the project that `config` names; to nobody where it names none.
    ///
    /// # Errors
    /// The host cannot be used.
    pub async fn new(config: &config::Telemetry) -> Result<Self> {
        let key = config.posthog_key.expose_secret();
        if key.is_empty() {
            return Ok(Self(None));
        }
        let options = ClientOptionsBuilder::default()
            .api_key(key.to_owned())
            .host(config.posthog_host.as_str())
            // PostHog would look up where the server stands and call it the visitor's place.
            .disable_geoip(true)
            .request_timeout_seconds(10)
            .shutdown_timeout_ms(2_000)
            .build()
            .map_err(|_| Error::internal("the statistics cannot be set up"))?;
        Ok(Self(Some(Arc::new(posthog_rs::client(options).await))))
    }

    /// Whether anything is counted at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Counts `used` by the visitor of today's random id. The caller has asked
    /// [`Consent`](crate::privacy::consent::Consent) before.
    pub fn count(&self, used: UsageEvent, visitor: &str) {
        let Some(client) = &self.0 else {
            return;
        };
        let mut event = Event::new(used.name(), visitor);
        let properties = [("$process_person_profile", serde_json::Value::Bool(false))]
            .into_iter()
            .chain(used.property().map(|(name, value)| (name, value.into())));
        for (name, value) in properties {
            // Cannot fail for what is JSON already; an event that is not whole is not sent.
            if event.insert_prop(name, value).is_err() {
                return;
            }
        }
        client.capture(event);
    }

    /// Sends what waits.
    pub async fn flush(&self) {
        if let Some(client) = &self.0 {
            client.flush().await;
        }
    }
}
