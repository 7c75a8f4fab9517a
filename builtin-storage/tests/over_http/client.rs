//! The storage client: against the built-in service, and against servers that misbehave.

use std::time::Duration;

use backend::storage::{Error, Key, Storage, StorageSettings};
use bytes::Bytes;
use model::{AccountId, UploadId};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use uuid::Uuid;

use crate::world::{QUARTER_HOUR, WAV, World, key, now, settings};

#[tokio::test]
async fn p03_the_worker_reads_an_object_from_storage_as_a_stream() {
    let world = World::new().await;
    let audio: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    world.upload(&key(1, 1), &audio).await;
    let mut read = Vec::new();
    world
        .storage
        .get_stream(&key(1, 1))
        .await
        .unwrap()
        .read_to_end(&mut read)
        .await
        .unwrap();
    assert!(read == audio);
    assert_eq!(
        world.storage.get_range(&key(1, 1), 0..65_536).await.unwrap(),
        audio[..65_536]
    );
    assert_eq!(
        world
            .storage
            .get_range(&key(1, 1), 11_999_990..20_000_000)
            .await
            .unwrap(),
        audio[11_999_990..]
    );
    assert_eq!(
        world
            .storage
            .get_range(&key(1, 1), 12_000_000..12_000_001)
            .await
            .unwrap(),
        Bytes::new()
    );
    assert_eq!(
        world.storage.get_range(&key(1, 1), 5..5).await.unwrap(),
        Bytes::new()
    );
}

#[tokio::test]
async fn a_preview_is_put_replaced_and_goes_with_its_upload() {
    let world = World::new().await;
    let empty = world.files();
    let (account, upload) = (AccountId(Uuid::from_u128(1)), UploadId(Uuid::from_u128(2)));
    let preview = Key::preview(account, upload);
    world.upload(&Key::source(account, upload), b"source").await;
    world
        .storage
        .put(&preview, Bytes::from_static(b"first"), "audio/wav")
        .await
        .unwrap();
    world
        .storage
        .put(&preview, Bytes::from_static(b"second"), "audio/wav")
        .await
        .unwrap();
    let facts = world.storage.head(&preview).await.unwrap().unwrap();
    assert_eq!(
        (facts.size, facts.content_type.as_deref()),
        (6, Some("audio/wav"))
    );
    assert_eq!(
        world
            .storage
            .delete_prefix(&Key::upload_prefix(account, upload))
            .await
            .unwrap(),
        2
    );
    assert_eq!(world.files(), empty);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    assert!(world.storage.head(&key(1, 1)).await.unwrap().is_none());
    assert!(matches!(
        world.storage.get_range(&key(1, 1), 0..9).await,
        Err(Error::NotFound)
    ));
    assert!(matches!(
        world.storage.get_stream(&key(1, 1)).await,
        Err(Error::NotFound)
    ));
    world.storage.delete(&key(1, 1)).await.unwrap();
    world.storage.ready().await.unwrap();
    let other = Storage::new(&StorageSettings {
        bucket: "other".to_owned(),
        ..settings(world.address)
    });
    assert!(matches!(other.ready().await, Err(Error::NotFound)));
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_not_retried() {
    let world = World::new().await;
    world.upload(&key(1, 1), b"audio").await;
    let before = world.files();
    let thief = Storage::new(&StorageSettings {
        secret_key: "guessed".to_owned().into(),
        ..settings(world.address)
    });
    assert!(matches!(thief.ready().await, Err(Error::Refused(_))));
    assert!(matches!(
        thief.get_range(&key(1, 1), 0..9).await,
        Err(Error::Refused(_))
    ));
    assert!(matches!(thief.delete(&key(1, 1)).await, Err(Error::Refused(_))));
    let account = Key::account_prefix(AccountId(Uuid::from_u128(1)));
    assert!(matches!(
        thief.delete_prefix(&account).await,
        Err(Error::Refused(_))
    ));
    assert_eq!(world.files(), before);
}

#[tokio::test]
async fn signing_works_while_the_storage_is_down_and_the_rest_says_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let storage = Storage::new(&settings(listener.local_addr().unwrap()));
    drop(listener);
    assert!(
        storage
            .presign_put(&key(1, 1), 5, WAV, QUARTER_HOUR, now())
            .await
            .is_ok()
    );
    assert!(
        storage
            .presign_get(&key(1, 1), "x.wav", WAV, QUARTER_HOUR, now())
            .await
            .is_ok()
    );
    assert!(matches!(storage.ready().await, Err(Error::Unavailable(_))));
    assert!(matches!(
        storage.head(&key(1, 1)).await,
        Err(Error::Unavailable(_))
    ));
}

#[tokio::test]
async fn signed_urls_carry_the_public_endpoint_and_requests_use_the_inner_one() {
    let world = World::new().await;
    let public = "https://files.example.org".to_owned();
    let storage = Storage::new(&StorageSettings {
        public_endpoint: public,
        ..settings(world.address)
    });
    let put = storage
        .presign_put(&key(1, 1), 5, WAV, QUARTER_HOUR, now())
        .await
        .unwrap();
    assert!(
        put.url
            .starts_with(&format!("https://files.example.org/audio/{}?", key(1, 1))),
        "{}",
        put.url
    );
    storage.ready().await.unwrap();
}

/// Answers every request with these bytes and hangs up.
async fn server_that_says(answer: &'static [u8]) -> Storage {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let storage = Storage::new(&settings(listener.local_addr().unwrap()));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _request = stream.read(&mut head).await;
                let _written = stream.write_all(answer).await;
                let _closed = stream.shutdown().await;
            });
        }
    });
    storage
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_never_a_short_object() {
    let storage = server_that_says(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this").await;
    let mut reader = storage.get_stream(&key(1, 1)).await.unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).await.is_err());
    let storage = server_that_says(
        b"HTTP/1.1 206 Partial\r\ncontent-range: bytes 0-999/1000\r\ncontent-length: 1000\r\n\r\nx",
    )
    .await;
    assert!(matches!(
        storage.get_range(&key(1, 1), 0..1000).await,
        Err(Error::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_server_that_ignores_a_range_cannot_fill_our_memory_or_shift_the_bytes() {
    let storage =
        server_that_says(b"HTTP/1.1 200 OK\r\ncontent-length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz").await;
    assert_eq!(storage.get_range(&key(1, 1), 0..3).await.unwrap(), "abc");
    assert_eq!(storage.get_range(&key(1, 1), 2..5).await.unwrap(), "cde");
}

#[tokio::test]
async fn answers_become_what_the_caller_can_do_about_them() {
    for (answer, expected) in [
        (&b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n"[..], "unavailable"),
        (b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n", "unavailable"),
        (b"HTTP/1.1 429 x\r\ncontent-length: 0\r\n\r\n", "unavailable"),
        (b"HTTP/1.1 507 x\r\ncontent-length: 0\r\n\r\n", "unavailable"),
        (b"", "unavailable"),
        (b"HTTP/1.1 403 x\r\ncontent-length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.1 400 x\r\ncontent-length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.1 412 x\r\ncontent-length: 0\r\n\r\n", "conflict"),
        (b"HTTP/1.1 409 x\r\ncontent-length: 0\r\n\r\n", "conflict"),
        (b"HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", "not found"),
    ] {
        let storage = server_that_says(answer).await;
        let key = key(1, 1);
        let put = storage.put(&key, Bytes::from_static(b"x"), WAV);
        let found = match tokio::time::timeout(Duration::from_secs(60), put)
            .await
            .unwrap()
            .unwrap_err()
        {
            Error::NotFound => "not found",
            Error::Conflict => "conflict",
            Error::Refused(_) => "refused",
            Error::Unavailable(_) => "unavailable",
        };
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(answer));
    }
}

/// The bounds of axum's `Router::route_service`, with a body like its own: `Send` and not `Sync`.
#[tokio::test]
async fn the_built_in_service_can_be_mounted_in_a_router() {
    type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
    fn mountable<T, R>(_: &T)
    where
        T: tower::Service<
                http::Request<Body>,
                Response = http::Response<R>,
                Error = std::convert::Infallible,
            >,
        T: Clone + Send + Sync + 'static,
        T::Future: Send + 'static,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
    }
    mountable(&crate::world::service(World::new().await.store));
}
