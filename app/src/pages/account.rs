//! Signing up, confirming the address, signing in. Plain forms: they work without a script.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    pages::post_form::PostForm,
    paths,
    ui::{Button, ButtonKind, ButtonLink, Checkbox, ErrorSummary, Field},
    visit::{Refusal, Visit},
};

/// The form for a new account.
#[component]
pub fn SignUp() -> impl IntoView {
    let refusal = Refusal::here();
    view! {
        <Title text="Create an account" />
        <section class="wrap wrap--narrow stack">
            <h1>"Create an account"</h1>
            <p class="muted">"It takes a name, an address and a password. Have one already? " <a href=paths::SIGN_IN>"Sign in"</a> "."</p>
            <ErrorSummary errors=refusal.errors() />
            <PostForm action=paths::SIGN_UP csrf=Visit::here().csrf>
                <Field
                    label="Display name"
                    name="display_name"
                    value=refusal.value("display_name")
                    error=refusal.error("display_name")
                    autocomplete="nickname"
                    maxlength=60_u32
                />
                <Field
                    label="E-mail"
                    name="email"
                    r#type="email"
                    value=refusal.value("email")
                    error=refusal.error("email")
                    autocomplete="email"
                    inputmode="email"
                    hint="We send a link there to confirm it."
                />
                <Field
                    label="Password"
                    name="password"
                    r#type="password"
                    error=refusal.error("password")
                    autocomplete="new-password"
                    hint="At least 12 characters. Three or four unrelated words are easy to remember and hard to guess."
                />
                <Checkbox
                    name="age_ok"
                    required=true
                    checked=refusal.value("age_ok").is_some()
                    error=refusal.error("age_ok")
                >
                    "I am 13 or older"
                </Checkbox>
                <Checkbox
                    name="terms_ok"
                    required=true
                    checked=refusal.value("terms_ok").is_some()
                    error=refusal.error("terms_ok")
                >
                    "I accept the "
                    <a href=paths::TERMS>"terms"</a>
                    " and have read the "
                    <a href=paths::PRIVACY>"privacy policy"</a>
                </Checkbox>
                <Button kind=ButtonKind::Primary>"Create account"</Button>
            </PostForm>
        </section>
    }
}

/// Said after signing up, alike for every address.
#[component]
pub fn SignUpSent() -> impl IntoView {
    let visit = Visit::here();
    let config = &visit.backend.config;
    let to_files = config.is_development() && visit.backend.mailer.writes_files();
    view! {
        <Title text="Check your mail" />
        <section class="wrap wrap--narrow stack">
            <h1>"Check your mail"</h1>
            <p>"We have sent you a letter. Open the link in it to confirm your address, and you are in. It works for 24 hours."</p>
            {to_files
                .then(|| {
                    view! {
                        <div class="plate stack">
                            <p>
                                <strong>"This server runs on your own machine"</strong>
                                " and sends no mail: it writes letters to files. Yours is there already."
                            </p>
                            <ButtonLink href=paths::DEV_MAIL kind=ButtonKind::Primary>"Open the mail"</ButtonLink>
                        </div>
                    }
                })}
            <p class="muted">
                "Nothing there after a minute? Look among the unwanted mail, or " <a href=paths::SIGN_UP>"try again"</a> "."
            </p>
        </section>
    }
}

/// Where the link in the mail leads. A button confirms, because programs that check mail open links, too.
#[component]
pub fn Confirm() -> impl IntoView {
    let refusal = Refusal::here();
    let token = refusal
        .value("token")
        .or_else(|| use_query_map().with_untracked(|query| query.get("token")))
        .unwrap_or_default();
    let refused = !refusal.errors().is_empty();
    view! {
        <Title text="Confirm your address" />
        <section class="wrap wrap--narrow stack">
            <h1>"Confirm your address"</h1>
            <ErrorSummary errors=refusal.errors() />
            {if refused {
                view! {
                    <p class="row">
                        <ButtonLink href=paths::SIGN_IN kind=ButtonKind::Primary>"Sign in"</ButtonLink>
                        <ButtonLink href=paths::SIGN_UP>"Sign up again"</ButtonLink>
                    </p>
                }
                    .into_any()
            } else {
                view! {
                    <p>"One click, and your account is ready."</p>
                    <PostForm action=paths::CONFIRM csrf=Visit::here().csrf>
                        <input type="hidden" name="token" value=token />
                        <Button kind=ButtonKind::Primary>"Confirm and sign in"</Button>
                    </PostForm>
                }
                    .into_any()
            }}
        </section>
    }
}

/// The form to sign in.
#[component]
pub fn SignIn() -> impl IntoView {
    let refusal = Refusal::here();
    let next = refusal
        .value("next")
        .or_else(|| use_query_map().with_untracked(|query| query.get("next")));
    let came_from_elsewhere = next.is_some();
    view! {
        <Title text="Sign in" />
        <section class="wrap wrap--narrow stack">
            <h1>"Sign in"</h1>
            <p class="muted">
                {came_from_elsewhere.then_some("This page is for signed-in people. ")} "New here? "
                <a href=paths::SIGN_UP>"Create an account"</a> "."
            </p>
            <ErrorSummary errors=refusal.errors() />
            <PostForm action=paths::SIGN_IN csrf=Visit::here().csrf>
                {next.map(|next| view! { <input type="hidden" name="next" value=next /> })}
                <Field
                    label="E-mail"
                    name="email"
                    r#type="email"
                    value=refusal.value("email")
                    error=refusal.error("email")
                    autocomplete="username"
                    inputmode="email"
                />
                <Field
                    label="Password"
                    name="password"
                    r#type="password"
                    error=refusal.error("password")
                    autocomplete="current-password"
                />
                <Button kind=ButtonKind::Primary>"Sign in"</Button>
            </PostForm>
        </section>
    }
}
