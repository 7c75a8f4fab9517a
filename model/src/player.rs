//! What the player plays: the mix and what it is compared with, and how they are brought to one loudness.

use serde::{Deserialize, Serialize};

use crate::{AnalysisId, RenderId, demo::DemoTrack};

/// One thing to listen to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayerSource {
    /// Whose audio it is.
    pub audio: AudioRef,
    /// What it is to the mix of the page.
    pub kind: SourceKind,
    /// The title of its analysis.
    pub title: String,
    /// Its length in seconds.
    pub duration_s: f64,
    /// Its integrated loudness in LUFS, where it has one.
    pub integrated_lufs: Option<f64>,
    /// Whether it can be played.
    pub preview_state: PreviewState,
    /// What to raise it by, in dB, because its copy to play was made lower by as much; 0 for most.
    pub gain_db: f64,
}

/// What a player asks for audio by: the query of the audio endpoints. A text, because the browser need not know what it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AudioRef(String);

impl AudioRef {
    /// An analysis of the person's own.
    #[must_use]
    pub fn analysis(id: AnalysisId) -> Self {
        Self(format!("id={id}"))
    }

    /// What a link to a report lets be heard, by its token.
    #[must_use]
    pub fn shared(token: &str) -> Self {
        Self(format!("share={token}"))
    }

    /// A render.
    #[must_use]
    pub fn render(id: RenderId) -> Self {
        Self(format!("render={id}"))
    }

    /// What the step at `step` of a render took away.
    #[must_use]
    pub fn step_null(render: RenderId, step: u32) -> Self {
        Self(format!("render={render}&step={step}"))
    }

    /// A recording of the demo.
    #[must_use]
    pub fn demo(track: DemoTrack) -> Self {
        Self(format!("demo={track}"))
    }

    /// The address at which `path`, [`crate::paths::AUDIO`] or [`crate::paths::PREVIEW`], answers for it.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("{path}?{}", self.0)
    }
}

/// What a source is to the mix of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The mix itself.
    Mix,
    /// Another version of the same song.
    Version,
    /// What was made of the mix.
    Render,
    /// What a step took away from it.
    StepNull,
    /// Another song.
    Reference,
}

/// Whether the audio of an analysis can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewState {
    /// Now.
    Ready,
    /// Soon: browsers do not play this format, and a copy that they do is being made.
    Making,
    /// Never again: the audio was removed.
    Gone,
    /// Never for who asks: the owner shares the report without its audio.
    Withheld,
}

impl PreviewState {
    /// Whether it can be played now or soon.
    #[must_use]
    pub const fn has_sound(self) -> bool {
        matches!(self, Self::Ready | Self::Making)
    }
}

/// How much two versions of a song may differ in length and still keep one position, in seconds.
const SAME_LENGTH_S: f64 = 2.0;
/// Two lengths that differ by less are of equally many frames, in seconds.
const SAME_FRAMES_S: f64 = 1e-6;

impl PlayerSource {
    /// Whether the place in `mix` is the same place here.
    #[must_use]
    pub fn shares_time_with(&self, mix: &Self) -> bool {
        let most_s = match self.kind {
            SourceKind::Mix | SourceKind::Version => SAME_LENGTH_S,
            // Sample by sample beside the mix, unless it was trimmed.
            SourceKind::Render | SourceKind::StepNull => SAME_FRAMES_S,
            SourceKind::Reference => return false,
        };
        (self.duration_s - mix.duration_s).abs() <= most_s
    }
}

/// Sources at one loudness.
#[derive(Debug, Clone, PartialEq)]
pub struct LoudnessMatch {
    /// What each is changed by, in dB: never above 0, because a source that is turned up may clip.
    pub gains_db: Vec<f64>,
    /// The loudness that all of them have then, in LUFS: the quietest's. `None` where fewer than two have one.
    pub target_lufs: Option<f64>,
}

/// Brings sources down to the quietest of them. One without a loudness stays as it is.
#[must_use]
pub fn match_loudness(integrated_lufs: &[Option<f64>]) -> LoudnessMatch {
    let known = || {
        integrated_lufs
            .iter()
            .flatten()
            .copied()
            .filter(|lufs| lufs.is_finite())
    };
    let target_lufs = (known().count() >= 2).then(|| known().fold(f64::INFINITY, f64::min));
    let gains_db = integrated_lufs
        .iter()
        .map(|lufs| match (target_lufs, lufs) {
            (Some(target), Some(lufs)) if lufs.is_finite() => (target - lufs).min(0.0),
            _ => 0.0,
        })
        .collect();
    LoudnessMatch {
        gains_db,
        target_lufs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_louder_ones_are_turned_down_to_the_quietest_and_none_is_turned_up() {
        let LoudnessMatch {
            gains_db,
            target_lufs,
        } = match_loudness(&[Some(-8.0), Some(-17.5), Some(-11.25)]);
        assert_eq!(target_lufs, Some(-17.5));
        assert_eq!(gains_db, [-9.5, 0.0, -6.25]);
    }

    #[test]
    fn what_has_no_loudness_stays_as_it_is_and_decides_nothing() {
        let LoudnessMatch {
            gains_db,
            target_lufs,
        } = match_loudness(&[Some(-8.0), None, Some(-10.0)]);
        assert_eq!((gains_db, target_lufs), (vec![-2.0, 0.0, 0.0], Some(-10.0)));
        assert_eq!(
            match_loudness(&[Some(-8.0)]).target_lufs,
            None,
            "one alone has nothing to match"
        );
        assert_eq!(match_loudness(&[Some(-8.0), Some(f64::NAN)]).gains_db, [0.0, 0.0]);
        assert_eq!(match_loudness(&[]).gains_db, [0.0; 0]);
    }

    #[test]
    fn versions_of_one_length_share_their_place_and_other_songs_never_do() {
        let source = |kind, duration_s| PlayerSource {
            audio: AudioRef::analysis(AnalysisId(uuid::Uuid::from_u128(1))),
            kind,
            title: String::new(),
            duration_s,
            integrated_lufs: None,
            preview_state: PreviewState::Ready,
            gain_db: 0.0,
        };
        let mix = source(SourceKind::Mix, 200.0);
        assert!(source(SourceKind::Version, 201.5).shares_time_with(&mix));
        assert!(!source(SourceKind::Version, 230.0).shares_time_with(&mix));
        assert!(!source(SourceKind::Reference, 200.0).shares_time_with(&mix));
        assert!(source(SourceKind::Render, 200.0).shares_time_with(&mix));
        assert!(
            !source(SourceKind::Render, 199.5).shares_time_with(&mix),
            "a trimmed one"
        );
    }
}
