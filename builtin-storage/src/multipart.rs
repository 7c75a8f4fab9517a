//! Objects that come in parts (S3's multipart uploads), so that a cut line costs one part and not the file.
//!
//! An upload is one folder in `multipart/`: `upload.json` says of which object, and each part is a file in the layout of an
//! object. Completing it joins the parts to an object under a temporary name, which then appears at once and whole as any
//! other; until then nothing of it can be read. Uploads survive a restart; whoever began one ends it.

use std::{
    fs::{self, File},
    io::{self, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::Stream;
use s3s::crypto::{Checksum as _, Md5};
use serde::{Deserialize, Serialize};

use super::store::{
    BODY_STALL, DiskStore, Folders, IfExists, MAX_KEY, NewObject, ObjectMetadata, OpenObject, StoreError,
    Trailer, blocking, check_space, sync_folder, write_trailer,
};

/// The most parts of an object, as in S3; their numbers begin at 1.
pub(super) const MAX_PARTS: u16 = 10_000;
/// The length of an upload's id, in letters and digits.
const ID_LENGTH: usize = 32;
/// How long the parts of an upload stay whose description is lost.
const DAMAGED_KEPT: Duration = Duration::from_secs(24 * 3600);
/// The file that makes a folder an upload.
const DESCRIPTION: &str = "upload.json";

/// An upload in parts: the object that it will be, and the id that [`DiskStore::begin_multipart`] gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartUpload {
    /// The key of the object.
    pub key: String,
    /// The id of the upload.
    pub id: String,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartMetadata {
    /// From 1 to 10,000; the order in the object.
    pub number: u16,
    /// Length in bytes.
    pub size: u64,
    /// MD5 of its bytes, in hex: the entity tag, without quotes.
    pub md5: String,
    /// When its last byte was written.
    pub created: SystemTime,
}

/// A part that an object is to be joined of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPart {
    /// Its number.
    pub number: u16,
    /// The entity tag that it must have, without quotes.
    pub md5: String,
}

#[derive(Serialize, Deserialize)]
struct Description {
    key: String,
    content_type: String,
}

impl DiskStore {
    /// Begins an object that comes in parts; the id of the upload.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn begin_multipart(&self, key: &str, content_type: &str) -> Result<String, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(StoreError::Key);
        }
        let description = Description {
            key: key.to_owned(),
            content_type: content_type.to_owned(),
        };
        let folders = Arc::clone(&self.folders);
        blocking(move || {
            check_space(&folders.multipart, 0)?;
            let folder = tempfile::Builder::new()
                .prefix("")
                .rand_bytes(ID_LENGTH)
                .tempdir_in(&folders.multipart)?;
            let mut file = tempfile::NamedTempFile::new_in(folder.path())?;
            serde_json::to_writer(&mut file, &description).map_err(io::Error::from)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(folder.path().join(DESCRIPTION))
                .map_err(|refused| refused.error)?;
            let folder = folder.keep();
            sync_folder(&folder)?;
            sync_folder(&folders.multipart)?;
            match folder.file_name().and_then(|name| name.to_str()) {
                Some(id) => Ok(id.to_owned()),
                None => Err(StoreError::Damaged),
            }
        })
        .await
    }

    /// Writes a part from `body`, in place of one that had its number. `part` holds its length and digests.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::NotFound`] where there is no such upload.
    pub async fn put_part<E>(
        &self,
        upload: &MultipartUpload,
        number: u16,
        part: NewObject,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<ObjectMetadata, StoreError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (folder, _) = self.folder_of(upload).await?;
        self.write(part, folder.join(part_name(number)), body, BODY_STALL)
            .await
    }

    /// The parts that have arrived, in the order of their numbers.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::NotFound`] where there is no such upload.
    pub async fn parts(&self, upload: &MultipartUpload) -> Result<Vec<PartMetadata>, StoreError> {
        let (folder, _) = self.folder_of(upload).await?;
        blocking(move || {
            let mut parts = Vec::new();
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let number = entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.strip_prefix("part-")?.parse().ok());
                let Some(number) = number else { continue };
                let facts = match OpenObject::open(&entry.path()) {
                    Ok(part) => part.facts,
                    // As good as one that has not come: it is sent again, in its place.
                    Err(StoreError::NotFound | StoreError::Damaged) => continue,
                    Err(error) => return Err(error),
                };
                parts.push(PartMetadata {
                    number,
                    size: facts.size,
                    md5: facts.md5,
                    created: facts.created,
                });
            }
            parts.sort_unstable_by_key(|part| part.number);
            Ok(parts)
        })
        .await
    }

    /// Joins the parts to the object, which appears at once and whole; what else of the upload had arrived is gone.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Part`] where one of them is not there as it should be, and then nothing changes.
    pub async fn complete_multipart(
        &self,
        upload: MultipartUpload,
        wanted: Vec<WantedPart>,
        if_exists: IfExists,
    ) -> Result<ObjectMetadata, StoreError> {
        let (folder, description) = self.folder_of(&upload).await?;
        let folders = Arc::clone(&self.folders);
        blocking(move || {
            let joined = join(&folders, description, &folder, &wanted, if_exists)?;
            // The object is there, whatever becomes of its parts; a sweep finds them.
            if let Err(error) = remove(&folders, folder) {
                tracing::warn!(error = %error, "the parts of a complete object were not removed");
            }
            Ok(joined)
        })
        .await
    }

    /// Gives an upload up and removes its parts. Returns whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn abort_multipart(&self, upload: &MultipartUpload) -> Result<bool, StoreError> {
        let folder = match self.folder_of(upload).await {
            Ok((folder, _)) => folder,
            Err(StoreError::NotFound) => return Ok(false),
            Err(error) => return Err(error),
        };
        let folders = Arc::clone(&self.folders);
        blocking(move || remove(&folders, folder)).await?;
        Ok(true)
    }

    /// The uploads whose objects begin with `prefix`, and when each began, in the order of key and id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn multipart_uploads(
        &self,
        prefix: &str,
    ) -> Result<Vec<(MultipartUpload, SystemTime)>, StoreError> {
        let (folders, prefix) = (Arc::clone(&self.folders), prefix.to_owned());
        blocking(move || {
            let mut uploads = Vec::new();
            for entry in fs::read_dir(&folders.multipart)? {
                let path = entry?.path();
                let Some(id) = path.file_name().and_then(|name| name.to_str()) else {
                    continue;
                };
                let (description, began) = match describe(&path) {
                    Ok(described) => described,
                    // Being begun, or removed since the folder was read.
                    Err(StoreError::NotFound) => continue,
                    // Nobody can name it any more, and it must hide none of those that are whole.
                    Err(error) => {
                        tracing::error!(%error, "an upload in parts is damaged");
                        remove_damaged(&folders, path, &error);
                        continue;
                    }
                };
                if description.key.starts_with(&prefix) {
                    let (key, id) = (description.key, id.to_owned());
                    uploads.push((MultipartUpload { key, id }, began));
                }
            }
            uploads
                .sort_unstable_by(|(one, _), (other, _)| (&one.key, &one.id).cmp(&(&other.key, &other.id)));
            Ok(uploads)
        })
        .await
    }

    /// The folder of an upload and what it says; [`StoreError::NotFound`] where it is not one, or one of another object.
    async fn folder_of(&self, upload: &MultipartUpload) -> Result<(PathBuf, Description), StoreError> {
        let is_id =
            upload.id.len() == ID_LENGTH && upload.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id {
            return Err(StoreError::NotFound);
        }
        let folder = self.folders.multipart.join(&upload.id);
        let key = upload.key.clone();
        blocking(move || {
            let (description, _) = describe(&folder)?;
            if description.key == key {
                Ok((folder, description))
            } else {
                Err(StoreError::NotFound)
            }
        })
        .await
    }
}

fn part_name(number: u16) -> String {
    format!("part-{number:05}")
}

fn describe(folder: &Path) -> Result<(Description, SystemTime), StoreError> {
    let file = File::open(folder.join(DESCRIPTION))?;
    let began = file.metadata()?.modified()?;
    let description = serde_json::from_reader(file).map_err(|_| StoreError::Damaged)?;
    Ok((description, began))
}

fn join(
    folders: &Folders,
    description: Description,
    folder: &Path,
    wanted: &[WantedPart],
    if_exists: IfExists,
) -> Result<ObjectMetadata, StoreError> {
    let target = folders.path(&description.key)?;
    if if_exists == IfExists::Keep && fs::exists(&target)? {
        return Err(StoreError::Exists);
    }
    let in_order = wanted
        .windows(2)
        .all(|pair| matches!(pair, [one, next] if one.number < next.number));
    if wanted.is_empty() || !in_order {
        return Err(StoreError::Part);
    }
    // All are looked at before the first byte is copied.
    let mut size = 0;
    for part in wanted {
        size += open_part(folder, part)?.facts.size;
    }
    check_space(&folders.incoming, size)?;
    let mut file = tempfile::NamedTempFile::new_in(&folders.incoming)?;
    let mut tags = Md5::default();
    let mut copied = 0;
    for wanted in wanted {
        let mut part = open_part(folder, wanted)?;
        tags.update(&hex::decode(&part.facts.md5).map_err(|_| StoreError::Damaged)?);
        part.file.seek(SeekFrom::Start(0))?;
        // From file to file the kernel copies, where it can without moving a byte.
        copied += io::copy(
            &mut io::Read::take(&mut part.file, part.facts.size),
            file.as_file_mut(),
        )?;
    }
    if copied != size {
        return Err(StoreError::Damaged);
    }
    let trailer = Trailer {
        key: description.key,
        content_type: description.content_type,
        size,
        // As S3 makes the tag of an object that came in parts.
        md5: format!("{}-{}", hex::encode(tags.finalize()), wanted.len()),
    };
    let created = write_trailer(file, &trailer, &target, if_exists)?;
    Ok(trailer.into_facts(created))
}

fn open_part(folder: &Path, wanted: &WantedPart) -> Result<OpenObject, StoreError> {
    match OpenObject::open(&folder.join(part_name(wanted.number))) {
        Ok(part) if part.facts.md5 == wanted.md5 => Ok(part),
        Ok(_) | Err(StoreError::NotFound | StoreError::Damaged) => Err(StoreError::Part),
        Err(error) => Err(error),
    }
}

/// Removes the description first: from then on there is no such upload, wherever a crash ends the rest.
fn remove(folders: &Folders, folder: PathBuf) -> Result<(), StoreError> {
    match fs::remove_file(folder.join(DESCRIPTION)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::remove_dir_all(&folder)?;
    sync_folder(&folders.multipart)?;
    Ok(())
}

/// Removes an upload whose description is lost, once it is a day old: its parts are somebody's audio, and nothing else finds them.
/// Where it only could not be read, it is left.
fn remove_damaged(folders: &Folders, folder: PathBuf, error: &StoreError) {
    let is_old = fs::metadata(folder.join(DESCRIPTION))
        .and_then(|file| file.modified())
        .is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= DAMAGED_KEPT));
    if is_old
        && matches!(error, StoreError::Damaged)
        && let Err(error) = remove(folders, folder)
    {
        tracing::error!(%error, "an upload in parts that is damaged was not removed");
    }
}

/// Removes folders that a crash left without a description, when nobody else is at work. Young ones may be another's.
pub(super) fn tidy(multipart: &Path) -> io::Result<()> {
    for entry in fs::read_dir(multipart)? {
        let path = entry?.path();
        if !fs::exists(path.join(DESCRIPTION))? {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store() -> (tempfile::TempDir, DiskStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        (folder, store)
    }

    async fn begun(store: &DiskStore) -> MultipartUpload {
        MultipartUpload {
            key: "a/1/2/source".to_owned(),
            id: store.begin_multipart("a/1/2/source", "audio/wav").await.unwrap(),
        }
    }

    async fn put(
        store: &DiskStore,
        upload: &MultipartUpload,
        number: u16,
        body: &'static [u8],
    ) -> Result<WantedPart, StoreError> {
        let part = NewObject {
            size: body.len() as u64,
            if_exists: IfExists::Replace,
            ..NewObject::default()
        };
        let stream = futures::stream::iter([Ok::<_, io::Error>(Bytes::from_static(body))]);
        let md5 = store.put_part(upload, number, part, stream).await?.md5;
        Ok(WantedPart { number, md5 })
    }

    async fn bytes(store: &DiskStore, key: &str) -> Vec<u8> {
        use futures::TryStreamExt as _;
        let object = store.open_object(key).await.unwrap();
        let stream = object.into_stream(0..u64::MAX).await.unwrap();
        stream.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    #[tokio::test]
    async fn parts_become_one_object_whatever_the_order_in_which_they_came() {
        let (folder, store) = store().await;
        let upload = begun(&store).await;
        let second = put(&store, &upload, 2, b"world").await.unwrap();
        put(&store, &upload, 1, b"lost ").await.unwrap();
        let first = put(&store, &upload, 1, b"hello ").await.unwrap();
        assert!(matches!(
            store.facts(&upload.key).await,
            Err(StoreError::NotFound)
        ));
        let sizes: Vec<_> = store
            .parts(&upload)
            .await
            .unwrap()
            .iter()
            .map(|part| part.size)
            .collect();
        assert_eq!(sizes, [6, 5]);
        // A restart in between loses nothing.
        drop(store);
        let store = DiskStore::open(folder.path()).await.unwrap();
        let facts = store
            .complete_multipart(upload.clone(), vec![first, second], IfExists::Keep)
            .await
            .unwrap();
        assert_eq!((facts.size, facts.content_type.as_str()), (11, "audio/wav"));
        assert!(facts.md5.ends_with("-2"));
        assert_eq!(bytes(&store, &upload.key).await, b"hello world");
        assert!(matches!(store.parts(&upload).await, Err(StoreError::NotFound)));
        assert_eq!(store.multipart_uploads("").await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_is_not_there_as_it_should_be_joins_nothing() {
        let (_folder, store) = store().await;
        let upload = begun(&store).await;
        let part = put(&store, &upload, 1, b"one").await.unwrap();
        let other = WantedPart {
            md5: "0".repeat(32),
            ..part.clone()
        };
        let missing = WantedPart {
            number: 2,
            ..part.clone()
        };
        for wanted in [
            vec![],
            vec![other],
            vec![part.clone(), missing],
            vec![part.clone(), part.clone()],
        ] {
            let joined = store
                .complete_multipart(upload.clone(), wanted, IfExists::Keep)
                .await;
            assert!(matches!(joined, Err(StoreError::Part)), "{joined:?}");
        }
        store
            .complete_multipart(upload, vec![part], IfExists::Keep)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_object_that_is_there_is_kept() {
        let (_folder, store) = store().await;
        let (one, other) = (begun(&store).await, begun(&store).await);
        let parts = [
            put(&store, &one, 1, b"first").await.unwrap(),
            put(&store, &other, 1, b"second").await.unwrap(),
        ];
        let [first, second] = parts.map(|part| vec![part]);
        store
            .complete_multipart(one, first, IfExists::Keep)
            .await
            .unwrap();
        let refused = store
            .complete_multipart(other.clone(), second, IfExists::Keep)
            .await;
        assert!(matches!(refused, Err(StoreError::Exists)));
        assert_eq!(bytes(&store, &other.key).await, b"first");
    }

    #[tokio::test]
    async fn a_damaged_upload_hides_none_of_the_others_and_is_gone_after_a_day() {
        let (folder, store) = store().await;
        let (damaged, whole) = (begun(&store).await, begun(&store).await);
        put(&store, &damaged, 1, b"one").await.unwrap();
        let path = folder.path().join("multipart").join(&damaged.id);
        fs::write(path.join(DESCRIPTION), "{").unwrap();
        let listed = async || {
            let uploads = store.multipart_uploads("").await.unwrap();
            uploads.into_iter().map(|(upload, _)| upload).collect::<Vec<_>>()
        };
        assert_eq!(listed().await, std::slice::from_ref(&whole));
        assert!(path.exists(), "whoever looks after it may still mend it");
        let description = File::options().write(true).open(path.join(DESCRIPTION)).unwrap();
        let written = description.metadata().unwrap().modified().unwrap();
        description.set_modified(written - DAMAGED_KEPT).unwrap();
        assert_eq!(listed().await, [whole]);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_damaged_part_is_one_that_has_not_come() {
        let (folder, store) = store().await;
        let upload = begun(&store).await;
        let (first, second) = (
            put(&store, &upload, 1, b"one").await.unwrap(),
            put(&store, &upload, 2, b"two").await.unwrap(),
        );
        let part = folder
            .path()
            .join("multipart")
            .join(&upload.id)
            .join(part_name(1));
        fs::write(part, "o").unwrap();
        let numbers: Vec<u16> = store
            .parts(&upload)
            .await
            .unwrap()
            .iter()
            .map(|part| part.number)
            .collect();
        assert_eq!(numbers, [2]);
        let wanted = vec![first, second.clone()];
        let joined = store
            .complete_multipart(upload.clone(), wanted, IfExists::Keep)
            .await;
        assert!(matches!(joined, Err(StoreError::Part)), "{joined:?}");
        let first = put(&store, &upload, 1, b"one").await.unwrap();
        store
            .complete_multipart(upload, vec![first, second], IfExists::Keep)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_leaves_nothing() {
        let (folder, store) = store().await;
        let upload = begun(&store).await;
        put(&store, &upload, 1, b"one").await.unwrap();
        let stranger = MultipartUpload {
            key: "a/9/9/source".to_owned(),
            ..upload.clone()
        };
        assert!(
            !store.abort_multipart(&stranger).await.unwrap(),
            "of another object"
        );
        let listed = store.multipart_uploads("a/1/").await.unwrap();
        assert!(listed.iter().map(|(upload, _)| upload).eq([&upload]));
        assert!(store.abort_multipart(&upload).await.unwrap());
        assert!(!store.abort_multipart(&upload).await.unwrap());
        assert!(matches!(
            put(&store, &upload, 2, b"late").await,
            Err(StoreError::NotFound)
        ));
        assert_eq!(fs::read_dir(folder.path().join("multipart")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn an_id_is_never_a_path() {
        let (_folder, store) = store().await;
        let upload = begun(&store).await;
        let long = format!("../{}", &upload.id[3..]);
        for id in ["", "..", "../objects", "a/b", long.as_str()] {
            let upload = MultipartUpload {
                id: id.to_owned(),
                ..upload.clone()
            };
            assert!(
                matches!(store.parts(&upload).await, Err(StoreError::NotFound)),
                "{id}"
            );
        }
    }

    #[tokio::test]
    async fn what_a_crash_left_without_a_description_is_removed() {
        let (folder, store) = store().await;
        let upload = begun(&store).await;
        let left = folder.path().join("multipart/halfbegun");
        fs::create_dir(&left).unwrap();
        drop(store);
        let store = DiskStore::open(folder.path()).await.unwrap();
        assert!(!left.exists());
        assert_eq!(store.parts(&upload).await.unwrap(), []);
    }
}
