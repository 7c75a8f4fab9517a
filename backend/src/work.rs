//! Every kind of job there is, and the periodic ones: what a worker process does.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    Backend, Result, accounts, analyses,
    billing::{self, EndSubscription, SyncAll, SyncCustomer},
    cleanup::Reap,
    jobs::{
        self, Registry, WorkerSettings, Workers,
        schedule::{self, Periodic},
    },
    ledger::PublishLedger,
    mail::SendNotification,
    newsletter::SendNewsletter,
    notifications::{self, NotifyUnseen},
    privacy::{
        erasure::ContinueErasure,
        export::{BuildExport, RemoveExport},
        policy::AnnouncePolicy,
    },
    renders, retention,
    storage::{RemoveAudio, RemoveRender},
    sweep::SweepObjects,
    webhooks::{DeliverWebhooks, FanOut},
};

/// All periodic work.
const PERIODIC: &[Periodic] = &[
    Periodic::new::<Reap>(retention::REAP_EVERY),
    Periodic::new::<SweepObjects>(retention::REAP_EVERY),
    Periodic::new::<analyses::Rescore>(analyses::RESCORE_EVERY),
    Periodic::new::<SyncAll>(billing::SYNC_EVERY),
    Periodic::new::<NotifyUnseen>(notifications::NOTIFY_EVERY),
];

fn registry(backend: Backend) -> Registry<Backend> {
    Registry::new(backend)
        .with::<analyses::AnalyseUpload>()
        .with::<analyses::MakePreview>()
        .with::<analyses::Rescore>()
        .with::<accounts::MailSignUp>()
        .with::<SendNotification>()
        .with::<NotifyUnseen>()
        .with::<SendNewsletter>()
        .with::<renders::MakeRender>()
        .with::<renders::MakeStepAudio>()
        .with::<EndSubscription>()
        .with::<SyncAll>()
        .with::<SyncCustomer>()
        .with::<RemoveAudio>()
        .with::<RemoveRender>()
        .with::<BuildExport>()
        .with::<RemoveExport>()
        .with::<ContinueErasure>()
        .with::<AnnouncePolicy>()
        .with::<PublishLedger>()
        .with::<Reap>()
        .with::<SweepObjects>()
        .with::<FanOut>()
        .with::<DeliverWebhooks>()
}

/// What the workers of a process need.
#[must_use]
pub fn workers(backend: &Backend) -> Workers {
    let config = &backend.config;
    let defaults = WorkerSettings::default();
    let settings = WorkerSettings {
        analyses: match config.worker.analyses {
            0 => defaults.analyses,
            analyses => analyses,
        },
        lease: Duration::from_secs(u64::from(config.worker.lease_seconds)),
        drain: config.drain(),
        ..defaults
    };
    Workers {
        db: backend.db.clone(),
        clock: Arc::clone(&backend.clock),
        entropy: Arc::clone(&backend.entropy),
        handler: Arc::new(registry(backend.clone())),
        wake: backend.wake.clone(),
        settings,
    }
}

/// Runs jobs until `shutdown`; see [`jobs::run`].
///
/// # Errors
/// The workers ended by themselves, which they never should.
pub async fn run(backend: &Backend, shutdown: CancellationToken) -> Result<()> {
    jobs::run(workers(backend), shutdown).await
}

/// Enqueues periodic work when its time comes, until `shutdown`. Runs in any number of processes.
pub async fn beat(backend: &Backend, shutdown: &CancellationToken) {
    schedule::beat(&backend.db, backend, &backend.wake, PERIODIC, shutdown).await;
}

/// Queues emails that are dead again, of people with an account and of those who signed up. How many.
///
/// # Errors
/// The database does not answer.
pub async fn retry_emails(backend: &Backend) -> Result<u64> {
    let (db, now) = (&backend.db, backend.now());
    Ok(jobs::revive::<SendNotification>(db, now).await?
        + jobs::revive::<accounts::MailSignUp>(db, now).await?)
}

/// Queues announcements to everybody that are dead again: of a new version of the policies, and newsletters. Each goes on where it was,
/// and nobody is written to twice. How many.
///
/// # Errors
/// The database does not answer.
pub async fn retry_announcements(backend: &Backend) -> Result<u64> {
    let (db, now) = (&backend.db, backend.now());
    Ok(jobs::revive::<AnnouncePolicy>(db, now).await? + jobs::revive::<SendNewsletter>(db, now).await?)
}

/// Queues previews that are dead again. How many.
///
/// # Errors
/// The database does not answer.
pub async fn retry_previews(backend: &Backend) -> Result<u64> {
    Ok(jobs::revive::<analyses::MakePreview>(&backend.db, backend.now()).await?)
}

/// Enqueues whatever periodic work is due and not yet taken. How much.
///
/// # Errors
/// The database does not answer.
pub async fn tick(backend: &Backend) -> Result<u64> {
    schedule::tick(&backend.db, backend, PERIODIC).await
}
