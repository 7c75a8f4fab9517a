//! The question about optional cookies and statistics: asked once, beside the page and not over it, answered by either of two
//! equal buttons, and asked again by nobody but the person (P21).

use backend::privacy::{consent::Consent, cookies};
use leptos::prelude::*;
use leptos_meta::Title;
use model::routes::Page;

use crate::{
    pages::{
        legal::{Dated, PolicyTable},
        post_form::PostForm,
    },
    paths,
    request_context::{PageRequest, RequestContext},
    ui::{Button, Notice, Tone},
};

/// The question, where it is still to be answered, and on pages where the answer, which reloads the page, takes nothing away: no
/// fields that somebody fills in, no upload on its way. The page of cookies asks it by itself.
#[component]
pub fn Banner() -> impl IntoView {
    let context = RequestContext::here();
    let request = PageRequest::here();
    if context.consent != Consent::Undecided || !request.page().is_some_and(can_be_reloaded) {
        return ().into_any();
    }
    let back = request.uri.to_string();
    view! {
        <section class="consent" aria-labelledby="consent-title">
            <div class="wrap consent__bar">
                <p>
                    <strong id="consent-title">"May we count how MixLens is used?"</strong>
                    " Without your name, your files or your account. "
                    <a href=paths::COOKIES>"What is counted"</a>
                </p>
                <Choice csrf=context.csrf back=back />
            </div>
        </section>
    }
    .into_any()
}

const fn can_be_reloaded(page: Page) -> bool {
    matches!(
        page,
        Page::Home
            | Page::SignUpSent
            | Page::ForgotSent
            | Page::History
            | Page::Songs
            | Page::AccountDeleted
            | Page::Rules
            | Page::Methodology
            | Page::Terms
            | Page::Privacy
            | Page::Policies
            | Page::Contact
    )
}

/// The two answers, alike in every way but their words.
#[component]
fn Choice(csrf: String, back: String) -> impl IntoView {
    view! {
        <PostForm action=paths::CONSENT csrf=csrf class="row consent__choice">
            <input type="hidden" name="back" value=back />
            <Button name="statistics" value="no">"Decline"</Button>
            <Button name="statistics" value="yes">"Allow"</Button>
        </PostForm>
    }
}

/// Which cookies there are, and the choice about the optional ones.
#[component]
pub fn Cookies() -> impl IntoView {
    let context = RequestContext::here();
    let rows = cookies::in_use(&context.backend.statistics)
        .into_iter()
        .map(|cookie| {
            let when = match cookie.when {
                cookies::Need::Necessary => "Necessary",
                cookies::Need::Answer => "Set with your answer",
                cookies::Need::Optional => "Only if you allow it",
            };
            [cookie.name, cookie.purpose, cookie.life, when]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    let state = match context.consent {
        Consent::NothingToAsk => None,
        Consent::Signalled => Some(
            "Your browser asks not to be tracked, so nothing is counted. There is nothing to choose here.",
        ),
        Consent::Declined => Some("You declined. Nothing is counted."),
        Consent::Granted => Some("You allowed it. Your visits are counted without your name."),
        Consent::Undecided => Some("You have not answered yet. Nothing is counted until you allow it."),
    };
    let may_choose = !matches!(context.consent, Consent::NothingToAsk | Consent::Signalled);
    let choice = state.map(|state| {
        view! {
            <h2 id="choice">"Your choice"</h2>
            <Notice tone=Tone::Info title="Statistics">{state}</Notice>
            {may_choose
                .then(|| {
                    view! {
                        <p>
                            "What is counted: which kinds of pages are opened (“a report”, never which), and that a file was uploaded, a report renamed or deleted, "
                            "a copy of one's data asked for, an account made or deleted. Never what you type, your files, their names, your address or your account."
                        </p>
                        <Choice csrf=context.csrf.clone() back=paths::COOKIES.to_owned() />
                    }
                })}
        }
    });
    view! {
        <Title text="Cookies" />
        <article class="wrap wrap--text prose">
            <h1>"Cookies"</h1>
            <Dated />
            <p>
                "A cookie is a small text that your browser keeps for us. These are all that MixLens sets; no other company sets any here, and every one of them "
                "is sent over an encrypted connection to this site alone."
            </p>
            <PolicyTable name="The cookies of MixLens" heads=&["Name", "What it is for", "How long", "When"] rows=rows />
            {choice}
            <p>
                "More about what is kept: the " <a href=paths::PRIVACY>"privacy policy"</a> ". The rules of the house: the "
                <a href=paths::TERMS>"terms"</a> "."
            </p>
        </article>
    }
}
