//! Escape folds what lies over the page, as everywhere else, and the focus goes back to what unfolded it.

use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// What lies over the page when it is open.
const OVERLAYS: &str = "details:is(.menu, .confirm, .stage)[open]";

/// From here on.
pub(crate) fn on_escape() {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else {
        return;
    };
    let root = document.clone();
    let on_key = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        if event.key() == "Escape"
            && let Ok(Some(open)) = root.query_selector(OVERLAYS)
        {
            fold(&open);
        }
    });
    // A page without it is a page that folds by a click.
    let _ = document.add_event_listener_with_callback("keydown", on_key.as_ref().unchecked_ref());
    on_key.forget();
}

fn fold(open: &Element) {
    let _ = open.remove_attribute("open");
    let opener = open
        .query_selector("summary")
        .ok()
        .flatten()
        .and_then(|summary| summary.dyn_into::<HtmlElement>().ok());
    if let Some(opener) = opener {
        let _ = opener.focus();
    }
}
