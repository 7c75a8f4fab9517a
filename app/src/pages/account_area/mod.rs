//! The account area: a page for each subject, with a small navigation above them. Plain forms: they work without a
//! script.

pub mod billing;
pub mod email;
pub mod profile;
pub mod second_factor;
pub mod security;
pub mod shares;
pub mod tokens;
pub mod webhook;
pub mod webhooks;

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    paths,
    request_context::{FormErrors, PageRequest},
    ui::{ErrorSummary, Notice, Tone},
};

/// The pages of the area, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountTab {
    /// Name, address, plan.
    Profile,
    /// Password, second factor, sessions.
    Security,
    /// The plan and what is paid for.
    Billing,
    /// Links to reports.
    Shares,
    /// API tokens.
    Tokens,
    /// Webhook endpoints.
    Webhooks,
    /// Which emails are wanted.
    Email,
    /// Everything that is held about the person: to see, to copy, to delete.
    Privacy,
}

impl AccountTab {
    const ALL: [Self; 8] = [
        Self::Profile,
        Self::Security,
        Self::Billing,
        Self::Shares,
        Self::Tokens,
        Self::Webhooks,
        Self::Email,
        Self::Privacy,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Profile => "Profile",
            Self::Security => "Security",
            Self::Billing => "Plan",
            Self::Shares => "Links",
            Self::Tokens => "API tokens",
            Self::Webhooks => "Webhooks",
            Self::Email => "E-mail",
            Self::Privacy => "Privacy",
        }
    }

    /// The heading of its page.
    const fn title(self) -> &'static str {
        match self {
            Self::Profile | Self::Security | Self::Tokens | Self::Webhooks | Self::Email => self.name(),
            Self::Billing => "Your plan",
            Self::Shares => "Links to reports",
            Self::Privacy => "Your data",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Profile => paths::ACCOUNT,
            Self::Security => paths::SECURITY,
            Self::Billing => paths::BILLING,
            Self::Shares => paths::SHARES,
            Self::Tokens => paths::TOKENS,
            Self::Webhooks => paths::WEBHOOKS,
            Self::Email => paths::EMAIL_PREFERENCES,
            Self::Privacy => paths::YOUR_DATA,
        }
    }
}

/// A page of the account area: its navigation, what was just done or refused, and its sections.
#[component]
pub fn AccountPage(
    /// Which one.
    subject: AccountTab,
    /// Its sections.
    children: Children,
) -> impl IntoView {
    let frame = Frame::here(subject);
    frame.around(children().into_any())
}

/// What stands around the sections: taken from the request before anything is waited for, because later there is none to ask.
#[derive(Debug)]
struct Frame {
    subject: AccountTab,
    errors: Vec<(String, String)>,
    done: Option<&'static str>,
}

impl Frame {
    fn here(subject: AccountTab) -> Self {
        Self {
            subject,
            errors: FormErrors::here().errors(),
            done: PageRequest::here().query("done").as_deref().and_then(words),
        }
    }

    fn around(self, sections: AnyView) -> AnyView {
        let subject = self.subject;
        let entries = AccountTab::ALL
            .map(|entry| {
                let current = (entry == subject).then_some("page");
                view! { <a href=entry.path() aria-current=current>{entry.name()}</a> }
            })
            .collect_view();
        view! {
            <Title text=subject.title() />
            <div class="wrap wrap--text stack stack--wide">
                <nav class="account-tabs" aria-label="Account">{entries}</nav>
                <h1>{subject.title()}</h1>
                <ErrorSummary errors=self.errors />
                {self.done.map(done_notice)}
                {sections}
            </div>
        }
        .into_any()
    }
}

/// One subject within a page.
#[component]
pub fn Section(
    /// Its heading.
    #[prop(into)]
    title: String,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="account-section stack">
            <h2>{title}</h2>
            {children()}
        </section>
    }
    .into_any()
}

/// What the form before this page has done, by `?done=`.
#[component]
pub fn Done() -> impl IntoView {
    let done = PageRequest::here().query("done");
    done.as_deref().and_then(words).map(done_notice)
}

fn done_notice(words: &'static str) -> impl IntoView {
    view! { <Notice tone=Tone::Ok title="Done" role="status">{words}</Notice> }
}

fn words(done: &str) -> Option<&'static str> {
    Some(match done {
        "name" => "Your name is changed.",
        "email" => {
            "We have sent an e-mail to the new address. Open the link in it; until then the old address stays."
        }
        "address" => "Your address is changed. Sign in with the new one from now on; the old one was told.",
        "password" => "Your password is changed. Every other browser was signed out.",
        "reset" => "Your password is changed, and every browser was signed out. Sign in with the new one.",
        "confirmed" => "Your address is confirmed, and your account is ready. Sign in.",
        "session" => "That browser is signed out.",
        "sessions" => "Every other browser is signed out.",
        "second-factor-off" => "The second factor is off. Signing in takes the password alone.",
        "share-ended" => "That link opens nothing any more.",
        "token-revoked" => "That token is revoked. Whatever used it is refused from now on.",
        "webhook" => "Your changes are saved.",
        "webhook-pinged" => "A test event is on its way. Reload the page in a moment to see what came back.",
        "webhook-paused" => "Nothing is sent to that endpoint until you resume it.",
        "webhook-resumed" => "That endpoint is told of events again.",
        "webhook-deleted" => "That endpoint is deleted. Nothing more is sent to it.",
        "webhook-sent-again" => "That event is on its way once more.",
        "plan-upgraded" => "Your plan is changed, and its limits hold at once.",
        "plan-downgraded" => "Your plan changes when what you have paid is over. We have sent you an e-mail.",
        "plan-cancelled" => {
            "Your plan is cancelled. We have sent you an e-mail that says until when it goes on."
        }
        "plan-resumed" => "Your plan goes on.",
        "preferences" => "Your choice is saved.",
        "unsubscribed" => "You get no more of these e-mails.",
        _ => return None,
    })
}
