//! The deletion of an account (P14): it is closed in one transaction, and everything of it goes in steps of a job.
//!
//! [`begin`] closes the account: nobody is signed in or can sign in, no job runs on, a job that runs has lost its lease, and name
//! and address are gone from it. Then its rows go, a few at a time, so that nobody else waits for them; those of most accounts
//! before [`begin`] returns. Whatever is elsewhere (objects, the last email) is a step of its own with a checkpoint, tried
//! again until it is done: a killed process or a store that is down delays its own step and no other. At the end the deletion forgets
//! whom it was about. Trap: an upload on its way outlives the account, so the store is emptied a second time when the slowest
//! line would have ended it; whatever comes even later, the sweep finds.

use std::{collections::HashSet, time::Duration};

use futures::TryStreamExt as _;
use model::{AccountId, AnalysisId, ErasureId, Timestamp, text_enum};
use serde::{Deserialize, Serialize};

use super::{DataSubject, manifest};
use crate::{
    Actor, Backend, Error, Result, accounts, analyses,
    billing::{self, Known},
    db::{Db, DbError, Tx, row, sql, text},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    ledger,
    mail::{EmailTemplates, SendError},
    redact::OwnText,
    storage::Key,
    tables::{Erase, Export, Table, about_nobody},
    transaction, uploads,
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "erasure",
        title: "Deletions",
        about: "So that a deletion is finished, and done again on a backup that is restored.",
        kept: "Your address until the last e-mail is sent, the number of your account until everything is deleted; a hash of that number stays.",
        export: Export::Nothing("exists only for accounts that do not"),
        erase: Erase::Nothing("is the deletion itself, which forgets whom it was about when it is finished"),
    },
    Table {
        name: "erasure_step",
        title: "Steps of a deletion",
        about: "So that a deletion goes on where it was interrupted.",
        kept: "Emptied with its deletion.",
        export: Export::Nothing("exists only for accounts that do not"),
        erase: Erase::Nothing("each step is emptied when it is done"),
    },
    about_nobody(
        "restoration",
        "The last restored backup",
        "So that nobody is served before deletions were done again.",
        "For ever; nobody is in it.",
    ),
];

/// Within which a deletion is finished, whatever is down (P14).
pub const WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Transactions that [`begin`] itself makes; the job goes on with what is left.
const BEGUN_WITH: u32 = 40;

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
        /// The rows of the account.
        Rows = "rows",
        /// The customer at Stripe, and what it still owes the person.
        Customer = "stripe_customer",
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

/// Deletes the account of the person who asks. `proof` shows that it is them and not somebody who finds the browser open.
///
/// # Errors
/// `Invalid` on `sure`, `password` or `code`; `RateLimited` after too many wrong ones.
pub async fn begin(
    backend: &Backend,
    actor: &Actor,
    proof: accounts::Proof,
    confirmation: Confirmation,
) -> Result<()> {
    let user = actor.user()?;
    if confirmation == Confirmation::Missing {
        return Err(Error::invalid(
            "sure",
            "Tick the box if you want to delete everything. Nothing was deleted.",
        ));
    }
    accounts::prove(backend, user, accounts::second_factor::Guarded::Delete, proof).await?;
    begin_for(backend, user.account, Origin::Button, backend.now()).await?;
    Ok(())
}

row! {
    /// Whose account a deletion would be, for the operator.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Whom {
        /// Their address.
        pub email: String,
        /// Their name.
        pub display_name: String,
        /// When they signed up.
        pub created_at: Timestamp,
        /// Their analyses, references included.
        pub analyses: u64,
    }
}

/// Whose account [`begin_by_address`] would delete; `None` where there is none.
///
/// # Errors
/// The database does not answer.
pub async fn whom(backend: &Backend, email: &str) -> Result<Option<Whom>> {
    const SELECT: &str = "
        SELECT email, display_name, created_at,
            (SELECT COUNT(*) FROM analysis WHERE analysis.account_id = account.id) AS analyses
        FROM account WHERE id = $1";
    match accounts::find_by_address(backend, email).await? {
        Some(account) => Ok(backend.db.optional(sql(SELECT).bind(account)).await?),
        None => Ok(None),
    }
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
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let pending = uploads::last_pending_ends(tx, account).await?;
        let presigned = now.plus(ticket);
        let late = pending.map_or(presigned, |ends| ends.max(presigned)).plus(SLACK);
        insert(tx, erasure, &subject, origin, now).await?;
        let objects = Key::account_prefix(account);
        insert_step(tx, erasure, Step::Rows, "", now).await?;
        insert_step(tx, erasure, Step::Objects, objects.as_str(), now).await?;
        insert_step(tx, erasure, Step::LateObjects, objects.as_str(), late).await?;
        if let Some((customer, known)) = billing::known_as(tx, backend, account).await? {
            // One that is being made at this moment is there a while later.
            let from = match known {
                Known::Surely => now,
                Known::Perhaps => late,
            };
            insert_step(tx, erasure, Step::Customer, &customer, from).await?;
        }
        // Who comes back with a backup was told when they were deleted.
        if origin != Origin::Restored {
            insert_step(tx, erasure, Step::LastEmail, "", now).await?;
        }
        if backend.mailer.writes_files() {
            let addresses = addresses(tx, &subject).await?.join("\n");
            insert_step(tx, erasure, Step::EmailFiles, &addresses, late).await?;
        }
        answer_requests(tx, account, now).await?;
        close(tx, &subject, now).await?;
        ledger::record(tx, backend, account).await?;
        for run_at in [now, late] {
            let options = EnqueueOptions {
                run_at: Some(run_at),
                ..EnqueueOptions::default()
            };
            jobs::enqueue(tx, backend, &ContinueErasure { erasure }, options).await?;
        }
        Ok(())
    })?;
    tracing::info!(%erasure, origin = origin.as_str(), "an account was deleted");
    if delete_rows(backend, account, BEGUN_WITH).await? {
        check_off(&backend.db, erasure, Step::Rows, now).await?;
    }
    backend.wake.wake();
    Ok(erasure)
}

/// Ends every way into the account, and whatever is found by its address; of the account there is left what its rows hang on.
async fn close(tx: &mut Tx, subject: &DataSubject, now: Timestamp) -> Result<()> {
    const CLOSE: &str = "
        UPDATE account SET closed_at = $2, email = '', email_key = 'closed/' || id, display_name = '', password_hash = ''
        WHERE id = $1";
    for table in manifest::tables() {
        if let (Erase::AtOnce(delete), Export::Rows { key, .. }) = (&table.erase, &table.export) {
            tx.execute(subject.bind(sql(delete), *key)).await?;
        }
    }
    jobs::stop_all_of(tx, subject.account).await?;
    tx.execute(sql(CLOSE).bind(subject.account).bind(now)).await?;
    Ok(())
}

/// Deletes the rows of a closed account, a few at a time, in at most so many transactions; whether all of them are gone.
async fn delete_rows(backend: &Backend, account: AccountId, transactions: u32) -> Result<bool> {
    let db = &backend.db;
    let mut left = transactions;
    for table in manifest::tables() {
        let Erase::InBatches(delete) = table.erase else {
            continue;
        };
        let mut behind = String::new();
        loop {
            let batch = sql(delete).bind(account).bind(&*behind);
            let gone: Vec<(String,)> = db.execute_returning(batch).await?;
            match gone.into_iter().map(|(id,)| id).max() {
                Some(last) => behind = last,
                None if behind.is_empty() => break,
                // Once more from the beginning, for what came in meanwhile.
                None => behind.clear(),
            }
            left -= 1;
            if left == 0 {
                return Ok(false);
            }
        }
    }
    for table in manifest::tables() {
        if let Erase::Last(delete) = table.erase {
            db.execute(sql(delete).bind(account)).await?;
        }
    }
    // Removals of objects are not tied to the account, because they outlive it; the steps do their work now.
    jobs::delete_mentions(db, &account.to_string()).await?;
    Ok(true)
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
        Step::Rows => {
            if let Some(account) = find(&backend.db, erasure).await?.and_then(|row| row.account_id) {
                delete_rows(backend, account, u32::MAX).await?;
            }
        }
        Step::Objects | Step::LateObjects => {
            if let Some(account) = find(&backend.db, erasure).await?.and_then(|row| row.account_id) {
                backend
                    .storage
                    .delete_prefix(&Key::account_prefix(account))
                    .await?;
            }
        }
        Step::Customer => {
            let account = find(&backend.db, erasure).await?.and_then(|row| row.account_id);
            billing::forget(backend, account, reference).await?;
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
    const OPEN: &str =
        "SELECT erasure_id FROM erasure_step WHERE erasure_id = $1 AND done_at IS NULL LIMIT 1";
    let Some(row) = find(&backend.db, erasure)
        .await?
        .filter(|row| row.finished_at.is_none())
    else {
        return Ok(());
    };
    let is_open: Option<ErasureId> = backend.db.scalar(sql(OPEN).bind(erasure)).await?;
    if let Some(account) = row.account_id.filter(|_| is_open.is_none()) {
        // Once more: what ran when the account went may have left a row about an object of it.
        jobs::delete_mentions(&backend.db, &account.to_string()).await?;
    }
    let is_finished = backend
        .db
        .execute(sql(UPDATE).bind(erasure).bind(backend.now()))
        .await?
        == 1;
    if is_finished {
        tracing::info!(%erasure, "a deletion is finished");
        backend.db.forget_deleted().await?;
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
    const SELECT: &str =
        "SELECT account_hash AS hash FROM erasure UNION SELECT hash FROM deletion ORDER BY hash";
    db.scalars(sql(SELECT)).await
}

/// What was deleted again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Accounts.
    pub accounts: u64,
    /// Analyses of other accounts.
    pub analyses: u64,
}

/// After a backup was restored, deletes every account and every analysis in it again that `hashes` names; from then on the
/// database may serve people.
///
/// # Errors
/// The database does not answer; what was deleted stays deleted.
pub async fn replay(backend: &Backend, hashes: &HashSet<String>) -> Result<Replayed> {
    const ANALYSES: &str = "SELECT id, account_id FROM analysis";
    const DONE: &str = "UPDATE restoration SET replayed_at = $1 WHERE replayed_at IS NULL";
    const SELECT: &str = "SELECT id FROM account WHERE closed_at IS NULL ORDER BY id";
    let accounts: Vec<AccountId> = backend.db.scalars(sql(SELECT)).await?;
    let mut replayed = Replayed::default();
    for account in accounts {
        if hashes.contains(&ledger::hash_of(account)) {
            begin_for(backend, account, Origin::Restored, backend.now()).await?;
            replayed.accounts += 1;
        }
    }
    let mut found = Vec::new();
    {
        let mut rows = backend.db.stream::<OwnedAnalysis>(sql(ANALYSES));
        while let Some(row) = rows.try_next().await? {
            if hashes.contains(&ledger::hash_of(row.id)) {
                found.push(row);
            }
        }
    }
    for row in found {
        analyses::delete_of(backend, row.account_id, row.id).await?;
        replayed.analyses += 1;
    }
    ledger::take_up(backend, hashes).await?;
    backend.db.execute(sql(DONE).bind(backend.now())).await?;
    Ok(replayed)
}

row! {
    struct OwnedAnalysis {
        id: AnalysisId,
        account_id: AccountId,
    }
}

/// Whether the database was restored and its deletions were not done again yet.
///
/// # Errors
/// The database does not answer.
pub async fn waits_for_replay(db: &Db) -> Result<bool, DbError> {
    let open: Option<String> = db
        .scalar(sql("SELECT id FROM restoration WHERE replayed_at IS NULL"))
        .await?;
    Ok(open.is_some())
}

/// Notes that the database comes from a backup.
///
/// # Errors
/// The database does not answer.
pub async fn note_restoration(db: &Db, now: Timestamp) -> Result<(), DbError> {
    const INSERT: &str = "
        INSERT INTO restoration (id, restored_at) VALUES ('last', $1)
        ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at, replayed_at = NULL";
    db.execute(sql(INSERT).bind(now)).await.map(drop)
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
        .bind(ledger::hash_of(subject.account))
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
