//! Signature version 4 (and 2) written from the specification, to sign what the SDK would not.

use std::fmt::Write as _;

use backend::storage::Key;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::Timestamp;
use s3s::crypto::{Checksum as _, Sha1};
use sha2::{Digest as _, Sha256};

use crate::world::{ACCESS, BUCKET, REGION, Request, SECRET, World, now};

/// A URL to be signed, by default a plain GET that this service accepts.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) expires: String,
    pub(crate) at: Timestamp,
    pub(crate) access: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
}

impl Signer {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            query: Vec::new(),
            expires: "900".to_owned(),
            at: now(),
            access: ACCESS,
            secret: SECRET,
            region: REGION,
            service: "s3",
        }
    }

    pub(crate) fn object(method: &'static str, key: &Key) -> Self {
        Self::new(method, format!("/{BUCKET}/{key}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    fn dates(&self) -> (String, String) {
        let date_time: String = self.at.rfc3339().chars().filter(|c| !"-:".contains(*c)).collect();
        (date_time[..8].to_owned(), date_time)
    }

    fn sign(&self, query: &str, headers: &[(&str, String)], payload: &str) -> (String, String) {
        let (date, date_time) = self.dates();
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let names = headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(";");
        let mut canonical = format!("{}\n{}\n{query}\n", self.method, self.path);
        for (name, value) in headers {
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{names}\n{payload}");
        let hashed = hex::encode(Sha256::digest(canonical));
        let mut signing_key = hmac_sha256(format!("AWS4{}", self.secret).as_bytes(), &date);
        for part in [self.region, self.service, "aws4_request"] {
            signing_key = hmac_sha256(&signing_key, part);
        }
        let to_sign = format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n{hashed}");
        (scope, hex::encode(hmac_sha256(&signing_key, &to_sign)))
    }

    /// Signed in its URL.
    pub(crate) fn url(&self, world: &World) -> Request {
        let (date, date_time) = self.dates();
        let mut headers = self.headers.clone();
        headers.push(("host", world.address.to_string()));
        headers.sort();
        let names = headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(";");
        let scope = format!(
            "{}/{date}/{}/{}/aws4_request",
            self.access, self.region, self.service
        );
        let mut query = self.query.clone();
        query.extend([
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", scope),
            ("X-Amz-Date", date_time),
            ("X-Amz-Expires", self.expires.clone()),
            ("X-Amz-SignedHeaders", names),
        ]);
        query.sort();
        let query = encode(&query);
        let (_, signature) = self.sign(&query, &headers, "UNSIGNED-PAYLOAD");
        let mut request = world.request(
            self.method,
            &format!("{}?{query}&X-Amz-Signature={signature}", self.path),
        );
        request.headers = self
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        request
    }

    /// Signed in its headers, as the worker signs; `payload` is the value of `x-amz-content-sha256`.
    pub(crate) fn headers(&self, world: &World, payload: &str) -> Request {
        let (_, date_time) = self.dates();
        let mut headers = self.headers.clone();
        headers.push(("host", world.address.to_string()));
        headers.push(("x-amz-content-sha256", payload.to_owned()));
        headers.push(("x-amz-date", date_time));
        headers.sort();
        let mut query = self.query.clone();
        query.sort();
        let query = encode(&query);
        let (scope, signature) = self.sign(&query, &headers, payload);
        let names = headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(";");
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = world.request(self.method, &format!("{}{mark}{query}", self.path));
        request.headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let credential = format!("{}/{scope}", self.access);
        let value =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
        request.header("authorization", &value)
    }

    /// Signed by version 2, which s3s accepts and this service must not.
    pub(crate) fn version_2(&self, world: &World) -> Request {
        let expires = self.at.0 / 1_000 + 900;
        let to_sign = format!("{}\n\n\n{expires}\n{}", self.method, self.path);
        let signature = BASE64_STANDARD.encode(hmac_sha1(self.secret.as_bytes(), to_sign.as_bytes()));
        let query = [
            ("AWSAccessKeyId", self.access.to_owned()),
            ("Expires", expires.to_string()),
            ("Signature", signature),
        ];
        world.request(self.method, &format!("{}?{}", self.path, encode(&query)))
    }
}

fn encode(query: &[(&str, String)]) -> String {
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
    };
    query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hmac_sha1(key: &[u8], text: &[u8]) -> [u8; 20] {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block
        .iter()
        .map(|byte| byte ^ 0x36)
        .chain(text.iter().copied())
        .collect();
    let outer: Vec<u8> = block
        .iter()
        .map(|byte| byte ^ 0x5c)
        .chain(Sha1::checksum(&inner))
        .collect();
    Sha1::checksum(&outer)
}
