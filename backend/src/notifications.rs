//! Writes and sends the email of a notification, if there still is somebody who wants it.

use std::time::Duration;

use model::{AccountId, AnalysisId, Failure, Verdict, text, verdict::Stage};
use serde::{Deserialize, Serialize};

use crate::{
    Backend, Result, accounts, billing,
    db::{Db, DbError, Json, row, sql},
    jobs::{Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, Email, EmailTemplates, EndedAnalysis, Notification, Outcome, SendNotification},
    newsletter,
    preferences::{self, NotificationKind},
    privacy::{
        export,
        policy::{self, Version},
    },
    renders, tokens, transaction, webhooks,
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
        Notification::AnalysesReady { analyses } => {
            let ended = ended(&backend.db, account, analyses).await?;
            let is_wanted = preferences::wants(&backend.db, account, NotificationKind::AnalysisReady).await?;
            (is_wanted && !ended.is_empty()).then(|| {
                let unsubscribe = preferences::unsubscribe(backend, account, NotificationKind::AnalysisReady);
                emails.analyses_ready(to, &ended, unsubscribe)
            })
        }
        Notification::RenderReady { render } => {
            let Some(ended) = renders::ended(&backend.db, account, *render).await? else {
                return Ok(None);
            };
            let wanted = preferences::wants(&backend.db, account, NotificationKind::RenderReady).await?;
            wanted.then(|| {
                let unsubscribe = preferences::unsubscribe(backend, account, NotificationKind::RenderReady);
                emails.render_ready(to, &ended.title, *render, ended.scores, unsubscribe)
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
        // Whoever revoked it in the meantime knows of it, too; somebody else may have done both.
        Notification::TokenCreated { token } => {
            let name = tokens::name_of(backend, *token).await?;
            Some(emails.token_created(to, name.as_deref()))
        }
        Notification::WebhookDisabled { endpoint } => webhooks::disabled(backend, *endpoint)
            .await?
            .map(|(url, reason)| emails.webhook_disabled(to, *endpoint, url.host(), reason)),
        Notification::Billing { occasion, contract } => billing::told(backend, account, contract)
            .await?
            .map(|facts| emails.billing(to, *occasion, &facts)),
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
    struct EndedRow {
        id: AnalysisId,
        title: String,
        failure: Option<Json<Failure>>,
        stage: Option<Stage>,
        verdict: Option<Json<Verdict>>,
    }
}

/// Those of `ids` that are still there, with what came of them.
async fn ended(db: &Db, account: AccountId, ids: &[AnalysisId]) -> Result<Vec<EndedAnalysis>, DbError> {
    const SELECT: &str = "
        SELECT id, title, failure, stage,
               (SELECT verdict FROM verdict WHERE verdict.analysis_id = analysis.id AND verdict.rule_set = analysis.rule_set) AS verdict
        FROM analysis WHERE id = $1 AND account_id = $2";
    let mut found = Vec::new();
    for id in ids {
        let row: Option<EndedRow> = db.optional(sql(SELECT).bind(*id).bind(account)).await?;
        found.extend(row.map(EndedRow::ended));
    }
    Ok(found)
}

impl EndedRow {
    fn ended(self) -> EndedAnalysis {
        let outcome = match (self.failure, self.verdict) {
            (Some(Json(failure)), _) => Outcome::Failed(failure),
            (None, Some(Json(verdict))) => judged(&verdict, self.stage.unwrap_or(verdict.detected.stage)),
            (None, None) => Outcome::Measured,
        };
        EndedAnalysis {
            id: self.id,
            title: self.title,
            outcome,
        }
    }
}

fn judged(verdict: &Verdict, stage: Stage) -> Outcome {
    let breakdown = verdict.by(stage);
    let fixes = breakdown.findings.iter().take(MOST_FIXES).enumerate();
    Outcome::Judged {
        score: breakdown.score.number(),
        sentence: breakdown.advice(stage),
        fixes: fixes
            .map(|(at, finding)| {
                let place = finding.time_ranges.first();
                let place = place.map_or(String::new(), |range| {
                    format!(", at {}", text::clock(range.start_s))
                });
                format!(
                    "{}. {}: {}{place}. {}",
                    at + 1,
                    finding.title,
                    finding.display_value(),
                    finding.action
                )
            })
            .collect(),
    }
}

/// Tells people of analyses that have ended and that they have not looked at: once for all that were uploaded together, when
/// the last of them has ended. Periodic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotifyUnseen {}

/// How often it is looked for analyses that nobody looked at.
pub(crate) const NOTIFY_EVERY: Duration = Duration::from_secs(20);
/// After so long nobody waits for those that are not done.
const NOT_LATER_THAN: Duration = Duration::from_secs(30 * 60);
/// The most accounts of one run, and the most analyses of one e-mail.
const MOST_ACCOUNTS: u32 = 200;
const MOST_TOLD: usize = 50;
/// How many fixes an e-mail names.
const MOST_FIXES: usize = 3;

impl Job for NotifyUnseen {
    const POLICY: Policy = Policy {
        kind: "notify_unseen",
        queue: Queue::Mail,
        max_attempts: 3,
        timeout: Duration::from_secs(60),
    };
}

impl RunJob<Backend> for NotifyUnseen {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        const ACCOUNTS: &str = "
            SELECT account_id FROM analysis WHERE unseen_since <= $1
            GROUP BY account_id
            HAVING MIN(unseen_since) <= $2 OR NOT EXISTS (
                SELECT 1 FROM analysis AS other
                WHERE other.account_id = analysis.account_id AND other.state IN ('queued', 'running'))
            LIMIT $3";
        let now = backend.now();
        // Who waits for a report is there.
        let unseen_for = Duration::from_secs(u64::from(backend.config.mail.unseen_minutes) * 60);
        let select = sql(ACCOUNTS)
            .bind(now.minus(unseen_for))
            .bind(now.minus(NOT_LATER_THAN))
            .bind(MOST_ACCOUNTS);
        let accounts: Vec<AccountId> = backend.db.scalars(select).await.map_err(JobError::retry)?;
        for account in accounts {
            notify_unseen(backend, account).await?;
        }
        backend.wake.wake();
        Ok(())
    }
}

async fn notify_unseen(backend: &Backend, account: AccountId) -> Result<()> {
    const TAKE: &str = "
        UPDATE analysis SET unseen_since = NULL WHERE account_id = $1 AND unseen_since IS NOT NULL RETURNING id";
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let mut analyses: Vec<AnalysisId> = tx.scalars(sql(TAKE).bind(account)).await?;
        analyses.sort_unstable();
        // Of very many, the newest.
        analyses.drain(..analyses.len().saturating_sub(MOST_TOLD));
        if !analyses.is_empty() {
            mail::enqueue(tx, backend, account, Notification::AnalysesReady { analyses }).await?;
        }
        Ok(())
    })
}
