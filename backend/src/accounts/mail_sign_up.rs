//! The job that writes to the address of a sign-up, which has no account yet.

use std::time::Duration;

use model::SignUpId;
use serde::{Deserialize, Serialize};

use super::{signed_id, store};
use crate::{
    Backend,
    jobs::{Job, JobError, Lease, Policy, Queue, RunJob},
    mail::EmailTemplates,
    signing::Purpose,
};

/// Writes to the address of a sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailSignUp {
    /// The sign-up.
    pub(crate) sign_up: SignUpId,
}

impl Job for MailSignUp {
    const POLICY: Policy = Policy {
        kind: "mail_sign_up",
        queue: Queue::Mail,
        max_attempts: 8,
        timeout: Duration::from_secs(60),
    };
}

impl RunJob<Backend> for MailSignUp {
    /// What it says depends on whether the address has an account by now.
    async fn run(self, backend: &Backend, lease: &Lease) -> Result<(), JobError> {
        let Some(row) = store::find_sign_up(&backend.db, self.sign_up, backend.now()).await? else {
            return Ok(());
        };
        let templates = EmailTemplates::from(&backend.config);
        let email = if store::account_exists(&backend.db, &row.email_key).await? {
            templates.has_account(row.email)
        } else {
            templates.verify_address(row.email, &signed_id(backend, Purpose::ConfirmSignUp, row.id))
        };
        Ok(backend.mailer.send(lease.email_id(), &email).await?)
    }
}
