//! The history: one walk along an index for each order, from a key on, with the filters answered on the way.
//!
//! A key is the place of a row in its order (value, id). It is told as an opaque text, so that pages stay where they are
//! while new analyses come in above.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{
    AccountId, AnalysisId,
    analysis::{AnalysisPage, AnalysisSummary},
    history::{HistoryQuery, PageCursor, Sort, StatusFilter},
};

use super::store::{SummaryRow, summary_columns};
use crate::{
    Actor, Backend, Error, Result, Scope,
    db::{Db, DbError, Sql, Value, row, sql},
    names, sample,
    spreadsheet::defused,
};

/// Rows of the history on one page.
pub const PAGE_ROWS: u32 = 25;

/// The most words that can be looked for at once, and the most characters of them.
const MAX_WORDS: usize = 6;
const MAX_SEARCH: usize = 120;

/// What the database puts where there is nothing to sort by; beyond every score and loudness. Spelt in the statements too,
/// which must be to the letter those of the indexes.
const NO_SCORE: (i64, i64) = (-1, 9_999);
const NO_LOUDNESS: (f64, f64) = (-9_999.0, 9_999.0);

/// A page of the person's history.
///
/// # Errors
/// `Invalid` on `page` where `cursor` is no key of ours for this order, and on `q` where too much is looked for.
pub async fn history(
    backend: &Backend,
    actor: &Actor,
    query: &HistoryQuery,
    cursor: Option<&PageCursor>,
) -> Result<AnalysisPage> {
    read(&backend.db, actor.account(Scope::ReadAnalyses)?, query, cursor).await
}

/// A page of the person's history from the key `after` on, for programs that walk through it: behind the last row there is an empty
/// page and not the first one.
///
/// # Errors
/// `Invalid` on `page` where `after` is no key of ours for this order, and on `q` where too much is looked for.
pub async fn list(
    backend: &Backend,
    actor: &Actor,
    query: &HistoryQuery,
    after: Option<&str>,
) -> Result<AnalysisPage> {
    if actor.is_shown_sample(Scope::ReadAnalyses)? {
        return sample::page();
    }
    let account = actor.account(Scope::ReadAnalyses)?;
    check(query)?;
    let walk = match after {
        None => Walk::First,
        Some(key) => Walk::After(SortKey::parse(key, query.sort)?),
    };
    let rows = rows(&backend.db, account, query, &walk, PAGE_ROWS).await?;
    Ok(page(query.sort, rows, &walk))
}

/// The whole of the person's history that fits `query`, as CSV (RFC 4180).
///
/// # Errors
/// `Invalid` on `q` where too much is looked for.
pub async fn table(backend: &Backend, actor: &Actor, query: &HistoryQuery) -> Result<Vec<u8>> {
    let account = actor.account(Scope::ReadAnalyses)?;
    check(query)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(TABLE_HEADS).map_err(Error::internal)?;
    let mut walk = Walk::First;
    loop {
        let mut rows = rows(&backend.db, account, query, &walk, TABLE_ROWS).await?;
        let is_last = rows.len() <= TABLE_ROWS as usize;
        rows.truncate(TABLE_ROWS as usize);
        let last = rows.last().map(|row| SortKey::at(query.sort, row));
        for row in rows {
            table
                .write_record(cells(row.summary.summary()))
                .map_err(Error::internal)?;
        }
        match last {
            Some(key) if !is_last => walk = Walk::After(key),
            _ => break,
        }
    }
    table.into_inner().map_err(Error::internal)
}

/// Rows that are read at once for the table.
const TABLE_ROWS: u32 = 500;

const TABLE_HEADS: [&str; 11] = [
    "title",
    "uploaded",
    "state",
    "judged_as",
    "score",
    "first_to_fix",
    "integrated_lufs",
    "length_s",
    "song",
    "version",
    "analysis",
];

fn cells(row: AnalysisSummary) -> [String; TABLE_HEADS.len()] {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (song, version) = row
        .song
        .map(|song| (defused(&song.title), song.version.to_string()))
        .unwrap_or_default();
    let score = row.score.map(|score| score.points.value().to_string());
    let stage = row.score.map(|score| score.stage.as_str().to_owned());
    [
        defused(&row.title),
        row.created_at.rfc3339(),
        row.progress.state.as_str().to_owned(),
        stage.unwrap_or_default(),
        score.unwrap_or_default(),
        row.first_finding.as_deref().map(defused).unwrap_or_default(),
        number(row.integrated_lufs),
        number(row.duration_s),
        song,
        version,
        row.id.to_string(),
    ]
}

async fn read(
    db: &Db,
    account: AccountId,
    query: &HistoryQuery,
    cursor: Option<&PageCursor>,
) -> Result<AnalysisPage> {
    check(query)?;
    let walk = match cursor {
        None => Walk::First,
        Some(PageCursor::After(key)) => Walk::After(SortKey::parse(key, query.sort)?),
        Some(PageCursor::Before(key)) => Walk::Before(SortKey::parse(key, query.sort)?),
    };
    let rows = rows(db, account, query, &walk, PAGE_ROWS).await?;
    let is_there = match walk {
        Walk::First => true,
        // What was here may have been deleted.
        Walk::After(_) => !rows.is_empty(),
        // The first page is filled up with what may have come in above or gone.
        Walk::Before(_) => rows.len() > PAGE_ROWS as usize,
    };
    if is_there {
        Ok(page(query.sort, rows, &walk))
    } else {
        let rows = self::rows(db, account, query, &Walk::First, PAGE_ROWS).await?;
        Ok(page(query.sort, rows, &Walk::First))
    }
}

/// From where, and in which direction, a page is read.
#[derive(Debug, Clone, PartialEq)]
enum Walk {
    First,
    After(SortKey),
    /// Backwards, from the row before this one.
    Before(SortKey),
}

fn check(query: &HistoryQuery) -> Result<()> {
    let too_long = query.search.chars().count() > MAX_SEARCH;
    if too_long || names::patterns(&query.search).count() > MAX_WORDS {
        return Err(Error::invalid(
            "q",
            format!("Look for at most {MAX_WORDS} words at once, {MAX_SEARCH} characters together."),
        ));
    }
    Ok(())
}

row! {
    /// A row and what it is sorted by.
    #[derive(Debug)]
    struct PageRow {
        summary: SummaryRow,
        title_key: String,
    }
}

/// The page of `rows`, which are one more than a page where there are further ones.
fn page(sort: Sort, mut rows: Vec<PageRow>, walk: &Walk) -> AnalysisPage {
    let has_more = rows.len() > PAGE_ROWS as usize;
    rows.truncate(PAGE_ROWS as usize);
    let is_backwards = matches!(walk, Walk::Before(_));
    if is_backwards {
        rows.reverse();
    }
    let has_next = has_more || is_backwards;
    let previous = rows
        .first()
        .filter(|_| *walk != Walk::First)
        .map(|row| SortKey::at(sort, row).text());
    let next = rows
        .last()
        .filter(|_| has_next)
        .map(|row| SortKey::at(sort, row).text());
    AnalysisPage {
        rows: rows.into_iter().map(|row| row.summary.summary()).collect(),
        next,
        previous,
    }
}

/// A place in an order.
#[derive(Debug, Clone, PartialEq)]
struct SortKey {
    sort: Sort,
    /// `None` in the orders by time, whose id says it all.
    value: Option<Value>,
    id: String,
}

impl SortKey {
    fn at(sort: Sort, row: &PageRow) -> Self {
        let loudness = row.summary.integrated_lufs;
        let score = row.summary.score_tenths.map(|points| i64::from(points.tenths()));
        let value = match sort {
            Sort::Newest | Sort::Oldest => None,
            Sort::Best => Some(score.unwrap_or(NO_SCORE.0).into()),
            Sort::Worst => Some(score.unwrap_or(NO_SCORE.1).into()),
            Sort::Title => Some(row.title_key.clone().into()),
            Sort::Loudest => Some(loudness.unwrap_or(NO_LOUDNESS.0).into()),
            Sort::Quietest => Some(loudness.unwrap_or(NO_LOUDNESS.1).into()),
        };
        Self {
            sort,
            value,
            id: row.summary.id.to_string(),
        }
    }

    /// Before everything, in the direction in which `sort` is read. Ids are hexadecimal digits.
    fn start(sort: Sort) -> Self {
        let (value, id) = match sort {
            Sort::Newest => (None, "g"),
            Sort::Oldest => (None, ""),
            Sort::Best => (Some(i64::MAX.into()), "g"),
            Sort::Worst => (Some(i64::MIN.into()), ""),
            Sort::Title => (Some("".into()), ""),
            Sort::Loudest => (Some(f64::MAX.into()), "g"),
            Sort::Quietest => (Some(f64::MIN.into()), ""),
        };
        Self {
            sort,
            value,
            id: id.to_owned(),
        }
    }

    fn text(&self) -> String {
        let value = match &self.value {
            Some(Value::Int(Some(value))) => value.to_string(),
            Some(Value::Real(Some(value))) => value.to_string(),
            Some(Value::Text(Some(value))) => value.clone(),
            _ => String::new(),
        };
        URL_SAFE_NO_PAD.encode(format!("{} {} {value}", self.sort.as_str(), self.id))
    }

    /// What [`SortKey::text`] gave.
    fn parse(text: &str, sort: Sort) -> Result<Self> {
        let parsed = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let plain = String::from_utf8(bytes).ok()?;
            let (of, rest) = plain.split_once(' ')?;
            let (id, value) = rest.split_once(' ')?;
            let id: AnalysisId = id.parse().ok()?;
            let value: Option<Value> = match sort {
                Sort::Newest | Sort::Oldest => None,
                Sort::Best | Sort::Worst => Some(value.parse::<i64>().ok()?.into()),
                Sort::Title => (!value.contains('\0')).then(|| Some(value.into()))?,
                Sort::Loudest | Sort::Quietest => Some(
                    value
                        .parse::<f64>()
                        .ok()
                        .filter(|value| value.is_finite())?
                        .into(),
                ),
            };
            (of.parse() == Ok(sort)).then(|| Self {
                sort,
                value,
                id: id.to_string(),
            })
        };
        parsed().ok_or_else(|| {
            Error::invalid(
                "page",
                "There is no such page in this order. Go back to the beginning of your history.",
            )
        })
    }
}

macro_rules! filters {
    () => {
        " AND analysis.search_key LIKE $3 ESCAPE '!' AND analysis.search_key LIKE $4 ESCAPE '!'
          AND analysis.search_key LIKE $5 ESCAPE '!' AND analysis.search_key LIKE $6 ESCAPE '!'
          AND analysis.search_key LIKE $7 ESCAPE '!' AND analysis.search_key LIKE $8 ESCAPE '!'
          AND ($9 = '' OR analysis.state IN ($9, $10)) AND ($11 = '' OR analysis.stage = $11)
          AND ($12 = '' OR COALESCE(analysis.song_id, 'none') = $12)"
    };
}

macro_rules! from_history {
    () => {
        concat!(
            "SELECT ",
            summary_columns!(),
            ", title_key FROM analysis JOIN upload ON upload.id = upload_id
             WHERE analysis.account_id = $1 AND analysis.kind = 'mix'"
        )
    };
}

/// By time, which ids say.
macro_rules! by_time {
    ($than:literal, $direction:literal) => {
        concat!(
            from_history!(),
            " AND analysis.id ",
            $than,
            " $2",
            filters!(),
            " ORDER BY analysis.id ",
            $direction,
            " LIMIT $13"
        )
    };
}

/// By a value, and by id where that is the same. The first of the two comparisons is what SQLite finds its beginning by.
macro_rules! by_value {
    ($value:literal, $than:literal, $direction:literal) => {
        concat!(
            from_history!(),
            " AND ",
            $value,
            " ",
            $than,
            "= $14 AND (",
            $value,
            ", analysis.id) ",
            $than,
            " ($14, $2)",
            filters!(),
            " ORDER BY ",
            $value,
            " ",
            $direction,
            ", analysis.id ",
            $direction,
            " LIMIT $13"
        )
    };
}

/// Along an order, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forwards,
    Backwards,
}

/// The statement that walks along `sort`.
const fn statement(sort: Sort, direction: Direction) -> &'static str {
    use Direction::{Backwards, Forwards};
    match (sort, direction) {
        (Sort::Newest, Forwards) | (Sort::Oldest, Backwards) => by_time!("<", "DESC"),
        (Sort::Newest, Backwards) | (Sort::Oldest, Forwards) => by_time!(">", "ASC"),
        (Sort::Best, Forwards) => by_value!("COALESCE(analysis.score_tenths, -1)", "<", "DESC"),
        (Sort::Best, Backwards) => by_value!("COALESCE(analysis.score_tenths, -1)", ">", "ASC"),
        (Sort::Worst, Forwards) => by_value!("COALESCE(analysis.score_tenths, 9999)", ">", "ASC"),
        (Sort::Worst, Backwards) => by_value!("COALESCE(analysis.score_tenths, 9999)", "<", "DESC"),
        (Sort::Title, Forwards) => by_value!("analysis.title_key", ">", "ASC"),
        (Sort::Title, Backwards) => by_value!("analysis.title_key", "<", "DESC"),
        (Sort::Loudest, Forwards) => by_value!("COALESCE(analysis.integrated_lufs, -9999.0)", "<", "DESC"),
        (Sort::Loudest, Backwards) => by_value!("COALESCE(analysis.integrated_lufs, -9999.0)", ">", "ASC"),
        (Sort::Quietest, Forwards) => by_value!("COALESCE(analysis.integrated_lufs, 9999.0)", ">", "ASC"),
        (Sort::Quietest, Backwards) => by_value!("COALESCE(analysis.integrated_lufs, 9999.0)", "<", "DESC"),
    }
}

/// One more than `count`, to see whether there is another.
async fn rows(
    db: &Db,
    account: AccountId,
    query: &HistoryQuery,
    walk: &Walk,
    count: u32,
) -> Result<Vec<PageRow>, DbError> {
    let start = SortKey::start(query.sort);
    let (from, direction) = match walk {
        Walk::First => (&start, Direction::Forwards),
        Walk::After(key) => (key, Direction::Forwards),
        Walk::Before(key) => (key, Direction::Backwards),
    };
    let text = statement(query.sort, direction);
    db.all(bound(text, account, query, from, count + 1)).await
}

fn bound(text: &'static str, account: AccountId, query: &HistoryQuery, from: &SortKey, limit: u32) -> Sql {
    let mut patterns = names::patterns(&query.search);
    let states = match query.standing {
        None => ["", ""],
        Some(StatusFilter::Done) => ["done", "done"],
        Some(StatusFilter::Running) => ["queued", "running"],
        Some(StatusFilter::Failed) => ["failed", "failed"],
    };
    let mut statement = sql(text).bind(account).bind(from.id.clone());
    for _ in 0..MAX_WORDS {
        statement = statement.bind(patterns.next().unwrap_or_else(|| "%".to_owned()));
    }
    statement = statement
        .bind(states[0])
        .bind(states[1])
        .bind(query.stage.map_or("", model::verdict::Stage::as_str))
        .bind(
            query
                .song
                .map(model::history::SongFilter::text)
                .unwrap_or_default(),
        )
        .bind(limit);
    match &from.value {
        Some(value) => statement.bind(value.clone()),
        None => statement,
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
