//! The plan of an account: what it has, what is used of it, and what is paid for. Plain forms, which lead to Stripe's own pages.

use std::sync::Arc;

use backend::{
    Error, User,
    billing::{
        self, BillingView, SubscriptionStatus, SubscriptionView,
        shop::{self, PlannedChange},
    },
    config::Config,
    stripe::Mode,
    tokens,
    usage::{self, UsedOfPlan},
    webhooks,
};
use leptos::prelude::*;
use leptos_meta::Title;
use model::{
    ProblemCode,
    plan::{Plan, Usage},
};

use super::{AccountPage, AccountTab, Section};
use crate::{
    format,
    pages::{
        not_found::failed,
        post_form::PostForm,
        pricing::{Payment, PlanCard},
    },
    paths,
    request_context::{FormErrors, PageRequest, RequestContext, redirect_to_sign_in},
    ui::{Button, ButtonKind, ButtonLink, ErrorSummary, Head, List, Notice, NumberCell, Tone},
};

/// The page; for signed-in people.
#[component]
pub fn Billing() -> impl IntoView {
    let context = RequestContext::here();
    if context.actor.user().is_err() {
        redirect_to_sign_in(paths::BILLING);
        return ().into_any();
    }
    let comes_from_stripe = PageRequest::here().query("from").as_deref() == Some("stripe");
    let body = Suspend::new(async move {
        // The way back from a payment is often faster than the event about it.
        let looked = if comes_from_stripe {
            billing::look_again(&context.backend, &context.actor).await
        } else {
            Ok(())
        };
        match read(&context).await {
            Ok(read) => body(&context, read, looked.err()),
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <AccountPage subject=AccountTab::Billing>
            <Suspense>{body}</Suspense>
        </AccountPage>
    }
    .into_any()
}

/// What the page shows.
struct Read {
    user: User,
    billing: BillingView,
    used: UsedOfPlan,
    tokens: u32,
    endpoints: u32,
}

async fn read(context: &RequestContext) -> Result<Read, Error> {
    let billing = billing::view(&context.backend, &context.actor).await?;
    let mut user = context.actor.user()?.clone();
    // What was just read from Stripe is newer than the session.
    user.plan = billing.paid_plan.max(billing.granted_plan);
    let now = context.backend.now();
    let tokens = tokens::list(&context.backend, &context.actor).await?;
    let endpoints = webhooks::list(&context.backend, &context.actor).await?;
    let live = |token: &&tokens::TokenView| token.kind == backend::TokenKind::Live && token.expires_at > now;
    Ok(Read {
        used: usage::of_plan(&context.backend, user.account, user.plan).await?,
        endpoints: u32::try_from(endpoints.len()).unwrap_or(u32::MAX),
        tokens: u32::try_from(tokens.iter().filter(live).count()).unwrap_or(u32::MAX),
        user,
        billing,
    })
}

fn body(context: &RequestContext, read: Read, not_looked: Option<Error>) -> AnyView {
    let config = context.backend.config.clone();
    let not_looked = not_looked.map(|error| {
        // Logged once; what matters to the person is that nothing is lost.
        let _ = context.problem(&error);
        view! {
            <Notice tone=Tone::Info title="Stripe does not answer at the moment" role="status">
                "If you have just paid or changed something, it is not lost: this page shows it as soon as Stripe answers."
            </Notice>
        }
    });
    let is_test = context
        .backend
        .stripe
        .as_ref()
        .is_some_and(|stripe| stripe.mode() == Mode::Test);
    let test = is_test.then(|| {
        view! {
            <Notice tone=Tone::Info title="This is a test">
                "Payments here are made with Stripe's test cards, and no money moves."
            </Notice>
        }
    });
    let choice = config.sells().then(|| choice(&read, &config, &context.csrf));
    let card = read.billing.has_invoices.then(|| card(&context.csrf));
    let leaving = leaving(&read);
    let state = state(&read, &config);
    let used = used(&read, &config, usage::resets_at(context.backend.now()));
    view! {
        {not_looked}
        {test}
        {state}
        <Section title="Used this month">{used}</Section>
        {choice}
        {card}
        {leaving}
    }
    .into_any()
}

/// Which plan it is, and how things stand with it.
fn state(read: &Read, config: &Config) -> AnyView {
    let plan = read.user.plan.name();
    let running = read.billing.running().cloned();
    let is_granted = read.billing.granted_plan == read.user.plan && read.user.plan != Plan::Free;
    let how = match (&running, config.sells()) {
        (Some(subscription), _) => running_words(subscription, read.user.plan, config),
        (None, _) if is_granted => view! { <p>"We gave it to you; it costs you nothing."</p> }.into_any(),
        (None, true) => view! { <p>"It costs nothing."</p> }.into_any(),
        (None, false) => view! { <Payment /> }.into_any(),
    };
    let failed_payment = running.is_some_and(|running| running.status == SubscriptionStatus::PastDue).then(|| {
        view! {
            <Notice tone=Tone::Warn title="Your last payment did not come about">
                "Your plan stays while Stripe tries again over the next days. Look at the card under “Card and invoices”, so that it does."
            </Notice>
        }
    });
    view! {
        {failed_payment}
        <div class="stack stack--tight">
            <p class="lead">"You are on " <strong>{plan}</strong> "."</p>
            {how}
        </div>
    }
    .into_any()
}

fn running_words(subscription: &SubscriptionView, plan: Plan, config: &Config) -> AnyView {
    let next = subscription.next_plan;
    let until = |at: Option<model::Timestamp>| {
        at.map(|at| view! { <time datetime=at.rfc3339()>{format::date(at)}</time> })
    };
    let words = match (subscription.ends_at, subscription.paid_until) {
        (Some(ends_at), _) => view! {
            <p>"It is cancelled and goes on until " {until(Some(ends_at))} ". Nothing is charged any more."</p>
        }
        .into_any(),
        (None, paid_until) => {
            let price = config
                .billing
                .price_of(next)
                .map(|price| billing::money(i64::from(price.cents), &config.billing.currency));
            let price = price.unwrap_or_default();
            let tax = billing::tax_words(&config.billing);
            let change = (next != plan).then(|| format!(" From then on it is {}.", next.name()));
            view! {
                <p>
                    {paid_until.map(|at| view! { "It is paid until " {until(Some(at))} "." })}
                    {change}
                    {format!(" The next month costs {price}. {tax}")}
                </p>
            }
            .into_any()
        }
    };
    view! {
        {words}
        <p class="small muted">"Contract " <code>{subscription.contract.clone()}</code></p>
    }
    .into_any()
}

/// What is used of each limit.
fn used(read: &Read, config: &Config, resets_at: model::Timestamp) -> AnyView {
    let limits = config.plans.of(read.user.plan);
    let tokens = Usage {
        used: read.tokens,
        allowed: Some(limits.live_tokens),
    };
    let endpoints = Usage {
        used: read.endpoints,
        allowed: Some(limits.webhook_endpoints),
    };
    let rows = [
        ("Analyses", read.used.analyses),
        ("References", read.used.references),
        ("Renders", read.used.renders),
        ("API tokens", tokens),
        ("Webhook endpoints", endpoints),
    ]
    .map(|(name, usage)| {
        let of = usage
            .allowed
            .map_or("no limit".to_owned(), |allowed| allowed.to_string());
        let left = usage.left().map(|left| left.to_string());
        view! {
            <tr role="row" class="list__row">
                <th role="rowheader" scope="row">{name}</th>
                <NumberCell label="Used" value=Some(usage.used.to_string()) />
                <NumberCell label="Of" value=Some(of) />
                <NumberCell label="Left" value=left />
            </tr>
        }
    })
    .collect_view();
    let heads = vec![
        Head::Words("What"),
        Head::Numbers("Used"),
        Head::Numbers("Of"),
        Head::Numbers("Left"),
    ];
    let over = tokens.used > limits.live_tokens || endpoints.used > limits.webhook_endpoints;
    view! {
        <List caption="What is used of each limit" heads=heads>{rows}</List>
        <p class="small muted">
            "A new month begins on " <time datetime=resets_at.rfc3339()>{format::date(resets_at)}</time> " (UTC)."
        </p>
        {over
            .then(|| {
                view! {
                    <p class="small">
                        "You have more tokens or endpoints than your plan: the oldest work, the others pause. "
                        <a href=paths::TOKENS>"Your tokens"</a> " · " <a href=paths::WEBHOOKS>"Your endpoints"</a>
                    </p>
                }
            })}
    }
    .into_any()
}

/// The plans with the way to each.
fn choice(read: &Read, config: &Arc<Config>, csrf: &str) -> AnyView {
    let running = read.billing.running();
    let cards = Plan::ALL
        .into_iter()
        .filter(|plan| *plan != Plan::Free)
        .map(|plan| {
            let way = match running {
                None => buy(plan, csrf),
                Some(subscription) => change(subscription, plan),
            };
            view! { <PlanCard plan=plan config=Arc::clone(config)>{way}</PlanCard> }
        })
        .collect_view();
    let words = match running {
        None => {
            "You pay on a page of Stripe, by card or what else it offers for your country, and come back here."
        }
        Some(_) => "A larger plan is yours at once. A smaller one begins when what you have paid is over.",
    };
    let title = match running {
        None => "Buy a plan",
        Some(_) => "Change the plan",
    };
    let tax = billing::tax_words(&config.billing);
    view! {
        <Section title=title>
            <p>{words} " " {tax}</p>
            <div class="plans">{cards}</div>
            <p class="small muted">
                "What the plans have in common: " <a href=paths::PRICING>"Plans"</a> ". What we agree on: " <a href=paths::TERMS>"Terms"</a> "."
            </p>
        </Section>
    }
    .into_any()
}

fn buy(plan: Plan, csrf: &str) -> AnyView {
    view! {
        <PostForm action=paths::CHECKOUT csrf=csrf.to_owned()>
            <input type="hidden" name="plan" value=plan.as_str() />
            <Button kind=ButtonKind::Primary>{format!("Buy {}", plan.name())}</Button>
        </PostForm>
    }
    .into_any()
}

fn change(subscription: &SubscriptionView, plan: Plan) -> AnyView {
    let name = plan.name();
    match (subscription.ends_at, plan == subscription.next_plan) {
        (None, true) => view! { <p class="plan__own">"You pay for it"</p> }.into_any(),
        (Some(_), true) => view! {
            <ButtonLink href=paths::change_plan(plan) kind=ButtonKind::Primary>{format!("Go on with {name}")}</ButtonLink>
        }
        .into_any(),
        (None, false) => {
            view! { <ButtonLink href=paths::change_plan(plan)>{format!("Change to {name}")}</ButtonLink> }
                .into_any()
        }
        (Some(_), false) => ().into_any(),
    }
}

fn card(csrf: &str) -> AnyView {
    let csrf = csrf.to_owned();
    view! {
        <Section title="Card and invoices">
            <p>"They are at Stripe, which shows them to you on a page of its own: every invoice, your card, your address."</p>
            <PostForm action=paths::PORTAL csrf=csrf>
                <p><Button>"Open card and invoices"</Button></p>
            </PostForm>
        </Section>
    }
    .into_any()
}

/// How a plan is left: as easily as it was bought.
fn leaving(read: &Read) -> Option<AnyView> {
    let subscription = read.billing.subscription.as_ref()?;
    let withdraw = subscription.withdraw_until.map(|until| {
        let contract = [("contract", subscription.contract.clone())];
        view! {
            <p>
                <ButtonLink href=paths::withdraw_from(&contract)>"Withdraw from contract here"</ButtonLink>
            </p>
            <p class="small muted">
                "Until " <time datetime=until.rfc3339()>{format::date(until)}</time>
                ", without a reason: the plan ends at once, and you get back everything that you paid."
            </p>
        }
    });
    let is_running = read.billing.running().is_some();
    let cancel = (is_running && subscription.ends_at.is_none()).then(|| {
        view! {
            <p>
                <ButtonLink href=paths::change_plan(Plan::Free)>"Cancel the plan"</ButtonLink>
            </p>
        }
    });
    (withdraw.is_some() || cancel.is_some())
        .then(|| view! { <Section title="Leave the plan">{cancel} {withdraw}</Section> }.into_any())
}

/// What changing to a plan means, with the button that does it; for signed-in people.
#[component]
pub fn ChangePlan() -> impl IntoView {
    let context = RequestContext::here();
    let form_errors = FormErrors::here();
    let Some(to) = PageRequest::here().id.and_then(|id| id.parse::<Plan>().ok()) else {
        return failed(&model::Problem::new(
            ProblemCode::NotFound,
            "There is no such plan. The link may not be complete.",
        ));
    };
    let Ok(user) = context.actor.user().cloned() else {
        redirect_to_sign_in(&paths::change_plan(to));
        return ().into_any();
    };
    let errors = form_errors.errors();
    let body = Suspend::new(async move {
        match shop::plan_change(&context.backend, &context.actor, to).await {
            Ok(change) => planned(&context, &change, user.plan, to),
            Err(error) if error.code() == ProblemCode::Conflict => {
                let problem = context.problem(&error);
                view! { <Notice tone=Tone::Info title="Nothing to change">{problem.message}</Notice> }
                    .into_any()
            }
            Err(error) => failed(&context.problem(&error)),
        }
    });
    view! {
        <Title text="Your plan" />
        <section class="wrap wrap--narrow stack">
            <h1>{if to == Plan::Free { "Cancel the plan".to_owned() } else { format!("Your plan: {}", to.name()) }}</h1>
            <ErrorSummary errors=errors />
            <Suspense>{body}</Suspense>
            <p><a href=paths::BILLING>"Back to your plan"</a></p>
        </section>
    }
    .into_any()
}

fn planned(context: &RequestContext, change: &PlannedChange, from: Plan, to: Plan) -> AnyView {
    let config = &context.backend.config;
    let currency = &config.billing.currency;
    let price = config.billing.price_of(to);
    let price = price.map_or(String::new(), |price| {
        billing::money(i64::from(price.cents), currency)
    });
    let tax = billing::tax_words(&config.billing);
    let kept = |plan: Plan| format::retention(config.plans.of(plan).audio_kept_hours);
    let (points, button, kind) = match change {
        PlannedChange::Upgrade { cents } => (
            vec![
                format!(
                    "You pay {} now, for the rest of this month; what you have paid already is taken off.",
                    billing::money(*cents, currency)
                ),
                format!("From the next month on it costs {price} a month. {tax}"),
                format!(
                    "The limits of {} hold at once. Files that are still there are kept {} from their upload.",
                    to.name(),
                    kept(to)
                ),
            ],
            format!("Pay {} and change to {}", billing::money(*cents, currency), to.name()),
            ButtonKind::Primary,
        ),
        PlannedChange::Downgrade => (
            vec![
                "You pay nothing now. What you have paid stays yours until it is over.".to_owned(),
                format!("From the next month on it costs {price} a month. {tax}"),
                "Files that are there then are kept as long as you were told. New ones are kept as the smaller plan says.".to_owned(),
                format!(
                    "{} has {} API tokens and {} webhook endpoints. If you have more, the oldest work and the others pause; none is deleted.",
                    to.name(),
                    config.plans.of(to).live_tokens,
                    config.plans.of(to).webhook_endpoints
                ),
            ],
            format!("Change to {} next month", to.name()),
            ButtonKind::Primary,
        ),
        PlannedChange::Cancel => (
            vec![
                "Nothing is charged any more. The plan goes on until the end of what you have paid.".to_owned(),
                "Your account stays, and so do your reports.".to_owned(),
                format!(
                    "Files that are there then are kept as long as you were told; new ones {} from their upload.",
                    kept(Plan::Free)
                ),
                "API tokens for your own files and webhook endpoints pause then; none is deleted.".to_owned(),
            ],
            format!("Cancel {}", from.name()),
            ButtonKind::Danger,
        ),
        PlannedChange::Resume => (
            vec![
                "The plan goes on, and you pay nothing now.".to_owned(),
                format!("From the next month on it costs {price} a month. {tax}"),
            ],
            format!("Go on with {}", to.name()),
            ButtonKind::Primary,
        ),
    };
    let points = points
        .into_iter()
        .map(|point| view! { <li>{point}</li> })
        .collect_view();
    let copy = (*change == PlannedChange::Cancel).then(|| {
        view! {
            <p class="plate">
                "Do you want to take everything with you first? " <a href=paths::YOUR_DATA>"Make a copy of your data"</a>
                ": your history for spreadsheets, and every number for machines. It works on Free, too."
            </p>
        }
    });
    view! {
        <ul class="bullets">{points}</ul>
        {copy}
        <PostForm action=paths::change_plan(to) csrf=context.csrf.clone()>
            <p class="row">
                <Button kind=kind>{button}</Button>
                <ButtonLink href=paths::BILLING>"Leave it as it is"</ButtonLink>
            </p>
        </PostForm>
    }
    .into_any()
}

/// Said on every page while a payment has failed and is tried again.
#[component]
pub fn FailedPayment() -> impl IntoView {
    let context = RequestContext::here();
    let may_have_failed = context.actor.user().is_ok_and(|user| user.plan != Plan::Free)
        && context.backend.stripe.is_some()
        && PageRequest::here().page() != Some(model::routes::Page::Billing);
    if !may_have_failed {
        return ().into_any();
    }
    let said = Suspend::new(async move {
        // What cannot be read is said by the page itself.
        let has_failed = billing::has_failed_payment(&context.backend, &context.actor).await;
        has_failed.unwrap_or(false).then(|| {
            view! {
                <section class="consent" aria-label="Payment">
                    <p class="wrap">
                        <strong>"Your last payment for MixLens did not come about."</strong>
                        " Your plan stays while it is tried again. " <a href=paths::BILLING>"Look at the card"</a>
                    </p>
                </section>
            }
        })
    });
    view! { <Suspense>{said}</Suspense> }.into_any()
}
