//! What a thing costs at 100 analyses and at 100,000, beside 10,000 other accounts and a million jobs that have ended: `make bench-load`
//! prints the ratios, which `docs/CAPACITY.md` explains. Nobody's pages may grow with what others, or they themselves, have.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use backend::{
    cleanup,
    db::{Db, record, sql},
    jobs,
};

use crate::{
    privacy::LONGEST_PRESIGNED,
    support::{Database, PASSWORD, Person, TestApp, mix},
};

/// A page may cost this much more at 100,000 than at 100.
const MOST: f64 = 1.5;

/// Ten times as much may take this much longer, where it is linear.
const LINEAR: f64 = 10.0 * MOST;

/// The longest that a write of somebody else's may wait while a large account is deleted.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Rows by the thousand, as copies of one.
pub struct Seed<'a> {
    db: &'a Db,
    is_postgres: bool,
}

impl<'a> Seed<'a> {
    pub const fn of(db: &'a Db, database: Database) -> Self {
        Self {
            db,
            is_postgres: matches!(database, Database::Postgres),
        }
    }

    /// PostgreSQL knows what it has, as its daemon sees to otherwise.
    pub async fn analyzed(&self) {
        if self.is_postgres {
            self.db.execute(sql("ANALYZE")).await.unwrap();
        }
    }

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

    /// Analyses whose audio is gone, without their reports, which no list reads; of each a verdict.
    pub async fn analyses(&self, analysis: &str, from: u32, to: u32) {
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
            ("audio_until", "CAST(NULL AS BIGINT)"),
            ("report", "CAST(NULL AS TEXT)"),
            ("score_tenths", "n % 1000"),
            ("integrated_lufs", "-8.0 - (n % 100) / 10.0"),
            ("duration_s", "60.0 + n % 600"),
            ("unseen_since", "CAST(NULL AS BIGINT)"),
        ];
        self.copy("analysis", &format!("id = '{analysis}'"), from, to, &replaced)
            .await;
        let replaced = [("analysis_id", "ID(b)"), ("verdict", "'{}'")];
        let chosen = format!("analysis_id = '{analysis}'");
        self.copy("verdict", &chosen, from, to, &replaced).await;
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
        self.analyzed().await;
    }
}

/// The least time of some tries, since what else the machine does only adds.
async fn least(mut once: impl AsyncFnMut()) -> Duration {
    once().await;
    let mut least = Duration::MAX;
    for _ in 0..15 {
        let began = Instant::now();
        once().await;
        least = least.min(began.elapsed());
    }
    least
}

async fn page(person: &Person, path: &str) -> Duration {
    least(async || assert_eq!(person.get(path).await.status, StatusCode::OK, "{path}")).await
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
    let nothing = least(async || {
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
        least(async || drop(jobs::counts(db).await.unwrap())).await,
    ));
    costs.push((
        "overdue objects".to_owned(),
        true,
        least(async || assert_eq!(cleanup::overdue(db, now).await.unwrap(), 0)).await,
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
        least(async || assert_eq!(cleanup::purge(&app.backend).await.unwrap().uploads, 0)).await,
    ));
    costs
}

/// Of a process, so far.
pub fn processor_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: Vec<u64> = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse().unwrap())
        .collect();
    // A tick is a hundredth of a second on Linux.
    Duration::from_millis(10 * (ticks[0] + ticks[1]))
}

/// How long it takes to make an archive of everything about somebody, and how much processor time of this process, in which SQLite is.
async fn export(app: &TestApp, person: &Person) -> (Duration, Duration) {
    let asked = person.post("/account/privacy/export", &[]).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.text());
    let (began, before) = (Instant::now(), processor_time(std::process::id()));
    app.run_jobs().await;
    (began.elapsed(), processor_time(std::process::id()) - before)
}

/// How long it takes to delete somebody, and how long somebody else's write waited at most meanwhile.
async fn deletion(app: &TestApp, person: &Person, other: &Person) -> (Duration, Duration) {
    let sure = [("password", PASSWORD), ("sure", "on")];
    let began = Instant::now();
    let closed = person.post("/account/privacy/delete", &sure).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER, "{}", closed.text());
    let deleting = app.run_jobs();
    tokio::pin!(deleting);
    let mut longest = Duration::ZERO;
    loop {
        let write = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let began = Instant::now();
            let renamed = other.post("/account/name", &[("display_name", "Ben")]).await;
            assert_eq!(renamed.status, StatusCode::SEE_OTHER, "{}", renamed.text());
            began.elapsed()
        };
        tokio::select! {
            _ = &mut deleting => return (began.elapsed(), longest),
            waited = write => longest = longest.max(waited),
        }
    }
}

/// Prints the table; which pages cost too much more.
#[expect(clippy::print_stdout, reason = "whoever runs it reads the table")]
fn compared(few: Vec<(String, bool, Duration)>, many: Vec<(String, bool, Duration)>) -> Vec<String> {
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
    too_much
}

#[expect(clippy::print_stdout, reason = "whoever runs it reads the figures")]
async fn at_100_and_at_100_000(database: Database) {
    let settings = [("limits.writes_per_minute", "4000000000")];
    let app = TestApp::set_up(database, &settings, |_| {}).await;
    let (ann, ben) = (
        app.signed_up("ann@example.org").await,
        app.signed_up("ben@example.org").await,
    );
    let eve = app.signed_up("eve@example.org").await;
    for email in ["ann@example.org", "ben@example.org"] {
        app.on_studio(email).await;
    }
    let analysis = ann.upload("Night drive.wav", mix()).await.analysis.to_string();
    let of_ben = ben.upload("Night drive.wav", mix()).await.analysis.to_string();
    app.run_jobs().await;
    let seed = Seed::of(&app.backend.db, database);
    seed.analyses(&analysis, 1, 100).await;
    seed.analyzed().await;
    let few = costs(&app, &ann, &analysis).await;
    seed.analyses(&analysis, 100, 100_000).await;
    seed.analyses(&of_ben, 200_000, 210_000).await;
    seed.others().await;
    let many = costs(&app, &ann, &analysis).await;
    println!("{}, 100 and 100,000 analyses:", app.backend.db.kind());
    let mut too_much = compared(few, many);

    let (of_ben, of_ann) = (export(&app, &ben).await, export(&app, &ann).await);
    let (of_ten, waited_for_ten) = deletion(&app, &ben, &eve).await;
    let (of_hundred, waited) = deletion(&app, &ann, &eve).await;
    println!("| what | at 10,000 | at 100,000 | ratio |\n| --- | --- | --- | --- |");
    // SQLite's thread hands over row by row, so that on a busy machine an export waits for a processor at each: by its own time it is linear.
    let is_by_clock = matches!(database, Database::Postgres);
    for (what, few, many, is_linear) in [
        ("an export", of_ben.0, of_ann.0, is_by_clock),
        ("processor time of an export", of_ben.1, of_ann.1, true),
        ("a deletion", of_ten, of_hundred, true),
    ] {
        let (few, many) = (few.as_secs_f64(), many.as_secs_f64());
        println!("| {what} | {few:.2} s | {many:.1} s | {:.1} |", many / few);
        if is_linear && many / few > LINEAR {
            too_much.push(format!("{what}: {:.1}", many / few));
        }
    }
    // The store is looked through once more when the last permission to upload has ended.
    app.clock.advance(LONGEST_PRESIGNED);
    app.run_jobs().await;
    let waited = waited.max(waited_for_ten);
    println!(
        "somebody else's write waited {:.0} ms at most",
        waited.as_secs_f64() * 1e3
    );
    if waited > LONGEST_WAIT {
        too_much.push(format!("a write waited {waited:?}"));
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
