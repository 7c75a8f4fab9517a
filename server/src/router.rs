//! From the table of routes to a router: which handler stands at which address, and behind which layers.
//!
//! Kinds of routes have stacks of their own, side by side:
//! - **cookies** (pages, forms, functions, downloads): session, CSRF, limits, statistics;
//! - **tokens** (`/api/v1`, [`api`]): no cookie is read or set;
//! - **callbacks** (programs that prove themselves in the request): the raw body and nothing more;
//! - **none** (health, assets, the object store): no person asks.
//!
//! The first three begin with the same layers: whoever asks is counted, and the body is read within its bounds.

use std::{collections::HashSet, ops::Deref, sync::Arc};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any_service, get, post},
};
use backend::Backend;
use leptos::config::LeptosOptions;
use model::{
    paths,
    routes::{Callback, Download, Endpoint, Form, Function, Page, ROUTES, Route, System},
};

use crate::{
    api, assets, callbacks, docs, downloads, error_reports, forms, functions,
    health::{self, Readiness},
    layers::{
        body, catch_up, compression::compression, context, csrf, headers, limits, log, plain_http, session,
        telemetry,
    },
    mail_preview,
    metrics::Answers,
    pages,
    progress::Streams,
    repetitions::Repetitions,
    setup::{self, Services},
    well_known,
};

/// The largest body of a form or a function, in bytes. Audio never comes this way (P03).
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What handlers are given. One pointer, because every layer of a stack clones it for every layer below.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Site>);

impl Deref for AppState {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.0
    }
}

/// What there is once in a web process.
#[derive(Debug)]
pub struct Site {
    pub(crate) backend: Backend,
    pub(crate) readiness: Readiness,
    pub(crate) options: LeptosOptions,
    pub(crate) limiters: Arc<limits::Limiters>,
    pub(crate) assets: assets::Assets,
    pub(crate) browser_faults: Repetitions,
    pub(crate) answers: Answers,
    pub(crate) streams: Streams,
    builtin: Option<builtin_storage::Service>,
}

impl AppState {
    /// The site of these services.
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
        let options = assets.leptos_options();
        Ok(Self(Arc::new(Site {
            limiters: Arc::new(limits::Limiters::new(&services.backend.config.limits)),
            backend: services.backend,
            readiness,
            options,
            assets,
            browser_faults: error_reports::browser_faults(),
            answers: Answers::default(),
            streams: Streams::default(),
            builtin: services.builtin,
        })))
    }
}

/// Everything that the web role answers.
pub fn build(site: AppState) -> Router {
    let (mut with_cookies, mut with_tokens) = (Router::new(), Router::new());
    let (mut of_programs, mut bare) = (Router::new(), Router::new());
    for route in ROUTES {
        match route.endpoint {
            Endpoint::Page(page) => with_cookies = with_cookies.route(route.path, show(page)),
            Endpoint::Form(it) => with_cookies = with_cookies.route(route.path, form(it, route)),
            Endpoint::Function(it) => with_cookies = with_cookies.route(route.path, function(it)),
            Endpoint::Mcp => with_tokens = with_tokens.route(route.path, api::mcp(&site)),
            Endpoint::Api(it) => with_tokens = with_tokens.route(route.path, api::handler(it)),
            Endpoint::Download(it) => with_cookies = with_cookies.route(route.path, download(it)),
            Endpoint::Callback(it) => of_programs = of_programs.route(route.path, callback(it)),
            Endpoint::System(it) => bare = system(it, route, bare, &site),
        }
    }
    // Each stack is one layer to axum, which would box and clone all that is below for each layer of its own.
    let asked = of_programs
        .merge(api::stack(with_tokens, &site))
        .merge(cookie_stack(with_cookies, &site))
        .layer((
            compression(),
            middleware::from_fn_with_state(site.clone(), catch_up::wait),
            middleware::from_fn_with_state(site.clone(), limits::check_requests),
            middleware::from_fn_with_state(site.clone(), body::read),
        ));
    bare.merge(asked)
        .layer((
            middleware::from_fn_with_state(site.clone(), log::log),
            middleware::from_fn_with_state(site.clone(), headers::add),
            middleware::from_fn_with_state(listed(&site), only_listed),
        ))
        .with_state(site)
}

/// The addresses that the table lists.
fn listed(site: &AppState) -> Arc<HashSet<String>> {
    let bucket = &site.backend.config.storage.bucket;
    Arc::new(ROUTES.iter().map(|route| in_bucket(route, bucket)).collect())
}

/// Finds nothing at an address that the table does not list, so that no route is served past the tests that read it.
async fn only_listed(State(listed): State<Arc<HashSet<String>>>, request: Request, next: Next) -> Response {
    let is_listed = request.extensions().get::<MatchedPath>().is_none_or(|path| {
        let path = path.as_str();
        listed.contains(path) || path.trim_end_matches('/') == paths::ASSETS
    });
    if is_listed {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// The address of a route of the object store.
fn in_bucket(route: &Route, bucket: &str) -> String {
    route.path.replace("{bucket}", bucket)
}

fn cookie_stack(routes: Router<AppState>, site: &AppState) -> Router<AppState> {
    let routes = routes
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .layer((
            middleware::from_fn_with_state(site.clone(), session::resolve),
            middleware::from_fn_with_state(site.clone(), csrf::issue),
            middleware::from_fn_with_state(site.clone(), context::provide),
            middleware::from_fn_with_state(site.clone(), csrf::verify),
            middleware::from_fn_with_state(site.clone(), limits::check),
            middleware::from_fn_with_state(site.clone(), telemetry::count),
        ));
    if plain_http::is_in_use(&site.backend.config) {
        routes.layer(middleware::from_fn_with_state(site.clone(), plain_http::adapt))
    } else {
        routes
    }
}

/// The largest body that a route takes, in bytes.
pub(crate) fn max_body(route: Option<&Route>) -> usize {
    match route.map(|route| route.endpoint) {
        Some(Endpoint::Callback(Callback::StripeEvent)) => callbacks::MAX_EVENT,
        _ => MAX_BODY,
    }
}

fn show(page: Page) -> MethodRouter<AppState> {
    get(move |State(site): State<AppState>, request: Request| pages::show(site, page, request))
}

fn form(form: Form, route: &Route) -> MethodRouter<AppState> {
    let handler = match form {
        Form::SignUp => post(forms::sign_up::sign_up),
        Form::ConfirmSignUp => post(forms::sign_up::confirm),
        Form::SignIn => post(forms::sign_in::sign_in),
        Form::SignInCode => post(forms::sign_in::sign_in_with_code),
        Form::SignOut => post(forms::sign_in::sign_out),
        Form::Forgot => post(forms::sign_in::forgot),
        Form::Reset => post(forms::sign_in::reset),
        Form::MeasureAgain => post(forms::analyses::measure_again),
        Form::RenameAnalysis => post(forms::analyses::rename),
        Form::DeleteAnalysis => post(forms::analyses::delete),
        Form::DeleteAnalyses => post(forms::analyses::delete_several),
        Form::Stage => post(forms::analyses::choose_stage),
        Form::ShareAnalysis => post(forms::analyses::share),
        Form::EndShare => post(forms::analyses::end_share),
        Form::Comparison => post(forms::analyses::compare_with),
        Form::StartRender => post(forms::renders::start),
        Form::RenderAgain => post(forms::renders::start_again),
        Form::DeleteRender => post(forms::renders::delete),
        Form::StepAudio => post(forms::renders::request_step_audio),
        Form::AnalysisSong => post(forms::songs::set_song),
        Form::GroupSong => post(forms::songs::group),
        Form::RenameSong => post(forms::songs::rename),
        Form::DeleteSong => post(forms::songs::delete),
        Form::RenameAccount => post(forms::account::rename),
        Form::ChangeEmail => post(forms::account::change_email),
        Form::ConfirmEmail => post(forms::account::confirm_email),
        Form::ConfirmPassword => post(forms::account::confirm_password),
        Form::ChangePassword => post(forms::security::change_password),
        Form::EndSession => post(forms::security::end_session),
        Form::EndOtherSessions => post(forms::security::end_other_sessions),
        Form::BeginSecondFactor => post(forms::security::begin_second_factor),
        Form::ConfirmSecondFactor => post(forms::security::confirm_second_factor),
        Form::RenewCodes => post(forms::security::renew_codes),
        Form::TurnOffSecondFactor => post(forms::security::turn_off_second_factor),
        Form::Checkout => post(forms::billing::checkout),
        Form::Portal => post(forms::billing::portal),
        Form::ChangePlan => post(forms::billing::change_plan),
        Form::Withdraw => post(forms::billing::withdraw),
        Form::CreateToken => post(forms::tokens::create),
        Form::RevokeToken => post(forms::tokens::revoke),
        Form::CreateWebhook => post(forms::webhooks::create),
        Form::UpdateWebhook => post(forms::webhooks::update),
        Form::PingWebhook => post(forms::webhooks::ping),
        Form::PauseWebhook => post(forms::webhooks::pause),
        Form::ResumeWebhook => post(forms::webhooks::resume),
        Form::RotateWebhook => post(forms::webhooks::rotate),
        Form::DeleteWebhook => post(forms::webhooks::delete),
        Form::RedeliverWebhook => post(forms::webhooks::redeliver),
        Form::EmailPreferences => post(forms::email::set_preferences),
        Form::Unsubscribe => post(forms::email::unsubscribe),
        Form::Export => post(forms::privacy::request_export),
        Form::DeleteAccount => post(forms::privacy::delete_account),
        Form::Consent => post(forms::privacy::set_consent),
    };
    match route.page {
        Some(page) if Route::find("GET", route.path).is_none() => {
            handler.get(move |request: Request| pages::lead_to(page, request))
        }
        _ => handler,
    }
}

fn function(function: Function) -> MethodRouter<AppState> {
    match function {
        Function::BeginUpload => post(functions::begin_upload),
        Function::UploadParts => post(functions::upload_parts),
        Function::CompleteUpload => post(functions::complete_upload),
        Function::Progress => get(functions::progress),
        Function::Audio => get(functions::audio_link),
        Function::Preview => get(functions::preview_state),
        Function::RenderProgress => get(functions::render_progress),
        Function::BrowserFault => post(error_reports::browser_fault),
    }
}

fn download(download: Download) -> MethodRouter<AppState> {
    match download {
        Download::ReportJson => get(downloads::json),
        Download::ReportHtml => get(downloads::html),
        Download::Markers => get(downloads::markers),
        Download::RenderFile => get(downloads::render_file),
        Download::Recipe => get(downloads::recipe),
        Download::HistoryTable => get(downloads::history_table),
        Download::ExportArchive => get(downloads::export),
    }
}

fn callback(callback: Callback) -> MethodRouter<AppState> {
    match callback {
        Callback::StripeEvent => post(callbacks::stripe_event),
        Callback::Unsubscribe => post(callbacks::unsubscribe),
        Callback::UnsubscribePage => get(callbacks::unsubscribe_page),
    }
}

/// Answers only who asks for the host of `base_url`, or for this machine by its own names: a page elsewhere that has its name
/// lead here (DNS rebinding) reads no email.
fn on_this_machine(route: MethodRouter<AppState>, site: &AppState) -> MethodRouter<AppState> {
    route.layer(middleware::from_fn_with_state(
        site.clone(),
        mail_preview::own_host,
    ))
}

/// `router` with a system route, where this installation has it.
fn system(system: System, route: &Route, router: Router<AppState>, site: &AppState) -> Router<AppState> {
    let config = &site.backend.config;
    let has_mail_files = config.is_development() && site.backend.mailer.writes_files();
    match system {
        System::Healthz => router.route(route.path, get(health::healthz)),
        System::Readyz => router.route(route.path, get(health::readyz)),
        System::SecurityTxt => router.route(route.path, get(well_known::security_txt)),
        System::OpenApi => router.route(route.path, get(api::openapi)),
        System::ReportSchema => router.route(route.path, get(api::report_schema)),
        System::VerdictSchema => router.route(route.path, get(api::verdict_schema)),
        System::RecipeSchema => router.route(route.path, get(api::recipe_schema)),
        System::EventSchema => router.route(route.path, get(api::event_schema)),
        System::LlmsTxt => router.route(route.path, get(docs::llms_txt)),
        System::DocsText(page) => router.route(
            route.path,
            get(move |State(site): State<AppState>| docs::text(site, page)),
        ),
        System::Assets => router.nest_service(route.path, site.assets.hashed()),
        System::Favicon => router.route_service(route.path, site.assets.picture("favicon.svg")),
        System::DemoAudio => router.route(route.path, get(downloads::demo_audio)),
        System::PreviewImage => router.route_service(route.path, site.assets.picture("preview.png")),
        System::DevMail if has_mail_files => {
            router.route(route.path, on_this_machine(get(mail_preview::newest), site))
        }
        System::MailPreviews if has_mail_files => {
            router.route(route.path, on_this_machine(get(mail_preview::previews), site))
        }
        System::DevMail | System::MailPreviews => router,
        System::ObjectStore => match site.builtin.clone() {
            // `nest` would strip the bucket from the path and break the signature.
            Some(store) => {
                let store = any_service(store);
                let store = store.layer(middleware::from_fn_with_state(site.clone(), catch_up::wait));
                router.route(&in_bucket(route, &config.storage.bucket), store)
            }
            None => router,
        },
    }
}
