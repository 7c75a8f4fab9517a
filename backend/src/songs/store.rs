//! The rows of songs. Every query carries the account: somebody else's song is not found.

use model::{AccountId, AnalysisId, SongId, Timestamp};

use crate::{
    Error, Result,
    analyses::store::{SummaryRow, summary_columns},
    db::{Db, DbError, Tx, sql},
};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct SongRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) versions: i64,
    pub(super) latest: Option<i64>,
    pub(super) changed_at: Option<i64>,
}

/// Who may be a version of the same song.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct CandidateRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) stem: String,
    pub(super) duration_s: f64,
    pub(super) song_id: Option<String>,
    pub(super) song_title: Option<String>,
}

/// What two versions are compared by.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct JudgedRow {
    pub(super) report: String,
    pub(super) stage: Option<String>,
    pub(super) score_tenths: Option<i64>,
}

/// The song of this title; made where there is none.
pub(super) async fn of_title(
    tx: &mut Tx,
    account: AccountId,
    fresh: SongId,
    (title, title_key): (&str, &str),
    now: Timestamp,
) -> Result<SongId> {
    const INSERT: &str = "
        INSERT INTO song (id, account_id, title, title_key, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    const SELECT: &str = "SELECT id FROM song WHERE account_id = $1 AND title_key = $2";
    let insert = sql(INSERT)
        .bind(fresh)
        .bind(account)
        .bind(title)
        .bind(title_key)
        .bind(now);
    if tx.execute(insert).await? == 1 {
        return Ok(fresh);
    }
    let row: Option<(String,)> = tx.optional(sql(SELECT).bind(account).bind(title_key)).await?;
    let (id,) = row.ok_or_else(|| Error::internal("a song neither is there nor can be made"))?;
    id.parse().map_err(Error::internal)
}

/// The state of a mix, by which it is known whether it can be a version; `None` where it is not the person's.
pub(super) async fn state_of(
    tx: &mut Tx,
    account: AccountId,
    analysis: AnalysisId,
) -> Result<Option<String>, DbError> {
    const SELECT: &str = "SELECT state FROM analysis WHERE id = $1 AND account_id = $2 AND kind = 'mix'";
    let row: Option<(String,)> = tx.optional(sql(SELECT).bind(analysis).bind(account)).await?;
    Ok(row.map(|(state,)| state))
}

/// The song that an analysis is in.
pub(super) async fn song_of(tx: &mut Tx, account: AccountId, analysis: AnalysisId) -> Result<Option<SongId>> {
    const SELECT: &str =
        "SELECT song_id FROM analysis WHERE id = $1 AND account_id = $2 AND song_id IS NOT NULL";
    let row: Option<(String,)> = tx.optional(sql(SELECT).bind(analysis).bind(account)).await?;
    row.map(|(id,)| id.parse().map_err(Error::internal)).transpose()
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

/// Songs without a version go.
pub(super) async fn forget_empty(tx: &mut Tx, account: AccountId) -> Result<(), DbError> {
    const DELETE: &str = "
        DELETE FROM song WHERE account_id = $1 AND NOT EXISTS (SELECT 1 FROM analysis WHERE song_id = song.id)";
    tx.execute(sql(DELETE).bind(account)).await.map(drop)
}

/// `false` where the song is not the person's. A title that another song has is a unique violation.
pub(super) async fn rename(
    tx: &mut Tx,
    account: AccountId,
    song: SongId,
    (title, title_key): (&str, &str),
) -> Result<bool, DbError> {
    const UPDATE: &str = "UPDATE song SET title = $3, title_key = $4 WHERE id = $1 AND account_id = $2";
    let update = sql(UPDATE).bind(song).bind(account).bind(title).bind(title_key);
    Ok(tx.execute(update).await? == 1)
}

/// The versions of a song, by id.
pub(super) async fn versions_in(tx: &mut Tx, account: AccountId, song: SongId) -> Result<Vec<AnalysisId>> {
    const SELECT: &str = "SELECT id FROM analysis WHERE song_id = $1 AND account_id = $2";
    let rows: Vec<(String,)> = tx.all(sql(SELECT).bind(song).bind(account)).await?;
    rows.into_iter()
        .map(|(id,)| id.parse().map_err(Error::internal))
        .collect()
}

/// Deletes a song; its versions stay and belong to none.
pub(super) async fn delete(tx: &mut Tx, account: AccountId, song: SongId) -> Result<bool, DbError> {
    const DELETE: &str = "DELETE FROM song WHERE id = $1 AND account_id = $2";
    Ok(tx.execute(sql(DELETE).bind(song).bind(account)).await? == 1)
}

pub(super) async fn title(db: &Db, account: AccountId, song: SongId) -> Result<Option<String>, DbError> {
    const SELECT: &str = "SELECT title FROM song WHERE id = $1 AND account_id = $2";
    let row: Option<(String,)> = db.optional(sql(SELECT).bind(song).bind(account)).await?;
    Ok(row.map(|(title,)| title))
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
        " FROM analysis JOIN upload ON upload.id = upload_id
        WHERE song_id = $1 AND analysis.account_id = $2 ORDER BY analysis.id LIMIT $3"
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
) -> Result<Option<(String, i64)>, DbError> {
    const SELECT: &str = "
        SELECT id, (SELECT COUNT(*) FROM analysis AS version WHERE version.song_id = $1 AND version.id <= analysis.id)
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
pub(super) async fn titles(
    db: &Db,
    account: AccountId,
    count: u32,
) -> Result<Vec<(String, String)>, DbError> {
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
    (shortest_s, longest_s): (f64, f64),
) -> Result<Vec<CandidateRow>, DbError> {
    db.all(sql(CANDIDATES).bind(account).bind(shortest_s).bind(longest_s))
        .await
}

/// Whether a song may be suggested for it: it has none, and nobody said no.
pub(super) async fn is_open(db: &Db, account: AccountId, id: AnalysisId) -> Result<bool, DbError> {
    const SELECT: &str = "
        SELECT id FROM analysis
        WHERE id = $1 AND account_id = $2 AND kind = 'mix' AND state = 'done' AND song_id IS NULL AND NOT song_declined";
    let row: Option<(String,)> = db.optional(sql(SELECT).bind(id).bind(account)).await?;
    Ok(row.is_some())
}

#[cfg(test)]
pub(super) const CANDIDATES_STATEMENT: &str = CANDIDATES;
