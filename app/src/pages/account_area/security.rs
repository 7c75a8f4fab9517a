//! Password, second factor, sessions; and the question for the password before what is dangerous.

use backend::{
    accounts::{
        second_factor::{self, SecondFactorState},
        security_log::{self, SecurityEvent},
    },
    sessions::{self, SessionView},
};
use leptos::prelude::*;
use leptos_meta::Title;
use model::Timestamp;

use super::{AccountPage, AccountTab, Section};
use crate::{
    format,
    pages::{
        not_found::failed,
        post_form::PostForm,
        secret_fields::{NewPassword, PresentPassword, SecondFactorCode, is_of},
    },
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, redirect_to_sign_in},
    ui::{Badge, Button, ButtonKind, ButtonLink, Confirm, ErrorSummary, Tone},
};

/// The security of the account; for signed-in people.
#[component]
pub fn Security() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let Ok(user) = context.actor.user().cloned() else {
        redirect_to_sign_in(paths::SECURITY);
        return ().into_any();
    };
    let csrf = context.csrf.clone();
    let factor = Suspend::new(factor(context.clone(), form_errors.clone()));
    let list = Suspend::new(list(context.clone()));
    let log = Suspend::new(log(context));
    view! {
        <AccountPage subject=AccountTab::Security>
            <Section title="Password">
                <p class="muted">"A new password signs out every other browser, and we tell you by mail."</p>
                <PostForm action=paths::ACCOUNT_PASSWORD csrf=csrf>
                    // For password managers: whose password it is.
                    <input type="hidden" name="username" autocomplete="username" value=user.email />
                    <PresentPassword label="Current password" name="current" form_errors=form_errors.clone() />
                    <SecondFactorCode asked=user.has_second_factor form_errors=form_errors.clone() form="password" />
                    <NewPassword label="New password" form_errors=form_errors.clone() />
                    <p><Button>"Change the password"</Button></p>
                </PostForm>
            </Section>
            <Section title="Second factor">
                <Suspense>{factor}</Suspense>
            </Section>
            <Section title="Signed-in browsers">
                <Suspense>{list}</Suspense>
            </Section>
            <Section title="What happened lately">
                <Suspense>{log}</Suspense>
            </Section>
        </AccountPage>
    }
    .into_any()
}

async fn factor(context: RequestContext, form_errors: FormErrors) -> AnyView {
    let state = match second_factor::state(&context.backend, &context.actor).await {
        Ok(state) => state,
        Err(error) => return failed(&context.problem(&error)),
    };
    let again = context.csrf.clone();
    let errors = form_errors.clone();
    let (codes_refused, off_refused) = (is_of(&form_errors, "codes"), is_of(&form_errors, "off"));
    match state {
        SecondFactorState::Off | SecondFactorState::Begun => view! {
            <p>
                "With a second factor, signing in asks for the code of an authenticator app besides the password. "
                "A stolen password alone opens nothing then."
            </p>
            <PostForm action=paths::SECOND_FACTOR_BEGIN csrf=context.csrf.clone()>
                <p><Button>"Set up a second factor"</Button></p>
            </PostForm>
        }
        .into_any(),
        SecondFactorState::On { since, codes_left } => view! {
            <p>
                <Badge tone=Tone::Ok>"On"</Badge> " since " <time datetime=since.rfc3339()>{format::date(since)}</time>
                ". Signing in asks for a code of your app. " {codes_left_words(codes_left)}
            </p>
            <div class="row">
                <Confirm opener="New recovery codes" open=codes_refused>
                    <PostForm action=paths::SECOND_FACTOR_CODES csrf=context.csrf.clone()>
                        <p>"The old recovery codes open nothing any more when there are new ones."</p>
                        <SecondFactorCode asked=true form_errors=form_errors form="codes" />
                        <Button kind=ButtonKind::Primary class="button--small">"Make new recovery codes"</Button>
                    </PostForm>
                </Confirm>
                <Confirm opener="Switch off" kind=ButtonKind::Danger open=off_refused>
                    <PostForm action=paths::SECOND_FACTOR_OFF csrf=again>
                        <p>"Signing in takes the password alone then."</p>
                        <SecondFactorCode asked=true form_errors=errors form="off" />
                        <Button kind=ButtonKind::Danger class="button--small">"Switch off the second factor"</Button>
                    </PostForm>
                </Confirm>
            </div>
        }
        .into_any(),
    }
}

fn codes_left_words(left: u32) -> String {
    match left {
        0 => "There is no recovery code left: make new ones, or a lost phone locks you out.".to_owned(),
        1 => "One recovery code is left.".to_owned(),
        left => format!("{left} recovery codes are left."),
    }
}

async fn list(context: RequestContext) -> AnyView {
    let list = match sessions::list(&context.backend, &context.actor).await {
        Ok(list) => list,
        Err(error) => return failed(&context.problem(&error)),
    };
    let has_others = list.len() > 1;
    let now = context.backend.now();
    let rows = list
        .into_iter()
        .map(|session| row(&session, now, context.csrf.clone()))
        .collect_view();
    view! {
        <p class="muted">
            "We know when each signed in and when it was last used, and nothing else: no address, no name of a device."
        </p>
        <ul class="sessions">{rows}</ul>
        {has_others
            .then(|| {
                view! {
                    <PostForm action=paths::END_OTHER_SESSIONS csrf=context.csrf.clone()>
                        <p><Button kind=ButtonKind::Danger>"Sign out all others"</Button></p>
                    </PostForm>
                }
            })}
    }
    .into_any()
}

fn row(session: &SessionView, now: Timestamp, csrf: String) -> AnyView {
    let since = session.created_at;
    // What is stored is exact to an hour.
    let seen = match now.since(session.last_seen_at).as_secs() / 3600 {
        0 => "used within the last hour".to_owned(),
        _ => format!("last used {} ago", format::span(now.since(session.last_seen_at))),
    };
    let name = format!("Sign out the browser of {}", format::date_time(since));
    let end = if session.is_this {
        view! { <Badge>"This browser"</Badge> }.into_any()
    } else {
        view! {
            <PostForm action=paths::end_session(session.id) csrf=csrf class="">
                <button type="submit" class="button button--small" aria-label=name>"Sign out"</button>
            </PostForm>
        }
        .into_any()
    };
    view! {
        <li class="sessions__row">
            <span>
                "Signed in " <time datetime=since.rfc3339()>{format::date_time(since)}</time>
                <span class="sessions__seen">{seen}</span>
            </span>
            {end}
        </li>
    }
    .into_any()
}

async fn log(context: RequestContext) -> AnyView {
    let events = match security_log::list(&context.backend, &context.actor).await {
        Ok(events) => events,
        Err(error) => return failed(&context.problem(&error)),
    };
    let rows = events
        .into_iter()
        .map(|event| {
            let at = event.created_at;
            view! {
                <li class="events__row">
                    <span>{event_words(event.kind)}</span>
                    <time datetime=at.rfc3339()>{format::date_time(at)}</time>
                </li>
            }
        })
        .collect_view();
    view! {
        <p class="muted">
            "The last fifty, for 90 days. Something that was not you? Choose a new password, which signs out every other browser."
        </p>
        <ul class="events">{rows}</ul>
    }
    .into_any()
}

const fn event_words(event: SecurityEvent) -> &'static str {
    match event {
        SecurityEvent::SignedIn => "Signed in",
        SecurityEvent::WrongPassword => "A wrong password was entered",
        SecurityEvent::WrongCode => "The password was entered, and a wrong code",
        SecurityEvent::PasswordChanged => "The password was changed",
        SecurityEvent::SecondFactorOn => "The second factor was switched on",
        SecurityEvent::SecondFactorOff => "The second factor was switched off",
        SecurityEvent::NewRecoveryCodes => "New recovery codes were made",
        SecurityEvent::AddressChanged => "The e-mail address was changed",
        SecurityEvent::TokenCreated => "An API token was made",
        SecurityEvent::TokenRevoked => "An API token was revoked",
        SecurityEvent::SignedOutByOperator => "We signed out every browser",
    }
}

/// Asks for the password again, and leads back to where the person came from.
#[component]
pub fn ConfirmPassword() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let next = form_errors
        .value("next")
        .or_else(|| PageRequest::here().query("next"));
    let next = paths::safe_next(next.as_deref().or(Some(paths::ACCOUNT)));
    let Ok(user) = context.actor.user().cloned() else {
        redirect_to_sign_in(&next);
        return ().into_any();
    };
    view! {
        <Title text="Enter your password" />
        <section class="wrap wrap--narrow stack">
            <h1>"Enter your password"</h1>
            <p class="muted">"What comes next is dangerous in the hands of somebody who finds this browser open. We ask once in ten minutes."</p>
            <ErrorSummary errors=form_errors.errors() />
            <PostForm action=paths::CONFIRM_PASSWORD csrf=context.csrf.clone()>
                <input type="hidden" name="next" value=next.clone() />
                <input type="hidden" name="username" autocomplete="username" value=user.email />
                <PresentPassword form_errors=form_errors.clone() />
                <SecondFactorCode asked=user.has_second_factor form_errors=form_errors.clone() />
                <p class="row">
                    <Button kind=ButtonKind::Primary>"Go on"</Button>
                    <ButtonLink href=next>"Back"</ButtonLink>
                </p>
            </PostForm>
        </section>
    }
    .into_any()
}
