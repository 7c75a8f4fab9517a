//! An analysis as pages and machines see it: its state, its progress, its place in the history.

use serde::{Deserialize, Serialize};

use crate::{
    AnalysisId, Failure, RenderId, Report, Timestamp, Verdict,
    comparison::TrackComparison,
    format::AudioFormat,
    song::SongMembership,
    text,
    upload::UploadKind,
    verdict::{Points, Stage, Standing},
};

crate::text_enum! {
    /// Where an analysis stands.
    pub enum AnalysisState {
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker has it.
        Running = "running",
        /// There is a report.
        Done = "done",
        /// There is no report and there will be none; the failure says why.
        Failed = "failed",
    }
}

impl AnalysisState {
    /// Whether it will never change again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

crate::text_enum! {
    /// What a worker is doing with the file.
    pub enum Phase {
        /// In the queue.
        Waiting = "waiting",
        /// Streaming the object from storage.
        Fetching = "fetching",
        /// Decoding and measuring.
        Measuring = "measuring",
        /// Rendering, and measuring what came out.
        Rendering = "rendering",
        /// Storing what came out.
        Saving = "saving",
    }
}

impl Phase {
    /// What a worker does for an analysis, in order.
    pub const OF_ANALYSIS: [Self; 4] = [Self::Waiting, Self::Fetching, Self::Measuring, Self::Saving];
    /// What it does for a render.
    pub const OF_RENDER: [Self; 4] = [Self::Waiting, Self::Fetching, Self::Rendering, Self::Saving];

    /// As a person reads it while waiting.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting for a free worker",
            Self::Fetching => "Reading the file",
            Self::Measuring => "Measuring",
            Self::Rendering => "Rendering and measuring",
            Self::Saving => "Saving",
        }
    }
}

/// What a page waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The measuring of a file.
    Analysis(AnalysisId),
    /// A render.
    Render(RenderId),
}

impl Work {
    /// What a worker does for it, in order.
    #[must_use]
    pub const fn phases(self) -> [Phase; 4] {
        match self {
            Self::Analysis(_) => Phase::OF_ANALYSIS,
            Self::Render(_) => Phase::OF_RENDER,
        }
    }
}

/// How far an analysis has come. Cheap to ask for, so that a page can poll it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where it stands.
    pub state: AnalysisState,
    /// What is being done.
    pub phase: Phase,
    /// 0 to 100 over the whole of the work, never falling.
    pub percent: u8,
    /// Set while our side is in trouble and the work will be tried again; says so in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// What came of it, in a few words: the score, and the first thing to fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// One row of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisSummary {
    /// Which analysis.
    pub id: AnalysisId,
    /// What the file is for: a mix is judged, a reference is only measured.
    #[serde(default)]
    pub kind: UploadKind,
    /// The title: the file's name until it is renamed.
    pub title: String,
    /// When the upload was stored.
    pub created_at: Timestamp,
    /// How far it has come.
    pub progress: Progress,
    /// Length of the audio in seconds, once known.
    pub duration_s: Option<f64>,
    /// Integrated loudness in LUFS, where it exists.
    pub integrated_lufs: Option<f64>,
    /// How it was judged, once it was.
    #[serde(default)]
    pub score: Option<Score>,
    /// The title of the first thing to fix, where there is one.
    #[serde(default)]
    pub first_finding: Option<String>,
    /// Which version of which song it is, where a person said so.
    #[serde(default)]
    pub song: Option<SongMembership>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// What becomes of the audio.
    pub audio: Audio,
}

/// How an analysis was judged, by the newest rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// What it counts as.
    pub stage: Stage,
    /// Whether a person said so, and not the engine.
    pub is_chosen: bool,
    /// What is left of 100 points.
    pub points: Points,
    /// How the file stands.
    pub standing: Standing,
}

/// The scores that older rules gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierVerdict {
    /// The version of the rules.
    pub rule_set: String,
    /// The score as a mix.
    pub mix: Points,
    /// The score as a master.
    pub master: Points,
    /// When it was judged.
    pub at: Timestamp,
}

/// Whether the audio is still there, and until when (P07, P08, P09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Audio {
    /// In storage until `until`.
    Kept {
        /// When it is removed.
        until: Timestamp,
    },
    /// Removed; the report stays (P10).
    Gone,
}

impl Audio {
    /// Until when it can be had; `None` where its time has come, whenever it is removed.
    #[must_use]
    pub fn kept_until(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Kept { until } if until > now => Some(until),
            Self::Kept { .. } | Self::Gone => None,
        }
    }

    /// How long it is still there, for a table: `23 h left`.
    #[must_use]
    pub fn left(self, now: Timestamp) -> String {
        match (self.kept_until(now), self) {
            (Some(until), _) => format!("{} left", text::span(until.since(now))),
            (None, Self::Kept { .. }) => "Being removed".to_owned(),
            (None, Self::Gone) => "Removed".to_owned(),
        }
    }
}

/// A page of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisPage {
    /// The rows, in the order that was asked for.
    pub rows: Vec<AnalysisSummary>,
    /// The key of the next page, when there is one.
    pub next: Option<String>,
    /// The key of the page before, when there is one.
    #[serde(default)]
    pub previous: Option<String>,
    /// How many analyses were looked through, where what fits was looked for among so many and there are others.
    #[serde(default)]
    pub looked_through: Option<u32>,
}

/// An analysis with everything its page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisView {
    /// What the history shows too.
    pub summary: AnalysisSummary,
    /// The name of the file when it was uploaded.
    pub file_name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What its name said it is.
    pub declared_format: AudioFormat,
    /// The measurements, when it is done.
    pub report: Option<Report>,
    /// What the newest rules say of them.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// What older rules said, newest first.
    #[serde(default)]
    pub earlier: Vec<EarlierVerdict>,
    /// Beside the references that the person chose, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<TrackComparison>,
}

impl AnalysisView {
    /// The stage that it counts as, the one that a person chose before the detected one, and the verdict; `None` where it was not judged.
    #[must_use]
    pub fn judged(&self) -> Option<(Stage, &Verdict)> {
        let verdict = self.verdict.as_ref()?;
        let stage = self
            .summary
            .score
            .map_or(verdict.detected.stage, |score| score.stage);
        Some((stage, verdict))
    }
}

/// A signed address under which the audio can be played for a few minutes (P04).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioLink {
    /// A signed GET for this one object.
    pub url: String,
    /// When it stops working; ask for another then.
    pub expires_at: Timestamp,
}
