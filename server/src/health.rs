//! Whether the process lives (`/healthz`) and can take work (`/readyz`).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use backend::{Backend, db::sql};

use crate::router::Site;

/// Whether the process wants requests; false from the first moment of draining.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Wants requests.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Wants no more.
    pub fn refuse(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn is_wanted(&self) -> bool {
        self.0.load(Ordering::SeqCst)
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

/// Database and storage answer, and the process is not draining.
pub(crate) async fn readyz(State(site): State<Site>) -> impl IntoResponse {
    if !site.readiness.is_wanted() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    match missing(&site.backend).await {
        None => (StatusCode::OK, "ready"),
        Some(part) => (StatusCode::SERVICE_UNAVAILABLE, part),
    }
}

async fn missing(backend: &Backend) -> Option<&'static str> {
    let database: Result<Vec<(i64,)>, _> = backend.db.all(sql("SELECT slot FROM cron WHERE name = ''")).await;
    if database.is_err() {
        return Some("the database does not answer");
    }
    // The built-in store is this very process.
    if !backend.config.uses_builtin_storage() && backend.storage.ready().await.is_err() {
        return Some("the storage does not answer");
    }
    None
}
