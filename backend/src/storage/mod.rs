//! Object storage: audio goes between the browser and the bucket by signed URLs, and the worker reads it from there.
//!
//! One client (`aws-sdk-s3`) for every S3; where none is configured, the server runs one of its own (the crate
//! `builtin-storage`). Signing a URL needs no network, so that it works while the storage is down.

mod disposition;
mod key;
mod multipart;
mod remove_audio;

use std::{
    error::Error as StdError,
    ops::Range,
    pin::Pin,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    presigning::{PresignedRequest, PresigningConfig},
    primitives::{ByteStream, Length},
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use model::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};

pub use self::{
    disposition::attachment,
    key::{Key, KeyOwner, Prefix},
    multipart::{StoredPart, UnfinishedUpload},
    remove_audio::{RemoveAudio, RemoveRender},
};
use crate::redact::{self, Cause, LogSafe};

/// The media type of an archive of everything held about a person.
pub const ARCHIVE: &str = "application/zip";

/// Time to reach the storage at all.
const CONNECT: Duration = Duration::from_secs(3);
/// Time for one attempt until the head of the answer is there; somebody may be waiting for it. The body of a download is
/// watched for stalls instead.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Time for all attempts of one operation together.
const OPERATION: Duration = Duration::from_secs(9);
/// Attempts of one operation, the first included; only what can be repeated is.
const ATTEMPTS: u32 = 3;
/// Time that a PUT of our own gets besides the sending, which [`SLOWEST_PUT`] bounds.
const PUT: Duration = Duration::from_secs(30);
/// How long a body may stand still before it is given up.
const STALL: Duration = Duration::from_secs(20);
/// The slowest upload of our own that is still waited for, in bytes per second.
const SLOWEST_PUT: u64 = 1 << 20;
/// DELETE requests under way at once while a prefix is emptied.
const DELETES_AT_ONCE: usize = 8;

/// Where the bucket is and who we are there.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// The S3 endpoint as this server reaches it, without the bucket: `https://<account>.r2.cloudflarestorage.com`.
    pub endpoint: String,
    /// The endpoint as browsers reach it. Signed URLs carry its host, and the host is signed.
    pub public_endpoint: String,
    /// The bucket's name.
    pub bucket: String,
    /// The access key's id.
    pub access_key: String,
    /// The access key's secret.
    pub secret_key: SecretString,
    /// The region: `auto` for R2 and for the built-in service.
    pub region: String,
}

/// Why the storage did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The object exists already, or is being written by somebody else (412, 409).
    #[error("the object exists already")]
    Conflict,
    /// The storage understood and refused: wrong credentials, clock or request. That is ours to mend, and says nothing about the
    /// object: whoever needs it waits.
    #[error("the storage refused the request")]
    Refused(#[source] Cause),
    /// The storage cannot be reached, is overloaded or broke off. Trying again later may help.
    #[error("the storage is not available")]
    Unavailable(#[source] Cause),
}

/// What the storage answered, without its words, which may name the object.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub(crate) struct Answer {
    said: String,
    source: Box<dyn StdError + Send + Sync>,
}

impl LogSafe for Error {
    fn log_text(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn behind(&self) -> Option<&dyn LogSafe> {
        match self {
            Self::NotFound | Self::Conflict => None,
            Self::Refused(cause) | Self::Unavailable(cause) => Some(cause.error()),
        }
    }
}

impl LogSafe for aws_sdk_s3::presigning::PresigningConfigError {
    fn log_text(&self) -> Option<String> {
        redact::foreign(self)
    }
}

impl LogSafe for aws_sdk_s3::primitives::ByteStreamError {
    fn log_text(&self) -> Option<String> {
        redact::foreign(self)
    }
}

impl LogSafe for Answer {
    fn log_text(&self) -> Option<String> {
        Some(match redact::foreign(&*self.source) {
            Some(behind) => format!("{}: {behind}", self.said),
            None => self.said.clone(),
        })
    }
}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("file"),
            Error::Unavailable(source) => Self::Unavailable {
                what: "the storage",
                source,
            },
            Error::Refused(source) => {
                tracing::error!(cause = %source, "the storage refuses us: are its keys, its bucket and the clock of this machine right?");
                Self::Unavailable {
                    what: "the storage",
                    source,
                }
            }
            Error::Conflict => Self::internal(error),
        }
    }
}

/// A PUT that whoever holds it may do once, for one key, exactly as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedPut {
    /// Where to send it.
    pub url: String,
    /// The headers to send with it. `content-length` is signed as well but is not among them: clients set it from
    /// the body, and browsers let no script set it.
    pub headers: Vec<(String, String)>,
}

impl PresignedPut {
    fn of(request: &PresignedRequest) -> Self {
        let headers = request
            .headers()
            .filter(|(name, _)| !matches!(*name, "content-length" | "host"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            url: request.uri().to_owned(),
            headers,
        }
    }
}

/// What the storage knows about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Length in bytes.
    pub size: u64,
    /// The media type under which it was stored.
    pub content_type: Option<String>,
    /// The storage's tag of this content, with its quotes.
    pub etag: Option<String>,
}

/// An object that a listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its name.
    pub key: Key,
    /// What it belongs to.
    pub owner: KeyOwner,
    /// When it was written, by the clock of the storage.
    pub modified: Timestamp,
}

/// A page of a listing: up to 1,000 objects in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObjects {
    /// Those with names of ours; others in the bucket are not ours to touch.
    pub objects: Vec<StoredObject>,
    /// The name after which the next page begins; `None` on the last page.
    pub next: Option<String>,
}

/// The bytes of an object, as they come.
pub type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// The bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    client: Client,
    public: Client,
    bucket: String,
}

impl Storage {
    /// A client for this bucket. Nothing is sent yet; see [`Storage::ready`].
    #[must_use]
    pub fn new(settings: &StorageSettings) -> Self {
        let client = client(settings, &settings.endpoint);
        let public = if settings.public_endpoint == settings.endpoint {
            client.clone()
        } else {
            self::client(settings, &settings.public_endpoint)
        };
        Self {
            client,
            public,
            bucket: settings.bucket.clone(),
        }
    }

    /// Signs one PUT: method, key, exact length, media type and `if-none-match: *`, from `now` for `expires_in`.
    ///
    /// # Errors
    /// [`Error::Refused`] when `expires_in` is longer than S3's seven days.
    pub async fn presign_put(
        &self,
        key: &Key,
        content_length: u64,
        content_type: &str,
        expires_in: Duration,
        now: Timestamp,
    ) -> Result<PresignedPut, Error> {
        let length = i64::try_from(content_length).map_err(|error| Error::Refused(error.into()))?;
        let request = self
            .public
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .content_length(length)
            .content_type(content_type)
            .if_none_match("*")
            .presigned(presigning(expires_in, now)?)
            .await
            .map_err(sdk)?;
        Ok(PresignedPut::of(&request))
    }

    /// Signs one GET that answers with this media type and offers this file name.
    ///
    /// # Errors
    /// [`Error::Refused`] when `expires_in` is longer than S3's seven days.
    pub async fn presign_get(
        &self,
        key: &Key,
        file_name: &str,
        content_type: &str,
        expires_in: Duration,
        now: Timestamp,
    ) -> Result<String, Error> {
        let request: PresignedRequest = self
            .public
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .response_content_disposition(attachment(file_name))
            .response_content_type(content_type)
            .presigned(presigning(expires_in, now)?)
            .await
            .map_err(sdk)?;
        Ok(request.uri().to_owned())
    }

    /// What is stored under a key; `None` when nothing is.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn head(&self, key: &Key) -> Result<Option<ObjectInfo>, Error> {
        match self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .send()
            .await
            .map_err(sdk)
        {
            Ok(head) => Ok(Some(ObjectInfo {
                size: head
                    .content_length()
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or(0),
                content_type: head.content_type,
                etag: head.e_tag,
            })),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// These bytes of an object: fewer when it ends before, none when it ends before they begin.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Refused`], [`Error::Unavailable`].
    pub async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, Error> {
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else {
            return Ok(Bytes::new());
        };
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let output = match request
            .range(format!("bytes={}-{last}", range.start))
            .send()
            .await
        {
            Ok(output) => output,
            Err(error) if status(&error) == Some(416) => return Ok(Bytes::new()),
            Err(error) => return Err(sdk(error)),
        };
        // A server may ignore `Range` and send the whole object; never hold more of it than was asked for.
        let skip = if output.content_range.is_some() {
            0
        } else {
            range.start
        };
        let mut reader = output.body.into_async_read();
        tokio::io::copy(&mut (&mut reader).take(skip), &mut tokio::io::sink())
            .await
            .map_err(broken)?;
        let mut bytes = Vec::new();
        reader
            .take(range.end - range.start)
            .read_to_end(&mut bytes)
            .await
            .map_err(broken)?;
        Ok(bytes.into())
    }

    /// An object from its beginning to its end. An object that is deleted meanwhile, or a connection that breaks,
    /// shows as an error of the reader, never as an early end.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Refused`], [`Error::Unavailable`].
    pub async fn get_stream(&self, key: &Key) -> Result<Reader, Error> {
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let output = request.send().await.map_err(sdk)?;
        Ok(Box::pin(output.body.into_async_read()))
    }

    /// Writes an object of our own, such as a render, over whatever is there.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn put(&self, key: &Key, bytes: Bytes, content_type: &str) -> Result<(), Error> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let request = self.client.put_object().bucket(&self.bucket).key(key.as_str());
        let request = request.content_type(content_type).body(ByteStream::from(bytes));
        request
            .customize()
            .config_override(patience(size))
            .send()
            .await
            .map_err(sdk)?;
        Ok(())
    }

    /// Writes an object of our own from a file, which is read as it is sent, over whatever is there. A connection that
    /// breaks is not tried again here: the file has been read.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn put_file(&self, key: &Key, file: std::fs::File, content_type: &str) -> Result<(), Error> {
        let unreadable = |error: std::io::Error| Error::Unavailable(error.into());
        let mut file = tokio::fs::File::from_std(file);
        file.rewind().await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let body = ByteStream::read_from()
            .file(file)
            .length(Length::Exact(size))
            .build()
            .await
            .map_err(|error| Error::Unavailable(error.into()))?;
        let request = self.client.put_object().bucket(&self.bucket).key(key.as_str());
        let length = i64::try_from(size).map_err(|error| Error::Refused(error.into()))?;
        request
            .content_type(content_type)
            .content_length(length)
            .body(body)
            .customize()
            .config_override(patience(size))
            .send()
            .await
            .map_err(sdk)?;
        Ok(())
    }

    /// Deletes an object. That it was not there is no error.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        self.delete_named(key.as_str()).await
    }

    /// Deletes every object under a prefix and returns how many there were, once a listing has shown that none is
    /// left. What is coming in parts is given up first.
    ///
    /// One DELETE each: `DeleteObjects` needs a checksum in a form on which S3 services disagree, and an account
    /// has some dozens of objects.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`]; some objects may be deleted by then, and a second call finishes.
    pub async fn delete_prefix(&self, prefix: &Prefix) -> Result<usize, Error> {
        self.abort_prefix(prefix).await?;
        let mut deleted = 0;
        let mut seen_first = None;
        loop {
            // Always the first page: what is deleted moves the rest up.
            let list = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix.as_str());
            let page = list.send().await.map_err(sdk)?;
            let keys: Vec<String> = page
                .contents
                .into_iter()
                .flatten()
                .filter_map(|object| object.key)
                .collect();
            let Some(first) = keys.first() else {
                return Ok(deleted);
            };
            if seen_first.as_ref() == Some(first) {
                return Err(Error::Unavailable(
                    "an object is still listed after its DELETE".into(),
                ));
            }
            seen_first = Some(first.clone());
            deleted += keys.len();
            futures::stream::iter(keys)
                .map(|key| async move { self.delete_named(&key).await })
                .buffer_unordered(DELETES_AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
    }

    /// The objects of all accounts whose names come after `after`, one page of them.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unavailable`].
    pub async fn list(&self, after: Option<&str>) -> Result<StoredObjects, Error> {
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(key::ACCOUNTS);
        let page = list
            .set_start_after(after.map(str::to_owned))
            .send()
            .await
            .map_err(sdk)?;
        let is_last = page.is_truncated != Some(true);
        let listed = page.contents.unwrap_or_default();
        let last = listed.last().and_then(|object| object.key.clone());
        let objects = listed.into_iter().filter_map(|object| {
            let (key, owner) = Key::parse(object.key.as_deref()?)?;
            let modified = object.last_modified?.to_millis().ok()?;
            Some(StoredObject {
                key,
                owner,
                modified: Timestamp(modified),
            })
        });
        Ok(StoredObjects {
            objects: objects.collect(),
            next: last.filter(|_| !is_last),
        })
    }

    /// Whether the bucket is there and lets us in.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Refused`], [`Error::Unavailable`].
    pub async fn ready(&self) -> Result<(), Error> {
        self.client
            .head_bucket()
            .bucket(&self.bucket)
            .send()
            .await
            .map_err(sdk)?;
        Ok(())
    }

    async fn delete_named(&self, key: &str) -> Result<(), Error> {
        match self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(sdk)
        {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn client(settings: &StorageSettings, endpoint: &str) -> Client {
    let secret = settings.secret_key.expose_secret();
    let credentials = Credentials::new(&settings.access_key, secret, None, None, "mixlens");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let stalls = StalledStreamProtectionConfig::enabled()
        .grace_period(STALL)
        .build();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(credentials)
        // R2 refuses the checksums that the SDK would add by itself.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .timeout_config(timeouts)
        .stalled_stream_protection(stalls)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .build();
    Client::from_conf(config)
}

/// The time that sending `size` bytes of ours may take, once and with its repetitions.
fn patience(size: u64) -> aws_sdk_s3::config::Builder {
    let attempt = PUT.saturating_add(Duration::from_secs(size / SLOWEST_PUT));
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt.saturating_mul(ATTEMPTS));
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts.build())
}

fn presigning(expires_in: Duration, now: Timestamp) -> Result<PresigningConfig, Error> {
    let since_epoch = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    let config = PresigningConfig::builder()
        .start_time(SystemTime::UNIX_EPOCH + since_epoch)
        .expires_in(expires_in);
    config.build().map_err(|error| Error::Refused(error.into()))
}

type RawResponse = aws_sdk_s3::config::http::HttpResponse;

fn status<E>(error: &SdkError<E, RawResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// By status rather than by the operations' own error types: a HEAD has no body to name the error, and S3 services
/// differ in the names.
fn sdk<E: ProvideErrorMetadata + StdError + Send + Sync + 'static>(error: SdkError<E, RawResponse>) -> Error {
    match status(&error) {
        Some(404) => Error::NotFound,
        Some(409 | 412) => Error::Conflict,
        Some(408 | 429 | 500..) | None if !matches!(error, SdkError::ConstructionFailure(_)) => {
            Error::Unavailable(answer(error).into())
        }
        _ => Error::Refused(answer(error).into()),
    }
}

fn answer<E: ProvideErrorMetadata + StdError + Send + Sync + 'static>(
    error: SdkError<E, RawResponse>,
) -> Answer {
    // `AccessDenied` and the like; anything else is no code.
    let is_code = |code: &&str| code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let said = match (&error, status(&error)) {
        (_, Some(status)) => {
            let code = error.code().filter(is_code).unwrap_or_default();
            format!("HTTP {status} {code}").trim_end().to_owned()
        }
        (SdkError::ConstructionFailure(_), _) => "the request cannot be made".to_owned(),
        (SdkError::TimeoutError(_), _) => "no answer in time".to_owned(),
        _ => "no connection".to_owned(),
    };
    Answer {
        said,
        source: Box::new(error),
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::Unavailable(error.into())
}
