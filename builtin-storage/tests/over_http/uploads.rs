//! PUT: what is stored, what is refused, and what is left behind.

use std::{convert::Infallible, sync::Arc};

use aws_sdk_s3::primitives::ByteStream;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use model::format::AudioFormat;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use tokio::io::AsyncWriteExt as _;
use tower::ServiceExt as _;

use crate::{
    signer::Signer,
    world::{BUCKET, Request, WAV, World, key, service, until},
};

const AUDIO: &[u8] = b"RIFF----WAVE and some samples";

async fn refused(world: &World, request: Request, body: &[u8], status: u16) {
    let before = world.files();
    let shown = format!("{request:?}");
    let response = request.send(body).await;
    assert_eq!(response.status, status, "{shown}\n{}", response.text());
    assert_eq!(world.files(), before, "a refusal changes nothing: {shown}");
}

#[tokio::test]
async fn p03_a_browser_puts_audio_straight_into_storage() {
    let world = World::new().await;
    let put = world.signed_put(&key(1, 1), AUDIO.len(), WAV).await;
    let mut sent: Vec<_> = put.headers.clone();
    sent.sort();
    assert_eq!(
        sent,
        [
            ("content-type".to_owned(), WAV.to_owned()),
            ("if-none-match".to_owned(), "*".to_owned())
        ]
    );
    assert!(
        put.target
            .contains("X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match&")
    );
    assert!(
        !put.target.to_lowercase().contains("checksum"),
        "R2 refuses the SDK's checksums: {}",
        put.target
    );
    let response = put.send(AUDIO).await;
    let md5 = format!("\"{}\"", hex::encode(Md5::checksum(AUDIO)));
    assert_eq!(
        (response.status, response.header("etag")),
        (200, Some(md5.as_str()))
    );
    let facts = world.storage.head(&key(1, 1)).await.unwrap().unwrap();
    assert_eq!(
        (facts.size, facts.content_type.as_deref(), facts.etag),
        (29, Some(WAV), Some(md5))
    );
}

#[tokio::test]
async fn every_audio_format_can_be_stored_and_nothing_else() {
    let world = World::new().await;
    for (at, format) in (1..).zip(AudioFormat::ALL) {
        let put = world
            .signed_put(&key(1, at), AUDIO.len(), format.media_type())
            .await;
        assert_eq!(put.send(AUDIO).await.status, 200, "{format:?}");
    }
    for kind in [
        "text/html",
        "image/svg+xml",
        "audio/wav; charset=x",
        "AUDIO/WAV",
        "application/octet-stream",
        "",
    ] {
        refused(
            &world,
            world.signed_put(&key(2, 1), AUDIO.len(), kind).await,
            AUDIO,
            403,
        )
        .await;
        assert!(
            world
                .storage
                .put(&key(2, 1), Bytes::from_static(AUDIO), kind)
                .await
                .is_err(),
            "{kind}"
        );
    }
    let elsewhere = Signer::new("PUT", format!("/{BUCKET}/b/x")).header("content-type", WAV);
    refused(&world, elsewhere.headers(&world, "UNSIGNED-PAYLOAD"), AUDIO, 403).await;
}

#[tokio::test]
async fn p03_a_put_of_another_length_is_refused() {
    let world = World::new().await;
    let empty = world.files();
    let put = world.signed_put(&key(1, 1), AUDIO.len(), WAV).await;
    refused(&world, put.clone(), &AUDIO[1..], 403).await;
    refused(&world, put.clone(), &[AUDIO, b"!"].concat(), 403).await;
    refused(&world, put.clone(), b"", 403).await;
    let signed_length = AUDIO.len().to_string();
    let raw = |extra: &[(&str, &str)]| {
        extra
            .iter()
            .fold(put.clone(), |put, (name, value)| put.header(name, value))
    };
    for headers in [
        raw(&[]),
        raw(&[("transfer-encoding", "chunked")]),
        raw(&[
            ("transfer-encoding", "chunked"),
            ("content-length", &signed_length),
        ]),
        raw(&[("content-length", &signed_length), ("content-length", "5")]),
        raw(&[("content-length", "+29")]),
    ] {
        let response = headers
            .clone()
            .send_raw(b"1d\r\nRIFF----WAVE and some samples\r\n0\r\n\r\n")
            .await;
        assert!(
            matches!(response.status, 400 | 403 | 411),
            "{headers:?}: {}",
            response.status
        );
        assert_eq!(world.store.list("", None, 10).await.unwrap().objects, []);
    }
    until("the temporary files are gone", || world.files() == empty).await;
}

#[tokio::test]
async fn p03_a_body_that_ends_early_leaves_nothing() {
    let world = World::new().await;
    let before = world.files();
    let put = world
        .signed_put(&key(1, 1), AUDIO.len(), WAV)
        .await
        .header("content-length", "29");
    let mut stream = put.start().await.unwrap();
    stream.write_all(&AUDIO[..20]).await.unwrap();
    until("the upload has begun", || world.files() != before).await;
    stream.shutdown().await.unwrap();
    until("nothing is left", || world.files() == before).await;
}

#[tokio::test]
async fn p03_bytes_after_the_declared_end_belong_to_no_object() {
    let world = World::new().await;
    let put = world
        .signed_put(&key(1, 1), AUDIO.len(), WAV)
        .await
        .header("content-length", "29");
    let response = put.send_raw(&[AUDIO, b"and more than was signed"].concat()).await;
    assert_eq!(response.status, 200);
    assert_eq!(world.signed_get(&key(1, 1)).await.get().await.body, AUDIO);
}

/// HTTP/1 cannot carry more than it declares; other transports, and other crates' bodies, can.
#[tokio::test]
async fn p03_a_body_longer_or_shorter_than_declared_is_refused_by_the_service_itself() {
    let world = World::new().await;
    let before = world.files();
    for chunks in [
        vec![AUDIO, b"!"],
        vec![AUDIO, b"", b"!!!"],
        vec![&AUDIO[..28]],
        vec![],
    ] {
        let put = world.signed_put(&key(1, 1), AUDIO.len(), WAV).await;
        let mut request = http::Request::put(&put.target).header("host", world.address.to_string());
        for (name, value) in &put.headers {
            request = request.header(name, value);
        }
        let frames = chunks
            .into_iter()
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from_static(chunk))));
        let body = StreamBody::new(futures::stream::iter(frames.collect::<Vec<_>>()));
        let request = request.header("content-length", "29").body(body).unwrap();
        let response = service(world.store.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(world.files(), before);
    }
}

#[tokio::test]
async fn p03_a_put_of_another_type_or_to_another_key_or_without_its_condition_is_refused() {
    let world = World::new().await;
    let put = world.signed_put(&key(1, 1), AUDIO.len(), WAV).await;
    let typed = |kind: &str| put.clone().without("content-type").header("content-type", kind);
    for kind in ["audio/flac", "text/html", "audio/wavx", ""] {
        refused(&world, typed(kind), AUDIO, 403).await;
    }
    refused(&world, put.clone().without("content-type"), AUDIO, 403).await;
    refused(
        &world,
        put.clone().header("content-type", "text/html"),
        AUDIO,
        400,
    )
    .await;
    refused(&world, put.clone().without("if-none-match"), AUDIO, 403).await;
    refused(
        &world,
        put.clone()
            .without("if-none-match")
            .header("if-none-match", "\"x\""),
        AUDIO,
        403,
    )
    .await;
    refused(&world, put.clone().header("if-match", "\"x\""), AUDIO, 501).await;
    let other = put.at(|target| target.replace(&key(1, 1).to_string(), &key(2, 1).to_string()));
    refused(&world, other, AUDIO, 403).await;
}

#[tokio::test]
async fn p03_a_put_url_that_signed_too_little_is_refused_though_its_signature_is_right() {
    let world = World::new().await;
    let all = [
        ("content-length", "29"),
        ("content-type", WAV),
        ("if-none-match", "*"),
    ];
    let signed = |headers: &[(&'static str, &str)]| {
        let signer = headers
            .iter()
            .fold(Signer::object("PUT", &key(1, 1)), |signer, (name, value)| {
                signer.header(name, value)
            });
        signer.url(&world)
    };
    for missing in 0..all.len() {
        let mut signed_ones = all.to_vec();
        let (name, value) = signed_ones.remove(missing);
        let request = signed(&signed_ones).header(name, value);
        let before = world.files();
        let response = request.clone().header("content-length", "29");
        let response = if name == "content-length" {
            request
        } else {
            response.without("content-length").header("content-length", "29")
        };
        let response = response.send_raw(AUDIO).await;
        assert_eq!(response.status, 403, "without {name}: {}", response.text());
        assert_eq!(world.files(), before);
    }
    assert_eq!(
        signed(&all).send_raw(AUDIO).await.status,
        200,
        "and the same with all of them signed is accepted"
    );
}

#[tokio::test]
async fn p03_a_url_stores_once() {
    let world = World::new().await;
    let put = world.signed_put(&key(1, 1), AUDIO.len(), WAV).await;
    assert_eq!(put.clone().send(AUDIO).await.status, 200);
    refused(&world, put.clone(), AUDIO, 412).await;
    refused(&world, put, &[b'x'; 29], 412).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_of_racing_puts_exactly_one_wins() {
    let world = Arc::new(World::new().await);
    let empty = world.files().len();
    let length = 300_000;
    let put = world.signed_put(&key(1, 1), length, WAV).await;
    let racers = (0..16_u8).map(|racer| {
        let put = put.clone();
        tokio::spawn(async move { (racer, put.send(&vec![racer; length]).await.status) })
    });
    let mut winners = Vec::new();
    for (racer, status) in futures::future::join_all(racers)
        .await
        .into_iter()
        .map(Result::unwrap)
    {
        match status {
            200 => winners.push(racer),
            // The answer may be lost when the server refuses before it has read the body.
            0 | 409 | 412 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(
        world.signed_get(&key(1, 1)).await.get().await.body,
        vec![winners[0]; length]
    );
    until("only the winner's file is left", || {
        world.files().len() == empty + 1
    })
    .await;
}

#[tokio::test]
async fn right_digests_are_accepted_and_wrong_ones_never_replace_an_object() {
    let world = World::new().await;
    let base64 = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let digests = [
        (
            "content-md5",
            base64(&Md5::checksum(AUDIO)),
            base64(&Md5::checksum(b"other")),
        ),
        (
            "x-amz-checksum-crc32",
            base64(&Crc32::checksum(AUDIO)),
            base64(&Crc32::checksum(b"other")),
        ),
        (
            "x-amz-checksum-crc32c",
            base64(&Crc32c::checksum(AUDIO)),
            base64(&Crc32c::checksum(b"other")),
        ),
        (
            "x-amz-checksum-crc64nvme",
            base64(&Crc64Nvme::checksum(AUDIO)),
            base64(&Crc64Nvme::checksum(b"other")),
        ),
        (
            "x-amz-checksum-sha1",
            base64(&Sha1::checksum(AUDIO)),
            base64(&Sha1::checksum(b"other")),
        ),
        (
            "x-amz-checksum-sha256",
            base64(&Sha256::checksum(AUDIO)),
            base64(&Sha256::checksum(b"other")),
        ),
        (
            "x-amz-content-sha256",
            hex::encode(Sha256::checksum(AUDIO)),
            hex::encode(Sha256::checksum(b"other")),
        ),
    ];
    world.upload(&key(9, 9), b"the object that stays").await;
    for (at, (name, right, wrong)) in (1..).zip(&digests) {
        let put = world.signed_put(&key(1, at), AUDIO.len(), WAV).await;
        refused(&world, put.clone().header(name, wrong), AUDIO, 400).await;
        refused(
            &world,
            put.clone().header(name, "?"),
            AUDIO,
            if *name == "x-amz-content-sha256" { 403 } else { 400 },
        )
        .await;
        assert_eq!(put.header(name, right).send(AUDIO).await.status, 200, "{name}");
        // The holder of the key may replace an object, yet not by a body that is not what it says.
        let replace = Signer::object("PUT", &key(9, 9)).header("content-type", WAV);
        let replace = if *name == "x-amz-content-sha256" {
            replace.headers(&world, wrong)
        } else {
            replace.header(name, wrong).headers(&world, "UNSIGNED-PAYLOAD")
        };
        refused(&world, replace, AUDIO, 400).await;
    }
    assert_eq!(
        world.signed_get(&key(9, 9)).await.get().await.body,
        b"the object that stays"
    );
}

#[tokio::test]
async fn p03_an_upload_that_is_cut_leaves_nothing() {
    let world = World::new().await;
    let before = world.files();
    let length = 4 << 20;
    let put = world
        .signed_put(&key(1, 1), length, WAV)
        .await
        .header("content-length", &length.to_string());
    let mut stream = put.start().await.unwrap();
    stream.write_all(&vec![7; length / 2]).await.unwrap();
    let half_way = || world.files().values().any(|bytes| bytes.len() > 1 << 20);
    until("the upload is half-way on the disk", half_way).await;
    assert_eq!(
        world.store.list("", None, 10).await.unwrap().objects,
        [],
        "a half object is not there"
    );
    assert_eq!(world.signed_get(&key(1, 1)).await.get().await.status, 404);
    drop(stream);
    until("nothing is left", || world.files() == before).await;
    assert_eq!(
        world
            .signed_put(&key(1, 1), AUDIO.len(), WAV)
            .await
            .send(AUDIO)
            .await
            .status,
        200,
        "and it can be tried again"
    );
}

#[tokio::test]
async fn a_key_is_never_a_path() {
    let world = World::new().await;
    world.upload(&key(1, 1), AUDIO).await;
    let sdk = world.sdk();
    let long = format!("a/{}", "x".repeat(1_030));
    for key in [
        "../escape",
        "../../../../tmp/escape",
        "a/../../escape",
        "a/..",
        "a/./b",
        "a//b",
        "a/b/",
        "/a/b",
        "a/\0",
        "a/b\0.wav",
        "a/b\nc",
        "a/%2e%2e/b",
        "a/%2e%2e%2fb",
        "a\\..\\b",
        "a/ä",
        "a/b c",
        "a/b?c",
        "a/b#c",
        &long,
    ] {
        let before = world.files();
        let signed = sdk
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .content_type(WAV)
            .body(ByteStream::from_static(AUDIO));
        assert!(signed.send().await.is_err(), "{key:?}");
        assert_eq!(world.files(), before, "{key:?}");
    }
    for path in [
        "/audio/a/../../etc/passwd",
        "/audio/a/%2e%2e/%2e%2e/etc/passwd",
        "/audio/%2e%2e/lock",
        "/audio/a/%00",
    ] {
        let before = world.files();
        for method in ["GET", "PUT", "DELETE"] {
            let request = Signer::new(method, path)
                .header("content-type", WAV)
                .headers(&world, "UNSIGNED-PAYLOAD");
            let response = request.send(AUDIO).await;
            assert!(
                (400..500).contains(&response.status),
                "{method} {path}: {}",
                response.status
            );
        }
        assert_eq!(world.files(), before, "{path}");
    }
    let deepest = format!("/audio/a/{}", "x".repeat(1_022));
    let put = Signer::new("PUT", &deepest)
        .header("content-type", WAV)
        .headers(&world, "UNSIGNED-PAYLOAD");
    assert_eq!(put.send(AUDIO).await.status, 200, "a key of 1,024 bytes is fine");
    let get = Signer::new("GET", &deepest).url(&world).get().await;
    assert_eq!((get.status, get.body.as_slice()), (200, AUDIO));
}
