//! The object storage of an installation that configured none: an S3 service over a folder.
//!
//! s3s speaks the protocol and verifies signatures, `gate` refuses what s3s would accept, `s3` says who may do
//! what, `store` keeps the bytes, `multipart` those that come in parts. Mount it where it sees the whole path, `/<bucket>/<key>`: a router that strips a
//! prefix breaks every signature, and so does a proxy that rewrites `Host`.

mod credentials;
mod gate;
mod multipart;
mod s3;
mod store;

use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use s3s::{
    auth::SimpleAuth,
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};
use secrecy::ExposeSecret as _;

pub use self::{
    credentials::{Credentials, load_or_create},
    multipart::{MultipartUpload, PartMetadata, WantedPart},
    store::{DiskStore, IfExists, NewObject, ObjectMetadata, OpenObject, Page, StoreError},
};

/// The body of an answer.
pub type Body = s3s::Body;

/// The largest XML that is read: the names of 1,000 objects.
const MAX_XML: usize = 2 << 20;

/// The media type of an export. Everything else that is stored is audio.
const ARCHIVE: &str = "application/zip";

/// What every answer carries. The bytes come from strangers and the service may share the pages' origin, so that no
/// browser may run, guess, embed or keep them.
const HARMLESS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "private, no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// What the service answers to.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The one bucket's name; the first segment of every path.
    pub bucket: String,
    /// The region that signatures must name.
    pub region: String,
    /// The one access key.
    pub credentials: Credentials,
}

/// The S3 service over `store`.
#[must_use]
pub fn service(store: DiskStore, settings: ServiceSettings) -> Service {
    let mut config = S3Config::default();
    config.xml_max_body_size = MAX_XML;
    config.form_max_field_size = 0;
    config.form_max_fields_size = 0;
    config.form_max_parts = 0;
    config.post_object_max_file_size = 0;
    let mut builder = S3ServiceBuilder::new(s3::Operations { store });
    let Credentials {
        access_key,
        secret_key,
    } = &settings.credentials;
    builder.set_auth(SimpleAuth::from_single(
        access_key.as_str(),
        secret_key.expose_secret(),
    ));
    builder.set_access(s3::Access {
        bucket: settings.bucket.clone(),
    });
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    Service {
        s3: builder.build(),
        settings: Arc::new(settings),
    }
}

/// An HTTP service (`tower::Service`) for requests to `/<bucket>` and `/<bucket>/<key>`.
#[derive(Clone)]
pub struct Service {
    s3: S3Service,
    settings: Arc<ServiceSettings>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Service {
    async fn answer<B>(self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (mut head, body) = request.into_parts();
        let served = head.method == Method::GET || head.method == Method::HEAD;
        let mut response = match gate::check(&head, &self.settings) {
            Ok(signed) => {
                head.extensions.insert(signed);
                let body = Body::http_body_unsync(body.map_err(Into::into));
                self.s3
                    .call(Request::from_parts(head, body))
                    .await
                    .unwrap_or_else(|_| failure())
            }
            Err(refused) => refused.to_http_response().unwrap_or_else(|_| failure()),
        };
        make_harmless(response.headers_mut());
        if served {
            let attachment = HeaderValue::from_static("attachment");
            response
                .headers_mut()
                .entry(header::CONTENT_DISPOSITION)
                .or_insert(attachment);
        }
        response
    }
}

impl<B> tower::Service<Request<B>> for Service
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.clone().answer(request);
        Box::pin(async move { Ok(answer.await) })
    }
}

fn make_harmless(headers: &mut HeaderMap) {
    for (name, value) in HARMLESS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn failure() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
