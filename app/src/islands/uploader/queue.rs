//! What happens to the files of the uploader, apart from how it is done: a [`Queue`] takes [`Event`]s and answers with the
//! [`Command`]s that are to be carried out. It knows no document and no network.

use model::{
    AnalysisId, Problem, ProblemCode, UploadId,
    analysis::{AnalysisState, Progress},
    format::AudioFormat,
    upload::{NewUpload, PresignedPart, PresignedUpload, UploadKind, UploadParts},
};

use crate::format;

/// Files that are sent at the same time; more only share the same line.
const AT_ONCE: usize = 2;

/// How often the completion of an upload is tried before the person is asked; the bytes are there already.
const COMPLETIONS: u8 = 3;

/// Names a file of the queue.
pub(super) type FileId = u32;

/// The files in the order in which they were chosen.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    kind: UploadKind,
    /// The largest file that the plan takes, in bytes.
    max_bytes: u64,
    /// The longest, in minutes.
    max_minutes: u32,
    items: Vec<Item>,
    next_id: FileId,
}

/// One file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) id: FileId,
    pub(super) name: String,
    /// In bytes.
    pub(super) size: u64,
    pub(super) state: State,
    /// Where the next try begins.
    step: Step,
    /// The parts to send before asking what is next, the first one last.
    parts: Vec<PresignedPart>,
    /// How many of them were given at once.
    given: usize,
    /// Bytes that have arrived in parts before the one that is on its way.
    arrived: u64,
    /// Completions that failed in a row.
    completions: u8,
    /// What came of it, in a few words.
    outcome: Option<String>,
}

/// The requests of an upload. Only the one that failed is made again.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Ask for a presigned upload.
    Begin,
    /// Send the bytes as one.
    Put(UploadId, PresignedPart),
    /// Ask which parts are to be sent, and send them, until there are none.
    Parts(UploadId),
    /// Say that the bytes are there.
    Complete(UploadId),
}

/// Where a file stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// Its turn will come.
    Waiting,
    /// On its way, so many percent of it.
    Sending { percent: u8, line: Line },
    /// All sent; being checked.
    Checking,
    /// Being measured, so many percent of it.
    Measuring(AnalysisId, u8),
    /// There is a report.
    Done(AnalysisId),
    /// There is a page that says why there is no report.
    Rejected(AnalysisId),
    /// It did not arrive; another try may help.
    Failed(Failure),
    /// It cannot be uploaded as it is.
    Refused(String),
    /// It is no longer the file that was chosen.
    Changed,
    /// The person stopped it.
    Cancelled,
}

/// Whether the storage takes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Moving,
    /// Nothing has moved for [`super::STALLED`].
    Still,
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// There is no line; it goes on by itself when there is one.
    Offline,
    /// The session has ended.
    SignedOut,
    /// As the server or the storage says.
    Said(String),
}

/// How a PUT ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// With this HTTP status.
    Status(u16),
    /// Without an answer.
    NoAnswer,
    /// The file cannot be read any more, or is another one.
    Changed,
}

/// What happened.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A file was chosen or dropped.
    Chosen {
        name: String,
        size: u64,
        /// In seconds, where the browser can tell.
        length_s: Option<f64>,
    },
    /// A folder was dropped that could not be walked.
    Folder {
        name: String,
    },
    Begun(FileId, Result<PresignedUpload, Problem>),
    /// The parts to send next, by what the storage has.
    Parts(FileId, Result<UploadParts, Problem>),
    /// So many bytes of the part on its way are sent.
    Sent(FileId, u64),
    /// Nothing was sent for a while.
    Stalled(FileId),
    PutEnded(FileId, Put),
    Completed(FileId, Result<AnalysisId, Problem>),
    Measured(FileId, Progress),
    Cancel(FileId),
    /// Every file that has not arrived yet.
    CancelAll,
    Retry(FileId),
    Remove(FileId),
    /// The browser has a line again.
    Online,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Begin(FileId, NewUpload),
    /// Ask which parts are next.
    AskParts(FileId, UploadId),
    /// Send these bytes of the file.
    Put(FileId, PresignedPart),
    /// After so many tries that failed.
    Complete(FileId, UploadId, u8),
    /// Ask for the progress of an analysis until it has ended.
    Follow(FileId, AnalysisId),
    /// Break off the PUT.
    Abort(FileId),
    /// Let go of the file.
    Forget(FileId),
    /// Go to the report of the one file there is.
    Open(AnalysisId),
    /// Load the page again, whose list has what was measured.
    Reload,
}

impl Queue {
    pub(super) const fn new(kind: UploadKind, max_bytes: u64, max_minutes: u32) -> Self {
        Self {
            kind,
            max_bytes,
            max_minutes,
            items: Vec::new(),
            next_id: 0,
        }
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn item(&self, id: FileId) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// The id that the next file gets.
    pub(super) const fn next_id(&self) -> FileId {
        self.next_id
    }

    /// Whether leaving the page would lose something.
    pub(super) fn is_busy(&self) -> bool {
        self.items.iter().any(|item| item.state.is_under_way())
    }

    /// What a file comes to, or where it stands.
    pub(super) fn words(&self, id: FileId) -> String {
        let item = self.item(id);
        item.map_or_else(String::new, |item| {
            item.outcome.clone().unwrap_or_else(|| item.state.words())
        })
    }

    /// How far all of them are, where there are several.
    pub(super) fn summary(&self) -> String {
        let (mut done, mut without) = (0, 0);
        for item in &self.items {
            match item.state {
                State::Done(_) => done += 1,
                State::Rejected(_)
                | State::Refused(_)
                | State::Failed(_)
                | State::Changed
                | State::Cancelled => without += 1,
                _ => {}
            }
        }
        match (self.items.len(), without) {
            (0 | 1, _) => String::new(),
            (all, 0) => format!("{done} of {all} measured"),
            (all, _) => format!("{done} of {all} measured, {without} without a report"),
        }
    }

    /// Whether there are several, and something of them can still be stopped.
    pub(super) fn can_cancel(&self) -> bool {
        self.items.len() > 1 && self.items.iter().any(|item| item.state.can_cancel())
    }

    /// Takes in what happened; what is to be done because of it, in order.
    pub(super) fn apply(&mut self, event: Event) -> Vec<Command> {
        let mut commands = self.take_in(event);
        commands.extend(self.start_waiting());
        commands
    }

    fn take_in(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Chosen { name, size, length_s } => return self.add(name, size, length_s),
            Event::CancelAll => {
                return self
                    .items
                    .iter_mut()
                    .filter(|item| item.state.can_cancel())
                    .filter_map(|item| item.apply(Event::Cancel(item.id)))
                    .collect();
            }
            Event::Folder { name } => {
                let words = "This is a folder. Drop the files in it.".to_owned();
                self.push(name, 0, State::Refused(words));
            }
            Event::Online => {
                for item in &mut self.items {
                    if item.state == State::Failed(Failure::Offline) {
                        item.state = State::Waiting;
                    }
                }
            }
            Event::Remove(id) => {
                self.items.retain(|item| item.id != id);
                return vec![Command::Abort(id), Command::Forget(id)];
            }
            Event::Measured(id, progress) => return self.measured(id, progress),
            Event::Completed(id, Ok(analysis)) => return self.completed(id, analysis),
            Event::Begun(id, _)
            | Event::Parts(id, _)
            | Event::Sent(id, _)
            | Event::Stalled(id)
            | Event::PutEnded(id, _)
            | Event::Completed(id, _)
            | Event::Cancel(id)
            | Event::Retry(id) => {
                if let Some(item) = self.items.iter_mut().find(|item| item.id == id) {
                    return item.apply(event).into_iter().collect();
                }
            }
        }
        Vec::new()
    }

    /// Checks a file by name and size, as the server will, and puts it at the end.
    fn add(&mut self, name: String, size: u64, length_s: Option<f64>) -> Vec<Command> {
        let max_s = f64::from(self.max_minutes) * 60.0;
        let refusal = if AudioFormat::from_file_name(&name).is_none() {
            Some(format!(
                "MixLens reads {}. Export the mix as WAV or FLAC.",
                AudioFormat::list()
            ))
        } else if size == 0 {
            Some("This file is empty (0 bytes). Export the mix again.".to_owned())
        } else if size > self.max_bytes {
            Some(format!(
                "This file is larger than the {} of your plan. A FLAC of the same mix is half the size and loses nothing.",
                format::bytes(self.max_bytes)
            ))
        } else {
            length_s.filter(|length_s| *length_s > max_s).map(|length_s| {
                format!(
                    "This file lasts {}; your plan takes up to {} minutes. Nothing was sent.",
                    format::clock(length_s),
                    self.max_minutes
                )
            })
        };
        // A file that is chosen again takes the place of the one that was changed.
        let outdated = |item: &Item| item.name == name && item.state == State::Changed;
        let gone: Vec<FileId> = self
            .items
            .iter()
            .filter(|item| outdated(item))
            .map(|item| item.id)
            .collect();
        self.items.retain(|item| !gone.contains(&item.id));
        self.push(name, size, refusal.map_or(State::Waiting, State::Refused));
        gone.into_iter().map(Command::Forget).collect()
    }

    fn push(&mut self, name: String, size: u64, state: State) {
        self.items.push(Item {
            id: self.next_id,
            name,
            size,
            state,
            step: Step::Begin,
            parts: Vec::new(),
            given: 0,
            arrived: 0,
            completions: 0,
            outcome: None,
        });
        self.next_id += 1;
    }

    /// Starts waiting files while fewer than [`AT_ONCE`] are on their way.
    fn start_waiting(&mut self) -> Vec<Command> {
        let sending = self.items.iter().filter(|item| item.state.is_sending()).count();
        let kind = self.kind;
        self.items
            .iter_mut()
            .filter(|item| item.state == State::Waiting)
            .take(AT_ONCE.saturating_sub(sending))
            .map(|item| item.start(kind))
            .collect()
    }

    fn completed(&mut self, id: FileId, analysis: AnalysisId) -> Vec<Command> {
        let is_alone = self.items.len() == 1;
        let Some(item) = self.items.iter_mut().find(|item| item.id == id) else {
            return Vec::new();
        };
        let next = if self.kind == UploadKind::Mix && is_alone {
            item.state = State::Done(analysis);
            Command::Open(analysis)
        } else {
            item.state = State::Measuring(analysis, 0);
            Command::Follow(id, analysis)
        };
        vec![Command::Forget(id), next]
    }

    fn measured(&mut self, id: FileId, progress: Progress) -> Vec<Command> {
        if let Some(item) = self.items.iter_mut().find(|item| item.id == id)
            && let State::Measuring(analysis, _) = item.state
        {
            item.outcome = progress.outcome;
            item.state = match progress.state {
                AnalysisState::Done => State::Done(analysis),
                AnalysisState::Failed => State::Rejected(analysis),
                AnalysisState::Queued | AnalysisState::Running => {
                    State::Measuring(analysis, progress.percent)
                }
            };
        }
        let is_well = |item: &Item| matches!(item.state, State::Done(_));
        if self.kind == UploadKind::Reference && progress.state.is_final() && self.items.iter().all(is_well) {
            return vec![Command::Reload];
        }
        Vec::new()
    }
}

impl Item {
    /// Goes on with the step that is next.
    fn start(&mut self, kind: UploadKind) -> Command {
        self.completions = 0;
        match &self.step {
            Step::Begin => {
                self.state = State::sending(0);
                let file = NewUpload {
                    file_name: self.name.clone(),
                    size_bytes: self.size,
                    kind,
                };
                Command::Begin(self.id, file)
            }
            Step::Put(_, whole) => {
                self.state = State::sending(0);
                Command::Put(self.id, whole.clone())
            }
            Step::Parts(upload) => {
                self.state = State::sending(self.percent(0));
                Command::AskParts(self.id, *upload)
            }
            Step::Complete(upload) => {
                self.state = State::Checking;
                Command::Complete(self.id, *upload, 0)
            }
        }
    }

    fn apply(&mut self, event: Event) -> Option<Command> {
        match event {
            Event::Cancel(id) if self.state.is_under_way() => {
                self.state = State::Cancelled;
                return Some(Command::Abort(id));
            }
            Event::Retry(_) if matches!(self.state, State::Failed(_) | State::Cancelled) => {
                self.state = State::Waiting;
            }
            // What comes in for a file that was stopped meanwhile changes nothing.
            _ if !self.state.is_sending() => {}
            Event::Begun(id, Ok(presigned)) => return Some(self.begun(id, presigned)),
            Event::Parts(id, Ok(parts)) => {
                self.arrived = parts.arrived_bytes;
                self.parts = parts.next;
                self.parts.reverse();
                self.given = self.parts.len();
                if let Step::Parts(upload) = self.step
                    && self.parts.is_empty()
                {
                    return Some(self.complete(id, upload));
                }
                self.state = State::sending(self.percent(0));
                return self.next_part(id);
            }
            Event::Parts(_, Err(problem)) => {
                if problem.code == ProblemCode::NotFound {
                    self.step = Step::Begin;
                }
                self.state = State::Failed(Failure::from(problem));
            }
            Event::Begun(_, Err(problem)) => {
                self.state = match problem.code {
                    ProblemCode::Invalid | ProblemCode::Quota | ProblemCode::TooLarge => {
                        State::Refused(problem.message)
                    }
                    _ => State::Failed(Failure::from(problem)),
                };
            }
            Event::Sent(_, bytes) => self.state = State::sending(self.percent(bytes)),
            Event::Stalled(_) => {
                if let State::Sending { line, .. } = &mut self.state {
                    *line = Line::Still;
                }
            }
            Event::PutEnded(id, put) => return self.put_ended(id, put),
            Event::Completed(id, Err(problem)) => {
                let may_pass = matches!(problem.code, ProblemCode::Unavailable | ProblemCode::Internal);
                self.completions += 1;
                if let Step::Complete(upload) = self.step
                    && may_pass
                    && self.completions < COMPLETIONS
                {
                    return Some(Command::Complete(id, upload, self.completions));
                }
                // Without the upload, or with other bytes than were said, everything begins again.
                if matches!(
                    problem.code,
                    ProblemCode::NotFound | ProblemCode::Conflict | ProblemCode::Invalid
                ) {
                    self.step = Step::Begin;
                }
                self.state = State::Failed(Failure::from(problem));
            }
            _ => {}
        }
        None
    }

    /// The bytes go as one where there is an address for them, and in parts where there is none.
    fn begun(&mut self, id: FileId, presigned: PresignedUpload) -> Command {
        let Some(url) = presigned.url else {
            self.step = Step::Parts(presigned.upload);
            return Command::AskParts(id, presigned.upload);
        };
        let whole = PresignedPart {
            offset: 0,
            length: self.size,
            url,
            headers: presigned.headers,
        };
        self.step = Step::Put(presigned.upload, whole.clone());
        Command::Put(id, whole)
    }

    fn complete(&mut self, id: FileId, upload: UploadId) -> Command {
        self.step = Step::Complete(upload);
        self.state = State::Checking;
        Command::Complete(id, upload, 0)
    }

    /// Sends the next part, or asks which is next.
    fn next_part(&self, id: FileId) -> Option<Command> {
        match (self.parts.last(), &self.step) {
            (Some(part), _) => Some(Command::Put(id, part.clone())),
            (None, Step::Parts(upload)) => Some(Command::AskParts(id, *upload)),
            _ => None,
        }
    }

    /// How many percent have arrived, with `bytes` of the part on its way.
    fn percent(&self, bytes: u64) -> u8 {
        let arrived = self.arrived.saturating_add(bytes).min(self.size);
        // 0 to 100 by construction.
        (100 * arrived / self.size.max(1)) as u8
    }

    fn put_ended(&mut self, id: FileId, put: Put) -> Option<Command> {
        match (put, &self.step) {
            // 412: an earlier try had arrived and only its answer was lost.
            (Put::Status(200..=299 | 412), Step::Put(upload, _)) => {
                let upload = *upload;
                return Some(self.complete(id, upload));
            }
            (Put::Status(200..=299), Step::Parts(_)) => {
                self.arrived += self.parts.pop().map_or(0, |part| part.length);
                return self.next_part(id);
            }
            _ => {}
        }
        match put {
            Put::Status(403 | 404) => {
                if let Step::Parts(upload) = self.step {
                    // Of parts that were given together, the last may have waited for longer than they are valid.
                    if self.parts.len() < self.given {
                        return Some(Command::AskParts(id, upload));
                    }
                } else {
                    self.step = Step::Begin;
                }
                let words = "The permission to upload has ended. Try again.";
                self.state = State::Failed(Failure::Said(words.into()));
            }
            Put::Status(507) => {
                let words = "The storage is full. Tell us, and try again later.";
                self.state = State::Failed(Failure::Said(words.into()));
            }
            Put::Status(status) => {
                let words = format!("The storage refused the file ({status}). Try again.");
                self.state = State::Failed(Failure::Said(words));
            }
            Put::NoAnswer => self.state = State::Failed(Failure::Offline),
            Put::Changed => self.state = State::Changed,
        }
        None
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem.code {
            ProblemCode::Unauthenticated => Self::SignedOut,
            _ => Self::Said(problem.message),
        }
    }
}

impl State {
    const fn sending(percent: u8) -> Self {
        Self::Sending {
            percent,
            line: Line::Moving,
        }
    }

    /// Whether leaving the page would lose something.
    const fn is_under_way(&self) -> bool {
        matches!(self, Self::Waiting | Self::Sending { .. } | Self::Checking)
    }

    /// Whether it can be stopped without loss: its bytes are not there yet.
    const fn can_cancel(&self) -> bool {
        matches!(self, Self::Waiting | Self::Sending { .. })
    }

    /// Whether it counts towards [`AT_ONCE`].
    pub(super) const fn is_sending(&self) -> bool {
        matches!(self, Self::Sending { .. } | Self::Checking)
    }

    /// How much of the bar is filled.
    pub(super) const fn percent(&self) -> Option<u8> {
        match self {
            Self::Waiting => Some(0),
            Self::Sending { percent, .. } | Self::Measuring(_, percent) => Some(*percent),
            Self::Checking => Some(100),
            _ => None,
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Waiting => "Waiting".into(),
            Self::Sending { percent, line } => match line {
                Line::Moving => format!("Uploading, {percent} %"),
                Line::Still => format!("Uploading, {percent} %. No answer from the storage for 30 s"),
            },
            Self::Checking => "Checking".into(),
            Self::Measuring(_, percent) => format!("Measuring, {percent} %"),
            Self::Done(_) => "Report ready".into(),
            Self::Rejected(_) => "No report".into(),
            Self::Failed(Failure::Offline) => {
                "The connection was lost. It goes on by itself when you are online.".into()
            }
            Self::Failed(Failure::SignedOut) => "You were signed out. Sign in, then try again.".into(),
            Self::Failed(Failure::Said(words)) | Self::Refused(words) => words.clone(),
            Self::Changed => "This file was changed since you chose it. Choose it again.".into(),
            Self::Cancelled => "Cancelled".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Timestamp, analysis::Phase};

    use super::*;

    fn upload() -> UploadId {
        "01900000000070008000000000000007".parse().unwrap()
    }

    fn analysis() -> AnalysisId {
        "01900000000070008000000000000009".parse().unwrap()
    }

    fn presigned() -> PresignedUpload {
        PresignedUpload {
            upload: upload(),
            url: Some("https://storage.example/key".to_owned()),
            headers: Vec::new(),
            expires_at: Timestamp(0),
        }
    }

    /// The bytes of a file of 1,000 from `offset` to `end`.
    fn part(offset: u64, end: u64) -> PresignedPart {
        PresignedPart {
            offset,
            length: end - offset,
            url: "https://storage.example/key".to_owned(),
            headers: Vec::new(),
        }
    }

    fn parts(arrived_bytes: u64, next: Vec<PresignedPart>) -> Event {
        Event::Parts(0, Ok(UploadParts { arrived_bytes, next }))
    }

    /// A queue of mixes with one file that goes in parts, the first of them on its way.
    fn sending_parts() -> Queue {
        let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
        chosen(&mut queue, "mix.wav");
        let url = None;
        let commands = queue.apply(Event::Begun(0, Ok(PresignedUpload { url, ..presigned() })));
        assert_eq!(commands, [Command::AskParts(0, upload())]);
        let commands = queue.apply(parts(0, vec![part(0, 400), part(400, 800)]));
        assert_eq!(commands, [Command::Put(0, part(0, 400))]);
        queue
    }

    fn problem(code: ProblemCode) -> Problem {
        Problem::new(code, "As the server says.")
    }

    fn chosen(queue: &mut Queue, name: &str) -> Vec<Command> {
        let size = 1_000;
        queue.apply(Event::Chosen {
            name: name.to_owned(),
            size,
            length_s: None,
        })
    }

    /// A queue of mixes with one file, whose bytes are on their way.
    fn sending() -> Queue {
        let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
        assert!(matches!(
            chosen(&mut queue, "mix.wav")[..],
            [Command::Begin(0, _)]
        ));
        let commands = queue.apply(Event::Begun(0, Ok(presigned())));
        assert_eq!(commands, [Command::Put(0, part(0, 1_000))]);
        queue
    }

    /// The same, all sent and being checked.
    fn checking() -> Queue {
        let mut queue = sending();
        let commands = queue.apply(Event::PutEnded(0, Put::Status(200)));
        assert_eq!(commands, [Command::Complete(0, upload(), 0)]);
        queue
    }

    fn state(queue: &Queue, id: FileId) -> State {
        queue.item(id).unwrap().state.clone()
    }

    #[test]
    fn one_mix_alone_leads_to_its_report() {
        let mut queue = checking();
        assert!(queue.is_busy());
        let commands = queue.apply(Event::Completed(0, Ok(analysis())));
        assert_eq!(commands, [Command::Forget(0), Command::Open(analysis())]);
        assert!(!queue.is_busy());
    }

    #[test]
    fn two_files_are_sent_at_once_and_the_third_when_one_has_ended() {
        let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
        for name in ["one.wav", "two.wav", "three.wav"] {
            chosen(&mut queue, name);
        }
        assert_eq!(state(&queue, 2), State::Waiting);
        let commands = queue.apply(Event::Cancel(0));
        assert!(matches!(commands[..], [Command::Abort(0), Command::Begin(2, _)]));
        // What was asked for it answers too late.
        assert_eq!(queue.apply(Event::Begun(0, Ok(presigned()))), []);
        assert_eq!(state(&queue, 0), State::Cancelled);
    }

    #[test]
    fn what_is_no_mix_is_refused_before_anything_is_sent() {
        let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
        let mut words = |name: &str, size| {
            let name = name.to_owned();
            assert_eq!(
                queue.apply(Event::Chosen {
                    name,
                    size,
                    length_s: None
                }),
                []
            );
            queue.items().last().unwrap().state.words()
        };
        assert!(words("notes.txt", 10).contains("Export the mix as WAV or FLAC"));
        assert!(words("empty.wav", 0).contains("empty"));
        assert!(words("large.wav", 10_001).contains("larger than"));
    }

    #[test]
    fn what_is_too_long_is_refused_before_anything_is_sent() {
        let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
        let mut choose = |length_s| {
            let (name, size) = ("mix.wav".to_owned(), 10);
            queue.apply(Event::Chosen { name, size, length_s })
        };
        assert_eq!(choose(Some(605.0)), []);
        assert!(matches!(choose(Some(599.0))[..], [Command::Begin(1, _)]));
        assert!(
            matches!(choose(None)[..], [Command::Begin(2, _)]),
            "what the browser cannot read, the server does"
        );
        assert!(
            state(&queue, 0)
                .words()
                .contains("lasts 10:05; your plan takes up to 10 minutes")
        );
    }

    #[test]
    fn all_that_has_not_arrived_is_cancelled_at_once_and_the_rest_goes_on() {
        let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
        for name in ["one.wav", "two.wav", "three.wav"] {
            chosen(&mut queue, name);
        }
        queue.apply(Event::Begun(0, Ok(presigned())));
        queue.apply(Event::PutEnded(0, Put::Status(200)));
        assert_eq!(
            (queue.summary().as_str(), queue.can_cancel()),
            ("0 of 3 measured", true)
        );
        queue.apply(Event::CancelAll);
        assert_eq!(state(&queue, 0), State::Checking, "its bytes are there");
        assert_eq!(
            [state(&queue, 1), state(&queue, 2)],
            [State::Cancelled, State::Cancelled]
        );
        assert_eq!(queue.summary(), "0 of 3 measured, 2 without a report");
        assert!(!queue.can_cancel());
    }

    #[test]
    fn only_the_step_that_failed_is_done_again() {
        let mut queue = sending();
        queue.apply(Event::PutEnded(0, Put::Status(500)));
        assert_eq!(queue.apply(Event::Retry(0)), [Command::Put(0, part(0, 1_000))]);

        let mut queue = checking();
        for tries in 1..COMPLETIONS {
            let commands = queue.apply(Event::Completed(0, Err(problem(ProblemCode::Unavailable))));
            assert_eq!(commands, [Command::Complete(0, upload(), tries)], "by itself");
        }
        assert_eq!(
            queue.apply(Event::Completed(0, Err(problem(ProblemCode::Unavailable)))),
            []
        );
        assert_eq!(
            queue.apply(Event::Retry(0)),
            [Command::Complete(0, upload(), 0)],
            "the bytes are there"
        );
        // An upload that is gone starts over.
        queue.apply(Event::Completed(0, Err(problem(ProblemCode::NotFound))));
        assert!(matches!(queue.apply(Event::Retry(0))[..], [Command::Begin(0, _)]));
    }

    #[test]
    fn parts_are_sent_one_after_the_other_until_all_have_arrived() {
        let mut queue = sending_parts();
        queue.apply(Event::Sent(0, 200));
        assert_eq!(state(&queue, 0).percent(), Some(20));
        let commands = queue.apply(Event::PutEnded(0, Put::Status(200)));
        assert_eq!(commands, [Command::Put(0, part(400, 800))]);
        queue.apply(Event::Sent(0, 100));
        assert_eq!(state(&queue, 0).percent(), Some(50));
        let commands = queue.apply(Event::PutEnded(0, Put::Status(200)));
        assert_eq!(commands, [Command::AskParts(0, upload())]);
        let commands = queue.apply(parts(800, vec![part(800, 1_000)]));
        assert_eq!(commands, [Command::Put(0, part(800, 1_000))]);
        queue.apply(Event::PutEnded(0, Put::Status(200)));
        let commands = queue.apply(parts(1_000, Vec::new()));
        assert_eq!(commands, [Command::Complete(0, upload(), 0)]);
        assert_eq!(state(&queue, 0), State::Checking);
    }

    #[test]
    fn a_cut_line_costs_one_part() {
        let mut queue = sending_parts();
        queue.apply(Event::PutEnded(0, Put::Status(200)));
        queue.apply(Event::PutEnded(0, Put::NoAnswer));
        assert_eq!(state(&queue, 0), State::Failed(Failure::Offline));
        assert_eq!(queue.apply(Event::Online), [Command::AskParts(0, upload())]);
        assert_eq!(state(&queue, 0).percent(), Some(40), "what has arrived stays");
        let commands = queue.apply(parts(400, vec![part(400, 800)]));
        assert_eq!(commands, [Command::Put(0, part(400, 800))]);
    }

    #[test]
    fn parts_whose_permission_has_ended_are_asked_for_again() {
        let mut queue = sending_parts();
        queue.apply(Event::PutEnded(0, Put::Status(200)));
        let commands = queue.apply(Event::PutEnded(0, Put::Status(403)));
        assert_eq!(
            commands,
            [Command::AskParts(0, upload())],
            "it waited too long for its turn"
        );
        queue.apply(parts(400, vec![part(400, 800)]));
        queue.apply(Event::PutEnded(0, Put::Status(403)));
        assert!(matches!(state(&queue, 0), State::Failed(_)), "no endless loop");
        assert_eq!(queue.apply(Event::Retry(0)), [Command::AskParts(0, upload())]);
        // An upload that was given up meanwhile starts over.
        queue.apply(Event::Parts(0, Err(problem(ProblemCode::NotFound))));
        assert!(matches!(queue.apply(Event::Retry(0))[..], [Command::Begin(0, _)]));
    }

    #[test]
    fn a_permission_that_has_ended_is_asked_for_again() {
        let mut queue = sending();
        queue.apply(Event::PutEnded(0, Put::Status(403)));
        assert!(matches!(queue.apply(Event::Retry(0))[..], [Command::Begin(0, _)]));
    }

    #[test]
    fn a_lost_line_is_taken_up_again_by_itself() {
        let mut queue = sending();
        queue.apply(Event::PutEnded(0, Put::NoAnswer));
        assert_eq!(state(&queue, 0), State::Failed(Failure::Offline));
        assert_eq!(queue.apply(Event::Online), [Command::Put(0, part(0, 1_000))]);
        // Whatever else failed is the person's to try again.
        queue.apply(Event::PutEnded(0, Put::Status(500)));
        assert_eq!(queue.apply(Event::Online), []);
    }

    #[test]
    fn being_signed_out_is_shown_and_loses_no_byte() {
        let mut queue = checking();
        queue.apply(Event::Completed(0, Err(problem(ProblemCode::Unauthenticated))));
        assert_eq!(state(&queue, 0), State::Failed(Failure::SignedOut));
        assert_eq!(queue.apply(Event::Retry(0)), [Command::Complete(0, upload(), 0)]);
    }

    #[test]
    fn too_many_uploads_can_be_tried_again_and_no_room_in_the_plan_cannot() {
        let refused_with = |code| {
            let mut queue = Queue::new(UploadKind::Mix, 10_000, 10);
            chosen(&mut queue, "mix.wav");
            queue.apply(Event::Begun(0, Err(problem(code))));
            state(&queue, 0)
        };
        assert!(matches!(refused_with(ProblemCode::RateLimited), State::Failed(_)));
        assert!(matches!(refused_with(ProblemCode::Quota), State::Refused(_)));
    }

    #[test]
    fn a_changed_file_is_chosen_again_in_its_place() {
        let mut queue = sending();
        queue.apply(Event::PutEnded(0, Put::Changed));
        assert_eq!(state(&queue, 0), State::Changed);
        assert_eq!(queue.apply(Event::Retry(0)), [], "another try can never succeed");
        let commands = chosen(&mut queue, "mix.wav");
        assert!(matches!(commands[..], [Command::Forget(0), Command::Begin(1, _)]));
        assert_eq!(queue.items().len(), 1);
    }

    #[test]
    fn a_stalled_upload_is_shown_until_it_moves_again() {
        let mut queue = sending();
        queue.apply(Event::Sent(0, 400));
        queue.apply(Event::Stalled(0));
        assert!(
            state(&queue, 0)
                .words()
                .contains("No answer from the storage for 30 s")
        );
        queue.apply(Event::Sent(0, 410));
        assert_eq!(state(&queue, 0).words(), "Uploading, 41 %");
    }

    #[test]
    fn the_list_of_references_is_loaded_when_all_are_measured() {
        let progress = |state| Progress {
            state,
            phase: Phase::Measuring,
            percent: 50,
            status_message: None,
            outcome: None,
        };
        let mut queue = Queue::new(UploadKind::Reference, 10_000, 10);
        for (id, name) in [(0, "one.wav"), (1, "two.wav")] {
            chosen(&mut queue, name);
            queue.apply(Event::Begun(id, Ok(presigned())));
            queue.apply(Event::PutEnded(id, Put::Status(412)));
            let commands = queue.apply(Event::Completed(id, Ok(analysis())));
            assert_eq!(commands, [Command::Forget(id), Command::Follow(id, analysis())]);
        }
        assert_eq!(queue.apply(Event::Measured(0, progress(AnalysisState::Done))), []);
        assert_eq!(
            queue.apply(Event::Measured(1, progress(AnalysisState::Running))),
            []
        );
        assert_eq!(
            queue.apply(Event::Measured(1, progress(AnalysisState::Done))),
            [Command::Reload]
        );
    }
}
