//! API tokens: what there is, a new one, and the one that was just made, which is shown once.

use backend::{
    Scope, TokenKind,
    tokens::{self, Lifetime, MAX_NAME, TokenView},
};
use leptos::prelude::*;
use leptos_meta::Title;
use model::{Timestamp, plan::Plan};

use super::{AccountPage, AccountTab, Section};
use crate::{
    format,
    pages::{not_found::failed, post_form::PostForm, secret_fields::SecondFactorCode},
    paths,
    request_context::{FormErrors, RequestContext, redirect_to_sign_in},
    ui::{Badge, Button, ButtonKind, ButtonLink, Confirm, Field, Select, Tone},
};

/// Among the values of a refused form: all scopes that were ticked, with a space between.
pub const SCOPES: &str = "scopes";

/// The tokens of the account; for signed-in people.
#[component]
pub fn Tokens() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let Ok(user) = context.actor.user().cloned() else {
        redirect_to_sign_in(paths::TOKENS);
        return ().into_any();
    };
    if let Some(token) = form_errors.value("token") {
        return fresh(token, &context.backend.config.base_url);
    }
    let live_tokens = context.backend.config.plans.of(user.plan).live_tokens;
    let csrf = context.csrf.clone();
    let form = form(form_errors, live_tokens, user.has_second_factor, csrf);
    let list = Suspend::new(list(context));
    view! {
        <AccountPage subject=AccountTab::Tokens>
            <p>
                "With a token, a program of yours uploads, reads reports and checks a catalogue in your name. "
                <a href=paths::DOCS>"How to begin"</a> " · " <a href=paths::DOCS_API>"The API"</a> " · "
                <a href=paths::DOCS_CLI>"The command line"</a> " · " <a href=paths::DOCS_MCP>"Assistants"</a>
            </p>
            <Section title="Your tokens">
                <Suspense>{list}</Suspense>
            </Section>
            <Section title="A new token">{form}</Section>
        </AccountPage>
    }
    .into_any()
}

async fn list(context: RequestContext) -> AnyView {
    let list = match tokens::list(&context.backend, &context.actor).await {
        Ok(list) => list,
        Err(error) => return failed(&context.problem(&error)),
    };
    if list.is_empty() {
        return view! { <p class="muted">"There is none yet."</p> }.into_any();
    }
    let now = context.backend.now();
    let plan = context.actor.user().map_or(Plan::Free, |user| user.plan);
    let paused = tokens::paused(&context.backend, plan, &list);
    let rows = list
        .into_iter()
        .map(|token| {
            let pauses = paused.contains(&token.id);
            row(token, now, pauses, context.csrf.clone())
        })
        .collect_view();
    view! { <ul class="tokens">{rows}</ul> }.into_any()
}

fn row(token: TokenView, now: Timestamp, pauses: bool, csrf: String) -> AnyView {
    let has_ended = token.expires_at <= now;
    let badge = match (has_ended, token.kind) {
        _ if pauses => view! { <Badge tone=Tone::Warn>"Pauses"</Badge> }.into_any(),
        (true, _) => view! { <Badge tone=Tone::Severe>"Ended"</Badge> }.into_any(),
        (false, TokenKind::Test) => view! { <Badge>"Test"</Badge> }.into_any(),
        (false, TokenKind::Live) => view! { <Badge tone=Tone::Ok>"Live"</Badge> }.into_any(),
    };
    let scopes: Vec<&str> = token.scopes.0.iter().map(|scope| scope_words(*scope)).collect();
    let used = match token.last_used_day {
        None => "never used".to_owned(),
        Some(day) => format!("last used on {}", format::date(day)),
    };
    let ends = if has_ended { "ended on " } else { "ends on " };
    let expires = token.expires_at;
    view! {
        <li class="tokens__row">
            <div>
                <p class="tokens__name">
                    <strong class="breakable">{token.name}</strong> " " {badge} " " <code>{format!("…{}", token.hint)}</code>
                </p>
                <p class="small muted">{scopes.join(" · ")}</p>
                <p class="small muted">
                    {format!("Made on {}, ", format::date(token.created_at))} {ends}
                    <time datetime=expires.rfc3339()>{format::date(expires)}</time> {format!(", {used}.")}
                </p>
            </div>
            {pauses
                .then(|| {
                    view! {
                        <p class="small">
                            "Your plan has fewer live tokens, and the oldest work. " <a href=paths::BILLING>"Your plan"</a>
                        </p>
                    }
                })}
            <Confirm opener="Revoke" kind=ButtonKind::Danger>
                <PostForm action=paths::revoke_token(token.id) csrf=csrf>
                    <p>"Whatever uses it is refused at once."</p>
                    <Button kind=ButtonKind::Danger class="button--small">"Revoke the token"</Button>
                </PostForm>
            </Confirm>
        </li>
    }
    .into_any()
}

fn form(form_errors: FormErrors, live_tokens: u32, has_second_factor: bool, csrf: String) -> AnyView {
    let kinds = TokenKind::ALL
        .into_iter()
        .filter(|kind| *kind == TokenKind::Test || live_tokens > 0)
        .map(|kind| (kind.as_str().to_owned(), kind_words(kind).to_owned()))
        .collect();
    let lifetimes = Lifetime::ALL
        .map(|lifetime| (lifetime.as_str().to_owned(), format!("{} days", lifetime.days())))
        .to_vec();
    let first = if live_tokens > 0 {
        TokenKind::Live
    } else {
        TokenKind::Test
    };
    let kind = form_errors.value("kind").unwrap_or_else(|| first.to_string());
    let lifetime = form_errors
        .value("lifetime")
        .unwrap_or_else(|| Lifetime::default().to_string());
    let no_live = (live_tokens == 0).then(|| {
        view! {
            <p class="muted">
                "Your plan has no live tokens. A test token works with the sample: a program that reads it reads your own reports the same way."
            </p>
        }
    });
    let boxes = Scope::ALL
        .map(|scope| scope_box(scope, &form_errors))
        .collect_view();
    view! {
        {no_live}
        <PostForm action=paths::TOKENS csrf=csrf>
            <Field
                label="Name"
                name="name"
                value=form_errors.value("name")
                error=form_errors.error("name")
                hint="What will use it, such as “Catalogue check”."
                autocomplete="off"
                maxlength=u32::try_from(MAX_NAME).unwrap_or(u32::MAX)
            />
            <Select label="It reaches" name="kind" options=kinds value=kind />
            <fieldset class="field tokens__scopes" id="field-scope" aria-describedby="scope-error">
                <legend class="field__label">"It may"</legend>
                {form_errors
                    .error("scope")
                    .map(|error| view! { <p class="field__error" id="scope-error">{error}</p> })}
                {boxes}
            </fieldset>
            <Select label="It ends after" name="lifetime" options=lifetimes value=lifetime />
            <SecondFactorCode asked=has_second_factor form_errors=form_errors />
            <p><Button kind=ButtonKind::Primary>"Make the token"</Button></p>
        </PostForm>
    }
    .into_any()
}

/// The boxes share a name, so each has an id of its own.
fn scope_box(scope: Scope, form_errors: &FormErrors) -> AnyView {
    let id = format!("scope-{}", scope.as_str().replace(':', "-"));
    // A refused form keeps what was ticked; a fresh one proposes what most programs need.
    let is_ticked = match form_errors.value(SCOPES) {
        Some(ticked) => ticked.split(' ').any(|ticked| ticked == scope.as_str()),
        None => matches!(scope, Scope::ReadAnalyses | Scope::Upload),
    };
    view! {
        <div class="check">
            <input type="checkbox" id=id.clone() name="scope" value=scope.as_str() checked=is_ticked />
            <label for=id>{scope_words(scope)}</label>
        </div>
    }
    .into_any()
}

const fn kind_words(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Live => "Your own files (live)",
        TokenKind::Test => "The sample alone (test)",
    }
}

const fn scope_words(scope: Scope) -> &'static str {
    match scope {
        Scope::ReadAnalyses => "Read analyses, reports and songs",
        Scope::WriteAnalyses => "Read, rename, group, judge and delete them",
        Scope::Upload => "Upload files and have them measured",
        Scope::ReadWebhooks => "See webhook endpoints and what was sent to them",
        Scope::WriteWebhooks => "Make, change, try and delete webhook endpoints",
    }
}

/// Shown once: only its hash is kept.
fn fresh(token: String, base_url: &str) -> AnyView {
    let call = format!(
        "curl {base_url}{} -H \"Authorization: Bearer {token}\"",
        paths::API_ANALYSES
    );
    view! {
        <Title text="Your new token" />
        <section class="wrap wrap--text stack">
            <h1>"Your new token"</h1>
            <p class="codes">
                <code class="breakable" id="new-token">{token}</code>
            </p>
            <p>
                <strong>"Copy it now: nobody can show it again, not even us."</strong>
                " Only its hash is stored. Keep it where your program keeps its secrets, and out of its source."
            </p>
            <h2>"Try it"</h2>
            <pre class="snippet" tabindex="0"><code>{call}</code></pre>
            <p class="row">
                <ButtonLink href=paths::TOKENS kind=ButtonKind::Primary>"I have copied it"</ButtonLink>
                <ButtonLink href=paths::DOCS>"How to go on"</ButtonLink>
            </p>
        </section>
    }
    .into_any()
}
