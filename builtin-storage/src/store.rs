//! Objects in a folder of the local disk.
//!
//! One object is ONE file in `objects/`: its bytes, then a trailer with what is known about it. It is written and
//! fsynced under a temporary name in `incoming/` and then renamed, so that at any moment of a crash an object is
//! either there and whole, or not there. Deleting is one unlink; nothing else ever existed.
//!
//! A key is never a path. The file is named after the key's bytes in hex, or, where that would exceed what file
//! systems allow, after their SHA-256; either way there is one flat folder, hence no empty folders to tidy.

mod folders;
mod incoming;
mod object_file;

use std::{
    error::Error as StdError,
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use model::upload::SLOWEST_BYTES_PER_SECOND;
use s3s::dto::Checksum;
use tokio::time::Instant;

use self::incoming::Incoming;
pub use self::object_file::OpenObject;
pub(super) use self::{
    folders::{Folders, sync_folder},
    incoming::check_space,
    object_file::{Trailer, write_trailer},
};

/// The longest key of S3, in bytes.
pub(super) const MAX_KEY: usize = 1_024;
/// What is gathered before a write goes to a blocking thread, and what is read at once.
const CHUNK: usize = 256 * 1024;
/// A body that brings nothing for so long is given up, so that no stalled client keeps a temporary file.
pub(super) const BODY_STALL: Duration = Duration::from_secs(60);
/// Why the store did not do what was asked. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The object exists and was not to be replaced.
    #[error("the object exists already")]
    Exists,
    /// Another body for the same key is on its way.
    #[error("the object is being written")]
    Busy,
    /// The body was shorter or longer than declared.
    #[error("the body does not have the declared length")]
    Length,
    /// The body does not have this declared digest.
    #[error("the body does not have the declared {0}")]
    Digest(&'static str),
    /// The body broke off.
    #[error("the body broke off")]
    Body(#[source] Box<dyn StdError + Send + Sync>),
    /// The body stood still for too long.
    #[error("the body stood still")]
    Stalled,
    /// The key is empty or longer than S3 allows.
    #[error("the key is empty or too long")]
    Key,
    /// A part of an object that comes in parts is not there, or is another one.
    #[error("a part is not there as it should be")]
    Part,
    /// The disk, or its quota, is full.
    #[error("the disk is full")]
    Full(#[source] io::Error),
    /// A file in the folder is not one of this store's objects.
    #[error("the stored object is damaged")]
    Damaged,
    /// The disk failed in another way.
    #[error("the disk failed")]
    Io(#[source] io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(error)
            }
            _ => Self::Io(error),
        }
    }
}

/// What is known about a stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Its key.
    pub key: String,
    /// The media type under which it was stored.
    pub content_type: String,
    /// Length in bytes.
    pub size: u64,
    /// MD5 of its bytes, in hex: the entity tag, without quotes.
    pub md5: String,
    /// When its last byte was written.
    pub created: SystemTime,
}

/// An object about to be written, and what its body must prove to be before it is.
#[derive(Default)]
pub struct NewObject {
    /// Its key.
    pub key: String,
    /// Its media type.
    pub content_type: String,
    /// The exact length of its body in bytes.
    pub size: u64,
    /// What becomes of an object under the same key, whoever else is writing.
    pub if_exists: IfExists,
    /// MD5 that the body must have, in base64.
    pub content_md5: Option<String>,
    /// Other digests that the body must have, in base64.
    pub checksum: Checksum,
}

/// What becomes of an object that is there already when another one is to take its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IfExists {
    /// It stays, and the new one is refused.
    #[default]
    Keep,
    /// It is replaced.
    Replace,
}

/// One page of a listing.
#[derive(Debug)]
pub struct Page {
    /// In the order of the keys' bytes.
    pub objects: Vec<ObjectMetadata>,
    /// Whether more follow.
    pub truncated: bool,
}

/// Objects in a folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DiskStore {
    pub(super) folders: Arc<Folders>,
}

impl DiskStore {
    /// Opens the store in `folder`, which is made if need be, and removes what a crash left half-written.
    ///
    /// # Errors
    /// When the folder cannot be made, locked or read.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        let folders = blocking(move || Folders::open(&folder)).await?;
        Ok(Self {
            folders: Arc::new(folders),
        })
    }

    /// Writes an object from `body`. It appears at once and whole, after its length and digests were found right
    /// and its bytes are on the disk; on any error it does not appear, and what was there stays.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put<E>(
        &self,
        object: NewObject,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<ObjectMetadata, StoreError>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let target = self.folders.path(&object.key)?;
        self.write(object, target, body, BODY_STALL).await
    }

    /// Writes a body in the layout of an object to `target`, unless nothing comes for `stall`.
    pub(super) async fn write<E>(
        &self,
        object: NewObject,
        target: PathBuf,
        body: impl Stream<Item = Result<Bytes, E>>,
        stall: Duration,
    ) -> Result<ObjectMetadata, StoreError>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let folders = Arc::clone(&self.folders);
        // Whoever drips a byte now and then is given up as well.
        let ends = Instant::now() + stall + Duration::from_secs(object.size / SLOWEST_BYTES_PER_SECOND);
        let mut incoming = blocking(move || Incoming::new(folders, object, target)).await?;
        let mut body = std::pin::pin!(body);
        let mut waiting = Vec::new();
        let mut waiting_bytes = 0;
        let mut left = incoming.object.size;
        loop {
            let next = tokio::time::timeout_at(ends.min(Instant::now() + stall), body.next())
                .await
                .map_err(|_| StoreError::Stalled)?;
            let Some(chunk) = next else { break };
            let chunk = chunk.map_err(|error| StoreError::Body(error.into()))?;
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(length).ok_or(StoreError::Length)?;
            waiting_bytes += chunk.len();
            waiting.push(chunk);
            if waiting_bytes >= CHUNK {
                let chunks = std::mem::take(&mut waiting);
                waiting_bytes = 0;
                incoming = blocking(move || incoming.append(&chunks)).await?;
            }
        }
        if left > 0 {
            return Err(StoreError::Length);
        }
        blocking(move || incoming.append(&waiting)?.commit()).await
    }

    /// What is known about an object.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn facts(&self, key: &str) -> Result<ObjectMetadata, StoreError> {
        Ok(self.open_object(key).await?.facts)
    }

    /// Opens an object for reading. Its bytes stay readable even when it is deleted or replaced meanwhile.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open_object(&self, key: &str) -> Result<OpenObject, StoreError> {
        let path = self.folders.path(key)?;
        let key = key.to_owned();
        blocking(move || {
            let object = OpenObject::open(&path)?;
            // Two keys with one SHA-256 do not happen; a file that was moved by hand does.
            if object.facts.key == key {
                Ok(object)
            } else {
                Err(StoreError::Damaged)
            }
        })
        .await
    }

    /// Deletes an object, for good and without a trace. Returns whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        let path = self.folders.path(key)?;
        let folders = Arc::clone(&self.folders);
        blocking(move || match fs::remove_file(path) {
            Ok(()) => {
                sync_folder(&folders.objects)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// The first `limit` objects whose keys begin with `prefix` and come after `after`.
    ///
    /// Reads the names of the whole folder: fine for the tens of thousands of objects of one machine.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let folders = Arc::clone(&self.folders);
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        blocking(move || folders.list(&prefix, after.as_deref(), limit)).await
    }

    /// Whether the folder is still there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        let folders = Arc::clone(&self.folders);
        blocking(move || Ok(fs::metadata(&folders.objects).map(drop)?)).await
    }
}

/// Does `work` on a thread that may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => Err(StoreError::Io(io::Error::other(panicked))),
    }
}

#[cfg(test)]
mod tests;
