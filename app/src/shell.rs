//! The HTML document around every page, its Content-Security-Policy, and which page belongs to which address.

use http::header;
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    hooks::use_url,
    path,
};

use crate::{
    api::CSRF_META,
    pages::{
        account, account_area, analysis, comparison, consent, history, home, legal, methodology, not_found,
        references, rules, song, songs, upload, your_data,
    },
    paths,
    request_context::RequestContext,
    ui::{Here, SiteFooter, SiteHeader, SkipLink, Toasts},
};

/// The document of every page. Sets the Content-Security-Policy of the response.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let visit = RequestContext::here();
    set_policy(&visit);
    let moves = has_islands(&request_path());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name=CSRF_META content=visit.csrf.clone() />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <HashedStylesheet options=options.clone() id="leptos" />
                {moves.then(|| view! { <HydrationScripts options=options islands=true /> })}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

#[component]
fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "MixLens".to_owned() } else { format!("{title} · MixLens") } />
        <SkipLink />
        <Router>
            <Header />
            <consent::Banner />
            <main id="main" tabindex="-1">
                <Routes fallback=not_found::NotFound>
                    <Route path=path!("/") view=home::Home ssr=SsrMode::Async />
                    <Route path=path!("/signup") view=account::SignUp ssr=SsrMode::Async />
                    <Route path=path!("/signup/sent") view=account::SignUpSent ssr=SsrMode::Async />
                    <Route path=path!("/signup/confirm") view=account::Confirm ssr=SsrMode::Async />
                    <Route path=path!("/signin") view=account::SignIn ssr=SsrMode::Async />
                    <Route path=path!("/signin/code") view=account::SignIn ssr=SsrMode::Async />
                    <Route path=path!("/signin/forgot") view=account::Forgot ssr=SsrMode::Async />
                    <Route path=path!("/signin/forgot/sent") view=account::ForgotSent ssr=SsrMode::Async />
                    <Route path=path!("/signin/reset") view=account::Reset ssr=SsrMode::Async />
                    <Route path=path!("/account") view=account_area::profile::Profile ssr=SsrMode::Async />
                    <Route path=path!("/account/email/confirm") view=account_area::profile::ConfirmEmail ssr=SsrMode::Async />
                    <Route path=path!("/account/confirm") view=account_area::security::ConfirmPassword ssr=SsrMode::Async />
                    <Route path=path!("/account/security") view=account_area::security::Security ssr=SsrMode::Async />
                    <Route path=path!("/account/second-factor") view=account_area::second_factor::SecondFactor ssr=SsrMode::Async />
                    <Route path=path!("/account/email-preferences") view=account_area::email::EmailPreferences ssr=SsrMode::Async />
                    <Route path=path!("/upload") view=upload::Upload ssr=SsrMode::Async />
                    <Route path=path!("/history") view=history::History ssr=SsrMode::Async />
                    <Route path=path!("/analyses/:id") view=analysis::Analysis ssr=SsrMode::Async />
                    // Where a refused form renders its page again.
                    <Route path=path!("/analyses/:id/rename") view=analysis::Analysis ssr=SsrMode::Async />
                    <Route path=path!("/analyses/:id/delete") view=analysis::Analysis ssr=SsrMode::Async />
                    <Route path=path!("/analyses/:id/stage") view=analysis::Analysis ssr=SsrMode::Async />
                    <Route path=path!("/analyses/:id/comparison") view=comparison::Comparison ssr=SsrMode::Async />
                    <Route path=path!("/references") view=references::References ssr=SsrMode::Async />
                    <Route path=path!("/analyses/:id/song") view=analysis::Analysis ssr=SsrMode::Async />
                    <Route path=path!("/songs") view=songs::Songs ssr=SsrMode::Async />
                    <Route path=path!("/songs/:id") view=song::Song ssr=SsrMode::Async />
                    <Route path=path!("/songs/:id/rename") view=song::Song ssr=SsrMode::Async />
                    <Route path=path!("/songs/:id/delete") view=song::Song ssr=SsrMode::Async />
                    <Route path=path!("/rules") view=rules::Rules ssr=SsrMode::Async />
                    <Route path=path!("/methodology") view=methodology::Methodology ssr=SsrMode::Async />
                    <Route path=path!("/terms") view=legal::Terms ssr=SsrMode::Async />
                    <Route path=path!("/privacy") view=legal::Privacy ssr=SsrMode::Async />
                    <Route path=path!("/cookies") view=consent::Cookies ssr=SsrMode::Async />
                    <Route path=path!("/policies") view=legal::Policies ssr=SsrMode::Async />
                    <Route path=path!("/contact") view=legal::Contact ssr=SsrMode::Async />
                    <Route path=path!("/account/privacy") view=your_data::YourData ssr=SsrMode::Async />
                    <Route path=path!("/account/privacy/export") view=your_data::YourData ssr=SsrMode::Async />
                    <Route path=path!("/account/privacy/delete") view=your_data::DeleteAccount ssr=SsrMode::Async />
                    <Route path=path!("/account/deleted") view=your_data::AccountDeleted ssr=SsrMode::Async />
                </Routes>
            </main>
        </Router>
        <SiteFooter />
        <Toasts />
    }
}

#[component]
fn Header() -> impl IntoView {
    let visit = RequestContext::here();
    let here = match use_url().get_untracked().path() {
        paths::UPLOAD => Here::Upload,
        paths::HISTORY | paths::SONGS => Here::History,
        paths::REFERENCES => Here::References,
        _ => Here::Elsewhere,
    };
    view! {
        <SiteHeader here=here me=visit.me()>
            <input type="hidden" name="csrf" value=visit.csrf.clone() />
        </SiteHeader>
    }
}

fn request_path() -> String {
    use_context::<http::request::Parts>()
        .map(|parts| parts.uri.path().to_owned())
        .unwrap_or_default()
}

/// Whether the page has anything that moves; the others load no script at all.
fn has_islands(path: &str) -> bool {
    path == paths::UPLOAD || path == paths::REFERENCES || path.starts_with("/analyses/")
}

/// Nothing may load, run, embed or be sent but what the page itself needs (ASVS 3.4.3).
fn set_policy(visit: &RequestContext) {
    let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) else {
        return;
    };
    let public = &visit.backend.config.storage.public_endpoint;
    let storage = if *public == visit.backend.config.base_url {
        String::new()
    } else {
        format!(" {public}")
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{storage}; media-src 'self' blob:{storage}; \
         manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    );
    if let Ok(value) = policy.parse() {
        response.insert_header(header::CONTENT_SECURITY_POLICY, value);
    }
}
