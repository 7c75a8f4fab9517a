//! What a plan is expected to do, as its switches and amounts change. Without a script, the form's own button asks.

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{Document, Element, HtmlElement, HtmlInputElement, NodeList};

use super::{browser, live};

/// The form of a plan.
pub const FORM: &str = "plan-form";
/// The attribute of what follows from its fields, with a name that is the same on the fresh page.
pub const FRESH: &str = "data-fresh";

/// Asks for the plan again at each change of the form. Shows nothing itself.
#[island]
pub fn PlanForm() -> impl IntoView {
    let asked = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let on_change = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            let form = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok())
                .and_then(|target| target.closest(&format!("#{FORM}")).ok().flatten());
            let Some(form) = form else { return };
            asked.update_value(|count| *count += 1);
            let number = asked.get_value();
            spawn_local(async move {
                let address = format!("{}?{}", path(), fields(&form));
                let page = browser::fetch_page_at(&address).await;
                // A later change has asked meanwhile.
                if let Some(page) = page.filter(|_| asked.get_value() == number) {
                    refresh(&page);
                }
            });
        });
        let _ = document().add_event_listener_with_callback("change", on_change.as_ref().unchecked_ref());
        on_change.forget();
    });
}

fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// What the form would send.
fn fields(form: &Element) -> String {
    let text = |field: &Element, name: &str| {
        js_sys::Reflect::get(field, &JsValue::from_str(name))
            .ok()
            .and_then(|value| value.as_string())
            .unwrap_or_default()
    };
    let mut pairs = Vec::new();
    for field in elements(form.query_selector_all("input, select").ok()) {
        let is_off = field
            .dyn_ref::<HtmlInputElement>()
            .is_some_and(|input| input.type_() == "checkbox" && !input.checked());
        if !is_off {
            let [name, value] =
                ["name", "value"].map(|name| js_sys::encode_uri_component(&text(&field, name)));
            pairs.push(format!("{name}={value}"));
        }
    }
    pairs.join("&")
}

/// Takes over what follows from the fields. The fields themselves stay as they are, unless others are asked for now.
fn refresh(page: &Document) {
    let selector = format!("[{FRESH}]");
    let fresh = elements(page.query_selector_all(&selector).ok());
    let stale = elements(document().query_selector_all(&selector).ok());
    let is_same = fresh.len() == stale.len()
        && fresh
            .iter()
            .zip(&stale)
            .all(|(fresh, stale)| fresh.get_attribute(FRESH) == stale.get_attribute(FRESH));
    if is_same {
        for (fresh, stale) in fresh.iter().zip(&stale) {
            stale.set_inner_html(&fresh.inner_html());
        }
        return;
    }
    let focused = document().active_element().map(|field| field.id());
    if live::replace(page).is_some()
        && let Some(field) = focused.and_then(|id| document().get_element_by_id(&id))
        && let Ok(field) = field.dyn_into::<HtmlElement>()
    {
        // Who cannot be given the focus back goes on from the start of the page.
        let _ = field.focus();
    }
}

fn elements(nodes: Option<NodeList>) -> Vec<Element> {
    let nodes = nodes
        .into_iter()
        .flat_map(|nodes| (0..nodes.length()).filter_map(move |at| nodes.item(at)));
    nodes.filter_map(|node| node.dyn_into().ok()).collect()
}
