//! The history: one walk along an index for each order, from a key on, with the filters answered on the way.
//!
//! A key is the place of a row in its order (value, id). It is told as an opaque text, so that pages stay where they are
//! while new analyses come in above.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{
    AccountId, AnalysisId,
    analysis::AnalysisPage,
    history::{HistoryQuery, Order, Standing, Turn},
};

use super::store::{SummaryRow, summary_columns};
use crate::{
    Actor, Backend, Error, Result,
    db::{Db, DbError, Sql, Value, sql},
    names,
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
/// `Invalid` on `page` where `turn` is no key of ours for this order, and on `q` where too much is looked for.
pub async fn history(
    backend: &Backend,
    actor: &Actor,
    query: &HistoryQuery,
    turn: Option<&Turn>,
) -> Result<AnalysisPage> {
    read(&backend.db, actor.user()?.account, query, turn).await
}

async fn read(
    db: &Db,
    account: AccountId,
    query: &HistoryQuery,
    turn: Option<&Turn>,
) -> Result<AnalysisPage> {
    check(query)?;
    let first = |rows: Vec<PageRow>| page(query.order, rows, false, false);
    match turn {
        None => first(walk(db, account, query, None, false).await?),
        Some(Turn::After(key)) => {
            let key = Key::of(key, query.order)?;
            let rows = walk(db, account, query, Some(&key), false).await?;
            if rows.is_empty() {
                // What was here has been deleted.
                return first(walk(db, account, query, None, false).await?);
            }
            page(query.order, rows, true, false)
        }
        Some(Turn::Before(key)) => {
            let key = Key::of(key, query.order)?;
            let rows = walk(db, account, query, Some(&key), true).await?;
            if rows.len() <= PAGE_ROWS as usize {
                // The first page, filled up with what may have come in above or gone.
                return first(walk(db, account, query, None, false).await?);
            }
            page(query.order, rows, true, true)
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

/// A row and what it is sorted by.
#[derive(Debug, sqlx::FromRow)]
struct PageRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    title_key: String,
}

/// The page of `rows`, which are one more than a page where there are further ones.
fn page(
    order: Order,
    mut rows: Vec<PageRow>,
    has_previous: bool,
    is_backwards: bool,
) -> Result<AnalysisPage> {
    let has_more = rows.len() > PAGE_ROWS as usize;
    rows.truncate(PAGE_ROWS as usize);
    if is_backwards {
        rows.reverse();
    }
    let has_next = has_more || is_backwards;
    let previous = rows
        .first()
        .filter(|_| has_previous)
        .map(|row| Key::at(order, row).text());
    let next = rows
        .last()
        .filter(|_| has_next)
        .map(|row| Key::at(order, row).text());
    Ok(AnalysisPage {
        rows: rows
            .into_iter()
            .map(|row| row.summary.summary())
            .collect::<Result<_>>()?,
        next,
        previous,
    })
}

/// A place in an order.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    order: Order,
    /// `None` in the orders by time, whose id says it all.
    value: Option<Value>,
    id: String,
}

impl Key {
    fn at(order: Order, row: &PageRow) -> Self {
        let (score, loudness) = (row.summary.score_tenths, row.summary.integrated_lufs);
        let value = match order {
            Order::Newest | Order::Oldest => None,
            Order::Best => Some(score.unwrap_or(NO_SCORE.0).into()),
            Order::Worst => Some(score.unwrap_or(NO_SCORE.1).into()),
            Order::Title => Some(row.title_key.clone().into()),
            Order::Loudest => Some(loudness.unwrap_or(NO_LOUDNESS.0).into()),
            Order::Quietest => Some(loudness.unwrap_or(NO_LOUDNESS.1).into()),
        };
        Self {
            order,
            value,
            id: row.summary.id.clone(),
        }
    }

    /// Before everything, in the direction in which `order` is read. Ids are hexadecimal digits.
    fn start(order: Order) -> Self {
        let (value, id) = match order {
            Order::Newest => (None, "g"),
            Order::Oldest => (None, ""),
            Order::Best => (Some(i64::MAX.into()), "g"),
            Order::Worst => (Some(i64::MIN.into()), ""),
            Order::Title => (Some("".into()), ""),
            Order::Loudest => (Some(f64::MAX.into()), "g"),
            Order::Quietest => (Some(f64::MIN.into()), ""),
        };
        Self {
            order,
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
        URL_SAFE_NO_PAD.encode(format!("{} {} {value}", self.order.as_str(), self.id))
    }

    /// What [`Key::text`] gave.
    fn of(text: &str, order: Order) -> Result<Self> {
        let parsed = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let plain = String::from_utf8(bytes).ok()?;
            let (of, rest) = plain.split_once(' ')?;
            let (id, value) = rest.split_once(' ')?;
            let id: AnalysisId = id.parse().ok()?;
            let value: Option<Value> = match order {
                Order::Newest | Order::Oldest => None,
                Order::Best | Order::Worst => Some(value.parse::<i64>().ok()?.into()),
                Order::Title => (!value.contains('\0')).then(|| Some(value.into()))?,
                Order::Loudest | Order::Quietest => Some(
                    value
                        .parse::<f64>()
                        .ok()
                        .filter(|value| value.is_finite())?
                        .into(),
                ),
            };
            (of.parse() == Ok(order)).then(|| Self {
                order,
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
          AND ($9 = '' OR analysis.state IN ($9, $10)) AND ($11 = '' OR analysis.rubric = $11)
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

/// The statement that walks along `order`, or back.
const fn statement(order: Order, is_backwards: bool) -> &'static str {
    match (order, is_backwards) {
        (Order::Newest, false) | (Order::Oldest, true) => by_time!("<", "DESC"),
        (Order::Newest, true) | (Order::Oldest, false) => by_time!(">", "ASC"),
        (Order::Best, false) => by_value!("COALESCE(analysis.score_tenths, -1)", "<", "DESC"),
        (Order::Best, true) => by_value!("COALESCE(analysis.score_tenths, -1)", ">", "ASC"),
        (Order::Worst, false) => by_value!("COALESCE(analysis.score_tenths, 9999)", ">", "ASC"),
        (Order::Worst, true) => by_value!("COALESCE(analysis.score_tenths, 9999)", "<", "DESC"),
        (Order::Title, false) => by_value!("analysis.title_key", ">", "ASC"),
        (Order::Title, true) => by_value!("analysis.title_key", "<", "DESC"),
        (Order::Loudest, false) => by_value!("COALESCE(analysis.integrated_lufs, -9999.0)", "<", "DESC"),
        (Order::Loudest, true) => by_value!("COALESCE(analysis.integrated_lufs, -9999.0)", ">", "ASC"),
        (Order::Quietest, false) => by_value!("COALESCE(analysis.integrated_lufs, 9999.0)", ">", "ASC"),
        (Order::Quietest, true) => by_value!("COALESCE(analysis.integrated_lufs, 9999.0)", "<", "DESC"),
    }
}

async fn walk(
    db: &Db,
    account: AccountId,
    query: &HistoryQuery,
    from: Option<&Key>,
    is_backwards: bool,
) -> Result<Vec<PageRow>, DbError> {
    let start = Key::start(query.order);
    let text = statement(query.order, is_backwards);
    db.all(bound(text, account, query, from.unwrap_or(&start))).await
}

/// One more row than a page, to see whether there is another.
fn bound(text: &'static str, account: AccountId, query: &HistoryQuery, from: &Key) -> Sql {
    let mut patterns = names::patterns(&query.search);
    let states = match query.standing {
        None => ["", ""],
        Some(Standing::Done) => ["done", "done"],
        Some(Standing::Running) => ["queued", "running"],
        Some(Standing::Failed) => ["failed", "failed"],
    };
    let mut statement = sql(text).bind(account).bind(from.id.clone());
    for _ in 0..MAX_WORDS {
        statement = statement.bind(patterns.next().unwrap_or_else(|| "%".to_owned()));
    }
    statement = statement
        .bind(states[0])
        .bind(states[1])
        .bind(query.stage.map_or("", model::verdict::Rubric::as_str))
        .bind(query.song.map(model::history::OfSong::text).unwrap_or_default())
        .bind(PAGE_ROWS + 1);
    match &from.value {
        Some(value) => statement.bind(value.clone()),
        None => statement,
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
