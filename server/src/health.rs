//! Whether the process lives (`/healthz`) and can take work (`/readyz`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use backend::{
    Backend,
    db::{DbError, sql},
    jobs,
    storage::Storage,
};
use tokio::{sync::Mutex, time::timeout};

use crate::router::AppState;

/// How long an answer of the storage is good for.
const ASK_STORAGE_EVERY: Duration = Duration::from_secs(10);

/// After so long without any periodic work, which is hourly, something is wrong.
const SILENT_BEAT: Duration = Duration::from_secs(2 * 3600);

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the process wants requests; false from the first moment of draining.
#[derive(Debug, Clone)]
pub struct Readiness {
    wanted: Arc<AtomicBool>,
    /// When the storage was asked last, and what came of it.
    storage: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Readiness {
    /// Wants requests.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wanted: Arc::new(AtomicBool::new(true)),
            storage: Arc::default(),
        }
    }

    /// Wants no more.
    pub fn refuse(&self) {
        self.wanted.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst)
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
pub(crate) async fn readyz(State(site): State<AppState>) -> impl IntoResponse {
    let busy = |part: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{part}\n"));
    if !site.readiness.is_wanted() {
        return busy("draining");
    }
    if !can_write(&site.backend).await {
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
    if !storage_answers(&site).await {
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

/// Whether the database can be written to. Changes no row and needs the right to write all the same: a replica and a full disk
/// under SQLite's lock refuse it.
async fn can_write(backend: &Backend) -> bool {
    let probe = sql("UPDATE cron SET slot = slot WHERE name = ''");
    matches!(timeout(PATIENCE, backend.db.execute(probe)).await, Ok(Ok(_)))
}

/// Whether the storage answers. The built-in store is this very process.
async fn storage_answers(site: &AppState) -> bool {
    site.backend.config.uses_builtin_storage() || site.readiness.storage_answers(&site.backend.storage).await
}
