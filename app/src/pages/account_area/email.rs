//! Which emails are wanted (P16); signed in, or by the link in an email.

use backend::preferences::{self, MARKETING_WORDING, NotificationKind, Preferences, UnsubscribeLink};
use leptos::prelude::*;
use leptos_meta::Title;

use super::{AccountPage, AccountTab, Done, Section};
use crate::{
    pages::{not_found::failed, post_form::PostForm},
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, redirect_to_sign_in},
    ui::{Button, ButtonKind, Checkbox},
};

/// The choices of the signed-in person; with the token of an email, how to unsubscribe, for whoever has the email.
#[component]
pub fn EmailPreferences() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let request = PageRequest::here();
    let (token, done) = (request.query("token"), request.query("done"));
    if let Some(token) = form_errors.value("token").or(token) {
        return match preferences::read_link(&context.backend, &token) {
            Ok(link) => by_link(link, done.is_none().then_some(token), &context),
            Err(error) => failed(&context.problem(&error)),
        };
    }
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::EMAIL_PREFERENCES);
        return ().into_any();
    }
    let form = Suspend::new(async move {
        match preferences::for_person(&context.backend, &context.actor).await {
            Ok(wanted) => choices(&wanted, context.csrf.clone()),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <AccountPage subject=AccountTab::Email>
            <Section title="E-mails that you may decline">
                <Suspense>{form}</Suspense>
            </Section>
            <Section title="E-mails that come in any case">
                <p>
                    "What is about your account and its security: confirming an address, a new password, a new sign-in method, "
                    "payments, changes of the privacy policy, and the deletion of the account."
                </p>
                <p class="muted">"No e-mail holds a picture from the network or anything that tells us whether you opened it."</p>
            </Section>
        </AccountPage>
    }
    .into_any()
}

fn choices(wanted: &Preferences, csrf: String) -> AnyView {
    let boxes = NotificationKind::ALL
        .map(|kind| {
            view! {
                <Checkbox name=kind.as_str() checked=wanted.wants(kind) hint=hint(kind)>
                    {kind.name()}
                </Checkbox>
            }
        })
        .collect_view();
    view! {
        <PostForm action=paths::EMAIL_PREFERENCES csrf=csrf>
            {boxes}
            <p><Button kind=ButtonKind::Primary>"Save the choice"</Button></p>
        </PostForm>
    }
    .into_any()
}

const fn hint(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::AnalysisReady => "When a mix that you uploaded is measured, or cannot be.",
        NotificationKind::RenderReady => {
            "When a render that you asked for has ended while its page was not open."
        }
        NotificationKind::Marketing => MARKETING_WORDING,
    }
}

/// What a link in an email leads to: the forms with its `token`, until one of them was sent.
fn by_link(link: UnsubscribeLink, token: Option<String>, context: &RequestContext) -> AnyView {
    let name = link.kind.name();
    let (csrf, again) = (context.csrf.clone(), context.csrf.clone());
    let forms = token.map(move |token| {
        let all = token.clone();
        view! {
            <p>"You came here from an e-mail of the kind " <strong>{name}</strong> "."</p>
            <PostForm action=paths::UNSUBSCRIBE csrf=csrf>
                <input type="hidden" name="token" value=token />
                <p><Button kind=ButtonKind::Primary>"No more e-mails of this kind"</Button></p>
            </PostForm>
            <PostForm action=paths::UNSUBSCRIBE csrf=again>
                <input type="hidden" name="token" value=all />
                <input type="hidden" name="everything" value="on" />
                <p><Button>"No more e-mails of any kind that can be declined"</Button></p>
            </PostForm>
        }
    });
    view! {
        <Title text="E-mails from MixLens" />
        <section class="wrap wrap--narrow stack">
            <h1>"E-mails from MixLens"</h1>
            <Done />
            {forms}
            <p class="muted">
                "To choose in detail, or to get e-mails again, "
                <a href=paths::sign_in_then(paths::EMAIL_PREFERENCES)>"sign in"</a> "."
            </p>
        </section>
    }
    .into_any()
}
