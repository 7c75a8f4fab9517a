//! What the player does, apart from how it is done: a [`PlayerState`] takes [`Event`]s and answers with the [`Command`]s that
//! are to be carried out. It knows no document, no audio element and no network.
//!
//! Versions of one song share one position; another song keeps its own.

use std::time::Duration;

use model::player::{
    AudioRef, LoudnessMatch, LoudnessOverTime, PlayerSource, PreviewState, SourceKind, match_loudness,
};

/// How long the sound takes to fade before a jump or a pause.
pub(super) const FADE: Duration = Duration::from_millis(60);
/// How far ahead a version is cued before it takes over, in seconds: its `<audio>` needs some of it to seek.
pub(super) const LEAD_S: f64 = 0.2;
/// The length of a loop that nobody gave one, in seconds.
const LOOP_S: f64 = 8.0;

/// What is heard of left and right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::islands) enum Mode {
    Stereo,
    Mono,
    Side,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Stereo, Self::Mono, Self::Side];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stereo => "Stereo",
            Self::Mono => "Mono",
            Self::Side => "Side",
        }
    }

    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Stereo => "As it is",
            Self::Mono => "Left and right summed, as on a phone",
            Self::Side => "Only what differs between left and right; it vanishes in mono",
        }
    }
}

/// Everything the player knows.
#[derive(Debug, Clone)]
pub(super) struct PlayerState {
    /// The first is the mix of the page.
    pub(super) tracks: Vec<Track>,
    /// Which one is heard.
    pub(super) active: usize,
    /// Which one will be, once it can.
    pub(super) pending: Option<usize>,
    /// Whether it plays, or is to as soon as it can.
    pub(super) playing: bool,
    /// What went wrong.
    pub(super) message: Option<String>,
    /// Whether all are played at one loudness.
    pub(super) is_matched: bool,
    pub(super) mode: Mode,
    /// The one band that is heard.
    pub(super) band: Option<usize>,
    /// The time range that is repeated or would be, in seconds.
    pub(super) stretch: Option<(f64, f64)>,
    /// Whether it is.
    pub(super) looping: bool,
}

/// One source.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) audio: AudioRef,
    /// In seconds.
    pub(super) duration_s: f64,
    integrated_lufs: Option<f64>,
    loudness: Option<LoudnessOverTime>,
    gain_db: f64,
    is_other_song: bool,
    /// Whether it has been heard, or sent somewhere.
    has_begun: bool,
    /// Whether its position is the mix's.
    pub(super) shares_time: bool,
    /// In seconds.
    pub(super) position_s: f64,
    pub(super) preview_state: PreviewState,
    link: Link,
    /// Where to go once its audio can.
    target_s: Option<f64>,
    /// Whether a new link has replaced one that was refused, without success so far.
    is_retried: bool,
}

/// How far the audio of a track has come.
#[derive(Debug, Clone, PartialEq)]
enum Link {
    None,
    /// Asked for.
    Requested,
    /// Its element has this address.
    Loading(String),
    /// It can be sought in.
    Loaded(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Toggle,
    /// To a position of the source that is heard, in seconds.
    Seek(f64),
    /// To a position of the mix, in seconds.
    GoTo(f64),
    /// Play the mix from the start of a time range, in seconds, which becomes the one to loop.
    PlayRange(f64, f64),
    ToggleLoop,
    /// Repeat this range of the mix, in seconds.
    LoopRange(f64, f64),
    /// Every source to its loudest part.
    GoToLoudest,
    /// Play a source from a second on, with the same pause before it whichever it is.
    PlayFrom(usize, f64),
    /// The sound has faded out for [`Event::PlayFrom`].
    PlayFromDue(usize, f64),
    Switch(usize),
    SetMode(Mode),
    SetBand(Option<usize>),
    ToggleMatching,
    Preview(usize, PreviewState),
    /// A signed link, or why there is none.
    Linked(usize, Result<String, String>),
    /// The browser has no Web Audio.
    NoGraph,
    /// The length of a source is known, and it can be sought in.
    Loaded(usize),
    /// A source was started; by a media key, where it was not us.
    Started(usize),
    /// A source sounds.
    Sounding(usize),
    /// A source was stopped before its end; by a media key, where it was not us.
    Paused(usize),
    Ended(usize),
    /// A source has come to this second.
    Moved(usize, f64),
    Sought(usize),
    Failed(usize, Fault),
    Probed(usize, Access),
    /// The sound has faded out for a jump.
    JumpDue(usize),
    /// The sound has faded out for a pause.
    PauseDue,
    /// The source that was heard has come to where the pending one waits.
    StartDue(usize),
    /// The source that was heard before has faded out.
    StopDue,
}

/// Why an audio element gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It could not even begin: the format, or the link.
    AtStart,
    /// It had begun.
    Later,
}

/// What the storage answers to a link that an audio element could not begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Readable,
    /// The link has ended.
    Refused,
    Gone,
    /// The storage has a problem.
    Away,
    /// No answer at all.
    Unreachable,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    /// Make the audio graph, if there is none yet, and let the sound through. Before a click, browsers refuse both.
    OpenGraph,
    /// How much of each source is heard, as factors.
    SetLevels(Vec<f32>),
    SetMode(Mode),
    SetBand(Option<usize>),
    FadeIn,
    FadeOut,
    Play(usize),
    Pause(usize),
    SeekTo(usize, f64),
    /// Seek to [`LEAD_S`] ahead of the source that is heard, but not beyond a second.
    CueAhead {
        next: usize,
        heard: usize,
        end_s: f64,
    },
    /// Send [`Event::StartDue`] when the source that is heard has come to where `next` stands.
    StartWith {
        next: usize,
        heard: Option<usize>,
    },
    RequestLink(usize, AudioRef),
    SetSource(usize, String),
    /// Ask the storage why.
    Probe(usize, String),
    /// Send an event after [`FADE`].
    AfterFade(Box<Event>),
    /// Send [`Event::Moved`] as often as the screen is drawn, while it plays.
    FollowTime,
}

impl PlayerState {
    /// The first source is the mix of the page.
    pub(super) fn new(sources: &[PlayerSource]) -> Self {
        let tracks = sources
            .iter()
            .map(|source| Track {
                audio: source.audio.clone(),
                duration_s: source.duration_s,
                integrated_lufs: source.integrated_lufs,
                loudness: source.loudness.clone(),
                gain_db: source.gain_db,
                is_other_song: source.kind == SourceKind::Reference,
                has_begun: false,
                shares_time: sources.first().is_some_and(|mix| source.shares_time_with(mix)),
                position_s: 0.0,
                preview_state: source.preview_state,
                link: Link::None,
                target_s: None,
                is_retried: false,
            })
            .collect();
        Self {
            tracks,
            active: 0,
            pending: None,
            playing: false,
            message: None,
            is_matched: true,
            mode: Mode::Stereo,
            band: None,
            stretch: None,
            looping: false,
        }
    }

    /// Takes in what happened; what is to be done because of it, in order.
    pub(super) fn apply(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Toggle if self.playing => self.pause(),
            Event::Toggle => self.play(),
            Event::Seek(to_s) => self.seek(to_s),
            Event::GoTo(to_s) => self.go_to(to_s),
            Event::PlayRange(from_s, until_s) => {
                let mut commands = self.go_to(from_s);
                self.stretch = Some((from_s, until_s));
                if !self.playing {
                    commands.extend(self.play());
                }
                commands.push(self.levels());
                commands
            }
            Event::ToggleLoop => {
                self.toggle_loop();
                vec![self.levels()]
            }
            Event::LoopRange(from_s, until_s) => {
                let mut commands = self.go_to(from_s);
                self.stretch = Some((from_s, until_s));
                self.looping = true;
                commands.push(self.levels());
                commands
            }
            Event::GoToLoudest => self.go_to_loudest(),
            Event::PlayFrom(index, from_s) => {
                self.pending = None;
                let due = Command::AfterFade(Box::new(Event::PlayFromDue(index, from_s)));
                vec![Command::OpenGraph, Command::FadeOut, due]
            }
            Event::PlayFromDue(index, from_s) => self.play_from(index, from_s),
            Event::Switch(to) => self.switch(to),
            Event::SetMode(mode) => {
                self.mode = mode;
                vec![Command::OpenGraph, self.levels(), Command::SetMode(mode)]
            }
            Event::SetBand(band) => {
                self.band = band;
                vec![Command::OpenGraph, self.levels(), Command::SetBand(band)]
            }
            Event::ToggleMatching => {
                self.is_matched = !self.is_matched;
                vec![self.levels()]
            }
            Event::NoGraph => {
                self.message = Some(
                    "Your browser plays the mix as it is: it cannot match loudness, or play one channel or band alone."
                        .to_owned(),
                );
                Vec::new()
            }
            Event::PauseDue if self.playing => Vec::new(),
            Event::PauseDue => {
                let mut commands: Vec<Command> = (0..self.tracks.len()).map(Command::Pause).collect();
                commands.extend(self.jump(self.active));
                commands
            }
            Event::StopDue => (0..self.tracks.len())
                .filter(|index| *index != self.active && Some(*index) != self.pending)
                .map(Command::Pause)
                .collect(),
            event => self.apply_to_track(event),
        }
    }

    /// What happened to one track.
    fn apply_to_track(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Preview(index, preview_state) => {
                if let Some(track) = self.tracks.get_mut(index) {
                    track.preview_state = preview_state;
                }
                Vec::new()
            }
            Event::Linked(index, link) => self.linked(index, link),
            Event::Loaded(index) => self.loaded(index),
            Event::Started(index) if index == self.active && !self.playing => {
                self.playing = true;
                vec![Command::FadeIn, Command::FollowTime]
            }
            Event::Sounding(index) => self.sounding(index),
            Event::Paused(index) => {
                // An element that gets another address is stopped by that, and goes on when it has loaded.
                if self.is_loaded(index) {
                    self.stopped(index);
                }
                Vec::new()
            }
            Event::Ended(index) => self.ended(index),
            Event::Moved(index, now_s) => self.moved(index, now_s),
            Event::Sought(index) if self.pending == Some(index) => {
                let heard = self.share_time(index, self.active).then_some(self.active);
                vec![Command::StartWith { next: index, heard }]
            }
            Event::Sought(index) if index == self.active && self.playing => vec![Command::FadeIn],
            Event::Failed(index, fault) => self.failed(index, fault),
            Event::Probed(index, access) => self.probed(index, access),
            Event::JumpDue(index) => self.jump(index).into_iter().collect(),
            Event::StartDue(index) if self.pending == Some(index) => vec![Command::Play(index)],
            _ => Vec::new(),
        }
    }

    /// Whether what is heard is on the time axis of the page.
    pub(super) fn is_on_axis(&self) -> bool {
        self.tracks.get(self.active).is_none_or(|track| track.shares_time)
    }

    /// What each source is changed by, of those that can be played. What shares the place of the mix is matched over what is looped.
    pub(super) fn loudness_match(&self) -> LoudnessMatch {
        let known = |track: &Track| {
            let lufs = self.loop_lufs(track).or(track.integrated_lufs);
            lufs.filter(|_| track.preview_state.has_sound())
        };
        match_loudness(&self.tracks.iter().map(known).collect::<Vec<_>>())
    }

    /// Whether loudness is matched over what is looped.
    pub(super) fn is_matched_over_loop(&self) -> bool {
        self.tracks
            .iter()
            .skip(1)
            .any(|track| self.loop_lufs(track).is_some())
    }

    /// The loudness of a track in what is looped, in LUFS, where both it and the mix have one there: beside the integrated loudness of
    /// the mix, so that what has another place of its own stays as loud beside them.
    fn loop_lufs(&self, track: &Track) -> Option<f64> {
        let (from_s, until_s) = self.stretch.filter(|_| self.looping && track.shares_time)?;
        let mix = self.tracks.first()?;
        let over = |track: &Track| track.loudness.as_ref()?.over(from_s, until_s);
        Some(mix.integrated_lufs? + over(track)? - over(mix)?)
    }

    fn levels(&self) -> Command {
        let gains = self.loudness_match().gains_db;
        let level = |(index, (track, gain_db)): (usize, (&Track, f64))| {
            let gain_db = track.gain_db + if self.is_matched { gain_db } else { 0.0 };
            if index == self.active {
                10_f64.powf(gain_db / 20.0) as f32
            } else {
                0.0
            }
        };
        Command::SetLevels(self.tracks.iter().zip(gains).enumerate().map(level).collect())
    }

    fn play(&mut self) -> Vec<Command> {
        let index = self.active;
        if self
            .tracks
            .get(index)
            .is_none_or(|track| track.preview_state != PreviewState::Ready)
        {
            return Vec::new();
        }
        self.playing = true;
        let mut commands = vec![Command::OpenGraph, self.levels()];
        if matches!(self.tracks[index].link, Link::None | Link::Requested) {
            commands.extend(self.request_link(index));
        } else {
            commands.extend(self.jump(index));
            commands.extend([Command::FadeIn, Command::Play(index), Command::FollowTime]);
        }
        commands
    }

    fn play_from(&mut self, index: usize, from_s: f64) -> Vec<Command> {
        let is_ready = |track: &&mut Track| track.preview_state == PreviewState::Ready;
        let Some(track) = self.tracks.get_mut(index).filter(is_ready) else {
            return Vec::new();
        };
        track.target_s = Some(from_s.clamp(0.0, track.duration_s));
        track.has_begun = true;
        let mut commands: Vec<Command> = (0..self.tracks.len()).map(Command::Pause).collect();
        self.active = index;
        self.playing = true;
        self.set_position(index, from_s);
        commands.push(self.levels());
        if self.is_loaded(index) {
            commands.extend(self.jump(index));
            commands.extend([Command::Play(index), Command::FollowTime]);
        } else if matches!(self.tracks[index].link, Link::None) {
            commands.extend(self.request_link(index));
        }
        commands
    }

    fn pause(&mut self) -> Vec<Command> {
        self.playing = false;
        if let Some(to_s) = self.drop_pending()
            && let Some(track) = self.tracks.get_mut(self.active)
        {
            track.target_s = Some(to_s);
        }
        vec![Command::FadeOut, Command::AfterFade(Box::new(Event::PauseDue))]
    }

    /// Forgets which source was to be heard next; where that was to begin, if somebody had chosen a place meanwhile.
    fn drop_pending(&mut self) -> Option<f64> {
        let next = self.pending.take()?;
        let to_s = self.tracks[next].target_s.take();
        to_s.filter(|_| self.share_time(next, self.active))
    }

    /// The source that is about to take over, if it shares its position with the one that is heard.
    fn pending_version(&self) -> Option<usize> {
        self.pending.filter(|next| self.share_time(*next, self.active))
    }

    fn seek(&mut self, to_s: f64) -> Vec<Command> {
        if let Some(next) = self.pending_version() {
            return self.seek_pending(next, to_s);
        }
        let index = self.active;
        let is_loaded = self.is_loaded(index);
        let Some(track) = self.tracks.get_mut(index) else {
            return Vec::new();
        };
        let to_s = to_s.clamp(0.0, track.duration_s);
        track.target_s = Some(to_s);
        self.set_position(index, to_s);
        if !is_loaded {
            Vec::new()
        } else if self.playing {
            // Silence first, so that the jump is no click; `Sought` opens it again.
            vec![
                Command::FadeOut,
                Command::AfterFade(Box::new(Event::JumpDue(index))),
            ]
        } else {
            self.jump(index).into_iter().collect()
        }
    }

    /// The version that is about to take over begins there. What is heard until then goes on: one change, no gap.
    fn seek_pending(&mut self, next: usize, to_s: f64) -> Vec<Command> {
        let track = &mut self.tracks[next];
        let to_s = to_s.clamp(0.0, track.duration_s);
        track.target_s = Some(to_s);
        self.set_position(next, to_s);
        if self.is_loaded(next) {
            self.cue(next)
        } else {
            Vec::new()
        }
    }

    /// Goes where a track was to go, once.
    fn jump(&mut self, index: usize) -> Option<Command> {
        if !self.is_loaded(index) {
            return None;
        }
        let to_s = self.tracks.get_mut(index)?.target_s.take()?;
        Some(Command::SeekTo(index, to_s))
    }

    fn go_to(&mut self, to_s: f64) -> Vec<Command> {
        let mut commands = Vec::new();
        if !self.is_on_axis() {
            commands.extend((1..self.tracks.len()).map(Command::Pause));
            self.active = 0;
            self.pending = None;
            self.playing = false;
        } else if self.pending_version().is_none() {
            // What is about to be heard has places of its own, and this is one of the mix.
            self.pending = None;
        }
        commands.extend(self.seek(to_s));
        commands
    }

    /// Every source goes where it is loudest: the one that is heard at once, the others when they are.
    fn go_to_loudest(&mut self) -> Vec<Command> {
        let active = self.active;
        for index in 0..self.tracks.len() {
            if let Some(to_s) = self.loudest_s(index)
                && index != active
                && !self.share_time(index, active)
            {
                self.set_position(index, to_s);
                self.tracks[index].has_begun = true;
            }
        }
        match self.loudest_s(active) {
            Some(to_s) => self.seek(to_s),
            None => Vec::new(),
        }
    }

    /// Whether it is known where any source is loudest.
    pub(super) fn has_loudest(&self) -> bool {
        self.tracks.iter().any(|track| track.loudness.is_some())
    }

    fn loudest_s(&self, index: usize) -> Option<f64> {
        self.tracks.get(index)?.loudness.as_ref()?.loudest_s()
    }

    /// Where a source begins that is heard for the first time: a version of another length at the place of the mix, another song
    /// at its loudest part, because its beginning says nothing beside a refrain.
    fn begin(&mut self, to: usize) {
        if self.tracks[to].has_begun || self.tracks[to].shares_time {
            return;
        }
        let from_s = if self.tracks[to].is_other_song {
            self.loudest_s(to)
        } else {
            Some(self.tracks[0].position_s).filter(|at| *at < self.tracks[to].duration_s)
        };
        if let Some(from_s) = from_s {
            self.set_position(to, from_s);
        }
    }

    /// Repeats the time range or not; without one, some seconds from here.
    fn toggle_loop(&mut self) {
        if self.stretch.is_none()
            && let Some(track) = self.tracks.get(self.active)
        {
            let from_s = track.position_s;
            self.stretch = Some((from_s, (from_s + LOOP_S).min(track.duration_s)));
        }
        self.looping = !self.looping;
    }

    /// Has another source heard. What plays goes on until the other one is ready.
    fn switch(&mut self, to: usize) -> Vec<Command> {
        if to == self.active {
            return match self.drop_pending() {
                Some(to_s) => self.seek(to_s),
                None => Vec::new(),
            };
        }
        let Some(track) = self.tracks.get_mut(to) else {
            return Vec::new();
        };
        self.message = None;
        if track.preview_state != PreviewState::Ready {
            // The charts belong to the mix, and are read out whether it can be heard or not.
            if to == 0 {
                let commands = self.pause();
                self.active = 0;
                return commands;
            }
            return Vec::new();
        }
        self.begin(to);
        let track = &mut self.tracks[to];
        track.has_begun = true;
        if !self.playing {
            // Versions share the number already; this makes the element follow it.
            track.target_s = Some(track.position_s);
            self.active = to;
            let mut commands = vec![self.levels()];
            commands.extend(self.jump(to));
            return commands;
        }
        let chosen_s = self.drop_pending().filter(|_| self.share_time(to, self.active));
        let track = &mut self.tracks[to];
        track.target_s = chosen_s;
        self.pending = Some(to);
        match track.link {
            Link::Loaded(_) => self.cue(to),
            Link::Loading(_) => Vec::new(),
            Link::None | Link::Requested => self.request_link(to),
        }
    }

    /// Brings the source that is to be heard to its position; `Sought` or `Sounding` goes on.
    fn cue(&mut self, next: usize) -> Vec<Command> {
        let heard = self.active;
        let shares_time = self.share_time(next, heard);
        let track = &self.tracks[next];
        vec![match track.target_s {
            // It stays until the source sounds: what is heard until then moves the position no more.
            Some(to_s) => Command::SeekTo(next, to_s),
            None if shares_time => Command::CueAhead {
                next,
                heard,
                end_s: track.duration_s,
            },
            None => Command::SeekTo(next, track.position_s),
        }]
    }

    fn request_link(&mut self, index: usize) -> Vec<Command> {
        let track = &mut self.tracks[index];
        if track.link == Link::Requested {
            return Vec::new();
        }
        track.link = Link::Requested;
        vec![Command::RequestLink(index, track.audio.clone())]
    }

    fn linked(&mut self, index: usize, link: Result<String, String>) -> Vec<Command> {
        let is_playing = self.active == index && self.playing;
        let Some(track) = self.tracks.get_mut(index) else {
            return Vec::new();
        };
        match link {
            Ok(url) => {
                track.link = Link::Loading(url.clone());
                if track.position_s > 0.0 && self.pending != Some(index) {
                    track.target_s.get_or_insert(track.position_s);
                }
                self.message = None;
                let mut commands = vec![Command::SetSource(index, url)];
                if is_playing {
                    commands.push(Command::Play(index));
                }
                commands
            }
            Err(message) => {
                track.link = Link::None;
                self.give_up(index, message)
            }
        }
    }

    fn loaded(&mut self, index: usize) -> Vec<Command> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Vec::new();
        };
        if let Link::Loading(url) = &track.link {
            track.link = Link::Loaded(url.clone());
        }
        track.is_retried = false;
        if self.pending == Some(index) {
            return self.cue(index);
        }
        let mut commands: Vec<Command> = self.jump(index).into_iter().collect();
        // A new address stopped the element, but nobody asked for that.
        if index == self.active && self.playing {
            commands.push(Command::Play(index));
        }
        commands
    }

    fn sounding(&mut self, index: usize) -> Vec<Command> {
        if self.pending == Some(index) {
            self.pending = None;
            self.active = index;
            self.tracks[index].target_s = None;
            vec![
                self.levels(),
                Command::FadeIn,
                Command::AfterFade(Box::new(Event::StopDue)),
                Command::FollowTime,
            ]
        } else if index == self.active && self.playing && self.tracks[index].target_s.is_none() {
            vec![Command::FadeIn, Command::FollowTime]
        } else {
            Vec::new()
        }
    }

    fn stopped(&mut self, index: usize) {
        if index == self.active && self.pending.is_none() {
            self.playing = false;
        }
    }

    fn ended(&mut self, index: usize) -> Vec<Command> {
        let goes_on = index == self.active && self.playing && self.looping && self.is_on_axis();
        match self.stretch {
            // It is silent already, so that the jump cannot click.
            Some((from_s, _)) if goes_on => vec![Command::SeekTo(index, from_s), Command::Play(index)],
            _ => {
                self.stopped(index);
                Vec::new()
            }
        }
    }

    fn moved(&mut self, index: usize, now_s: f64) -> Vec<Command> {
        let is_on_its_way = |track: &Track| track.target_s.is_some();
        let is_leaving = self
            .pending_version()
            .is_some_and(|next| is_on_its_way(&self.tracks[next]));
        if index != self.active || is_leaving || self.tracks.get(index).is_none_or(is_on_its_way) {
            return Vec::new();
        }
        let before_s = self.tracks[index].position_s;
        self.set_position(index, now_s);
        let stretch = self.stretch.filter(|_| self.looping && self.is_on_axis());
        match stretch {
            // Whoever goes beyond the loop is let be there.
            Some((from_s, until_s)) if before_s < until_s && now_s >= until_s => self.seek(from_s),
            _ => Vec::new(),
        }
    }

    fn failed(&mut self, index: usize, fault: Fault) -> Vec<Command> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Vec::new();
        };
        match (&track.link, fault) {
            (Link::Loading(url) | Link::Loaded(url), Fault::AtStart) => {
                let url = url.clone();
                vec![Command::Probe(index, url)]
            }
            (Link::Loading(_) | Link::Loaded(_), Fault::Later) => self.renew_link(index),
            // What comes from an address that has been given up already.
            (Link::None | Link::Requested, _) => Vec::new(),
        }
    }

    /// Goes on from the same position with a new link.
    fn renew_link(&mut self, index: usize) -> Vec<Command> {
        let track = &mut self.tracks[index];
        track.link = Link::None;
        if self.pending != Some(index) {
            track.target_s.get_or_insert(track.position_s);
        }
        self.request_link(index)
    }

    fn probed(&mut self, index: usize, access: Access) -> Vec<Command> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Vec::new();
        };
        if access == Access::Refused && !track.is_retried {
            track.is_retried = true;
            return self.renew_link(index);
        }
        // The next try asks for a link of its own.
        track.link = Link::None;
        track.is_retried = false;
        let message = match access {
            Access::Readable => "Your browser cannot play this format. The measurements are not affected.",
            Access::Refused => "The storage refuses the audio at the moment. Press Play to try again.",
            Access::Gone => "The audio was removed. The measurements are not affected.",
            Access::Away => "The storage has a problem at the moment. Press Play to try again.",
            Access::Unreachable => {
                "The storage cannot be reached. Check your connection, then press Play to try again."
            }
        };
        self.give_up(index, message.to_owned())
    }

    /// Says why a source cannot be heard. What else plays goes on, from the place that was chosen meanwhile.
    fn give_up(&mut self, index: usize, message: String) -> Vec<Command> {
        self.message = Some(message);
        let mut commands = Vec::new();
        if self.pending == Some(index) {
            if let Some(to_s) = self.drop_pending() {
                commands = self.seek(to_s);
            }
        } else if index == self.active {
            self.playing = false;
        }
        commands
    }

    fn is_loaded(&self, index: usize) -> bool {
        self.tracks
            .get(index)
            .is_some_and(|track| matches!(track.link, Link::Loaded(_)))
    }

    fn share_time(&self, one: usize, other: usize) -> bool {
        self.tracks[one].shares_time && self.tracks[other].shares_time
    }

    fn set_position(&mut self, index: usize, now_s: f64) {
        let is_shared = self.tracks[index].shares_time;
        for (at, track) in self.tracks.iter_mut().enumerate() {
            if at == index || is_shared && track.shares_time {
                track.position_s = now_s;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::player::SourceKind;

    use super::*;

    const MIX: usize = 0;
    const VERSION: usize = 1;
    const REFERENCE: usize = 2;

    fn audio() -> AudioRef {
        AudioRef::analysis("01900000000070008000000000000009".parse().unwrap())
    }

    /// A mix of −10 LUFS, a version of it of −12, and a reference of −16 that lasts longer.
    fn player() -> PlayerState {
        let source = |kind, duration_s, lufs| PlayerSource {
            audio: audio(),
            kind,
            title: String::new(),
            duration_s,
            integrated_lufs: Some(lufs),
            preview_state: PreviewState::Ready,
            gain_db: 0.0,
            loudness: None,
        };
        PlayerState::new(&[
            source(SourceKind::Mix, 100.0, -10.0),
            source(SourceKind::Version, 100.5, -12.0),
            source(SourceKind::Reference, 200.0, -16.0),
        ])
    }

    fn url() -> String {
        "https://storage.example/key".to_owned()
    }

    fn link(player: &mut PlayerState, index: usize) {
        player.apply(Event::Linked(index, Ok(url())));
        player.apply(Event::Loaded(index));
    }

    /// The mix plays, from the start.
    fn playing() -> PlayerState {
        let mut player = player();
        player.apply(Event::Toggle);
        link(&mut player, MIX);
        player.apply(Event::Sounding(MIX));
        player
    }

    /// The mix plays, at second 30.
    fn playing_at_30() -> PlayerState {
        let mut player = playing();
        player.apply(Event::Moved(MIX, 30.0));
        player
    }

    fn has(commands: &[Command], command: &Command) -> bool {
        commands.contains(command)
    }

    #[test]
    fn the_first_click_asks_for_the_link_and_plays_when_it_is_there() {
        let mut player = player();
        let commands = player.apply(Event::Toggle);
        assert!(has(&commands, &Command::RequestLink(MIX, audio())));
        assert!(has(&commands, &Command::OpenGraph));
        let commands = player.apply(Event::Linked(MIX, Ok(url())));
        assert_eq!(commands, [Command::SetSource(MIX, url()), Command::Play(MIX)]);
        assert!(player.playing);
    }

    #[test]
    fn a_pause_fades_before_it_stops_and_a_click_in_between_plays_on() {
        let mut player = playing();
        assert_eq!(
            player.apply(Event::Toggle),
            [Command::FadeOut, Command::AfterFade(Box::new(Event::PauseDue))]
        );
        assert_eq!(player.clone().apply(Event::PauseDue).len(), 3);
        player.apply(Event::Toggle);
        assert_eq!(player.apply(Event::PauseDue), []);
    }

    #[test]
    fn a_jump_while_it_plays_waits_for_silence_and_the_clock_does_not_jump_back() {
        let mut player = playing();
        assert!(has(&player.apply(Event::Seek(50.0)), &Command::FadeOut));
        player.apply(Event::Moved(MIX, 1.0));
        assert_eq!(player.tracks[MIX].position_s, 50.0);
        assert_eq!(player.apply(Event::JumpDue(MIX)), [Command::SeekTo(MIX, 50.0)]);
        assert_eq!(player.apply(Event::Sought(MIX)), [Command::FadeIn]);
        assert_eq!(player.apply(Event::JumpDue(MIX)), [], "once");
    }

    #[test]
    fn a_version_takes_over_at_the_same_position_while_the_other_still_plays() {
        let mut player = playing_at_30();
        player.apply(Event::Switch(VERSION));
        assert_eq!((player.active, player.pending), (MIX, Some(VERSION)));
        player.apply(Event::Linked(VERSION, Ok(url())));
        let cued = Command::CueAhead {
            next: VERSION,
            heard: MIX,
            end_s: 100.5,
        };
        assert_eq!(player.apply(Event::Loaded(VERSION)), [cued]);
        let heard = Some(MIX);
        assert_eq!(
            player.apply(Event::Sought(VERSION)),
            [Command::StartWith { next: VERSION, heard }]
        );
        assert_eq!(player.apply(Event::StartDue(VERSION)), [Command::Play(VERSION)]);
        player.apply(Event::Sounding(VERSION));
        assert_eq!((player.active, player.pending), (VERSION, None));
        assert_eq!(
            player.apply(Event::StopDue),
            [Command::Pause(MIX), Command::Pause(REFERENCE)]
        );
        player.apply(Event::Moved(VERSION, 31.0));
        assert_eq!(player.tracks[MIX].position_s, 31.0, "one position");
    }

    /// The mix plays; a version that is to take over has been asked for, and a place was chosen meanwhile.
    fn jump_while_a_version_is_on_its_way() -> PlayerState {
        let mut player = playing_at_30();
        player.apply(Event::Switch(VERSION));
        assert_eq!(
            player.apply(Event::Seek(70.0)),
            [],
            "nothing stops before the version can begin"
        );
        player.apply(Event::Moved(MIX, 31.0));
        assert_eq!(player.tracks[MIX].position_s, 70.0);
        player
    }

    #[test]
    fn a_jump_while_a_version_is_on_its_way_is_where_the_version_begins() {
        let mut player = jump_while_a_version_is_on_its_way();
        player.apply(Event::Linked(VERSION, Ok(url())));
        assert_eq!(
            player.apply(Event::Loaded(VERSION)),
            [Command::SeekTo(VERSION, 70.0)]
        );
        // Another one, when it has been cued.
        assert_eq!(player.apply(Event::GoTo(80.0)), [Command::SeekTo(VERSION, 80.0)]);
        player.apply(Event::Sounding(VERSION));
        assert_eq!(
            (player.active, player.tracks[VERSION].position_s),
            (VERSION, 80.0)
        );
        player.apply(Event::Moved(VERSION, 80.5));
        assert_eq!(player.tracks[MIX].position_s, 80.5);
    }

    #[test]
    fn a_jump_is_kept_when_the_version_is_not_to_be_heard_after_all() {
        let jump = Command::AfterFade(Box::new(Event::JumpDue(MIX)));
        let mut player = jump_while_a_version_is_on_its_way();
        assert!(has(&player.apply(Event::Switch(MIX)), &jump));
        let mut player = jump_while_a_version_is_on_its_way();
        assert!(has(
            &player.apply(Event::Linked(VERSION, Err("Not now.".to_owned()))),
            &jump
        ));
        let mut player = jump_while_a_version_is_on_its_way();
        player.apply(Event::Toggle);
        assert!(has(&player.apply(Event::PauseDue), &Command::SeekTo(MIX, 70.0)));
        // A pause that is taken back before the sound has faded out.
        let mut player = jump_while_a_version_is_on_its_way();
        player.apply(Event::Toggle);
        assert!(has(&player.apply(Event::Toggle), &Command::SeekTo(MIX, 70.0)));
    }

    #[test]
    fn a_place_of_the_mix_is_not_played_in_a_reference_that_is_on_its_way() {
        let mut player = playing_at_30();
        player.apply(Event::Switch(REFERENCE));
        player.apply(Event::GoTo(60.0));
        assert_eq!((player.active, player.pending), (MIX, None));
        player.apply(Event::Linked(REFERENCE, Ok(url())));
        player.apply(Event::Sounding(REFERENCE));
        assert_eq!(player.active, MIX);
    }

    #[test]
    fn whatever_is_played_from_a_place_begins_alike() {
        let mut player = playing_at_30();
        link(&mut player, VERSION);
        let begun = |player: &mut PlayerState, index| {
            let asked = player.apply(Event::PlayFrom(index, 20.0));
            let commands = player.apply(Event::PlayFromDue(index, 20.0));
            assert_eq!(
                (player.active, player.playing, player.tracks[index].position_s),
                (index, true, 20.0)
            );
            assert_eq!(player.apply(Event::Sought(index)), [Command::FadeIn]);
            (
                asked.len(),
                commands.len(),
                has(&commands, &Command::SeekTo(index, 20.0)),
            )
        };
        let other = begun(&mut player, VERSION);
        assert_eq!(
            begun(&mut player, VERSION),
            other,
            "the one that is heard already"
        );
        assert_eq!(begun(&mut player, MIX), other);
        // One that has no link yet begins there when it has one.
        let mut player = self::player();
        player.apply(Event::PlayFrom(VERSION, 20.0));
        assert!(has(
            &player.apply(Event::PlayFromDue(VERSION, 20.0)),
            &Command::RequestLink(VERSION, audio())
        ));
        player.apply(Event::Linked(VERSION, Ok(url())));
        assert_eq!(
            player.apply(Event::Loaded(VERSION)),
            [Command::SeekTo(VERSION, 20.0), Command::Play(VERSION)]
        );
    }

    #[test]
    fn a_reference_keeps_a_position_of_its_own() {
        let mut player = playing_at_30();
        player.apply(Event::Switch(REFERENCE));
        player.apply(Event::Linked(REFERENCE, Ok(url())));
        assert_eq!(
            player.apply(Event::Loaded(REFERENCE)),
            [Command::SeekTo(REFERENCE, 0.0)]
        );
        player.apply(Event::Sounding(REFERENCE));
        player.apply(Event::Moved(REFERENCE, 5.0));
        assert_eq!(player.tracks[MIX].position_s, 30.0);
        // A click into a chart is about the mix.
        player.apply(Event::GoTo(60.0));
        assert_eq!((player.active, player.playing), (MIX, false));
    }

    #[test]
    fn only_what_is_heard_is_open_and_all_are_as_loud_as_the_quietest() {
        let mut player = player();
        let Command::SetLevels(levels) = player.levels() else {
            panic!("levels")
        };
        assert!(
            (levels[MIX] - 10_f32.powf(-6.0 / 20.0)).abs() < 1e-6,
            "{levels:?}"
        );
        assert_eq!(levels[1..], [0.0, 0.0]);
        let commands = player.apply(Event::ToggleMatching);
        assert_eq!(commands, [Command::SetLevels(vec![1.0, 0.0, 0.0])]);
        // What cannot be heard any more decides nothing.
        player.apply(Event::Preview(REFERENCE, PreviewState::Gone));
        assert_eq!(player.loudness_match().target_lufs, Some(-12.0));
    }

    #[test]
    fn a_loop_goes_back_at_its_end_and_at_the_end_of_the_file() {
        let mut player = playing();
        player.apply(Event::PlayRange(95.0, 100.0));
        player.apply(Event::JumpDue(MIX));
        player.apply(Event::ToggleLoop);
        assert!(has(&player.apply(Event::Moved(MIX, 100.0)), &Command::FadeOut));
        assert_eq!(player.tracks[MIX].position_s, 95.0);
        assert_eq!(
            player.apply(Event::Ended(MIX)),
            [Command::SeekTo(MIX, 95.0), Command::Play(MIX)]
        );
        player.apply(Event::ToggleLoop);
        player.apply(Event::Ended(MIX));
        assert!(!player.playing);
        let mut player = playing();
        player.apply(Event::LoopRange(10.0, 20.0));
        player.apply(Event::JumpDue(MIX));
        player.apply(Event::Seek(70.0));
        player.apply(Event::JumpDue(MIX));
        player.apply(Event::Moved(MIX, 70.1));
        assert_eq!(player.tracks[MIX].position_s, 70.1, "behind the loop it goes on");
    }

    /// Loudest in the second that is given, which is as loud as given; 20 dB below that elsewhere.
    fn loud_at(at: usize, lufs: f32, seconds: usize) -> Option<LoudnessOverTime> {
        let mut values = vec![Some(lufs - 20.0); seconds - 3];
        values[at] = Some(lufs);
        Some(LoudnessOverTime::new(&model::report::Series {
            start_s: 3.0,
            step_s: 1.0,
            values,
        }))
    }

    #[test]
    fn what_is_looped_is_matched_over_the_loop_and_the_rest_over_the_whole() {
        let mut player = player();
        player.tracks[MIX].loudness = loud_at(40, -6.0, 100);
        player.tracks[VERSION].loudness = loud_at(40, -16.0, 100);
        // Over the whole they are 2 dB apart, and in the loop 10.
        player.apply(Event::LoopRange(40.5, 42.5));
        assert!(player.looping && player.is_matched_over_loop());
        let gains = player.loudness_match().gains_db;
        assert!((gains[MIX] - gains[VERSION] + 10.0).abs() < 0.01, "{gains:?}");
        player.apply(Event::ToggleLoop);
        assert!(!player.is_matched_over_loop());
        let gains = player.loudness_match().gains_db;
        assert!((gains[MIX] - gains[VERSION] + 2.0).abs() < 0.01, "{gains:?}");
    }

    #[test]
    fn the_loudest_part_of_each_is_one_press_away_and_where_another_song_begins() {
        let mut player = playing_at_30();
        player.tracks[MIX].loudness = loud_at(60, -6.0, 100);
        player.tracks[REFERENCE].loudness = loud_at(150, -6.0, 200);
        let mut begun = player.clone();
        begun.apply(Event::Switch(REFERENCE));
        begun.apply(Event::Linked(REFERENCE, Ok(url())));
        assert_eq!(
            begun.apply(Event::Loaded(REFERENCE)),
            [Command::SeekTo(REFERENCE, 150.0)]
        );
        // Whoever chose a place in it finds it there again.
        let mut chosen = player.clone();
        link(&mut chosen, REFERENCE);
        chosen.apply(Event::PlayFromDue(REFERENCE, 20.0));
        chosen.apply(Event::Switch(MIX));
        chosen.apply(Event::Sounding(MIX));
        assert_eq!(
            chosen.apply(Event::Switch(REFERENCE)),
            [Command::SeekTo(REFERENCE, 20.0)]
        );
        player.apply(Event::GoToLoudest);
        assert_eq!(player.tracks[MIX].position_s, 60.0);
        assert_eq!(player.tracks[VERSION].position_s, 60.0, "one position");
        assert_eq!(player.tracks[REFERENCE].position_s, 150.0);
    }

    #[test]
    fn a_version_of_another_length_begins_where_the_mix_is() {
        let mut player = playing_at_30();
        player.tracks[VERSION].shares_time = false;
        player.apply(Event::Switch(VERSION));
        player.apply(Event::Linked(VERSION, Ok(url())));
        assert_eq!(
            player.apply(Event::Loaded(VERSION)),
            [Command::SeekTo(VERSION, 30.0)]
        );
    }

    #[test]
    fn a_media_key_stops_and_starts_it() {
        let mut player = playing();
        player.apply(Event::Paused(MIX));
        assert!(!player.playing);
        player.apply(Event::Paused(VERSION));
        player.apply(Event::Started(MIX));
        assert!(player.playing);
    }

    #[test]
    fn a_link_that_has_ended_is_renewed_and_the_sound_goes_on() {
        let mut player = playing();
        player.apply(Event::Seek(50.0));
        player.apply(Event::JumpDue(MIX));
        let commands = player.apply(Event::Failed(MIX, Fault::Later));
        assert_eq!(commands, [Command::RequestLink(MIX, audio())]);
        let commands = player.apply(Event::Linked(MIX, Ok(url())));
        assert_eq!(commands, [Command::SetSource(MIX, url()), Command::Play(MIX)]);
        // The new address stops the element.
        player.apply(Event::Paused(MIX));
        assert!(player.playing);
        assert_eq!(
            player.apply(Event::Loaded(MIX)),
            [Command::SeekTo(MIX, 50.0), Command::Play(MIX)]
        );
    }

    #[test]
    fn a_format_is_only_blamed_where_the_storage_gives_the_audio() {
        let blame = |access| {
            let mut player = player();
            player.apply(Event::Toggle);
            player.apply(Event::Linked(MIX, Ok(url())));
            let probe = [Command::Probe(MIX, url())];
            assert_eq!(player.apply(Event::Failed(MIX, Fault::AtStart)), probe);
            assert_eq!(player.apply(Event::Probed(MIX, access)), []);
            assert!(!player.playing);
            // The next click asks for a link again.
            let message = player.message.clone().unwrap_or_default();
            let again = Command::RequestLink(MIX, audio());
            assert!(has(&player.apply(Event::Toggle), &again));
            message
        };
        assert!(blame(Access::Readable).contains("cannot play this format"));
        assert!(blame(Access::Gone).contains("removed"));
        assert!(blame(Access::Away).contains("storage has a problem"));
        assert!(blame(Access::Unreachable).contains("connection"));
    }

    #[test]
    fn a_link_that_ended_before_it_was_used_is_renewed_once() {
        let mut player = player();
        player.apply(Event::Toggle);
        player.apply(Event::Linked(MIX, Ok(url())));
        let again = [Command::RequestLink(MIX, audio())];
        assert_eq!(player.apply(Event::Probed(MIX, Access::Refused)), again);
        player.apply(Event::Linked(MIX, Ok(url())));
        assert_eq!(player.apply(Event::Probed(MIX, Access::Refused)), []);
        assert!(!player.playing);
    }

    #[test]
    fn what_cannot_be_linked_leaves_the_sound_that_is_heard() {
        let mut player = playing();
        player.apply(Event::Switch(VERSION));
        player.apply(Event::Linked(VERSION, Err("Not now.".to_owned())));
        assert_eq!((player.active, player.pending), (MIX, None));
        assert!(player.playing);
        assert_eq!(player.message.as_deref(), Some("Not now."));
    }
}
