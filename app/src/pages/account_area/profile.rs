//! Name, address, plan.

use leptos::prelude::*;
use leptos_meta::Title;
use model::upload::UploadKind;

use super::{AccountPage, AccountTab, Section};
use crate::{
    pages::{not_found::failed, post_form::PostForm, secret_fields::SecondFactorCode, upload::Left},
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, redirect_to_sign_in},
    ui::{Button, ButtonKind, ButtonLink, ErrorSummary, Field},
};

/// The profile; for signed-in people.
#[component]
pub fn Profile() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let Ok(user) = context.actor.user().cloned() else {
        redirect_to_sign_in(paths::ACCOUNT);
        return ().into_any();
    };
    let name = form_errors
        .value("display_name")
        .unwrap_or_else(|| user.display_name.clone());
    let csrf = context.csrf.clone();
    let address = Suspend::new(address(context.clone(), form_errors.clone()));
    let left = {
        let context = context.clone();
        Suspend::new(async move {
            match backend::usage::of_this_month(&context.backend, &context.actor, UploadKind::Mix).await {
                Ok(usage) => view! { <Left usage=usage /> }.into_any(),
                Err(error) => failed(&context.problem(&error)),
            }
        })
    };
    view! {
        <AccountPage subject=AccountTab::Profile>
            <Section title="Name">
                <PostForm action=paths::ACCOUNT_NAME csrf=csrf>
                    <Field
                        label="Display name"
                        name="display_name"
                        value=name
                        error=form_errors.error("display_name")
                        autocomplete="nickname"
                        maxlength=60_u32
                    />
                    <p><Button>"Save the name"</Button></p>
                </PostForm>
            </Section>
            <Section title="Address">
                <p>"You sign in with " <strong class="breakable">{user.email.clone()}</strong> ", and our e-mails go there."</p>
                <Suspense>{address}</Suspense>
            </Section>
            <Section title="Plan">
                <p>"You are on the " <strong>{user.plan.name()}</strong> " plan."</p>
                <Suspense>{left}</Suspense>
                <p><a href=paths::BILLING>"What is used of it, and other plans"</a></p>
            </Section>
        </AccountPage>
    }
    .into_any()
}

async fn address(context: RequestContext, form_errors: FormErrors) -> AnyView {
    let asks_for_code = context.actor.user().is_ok_and(|user| user.has_second_factor);
    let pending = match backend::accounts::address::pending(&context.backend, &context.actor).await {
        Ok(pending) => pending,
        Err(error) => return failed(&context.problem(&error)),
    };
    let pending = pending.map(|email| {
        view! {
            <p class="muted">
                "An e-mail with a link is on its way to " <strong class="breakable">{email}</strong>
                ". Your address changes when you open the link, within 24 hours."
            </p>
        }
    });
    if context.actor.recent_user(context.backend.now()).is_err() {
        return view! {
            {pending}
            <p><ButtonLink href=paths::confirm_password_then(paths::ACCOUNT)>"Change the address"</ButtonLink></p>
        }
        .into_any();
    }
    view! {
        {pending}
        <PostForm action=paths::ACCOUNT_EMAIL csrf=context.csrf.clone()>
            <Field
                label="New e-mail address"
                name="email"
                r#type="email"
                value=form_errors.value("email")
                error=form_errors.error("email")
                autocomplete="email"
                inputmode="email"
                hint="We send a link there to confirm it, and tell the old address when it is done."
            />
            <SecondFactorCode asked=asks_for_code form_errors=form_errors.clone() />
            <p><Button>"Change the address"</Button></p>
        </PostForm>
    }
    .into_any()
}

/// Where the link in the email to a new address leads. A button confirms, because programs that check mail open links,
/// too. Works signed out: the email may be read elsewhere.
#[component]
pub fn ConfirmEmail() -> impl IntoView {
    let form_errors = FormErrors::here();
    let token = form_errors
        .value("token")
        .or_else(|| PageRequest::here().query("token"))
        .unwrap_or_default();
    let errors = form_errors.errors();
    let form = errors.is_empty().then(|| {
        view! {
            <p>"One click, and this is the address of your account."</p>
            <PostForm action=paths::CONFIRM_EMAIL csrf=RequestContext::here().csrf>
                <input type="hidden" name="token" value=token />
                <p><Button kind=ButtonKind::Primary>"Confirm the new address"</Button></p>
            </PostForm>
        }
    });
    let way_on = (!errors.is_empty()).then(|| {
        view! { <p><ButtonLink href=paths::ACCOUNT kind=ButtonKind::Primary>"Your account"</ButtonLink></p> }
    });
    view! {
        <Title text="Confirm your new address" />
        <section class="wrap wrap--narrow stack">
            <h1>"Confirm your new address"</h1>
            <ErrorSummary errors=errors />
            {form}
            {way_on}
        </section>
    }
}
