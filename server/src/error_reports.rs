//! Reports of our own errors to Sentry, where a DSN is set (P25).
//!
//! Nothing is scrubbed out of a report: each report is built from a short list of what may be in it. The text of an error
//! is never in it, because a text may hold anything; the number of the request is, and our own log knows the rest.

use std::{borrow::Cow, sync::Arc};

use axum::{extract::State, http::StatusCode};
use backend::config::{Config, Environment};
use secrecy::ExposeSecret as _;
use sentry::{
    ClientInitGuard, ClientOptions, Level,
    protocol::{Event, Exception, Frame, Mechanism, Stacktrace, Thread},
};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::{repetitions::Repetitions, router::AppState};

/// The most events that leave in a minute, whatever broke.
const MOST_IN_A_MINUTE: u32 = 30;

/// Fields by which what failed is told apart: not by the line of our program that logs it, which is the same for all of them, and
/// not by whom it was for. What is in no report may be in here.
const TELLS_APART: [&str; 8] = [
    "at", "cause", "error", "kind", "method", "place", "route", "status",
];

/// The crates whose log lines are reported.
const OURS: [&str; 5] = ["analysis", "app", "backend", "mixlens", "server"];

/// Fields of log lines and spans that may be in a report: routes as templates, kinds, numbers of ours.
const FIELDS: [&str; 11] = [
    "at",
    "attempt",
    "id",
    "kind",
    "method",
    "milliseconds",
    "overdue",
    "request_id",
    "route",
    "status",
    "withheld",
];

/// The longest value of such a field.
const MAX_VALUE: usize = 96;

/// Starts reporting; nothing where no DSN is set. What is returned sends what waits when it is dropped.
pub(crate) fn init(
    config: &Config,
) -> Result<Option<ClientInitGuard>, Box<dyn std::error::Error + Send + Sync>> {
    let dsn = config.telemetry.sentry_dsn.expose_secret();
    if dsn.is_empty() {
        return Ok(None);
    }
    let dsn = dsn
        .parse()
        .map_err(|error| format!("telemetry.sentry_dsn: {error}"))?;
    let mut options = ClientOptions::new();
    options.dsn = Some(dsn);
    options.release = Some(concat!("mixlens@", env!("CARGO_PKG_VERSION")).into());
    options.environment = Some(match config.environment {
        Environment::Development => "development".into(),
        Environment::Production => "production".into(),
    });
    options.send_default_pii = false;
    options.max_breadcrumbs = 0;
    options.attach_stacktrace = true;
    let repetitions = Repetitions::new(MOST_IN_A_MINUTE);
    options.before_send = Some(Arc::new(move |event| report(&repetitions, event)));
    Ok(Some(sentry::init(options)))
}

/// Logs where the program in a browser broke, and so reports it. Anything but a place in our own source is refused: whoever sends
/// something else is no program of ours.
pub(crate) async fn browser_fault(State(site): State<AppState>, body: String) -> StatusCode {
    if !is_place(&body) {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    if let Some(withheld) = site.browser_faults.tell(&body) {
        tracing::error!(at = body, withheld, "broke in the browser");
    }
    StatusCode::NO_CONTENT
}

/// The faults of browsers that are told: anybody can send some, and make up places.
pub(crate) fn browser_faults() -> Repetitions {
    Repetitions::new(10)
}

/// `app/src/islands/player.rs:261:9` or `tachys-0.2.3/src/hydration.rs:181:9`, as Rust names a place.
fn is_place(text: &str) -> bool {
    let Some((file, position)) = text.split_once(".rs:") else {
        return false;
    };
    let in_path = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-/.".contains(&byte);
    let is_source = file.bytes().all(in_path) && file.contains("/src/") && !file.starts_with('/');
    let is_position = position.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    text.len() <= MAX_VALUE && is_source && is_position
}

/// What leaves of an event, if it does.
fn report(repetitions: &Repetitions, event: Event<'static>) -> Option<Event<'static>> {
    let withheld = repetitions.tell(&what_failed(&event))?;
    let mut report = allowed(event);
    report.tags.insert("withheld".to_owned(), withheld.to_string());
    Some(report)
}

/// By what the failure of an event is known: of a log line, as [`Reporter`] says; of a panic, its message.
fn what_failed(event: &Event<'static>) -> String {
    if !event.fingerprint.is_empty() && event.exception.is_empty() {
        return event.fingerprint.join("\n");
    }
    let exceptions = event.exception.iter().map(|exception| {
        format!(
            "{} {}",
            exception.ty,
            exception.value.as_deref().unwrap_or_default()
        )
    });
    exceptions
        .chain(event.message.as_deref().map(str::to_owned))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A report with what may be in it, and nothing else.
fn allowed(event: Event<'static>) -> Event<'static> {
    let mut report = Event {
        event_id: event.event_id,
        level: event.level,
        timestamp: event.timestamp,
        release: event.release,
        environment: event.environment,
        message: event.message.as_deref().map(words),
        ..Event::default()
    };
    report.tags = event
        .tags
        .into_iter()
        .filter(|(name, value)| (FIELDS.contains(&name.as_str()) || name == "place") && is_harmless(value))
        .collect();
    report.exception = event
        .exception
        .into_iter()
        .map(allowed_exception)
        .collect::<Vec<_>>()
        .into();
    // Where a log line was written, the integration puts the trace into the thread.
    report.threads = event
        .threads
        .into_iter()
        .map(|thread| Thread {
            stacktrace: thread.stacktrace.map(allowed_trace),
            current: thread.current,
            ..Thread::default()
        })
        .collect::<Vec<_>>()
        .into();
    report
}

fn allowed_exception(exception: Exception) -> Exception {
    Exception {
        ty: words(&exception.ty),
        stacktrace: exception.stacktrace.map(allowed_trace),
        mechanism: exception.mechanism.map(|mechanism| Mechanism {
            ty: words(&mechanism.ty),
            handled: mechanism.handled,
            ..Mechanism::default()
        }),
        ..Exception::default()
    }
}

/// Where in the program it was: names of functions and lines of source, which are ours and public.
fn allowed_trace(trace: Stacktrace) -> Stacktrace {
    Stacktrace {
        frames: trace
            .frames
            .into_iter()
            .map(|frame| Frame {
                function: frame.function,
                module: frame.module,
                filename: frame
                    .filename
                    .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()),
                lineno: frame.lineno,
                in_app: frame.in_app,
                ..Frame::default()
            })
            .collect(),
        ..Stacktrace::default()
    }
}

/// Of a text, the words of plain letters. Our own messages consist of them; addresses, numbers, names of files and whatever
/// else was put into a message do not.
fn words(text: &str) -> String {
    let is_plain = |word: &&str| {
        let letters = word.trim_end_matches([',', ';', ':', '.']);
        !letters.is_empty() && letters.len() <= 20 && letters.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    // A quotation is somebody else's text.
    let own: String = text.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    own.split_whitespace()
        .filter(is_plain)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a value is a number, an id or a template of ours by its looks.
fn is_harmless(value: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/{}*:.".contains(&byte);
    value.len() <= MAX_VALUE && value.bytes().all(known) && value.parse::<std::net::IpAddr>().is_err()
}

/// Makes a report of every error that our own code logs.
#[derive(Debug)]
pub(crate) struct Reporter;

/// The fields that may be in a report.
#[derive(Debug, Default, Clone)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" || FIELDS.contains(&field.name()) {
            self.0.push((field.name(), format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// What tells the failure of a log line apart.
#[derive(Debug, Default)]
struct Apart(Vec<Cow<'static, str>>);

impl Visit for Apart {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" || TELLS_APART.contains(&field.name()) {
            self.0.push(format!("{}={value:?}", field.name()).into());
        }
    }
}

impl<S> Layer<S> for Reporter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let is_ours = metadata
            .target()
            .split("::")
            .next()
            .is_some_and(|name| OURS.contains(&name));
        if *metadata.level() != tracing::Level::ERROR || !is_ours {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut apart = Apart::default();
        event.record(&mut apart);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(more) = span.extensions().get::<Fields>() {
                fields.0.extend(more.0.clone());
            }
        }
        let mut report = Event {
            level: Level::Error,
            // Read by `what_failed`; it is in no report.
            fingerprint: apart.0.into(),
            ..Event::default()
        };
        for (name, value) in fields.0 {
            if name == "message" {
                report.message = Some(value);
            } else {
                report.tags.entry(name.to_owned()).or_insert(value);
            }
        }
        let place = format!("{}:{}", metadata.target(), metadata.line().unwrap_or_default());
        report.tags.insert("place".to_owned(), place);
        sentry::capture_event(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentry::protocol::{Breadcrumb, Request, User};

    #[test]
    fn p25_of_a_report_full_of_secrets_only_what_is_allowed_is_left() {
        let secret = "ann@example.org 203.0.113.9 Night drive.wav https://store/a?X-Amz-Signature=abc __Host-session=tok";
        let frame = Frame {
            function: Some("backend::uploads::complete".into()),
            filename: Some("/home/ann/backend/src/uploads/mod.rs".into()),
            context_line: Some(secret.into()),
            abs_path: Some("/home/ann/secret".into()),
            lineno: Some(7),
            ..Frame::default()
        };
        let trace = Stacktrace {
            frames: vec![frame],
            ..Stacktrace::default()
        };
        let mut event = Event {
            message: Some(format!("the file \"{secret}\" failed: {secret}")),
            user: Some(User {
                email: Some("ann@example.org".into()),
                ..User::default()
            }),
            request: Some(Request {
                query_string: Some(secret.into()),
                cookies: Some(secret.into()),
                ..Request::default()
            }),
            server_name: Some("ann-laptop".into()),
            transaction: Some(secret.into()),
            exception: vec![Exception {
                ty: "panic".into(),
                value: Some(secret.into()),
                stacktrace: Some(trace),
                ..Exception::default()
            }]
            .into(),
            breadcrumbs: vec![Breadcrumb {
                message: Some(secret.into()),
                ..Breadcrumb::default()
            }]
            .into(),
            ..Event::default()
        };
        event.extra.insert("form".into(), secret.into());
        event.tags.insert("route".into(), "/analyses/{id}/rename".into());
        event.tags.insert("status".into(), secret.into());
        event.tags.insert("email".into(), "ann".into());
        let json = serde_json::to_string(&allowed(event)).unwrap();
        for planted in ["ann", "203.0", "Night", "drive", "Amz", "session", "tok", "home"] {
            assert!(!json.contains(planted), "{planted}: {json}");
        }
        for kept in [
            "panic",
            "backend::uploads::complete",
            "\"lineno\":7",
            "mod.rs",
            "/analyses/{id}/rename",
            "the file failed:",
        ] {
            assert!(json.contains(kept), "{kept}: {json}");
        }
    }

    /// Sends what the log says through the layer and the filter to Sentry, and counts what would leave.
    fn reports_of(log: impl FnOnce()) -> Vec<Event<'static>> {
        use tracing_subscriber::layer::SubscriberExt as _;
        let reports = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (repetitions, left) = (Repetitions::new(MOST_IN_A_MINUTE), reports.clone());
        let mut options = ClientOptions::new();
        options.dsn = "http://key@127.0.0.1:9/1".parse().ok();
        options.before_send = Some(Arc::new(move |event| {
            left.lock().unwrap().extend(report(&repetitions, event));
            None
        }));
        let client = Arc::new(sentry::Client::from(sentry::apply_defaults(options)));
        let hub = Arc::new(sentry::Hub::new(Some(client), Arc::default()));
        sentry::Hub::run(hub, || {
            let subscriber = tracing_subscriber::registry().with(Reporter);
            tracing::subscriber::with_default(subscriber, log);
        });
        let reports = reports.lock().unwrap();
        reports.clone()
    }

    #[test]
    fn p25_what_fails_is_reported_once_however_often_it_does_and_each_failure_by_itself() {
        let reports = reports_of(|| {
            for number in 0..50 {
                let (request_id, route) = (number, "/history");
                tracing::error!(request_id, error = "database: no connection", "failed");
                tracing::error!(request_id, error = "database: 42P01 a table is missing", "failed");
                tracing::error!(route, status = 500, milliseconds = number, "answered");
            }
        });
        assert_eq!(reports.len(), 3, "{reports:?}");
        let sent = serde_json::to_string(&reports).unwrap();
        assert!(!sent.contains("42P01"), "{sent}");
    }

    #[test]
    fn p25_of_the_browser_only_a_place_in_our_source_is_taken() {
        for ours in [
            "app/src/islands/player.rs:261:9",
            "tachys-0.2.3/src/hydration.rs:181:9",
        ] {
            assert!(is_place(ours), "{ours}");
        }
        for other in [
            "",
            "ann@example.org",
            "app/src/islands/player.rs:261:9 ann@example.org",
            "app/src/ann@example.org.rs:1:1",
            "/home/ann/src/player.rs:1:1",
            "https://evil.example/a.rs:1:1",
            "app/src/Night drive.rs:1:1",
        ] {
            assert!(!is_place(other), "{other}");
        }
    }

    #[test]
    fn a_message_keeps_its_plain_words() {
        assert_eq!(
            words("a report could not be saved: Ann's mix_3.wav"),
            "a report could not be saved:"
        );
        assert_eq!(words("token=abc https://a/b 1.2.3.4 UPPER"), "");
    }
}
