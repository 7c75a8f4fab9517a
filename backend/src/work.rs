//! What each job does: a shell of a line over one use case.

use uuid::Uuid;

use crate::{
    Backend, Result, accounts, analyses,
    jobs::{self, Handler, Job, JobError, Lease},
    mail, sessions,
    storage::Key,
    uploads,
};

#[async_trait::async_trait]
impl Handler for Backend {
    async fn run(&self, job: Job, lease: Lease) -> Result<(), JobError> {
        match job {
            Job::AnalyseUpload { analysis } => analyses::run(self, analysis, &lease).await,
            Job::Mail { account, notice } => mail::deliver(self, letter_id(&lease)?, account, &notice).await,
            Job::MailSignUp { sign_up } => accounts::mail_sign_up(self, letter_id(&lease)?, sign_up).await,
            Job::RemoveAudio { account, upload } => {
                let everything = Key::upload_prefix(account, upload);
                self.storage
                    .delete_prefix(&everything)
                    .await
                    .map(drop)
                    .map_err(JobError::wait)
            }
            Job::JudgeAnew => {
                let judged = analyses::judge_anew(self).await.map_err(JobError::retry)?;
                if judged > 0 {
                    tracing::info!(judged, "reports were judged by new rules");
                }
                Ok(())
            }
            Job::Reap => reap(self).await.map_err(JobError::retry),
        }
    }

    async fn dead(&self, job: Job) {
        if let Job::AnalyseUpload { analysis } = job
            && let Err(error) = analyses::give_up(self, analysis).await
        {
            tracing::error!(%analysis, %error, "an analysis without a living job could not be ended");
        }
    }
}

/// A letter has the id of its job: every run of the job sends the same letter.
fn letter_id(lease: &Lease) -> Result<Uuid, JobError> {
    lease.job().parse().map_err(JobError::fail)
}

/// Removes everything whose time has come.
async fn reap(backend: &Backend) -> Result<()> {
    let uploads = uploads::reap(backend).await?;
    let sessions = sessions::reap(backend).await?;
    let sign_ups = accounts::reap(backend).await?;
    let jobs = jobs::reap(&backend.db, backend.now()).await?;
    tracing::info!(uploads, sessions, sign_ups, jobs, "reaped");
    Ok(())
}
