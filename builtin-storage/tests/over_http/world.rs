//! A store in a temporary folder, served on a free port, and a client that sends exactly what it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use backend::storage::{Key, Storage, StorageSettings};
use builtin_storage::{Credentials, DiskStore};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use model::{AccountId, Timestamp, UploadId};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

pub(crate) const BUCKET: &str = "audio";
pub(crate) const REGION: &str = "auto";
pub(crate) const ACCESS: &str = "mixlenstest";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
pub(crate) const WAV: &str = "audio/wav";
pub(crate) const QUARTER_HOUR: Duration = Duration::from_secs(900);

/// s3s verifies against the system's clock, so that URLs in these tests are signed by it.
#[expect(
    clippy::disallowed_methods,
    reason = "s3s verifies against the system's clock"
)]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

pub(crate) fn key(account: u128, upload: u128) -> Key {
    Key::source(
        AccountId(Uuid::from_u128(account)),
        UploadId(Uuid::from_u128(upload)),
    )
}

pub(crate) fn settings(address: SocketAddr) -> StorageSettings {
    StorageSettings {
        endpoint: format!("http://{address}"),
        public_endpoint: format!("http://{address}"),
        bucket: BUCKET.to_owned(),
        access_key: ACCESS.to_owned(),
        secret_key: SECRET.into(),
        region: REGION.to_owned(),
    }
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) store: DiskStore,
    pub(crate) storage: Storage,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, service(store.clone())));
        Self {
            address,
            store,
            storage: Storage::new(&settings(address)),
            folder,
        }
    }

    /// The bytes of every file of the store by its path: what must not change when a request is refused.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(self.folder.path())
    }

    pub(crate) async fn signed_put(&self, key: &Key, length: usize, content_type: &str) -> Request {
        let length = u64::try_from(length).unwrap();
        let put = self
            .storage
            .presign_put(key, length, content_type, QUARTER_HOUR, now())
            .await
            .unwrap();
        let mut request = self.request("PUT", &put.url);
        request.headers.extend(put.headers);
        request
    }

    pub(crate) async fn signed_get(&self, key: &Key) -> Request {
        let url = self
            .storage
            .presign_get(key, "mix.wav", WAV, QUARTER_HOUR, now())
            .await
            .unwrap();
        self.request("GET", &url)
    }

    /// Stores audio as a browser does.
    pub(crate) async fn upload(&self, key: &Key, body: &[u8]) {
        let response = self.signed_put(key, body.len(), WAV).await.send(body).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// The bare SDK with the key, for what `Storage` does not do.
    pub(crate) fn sdk(&self) -> aws_sdk_s3::Client {
        use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(format!("http://{}", self.address))
            .force_path_style(true)
            .credentials_provider(Credentials::new(ACCESS, SECRET, None, None, "test"));
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// A request to a URL of this world, or to a bare path.
    pub(crate) fn request(&self, method: &str, url: &str) -> Request {
        let origin = format!("http://{}", self.address);
        Request {
            address: self.address,
            method: method.to_owned(),
            target: url.strip_prefix(&origin).unwrap_or(url).to_owned(),
            headers: Vec::new(),
        }
    }
}

pub(crate) fn service(store: DiskStore) -> builtin_storage::Service {
    let credentials = Credentials {
        access_key: ACCESS.to_owned(),
        secret_key: SECRET.into(),
    };
    let settings = builtin_storage::ServiceSettings {
        bucket: BUCKET.to_owned(),
        region: REGION.to_owned(),
        credentials,
    };
    builtin_storage::service(store, settings)
}

pub(crate) async fn serve(listener: TcpListener, service: builtin_storage::Service) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service.clone();
        let service = service_fn(move |request| tower::Service::call(&mut service.clone(), request));
        tokio::spawn(async move {
            // A client that hangs up is part of these tests.
            let _hung_up = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Waits for the thing itself, not for a time.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) address: SocketAddr,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn at(mut self, replace: impl FnOnce(&str) -> String) -> Self {
        self.target = replace(&self.target);
        self
    }

    /// Sends a body with its true length.
    pub(crate) async fn send(self, body: &[u8]) -> Response {
        let length = body.len().to_string();
        let request = if body.is_empty() && self.method != "PUT" {
            self
        } else {
            self.header("content-length", &length)
        };
        request.send_raw(body).await
    }

    pub(crate) async fn get(self) -> Response {
        self.send(b"").await
    }

    /// Sends these bytes after a head that says nothing about them unless it was told to. Status 0 is no answer.
    pub(crate) async fn send_raw(self, body: &[u8]) -> Response {
        let Ok(mut stream) = self.start().await else {
            return Response::parse(b"");
        };
        // The server may answer, and hang up, before it has read everything.
        let _refused_early = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        Response::parse(&answer)
    }

    /// Sends the head alone.
    pub(crate) async fn start(&self) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "connection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        Ok(stream)
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    fn parse(answer: &[u8]) -> Self {
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self {
                status: 0,
                headers: BTreeMap::new(),
                body: answer.to_vec(),
            };
        };
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut body = answer[end + 4..].to_vec();
        // What follows the first answer is another's.
        if let Some(length) = headers
            .get("content-length")
            .and_then(|length| length.parse().ok())
        {
            body.truncate(length);
        }
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}
