//! Webhook endpoints: what there is, a new one, and a secret that was just made, which is shown once.

use backend::webhooks::{self, Endpoint, MAX_DESCRIPTION};
use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    plan::Plan,
    webhook::{DisabledReason, EndpointState, EventType},
};

use super::{AccountPage, AccountTab, Section};
use crate::{
    format,
    pages::{not_found::failed, post_form::PostForm},
    paths,
    request_context::{FormErrors, RequestContext, redirect_to_sign_in},
    ui::{Badge, Button, ButtonKind, ButtonLink, Field, Notice, Tone},
};

/// Among the values of a refused form: all events that were ticked, with a space between.
pub const EVENTS: &str = "events";
/// Among the values of the step after one that made a secret: the secret.
pub const FRESH_SECRET: &str = "secret";
/// The same as libraries of Standard Webhooks take it.
pub const STANDARD_SECRET: &str = "standard-secret";

/// The endpoints of the account; for signed-in people.
#[component]
pub fn Webhooks() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let Ok(user) = context.actor.user().cloned() else {
        redirect_to_sign_in(paths::WEBHOOKS);
        return ().into_any();
    };
    if let Some(secret) = fresh(&form_errors, paths::WEBHOOKS) {
        return secret;
    }
    let allowed = context.backend.config.plans.of(user.plan).webhook_endpoints;
    let new = if allowed == 0 {
        view! {
            <p class="muted">
                "Your plan has no webhook endpoints; Pro and Studio have them. Until then a program can ask: "
                <a href=paths::DOCS>"how to begin"</a> "."
            </p>
        }
        .into_any()
    } else {
        let values = EndpointValues::new(&form_errors, None);
        view! {
            <PostForm action=paths::WEBHOOKS csrf=context.csrf.clone()>
                {fields(values, &form_errors)}
                <p>
                    <Button kind=ButtonKind::Primary>"Make the endpoint"</Button>
                </p>
            </PostForm>
        }
        .into_any()
    };
    let list = Suspend::new(list(context));
    view! {
        <AccountPage subject=AccountTab::Webhooks>
            <p>
                "A server of yours is told when something happens, by a signed request: nothing has to be asked for again and again. "
                <a href=paths::DOCS_WEBHOOKS>"How to receive and verify it"</a>
            </p>
            <Section title="Your endpoints">
                <Suspense>{list}</Suspense>
            </Section>
            <Section title="A new endpoint">{new}</Section>
        </AccountPage>
    }
    .into_any()
}

async fn list(context: RequestContext) -> AnyView {
    let list = match webhooks::list(&context.backend, &context.actor).await {
        Ok(list) => list,
        Err(error) => return failed(&context.problem(&error)),
    };
    if list.is_empty() {
        return view! { <p class="muted">"There is none yet."</p> }.into_any();
    }
    let disabled = list
        .iter()
        .filter(|endpoint| endpoint.state == EndpointState::Disabled)
        .map(disabled_notice)
        .collect_view();
    let plan = context.actor.user().map_or(Plan::Free, |user| user.plan);
    let paused = webhooks::paused(&context.backend, plan, &list);
    let rows = list
        .into_iter()
        .map(|endpoint| {
            let pauses = paused.contains(&endpoint.id);
            row(endpoint, pauses)
        })
        .collect_view();
    view! {
        {disabled}
        <ul class="tokens">{rows}</ul>
    }
    .into_any()
}

fn row(endpoint: Endpoint, pauses: bool) -> AnyView {
    let events: Vec<&str> = endpoint.events.0.iter().map(|kind| kind.as_str()).collect();
    let host = endpoint.url.host().to_owned();
    let name = if endpoint.description.is_empty() {
        host
    } else {
        endpoint.description
    };
    view! {
        <li class="tokens__row">
            <div>
                <p class="tokens__name">
                    <a class="breakable" href=paths::webhook(endpoint.id)>
                        <strong>{name}</strong>
                    </a>
                    " "
                    {if pauses { view! { <Badge tone=Tone::Warn>"Pauses"</Badge> }.into_any() } else { badge(endpoint.state) }}
                </p>
                <p class="small breakable">{endpoint.url.to_string()}</p>
                <p class="small muted">{events.join(" · ")}</p>
            </div>
            {pauses
                .then(|| {
                    view! {
                        <p class="small">
                            "Your plan has fewer endpoints, and the oldest work. " <a href=paths::BILLING>"Your plan"</a>
                        </p>
                    }
                })}
        </li>
    }
    .into_any()
}

/// Whether anything is sent.
pub(super) fn badge(state: EndpointState) -> AnyView {
    match state {
        EndpointState::Active => view! { <Badge tone=Tone::Ok>"Active"</Badge> }.into_any(),
        EndpointState::Paused => view! { <Badge>"Paused"</Badge> }.into_any(),
        EndpointState::Disabled => view! { <Badge tone=Tone::Severe>"Disabled"</Badge> }.into_any(),
    }
}

/// Why nothing is sent any more, and what to do.
pub(super) fn disabled_notice(endpoint: &Endpoint) -> AnyView {
    let why = match endpoint.disabled_reason {
        Some(DisabledReason::Gone) => "It answered 410, which says that it is gone for good.".to_owned(),
        Some(DisabledReason::Failing) | None => match endpoint.failing_since {
            Some(since) => format!("Every delivery since {} failed.", format::date(since)),
            None => "Every delivery for days failed.".to_owned(),
        },
    };
    let title = format!("Nothing is sent to {} any more", endpoint.url.host());
    let page = paths::webhook(endpoint.id);
    view! {
        <Notice tone=Tone::Severe title=title>
            {why} " What was answered is in " <a href=page>"its log"</a>
            ". Resume it there when it works again."
        </Notice>
    }
    .into_any()
}

/// What the fields of an endpoint's form hold.
pub(super) struct EndpointValues {
    url: String,
    description: String,
    events: Vec<String>,
}

impl EndpointValues {
    /// What was typed; else what the endpoint has; else what most programs need.
    pub(super) fn new(form_errors: &FormErrors, endpoint: Option<&Endpoint>) -> Self {
        let events = form_errors
            .value(EVENTS)
            .map(|ticked| ticked.split(' ').map(str::to_owned).collect())
            .or_else(|| endpoint.map(|endpoint| texts(&endpoint.events.0)))
            .unwrap_or_else(|| texts(&[EventType::AnalysisComplete, EventType::AnalysisFailed]));
        let value = |field, present: Option<String>| form_errors.value(field).or(present).unwrap_or_default();
        Self {
            url: value("url", endpoint.map(|endpoint| endpoint.url.to_string())),
            description: value(
                "description",
                endpoint.map(|endpoint| endpoint.description.clone()),
            ),
            events,
        }
    }
}

fn texts(kinds: &[EventType]) -> Vec<String> {
    kinds.iter().map(EventType::to_string).collect()
}

/// The fields of an endpoint's form.
pub(super) fn fields(values: EndpointValues, form_errors: &FormErrors) -> AnyView {
    let boxes = EventType::SUBSCRIBABLE
        .map(|kind| {
            let id = format!("event-{}", kind.as_str().replace('.', "-"));
            let is_ticked = values.events.iter().any(|ticked| ticked == kind.as_str());
            view! {
                <div class="check">
                    <input type="checkbox" id=id.clone() name="event" value=kind.as_str() checked=is_ticked />
                    <label for=id>
                        {event_words(kind)} " " <code>{kind.as_str()}</code>
                    </label>
                </div>
            }
        })
        .collect_view();
    view! {
        <Field
            label="Address"
            name="url"
            r#type="url"
            value=values.url
            error=form_errors.error("url")
            hint="Begins with https:// and is reached from the internet, such as https://example.org/hooks/mixlens."
            autocomplete="off"
        />
        <fieldset class="field tokens__scopes" id="field-events" aria-describedby="events-error">
            <legend class="field__label">"It is told when"</legend>
            {form_errors
                .error("events")
                .map(|error| view! { <p class="field__error" id="events-error">{error}</p> })}
            {boxes}
        </fieldset>
        <Field
            label="What it is for"
            name="description"
            value=values.description
            error=form_errors.error("description")
            autocomplete="off"
            maxlength=u32::try_from(MAX_DESCRIPTION).unwrap_or(u32::MAX)
            required=false
        />
    }
    .into_any()
}

/// What an event says, to people.
pub(super) const fn event_words(kind: EventType) -> &'static str {
    match kind {
        EventType::AnalysisComplete => "a file was measured",
        EventType::AnalysisFailed => "a file could not be measured",
        EventType::RenderComplete => "a render is ready",
        EventType::RenderFailed => "a render could not be made",
        EventType::AudioDeleted => "the audio of a file was removed",
        EventType::Ping => "a test event",
    }
}

/// A secret that was just made: shown once, because only its hash is kept.
pub(super) fn fresh(form_errors: &FormErrors, back: &str) -> Option<AnyView> {
    let secret = form_errors.value(FRESH_SECRET)?;
    let standard = form_errors.value(STANDARD_SECRET)?;
    let back = back.to_owned();
    let view = view! {
        <Title text="The secret of your endpoint" />
        <section class="wrap wrap--text stack">
            <h1>"The secret of your endpoint"</h1>
            <p class="codes">
                <code class="breakable" id="new-secret">{secret}</code>
            </p>
            <p>"The same as the libraries of Standard Webhooks take it:"</p>
            <p class="codes">
                <code class="breakable" id="new-standard-secret">{standard}</code>
            </p>
            <p>
                <strong>"Copy it now: nobody can show it again, not even us."</strong>
                " Only its hash is stored. Either form verifies what we send; keep it where your server keeps its secrets."
            </p>
            <p class="row">
                <ButtonLink href=back kind=ButtonKind::Primary>"I have copied it"</ButtonLink>
                <ButtonLink href=paths::DOCS_WEBHOOKS>"How to verify"</ButtonLink>
            </p>
        </section>
    };
    Some(view.into_any())
}
