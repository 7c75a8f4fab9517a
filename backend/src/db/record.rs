//! Rows whose columns are known only when they arrive: for copies of everything held about a person, and for tests that
//! look into every table.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::{Column as _, FromRow, Row as _, TypeInfo as _, ValueRef as _};

use super::{Db, DbError, sql};

/// A row as JSON, in the order of its columns. Integers stay integers; a NULL is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record(pub Map<String, Value>);

macro_rules! from_row {
    ($row:ty) => {
        impl FromRow<'_, $row> for Record {
            fn from_row(row: &$row) -> Result<Self, DbError> {
                let mut record = Map::new();
                for (at, column) in row.columns().iter().enumerate() {
                    let raw = row.try_get_raw(at)?;
                    // Of the value, because SQLite's columns are of whatever type their values are.
                    let kind = raw.type_info().name().to_owned();
                    let value = if raw.is_null() {
                        Value::Null
                    } else {
                        match kind.as_str() {
                            "INTEGER" | "INT8" => row.try_get::<i64, _>(at)?.into(),
                            "REAL" | "FLOAT8" => row.try_get::<f64, _>(at)?.into(),
                            "BOOLEAN" | "BOOL" => row.try_get::<bool, _>(at)?.into(),
                            _ => row.try_get::<String, _>(at)?.into(),
                        }
                    };
                    record.insert(column.name().to_owned(), value);
                }
                Ok(Self(record))
            }
        }
    };
}

from_row!(sqlx::sqlite::SqliteRow);
from_row!(sqlx::postgres::PgRow);

const COLUMNS: &str = "
    SELECT tables.name AS table_name, columns.name AS column_name
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'";

const COLUMNS_ON_POSTGRES: &str = "
    SELECT CAST(table_name AS TEXT) AS table_name, CAST(column_name AS TEXT) AS column_name
    FROM information_schema.columns WHERE table_schema = 'public'";

/// Every table of the migrated database with its columns, the migrations' own left out.
///
/// # Errors
/// The database does not answer.
pub async fn schema(db: &Db) -> Result<BTreeMap<String, Vec<String>>, DbError> {
    let rows: Vec<(String, String)> = db.all(sql(COLUMNS).on_postgres(COLUMNS_ON_POSTGRES)).await?;
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    for (table, column) in rows {
        if table != "_sqlx_migrations" {
            tables.entry(table).or_default().push(column);
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::contract! {
        async fn a_record_holds_every_type_as_json(db: &Db) {
            let row: Record = db
                .one(sql("SELECT 'a' AS text, CAST(7 AS BIGINT) AS whole, CAST(0.5 AS DOUBLE PRECISION) AS real, CAST(NULL AS TEXT) AS absent"))
                .await
                .unwrap();
            assert_eq!(serde_json::to_string(&row.0).unwrap(), r#"{"absent":null,"real":0.5,"text":"a","whole":7}"#);
        }

        async fn the_schema_is_read_from_the_database_itself(db: &Db) {
            let tables = schema(db).await.unwrap();
            assert!(tables["account"].iter().any(|column| column == "email_key"));
            assert!(!tables.contains_key("_sqlx_migrations"));
        }
    }
}
