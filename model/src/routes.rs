//! Every address that the server answers, in one table: what it is, who may ask, how often, and what is counted.
//!
//! The router, the limits, the statistics, the pages and the tests read it. An address that is not here is not served, and one
//! that is here without a handler does not compile.

use serde::Serialize;

use crate::paths;

/// A page: who opens its address is shown something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum Page {
    Home,
    Demo,
    DemoPage,
    SignUp,
    SignUpSent,
    ConfirmSignUp,
    SignIn,
    SignInCode,
    Forgot,
    ForgotSent,
    Reset,
    Upload,
    History,
    References,
    Analysis,
    Comparison,
    Shared,
    Plan,
    Render,
    Songs,
    Song,
    Shares,
    Profile,
    ConfirmEmail,
    ConfirmPassword,
    Security,
    SecondFactor,
    Billing,
    ChangePlan,
    Tokens,
    Webhooks,
    Webhook,
    EmailPreferences,
    YourData,
    DeleteAccount,
    AccountDeleted,
    Pricing,
    Withdraw,
    Rules,
    Methodology,
    Docs,
    DocsAuthentication,
    DocsErrors,
    DocsCatalogue,
    DocsReport,
    DocsApi,
    DocsWebhooks,
    DocsMcp,
    DocsCli,
    DocsChangelog,
    Terms,
    Privacy,
    Cookies,
    Policies,
    Contact,
}

/// A form: a POST that changes something and leads to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum Form {
    SignUp,
    ConfirmSignUp,
    SignIn,
    SignInCode,
    SignOut,
    Forgot,
    Reset,
    RenameAnalysis,
    MeasureAgain,
    DeleteAnalysis,
    DeleteAnalyses,
    Stage,
    Comparison,
    StartRender,
    RenderAgain,
    DeleteRender,
    StepAudio,
    AnalysisSong,
    ShareAnalysis,
    EndShare,
    GroupSong,
    RenameSong,
    DeleteSong,
    RenameAccount,
    ChangeEmail,
    ConfirmEmail,
    ConfirmPassword,
    ChangePassword,
    EndSession,
    EndOtherSessions,
    BeginSecondFactor,
    ConfirmSecondFactor,
    RenewCodes,
    TurnOffSecondFactor,
    Checkout,
    Portal,
    ChangePlan,
    CreateToken,
    RevokeToken,
    CreateWebhook,
    UpdateWebhook,
    PingWebhook,
    PauseWebhook,
    ResumeWebhook,
    RotateWebhook,
    DeleteWebhook,
    RedeliverWebhook,
    EmailPreferences,
    Unsubscribe,
    Export,
    DeleteAccount,
    Withdraw,
    Consent,
}

/// What our own program in the browser calls; answered with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum Function {
    BeginUpload,
    UploadParts,
    CompleteUpload,
    Progress,
    Audio,
    Preview,
    RenderProgress,
    BrowserFault,
}

/// What the program of a person calls, with a token of theirs; answered with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum Api {
    CreateUpload,
    UploadParts,
    CreateAnalysis,
    ListAnalyses,
    GetAnalysis,
    RenameAnalysis,
    DeleteAnalysis,
    GetReport,
    GetVerdict,
    Judge,
    AnalysisEvents,
    GetComparison,
    Compare,
    GetPlan,
    ListRenders,
    CreateRender,
    ListAnalysisShares,
    CreateShare,
    ListReferences,
    ListSongs,
    CreateSong,
    GetSong,
    RenameSong,
    DeleteSong,
    GetRender,
    DeleteRender,
    GetProof,
    GetRecipe,
    GetRenderFile,
    ListShares,
    DeleteShare,
    GetUsage,
    CreateWebhookEndpoint,
    ListWebhookEndpoints,
    GetWebhookEndpoint,
    UpdateWebhookEndpoint,
    DeleteWebhookEndpoint,
    RotateWebhookSecret,
    PingWebhookEndpoint,
    ListWebhookDeliveries,
    GetWebhookDelivery,
    RedeliverWebhook,
}

/// A file to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum Download {
    ReportJson,
    ReportHtml,
    Markers,
    RenderFile,
    Recipe,
    HistoryTable,
    ExportArchive,
}

/// What another program calls, which proves by a signature in its request that it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum Callback {
    StripeEvent,
    Unsubscribe,
    UnsubscribePage,
}

/// What belongs to the running of the site rather than to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its address")]
pub enum System {
    Healthz,
    Readyz,
    SecurityTxt,
    OpenApi,
    ReportSchema,
    VerdictSchema,
    RecipeSchema,
    EventSchema,
    LlmsTxt,
    /// A page of the documentation as text.
    DocsText(Page),
    Assets,
    Favicon,
    PreviewImage,
    DemoAudio,
    /// The object store of our own; `{bucket}` is configured.
    ObjectStore,
    /// In development only.
    DevMail,
    /// In development only.
    MailPreviews,
}

/// What stands at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
#[expect(missing_docs, reason = "each is described by its type")]
pub enum Endpoint {
    Page(Page),
    Form(Form),
    Function(Function),
    Api(Api),
    /// Tools for assistants (Model Context Protocol), with a token as the API.
    Mcp,
    Download(Download),
    Callback(Callback),
    System(System),
}

/// How an address is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET, and HEAD with it.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// Whatever the object store takes.
    Any,
}

/// Who may ask. The use cases decide; the walk of all routes in the tests compares them with this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everybody, or whoever has the token that the request carries.
    Anyone,
    /// Signed-in people, about what is their own.
    SignedIn,
    /// The owner of what the address names; for all others it is not found.
    Owner,
    /// Whoever has a presigned URL.
    Presigned,
}

/// How often an address may be asked, besides what an account or a network may write in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateLimit {
    /// Nothing but the common limit.
    Common,
    /// By network: it sends an email to an address that anybody can name.
    SignUps,
    /// By network: it tries a password, a code or a token.
    SignIns,
    /// By account: it gives a presigned upload.
    Uploads,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Its address as a template; `{id}` stands for an id.
    pub path: &'static str,
    /// What stands there.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// Who may ask.
    pub access: Access,
    /// How often.
    pub limit: RateLimit,
    /// The page itself, or the page that a form stands on: shown again where the form is refused, and to whoever opens the
    /// form's address. None where a form stands on every page.
    pub page: Option<Page>,
    /// Whether something on the page moves; the others load no script.
    pub has_islands: bool,
    /// Whether a visit of the page is counted, where the person allowed it (P23).
    pub is_counted: bool,
}

impl Route {
    const fn new(method: Method, path: &'static str, endpoint: Endpoint, access: Access) -> Self {
        Self {
            method,
            path,
            endpoint,
            access,
            limit: RateLimit::Common,
            page: None,
            has_islands: false,
            is_counted: false,
        }
    }

    const fn on(self, page: Page) -> Self {
        Self {
            page: Some(page),
            ..self
        }
    }

    const fn limited(self, limit: RateLimit) -> Self {
        Self { limit, ..self }
    }

    const fn with_islands(self) -> Self {
        Self {
            has_islands: true,
            ..self
        }
    }

    const fn counted(self) -> Self {
        Self {
            is_counted: true,
            ..self
        }
    }

    /// The line that a request belongs to; `path` is the template that the router found, and HEAD counts as GET.
    #[must_use]
    pub fn find(method: &str, path: &str) -> Option<&'static Self> {
        let method = match method {
            "GET" | "HEAD" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return None,
        };
        ROUTES
            .iter()
            .find(|route| route.path == path && (route.method == method || route.method == Method::Any))
    }

    /// The line of a page.
    #[must_use]
    pub fn of_page(page: Page) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.endpoint == Endpoint::Page(page))
    }
}

use Access::{Anyone, Owner, Presigned, SignedIn};
use Method::{Any, Delete, Get, Patch, Post, Put};
use RateLimit::{SignIns, SignUps, Uploads};

const fn page(page: Page, path: &'static str, access: Access) -> Route {
    Route::new(Get, path, Endpoint::Page(page), access).on(page)
}

const fn form(form: Form, path: &'static str, access: Access) -> Route {
    Route::new(Post, path, Endpoint::Form(form), access)
}

const fn function(function: Function, method: Method, path: &'static str, access: Access) -> Route {
    Route::new(method, path, Endpoint::Function(function), access)
}

const fn api(api: Api, method: Method, path: &'static str, access: Access) -> Route {
    Route::new(method, path, Endpoint::Api(api), access)
}

const fn download(download: Download, path: &'static str) -> Route {
    Route::new(Get, path, Endpoint::Download(download), Owner)
}

const fn callback(callback: Callback, method: Method, path: &'static str) -> Route {
    Route::new(method, path, Endpoint::Callback(callback), Anyone)
}

const fn system(system: System, path: &'static str) -> Route {
    Route::new(Get, path, Endpoint::System(system), Anyone)
}

const fn objects(path: &'static str) -> Route {
    Route::new(Any, path, Endpoint::System(System::ObjectStore), Presigned)
}

/// The table. A form's line stands below its page's.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    page(Page::Home, paths::HOME, Anyone).counted(),
    page(Page::Demo, paths::DEMO, Anyone).with_islands().counted(),
    page(Page::DemoPage, paths::DEMO_PAGE, Anyone).with_islands(),
    page(Page::SignUp, paths::SIGN_UP, Anyone).counted(),
    form(Form::SignUp, paths::SIGN_UP, Anyone).on(Page::SignUp).limited(SignUps),
    page(Page::SignUpSent, paths::SIGN_UP_SENT, Anyone),
    page(Page::ConfirmSignUp, paths::CONFIRM, Anyone),
    form(Form::ConfirmSignUp, paths::CONFIRM, Anyone).on(Page::ConfirmSignUp),
    page(Page::SignIn, paths::SIGN_IN, Anyone).counted(),
    form(Form::SignIn, paths::SIGN_IN, Anyone).on(Page::SignIn).limited(SignIns),
    page(Page::SignInCode, paths::SIGN_IN_CODE, Anyone),
    form(Form::SignInCode, paths::SIGN_IN_CODE, Anyone).on(Page::SignInCode).limited(SignIns),
    page(Page::Forgot, paths::FORGOT, Anyone),
    form(Form::Forgot, paths::FORGOT, Anyone).on(Page::Forgot).limited(SignUps),
    page(Page::ForgotSent, paths::FORGOT_SENT, Anyone),
    page(Page::Reset, paths::RESET, Anyone),
    form(Form::Reset, paths::RESET, Anyone).on(Page::Reset).limited(SignIns),
    form(Form::SignOut, paths::SIGN_OUT, Anyone),

    page(Page::Upload, paths::UPLOAD, SignedIn).with_islands().counted(),
    page(Page::History, paths::HISTORY, SignedIn).counted(),
    form(Form::DeleteAnalyses, paths::DELETE_ANALYSES, SignedIn).on(Page::History),
    page(Page::References, paths::REFERENCES, SignedIn).with_islands(),
    page(Page::Analysis, paths::ANALYSIS, Owner).with_islands().counted(),
    form(Form::RenameAnalysis, paths::RENAME_ANALYSIS, Owner).on(Page::Analysis),
    form(Form::Stage, paths::STAGE, Owner).on(Page::Analysis),
    form(Form::AnalysisSong, paths::ANALYSIS_SONG, Owner).on(Page::Analysis),
    form(Form::MeasureAgain, paths::MEASURE_AGAIN, Owner).on(Page::Analysis).limited(Uploads),
    form(Form::DeleteAnalysis, paths::DELETE_ANALYSIS, Owner).on(Page::Analysis),
    page(Page::Comparison, paths::COMPARISON, Owner).with_islands(),
    form(Form::Comparison, paths::COMPARISON, Owner).on(Page::Comparison),
    form(Form::ShareAnalysis, paths::SHARE_ANALYSIS, Owner).on(Page::Analysis),
    page(Page::Shared, paths::SHARED, Anyone).with_islands(),
    page(Page::Shares, paths::SHARES, SignedIn),
    form(Form::EndShare, paths::END_SHARE, Owner).on(Page::Shares),
    page(Page::Plan, paths::PLAN, Owner).with_islands().counted(),
    form(Form::StartRender, paths::PLAN, Owner).on(Page::Plan).limited(Uploads),
    page(Page::Render, paths::RENDER, Owner).with_islands().counted(),
    form(Form::RenderAgain, paths::RENDER_AGAIN, Owner).on(Page::Render).limited(Uploads),
    form(Form::StepAudio, paths::STEP_AUDIO, Owner).on(Page::Render).limited(Uploads),
    form(Form::DeleteRender, paths::DELETE_RENDER, Owner).on(Page::Render),
    download(Download::RenderFile, paths::RENDER_FILE),
    download(Download::Recipe, paths::RECIPE),
    download(Download::Markers, paths::MARKERS),
    download(Download::ReportJson, paths::REPORT_JSON),
    download(Download::ReportHtml, paths::REPORT_HTML),
    Route::new(Get, paths::HISTORY_TABLE, Endpoint::Download(Download::HistoryTable), SignedIn),
    download(Download::ExportArchive, paths::EXPORT_ARCHIVE),
    page(Page::Songs, paths::SONGS, SignedIn),
    form(Form::GroupSong, paths::SONGS, SignedIn).on(Page::History),
    page(Page::Song, paths::SONG, Owner),
    form(Form::RenameSong, paths::RENAME_SONG, Owner).on(Page::Song),
    form(Form::DeleteSong, paths::DELETE_SONG, Owner).on(Page::Song),

    page(Page::Profile, paths::ACCOUNT, SignedIn),
    form(Form::RenameAccount, paths::ACCOUNT_NAME, SignedIn).on(Page::Profile),
    form(Form::ChangeEmail, paths::ACCOUNT_EMAIL, SignedIn).on(Page::Profile),
    page(Page::ConfirmEmail, paths::CONFIRM_EMAIL, Anyone),
    form(Form::ConfirmEmail, paths::CONFIRM_EMAIL, Anyone).on(Page::ConfirmEmail),
    page(Page::ConfirmPassword, paths::CONFIRM_PASSWORD, SignedIn),
    form(Form::ConfirmPassword, paths::CONFIRM_PASSWORD, SignedIn).on(Page::ConfirmPassword),
    page(Page::Security, paths::SECURITY, SignedIn),
    form(Form::ChangePassword, paths::ACCOUNT_PASSWORD, SignedIn).on(Page::Security),
    form(Form::EndSession, paths::END_SESSION, Owner).on(Page::Security),
    form(Form::EndOtherSessions, paths::END_OTHER_SESSIONS, SignedIn).on(Page::Security),
    page(Page::SecondFactor, paths::SECOND_FACTOR, SignedIn),
    form(Form::BeginSecondFactor, paths::SECOND_FACTOR_BEGIN, SignedIn).on(Page::Security),
    form(Form::ConfirmSecondFactor, paths::SECOND_FACTOR_CONFIRM, SignedIn).on(Page::SecondFactor),
    form(Form::RenewCodes, paths::SECOND_FACTOR_CODES, SignedIn).on(Page::Security),
    form(Form::TurnOffSecondFactor, paths::SECOND_FACTOR_OFF, SignedIn).on(Page::Security),
    page(Page::Billing, paths::BILLING, SignedIn).counted(),
    form(Form::Checkout, paths::CHECKOUT, SignedIn).on(Page::Billing),
    form(Form::Portal, paths::PORTAL, SignedIn).on(Page::Billing),
    page(Page::ChangePlan, paths::CHANGE_PLAN, SignedIn),
    form(Form::ChangePlan, paths::CHANGE_PLAN, SignedIn).on(Page::ChangePlan),
    page(Page::Tokens, paths::TOKENS, SignedIn),
    form(Form::CreateToken, paths::TOKENS, SignedIn).on(Page::Tokens),
    form(Form::RevokeToken, paths::REVOKE_TOKEN, Owner).on(Page::Tokens),
    page(Page::Webhooks, paths::WEBHOOKS, SignedIn),
    form(Form::CreateWebhook, paths::WEBHOOKS, SignedIn).on(Page::Webhooks),
    page(Page::Webhook, paths::WEBHOOK, Owner),
    form(Form::UpdateWebhook, paths::WEBHOOK, Owner).on(Page::Webhook),
    form(Form::PingWebhook, paths::PING_WEBHOOK, Owner).on(Page::Webhook),
    form(Form::PauseWebhook, paths::PAUSE_WEBHOOK, Owner).on(Page::Webhook),
    form(Form::ResumeWebhook, paths::RESUME_WEBHOOK, Owner).on(Page::Webhook),
    form(Form::RotateWebhook, paths::ROTATE_WEBHOOK, Owner).on(Page::Webhook),
    form(Form::DeleteWebhook, paths::DELETE_WEBHOOK, Owner).on(Page::Webhook),
    form(Form::RedeliverWebhook, paths::REDELIVER_WEBHOOK, Owner).on(Page::Webhooks),
    page(Page::EmailPreferences, paths::EMAIL_PREFERENCES, SignedIn),
    form(Form::EmailPreferences, paths::EMAIL_PREFERENCES, SignedIn).on(Page::EmailPreferences),
    form(Form::Unsubscribe, paths::UNSUBSCRIBE, Anyone).on(Page::EmailPreferences),
    page(Page::YourData, paths::YOUR_DATA, SignedIn).counted(),
    form(Form::Export, paths::EXPORT, SignedIn).on(Page::YourData),
    page(Page::DeleteAccount, paths::DELETE_ACCOUNT, SignedIn).counted(),
    form(Form::DeleteAccount, paths::DELETE_ACCOUNT, SignedIn).on(Page::DeleteAccount),
    page(Page::AccountDeleted, paths::ACCOUNT_DELETED, Anyone),

    page(Page::Pricing, paths::PRICING, Anyone).counted(),
    page(Page::Withdraw, paths::WITHDRAW, Anyone),
    form(Form::Withdraw, paths::WITHDRAW, Anyone).on(Page::Withdraw).limited(SignIns),
    page(Page::Rules, paths::RULES, Anyone),
    page(Page::Methodology, paths::METHODOLOGY, Anyone).counted(),
    page(Page::Docs, paths::DOCS, Anyone).counted(),
    page(Page::DocsAuthentication, paths::DOCS_AUTHENTICATION, Anyone),
    page(Page::DocsErrors, paths::DOCS_ERRORS, Anyone),
    page(Page::DocsCatalogue, paths::DOCS_CATALOGUE, Anyone),
    page(Page::DocsReport, paths::DOCS_REPORT, Anyone),
    page(Page::DocsApi, paths::DOCS_API, Anyone),
    page(Page::DocsWebhooks, paths::DOCS_WEBHOOKS, Anyone),
    page(Page::DocsMcp, paths::DOCS_MCP, Anyone),
    page(Page::DocsCli, paths::DOCS_CLI, Anyone),
    page(Page::DocsChangelog, paths::DOCS_CHANGELOG, Anyone),
    page(Page::Terms, paths::TERMS, Anyone).counted(),
    page(Page::Privacy, paths::PRIVACY, Anyone).counted(),
    page(Page::Cookies, paths::COOKIES, Anyone).counted(),
    form(Form::Consent, paths::CONSENT, Anyone).on(Page::Cookies),
    page(Page::Policies, paths::POLICIES, Anyone).counted(),
    page(Page::Contact, paths::CONTACT, Anyone).counted(),

    function(Function::BeginUpload, Post, paths::BEGIN_UPLOAD, SignedIn).limited(Uploads),
    function(Function::UploadParts, Post, paths::UPLOAD_PARTS, Owner),
    function(Function::CompleteUpload, Post, paths::COMPLETE_UPLOAD, Owner),
    function(Function::Progress, Get, paths::PROGRESS, Owner),
    function(Function::Audio, Get, paths::AUDIO, Owner),
    function(Function::Preview, Get, paths::PREVIEW, Owner),
    function(Function::RenderProgress, Get, paths::RENDER_PROGRESS, Owner),
    function(Function::BrowserFault, Post, paths::BROWSER_FAULT, Anyone),

    api(Api::CreateUpload, Post, paths::API_UPLOADS, SignedIn).limited(Uploads),
    api(Api::UploadParts, Get, paths::API_UPLOAD_PARTS, Owner),
    api(Api::CreateAnalysis, Post, paths::API_ANALYSES, SignedIn),
    api(Api::ListAnalyses, Get, paths::API_ANALYSES, SignedIn),
    api(Api::GetAnalysis, Get, paths::API_ANALYSIS, Owner),
    api(Api::RenameAnalysis, Patch, paths::API_ANALYSIS, Owner),
    api(Api::DeleteAnalysis, Delete, paths::API_ANALYSIS, Owner),
    api(Api::GetReport, Get, paths::API_REPORT, Owner),
    api(Api::GetVerdict, Get, paths::API_VERDICT, Owner),
    api(Api::Judge, Post, paths::API_VERDICT, Owner),
    api(Api::AnalysisEvents, Get, paths::API_EVENTS, Owner),
    api(Api::GetComparison, Get, paths::API_COMPARISON, Owner),
    api(Api::Compare, Put, paths::API_COMPARISON, Owner),
    api(Api::GetPlan, Get, paths::API_PLAN, Owner),
    api(Api::ListRenders, Get, paths::API_RENDERS, Owner),
    api(Api::CreateRender, Post, paths::API_RENDERS, Owner),
    api(Api::ListAnalysisShares, Get, paths::API_ANALYSIS_SHARES, Owner),
    api(Api::CreateShare, Post, paths::API_ANALYSIS_SHARES, Owner),
    api(Api::ListReferences, Get, paths::API_REFERENCES, SignedIn),
    api(Api::ListSongs, Get, paths::API_SONGS, SignedIn),
    api(Api::CreateSong, Post, paths::API_SONGS, SignedIn),
    api(Api::GetSong, Get, paths::API_SONG, Owner),
    api(Api::RenameSong, Patch, paths::API_SONG, Owner),
    api(Api::DeleteSong, Delete, paths::API_SONG, Owner),
    api(Api::GetRender, Get, paths::API_RENDER, Owner),
    api(Api::DeleteRender, Delete, paths::API_RENDER, Owner),
    api(Api::GetProof, Get, paths::API_PROOF, Owner),
    api(Api::GetRecipe, Get, paths::API_RECIPE, Owner),
    api(Api::GetRenderFile, Get, paths::API_RENDER_FILE, Owner),
    api(Api::ListShares, Get, paths::API_SHARES, SignedIn),
    api(Api::DeleteShare, Delete, paths::API_SHARE, Owner),
    api(Api::GetUsage, Get, paths::API_USAGE, SignedIn),
    api(Api::CreateWebhookEndpoint, Post, paths::API_WEBHOOK_ENDPOINTS, SignedIn),
    api(Api::ListWebhookEndpoints, Get, paths::API_WEBHOOK_ENDPOINTS, SignedIn),
    api(Api::GetWebhookEndpoint, Get, paths::API_WEBHOOK_ENDPOINT, Owner),
    api(Api::UpdateWebhookEndpoint, Patch, paths::API_WEBHOOK_ENDPOINT, Owner),
    api(Api::DeleteWebhookEndpoint, Delete, paths::API_WEBHOOK_ENDPOINT, Owner),
    api(Api::RotateWebhookSecret, Post, paths::API_ROTATE_WEBHOOK, Owner),
    api(Api::PingWebhookEndpoint, Post, paths::API_PING_WEBHOOK, Owner),
    api(Api::ListWebhookDeliveries, Get, paths::API_WEBHOOK_DELIVERIES, Owner),
    api(Api::GetWebhookDelivery, Get, paths::API_WEBHOOK_DELIVERY, Owner),
    api(Api::RedeliverWebhook, Post, paths::API_REDELIVER_WEBHOOK, Owner),
    Route::new(Post, paths::MCP, Endpoint::Mcp, SignedIn),

    callback(Callback::StripeEvent, Post, paths::STRIPE_EVENTS),
    callback(Callback::Unsubscribe, Post, paths::UNSUBSCRIBE_ONE_CLICK),
    callback(Callback::UnsubscribePage, Get, paths::UNSUBSCRIBE_ONE_CLICK),

    system(System::Healthz, paths::HEALTHZ),
    system(System::Readyz, paths::READYZ),
    system(System::SecurityTxt, paths::SECURITY_TXT),
    system(System::OpenApi, paths::OPENAPI),
    system(System::ReportSchema, paths::REPORT_SCHEMA),
    system(System::VerdictSchema, paths::VERDICT_SCHEMA),
    system(System::RecipeSchema, paths::RECIPE_SCHEMA),
    system(System::EventSchema, paths::EVENT_SCHEMA),
    system(System::LlmsTxt, paths::LLMS_TXT),
    system(System::DocsText(Page::Docs), paths::DOCS_TEXT),
    system(System::DocsText(Page::DocsAuthentication), paths::DOCS_AUTHENTICATION_TEXT),
    system(System::DocsText(Page::DocsErrors), paths::DOCS_ERRORS_TEXT),
    system(System::DocsText(Page::DocsCatalogue), paths::DOCS_CATALOGUE_TEXT),
    system(System::DocsText(Page::DocsReport), paths::DOCS_REPORT_TEXT),
    system(System::DocsText(Page::DocsApi), paths::DOCS_API_TEXT),
    system(System::DocsText(Page::DocsWebhooks), paths::DOCS_WEBHOOKS_TEXT),
    system(System::DocsText(Page::DocsMcp), paths::DOCS_MCP_TEXT),
    system(System::DocsText(Page::DocsCli), paths::DOCS_CLI_TEXT),
    system(System::DocsText(Page::DocsChangelog), paths::DOCS_CHANGELOG_TEXT),
    system(System::Assets, paths::ASSETS),
    system(System::Favicon, paths::FAVICON),
    system(System::PreviewImage, paths::PREVIEW_IMAGE),
    system(System::DemoAudio, paths::DEMO_AUDIO),
    system(System::DevMail, paths::DEV_MAIL),
    system(System::MailPreviews, paths::MAIL_PREVIEWS),
    objects(paths::BUCKET),
    objects(paths::BUCKET_SLASH),
    objects(paths::OBJECT),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_address_and_every_endpoint_stands_there_once() {
        let mut addresses = HashSet::new();
        let mut endpoints = HashSet::new();
        for route in ROUTES {
            assert!(addresses.insert((route.method, route.path)), "{route:?}");
            let is_store = route.endpoint == Endpoint::System(System::ObjectStore);
            assert!(endpoints.insert(route.endpoint) || is_store, "{route:?}");
        }
    }

    #[test]
    fn a_form_stands_on_a_page_whose_address_the_forms_own_address_gives() {
        for route in ROUTES {
            let Some(page) = route.page.and_then(Route::of_page) else {
                assert!(!matches!(route.endpoint, Endpoint::Page(_)), "{route:?}");
                continue;
            };
            assert!(
                !page.path.contains("{id}") || route.path.contains("{id}"),
                "{route:?}"
            );
        }
    }
}
