//! Figures for whoever watches over the installation, on a listener of their own that the world does not see. In the text
//! format of Prometheus; counted when they are asked for, so that every process says the same. Written by hand, because the
//! crates for it keep values between requests, where these are rows of a database that would have to be cleared each time.

use std::fmt::Write as _;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use backend::{Backend, Result, cleanup, jobs, privacy, sweep};

use crate::serve::Connections;

/// Answers `/metrics` and nothing else.
pub(crate) fn routes(backend: Backend, connections: Connections) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state((backend, connections))
}

async fn metrics(State((backend, connections)): State<(Backend, Connections)>) -> Result<String, StatusCode> {
    text(&backend, &connections).await.map_err(|error| {
        tracing::warn!(%error, "the figures could not be read");
        StatusCode::SERVICE_UNAVAILABLE
    })
}

/// All figures.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn text(backend: &Backend, connections: &Connections) -> Result<String> {
    let (db, now) = (&backend.db, backend.now());
    let mut text = String::new();
    let mut record = |name: &str, about: &str, values: Vec<(String, i64)>| {
        let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    record(
        "mixlens_connections",
        "Connections that browsers and programs hold to this process.",
        single(connections.count()),
    );
    let overdue = cleanup::overdue(db, now).await?;
    record(
        "mixlens_overdue_objects",
        "Objects that should have been gone for three hours. Alarm above 0.",
        single(overdue),
    );
    if let Some(sweep) = sweep::last(db).await? {
        record(
            "mixlens_objects_without_a_row",
            "Objects that the last sweep of the storage found without a row. Alarm where it stays above 0 for two days.",
            single(sweep.seen.without_row),
        );
        record(
            "mixlens_object_sweep_age_seconds",
            "Since when the storage was not compared with the database. Alarm above 4 hours.",
            single(now.since(sweep.ended_at).as_secs()),
        );
    }
    let due = cleanup::expired(backend).await?;
    record(
        "mixlens_due",
        "What the next run of the reaper would remove.",
        due.into_iter()
            .map(|(what, count)| (format!("{{what=\"{what}\"}}"), count))
            .collect(),
    );
    let counts = jobs::counts(db).await?;
    record(
        "mixlens_jobs",
        "Jobs that are not done, by queue and state. Alarm on dead ones.",
        counts
            .into_iter()
            .map(|count| {
                (
                    format!("{{queue=\"{}\",state=\"{}\"}}", count.queue, count.state),
                    bounded(count.count),
                )
            })
            .collect(),
    );
    let mut waited = Vec::new();
    for queue in jobs::Queue::ALL {
        let since = jobs::oldest_due(db, queue, now).await?;
        let seconds = since.map_or(0, |since| now.since(since).as_secs());
        waited.push((format!("{{queue=\"{}\"}}", queue), bounded(seconds)));
    }
    record(
        "mixlens_oldest_due_job_seconds",
        "How long the oldest due job has waited.",
        waited,
    );
    let mut waiting = Vec::new();
    for queue in jobs::Queue::ALL {
        let count = jobs::waiting(db, queue, now).await?;
        waiting.push((format!("{{queue=\"{}\"}}", queue), count));
    }
    record(
        "mixlens_waiting_jobs",
        "Jobs that were tried and wait, because something failed or is away: storage, mail server. Alarm where it stays above 0 for an hour.",
        waiting,
    );
    if let Some(last) = jobs::schedule::last(db).await? {
        record(
            "mixlens_periodic_work_age_seconds",
            "Since when no periodic work was begun. Alarm above 2 hours: no process has the role beat, and nothing is removed.",
            single(now.since(last).as_secs()),
        );
    }
    let erasures = privacy::erasure::open(db).await?;
    let requests = privacy::requests::open(db).await?;
    let late = erasures.iter().filter(|erasure| erasure.due_at <= now).count()
        + requests.iter().filter(|request| request.due_at <= now).count();
    record(
        "mixlens_open_erasures",
        "Deletions of accounts that are not finished.",
        single(erasures.len()),
    );
    record(
        "mixlens_open_privacy_requests",
        "Requests by e-mail that are not answered.",
        single(requests.len()),
    );
    record(
        "mixlens_late_privacy_requests",
        "Those of both that are older than 30 days. Alarm above 0.",
        single(late),
    );
    Ok(text)
}

/// A figure without labels.
fn single(value: impl TryInto<i64>) -> Vec<(String, i64)> {
    vec![(String::new(), bounded(value))]
}

/// As the format's integers hold it.
fn bounded(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
