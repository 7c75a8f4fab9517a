//! The main walk: upload → analysis → report → listen → rename → delete.

use std::{path::PathBuf, time::Duration};

use axum::http::{Method, StatusCode};
use model::{
    UploadId,
    analysis::AudioLink,
    upload::{PresignedPart, UploadParts},
};

use backend::sweep;

use crate::support::{Database, PASSWORD, Person, TestApp, fetch, mix, put};

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_is_uploaded_measured_heard_renamed_and_deleted() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let bytes = mix();
    let uploaded = user.upload("my mix.wav", bytes.clone()).await;
    let page = format!("/analyses/{}", uploaded.analysis);
    assert_eq!(
        user.get(&page).await.status,
        StatusCode::OK,
        "the page is there while the work waits"
    );
    app.run_jobs().await;
    let report = user.get(&page).await;
    assert_eq!(report.status, StatusCode::OK);
    assert!(report.text().contains("LUFS"));

    let listen = format!("/fn/analyses/audio?id={}", uploaded.analysis);
    let link: AudioLink = user.get(&listen).await.json();
    let part = fetch(Method::GET, &link.url, &[("range", "bytes=100-199")], Vec::new()).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body, bytes[100..200]);

    let renamed = user
        .post(&format!("{page}/rename"), &[("title", "Second try")])
        .await;
    assert_eq!(renamed.status, StatusCode::SEE_OTHER);
    assert!(user.get("/history").await.text().contains("Second try"));

    let deleted = user.post(&format!("{page}/delete"), &[]).await;
    assert_eq!(
        (deleted.status, deleted.header("location")),
        (StatusCode::SEE_OTHER, "/history?done=deleted")
    );
    assert_eq!(user.get(&page).await.status, StatusCode::NOT_FOUND);
    app.run_jobs().await;
    let gone = fetch(Method::GET, &link.url, &[], Vec::new()).await;
    assert_eq!(
        gone.status,
        StatusCode::NOT_FOUND,
        "p09: a link from before opens nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_the_audio_of_a_free_account_goes_a_day_after_its_upload_and_the_report_stays() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("kept a day.wav", mix()).await;
    app.run_jobs().await;
    let page = format!("/analyses/{}", uploaded.analysis);
    let listen = format!("/fn/analyses/audio?id={}", uploaded.analysis);

    app.clock.advance(Duration::from_secs(24 * 3600 - 60));
    app.run_periodic_work().await;
    assert_eq!(app.stored_files().len(), 1);
    assert_eq!(
        user.get(&listen).await.status,
        StatusCode::OK,
        "a minute before, it is there"
    );

    app.clock.advance(Duration::from_secs(2 * 3600));
    app.run_periodic_work().await;
    assert_eq!(
        user.get(&listen).await.status,
        StatusCode::NOT_FOUND,
        "within two hours it is gone"
    );
    assert_eq!(
        app.stored_files(),
        Vec::<PathBuf>::new(),
        "p09: and so is the object"
    );
    let report = user.get(&page).await.text();
    assert!(report.contains("LUFS"), "p10: every number stays");
    assert!(
        report.contains("The audio was removed"),
        "p10: and the page says what was removed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_crashes_its_decoder_ends_as_a_sentence_and_harms_no_other() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let bad = user.upload("bad.wav", mix()).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Abort);
    app.run_jobs().await;
    app.backend.sandbox.fault = None;
    let good = user.upload("good.wav", mix()).await;
    app.run_jobs().await;
    let failed = user.get(&format!("/analyses/{}", bad.analysis)).await;
    assert_eq!(failed.status, StatusCode::OK);
    assert!(
        failed.text().contains("The file cannot be decoded"),
        "{}",
        failed.text()
    );
    assert!(
        user.get(&format!("/analyses/{}", good.analysis))
            .await
            .text()
            .contains("LUFS")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_the_bytes_go_to_the_store_and_the_application_refuses_them() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let presigned = user.begin("a.wav", 200_000).await;
    assert!(
        presigned
            .url
            .as_ref()
            .unwrap()
            .starts_with(&format!("{}/mixlens/", app.url))
    );
    let token = user.csrf_token().await;
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("x-csrf-token", token.as_str()),
        ("content-type", "application/json"),
    ];
    for path in ["/fn/uploads/begin", "/fn/uploads/complete"] {
        let refused = user.send(Method::POST, path, &headers, vec![b' '; 200_000]).await;
        assert!(
            refused.status.is_client_error() || refused.status.is_server_error(),
            "{path}: {}",
            refused.status
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_an_object_is_read_and_written_by_a_signed_link_only_and_written_once() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let uploaded = user.upload("a.wav", mix()).await;
    let unsigned = uploaded
        .presigned
        .url
        .as_ref()
        .unwrap()
        .split('?')
        .next()
        .unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let refused = fetch(method.clone(), unsigned, &[], Vec::new()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method}");
    }
    let again = put(&uploaded.presigned, mix()).await;
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_audio_ends_as_a_sentence_on_its_page() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let bytes = b"This is a text, whatever its name says. ".repeat(100);
    let presigned = user.begin("words.wav", bytes.len()).await;
    assert_eq!(put(&presigned, bytes).await.status, StatusCode::OK);
    let completed = user
        .call(
            "/fn/uploads/complete",
            serde_json::json!({ "upload": presigned.upload }),
        )
        .await;
    assert!(!completed.status.is_server_error(), "{}", completed.text());
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_uses_up_its_processor_time_is_at_fault_at_once() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let bad = user.upload("bad.wav", mix()).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Spin);
    app.backend.sandbox.limits.cpu_s = 1;
    app.run_jobs().await;
    let failed = user.get(&format!("/analyses/{}", bad.analysis)).await.text();
    assert!(failed.contains("The file cannot be decoded"), "{failed}");
    let tried = app
        .texts("SELECT state || ' ' || attempts FROM job WHERE kind = 'analyse_upload'")
        .await;
    assert_eq!(tried, ["done 1"], "it is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoder_that_is_taken_over_reaches_no_file_no_network_and_no_program() {
    let (mut app, _anon, user) = TestApp::init().await.with_user().await;
    let bad = user.upload("bad.wav", mix()).await;
    app.backend.sandbox.fault = Some(analysis::child::Fault::Escape);
    app.run_jobs().await;
    let failed = user.get(&format!("/analyses/{}", bad.analysis)).await.text();
    let reached = app
        .texts("SELECT last_error FROM job WHERE last_error IS NOT NULL")
        .await;
    assert!(failed.contains("The file cannot be decoded"), "{reached:?}");
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn p09_what_arrives_after_its_analysis_was_deleted_is_found_without_a_row_and_removed() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let kept = user.upload("kept.wav", mix()).await;
    let presigned = user.begin("twice.wav", mix().len()).await;
    assert_eq!(put(&presigned, mix()).await.status, StatusCode::OK);
    let completed: model::upload::CompletedUpload = user.complete(presigned.upload).await.json();
    app.run_jobs().await;
    user.post(&format!("/analyses/{}/delete", completed.analysis), &[])
        .await;
    app.run_jobs().await;
    assert_eq!(app.stored_files().len(), 1);

    // The permission is still good, and its object is gone.
    assert_eq!(put(&presigned, mix()).await.status, StatusCode::OK);
    app.clock.advance(2 * HOUR);
    app.run_periodic_work().await;
    let seen = sweep::last(&app.backend.db).await.unwrap().unwrap().seen;
    assert_eq!(
        (seen.objects, seen.without_row, seen.removed),
        (2, 1, 0),
        "a day passes first"
    );
    app.clock.advance(21 * HOUR);
    app.run_periodic_work().await;
    assert_eq!(app.stored_files().len(), 2);
    assert_eq!(
        user.get(&format!("/analyses/{}", kept.analysis)).await.status,
        StatusCode::OK
    );
    app.clock.advance(2 * HOUR);
    app.run_periodic_work().await;
    // A free account's audio is due by then as well: all of it is gone.
    assert_eq!(app.stored_files(), Vec::<PathBuf>::new());
    app.run_periodic_work().await;
    app.clock.advance(HOUR);
    app.run_periodic_work().await;
    let seen = sweep::last(&app.backend.db).await.unwrap().unwrap().seen;
    assert_eq!((seen.objects, seen.without_row), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn p14_what_arrives_long_after_its_account_was_deleted_is_found_and_removed() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let presigned = user.begin("slow.wav", mix().len()).await;
    let account: model::AccountId = app
        .backend
        .db
        .scalar(backend::db::sql("SELECT id FROM account"))
        .await
        .unwrap()
        .unwrap();
    user.post(
        "/account/privacy/delete",
        &[("password", PASSWORD), ("sure", "on")],
    )
    .await;
    app.run_jobs().await;
    app.clock.advance(3 * HOUR);
    app.run_jobs().await;
    assert_eq!(
        backend::privacy::erasure::open(&app.backend.db).await.unwrap(),
        [],
        "it is finished"
    );
    // As a storage that knows no deadline writes it at the end of a body.
    let key = backend::storage::Key::source(account, presigned.upload);
    app.backend
        .storage
        .put(&key, mix().into(), "audio/wav")
        .await
        .unwrap();
    app.clock.advance(26 * HOUR);
    app.run_periodic_work().await;
    assert_eq!(app.stored_files(), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_over_the_slowest_line_is_not_given_up_before_its_end() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let size = 190_000_000;
    let slow = user.begin("slow.wav", size).await;
    let quick = user.begin("quick.wav", 1000).await;
    let pending = || app.texts("SELECT id FROM upload WHERE state = 'pending' ORDER BY id");
    app.clock.advance(90 * Duration::from_secs(60));
    app.run_periodic_work().await;
    assert_eq!(
        pending().await,
        [slow.upload.to_string()],
        "{} could not come any more",
        quick.upload
    );
    // 190 MB at 0.4 Mbit/s take 63 minutes, and that line gets an hour and a quarter more.
    app.clock.advance(2 * HOUR);
    app.run_periodic_work().await;
    assert_eq!(pending().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_begun_and_not_finished_is_bounded_by_the_plan() {
    let (app, _anon, user) = TestApp::init().await.with_user().await;
    let largest = 200_000_000;
    for n in 0..10 {
        user.begin(&format!("{n}.wav"), largest).await;
    }
    let refused = user
        .try_begin(model::upload::UploadKind::Mix, "one more.wav", largest)
        .await;
    assert_eq!(
        refused.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        refused.text()
    );
    assert!(
        refused.text().contains("Let those that run come to their end"),
        "{}",
        refused.text()
    );
    app.clock.advance(3 * HOUR);
    app.run_periodic_work().await;
    for n in 0..20 {
        user.begin(&format!("{n}.wav"), 1000).await;
    }
    let refused = user
        .try_begin(model::upload::UploadKind::Mix, "one more.wav", 1000)
        .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    app.clock.advance(HOUR);
    user.begin("one more.wav", 1000).await;
}

/// A megabyte as the settings of uploads count it.
const MEGABYTE: usize = 1_000_000;

/// Sends a part of `bytes` as a browser does; its status.
async fn put_part(part: &PresignedPart, bytes: &[u8]) -> StatusCode {
    let headers: Vec<_> = part
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let [start, length] = [part.offset, part.length].map(|number| usize::try_from(number).unwrap());
    let body = bytes[start..start + length].to_vec();
    fetch(Method::PUT, &part.url, &headers, body).await.status
}

async fn parts_of(user: &Person, upload: UploadId) -> UploadParts {
    let answer = user
        .call("/fn/uploads/parts", serde_json::json!({ "upload": upload }))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

async fn app_with_parts() -> (TestApp, Person) {
    let settings = [
        ("uploads.parts_above_megabytes", "10"),
        ("uploads.part_megabytes", "6"),
    ];
    let (app, _anon, user) = TestApp::set_up(Database::Sqlite, &settings, |_| {})
        .await
        .with_user()
        .await;
    (app, user)
}

/// Music that is 14 MB long.
pub fn long_mix() -> Vec<u8> {
    let mut bytes = mix();
    bytes.resize(14 * MEGABYTE, 0);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_a_large_file_goes_in_parts_and_goes_on_where_it_was_broken_off() {
    let (app, user) = app_with_parts().await;
    let bytes = long_mix();
    let begun = user.begin("long.wav", bytes.len()).await;
    assert_eq!(begun.url, None);

    let first = parts_of(&user, begun.upload).await;
    assert_eq!(first.arrived_bytes, 0);
    let cut: Vec<_> = first.next.iter().map(|part| (part.offset, part.length)).collect();
    let megabyte = MEGABYTE as u64;
    assert_eq!(
        cut,
        [
            (0, 6 * megabyte),
            (6 * megabyte, 6 * megabyte),
            (12 * megabyte, 2 * megabyte)
        ]
    );
    for part in [&first.next[2], &first.next[0]] {
        assert_eq!(put_part(part, &bytes).await, StatusCode::OK);
    }
    // Too early: nothing is lost by it.
    assert_eq!(user.complete(begun.upload).await.status, StatusCode::CONFLICT);

    // The line comes back: only what is missing is sent.
    app.clock.advance(Duration::from_secs(10 * 60));
    app.run_periodic_work().await;
    let rest = parts_of(&user, begun.upload).await;
    assert_eq!(rest.arrived_bytes, 8 * megabyte);
    assert_eq!(rest.next.len(), 1);
    assert_eq!(rest.next[0].offset, 6 * megabyte);
    assert_eq!(put_part(&rest.next[0], &bytes).await, StatusCode::OK);
    assert_eq!(parts_of(&user, begun.upload).await.next, []);

    let completed = user.complete(begun.upload).await;
    assert_eq!(completed.status, StatusCode::OK, "{}", completed.text());
    assert_eq!(user.complete(begun.upload).await.text(), completed.text(), "once");
    let [object] = app.stored_files().try_into().unwrap();
    assert!(std::fs::read(object).unwrap().starts_with(&bytes));
    assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap(), []);
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_an_upload_in_parts_that_nobody_completes_is_given_up_with_its_parts() {
    let (app, user) = app_with_parts().await;
    let bytes = long_mix();
    let begun = user.begin("long.wav", bytes.len()).await;
    let parts = parts_of(&user, begun.upload).await;
    assert_eq!(put_part(&parts.next[0], &bytes).await, StatusCode::OK);
    assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap().len(), 1);
    app.clock.advance(4 * HOUR);
    app.run_periodic_work().await;
    app.run_jobs().await;
    assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap(), []);
    let gone = user
        .call("/fn/uploads/parts", serde_json::json!({ "upload": begun.upload }))
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_parts_without_a_row_are_found_and_removed_after_a_day() {
    let (app, _user) = app_with_parts().await;
    let nobodys = backend::storage::Key::source(
        model::AccountId(uuid::Uuid::from_u128(7)),
        UploadId(uuid::Uuid::from_u128(8)),
    );
    app.backend
        .storage
        .begin_multipart(&nobodys, "audio/wav")
        .await
        .unwrap();
    app.clock.advance(2 * HOUR);
    let seen = sweep::run(&app.backend).await.unwrap();
    assert_eq!((seen.without_row, seen.removed), (1, 0), "a day passes first");
    app.clock.advance(23 * HOUR);
    let seen = sweep::run(&app.backend).await.unwrap();
    assert_eq!((seen.without_row, seen.removed), (1, 1));
    assert_eq!(app.backend.storage.unfinished_uploads().await.unwrap(), []);
}
