//! The cursor that all charts over time share: the line of the position, the line under the pointer, the range that is looped, and what
//! a click or a drag in a chart, or a click on a time range, means.
//!
//! Charts are plain SVG that the server rendered, outside of every island, so that an island finds them in the document, by
//! the classes below. A report page has one timeline.

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, MouseEvent, NodeList, PointerEvent};

/// The charts over time of a report, on one axis.
const CHARTS: &str = ".timeline svg.plot:has(.playhead)";
/// The line of the position in each.
const PLAYHEADS: &str = ".timeline .playhead";
/// The line under the pointer in each.
const POINTER_LINES: &str = ".timeline .pointer-line";
/// What is looped, in each.
const LOOP_RANGES: &str = ".timeline .loop-range";
/// What widens the charts, and scrolls.
const ZOOM: &str = ".zoom";
/// The large waveform, in whose place a strip appears when it is out of sight.
const WAVEFORM: &str = ".timeline .plot--waveform";
/// A drag over less of a chart than this is a click, in pixels.
const LEAST_DRAG: f64 = 6.0;
/// The links to time ranges of the mix, in the score breakdown and in lists.
const TIME_RANGES: &str = "[data-seek]";

/// What the pointer does in a chart, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pointed {
    /// It was clicked here.
    Click(f64),
    /// It rests here, or has left.
    Hover(Option<f64>),
    /// It was dragged from here to there, in the order of time.
    Drag(f64, f64),
}

/// Reports what the pointer does in the charts.
pub(super) fn listen_to_charts(duration_s: f64, tell: impl Fn(Pointed) + Copy + 'static) {
    // Where a drag began: on the screen, and in the mix.
    let pressed = StoredValue::new(None::<(f64, f64)>);
    each(document().query_selector_all(CHARTS).ok(), |chart| {
        for name in ["click", "pointerdown", "pointermove", "pointerleave"] {
            let plot = chart.clone();
            on(chart, name, move |event| {
                let x = f64::from(event.client_x());
                let at_s = share_of(&plot, &event) * duration_s;
                match name {
                    // A finger that moves scrolls the page.
                    "pointerdown" if !is_touch(&event) => pressed.set_value(Some((x, at_s))),
                    "pointerdown" => {}
                    "pointermove" => {
                        tell(Pointed::Hover(Some(at_s)));
                        // Released elsewhere, it is none any more.
                        if event.buttons() & 1 == 0 {
                            pressed.set_value(None);
                        }
                        let from = pressed.get_value().filter(|(from_x, _)| is_drag(*from_x, x));
                        if let Some((_, from_s)) = from {
                            let range = (from_s.min(at_s) / duration_s, from_s.max(at_s) / duration_s);
                            move_loop_ranges(Some(range));
                        }
                    }
                    "pointerleave" => tell(Pointed::Hover(None)),
                    // The click comes last, behind a drag as well.
                    _ => {
                        let from = pressed.get_value().filter(|(from_x, _)| is_drag(*from_x, x));
                        pressed.set_value(None);
                        tell(match from {
                            Some((_, from_s)) => Pointed::Drag(from_s.min(at_s), from_s.max(at_s)),
                            None => Pointed::Click(at_s),
                        });
                    }
                }
            });
        }
    });
}

/// Where the pointer stands in a plot, from 0 at its left edge to 1.
fn share_of(plot: &Element, event: &MouseEvent) -> f64 {
    let box_of = plot.get_bounding_client_rect();
    let share = (f64::from(event.client_x()) - box_of.left()) / box_of.width().max(1.0);
    share.clamp(0.0, 1.0)
}

fn is_drag(from_x: f64, x: f64) -> bool {
    (x - from_x).abs() >= LEAST_DRAG
}

fn is_touch(event: &MouseEvent) -> bool {
    event
        .dyn_ref::<PointerEvent>()
        .is_some_and(|event| event.pointer_type() == "touch")
}

/// Reports a click in the strip of a source: its number, and the share of its length. Whether there are strips.
pub(super) fn listen_to_strips(go: impl Fn(usize, f64) + Copy + 'static) -> bool {
    let mut has_any = false;
    each(document().query_selector_all("[data-source]").ok(), |strip| {
        let plot = strip.clone();
        let index = strip
            .get_attribute("data-source")
            .and_then(|text| text.parse().ok());
        let Some(index) = index else { return };
        on(strip, "click", move |event| {
            go(index, share_of(&plot, &event));
        });
        has_any = true;
    });
    has_any
}

/// Moves the line of the position in the strip of a source.
pub(super) fn move_strip_playhead(index: usize, share: f64) {
    move_lines(&format!("[data-source=\"{index}\"] .playhead"), Some(share));
}

/// Says whether the large waveform has gone above the screen, whenever that changes.
pub(super) fn listen_to_scroll(tell: impl Fn(bool) + 'static) {
    let Ok(Some(waveform)) = document().query_selector(WAVEFORM) else {
        return;
    };
    let on_scroll = Closure::<dyn FnMut(MouseEvent)>::new(move |_| {
        tell(waveform.get_bounding_client_rect().bottom() < 0.0);
    });
    let _ = window().add_event_listener_with_callback("scroll", on_scroll.as_ref().unchecked_ref());
    on_scroll.forget();
}

/// Shows what is looped, as shares of the length, or hides it.
pub(super) fn move_loop_ranges(range: Option<(f64, f64)>) {
    let (from, to) = range.unwrap_or((-0.01, -0.01));
    each(document().query_selector_all(LOOP_RANGES).ok(), |each| {
        let _ = each.set_attribute("x", &format!("{:.2}%", from * 100.0));
        let _ = each.set_attribute("width", &format!("{:.2}%", (to - from) * 100.0));
    });
}

/// Widens the charts to so many times the page, with `share` of the length in sight.
pub(super) fn set_zoom(times: u32, share: f64) {
    each(document().query_selector_all(ZOOM).ok(), |zoom| {
        let _ = zoom.set_attribute("data-times", &times.to_string());
    });
    keep_in_sight(share);
}

/// Scrolls widened charts where `share` of the length is out of sight.
pub(super) fn keep_in_sight(share: f64) {
    each(document().query_selector_all(ZOOM).ok(), |zoom| {
        let (seen, whole) = (f64::from(zoom.client_width()), f64::from(zoom.scroll_width()));
        let place = whole * share.clamp(0.0, 1.0) - f64::from(zoom.scroll_left());
        if whole > seen && !(0.0..seen).contains(&place) {
            // Pixels of a screen.
            zoom.set_scroll_left((whole * share - seen / 8.0) as i32);
        }
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
        // The browser reads numbers already; ours would be twelve kilobytes of tables.
        let number = |name: &str| {
            let number = js_sys::parse_float(&link.get_attribute(name)?);
            number.is_finite().then_some(number)
        };
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
