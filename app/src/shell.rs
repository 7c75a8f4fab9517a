//! The HTML document around every page, its Content-Security-Policy, and what each page shows.

use http::header;
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use model::routes::{Page, Route};

use crate::{
    api::CSRF_META,
    pages::{
        account, account_area, analysis, comparison, consent, demo, docs, history, home, legal, methodology,
        not_found::failed, plan, pricing, references, render, rules, shared, song, songs, upload, withdraw,
        your_data,
    },
    request_context::{PageContent, PageRequest, RequestContext},
    ui::{NavEntry, SiteFooter, SiteHeader, SkipLink, Toasts, Unstarted},
};

/// The typeface of all pages, beside the style sheet that names it.
const TYPEFACE: &str = "/pkg/archivo.bea9dfc6.woff2";

/// The document of every page. Sets the Content-Security-Policy of the response.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let context = RequestContext::here();
    set_policy(&context);
    // The other pages load no script at all.
    let has_islands = PageRequest::here()
        .page()
        .and_then(Route::of_page)
        .is_some_and(|route| route.has_islands);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name=CSRF_META content=context.csrf.clone() />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="preload" href=TYPEFACE r#as="font" type="font/woff2" crossorigin="anonymous" />
                <HashedStylesheet options=options.clone() id="leptos" />
                {has_islands.then(|| view! { <HydrationScripts options=options islands=true /> })}
                <MetaTags />
            </head>
            <body>
                <App has_islands=has_islands />
            </body>
        </html>
    }
}

#[component]
fn App(has_islands: bool) -> impl IntoView {
    provide_meta_context();
    let request = PageRequest::here();
    let page = request.page();
    let withdrawal = RequestContext::here().backend.config.sells();
    let content = match request.content {
        PageContent::Page(page) => body_of(page),
        PageContent::Problem(problem) => failed(&problem),
    };
    view! {
        <Title formatter=title />
        <SkipLink />
        {has_islands.then(|| view! { <Unstarted /> })}
        <Header page=page />
        <consent::Banner />
        <account_area::billing::FailedPayment />
        <main id="main" tabindex="-1">
            {content}
        </main>
        <SiteFooter withdrawal=withdrawal />
        <Toasts />
    }
}

/// The text of `<title>`. leptos_meta writes it as it is, so that markup in a person's words would be markup.
fn title(page: String) -> String {
    let page = page.replace('&', "&amp;").replace('<', "&lt;");
    if page.is_empty() {
        "MixLens".to_owned()
    } else {
        format!("{page} · MixLens")
    }
}

/// What each page shows.
fn body_of(page: Page) -> AnyView {
    match page {
        Page::Home => view! { <home::Home /> }.into_any(),
        Page::Demo | Page::DemoPage => view! { <demo::DemoShown /> }.into_any(),
        Page::SignUp => view! { <account::SignUp /> }.into_any(),
        Page::SignUpSent => view! { <account::SignUpSent /> }.into_any(),
        Page::ConfirmSignUp => view! { <account::Confirm /> }.into_any(),
        Page::SignIn | Page::SignInCode => view! { <account::SignIn /> }.into_any(),
        Page::Forgot => view! { <account::Forgot /> }.into_any(),
        Page::ForgotSent => view! { <account::ForgotSent /> }.into_any(),
        Page::Reset => view! { <account::Reset /> }.into_any(),
        Page::Upload => view! { <upload::Upload /> }.into_any(),
        Page::History => view! { <history::History /> }.into_any(),
        Page::References => view! { <references::References /> }.into_any(),
        Page::Analysis => view! { <analysis::Analysis /> }.into_any(),
        Page::Comparison => view! { <comparison::Comparison /> }.into_any(),
        Page::Shared => view! { <shared::Shared /> }.into_any(),
        Page::Shares => view! { <account_area::shares::Shares /> }.into_any(),
        Page::Plan => view! { <plan::PlanPage /> }.into_any(),
        Page::Render => view! { <render::RenderPage /> }.into_any(),
        Page::Songs => view! { <songs::Songs /> }.into_any(),
        Page::Song => view! { <song::Song /> }.into_any(),
        Page::Profile => view! { <account_area::profile::Profile /> }.into_any(),
        Page::ConfirmEmail => view! { <account_area::profile::ConfirmEmail /> }.into_any(),
        Page::ConfirmPassword => view! { <account_area::security::ConfirmPassword /> }.into_any(),
        Page::Security => view! { <account_area::security::Security /> }.into_any(),
        Page::SecondFactor => view! { <account_area::second_factor::SecondFactor /> }.into_any(),
        Page::Billing => view! { <account_area::billing::Billing /> }.into_any(),
        Page::ChangePlan => view! { <account_area::billing::ChangePlan /> }.into_any(),
        Page::Tokens => view! { <account_area::tokens::Tokens /> }.into_any(),
        Page::Webhooks => view! { <account_area::webhooks::Webhooks /> }.into_any(),
        Page::Webhook => view! { <account_area::webhook::Webhook /> }.into_any(),
        Page::EmailPreferences => view! { <account_area::email::EmailPreferences /> }.into_any(),
        Page::YourData => view! { <your_data::YourData /> }.into_any(),
        Page::DeleteAccount => view! { <your_data::DeleteAccount /> }.into_any(),
        Page::AccountDeleted => view! { <your_data::AccountDeleted /> }.into_any(),
        Page::Pricing => view! { <pricing::Pricing /> }.into_any(),
        Page::Withdraw => view! { <withdraw::Withdraw /> }.into_any(),
        Page::Rules => view! { <rules::Rules /> }.into_any(),
        Page::Methodology => view! { <methodology::Methodology /> }.into_any(),
        Page::Docs
        | Page::DocsAuthentication
        | Page::DocsErrors
        | Page::DocsApi
        | Page::DocsCatalogue
        | Page::DocsReport
        | Page::DocsMcp
        | Page::DocsCli
        | Page::DocsChangelog
        | Page::DocsWebhooks => view! { <docs::Docs page=page /> }.into_any(),
        Page::Terms => view! { <legal::Terms /> }.into_any(),
        Page::Privacy => view! { <legal::Privacy /> }.into_any(),
        Page::Cookies => view! { <consent::Cookies /> }.into_any(),
        Page::Policies => view! { <legal::Policies /> }.into_any(),
        Page::Contact => view! { <legal::Contact /> }.into_any(),
    }
}

#[component]
fn Header(page: Option<Page>) -> impl IntoView {
    let context = RequestContext::here();
    let current = match page {
        Some(Page::Upload) => NavEntry::Upload,
        Some(Page::History) => NavEntry::History,
        Some(Page::Songs | Page::Song) => NavEntry::Songs,
        Some(Page::References) => NavEntry::References,
        _ => NavEntry::Elsewhere,
    };
    view! {
        <SiteHeader current=current me=context.me()>
            <input type="hidden" name="csrf" value=context.csrf.clone() />
        </SiteHeader>
    }
}

/// Nothing may load, run, embed or be sent but what the page itself needs (ASVS 3.4.3).
fn set_policy(context: &RequestContext) {
    let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) else {
        return;
    };
    let public = &context.backend.config.storage.public_endpoint;
    let storage = if *public == context.backend.config.base_url {
        String::new()
    } else {
        format!(" {public}")
    };
    // The page that forms stand on which lead to Stripe: a browser looks at where a form is led to, too.
    let page = PageRequest::here().page();
    let config = &context.backend.config;
    let hosted = match page {
        Some(Page::Billing) if config.sells() => format!(" {}", config.billing.hosted_pages),
        _ => String::new(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{storage}; media-src 'self' blob:{storage}; \
         manifest-src 'self'; form-action 'self'{hosted}; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    );
    if let Ok(value) = policy.parse() {
        response.insert_header(header::CONTENT_SECURITY_POLICY, value);
    }
}
