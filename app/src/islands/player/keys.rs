//! Keys for who works in a report all day, what they do, and when they are somebody else's. A key of one character can be in the
//! way of speech input, so they can be switched off (WCAG 2.1.4).

use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, KeyboardEvent};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Toggle,
    /// So many steps of [`STEP_S`] ahead, or back.
    Skip(i8),
    /// To the source of this number, counted from 0.
    Source(usize),
    Mono,
    Side,
    Loop,
    Help,
}

/// How far an arrow goes, in seconds.
pub(super) const STEP_S: f64 = 5.0;
/// What the help says: keys and what they do.
pub(super) const HELP: [(&str, &str); 6] = [
    ("Space", "Play or pause"),
    ("← →", "5 seconds back or ahead"),
    ("1 to 4", "Source A to D"),
    ("M, S", "Mono, side; again for stereo"),
    ("L", "Loop on or off"),
    ("?", "This list"),
];

/// What the key of this name does, as `KeyboardEvent.key` spells it.
fn key(name: &str) -> Option<Key> {
    Some(match name {
        " " => Key::Toggle,
        "ArrowLeft" => Key::Skip(-1),
        "ArrowRight" => Key::Skip(1),
        "1" | "2" | "3" | "4" => Key::Source(usize::from(name.as_bytes()[0] - b'1')),
        "m" | "M" => Key::Mono,
        "s" | "S" => Key::Side,
        "l" | "L" => Key::Loop,
        "?" => Key::Help,
        _ => return None,
    })
}

/// Whether `pressed` means something else where an element of this kind has the focus: fields take every key, and a space
/// presses what can be pressed. `scrolls` says that arrows move what is in it.
fn is_taken(pressed: Key, tag: &str, scrolls: bool) -> bool {
    match tag {
        "INPUT" | "TEXTAREA" | "SELECT" => true,
        "BUTTON" | "A" | "SUMMARY" => pressed == Key::Toggle,
        _ => scrolls && matches!(pressed, Key::Skip(_)),
    }
}

/// Listens for as long as the page is open.
pub(super) fn listen_to_keys(act: impl Fn(Key) + 'static) {
    let on_key = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() || event.is_composing() {
            return;
        }
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        let Some((pressed, target)) = key(&event.key()).zip(target) else {
            return;
        };
        let scrolls = target.class_name().contains("scroller");
        if is_taken(pressed, &target.tag_name(), scrolls)
            || target.closest("dialog").is_ok_and(|dialog| dialog.is_some())
        {
            return;
        }
        event.prevent_default();
        act(pressed);
    });
    let document = leptos::prelude::document();
    let _ = document.add_event_listener_with_callback("keydown", on_key.as_ref().unchecked_ref());
    on_key.forget();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_left_to_fields_buttons_and_what_scrolls() {
        assert_eq!(key(" "), Some(Key::Toggle));
        assert_eq!(key("3"), Some(Key::Source(2)));
        assert_eq!((key("x"), key("Tab"), key("5")), (None, None, None));
        for pressed in [Key::Toggle, Key::Skip(1), Key::Mono, Key::Source(0)] {
            assert!(is_taken(pressed, "INPUT", false) && is_taken(pressed, "TEXTAREA", false));
            assert_eq!(is_taken(pressed, "BUTTON", false), pressed == Key::Toggle);
            assert!(!is_taken(pressed, "BODY", false));
            assert_eq!(is_taken(pressed, "DIV", true), pressed == Key::Skip(1));
        }
    }
}
