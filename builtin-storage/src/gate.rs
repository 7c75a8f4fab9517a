//! What is refused before s3s sees it.
//!
//! s3s verifies signatures and expiry. It also accepts things that a bucket of this house must not: Signature
//! version 2 (which signs neither length nor host), URLs valid for decades, `x-amz-*` headers that nobody signed,
//! POST forms that it parses before it asks who sent them, and headers sent twice, of which it sees none.
//! The gate looks only at the head of a request and proves nothing; it refuses whatever is not of the few known shapes.

use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use model::format::AudioFormat;
use s3s::{S3Error, S3ErrorCode, S3Result, dto, s3_error};

use super::{ARCHIVE, ServiceSettings};

/// The one way to sign.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The longest life of a signed URL that S3 knows: seven days.
const MAX_EXPIRES: u64 = 604_800;
/// What a signed PUT of an object must have signed, so that it can do one thing only.
const SIGNED_PUT: [&str; 4] = ["content-length", "content-type", "host", "if-none-match"];
/// The same of a PUT of a part; type and `if-none-match` belong to the object that the parts become.
const SIGNED_PART: [&str; 2] = ["content-length", "host"];
/// Query parameters that make a PUT one of a part.
const PART: [&str; 2] = ["partNumber", "uploadId"];
/// Headers of which a second one could mean something else to another reader.
const ONCE: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::RANGE,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("x-amz-content-sha256"),
];
/// Query parameters of a signed URL.
const SIGNATURE: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];
/// Query parameters of the operations that exist here.
const OPERATIONS: [&str; 14] = [
    "continuation-token",
    "delete",
    "key-marker",
    "list-type",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partNumber",
    "prefix",
    "start-after",
    "upload-id-marker",
    "uploadId",
    "uploads",
];

/// How a request says who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// By a URL that somebody with the key handed out.
    Url,
    /// By its headers: the sender has the key.
    Headers,
}

/// Refuses a request that is of no known shape. What passes must still have its signature verified.
pub(super) fn check(request: &Parts, settings: &ServiceSettings) -> S3Result<Signed> {
    check_headers(request)?;
    let query = Query::parse(request)?;
    let signed = match (
        query.get("X-Amz-Signature"),
        request.headers.get(header::AUTHORIZATION),
    ) {
        (Some(_), None) => Signed::Url,
        (None, Some(_)) => Signed::Headers,
        (None, None) => return Err(s3_error!(AccessDenied, "Every request must be signed")),
        (Some(_), Some(_)) => return Err(s3_error!(AccessDenied, "A request is signed in one way only")),
    };
    match signed {
        Signed::Url => check_url(request, &query, settings)?,
        Signed::Headers => check_authorization(request, &query, settings)?,
    }
    if request.method == Method::PUT {
        check_put(request)?;
    }
    check_range(&request.headers)?;
    Ok(signed)
}

/// The scope that a signature must name after the date: the key is for this region and for S3 alone.
fn check_scope(credential: &str, settings: &ServiceSettings) -> S3Result<()> {
    let mut parts = credential.split('/');
    let known = parts.next() == Some(&settings.credentials.access_key)
        && parts.next().is_some_and(|date| date.len() == 8)
        && parts.next() == Some(&settings.region)
        && parts.eq(["s3", "aws4_request"]);
    if known {
        Ok(())
    } else {
        Err(s3_error!(
            AccessDenied,
            "The credential's scope is not of this service"
        ))
    }
}

fn check_headers(request: &Parts) -> S3Result<()> {
    let headers = &request.headers;
    for name in headers.keys() {
        let amz = name.as_str().starts_with("x-amz-");
        if (amz || ONCE.contains(name)) && headers.get_all(name).iter().count() > 1 {
            return Err(s3_error!(InvalidRequest, "A header is sent twice"));
        }
        if amz && !is_known_amz(name.as_str()) {
            return Err(s3_error!(
                NotImplemented,
                "An x-amz- header asks for what this service does not do"
            ));
        }
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(s3_error!(NotImplemented, "Content-Encoding is not supported"));
    }
    let sha256 = headers.get("x-amz-content-sha256");
    if sha256.is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-")) {
        return Err(s3_error!(NotImplemented, "Chunked signatures are not supported"));
    }
    Ok(())
}

/// Those that change nothing or that only let a body be refused.
fn is_known_amz(name: &str) -> bool {
    const KNOWN: [&str; 6] = [
        "x-amz-checksum-mode",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-user-agent",
        "x-amz-te",
    ];
    KNOWN.contains(&name) || is_digest(name)
}

fn is_digest(name: &str) -> bool {
    let algorithm = name.strip_prefix("x-amz-checksum-");
    algorithm.is_some_and(|name| ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"].contains(&name))
}

fn check_url(request: &Parts, query: &Query, settings: &ServiceSettings) -> S3Result<()> {
    let put = request.method == Method::PUT;
    if !put && request.method != Method::GET && request.method != Method::HEAD {
        return Err(s3_error!(
            MethodNotAllowed,
            "A signed URL reads or writes one object"
        ));
    }
    let is_part = put && PART.iter().all(|name| query.get(name).is_some());
    let reply = |name: &str| !put && matches!(name, "response-content-disposition" | "response-content-type");
    let part = |name: &str| is_part && PART.contains(&name);
    if query
        .names()
        .any(|name| !SIGNATURE.contains(&name) && name != "x-id" && !reply(name) && !part(name))
    {
        return Err(s3_error!(AccessDenied, "A signed URL has no other parameters"));
    }
    if query
        .get("response-content-type")
        .is_some_and(|kind| kind != ARCHIVE && AudioFormat::from_media_type(kind).is_none())
    {
        return Err(s3_error!(AccessDenied, "Only audio and exports are served"));
    }
    if query.get("X-Amz-Algorithm") != Some(ALGORITHM) {
        return Err(s3_error!(AccessDenied, "Only AWS4-HMAC-SHA256 is accepted"));
    }
    check_scope(query.get("X-Amz-Credential").unwrap_or_default(), settings)?;
    let expires = query.get("X-Amz-Expires").and_then(decimal);
    if !expires.is_some_and(|seconds| (1..=MAX_EXPIRES).contains(&seconds)) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires is not within seven days"
        ));
    }
    let signed: Vec<&str> = query
        .get("X-Amz-SignedHeaders")
        .unwrap_or_default()
        .split(';')
        .collect();
    // s3s leaves a signed header that is not sent out of what it verifies.
    if !signed.iter().all(|name| request.headers.contains_key(*name)) || !signed.contains(&"host") {
        return Err(s3_error!(AccessDenied, "A signed header is missing"));
    }
    let bound: &[&str] = if is_part { &SIGNED_PART } else { &SIGNED_PUT };
    if put && !bound.iter().all(|name| signed.contains(name)) {
        return Err(s3_error!(
            AccessDenied,
            "A signed PUT must sign length, type and if-none-match; that of a part its length"
        ));
    }
    if put
        && !is_part
        && request
            .headers
            .get(header::IF_NONE_MATCH)
            .is_none_or(|value| value != "*")
    {
        return Err(s3_error!(AccessDenied, "A signed PUT never replaces an object"));
    }
    let harmless = |name: &str| {
        name == "x-amz-content-sha256" || name == "x-amz-sdk-checksum-algorithm" || is_digest(name)
    };
    check_amz_signed(&request.headers, &signed, harmless)
}

fn check_authorization(request: &Parts, query: &Query, settings: &ServiceSettings) -> S3Result<()> {
    let denied = || s3_error!(AccessDenied, "Only AWS4-HMAC-SHA256 is accepted");
    let value = request
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let value = value
        .and_then(|value| value.strip_prefix("AWS4-HMAC-SHA256 "))
        .ok_or_else(denied)?;
    let mut parts = value.split(',').map(str::trim);
    let mut part = |name: &str| {
        parts
            .next()
            .and_then(|part| part.strip_prefix(name))
            .ok_or_else(denied)
    };
    check_scope(part("Credential=")?, settings)?;
    let signed: Vec<&str> = part("SignedHeaders=")?.split(';').collect();
    part("Signature=")?;
    if parts.next().is_some() {
        return Err(denied());
    }
    let known = |name: &str| name == "x-id" || name.starts_with("response-") || OPERATIONS.contains(&name);
    if !query.names().all(known) {
        return Err(s3_error!(
            NotImplemented,
            "This service does not have that operation"
        ));
    }
    // POST here deletes objects, or begins or ends an object in parts: a form would be parsed before its signature is looked at.
    let form = request
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"multipart"));
    if request.method == Method::POST
        && (form
            || !["delete", "uploads", "uploadId"]
                .iter()
                .any(|name| query.get(name).is_some()))
    {
        return Err(s3_error!(MethodNotAllowed));
    }
    if !signed.iter().all(|name| request.headers.contains_key(*name)) || !signed.contains(&"host") {
        return Err(s3_error!(AccessDenied, "A signed header is missing"));
    }
    check_amz_signed(&request.headers, &signed, |_| false)
}

fn check_amz_signed(headers: &HeaderMap, signed: &[&str], harmless: impl Fn(&str) -> bool) -> S3Result<()> {
    let unsigned = |name: &str| name.starts_with("x-amz-") && !signed.contains(&name) && !harmless(name);
    if headers.keys().any(|name| unsigned(name.as_str())) {
        return Err(s3_error!(AccessDenied, "An x-amz- header is not signed"));
    }
    Ok(())
}

fn check_put(request: &Parts) -> S3Result<()> {
    let headers = &request.headers;
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(s3_error!(MissingContentLength));
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length
        .and_then(decimal)
        .map(drop)
        .ok_or_else(|| s3_error!(MissingContentLength))
}

/// RFC 9110, section 15.5.17: several ranges, or one that is none, may be refused with 416. s3s answers 400.
fn check_range(headers: &HeaderMap) -> S3Result<()> {
    let Some(range) = headers.get(header::RANGE) else {
        return Ok(());
    };
    match range.to_str().map(dto::Range::parse) {
        Ok(Ok(_)) => Ok(()),
        _ => Err(S3Error::new(S3ErrorCode::InvalidRange)),
    }
}

/// Digits only: `parse` would take a sign as well.
fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Query parameters, decoded as s3s decodes them, each of them once.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(request: &Parts) -> S3Result<Self> {
        let query = request.uri.query().unwrap_or_default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs
                .iter()
                .take(at)
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
            {
                return Err(s3_error!(InvalidRequest, "A query parameter is given twice"));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}
