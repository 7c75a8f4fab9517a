//! The plans and what they cost. Every figure is a setting that the code goes by; the price is compared with the one at Stripe before
//! anybody pays it.

use std::sync::Arc;

use backend::{billing, config::Config};
use leptos::prelude::*;
use leptos_meta::Title;
use model::plan::{Limits, Plan};

use super::shared::Preview;
use crate::{
    format, paths,
    request_context::RequestContext,
    ui::{ButtonKind, ButtonLink, Notice, Tone},
};

/// The page; for everybody.
#[component]
pub fn Pricing() -> impl IntoView {
    let context = RequestContext::here();
    let config = context.backend.config.clone();
    let has = context.actor.user().ok().map(|user| user.plan);
    let plans = Plan::ALL
        .map(|plan| {
            let way = way_to(plan, has, config.sells());
            view! { <PlanCard plan=plan config=Arc::clone(&config)>{way}</PlanCard> }
        })
        .collect_view();
    view! {
        <Title text="Pricing" />
        <Preview
            title="MixLens: plans and prices"
            description="What each plan of MixLens takes, for how long it keeps audio, and what it costs."
        />
        <div class="wrap stack stack--wide">
            <div class="stack">
                <h1>"Plans"</h1>
                <p class="lead">
                    "Every plan measures the same way, by the same rules, with the whole breakdown of the score, the export of your data and its deletion. "
                    "A larger one takes more and longer files, and keeps the audio longer."
                </p>
                <Payment />
            </div>
            <div class="plans">{plans}</div>
            <section class="stack plans__terms" aria-labelledby="pricing-terms">
                <h2 id="pricing-terms">"Good to know"</h2>
                <ul class="bullets">
                    <li>"Months of use are calendar months (UTC). What cannot be measured or rendered does not count."</li>
                    <li>"A larger plan is yours at once, and keeps files that are still there for longer. A smaller one shortens the time of no file that is there."</li>
                    <li>"Tokens beyond the limits of a smaller plan pause; none is deleted."</li>
                    {config.sells().then(terms_of_sale)}
                </ul>
            </section>
        </div>
    }
    .into_any()
}

fn terms_of_sale() -> AnyView {
    view! {
        <li>"A plan runs from month to month. It is cancelled with two clicks, and goes on until the end of what is paid."</li>
        <li>
            "Within " {billing::withdrawal::DAYS} " days you may withdraw without a reason and get everything back: "
            <a href=paths::WITHDRAW>"Withdraw from contract here"</a> "."
        </li>
        <li>"You pay on Stripe's own pages. Your card never touches MixLens."</li>
    }
    .into_any()
}

/// The way to a plan: for nobody in particular, for who has it, and for who could have it.
fn way_to(plan: Plan, has: Option<Plan>, sells: bool) -> AnyView {
    match has {
        Some(own) if own == plan => view! { <p class="plan__own">"Your plan"</p> }.into_any(),
        Some(_) if sells => view! {
            <ButtonLink href=paths::BILLING>{format!("Choose {}", plan.name())}</ButtonLink>
        }
        .into_any(),
        None if plan == Plan::Free || sells => {
            let kind = if plan == Plan::Free {
                ButtonKind::Primary
            } else {
                ButtonKind::Quiet
            };
            view! { <ButtonLink href=paths::SIGN_UP kind=kind>"Create account"</ButtonLink> }.into_any()
        }
        _ => ().into_any(),
    }
}

/// How prices are to be read, or that nothing is sold.
#[component]
pub fn Payment() -> impl IntoView {
    let config = RequestContext::here().backend.config;
    if config.sells() {
        return view! { <p class="muted">{billing::tax_words(&config.billing)}</p> }.into_any();
    }
    view! {
        <Notice tone=Tone::Info title="Payment is not set up on this installation">
            "Nothing can be bought here, and nothing costs anything. Who runs it can give you another plan: "
            <a href=paths::CONTACT>"Contact"</a> "."
        </Notice>
    }
    .into_any()
}

/// A plan with its price and its figures.
#[component]
pub fn PlanCard(
    /// Which one.
    plan: Plan,
    /// Where its figures stand.
    config: Arc<Config>,
    /// The way to it.
    children: Children,
) -> impl IntoView {
    let figures = figures(config.plans.of(plan))
        .into_iter()
        .map(|(name, figure)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd>{figure}</dd>
                </div>
            }
        })
        .collect_view();
    let heading = format!("plan-{plan}");
    view! {
        <section class="plan" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>{plan.name()}</h2>
            <p class="plan__price">{price_of(plan, &config)}</p>
            <dl class="plan__figures">{figures}</dl>
            <div class="plan__way">{children()}</div>
        </section>
    }
    .into_any()
}

fn price_of(plan: Plan, config: &Config) -> AnyView {
    match config.billing.price_of(plan) {
        None => view! { <span class="plan__amount">"Nothing"</span> }.into_any(),
        Some(_) if !config.sells() => view! { <span class="muted">"Not for sale here"</span> }.into_any(),
        Some(price) => {
            let amount = billing::money(i64::from(price.cents), &config.billing.currency);
            view! {
                <span class="plan__amount">{amount}</span>
                " a month"
            }
            .into_any()
        }
    }
}

/// What a plan allows, as rows of its card. A further limit is one more row.
fn figures(limits: &Limits) -> Vec<(&'static str, String)> {
    let a_month = |count: Option<u32>| match count {
        Some(count) => format!("{count} a month"),
        None => "no limit, fair use".to_owned(),
    };
    let size = match limits.max_megabytes {
        megabytes if megabytes.is_multiple_of(1000) => format!("{} GB", megabytes / 1000),
        megabytes => format!("{megabytes} MB"),
    };
    let length = match limits.max_minutes {
        minutes if minutes >= 60 && minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        minutes => format!("{minutes} min"),
    };
    let tokens = match limits.live_tokens {
        0 => "test tokens only".to_owned(),
        count => count.to_string(),
    };
    let endpoints = match limits.webhook_endpoints {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    vec![
        ("Analyses", a_month(limits.analyses_per_month)),
        ("References", a_month(limits.references_per_month)),
        ("Renders", a_month(limits.renders_per_month)),
        ("Each file", format!("{length}, {size}")),
        ("Audio is kept", format::retention(limits.audio_kept_hours)),
        ("API tokens", tokens),
        ("Webhook endpoints", endpoints),
    ]
}
