//! How far work has come, as server-sent events: one for each step that differs from the last, until the work has ended.
//!
//! The row is the truth and is asked for each time; a hint says when. Hints come from this process and, through Redis, from the
//! others; without one the row is looked at by turns, which are long only while Redis answers.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use backend::redis::{Hint, Redis};
use futures::{future::BoxFuture, stream};
use model::analysis::{Progress, Work};
use serde::Serialize;
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        broadcast::{Receiver, error::RecvError},
    },
    time::Instant,
};

use crate::{health::Readiness, router::AppState};

/// How often it is looked where hints of others may not be heard.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often it is looked all the same while Redis answers.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(5);

/// No sooner is it looked again, whoever hints how often.
const PAUSE: Duration = Duration::from_millis(150);

/// After this long a stream ends, and whoever follows asks again: a session or token that ended is seen then at the latest.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Streams that one process sends at once. Beyond them pages ask by turns, as they do where a stream breaks.
const MOST: usize = 2_000;

/// The streams of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Streams {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        MOST - self.0.available_permits()
    }
}

/// Whether events are asked for instead of one answer.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes() == b"text/event-stream")
}

/// When to look at a row again.
struct Turns {
    of: Work,
    hints: Receiver<Hint>,
    redis: Redis,
    readiness: Readiness,
    until: Instant,
}

impl Turns {
    /// Waits for the next time to look; `false` when there is none, because the process or the stream ends.
    async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.readiness.refused() => return false,
            () = tokio::time::sleep(PAUSE) => {}
        }
        let turn = if self.redis.is_up() == Some(true) {
            LOOK_AT_LEAST_EVERY
        } else {
            LOOK_EVERY
        };
        let of = self.of;
        tokio::select! {
            () = self.readiness.refused() => return false,
            () = tokio::time::sleep(turn.saturating_sub(PAUSE)) => {}
            () = hint_of(&mut self.hints, of) => {}
        }
        Instant::now() < self.until
    }
}

/// Waits for a hint that `work` has come further, or that hints were missed.
async fn hint_of(hints: &mut Receiver<Hint>, work: Work) {
    loop {
        match hints.recv().await {
            Ok(Hint::Progress(of)) if of == work => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // Nobody hints any more: only the turns are left.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Looks at the row, as whoever follows may see it; nothing where the stream should end.
pub(crate) type Look = Box<dyn FnMut() -> BoxFuture<'static, Option<Progress>> + Send>;

/// Where a stream stands.
struct Following<T> {
    turns: Turns,
    look: Look,
    show: fn(&Progress) -> T,
    first: Option<Progress>,
    /// What was told last.
    told: Option<T>,
    is_over: bool,
    /// Counts the stream as long as it is there.
    _permit: OwnedSemaphorePermit,
}

/// The events from `first` on, each as `show` makes it.
pub(crate) fn events<T: Serialize + PartialEq + Send + 'static>(
    site: &AppState,
    of: Work,
    first: Progress,
    look: Look,
    show: fn(&Progress) -> T,
) -> Response {
    let Ok(permit) = Arc::clone(&site.streams.0).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")]).into_response();
    };
    let redis = site.backend.redis.clone();
    let following = Following {
        turns: Turns {
            of,
            hints: redis.hear(),
            redis,
            readiness: site.readiness.clone(),
            until: Instant::now() + LONGEST,
        },
        look,
        show,
        first: Some(first),
        told: None,
        is_over: false,
        _permit: permit,
    };
    let events = stream::unfold(following, |mut following| async {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    // A proxy that collects an answer before it passes it on would hold back every step (nginx looks for this).
    response
        .headers_mut()
        .insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

impl<T: Serialize + PartialEq> Following<T> {
    /// The next step that differs from the last one.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let progress = match self.first.take() {
                Some(progress) => progress,
                None if self.is_over => return None,
                None if self.turns.next().await => (self.look)().await?,
                None => return None,
            };
            let shown = (self.show)(&progress);
            if self.told.as_ref() != Some(&shown) {
                self.is_over = progress.state.is_final();
                let event = Event::default().event("progress").json_data(&shown).ok();
                self.told = Some(shown);
                return event;
            }
        }
    }
}
