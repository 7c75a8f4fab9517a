//! What is to be said to a person, as ids; the job turns it into a letter when it runs.

use model::{AccountId, AnalysisId, EmailChangeId, ExportId, Failure, PasswordResetId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Email, EmailTemplates, newsletter,
    preferences::{self, NotificationKind},
};
use crate::{
    Backend, Error, Result, accounts,
    db::{Db, DbError, Tx, sql},
    jobs::{self, Job, JobError},
    privacy::{
        export,
        policy::{self, Version},
    },
};

/// An occasion for a letter. Ids only: it is the payload of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Notification {
    /// The address was confirmed, and the account is new.
    Welcome,
    /// An analysis has ended. May be declined.
    AnalysisReady {
        /// Which one.
        analysis: AnalysisId,
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
    /// The second factor was switched on.
    SecondFactorEnabled,
    /// The second factor was switched off.
    SecondFactorDisabled,
    /// The second factor was switched off by the operator, at the person's request.
    SecondFactorRemoved,
    /// The privacy policy changed materially (P19).
    PolicyChanged {
        /// The day of the new version.
        version: String,
    },
    /// News, for those who asked for them (P16). May be declined.
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
            Self::AnalysisReady { analysis } => Some(format!("analysis-ready/{analysis}")),
            Self::PasswordReset { reset } => Some(format!("password-reset/{reset}")),
            Self::ConfirmNewAddress { change } => Some(format!("confirm-new-address/{change}")),
            Self::AddressChanged { change } => Some(format!("address-changed/{change}")),
            Self::PolicyChanged { version } => Some(format!("policy-changed/{version}")),
            Self::Newsletter { newsletter } => Some(format!("newsletter/{newsletter}")),
            Self::ExportReady { export } => Some(format!("export-ready/{export}")),
            Self::PasswordChanged
            | Self::SecondFactorEnabled
            | Self::SecondFactorDisabled
            | Self::SecondFactorRemoved => None,
        }
    }
}

/// Has `notification` told to the person by mail, once, after the commit of `tx`. Call `backend.wake.wake()` after it.
///
/// # Errors
/// The database does not answer.
pub async fn enqueue(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    notification: Notification,
) -> Result<()> {
    let key = notification.key().map(|key| format!("mail/{account}/{key}"));
    let options = jobs::Options {
        dedupe_key: key.as_deref(),
        account: Some(account),
        run_at: None,
    };
    jobs::enqueue(
        tx,
        backend,
        &Job::Mail {
            account,
            notification,
        },
        options,
    )
    .await?;
    Ok(())
}

/// The job behind [`enqueue`]: writes and sends the letter, if there still is somebody who wants it. `id` names the
/// letter, so that a second run is known as the same one.
///
/// # Errors
/// The database or the mail server does not answer.
pub async fn deliver(
    backend: &Backend,
    id: Uuid,
    account: AccountId,
    notification: &Notification,
) -> Result<(), JobError> {
    if let Some(email) = write(backend, account, notification)
        .await
        .map_err(JobError::retry)?
    {
        backend.mailer.send(id, &email).await?;
    }
    Ok(())
}

/// `None` where there is nobody to write to any more, or they declined letters of this kind.
async fn write(backend: &Backend, account: AccountId, notification: &Notification) -> Result<Option<Email>> {
    let Some(person) = person(&backend.db, account).await? else {
        return Ok(None);
    };
    let emails = EmailTemplates::from(&backend.config);
    let to = person.email;
    Ok(match notification {
        Notification::Welcome => Some(emails.welcome(to, &person.display_name)),
        Notification::AnalysisReady { analysis } => {
            let Some(row) = analysis_of(&backend.db, account, *analysis).await? else {
                return Ok(None);
            };
            let failure: Option<Failure> = row
                .failure
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(Error::internal)?;
            let wanted = preferences::wants(&backend.db, account, NotificationKind::AnalysisReady).await?;
            wanted.then(|| {
                let unsubscribe = preferences::unsubscribe(backend, account, NotificationKind::AnalysisReady);
                emails.analysis_ready(to, &row.title, *analysis, failure.as_ref(), unsubscribe)
            })
        }
        Notification::PasswordReset { reset } => accounts::recovery::token_for(backend, *reset)
            .await?
            .map(|token| emails.password_reset(to, &token)),
        Notification::PasswordChanged => Some(emails.password_changed(to)),
        Notification::ConfirmNewAddress { change } => {
            accounts::address::confirmation(backend, *change).await?
        }
        Notification::AddressChanged { change } => accounts::address::old_address(backend, *change)
            .await?
            .map(|old| emails.address_changed(old)),
        Notification::SecondFactorEnabled => Some(emails.second_factor_enabled(to)),
        Notification::SecondFactorDisabled => Some(emails.second_factor_disabled(to)),
        Notification::SecondFactorRemoved => Some(emails.second_factor_removed(to)),
        Notification::PolicyChanged { version } => {
            let Version { version, summary, .. } = policy::of(&backend.db, version).await?;
            Some(emails.policy_changed(to, &version, &summary))
        }
        Notification::Newsletter { newsletter } => {
            let Some(news) = newsletter::find(&backend.db, newsletter).await? else {
                return Ok(None);
            };
            let wanted = preferences::wants(&backend.db, account, NotificationKind::Marketing).await?;
            wanted.then(|| {
                let unsubscribe = preferences::unsubscribe(backend, account, NotificationKind::Marketing);
                emails.newsletter(to, &news, unsubscribe)
            })
        }
        Notification::ExportReady { export } => export::can_be_fetched(backend, *export)
            .await?
            .then(|| emails.export_ready(to)),
    })
}

#[derive(sqlx::FromRow)]
struct Person {
    email: String,
    display_name: String,
}

async fn person(db: &Db, account: AccountId) -> Result<Option<Person>, DbError> {
    db.optional(sql("SELECT email, display_name FROM account WHERE id = $1").bind(account))
        .await
}

#[derive(sqlx::FromRow)]
struct AnalysisRow {
    title: String,
    failure: Option<String>,
}

async fn analysis_of(db: &Db, account: AccountId, id: AnalysisId) -> Result<Option<AnalysisRow>, DbError> {
    const SELECT: &str = "SELECT title, failure FROM analysis WHERE id = $1 AND account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}
