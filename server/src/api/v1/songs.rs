//! Songs: analyses that are versions of one.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use backend::{Error, songs};
use model::{AnalysisId, SongId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::wire;
use crate::api::{
    call::{Call, cursor_error, parse_id},
    error::ApiError,
    once,
};

/// Analyses that are versions of a song. The song of the title is made where there is none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSong {
    /// The title of the song.
    #[schemars(length(min = 1, max = model::song::MAX_TITLE))]
    song: String,
    /// The analyses; each leaves the song that it was in.
    #[schemars(length(min = 1))]
    analysis: Vec<String>,
}

/// What of a song can be changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameSong {
    /// Its new title.
    #[schemars(length(min = 1, max = model::song::MAX_TITLE))]
    song: String,
}

pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let before = call.only_parameter("before")?;
    let (songs, next) = songs::songs(call.backend(), &call.actor, before.as_deref())
        .await
        .map_err(|error| cursor_error(error, "before"))?;
    let body = wire::Page {
        data: songs.into_iter().map(wire::Song::from).collect(),
        next: next.map(|id| id.to_string()),
    };
    Ok(Json(body).into_response())
}

pub(crate) async fn create(call: Call) -> Result<Response, ApiError> {
    let body: CreateSong = call.json()?;
    let put = async |call: &Call| {
        let analyses: Vec<AnalysisId> = body
            .analysis
            .iter()
            .map(|id| parse_id(id, "analysis"))
            .collect::<Result<_, _>>()?;
        let song = songs::put(call.backend(), &call.actor, &analyses, &body.song).await?;
        Ok(song.to_string())
    };
    let show = async |call: &Call, id: &str| {
        let song = parse_id(id, "song")?;
        Ok((StatusCode::CREATED, song_of(call, song).await?).into_response())
    };
    once::perform(call, put, show).await
}

pub(crate) async fn show(call: Call) -> Result<Response, ApiError> {
    Ok(song_of(&call, call.id("song")?).await?.into_response())
}

pub(crate) async fn rename(call: Call) -> Result<Response, ApiError> {
    let id = call.id("song")?;
    let body: RenameSong = call.json()?;
    songs::rename(call.backend(), &call.actor, id, &body.song).await?;
    Ok(song_of(&call, id).await?.into_response())
}

pub(crate) async fn remove(call: Call) -> Result<Response, ApiError> {
    songs::delete(call.backend(), &call.actor, call.id("song")?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn song_of(call: &Call, id: SongId) -> Result<Json<wire::SongWithVersions>, Error> {
    let song = songs::view(call.backend(), &call.actor, id, None).await?;
    Ok(Json(wire::SongWithVersions::of(
        song,
        &call.backend().config.base_url,
    )))
}
