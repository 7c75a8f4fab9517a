//! Songs: analyses that a person put together as versions of one.

use serde::{Deserialize, Serialize};

use crate::{
    AnalysisId, Report, SongId, Timestamp,
    analysis::AnalysisSummary,
    verdict::{Points, Stage, VersionComparison},
};

/// The most characters of a title, of an analysis as of a song.
pub const MAX_TITLE: usize = 120;

/// Where an analysis stands in its song.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SongMembership {
    /// Which song.
    pub id: SongId,
    /// Its title.
    pub title: String,
    /// Which version it is, counted from 1 by the time of the upload.
    pub version: u32,
}

/// A song in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SongSummary {
    /// Which song.
    pub id: SongId,
    /// Its title.
    pub title: String,
    /// How many versions it has.
    pub versions: u32,
    /// The score of the newest judged version.
    pub latest: Option<Points>,
    /// When its newest version was uploaded, where it has any.
    pub changed_at: Option<Timestamp>,
}

/// One version, with its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Counted from 1 by the time of the upload.
    pub number: u32,
    /// The analysis.
    pub summary: AnalysisSummary,
}

/// Two versions side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The number of the earlier one, or the one that is compared with.
    pub before: u32,
    /// The number of the other one.
    pub after: u32,
    /// What both are judged as.
    pub stage: Stage,
    /// The rules that both are judged by.
    pub rule_set: String,
    /// Whether a stored score is by other rules, or as the other stage, so that it may differ from the one here.
    pub is_rescored: bool,
    /// What changed.
    pub comparison: VersionComparison,
    /// What was measured of the one before.
    pub report_before: Report,
    /// What was measured of the other one.
    pub report_after: Report,
}

/// Everything that the page of a song shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SongView {
    /// Which song.
    pub id: SongId,
    /// Its title.
    pub title: String,
    /// Its versions, oldest first.
    pub versions: Vec<Version>,
    /// Two of them compared; `None` where there are no two with a report.
    pub pair: Option<Pair>,
}

/// An analysis in one line: to name it and to link to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Which analysis.
    pub id: AnalysisId,
    /// Its title.
    pub title: String,
}

/// What an analysis without a song looks like a version of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The song, where there is one already.
    pub song: Option<SongId>,
    /// Its title, or the one that a new song would have.
    pub title: String,
    /// Analyses without a song that would come with it, newest first.
    pub with: Vec<Named>,
}

/// What a report's page says of songs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SongAside {
    /// The song that the analysis is a version of, where it has one.
    pub membership: Option<SongMembership>,
    /// The version before it that has a report, with what the score has gained since.
    pub step: Option<Step>,
    /// What it looks like a version of, where it has no song and nobody said no.
    pub suggestion: Option<Suggestion>,
    /// A title to begin a new song with.
    pub title: String,
    /// Titles of songs that there are, the latest first.
    pub songs: Vec<String>,
}

/// From one version to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The number of the version before.
    pub before: u32,
    /// Which analysis that is.
    pub analysis: AnalysisId,
    /// What the score has gained.
    pub gained: Points,
    /// What changed, in words.
    pub words: String,
}
