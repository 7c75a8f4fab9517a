//! Logs: structured, with request ids, without personal data. What is logged holds ids and route templates, never
//! addresses, names, queries or bodies.

use std::io::IsTerminal as _;

use backend::config::{Config, LogFormat};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{error_reports::Reporter, traces::Traces};

/// Libraries that log signed URLs, statements or refusals of their own are quiet unless asked for by name.
const QUIET: [&str; 5] = [
    "s3s=off",
    "sqlx=warn",
    "hyper=warn",
    "aws=warn",
    "posthog_rs=warn",
];

/// In production, has a panic logged by its place alone: its message may quote what was being worked on. Before
/// `error_reports::init`, whose own hook calls this one.
pub(crate) fn keep_panics_silent(config: &Config) {
    if config.is_development() {
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: "panic", place, "panicked");
    }));
}

/// Starts logging as `config` says, and tracing where there is somebody to tell.
///
/// # Errors
/// The filter cannot be read, or logging was started before.
pub(crate) fn init(
    config: &Config,
    traces: Option<&Traces>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(format!("{},{}", QUIET.join(","), config.log))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match config.log_format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Traces are the same however much is logged.
    tracing_subscriber::registry()
        .with(lines.and_then(Reporter).with_filter(filter))
        .with(traces.map(Traces::layer))
        .try_init()?;
    Ok(())
}
