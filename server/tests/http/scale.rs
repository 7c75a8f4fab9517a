//! What a thing costs at 100 analyses and at 100,000, beside 10,000 other accounts and a million jobs that have ended: `make bench-load`
//! prints the ratios, which `docs/CAPACITY.md` explains. Nobody's pages may grow with what others, or they themselves, have.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use backend::{
    cleanup,
    db::{Db, record, sql},
    jobs,
};

use crate::support::{Database, Person, TestApp, mix};

/// A page may cost this much more at 100,000 than at 100.
const MOST: f64 = 1.5;

/// Numbers as the last part of an id, from `$1` up to `$2`.
struct Seed<'a> {
    db: &'a Db,
    is_postgres: bool,
}

impl Seed<'_> {
    /// Copies the one row of `table` that `chosen` names under the numbers `from..to`, with these columns replaced.
    async fn copy(&self, table: &str, chosen: &str, from: u32, to: u32, replaced: &[(&str, &str)]) {
        let columns = record::schema(self.db).await.unwrap().remove(table).unwrap();
        let values: Vec<String> = columns
            .iter()
            .map(|column| {
                let made = replaced.iter().find(|(name, _)| name == column);
                made.map_or_else(
                    || format!("\"{table}\".\"{column}\""),
                    |(_, value)| self.expression(value),
                )
            })
            .collect();
        let names: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let statement = format!(
            "INSERT INTO \"{table}\" ({}) WITH RECURSIVE numbers(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {to})
             SELECT {} FROM \"{table}\", numbers WHERE {chosen}",
            names.join(", "),
            values.join(", ")
        );
        self.db.execute(sql(String::leak(statement))).await.unwrap();
    }

    /// `ID(a)` is an id that ends with the number, of the family `a`.
    fn expression(&self, value: &str) -> String {
        let hex = if self.is_postgres {
            "lpad(to_hex(n), 12, '0')"
        } else {
            "printf('%012x', n)"
        };
        let mut expression = value.to_owned();
        for family in ["a", "b", "c", "d"] {
            let id = format!("('0190000{family}00007000800' || '0' || {hex})");
            expression = expression.replace(&format!("ID({family})"), &id);
        }
        expression
    }

    /// Analyses whose audio is gone; their reports are those of others, which no list reads.
    async fn analyses(&self, analysis: &str, from: u32, to: u32) {
        let upload = format!("id = (SELECT upload_id FROM analysis WHERE id = '{analysis}')");
        self.copy(
            "upload",
            &upload,
            from,
            to,
            &[
                ("id", "ID(a)"),
                ("state", "'removed'"),
                ("delete_after", "CAST(NULL AS BIGINT)"),
            ],
        )
        .await;
        let replaced = [
            ("id", "ID(b)"),
            ("upload_id", "ID(a)"),
            ("title", "'Version ' || n"),
            ("title_key", "'version ' || n"),
            ("search_key", "'version ' || n"),
            ("base_title", "'version'"),
            ("report", "CAST(NULL AS TEXT)"),
            ("score_tenths", "n % 1000"),
            ("integrated_lufs", "-8.0 - (n % 100) / 10.0"),
            ("duration_s", "60.0 + n % 600"),
            ("unseen_since", "CAST(NULL AS BIGINT)"),
        ];
        self.copy("analysis", &format!("id = '{analysis}'"), from, to, &replaced)
            .await;
    }

    async fn others(&self) {
        let replaced = [
            ("id", "ID(c)"),
            ("email", "'somebody-' || n || '@example.org'"),
            ("email_key", "'somebody-' || n || '@example.org'"),
        ];
        self.copy("account", "email = 'ann@example.org'", 1, 10_001, &replaced)
            .await;
        // Of the last day, so that none is old enough to go.
        let replaced = [
            ("id", "ID(d)"),
            ("dedupe_key", "CAST(NULL AS TEXT)"),
            ("account_id", "CAST(NULL AS TEXT)"),
        ];
        self.copy(
            "job",
            "id = (SELECT MIN(id) FROM job WHERE kind = 'analyse_upload')",
            1,
            1_000_001,
            &replaced,
        )
        .await;
        if self.is_postgres {
            self.db.execute(sql("ANALYZE")).await.unwrap();
        }
    }
}

/// The median time of some tries.
async fn median(mut once: impl AsyncFnMut()) -> Duration {
    once().await;
    let mut times = Vec::new();
    for _ in 0..15 {
        let began = Instant::now();
        once().await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

async fn page(person: &Person, path: &str) -> Duration {
    median(async || assert_eq!(person.get(path).await.status, StatusCode::OK, "{path}")).await
}

/// What is measured, and whether it shows a page.
async fn costs(app: &TestApp, person: &Person, analysis: &str) -> Vec<(String, bool, Duration)> {
    let mut costs = Vec::new();
    let report = format!("/analyses/{analysis}");
    let choose = format!("{report}/comparison");
    for path in [
        "/",
        "/history",
        "/history?sort=best",
        "/history?sort=title",
        "/history?sort=loudest",
        "/history?q=version+7",
        "/songs",
        "/references",
        "/account",
        "/account/privacy",
        &report,
        &choose,
    ] {
        costs.push((path.replace(analysis, "{id}"), true, page(person, path).await));
    }
    let db = &app.backend.db;
    let now = app.backend.now();
    let nothing = median(async || {
        assert_eq!(
            jobs::run_due(&backend::work::workers(&app.backend))
                .await
                .unwrap(),
            0
        )
    });
    costs.push(("a claim that finds nothing".to_owned(), true, nothing.await));
    costs.push((
        "counts of jobs".to_owned(),
        true,
        median(async || drop(jobs::counts(db).await.unwrap())).await,
    ));
    costs.push((
        "overdue objects".to_owned(),
        true,
        median(async || assert_eq!(cleanup::overdue(db, now).await.unwrap(), 0)).await,
    ));
    costs.push((
        "a search that finds nothing".to_owned(),
        false,
        page(person, "/history?q=nowhere").await,
    ));
    costs.push((
        "history as a table".to_owned(),
        false,
        page(person, "/history.csv").await,
    ));
    costs.push((
        "a run of the reaper".to_owned(),
        false,
        median(async || assert_eq!(cleanup::purge(&app.backend).await.unwrap().uploads, 0)).await,
    ));
    costs
}

#[expect(clippy::print_stdout, reason = "whoever runs it reads the table")]
async fn at_100_and_at_100_000(database: Database) {
    let app = TestApp::on(database).await;
    let ann = app.signed_up("ann@example.org").await;
    app.on_studio("ann@example.org").await;
    let uploaded = ann.upload("Night drive.wav", mix()).await;
    app.run_jobs().await;
    let analysis = uploaded.analysis.to_string();
    let is_postgres = matches!(database, Database::Postgres);
    let seed = Seed {
        db: &app.backend.db,
        is_postgres,
    };
    seed.analyses(&analysis, 1, 100).await;
    let few = costs(&app, &ann, &analysis).await;
    seed.analyses(&analysis, 100, 100_000).await;
    seed.others().await;
    let many = costs(&app, &ann, &analysis).await;
    println!("{}, 100 and 100,000 analyses:", app.backend.db.kind());
    println!("| what | at 100 | at 100,000 | ratio |\n| --- | --- | --- | --- |");
    let mut too_much = Vec::new();
    for ((what, is_page, before), (_, _, after)) in few.into_iter().zip(many) {
        let ratio = after.as_secs_f64() / before.as_secs_f64();
        let (before, after) = (before.as_secs_f64() * 1e3, after.as_secs_f64() * 1e3);
        println!("| {what} | {before:.1} ms | {after:.1} ms | {ratio:.2} |");
        // A millisecond is noise.
        if is_page && ratio > MOST && after - before > 1.0 {
            too_much.push(format!("{what}: {ratio:.2}"));
        }
    }
    let began = Instant::now();
    let gone = app
        .backend
        .db
        .execute(sql("DELETE FROM account WHERE email LIKE 'somebody-%'"))
        .await
        .unwrap();
    println!(
        "{gone} empty accounts are deleted in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(too_much.is_empty(), "{too_much:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some minutes: make bench-load"]
async fn pages_cost_the_same_at_100_000_sqlite() {
    at_100_and_at_100_000(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some minutes: make bench-load"]
async fn pages_cost_the_same_at_100_000_postgres() {
    at_100_and_at_100_000(Database::Postgres).await;
}
