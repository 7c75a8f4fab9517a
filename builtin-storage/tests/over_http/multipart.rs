//! Objects that come in parts: each by a signed URL, joined by whoever has the key.

use backend::storage::{Error, Key, StoredPart};
use model::{AccountId, UploadId};
use uuid::Uuid;

use crate::{
    signer::Signer,
    world::{QUARTER_HOUR, Request, WAV, World, key, now},
};

async fn signed_part(world: &World, key: &Key, multipart: &str, number: u32, length: usize) -> Request {
    let length = u64::try_from(length).unwrap();
    let put = world
        .storage
        .presign_part(key, multipart, number, length, QUARTER_HOUR, now())
        .await
        .unwrap();
    let mut request = world.request("PUT", &put.url);
    request.headers.extend(put.headers);
    request
}

async fn send_part(world: &World, key: &Key, multipart: &str, number: u32, body: &[u8]) {
    let request = signed_part(world, key, multipart, number, body.len()).await;
    let response = request.send(body).await;
    assert_eq!(response.status, 200, "{}", response.text());
}

/// Sends a request that must be refused and change nothing.
async fn refused(world: &World, request: Request, body: &[u8], status: u16) {
    let before = world.files();
    let described = format!("{request:?}");
    let response = request.send(body).await;
    assert_eq!(response.status, status, "{described}: {}", response.text());
    assert!(before == world.files(), "{described} changed something");
}

#[tokio::test]
async fn p03_a_file_comes_in_parts_and_is_one_object() {
    let world = World::new().await;
    let key = key(1, 1);
    let multipart = world.storage.begin_multipart(&key, WAV).await.unwrap();
    send_part(&world, &key, &multipart, 2, b"world").await;
    send_part(&world, &key, &multipart, 1, b"hello ").await;
    assert_eq!(
        world.storage.head(&key).await.unwrap(),
        None,
        "not before it is whole"
    );
    let parts = world.storage.parts(&key, &multipart).await.unwrap();
    let sizes: Vec<_> = parts.iter().map(|part| (part.number, part.size)).collect();
    assert_eq!(sizes, [(1, 6), (2, 5)]);
    world
        .storage
        .complete_multipart(&key, &multipart, &parts)
        .await
        .unwrap();
    let stored = world.storage.head(&key).await.unwrap().unwrap();
    assert_eq!((stored.size, stored.content_type.as_deref()), (11, Some(WAV)));
    assert_eq!(
        world.storage.get_range(&key, 0..99).await.unwrap(),
        b"hello world"[..]
    );
    assert!(matches!(
        world.storage.parts(&key, &multipart).await,
        Err(Error::NotFound)
    ));
    let late = signed_part(&world, &key, &multipart, 3, 4).await;
    refused(&world, late, b"late", 404).await;
}

#[tokio::test]
async fn an_object_that_is_there_is_never_replaced_by_parts() {
    let world = World::new().await;
    let key = key(1, 1);
    let multipart = world.storage.begin_multipart(&key, WAV).await.unwrap();
    send_part(&world, &key, &multipart, 1, b"second").await;
    world.upload(&key, b"first").await;
    let parts = world.storage.parts(&key, &multipart).await.unwrap();
    let joined = world.storage.complete_multipart(&key, &multipart, &parts).await;
    assert!(matches!(joined, Err(Error::Conflict)), "{joined:?}");
    assert_eq!(world.storage.get_range(&key, 0..99).await.unwrap(), b"first"[..]);
}

#[tokio::test]
async fn parts_that_are_not_there_as_they_should_be_join_nothing() {
    let world = World::new().await;
    let key = key(1, 1);
    let multipart = world.storage.begin_multipart(&key, WAV).await.unwrap();
    send_part(&world, &key, &multipart, 1, b"one").await;
    let parts = world.storage.parts(&key, &multipart).await.unwrap();
    let other = StoredPart {
        etag: format!("\"{}\"", "0".repeat(32)),
        ..parts[0].clone()
    };
    let before = world.files();
    for wrong in [vec![], vec![other], vec![parts[0].clone(), parts[0].clone()]] {
        let joined = world.storage.complete_multipart(&key, &multipart, &wrong).await;
        assert!(matches!(joined, Err(Error::Refused(_))), "{joined:?}");
        assert!(before == world.files());
    }
}

#[tokio::test]
async fn p04_the_url_of_a_part_is_good_for_that_part_in_its_length_and_for_nothing_else() {
    let world = World::new().await;
    let key = key(1, 1);
    let multipart = world.storage.begin_multipart(&key, WAV).await.unwrap();
    let another = world.storage.begin_multipart(&key, WAV).await.unwrap();
    let part = signed_part(&world, &key, &multipart, 1, 4).await;
    for (request, status) in [
        (
            part.clone()
                .at(|target| target.replace("partNumber=1", "partNumber=2")),
            403,
        ),
        (
            part.clone().at(|target| target.replace(&multipart, &another)),
            403,
        ),
        (part.clone().at(|target| target.replace("partNumber=1&", "")), 403),
        (part.clone().at(|target| target.replace("/source", "/play")), 403),
        (part.clone().at(|target| format!("{target}&uploads=")), 403),
        (part.clone().method("GET"), 403),
        (part.clone().method("DELETE"), 405),
        (part.clone().method("POST"), 405),
    ] {
        refused(&world, request, b"body", status).await;
    }
    refused(&world, part.clone(), b"longer", 403).await;
    refused(&world, part.clone(), b"", 403).await;
    assert_eq!(part.send(b"body").await.status, 200);
}

#[tokio::test]
async fn p04_no_url_begins_lists_ends_or_gives_up_an_upload_in_parts() {
    let world = World::new().await;
    let key = key(1, 1);
    let multipart = world.storage.begin_multipart(&key, WAV).await.unwrap();
    send_part(&world, &key, &multipart, 1, b"one").await;
    let object = |method| Signer::object(method, &key);
    for (signer, status) in [
        (object("POST").query("uploads", ""), 405),
        (object("POST").query("uploadId", &multipart), 405),
        (object("DELETE").query("uploadId", &multipart), 405),
        (object("GET").query("uploadId", &multipart), 403),
        (Signer::new("GET", "/audio").query("uploads", ""), 403),
        // Neither the length nor a number is signed.
        (
            object("PUT")
                .query("partNumber", "1")
                .query("uploadId", &multipart),
            403,
        ),
        (object("PUT").query("uploadId", &multipart), 403),
    ] {
        refused(&world, signer.url(&world), b"", status).await;
    }
}

#[tokio::test]
async fn only_audio_of_an_account_begins_in_parts() {
    let world = World::new().await;
    let sdk = world.sdk();
    for (key, content_type) in [
        ("a/01/02/source", "text/html"),
        ("b/01/02/source", WAV),
        ("a/../x", WAV),
    ] {
        let begun = sdk.create_multipart_upload().bucket("audio").key(key);
        assert!(begun.content_type(content_type).send().await.is_err(), "{key}");
    }
    assert_eq!(world.storage.unfinished_uploads().await.unwrap(), []);
}

#[tokio::test]
async fn p09_with_the_objects_of_an_upload_goes_what_is_coming_in_parts() {
    let world = World::new().await;
    let empty = world.files();
    let mine = key(1, 1);
    let multipart = world.storage.begin_multipart(&mine, WAV).await.unwrap();
    send_part(&world, &mine, &multipart, 1, b"one").await;
    let others = world.storage.begin_multipart(&key(2, 1), WAV).await.unwrap();
    let listed = world.storage.unfinished_uploads().await.unwrap();
    assert_eq!(listed.len(), 2);
    let prefix = Key::upload_prefix(AccountId(Uuid::from_u128(1)), UploadId(Uuid::from_u128(1)));
    world.storage.delete_prefix(&prefix).await.unwrap();
    let listed = world.storage.unfinished_uploads().await.unwrap();
    let left: Vec<_> = listed.iter().map(|upload| upload.multipart.as_str()).collect();
    assert_eq!(left, [others.as_str()]);
    for _ in 0..2 {
        let upload = &listed[0];
        world
            .storage
            .abort_multipart(&upload.key, &upload.multipart)
            .await
            .unwrap();
    }
    assert!(world.files() == empty);
}
