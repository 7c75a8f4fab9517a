//! The player: sources at one loudness, what is heard of them, and the cursor that it shares with the charts over time.
//!
//! `state` decides, `controller` carries out; here is what is seen.
//!
//! Everything is a button, and the position a slider; `keys` is for who would rather not leave the keyboard.

mod blind;
mod controller;
mod keys;
mod state;

pub(super) use state::Mode;

use leptos::prelude::*;
use model::{
    player::{PlayerSource, PreviewState, SourceKind},
    report::BANDS,
};

use self::{
    blind::{BlindTest, Side, TRIALS},
    controller::Controller,
    keys::{HELP, Key, listen_to_keys},
    state::Event,
};
use super::{
    chart_tracks::{ChartTrack, ChartTracks},
    controls::{PressButton, Slider, erased, press, reading, slider},
    cursor::{
        Pointed, keep_in_sight, listen_to_charts, listen_to_scroll, listen_to_strips, listen_to_time_ranges,
        move_loop_ranges, move_playheads, move_pointer_lines, move_strip_playhead, set_zoom,
    },
};
use crate::format;

/// Plays a mix and what it is compared with.
#[island]
pub fn Player(
    /// The mix of the page, then what it is compared with; never empty.
    sources: Vec<PlayerSource>,
    /// The chart tracks under it.
    chart_tracks: ChartTracks,
) -> impl IntoView {
    let player = Controller::new(&sources);
    let length_s = sources.first().map_or(0.0, |mix| mix.duration_s);
    let has_sound = sources.iter().any(|source| source.preview_state.has_sound());
    let hovered = RwSignal::new(None::<f64>);
    let chart_tracks = StoredValue::new(chart_tracks);
    let is_keyed = RwSignal::new(true);
    let is_help_open = RwSignal::new(false);
    let is_away = RwSignal::new(false);
    let count = sources.len();
    // From the first sound on, the transport stays in sight.
    let is_used = Memo::new(move |was| was == Some(&true) || player.playing.get());
    let blind_test = RwSignal::new(None::<BlindTest>);
    // While X is to be told, nothing may say which one is heard.
    let is_blind =
        Memo::new(move |_| blind_test.with(|test| test.as_ref().is_some_and(|test| !test.is_over())));

    Effect::new(move |_| {
        listen_to_charts(length_s, move |pointed| match pointed {
            Pointed::Click(at_s) => player.send(Event::GoTo(at_s)),
            Pointed::Hover(at_s) => hovered.set(at_s),
            Pointed::Drag(from_s, until_s) => player.send(Event::LoopRange(from_s, until_s)),
        });
        listen_to_scroll(move |is_above| {
            if is_away.get_untracked() != is_above {
                is_away.set(is_above);
            }
        });
        let has_strips = listen_to_strips(move |index, share| {
            player.send(Event::PlayFrom(index, share * player.length_of(index)));
        });
        if has_strips {
            Effect::new(move |_| {
                for index in 0..count {
                    let share = player.position_of(index) / player.length_of(index).max(0.001);
                    move_strip_playhead(index, share);
                }
            });
        }
        listen_to_time_ranges(move |from, until| player.send(Event::PlayRange(from, until)));
        listen_to_keys(move |key| {
            if is_keyed.get_untracked() && has_sound {
                if key == Key::Help {
                    is_help_open.update(|is_open| *is_open = !*is_open);
                } else if !(is_blind.get_untracked() && matches!(key, Key::Source(_))) {
                    player.press(key);
                }
            }
        });
        player.listen_to_audio();
        player.await_previews();
    });
    Effect::new(move |_| {
        let share = player.cursor() / length_s.max(0.001);
        move_playheads(share);
        if player.playing.get() {
            keep_in_sight(share);
        }
    });
    Effect::new(move |_| {
        let share = |at_s: f64| at_s / length_s.max(0.001);
        let range = player.stretch.get().filter(|_| player.looping.get());
        move_loop_ranges(range.map(|(from_s, until_s)| (share(from_s), share(until_s))));
    });
    Effect::new(move |_| move_pointer_lines(hovered.get().map(|at| at / length_s.max(0.001))));

    let audios = (0..sources.len())
        .map(|index| view! { <audio node_ref=player.node(index) preload="metadata" crossorigin="anonymous"></audio> })
        .collect_view();
    view! {
        <div
            class="player"
            role="group"
            aria-label="Player"
            data-used=move || is_used.get().to_string()
            data-away=move || is_away.get().to_string()
            data-blind=move || is_blind.get().to_string()
        >
            {transport(player, chart_tracks, has_sound)}
            {(sources.len() > 1).then(|| choice(player, &sources))}
            {is_told_apart(&sources).then(|| blind(player, blind_test))}
            {has_sound.then(|| tools(player, chart_tracks))}
            {has_sound.then(|| key_list(is_keyed, is_help_open))}
            {sound_note(player, &sources)}
            {read_out(player, chart_tracks, hovered)}
            {audios}
            <p class="player__message" role="status">{move || player.message.get()}</p>
        </div>
    }
}

/// The key, the clocks, and the slider that reads the chart tracks out.
fn transport(
    player: Controller,
    chart_tracks: StoredValue<ChartTracks>,
    has_sound: bool,
) -> impl IntoView + use<> {
    let is_silent = move || player.preview_state(player.active.get()) != PreviewState::Ready;
    let clock_text = Memo::new(move |_| {
        format!(
            "{} of {}",
            format::clock(player.position()),
            format::clock(player.duration_s())
        )
    });
    let spoken = Memo::new(move |_| {
        let position_text = clock_text.get();
        // While it plays the values change faster than anybody can listen.
        if player.playing.get() || !player.is_on_axis() {
            return position_text;
        }
        chart_tracks.with_value(|chart_tracks| {
            let index = chart_tracks.at(player.cursor());
            let values = chart_tracks
                .chart_tracks
                .iter()
                .filter_map(|track| track.spoken(index));
            std::iter::once(position_text)
                .chain(values)
                .collect::<Vec<_>>()
                .join(", ")
        })
    });
    let position = slider(Slider {
        label: "Position",
        max: Signal::derive(move || format!("{:.1}", player.duration_s())),
        value: Signal::derive(move || player.position()),
        spoken: spoken.into(),
        slide: Box::new(move |to| player.send(Event::Seek(to))),
        enter: Some(Box::new(move || player.send(Event::Toggle))),
    });
    let key = has_sound.then(|| {
        view! {
            <button
                type="button"
                class="player__button"
                disabled=is_silent
                aria-label=move || if player.playing.get() { "Pause" } else { "Play" }
                on:click=move |_| player.send(Event::Toggle)
            >
                <svg viewBox="0 0 24 24" aria-hidden="true">
                    <path d=move || if player.playing.get() { "M7 5h4v14H7zM13 5h4v14h-4z" } else { "M8 4.500l12 7.500l-12 7.500z" }></path>
                </svg>
            </button>
        }
    });
    erased(view! {
            <div class="player__transport">
                {key} <span class="player__time num" translate="no">{move || format::clock(player.position())}</span>
    {position} <span class="player__time num" translate="no">{move || format::clock(player.duration_s())}</span>
            </div>
        })
}

/// Which source is heard, and at which loudness.
fn choice(player: Controller, sources: &[PlayerSource]) -> impl IntoView + use<> {
    // Renders without a step come last, and are switches of their own.
    let chosen = |(_, source): &(usize, &PlayerSource)| source.kind != SourceKind::StepBypass;
    let buttons = sources
        .iter()
        .enumerate()
        .filter(chosen)
        .map(|(index, source)| {
            let letter = source_letter(index);
            let name = match source.kind {
                SourceKind::Mix => "This mix".to_owned(),
                SourceKind::Render => "The render".to_owned(),
                _ => source.title.clone(),
            };
            let state = move || match player.preview_state(index) {
                PreviewState::Ready if player.pending.get() == Some(index) => Some("loading"),
                PreviewState::Ready => None,
                PreviewState::Making => Some("being prepared"),
                PreviewState::Gone | PreviewState::Withheld => Some("no audio"),
            };
            view! {
                <button
                    type="button"
                    class="source"
                    disabled=move || { index > 0 && player.preview_state(index) != PreviewState::Ready }
                    aria-pressed=move || (player.active.get() == index).to_string()
                    on:click=move |_| player.send(Event::Switch(index))
                >
                    <span class="source__letter">{letter}</span>
                    <span class="source__name">{name}</span>
                    {move || state().map(|state| view! { <span class="source__state">{state}</span> })}
                </button>
            }
        })
        .collect_view();
    let gain = move || {
        let loudness_match = player.loudness_match();
        let over = if player.is_matched_over_loop() {
            " over the loop"
        } else {
            ""
        };
        let gain_db = loudness_match
            .gains_db
            .get(player.active.get())
            .copied()
            .unwrap_or(0.0);
        match loudness_match.target_lufs {
            None => "Nothing to match: only one of them has a loudness.".to_owned(),
            Some(_) if !player.is_matched.get() => "Each as loud as it is.".to_owned(),
            Some(target) => format!(
                "{}, matched to {}{over}",
                format::with_unit(gain_db, 1, "dB"),
                format::with_unit(target, 1, "LUFS")
            ),
        }
    };
    let toggle = press(PressButton {
        class: "toggle",
        help: "Turns the louder ones down to the quietest; none is turned up".to_owned(),
        label: fixed("Match loudness"),
        is_pressed: player.is_matched.into(),
        is_disabled: Signal::stored(false),
        act: Box::new(move || player.send(Event::ToggleMatching)),
    });
    erased(view! {
        <div class="player__choice">
            <div class="sources" role="group" aria-label="Source">
                {buttons}
            </div>
            {bypasses(player, sources)}
            <div class="player__match">
                {toggle}
                <span class="player__gain num" translate="no">{gain}</span>
            </div>
        </div>
    })
}

/// One step of the render after the other to be switched off, and on again, while it plays.
fn bypasses(player: Controller, sources: &[PlayerSource]) -> impl IntoView + use<> {
    let render = sources
        .iter()
        .position(|source| source.kind == SourceKind::Render)
        .unwrap_or_default();
    let switches: Vec<_> = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.kind == SourceKind::StepBypass)
        .map(|(index, source)| {
            let is_off = move || player.pending.get().unwrap_or_else(|| player.active.get()) == index;
            press(PressButton {
                class: "segment",
                help: "The render without this step, at the same place and loudness; again for the render"
                    .to_owned(),
                label: Signal::stored(source.title.clone()),
                is_pressed: Signal::derive(is_off),
                is_disabled: Signal::derive(move || player.preview_state(index) != PreviewState::Ready),
                act: Box::new(move || {
                    player.send(Event::Switch(if untrack(is_off) { render } else { index }));
                }),
            })
        })
        .collect();
    (!switches.is_empty()).then(|| {
        erased(view! {
            <div class="player__bypass">
                <span aria-hidden="true">"Switch off"</span>
                <div class="segments" role="group" aria-label="Switch off a step of the render">
                    {switches}
                </div>
            </div>
        })
    })
}

/// What a source is called for short: A for the mix.
#[must_use]
pub fn source_letter(index: usize) -> char {
    char::from(b'A' + u8::try_from(index.min(25)).unwrap_or(0))
}

/// Whether there is something to be told apart: the same music, made differently.
fn is_told_apart(sources: &[PlayerSource]) -> bool {
    let [mix, other, ..] = sources else { return false };
    let is_same_music = matches!(other.kind, SourceKind::Render | SourceKind::Version);
    is_same_music && mix.preview_state.has_sound() && other.preview_state.has_sound()
}

/// Ten times, whether X is the mix or what stands beside it.
fn blind(player: Controller, test: RwSignal<Option<BlindTest>>) -> impl IntoView + use<> {
    // What is heard: one of the two, or X.
    let heard = RwSignal::new(None::<Option<Side>>);
    let from_s = RwSignal::new(0.0);
    let is_running = move || test.with(|test| test.as_ref().is_some_and(|test| !test.is_over()));
    let x = move || test.with_untracked(|test| test.as_ref().map(BlindTest::x));
    let hear = move |what: Option<Side>| {
        let source = match what.or_else(x) {
            Some(Side::B) => 1,
            _ => 0,
        };
        heard.set(Some(what));
        player.send(Event::PlayFrom(source, from_s.get_untracked()));
    };
    let begin = move || {
        let place = player.stretch.get_untracked().map(|(from, _)| from);
        from_s.set(place.unwrap_or_else(|| untrack(|| player.cursor())));
        if !player.is_matched.get_untracked() {
            player.send(Event::ToggleMatching);
        }
        heard.set(None);
        // An even number between 0 and 2^32; chance, and no secret.
        test.set(Some(BlindTest::new(
            (js_sys::Math::random() * 4_294_967_296.0) as u32,
        )));
    };
    let listen = |label: &'static str, what: Option<Side>| {
        press(PressButton {
            class: "segment",
            help: "Plays it from where the test began".to_owned(),
            label: fixed(label),
            is_pressed: Signal::derive(move || heard.get() == Some(what)),
            is_disabled: Signal::derive(move || !is_running()),
            act: Box::new(move || hear(what)),
        })
    };
    let say = |label: &'static str, side: Side| {
        press(PressButton {
            class: "toggle",
            help: String::new(),
            label: fixed(label),
            is_pressed: Signal::stored(false),
            is_disabled: Signal::derive(move || !is_running() || heard.get() != Some(None)),
            act: Box::new(move || {
                test.update(|test| {
                    if let Some(test) = test {
                        test.answer(side);
                    }
                });
                heard.set(None);
                if player.playing.get_untracked() {
                    player.send(Event::Toggle);
                }
            }),
        })
    };
    let switch = press(PressButton {
        class: "toggle",
        help: String::new(),
        label: Signal::derive(move || if is_running() { "Stop the test" } else { "Begin" }.to_owned()),
        is_pressed: Signal::derive(is_running),
        is_disabled: Signal::stored(false),
        act: Box::new(move || if is_running() { test.set(None) } else { begin() }),
    });
    let words = move || {
        test.with(|test| match test {
            None => format!(
                "Ten times, X is A or B from where you are, at one loudness. Listen, and say which. Whether you hear a difference shows \
                 after {TRIALS}."
            ),
            Some(test) if test.is_over() => test.result(),
            Some(test) => format!("Trial {} of {TRIALS}. Play X, then say which one it is.", test.trial()),
        })
    };
    erased(view! {
        <details class="player__blind">
            <summary>"Blind test"</summary>
            <p role="status">{words}</p>
            <div class="player__tools">
                {switch}
                <div class="segments" role="group" aria-label="What is played">
                    {listen("A", Some(Side::A))}
                    {listen("B", Some(Side::B))}
                    {listen("X", None)}
                </div>
                {say("X is A", Side::A)}
                {say("X is B", Side::B)}
            </div>
        </details>
    })
}

/// Mono, side, one band alone, a loop, the loudest part.
fn tools(player: Controller, chart_tracks: StoredValue<ChartTracks>) -> impl IntoView + use<> {
    let segment = |label: &'static str, help: String, is_pressed: Signal<bool>, act: Box<dyn Fn()>| {
        press(PressButton {
            class: "segment",
            help,
            label: fixed(label),
            is_pressed,
            is_disabled: Signal::stored(false),
            act,
        })
    };
    let modes = Mode::ALL
        .into_iter()
        .map(|each| {
            let is_pressed = Signal::derive(move || player.mode.get() == each);
            segment(
                each.name(),
                each.help().to_owned(),
                is_pressed,
                Box::new(move || player.send(Event::SetMode(each))),
            )
        })
        .collect_view();
    let bands = std::iter::once(("All", None, "Every frequency".to_owned()))
        .chain(
            BANDS
                .into_iter()
                .enumerate()
                .map(|(at, model::report::Band { name, from_hz, to_hz })| {
                    (
                        name,
                        Some(at),
                        format!("Only {}", format::band_edges(from_hz, to_hz)),
                    )
                }),
        )
        .map(|(name, band, help)| {
            let is_pressed = Signal::derive(move || player.band.get() == band);
            segment(
                name,
                help,
                is_pressed,
                Box::new(move || player.send(Event::SetBand(band))),
            )
        })
        .collect_view();
    let loop_label = move || match player.stretch.get() {
        Some((from, until)) => format!(
            "Loop {}{}{}",
            format::clock(from),
            format::DASH,
            format::clock(until)
        ),
        None => "Loop from here".to_owned(),
    };
    let loops = press(PressButton {
        class: "toggle",
        help: "Drag over the waveform, or click a place in the receipt, to loop that instead".to_owned(),
        label: Signal::derive(loop_label),
        is_pressed: player.looping.into(),
        is_disabled: Signal::derive(move || !player.is_on_axis()),
        act: Box::new(move || player.send(Event::ToggleLoop)),
    });
    let has_charts = chart_tracks.with_value(|chart_tracks| !chart_tracks.chart_tracks.is_empty());
    let loudest = player.has_loudest().then(|| {
        press(PressButton {
            class: "toggle",
            help: "Everything goes to where it is loudest".to_owned(),
            label: fixed("Loudest part"),
            is_pressed: Signal::stored(false),
            is_disabled: Signal::stored(false),
            act: Box::new(move || player.send(Event::GoToLoudest)),
        })
    });
    erased(view! {
        <div class="player__tools">
            <div class="segments" role="group" aria-label="What is heard of left and right">
                {modes}
            </div>
            <div class="segments" role="group" aria-label="Which band is heard">
                {bands}
            </div>
            {loops}
            {loudest}
            {has_charts.then(|| zoom(player))}
        </div>
    })
}

/// How many times the charts are as wide as the page.
fn zoom(player: Controller) -> impl IntoView + use<> {
    let times = RwSignal::new(1_u32);
    let buttons = [1, 2, 4, 8]
        .map(|each| {
            press(PressButton {
                class: "segment",
                help: "The charts over time, so many times as wide".to_owned(),
                label: Signal::stored(format!("{each}×")),
                is_pressed: Signal::derive(move || times.get() == each),
                is_disabled: Signal::stored(false),
                act: Box::new(move || {
                    times.set(each);
                    set_zoom(each, untrack(|| player.cursor() / player.length_of(0).max(0.001)));
                }),
            })
        })
        .collect_view();
    view! {
        <div class="player__zoom">
            <span aria-hidden="true">"Zoom"</span>
            <div class="segments" role="group" aria-label="Zoom of the charts over time">
                {buttons}
            </div>
        </div>
    }
}

/// Which keys there are, and the way to be rid of them.
fn key_list(is_keyed: RwSignal<bool>, is_open: RwSignal<bool>) -> impl IntoView + use<> {
    let rows = HELP
        .map(|(key, does)| view! { <dt><kbd>{key}</kbd></dt><dd>{does}</dd> })
        .collect_view();
    let switch = press(PressButton {
        class: "toggle",
        help: "Off, the page does nothing with keys of its own".to_owned(),
        label: fixed("Use these keys"),
        is_pressed: is_keyed.into(),
        is_disabled: Signal::stored(false),
        act: Box::new(move || is_keyed.update(|is_on| *is_on = !*is_on)),
    });
    erased(view! {
        <details class="player__keys" open=move || is_open.get()>
            <summary>"Keys"</summary>
            <dl>{rows}</dl>
            {switch}
        </details>
    })
}

/// Why the mix cannot be played, where it cannot.
fn sound_note(player: Controller, sources: &[PlayerSource]) -> impl IntoView + use<> {
    let is_other_heard = sources
        .iter()
        .skip(1)
        .any(|source| source.preview_state.has_sound());
    let others = if is_other_heard {
        "; what it is compared with can"
    } else {
        ""
    };
    move || {
        match player.preview_state(0) {
        PreviewState::Ready => None,
        PreviewState::Making => Some(
            "A copy to play is being made, because browsers do not play this format. The measurements are from the file itself."
                .to_owned(),
        ),
        PreviewState::Withheld => Some("Shared without its audio.".to_owned()),
        PreviewState::Gone => Some(format!(
            "The audio was removed, so the mix cannot be played here{others}. Every number stays."
        )),
    }
    .map(|words| view! { <p class="player__note" role="status">{words}</p> })
    }
}

/// The values of every chart track at the pointer or the position, each in a place of its own.
fn read_out(
    player: Controller,
    chart_tracks: StoredValue<ChartTracks>,
    hovered: RwSignal<Option<f64>>,
) -> impl IntoView + use<> {
    let at = Memo::new(move |_| hovered.get().unwrap_or_else(|| player.cursor()));
    let index = Memo::new(move |_| chart_tracks.with_value(|chart_tracks| chart_tracks.at(at.get())));
    let cell = |(number, track): (usize, &ChartTrack)| {
        let value = Signal::derive(move || {
            chart_tracks
                .with_value(|chart_tracks| {
                    chart_tracks
                        .chart_tracks
                        .get(number)
                        .map(|track| track.text(index.get()))
                })
                .unwrap_or_default()
        });
        reading(Signal::stored(track.name.clone()), track.unit.clone(), value)
    };
    let cells = chart_tracks.with_value(|chart_tracks| {
        chart_tracks
            .chart_tracks
            .iter()
            .enumerate()
            .map(cell)
            .collect::<Vec<_>>()
    });
    let moment = reading(
        Signal::derive(move || {
            if hovered.get().is_some() {
                "Pointer"
            } else {
                "Position"
            }
            .to_owned()
        }),
        String::new(),
        Signal::derive(move || format::clock_tenths(at.get())),
    );
    let has_tracks = !cells.is_empty();
    erased(has_tracks.then(|| view! { <dl class="readout">{moment} {cells}</dl> }))
}

/// A label that never changes.
fn fixed(text: &'static str) -> Signal<String> {
    Signal::stored(text.to_owned())
}
