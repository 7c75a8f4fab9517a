//! An object on its way in: written beside the others, checked, and given its name.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use s3s::{
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Md5},
};
use tempfile::NamedTempFile;

use super::{Folders, IfExists, NewObject, ObjectMetadata, StoreError, Trailer, write_trailer};

/// The share of the disk that is left free for everything else on it: one part in this many, and no more than
/// [`MOST_RESERVED`].
const RESERVED_SHARE: u64 = 50;
/// In bytes. What else writes to the disk (the database, logs) does not grow with its size.
const MOST_RESERVED: u64 = 1 << 30;

/// Holds a file's name while its body is on its way.
struct Writing {
    folders: Arc<Folders>,
    target: PathBuf,
}

impl Writing {
    fn begin(folders: Arc<Folders>, target: PathBuf) -> Result<Self, StoreError> {
        let is_first = lock(&folders.writing).insert(target.clone());
        if is_first {
            Ok(Self { folders, target })
        } else {
            Err(StoreError::Busy)
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        lock(&self.folders.writing).remove(&self.target);
    }
}

/// A panic elsewhere leaves the set as true as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses what would leave the disk without its reserve: whoever else writes to it would fail first.
pub(crate) fn check_space(folder: &Path, size: u64) -> Result<(), StoreError> {
    let disk = rustix::fs::statvfs(folder).map_err(io::Error::from)?;
    let reserve = (disk.f_blocks / RESERVED_SHARE * disk.f_frsize).min(MOST_RESERVED);
    if disk.f_bavail.saturating_mul(disk.f_frsize) >= size.saturating_add(reserve) {
        Ok(())
    } else {
        Err(StoreError::Full(io::ErrorKind::StorageFull.into()))
    }
}

/// An object on its way in. Dropping it removes the temporary file.
pub(super) struct Incoming {
    pub(super) object: NewObject,
    target: PathBuf,
    file: NamedTempFile,
    md5: Md5,
    digests: ChecksumHasher,
    /// The last field, so that the key is given back after the temporary file is gone.
    _writing: Writing,
}

impl Incoming {
    pub(super) fn new(folders: Arc<Folders>, object: NewObject, target: PathBuf) -> Result<Self, StoreError> {
        let writing = Writing::begin(Arc::clone(&folders), target.clone())?;
        check_space(&folders.incoming, object.size)?;
        // Only a courtesy, before the body is read; the rename in `commit` decides.
        if object.if_exists == IfExists::Keep && fs::exists(&target)? {
            return Err(StoreError::Exists);
        }
        let file = NamedTempFile::new_in(&folders.incoming)?;
        let wanted = &object.checksum;
        let digests = ChecksumHasher {
            crc32: wanted.checksum_crc32.as_ref().map(|_| <_>::default()),
            crc32c: wanted.checksum_crc32c.as_ref().map(|_| <_>::default()),
            sha1: wanted.checksum_sha1.as_ref().map(|_| <_>::default()),
            sha256: wanted.checksum_sha256.as_ref().map(|_| <_>::default()),
            crc64nvme: wanted.checksum_crc64nvme.as_ref().map(|_| <_>::default()),
        };
        Ok(Self {
            object,
            target,
            file,
            md5: Md5::default(),
            digests,
            _writing: writing,
        })
    }

    pub(super) fn append(mut self, chunks: &[Bytes]) -> Result<Self, StoreError> {
        for chunk in chunks {
            self.file.write_all(chunk)?;
            self.md5.update(chunk);
            self.digests.update(chunk);
        }
        Ok(self)
    }

    pub(super) fn commit(self) -> Result<ObjectMetadata, StoreError> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};

        let Self {
            _writing,
            object,
            target,
            file,
            md5,
            digests,
        } = self;
        let md5 = md5.finalize();
        if object
            .content_md5
            .is_some_and(|wanted| wanted != BASE64_STANDARD.encode(md5))
        {
            return Err(StoreError::Digest("Content-MD5"));
        }
        let (wanted, found) = (object.checksum, digests.finalize());
        for (name, wanted, found) in [
            ("CRC-32", wanted.checksum_crc32, found.checksum_crc32),
            ("CRC-32C", wanted.checksum_crc32c, found.checksum_crc32c),
            ("SHA-1", wanted.checksum_sha1, found.checksum_sha1),
            ("SHA-256", wanted.checksum_sha256, found.checksum_sha256),
            ("CRC-64/NVME", wanted.checksum_crc64nvme, found.checksum_crc64nvme),
        ] {
            if wanted != found {
                return Err(StoreError::Digest(name));
            }
        }
        let trailer = Trailer {
            key: object.key,
            content_type: object.content_type,
            size: object.size,
            md5: hex::encode(md5),
        };
        let created = write_trailer(file, &trailer, &target, object.if_exists)?;
        Ok(trailer.into_facts(created))
    }
}
