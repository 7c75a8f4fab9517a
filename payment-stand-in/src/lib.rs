//! A stand-in for Stripe: the part of its API that MixLens calls, the two pages that it leads people to, and its events, signed. It is
//! stricter than Stripe where that finds mistakes: what it is not told of, it refuses, and whatever makes or charges something needs an
//! idempotency key.
//!
//! Time is the machine's, moved by [`StandIn::advance`]. Cards, outages and slowness are as the test says. Trap: it draws up no invoice
//! by itself; [`StandIn::renew`] does.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is part of tests, which fail where it is used wrongly"
)]

mod api;
mod hosted;
mod world;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::Router;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use world::World;
pub use world::{Card, Ending, Refunded};

/// The version of the API that it speaks.
pub const API_VERSION: &str = "2026-10-28.endive";
/// The only key that it takes.
pub const KEY: &str = "sk_test_standin";
/// What it signs events with.
pub const SIGNING_SECRET: &str = "whsec_standin";
/// The prices that it has.
pub const PRICE_PRO: &str = "price_pro";
/// See [`PRICE_PRO`].
pub const PRICE_STUDIO: &str = "price_studio";
/// A month of the stand-in, in seconds.
pub const MONTH: i64 = 30 * 86_400;

/// How the invoices of a subscription are drawn up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BillingMode {
    /// As new subscriptions are.
    #[default]
    Flexible,
    /// As they were before.
    Classic,
}

/// A running stand-in; it listens until it is dropped.
#[derive(Debug)]
pub struct StandIn {
    /// Where it listens.
    pub url: String,
    site: Site,
    listening: tokio::task::JoinHandle<()>,
}

/// What handlers are given.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    world: Arc<Mutex<World>>,
    url: String,
}

impl Site {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// An event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEvent {
    /// evt_…
    pub id: String,
    /// What it is.
    pub kind: String,
    /// The body, byte by byte.
    pub body: String,
}

impl StandIn {
    /// Listens on a free port of this machine.
    pub async fn start() -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens on `address`.
    pub async fn listen(address: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let site = Site {
            world: Arc::new(Mutex::new(World::default())),
            url: url.clone(),
        };
        let app = Router::new()
            .merge(api::routes())
            .merge(hosted::routes())
            .with_state(site.clone());
        let listening = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, site, listening }
    }

    /// The settings with which MixLens sells at this stand-in.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 8] {
        [
            ("billing.stripe_key", KEY.to_owned()),
            ("billing.stripe_signing_secret", SIGNING_SECRET.to_owned()),
            ("billing.stripe_api", self.url.clone()),
            ("billing.hosted_pages", self.url.clone()),
            ("billing.tax", "stripe_tax".to_owned()),
            ("billing.pro.price", PRICE_PRO.to_owned()),
            ("billing.studio.price", PRICE_STUDIO.to_owned()),
            ("billing.currency", "eur".to_owned()),
        ]
    }

    /// Moves its clock forward.
    pub fn advance(&self, span: Duration) {
        self.site.world().advance(span);
    }

    /// Whether its API answers at all; its pages do in any case.
    pub fn set_outage(&self, is_away: bool) {
        self.site.world().is_away = is_away;
    }

    /// How long each answer of its API takes.
    pub fn set_delay(&self, delay: Duration) {
        self.site.world().delay = delay;
    }

    /// What becomes of payments from now on.
    pub fn set_card(&self, card: Card) {
        self.site.world().card = card;
    }

    /// How invoices are drawn up from now on.
    pub fn set_billing_mode(&self, mode: BillingMode) {
        self.site.world().billing_mode = mode;
    }

    /// Changes what a price costs, as somebody in Stripe's dashboard would.
    pub fn set_price(&self, price: &str, cents: i64) {
        self.site.world().set_price(price, cents);
    }

    /// Pays the checkout that `address` leads to, as its page does.
    pub fn pay(&self, address: &str) {
        let session = address.rsplit('/').next().unwrap().to_owned();
        self.site
            .world()
            .complete(&session)
            .expect("the checkout is open");
    }

    /// The paid time of the only running subscription is over: draws up the next invoice and takes the money, if the card gives any.
    pub fn renew(&self) {
        self.site.world().renew();
    }

    /// Tries the open invoice again; whether it is paid now.
    pub fn retry(&self) -> bool {
        self.site.world().retry()
    }

    /// The last try has failed, too, or the time of a cancelled subscription is over.
    pub fn end(&self, ending: Ending) {
        self.site.world().end(ending);
    }

    /// Buys a second subscription for the customer of the first, as two open checkouts could.
    pub fn buy_again(&self, price: &str) {
        self.site.world().buy_again(price);
    }

    /// Deletes all customers, as somebody in Stripe's dashboard would.
    pub fn delete_customers(&self) {
        self.site.world().delete_customers();
    }

    /// What was given back so far.
    #[must_use]
    pub fn refunds(&self) -> Vec<Refunded> {
        self.site.world().refunds.clone()
    }

    /// The customers that there are, deleted ones left out.
    #[must_use]
    pub fn customers(&self) -> Vec<Value> {
        self.site.world().customers()
    }

    /// All subscriptions, the newest first.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Value> {
        self.site.world().subscriptions()
    }

    /// How often each call was made, as `POST /v1/customers`.
    #[must_use]
    pub fn calls(&self, call: &str) -> usize {
        let world = self.site.world();
        world.calls.iter().filter(|made| *made == call).count()
    }

    /// The events since they were taken last, in the order in which they happened.
    #[must_use]
    pub fn take_events(&self) -> Vec<SignedEvent> {
        std::mem::take(&mut self.site.world().events)
    }

    /// The header with which an event is sent at this moment.
    #[must_use]
    pub fn sign(&self, body: &str) -> String {
        signature(body, self.site.world().now())
    }

    /// Sends its events to `url` as they happen, until it is dropped: for a program in another process.
    pub fn deliver_to(&self, url: String) {
        let site = self.site.clone();
        tokio::spawn(async move {
            let http = reqwest::Client::new();
            loop {
                let events = std::mem::take(&mut site.world().events);
                for event in events {
                    let at = site.world().now();
                    let request = http
                        .post(&url)
                        .header("stripe-signature", signature(&event.body, at))
                        .header("content-type", "application/json")
                        .body(event.body);
                    // As at Stripe: one that does not arrive is not the end of the others.
                    let _ = request.send().await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// `t=…,v1=…`, by Stripe's documentation and apart from what MixLens checks it with.
fn signature(body: &str, at: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}
