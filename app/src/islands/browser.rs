//! What only a browser has: waiting, a page that is left, islands that wake. Nothing here runs on the server.

use std::{rc::Rc, time::Duration};

use js_sys::Promise;
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BeforeUnloadEvent, Document, DomParser, Headers, RequestInit, Response, SupportedType};

use crate::api::{CSRF_HEADER, CSRF_META};

/// Waits.
pub(crate) async fn sleep(time: Duration) {
    // Some seconds.
    let milliseconds = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    let after = Promise::new(&mut |resolve, _| {
        // Without a timer the wait is over at once, which only polls sooner.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = JsFuture::from(after).await;
}

/// How long to wait for a server that is away: longer each time, up to [`Backoff::MOST`].
pub(crate) struct Backoff {
    usual: Duration,
    now: Duration,
}

impl Backoff {
    const MOST: Duration = Duration::from_secs(15);

    pub(crate) const fn new(usual: Duration) -> Self {
        Self { usual, now: usual }
    }

    /// It answered.
    pub(crate) const fn reset(&mut self) {
        self.now = self.usual;
    }

    /// It did not.
    pub(crate) fn more(&mut self) {
        self.now = (self.now * 2).min(Self::MOST);
    }

    pub(crate) const fn wait(&self) -> Duration {
        self.now
    }
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

/// Whether this page came over a connection that carries many requests at once (HTTP/2 and later). Over HTTP/1 a browser has six for
/// a site, all tabs together, and a stream would hold one of them.
pub(crate) fn has_room_for_a_stream() -> bool {
    let protocol = || {
        let performance = property(&window(), "performance")?;
        let of_kind: js_sys::Function = property(&performance, "getEntriesByType")?.dyn_into().ok()?;
        let entries = of_kind
            .call1(&performance, &JsValue::from_str("navigation"))
            .ok()?;
        let entry = js_sys::Reflect::get_u32(&entries, 0).ok()?;
        property(&entry, "nextHopProtocol")?.as_string()
    };
    protocol().is_some_and(|protocol| protocol.starts_with('h') && !protocol.starts_with("http/1"))
}

fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(of, &JsValue::from_str(name)).ok()
}

/// Hears the events of a kind that `address` tells, until `hear` says that it has heard enough: `true` then, `false` where the stream
/// ends or breaks before.
pub(crate) async fn hear_events(address: &str, kind: &str, hear: impl Fn(&str) -> bool + 'static) -> bool {
    // By its name: the bindings of it would be compiled for nothing else.
    let source = property(&window(), "EventSource")
        .and_then(|class| class.dyn_into::<js_sys::Function>().ok())
        .and_then(|class| {
            js_sys::Reflect::construct(&class, &js_sys::Array::of1(&JsValue::from_str(address))).ok()
        })
        .and_then(|source| source.dyn_into::<web_sys::EventTarget>().ok());
    let Some(source) = source else { return false };
    let hear = Rc::new(hear);
    let mut kept = None;
    let over = Promise::new(&mut |resolve, _| {
        let (heard, broke) = (resolve.clone(), resolve);
        let hear = Rc::clone(&hear);
        let on_event = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let text = property(&event, "data").and_then(|data| data.as_string());
            if text.is_some_and(|text| hear(&text)) {
                let _ = heard.call1(&JsValue::NULL, &JsValue::TRUE);
            }
        });
        let on_error = Closure::<dyn FnMut()>::new(move || {
            let _ = broke.call1(&JsValue::NULL, &JsValue::FALSE);
        });
        let _ = source.add_event_listener_with_callback(kind, on_event.as_ref().unchecked_ref());
        let _ = source.add_event_listener_with_callback("error", on_error.as_ref().unchecked_ref());
        kept = Some((on_event, on_error));
    });
    let is_enough = JsFuture::from(over).await.is_ok_and(|enough| enough.is_truthy());
    // By itself it would connect again.
    if let Some(close) =
        property(&source, "close").and_then(|close| close.dyn_into::<js_sys::Function>().ok())
    {
        let _ = close.call0(&source);
    }
    drop(kept);
    is_enough
}

/// What a request was answered with.
pub(crate) struct Answer {
    /// Whether the status is one of success.
    pub(crate) is_ok: bool,
    /// The body.
    pub(crate) text: String,
}

/// Asks for `address`; none where nobody answers.
pub(crate) async fn get(address: &str) -> Option<Answer> {
    answer(window().fetch_with_str(address)).await
}

/// Posts JSON with the CSRF token of the page; none where nobody answers.
pub(crate) async fn post(address: &str, body: &str) -> Option<Answer> {
    let headers = Headers::new().ok()?;
    headers.set("content-type", "application/json").ok()?;
    headers
        .set(CSRF_HEADER, &csrf_meta()?.get_attribute("content")?)
        .ok()?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&JsValue::from_str(body));
    answer(window().fetch_with_str_and_init(address, &request)).await
}

async fn answer(fetched: Promise) -> Option<Answer> {
    let response = response(fetched).await?;
    Some(Answer {
        is_ok: response.ok(),
        text: JsFuture::from(response.text().ok()?).await.ok()?.as_string()?,
    })
}

async fn response(fetched: Promise) -> Option<Response> {
    JsFuture::from(fetched).await.ok()?.dyn_into().ok()
}

/// The `<meta>` that holds the CSRF token of this page.
fn csrf_meta() -> Option<web_sys::Element> {
    let selector = format!("meta[name={CSRF_META}]");
    document().query_selector(&selector).ok()?
}

/// This very page as the server makes it now; none where the server does not answer with a page.
pub(crate) async fn fetch_page() -> Option<Document> {
    fetch_page_at(&window().location().href().ok()?).await
}

/// The page at `address`; none where the server does not answer with one.
pub(crate) async fn fetch_page_at(address: &str) -> Option<Document> {
    let page = get(address).await.filter(|answer| answer.is_ok)?;
    let parser = DomParser::new().ok()?;
    parser.parse_from_string(&page.text, SupportedType::TextHtml).ok()
}

/// Takes the CSRF token of a fresh page into this one; none where it is the same.
pub(crate) async fn refresh_csrf_token() -> Option<()> {
    let selector = format!("meta[name={CSRF_META}]");
    let fresh = fetch_page()
        .await?
        .query_selector(&selector)
        .ok()??
        .get_attribute("content")?;
    let meta = csrf_meta()?;
    if meta.get_attribute("content").as_ref() == Some(&fresh) {
        return None;
    }
    meta.set_attribute("content", &fresh).ok()
}

/// The HTTP status with which an address answers; none where there is no answer. Its content is not read.
pub(crate) async fn fetch_status(url: &str) -> Option<u16> {
    let response = response(window().fetch_with_str(url)).await?;
    if let Some(body) = response.body() {
        // A body that does not stop ends with the page.
        let _ = JsFuture::from(body.cancel()).await;
    }
    Some(response.status())
}
