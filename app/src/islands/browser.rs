//! What only a browser has: files that were chosen, PUTs with progress, waiting. Nothing here runs on the server.

use std::{cell::RefCell, collections::HashMap};

use js_sys::Promise;
use leptos::prelude::window;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BeforeUnloadEvent, File, ProgressEvent, XmlHttpRequest};

thread_local! {
    static FILES: RefCell<HashMap<u32, File>> = RefCell::default();
    static PUTS: RefCell<HashMap<u32, XmlHttpRequest>> = RefCell::default();
}

/// Keeps a chosen file under `id`.
pub(crate) fn keep_file(id: u32, file: File) {
    FILES.with_borrow_mut(|files| files.insert(id, file));
}

/// Forgets the file of `id` and breaks off its PUT.
pub(crate) fn forget_file(id: u32) {
    FILES.with_borrow_mut(|files| files.remove(&id));
    abort(id);
}

/// Breaks off the PUT of `id`, if one is under way.
pub(crate) fn abort(id: u32) {
    let put = PUTS.with_borrow_mut(|puts| puts.remove(&id));
    if let Some(put) = put {
        // It may have ended in this moment.
        let _ = put.abort();
    }
}

/// Sends the file of `id` to a signed address and tells the percent that was sent; the HTTP status, or `None` where
/// there was no answer. `XMLHttpRequest`, because `fetch` tells no progress of an upload.
pub(crate) async fn put(
    id: u32,
    url: &str,
    headers: &[(String, String)],
    mut progress: impl FnMut(u8) + 'static,
) -> Option<u16> {
    let file = FILES.with_borrow(|files| files.get(&id).cloned())?;
    let xhr = XmlHttpRequest::new().ok()?;
    xhr.open("PUT", url).ok()?;
    for (name, value) in headers {
        xhr.set_request_header(name, value).ok()?;
    }
    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        if event.length_computable() && event.total() > 0.0 {
            // 0 to 100 by construction.
            progress((100.0 * event.loaded() / event.total()) as u8);
        }
    });
    xhr.upload()
        .ok()?
        .set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    let ended = Promise::new(&mut |resolve, _| {
        // `loadend` comes after success, failure and abort alike.
        xhr.set_onloadend(Some(&resolve));
    });
    PUTS.with_borrow_mut(|puts| puts.insert(id, xhr.clone()));
    if xhr.send_with_opt_blob(Some(&file)).is_ok() {
        // The promise is never rejected.
        let _ = JsFuture::from(ended).await;
    }
    PUTS.with_borrow_mut(|puts| puts.remove(&id));
    xhr.status().ok().filter(|status| *status != 0)
}

/// Waits.
pub(crate) async fn sleep(milliseconds: i32) {
    let after = Promise::new(&mut |resolve, _| {
        // Without a timer the wait is over at once, which only polls sooner.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = JsFuture::from(after).await;
}

/// Asks before the page is left while `busy` says so.
pub(crate) fn guard_leaving(busy: impl Fn() -> bool + 'static) {
    let ask = Closure::<dyn FnMut(BeforeUnloadEvent)>::new(move |event: BeforeUnloadEvent| {
        if busy() {
            event.prevent_default();
        }
    });
    let _ = window().add_event_listener_with_callback("beforeunload", ask.as_ref().unchecked_ref());
    ask.forget();
}

/// Wakes the islands inside of `root`, as the page's own script did for those that came with the page. `__hydrateIsland` is
/// Leptos' own and may change with any version (ADR 0001): the walk of an upload whose report is read without a reload fails
/// if it does.
pub(crate) fn wake_islands(root: &web_sys::Element) {
    let Ok(wake) = js_sys::Reflect::get(&window(), &JsValue::from_str("__hydrateIsland")) else {
        return;
    };
    let Ok(wake) = wake.dyn_into::<js_sys::Function>() else {
        return;
    };
    let Ok(islands) = root.query_selector_all("leptos-island") else {
        return;
    };
    for at in 0..islands.length() {
        if let Some(island) = islands
            .item(at)
            .and_then(|node| node.dyn_into::<web_sys::Element>().ok())
        {
            let name = island.get_attribute("data-component").unwrap_or_default();
            // An island that does not wake stays as the server rendered it.
            let _ = wake.call2(&JsValue::NULL, &island, &JsValue::from_str(&name));
        }
    }
}
