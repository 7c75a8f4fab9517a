//! The few operations of S3 that MixLens uses, over a [`DiskStore`], and who may call which.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::format::AudioFormat;
use s3s::{
    S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    access::{S3Access, S3AccessContext},
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
        DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
        ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
        HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
        ListObjectsV2Output, ListPartsInput, ListPartsOutput, MultipartUpload as ListedUpload, Object, Part,
        PutObjectInput, PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
    },
    path::S3Path,
    s3_error,
};

use super::{
    ARCHIVE,
    gate::Signed,
    multipart::{MAX_PARTS, MultipartUpload, WantedPart},
    store::{DiskStore, IfExists, MAX_KEY, NewObject, ObjectMetadata, StoreError},
};

/// Keys of one page of a listing, and of one `DeleteObjects`.
const PAGE: usize = 1_000;
/// Under this, objects belong to accounts: audio, and archives of what is held about a person. There is nothing else.
const ACCOUNTS: &str = "a/";
/// The hashes of what was deleted, which are no account's.
const LEDGER: &str = "ledger/deletions.txt";

/// Asked by s3s once the signature is verified.
pub(super) struct Access {
    pub(super) bucket: String,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Every request must be signed"));
        }
        let by_url = match context.extensions_mut().get::<Signed>() {
            Some(signed) => *signed == Signed::Url,
            None => {
                return Err(s3_error!(
                    AccessDenied,
                    "The request did not come through the gate"
                ));
            }
        };
        match context.s3_op().name() {
            "GetObject" | "HeadObject" | "PutObject" | "UploadPart" => {}
            "DeleteObject" | "DeleteObjects" | "HeadBucket" | "ListObjectsV2" if !by_url => {}
            "AbortMultipartUpload"
            | "CompleteMultipartUpload"
            | "CreateMultipartUpload"
            | "ListMultipartUploads"
            | "ListParts"
                if !by_url => {}
            _ if by_url => return Err(s3_error!(AccessDenied, "A signed URL reads or writes one object")),
            _ => {
                return Err(s3_error!(
                    NotImplemented,
                    "This service does not have that operation"
                ));
            }
        }
        if context.s3_path().get_bucket_name() != Some(&self.bucket) {
            return Err(s3_error!(NoSuchBucket));
        }
        match context.s3_path() {
            S3Path::Object { key, .. } => check_key(key),
            _ => Ok(()),
        }
    }
}

/// The store would take any key safely. A key that could mean a path to somebody else is still not taken.
fn check_key(key: &str) -> S3Result<()> {
    if key.len() > MAX_KEY {
        return Err(s3_error!(KeyTooLongError));
    }
    let plain = key
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if plain && !key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        Ok(())
    } else {
        Err(s3_error!(
            InvalidArgument,
            "The key is not of the form that this service accepts"
        ))
    }
}

/// Whether `key` is `a/<account>/exports/<export>.zip`.
fn names_an_export(key: &str) -> bool {
    let mut parts = key.split('/').skip(2);
    parts.next() == Some("exports")
        && parts.next().is_some_and(|name| name.ends_with(".zip"))
        && parts.next().is_none()
}

/// The digests that a body was declared with; the inputs of S3's operations name them alike and share no type.
macro_rules! digests {
    ($input:ident) => {
        Checksum {
            checksum_crc32: $input.checksum_crc32,
            checksum_crc32c: $input.checksum_crc32c,
            checksum_crc64nvme: $input.checksum_crc64nvme,
            checksum_sha1: $input.checksum_sha1,
            checksum_sha256: $input.checksum_sha256,
            checksum_type: None,
        }
    };
}

/// How many rows a page of a listing has, where so many were asked for.
fn page_limit(wanted: Option<i32>) -> usize {
    wanted.map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(0).min(PAGE))
}

pub(super) struct Operations {
    pub(super) store: DiskStore,
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let content_type = input.content_type.unwrap_or_default();
        check_kind(&input.key, &content_type)?;
        let if_exists = if_exists(input.if_none_match.as_ref(), input.if_match.as_ref())?;
        let object = NewObject {
            key: input.key,
            content_type,
            size: length(input.content_length)?,
            if_exists,
            content_md5: input.content_md5,
            checksum: digests!(input),
        };
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let facts = self.store.put(object, body).await.map_err(refusal)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(facts.md5)),
            ..Default::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let object = self.store.open_object(&input.key).await.map_err(refusal)?;
        let facts = object.facts.clone();
        check_conditions(&facts, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let e_tag = ETag::Strong(facts.md5.clone());
        let stale = |wanted: &HeaderValue| e_tag.to_http_header().is_ok_and(|current| *wanted != current);
        let range = input
            .range
            .filter(|_| !request.headers.get(header::IF_RANGE).is_some_and(stale));
        let bytes = match range {
            // s3s finds the last n bytes of an empty object satisfiable; they cannot be written as a range.
            Some(range) => range.check(facts.size).ok().filter(|bytes| !bytes.is_empty()),
            None => Some(0..facts.size),
        };
        let bytes = bytes.ok_or_else(|| unsatisfiable(facts.size))?;
        let content_range = range.map(|_| format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, facts.size));
        let length = bytes.end - bytes.start;
        let body = object
            .into_stream(bytes)
            .await
            .map_err(|error| refusal(error.into()))?;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::wrap(body)),
            content_length: i64::try_from(length).ok(),
            content_range,
            content_type: Some(facts.content_type),
            e_tag: Some(e_tag),
            last_modified: Some(facts.created.into()),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let facts = self.store.facts(&input.key).await.map_err(refusal)?;
        check_conditions(&facts, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(facts.size).ok(),
            content_type: Some(facts.content_type),
            e_tag: Some(ETag::Strong(facts.md5)),
            last_modified: Some(facts.created.into()),
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        if input.if_match.is_some()
            || input.if_match_size.is_some()
            || input.if_match_last_modified_time.is_some()
        {
            return Err(s3_error!(NotImplemented, "DELETE takes no conditions"));
        }
        self.store.delete(&input.key).await.map_err(refusal)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let delete = request.input.delete;
        if delete.objects.len() > PAGE {
            return Err(s3_error!(MalformedXML));
        }
        let mut deleted = Vec::with_capacity(delete.objects.len());
        for object in delete.objects {
            check_key(&object.key)?;
            self.store.delete(&object.key).await.map_err(refusal)?;
            deleted.push(DeletedObject {
                key: Some(object.key),
                ..Default::default()
            });
        }
        let deleted = (!delete.quiet.unwrap_or(false)).then_some(deleted);
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted,
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let limit = page_limit(input.max_keys);
        // The token is simply the last key of the page before.
        let after = input
            .continuation_token
            .as_deref()
            .or(input.start_after.as_deref());
        let page = self.store.list(&prefix, after, limit).await.map_err(refusal)?;
        let next = page
            .objects
            .last()
            .filter(|_| page.truncated)
            .map(|last| last.key.clone());
        let contents: Vec<_> = page
            .objects
            .into_iter()
            .map(|facts| Object {
                e_tag: Some(ETag::Strong(facts.md5)),
                key: Some(facts.key),
                last_modified: Some(facts.created.into()),
                size: i64::try_from(facts.size).ok(),
                ..Default::default()
            })
            .collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            key_count: i32::try_from(contents.len()).ok(),
            max_keys: i32::try_from(limit).ok(),
            is_truncated: Some(next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: next,
            start_after: input.start_after,
            contents: Some(contents),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let content_type = input.content_type.unwrap_or_default();
        check_kind(&input.key, &content_type)?;
        let id = self.store.begin_multipart(&input.key, &content_type).await;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id.map_err(refusal)?),
            ..Default::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let number = part_number(input.part_number)?;
        let part = NewObject {
            key: input.key.clone(),
            content_type: String::new(),
            size: length(input.content_length)?,
            if_exists: IfExists::Replace,
            content_md5: input.content_md5,
            checksum: digests!(input),
        };
        let upload = MultipartUpload {
            key: input.key,
            id: input.upload_id,
        };
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let facts = self.store.put_part(&upload, number, part, body).await;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(facts.map_err(no_upload)?.md5)),
            ..Default::default()
        }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let upload = MultipartUpload {
            key: input.key,
            id: input.upload_id,
        };
        let limit = page_limit(input.max_parts);
        let after = input.part_number_marker.unwrap_or(0);
        let parts = self.store.parts(&upload).await.map_err(no_upload)?;
        let mut parts = parts.into_iter().filter(|part| i32::from(part.number) > after);
        let page: Vec<_> = parts.by_ref().take(limit).collect();
        let next = parts
            .next()
            .and_then(|_| page.last())
            .map(|part| i32::from(part.number));
        let page = page.into_iter().map(|part| Part {
            e_tag: Some(ETag::Strong(part.md5)),
            last_modified: Some(part.created.into()),
            part_number: Some(part.number.into()),
            size: i64::try_from(part.size).ok(),
            ..Default::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(upload.key),
            upload_id: Some(upload.id),
            max_parts: i32::try_from(limit).ok(),
            part_number_marker: Some(after),
            is_truncated: Some(next.is_some()),
            next_part_number_marker: next,
            parts: Some(page.collect()),
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let if_exists = if_exists(input.if_none_match.as_ref(), input.if_match.as_ref())?;
        let parts = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let wanted = parts.into_iter().map(|part| {
            let md5 = part.e_tag.map(|tag| tag.value().to_owned());
            Ok(WantedPart {
                number: part_number(part.part_number.unwrap_or(0))?,
                md5: md5.ok_or_else(|| s3_error!(InvalidPart))?,
            })
        });
        let wanted = wanted.collect::<S3Result<Vec<_>>>()?;
        let upload = MultipartUpload {
            key: input.key.clone(),
            id: input.upload_id,
        };
        let facts = self.store.complete_multipart(upload, wanted, if_exists).await;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(facts.map_err(no_upload)?.md5)),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        let upload = MultipartUpload {
            key: input.key,
            id: input.upload_id,
        };
        if self.store.abort_multipart(&upload).await.map_err(refusal)? {
            Ok(S3Response::new(AbortMultipartUploadOutput::default()))
        } else {
            Err(s3_error!(NoSuchUpload))
        }
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let limit = page_limit(input.max_uploads);
        let after = input.key_marker.clone().map(|key| {
            // Without the id, what follows is behind all uploads of the key.
            (key, input.upload_id_marker.clone())
        });
        let is_after = |upload: &MultipartUpload| match &after {
            None => true,
            Some((key, None)) => upload.key > *key,
            Some((key, Some(id))) => (&upload.key, &upload.id) > (key, id),
        };
        let uploads = self.store.multipart_uploads(&prefix).await.map_err(refusal)?;
        let mut uploads = uploads.into_iter().filter(|(upload, _)| is_after(upload));
        let page: Vec<_> = uploads.by_ref().take(limit).collect();
        let next = uploads
            .next()
            .and_then(|_| page.last())
            .map(|(upload, _)| upload.clone());
        let page = page.into_iter().map(|(upload, began)| ListedUpload {
            key: Some(upload.key),
            upload_id: Some(upload.id),
            initiated: Some(began.into()),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: Some(prefix),
            key_marker: input.key_marker,
            upload_id_marker: input.upload_id_marker,
            max_uploads: i32::try_from(limit).ok(),
            is_truncated: Some(next.is_some()),
            next_key_marker: next.as_ref().map(|next| next.key.clone()),
            next_upload_id_marker: next.map(|next| next.id),
            uploads: Some(page.collect()),
            ..Default::default()
        }))
    }

    async fn head_bucket(&self, _: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store.ready().await.map_err(refusal)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }
}

/// Only audio and exports, each under an account, and the ledger of deletions.
fn check_kind(key: &str, content_type: &str) -> S3Result<()> {
    let is_known = if names_an_export(key) {
        content_type == ARCHIVE
    } else {
        AudioFormat::from_media_type(content_type).is_some()
    };
    let is_ledger = key == LEDGER && content_type == "text/plain";
    if is_ledger || (key.starts_with(ACCOUNTS) && is_known) {
        Ok(())
    } else {
        Err(s3_error!(
            AccessDenied,
            "Only audio, exports of an account and the ledger of deletions are stored"
        ))
    }
}

fn if_exists(if_none_match: Option<&ETagCondition>, if_match: Option<&ETagCondition>) -> S3Result<IfExists> {
    match (if_none_match, if_match) {
        (None, None) => Ok(IfExists::Replace),
        (Some(ETagCondition::Any), None) => Ok(IfExists::Keep),
        _ => Err(s3_error!(NotImplemented, "Only if-none-match: * is supported")),
    }
}

fn length(declared: Option<i64>) -> S3Result<u64> {
    declared
        .and_then(|length| u64::try_from(length).ok())
        .ok_or_else(|| s3_error!(MissingContentLength))
}

fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=MAX_PARTS).contains(number))
        .ok_or_else(|| s3_error!(InvalidArgument, "Part numbers go from 1 to 10,000"))
}

fn check_conditions(
    facts: &ObjectMetadata,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is_current = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == facts.md5,
    };
    if if_match.is_some_and(|condition| !is_current(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is_current) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::InvalidRange);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    error.set_headers(headers);
    error
}

/// The same where what is missing is an upload in parts.
fn no_upload(error: StoreError) -> S3Error {
    match error {
        StoreError::NotFound => s3_error!(NoSuchUpload),
        error => refusal(error),
    }
}

/// What the store could not do, in S3's words. The cause of our own failures is logged here, once.
fn refusal(error: StoreError) -> S3Error {
    match error {
        StoreError::NotFound => s3_error!(NoSuchKey),
        StoreError::Exists => s3_error!(PreconditionFailed),
        StoreError::Busy => s3_error!(OperationAborted, "Another request writes this object"),
        StoreError::Length | StoreError::Body(_) => s3_error!(IncompleteBody),
        StoreError::Digest(_) => s3_error!(BadDigest),
        StoreError::Part => s3_error!(InvalidPart),
        StoreError::Stalled => s3_error!(RequestTimeout),
        StoreError::Key => s3_error!(KeyTooLongError),
        StoreError::Full(cause) => {
            tracing::error!(error = %cause, "the disk of the built-in object store is full");
            let mut error = S3Error::with_message(
                S3ErrorCode::Custom("InsufficientStorage".into()),
                "There is no space left for this object",
            );
            error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
            error
        }
        StoreError::Damaged | StoreError::Io(_) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the built-in object store failed"
            );
            s3_error!(InternalError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_known_by_its_key() {
        assert!(names_an_export("a/01/exports/04.zip"));
        for other in [
            "a/01/02/source",
            "a/01/02/play",
            "a/01/exports",
            "a/01/exports/04.zip/x",
            "a/01/exports/04",
        ] {
            assert!(!names_an_export(other), "{other}");
        }
    }
}
