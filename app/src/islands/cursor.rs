//! The cursor that all charts over time share: the line of the position, the line under the pointer, and what a click
//! in a chart or on a time range means.
//!
//! Charts are plain SVG that the server rendered, outside of every island, so that an island finds them in the document, by
//! the classes below. A report page has one timeline.

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, MouseEvent, NodeList};

/// The charts over time of a report, on one axis.
const CHARTS: &str = ".timeline svg.plot:has(.playhead)";
/// The line of the position in each.
const PLAYHEADS: &str = ".timeline .playhead";
/// The line under the pointer in each.
const POINTER_LINES: &str = ".timeline .pointer-line";
/// The links to time ranges of the mix, in the score breakdown and in lists.
const TIME_RANGES: &str = "[data-seek]";

/// Has a click in a chart `seek`, and reports the time under the pointer; both in seconds.
pub(super) fn listen_to_charts(
    duration_s: f64,
    seek: impl Fn(f64) + Copy + 'static,
    hover: impl Fn(Option<f64>) + Copy + 'static,
) {
    each(document().query_selector_all(CHARTS).ok(), |chart| {
        let plot = chart.clone();
        let place_of = move |event: &MouseEvent| {
            let box_of = plot.get_bounding_client_rect();
            let share = (f64::from(event.client_x()) - box_of.left()) / box_of.width().max(1.0);
            share.clamp(0.0, 1.0) * duration_s
        };
        let place_at = place_of.clone();
        on(chart, "click", move |event| seek(place_of(&event)));
        on(chart, "pointermove", move |event| hover(Some(place_at(&event))));
        on(chart, "pointerleave", move |_| hover(None));
    });
}

/// Has a click on a time range `play` it: from, until, in seconds.
pub(super) fn listen_to_time_ranges(play: impl Fn(f64, f64) + Copy + 'static) {
    let on_click = Closure::<dyn FnMut(MouseEvent)>::new(move |event: MouseEvent| {
        let link = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|target| target.closest(TIME_RANGES).ok().flatten());
        let Some(link) = link else {
            return;
        };
        let number = |name: &str| link.get_attribute(name).and_then(|text| text.parse::<f64>().ok());
        if let (Some(from), Some(until)) = (number("data-seek"), number("data-until")) {
            event.prevent_default();
            play(from, until);
        }
    });
    let _ = document().add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
    on_click.forget();
}

/// Moves the line of the position to a share of the length, `0..=1`.
pub(super) fn move_playheads(share: f64) {
    move_lines(PLAYHEADS, Some(share));
}

/// Moves the line under the pointer, or hides it.
pub(super) fn move_pointer_lines(share: Option<f64>) {
    move_lines(POINTER_LINES, share);
}

fn move_lines(selector: &str, share: Option<f64>) {
    let x = share.map_or("-1%".to_owned(), |share| {
        format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)
    });
    each(document().query_selector_all(selector).ok(), |line| {
        let _ = line.set_attribute("x1", &x);
        let _ = line.set_attribute("x2", &x);
    });
}

/// Listens for as long as the page is open. A chart without the listener is a chart all the same.
pub(super) fn on(element: &Element, event: &str, mut act: impl FnMut(MouseEvent) + 'static) {
    let act = Closure::<dyn FnMut(MouseEvent)>::new(move |event: MouseEvent| act(event));
    let _ = element.add_event_listener_with_callback(event, act.as_ref().unchecked_ref());
    act.forget();
}

/// Does something with each of the elements.
pub(super) fn each(list: Option<NodeList>, mut act: impl FnMut(&Element)) {
    let Some(list) = list else {
        return;
    };
    for at in 0..list.length() {
        if let Some(element) = list.item(at).and_then(|node| node.dyn_into::<Element>().ok()) {
            act(&element);
        }
    }
}
