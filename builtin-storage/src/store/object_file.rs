//! The file that an object is.
//!
//! ```text
//! bytes of the object | trailer, JSON | length of the trailer, u32 big-endian | b"MIXLOBJ1"
//! ```

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::Path,
    time::SystemTime,
};

use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{CHUNK, IfExists, ObjectMetadata, StoreError, sync_folder};

/// Marks the end of every object; the digit is the version of the layout.
const MAGIC: &[u8; 8] = b"MIXLOBJ1";
/// The fixed end of a trailer: its length and the magic.
const TAIL: u64 = 12;
/// A trailer holds a key (1,024 bytes at most, six times that in JSON), a media type and a digest.
const MAX_TRAILER: u64 = 16 * 1024;

#[derive(Serialize, Deserialize)]
pub(crate) struct Trailer {
    pub(crate) key: String,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    pub(crate) md5: String,
}

/// Ends a file in the layout of an object and gives it its name, on the disk; when its last byte was written.
pub(crate) fn write_trailer(
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
    pub(crate) fn into_facts(self, created: SystemTime) -> ObjectMetadata {
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
    pub(crate) file: File,
}

impl OpenObject {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
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
