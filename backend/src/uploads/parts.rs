//! Uploads in parts: which have arrived, the permissions for those that have not, and joining them. The storage's own list of
//! parts decides, so that an upload goes on wherever it was broken off.

use std::ops::Range;

use model::{
    ProblemCode, UploadId,
    upload::{PresignedPart, UploadParts, UploadState},
};

use super::{minutes, store, store::UploadRow};
use crate::{
    Actor, Backend, Error, Result, Scope,
    config::Uploads,
    storage::{self, StoredPart},
};

/// Permissions that are given at once. Each is valid for as long as that of a whole file.
const GIVEN_AT_ONCE: usize = 4;

const MEGABYTE: u64 = 1_000_000;

/// Whether a file of `size` bytes comes in parts.
pub(super) const fn goes_in_parts(settings: &Uploads, size: u64) -> bool {
    size > settings.parts_above_megabytes * MEGABYTE
}

/// Has the storage begin an upload that comes in parts. This is before there is a row, so that no row is ever without the storage's
/// number; what a process that is killed in between leaves is swept (ADR 0007).
pub(super) async fn begin(backend: &Backend, row: &mut UploadRow) -> Result<()> {
    if goes_in_parts(&backend.config.uploads, row.size_bytes) {
        let multipart = backend
            .storage
            .begin_multipart(&row.key(), &row.media_type)
            .await?;
        row.multipart_id = Some(multipart);
    }
    Ok(())
}

/// Gives up what [`begin`] began, because the upload was refused with `error`. Where the database failed, it may have written the row,
/// so that the sweep decides; what the storage does not give up now it sweeps as well.
pub(super) async fn give_up(backend: &Backend, row: &UploadRow, error: &Error) {
    if let (Some(multipart), Error::Problem(_)) = (&row.multipart_id, error) {
        let _ = backend.storage.abort_multipart(&row.key(), multipart).await;
    }
}

/// How far an upload in parts has come, and the permissions for what to send next.
///
/// # Errors
/// `NotFound` where the upload is gone and has to be begun again; `Conflict` for one that comes whole; `Unavailable`.
pub async fn parts(backend: &Backend, actor: &Actor, id: UploadId) -> Result<UploadParts> {
    let owner = actor.owner(Scope::Upload)?;
    let missing = || Error::not_found("upload");
    let row = store::find(&backend.db, owner.account, id)
        .await?
        .ok_or_else(missing)?;
    let all_there = UploadParts {
        arrived_bytes: row.size_bytes,
        next: Vec::new(),
    };
    if row.state != UploadState::Pending {
        return Ok(all_there);
    }
    let Some(multipart) = row.multipart_id.as_deref() else {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "This file does not come in parts. Upload it again.",
        ));
    };
    let key = row.key();
    let stored = match backend.storage.parts(&key, multipart).await {
        Ok(stored) => stored,
        // Joined already, or given up.
        Err(storage::Error::NotFound) => {
            let is_joined = backend.storage.head(&key).await?.is_some();
            return if is_joined { Ok(all_there) } else { Err(missing()) };
        }
        Err(error) => return Err(error.into()),
    };
    let settings = &backend.config.uploads;
    let (arrived, absent) = sort(settings, row.size_bytes, &stored);
    let (valid_for, machine_now) = (minutes(settings.ticket_minutes), backend.clock.of_machine());
    let mut next = Vec::new();
    for Part { number, bytes } in absent.into_iter().take(GIVEN_AT_ONCE) {
        let length = bytes.end - bytes.start;
        let put = backend
            .storage
            .presign_part(&key, multipart, number, length, valid_for, machine_now)
            .await?;
        next.push(PresignedPart {
            offset: bytes.start,
            length,
            url: put.url,
            headers: put.headers,
        });
    }
    Ok(UploadParts {
        arrived_bytes: arrived.iter().map(|part| part.size).sum(),
        next,
    })
}

/// Joins the parts of an upload to its object. That this was done before is no error.
///
/// # Errors
/// `Conflict` while parts are missing; `Unavailable`.
pub(super) async fn join(backend: &Backend, row: &UploadRow, multipart: &str) -> Result<()> {
    let key = row.key();
    let stored = match backend.storage.parts(&key, multipart).await {
        Ok(stored) => stored,
        Err(storage::Error::NotFound) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let (arrived, absent) = sort(&backend.config.uploads, row.size_bytes, &stored);
    if !absent.is_empty() {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "A part of the file has not arrived yet. Upload it again.",
        ));
    }
    match backend
        .storage
        .complete_multipart(&key, multipart, &arrived)
        .await
    {
        Ok(()) | Err(storage::Error::Conflict | storage::Error::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// From 1 on.
    number: u32,
    /// Which bytes of the file.
    bytes: Range<u64>,
}

/// The parts of a file of `size` bytes: those that are stored in their full length, and the others.
fn sort(settings: &Uploads, size: u64, stored: &[StoredPart]) -> (Vec<StoredPart>, Vec<Part>) {
    let length = settings.part_megabytes * MEGABYTE;
    let (mut arrived, mut absent) = (Vec::new(), Vec::new());
    for (number, start) in (1..).zip((0..size).step_by(usize::try_from(length).unwrap_or(usize::MAX))) {
        let bytes = start..size.min(start + length);
        let found = stored
            .iter()
            .find(|part| part.number == number && part.size == bytes.end - bytes.start);
        match found {
            Some(part) => arrived.push(part.clone()),
            None => absent.push(Part { number, bytes }),
        }
    }
    (arrived, absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Uploads = Uploads {
        ticket_minutes: 15,
        play_minutes: 5,
        abandoned_hours: 1,
        parts_above_megabytes: 100,
        part_megabytes: 16,
    };

    fn stored(number: u32, size: u64) -> StoredPart {
        let etag = format!("\"{number}\"");
        StoredPart { number, size, etag }
    }

    #[test]
    fn a_file_is_cut_into_parts_without_a_gap_and_the_last_is_what_is_left() {
        let (arrived, absent) = sort(&SETTINGS, 40_000_001, &[]);
        assert_eq!(arrived, []);
        let bytes: Vec<_> = absent.iter().map(|part| part.bytes.clone()).collect();
        assert_eq!(
            bytes,
            [0..16_000_000, 16_000_000..32_000_000, 32_000_000..40_000_001]
        );
        let (_, absent) = sort(&SETTINGS, 32_000_000, &[]);
        assert_eq!(absent.len(), 2, "no empty part at the end");
    }

    #[test]
    fn what_is_stored_in_its_full_length_is_not_sent_again() {
        let (arrived, absent) = sort(
            &SETTINGS,
            40_000_000,
            &[
                stored(1, 16_000_000),
                stored(2, 999),
                stored(3, 8_000_000),
                stored(4, 5),
            ],
        );
        let numbers: Vec<_> = arrived.iter().map(|part| part.number).collect();
        assert_eq!(numbers, [1, 3]);
        assert_eq!(absent.iter().map(|part| part.number).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn only_large_files_go_in_parts() {
        assert!(!goes_in_parts(&SETTINGS, 100_000_000));
        assert!(goes_in_parts(&SETTINGS, 100_000_001));
    }
}
