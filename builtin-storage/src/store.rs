//! Objects in a folder of the local disk.
//!
//! One object is ONE file in `objects/`: its bytes, then a trailer with what is known about it. It is written and
//! fsynced under a temporary name in `incoming/` and then renamed, so that at any moment of a crash an object is
//! either there and whole, or not there. Deleting is one unlink; nothing else ever existed.
//!
//! A key is never a path. The file is named after the key's bytes in hex, or, where that would exceed what file
//! systems allow, after their SHA-256; either way there is one flat folder, hence no empty folders to tidy.
//!
//! ```text
//! bytes of the object | trailer, JSON | length of the trailer, u32 big-endian | b"MIXLOBJ1"
//! ```

use std::{
    collections::{BTreeSet, HashSet},
    error::Error as StdError,
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use model::upload::SLOWEST_BYTES_PER_SECOND;
use s3s::{
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Md5},
    dto::Checksum,
};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    time::Instant,
};

use super::multipart;

/// Marks the end of every object; the digit is the version of the layout.
const MAGIC: &[u8; 8] = b"MIXLOBJ1";
/// The fixed end of a trailer: its length and the magic.
const TAIL: u64 = 12;
/// A trailer holds a key (1,024 bytes at most, six times that in JSON), a media type and a digest.
const MAX_TRAILER: u64 = 16 * 1024;
/// Longer keys are named by their hash: twice this and a prefix stay below the 255 bytes of a file name.
const MAX_HEX_KEY: usize = 120;
/// The longest key of S3, in bytes.
pub(super) const MAX_KEY: usize = 1_024;
/// What is gathered before a write goes to a blocking thread, and what is read at once.
const CHUNK: usize = 256 * 1024;
/// A body that brings nothing for so long is given up, so that no stalled client keeps a temporary file.
pub(super) const BODY_STALL: Duration = Duration::from_secs(60);
/// The share of the disk that is left free for everything else on it: one part in this many.
const RESERVED_SHARE: u64 = 50;

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

#[derive(Debug)]
pub(super) struct Folders {
    objects: PathBuf,
    pub(super) incoming: PathBuf,
    pub(super) multipart: PathBuf,
    /// The files whose bodies are on their way: one at a time, so that one permission never holds more than its bytes.
    writing: Mutex<HashSet<PathBuf>>,
    /// Shared by every process that has the folder open; see [`Folders::open`].
    _lock: File,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Trailer {
    pub(super) key: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    pub(super) md5: String,
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

impl Folders {
    /// Every process holds a shared lock. Only one that gets the exclusive lock first, hence is alone, removes
    /// temporary files: they might be another's uploads.
    fn open(folder: &Path) -> Result<Self, StoreError> {
        let [objects, incoming, multipart] =
            ["objects", "incoming", "multipart"].map(|name| folder.join(name));
        for folder in [&objects, &incoming, &multipart] {
            fs::create_dir_all(folder)?;
        }
        keep_private(folder)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                for entry in fs::read_dir(&incoming)? {
                    fs::remove_file(entry?.path())?;
                }
                multipart::tidy(&multipart)?;
                sync_folder(&incoming)?;
                lock.unlock()?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        lock.lock_shared()?;
        sync_folder(folder)?;
        Ok(Self {
            objects,
            incoming,
            multipart,
            writing: Mutex::default(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(StoreError::Key);
        }
        let name = if key.len() <= MAX_HEX_KEY {
            format!("k-{}", hex::encode(key))
        } else {
            format!("h-{}", hex::encode(s3s::crypto::Sha256::checksum(key.as_bytes())))
        };
        Ok(self.objects.join(name))
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let mut keys = BTreeSet::new();
        let mut truncated = false;
        for entry in fs::read_dir(&self.objects)? {
            let entry = entry?;
            let Some(key) = self.key_of(&entry)? else { continue };
            if !key.starts_with(prefix) || after.is_some_and(|after| key.as_str() <= after) {
                continue;
            }
            keys.insert(key);
            if keys.len() > limit {
                keys.pop_last();
                truncated = true;
            }
        }
        let mut objects = Vec::with_capacity(keys.len());
        for key in keys {
            let path = self.path(&key)?;
            match OpenObject::open(&path) {
                Ok(object) => objects.push(object.facts),
                // Deleted since the folder was read.
                Err(StoreError::NotFound) => {}
                Err(error) => objects.extend(damaged(key, &path, &error)),
            }
        }
        Ok(Page { objects, truncated })
    }

    /// The key of a file in `objects/`; `None` for what is none of ours, or is gone.
    fn key_of(&self, entry: &fs::DirEntry) -> Result<Option<String>, StoreError> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Ok(None);
        };
        if let Some(key) = name.strip_prefix("k-") {
            return Ok(hex::decode(key).ok().and_then(|key| String::from_utf8(key).ok()));
        }
        if !name.starts_with("h-") {
            return Ok(None);
        }
        match OpenObject::open(&entry.path()) {
            Ok(object) => Ok(Some(object.facts.key)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => {
                tracing::error!(%error, "an object is damaged, and its key was in what is lost");
                Ok(None)
            }
        }
    }
}

/// What a listing says of an object that cannot be read, so that it is found and can be deleted as any other: one such file
/// must not hide all that are whole.
fn damaged(key: String, path: &Path, error: &StoreError) -> Option<ObjectMetadata> {
    tracing::error!(%error, "an object is damaged; it is listed and cannot be read");
    let metadata = fs::metadata(path).ok()?;
    Some(ObjectMetadata {
        key,
        content_type: "application/octet-stream".to_owned(),
        size: metadata.len(),
        md5: "0".repeat(32),
        created: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
    })
}

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
pub(super) fn check_space(folder: &Path, size: u64) -> Result<(), StoreError> {
    let disk = rustix::fs::statvfs(folder).map_err(io::Error::from)?;
    let reserve = disk.f_blocks / RESERVED_SHARE * disk.f_frsize;
    if disk.f_bavail.saturating_mul(disk.f_frsize) >= size.saturating_add(reserve) {
        Ok(())
    } else {
        Err(StoreError::Full(io::ErrorKind::StorageFull.into()))
    }
}

/// An object on its way in. Dropping it removes the temporary file.
struct Incoming {
    object: NewObject,
    target: PathBuf,
    file: NamedTempFile,
    md5: Md5,
    digests: ChecksumHasher,
    /// The last field, so that the key is given back after the temporary file is gone.
    _writing: Writing,
}

impl Incoming {
    fn new(folders: Arc<Folders>, object: NewObject, target: PathBuf) -> Result<Self, StoreError> {
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

    fn append(mut self, chunks: &[Bytes]) -> Result<Self, StoreError> {
        for chunk in chunks {
            self.file.write_all(chunk)?;
            self.md5.update(chunk);
            self.digests.update(chunk);
        }
        Ok(self)
    }

    fn commit(self) -> Result<ObjectMetadata, StoreError> {
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

/// Ends a file in the layout of an object and gives it its name, on the disk; when its last byte was written.
pub(super) fn write_trailer(
    mut file: NamedTempFile,
    trailer: &Trailer,
    target: &Path,
    if_exists: IfExists,
) -> Result<SystemTime, StoreError> {
    let json = serde_json::to_vec(trailer).map_err(io::Error::from)?;
    file.write_all(&json)?;
    file.write_all(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes())?;
    file.write_all(MAGIC)?;
    file.as_file().sync_all()?;
    let renamed = match if_exists {
        IfExists::Replace => file.persist(target),
        IfExists::Keep => file.persist_noclobber(target),
    };
    let file = match renamed {
        Ok(file) => file,
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(StoreError::Exists);
        }
        Err(refused) => return Err(refused.error.into()),
    };
    if let Some(folder) = target.parent() {
        sync_folder(folder)?;
    }
    Ok(file.metadata()?.modified()?)
}

impl Trailer {
    pub(super) fn into_facts(self, created: SystemTime) -> ObjectMetadata {
        let Self {
            key,
            content_type,
            size,
            md5,
        } = self;
        ObjectMetadata {
            key,
            content_type,
            size,
            md5,
            created,
        }
    }
}

/// An object that is open for reading.
#[derive(Debug)]
pub struct OpenObject {
    /// What is known about it.
    pub facts: ObjectMetadata,
    pub(super) file: File,
}

impl OpenObject {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let body_and_trailer = metadata.len().checked_sub(TAIL).ok_or(StoreError::Damaged)?;
        file.seek(SeekFrom::Start(body_and_trailer))?;
        let (mut length, mut magic) = ([0; 4], [0; 8]);
        file.read_exact(&mut length)?;
        file.read_exact(&mut magic)?;
        let length = u64::from(u32::from_be_bytes(length));
        if magic != *MAGIC || length > MAX_TRAILER {
            return Err(StoreError::Damaged);
        }
        let size = body_and_trailer.checked_sub(length).ok_or(StoreError::Damaged)?;
        file.seek(SeekFrom::Start(size))?;
        let mut json = Vec::new();
        (&mut file).take(length).read_to_end(&mut json)?;
        let trailer: Trailer = serde_json::from_slice(&json).map_err(|_| StoreError::Damaged)?;
        if trailer.size != size {
            return Err(StoreError::Damaged);
        }
        Ok(Self {
            facts: trailer.into_facts(metadata.modified()?),
            file,
        })
    }

    /// These bytes of it, clipped to its end, a part at a time.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn into_stream(
        self,
        range: Range<u64>,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static> {
        let end = range.end.min(self.facts.size);
        let start = range.start.min(end);
        let mut file = tokio::fs::File::from_std(self.file);
        file.seek(SeekFrom::Start(start)).await?;
        Ok(tokio_util::io::ReaderStream::with_capacity(
            file.take(end - start),
            CHUNK,
        ))
    }
}

/// A rename or an unlink is on the disk only when its folder is.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn keep_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => Err(StoreError::Io(io::Error::other(panicked))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn put(
        store: &DiskStore,
        key: &str,
        body: &'static [u8],
        if_exists: IfExists,
    ) -> Result<ObjectMetadata, StoreError> {
        let size = u64::try_from(body.len()).unwrap();
        let content_type = "audio/wav".to_owned();
        let object = NewObject {
            key: key.to_owned(),
            content_type,
            size,
            if_exists,
            ..Default::default()
        };
        store
            .put(
                object,
                futures::stream::iter([Ok::<_, io::Error>(Bytes::from_static(body))]),
            )
            .await
    }

    async fn bytes(store: &DiskStore, key: &str) -> Vec<u8> {
        let chunks = store
            .open_object(key)
            .await
            .unwrap()
            .into_stream(0..u64::MAX)
            .await
            .unwrap();
        chunks
            .map(|chunk| chunk.unwrap().to_vec())
            .collect::<Vec<_>>()
            .await
            .concat()
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_damaged_object_hides_none_of_the_others_and_can_be_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        for key in ["a", "b", "c"] {
            put(&store, key, b"body", IfExists::Keep).await.unwrap();
        }
        let path = store.folders.path("b").unwrap();
        let listed = async || {
            let page = store.list("", None, 10).await.unwrap();
            page.objects
                .into_iter()
                .map(|object| object.key)
                .collect::<Vec<_>>()
        };
        for damage in ["", "short", &"x".repeat(1000)] {
            fs::write(&path, damage).unwrap();
            assert_eq!(listed().await, ["a", "b", "c"], "{} bytes", damage.len());
        }
        fs::write(folder.path().join("objects/h-00"), "x").unwrap();
        assert_eq!(listed().await, ["a", "b", "c"]);
        assert!(store.delete("b").await.unwrap());
        assert_eq!(listed().await, ["a", "c"]);
    }

    #[tokio::test]
    async fn any_text_is_a_key_and_none_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path().join("store")).await.unwrap();
        let long = "ж/".repeat(341);
        let mut keys = [
            "../../escape",
            "/etc/passwd",
            "a\0b",
            ".",
            "..",
            "a//b",
            "con",
            "k-00",
            "a\nb",
            "%2e%2e",
            &long,
        ];
        for key in keys {
            put(&store, key, b"body", IfExists::Keep).await.unwrap();
            assert_eq!(bytes(&store, key).await, b"body", "{key:?}");
        }
        assert_eq!(names(folder.path()), ["store"]);
        keys.sort_unstable();
        let page = store.list("", None, 100).await.unwrap();
        let listed: Vec<_> = page.objects.iter().map(|facts| facts.key.as_str()).collect();
        assert_eq!(listed, keys);
        for key in keys {
            assert!(store.delete(key).await.unwrap());
            assert!(!store.delete(key).await.unwrap());
        }
        assert_eq!(names(&folder.path().join("store/objects")), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_key_is_not_empty_and_not_longer_than_s3_allows() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        assert!(matches!(
            put(&store, "", b"x", IfExists::Replace).await,
            Err(StoreError::Key)
        ));
        assert!(matches!(
            put(&store, &"x".repeat(1_025), b"x", IfExists::Replace).await,
            Err(StoreError::Key)
        ));
        put(&store, &"x".repeat(1_024), b"x", IfExists::Replace)
            .await
            .unwrap();
        put(&store, &"x".repeat(120), b"x", IfExists::Replace)
            .await
            .unwrap();
        put(&store, &"x".repeat(121), b"x", IfExists::Replace)
            .await
            .unwrap();
        assert_eq!(store.list("x", None, 2).await.unwrap().objects.len(), 2);
        let after = store.list("x", Some(&"x".repeat(121)), 9).await.unwrap();
        assert_eq!((after.objects.len(), after.truncated), (1, false));
    }

    #[tokio::test]
    async fn an_object_is_kept_or_replaced_as_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        put(&store, "a", b"first", IfExists::Keep).await.unwrap();
        let open = store.open_object("a").await.unwrap();
        assert!(matches!(
            put(&store, "a", b"second", IfExists::Keep).await,
            Err(StoreError::Exists)
        ));
        assert_eq!(bytes(&store, "a").await, b"first");
        put(&store, "a", b"second", IfExists::Replace).await.unwrap();
        assert_eq!(bytes(&store, "a").await, b"second");
        let chunks: Vec<_> = open
            .into_stream(0..9)
            .await
            .unwrap()
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(
            chunks.concat(),
            b"first",
            "whoever was reading goes on reading the same object"
        );
    }

    #[tokio::test]
    async fn what_a_crash_left_is_removed_unless_another_process_may_be_writing_it() {
        let folder = tempfile::tempdir().unwrap();
        let running = DiskStore::open(folder.path()).await.unwrap();
        let left = folder.path().join("incoming/.tmpAbc123");
        fs::write(&left, b"half").unwrap();
        let second = DiskStore::open(folder.path()).await.unwrap();
        assert!(left.exists());
        drop((running, second));
        let store = DiskStore::open(folder.path()).await.unwrap();
        assert!(!left.exists());
        assert_eq!(store.list("", None, 9).await.unwrap().objects, []);
    }

    #[tokio::test]
    async fn a_damaged_file_is_no_object() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        put(&store, "a", b"body", IfExists::Keep).await.unwrap();
        let path = store.folders.path("a").unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(
                matches!(store.facts("a").await, Err(StoreError::Damaged)),
                "cut to {cut}"
            );
        }
        fs::write(&path, [b"x", whole.as_slice()].concat()).unwrap();
        assert!(
            matches!(store.facts("a").await, Err(StoreError::Damaged)),
            "longer than it says"
        );
        fs::write(store.folders.path("b").unwrap(), &whole).unwrap();
        assert!(
            matches!(store.facts("b").await, Err(StoreError::Damaged)),
            "under another key's name"
        );
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        let object = NewObject {
            key: "a".to_owned(),
            size: 9,
            ..Default::default()
        };
        let stalled = futures::stream::pending::<io::Result<Bytes>>();
        assert!(matches!(
            store
                .write(
                    object,
                    store.folders.path("a").unwrap(),
                    stalled,
                    Duration::from_millis(5)
                )
                .await,
            Err(StoreError::Stalled)
        ));
        assert_eq!(names(&folder.path().join("incoming")), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_body_that_drips_is_given_up_though_it_never_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        let object = NewObject {
            key: "a".to_owned(),
            size: 1_000,
            ..Default::default()
        };
        let dripping = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"x")), ()))
        });
        let given_up = store
            .write(
                object,
                store.folders.path("a").unwrap(),
                dripping,
                Duration::from_millis(100),
            )
            .await;
        assert!(matches!(given_up, Err(StoreError::Stalled)));
        assert_eq!(names(&folder.path().join("incoming")), Vec::<String>::new());
    }

    #[tokio::test]
    async fn of_two_bodies_for_one_key_the_second_is_refused_while_the_first_is_on_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        let object = NewObject {
            key: "a".to_owned(),
            size: 4,
            ..Default::default()
        };
        let waiting = futures::stream::pending::<io::Result<Bytes>>();
        let mut first = std::pin::pin!(store.put(object, waiting));
        let second = loop {
            tokio::select! {
                biased;
                _ = &mut first => unreachable!("its body never comes"),
                second = put(&store, "a", b"body", IfExists::Keep) => match second {
                    // The first had not begun.
                    Ok(_) => assert!(store.delete("a").await.unwrap()),
                    Err(error) => break error,
                }
            }
        };
        assert!(matches!(second, StoreError::Busy), "{second}");
        assert_eq!(names(&folder.path().join("incoming")).len(), 1);
    }

    #[test]
    fn a_full_disk_and_a_used_up_quota_are_told_from_a_broken_disk() {
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::QuotaExceeded,
            io::ErrorKind::FileTooLarge,
        ] {
            assert!(matches!(
                StoreError::from(io::Error::from(kind)),
                StoreError::Full(_)
            ));
        }
        assert!(matches!(
            StoreError::from(io::Error::other("i/o")),
            StoreError::Io(_)
        ));
    }
}
