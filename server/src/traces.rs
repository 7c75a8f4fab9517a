//! Traces by OTLP, where `telemetry.otlp_endpoint` names a collector: a span for each request and each job, with ids, the template of
//! the route, the kind of the job, status and time. Nothing else leaves: no event of the log, no span of a library, no word of anybody's.

use std::time::Duration;

use async_trait::async_trait;
use backend::config::Config;
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What sends the spans; what waits is sent when it is dropped.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that is away holds no process up.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// Starts sending; nothing where no collector is named. `runtime` is the one that requests to it run on.
///
/// # Errors
/// The address cannot be read.
pub(crate) fn start(config: &Config, runtime: &Handle) -> Result<Option<Traces>, Failure> {
    let endpoint = config.telemetry.otlp_endpoint.as_str();
    if endpoint.is_empty() {
        return Ok(None);
    }
    let client = Client {
        http: reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?,
        runtime: runtime.clone(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| format!("telemetry.otlp_endpoint: {error}"))?;
    // No detector: those read the name and the variables of the machine.
    let resource = Resource::builder_empty().with_service_name("mixlens").build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    Ok(Some(Traces(provider)))
}

impl Traces {
    /// What hears of our own spans, and of nothing that is logged.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("mixlens"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_ours))
    }
}

/// Whether it is a request or a job.
fn is_ours(about: &Metadata<'_>) -> bool {
    about.is_span()
        && matches!(
            (about.target(), about.name()),
            ("server::layers::log", "request") | ("backend::jobs::runner", "job")
        )
}

/// The exporter has a thread of its own, outside of any runtime; the client needs one.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (http, request) = (self.http.clone(), reqwest::Request::try_from(request)?);
        let sending = self.runtime.spawn(async move {
            let answer = http.execute(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        });
        let (status, headers, body) = sending.await??;
        let mut response = Response::new(body);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}
