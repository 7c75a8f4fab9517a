//! How far an analysis comes, as server-sent events: one for each step, the last one with a final state.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use backend::{Actor, analyses, tokens};
use futures::stream;
use model::{AnalysisId, TokenId, analysis::Progress};
use tokio::time::Instant;

use super::wire::ProgressEvent;
use crate::{
    api::{call::Call, error::ApiError},
    router::AppState,
};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After this long the stream ends, and the program asks again; a token that was revoked is seen then at the latest.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Where a stream stands.
struct Following {
    site: AppState,
    actor: Actor,
    token: TokenId,
    id: AnalysisId,
    until: Instant,
    /// What was told last.
    told: Option<ProgressEvent>,
    first: Option<Progress>,
    is_over: bool,
}

pub(crate) async fn stream(call: Call) -> Result<Response, ApiError> {
    let id = call.id("analysis")?;
    let progress = analyses::progress(call.backend(), &call.actor, id).await?;
    let following = Following {
        site: call.site,
        actor: call.actor,
        token: call.token,
        id,
        until: Instant::now() + LONGEST,
        told: None,
        first: Some(progress),
        is_over: false,
    };
    let events = stream::unfold(following, |mut following| async {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

impl Following {
    /// The next step that differs from the last one.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let progress = match self.first.take() {
                Some(progress) => progress,
                None if self.is_over || Instant::now() >= self.until => return None,
                None => {
                    tokio::time::sleep(LOOK_EVERY).await;
                    self.look().await?
                }
            };
            let event = ProgressEvent::from(&progress);
            if self.told.as_ref() != Some(&event) {
                self.is_over = progress.state.is_final();
                self.told = Some(event.clone());
                return Event::default().event("progress").json_data(event).ok();
            }
        }
    }

    /// How far it is; nothing where the stream should end: the token does not hold any more, the analysis is gone, this process ends.
    async fn look(&self) -> Option<Progress> {
        let backend = &self.site.backend;
        let goes_on = self.site.readiness.is_wanted() && tokens::holds(backend, self.token).await.ok()?;
        if goes_on {
            analyses::progress(backend, &self.actor, self.id).await.ok()
        } else {
            None
        }
    }
}
