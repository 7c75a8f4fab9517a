//! The occasions for an email, as ids; the job writes it when it runs (`notifications.rs`).

use std::time::Duration;

use model::{
    AccountId, AnalysisId, EmailChangeId, ExportId, PasswordResetId, RenderId, TokenId, WebhookEndpointId,
    text_enum,
};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    db::Tx,
    jobs::{self, EnqueueOptions, IdGenerator, Job, Policy, Queue},
};

text_enum! {
    /// What people are told about what they pay for.
    pub enum BillingOccasion {
        /// It began: the contract with its number.
        Started = "started",
        /// The next invoice is for another plan.
        Changed = "changed",
        /// A payment failed, and the plan stays while it is tried again.
        PaymentFailed = "payment_failed",
        /// It was cancelled, and until when it goes on.
        Cancelled = "cancelled",
        /// It ended, and what the account has from now on.
        Ended = "ended",
        /// A withdrawal has arrived, with the moment.
        Withdrawn = "withdrawn",
    }
}

/// An occasion for an email. Ids only: it is part of the payload of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notification {
    /// The address was confirmed, and the account is new.
    Welcome,
    /// Analyses have ended that nobody looked at. Can be unsubscribed from.
    AnalysesReady {
        /// Which ones; at least one.
        analyses: Vec<AnalysisId>,
    },
    /// A render has ended. Can be unsubscribed from.
    RenderReady {
        /// Which one.
        render: RenderId,
    },
    /// The password was forgotten.
    PasswordReset {
        /// The request.
        reset: PasswordResetId,
    },
    /// The password was changed.
    PasswordChanged,
    /// A new address waits for its confirmation.
    ConfirmNewAddress {
        /// The change.
        change: EmailChangeId,
    },
    /// The new address was confirmed; goes to the old one.
    AddressChanged {
        /// The change.
        change: EmailChangeId,
    },
    /// Strangers try to get in by guessing.
    WrongTries {
        /// The day (2026-11-27, UTC): once on each.
        day: String,
    },
    /// The second factor was switched on.
    SecondFactorEnabled,
    /// The second factor was switched off.
    SecondFactorDisabled,
    /// The second factor was switched off by the operator, at the person's request.
    SecondFactorRemoved,
    /// A token was made, by which a program acts for the person.
    TokenCreated {
        /// The token.
        token: TokenId,
    },
    /// A webhook endpoint was disabled, because it does not answer as it should.
    WebhookDisabled {
        /// Which one.
        endpoint: WebhookEndpointId,
    },
    /// Something about what the person pays for.
    Billing {
        /// What.
        occasion: BillingOccasion,
        /// The number of the contract.
        contract: String,
    },
    /// The privacy policy changed materially (P19).
    PolicyChanged {
        /// The day of the new version.
        version: String,
    },
    /// News, for those who asked for them (P16). Can be unsubscribed from.
    Newsletter {
        /// Its number.
        newsletter: String,
    },
    /// The archive of the person's data is ready (P15).
    ExportReady {
        /// The archive.
        export: ExportId,
    },
}

impl Notification {
    /// What makes it the same occasion; `None` where the fact itself happens once in its transaction.
    fn key(&self) -> Option<String> {
        match self {
            Self::Welcome => Some("welcome".into()),
            Self::AnalysesReady { analyses } => {
                analyses.first().map(|first| format!("analyses-ready/{first}"))
            }
            Self::PasswordReset { reset } => Some(format!("password-reset/{reset}")),
            Self::ConfirmNewAddress { change } => Some(format!("confirm-new-address/{change}")),
            Self::AddressChanged { change } => Some(format!("address-changed/{change}")),
            Self::WrongTries { day } => Some(format!("wrong-tries/{day}")),
            Self::TokenCreated { token } => Some(format!("token-created/{token}")),
            Self::PolicyChanged { version } => Some(format!("policy-changed/{version}")),
            Self::Newsletter { newsletter } => Some(format!("newsletter/{newsletter}")),
            Self::ExportReady { export } => Some(format!("export-ready/{export}")),
            // One that failed may be made again, and one that was disabled resumed.
            Self::RenderReady { .. }
            | Self::WebhookDisabled { .. }
            | Self::Billing { .. }
            | Self::PasswordChanged
            | Self::SecondFactorEnabled
            | Self::SecondFactorDisabled
            | Self::SecondFactorRemoved => None,
        }
    }
}

/// Writes to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendNotification {
    /// To whom.
    pub account: AccountId,
    /// What about.
    pub notification: Notification,
}

impl Job for SendNotification {
    const POLICY: Policy = Policy {
        kind: "send_notification",
        queue: Queue::Mail,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

/// Has an email about `notification` sent, once, after the commit of `tx`. Wake the workers after it.
///
/// # Errors
/// The database does not answer.
pub async fn enqueue(
    tx: &mut Tx,
    ids: &impl IdGenerator,
    account: AccountId,
    notification: Notification,
) -> Result<()> {
    let key = notification
        .key()
        .map(|key| format!("notification/{account}/{key}"));
    let options = EnqueueOptions {
        dedupe_key: key.as_deref(),
        account: Some(account),
        run_at: None,
    };
    let job = SendNotification {
        account,
        notification,
    };
    jobs::enqueue(tx, ids, &job, options).await?;
    Ok(())
}
