//! Small parts that islands share, each of one type: every further type of a view is some kilobytes of download.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlInputElement;

/// A button that is pressed or not.
pub(super) struct PressButton {
    pub(super) class: &'static str,
    /// What it does, for whoever rests on it.
    pub(super) help: String,
    pub(super) label: Signal<String>,
    pub(super) is_pressed: Signal<bool>,
    pub(super) is_disabled: Signal<bool>,
    pub(super) act: Box<dyn Fn()>,
}

/// See [`PressButton`].
pub(super) fn press(button: PressButton) -> impl IntoView + use<> {
    let PressButton {
        class,
        help,
        label,
        is_pressed,
        is_disabled,
        act,
    } = button;
    erased(view! {
        <button
            type="button"
            class=class
            title=help
            disabled=move || is_disabled.get()
            aria-pressed=move || is_pressed.get().to_string()
            on:click=move |_| act()
        >
            {move || label.get()}
        </button>
    })
}

/// A slider that says its value in words.
pub(super) struct Slider {
    pub(super) label: &'static str,
    pub(super) max: Signal<String>,
    pub(super) value: Signal<f64>,
    pub(super) spoken: Signal<String>,
    pub(super) slide: Box<dyn Fn(f64)>,
    /// What Space and Enter do; a slider has no use of its own for them.
    pub(super) enter: Option<Box<dyn Fn()>>,
}

/// See [`Slider`].
pub(super) fn slider(slider: Slider) -> impl IntoView + use<> {
    let Slider {
        label,
        max,
        value,
        spoken,
        slide,
        enter,
    } = slider;
    let on_input = move |event: ev::Event| {
        let input = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        if let Some(input) = input {
            slide(input.value_as_number());
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if let Some(enter) = &enter
            && matches!(event.key().as_str(), " " | "Enter")
        {
            event.prevent_default();
            enter();
        }
    };
    erased(view! {
        <input
            class="slider"
            type="range"
            min="0"
            max=move || max.get()
            step="1"
            aria-label=label
            aria-valuetext=move || spoken.get()
            prop:value=move || value.get().to_string()
            on:input=on_input
            on:keydown=on_key
        />
    })
}

/// A value with its name, in a place of its own.
pub(super) fn reading(name: Signal<String>, unit: String, value: Signal<String>) -> impl IntoView + use<> {
    erased(view! {
        <div>
            <dt>{move || name.get()} " " <span class="label__unit">{unit}</span></dt>
            <dd class="num" translate="no">{move || value.get()}</dd>
        </div>
    })
}

/// On the server a view without its type, which the compiler could not nest as deep as a page is; in the browser the view
/// itself, which is smaller.
#[cfg(feature = "ssr")]
pub(super) fn erased(view: impl IntoView + 'static) -> impl IntoView {
    view.into_any()
}

/// In the browser the view itself.
#[cfg(not(feature = "ssr"))]
pub(super) fn erased<V: IntoView + 'static>(view: V) -> V {
    view
}
