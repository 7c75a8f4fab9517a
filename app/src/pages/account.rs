//! Signing up, confirming the address, signing in. Plain forms: they work without a script.

use backend::accounts::{confirming_takes_password, sign_up_was_not_mailed};
use leptos::prelude::*;
use leptos_meta::Title;
use model::ProblemCode;

use crate::{
    pages::{
        account_area::Done,
        post_form::PostForm,
        secret_fields::{NewPassword, PresentPassword},
    },
    paths,
    request_context::{FormErrors, PageRequest, RequestContext},
    ui::{Button, ButtonKind, ButtonLink, Checkbox, ErrorSummary, Field},
};

/// The form for a new account.
#[component]
pub fn SignUp() -> impl IntoView {
    let form_errors = FormErrors::here();
    view! {
        <Title text="Create an account" />
        <section class="wrap wrap--narrow stack">
            <h1>"Create an account"</h1>
            <p class="muted">"It takes a name, an address and a password. Have one already? " <a href=paths::SIGN_IN>"Sign in"</a> "."</p>
            <ErrorSummary errors=form_errors.errors() />
            <PostForm action=paths::SIGN_UP csrf=RequestContext::here().csrf>
                <Field
                    label="Display name"
                    name="display_name"
                    value=form_errors.value("display_name")
                    error=form_errors.error("display_name")
                    autocomplete="nickname"
                    maxlength=60_u32
                />
                <Field
                    label="E-mail"
                    name="email"
                    r#type="email"
                    value=form_errors.value("email")
                    error=form_errors.error("email")
                    autocomplete="email"
                    inputmode="email"
                    hint="We send a link there to confirm it."
                />
                <NewPassword label="Password" form_errors=form_errors.clone() />
                <Checkbox
                    name="age_ok"
                    required=true
                    checked=form_errors.value("age_ok").is_some()
                    error=form_errors.error("age_ok")
                >
                    "I am 13 or older"
                </Checkbox>
                <Checkbox
                    name="terms_ok"
                    required=true
                    checked=form_errors.value("terms_ok").is_some()
                    error=form_errors.error("terms_ok")
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
    let not_mailed = Suspend::new(not_mailed(RequestContext::here()));
    view! {
        <Title text="Check your mail" />
        <section class="wrap wrap--narrow stack">
            <h1>"Check your mail"</h1>
            <Suspense>{not_mailed}</Suspense>
            <p>"We have sent you an e-mail. Open the link in it to confirm your address, and you are in. It works for 24 hours; in another browser it asks for your password."</p>
            <MailInFiles />
            <p class="muted">
                "Nothing there after a minute? Check your spam folder, or " <a href=paths::SIGN_UP>"try again"</a> "."
            </p>
        </section>
    }
}

/// Said where the e-mail was given up.
async fn not_mailed(context: RequestContext) -> Option<AnyView> {
    let was_given_up = sign_up_was_not_mailed(&context.backend, &context.browser).await;
    // A page that says too little stands all the same.
    was_given_up.unwrap_or_default().then(|| {
        view! {
            <p class="plate">
                <strong>"Your e-mail could not be sent."</strong>
                " No mail server took it. Check the address and " <a href=paths::SIGN_UP>"sign up again"</a>
                "; if that does not help, write to us."
            </p>
        }
        .into_any()
    })
}

/// Where the mail is, on a server that writes it into files.
#[component]
fn MailInFiles() -> impl IntoView {
    let context = RequestContext::here();
    let to_files = context.backend.config.is_development() && context.backend.mailer.writes_files();
    to_files.then(|| {
        view! {
            <div class="plate stack">
                <p>
                    <strong>"This server runs on your own machine"</strong>
                    " and sends no e-mail: it writes them to files."
                </p>
                <ButtonLink href=paths::DEV_MAIL kind=ButtonKind::Primary>"Open the mail"</ButtonLink>
            </div>
        }
    })
}

/// Where the link in the mail leads. A button confirms, because programs that check mail open links, too.
#[component]
pub fn Confirm() -> impl IntoView {
    let form_errors = FormErrors::here();
    let token = form_errors
        .value("token")
        .or_else(|| PageRequest::here().query("token"))
        .unwrap_or_default();
    // A refused password is typed again; a link that is gone leads on.
    let is_refused = form_errors.errors().iter().any(|(field, _)| field.is_empty());
    let has_wrong_password = form_errors.error("password").is_some();
    let context = RequestContext::here();
    let takes_password = confirming_takes_password(&context.backend, &token, &context.browser);
    view! {
        <Title text="Confirm your address" />
        <section class="wrap wrap--narrow stack">
            <h1>"Confirm your address"</h1>
            <ErrorSummary errors=form_errors.errors() />
            {if is_refused {
                view! {
                    <p class="row">
                        <ButtonLink href=paths::SIGN_IN kind=ButtonKind::Primary>"Sign in"</ButtonLink>
                        <ButtonLink href=paths::SIGN_UP>"Sign up again"</ButtonLink>
                    </p>
                }
                    .into_any()
            } else {
                view! {
                    <p>
                        {if takes_password {
                            "Enter the password that you chose when you signed up, and your account is ready."
                        } else {
                            "One click, and your account is ready."
                        }}
                    </p>
                    <PostForm action=paths::CONFIRM csrf=context.csrf>
                        <input type="hidden" name="token" value=token />
                        {takes_password
                            .then(|| {
                                view! {
                                    <PresentPassword hint="You opened the link in another browser than the one you signed up in, so we ask for the password from the sign-up. If you never chose one, somebody else signed up with your address: close this page." form_errors=form_errors.clone() />
                                }
                            })}
                        <p class="row">
                            <Button kind=ButtonKind::Primary>"Confirm and sign in"</Button>
                            {has_wrong_password.then(|| view! { <ButtonLink href=paths::SIGN_UP>"Sign up again"</ButtonLink> })}
                        </p>
                    </PostForm>
                }
                    .into_any()
            }}
        </section>
    }
}

/// The form to sign in, and the question for the code when the password was right and there is a second factor.
#[component]
pub fn SignIn() -> impl IntoView {
    let form_errors = FormErrors::here();
    let next = form_errors
        .value("next")
        .or_else(|| PageRequest::here().query("next"));
    if let Some(step) = form_errors.value("step") {
        return code_form(step, next, form_errors);
    }
    let came_from_elsewhere = next.is_some();
    view! {
        <Title text="Sign in" />
        <section class="wrap wrap--narrow stack">
            <h1>"Sign in"</h1>
            <p class="muted">
                {came_from_elsewhere.then_some("This page is for signed-in people. ")} "New here? "
                <a href=paths::SIGN_UP>"Create an account"</a> "."
            </p>
            <ErrorSummary errors=form_errors.errors() />
            <Done />
            <PostForm action=paths::SIGN_IN csrf=RequestContext::here().csrf>
                {next.map(|next| view! { <input type="hidden" name="next" value=next /> })}
                <Field
                    label="E-mail"
                    name="email"
                    r#type="email"
                    value=form_errors.value("email")
                    error=form_errors.error("email")
                    autocomplete="username"
                    inputmode="email"
                />
                <PresentPassword form_errors=form_errors.clone() />
                {form_errors
                    .is(ProblemCode::RateLimited)
                    .then(|| {
                        view! {
                            <Field
                                label="Code, if you have a second factor"
                                name="code"
                                autocomplete="one-time-code"
                                maxlength=30_u32
                                hint="With the password and a fresh code, or one of your recovery codes, you need not wait."
                            />
                        }
                    })}
                <p class="row">
                    <Button kind=ButtonKind::Primary>"Sign in"</Button>
                    <ButtonLink href=paths::FORGOT kind=ButtonKind::Link>"Forgot your password?"</ButtonLink>
                </p>
            </PostForm>
        </section>
    }
    .into_any()
}

/// The second step of signing in.
fn code_form(step: String, next: Option<String>, form_errors: FormErrors) -> AnyView {
    view! {
        <Title text="Enter a code" />
        <section class="wrap wrap--narrow stack">
            <h1>"Enter a code"</h1>
            <p class="muted">"Your password was right. Your account asks for a code as well."</p>
            <ErrorSummary errors=form_errors.errors() />
            <PostForm action=paths::SIGN_IN_CODE csrf=RequestContext::here().csrf>
                <input type="hidden" name="step" value=step />
                {next.map(|next| view! { <input type="hidden" name="next" value=next /> })}
                <Field
                    label="Code"
                    name="code"
                    error=form_errors.error("code")
                    autocomplete="one-time-code"
                    maxlength=30_u32
                    hint="Six digits of your authenticator app, or one of your recovery codes."
                />
                <p class="row">
                    <Button kind=ButtonKind::Primary>"Sign in"</Button>
                    <ButtonLink href=paths::SIGN_IN>"Start over"</ButtonLink>
                </p>
            </PostForm>
        </section>
    }
    .into_any()
}

/// The form for a forgotten password.
#[component]
pub fn Forgot() -> impl IntoView {
    let form_errors = FormErrors::here();
    view! {
        <Title text="Forgot your password?" />
        <section class="wrap wrap--narrow stack">
            <h1>"Forgot your password?"</h1>
            <p class="muted">"Give the address of your account. We send a link there with which you choose a new password."</p>
            <ErrorSummary errors=form_errors.errors() />
            <PostForm action=paths::FORGOT csrf=RequestContext::here().csrf>
                <Field
                    label="E-mail"
                    name="email"
                    r#type="email"
                    value=form_errors.value("email")
                    error=form_errors.error("email")
                    autocomplete="username"
                    inputmode="email"
                />
                <p class="row">
                    <Button kind=ButtonKind::Primary>"Send the link"</Button>
                    <ButtonLink href=paths::SIGN_IN>"Back"</ButtonLink>
                </p>
            </PostForm>
        </section>
    }
}

/// Said after [`Forgot`], alike for every address.
#[component]
pub fn ForgotSent() -> impl IntoView {
    view! {
        <Title text="Check your mail" />
        <section class="wrap wrap--narrow stack">
            <h1>"Check your mail"</h1>
            <p>"If the address has an account, an e-mail with a link is on its way to it. The link works for an hour."</p>
            <MailInFiles />
            <p class="muted">
                "Nothing there after a few minutes? Check your spam folder, check the address, or "
                <a href=paths::FORGOT>"try again"</a> "."
            </p>
        </section>
    }
}

/// Where the link in that email leads.
#[component]
pub fn Reset() -> impl IntoView {
    let form_errors = FormErrors::here();
    let token = form_errors
        .value("token")
        .or_else(|| PageRequest::here().query("token"))
        .unwrap_or_default();
    let is_gone = form_errors.errors().iter().any(|(field, _)| field.is_empty());
    view! {
        <Title text="Choose a new password" />
        <section class="wrap wrap--narrow stack">
            <h1>"Choose a new password"</h1>
            <ErrorSummary errors=form_errors.errors() />
            {if is_gone {
                view! { <p><ButtonLink href=paths::FORGOT kind=ButtonKind::Primary>"Ask for a new link"</ButtonLink></p> }.into_any()
            } else {
                view! {
                    <p class="muted">"It signs you out everywhere. Then sign in with it."</p>
                    <PostForm action=paths::RESET csrf=RequestContext::here().csrf>
                        <input type="hidden" name="token" value=token />
                        <NewPassword label="New password" form_errors=form_errors.clone() />
                        <p><Button kind=ButtonKind::Primary>"Set the new password"</Button></p>
                    </PostForm>
                }
                    .into_any()
            }}
        </section>
    }
}
