//! The forms that group versions of a song: a few lines each over one use case.

use app::{RequestContext, paths};
use axum::{
    Extension, Form, Router,
    extract::{Path, State},
    http::request::Parts,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use backend::{Error, songs};
use model::{AnalysisId, SongId};
use serde::Deserialize;

use crate::{pages, router::AppState};

/// The routes behind the CSRF check.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/songs", post(group))
        .route("/songs/{id}/rename", post(rename))
        .route("/songs/{id}/delete", post(delete))
        .route("/analyses/{id}/song", post(set_song))
}

/// `analysis` comes as often as there are ticked boxes, so the form is read as the pairs that it is.
async fn group(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    parts: Parts,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let value = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let title = value("song");
    let grouped = async {
        let analyses = pairs
            .iter()
            .filter(|(name, _)| name == "analysis")
            .map(|(_, id)| analysis_id(id))
            .collect::<Result<Vec<_>, _>>()?;
        songs::put(&site.backend, &visit.actor, &analyses, &title).await
    };
    match grouped.await {
        Ok(song) => Redirect::to(&paths::song(song)).into_response(),
        Err(error) => {
            // Only a page of ours is rendered again, whatever the form says.
            let back = value("back");
            let page = if back.starts_with(paths::HISTORY) {
                back.as_str()
            } else {
                paths::HISTORY
            };
            pages::render_with_errors_on(&site, parts, page, visit.problem(&error), [("song", title)]).await
        }
    }
}

#[derive(Deserialize)]
struct SongForm {
    /// The title of a song.
    #[serde(default)]
    song: String,
    /// `accept` or `decline` what was suggested, `leave` the song; nothing to join the song of that title.
    #[serde(default)]
    form_response: String,
    /// `song`, where the page of the song is gone back to.
    #[serde(default)]
    back: String,
}

async fn set_song(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
    Form(form): Form<SongForm>,
) -> Response {
    let done = async {
        let id = analysis_id(&id)?;
        let (backend, actor) = (&site.backend, &visit.actor);
        let was_in = match form.form_response.as_str() {
            "accept" => {
                songs::accept(backend, actor, id).await?;
                None
            }
            "decline" => {
                songs::decline(backend, actor, id).await?;
                None
            }
            "leave" => songs::leave(backend, actor, id).await?,
            _ => {
                songs::put(backend, actor, &[id], &form.song).await?;
                None
            }
        };
        Ok::<_, Error>(match was_in {
            Some(song) if form.back == "song" => paths::song(song),
            None if form.back == "song" => paths::SONGS.to_owned(),
            _ => paths::analysis(id),
        })
    };
    match done.await {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(error) => {
            pages::render_with_errors(&site, parts, visit.problem(&error), [("song", form.song)]).await
        }
    }
}

async fn rename(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
    Form(form): Form<SongForm>,
) -> Response {
    let renamed = async {
        let id = song_id(&id)?;
        songs::rename(&site.backend, &visit.actor, id, &form.song).await?;
        Ok::<_, Error>(id)
    };
    match renamed.await {
        Ok(id) => Redirect::to(&paths::song(id)).into_response(),
        Err(error) => {
            pages::render_with_errors(&site, parts, visit.problem(&error), [("song", form.song)]).await
        }
    }
}

async fn delete(
    State(site): State<AppState>,
    Extension(visit): Extension<RequestContext>,
    Path(id): Path<String>,
    parts: Parts,
) -> Response {
    let deleted = async { songs::delete(&site.backend, &visit.actor, song_id(&id)?).await };
    match deleted.await {
        Ok(()) => Redirect::to(paths::SONGS).into_response(),
        Err(error) => pages::render_with_errors(&site, parts, visit.problem(&error), []).await,
    }
}

fn analysis_id(text: &str) -> Result<AnalysisId, Error> {
    text.parse().map_err(|_| Error::not_found("analysis"))
}

fn song_id(text: &str) -> Result<SongId, Error> {
    text.parse().map_err(|_| Error::not_found("song"))
}
