//! One webhook endpoint: what was sent to it, and what can be done with it.

use backend::webhooks::{self, Attempt, Delivery, Endpoint};
use leptos::prelude::*;
use model::{
    WebhookDeliveryId, WebhookEndpointId,
    webhook::{DeliveryState, EndpointState},
};

use super::{
    AccountTab, Frame, Section,
    webhooks::{EndpointValues, badge, disabled_notice, event_words, fields, fresh},
};
use crate::{
    format,
    pages::{not_found::failed, post_form::PostForm},
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, context_for},
    ui::{Badge, Button, ButtonKind, Confirm, Tone},
};

/// One endpoint; for its owner.
#[component]
pub fn Webhook() -> impl IntoView {
    let (context, id) = match context_for("webhook endpoint", paths::webhook) {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    let form_errors = FormErrors::here();
    if let Some(secret) = fresh(&form_errors, &paths::webhook(id)) {
        return secret;
    }
    let frame = Frame::here(AccountTab::Webhooks);
    let before = PageRequest::here().query("before");
    let page = Suspend::new(async move {
        let endpoint = match webhooks::find(&context.backend, &context.actor, id).await {
            Ok(endpoint) => endpoint,
            Err(error) => return failed(&context.problem(&error)),
        };
        let log = webhooks::deliveries(&context.backend, &context.actor, id, before.as_deref()).await;
        match log {
            Ok((deliveries, next)) => {
                frame.around(shown(&context, &endpoint, &form_errors, deliveries, next))
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! { <Suspense>{page}</Suspense> }.into_any()
}

fn shown(
    context: &RequestContext,
    endpoint: &Endpoint,
    form_errors: &FormErrors,
    deliveries: Vec<(Delivery, Vec<Attempt>)>,
    next: Option<WebhookDeliveryId>,
) -> AnyView {
    let (id, csrf) = (endpoint.id, context.csrf.clone());
    let disabled = (endpoint.state == EndpointState::Disabled).then(|| disabled_notice(endpoint));
    let description = endpoint.description.clone();
    let previous = endpoint
        .previous_until
        .filter(|until| *until > context.backend.now())
        .map(|until| {
            let words = format!(
                "The secret before it signs as well until {}.",
                format::date_time(until)
            );
            view! { <p class="small muted">{words}</p> }
        });
    let log = if deliveries.is_empty() {
        view! { <p class="muted">"Nothing was sent in the last 30 days. Send a test event to see whether it arrives."</p> }.into_any()
    } else {
        let state = endpoint.state;
        let rows = deliveries
            .into_iter()
            .map(|(delivery, attempts)| delivery_row(delivery, attempts, state, &csrf))
            .collect_view();
        view! { <ul class="tokens">{rows}</ul> }.into_any()
    };
    let older = next.map(|next| {
        view! { <p><a href=paths::older_deliveries(id, next)>"Earlier deliveries"</a></p> }
    });
    let actions = actions(id, endpoint.state, &csrf);
    let values = EndpointValues::new(form_errors, Some(endpoint));
    let fields = fields(values, form_errors);
    view! {
            <p><a href=paths::WEBHOOKS>"All endpoints"</a></p>
            {disabled}
            <div>
                <p class="tokens__name">
                    <strong class="breakable">{endpoint.url.to_string()}</strong> " " {badge(endpoint.state)}
                </p>
                <p class="muted">{description}</p>
                <p class="small muted">
                    {format!("Made on {}, secret ", format::date(endpoint.created_at))}
                    <code>{format!("…{}", endpoint.secret_hint)}</code>
                </p>
                {previous}
            </div>
            {actions}
            <Section title="What was sent">
                <p class="small muted">"Kept for 30 days. An event that does not arrive is tried 8 times, over 28 hours."</p>
                {log}
                {older}
            </Section>
            <Section title="Change it">
                <PostForm action=paths::webhook(id) csrf=csrf>
                    {fields}
                    <p><Button kind=ButtonKind::Primary>"Save"</Button></p>
                </PostForm>
            </Section>
    }
    .into_any()
}

fn actions(id: WebhookEndpointId, state: EndpointState, csrf: &str) -> AnyView {
    let csrf = csrf.to_owned();
    let csrf = move || csrf.clone();
    let sending = match state {
        EndpointState::Active => view! {
            <PostForm action=paths::ping_webhook(id) csrf=csrf() class="">
                <Button class="button--small">"Send a test event"</Button>
            </PostForm>
            <PostForm action=paths::pause_webhook(id) csrf=csrf() class="">
                <Button class="button--small">"Pause"</Button>
            </PostForm>
        }
        .into_any(),
        EndpointState::Paused | EndpointState::Disabled => view! {
            <PostForm action=paths::resume_webhook(id) csrf=csrf() class="">
                <Button class="button--small" kind=ButtonKind::Primary>"Resume"</Button>
            </PostForm>
        }
        .into_any(),
    };
    let (to_rotate, to_delete) = (csrf(), csrf());
    view! {
        <div class="row">
            {sending}
            <Confirm opener="Rotate the secret">
                <PostForm action=paths::rotate_webhook(id) csrf=to_rotate>
                    <p>"There is a new secret at once, shown once. The present one signs as well for 24 hours, so that nothing is lost while you change over."</p>
                    <Button kind=ButtonKind::Primary class="button--small">"Make a new secret"</Button>
                </PostForm>
            </Confirm>
            <Confirm opener="Delete" kind=ButtonKind::Danger>
                <PostForm action=paths::delete_webhook(id) csrf=to_delete>
                    <p>"Nothing more is sent to it, and its log is deleted with it."</p>
                    <Button kind=ButtonKind::Danger class="button--small">"Delete the endpoint"</Button>
                </PostForm>
            </Confirm>
        </div>
    }
    .into_any()
}

fn delivery_row(delivery: Delivery, attempts: Vec<Attempt>, endpoint: EndpointState, csrf: &str) -> AnyView {
    let badge = match delivery.state {
        DeliveryState::Delivered => view! { <Badge tone=Tone::Ok>"Delivered"</Badge> }.into_any(),
        DeliveryState::Waiting => view! { <Badge>"Waiting"</Badge> }.into_any(),
        DeliveryState::Failed => view! { <Badge tone=Tone::Severe>"Failed"</Badge> }.into_any(),
    };
    let next = delivery
        .next_attempt_at
        .filter(|_| !attempts.is_empty())
        .map(|at| {
            view! {
                <p class="small muted">
                    "Tried again at " <time datetime=at.rfc3339()>{format::date_time(at)}</time> "."
                </p>
            }
        });
    let again = (endpoint == EndpointState::Active).then(|| {
        let label = format!("Send {} once more", delivery.event_type);
        view! {
            <PostForm action=paths::redeliver_webhook(delivery.id) csrf=csrf.to_owned() class="">
                <button type="submit" class="button button--small" aria-label=label>"Send again"</button>
            </PostForm>
        }
    });
    let happened = delivery.happened_at;
    let attempts = attempts.into_iter().map(attempt_row).collect_view();
    view! {
        <li class="tokens__row">
            <div>
                <p class="tokens__name">
                    <code>{delivery.event_type.as_str()}</code> " " {badge}
                </p>
                <p class="small muted">
                    {event_words(delivery.event_type)} ", "
                    <time datetime=happened.rfc3339()>{format::date_time(happened)}</time>
                </p>
                {attempts}
                {next}
            </div>
            {again}
        </li>
    }
    .into_any()
}

fn attempt_row(attempt: Attempt) -> AnyView {
    let at = attempt.started_at;
    let answer = attempt
        .status
        .map_or("no answer".to_owned(), |status| status.to_string());
    let words = format!(": {answer} after {} ms. ", attempt.duration_ms);
    let advice = attempt.failure.map(|failure| failure.advice());
    let response = attempt.response.map(|response| {
        view! {
            <details class="small">
                <summary>"What it answered"</summary>
                <pre class="snippet" tabindex="0"><code>{response}</code></pre>
            </details>
        }
    });
    view! {
        <p class="small">
            <time datetime=at.rfc3339()>{format::date_time(at)}</time> {words} {advice}
        </p>
        {response}
    }
    .into_any()
}
