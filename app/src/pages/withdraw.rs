//! Withdrawing from a contract: which one it is, a second step that confirms it, and the moment at which it arrived. Works signed out, for
//! whoever knows the address of the account and the number of the contract.

use backend::billing::withdrawal;
use leptos::prelude::*;
use leptos_meta::Title;
use model::Timestamp;

use crate::{
    format,
    pages::post_form::PostForm,
    paths,
    request_context::{FormErrors, PageRequest, RequestContext},
    ui::{Button, ButtonKind, ButtonLink, ErrorSummary, Field, Notice, Tone},
};

/// Among the values of the second step: the plan of the contract, and when it was made, in milliseconds.
pub const WITHDRAW_PLAN: &str = "plan";
/// See [`WITHDRAW_PLAN`].
pub const WITHDRAW_SINCE: &str = "since";
/// Among the values of the last page: when the withdrawal arrived, in milliseconds.
pub const WITHDRAWN_AT: &str = "withdrawn-at";

/// The page; for everybody.
#[component]
pub fn Withdraw() -> impl IntoView {
    let form_errors = FormErrors::here();
    let errors = form_errors.errors();
    let moment = |name| {
        let at = form_errors.value(name)?.parse().ok()?;
        errors.is_empty().then_some(Timestamp(at))
    };
    let body = match (moment(WITHDRAWN_AT), moment(WITHDRAW_SINCE)) {
        (Some(at), _) => done(&form_errors, at),
        (None, Some(since)) => confirmation(&form_errors, since),
        (None, None) => question(&form_errors),
    };
    view! {
        <Title text="Withdraw from contract" />
        <section class="wrap wrap--narrow stack">
            <h1>"Withdraw from contract"</h1>
            <ErrorSummary errors=errors />
            {body}
        </section>
    }
}

fn question(form_errors: &FormErrors) -> AnyView {
    let context = RequestContext::here();
    if !context.backend.config.sells() {
        return view! { <p>"Nothing is sold on this installation, so there is no contract to withdraw from."</p> }
            .into_any();
    }
    let email = form_errors
        .value("email")
        .or_else(|| context.me().map(|me| me.email));
    let contract = form_errors
        .value("contract")
        .or_else(|| PageRequest::here().query("contract"));
    let (email_error, contract_error) = (form_errors.error("email"), form_errors.error("contract"));
    view! {
        <p>
            {format!("Within {} days of buying a plan you may withdraw from it, without a reason. It ends at once, and you get back everything that you paid.", withdrawal::DAYS)}
        </p>
        <PostForm action=paths::WITHDRAW csrf=context.csrf>
            <Field
                label="E-mail address of the account"
                name="email"
                r#type="email"
                value=email
                error=email_error
                autocomplete="email"
                inputmode="email"
                hint="The confirmation goes there."
            />
            <Field
                label="Contract number"
                name="contract"
                value=contract
                error=contract_error
                autocomplete="off"
                hint="It is in the e-mail with which your plan began, and on the page of your plan: ML-…"
            />
            <p><Button kind=ButtonKind::Primary>"Withdraw from contract here"</Button></p>
        </PostForm>
        <p class="small muted">
            "Later than that, or if you only do not want to go on: " <a href=paths::change_plan(model::plan::Plan::Free)>"cancel the plan"</a>
            ". It ends with the time that is paid."
        </p>
    }
    .into_any()
}

fn confirmation(form_errors: &FormErrors, since: Timestamp) -> AnyView {
    let csrf = RequestContext::here().csrf;
    let value = |name| form_errors.value(name).unwrap_or_default();
    let (email, contract, plan) = (value("email"), value("contract"), value(WITHDRAW_PLAN));
    view! {
        <p>
            "You withdraw from the contract " <code>{contract.clone()}</code> " about MixLens " <strong>{plan}</strong> ", made on "
            <time datetime=since.rfc3339()>{format::date(since)}</time> "."
        </p>
        <p>
            "The plan ends at once. Everything that you paid for it goes back to where it came from. The confirmation goes to "
            <strong class="breakable">{email.clone()}</strong> "."
        </p>
        <PostForm action=paths::WITHDRAW csrf=csrf>
            <input type="hidden" name="step" value="confirm" />
            <input type="hidden" name="email" value=email />
            <input type="hidden" name="contract" value=contract />
            <p class="row">
                <Button kind=ButtonKind::Danger>"Confirm withdrawal"</Button>
                <ButtonLink href=paths::BILLING>"Keep the plan"</ButtonLink>
            </p>
        </PostForm>
    }
    .into_any()
}

fn done(form_errors: &FormErrors, at: Timestamp) -> AnyView {
    let value = |name| form_errors.value(name).unwrap_or_default();
    let (email, contract) = (value("email"), value("contract"));
    view! {
        <Notice tone=Tone::Ok title="We have received your withdrawal" role="status">
            "From the contract " <code>{contract}</code> ", on "
            <time datetime=at.rfc3339()>{format::date_time(at)}</time> "."
        </Notice>
        <p>
            "An e-mail to " <strong class="breakable">{email}</strong>
            " confirms it. The money goes back to where it came from; your bank may take some days to show it."
        </p>
        <p><ButtonLink href=paths::HOME>"Home"</ButtonLink></p>
    }
    .into_any()
}
