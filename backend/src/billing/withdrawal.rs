//! Withdrawing from a contract within 14 days (Directive 2011/83/EU, articles 9 and 11a), signed in or not, without a reason; and the job
//! that ends a subscription and gives everything back that was paid for it.

use std::time::Duration;

use model::{ProblemCode, RefundId, Timestamp, plan::Plan};
use serde::{Deserialize, Serialize};

use super::{
    store::{self, NamedRow, NewRefund, RefundReason},
    stripe,
    sync::sync,
};
use crate::{
    Backend, Error, Result, accounts,
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, BillingOccasion, Notification},
    plans,
    stripe::{Stripe, StripeError},
    transaction,
};

/// The days that the law gives; the day of the contract does not count.
pub const DAYS: u32 = 14;

/// How long a withdrawal is taken beyond them: a period that ends on a weekend or a holiday ends on the working day after it (Regulation
/// 1182/71, article 3), and midnight comes later in the west.
const GRACE: Duration = Duration::from_secs(4 * 24 * 3600);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The last day of the period, as its first moment in UTC.
#[must_use]
pub fn last_day(started_at: Timestamp) -> Timestamp {
    let first = Timestamp::of_day(&started_at.day()).unwrap_or(started_at);
    first.plus(DAY * DAYS)
}

/// Whether a contract that began at `started_at` may be withdrawn from.
#[must_use]
pub fn is_possible(started_at: Timestamp, now: Timestamp) -> bool {
    now < last_day(started_at).plus(DAY + GRACE)
}

/// What is withdrawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Its number.
    pub number: String,
    /// What it is for.
    pub plan: Plan,
    /// The day on which it was made.
    pub since: Timestamp,
}

/// The contract of a number, for whoever knows it and the address of its account.
///
/// # Errors
/// `Invalid` on `contract` where there is none; `Conflict` where it is too late, or nothing is sold.
pub async fn find(backend: &Backend, email: &str, number: &str) -> Result<Contract> {
    let row = named(backend, email, number).await?;
    Ok(Contract {
        number: row.contract,
        plan: row.next_plan,
        since: row.started_at,
    })
}

/// Withdraws: the plan ends now, a job ends the subscription and gives everything back, and an email says at once when the withdrawal
/// arrived. The moment of it. Sent a second time, it is the moment of the first.
///
/// # Errors
/// As [`find`].
pub async fn withdraw(backend: &Backend, email: &str, number: &str) -> Result<Timestamp> {
    let row = named(backend, email, number).await?;
    if let Some(at) = row.withdrawn_at {
        return Ok(at);
    }
    let mode = stripe(backend)?.mode();
    let (now, account) = (backend.now(), row.account_id);
    let refund = NewRefund {
        id: RefundId(backend.new_id()),
        account,
        mode,
        subscription: &row.subscription_id,
        contract: Some(&row.contract),
        reason: RefundReason::Withdrawal,
        now,
    };
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::insert_refund(tx, &refund).await? {
            return Ok(());
        }
        plans::set_paid(tx, backend, account, Plan::Free).await?;
        let options = EnqueueOptions {
            account: Some(account),
            ..EnqueueOptions::default()
        };
        jobs::enqueue(tx, backend, &EndSubscription { refund: refund.id }, options).await?;
        let notification = Notification::Billing {
            occasion: BillingOccasion::Withdrawn,
            contract: row.contract.clone(),
        };
        mail::enqueue(tx, backend, account, notification).await
    })?;
    backend.wake.wake();
    tracing::info!(refund = %refund.id, "somebody withdrew from a contract");
    Ok(now)
}

async fn named(backend: &Backend, email: &str, number: &str) -> Result<NamedRow> {
    let mode = stripe(backend)?.mode();
    let number = spelled(number);
    let row = store::named(&backend.db, mode, &accounts::key_of(email.trim()), &number).await?;
    let row = row.ok_or_else(|| {
        Error::invalid(
            "contract",
            "There is no contract with this number and this address. Both are in the e-mail with which your plan began; the number looks like ML-01234-ABCDE.",
        )
    })?;
    if row.withdrawn_at.is_none() && !is_possible(row.started_at, backend.now()) {
        let last = last_day(row.started_at).day();
        return Err(Error::problem(
            ProblemCode::Conflict,
            format!(
                "The {DAYS} days ended on {last}. You can cancel the plan at any time; it ends with the time that you have paid."
            ),
        ));
    }
    Ok(row)
}

/// A number as it is kept, however it was typed.
fn spelled(number: &str) -> String {
    let letters: String = number
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| match letter.to_ascii_uppercase() {
            // As people read them out.
            'O' => '0',
            'I' => '1',
            letter => letter,
        })
        .collect();
    let letters = letters.strip_prefix("ML").unwrap_or(&letters);
    let (first, last) = letters.split_at(letters.len().min(5));
    format!("ML-{first}-{last}")
}

/// Ends a subscription and gives back what was paid for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndSubscription {
    /// The refund.
    pub(super) refund: RefundId,
}

impl Job for EndSubscription {
    const POLICY: Policy = Policy {
        kind: "end_subscription",
        queue: Queue::Billing,
        max_attempts: 20,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for EndSubscription {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        let Some(row) = store::find_refund(&backend.db, self.refund)
            .await?
            .filter(|row| row.done_at.is_none())
        else {
            return Ok(());
        };
        let stripe = stripe(backend)?;
        if stripe.mode() != row.mode {
            return Err(JobError::wait("billing.stripe_key is of the other mode"));
        }
        give_back(stripe, &row.subscription_id, &self.refund.to_string())
            .await
            .map_err(crate::Error::from)?;
        store::finish_refund(&backend.db, self.refund, backend.now()).await?;
        sync(backend, row.account_id).await?;
        Ok(())
    }
}

/// Ends a subscription at once, and refunds every payment of its invoices. Bears being done twice.
pub(super) async fn give_back(
    stripe: &Stripe,
    subscription: &str,
    operation: &str,
) -> Result<(), StripeError> {
    stripe.cancel_now(subscription).await?;
    for invoice in stripe.paid_invoices(subscription).await? {
        for paid in stripe.payments(&invoice.id.0).await? {
            if let Some(payment) = paid.payment.payment_intent {
                stripe
                    .refund(&payment.0, &format!("{operation}/{payment}"))
                    .await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_contract_does_not_count_and_the_last_one_counts_to_its_end_everywhere() {
        let noon = Timestamp::of_day("2026-11-27").unwrap().plus(DAY / 2);
        assert_eq!(last_day(noon).day(), "2026-12-11");
        // 2026-12-11 is a Friday; a Saturday would move the end to Monday, and Christmas further.
        let end = Timestamp::of_day("2026-12-16").unwrap();
        assert!(is_possible(noon, end.minus(Duration::from_millis(1))));
        assert!(!is_possible(noon, end));
    }

    #[test]
    fn a_number_is_read_however_it_is_typed() {
        for typed in [
            "ML-01234-ABCDE",
            "ml-01234-abcde",
            " ML 01234 ABCDE ",
            "01234abcde",
            "ml-OI234-abcde",
        ] {
            assert_eq!(spelled(typed), "ML-01234-ABCDE", "{typed}");
        }
        assert_eq!(spelled(""), "ML--");
        assert_eq!(spelled("ü"), "ML--");
    }
}
