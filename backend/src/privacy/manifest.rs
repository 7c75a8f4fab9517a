//! The domains that keep something in the database: "Your data", the export, the deletion and the privacy policy walk through
//! their tables and nothing else. A test compares them with the schema of the migrated database, so that a new table or column
//! that no domain names fails.

use super::{consent, erasure, export, policy, requests};
pub use crate::tables::{Column, ColumnKind, Erase, Export, SubjectKey, Table};
use crate::{
    accounts, analyses, billing, idempotency, installation, jobs, ledger, newsletter, preferences, renders,
    sessions, shares, songs, tables::about_nobody, tokens, uploads, usage, webhooks,
};

/// Their tables, in the order in which a person reads them. The deletion takes those with many rows in this order, too.
const DOMAINS: &[&[&[Table]]] = &[
    accounts::TABLES,
    &[
        sessions::TABLES,
        billing::TABLES,
        tokens::TABLES,
        idempotency::TABLES,
        preferences::TABLES,
        uploads::TABLES,
        usage::TABLES,
    ],
    analyses::TABLES,
    renders::TABLES,
    &[
        webhooks::TABLES,
        songs::TABLES,
        shares::TABLES,
        consent::TABLES,
        export::TABLES,
        requests::TABLES,
        policy::TABLES,
        newsletter::TABLES,
        jobs::TABLES,
        erasure::TABLES,
        ledger::TABLES,
        installation::TABLES,
        SWEEP,
    ],
];

/// Of the sweep, which stands above this room.
const SWEEP: &[Table] = &[about_nobody(
    "object_sweep",
    "The last look through the storage",
    "How many objects there were, and how many belonged to no row.",
    "Until the next one; nobody is in it.",
)];

/// Every table of the database.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    DOMAINS.iter().copied().flatten().copied().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::db::{
        record::{Record, schema},
        sql,
    };

    crate::contract! {
        /// The schema is read from the migrated database: whoever adds a table or a column decides here what a person is given
        /// of it and how it is erased.
        async fn p14_every_table_and_column_of_the_database_has_its_export_and_its_erasure(db: &Db) {
            let schema = schema(db).await.unwrap();
            let known: BTreeSet<&str> = tables().map(|table| table.name).collect();
            let found: BTreeSet<&str> = schema.keys().map(String::as_str).collect();
            assert_eq!(found, known, "a domain names the table in its TABLES, and DOMAINS has the domain");
            for table in tables() {
                let columns: BTreeSet<&str> = schema[table.name].iter().map(String::as_str).collect();
                match table.export {
                    Export::Rows { columns: given, withheld, .. } => {
                        let listed: Vec<&str> =
                            given.iter().map(|column| column.name).chain(withheld.iter().map(|(name, _)| *name)).collect();
                        let unique: BTreeSet<&str> = listed.iter().copied().collect();
                        assert_eq!(listed.len(), unique.len(), "{}: a column is listed twice", table.name);
                        assert_eq!(columns, unique, "{}: every column is given or withheld with a reason", table.name);
                        assert!(!matches!(table.erase, Erase::Nothing(_)), "{}: what is a person's is erased", table.name);
                    }
                    Export::Nothing(_) => {
                        let names_a_person = columns.iter().any(|column| {
                            ["account_id", "email", "display_name", "file_name", "title"].contains(column)
                        });
                        assert!(!names_a_person || table.name == "erasure", "{} is somebody's", table.name);
                    }
                }
                assert!(!table.title.is_empty() && table.about.ends_with('.') && table.kept.ends_with('.'), "{}", table.name);
            }
        }

        async fn every_statement_of_the_manifest_runs(db: &Db) {
            for table in tables() {
                let Export::Rows { select, first, key, .. } = table.export else {
                    continue;
                };
                let nobody = |statement| match key {
                    SubjectKey::Tries => sql(statement).bind("nobody").bind("nobody"),
                    _ => sql(statement).bind("nobody"),
                };
                for statement in [select, first] {
                    let rows: Vec<Record> = db.all(nobody(statement)).await.unwrap();
                    assert_eq!(rows, []);
                }
                if let Erase::AtOnce(delete) = table.erase {
                    assert_eq!(db.execute(nobody(delete)).await.unwrap(), 0);
                }
            }
        }
    }
}
