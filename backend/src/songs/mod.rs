//! Songs: analyses that a person puts together as versions of one, and what changed from one version to another.
//!
//! A song lives as long as it has a version: it is made with its first one and goes with its last.

mod compare;
mod store;
mod suggestion;

pub(crate) use self::{compare::pair, store::TABLES};

use model::{
    AccountId, AnalysisId, ProblemCode, SongId,
    analysis::{AnalysisState, AnalysisView},
    song::{SongAside, SongSummary, SongView, Version},
};

use self::{
    compare::{Numbered, compare, step},
    suggestion::suggestion_for,
};
use crate::{
    Actor, Backend, Error, Result, Scope,
    analyses::{self, sort_keys},
    db::{Tx, is_unique_violation},
    idempotency, names, transaction,
};

/// The most versions that a song's page shows.
const MOST_VERSIONS: u32 = 500;
/// The most songs to choose from in a list.
const MOST_TITLES: u32 = 100;
/// The most analyses that are put together at once.
const MOST_AT_ONCE: usize = 100;
/// Songs on one page of them.
pub const PAGE_ROWS: u32 = 50;

/// Puts analyses into the song of this title, which is made where there is none. They leave the songs that they were in.
///
/// # Errors
/// `Invalid` on `song` or `analysis`; `Conflict` where one has no report and never will; `NotFound`.
pub async fn put(backend: &Backend, actor: &Actor, analyses: &[AnalysisId], title: &str) -> Result<SongId> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let title = clean_title(title)?;
    if analyses.is_empty() {
        return Err(Error::invalid("analysis", "Choose at least one version."));
    }
    if analyses.len() > MOST_AT_ONCE {
        return Err(Error::invalid(
            "analysis",
            format!("Choose at most {MOST_AT_ONCE} versions at once."),
        ));
    }
    let fresh = SongId(backend.new_id());
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let song = store::of_title(tx, account, fresh, &title, backend.now()).await?;
        join(tx, account, analyses, song).await?;
        idempotency::finish(tx, backend, actor, song).await?;
        Ok(song)
    })
}

/// Takes up what was suggested for an analysis.
///
/// # Errors
/// `Conflict` where nothing is suggested any more; `NotFound`.
pub async fn accept(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<SongId> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let view = crate::analyses::view(backend, actor, id).await?;
    let Some(suggestion) = suggestion_for(backend, account, &view).await? else {
        return Err(Error::problem(
            ProblemCode::Conflict,
            "There is nothing to group this one with any more. Choose a song for it, or name a new one.",
        ));
    };
    let analyses: Vec<AnalysisId> = suggestion.with.iter().map(|named| named.id).chain([id]).collect();
    let Some(song) = suggestion.song else {
        return put(backend, actor, &analyses, &suggestion.title).await;
    };
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        join(tx, account, &analyses, song).await?;
        Ok(())
    })?;
    Ok(song)
}

/// Says that an analysis is no version of what was suggested. Nothing is suggested for it again.
///
/// # Errors
/// `NotFound`.
pub async fn decline(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        if !store::decline(tx, account, id).await? {
            return Err(Error::not_found("analysis"));
        }
        Ok(())
    })
}

/// Takes an analysis out of its song, which goes with its last version. The song, where it has others.
///
/// # Errors
/// `NotFound`.
pub async fn leave(backend: &Backend, actor: &Actor, id: AnalysisId) -> Result<Option<SongId>> {
    let account = actor.account(Scope::WriteAnalyses)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let song = store::song_of(tx, account, id).await?;
        if !store::set_song(tx, account, id, None).await? {
            return Err(Error::not_found("analysis"));
        }
        // Whoever takes it out does not want to be asked to put it back.
        store::decline(tx, account, id).await?;
        sort_keys::refresh(tx, id).await?;
        analyses::delete_empty_songs(tx, account).await?;
        let left = match song {
            Some(song) if !store::versions_in(tx, account, song).await?.is_empty() => Some(song),
            _ => None,
        };
        Ok(left)
    })
}

/// Gives a song another title.
///
/// # Errors
/// `Invalid` on `song`, also where another song has it; `NotFound`.
pub async fn rename(backend: &Backend, actor: &Actor, song: SongId, title: &str) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    let title = clean_title(title)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        match store::rename(tx, account, song, &title).await {
            Ok(true) => {}
            Ok(false) => return Err(missing()),
            Err(error) if is_unique_violation(&error) => {
                return Err(Error::invalid(
                    "song",
                    "Another song of yours has this title. Choose another one, or add these versions to that song.",
                ));
            }
            Err(error) => return Err(error.into()),
        }
        sort_keys::refresh_song(tx, song).await?;
        Ok(())
    })
}

/// Deletes a song. Its versions stay, and belong to none.
///
/// # Errors
/// `NotFound`.
pub async fn delete(backend: &Backend, actor: &Actor, song: SongId) -> Result<()> {
    let account = actor.account(Scope::WriteAnalyses)?;
    transaction!(backend.db, |tx| {
        tx.lock_account(account).await?;
        let versions = store::versions_in(tx, account, song).await?;
        if !store::delete(tx, account, song).await? {
            return Err(missing());
        }
        for id in versions {
            sort_keys::refresh(tx, id).await?;
        }
        Ok(())
    })
}

/// A song with its versions, and two of them compared: those of `pair` as (before, after), or the newest two.
///
/// # Errors
/// `NotFound` where there is no such song, or `pair` names what is no version of it with a report.
pub async fn view(
    backend: &Backend,
    actor: &Actor,
    song: SongId,
    pair: Option<(AnalysisId, AnalysisId)>,
) -> Result<SongView> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let title = store::title(&backend.db, account, song)
        .await?
        .ok_or_else(missing)?;
    let versions: Vec<Version> = store::versions(&backend.db, account, song, MOST_VERSIONS)
        .await?
        .into_iter()
        .zip(1..)
        .map(|(row, number)| Version {
            number,
            summary: row.summary(),
        })
        .collect();
    let with_report: Vec<&Version> = versions
        .iter()
        .filter(|version| version.summary.progress.state == AnalysisState::Done)
        .collect();
    let chosen = match (pair, with_report.as_slice()) {
        (Some((before, after)), _) => {
            let version = |id| {
                with_report
                    .iter()
                    .find(|version| version.summary.id == id)
                    .copied()
                    .ok_or_else(|| Error::not_found("version of this song with a report"))
            };
            Some((version(before)?, version(after)?))
        }
        (None, [.., before, after]) => Some((*before, *after)),
        _ => None,
    };
    let pair = match chosen {
        Some((before, after)) => {
            let numbered = |version: &Version| Numbered {
                id: version.summary.id,
                number: version.number,
            };
            compare(backend, account, numbered(before), numbered(after)).await?
        }
        None => None,
    };
    Ok(SongView {
        id: song,
        title,
        versions,
        pair,
    })
}

/// What the page of a report says of songs.
///
/// # Errors
/// The database does not answer.
pub async fn aside(backend: &Backend, actor: &Actor, view: &AnalysisView) -> Result<SongAside> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let membership = view.summary.song.clone();
    let step = match &membership {
        Some(membership) => {
            let version = Numbered {
                id: view.summary.id,
                number: membership.version,
            };
            step(backend, account, membership.id, version).await?
        }
        None => None,
    };
    Ok(SongAside {
        suggestion: suggestion_for(backend, account, view).await?,
        title: names::song_title(&view.summary.title),
        songs: titles(backend, actor)
            .await?
            .into_iter()
            .map(|(_, title)| title)
            .collect(),
        membership,
        step,
    })
}

/// The songs to choose from, the latest made first.
///
/// # Errors
/// The database does not answer.
pub async fn titles(backend: &Backend, actor: &Actor) -> Result<Vec<(SongId, String)>> {
    let rows = store::titles(&backend.db, actor.account(Scope::ReadAnalyses)?, MOST_TITLES).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.title)).collect())
}

/// A page of the person's songs, the latest made first, and the id from which the next page goes on.
///
/// # Errors
/// `Invalid` on `before` where it is no id.
pub async fn songs(
    backend: &Backend,
    actor: &Actor,
    before: Option<&str>,
) -> Result<(Vec<SongSummary>, Option<SongId>)> {
    let account = actor.account(Scope::ReadAnalyses)?;
    let before = before
        .map(|key| {
            key.parse()
                .map_err(|_| Error::invalid("before", "This page does not exist. Go back to your songs."))
        })
        .transpose()?;
    let mut rows = store::songs(&backend.db, account, before, PAGE_ROWS + 1).await?;
    let has_more = rows.len() > PAGE_ROWS as usize;
    rows.truncate(PAGE_ROWS as usize);
    let songs: Vec<SongSummary> = rows
        .into_iter()
        .map(|row| SongSummary {
            id: row.id,
            title: row.title,
            versions: row.versions,
            latest: row.latest,
            changed_at: row.changed_at,
        })
        .collect();
    let next = songs.last().filter(|_| has_more).map(|song| song.id);
    Ok((songs, next))
}

async fn join(tx: &mut Tx, account: AccountId, analyses: &[AnalysisId], song: SongId) -> Result<()> {
    for &id in analyses {
        match store::state_of(tx, account, id).await? {
            None => return Err(Error::not_found("analysis")),
            Some(AnalysisState::Failed) => {
                return Err(Error::problem(
                    ProblemCode::Conflict,
                    "A file that could not be measured is no version of a song. Leave it out.",
                ));
            }
            Some(_) => {}
        }
        store::set_song(tx, account, id, Some(song)).await?;
        sort_keys::refresh(tx, id).await?;
    }
    Ok(analyses::delete_empty_songs(tx, account).await?)
}

fn clean_title(title: &str) -> Result<String> {
    names::clean_title(title, "song", "Name the song.")
}

fn missing() -> Error {
    Error::not_found("song")
}

#[cfg(test)]
mod tests;
