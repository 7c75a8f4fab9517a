//! Rows of typed columns: what the database keeps as text and integers is parsed here, once, so that no row carries a state,
//! an id or a count as something else.
//!
//! `sqlx`'s own derive can do this only with an attribute on every field, and for no `Option`, because the types are those of
//! `model`, which knows no database. So [`row!`] implements `sqlx::FromRow` by [`Column`].

use std::error::Error as StdError;

use serde::de::DeserializeOwned;
use sqlx::{ColumnIndex, Decode, Type};

use super::DbError;

/// A type that a column can hold.
pub trait Column: Sized {
    /// What the database keeps of it: text of the row or of its own, `i64`, `f64`, `bool`, or an `Option` of them.
    type Raw<'r>;

    /// Its value.
    ///
    /// # Errors
    /// The database holds what is none of its values.
    fn from_raw(raw: Self::Raw<'_>) -> Result<Self, Box<dyn StdError + Send + Sync>>;
}

impl<T: Column> Column for Option<T> {
    type Raw<'r> = Option<T::Raw<'r>>;

    fn from_raw(raw: Self::Raw<'_>) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        raw.map(T::from_raw).transpose()
    }
}

/// A value that a column of text holds as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> Column for Json<T> {
    type Raw<'r> = &'r str;

    fn from_raw(raw: &str) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self(serde_json::from_str(raw)?))
    }
}

macro_rules! plain {
    ($($name:ty),+ $(,)?) => {$(
        impl Column for $name {
            type Raw<'r> = Self;

            fn from_raw(raw: Self) -> Result<Self, Box<dyn StdError + Send + Sync>> {
                Ok(raw)
            }
        }
    )+};
}
plain!(String, i64, f64, bool);

macro_rules! whole {
    ($($name:ty),+ $(,)?) => {$(
        impl Column for $name {
            type Raw<'r> = i64;

            fn from_raw(raw: i64) -> Result<Self, Box<dyn StdError + Send + Sync>> {
                Ok(Self::try_from(raw)?)
            }
        }
    )+};
}
whole!(u8, u32, u64, i32);

/// Types that are kept as the text of `Display` and `FromStr`, to be bound and to be read.
macro_rules! text {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::db::Column for $name {
            type Raw<'r> = &'r str;

            fn from_raw(raw: &str) -> Result<Self, Box<dyn ::std::error::Error + Send + Sync>> {
                Ok(raw.parse()?)
            }
        }

        impl From<$name> for $crate::db::Value {
            fn from(value: $name) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }

        impl From<Option<$name>> for $crate::db::Value {
            fn from(value: Option<$name>) -> Self {
                Self::Text(value.map(|value| value.to_string()))
            }
        }
    )+};
}
pub(crate) use text;

text! {
    model::AccountId,
    model::AnalysisId,
    model::EmailChangeId,
    model::ErasureId,
    model::ExportId,
    model::JobId,
    model::PasswordResetId,
    model::RefundId,
    model::RenderId,
    model::SessionId,
    model::SecurityEventId,
    model::ShareId,
    model::SignUpId,
    model::SongId,
    model::TokenId,
    model::UploadId,
    model::WebhookDeliveryId,
    model::WebhookEndpointId,
    model::WebhookEventId,
    model::analysis::AnalysisState,
    model::analysis::Phase,
    model::plan::Plan,
    model::upload::UploadKind,
    model::upload::UploadState,
    model::verdict::Stage,
    model::verdict::Standing,
    model::webhook::DeliveryFailure,
    model::webhook::DeliveryState,
    model::webhook::DisabledReason,
    model::webhook::EndpointState,
    model::webhook::EventType,
    model::webhook::ObjectKind,
}

impl Column for model::Timestamp {
    type Raw<'r> = i64;

    fn from_raw(raw: i64) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self(raw))
    }
}

impl Column for model::verdict::Points {
    type Raw<'r> = i64;

    fn from_raw(raw: i64) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::from_tenths(i32::try_from(raw)?))
    }
}

/// One field of a row: a column by its name, or a row within a row, which reads its own columns.
pub(crate) trait Field<'r, R: sqlx::Row>: Sized {
    fn read(row: &'r R, name: &str) -> Result<Self, DbError>;
}

impl<'r, R, T> Field<'r, R> for T
where
    R: sqlx::Row,
    T: Column,
    T::Raw<'r>: Decode<'r, R::Database> + Type<R::Database>,
    for<'n> &'n str: ColumnIndex<R>,
{
    fn read(row: &'r R, name: &str) -> Result<Self, DbError> {
        T::from_raw(row.try_get(name)?).map_err(|source| DbError::ColumnDecode {
            index: name.to_owned(),
            source,
        })
    }
}

/// Declares a struct that a row of either database fills, each field from the column of its name. A field whose type is such
/// a struct itself reads its own columns.
macro_rules! row {
    (
        $(#[$outer:meta])*
        $vis:vis struct $name:ident {
            $($(#[$inner:meta])* $field_vis:vis $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$outer])*
        $vis struct $name {
            $($(#[$inner])* $field_vis $field: $type),+
        }

        $crate::db::row!(@for sqlx::sqlite::SqliteRow, $name, $($field),+);
        $crate::db::row!(@for sqlx::postgres::PgRow, $name, $($field),+);
    };
    (@for $row:ty, $name:ident, $($field:ident),+) => {
        impl<'r> sqlx::FromRow<'r, $row> for $name {
            fn from_row(row: &'r $row) -> Result<Self, $crate::db::DbError> {
                Ok(Self {
                    $($field: $crate::db::Field::read(row, stringify!($field))?),+
                })
            }
        }

        impl<'r> $crate::db::Field<'r, $row> for $name {
            fn read(row: &'r $row, _: &str) -> Result<Self, $crate::db::DbError> {
                sqlx::FromRow::from_row(row)
            }
        }
    };
}
pub(crate) use row;

/// The first column of a row.
#[derive(Debug)]
pub struct Scalar<T>(pub(super) T);

macro_rules! scalar {
    ($($row:ty),+) => {$(
        impl<'r, T> sqlx::FromRow<'r, $row> for Scalar<T>
        where
            T: Column,
            T::Raw<'r>: Decode<'r, <$row as sqlx::Row>::Database> + Type<<$row as sqlx::Row>::Database>,
        {
            fn from_row(row: &'r $row) -> Result<Self, DbError> {
                use sqlx::{Column as _, Row as _};
                let name = row.columns().first().map_or("", |column| column.name());
                T::from_raw(row.try_get(0)?).map(Self).map_err(|source| DbError::ColumnDecode {
                    index: name.to_owned(),
                    source,
                })
            }
        }
    )+};
}
scalar!(sqlx::sqlite::SqliteRow, sqlx::postgres::PgRow);
