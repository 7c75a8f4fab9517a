//! What the player does: several sources, one of them heard; switching, seeking and looping without a click.
//!
//! Each source has its own `<audio>`, which asks for its signed link when it is first chosen. Versions of one song share
//! one position; another song keeps its own.

mod engine;
mod events;

use std::time::Duration;

use leptos::{html::Audio, prelude::*, task::spawn_local};
use model::{
    AnalysisId,
    player::{LoudnessMatch, PlayerSource, PreviewState, match_loudness},
};
use send_wrapper::SendWrapper;
use web_sys::HtmlAudioElement;

use super::{
    audio_graph::{AudioGraph, Mode},
    browser,
};
use crate::api;

/// How long the sound takes to fade before a jump or a pause.
const FADE: Duration = Duration::from_millis(60);
/// How far ahead a version is cued before it takes over, in seconds: its `<audio>` needs some of it to seek.
const LEAD_S: f64 = 0.2;
/// The length of a loop that nobody gave one, in seconds.
const LOOP_S: f64 = 8.0;
/// How often the page asks whether a preview is there.
const ASK_EVERY: Duration = Duration::from_millis(1500);
/// `MEDIA_ERR_SRC_NOT_SUPPORTED`.
const NOT_SUPPORTED: u16 = 4;

/// The state of the player. All of it is signals and stored values, so that it is copied into every handler.
#[derive(Clone, Copy)]
pub(super) struct PlayerState {
    tracks: StoredValue<Vec<Track>>,
    // The wrapper stands inside the option: on the server there is never one, and so nothing that must be dropped on the
    // thread that made it. (`new_local` wraps the empty option, too, and panics where a page wanders between threads.)
    graph: StoredValue<Option<SendWrapper<AudioGraph>>>,
    /// Which source is heard.
    pub(super) active: RwSignal<usize>,
    /// Which source will be, once it can.
    pub(super) pending: RwSignal<Option<usize>>,
    /// Whether it plays, or shall as soon as it can.
    pub(super) playing: RwSignal<bool>,
    /// What went wrong.
    pub(super) message: RwSignal<Option<String>>,
    /// Whether all are played at one loudness.
    pub(super) is_matched: RwSignal<bool>,
    /// What is heard of left and right.
    pub(super) mode: RwSignal<Mode>,
    /// The one band that is heard.
    pub(super) band: RwSignal<Option<usize>>,
    /// The stretch that is repeated or would be, in seconds.
    pub(super) stretch: RwSignal<Option<(f64, f64)>>,
    /// Whether it is.
    pub(super) looping: RwSignal<bool>,
    is_ticking: StoredValue<bool>,
}

#[derive(Clone, Copy)]
struct Track {
    id: AnalysisId,
    node: NodeRef<Audio>,
    duration_s: f64,
    integrated_lufs: Option<f64>,
    gain_db: f64,
    shares_time: bool,
    position: RwSignal<f64>,
    preview_state: RwSignal<PreviewState>,
    is_linked: StoredValue<bool>,
    /// Where to go once the audio is there.
    wanted: StoredValue<Option<f64>>,
}

impl PlayerState {
    /// The first source is the mix of the page.
    pub(super) fn new(sources: &[PlayerSource]) -> Self {
        let shared = RwSignal::new(0.0);
        let tracks: Vec<_> = sources
            .iter()
            .map(|source| {
                let shares_time = sources.first().is_some_and(|mix| source.shares_time_with(mix));
                Track {
                    id: source.id,
                    node: NodeRef::new(),
                    duration_s: source.duration_s,
                    integrated_lufs: source.integrated_lufs,
                    gain_db: source.gain_db,
                    shares_time,
                    position: if shares_time { shared } else { RwSignal::new(0.0) },
                    preview_state: RwSignal::new(source.preview_state),
                    is_linked: StoredValue::new(false),
                    wanted: StoredValue::new(None),
                }
            })
            .collect();
        Self {
            tracks: StoredValue::new(tracks),
            graph: StoredValue::new(None),
            active: RwSignal::new(0),
            pending: RwSignal::new(None),
            playing: RwSignal::new(false),
            message: RwSignal::new(None),
            is_matched: RwSignal::new(true),
            mode: RwSignal::new(Mode::Stereo),
            band: RwSignal::new(None),
            stretch: RwSignal::new(None),
            looping: RwSignal::new(false),
            is_ticking: StoredValue::new(false),
        }
    }

    /// The `<audio>` of a source.
    pub(super) fn node(self, index: usize) -> NodeRef<Audio> {
        self.track(index).map_or_else(NodeRef::new, |track| track.node)
    }

    /// Whether a source can be played.
    pub(super) fn preview_state(self, index: usize) -> PreviewState {
        self.track(index)
            .map_or(PreviewState::Gone, |track| track.preview_state.get())
    }

    /// Where the source that is heard stands, in seconds.
    pub(super) fn position(self) -> f64 {
        self.track(self.active.get())
            .map_or(0.0, |track| track.position.get())
    }

    /// Where the mix stands, whatever is heard.
    pub(super) fn cursor(self) -> f64 {
        self.track(0).map_or(0.0, |track| track.position.get())
    }

    /// The length of the source that is heard, in seconds.
    pub(super) fn duration_s(self) -> f64 {
        self.track(self.active.get())
            .map_or(0.0, |track| track.duration_s)
    }

    /// Whether what is heard is on the time axis of the page.
    pub(super) fn is_on_axis(self) -> bool {
        self.track(self.active.get())
            .is_none_or(|track| track.shares_time)
    }

    /// What each source is changed by, of those that can be played.
    pub(super) fn loudness_match(self) -> LoudnessMatch {
        let known = |track: &Track| {
            track
                .integrated_lufs
                .filter(|_| track.preview_state.get() != PreviewState::Gone)
        };
        match_loudness(
            &self
                .tracks
                .with_value(|tracks| tracks.iter().map(known).collect::<Vec<_>>()),
        )
    }

    /// Plays, or pauses.
    pub(super) fn toggle(self) {
        if self.playing.get_untracked() {
            self.pause();
        } else {
            self.play();
        }
    }

    /// Plays from where it stands.
    pub(super) fn play(self) {
        let index = self.active.get_untracked();
        let Some((track, audio)) = self.loaded(index) else {
            return;
        };
        if track.preview_state.get_untracked() != PreviewState::Ready {
            return;
        }
        self.open_audio_graph();
        self.apply_levels();
        self.playing.set(true);
        if track.is_linked.get_value() {
            self.with_graph(|graph| graph.open(true));
            play(&audio);
            self.tick();
        } else {
            self.link(index);
        }
    }

    fn pause(self) {
        self.playing.set(false);
        self.pending.set(None);
        self.with_graph(|graph| graph.open(false));
        let player = self;
        let stop = move || {
            if !player.playing.get_untracked() {
                for (_, audio) in player.all_loaded() {
                    // Pausing cannot fail in a way that matters.
                    let _ = audio.pause();
                }
            }
        };
        set_timeout(stop, FADE);
    }

    /// Goes to a place of the source that is heard.
    pub(super) fn seek(self, to: f64) {
        let Some((track, audio)) = self.loaded(self.active.get_untracked()) else {
            return;
        };
        let to = to.clamp(0.0, track.duration_s);
        track.position.set(to);
        if !track.is_linked.get_value() || audio.ready_state() == 0 {
            track.wanted.set_value(Some(to));
        } else if self.playing.get_untracked() && self.graph.with_value(Option::is_some) {
            // Silence first, so that the jump is no click; `seeked` opens it again.
            self.with_graph(|graph| graph.open(false));
            track.wanted.set_value(Some(to));
            let jump = move || {
                if let Some(to) = track.wanted.get_value() {
                    track.wanted.set_value(None);
                    audio.set_current_time(to);
                }
            };
            set_timeout(jump, FADE);
        } else {
            audio.set_current_time(to);
        }
    }

    /// Goes to a position of the mix, in seconds; what plays goes on from there.
    pub(super) fn go_to(self, position_s: f64) {
        if !self.is_on_axis_untracked() {
            self.stop_all_but(0);
            self.active.set(0);
            self.pending.set(None);
            self.playing.set(false);
        }
        self.seek(position_s);
    }

    /// Plays the mix from the start of a time range, in seconds, which becomes the stretch to loop.
    pub(super) fn play_range(self, from_s: f64, until_s: f64) {
        self.go_to(from_s);
        self.stretch.set(Some((from_s, until_s)));
        if !self.playing.get_untracked() {
            self.play();
        }
    }

    /// Repeats the stretch or not; without one, some seconds from here.
    pub(super) fn toggle_loop(self) {
        if self.stretch.get_untracked().is_none() {
            let from = self.position_untracked();
            self.stretch
                .set(Some((from, (from + LOOP_S).min(self.duration_untracked()))));
        }
        self.looping.update(|looping| *looping = !*looping);
    }

    /// Has another source heard. What plays goes on until the other one is ready.
    pub(super) fn switch(self, to: usize) {
        if to == self.active.get_untracked() {
            self.pending.set(None);
            return;
        }
        let Some((track, _)) = self.loaded(to) else {
            return;
        };
        self.message.set(None);
        if track.preview_state.get_untracked() != PreviewState::Ready {
            // The lanes belong to the mix, and are read out whether it can be heard or not.
            if to == 0 {
                self.pause();
                self.active.set(0);
            }
            return;
        }
        if !self.playing.get_untracked() {
            // Versions share the number already; this makes the element follow it.
            track.wanted.set_value(Some(track.position.get_untracked()));
            self.active.set(to);
            self.apply_levels();
            if let Some((track, audio)) = self.loaded(to)
                && audio.ready_state() > 0
                && let Some(to) = track.wanted.get_value()
            {
                track.wanted.set_value(None);
                audio.set_current_time(to);
            }
            return;
        }
        self.pending.set(Some(to));
        if track.is_linked.get_value() {
            self.cue(to);
        } else {
            self.link(to);
        }
    }

    /// Brings the source that shall be heard to its place; `seeked` or `playing` goes on.
    fn cue(self, to: usize) {
        let (Some((next, audio)), Some((now, heard))) =
            (self.loaded(to), self.loaded(self.active.get_untracked()))
        else {
            return;
        };
        if audio.ready_state() == 0 {
            return;
        }
        if next.shares_time && now.shares_time {
            audio.set_current_time((heard.current_time() + LEAD_S).min(next.duration_s));
        } else {
            audio.set_current_time(next.position.get_untracked());
        }
    }

    pub(super) fn set_mode(self, mode: Mode) {
        self.mode.set(mode);
        self.open_audio_graph();
        self.with_graph(|graph| graph.set_mode(mode));
    }

    pub(super) fn set_band(self, band: Option<usize>) {
        self.band.set(band);
        self.open_audio_graph();
        self.with_graph(|graph| graph.set_band(band));
    }

    pub(super) fn toggle_matching(self) {
        self.is_matched.update(|is_matched| *is_matched = !*is_matched);
        self.apply_levels();
    }

    /// Asks for the copies that are being made until they are there.
    pub(super) fn await_copies(self) {
        for track in self.tracks.get_value() {
            if track.preview_state.get_untracked() == PreviewState::Making {
                spawn_local(async move {
                    while track.preview_state.get_untracked() == PreviewState::Making {
                        browser::sleep(ASK_EVERY).await;
                        // Offline for a moment; the copy is made without us.
                        if let Ok(preview_state) = api::preview_of(track.id).await {
                            track.preview_state.set(preview_state);
                        }
                    }
                });
            }
        }
    }

    fn with_graph(self, act: impl FnOnce(&AudioGraph)) {
        self.graph.with_value(|graph| {
            if let Some(graph) = graph {
                act(graph);
            }
        });
    }

    fn track(self, index: usize) -> Option<Track> {
        self.tracks.with_value(|tracks| tracks.get(index).copied())
    }

    fn loaded(self, index: usize) -> Option<(Track, HtmlAudioElement)> {
        let track = self.track(index)?;
        Some((track, track.node.get_untracked()?))
    }

    fn all_loaded(self) -> Vec<(Track, HtmlAudioElement)> {
        let tracks = self.tracks.get_value();
        tracks
            .into_iter()
            .filter_map(|track| Some((track, track.node.get_untracked()?)))
            .collect()
    }

    fn is_on_axis_untracked(self) -> bool {
        self.track(self.active.get_untracked())
            .is_none_or(|track| track.shares_time)
    }

    fn position_untracked(self) -> f64 {
        self.track(self.active.get_untracked())
            .map_or(0.0, |track| track.position.get_untracked())
    }

    fn duration_untracked(self) -> f64 {
        self.track(self.active.get_untracked())
            .map_or(0.0, |track| track.duration_s)
    }
}

fn play(audio: &HtmlAudioElement) {
    // A refusal by the browser arrives as an error event as well.
    let _ = audio.play();
}
