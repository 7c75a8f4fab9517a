//! All routes outside of pages, and the layers around everything.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::{any, get, post},
};
use backend::{Backend, entropy};
use leptos::config::LeptosOptions;
use tower_http::{compression::CompressionLayer, set_header::SetResponseHeaderLayer};
use tracing::Instrument as _;

use crate::{
    account, assets, downloads, error_reports, forms,
    health::{self, Readiness},
    limits, mail_preview, pages, privacy, session,
    setup::{self, Services},
    songs, telemetry,
};

/// The largest body of a form or a server function, in bytes. Audio never comes this way (P03).
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What handlers are given. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) backend: Backend,
    pub(crate) readiness: Readiness,
    pub(crate) options: Arc<LeptosOptions>,
    pub(crate) limiters: Arc<limits::Limiters>,
    pub(crate) assets: assets::Assets,
    builtin: Option<builtin_storage::Service>,
}

impl AppState {
    /// The site of these parts.
    ///
    /// # Errors
    /// The built site cannot be found; the text says how to build it.
    pub fn new(
        services: Services,
        readiness: Readiness,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        // Leptos renders on this runtime. An error says that it was told so before.
        let _ = any_spawner::Executor::init_tokio();
        let assets = assets::Assets::open(setup::site_dir(&services.backend.config))?;
        let options = Arc::new(assets.leptos_options());
        Ok(Self {
            limiters: Arc::new(limits::Limiters::new(&services.backend.config.limits)),
            backend: services.backend,
            readiness,
            options,
            assets,
            builtin: services.builtin,
        })
    }
}

/// Everything that the web role answers.
pub fn build(site: AppState) -> Router {
    let mut people = Router::new()
        .route("/signup", post(forms::sign_up))
        .route("/signup/confirm", post(forms::confirm))
        .route("/signin", post(forms::sign_in))
        .route("/signout", post(forms::sign_out))
        .route("/analyses/{id}/rename", post(forms::rename))
        .route("/analyses/{id}/delete", post(forms::delete))
        .route("/account/privacy/export", post(privacy::ask_for_copy))
        .route("/account/privacy/delete", post(privacy::delete_account))
        .route("/consent", post(privacy::consent))
        .route("/browser-fault", post(error_reports::browser_fault))
        .route("/analyses/{id}/stage", post(forms::stage))
        .route("/analyses/{id}/comparison", post(forms::compare_with))
        .route("/analyses/{id}/report.json", get(downloads::json))
        .route("/analyses/{id}/report.html", get(downloads::html))
        .route("/fn/{*function}", any(pages::server_function))
        .merge(account::routes())
        .merge(songs::routes());
    if site.backend.config.is_development() && site.backend.mailer.writes_files() {
        people = people
            .route("/dev/mail", get(mail_preview::page))
            .route("/dev/mail/previews", get(mail_preview::previews));
    }
    let people = people
        .fallback(pages::page)
        .method_not_allowed_fallback(pages::page)
        .layer(middleware::from_fn_with_state(site.clone(), telemetry::count))
        .layer(middleware::from_fn_with_state(site.clone(), limits::check))
        .layer(middleware::from_fn_with_state(site.clone(), session::identify))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CompressionLayer::new());

    let mut all = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/.well-known/security.txt", get(privacy::security_txt))
        .merge(assets::routes(&site.assets))
        .merge(account::mail_program_routes())
        .merge(people);
    if let Some(service) = site.builtin.clone() {
        // `nest` would strip the bucket from the path and break the signature.
        let bucket = &site.backend.config.storage.bucket;
        all = all
            .route_service(&format!("/{bucket}"), service.clone())
            .route_service(&format!("/{bucket}/"), service.clone())
            .route_service(&format!("/{bucket}/{{*key}}"), service);
    }
    all.layer(SetResponseHeaderLayer::if_not_present(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ))
    .layer(fixed("x-content-type-options", "nosniff"))
    .layer(fixed("cross-origin-opener-policy", "same-origin"))
    .layer(fixed("cross-origin-resource-policy", "same-origin"))
    .layer(fixed("referrer-policy", "strict-origin-when-cross-origin"))
    .layer(fixed(
        "permissions-policy",
        "accelerometer=(), browsing-topics=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
    ))
    .layer(middleware::from_fn_with_state(site.clone(), transport_security))
    .layer(middleware::from_fn_with_state(site.clone(), log))
    .with_state(site)
}

fn fixed(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// Over HTTPS, tells browsers to stay there (P29).
async fn transport_security(
    axum::extract::State(site): axum::extract::State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if site.backend.config.base_url.starts_with("https://") {
        response.headers_mut().insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    response
}

/// Gives the request an id and logs it once: method, route template, status, milliseconds. Never the address with its
/// query, which may hold a signature or a token.
async fn log(
    axum::extract::State(site): axum::extract::State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = entropy::new_id(&*site.backend.entropy, site.backend.now())
        .simple()
        .to_string();
    let header = HeaderName::from_static("x-request-id");
    let Ok(value) = HeaderValue::from_str(&id) else {
        return next.run(request).await;
    };
    request.headers_mut().insert(header.clone(), value.clone());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("page", MatchedPath::as_str)
        .to_owned();
    let span = tracing::info_span!("request", id);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    span.in_scope(|| {
        if status >= 500 {
            tracing::error!(%method, route, status, milliseconds, "answered");
        } else if matches!(route.as_str(), "/healthz" | "/readyz") || route.starts_with("/pkg") {
            tracing::debug!(%method, route, status, milliseconds, "answered");
        } else {
            tracing::info!(%method, route, status, milliseconds, "answered");
        }
    });
    response.headers_mut().insert(header, value);
    response
}
