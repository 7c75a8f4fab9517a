//! Uploads: a signed permission to PUT one object, or each of its parts, then the check of what arrived (P03).
//!
//! The bytes go from the browser to storage; no route of the application ever sees them. `complete` may be called again
//! and again: it answers with the same analysis.

mod parts;
mod store;

use std::time::Duration;

use analysis::sniff::{Sniffed, sniff};
use model::{
    AccountId, AnalysisId, Failure, FailureCode, Problem, ProblemCode, Timestamp, UploadId,
    format::AudioFormat,
    upload::{
        CompletedUpload, NewUpload, PresignedUpload, SLOWEST_BYTES_PER_SECOND, UploadKind, UploadState,
    },
};

use crate::{
    Actor, Backend, Error, Owner, Result, Scope,
    analyses::{self, AnalyseUpload},
    db::{Db, DbError, Tx},
    idempotency,
    jobs::{self, EnqueueOptions},
    retention::ExpiredCount,
    sample, transaction, usage,
    webhooks::{self, Happened},
};
pub use parts::parts;
use store::UploadRow;
pub(crate) use store::{TABLES, keeps_audio, last_pending_ends, takes_parts};

/// How much of an object is read to tell what it is.
const SNIFF_BYTES: u64 = 64 * 1024;

/// The most characters of a file name that are kept.
const MAX_FILE_NAME: usize = 255;

/// Uploads that an account may begin within the life of one permission. The uploader sends a few at a time.
const MAX_RECENT: u64 = 20;

/// What an account's uploads on their way may bring together, as a multiple of the largest file of its plan.
const MAX_PENDING_FILES: u64 = 10;

/// Uploads that are purged in one transaction: a few milliseconds, which is what others who write wait for.
const REAP_BATCH: u32 = 20;

/// Checks a file's name and size against the plan and gives the permission to PUT it.
///
/// # Errors
/// `Invalid` on `file_name`, `TooLarge` on `size_bytes`, `Quota` when what the month allows of its kind is used up.
pub async fn begin(backend: &Backend, actor: &Actor, file: NewUpload) -> Result<PresignedUpload> {
    let owner = actor.owner(Scope::Upload)?;
    let limits = backend.config.plans.of(owner.plan);
    let file_name = clean_file_name(&file.file_name)?;
    let format = AudioFormat::from_file_name(&file_name).ok_or_else(|| {
        Error::invalid(
            "file_name",
            format!(
                "MixLens reads {}. Export the mix as WAV or FLAC and upload that.",
                AudioFormat::list()
            ),
        )
    })?;
    if file.size_bytes > limits.max_bytes() {
        return Err(Error::Problem(Problem {
            field: Some("size_bytes".into()),
            ..Problem::new(
                ProblemCode::TooLarge,
                format!(
                    "This file has {} MB; your plan takes up to {} MB. Upload a FLAC of the same mix: it is half the size and loses nothing.",
                    file.size_bytes.div_ceil(1_000_000),
                    limits.max_megabytes
                ),
            )
        }));
    }
    let now = backend.now();
    if let Some(allowed) = limits.per_month(file.kind)
        && usage::used(&backend.db, owner.account, now, file.kind).await? >= allowed
    {
        return Err(quota(file.kind, allowed));
    }

    let valid_for = minutes(backend.config.uploads.ticket_minutes);
    let mut row = UploadRow {
        id: UploadId(backend.new_id()),
        account_id: owner.account,
        kind: file.kind,
        state: UploadState::Pending,
        file_name,
        size_bytes: file.size_bytes,
        media_type: format.media_type().into(),
        multipart_id: None,
        created_at: now,
        delete_after: Some(given_up_at(backend, file.size_bytes)),
    };
    parts::begin(backend, &mut row).await?;
    let begun = transaction!(backend.db, |tx| {
        tx.lock_account(owner.account).await?;
        check_pending(backend, tx, &owner, file.size_bytes, valid_for).await?;
        store::insert(tx, &row).await?;
        idempotency::finish(tx, backend, actor, row.id).await
    });
    if let Err(error) = begun {
        parts::give_up(backend, &row, &error).await;
        return Err(error);
    }
    presigned(backend, &row).await
}

/// Another presigned upload of a file that was begun and has not been completed: the former one may have ended.
///
/// # Errors
/// `NotFound`; `Conflict` where its bytes have arrived.
pub async fn presign_again(backend: &Backend, actor: &Actor, id: UploadId) -> Result<PresignedUpload> {
    let owner = actor.owner(Scope::Upload)?;
    let row = store::find(&backend.db, owner.account, id)
        .await?
        .ok_or_else(|| Error::not_found("upload"))?;
    if row.state != UploadState::Pending {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "The bytes of this upload have arrived.",
        ));
    }
    presigned(backend, &row).await
}

/// The permission to PUT the file of `row`; the parts of a large one have permissions of their own, see [`parts`].
async fn presigned(backend: &Backend, row: &UploadRow) -> Result<PresignedUpload> {
    let valid_for = minutes(backend.config.uploads.ticket_minutes);
    let expires_at = backend.now().plus(valid_for);
    if parts::goes_in_parts(&backend.config.uploads, row.size_bytes) {
        return Ok(PresignedUpload {
            upload: row.id,
            url: None,
            headers: Vec::new(),
            expires_at,
        });
    }
    let put = backend
        .storage
        .presign_put(
            &row.key(),
            row.size_bytes,
            &row.media_type,
            valid_for,
            backend.clock.of_machine(),
        )
        .await?;
    Ok(PresignedUpload {
        upload: row.id,
        url: Some(put.url),
        headers: put.headers,
        expires_at,
    })
}

/// Refuses to begin more than can be on its way at once: each permission may fill the storage with its bytes, whether or not
/// it is ever completed.
async fn check_pending(
    backend: &Backend,
    tx: &mut Tx,
    owner: &Owner,
    size: u64,
    valid_for: Duration,
) -> Result<()> {
    let now = backend.now();
    let pending = store::pending(tx, owner.account, now.minus(valid_for)).await?;
    let most = backend.config.plans.of(owner.plan).max_bytes() * MAX_PENDING_FILES;
    if pending.recent < MAX_RECENT && pending.bytes.saturating_add(size) <= most {
        return Ok(());
    }
    let again = pending
        .first
        .map_or(valid_for, |first| first.plus(valid_for).since(now));
    Err(Error::Problem(Problem {
        retry_after: Some(again.as_secs() + 1),
        ..Problem::new(
            ProblemCode::RateLimited,
            "Too many uploads were begun and not finished. Let those that run come to their end, then try again.",
        )
    }))
}

/// When an upload that begins now and has not come is given up: the permission, the time that the slowest line takes, and the
/// configured hours on top.
fn given_up_at(backend: &Backend, size: u64) -> Timestamp {
    let uploads = &backend.config.uploads;
    backend
        .now()
        .plus(minutes(uploads.ticket_minutes))
        .plus(Duration::from_secs(size / SLOWEST_BYTES_PER_SECOND))
        .plus(minutes(60 * uploads.abandoned_hours))
}

/// Checks what arrived in storage and queues its analysis.
///
/// # Errors
/// `Conflict` while nothing has arrived; `Quota`; `NotFound`; `Unavailable` when storage does not answer.
pub async fn complete(backend: &Backend, actor: &Actor, id: UploadId) -> Result<CompletedUpload> {
    let owner = actor.owner(Scope::Upload)?;
    let missing = || Error::not_found("upload");
    let row = store::find(&backend.db, owner.account, id)
        .await?
        .ok_or_else(missing)?;
    if row.state != UploadState::Pending {
        return finished(backend, actor, owner.account, id).await;
    }
    let key = row.key();
    if let Some(multipart) = &row.multipart_id {
        parts::join(backend, &row, multipart).await?;
    }
    let Some(facts) = backend.storage.head(&key).await? else {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "The file has not arrived yet. Upload it again.",
        ));
    };
    let failure = if facts.size != row.size_bytes {
        // Cannot happen where the signature holds the size; if a store does not keep to it, the file is not what was declared.
        Some(Failure::new(FailureCode::Truncated))
    } else if facts.size == 0 {
        Some(Failure::new(FailureCode::Empty))
    } else {
        let head = backend
            .storage
            .get_range(&key, 0..facts.size.min(SNIFF_BYTES))
            .await?;
        failure_of(sniff(&head))
    };

    let now = backend.now();
    let limits = backend.config.plans.of(owner.plan);
    let analysis = AnalysisId(backend.new_id());
    let is_first = transaction!(backend.db, |tx| {
        tx.lock_account(owner.account).await?;
        if !store::set_stored(tx, id, now, now.plus(limits.audio_kept())).await? {
            return Ok(false);
        }
        // What its first bytes show not to be audio costs nothing.
        if failure.is_none() {
            let used = usage::take(tx, owner.account, now, row.kind).await?;
            if let Some(allowed) = limits.per_month(row.kind)
                && used > allowed
            {
                return Err(quota(row.kind, allowed));
            }
        }
        let new = analyses::NewAnalysis {
            id: analysis,
            account: owner.account,
            upload: id,
            kind: row.kind,
            title: title_of(&row.file_name),
            file_name: &row.file_name,
            failure: failure.as_ref(),
        };
        analyses::insert(tx, &new, now).await?;
        if failure.is_some() {
            let happened = Happened::AnalysisFailed(analysis);
            webhooks::record(tx, backend, owner.account, happened).await?;
        } else {
            let options = EnqueueOptions {
                account: Some(owner.account),
                ..EnqueueOptions::default()
            };
            jobs::enqueue(tx, backend, &AnalyseUpload { analysis }, options).await?;
        }
        idempotency::finish(tx, backend, actor, analysis).await?;
        Ok(true)
    })?;
    if !is_first {
        return finished(backend, actor, owner.account, id).await;
    }
    backend.wake.wake();
    Ok(CompletedUpload { analysis })
}

/// What [`purge`] would find now.
pub(crate) async fn expired(backend: &Backend) -> Result<Vec<ExpiredCount>> {
    store::count_expired(&backend.db, backend.now()).await
}

/// How many uploads should have lost their audio up to `before`.
pub(crate) async fn overdue(db: &Db, before: Timestamp) -> Result<i64, DbError> {
    store::count_stored_past(db, before).await
}

/// Marks uploads whose time has come as removed and queues the removal of their objects (P07, P08, P09); forgets those
/// that never completed. Resumable: each batch is its own transaction. How many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let now = backend.now();
    let mut total = 0;
    loop {
        let due = transaction!(backend.db, |tx| {
            let mut due = store::take_due(tx, now, REAP_BATCH).await?;
            due.extend(store::take_abandoned(tx, now, REAP_BATCH).await?);
            for row in &due {
                // None where it never arrived.
                if let Some(analysis) = analyses::of_upload_in(tx, row.id).await? {
                    let happened = Happened::AudioDeleted(analysis);
                    webhooks::record(tx, backend, row.account_id, happened).await?;
                }
                let renders = analyses::renders_of(tx, row.id).await?;
                analyses::enqueue_removal(tx, backend, row.account_id, row.id, &renders).await?;
            }
            Ok(due)
        })?;
        backend.wake.wake();
        if due.is_empty() {
            return Ok(total);
        }
        total += due.len() as u64;
    }
}

/// Somebody has completed it before.
async fn finished(
    backend: &Backend,
    actor: &Actor,
    account: AccountId,
    id: UploadId,
) -> Result<CompletedUpload> {
    let analysis = analyses::of_upload(&backend.db, account, id).await?;
    let analysis = analysis.ok_or_else(|| Error::not_found("upload"))?;
    idempotency::finish_alone(backend, actor, analysis).await?;
    Ok(CompletedUpload { analysis })
}

/// The analysis of the sample, for a test token, which uploads nothing.
///
/// # Errors
/// `Forbidden` for a test token without the scope; `Invalid` on `upload` for everybody else.
pub async fn complete_sample(backend: &Backend, actor: &Actor) -> Result<CompletedUpload> {
    if !actor.is_shown_sample(Scope::Upload)? {
        return Err(Error::invalid(
            "upload",
            "The sample is for test tokens. Begin an upload, and name it here when its bytes are there.",
        ));
    }
    let analysis = sample::id();
    idempotency::finish_alone(backend, actor, analysis).await?;
    Ok(CompletedUpload { analysis })
}

fn failure_of(sniffed: Sniffed) -> Option<Failure> {
    match sniffed {
        Sniffed::Known(_) => None,
        Sniffed::Unsupported(name) => Some(Failure::with(FailureCode::Unsupported, name)),
        Sniffed::NotAudio => Some(Failure::new(FailureCode::NotAudio)),
        Sniffed::Empty => Some(Failure::new(FailureCode::Empty)),
    }
}

fn quota(kind: UploadKind, allowed: u32) -> Error {
    Error::problem(
        ProblemCode::Quota,
        match kind {
            UploadKind::Mix => format!(
                "The {allowed} analyses of this month are used up. New ones start on the 1st (UTC); your reports stay."
            ),
            UploadKind::Reference => format!(
                "The {allowed} references of this month are used up. New ones start on the 1st (UTC); those that you have stay, and can be compared with."
            ),
        },
    )
}

fn minutes(count: u32) -> Duration {
    Duration::from_secs(60 * u64::from(count))
}

/// The name as it is shown and downloaded under: without a path, without control characters, of bounded length. Never
/// used as a path.
fn clean_file_name(name: &str) -> Result<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    let excess = name.chars().count().saturating_sub(MAX_FILE_NAME);
    // The end is kept, because it holds the extension.
    let name: String = name.chars().skip(excess).collect();
    if name.is_empty() {
        Err(Error::invalid(
            "file_name",
            "The file has no name. Give it one and upload it again.",
        ))
    } else {
        Ok(name)
    }
}

fn title_of(file_name: &str) -> &str {
    match file_name.rsplit_once('.') {
        Some((name, _)) if !name.is_empty() => name,
        _ => file_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_cleaned_and_keeps_its_extension() {
        assert_eq!(clean_file_name("C:\\mixes\\My mix.wav").unwrap(), "My mix.wav");
        assert_eq!(clean_file_name("../../etc/passwd.wav").unwrap(), "passwd.wav");
        assert_eq!(clean_file_name("a\nb.wav").unwrap(), "ab.wav");
        let long = clean_file_name(&format!("{}.wav", "x".repeat(400))).unwrap();
        assert_eq!(long.chars().count(), 255);
        assert!(long.ends_with(".wav"));
        assert!(clean_file_name(" / ").is_err());
    }

    #[test]
    fn a_title_is_the_name_without_its_extension() {
        assert_eq!(title_of("My mix.v3.wav"), "My mix.v3");
        assert_eq!(title_of(".wav"), ".wav");
    }
}
