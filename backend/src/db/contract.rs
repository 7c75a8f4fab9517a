//! The contract tests: every store function runs on SQLite and on PostgreSQL.
//!
//! ```ignore
//! backend::contract! {
//!     /// What the test shows.
//!     async fn a_session_ends_with_its_account(db: &Db) { … }
//! }
//! ```
//! makes a module of that name with the tests `sqlite` and `postgres`, each on a database of its own.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail their test"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::OnceCell;

use super::{Db, DbError};

/// The server on which the tests make their databases; `make test` starts one and sets this.
pub const POSTGRES_URL_VARIABLE: &str = "MIXLENS_TEST_POSTGRES_URL";

/// A database of one test's own, with the newest schema. Removed with [`Scratch::remove`].
#[derive(Debug)]
pub struct Scratch {
    /// The database.
    pub db: Db,
    /// Its URL, for other processes.
    pub url: String,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    Folder { _folder: tempfile::TempDir },
    Postgres { admin: String, name: String },
}

impl Scratch {
    /// A fresh SQLite database in a temporary folder.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("test.sqlite");
        std::fs::write(&file, SQLITE.get_or_init(made_once).await).expect("the database is copied");
        let url = format!("sqlite:{}", file.display());
        Self {
            db: Db::connect(&url, 4).await.expect("SQLite opens"),
            url,
            backing: Backing::Folder { _folder: folder },
        }
    }

    /// A fresh database on the PostgreSQL server that `make test` has started.
    pub async fn postgres() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        #[expect(clippy::disallowed_methods, reason = "the test command says by this variable where its server is")]
        let admin = std::env::var(POSTGRES_URL_VARIABLE).unwrap_or_else(|_| {
            panic!("no PostgreSQL: run `make test`, or `scripts/postgres cargo test …` (sets {POSTGRES_URL_VARIABLE})")
        });
        let name = format!(
            "t{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let (server, _) = admin.rsplit_once('/').expect("the URL names a database");
        let template = TEMPLATE.get_or_init(|| async {
            let template = format!("t{}", std::process::id());
            // That of an earlier process with this number.
            administer(&admin, format!("DROP DATABASE IF EXISTS {template}"))
                .await
                .expect("the database is dropped");
            administer(&admin, format!("CREATE DATABASE {template}"))
                .await
                .expect("a database is made");
            migrated(&format!("{server}/{template}")).await.close().await;
            template
        });
        // Its other strategy writes each page into the log as well, and takes six times the processor.
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE {} STRATEGY FILE_COPY",
            template.await
        );
        administer(&admin, create).await.expect("a database is made");
        let url = format!("{server}/{name}");
        Self {
            db: Db::connect(&url, 4).await.expect("PostgreSQL opens"),
            url,
            backing: Backing::Postgres { admin, name },
        }
    }

    /// The database of [`Self::postgres`] as a machine sees it whose own clock is wrong: PostgreSQL's is `hours` ahead of it.
    pub async fn with_clock_ahead_by(&self, hours: i32) -> Db {
        let function = format!(
            "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE SQL VOLATILE
             AS $$ SELECT pg_catalog.clock_timestamp() + interval '{hours} hours' $$"
        );
        administer(&self.url, function).await.expect("a function is made");
        // PostgreSQL looks into its own schema first, unless it is told another order.
        let url = format!("{}?options=-csearch_path%3Dpublic,pg_catalog", self.url);
        Db::connect(&url, 4).await.expect("PostgreSQL opens")
    }

    /// Makes a database of PostgreSQL empty, as a new one is, also of its schema.
    pub async fn empty(&self) {
        if let Backing::Postgres { admin, name } = &self.backing {
            for statement in [
                format!("DROP DATABASE {name} WITH (FORCE)"),
                format!("CREATE DATABASE {name}"),
            ] {
                administer(admin, statement)
                    .await
                    .expect("the database is made again");
            }
        }
    }

    /// Closes and removes it.
    pub async fn remove(self) {
        self.db.close().await;
        if let Backing::Postgres { admin, name } = self.backing {
            administer(&admin, format!("DROP DATABASE {name} WITH (FORCE)"))
                .await
                .expect("the database is dropped");
        }
    }
}

/// A SQLite file with the newest schema: made once for all tests of a process, which each copy it.
static SQLITE: OnceCell<Vec<u8>> = OnceCell::const_new();

async fn made_once() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("made.sqlite");
    let db = migrated(&format!("sqlite:{}", file.display())).await;
    // What is still in the journal is in no copy of the file.
    db.forget_deleted().await.expect("the journal is emptied");
    db.close().await;
    std::fs::read(&file).expect("the database is read")
}

async fn migrated(url: &str) -> Db {
    let db = Db::connect(url, 4).await.expect("the database opens");
    db.migrate().await.expect("the schema is made");
    db
}

/// Runs a statement of our own with a name or a number in it that cannot be a parameter.
async fn administer(url: &str, statement: String) -> Result<(), DbError> {
    use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
    let options: sqlx::postgres::PgConnectOptions = url.parse()?;
    let mut connection = options.connect().await?;
    connection.execute(sqlx::AssertSqlSafe(statement)).await?;
    connection.close().await
}

/// Makes one test into two, one for each database. See the module's documentation.
#[macro_export]
macro_rules! contract {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: &Db) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "a short test may need none of them")]
            use super::*;

            async fn run($db: &$crate::db::Db) $body

            #[tokio::test]
            async fn sqlite() {
                let scratch = $crate::db::contract::Scratch::sqlite().await;
                run(&scratch.db).await;
                scratch.remove().await;
            }

            #[tokio::test]
            async fn postgres() {
                let scratch = $crate::db::contract::Scratch::postgres().await;
                run(&scratch.db).await;
                scratch.remove().await;
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use crate::db::{is_unique_violation, sql};

    crate::db::row! {
        #[derive(Debug, PartialEq)]
        struct Everything {
            name: String,
            slot: i64,
            absent: Option<String>,
            real: f64,
            yes: bool,
        }
    }

    crate::contract! {
        async fn rows_of_every_type_come_back_as_they_went_in(db: &Db) {
            db.execute(sql("INSERT INTO cron (name, slot) VALUES ($1, $2)").bind("a").bind(7_i64)).await.unwrap();
            let row: Everything = db
                .one(
                    sql("SELECT name, slot, CAST($1 AS TEXT) AS absent, CAST($2 AS DOUBLE PRECISION) AS real, slot = $3 AS yes FROM cron")
                        .bind(None::<String>)
                        .bind(0.5)
                        .bind(7_i64),
                )
                .await
                .unwrap();
            assert_eq!(row, Everything { name: "a".into(), slot: 7, absent: None, real: 0.5, yes: true });
        }

        async fn a_dropped_transaction_leaves_nothing(db: &Db) {
            let mut tx = db.begin().await.unwrap();
            tx.execute(sql("INSERT INTO cron (name, slot) VALUES ('a', 1)")).await.unwrap();
            drop(tx);
            assert_eq!(db.all::<(String,)>(sql("SELECT name FROM cron")).await.unwrap(), []);
        }

        async fn a_second_row_of_the_same_key_is_a_unique_violation(db: &Db) {
            const INSERT: &str = "INSERT INTO cron (name, slot) VALUES ('a', 1)";
            db.execute(sql(INSERT)).await.unwrap();
            assert!(is_unique_violation(&db.execute(sql(INSERT)).await.unwrap_err()));
        }

        async fn sixty_four_writers_at_once_all_get_their_turn(db: &Db) {
            db.execute(sql("INSERT INTO cron (name, slot) VALUES ('a', 0)")).await.unwrap();
            let writers = (0..64).map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    let mut tx = db.begin().await?;
                    tx.execute(sql("UPDATE cron SET slot = slot + 1 WHERE name = 'a'")).await?;
                    tx.commit().await
                })
            });
            for writer in writers.collect::<Vec<_>>() {
                writer.await.unwrap().unwrap();
            }
            assert_eq!(db.one::<(i64,)>(sql("SELECT slot FROM cron")).await.unwrap(), (64,));
        }
    }
}
