//! Objects that come in parts, each by a signed PUT of its own, so that a cut line costs one part (S3's multipart uploads).

use std::time::Duration;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::TryStreamExt as _;
use model::Timestamp;

use super::{Error, Key, KeyOwner, Prefix, PresignedPut, Storage, key, patience, presigning, sdk};

/// A part of an upload that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// From 1 on; the order in the object.
    pub number: u32,
    /// Length in bytes.
    pub size: u64,
    /// The storage's tag of this content, with its quotes.
    pub etag: String,
}

/// An upload in parts that is neither complete nor given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The name that its object would have.
    pub key: Key,
    /// What that would belong to.
    pub owner: KeyOwner,
    /// The storage's id of it.
    pub multipart: String,
    /// When it began, by the clock of the storage.
    pub began: Timestamp,
}

impl Storage {
    /// Begins an object that comes in parts; the storage's id of the upload.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn begin_multipart(&self, key: &Key, content_type: &str) -> Result<String, Error> {
        let request = self.client.create_multipart_upload().bucket(&self.bucket);
        let begun = request.key(key.as_str()).content_type(content_type).send().await;
        begun
            .map_err(sdk)?
            .upload_id
            .ok_or_else(|| Error::Refused("an upload in parts without an id".into()))
    }

    /// Signs one PUT of one part: upload, number and exact length, from `now` for `expires_in`.
    ///
    /// # Errors
    /// [`Error::Refused`] when `expires_in` is longer than S3's seven days.
    pub async fn presign_part(
        &self,
        key: &Key,
        multipart: &str,
        number: u32,
        content_length: u64,
        expires_in: Duration,
        now: Timestamp,
    ) -> Result<PresignedPut, Error> {
        let length = i64::try_from(content_length).map_err(|error| Error::Refused(error.into()))?;
        let number = i32::try_from(number).map_err(|error| Error::Refused(error.into()))?;
        let request = self
            .public
            .upload_part()
            .bucket(&self.bucket)
            .key(key.as_str())
            .upload_id(multipart)
            .part_number(number)
            .content_length(length)
            .presigned(presigning(expires_in, now)?)
            .await
            .map_err(sdk)?;
        Ok(PresignedPut::of(&request))
    }

    /// The parts that have arrived, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the upload was completed or given up; [`Error::Refused`], [`Error::Unavailable`].
    pub async fn parts(&self, key: &Key, multipart: &str) -> Result<Vec<StoredPart>, Error> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let request = self.client.list_parts().bucket(&self.bucket).key(key.as_str());
            let page = request
                .upload_id(multipart)
                .set_part_number_marker(after)
                .send()
                .await
                .map_err(sdk)?;
            found.extend(page.parts.unwrap_or_default().into_iter().filter_map(|part| {
                Some(StoredPart {
                    number: u32::try_from(part.part_number?).ok()?,
                    size: u64::try_from(part.size?).ok()?,
                    etag: part.e_tag?,
                })
            }));
            after = page.next_part_number_marker;
            if page.is_truncated != Some(true) || after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Joins these parts to the object, unless there is one already.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the object is there; [`Error::NotFound`] where the upload was completed or given up;
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn complete_multipart(
        &self,
        key: &Key,
        multipart: &str,
        parts: &[StoredPart],
    ) -> Result<(), Error> {
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let parts = parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(i32::try_from(part.number).unwrap_or(i32::MAX))
                .e_tag(&part.etag)
                .build()
        });
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket);
        request
            .key(key.as_str())
            .upload_id(multipart)
            .if_none_match("*")
            .multipart_upload(parts)
            .customize()
            .config_override(patience(size))
            .send()
            .await
            .map_err(sdk)?;
        Ok(())
    }

    /// Gives an upload up, its parts with it. That it was not there is no error.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn abort_multipart(&self, key: &Key, multipart: &str) -> Result<(), Error> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket);
        match request
            .key(key.as_str())
            .upload_id(multipart)
            .send()
            .await
            .map_err(sdk)
        {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The uploads of all accounts that are neither complete nor given up.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn unfinished_uploads(&self) -> Result<Vec<UnfinishedUpload>, Error> {
        self.unfinished(key::ACCOUNTS).await
    }

    /// Gives up every upload in parts under a prefix.
    pub(super) async fn abort_prefix(&self, prefix: &Prefix) -> Result<(), Error> {
        let uploads = self.unfinished(prefix.as_str()).await?;
        futures::stream::iter(uploads.into_iter().map(Ok))
            .try_for_each(|upload| async move { self.abort_multipart(&upload.key, &upload.multipart).await })
            .await
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>, Error> {
        let mut found = Vec::new();
        let (mut after_key, mut after_id) = (None, None);
        loop {
            let request = self.client.list_multipart_uploads().bucket(&self.bucket);
            let page = request
                .prefix(prefix)
                .set_key_marker(after_key)
                .set_upload_id_marker(after_id)
                .send()
                .await
                .map_err(sdk)?;
            found.extend(page.uploads.unwrap_or_default().into_iter().filter_map(|upload| {
                let (key, owner) = Key::parse(upload.key.as_deref()?)?;
                Some(UnfinishedUpload {
                    key,
                    owner,
                    multipart: upload.upload_id?,
                    began: Timestamp(upload.initiated?.to_millis().ok()?),
                })
            }));
            (after_key, after_id) = (page.next_key_marker, page.next_upload_id_marker);
            if page.is_truncated != Some(true) || after_key.is_none() {
                return Ok(found);
            }
        }
    }
}
