//! Who is let in, and to what.

use backend::storage::Key;
use model::Timestamp;

use crate::{
    signer::Signer,
    world::{BUCKET, QUARTER_HOUR, Request, WAV, World, key, now},
};

const AUDIO: &[u8] = b"RIFF----WAVE and some samples";

async fn refused(world: &World, request: Request, status: u16) {
    let before = world.files();
    let shown = format!("{} {}", request.method, request.target);
    let body: &[u8] = if request.method == "PUT" { AUDIO } else { b"" };
    let response = request.send(body).await;
    assert_eq!(response.status, status, "{shown}\n{}", response.text());
    assert!(
        !response.text().contains("samples"),
        "a refusal carries no audio: {shown}"
    );
    assert_eq!(world.files(), before, "a refusal changes nothing: {shown}");
}

async fn world_with(key: &Key) -> World {
    let world = World::new().await;
    world.upload(key, AUDIO).await;
    world
}

#[tokio::test]
async fn p04_a_signed_url_reads_its_object() {
    let world = world_with(&key(1, 1)).await;
    let response = world.signed_get(&key(1, 1)).await.get().await;
    assert_eq!((response.status, response.body.as_slice()), (200, AUDIO));
    let independent = Signer::object("GET", &key(1, 1)).url(&world).get().await;
    assert_eq!((independent.status, independent.body.as_slice()), (200, AUDIO));
    let head = Signer::object("HEAD", &key(1, 1)).url(&world).get().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("29")));
}

#[tokio::test]
async fn p04_an_unsigned_request_is_refused_whatever_it_asks() {
    let world = world_with(&key(1, 1)).await;
    let object = format!("/{BUCKET}/{}", key(1, 1));
    for method in ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS", "PATCH"] {
        refused(&world, world.request(method, &object), 403).await;
        for bucket in [
            "/audio",
            "/audio/",
            "/audio?list-type=2",
            "/audio?delete",
            "/",
            "/other",
        ] {
            refused(&world, world.request(method, bucket), 403).await;
        }
    }
    let basic = world
        .request("GET", &object)
        .header("authorization", "Basic bWl4bGVuczp4");
    refused(&world, basic, 403).await;
}

#[tokio::test]
async fn p04_a_form_post_is_refused_before_it_is_parsed() {
    let world = world_with(&key(1, 1)).await;
    let form = world
        .request("POST", "/audio")
        .header("content-type", "multipart/form-data; boundary=x");
    refused(&world, form, 403).await;
    let signed = Signer::new("POST", "/audio").query("delete", "");
    let signed = signed
        .header("content-type", "multipart/form-data; boundary=x")
        .headers(&world, "UNSIGNED-PAYLOAD");
    refused(&world, signed, 405).await;
}

#[tokio::test]
async fn p04_a_url_is_refused_when_any_parameter_is_changed_missing_doubled_or_added() {
    let world = world_with(&key(1, 1)).await;
    for request in [
        world.signed_get(&key(1, 1)).await,
        world.signed_put(&key(1, 2), AUDIO.len(), WAV).await,
    ] {
        let (path, query) = request.target.split_once('?').unwrap();
        let pairs: Vec<&str> = query.split('&').collect();
        assert!(pairs.len() >= 7, "{query}");
        for (at, pair) in pairs.iter().enumerate() {
            let with = |replacement: &[String]| {
                let mut pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
                pairs.splice(at..=at, replacement.iter().cloned());
                format!("{path}?{}", pairs.join("&"))
            };
            let (name, value) = pair.split_once('=').unwrap();
            let last = value.chars().last().unwrap();
            let other = if last == '1' { '2' } else { '1' };
            let changed = format!("{name}={}{other}", &value[..value.len() - last.len_utf8()]);
            for variant in [
                with(std::slice::from_ref(&changed)),
                with(&[format!("{name}={value}0")]),
                with(&[]),
                with(&[(*pair).to_owned(), (*pair).to_owned()]),
                with(&[(*pair).to_owned(), changed]),
                with(&[format!(
                    "{}={value}",
                    name.to_lowercase().replace("x-amz", "X-AMZ")
                )]),
            ] {
                // `x-id` is in lower case as it is.
                if variant == request.target {
                    continue;
                }
                let before = world.files();
                let response = request.clone().at(|_| variant.clone()).send(AUDIO).await;
                assert!(
                    matches!(response.status, 400 | 403),
                    "{variant}: {}",
                    response.status
                );
                assert_eq!(world.files(), before, "{variant}");
            }
        }
        for added in [
            "acl",
            "versionId=1",
            "uploads",
            "partNumber=1",
            "x=y",
            "response-cache-control=public",
        ] {
            refused(
                &world,
                request.clone().at(|target| format!("{target}&{added}")),
                403,
            )
            .await;
        }
    }
}

#[tokio::test]
async fn p04_a_url_for_reading_can_do_nothing_else() {
    let world = world_with(&key(1, 1)).await;
    world.upload(&key(2, 1), AUDIO).await;
    let read = world.signed_get(&key(1, 1)).await;
    refused(&world, read.clone().method("PUT"), 403).await;
    refused(&world, read.clone().method("HEAD"), 403).await;
    for method in ["DELETE", "POST", "OPTIONS", "PATCH"] {
        refused(&world, read.clone().method(method), 405).await;
    }
    let (own, other) = (key(1, 1).to_string(), key(2, 1).to_string());
    refused(
        &world,
        read.clone().at(|target| target.replace(&own, &other)),
        403,
    )
    .await;
    refused(&world, read.clone().at(|target| target.replace(&own, "")), 403).await;
    refused(
        &world,
        read.clone().at(|target| target.replace(&format!("/{own}"), "")),
        403,
    )
    .await;
    let around = format!("{own}/../../../{other}");
    refused(&world, read.at(|target| target.replace(&own, &around)), 403).await;
}

#[tokio::test]
async fn p04_even_a_rightly_signed_url_cannot_list_or_delete() {
    let world = world_with(&key(1, 1)).await;
    for path in ["/audio", "/audio/"] {
        for request in [
            Signer::new("GET", path),
            Signer::new("HEAD", path),
            Signer::new("GET", path).query("list-type", "2"),
            Signer::new("GET", path)
                .query("list-type", "2")
                .query("prefix", "a/"),
            Signer::new("GET", path).query("versions", ""),
        ] {
            refused(&world, request.url(&world), 403).await;
        }
    }
    refused(&world, Signer::object("DELETE", &key(1, 1)).url(&world), 405).await;
    refused(
        &world,
        Signer::new("POST", "/audio").query("delete", "").url(&world),
        405,
    )
    .await;
    refused(
        &world,
        Signer::object("GET", &key(1, 1)).query("acl", "").url(&world),
        403,
    )
    .await;
}

#[tokio::test]
async fn p04_a_url_ends_when_it_says() {
    let world = world_with(&key(1, 1)).await;
    let late = Timestamp(now().0 - 901_000);
    let url = world
        .storage
        .presign_get(&key(1, 1), "mix.wav", WAV, QUARTER_HOUR, late)
        .await
        .unwrap();
    refused(&world, world.request("GET", &url), 403).await;
    let put = world
        .storage
        .presign_put(&key(1, 2), 29, WAV, QUARTER_HOUR, late)
        .await
        .unwrap();
    let mut request = world.request("PUT", &put.url);
    request.headers.extend(put.headers);
    refused(&world, request, 403).await;
    let mut early = Signer::object("GET", &key(1, 1));
    early.at = now().plus(QUARTER_HOUR * 2);
    refused(&world, early.url(&world), 403).await;
}

#[tokio::test]
async fn p04_no_url_lives_longer_than_seven_days() {
    let world = world_with(&key(1, 1)).await;
    let mut signer = Signer::object("GET", &key(1, 1));
    for (expires, status) in [
        ("604800", 200),
        ("604801", 400),
        ("4294967295", 400),
        ("0", 400),
        ("-1", 400),
        ("+9", 400),
    ] {
        expires.clone_into(&mut signer.expires);
        if status == 200 {
            assert_eq!(signer.url(&world).get().await.status, 200);
        } else {
            refused(&world, signer.url(&world), status).await;
        }
    }
    let week = std::time::Duration::from_secs(604_801);
    assert!(
        world
            .storage
            .presign_get(&key(1, 1), "x", WAV, week, now())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn p04_a_signature_by_another_key_or_for_another_place_is_refused() {
    let world = world_with(&key(1, 1)).await;
    let signer = Signer::object("GET", &key(1, 1));
    for wrong in [
        Signer {
            secret: "another",
            ..signer.clone()
        },
        Signer {
            access: "another",
            ..signer.clone()
        },
        Signer {
            region: "us-east-1",
            ..signer.clone()
        },
        Signer {
            service: "sts",
            ..signer.clone()
        },
    ] {
        refused(&world, wrong.url(&world), 403).await;
        refused(&world, wrong.headers(&world, "UNSIGNED-PAYLOAD"), 403).await;
    }
    let elsewhere = signer.url(&world).header("host", "evil.example");
    refused(&world, elsewhere, 403).await;
    refused(
        &world,
        Signer::new("GET", format!("/other/{}", key(1, 1))).url(&world),
        404,
    )
    .await;
}

#[tokio::test]
async fn p04_signature_version_2_is_refused_though_s3s_would_accept_it() {
    let world = world_with(&key(1, 1)).await;
    for method in ["GET", "PUT", "DELETE"] {
        refused(&world, Signer::object(method, &key(1, 1)).version_2(&world), 403).await;
    }
    let header = world.request("GET", &format!("/{BUCKET}/{}", key(1, 1)));
    refused(
        &world,
        header.header("authorization", "AWS mixlenstest:c2lnbmF0dXJl"),
        403,
    )
    .await;
}

#[tokio::test]
async fn p04_a_request_is_signed_in_one_way_only() {
    let world = world_with(&key(1, 1)).await;
    let headers = Signer::object("GET", &key(1, 1)).headers(&world, "UNSIGNED-PAYLOAD");
    let both = headers
        .header("x-note", "unsigned headers of no meaning are fine")
        .at(|target| {
            format!(
                "{target}?{}",
                Signer::object("GET", &key(1, 1))
                    .url(&world)
                    .target
                    .split_once('?')
                    .unwrap()
                    .1
            )
        });
    refused(&world, both, 403).await;
}

#[tokio::test]
async fn p04_headers_that_change_a_request_must_be_signed_and_known() {
    let world = world_with(&key(1, 1)).await;
    let put = world.signed_put(&key(1, 2), AUDIO.len(), WAV).await;
    let copy = format!("/{BUCKET}/{}", key(1, 1));
    for (name, value) in [
        ("x-amz-copy-source", copy.as_str()),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-a", "b"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-website-redirect-location", "https://evil.example"),
        ("x-amz-decoded-content-length", "1"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("content-encoding", "gzip"),
    ] {
        refused(&world, put.clone().header(name, value), 501).await;
        let signed = Signer::object("PUT", &key(1, 3))
            .header("if-none-match", "*")
            .header("content-type", WAV);
        refused(
            &world,
            signed.headers(&world, "UNSIGNED-PAYLOAD").header(name, value),
            if name == "x-amz-content-sha256" { 400 } else { 501 },
        )
        .await;
    }
    refused(&world, put.header("x-amz-date", "20200101T000000Z"), 403).await;
}

#[tokio::test]
async fn p04_the_holder_of_the_key_has_no_other_operations_either() {
    let world = world_with(&key(1, 1)).await;
    for (method, path, query, status) in [
        ("GET", "/", "", 501),
        ("GET", "/audio", "", 501),
        ("GET", "/audio", "versions", 501),
        ("GET", "/audio", "policy", 501),
        ("PUT", "/audio", "", 501),
        ("PUT", "/audio", "policy", 501),
        ("DELETE", "/audio", "", 501),
        ("PATCH", "/audio", "", 501),
    ] {
        let signer = Signer::new(method, path);
        let signer = if query.is_empty() {
            signer
        } else {
            signer.query(query.to_owned().leak(), "")
        };
        refused(&world, signer.headers(&world, "UNSIGNED-PAYLOAD"), status).await;
    }
}

#[tokio::test]
async fn a_stale_header_signature_is_refused() {
    let world = world_with(&key(1, 1)).await;
    let mut signer = Signer::object("DELETE", &key(1, 1));
    signer.at = Timestamp(now().0 - 16 * 60 * 1_000);
    refused(&world, signer.headers(&world, "UNSIGNED-PAYLOAD"), 403).await;
    let unsigned_date = Signer::object("DELETE", &key(1, 1)).headers(&world, "UNSIGNED-PAYLOAD");
    refused(&world, unsigned_date.without("x-amz-date"), 403).await;
}
