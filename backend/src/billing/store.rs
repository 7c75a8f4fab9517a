//! The rows of customers, refunds and events.

use model::{AccountId, RefundId, Timestamp, plan::Plan, text_enum};

use super::{SubscriptionStatus, state::Ours};
use crate::{
    db::{Db, DbError, Tx, row, sql, text},
    stripe::Mode,
    tables::{Erase, REFERENCE, Table, about_nobody, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "billing_customer",
        title: "Subscription",
        about: "To know what you pay for, and by what name Stripe knows you. Your card, name and address are at Stripe and not here.",
        kept: "Until you delete your account; Stripe deletes you then, too.",
        export: rows! {
            from "billing_customer" where Account is "account_id = $1"
            given {
                "customer_id" Text "Number at Stripe", "mode" Text "Live or test", "created_at" Time "Made", "synced_at" Time "Last read from Stripe",
                "subscription_id" Text "Subscription at Stripe", "contract" Text "Contract number", "status" Text "Status",
                "next_plan" Text "Plan of the next invoice", "started_at" Time "Began", "paid_until" Time "Paid until", "ends_at" Time "Ends",
                "checkout_plan" Text "Plan of the last checkout",
            }
            withheld {
                "account_id" REFERENCE,
                "operation" "makes our question to Stripe one, however often it is sent",
                "checkout_operation" "does the same for a checkout",
                "item_id" "says which line of the subscription is the plan",
                "version" "counts how often Stripe was asked",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "billing_refund",
        title: "Withdrawals and refunds",
        about: "To end a subscription and to give back what you paid for it.",
        kept: "Until you delete your account.",
        export: rows! {
            from "billing_refund" where Account is "account_id = $1"
            given {
                "id" Text "Number", "subscription_id" Text "Subscription at Stripe", "contract" Text "Contract number", "reason" Text "Reason",
                "mode" Text "Live or test", "requested_at" Time "Asked for", "done_at" Time "Done",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    about_nobody(
        "billing_event",
        "Events of Stripe",
        "So that each is looked at once: its number, kind, time and what came of it.",
        "35 days; nobody is in it.",
    ),
];

text_enum! {
    /// Why a subscription is given back.
    pub(super) enum RefundReason {
        /// Its owner withdrew.
        Withdrawal = "withdrawal",
        /// It ran beside another one.
        Duplicate = "duplicate",
    }
}

text_enum! {
    /// What came of an event.
    pub(super) enum EventResult {
        /// A job will ask Stripe.
        Queued = "queued",
        /// A job has asked.
        Synced = "synced",
        /// It is of a kind that tells us nothing.
        Ignored = "ignored",
        /// It is about somebody whom we do not know.
        UnknownCustomer = "unknown_customer",
        /// It is a test, and money moves here, or the other way round.
        WrongMode = "wrong_mode",
    }
}

text! { RefundReason, EventResult }

row! {
    /// A customer with the state of the subscription, as it was read last.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) struct CustomerRow {
        pub(super) mode: Mode,
        pub(super) customer_id: Option<String>,
        pub(super) operation: String,
        pub(super) version: u32,
        pub(super) subscription_id: Option<String>,
        pub(super) item_id: Option<String>,
        pub(super) contract: Option<String>,
        pub(super) status: Option<SubscriptionStatus>,
        pub(super) next_plan: Option<Plan>,
        pub(super) started_at: Option<Timestamp>,
        pub(super) paid_until: Option<Timestamp>,
        pub(super) ends_at: Option<Timestamp>,
    }
}

impl CustomerRow {
    /// Whether a subscription runs.
    pub(super) fn is_running(&self) -> bool {
        self.status.is_some_and(SubscriptionStatus::is_running)
    }
}

macro_rules! customer {
    ($condition:literal) => {
        concat!(
            "SELECT mode, customer_id, operation, version, subscription_id, item_id, contract, status, next_plan, started_at,
                paid_until, ends_at
            FROM billing_customer WHERE ",
            $condition
        )
    };
}

/// What we gave an account, and what it pays for.
pub(super) async fn plans(db: &Db, account: AccountId) -> Result<(Plan, Plan), DbError> {
    let row: PlansRow = db
        .one(sql("SELECT granted_plan, paid_plan FROM account WHERE id = $1").bind(account))
        .await?;
    Ok((row.granted_plan, row.paid_plan))
}

row! {
    struct PlansRow {
        granted_plan: Plan,
        paid_plan: Plan,
    }
}

/// The customer of an account in a mode.
pub(super) async fn find(db: &Db, account: AccountId, mode: Mode) -> Result<Option<CustomerRow>, DbError> {
    db.optional(
        sql(customer!("account_id = $1 AND mode = $2"))
            .bind(account)
            .bind(mode),
    )
    .await
}

/// The customers of an account in either mode.
pub(super) async fn all_of(tx: &mut Tx, account: AccountId) -> Result<Vec<CustomerRow>, DbError> {
    tx.all(sql(customer!("account_id = $1")).bind(account)).await
}

/// The open account of a customer.
pub(super) async fn account_of(
    tx: &mut Tx,
    customer: &str,
    mode: Mode,
) -> Result<Option<AccountId>, DbError> {
    const SELECT: &str = "
        SELECT account_id FROM billing_customer JOIN account ON account.id = account_id
        WHERE customer_id = $1 AND mode = $2 AND closed_at IS NULL";
    tx.scalar(sql(SELECT).bind(customer).bind(mode)).await
}

/// Notes that Stripe is asked for a customer; whether it was not asked before.
pub(super) async fn begin_customer(
    tx: &mut Tx,
    account: AccountId,
    mode: Mode,
    operation: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    const INSERT: &str = "
        INSERT INTO billing_customer (account_id, mode, operation, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, mode) DO NOTHING";
    let insert = sql(INSERT).bind(account).bind(mode).bind(operation).bind(now);
    Ok(tx.execute(insert).await? == 1)
}

/// None → the customer that Stripe made; whether there was none.
pub(super) async fn set_customer(
    tx: &mut Tx,
    account: AccountId,
    mode: Mode,
    customer: &str,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE billing_customer SET customer_id = $3 WHERE account_id = $1 AND mode = $2 AND customer_id IS NULL";
    let update = sql(UPDATE).bind(account).bind(mode).bind(customer);
    Ok(tx.execute(update).await? == 1)
}

/// Forgets a customer that Stripe does not have any more, with what was known of it; the next one is asked for by a new operation.
pub(super) async fn forget_customer(
    tx: &mut Tx,
    account: AccountId,
    mode: Mode,
    version: u32,
    operation: &str,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE billing_customer
        SET customer_id = NULL, operation = $4, checkout_operation = NULL, checkout_plan = NULL, version = version + 1,
            status = CASE WHEN status IS NULL THEN NULL ELSE 'canceled' END
        WHERE account_id = $1 AND mode = $2 AND version = $3";
    let update = sql(UPDATE).bind(account).bind(mode).bind(version).bind(operation);
    Ok(tx.execute(update).await? == 1)
}

row! {
    struct CheckoutRow {
        checkout_operation: Option<String>,
        checkout_plan: Option<Plan>,
    }
}

/// The operation of the checkout of a plan: the one of before, or `fresh` where that was for another plan, or is `over`.
pub(super) async fn checkout_operation(
    tx: &mut Tx,
    account: AccountId,
    mode: Mode,
    plan: Plan,
    over: Option<&str>,
    fresh: &str,
) -> Result<String, DbError> {
    const SELECT: &str = "
        SELECT checkout_operation, checkout_plan FROM billing_customer WHERE account_id = $1 AND mode = $2";
    const UPDATE: &str = "
        UPDATE billing_customer SET checkout_operation = $3, checkout_plan = $4 WHERE account_id = $1 AND mode = $2";
    let row: Option<CheckoutRow> = tx.optional(sql(SELECT).bind(account).bind(mode)).await?;
    let begun = row.filter(|row| row.checkout_plan == Some(plan)).and_then(|row| {
        row.checkout_operation
            .filter(|operation| over != Some(operation.as_str()))
    });
    if let Some(operation) = begun {
        return Ok(operation);
    }
    let update = sql(UPDATE).bind(account).bind(mode).bind(fresh).bind(plan);
    tx.execute(update).await?;
    Ok(fresh.to_owned())
}

/// Writes what Stripe said, unless somebody else has written since `version`: then it is asked again.
pub(super) async fn set_state(
    tx: &mut Tx,
    account: AccountId,
    before: &CustomerRow,
    seen: Option<&Ours>,
    contract: Option<&str>,
    paid_until: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    const UPDATE: &str = "
        UPDATE billing_customer
        SET version = version + 1, synced_at = $4, subscription_id = $5, item_id = $6, contract = $7, status = $8,
            next_plan = $9, started_at = $10, paid_until = $11, ends_at = $12
        WHERE account_id = $1 AND mode = $2 AND version = $3";
    let update = sql(UPDATE)
        .bind(account)
        .bind(before.mode)
        .bind(before.version)
        .bind(now)
        .bind(seen.map(|seen| seen.id.as_str()))
        .bind(seen.map(|seen| seen.item.as_str()))
        .bind(contract)
        .bind(seen.map(|seen| seen.status))
        .bind(seen.map(|seen| seen.plan))
        .bind(seen.map(|seen| seen.started_at))
        .bind(paid_until)
        .bind(seen.and_then(|seen| seen.ends_at));
    Ok(tx.execute(update).await? == 1)
}

/// Accounts whose state may have changed without that we were told: a subscription that has not ended, or a customer of the last
/// days without one.
pub(super) async fn to_look_at(
    tx: &mut Tx,
    mode: Mode,
    after: Option<AccountId>,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<AccountId>, DbError> {
    const SELECT: &str = "
        SELECT account_id FROM billing_customer JOIN account ON account.id = account_id
        WHERE mode = $1 AND customer_id IS NOT NULL AND closed_at IS NULL AND account_id > $2
          AND (status NOT IN ('canceled', 'incomplete_expired') OR billing_customer.created_at > $3 OR paid_plan <> 'free')
        ORDER BY account_id LIMIT $4";
    let after = after.map_or(String::new(), |account| account.to_string());
    tx.scalars(sql(SELECT).bind(mode).bind(after).bind(since).bind(limit))
        .await
}

/// Accounts that have a plan by a subscription of the other mode, which counts for nothing now.
pub(super) async fn paid_in_other_mode(db: &Db, mode: Mode) -> Result<Vec<AccountId>, DbError> {
    const SELECT: &str = "
        SELECT id FROM account
        WHERE paid_plan <> 'free' AND closed_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM billing_customer WHERE account_id = account.id AND mode = $1)";
    db.scalars(sql(SELECT).bind(mode)).await
}

row! {
    /// What is known of a contract, for an email about it.
    #[derive(Debug)]
    pub(super) struct ContractRow {
        pub(super) next_plan: Option<Plan>,
        pub(super) started_at: Option<Timestamp>,
        pub(super) paid_until: Option<Timestamp>,
        pub(super) ends_at: Option<Timestamp>,
        pub(super) withdrawn_at: Option<Timestamp>,
    }
}

pub(super) async fn of_contract(
    db: &Db,
    account: AccountId,
    contract: &str,
) -> Result<Option<ContractRow>, DbError> {
    const SELECT: &str = "
        SELECT next_plan, started_at, paid_until, ends_at,
            (SELECT requested_at FROM billing_refund WHERE billing_refund.subscription_id = billing_customer.subscription_id) AS withdrawn_at
        FROM billing_customer WHERE account_id = $1 AND contract = $2";
    db.optional(sql(SELECT).bind(account).bind(contract)).await
}

row! {
    /// A contract that somebody names who withdraws.
    #[derive(Debug, Clone)]
    pub(super) struct NamedRow {
        pub(super) account_id: AccountId,
        pub(super) subscription_id: String,
        pub(super) contract: String,
        pub(super) started_at: Timestamp,
        pub(super) next_plan: Plan,
        pub(super) withdrawn_at: Option<Timestamp>,
    }
}

/// The contract of this number, of the account with this address.
pub(super) async fn named(
    db: &Db,
    mode: Mode,
    email_key: &str,
    contract: &str,
) -> Result<Option<NamedRow>, DbError> {
    const SELECT: &str = "
        SELECT account_id, subscription_id, contract, started_at, next_plan,
            (SELECT requested_at FROM billing_refund WHERE billing_refund.subscription_id = billing_customer.subscription_id) AS withdrawn_at
        FROM billing_customer JOIN account ON account.id = account_id
        WHERE mode = $1 AND email_key = $2 AND contract = $3 AND closed_at IS NULL";
    db.optional(sql(SELECT).bind(mode).bind(email_key).bind(contract))
        .await
}

/// A refund to note.
#[derive(Debug)]
pub(super) struct NewRefund<'a> {
    pub(super) id: RefundId,
    pub(super) account: AccountId,
    pub(super) mode: Mode,
    pub(super) subscription: &'a str,
    pub(super) contract: Option<&'a str>,
    pub(super) reason: RefundReason,
    pub(super) now: Timestamp,
}

/// Notes a refund; whether the subscription is not given back already.
pub(super) async fn insert_refund(tx: &mut Tx, new: &NewRefund<'_>) -> Result<bool, DbError> {
    const INSERT: &str = "
        INSERT INTO billing_refund (id, account_id, mode, subscription_id, contract, reason, requested_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (subscription_id) DO NOTHING";
    let insert = sql(INSERT)
        .bind(new.id)
        .bind(new.account)
        .bind(new.mode)
        .bind(new.subscription)
        .bind(new.contract)
        .bind(new.reason)
        .bind(new.now);
    Ok(tx.execute(insert).await? == 1)
}

row! {
    /// A refund that is to be done.
    #[derive(Debug)]
    pub(super) struct RefundRow {
        pub(super) account_id: AccountId,
        pub(super) mode: Mode,
        pub(super) subscription_id: String,
        pub(super) done_at: Option<Timestamp>,
    }
}

pub(super) async fn find_refund(db: &Db, id: RefundId) -> Result<Option<RefundRow>, DbError> {
    const SELECT: &str =
        "SELECT account_id, mode, subscription_id, done_at FROM billing_refund WHERE id = $1";
    db.optional(sql(SELECT).bind(id)).await
}

/// Whether a subscription is given back, or will be.
pub(super) async fn is_given_back(tx: &mut Tx, subscription: &str) -> Result<bool, DbError> {
    const SELECT: &str = "SELECT id FROM billing_refund WHERE subscription_id = $1";
    let found: Option<RefundId> = tx.scalar(sql(SELECT).bind(subscription)).await?;
    Ok(found.is_some())
}

/// The subscriptions of an account that are still to be given back.
pub(super) async fn open_refunds(
    tx: &mut Tx,
    account: AccountId,
    mode: Mode,
) -> Result<Vec<String>, DbError> {
    const SELECT: &str = "
        SELECT subscription_id FROM billing_refund WHERE account_id = $1 AND mode = $2 AND done_at IS NULL";
    tx.scalars(sql(SELECT).bind(account).bind(mode)).await
}

pub(super) async fn finish_refund(db: &Db, id: RefundId, now: Timestamp) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE billing_refund SET done_at = $2 WHERE id = $1 AND done_at IS NULL";
    db.execute(sql(UPDATE).bind(id).bind(now)).await
}

/// Notes an event; whether it is new.
pub(super) async fn insert_event(
    tx: &mut Tx,
    id: &str,
    kind: &str,
    result: EventResult,
    now: Timestamp,
) -> Result<bool, DbError> {
    const INSERT: &str = "
        INSERT INTO billing_event (id, kind, received_at, result) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    let insert = sql(INSERT).bind(id).bind(kind).bind(now).bind(result);
    Ok(tx.execute(insert).await? == 1)
}

pub(super) async fn finish_event(db: &Db, id: &str) -> Result<u64, DbError> {
    const UPDATE: &str = "UPDATE billing_event SET result = $2 WHERE id = $1";
    db.execute(sql(UPDATE).bind(id).bind(EventResult::Synced)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::some_account;

    async fn customer(db: &Db, account: AccountId) -> CustomerRow {
        let mut tx = db.begin().await.unwrap();
        assert!(
            begin_customer(&mut tx, account, Mode::Test, "op", Timestamp(1))
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        find(db, account, Mode::Test).await.unwrap().unwrap()
    }

    fn ours(id: &str) -> Ours {
        Ours {
            id: id.to_owned(),
            item: "si_1".to_owned(),
            status: SubscriptionStatus::Active,
            plan: Plan::Pro,
            started_at: Timestamp(5),
            ends_at: None,
        }
    }

    crate::contract! {
        async fn of_two_readings_at_once_the_second_to_write_is_refused(db: &Db) {
            let account = some_account(db, 1).await;
            let row = customer(db, account).await;
            let mut tx = db.begin().await.unwrap();
            assert!(set_state(&mut tx, account, &row, Some(&ours("sub_1")), Some("c"), None, Timestamp(2)).await.unwrap());
            assert!(!set_state(&mut tx, account, &row, None, None, None, Timestamp(3)).await.unwrap(), "it saw less");
            tx.commit().await.unwrap();
            let row = find(db, account, Mode::Test).await.unwrap().unwrap();
            assert_eq!((row.subscription_id.as_deref(), row.version, row.is_running()), (Some("sub_1"), 1, true));
            let mut tx = db.begin().await.unwrap();
            assert!(set_state(&mut tx, account, &row, None, None, None, Timestamp(3)).await.unwrap());
            tx.commit().await.unwrap();
            assert_eq!(find(db, account, Mode::Live).await.unwrap(), None, "the other mode has a row of its own");
        }

        async fn a_checkout_of_the_same_plan_is_the_same_until_it_is_over(db: &Db) {
            let account = some_account(db, 1).await;
            customer(db, account).await;
            let mut tx = db.begin().await.unwrap();
            for (plan, over, fresh, operation) in [
                (Plan::Pro, None, "a", "a"),
                (Plan::Pro, None, "b", "a"),
                (Plan::Studio, None, "c", "c"),
                (Plan::Studio, Some("c"), "d", "d"),
                (Plan::Studio, Some("c"), "e", "d"),
                (Plan::Pro, None, "f", "f"),
            ] {
                let found = checkout_operation(&mut tx, account, Mode::Test, plan, over, fresh).await.unwrap();
                assert_eq!(found, operation, "{fresh}");
            }
            tx.commit().await.unwrap();
        }

        async fn a_customer_is_set_once_and_found_by_its_mode(db: &Db) {
            let account = some_account(db, 1).await;
            customer(db, account).await;
            let mut tx = db.begin().await.unwrap();
            assert!(!begin_customer(&mut tx, account, Mode::Test, "other", Timestamp(1)).await.unwrap());
            assert!(set_customer(&mut tx, account, Mode::Test, "cus_1").await.unwrap());
            assert!(!set_customer(&mut tx, account, Mode::Test, "cus_2").await.unwrap());
            assert_eq!(account_of(&mut tx, "cus_1", Mode::Test).await.unwrap(), Some(account));
            assert_eq!(account_of(&mut tx, "cus_1", Mode::Live).await.unwrap(), None);
            assert_eq!(account_of(&mut tx, "cus_2", Mode::Test).await.unwrap(), None);
            assert_eq!(to_look_at(&mut tx, Mode::Test, None, Timestamp(0), 9).await.unwrap(), [account]);
            assert_eq!(to_look_at(&mut tx, Mode::Test, Some(account), Timestamp(0), 9).await.unwrap(), []);
            assert_eq!(to_look_at(&mut tx, Mode::Test, None, Timestamp(1), 9).await.unwrap(), [], "made long ago, and bought nothing");
            tx.commit().await.unwrap();
        }

        async fn an_event_and_a_refund_are_noted_once(db: &Db) {
            let account = some_account(db, 1).await;
            let mut tx = db.begin().await.unwrap();
            assert!(insert_event(&mut tx, "evt_1", "x", EventResult::Queued, Timestamp(1)).await.unwrap());
            assert!(!insert_event(&mut tx, "evt_1", "x", EventResult::Queued, Timestamp(2)).await.unwrap());
            let mut refund = NewRefund {
                id: RefundId(uuid::Uuid::from_u128(1)),
                account,
                mode: Mode::Test,
                subscription: "sub_1",
                contract: None,
                reason: RefundReason::Duplicate,
                now: Timestamp(1),
            };
            assert!(insert_refund(&mut tx, &refund).await.unwrap());
            refund.id = RefundId(uuid::Uuid::from_u128(2));
            assert!(!insert_refund(&mut tx, &refund).await.unwrap());
            assert!(is_given_back(&mut tx, "sub_1").await.unwrap());
            assert_eq!(open_refunds(&mut tx, account, Mode::Test).await.unwrap(), ["sub_1"]);
            tx.commit().await.unwrap();
            assert_eq!(finish_refund(db, RefundId(uuid::Uuid::from_u128(1)), Timestamp(2)).await.unwrap(), 1);
            let mut tx = db.begin().await.unwrap();
            assert_eq!(open_refunds(&mut tx, account, Mode::Test).await.unwrap(), Vec::<String>::new());
            tx.commit().await.unwrap();
        }
    }
}
