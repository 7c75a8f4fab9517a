//! What Stripe answers, as far as we read it. Members that are not named here are ignored, so that Stripe may add some.

use std::fmt;

use model::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A list.
#[derive(Debug, Clone, Deserialize)]
pub struct Page<T> {
    /// What is on this page of it.
    pub data: Vec<T>,
}

/// The id of an object that stands by itself or is spelled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Id(String),
            Object { id: String },
        }
        match Either::deserialize(deserializer)? {
            Either::Id(id) | Either::Object { id } if is_id(&id) => Ok(Self(id)),
            _ => Err(D::Error::custom("no id of Stripe")),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text may be an id of Stripe; it goes into addresses and rows.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A moment, in seconds since 1970 where Stripe spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        Ok(Self(Timestamp(seconds.saturating_mul(1000))))
    }
}

/// Somebody who pays.
#[derive(Debug, Clone, Deserialize)]
pub struct Customer {
    /// cus_…
    pub id: Id,
    /// Where receipts go.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether it is gone; nothing but the id is left of it then.
    #[serde(default)]
    pub deleted: bool,
}

/// That something was deleted.
#[derive(Debug, Clone, Deserialize)]
pub struct Deleted {
    /// Of what.
    pub id: Id,
}

/// What something costs.
#[derive(Debug, Clone, Deserialize)]
pub struct Price {
    /// price_…
    pub id: Id,
    /// Whether it can be bought.
    #[serde(default)]
    pub active: bool,
    /// The currency, in small letters.
    #[serde(default)]
    pub currency: String,
    /// In hundredths, where it is a whole number of them.
    pub unit_amount: Option<i64>,
    /// How often.
    pub recurring: Option<Recurring>,
    /// `inclusive`, `exclusive` or `unspecified`.
    pub tax_behavior: Option<String>,
}

/// How often a price is paid.
#[derive(Debug, Clone, Deserialize)]
pub struct Recurring {
    /// `month` and others.
    pub interval: String,
    /// Of how many of them.
    pub interval_count: u32,
}

/// A checkout.
#[derive(Debug, Clone, Deserialize)]
pub struct Checkout {
    /// cs_…
    pub id: Id,
    /// `open`, `complete` or `expired`.
    pub status: Option<String>,
    /// Where it is paid, while it is open.
    pub url: Option<String>,
}

impl Checkout {
    /// Where it can be paid.
    #[must_use]
    pub fn open_url(&self) -> Option<&str> {
        self.url
            .as_deref()
            .filter(|_| self.status.as_deref() == Some("open"))
    }
}

/// The pages of a customer.
#[derive(Debug, Clone, Deserialize)]
pub struct Portal {
    /// Where they are, for a few minutes.
    pub url: String,
}

/// What somebody pays for, again and again.
#[derive(Debug, Clone, Deserialize)]
pub struct Subscription {
    /// sub_…
    pub id: Id,
    /// Where it stands, as Stripe spells it.
    pub status: String,
    /// Whether money moves.
    pub livemode: bool,
    /// When it was made.
    pub created: Moment,
    /// When it began.
    pub start_date: Option<Moment>,
    /// When it will end.
    pub cancel_at: Option<Moment>,
    /// Whether it ends with the time that is paid.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// What it is for.
    pub items: Page<Item>,
}

/// A part of a subscription.
#[derive(Debug, Clone, Deserialize)]
pub struct Item {
    /// si_…
    pub id: Id,
    /// What it costs.
    pub price: Priced,
    /// The end of the time that runs, paid or not. A subscription has none of its own since 2025-03-31.
    pub current_period_end: Option<Moment>,
}

/// A price of which nothing but the id is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Priced(pub Id);

/// What was asked for.
#[derive(Debug, Clone, Deserialize)]
pub struct Invoice {
    /// in_…
    pub id: Id,
    /// When it was made.
    pub created: Moment,
    /// Its lines; the first ten, and ours have fewer.
    pub lines: Page<Line>,
}

/// A line of an invoice.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// In hundredths; what is given back is below zero.
    pub amount: i64,
    /// The time that it is for.
    pub period: Period,
    /// What was sold.
    pub pricing: Option<Pricing>,
}

/// From when to when.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Period {
    /// Its first moment.
    pub start: Moment,
    /// The first moment that it does not hold.
    pub end: Moment,
}

/// What a line is of.
#[derive(Debug, Clone, Deserialize)]
pub struct Pricing {
    /// The price, where it is one.
    pub price_details: Option<PriceDetails>,
}

/// The price of a line.
#[derive(Debug, Clone, Deserialize)]
pub struct PriceDetails {
    /// price_…
    pub price: Id,
}

impl Line {
    /// The id of its price.
    #[must_use]
    pub fn price(&self) -> Option<&str> {
        let details = self.pricing.as_ref()?.price_details.as_ref()?;
        Some(&details.price.0)
    }
}

/// What an invoice that does not exist would ask for.
#[derive(Debug, Clone, Deserialize)]
pub struct Preview {
    /// In hundredths, tax included; nothing where something would be left over.
    pub amount_due: i64,
    /// The currency, in small letters.
    pub currency: String,
}

/// By what an invoice was paid.
#[derive(Debug, Clone, Deserialize)]
pub struct InvoicePayment {
    /// The payment.
    pub payment: Payment,
}

/// A payment.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// pi_…, where it is one of Stripe's.
    pub payment_intent: Option<Id>,
}

/// Money that goes back.
#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    /// re_…
    pub id: Id,
}

/// Something that has happened at Stripe. Of what it happened to only the customer is read: it is asked for anew.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// evt_…
    pub id: Id,
    /// What it is.
    pub r#type: String,
    /// Whether money moves.
    #[serde(default)]
    pub livemode: bool,
    #[serde(default)]
    data: Option<EventData>,
}

#[derive(Debug, Clone, Deserialize)]
struct EventData {
    object: serde_json::Value,
}

impl Event {
    /// Whose it is, where it is somebody's.
    #[must_use]
    pub fn customer(&self) -> Option<String> {
        let object = &self.data.as_ref()?.object;
        let id = match object.get("object")?.as_str()? {
            "customer" => object.get("id")?,
            _ => match object.get("customer")? {
                customer @ serde_json::Value::Object(_) => customer.get("id")?,
                customer => customer,
            },
        };
        let id = id.as_str()?;
        is_id(id).then(|| id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_read_alone_or_out_of_its_object_and_nothing_else_is_one() {
        for (value, id) in [
            (json!("cus_1"), Some("cus_1")),
            (json!({ "id": "cus_1", "object": "customer" }), Some("cus_1")),
            (json!("../../v1/refunds"), None),
            (json!(""), None),
            (json!(1), None),
        ] {
            let read = serde_json::from_value::<Id>(value.clone()).ok();
            assert_eq!(read.map(|id| id.0).as_deref(), id, "{value}");
        }
    }

    #[test]
    fn an_event_tells_whose_it_is_whatever_it_is_about() {
        let event = |object: serde_json::Value| -> Event {
            serde_json::from_value(
                json!({ "id": "evt_1", "type": "x", "livemode": false, "data": { "object": object } }),
            )
            .unwrap()
        };
        for (object, customer) in [
            (json!({ "object": "customer", "id": "cus_1" }), Some("cus_1")),
            (
                json!({ "object": "subscription", "customer": "cus_1" }),
                Some("cus_1"),
            ),
            (
                json!({ "object": "invoice", "customer": { "id": "cus_1" } }),
                Some("cus_1"),
            ),
            (json!({ "object": "invoice", "customer": null }), None),
            (json!({ "object": "balance" }), None),
            (json!([]), None),
        ] {
            assert_eq!(event(object.clone()).customer().as_deref(), customer, "{object}");
        }
        let thin: Event = serde_json::from_value(json!({ "id": "evt_2", "type": "v2.x" })).unwrap();
        assert_eq!(thin.customer(), None);
    }
}
