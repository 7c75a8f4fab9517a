//! The history: one walk along an index for each order, from a key on, with the filters answered on the way.
//!
//! A key is the place of a row in its order (value, id). It is told as an opaque text, so that pages stay where they are
//! while new analyses come in above. Where something is left out, a page goes through so many analyses at most, and says where it
//! stopped: what nothing fits would else cost as much as there is.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{
    AccountId, AnalysisId,
    analysis::{AnalysisPage, AnalysisSummary},
    history::{HistoryQuery, PageCursor, Sort, StatusFilter},
    verdict::Points,
};

use super::store::{SummaryRow, summary_columns};
use crate::{
    Actor, Backend, Error, Result, Scope, TokenKind,
    db::{Db, DbError, Sql, Value, row, sql},
    known_tokens::{KnownToken, ShownToken, while_known},
    names, sample,
    spreadsheet::defused,
};

/// Rows of the history on one page.
pub const PAGE_ROWS: u32 = 25;

/// As a literal, because the statements are put together when the program is compiled.
macro_rules! read_at_most {
    () => {
        1_000
    };
}

/// Analyses that one page goes through at most, where a filter leaves some out.
const READ_AT_MOST: u32 = read_at_most!();

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
    let walk = Walk::from(after, query.sort)?;
    let found = find(&backend.db, account, query, &walk, Size::Page).await?;
    Ok(page(query.sort, found, &walk))
}

/// The same in one statement with the question whether `token` still holds. `None` where it does not as it was known, and where there
/// is nothing to list, or something is wrong: whose token is asked about first learns from [`list`] what it is.
///
/// # Errors
/// The database does not answer.
pub async fn list_while_known(
    backend: &Backend,
    token: &KnownToken,
    query: &HistoryQuery,
    after: Option<&str>,
) -> Result<Option<AnalysisPage>> {
    let KnownToken(ShownToken { token: shown, .. }) = token;
    let may_read = shown.kind == TokenKind::Live && shown.check_scope(Scope::ReadAnalyses).is_ok();
    let Ok(walk) = Walk::from(after, query.sort) else {
        return Ok(None);
    };
    if !may_read || query.is_filtered() || check(query).is_err() {
        return Ok(None);
    }
    let (from, direction) = walk.start(query.sort);
    let listed = from_key(
        statements(query.sort, direction).known,
        shown.owner.account,
        &from,
    );
    let rows: Vec<PageRow> = backend.db.all(token.bind(listed, backend.now())).await?;
    let found = Found { rows, stopped: None };
    Ok((!found.rows.is_empty()).then(|| page(query.sort, found, &walk)))
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
        let Found { mut rows, stopped } = find(&backend.db, account, query, &walk, Size::Table).await?;
        let has_more = rows.len() > Size::Table.rows();
        rows.truncate(Size::Table.rows());
        let last = rows.last().map(|row| SortKey::at(query.sort, &row.place()));
        for row in rows {
            table
                .write_record(cells(row.summary.summary()))
                .map_err(Error::internal)?;
        }
        match last.filter(|_| has_more).or(stopped) {
            Some(key) => walk = Walk::After(key),
            None => break,
        }
    }
    table.into_inner().map_err(Error::internal)
}

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
    let found = find(db, account, query, &walk, Size::Page).await?;
    let has_more = found.rows.len() > Size::Page.rows() || found.stopped.is_some();
    let is_there = match walk {
        Walk::First => true,
        // What was here may have been deleted; a search comes to an end without having found anything.
        Walk::After(_) => query.is_filtered() || !found.rows.is_empty(),
        // The first page is filled up with what may have come in above or gone.
        Walk::Before(_) => has_more,
    };
    if is_there {
        Ok(page(query.sort, found, &walk))
    } else {
        let found = find(db, account, query, &Walk::First, Size::Page).await?;
        Ok(page(query.sort, found, &Walk::First))
    }
}

/// How many rows are read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// A page.
    Page,
    /// A part of the table.
    Table,
}

impl Size {
    const fn rows(self) -> usize {
        match self {
            Self::Page => PAGE_ROWS as usize,
            Self::Table => 500,
        }
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

impl Walk {
    /// On from the key `after`, as programs walk.
    fn from(after: Option<&str>, sort: Sort) -> Result<Self> {
        Ok(match after {
            None => Self::First,
            Some(key) => Self::After(SortKey::parse(key, sort)?),
        })
    }

    /// Where it begins, and which way it goes.
    fn start(&self, sort: Sort) -> (Cow<'_, SortKey>, Direction) {
        match self {
            Self::First => (Cow::Owned(SortKey::start(sort)), Direction::Forwards),
            Self::After(key) => (Cow::Borrowed(key), Direction::Forwards),
            Self::Before(key) => (Cow::Borrowed(key), Direction::Backwards),
        }
    }
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
    /// What a row is sorted by.
    #[derive(Debug)]
    struct PlaceRow {
        id: AnalysisId,
        title_key: String,
        score_tenths: Option<Points>,
        integrated_lufs: Option<f64>,
    }
}

row! {
    #[derive(Debug)]
    struct PageRow {
        summary: SummaryRow,
        title_key: String,
    }
}

impl PageRow {
    /// Of the few that a page begins or ends with.
    fn place(&self) -> PlaceRow {
        PlaceRow {
            id: self.summary.id,
            title_key: self.title_key.clone(),
            score_tenths: self.summary.score_tenths,
            integrated_lufs: self.summary.integrated_lufs,
        }
    }
}

/// What a walk found.
#[derive(Debug)]
struct Found {
    /// One more than was asked for, where there are further ones.
    rows: Vec<PageRow>,
    /// The last that it looked at, where it stopped because it had looked at [`READ_AT_MOST`].
    stopped: Option<SortKey>,
}

/// The page of what was found.
fn page(sort: Sort, found: Found, walk: &Walk) -> AnalysisPage {
    let Found { mut rows, stopped } = found;
    let has_more = rows.len() > Size::Page.rows();
    rows.truncate(Size::Page.rows());
    let looked_through = stopped.as_ref().map(|_| READ_AT_MOST);
    let key = |row: &PageRow| SortKey::at(sort, &row.place()).text();
    let onwards = match stopped {
        Some(stopped) => Some(stopped.text()),
        None => rows.last().filter(|_| has_more).map(key),
    };
    let (previous, next) = if matches!(walk, Walk::Before(_)) {
        rows.reverse();
        (onwards, rows.last().map(key))
    } else {
        let back = rows.first().filter(|_| *walk != Walk::First).map(key);
        (back, onwards)
    };
    AnalysisPage {
        rows: rows.into_iter().map(|row| row.summary.summary()).collect(),
        next,
        previous,
        looked_through,
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
    fn at(sort: Sort, row: &PlaceRow) -> Self {
        let loudness = row.integrated_lufs;
        let score = row.score_tenths.map(|points| i64::from(points.tenths()));
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
            id: row.id.to_string(),
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

/// What is shown of a row.
macro_rules! select_page {
    () => {
        concat!("SELECT ", summary_columns!(), ", title_key FROM ")
    };
}

/// All of a walk, from the key on. The number of rows is part of the statement: PostgreSQL knows no good plan for one that it is not
/// told.
macro_rules! plain {
    ($rows:literal, $along:expr, $order:expr) => {
        concat!(
            select_page!(),
            "analysis WHERE analysis.account_id = $1",
            $along,
            " ORDER BY ",
            $order,
            " LIMIT ",
            $rows
        )
    };
}

/// What fits the filters among the next so many of a walk, by what the index holds; the rest is read of these alone.
macro_rules! filtered {
    ($value:literal, $direction:literal, $along:expr, $order:expr) => {
        concat!(
            select_page!(),
            "(SELECT walked, place FROM
                (SELECT analysis.id AS walked, ",
            $value,
            " AS place, analysis.search_key AS words, analysis.state AS is_in, analysis.stage AS counts_as, analysis.song_id AS of_song
                 FROM analysis WHERE analysis.account_id = $1",
            $along,
            " ORDER BY ",
            $order,
            " LIMIT ",
            read_at_most!(),
            ") AS walk
             WHERE words LIKE $3 ESCAPE '!' AND words LIKE $4 ESCAPE '!' AND words LIKE $5 ESCAPE '!'
               AND words LIKE $6 ESCAPE '!' AND words LIKE $7 ESCAPE '!' AND words LIKE $8 ESCAPE '!'
               AND ($9 = '' OR is_in IN ($9, $10)) AND ($11 = '' OR counts_as = $11)
               AND ($12 = '' OR COALESCE(of_song, 'none') = $12)
             ORDER BY place ",
            $direction,
            ", walked ",
            $direction,
            " LIMIT $13) AS found
             JOIN analysis ON analysis.id = walked
             ORDER BY place ",
            $direction,
            ", walked ",
            $direction
        )
    };
}

/// The last of the next so many of a walk, and the one behind it.
macro_rules! edge {
    ($along:expr, $order:expr) => {
        concat!(
            "SELECT analysis.id, title_key, score_tenths, integrated_lufs FROM analysis WHERE analysis.account_id = $1",
            $along,
            " ORDER BY ",
            $order,
            " LIMIT 2 OFFSET ",
            read_at_most!(),
            " - 1"
        )
    };
}

/// The statements of one walk: all of it, or by filters.
macro_rules! statements {
    ($value:literal, $direction:literal, $plain:expr, $filtered:expr, $known:expr) => {
        statements!(
            $value,
            $direction,
            $plain,
            $filtered,
            $known,
            concat!($value, " ", $direction, ", analysis.id ", $direction)
        )
    };
    ($value:literal, $direction:literal, $plain:expr, $filtered:expr, $known:expr, $order:expr) => {
        Statements {
            page: plain!(26, $plain, $order),
            known: plain!(26, concat!($plain, $known), $order),
            table: plain!(501, $plain, $order),
            filtered: filtered!($value, $direction, $filtered, $order),
            edge: edge!($plain, $order),
        }
    };
}

/// By time, which ids say. The kind is written as a range and in the order, because PostgreSQL would else walk along the primary key,
/// past everybody else's rows.
macro_rules! by_time {
    ($than:literal, $bound:literal, $direction:literal) => {
        by_time!(
            $direction,
            concat!(
                " AND analysis.kind ",
                $bound,
                " 'mix' AND (analysis.kind, analysis.id) ",
                $than,
                " ('mix', $2)"
            )
        )
    };
    ($direction:literal, $along:expr) => {
        statements!(
            "analysis.kind",
            $direction,
            $along,
            $along,
            while_known!("$3", "$4", "$5")
        )
    };
}

/// By a value, and by id where that is the same. The first of the two comparisons is what SQLite finds its beginning by.
macro_rules! by_value {
    ($value:literal, $than:literal, $direction:literal) => {
        statements!(
            $value,
            $direction,
            by_value!(@ $value, $than, "$3"),
            by_value!(@ $value, $than, "$14"),
            while_known!("$4", "$5", "$6")
        )
    };
    (@ $value:literal, $than:literal, $from:literal) => {
        concat!(
            " AND analysis.kind = 'mix' AND ",
            $value,
            " ",
            $than,
            "= ",
            $from,
            " AND (",
            $value,
            ", analysis.id) ",
            $than,
            " (",
            $from,
            ", $2)"
        )
    };
}

/// Along an order, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forwards,
    Backwards,
}

/// The statements of a walk.
#[derive(Debug, Clone, Copy)]
struct Statements {
    page: &'static str,
    /// The same, for who shows a token that was known to hold.
    known: &'static str,
    table: &'static str,
    filtered: &'static str,
    edge: &'static str,
}

/// The statements that walk along `sort`.
const fn statements(sort: Sort, direction: Direction) -> Statements {
    use Direction::{Backwards, Forwards};
    match (sort, direction) {
        (Sort::Newest, Forwards) | (Sort::Oldest, Backwards) => by_time!("<", ">=", "DESC"),
        (Sort::Newest, Backwards) | (Sort::Oldest, Forwards) => by_time!(">", "<=", "ASC"),
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

/// The next rows of a walk that fit `query`.
async fn find(
    db: &Db,
    account: AccountId,
    query: &HistoryQuery,
    walk: &Walk,
    size: Size,
) -> Result<Found, DbError> {
    let (from, direction) = walk.start(query.sort);
    let statements = statements(query.sort, direction);
    let rows: Vec<PageRow> = db.all(select(statements, account, query, &from, size)).await?;
    let stopped = if query.is_filtered() && rows.len() <= size.rows() {
        let edge: Vec<PlaceRow> = db.all(from_key(statements.edge, account, &from)).await?;
        match &edge[..] {
            [last, _behind] => Some(SortKey::at(query.sort, last)),
            _ => None,
        }
    } else {
        None
    };
    Ok(Found { rows, stopped })
}

/// The rows of a walk, one more than `size`, to see whether there is another.
fn select(
    statements: Statements,
    account: AccountId,
    query: &HistoryQuery,
    from: &SortKey,
    size: Size,
) -> Sql {
    if query.is_filtered() {
        return filtered(statements.filtered, account, query, from, size);
    }
    let text = match size {
        Size::Page => statements.page,
        Size::Table => statements.table,
    };
    from_key(text, account, from)
}

fn from_key(text: &'static str, account: AccountId, from: &SortKey) -> Sql {
    let statement = sql(text).bind(account).bind(from.id.clone());
    match &from.value {
        Some(value) => statement.bind(value.clone()),
        None => statement,
    }
}

fn filtered(text: &'static str, account: AccountId, query: &HistoryQuery, from: &SortKey, size: Size) -> Sql {
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
        .bind(size.rows() as u64 + 1);
    match &from.value {
        Some(value) => statement.bind(value.clone()),
        None => statement,
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
