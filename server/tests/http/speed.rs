//! How fast it is: ratios against a peer in the same run, because machines differ and are shared. `make bench-load` runs it with an
//! optimised build, and `docs/CAPACITY.md` explains the figures.

use std::{
    io::Cursor,
    sync::Arc,
    time::{Duration, Instant},
};

use analysis::{
    AnalysisOptions, measure,
    testkit::{self, Encoding},
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{Method, Request, StatusCode, header},
    response::Html,
    routing::get,
};
use backend::{
    Actor, Owner, Scope, Token, TokenKind, analyses,
    db::{Db, sql},
    songs,
};
use futures::future::join_all;
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use model::{AccountId, AnalysisId, Timestamp, history::HistoryQuery, plan::Plan};
use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;

use crate::{
    programs::{Installation, Program, eventually},
    scale::{Seed, processor_time},
    support::{Database, Person, TestApp, fetch, hooks::Hooks, mix, on_both_databases, program},
};

/// The API may take this much of a handler that asks the database once and does nothing else.
const MOST_OF_A_BARE_HANDLER: f64 = 1.3;

/// Rounds in which both answer in turn, and how often each does in one.
const ROUNDS: usize = 7;
const REQUESTS: usize = 1000;

/// Token, limits and idempotency of a request of a program, together.
const MOST_OVERHEAD: Duration = Duration::from_millis(1);

/// What the whole way from an upload to a report has to keep of the speed of the engine.
const LEAST_OF_THE_ENGINE: f64 = 0.85;

/// Nothing here is to be refused for being asked for often.
const WITHOUT_LIMITS: [(&str, &str); 4] = [
    ("limits.requests_per_minute", "4000000000"),
    ("limits.api_requests_per_minute", "4000000000"),
    ("limits.writes_per_minute", "4000000000"),
    ("limits.uploads_per_hour", "4000000000"),
];

/// A client that keeps its connections.
struct HttpClient {
    client: Client<HttpConnector, Body>,
    headers: Vec<(header::HeaderName, String)>,
}

impl HttpClient {
    fn with(name: header::HeaderName, value: String) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            headers: vec![(name, value)],
        }
    }

    async fn get(&self, url: &str) -> Duration {
        self.timed(url).await.0
    }

    /// How long the answer took, and its body.
    async fn timed(&self, url: &str) -> (Duration, Bytes) {
        let mut request = Request::get(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let began = Instant::now();
        let response = self
            .client
            .request(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{url}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (began.elapsed(), body)
    }

    /// How often a second eight of them are answered, for some seconds.
    async fn views_a_second(&self, url: &str) -> f64 {
        const FOR: Duration = Duration::from_secs(4);
        self.get(url).await;
        let began = Instant::now();
        let counts = join_all((0..8).map(async |_| {
            let mut count = 0_u32;
            while began.elapsed() < FOR {
                self.get(url).await;
                count += 1;
            }
            count
        }))
        .await;
        f64::from(counts.into_iter().sum::<u32>()) / began.elapsed().as_secs_f64()
    }
}

/// A row of the peer: everything that the list shows.
#[derive(Debug)]
struct BareRow {
    id: String,
    kind: String,
    title: String,
    created_at: i64,
    state: String,
    phase: String,
    percent: i64,
    status_message: Option<String>,
    failure: Option<String>,
    duration_s: Option<f64>,
    integrated_lufs: Option<f64>,
    stage: Option<String>,
    stage_is_chosen: bool,
    score_tenths: Option<i64>,
    standing: Option<String>,
    song_id: Option<String>,
    song_title: Option<String>,
    version: i64,
    audio_until: Option<i64>,
}

const BARE: &str = "
    SELECT analysis.id, kind, analysis.title, analysis.created_at, state, phase, percent, status_message, failure, duration_s, integrated_lufs,
           stage, stage_is_chosen, score_tenths, standing, song_id, song.title AS song_title, audio_until,
           CASE WHEN song_id IS NOT NULL
               THEN (SELECT COUNT(*) FROM analysis AS version WHERE version.song_id = analysis.song_id AND version.id <= analysis.id)
               ELSE 0 END AS version
    FROM analysis LEFT JOIN song ON song.id = song_id
    WHERE analysis.account_id = $1 AND kind = 'mix' ORDER BY analysis.id DESC LIMIT 26";

const BARE_ROWS: usize = 25;

/// The same as JSON as ours, to the last member.
#[derive(Debug, Serialize)]
struct BarePage {
    data: Vec<BareAnalysis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct BareAnalysis {
    id: String,
    kind: String,
    title: String,
    created_at: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<BareProgress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrated_lufs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<BareScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    song: Option<BareSong>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_until: Option<String>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict_url: Option<String>,
}

#[derive(Debug, Serialize)]
struct BareProgress {
    phase: String,
    percent: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Serialize)]
struct BareScore {
    points: f64,
    stage: String,
    stage_is_chosen: bool,
    standing: String,
}

#[derive(Debug, Serialize)]
struct BareSong {
    id: String,
    title: String,
    version: i64,
}

impl BarePage {
    fn of(mut rows: Vec<BareRow>, base_url: &str) -> Self {
        let next = (rows.len() > BARE_ROWS).then(|| rows[BARE_ROWS - 1].id.clone());
        rows.truncate(BARE_ROWS);
        let data = rows.into_iter().map(|row| BareAnalysis::of(row, base_url));
        Self {
            data: data.collect(),
            next,
        }
    }
}

impl BareAnalysis {
    fn of(row: BareRow, base_url: &str) -> Self {
        let is_done = row.state == "done";
        let judged = row.score_tenths.zip(row.stage).zip(row.standing);
        Self {
            url: format!("{base_url}/analyses/{}", row.id),
            report_url: is_done.then(|| format!("{base_url}/api/v1/analyses/{}/report", row.id)),
            verdict_url: is_done.then(|| format!("{base_url}/api/v1/analyses/{}/verdict", row.id)),
            progress: (!is_done && row.state != "failed").then_some(BareProgress {
                phase: row.phase,
                percent: row.percent,
                message: row.status_message,
            }),
            failure: row.failure.and_then(|text| serde_json::from_str(&text).ok()),
            score: judged.map(|((tenths, stage), standing)| BareScore {
                points: tenths as f64 / 10.0,
                stage,
                stage_is_chosen: row.stage_is_chosen,
                standing,
            }),
            song: row.song_id.zip(row.song_title).map(|(id, title)| BareSong {
                id,
                title,
                version: row.version,
            }),
            audio_until: row.audio_until.map(|until| Timestamp(until).rfc3339()),
            created_at: Timestamp(row.created_at).rfc3339(),
            kind: row.kind,
            title: row.title,
            state: row.state,
            duration_s: row.duration_s,
            integrated_lufs: row.integrated_lufs,
            id: row.id,
        }
    }
}

/// The peer: axum and sqlx, one query along an index, its rows as JSON and as a page.
macro_rules! bare {
    ($name:ident, $database:ty, $row:ty) => {
        impl sqlx::FromRow<'_, $row> for BareRow {
            fn from_row(row: &$row) -> sqlx::Result<Self> {
                Ok(Self {
                    id: row.try_get("id")?,
                    kind: row.try_get("kind")?,
                    title: row.try_get("title")?,
                    created_at: row.try_get("created_at")?,
                    state: row.try_get("state")?,
                    phase: row.try_get("phase")?,
                    percent: row.try_get("percent")?,
                    status_message: row.try_get("status_message")?,
                    failure: row.try_get("failure")?,
                    duration_s: row.try_get("duration_s")?,
                    integrated_lufs: row.try_get("integrated_lufs")?,
                    stage: row.try_get("stage")?,
                    stage_is_chosen: row.try_get("stage_is_chosen")?,
                    score_tenths: row.try_get("score_tenths")?,
                    standing: row.try_get("standing")?,
                    song_id: row.try_get("song_id")?,
                    song_title: row.try_get("song_title")?,
                    version: row.try_get("version")?,
                    audio_until: row.try_get("audio_until")?,
                })
            }
        }

        async fn $name(url: &str, connections: u32, account: AccountId, base_url: &str) -> Router {
            #[derive(Clone)]
            struct Site {
                pool: sqlx::Pool<$database>,
                account: Arc<str>,
                base_url: Arc<str>,
            }
            async fn rows(site: &Site) -> Vec<BareRow> {
                sqlx::query_as(BARE)
                    .bind(&*site.account)
                    .fetch_all(&site.pool)
                    .await
                    .unwrap()
            }
            // As ours is: a connection that was just used is not asked first whether it is whole.
            let pool = sqlx::pool::PoolOptions::<$database>::new()
                .max_connections(connections)
                .test_before_acquire(false)
                .connect(url)
                .await
                .unwrap();
            Router::new()
                .route(
                    "/json",
                    get(async |State(site): State<Site>| {
                        Json(BarePage::of(rows(&site).await, &site.base_url))
                    }),
                )
                .route(
                    "/page",
                    get(async |State(site): State<Site>| {
                        let rows = rows(&site).await;
                        let row = |row: &BareRow| format!("<tr><td>{}<td>{:?}", row.title, row.score_tenths);
                        Html(format!(
                            "<!DOCTYPE html><table>{}",
                            rows.iter().map(row).collect::<String>()
                        ))
                    }),
                )
                .with_state(Site {
                    pool,
                    account: account.to_string().into(),
                    base_url: base_url.into(),
                })
        }
    };
}
bare!(bare_sqlite, sqlx::Sqlite, sqlx::sqlite::SqliteRow);
bare!(bare_postgres, sqlx::Postgres, sqlx::postgres::PgRow);

async fn bare(app: &TestApp, database: Database, account: AccountId) -> String {
    let (url, connections) = (app.database_url(), app.backend.config.database_max_connections);
    let router = match database {
        Database::Sqlite => bare_sqlite(url, connections, account, &app.url).await,
        Database::Postgres => bare_postgres(url, connections, account, &app.url).await,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Somebody with `count` analyses: the application, the person, the account and the one analysis with a report.
async fn with_analyses(database: Database, count: u32) -> (TestApp, Person, AccountId, AnalysisId) {
    let app = TestApp::set_up(database, &WITHOUT_LIMITS, |_| {}).await;
    let ann = app.signed_up("ann@example.org").await;
    app.on_studio("ann@example.org").await;
    let analysis = ann.upload("Night drive.wav", mix()).await.analysis;
    app.run_jobs().await;
    let seed = Seed::of(&app.backend.db, database);
    seed.analyses(&analysis.to_string(), 1, count).await;
    seed.analyzed().await;
    let account = app.texts("SELECT id FROM account").await[0].parse().unwrap();
    (app, ann, account, analysis)
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::print_stdout, reason = "whoever runs it reads the figures")]
async fn api(database: Database) {
    let (app, ann, account, analysis) = with_analyses(database, 100_000).await;
    let token = app.make_token(&ann, TokenKind::Live, &Scope::ALL).await;
    let client = HttpClient::with(header::AUTHORIZATION, format!("Bearer {token}"));
    let (bare, ours) = (
        bare(&app, database, account).await + "/json",
        format!("{}/api/v1/analyses", app.url),
    );
    let shown = async |url: &str| -> serde_json::Value {
        let body = client.timed(url).await.1;
        let page: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(page["data"].as_array().unwrap().len(), BARE_ROWS);
        assert!(page["next"].is_string());
        page["data"].clone()
    };
    assert_eq!(shown(&ours).await, shown(&bare).await, "the peer shows the same");
    let kind = app.backend.db.kind();
    let mut over = Vec::new();
    let mut of_rounds = Vec::new();
    for round in 0..=ROUNDS {
        let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
        for _ in 0..REQUESTS {
            // In turn, so that what else the machine does meets both.
            of_ours.push(client.get(&ours).await);
            of_bare.push(client.get(&bare).await);
        }
        // The first one warms up.
        if round == 0 {
            continue;
        }
        let ratios = [50, 99].map(|percent| {
            let (a, b) = (
                percentile(&mut of_ours, percent),
                percentile(&mut of_bare, percent),
            );
            let ratio = a.as_secs_f64() / b.as_secs_f64();
            println!(
                "{kind}, 100,000 analyses, GET /api/v1/analyses, round {round}, p{percent}: {:.3} ms, bare {:.3} ms, {ratio:.2}",
                in_ms(a),
                in_ms(b)
            );
            ratio
        });
        of_rounds.push(ratios);
    }
    for (at, percent) in [50, 99].into_iter().enumerate() {
        let mut ratios: Vec<f64> = of_rounds.iter().map(|ratios| ratios[at]).collect();
        ratios.sort_by(f64::total_cmp);
        let middle = ratios[ratios.len() / 2];
        println!("{kind}, the middle round in p{percent}: {middle:.2}");
        if middle > MOST_OF_A_BARE_HANDLER {
            over.push(format!("p{percent} {middle:.2}"));
        }
    }

    // The same by the use cases alone: what is left is token, limits, idempotency and the way through the router.
    let owner = Owner {
        account,
        plan: Plan::Studio,
    };
    let actor = Actor::Token(Token::live(owner, Scope::ALL.to_vec()));
    let program = app.program_with(&token);
    let (mut reads, mut read_alone, mut writes, mut write_alone) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let body = json!({ "song": "Night drive", "analysis": [analysis] });
    for number in 0..300 {
        let timed = |began: Instant| began.elapsed();
        let began = Instant::now();
        assert_eq!(program.get("/api/v1/analyses").await.status, StatusCode::OK);
        reads.push(timed(began));
        let began = Instant::now();
        analyses::list(&app.backend, &actor, &HistoryQuery::default(), None)
            .await
            .unwrap();
        read_alone.push(timed(began));
        let began = Instant::now();
        let answer = program
            .post("/api/v1/songs", &format!("song-{number}"), body.clone())
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        writes.push(timed(began));
        let began = Instant::now();
        let song = songs::put(&app.backend, &actor, &[analysis], "Night drive")
            .await
            .unwrap();
        songs::view(&app.backend, &actor, song, None).await.unwrap();
        write_alone.push(timed(began));
    }
    for (what, with, alone) in [
        ("of a read", &mut reads, &mut read_alone),
        ("of a write", &mut writes, &mut write_alone),
    ] {
        let (with, alone) = (percentile(with, 50), percentile(alone, 50));
        let overhead = with.saturating_sub(alone);
        println!(
            "{kind}, overhead {what}: {:.2} ms ({:.2} ms, the use case alone {:.2} ms)",
            in_ms(overhead),
            in_ms(with),
            in_ms(alone)
        );
        if overhead > MOST_OVERHEAD {
            over.push(format!("{what} {:.2} ms", in_ms(overhead)));
        }
    }
    assert!(over.is_empty(), "{over:?}");
}

#[expect(clippy::print_stdout, reason = "whoever runs it reads the figures")]
async fn page_views(database: Database) {
    let (app, ann, account, analysis) = with_analyses(database, 100).await;
    let client = HttpClient::with(header::COOKIE, ann.cookie_header());
    let bare = bare(&app, database, account).await + "/page";
    let healthz = format!("{}/healthz", app.url);
    let (least, peer) = (
        client.views_a_second(&healthz).await,
        client.views_a_second(&bare).await,
    );
    let kind = app.backend.db.kind();
    println!("{kind}: /healthz {least:.0} a second, a bare page {peer:.0}");
    let report = format!("/analyses/{analysis}");
    for (name, path) in [
        ("/", "/"),
        ("/history", "/history"),
        ("a report", report.as_str()),
    ] {
        let views = client.views_a_second(&format!("{}{path}", app.url)).await;
        println!(
            "{kind}: {name} {views:.0} a second, {:.3} of /healthz, {:.3} of a bare page",
            views / least,
            views / peer
        );
    }
}

/// An installation whose people are not limited, with room for as many endpoints.
async fn installation(database: Database) -> Installation {
    let mut installation = Installation::on(Some(database)).await;
    installation.settings = WITHOUT_LIMITS
        .iter()
        .map(|(name, value)| {
            let name = format!("MIXLENS_{}", name.to_uppercase().replace('.', "__"));
            (&*String::leak(name), (*value).to_owned())
        })
        .collect();
    installation.settings.extend([
        ("MIXLENS_LIMITS__SIGN_UPS_PER_HOUR", "100000".to_owned()),
        ("MIXLENS_WEBHOOKS__PRIVATE_NETWORKS", "true".to_owned()),
        ("MIXLENS_PLANS__STUDIO__WEBHOOK_ENDPOINTS", "1000".to_owned()),
        ("MIXLENS_PLANS__STUDIO__ANALYSES_PER_MONTH", "1000000".to_owned()),
        // A busy machine is not a dead worker.
        ("MIXLENS_WORKER__LEASE_SECONDS", "60".to_owned()),
    ]);
    installation
}

fn db_of(installation: &Installation) -> Db {
    installation.scratch.as_ref().unwrap().db.clone()
}

async fn count(db: &Db, select: &'static str) -> i64 {
    db.one::<(i64,)>(sql(select)).await.unwrap().0
}

const PEOPLE: usize = 10;
const ENDPOINTS: usize = 1000;
const EVENTS: usize = 5;

#[expect(clippy::print_stdout, reason = "whoever runs it reads the figures")]
async fn deliveries(database: Database) {
    let installation = installation(database).await;
    let web = installation.start(&["web"]);
    let worker = installation.start(&["worker"]);
    installation.is_ready().await;
    let db = db_of(&installation);
    let hooks = Hooks::start().await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let ann = installation
            .signed_up(&format!("person-{number}@example.org"))
            .await;
        db.execute(sql("UPDATE account SET plan = 'studio'"))
            .await
            .unwrap();
        let token = program::new_token(&ann, TokenKind::Live, &Scope::ALL).await;
        for endpoint in 0..ENDPOINTS / PEOPLE {
            let body =
                json!({ "url": format!("{}/{number}-{endpoint}", hooks.url), "events": ["analysis.failed"] });
            let headers = [
                ("authorization", &*format!("Bearer {token}")),
                ("content-type", "application/json"),
                ("idempotency-key", &*format!("endpoint-{endpoint}")),
            ];
            let url = format!("{}/api/v1/webhook-endpoints", installation.url());
            let made = fetch(Method::POST, &url, &headers, body.to_string().into_bytes()).await;
            assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        }
        people.push(ann);
    }
    drop(worker);
    let letter = b"Dear all, this is a letter and no audio at all.".repeat(9);
    for person in &people {
        for event in 0..EVENTS {
            person
                .upload(&format!("letter {event}.wav"), letter.clone())
                .await;
        }
    }

    let expected = ENDPOINTS * EVENTS;
    let worker = installation.start(&["worker"]);
    worker.stays_on_core(0);
    let began = eventually("the first one", async || (hooks.count() > 0).then(Instant::now)).await;
    let before = processor_time(worker.id());
    let until = Instant::now() + Duration::from_secs(600);
    while hooks.count() < expected {
        assert!(Instant::now() < until, "{} of {expected}", hooks.count());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (took, used) = (began.elapsed(), processor_time(worker.id()) - before);
    let deliveries = expected as f64 / took.as_secs_f64();

    // The same requests, signatures and all, by a client that writes nothing down.
    let sent: Vec<_> = hooks.seen();
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let began = Instant::now();
    for four in sent.chunks(4) {
        join_all(four.iter().map(async |hook| {
            let mut request = Request::post(&hooks.url);
            for (name, value) in &hook.headers {
                request = request.header(name, value);
            }
            let request = request.body(Body::from(hook.body.clone())).unwrap();
            assert_eq!(client.request(request).await.unwrap().status(), StatusCode::OK);
        }))
        .await;
    }
    let bare = expected as f64 / began.elapsed().as_secs_f64();
    println!(
        "{}: {deliveries:.0} deliveries a second to {ENDPOINTS} endpoints by a worker on one core ({:.2} ms of processor each), \
         {:.3} of a bare client's {bare:.0}",
        db.kind(),
        in_ms(used) / expected as f64,
        deliveries / bare
    );
    eventually("each is written down", async || {
        let written = count(
            &db,
            "SELECT COUNT(*) FROM webhook_delivery WHERE state = 'delivered'",
        )
        .await;
        (written == i64::try_from(expected).unwrap()).then_some(())
    })
    .await;
    drop((web, worker));
    drop(db);
    installation.remove().await;
}

on_both_databases! {
    #[ignore = "some minutes: make bench-load"]
    async fn the_api_costs_little_more_than_its_query(database) {
        api(database).await;
    }

    #[ignore = "some minutes: make bench-load"]
    async fn pages_are_shown(database) {
        page_views(database).await;
    }

    #[ignore = "some minutes: make bench-load"]
    async fn a_thousand_endpoints_are_told(database) {
        deliveries(database).await;
    }
}

/// Two minutes of sound.
fn two_minutes() -> Vec<u8> {
    // A loop, because music takes longer to make than to measure.
    let mut planes = testkit::music(44_100, 10.0, 1);
    for plane in &mut planes {
        *plane = plane.repeat(12);
    }
    testkit::wav(44_100, &planes, Encoding::Int16)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some minutes: make bench-load"]
#[expect(clippy::print_stdout, reason = "whoever runs it reads the figures")]
async fn uploads_are_measured_nearly_as_fast_as_the_engine_measures() {
    const FILES: usize = 16;
    let installation = installation(Database::Sqlite).await;
    let program = installation.start(&[]);
    installation.is_ready().await;
    let ann = installation.signed_up("ann@example.org").await;
    let db = db_of(&installation);
    db.execute(sql("UPDATE account SET plan = 'studio'"))
        .await
        .unwrap();
    let bytes = two_minutes();
    let cores = std::thread::available_parallelism().unwrap().get();
    let (mut alone, mut whole) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=3 {
        let began = Instant::now();
        let measuring = (0..cores).map(|core| {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || {
                for _ in (core..FILES).step_by(cores) {
                    measure(
                        Cursor::new(bytes.clone()),
                        &AnalysisOptions::default(),
                        &mut |_| {},
                    )
                    .unwrap();
                }
            })
        });
        for measured in join_all(measuring).await {
            measured.unwrap();
        }
        alone += began.elapsed();

        let began = Instant::now();
        // As two browsers send them.
        join_all((0..2).map(async |browser| {
            for file in (browser..FILES).step_by(2) {
                ann.upload(&format!("{round} {file}.wav"), bytes.clone()).await;
            }
        }))
        .await;
        let expected = i64::try_from(round * FILES).unwrap();
        while count(&db, "SELECT COUNT(*) FROM analysis WHERE state = 'done'").await < expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        whole += began.elapsed();
    }
    let ratio = alone.as_secs_f64() / whole.as_secs_f64();
    let a_minute = |time: Duration| (3 * FILES) as f64 / time.as_secs_f64() * 60.0;
    println!(
        "{:.0} files of two minutes a minute uploaded and measured, {ratio:.2} of the {:.0} of the engine alone",
        a_minute(whole),
        a_minute(alone)
    );
    drop(program);
    drop(db);
    installation.remove().await;
    assert!(ratio >= LEAST_OF_THE_ENGINE, "{ratio:.2}");
}

/// What a process has allocated and touched, in MB: without its code, of which the kernel keeps what was used lately.
fn allocated_mb(program: &Program) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    let kb: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kb / 1e3
}

/// Looks at pages, and uploads and deletes, until then.
async fn use_it(person: &Person, until: Instant) -> (u32, u32) {
    let (mut views, mut uploads) = (0, 0);
    while Instant::now() < until {
        let uploaded = person.upload("Night drive.wav", mix()).await;
        uploads += 1;
        let report = format!("/analyses/{}", uploaded.analysis);
        for _ in 0..10 {
            for path in ["/", "/history", "/history?q=night", &report] {
                assert_eq!(person.get(path).await.status, StatusCode::OK);
                views += 1;
            }
        }
        if uploads % 2 == 0 {
            let deleted = person.post(&format!("{report}/delete"), &[]).await;
            assert_eq!(deleted.status, StatusCode::SEE_OTHER);
        }
    }
    (views, uploads)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten minutes: make bench-load"]
#[expect(clippy::print_stdout, reason = "whoever runs it reads the figures")]
async fn no_process_grows_in_ten_minutes_of_load() {
    const ROLES: [&str; 3] = ["web", "worker", "beat"];
    let mut installation = installation(Database::Postgres).await;
    // As everything in `deploy/` and the Dockerfile set it.
    installation.settings.push(("MALLOC_ARENA_MAX", "2".to_owned()));
    let programs = ROLES.map(|role| installation.start(&[role]));
    installation.is_ready().await;
    let (mut people, db) = (Vec::new(), db_of(&installation));
    for number in 0..4 {
        people.push(
            installation
                .signed_up(&format!("person-{number}@example.org"))
                .await,
        );
    }
    db.execute(sql("UPDATE account SET plan = 'studio'"))
        .await
        .unwrap();
    let began = Instant::now();
    let until = began + Duration::from_secs(600);
    let mut seen: [Vec<f64>; 3] = Default::default();
    let watching = async {
        while Instant::now() < until {
            for (seen, program) in seen.iter_mut().zip(&programs) {
                seen.push(allocated_mb(program));
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    let (done, ()) = tokio::join!(
        join_all(people.iter().map(|person| use_it(person, until))),
        watching
    );
    let (views, uploads) = done
        .into_iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{views} views of pages and {uploads} uploads in ten minutes:");
    let mut grew = Vec::new();
    for (role, seen) in ROLES.iter().zip(&seen) {
        // Caches and allocators fill in the beginning.
        let middle = |from: usize, to: usize| {
            let mut part = seen[seen.len() * from / 10..seen.len() * to / 10].to_vec();
            part.sort_by(f64::total_cmp);
            part[part.len() / 2]
        };
        let minutes: Vec<String> = (0..10)
            .map(|minute| format!("{:.0}", middle(minute, minute + 1)))
            .collect();
        println!("{role}: {} MB, minute by minute", minutes.join(", "));
        let (early, late) = (middle(2, 5), middle(8, 10));
        if late > 1.1 * early + 2.0 {
            grew.push(format!("{role} from {early:.0} to {late:.0} MB"));
        }
    }
    drop(programs);
    drop(db);
    installation.remove().await;
    assert!(grew.is_empty(), "{grew:?}");
}
