//! Plans that are paid for, at a stand-in for Stripe: bought, renewed, not paid, changed, cancelled, withdrawn from, deleted.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use backend::{Scope, TokenKind, db::sql, plans};
use model::plan::Plan;
use payment_stand_in::{
    BillingMode, Card, Ending, KEY, PRICE_PRO, PRICE_STUDIO, SIGNING_SECRET, SignedEvent, StandIn,
};
use serde_json::{Value, json};

use crate::support::{Answer, Database, PASSWORD, Person, TestApp, fetch, mix, on_both_databases};

const ANN: &str = "ann@example.org";
const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

/// An installation that sells, and what it sells at.
struct Shop {
    app: TestApp,
    stripe: StandIn,
}

impl Shop {
    async fn open(database: Database) -> Self {
        let stripe = StandIn::start().await;
        let settings = stripe.settings();
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let app = TestApp::set_up(database, &settings, |_| {}).await;
        Self { app, stripe }
    }

    async fn with_ann(database: Database) -> (Self, Person) {
        let shop = Self::open(database).await;
        let ann = shop.app.signed_up(ANN).await;
        (shop, ann)
    }

    /// Time goes by, here and at Stripe.
    fn advance(&self, span: Duration) {
        self.app.clock.advance(span);
        self.stripe.advance(span);
    }

    /// Sends an event with this signature, over a real connection.
    async fn send(&self, body: &str, signature: &str) -> Answer {
        let headers = [
            ("stripe-signature", signature),
            ("content-type", "application/json"),
        ];
        let url = format!("{}/stripe/events", self.app.url);
        fetch(Method::POST, &url, &headers, body.as_bytes().to_vec()).await
    }

    /// Sends an event as Stripe does at this moment; it is taken.
    async fn deliver_one(&self, event: &SignedEvent) {
        let taken = self.send(&event.body, &self.stripe.sign(&event.body)).await;
        assert_eq!(taken.status, StatusCode::OK, "{}: {}", event.kind, taken.text());
    }

    /// Everything that has happened at Stripe arrives, and what follows from it is done.
    async fn deliver(&self) {
        for event in self.stripe.take_events() {
            self.deliver_one(&event).await;
        }
        self.app.run_jobs().await;
    }

    /// Presses the button that buys a plan; where it leads.
    async fn checkout(&self, person: &Person, plan: Plan) -> String {
        let begun = person
            .post("/account/billing/checkout", &[("plan", plan.as_str())])
            .await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text());
        let address = begun.header("location").to_owned();
        assert!(
            address.starts_with(&format!("{}/pay/", self.stripe.url)),
            "{address}"
        );
        address
    }

    /// Buys a plan, and all events arrive.
    async fn buy(&self, person: &Person, plan: Plan) {
        let address = self.checkout(person, plan).await;
        self.stripe.pay(&address);
        self.deliver().await;
        assert_eq!(self.plan().await, plan);
    }

    /// Ann's plan.
    async fn plan(&self) -> Plan {
        let plans = self
            .app
            .texts("SELECT plan FROM account WHERE email = 'ann@example.org'")
            .await;
        plans[0].parse().unwrap()
    }

    /// Ann's contract number, out of the email.
    async fn contract(&self) -> String {
        let email = self.app.email_to(ANN, "Your MixLens plan").await;
        let (_, rest) = email.text.split_once("contract number is ").unwrap();
        rest[.."ML-01234-ABCDE".len()].to_owned()
    }

    /// What came of the events so far, as (kind, result).
    async fn events(&self) -> Vec<(String, String)> {
        let select = sql("SELECT kind, result FROM billing_event ORDER BY received_at, id");
        self.app.backend.db.all(select).await.unwrap()
    }
}

/// A page without the marks between its texts.
async fn plain(person: &Person, page: &str) -> String {
    person.get(page).await.text().replace("<!>", "")
}

/// In how many hours after its upload the audio of the only file goes.
async fn delete_after(app: &TestApp) -> i64 {
    let select = sql("SELECT delete_after - stored_at FROM upload WHERE state = 'stored'");
    app.backend.db.one::<(i64,)>(select).await.unwrap().0 / 3_600_000
}

on_both_databases! {
    async fn p32_a_plan_is_bought_on_a_page_of_stripes_and_everything_follows_from_it(database) {
        let (shop, ann) = Shop::with_ann(database).await;
        ann.upload("Okapi.wav", mix()).await;
        shop.app.run_jobs().await;
        assert_eq!(delete_after(&shop.app).await, 24);
        let page = ann.get("/account/billing").await;
        assert!(page.text().contains("Buy Pro") && page.text().contains("This is a test"), "{}", page.text());
        let policy = page.header("content-security-policy");
        assert!(policy.contains(&format!("form-action 'self' {};", shop.stripe.url)), "{policy}");
        let elsewhere = ann.get("/history").await;
        assert!(elsewhere.header("content-security-policy").contains("form-action 'self';"));

        let address = shop.checkout(&ann, Plan::Pro).await;
        shop.deliver().await;
        assert_eq!(shop.plan().await, Plan::Free, "nothing is paid yet");
        shop.stripe.pay(&address);
        shop.deliver().await;
        assert_eq!(shop.plan().await, Plan::Pro);
        assert_eq!(delete_after(&shop.app).await, 720, "what is there is kept longer (P08)");
        let page = ann.get("/account/billing").await.text();
        for words in ["You are on <strong>Pro", "Contract", "Cancel the plan", "Withdraw from contract here", "Open card and invoices", "All prices include VAT."] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("Buy "), "one subscription is enough");
        let email = shop.app.email_to(ANN, "Your MixLens plan: Pro").await;
        assert!(email.text.contains("€9 a month") && email.text.contains("You may withdraw until"), "{}", email.text);
        assert!(page.contains(&shop.contract().await));

        // Of Stripe there is the number of the customer and the state of the subscription, of events no object.
        let stored = shop.app.everything_stored().await;
        for line in stored.lines().filter(|line| line.starts_with("billing_event")) {
            let row: Value = serde_json::from_str(line.split_once(": ").unwrap().1).unwrap();
            let members: Vec<&String> = row.as_object().unwrap().keys().collect();
            assert_eq!(members, ["id", "kind", "received_at", "result"]);
        }
        assert!(stored.contains("cus_standin") && !stored.contains(PRICE_PRO), "{stored}");
        let portal = ann.post("/account/billing/portal", &[]).await;
        assert!(portal.header("location").starts_with(&format!("{}/portal/", shop.stripe.url)));
    }

    async fn p14_a_deletion_ends_the_subscription_and_deletes_the_customer_also_through_an_outage(database) {
        let (shop, ann) = Shop::with_ann(database).await;
        shop.buy(&ann, Plan::Pro).await;
        // Beyond the time in which everything would be given back.
        shop.advance(25 * DAY);
        shop.stripe.set_outage(true);
        ann.post("/signin", &[("email", ANN), ("password", PASSWORD)]).await;
        let deleted = ann.post("/account/privacy/delete", &[("password", PASSWORD), ("sure", "on")]).await;
        assert_eq!(deleted.status, StatusCode::SEE_OTHER, "{}", deleted.text());
        shop.app.run_jobs().await;
        assert_eq!(shop.stripe.customers().len(), 1, "Stripe is away");
        for _ in 0..3 {
            shop.advance(27 * Duration::from_secs(3600));
            shop.app.run_periodic_work().await;
        }
        let waits = shop.app.texts("SELECT step FROM erasure_step WHERE done_at IS NULL").await;
        assert_eq!(waits, ["stripe_customer"], "it delays no other step, and is not given up");
        shop.stripe.set_outage(false);
        shop.advance(2 * Duration::from_secs(3600));
        shop.app.run_periodic_work().await;
        assert_eq!(shop.stripe.customers(), Vec::<Value>::new());
        assert_eq!(shop.stripe.subscriptions()[0]["status"], "canceled");
        assert_eq!(shop.stripe.refunds(), [], "the month was used");
        // What Stripe tells of it afterwards is about nobody.
        shop.deliver().await;
        let stored = shop.app.everything_stored().await;
        for trace in ["cus_standin", "sub_standin", ANN] {
            let found: Vec<&str> = stored.lines().filter(|line| line.contains(trace)).collect();
            assert!(found.is_empty(), "{trace} is still in {found:#?}");
        }
    }

    async fn a_withdrawal_on_day_3_gives_everything_back_signed_out_and_is_confirmed_at_once(database) {
        let (shop, ann) = Shop::with_ann(database).await;
        shop.buy(&ann, Plan::Studio).await;
        let contract = shop.contract().await;
        shop.advance(3 * DAY);
        let anon = shop.app.anon();
        let page = anon.get("/withdraw").await.text();
        assert!(page.contains("Withdraw from contract here</button>"), "{page}");
        for wrong in [("ann@example.org", "ML-00000-00000"), ("bob@example.org", contract.as_str()), ("", "")] {
            let refused = anon.post("/withdraw", &[("email", wrong.0), ("contract", wrong.1), ("step", "confirm")]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
            assert!(refused.text().contains("There is no contract with this number"));
        }
        let typed = contract.to_lowercase().replace('-', " ");
        let named = anon.post("/withdraw", &[("email", "Ann@Example.org"), ("contract", &typed)]).await;
        assert!(named.text().contains("Confirm withdrawal") && named.text().contains("Studio"), "{}", named.text());
        assert_eq!(shop.plan().await, Plan::Studio, "nothing has happened yet");
        let fields = [("email", ANN), ("contract", contract.as_str()), ("step", "confirm")];
        // Stripe is away: the withdrawal has arrived all the same.
        shop.stripe.set_outage(true);
        let confirmed = anon.post("/withdraw", &fields).await;
        assert!(confirmed.text().contains("We have received your withdrawal"), "{}", confirmed.text());
        assert_eq!(shop.plan().await, Plan::Free, "at once");
        shop.app.run_jobs().await;
        let email = shop.app.email_to(ANN, "We have received your withdrawal").await;
        let moment = model::text::date_time(shop.app.backend.now());
        assert!(email.text.contains(&moment) && email.text.contains(&contract), "{}", email.text);
        assert_eq!(shop.stripe.refunds(), []);
        // Sent again, it is the first one.
        shop.app.clock.advance(MINUTE);
        let again = anon.post("/withdraw", &fields).await;
        assert!(again.text().contains(&moment), "{}", again.text());
        shop.stripe.set_outage(false);
        shop.advance(Duration::from_secs(3600));
        shop.app.run_jobs().await;
        let refunds: Vec<i64> = shop.stripe.refunds().iter().map(|refund| refund.cents).collect();
        assert_eq!(refunds, [2900]);
        assert_eq!(shop.stripe.subscriptions()[0]["status"], "canceled");
        shop.deliver().await;
        assert_eq!((shop.plan().await, shop.app.emails_to(ANN, "Your MixLens plan has ended").await.len()), (Plan::Free, 0), "and is not told twice");
        // Who wants it after all buys it anew, with a contract of its own.
        shop.buy(&ann, Plan::Pro).await;
        assert_ne!(shop.contract().await, contract);
    }

    async fn two_tabs_buy_once(database) {
        let (shop, ann) = Shop::with_ann(database).await;
        let pro = shop.checkout(&ann, Plan::Pro).await;
        assert_eq!(shop.checkout(&ann, Plan::Pro).await, pro, "both tabs lead to the same checkout");
        let studio = shop.checkout(&ann, Plan::Studio).await;
        assert_ne!(studio, pro);
        let closed = fetch(Method::GET, &pro, &[], Vec::new()).await;
        assert!(closed.text().contains("This checkout is over"), "{}", closed.text());
        shop.stripe.pay(&studio);
        // The third tab, before any event.
        let late = ann.post("/account/billing/checkout", &[("plan", "pro")]).await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text());
        assert!(late.text().contains("You have a subscription already"));
        assert_eq!(shop.stripe.customers().len(), 1);
        shop.deliver().await;
        // Where Stripe sold a second one all the same, it is ended and given back, and the better one stays.
        shop.advance(MINUTE);
        shop.stripe.buy_again(PRICE_PRO);
        shop.deliver().await;
        let refunds: Vec<i64> = shop.stripe.refunds().iter().map(|refund| refund.cents).collect();
        assert_eq!((refunds, shop.plan().await), (vec![900], Plan::Studio));
        let running: Vec<Value> = shop.stripe.subscriptions().into_iter().filter(|known| known["status"] == "active").collect();
        assert_eq!(running.len(), 1);
        shop.deliver().await;
        assert_eq!(shop.plan().await, Plan::Studio);
        assert_eq!(shop.stripe.refunds().len(), 1);
    }

    async fn the_nightly_reading_finds_what_no_event_told(database) {
        let (shop, ann) = Shop::with_ann(database).await;
        shop.app.run_periodic_work().await;
        let address = shop.checkout(&ann, Plan::Pro).await;
        shop.stripe.pay(&address);
        drop(shop.stripe.take_events());
        shop.app.run_jobs().await;
        shop.advance(DAY);
        shop.app.run_periodic_work().await;
        assert_eq!(shop.plan().await, Plan::Pro);
        shop.stripe.end(Ending::Canceled);
        drop(shop.stripe.take_events());
        shop.advance(DAY);
        shop.app.run_periodic_work().await;
        assert_eq!(shop.plan().await, Plan::Free);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_from_stripe_reads_how_things_are_before_any_event() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    let address = shop.checkout(&ann, Plan::Pro).await;
    shop.stripe.pay(&address);
    let page = ann.get("/account/billing?from=stripe").await.text();
    assert!(page.contains("You are on <strong>Pro"), "{page}");
    assert_eq!(shop.plan().await, Plan::Pro);
    // The events that follow change nothing, and tell nobody twice.
    shop.deliver().await;
    assert_eq!(shop.app.emails_to(ANN, "Your MixLens plan").await.len(), 1);

    shop.stripe.set_outage(true);
    let page = ann.get("/account/billing?from=stripe").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text().contains("Stripe does not answer at the moment"),
        "{}",
        page.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_believed_when_stripe_signed_it_now_and_counts_once() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    let address = shop.checkout(&ann, Plan::Pro).await;
    shop.stripe.pay(&address);
    let events = shop.stripe.take_events();
    let event = events.iter().find(|event| event.kind == "invoice.paid").unwrap();
    let signature = shop.stripe.sign(&event.body);
    let forged = event.body.replace("cus_", "cux_");
    let other = signature.replace("v1=", "v0=");
    let cut = &signature[..signature.len() - 2];
    for (body, signature) in [
        (forged.as_str(), signature.as_str()),
        (&event.body, ""),
        (&event.body, "nonsense"),
        (&event.body, &other),
        (&event.body, cut),
    ] {
        let refused = shop.send(body, signature).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{signature}: {}",
            refused.text()
        );
    }
    // Signed for another endpoint.
    assert_eq!(shop.events().await, [], "nothing of it is noted");
    for _ in 0..3 {
        shop.deliver_one(event).await;
    }
    let calls = shop.stripe.calls("GET /v1/subscriptions");
    shop.app.run_jobs().await;
    // One for the new customer, one for the event.
    assert_eq!(shop.stripe.calls("GET /v1/subscriptions"), calls + 2);
    assert_eq!(
        shop.events().await,
        [("invoice.paid".to_owned(), "synced".to_owned())]
    );
    // Long after, and in the wrong order: it is Stripe that is asked, not the event.
    shop.stripe.end(Ending::Canceled);
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Free);
    let mut late = events.clone();
    late.reverse();
    for event in &late {
        shop.deliver_one(event).await;
    }
    shop.app.run_jobs().await;
    assert_eq!(
        shop.plan().await,
        Plan::Free,
        "what was true once is not true again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_say_nothing_to_us_are_taken_and_change_nothing() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Pro).await;
    let before = shop.events().await.len();
    let customer = shop.stripe.customers()[0]["id"].clone();
    let subscription =
        |customer: &Value| json!({ "object": { "object": "subscription", "customer": customer } });
    let kind = "customer.subscription.deleted";
    let calls = shop.stripe.calls("GET /v1/subscriptions");
    for (at, (event, result)) in [
        (
            json!({ "type": kind, "livemode": true, "data": subscription(&customer) }),
            "wrong_mode",
        ),
        (
            json!({ "type": "invoice.upcoming", "livemode": false, "data": subscription(&customer) }),
            "ignored",
        ),
        (
            json!({ "type": "v3.of.the.future", "livemode": false }),
            "ignored",
        ),
        (json!({ "type": "<script>", "livemode": false }), "ignored"),
        (
            json!({ "type": kind, "livemode": false, "data": subscription(&json!("cus_of_others")) }),
            "unknown_customer",
        ),
        (
            json!({ "type": kind, "livemode": false, "data": { "object": [1, 2] } }),
            "unknown_customer",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut event = event;
        event["id"] = format!("evt_z{at}").into();
        let body = event.to_string();
        let taken = shop.send(&body, &shop.stripe.sign(&body)).await;
        assert_eq!(taken.status, StatusCode::OK, "{body}: {}", taken.text());
        assert_eq!(shop.events().await[before + at].1, result, "{body}");
        shop.app.clock.advance(Duration::from_millis(1));
    }
    shop.app.run_jobs().await;
    assert_eq!(
        (shop.plan().await, shop.stripe.calls("GET /v1/subscriptions")),
        (Plan::Pro, calls)
    );
    let large = json!({ "id": "evt_large", "type": "invoice.upcoming", "livemode": false, "data": { "object": { "x": "y".repeat(300_000) } } }).to_string();
    assert_eq!(
        shop.send(&large, &shop.stripe.sign(&large)).await.status,
        StatusCode::OK
    );
    let too_large = format!("{large}{}", " ".repeat(400_000));
    let refused = shop.send(&too_large, &shop.stripe.sign(&too_large)).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    let nonsense = "{";
    let refused = shop.send(nonsense, &shop.stripe.sign(nonsense)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    // After five weeks nothing of them is left.
    shop.advance(36 * DAY);
    shop.app.run_periodic_work().await;
    assert_eq!(shop.events().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_before_the_row_of_its_customer_loses_nothing() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    let address = shop.checkout(&ann, Plan::Pro).await;
    // As it was before the answer of Stripe had been written.
    let customer = shop.app.texts("SELECT customer_id FROM billing_customer").await;
    shop.app.run_jobs().await;
    let unknown = sql("UPDATE billing_customer SET customer_id = NULL");
    shop.app.backend.db.execute(unknown).await.unwrap();
    shop.stripe.pay(&address);
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Free);
    assert!(
        shop.events()
            .await
            .iter()
            .any(|(_, result)| result == "unknown_customer")
    );
    // The person comes again: the customer is found at Stripe and not made twice, and what they bought is seen.
    let again = ann.post("/account/billing/checkout", &[("plan", "pro")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
    assert_eq!(shop.plan().await, Plan::Pro);
    assert_eq!(
        shop.app.texts("SELECT customer_id FROM billing_customer").await,
        customer
    );
    assert_eq!(shop.stripe.customers().len(), 1);
    shop.app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_ten_minutes_off_refuses_events_and_delays_nothing_for_long() {
    for ahead in [true, false] {
        let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
        if ahead {
            shop.stripe.advance(10 * MINUTE);
        } else {
            shop.app.clock.advance(10 * MINUTE);
        }
        let address = shop.checkout(&ann, Plan::Pro).await;
        shop.stripe.pay(&address);
        for event in shop.stripe.take_events() {
            let refused = shop.send(&event.body, &shop.stripe.sign(&event.body)).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "ahead: {ahead}");
            assert!(refused.text().contains("are the clocks right?"));
        }
        ann.get("/account/billing?from=stripe").await;
        assert_eq!(shop.plan().await, Plan::Pro, "ahead: {ahead}");
        ann.post("/account/confirm", &[("password", PASSWORD)]).await;
        let upgraded = ann.post("/account/billing/plans/studio", &[]).await;
        assert_eq!(upgraded.status, StatusCode::SEE_OTHER, "{}", upgraded.text());
        assert_eq!(shop.plan().await, Plan::Studio, "ahead: {ahead}");
        shop.app.run_jobs().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_keeps_the_plan_and_is_paid_on_day_5() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Pro).await;
    assert!(!ann.get("/history").await.text().contains("did not come about"));
    shop.advance(30 * DAY + MINUTE);
    ann.post("/signin", &[("email", ANN), ("password", PASSWORD)])
        .await;
    shop.stripe.set_card(Card::Declines);
    shop.stripe.renew();
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Pro, "Stripe tries again");
    let email = shop.app.email_to(ANN, "A payment for MixLens failed").await;
    assert!(email.text.contains("Nothing changes for now"), "{}", email.text);
    for page in ["/history", "/upload"] {
        assert!(
            ann.get(page)
                .await
                .text()
                .contains("Your last payment for MixLens did not come about"),
            "{page}"
        );
    }
    let page = ann.get("/account/billing").await.text();
    assert!(page.contains("Your last payment did not come about"), "{page}");
    shop.advance(2 * DAY);
    assert!(!shop.stripe.retry());
    shop.deliver().await;
    assert_eq!(
        shop.app
            .emails_to(ANN, "A payment for MixLens failed")
            .await
            .len(),
        1,
        "once, not at each try"
    );
    shop.advance(3 * DAY);
    shop.stripe.set_card(Card::Pays);
    assert!(shop.stripe.retry());
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Pro);
    assert!(!ann.get("/history").await.text().contains("did not come about"));
    assert_eq!(
        shop.app.emails_to(ANN, "Your MixLens plan").await.len(),
        1,
        "it never ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_for_good_ends_the_plan_and_shortens_the_time_of_no_file() {
    for ending in [Ending::Canceled, Ending::Unpaid] {
        let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
        shop.buy(&ann, Plan::Pro).await;
        ann.upload("Okapi.wav", mix()).await;
        shop.app.run_jobs().await;
        shop.stripe.set_card(Card::Declines);
        shop.stripe.renew();
        shop.deliver().await;
        shop.stripe.end(ending);
        shop.deliver().await;
        assert_eq!(shop.plan().await, Plan::Free, "{ending:?}");
        assert_eq!(delete_after(&shop.app).await, 720, "as it was promised");
        let email = shop.app.email_to(ANN, "Your MixLens plan has ended").await;
        assert!(
            email
                .text
                .contains("Files that are there stay as long as you were told"),
            "{}",
            email.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_paid_and_had_at_once_and_a_downgrade_waits_for_the_end_of_the_month() {
    for mode in [BillingMode::Flexible, BillingMode::Classic] {
        let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
        shop.stripe.set_billing_mode(mode);
        shop.buy(&ann, Plan::Pro).await;
        shop.advance(15 * DAY);
        ann.post("/signin", &[("email", ANN), ("password", PASSWORD)])
            .await;
        let page = ann.get("/account/billing/plans/studio").await.text();
        assert!(
            page.contains("Pay €10 and change to Studio") || page.contains("Pay €9.99 and change to Studio"),
            "{page}"
        );
        shop.stripe.set_card(Card::Declines);
        let declined = ann.post("/account/billing/plans/studio", &[]).await;
        assert_eq!(declined.status, StatusCode::CONFLICT, "{}", declined.text());
        assert!(declined.text().contains("so nothing was changed"));
        assert_eq!(shop.plan().await, Plan::Pro);
        shop.stripe.set_card(Card::Pays);
        let paid = ann.post("/account/billing/plans/studio", &[]).await;
        assert_eq!(
            paid.header("location"),
            "/account/billing?done=plan-upgraded",
            "{}",
            paid.text()
        );
        assert_eq!(shop.plan().await, Plan::Studio, "{mode:?}");
        shop.deliver().await;
        // Sent twice, it is had already.
        assert_eq!(
            ann.post("/account/billing/plans/studio", &[]).await.status,
            StatusCode::CONFLICT
        );

        let less = ann.post("/account/billing/plans/pro", &[]).await;
        assert_eq!(less.header("location"), "/account/billing?done=plan-downgraded");
        shop.deliver().await;
        assert_eq!(shop.plan().await, Plan::Studio, "it is paid: {mode:?}");
        assert!(
            ann.get("/account/billing")
                .await
                .text()
                .contains("From then on it is Pro.")
        );
        let email = shop.app.email_to(ANN, "Your MixLens plan changes to Pro").await;
        assert!(email.text.contains("€9 a month"), "{}", email.text);
        shop.advance(15 * DAY + MINUTE);
        shop.stripe.renew();
        shop.deliver().await;
        assert_eq!(shop.plan().await, Plan::Pro, "{mode:?}");
        assert_eq!(
            shop.app.emails_to(ANN, "Your MixLens plan has ended").await.len(),
            0
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_asks_for_the_password_and_a_cancellation_does_not() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Pro).await;
    shop.advance(Duration::from_secs(3600));
    let upgrade = ann.post("/account/billing/plans/studio", &[]).await;
    assert_eq!(
        upgrade.header("location"),
        "/account/confirm?next=/account/billing/plans/studio"
    );
    let page = ann.get("/account/billing/plans/free").await.text();
    assert!(
        page.contains("Make a copy of your data") && page.contains("Cancel Pro"),
        "{page}"
    );
    let cancelled = ann.post("/account/billing/plans/free", &[]).await;
    assert_eq!(
        cancelled.header("location"),
        "/account/billing?done=plan-cancelled",
        "{}",
        cancelled.text()
    );
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Pro, "until the end of what is paid");
    assert!(shop.app.was_emailed(ANN, "nothing is charged any more").await);
    let page = ann.get("/account/billing").await.text();
    assert!(
        page.contains("Go on with Pro") && !page.contains("Cancel the plan"),
        "{page}"
    );
    let resumed = ann.post("/account/billing/plans/pro", &[]).await;
    assert_eq!(resumed.header("location"), "/account/billing?done=plan-resumed");
    shop.deliver().await;
    ann.post("/account/billing/plans/free", &[]).await;
    shop.advance(30 * DAY);
    shop.stripe.renew();
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Free);
    let nothing = ann.post("/account/billing/plans/studio", &[]).await;
    assert_eq!(nothing.status, StatusCode::SEE_OTHER, "the session has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_beyond_the_limit_pause_on_a_downgrade_and_wake_on_an_upgrade() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Studio).await;
    let mut programs = Vec::new();
    for _ in 0..3 {
        programs.push(
            shop.app
                .program(&ann, TokenKind::Live, &[Scope::ReadAnalyses])
                .await,
        );
        shop.app.clock.advance(Duration::from_millis(5));
    }
    let statuses = async || {
        let mut statuses = Vec::new();
        for program in &programs {
            statuses.push(program.get("/api/v1/analyses").await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 200, 200]);
    shop.stripe.end(Ending::Canceled);
    shop.deliver().await;
    assert_eq!(statuses().await, [403, 403, 403]);
    let page = ann.get("/account/tokens").await.text();
    assert_eq!(page.matches("Pauses").count(), 3, "{page}");
    let refused = programs[0].get("/api/v1/analyses").await.text();
    assert!(refused.contains("This token pauses"), "{refused}");
    shop.buy(&ann, Plan::Pro).await;
    assert_eq!(statuses().await, [200, 200, 403], "the oldest two of Pro");
    assert!(
        ann.get("/account/billing")
            .await
            .text()
            .contains("You have more tokens or endpoints than your plan")
    );
    plans::change_by_address(&shop.app.backend, ANN, Plan::Studio)
        .await
        .unwrap();
    assert_eq!(statuses().await, [200, 200, 200], "none was deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_by_hand_stays_whatever_is_paid_for() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    let given = plans::change_by_address(&shop.app.backend, ANN, Plan::Pro)
        .await
        .unwrap();
    assert_eq!(given, Some(Plan::Pro));
    assert!(
        ann.get("/account/billing")
            .await
            .text()
            .contains("We gave it to you")
    );
    shop.buy(&ann, Plan::Studio).await;
    let given = plans::change_by_address(&shop.app.backend, ANN, Plan::Free)
        .await
        .unwrap();
    assert_eq!(given, Some(Plan::Studio), "it is paid for");
    plans::change_by_address(&shop.app.backend, ANN, Plan::Pro)
        .await
        .unwrap();
    shop.stripe.end(Ending::Canceled);
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Pro);
}

#[tokio::test(flavor = "multi_thread")]
async fn p14_a_deletion_within_the_days_of_withdrawal_gives_the_money_back() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Pro).await;
    let deleted = ann
        .post(
            "/account/privacy/delete",
            &[("password", PASSWORD), ("sure", "on")],
        )
        .await;
    assert_eq!(deleted.status, StatusCode::SEE_OTHER, "{}", deleted.text());
    shop.app.run_jobs().await;
    let refunds: Vec<i64> = shop.stripe.refunds().iter().map(|refund| refund.cents).collect();
    assert_eq!((refunds, shop.stripe.customers().len()), (vec![900], 0));
    shop.advance(2 * Duration::from_secs(3600));
    shop.app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_another_price_than_the_page_says() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.stripe.set_price(PRICE_STUDIO, 3900);
    let refused = ann.post("/account/billing/checkout", &[("plan", "studio")]).await;
    assert_eq!(
        refused.status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "the operator's mistake"
    );
    assert_eq!(shop.stripe.calls("POST /v1/checkout/sessions"), 0);
    shop.checkout(&ann, Plan::Pro).await;
    shop.app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stripe_that_is_away_or_slow_loses_nothing() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.stripe.set_outage(true);
    let away = ann.post("/account/billing/checkout", &[("plan", "pro")]).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(away.text().contains("Nothing is lost"), "{}", away.text());
    shop.stripe.set_outage(false);
    shop.stripe.set_delay(Duration::from_millis(300));
    // Twice at once, as an impatient person does.
    let fields = [("plan", "pro")];
    let (one, other) = tokio::join!(
        ann.post("/account/billing/checkout", &fields),
        ann.post("/account/billing/checkout", &fields)
    );
    assert_eq!(
        (one.status, one.header("location")),
        (StatusCode::SEE_OTHER, other.header("location"))
    );
    assert_eq!(shop.stripe.customers().len(), 1);
    shop.stripe.set_delay(Duration::ZERO);
    shop.stripe.pay(one.header("location"));
    // Events come while Stripe itself does not answer: the jobs wait.
    shop.stripe.set_outage(true);
    for event in shop.stripe.take_events() {
        shop.deliver_one(&event).await;
    }
    shop.app.run_jobs().await;
    assert_eq!(shop.plan().await, Plan::Free);
    shop.stripe.set_outage(false);
    shop.advance(Duration::from_secs(3600));
    shop.app.run_jobs().await;
    assert_eq!(shop.plan().await, Plan::Pro);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_was_deleted_at_stripe_is_made_anew_when_they_buy_again() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Pro).await;
    shop.stripe.delete_customers();
    shop.deliver().await;
    assert_eq!(shop.plan().await, Plan::Free);
    shop.buy(&ann, Plan::Studio).await;
    assert_eq!(shop.stripe.customers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_reaches_stripe() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.checkout(&ann, Plan::Pro).await;
    let moved = sql("UPDATE account SET email = 'ann@new.example' WHERE email = 'ann@example.org'");
    shop.app.backend.db.execute(moved).await.unwrap();
    ann.get("/account/billing?from=stripe").await;
    assert_eq!(shop.stripe.customers()[0]["email"], "ann@new.example");
    shop.app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_test_has_bought_counts_for_nothing_where_money_moves() {
    let (mut shop, ann) = Shop::with_ann(Database::Sqlite).await;
    shop.buy(&ann, Plan::Pro).await;
    let mut billing = shop.app.backend.config.billing.clone();
    billing.stripe_key = "sk_live_key".to_owned().into();
    billing.stripe_api = "http://127.0.0.1:9".to_owned();
    shop.app.backend.stripe = backend::stripe::Stripe::new(&billing).unwrap();
    shop.advance(DAY);
    shop.app.run_periodic_work().await;
    assert_eq!(shop.plan().await, Plan::Free);
    let view = backend::billing::has_failed_payment(&shop.app.backend, &backend::Actor::System).await;
    assert!(!view.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_pages_say_that_payment_is_not_set_up_and_all_else_works() {
    let (app, anon, ann) = TestApp::init().await.with_user().await;
    for (person, page) in [
        (&anon, "/pricing"),
        (&ann, "/pricing"),
        (&ann, "/account/billing"),
    ] {
        let page = person.get(page).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.text().contains("Payment is not set up on this installation"),
            "{}",
            page.text()
        );
        assert!(
            !page.text().contains("Buy ") && !page.text().contains("stripe.com"),
            "{}",
            page.text()
        );
    }
    assert!(
        !anon
            .get("/terms")
            .await
            .text()
            .contains("Withdraw from contract here")
    );
    for (form, fields) in [
        ("/account/billing/checkout", &[("plan", "pro")][..]),
        ("/account/billing/portal", &[]),
        ("/account/billing/plans/pro", &[]),
        ("/withdraw", &[("email", ANN), ("contract", "ML-01234-ABCDE")]),
    ] {
        let refused = ann.post(form, fields).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{form}");
        assert!(
            refused.text().contains("Payment is not set up"),
            "{form}: {}",
            refused.text()
        );
    }
    plans::change_by_address(&app.backend, ANN, Plan::Studio)
        .await
        .unwrap();
    assert!(
        ann.get("/account/billing")
            .await
            .text()
            .contains("You are on <strong>Studio")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_prices_tax_and_law_are_said_and_no_page_loads_anything_of_stripes() {
    let (shop, ann) = Shop::with_ann(Database::Sqlite).await;
    let anon = shop.app.anon();
    let pricing = plain(&anon, "/pricing").await;
    for words in [
        "€9",
        "€29",
        "All prices include VAT.",
        "14 days",
        "30 days",
        "200 a month",
        "no limit, fair use",
    ] {
        assert!(pricing.contains(words), "{words}: {pricing}");
    }
    let terms = plain(&anon, "/terms").await;
    for words in [
        "Plans that cost something",
        "€29 a month",
        "within 14 days",
        "Withdraw from contract here",
    ] {
        assert!(terms.contains(words), "{words}: {terms}");
    }
    let privacy = plain(&anon, "/privacy").await;
    assert!(
        privacy.contains("What you pay") && privacy.contains("<strong>Stripe</strong>"),
        "{privacy}"
    );
    shop.buy(&ann, Plan::Pro).await;
    for page in [
        "/pricing",
        "/account/billing",
        "/withdraw",
        "/account/billing/plans/studio",
    ] {
        let page = ann.get(page).await.text();
        let (_, footer) = page.split_once("site-footer").unwrap();
        assert!(footer.contains("Withdraw from contract here"));
        for loads in ["<script src", "<iframe", "<img", "js.stripe.com"] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
    for secret in [KEY, SIGNING_SECRET] {
        assert!(!shop.app.everything_stored().await.contains(secret));
    }
}
