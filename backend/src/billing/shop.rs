//! What a person does about their plan: buy it, change it, cancel it, go on with it, see invoices. Checkout and portal are Stripe's own
//! pages, where they are led to; everything here ends with a [`sync`](super::sync).

use std::cmp::Ordering;

use model::{AccountId, ProblemCode, paths, plan::Plan};

use super::{
    enqueue_sync,
    store::{self, CustomerRow},
    stripe,
    sync::{SyncCustomer, sync},
};
use crate::{
    Actor, Backend, Error, Result, User,
    config::{Price, Tax},
    stripe::{Change, NewCheckout, Stripe, objects},
    transaction,
};

/// How often a checkout is begun again because the one of before is over.
const CHECKOUTS: u32 = 3;

/// Begins to buy `plan`: where the person pays. Whoever has two tabs open is led to the same checkout by both, and whoever has a
/// subscription already to none.
///
/// # Errors
/// `Unauthenticated`; `Invalid` on `plan` where it is not for sale; `Conflict` where the person has a subscription, or nothing is sold;
/// `Unavailable` where Stripe is away.
pub async fn buy(backend: &Backend, actor: &Actor, plan: Plan) -> Result<String> {
    let user = actor.user()?;
    let stripe = stripe(backend)?;
    let price = backend
        .config
        .billing
        .price_of(plan)
        .ok_or_else(|| Error::invalid("plan", "Free costs nothing: there is nothing to buy."))?;
    let customer = customer(backend, stripe, user).await?;
    // Perhaps they have bought in another tab a moment ago.
    sync(backend, user.account).await?;
    refuse_second(backend, stripe, user.account).await?;
    check_price(backend, stripe, price).await?;
    let mut over = None;
    for _ in 0..CHECKOUTS {
        let operation = checkout_operation(backend, stripe, user.account, plan, over.as_deref()).await?;
        match checkout(backend, stripe, &customer, price, &operation).await? {
            Some(url) => return Ok(url),
            None => over = Some(operation),
        }
        // The one that is over may have been paid.
        sync(backend, user.account).await?;
        refuse_second(backend, stripe, user.account).await?;
    }
    Err(Error::Unavailable {
        what: "Stripe",
        source: "each checkout that was begun was over at once".into(),
    })
}

/// Where a checkout by this operation is paid; `None` where it is over, or was begun with other words than now.
async fn checkout(
    backend: &Backend,
    stripe: &Stripe,
    customer: &str,
    price: &Price,
    operation: &str,
) -> Result<Option<String>> {
    let config = &backend.config;
    let new = NewCheckout {
        customer,
        price: &price.price,
        tax: config.billing.tax,
        success_url: &format!("{}{}", config.base_url, paths::back_from_stripe()),
        cancel_url: &format!("{}{}", config.base_url, paths::BILLING),
    };
    let begun = match stripe.create_checkout(new, operation).await {
        Err(error) if error.has_code("idempotency_error") => return Ok(None),
        begun => begun?,
    };
    // The answer to an operation that is repeated is that of the first time.
    let now = stripe.checkout(&begun.id.0).await?;
    for other in stripe.open_checkouts(customer).await? {
        if other.id != now.id {
            // One that was paid a moment ago refuses; the next sync sees it.
            let _ = stripe.expire_checkout(&other.id.0).await;
        }
    }
    now.open_url().map(|url| hosted(backend, url)).transpose()
}

/// Opens the pages with the person's invoices and card: where they are.
///
/// # Errors
/// `Unauthenticated`; `Conflict` where Stripe does not know the person, or nothing is sold; `Unavailable` where Stripe is away.
pub async fn portal(backend: &Backend, actor: &Actor) -> Result<String> {
    let user = actor.user()?;
    let stripe = stripe(backend)?;
    let row = store::find(&backend.db, user.account, stripe.mode()).await?;
    let customer = row.and_then(|row| row.customer_id).ok_or_else(|| {
        Error::problem(
            ProblemCode::Conflict,
            "You have not bought anything yet, so there are no invoices and no card.",
        )
    })?;
    let back = format!("{}{}", backend.config.base_url, paths::back_from_stripe());
    let portal = stripe.create_portal(&customer, &back).await?;
    hosted(backend, &portal.url)
}

/// What changing to a plan would mean for a running subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedChange {
    /// A larger plan, at once, for so many hundredths now.
    Upgrade {
        /// What is charged now, tax included.
        cents: i64,
    },
    /// A smaller plan, when what is paid is over.
    Downgrade,
    /// No plan, when what is paid is over.
    Cancel,
    /// It goes on after all.
    Resume,
}

/// What changing to `to` would mean for the signed-in person.
///
/// # Errors
/// As [`change`].
pub async fn plan_change(backend: &Backend, actor: &Actor, to: Plan) -> Result<PlannedChange> {
    let user = actor.user()?;
    let stripe = stripe(backend)?;
    let row = running(backend, stripe, user.account).await?;
    let wish = wish(backend, &row, to)?;
    Ok(match wish {
        Change::Upgrade { item, price } => {
            let subscription = row.subscription_id.as_deref().unwrap_or_default();
            let preview = stripe.preview_upgrade(subscription, item, price).await?;
            PlannedChange::Upgrade {
                cents: preview.amount_due,
            }
        }
        Change::Downgrade { .. } => PlannedChange::Downgrade,
        Change::Cancel => PlannedChange::Cancel,
        Change::Resume => PlannedChange::Resume,
    })
}

/// Changes the running subscription of the signed-in person to `to`: at once where that is more, when the paid time is over where it
/// is less or Free. What is there already is not changed.
///
/// # Errors
/// `Unauthenticated`; `ConfirmPassword` where the card would be charged; `Conflict` where no subscription runs, it is cancelled, or the
/// payment did not come about; `Unavailable` where Stripe is away.
pub async fn change(backend: &Backend, actor: &Actor, to: Plan) -> Result<PlannedChange> {
    let user = actor.user()?;
    let stripe = stripe(backend)?;
    let row = running(backend, stripe, user.account).await?;
    let wish = wish(backend, &row, to)?;
    let planned = match wish {
        Change::Upgrade { .. } => {
            actor.recent_user(backend.now())?;
            PlannedChange::Upgrade { cents: 0 }
        }
        Change::Downgrade { .. } => PlannedChange::Downgrade,
        Change::Cancel => PlannedChange::Cancel,
        Change::Resume => PlannedChange::Resume,
    };
    let subscription = row.subscription_id.as_deref().unwrap_or_default();
    // The same wish about the same state is the same operation, however often the form is sent.
    let operation = format!("change/{subscription}/{}/{to}", row.version);
    let done = stripe.change_subscription(subscription, wish, &operation).await;
    // Also after a refusal: a further try is another operation then, with another card perhaps.
    sync(backend, user.account).await?;
    match done {
        Ok(_) => Ok(planned),
        Err(error) if error.is_unpaid() => Err(Error::problem(
            ProblemCode::Conflict,
            "The payment did not come about, so nothing was changed: the bank declined it, or wants to ask you. Choose another card under “Card and invoices”, then try again.",
        )),
        Err(error) => Err(error.into()),
    }
}

/// The running subscription of an account, as Stripe says now.
async fn running(backend: &Backend, stripe: &Stripe, account: AccountId) -> Result<CustomerRow> {
    sync(backend, account).await?;
    store::find(&backend.db, account, stripe.mode())
        .await?
        .filter(CustomerRow::is_running)
        .ok_or_else(|| {
            Error::problem(
                ProblemCode::Conflict,
                "You have no subscription that could be changed. Choose a plan to buy one.",
            )
        })
}

/// What of a running subscription has to change so that it is for `to`.
fn wish<'a>(backend: &'a Backend, row: &'a CustomerRow, to: Plan) -> Result<Change<'a>> {
    let conflict = |message: &str| Err(Error::problem(ProblemCode::Conflict, message));
    let now = row.next_plan.unwrap_or(Plan::Free);
    let item = row.item_id.as_deref().unwrap_or_default();
    let Some(price) = backend.config.billing.price_of(to) else {
        return match row.ends_at {
            Some(_) => conflict("Your plan is cancelled already. It ends by itself."),
            None => Ok(Change::Cancel),
        };
    };
    let price = price.price.as_str();
    match (row.ends_at, to.cmp(&now)) {
        (Some(_), Ordering::Equal) => Ok(Change::Resume),
        (Some(_), _) => conflict("Your plan is cancelled. Go on with it first, then change it."),
        (None, Ordering::Equal) => conflict("You have this plan already."),
        (None, Ordering::Greater) => Ok(Change::Upgrade { item, price }),
        (None, Ordering::Less) => Ok(Change::Downgrade { item, price }),
    }
}

/// One subscription per customer.
async fn refuse_second(backend: &Backend, stripe: &Stripe, account: AccountId) -> Result<()> {
    let row = store::find(&backend.db, account, stripe.mode()).await?;
    if row.is_some_and(|row| row.is_running()) {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "You have a subscription already; nothing was bought. Change the plan on this page instead.",
        ));
    }
    Ok(())
}

/// Nobody pays anything else than what the page said.
async fn check_price(backend: &Backend, stripe: &Stripe, price: &Price) -> Result<()> {
    let billing = &backend.config.billing;
    let found = stripe.price(&price.price).await?;
    let is_monthly = found
        .recurring
        .is_some_and(|recurring| recurring.interval == "month" && recurring.interval_count == 1);
    let is_taxed_as_said = match billing.tax {
        Tax::None => true,
        _ => {
            found.tax_behavior.as_deref()
                == Some(if billing.prices_include_tax {
                    "inclusive"
                } else {
                    "exclusive"
                })
        }
    };
    if found.active
        && found.currency == billing.currency
        && found.unit_amount == Some(i64::from(price.cents))
        && is_monthly
        && is_taxed_as_said
    {
        return Ok(());
    }
    tracing::error!(
        price = %found.id,
        "the price at Stripe is not the one of the settings: amount, currency, month, tax behaviour or whether it can be bought"
    );
    Err(Error::internal(
        "the price at Stripe is not the one of the settings",
    ))
}

/// The operation of the checkout that the person has open for `plan`; another one where that is `over`.
async fn checkout_operation(
    backend: &Backend,
    stripe: &Stripe,
    account: AccountId,
    plan: Plan,
    over: Option<&str>,
) -> Result<String> {
    let fresh = backend.new_id().simple().to_string();
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        Ok(store::checkout_operation(tx, account, stripe.mode(), plan, over, &fresh).await?)
    })
}

/// The person's customer at Stripe, made if there is none. Its row is there first, with the operation that makes it once; a making
/// that was interrupted is looked for at Stripe before it is done again.
async fn customer(backend: &Backend, stripe: &Stripe, user: &User) -> Result<String> {
    let (account, mode, now) = (user.account, stripe.mode(), backend.now());
    let operation = backend.new_id().simple().to_string();
    let is_new = transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        Ok(store::begin_customer(tx, account, mode, &operation, now).await?)
    })?;
    let row = store::find(&backend.db, account, mode)
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    if let Some(customer) = row.customer_id {
        return Ok(customer);
    }
    let account_text = account.to_string();
    let found = if is_new {
        None
    } else {
        stripe.customers_of(&account_text).await?.into_iter().next()
    };
    let made = match found {
        Some(customer) => customer,
        None => {
            stripe
                .create_customer(&user.email, &account_text, &row.operation)
                .await?
        }
    };
    let objects::Id(customer) = made.id;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if store::set_customer(tx, account, mode, &customer).await? {
            // What came of it at Stripe before its row was known here.
            let job = SyncCustomer::new(account, None);
            enqueue_sync(tx, backend, &job).await?;
        }
        Ok(())
    })?;
    backend.wake.wake();
    // Somebody else may have been faster; one of both is in the row.
    let row = store::find(&backend.db, account, mode).await?;
    Ok(row.and_then(|row| row.customer_id).unwrap_or(customer))
}

/// `url`, where it is a page of Stripe: people are led nowhere else.
fn hosted(backend: &Backend, url: &str) -> Result<String> {
    let is_hosted = backend
        .config
        .billing
        .hosted_pages
        .split_whitespace()
        .any(|origin| url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/')));
    if is_hosted && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(url.to_owned())
    } else {
        Err(Error::internal(
            "Stripe leads to a page that billing.hosted_pages does not name",
        ))
    }
}
