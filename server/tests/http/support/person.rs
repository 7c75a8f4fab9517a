//! A person with a browser, and what comes back to it.

use std::{sync::Mutex, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use http_body_util::BodyExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use model::{
    AnalysisId, UploadId,
    upload::{CompletedUpload, NewUpload, PresignedUpload, UploadKind},
};
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

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
    /// The token of the last page that was fetched for it, and the session that it belongs to.
    csrf: Mutex<Option<(Option<String>, String)>>,
}

impl Person {
    /// A fresh browser whose requests go to `router`, which also listens on `url`.
    pub fn in_process(router: Router, url: &str) -> Self {
        Self::of(Server::Router(router), url)
    }

    /// A fresh browser that visits a program.
    pub fn visiting(url: &str) -> Self {
        Self::of(Server::Program, url)
    }

    fn of(server: Server, url: &str) -> Self {
        Self {
            server,
            url: url.to_owned(),
            cookies: Mutex::default(),
            csrf: Mutex::default(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// Sends a form from a page of ours, with the page's CSRF token.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.csrf_token().await;
        let send = async |token: &str| {
            let mut fields = fields.to_vec();
            fields.push(("csrf", token));
            let headers = [("sec-fetch-site", "same-origin")];
            self.post_raw(path, &fields, &headers).await
        };
        let answer = send(&token).await;
        if answer.status != StatusCode::FORBIDDEN {
            return answer;
        }
        // The session has ended on the server: people reload the page.
        *self.csrf.lock().unwrap() = None;
        send(&self.csrf_token().await).await
    }

    /// Sends a form exactly as given.
    pub async fn post_raw(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).unwrap().into_bytes();
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.send(Method::POST, path, &headers, body).await
    }

    /// Calls a function as an island does.
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
        let presigned: PresignedUpload = self.try_begin(kind, name, bytes.len()).await.json();
        let put = put(&presigned, bytes).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text());
        let completed = self.complete(presigned.upload).await;
        assert_eq!(completed.status, StatusCode::OK, "{}", completed.text());
        let CompletedUpload { analysis } = completed.json();
        Uploaded { analysis, presigned }
    }

    /// Says that the bytes of an upload have arrived.
    pub async fn complete(&self, upload: UploadId) -> Answer {
        self.call("/fn/uploads/complete", serde_json::json!({ "upload": upload }))
            .await
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

    /// The CSRF token of this browser's pages: fetched once for each session.
    pub async fn csrf_token(&self) -> String {
        let session = self.cookie("__Host-session");
        let known = self.csrf.lock().unwrap().clone();
        if let Some((_, token)) = known.filter(|(of, _)| *of == session) {
            return token;
        }
        let token = self.fresh_csrf_token().await;
        *self.csrf.lock().unwrap() = Some((self.cookie("__Host-session"), token.clone()));
        token
    }

    /// The token of a page that is loaded now.
    async fn fresh_csrf_token(&self) -> String {
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

    /// All of them, as they are sent.
    pub fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        let pairs = cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn has_cookie(&self, name: &str) -> bool {
        self.cookies
            .lock()
            .unwrap()
            .iter()
            .any(|(known, _)| known == name)
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let cookies = self.cookie_header();
        let uri = match self.server {
            Server::Router(_) => path.to_owned(),
            Server::Program => format!("{}{path}", self.url),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, self.url.trim_start_matches("http://"));
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = match &self.server {
            Server::Router(router) => Answer::read(router.clone().oneshot(request).await.unwrap()).await,
            Server::Program => exchange(request).await,
        };
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }
}

/// What came of an upload.
pub struct Uploaded {
    pub analysis: AnalysisId,
    pub presigned: PresignedUpload,
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

/// PUTs as the presigned says, over a real connection.
pub async fn put(presigned: &PresignedUpload, bytes: Vec<u8>) -> Answer {
    let headers: Vec<_> = presigned
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let url = presigned.url.as_ref().expect("a file that goes as one");
    fetch(Method::PUT, url, &headers, bytes).await
}

/// PUTs as an upload of the API says.
pub async fn put_json(put: &serde_json::Value, bytes: Vec<u8>) -> Answer {
    let headers = put["headers"].as_object().unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    fetch(Method::PUT, put["url"].as_str().unwrap(), &headers, bytes).await
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
