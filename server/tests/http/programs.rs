//! The real program: with nothing configured, as separate roles, ended and killed.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use analysis::testkit::{self, Encoding};
use axum::http::StatusCode;
use backend::db::{Db, contract::Scratch, sql};
use model::{
    AnalysisId,
    analysis::{AnalysisState, Progress},
};

use crate::support::{Database, Person, built_site, mix, on_both_databases, sign_up_form, token_of};

/// For whatever takes a moment on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One installation: a folder, a port, a database, and the programs that run on them.
pub struct Installation {
    pub folder: tempfile::TempDir,
    pub scratch: Option<Scratch>,
    listen: String,
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

    /// What the program prints, run to its end.
    pub fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mixlens"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("MIXLENS_LISTEN", &self.listen)
            .env("MIXLENS_SITE_DIR", built_site(self.folder.path()))
            .env("MIXLENS_WORKER__LEASE_SECONDS", "2")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(scratch) = &self.scratch {
            command.env("MIXLENS_DATABASE_URL", &scratch.url);
        }
        command
    }

    pub async fn is_ready(&self) {
        let visitor = Person::visiting(&self.url());
        eventually("the program is ready", async || {
            let listens = tokio::net::TcpStream::connect(&self.listen).await.is_ok();
            (listens && visitor.get("/readyz").await.status == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Somebody who has signed up, by the letter that a worker wrote into a file.
    pub async fn signed_up(&self, email: &str) -> Person {
        let person = Person::visiting(&self.url());
        let sent = person.post("/signup", &sign_up_form(email)).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
        let token = eventually("the letter is written", async || email_to(&self.data(), email)).await;
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

async fn progress(person: &Person, id: AnalysisId) -> Progress {
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
fn long_mix() -> Vec<u8> {
    testkit::wav(44_100, &testkit::music(44_100, 400.0, 1), Encoding::Int16)
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
