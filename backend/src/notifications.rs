//! Writes and sends the email of a notification, if there still is somebody who wants it.

use model::{AccountId, AnalysisId, Failure};

use crate::{
    Backend, Result, accounts,
    db::{Db, DbError, Json, row, sql},
    jobs::{JobError, Lease, RunJob},
    mail::{Email, EmailTemplates, Notification, SendNotification},
    newsletter,
    preferences::{self, NotificationKind},
    privacy::{
        export,
        policy::{self, Version},
    },
};

impl RunJob<Backend> for SendNotification {
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        if let Some(email) = write(backend, self.account, &self.notification).await? {
            backend.mailer.send(lease.email_id(), &email).await?;
        }
        Ok(())
    }
}

/// `None` where there is nobody to write to any more, or they unsubscribed from emails of this kind.
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
            let failure = row.failure.map(|Json(failure)| failure);
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
        Notification::WrongTries { .. } => Some(emails.wrong_tries(to)),
        Notification::SecondFactorEnabled => Some(emails.second_factor_enabled(to)),
        Notification::SecondFactorDisabled => Some(emails.second_factor_disabled(to)),
        Notification::SecondFactorRemoved => Some(emails.second_factor_removed(to)),
        Notification::PolicyChanged { version } => {
            let Version { version, summary, .. } = policy::find(&backend.db, version).await?;
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

row! {
    struct Person {
        email: String,
        display_name: String,
    }
}

async fn person(db: &Db, account: AccountId) -> Result<Option<Person>, DbError> {
    db.optional(
        sql("SELECT email, display_name FROM account WHERE id = $1 AND closed_at IS NULL").bind(account),
    )
    .await
}

row! {
    struct AnalysisRow {
        title: String,
        failure: Option<Json<Failure>>,
    }
}

async fn analysis_of(db: &Db, account: AccountId, id: AnalysisId) -> Result<Option<AnalysisRow>, DbError> {
    const SELECT: &str = "SELECT title, failure FROM analysis WHERE id = $1 AND account_id = $2";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}
