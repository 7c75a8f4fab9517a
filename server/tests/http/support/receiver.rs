//! A stand-in for a vendor on this machine: takes every request and keeps all of it, so that a test can look at what left.

use std::{
    io::Read as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::Uri};

/// It listens until it is dropped.
pub struct Receiver {
    pub url: String,
    seen: Seen,
    listening: tokio::task::JoinHandle<()>,
}

type Seen = Arc<Mutex<Vec<String>>>;

impl Receiver {
    pub async fn start() -> Self {
        let seen = Seen::default();
        let app = Router::new().fallback(keep).with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listening = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen, listening }
    }

    /// Every request so far: address, headers and body, unpacked.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until something has come that holds `text`; all that came.
    pub async fn until(&self, text: &str) -> String {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let all = self.seen().join("\n\n");
            if all.contains(text) {
                return all;
            }
            assert!(Instant::now() < until, "{text} has not come: {all}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn keep(State(seen): State<Seen>, uri: Uri, headers: HeaderMap, body: Bytes) -> &'static str {
    let body = if headers
        .get("content-encoding")
        .is_some_and(|coding| coding == "gzip")
    {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_end(&mut plain)
            .unwrap();
        plain
    } else {
        body.to_vec()
    };
    let text = format!("{uri}\n{headers:?}\n{}", String::from_utf8_lossy(&body));
    seen.lock().unwrap().push(text);
    "{\"status\":1}"
}
