//! Uploads: a permission to PUT the bytes into storage, whole or in parts.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use backend::{Error, uploads};
use model::{
    ProblemCode, UploadId,
    upload::{NewUpload, UploadKind},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::api::{
    call::{Call, parse_id, refused},
    error::ApiError,
    once,
};

/// A file that is to be uploaded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUpload {
    /// Its name; the title of the analysis until that is renamed.
    #[schemars(length(min = 1))]
    file_name: String,
    /// Its exact size in bytes: the permission takes this size and no other.
    #[schemars(range(min = 1))]
    size_bytes: u64,
    /// What it is for; a mix where it is left out.
    #[serde(default)]
    kind: UploadKind,
}

impl From<CreateUpload> for NewUpload {
    fn from(file: CreateUpload) -> Self {
        Self {
            file_name: file.file_name,
            size_bytes: file.size_bytes,
            kind: file.kind,
        }
    }
}

pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let file = NewUpload::from(call.json::<CreateUpload>()?);
    if file.size_bytes == 0 {
        return Err(refused(
            "size_bytes",
            "This file is empty. Export the mix again and upload that.",
        )
        .into());
    }
    let begin = async |call: &Call| {
        let presigned = uploads::begin(call.backend(), &call.actor, file).await?;
        Ok(presigned.upload.to_string())
    };
    once::perform(call, begin, created).await
}

async fn created(call: &Call, id: &str) -> Result<Response, Error> {
    let upload: UploadId = parse_id(id, "upload")?;
    let body = match uploads::presign_again(call.backend(), &call.actor, upload).await {
        Ok(presigned) => wire::Upload::of(presigned, &call.backend().config.base_url),
        Err(error) if error.code() == ProblemCode::Conflict => wire::Upload::arrived(id.to_owned()),
        Err(error) => return Err(error),
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(crate) async fn parts(call: Call) -> Result<Response, ApiError> {
    let parts = uploads::parts(call.backend(), &call.actor, call.id("upload")?).await?;
    Ok(Json(wire::Parts::from(parts)).into_response())
}
