//! What a person may ask of us: to see everything that is held about them (P12), an export of it (P15), its deletion (P14),
//! and a say in what is counted (P21, P24).
//!
//! [`manifest`] lists every table and is walked by all of them, so that none can forget one.

pub mod consent;
pub mod cookies;
pub mod erasure;
pub mod export;
pub mod manifest;
pub mod policy;
pub mod processors;
pub mod requests;

use futures::{Stream, StreamExt as _, stream};
use model::{AccountId, Timestamp};
use serde_json::{Map, Value};

use self::manifest::{Column, ColumnKind, Export, SubjectKey, Table};
pub use crate::tables::ROWS_SHOWN;
use crate::{
    Actor, Backend, Error, Result, accounts,
    db::{Db, DbError, Sql, record::Record, sql},
};

/// Whose data it is, by everything that rows of theirs are found by.
#[derive(Debug, Clone)]
pub(crate) struct DataSubject {
    pub(crate) account: AccountId,
    pub(crate) email: String,
    email_key: String,
    tries_hash: String,
    reset_hash: String,
}

impl DataSubject {
    /// The person of an account; `None` where there is none.
    pub(crate) async fn of(backend: &Backend, account: AccountId) -> Result<Option<Self>> {
        const SELECT: &str = "SELECT email, email_key FROM account WHERE id = $1 AND closed_at IS NULL";
        let row: Option<(String, String)> = backend.db.optional(sql(SELECT).bind(account)).await?;
        Ok(row.map(|(email, email_key)| Self {
            account,
            email,
            tries_hash: accounts::address_hash(backend, &email_key),
            reset_hash: accounts::recovery::subject(backend, &email_key),
            email_key,
        }))
    }

    /// The person of an address, however it is written.
    pub(crate) async fn of_address(backend: &Backend, email: &str) -> Result<Option<Self>> {
        match accounts::find_by_address(backend, email).await? {
            Some(account) => Self::of(backend, account).await,
            None => Ok(None),
        }
    }

    /// Binds what the rows of a table are found by.
    fn bind(&self, statement: Sql, key: SubjectKey) -> Sql {
        match key {
            SubjectKey::Account => statement.bind(self.account),
            SubjectKey::Address => statement.bind(self.email_key.as_str()),
            SubjectKey::Tries => statement.bind(self.account).bind(self.tries_hash.as_str()),
            SubjectKey::ResetHash => statement.bind(self.reset_hash.as_str()),
        }
    }
}

/// Everything that is held about a person.
#[derive(Debug, Clone)]
pub struct DataOverview {
    /// One section for each table that has rows of theirs, and for each that has none.
    pub sections: Vec<Section>,
    /// The exports that they asked for, newest first.
    pub copies: Vec<export::Copy>,
    /// What they said about statistics, if they said anything.
    pub statistics: Option<consent::Answer>,
}

/// What one table holds about a person.
#[derive(Debug, Clone)]
pub struct Section {
    /// The table.
    pub table: &'static Table,
    /// The first rows, each as long as the table has columns.
    pub rows: Vec<Vec<Cell>>,
    /// Whether there are more than the page shows.
    pub more: bool,
}

/// One value with its name.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The column.
    pub column: &'static Column,
    /// Its value.
    pub value: DisplayValue,
}

/// A value as people read it.
#[derive(Debug, Clone, PartialEq)]
pub enum DisplayValue {
    /// There is none.
    Nothing,
    /// Words or a number.
    Words(String),
    /// A moment.
    Moment(Timestamp),
    /// Too much to read; its size in bytes.
    Document(usize),
}

/// Everything that is held about the person who asks (P12).
///
/// # Errors
/// `Unauthenticated`; the database does not answer.
pub async fn held(backend: &Backend, actor: &Actor) -> Result<DataOverview> {
    let account = actor.user()?.account;
    let subject = DataSubject::of(backend, account)
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    let mut sections = Vec::new();
    for table in manifest::tables() {
        let Export::Rows {
            key, columns, first, ..
        } = table.export
        else {
            continue;
        };
        let first = subject.bind(sql(first), key);
        let mut records: Vec<Record> = backend.db.all(first).await?;
        let more = records.len() > ROWS_SHOWN;
        records.truncate(ROWS_SHOWN);
        let rows = records
            .into_iter()
            .map(|Record(record)| {
                columns
                    .iter()
                    .map(|column| cell(column, record.get(column.name)))
                    .collect()
            })
            .collect();
        sections.push(Section { table, rows, more });
    }
    Ok(DataOverview {
        sections,
        copies: export::copies(backend, account).await?,
        statistics: consent::of_account(&backend.db, account).await?,
    })
}

/// The rows of `table` that are about `subject`, one after the other.
fn all_records<'a>(
    db: &'a Db,
    table: &'static Table,
    subject: &DataSubject,
) -> impl Stream<Item = Result<Record, DbError>> + Send + 'a {
    let select = match table.export {
        Export::Rows { key, select, .. } => Some(subject.bind(sql(select), key)),
        Export::Nothing(_) => None,
    };
    stream::iter(select).flat_map(|select| db.stream(select))
}

fn cell(column: &'static Column, value: Option<&Value>) -> Cell {
    let value = match (column.kind, value) {
        (_, None | Some(Value::Null)) => DisplayValue::Nothing,
        (ColumnKind::Time, Some(Value::Number(ms))) => match ms.as_i64() {
            // A wait that never began.
            None | Some(0) => DisplayValue::Nothing,
            Some(ms) => DisplayValue::Moment(Timestamp(ms)),
        },
        (ColumnKind::Json, Some(Value::String(text))) if text.len() > 200 => {
            DisplayValue::Document(text.len())
        }
        (ColumnKind::Flag, Some(value)) => {
            DisplayValue::Words(if is_true(value) { "yes" } else { "no" }.to_owned())
        }
        (_, Some(Value::String(text))) => DisplayValue::Words(text.clone()),
        (_, Some(value)) => DisplayValue::Words(value.to_string()),
    };
    Cell { column, value }
}

/// A row as the export gives it: moments in RFC 3339, documents embedded.
fn exported(columns: &'static [Column], Record(mut record): Record) -> Value {
    let row: Map<String, Value> = columns
        .iter()
        .map(|column| {
            let value = record.remove(column.name).unwrap_or(Value::Null);
            let value = match (column.kind, value) {
                (ColumnKind::Time, Value::Number(ms)) => ms
                    .as_i64()
                    .map_or(Value::Null, |ms| Timestamp(ms).rfc3339().into()),
                (ColumnKind::Json, Value::String(text)) => {
                    serde_json::from_str(&text).unwrap_or(Value::String(text))
                }
                (ColumnKind::Flag, value) if !value.is_null() => is_true(&value).into(),
                (_, value) => value,
            };
            (column.name.to_owned(), value)
        })
        .collect();
    Value::Object(row)
}

/// SQLite keeps truth values as numbers.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_i64() == Some(1))
}
