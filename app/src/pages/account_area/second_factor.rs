//! Setting up the second factor: the QR code, the first code, the recovery codes.

use backend::accounts::second_factor::{self, Enrolment};
use leptos::prelude::*;
use leptos_meta::Title;
use model::ProblemCode;

use crate::{
    pages::{not_found::failed, post_form::PostForm},
    paths,
    request_context::{FormErrors, RequestContext, redirect_to, redirect_to_sign_in},
    ui::{Button, ButtonKind, ButtonLink, ErrorSummary, Field, qr::Qr},
};

/// The page for an app that is being set up, or for the recovery codes that were just made.
#[component]
pub fn SecondFactor() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::SECOND_FACTOR);
        return ().into_any();
    }
    if let Some(codes) = form_errors.value("codes") {
        return recovery_codes(&codes);
    }
    let errors = form_errors.errors();
    let form = Suspend::new(async move {
        match second_factor::enrolment(&context.backend, &context.actor).await {
            Ok(Some(enrolment)) => set_up(enrolment, context.csrf.clone(), form_errors),
            // Nothing was begun, or it is on already.
            Ok(None) => {
                redirect_to(paths::SECURITY);
                ().into_any()
            }
            Err(error) if error.code() == ProblemCode::ConfirmPassword => {
                redirect_to(&paths::confirm_password_then(paths::SECOND_FACTOR));
                ().into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <Title text="Set up a second factor" />
        <section class="wrap wrap--text stack">
            <h1>"Set up a second factor"</h1>
            <ErrorSummary errors=errors />
            <Suspense>{form}</Suspense>
        </section>
    }
    .into_any()
}

fn set_up(enrolment: Enrolment, csrf: String, form_errors: FormErrors) -> AnyView {
    let groups: Vec<_> = enrolment
        .secret
        .as_bytes()
        .chunks(4)
        .map(String::from_utf8_lossy)
        .collect();
    let secret = groups.join(" ");
    view! {
        <ol class="setup">
            <li>
                <p>"Scan this with your authenticator app."</p>
                <Qr text=enrolment.url label="QR code of the secret; the same is below as text" />
                <p class="small">
                    "No camera at hand? Type this into the app: "
                    <code class="breakable">{secret}</code>
                </p>
            </li>
            <li>
                <p>"Enter the code that the app shows. From then on, signing in asks for one."</p>
                <PostForm action=paths::SECOND_FACTOR_CONFIRM csrf=csrf>
                    <Field
                        label="Code"
                        name="code"
                        error=form_errors.error("code")
                        autocomplete="one-time-code"
                        inputmode="numeric"
                        maxlength=9_u32
                        hint="Six digits; the app makes new ones every 30 seconds."
                    />
                    <p class="row">
                        <Button kind=ButtonKind::Primary>"Turn on"</Button>
                        <ButtonLink href=paths::SECURITY>"Not now"</ButtonLink>
                    </p>
                </PostForm>
            </li>
        </ol>
    }
    .into_any()
}

/// Shown once: only their hashes are kept.
fn recovery_codes(codes: &str) -> AnyView {
    // A file without a script; `%20` and `%0A` are all that has to be escaped in it.
    let file = format!(
        "data:text/plain;charset=utf-8,MixLens%20recovery%20codes%0A{}%0A",
        codes.replace(' ', "%0A")
    );
    let codes = codes
        .split(' ')
        .map(|code| view! { <li><code>{code.to_owned()}</code></li> })
        .collect_view();
    view! {
        <Title text="Your recovery codes" />
        <section class="wrap wrap--text stack">
            <h1>"Your recovery codes"</h1>
            <p>"The second factor is on. If you lose the app, each of these signs you in once, in place of a code."</p>
            <ul class="codes">{codes}</ul>
            <p>
                <strong>"Keep them now: nobody can show them again."</strong>
                " When you leave or reload this page, they are gone from it; new ones are made on the page of security. A password manager or a sheet of paper is a good place; the phone with the app is not."
            </p>
            <p class="row">
                <a class="button" href=file download="mixlens-recovery-codes.txt">"Save as text"</a>
                <ButtonLink href=paths::SECURITY kind=ButtonKind::Primary>"I have saved them"</ButtonLink>
            </p>
        </section>
    }
    .into_any()
}
