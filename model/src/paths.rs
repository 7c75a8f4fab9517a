//! The address of every page, form and file, for links in pages and in emails. [`routes`](crate::routes) lists who answers them.
//!
//! An address with an id is a template such as `/analyses/{id}`, as the router reads it; a function of the same name fills it in.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    AnalysisId, ExportId, RenderId, SessionId, ShareId, SongId, TokenId, WebhookDeliveryId,
    WebhookEndpointId,
    analysis::Work,
    demo::{DemoPage, DemoTrack},
    history::{HistoryQuery, PageCursor},
    plan::Plan,
};

/// What stands for itself in the value of a query (RFC 3986 2.3 and 3.4); all else is sent as `%…`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The public first page.
pub const HOME: &str = "/";
/// The report of the first mix of the demo.
pub const DEMO: &str = "/demo";
/// A page of the demo; `{id}` is a [`DemoPage`].
pub const DEMO_PAGE: &str = "/demo/{id}";
/// A recording of the demo; `{id}` is a [`DemoTrack`].
pub const DEMO_AUDIO: &str = "/demo/{id}/audio";
/// The form for a new account.
pub const SIGN_UP: &str = "/signup";
/// Said after [`SIGN_UP`], whatever the address is.
pub const SIGN_UP_SENT: &str = "/signup/sent";
/// Where the link in the confirmation mail leads, with `?token=`.
pub const CONFIRM: &str = "/signup/confirm";
/// The form to sign in.
pub const SIGN_IN: &str = "/signin";
/// The second step of signing in: takes the code of the authenticator app.
pub const SIGN_IN_CODE: &str = "/signin/code";
/// The form for a forgotten password.
pub const FORGOT: &str = "/signin/forgot";
/// Said after [`FORGOT`], whatever the address is.
pub const FORGOT_SENT: &str = "/signin/forgot/sent";
/// Where the link in that mail leads, with `?token=`.
pub const RESET: &str = "/signin/reset";
/// Takes the sign-out form.
pub const SIGN_OUT: &str = "/signout";
/// Where files are uploaded.
pub const UPLOAD: &str = "/upload";
/// The person's analyses; see [`history`] for its parameters.
pub const HISTORY: &str = "/history";
/// The same as CSV.
pub const HISTORY_TABLE: &str = "/history.csv";
/// Takes the form that deletes several analyses.
pub const DELETE_ANALYSES: &str = "/history/delete";
/// The person's songs, the latest first, with `?before=` for earlier ones; takes the form that groups versions.
pub const SONGS: &str = "/songs";
/// The page of one analysis.
pub const ANALYSIS: &str = "/analyses/{id}";
/// Takes the form with a new title.
pub const RENAME_ANALYSIS: &str = "/analyses/{id}/rename";
/// Takes the form that has an analysis measured again that failed on our side.
pub const MEASURE_AGAIN: &str = "/analyses/{id}/measure-again";
/// Takes the form that deletes an analysis.
pub const DELETE_ANALYSIS: &str = "/analyses/{id}/delete";
/// Takes the form that counts an analysis as a mix or a master.
pub const STAGE: &str = "/analyses/{id}/stage";
/// A mix beside references; takes the form with the choice of them.
pub const COMPARISON: &str = "/analyses/{id}/comparison";
/// Takes the forms that put an analysis into a song, or take it out.
pub const ANALYSIS_SONG: &str = "/analyses/{id}/song";
/// The report and the verdict as JSON, to keep.
pub const REPORT_JSON: &str = "/analyses/{id}/report.json";
/// The report as one HTML file, to keep or to send.
pub const REPORT_HTML: &str = "/analyses/{id}/report.html";
/// Takes the form that makes a link to a report.
pub const SHARE_ANALYSIS: &str = "/analyses/{id}/share";
/// A report, for whoever has the link; `{id}` is its token.
pub const SHARED: &str = "/shared/{id}";
/// Every link that the person gave away.
pub const SHARES: &str = "/account/shares";
/// Takes the form that ends a link.
pub const END_SHARE: &str = "/account/shares/{id}/end";
/// What a corrective render would do, with `?` as the form of its switches sends it; takes the form that starts the render.
pub const PLAN: &str = "/analyses/{id}/plan";
/// The time ranges of all findings as markers, with `?as=`.
pub const MARKERS: &str = "/analyses/{id}/markers";
/// A render: its progress, its proof, its audio.
pub const RENDER: &str = "/renders/{id}";
/// Takes the form that has a render made again that failed on our side.
pub const RENDER_AGAIN: &str = "/renders/{id}/again";
/// Takes the form that deletes a render.
pub const DELETE_RENDER: &str = "/renders/{id}/delete";
/// Takes the form that asks for what a step of a render took away, to hear it.
pub const STEP_AUDIO: &str = "/renders/{id}/steps";
/// Leads to the file of a render, by a link for a few minutes.
pub const RENDER_FILE: &str = "/renders/{id}/file";
/// What a render did, for other programs, with `?as=`.
pub const RECIPE: &str = "/renders/{id}/recipe";
/// A song with its versions.
pub const SONG: &str = "/songs/{id}";
/// Takes the form with a new title for a song.
pub const RENAME_SONG: &str = "/songs/{id}/rename";
/// Takes the form that deletes a song; its versions stay.
pub const DELETE_SONG: &str = "/songs/{id}/delete";
/// The person's references, and where they are uploaded; with `?before=` for older ones.
pub const REFERENCES: &str = "/references";
/// The account: profile.
pub const ACCOUNT: &str = "/account";
/// Takes the form with a new name.
pub const ACCOUNT_NAME: &str = "/account/name";
/// Takes the form with a new address.
pub const ACCOUNT_EMAIL: &str = "/account/email";
/// Where the link in the mail to a new address leads, with `?token=`.
pub const CONFIRM_EMAIL: &str = "/account/email/confirm";
/// Asks for the password again, then leads on to `?next=`.
pub const CONFIRM_PASSWORD: &str = "/account/confirm";
/// The account: password, second factor, sessions.
pub const SECURITY: &str = "/account/security";
/// Takes the form with a new password.
pub const ACCOUNT_PASSWORD: &str = "/account/password";
/// Takes the form that ends one session.
pub const END_SESSION: &str = "/account/sessions/{id}/end";
/// Takes the form that ends all other sessions.
pub const END_OTHER_SESSIONS: &str = "/account/sessions/end-others";
/// Sets up the second factor.
pub const SECOND_FACTOR: &str = "/account/second-factor";
/// Takes the form that begins with it.
pub const SECOND_FACTOR_BEGIN: &str = "/account/second-factor/begin";
/// Takes the first code.
pub const SECOND_FACTOR_CONFIRM: &str = "/account/second-factor/confirm";
/// Takes the form that makes new recovery codes.
pub const SECOND_FACTOR_CODES: &str = "/account/second-factor/codes";
/// Takes the form that switches it off.
pub const SECOND_FACTOR_OFF: &str = "/account/second-factor/off";
/// The plans and what they cost.
pub const PRICING: &str = "/pricing";
/// The account: its plan, what is used of it, and what is paid for; [`back_from_stripe`] reads it from Stripe first.
pub const BILLING: &str = "/account/billing";
/// Takes the form that buys a plan; leads to Stripe's checkout.
pub const CHECKOUT: &str = "/account/billing/checkout";
/// Takes the form that opens card and invoices; leads to Stripe's portal.
pub const PORTAL: &str = "/account/billing/portal";
/// What changing to a plan means; takes the form that does it. `{id}` is the plan.
pub const CHANGE_PLAN: &str = "/account/billing/plans/{id}";
/// Withdraws from a contract, signed in or not.
pub const WITHDRAW: &str = "/withdraw";
/// What Stripe calls when something has happened.
pub const STRIPE_EVENTS: &str = "/stripe/events";
/// The account: API tokens.
pub const TOKENS: &str = "/account/tokens";
/// Takes the form that revokes one.
pub const REVOKE_TOKEN: &str = "/account/tokens/{id}/revoke";
/// The account: webhook endpoints.
pub const WEBHOOKS: &str = "/account/webhooks";
/// One endpoint, with what was sent to it; takes the form that changes it.
pub const WEBHOOK: &str = "/account/webhooks/{id}";
/// Takes the form that sends it a test event.
pub const PING_WEBHOOK: &str = "/account/webhooks/{id}/ping";
/// Takes the form that pauses it.
pub const PAUSE_WEBHOOK: &str = "/account/webhooks/{id}/pause";
/// Takes the form that resumes it.
pub const RESUME_WEBHOOK: &str = "/account/webhooks/{id}/resume";
/// Takes the form that gives it a new secret.
pub const ROTATE_WEBHOOK: &str = "/account/webhooks/{id}/rotate";
/// Takes the form that deletes it.
pub const DELETE_WEBHOOK: &str = "/account/webhooks/{id}/delete";
/// Takes the form that sends an event once more.
pub const REDELIVER_WEBHOOK: &str = "/account/webhook-deliveries/{id}/redeliver";
/// The account: which emails are wanted; with the `?token=` of an email also for who is not signed in.
pub const EMAIL_PREFERENCES: &str = "/account/email-preferences";
/// Takes the form of the latter.
pub const UNSUBSCRIBE: &str = "/account/email-preferences/unsubscribe";
/// What mail programs call with the token of an email, without cookies (RFC 8058).
pub const UNSUBSCRIBE_ONE_CLICK: &str = "/email/unsubscribe";
/// The terms of service.
pub const TERMS: &str = "/terms";
/// The privacy policy.
pub const PRIVACY: &str = "/privacy";
/// Which cookies there are, and the choice about the optional ones.
pub const COOKIES: &str = "/cookies";
/// Takes the choice about optional cookies and statistics.
pub const CONSENT: &str = "/consent";
/// Whom to write to.
pub const CONTACT: &str = "/contact";
/// Every version of the policies.
pub const POLICIES: &str = "/policies";
/// Everything that is held about the signed-in person.
pub const YOUR_DATA: &str = "/account/privacy";
/// Takes the form that asks for an export of it.
pub const EXPORT: &str = "/account/privacy/export";
/// Leads to the archive of one, by a link for a few minutes.
pub const EXPORT_ARCHIVE: &str = "/account/privacy/exports/{id}";
/// Asks whether to delete the account, and takes the answer.
pub const DELETE_ACCOUNT: &str = "/account/privacy/delete";
/// Said after [`DELETE_ACCOUNT`].
pub const ACCOUNT_DELETED: &str = "/account/deleted";
/// How each number is measured.
pub const METHODOLOGY: &str = "/methodology";
/// The documentation for developers: a first report in five minutes.
pub const DOCS: &str = "/docs";
/// The same as text.
pub const DOCS_TEXT: &str = "/docs.md";
/// How a program shows for whom it acts.
pub const DOCS_AUTHENTICATION: &str = "/docs/authentication";
/// The same as text.
pub const DOCS_AUTHENTICATION_TEXT: &str = "/docs/authentication.md";
/// Every way in which a request fails, with an anchor for each.
pub const DOCS_ERRORS: &str = "/docs/errors";
/// The same as text.
pub const DOCS_ERRORS_TEXT: &str = "/docs/errors.md";
/// How a label checks a catalogue.
pub const DOCS_CATALOGUE: &str = "/docs/catalogue";
/// The same as text.
pub const DOCS_CATALOGUE_TEXT: &str = "/docs/catalogue.md";
/// Every address of the API.
pub const DOCS_API: &str = "/docs/api";
/// The same as text.
pub const DOCS_API_TEXT: &str = "/docs/api.md";
/// How events come to a program, and how it verifies them.
pub const DOCS_WEBHOOKS: &str = "/docs/webhooks";
/// The same as text.
pub const DOCS_WEBHOOKS_TEXT: &str = "/docs/webhooks.md";
/// How a studio reports to its client.
pub const DOCS_REPORT: &str = "/docs/report";
/// The same as text.
pub const DOCS_REPORT_TEXT: &str = "/docs/report.md";
/// How an assistant uses the tools at [`MCP`].
pub const DOCS_MCP: &str = "/docs/mcp";
/// The same as text.
pub const DOCS_MCP_TEXT: &str = "/docs/mcp.md";
/// The program for a terminal.
pub const DOCS_CLI: &str = "/docs/cli";
/// The same as text.
pub const DOCS_CLI_TEXT: &str = "/docs/cli.md";
/// What changed for programs, and how long what goes is kept.
pub const DOCS_CHANGELOG: &str = "/docs/changelog";
/// The same as text.
pub const DOCS_CHANGELOG_TEXT: &str = "/docs/changelog.md";
/// Takes the calls of assistants (Model Context Protocol).
pub const MCP: &str = "/mcp";
/// What there is to read, for programs that read (llmstxt.org).
pub const LLMS_TXT: &str = "/llms.txt";
/// Every rule, with an anchor for each.
pub const RULES: &str = "/rules";
/// Takes the line of source where the program in a browser broke.
pub const BROWSER_FAULT: &str = "/browser-fault";
/// The emails that a development server wrote into files.
pub const DEV_MAIL: &str = "/dev/mail";
/// One of each kind of email, for whoever works on their words.
pub const MAIL_PREVIEWS: &str = "/dev/mail/previews";
/// Whether the process lives.
pub const HEALTHZ: &str = "/healthz";
/// Whether the process takes requests.
pub const READYZ: &str = "/readyz";
/// Whom to tell of a weakness (RFC 9116).
pub const SECURITY_TXT: &str = "/.well-known/security.txt";
/// The built wasm, scripts and styles.
pub const ASSETS: &str = "/pkg";
/// The icon.
pub const FAVICON: &str = "/favicon.svg";
/// The picture that programs show beside a link to us.
pub const PREVIEW_IMAGE: &str = "/preview.png";
/// The bucket of the object store of our own.
pub const BUCKET: &str = "/{bucket}";
/// The same, as some clients spell it.
pub const BUCKET_SLASH: &str = "/{bucket}/";
/// An object in it.
pub const OBJECT: &str = "/{bucket}/{*key}";
/// Takes a file that is to be uploaded, and answers with its presigned upload.
pub const BEGIN_UPLOAD: &str = "/fn/uploads/begin";
/// The API begins here.
pub const API: &str = "/api/v1";
/// Begins an upload.
pub const API_UPLOADS: &str = "/api/v1/uploads";
/// How far an upload in parts has come, and the permissions for what to send next.
pub const API_UPLOAD_PARTS: &str = "/api/v1/uploads/{id}/parts";
/// The analyses; takes an upload whose bytes are there.
pub const API_ANALYSES: &str = "/api/v1/analyses";
/// One analysis.
pub const API_ANALYSIS: &str = "/api/v1/analyses/{id}";
/// Its report.
pub const API_REPORT: &str = "/api/v1/analyses/{id}/report";
/// Its verdict; judges it again.
pub const API_VERDICT: &str = "/api/v1/analyses/{id}/verdict";
/// How far it comes, as server-sent events.
pub const API_EVENTS: &str = "/api/v1/analyses/{id}/events";
/// A mix beside its references; takes which these are.
pub const API_COMPARISON: &str = "/api/v1/analyses/{id}/comparison";
/// What a corrective render of a mix would do.
pub const API_PLAN: &str = "/api/v1/analyses/{id}/plan";
/// The renders of a mix; makes one.
pub const API_RENDERS: &str = "/api/v1/analyses/{id}/renders";
/// One render.
pub const API_RENDER: &str = "/api/v1/renders/{id}";
/// What it did, rule by rule.
pub const API_PROOF: &str = "/api/v1/renders/{id}/proof";
/// Its recipe.
pub const API_RECIPE: &str = "/api/v1/renders/{id}/recipe";
/// Where its file is to be fetched.
pub const API_RENDER_FILE: &str = "/api/v1/renders/{id}/file";
/// The links to a report; makes one.
pub const API_ANALYSIS_SHARES: &str = "/api/v1/analyses/{id}/shares";
/// All links to reports.
pub const API_SHARES: &str = "/api/v1/shares";
/// One link to a report.
pub const API_SHARE: &str = "/api/v1/shares/{id}";
/// The references.
pub const API_REFERENCES: &str = "/api/v1/references";
/// The songs.
pub const API_SONGS: &str = "/api/v1/songs";
/// One song.
pub const API_SONG: &str = "/api/v1/songs/{id}";
/// What is used of the plan.
pub const API_USAGE: &str = "/api/v1/usage";
/// The webhook endpoints.
pub const API_WEBHOOK_ENDPOINTS: &str = "/api/v1/webhook-endpoints";
/// One endpoint.
pub const API_WEBHOOK_ENDPOINT: &str = "/api/v1/webhook-endpoints/{id}";
/// Gives it a new secret.
pub const API_ROTATE_WEBHOOK: &str = "/api/v1/webhook-endpoints/{id}/rotate-secret";
/// Sends it a test event.
pub const API_PING_WEBHOOK: &str = "/api/v1/webhook-endpoints/{id}/ping";
/// What was sent to it.
pub const API_WEBHOOK_DELIVERIES: &str = "/api/v1/webhook-endpoints/{id}/deliveries";
/// One delivery with its attempts.
pub const API_WEBHOOK_DELIVERY: &str = "/api/v1/webhook-deliveries/{id}";
/// Sends an event once more.
pub const API_REDELIVER_WEBHOOK: &str = "/api/v1/webhook-deliveries/{id}/redeliver";
/// The API as OpenAPI 3.1.
pub const OPENAPI: &str = "/api/v1/openapi.json";
/// The JSON Schema of a report.
pub const REPORT_SCHEMA: &str = "/api/v1/schemas/report.json";
/// The JSON Schema of a verdict.
pub const VERDICT_SCHEMA: &str = "/api/v1/schemas/verdict.json";
/// The JSON Schema of a recipe.
pub const RECIPE_SCHEMA: &str = "/api/v1/schemas/recipe.json";
/// The JSON Schema of an event, as webhooks tell it.
pub const EVENT_SCHEMA: &str = "/api/v1/schemas/event.json";
/// How far an upload in parts has come, and the permissions for what to send next.
pub const UPLOAD_PARTS: &str = "/fn/uploads/parts";
/// Takes the word that the bytes are there.
pub const COMPLETE_UPLOAD: &str = "/fn/uploads/complete";
/// How far an analysis has come; with `?id=`.
pub const PROGRESS: &str = "/fn/analyses/progress";
/// How far a render has come; with `?id=`.
pub const RENDER_PROGRESS: &str = "/fn/renders/progress";
/// A link to the audio of an analysis; with `?id=`, or with the token of a link to its report as `?share=`,
/// or with a recording of the demo as `?demo=`, with a render as `?render=`, or with what a step took away as `?render=` and `&step=`.
pub const AUDIO: &str = "/fn/analyses/audio";
/// Whether the audio of an analysis can be played; with the same.
pub const PREVIEW: &str = "/fn/analyses/preview";

/// The page of one analysis.
#[must_use]
pub fn analysis(id: AnalysisId) -> String {
    with_id(ANALYSIS, id)
}

/// Takes the form with a new title.
#[must_use]
pub fn rename_analysis(id: AnalysisId) -> String {
    with_id(RENAME_ANALYSIS, id)
}

/// Leads to the archive of an export.
#[must_use]
pub fn export_archive(id: ExportId) -> String {
    with_id(EXPORT_ARCHIVE, id)
}

/// Takes the form that has an analysis measured again.
#[must_use]
pub fn measure_again(id: AnalysisId) -> String {
    with_id(MEASURE_AGAIN, id)
}

/// A mix beside references; takes the form with the choice of them.
#[must_use]
pub fn comparison(id: AnalysisId) -> String {
    with_id(COMPARISON, id)
}

/// Takes the form that counts an analysis as a mix or a master.
#[must_use]
pub fn stage(id: AnalysisId) -> String {
    with_id(STAGE, id)
}

/// The report and the verdict as JSON, to keep.
#[must_use]
pub fn report_json(id: AnalysisId) -> String {
    with_id(REPORT_JSON, id)
}

/// The report as one HTML file, to keep or to send.
#[must_use]
pub fn report_html(id: AnalysisId) -> String {
    with_id(REPORT_HTML, id)
}

/// How far some work has come.
#[must_use]
pub fn progress(of: Work) -> String {
    match of {
        Work::Analysis(id) => format!("{PROGRESS}?id={id}"),
        Work::Render(id) => format!("{RENDER_PROGRESS}?id={id}"),
    }
}

/// What a corrective render would do.
#[must_use]
pub fn plan(id: AnalysisId) -> String {
    with_id(PLAN, id)
}

/// The same with what the form of its switches sends.
#[must_use]
pub fn plan_with(id: AnalysisId, fields: &[(&str, String)]) -> String {
    with_parameters(&plan(id), fields)
}

/// The time ranges of all findings as markers.
#[must_use]
pub fn markers(id: AnalysisId, format: &str) -> String {
    format!("{}?as={format}", with_id(MARKERS, id))
}

/// A render.
#[must_use]
pub fn render(id: RenderId) -> String {
    with_id(RENDER, id)
}

/// Takes the form that has a render made again.
#[must_use]
pub fn render_again(id: RenderId) -> String {
    with_id(RENDER_AGAIN, id)
}

/// Takes the form that deletes a render.
#[must_use]
pub fn delete_render(id: RenderId) -> String {
    with_id(DELETE_RENDER, id)
}

/// Takes the form that asks for what a step took away.
#[must_use]
pub fn step_audio(id: RenderId) -> String {
    with_id(STEP_AUDIO, id)
}

/// Leads to the file of a render.
#[must_use]
pub fn render_file(id: RenderId) -> String {
    with_id(RENDER_FILE, id)
}

/// What a render did, for another program.
#[must_use]
pub fn recipe(id: RenderId, format: &str) -> String {
    format!("{}?as={format}", with_id(RECIPE, id))
}

/// Takes the form that deletes an analysis.
#[must_use]
pub fn delete_analysis(id: AnalysisId) -> String {
    with_id(DELETE_ANALYSIS, id)
}

/// Takes the form that ends one session.
#[must_use]
pub fn end_session(id: SessionId) -> String {
    with_id(END_SESSION, id)
}

/// Takes the form that makes a link to a report.
#[must_use]
pub fn share_analysis(id: AnalysisId) -> String {
    with_id(SHARE_ANALYSIS, id)
}

/// A report, for whoever has the link with this token.
#[must_use]
pub fn shared(token: &str) -> String {
    with_id(SHARED, token)
}

/// Takes the form that ends a link.
#[must_use]
pub fn end_share(id: ShareId) -> String {
    with_id(END_SHARE, id)
}

/// A page of the demo.
#[must_use]
pub fn demo_page(page: DemoPage) -> String {
    with_id(DEMO_PAGE, page)
}

/// A recording of the demo.
#[must_use]
pub fn demo_audio(track: DemoTrack) -> String {
    with_id(DEMO_AUDIO, track)
}

/// What changing to a plan means.
#[must_use]
pub fn change_plan(to: Plan) -> String {
    with_id(CHANGE_PLAN, to)
}

/// Withdraws from a contract, with these fields filled in.
#[must_use]
pub fn withdraw_from(fields: &[(&str, String)]) -> String {
    with_parameters(WITHDRAW, fields)
}

/// Where Stripe leads back to: the page asks it how things are.
#[must_use]
pub fn back_from_stripe() -> String {
    with_parameters(BILLING, &[("from", "stripe".to_owned())])
}

/// Takes the form that revokes a token.
#[must_use]
pub fn revoke_token(id: TokenId) -> String {
    with_id(REVOKE_TOKEN, id)
}

/// A webhook endpoint, with what was sent to it.
#[must_use]
pub fn webhook(id: WebhookEndpointId) -> String {
    with_id(WEBHOOK, id)
}

/// The same from the delivery `before` on.
#[must_use]
pub fn older_deliveries(id: WebhookEndpointId, before: WebhookDeliveryId) -> String {
    format!("{}?before={before}", webhook(id))
}

/// Takes the form that sends an endpoint a test event.
#[must_use]
pub fn ping_webhook(id: WebhookEndpointId) -> String {
    with_id(PING_WEBHOOK, id)
}

/// Takes the form that pauses an endpoint.
#[must_use]
pub fn pause_webhook(id: WebhookEndpointId) -> String {
    with_id(PAUSE_WEBHOOK, id)
}

/// Takes the form that resumes an endpoint.
#[must_use]
pub fn resume_webhook(id: WebhookEndpointId) -> String {
    with_id(RESUME_WEBHOOK, id)
}

/// Takes the form that gives an endpoint a new secret.
#[must_use]
pub fn rotate_webhook(id: WebhookEndpointId) -> String {
    with_id(ROTATE_WEBHOOK, id)
}

/// Takes the form that deletes an endpoint.
#[must_use]
pub fn delete_webhook(id: WebhookEndpointId) -> String {
    with_id(DELETE_WEBHOOK, id)
}

/// Takes the form that sends an event once more.
#[must_use]
pub fn redeliver_webhook(id: WebhookDeliveryId) -> String {
    with_id(REDELIVER_WEBHOOK, id)
}

/// An analysis in the API.
#[must_use]
pub fn api_analysis(id: AnalysisId) -> String {
    with_id(API_ANALYSIS, id)
}

/// A render in the API.
#[must_use]
pub fn api_render(id: RenderId) -> String {
    with_id(API_RENDER, id)
}

/// `page`, saying that something was `done`.
#[must_use]
pub fn done(page: &str, done: &str) -> String {
    format!("{page}?done={done}")
}

/// The page of an email's token, saying that it was unsubscribed with.
#[must_use]
pub fn unsubscribed(token: &str) -> String {
    with_parameters(
        EMAIL_PREFERENCES,
        &[("done", "unsubscribed".to_owned()), ("token", token.to_owned())],
    )
}

/// The question for the password that leads on to `next`.
#[must_use]
pub fn confirm_password_then(next: &str) -> String {
    with_parameters(CONFIRM_PASSWORD, &[("next", next.to_owned())])
}

/// The history as `query` asks for it, at `cursor`; the first page where there is none.
#[must_use]
pub fn history(query: &HistoryQuery, cursor: Option<&PageCursor>) -> String {
    let mut parameters = query.parameters();
    parameters.extend(cursor.map(|cursor| match cursor {
        PageCursor::After(key) => ("after", key.clone()),
        PageCursor::Before(key) => ("before", key.clone()),
    }));
    with_parameters(HISTORY, &parameters)
}

/// The same with boxes to tick, to do something with several.
#[must_use]
pub fn history_to_select(query: &HistoryQuery, cursor: Option<&PageCursor>) -> String {
    let address = history(query, cursor);
    let join = if address.contains('?') { '&' } else { '?' };
    format!("{address}{join}select=1")
}

/// The history as `query` asks for it, as CSV.
#[must_use]
pub fn history_table(query: &HistoryQuery) -> String {
    with_parameters(HISTORY_TABLE, &query.parameters())
}

/// A song with its versions.
#[must_use]
pub fn song(id: SongId) -> String {
    with_id(SONG, id)
}

/// Two versions of a song compared.
#[must_use]
pub fn compared(id: SongId, before: AnalysisId, after: AnalysisId) -> String {
    format!("{}?before={before}&after={after}#compare", song(id))
}

/// Takes the form with a new title for a song.
#[must_use]
pub fn rename_song(id: SongId) -> String {
    with_id(RENAME_SONG, id)
}

/// Takes the form that deletes a song; its versions stay.
#[must_use]
pub fn delete_song(id: SongId) -> String {
    with_id(DELETE_SONG, id)
}

/// The songs from the id `before` on.
#[must_use]
pub fn older_songs(before: SongId) -> String {
    format!("{SONGS}?before={before}")
}

/// Takes the forms that put an analysis into a song, or take it out.
#[must_use]
pub fn analysis_song(id: AnalysisId) -> String {
    with_id(ANALYSIS_SONG, id)
}

fn with_parameters(path: &str, parameters: &[(&str, String)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

fn encoded(value: &str) -> impl Display {
    utf8_percent_encode(value, PLAIN)
}

/// `template` with `id` in its place.
fn with_id(template: &str, id: impl Display) -> String {
    template.replace("{id}", &id.to_string())
}

/// `page` with the token of an email, which is base64url and dots.
#[must_use]
pub fn with_token(page: &str, token: &str) -> String {
    with_parameters(page, &[("token", token.to_owned())])
}

/// The sign-in form that leads on to `next`.
#[must_use]
pub fn sign_in_then(next: &str) -> String {
    with_parameters(SIGN_IN, &[("next", next.to_owned())])
}

/// `next` where it is an address of ours, else the upload page: a sign-in must not lead anywhere else (ASVS 3.7.2).
#[must_use]
pub fn safe_next(next: Option<&str>) -> String {
    match next {
        Some(path)
            if path.starts_with('/')
                && !path.starts_with("//")
                && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') =>
        {
            path.to_owned()
        }
        _ => UPLOAD.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_of_the_history_is_in_its_address() {
        let query = HistoryQuery {
            search: "50 % & ü".to_owned(),
            ..HistoryQuery::default()
        };
        assert_eq!(history(&HistoryQuery::default(), None), "/history");
        assert_eq!(
            history(&query, Some(&PageCursor::After("a_b".to_owned()))),
            "/history?q=50%20%25%20%26%20%C3%BC&after=a_b"
        );
        assert_eq!(
            history_to_select(&HistoryQuery::default(), None),
            "/history?select=1"
        );
    }

    #[test]
    fn a_sign_in_leads_to_our_own_pages_only() {
        assert_eq!(safe_next(Some("/history?before=1")), "/history?before=1");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\0",
            "/\u{b}",
            "/\u{7f}",
            "/a b",
            "/ü",
            "",
        ] {
            assert_eq!(safe_next(Some(foreign)), UPLOAD, "{foreign}");
        }
        assert_eq!(safe_next(None), UPLOAD);
    }

    #[test]
    fn what_a_sign_in_leads_to_is_one_value_of_its_address() {
        assert_eq!(sign_in_then("/history"), "/signin?next=/history");
        assert_eq!(
            sign_in_then("/history?q=a+b&sort=best#x%20"),
            "/signin?next=/history%3Fq%3Da%2Bb%26sort%3Dbest%23x%2520"
        );
    }

    #[test]
    fn an_id_stands_in_its_place() {
        let id = "0190000000007000800000000000000a".parse().unwrap();
        assert_eq!(
            report_json(id),
            "/analyses/0190000000007000800000000000000a/report.json"
        );
    }
}
