//! The player: a signed link that lasts a few minutes, asked for when it is needed, and a position that the charts share.

use leptos::{ev, html::Audio, prelude::*, task::spawn_local};
use model::AnalysisId;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, HtmlAudioElement, HtmlInputElement, MouseEvent};

use crate::{api, format};

/// The charts over time; a click in one seeks.
const SEEKABLE: &str = ".timeline svg.plot";

/// The line in each chart that marks the position.
const PLAYHEAD: &str = ".playhead";

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
    let toggle = move |_| {
        let Some(audio) = audio.get_untracked() else {
            return;
        };
        if !linked.get_untracked() {
            link(true);
        } else if audio.paused() {
            play(&audio);
        } else {
            // Pausing cannot fail in a way that matters.
            let _ = audio.pause();
        }
    };
    let seek = move |to: f64| {
        let to = to.clamp(0.0, duration_s);
        position.set(to);
        match audio.get_untracked() {
            Some(audio) if linked.get_untracked() && audio.ready_state() > 0 => audio.set_current_time(to),
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
            position.set(audio.current_time());
        }
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
            <audio
                node_ref=audio
                preload="metadata"
                on:play=move |_| playing.set(true)
                on:pause=move |_| playing.set(false)
                on:ended=move |_| playing.set(false)
                on:loadedmetadata=on_loaded
                on:timeupdate=on_time
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
