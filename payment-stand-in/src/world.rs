//! What there is at Stripe, and what happens there.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{BillingMode, MONTH, PRICE_PRO, PRICE_STUDIO, SignedEvent};

/// What becomes of payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Card {
    /// They are paid.
    #[default]
    Pays,
    /// They are declined.
    Declines,
}

/// How a subscription ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is over.
    Canceled,
    /// It stays, and nobody tries to be paid any more.
    Unpaid,
}

/// Money that went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// The payment.
    pub payment_intent: String,
    /// In hundredths.
    pub cents: i64,
}

#[derive(Debug, Clone)]
struct Price {
    cents: i64,
}

/// Of a request with an idempotency key: what it was, and what it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) answer: Value,
}

#[derive(Debug)]
pub(crate) struct World {
    ahead: Duration,
    pub(crate) is_away: bool,
    pub(crate) delay: Duration,
    pub(crate) card: Card,
    pub(crate) billing_mode: BillingMode,
    numbers: u64,
    prices: BTreeMap<String, Price>,
    customers: BTreeMap<String, Value>,
    pub(crate) sessions: Vec<Value>,
    pub(crate) portals: BTreeMap<String, (String, String)>,
    subscriptions: Vec<Value>,
    invoices: Vec<Value>,
    /// By payment intent: its invoice and what was paid.
    payments: BTreeMap<String, (String, i64)>,
    pub(crate) refunds: Vec<Refunded>,
    pub(crate) done: BTreeMap<String, Done>,
    pub(crate) events: Vec<SignedEvent>,
    pub(crate) calls: Vec<String>,
}

impl Default for World {
    fn default() -> Self {
        let prices = [(PRICE_PRO, 900), (PRICE_STUDIO, 2900)];
        Self {
            ahead: Duration::ZERO,
            is_away: false,
            delay: Duration::ZERO,
            card: Card::default(),
            billing_mode: BillingMode::default(),
            numbers: 0,
            prices: prices
                .map(|(id, cents)| (id.to_owned(), Price { cents }))
                .into_iter()
                .collect(),
            customers: BTreeMap::new(),
            sessions: Vec::new(),
            portals: BTreeMap::new(),
            subscriptions: Vec::new(),
            invoices: Vec::new(),
            payments: BTreeMap::new(),
            refunds: Vec::new(),
            done: BTreeMap::new(),
            events: Vec::new(),
            calls: Vec::new(),
        }
    }
}

/// Why something is refused: status, code, words.
pub(crate) type Refused = (u16, &'static str, &'static str);

impl World {
    /// In seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "it is a program of its own, with a clock that is not MixLens'"
        )]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.ahead;
        i64::try_from(now.as_secs()).unwrap()
    }

    pub(crate) fn advance(&mut self, span: Duration) {
        self.ahead += span;
    }

    pub(crate) fn id(&mut self, kind: &str) -> String {
        self.numbers += 1;
        format!("{kind}_standin{:06}", self.numbers)
    }

    pub(crate) fn set_price(&mut self, price: &str, cents: i64) {
        self.prices.insert(price.to_owned(), Price { cents });
    }

    pub(crate) fn price(&self, id: &str) -> Option<Value> {
        let price = self.prices.get(id)?;
        Some(json!({
            "id": id, "object": "price", "active": true, "currency": "eur", "unit_amount": price.cents, "livemode": false,
            "recurring": { "interval": "month", "interval_count": 1 }, "tax_behavior": "inclusive", "type": "recurring",
        }))
    }

    fn emit(&mut self, kind: &str, object: &Value) {
        let id = self.id("evt");
        let body = json!({
            "id": id, "object": "event", "type": kind, "created": self.now(), "livemode": false,
            "api_version": crate::API_VERSION, "data": { "object": object },
        });
        self.events.push(SignedEvent {
            id,
            kind: kind.to_owned(),
            body: body.to_string(),
        });
    }

    pub(crate) fn create_customer(&mut self, email: &str, account: &str) -> Value {
        let id = self.id("cus");
        let customer = json!({
            "id": id, "object": "customer", "email": email, "metadata": { "account": account }, "livemode": false,
            "created": self.now(),
        });
        self.customers.insert(id, customer.clone());
        self.emit("customer.created", &customer);
        customer
    }

    pub(crate) fn customer(&self, id: &str) -> Option<&Value> {
        self.customers.get(id)
    }

    pub(crate) fn set_email(&mut self, id: &str, email: &str) -> Option<Value> {
        let customer = self.customers.get_mut(id)?;
        customer["email"] = email.into();
        Some(customer.clone())
    }

    pub(crate) fn customers(&self) -> Vec<Value> {
        let is_there = |customer: &&Value| customer["deleted"] != true;
        self.customers.values().filter(is_there).cloned().collect()
    }

    /// Ends the subscriptions of a customer and forgets everything but the id; whether there was one.
    pub(crate) fn delete_customer(&mut self, id: &str) -> bool {
        if self
            .customers
            .get(id)
            .is_none_or(|customer| customer["deleted"] == true)
        {
            return false;
        }
        let running: Vec<String> = self
            .subscriptions
            .iter()
            .filter(|subscription| subscription["customer"] == id && subscription["status"] != "canceled")
            .map(|subscription| text(subscription, "id"))
            .collect();
        for subscription in running {
            self.cancel_now(&subscription);
        }
        let gone = json!({ "id": id, "object": "customer", "deleted": true });
        self.customers.insert(id.to_owned(), gone.clone());
        self.emit("customer.deleted", &gone);
        true
    }

    pub(crate) fn delete_customers(&mut self) {
        for id in self.customers.keys().cloned().collect::<Vec<_>>() {
            self.delete_customer(&id);
        }
    }

    pub(crate) fn subscriptions(&self) -> Vec<Value> {
        self.subscriptions.iter().rev().cloned().collect()
    }

    pub(crate) fn invoices_of(&self, subscription: &str) -> Vec<Value> {
        self.invoices
            .iter()
            .rev()
            .filter(|invoice| invoice["parent"]["subscription_details"]["subscription"] == subscription)
            .cloned()
            .collect()
    }

    pub(crate) fn payments_of(&self, invoice: &str) -> Vec<Value> {
        self.payments
            .iter()
            .filter(|(_, (of, _))| of == invoice)
            .map(|(intent, (_, cents))| {
                json!({
                    "id": format!("inpay_{intent}"), "object": "invoice_payment", "amount_paid": cents, "status": "paid",
                    "invoice": invoice, "livemode": false, "payment": { "type": "payment_intent", "payment_intent": intent },
                })
            })
            .collect()
    }

    pub(crate) fn refund(&mut self, intent: &str) -> Result<Value, Refused> {
        let Some((_, cents)) = self.payments.get(intent).cloned() else {
            return Err((404, "resource_missing", "No such payment_intent"));
        };
        if self.refunds.iter().any(|refund| refund.payment_intent == intent) {
            return Err((
                400,
                "charge_already_refunded",
                "Charge has already been refunded.",
            ));
        }
        self.refunds.push(Refunded {
            payment_intent: intent.to_owned(),
            cents,
        });
        let id = self.id("re");
        Ok(
            json!({ "id": id, "object": "refund", "amount": cents, "payment_intent": intent, "status": "succeeded" }),
        )
    }

    pub(crate) fn session(&self, id: &str) -> Option<Value> {
        self.sessions.iter().find(|session| session["id"] == id).cloned()
    }

    pub(crate) fn expire(&mut self, id: &str) -> Result<Value, Refused> {
        let session = self
            .sessions
            .iter_mut()
            .find(|session| session["id"] == id)
            .ok_or((404, "resource_missing", "No such checkout.session"))?;
        if session["status"] != "open" {
            return Err((400, "resource_not_open", "Only open sessions can be expired."));
        }
        session["status"] = "expired".into();
        session["url"] = Value::Null;
        Ok(session.clone())
    }

    /// Somebody pays a checkout.
    pub(crate) fn complete(&mut self, id: &str) -> Result<Value, &'static str> {
        let session = self.session(id).ok_or("There is no such checkout.")?;
        if session["status"] != "open" {
            return Err("This checkout is over.");
        }
        if self.card == Card::Declines {
            return Err("Your card was declined.");
        }
        let subscription = self.subscribe(&text(&session, "customer"), &text(&session, "price"));
        let stored = self.sessions.iter_mut().find(|session| session["id"] == id);
        let stored = stored.expect("it is there");
        stored["status"] = "complete".into();
        stored["url"] = Value::Null;
        stored["subscription"] = subscription.into();
        let completed = stored.clone();
        self.emit("checkout.session.completed", &completed);
        Ok(completed)
    }

    pub(crate) fn buy_again(&mut self, price: &str) {
        let customer = text(self.subscriptions.last().expect("a subscription"), "customer");
        self.subscribe(&customer, price);
    }

    fn subscribe(&mut self, customer: &str, price: &str) -> String {
        let (id, item, now) = (self.id("sub"), self.id("si"), self.now());
        let mode = match self.billing_mode {
            BillingMode::Flexible => "flexible",
            BillingMode::Classic => "classic",
        };
        let subscription = json!({
            "id": id, "object": "subscription", "customer": customer, "status": "active", "livemode": false,
            "created": now, "start_date": now, "cancel_at": null, "cancel_at_period_end": false, "ended_at": null,
            "billing_mode": { "type": mode },
            "items": { "object": "list", "data": [{
                "id": item, "object": "subscription_item", "price": self.price(price),
                "current_period_start": now, "current_period_end": now + MONTH,
            }] },
        });
        self.subscriptions.push(subscription.clone());
        let cents = self.cents(price);
        self.invoice(&id, vec![line(cents, price, now, now + MONTH)], true);
        self.emit("customer.subscription.created", &subscription);
        id
    }

    fn cents(&self, price: &str) -> i64 {
        self.prices.get(price).expect("a price of the stand-in").cents
    }

    /// Draws up an invoice and takes the money, where `is_paid`.
    fn invoice(&mut self, subscription: &str, lines: Vec<Value>, is_paid: bool) -> String {
        let id = self.id("in");
        let total: i64 = lines.iter().map(|line| line["amount"].as_i64().unwrap()).sum();
        let customer = text(self.find(subscription), "customer");
        let invoice = json!({
            "id": id, "object": "invoice", "customer": customer, "created": self.now(), "livemode": false, "currency": "eur",
            "status": if is_paid { "paid" } else { "open" }, "amount_due": total, "total": total,
            "parent": { "type": "subscription_details", "subscription_details": { "subscription": subscription } },
            "lines": { "object": "list", "data": lines },
        });
        self.invoices.push(invoice.clone());
        if is_paid {
            let intent = self.id("pi");
            self.payments.insert(intent, (id.clone(), total));
            self.emit("invoice.paid", &invoice);
        } else {
            self.emit("invoice.payment_failed", &invoice);
        }
        id
    }

    fn find(&mut self, subscription: &str) -> &mut Value {
        self.subscriptions
            .iter_mut()
            .find(|known| known["id"] == subscription)
            .expect("a subscription of the stand-in")
    }

    fn running(&self) -> String {
        let running: Vec<&Value> = self
            .subscriptions
            .iter()
            .filter(|subscription| subscription["status"] != "canceled")
            .collect();
        let [running] = running[..] else {
            panic!("one subscription runs: {running:?}");
        };
        text(running, "id")
    }

    fn updated(&mut self, subscription: &str) {
        let object = self.find(subscription).clone();
        self.emit("customer.subscription.updated", &object);
    }

    pub(crate) fn renew(&mut self) {
        let id = self.running();
        let is_paid = self.card == Card::Pays;
        let subscription = self.find(&id);
        if subscription["cancel_at_period_end"] == true {
            return self.end(Ending::Canceled);
        }
        let item = &mut subscription["items"]["data"][0];
        let from = item["current_period_end"].as_i64().unwrap();
        item["current_period_start"] = from.into();
        item["current_period_end"] = (from + MONTH).into();
        let price = text(&item["price"], "id");
        if !is_paid {
            subscription["status"] = "past_due".into();
        }
        let cents = self.cents(&price);
        self.invoice(&id, vec![line(cents, &price, from, from + MONTH)], is_paid);
        self.updated(&id);
    }

    pub(crate) fn retry(&mut self) -> bool {
        let id = self.running();
        let Some(at) = self
            .invoices
            .iter()
            .rposition(|invoice| invoice["status"] == "open")
        else {
            return true;
        };
        if self.card == Card::Declines {
            let invoice = self.invoices[at].clone();
            self.emit("invoice.payment_failed", &invoice);
            return false;
        }
        self.invoices[at]["status"] = "paid".into();
        let invoice = self.invoices[at].clone();
        let intent = self.id("pi");
        let cents = invoice["total"].as_i64().unwrap();
        self.payments.insert(intent, (text(&invoice, "id"), cents));
        self.find(&id)["status"] = "active".into();
        self.emit("invoice.paid", &invoice);
        self.updated(&id);
        true
    }

    pub(crate) fn end(&mut self, ending: Ending) {
        let id = self.running();
        match ending {
            Ending::Canceled => {
                self.cancel_now(&id);
            }
            Ending::Unpaid => {
                self.find(&id)["status"] = "unpaid".into();
                self.updated(&id);
            }
        }
    }

    /// The subscription, ended; `None` where it has ended before, or there is none.
    pub(crate) fn cancel_now(&mut self, id: &str) -> Option<Value> {
        let now = self.now();
        let subscription = self
            .subscriptions
            .iter_mut()
            .find(|known| known["id"] == id && known["status"] != "canceled")?;
        subscription["status"] = "canceled".into();
        subscription["ended_at"] = now.into();
        let ended = subscription.clone();
        self.emit("customer.subscription.deleted", &ended);
        Some(ended)
    }

    pub(crate) fn set_cancel(&mut self, id: &str, cancels: bool) -> Value {
        let subscription = self.find(id);
        subscription["cancel_at_period_end"] = cancels.into();
        let end = subscription["items"]["data"][0]["current_period_end"].clone();
        subscription["cancel_at"] = if cancels { end } else { Value::Null };
        self.updated(id);
        self.find(id).clone()
    }

    pub(crate) fn subscription(&self, id: &str) -> Option<Value> {
        self.subscriptions.iter().find(|known| known["id"] == id).cloned()
    }

    /// What changing to `price` at this moment gives back and charges.
    pub(crate) fn proration(&self, id: &str, price: &str) -> Vec<Value> {
        let subscription = self.subscription(id).expect("a subscription of the stand-in");
        let item = &subscription["items"]["data"][0];
        let (from, until) = (
            item["current_period_start"].as_i64().unwrap(),
            item["current_period_end"].as_i64().unwrap(),
        );
        let now = self.now().clamp(from, until);
        let share = |cents: i64| cents * (until - now) / (until - from);
        let former = text(&item["price"], "id");
        let back = line(-share(self.cents(&former)), &former, now, until);
        let charge = line(share(self.cents(price)), price, now, until);
        match self.billing_mode {
            BillingMode::Flexible => vec![back, charge],
            BillingMode::Classic => vec![charge, back],
        }
    }

    /// Changes the price, and draws up an invoice of the difference where `is_invoiced`: it is paid or nothing changes.
    pub(crate) fn change_price(
        &mut self,
        id: &str,
        price: &str,
        is_invoiced: bool,
    ) -> Result<Value, Refused> {
        if is_invoiced {
            if self.card == Card::Declines {
                return Err((402, "card_declined", "Your card was declined."));
            }
            let lines = self.proration(id, price);
            self.invoice(id, lines, true);
        }
        let object = self.price(price);
        self.find(id)["items"]["data"][0]["price"] = object.into();
        self.updated(id);
        Ok(self.find(id).clone())
    }
}

fn line(cents: i64, price: &str, from: i64, until: i64) -> Value {
    json!({
        "object": "line_item", "amount": cents, "currency": "eur", "period": { "start": from, "end": until },
        "pricing": { "type": "price_details", "price_details": { "price": price, "product": "prod_standin" } },
        "parent": { "type": "subscription_item_details", "subscription_item_details": { "proration": cents < 0 } },
    })
}

/// A member that is a text.
pub(crate) fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_default().to_owned()
}
