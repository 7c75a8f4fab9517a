//! What the product relies on of an S3, promise by promise, against the built-in store, against one of another make, and against
//! whatever the environment names (`make test-storage`). What an S3 may lack is named here, with what follows from it.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    process::{Child, Command, Stdio},
    time::Duration,
};

use backend::{
    clock::{Clock as _, SystemClock},
    entropy::{SystemEntropy, new_id},
    storage::{Error, Key, ObjectInfo, PresignedPut, Storage, StorageSettings, StoredPart, UnfinishedUpload},
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use model::{AccountId, RenderId, Timestamp, UploadId};
use reqwest::{Client, StatusCode};
use tokio::io::AsyncReadExt as _;

use crate::{programs::eventually, support::object_store::ObjectStore};

/// A part that is not the last one is at least so long (S3).
const PART: usize = 5 << 20;

/// The server and one account's place in it.
struct Bench {
    settings: StorageSettings,
    storage: Storage,
    http: Client,
    account: AccountId,
    /// The origin of our pages, where the store is to let it in.
    origin: Option<String>,
}

/// How a promise was broken.
struct Broken(String);

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(format!("{error:?}"))
    }
}

type Checked = Result<(), Broken>;

fn holds(what: &str, is_so: bool) -> Checked {
    if is_so {
        Ok(())
    } else {
        Err(Broken(what.to_owned()))
    }
}

/// What the store must not do is answered with a status of 400 to 499.
fn is_refused(what: &str, status: StatusCode) -> Checked {
    holds(
        &format!("{what} is refused, not {status}"),
        status.is_client_error(),
    )
}

fn now() -> Timestamp {
    SystemClock.now()
}

impl Bench {
    fn new(settings: StorageSettings, origin: Option<String>) -> Self {
        Self {
            storage: Storage::new(&settings),
            settings,
            http: Client::new(),
            account: AccountId(new_id(&SystemEntropy, now())),
            origin,
        }
    }

    /// A name that nothing has.
    fn key(&self) -> Key {
        Key::source(self.account, UploadId(new_id(&SystemEntropy, now())))
    }

    async fn signed_put(&self, key: &Key, length: usize) -> Result<PresignedPut, Broken> {
        let length = length as u64;
        let signed = self
            .storage
            .presign_put(key, length, "audio/wav", Duration::from_secs(60), now());
        Ok(signed.await?)
    }

    async fn put(&self, put: &PresignedPut, body: &[u8]) -> Result<StatusCode, Broken> {
        let mut request = self.http.put(&put.url).body(body.to_vec());
        for (name, value) in &put.headers {
            request = request.header(name, value);
        }
        Ok(request.send().await?.status())
    }

    /// The name of a new object.
    async fn stored(&self, body: &'static [u8]) -> Result<Key, Broken> {
        let key = self.key();
        self.storage
            .put(&key, Bytes::from_static(body), "audio/wav")
            .await?;
        Ok(key)
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo, Broken> {
        let head = self.storage.head(key).await?;
        head.ok_or_else(|| Broken("it is not there".to_owned()))
    }

    async fn has_nothing(&self, what: &str, key: &Key) -> Checked {
        holds(what, self.storage.head(key).await?.is_none())
    }

    async fn text(&self, key: &Key) -> Result<String, Broken> {
        let mut text = String::new();
        let mut reader = self.storage.get_stream(key).await?;
        reader.read_to_string(&mut text).await?;
        Ok(text)
    }

    async fn signed_part(
        &self,
        key: &Key,
        id: &str,
        number: u32,
        length: usize,
    ) -> Result<PresignedPut, Broken> {
        let length = length as u64;
        let signed = self
            .storage
            .presign_part(key, id, number, length, Duration::from_secs(60), now());
        Ok(signed.await?)
    }

    /// Begins an upload in two parts and sends both.
    async fn two_parts(&self, key: &Key) -> Result<(String, Vec<StoredPart>), Broken> {
        let id = self.storage.begin_multipart(key, "audio/wav").await?;
        for (number, part) in [(1, vec![b'a'; PART]), (2, b"end".to_vec())] {
            let put = self.signed_part(key, &id, number, part.len()).await?;
            let status = self.put(&put, &part).await?;
            holds(
                &format!("part {number} is taken, not {status}"),
                status.is_success(),
            )?;
        }
        let parts = self.storage.parts(key, &id).await?;
        Ok((id, parts))
    }

    async fn a_signed_put_stores_once(&self) -> Checked {
        let key = self.key();
        let put = self.signed_put(&key, 5).await?;
        holds("the first is taken", self.put(&put, b"first").await?.is_success())?;
        let again = self.put(&put, b"other").await?;
        holds(
            &format!("a second is refused as there already, not {again}"),
            matches!(again, StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT),
        )?;
        holds("what was stored stays", self.text(&key).await? == "first")?;
        let head = self.head(&key).await?;
        holds("its length", head.size == 5)?;
        holds(
            "its media type",
            head.content_type.as_deref() == Some("audio/wav"),
        )
    }

    async fn of_many_puts_at_once_one_wins(&self) -> Checked {
        let key = self.key();
        let put = self.signed_put(&key, 1).await?;
        let bodies = ["0", "1", "2", "3", "4", "5"];
        let answers =
            futures::future::join_all(bodies.iter().map(|body| self.put(&put, body.as_bytes()))).await;
        let won = answers
            .iter()
            .filter(|answer| matches!(answer, Ok(status) if status.is_success()))
            .count();
        holds(&format!("one of them is stored, not {won}"), won == 1)
    }

    async fn a_signed_put_is_for_one_length(&self) -> Checked {
        let key = self.key();
        let put = self.signed_put(&key, 5).await?;
        let longer = self.put(&put, b"longer").await?;
        is_refused("a longer body", longer)?;
        self.has_nothing("and nothing is stored", &key).await
    }

    async fn a_signed_put_is_for_one_media_type(&self) -> Checked {
        let key = self.key();
        let mut put = self.signed_put(&key, 5).await?;
        for (name, value) in &mut put.headers {
            if name == "content-type" {
                "text/html".clone_into(value);
            }
        }
        let status = self.put(&put, b"first").await?;
        is_refused("another media type", status)
    }

    async fn a_signed_put_is_for_one_name(&self) -> Checked {
        let (key, other) = (self.key(), self.key());
        let put = self.signed_put(&key, 5).await?;
        let put = PresignedPut {
            url: put.url.replace(key.as_str(), other.as_str()),
            ..put
        };
        let status = self.put(&put, b"first").await?;
        is_refused("another name", status)
    }

    async fn a_signed_put_ends(&self) -> Checked {
        let key = self.key();
        let then = now().minus(Duration::from_secs(7200));
        let put = self
            .storage
            .presign_put(&key, 5, "audio/wav", Duration::from_secs(60), then);
        let status = self.put(&put.await?, b"first").await?;
        is_refused("an hour late", status)
    }

    async fn a_signed_put_without_its_condition_is_refused(&self) -> Checked {
        let key = self.key();
        let mut put = self.signed_put(&key, 5).await?;
        put.headers.retain(|(name, _)| name != "if-none-match");
        let status = self.put(&put, b"first").await?;
        is_refused("it", status)
    }

    async fn nobody_reads_or_writes_without_a_signature(&self) -> Checked {
        let key = self.stored(b"secret").await?;
        let url = format!(
            "{}/{}/{}",
            self.settings.endpoint,
            self.settings.bucket,
            key.as_str()
        );
        for request in [
            self.http.get(&url),
            self.http.put(&url).body("x"),
            self.http.delete(&url),
        ] {
            let status = request.send().await?.status();
            is_refused("a stranger", status)?;
        }
        let mut wrong = self.settings.clone();
        wrong.secret_key = "a-secret-that-is-another-one-than-theirs".to_owned().into();
        let refused = Storage::new(&wrong).head(&key).await;
        holds(
            &format!("a wrong key is refused, not {refused:?}"),
            matches!(refused, Err(Error::Refused(_))),
        )
    }

    async fn a_signed_get_plays_and_offers_a_name(&self) -> Checked {
        let key = self.stored(b"0123456789").await?;
        let url = self.storage.presign_get(
            &key,
            "Nuit d’été.wav",
            "audio/mpeg",
            Duration::from_secs(60),
            now(),
        );
        let url = url.await?;
        let answer = self.http.get(&url).header("range", "bytes=2-4").send().await;
        let answer = answer?;
        holds(
            &format!("a part is 206, not {}", answer.status()),
            answer.status() == StatusCode::PARTIAL_CONTENT,
        )?;
        let header = |name: &str| {
            let value = answer.headers().get(name).map(|value| value.as_bytes().to_vec());
            String::from_utf8_lossy(&value.unwrap_or_default()).into_owned()
        };
        holds("which part", header("content-range") == "bytes 2-4/10")?;
        holds(
            "the media type that was asked for",
            header("content-type") == "audio/mpeg",
        )?;
        let offered = header("content-disposition");
        holds(
            &format!("the name, not {offered}"),
            offered.contains("%E2%80%99%C3%A9t%C3%A9.wav") || offered.contains("d%E2%80%99"),
        )?;
        let body = answer.text().await?;
        holds("the part itself", body == "234")
    }

    async fn a_signed_get_ends(&self) -> Checked {
        let key = self.stored(b"x").await?;
        let then = now().minus(Duration::from_secs(7200));
        let late = self
            .storage
            .presign_get(&key, "a.wav", "audio/wav", Duration::from_secs(60), then);
        let status = self.http.get(late.await?).send().await?.status();
        is_refused("an old link", status)
    }

    async fn a_range_is_as_long_as_there_is(&self) -> Checked {
        let key = self.stored(b"0123456789").await?;
        for (range, expected) in [(0..4, "0123"), (8..100, "89"), (10..20, ""), (50..60, "")] {
            let read = self.storage.get_range(&key, range.clone()).await?;
            holds(
                &format!("{range:?} is {expected:?}, not {read:?}"),
                read == expected,
            )?;
        }
        let none = self.storage.get_range(&self.key(), 0..4).await;
        holds(
            &format!("of nothing, not {none:?}"),
            matches!(none, Err(Error::NotFound)),
        )?;
        self.has_nothing("nothing is there", &self.key()).await
    }

    async fn what_is_written_twice_is_the_second(&self) -> Checked {
        let key = self.key();
        for body in ["first", "second"] {
            let written = self
                .storage
                .put(&key, Bytes::copy_from_slice(body.as_bytes()), "audio/wav")
                .await;
            written?;
            holds("read after write", self.text(&key).await? == body)?;
        }
        let mut file = tempfile::tempfile()?;
        std::io::Write::write_all(&mut file, &vec![b'f'; 300_000])?;
        self.storage.put_file(&key, file, "audio/wav").await?;
        holds("a file", self.text(&key).await?.len() == 300_000)
    }

    async fn what_is_deleted_is_gone_at_once_and_twice_is_no_error(&self) -> Checked {
        let key = self.stored(b"x").await?;
        for _ in 0..2 {
            self.storage.delete(&key).await?;
        }
        self.has_nothing("it is gone", &key).await
    }

    async fn a_listing_pages_and_a_prefix_is_emptied(&self) -> Checked {
        const COUNT: u32 = 1_003;
        let (upload, render) = (
            UploadId(new_id(&SystemEntropy, now())),
            RenderId(new_id(&SystemEntropy, now())),
        );
        let began = now().minus(Duration::from_secs(300));
        futures::stream::iter(0..COUNT)
            .map(|step| async move {
                let key = Key::step_null(self.account, upload, render, step);
                self.storage
                    .put(&key, Bytes::from_static(b"x"), "audio/wav")
                    .await
            })
            .buffer_unordered(16)
            .try_collect::<()>()
            .await?;
        // Names of others come before ours, whatever the bucket is used for besides.
        let (mut after, mut seen) = (Some(Key::account_prefix(self.account).as_str().to_owned()), 0);
        loop {
            let page = self.storage.list(after.as_deref()).await?;
            let ours = page.objects.iter().filter(|object| {
                object.key.as_str().contains(&render.to_string())
                    && object.modified > began
                    && object.modified < now().plus(Duration::from_secs(300))
            });
            seen += ours.count();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        holds(
            &format!("all are listed once, with their time, not {seen}"),
            seen == COUNT as usize,
        )?;
        let neighbour = self.stored(b"x").await?;
        let prefix = Key::render_prefix(self.account, upload, render);
        let deleted = self.storage.delete_prefix(&prefix).await?;
        holds(
            &format!("all are deleted, not {deleted}"),
            deleted == COUNT as usize,
        )?;
        holds("and none besides", self.storage.head(&neighbour).await?.is_some())
    }

    async fn parts_are_joined_once_and_not_read_before(&self) -> Checked {
        let key = self.key();
        let (id, parts) = self.two_parts(&key).await?;
        let sizes: Vec<_> = parts.iter().map(|part| (part.number, part.size)).collect();
        holds(
            &format!("both have arrived: {sizes:?}"),
            sizes == [(1, PART as u64), (2, 3)],
        )?;
        self.has_nothing("nothing is there before", &key).await?;
        self.storage.complete_multipart(&key, &id, &parts).await?;
        let head = self.head(&key).await?;
        holds("as long as both", head.size == PART as u64 + 3)?;
        holds(
            "its media type",
            head.content_type.as_deref() == Some("audio/wav"),
        )?;
        let seam = self
            .storage
            .get_range(&key, PART as u64 - 2..PART as u64 + 3)
            .await?;
        holds(&format!("in their order, not {seam:?}"), seam == "aaend")?;
        let again = self.storage.complete_multipart(&key, &id, &parts).await;
        holds(
            &format!("a second time there is none, or it is there: not {again:?}"),
            matches!(again, Err(Error::NotFound | Error::Conflict)),
        )
    }

    async fn parts_do_not_replace_an_object(&self) -> Checked {
        let key = self.key();
        let (id, parts) = self.two_parts(&key).await?;
        self.storage
            .put(&key, Bytes::from_static(b"first"), "audio/wav")
            .await?;
        let completed = self.storage.complete_multipart(&key, &id, &parts).await;
        holds(
            &format!("there is one: not {completed:?}"),
            matches!(completed, Err(Error::Conflict)),
        )?;
        holds("which stays", self.text(&key).await? == "first")
    }

    async fn a_part_is_for_one_length_and_sent_again_replaces_itself(&self) -> Checked {
        let key = self.key();
        let id = self.storage.begin_multipart(&key, "audio/wav").await?;
        let put = self.signed_part(&key, &id, 1, 5).await?;
        let longer = self.put(&put, b"longer").await?;
        is_refused("a longer part", longer)?;
        for body in [b"first", b"again"] {
            let status = self.put(&put, body).await?;
            holds(&format!("it is taken, not {status}"), status.is_success())?;
        }
        let parts = self.storage.parts(&key, &id).await?;
        holds(&format!("one part, not {parts:?}"), parts.len() == 1)?;
        self.storage.complete_multipart(&key, &id, &parts).await?;
        holds("the second", self.text(&key).await? == "again")
    }

    async fn an_unfinished_upload_is_listed_and_given_up(&self) -> Checked {
        let key = self.key();
        let (id, _) = self.two_parts(&key).await?;
        let unfinished = self.storage.unfinished_uploads().await?;
        let ours: Vec<&UnfinishedUpload> = unfinished.iter().filter(|upload| upload.key == key).collect();
        holds(
            &format!("it is listed, not {}", ours.len()),
            ours.len() == 1 && ours[0].multipart == id,
        )?;
        for _ in 0..2 {
            self.storage
                .abort_multipart(&ours[0].key, &ours[0].multipart)
                .await?;
        }
        let parts = self.storage.parts(&key, &id).await;
        holds(
            &format!("it is gone, not {parts:?}"),
            matches!(parts, Err(Error::NotFound)),
        )?;
        let (_, _) = self.two_parts(&key).await?;
        self.storage
            .delete_prefix(&Key::account_prefix(self.account))
            .await?;
        let left = self.storage.unfinished_uploads().await?;
        holds(
            "and with its account",
            left.iter().all(|upload| upload.key != key),
        )
    }

    async fn our_pages_may_send_and_play_and_others_may_not(&self) -> Checked {
        let Some(origin) = &self.origin else { return Ok(()) };
        let key = self.key();
        let put = self.signed_put(&key, 5).await?;
        for (from, is_let_in) in [(origin.as_str(), true), ("https://elsewhere.example", false)] {
            for method in ["PUT", "GET"] {
                let asked = self
                    .http
                    .request(reqwest::Method::OPTIONS, &put.url)
                    .header("origin", from)
                    .header("access-control-request-method", method)
                    .header("access-control-request-headers", "content-type,if-none-match")
                    .send()
                    .await?;
                let allowed = asked.headers().get("access-control-allow-origin");
                let allowed =
                    allowed.is_some_and(|allowed| allowed.as_bytes() == from.as_bytes() || allowed == "*");
                holds(
                    &format!("{method} from {from}: {}", asked.status()),
                    allowed == is_let_in,
                )?;
            }
        }
        Ok(())
    }
}

type Check<'a> = Pin<Box<dyn Future<Output = Checked> + 'a>>;

/// Looks at every promise; the names of those that are broken, each told on standard error.
async fn broken(bench: &Bench) -> Vec<&'static str> {
    macro_rules! promises {
        ($($name:ident),+ $(,)?) => {
            [$((stringify!($name), Box::pin(bench.$name()) as Check<'_>)),+]
        };
    }
    let promises = promises![
        a_signed_put_stores_once,
        of_many_puts_at_once_one_wins,
        a_signed_put_is_for_one_length,
        a_signed_put_is_for_one_media_type,
        a_signed_put_is_for_one_name,
        a_signed_put_ends,
        a_signed_put_without_its_condition_is_refused,
        nobody_reads_or_writes_without_a_signature,
        a_signed_get_plays_and_offers_a_name,
        a_signed_get_ends,
        a_range_is_as_long_as_there_is,
        what_is_written_twice_is_the_second,
        what_is_deleted_is_gone_at_once_and_twice_is_no_error,
        a_listing_pages_and_a_prefix_is_emptied,
        parts_are_joined_once_and_not_read_before,
        parts_do_not_replace_an_object,
        a_part_is_for_one_length_and_sent_again_replaces_itself,
        an_unfinished_upload_is_listed_and_given_up,
        our_pages_may_send_and_play_and_others_may_not,
    ];
    let mut broken = Vec::new();
    for (name, check) in promises {
        match check.await {
            Ok(()) => tell(&format!("kept    {name}")),
            Err(Broken(how)) => {
                tell(&format!("BROKEN  {name}: {how}"));
                broken.push(name);
            }
        }
    }
    // Nothing of it stays in somebody's bucket.
    let emptied = bench
        .storage
        .delete_prefix(&Key::account_prefix(bench.account))
        .await;
    if let Err(error) = emptied {
        tell(&format!("what was stored is left behind: {error:?}"));
    }
    broken
}

#[expect(
    clippy::print_stderr,
    reason = "whoever tries a store reads which promise it breaks"
)]
fn tell(line: &str) {
    eprintln!("{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_store_keeps_every_promise() {
    let store = ObjectStore::start().await;
    let bench = Bench::new(store.client_settings(), None);
    assert_eq!(broken(&bench).await, [""; 0]);
    assert_eq!(store.objects(), 0);
}

/// An S3 that others wrote, in Python; it ends with the test.
struct Foreign {
    process: Child,
    settings: StorageSettings,
    _folder: tempfile::TempDir,
}

const SECRET: &str = "a-secret-of-at-least-thirty-two-characters";

impl Foreign {
    /// `name` is its folder, which `scripts/setup test` has filled, and its module. It listens on `{port}` and may write into `{data}`,
    /// where the bucket is a folder already.
    async fn start(name: &str, region: &str, arguments: &[&str]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("mixlens")).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let place = |target: PathBuf| target.join(format!("python-{name}"));
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
        let arguments = arguments.iter().map(|argument| {
            let data = folder.path().display().to_string();
            argument
                .replace("{port}", &port.to_string())
                .replace("{data}", &data)
        });
        let process = Command::new("python3")
            .arg("-m")
            .args(arguments)
            .env("PYTHONPATH", place(target))
            .env("NANIO_ACCESS_KEY", "mixlenstest")
            .env("NANIO_SECRET_KEY", SECRET)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let store = Self {
            process,
            settings: StorageSettings {
                endpoint: endpoint.clone(),
                public_endpoint: endpoint,
                bucket: "mixlens".into(),
                access_key: "mixlenstest".into(),
                secret_key: SECRET.to_owned().into(),
                region: region.into(),
            },
            _folder: folder,
        };
        eventually(
            &format!("{name} answers, which scripts/setup test brings"),
            async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok(),
        )
        .await;
        store
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// It looks at no signature, and names the list of parts otherwise than S3 does (5.2.5).
const MOTO_LACKS: [&str; 11] = [
    "a_signed_put_is_for_one_length",
    "a_signed_put_is_for_one_media_type",
    "a_signed_put_is_for_one_name",
    "a_signed_put_ends",
    "a_signed_put_without_its_condition_is_refused",
    "nobody_reads_or_writes_without_a_signature",
    "a_signed_get_ends",
    "parts_are_joined_once_and_not_read_before",
    PARTS_DO_NOT_REPLACE,
    "a_part_is_for_one_length_and_sent_again_replaces_itself",
    "an_unfinished_upload_is_listed_and_given_up",
];

/// It knows no conditions, no other headers of an answer, and no range that is longer than the object (0.1.7).
const NANIO_LACKS: [&str; 5] = [
    "a_signed_put_stores_once",
    "of_many_puts_at_once_one_wins",
    "a_signed_get_plays_and_offers_a_name",
    "a_range_is_as_long_as_there_is",
    PARTS_DO_NOT_REPLACE,
];

/// The one that neither keeps.
const PARTS_DO_NOT_REPLACE: &str = "parts_do_not_replace_an_object";

#[tokio::test(flavor = "multi_thread")]
async fn moto_keeps_what_needs_no_signature() {
    let store = Foreign::start(
        "moto",
        "us-east-1",
        &["moto.server", "-H", "127.0.0.1", "-p", "{port}"],
    )
    .await;
    let bench = Bench::new(store.settings.clone(), None);
    let bucket = format!("{}/mixlens", store.settings.endpoint);
    let made = bench.http.put(bucket).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    assert_eq!(broken(&bench).await, MOTO_LACKS);
}

#[tokio::test(flavor = "multi_thread")]
async fn nanio_keeps_what_signatures_keep() {
    let serve = [
        "nanio",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
        "--data-dir",
        "{data}",
        "--region",
        "auto",
    ];
    let store = Foreign::start("nanio", "auto", &serve).await;
    let bench = Bench::new(store.settings.clone(), None);
    assert_eq!(broken(&bench).await, NANIO_LACKS);
}

/// Each promise but one is seen to be kept by somebody else's S3 as well: what one of them lacks, the other has.
#[test]
fn what_one_store_lacks_the_other_has() {
    let both: Vec<_> = MOTO_LACKS
        .into_iter()
        .filter(|name| NANIO_LACKS.contains(name))
        .collect();
    assert_eq!(both, [PARTS_DO_NOT_REPLACE]);
}

/// The one that `make test-storage` names.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a store: make test-storage ENDPOINT=…"]
async fn the_store_of_the_environment_keeps_every_promise() {
    let given = |name: &str| {
        let value = std::env::var_os(format!("MIXLENS_TEST_S3_{name}"))?;
        value.into_string().ok().filter(|value| !value.is_empty())
    };
    let needed = |name: &str| given(name).expect("ENDPOINT, BUCKET, KEY and SECRET are set");
    let settings = StorageSettings {
        endpoint: needed("ENDPOINT"),
        public_endpoint: needed("ENDPOINT"),
        bucket: needed("BUCKET"),
        access_key: needed("KEY"),
        secret_key: needed("SECRET").into(),
        region: given("REGION").unwrap_or_else(|| "auto".to_owned()),
    };
    let bench = Bench::new(settings, given("ORIGIN"));
    bench
        .storage
        .ready()
        .await
        .expect("the bucket is there and lets us in");
    assert_eq!(broken(&bench).await, [""; 0]);
}
