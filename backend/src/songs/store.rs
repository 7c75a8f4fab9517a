//! The rows of songs. Every query carries the account: somebody else's song is not found.

use std::ops::RangeInclusive;

use model::{
    AccountId, AnalysisId, Report, SongId, Timestamp,
    analysis::AnalysisState,
    verdict::{Points, Stage},
};

use crate::{
    Error, Result,
    analyses::store::{SummaryRow, summary_columns},
    db::{Db, DbError, Json, Tx, row, sql},
    names,
    tables::{REFERENCE, Table, in_batches, rows},
};

/// What is held here of a person.
pub(crate) const TABLES: &[Table] = &[Table {
    name: "song",
    title: "Songs",
    about: "The songs that you put versions together under.",
    kept: "Until you delete the song, its last version, or your account.",
    export: rows! {
        from "song" where Account is "account_id = $1"
        given { "id" Text "Number", "title" Text "Title", "created_at" Time "Made" }
        withheld { "account_id" REFERENCE, "title_key" "the title once more, in small letters, to look it up by" }
    },
    erase: in_batches!("song"),
}];

row! {
    #[derive(Debug)]
    pub(super) struct SongRow {
        pub(super) id: SongId,
        pub(super) title: String,
        pub(super) versions: u32,
        pub(super) latest: Option<Points>,
        pub(super) changed_at: Option<Timestamp>,
    }
}

row! {
    /// Who may be a version of the same song.
    #[derive(Debug)]
    pub(super) struct CandidateRow {
        pub(super) id: AnalysisId,
        pub(super) title: String,
        pub(super) base_title: String,
        pub(super) duration_s: f64,
        pub(super) song_id: Option<SongId>,
        pub(super) song_title: Option<String>,
    }
}

row! {
    /// What two versions are compared by.
    #[derive(Debug)]
    pub(super) struct JudgedRow {
        pub(super) report: Json<Report>,
        pub(super) stage: Option<Stage>,
        pub(super) score_tenths: Option<Points>,
    }
}

row! {
    /// A version that has a report, with its number.
    #[derive(Debug, PartialEq)]
    pub(super) struct VersionRow {
        pub(super) id: AnalysisId,
        pub(super) number: u32,
    }
}

row! {
    /// A song to choose.
    #[derive(Debug)]
    pub(super) struct TitleRow {
        pub(super) id: SongId,
        pub(super) title: String,
    }
}

/// The song of this title; made where there is none.
pub(super) async fn of_title(
    tx: &mut Tx,
    account: AccountId,
    fresh: SongId,
    title: &str,
    now: Timestamp,
) -> Result<SongId> {
    const INSERT: &str = "
        INSERT INTO song (id, account_id, title, title_key, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    const SELECT: &str = "SELECT id FROM song WHERE account_id = $1 AND title_key = $2";
    let title_key = names::sort_key(title);
    let insert = sql(INSERT)
        .bind(fresh)
        .bind(account)
        .bind(title)
        .bind(title_key.as_str())
        .bind(now);
    if tx.execute(insert).await? == 1 {
        return Ok(fresh);
    }
    tx.scalar(sql(SELECT).bind(account).bind(title_key))
        .await?
        .ok_or_else(|| Error::internal("a song neither is there nor can be made"))
}

/// The state of a mix, by which it is known whether it can be a version; `None` where it is not the person's.
pub(super) async fn state_of(
    tx: &mut Tx,
    account: AccountId,
    analysis: AnalysisId,
) -> Result<Option<AnalysisState>, DbError> {
    const SELECT: &str = "SELECT state FROM analysis WHERE id = $1 AND account_id = $2 AND kind = 'mix'";
    tx.scalar(sql(SELECT).bind(analysis).bind(account)).await
}

/// The song that an analysis is in.
pub(super) async fn song_of(
    tx: &mut Tx,
    account: AccountId,
    analysis: AnalysisId,
) -> Result<Option<SongId>, DbError> {
    const SELECT: &str =
        "SELECT song_id FROM analysis WHERE id = $1 AND account_id = $2 AND song_id IS NOT NULL";
    tx.scalar(sql(SELECT).bind(analysis).bind(account)).await
}

/// Puts an analysis into a song, or out of any.
pub(super) async fn set_song(
    tx: &mut Tx,
    account: AccountId,
    analysis: AnalysisId,
    song: Option<SongId>,
) -> Result<bool, DbError> {
    const UPDATE: &str =
        "UPDATE analysis SET song_id = $3 WHERE id = $1 AND account_id = $2 AND kind = 'mix'";
    Ok(tx
        .execute(sql(UPDATE).bind(analysis).bind(account).bind(song))
        .await?
        == 1)
}

/// Notes that what was suggested is wrong.
pub(super) async fn decline(tx: &mut Tx, account: AccountId, analysis: AnalysisId) -> Result<bool, DbError> {
    const UPDATE: &str =
        "UPDATE analysis SET song_declined = TRUE WHERE id = $1 AND account_id = $2 AND kind = 'mix'";
    Ok(tx.execute(sql(UPDATE).bind(analysis).bind(account)).await? == 1)
}

/// `false` where the song is not the person's. A title that another song has is a unique violation.
pub(super) async fn rename(
    tx: &mut Tx,
    account: AccountId,
    song: SongId,
    title: &str,
) -> Result<bool, DbError> {
    const UPDATE: &str = "UPDATE song SET title = $3, title_key = $4 WHERE id = $1 AND account_id = $2";
    let update = sql(UPDATE)
        .bind(song)
        .bind(account)
        .bind(title)
        .bind(names::sort_key(title));
    Ok(tx.execute(update).await? == 1)
}

/// The versions of a song, by id.
pub(super) async fn versions_in(
    tx: &mut Tx,
    account: AccountId,
    song: SongId,
) -> Result<Vec<AnalysisId>, DbError> {
    const SELECT: &str = "SELECT id FROM analysis WHERE song_id = $1 AND account_id = $2";
    tx.scalars(sql(SELECT).bind(song).bind(account)).await
}

/// Deletes a song; its versions stay and belong to none.
pub(super) async fn delete(tx: &mut Tx, account: AccountId, song: SongId) -> Result<bool, DbError> {
    const DELETE: &str = "DELETE FROM song WHERE id = $1 AND account_id = $2";
    Ok(tx.execute(sql(DELETE).bind(song).bind(account)).await? == 1)
}

pub(super) async fn title(db: &Db, account: AccountId, song: SongId) -> Result<Option<String>, DbError> {
    const SELECT: &str = "SELECT title FROM song WHERE id = $1 AND account_id = $2";
    db.scalar(sql(SELECT).bind(song).bind(account)).await
}

/// The versions of a song, oldest first.
pub(super) async fn versions(
    db: &Db,
    account: AccountId,
    song: SongId,
    count: u32,
) -> Result<Vec<SummaryRow>, DbError> {
    const SELECT: &str = concat!(
        "SELECT ",
        summary_columns!(),
        " FROM analysis WHERE song_id = $1 AND account_id = $2 ORDER BY id LIMIT $3"
    );
    db.all(sql(SELECT).bind(song).bind(account).bind(count)).await
}

/// The report of an analysis and how it was judged; `None` where there is no report.
pub(super) async fn judged(
    db: &Db,
    account: AccountId,
    id: AnalysisId,
) -> Result<Option<JudgedRow>, DbError> {
    const SELECT: &str = "
        SELECT report, stage, score_tenths FROM analysis WHERE id = $1 AND account_id = $2 AND report IS NOT NULL";
    db.optional(sql(SELECT).bind(id).bind(account)).await
}

/// The version with a report before `id`, with its number.
pub(super) async fn version_before(
    db: &Db,
    song: SongId,
    id: AnalysisId,
) -> Result<Option<VersionRow>, DbError> {
    const SELECT: &str = "
        SELECT id, (SELECT COUNT(*) FROM analysis AS version WHERE version.song_id = $1 AND version.id <= analysis.id) AS number
        FROM analysis WHERE song_id = $1 AND id < $2 AND state = 'done' ORDER BY id DESC LIMIT 1";
    db.optional(sql(SELECT).bind(song).bind(id)).await
}

/// Songs, the latest made first, from the id `before` on.
pub(super) async fn songs(
    db: &Db,
    account: AccountId,
    before: Option<SongId>,
    count: u32,
) -> Result<Vec<SongRow>, DbError> {
    const SELECT: &str = "
        SELECT id, title,
               (SELECT COUNT(*) FROM analysis WHERE song_id = song.id) AS versions,
               (SELECT score_tenths FROM analysis WHERE song_id = song.id AND score_tenths IS NOT NULL ORDER BY id DESC LIMIT 1) AS latest,
               (SELECT created_at FROM analysis WHERE song_id = song.id ORDER BY id DESC LIMIT 1) AS changed_at
        FROM song WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    // Ids are hexadecimal digits.
    let before = before.map_or("g".to_owned(), |id| id.to_string());
    db.all(sql(SELECT).bind(account).bind(before).bind(count)).await
}

/// The titles of the latest made songs.
pub(super) async fn titles(db: &Db, account: AccountId, count: u32) -> Result<Vec<TitleRow>, DbError> {
    const SELECT: &str = "SELECT id, title FROM song WHERE account_id = $1 ORDER BY id DESC LIMIT $2";
    db.all(sql(SELECT).bind(account).bind(count)).await
}

const CANDIDATES: &str = "
    SELECT id, title, base_title, duration_s, song_id, (SELECT song.title FROM song WHERE song.id = song_id) AS song_title
    FROM analysis
    WHERE account_id = $1 AND kind = 'mix' AND duration_s BETWEEN $2 AND $3
    ORDER BY duration_s LIMIT 2000";

/// Analyses of about the same length.
pub(super) async fn candidates(
    db: &Db,
    account: AccountId,
    duration_s: RangeInclusive<f64>,
) -> Result<Vec<CandidateRow>, DbError> {
    db.all(
        sql(CANDIDATES)
            .bind(account)
            .bind(*duration_s.start())
            .bind(*duration_s.end()),
    )
    .await
}

/// Whether a song may be suggested for it: it has none, and nobody said no.
pub(super) async fn is_open(db: &Db, account: AccountId, id: AnalysisId) -> Result<bool, DbError> {
    const SELECT: &str = "
        SELECT id FROM analysis
        WHERE id = $1 AND account_id = $2 AND kind = 'mix' AND state = 'done' AND song_id IS NULL AND NOT song_declined";
    let open: Option<AnalysisId> = db.scalar(sql(SELECT).bind(id).bind(account)).await?;
    Ok(open.is_some())
}

#[cfg(test)]
pub(super) const CANDIDATES_STATEMENT: &str = CANDIDATES;
