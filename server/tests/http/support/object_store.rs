//! An S3 of the test's own, which can fail at the worst moment.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use backend::storage::{Key, Storage, StorageSettings};
use builtin_storage::{Credentials, DiskStore};

use crate::programs::eventually;

/// What the store does with a request of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Does not do it and never answers.
    Before,
    /// Does it and never answers.
    After,
    /// Does not do it and says so.
    Refuses(StatusCode),
    /// Does it late.
    Slow(Duration),
}

/// The store; it ends with the test.
pub struct ObjectStore {
    pub url: String,
    folder: tempfile::TempDir,
    faults: Faults,
}

#[derive(Clone, Default)]
struct Faults {
    present: Arc<Mutex<Option<Present>>>,
    reached: Arc<Mutex<u32>>,
}

struct Present {
    /// Of this method, or of all.
    of: Option<Method>,
    fault: Fault,
    /// So many of these requests are still done.
    spared: u32,
}

const KEY: &str = "mixlenstest";
const SECRET: &str = "a-secret-of-at-least-thirty-two-characters";
const BUCKET: &str = "mixlens";

impl ObjectStore {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = builtin_storage::ServiceSettings {
            bucket: BUCKET.into(),
            region: "auto".into(),
            credentials: Credentials {
                access_key: KEY.into(),
                secret_key: SECRET.to_owned().into(),
            },
        };
        let service = builtin_storage::service(DiskStore::open(folder.path()).await.unwrap(), settings);
        let faults = Faults::default();
        let app = Router::new()
            .route_service("/mixlens", service.clone())
            .route_service("/mixlens/", service.clone())
            .route_service("/mixlens/{*key}", service)
            .layer(middleware::from_fn_with_state(faults.clone(), fail));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, folder, faults }
    }

    /// For programs that keep their objects here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("MIXLENS_STORAGE__ENDPOINT", self.url.clone()),
            ("MIXLENS_STORAGE__ACCESS_KEY", KEY.into()),
            ("MIXLENS_STORAGE__SECRET_KEY", SECRET.into()),
        ]
    }

    pub fn client_settings(&self) -> StorageSettings {
        StorageSettings {
            endpoint: self.url.clone(),
            public_endpoint: self.url.clone(),
            bucket: BUCKET.into(),
            access_key: KEY.into(),
            secret_key: SECRET.to_owned().into(),
            region: "auto".into(),
        }
    }

    pub fn client(&self) -> Storage {
        Storage::new(&self.client_settings())
    }

    /// Requests of `method` fail from now on.
    pub fn set(&self, method: Method, fault: Fault) {
        self.fail(Some(method), fault, 0);
    }

    /// The first `spared` requests of `method` are done, and all others fail.
    pub fn set_after(&self, spared: u32, method: Method, fault: Fault) {
        self.fail(Some(method), fault, spared);
    }

    /// All requests fail from now on.
    pub fn set_all(&self, fault: Fault) {
        self.fail(None, fault, 0);
    }

    fn fail(&self, method: Option<Method>, fault: Fault, spared: u32) {
        let present = Present {
            of: method,
            fault,
            spared,
        };
        *self.faults.present.lock().unwrap() = Some(present);
        *self.faults.reached.lock().unwrap() = 0;
    }

    /// Everything works again.
    pub fn heal(&self) {
        *self.faults.present.lock().unwrap() = None;
    }

    /// Waits until a request has met the fault.
    pub async fn stands_still(&self) {
        eventually("the store stands still", async || {
            (*self.faults.reached.lock().unwrap() > 0).then_some(())
        })
        .await;
    }

    /// The files of all objects but the ledger of deletions, which is nobody's audio.
    pub fn files(&self) -> Vec<PathBuf> {
        let ledger: String = Key::ledger()
            .as_str()
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let files = std::fs::read_dir(self.folder.path().join("objects")).unwrap();
        files
            .map(|file| file.unwrap().path())
            .filter(|file| !file.ends_with(format!("k-{ledger}")))
            .collect()
    }

    /// How many there are.
    pub fn objects(&self) -> usize {
        self.files().len()
    }
}

impl Faults {
    /// What becomes of a request; `None` where it is done.
    fn met_by(&self, method: &Method) -> Option<Fault> {
        let mut present = self.present.lock().unwrap();
        let present = present
            .as_mut()
            .filter(|present| present.of.as_ref().is_none_or(|of| of == method))?;
        match present.spared.checked_sub(1) {
            Some(left) => {
                present.spared = left;
                None
            }
            None => Some(present.fault),
        }
    }
}

async fn fail(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let Some(fault) = faults.met_by(request.method()) else {
        return next.run(request).await;
    };
    let reached = || *faults.reached.lock().unwrap() += 1;
    match fault {
        Fault::Before => {
            reached();
            std::future::pending().await
        }
        Fault::After => {
            next.run(request).await;
            reached();
            std::future::pending().await
        }
        Fault::Refuses(status) => {
            // Who still sends would see a broken line and not the answer.
            let _ = to_bytes(request.into_body(), usize::MAX).await;
            reached();
            status.into_response()
        }
        Fault::Slow(time) => {
            reached();
            tokio::time::sleep(time).await;
            next.run(request).await
        }
    }
}
