//! What the player does below its verbs: links, levels, and following the sound.

use leptos::{prelude::*, task::spawn_local};
use model::player::LoudnessMatch;
use send_wrapper::SendWrapper;

use super::{PlayerState, play};
use crate::{api, islands::audio_graph::AudioGraph};

impl PlayerState {
    /// Asks for the signed link of a source; its audio loads, and plays where it shall.
    pub(super) fn link(self, index: usize) {
        let Some((track, audio)) = self.loaded(index) else {
            return;
        };
        spawn_local(async move {
            match api::listen(track.id).await {
                Ok(found) => {
                    self.message.set(None);
                    track.is_linked.set_value(true);
                    if track.wanted.get_value().is_none() {
                        let position = track.position.get_untracked();
                        track.wanted.set_value((position > 0.0).then_some(position));
                    }
                    audio.set_src(&found.url);
                    if self.active.get_untracked() == index && self.playing.get_untracked() {
                        play(&audio);
                    }
                }
                Err(error) => {
                    self.pending.set(None);
                    self.playing.set(false);
                    self.message.set(Some(error.0.message));
                }
            }
        });
    }

    /// Makes the audio graph on the first click: before one, browsers let no sound through.
    pub(super) fn open_audio_graph(self) {
        if self.graph.with_value(Option::is_none) {
            let sources: Vec<_> = self.all_loaded().into_iter().map(|(_, audio)| audio).collect();
            match AudioGraph::new(&sources) {
                Ok(graph) => self.graph.set_value(Some(SendWrapper::new(graph))),
                Err(_) => self.message.set(Some(
                    "Your browser plays the mix as it is: it cannot match loudness, or play one channel or band alone."
                        .into(),
                )),
            }
            self.apply_levels();
        }
        self.with_graph(AudioGraph::resume);
    }

    pub(super) fn apply_levels(self) {
        let LoudnessMatch { gains_db, .. } = untrack(|| self.loudness_match());
        let (active, is_matched) = (self.active.get_untracked(), self.is_matched.get_untracked());
        let levels: Vec<f32> = self.tracks.with_value(|tracks| {
            tracks
                .iter()
                .zip(gains_db)
                .enumerate()
                .map(|(index, (track, gain_db))| {
                    let gain_db = track.gain_db + if is_matched { gain_db } else { 0.0 };
                    if index == active {
                        10_f64.powf(gain_db / 20.0) as f32
                    } else {
                        0.0
                    }
                })
                .collect()
        });
        self.with_graph(|graph| graph.set_levels(&levels));
    }

    /// Follows the sound as often as the screen is drawn, while it plays.
    pub(super) fn tick(self) {
        if self.playing.get_untracked() && !self.is_ticking.get_value() {
            self.is_ticking.set_value(true);
            request_animation_frame(move || {
                self.is_ticking.set_value(false);
                self.on_time(self.active.get_untracked());
                self.tick();
            });
        }
    }

    pub(super) fn stop_all_but(self, index: usize) {
        for (at, (_, audio)) in self.all_loaded().into_iter().enumerate() {
            if at != index {
                let _ = audio.pause();
            }
        }
    }
}
