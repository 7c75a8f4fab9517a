//! The player: sources at one loudness, what is heard of them, and the cursor that it shares with the lanes over time.
//!
//! There is no shortcut of a single key: everything is a button, and the position a slider.

use leptos::{ev, prelude::*};
use model::{
    listening::{Sound, Source, SourceKind},
    report::BANDS,
};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlInputElement;

use super::{
    cursor::{listen_to_charts, listen_to_places, move_playheads, move_probes},
    deck::Deck,
    desk::Mode,
    lanes::{Lane, Lanes},
};
use crate::format;

/// How far the arrow keys of the position slider seek, in seconds.
const STEP_S: f64 = 1.0;

/// Plays a mix and what it is compared with.
#[island]
pub fn Player(
    /// The mix of the page, then what it is compared with; never empty.
    sources: Vec<Source>,
    /// What the lanes under it show.
    lanes: Lanes,
) -> impl IntoView {
    let deck = Deck::new(&sources);
    let length_s = sources.first().map_or(0.0, |mix| mix.duration_s);
    let has_sound = sources.iter().any(|source| source.sound != Sound::Gone);
    let hovered = RwSignal::new(None::<f64>);
    let lanes = StoredValue::new(lanes);

    Effect::new(move |_| {
        listen_to_charts(
            length_s,
            move |to| deck.visit(to, None, false),
            move |at| hovered.set(at),
        );
        listen_to_places(move |from, until| deck.visit(from, Some(until), true));
        deck.await_copies();
    });
    Effect::new(move |_| move_playheads(deck.cursor() / length_s.max(0.001)));
    Effect::new(move |_| move_probes(hovered.get().map(|at| at / length_s.max(0.001))));

    let audios = (0..sources.len())
        .map(|index| {
            view! {
                <audio
                    node_ref=deck.node(index)
                    preload="metadata"
                    crossorigin="anonymous"
                    on:loadedmetadata=move |_| deck.on_loaded(index)
                    on:play=move |_| deck.on_started(index)
                    on:playing=move |_| deck.on_playing(index)
                    on:pause=move |_| deck.on_paused(index)
                    on:ended=move |_| deck.on_ended(index)
                    on:timeupdate=move |_| deck.on_time(index)
                    on:seeked=move |_| deck.on_seeked(index)
                    on:error=move |_| deck.on_error(index)
                ></audio>
            }
        })
        .collect_view();
    view! {
        <div class="player" role="group" aria-label="Player">
            {transport(deck, lanes, has_sound)}
            {(sources.len() > 1).then(|| choice(deck, &sources))}
            {has_sound.then(|| tools(deck))}
            {sound_note(deck, &sources)}
            {read_out(deck, lanes, hovered)}
            {audios}
            <p class="player__message" role="status">{move || deck.message.get()}</p>
        </div>
    }
}

/// The key, the clocks, and the slider that reads the lanes out.
fn transport(deck: Deck, lanes: StoredValue<Lanes>, has_sound: bool) -> AnyView {
    let is_silent = move || deck.sound(deck.active.get()) != Sound::Ready;
    let on_slide = move |event: ev::Event| {
        if let Some(input) = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        {
            deck.seek(input.value_as_number());
        }
    };
    // The slider has no use of its own for these.
    let on_key = move |event: ev::KeyboardEvent| {
        if matches!(event.key().as_str(), " " | "Enter") {
            event.prevent_default();
            deck.toggle();
        }
    };
    let place = Memo::new(move |_| {
        format!(
            "{} of {}",
            format::clock(deck.position()),
            format::clock(deck.duration_s())
        )
    });
    let spoken = Memo::new(move |_| {
        let place = place.get();
        // While it plays the values change faster than anybody can listen.
        if deck.playing.get() || !deck.is_on_axis() {
            return place;
        }
        lanes.with_value(|lanes| {
            let index = lanes.at(deck.cursor());
            let values = lanes.lanes.iter().filter_map(|lane| lane.spoken(index));
            std::iter::once(place)
                .chain(values)
                .collect::<Vec<_>>()
                .join(", ")
        })
    });
    let key = has_sound.then(|| {
        view! {
            <button
                type="button"
                class="player__button"
                disabled=is_silent
                aria-label=move || if deck.playing.get() { "Pause" } else { "Play" }
                on:click=move |_| deck.toggle()
            >
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d=move || if deck.playing.get() { "M7 5h4v14H7zM13 5h4v14h-4z" } else { "M8 4.500l12 7.500l-12 7.500z" }></path>
                </svg>
            </button>
        }
    });
    view! {
        <div class="player__transport">
            {key} <span class="player__time num">{move || format::clock(deck.position())}</span>
            <input
                class="player__position"
                type="range"
                min="0"
                max=move || format!("{:.1}", deck.duration_s())
                step=STEP_S.to_string()
                aria-label="Position"
                aria-valuetext=move || spoken.get()
                prop:value=move || deck.position().to_string()
                on:input=on_slide
                on:keydown=on_key
            /> <span class="player__time num">{move || format::clock(deck.duration_s())}</span>
        </div>
    }
    .into_any()
}

/// Which source is heard, and at which loudness.
fn choice(deck: Deck, sources: &[Source]) -> AnyView {
    let buttons = sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let letter = char::from(b'A' + u8::try_from(index.min(25)).unwrap_or(0));
            let name = match source.kind {
                SourceKind::Mix => "This mix".to_owned(),
                SourceKind::Version | SourceKind::Reference => source.title.clone(),
            };
            let state = move || match deck.sound(index) {
                Sound::Ready if deck.pending.get() == Some(index) => Some("loading"),
                Sound::Ready => None,
                Sound::Making => Some("being prepared"),
                Sound::Gone => Some("audio removed"),
            };
            view! {
                <button
                    type="button"
                    class="source"
                    disabled=move || { index > 0 && deck.sound(index) != Sound::Ready }
                    aria-pressed=move || (deck.active.get() == index).to_string()
                    on:click=move |_| deck.switch(index)
                >
                    <span class="source__letter">{letter}</span>
                    <span class="source__name">{name}</span>
                    {move || state().map(|state| view! { <span class="source__state">{state}</span> })}
                </button>
            }
        })
        .collect_view();
    let gain = move || {
        let matching = deck.matching();
        let gain_db = matching.gains_db.get(deck.active.get()).copied().unwrap_or(0.0);
        match matching.target_lufs {
            None => "Nothing to match: only one of them has a loudness.".to_owned(),
            Some(_) if !deck.is_matched.get() => "Each as loud as it is.".to_owned(),
            Some(target) => format!(
                "{}, matched to {}",
                format::with_unit(gain_db, 1, "dB"),
                format::with_unit(target, 1, "LUFS")
            ),
        }
    };
    view! {
        <div class="player__choice">
            <div class="sources" role="group" aria-label="Source">
                {buttons}
            </div>
            <div class="player__match">
                <button
                    type="button"
                    class="toggle"
                    title="Turns the louder ones down to the quietest; none is turned up"
                    aria-pressed=move || deck.is_matched.get().to_string()
                    on:click=move |_| deck.toggle_matching()
                >
                    "Match loudness"
                </button>
                <span class="player__gain num">{gain}</span>
            </div>
        </div>
    }
    .into_any()
}

/// Mono, side, one band alone, a loop.
fn tools(deck: Deck) -> AnyView {
    let modes = Mode::ALL
        .into_iter()
        .map(|each| {
            view! {
                <button
                    type="button"
                    title=each.help()
                    aria-pressed=move || (deck.mode.get() == each).to_string()
                    on:click=move |_| deck.set_mode(each)
                >
                    {each.name()}
                </button>
            }
        })
        .collect_view();
    let bands =
        std::iter::once(("All", None, "Every frequency".to_owned()))
            .chain(BANDS.into_iter().enumerate().map(|(at, (name, from, to))| {
                (name, Some(at), format!("Only {}", format::band_edges(from, to)))
            }))
            .map(|(name, band, help)| {
                view! {
                    <button
                        type="button"
                        title=help
                        aria-pressed=move || (deck.band.get() == band).to_string()
                        on:click=move |_| deck.set_band(band)
                    >
                        {name}
                    </button>
                }
            })
            .collect_view();
    let loop_label = move || match deck.stretch.get() {
        Some((from, until)) => format!(
            "Loop {}{}{}",
            format::clock(from),
            format::DASH,
            format::clock(until)
        ),
        None => "Loop from here".to_owned(),
    };
    view! {
        <div class="player__tools">
            <div class="segments" role="group" aria-label="What is heard of left and right">
                {modes}
            </div>
            <div class="segments" role="group" aria-label="Which band is heard">
                {bands}
            </div>
            <button
                type="button"
                class="toggle"
                title="Click a place in the receipt to loop it instead"
                aria-pressed=move || deck.looping.get().to_string()
                disabled=move || !deck.is_on_axis()
                on:click=move |_| deck.toggle_loop()
            >
                {loop_label}
            </button>
        </div>
    }
    .into_any()
}

/// Why the mix cannot be played, where it cannot.
fn sound_note(deck: Deck, sources: &[Source]) -> impl IntoView + use<> {
    let others = if sources.len() > 1 {
        "; what it is compared with can"
    } else {
        ""
    };
    let others = if sources.iter().skip(1).any(|source| source.sound != Sound::Gone) {
        others
    } else {
        ""
    };
    move || {
        match deck.sound(0) {
        Sound::Ready => None,
        Sound::Making => Some(
            "A copy to play is being made, because browsers do not play this format. The measurements are from the file itself."
                .to_owned(),
        ),
        Sound::Gone => Some(format!(
            "The audio was removed, so the mix cannot be played here{others}. Every number stays."
        )),
    }
    .map(|words| view! { <p class="player__note" role="status">{words}</p> })
    }
}

/// The values of every lane at the pointer or the position, each in a place of its own.
fn read_out(deck: Deck, lanes: StoredValue<Lanes>, hovered: RwSignal<Option<f64>>) -> AnyView {
    let at = Memo::new(move |_| hovered.get().unwrap_or_else(|| deck.cursor()));
    let index = Memo::new(move |_| lanes.with_value(|lanes| lanes.at(at.get())));
    let cell = |(number, lane): (usize, &Lane)| {
        let value =
            move || lanes.with_value(|lanes| lanes.lanes.get(number).map(|lane| lane.text(index.get())));
        view! {
            <div>
                <dt>
                    {lane.name.clone()} " " <span class="label__unit">{lane.unit.clone()}</span>
                </dt>
                <dd class="num">{value}</dd>
            </div>
        }
    };
    lanes
        .with_value(|lanes| {
            (!lanes.lanes.is_empty()).then(|| {
                view! {
                    <dl class="readout">
                        <div>
                            <dt>{move || if hovered.get().is_some() { "Pointer" } else { "Position" }}</dt>
                            <dd class="num">{move || format::clock_tenths(at.get())}</dd>
                        </div>
                        {lanes.lanes.iter().enumerate().map(cell).collect_view()}
                    </dl>
                }
            })
        })
        .into_any()
}
