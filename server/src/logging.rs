//! Logs: structured, with request ids, without personal data. What is logged holds ids and route templates, never
//! addresses, names, queries or bodies.

use std::io::IsTerminal as _;

use backend::config::{Config, LogFormat};
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

/// Libraries that log signed URLs, statements or refusals of their own are quiet unless asked for by name.
const QUIET: [&str; 4] = ["s3s=off", "sqlx=warn", "hyper=warn", "aws=warn"];

/// Starts logging as `config` says.
///
/// # Errors
/// The filter cannot be read, or logging was started before.
pub(crate) fn init(config: &Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(format!("{},{}", QUIET.join(","), config.log))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => lines.with_target(false).finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
