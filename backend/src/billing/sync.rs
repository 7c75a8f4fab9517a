//! Reads from Stripe what an account pays for, and writes it.

use std::time::Duration;

use model::{AccountId, RefundId, Timestamp, plan::Plan};
use serde::{Deserialize, Serialize};

use super::{
    EndSubscription, SubscriptionStatus, enqueue_sync,
    state::{self, Chosen, Entitlement, Ours},
    store::{self, CustomerRow, NewRefund, RefundReason},
    stripe,
};
use crate::{
    Backend, Error, Result,
    db::{Tx, sql},
    jobs::{self, EnqueueOptions, Job, JobError, Lease, Policy, Queue, RunJob},
    mail::{self, BillingOccasion, Notification},
    plans,
    stripe::{Mode, Stripe},
    transaction,
};

/// How often all customers are read, whatever was told or not.
pub(crate) const SYNC_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long somebody who began a checkout is looked after, without a subscription that we know of.
const FRESH: Duration = Duration::from_secs(3 * 24 * 3600);

/// How often a reading is done again because another one was written meanwhile.
const READINGS: u32 = 5;

/// Accounts that are enqueued in one transaction.
const BATCH: u32 = 200;

/// Letters and digits of a contract number; none that is taken for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Of it, this many: 50 bits, which nobody guesses.
const CONTRACT_CHARS: usize = 10;

/// Reads from Stripe what an account pays for and writes it: state, plan, and what follows from them. An account that Stripe does not
/// know stays as it is.
///
/// # Errors
/// `Unavailable` where Stripe is away; `Internal` where it says what we do not understand. Nothing is changed then.
pub(crate) async fn sync(backend: &Backend, account: AccountId) -> Result<()> {
    let stripe = stripe(backend)?;
    for _ in 0..READINGS {
        let Some(before) = store::find(&backend.db, account, stripe.mode()).await? else {
            return Ok(());
        };
        let Some(customer) = before.customer_id.as_deref() else {
            return Ok(());
        };
        let is_written = match read(backend, stripe, account, customer).await? {
            Some(seen) => write(backend, account, &before, &seen).await?,
            None => forget_customer(backend, account, &before).await?,
        };
        if is_written {
            backend.wake.wake();
            return Ok(());
        }
    }
    Err(Error::Unavailable {
        what: "Stripe",
        source: "its state was written by others each time it was read".into(),
    })
}

/// What Stripe says.
struct Seen {
    chosen: Chosen,
    given: Entitlement,
}

/// `None` where Stripe has no such customer any more.
async fn read(
    backend: &Backend,
    stripe: &Stripe,
    account: AccountId,
    customer: &str,
) -> Result<Option<Seen>> {
    const ADDRESS: &str = "SELECT email FROM account WHERE id = $1 AND closed_at IS NULL";
    let found = match stripe.customer(customer).await {
        Ok(found) if !found.deleted => found,
        Ok(_) => return Ok(None),
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Receipts follow a new address.
    let address: Option<String> = backend.db.scalar(sql(ADDRESS).bind(account)).await?;
    if let Some(address) = address.filter(|address| found.email.as_deref() != Some(address)) {
        stripe.set_email(customer, &address).await?;
    }
    let billing = &backend.config.billing;
    let all = stripe.subscriptions(customer).await?;
    let chosen = state::choose(billing, stripe.mode(), all)?;
    let mut given = Entitlement {
        plan: Plan::Free,
        paid_until: None,
    };
    if let Some(ours) = &chosen.first {
        let paid = stripe.paid_invoices(&ours.id).await?;
        given = state::entitlement(billing, ours, &paid, backend.now());
    }
    Ok(Some(Seen { chosen, given }))
}

/// Whether nobody else has written since `before`.
async fn write(backend: &Backend, account: AccountId, before: &CustomerRow, seen: &Seen) -> Result<bool> {
    let now = backend.now();
    let fresh_contract = new_contract(backend);
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let first = seen.chosen.first.as_ref();
        let contract = match (first, &before.contract) {
            (None, _) => None,
            (Some(ours), Some(contract)) if before.subscription_id.as_ref() == Some(&ours.id) => {
                Some(contract.as_str())
            }
            (Some(_), _) => Some(fresh_contract.as_str()),
        };
        let until = seen.given.paid_until;
        if !store::set_state(tx, account, before, first, contract, until, now).await? {
            return Ok(false);
        }
        // Who withdrew has nothing any more, also while Stripe does not know it yet.
        let given = match first {
            Some(ours) if store::is_given_back(tx, &ours.id).await? => Plan::Free,
            _ => seen.given.plan,
        };
        plans::set_paid(tx, backend, account, given).await?;
        if let (Some(ours), Some(contract)) = (first, contract) {
            tell(tx, backend, account, before, ours, contract).await?;
        }
        for duplicate in &seen.chosen.duplicates {
            end_duplicate(tx, backend, account, before.mode, duplicate, now).await?;
        }
        Ok(true)
    })
}

/// Writes to the person about what has changed since `before`.
async fn tell(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    before: &CustomerRow,
    now: &Ours,
    contract: &str,
) -> Result<()> {
    let is_same = before.subscription_id.as_ref() == Some(&now.id);
    let ran = is_same && before.is_running();
    let runs = now.status.is_running();
    // Who withdrew was told so.
    let withdrew = store::is_given_back(tx, &now.id).await?;
    let mut told = Vec::new();
    match (ran, runs) {
        (false, true) => told.push(BillingOccasion::Started),
        (true, false) if !withdrew => told.push(BillingOccasion::Ended),
        (true, true) if before.next_plan != Some(now.plan) => told.push(BillingOccasion::Changed),
        _ => {}
    }
    if ran && runs && before.ends_at.is_none() && now.ends_at.is_some() {
        told.push(BillingOccasion::Cancelled);
    }
    let failed = Some(SubscriptionStatus::PastDue);
    if is_same && before.status != failed && Some(now.status) == failed {
        told.push(BillingOccasion::PaymentFailed);
    }
    for occasion in told {
        let contract = contract.to_owned();
        let notification = Notification::Billing { occasion, contract };
        mail::enqueue(tx, backend, account, notification).await?;
    }
    Ok(())
}

/// Two tabs, or two devices, bought twice: what came second is ended and given back.
async fn end_duplicate(
    tx: &mut Tx,
    backend: &Backend,
    account: AccountId,
    mode: Mode,
    duplicate: &Ours,
    now: Timestamp,
) -> Result<()> {
    let refund = NewRefund {
        id: RefundId(backend.new_id()),
        account,
        mode,
        subscription: &duplicate.id,
        contract: None,
        reason: RefundReason::Duplicate,
        now,
    };
    if store::insert_refund(tx, &refund).await? {
        let options = EnqueueOptions {
            account: Some(account),
            ..EnqueueOptions::default()
        };
        let job = EndSubscription { refund: refund.id };
        jobs::enqueue(tx, backend, &job, options).await?;
        tracing::warn!(refund = %refund.id, "a subscription runs beside another one of its customer; it is ended and given back");
    }
    Ok(())
}

/// Somebody deleted the customer at Stripe: nothing is paid for any more, and the next checkout makes a new one.
async fn forget_customer(backend: &Backend, account: AccountId, before: &CustomerRow) -> Result<bool> {
    let operation = backend.new_id().simple().to_string();
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::forget_customer(tx, account, before.mode, before.version, &operation).await? {
            return Ok(false);
        }
        plans::set_paid(tx, backend, account, Plan::Free).await?;
        Ok(true)
    })
}

/// `ML-01234-ABCDE`: what people write into a form, or say on the telephone.
fn new_contract(backend: &Backend) -> String {
    let mut random = [0; CONTRACT_CHARS];
    backend.entropy.fill(&mut random);
    let characters: Vec<char> = random
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|byte| char::from(*byte))
        .collect();
    let (first, last) = characters.split_at(CONTRACT_CHARS / 2);
    format!("ML-{}-{}", String::from_iter(first), String::from_iter(last))
}

/// Reads one account, because of an event or because nobody has for a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncCustomer {
    /// Whose.
    account: AccountId,
    /// The event that told of it.
    event: Option<String>,
}

impl SyncCustomer {
    /// Because of an event, or by itself.
    pub(super) const fn new(account: AccountId, event: Option<String>) -> Self {
        Self { account, event }
    }

    pub(super) const fn account(&self) -> AccountId {
        self.account
    }
}

impl Job for SyncCustomer {
    const POLICY: Policy = Policy {
        kind: "sync_customer",
        queue: Queue::Billing,
        max_attempts: 10,
        // Five readings of four calls of three tries.
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for SyncCustomer {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        if backend.stripe.is_none() {
            return Ok(());
        }
        sync(backend, self.account).await?;
        if let Some(event) = self.event {
            store::finish_event(&backend.db, &event).await?;
        }
        Ok(())
    }
}

/// Reads everybody who may have changed without that we were told. Periodic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncAll {}

impl Job for SyncAll {
    const POLICY: Policy = Policy {
        kind: "sync_all_customers",
        queue: Queue::Billing,
        max_attempts: 3,
        timeout: Duration::from_secs(10 * 60),
    };
}

impl RunJob<Backend> for SyncAll {
    async fn run(self, backend: &Backend, _: &Lease) -> Result<(), JobError> {
        let Some(stripe) = &backend.stripe else {
            return Ok(());
        };
        // Refunds that were given up are tried again, so that none is forgotten.
        jobs::revive::<EndSubscription>(&backend.db, backend.now()).await?;
        end_other_mode(backend, stripe.mode()).await?;
        let since = backend.now().minus(FRESH);
        let mut after = None;
        loop {
            let mut tx = backend.db.begin().await?;
            let accounts = store::to_look_at(&mut tx, stripe.mode(), after, since, BATCH).await?;
            for account in &accounts {
                enqueue_sync(&mut tx, backend, &SyncCustomer::new(*account, None)).await?;
            }
            tx.commit().await?;
            backend.wake.wake();
            match accounts.last() {
                Some(last) => after = Some(*last),
                None => return Ok(()),
            }
        }
    }
}

/// The key of the installation was replaced by one of the other mode: what a test has bought is no plan where money moves.
async fn end_other_mode(backend: &Backend, mode: Mode) -> Result<()> {
    for account in store::paid_in_other_mode(&backend.db, mode).await? {
        transaction!(backend.db, |tx| {
            tx.lock_account(account).await?;
            plans::set_paid(tx, backend, account, Plan::Free).await
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_of_a_contract_number_is_taken_for_another() {
        let letters: std::collections::BTreeSet<u8> = ALPHABET.iter().copied().collect();
        assert_eq!(letters.len(), 32);
        for mistakable in b"ILOU" {
            assert!(!letters.contains(mistakable));
        }
    }
}
