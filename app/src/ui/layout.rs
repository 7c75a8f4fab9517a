//! The frame of every page: skip link, header, footer.

use leptos::prelude::*;
use model::account::Me;

use super::{ButtonKind, ButtonLink};
use crate::paths;

/// Which entry of the navigation the page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NavEntry {
    /// The upload page.
    Upload,
    /// The history.
    History,
    /// The songs.
    Songs,
    /// The references.
    References,
    /// None of the entries.
    #[default]
    Elsewhere,
}

/// The first thing that the Tab key reaches. The page's `<main>` has `id="main" tabindex="-1"`.
#[component]
pub fn SkipLink() -> impl IntoView {
    view! {
        <a class="skip" href="#main">
            "Skip to the content"
        </a>
    }
    .into_any()
}

/// The name in engraver's capitals behind a needle.
#[component]
pub fn Wordmark() -> impl IntoView {
    view! {
        <svg viewBox="0 0 140 24" role="img" aria-label="MixLens">
            <path class="stroke" d="M1.5 17a10.5 10.5 0 0 1 21 0M12 3.5v3M4.6 9.6l2.1 2.1M1 20.5h22"></path>
            <path class="stroke needle" d="M12 20.5l6.2-11.2"></path>
            <path
                class="stroke"
                d="M35 19V6l5.5 8L46 6v13M53 5v14M59.5 5.3l9.5 13.4M69 5.3l-9.5 13.4M76 5v13h8M99 6h-8v12h8M91 12h7M106 19V6.4l9.5 11.2V5M131 8c-.6-1.4-2-2.1-3.8-2.1c-2.2 0-3.9 1.1-3.9 3c0 4.3 8.1 1.9 8.1 6.2c0 1.9-1.8 3-4.2 3c-2.2 0-3.9-.9-4.5-2.5"
            ></path>
        </svg>
    }
    .into_any()
}

/// The bar at the top. `children` go into the sign-out form: the hidden CSRF input.
#[component]
pub fn SiteHeader(
    /// The entry that is marked as the current one.
    #[prop(optional)]
    current: NavEntry,
    /// Who is signed in.
    #[prop(optional_no_strip, into)]
    me: Option<Me>,
    /// The hidden input of the sign-out form.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let mark = |entry: NavEntry| (current == entry).then_some("page");
    let signed_in = me.is_some();
    let account = match me {
        Some(me) => view! {
            <details class="menu">
                <summary>
                    <svg class="menu__icon" viewBox="0 0 24 24" aria-hidden="true">
                        <path class="stroke" d="M12 4a4 4 0 1 1 0 8a4 4 0 0 1 0-8M4.5 20.5c0-4.1 3.3-6.5 7.5-6.5s7.5 2.4 7.5 6.5"></path>
                    </svg>
                    <span class="menu__name">{me.display_name}</span>
                </summary>
                <div class="menu__panel">
                    <p>{me.email}</p>
                    <a class="menu__link" href=paths::ACCOUNT>
                        "Account"
                    </a>
                    <form method="post" action=paths::SIGN_OUT>
                        {children.map(|children| children())}
                        <button type="submit" class="button button--link">
                            "Sign out"
                        </button>
                    </form>
                </div>
            </details>
        }
        .into_any(),
        None => view! {
            <a href=paths::SIGN_IN>"Sign in"</a>
            <ButtonLink href=paths::SIGN_UP kind=ButtonKind::Primary class="button--small">
                "Create account"
            </ButtonLink>
        }
        .into_any(),
    };
    view! {
        <header class="site-header">
            <div class="wrap site-header__bar">
                <a class="wordmark" href=paths::HOME aria-label="MixLens, home">
                    <Wordmark />
                </a>
                <nav class="site-nav" aria-label="Main">
                    {signed_in
                        .then(|| {
                            view! {
                                <a href=paths::UPLOAD aria-current=mark(NavEntry::Upload)>
                                    "Upload"
                                </a>
                                <a href=paths::HISTORY aria-current=mark(NavEntry::History)>
                                    "History"
                                </a>
                                <a href=paths::SONGS aria-current=mark(NavEntry::Songs)>
                                    "Songs"
                                </a>
                                <a href=paths::REFERENCES aria-current=mark(NavEntry::References)>
                                    "References"
                                </a>
                            }
                        })}
                </nav>
                <div class="site-account">{account}</div>
            </div>
        </header>
    }
    .into_any()
}

/// What is said when the program of the page does not come, or breaks. The style sheet shows it by what `<html>` says, so that it
/// needs no script: `data-hydrated` once the islands are awake, `data-broken` when one of them has ended.
#[component]
pub fn Unstarted() -> impl IntoView {
    view! {
        <div class="unstarted" role="status">
            <p class="wrap unstarted__asleep" data-comes-later="">
                "Parts of this page have not started. They need JavaScript and WebAssembly, which did not come, or which this browser was told not to run. "
                <a href="">"Reload the page"</a> ", or try another browser."
            </p>
            <p class="wrap unstarted__broken">
                "A part of this page has stopped. An extension of the browser or a translation may have changed the page under it. "
                <a href="">"Reload the page"</a> "; what was uploaded or saved is kept."
            </p>
        </div>
    }
    .into_any()
}

/// The bar at the bottom.
#[component]
pub fn SiteFooter(
    /// Whether plans are sold, so that there are contracts to withdraw from.
    #[prop(optional)]
    withdrawal: bool,
) -> impl IntoView {
    view! {
        <footer class="site-footer">
            <div class="wrap">
                <p>"MixLens measures. Your ears decide."</p>
                <a href=paths::METHODOLOGY>"Methods"</a>
                <a href=paths::RULES>"Rules"</a>
                <a href=paths::DOCS>"Developers"</a>
                <a href=paths::PRICING>"Pricing"</a>
                <a href=paths::PRIVACY>"Privacy"</a>
                <a href=paths::COOKIES>"Cookies"</a>
                <a href=paths::TERMS>"Terms"</a>
                <a href=paths::CONTACT>"Contact"</a>
                {withdrawal.then(|| view! { <a href=paths::WITHDRAW>"Withdraw from contract here"</a> })}
            </div>
        </footer>
    }
    .into_any()
}
