//! The pages that people are led to: the checkout and the portal.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use maud::{DOCTYPE, Markup, html};

use crate::{Card, Site, world::text};

pub(crate) fn routes() -> Router<Site> {
    Router::new()
        .route("/pay/{id}", get(checkout).post(pay))
        .route("/portal/{id}", get(portal))
        .route("/portal/{id}/card", post(new_card))
}

fn page(title: &str, body: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } }
            body { h1 { (title) } (body) }
        }
    };
    Html(page.into_string())
}

async fn checkout(State(site): State<Site>, Path(id): Path<String>) -> Response {
    let world = site.world();
    let Some(session) = world.session(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if session["status"] != "open" {
        let body = html! { p { "This checkout is over." } };
        return page("Checkout", &body).into_response();
    }
    let body = html! {
        p { "You buy " (text(&session, "price")) "." }
        form method="post" { button { "Pay and subscribe" } }
        a href=(text(&session, "cancel_url")) { "Back" }
    };
    page("Checkout", &body).into_response()
}

async fn pay(State(site): State<Site>, Path(id): Path<String>) -> Response {
    match site.world().complete(&id) {
        Ok(session) => Redirect::to(&text(&session, "success_url")).into_response(),
        Err(why) => page("Checkout", &html! { p { (why) } }).into_response(),
    }
}

async fn portal(State(site): State<Site>, Path(id): Path<String>) -> Response {
    let world = site.world();
    let Some((customer, back)) = world.portals.get(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let subscriptions = world.subscriptions();
    let invoices = subscriptions
        .iter()
        .filter(|subscription| subscription["customer"] == **customer)
        .flat_map(|subscription| world.invoices_of(&text(subscription, "id")));
    let body = html! {
        ul {
            @for invoice in invoices {
                li { (text(&invoice, "id")) ": " (text(&invoice, "status")) ", " (invoice["total"].as_i64().unwrap_or(0)) }
            }
        }
        form method="post" action={ "/portal/" (id) "/card" } { button { "Use another card" } }
        a href=(back) { "Back to MixLens" }
    };
    page("Card and invoices", &body).into_response()
}

/// A card that pays, and what is open is paid with it.
async fn new_card(State(site): State<Site>, Path(id): Path<String>) -> Redirect {
    let mut world = site.world();
    world.card = Card::Pays;
    world.retry();
    Redirect::to(&format!("/portal/{id}"))
}
