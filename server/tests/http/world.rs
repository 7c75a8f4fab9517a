//! The fixture: an application, and people with a browser's cookies who use it.
//!
//! Pages and forms go to the router in this process. The object store needs a real address, because presigned URLs carry
//! one and the worker reads from it: the same router also listens on a port of its own.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use analysis::testkit::{self, Encoding};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
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
    work,
};
use http_body_util::BodyExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use model::{
    AnalysisId,
    upload::{CompletedUpload, NewUpload, PresignedUpload, UploadKind},
};
use serde::de::DeserializeOwned;
use server::{
    health::Readiness,
    router::{self, AppState},
    setup,
};
use tower::ServiceExt as _;

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
        let site = folder.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        std::fs::write(
            site.join("favicon.svg"),
            "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        )
        .unwrap();

        std::fs::write(site.join("hash.txt"), "js: 1\nwasm: 2\ncss: 3\n").unwrap();

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
        parts.backend.child.program = env!("CARGO_BIN_EXE_mixlens").into();
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

    /// A fresh browser.
    pub fn anon(&self) -> Person {
        Person {
            server: Server::Router(self.router.clone()),
            url: self.url.clone(),
            cookies: Mutex::default(),
        }
    }

    /// Somebody who has signed up and confirmed the address.
    pub async fn signed_up(&self, email: &str) -> Person {
        let person = self.anon();
        // Letters are told apart by their time.
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

    /// Every row of every table, as JSON.
    pub async fn everything_stored(&self) -> String {
        everything_in(&self.backend.db).await
    }

    /// Whether a letter to `to` holds `words`, in its subject or its text.
    pub async fn was_told(&self, to: &str, words: &str) -> bool {
        self.times_told(to, words).await > 0
    }

    /// How many letters to `to` hold `words`.
    pub async fn times_told(&self, to: &str, words: &str) -> usize {
        let emails = self.letters_to(to, "").await;
        emails
            .iter()
            .filter(|email| email.subject.contains(words) || email.text.contains(words))
            .count()
    }

    /// All letters to an address whose subject begins like this, the newest first.
    pub async fn letters_to(&self, email: &str, subject: &str) -> Vec<StoredEmail> {
        let mut emails = mail::newest_files(&self.backend.config, usize::MAX)
            .await
            .unwrap();
        emails.retain(|sent| sent.to == email && sent.subject.starts_with(subject));
        emails
    }

    /// The newest of them.
    pub async fn letter_to(&self, email: &str, subject: &str) -> StoredEmail {
        let mut emails = self.letters_to(email, subject).await;
        assert!(!emails.is_empty(), "a letter to {email}: {subject}");
        emails.remove(0)
    }

    /// The token of the link in it.
    pub async fn token_to(&self, email: &str, subject: &str) -> String {
        token_of(&self.letter_to(email, subject).await.text)
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
        let left: Vec<_> = left.into_iter().filter(|count| count.state != "done").collect();
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

/// Where a browser's requests go.
enum Server {
    /// The router of this process.
    Router(Router),
    /// A program that listens on [`Person::url`].
    Program,
}

/// A browser, with its cookies.
pub struct Person {
    server: Server,
    url: String,
    cookies: Mutex<Vec<(String, String)>>,
}

impl Person {
    /// A fresh browser that visits a program.
    pub fn visiting(url: &str) -> Self {
        Self {
            server: Server::Program,
            url: url.to_owned(),
            cookies: Mutex::default(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// Sends a form from a page of ours, with the page's CSRF token.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.csrf_token().await;
        let mut fields = fields.to_vec();
        fields.push(("csrf", &token));
        let headers = [("sec-fetch-site", "same-origin")];
        self.post_raw(path, &fields, &headers).await
    }

    /// Sends a form exactly as given.
    pub async fn post_raw(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).unwrap().into_bytes();
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.send(Method::POST, path, &headers, body).await
    }

    /// Calls a server function as an island does.
    pub async fn call(&self, path: &str, arguments: serde_json::Value) -> Answer {
        let token = self.csrf_token().await;
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
            ("x-csrf-token", token.as_str()),
        ];
        self.send(Method::POST, path, &headers, arguments.to_string().into_bytes())
            .await
    }

    /// Begins an upload, PUTs the bytes into the store and completes it: the whole way of a browser.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Uploaded {
        self.upload_as(UploadKind::Mix, name, bytes).await
    }

    /// Uploads a reference.
    pub async fn upload_reference(&self, name: &str, bytes: Vec<u8>) -> Uploaded {
        self.upload_as(UploadKind::Reference, name, bytes).await
    }

    async fn upload_as(&self, kind: UploadKind, name: &str, bytes: Vec<u8>) -> Uploaded {
        let ticket: PresignedUpload = self.try_begin(kind, name, bytes.len()).await.json();
        let put = put(&ticket, bytes).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text());
        let completed = self
            .call(
                "/fn/uploads/complete",
                serde_json::json!({ "upload": ticket.upload }),
            )
            .await;
        assert_eq!(completed.status, StatusCode::OK, "{}", completed.text());
        let CompletedUpload { analysis } = completed.json();
        Uploaded { analysis, ticket }
    }

    pub async fn begin(&self, name: &str, size: usize) -> PresignedUpload {
        let begun = self.try_begin(UploadKind::Mix, name, size).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text());
        begun.json()
    }

    pub async fn try_begin(&self, kind: UploadKind, name: &str, size: usize) -> Answer {
        let file = NewUpload {
            file_name: name.to_owned(),
            size_bytes: size as u64,
            kind,
        };
        self.call("/fn/uploads/begin", serde_json::json!({ "file": file }))
            .await
    }

    pub async fn csrf_token(&self) -> String {
        let page = self.get("/terms").await.text();
        let (_, rest) = page
            .split_once("name=\"csrf-token\" content=\"")
            .expect("a token");
        rest.split('"').next().unwrap().to_owned()
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.lock().unwrap();
        let found = cookies.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    pub fn has_cookie(&self, name: &str) -> bool {
        self.cookies
            .lock()
            .unwrap()
            .iter()
            .any(|(known, _)| known == name)
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let uri = match self.server {
            Server::Router(_) => path.to_owned(),
            Server::Program => format!("{}{path}", self.url),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, self.url.trim_start_matches("http://"));
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let form_response = match &self.server {
            Server::Router(router) => Answer::read(router.clone().oneshot(request).await.unwrap()).await,
            Server::Program => exchange(request).await,
        };
        for cookie in form_response.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        form_response
    }
}

/// What came of an upload.
pub struct Uploaded {
    pub analysis: AnalysisId,
    pub ticket: PresignedUpload,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    async fn read<B>(response: Response<B>) -> Self
    where
        B: axum::body::HttpBody,
        B::Error: std::fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// PUTs as the ticket says, over a real connection.
pub async fn put(ticket: &PresignedUpload, bytes: Vec<u8>) -> Answer {
    let headers: Vec<_> = ticket
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fetch(Method::PUT, &ticket.url, &headers, bytes).await
}

/// A request over a real connection, with no cookies.
pub async fn fetch(method: Method, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    exchange(request.body(Body::from(body)).unwrap()).await
}

async fn exchange(request: Request<Body>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let response = tokio::time::timeout(Duration::from_secs(30), client.request(request));
    Answer::read(response.await.unwrap().unwrap()).await
}

/// What the server needs of a built site, without building one.
pub fn built_site(folder: &Path) -> PathBuf {
    let site = folder.join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    let icon = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    std::fs::write(site.join("favicon.svg"), icon).unwrap();
    std::fs::write(site.join("hash.txt"), "js: 1\nwasm: 2\ncss: 3\n").unwrap();
    site
}

/// The token of the first link in the text of a letter.
pub fn token_of(email: &str) -> String {
    let (_, rest) = email.split_once("token=").expect("the letter has a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Six seconds of something like music.
pub fn mix() -> Vec<u8> {
    testkit::wav(44_100, &testkit::music(44_100, 6.0, 1), Encoding::Int16)
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

/// Everything that the programs of this test run have logged, as the product would at its most talkative.
#[derive(Clone)]
pub struct Log {
    from: usize,
}

static LOG: std::sync::OnceLock<Arc<Mutex<Vec<u8>>>> = std::sync::OnceLock::new();

/// Starts to listen, if nobody did before; the end of the log is the beginning of what is returned.
pub fn log_so_far() -> Log {
    let buffer = LOG.get_or_init(|| {
        let buffer = Arc::<Mutex<Vec<u8>>>::default();
        let lines = Lines(buffer.clone());
        tracing_subscriber::fmt()
            .with_env_filter("debug,s3s=off,sqlx=warn,hyper=warn,aws=warn,posthog_rs=warn")
            .with_writer(move || lines.clone())
            .with_ansi(false)
            .init();
        buffer
    });
    Log {
        from: buffer.lock().unwrap().len(),
    }
}

impl Log {
    /// What was logged since.
    pub fn since(&self) -> String {
        let buffer = LOG.get().unwrap().lock().unwrap();
        String::from_utf8_lossy(&buffer[self.from..]).into_owned()
    }
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
