//! The keys by which the database searches, sorts and suggests: made again whenever a title, a song or a file name changes.

use model::{AnalysisId, SongId};

use crate::{
    Backend, Result,
    db::{DbError, Tx, row, sql},
    names::{self, BaseTitle},
};

/// Rows whose keys are made in one transaction.
const BATCH: u32 = 200;

row! {
    #[derive(Debug)]
    struct NamesRow {
        id: AnalysisId,
        title: String,
        file_name: String,
        song_title: Option<String>,
    }
}

macro_rules! names_where {
    ($condition:literal) => {
        concat!(
            "SELECT analysis.id, analysis.title, file_name, song.title AS song_title
             FROM analysis JOIN upload ON upload.id = upload_id LEFT JOIN song ON song.id = song_id
             WHERE ",
            $condition
        )
    };
}

/// Of one analysis.
pub(crate) async fn refresh(tx: &mut Tx, id: AnalysisId) -> Result<(), DbError> {
    let rows = tx.all(sql(names_where!("analysis.id = $1")).bind(id)).await?;
    write(tx, &rows).await
}

/// Of all versions of a song.
pub(crate) async fn refresh_song(tx: &mut Tx, song: SongId) -> Result<(), DbError> {
    let rows = tx.all(sql(names_where!("song_id = $1")).bind(song)).await?;
    write(tx, &rows).await
}

/// Of all analyses that have none, from before there were keys; how many. Resumable: each batch is its own transaction.
pub(crate) async fn fill(backend: &Backend) -> Result<u64> {
    const WITHOUT: &str =
        names_where!("analysis.title_key = '' AND analysis.id > $1 ORDER BY analysis.id LIMIT $2");
    let mut last = AnalysisId(uuid::Uuid::nil());
    let mut total = 0;
    loop {
        let mut tx = backend.db.begin().await?;
        let rows: Vec<NamesRow> = tx.all(sql(WITHOUT).bind(last).bind(BATCH)).await?;
        let Some(end) = rows.last() else {
            return Ok(total);
        };
        last = end.id;
        write(&mut tx, &rows).await?;
        tx.commit().await?;
        total += rows.len() as u64;
    }
}

async fn write(tx: &mut Tx, rows: &[NamesRow]) -> Result<(), DbError> {
    const UPDATE: &str = "UPDATE analysis SET title_key = $2, search_key = $3, base_title = $4 WHERE id = $1";
    for row in rows {
        let update = sql(UPDATE)
            .bind(row.id)
            .bind(names::sort_key(&row.title))
            .bind(names::search_key(
                &row.title,
                row.song_title.as_deref(),
                &row.file_name,
            ))
            .bind(BaseTitle::of(&row.title).text());
        tx.execute(update).await?;
    }
    Ok(())
}
