//! Title, stage, comparison and deletion of an analysis.

use axum::response::Response;
use backend::{analyses, shares};
use model::{AnalysisId, ShareId, paths, share::SharedAudio, upload::UploadKind, verdict::Stage};
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted, history_page, none_if_empty, ticked_analyses};

#[derive(Debug, Deserialize)]
pub(crate) struct RenameForm {
    #[serde(default)]
    title: String,
}

pub(crate) async fn rename(
    PathId(id): PathId<AnalysisId>,
    Submitted { form, fields }: Submitted<RenameForm>,
) -> Response {
    let done = analyses::rename(form.backend(), form.actor(), id, &fields.title).await;
    form.reply(done.map(|()| FormReply::to(paths::analysis(id))))
        .await
}

pub(crate) async fn measure_again(PathId(id): PathId<AnalysisId>, form: FormRequest) -> Response {
    let done = analyses::measure_again(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| FormReply::to(paths::analysis(id))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct StageForm {
    /// Empty for the stage that was detected.
    #[serde(deserialize_with = "none_if_empty")]
    stage: Option<Stage>,
}

pub(crate) async fn choose_stage(
    PathId(id): PathId<AnalysisId>,
    Submitted { form, fields }: Submitted<StageForm>,
) -> Response {
    let done = analyses::choose_stage(form.backend(), form.actor(), id, fields.stage).await;
    form.reply(done.map(|()| FormReply::to(paths::analysis(id))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ComparisonForm {
    /// The references that are ticked.
    #[serde(default)]
    with: Vec<String>,
}

pub(crate) async fn compare_with(
    PathId(id): PathId<AnalysisId>,
    Submitted { form, fields }: Submitted<ComparisonForm>,
) -> Response {
    let done = async {
        let references = ticked_analyses(&fields.with)?;
        analyses::compare_with(form.backend(), form.actor(), id, &references).await
    };
    let done = done.await;
    form.reply(done.map(|()| FormReply::to(paths::comparison(id))))
        .await
}

pub(crate) async fn delete(PathId(id): PathId<AnalysisId>, form: FormRequest) -> Response {
    let done = analyses::delete(form.backend(), form.actor(), id).await;
    form.reply(done.map(|kind| match kind {
        UploadKind::Mix => FormReply::to(paths::done(paths::HISTORY, "deleted")),
        UploadKind::Reference => FormReply::to(paths::REFERENCES),
    }))
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct SelectionForm {
    /// The analyses that are ticked.
    #[serde(default)]
    analysis: Vec<String>,
    /// The page of the history that they were ticked on.
    #[serde(default)]
    back: String,
}

pub(crate) async fn delete_several(Submitted { form, fields }: Submitted<SelectionForm>) -> Response {
    let done = async {
        let ticked = ticked_analyses(&fields.analysis)?;
        analyses::delete_several(form.backend(), form.actor(), &ticked).await
    };
    let done = done.await;
    let deleted = paths::done(paths::HISTORY, "deleted");
    form.reply_at(history_page(&fields.back), done.map(|()| FormReply::to(deleted)))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct ShareForm {
    #[serde(default)]
    days: String,
    /// There where it is ticked.
    audio: Option<String>,
}

pub(crate) async fn share(
    PathId(id): PathId<AnalysisId>,
    Submitted { mut form, fields }: Submitted<ShareForm>,
) -> Response {
    form.is_called("share");
    let audio = match fields.audio {
        Some(_) => SharedAudio::Included,
        None => SharedAudio::Withheld,
    };
    // What is no number is none of those that are offered.
    let days = fields.days.parse().unwrap_or(0);
    let done = shares::create(form.backend(), form.actor(), id, days, audio).await;
    form.reply(done.map(|_| FormReply::to(paths::done(&paths::analysis(id), "share"))))
        .await
}

pub(crate) async fn end_share(PathId(id): PathId<ShareId>, form: FormRequest) -> Response {
    let done = shares::end(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| FormReply::to(paths::done(paths::SHARES, "share-ended"))))
        .await
}
