//! Which analyses are versions of one song, and what the song is called.

use axum::response::Response;
use backend::songs;
use model::{AnalysisId, SongId, paths};
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted, history_page, ticked_analyses};

#[derive(Debug, Deserialize)]
pub(crate) struct GroupForm {
    /// The title of the song.
    #[serde(default)]
    song: String,
    /// The analyses that are ticked.
    #[serde(default)]
    analysis: Vec<String>,
    /// The part of the history that the boxes are on.
    #[serde(default)]
    back: String,
}

pub(crate) async fn group(Submitted { form, fields }: Submitted<GroupForm>) -> Response {
    let done = async {
        let versions = ticked_analyses(&fields.analysis)?;
        songs::put(form.backend(), form.actor(), &versions, &fields.song).await
    };
    let done = done.await;
    form.reply_at(
        history_page(&fields.back),
        done.map(|song| FormReply::to(paths::song(song))),
    )
    .await
}

/// What somebody says about the song of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SongAnswer {
    /// The suggestion is right.
    Accept,
    /// It is not.
    Decline,
    /// It is no version of its song.
    Leave,
}

/// Where a form was sent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SentFrom {
    Analysis,
    Song,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AnalysisSongForm {
    /// The title of the song to join, where there is no answer.
    #[serde(default)]
    song: String,
    answer: Option<SongAnswer>,
    back: Option<SentFrom>,
}

pub(crate) async fn set_song(
    PathId(id): PathId<AnalysisId>,
    Submitted { form, fields }: Submitted<AnalysisSongForm>,
) -> Response {
    let (backend, actor) = (form.backend(), form.actor());
    let song = match fields.answer {
        Some(SongAnswer::Accept) => songs::accept(backend, actor, id).await.map(Some),
        Some(SongAnswer::Decline) => songs::decline(backend, actor, id).await.map(|()| None),
        Some(SongAnswer::Leave) => songs::leave(backend, actor, id).await,
        None => songs::put(backend, actor, &[id], &fields.song).await.map(Some),
    };
    let from_song = fields.back == Some(SentFrom::Song);
    form.reply(song.map(|song| {
        FormReply::to(match song {
            Some(song) if from_song => paths::song(song),
            None if from_song => paths::SONGS.to_owned(),
            _ => paths::analysis(id),
        })
    }))
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct RenameForm {
    /// The new title.
    #[serde(default)]
    song: String,
}

pub(crate) async fn rename(
    PathId(id): PathId<SongId>,
    Submitted { form, fields }: Submitted<RenameForm>,
) -> Response {
    let done = songs::rename(form.backend(), form.actor(), id, &fields.song).await;
    form.reply(done.map(|()| FormReply::to(paths::song(id)))).await
}

pub(crate) async fn delete(PathId(id): PathId<SongId>, form: FormRequest) -> Response {
    let done = songs::delete(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| FormReply::to(paths::SONGS))).await
}
