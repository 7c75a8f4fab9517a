//! Carries out what [`PlayerState`] asks for, with an `<audio>` for each source and one audio graph, and reports to it what they
//! do. What the view shows are signals of the state, each set only when its value has changed.

use std::time::Duration;

use leptos::{html::Audio, prelude::*, task::spawn_local};
use model::player::{LoudnessMatch, PlayerSource, PreviewState};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast as _, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlAudioElement;

use super::{
    super::{audio_graph::AudioGraph, browser},
    keys::{Key, STEP_S},
    state::{Access, Command, Event, FADE, Fault, LEAD_S, Mode, PlayerState},
};
use crate::api;

/// How often the page asks whether a preview is there.
const ASK_EVERY: Duration = Duration::from_millis(1500);
/// `MEDIA_ERR_SRC_NOT_SUPPORTED`.
const NOT_SUPPORTED: u16 = 4;
/// The events of an `<audio>` that are listened to.
const EVENTS: [&str; 8] = [
    "loadedmetadata",
    "play",
    "playing",
    "pause",
    "ended",
    "timeupdate",
    "seeked",
    "error",
];

/// The player of a page. All of it is signals and stored values, so that it is copied into every handler.
#[derive(Clone, Copy)]
pub(super) struct Controller {
    state: StoredValue<PlayerState>,
    // The wrapper stands inside the option: on the server there is never one, and so nothing that must be dropped on the
    // thread that made it. (`new_local` wraps the empty option, too, and panics where a page wanders between threads.)
    graph: StoredValue<Option<SendWrapper<AudioGraph>>>,
    nodes: StoredValue<Vec<NodeRef<Audio>>>,
    is_following: StoredValue<bool>,
    positions: StoredValue<Vec<RwSignal<f64>>>,
    previews: StoredValue<Vec<RwSignal<PreviewState>>>,
    pub(super) active: RwSignal<usize>,
    pub(super) pending: RwSignal<Option<usize>>,
    pub(super) playing: RwSignal<bool>,
    pub(super) message: RwSignal<Option<String>>,
    pub(super) is_matched: RwSignal<bool>,
    pub(super) mode: RwSignal<Mode>,
    pub(super) band: RwSignal<Option<usize>>,
    pub(super) stretch: RwSignal<Option<(f64, f64)>>,
    pub(super) looping: RwSignal<bool>,
}

impl Controller {
    pub(super) fn new(sources: &[PlayerSource]) -> Self {
        let state = PlayerState::new(sources);
        Self {
            nodes: StoredValue::new(sources.iter().map(|_| NodeRef::new()).collect()),
            positions: StoredValue::new(sources.iter().map(|_| RwSignal::new(0.0)).collect()),
            previews: StoredValue::new(
                sources
                    .iter()
                    .map(|source| RwSignal::new(source.preview_state))
                    .collect(),
            ),
            graph: StoredValue::new(None),
            is_following: StoredValue::new(false),
            active: RwSignal::new(state.active),
            pending: RwSignal::new(None),
            playing: RwSignal::new(false),
            message: RwSignal::new(None),
            is_matched: RwSignal::new(state.is_matched),
            mode: RwSignal::new(state.mode),
            band: RwSignal::new(None),
            stretch: RwSignal::new(None),
            looping: RwSignal::new(false),
            state: StoredValue::new(state),
        }
    }

    /// The `<audio>` of a source.
    pub(super) fn node(self, index: usize) -> NodeRef<Audio> {
        self.nodes
            .with_value(|nodes| nodes.get(index).copied())
            .unwrap_or_default()
    }

    /// Whether a source can be played.
    pub(super) fn preview_state(self, index: usize) -> PreviewState {
        self.previews
            .with_value(|previews| previews.get(index).copied())
            .map_or(PreviewState::Gone, |preview_state| preview_state.get())
    }

    /// Where the source that is heard stands, in seconds.
    pub(super) fn position(self) -> f64 {
        self.position_of(self.active.get())
    }

    /// Where the mix stands, whatever is heard.
    pub(super) fn cursor(self) -> f64 {
        self.position_of(0)
    }

    /// Where a source stands, in seconds.
    pub(super) fn position_of(self, index: usize) -> f64 {
        self.positions
            .with_value(|positions| positions.get(index).copied())
            .map_or(0.0, |position| position.get())
    }

    /// The length of the source that is heard, in seconds.
    pub(super) fn duration_s(self) -> f64 {
        self.length_of(self.active.get())
    }

    /// The length of a source, in seconds.
    pub(super) fn length_of(self, index: usize) -> f64 {
        self.state
            .with_value(|state| state.tracks.get(index).map_or(0.0, |track| track.duration_s))
    }

    /// Whether it is known where any source is loudest.
    pub(super) fn has_loudest(self) -> bool {
        self.state.with_value(PlayerState::has_loudest)
    }

    /// Whether what is heard is on the time axis of the page.
    pub(super) fn is_on_axis(self) -> bool {
        self.active.track();
        self.state.with_value(PlayerState::is_on_axis)
    }

    /// What each source is changed by, of those that can be played.
    pub(super) fn loudness_match(self) -> LoudnessMatch {
        self.previews.with_value(|previews| {
            for preview_state in previews {
                preview_state.track();
            }
        });
        self.stretch.track();
        self.looping.track();
        self.state.with_value(PlayerState::loudness_match)
    }

    /// Whether loudness is matched over what is looped.
    pub(super) fn is_matched_over_loop(self) -> bool {
        self.stretch.track();
        self.looping.track();
        self.state.with_value(PlayerState::is_matched_over_loop)
    }

    /// Has the state take in what happened, shows it, and carries out what it asks for.
    pub(super) fn send(self, event: Event) {
        let commands = self.state.try_update_value(|state| state.apply(event));
        self.show();
        for command in commands.into_iter().flatten() {
            self.carry_out(command);
        }
    }

    /// What a key of the page does.
    pub(super) fn press(self, key: Key) {
        let or_stereo = |mode: Mode| {
            let is_on = self.mode.get_untracked() == mode;
            Event::SetMode(if is_on { Mode::Stereo } else { mode })
        };
        let is_ready = |index: usize| {
            self.previews.with_value(|previews| {
                previews
                    .get(index)
                    .is_some_and(|preview| preview.get_untracked() == PreviewState::Ready)
            })
        };
        let event = match key {
            Key::Toggle => Event::Toggle,
            Key::Skip(steps) => {
                let to_s = untrack(|| self.position()) + STEP_S * f64::from(steps);
                Event::Seek(to_s.clamp(0.0, untrack(|| self.duration_s())))
            }
            Key::Source(index) if is_ready(index) => Event::Switch(index),
            Key::Mono => or_stereo(Mode::Mono),
            Key::Side => or_stereo(Mode::Side),
            Key::Loop if untrack(|| self.is_on_axis()) => Event::ToggleLoop,
            Key::Source(_) | Key::Loop | Key::Help => return,
        };
        self.send(event);
    }

    fn show(self) {
        // The page may have been left meanwhile.
        let _ = self.state.try_with_value(|state| {
            for (signal, track) in self.positions.get_value().into_iter().zip(&state.tracks) {
                set_changed(signal, &track.position_s);
            }
            for (signal, track) in self.previews.get_value().into_iter().zip(&state.tracks) {
                set_changed(signal, &track.preview_state);
            }
            set_changed(self.active, &state.active);
            set_changed(self.pending, &state.pending);
            set_changed(self.playing, &state.playing);
            set_changed(self.message, &state.message);
            set_changed(self.is_matched, &state.is_matched);
            set_changed(self.mode, &state.mode);
            set_changed(self.band, &state.band);
            set_changed(self.stretch, &state.stretch);
            set_changed(self.looping, &state.looping);
        });
    }

    fn carry_out(self, command: Command) {
        match command {
            Command::OpenGraph => self.open_graph(),
            Command::SetLevels(levels) => self.with_graph(|graph| graph.set_levels(&levels)),
            Command::SetMode(mode) => self.with_graph(|graph| graph.set_mode(mode)),
            Command::SetBand(band) => self.with_graph(|graph| graph.set_band(band)),
            Command::FadeIn => self.with_graph(AudioGraph::fade_in),
            Command::FadeOut => self.with_graph(AudioGraph::fade_out),
            Command::Play(index) => self.with_audio(index, |audio| {
                if let Ok(started) = audio.play() {
                    // A refusal arrives as an error event as well; one that nobody awaits would be reported as ours.
                    spawn_local(async move {
                        let _ = JsFuture::from(started).await;
                    });
                }
            }),
            Command::Pause(index) => self.with_audio(index, |audio| {
                // Pausing cannot fail in a way that matters.
                let _ = audio.pause();
            }),
            Command::SeekTo(index, to_s) => self.with_audio(index, |audio| audio.set_current_time(to_s)),
            Command::CueAhead { next, heard, end_s } => {
                let to_s = (self.time_of(heard).unwrap_or(0.0) + LEAD_S).min(end_s);
                self.with_audio(next, |audio| audio.set_current_time(to_s));
            }
            Command::StartWith { next, heard } => {
                let early_s = heard
                    .and_then(|heard| Some(self.time_of(next)? - self.time_of(heard)?))
                    .unwrap_or(0.0)
                    .clamp(0.0, LEAD_S);
                self.send_after(Duration::from_secs_f64(early_s), Event::StartDue(next));
            }
            Command::RequestLink(index, audio) => spawn_local(async move {
                let link = api::get_audio_link(&audio).await;
                let link = link.map(|link| link.url).map_err(|problem| problem.message);
                self.send(Event::Linked(index, link));
            }),
            Command::SetSource(index, url) => self.with_audio(index, |audio| audio.set_src(&url)),
            Command::Probe(index, url) => spawn_local(async move {
                let access = match browser::fetch_status(&url).await {
                    Some(200..=299) => Access::Readable,
                    Some(401 | 403) => Access::Refused,
                    Some(404 | 410) => Access::Gone,
                    Some(_) => Access::Away,
                    None => Access::Unreachable,
                };
                self.send(Event::Probed(index, access));
            }),
            Command::AfterFade(event) => self.send_after(FADE, *event),
            Command::FollowTime => self.follow_time(),
        }
    }

    fn send_after(self, wait: Duration, event: Event) {
        set_timeout(move || self.send(event), wait);
    }

    /// Listens to every source for as long as the page is open. One listener of one type for all events: as handlers of
    /// the view they would be eight times the download.
    pub(super) fn listen_to_audio(self) {
        for index in 0..self.nodes.with_value(Vec::len) {
            let Some(audio) = self.audio(index) else { continue };
            let heard = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
                if let Some(event) = self.event_of(index, &event.type_()) {
                    self.send(event);
                }
            });
            for event in EVENTS {
                // An event that cannot be listened to leaves a player that knows a little less.
                let _ = audio.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
            }
            heard.forget();
        }
    }

    fn event_of(self, index: usize, name: &str) -> Option<Event> {
        let audio = self.audio(index)?;
        match name {
            "loadedmetadata" => Some(Event::Loaded(index)),
            "play" => Some(Event::Started(index)),
            "playing" => Some(Event::Sounding(index)),
            // Before its end comes a pause, and before some errors, too.
            "pause" => (!audio.ended() && audio.error().is_none()).then_some(Event::Paused(index)),
            "ended" => Some(Event::Ended(index)),
            "timeupdate" => (!audio.seeking()).then(|| Event::Moved(index, audio.current_time())),
            "seeked" => Some(Event::Sought(index)),
            _ => {
                // Not supported at the start is the format or the link; later on it is a link that has ended.
                let is_refused = audio.error().is_some_and(|error| error.code() == NOT_SUPPORTED);
                let fault = if is_refused && audio.current_time() == 0.0 {
                    Fault::AtStart
                } else {
                    Fault::Later
                };
                audio.has_attribute("src").then_some(Event::Failed(index, fault))
            }
        }
    }

    /// Asks for the previews that are being made until they are there.
    pub(super) fn await_previews(self) {
        for (index, track) in self.state.get_value().tracks.into_iter().enumerate() {
            if track.preview_state == PreviewState::Making {
                spawn_local(async move {
                    let mut now = PreviewState::Making;
                    while now == PreviewState::Making {
                        browser::sleep(ASK_EVERY).await;
                        // Offline for a moment; the preview is made without us.
                        now = api::get_preview_state(&track.audio).await.unwrap_or(now);
                    }
                    self.send(Event::Preview(index, now));
                });
            }
        }
    }

    fn open_graph(self) {
        if self.graph.with_value(Option::is_none) {
            let sources: Vec<_> = (0..self.nodes.with_value(Vec::len))
                .filter_map(|index| self.audio(index))
                .collect();
            match AudioGraph::new(&sources) {
                Ok(graph) => self.graph.set_value(Some(SendWrapper::new(graph))),
                Err(_) => self.send(Event::NoGraph),
            }
        }
        self.with_graph(AudioGraph::resume);
    }

    fn follow_time(self) {
        if self.playing.get_untracked() && !self.is_following.get_value() {
            self.is_following.set_value(true);
            request_animation_frame(move || {
                self.is_following.set_value(false);
                let active = self.active.get_untracked();
                if let Some(event) = self.event_of(active, "timeupdate") {
                    self.send(event);
                }
                self.follow_time();
            });
        }
    }

    fn audio(self, index: usize) -> Option<HtmlAudioElement> {
        self.node(index).get_untracked()
    }

    fn time_of(self, index: usize) -> Option<f64> {
        Some(self.audio(index)?.current_time())
    }

    fn with_audio(self, index: usize, act: impl FnOnce(&HtmlAudioElement)) {
        if let Some(audio) = self.audio(index) {
            act(&audio);
        }
    }

    fn with_graph(self, act: impl FnOnce(&AudioGraph)) {
        self.graph.with_value(|graph| {
            if let Some(graph) = graph {
                act(graph);
            }
        });
    }
}

/// Sets a signal whose value is another; whoever reads it would be called for nothing otherwise.
fn set_changed<T: Clone + PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: &T) {
    if signal.with_untracked(|now| now != value) {
        signal.set(value.clone());
    }
}
