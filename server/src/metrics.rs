//! Figures for whoever watches over the installation, on a listener of their own that the world does not see, in the text format of
//! Prometheus.
//!
//! What rows say is counted when it is asked for, so that every process says the same; written by hand, because the crates for it
//! keep values between requests, which would have to be cleared each time. How long requests took is this process's own, and kept
//! by `prometheus-client`.

use std::{fmt::Write as _, fs, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode},
    routing::get,
};
use backend::{Backend, Result, cleanup, jobs, privacy, sweep, webhooks};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode_registry},
    metrics::{family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{progress::Streams, serve::Connections};

/// Upper bounds of the times of answers, in seconds.
const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What the figures of a process are taken from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) backend: Backend,
    pub(crate) connections: Connections,
    pub(crate) answers: Answers,
    pub(crate) streams: Streams,
}

/// How this process has answered. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    registry: Arc<Registry>,
    durations: Family<Answer, Histogram, fn() -> Histogram>,
}

/// What is told apart of answers; all of it from short lists, so that nobody can make the figures grow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: &'static str,
    /// As a template.
    route: String,
    /// By its hundreds.
    status: &'static str,
}

impl Default for Answers {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let durations = Family::new_with_constructor(histogram);
        let mut registry = Registry::default();
        registry.register(
            "mixlens_http_request_duration_seconds",
            "How long requests took until the head of the answer was there",
            durations.clone(),
        );
        Self {
            registry: Arc::new(registry),
            durations,
        }
    }
}

impl Answers {
    /// Counts an answer.
    pub(crate) fn count(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let answer = Answer {
            method: known(method),
            route: route.to_owned(),
            status: match status.as_u16() {
                ..200 => "1xx",
                200..300 => "2xx",
                300..400 => "3xx",
                400..500 => "4xx",
                500.. => "5xx",
            },
        };
        self.durations.get_or_create(&answer).observe(took.as_secs_f64());
    }
}

/// The name of a method that there is.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

/// Answers `/metrics` and nothing else.
pub(crate) fn routes(sources: Sources) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(sources)
}

async fn metrics(State(sources): State<Sources>) -> Result<String, StatusCode> {
    text(&sources).await.map_err(|error| {
        tracing::warn!(%error, "the figures could not be read");
        StatusCode::SERVICE_UNAVAILABLE
    })
}

/// All figures.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn text(sources: &Sources) -> Result<String> {
    let mut figures = Figures::default();
    figures.of_process(sources);
    figures.of_storage(&sources.backend).await?;
    figures.of_jobs(&sources.backend).await?;
    figures.of_privacy(&sources.backend).await?;
    figures.of_webhooks(&sources.backend).await?;
    // Writing into a text does not fail.
    let _ = encode_registry(&mut figures.text, &sources.answers.registry);
    Ok(figures.text)
}

#[derive(Debug, Default)]
struct Figures {
    text: String,
}

impl Figures {
    /// A figure with a value for each set of labels.
    fn record(&mut self, name: &str, about: &str, values: Vec<(String, i64)>) {
        let _ = writeln!(self.text, "# HELP {name} {about}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(self.text, "{name}{labels} {value}");
        }
    }

    /// A figure without labels.
    fn single(&mut self, name: &str, about: &str, value: impl TryInto<i64>) {
        self.record(name, about, vec![(String::new(), bounded(value))]);
    }

    fn of_process(&mut self, sources: &Sources) {
        let backend = &sources.backend;
        self.record(
            "mixlens_build_info",
            "The version of this process.",
            vec![(format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1)],
        );
        self.single(
            "mixlens_connections",
            "Connections that browsers and programs hold to this process.",
            sources.connections.count(),
        );
        self.single(
            "mixlens_event_streams",
            "Streams about progress that this process sends.",
            sources.streams.count(),
        );
        let pool = backend.db.connections();
        self.record(
            "mixlens_database_connections",
            "Connections of this process to the database.",
            vec![
                ("{state=\"used\"}".to_owned(), bounded(pool.used)),
                ("{state=\"idle\"}".to_owned(), bounded(pool.idle)),
            ],
        );
        self.single(
            "mixlens_database_connections_max",
            "How many connections this process may hold to the database.",
            pool.max,
        );
        if let Some(is_up) = backend.redis.is_up() {
            self.single(
                "mixlens_redis_up",
                "Whether Redis answers this process. Alarm at 0.",
                i64::from(is_up),
            );
        }
        let folders = [
            ("data_dir", backend.config.data_dir.clone()),
            ("temporary", std::env::temp_dir()),
        ];
        let (mut free, mut all) = (Vec::new(), Vec::new());
        for (folder, path) in folders {
            let Ok(disk) = rustix::fs::statvfs(&path) else {
                continue;
            };
            let label = format!("{{folder=\"{folder}\"}}");
            free.push((
                label.clone(),
                bounded(disk.f_bavail.saturating_mul(disk.f_frsize)),
            ));
            all.push((label, bounded(disk.f_blocks.saturating_mul(disk.f_frsize))));
        }
        self.record(
            "mixlens_disk_free_bytes",
            "Free space where this process writes. Alarm below a tenth.",
            free,
        );
        self.record("mixlens_disk_bytes", "Space where this process writes.", all);
        self.of_operating_system();
    }

    /// By the names that Prometheus' own client libraries give them; nothing where there is no Linux.
    fn of_operating_system(&mut self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| {
            let kibibytes = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
            kibibytes.trim().parse::<i64>().ok()
        });
        if let Some(kibibytes) = resident {
            self.single(
                "process_resident_memory_bytes",
                "Memory of this process.",
                kibibytes.saturating_mul(1024),
            );
        }
        if let Ok(open) = fs::read_dir(Path::new("/proc/self/fd")) {
            self.single(
                "process_open_fds",
                "Files and sockets that this process has open.",
                open.count(),
            );
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        if let Some(most) = limit.current {
            self.single(
                "process_max_fds",
                "How many files and sockets this process may have open.",
                most,
            );
        }
    }

    async fn of_storage(&mut self, backend: &Backend) -> Result<()> {
        let (db, now) = (&backend.db, backend.now());
        self.single(
            "mixlens_overdue_objects",
            "Objects that should have been gone for three hours. Alarm above 0.",
            cleanup::overdue(db, now).await?,
        );
        if let Some(sweep) = sweep::last(db).await? {
            self.single(
                "mixlens_objects_without_a_row",
                "Objects that the last sweep of the storage found without a row. Alarm where it stays above 0 for two days.",
                sweep.seen.without_row,
            );
            self.single(
                "mixlens_object_sweep_age_seconds",
                "Since when the storage was not compared with the database. Alarm above 4 hours.",
                now.since(sweep.ended_at).as_secs(),
            );
        }
        let due = cleanup::expired(backend).await?;
        self.record(
            "mixlens_due",
            "What the next run of the reaper would remove.",
            due.into_iter()
                .map(|(what, count)| (format!("{{what=\"{what}\"}}"), count))
                .collect(),
        );
        Ok(())
    }

    async fn of_jobs(&mut self, backend: &Backend) -> Result<()> {
        let (db, now) = (&backend.db, backend.now());
        let counts = jobs::counts(db).await?;
        self.record(
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
        let (mut waited, mut waiting) = (Vec::new(), Vec::new());
        for queue in jobs::Queue::ALL {
            let label = format!("{{queue=\"{queue}\"}}");
            let since = jobs::oldest_due(db, queue, now).await?;
            let seconds = since.map_or(0, |since| now.since(since).as_secs());
            waited.push((label.clone(), bounded(seconds)));
            waiting.push((label, jobs::waiting(db, queue, now).await?));
        }
        self.record(
            "mixlens_oldest_due_job_seconds",
            "How long the oldest due job has waited.",
            waited,
        );
        self.record(
            "mixlens_waiting_jobs",
            "Jobs that were tried and wait, because something failed or is away: storage, mail server. Alarm where it stays above 0 for an hour.",
            waiting,
        );
        if let Some(last) = jobs::schedule::last(db).await? {
            self.single(
                "mixlens_periodic_work_age_seconds",
                "Since when no periodic work was begun. Alarm above 2 hours: no process has the role beat, and nothing is removed.",
                now.since(last).as_secs(),
            );
        }
        Ok(())
    }

    async fn of_privacy(&mut self, backend: &Backend) -> Result<()> {
        let (db, now) = (&backend.db, backend.now());
        let erasures = privacy::erasure::open(db).await?;
        let requests = privacy::requests::open(db).await?;
        let late = erasures.iter().filter(|erasure| erasure.due_at <= now).count()
            + requests.iter().filter(|request| request.due_at <= now).count();
        self.single(
            "mixlens_open_erasures",
            "Deletions of accounts that are not finished.",
            erasures.len(),
        );
        self.single(
            "mixlens_open_privacy_requests",
            "Requests by e-mail that are not answered.",
            requests.len(),
        );
        self.single(
            "mixlens_late_privacy_requests",
            "Those of both that are older than 30 days. Alarm above 0.",
            late,
        );
        Ok(())
    }

    async fn of_webhooks(&mut self, backend: &Backend) -> Result<()> {
        let trouble = webhooks::trouble(&backend.db).await?;
        self.record(
            "mixlens_webhook_endpoints",
            "Endpoints of webhooks whose deliveries fail now, and those that were disabled for it. Alarm where many begin to fail at once.",
            vec![
                ("{state=\"failing\"}".to_owned(), trouble.failing),
                ("{state=\"disabled\"}".to_owned(), trouble.disabled),
            ],
        );
        Ok(())
    }
}

/// As the format's integers hold it.
fn bounded(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_somebody_made_up_is_no_figure_of_its_own() {
        let answers = Answers::default();
        for method in ["GET", "BREW", "MIX"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            answers.count(&method, "/", StatusCode::OK, Duration::from_millis(20));
        }
        let mut text = String::new();
        encode_registry(&mut text, &answers.registry).unwrap();
        let count = |method: &str| {
            let name = "mixlens_http_request_duration_seconds_count";
            text.contains(&format!(
                r#"{name}{{method="{method}",route="/",status="2xx"}} {}"#,
                if method == "GET" { 1 } else { 2 }
            ))
        };
        assert!(count("GET") && count("other") && !text.contains("BREW"), "{text}");
        assert!(text.contains("le=\"0.025\""), "{text}");
    }
}
