//! The player: a signed link that lasts a few minutes, asked for when it is needed, and a position that the charts share.

use std::time::Duration;

use leptos::{ev, html::Audio, prelude::*, task::spawn_local};
use model::AnalysisId;
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, HtmlAudioElement, HtmlInputElement, MouseEvent};

use super::desk::{Desk, Mode};
use crate::{api, format};

/// The charts over time; a click in one seeks.
const SEEKABLE: &str = "svg.plot:has(.playhead)";

/// The line in each chart that marks the position.
const PLAYHEAD: &str = ".playhead";

/// The links to places in the song, in receipts and lists; a click plays from there.
const PLACES: &str = "[data-seek]";

/// How long the sound takes to fade before a jump.
const FADE: Duration = Duration::from_millis(40);

/// How far the arrow keys of the position slider seek, in seconds.
const STEP_S: f64 = 1.0;

/// Plays the audio of an analysis.
#[island]
pub fn Player(
    /// Which analysis.
    id: AnalysisId,
    /// Its length in seconds.
    duration_s: f64,
) -> impl IntoView {
    let audio = NodeRef::<Audio>::new();
    let playing = RwSignal::new(false);
    let position = RwSignal::new(0.0_f64);
    let message = RwSignal::new(None::<String>);
    let linked = RwSignal::new(false);

    // The wrapper stands inside the option: on the server there is never one, and so nothing that must be dropped on the
    // thread that made it. (`new_local` wraps the empty option, too, and panics where a page wanders between threads.)
    let desk = StoredValue::new(None::<SendWrapper<Desk>>);
    let mode = RwSignal::new(Mode::Stereo);
    // The stretch that a place named, and whether it is repeated.
    let stretch = RwSignal::new(None::<(f64, f64)>);
    let looping = RwSignal::new(false);

    // Where playing goes on once the link is there.
    let wanted = RwSignal::new(None::<f64>);
    let link = move |then_play: bool| {
        spawn_local(async move {
            match api::listen(id).await {
                Ok(found) => {
                    let Some(audio) = audio.get_untracked() else {
                        return;
                    };
                    message.set(None);
                    linked.set(true);
                    audio.set_src(&found.url);
                    if then_play {
                        play(&audio);
                    }
                }
                Err(error) => message.set(Some(error.0.message)),
            }
        });
    };
    let start = move || {
        let Some(audio) = audio.get_untracked() else {
            return;
        };
        if linked.get_untracked() {
            desk.with_value(|desk| desk.as_ref().map(|desk| desk.resume()));
            play(&audio);
        } else {
            link(true);
        }
    };
    let toggle = move |_| {
        let Some(audio) = audio.get_untracked() else {
            return;
        };
        if !linked.get_untracked() || audio.paused() {
            start();
        } else {
            // Pausing cannot fail in a way that matters.
            let _ = audio.pause();
        }
    };
    let seek = move |to: f64| {
        let to = to.clamp(0.0, duration_s);
        position.set(to);
        match audio.get_untracked() {
            Some(audio) if linked.get_untracked() && audio.ready_state() > 0 => {
                let desk = desk.get_value().filter(|_| !audio.paused());
                match desk {
                    // Silence first, so that the jump is no click; `seeked` opens it again.
                    Some(desk) => {
                        desk.open(false);
                        set_timeout(move || audio.set_current_time(to), FADE);
                    }
                    None => audio.set_current_time(to),
                }
            }
            _ => wanted.set(Some(to)),
        }
    };
    let on_loaded = move |_| {
        if let (Some(audio), Some(to)) = (audio.get_untracked(), wanted.get_untracked()) {
            audio.set_current_time(to);
            wanted.set(None);
        }
    };
    let on_time = move |_| {
        if let Some(audio) = audio.get_untracked()
            && wanted.get_untracked().is_none()
        {
            let now = audio.current_time();
            position.set(now);
            if let Some((from, until)) = stretch.get_untracked()
                && looping.get_untracked()
                && now >= until
            {
                seek(from);
            }
        }
    };
    let on_seeked = move |_| {
        desk.with_value(|desk| desk.as_ref().map(|desk| desk.open(true)));
    };
    let visit = move |from: f64, until: f64| {
        stretch.set(Some((from, until)));
        seek(from);
        start();
    };
    let choose = move |chosen: Mode| {
        let Some(audio) = audio.get_untracked() else {
            return;
        };
        if desk.with_value(Option::is_none) {
            match Desk::new(&audio) {
                Ok(new) => desk.set_value(Some(SendWrapper::new(new))),
                Err(_) => {
                    message.set(Some("Your browser cannot play one channel alone.".into()));
                    return;
                }
            }
        }
        desk.with_value(|desk| {
            if let Some(desk) = desk {
                desk.resume();
                desk.set_mode(chosen);
            }
        });
        mode.set(chosen);
    };
    let on_error = move |_| {
        let Some(audio) = audio.get_untracked() else {
            return;
        };
        if audio.src().is_empty() {
            return;
        }
        linked.set(false);
        // MEDIA_ERR_SRC_NOT_SUPPORTED at the start is the format; later on it is a link that has ended.
        if audio.error().is_some_and(|error| error.code() == 4) && position.get_untracked() == 0.0 {
            message.set(Some(
                "Your browser cannot play this format. The measurements are not affected.".into(),
            ));
        } else {
            wanted.set(Some(position.get_untracked()));
            link(playing.get_untracked());
        }
    };
    Effect::new(move |_| listen_to_charts(duration_s, seek));
    Effect::new(move |_| listen_to_places(visit));
    Effect::new(move |_| move_playheads(position.get() / duration_s.max(0.001)));

    let on_slide = move |event: ev::Event| {
        if let Some(input) = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        {
            seek(input.value_as_number());
        }
    };
    view! {
        <div class="player" role="group" aria-label="Player">
            <button type="button" class="player__button" aria-label=move || if playing.get() { "Pause" } else { "Play" } on:click=toggle>
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d=move || if playing.get() { "M7 5h4v14H7zM13 5h4v14h-4z" } else { "M8 4.500l12 7.500l-12 7.500z" }></path>
                </svg>
            </button>
            <span class="player__time num">{move || format::clock(position.get())}</span>
            <input
                class="player__position"
                type="range"
                min="0"
                max=format!("{duration_s:.1}")
                step=STEP_S.to_string()
                aria-label="Position"
                aria-valuetext=move || format!("{} of {}", format::clock(position.get()), format::clock(duration_s))
                prop:value=move || position.get().to_string()
                on:input=on_slide
            />
            <span class="player__time num">{format::clock(duration_s)}</span>
            <div class="player__tools">
                <div class="segments" role="group" aria-label="What is heard">
                    {Mode::ALL
                        .into_iter()
                        .map(|each| {
                            view! {
                                <button
                                    type="button"
                                    title=each.help()
                                    aria-pressed=move || (mode.get() == each).to_string()
                                    on:click=move |_| choose(each)
                                >
                                    {each.name()}
                                </button>
                            }
                        })
                        .collect_view()}
                </div>
                <button
                    type="button"
                    class="player__loop"
                    aria-pressed=move || looping.get().to_string()
                    disabled=move || stretch.get().is_none()
                    on:click=move |_| looping.update(|looping| *looping = !*looping)
                >
                    {move || match stretch.get() {
                        Some((from, until)) => {
                            format!("Loop {}{}{}", format::clock(from), format::DASH, format::clock(until))
                        }
                        None => "Loop a place".to_owned(),
                    }}
                </button>
            </div>
            <audio
                node_ref=audio
                preload="metadata"
                crossorigin="anonymous"
                on:play=move |_| playing.set(true)
                on:pause=move |_| playing.set(false)
                on:ended=move |_| playing.set(false)
                on:loadedmetadata=on_loaded
                on:timeupdate=on_time
                on:seeked=on_seeked
                on:error=on_error
            ></audio>
            <p class="player__message" role="status">{move || message.get()}</p>
        </div>
    }
}

fn play(audio: &HtmlAudioElement) {
    // A refusal by the browser arrives as an error event as well.
    let _ = audio.play();
}

/// A click in a chart over time seeks to that time.
fn listen_to_charts(duration_s: f64, seek: impl Fn(f64) + Copy + 'static) {
    let Ok(charts) = document().query_selector_all(SEEKABLE) else {
        return;
    };
    for at in 0..charts.length() {
        let Some(chart) = charts.item(at).and_then(|node| node.dyn_into::<Element>().ok()) else {
            continue;
        };
        let plot = chart.clone();
        let on_click = Closure::<dyn FnMut(MouseEvent)>::new(move |event: MouseEvent| {
            let place = plot.get_bounding_client_rect();
            seek((f64::from(event.client_x()) - place.left()) / place.width().max(1.0) * duration_s);
        });
        // A chart without the listener is a chart all the same.
        let _ = chart.add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
        on_click.forget();
    }
}

/// A click on a place plays from there.
fn listen_to_places(visit: impl Fn(f64, f64) + Copy + 'static) {
    let on_click = Closure::<dyn FnMut(MouseEvent)>::new(move |event: MouseEvent| {
        let link = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|target| target.closest(PLACES).ok().flatten());
        let Some(link) = link else {
            return;
        };
        let number = |name: &str| link.get_attribute(name).and_then(|text| text.parse::<f64>().ok());
        if let (Some(from), Some(until)) = (number("data-seek"), number("data-until")) {
            event.prevent_default();
            visit(from, until);
        }
    });
    let _ = document().add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
    on_click.forget();
}

/// Marks the share `0..=1` of the length in every chart over time.
fn move_playheads(share: f64) {
    let Ok(lines) = document().query_selector_all(PLAYHEAD) else {
        return;
    };
    let x = format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0);
    for at in 0..lines.length() {
        if let Some(line) = lines.item(at).and_then(|node| node.dyn_into::<Element>().ok()) {
            let _ = line.set_attribute("x1", &x);
            let _ = line.set_attribute("x2", &x);
        }
    }
}
