//! The fixture: an application, and people with a browser's cookies who use it.
//!
//! Pages and forms go to the router in this process. The object store needs a real address, because presigned URLs carry
//! one and the worker reads from it: the same router also listens on a port of its own.

pub mod hooks;
mod log;
pub mod mail_server;
pub mod object_store;
mod person;
pub mod program;
pub mod receiver;
pub mod redis_server;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use analysis::testkit::{self, Encoding};
use axum::{Router, http::StatusCode};
use backend::{
    Backend,
    clock::{Clock as _, ManualClock, SystemClock},
    config::{Config, Sources},
    db::{
        Db,
        contract::Scratch,
        record::{self, Record},
        sql,
    },
    entropy::SeededEntropy,
    jobs,
    mail::{self, StoredEmail},
    password::Hasher,
    work,
};
use server::{
    health::Readiness,
    router::{self, AppState},
    setup,
};

pub use self::{
    log::log_so_far,
    person::{Answer, Person, Uploaded, fetch, put, put_json},
};

/// Good enough for the password rules.
pub const PASSWORD: &str = "quartz-lagoon-7-thimble-ember";

/// Which database a test runs on.
#[derive(Debug, Clone, Copy)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// Makes one test into two, one for each database.
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn run($database: Database) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                run(Database::Sqlite).await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                run(Database::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_both_databases;

/// The application. Dropping it fails the test if a job is left over.
pub struct TestApp {
    pub backend: Backend,
    /// The time of the application. Presigned URLs live by the real one.
    pub clock: Arc<ManualClock>,
    pub readiness: Readiness,
    pub url: String,
    router: Router,
    scratch: Option<Scratch>,
    listening: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl TestApp {
    /// On SQLite.
    pub async fn init() -> Self {
        Self::on(Database::Sqlite).await
    }

    pub async fn on(database: Database) -> Self {
        Self::set_up(database, &[], |_| {}).await
    }

    /// With further settings (name, value), and with parts of the backend replaced.
    pub async fn set_up(
        database: Database,
        settings: &[(&str, &str)],
        replace: impl FnOnce(&mut Backend),
    ) -> Self {
        let scratch = match database {
            Database::Sqlite => Scratch::sqlite().await,
            Database::Postgres => Scratch::postgres().await,
        };
        let folder = tempfile::tempdir().unwrap();
        let site = built_site(folder.path());

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap().to_string();
        let set = |name: &str, value: String| (name.to_owned(), value);
        let mut flags = vec![
            set("listen", listen.clone()),
            set("data_dir", folder.path().join("data").display().to_string()),
            set("site_dir", site.display().to_string()),
            set("database_url", scratch.url.clone()),
        ];
        flags.extend(
            settings
                .iter()
                .map(|(name, value)| set(name, (*value).to_owned())),
        );
        let config = Config::load(Sources {
            file: None,
            variables: std::collections::HashMap::new(),
            flags,
        })
        .unwrap();

        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let mut parts = setup::parts(config).await.unwrap();
        parts.backend.clock = clock.clone();
        parts.backend.entropy = Arc::new(SeededEntropy::new(7));
        parts.backend.hasher = Hasher::cheap();
        parts.backend.sandbox.program = env!("CARGO_BIN_EXE_mixlens").into();
        replace(&mut parts.backend);
        let backend = parts.backend.clone();
        let readiness = Readiness::new();
        let router = router::build(AppState::new(parts, readiness.clone()).unwrap());
        let served = router.clone();
        let listening = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        Self {
            backend,
            clock,
            readiness,
            url: format!("http://{listen}"),
            router,
            scratch: Some(scratch),
            listening,
            _folder: folder,
        }
    }

    /// The application, somebody who is not signed in, and somebody who is.
    pub async fn with_user(self) -> (Self, Person, Person) {
        let user = self.signed_up("ann@example.org").await;
        let anon = self.anon();
        (self, anon, user)
    }

    /// What answers requests.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// A fresh browser.
    pub fn anon(&self) -> Person {
        Person::in_process(self.router.clone(), &self.url)
    }

    /// Somebody who has signed up and confirmed the address.
    pub async fn signed_up(&self, email: &str) -> Person {
        let person = self.anon();
        // Emails are told apart by their time.
        self.clock.advance(Duration::from_millis(1));
        let sent = person.post("/signup", &sign_up_form(email)).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
        self.run_jobs().await;
        let token = self.token_to(email, "Confirm your address").await;
        let confirmed = person.post("/signup/confirm", &[("token", &token)]).await;
        assert_eq!(confirmed.status, StatusCode::SEE_OTHER, "{}", confirmed.text());
        self.run_jobs().await;
        person
    }

    /// Does all work that is due.
    pub async fn run_jobs(&self) -> u64 {
        jobs::run_due(&work::workers(&self.backend)).await.unwrap()
    }

    /// Enqueues the periodic work that is due and does it.
    pub async fn run_periodic_work(&self) {
        work::tick(&self.backend).await.unwrap();
        self.run_jobs().await;
    }

    /// The files of the built-in object store.
    pub fn stored_files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.backend.config.data_dir.join("objects/objects"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// Where the database is.
    pub fn database_url(&self) -> &str {
        &self.scratch.as_ref().unwrap().url
    }

    /// The database, on PostgreSQL, as a machine sees it whose own clock is `hours` behind it.
    pub async fn database_ahead_by(&self, hours: i32) -> Db {
        let scratch = self.scratch.as_ref().unwrap();
        scratch.with_clock_ahead_by(hours).await
    }

    /// Every row of every table, as JSON.
    pub async fn everything_stored(&self) -> String {
        everything_in(&self.backend.db).await
    }

    /// Whether an email to `to` holds `words`, in its subject or its text.
    pub async fn was_emailed(&self, to: &str, words: &str) -> bool {
        self.times_emailed(to, words).await > 0
    }

    /// How many emails to `to` hold `words`.
    pub async fn times_emailed(&self, to: &str, words: &str) -> usize {
        let emails = self.emails_to(to, "").await;
        emails
            .iter()
            .filter(|email| email.subject.contains(words) || email.text.contains(words))
            .count()
    }

    /// All emails to an address whose subject begins like this, the newest first.
    pub async fn emails_to(&self, email: &str, subject: &str) -> Vec<StoredEmail> {
        let mut emails = mail::newest_files(&self.backend.config, usize::MAX)
            .await
            .unwrap();
        emails.retain(|sent| sent.to == email && sent.subject.starts_with(subject));
        emails
    }

    /// The newest of them.
    pub async fn email_to(&self, email: &str, subject: &str) -> StoredEmail {
        let mut emails = self.emails_to(email, subject).await;
        assert!(!emails.is_empty(), "an email to {email}: {subject}");
        emails.remove(0)
    }

    /// The token of the link in it.
    pub async fn token_to(&self, email: &str, subject: &str) -> String {
        token_of(&self.email_to(email, subject).await.text)
    }

    /// Rows of one column of text.
    pub async fn texts(&self, select: &'static str) -> Vec<String> {
        let rows: Vec<(String,)> = self.backend.db.all(sql(select)).await.unwrap();
        rows.into_iter().map(|(text,)| text).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.listening.abort();
        let scratch = self.scratch.take();
        let left = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let counts = jobs::counts(&self.backend.db).await.unwrap_or_default();
                self.backend.db.close().await;
                if let Some(scratch) = scratch {
                    scratch.remove().await;
                }
                counts
            })
        });
        let left: Vec<_> = left
            .into_iter()
            .filter(|count| count.state != backend::jobs::JobState::Done)
            .collect();
        if !std::thread::panicking() {
            assert!(left.is_empty(), "jobs are left over: {left:?}");
        }
    }
}

/// Every row of every table, as JSON.
pub async fn everything_in(db: &Db) -> String {
    let mut text = String::new();
    for table in record::schema(db).await.unwrap().into_keys() {
        // The name comes from the schema; a statement wants a text that lives for ever.
        let select: &'static str = String::leak(format!("SELECT * FROM \"{table}\""));
        for row in db.all::<Record>(sql(select)).await.unwrap() {
            text += &format!("{table}: {}\n", serde_json::to_string(&row.0).unwrap());
        }
    }
    text
}

/// What the server needs of a built site, without building one.
pub fn built_site(folder: &Path) -> PathBuf {
    let site = folder.join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    let icon = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    std::fs::write(site.join("favicon.svg"), icon).unwrap();
    std::fs::write(site.join("preview.png"), b"\x89PNG").unwrap();
    std::fs::write(site.join("hash.txt"), "js: 1\nwasm: 2\ncss: 3\n").unwrap();
    site
}

/// The token of the first link in the text of an email.
pub fn token_of(email: &str) -> String {
    let (_, rest) = email.split_once("token=").expect("the email has a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Six seconds of something like music. Made once: it takes longer than most of what the tests do with it.
pub fn mix() -> Vec<u8> {
    static MIX: LazyLock<Vec<u8>> =
        LazyLock::new(|| testkit::wav(44_100, &testkit::music(44_100, 6.0, 1), Encoding::Int16));
    MIX.clone()
}

pub fn sign_up_form(email: &str) -> [(&'static str, &str); 5] {
    [
        ("display_name", "Ann"),
        ("email", email),
        ("password", PASSWORD),
        ("age_ok", "on"),
        ("terms_ok", "on"),
    ]
}
