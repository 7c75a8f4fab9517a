//! The real program: with nothing configured, as separate roles, ended and killed.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use analysis::testkit::{self, Encoding};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use backend::db::{Db, contract::Scratch, sql};
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use model::{
    AnalysisId,
    analysis::{AnalysisState, Progress},
};

use crate::{
    renders::faulty,
    support::{Database, Person, built_site, fetch, mix, on_both_databases, sign_up_form, token_of},
};

/// For whatever takes a moment on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One installation: a folder, a port, a database, and the programs that run on them.
pub struct Installation {
    pub folder: tempfile::TempDir,
    pub scratch: Option<Scratch>,
    pub listen: String,
    /// Further `MIXLENS_…` variables.
    pub settings: Vec<(&'static str, String)>,
}

impl Installation {
    /// `None`: as the program is when nothing is configured.
    pub async fn on(database: Option<Database>) -> Self {
        let scratch = match database {
            Some(Database::Sqlite) => Some(Scratch::sqlite().await),
            Some(Database::Postgres) => Some(Scratch::postgres().await),
            None => None,
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            scratch,
            listen: listener.local_addr().unwrap().to_string(),
            settings: Vec::new(),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Starts the program with `arguments`; it works in the installation's folder, where `data` appears.
    pub fn start(&self, arguments: &[&str]) -> Program {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(log);
        Program(command.spawn().unwrap())
    }

    /// Starts the program as a container with a read-only root does: it can write to `data` and to a folder for temporary files, and
    /// nowhere else.
    fn start_read_only(&self) -> Program {
        const MOUNT: &str = r#"
            mkdir data tmp
            mount --bind . . && cd "$PWD"
            mount --bind data data
            mount --bind tmp tmp
            mount -o remount,bind,ro .
            mount -o remount,bind,ro /
            if touch /written written 2>&1; then exit 1; fi
            export TMPDIR="$PWD/tmp"
            exec "$0""#;
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "bash", "-euc", MOUNT, env!("CARGO_BIN_EXE_mixlens")]);
        self.prepare(&mut command);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.stdout(Stdio::null()).stderr(log);
        Program(command.spawn().unwrap())
    }

    /// What the program prints, run to its end.
    pub fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command(arguments).output().unwrap()
    }

    /// What a shell prints that runs these commands, as an operator does, to its end.
    pub fn shell(&self, commands: &str, variables: &[(&str, &str)]) -> std::process::Output {
        let mixlens = Path::new(env!("CARGO_BIN_EXE_mixlens")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(
            [mixlens.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&path)),
        );
        let mut command = Command::new("bash");
        command.args(["-euc", commands]);
        self.prepare(&mut command);
        command.env("PATH", path.unwrap()).envs(variables.iter().copied());
        command.output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mixlens"));
        command.args(arguments);
        self.prepare(&mut command);
        command
    }

    /// In the installation's folder, with its settings and nothing else.
    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("MIXLENS_LISTEN", &self.listen)
            .env("MIXLENS_SITE_DIR", built_site(self.folder.path()))
            .env("MIXLENS_WORKER__LEASE_SECONDS", "2")
            .env("MIXLENS_DEMO_AT_START", "false")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(scratch) = &self.scratch {
            command.env("MIXLENS_DATABASE_URL", &scratch.url);
        }
    }

    /// Waits until it serves people.
    pub async fn is_ready(&self) {
        self.answers("/readyz").await;
    }

    /// Waits until it answers at all.
    pub async fn lives(&self) {
        self.answers("/healthz").await;
    }

    async fn answers(&self, path: &str) {
        let visitor = Person::visiting(&self.url());
        eventually(path, async || {
            let listens = tokio::net::TcpStream::connect(&self.listen).await.is_ok();
            (listens && visitor.get(path).await.status == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Somebody who has signed up, by the email that a worker wrote into a file.
    pub async fn signed_up(&self, email: &str) -> Person {
        let person = Person::visiting(&self.url());
        let sent = person.post("/signup", &sign_up_form(email)).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
        let token = eventually("the email is written", async || email_to(&self.data(), email)).await;
        let confirmed = person.post("/signup/confirm", &[("token", &token)]).await;
        assert_eq!(confirmed.status, StatusCode::SEE_OTHER, "{}", confirmed.text());
        person
    }

    pub async fn remove(self) {
        if let Some(scratch) = self.scratch {
            scratch.remove().await;
        }
    }
}

/// A process, killed when it is dropped.
pub struct Program(Child);

impl Program {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Keeps all its threads, and those to come, on one core.
    pub fn stays_on_core(&self, core: usize) {
        let (core, id) = (core.to_string(), self.0.id().to_string());
        let arguments = ["--all-tasks", "--cpu-list", "--pid", &core, &id];
        let mut pinned = Command::new("taskset");
        assert!(
            pinned
                .args(arguments)
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    pub fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    pub async fn ends(&mut self) -> ExitStatus {
        eventually("the program ends", async || self.0.try_wait().unwrap()).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn email_to(data: &Path, email: &str) -> Option<String> {
    let emails = std::fs::read_dir(data.join("mail")).ok()?;
    emails
        .filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok())
        .find(|text| text.contains(&format!("To: {email}")) && text.contains("Subject: Confirm"))
        // Quoted-printable breaks lines and writes `=` as `=3D`.
        .map(|email| token_of(&email.replace("=\r\n", "").replace("=3D", "=")))
}

pub async fn progress(person: &Person, id: AnalysisId) -> Progress {
    person.get(&format!("/fn/analyses/progress?id={id}")).await.json()
}

pub async fn is_measured(person: &Person, id: AnalysisId) {
    let state = eventually("the analysis has ended", async || {
        let progress = progress(person, id).await;
        progress.state.is_final().then_some(progress.state)
    })
    .await;
    assert_eq!(state, AnalysisState::Done);
    let page = person.get(&format!("/analyses/{id}")).await;
    assert!(page.text().contains("LUFS"));
}

/// Long enough that it is still being measured when somebody looks.
pub fn long_mix() -> Vec<u8> {
    // A loop, because music takes longer to make than to measure; so long that an idle machine is seen at work, and sent as one piece.
    let mut planes = testkit::music(44_100, 10.0, 1);
    for plane in &mut planes {
        *plane = plane.repeat(45);
    }
    testkit::wav(44_100, &planes, Encoding::Int16)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_configured_a_person_gets_a_report_and_sigterm_ends_with_0() {
    let installation = Installation::on(None).await;
    let mut program = installation.start(&[]);
    installation.is_ready().await;
    let ann = installation.signed_up("ann@example.org").await;
    let uploaded = ann.upload("first.wav", mix()).await;
    is_measured(&ann, uploaded.analysis).await;
    assert!(installation.data().join("mixlens.sqlite").is_file());

    program.signal("-TERM");
    assert!(program.ends().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_read_only_root_it_measures_renders_and_exports() {
    let installation = Installation::on(None).await;
    let program = installation.start_read_only();
    installation.is_ready().await;
    let ann = installation.signed_up("ann@example.org").await;
    let id = ann.upload("first.wav", faulty()).await.analysis;
    is_measured(&ann, id).await;
    let started = ann.post(&format!("/analyses/{id}/plan"), &[]).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text());
    let page = started.header("location").to_owned();
    let file = eventually("the render is there", async || {
        let file = ann.get(&format!("{page}/file")).await;
        (file.status == StatusCode::TEMPORARY_REDIRECT).then_some(file)
    })
    .await;
    let rendered = fetch(Method::GET, file.header("location"), &[], Vec::new()).await;
    assert_eq!(rendered.status, StatusCode::OK);
    // An archive is put together in a temporary file.
    let asked = ann.post("/account/privacy/export", &[]).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.text());
    eventually("the export is there", async || {
        let page = ann.get("/account/privacy").await.text();
        page.contains("/account/privacy/exports/").then_some(())
    })
    .await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_running_analysis_finish() {
    let installation = Installation::on(None).await;
    let mut program = installation.start(&[]);
    installation.is_ready().await;
    let ann = installation.signed_up("ann@example.org").await;
    let uploaded = ann.upload("long.wav", long_mix()).await;
    eventually("the analysis runs", async || {
        (progress(&ann, uploaded.analysis).await.state == AnalysisState::Running).then_some(())
    })
    .await;
    program.signal("-TERM");
    assert!(program.ends().await.success());

    let database = format!("sqlite:{}", installation.data().join("mixlens.sqlite").display());
    let db = Db::connect(&database, 1).await.unwrap();
    let jobs: Vec<(String, i64)> = db
        .all(sql(
            "SELECT state, attempts FROM job WHERE kind = 'analyse_upload'",
        ))
        .await
        .unwrap();
    assert_eq!(jobs, [("done".to_owned(), 1)], "it was finished, not given back");
}

/// As a proxy does it: it asks each process every moment whether it is ready, keeps connections, and repeats nothing.
struct Upstream {
    url: String,
    is_ready: AtomicBool,
}

impl Upstream {
    async fn watch(&self) {
        loop {
            let answer = asked(
                &Client::builder(TokioExecutor::new()).build_http(),
                &self.url,
                "/readyz",
            )
            .await;
            let is_ready = matches!(answer, Ok(200));
            self.is_ready.store(is_ready, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn asked(
    client: &Client<HttpConnector, Body>,
    url: &str,
    path: &str,
) -> Result<u16, hyper_util::client::legacy::Error> {
    let request = Request::get(format!("{url}{path}")).body(Body::empty()).unwrap();
    let response = client.request(request).await?;
    let status = response.status().as_u16();
    // A connection is used again once its answer was read.
    let _ = response.into_body().collect().await;
    Ok(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_no_request_is_lost_when_one_of_two_processes_ends() {
    let mut installation = Installation::on(None).await;
    installation.settings = [
        ("MIXLENS_ENVIRONMENT", "production"),
        ("MIXLENS_BASE_URL", "https://mixlens.test"),
        ("MIXLENS_SECRET_KEY", "a-secret-of-at-least-thirty-two-characters"),
        ("MIXLENS_TRUSTED_HOPS", "1"),
        ("MIXLENS_MAIL__SMTP_URL", "smtps://user:password@127.0.0.1:9"),
        ("MIXLENS_MAIL__FROM", "MixLens <no-reply@mixlens.test>"),
        ("MIXLENS_CONTACT_EMAIL", "hello@mixlens.test"),
        ("MIXLENS_PRIVACY_EMAIL", "privacy@mixlens.test"),
        ("MIXLENS_SECURITY_EMAIL", "security@mixlens.test"),
        ("MIXLENS_LIMITS__REQUESTS_PER_MINUTE", "1000000"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    let other = Installation::on(None).await;
    let mut first = installation.start(&["web"]);
    installation.is_ready().await;
    let _second = installation.start(&["web", "--set", &format!("listen={}", other.listen)]);
    other.is_ready().await;

    let upstreams = [installation.url(), other.url()].map(|url| Upstream {
        url,
        is_ready: AtomicBool::new(true),
    });
    let (ended, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let client: Client<_, Body> = Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build_http();
    let people = futures::future::join_all((0..8).map(|person| {
        let (upstreams, ended, answered, client) = (&upstreams, &ended, &answered, &client);
        let installation = &installation;
        async move {
            for turn in person.. {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let ready = |upstream: &&Upstream| upstream.is_ready.load(Ordering::SeqCst);
                let upstream = upstreams.iter().cycle().skip(turn % 2).find(ready).unwrap();
                let status = asked(client, &upstream.url, "/signin").await;
                assert_eq!(status.unwrap(), 200, "{}", installation.log());
                answered.fetch_add(1, Ordering::SeqCst);
            }
        }
    }));
    let ending = async {
        eventually("both are under load", async || {
            (answered.load(Ordering::SeqCst) > 50).then_some(())
        })
        .await;
        first.signal("-TERM");
        assert!(first.ends().await.success());
        let before = answered.load(Ordering::SeqCst);
        eventually("the other one goes on", async || {
            (answered.load(Ordering::SeqCst) > before + 20).then_some(())
        })
        .await;
        ended.store(true, Ordering::SeqCst);
    };
    let load = async { tokio::join!(people, ending) };
    tokio::select! {
        _ = load => {}
        _ = upstreams[0].watch() => {}
        _ = upstreams[1].watch() => {}
    }
}

/// What a process had in memory at most, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(program: &Program) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.0.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Each of them takes 19 MiB.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn passwords_that_are_tried_at_once_take_the_memory_of_a_few() {
    const AT_ONCE: usize = 40;
    let mut installation = Installation::on(None).await;
    installation.settings = vec![("MIXLENS_LIMITS__SIGN_INS_PER_MINUTE", "1000".to_owned())];
    let program = installation.start(&["web"]);
    installation.is_ready().await;
    let visitor = Person::visiting(&installation.url());
    let try_in = async |number: usize| {
        let email = format!("person-{number}@example.org");
        let form = [("email", email.as_str()), ("password", "copper lantern valley 9")];
        visitor.post("/signin", &form).await.status
    };
    try_in(0).await;
    let before = peak_kib(&program);
    let answers = futures::future::join_all((1..=AT_ONCE).map(try_in)).await;
    assert!(
        answers
            .iter()
            .all(|status| *status == StatusCode::UNPROCESSABLE_ENTITY),
        "{answers:?}"
    );
    let cores = std::thread::available_parallelism().unwrap().get();
    // 19 MB for each estimate, and the code of a debug build, which counts from when it is first run.
    let (grown, bound) = (peak_kib(&program) - before, (cores * 19 + 160) * 1024);
    assert!(
        grown < bound.min(AT_ONCE * 15 * 1024),
        "{grown} KiB, allowed {bound}"
    );
}

on_both_databases! {
    async fn a_worker_killed_in_the_middle_loses_nothing_and_there_is_one_report(database) {
        let installation = Installation::on(Some(database)).await;
        let _web = installation.start(&["web"]);
        installation.is_ready().await;
        let _beat = installation.start(&["beat"]);
        let mut worker = installation.start(&["worker"]);
        let ann = installation.signed_up("ann@example.org").await;
        let uploaded = ann.upload("long.wav", long_mix()).await;
        eventually("the analysis runs", async || {
            let progress = progress(&ann, uploaded.analysis).await;
            assert_ne!(progress.state, AnalysisState::Done, "the mix is too short for this test");
            (progress.state == AnalysisState::Running && progress.percent > 20).then_some(())
        })
        .await;
        worker.signal("-KILL");
        assert!(!worker.ends().await.success());

        let _another = installation.start(&["worker"]);
        is_measured(&ann, uploaded.analysis).await;
        let scratch = installation.scratch.as_ref().unwrap();
        let jobs: Vec<(String, i64)> = scratch
            .db
            .all(sql("SELECT state, attempts + 10 * deaths FROM job WHERE kind = 'analyse_upload'"))
            .await
            .unwrap();
        assert_eq!(jobs, [("done".to_owned(), 11)], "one attempt, one death");
        let reports: Vec<(i64,)> = scratch
            .db
            .all(sql("SELECT COUNT(*) FROM analysis WHERE report IS NOT NULL"))
            .await
            .unwrap();
        assert_eq!(reports, [(1,)]);

        let log = installation.log();
        assert!(log.contains("request{id="), "requests have ids");
        for secret in ["ann@example.org", "long.wav", "token=", "X-Amz", "__Host-session"] {
            assert!(!log.contains(secret), "p25: the log holds {secret}");
        }
        drop((_web, _beat, _another));
        installation.remove().await;
    }
}

#[test]
fn p30_the_effective_settings_are_printed_without_secrets() {
    let output = Command::new(env!("CARGO_BIN_EXE_mixlens"))
        .arg("config")
        .env_clear()
        .env(
            "MIXLENS_SECRET_KEY",
            "a-secret-that-nobody-may-read-in-a-terminal",
        )
        .env("MIXLENS_MAIL__SMTP_URL", "smtps://user:hunter2@mail.example")
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("listen"), "{text}");
    assert!(
        !text.contains("nobody-may-read") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn production_refuses_what_is_only_safe_on_ones_own_machine() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mixlens"))
        .current_dir(folder.path())
        .env_clear()
        .env("MIXLENS_ENVIRONMENT", "production")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    for setting in [
        "base_url",
        "secret_key",
        "mail.smtp_url",
        "trusted_hops",
        "security_email",
    ] {
        assert!(text.contains(setting), "{setting} is not named: {text}");
    }
}
