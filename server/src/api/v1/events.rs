//! How far an analysis comes, as server-sent events: one for each step, the last one with a final state.

use axum::response::Response;
use backend::{analyses, tokens};
use futures::FutureExt as _;
use model::analysis::Work;

use super::wire::ProgressEvent;
use crate::{
    api::{call::Call, error::ApiError},
    progress,
};

pub(crate) async fn stream(call: Call) -> Result<Response, ApiError> {
    let id = call.id("analysis")?;
    let first = analyses::progress(call.backend(), &call.actor, id).await?;
    let Call {
        site, actor, token, ..
    } = call;
    let backend = site.backend.clone();
    let look = Box::new(move || {
        let (backend, actor) = (backend.clone(), actor.clone());
        async move {
            // A token that was revoked sees no more.
            let holds = tokens::holds(&backend, token).await.ok()?;
            let progress = analyses::progress(&backend, &actor, id).await.ok()?;
            holds.then_some(progress)
        }
        .boxed()
    });
    let show = |progress: &_| ProgressEvent::from(progress);
    Ok(progress::events(&site, Work::Analysis(id), first, look, show))
}
