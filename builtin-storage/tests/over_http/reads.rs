//! GET: exactly the bytes, and headers that keep a stranger's bytes harmless.

use backend::storage::Key;
use bytes::Bytes;

use crate::{
    signer::Signer,
    world::{QUARTER_HOUR, WAV, World, key, now},
};

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

#[tokio::test]
async fn a_range_gives_exactly_its_bytes() {
    let world = World::new().await;
    world.upload(&key(1, 1), LETTERS).await;
    for (range, body, content_range) in [
        ("bytes=0-0", "a", "bytes 0-0/26"),
        ("bytes=5-9", "fghij", "bytes 5-9/26"),
        ("bytes=23-", "xyz", "bytes 23-25/26"),
        ("bytes=-4", "wxyz", "bytes 22-25/26"),
        ("bytes=-999", "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"),
        ("bytes=25-9999999", "z", "bytes 25-25/26"),
        ("bytes=0-25", "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"),
    ] {
        let response = world
            .signed_get(&key(1, 1))
            .await
            .header("range", range)
            .get()
            .await;
        assert_eq!(
            (response.status, response.text().as_str()),
            (206, body),
            "{range}"
        );
        assert_eq!(response.header("content-range"), Some(content_range), "{range}");
        assert_eq!(
            response.header("content-length"),
            Some(body.len().to_string().as_str()),
            "{range}"
        );
        assert_eq!(response.header("accept-ranges"), Some("bytes"));
    }
    let whole = world.signed_get(&key(1, 1)).await.get().await;
    assert_eq!(
        (whole.status, whole.body.as_slice(), whole.header("content-range")),
        (200, LETTERS, None)
    );
    assert_eq!(
        whole.header("accept-ranges"),
        Some("bytes"),
        "so that players know that they can seek"
    );
}

#[tokio::test]
async fn a_range_that_cannot_be_is_refused() {
    let world = World::new().await;
    world.upload(&key(1, 1), LETTERS).await;
    world.upload(&key(1, 2), b"").await;
    let ranges = [
        "bytes=26-",
        "bytes=100-200",
        "bytes=-0",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,4-5",
        "lines=0-1",
        "bytes=",
        "bytes=0-18446744073709551616",
        "bytes=--1",
    ];
    for range in ranges {
        let response = world
            .signed_get(&key(1, 1))
            .await
            .header("range", range)
            .get()
            .await;
        assert_eq!(response.status, 416, "{range}");
        assert!(!response.text().contains("xyz"), "{range}");
    }
    let beyond = world
        .signed_get(&key(1, 1))
        .await
        .header("range", "bytes=26-")
        .get()
        .await;
    assert_eq!(beyond.header("content-range"), Some("bytes */26"));
    for range in ["bytes=0-0", "bytes=-1"] {
        let empty = world
            .signed_get(&key(1, 2))
            .await
            .header("range", range)
            .get()
            .await;
        assert_eq!(
            (empty.status, empty.header("content-range")),
            (416, Some("bytes */0")),
            "{range}"
        );
    }
    let empty = world.signed_get(&key(1, 2)).await.get().await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

#[tokio::test]
async fn conditions_are_honoured() {
    let world = World::new().await;
    world.upload(&key(1, 1), LETTERS).await;
    let tag = world
        .storage
        .head(&key(1, 1))
        .await
        .unwrap()
        .unwrap()
        .etag
        .unwrap();
    for (name, value, range, status) in [
        ("if-none-match", tag.as_str(), "", 304),
        ("if-none-match", "\"other\"", "", 200),
        ("if-match", tag.as_str(), "", 200),
        ("if-match", "\"other\"", "", 412),
        ("if-range", tag.as_str(), "bytes=0-1", 206),
        ("if-range", "\"other\"", "bytes=0-1", 200),
    ] {
        let mut request = world.signed_get(&key(1, 1)).await.header(name, value);
        if !range.is_empty() {
            request = request.header("range", range);
        }
        assert_eq!(request.get().await.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_strangers_bytes_are_harmless_in_any_browser() {
    let world = World::new().await;
    world.upload(&key(1, 1), b"<script>alert(1)</script>").await;
    let plain = Signer::object("GET", &key(1, 1)).url(&world);
    let part = plain.clone().header("range", "bytes=0-3");
    let head = Signer::object("HEAD", &key(1, 1)).url(&world);
    let missing = Signer::object("GET", &key(1, 2)).url(&world);
    let unsigned = world.request("GET", "/audio/a/b");
    for (request, status) in [
        (plain, 200),
        (part, 206),
        (head, 200),
        (missing, 404),
        (unsigned, 403),
    ] {
        let response = request.get().await;
        assert_eq!(response.status, status);
        for (name, value) in [
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "private, no-store"),
            ("content-disposition", "attachment"),
        ] {
            assert_eq!(response.header(name), Some(value), "{status}");
        }
        let kind = response.header("content-type").unwrap();
        assert!(
            kind == if status < 300 { WAV } else { "application/xml" },
            "{status}: {kind}"
        );
    }
}

#[tokio::test]
async fn a_file_name_in_any_script_is_offered_exactly() {
    let world = World::new().await;
    world.upload(&key(1, 1), LETTERS).await;
    let name = "Łódź – “mix” 3\r\nX-Evil: 1.wav";
    let url = world
        .storage
        .presign_get(&key(1, 1), name, "audio/flac", QUARTER_HOUR, now())
        .await
        .unwrap();
    let response = world.request("GET", &url).get().await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("audio/flac"));
    assert_eq!(response.header("x-evil"), None);
    assert_eq!(
        response.header("content-disposition"),
        Some(
            "attachment; filename=\"__d_ _ _mix_ 3__X-Evil_ 1.wav\"; \
             filename*=UTF-8''%C5%81%C3%B3d%C5%BA%20%E2%80%93%20%E2%80%9Cmix%E2%80%9D%203__X-Evil_%201.wav"
        )
    );
}

#[tokio::test]
async fn nothing_but_audio_is_served_even_when_a_url_asks_for_it() {
    let world = World::new().await;
    world.upload(&key(1, 1), b"<script>alert(1)</script>").await;
    for (name, value) in [
        ("response-content-type", "text/html"),
        ("response-content-type", "image/svg+xml"),
        ("response-cache-control", "public"),
        ("response-content-encoding", "gzip"),
        ("response-expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
    ] {
        let response = Signer::object("GET", &key(1, 1))
            .query(name, value)
            .url(&world)
            .get()
            .await;
        assert_eq!(response.status, 403, "{name}={value}");
    }
}

#[tokio::test]
async fn p09_a_deleted_object_is_gone_and_leaves_nothing_behind() {
    let world = World::new().await;
    let empty = world.files();
    let read = world.signed_get(&key(1, 1)).await;
    world.upload(&key(1, 1), LETTERS).await;
    let long = Signer::new("PUT", format!("/audio/a/{}", "y".repeat(900))).header("content-type", WAV);
    assert_eq!(
        long.headers(&world, "UNSIGNED-PAYLOAD")
            .send(LETTERS)
            .await
            .status,
        200
    );
    assert_eq!(read.clone().get().await.status, 200);
    world.storage.delete(&key(1, 1)).await.unwrap();
    world.storage.delete(&key(1, 1)).await.unwrap();
    assert_eq!(read.get().await.status, 404);
    assert!(world.storage.head(&key(1, 1)).await.unwrap().is_none());
    let long = Signer::new("DELETE", format!("/audio/a/{}", "y".repeat(900)));
    assert_eq!(long.headers(&world, "UNSIGNED-PAYLOAD").get().await.status, 204);
    assert_eq!(
        world.files(),
        empty,
        "no byte, no name and no folder of it is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_emptying_an_account_goes_over_all_pages_and_touches_no_other() {
    use futures::StreamExt as _;
    let world = World::new().await;
    let neighbours = [key(2, 1), key(0x10, 1), key(0x1_0000, 1)];
    for neighbour in &neighbours {
        world.upload(neighbour, LETTERS).await;
    }
    let before = world.files();
    let put = |upload: u128| {
        let object = builtin_storage::NewObject {
            key: key(1, upload).to_string(),
            content_type: WAV.to_owned(),
            size: 26,
            ..Default::default()
        };
        let store = world.store.clone();
        let body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(LETTERS))]);
        async move { store.put(object, body).await.unwrap() }
    };
    futures::stream::iter(1..=1_005)
        .map(put)
        .buffer_unordered(16)
        .collect::<Vec<_>>()
        .await;
    let account = Key::account_prefix(model::AccountId(uuid::Uuid::from_u128(1)));
    assert_eq!(world.storage.delete_prefix(&account).await.unwrap(), 1_005);
    assert_eq!(world.files(), before);
    assert_eq!(world.storage.delete_prefix(&account).await.unwrap(), 0);
}

#[tokio::test]
async fn p04_only_the_holder_of_the_key_lists_page_by_page_in_order() {
    let world = World::new().await;
    for upload in [3, 1, 2] {
        world.upload(&key(1, upload), LETTERS).await;
    }
    let list = |token: Option<String>| {
        let signer = Signer::new("GET", "/audio")
            .query("list-type", "2")
            .query("max-keys", "2")
            .query("prefix", "a/");
        let signer = match token {
            Some(token) => signer.query("continuation-token", &token),
            None => signer,
        };
        signer.headers(&world, "UNSIGNED-PAYLOAD").get()
    };
    let first = list(None).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let (one, two, three) = (
        key(1, 1).to_string(),
        key(1, 2).to_string(),
        key(1, 3).to_string(),
    );
    let text = first.text();
    assert!(text.contains("<IsTruncated>true</IsTruncated>"), "{text}");
    assert!(
        text.find(&one) < text.rfind(&two) && !text.contains(&three),
        "{text}"
    );
    let second = list(Some(two)).await.text();
    assert!(
        second.contains(&three) && second.contains("<IsTruncated>false</IsTruncated>"),
        "{second}"
    );
}

#[tokio::test]
async fn several_objects_are_deleted_by_one_request_of_the_holder_of_the_key() {
    use aws_sdk_s3::types::{Delete, ObjectIdentifier};
    let world = World::new().await;
    let empty = world.files();
    let mut delete = Delete::builder();
    for upload in 1..=3 {
        world.upload(&key(1, upload), LETTERS).await;
        delete = delete.objects(
            ObjectIdentifier::builder()
                .key(key(1, upload).as_str())
                .build()
                .unwrap(),
        );
    }
    let delete = delete.objects(
        ObjectIdentifier::builder()
            .key("a/was/never/there")
            .build()
            .unwrap(),
    );
    let deleted = world
        .sdk()
        .delete_objects()
        .bucket("audio")
        .delete(delete.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.deleted().len(), 4);
    assert_eq!(world.files(), empty);
}
