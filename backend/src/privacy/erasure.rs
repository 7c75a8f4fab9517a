//! The deletion of an account (P14): what is ours goes in one transaction, what is elsewhere in steps of a job.
//!
//! [`begin`] deletes every row of the person at once: nobody is signed in any more, no job runs on, and a job that runs has
//! lost its lease. Whatever is elsewhere (objects, the last email) is a step of its own with a checkpoint, tried again until
//! it is done: a killed process or a store that is down delays its own step and no other. At the end the deletion forgets
//! whom it was about. Trap: an upload on its way outlives the account, so the store is emptied a second time when the slowest
//! line would have ended it; whatever comes even later, the sweep finds.

use std::{collections::HashSet, time::Duration};

use model::{AccountId, ErasureId, Timestamp, text_enum};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    DataSubject,
    manifest::{Erase, Export, TABLES},
};
use crate::{
    Actor, Backend, Error, Result, accounts,
    db::{Db, DbError, Tx, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{EmailTemplates, SendError},
    redact::OwnText,
    signing::sha256_hex,
    storage::Key,
    uploads,
};

/// Within which a deletion is finished, whatever is down (P14).
pub const WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a presigned upload and a running job may outlive their account by, beyond the permission itself.
const SLACK: Duration = Duration::from_secs(15 * 60);

text_enum! {
    /// Who asked for a deletion.
    pub enum Origin {
        /// The person, by the button.
        Button = "button",
        /// The person, by email.
        Email = "email",
        /// The operator: the account is a child's (P18).
        Child = "child",
        /// A backup brought an account back that had been deleted.
        Restored = "restored",
    }
}

/// How long the last email is tried where the server refuses it (our settings may be wrong), and where no server accepts
/// email at all: the address is kept for this email alone, and not for ever.
const REFUSED_FOR: Duration = Duration::from_secs(24 * 3600);
const UNSENT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

text_enum! {
    /// A part of a deletion outside of the database.
    pub enum Step {
        /// The object store, at once.
        Objects = "objects",
        /// The object store again, when no upload can be on its way any more.
        LateObjects = "late_objects",
        /// The email that says that it is done.
        LastEmail = "last_email",
        /// The emails that a development server wrote into files, the last one included; left out where email is sent.
        EmailFiles = "email_files",
    }
}

text! {
    Origin,
    Step,
}

row! {
    #[derive(Debug)]
    struct ErasureRow {
        account_id: Option<AccountId>,
        email: Option<String>,
        requested_at: Timestamp,
        finished_at: Option<Timestamp>,
    }
}

row! {
    #[derive(Debug)]
    struct StepRow {
        step: Step,
        reference: Option<String>,
        not_before: Timestamp,
    }
}

/// Whether the box that confirms a deletion was ticked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// It was.
    Given,
    /// It was not.
    Missing,
}

/// Deletes the account of the person who asks. `password` proves that it is them and not somebody who finds the
/// browser open.
///
/// # Errors
/// `Invalid` on `sure` or `password`; `RateLimited` after too many wrong passwords.
pub async fn begin(
    backend: &Backend,
    actor: &Actor,
    password: SecretString,
    confirmation: Confirmation,
) -> Result<()> {
    let user = actor.user()?;
    if confirmation == Confirmation::Missing {
        return Err(Error::invalid(
            "sure",
            "Tick the box if you want to delete everything. Nothing was deleted.",
        ));
    }
    accounts::prove(backend, user, password).await?;
    begin_for(backend, user.account, Origin::Button, backend.now()).await?;
    Ok(())
}

/// Deletes an account for its owner who asked by email, or a child's; `None` where there is none.
///
/// # Errors
/// The database does not answer.
pub async fn begin_by_address(backend: &Backend, email: &str, origin: Origin) -> Result<Option<ErasureId>> {
    match DataSubject::of_address(backend, email).await? {
        Some(subject) => begin_for(backend, subject.account, origin, backend.now())
            .await
            .map(Some),
        None => Ok(None),
    }
}

async fn begin_for(
    backend: &Backend,
    account: AccountId,
    origin: Origin,
    now: Timestamp,
) -> Result<ErasureId> {
    let subject = DataSubject::of(backend, account)
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    let erasure = ErasureId(backend.new_id());
    let ticket = Duration::from_secs(60 * u64::from(backend.config.uploads.ticket_minutes));
    let mut tx = backend.db.begin().await?;
    let pending = uploads::last_pending_ends(&mut tx, account).await?;
    let presigned = now.plus(ticket);
    let late = pending.map_or(presigned, |ends| ends.max(presigned)).plus(SLACK);
    insert(&mut tx, erasure, &subject, origin, now).await?;
    let objects = Key::account_prefix(account);
    insert_step(&mut tx, erasure, Step::Objects, objects.as_str(), now).await?;
    insert_step(&mut tx, erasure, Step::LateObjects, objects.as_str(), late).await?;
    // Who comes back with a backup was told when they were deleted.
    if origin != Origin::Restored {
        insert_step(&mut tx, erasure, Step::LastEmail, "", now).await?;
    }
    if backend.mailer.writes_files() {
        let addresses = addresses(&mut tx, &subject).await?.join("\n");
        insert_step(&mut tx, erasure, Step::EmailFiles, &addresses, late).await?;
    }
    answer_requests(&mut tx, account, now).await?;
    delete_rows(&mut tx, &subject).await?;
    for run_at in [now, late] {
        let options = EnqueueOptions {
            run_at: Some(run_at),
            ..EnqueueOptions::default()
        };
        jobs::enqueue(&mut tx, backend, &ContinueErasure { erasure }, options).await?;
    }
    tx.commit().await?;
    backend.wake.wake();
    tracing::info!(%erasure, origin = origin.as_str(), "an account was deleted");
    Ok(erasure)
}

/// Deletes every row of the person, as the manifest says. The account comes first in it and goes last.
async fn delete_rows(tx: &mut Tx, subject: &DataSubject) -> Result<()> {
    for table in TABLES.iter().rev() {
        if let (Erase::By(delete), Export::Rows { key, .. }) = (&table.erase, &table.export) {
            tx.execute(subject.bind(sql(delete), *key)).await?;
        }
    }
    // Removals of objects are not tied to the account, because they outlive it; the steps do their work now.
    delete_jobs(tx, subject.account).await?;
    Ok(())
}

/// Goes on with the deletion of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContinueErasure {
    /// The deletion.
    erasure: ErasureId,
}

impl Job for ContinueErasure {
    const POLICY: Policy = Policy {
        kind: "erase",
        queue: Queue::Storage,
        max_attempts: 20,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for ContinueErasure {
    /// Does every step that is due and not done, each with its own checkpoint.
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        let erasure = self.erasure;
        let mut failed = Vec::new();
        let steps = open_steps(&backend.db, erasure).await?;
        for step in steps.iter().filter(|step| step.not_before <= backend.now()) {
            if let Err(error) = advance(backend, erasure, step).await {
                failed.push(format!("{}: {error}", step.step.as_str()));
            }
        }
        if failed.is_empty() {
            Ok(finish(backend, erasure).await?)
        } else {
            Err(JobError::wait(OwnText(failed.join(", "))))
        }
    }
}

/// One step and its checkpoint. Killed in between, the step is done again, which each of them bears.
async fn advance(backend: &Backend, erasure: ErasureId, step: &StepRow) -> Result<()> {
    let reference = step.reference.as_deref().unwrap_or_default();
    match step.step {
        Step::Objects | Step::LateObjects => {
            if let Some(account) = find(&backend.db, erasure).await?.and_then(|row| row.account_id) {
                backend
                    .storage
                    .delete_prefix(&Key::account_prefix(account))
                    .await?;
            }
        }
        Step::LastEmail => {
            if let Some(row) = find(&backend.db, erasure).await? {
                send_last_email(backend, erasure, row).await?;
            }
        }
        Step::EmailFiles => {
            let addresses: Vec<&str> = reference.lines().collect();
            backend
                .mailer
                .forget(&addresses)
                .await
                .map_err(|error| Error::Unavailable {
                    what: "the folder of emails",
                    source: error.into(),
                })?;
        }
    }
    Ok(check_off(&backend.db, erasure, step.step, backend.now()).await?)
}

/// A deletion must end even where the address does not accept email any more.
async fn send_last_email(backend: &Backend, erasure: ErasureId, row: ErasureRow) -> Result<()> {
    let Some(email) = row.email else {
        return Ok(());
    };
    let email = EmailTemplates::from(&backend.config).account_deleted(email);
    let Err(error) = backend.mailer.send(erasure.0, &email).await else {
        return Ok(());
    };
    let patience = match error {
        SendError::Refused(_) => REFUSED_FOR,
        SendError::Unavailable(_) => UNSENT_FOR,
    };
    if backend.now().since(row.requested_at) > patience {
        tracing::warn!(%erasure, %error, "the last email was given up");
        return Ok(());
    }
    Err(error.into())
}

/// When every step is done, forgets whom it was about.
async fn finish(backend: &Backend, erasure: ErasureId) -> Result<()> {
    const UPDATE: &str = "
        UPDATE erasure SET finished_at = $2, account_id = NULL, email = NULL
        WHERE id = $1 AND finished_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM erasure_step WHERE erasure_id = $1 AND done_at IS NULL)";
    let Some(row) = find(&backend.db, erasure)
        .await?
        .filter(|row| row.finished_at.is_none())
    else {
        return Ok(());
    };
    let mut tx = backend.db.begin().await?;
    let is_finished = tx.execute(sql(UPDATE).bind(erasure).bind(backend.now())).await? == 1;
    if let Some(account) = row.account_id.filter(|_| is_finished) {
        // Once more: what ran when the account went may have left a row about an object of it.
        delete_jobs(&mut tx, account).await?;
    }
    tx.commit().await?;
    if is_finished {
        backend.db.forget_deleted().await?;
        tracing::info!(%erasure, "a deletion is finished");
    }
    Ok(())
}

/// Enqueues deletions that are not finished and that no job works on any more. How many. The clean-up calls it, so that no
/// deletion is ever left behind, whatever happened to its jobs.
pub(crate) async fn resume(backend: &Backend) -> Result<u64> {
    const OPEN: &str = "SELECT id FROM erasure WHERE finished_at IS NULL";
    let open: Vec<ErasureId> = backend.db.scalars(sql(OPEN)).await?;
    let mut resumed = 0;
    for erasure in open {
        let job = ContinueErasure { erasure };
        let mut tx = backend.db.begin().await?;
        if !jobs::is_pending(&mut tx, &job).await? {
            jobs::enqueue(&mut tx, backend, &job, EnqueueOptions::default()).await?;
            resumed += 1;
        }
        tx.commit().await?;
    }
    backend.wake.wake();
    Ok(resumed)
}

row! {
    /// A deletion on its way, for the operator.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OpenErasure {
        /// Its id.
        pub id: ErasureId,
        /// Who asked.
        pub origin: Origin,
        /// When it began.
        pub requested_at: Timestamp,
        /// When it must be finished.
        pub due_at: Timestamp,
        /// Of the steps that are not done, the one that may begin last; of those that begin together, objects before emails.
        pub last_step: Option<Step>,
    }
}

/// Deletions that are not finished, the most urgent first.
///
/// # Errors
/// The database does not answer.
pub async fn open(db: &Db) -> Result<Vec<OpenErasure>, DbError> {
    const SELECT: &str = "
        SELECT id, origin, requested_at, due_at,
               (SELECT step FROM erasure_step WHERE erasure_id = erasure.id AND done_at IS NULL
                ORDER BY not_before DESC, step DESC LIMIT 1) AS last_step
        FROM erasure WHERE finished_at IS NULL ORDER BY due_at, id";
    db.all(sql(SELECT)).await
}

/// The hashes of all accounts that were ever deleted: to be kept beside the backups, because a backup does not know of what
/// was deleted after it.
///
/// # Errors
/// The database does not answer.
pub async fn ledger(db: &Db) -> Result<Vec<String>, DbError> {
    const SELECT: &str = "SELECT DISTINCT account_hash FROM erasure ORDER BY account_hash";
    db.scalars(sql(SELECT)).await
}

/// What the ledger says of an account.
#[must_use]
pub fn hash_of(account: AccountId) -> String {
    sha256_hex(&account.to_string())
}

/// After a backup was restored, deletes every account in it again that `hashes` names. How many.
///
/// # Errors
/// The database does not answer; what was deleted stays deleted.
pub async fn replay(backend: &Backend, hashes: &HashSet<String>) -> Result<u64> {
    const SELECT: &str = "SELECT id FROM account ORDER BY id";
    let accounts: Vec<AccountId> = backend.db.scalars(sql(SELECT)).await?;
    let mut deleted = 0;
    for account in accounts
        .into_iter()
        .filter(|account| hashes.contains(&hash_of(*account)))
    {
        begin_for(backend, account, Origin::Restored, backend.now()).await?;
        deleted += 1;
    }
    Ok(deleted)
}

async fn find(db: &Db, erasure: ErasureId) -> Result<Option<ErasureRow>, DbError> {
    const SELECT: &str = "SELECT account_id, email, requested_at, finished_at FROM erasure WHERE id = $1";
    db.optional(sql(SELECT).bind(erasure)).await
}

/// Every address that emails to the person went to.
async fn addresses(tx: &mut Tx, subject: &DataSubject) -> Result<Vec<String>, DbError> {
    const SELECT: &str = "SELECT old_email, new_email FROM email_change WHERE account_id = $1";
    let changes: Vec<(String, String)> = tx.all(sql(SELECT).bind(subject.account)).await?;
    let others = changes.into_iter().flat_map(|(old, new)| [old, new]);
    Ok(std::iter::once(subject.email.clone()).chain(others).collect())
}

async fn insert(
    tx: &mut Tx,
    erasure: ErasureId,
    subject: &DataSubject,
    origin: Origin,
    now: Timestamp,
) -> Result<u64, DbError> {
    const INSERT: &str = "
        INSERT INTO erasure (id, account_hash, origin, requested_at, due_at, account_id, email)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let insert = sql(INSERT)
        .bind(erasure)
        .bind(hash_of(subject.account))
        .bind(origin)
        .bind(now);
    let insert = insert
        .bind(now.plus(WITHIN))
        .bind(subject.account)
        .bind(subject.email.as_str());
    tx.execute(insert).await
}

async fn insert_step(
    tx: &mut Tx,
    erasure: ErasureId,
    step: Step,
    reference: &str,
    not_before: Timestamp,
) -> Result<u64, DbError> {
    const INSERT: &str =
        "INSERT INTO erasure_step (erasure_id, step, reference, not_before) VALUES ($1, $2, $3, $4)";
    tx.execute(
        sql(INSERT)
            .bind(erasure)
            .bind(step)
            .bind(reference)
            .bind(not_before),
    )
    .await
}

async fn open_steps(db: &Db, erasure: ErasureId) -> Result<Vec<StepRow>, DbError> {
    const SELECT: &str = "
        SELECT step, reference, not_before FROM erasure_step WHERE erasure_id = $1 AND done_at IS NULL
        ORDER BY not_before, step";
    db.all(sql(SELECT).bind(erasure)).await
}

/// open → done, forgetting by what name the other side knew the person; and the address once the email is sent.
async fn check_off(db: &Db, erasure: ErasureId, step: Step, now: Timestamp) -> Result<(), DbError> {
    const UPDATE: &str = "
        UPDATE erasure_step SET done_at = $3, reference = NULL WHERE erasure_id = $1 AND step = $2 AND done_at IS NULL";
    const FORGET: &str = "UPDATE erasure SET email = NULL WHERE id = $1";
    let mut tx = db.begin().await?;
    tx.execute(sql(UPDATE).bind(erasure).bind(step).bind(now)).await?;
    if step == Step::LastEmail {
        tx.execute(sql(FORGET).bind(erasure)).await?;
    }
    tx.commit().await
}

/// Every request by email of a person is answered by their deletion.
async fn answer_requests(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str =
        "UPDATE privacy_request SET answered_at = $2 WHERE account_id = $1 AND answered_at IS NULL";
    tx.execute(sql(UPDATE).bind(account).bind(now)).await
}

/// Deletes jobs that mention the account.
async fn delete_jobs(tx: &mut Tx, account: AccountId) -> Result<(), DbError> {
    jobs::delete_mentions(tx, &account.to_string()).await.map(drop)
}
