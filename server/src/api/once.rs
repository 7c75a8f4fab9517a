//! POSTs are done once: each carries an `Idempotency-Key`, and one that was done before is answered from what it made.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use backend::{
    Actor, Error, IdempotentRequest,
    idempotency::{self, MAX_KEY},
};
use model::ProblemCode;
use sha2::{Digest as _, Sha256};

use super::{call::Call, error::ApiError};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is one that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Does `work`, whose value is the id of what it made, and answers with `show` of it; where the request was done before, with
/// `show` alone. `work` writes in its transaction that it is done ([`idempotency`]).
pub(super) async fn perform(
    mut call: Call,
    work: impl AsyncFnOnce(&Call) -> Result<String, Error>,
    show: impl AsyncFnOnce(&Call, &str) -> Result<Response, Error>,
) -> Result<Response, ApiError> {
    let request = IdempotentRequest {
        key: key_of(&call)?,
        hash: hash_of(&call),
    };
    let Actor::Token(token) = &mut call.actor else {
        return Err(Error::internal("a program without a token").into());
    };
    let account = token.owner.account;
    let backend = &call.site.backend;
    if let Some(id) = idempotency::find(backend, account, &request).await? {
        return Ok(replayed(show(&call, &id).await?));
    }
    let running = idempotency::begin(backend, account, &request)?;
    token.request = Some(request.clone());
    let done = work(&call).await;
    // Who sends it again while `show` waits for what was begun is shown the same.
    drop(running);
    match done {
        Ok(id) => Ok(show(&call, &id).await?),
        // It may have been refused because another process has just done the same.
        Err(error) => match idempotency::find(call.backend(), account, &request).await? {
            Some(id) => Ok(replayed(show(&call, &id).await?)),
            None => Err(error.into()),
        },
    }
}

fn replayed(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The key, which the draft writes as a structured string: `"8e03978e"`. Without quotes it is the same key.
fn key_of(call: &Call) -> Result<String, Error> {
    let mut values = call.headers().get_all(KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(missing(
            "Send this request with one header Idempotency-Key: a fresh text, such as a UUID, that its retries carry too.",
        ));
    };
    let text = value.to_str().unwrap_or_default().trim();
    let key = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let is_plain = key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if key.is_empty() || key.len() > MAX_KEY || !is_plain {
        return Err(missing(
            "An Idempotency-Key is 1 to 255 visible ASCII characters without quotes or spaces inside.",
        ));
    }
    Ok(key.to_owned())
}

fn missing(message: &str) -> Error {
    Error::problem(ProblemCode::KeyMissing, message)
}

/// What makes two requests the same: method, address and body, each with its length before it.
fn hash_of(call: &Call) -> String {
    let method = call.parts.method.as_str().as_bytes();
    let address = call
        .parts
        .uri
        .path_and_query()
        .map_or("", |address| address.as_str());
    let mut hash = Sha256::new();
    for part in [method, address.as_bytes(), &call.body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
