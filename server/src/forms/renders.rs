//! Starting, repeating and deleting renders.

use axum::{http::Uri, response::Response};
use backend::renders::{self, UnknownSteps, Wishes};
use model::{AnalysisId, RenderId, paths};
use serde::Deserialize;

use super::{FormReply, FormRequest, PathId, Submitted};
use crate::layers::csrf::CSRF_FIELD;

pub(crate) async fn start(
    PathId(id): PathId<AnalysisId>,
    Submitted { form, fields }: Submitted<Vec<(String, String)>>,
) -> Response {
    let wanted = || fields.iter().filter(|(name, _)| name != CSRF_FIELD);
    let done = async {
        let wishes = Wishes::from_fields(wanted().map(|(name, value)| (&**name, &**value)))?;
        renders::start(form.backend(), form.actor(), id, &wishes, UnknownSteps::Ignored).await
    };
    let done = done.await;
    // Refused, the plan is shown as it was wanted.
    let shown: Vec<(&str, String)> = wanted()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let address: Option<Uri> = paths::plan_with(id, &shown).parse().ok();
    form.reply_at(address, done.map(|render| FormReply::to(paths::render(render))))
        .await
}

pub(crate) async fn start_again(PathId(id): PathId<RenderId>, form: FormRequest) -> Response {
    let done = renders::start_again(form.backend(), form.actor(), id).await;
    form.reply(done.map(|()| FormReply::to(paths::render(id)))).await
}

pub(crate) async fn delete(PathId(id): PathId<RenderId>, form: FormRequest) -> Response {
    let done = renders::delete(form.backend(), form.actor(), id).await;
    form.reply(done.map(|analysis| FormReply::to(paths::plan(analysis))))
        .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct StepForm {
    /// The index of the step.
    step: u32,
}

pub(crate) async fn request_step_audio(
    PathId(id): PathId<RenderId>,
    Submitted { form, fields }: Submitted<StepForm>,
) -> Response {
    let done = renders::request_step_audio(form.backend(), form.actor(), id, fields.step).await;
    let player = format!("{}#player", paths::render(id));
    form.reply(done.map(|()| FormReply::to(player))).await
}
