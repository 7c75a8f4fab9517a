//! Plans that are paid for. Stripe sells them on pages of its own and keeps card, name and address; here is the id of the customer
//! and the state of the subscription (P11, P32).
//!
//! The state is what Stripe says when it is asked: [`sync`] reads it and writes it, whoever noticed that it may have changed. The
//! signed callback ([`events`]), the page that people come back to, and a nightly job all call it, so that an event that is lost,
//! late, repeated or out of order changes nothing. What we do at Stripe ([`shop`]) is followed by a [`sync`], too. Who withdraws
//! ([`withdrawal`]) gets everything back, by a job.

pub mod events;
pub mod shop;
mod state;
mod store;
mod sync;
pub mod withdrawal;

use std::time::Duration;

use model::{AccountId, ProblemCode, Timestamp, plan::Plan, text_enum};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    store::TABLES,
    sync::{SYNC_EVERY, SyncAll, SyncCustomer, sync},
    withdrawal::EndSubscription,
};
use crate::{
    Actor, Backend, Error, Result,
    config::{Billing, Tax},
    db::{Tx, sql, text},
    jobs::{self, EnqueueOptions},
    mail::BillingFacts,
    retention::{self, ExpiredCount},
    stripe::{Mode, Stripe},
};

text_enum! {
    /// Where a subscription stands, as Stripe spells it.
    pub enum SubscriptionStatus {
        /// Its first payment has not come about yet.
        Incomplete = "incomplete",
        /// It never did.
        IncompleteExpired = "incomplete_expired",
        /// It runs and costs nothing yet.
        Trialing = "trialing",
        /// It runs.
        Active = "active",
        /// Its last payment failed, and Stripe tries again.
        PastDue = "past_due",
        /// Stripe has given up trying.
        Unpaid = "unpaid",
        /// It has ended.
        Canceled = "canceled",
        /// It rests.
        Paused = "paused",
    }
}

text! { SubscriptionStatus }

impl SubscriptionStatus {
    /// Whether it gives its plan: also while Stripe tries again to be paid.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// The subscription of an account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionView {
    /// Its number.
    pub contract: String,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// What the next invoice is for.
    pub next_plan: Plan,
    /// The end of what is paid.
    pub paid_until: Option<Timestamp>,
    /// When it ends, or ended, where it was cancelled.
    pub ends_at: Option<Timestamp>,
    /// The last day on which its owner may withdraw, where that is not over.
    pub withdraw_until: Option<Timestamp>,
}

/// What an account pays for, and what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingView {
    /// What is paid for.
    pub paid_plan: Plan,
    /// What we gave.
    pub granted_plan: Plan,
    /// The subscription, the one that ended last where none runs.
    pub subscription: Option<SubscriptionView>,
    /// Whether Stripe knows the account, so that it has pages with invoices.
    pub has_invoices: bool,
}

impl BillingView {
    /// The subscription that runs.
    #[must_use]
    pub fn running(&self) -> Option<&SubscriptionView> {
        self.subscription
            .as_ref()
            .filter(|subscription| subscription.status.is_running())
    }
}

/// What the signed-in person pays for.
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn view(backend: &Backend, actor: &Actor) -> Result<BillingView> {
    let account = actor.user()?.account;
    let (granted_plan, paid_plan) = store::plans(&backend.db, account).await?;
    let row = match &backend.stripe {
        Some(stripe) => store::find(&backend.db, account, stripe.mode()).await?,
        None => None,
    };
    Ok(BillingView {
        paid_plan,
        granted_plan,
        has_invoices: row.as_ref().is_some_and(|row| row.customer_id.is_some()),
        subscription: row.and_then(|row| subscription(&row, backend.now())),
    })
}

fn subscription(row: &store::CustomerRow, now: Timestamp) -> Option<SubscriptionView> {
    let started_at = row.started_at?;
    Some(SubscriptionView {
        contract: row.contract.clone()?,
        status: row.status?,
        next_plan: row.next_plan?,
        paid_until: row.paid_until,
        ends_at: row.ends_at,
        withdraw_until: withdrawal::is_possible(started_at, now).then(|| withdrawal::last_day(started_at)),
    })
}

/// Whether a payment of the signed-in person has failed and is tried again: every page says so.
///
/// # Errors
/// The database does not answer.
pub async fn has_failed_payment(backend: &Backend, actor: &Actor) -> Result<bool> {
    let (Ok(user), Some(stripe)) = (actor.user(), &backend.stripe) else {
        return Ok(false);
    };
    let row = store::find(&backend.db, user.account, stripe.mode()).await?;
    Ok(row.is_some_and(|row| row.status == Some(SubscriptionStatus::PastDue)))
}

/// Reads from Stripe what the signed-in person pays for: they come back from one of its pages.
///
/// # Errors
/// `Unauthenticated`; `Unavailable` where Stripe is away.
pub async fn look_again(backend: &Backend, actor: &Actor) -> Result<()> {
    let account = actor.user()?.account;
    match backend.stripe {
        Some(_) => sync(backend, account).await,
        None => Ok(()),
    }
}

/// How the prices are to be read: who adds which tax.
#[must_use]
pub const fn tax_words(billing: &Billing) -> &'static str {
    match (billing.tax, billing.prices_include_tax) {
        (Tax::None, _) => "No VAT is charged.",
        (_, true) => "All prices include VAT.",
        (_, false) => "VAT is added at the checkout, by the country you live in.",
    }
}

/// `€9`, `€9.50`, `9.00 SEK`: hundredths as people read them.
#[must_use]
pub fn money(cents: i64, currency: &str) -> String {
    let (whole, rest) = (cents.div_euclid(100), cents.rem_euclid(100));
    let number = match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:02}"),
    };
    match currency {
        "eur" => format!("€{number}"),
        "usd" => format!("US${number}"),
        "gbp" => format!("£{number}"),
        other => format!("{number}\u{202f}{}", other.to_uppercase()),
    }
}

/// The client, where something is sold.
fn stripe(backend: &Backend) -> Result<&Stripe> {
    backend.stripe.as_ref().ok_or_else(|| {
        Error::problem(
            ProblemCode::Conflict,
            "Payment is not set up on this installation: nothing can be bought, and nothing costs anything.",
        )
    })
}

/// Has the state of an account read by a job.
async fn enqueue_sync(tx: &mut Tx, backend: &Backend, job: &SyncCustomer) -> Result<()> {
    let options = EnqueueOptions {
        account: Some(job.account()),
        ..EnqueueOptions::default()
    };
    jobs::enqueue(tx, backend, job, options).await?;
    Ok(())
}

/// How long events are remembered: longer than Stripe sends one again.
const EVENTS_KEPT: Duration = Duration::from_secs(35 * 24 * 3600);

mod ended {
    crate::db::ended!("billing_event" by "id" where "received_at <= $1");
}

/// Forgets events that do not come again; how many.
pub(crate) async fn purge(backend: &Backend) -> Result<u64> {
    let delete = sql(ended::DELETE).bind(backend.now().minus(EVENTS_KEPT));
    Ok(backend.db.execute_until_done(delete).await?)
}

/// What [`purge`] would forget now.
pub(crate) async fn expired(backend: &Backend) -> Result<ExpiredCount> {
    let count = sql(ended::COUNT).bind(backend.now().minus(EVENTS_KEPT));
    retention::count(&backend.db, "events of Stripe", count).await
}

/// What an email about a contract says; nothing where the account has another one by now.
pub(crate) async fn told(
    backend: &Backend,
    account: AccountId,
    contract: &str,
) -> Result<Option<BillingFacts>> {
    let Some(row) = store::of_contract(&backend.db, account, contract).await? else {
        return Ok(None);
    };
    let config = &backend.config;
    let plan = row.next_plan.unwrap_or(Plan::Free);
    let price = config.billing.price_of(plan);
    Ok(Some(BillingFacts {
        contract: contract.to_owned(),
        plan,
        price: price.map(|price| money(i64::from(price.cents), &config.billing.currency)),
        tax: tax_words(&config.billing),
        paid_until: row.paid_until,
        ends_at: row.ends_at,
        withdraw_until: row.started_at.map(withdrawal::last_day),
        withdrawn_at: row.withdrawn_at,
    }))
}

/// By what name Stripe knows an account that is being deleted, and what is to be given back first; a text for the step of the
/// deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownAs {
    mode: Mode,
    /// None where Stripe was asked for one and we do not know what came of it.
    customer: Option<String>,
    /// Subscriptions that were withdrawn from, or still could be: deleting the account is no reason to keep the money.
    refunds: Vec<String>,
}

/// What of an account is left to do at Stripe when it is deleted; `None` where Stripe does not know it.
pub(crate) async fn known_as(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
) -> Result<Option<(String, Known)>> {
    let now = backend.now();
    let mut all = Vec::new();
    for row in store::all_of(tx, account).await? {
        let mut refunds = store::open_refunds(tx, account, row.mode).await?;
        let could_withdraw = row.status.is_some_and(SubscriptionStatus::is_running)
            && row
                .started_at
                .is_some_and(|started_at| withdrawal::is_possible(started_at, now));
        refunds.extend(row.subscription_id.filter(|_| could_withdraw));
        refunds.sort();
        refunds.dedup();
        all.push(KnownAs {
            mode: row.mode,
            customer: row.customer_id,
            refunds,
        });
    }
    if all.is_empty() {
        return Ok(None);
    }
    let known = if all.iter().all(|known| known.customer.is_some()) {
        Known::Surely
    } else {
        Known::Perhaps
    };
    Ok(Some((
        serde_json::to_string(&all).map_err(Error::internal)?,
        known,
    )))
}

/// Whether we know by what name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// We do.
    Surely,
    /// A customer may be in the making; it is found a while later.
    Perhaps,
}

/// Has Stripe forget an account, by what [`known_as`] said. Bears being done twice.
///
/// # Errors
/// `Unavailable` where Stripe is away, or no key of ours reaches it: the deletion waits.
pub(crate) async fn forget(backend: &Backend, account: Option<AccountId>, reference: &str) -> Result<()> {
    let all: Vec<KnownAs> = serde_json::from_str(reference).map_err(Error::internal)?;
    for known in all {
        let stripe = backend
            .stripe
            .as_ref()
            .filter(|stripe| stripe.mode() == known.mode)
            .ok_or_else(|| Error::Unavailable {
                what: "Stripe",
                source: "the customer of a deleted account is at Stripe, and billing.stripe_key is not of its mode"
                    .into(),
            })?;
        for subscription in &known.refunds {
            withdrawal::give_back(stripe, subscription, subscription).await?;
        }
        let customers = match (known.customer, account) {
            (Some(customer), _) => vec![customer],
            (None, Some(account)) => {
                let found = stripe.customers_of(&account.to_string()).await?;
                found.into_iter().map(|customer| customer.id.0).collect()
            }
            (None, None) => Vec::new(),
        };
        for customer in customers {
            stripe.delete_customer(&customer).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_as_people_read_it() {
        for (cents, currency, words) in [
            (900, "eur", "€9"),
            (950, "eur", "€9.50"),
            (1905, "usd", "US$19.05"),
            (0, "gbp", "£0"),
            (9900, "sek", "99\u{202f}SEK"),
        ] {
            assert_eq!(money(cents, currency), words);
        }
    }
}
