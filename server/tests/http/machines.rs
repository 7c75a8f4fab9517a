//! Several processes of each role, as on several machines: with Redis, without it, and while it comes and goes.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use backend::db::{Db, record, sql};
use model::{
    AnalysisId,
    analysis::{AnalysisState, Progress},
};

use crate::{
    programs::{Installation, Program, eventually, is_measured, long_mix, progress},
    support::{
        Database, Person, fetch, mix, object_store::ObjectStore, on_both_databases, redis_server::RedisServer,
    },
};

/// Two web processes, two workers and a beat on one PostgreSQL and one S3.
pub struct Machines {
    pub installation: Installation,
    /// The address of the second web process, and of its figures.
    other: String,
    figures: String,
    /// In that order, each with its arguments.
    running: Vec<(Vec<String>, Program)>,
    pub store: ObjectStore,
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

impl Machines {
    pub async fn start(settings: Vec<(&'static str, String)>) -> Self {
        let store = ObjectStore::start().await;
        let mut installation = Installation::on(Some(Database::Postgres)).await;
        installation.settings = store.settings();
        installation.settings.extend(settings);
        let (other, figures) = (free_address(), free_address());
        let listen = format!("listen={other}");
        let shown = format!("metrics_listen={figures}");
        let mut running = Vec::new();
        for arguments in [
            &["web"][..],
            &["web", "--set", &listen, "--set", &shown],
            &["worker"],
            &["worker"],
            &["beat"],
        ] {
            let program = installation.start(arguments);
            running.push((
                arguments.iter().map(|&argument| argument.to_owned()).collect(),
                program,
            ));
            if running.len() == 1 {
                installation.is_ready().await;
            }
        }
        let machines = Self {
            other: format!("http://{other}"),
            figures: format!("http://{figures}/metrics"),
            installation,
            running,
            store,
        };
        eventually("the second web process is ready", async || {
            let listens = tokio::net::TcpStream::connect(&other).await.is_ok();
            (listens && machines.at_other("/readyz", &[]).await.status == StatusCode::OK).then_some(())
        })
        .await;
        machines
    }

    async fn at_other(&self, path: &str, headers: &[(&str, &str)]) -> crate::support::Answer {
        fetch(Method::GET, &format!("{}{path}", self.other), headers, Vec::new()).await
    }

    /// Waits until the second web process knows whether Redis is there.
    async fn sees_redis(&self, is_up: bool) {
        let line = format!("\nmixlens_redis_up {}\n", u8::from(is_up));
        eventually("the process sees Redis", async || {
            let figures = fetch(Method::GET, &self.figures, &[], Vec::new()).await.text();
            figures.contains(&line).then_some(())
        })
        .await;
    }

    /// The steps of an analysis, as the second web process tells them to a page of the first.
    async fn followed(&self, person: &Person, id: AnalysisId) -> Vec<Progress> {
        let cookies = person.cookie_header();
        let headers = [("accept", "text/event-stream"), ("cookie", cookies.as_str())];
        let answer = self
            .at_other(&format!("/fn/analyses/progress?id={id}"), &headers)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "text/event-stream");
        answer
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    /// How many of `count` sign-ins, at the two web processes in turn, are looked at.
    async fn looked_at(&self, count: usize) -> usize {
        let (here, there) = (
            Person::visiting(&self.installation.url()),
            Person::visiting(&self.other),
        );
        let mut looked_at = 0;
        for number in 0..count {
            let person = if number % 2 == 0 { &here } else { &there };
            let email = format!("nobody-{number}@example.org");
            let form = [("email", email.as_str()), ("password", "copper lantern valley 9")];
            match person.post("/signin", &form).await.status {
                StatusCode::UNPROCESSABLE_ENTITY => looked_at += 1,
                status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
            }
        }
        looked_at
    }

    /// Kills one and starts it again.
    pub async fn kill(&mut self, at: usize) {
        let (arguments, program) = &mut self.running[at];
        program.signal("-KILL");
        program.ends().await;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        *program = self.installation.start(&arguments);
    }

    pub async fn end(self) {
        drop(self.running);
        self.installation.remove().await;
    }
}

fn check_steps(steps: &[Progress]) {
    assert_eq!(steps.last().unwrap().state, AnalysisState::Done, "{steps:?}");
    assert!(
        steps
            .windows(2)
            .all(|two| two[0].percent <= two[1].percent && two[0] != two[1]),
        "{steps:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_of_each_process_share_hints_and_rates_through_redis_and_go_on_while_it_is_away() {
    let mut redis = RedisServer::start().await;
    let machines = Machines::start(vec![
        ("MIXLENS_REDIS_URL", redis.url()),
        // A machine that tests keep busy answers late, and is not away.
        ("MIXLENS_REDIS_MILLISECONDS", "1000".to_owned()),
        ("MIXLENS_LIMITS__SIGN_INS_PER_MINUTE", "6".to_owned()),
    ])
    .await;
    let installation = &machines.installation;
    machines.sees_redis(true).await;
    let ann = installation.signed_up("ann@example.org").await;

    // Turns are five seconds long while Redis answers, so that more steps than turns were hints of a worker.
    let uploaded = ann.upload("long.wav", long_mix()).await;
    let began = Instant::now();
    let steps = machines.followed(&ann, uploaded.analysis).await;
    check_steps(&steps);
    let turns = usize::try_from(began.elapsed().as_secs() / 5).unwrap();
    assert!(steps.len() > turns + 3, "{} steps in {turns} turns", steps.len());

    assert_eq!(machines.looked_at(10).await, 6, "both count as one");
    let keys = redis.cli(&["keys", "*"]);
    assert!(keys.lines().count() > 1, "{keys}");
    for key in keys.lines() {
        assert!(key.contains(":rate:") && !key.contains("127.0.0.1"), "p11: {key}");
        let left: i64 = redis.cli(&["pttl", key]).trim().parse().unwrap();
        assert!(
            (-2..=3_600_000).contains(&left) && left != -1,
            "{key} expires in {left} ms"
        );
    }

    // It goes in the middle of an analysis.
    let uploaded = ann.upload("longer.wav", long_mix()).await;
    eventually("the analysis runs", async || {
        (progress(&ann, uploaded.analysis).await.state == AnalysisState::Running).then_some(())
    })
    .await;
    redis.take_away();
    let steps = machines.followed(&ann, uploaded.analysis).await;
    check_steps(&steps);
    machines.sees_redis(false).await;
    for path in ["/readyz", "/signin"] {
        assert_eq!(
            machines.at_other(path, &[]).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
    assert_eq!(machines.looked_at(14).await, 12, "each counts by itself");

    redis.give_back().await;
    machines.sees_redis(true).await;
    assert_eq!(machines.looked_at(10).await, 6, "and both as one again");

    // It is there and says nothing: nobody waits for it for long.
    redis.freeze();
    let began = Instant::now();
    assert_eq!(machines.at_other("/signin", &[]).await.status, StatusCode::OK);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    machines.sees_redis(false).await;
    redis.thaw();
    machines.sees_redis(true).await;
    let uploaded = ann.upload("last.wav", mix()).await;
    is_measured(&ann, uploaded.analysis).await;
    let db = &installation.scratch.as_ref().unwrap().db;
    let attempts: Vec<(i64,)> = db
        .all(sql(
            "SELECT attempts + deaths FROM job WHERE kind = 'analyse_upload'",
        ))
        .await
        .unwrap();
    assert_eq!(attempts, [(1,); 3], "no work was done twice");
    machines.end().await;
}

/// SQLite says nothing of new work, and a worker looks once a second.
#[tokio::test(flavor = "multi_thread")]
async fn work_is_heard_of_through_redis_where_the_database_says_nothing() {
    let redis = RedisServer::start().await;
    let mut installation = Installation::on(Some(Database::Sqlite)).await;
    installation.settings = vec![("MIXLENS_REDIS_URL", redis.url())];
    let _web = installation.start(&["web"]);
    let _worker = installation.start(&["worker"]);
    installation.is_ready().await;
    let db = &installation.scratch.as_ref().unwrap().db;
    let waits =
        "SELECT claimed_at - created_at FROM job WHERE kind = 'mail_sign_up' AND claimed_at IS NOT NULL";
    for number in 0..9 {
        installation
            .signed_up(&format!("person-{number}@example.org"))
            .await;
        // The worker looks once more when a job has ended; what is enqueued after that has to be heard of.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut waited: Vec<i64> = db
        .all::<(i64,)>(sql(waits))
        .await
        .unwrap()
        .into_iter()
        .map(|(wait,)| wait)
        .collect();
    waited.sort_unstable();
    assert_eq!(waited.len(), 9);
    assert!(
        waited[4] < 200,
        "half of them within {} ms: {waited:?}",
        waited[4]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_followed_ends_with_its_process_and_the_next_one_goes_on() {
    let installation = Installation::on(Some(Database::Postgres)).await;
    let mut web = installation.start(&["web"]);
    installation.is_ready().await;
    let worker = installation.start(&["worker"]);
    let ann = installation.signed_up("ann@example.org").await;
    drop(worker);
    let uploaded = ann.upload("waits.wav", mix()).await;
    let cookies = ann.cookie_header();
    let url = format!(
        "{}/fn/analyses/progress?id={}",
        installation.url(),
        uploaded.analysis
    );
    let events = [("accept", "text/event-stream"), ("cookie", cookies.as_str())];
    let follow = async || fetch(Method::GET, &url, &events, Vec::new()).await;
    let began = Instant::now();
    let (followed, ended) = tokio::join!(follow(), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        web.signal("-TERM");
        web.ends().await
    });
    assert!(ended.success(), "nothing was cut: {}", installation.log());
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "nobody waits for whoever follows"
    );
    assert!(followed.text().contains("\"queued\""), "{}", followed.text());
    // Who may not see it is told so as ever.
    let _web = installation.start(&["web"]);
    let _worker = installation.start(&["worker"]);
    installation.is_ready().await;
    let anybody = fetch(Method::GET, &url, &[("accept", "text/event-stream")], Vec::new()).await;
    assert_eq!(anybody.status, StatusCode::UNAUTHORIZED);
    assert!(follow().await.text().contains("\"done\""));
    drop((_web, _worker));
    installation.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_processes_that_meet_an_empty_postgresql_one_makes_the_schema() {
    let installation = Installation::on(Some(Database::Postgres)).await;
    let scratch = installation.scratch.as_ref().unwrap();
    scratch.empty().await;
    let mut started: Vec<Program> = (0..6).map(|_| installation.start(&["migrate"])).collect();
    for program in &mut started {
        assert!(program.ends().await.success(), "{}", installation.log());
    }
    // The connections of before were cut off with the database that they were to.
    let db = Db::connect(&scratch.url, 1).await.unwrap();
    let steps: Vec<(i64, bool)> = db
        .all(sql(
            "SELECT version, success FROM _sqlx_migrations ORDER BY version",
        ))
        .await
        .unwrap();
    db.close().await;
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations")).unwrap();
    let files = files.filter(|file| {
        let path = file.as_ref().unwrap().path();
        path.extension().is_some_and(|end| end == "sql")
    });
    assert_eq!(steps.len(), files.count());
    assert!(steps.iter().all(|(_, success)| *success));
    installation.remove().await;
}

on_both_databases! {
    /// As those of the version before do, while the ones of the new version start beside them.
    async fn a_process_goes_on_beside_a_schema_that_has_grown(database) {
        let installation = Installation::on(Some(database)).await;
        let _all = installation.start(&[]);
        installation.is_ready().await;
        let ann = installation.signed_up("ann@example.org").await;
        let before = ann.upload("before.wav", mix()).await;
        is_measured(&ann, before.analysis).await;
        let db = &installation.scratch.as_ref().unwrap().db;
        for table in record::schema(db).await.unwrap().into_keys() {
            let alter = format!("ALTER TABLE \"{table}\" ADD COLUMN grown_since BIGINT");
            db.execute(sql(String::leak(alter))).await.unwrap();
        }
        db.execute(sql("CREATE TABLE grown_since (id TEXT NOT NULL PRIMARY KEY)")).await.unwrap();
        let bob = installation.signed_up("bob@example.org").await;
        let after = bob.upload("after.wav", mix()).await;
        is_measured(&bob, after.analysis).await;
        for (person, path) in [(&ann, format!("/analyses/{}", before.analysis)), (&bob, "/history".to_owned()), (&bob, "/account".to_owned())] {
            assert_eq!(person.get(&path).await.status, StatusCode::OK, "{path}");
        }
        let deleted = bob.post(&format!("/analyses/{}/delete", after.analysis), &[]).await;
        assert_eq!(deleted.status, StatusCode::SEE_OTHER);
        drop(_all);
        installation.remove().await;
    }
}
