//! The wasm entry point, and what holds on every page: it wakes the islands of a page that the server has rendered.

mod dismiss;
mod fault;

// `app` is linked for its islands as well: each exports a function that the page calls by name.
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the script in the page's head once the module is there, before any island is hydrated.
///
/// The browser tests wait for `data-hydrated` on `<html>`. The script hydrates the islands in microtasks right after this
/// call returns, so the mark is set in the next task: by then every island answers.
#[wasm_bindgen]
pub fn hydrate() {
    fault::watch();
    dismiss::on_escape();
    leptos::mount::hydrate_islands();
    leptos::prelude::set_timeout(mark_hydrated, Duration::ZERO);
}

fn mark_hydrated() {
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    if let Some(root) = root {
        // Setting an attribute fails only for a malformed name.
        let _ = root.set_attribute("data-hydrated", "");
    }
}
