//! A small client of Stripe: the calls that we need, their answers as tolerant structs, and the signatures of its events.
//!
//! Why none of the crates: `docs/adr/0013-a-small-client-of-stripe.md`. The version of Stripe's API is pinned, and structs hold the
//! members that are read and no others. Whatever makes or charges something carries an idempotency key that its caller has
//! stored, so that a call may be sent again. Trap: Stripe's own words name people and cards, so none is kept or logged; of a refusal
//! there is its status and its code.

pub mod objects;
pub mod signature;

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use self::objects::{
    Checkout, Customer, Deleted, Invoice, InvoicePayment, Page, Portal, Preview, Price, Refund, Subscription,
};
use crate::{
    Error, Result,
    config::{Billing, Tax},
    redact::LogSafe,
};

/// The version of the API that we read and write; the endpoint of events is made with the same.
pub const API_VERSION: &str = "2026-10-28.endive";

/// How long one try may take, and how often a call is sent. All of it is less than a job has.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(300);

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The most objects of a list that are read; nobody has as many subscriptions, or open checkouts.
const LIST: &str = "100";

model::text_enum! {
    /// Whether money moves. Stripe keeps the objects of both apart.
    pub enum Mode {
        /// It does.
        Live = "live",
        /// It does not.
        Test = "test",
    }
}

crate::db::text! { Mode }

impl Mode {
    /// As objects and events of Stripe say it.
    #[must_use]
    pub const fn of_livemode(livemode: bool) -> Self {
        if livemode { Self::Live } else { Self::Test }
    }
}

/// Asks Stripe. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    api: String,
    key: SecretString,
    mode: Mode,
}

/// A call that failed. What it says may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// There was no answer that could be read, or one that asks to come back.
    #[error("{0}")]
    Away(&'static str),
    /// It answered that it will not.
    #[error("refused with {status}, {code}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// Stripe's code for the reason, or its type of error; see <https://docs.stripe.com/error-codes>.
        code: String,
    },
}

impl LogSafe for StripeError {
    fn log_text(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl StripeError {
    /// Whether there is no such object.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. }) || self.has_code("resource_missing")
    }

    /// Whether a payment was needed and did not come about: the card was declined, or its bank wants to ask its owner.
    #[must_use]
    pub const fn is_unpaid(&self) -> bool {
        matches!(self, Self::Refused { status: 402, .. })
    }

    /// Whether Stripe gave this code.
    #[must_use]
    pub fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

/// A key of ours that is refused is repaired by the operator, as a Stripe that is away is by itself: both wait.
impl From<StripeError> for Error {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::Away(_) => Self::Unavailable {
                what: "Stripe",
                source: error.into(),
            },
            StripeError::Refused {
                status: 401 | 403, ..
            } => {
                tracing::error!(%error, "Stripe refuses us: is billing.stripe_key right, and may it do this?");
                Self::Unavailable {
                    what: "Stripe",
                    source: error.into(),
                }
            }
            StripeError::Refused { .. } => Self::internal(error),
        }
    }
}

/// What a checkout is for.
#[derive(Debug, Clone, Copy)]
pub struct NewCheckout<'a> {
    /// The customer who buys.
    pub customer: &'a str,
    /// The id of the price.
    pub price: &'a str,
    /// Who sees to the tax.
    pub tax: Tax,
    /// Where Stripe leads on after the payment.
    pub success_url: &'a str,
    /// Where it leads when nothing is bought.
    pub cancel_url: &'a str,
}

/// What of a subscription is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Another price from this moment on, and the difference is paid now or nothing changes.
    Upgrade {
        /// The item of the subscription.
        item: &'a str,
        /// The id of the new price.
        price: &'a str,
    },
    /// Another price from the next invoice on.
    Downgrade {
        /// The item of the subscription.
        item: &'a str,
        /// The id of the new price.
        price: &'a str,
    },
    /// It ends with the time that is paid.
    Cancel,
    /// It goes on after all.
    Resume,
}

type Fields<'a> = Vec<(&'a str, String)>;

impl Stripe {
    /// By the settings; `None` where nothing is sold.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(config: &Billing) -> Result<Option<Self>> {
        if !config.is_set_up() {
            return Ok(None);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            // Nothing but Stripe itself is talked to.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| Error::internal("the client of Stripe cannot be set up"))?;
        Ok(Some(Self {
            http,
            api: config.stripe_api.trim_end_matches('/').to_owned(),
            mode: Mode::of_livemode(config.stripe_key.expose_secret().contains("_live_")),
            key: config.stripe_key.clone(),
        }))
    }

    /// The mode of our key.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Makes a customer for an account. Of the person Stripe is told the address alone.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn create_customer(
        &self,
        email: &str,
        account: &str,
        operation: &str,
    ) -> Result<Customer, StripeError> {
        let fields = vec![
            ("email", email.to_owned()),
            ("metadata[account]", account.to_owned()),
        ];
        self.post("/v1/customers", fields, Some(operation)).await
    }

    /// The customers that were made for an account, the last minute's left out: Stripe indexes them by and by.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn customers_of(&self, account: &str) -> Result<Vec<Customer>, StripeError> {
        let query = format!("metadata['account']:'{account}'");
        let page: Page<Customer> = self.get("/v1/customers/search", vec![("query", query)]).await?;
        Ok(page.data)
    }

    /// A customer as it is now.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn customer(&self, customer: &str) -> Result<Customer, StripeError> {
        self.get(&format!("/v1/customers/{customer}"), Vec::new()).await
    }

    /// Tells Stripe the new address of a customer.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn set_email(&self, customer: &str, email: &str) -> Result<Customer, StripeError> {
        self.post(
            &format!("/v1/customers/{customer}"),
            vec![("email", email.to_owned())],
            None,
        )
        .await
    }

    /// Deletes a customer, which ends their subscriptions at once.
    ///
    /// # Errors
    /// Stripe is away or refuses; one that is gone already is no error.
    pub async fn delete_customer(&self, customer: &str) -> Result<(), StripeError> {
        let path = format!("/v1/customers/{customer}");
        match self
            .send::<Deleted>(Method::DELETE, &path, Vec::new(), None)
            .await
        {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// A price.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn price(&self, price: &str) -> Result<Price, StripeError> {
        self.get(&format!("/v1/prices/{price}"), Vec::new()).await
    }

    /// Begins a checkout of one subscription.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn create_checkout(
        &self,
        new: NewCheckout<'_>,
        operation: &str,
    ) -> Result<Checkout, StripeError> {
        let mut fields = vec![
            ("mode", "subscription".to_owned()),
            ("customer", new.customer.to_owned()),
            ("line_items[0][price]", new.price.to_owned()),
            ("line_items[0][quantity]", "1".to_owned()),
            ("success_url", new.success_url.to_owned()),
            ("cancel_url", new.cancel_url.to_owned()),
        ];
        match new.tax {
            Tax::None => {}
            Tax::StripeTax => fields.extend([
                ("automatic_tax[enabled]", "true".to_owned()),
                // What is typed at the checkout decides the tax, so the customer gets it.
                ("customer_update[address]", "auto".to_owned()),
                ("customer_update[name]", "auto".to_owned()),
                ("tax_id_collection[enabled]", "true".to_owned()),
            ]),
            Tax::ManagedPayments => fields.push(("managed_payments[enabled]", "true".to_owned())),
        }
        self.post("/v1/checkout/sessions", fields, Some(operation)).await
    }

    /// A checkout as it is now.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn checkout(&self, id: &str) -> Result<Checkout, StripeError> {
        self.get(&format!("/v1/checkout/sessions/{id}"), Vec::new()).await
    }

    /// The checkouts of a customer that could still be paid.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn open_checkouts(&self, customer: &str) -> Result<Vec<Checkout>, StripeError> {
        let fields = vec![
            ("customer", customer.to_owned()),
            ("status", "open".to_owned()),
            ("limit", LIST.to_owned()),
        ];
        let page: Page<Checkout> = self.get("/v1/checkout/sessions", fields).await?;
        Ok(page.data)
    }

    /// Ends a checkout, so that it cannot be paid. One that is paid or over stays what it is.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn expire_checkout(&self, id: &str) -> Result<Checkout, StripeError> {
        self.post(&format!("/v1/checkout/sessions/{id}/expire"), Vec::new(), None)
            .await
    }

    /// Opens the pages on which a customer sees invoices and changes the card.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn create_portal(&self, customer: &str, return_url: &str) -> Result<Portal, StripeError> {
        let fields = vec![
            ("customer", customer.to_owned()),
            ("return_url", return_url.to_owned()),
        ];
        self.post("/v1/billing_portal/sessions", fields, None).await
    }

    /// All subscriptions of a customer, those that ended too, the newest first.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn subscriptions(&self, customer: &str) -> Result<Vec<Subscription>, StripeError> {
        let fields = vec![
            ("customer", customer.to_owned()),
            ("status", "all".to_owned()),
            ("limit", LIST.to_owned()),
        ];
        let page: Page<Subscription> = self.get("/v1/subscriptions", fields).await?;
        Ok(page.data)
    }

    /// Changes a subscription.
    ///
    /// # Errors
    /// Stripe is away or refuses; [`StripeError::is_unpaid`] where an upgrade could not be paid: nothing has changed then.
    pub async fn change_subscription(
        &self,
        subscription: &str,
        change: Change<'_>,
        operation: &str,
    ) -> Result<Subscription, StripeError> {
        let fields = match change {
            Change::Upgrade { item, price } => vec![
                ("items[0][id]", item.to_owned()),
                ("items[0][price]", price.to_owned()),
                ("proration_behavior", "always_invoice".to_owned()),
                ("payment_behavior", "error_if_incomplete".to_owned()),
            ],
            Change::Downgrade { item, price } => vec![
                ("items[0][id]", item.to_owned()),
                ("items[0][price]", price.to_owned()),
                ("proration_behavior", "none".to_owned()),
            ],
            Change::Cancel => vec![("cancel_at_period_end", "true".to_owned())],
            Change::Resume => vec![("cancel_at_period_end", "false".to_owned())],
        };
        let path = format!("/v1/subscriptions/{subscription}");
        self.post(&path, fields, Some(operation)).await
    }

    /// What an upgrade would cost at this moment.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn preview_upgrade(
        &self,
        subscription: &str,
        item: &str,
        price: &str,
    ) -> Result<Preview, StripeError> {
        let fields = vec![
            ("subscription", subscription.to_owned()),
            ("subscription_details[items][0][id]", item.to_owned()),
            ("subscription_details[items][0][price]", price.to_owned()),
            (
                "subscription_details[proration_behavior]",
                "always_invoice".to_owned(),
            ),
        ];
        self.post("/v1/invoices/create_preview", fields, None).await
    }

    /// Ends a subscription at once. One that has ended is no error.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn cancel_now(&self, subscription: &str) -> Result<(), StripeError> {
        let path = format!("/v1/subscriptions/{subscription}");
        match self
            .send::<Subscription>(Method::DELETE, &path, Vec::new(), None)
            .await
        {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// The paid invoices of a subscription, the newest first.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn paid_invoices(&self, subscription: &str) -> Result<Vec<Invoice>, StripeError> {
        let fields = vec![
            ("subscription", subscription.to_owned()),
            ("status", "paid".to_owned()),
            ("limit", LIST.to_owned()),
        ];
        let page: Page<Invoice> = self.get("/v1/invoices", fields).await?;
        Ok(page.data)
    }

    /// By what an invoice was paid.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn payments(&self, invoice: &str) -> Result<Vec<InvoicePayment>, StripeError> {
        let fields = vec![
            ("invoice", invoice.to_owned()),
            ("status", "paid".to_owned()),
            ("limit", LIST.to_owned()),
        ];
        let page: Page<InvoicePayment> = self.get("/v1/invoice_payments", fields).await?;
        Ok(page.data)
    }

    /// Gives a payment back. One that was given back already is no error.
    ///
    /// # Errors
    /// Stripe is away or refuses.
    pub async fn refund(&self, payment_intent: &str, operation: &str) -> Result<(), StripeError> {
        let fields = vec![("payment_intent", payment_intent.to_owned())];
        match self.post::<Refund>("/v1/refunds", fields, Some(operation)).await {
            Err(error) if !error.has_code("charge_already_refunded") => Err(error),
            _ => Ok(()),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, fields: Fields<'_>) -> Result<T, StripeError> {
        self.send(Method::GET, path, fields, None).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        fields: Fields<'_>,
        operation: Option<&str>,
    ) -> Result<T, StripeError> {
        self.send(Method::POST, path, fields, operation).await
    }

    /// One call, sent again where that may help. A POST without an operation does no harm when it is done twice.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        fields: Fields<'_>,
        operation: Option<&str>,
    ) -> Result<T, StripeError> {
        let fields = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&fields)
            .finish();
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let (error, helps) = match self.try_once(&method, path, &fields, operation).await {
                Ok(answer) => {
                    return serde_json::from_slice(&answer)
                        .map_err(|_| StripeError::Away("an answer that we cannot read"));
                }
                Err(failed) => failed,
            };
            if !helps || tries == TRIES {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            tries += 1;
        }
    }

    /// The answer, or why there is none and whether to ask again.
    async fn try_once(
        &self,
        method: &Method,
        path: &str,
        fields: &str,
        operation: Option<&str>,
    ) -> Result<Vec<u8>, (StripeError, bool)> {
        let is_form = *method == Method::POST;
        let url = if is_form || fields.is_empty() {
            format!("{}{path}", self.api)
        } else {
            format!("{}{path}?{fields}", self.api)
        };
        let mut request = self
            .http
            .request(method.clone(), url)
            .bearer_auth(self.key.expose_secret())
            .header("stripe-version", API_VERSION);
        if is_form {
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(fields.to_owned());
        }
        if let Some(operation) = operation {
            request = request.header("idempotency-key", operation);
        }
        let mut response = request.send().await.map_err(|error| (away(&error), true))?;
        let status = response.status();
        // Stripe says where it knows better.
        let advised = response
            .headers()
            .get("stripe-should-retry")
            .map(|advice| advice == "true");
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| (away(&error), true))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err((StripeError::Away("an answer that is too long"), false));
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        let is_passing = status.is_server_error()
            || matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS);
        let error = if is_passing {
            StripeError::Away("an answer that asks to come back")
        } else {
            StripeError::Refused {
                status: status.as_u16(),
                code: code_of(&body),
            }
        };
        Err((error, advised.unwrap_or(is_passing)))
    }
}

fn away(error: &reqwest::Error) -> StripeError {
    StripeError::Away(if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "it broke off"
    })
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    code: Option<String>,
    r#type: Option<String>,
}

/// Stripe's code for a refusal. It comes from a list of theirs; what does not look like it is not repeated.
fn code_of(body: &[u8]) -> String {
    let looks_like_one = |code: &String| {
        code.len() <= 60
            && code
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    serde_json::from_slice::<Refusal>(body)
        .ok()
        .and_then(|refusal| refusal.error.code.or(refusal.error.r#type))
        .filter(looks_like_one)
        .unwrap_or_else(|| "no code".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_there_is_a_code_and_never_somebody_elses_words() {
        for (body, code) in [
            (
                r#"{"error":{"code":"card_declined","message":"Ann's card was declined"}}"#,
                "card_declined",
            ),
            (
                r#"{"error":{"type":"invalid_request_error","message":"No such customer: ann@example.org"}}"#,
                "invalid_request_error",
            ),
            (r#"{"error":{"code":"ann@example.org"}}"#, "no code"),
            ("<html>", "no code"),
        ] {
            assert_eq!(code_of(body.as_bytes()), code, "{body}");
        }
    }

    #[test]
    fn what_is_away_waits_and_what_is_refused_is_our_fault() {
        let refused = |status| StripeError::Refused {
            status,
            code: "no code".to_owned(),
        };
        for (error, code) in [
            (
                StripeError::Away("no connection"),
                model::ProblemCode::Unavailable,
            ),
            (refused(401), model::ProblemCode::Unavailable),
            (refused(403), model::ProblemCode::Unavailable),
            (refused(400), model::ProblemCode::Internal),
        ] {
            assert_eq!(Error::from(error.clone()).code(), code, "{error}");
        }
    }
}
