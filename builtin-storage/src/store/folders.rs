//! The folders of a store: which file an object is, and which objects there are.

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Mutex,
    time::SystemTime,
};

use s3s::crypto::Checksum as _;

use super::{MAX_KEY, ObjectMetadata, OpenObject, Page, StoreError};
use crate::multipart;

/// Longer keys are named by their hash: twice this and a prefix stay below the 255 bytes of a file name.
const MAX_HEX_KEY: usize = 120;

#[derive(Debug)]
pub(crate) struct Folders {
    pub(super) objects: PathBuf,
    pub(crate) incoming: PathBuf,
    pub(crate) multipart: PathBuf,
    /// The files whose bodies are on their way: one at a time, so that one permission never holds more than its bytes.
    pub(super) writing: Mutex<HashSet<PathBuf>>,
    /// Shared by every process that has the folder open; see [`Folders::open`].
    _lock: File,
}

impl Folders {
    /// Every process holds a shared lock. Only one that gets the exclusive lock first, hence is alone, removes
    /// temporary files: they might be another's uploads.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
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

    pub(crate) fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
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

    pub(super) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
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

/// A rename or an unlink is on the disk only when its folder is.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
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
