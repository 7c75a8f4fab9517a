//! The API: what is asked with the key, in forms, and answered in JSON.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    API_VERSION, KEY, Site,
    world::{Done, Refused, World, text},
};

/// The fields of a request, taken one by one: what is left over was not expected.
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn need(&mut self, name: &'static str) -> Result<String, Refused> {
        self.take(name).ok_or((400, "parameter_missing", name))
    }

    /// One that has to have this value, where it is sent.
    fn only(&mut self, name: &'static str, value: &str) -> Result<(), Refused> {
        match self.take(name) {
            Some(sent) if sent != value => Err((400, "parameter_invalid", name)),
            _ => Ok(()),
        }
    }
}

type Answer = Result<Value, Refused>;

pub(crate) fn routes() -> Router<Site> {
    Router::new()
        .route("/v1/{*path}", get(call).post(call).delete(call))
        .route("/control/{action}", post(control))
}

async fn call(
    State(site): State<Site>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let (is_away, delay) = {
        let mut world = site.world();
        world.calls.push(format!("{method} /v1/{path}"));
        (world.is_away, world.delay)
    };
    tokio::time::sleep(delay).await;
    if is_away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
    if let Err(refused) = admit(&headers) {
        return refuse(refused);
    }
    let sent = match method {
        Method::POST => body.to_vec(),
        _ => query.into_bytes(),
    };
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .map(str::to_owned);
    let request = format!("{method} {path} {}", String::from_utf8_lossy(&sent));
    let mut world = site.world();
    if let Some(done) = key.as_ref().and_then(|key| world.done.get(key)) {
        if done.request != request {
            return refuse((400, "idempotency_error", "Keys are for one request each."));
        }
        return (
            StatusCode::from_u16(done.status).unwrap(),
            Json(done.answer.clone()),
        )
            .into_response();
    }
    let mut fields = Fields(form_urlencoded::parse(&sent).into_owned().collect());
    let answer = answer(&mut world, &site.url, &method, &path, key.is_some(), &mut fields);
    let answer = match answer {
        Ok(_) if !fields.0.is_empty() => Err((400, "parameter_unknown", "unknown parameter")),
        answer => answer,
    };
    let (status, answer) = match answer {
        Ok(answer) => (200, answer),
        Err((status, code, message)) => (status, error(code, message)),
    };
    if let Some(key) = key {
        let answer = answer.clone();
        world.done.insert(
            key,
            Done {
                request,
                status,
                answer,
            },
        );
    }
    (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response()
}

fn admit(headers: &HeaderMap) -> Result<(), Refused> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if header("authorization") != Some(&format!("Bearer {KEY}")) {
        return Err((401, "invalid_api_key", "Invalid API Key provided"));
    }
    if header("stripe-version") != Some(API_VERSION) {
        return Err((400, "invalid_version", "The stand-in speaks one version"));
    }
    Ok(())
}

fn error(code: &str, message: &str) -> Value {
    let kind = match code {
        "card_declined" => "card_error",
        "idempotency_error" => "idempotency_error",
        _ => "invalid_request_error",
    };
    // As Stripe: a reused key has a type and no code.
    let code = (code != "idempotency_error").then_some(code);
    json!({ "error": { "type": kind, "code": code, "message": message } })
}

fn refuse((status, code, message): Refused) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(error(code, message))).into_response()
}

fn list(data: Vec<Value>) -> Value {
    json!({ "object": "list", "data": data, "has_more": false })
}

const MISSING: Refused = (404, "resource_missing", "No such object");

fn answer(
    world: &mut World,
    url: &str,
    method: &Method,
    path: &str,
    has_key: bool,
    fields: &mut Fields,
) -> Answer {
    let parts: Vec<&str> = path.split('/').collect();
    let is_post = *method == Method::POST;
    let is_get = *method == Method::GET;
    let keyed = || match has_key {
        true => Ok(()),
        false => Err((400, "key_missing", "The stand-in wants an Idempotency-Key here")),
    };
    match parts[..] {
        ["customers"] if is_post => {
            keyed()?;
            let (email, account) = (fields.need("email")?, fields.need("metadata[account]")?);
            Ok(world.create_customer(&email, &account))
        }
        ["customers", "search"] if is_get => {
            let query = fields.need("query")?;
            let of = |customer: &Value| {
                query == format!("metadata['account']:'{}'", text(&customer["metadata"], "account"))
            };
            Ok(list(world.customers().into_iter().filter(of).collect()))
        }
        ["customers", id] if is_get => world.customer(id).cloned().ok_or(MISSING),
        ["customers", id] if is_post => {
            let email = fields.need("email")?;
            world.set_email(id, &email).ok_or(MISSING)
        }
        ["customers", id] if *method == Method::DELETE => {
            if world.delete_customer(id) {
                Ok(json!({ "id": id, "object": "customer", "deleted": true }))
            } else {
                Err(MISSING)
            }
        }
        ["prices", id] if is_get => world.price(id).ok_or(MISSING),
        ["checkout", "sessions"] if is_post => {
            keyed()?;
            create_session(world, url, fields)
        }
        ["checkout", "sessions"] if is_get => {
            let (customer, status) = (fields.need("customer")?, fields.need("status")?);
            fields.take("limit");
            let of = |session: &&Value| session["customer"] == *customer && session["status"] == *status;
            Ok(list(world.sessions.iter().rev().filter(of).cloned().collect()))
        }
        ["checkout", "sessions", id] if is_get => world.session(id).ok_or(MISSING),
        ["checkout", "sessions", id, "expire"] if is_post => world.expire(id),
        ["billing_portal", "sessions"] if is_post => {
            let (customer, back) = (fields.need("customer")?, fields.need("return_url")?);
            let id = world.id("bps");
            world.portals.insert(id.clone(), (customer, back));
            Ok(json!({ "id": id, "object": "billing_portal.session", "url": format!("{url}/portal/{id}") }))
        }
        ["subscriptions"] if is_get => {
            let customer = fields.need("customer")?;
            fields.only("status", "all")?;
            fields.take("limit");
            let of = |subscription: &Value| subscription["customer"] == *customer;
            Ok(list(world.subscriptions().into_iter().filter(of).collect()))
        }
        ["subscriptions", id] if is_post => {
            keyed()?;
            change(world, id, fields)
        }
        ["subscriptions", id] if *method == Method::DELETE => world.cancel_now(id).ok_or(MISSING),
        ["invoices"] if is_get => {
            let subscription = fields.need("subscription")?;
            let status = fields.need("status")?;
            fields.take("limit");
            let of = |invoice: &Value| invoice["status"] == *status;
            Ok(list(
                world.invoices_of(&subscription).into_iter().filter(of).collect(),
            ))
        }
        ["invoices", "create_preview"] if is_post => {
            let subscription = fields.need("subscription")?;
            let price = fields.need("subscription_details[items][0][price]")?;
            fields.need("subscription_details[items][0][id]")?;
            fields.only("subscription_details[proration_behavior]", "always_invoice")?;
            let lines = world.proration(&subscription, &price);
            let due: i64 = lines.iter().filter_map(|line| line["amount"].as_i64()).sum();
            Ok(
                json!({ "object": "invoice", "amount_due": due.max(0), "currency": "eur", "lines": list(lines) }),
            )
        }
        ["invoice_payments"] if is_get => {
            let invoice = fields.need("invoice")?;
            fields.only("status", "paid")?;
            fields.take("limit");
            Ok(list(world.payments_of(&invoice)))
        }
        ["refunds"] if is_post => {
            keyed()?;
            let intent = fields.need("payment_intent")?;
            world.refund(&intent)
        }
        _ => Err((404, "url_invalid", "Unrecognized request URL")),
    }
}

fn create_session(world: &mut World, url: &str, fields: &mut Fields) -> Answer {
    fields.only("mode", "subscription")?;
    fields.only("line_items[0][quantity]", "1")?;
    // Of the two that see to the tax, one.
    let automatic = fields.take("automatic_tax[enabled]");
    let managed = fields.take("managed_payments[enabled]");
    if automatic.is_some() && managed.is_some() {
        return Err((
            400,
            "parameter_invalid",
            "managed payments see to the tax themselves",
        ));
    }
    for of_automatic in [
        "customer_update[address]",
        "customer_update[name]",
        "tax_id_collection[enabled]",
    ] {
        let sent = fields.take(of_automatic);
        if sent.is_none() && automatic.is_some() {
            return Err((
                400,
                "customer_tax_location_invalid",
                "the customer has no address",
            ));
        }
    }
    let customer = fields.need("customer")?;
    if world
        .customer(&customer)
        .is_none_or(|customer| customer["deleted"] == true)
    {
        return Err(MISSING);
    }
    let price = fields.need("line_items[0][price]")?;
    if world.price(&price).is_none() {
        return Err(MISSING);
    }
    let (success, cancel) = (fields.need("success_url")?, fields.need("cancel_url")?);
    let id = world.id("cs");
    let session = json!({
        "id": id, "object": "checkout.session", "status": "open", "customer": customer, "price": price, "livemode": false,
        "url": format!("{url}/pay/{id}"), "success_url": success, "cancel_url": cancel, "subscription": null,
    });
    world.sessions.push(session.clone());
    Ok(session)
}

fn change(world: &mut World, id: &str, fields: &mut Fields) -> Answer {
    let Some(subscription) = world.subscription(id) else {
        return Err(MISSING);
    };
    if subscription["status"] == "canceled" {
        return Err((
            400,
            "resource_missing",
            "A canceled subscription can only update its cancellation_details",
        ));
    }
    if let Some(cancels) = fields.take("cancel_at_period_end") {
        return Ok(world.set_cancel(id, cancels == "true"));
    }
    let item = fields.need("items[0][id]")?;
    if subscription["items"]["data"][0]["id"] != *item {
        return Err(MISSING);
    }
    let price = fields.need("items[0][price]")?;
    if world.price(&price).is_none() {
        return Err(MISSING);
    }
    let is_invoiced = match fields.need("proration_behavior")?.as_str() {
        "always_invoice" => true,
        "none" => false,
        _ => return Err((400, "parameter_invalid", "proration_behavior")),
    };
    if is_invoiced && fields.need("payment_behavior")? != "error_if_incomplete" {
        return Err((400, "parameter_invalid", "payment_behavior"));
    }
    world.change_price(id, &price, is_invoiced)
}

/// What a test in another process does to the stand-in.
async fn control(State(site): State<Site>, Path(action): Path<String>) -> Response {
    let mut world = site.world();
    match action.as_str() {
        "renew" => world.renew(),
        "end" => world.end(crate::Ending::Canceled),
        "decline" => world.card = crate::Card::Declines,
        "accept" => world.card = crate::Card::Pays,
        "outage" => world.is_away = true,
        "repair" => world.is_away = false,
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    StatusCode::NO_CONTENT.into_response()
}
