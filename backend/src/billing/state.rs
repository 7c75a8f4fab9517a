//! What Stripe's objects mean: which subscription counts, which plan it gives, and until when that is paid. Nothing is asked or
//! written here.

use std::cmp::Reverse;

use model::{Timestamp, plan::Plan};

use super::SubscriptionStatus;
use crate::{
    Error, Result,
    config::Billing,
    redact::OwnText,
    stripe::{
        Mode,
        objects::{Invoice, Subscription},
    },
};

/// A subscription to one of our plans.
#[derive(Debug, Clone)]
pub(super) struct Ours {
    pub(super) id: String,
    pub(super) item: String,
    pub(super) status: SubscriptionStatus,
    /// What it is for: what the next invoice asks for.
    pub(super) plan: Plan,
    pub(super) started_at: Timestamp,
    pub(super) ends_at: Option<Timestamp>,
}

/// The subscriptions of a customer.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// The one that counts.
    pub(super) first: Option<Ours>,
    /// Others that run beside it, which nobody wants to pay for.
    pub(super) duplicates: Vec<Ours>,
}

/// Chooses the subscription that counts: one that runs before one that does not, the better plan before the smaller one, and of the
/// same plan the first. Of those that ended, the last.
///
/// # Errors
/// One that runs cannot be read: it has a status or a price that we do not know. Nothing may follow from it then.
pub(super) fn choose(billing: &Billing, mode: Mode, all: Vec<Subscription>) -> Result<Chosen> {
    let mut ours = Vec::new();
    let mut unknown = None;
    for subscription in all {
        if Mode::of_livemode(subscription.livemode) != mode {
            return Err(Error::internal(
                "Stripe answered with a subscription of the other mode",
            ));
        }
        match read(billing, subscription) {
            Ok(subscription) => ours.extend(subscription),
            Err(error) => unknown = Some(error),
        }
    }
    let (mut running, ended): (Vec<Ours>, Vec<Ours>) =
        ours.into_iter().partition(|ours| ours.status.is_running());
    running.sort_by_key(|ours| {
        (
            ours.status == SubscriptionStatus::PastDue,
            Reverse(ours.plan),
            ours.started_at,
        )
    });
    if running.is_empty() {
        return match unknown {
            Some(error) => Err(error),
            None => Ok(Chosen {
                first: ended.into_iter().max_by_key(|ours| ours.started_at),
                duplicates: Vec::new(),
            }),
        };
    }
    let duplicates = running.split_off(1);
    Ok(Chosen {
        first: running.pop(),
        duplicates,
    })
}

/// `None` where it has ended and is not for one of our plans, so that it says nothing.
fn read(billing: &Billing, subscription: Subscription) -> Result<Option<Ours>> {
    let id = subscription.id.0;
    let status: SubscriptionStatus = subscription.status.parse().map_err(|_| {
        Error::internal(OwnText(format!(
            "the subscription {id} has a status that this version does not know"
        )))
    })?;
    let item = subscription
        .items
        .data
        .into_iter()
        .find_map(|item| Some((billing.plan_of(&item.price.0.0)?, item)));
    let Some((plan, item)) = item else {
        return if status.is_running() {
            Err(Error::internal(OwnText(format!(
                "the subscription {id} has a price that [billing] does not name; add it to former_prices"
            ))))
        } else {
            Ok(None)
        };
    };
    let ends_at = subscription.ended_at.or(subscription.cancel_at).or(item
        .current_period_end
        .filter(|_| subscription.cancel_at_period_end));
    Ok(Some(Ours {
        id,
        item: item.id.0,
        status,
        plan,
        started_at: subscription.start_date.unwrap_or(subscription.created).0,
        ends_at: ends_at.map(|moment| moment.0),
    }))
}

/// What a subscription gives, and until when it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entitlement {
    pub(super) plan: Plan,
    pub(super) paid_until: Option<Timestamp>,
}

/// A time that an invoice was paid for, or that was given back.
struct Covered {
    plan: Plan,
    until: Timestamp,
    invoiced_at: Timestamp,
    is_given_back: bool,
}

/// What `subscription` gives at `now`, by its paid invoices.
///
/// A plan is had for the time that a paid line covers, so that a smaller plan begins when what was paid for the larger one is over.
/// Between two invoices (Stripe draws one up about an hour before it takes the money) and while Stripe tries again, the account
/// keeps what was paid last, or the new plan where that is smaller: Stripe's status ends it, no clock of ours.
pub(super) fn entitlement(
    billing: &Billing,
    subscription: &Ours,
    paid: &[Invoice],
    now: Timestamp,
) -> Entitlement {
    // Stripe's clock may be ahead of ours: what it has drawn up already has begun.
    let now = paid.iter().map(|invoice| invoice.created.0).fold(now, Ord::max);
    let lines: Vec<(Timestamp, Covered)> = paid
        .iter()
        .flat_map(|invoice| invoice.lines.data.iter().map(move |line| (invoice, line)))
        .filter_map(|(invoice, line)| {
            let covered = Covered {
                plan: billing.plan_of(line.price()?)?,
                until: line.period.end.0,
                invoiced_at: invoice.created.0,
                is_given_back: line.amount < 0,
            };
            Some((line.period.start.0, covered))
        })
        .collect();
    // Of each plan the last word holds: an upgrade gives the rest of the smaller plan back.
    let current = Plan::ALL.into_iter().filter_map(|plan| {
        lines
            .iter()
            .filter(|(from, covered)| covered.plan == plan && *from <= now && now < covered.until)
            .max_by_key(|(from, covered)| (covered.invoiced_at, *from, !covered.is_given_back))
            .map(|(_, covered)| covered)
            .filter(|covered| !covered.is_given_back)
    });
    let current = current.max_by_key(|covered| covered.plan);
    let last = lines
        .iter()
        .map(|(_, covered)| covered)
        .filter(|covered| !covered.is_given_back)
        .max_by_key(|covered| (covered.until, covered.invoiced_at));
    let plan = match (subscription.status, current, last) {
        (status, ..) if !status.is_running() => Plan::Free,
        (_, Some(current), _) => current.plan,
        (_, None, Some(last)) => subscription.plan.min(last.plan),
        // On account, or by hand: Stripe says that it runs.
        (SubscriptionStatus::Active | SubscriptionStatus::Trialing, None, None) => subscription.plan,
        (_, None, None) => Plan::Free,
    };
    Entitlement {
        plan,
        paid_until: current.or(last).map(|covered| covered.until),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::{Config, Sources};

    const MONTH: i64 = 30 * 86_400;

    fn billing() -> Billing {
        let flags = [
            ("billing.stripe_key", "sk_test_1"),
            ("billing.stripe_signing_secret", "whsec_1"),
            ("billing.pro.price", "price_pro"),
            ("billing.pro.former_prices", "price_old price_older"),
            ("billing.studio.price", "price_studio"),
        ];
        let flags = flags
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let sources = Sources {
            flags,
            ..Sources::default()
        };
        Config::load(sources).unwrap().billing
    }

    fn subscription(id: &str, status: &str, price: &str, created: i64) -> Subscription {
        serde_json::from_value(json!({
            "id": id, "status": status, "livemode": false, "created": created, "cancel_at_period_end": false,
            "items": { "data": [{ "id": "si_1", "price": { "id": price }, "current_period_end": created + MONTH }] },
        }))
        .unwrap()
    }

    fn ours(status: &str, price: &str) -> Ours {
        read(&billing(), subscription("sub_1", status, price, 0))
            .unwrap()
            .unwrap()
    }

    /// (amount, price, from, until) in seconds.
    fn invoice(created: i64, lines: &[(i64, &str, i64, i64)]) -> Invoice {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(amount, price, start, end)| {
                json!({
                    "amount": amount, "period": { "start": start, "end": end },
                    "pricing": { "type": "price_details", "price_details": { "price": price } },
                })
            })
            .collect();
        serde_json::from_value(json!({ "id": "in_1", "created": created, "lines": { "data": lines } }))
            .unwrap()
    }

    fn at(status: &str, price: &str, paid: &[Invoice], now: i64) -> (Plan, Option<i64>) {
        let given = entitlement(&billing(), &ours(status, price), paid, Timestamp(now * 1000));
        (given.plan, given.paid_until.map(|until| until.0 / 1000))
    }

    #[test]
    fn a_plan_is_had_while_its_status_says_so() {
        let paid = [invoice(0, &[(900, "price_pro", 0, MONTH)])];
        for (status, plan) in [
            ("active", Plan::Pro),
            ("trialing", Plan::Pro),
            ("past_due", Plan::Pro),
            ("unpaid", Plan::Free),
            ("canceled", Plan::Free),
            ("incomplete", Plan::Free),
            ("incomplete_expired", Plan::Free),
            ("paused", Plan::Free),
        ] {
            assert_eq!(at(status, "price_pro", &paid, 5), (plan, Some(MONTH)), "{status}");
        }
    }

    #[test]
    fn what_is_paid_counts_and_not_what_is_asked_for() {
        let paid = [invoice(0, &[(900, "price_pro", 0, MONTH)])];
        // The hour between two invoices, and days of trying again.
        assert_eq!(
            at("active", "price_pro", &paid, MONTH + 60),
            (Plan::Pro, Some(MONTH))
        );
        assert_eq!(
            at("past_due", "price_pro", &paid, MONTH + 9 * 86_400),
            (Plan::Pro, Some(MONTH))
        );
        // A larger plan whose first invoice is not paid is not had yet.
        assert_eq!(
            at("past_due", "price_studio", &paid, MONTH + 60),
            (Plan::Pro, Some(MONTH))
        );
        assert_eq!(
            at("past_due", "price_pro", &[], 5),
            (Plan::Free, None),
            "never paid"
        );
        // A trial, and what is paid on account.
        assert_eq!(at("trialing", "price_pro", &[], 5), (Plan::Pro, None));
        assert_eq!(
            at("active", "price_old", &[], 5),
            (Plan::Pro, None),
            "a former price is one of ours"
        );
    }

    #[test]
    fn an_upgrade_is_had_at_once_and_a_downgrade_when_the_paid_time_is_over() {
        // Billing mode classic nets the difference into lines of one invoice; flexible gives back and charges in lines of their own.
        let half = MONTH / 2;
        let upgraded = [
            invoice(
                half,
                &[
                    (-450, "price_pro", half, MONTH),
                    (1450, "price_studio", half, MONTH),
                ],
            ),
            invoice(0, &[(900, "price_pro", 0, MONTH)]),
        ];
        assert_eq!(
            at("active", "price_studio", &upgraded, half + 1),
            (Plan::Studio, Some(MONTH))
        );
        let studio = [invoice(0, &[(2900, "price_studio", 0, MONTH)])];
        assert_eq!(
            at("active", "price_pro", &studio, half),
            (Plan::Studio, Some(MONTH))
        );
        assert_eq!(
            at("active", "price_pro", &studio, MONTH + 60),
            (Plan::Pro, Some(MONTH))
        );
        // A downgrade at Stripe that gives the rest back is one at once.
        let given_back = [
            invoice(
                half,
                &[
                    (-1450, "price_studio", half, MONTH),
                    (450, "price_pro", half, MONTH),
                ],
            ),
            invoice(0, &[(2900, "price_studio", 0, MONTH)]),
        ];
        assert_eq!(
            at("active", "price_pro", &given_back, half + 1),
            (Plan::Pro, Some(MONTH))
        );
    }

    #[test]
    fn of_several_subscriptions_one_counts_and_those_that_run_beside_it_are_too_many() {
        let all = vec![
            subscription("sub_5", "incomplete", "price_studio", 50),
            subscription("sub_4", "canceled", "price_studio", 40),
            subscription("sub_3", "past_due", "price_studio", 30),
            subscription("sub_2", "active", "price_pro", 20),
            subscription("sub_1", "active", "price_pro", 10),
        ];
        let chosen = choose(&billing(), Mode::Test, all).unwrap();
        assert_eq!(chosen.first.unwrap().id, "sub_1");
        let too_many: Vec<String> = chosen.duplicates.into_iter().map(|ours| ours.id).collect();
        assert_eq!(too_many, ["sub_2", "sub_3"]);
        let ended = vec![
            subscription("sub_2", "canceled", "price_pro", 20),
            subscription("sub_1", "canceled", "price_pro", 10),
        ];
        assert_eq!(
            choose(&billing(), Mode::Test, ended).unwrap().first.unwrap().id,
            "sub_2"
        );
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        for wrong in [
            subscription("sub_1", "on_the_moon", "price_pro", 10),
            subscription("sub_1", "active", "price_of_others", 10),
        ] {
            assert!(
                choose(&billing(), Mode::Test, vec![wrong.clone()]).is_err(),
                "{wrong:?}"
            );
            // Beside one of ours it is somebody else's.
            let beside = vec![wrong, subscription("sub_2", "active", "price_pro", 20)];
            assert_eq!(
                choose(&billing(), Mode::Test, beside).unwrap().first.unwrap().id,
                "sub_2"
            );
        }
        let other_mode = vec![subscription("sub_1", "active", "price_pro", 10)];
        assert!(choose(&billing(), Mode::Live, other_mode).is_err());
        let others_that_ended = vec![subscription("sub_1", "canceled", "price_of_others", 10)];
        assert!(
            choose(&billing(), Mode::Test, others_that_ended)
                .unwrap()
                .first
                .is_none()
        );
    }
}
