//! Whether the process lives (`/healthz`) and can take work (`/readyz`).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{extract::State, http::StatusCode};
use backend::{Backend, db::DbError, jobs, storage::Storage};
use model::Timestamp;
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::router::AppState;

/// How long an answer of the storage is good for.
const ASK_STORAGE_EVERY: Duration = Duration::from_secs(10);

/// How long an answer is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// After so long without any periodic work, which is hourly, something is wrong.
const SILENT_BEAT: Duration = Duration::from_secs(2 * 3600);

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A status, and words for whoever watches.
type ReadyAnswer = (StatusCode, String);

/// Whether the process wants requests: not from the first moment of draining on.
#[derive(Debug, Clone)]
pub struct Readiness {
    refused: CancellationToken,
    /// Cancelled once nothing is in the database that was deleted.
    caught_up: CancellationToken,
    /// When the storage was asked last, and what came of it.
    storage: Arc<Mutex<Option<(Instant, bool)>>>,
    /// What was answered last, and when.
    last: Arc<Mutex<Option<(Timestamp, ReadyAnswer)>>>,
}

impl Readiness {
    /// Wants requests.
    #[must_use]
    pub fn new() -> Self {
        let caught_up = CancellationToken::new();
        caught_up.cancel();
        Self::after(caught_up)
    }

    /// Wants requests as soon as `caught_up` is cancelled: as long as a restored database may bring back what was deleted, nobody
    /// is served from it.
    #[must_use]
    pub fn after(caught_up: CancellationToken) -> Self {
        Self {
            refused: CancellationToken::new(),
            caught_up,
            storage: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Wants no more.
    pub fn refuse(&self) {
        self.refused.cancel();
    }

    /// Whether nothing is in the database that was deleted.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.caught_up.is_cancelled()
    }

    pub(crate) fn is_wanted(&self) -> bool {
        !self.refused.is_cancelled()
    }

    /// Waits for the first moment of draining.
    pub(crate) async fn refused(&self) {
        self.refused.cancelled().await;
    }

    /// Whether the storage answers, asked at most every [`ASK_STORAGE_EVERY`]: a question costs money there.
    async fn storage_answers(&self, storage: &Storage) -> bool {
        let mut asked = self.storage.lock().await;
        match *asked {
            Some((at, answers)) if at.elapsed() < ASK_STORAGE_EVERY => answers,
            _ => {
                let answers = matches!(timeout(PATIENCE, storage.ready()).await, Ok(Ok(_)));
                *asked = Some((Instant::now(), answers));
                answers
            }
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// The process answers. Depends on nothing else.
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

/// The database can be written to, and the process is not draining. That work waits long or the storage does not answer is said
/// and is no reason to be sent no requests: pages are there without it, and elsewhere it would be no different.
///
/// Anybody may ask, so that an answer costs little: the database is asked once a second, however many want to know, and nothing is
/// written.
pub(crate) async fn readyz(State(site): State<AppState>) -> ReadyAnswer {
    if !site.readiness.is_wanted() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    if !site.readiness.is_caught_up() {
        let words = "the ledger of deletions cannot be read\n";
        return (StatusCode::SERVICE_UNAVAILABLE, words.to_owned());
    }
    let now = site.backend.now();
    let mut last = site.readiness.last.lock().await;
    match &*last {
        // A clock that is set back makes no answer last.
        Some((at, answer)) if now.since(*at) < GOOD_FOR && *at <= now => answer.clone(),
        _ => {
            let answer = ask(&site).await;
            *last = Some((now, answer.clone()));
            answer
        }
    }
}

async fn ask(site: &AppState) -> ReadyAnswer {
    let busy = |part: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{part}\n"));
    if !matches!(timeout(PATIENCE, site.backend.db.can_write()).await, Ok(true)) {
        return busy("the database cannot be written to");
    }
    let Ok(Ok(wait)) = timeout(PATIENCE, longest_wait(&site.backend)).await else {
        return busy("the database does not answer");
    };
    let mut text = format!("ready\noldest work waits {} s\n", wait.as_secs());
    if let Ok(Some(last)) = jobs::schedule::last(&site.backend.db).await
        && site.backend.now().since(last) > SILENT_BEAT
    {
        text.push_str("warning: no periodic work is begun; is there a process with the role beat?\n");
    }
    if !storage_answers(site).await {
        text.push_str("warning: the storage does not answer\n");
    }
    (StatusCode::OK, text)
}

/// How long the oldest work that is due has waited, over all queues.
async fn longest_wait(backend: &Backend) -> Result<Duration, DbError> {
    let (mut longest, now) = (Duration::ZERO, backend.now());
    for queue in jobs::Queue::ALL {
        let since = jobs::oldest_due(&backend.db, queue, now).await?;
        longest = longest.max(since.map_or(Duration::ZERO, |since| now.since(since)));
    }
    Ok(longest)
}

/// Whether the storage answers. The built-in store is this very process.
async fn storage_answers(site: &AppState) -> bool {
    site.backend.config.uses_builtin_storage() || site.readiness.storage_answers(&site.backend.storage).await
}
