//! What Stripe tells us of. An event is a hint and nothing more: that it is Stripe's is checked, it is noted, and a job asks Stripe how
//! things are.

use model::{AccountId, ProblemCode};

use super::{
    enqueue_sync,
    store::{self, EventResult},
    stripe,
    sync::SyncCustomer,
};
use crate::{
    Backend, Error, Result,
    stripe::{
        Mode,
        objects::Event,
        signature::{self, SignatureError},
    },
    transaction,
};

/// The kinds that tell of something that a plan depends on; of all others Stripe need not be asked.
const TELLING: [&str; 16] = [
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.voided",
];

/// The longest kind that is noted, in bytes.
const MAX_KIND: usize = 100;

/// Takes an event as it came, `body` byte by byte, with its `Stripe-Signature`. One that is known, of a kind that tells us nothing, of
/// the other mode, or about somebody whom we do not know is taken, too, so that Stripe does not send it again.
///
/// # Errors
/// `Conflict` where nothing is sold; `Invalid` where it is not signed by Stripe, or cannot be read. The moment is that of this machine's
/// clock: Stripe compares with no database.
pub async fn receive(backend: &Backend, header: &str, body: &[u8]) -> Result<()> {
    let stripe = stripe(backend)?;
    let now = backend.clock.of_machine();
    let secrets = &backend.config.billing.stripe_signing_secret;
    signature::verify(header, body, secrets, now).map_err(refused)?;
    let event: Event = serde_json::from_slice(body)
        .map_err(|_| Error::problem(ProblemCode::Invalid, "This is no event that can be read."))?;
    take(backend, stripe.mode(), &event).await?;
    backend.wake.wake();
    Ok(())
}

async fn take(backend: &Backend, mode: Mode, event: &Event) -> Result<()> {
    let kind = kind_of(event);
    let now = backend.now();
    let id = event.id.0.as_str();
    transaction!(backend.db, |tx| {
        let mut account: Option<AccountId> = None;
        let result = if Mode::of_livemode(event.livemode) != mode {
            EventResult::WrongMode
        } else if !TELLING.contains(&kind) {
            EventResult::Ignored
        } else {
            if let Some(customer) = event.customer() {
                account = store::account_of(tx, &customer, mode).await?;
            }
            match account {
                Some(_) => EventResult::Queued,
                // When its row comes, it is read by itself.
                None => EventResult::UnknownCustomer,
            }
        };
        if !store::insert_event(tx, id, kind, result, now).await? {
            return Ok(());
        }
        if let Some(account) = account {
            let job = SyncCustomer::new(account, Some(id.to_owned()));
            enqueue_sync(tx, backend, &job).await?;
        }
        Ok(())
    })
}

/// The kind, where it looks like one; what else is sent is not kept.
fn kind_of(event: &Event) -> &str {
    let kind = event.r#type.as_str();
    let looks_like_one = kind.len() <= MAX_KIND
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
    if looks_like_one { kind } else { "unreadable" }
}

/// Why an event was refused; Stripe shows it to the operator.
fn refused(error: SignatureError) -> Error {
    let message = match error {
        SignatureError::Unreadable => "There is no Stripe-Signature that can be read.",
        SignatureError::Wrong => {
            "No signature is that of the body: is billing.stripe_signing_secret that of this endpoint?"
        }
        SignatureError::Untimely => {
            "It was signed more than five minutes ago, or will be: are the clocks right?"
        }
    };
    Error::problem(ProblemCode::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_order_and_each_stands_there_once() {
        assert!(TELLING.is_sorted_by(|a, b| a < b));
    }
}
