//! What the `<audio>` elements tell the player.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::Event;

use super::{FADE, LEAD_S, NOT_SUPPORTED, PlayerState, play};

/// What is listened to.
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

impl PlayerState {
    /// Listens to every source for as long as the page is open. One listener of one type for all events: as handlers of
    /// the view they would be eight times the download.
    pub(in crate::islands) fn listen(self) {
        for (index, (_, audio)) in self.all_loaded().into_iter().enumerate() {
            let heard = Closure::<dyn FnMut(Event)>::new(move |event: Event| match event.type_().as_str() {
                "loadedmetadata" => self.on_loaded(index),
                "play" => self.on_started(index),
                "playing" => self.on_playing(index),
                "pause" => self.on_paused(index),
                "ended" => self.on_ended(index),
                "timeupdate" => self.on_time(index),
                "seeked" => self.on_seeked(index),
                _ => self.on_error(index),
            });
            for event in EVENTS {
                // An event that cannot be listened to leaves a player that knows a little less.
                let _ = audio.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
            }
            heard.forget();
        }
    }

    /// The audio of a source jumped.
    fn on_seeked(self, index: usize) {
        if self.pending.get_untracked() == Some(index) {
            let Some((next, audio)) = self.loaded(index) else {
                return;
            };
            let heard = self.loaded(self.active.get_untracked());
            let early_s = heard
                .filter(|(now, _)| next.shares_time && now.shares_time)
                .map_or(0.0, |(_, heard)| audio.current_time() - heard.current_time())
                .clamp(0.0, LEAD_S);
            // It waits for the other to come to the same place, and then both go on together for the length of a fade.
            let go = move || {
                if self.pending.get_untracked() == Some(index) {
                    play(&audio);
                }
            };
            set_timeout(go, Duration::from_secs_f64(early_s));
        } else if index == self.active.get_untracked() && self.playing.get_untracked() {
            self.with_graph(|graph| graph.open(true));
        }
    }

    /// The audio of a source sounds.
    fn on_playing(self, index: usize) {
        if self.pending.get_untracked() == Some(index) {
            self.pending.set(None);
            self.active.set(index);
            self.apply_levels();
            self.with_graph(|graph| graph.open(true));
            set_timeout(move || self.stop_all_but(index), FADE);
        } else if index == self.active.get_untracked() && self.playing.get_untracked() {
            self.with_graph(|graph| graph.open(true));
        }
        self.tick();
    }

    /// The audio of a source was started; by a media key, where it was not us.
    fn on_started(self, index: usize) {
        if index == self.active.get_untracked() && !self.playing.get_untracked() {
            self.playing.set(true);
            self.with_graph(|graph| graph.open(true));
            self.tick();
        }
    }

    /// The audio of a source was stopped; by a media key, where it was not us.
    fn on_paused(self, index: usize) {
        // Before its end comes a pause, too.
        if self.loaded(index).is_some_and(|(_, audio)| !audio.ended()) {
            self.on_stopped(index);
        }
    }

    fn on_stopped(self, index: usize) {
        if index == self.active.get_untracked() && self.pending.get_untracked().is_none() {
            self.playing.set(false);
        }
    }

    /// The audio of a source came to its end.
    fn on_ended(self, index: usize) {
        let goes_on = index == self.active.get_untracked()
            && self.playing.get_untracked()
            && self.looping.get_untracked()
            && self.is_on_axis_untracked();
        match (self.stretch.get_untracked(), self.loaded(index)) {
            // It is silent already, so that the jump cannot click.
            (Some((from, _)), Some((_, audio))) if goes_on => {
                audio.set_current_time(from);
                play(&audio);
            }
            _ => self.on_stopped(index),
        }
    }

    /// The length of a source is known, and it can be sought in.
    fn on_loaded(self, index: usize) {
        if self.pending.get_untracked() == Some(index) {
            self.cue(index);
        } else if let Some((track, audio)) = self.loaded(index)
            && let Some(to) = track.wanted.get_value()
        {
            track.wanted.set_value(None);
            audio.set_current_time(to);
        }
    }

    /// The audio of a source moved on.
    pub(super) fn on_time(self, index: usize) {
        let Some((track, audio)) = self.loaded(index) else {
            return;
        };
        if index != self.active.get_untracked() || track.wanted.get_value().is_some() || audio.seeking() {
            return;
        }
        let now = audio.current_time();
        track.position.set(now);
        if let Some((from, until)) = self.stretch.get_untracked()
            && self.looping.get_untracked()
            && self.is_on_axis_untracked()
            && now >= until
        {
            self.seek(from);
        }
    }

    /// The audio of a source cannot be played, or not any more.
    fn on_error(self, index: usize) {
        let Some((track, audio)) = self.loaded(index) else {
            return;
        };
        if audio.get_attribute("src").is_none() {
            return;
        }
        track.is_linked.set_value(false);
        let position = track.position.get_untracked();
        // Not supported at the start is the format; later on it is a link that has ended.
        if audio.error().is_some_and(|error| error.code() == NOT_SUPPORTED) && audio.current_time() == 0.0 {
            self.playing.set(false);
            self.pending.set(None);
            self.message.set(Some(
                "Your browser cannot play this format. The measurements are not affected.".into(),
            ));
        } else {
            track.wanted.set_value(Some(position));
            self.link(index);
        }
    }
}
