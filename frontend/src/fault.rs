//! What is told when the program in the browser breaks: the place in our source and nothing else (P25), to our own server and
//! nobody else (P17). The text of a panic may quote what a person typed; it stays in the browser's console.

use std::panic::{self, PanicHookInfo};

use app::{
    api::{CSRF_HEADER, CSRF_META},
    paths,
};
use js_sys::{Object, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// The browser's own. It has begun when it returns, so that it outlives the program that called it.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(address: &str, how: &JsValue) -> JsValue;
}

/// From here on, a panic is told.
pub(crate) fn watch() {
    panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        tell(panic);
        say();
    }));
}

/// Has the page say so, by an attribute that its style sheet knows: whatever broke may be what would have said it.
fn say() {
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    if let Some(root) = root {
        // Setting an attribute fails only for a malformed name.
        let _ = root.set_attribute("data-broken", "");
    }
}

fn tell(panic: &PanicHookInfo<'_>) {
    let (Some(place), Some(token)) = (panic.location(), csrf_token()) else {
        return;
    };
    let set =
        |object: &Object, name: &str, value: &JsValue| Reflect::set(object, &name.into(), value).is_ok();
    let (how, headers) = (Object::new(), Object::new());
    let is_whole = set(&headers, CSRF_HEADER, &token.into())
        && set(&headers, "content-type", &"text/plain".into())
        && set(&how, "method", &"POST".into())
        && set(&how, "headers", &headers)
        && set(&how, "body", &source(&place.to_string()).into());
    if is_whole {
        fetch(paths::BROWSER_FAULT, &how);
    }
}

/// Without the folders of the machine that built it: those of our own crates are relative, those of others lie in a registry.
fn source(place: &str) -> &str {
    let in_registry = place
        .split_once("registry/src/")
        .and_then(|(_, rest)| rest.split_once('/'));
    in_registry.map_or(place, |(_, rest)| rest)
}

fn csrf_token() -> Option<String> {
    let document = web_sys::window()?.document()?;
    let meta = document
        .query_selector(&format!("meta[name={CSRF_META}]"))
        .ok()??;
    meta.get_attribute("content")
}
