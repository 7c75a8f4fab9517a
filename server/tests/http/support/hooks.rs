//! A server of somebody's that takes webhooks and keeps them; it answers as a test says.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// It listens until it is dropped.
pub struct Hooks {
    pub url: String,
    state: Arc<Mutex<Inner>>,
    listening: tokio::task::JoinHandle<()>,
}

struct Inner {
    seen: Vec<Hook>,
    reply: Reply,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Hook {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What it answers.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<&'static str>,
    pub body: &'static str,
    pub after: Duration,
}

impl Reply {
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            body: "",
            after: Duration::ZERO,
        }
    }
}

impl Hooks {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(Inner {
            seen: Vec::new(),
            reply: Reply::status(200),
        }));
        let app = Router::new().fallback(take).with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let listening = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            state,
            listening,
        }
    }

    /// Answers like this from now on.
    pub fn answer(&self, reply: Reply) {
        self.state.lock().unwrap().reply = reply;
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Hook> {
        self.state.lock().unwrap().seen.clone()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    /// The types of all events so far.
    pub fn types(&self) -> Vec<String> {
        let seen = self.seen();
        let types = seen
            .iter()
            .map(|hook| hook.event()["type"].as_str().unwrap().to_owned());
        types.collect()
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn take(State(state): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: Bytes) -> Response {
    let reply = {
        let mut state = state.lock().unwrap();
        state.seen.push(Hook {
            headers,
            body: body.to_vec(),
        });
        state.reply
    };
    tokio::time::sleep(reply.after).await;
    let status = StatusCode::from_u16(reply.status).unwrap();
    match reply.retry_after {
        Some(seconds) => (status, [(header::RETRY_AFTER, seconds)], reply.body).into_response(),
        None => (status, reply.body).into_response(),
    }
}

impl Hook {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Which of its signatures are by the key of this `whsec_…`.
    pub fn signed_by(&self, secret: &str) -> Vec<bool> {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let signatures = self.header("webhook-signature").split(' ');
        signatures.map(|signature| signature == expected).collect()
    }
}
