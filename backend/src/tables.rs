//! How a domain says what its tables hold of a person: what of it they are shown and given, and how it is erased.
//!
//! Each domain has a `TABLES` beside its statements; `privacy::manifest` lists the domains. What of a table expires by itself, the
//! domain says with its `purge` and `expired`, which `cleanup` lists.

/// One table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it holds, as a person would call it.
    pub title: &'static str,
    /// Why it is held.
    pub about: &'static str,
    /// How long, in words.
    pub kept: &'static str,
    /// What of it is shown and exported.
    pub export: Export,
    /// How it is erased with the account.
    pub erase: Erase,
}

/// What of a table a person is given.
#[derive(Debug)]
pub enum Export {
    /// Rows of theirs.
    Rows {
        /// What their rows are found by.
        key: SubjectKey,
        /// In the order of the statement.
        columns: &'static [Column],
        /// Columns that stay inside, each with the reason.
        withheld: &'static [(&'static str, &'static str)],
        /// `SELECT` of the columns, by key: all rows.
        select: &'static str,
        /// The same of the first [`ROWS_SHOWN`], and of one more where there is one.
        first: &'static str,
    },
    /// There is nothing of a person in it; the reason.
    Nothing(&'static str),
}

/// How a person's rows are erased.
#[derive(Debug)]
pub enum Erase {
    /// By this statement with the key of [`Export::Rows`], in the transaction that closes the account: ways into it, and what is
    /// found by its address.
    AtOnce(&'static str),
    /// By this statement with the id of the account as $1, a few rows at a time and only those with ids behind $2, until there
    /// are none: an account may have very many of them, and nobody else is to wait. See [`in_batches!`].
    InBatches(&'static str),
    /// By `ON DELETE CASCADE` (or `SET NULL`) of their reference to the account, or to a row that goes before it.
    WithAccount,
    /// It is the account: by this statement with its id, when everything else is gone.
    Last(&'static str),
    /// There is nothing of a person in it, or it is forgotten on the way; the reason.
    Nothing(&'static str),
}

/// What a person's rows are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKey {
    /// The id of the account.
    Account,
    /// The address as it is looked up.
    Address,
    /// What wrong passwords and codes are counted by: the id of the account and the keyed hash of the address; statements take
    /// them as $1 and $2.
    Tries,
    /// The keyed hash of the address that requests for a new password are counted by.
    ResetHash,
}

/// One column that a person is given.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name, which is also its name in the export.
    pub name: &'static str,
    /// How people read it.
    pub label: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    Text,
    /// A moment, in milliseconds since 1970; RFC 3339 in the export.
    Time,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// JSON with a version inside; embedded in the export.
    Json,
}

/// As a literal, because the statements are put together when the program is compiled.
macro_rules! rows_shown {
    () => {
        50
    };
}
pub(crate) use rows_shown;

/// Rows of one table that a person is shown; an export has all of them.
pub const ROWS_SHOWN: usize = rows_shown!();

/// `$text`, for the first [`ROWS_SHOWN`] rows and one more. How many they are is part of the statement: PostgreSQL plans again, each time,
/// for a number that it is not told.
macro_rules! first_rows {
    ($text:expr) => {
        concat!($text, " LIMIT ", $crate::tables::rows_shown!(), " + 1")
    };
}
pub(crate) use first_rows;

/// What of a table a person is given, and the statement that reads it.
macro_rules! rows {
    (
        from $table:literal where $key:ident is $condition:literal $(in order of $order:literal)?
        given { $first:literal $first_kind:ident $first_label:literal $(, $column:literal $kind:ident $label:literal)* $(,)? }
        withheld { $($hidden:literal $reason:expr),* $(,)? }
    ) => {
        $crate::tables::rows!(@ $key, [
            $first $first_kind $first_label $(, $column $kind $label)*
        ], [$($hidden, $reason),*], concat!(
            "SELECT ", $first, $(", ", $column,)* " FROM ", $table, " WHERE ", $condition, " ORDER BY ", $first $(, ", ", $order)?
        ))
    };
    (@ $key:ident, [$($column:literal $kind:ident $label:literal),*], [$($hidden:literal, $reason:expr),*], $select:expr) => {
        $crate::tables::Export::Rows {
            key: $crate::tables::SubjectKey::$key,
            columns: &[$($crate::tables::Column {
                name: $column,
                label: $label,
                kind: $crate::tables::ColumnKind::$kind,
            }),*],
            withheld: &[$(($hidden, $reason)),*],
            select: $select,
            first: $crate::tables::first_rows!($select),
        }
    };
}
pub(crate) use rows;

/// How the rows of a table go that an account may have very many of: ten at a time, since a report has some 150 kB, which SQLite
/// overwrites. Each batch begins where the one before ended, because on PostgreSQL what was deleted stays in the index for a while, and to
/// go past all of it each time takes a hundred times as long for ten times as much. How many they are is part of the statement: one that
/// PostgreSQL plans again for each batch looks past what was deleted, too.
macro_rules! in_batches {
    ($table:literal) => {
        $crate::tables::Erase::InBatches(concat!(
            "DELETE FROM ",
            $table,
            " WHERE id IN (SELECT id FROM ",
            $table,
            " WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT 10) RETURNING id"
        ))
    };
}
pub(crate) use in_batches;

/// Why no row of a person points out who that is.
pub(crate) const REFERENCE: &str = "points to your account, which is you";

/// A table with nothing of a person in it.
pub(crate) const fn about_nobody(
    name: &'static str,
    title: &'static str,
    about: &'static str,
    kept: &'static str,
) -> Table {
    Table {
        name,
        title,
        about,
        kept,
        export: Export::Nothing("is about nobody"),
        erase: Erase::Nothing("is about nobody"),
    }
}
