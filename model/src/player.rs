//! What the player plays: the mix and what it is compared with, and how they are brought to one loudness.

use serde::{Deserialize, Serialize};

use crate::{AnalysisId, RenderId, analysis::AnalysisView, demo::DemoTrack, report::Series};

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
    /// Its loudness over time, where it is at hand.
    pub loudness: Option<LoudnessOverTime>,
}

/// Loudness over time as a player needs it: to match what is looped, and to find the loudest part. By short-term windows, as every
/// report has them, or by gating blocks, which measure a loop of any length as its integrated loudness does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoudnessOverTime {
    /// The END of the first window, in seconds.
    start_s: f64,
    /// In seconds.
    step_s: f64,
    /// The length of a window, in seconds.
    #[serde(default = "short_term_s")]
    window_s: f64,
    /// Whole hundredths of a LUFS: a third of the length of decimals.
    hundredths: Vec<Option<i16>>,
    /// Where the loudest window begins, in seconds: found before values are taken together.
    #[serde(default)]
    loudest_s: Option<f64>,
}

/// The sources of a report, the first and those that it is compared with, with their loudness over time.
#[must_use]
pub fn with_loudness(mut sources: Vec<PlayerSource>, view: &AnalysisView) -> Vec<PlayerSource> {
    let report = view.report.as_ref();
    if let Some((mix, report)) = sources.first_mut().zip(report) {
        mix.loudness = Some(LoudnessOverTime::new(&report.loudness.short_term_lufs));
    }
    for track in view.compared.iter().flat_map(|compared| &compared.with) {
        let audio = AudioRef::analysis(track.id);
        if let Some(source) = sources.iter_mut().find(|source| source.audio == audio) {
            source.loudness = Some(track.loudness.clone());
        }
    }
    sources
}

/// The length of a short-term window, in seconds (EBU Tech 3341).
const WINDOW_S: f64 = 3.0;
/// That of a gating block (BS.1770-5).
const BLOCK_S: f64 = 0.4;
/// The most blocks that a page carries for one source; those of what is longer are taken together.
const MOST_BLOCKS: usize = 1_500;
/// The gates of BS.1770-5, in LUFS, and in LU below what passes the first.
const ABSOLUTE_GATE_LUFS: f64 = -70.0;
const RELATIVE_GATE_LU: f64 = 10.0;
/// The most values that a page carries for one source: every second of ten minutes, and fewer of what is longer.
const MOST_VALUES: usize = 600;
/// Windows of 3 s that end closer to each other than this, in seconds, hardly differ.
const SHORTEST_STEP_S: f64 = 0.5;

const fn short_term_s() -> f64 {
    WINDOW_S
}

/// Where the loudest window begins, in seconds; the first of those that are equal to a hundredth.
fn loudest_s(short_term_lufs: &Series) -> Option<f64> {
    let known = short_term_lufs.values.iter().enumerate();
    let (at, _) = known
        .filter_map(|(at, lufs)| Some((at, ((*lufs)? * 100.0).round() as i16)))
        .max_by_key(|(at, hundredths)| (*hundredths, std::cmp::Reverse(*at)))?;
    let end_s = short_term_lufs.start_s + short_term_lufs.step_s * at as f64;
    Some(((end_s - WINDOW_S) * 100.0).round().max(0.0) / 100.0)
}

impl LoudnessOverTime {
    /// Of the short-term loudness of a report.
    #[must_use]
    pub fn new(short_term_lufs: &Series) -> Self {
        let few = short_term_lufs.values.len().div_ceil(MOST_VALUES);
        let run = few
            .max((SHORTEST_STEP_S / short_term_lufs.step_s.max(0.001)).round() as usize)
            .max(1);
        let hundredths = short_term_lufs.values.chunks(run).map(|values| {
            let lufs = mean_lufs(values.iter().flatten().map(|lufs| f64::from(*lufs)))?;
            // A loudness lies between −100 and 20.
            Some((lufs * 100.0).round() as i16)
        });
        Self {
            hundredths: hundredths.collect(),
            start_s: short_term_lufs.start_s,
            step_s: short_term_lufs.step_s * run as f64,
            window_s: WINDOW_S,
            loudest_s: loudest_s(short_term_lufs),
        }
    }

    /// Of the gating blocks of a file, and its short-term loudness, by which its loudest part is found.
    #[must_use]
    pub fn of_blocks(blocks_lufs: &Series, short_term_lufs: &Series) -> Self {
        let run = blocks_lufs.values.len().div_ceil(MOST_BLOCKS).max(1);
        // Blocks that are taken together reach from the start of the first to the end of the last.
        let longer_s = blocks_lufs.step_s * (run - 1) as f64;
        let hundredths = blocks_lufs.values.chunks(run).map(|values| {
            let lufs = mean_lufs(values.iter().flatten().map(|lufs| f64::from(*lufs)))?;
            Some((lufs * 100.0).round() as i16)
        });
        Self {
            hundredths: hundredths.collect(),
            start_s: blocks_lufs.start_s + longer_s,
            step_s: blocks_lufs.step_s * run as f64,
            window_s: BLOCK_S + longer_s,
            loudest_s: loudest_s(short_term_lufs),
        }
    }

    /// The loudness from `from_s` to `until_s`, in LUFS: the mean of the energy of the windows that lie between, gated where they are
    /// blocks. Where none does, of the one that comes closest.
    #[must_use]
    pub fn over(&self, from_s: f64, until_s: f64) -> Option<f64> {
        let middle_s = (from_s + until_s + self.window_s) / 2.0;
        let (first, last) = if until_s - from_s > self.window_s {
            (self.index(from_s + self.window_s), self.index(until_s))
        } else {
            (self.index(middle_s), self.index(middle_s))
        };
        let values = self.hundredths.get(first..=last.max(first))?;
        let lufs = || {
            values
                .iter()
                .flatten()
                .map(|hundredths| f64::from(*hundredths) / 100.0)
        };
        let above = |gate_lufs: f64| mean_lufs(lufs().filter(move |lufs| *lufs > gate_lufs));
        // A short-term window is a mean already; only single blocks fall below a gate. Where all do, they are still what is heard.
        let gated = || above(above(ABSOLUTE_GATE_LUFS)? - RELATIVE_GATE_LU);
        let is_gated = self.window_s < WINDOW_S;
        is_gated.then(gated).flatten().or_else(|| mean_lufs(lufs()))
    }

    /// Where the loudest window begins, in seconds.
    #[must_use]
    pub const fn loudest_s(&self) -> Option<f64> {
        self.loudest_s
    }

    /// Of the window that ends closest to `end_s`, in seconds.
    fn index(&self, end_s: f64) -> usize {
        let at = (end_s - self.start_s) / self.step_s.max(0.001);
        (at.round().max(0.0) as usize).min(self.hundredths.len().saturating_sub(1))
    }
}

/// The mean of the energy; `None` of nothing.
fn mean_lufs(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for lufs in values {
        sum += 10_f64.powf(lufs / 10.0);
        count += 1;
    }
    (count > 0).then(|| 10.0 * (sum / f64::from(count)).log10())
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

    /// A render without the step at `step`.
    #[must_use]
    pub fn step_bypass(render: RenderId, step: u32) -> Self {
        Self(format!("render={render}&bypass={step}"))
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
    /// A render without one of its steps.
    StepBypass,
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
            SourceKind::Render | SourceKind::StepNull | SourceKind::StepBypass => SAME_FRAMES_S,
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

    /// Windows that end at 3, 4, 5, … seconds.
    fn loudness(values: &[Option<f32>]) -> LoudnessOverTime {
        LoudnessOverTime::new(&Series {
            start_s: 3.0,
            step_s: 1.0,
            values: values.to_vec(),
        })
    }

    #[test]
    fn a_loop_is_as_loud_as_the_windows_within_it() {
        let mut values = vec![Some(-20.0); 10];
        values.extend(vec![Some(-10.0); 10]);
        let loudness = loudness(&values);
        // Windows that end at 3 to 12 s are quiet, those at 13 to 22 s loud.
        assert_eq!(loudness.over(0.0, 12.0), Some(-20.0));
        assert_eq!(loudness.over(10.0, 22.0), Some(-10.0));
        assert_eq!(loudness.over(18.0, 19.0), Some(-10.0), "shorter than a window");
        let both = loudness.over(0.0, 22.0).unwrap();
        assert!((both + 12.596).abs() < 0.01, "{both} is the mean of the energy");
        // Each a LUFS louder than the one before: the window around a loop that is no longer than one.
        let rising = self::loudness(&(0..20).map(|at| Some(-40.0 + at as f32)).collect::<Vec<_>>());
        assert_eq!(
            rising.over(10.5, 11.1),
            Some(-31.0),
            "the one that ends at 12.3 s, nearly"
        );
        assert_eq!(rising.over(10.0, 13.0), Some(-30.0), "the very one");
        assert_eq!(self::loudness(&[None, None]).over(0.0, 5.0), None);
        assert_eq!(self::loudness(&[]).over(0.0, 5.0), None);
    }

    #[test]
    fn the_loudest_part_begins_where_its_window_does() {
        let loud = loudness(&[Some(-20.0), None, Some(-9.5), Some(-9.5), Some(-12.0)]);
        assert_eq!(loud.loudest_s(), Some(2.0), "the first of equals");
        assert_eq!(loudness(&[None]).loudest_s(), None);
        assert_eq!(loudness(&[Some(-8.0)]).loudest_s(), Some(0.0));
    }

    #[test]
    fn steps_of_a_tenth_are_taken_together() {
        let fine = LoudnessOverTime::new(&Series {
            start_s: 3.0,
            step_s: 0.1,
            values: (0..100)
                .map(|at| Some(if at < 50 { -20.0 } else { -10.0 }))
                .collect(),
        });
        assert_eq!((fine.hundredths.len(), fine.step_s), (20, 0.5));
        assert_eq!(fine.over(0.0, 7.5), Some(-20.0));
        assert_eq!(fine.over(5.0, 12.0), Some(-10.0));
    }

    #[test]
    fn blocks_measure_a_short_loop_and_leave_out_what_the_gate_does() {
        let series = |values: Vec<Option<f32>>| Series {
            start_s: 0.4,
            step_s: 0.1,
            values,
        };
        let short_term = series(vec![Some(-20.0)]);
        // Blocks that end up to 10 s are quiet, those behind loud; from 20 s on there is a pause.
        let level = |at: usize| match at {
            0..97 => Some(-30.0),
            97..197 => Some(-20.0),
            _ => None,
        };
        let blocks = LoudnessOverTime::of_blocks(&series((0..297).map(level).collect()), &short_term);
        let is = |over: Option<f64>, lufs: f64| over.is_some_and(|over| (over - lufs).abs() < 0.005);
        assert!(is(blocks.over(9.7, 10.2), -20.0), "half a second");
        assert!(is(blocks.over(5.0, 10.0), -30.0));
        // 47 quiet blocks and 50 loud ones; 10 LU below their mean is not silence.
        assert!(is(blocks.over(5.0, 15.0), -22.49), "{:?}", blocks.over(5.0, 15.0));
        assert!(is(blocks.over(12.0, 25.0), -20.0), "a pause is gated away");
        assert_eq!(blocks.over(22.0, 25.0), None);
        let long = LoudnessOverTime::of_blocks(&series(vec![Some(-14.0); 4_000]), &short_term);
        assert_eq!(long.hundredths.len(), 1_334);
        assert!(is(long.over(100.0, 103.5), -14.0));
    }

    #[test]
    fn hours_are_as_long_as_minutes() {
        let long = loudness(&vec![Some(-14.0); 10_800]);
        assert_eq!(long.hundredths.len(), 600);
        assert_eq!(long.over(5_000.0, 5_100.0), Some(-14.0));
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
            loudness: None,
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
