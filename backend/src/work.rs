//! What each job does: a shell of a line over one use case.

use uuid::Uuid;

use crate::{
    Backend, Error, accounts, analyses,
    jobs::{Handler, Job, JobError, Lease},
    mail,
    privacy::{erasure, export, policy},
    retention,
    storage::Key,
};

#[async_trait::async_trait]
impl Handler for Backend {
    async fn run(&self, job: Job, lease: Lease) -> Result<(), JobError> {
        match job {
            Job::AnalyseUpload { analysis } => analyses::run(self, analysis, &lease).await,
            Job::MakePreview { account, upload } => {
                analyses::make_preview(self, account, upload, &lease).await
            }
            Job::Mail {
                account,
                notification,
            } => mail::deliver(self, letter_id(&lease)?, account, &notification).await,
            Job::MailSignUp { sign_up } => accounts::mail_sign_up(self, letter_id(&lease)?, sign_up).await,
            Job::RemoveAudio { account, upload } => {
                let everything = Key::upload_prefix(account, upload);
                self.storage
                    .delete_prefix(&everything)
                    .await
                    .map(drop)
                    .map_err(JobError::wait)
            }
            Job::BuildExport { export } => export::build(self, export, &lease).await,
            Job::RemoveExport { account, export } => {
                let archive = Key::export(account, export);
                self.storage.delete(&archive).await.map_err(JobError::wait)
            }
            Job::Erase { erasure } => erasure::run(self, erasure).await,
            Job::AnnouncePolicy { version } => {
                policy::announce(self, &version).await.map_err(JobError::retry)
            }
            Job::SendNewsletter { newsletter } => mail::newsletter::distribute(self, &newsletter)
                .await
                .map_err(JobError::retry),
            Job::Rescore => {
                let named = analyses::fill_keys(self).await.map_err(JobError::retry)?;
                if named > 0 {
                    tracing::info!(named, "analyses can be searched and sorted");
                }
                let judged = analyses::rescore(self).await.map_err(JobError::retry)?;
                if judged > 0 {
                    tracing::info!(judged, "reports were judged by new rules");
                }
                Ok(())
            }
            Job::Reap => retention::reap(self).await.map(drop).map_err(JobError::retry),
        }
    }

    async fn dead(&self, job: Job) {
        let reported = match job {
            Job::AnalyseUpload { analysis } => analyses::mark_failed(self, analysis).await,
            Job::BuildExport { export } => export::mark_failed(self, export).await,
            Job::MakePreview { account, upload } => analyses::give_up_copy(self, account, upload).await,
            _ => Ok::<_, Error>(()),
        };
        if let Err(error) = reported {
            tracing::error!(%error, "the end of a job could not be told");
        }
    }
}

/// A letter has the id of its job: every run of the job sends the same letter.
fn letter_id(lease: &Lease) -> Result<Uuid, JobError> {
    lease.job().parse().map_err(JobError::fail)
}
