//! What a person asks of the history: words, filters, an order, and a page.

use std::str::FromStr;

use crate::{SongId, ids::InvalidId, verdict::Stage};

crate::text_enum! {
    /// The order of the history. What has no value to sort by comes last.
    #[derive(Default)]
    pub enum Sort {
        /// The latest upload first.
        #[default]
        Newest = "newest",
        /// The earliest upload first.
        Oldest = "oldest",
        /// The highest score first.
        Best = "best",
        /// The lowest score first.
        Worst = "worst",
        /// By title, numbers by their value.
        Title = "title",
        /// The highest integrated loudness first.
        Loudest = "loudest",
        /// The lowest integrated loudness first.
        Quietest = "quietest",
    }
}

impl Sort {
    /// As people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Newest => "Newest first",
            Self::Oldest => "Oldest first",
            Self::Best => "Best score first",
            Self::Worst => "Lowest score first",
            Self::Title => "Title, A to Z",
            Self::Loudest => "Loudest first",
            Self::Quietest => "Quietest first",
        }
    }
}

crate::text_enum! {
    /// Which states are shown.
    pub enum StatusFilter {
        /// There is a report.
        Done = "done",
        /// Waiting or being measured.
        Running = "running",
        /// There is no report and there will be none.
        Failed = "failed",
    }
}

impl StatusFilter {
    /// As people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "Measured",
            Self::Running => "In progress",
            Self::Failed => "No report",
        }
    }
}

/// Whose versions are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SongFilter {
    /// Those of this song.
    One(SongId),
    /// Those of no song.
    None,
}

impl SongFilter {
    /// As addresses spell it: the id, or `none`.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::One(song) => song.to_string(),
            Self::None => "none".to_owned(),
        }
    }
}

impl FromStr for SongFilter {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::None);
        }
        text.parse().map(Self::One)
    }
}

/// A page of the history, by the key that a page beside it gave. Keys are opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageCursor {
    /// The page that begins behind this key.
    After(String),
    /// The page that ends before it.
    Before(String),
}

/// What is shown, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Words that title, file name or song hold, all of them; empty for everything.
    pub search: String,
    /// The state.
    pub standing: Option<StatusFilter>,
    /// What it counts as.
    pub stage: Option<Stage>,
    /// The song.
    pub song: Option<SongFilter>,
    /// The order.
    pub sort: Sort,
}

impl HistoryQuery {
    /// Whether anything is left out.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.search.is_empty() || self.standing.is_some() || self.stage.is_some() || self.song.is_some()
    }

    /// The parameters of its address that are not what goes without saying, as (name, value).
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if !self.search.is_empty() {
            parameters.push(("q", self.search.clone()));
        }
        parameters.extend(
            self.standing
                .map(|standing| ("state", standing.as_str().to_owned())),
        );
        parameters.extend(self.stage.map(|stage| ("stage", stage.as_str().to_owned())));
        parameters.extend(self.song.map(|song| ("song", song.text())));
        if self.sort != Sort::default() {
            parameters.push(("order", self.sort.as_str().to_owned()));
        }
        parameters
    }

    /// The query of these parameters. Unknown names, and values that are left empty, say nothing.
    ///
    /// # Errors
    /// The name of the parameter whose value is none of ours.
    pub fn of<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, &'static str> {
        let mut query = Self::default();
        for (name, value) in parameters {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match name {
                "q" => query.search = value.to_owned(),
                "state" => query.standing = Some(value.parse().map_err(|_| "state")?),
                "stage" => query.stage = Some(value.parse().map_err(|_| "stage")?),
                "song" => query.song = Some(value.parse().map_err(|_| "song")?),
                "order" => query.sort = value.parse().map_err(|_| "order")?,
                _ => {}
            }
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_its_parameters() {
        let song = SongId(uuid::Uuid::from_u128(7));
        for query in [
            HistoryQuery::default(),
            HistoryQuery {
                search: "50 % & Söhne".to_owned(),
                standing: Some(StatusFilter::Running),
                stage: Some(Stage::Master),
                song: Some(SongFilter::One(song)),
                sort: Sort::Quietest,
            },
            HistoryQuery {
                song: Some(SongFilter::None),
                ..HistoryQuery::default()
            },
        ] {
            let parameters = query.parameters();
            let again = HistoryQuery::of(parameters.iter().map(|(name, value)| (*name, value.as_str())));
            assert_eq!(again, Ok(query));
        }
    }

    #[test]
    fn a_value_that_is_none_of_ours_is_named() {
        assert_eq!(HistoryQuery::of([("order", "random")]), Err("order"));
        assert_eq!(HistoryQuery::of([("song", "x")]), Err("song"));
        // A form sends its empty fields too.
        assert_eq!(
            HistoryQuery::of([("state", ""), ("q", "  ")]),
            Ok(HistoryQuery::default())
        );
    }
}
